"""Candles as growing NumPy columns."""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from brokers.model.market import Candle
from brokers.model.money import E4
from desktop.chart.pyramid import Floats, Ints, Keep, Pyramid


class Columns(NamedTuple):
    """Candles as columns, oldest first, opening times strictly ascending."""

    opened_ns: Ints
    open_e4: Ints
    high_e4: Ints
    low_e4: Ints
    close_e4: Ints
    volume: Ints


def columns_from(candles: Sequence[Candle]) -> Columns:
    """Lay candles out as columns."""
    rows = [
        (bar.opened_ns, bar.open_e4, bar.high_e4, bar.low_e4, bar.close_e4, bar.volume)
        for bar in candles
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return Columns(*(np.ascontiguousarray(column) for column in table.T))


def _check_times(opened_ns: Ints) -> None:
    if len(opened_ns) > 1 and not bool((np.diff(opened_ns) > 0).all()):
        row = int(np.argmax(np.diff(opened_ns) <= 0)) + 1
        raise ValueError(f"opened_ns: expected ascending times, was not at row {row}")


_KEEPS = (Keep.FIRST, Keep.HIGHEST, Keep.LOWEST, Keep.LAST, Keep.HIGHEST)
_ROOM = 4096


class Series:
    """OHLCV of one instrument at one interval; prices in rupees, volume as counted.

    Bars are numbered: the first bar of the first load is number 0, older bars that come later are
    -1, -2 …. A number never changes, so nothing on the screen moves when older bars arrive. The
    columns are rows: row = number - `first`.

    The floats are for drawing. `e4(price)` gives the integer a float came from back exactly
    (proven up to 10^11 rupees by test), so no second copy of the columns is kept.
    """

    def __init__(self, columns: Columns) -> None:
        _check_times(columns.opened_ns)
        self.first = 0
        self._count = len(columns.opened_ns)
        self._opened = np.empty(0, np.int64)
        self._values = np.empty((5, 0))
        self._pyramid = Pyramid(_KEEPS)
        self._lay(columns)

    def _lay(self, columns: Columns) -> None:
        count = len(columns.opened_ns)
        self._opened = np.empty(count + _ROOM, np.int64)
        self._values = np.empty((5, count + _ROOM))
        self._opened[:count] = columns.opened_ns
        for row, column in zip(self._values, columns[1:5], strict=False):
            np.divide(column, E4, out=row[:count])
        self._values[4, :count] = columns.volume
        self._pyramid.reset()

    def __len__(self) -> int:
        return self._count

    @property
    def end(self) -> int:
        """The number after the last bar's."""
        return self.first + self._count

    @property
    def last(self) -> int:
        """The last bar's number; one before `first` while there is none."""
        return self.first + self._count - 1

    @property
    def opened_ns(self) -> Ints:
        return self._opened[: self._count]

    @property
    def open(self) -> Floats:
        return self._values[0, : self._count]

    @property
    def high(self) -> Floats:
        return self._values[1, : self._count]

    @property
    def low(self) -> Floats:
        return self._values[2, : self._count]

    @property
    def close(self) -> Floats:
        return self._values[3, : self._count]

    @property
    def volume(self) -> Floats:
        return self._values[4, : self._count]

    def columns(self) -> tuple[Floats, ...]:
        """Give open, high, low, close and volume, all bars."""
        return tuple(self._values[:, : self._count])

    def row(self, number: int) -> tuple[float, float, float, float, float]:
        """Give one bar's open, high, low, close and volume."""
        o, h, low, c, v = self._values[:, number - self.first].tolist()
        return o, h, low, c, v

    def opened(self, number: int) -> int:
        """Give one bar's opening time in ns."""
        return int(self._opened[number - self.first])

    def at(self, opened_ns: int) -> int:
        """Give the number of the bar that was open at a time; before the first bar, the first."""
        row = int(np.searchsorted(self.opened_ns, opened_ns, side="right")) - 1
        return self.first + max(0, row)

    def bins(self, span: tuple[int, int], step: int) -> list[Floats]:
        """Reduce to bins of `step` bars: open, high, low, close, highest volume; see `Pyramid`."""
        return self._pyramid.bins(self.columns(), self.first, span, step)

    def replace_last(self, candle: Candle) -> None:
        """Put the live bar's newest state in place of the last bar."""
        if not self._count or candle.opened_ns != self.opened_ns[-1]:
            raise ValueError(f"opened_ns: expected the last bar's, was {candle.opened_ns}")
        self._write(self._count - 1, candle)

    def append(self, candle: Candle) -> None:
        """Add a bar after the last one."""
        if self._count and candle.opened_ns <= self.opened_ns[-1]:
            raise ValueError(f"opened_ns: expected after the last bar, was {candle.opened_ns}")
        self._grow(self._count + 1)
        self._write(self._count - 1, candle)

    def prepend(self, columns: Columns) -> None:
        """Add older bars before the first one; the bars that are here keep their numbers."""
        _check_times(columns.opened_ns)
        count = len(columns.opened_ns)
        if not count:
            return
        if self._count and columns.opened_ns[-1] >= self.opened_ns[0]:
            raise ValueError("opened_ns: expected all before the first bar")
        room = np.empty((5, count + self._count + _ROOM))
        opened = np.empty(room.shape[1], np.int64)
        opened[:count] = columns.opened_ns
        opened[count : count + self._count] = self.opened_ns
        for row, column in zip(room, columns[1:5], strict=False):
            np.divide(column, E4, out=row[:count])
        room[4, :count] = columns.volume
        room[:, count : count + self._count] = self._values[:, : self._count]
        self._opened, self._values = opened, room
        self._count += count
        self.first -= count
        self._pyramid.reset()

    def copy(self) -> "Series":
        """Give the same bars with the same numbers, to be changed on their own."""
        made = copy.copy(self)
        made.detach()
        return made

    def detach(self) -> None:
        """Stop sharing columns with the series this is a copy of."""
        self._opened, self._values = self._opened.copy(), self._values.copy()
        self._pyramid = Pyramid(_KEEPS)

    def take(self, source: "Series", row: int) -> None:
        """Copy the rows from `row` on out of the series this is a copy of; then `touch`."""
        self._grow(len(source))
        self.opened_ns[row:] = source.opened_ns[row:]
        for mine, theirs in zip(self.columns(), source.columns(), strict=True):
            mine[row:] = theirs[row:]

    def touch(self, row: int) -> None:
        """Take in that the rows from `row` on were changed in place."""
        self._pyramid.touch(row)

    def _grow(self, count: int) -> None:
        if count > len(self._opened):
            room = count + max(_ROOM, count // 2)
            opened, values = np.empty(room, np.int64), np.empty((5, room))
            opened[: self._count] = self.opened_ns
            values[:, : self._count] = self._values[:, : self._count]
            self._opened, self._values = opened, values
        self._count = count

    def _write(self, row: int, candle: Candle) -> None:
        self._opened[row] = candle.opened_ns
        self._values[:, row] = (
            candle.open_e4 / E4,
            candle.high_e4 / E4,
            candle.low_e4 / E4,
            candle.close_e4 / E4,
            candle.volume,
        )
        self.touch(row)


def e4(price: float) -> int:
    """Give the integer price of a rupee float that came from one."""
    return round(price * E4)


class Track:
    """One line over a series' rows (an indicator, the close): values with NaN where undefined."""

    def __init__(self, values: Floats, first: int) -> None:
        """Take the whole column; `first` is the bar number of its row 0."""
        self._room = values
        self._count = len(values)
        self.first = first
        self._pyramid = Pyramid((Keep.FIRST, Keep.HIGHEST, Keep.LOWEST, Keep.LAST))

    def _columns(self) -> tuple[Floats, ...]:
        values = self.values
        return values, values, values, values

    @property
    def values(self) -> Floats:
        return self._room[: self._count]

    @property
    def end(self) -> int:
        return self.first + self._count

    def value(self, number: int) -> float:
        """Give the value at a bar; NaN outside."""
        row = number - self.first
        return float(self._room[row]) if 0 <= row < self._count else float("nan")

    def resize(self, count: int) -> None:
        """Make room for bars appended to the series; new values are NaN until written."""
        if count > len(self._room):
            room = np.empty(count + max(_ROOM, count // 2))
            room[: self._count] = self.values
            self._room = room
        self._room[self._count : count] = np.nan
        self._count = count

    def touch(self, row: int) -> None:
        """Take in that the values from `row` on changed."""
        self._pyramid.touch(row)

    def bins(self, span: tuple[int, int], step: int) -> list[Floats]:
        """Reduce to bins: first, highest, lowest and last value."""
        return self._pyramid.bins(self._columns(), self.first, span, step)
