"""Prices hang together, charts add up, and the same seed gives the same market."""

import datetime as dt
import itertools
import math
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.model.instrument import InstrumentKind, Right
from brokers.model.market import Candle, Interval, Quote, Span
from brokers.practice import names, pricing
from brokers.practice.calendar import ist_date, ist_ns
from brokers.practice.clock import DAY_NS, MINUTE_NS, SECOND_NS
from brokers.practice.history import read_history, read_recording
from tests.brokers.practice.floor import CALENDAR, FRIDAY, SMALL, TEN, Floor
from tests.rig.shared import shared

TODAY = Span(ist_ns(FRIDAY, 0), ist_ns(FRIDAY, 1440))
HUNDRED_DAYS = Span(ist_ns(FRIDAY - dt.timedelta(days=145), 0), ist_ns(FRIDAY, 1440))
LIQUID = ("NSE:SBIN-EQ", "NSE:NIFTY26NOVFUT", "NSE:NIFTY26NOV26000CE", "MCX:GOLD26DECFUT")


@pytest.fixture
def floor() -> Floor:
    return Floor()


def quotes(floor: Floor) -> list[Quote]:
    return [floor.market.quote(each.id) for each in SMALL.all()]


# One market.


def test_the_same_seed_is_the_same_market_and_another_is_not() -> None:
    one, same, other = Floor(seed=7), Floor(seed=7), Floor(seed=8)
    assert quotes(one) == quotes(same)
    assert quotes(one) != quotes(other)
    span = Span(TODAY.from_ns - 20 * DAY_NS, TODAY.to_ns)
    for symbol in LIQUID:
        candles = [f.market.candles(f.id(symbol), Interval.M5, span) for f in (one, same, other)]
        assert candles[0] == candles[1] != candles[2]


def test_prices_do_not_depend_on_who_looked_when(floor: Floor) -> None:
    watched = Floor()
    for _ in range(50):
        watched.wait(0.7)
        watched.quote("NSE:SBIN-EQ")
    floor.wait(35.0)
    one, other = floor.quote("NSE:SBIN-EQ"), watched.quote("NSE:SBIN-EQ")
    assert (one.volume, one.high_e4, one.low_e4) == (other.volume, other.high_e4, other.low_e4)


def test_put_call_parity_holds_within_the_spread(floor: Floor) -> None:
    now = floor.clock.now_ns()
    checked = 0
    for call in SMALL.all():
        if call.right is not Right.CALL or call.expiry is None:
            continue
        put = SMALL.by_symbol(call.symbol.removesuffix("CE") + "PE")
        assert put is not None
        c, p = floor.market.quote(call.id), floor.market.quote(put.id)
        if None in (c.bid_e4, c.ask_e4, p.bid_e4, p.ask_e4):
            continue
        underlying = SMALL.by_id(call.underlying_id) if call.underlying_id else None
        if underlying is None or underlying.kind is InstrumentKind.FUTURE:
            continue
        assert c.bid_e4 is not None
        assert c.ask_e4 is not None
        assert p.bid_e4 is not None
        assert p.ask_e4 is not None
        close = CALENDAR.close_ns(call.exchange, call.segment, call.expiry)
        assert close is not None
        years = (close - now) / pricing.YEAR_NS
        spot = floor.market.board(underlying.id).tape.line.price_at(now)
        strike = (call.strike_e4 or 0) / 10_000
        fair = spot - strike * math.exp(-pricing.RATE * years)
        assert (c.bid_e4 - p.ask_e4) / 10_000 - 0.05 <= fair
        assert fair <= (c.ask_e4 - p.bid_e4) / 10_000 + 0.05
        checked += 1
    assert checked > 40


def test_calls_fall_and_puts_rise_with_the_strike(floor: Floor) -> None:
    nifty = floor.id("NSE:NIFTY50-INDEX")
    for expiry in SMALL.expiries(nifty):
        for right in Right:
            chain = [each for each in SMALL.options(nifty, expiry) if each.right is right]
            fair = [floor.market.board(each.id).fair_e4(floor.clock.now_ns()) for each in chain]
            falling = right is Right.CALL
            assert fair == sorted(fair, reverse=falling)


def test_futures_are_spot_plus_carry(floor: Floor) -> None:
    spot = floor.quote("NSE:NIFTY50-INDEX").ltp_e4
    near, far = floor.quote("NSE:NIFTY26NOVFUT"), floor.quote("NSE:NIFTY26DECFUT")
    assert spot is not None
    for quote, end in ((near, dt.date(2026, 11, 23)), (far, dt.date(2026, 12, 29))):
        years = (ist_ns(end, 940) - floor.clock.now_ns()) / pricing.YEAR_NS
        expected = spot * math.exp(pricing.RATE * years)
        assert quote.bid_e4 is not None
        assert quote.ask_e4 is not None
        assert quote.bid_e4 - 1000 <= expected <= quote.ask_e4 + 1000


@pytest.mark.parametrize("symbol", ["NSE:NIFTY50-INDEX", "NSE:NIFTYBANK-INDEX", "BSE:SENSEX-INDEX"])
def test_an_index_is_the_sum_of_its_listed_constituents(floor: Floor, symbol: str) -> None:
    listed = SMALL.by_symbol(symbol)
    assert listed is not None
    index = next(i for i in names.INDICES if i.name == listed.underlying)
    weights = {
        name: weight
        for name, weight in names.weights(index.weights).items()
        if SMALL.by_symbol(f"NSE:{name}-EQ") is not None
    }
    total = sum(weights.values())
    floor.at(FRIDAY, TEN + 30)
    moved = 0.0
    for name, weight in weights.items():
        quote = floor.quote(f"NSE:{name}-EQ")
        assert quote.ltp_e4 is not None
        assert quote.previous_close_e4 is not None
        moved += weight / total * quote.ltp_e4 / quote.previous_close_e4
    quote = floor.quote(symbol)
    assert quote.ltp_e4 is not None
    assert quote.previous_close_e4 is not None
    assert quote.ltp_e4 / quote.previous_close_e4 == pytest.approx(moved, abs=2e-4)


def test_both_listings_of_a_share_have_one_price(floor: Floor) -> None:
    nse, bse = floor.quote("NSE:RELIANCE-EQ"), floor.quote("BSE:RELIANCE-A")
    assert nse.ltp_e4 is not None
    assert bse.ltp_e4 is not None
    assert abs(nse.ltp_e4 - bse.ltp_e4) <= 2000
    assert nse.previous_close_e4 == bse.previous_close_e4


# Quotes and books.


def test_a_quote_is_complete_and_agrees_with_itself(floor: Floor) -> None:
    for symbol in (*LIQUID, "NSE:USDINR26NOVFUT"):
        quote = floor.quote(symbol)
        fields = {name: getattr(quote, name) for name in quote.__struct_fields__}
        optional = {"open_interest", "previous_open_interest"} if "-EQ" in symbol else set()
        assert not [n for n, value in fields.items() if value is None and n not in optional]
        assert fields["low_e4"] <= fields["ltp_e4"] <= fields["high_e4"]
        assert fields["low_e4"] <= fields["open_e4"] <= fields["high_e4"]
        assert fields["low_e4"] <= fields["average_e4"] <= fields["high_e4"]
        assert fields["year_low_e4"] <= fields["low_e4"]
        assert fields["high_e4"] <= fields["year_high_e4"]
        assert fields["lower_circuit_e4"] < fields["bid_e4"] < fields["ask_e4"]
        assert fields["ask_e4"] < fields["upper_circuit_e4"]
        assert fields["volume"] >= fields["last_qty"] > 0


def test_books_are_ordered_on_the_tick_and_in_lots(floor: Floor) -> None:
    for each in SMALL.all():
        depth = floor.market.depth(each.id, 5)
        for levels, sign in ((depth.bids, -1), (depth.asks, 1)):
            prices = [level.price_e4 for level in levels]
            assert prices == sorted(set(prices), key=lambda price: sign * price)
            for level in levels:
                assert level.price_e4 % each.tick_e4 == 0
                assert level.quantity > 0
                assert level.quantity % each.lot_size == 0
                assert level.orders is not None
                assert 1 <= level.orders <= level.quantity


def test_liquid_books_are_tight_and_deep_thin_ones_are_not(floor: Floor) -> None:
    liquid, thin = floor.quote("NSE:SBIN-EQ"), floor.quote("NSE:BANARISUG-EQ")

    def spread(quote: Quote) -> float:
        assert quote.ask_e4 is not None
        assert quote.bid_e4 is not None
        assert quote.ltp_e4 is not None
        return (quote.ask_e4 - quote.bid_e4) / quote.ltp_e4

    assert spread(liquid) < 0.0005 < spread(thin)
    assert (liquid.bid_qty or 0) > 20 * (thin.bid_qty or 0)
    depth = floor.market.depth(floor.id("NSE:SBIN-EQ"), 50)
    assert len(depth.bids) == len(depth.asks) == 50


def test_a_name_at_its_upper_limit_has_no_sellers(floor: Floor) -> None:
    quote, depth = floor.quote("NSE:JPPOWER-EQ"), floor.market.depth(floor.id("NSE:JPPOWER-EQ"))
    assert quote.ltp_e4 == quote.upper_circuit_e4 == depth.bids[0].price_e4
    assert depth.asks == ()
    quote, depth = floor.quote("NSE:RTNPOWER-EQ"), floor.market.depth(floor.id("NSE:RTNPOWER-EQ"))
    assert quote.ltp_e4 == quote.lower_circuit_e4 == depth.asks[0].price_e4
    assert depth.bids == ()


def test_a_halted_name_stands_still(floor: Floor) -> None:
    halted = floor.id("NSE:GTLINFRA-EQ")
    before = floor.market.quote(halted)
    floor.wait(1200)
    after = floor.market.quote(halted)
    assert (after.ltp_e4, after.volume) == (before.ltp_e4, 0)
    assert floor.market.depth(halted).bids == ()
    assert not floor.market.candles(halted, Interval.M1, TODAY)


def test_a_thin_name_does_not_trade_for_minutes(floor: Floor) -> None:
    floor.at(FRIDAY, 15 * 60)
    candles = floor.market.candles(floor.id("NSE:BANARISUG-EQ"), Interval.M1, TODAY)
    gaps = [b.opened_ns - a.opened_ns for a, b in itertools.pairwise(candles)]
    assert max(gaps) >= 5 * MINUTE_NS


def test_prices_stay_inside_the_band(floor: Floor) -> None:
    for symbol in ("NSE:SBIN-EQ", "NSE:20MICRONS-EQ", "NSE:MRF-EQ"):
        days = floor.market.candles(floor.id(symbol), Interval.D1, HUNDRED_DAYS)
        for before, day in itertools.pairwise(days):
            band = 0.05 if "MICRONS" in symbol else 0.1 if "SBIN" in symbol else 0.2
            assert day.high_e4 <= before.close_e4 * (1 + band)
            assert day.low_e4 >= before.close_e4 * (1 - band)


def test_the_market_is_closed_at_night(floor: Floor) -> None:
    open_quote = floor.quote("NSE:SBIN-EQ")
    floor.at(FRIDAY, 20 * 60)
    closed = floor.quote("NSE:SBIN-EQ")
    candles = floor.market.candles(floor.id("NSE:SBIN-EQ"), Interval.M1, TODAY)
    assert closed.ltp_e4 == candles[-1].close_e4
    assert candles[-1].opened_ns == ist_ns(FRIDAY, 15 * 60 + 29)
    assert closed.bid_e4 is None
    assert open_quote.bid_e4 is not None
    floor.wait(60)
    assert floor.quote("NSE:SBIN-EQ").ltp_e4 == closed.ltp_e4


def test_a_day_without_a_session_shows_the_last_one_with() -> None:
    floor = Floor(start=(FRIDAY + dt.timedelta(days=1), 720))
    quote = floor.quote("NSE:SBIN-EQ")
    assert quote.open_e4 is not None
    assert (quote.volume or 0) > 0
    week = Span(TODAY.from_ns - 7 * DAY_NS, TODAY.to_ns + DAY_NS)
    days = floor.market.candles(floor.id("NSE:SBIN-EQ"), Interval.D1, week)
    assert quote.ltp_e4 == days[-1].close_e4
    assert quote.previous_close_e4 == days[-2].close_e4
    assert ist_date(days[-1].opened_ns) == FRIDAY


# Charts.


def added_up(bars: Sequence[Candle], starts: Sequence[int]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for start, group in itertools.groupby(zip(starts, bars, strict=True), key=lambda pair: pair[0]):
        inside = [bar for _, bar in group]
        found.append(
            (
                start,
                inside[0].open_e4,
                max(bar.high_e4 for bar in inside),
                min(bar.low_e4 for bar in inside),
                inside[-1].close_e4,
                sum(bar.volume for bar in inside),
            )
        )
    return found


def plain(bars: Sequence[Candle]) -> list[tuple[int, ...]]:
    return [(b.opened_ns, b.open_e4, b.high_e4, b.low_e4, b.close_e4, b.volume) for b in bars]


@pytest.mark.parametrize("symbol", [*LIQUID, "NSE:NIFTY50-INDEX", "NSE:BANARISUG-EQ"])
def test_longer_bars_are_the_sum_of_shorter_ones(floor: Floor, symbol: str) -> None:
    floor.wait(33.3)
    span = Span(ist_ns(FRIDAY - dt.timedelta(days=12), 0), TODAY.to_ns)
    instrument = floor.id(symbol)
    minutes = floor.market.candles(instrument, Interval.M1, span)
    days = [ist_ns(ist_date(bar.opened_ns), 0) for bar in minutes]
    daily = floor.market.candles(instrument, Interval.D1, span)
    assert plain(daily) == added_up(minutes, days)
    listed = SMALL.by_id(instrument)
    assert listed is not None
    first = 540 if listed.exchange == "MCX" else 555
    quarter = [
        day + (first + ((bar.opened_ns - day) // MINUTE_NS - first) // 15 * 15) * MINUTE_NS
        for day, bar in zip(days, minutes, strict=True)
    ]
    assert plain(floor.market.candles(instrument, Interval.M15, span)) == added_up(minutes, quarter)
    today = [bar for bar in minutes if bar.opened_ns >= TODAY.from_ns]
    fives = floor.market.candles(instrument, Interval.S5, TODAY)
    starts = [bar.opened_ns // MINUTE_NS * MINUTE_NS for bar in fives]
    assert added_up(fives, starts) == plain(today)


def test_weeks_and_months_are_the_sum_of_their_days(floor: Floor) -> None:
    instrument = floor.id("NSE:TCS-EQ")
    span = Span(ist_ns(dt.date(2026, 8, 3), 0), TODAY.to_ns)
    days = floor.market.candles(instrument, Interval.D1, span)
    dates = [ist_date(bar.opened_ns) for bar in days]
    mondays = [ist_ns(day - dt.timedelta(days=day.weekday()), 0) for day in dates]
    assert plain(floor.market.candles(instrument, Interval.W1, span)) == added_up(days, mondays)
    since = Span(ist_ns(dt.date(2026, 8, 1), 0), TODAY.to_ns)
    firsts = [ist_ns(day.replace(day=1), 0) for day in dates]
    assert plain(floor.market.candles(instrument, Interval.MO1, since)) == added_up(days, firsts)


@settings(max_examples=25, deadline=None)
@given(
    seconds=st.floats(0.0, 21_000.0),
    symbol=st.sampled_from([*LIQUID, "NSE:NIFTY50-INDEX", "NSE:BANARISUG-EQ"]),
)
def test_the_live_quote_continues_the_chart_at_any_moment(seconds: float, symbol: str) -> None:
    floor = Floor()
    floor.machine_ns += round(seconds * SECOND_NS)
    quote = floor.quote(symbol)
    instrument = floor.id(symbol)
    day = floor.market.candles(instrument, Interval.D1, TODAY)
    if not day:
        assert quote.open_e4 is None
        return
    bar, running = day[-1], floor.market.candles(instrument, Interval.M1, TODAY)[-1]
    assert (quote.open_e4, quote.high_e4, quote.low_e4) == (bar.open_e4, bar.high_e4, bar.low_e4)
    assert (quote.volume or 0) == bar.volume
    assert quote.ltp_e4 is not None
    assert running.low_e4 <= quote.ltp_e4 <= running.high_e4


def test_a_finished_bar_never_changes(floor: Floor) -> None:
    instrument = floor.id("NSE:SBIN-EQ")
    seen: dict[int, Candle] = {}
    for _ in range(40):
        floor.wait(7.3)
        candles = floor.market.candles(instrument, Interval.M1, TODAY)
        for bar in candles[:-1]:
            assert seen.setdefault(bar.opened_ns, bar) == bar


def test_the_past_ends_where_yesterday_closed(floor: Floor) -> None:
    for symbol in (*LIQUID, "NSE:NIFTY50-INDEX"):
        days = floor.market.candles(floor.id(symbol), Interval.D1, HUNDRED_DAYS)
        assert days[-2].close_e4 == floor.quote(symbol).previous_close_e4


def test_only_bars_that_open_within_the_span_are_given(floor: Floor) -> None:
    span = Span(ist_ns(FRIDAY, 570), ist_ns(FRIDAY, 573))
    candles = floor.market.candles(floor.id("NSE:SBIN-EQ"), Interval.M1, span)
    assert [bar.opened_ns for bar in candles] == [ist_ns(FRIDAY, m) for m in (570, 571, 572)]
    later = Span(floor.clock.now_ns() + MINUTE_NS, floor.clock.now_ns() + DAY_NS)
    assert list(floor.market.candles(floor.id("NSE:SBIN-EQ"), Interval.M1, later)) == []


def test_there_are_two_years_of_days_and_sixty_days_of_minutes(floor: Floor) -> None:
    instrument = floor.id("NSE:SBIN-EQ")
    two_years = Span(ist_ns(FRIDAY - dt.timedelta(days=730), 0), TODAY.to_ns)
    assert len(floor.market.candles(instrument, Interval.D1, two_years)) > 480
    sixty = Span(ist_ns(FRIDAY - dt.timedelta(days=90), 0), TODAY.to_ns)
    assert len(floor.market.candles(instrument, Interval.M1, sixty)) > 60 * 375


def test_a_hundred_days_of_minutes_come_quickly(floor: Floor) -> None:
    for symbol in ("NSE:SBIN-EQ", "NSE:NIFTY50-INDEX", "NSE:NIFTY26NOV26000CE"):
        began = time.process_time()
        candles = floor.market.candles(floor.id(symbol), Interval.M1, HUNDRED_DAYS)
        # The aim is 50 ms; a busy machine is no reason to fail.
        assert time.process_time() - began < 1.0
        assert len(candles) > 10_000


# By hand.


def test_a_price_set_by_hand_is_one_trade_and_the_book_follows(floor: Floor) -> None:
    before = floor.quote("NSE:SBIN-EQ")
    floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), 8_300_000)
    quote = floor.quote("NSE:SBIN-EQ")
    assert quote.ltp_e4 == quote.high_e4 == 8_300_000
    assert quote.bid_e4 is not None
    assert quote.ask_e4 is not None
    assert quote.bid_e4 <= 8_300_000 <= quote.ask_e4
    assert quote.ask_e4 - quote.bid_e4 <= 2 * 500 * 2
    assert quote.volume == (before.volume or 0) + 1
    floor.wait(30)
    later = floor.quote("NSE:SBIN-EQ").ltp_e4
    assert later is not None
    assert abs(later - 8_300_000) < 40_000


def test_several_prices_set_in_one_moment_count_as_the_last(floor: Floor) -> None:
    floor.wait(1.5)
    for price in (8_300_000, 8_310_000, 8_290_000):
        floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), price)
    bar = floor.market.candles(floor.id("NSE:SBIN-EQ"), Interval.M1, TODAY)[-1]
    assert (bar.close_e4, bar.high_e4) == (8_290_000, 8_310_000)


def test_contracts_and_indices_follow_a_price_set_by_hand(floor: Floor) -> None:
    symbols = ("NSE:SBIN26NOVFUT", "NSE:SBIN26NOV820CE", "NSE:NIFTY50-INDEX", "BSE:SBIN-A")
    before = [floor.quote(symbol).ltp_e4 or 0 for symbol in symbols]
    floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), 8_600_000)
    floor.wait(3)
    after = [floor.quote(symbol).ltp_e4 or 0 for symbol in symbols]
    assert [b < a for b, a in zip(before, after, strict=True)] == [True] * 4
    assert after[3] == pytest.approx(8_600_000, rel=0.002)
    assert after[0] == pytest.approx(8_606_000, rel=0.003)


def test_the_bar_of_a_price_set_by_hand_shows_both_worlds(floor: Floor) -> None:
    floor.wait(31)
    old = floor.quote("NSE:SBIN-EQ").ltp_e4 or 0
    floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), 8_400_000)
    floor.wait(61)
    instrument = floor.id("NSE:SBIN-EQ")
    bar = floor.market.candles(instrument, Interval.M1, TODAY)[-2]
    assert bar.low_e4 <= old
    assert bar.high_e4 >= 8_400_000
    assert bar.close_e4 == pytest.approx(8_400_000, rel=0.002)
    fives = [
        each
        for each in floor.market.candles(instrument, Interval.S5, TODAY)
        if each.opened_ns // MINUTE_NS * MINUTE_NS == bar.opened_ns
    ]
    assert added_up(fives, [bar.opened_ns] * len(fives)) == plain([bar])


def test_a_price_beyond_the_band_widens_it(floor: Floor) -> None:
    floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), 9_500_000)
    quote = floor.quote("NSE:SBIN-EQ")
    assert quote.ltp_e4 == 9_500_000
    assert (quote.upper_circuit_e4 or 0) >= 9_500_000


def test_an_index_can_be_moved_by_hand_too(floor: Floor) -> None:
    call = floor.quote("NSE:NIFTY26NOV26000CE").ltp_e4 or 0
    floor.exchange.set_price(floor.id("NSE:NIFTY50-INDEX"), 264_000_000)
    quote = floor.quote("NSE:NIFTY50-INDEX")
    assert (quote.ltp_e4, quote.upper_circuit_e4, quote.volume) == (264_000_000, None, None)
    floor.wait(2)
    assert (floor.quote("NSE:NIFTY26NOV26000CE").ltp_e4 or 0) > call


@pytest.mark.parametrize("price_e4", [8_300_001, 0, -500])
def test_a_price_off_the_tick_is_refused(floor: Floor, price_e4: int) -> None:
    with pytest.raises(ValueError, match="multiple"):
        floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), price_e4)


def test_a_closed_or_unknown_instrument_takes_no_price(floor: Floor) -> None:
    with pytest.raises(ValueError, match="not trade"):
        floor.exchange.set_price(floor.id("NSE:GTLINFRA-EQ"), 15_000)
    floor.at(FRIDAY, 20 * 60)
    with pytest.raises(ValueError, match="not trade"):
        floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), 8_300_000)


def test_a_paused_market_stands_still_and_goes_on(floor: Floor) -> None:
    floor.exchange.pause(is_paused=True)
    before, book = floor.quote("NSE:SBIN-EQ"), floor.market.depth(floor.id("NSE:SBIN-EQ"))
    floor.wait(600)
    after = floor.quote("NSE:SBIN-EQ")
    assert (after.ltp_e4, after.volume) == (before.ltp_e4, before.volume)
    assert floor.market.depth(floor.id("NSE:SBIN-EQ")) == book
    assert floor.exchange.step(50, frozenset([floor.id("NSE:SBIN-EQ")])) == []
    floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), 8_250_000)
    floor.wait(60)
    assert floor.quote("NSE:SBIN-EQ").ltp_e4 == 8_250_000
    floor.exchange.pause(is_paused=False)
    floor.wait(600)
    assert (floor.quote("NSE:SBIN-EQ").volume or 0) > (after.volume or 0)


def test_a_paused_stretch_has_no_bars_but_trades_by_hand(floor: Floor) -> None:
    floor.exchange.pause(is_paused=True)
    floor.wait(120)
    floor.exchange.set_price(floor.id("NSE:SBIN-EQ"), 8_250_000)
    floor.wait(180)
    floor.exchange.pause(is_paused=False)
    floor.wait(120)
    candles = floor.market.candles(floor.id("NSE:SBIN-EQ"), Interval.M1, TODAY)
    inside = [bar for bar in candles if ist_ns(FRIDAY, 600) <= bar.opened_ns]
    minutes = [(bar.opened_ns - ist_ns(FRIDAY, 600)) // MINUTE_NS for bar in inside]
    assert minutes == [2, 5, 6, 7][: len(minutes)]
    assert (inside[0].open_e4, inside[0].volume) == (8_250_000, 1)
    quote = floor.quote("NSE:SBIN-EQ")
    assert quote.volume == sum(bar.volume for bar in candles)


# Moving.


def test_a_step_moves_as_many_as_the_budget_allows_and_the_liquid_more(floor: Floor) -> None:
    followed = frozenset(each.id for each in SMALL.all())
    counts: dict[str, int] = dict.fromkeys(followed, 0)
    for _ in range(300):
        floor.machine_ns += 10_000_000
        moved = floor.exchange.step(4, followed)
        assert len(moved) <= 4
        for each in moved:
            counts[each] += 1
    assert counts[floor.id("NSE:SBIN-EQ")] > 3 * counts[floor.id("NSE:BANARISUG-EQ")]
    assert counts[floor.id("NSE:GTLINFRA-EQ")] == 0


def test_every_step_of_one_followed_name_shows_something_new(floor: Floor) -> None:
    followed = frozenset([floor.id("NSE:SBIN-EQ")])
    seen = []
    for _ in range(60):
        floor.machine_ns += 10_000_000
        assert floor.exchange.step(4, followed) == list(followed)
        seen.append(floor.market.depth(floor.id("NSE:SBIN-EQ")))
    assert len(set(seen)) > 40


def test_a_night_brings_a_new_day_with_a_new_band(floor: Floor) -> None:
    floor.at(FRIDAY, 20 * 60)
    close = floor.quote("NSE:SBIN-EQ").ltp_e4
    floor.at(dt.date(2026, 11, 23), 600)
    quote = floor.quote("NSE:SBIN-EQ")
    assert close is not None
    assert quote.previous_close_e4 == close
    assert quote.upper_circuit_e4 == pytest.approx(close * 1.1, abs=500)
    assert quote.open_e4 is not None
    listing = floor.market.listing(floor.id("NSE:SBIN-EQ"))
    assert (listing.previous_close_e4, listing.upper_e4) == (close, quote.upper_circuit_e4)


def test_going_back_in_time_forgets_what_was_done_later(floor: Floor) -> None:
    earlier = ist_ns(FRIDAY, 570)
    instrument = floor.id("NSE:SBIN-EQ")
    untouched = Floor(start=(FRIDAY, 570)).quote("NSE:SBIN-EQ")
    floor.exchange.set_price(instrument, 8_900_000)
    floor.exchange.set_clock(earlier)
    assert floor.clock.now_ns() == earlier
    again = floor.quote("NSE:SBIN-EQ")
    assert (again.volume, again.high_e4) == (untouched.volume, untouched.high_e4)


def test_greeks_are_those_of_the_price(floor: Floor) -> None:
    call, put = (
        floor.market.greeks(floor.id(f"NSE:NIFTY26NOV26000{right}")) for right in ("CE", "PE")
    )
    assert call is not None
    assert put is not None
    assert call.delta - put.delta == pytest.approx(1.0, abs=0.01)
    assert call.gamma == pytest.approx(put.gamma)
    assert call.theta < 0 < call.vega
    assert floor.market.greeks(floor.id("NSE:SBIN-EQ")) is None
    bumped = [pricing.black(26_000.0 + d, 26_000.0, 0.02, 0.15, call=True) for d in (-1, 0, 1)]
    exact = pricing.greeks(26_000.0, 26_000.0, 0.02, 0.15, call=True)
    assert exact.delta == pytest.approx((bumped[2] - bumped[0]) / 2, abs=1e-3)
    assert exact.gamma == pytest.approx(bumped[2] - 2 * bumped[1] + bumped[0], abs=1e-4)


def test_prices_of_arrays_and_of_single_numbers_agree() -> None:
    spots = np.linspace(20_000.0, 30_000.0, 101)
    years, sigma = np.full(101, 0.05), np.full(101, 0.14)
    for call in (True, False):
        many = pricing.blacks(spots, 25_000.0, years, sigma, call=call)
        one = [pricing.black(s, 25_000.0, 0.05, 0.14, call=call) for s in spots.tolist()]
        assert many == pytest.approx(one, abs=1e-9)


# Replay.


def test_a_recording_is_replayed_bar_for_bar() -> None:
    path = shared("data/history")
    recordings = read_history([path]).recordings
    floor = Floor(recordings=recordings)
    floor.at(FRIDAY, 20 * 60)
    recording = recordings["NSE:SBIN-EQ"]
    candles = floor.market.candles(floor.id("NSE:SBIN-EQ"), Interval.M1, HUNDRED_DAYS)
    assert len(candles) == len(recording.day)
    assert [bar.close_e4 for bar in candles] == [round(p * 10_000) for p in recording.close]
    assert [bar.high_e4 for bar in candles] == [round(p * 10_000) for p in recording.high]
    assert [bar.volume for bar in candles] == recording.volume.tolist()
    days = sorted({ist_date(bar.opened_ns) for bar in candles})
    assert days[-1] == FRIDAY
    assert all(CALENDAR.is_trading_day("NSE", "CM", day) for day in days)
    assert len(days) == 18


def test_todays_prices_follow_the_recording_and_so_does_the_band() -> None:
    recordings = read_history([shared("data/history")]).recordings
    floor = Floor(recordings=recordings)
    recording = recordings["NSE:SBIN-EQ"]
    quote = floor.quote("NSE:SBIN-EQ")
    before = recording.close_before_last_day
    assert quote.previous_close_e4 == round(before * 10_000)
    assert quote.upper_circuit_e4 == pytest.approx(before * 11_000, abs=500)
    floor.wait(3600.0)
    now = floor.quote("NSE:SBIN-EQ").ltp_e4
    last_day = recording.day == recording.day[-1]
    at = last_day & (recording.minute == TEN + 60)
    assert now is not None
    assert recording.low[at][0] * 10_000 - 500 <= now <= recording.high[at][0] * 10_000 + 500


def test_what_is_no_recording_is_told_apart() -> None:
    assert read_recording(["a,b"]) is None
    header = "datetime,open,high,low,close,volume"
    assert read_recording([header, "2016-08-16 09:15:00,1,2"]) is None
    assert read_recording([header, "2016-08-16 09:15:00,1,1,1,nan,5"]) is None
    rows = ["2016-08-16 09:16:00,1,1,1,1,5", "2016-08-16 09:15:00,1,1,1,1,5"]
    assert read_recording([header, *rows]) is None
    good = read_recording([header, *reversed(rows)])
    assert good is not None
    assert (good.day_count, good.volume.tolist()) == (1, [5, 5])
