"""Which bars are on the screen: panning, zooming, following the live bar. No Qt."""

from typing import Final

from desktop.chart.visible import Window

_DEFAULT_PX: Final = 7.0
_WIDEST_PX: Final = 120.0
_MARGIN_PX: Final = 56.0
"""Room right of the last bar."""
_HELD_BARS: Final = 4
"""This many bars stay on the screen however far one pans."""


class Timeline:
    """The horizontal range of a chart, in device pixels. Bars are known by their numbers."""

    def __init__(self) -> None:
        self.width = 1
        self.ratio = 1.0
        self.bar_px = _DEFAULT_PX
        self.right = 0.0
        """The bar number at the right edge; bar `n` reaches from n - 0.5 to n + 0.5."""
        self._first = 0
        self._last = -1
        self._is_placed = False

    @property
    def left(self) -> float:
        return self.right - self.width / self.bar_px

    @property
    def last(self) -> int:
        """The last bar's number."""
        return self._last

    @property
    def is_following(self) -> bool:
        """Whether the live bar is on the screen, so that a new bar moves the chart along."""
        return self.left < self._last + 0.5 <= self.right

    @property
    def is_at_default(self) -> bool:
        return self.bar_px == _DEFAULT_PX * self.ratio and self.right == self._home()

    def window(self) -> Window:
        return Window(self.left, self.bar_px, self.width, 0.0, float(self.width))

    def place(self, width: int, ratio: float) -> None:
        """Take a new size; the right edge and the width of a bar stay."""
        self.bar_px *= ratio / self.ratio
        self.width, self.ratio = max(1, width), ratio
        if not self._is_placed:
            self._is_placed = True
            self.go_last()
        self._clamp()

    def load(self, first: int, last: int) -> None:
        """Take the bars of a new series and show the newest."""
        self._first, self._last = first, last
        self.reset()

    def extend(self, first: int, last: int) -> None:
        """Take in new bars at either end; a followed live bar keeps its distance from the edge."""
        if self._last < self._first:
            self.load(first, last)
            return
        shift = last - self._last if self.is_following else 0
        self._first, self._last = first, last
        self.right += shift
        self._clamp()

    def renumber(self, first: int, last: int, right: float) -> None:
        """Take other bars with this number at the right edge."""
        self._first, self._last = first, last
        self.right = right
        self._clamp()

    def reset(self) -> None:
        """Show the newest bars at the usual width."""
        self.bar_px = _DEFAULT_PX * self.ratio
        self.right = self._home()
        self._clamp()

    def fit(self) -> None:
        """Show every bar."""
        count = max(1, self._last - self._first + 1)
        self.bar_px = max(1.0, self.width - self._margin()) / count
        self.bar_px = min(self.bar_px, _WIDEST_PX * self.ratio)
        self.right = self._home()
        self._clamp()

    def show(self, first: float, last: float) -> None:
        """Show the bars from first to last, both whole."""
        self.bar_px = self.width / max(1.0, last - first + 1)
        self.right = last + 0.5
        self._clamp()

    def pan(self, pixels: float) -> None:
        """Move the bars with the hand: positive brings older ones in."""
        self.right -= pixels / self.bar_px
        self._clamp()

    def zoom(self, factor: float, at_x: float) -> None:
        """Make bars `factor` times as wide; what is at pixel `at_x` stays there."""
        number = self.left + at_x / self.bar_px
        self.bar_px = self._allowed(self.bar_px * factor)
        self.right = number + (self.width - at_x) / self.bar_px
        self._clamp()

    def go_first(self) -> None:
        self.right = self._first - 0.5 + self.width / self.bar_px
        self._clamp()

    def go_last(self) -> None:
        self.right = self._home()
        self._clamp()

    def bring(self, number: int) -> None:
        """Pan no further than needed to have a bar on the screen."""
        if number + 1 > self.right:
            self.right = number + 1
        elif number - 1 < self.left:
            self.right = number - 1 + self.width / self.bar_px
        self._clamp()

    def _margin(self) -> float:
        return min(_MARGIN_PX * self.ratio, self.width * 0.15)

    def _home(self) -> float:
        return self._last + 0.5 + self._margin() / self.bar_px

    def _allowed(self, bar_px: float) -> float:
        count = max(1, self._last - self._first + 1)
        narrowest = min(1.0, max(1.0, self.width - self._margin()) / count)
        widest = max(narrowest, min(_WIDEST_PX * self.ratio, self.width / 5))
        return min(max(bar_px, narrowest), widest)

    def _clamp(self) -> None:
        if not self._is_placed:
            return
        bar_px = self._allowed(self.bar_px)
        if bar_px != self.bar_px:
            middle = (self.left + self.right) / 2
            self.bar_px = bar_px
            self.right = middle + self.width / bar_px / 2
        lowest = self._first - 0.5 + _HELD_BARS
        highest = self._last + 0.5 - _HELD_BARS + self.width / self.bar_px
        self.right = min(max(self.right, lowest), max(highest, lowest))
