"""Prices to pixels: linear, logarithmic and percent."""

import enum
import math
from typing import Final

import numpy as np

from desktop.chart.pyramid import Floats

_SMALLEST: Final = 1e-6
"""A price span below this is drawn as if it were this wide."""


class Mode(enum.StrEnum):
    LINEAR = "linear"
    LOG = "log"
    PERCENT = "percent"


class PriceScale:
    """One vertical axis, in device pixels.

    While `is_auto`, `fit` follows what is visible; `drag` and `zoom` take it over by hand.
    `low` and `high` are the values at the bottom and the top edge.
    """

    def __init__(self, mode: Mode = Mode.LINEAR) -> None:
        self.mode = mode
        self.is_auto = True
        self.low = 0.0
        self.high = 1.0
        self.base = 1.0
        """The price that is 0 % in percent mode."""
        self.top = 0
        self.height = 1
        self._per_unit = 1.0
        self._origin = 1.0

    def place(self, top: int, height: int) -> None:
        """Say which pixels the axis covers."""
        self.top, self.height = top, max(1, height)
        self._settle()

    def set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self.is_auto = True
        self._settle()

    def fit(self, low: float, high: float, *, above: float = 0.08, below: float = 0.08) -> None:
        """Show low to high, with room of a fraction of the height above and below."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return
        if high - low < _SMALLEST:
            middle, half = (low + high) / 2, max(_SMALLEST, abs(low) * 0.001)
            low, high = middle - half, middle + half
        self.low, self.high = low, high
        self._settle()
        bottom, top = self._forward(self.low), self._forward(self.high)
        whole = (top - bottom) / (1 - above - below)
        self.low = self._back(bottom - whole * below)
        self.high = self._back(top + whole * above)
        self._settle()

    @property
    def is_log(self) -> bool:
        """Whether the mapping is logarithmic: asked for, and all values positive."""
        return self.mode is Mode.LOG and self.low > 0

    def y(self, value: float) -> float:
        """Give the pixel of a value."""
        return self.top + (self._origin - self._forward(value)) * self._per_unit

    def ys(self, values: Floats) -> Floats:
        if self.is_log:
            values = np.log(np.maximum(values, _SMALLEST))
        result: Floats = (self._origin - values) * self._per_unit + self.top
        return result

    def value(self, y: float) -> float:
        """Give the value at a pixel."""
        return self._back(self._origin - (y - self.top) / self._per_unit)

    def drag(self, pixels: float) -> None:
        """Move the values with the hand; positive is down."""
        self.is_auto = False
        shift = pixels / self._per_unit
        low, high = self._forward(self.low), self._forward(self.high)
        self.low, self.high = self._back(low + shift), self._back(high + shift)
        self._settle()

    def zoom(self, factor: float) -> None:
        """Show `factor` times the span about the middle: below one is closer."""
        self.is_auto = False
        low, high = self._forward(self.low), self._forward(self.high)
        middle, half = (low + high) / 2, (high - low) / 2 * factor
        half = max(half, _SMALLEST)
        self.low, self.high = self._back(middle - half), self._back(middle + half)
        self._settle()

    def percent(self, value: float) -> float:
        return (value / self.base - 1) * 100 if self.base else 0.0

    def _forward(self, value: float) -> float:
        return math.log(max(value, _SMALLEST)) if self.is_log else value

    def _back(self, value: float) -> float:
        return math.exp(value) if self.is_log else value

    def _settle(self) -> None:
        low, high = self._forward(self.low), self._forward(self.high)
        self._origin = high
        self._per_unit = self.height / max(high - low, 1e-12)
