"""Where prices go when nobody disturbs them: daily bars, and the minutes that add up to them.

A path is a pure function of seed, name and time. A day's four prices are drawn first; its
minutes are a bridge from open to close that touches high and low, so every longer bar is exactly
the sum of its shorter ones and any stretch can be asked for alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from brokers.practice.calendar import Calendar, date_of_day
from brokers.practice.noise import Floats, Ints, draw, gauss, key_of, uniform

Mask = npt.NDArray[np.bool_]

IST_MINUTES: Final = 330
DAY_MINUTES: Final = 1440
_YEAR_DAYS: Final = 252
_TAMED: Final = 0.6


class Days(NamedTuple):
    """Daily bars, oldest first; `day` counts since 1970, prices are rupees."""

    day: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Ints

    def pick(self, rows: slice) -> "Days":
        """Give some of the bars."""
        day, opens, high, low, close, volume = self
        return Days(day[rows], opens[rows], high[rows], low[rows], close[rows], volume[rows])


class Minutes(NamedTuple):
    """One-minute bars, oldest first; `minute` counts since 1970 (UTC), prices are rupees.

    Where `traded` is False nothing traded: the bar is flat and is not shown.
    """

    minute: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Ints
    traded: Mask

    def pick(self, rows: slice | Mask) -> "Minutes":
        """Give some of the bars."""
        return Minutes(
            self.minute[rows],
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.volume[rows],
            self.traded[rows],
        )


def join_minutes(parts: Sequence[Minutes]) -> Minutes:
    """Put stretches of minutes behind each other."""
    return Minutes(
        np.concatenate([part.minute for part in parts]),
        np.concatenate([part.open for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.close for part in parts]),
        np.concatenate([part.volume for part in parts]),
        np.concatenate([part.traded for part in parts]),
    )


def join_days(parts: Sequence[Days]) -> Days:
    """Put stretches of daily bars behind each other."""
    return Days(
        np.concatenate([part.day for part in parts]),
        np.concatenate([part.open for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.close for part in parts]),
        np.concatenate([part.volume for part in parts]),
    )


class Path(Protocol):
    """Prices of something as a function of time."""

    @property
    def grid(self) -> tuple[str, str]:
        """Name the (exchange, segment) whose sessions it follows."""

    @property
    def key(self) -> int:
        """Give the key of its finer noise."""

    @property
    def is_exact(self) -> bool:
        """Tell whether its bars are recorded: shown as they are, not rounded to the tick."""

    @property
    def shown_from(self) -> int:
        """Give the first day that charts show."""

    def daily(self, first_day: int, last_day: int) -> Days: ...
    def minutes(self, first_day: int, last_day: int) -> Minutes: ...
    def closes(self, first_day: int, last_day: int) -> tuple[Ints, Floats]:
        """Give the minutes and their closing prices only."""


class Grid:
    """The trading minutes of a segment, day by day."""

    def __init__(self, calendar: Calendar, exchange: str, segment: str) -> None:
        self._calendar = calendar
        self.name = (exchange, segment)
        self._offsets: dict[object, Ints] = {}
        self._noise: tuple[tuple[int, int, int, int], Floats] | None = None
        self._rows: tuple[Sequence[int], tuple[Ints, Ints]] | None = None

    def days(self, first_day: int, last_day: int) -> list[int]:
        """Give the trading days of a stretch."""
        years = range(date_of_day(first_day).year, date_of_day(last_day).year + 1)
        return [
            day
            for year in years
            for day in self._calendar.trading_days(*self.name, year)
            if first_day <= day <= last_day
        ]

    def minutes(self, days: Sequence[int]) -> tuple[Ints, Ints]:
        """Give the minutes of these days in one row, and how many each day has."""
        if self._rows is None or self._rows[0] != days:
            rows = [self.of_day(day) for day in days]
            minute = np.concatenate(rows) if rows else np.empty(0, np.int64)
            self._rows = (days, (minute, np.array([len(row) for row in rows], np.int64)))
        return self._rows[1]

    def of_day(self, day: int) -> Ints:
        """Give the minutes of one day, counted since 1970 (UTC)."""
        hours = self._calendar.hours(*self.name, date_of_day(day))
        offsets = self._offsets.get(hours)
        if offsets is None:
            parts = [np.arange(a, b, dtype=np.int64) for a, b in hours]
            offsets = np.concatenate(parts) if parts else np.empty(0, np.int64)
            self._offsets[hours] = offsets
        return offsets + (day * DAY_MINUTES - IST_MINUTES)

    def noise(self, key: int, minute: Ints) -> Floats:
        """Give the market's own steps; the newest stretch is kept, all its members ask for it."""
        if len(minute) == 0:
            return np.empty(0)
        asked = (key, len(minute), int(minute[0]), int(minute[-1]))
        if self._noise is None or self._noise[0] != asked:
            self._noise = (asked, gauss(draw(key, minute, 6)))
        return self._noise[1]


class Traits(NamedTuple):
    """What a generated path is like; `volatility` a year, `shared` its part of the market's."""

    price: float
    volatility: float
    shared: float
    band: float
    daily_volume: int
    unit: int = 1
    mean_trade: float = 1.0
    reverts: bool = False


class _Year(NamedTuple):
    """A year's moves as logarithms: total to the close, and open, high, low from the last close."""

    day: Ints
    total: Floats
    gap: Floats
    high: Floats
    low: Floats
    volume: Ints


class GeneratedPath:
    """A path drawn from the seed, through `traits.price` at the close before the anchor day."""

    is_exact = False
    shown_from = 0

    def __init__(
        self,
        seed: int,
        name: str,
        grid: Grid,
        anchor_day: int,
        traits: Traits,
        pinned: Mapping[int, float] | None = None,
    ) -> None:
        self.key = key_of(seed, name)
        self._market = key_of(seed, "market", grid.name[1])
        self._grid = grid
        self._anchor = anchor_day
        self._traits = traits
        self._pinned = pinned or {}
        self._years: dict[int, _Year] = {}
        self._levels: dict[int, float] = {}

    @property
    def grid(self) -> tuple[str, str]:
        return self._grid.name

    def daily(self, first_day: int, last_day: int) -> Days:
        """Give the bars of a stretch of days."""
        first, last = date_of_day(first_day).year, date_of_day(last_day).year
        parts = [self._bars_of(year, first_day, last_day) for year in range(first, last + 1)]
        return parts[0] if len(parts) == 1 else join_days(parts)

    def _bars_of(self, year: int, first_day: int, last_day: int) -> Days:
        moves = self._year(year)
        start = int(np.searchsorted(moves.day, first_day))
        end = int(np.searchsorted(moves.day, last_day, side="right"))
        cut = slice(start, end)
        closes = self._level(year) + moves.total
        before = np.empty_like(closes)
        before[:1] = self._level(year)
        before[1:] = closes[:-1]
        before = before[cut]
        return Days(
            moves.day[cut],
            np.exp(before + moves.gap[cut]),
            np.exp(before + moves.high[cut]),
            np.exp(before + moves.low[cut]),
            np.exp(closes[cut]),
            moves.volume[cut],
        )

    def _level(self, year: int) -> float:
        """Give the logarithm of the last close before a year."""
        found = self._levels.get(year)
        if found is not None:
            return found
        home = date_of_day(self._anchor).year
        if year == home:
            moves = self._year(year)
            at = int(np.searchsorted(moves.day, self._anchor))
            passed = float(moves.total[at - 1]) if at else 0.0
            level = math.log(self._traits.price) - passed
        elif year > home:
            level = self._level(year - 1) + _last(self._year(year - 1).total)
        else:
            level = self._level(year + 1) - _last(self._year(year).total)
        self._levels[year] = level
        return level

    def _year(self, year: int) -> _Year:
        found = self._years.get(year)
        if found is None:
            found = self._years[year] = self._draw_year(year)
        return found

    def _draw_year(self, year: int) -> _Year:
        first = (np.datetime64(f"{year}-01-01") - np.datetime64("1970-01-01")).astype(int)
        last = (np.datetime64(f"{year}-12-31") - np.datetime64("1970-01-01")).astype(int)
        day = np.array(self._grid.days(int(first), int(last)), np.int64)
        traits = self._traits
        deviation = traits.volatility / math.sqrt(_YEAR_DAYS)
        own = math.sqrt(1.0 - traits.shared**2)
        body = traits.shared * gauss(draw(self._market, day)) + own * gauss(draw(self.key, day))
        gap = traits.shared * gauss(draw(self._market, day, 1)) + own * gauss(
            draw(self.key, day, 1)
        )
        body *= 0.85 * deviation
        gap *= 0.5 * deviation
        gap = np.where(uniform(draw(self.key, day, 2)) < 0.008, 4.0 * gap, gap)
        if traits.reverts:
            body, gap = _reverting(body, self.key, day, deviation), 0.2 * gap
        most = 0.85 * traits.band
        gap = np.clip(gap, -0.6 * most, 0.6 * most)
        # A year's walk is tamed, so that prices of other years stay near those that are known.
        body -= _TAMED * np.mean(gap + body)
        moved = np.clip(gap + body, -most, most)
        wick = 0.4 * deviation
        high = np.maximum(gap, moved) + wick * np.abs(gauss(draw(self.key, day, 3)))
        low = np.minimum(gap, moved) - wick * np.abs(gauss(draw(self.key, day, 4)))
        outer = math.log1p(0.97 * traits.band)
        high, low = np.minimum(high, outer), np.maximum(low, -outer)
        busy = np.exp(0.3 * gauss(draw(self.key, day, 5)) + 8.0 * np.abs(moved))
        volume = self._volumes(busy)
        for pinned, move in self._pinned.items():
            at = np.flatnonzero(day == pinned)
            gap[at] = moved[at] = high[at] = low[at] = move
            volume[at] = volume[at] // 20 // traits.unit * traits.unit
        return _Year(day, np.cumsum(moved), gap, high, low, volume)

    def _volumes(self, busy: Floats) -> Ints:
        traits = self._traits
        if traits.daily_volume == 0:
            return np.zeros(len(busy), np.int64)
        units = np.maximum(busy * (traits.daily_volume / traits.unit), 1.0)
        return units.astype(np.int64) * traits.unit

    def minutes(self, first_day: int, last_day: int) -> Minutes:
        """Give the bars of every trading minute of a stretch of days."""
        days = self.daily(first_day, last_day)
        minute, counts = self._grid.minutes(days.day.tolist())
        volume, traded = self._traffic(days, minute, counts)
        close = self._bridge(days, minute, counts, traded)
        return dress(self.key, days, minute, counts, close, (volume, traded))

    def closes(self, first_day: int, last_day: int) -> tuple[Ints, Floats]:
        """Give the minutes and their closing prices only."""
        days = self.daily(first_day, last_day)
        minute, counts = self._grid.minutes(days.day.tolist())
        if self._is_thin(days, counts):
            traded = self._traffic(days, minute, counts)[1]
        else:
            traded = np.ones(len(minute), np.bool_)
        return minute, self._bridge(days, minute, counts, traded)

    def _is_thin(self, days: Days, counts: Ints) -> bool:
        odds = chances(days.volume, self._traits.mean_trade, counts)
        return self._traits.daily_volume > 0 and bool((odds < 1.0).any())

    def _traffic(self, days: Days, minute: Ints, counts: Ints) -> tuple[Ints, Mask]:
        traits = self._traits
        if traits.daily_volume == 0:
            return np.zeros(len(minute), np.int64), np.ones(len(minute), np.bool_)
        odds = chances(days.volume, traits.mean_trade, counts)
        volume = spread_volume(self.key, minute, counts, days.volume // traits.unit, odds)
        return volume * traits.unit, volume > 0

    def _bridge(self, days: Days, minute: Ints, counts: Ints, traded: Mask) -> Floats:
        """Walk from each day's open to its close, standing still where nothing trades."""
        traits = self._traits
        own = math.sqrt(1.0 - traits.shared**2)
        steps = own * gauss(draw(self.key, minute, 6))
        if traits.shared:
            steps += traits.shared * self._grid.noise(self._market, minute)
        weight = profile(counts, restless) * traded
        if len(minute) == 0:
            return np.empty(0)
        starts = np.cumsum(counts) - counts
        weight /= np.repeat(np.add.reduceat(weight, starts), counts)
        clock = _by_day(weight, starts, counts)
        walk = _by_day(steps * np.sqrt(weight), starts, counts)
        ends = starts + counts - 1
        walk -= clock * np.repeat(walk[ends], counts)
        deviation = 0.8 * traits.volatility / math.sqrt(_YEAR_DAYS)
        opens, closes = np.log(days.open), np.log(days.close)
        path = np.repeat(opens, counts) + clock * np.repeat(closes - opens, counts)
        path += deviation * walk
        price: Floats = np.exp(path)
        np.clip(price, np.repeat(days.low, counts), np.repeat(days.high, counts), out=price)
        price[ends] = days.close
        return price


def _last(values: Floats) -> float:
    return float(values[-1]) if len(values) else 0.0


def _reverting(body: Floats, key: int, day: Ints, deviation: float) -> Floats:
    """Turn independent moves into those of a level that is pulled back to where it started."""
    memory, pull = 60, 0.94
    reach = np.concatenate((np.arange(day[0] - memory, day[0]), day))
    shocks = gauss(draw(key, reach, 7)) * deviation
    level = np.convolve(shocks, pull ** np.arange(memory + 1), mode="valid")
    return np.diff(level, prepend=level[:1] - shocks[memory : memory + 1]) + 0.0 * body


def _by_day(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Add up within each day."""
    total: Floats = np.cumsum(values)
    total -= np.repeat(total[starts] - values[starts], counts)
    return total


def restless(x: Floats) -> Floats:
    """Give how much prices move at a part of the day: most after the open."""
    return np.asarray(0.6 + 2.2 * np.exp(-14.0 * x) + 0.7 * np.exp(-14.0 * (1.0 - x)))


def busy(x: Floats) -> Floats:
    """Give how much trades at a part of the day."""
    return np.asarray(0.55 + 1.6 * np.exp(-10.0 * x) + 1.3 * np.exp(-12.0 * (1.0 - x)))


class _Shape(Protocol):
    def __call__(self, x: Floats, /) -> Floats: ...


_profiles: dict[tuple[int, str], Floats] = {}


def profile(counts: Ints, shape: _Shape) -> Floats:
    """Lay a shape over each day, whatever its length; a new array each time."""
    if len(counts) == 0:
        return np.empty(0)
    name = getattr(shape, "__name__", "")
    parts = []
    for count in counts.tolist():
        part = _profiles.get((count, name))
        if part is None:
            part = _profiles[count, name] = shape((np.arange(count) + 0.5) / count)
        parts.append(part)
    return np.concatenate(parts)


def chances(volume: Ints, mean_trade: float, counts: Ints) -> Floats:
    """Give each day's chance that anything trades in a minute; 1 where it always does."""
    trades = volume / (max(mean_trade, 1e-9) * np.maximum(counts, 1))
    return np.where(trades > 6.0, 1.0, 1.0 - np.exp(-trades))


def spread_volume(key: int, minute: Ints, counts: Ints, units: Ints, odds: Floats) -> Ints:
    """Give each minute its part of the day's units; nothing is lost."""
    if len(minute) == 0:
        return np.empty(0, np.int64)
    weight = profile(counts, busy) * (0.35 + 1.3 * uniform(draw(key, minute, 8)))
    if bool((odds < 1.0).any()):
        weight *= (uniform(draw(key, minute, 9)) < np.repeat(odds, counts)) + 1e-9
    starts = np.cumsum(counts) - counts
    running = _by_day(weight, starts, counts)
    running /= np.repeat(running[starts + counts - 1], counts)
    dealt = (np.repeat(units, counts) * np.minimum(running, 1.0)).astype(np.int64)
    dealt[starts + counts - 1] = units
    first = dealt[starts]
    dealt = np.diff(dealt, prepend=0)
    dealt[starts] = first
    return dealt


def dress(
    key: int,
    days: Days,
    minute: Ints,
    counts: Ints,
    close: Floats,
    traffic: tuple[Ints, Mask],
) -> Minutes:
    """Give closes their opens and wicks so that each day's four prices are met exactly."""
    volume, traded = traffic
    if len(minute) == 0:
        return Minutes(minute, close, close, close, close, volume, traded)
    starts = np.cumsum(counts) - counts
    opens = np.empty_like(close)
    opens[1:] = close[:-1]
    opens[starts] = days.open
    most, least = np.repeat(days.high, counts), np.repeat(days.low, counts)
    reach = (most - least) * (0.35 / np.sqrt(np.repeat(counts, counts))) * traded
    noise = draw(key, minute, 10)
    high = np.maximum(opens, close) + reach * uniform(noise)
    low = np.minimum(opens, close) - reach * uniform(noise << np.uint64(21))
    np.minimum(high, most, out=high)
    np.maximum(low, least, out=low)
    owner = np.repeat(np.arange(len(counts)), counts)
    top, bottom = np.where(traded, high, -np.inf), np.where(traded, low, np.inf)
    for values, best, target in (
        (high, top == np.repeat(np.maximum.reduceat(top, starts), counts), days.high),
        (low, bottom == np.repeat(np.minimum.reduceat(bottom, starts), counts), days.low),
    ):
        at = np.flatnonzero(best)
        owners, first = np.unique(owner[at], return_index=True)
        values[at[first]] = target[owners]
    return Minutes(minute, opens, high, low, close, volume, traded)
