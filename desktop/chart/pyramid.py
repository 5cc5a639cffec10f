"""Blocks of 8, 64, 512 … bars kept beside the columns, so that a wide view reads few numbers."""

import enum
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FACTOR = 8
_SMALL = 2048
"""A level with no more blocks than this needs no coarser one above it."""


class Keep(enum.Enum):
    """What a block keeps of a column. NaN is skipped by HIGHEST and LOWEST."""

    FIRST = "first"
    HIGHEST = "highest"
    LOWEST = "lowest"
    LAST = "last"


def reduce_groups(column: Floats, starts: Ints, stop: int, keep: Keep) -> Floats:
    """Reduce the groups that begin at `starts` (ascending, not empty); the last ends at `stop`."""
    if keep is Keep.FIRST:
        return column[starts]
    if keep is Keep.LAST:
        ends = np.empty_like(starts)
        ends[:-1] = starts[1:]
        ends[-1] = stop
        return column[ends - 1]
    base = int(starts[0])
    part = column[base:stop]
    operation = np.fmax if keep is Keep.HIGHEST else np.fmin
    return operation.reduceat(part, starts - base)


class _Level:
    """The blocks of one size; block `i` of the arrays has the number `first + i`."""

    def __init__(self, size: int, first: int, columns: int) -> None:
        self.size = size
        self.first = first
        self.count = 0
        self._room = np.empty((columns, 0))

    def __getitem__(self, column: int) -> Floats:
        return self._room[column, : self.count]

    def columns(self) -> list[Floats]:
        return [self[each] for each in range(len(self._room))]

    def write(self, at: int, blocks: list[Floats]) -> None:
        """Replace everything from block index `at` on."""
        self.count = at + len(blocks[0])
        if self.count > self._room.shape[1]:
            room = np.empty((len(blocks), self.count + max(64, self.count // 2)))
            room[:, :at] = self._room[:, :at]
            self._room = room
        for row, block in zip(self._room, blocks, strict=True):
            row[at : self.count] = block


class Pyramid:
    """Levels over some columns of one length.

    Blocks are anchored to bar numbers: block `b` of a level covers the bars `b * size` up to
    `(b + 1) * size`, also where `first` is negative. The first and the last block may be
    incomplete; they hold exactly the bars that exist.
    """

    def __init__(self, keeps: Sequence[Keep]) -> None:
        self._keeps = tuple(keeps)
        self._levels: list[_Level] = []
        self._changed: int | None = 0
        """The levels hold for rows before this one; None: for all."""

    def reset(self) -> None:
        """Forget everything: other columns, or other bar numbers."""
        self._levels, self._changed = [], 0

    def touch(self, row: int) -> None:
        """Take in that the rows from `row` to the end changed or are new.

        Nothing is computed before a view is wide enough to need it.
        """
        self._changed = row if self._changed is None else min(row, self._changed)

    def _settle(self, columns: Sequence[Floats], first: int) -> None:
        row, self._changed = self._changed, None
        top = self._levels[-1].count if self._levels else len(columns[0])
        if row is None:
            return
        if row == 0 or top > _SMALL * FACTOR:
            self._build(columns, first)
            return
        number, below_first, below = first + row, first, list(columns)
        for level in self._levels:
            number //= FACTOR
            self._fill(level, below, below_first, number - level.first)
            below, below_first = level.columns(), level.first

    def _build(self, columns: Sequence[Floats], first: int) -> None:
        self._levels = []
        size, below_first, below = 1, first, list(columns)
        while len(below[0]) > _SMALL:
            size *= FACTOR
            level = _Level(size, below_first // FACTOR, len(self._keeps))
            self._levels.append(level)
            self._fill(level, below, below_first, 0)
            below, below_first = level.columns(), level.first

    def _fill(self, level: _Level, below: list[Floats], below_first: int, at: int) -> None:
        stop = len(below[0])
        last = (below_first + stop - 1) // FACTOR
        numbers = np.arange(level.first + at, last + 1)
        starts = np.maximum(numbers * FACTOR - below_first, 0)
        level.write(
            at,
            [
                reduce_groups(column, starts, stop, keep)
                for column, keep in zip(below, self._keeps, strict=True)
            ],
        )

    def bins(
        self, columns: Sequence[Floats], first: int, span: tuple[int, int], step: int
    ) -> list[Floats]:
        """Reduce to bins of `step` bars, bin numbers `span[0]` to `span[1]` inclusive.

        Bin `b` covers the bars `b * step` up to `(b + 1) * step`; every bin asked for must hold
        at least one bar. `first` is the bar number of row 0.
        """
        if step == 1:
            return [column[span[0] - first : span[1] + 1 - first] for column in columns]
        if step >= FACTOR * FACTOR:
            self._settle(columns, first)
        size, source, source_first = 1, list(columns), first
        for level in self._levels:
            if step % level.size or step < level.size * FACTOR:
                break
            size, source, source_first = level.size, level.columns(), level.first
        blocks = step // size
        numbers = np.arange(span[0], span[1] + 1)
        starts = np.maximum(numbers * blocks - source_first, 0)
        stop = min(len(source[0]), (span[1] + 1) * blocks - source_first)
        return [
            reduce_groups(column, starts, stop, keep)
            for column, keep in zip(source, self._keeps, strict=True)
        ]
