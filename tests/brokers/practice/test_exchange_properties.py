"""Whatever two traders do, the exchange keeps its promises: money, quantities, prices, order."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokers.model.instrument import InstrumentId
from brokers.model.money import value_paise
from brokers.model.order import Kind, OrderState, Product, Side, Validity
from brokers.practice.accounts import OPENING_PAISE
from brokers.practice.charges import charge_group, shipped_tariff
from brokers.practice.values import (
    BookOrder,
    Change,
    Event,
    OrderEvent,
    Rejected,
    TradeEvent,
    Want,
)
from tests.brokers.practice.floor import FRIDAY, ME, SMALL, YOU, Floor

SYMBOLS: Final = ("NSE:SBIN-EQ", "NSE:NIFTY26NOVFUT", "NSE:NIFTY26NOV26000CE", "NSE:BANARISUG-EQ")
PRODUCTS: Final = (Product.CNC, Product.INTRADAY, Product.MARGIN)
STATES: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    OrderState.PENDING_NEW: frozenset(
        {
            OrderState.OPEN,
            OrderState.TRIGGER_PENDING,
            OrderState.REJECTED,
            OrderState.PENDING_NEW,
            OrderState.CANCELLED,
        }
    ),
    OrderState.TRIGGER_PENDING: frozenset(
        {
            OrderState.TRIGGER_PENDING,
            OrderState.OPEN,
            OrderState.CANCELLED,
            OrderState.EXPIRED,
        }
    ),
    OrderState.OPEN: frozenset(
        {
            OrderState.OPEN,
            OrderState.PARTIAL,
            OrderState.FILLED,
            OrderState.CANCELLED,
            OrderState.EXPIRED,
            OrderState.TRIGGER_PENDING,
        }
    ),
    OrderState.PARTIAL: frozenset(
        {
            OrderState.PARTIAL,
            OrderState.FILLED,
            OrderState.CANCELLED,
            OrderState.EXPIRED,
            OrderState.TRIGGER_PENDING,
        }
    ),
}


class Act(NamedTuple):
    """One thing somebody does; the numbers mean what `what` needs."""

    what: str
    account: str
    symbol: str
    side: Side
    lots: int
    ticks: int
    kind: Kind
    product: Product
    pick: int
    validity: Validity


acts = st.builds(
    Act,
    what=st.sampled_from(
        [
            *["place"] * 8,
            *["modify"] * 3,
            *["cancel"] * 2,
            *["price"] * 2,
            *["wait"] * 3,
            *("pause", "resume", "partial", "release", "exit", "convert", "step"),
        ]
    ),
    account=st.sampled_from([ME, YOU]),
    symbol=st.sampled_from(SYMBOLS),
    side=st.sampled_from(Side),
    lots=st.integers(1, 40),
    ticks=st.integers(-40, 40),
    kind=st.sampled_from(Kind),
    product=st.sampled_from(PRODUCTS),
    pick=st.integers(0, 50),
    validity=st.sampled_from([Validity.DAY, Validity.DAY, Validity.DAY, Validity.IOC]),
)


def price_near(floor: Floor, symbol: str, ticks: int) -> int:
    listed = SMALL.by_symbol(symbol)
    assert listed is not None
    ltp = floor.quote(symbol).ltp_e4 or 0
    return max(ltp // listed.tick_e4 + ticks, 1) * listed.tick_e4


def place(floor: Floor, act: Act) -> None:
    listed = SMALL.by_symbol(act.symbol)
    assert listed is not None
    limit = price_near(floor, act.symbol, act.ticks)
    trigger = price_near(floor, act.symbol, abs(act.ticks) // 2 * act.side.sign)
    if act.kind is Kind.STOP_LIMIT:
        limit = trigger + abs(act.ticks) * act.side.sign * listed.tick_e4
    floor.exchange.place(
        act.account,
        Want(
            instrument=listed.id,
            side=act.side,
            quantity=act.lots * listed.lot_size,
            kind=act.kind,
            product=act.product,
            price_e4=max(limit, listed.tick_e4) if act.kind.has_price else 0,
            trigger_e4=max(trigger, listed.tick_e4) if act.kind.has_trigger else 0,
            validity=act.validity,
        ),
    )


def chosen(floor: Floor, act: Act) -> BookOrder | None:
    orders = floor.exchange.orders(act.account)
    return orders[act.pick % len(orders)] if orders else None


def modify(floor: Floor, act: Act) -> None:
    order = chosen(floor, act)
    if order is not None:
        lot = order.quantity // max(order.quantity // 65, 1) if order.quantity % 65 == 0 else 1
        quantity = act.lots * lot if act.pick % 2 else None
        price = price_near(floor, act.symbol, act.ticks) if act.pick % 3 else None
        floor.exchange.modify(
            act.account, order.order_id, Change(quantity=quantity, price_e4=price)
        )


def cancel(floor: Floor, act: Act) -> None:
    order = chosen(floor, act)
    if order is not None:
        floor.exchange.cancel(act.account, order.order_id)


def convert(floor: Floor, act: Act) -> None:
    for row in floor.exchange.positions(act.account):
        other = Product.CNC if row.product is Product.INTRADAY else Product.INTRADAY
        side = Side.BUY if row.net_qty > 0 else Side.SELL
        quantity = abs(row.net_qty) if act.pick % 2 else abs(row.net_qty) // 2
        floor.exchange.convert(act.account, row.instrument, (row.product, other), side, quantity)


def step(floor: Floor, act: Act) -> None:
    floor.machine_ns += 10_000_000
    floor.exchange.step(act.lots, frozenset(floor.id(symbol) for symbol in SYMBOLS))


DO: Final[Mapping[str, Callable[[Floor, Act], object]]] = {
    "place": place,
    "modify": modify,
    "cancel": cancel,
    "price": lambda floor, act: floor.exchange.set_price(
        floor.id(act.symbol), price_near(floor, act.symbol, act.ticks)
    ),
    "wait": lambda floor, act: floor.wait(act.pick / 3),
    "pause": lambda floor, _: floor.exchange.pause(is_paused=True),
    "resume": lambda floor, _: floor.exchange.pause(is_paused=False),
    "partial": lambda floor, act: floor.exchange.arm_partial_fill(act.lots),
    "release": lambda floor, _: floor.exchange.release_held(),
    "exit": lambda floor, act: floor.exchange.exit_all(act.account),
    "convert": convert,
    "step": step,
}


def run(script: list[Act]) -> Floor:
    floor = Floor()
    for act in script:
        with contextlib.suppress(Rejected):
            DO[act.what](floor, act)
        check_money(floor)
        check_blocks(floor)
    return floor


def check_money(floor: Floor) -> None:
    """Funds follow from the trades alone, and nothing is blocked without a cause."""
    tariff = shipped_tariff()
    for account in (ME, YOU):
        funds = floor.exchange.funds(account)
        orders = floor.exchange.orders(account)
        rows = floor.exchange.positions(account)
        charges, turnover, paid = 0, defaultdict[str, int](int), defaultdict[str, int](int)
        flow: defaultdict[InstrumentId, int] = defaultdict(int)
        net: defaultdict[InstrumentId, int] = defaultdict(int)
        for trade in floor.exchange.trades(account):
            listed = SMALL.by_id(trade.instrument)
            assert listed is not None
            group = charge_group(listed, trade.product)
            turnover[trade.order_id] += trade.value_paise
            brokerage = tariff.brokerage(group, turnover[trade.order_id], FRIDAY)
            share = brokerage - paid[trade.order_id]
            paid[trade.order_id] = brokerage
            sheet = tariff.trade(group, trade.side, trade.value_paise, share, FRIDAY)
            charges += sheet.total
            flow[trade.instrument] -= trade.side.sign * trade.quantity * trade.price_e4
            net[trade.instrument] += trade.side.sign * trade.quantity
        assert funds.charges_paise == charges
        # Money and everything held, at last prices, is what was there at the start.
        held = sum(
            row.net_qty * row.ltp_e4 * row.multiplier // 100
            for row in rows
            if row.product is Product.CNC
        )
        ltp = {row.instrument: row.ltp_e4 for row in rows}
        worth = sum(flow[i] + net[i] * ltp[i] for i in flow)
        have = funds.total_paise + funds.unrealised_paise + held
        assert abs(have - (OPENING_PAISE - charges) - worth / 100) <= 2 + len(rows)
        assert funds.order_margin_paise >= 0
        assert funds.position_margin_paise >= 0
        if not any(order.remaining_qty for order in orders):
            assert funds.order_margin_paise == 0
        if all(row.net_qty == 0 for row in rows):
            assert funds.position_margin_paise == 0


def check_blocks(floor: Floor) -> None:
    """Working orders block what their opening part needs, worked out anew from nothing."""
    tariff = shipped_tariff()
    for account in (ME, YOU):
        rows = {(r.instrument, r.product): r.net_qty for r in floor.exchange.positions(account)}
        covers = {key: {Side.BUY: max(-n, 0), Side.SELL: max(n, 0)} for key, n in rows.items()}
        blocked = 0
        for order in floor.exchange.orders(account):
            listed = SMALL.by_id(order.instrument)
            left = order.remaining_qty
            if not left or listed is None:
                continue
            cover = covers.get((order.instrument, order.product), {Side.BUY: 0, Side.SELL: 0})
            covered = min(left, cover[order.side])
            cover[order.side] -= covered
            if order.product is Product.CNC:
                covered = 0 if order.side is Side.BUY else left
            opening = left - covered
            price = order.price_e4 if order.kind.has_price else order.protected_e4
            value = value_paise(price, opening * (listed.multiplier or 1))
            blocked += tariff.requirement(
                listed, order.product, opening * order.side.sign, value, FRIDAY
            )
        assert floor.exchange.funds(account).order_margin_paise == blocked


def check_trades(floor: Floor) -> None:
    quantity: defaultdict[int, int] = defaultdict(int)
    value: defaultdict[int, int] = defaultdict(int)
    for trade in floor.exchange.all_trades():
        assert trade.quantity > 0
        quantity[trade.order_seq] += trade.quantity
        value[trade.order_seq] += trade.quantity * trade.price_e4
    orders = floor.exchange.all_orders()
    assert [order.seq for order in orders] == list(range(1, len(orders) + 1))
    for order in orders:
        assert order.filled_qty == quantity[order.seq] <= order.quantity
        assert order.filled_value_e4 == value[order.seq]
        assert (order.state is OrderState.FILLED) == (order.filled_qty == order.quantity)


def check_events(events: list[Event]) -> None:
    """Each order's story: legal states, no step back, never a price worse than its limit."""
    newest: dict[int, BookOrder] = {}
    stamps = [event.at_ns for event in events]
    assert stamps == sorted(stamps)
    for event in events:
        if isinstance(event, TradeEvent):
            order = event.order
            limit = order.price_e4 if order.kind.has_price else order.protected_e4
            assert (limit - event.trade.price_e4) * order.side.sign >= 0
        if not isinstance(event, OrderEvent):
            continue
        order, before = event.order, newest.get(event.order.seq)
        if before is None:
            assert (order.state, order.revision) == (OrderState.PENDING_NEW, 1)
        else:
            assert order.state in STATES[before.state]
            assert order.revision == before.revision + 1
            assert order.filled_qty >= before.filled_qty
        newest[order.seq] = order


def check_books(floor: Floor) -> None:
    for symbol in SYMBOLS:
        depth = floor.market.depth(floor.id(symbol))
        if depth.bids and depth.asks:
            assert depth.bids[0].price_e4 < depth.asks[0].price_e4


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=st.lists(acts, min_size=1, max_size=30))
def test_whatever_happens_the_books_are_right(script: list[Act]) -> None:
    floor = run(script)
    check_trades(floor)
    check_events(floor.events)
    check_books(floor)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=st.lists(acts, min_size=5, max_size=20))
def test_the_same_script_is_the_same_story(script: list[Act]) -> None:
    assert run(script).events == run(script).events
