"""Every recorded REST reply, through the reader it is meant for."""

import json
from collections.abc import Callable

import pytest

from brokers.errors import DecodeError, LoginExpired, OrderRefused, Refused
from brokers.fyers import login
from brokers.fyers.codec import replies, rest
from brokers.model.login import Reply
from brokers.model.market import Interval
from brokers.model.order import OrderState
from tests.brokers.fyers.listing import SBIN, answer, unlisted
from tests.rig.shared import shared

Read = Callable[[Reply], object]


def captured(name: str) -> object:
    return json.loads(shared(f"data/fyers/{name}").read_text())


def captures_2024() -> list[dict[str, object]]:
    found = captured("rest_captures_2024-06.json")
    assert isinstance(found, list)
    return found


READERS: dict[str, Read] = {
    "profile": replies.read_profile,
    "funds": replies.read_funds,
    "holdings": lambda reply: replies.read_holdings(reply, unlisted),
    "tradebook": lambda reply: replies.read_trades(reply, unlisted),
    "orders": lambda reply: replies.read_orders(reply, unlisted),
    "positions": lambda reply: replies.read_positions(reply, unlisted),
    "history": lambda reply: replies.read_candles(reply, Interval.D1),
    "quotes": lambda reply: replies.read_quotes(reply, unlisted),
    "depth": lambda reply: replies.read_depth(reply, "NSE:SBIN-EQ", SBIN.id),
}


def reader_of(api: str) -> Read | None:
    words = api.replace("/data/", "/").split()
    if words[0] != "GET":
        return None
    return READERS[words[1].lstrip("/").partition("?")[0]]


def test_every_captured_read_is_readable() -> None:
    count = 0
    for capture in captures_2024():
        read = reader_of(str(capture["api"]))
        if read is not None:
            read(answer(capture["response"]))
            count += 1
    assert count == 20


def test_captured_orders_are_rejected_or_pending() -> None:
    states = [
        update.state
        for capture in captures_2024()
        if str(capture["api"]).startswith("GET /orders")
        for update in replies.read_orders(answer(capture["response"]), unlisted)
    ]
    assert states.count(OrderState.OPEN) == 1
    assert set(states) == {OrderState.OPEN, OrderState.REJECTED}


@pytest.mark.parametrize(
    ("api", "read", "fate"),
    [
        ("POST /orders", rest.read_place_reply, None),
        ("POST /orders/sync", rest.read_place_reply, OrderRefused),
        ("PUT /orders", rest.read_modify_reply, OrderRefused),
        ("DELETE /orders", rest.read_cancel_reply, OrderRefused),
        ("DELETE /positions", rest.read_exit_reply, OrderRefused),
        ("PUT /positions", rest.read_convert_reply, OrderRefused),
    ],
)
def test_captured_answers_to_writes(api: str, read: Read, fate: type[Exception] | None) -> None:
    (reply,) = (capture["response"] for capture in captures_2024() if capture["api"] == api)
    if fate is None:
        read(answer(reply))
        return
    with pytest.raises(fate):
        read(answer(reply))


def test_no_captured_text_keeps_the_client_id() -> None:
    for capture in captures_2024():
        read = reader_of(str(capture["api"]))
        if read is not None and "/profile" not in str(capture["api"]):
            assert "XX00000" not in repr(read(answer(capture["response"])))


def test_a_trade_of_2026_reads() -> None:
    found = captured("rest_captures_2026-09.json")
    assert isinstance(found, dict)
    (fill,) = replies.read_trades(answer(found["tradebook"]), unlisted)
    assert (fill.broker_id, fill.quantity, fill.tag) == ("26092900154023", 65, "MOW")


def test_a_shortened_position_is_refused_by_name() -> None:
    """The 2026 excerpt was cut down by hand: what is missing is named, nothing is guessed."""
    found = captured("rest_captures_2026-09.json")
    assert isinstance(found, dict)
    with pytest.raises(DecodeError) as raised:
        replies.read_positions(answer(found["positions_excerpt"]), unlisted)
    assert raised.value.where == "positions.netPositions[0].productType"


@pytest.mark.parametrize(
    ("at", "error"),
    [(0, Refused), (1, Refused), (2, LoginExpired), (3, LoginExpired), (4, LoginExpired),
     (5, LoginExpired)],
)  # fmt: skip
def test_recorded_error_envelopes_ask_for_the_right_thing(at: int, error: type[Exception]) -> None:
    found = captured("error_envelopes_2026-02.json")
    assert isinstance(found, list)
    reply = answer(found[at]["response"], 401 if error is LoginExpired else 400)
    with pytest.raises(error) as raised:
        login._token(reply)
    assert raised.type is error
