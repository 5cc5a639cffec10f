"""What the public saw of one instrument: its line, rounded and paused, with users' trades.

Bars and the running day come from the same places, so a chart fetched later continues what was
seen live.
"""

import bisect
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from brokers.model.instrument import Instrument
from brokers.model.market import Interval
from brokers.model.money import round_to_tick
from brokers.practice.clock import MINUTE_NS
from brokers.practice.lines import PIECE_NS, PIECES, Line, Piece, split_volume
from brokers.practice.noise import Floats, Ints
from brokers.practice.paths import DAY_MINUTES, IST_MINUTES, Days, Minutes

_PAISA_E4: Final = 100


class Bar(NamedTuple):
    """One bar in exact prices; `turnover_e4` is Σ price × quantity."""

    start_ns: int
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int
    turnover_e4: int
    is_path: bool = True


class Bars(NamedTuple):
    """Bars as columns, oldest first."""

    start_ns: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints


class Print(NamedTuple):
    """A trade in which a user had part, or one made by hand."""

    at_ns: int
    price_e4: int
    quantity: int


class Pauses:
    """When the market maker stood still, for all instruments at once."""

    def __init__(self) -> None:
        self._edges: list[int] = []

    @property
    def is_paused(self) -> bool:
        return len(self._edges) % 2 == 1

    @property
    def count(self) -> int:
        """Grow with every change."""
        return len(self._edges)

    @property
    def first_ns(self) -> int | None:
        """Give when the first pause began; None without any."""
        return self._edges[0] if self._edges else None

    def toggle(self, at_ns: int) -> None:
        """Stop, or go on."""
        self._edges.append(max(at_ns, self._edges[-1] if self._edges else at_ns))

    def forget_after(self, at_ns: int) -> None:
        """Take back what happened later than a moment; a pause that was on stays on."""
        was_paused = self.is_paused
        self._edges = [edge for edge in self._edges if edge <= at_ns]
        if self.is_paused != was_paused:
            self._edges.append(at_ns)

    def held_at(self, at_ns: int) -> int | None:
        """Give the start of the pause a moment lies in; None outside."""
        at = bisect.bisect_right(self._edges, at_ns)
        return self._edges[at - 1] if at % 2 else None

    def touching(self, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """Give the pauses that overlap a stretch."""
        edges = [*self._edges, end_ns] if self.is_paused else self._edges
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [(a, b) for a, b in pairs if a < end_ns and b > start_ns and b > a]


class Tape:
    """One instrument's public record. `until_ns` is always exclusive: now + 1 to include now."""

    def __init__(self, instrument: Instrument, line: Line, pauses: Pauses) -> None:
        self.line = line
        self._tick = instrument.tick_e4
        self._bar_tick = _PAISA_E4 if line.is_exact else instrument.tick_e4
        self._pauses = pauses
        self.prints: list[Print] = []

    @property
    def version(self) -> int:
        """Grow whenever the past of today may read differently; users' trades do not count."""
        return self.line.version + self._pauses.count

    def round(self, price: float) -> int:
        """Give rupees as an exact price on the tick, at least one tick."""
        return max(round_to_tick(round(price * 10_000), self._tick), self._tick)

    def print(self, at_ns: int, price_e4: int, quantity: int) -> None:
        """Put a user's trade on the tape."""
        self.prints.append(Print(at_ns, price_e4, quantity))

    def forget_after(self, at_ns: int) -> None:
        """Take back what happened later than a moment."""
        self.prints = [each for each in self.prints if each.at_ns <= at_ns]

    def prints_in(self, start_ns: int, end_ns: int) -> Sequence[Print]:
        """Give the users' trades of a stretch, oldest first."""
        if not self.prints or self.prints[-1].at_ns < start_ns:
            return ()
        first = bisect.bisect_left(self.prints, start_ns, key=lambda each: each.at_ns)
        last = bisect.bisect_left(self.prints, end_ns, key=lambda each: each.at_ns)
        return self.prints[first:last]

    def minute(self, minute: int, until_ns: int) -> Bar | None:
        """Give one minute's bar as far as it went by a moment; None if nothing traded."""
        start = minute * MINUTE_NS
        return _join(self.pieces(minute, min(until_ns, start + MINUTE_NS)), start)

    def pieces(self, minute: int, until_ns: int) -> list[Bar]:
        """Give one minute's five-second bars as far as they went by a moment, empty ones not."""
        units, has_traded = self._units(minute)
        start = minute * MINUTE_NS
        found: list[list[Bar]] = [[] for _ in range(PIECES)]
        if has_traded:
            parts = _parts_of(self.line.key, minute, units) if units else None
            for piece in self.line.trace(minute):
                if piece.start_ns >= until_ns:
                    break
                slot = (piece.start_ns - start) // PIECE_NS
                part = parts[slot] if parts is not None else 0
                found[slot] += self._open_parts(piece, part, start + slot * PIECE_NS, until_ns)
        for each in self.prints_in(start, until_ns):
            slot = (each.at_ns - start) // PIECE_NS
            found[slot].append(_print_bar(each))
            found[slot].sort(key=lambda bar: (bar.start_ns, bar.is_path))
        joined = (_join(bars, start + n * PIECE_NS) for n, bars in enumerate(found) if bars)
        return [bar for bar in joined if bar is not None]

    def _open_parts(self, piece: Piece, units: int, slot_ns: int, until_ns: int) -> Iterable[Bar]:
        """Cut a piece at now and at pauses; each rest is a bar of its own."""
        end = min(piece.end_ns, until_ns)
        trades = self.prints_in(piece.start_ns, end)
        holes = self._pauses.touching(piece.start_ns, end)
        if trades:
            # A user's trade comes between what was before and what is after it.
            holes = sorted(holes + _cuts(trades, holes))
        edges = [piece.start_ns]
        for hole_start, hole_end in holes:
            edges += (max(hole_start, piece.start_ns), min(hole_end, end))
        edges.append(end)
        for a, b in zip(edges[::2], edges[1::2], strict=True):
            if b <= a:
                continue
            first, last = self._shown(piece.at(a)), self._shown(piece.at(b))
            # Differences of one running total: parts add up however they are cut.
            traded = units * (b - slot_ns) // PIECE_NS - units * (a - slot_ns) // PIECE_NS
            volume = traded * self.line.unit
            high, low = max(first, last), min(first, last)
            yield Bar(a, first, high, low, last, volume, volume * ((first + last) // 2))

    def _shown(self, price: float) -> int:
        ticks = round_to_tick(round(price * 10_000), self._bar_tick)
        return max(ticks, self._bar_tick)

    @property
    def first_pause_ns(self) -> int | None:
        """Give when the market maker first stood still; None if it never did."""
        return self._pauses.first_ns

    def exact_days(self, days: Days) -> Bars:
        """Round daily bars of an undisturbed line."""
        opens, high, low, close = (self._exact(prices) for prices in days[1:5])
        starts = (days.day * DAY_MINUTES - IST_MINUTES) * MINUTE_NS
        return Bars(starts, opens, high, low, close, days.volume)

    def has_traded(self, minute: int) -> bool:
        """Tell whether the line itself trades in a minute."""
        return self._units(minute)[1]

    def _units(self, minute: int) -> tuple[int, bool]:
        bars = self.line.day((minute + IST_MINUTES) // DAY_MINUTES)
        at = int(np.searchsorted(bars.minute, minute))
        if at >= len(bars.minute) or int(bars.minute[at]) != minute:
            return 0, False
        return int(bars.volume[at]) // self.line.unit, bool(bars.traded[at])

    def minutes(self, first_day: int, last_day: int, until_ns: int) -> Bars:
        """Give the bars of every minute with a trade, up to a moment, the running one included."""
        one_day = first_day == last_day
        raw = self.line.day(first_day) if one_day else self.line.minutes(first_day, last_day)
        known = raw.pick(raw.traded & (raw.minute * MINUTE_NS < until_ns))
        special = self._special(first_day, last_day, until_ns, known)
        if special:
            normal = ~np.isin(known.minute, np.array(special, np.int64))
            known = known.pick(normal)
        bars = self._round(known)
        made = [bar for each in special if (bar := self.minute(each, until_ns)) is not None]
        return _insert(bars, made)

    def _special(self, first_day: int, last_day: int, until_ns: int, known: Minutes) -> list[int]:
        """Name the minutes that are not simply the line's: running, paused, with users' trades."""
        start = (first_day * DAY_MINUTES - IST_MINUTES) * MINUTE_NS
        end = min(((last_day + 1) * DAY_MINUTES - IST_MINUTES) * MINUTE_NS, until_ns)
        found = {each.at_ns // MINUTE_NS for each in self.prints_in(start, end)}
        for hole_start, hole_end in self._pauses.touching(start, end):
            inside = (known.minute >= hole_start // MINUTE_NS) & (
                known.minute * MINUTE_NS < hole_end
            )
            found.update(known.minute[inside].tolist())
        if end == until_ns and until_ns % MINUTE_NS:
            found.add(until_ns // MINUTE_NS)
        return sorted(found)

    def _round(self, minutes: Minutes) -> Bars:
        opens, high, low, close = (self._exact(prices) for prices in minutes[1:5])
        return Bars(minutes.minute * MINUTE_NS, opens, high, low, close, minutes.volume)

    def _exact(self, prices: Floats) -> Ints:
        """Round as `_shown` does, so that a bar reads the same however it was made."""
        tick = self._bar_tick
        ticks = (np.rint(prices * 10_000).astype(np.int64) + tick // 2) // tick
        return np.maximum(ticks, 1) * tick

    def seconds(self, first_minute: int, last_minute: int, until_ns: int) -> Bars:
        """Give five-second bars of a stretch of minutes."""
        first_day = (first_minute + IST_MINUTES) // DAY_MINUTES
        last_day = (last_minute + IST_MINUTES) // DAY_MINUTES
        raw = self.line.minutes(first_day, last_day)
        inside = (raw.minute >= first_minute) & (raw.minute <= last_minute)
        known = raw.pick(raw.traded & inside & (raw.minute * MINUTE_NS < until_ns))
        special = self._special(first_day, last_day, until_ns, known)
        special = [each for each in special if first_minute <= each <= last_minute]
        moved = self.line.moved_minutes()
        special = sorted({*special, *(each for each in moved if each in known.minute)})
        if special:
            known = known.pick(~np.isin(known.minute, np.array(special, np.int64)))
        made = [bar for each in special for bar in self.pieces(each, until_ns)]
        return _insert(self._slots(known), made)

    def _slots(self, minutes: Minutes) -> Bars:
        if len(minutes.minute) == 0:
            return no_bars()
        corners = self._exact(self.line.corners(minutes))
        first, last = corners[:, :-1].ravel(), corners[:, 1:].ravel()
        starts = minutes.minute[:, None] * MINUTE_NS + np.arange(PIECES) * PIECE_NS
        unit = self.line.unit
        volume = split_volume(self.line.key, minutes.minute, minutes.volume // unit) * unit
        return Bars(
            starts.ravel(),
            first,
            np.maximum(first, last),
            np.minimum(first, last),
            last,
            volume.ravel(),
        )


_newest_parts: dict[tuple[int, int, int], list[int]] = {}


def _parts_of(key: int, minute: int, units: int) -> list[int]:
    """Deal a minute's units out to its pieces; the newest few deals are kept."""
    asked = (key, minute, units)
    found = _newest_parts.get(asked)
    if found is None:
        if len(_newest_parts) > 4096:
            _newest_parts.clear()
        dealt = split_volume(key, np.array([minute]), np.array([units]))[0]
        found = _newest_parts[asked] = dealt.tolist()
    return found


def _cuts(trades: Sequence[Print], holes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give a hole of one nanosecond for each trade outside a pause."""
    return [
        (at_ns, at_ns + 1)
        for at_ns in sorted({each.at_ns for each in trades})
        if not any(a <= at_ns < b for a, b in holes)
    ]


def _print_bar(each: Print) -> Bar:
    price, quantity = each.price_e4, each.quantity
    return Bar(each.at_ns, price, price, price, price, quantity, price * quantity, is_path=False)


def _join(bars: Sequence[Bar], start_ns: int) -> Bar | None:
    """Add bars up to one; None for none."""
    if not bars:
        return None
    return Bar(
        start_ns,
        bars[0].open_e4,
        max(bar.high_e4 for bar in bars),
        min(bar.low_e4 for bar in bars),
        bars[-1].close_e4,
        sum(bar.volume for bar in bars),
        sum(bar.turnover_e4 for bar in bars),
    )


def no_bars() -> Bars:
    """Give an empty table."""
    none = np.empty(0, np.int64)
    return Bars(none, none, none, none, none, none)


def _insert(bars: Bars, made: Sequence[Bar]) -> Bars:
    if not made:
        return bars
    rows = np.array([bar[:6] for bar in made], np.int64)
    start = np.concatenate((bars.start_ns, rows[:, 0]))
    order = np.argsort(start, kind="stable")
    columns = [np.concatenate((column, rows[:, n + 1]))[order] for n, column in enumerate(bars[1:])]
    return Bars(start[order], *columns)


def fold(bars: Bars, bucket: Ints, starts: Ints) -> Bars:
    """Add bars up.

    Args:
        bars: oldest first.
        bucket: which longer bar each belongs to, never decreasing.
        starts: the longer bar's start for each bar.
    """
    if len(bucket) == 0:
        return bars
    first = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    last = np.append(first[1:], len(bucket)) - 1
    return Bars(
        starts[first],
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.add.reduceat(bars.volume, first),
    )


def bucket_starts(start_ns: Ints, opens_ns: Ints, interval: Interval) -> Ints:
    """Give the start of the longer bar each bar falls into, counted from its day's open."""
    length = interval.seconds * 1_000_000_000
    return opens_ns + (start_ns - opens_ns) // length * length
