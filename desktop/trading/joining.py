"""History and live ticks joined without a seam.

History is a snapshot the broker took while ticks were coming in, so three things are told apart by
the order of events, never by comparing clocks:

* bars older than the first tick of the current run of ticks: history has the word;
* bars seen from their first tick to their last: the ticks have it, history may widen their range;
* the bar in which the run began: its open and its volume before the run come from history, the
  rest from the ticks, through the day's cumulative volume.

A run ends with a break of the feed (`interrupt`). The first tick after it, unless the volumes prove
that nothing was missed, leaves `has_hole`: the owner fetches from `tail_ns` and merges again.
"""

import enum
from collections.abc import Sequence

import msgspec
import numpy as np

from brokers.model.instrument import Instrument
from brokers.model.market import Candle, Interval, Quote
from desktop.trading.bars import OUTSIDE, BarGrid
from desktop.trading.clock import day_start_ns, ist_day
from desktop.trading.columns import (
    CLOSE,
    HIGH,
    INTEREST,
    LOW,
    OPEN,
    OPENED,
    UNKNOWN,
    VOLUME,
    Columns,
    Longs,
    fold,
    table_of,
    tidy,
)
from desktop.trading.hours import Hours


class Change(enum.StrEnum):
    """What a listener has to draw again."""

    LAST_CHANGED = "last changed"
    APPENDED = "appended"
    PREPENDED = "prepended"
    REPLACED = "replaced"
    STATE = "state"
    """Not a bar, but `state`, `reason` or `has_older`."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the series knew when history was asked for: the answer shows at least as much."""

    run: int
    is_live: bool
    slot_ns: int
    volume: int | None
    day: int


class _Run:
    """Ticks in unbroken succession."""

    __slots__ = (
        *("at_ns", "base", "day", "first_qty", "first_slot", "first_volume", "has_open", "high"),
        *("is_joined", "low", "number", "seam_volume", "slot", "volume"),
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.first_slot = self.slot = OUTSIDE
        self.at_ns = 0
        self.day = 0
        # The day's volume: at the start of the bar in progress, at the newest tick, at the first
        # tick of the run, and at the last tick of the bar the run began in.
        self.base: int | None = None
        self.volume: int | None = None
        self.first_volume: int | None = None
        self.first_qty = 0
        self.seam_volume: int | None = None
        self.high: int | None = None
        self.low: int | None = None
        self.has_open = False
        self.is_joined = False

    @property
    def is_live(self) -> bool:
        return self.first_slot != OUTSIDE


class JoinedBars:
    """The bars of one instrument at a source interval, days at most."""

    def __init__(self, instrument: Instrument, interval: Interval, hours: Hours) -> None:
        self.columns = Columns()
        self.has_hole = False
        self._is_intraday = interval.is_intraday
        self._grid = BarGrid(instrument, interval, hours)
        self._minutes = BarGrid(instrument, Interval.M1, hours)
        self._run = _Run(0)
        # Everything that opens earlier is known; None while ticks carry on from history.
        self._known_ns: int | None = None

    @property
    def tail_ns(self) -> int | None:
        """From where on the bars are in doubt; None: there are none."""
        if self._known_ns is not None or not self.columns.count:
            return self._known_ns
        return self.columns.get(OPENED, self.columns.count - 1)

    # -- live

    def on_quote(self, quote: Quote) -> Change | None:
        """Take a trade; O(1). Gives what changed, None if nothing did."""
        price, at_ns = quote.ltp_e4, quote.traded_ns or quote.exchange_ns
        if price is None or at_ns is None:
            return None
        run = self._run
        slot = self._slot_of(quote, at_ns)
        if slot == OUTSIDE:
            self._note_volume(quote, at_ns)
            return None
        if not run.is_live:
            self._begin(quote, at_ns, slot)
        elif not self._is_newer(quote, at_ns):
            return self._stretch(slot, price)
        else:
            self._advance(quote, at_ns, slot)
        change = self._write(quote, price, slot)
        if slot == run.first_slot:
            run.seam_volume = run.volume
        return change

    def _slot_of(self, quote: Quote, at_ns: int) -> int:
        if self._is_intraday or quote.traded_ns is not None:
            return self._grid.live_start(at_ns)
        # A calculated value counts for the day only while the market is on.
        is_on = self._minutes.live_start(at_ns) != OUTSIDE
        return self._grid.live_start(at_ns) if is_on else OUTSIDE

    def interrupt(self) -> None:
        """Note that ticks are lost from here on: the feed broke."""
        if self._run.is_live and not self.has_hole:
            self._known_ns = self._run.slot
        self._run = _Run(self._run.number + 1)

    def _is_newer(self, quote: Quote, at_ns: int) -> bool:
        run = self._run
        if at_ns != run.at_ns:
            return at_ns > run.at_ns
        return quote.volume is None or run.volume is None or quote.volume >= run.volume

    def _note_volume(self, quote: Quote, at_ns: int) -> None:
        """Outside of sessions only the day's volume counts: the call auction's, before the open."""
        run = self._run
        if quote.volume is not None and at_ns >= run.at_ns:
            run.at_ns, run.day, run.volume = at_ns, ist_day(at_ns), quote.volume

    def _begin(self, quote: Quote, at_ns: int, slot: int) -> None:
        """Start a run: find the day's volume at the start of this bar, or see a hole."""
        run, volume, day = self._run, quote.volume, ist_day(at_ns)
        auction = run.volume if run.day == day else None
        run.first_slot = run.slot = slot
        run.at_ns, run.day, run.volume = at_ns, day, volume
        run.first_volume, run.first_qty = volume, quote.last_qty or 0
        run.high, run.low, run.has_open = quote.high_e4, quote.low_e4, quote.open_e4 is not None
        is_proven = False
        if not self._is_intraday:
            run.base, is_proven = 0, run.has_open
        elif auction is not None:
            # We were listening before the open: this bar is seen from its first trade.
            run.base, run.first_slot, is_proven = auction, slot - 1, True
        elif self._is_covered(self._day_volume(day, None)):
            run.base, is_proven = self._day_volume(day, slot), True
        elif volume is not None:
            at = self.columns.find(slot)
            inside = self.columns.get(VOLUME, at) if self.columns.has(at, slot) else 0
            run.base = volume - run.first_qty - inside
        known_ns = self._known_ns
        # The day's volume proves nothing about an earlier day's end.
        self.has_hole = not (is_proven and known_ns is not None and ist_day(known_ns) == day)
        if not self.has_hole:
            run.is_joined, self._known_ns = True, None

    def _is_covered(self, total: int) -> bool:
        """Tell whether history's volume of the day reaches up to the first tick of the run."""
        run = self._run
        first = run.first_volume
        return first is not None and 0 < first <= total + run.first_qty

    def _advance(self, quote: Quote, at_ns: int, slot: int) -> None:
        """Carry the run on to a newer tick, perhaps into the next bar or day."""
        run, volume, day = self._run, quote.volume, ist_day(at_ns)
        before = run.volume if day == run.day else 0
        if slot != run.slot:
            run.slot = slot
            run.base = before if self._is_intraday else 0
            run.high = run.low = None
            run.has_open = quote.open_e4 is not None
        elif volume is not None and before is not None and volume < before:
            # The exchange corrected the day's volume downward; the bar keeps what it has.
            run.base = None if run.base is None else run.base - (before - volume)
        if volume is not None:
            if run.base is None:
                run.base = volume - (quote.last_qty or 0)
            run.volume = volume
        run.at_ns, run.day = at_ns, day

    def _write(self, quote: Quote, price: int, slot: int) -> Change:
        """Put the newest tick into its bar."""
        bars, run = self.columns, self._run
        high, low = self._missed_extremes(quote, price)
        volume = run.volume - run.base if run.volume is not None and run.base is not None else 0
        opened = price
        if not self._is_intraday and quote.open_e4 is not None:
            opened = quote.open_e4
            high = max(high, opened, quote.high_e4 or opened)
            low = min(low, opened, quote.low_e4 or opened)
        interest = UNKNOWN if quote.open_interest is None else quote.open_interest
        at = bars.find(slot)
        if not self.columns.has(at, slot):
            bar = (slot, opened, high, low, price, max(0, volume), interest)
            if at == bars.count:
                bars.append(bar)
                return Change.APPENDED
            bars.insert(at, bar)
            return Change.REPLACED
        if high > bars.get(HIGH, at):
            bars.set(HIGH, at, high)
        if low < bars.get(LOW, at):
            bars.set(LOW, at, low)
        bars.set(CLOSE, at, price)
        if volume > bars.get(VOLUME, at):
            bars.set(VOLUME, at, volume)
        if interest != UNKNOWN:
            bars.set(INTEREST, at, interest)
        return Change.LAST_CHANGED if at == bars.count - 1 else Change.REPLACED

    def _missed_extremes(self, quote: Quote, price: int) -> tuple[int, int]:
        """Widen by a new extreme of the day between two ticks of one bar: it was in this bar."""
        run = self._run
        high = low = price
        if quote.high_e4 is not None:
            if run.high is not None and quote.high_e4 > run.high:
                high = max(high, quote.high_e4)
            run.high = quote.high_e4
        if quote.low_e4 is not None:
            if run.low is not None and quote.low_e4 < run.low:
                low = min(low, quote.low_e4)
            run.low = quote.low_e4
        return high, low

    def _stretch(self, slot: int, price: int) -> Change | None:
        """Take a tick that comes late: it may widen its bar and moves nothing else."""
        bars = self.columns
        at = bars.find(slot)
        if not self.columns.has(at, slot):
            return None
        if bars.get(LOW, at) <= price <= bars.get(HIGH, at):
            return None
        bars.set(HIGH, at, max(price, bars.get(HIGH, at)))
        bars.set(LOW, at, min(price, bars.get(LOW, at)))
        return Change.LAST_CHANGED if at == bars.count - 1 else Change.REPLACED

    # -- history

    def asking(self, now_ns: int) -> Asked:
        """Note what is known at the moment of asking for history; hand it back to `merge`."""
        run = self._run
        slot = run.slot if run.is_live else self._grid.start_of(now_ns)
        return Asked(
            run=run.number, is_live=run.is_live, slot_ns=slot, volume=run.volume, day=run.day
        )

    def merge(self, bars: Sequence[Candle] | Longs, asked: Asked | None) -> Change | None:
        """Join history in; without `asked` (bars kept on disk) it only fills what is missing."""
        table = tidy(bars) if isinstance(bars, np.ndarray) else table_of(bars)
        starts = self._grid.starts(table[OPENED])
        if not np.array_equal(starts, table[OPENED]):
            table = tidy(fold(table, starts))
        before = self.columns.table.copy()
        merged = self._resolve(table, asked)
        self.columns.replace(merged)
        if asked is not None:
            self._join(table, before, asked)
        if np.array_equal(before, self.columns.table):
            return None
        is_older = before.shape[1] and np.array_equal(
            before, self.columns.table[:, -before.shape[1] :]
        )
        return Change.PREPENDED if is_older else Change.REPLACED

    def clear(self) -> None:
        """Forget all bars, to load anew."""
        self.columns.replace(self.columns.table[:, :0])
        self._run = _Run(self._run.number + 1)
        self._known_ns = None
        self.has_hole = False

    def _resolve(self, table: Longs, asked: Asked | None) -> Longs:
        """Decide for every bar whose word counts."""
        ours = self.columns.table
        if not ours.shape[1]:
            return table
        at = np.searchsorted(ours[OPENED], table[OPENED])
        at_safe = np.minimum(at, ours.shape[1] - 1)
        is_both = ours[OPENED, at_safe] == table[OPENED]
        result = np.concatenate([ours, table[:, ~is_both]], axis=1)
        if asked is not None:
            rows = at[is_both]
            result[:, rows] = self._agree(ours[:, rows], table[:, is_both], asked)
        if bool((np.diff(result[OPENED]) > 0).all()):
            return result
        return result[:, np.argsort(result[OPENED], kind="stable")]

    def _agree(self, ours: Longs, theirs: Longs, asked: Asked) -> Longs:
        """Join bars both sides have."""
        run = self._run
        opened = ours[OPENED]
        first = run.first_slot if run.is_live else np.iinfo(np.int64).max
        is_seen = opened > first
        is_seam = opened == first
        # Their bar may be cut off where they took it, and ours from an earlier run go on.
        is_open_ended = (opened >= asked.slot_ns) & run.is_live & ~is_seen
        is_mixed = is_seen | is_seam | is_open_ended
        agreed = theirs.copy()
        agreed[OPEN] = np.where(is_seen, ours[OPEN], theirs[OPEN])
        agreed[CLOSE] = np.where(is_seen | is_seam, ours[CLOSE], theirs[CLOSE])
        agreed[HIGH] = np.where(is_mixed, np.maximum(ours[HIGH], theirs[HIGH]), theirs[HIGH])
        agreed[LOW] = np.where(is_mixed, np.minimum(ours[LOW], theirs[LOW]), theirs[LOW])
        most = np.maximum(ours[VOLUME], theirs[VOLUME])
        agreed[VOLUME] = np.where(is_seen, ours[VOLUME], np.where(is_mixed, most, theirs[VOLUME]))
        is_told = (theirs[INTEREST] == UNKNOWN) | is_seen | is_seam
        agreed[INTEREST] = np.where(
            is_told & (ours[INTEREST] != UNKNOWN), ours[INTEREST], theirs[INTEREST]
        )
        return agreed

    def _join(self, theirs: Longs, ours: Longs, asked: Asked) -> None:
        """Put the seam right: the bar the run began in, and whether anything is missing."""
        run = self._run
        if asked.run != run.number:
            self._known_ns = asked.slot_ns if self._known_ns is None else self._known_ns
            return
        day = ist_day(run.first_slot)
        total = _snapshot_volume(theirs, ours, day, run.first_slot)
        is_proven = ist_day(asked.slot_ns) == day and self._is_proven(total)
        if run.is_live and not (asked.is_live or is_proven):
            self.has_hole, self._known_ns = True, asked.slot_ns
            return
        self.has_hole, self._known_ns = False, None if run.is_live else asked.slot_ns
        if run.seam_volume is None or run.is_joined:
            return
        run.is_joined = True
        base = 0
        if self._is_intraday:
            base = self._day_volume(day, run.first_slot) + self._auction(theirs, asked, day, total)
        if run.slot == run.first_slot:
            run.base = base
        self._close_seam(theirs, run.seam_volume - base)

    def _auction(self, theirs: Longs, asked: Asked, day: int, total: int) -> int:
        """Give the part of the day's volume that is in no bar: the call auction's."""
        run = self._run
        if not asked.is_live or asked.volume is None or asked.day != day:
            return 0
        if _index(theirs, run.first_slot) is None and run.first_volume is not None:
            # Their bars lag behind the ticks: compare with what was before the first of these.
            return max(0, run.first_volume - run.first_qty - total)
        return max(0, asked.volume - total)

    def _is_proven(self, total: int) -> bool:
        """Tell whether an answer asked for before the run began leaves nothing out."""
        return self._is_covered(total) if self._is_intraday else self._run.has_open

    def _close_seam(self, theirs: Longs, volume: int) -> None:
        run, bars = self._run, self.columns
        at = bars.find(run.first_slot)
        assert self.columns.has(at, run.first_slot), "the run wrote this bar"
        its = _index(theirs, run.first_slot)
        if its is not None:
            if theirs[VOLUME, its] > volume:
                # They have seen more of this bar than has reached us.
                bars.set(CLOSE, at, int(theirs[CLOSE, its]))
            volume = max(volume, int(theirs[VOLUME, its]))
        bars.set(VOLUME, at, max(0, volume))

    def _day_volume(self, day: int, before_ns: int | None) -> int:
        """Sum a day's bars, all or those that open earlier."""
        end_ns = day_start_ns(day + 1) if before_ns is None else before_ns
        return _volume(self.columns.table, day_start_ns(day), end_ns)


def _snapshot_volume(theirs: Longs, ours: Longs, day: int, seam_ns: int) -> int:
    """Sum what the broker had counted of a day when it answered: its bars, and ours before them."""
    day_ns, end_ns = day_start_ns(day), day_start_ns(day + 1)
    first_ns = max(day_ns, int(theirs[OPENED, 0]) if theirs.shape[1] else seam_ns)
    return _volume(ours, day_ns, first_ns) + _volume(theirs, first_ns, end_ns)


def _index(table: Longs, opened_ns: int) -> int | None:
    """Find a bar by its opening time."""
    at = int(np.searchsorted(table[OPENED], opened_ns))
    return at if at < table.shape[1] and int(table[OPENED, at]) == opened_ns else None


def _volume(table: Longs, from_ns: int, to_ns: int) -> int:
    first, last = np.searchsorted(table[OPENED], (from_ns, to_ns))
    return int(table[VOLUME, first:last].sum())
