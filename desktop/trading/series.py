"""One instrument's bars at one interval, as a chart reads and hears them."""

import enum
from collections.abc import Callable, Sequence

import numpy as np

from brokers.model.instrument import Instrument
from brokers.model.market import Candle, Interval, Quote
from desktop.trading.bars import BarGrid
from desktop.trading.columns import (
    CLOSE,
    HIGH,
    INTEREST,
    LOW,
    OPEN,
    OPENED,
    VOLUME,
    Columns,
    Longs,
    fold,
)
from desktop.trading.hours import Hours
from desktop.trading.joining import Asked, Change, JoinedBars


class SeriesState(enum.StrEnum):
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


Listener = Callable[["CandleSeries", Change], None]


class CandleSeries:
    """Growing columns of one instrument and interval; views are right until the next change.

    Weeks and months are made of days, so that they never depend on a broker's own idea of them:
    `source` is the interval to fetch and keep.
    """

    def __init__(self, instrument: Instrument, interval: Interval, hours: Hours) -> None:
        self.instrument = instrument
        self.interval = interval
        self.source = interval if interval.is_intraday else Interval.D1
        self.state = SeriesState.LOADING
        self.reason = ""
        self.has_older = True
        self.on_hole: Callable[[], None] | None = None
        self._listeners: list[Listener] = []
        self._bars = JoinedBars(instrument, self.source, hours)
        self._long = BarGrid(instrument, interval, hours)
        self._is_folded = self.source is not interval
        self._shown = Columns() if self._is_folded else self._bars.columns

    # -- reading

    def __len__(self) -> int:
        return self._shown.count

    @property
    def table(self) -> Longs:
        """All columns, rows in the order of `columns.OPENED` … `columns.INTEREST`."""
        return self._shown.table

    @property
    def opened_ns(self) -> Longs:
        return self._shown.row(OPENED)

    @property
    def open_e4(self) -> Longs:
        return self._shown.row(OPEN)

    @property
    def high_e4(self) -> Longs:
        return self._shown.row(HIGH)

    @property
    def low_e4(self) -> Longs:
        return self._shown.row(LOW)

    @property
    def close_e4(self) -> Longs:
        return self._shown.row(CLOSE)

    @property
    def volume(self) -> Longs:
        return self._shown.row(VOLUME)

    @property
    def open_interest(self) -> Longs:
        """Open interest per bar, `columns.UNKNOWN` where nobody told it."""
        return self._shown.row(INTEREST)

    def candle(self, index: int) -> Candle:
        """Give one bar as a value; negative indices count from the newest."""
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"bar {index} of {len(self)}")
        return self._shown.candle(at)

    @property
    def last(self) -> Candle | None:
        return self._shown.candle(len(self) - 1) if len(self) else None

    def end_of(self, opened_ns: int) -> int:
        """Give the end of the bar that starts then, for countdowns."""
        return self._long.end_of(opened_ns)

    # -- listening

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call with each change; calling the result ends it."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def set_state(self, state: SeriesState, reason: str = "") -> None:
        """Tell listeners how loading goes."""
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            self._tell(Change.STATE)

    def end_history(self) -> None:
        """Note that there is nothing older to be had."""
        if self.has_older:
            self.has_older = False
            self._tell(Change.STATE)

    def _tell(self, change: Change) -> None:
        for listener in tuple(self._listeners):
            listener(self, change)

    # -- live

    def on_quote(self, quote: Quote) -> Change | None:
        """Take a trade; O(1). Gives what changed, None if nothing did.

        The first quote of a run that may have missed something calls `on_hole`, once.
        """
        had_hole = self._bars.has_hole
        change = self._bars.on_quote(quote)
        if change is not None:
            if self._is_folded:
                change = self._refold_last(change)
            self._tell(change)
        if self._bars.has_hole and not had_hole and self.on_hole is not None:
            self.on_hole()
        return change

    def interrupt(self) -> None:
        """Note that ticks are lost from here on: the feed broke."""
        self._bars.interrupt()

    # -- history

    @property
    def has_hole(self) -> bool:
        """Whether bars since `tail_ns` may lack something that history has."""
        return self._bars.has_hole

    @property
    def tail_ns(self) -> int | None:
        """From where on the source bars are in doubt; None: there are none."""
        return self._bars.tail_ns

    @property
    def oldest_ns(self) -> int | None:
        """The opening time of the oldest source bar."""
        columns = self._bars.columns
        return columns.get(OPENED, 0) if columns.count else None

    def asking(self, now_ns: int) -> Asked:
        """Note what is known at the moment of asking for history; hand it back to `merge`."""
        return self._bars.asking(now_ns)

    def merge(self, bars: Sequence[Candle] | Longs, asked: Asked | None) -> Change | None:
        """Join source bars in; without `asked` (bars from the disk) they only fill gaps."""
        change = self._bars.merge(bars, asked)
        if change is not None:
            self._refold()
            self._tell(change)
        return change

    def clear(self) -> None:
        """Forget all bars, to load anew."""
        self._bars.clear()
        self._refold()
        self._tell(Change.REPLACED)

    # -- longer bars made of days

    def _refold(self) -> None:
        if self._is_folded:
            table = self._bars.columns.table
            self._shown.replace(fold(table, self._long.starts(table[OPENED])))

    def _refold_last(self, change: Change) -> Change:
        """Make the newest week or month anew from its days."""
        if change is Change.REPLACED:
            self._refold()
            return change
        table, shown = self._bars.columns.table, self._shown
        start = int(self._long.starts(table[OPENED, -1:])[0])
        days = table[:, np.searchsorted(table[OPENED], start) :]
        bar = fold(days, np.full(days.shape[1], start, np.int64))[:, 0]
        if shown.has(shown.count - 1, start):
            shown.table[:, -1] = bar
            return Change.LAST_CHANGED
        shown.append(bar)
        return Change.APPENDED
