"""Whatever arrives, a reader gives values or a typed error, at once."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import BrokerError
from brokers.fyers import login
from brokers.fyers.codec import replies, rest
from brokers.fyers.codec.texts import clean
from brokers.model.login import Reply
from brokers.model.market import Interval
from tests.brokers.fyers.listing import SBIN, raw, unlisted
from tests.brokers.fyers.test_rest_reads import FILLED, HOLDING, IDEA_CLOSED, TRADE

Read = Callable[[Reply], object]

FUND_LINES = [
    {"id": n, "title": "t", "equityAmount": 1.5, "commodityAmount": "0.0"} for n in range(1, 11)
]
FUNDS: dict[str, object] = {"fund_limit": FUND_LINES}
QUOTE = {"n": "NSE:SBIN-EQ", "s": "ok", "v": {"lp": 1.5, "volume": 5, "fyToken": "10100000003045"}}
BOOK = {"bids": [{"ord": 1, "price": 1.5, "volume": 2}], "ask": [], "ltp": 1.5, "ltt": 5, "v": 7}
MARKET = {"exchange": 10, "segment": 10, "market_type": "NORMAL", "status": "OPEN"}

SAMPLES: list[tuple[Read, dict[str, object]]] = [
    (replies.read_profile, {"data": {"fy_id": "XX00000", "name": "N", "display_name": None}}),
    (replies.read_funds, FUNDS),
    (lambda r: replies.read_holdings(r, unlisted), {"holdings": [HOLDING]}),
    (lambda r: replies.read_orders(r, unlisted), {"orderBook": [FILLED]}),
    (lambda r: replies.read_trades(r, unlisted), {"tradeBook": [TRADE]}),
    (lambda r: replies.read_positions(r, unlisted), {"netPositions": [IDEA_CLOSED]}),
    (lambda r: replies.read_quotes(r, unlisted), {"d": [QUOTE]}),
    (lambda r: replies.read_depth(r, "NSE:SBIN-EQ", SBIN.id), {"d": {"NSE:SBIN-EQ": BOOK}}),
    (lambda r: replies.read_candles(r, Interval.M1), {"candles": [[60, 1, 2.5, 3, 4, 5, 6]]}),
    (replies.read_market_status, {"marketStatus": [MARKET]}),
    (replies.read_tokens, {"validSymbol": {"NSE:SBIN-EQ": "1"}, "invalidSymbol": []}),
    (login._token, {"access_token": "a.b.c"}),
    (rest.read_place_reply, {"code": 1101, "id": "7"}),
    (rest.read_modify_reply, {"code": 1102, "id": "7"}),
    (rest.read_cancel_reply, {"code": 1103, "id": "7"}),
    (rest.read_convert_reply, {"code": 200}),
    (rest.read_exit_reply, {"code": 200}),
]
NAMES = [str(next(iter(members))) + str(at) for at, (_, members) in enumerate(SAMPLES)]

POISON: list[object] = [
    None, True, -1, 0, 1e300, -1e300, 10**30, 9**99, "", "A", "NaN", "-Infinity", "1e999999999",
    "1_000", "٣", "\x00", [], {}, [[]], {"a": 1}, "x" * 5000, [1] * 50,
]  # fmt: skip
LITERALS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999999999", b"1e-999999999", b"9" * 5000,
    b"0." + b"1" * 5000, b"-" + b"9" * 5000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000,
    b'"\\ud800"', b'"\xff"', b"tru", b"\x00",
]  # fmt: skip


def survives(read: Read, reply: Reply) -> None:
    began = time.process_time()
    with suppress(BrokerError):
        read(reply)
    assert time.process_time() - began < 1.0


def body_of(members: dict[str, object]) -> bytes:
    return json.dumps({"s": "ok", "code": 200, "message": "", **members}).encode()


@pytest.mark.parametrize(("read", "members"), SAMPLES, ids=NAMES)
def test_the_samples_are_readable(read: Read, members: dict[str, object]) -> None:
    read(raw(body_of(members)))


@pytest.mark.parametrize(("read", "members"), SAMPLES, ids=NAMES)
def test_a_reply_cut_anywhere(read: Read, members: dict[str, object]) -> None:
    body = body_of(members)
    for at in range(len(body)):
        with pytest.raises(BrokerError):
            read(raw(body[:at]))


def leaves(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at))


def replaced(value: object, path: tuple[object, ...], by: object) -> object:
    if not path:
        return by
    if isinstance(value, dict):
        return {k: replaced(v, path[1:], by) if k == path[0] else v for k, v in value.items()}
    assert isinstance(value, list)
    return [replaced(v, path[1:], by) if at == path[0] else v for at, v in enumerate(value)]


@pytest.mark.parametrize(("read", "members"), SAMPLES, ids=NAMES)
def test_every_value_replaced_by_poison(read: Read, members: dict[str, object]) -> None:
    whole = {"s": "ok", "code": 200, "message": "", **members}
    for path in leaves(whole):
        for poison in POISON:
            survives(read, raw(json.dumps(replaced(whole, path, poison))))
        marked = json.dumps(replaced(whole, path, "@@")).encode()
        for literal in LITERALS:
            survives(read, raw(marked.replace(b'"@@"', literal)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["s", "code", "d", "v", "orderBook", "id"]), inner)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([200, 201, 302, 400, 401, 403, 429, 500]))
def test_any_json_with_any_status(value: object, status: int) -> None:
    for read, _ in SAMPLES:
        survives(read, raw(json.dumps(value), status))


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    for read, _ in SAMPLES:
        survives(read, raw(body))


@given(st.text(max_size=400), st.text(max_size=8))
def test_words_are_fit_to_show(text: str, account: str) -> None:
    words = clean(text, account)
    assert len(words) <= 300
    assert all(character.isprintable() for character in words)


def test_direction_marks_and_line_breaks_do_not_reach_the_screen() -> None:
    assert clean("pay \u202eexe\u202c\r\nnow\x1b[31m") == "pay exe now [31m"
    assert clean({"qty": ["bad"]}) == "{'qty': ['bad']}"
    assert clean(None) == ""
