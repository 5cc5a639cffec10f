"""Candles as columns: seven rows of int64 that grow at the end without being copied."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from brokers.model.market import Candle

Longs = NDArray[np.int64]
Bar = tuple[int, int, int, int, int, int, int]

OPENED: Final = 0
OPEN: Final = 1
HIGH: Final = 2
LOW: Final = 3
CLOSE: Final = 4
VOLUME: Final = 5
INTEREST: Final = 6
WIDTH: Final = 7
UNKNOWN: Final = -1
"""Open interest that nobody told."""

_FIRST_ROOM: Final = 512


def empty() -> Longs:
    """Give a table without a bar."""
    return np.empty((WIDTH, 0), np.int64)


def table_of(candles: Sequence[Candle]) -> Longs:
    """Lay candles out as columns, oldest first; of two with one opening time the later is kept.

    A high below the body, or a low above it, is widened to hold it.
    """
    if not candles:
        return empty()
    table = np.array(
        [
            (
                c.opened_ns,
                c.open_e4,
                c.high_e4,
                c.low_e4,
                c.close_e4,
                c.volume,
                UNKNOWN if c.open_interest is None else c.open_interest,
            )
            for c in candles
        ],
        np.int64,
    ).T.copy()
    return tidy(table)


def tidy(table: Longs) -> Longs:
    """Sort bars by opening time, drop repeats, and make each high and low hold its body."""
    opened = table[OPENED]
    if len(opened) > 1 and not bool((np.diff(opened) > 0).all()):
        table = table[:, np.argsort(opened, kind="stable")]
        is_last = np.append(np.diff(table[OPENED]) > 0, True)
        table = np.ascontiguousarray(table[:, is_last])
    np.maximum(table[HIGH], np.maximum(table[OPEN], table[CLOSE]), out=table[HIGH])
    np.minimum(table[LOW], np.minimum(table[OPEN], table[CLOSE]), out=table[LOW])
    return table


def fold(table: Longs, starts: Longs) -> Longs:
    """Join neighbouring bars that belong to one longer bar; `starts` names it for each."""
    if not len(starts):
        return empty()
    first = np.flatnonzero(np.append(True, np.diff(starts) != 0))
    last = np.append(first[1:], len(starts)) - 1
    return np.stack(
        [
            starts[first],
            table[OPEN, first],
            np.maximum.reduceat(table[HIGH], first),
            np.minimum.reduceat(table[LOW], first),
            table[CLOSE, last],
            np.add.reduceat(table[VOLUME], first),
            table[INTEREST, last],
        ]
    )


class Columns:
    """A table that grows; `table` is a view that is right until the next change."""

    __slots__ = ("_data", "count")

    def __init__(self, table: Longs | None = None) -> None:
        self._data: Longs = np.empty((WIDTH, _FIRST_ROOM), np.int64)
        self.count = 0
        if table is not None:
            self.replace(table)

    @property
    def table(self) -> Longs:
        return self._data[:, : self.count]

    def row(self, row: int) -> Longs:
        """Give one column, a view that is right until the next change."""
        column: Longs = self._data[row, : self.count]
        return column

    def has(self, index: int, opened_ns: int) -> bool:
        """Tell whether the bar there opens then."""
        return 0 <= index < self.count and int(self._data[OPENED, index]) == opened_ns

    def replace(self, table: Longs) -> None:
        """Take other bars instead, with room to grow."""
        self.count = table.shape[1]
        self._data = np.empty((WIDTH, max(_FIRST_ROOM, self.count + self.count // 4)), np.int64)
        self._data[:, : self.count] = table

    def append(self, bar: Bar | Longs) -> None:
        """Add one bar after the last."""
        if self.count == self._data.shape[1]:
            self.replace(self.table)
        self._data[:, self.count] = bar
        self.count += 1

    def insert(self, at: int, bar: Bar) -> None:
        """Put one bar between others."""
        self.replace(np.insert(self.table, at, bar, axis=1))

    def get(self, row: int, index: int) -> int:
        return int(self._data[row, index])

    def set(self, row: int, index: int, value: int) -> None:
        self._data[row, index] = value

    def find(self, opened_ns: int) -> int:
        """Give where a bar with this opening time is, or would be."""
        if self.count and self._data[OPENED, self.count - 1] == opened_ns:
            return self.count - 1
        return int(np.searchsorted(self._data[OPENED, : self.count], opened_ns))

    def candle(self, index: int) -> Candle:
        opened, open_, high, low, close, volume, interest = map(int, self._data[:, index])
        known = None if interest == UNKNOWN else interest
        return Candle(opened, open_, high, low, close, volume, known)
