"""A million candles out of the local store, against vn.py's SQLite database.

The peer takes a quarter of a minute for them, so it loads a tenth and is multiplied by ten.
"""

import tempfile
from pathlib import Path

import numpy as np

from brokers.model.instrument import InstrumentId
from brokers.model.market import Interval
from desktop.trading.clock import DAY_NS, day_start_ns
from desktop.trading.store import Store
from tests.speed.measure import MS, NothingHappenedError, in_turn, median, tell
from tests.speed.peers import vnpy_store

BARS = 1_000_000
_THEIRS = 100_000
_SESSION = 375
_OPENS_NS = (9 * 60 + 15) * 60 * 1_000_000_000
_MINUTE_NS = 60_000_000_000
_SBIN = InstrumentId("NSE:CM:3045")
_LAST_DAY = 20_000


def table() -> tuple[np.ndarray, tuple[int, int]]:
    """Make sessions of 375 minutes on consecutive days, as the store takes them."""
    days = -(-BARS // _SESSION)
    first = _LAST_DAY - days + 1
    starts = day_start_ns(first) + _OPENS_NS + DAY_NS * np.arange(days, dtype=np.int64)
    opened = (starts[:, None] + _MINUTE_NS * np.arange(_SESSION, dtype=np.int64)).ravel()[:BARS]
    rng = np.random.default_rng(1)
    close = 8_000_000 + np.cumsum(rng.integers(-3, 4, BARS)) * 500
    before = np.r_[close[0], close[:-1]]
    high = np.maximum(before, close) + rng.integers(0, 20, BARS) * 500
    low = np.minimum(before, close) - rng.integers(0, 20, BARS) * 500
    volume = rng.integers(100, 100_000, BARS)
    rows = [opened, before, high, low, close, volume, np.full(BARS, -1)]
    return np.array(rows, np.int64), (first, _LAST_DAY)


def main() -> None:
    bars, days = table()
    _, o, h, low, c, volume, _ = bars[:, :_THEIRS] / 1.0
    peer = vnpy_store.Store(o / 10_000, h / 10_000, low / 10_000, c / 10_000, volume)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "candles.sqlite")
        store.save(_SBIN, Interval.M1, bars, days)

        def ours() -> None:
            found = store.load(_SBIN, Interval.M1, days)
            if not np.array_equal(found, bars):
                raise NothingHappenedError(f"{found.shape[1]} bars came back, or others")

        def load() -> None:
            if store.load(_SBIN, Interval.M1, days).shape[1] != BARS:
                raise NothingHappenedError("bars are missing")

        def theirs() -> None:
            if peer.load() != _THEIRS:
                raise NothingHappenedError("the peer's bars are missing")

        ours()
        times = in_turn({"ours": load, "theirs": theirs}, rounds=3)
        store.close()
    tell(
        f"load {BARS:,} candles (peer: {_THEIRS:,}, times {BARS // _THEIRS})",
        "ms",
        median(times["ours"]) * MS,
        peer="vnpy_sqlite",
        theirs=median(times["theirs"]) * MS * (BARS / _THEIRS),
        goal=100.0,
    )


if __name__ == "__main__":
    main()
