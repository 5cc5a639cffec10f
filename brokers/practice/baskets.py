"""An index as what it is: so many shares of each constituent, divided by a constant."""

from collections.abc import Sequence

import numpy as np

from brokers.practice.noise import Floats, Ints, key_of
from brokers.practice.paths import Days, Minutes, Path, dress

_KEPT_DAYS = 16
_WICK = 0.5
"""How far towards "all constituents at their high at once" the index's own high lies."""


class Basket:
    """A path that adds up others: Σ units × price, on the constituents' own minutes.

    Open, close and every minute's close are exact sums, inside the day's high and low.
    """

    is_exact = False
    shown_from = 0

    def __init__(
        self, name: str, parts: Sequence[tuple[Path, float]], level: float, anchor_day: int
    ) -> None:
        self.key = key_of(0, "basket", name)
        total = sum(weight for _, weight in parts)
        self.parts = tuple(
            (path, level * weight / total / _close_before(path, anchor_day))
            for path, weight in parts
        )
        self._days: dict[tuple[int, int], Days] = {}
        self._newest: tuple[tuple[int, int], tuple[Ints, Floats]] | None = None

    @property
    def grid(self) -> tuple[str, str]:
        return self.parts[0][0].grid

    def units_of(self, path: Path) -> float:
        """Give how many of a constituent the index holds; 0 for what is none."""
        return next((units for part, units in self.parts if part is path), 0.0)

    def daily(self, first_day: int, last_day: int) -> Days:
        """Give the bars of a stretch of days."""
        asked = (first_day, last_day)
        found = self._days.get(asked)
        if found is None:
            if len(self._days) >= _KEPT_DAYS:
                self._days.pop(next(iter(self._days)))
            found = self._days[asked] = self._add_days(first_day, last_day)
        return found

    def _add_days(self, first_day: int, last_day: int) -> Days:
        first = self.parts[0][0].daily(first_day, last_day)
        opens, closes, tops, bottoms = (np.zeros(len(first.day)) for _ in range(4))
        for path, units in self.parts:
            days = _aligned(path.daily(first_day, last_day), first.day)
            opens += units * days.open
            closes += units * days.close
            tops += units * days.high
            bottoms += units * days.low
        most, least = np.maximum(opens, closes), np.minimum(opens, closes)
        return Days(
            first.day,
            opens,
            most + _WICK * (tops - most),
            least - _WICK * (least - bottoms),
            closes,
            np.zeros(len(first.day), np.int64),
        )

    def closes(self, first_day: int, last_day: int) -> tuple[Ints, Floats]:
        """Give the minutes and their closing prices only."""
        asked = (first_day, last_day)
        if self._newest is None or self._newest[0] != asked:
            minute, first = self.parts[0][0].closes(first_day, last_day)
            total = self.parts[0][1] * first
            for path, units in self.parts[1:]:
                own, close = path.closes(first_day, last_day)
                if len(own) == 0:
                    continue
                if len(own) != len(minute):
                    # A recording with other days or with holes: its last price stands.
                    close = close[np.maximum(np.searchsorted(own, minute, side="right") - 1, 0)]
                total = total + units * close
            self._newest = (asked, (minute, total))
        return self._newest[1]

    def minutes(self, first_day: int, last_day: int) -> Minutes:
        """Give the bars of every trading minute of a stretch of days."""
        days = self.daily(first_day, last_day)
        minute, close = self.closes(first_day, last_day)
        owner = np.searchsorted(days.day, (minute + 330) // 1440)
        counts = np.bincount(owner, minlength=len(days.day)).astype(np.int64)
        close = np.clip(close, days.low[owner], days.high[owner])
        traffic = (np.zeros(len(minute), np.int64), np.ones(len(minute), np.bool_))
        return dress(self.key, days, minute, counts, close, traffic)


def _aligned(days: Days, day: Ints) -> Days:
    """Give a part's bars on the index's days; a missing day stands still at the last close."""
    if len(days.day) == len(day) or len(days.day) == 0:
        return days if len(days.day) else Days(day, *(np.zeros(len(day)),) * 4, day)
    at = np.searchsorted(days.day, day, side="right") - 1
    same = days.day[np.maximum(at, 0)] == day
    still = np.where(at >= 0, days.close[np.maximum(at, 0)], days.open[0])
    at = np.maximum(at, 0)
    prices = (np.where(same, column[at], still) for column in days[1:5])
    opens, high, low, close = prices
    return Days(day, opens, high, low, close, day)


def _close_before(path: Path, day: int) -> float:
    return float(path.daily(day - 30, day - 1).close[-1])
