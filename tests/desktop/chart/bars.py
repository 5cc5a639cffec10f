"""Made-up candles for the chart's tests."""

import numpy as np

from brokers.model.market import Candle
from desktop.chart.series import Columns

OPEN_NS = 1_767_239_100_000_000_000
"""2026-01-01 09:15 Indian time."""
DAY_BARS = 375
MINUTE_NS = 60_000_000_000


def opened(count: int, step_ns: int = MINUTE_NS) -> np.ndarray:
    """Give opening times of one-minute bars, 375 a day from 09:15, every day."""
    rows = np.arange(count, dtype=np.int64)
    return OPEN_NS + rows // DAY_BARS * 86_400_000_000_000 + rows % DAY_BARS * step_ns


def columns(count: int, *, seed: int = 1, start: float = 22_000.0) -> Columns:
    """Give a random walk on ticks of 0.05."""
    rng = np.random.default_rng(seed)
    close = start + np.cumsum(rng.normal(0, 2.0, count))
    close = np.maximum(close, 50.0)
    open_ = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(open_, close) + rng.exponential(1.5, count)
    low = np.minimum(open_, close) - rng.exponential(1.5, count)
    o, h, low_e4, c = (
        np.round(each * 20).astype(np.int64) * 500 for each in (open_, high, low, close)
    )
    volume = rng.integers(100, 100_000, count).astype(np.int64)
    return Columns(opened(count), o, h, low_e4, c, volume)


def part(whole: Columns, start: int, stop: int) -> Columns:
    return Columns(*(column[start:stop] for column in whole))


def candle(whole: Columns, row: int) -> Candle:
    return Candle(*(int(column[row]) for column in whole))
