"""Replies as an answer: understood, refused, or no proof of anything.

The rules are those of the project's order safety page (classifying an attempt) with the codes of
the FYERS documentation; where each comes from is in notes.md. A read that fails says why. A write
counts as taken or as refused only on the answers listed here; everything else leaves the order's
fate unknown.
"""

import re
from collections.abc import Mapping
from typing import Final, NoReturn, TypeVar

import msgspec

from brokers.errors import (
    DecodeError,
    LoginExpired,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from brokers.fyers.codec.messages import Envelope
from brokers.fyers.codec.texts import clean
from brokers.model.login import Reply
from brokers.model.order import OrderAck

PLACED: Final = "1101"
MODIFIED: Final = "1102"
CANCELLED: Final = "1103"
SENT_UNACKNOWLEDGED: Final = "201"
"""The request left FYERS and no acknowledgement came: look into the order book."""

LOGIN_CODES: Final = frozenset({"-8", "-15", "-16", "-17"})
RATE_CODES: Final = frozenset({"-429", "-353"})
REFUSAL_CODES: Final = frozenset(
    [
        # Common codes of v3: invalid parameter, order id, position id, risk, symbol, app id.
        *("-50", "-51", "-53", "-99", "-300", "-352"),
        # The published list: each names the field or the state that made the call impossible.
        *("-101", "-157", "-159", "-161", "-162", "-164", "-209", "-305", "-308", "-309", "-310"),
        *("-311", "-313", "-314", "-315", "-316", "-323", "-325", "-326", "-327", "-328", "-372"),
        *("-373", "-390", "-392", "-397", "-398", "-399"),
    ]
)
"""Proof that nothing was done. Not on it: -96, -163, -20x (lost on the way), anything unlisted."""

MAX_BODY: Final = 64 << 20
_DIGITS: Final = re.compile(r"\d{1,9}(?:\.\d{1,6})?\Z", re.ASCII)
_MISSING_KEY: Final = re.compile(r"Object missing required field `(.*)`")
_PADDED_KEY: Final = re.compile(rb'\s"\s*:')

T = TypeVar("T")
E = TypeVar("E", bound=Envelope)


def decode(body: bytes, shape: type[T], where: str) -> T:
    """Decode JSON into a typed value.

    Numbers may be written as text; keys may carry trailing blanks. No error repeats what was
    received: an answer may hold a token.
    """
    if len(body) > MAX_BODY:
        raise DecodeError(where, f"at most {MAX_BODY} bytes", len(body))
    try:
        if _PADDED_KEY.search(body):
            return msgspec.convert(_strip_keys(msgspec.json.decode(body)), shape, strict=False)
        return msgspec.json.decode(body, type=shape, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong_shape(str(error), where) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise DecodeError(where, f"JSON in {len(body)} bytes") from None


def _wrong_shape(reason: str, where: str) -> DecodeError:
    """Put msgspec's reason, which names types and never content, into our own words."""
    reason, _, path = reason.partition(" - at `$")
    place = where + path.rstrip("`")
    missing = _MISSING_KEY.match(reason)
    if missing is not None:
        return DecodeError(f"{place}.{missing[1]}", "a value")
    if reason.startswith("Expected "):
        return DecodeError(place, reason.removeprefix("Expected "))
    return DecodeError(place, f"valid content ({reason})")


def _strip_keys(value: object) -> object:
    if isinstance(value, dict):
        return {str(key).strip(): _strip_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strip_keys(item) for item in value]
    # Typed reading takes decimals from texts exactly, so a float goes through its own text.
    return repr(value) if isinstance(value, float) else value


def read_reply(
    reply: Reply,
    shape: type[E],
    where: str,
    *,
    account: str = "",
    good: tuple[str, ...] = ("ok",),
) -> E:
    """Read the answer to a question.

    Args:
        reply: as received.
        shape: the typed reply.
        where: what was asked, for error texts.
        account: the client id, taken out of the broker's words.
        good: the values of `s` that are an answer.

    Raises:
        LoginExpired: the token is dead.
        RateLimited: too many requests, with the wait if the broker named one.
        Refused: the broker said no, or the server answered with an error and no words.
        DecodeError: an answer that cannot be read.
    """
    if reply.status == 429:
        _raise_rate(reply, _envelope(reply, where), account)
    answer = _typed(reply, shape, where)
    if answer is None:
        _raise_wordless(reply, where)
    if answer.s == "error":
        raise _refusal(reply, answer, account)
    if reply.status != 200:
        _raise_wordless(reply, where)
    if answer.s not in good:
        raise DecodeError(f"{where}.s", " or ".join((*good, "error")), clean(answer.s))
    return answer


def _typed(reply: Reply, shape: type[E], where: str) -> E | None:
    """Decode the answer; None when an error status came without a readable envelope."""
    try:
        return decode(reply.body, shape, where)
    except DecodeError:
        # An error may lack what a success has, or carry it in another shape.
        envelope = _envelope(reply, where)
        if envelope is not None and envelope.s == "error":
            return shape(s=envelope.s, code=envelope.code, message=envelope.message, id=envelope.id)
        if reply.status != 200:
            return None
        raise


def _envelope(reply: Reply, where: str) -> Envelope | None:
    try:
        return decode(reply.body, Envelope, where)
    except DecodeError:
        return None


def _raise_wordless(reply: Reply, where: str) -> NoReturn:
    if reply.status == 401:
        raise LoginExpired(f"{where}: the server asks to log in again", code="401")
    if reply.status >= 400:
        raise Refused(f"{where}: the server answered {reply.status}", code=str(reply.status))
    raise DecodeError(where, "HTTP status 200", reply.status)


def read_place_reply(reply: Reply, *, account: str = "") -> OrderAck:
    """Read the answer to a new order.

    Raises:
        OrderRefused: the broker refused it; `broker_id` if it was created before that.
        LoginExpired: the token is dead, nothing was queued.
        RateLimited: refused for speed; still to be verified once by tag.
        OutcomeUnknown: anything else.
    """
    answer = _read_write(reply, "place", frozenset({PLACED}), account)
    broker_id = _id_text(answer)
    if not broker_id:
        raise OutcomeUnknown("place: accepted, but without an order id")
    return OrderAck(broker_id=broker_id, text=clean(answer.message, account))


def read_modify_reply(reply: Reply, broker_id: str = "", *, account: str = "") -> OrderAck:
    """Read the answer to a change; samples confirm it with 1102 and with 1101."""
    answer = _read_write(reply, "modify", frozenset({MODIFIED, PLACED}), account)
    return _ack_of(answer, broker_id, "modify", account)


def read_cancel_reply(reply: Reply, broker_id: str = "", *, account: str = "") -> OrderAck:
    """Read the answer to a cancellation."""
    answer = _read_write(reply, "cancel", frozenset({CANCELLED}), account)
    return _ack_of(answer, broker_id, "cancel", account)


def read_convert_reply(reply: Reply, *, account: str = "") -> str:
    """Read the answer to a conversion: the broker's words."""
    answer = _read_write(reply, "convert", frozenset({"200", PLACED}), account)
    return clean(answer.message, account)


def read_exit_reply(reply: Reply, *, account: str = "") -> str:
    """Read the answer to an exit: the broker's words.

    "Looks like you have no open positions." comes as a success with code 1101 and is a refusal.
    """
    answer = _read_write(reply, "exit", frozenset({"200", PLACED}), account)
    text = clean(answer.message, account)
    if _code_text(answer) == PLACED:
        raise OrderRefused(text, code=PLACED)
    return text


def _ack_of(answer: Envelope, asked: str, what: str, account: str) -> OrderAck:
    answered = _id_text(answer)
    if asked and answered and answered != asked:
        raise OutcomeUnknown(f"{what}: the answer is about another order")
    return OrderAck(broker_id=answered or asked, text=clean(answer.message, account))


def _read_write(reply: Reply, what: str, taken: frozenset[str], account: str) -> Envelope:
    """Tell a write's fate; only what is listed is proof."""
    if reply.status == 429:
        _raise_rate(reply, _envelope(reply, what), account)
    if reply.status != 200 and not 400 <= reply.status < 500:
        raise OutcomeUnknown(f"{what}: the server answered {reply.status}")
    try:
        answer = decode(reply.body, Envelope, what)
    except DecodeError as error:
        raise OutcomeUnknown(f"{what}: the answer cannot be read") from error
    if answer.s == "error":
        raise _write_refusal(reply, answer, what, account)
    if answer.s == "ok" and reply.status == 200 and _code_text(answer) in taken:
        return answer
    raise _unknown(reply, answer, what, account)


def _write_refusal(reply: Reply, answer: Envelope, what: str, account: str) -> Exception:
    refusal = _refusal(reply, answer, account)
    if isinstance(refusal, LoginExpired | RateLimited):
        return refusal
    # 403 is the documented status of a permission that the app lacks.
    if refusal.code in REFUSAL_CODES or reply.status == 403:
        return OrderRefused(refusal.text, code=refusal.code, broker_id=_id_text(answer))
    return _unknown(reply, answer, what, account)


def _unknown(reply: Reply, answer: Envelope, what: str, account: str) -> OutcomeUnknown:
    code = _code_text(answer)
    words = clean(answer.message, account)
    if code == SENT_UNACKNOWLEDGED:
        return OutcomeUnknown(f"{what}: sent, not acknowledged yet (201): {words}")
    return OutcomeUnknown(f"{what}: HTTP {reply.status}, code {clean(code)}: {words}")


def _refusal(reply: Reply, answer: Envelope, account: str) -> Refused:
    code = clean(_code_text(answer))
    text = clean(answer.message, account) or f"refused with code {code}"
    if code in RATE_CODES:
        return RateLimited(text, code=code, retry_after_s=retry_after_s(reply.headers))
    if code in LOGIN_CODES or reply.status == 401:
        return LoginExpired(text, code=code)
    return Refused(text, code=code)


def _raise_rate(reply: Reply, answer: Envelope | None, account: str) -> NoReturn:
    text = clean(answer.message, account) if answer is not None else ""
    code = clean(_code_text(answer)) if answer is not None else ""
    raise RateLimited(
        text or "too many requests", code=code or "429", retry_after_s=retry_after_s(reply.headers)
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Give the wait the broker asks for, the milliseconds header before the seconds one."""
    for name, unit_s in (("x-retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if _DIGITS.match(value):
            return float(value) * unit_s
    return None


def _code_text(answer: Envelope) -> str:
    """Give the code as text: it is an integer, and sometimes a text."""
    return "" if answer.code is None else str(answer.code).strip()


def _id_text(answer: Envelope) -> str:
    return "" if answer.id is None else str(answer.id).strip()
