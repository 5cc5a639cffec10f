"""How much of a contract trades, by its life and its distance from the money."""

from typing import NamedTuple

import numpy as np

from brokers.practice.noise import Floats, Ints, draw, uniform


class Liquidity(NamedTuple):
    """One contract's traffic, in lots.

    `daily_lots` at the money on the last day; `fade_days` how fast that falls with the days left;
    `strike` 0 for futures; `width` the underlying's volatility a year;
    `held` the open interest in parts of what trades.
    """

    key: int
    daily_lots: float
    fade_days: float
    last_day: int
    listed_days: int
    mean_trade: float
    strike: float = 0.0
    width: float = 1.0
    held: float = 2.5

    def units(self, day: Ints, reference: Floats) -> Ints:
        """Give the lots that trade on these days."""
        noise = 0.6 + 0.8 * uniform(draw(self.key, day, 30))
        left = np.maximum(self.last_day - day, 0)
        lots = self.daily_lots * noise * np.exp(-left / self.fade_days)
        return np.asarray(lots * self._nearness(reference, left, 0.5)).astype(np.int64)

    def interest(self, day: Ints, reference: Floats) -> Floats:
        """Give the open interest, in lots, at the end of these days."""
        noise = 0.85 + 0.3 * uniform(draw(self.key, day, 31))
        left = np.maximum(self.last_day - day, 0)
        lots = self.held * self.daily_lots * noise * np.exp(-left / (2.0 * self.fade_days))
        return np.asarray(np.rint(lots * self._nearness(reference, left, 0.18) + 1.0))

    def _nearness(self, reference: Floats, left: Ints, steep: float) -> Floats:
        if self.strike == 0.0:
            return np.ones(len(reference))
        width = self.width * np.sqrt(np.maximum(left, 2.0) / 365.0)
        far = np.log(self.strike / np.maximum(reference, 1e-9)) / width
        return np.asarray(np.exp(-steep * far * far))
