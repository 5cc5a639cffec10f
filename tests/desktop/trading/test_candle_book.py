"""Series on demand: what is kept, the gap from the broker, then ticks."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from pathlib import Path

import pytest

from brokers.errors import NotSent, Refused
from brokers.model.instrument import InstrumentId
from brokers.model.market import Candle, Interval, Quote, Span
from desktop.trading.candles import CandleBook, CandleView, Change, SeriesState
from desktop.trading.clock import FrozenClock, ist_date, ist_ns
from desktop.trading.hub import Hub
from desktop.trading.store import Store
from tests.desktop.trading.test_candles import SBIN, Trade, aggregate

S = 1_000_000_000
TUESDAY = dt.date(2026, 9, 29)
LISTED = dt.date(2026, 9, 1)


def trades_of(date: dt.date) -> list[Trade]:
    if date.weekday() >= 5:
        return []
    start = ist_ns(date, 9, 15)
    return [Trade(start + i * 30 * S, 8_000_000 + i % 50 * 500, 1 + i % 3) for i in range(750)]


class History:
    """A broker that knows every trade of SBIN up to the clock, and whatever goes wrong."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.spans: list[Span] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    def known(self) -> list[Trade]:
        today = ist_date(self.clock.now_ns())
        days = (LISTED + dt.timedelta(days=i) for i in range((today - LISTED).days + 1))
        now_ns = self.clock.now_ns()
        return [t for day in days for t in trades_of(day) if t.at_ns <= now_ns]

    async def fetch(self, what: InstrumentId, every: Interval, span: Span) -> Sequence[Candle]:
        assert what == SBIN.id
        self.spans.append(span)
        if self.failure is not None:
            raise self.failure
        bars = aggregate(self.known(), every)
        if self.gate is not None:
            await self.gate.wait()
        return [b for b in bars if span.from_ns <= b.opened_ns < span.to_ns]


class Desk:
    """A book with all it stands on."""

    def __init__(self) -> None:
        self.clock = FrozenClock(ist_ns(TUESDAY, 10, 0, 10))
        self.hub = Hub()
        self.history = History(self.clock)
        self.tasks: set[asyncio.Task[None]] = set()
        self.book = self.make_book()

    def make_book(self) -> CandleBook:
        return CandleBook(
            hub=self.hub, fetch=self.history.fetch, clock=self.clock, start=self.start
        )

    def start(self, work: Coroutine[object, object, None], *, owner: str) -> object:
        assert owner == "candles"
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        return task

    async def settle(self) -> None:
        """Wait until nothing is being loaded."""
        while self.tasks:
            done, self.tasks = self.tasks, set()
            await asyncio.gather(*done)

    def trade(self) -> None:
        """Let the newest trade reach the hub."""
        known = [t for t in self.history.known() if ist_date(t.at_ns) == TUESDAY]
        newest = known[-1]
        quote = Quote(
            SBIN.id,
            newest.price,
            sum(t.quantity for t in known),
            newest.at_ns,
            last_qty=newest.quantity,
        )
        self.hub.receive([quote], self.clock.now_ns())

    def run(self, trades: int) -> None:
        """Let time pass and its trades come in."""
        for _ in range(trades):
            self.clock.advance(30 * S)
            self.trade()

    def truth(self, view: CandleView) -> list[Candle]:
        first_ns = int(view.series.opened_ns[0])
        whole = aggregate(self.history.known(), view.series.interval)
        return [bar for bar in whole if bar.opened_ns >= first_ns]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.settle()
    made.book.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = Store(tmp_path / "candles.db")
    yield kept
    kept.close()


def shown(view: CandleView) -> list[Candle]:
    return [view.series.candle(i) for i in range(len(view.series))]


async def test_history_and_ticks_make_one_series(desk: Desk) -> None:
    view = desk.book.open(SBIN, Interval.M1)
    states = [view.series.state]
    view.series.listen(lambda series, _: states.append(series.state))
    await desk.settle()
    assert (states[0], states[-1]) == (SeriesState.LOADING, SeriesState.READY)
    desk.run(5)
    await desk.settle()
    desk.run(5)
    assert shown(view) == desk.truth(view)
    assert ist_date(int(view.series.opened_ns[0])) == dt.date(2026, 9, 24)


async def test_ticks_that_arrive_while_history_is_under_way_are_joined(desk: Desk) -> None:
    desk.history.gate = asyncio.Event()
    view = desk.book.open(SBIN, Interval.M1)
    await asyncio.sleep(0)
    desk.run(3)
    desk.history.gate.set()
    await desk.settle()
    desk.run(3)
    assert shown(view) == desk.truth(view)
    assert not view.series.has_hole


async def test_charts_share_a_series_that_closes_with_the_last(desk: Desk) -> None:
    first, second = desk.book.open(SBIN, Interval.M1), desk.book.open(SBIN, Interval.M1)
    other = desk.book.open(SBIN, Interval.M5)
    assert first.series is second.series
    assert desk.book.count == 2
    await desk.settle()
    first.close()
    first.close()
    assert desk.hub.owners() == {"candles": 2}
    second.close()
    other.close()
    assert desk.book.count == 0
    assert not desk.hub.wanted()
    desk.run(1)
    second.want_older()
    second.retry()


async def test_older_pages_go_back_to_the_first_day_there_is(desk: Desk) -> None:
    view = desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    heard: list[Change] = []
    view.series.listen(lambda _, change: heard.append(change))
    for _ in range(20):
        view.want_older()
        view.want_older()
        await desk.settle()
    assert not view.series.has_older
    assert Change.PREPENDED in heard
    assert ist_date(int(view.series.opened_ns[0])) == LISTED
    assert shown(view) == desk.truth(view)
    asked = len(desk.history.spans)
    view.want_older()
    await desk.settle()
    assert len(desk.history.spans) == asked


async def test_only_the_gap_is_fetched_the_next_time(desk: Desk, store: Store) -> None:
    desk.book.store = store
    desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    again = desk.make_book()
    again.store = store
    view = again.open(SBIN, Interval.M1)
    await desk.settle()
    assert [ist_date(span.from_ns) for span in desk.history.spans] == [
        dt.date(2026, 9, 24),
        TUESDAY,
    ]
    assert shown(view) == desk.truth(view)
    again.close()


async def test_kept_pages_are_not_fetched_when_going_back(desk: Desk, store: Store) -> None:
    desk.book.store = store
    view = desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    view.want_older()
    await desk.settle()
    before = desk.truth(view)
    again = desk.make_book()
    again.store = store
    asked = len(desk.history.spans)
    view = again.open(SBIN, Interval.M1)
    await desk.settle()
    view.want_older()
    await desk.settle()
    assert shown(view) == before
    assert len(desk.history.spans) == asked + 1
    again.close()


async def test_today_is_provisional(desk: Desk, store: Store) -> None:
    desk.book.store = store
    desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    today = int(ist_ns(TUESDAY, 12) // (86_400 * S))
    assert store.gaps(SBIN.id, Interval.M1, (today - 1, today)) == [(today, today)]


async def test_a_break_is_mended_when_the_feed_is_back(desk: Desk) -> None:
    view = desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    desk.run(3)
    await desk.settle()
    desk.book.link_changed(is_live=False)
    desk.clock.advance(600 * S)
    desk.book.link_changed(is_live=True)
    desk.run(1)
    await desk.settle()
    desk.run(4)
    await desk.settle()
    assert shown(view) == desk.truth(view)
    assert not view.series.has_hole


async def test_the_first_connection_is_no_reason_to_load_again(desk: Desk) -> None:
    desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    desk.book.link_changed(is_live=True)
    await desk.settle()
    assert len(desk.history.spans) == 1


async def test_an_instrument_followed_already_needs_no_second_look(desk: Desk) -> None:
    minute = desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    desk.run(2)
    await desk.settle()
    asked = len(desk.history.spans)
    view = desk.book.open(SBIN, Interval.M5)
    await desk.settle()
    desk.run(20)
    await desk.settle()
    assert len(desk.history.spans) == asked + 1
    assert shown(view) == desk.truth(view)
    assert shown(minute) == desk.truth(minute)


async def test_a_failure_says_why_and_a_retry_mends_it(desk: Desk) -> None:
    desk.history.failure = NotSent("the network is unreachable")
    view = desk.book.open(SBIN, Interval.M1)
    await desk.settle()
    assert (view.series.state, view.series.reason) == (
        SeriesState.FAILED,
        "the network is unreachable",
    )
    view.want_older()
    desk.run(2)
    await desk.settle()
    asked = len(desk.history.spans)
    desk.run(20)
    await desk.settle()
    assert len(desk.history.spans) == asked
    desk.history.failure = None
    view.retry()
    await desk.settle()
    assert view.series.state is SeriesState.READY
    assert shown(view)[-20:] == desk.truth(view)[-20:]


async def test_a_broker_that_refuses_older_bars_ends_the_history(desk: Desk) -> None:
    view = desk.book.open(SBIN, Interval.S5)
    await desk.settle()
    desk.history.failure = Refused("only 30 days of seconds", code="-50")
    view.want_older()
    await desk.settle()
    assert view.series.state is SeriesState.READY
    assert not view.series.has_older


async def test_months_are_made_of_fetched_days(desk: Desk) -> None:
    view = desk.book.open(SBIN, Interval.MO1)
    await desk.settle()
    assert len(view.series) == 1
    assert view.series.candle(0).opened_ns == ist_ns(LISTED)
    known = desk.history.known()
    assert view.series.candle(0).volume == sum(t.quantity for t in known)


async def test_views_outlive_their_book(desk: Desk) -> None:
    book = desk.make_book()
    view = book.open(SBIN, Interval.M1)
    await desk.settle()
    book.close()
    view.want_older()
    view.close()
    assert not desk.hub.wanted()
