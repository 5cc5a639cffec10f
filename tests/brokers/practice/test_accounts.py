"""Money, positions and holdings: exact in paise, nothing lost from day to day."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.model.instrument import instrument_id
from brokers.model.order import OrderState, Product, Side
from brokers.practice.accounts import OPENING_PAISE
from brokers.practice.charges import charge_group, shipped_tariff
from brokers.practice.values import Change, HoldingRow, PositionRow, Reason, Rejected, Want
from tests.brokers.practice.floor import FRIDAY, ME, SMALL, YOU, Floor

SBIN, ITC, NIFTY = "NSE:SBIN-EQ", "NSE:ITC-EQ", "NSE:NIFTY26NOVFUT"
CALL, CRUDE = "NSE:NIFTY26NOV26000CE", "MCX:CRUDEOIL26DECFUT"
MONDAY, WEDNESDAY = dt.date(2026, 11, 23), dt.date(2026, 11, 25)


@pytest.fixture
def floor() -> Floor:
    made = Floor()
    made.exchange.set_price(made.id(SBIN), 8_200_000)
    made.events.clear()
    return made


def row(floor: Floor, symbol: str, product: Product, account: str = ME) -> PositionRow:
    found = [
        each
        for each in floor.exchange.positions(account)
        if (each.instrument, each.product) == (floor.id(symbol), product)
    ]
    assert len(found) == 1
    return found[0]


# The start.


def test_every_account_starts_with_ten_lakh_and_some_shares(floor: Floor) -> None:
    funds = floor.exchange.funds(ME)
    assert (funds.available_paise, funds.total_paise, funds.used_paise) == (
        OPENING_PAISE,
        10_00_000_00,
        0,
    )
    held = {each.instrument: each for each in floor.exchange.holdings(ME)}
    for symbol in (ITC, "NSE:JIOFIN-EQ"):
        assert held[floor.id(symbol)].free_qty > 0
        assert held[floor.id(symbol)].cost_e4 > 0
    assert floor.exchange.orders(ME) == []
    assert floor.exchange.positions(ME) == []
    assert floor.exchange.accounts == [ME, YOU]


# Blocking and releasing.


def test_orders_block_their_margin_and_release_it_to_the_paisa(floor: Floor) -> None:
    intraday = floor.buy(SBIN, 10, 8_000_000)
    assert floor.exchange.funds(ME).order_margin_paise == 10 * 80_000 * 20 // 100
    delivery = floor.buy(SBIN, 10, 8_000_000, product=Product.CNC)
    assert floor.exchange.funds(ME).order_margin_paise == 10 * 80_000 * 120 // 100
    floor.exchange.modify(ME, delivery.order_id, Change(quantity=5))
    assert floor.exchange.funds(ME).order_margin_paise == 10 * 16_000 + 5 * 80_000
    for order in (intraday, delivery):
        floor.exchange.cancel(ME, order.order_id)
    assert floor.exchange.funds(ME).available_paise == OPENING_PAISE


def test_a_rejected_order_blocks_nothing(floor: Floor) -> None:
    with pytest.raises(Rejected):
        floor.buy(SBIN, 100_000, 8_000_000)
    assert floor.exchange.funds(ME).available_paise == OPENING_PAISE


def test_the_margin_check_counts_what_is_already_blocked(floor: Floor) -> None:
    floor.buy(SBIN, 1000, 8_000_000, product=Product.CNC)
    with pytest.raises(Rejected) as caught:
        floor.buy(SBIN, 300, 8_000_000, product=Product.CNC)
    assert caught.value.reason is Reason.MARGIN
    assert caught.value.numbers["available_paise"] == OPENING_PAISE - 1000 * 80_000


def test_an_order_against_a_position_blocks_nothing(floor: Floor) -> None:
    floor.buy(SBIN, 10)
    before = floor.exchange.funds(ME)
    stop = floor.sell(SBIN, 10, 8_900_000)
    assert floor.exchange.funds(ME).order_margin_paise == 0
    second = floor.sell(SBIN, 10, 8_900_000)
    assert floor.exchange.funds(ME).order_margin_paise == 10 * 89_000 * 20 // 100
    floor.exchange.cancel(ME, stop.order_id)
    assert floor.exchange.funds(ME).order_margin_paise == 0
    floor.exchange.cancel(ME, second.order_id)
    assert floor.exchange.funds(ME) == before


def test_futures_block_a_part_and_bought_options_their_premium(floor: Floor) -> None:
    future = floor.buy(NIFTY, 65, product=Product.MARGIN)
    value = future.filled_value_e4 // 100
    assert floor.exchange.funds(ME).position_margin_paise == -(-value * 12 // 100)
    option = floor.place(floor.want(CALL, Side.BUY, 65, product=Product.MARGIN), YOU)
    assert floor.exchange.funds(YOU).position_margin_paise == option.filled_value_e4 // 100


def test_a_sold_option_blocks_a_part_of_its_strike(floor: Floor) -> None:
    floor.sell(CALL, 65, product=Product.MARGIN)
    assert floor.exchange.funds(ME).position_margin_paise == 65 * 26_000 * 100 * 12 // 100


def test_commodities_count_with_their_multiplier(floor: Floor) -> None:
    order = floor.buy(CRUDE, 2, product=Product.MARGIN)
    value = order.filled_value_e4 * 100 // 100
    funds = floor.exchange.funds(ME)
    assert funds.position_margin_paise == -(-value * 12 // 100)
    held = row(floor, CRUDE, Product.MARGIN)
    assert held.multiplier == 100
    moved = held.profit_paise
    assert moved == (held.ltp_e4 * 2 - order.filled_value_e4) * 100 // 100


def test_margin_for_a_basket_is_what_it_would_block(floor: Floor) -> None:
    wants = [
        floor.want(SBIN, Side.BUY, 10, 8_000_000),
        floor.want(NIFTY, Side.BUY, 65, 25_000_0000, product=Product.MARGIN),
    ]
    before = floor.exchange.funds(ME)
    needed = floor.exchange.margin(ME, wants)
    assert floor.exchange.funds(ME) == before
    for want in wants:
        floor.place(want)
    assert floor.exchange.funds(ME).order_margin_paise == needed


# Charges.


def test_charges_of_a_delivery_purchase_are_those_of_the_table() -> None:
    tariff, sbin = shipped_tariff(), SMALL.by_symbol(SBIN)
    assert sbin is not None
    group = charge_group(sbin, Product.CNC)
    value = 1000 * 80_000
    brokerage = tariff.brokerage(group, value, FRIDAY)
    sheet = tariff.trade(group, Side.BUY, value, brokerage, FRIDAY)
    assert brokerage == 2000
    assert (sheet.stt, sheet.exchange, sheet.regulator, sheet.stamp) == (80_000, 2376, 80, 12_000)
    assert sheet.gst == round((2000 + 2376 + 80) * 0.18)
    assert sheet.total == 2000 + 80_000 + 2376 + 80 + 12_000 + sheet.gst
    assert tariff.label == "practice estimate"


def test_brokerage_is_per_order_however_many_trades_it_took(floor: Floor) -> None:
    asks = floor.market.depth(floor.id(SBIN), 3).asks
    order = floor.buy(SBIN, sum(level.quantity for level in asks[:2]) // 10 * 10)
    trades = floor.exchange.trades(ME)
    assert len(trades) >= 2
    tariff = shipped_tariff()
    turnover = sum(each.value_paise for each in trades)
    brokerage = tariff.brokerage("intraday", turnover, FRIDAY)
    others = [tariff.trade("intraday", Side.BUY, e.value_paise, 0, FRIDAY) for e in trades]
    least = brokerage + sum(sheet.total for sheet in others)
    charged = floor.exchange.funds(ME).charges_paise
    assert least <= charged <= least + brokerage * 18 // 100 + len(trades)
    assert order.state is OrderState.FILLED


def test_realised_figures_are_exact(floor: Floor) -> None:
    bought = floor.buy(SBIN, 10)
    floor.exchange.set_price(floor.id(SBIN), 8_300_000)
    sold = floor.sell(SBIN, 10)
    gain = (sold.filled_value_e4 - bought.filled_value_e4) // 100
    funds = floor.exchange.funds(ME)
    assert funds.realised_paise == gain
    assert funds.net_realised_paise == gain - funds.charges_paise
    assert funds.available_paise == OPENING_PAISE + gain - funds.charges_paise
    assert funds.used_paise == 0


# Positions.


def test_a_position_row_is_told_as_brokers_do() -> None:
    # The sample of the position documentation: two bought, one sold, last price above.
    sample = PositionRow(
        account=ME,
        instrument=instrument_id("MCX", "COM", "217406"),
        product=Product.MARGIN,
        carried_qty=0,
        carried_e4=0,
        day_buy_qty=2,
        day_buy_value_e4=144_512_0000,
        day_sell_qty=1,
        day_sell_value_e4=72_656_0000,
        ltp_e4=72_717_0000,
        multiplier=1,
    )
    assert (sample.net_qty, sample.buy_average_e4, sample.sell_average_e4) == (
        1,
        72_256_0000,
        72_656_0000,
    )
    assert (sample.realised_paise, sample.unrealised_paise, sample.profit_paise) == (
        400_00,
        461_00,
        861_00,
    )


quantities, prices = st.integers(0, 5000), st.integers(1, 10**9)


@given(
    carried=st.integers(-5000, 5000),
    amounts=st.tuples(quantities, prices, quantities, prices, prices, prices),
    multiplier=st.sampled_from([1, 30, 100, 1250]),
)
def test_realised_and_open_profit_are_always_the_whole(
    carried: int, amounts: tuple[int, int, int, int, int, int], multiplier: int
) -> None:
    bought, buy_price, sold, sell_price, carried_price, ltp = amounts
    one = PositionRow(
        account=ME,
        instrument=instrument_id("NSE", "CM", "1"),
        product=Product.MARGIN,
        carried_qty=carried,
        carried_e4=carried_price,
        day_buy_qty=bought,
        day_buy_value_e4=bought * buy_price,
        day_sell_qty=sold,
        day_sell_value_e4=sold * sell_price,
        ltp_e4=ltp,
        multiplier=multiplier,
    )
    flow = sold * sell_price - bought * buy_price - carried * carried_price
    exact = (flow + one.net_qty * ltp) * multiplier
    assert abs(one.profit_paise * 100 - exact) <= 50
    assert one.realised_paise + one.unrealised_paise == one.profit_paise
    if one.buy_qty == 0 or one.sell_qty == 0:
        assert one.realised_paise == 0
    if one.net_qty == 0:
        assert abs(one.unrealised_paise) <= 1


def test_exit_closes_one_position_and_exit_all_the_rest(floor: Floor) -> None:
    floor.buy(SBIN, 10)
    floor.sell(ITC, 5, product=Product.INTRADAY)
    floor.buy(NIFTY, 65, product=Product.MARGIN)
    order = floor.exchange.exit(ME, floor.id(SBIN), Product.INTRADAY)
    assert (order.side, order.quantity, order.state) == (Side.SELL, 10, OrderState.FILLED)
    assert row(floor, SBIN, Product.INTRADAY).net_qty == 0
    orders = floor.exchange.exit_all(ME)
    assert [(each.side, each.quantity) for each in orders] == [(Side.BUY, 5), (Side.SELL, 65)]
    for call in (
        lambda: floor.exchange.exit_all(ME),
        lambda: floor.exchange.exit(ME, floor.id(SBIN), Product.INTRADAY),
    ):
        with pytest.raises(Rejected) as caught:
            call()
        assert caught.value.reason is Reason.NOTHING_TO_EXIT


def test_an_exit_above_the_freeze_quantity_goes_in_parts(floor: Floor) -> None:
    for _ in range(2):
        floor.buy(CALL, 65 * 20, product=Product.MARGIN)
    floor.exchange.exit(ME, floor.id(CALL), Product.MARGIN)
    sells = [each.quantity for each in floor.exchange.orders(ME) if each.side is Side.SELL]
    assert sells == [65 * 27, 65 * 13]
    assert row(floor, CALL, Product.MARGIN).net_qty == 0


def test_a_conversion_moves_the_position_and_what_it_blocks(floor: Floor) -> None:
    order = floor.buy(SBIN, 10)
    value = order.filled_value_e4 // 100
    before = floor.exchange.funds(ME)
    products = (Product.INTRADAY, Product.CNC)
    moved = floor.exchange.convert(ME, floor.id(SBIN), products, Side.BUY, 4)
    assert (moved.product, moved.net_qty) == (Product.CNC, 4)
    assert row(floor, SBIN, Product.INTRADAY).net_qty == 6
    after = floor.exchange.funds(ME)
    assert after.delivery_paise == -(value * 4 // 10)
    assert after.position_margin_paise < before.position_margin_paise
    total = after.total_paise + sum(
        each.net_qty * each.ltp_e4 // 100
        for each in floor.exchange.positions(ME)
        if each.product is Product.CNC
    )
    assert total + after.unrealised_paise == pytest.approx(
        before.total_paise + before.unrealised_paise, abs=1
    )


@pytest.mark.parametrize(
    ("symbol", "products", "side", "quantity", "reason"),
    [
        (SBIN, (Product.INTRADAY, Product.CNC), Side.BUY, 11, Reason.NOTHING_TO_CONVERT),
        (SBIN, (Product.INTRADAY, Product.CNC), Side.SELL, 5, Reason.NOTHING_TO_CONVERT),
        (SBIN, (Product.CNC, Product.INTRADAY), Side.BUY, 5, Reason.NOTHING_TO_CONVERT),
        (SBIN, (Product.INTRADAY, Product.MARGIN), Side.BUY, 5, Reason.CONVERSION),
        (SBIN, (Product.INTRADAY, Product.INTRADAY), Side.BUY, 5, Reason.CONVERSION),
        (NIFTY, (Product.MARGIN, Product.INTRADAY), Side.BUY, 64, Reason.LOT),
    ],
)
def test_a_conversion_that_makes_no_sense_is_refused(
    floor: Floor,
    symbol: str,
    products: tuple[Product, Product],
    *,
    side: Side,
    quantity: int,
    reason: Reason,
) -> None:
    floor.buy(SBIN, 10)
    floor.buy(NIFTY, 65, product=Product.MARGIN)
    before = floor.exchange.funds(ME)
    with pytest.raises(Rejected) as caught:
        floor.exchange.convert(ME, floor.id(symbol), products, side, quantity)
    assert caught.value.reason is reason
    assert floor.exchange.funds(ME) == before


def test_a_conversion_that_the_money_does_not_cover_changes_nothing(floor: Floor) -> None:
    floor.buy(SBIN, 3000)
    before = (floor.exchange.funds(ME), floor.exchange.positions(ME))
    with pytest.raises(Rejected) as caught:
        floor.exchange.convert(ME, floor.id(SBIN), (Product.INTRADAY, Product.CNC), Side.BUY, 3000)
    assert caught.value.reason is Reason.MARGIN
    assert floor.exchange.funds(ME) == before[0]
    assert row(floor, SBIN, Product.INTRADAY).net_qty == 3000


# Holdings.


def test_only_shares_that_are_there_can_be_sold_for_delivery(floor: Floor) -> None:
    whole = next(e for e in floor.exchange.holdings(ME) if e.instrument == floor.id(ITC))
    resting = floor.sell(ITC, whole.free_qty - 10, 4_400_000, product=Product.CNC)
    assert _held(floor, ITC).reserved_qty == whole.free_qty - 10
    assert floor.sell(ITC, 10, product=Product.CNC).state is OrderState.FILLED
    with pytest.raises(Rejected) as caught:
        floor.sell(ITC, 1, product=Product.CNC)
    assert (caught.value.reason, caught.value.numbers["free_qty"]) == (Reason.HOLDINGS, 0)
    with pytest.raises(Rejected):
        floor.exchange.modify(ME, resting.order_id, Change(quantity=whole.free_qty))
    floor.exchange.modify(ME, resting.order_id, Change(quantity=whole.free_qty - 20))
    assert floor.sell(ITC, 10, product=Product.CNC).state is OrderState.FILLED
    held = _held(floor, ITC)
    assert (held.sold_qty, held.free_qty, held.quantity) == (20, 0, whole.quantity)


def _held(floor: Floor, symbol: str) -> HoldingRow:
    return next(e for e in floor.exchange.holdings(ME) if e.instrument == floor.id(symbol))


def test_what_was_bought_today_can_be_sold_today_on_the_same_exchange(floor: Floor) -> None:
    floor.buy(SBIN, 10, product=Product.CNC)
    with pytest.raises(Rejected):
        floor.sell("BSE:SBIN-A", 5, product=Product.CNC)
    assert floor.sell(SBIN, 10, product=Product.CNC).state is OrderState.FILLED
    assert row(floor, SBIN, Product.CNC).net_qty == 0


def test_shares_in_demat_may_be_sold_on_either_exchange(floor: Floor) -> None:
    order = floor.sell("BSE:INFY-A", 10, product=Product.CNC)
    assert order.filled_qty == 10
    held = next(e for e in floor.exchange.holdings(ME) if floor.id("BSE:INFY-A") in e.instruments)
    assert (held.sold_qty, held.free_qty) == (10, 10)


def test_a_purchase_is_delivered_the_day_after_next(floor: Floor) -> None:
    order = floor.buy(SBIN, 10, product=Product.CNC)
    cash = floor.exchange.funds(ME).total_paise
    floor.at(MONDAY, 600)
    held = next(e for e in floor.exchange.holdings(ME) if e.instrument == floor.id(SBIN))
    assert (held.quantity, held.t1_qty, held.cost_e4) == (0, 10, order.average_e4)
    assert floor.exchange.positions(ME) == []
    assert floor.exchange.funds(ME).total_paise == cash
    floor.at(WEDNESDAY, 600)
    held = next(e for e in floor.exchange.holdings(ME) if e.instrument == floor.id(SBIN))
    assert (held.quantity, held.t1_qty) == (10, 0)
    assert floor.exchange.orders(ME) == []
    assert len(floor.exchange.all_orders()) == 1


def test_a_delivery_sale_leaves_demat_and_its_money_stays(floor: Floor) -> None:
    before = next(e for e in floor.exchange.holdings(ME) if e.instrument == floor.id(ITC))
    order = floor.sell(ITC, 40, product=Product.CNC)
    funds = floor.exchange.funds(ME)
    assert funds.delivery_paise == order.filled_value_e4 // 100
    floor.at(MONDAY, 600)
    after = next(e for e in floor.exchange.holdings(ME) if e.instrument == floor.id(ITC))
    assert after.quantity == before.quantity - 40
    assert floor.exchange.funds(ME).opening_paise == funds.total_paise


# Over night.


def test_a_future_is_carried_at_the_close_and_the_difference_is_booked(floor: Floor) -> None:
    december = "NSE:NIFTY26DECFUT"
    order = floor.buy(december, 65, product=Product.MARGIN)
    floor.at(FRIDAY, 1430)
    close, funds = floor.quote(december).ltp_e4 or 0, floor.exchange.funds(ME)
    marked = (close * 65 - order.filled_value_e4) // 100
    floor.at(MONDAY, 600)
    held = row(floor, december, Product.MARGIN)
    assert (held.carried_qty, held.carried_e4, held.day_buy_qty) == (65, close, 0)
    assert floor.exchange.funds(ME).opening_paise == funds.total_paise + marked
    assert held.profit_paise == (held.ltp_e4 - close) * 65 // 100
    floor.sell(december, 65, product=Product.MARGIN)
    assert floor.exchange.funds(ME).position_margin_paise == 0


def test_an_option_is_carried_at_what_it_cost(floor: Floor) -> None:
    symbol = "NSE:NIFTY26D0126000CE"
    order = floor.buy(symbol, 65, product=Product.MARGIN)
    total = floor.exchange.funds(ME).total_paise
    floor.at(MONDAY, 600)
    held = row(floor, symbol, Product.MARGIN)
    assert (held.carried_qty, held.carried_e4) == (65, order.average_e4)
    assert floor.exchange.funds(ME).opening_paise == pytest.approx(total, abs=1)


def test_a_same_day_position_ends_with_the_day(floor: Floor) -> None:
    order = floor.sell(SBIN, 10)
    floor.at(FRIDAY, 1430)
    close, funds = floor.quote(SBIN).ltp_e4 or 0, floor.exchange.funds(ME)
    floor.at(MONDAY, 600)
    assert floor.exchange.positions(ME) == []
    gain = (order.filled_value_e4 - close * 10) // 100
    assert floor.exchange.funds(ME).opening_paise == pytest.approx(funds.total_paise + gain, abs=1)
    assert floor.exchange.funds(ME).used_paise == 0


def test_contracts_settle_at_the_underlyings_close(floor: Floor) -> None:
    floor.at(MONDAY, 600)
    bought = floor.buy(CALL, 65, product=Product.MARGIN)
    future = floor.sell(NIFTY, 65, product=Product.MARGIN)
    floor.at(MONDAY, 940)
    spot = floor.market.board(floor.id("NSE:NIFTY50-INDEX")).tape.line.price_at(
        floor.clock.now_ns()
    )
    call, short = row(floor, CALL, Product.MARGIN), row(floor, NIFTY, Product.MARGIN)
    assert (call.net_qty, short.net_qty) == (0, 0)
    worth = max(spot - 26_000.0, 0.0) * 6500
    assert call.realised_paise == pytest.approx(worth - bought.filled_value_e4 / 100, abs=65)
    assert short.realised_paise == pytest.approx(future.filled_value_e4 / 100 - spot * 6500, abs=65)
    assert floor.exchange.funds(ME).used_paise == 0


def test_an_account_that_is_not_there_is_refused(floor: Floor) -> None:
    with pytest.raises(Rejected) as caught:
        floor.exchange.funds("nobody")
    assert caught.value.reason is Reason.UNKNOWN_ACCOUNT


def test_margin_of_an_unknown_instrument_is_refused(floor: Floor) -> None:
    sbin = floor.want(SBIN, Side.BUY, 1)
    unknown = Want(
        instrument=instrument_id("NSE", "CM", "0"),
        side=Side.BUY,
        quantity=1,
        kind=sbin.kind,
        product=Product.CNC,
    )
    before = floor.exchange.funds(ME)
    with pytest.raises(Rejected):
        floor.exchange.margin(ME, [sbin, unknown])
    assert floor.exchange.funds(ME) == before
