"""A line is what one name's price does, disturbances included.

Within a minute a line is twelve straight pieces that touch the bar's
four prices.
"""

import bisect
import itertools
from abc import ABC, abstractmethod
from typing import Final, NamedTuple

import numpy as np
from typing_extensions import override

from brokers.practice.clock import MINUTE_NS
from brokers.practice.noise import Floats, Ints, draw, uniform
from brokers.practice.paths import (
    DAY_MINUTES,
    IST_MINUTES,
    Days,
    Grid,
    Minutes,
    Path,
    join_days,
)

PIECES: Final = 12
PIECE_NS: Final = MINUTE_NS // PIECES
_KEPT_TRACES: Final = 8
_KEPT_DAYS: Final = 3
_LOOK_BACK_DAYS: Final = 15
_YEAR_DAYS: Final = 365


class Piece(NamedTuple):
    """A straight stretch: from inclusive, to exclusive; prices are rupees."""

    start_ns: int
    end_ns: int
    first: float
    last: float

    def at(self, at_ns: int) -> float:
        """Give the price at a moment within."""
        part = (at_ns - self.start_ns) / (self.end_ns - self.start_ns)
        return self.first + (self.last - self.first) * part


class Move(NamedTuple):
    """From `at_ns` on the price is undisturbed × factor + shift."""

    at_ns: int
    factor: float
    shift: float


def knots(key: int, minutes: Minutes) -> Floats:
    """Give the thirteen corner prices of each minute, one row a minute."""
    count = len(minutes.minute)
    bits = draw(key, minutes.minute, 11)
    steps = np.arange(1, PIECES, dtype=np.uint64) * np.uint64(5)
    wild = ((bits[:, None] >> steps) & np.uint64(31)).astype(np.float64) / 31.0 - 0.5
    even = np.arange(1, PIECES) / PIECES
    spread = (minutes.high - minutes.low)[:, None]
    inner = minutes.open[:, None] + (minutes.close - minutes.open)[:, None] * even
    inner += wild * spread * 0.5
    np.clip(inner, minutes.low[:, None], minutes.high[:, None], out=inner)
    corner = draw(key, minutes.minute, 12)
    top = (corner & np.uint64(0xFFFF)).astype(np.int64) % 11
    bottom = (top + 1 + (corner >> np.uint64(16) & np.uint64(0xFFFF)).astype(np.int64) % 10) % 11
    rows = np.arange(count)
    inner[rows, top] = minutes.high
    inner[rows, bottom] = minutes.low
    return np.column_stack((minutes.open, inner, minutes.close))


def split_volume(key: int, minute: Ints, units: Ints) -> Ints:
    """Give the twelve parts of each minute's units, one row a minute; nothing is lost."""
    weight = np.column_stack([uniform(draw(key, minute, 20 + n)) for n in range(PIECES)])
    running = np.cumsum(weight, axis=1)
    running /= running[:, -1:]
    dealt = (units[:, None] * running).astype(np.int64)
    dealt[:, -1] = units
    return np.diff(dealt, axis=1, prepend=0)


class Line(ABC):
    """What every kind of line can tell. `key` is its noise, `unit` the step of its volumes."""

    is_exact = False
    shown_from = 0

    def __init__(self, key: int, grid: Grid, unit: int) -> None:
        self.key = key
        self.grid = grid
        self.unit = unit
        self._moves: list[Move] = []
        self._changes = 0
        self._traces: dict[int, tuple[int, tuple[Piece, ...]]] = {}
        self._days: dict[int, tuple[int, Minutes]] = {}
        self._references: dict[int, float] = {}

    @property
    def version(self) -> int:
        """Grow whenever a disturbance here or below changed what the line says."""
        return self._changes

    def move(self, at_ns: int, price: float, *, by_factor: bool) -> None:
        """Make the line stand at a price from a moment on."""
        raw, last = self._undisturbed_at(at_ns), self._in_force(at_ns)
        if by_factor and raw > 0.0:
            self._moves.append(Move(at_ns, price / raw, 0.0))
        else:
            self._moves.append(Move(at_ns, last.factor, price - raw * last.factor))
        self._changes += 1

    def scale(self, at_ns: int, ratio: float) -> None:
        """Multiply the line from a moment on."""
        last = self._in_force(at_ns)
        self._moves.append(Move(at_ns, last.factor * ratio, last.shift * ratio))
        self._changes += 1

    def forget_after(self, at_ns: int) -> None:
        """Take back every disturbance later than a moment."""
        kept = [move for move in self._moves if move.at_ns <= at_ns]
        if len(kept) != len(self._moves):
            self._moves = kept
            self._changes += 1

    @property
    def newest_move_ns(self) -> int:
        """Give the last disturbance, here or below; 0 without any."""
        return self._moves[-1].at_ns if self._moves else 0

    def underlying_reference(self, day: int) -> float:
        """Give what it is derived from at the close before a day; itself for a spot."""
        return self.reference(day)

    def _in_force(self, at_ns: int) -> Move:
        at = bisect.bisect_right(self._moves, at_ns, key=lambda move: move.at_ns)
        return self._moves[at - 1] if at else Move(0, 1.0, 0.0)

    @abstractmethod
    def _raw_minutes(self, first_day: int, last_day: int) -> Minutes: ...

    @abstractmethod
    def _raw_trace(self, minute: int) -> tuple[Piece, ...]: ...

    @abstractmethod
    def daily(self, first_day: int, last_day: int) -> Days:
        """Give daily bars, disturbed days included; days without a trade are left out."""

    @abstractmethod
    def extremes(self, day: int) -> tuple[float, float]:
        """Give the highest and lowest price of the year before a day, or of its life."""

    @abstractmethod
    def references(self, days: Ints) -> Floats:
        """Give the close before each of these days, disturbances aside."""

    def reference(self, day: int) -> float:
        """Give the close before a day, disturbances aside: what the smile hangs on."""
        found = self._references.get(day)
        if found is None:
            found = self._references[day] = float(self.references(np.array([day]))[0])
        return found

    def open_interest(self, minute: Ints) -> Ints | None:
        """Give the open interest at these minutes; None for what has none."""
        del minute
        return None

    def minutes(self, first_day: int, last_day: int) -> Minutes:
        """Give the bars of every trading minute, disturbed ones as they became."""
        raw = self._raw_minutes(first_day, last_day)
        if not self._moves or len(raw.minute) == 0:
            return raw
        factors, shifts = self._forces(raw.minute * MINUTE_NS)
        bars = [np.maximum(prices * factors + shifts, 0.0) for prices in raw[1:5]]
        moved = Minutes(raw.minute, bars[0], bars[1], bars[2], bars[3], raw.volume, raw.traded)
        for minute in {move.at_ns // MINUTE_NS for move in self._moves}:
            at = int(np.searchsorted(raw.minute, minute))
            if at < len(raw.minute) and int(raw.minute[at]) == minute:
                _patch(moved, at, self.trace(minute))
        return moved

    def _forces(self, at_ns: Ints) -> tuple[Floats, Floats]:
        times = np.array([move.at_ns for move in self._moves], np.int64)
        force = np.searchsorted(times, at_ns, side="right")
        factors = np.array([1.0] + [move.factor for move in self._moves])[force]
        return factors, np.array([0.0] + [move.shift for move in self._moves])[force]

    def moved_minutes(self) -> set[int]:
        """Name the minutes in which a disturbance falls, of this line or one below it."""
        return {move.at_ns // MINUTE_NS for move in self._moves}

    def corners(self, minutes: Minutes) -> Floats:
        """Give the thirteen corner prices of minutes without a disturbance inside, row by row."""
        return knots(self.key, minutes)

    def day(self, day: int) -> Minutes:
        """Give one day's minutes, kept while nothing disturbs them."""
        version = self.version
        found = self._days.get(day)
        if found is None or found[0] != version:
            if len(self._days) >= _KEPT_DAYS:
                self._days.pop(next(iter(self._days)))
            found = self._days[day] = (version, self.minutes(day, day))
        return found[1]

    def trace(self, minute: int) -> tuple[Piece, ...]:
        """Give the straight pieces of one minute, cut where a disturbance falls."""
        version = self.version
        found = self._traces.get(minute)
        if found is None or found[0] != version:
            if len(self._traces) >= _KEPT_TRACES:
                self._traces.pop(next(iter(self._traces)))
            pieces = self._raw_trace(minute)
            if self._moves:
                pieces = self._disturb(pieces)
            found = self._traces[minute] = (version, pieces)
        return found[1]

    def _disturb(self, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        found: list[Piece] = []
        for piece in pieces:
            cuts = {m.at_ns for m in self._moves if piece.start_ns < m.at_ns < piece.end_ns}
            edges = [piece.start_ns, *sorted(cuts), piece.end_ns]
            for start, end in itertools.pairwise(edges):
                move = self._in_force(start)
                first = max(piece.at(start) * move.factor + move.shift, 0.0)
                last = max(piece.at(end) * move.factor + move.shift, 0.0)
                found.append(Piece(start, end, first, last))
        return tuple(found)

    def price_at(self, at_ns: int) -> float:
        """Give the price at a moment; outside sessions the last one before."""
        minute, inside = self.minute_at(at_ns)
        if minute is None:
            return 0.0
        pieces = self.trace(minute)
        return piece_at(pieces, at_ns).at(at_ns) if inside else pieces[-1].last

    def minute_at(self, at_ns: int) -> tuple[int | None, bool]:
        """Give the trading minute a moment lies in, or the last one before it.

        Returns:
            the minute, and whether the moment lies inside it; None without any near.
        """
        minute = at_ns // MINUTE_NS
        today = (minute + IST_MINUTES) // DAY_MINUTES
        for day in range(today, today - _LOOK_BACK_DAYS, -1):
            grid = self.grid.of_day(day)
            at = int(np.searchsorted(grid, minute, side="right")) - 1
            if at >= 0:
                return int(grid[at]), int(grid[at]) == minute
        return None, False

    def _undisturbed_at(self, at_ns: int) -> float:
        minute, inside = self.minute_at(at_ns)
        if minute is None:
            return 0.0
        pieces = self._raw_trace(minute)
        return piece_at(pieces, at_ns).at(at_ns) if inside else pieces[-1].last


def piece_at(pieces: tuple[Piece, ...], at_ns: int) -> Piece:
    """Find the piece a moment lies in; the last one for a moment after them."""
    for piece in pieces:
        if at_ns < piece.end_ns:
            return piece
    return pieces[-1]


def _patch(minutes: Minutes, at: int, pieces: tuple[Piece, ...]) -> None:
    ends = [price for piece in pieces for price in (piece.first, piece.last)]
    minutes.open[at], minutes.close[at] = ends[0], ends[-1]
    minutes.high[at], minutes.low[at] = max(ends), min(ends)


class SpotLine(Line):
    """What trades by itself, or is computed by the exchange: shares, indices, commodities."""

    def __init__(self, path: Path, grid: Grid, unit: int = 1) -> None:
        super().__init__(path.key, grid, unit)
        self.path = path
        self.is_exact = path.is_exact
        self.shown_from = path.shown_from
        self._raw_days: dict[int, Minutes] = {}

    @override
    def _raw_minutes(self, first_day: int, last_day: int) -> Minutes:
        if first_day == last_day:
            return self._raw_day(first_day)
        return self.path.minutes(first_day, last_day)

    @override
    def _raw_trace(self, minute: int) -> tuple[Piece, ...]:
        day = (minute + IST_MINUTES) // DAY_MINUTES
        bars = self._raw_day(day)
        at = int(np.searchsorted(bars.minute, minute, side="right")) - 1
        start = minute * MINUTE_NS
        if at < 0 or int(bars.minute[at]) != minute:
            price = float(bars.close[at]) if at >= 0 else self.reference(day)
            return (Piece(start, start + MINUTE_NS, price, price),)
        one = bars.pick(slice(at, at + 1))
        corners = knots(self.key, one)[0].tolist()
        return tuple(
            Piece(start + n * PIECE_NS, start + (n + 1) * PIECE_NS, corners[n], corners[n + 1])
            for n in range(PIECES)
        )

    def _raw_day(self, day: int) -> Minutes:
        found = self._raw_days.get(day)
        if found is None:
            if len(self._raw_days) >= _KEPT_DAYS:
                self._raw_days.pop(next(iter(self._raw_days)))
            found = self._raw_days[day] = self.path.minutes(day, day)
        return found

    @override
    def daily(self, first_day: int, last_day: int) -> Days:
        raw = self.path.daily(first_day, last_day)
        if not self._moves or len(raw.day) == 0:
            return raw
        before = int(np.searchsorted(raw.day, self._first_move_day()))
        if before >= len(raw.day):
            return raw
        tail = fold_days(self.minutes(int(raw.day[before]), last_day))
        return join_days((raw.pick(slice(0, before)), tail))

    @override
    def extremes(self, day: int) -> tuple[float, float]:
        year = self.daily(max(day - _YEAR_DAYS, self.shown_from), day - 1)
        if len(year.day) == 0:
            return 0.0, 0.0
        return float(year.high.max()), float(year.low.min())

    def _first_move_day(self) -> int:
        return (self._moves[0].at_ns // MINUTE_NS + IST_MINUTES) // DAY_MINUTES

    @override
    def references(self, days: Ints) -> Floats:
        known = self.path.daily(int(days[0]) - _LOOK_BACK_DAYS, int(days[-1]) + _LOOK_BACK_DAYS)
        if len(known.day) == 0:
            return np.zeros(len(days))
        at = np.searchsorted(known.day, days) - 1
        # Before the first bar ever only its open is known.
        return np.where(at >= 0, known.close[np.maximum(at, 0)], known.open[0])


def fold_days(minutes: Minutes) -> Days:
    """Add minutes up to days; minutes without a trade do not count."""
    shown = minutes.pick(minutes.traded)
    day = (shown.minute + IST_MINUTES) // DAY_MINUTES
    if len(day) == 0:
        return Days(day, shown.open, shown.high, shown.low, shown.close, shown.volume)
    starts = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    ends = np.append(starts[1:], len(day)) - 1
    return Days(
        day[starts],
        shown.open[starts],
        np.maximum.reduceat(shown.high, starts),
        np.minimum.reduceat(shown.low, starts),
        shown.close[ends],
        np.add.reduceat(shown.volume, starts),
    )
