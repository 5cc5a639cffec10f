"""An index as what it is: so many shares of each constituent, divided by a constant."""

from collections.abc import Sequence

import numpy as np

from brokers.practice.noise import Floats, Ints, key_of
from brokers.practice.paths import Days, Minutes, Path, dress

_WICK = 0.5
"""How far towards "all constituents at their high at once" the index's own high lies."""


class Basket:
    """A path that adds up others: Σ units × price, on the constituents' own minutes.

    Open, close and every minute's close are exact sums, inside the day's high and low.
    """

    is_exact = False

    def __init__(
        self, name: str, parts: Sequence[tuple[Path, float]], level: float, anchor_day: int
    ) -> None:
        self.key = key_of(0, "basket", name)
        total = sum(weight for _, weight in parts)
        self.parts = tuple(
            (path, level * weight / total / _close_before(path, anchor_day))
            for path, weight in parts
        )
        self._newest: tuple[tuple[int, int], tuple[Ints, Floats]] | None = None

    @property
    def grid(self) -> tuple[str, str]:
        return self.parts[0][0].grid

    def daily(self, first_day: int, last_day: int) -> Days:
        """Give the bars of a stretch of days."""
        days = [(path.daily(first_day, last_day), units) for path, units in self.parts]
        day = days[0][0].day
        opens, closes, tops, bottoms = (
            sum((units * getattr(each, name) for each, units in days), np.zeros(len(day)))
            for name in ("open", "close", "high", "low")
        )
        most, least = np.maximum(opens, closes), np.minimum(opens, closes)
        return Days(
            day,
            opens,
            most + _WICK * (tops - most),
            least - _WICK * (least - bottoms),
            closes,
            np.zeros(len(day), np.int64),
        )

    def closes(self, first_day: int, last_day: int) -> tuple[Ints, Floats]:
        """Give the minutes and their closing prices only."""
        asked = (first_day, last_day)
        if self._newest is None or self._newest[0] != asked:
            minute = np.empty(0, np.int64)
            total = np.empty(0)
            for path, units in self.parts:
                minute, close = path.closes(first_day, last_day)
                total = units * close if len(total) == 0 else total + units * close
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


def _close_before(path: Path, day: int) -> float:
    return float(path.daily(day - 30, day - 1).close[-1])
