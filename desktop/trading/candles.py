"""Opens series on demand: from the disk, then only the gap from the broker, then ticks.

One series serves all charts of an instrument and interval and closes with the last of them. Work
on a series is done one step at a time: its first page, its tail after a hole, an older page.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Final, Protocol

from brokers.errors import BrokerError, LoginExpired, RateLimited, Refused
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import Candle, Detail, Interval, Quote, Span
from desktop.trading.clock import SECOND_NS, Clock, day_start_ns, ist_day
from desktop.trading.columns import OPENED, Longs, empty, table_of
from desktop.trading.hours import Hours
from desktop.trading.hub import Hub, Watch
from desktop.trading.joining import Change
from desktop.trading.series import CandleSeries, SeriesState
from desktop.trading.store import Days, Store

__all__ = ["CandleBook", "CandleSeries", "CandleView", "Change", "Fetch", "SeriesState", "Start"]

Fetch = Callable[[InstrumentId, Interval, Span], Awaitable[Sequence[Candle]]]
"""`Broker.candles`: bars oldest first, the running one included."""

_OWNER: Final = "candles"
_EMPTY_PAGES: Final = 2
"""How many pages without a new bar prove that there is nothing older."""

# Calendar days asked for at once: some 1,500 bars, and never more than the brokers' hundred days
# of minutes or year of days.
_PAGE_DAYS: Final = {
    Interval.S5: 1,
    Interval.S10: 1,
    Interval.S15: 2,
    Interval.S30: 3,
    Interval.S45: 4,
    Interval.M1: 6,
    Interval.M2: 11,
    Interval.M3: 17,
    Interval.M5: 28,
    Interval.M10: 56,
    Interval.M15: 85,
    Interval.D1: 365,
}
_LONGEST_PAGE: Final = 95


class Start(Protocol):
    """The loop's way to start a coroutine on behalf of an owner."""

    def __call__(self, work: Coroutine[object, object, None], /, *, owner: str) -> object: ...


class _Want(enum.IntEnum):
    """What is to be loaded, the most urgent first."""

    FIRST = 0
    TAIL = 1
    OLDER = 2


class _Open:
    """A series in use."""

    def __init__(self, series: CandleSeries, watch: Watch) -> None:
        self.series = series
        self.watch = watch
        self.views: set[CandleView] = set()
        self.wants = {_Want.FIRST}
        self.is_busy = False
        self.was_interrupted = False
        self.oldest_day = 0
        self.empty_pages = 0


class CandleView:
    """One chart's hold on a series."""

    def __init__(self, book: "CandleBook", series: CandleSeries) -> None:
        self.series = series
        self._book: CandleBook | None = book

    def want_older(self) -> None:
        """Ask for the page before the oldest bar; `Change.PREPENDED` tells of it."""
        if self._book is not None:
            self._book.want_older(self)

    def retry(self) -> None:
        """Load again after a failure."""
        if self._book is not None:
            self._book.retry(self)

    def close(self) -> None:
        """Let go; the series ends with its last view."""
        book, self._book = self._book, None
        if book is not None:
            book.release(self)


class CandleBook:
    """All series of one account."""

    def __init__(
        self, *, hub: Hub, fetch: Fetch, clock: Clock, start: Start, hours: Hours | None = None
    ) -> None:
        self.store: Store | None = None
        """Where bars are kept between runs; None (a practice account) keeps nothing."""
        self.hours = hours or Hours()
        self._hub = hub
        self._fetch = fetch
        self._clock = clock
        self._start = start
        self._open: dict[tuple[InstrumentId, Interval], _Open] = {}
        self._by_instrument: dict[InstrumentId, list[CandleSeries]] = {}
        hub.on_trade.append(self._on_trade)

    # -- for charts

    def open(self, instrument: Instrument, interval: Interval) -> CandleView:
        """Give a view of a series, loading it if nobody has it open yet."""
        key = instrument.id, interval
        entry = self._open.get(key)
        if entry is None:
            entry = self._begin(instrument, interval)
            self._open[key] = entry
        view = CandleView(self, entry.series)
        entry.views.add(view)
        self._kick(entry)
        return view

    def want_older(self, view: CandleView) -> None:
        entry = self._entry(view)
        if entry and entry.series.has_older and entry.series.state is SeriesState.READY:
            self._want(entry, _Want.OLDER)

    def retry(self, view: CandleView) -> None:
        entry = self._entry(view)
        if entry and entry.series.state is SeriesState.FAILED:
            self._want(entry, self._freshest(entry))

    def release(self, view: CandleView) -> None:
        entry = self._entry(view)
        if entry is None:
            return
        entry.views.remove(view)
        if entry.views:
            return
        series = entry.series
        del self._open[series.instrument.id, series.interval]
        self._by_instrument[series.instrument.id].remove(series)
        if not self._by_instrument[series.instrument.id]:
            del self._by_instrument[series.instrument.id]
        entry.watch.close()

    @property
    def count(self) -> int:
        """How many series are open."""
        return len(self._open)

    # -- for the account

    def link_changed(self, *, is_live: bool) -> None:
        """Note that the feed came or went; what was missed is fetched when it is back."""
        for entry in self._open.values():
            if not is_live:
                entry.series.interrupt()
                entry.was_interrupted = True
            elif entry.was_interrupted or entry.series.state is SeriesState.FAILED:
                entry.was_interrupted = False
                self._want(entry, self._freshest(entry))

    def close(self) -> None:
        """Let go of the hub; running loads end with their owner."""
        self._hub.on_trade.remove(self._on_trade)
        for entry in self._open.values():
            entry.watch.close()
            entry.views.clear()
        self._open.clear()
        self._by_instrument.clear()

    # -- inside

    def _begin(self, instrument: Instrument, interval: Interval) -> _Open:
        is_followed = instrument.id in self._hub.wanted()
        newest = self._hub.quote(instrument.id)
        watch = self._hub.watch(instrument.id, Detail.QUOTE, _OWNER)
        series = CandleSeries(instrument, interval, self.hours)
        entry = _Open(series, watch)
        series.on_hole = lambda: self._want(entry, _Want.TAIL)
        self._by_instrument.setdefault(instrument.id, []).append(series)
        if is_followed and newest is not None:
            # It was being followed all along, so the next tick carries on from this one.
            series.on_quote(newest)
        return entry

    def _entry(self, view: CandleView) -> _Open | None:
        """Give what a view belongs to; None: the book was closed before it."""
        return self._open.get((view.series.instrument.id, view.series.interval))

    def _on_trade(self, quote: Quote) -> None:
        for series in self._by_instrument.get(quote.instrument, ()):
            series.on_quote(quote)

    def _freshest(self, entry: _Open) -> _Want:
        return _Want.FIRST if entry.series.tail_ns is None else _Want.TAIL

    def _want(self, entry: _Open, want: _Want) -> None:
        entry.wants.add(want)
        self._kick(entry)

    def _kick(self, entry: _Open) -> None:
        if entry.wants and not entry.is_busy:
            entry.is_busy = True
            self._start(self._work(entry), owner=_OWNER)

    async def _work(self, entry: _Open) -> None:
        """Do what is wanted of one series until nothing is, or the broker fails."""
        series = entry.series
        steps = {
            _Want.FIRST: self._load_first,
            _Want.TAIL: self._load_tail,
            _Want.OLDER: self._load_older,
        }
        try:
            while entry.wants and entry.views:
                want = min(entry.wants)
                entry.wants.remove(want)
                series.set_state(SeriesState.LOADING)
                await steps[want](entry)
                series.set_state(SeriesState.READY)
        except BrokerError as error:
            entry.wants.clear()
            series.set_state(SeriesState.FAILED, str(error))
        finally:
            entry.is_busy = False

    async def _load_first(self, entry: _Open) -> None:
        """Load the newest page: what is kept, then what is missing of it and all of today."""
        series = entry.series
        today = ist_day(self._clock.now_ns())
        days = today - _page_days(series) + 1, today
        series.merge(await self._kept(series, days), None)
        gaps = await self._gaps(series, (days[0], today - 1))
        from_day = gaps[0][0] if gaps else today
        await self._fetch_now(series, from_day, today)
        entry.oldest_day = days[0] if series.oldest_ns is None else ist_day(series.oldest_ns)
        entry.wants.discard(_Want.TAIL)
        if series.has_hole:
            entry.wants.add(_Want.TAIL)
        if not len(series):
            entry.wants.add(_Want.OLDER)

    async def _load_tail(self, entry: _Open) -> None:
        """Load from the day on in which bars came into doubt."""
        series = entry.series
        today = ist_day(self._clock.now_ns())
        from_ns = series.tail_ns
        if from_ns is None or today - ist_day(from_ns) >= _page_days(series) + _LONGEST_PAGE:
            series.clear()
            entry.wants.add(_Want.FIRST)
            return
        await self._fetch_now(series, ist_day(from_ns), today)

    async def _load_older(self, entry: _Open) -> None:
        """Load the page before the oldest bar; two without any new one end the history."""
        series = entry.series
        # The oldest day may itself be cut off: brokers give only so many bars at once.
        days = entry.oldest_day - _page_days(series), entry.oldest_day
        before = series.oldest_ns
        series.merge(await self._kept(series, days), None)
        gaps = await self._gaps(series, days)
        if gaps:
            wanted = gaps[0][0], gaps[-1][1]
            try:
                await self._fetch_days(series, wanted)
            except (LoginExpired, RateLimited):
                raise
            except Refused:
                series.end_history()
                return
        if series.oldest_ns is None or series.oldest_ns == before:
            entry.oldest_day = days[0]
            entry.empty_pages += 1
            if entry.empty_pages >= _EMPTY_PAGES:
                series.end_history()
            else:
                entry.wants.add(_Want.OLDER)
            return
        entry.empty_pages = 0
        entry.oldest_day = ist_day(series.oldest_ns)

    async def _fetch_now(self, series: CandleSeries, from_day: int, today: int) -> None:
        """Fetch up to the present and join it with the ticks."""
        now_ns = self._clock.now_ns()
        asked = series.asking(now_ns)
        to_ns = min(now_ns + series.source.seconds * SECOND_NS, day_start_ns(today + 1))
        span = Span(day_start_ns(from_day), to_ns)
        bars = table_of(await self._fetch(series.instrument.id, series.source, span))
        series.merge(bars, asked)
        await self._keep(series, bars, (from_day, today - 1))

    async def _fetch_days(self, series: CandleSeries, days: Days) -> None:
        """Fetch days that are over."""
        span = Span(day_start_ns(days[0]), day_start_ns(days[1] + 1))
        bars = table_of(await self._fetch(series.instrument.id, series.source, span))
        series.merge(bars, None)
        await self._keep(series, bars, days)

    # -- the disk, off the loop's thread

    async def _kept(self, series: CandleSeries, days: Days) -> Longs:
        if self.store is None:
            return empty()
        return await asyncio.to_thread(self.store.load, series.instrument.id, series.source, days)

    async def _gaps(self, series: CandleSeries, days: Days) -> list[Days]:
        if self.store is None:
            return [days]
        return await asyncio.to_thread(self.store.gaps, series.instrument.id, series.source, days)

    async def _keep(self, series: CandleSeries, bars: Longs, days: Days) -> None:
        """Keep fetched bars; those of `days` are final as far as the answer reaches back."""
        if self.store is None or not bars.shape[1]:
            return
        first = self._final_from(series, int(bars[OPENED, 0]), days[0])
        final = max(first, days[0]), days[1]
        await asyncio.to_thread(self.store.save, series.instrument.id, series.source, bars, final)

    def _final_from(self, series: CandleSeries, oldest_ns: int, from_day: int) -> int:
        """Give the first day an answer tells in full, holidays before its first bar included."""
        day = ist_day(oldest_ns)
        sessions = self.hours.possible(series.instrument, day)
        if series.source.is_intraday and sessions and oldest_ns > sessions[0][0]:
            return day + 1
        while day > from_day and not self.hours.sessions(series.instrument, day - 1):
            day -= 1
        return day


def _page_days(series: CandleSeries) -> int:
    return _PAGE_DAYS.get(series.source, _LONGEST_PAGE)
