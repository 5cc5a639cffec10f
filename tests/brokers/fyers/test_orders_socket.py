"""The order socket: captured and documented frames, both ways, and what must never get through."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import DecodeError
from brokers.fyers.codec.orders import (
    Acknowledged,
    Asked,
    Progress,
    acknowledgement,
    order_push,
    position_push,
    read_pushes,
    read_subscription,
    subscription,
    trade_push,
)
from brokers.fyers.codec.serving import Listed, Profit
from brokers.model.account import Position
from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Segment,
)
from brokers.model.order import Fill, Kind, OrderState, OrderUpdate, Product, Side, Validity
from tests.rig.shared import shared

CAPTURE = "data/fyers/order_socket_frame_2023-12-18.json"
BECTOR = InstrumentId("NSE:CM:1628")
IDEA = InstrumentId("NSE:CM:14366")
PLACED_NS = 1702887690 * 10**9
NS = 10**9

CAPTURED_ORDER = OrderUpdate(
    broker_id="23121800292158",
    tag="",
    instrument=BECTOR,
    side=Side.BUY,
    quantity=1,
    filled_qty=0,
    kind=Kind.MARKET,
    price_e4=0,
    trigger_e4=0,
    average_e4=0,
    product=Product.CNC,
    validity=Validity.DAY,
    state=OrderState.PENDING_NEW,
    placed_ns=PLACED_NS,
    updated_ns=PLACED_NS,
    source="W",
)


def listed(**changed: object) -> Listed:
    values: dict[str, object] = {
        "id": BECTOR,
        "exchange": Exchange.NSE,
        "segment": Segment.CM,
        "token": "1628",
        "symbol": "NSE:BECTORFOOD-EQ",
        "name": "MRS BECTORS FOOD SPE LTD",
        "kind": InstrumentKind.EQUITY,
        "lot_size": 1,
        "tick_e4": 500,
        "underlying": "BECTORFOOD",
        "multiplier": 1,
    }
    instrument = Instrument(**(values | changed))  # type: ignore[arg-type]  # fields by name
    return Listed(instrument=instrument, client_id="XP0001")


def captured() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(shared(CAPTURE).read_bytes())
    return found


def changed(**members: object) -> str:
    """Give the captured frame with other members; None takes one out."""
    frame = captured()
    order = frame["orders"] | members
    frame["orders"] = {name: value for name, value in order.items() if value is not None}
    return json.dumps(frame)


def read_order(frame: str) -> OrderUpdate:
    (order,) = read_pushes(frame)
    assert isinstance(order, OrderUpdate)
    return order


def test_the_captured_order_reads_with_its_missing_members_as_zero() -> None:
    assert read_pushes(shared(CAPTURE).read_bytes()) == [CAPTURED_ORDER]


def test_the_encoder_writes_the_captured_order_back() -> None:
    progress = Progress(fyers_id="df013f50-6925-4e2d-ba0f-0becf1229298", updated_ns=PLACED_NS)
    written = order_push(CAPTURED_ORDER, listed(), progress)
    assert json.loads(written) == captured()
    assert list(json.loads(written)["orders"]) == list(captured()["orders"])


def test_a_pong_is_no_push() -> None:
    assert read_pushes("pong") == read_pushes(b"pong") == []


def test_the_answer_to_a_subscription() -> None:
    expected = Acknowledged(code="1605", text="Successfully subscribed", is_ok=True)
    assert read_pushes('{"code":1605,"message":"Successfully subscribed","s":"ok"}') == [expected]
    assert read_pushes(acknowledgement()) == [expected]


@pytest.mark.parametrize("stream", ["edis", "pricealerts", "login", "something new"])
def test_other_streams_are_passed_over(stream: str) -> None:
    assert read_pushes(json.dumps({stream: {"a": [1, None]}, "s": "ok"})) == []


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"org_ord_status": 4, "ord_status": 20}, OrderState.PENDING_NEW),
        ({"org_ord_status": 6, "ord_status": 26}, OrderState.OPEN),
        ({"org_ord_status": 2, "ord_status": 90, "qty_filled": 1}, OrderState.FILLED),
        ({"org_ord_status": 1, "ord_status": 91}, OrderState.CANCELLED),
        ({"org_ord_status": 5, "ord_status": 92}, OrderState.REJECTED),
        ({"org_ord_status": 7, "ord_status": None}, OrderState.EXPIRED),
        ({"org_ord_status": None, "ord_status": 20}, OrderState.PENDING_NEW),
        ({"org_ord_status": None, "ord_status": 64}, OrderState.OPEN),
        ({"org_ord_status": None, "ord_status": 90}, OrderState.FILLED),
        ({"org_ord_status": None, "ord_status": 73}, OrderState.CANCELLED),
        ({"org_ord_status": None, "ord_status": 94}, OrderState.REJECTED),
        ({"org_ord_status": 90}, OrderState.FILLED),
        ({"org_ord_status": None, "ord_status": 999}, OrderState.UNMAPPED),
        ({"org_ord_status": None, "ord_status": None}, OrderState.UNMAPPED),
        ({"org_ord_status": 6, "qty": 5, "qty_filled": 2}, OrderState.PARTIAL),
        ({"org_ord_status": 6, "ord_type": 4}, OrderState.TRIGGER_PENDING),
    ],
)
def test_a_status_is_public_or_the_order_system_s_own(
    members: dict[str, object], state: OrderState
) -> None:
    assert read_order(changed(**members)).state is state


def test_every_member_has_its_place() -> None:
    frame = changed(
        ordertag="1:T0ABCDEFGH1234XY",
        qty=10,
        qty_filled=4,
        qty_remaining=6,
        price_limit=825.4,
        price_stop=825.35,
        price_traded=825.3333,
        ord_type=4,
        tran_side=-1,
        product_type="INTRADAY",
        validity="IOC",
        offline_flag=True,
        id_exchange="1100000009596016",
        update_time_epoch_oms=1702887699,
        org_ord_status=6,
        oms_msg="RED:Margin Shortfall for C-XP00001, PAN ABCDE1234F",
    )
    assert read_order(frame) == OrderUpdate(
        broker_id="23121800292158",
        tag="T0ABCDEFGH1234XY",
        instrument=BECTOR,
        side=Side.SELL,
        quantity=10,
        filled_qty=4,
        kind=Kind.STOP_LIMIT,
        price_e4=8254000,
        trigger_e4=8253500,
        average_e4=8253333,
        product=Product.INTRADAY,
        validity=Validity.IOC,
        state=OrderState.PARTIAL,
        exchange_id="1100000009596016",
        text="RED:Margin Shortfall for C-…, PAN …",
        placed_ns=PLACED_NS,
        updated_ns=1702887699 * NS,
        is_after_market=True,
        source="W",
    )


def test_a_client_code_of_another_shape_is_masked_by_name() -> None:
    (order,) = read_pushes(changed(oms_msg="no margin in XP0001"), "XP0001")
    assert isinstance(order, OrderUpdate)
    assert order.text == "no margin in …"


def test_a_pan_is_nowhere() -> None:
    order = read_order(changed(pan="ABCDE1234F", client_id="XP00001"))
    assert "ABCDE1234F" not in repr(order)
    assert "XP00001" not in repr(order)


def test_a_refusal_without_a_message_says_its_status() -> None:
    assert read_order(changed(org_ord_status=5, status_msg="Rejection")).text == "Rejection"


def test_the_update_time_falls_back_to_the_exchange_s() -> None:
    frame = changed(update_time_epoch_oms=None, update_time_exch="18-Dec-2023 13:51:31")
    assert read_order(frame).updated_ns == PLACED_NS + NS
    unset = changed(update_time_epoch_oms=None, update_time_exch="01-Jan-1970 05:30:00")
    assert read_order(unset).updated_ns is None


def test_a_trade_of_the_documentation_by_its_raw_names() -> None:
    raw = {
        "id_fill": "23080400089344-21726639",
        "id": "23080400089344",
        "qty_traded": 1,
        "price_traded": 7.95,
        "traded_val": 7.95,
        "product_type": "INTRADAY",
        "id_exchange": "1100000009596016",
        "ord_type": 2,
        "tran_side": -1,
        "symbol": "NSE:IDEA-EQ",
        "fill_time": "04-08-2023 10:12:58",
        "fy_token": "101000000014366",
        "exchange": 10,
        "segment": 10,
        "client_id": "XP00001",
    }
    fill = Fill(
        trade_id="23080400089344-21726639",
        broker_id="23080400089344",
        tag="",
        instrument=IDEA,
        side=Side.SELL,
        quantity=1,
        price_e4=79500,
        product=Product.INTRADAY,
        at_ns=1691124178 * NS,
    )
    assert read_pushes(json.dumps({"trades": raw, "s": "ok"})) == [fill]
    bare = raw | {"id_fill": "21726639"}
    assert read_pushes(json.dumps({"trades": bare, "s": "ok"})) == [fill]


def test_a_position_of_the_documentation_by_its_raw_names() -> None:
    raw = {
        "symbol": "NSE:IDEA-EQ",
        "id": "NSE:IDEA-EQ-INTRADAY",
        "buy_avg": 8,
        "buy_qty": 1,
        "buy_val": 8,
        "sell_avg": 7.95,
        "sell_qty": 1,
        "sell_val": 7.95,
        "product_type": "INTRADAY",
        "pl_realized": -0.04999999999999982,
        "rbirefrate": 1,
        "fy_token": "101000000014366",
        "day_buy_qty": 1,
        "day_sell_qty": 1,
        "qty_multiplier": 1,
    }
    assert read_pushes(json.dumps({"positions": raw, "s": "ok"})) == [
        Position(
            instrument=IDEA,
            product=Product.INTRADAY,
            net_qty=0,
            buy_qty=1,
            buy_value_e4=80000,
            sell_qty=1,
            sell_value_e4=79500,
            multiplier=1,
        )
    ]


def test_a_commodity_s_value_is_taken_without_the_multiplier() -> None:
    raw = {
        "fy_token": "1120260921565899",
        "product_type": "MARGIN",
        "net_qty": 2,
        "buy_qty": 2,
        "buy_avg": 5100.5,
        "buy_val": 1020100,
        "cf_buy_qty": 2,
        "qty_multiplier": 100,
    }
    (position,) = read_pushes(json.dumps({"positions": raw, "s": "ok"}))
    assert isinstance(position, Position)
    assert position.buy_value_e4 == 2 * 51005000
    assert (position.multiplier, position.carried_qty) == (100, 2)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"fy_token": None}, "orders"),
        ({"fy_token": "99"}, "orders.fy_token"),
        ({"id": None}, "orders"),
        ({"id": ""}, "orders.id"),
        ({"tran_side": None}, "orders"),
        ({"tran_side": 0}, "orders.tran_side"),
        ({"ord_type": 9}, "orders.ord_type"),
        ({"product_type": "XYZ"}, "orders.product_type"),
        ({"validity": "GTC"}, "orders.validity"),
        ({"time_oms": "yesterday"}, "orders.time_oms"),
        ({"qty": 1.5}, "orders.qty"),
        ({"qty": [1]}, "orders.qty"),
        ({"price_limit": 1e300}, "orders.price_limit"),
        ({"price_limit": 825.40001}, "orders.price_limit"),
    ],
)
def test_a_bad_member_is_named(members: dict[str, object], path: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        read_pushes(changed(**members))
    assert path in refusal.value.where


@pytest.mark.parametrize("text", ["", "{", "[]", "NaN", '{"orders":{"qty":NaN}}', "[" * 50_000])
def test_what_is_no_push_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        read_pushes(text)


def test_the_captured_frame_cut_anywhere_is_refused() -> None:
    whole = shared(CAPTURE).read_bytes().strip()
    for size in range(len(whole)):
        with pytest.raises(DecodeError):
            read_pushes(whole[:size])


def test_a_huge_frame_is_refused() -> None:
    with pytest.raises(DecodeError):
        read_pushes(b'{"s":"' + b"x" * (2 << 20) + b'"}')


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused(noise: bytes) -> None:
    for frame in (noise, b'{"orders":' + noise + b"}", b'{"trades":{"id":' + noise):
        try:
            read_pushes(frame)
        except DecodeError:
            continue


def test_a_subscription_is_the_published_client_s_but_for_its_bug() -> None:
    every = ("orders", "trades", "positions", "edis", "pricealerts", "login")
    assert subscription(every) == (
        '{"T": "SUB_ORD", "SLIST": ["orders", "trades", "positions", "edis", "pricealerts",'
        ' "login"], "SUB_T": 1}'
    )
    assert json.loads(subscription(is_on=False)) == {
        "T": "SUB_ORD",
        "SLIST": ["orders", "trades"],
        "SUB_T": -1,
    }


def test_requests_as_clients_send_them() -> None:
    assert read_subscription(subscription()) == Asked(streams=frozenset({"orders", "trades"}))
    nested = (
        '{"T": "SUB_ORD", "SLIST": ["orders", "trades", "positions",'
        ' ["edis", "pricealerts", "login"]], "SUB_T": -1}'
    )
    every = frozenset({"orders", "trades", "positions", "edis", "pricealerts", "login"})
    assert read_subscription(nested) == Asked(streams=every, is_on=False)
    assert read_subscription('{"T":"SUB_ORD","action_data":["orders"],"SUB_T":1}') == Asked()
    assert read_subscription('{"SLIST":["orders",7,"unheard of"]}') == Asked(
        streams=frozenset({"orders"})
    )
    for text in ("hello", "[]", "", "{"):
        assert read_subscription(text) is None


def test_zero_members_are_left_out_of_every_push() -> None:
    empty = Position(
        instrument=IDEA,
        product=Product.INTRADAY,
        net_qty=0,
        buy_qty=0,
        buy_value_e4=0,
        sell_qty=0,
        sell_value_e4=0,
        multiplier=1,
    )
    row = json.loads(position_push(empty, listed(), Profit()))["positions"]
    assert "net_qty" not in row
    assert "tran_side" not in row
    assert all(row.values())


ids = st.text("0123456789", min_size=1, max_size=14)
tags = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=16, max_size=16)
quantities = st.integers(1, 10**6)
prices = st.integers(1, 10**9)
instants = st.integers(1_000_000_000, 2_000_000_000).map(lambda seconds: seconds * NS)


@st.composite
def orders(draw: st.DrawFn) -> OrderUpdate:
    kind = draw(st.sampled_from(Kind))
    state = draw(
        st.sampled_from(
            [OrderState.PENDING_NEW, OrderState.CANCELLED, OrderState.REJECTED, OrderState.FILLED]
        )
    )
    quantity = draw(quantities)
    return OrderUpdate(
        broker_id=draw(ids),
        tag=draw(st.one_of(st.just(""), tags)),
        instrument=BECTOR,
        side=draw(st.sampled_from(Side)),
        quantity=quantity,
        filled_qty=draw(st.integers(0, quantity)),
        kind=kind,
        price_e4=draw(prices) if kind.has_price else 0,
        trigger_e4=draw(prices) if kind.has_trigger else 0,
        average_e4=draw(st.integers(0, 10**9)),
        product=draw(st.sampled_from(Product)),
        validity=draw(st.sampled_from(Validity)),
        state=state,
        exchange_id=draw(st.one_of(st.just(""), ids)),
        text="RED:Margin Shortfall" if state is OrderState.REJECTED else "",
        placed_ns=draw(instants),
        updated_ns=draw(instants),
        is_after_market=draw(st.booleans()),
        source="ITS",
    )


@given(orders())
def test_every_order_survives_the_wire(order: OrderUpdate) -> None:
    assert order.updated_ns is not None
    pushed = order_push(order, listed(), Progress(updated_ns=order.updated_ns))
    assert read_pushes(pushed) == [order]


@st.composite
def fills(draw: st.DrawFn) -> Fill:
    order_id = draw(ids)
    return Fill(
        trade_id=f"{order_id}-{draw(ids)}",
        broker_id=order_id,
        tag=draw(tags),
        instrument=BECTOR,
        side=draw(st.sampled_from(Side)),
        quantity=draw(quantities),
        price_e4=draw(prices),
        product=Product.CNC,
        at_ns=draw(instants),
    )


@given(fills())
def test_every_fill_survives_the_wire(fill: Fill) -> None:
    assert read_pushes(trade_push(fill, CAPTURED_ORDER, listed())) == [fill]


@given(st.integers(0, 10**5), st.integers(0, 10**5), st.integers(-1000, 1000), prices, st.just(1))
def test_every_position_survives_the_wire(
    bought: int, sold: int, carried: int, price_e4: int, multiplier: int
) -> None:
    bought, sold = bought + max(carried, 0), sold + max(-carried, 0)
    position = Position(
        instrument=BECTOR,
        product=Product.MARGIN,
        net_qty=bought - sold,
        buy_qty=bought,
        buy_value_e4=bought * price_e4,
        sell_qty=sold,
        sell_value_e4=sold * price_e4,
        carried_qty=carried,
        multiplier=multiplier,
    )
    pushed = position_push(position, listed(), Profit(realised_e4=-1000))
    assert read_pushes(pushed) == [position]
    raw = json.loads(pushed, parse_float=Decimal)["positions"]
    assert raw["pl_realized"] == Decimal("-0.1")
