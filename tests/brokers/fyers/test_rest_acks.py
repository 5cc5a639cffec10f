"""How the answer to an order is classified: taken, refused, or no proof of anything.

Source: the order safety page A.4; protocol notes §3.2, §3.3, §8.2, §19.
"""

from collections.abc import Callable

import msgspec
import pytest

from brokers.errors import (
    BrokerError,
    DecodeError,
    LoginExpired,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
)
from brokers.fyers.codec import rest
from brokers.model.login import Reply
from brokers.model.order import OrderAck
from tests.brokers.fyers.listing import answer, raw
from tests.rig.shared import shared

Read = Callable[[Reply], object]
PLACE = rest.read_place_reply
MODIFY = rest.read_modify_reply
CANCEL = rest.read_cancel_reply
CONVERT = rest.read_convert_reply
EXIT = rest.read_exit_reply
WRITES: list[Read] = [PLACE, MODIFY, CANCEL, CONVERT, EXIT]


@pytest.mark.parametrize(
    "text",
    [
        "Order submitted successfully. Your Order Ref. No.808058117761",
        "Successfully placed order",
        "",
        None,
    ],
)
def test_1101_with_an_id_is_taken(text: str | None) -> None:
    reply = answer({"s": "ok", "code": 1101, "message": text, "id": "808058117761"})
    assert PLACE(reply) == OrderAck(broker_id="808058117761", text=text or "")


def test_a_numeric_id_and_a_textual_code_are_taken() -> None:
    assert PLACE(answer({"s": "ok", "code": "1101", "id": 808058117761})).broker_id == (
        "808058117761"
    )


def test_an_id_is_never_read_from_the_text() -> None:
    with pytest.raises(OutcomeUnknown):
        PLACE(answer({"s": "ok", "code": 1101, "message": "Your Order Ref. No.808058117761"}))


def test_201_is_unknown_and_says_so() -> None:
    with pytest.raises(OutcomeUnknown, match="201"):
        PLACE(answer({"s": "ok", "code": 201, "message": "sent", "id": "808058117761"}))


@pytest.mark.parametrize("code", [1102, 1101])
def test_a_change_is_confirmed_by_either_code(code: int) -> None:
    reply = answer({"s": "ok", "code": code, "message": "Successfully modified order", "id": "7"})
    assert MODIFY(reply, "7") == OrderAck(broker_id="7", text="Successfully modified order")


def test_a_change_confirmed_without_an_id_is_about_the_order_asked_for() -> None:
    assert MODIFY(answer({"s": "ok", "code": 1102}), "7").broker_id == "7"


def test_a_confirmation_of_another_order_proves_nothing() -> None:
    with pytest.raises(OutcomeUnknown, match="another order"):
        CANCEL(answer({"s": "ok", "code": 1103, "id": "8"}), "7")


def test_a_cancellation_is_confirmed_by_1103_only() -> None:
    done = {"s": "ok", "code": 1103, "message": "Successfully cancelled order", "id": "7"}
    assert CANCEL(answer(done), "7").text == "Successfully cancelled order"
    with pytest.raises(OutcomeUnknown):
        CANCEL(answer({**done, "code": 1101}), "7")


def test_a_risk_rejection_keeps_the_id_and_hides_the_client() -> None:
    captures = msgspec.json.decode(shared("data/fyers/rest_captures_2024-06.json").read_bytes())
    reply = next(each["response"] for each in captures if each["api"] == "POST /orders/sync")
    with pytest.raises(OrderRefused) as refused:
        PLACE(answer(reply, 400))
    assert refused.value.broker_id == "24062600312065"
    assert refused.value.code == "-99"
    assert refused.value.text == (
        "RED:Margin Shortfall:INR 3.52 Available:INR 0.00 for C-… [FYERS_RISK_CUG]"
    )


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("code", [-99, -50, -300, -352, "-310", -392, -373, -51, "-99 "])
@pytest.mark.parametrize("read", WRITES)
def test_listed_codes_are_refusals(read: Read, code: object, status: int) -> None:
    with pytest.raises(OrderRefused, match="no such luck") as refused:
        read(answer({"s": "error", "code": code, "message": "no such luck"}, status))
    assert refused.value.code == str(code).strip()


@pytest.mark.parametrize("code", [-8, -15, -16, -17])
@pytest.mark.parametrize("read", WRITES)
def test_login_codes_ask_to_log_in_again(read: Read, code: int) -> None:
    for status in (200, 400, 401):
        with pytest.raises(LoginExpired):
            read(answer({"s": "error", "code": code, "message": "token"}, status))


@pytest.mark.parametrize("read", WRITES)
def test_401_with_an_envelope_asks_to_log_in_again(read: Read) -> None:
    with pytest.raises(LoginExpired):
        read(answer({"s": "error", "code": -1234, "message": "?"}, 401))


@pytest.mark.parametrize("read", WRITES)
def test_403_with_an_envelope_is_a_missing_permission(read: Read) -> None:
    with pytest.raises(OrderRefused, match="not allowed"):
        read(answer({"s": "error", "code": -1234, "message": "not allowed"}, 403))


@pytest.mark.parametrize("read", WRITES)
@pytest.mark.parametrize("code", [-429, -353])
def test_rate_codes_are_rate_limits_whatever_the_status(read: Read, code: int) -> None:
    for status in (200, 400, 429):
        with pytest.raises(RateLimited):
            read(answer({"s": "error", "code": code, "message": "request limit reached"}, status))


@pytest.mark.parametrize("read", WRITES)
def test_429_is_a_rate_limit_even_without_a_body(read: Read) -> None:
    for body in ("", "<html>", "[]"):
        with pytest.raises(RateLimited) as limited:
            read(raw(body, 429))
        assert limited.value.retry_after_s is None
        assert limited.value.text == "too many requests"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry_after": "2"}, 2.0),
        ({"retry_after": "2", "x_retry_after_ms": "1250"}, 1.25),
        ({"x_retry_after_ms": "nan", "retry_after": "3"}, 3.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "9" * 400}, None),
    ],
)
def test_the_wait_is_read_from_the_headers(headers: dict[str, str], wait_s: float | None) -> None:
    with pytest.raises(RateLimited) as limited:
        PLACE(answer({"s": "error", "code": -429, "message": "slow"}, 429, **headers))
    assert limited.value.retry_after_s == wait_s


UNPROVEN: list[Reply] = [
    raw(""),
    raw("", 204),
    raw("<html>maintenance</html>"),
    raw("<html>", 403),
    raw("<html>", 401),
    raw('{"s":"ok","code":1101,"id":"80805811'),
    raw("null"),
    raw("[]"),
    raw('"ok"'),
    raw(b"\xff\xfe\x00"),
    raw('{"s":"ok","code":NaN,"id":"1"}'),
    raw("[" * 100_000),
    answer({}),
    answer({"s": "ok"}),
    answer({"s": "ok", "code": 200, "id": "1"}),
    answer({"s": "OK", "code": 1101, "id": "1"}),
    answer({"s": None, "code": 1101, "id": "1"}),
    answer({"s": "ok", "code": True, "id": "1"}),
    answer({"s": "ok", "code": 1101, "id": ["1"]}),
    answer({"code": 1101, "message": "Order Slice placed successfully", "data": []}),
    answer({"s": "ok", "code": 1101, "message": "Order queued successfully.", "id_fyers": "c6"}),
    answer({"s": "ok", "code": 1101, "id": "1"}, 400),
    answer({"s": "ok", "code": 1101, "id": "1"}, 202),
    answer({"s": "ok", "code": 1101, "id": "1"}, 302),
    answer({"s": "ok", "code": 1101, "id": "1"}, 500),
    answer({"s": "error", "code": -99, "message": "RED:"}, 500),
    answer({"s": "error", "code": -99, "message": "RED:"}, 502),
    answer({"s": "error", "code": -96, "message": "Unexpected error"}),
    answer({"s": "error", "code": -205, "message": "not accepted by the market"}),
    answer({"s": "error", "code": -202, "message": "timeout"}),
    answer({"s": "error", "code": -9999, "message": "new"}),
    answer({"s": "error", "code": 400, "message": ""}, 400),
    answer({"s": "error"}),
    answer({"s": "error", "code": None, "message": None}, 400),
]


@pytest.mark.parametrize("reply", UNPROVEN, ids=[str(n) for n in range(len(UNPROVEN))])
def test_anything_else_leaves_the_order_unknown(reply: Reply) -> None:
    with pytest.raises(OutcomeUnknown):
        PLACE(reply)


def test_an_unreadable_answer_is_unknown_because_of_the_decode_error() -> None:
    with pytest.raises(OutcomeUnknown) as unknown:
        PLACE(raw("<html>"))
    assert isinstance(unknown.value.__cause__, DecodeError)


def test_an_unlisted_refusal_shows_the_brokers_words() -> None:
    """The answer to an address that is not registered is not documented: it must be seen."""
    with pytest.raises(OutcomeUnknown, match="code -777: Static IP is not registered"):
        PLACE(answer({"s": "error", "code": -777, "message": "Static IP is not registered"}, 400))


def test_the_account_is_taken_out_of_every_text() -> None:
    body = {"s": "error", "code": -99, "message": "blocked for xyz1 (FAA12345, ABCDE1234F) C-Q9"}
    with pytest.raises(OrderRefused) as refused:
        PLACE(answer(body), account="XYZ1")
    assert refused.value.text == "blocked for … (FAA12345, …) C-…"


def test_a_captured_wrong_order_id_refuses_the_change_and_the_cancel() -> None:
    body = {"code": -51, "id": "7574657627567", "message": "invalid order id: 7574657627567",
            "s": "error"}  # fmt: skip
    for read in (MODIFY, CANCEL):
        with pytest.raises(OrderRefused, match="invalid order id") as refused:
            read(answer(body, 400), "7574657627567")
        assert refused.value.code == "-51"


def test_a_conversion_gives_the_brokers_words() -> None:
    body = {"s": "ok", "code": 200, "message": "Position Converted Successfully!!",
            "positionDetails": 1101}  # fmt: skip
    assert CONVERT(answer(body)) == "Position Converted Successfully!!"
    with pytest.raises(OrderRefused, match="valid symbol"):
        CONVERT(answer({"code": "-310", "message": "Please provide a valid symbol", "s": "error"}))


def test_an_exit_with_nothing_open_is_a_refusal_dressed_as_a_success() -> None:
    assert EXIT(answer({"s": "ok", "code": 200, "message": "The position is closed."})) == (
        "The position is closed."
    )
    with pytest.raises(OrderRefused, match="no open positions"):
        EXIT(answer({"code": 1101, "message": "Looks like you have no open positions.",
                     "s": "ok"}))  # fmt: skip
    with pytest.raises(OutcomeUnknown):
        EXIT(answer({"s": "ok", "code": 201, "message": "placed, not filled"}))


def test_every_code_of_the_published_list_has_a_fate() -> None:
    rows = shared("data/fyers/error_codes.csv").read_text().splitlines()[1:]
    fates: dict[str, type[BrokerError]] = {}
    for row in rows:
        code = row.partition(",")[0]
        with pytest.raises(BrokerError) as raised:
            PLACE(answer({"s": "error", "code": int(code), "message": "m"}, 400))
        fates[code] = raised.type
    unknown = {code for code, fate in fates.items() if fate is OutcomeUnknown}
    assert unknown <= {"-96", "-163", "-201", "-202", "-204", "-205", "-329", "-371", "-374"}
    assert fates["-353"] is RateLimited
