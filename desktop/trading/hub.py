"""The newest quote and depth of every instrument: no Qt, no timer, no queue.

A broker's feed calls `receive`; the window drains with `frame`. Between two frames only the newest
value per instrument is kept, so a stalled window costs no memory and shows no old prices. Whoever
must see every trade (candles) stands in `on_trade`.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Detail, Quote

_MS: Final = 1_000_000
# An instrument starts out "quiet": some twenty quick updates in a row make it an active one.
_FIRST_GAP_NS: Final = 10_000 * _MS


class Frame(msgspec.Struct, frozen=True):
    """What changed since the last frame; the hub forgets the sets when it hands them over."""

    quotes: set[InstrumentId]
    depths: set[InstrumentId]


class Freshness(enum.StrEnum):
    """How far a shown price may be believed."""

    NONE = "none"
    LIVE = "live"
    STALE = "stale"
    CLOSED = "closed"


class StaleLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How old a value may be. Instruments slower than `busy_gap_ms` go by the feed's heartbeat."""

    active_ms: int = 3_000
    index_ms: int = 5_000
    heartbeat_ms: int = 10_000
    lag_ms: int = 2_000
    busy_gap_ms: int = 1_000


class _Entry:
    """All that is known of one instrument."""

    __slots__ = ("at_ns", "depth", "gap_ns", "is_index", "quote", "shown")

    def __init__(self, now_ns: int, *, is_index: bool) -> None:
        self.quote: Quote | None = None
        self.depth: Depth | None = None
        self.at_ns = now_ns
        self.gap_ns = _FIRST_GAP_NS
        self.is_index = is_index
        self.shown = Freshness.NONE


class Watch:
    """A claim that instruments be followed; `close` gives it up, twice does no harm."""

    __slots__ = ("_release", "detail", "instruments", "owner")

    def __init__(
        self,
        instruments: tuple[InstrumentId, ...],
        detail: Detail,
        owner: str,
        release: "Callable[[Watch], None]",
    ) -> None:
        self._release: Callable[[Watch], None] | None = release
        self.instruments = instruments
        self.detail = detail
        self.owner = owner

    @property
    def is_open(self) -> bool:
        return self._release is not None

    def close(self) -> None:
        """Release the instruments; those nobody else watches are no longer wanted."""
        release, self._release = self._release, None
        if release is not None:
            release(self)


class Hub:
    """Newest value per instrument, what changed, and who watches what.

    `on_dirty` is called when the first change after a frame arrives, `on_wanted_changed` after the
    set to follow changed, `on_trade` for every quote that tells of a trade.
    """

    def __init__(self, limits: StaleLimits | None = None) -> None:
        self.limits = limits or StaleLimits()
        self.on_dirty: Callable[[], None] | None = None
        self.on_wanted_changed: Callable[[], None] | None = None
        self.on_trade: list[Callable[[Quote], None]] = []
        self.is_index: Callable[[InstrumentId], bool] = lambda _: False
        self.is_open: Callable[[InstrumentId, int], bool] = lambda _, __: True
        self._entries: dict[InstrumentId, _Entry] = {}
        self._quotes: set[InstrumentId] = set()
        self._depths: set[InstrumentId] = set()
        self._watches: dict[InstrumentId, list[Watch]] = {}
        self._wanted: dict[InstrumentId, Detail] = {}
        self._heard_ns: int | None = None
        self.skew_ns = 0
        """The exchange's clock minus ours, as far as known; it is not lag."""
        self._newest_exchange_ns = 0
        self._lag_ns = 0
        self._lag_at_ns = 0
        self._is_linked = True

    # -- in

    def receive(self, items: Sequence[Quote | Depth], now_ns: int) -> None:
        """Take what the feed brought; the newest wins."""
        was_clean = not (self._quotes or self._depths)
        entries, listeners = self._entries, self.on_trade
        quotes, depths = self._quotes, self._depths
        for item in items:
            instrument = item.instrument
            entry = entries.get(instrument)
            if entry is None:
                entry = self._enter(instrument, now_ns)
            entry.gap_ns += (now_ns - entry.at_ns - entry.gap_ns) >> 3
            entry.at_ns = now_ns
            if type(item) is Depth:
                entry.depth = item
                depths.add(instrument)
                continue
            assert type(item) is Quote
            old = entry.quote
            entry.quote = item
            quotes.add(instrument)
            if listeners and (old is None or _is_trade(old, item)):
                for listener in listeners:
                    listener(item)
        self._heard_ns = now_ns
        if items:
            self._note_lag(items[-1], now_ns)
            if was_clean and self.on_dirty is not None:
                self.on_dirty()

    def heard(self, now_ns: int) -> None:
        """Note that the feed is alive although it brought no value: a heartbeat, a pong."""
        self._heard_ns = now_ns

    def link_changed(self, *, is_live: bool) -> None:
        """Note that the feed came or went; while it is away everything is stale."""
        self._is_linked = is_live

    def _enter(self, instrument: InstrumentId, now_ns: int) -> _Entry:
        entry = _Entry(now_ns, is_index=self.is_index(instrument))
        self._entries[instrument] = entry
        return entry

    def _note_lag(self, newest: Quote | Depth, now_ns: int) -> None:
        """Measure how late quotes come; only one newer than all before tells anything."""
        at_ns = newest.exchange_ns if type(newest) is Quote else None
        if at_ns is None or at_ns <= self._newest_exchange_ns:
            return
        # The first of all is a snapshot, perhaps of an instrument that last moved yesterday.
        if self._newest_exchange_ns:
            self._lag_ns = max(0, now_ns + self.skew_ns - at_ns)
            self._lag_at_ns = now_ns
        self._newest_exchange_ns = at_ns

    # -- out

    def frame(self) -> Frame:
        """Hand over what changed since the last call."""
        frame = Frame(self._quotes, self._depths)
        self._quotes, self._depths = set(), set()
        return frame

    def quote(self, instrument: InstrumentId) -> Quote | None:
        entry = self._entries.get(instrument)
        return None if entry is None else entry.quote

    def depth(self, instrument: InstrumentId) -> Depth | None:
        entry = self._entries.get(instrument)
        return None if entry is None else entry.depth

    def age_ms(self, instrument: InstrumentId, now_ns: int) -> int | None:
        """Give the time since this instrument was last heard of; None: never."""
        entry = self._entries.get(instrument)
        if entry is None or (entry.quote is None and entry.depth is None):
            return None
        return max(0, now_ns - entry.at_ns) // _MS

    def feed_age_ms(self, now_ns: int) -> int | None:
        """Give the time since anything came in; None: nothing ever did."""
        return None if self._heard_ns is None else max(0, now_ns - self._heard_ns) // _MS

    @property
    def lag_ms(self) -> int:
        """How far the newest received quote was behind the exchange's time."""
        return self._lag_ns // _MS

    def freshness(self, instrument: InstrumentId, now_ns: int) -> Freshness:
        """Tell whether this instrument's value may be believed."""
        entry = self._entries.get(instrument)
        if entry is None or (entry.quote is None and entry.depth is None):
            return Freshness.NONE
        if not self._is_stale(entry, now_ns):
            return Freshness.LIVE
        return Freshness.STALE if self.is_open(instrument, now_ns) else Freshness.CLOSED

    def _is_stale(self, entry: _Entry, now_ns: int) -> bool:
        limits, age_ns = self.limits, now_ns - entry.at_ns
        if not self._is_linked or self._heard_ns is None:
            return True
        heartbeat_ns = limits.heartbeat_ms * _MS
        if now_ns - self._heard_ns > heartbeat_ns:
            return True
        if self._lag_ns > limits.lag_ms * _MS and now_ns - self._lag_at_ns <= heartbeat_ns:
            return True
        if entry.is_index:
            return age_ns > limits.index_ms * _MS
        return entry.gap_ns <= limits.busy_gap_ms * _MS and age_ns > limits.active_ms * _MS

    def sweep(self, now_ns: int) -> None:
        """Mark watched instruments whose freshness changed, so that the next frame repaints them.

        Silence brings no frame of itself; call this about twice a second.
        """
        was_clean = not (self._quotes or self._depths)
        for instrument in self._wanted:
            entry = self._entries.get(instrument)
            if entry is None:
                continue
            freshness = self.freshness(instrument, now_ns)
            if freshness is not entry.shown:
                entry.shown = freshness
                self._quotes.add(instrument)
                self._depths.add(instrument)
        if was_clean and self._quotes and self.on_dirty is not None:
            self.on_dirty()

    # -- watching

    def watch(self, instrument: InstrumentId, detail: Detail, owner: str) -> Watch:
        """Follow one instrument until the handle is closed."""
        return self.watch_all((instrument,), detail, owner)

    def watch_all(self, instruments: Iterable[InstrumentId], detail: Detail, owner: str) -> Watch:
        """Follow many at once: one change of the wanted set instead of many."""
        watch = Watch(tuple(dict.fromkeys(instruments)), detail, owner, self._released)
        for instrument in watch.instruments:
            self._watches.setdefault(instrument, []).append(watch)
        self._want_anew(watch.instruments)
        return watch

    def wanted(self) -> Mapping[InstrumentId, Detail]:
        """Give the highest detail anyone watches, per instrument; a view that changes."""
        return MappingProxyType(self._wanted)

    def owners(self) -> Mapping[str, int]:
        """Count open watches by owner."""
        counts: dict[str, int] = {}
        for watch in {id(w): w for watches in self._watches.values() for w in watches}.values():
            counts[watch.owner] = counts.get(watch.owner, 0) + 1
        return counts

    def release(self, owner: str) -> None:
        """Close everything an owner still watches."""
        mine = {id(w): w for ws in self._watches.values() for w in ws if w.owner == owner}
        for watch in mine.values():
            watch.close()

    def _released(self, watch: Watch) -> None:
        for instrument in watch.instruments:
            watches = self._watches[instrument]
            watches.remove(watch)
            if not watches:
                del self._watches[instrument]
        self._want_anew(watch.instruments)

    def _want_anew(self, instruments: Iterable[InstrumentId]) -> None:
        has_changed = False
        for instrument in instruments:
            watches = self._watches.get(instrument)
            detail = max(watch.detail for watch in watches) if watches else None
            if detail is self._wanted.get(instrument):
                continue
            has_changed = True
            if detail is None:
                del self._wanted[instrument]
            else:
                self._wanted[instrument] = detail
        if has_changed and self.on_wanted_changed is not None:
            self.on_wanted_changed()


def _is_trade(old: Quote, new: Quote) -> bool:
    """Tell whether something traded in between; an index trades with every calculation."""
    volume = new.volume
    return (
        volume != old.volume
        or new.ltp_e4 != old.ltp_e4
        or new.traded_ns != old.traded_ns
        or (volume is None and new.exchange_ns != old.exchange_ns)
    )
