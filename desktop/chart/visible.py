"""What is on the screen: bar numbers to pixels, and rows thinned to one bin per two pixels."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from desktop.chart.pyramid import FACTOR, Floats

MIN_BIN_PX = 2.0


def step_for(bar_px: float) -> int:
    """Give how many bars share one bin at a zoom: the fewest that make it two pixels wide.

    The step depends on the zoom alone, never on the position, so bins keep their edges while the
    chart is panned. It is a multiple of the largest block of the pyramid it is built from, which
    makes a bin at most an eighth wider than it must be.
    """
    bars = math.ceil(MIN_BIN_PX / bar_px - 1e-9)
    size = 1
    while size * FACTOR * FACTOR <= bars:
        size *= FACTOR
    return max(1, -(-bars // size) * size)


@dataclass(frozen=True, slots=True)
class Window:
    """The bars on the screen, in device pixels: bar `n` is centred at `x(n)`.

    `left` is the bar number at pixel 0; the drawn part is `x0` to `x1` (the whole plot, or the
    strip of the live bar).
    """

    left: float
    bar_px: float
    width: int
    x0: float
    x1: float

    @property
    def right(self) -> float:
        return self.left + self.width / self.bar_px

    def x(self, number: float) -> float:
        return (number - self.left) * self.bar_px

    def xs(self, numbers: Floats) -> Floats:
        return (numbers - self.left) * self.bar_px

    def number(self, x: float) -> float:
        return self.left + x / self.bar_px

    def strip(self, x0: float, x1: float) -> "Window":
        """Give the same window with only a part of it to draw."""
        return replace(self, x0=max(0.0, x0), x1=min(float(self.width), x1))

    def numbers(self) -> tuple[int, int]:
        """Give the first and last bar number that touch the drawn part."""
        return math.floor(self.number(self.x0) - 0.5), math.ceil(self.number(self.x1) + 0.5)


class Binned(Protocol):
    """A Series or a Track."""

    first: int

    @property
    def end(self) -> int: ...

    def bins(self, span: tuple[int, int], step: int) -> list[Floats]: ...


@dataclass(frozen=True, slots=True)
class Bins:
    """Rows to draw, one per bin of `step` bars; `numbers` is the first bar number of each bin."""

    step: int
    numbers: Floats
    columns: list[Floats]

    def lefts(self, window: Window) -> Floats:
        """Give where each bin begins, in pixels."""
        return window.xs(self.numbers - 0.5)

    def centres(self, window: Window) -> Floats:
        return window.xs(self.numbers + (self.step - 1) / 2)


def visible(rows: Binned, window: Window, *, beyond: int = 0) -> Bins | None:
    """Give what of `rows` touches the window's drawn part; None when nothing does.

    Args:
        rows: a series or a line.
        window: the screen.
        beyond: bins more on either side, for lines that go on past the edges.
    """
    step = step_for(window.bar_px)
    first, last = window.numbers()
    low = max(first // step - beyond, rows.first // step)
    high = min(last // step + beyond, (rows.end - 1) // step)
    if high < low or rows.end <= rows.first:
        return None
    numbers = np.arange(low * step, high * step + 1, step, dtype=np.float64)
    return Bins(step, numbers, rows.bins((low, high), step))
