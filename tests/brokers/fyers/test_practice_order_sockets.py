"""The practice exchange's order socket: what is pushed, when, and how it goes wrong on purpose."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from brokers.errors import DecodeError
from brokers.fyers.codec.orders import Acknowledged, Push, read_pushes, subscription
from brokers.fyers.codec.serving import Listed
from brokers.fyers.practice_order_sockets import OrderSockets
from brokers.model.account import Position
from brokers.model.instrument import InstrumentId
from brokers.model.order import Fill, Kind, OrderState, OrderUpdate, Product, Side, Validity
from brokers.net.server import ServerRequest
from brokers.practice.faults import Faults
from brokers.practice.values import (
    BookOrder,
    Cause,
    OrderEvent,
    PositionEvent,
    PositionRow,
    Trade,
    TradeEvent,
)
from tests.brokers.fyers.listing import LISTED, SBIN
from tests.brokers.fyers.small_market import MORNING_NS, Pipe

AUTHORIZATION = {"authorization": "APP-100:token"}
ACKNOWLEDGED = Acknowledged(code="1605", text="Successfully subscribed", is_ok=True)


class Rows:
    """Describes orders as the face's book does, with less in it."""

    def update_of(self, order: BookOrder) -> OrderUpdate:
        return OrderUpdate(
            broker_id=order.order_id,
            tag=order.tag,
            instrument=order.instrument,
            side=order.side,
            quantity=order.quantity,
            filled_qty=order.filled_qty,
            kind=order.kind,
            price_e4=order.price_e4,
            trigger_e4=order.trigger_e4,
            average_e4=order.average_e4,
            product=order.product,
            validity=order.validity,
            state=order.state,
            exchange_id=order.exchange_id,
            placed_ns=order.placed_ns,
            updated_ns=order.updated_ns,
            source="API",
        )

    def fill_of(self, trade: Trade) -> Fill:
        return Fill(
            trade_id=f"{trade.order_id}-{trade.trade_id}",
            broker_id=trade.order_id,
            tag=trade.tag,
            instrument=trade.instrument,
            side=trade.side,
            quantity=trade.quantity,
            price_e4=trade.price_e4,
            product=trade.product,
            at_ns=trade.at_ns,
        )

    def listed(self, instrument_id: InstrumentId) -> Listed:
        instrument = next(each for each in LISTED if each.id == instrument_id)
        return Listed(instrument=instrument, client_id="XP0001")


ORDER = BookOrder(
    seq=1,
    account="XP0001",
    order_id="26112000000001",
    exchange_id="1100000000000001",
    tag="T0ABCDEFGH1234XY",
    request_id="df013f50-6925-4e2d-ba0f-0becf1229298",
    instrument=SBIN.id,
    side=Side.BUY,
    quantity=10,
    kind=Kind.LIMIT,
    price_e4=8000000,
    trigger_e4=0,
    product=Product.CNC,
    validity=Validity.DAY,
    disclosed_qty=0,
    is_after_market=False,
    is_queued=False,
    state=OrderState.OPEN,
    filled_qty=0,
    average_e4=0,
    filled_value_e4=0,
    protected_e4=0,
    reason=None,
    numbers={},
    placed_ns=MORNING_NS,
    updated_ns=MORNING_NS,
    revision=1,
)
TRADE = Trade(
    seq=1,
    trade_id="2736155",
    order_seq=1,
    order_id=ORDER.order_id,
    exchange_id=ORDER.exchange_id,
    account="XP0001",
    tag=ORDER.tag,
    instrument=SBIN.id,
    side=Side.BUY,
    quantity=4,
    price_e4=7995000,
    kind=Kind.LIMIT,
    product=Product.CNC,
    multiplier=1,
    at_ns=MORNING_NS,
)
POSITION = PositionRow(
    account="XP0001",
    instrument=SBIN.id,
    product=Product.CNC,
    carried_qty=0,
    carried_e4=0,
    day_buy_qty=4,
    day_buy_value_e4=4 * 7995000,
    day_sell_qty=0,
    day_sell_value_e4=0,
    ltp_e4=8000000,
    multiplier=1,
)


def opened(number: int = 1) -> OrderEvent:
    order = msgspec.structs.replace(ORDER, order_id=f"2611200000000{number}")
    return OrderEvent(order=order, cause=Cause.OPENED, at_ns=MORNING_NS)


class Exchange:
    def __init__(self) -> None:
        self.faults = Faults()
        self.sockets = OrderSockets(Rows(), self.faults, self.account_of)
        self.tasks: list[asyncio.Task[None]] = []

    def account_of(self, authorization: str) -> str | None:
        return {"APP-100:token": "XP0001", "APP-100:other": "XP0002"}.get(authorization)

    def connect(self, token: str = "token") -> Pipe:
        pipe = Pipe({"authorization": f"APP-100:{token}"})
        self.tasks.append(asyncio.get_running_loop().create_task(self.sockets.converse(pipe)))
        return pipe

    async def subscribed(self, *streams: str) -> Pipe:
        pipe = self.connect()
        frames = await pipe.say(subscription(streams or ("orders", "trades", "positions")))
        assert pushes(frames) == [ACKNOWLEDGED]
        return pipe


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    made = Exchange()
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


def pushes(frames: list[str | bytes]) -> list[Push]:
    return [push for frame in frames for push in read_pushes(frame, "XP0001")]


def ids(frames: list[str | bytes]) -> list[str]:
    return [push.broker_id[-1] for push in pushes(frames) if isinstance(push, OrderUpdate)]


async def arrived(pipe: Pipe, count: int) -> list[str | bytes]:
    """Wait for so many pushes."""
    async with asyncio.timeout(5):
        while len(pipe.sent) < count:
            await pipe.was_sent.wait()
            pipe.was_sent.clear()
    return pipe.take()


def handshake(**headers: str) -> ServerRequest:
    return ServerRequest(method="GET", path="/trade/v3", headers=headers)


def test_a_handshake_needs_a_living_token() -> None:
    sockets = Exchange().sockets
    assert sockets.admit(handshake(**AUTHORIZATION)) is None
    for headers in ({}, {"authorization": "APP-100:dead"}):
        refusal = sockets.admit(handshake(**headers))
        assert refusal is not None
        assert refusal.status == 403


async def test_a_ping_is_answered_and_every_json_message_acknowledged(exchange: Exchange) -> None:
    pipe = exchange.connect()
    assert await pipe.say("ping") == ["pong"]
    assert pushes(await pipe.say('{"T":"SUB_ORD","action_data":["orders"],"SUB_T":1}')) == [
        ACKNOWLEDGED
    ]
    assert await pipe.say("rubbish", b"\x00") == []
    exchange.sockets.hear(opened())
    assert await pipe.say("ping") == ["pong"]


async def test_order_trade_and_position_arrive_in_order_and_after_the_reply(
    exchange: Exchange,
) -> None:
    pipe = await exchange.subscribed()
    filled = msgspec.structs.replace(
        ORDER, state=OrderState.PARTIAL, filled_qty=4, average_e4=7995000
    )
    exchange.sockets.hear(OrderEvent(order=ORDER, cause=Cause.OPENED, at_ns=MORNING_NS))
    exchange.sockets.hear(OrderEvent(order=filled, cause=Cause.FILLED, at_ns=MORNING_NS))
    exchange.sockets.hear(TradeEvent(trade=TRADE, order=filled, at_ns=MORNING_NS))
    exchange.sockets.hear(PositionEvent(position=POSITION, at_ns=MORNING_NS))
    assert pipe.sent == []
    first, second, fill, position = pushes(await arrived(pipe, 4))
    assert first == Rows().update_of(ORDER)
    assert second == Rows().update_of(filled)
    assert fill == Rows().fill_of(TRADE)
    assert isinstance(position, Position)
    assert (position.net_qty, position.buy_value_e4) == (4, 4 * 7995000)


async def test_only_subscribed_streams_of_the_own_account_are_pushed(exchange: Exchange) -> None:
    mine = await exchange.subscribed("trades")
    other = exchange.connect("other")
    await other.say(subscription())
    exchange.sockets.hear(opened())
    exchange.sockets.hear(TradeEvent(trade=TRADE, order=ORDER, at_ns=MORNING_NS))
    (fill,) = pushes(await arrived(mine, 1))
    assert isinstance(fill, Fill)
    assert other.sent == []


async def test_a_stream_can_be_given_up(exchange: Exchange) -> None:
    pipe = await exchange.subscribed()
    await pipe.say(subscription(("orders",), is_on=False))
    exchange.sockets.hear(opened())
    exchange.sockets.hear(TradeEvent(trade=TRADE, order=ORDER, at_ns=MORNING_NS))
    (push,) = pushes(await arrived(pipe, 1))
    assert isinstance(push, Fill)


async def test_nothing_is_replayed_to_a_later_connection(exchange: Exchange) -> None:
    exchange.sockets.hear(opened(1))
    pipe = await exchange.subscribed()
    exchange.sockets.hear(opened(2))
    assert ids(await arrived(pipe, 1)) == ["2"]


async def test_an_event_comes_before_the_reply_when_asked_to(exchange: Exchange) -> None:
    pipe = await exchange.subscribed()
    exchange.faults.arm("fyers", "place", "event_first", 1, None)
    exchange.sockets.hear(opened())
    assert ids(pipe.take()) == ["1"]


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("duplicate_event", ["1", "1", "2", "3"]),
        ("drop_event", ["2", "3"]),
        ("reorder_events", ["2", "1", "3"]),
    ],
)
async def test_events_go_wrong_on_purpose(exchange: Exchange, what: str, seen: list[str]) -> None:
    pipe = await exchange.subscribed()
    exchange.faults.arm("fyers", "orderfeed", what, 1, None)
    for number in (1, 2, 3):
        exchange.sockets.hear(opened(number))
    assert ids(await arrived(pipe, len(seen))) == seen


async def test_a_reordered_event_without_a_second_one_is_only_late(exchange: Exchange) -> None:
    pipe = await exchange.subscribed()
    exchange.faults.arm("fyers", "orderfeed", "reorder_events", 1, None)
    exchange.sockets.hear(opened())
    assert ids(await arrived(pipe, 1)) == ["1"]


async def test_poison_is_unreadable(exchange: Exchange) -> None:
    pipe = await exchange.subscribed()
    exchange.faults.arm("fyers", "orderfeed", "poison", 1, None)
    exchange.sockets.hear(opened(1))
    exchange.sockets.hear(opened(2))
    bad, good = await arrived(pipe, 2)
    assert ids([good]) == ["2"]
    with pytest.raises(DecodeError):
        read_pushes(bad)
