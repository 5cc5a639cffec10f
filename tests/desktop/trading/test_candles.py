"""Bars: history and live ticks joined without a seam."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.model.instrument import Exchange, Instrument, InstrumentKind, Segment, instrument_id
from brokers.model.market import Candle, Interval, Quote
from desktop.trading.bars import OUTSIDE, BarGrid
from desktop.trading.clock import ist_day, ist_ns
from desktop.trading.columns import UNKNOWN
from desktop.trading.hours import Hours
from desktop.trading.joining import Asked, Change
from desktop.trading.series import CandleSeries

S = 1_000_000_000
MONDAY = dt.date(2026, 9, 28)
TUESDAY = dt.date(2026, 9, 29)
SBIN = Instrument(
    id=instrument_id("NSE", "CM", "3045"),
    exchange=Exchange.NSE,
    segment=Segment.CM,
    token="3045",
    symbol="NSE:SBIN-EQ",
    name="STATE BANK OF INDIA",
    kind=InstrumentKind.EQUITY,
    lot_size=1,
    tick_e4=500,
    session="0915-1530|1815-1915:",
)


def at(text: str, date: dt.date = TUESDAY) -> int:
    hour, minute, *second = map(int, text.split(":"))
    return ist_ns(date, hour, minute, *second)


def series(interval: Interval = Interval.M1) -> CandleSeries:
    return CandleSeries(SBIN, interval, Hours())


def tick(when: str, price: int, volume: int | None = None, **more: int | None) -> Quote:
    return Quote(SBIN.id, price, volume, at(when), **more)


def bars(what: CandleSeries) -> list[Candle]:
    return [what.candle(i) for i in range(len(what))]


def bar(when: str, *ohlcv: int) -> Candle:
    o, h, low, c, v = ohlcv
    return Candle(at(when), o, h, low, c, v)


# -- where bars begin


@pytest.mark.parametrize(
    ("interval", "moment", "start"),
    [
        (Interval.S5, "09:15:07", "09:15:05"),
        (Interval.M1, "15:29:59", "15:29"),
        (Interval.M45, "10:01", "10:00"),
        (Interval.H1, "10:14:59", "09:15"),
        (Interval.H1, "15:29", "15:15"),
        (Interval.H3, "12:15", "12:15"),
        (Interval.H4, "13:15", "13:15"),
        (Interval.D1, "11:00", "00:00"),
    ],
)
def test_bars_are_aligned_to_the_sessions_open(interval: Interval, moment: str, start: str) -> None:
    assert BarGrid(SBIN, interval, Hours()).live_start(at(moment)) == at(start)


def test_weeks_start_on_monday_and_months_on_the_first() -> None:
    hours = Hours()
    assert BarGrid(SBIN, Interval.W1, hours).start_of(at("11:00")) == at("00:00", MONDAY)
    first = dt.date(2026, 9, 1)
    month = BarGrid(SBIN, Interval.MO1, hours)
    assert month.start_of(at("11:00")) == at("00:00", first)
    assert month.end_of(at("00:00", first)) == at("00:00", dt.date(2026, 10, 1))


@pytest.mark.parametrize("interval", list(Interval))
def test_many_starts_at_once_agree_with_one_by_one(interval: Interval) -> None:
    grid = BarGrid(SBIN, interval, Hours())
    moments = [at("09:15", TUESDAY + dt.timedelta(days=d)) + d * 977 * S for d in range(20)]
    one_by_one = [grid.start_of(moment) for moment in moments]
    assert grid.starts(np.array(moments, np.int64)).tolist() == one_by_one


def test_nothing_trades_outside_of_sessions() -> None:
    grid = BarGrid(SBIN, Interval.M1, Hours())
    for moment in ("09:14:59", "15:30", "18:20"):
        assert grid.live_start(at(moment)) == OUTSIDE


def test_the_last_bar_ends_with_the_session() -> None:
    grid = BarGrid(SBIN, Interval.H1, Hours())
    assert grid.end_of(at("15:15")) == at("15:30")
    assert grid.end_of(at("09:15")) == at("10:15")


# -- live


def test_trades_make_bars() -> None:
    live = series()
    live.merge([bar("09:59", 7, 7, 7, 7, 90)], live.asking(at("10:00")))
    heard: list[Change] = []
    live.listen(lambda _, change: heard.append(change))
    assert live.on_quote(tick("10:00:01", 10, 100, last_qty=10)) is Change.APPENDED
    assert live.on_quote(tick("10:00:30", 12, 130)) is Change.LAST_CHANGED
    assert live.on_quote(tick("10:00:59", 9, 140, open_interest=5)) is Change.LAST_CHANGED
    assert live.on_quote(tick("10:01:00", 11, 150)) is Change.APPENDED
    assert bars(live)[1:] == [
        Candle(at("10:00"), 10, 12, 9, 9, 50, 5),
        bar("10:01", 11, 11, 11, 11, 10),
    ]
    assert heard == [Change.APPENDED, Change.LAST_CHANGED, Change.LAST_CHANGED, Change.APPENDED]
    assert live.open_interest[-1] == UNKNOWN


def test_a_listener_that_left_hears_nothing() -> None:
    live = series()
    heard: list[Change] = []
    stop = live.listen(lambda _, change: heard.append(change))
    stop()
    stop()
    live.on_quote(tick("10:00:01", 10, 100))
    assert not heard


def test_a_quote_without_price_or_time_makes_no_bar() -> None:
    live = series()
    assert live.on_quote(Quote(SBIN.id, None, 5, at("10:00"))) is None
    assert live.on_quote(Quote(SBIN.id, 5, 5)) is None
    assert len(live) == 0
    assert live.last is None


def test_trades_outside_of_the_session_make_no_bar_and_their_volume_belongs_to_none() -> None:
    live = series()
    live.merge([], live.asking(at("09:00")))
    assert live.on_quote(tick("09:07:30", 10, 5_000)) is None
    live.on_quote(tick("09:15:02", 11, 5_040))
    live.on_quote(tick("15:30:01", 12, 5_100))
    assert bars(live) == [bar("09:15", 11, 11, 11, 11, 40)]
    assert not live.has_hole


def test_a_late_tick_widens_its_bar_and_moves_nothing_else() -> None:
    live = series()
    for quote in (tick("10:00:10", 10, 100), tick("10:01:10", 11, 120)):
        live.on_quote(quote)
    before = bars(live)
    assert live.on_quote(tick("10:00:50", 9, 110)) is Change.REPLACED
    assert live.on_quote(tick("10:00:50", 9, 110)) is None
    assert bars(live)[1] == before[1]
    assert (bars(live)[0].low_e4, bars(live)[0].close_e4) == (9, 10)


def test_a_repeated_tick_changes_nothing() -> None:
    live = series()
    live.on_quote(tick("10:00:10", 10, 100))
    live.on_quote(tick("10:00:20", 11, 120))
    before = bars(live)
    live.on_quote(tick("10:00:10", 10, 100))
    live.on_quote(tick("10:00:20", 11, 120))
    assert bars(live) == before


def test_a_new_high_of_the_day_between_two_ticks_was_in_their_bar() -> None:
    live = series()
    live.on_quote(tick("10:00:10", 10, 100, high_e4=20, low_e4=5))
    live.on_quote(tick("10:00:20", 11, 120, high_e4=25, low_e4=4))
    live.on_quote(tick("10:01:20", 11, 140, high_e4=30, low_e4=3))
    assert [(b.high_e4, b.low_e4) for b in bars(live)] == [(25, 4), (11, 11)]


def test_a_volume_corrected_downward_does_not_freeze_the_bar() -> None:
    live = series()
    live.on_quote(tick("10:00:10", 10, 100))
    live.on_quote(tick("10:00:20", 11, 150))
    live.on_quote(tick("10:00:30", 12, 140))
    live.on_quote(tick("10:00:40", 13, 145))
    assert (bars(live)[0].close_e4, bars(live)[0].volume) == (13, 55)


def test_a_new_day_starts_its_volume_at_zero() -> None:
    live = series()
    live.on_quote(Quote(SBIN.id, 10, 900_000, at("15:29:50", MONDAY)))
    live.on_quote(tick("09:15:01", 11, 70))
    assert live.candle(-1) == bar("09:15", 11, 11, 11, 11, 70)


def test_an_index_has_bars_without_volume() -> None:
    live = series()
    live.on_quote(Quote(SBIN.id, 10, exchange_ns=at("10:00:01")))
    live.on_quote(Quote(SBIN.id, 12, exchange_ns=at("10:00:02")))
    assert live.candle(-1) == bar("10:00", 10, 12, 10, 12, 0)


def test_the_days_bar_takes_the_exchanges_own_open_high_and_low() -> None:
    live = series(Interval.D1)
    live.merge([], live.asking(at("10:59")))
    live.on_quote(tick("11:00", 15, 900, open_e4=10, high_e4=20, low_e4=5))
    assert live.candle(-1) == bar("00:00", 10, 20, 5, 15, 900)
    assert not live.has_hole


def test_an_index_calculated_after_the_close_starts_no_day() -> None:
    live = series(Interval.D1)
    live.on_quote(Quote(SBIN.id, 10, exchange_ns=at("08:59")))
    assert len(live) == 0


def test_columns_grow_and_their_views_hold_every_bar() -> None:
    live = series(Interval.S5)
    for step in range(2_000):
        live.on_quote(Quote(SBIN.id, 100 + step % 7, step + 1, at("09:15") + step * 5 * S))
    assert len(live) == 2_000
    assert bool((np.diff(live.opened_ns) == 5 * S).all())
    assert live.close_e4[-1] == 100 + 1_999 % 7
    assert live.volume[5:].tolist() == [1] * 1_995
    with pytest.raises(IndexError, match="bar 2000 of 2000"):
        live.candle(2_000)


# -- history


def test_history_in_any_order_and_twice_is_sorted_once() -> None:
    live = series()
    later, earlier = bar("10:01", 2, 2, 2, 2, 2), bar("10:00", 1, 1, 1, 1, 1)
    live.merge([later, earlier, later], live.asking(at("11:00")))
    assert live.merge([earlier], live.asking(at("11:00"))) is None
    assert bars(live) == [earlier, later]


def test_older_pages_are_told_apart_from_changes() -> None:
    live = series()
    live.merge([bar("10:01", 2, 2, 2, 2, 2)], live.asking(at("11:00")))
    assert live.merge([bar("10:00", 1, 1, 1, 1, 1)], live.asking(at("11:00"))) is Change.PREPENDED
    assert live.merge([bar("10:00", 3, 3, 3, 3, 3)], live.asking(at("11:00"))) is Change.REPLACED


def test_bars_from_the_disk_never_overrule_what_is_there() -> None:
    live = series()
    live.merge([bar("10:00", 1, 1, 1, 1, 1)], live.asking(at("11:00")))
    live.merge([bar("09:59", 5, 5, 5, 5, 5), bar("10:00", 9, 9, 9, 9, 9)], None)
    assert bars(live) == [bar("09:59", 5, 5, 5, 5, 5), bar("10:00", 1, 1, 1, 1, 1)]


def test_bars_off_the_grid_are_moved_onto_it() -> None:
    daily = series(Interval.D1)
    daily.merge([bar("05:30", 1, 2, 1, 2, 9)], daily.asking(at("18:00")))
    assert bars(daily) == [bar("00:00", 1, 2, 1, 2, 9)]


def test_a_high_below_its_body_is_widened() -> None:
    live = series()
    live.merge([bar("10:00", 5, 1, 9, 7, 1)], live.asking(at("11:00")))
    assert bars(live) == [bar("10:00", 5, 7, 5, 7, 1)]


def test_the_running_bar_is_continued_with_the_days_volume() -> None:
    live = series()
    asked = live.asking(at("10:00:20"))
    live.merge([bar("09:59", 8, 8, 8, 8, 100), bar("10:00", 10, 14, 9, 11, 40)], asked)
    live.on_quote(tick("10:00:25", 12, 150, last_qty=10))
    assert live.candle(-1) == bar("10:00", 10, 14, 9, 12, 50)
    assert not live.has_hole


def test_ticks_that_came_before_history_are_joined_with_it() -> None:
    live = series()
    live.on_quote(tick("10:00:25", 12, 150, last_qty=10))
    assert live.has_hole
    asked = live.asking(at("10:00:26"))
    live.on_quote(tick("10:00:40", 15, 160))
    live.on_quote(tick("10:01:05", 16, 175))
    live.merge([bar("09:59", 8, 8, 8, 8, 100), bar("10:00", 10, 14, 9, 12, 50)], asked)
    assert not live.has_hole
    assert bars(live)[1:] == [bar("10:00", 10, 15, 9, 15, 60), bar("10:01", 16, 16, 16, 16, 15)]


def test_the_call_auctions_volume_is_in_no_bar() -> None:
    live = series()
    live.on_quote(tick("10:00:25", 12, 5_150, last_qty=10))
    asked = live.asking(at("10:00:26"))
    live.merge([bar("09:59", 8, 8, 8, 8, 100), bar("10:00", 10, 14, 9, 12, 50)], asked)
    live.on_quote(tick("10:00:50", 12, 5_160))
    assert live.candle(-1).volume == 60


def test_a_tick_that_history_cannot_have_seen_calls_for_more_of_it_once() -> None:
    live = series()
    calls: list[int | None] = []
    live.on_hole = lambda: calls.append(live.tail_ns)
    live.merge([bar("09:59", 8, 8, 8, 8, 100)], live.asking(at("10:00")))
    live.on_quote(tick("10:03:00", 12, 500, last_qty=10))
    live.on_quote(tick("10:03:01", 12, 510))
    assert len(calls) == 1
    assert live.has_hole


def test_a_break_of_the_feed_is_mended_from_the_bar_it_happened_in() -> None:
    live = series()
    live.merge([bar("09:59", 8, 8, 8, 8, 100)], live.asking(at("10:00")))
    live.on_quote(tick("10:00:10", 10, 110, last_qty=10))
    live.interrupt()
    live.on_quote(tick("10:02:30", 20, 300))
    assert live.has_hole
    assert live.tail_ns == at("10:00")
    truth = [
        bar("10:00", 10, 30, 10, 30, 60),
        bar("10:01", 30, 31, 3, 15, 70),
        bar("10:02", 15, 21, 15, 20, 70),
    ]
    asked = live.asking(at("10:02:31"))
    live.on_quote(tick("10:02:40", 22, 305))
    live.merge(truth, asked)
    assert bars(live)[1:] == [*truth[:2], bar("10:02", 15, 22, 15, 22, 75)]


def test_an_answer_from_before_the_break_does_not_mend_it() -> None:
    live = series()
    live.on_quote(tick("10:00:10", 10, 110, last_qty=10))
    asked = live.asking(at("10:00:11"))
    live.interrupt()
    live.on_quote(tick("10:02:30", 20, 300))
    live.merge([bar("10:00", 10, 10, 10, 10, 110)], asked)
    assert live.has_hole


def test_weeks_are_made_of_days() -> None:
    weekly = series(Interval.W1)
    days = [
        Candle(at("00:00", MONDAY - dt.timedelta(days=3)), 1, 9, 1, 5, 10),
        Candle(at("00:00", MONDAY), 5, 6, 4, 6, 20),
    ]
    weekly.merge(days, weekly.asking(at("10:00")))
    quote = tick("10:00", 8, 7, open_e4=6, high_e4=8, low_e4=3)
    assert weekly.on_quote(quote) is Change.LAST_CHANGED
    assert bars(weekly)[1] == Candle(at("00:00", MONDAY), 5, 8, 3, 8, 27)
    weekly.merge([Candle(at("00:00", dt.date(2026, 9, 21)), 2, 2, 1, 2, 5)], None)
    assert bars(weekly)[0] == Candle(at("00:00", dt.date(2026, 9, 21)), 2, 9, 1, 5, 15)


# -- any interleaving gives the bars of the full list of ticks


class Trade(NamedTuple):
    at_ns: int
    price: int
    quantity: int


def aggregate(trades: Sequence[Trade], interval: Interval) -> list[Candle]:
    """Make bars the plain way, from every trade."""
    grid = BarGrid(SBIN, interval, Hours())
    made: dict[int, list[Trade]] = {}
    for trade in trades:
        made.setdefault(grid.live_start(trade.at_ns), []).append(trade)
    return [
        Candle(
            slot,
            inside[0].price,
            max(t.price for t in inside),
            min(t.price for t in inside),
            inside[-1].price,
            sum(t.quantity for t in inside),
        )
        for slot, inside in sorted(made.items())
    ]


def quote_of(trades: Sequence[Trade], index: int, *, is_index: bool) -> Quote:
    trade = trades[index]
    if is_index:
        return Quote(SBIN.id, trade.price, exchange_ns=trade.at_ns)
    day = ist_day(trade.at_ns)
    volume = sum(t.quantity for t in trades[: index + 1] if ist_day(t.at_ns) == day)
    return Quote(SBIN.id, trade.price, volume, trade.at_ns, last_qty=trade.quantity)


class Pending(NamedTuple):
    asked: Asked
    answer: list[Candle]


@st.composite
def trade_lists(draw: st.DrawFn) -> list[Trade]:
    steps = st.tuples(
        st.sampled_from([0, 1, 7, 20, 61, 500, 4_000]),
        st.integers(-5, 5),
        st.integers(1, 50),
    )
    trades, price = [], 1_000
    for date in (MONDAY, TUESDAY):
        moment = ist_ns(date, 9, 15)
        for gap_s, move, quantity in draw(st.lists(steps, min_size=1, max_size=25)):
            moment += gap_s * S
            price += move
            if moment < ist_ns(date, 15, 30):
                trades.append(Trade(moment, price, quantity))
    return trades


INTERVALS = [Interval.S5, Interval.M1, Interval.M3, Interval.H1, Interval.D1, Interval.W1]


class Feed:
    """Delivers trades and history to a series, in whatever order a test draws."""

    def __init__(
        self, draw: Callable[..., Any], live: CandleSeries, trades: list[Trade], *, is_index: bool
    ) -> None:
        self.draw = draw
        self.live = live
        self.trades = [t._replace(quantity=0) for t in trades] if is_index else trades
        self.is_index = is_index
        self.done = draw(st.integers(0, len(trades) - 1), label="first live tick")
        self.pending: Pending | None = None
        self.has_loaded = False

    def ask(self) -> None:
        """Ask for history; the broker may know trades that have not reached us yet."""
        if self.pending:
            return
        ahead = self.draw(st.integers(0, 4), label="ahead")
        now_ns = self.trades[min(self.done, len(self.trades) - 1)].at_ns
        from_ns = (self.live.tail_ns or 0) if self.has_loaded else 0
        whole = aggregate(self.trades[: self.done + ahead], self.live.source)
        asked = self.live.asking(now_ns)
        self.pending = Pending(asked, [b for b in whole if b.opened_ns >= from_ns])

    def answer(self) -> None:
        if self.pending:
            self.live.merge(self.pending.answer, self.pending.asked)
            self.pending, self.has_loaded = None, True

    def receive(self) -> None:
        """Deliver a trade, sometimes twice."""
        if self.done < len(self.trades):
            quote = quote_of(self.trades, self.done, is_index=self.is_index)
            self.live.on_quote(quote)
            if self.draw(st.booleans(), label="again"):
                self.live.on_quote(quote)
            self.done += 1

    def lose(self) -> None:
        """Break the feed for some trades."""
        self.live.interrupt()
        lost = self.draw(st.integers(0, 5), label="lost")
        self.done = min(len(self.trades), self.done + lost)

    def finish(self) -> None:
        while self.done < len(self.trades):
            self.receive()
        self.answer()
        self.ask()
        self.answer()


STEPS = [Feed.receive, Feed.receive, Feed.receive, Feed.ask, Feed.answer, Feed.lose]


@given(
    data=st.data(),
    trades=trade_lists(),
    interval=st.sampled_from(INTERVALS),
    is_index=st.booleans(),
    steps=st.lists(st.sampled_from(STEPS), max_size=40),
)
def test_any_interleaving_gives_the_bars_of_the_full_list(
    data: st.DataObject,
    trades: list[Trade],
    interval: Interval,
    *,
    is_index: bool,
    steps: list[Callable[[Feed], None]],
) -> None:
    live = series(interval)
    feed = Feed(data.draw, live, trades, is_index=is_index)
    for step in steps:
        step(feed)
    feed.finish()
    truth = aggregate(feed.trades, live.source)
    if live.source is not interval:
        truth = fold_candles(truth, BarGrid(SBIN, interval, Hours()))
    assert bars(live) == truth
    assert not live.has_hole


def fold_candles(days: list[Candle], grid: BarGrid) -> list[Candle]:
    groups: dict[int, list[Candle]] = {}
    for day in days:
        groups.setdefault(grid.start_of(day.opened_ns), []).append(day)
    return [
        Candle(
            start,
            inside[0].open_e4,
            max(d.high_e4 for d in inside),
            min(d.low_e4 for d in inside),
            inside[-1].close_e4,
            sum(d.volume for d in inside),
        )
        for start, inside in groups.items()
    ]


@given(trade_lists(), st.sampled_from(INTERVALS))
def test_ticks_from_the_first_on_need_no_history(trades: list[Trade], interval: Interval) -> None:
    live = series(interval)
    for index in range(len(trades)):
        live.on_quote(quote_of(trades, index, is_index=False))
    truth = aggregate(trades, live.source)
    if live.source is not interval:
        truth = fold_candles(truth, BarGrid(SBIN, interval, Hours()))
    assert bars(live) == truth
