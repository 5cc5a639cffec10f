"""An order's life: accepted or refused, matched by price and time, triggered, ended."""

import datetime as dt

import pytest
from msgspec import structs

from brokers.model.market import Interval, Span
from brokers.model.order import Kind, OrderState, Product, Side, Validity
from brokers.practice.calendar import ist_ns
from brokers.practice.rules import products_of
from brokers.practice.universe import Universe
from brokers.practice.values import (
    RISK,
    Cause,
    Change,
    OrderEvent,
    PositionEvent,
    Reason,
    Rejected,
    SessionEvent,
    TradeEvent,
    Want,
)
from tests.brokers.practice.floor import FRIDAY, ME, SMALL, YOU, Floor

SBIN, NIFTY, CRUDE = "NSE:SBIN-EQ", "NSE:NIFTY26NOVFUT", "MCX:CRUDEOIL26DECFUT"
MONDAY = dt.date(2026, 11, 23)


@pytest.fixture
def floor() -> Floor:
    """A floor where SBIN stands at 820 rupees."""
    made = Floor()
    made.exchange.set_price(made.id(SBIN), 8_200_000)
    made.events.clear()
    return made


@pytest.fixture
def still(floor: Floor) -> Floor:
    """A floor on which only users move anything."""
    floor.exchange.pause(is_paused=True)
    return floor


@pytest.fixture
def bare(still: Floor) -> Floor:
    """A floor on which nobody but users quotes SBIN."""
    still.market.board(still.id(SBIN)).book.ladder.withdraw()
    return still


def bid(floor: Floor, symbol: str = SBIN) -> int:
    return floor.market.depth(floor.id(symbol)).bids[0].price_e4


def ask(floor: Floor, symbol: str = SBIN) -> int:
    return floor.market.depth(floor.id(symbol)).asks[0].price_e4


def refused(floor: Floor, want: Want) -> Rejected:
    with pytest.raises(Rejected) as caught:
        floor.place(want)
    return caught.value


# Life.


def test_a_market_order_passes_through_every_state_in_order(floor: Floor) -> None:
    order = floor.buy(SBIN, 10, tag="T1")
    events = [each for each in floor.events if isinstance(each, OrderEvent)]
    assert [(each.cause, each.order.state) for each in events] == [
        (Cause.RECEIVED, OrderState.PENDING_NEW),
        (Cause.OPENED, OrderState.OPEN),
        (Cause.FILLED, OrderState.FILLED),
    ]
    assert [each.order.revision for each in events] == [1, 2, 3]
    assert [each.order.exchange_id for each in events] == ["", order.exchange_id] * 1 + [
        order.exchange_id
    ]
    assert [type(each) for each in floor.events[2:]] == [OrderEvent, TradeEvent, PositionEvent]
    assert order.state is OrderState.FILLED
    assert (order.filled_qty, order.remaining_qty, order.price_e4) == (10, 0, 0)
    assert order.average_e4 == floor.exchange.trades(ME)[0].price_e4


def test_ids_are_numeric_and_tell_the_day(floor: Floor) -> None:
    first, second = floor.buy(SBIN, 1), floor.buy(SBIN, 1)
    assert (first.order_id, second.order_id) == ("26112000000001", "26112000000002")
    other = floor.place(floor.want(SBIN, Side.BUY, 1), YOU)
    assert other.order_id == "26112000000001"
    assert (other.seq, len(other.exchange_id), other.exchange_id.isdigit()) == (3, 16, True)
    assert other.exchange_id not in (first.exchange_id, second.exchange_id)


def test_a_resting_limit_order_is_seen_in_the_book(still: Floor) -> None:
    price = bid(still) + 500
    if price == ask(still):
        price = bid(still)
    before = {level.price_e4: level for level in still.market.depth(still.id(SBIN)).bids}
    order = still.buy(SBIN, 77, price)
    assert (order.state, order.exchange_id != "") == (OrderState.OPEN, True)
    levels = {level.price_e4: level for level in still.market.depth(still.id(SBIN)).bids}
    known = before.get(price)
    assert levels[price].quantity == 77 + (known.quantity if known else 0)
    assert levels[price].orders == 1 + ((known.orders or 0) if known else 0)


def test_a_big_order_walks_the_book_and_the_rest_waits(still: Floor) -> None:
    asks = still.market.depth(still.id(SBIN), 3).asks
    whole = sum(level.quantity for level in asks)
    order = still.buy(SBIN, whole + 50, asks[2].price_e4)
    assert (order.state, order.filled_qty) == (OrderState.PARTIAL, whole)
    prices = [(each.quantity, each.price_e4) for each in still.exchange.trades(ME)]
    assert prices == [(level.quantity, level.price_e4) for level in asks]
    assert bid(still) == asks[2].price_e4
    assert ask(still) > asks[2].price_e4
    assert still.quote(SBIN).ltp_e4 == asks[2].price_e4


def test_what_is_taken_comes_back_when_the_market_moves(floor: Floor) -> None:
    first = floor.market.depth(floor.id(SBIN)).asks[0]
    rest = floor.buy(SBIN, first.quantity + 10, first.price_e4)
    assert rest.state is OrderState.PARTIAL
    floor.exchange.set_price(floor.id(SBIN), first.price_e4 - 5000)
    assert floor.now(rest).state is OrderState.FILLED


def test_users_meet_each_other_by_price_then_time(bare: Floor) -> None:
    sells = [
        bare.place(bare.want(SBIN, Side.SELL, 5, price), YOU)
        for price in (8_220_000, 8_210_000, 8_210_000)
    ]
    order = bare.buy(SBIN, 12, 8_220_000)
    trades = [(each.order_id, each.quantity, each.price_e4) for each in bare.exchange.trades(YOU)]
    assert trades == [
        (sells[1].order_id, 5, 8_210_000),
        (sells[2].order_id, 5, 8_210_000),
        (sells[0].order_id, 2, 8_220_000),
    ]
    assert (order.state, order.filled_value_e4) == (
        OrderState.FILLED,
        10 * 8_210_000 + 2 * 8_220_000,
    )
    assert bare.quote(SBIN).ltp_e4 == 8_220_000
    assert bare.now(sells[0]).state is OrderState.PARTIAL


def test_a_user_stands_behind_the_quotes_that_were_there_before(still: Floor) -> None:
    best = still.market.depth(still.id(SBIN)).bids[0]
    mine = still.buy(SBIN, 10, best.price_e4)
    seller = still.place(still.want(SBIN, Side.SELL, best.quantity, best.price_e4), YOU)
    assert seller.state is OrderState.FILLED
    assert still.now(mine).filled_qty == 0
    still.place(still.want(SBIN, Side.SELL, 4, best.price_e4), YOU)
    assert still.now(mine).filled_qty == 4


def test_an_order_never_trades_with_its_own_account(bare: Floor) -> None:
    bare.buy(SBIN, 10, 8_200_000)
    seller = bare.sell(SBIN, 5, 8_200_000)
    assert (seller.state, seller.filled_qty) == (OrderState.CANCELLED, 0)
    assert seller.reason is Reason.SELF_TRADE


def test_immediate_or_cancel_takes_what_is_there(still: Floor) -> None:
    best = still.market.depth(still.id(SBIN)).asks[0]
    order = still.buy(SBIN, best.quantity + 10, best.price_e4, validity=Validity.IOC)
    assert (order.state, order.filled_qty) == (OrderState.CANCELLED, best.quantity)
    away = still.buy(SBIN, 10, bid(still) - 10_000, validity=Validity.IOC)
    assert (away.state, away.filled_qty) == (OrderState.CANCELLED, 0)


def test_a_market_order_is_protected(floor: Floor) -> None:
    order = floor.buy(SBIN, 1)
    ltp = floor.quote(SBIN).ltp_e4 or 0
    assert order.protected_e4 == pytest.approx(ltp * 1.03, rel=0.002)
    thin = floor.sell("NSE:BANARISUG-EQ", 1000, product=Product.INTRADAY)
    assert thin.state is OrderState.PARTIAL
    assert all(
        each.price_e4 >= thin.protected_e4
        for each in floor.exchange.trades(ME)
        if each.order_id == thin.order_id
    )


def test_a_limit_order_at_the_upper_circuit_waits_for_a_seller(floor: Floor) -> None:
    upper = floor.quote("NSE:JPPOWER-EQ").upper_circuit_e4 or 0
    order = floor.buy("NSE:JPPOWER-EQ", 100, upper)
    assert order.state is OrderState.OPEN
    seller = floor.sell("NSE:JPPOWER-EQ", 100, upper, product=Product.INTRADAY)
    assert seller.state is OrderState.FILLED


# Prices by hand.


def test_a_price_by_hand_fills_what_it_crosses_at_the_orders_own_price(floor: Floor) -> None:
    buy = floor.buy(SBIN, 10, 8_000_000)
    touched = floor.buy(SBIN, 10, 7_900_000)
    below = floor.buy(SBIN, 10, 7_899_500)
    floor.exchange.set_price(floor.id(SBIN), 7_900_000)
    assert [floor.now(each).state for each in (buy, touched)] == [OrderState.FILLED] * 2
    assert (floor.now(buy).average_e4, floor.now(touched).average_e4) == (8_000_000, 7_900_000)
    assert floor.now(below).state is OrderState.OPEN
    assert floor.quote(SBIN).ltp_e4 == 7_900_000


def test_a_stop_waits_for_its_trigger_then_goes_to_market(floor: Floor) -> None:
    floor.buy(SBIN, 10)
    stop = floor.sell(SBIN, 10, trigger_e4=8_100_000)
    assert stop.state is OrderState.TRIGGER_PENDING
    floor.exchange.set_price(floor.id(SBIN), 8_100_500)
    assert floor.now(stop).state is OrderState.TRIGGER_PENDING
    floor.story()
    floor.exchange.set_price(floor.id(SBIN), 8_099_000)
    assert floor.story() == ["triggered", "filled", "trade"]
    done = floor.now(stop)
    assert (done.state, done.was_triggered) == (OrderState.FILLED, True)
    assert done.average_e4 <= 8_099_000


def test_a_stop_limit_rests_at_its_limit_once_triggered(floor: Floor) -> None:
    stop = floor.sell(SBIN, 10, 8_150_000, trigger_e4=8_160_000)
    floor.exchange.set_price(floor.id(SBIN), 8_000_000)
    assert floor.now(stop).state is OrderState.OPEN
    assert ask(floor) <= 8_150_000
    floor.exchange.set_price(floor.id(SBIN), 8_200_000)
    assert floor.now(stop).average_e4 == 8_150_000


def test_one_stop_may_set_off_the_next(bare: Floor) -> None:
    for price in (8_190_000, 8_180_000):
        bare.place(bare.want(SBIN, Side.BUY, 5, price), YOU)
    bare.exchange.open_account("third")
    first = bare.sell(SBIN, 5, trigger_e4=8_195_000)
    second = bare.place(bare.want(SBIN, Side.SELL, 5, trigger_e4=8_190_000), "third")
    bare.place(bare.want(SBIN, Side.BUY, 1, 8_195_000), YOU)
    bare.place(bare.want(SBIN, Side.SELL, 1, 8_195_000), "third")
    assert bare.now(first).average_e4 == 8_190_000
    assert bare.now(second).average_e4 == 8_180_000


def test_the_moving_market_fills_and_triggers_by_itself(floor: Floor) -> None:
    ltp = floor.quote(SBIN).ltp_e4 or 0
    buy = floor.buy(SBIN, 1, ltp - 3000)
    stop = floor.buy(SBIN, 1, trigger_e4=ltp + 3000)
    for _ in range(3000):
        floor.wait(1.0)
        if floor.now(buy).state is OrderState.FILLED or floor.now(stop).was_triggered:
            break
    assert floor.now(buy).state is OrderState.FILLED or floor.now(stop).was_triggered


# Refusals.


def wrong(**change: object) -> dict[str, object]:
    return change


@pytest.mark.parametrize(
    ("symbol", "change", "reason"),
    [
        (SBIN, wrong(quantity=0), Reason.QUANTITY),
        (SBIN, wrong(quantity=-5), Reason.QUANTITY),
        (NIFTY, wrong(quantity=64, product=Product.MARGIN), Reason.LOT),
        (NIFTY, wrong(quantity=65 * 28, product=Product.MARGIN), Reason.FREEZE),
        (SBIN, wrong(product=Product.MARGIN), Reason.PRODUCT),
        (NIFTY, wrong(quantity=65, product=Product.CNC), Reason.PRODUCT),
        (SBIN, wrong(product=Product.CO), Reason.PRODUCT),
        (SBIN, wrong(product=Product.MTF), Reason.PRODUCT),
        (SBIN, wrong(kind=Kind.LIMIT), Reason.PRICE),
        (SBIN, wrong(kind=Kind.MARKET, price_e4=8_000_000), Reason.PRICE),
        (SBIN, wrong(kind=Kind.LIMIT, price_e4=-500), Reason.PRICE),
        (SBIN, wrong(kind=Kind.LIMIT, price_e4=8_000_001), Reason.TICK),
        (SBIN, wrong(kind=Kind.STOP), Reason.TRIGGER),
        (SBIN, wrong(kind=Kind.MARKET, trigger_e4=8_000_000), Reason.TRIGGER),
        (SBIN, wrong(kind=Kind.STOP, trigger_e4=8_400_001), Reason.TRIGGER_TICK),
        (
            SBIN,
            wrong(kind=Kind.STOP_LIMIT, price_e4=8_399_500, trigger_e4=8_400_000),
            Reason.TRIGGER_LIMIT,
        ),
        (SBIN, wrong(disclosed_qty=11), Reason.DISCLOSED),
        (SBIN, wrong(disclosed_qty=-1), Reason.DISCLOSED),
        (NIFTY, wrong(quantity=65, disclosed_qty=65, product=Product.MARGIN), Reason.DISCLOSED),
        ("NSE:NIFTY50-INDEX", wrong(), Reason.NOT_TRADABLE),
        (SBIN, wrong(is_after_market=True), Reason.SESSION),
        (SBIN, wrong(is_after_market=True, validity=Validity.IOC), Reason.VALIDITY),
    ],
)
def test_a_malformed_order_never_comes_into_being(
    floor: Floor, symbol: str, change: dict[str, object], reason: Reason
) -> None:
    fields: dict[str, object] = {
        "instrument": floor.id(symbol),
        "side": Side.BUY,
        "quantity": 10,
        "kind": Kind.MARKET,
        "product": Product.INTRADAY,
        **change,
    }
    refusal = refused(floor, Want(**fields))  # type: ignore[arg-type]  # fields are Want's
    assert (refusal.reason, refusal.order) == (reason, None)
    assert floor.exchange.orders(ME) == []
    assert floor.events == []


@pytest.mark.parametrize(
    ("symbol", "shape", "reason"),
    [
        (SBIN, (Side.BUY, 90_465_00, 0, Product.CNC), None),
        (SBIN, (Side.BUY, 90_470_00, 0, Product.CNC), Reason.BAND),
        (SBIN, (Side.SELL, 74_020_00, 0, Product.INTRADAY), Reason.BAND),
        (SBIN, (Side.BUY, 0, 95_000_00, Product.INTRADAY), Reason.BAND),
        (SBIN, (Side.BUY, 0, 80_000_00, Product.INTRADAY), Reason.TRIGGER_LTP),
        (SBIN, (Side.SELL, 0, 85_000_00, Product.INTRADAY), Reason.TRIGGER_LTP),
        (SBIN, (Side.SELL, 0, 0, Product.CNC), Reason.HOLDINGS),
        ("NSE:ITC-EQ", (Side.SELL, 0, 0, Product.CNC), None),
        ("NSE:GTLINFRA-EQ", (Side.BUY, 0, 0, Product.CNC), Reason.SUSPENDED),
    ],
)
def test_a_risk_refusal_leaves_a_rejected_order(
    floor: Floor, symbol: str, shape: tuple[Side, int, int, Product], reason: Reason | None
) -> None:
    side, price_e4, trigger_e4, product = shape
    want = floor.want(symbol, side, 10, price_e4, trigger_e4=trigger_e4, product=product)
    if reason is None:
        assert floor.place(want).state in (OrderState.OPEN, OrderState.FILLED)
        return
    refusal = refused(floor, want)
    assert refusal.reason is reason
    assert refusal.order is not None
    assert refusal.order.state is OrderState.REJECTED
    assert refusal.order.reason is reason
    assert floor.exchange.orders(ME) == [refusal.order]
    assert floor.story() == ["received", "rejected"]
    assert reason in RISK


def test_a_refusal_names_its_numbers(floor: Floor) -> None:
    band = refused(floor, floor.want(SBIN, Side.BUY, 1, 95_000_00))
    assert dict(band.numbers) == {
        "price_e4": 95_000_00,
        "lower_e4": 74_025_00,
        "upper_e4": 90_465_00,
    }
    lot = refused(floor, floor.want(NIFTY, Side.BUY, 66, product=Product.MARGIN))
    assert dict(lot.numbers) == {"quantity": 66, "lot_size": 65}
    money = refused(floor, floor.want(SBIN, Side.BUY, 2000, 8_200_000, product=Product.CNC))
    assert money.reason is Reason.MARGIN
    assert money.numbers["required_paise"] == 2000 * 82_000
    assert money.numbers["shortfall_paise"] == 2000 * 82_000 - money.numbers["available_paise"]


def test_an_account_may_record_other_refusals_too() -> None:
    floor = Floor()
    floor.exchange.open_account("strict", recorded=frozenset({Reason.TICK}))
    with pytest.raises(Rejected) as caught:
        floor.place(floor.want(SBIN, Side.BUY, 1, 8_000_001), "strict")
    assert caught.value.order is not None
    assert caught.value.order.reason is Reason.TICK


def test_a_face_may_reject_for_reasons_of_its_own(floor: Floor) -> None:
    order = floor.exchange.reject(ME, floor.want(SBIN, Side.BUY, 1), numbers={"code": 7})
    assert (order.state, order.reason, order.numbers) == (
        OrderState.REJECTED,
        Reason.BROKER,
        {"code": 7},
    )
    assert floor.exchange.funds(ME).order_margin_paise == 0


def test_unknown_things_are_refused(floor: Floor) -> None:
    unknown = Want(
        instrument=floor.id(SBIN), side=Side.BUY, quantity=1, kind=Kind.MARKET, product=Product.CNC
    )
    with pytest.raises(Rejected) as caught:
        floor.exchange.place("nobody", unknown)
    assert caught.value.reason is Reason.UNKNOWN_ACCOUNT
    for call in (
        lambda: floor.exchange.cancel(ME, "1"),
        lambda: floor.exchange.modify(ME, "1", Change(quantity=1)),
    ):
        with pytest.raises(Rejected) as caught:
            call()
        assert caught.value.reason is Reason.UNKNOWN_ORDER


def test_a_contract_of_unknown_size_cannot_be_traded() -> None:
    crude = SMALL.by_symbol(CRUDE)
    assert crude is not None
    others = [each for each in SMALL.all() if each.id != crude.id]
    floor = Floor(universe=Universe([*others, structs.replace(crude, multiplier=None)]))
    refusal = refused(floor, floor.want(CRUDE, Side.BUY, 1, product=Product.MARGIN))
    assert refusal.reason is Reason.MULTIPLIER_UNKNOWN


def test_products_are_those_of_the_segment() -> None:
    for each in SMALL.all():
        assert Product.INTRADAY in products_of(each)


# Changing and cancelling.


@pytest.mark.parametrize(
    ("change", "keeps"),
    [
        (Change(quantity=8), True),
        (Change(disclosed_qty=5), True),
        (Change(quantity=12), False),
        (Change(price_e4=8_200_000), True),
    ],
)
def test_a_change_keeps_its_place_unless_it_asks_for_more(
    bare: Floor, change: Change, *, keeps: bool
) -> None:
    first, second = (bare.place(bare.want(SBIN, Side.BUY, 10, 8_200_000), a) for a in (ME, YOU))
    bare.exchange.modify(ME, first.order_id, change)
    bare.exchange.open_account("third")
    bare.place(bare.want(SBIN, Side.SELL, 3, 8_200_000), "third")
    assert (bare.now(first).filled_qty, bare.now(second).filled_qty) == (
        (3, 0) if keeps else (0, 3)
    )


def test_a_changed_price_goes_to_the_back_of_its_new_queue(bare: Floor) -> None:
    first, second = (
        bare.place(bare.want(SBIN, Side.BUY, 10, price), account)
        for price, account in ((8_199_500, ME), (8_200_000, YOU))
    )
    bare.exchange.modify(ME, first.order_id, Change(price_e4=8_200_000))
    bare.exchange.open_account("third")
    bare.place(bare.want(SBIN, Side.SELL, 3, 8_200_000), "third")
    assert (bare.now(first).filled_qty, bare.now(second).filled_qty) == (0, 3)


def test_a_modified_order_can_be_filled_at_its_new_price(floor: Floor) -> None:
    order = floor.buy(SBIN, 10, 8_000_000)
    floor.story()
    changed = floor.exchange.modify(ME, order.order_id, Change(price_e4=ask(floor)))
    assert (changed.state, changed.was_modified) == (OrderState.FILLED, True)
    assert floor.story() == ["modified", "filled", "trade"]


def test_a_change_is_checked_like_a_new_order_and_leaves_the_old_one(floor: Floor) -> None:
    order = floor.buy(SBIN, 10, 8_000_000, product=Product.CNC)
    blocked = floor.exchange.funds(ME).order_margin_paise
    for change, reason in (
        (Change(price_e4=8_000_001), Reason.TICK),
        (Change(price_e4=99_000_00), Reason.BAND),
        (Change(quantity=100_000), Reason.MARGIN),
        (Change(quantity=0), Reason.BELOW_FILLED),
        (Change(kind=Kind.STOP), Reason.TRIGGER),
    ):
        with pytest.raises(Rejected) as caught:
            floor.exchange.modify(ME, order.order_id, change)
        assert caught.value.reason is reason
    assert floor.now(order) == order
    assert floor.exchange.funds(ME).order_margin_paise == blocked


def test_a_limit_order_may_become_a_market_order(floor: Floor) -> None:
    order = floor.buy(SBIN, 10, 8_000_000)
    changed = floor.exchange.modify(ME, order.order_id, Change(kind=Kind.MARKET))
    assert (changed.state, changed.price_e4) == (OrderState.FILLED, 0)


def test_a_waiting_stop_may_get_another_trigger(floor: Floor) -> None:
    stop = floor.sell(SBIN, 10, trigger_e4=8_100_000)
    floor.exchange.modify(ME, stop.order_id, Change(trigger_e4=8_000_000))
    floor.exchange.set_price(floor.id(SBIN), 8_050_000)
    assert floor.now(stop).state is OrderState.TRIGGER_PENDING
    floor.exchange.set_price(floor.id(SBIN), 8_000_000)
    assert floor.now(stop).state is OrderState.FILLED


def test_a_cancelled_order_is_out_of_the_book(floor: Floor) -> None:
    order, stop = floor.buy(SBIN, 10, 8_000_000), floor.sell(SBIN, 10, trigger_e4=8_000_000)
    for each in (order, stop):
        assert floor.exchange.cancel(ME, each.order_id).state is OrderState.CANCELLED
    floor.exchange.set_price(floor.id(SBIN), 7_950_000)
    assert floor.exchange.trades(ME) == []
    with pytest.raises(Rejected) as caught:
        floor.exchange.cancel(ME, order.order_id)
    assert caught.value.reason is Reason.ALREADY_CANCELLED


def test_an_ended_order_says_how_it_ended(floor: Floor) -> None:
    filled = floor.buy(SBIN, 1)
    rejected = refused(floor, floor.want(SBIN, Side.BUY, 1, 99_000_00)).order
    resting = floor.buy(SBIN, 1, 7_450_000)
    floor.at(FRIDAY, 931)
    assert rejected is not None
    for order, reason in (
        (filled, Reason.ALREADY_FILLED),
        (rejected, Reason.ALREADY_REJECTED),
        (resting, Reason.ALREADY_EXPIRED),
    ):
        with pytest.raises(Rejected) as caught:
            floor.exchange.modify(ME, order.order_id, Change(quantity=5))
        assert caught.value.reason is reason


def test_requests_with_the_same_tag_are_counted(floor: Floor) -> None:
    orders = [floor.buy(SBIN, 1, tag="T0ABCDEFGH1234XY") for _ in range(2)]
    assert [floor.now(each).requests for each in orders] == [2, 2]
    assert floor.buy(SBIN, 1).requests == 1


# Sessions.


def test_day_orders_expire_at_the_close_and_not_a_moment_before(floor: Floor) -> None:
    cash = floor.buy(SBIN, 1, 7_500_000)
    stop = floor.buy(SBIN, 1, trigger_e4=9_000_000)
    future = floor.buy(NIFTY, 65, 23_500_0000, product=Product.MARGIN)
    floor.exchange.set_clock(ist_ns(FRIDAY, 930) - 1)
    assert floor.now(cash).state is OrderState.OPEN
    floor.events.clear()
    floor.wait(0.001)
    assert [floor.now(each).state for each in (cash, stop)] == [OrderState.EXPIRED] * 2
    assert floor.now(cash).updated_ns == ist_ns(FRIDAY, 930)
    assert isinstance(floor.events[0], SessionEvent)
    assert floor.now(future).state is OrderState.OPEN
    floor.at(FRIDAY, 940)
    assert floor.now(future).state is OrderState.EXPIRED


def test_after_hours_only_after_market_orders_are_taken(floor: Floor) -> None:
    floor.at(FRIDAY, 20 * 60)
    assert refused(floor, floor.want(SBIN, Side.BUY, 1)).reason is Reason.SESSION
    order = floor.buy(SBIN, 10, is_after_market=True)
    assert (order.state, order.is_queued, order.exchange_id) == (OrderState.PENDING_NEW, True, "")
    limit = floor.buy(SBIN, 10, 7_600_000, is_after_market=True)
    floor.exchange.modify(ME, limit.order_id, Change(quantity=12))
    gone = floor.buy(SBIN, 10, is_after_market=True)
    floor.exchange.cancel(ME, gone.order_id)
    floor.at(MONDAY, 556)
    assert floor.now(order).state is OrderState.FILLED
    assert (floor.now(limit).state, floor.now(limit).quantity) == (OrderState.OPEN, 12)
    assert floor.now(gone).state is OrderState.CANCELLED
    trade = floor.exchange.trades(ME)[0]
    assert trade.at_ns == ist_ns(MONDAY, 555)


def test_an_after_market_order_outside_the_next_days_band_is_rejected_at_the_open(
    floor: Floor,
) -> None:
    floor.exchange.set_price(floor.id(SBIN), 7_450_000)
    floor.exchange.pause(is_paused=True)
    floor.at(FRIDAY, 20 * 60)
    floor.exchange.pause(is_paused=False)
    order = floor.buy(SBIN, 1, 9_000_000, is_after_market=True)
    floor.at(MONDAY, 556)
    done = floor.now(order)
    assert (done.state, done.reason) == (OrderState.REJECTED, Reason.BAND)


def test_orders_before_the_open_rest_and_match_at_the_open() -> None:
    floor = Floor(start=(FRIDAY, 550))
    order = floor.buy(SBIN, 10, 9_000_000)
    assert order.state is OrderState.OPEN
    floor.at(FRIDAY, 555)
    assert floor.now(order).state is OrderState.FILLED
    assert floor.exchange.trades(ME)[0].at_ns == ist_ns(FRIDAY, 555)


def test_an_expired_contract_takes_no_orders(floor: Floor) -> None:
    floor.at(MONDAY, 600)
    floor.buy(NIFTY, 65, product=Product.MARGIN)
    floor.at(dt.date(2026, 11, 25), 600)
    refusal = refused(floor, floor.want(NIFTY, Side.BUY, 65, product=Product.MARGIN))
    assert (refusal.reason, refusal.order) == (Reason.EXPIRED, None)
    floor.at(MONDAY, 600)
    assert floor.buy(NIFTY, 65, product=Product.MARGIN).state is OrderState.FILLED


def test_a_jump_of_the_clock_fills_what_prices_passed_on_the_way() -> None:
    floor, later = Floor(), Floor()
    later.at(FRIDAY, 900)
    span = Span(ist_ns(FRIDAY, 605), ist_ns(FRIDAY, 895))
    bars = later.market.candles(later.id(SBIN), Interval.M1, span)
    low, high = min(b.low_e4 for b in bars), max(b.high_e4 for b in bars)
    buy = floor.buy(SBIN, 1, low + 2000)
    stop = floor.buy(SBIN, 1, trigger_e4=high - 1000)
    away = floor.buy(SBIN, 1, low - 20_000)
    floor.at(FRIDAY, 900)
    done = floor.now(buy)
    assert done.state is OrderState.FILLED
    assert ist_ns(FRIDAY, 600) < done.updated_ns < ist_ns(FRIDAY, 900)
    assert floor.now(stop).was_triggered
    assert floor.now(away).state is OrderState.OPEN
    stamps = [each.at_ns for each in floor.events]
    assert stamps == sorted(stamps)


def test_setting_the_clock_back_ends_what_was_working(floor: Floor) -> None:
    order = floor.buy(SBIN, 1, 8_000_000)
    floor.at(FRIDAY, 580)
    assert floor.now(order).state is OrderState.EXPIRED
    assert floor.buy(SBIN, 1).state is OrderState.FILLED


# Trouble on purpose.


def test_an_armed_partial_fill_fills_exactly_that_and_the_rest_stands_still(floor: Floor) -> None:
    floor.exchange.arm_partial_fill(4)
    order = floor.buy(SBIN, 10, 9_000_000)
    assert (order.state, order.filled_qty) == (OrderState.PARTIAL, 4)
    floor.wait(30)
    assert floor.now(order).filled_qty == 4
    assert floor.buy(SBIN, 10, 9_000_000).state is OrderState.FILLED
    floor.exchange.set_price(floor.id(SBIN), 8_300_000)
    assert floor.now(order).state is OrderState.FILLED


def test_a_held_rest_goes_on_when_faults_are_cleared(floor: Floor) -> None:
    floor.exchange.arm_partial_fill(3, ME)
    assert floor.place(floor.want(SBIN, Side.BUY, 10), YOU).state is OrderState.FILLED
    order = floor.buy(SBIN, 10)
    assert order.filled_qty == 3
    floor.exchange.release_held()
    assert floor.now(order).state is OrderState.FILLED


def test_a_held_limit_away_from_the_market_fills_at_its_own_price(floor: Floor) -> None:
    floor.exchange.arm_partial_fill(5)
    order = floor.buy(SBIN, 10, 8_000_000)
    assert (order.filled_qty, order.average_e4) == (5, 8_000_000)
    assert floor.exchange.cancel(ME, order.order_id).state is OrderState.CANCELLED
    assert floor.now(order).filled_qty == 5


def test_a_listener_may_read_while_it_is_told(floor: Floor) -> None:
    seen: list[int] = []

    def read(_: object) -> None:
        floor.machine_ns += 3_000_000_000
        seen.append(len(floor.exchange.orders(ME)))

    stop = floor.exchange.listen(read)
    order = floor.buy(SBIN, 1)
    stop()
    assert seen
    assert order.state is OrderState.FILLED


def test_a_listener_can_leave(floor: Floor) -> None:
    heard: list[object] = []
    stop = floor.exchange.listen(heard.append)
    floor.buy(SBIN, 1)
    count = len(heard)
    stop()
    stop()
    floor.buy(SBIN, 1)
    assert len(heard) == count > 0
