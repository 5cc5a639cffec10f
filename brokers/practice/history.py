"""Recorded one-minute candles, replayed: shifted so that the last recorded day is today."""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import Final, NamedTuple

import numpy as np

from brokers.practice.noise import Floats, Ints
from brokers.practice.paths import (
    DAY_MINUTES,
    IST_MINUTES,
    Days,
    Grid,
    Minutes,
    Path,
    join_days,
    join_minutes,
)

_HEADER: Final = "datetime,open,high,low,close,volume"
_SUFFIXES: Final = (".csv", ".csv.gz")


class Recording(NamedTuple):
    """One instrument's candles: which recorded day (0 the first), minute of the day, prices."""

    day: Ints
    minute: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Ints

    @property
    def day_count(self) -> int:
        return int(self.day[-1]) + 1

    @property
    def close_before_last_day(self) -> float:
        """Give the close before the last recorded day; its own open when it is the only one."""
        first = int(np.searchsorted(self.day, self.day[-1]))
        return float(self.close[first - 1]) if first else float(self.open[0])


class History(NamedTuple):
    """Recordings by symbol (`NSE:SBIN-EQ`), and how many files were none."""

    recordings: dict[str, Recording]
    passed_over: int


def read_history(folders: Iterable[FilePath]) -> History:
    """Read every recording of some folders; what is none is counted."""
    found: dict[str, Recording] = {}
    passed_over = 0
    for folder in folders:
        for path in sorted(folder.iterdir()):
            symbol = _symbol_of(path.name)
            recording = None if symbol is None else read_recording(_lines_of(path))
            if symbol is None or recording is None:
                passed_over += 1
            else:
                found[symbol] = recording
    return History(found, passed_over)


def _symbol_of(name: str) -> str | None:
    """Read `NSE:SBIN-EQ` off `NSE_SBIN-EQ.csv.gz`."""
    stem = next((name.removesuffix(end) for end in _SUFFIXES if name.endswith(end)), "")
    exchange, _, rest = stem.partition("_")
    return f"{exchange}:{rest}" if exchange.isupper() and rest else None


def _lines_of(path: FilePath) -> Sequence[str]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return text.decode("utf-8", errors="replace").splitlines()


def read_recording(lines: Sequence[str]) -> Recording | None:
    """Read candles in the documented layout, oldest first; None for anything else."""
    if not lines or lines[0].strip() != _HEADER:
        return None
    try:
        rows = [line.split(",") for line in lines[1:] if line]
        stamps = [row[0] for row in rows]
        minute = [int(stamp[11:13]) * 60 + int(stamp[14:16]) for stamp in stamps]
        prices = np.array([[float(cell) for cell in row[1:5]] for row in rows])
        volume = [round(float(row[5])) for row in rows]
    except (ValueError, IndexError):
        return None
    if len(rows) == 0 or not np.isfinite(prices).all() or (prices <= 0).any():
        return None
    dates = np.array([stamp[:10] for stamp in stamps])
    day = np.unique(dates, return_inverse=True)[1].astype(np.int64)
    clock = day * DAY_MINUTES + np.array(minute, np.int64)
    if (np.diff(clock) <= 0).any():
        return None
    opens, high, low, close = np.ascontiguousarray(prices.T)
    minutes, volumes = np.array(minute, np.int64), np.array(volume, np.int64)
    return Recording(day, minutes, opens, high, low, close, volumes)


class RecordedPath:
    """A recording as today and the days before it.

    Generated paths lead up to it (never shown, but contracts and indices want a price there) and
    go on from its close.
    """

    is_exact = True

    def __init__(
        self, grid: Grid, recording: Recording, anchor_day: int, before: Path, after: Path
    ) -> None:
        self.key = after.key
        self._grid = grid
        self._before = before
        self._after = after
        self._last = anchor_day
        days = _days_of(grid, recording, anchor_day)
        self.shown_from = int(days[0])
        day = days[recording.day]
        self._minutes = Minutes(
            day * DAY_MINUTES - IST_MINUTES + recording.minute,
            recording.open,
            recording.high,
            recording.low,
            recording.close,
            recording.volume,
            np.ones(len(day), np.bool_),
        )
        first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
        last = np.append(first[1:], len(day)) - 1
        self._days = Days(
            day[first],
            recording.open[first],
            np.maximum.reduceat(recording.high, first),
            np.minimum.reduceat(recording.low, first),
            recording.close[last],
            np.add.reduceat(recording.volume, first),
        )

    @staticmethod
    def first_day_of(grid: Grid, recording: Recording, anchor_day: int) -> int:
        """Give the day its first recorded day becomes."""
        return int(_days_of(grid, recording, anchor_day)[0])

    @property
    def grid(self) -> tuple[str, str]:
        return self._grid.name

    def daily(self, first_day: int, last_day: int) -> Days:
        """Give the bars of a stretch of days."""
        start = int(np.searchsorted(self._days.day, first_day))
        end = int(np.searchsorted(self._days.day, last_day, side="right"))
        parts = [self._days.pick(slice(start, max(start, end)))]
        if first_day < self.shown_from:
            parts.insert(0, self._before.daily(first_day, min(last_day, self.shown_from - 1)))
        if last_day > self._last:
            parts.append(self._after.daily(max(first_day, self._last + 1), last_day))
        return parts[0] if len(parts) == 1 else join_days(parts)

    def minutes(self, first_day: int, last_day: int) -> Minutes:
        """Give the bars of a stretch of days, recorded ones as they are."""
        minute = self._minutes.minute
        start = int(np.searchsorted(minute, first_day * DAY_MINUTES - IST_MINUTES))
        end = int(np.searchsorted(minute, (last_day + 1) * DAY_MINUTES - IST_MINUTES))
        parts = [self._minutes.pick(slice(start, max(start, end)))]
        if first_day < self.shown_from:
            parts.insert(0, self._before.minutes(first_day, min(last_day, self.shown_from - 1)))
        if last_day > self._last:
            parts.append(self._after.minutes(max(first_day, self._last + 1), last_day))
        return parts[0] if len(parts) == 1 else join_minutes(parts)

    def closes(self, first_day: int, last_day: int) -> tuple[Ints, Floats]:
        """Give the minutes and their closing prices only."""
        found = self.minutes(first_day, last_day)
        return found.minute, found.close


def _days_of(grid: Grid, recording: Recording, anchor_day: int) -> Ints:
    span = 2 * recording.day_count + 30
    return np.array(grid.days(anchor_day - span, anchor_day)[-recording.day_count :], np.int64)
