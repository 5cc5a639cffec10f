"""Where axis labels go and what they say: nice prices, and the turns of hours, days and months."""

import datetime as dt
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from desktop.chart.pyramid import Ints
from desktop.chart.scale import Mode, PriceScale

IST_S: Final = 19_800
"""India is five and a half hours ahead of UTC, all year."""
_DAY_S: Final = 86_400
_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


def nice_step(least: float, tick: float) -> float:
    """Give the smallest step of 1, 2, 2.5 or 5 times a power of ten that is a multiple of tick."""
    least = max(least, tick)
    power = 10.0 ** math.floor(math.log10(least))
    for _ in range(3):
        for nice in _NICE:
            step = nice * power
            if step >= least * (1 - 1e-9) and abs(step / tick - round(step / tick)) < 1e-6:
                return step
        power *= 10
    return math.ceil(least / tick) * tick


def value_ticks(scale: PriceScale, tick: float, spacing: float) -> list[float]:
    """Give the values to label, bottom up, at least about `spacing` pixels apart."""
    if scale.mode is Mode.PERCENT:
        return _percent_ticks(scale, spacing)
    if scale.is_log and scale.high > scale.low * 1.1:
        return _log_ticks(scale, tick, spacing)
    step = nice_step((scale.high - scale.low) * spacing / scale.height, tick)
    return _multiples(scale.low, scale.high, step)


def _multiples(low: float, high: float, step: float) -> list[float]:
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _percent_ticks(scale: PriceScale, spacing: float) -> list[float]:
    low, high = sorted((scale.percent(scale.low), scale.percent(scale.high)))
    step = nice_step((high - low) * spacing / scale.height, 0.01)
    return [scale.base * (1 + each / 100) for each in _multiples(low, high, step)]


def _log_ticks(scale: PriceScale, tick: float, spacing: float) -> list[float]:
    """Walk up, with the nice step that suits each height."""
    found: list[float] = []
    y, bottom = scale.top + scale.height - 1.0, scale.top + scale.height
    while y > scale.top and len(found) < 100:
        here = scale.value(y)
        step = nice_step(scale.value(y - spacing) - here, tick)
        value = math.ceil(here / step - 1e-9) * step
        at = scale.y(value)
        if scale.top <= at <= bottom:
            found.append(value)
        y = min(at, y) - spacing
    return found


def local(opened_ns: int) -> dt.datetime:
    """Give a time as the Indian wall clock shows it."""
    return dt.datetime.fromtimestamp(opened_ns // 1_000_000_000 + IST_S, dt.UTC)


# strftime's names follow the locale Qt has set; a trader's dates must not.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


def _month(at: dt.datetime) -> str:
    return _MONTHS[3 * at.month - 3 : 3 * at.month]


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A label of the time axis: which bar, what it says, and whether it begins a larger unit."""

    number: int
    text: str
    is_major: bool


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit whose turns are labelled; `starts` lists the local times it begins within a span."""

    seconds: int
    starts: Callable[[int, int], Ints]


def _every(seconds: int, offset: int = 0) -> Callable[[int, int], Ints]:
    def starts(low: int, high: int) -> Ints:
        begin = (low - offset) // seconds * seconds + offset
        return np.arange(begin, high + 1, seconds, dtype=np.int64)

    return starts


def _weekly(days: Sequence[int]) -> Callable[[int, int], Ints]:
    """Weeks from Monday; the epoch was a Thursday, hence the offset of four days."""

    def starts(low: int, high: int) -> Ints:
        weeks = _every(7 * _DAY_S, 4 * _DAY_S)(low, high)
        return np.sort((weeks[:, None] + np.array(days) * _DAY_S).ravel())

    return starts


def _monthly(months: int, days: Sequence[int] = (1,)) -> Callable[[int, int], Ints]:
    def starts(low: int, high: int) -> Ints:
        first = np.datetime64(low, "s").astype("datetime64[M]").astype(np.int64)
        last = np.datetime64(high, "s").astype("datetime64[M]").astype(np.int64)
        numbers = np.arange(first // months * months, last + 1, months)
        begins = numbers.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
        offsets = (np.array(days, dtype=np.int64) - 1) * _DAY_S
        return np.asarray(np.sort((begins[:, None] + offsets).ravel()), dtype=np.int64)

    return starts


_YEAR, _MONTH, _DATE, _CLOCK = 3, 2, 1, 0
_MONTH_S: Final = 30 * _DAY_S
_UNITS: Final = (
    _Unit(120 * _MONTH_S, _monthly(120)),
    _Unit(60 * _MONTH_S, _monthly(60)),
    _Unit(24 * _MONTH_S, _monthly(24)),
    _Unit(12 * _MONTH_S, _monthly(12)),
    _Unit(6 * _MONTH_S, _monthly(6)),
    _Unit(3 * _MONTH_S, _monthly(3)),
    _Unit(_MONTH_S, _monthly(1)),
    _Unit(15 * _DAY_S, _monthly(1, (1, 16))),
    _Unit(7 * _DAY_S, _weekly((0,))),
    _Unit(3 * _DAY_S, _weekly((0, 3))),
    _Unit(_DAY_S, _every(_DAY_S)),
    *(
        _Unit(seconds, _every(seconds))
        for seconds in (
            *(10_800, 7_200, 3_600, 1_800, 900, 600, 300, 120, 60),
            *(30, 15, 10, 5, 1),
        )
    ),
)
_MOST_TURNS: Final = 2_000


class TimeTicks:
    """Chooses the labels of the time axis for the bars on the screen.

    They are chosen for three screens at once and kept while the chart is panned within those.
    """

    def __init__(self, opened_ns: Ints, first: int) -> None:
        self._opened = opened_ns
        self._first = first
        self._zoom = (0.0, 0.0)
        self._span = (0, -1)
        self._found: list[TimeTick] = []

    def find(self, span: tuple[int, int], bar_px: float, spacing: float) -> list[TimeTick]:
        """Give the labels of the bars `span[0]` to `span[1]`, left to right.

        Units are tried from the coarsest; one is taken whole or not at all, by how far its turns
        usually lie apart, so labels do not flicker while the chart is panned.
        """
        low = max(self._first, span[0])
        high = min(self._first + len(self._opened) - 1, span[1])
        if high < low:
            return []
        zoom = (bar_px, spacing)
        if zoom != self._zoom or low < self._span[0] or high > self._span[1]:
            screen = span[1] - span[0]
            wide = (
                max(self._first, low - screen),
                min(self._first + len(self._opened) - 1, high + screen),
            )
            self._zoom, self._span = zoom, wide
            self._found = self._choose(wide, bar_px, spacing)
        return [tick for tick in self._found if low <= tick.number <= high]

    def _choose(self, span: tuple[int, int], bar_px: float, spacing: float) -> list[TimeTick]:
        low_row, high_row = span[0] - self._first, span[1] - self._first
        low, high = self._second(low_row), self._second(high_row)
        chosen: set[int] = set()
        turned: set[int] = set()
        for unit in _UNITS:
            if (high - low) / unit.seconds > _MOST_TURNS:
                break
            rows = self._turns(unit, low, high, low_row, high_row)
            fresh = [row for row in rows if row not in turned]
            turned.update(fresh)
            if _usual_gap(rows) * bar_px < spacing:
                break
            for row in fresh:
                if all(abs(row - other) * bar_px >= spacing for other in chosen):
                    chosen.add(row)
        labels = [(row, *self._label(row)) for row in sorted(chosen)]
        finest = min((rank for _, _, rank in labels), default=0)
        return [
            TimeTick(row + self._first, text, is_major=rank > finest) for row, text, rank in labels
        ]

    def days(self, span: tuple[int, int], most: int) -> list[int]:
        """Give the bars that begin a day; none if there are more days than `most`."""
        low_row = max(0, span[0] - self._first)
        high_row = min(len(self._opened) - 1, span[1] - self._first)
        if high_row < low_row:
            return []
        low, high = self._second(low_row) // _DAY_S, self._second(high_row) // _DAY_S
        # Two days in seven are closed.
        if (high - low) * 5 > most * 7:
            return []
        rows = np.unique(self._rows(np.arange(low + 1, high + 1) * _DAY_S))
        return [int(row) + self._first for row in rows if row <= high_row]

    def _second(self, row: int) -> int:
        return int(self._opened[row]) // 1_000_000_000 + IST_S

    def _rows(self, starts: Ints) -> Ints:
        return np.searchsorted(self._opened, (starts - IST_S) * 1_000_000_000).astype(np.int64)

    def _turns(self, unit: _Unit, low: int, high: int, low_row: int, high_row: int) -> list[int]:
        starts = unit.starts(low, high)
        rows = self._rows(starts)
        held = (rows >= max(low_row, 1)) & (rows <= high_row)
        starts, rows = starts[held], rows[held]
        ends = np.append(starts[1:], high + 1)
        inside = self._opened[rows] // 1_000_000_000 + IST_S < ends
        return [int(row) for row in np.unique(rows[inside])]

    def _label(self, row: int) -> tuple[str, int]:
        """Name the largest unit that turns at a bar, and give its rank."""
        at = local(int(self._opened[row]))
        before = local(int(self._opened[row - 1]))
        if at.year != before.year:
            return str(at.year), _YEAR
        if at.month != before.month:
            return _month(at), _MONTH
        if at.date() != before.date():
            return f"{at.day} {_month(at)}", _DATE
        return (f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"), _CLOCK


def _usual_gap(rows: Sequence[int]) -> float:
    """Give the median distance of neighbours; endless for fewer than two."""
    gaps = sorted(after - before for before, after in itertools.pairwise(rows))
    return gaps[len(gaps) // 2] if gaps else math.inf


def bar_time_text(opened_ns: int, *, is_intraday: bool) -> str:
    """Write a bar's time for the read-out: `Mon 20 Nov '26 10:15`."""
    at = local(opened_ns)
    date = f"{at:%a} {at.day} {_month(at)} ’{at:%y}"
    if not is_intraday:
        return date
    return f"{date} {at:%H:%M:%S}" if at.second else f"{date} {at:%H:%M}"


def countdown_text(left_ns: int) -> str:
    """Write the time to the bar's end: 04:59, 1:04:59, 2d 03h."""
    seconds = max(0, left_ns // 1_000_000_000)
    days, seconds = divmod(seconds, _DAY_S)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    if days:
        return f"{days}d {hours:02d}h"
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"
