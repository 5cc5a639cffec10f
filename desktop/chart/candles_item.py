"""Bars in four draw calls: candles, hollow candles, OHLC bars, line and area; and volume."""

import enum
import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QLinearGradient, QPainter, QPen

from desktop.chart.look import Look
from desktop.chart.pg import Lines, path_of
from desktop.chart.rects import Pixels, Rects, pixels
from desktop.chart.scale import PriceScale
from desktop.chart.series import Series, Track
from desktop.chart.visible import Bins, Window, visible

Mask = NDArray[np.bool_]


class Style(enum.StrEnum):
    CANDLES = "candles"
    HOLLOW = "hollow"
    BARS = "bars"
    HEIKIN_ASHI = "heikin-ashi"
    LINE = "line"
    AREA = "area"

    @property
    def is_line(self) -> bool:
        return self in (Style.LINE, Style.AREA)


def body_width(bar_px: float, thin: int) -> int:
    """Give the width of a body: about three quarters of a bar, centred on its wick, with a gap.

    Bars too narrow for a gap touch; below two thin lines a bar is its wick alone.
    """
    lines = int(bar_px / thin)
    if lines < 4:
        return max(1, lines) * thin
    width = min(int(bar_px * 0.78), math.ceil(bar_px) - 1 - thin)
    return width - (width - thin) % 2


class Candles:
    """Draws one series in a style. `shown` is the series itself or its Heikin-Ashi."""

    def __init__(self, shown: Series, style: Style) -> None:
        self.shown = shown
        self.style = style
        self._rects = Rects()

    def extent(self, window: Window) -> tuple[float, float] | None:
        """Give the lowest low and the highest high on the screen."""
        bins = visible(self.shown, window)
        if bins is None:
            return None
        return float(bins.columns[2].min()), float(bins.columns[1].max())

    def paint(self, painter: QPainter, window: Window, scale: PriceScale, look: Look) -> None:
        bins = visible(self.shown, window)
        if bins is None:
            return
        open_y, high_y, low_y, close_y = pixels(scale.ys(np.array(bins.columns[:4])))
        edges = (high_y, low_y)
        rises = bins.columns[3] >= bins.columns[0]
        if bins.step > 1:
            self._bands(painter, window, bins, edges, look)
            return
        middle = pixels(bins.centres(window))
        shape = _Shape(middle, edges, (open_y, close_y), rises, window.bar_px)
        if self.style is Style.BARS:
            self._bars(painter, shape, look)
        elif self.style is Style.HOLLOW:
            self._hollow(painter, shape, self._rises(bins), look)
        else:
            self._candles(painter, shape, look)

    def _bands(
        self,
        painter: QPainter,
        window: Window,
        bins: Bins,
        edges: tuple[Pixels, Pixels],
        look: Look,
    ) -> None:
        """Several bars to a bin: the whole of its range, edge to edge."""
        left = pixels(bins.lefts(window))
        right = pixels(window.xs(bins.numbers + (bins.step - 0.5))) - 1
        rises = bins.columns[3] >= bins.columns[0]
        for mask, colour in ((rises, look.colors.up), (~rises, look.colors.down)):
            columns = (left, edges[0], right, edges[1])
            self._rects.fill(painter, colour, tuple(each[mask] for each in columns))

    def _candles(self, painter: QPainter, shape: "_Shape", look: Look) -> None:
        colors = look.colors
        for mask, edge, body in (
            (shape.rises, colors.up_edge, colors.up),
            (~shape.rises, colors.down_edge, colors.down),
        ):
            if not mask.any():
                continue
            self._rects.fill(
                painter, edge if shape.has_bodies(look) else body, shape.wicks(mask, look)
            )
            if shape.has_bodies(look):
                self._rects.fill(painter, body, shape.bodies(mask, look))

    def _hollow(self, painter: QPainter, shape: "_Shape", rises: Mask, look: Look) -> None:
        """Colour by the close before; filled where the bar itself fell."""
        colors = look.colors
        for mask, colour in ((rises, colors.up_edge), (~rises, colors.down_edge)):
            self._rects.fill(painter, colour, shape.wicks(mask, look))
            self._rects.fill(painter, colour, shape.bodies(mask, look))
        left, top, right, bottom = shape.bodies(shape.rises, look)
        thin = look.pixel
        inside = (right - left >= 2 * thin) & (bottom - top >= 2 * thin)
        inner = (left + thin, top + thin, right - thin, bottom - thin)
        self._rects.fill(painter, colors.back, tuple(each[inside] for each in inner))

    def _bars(self, painter: QPainter, shape: "_Shape", look: Look) -> None:
        colors = look.colors
        for mask, colour in ((shape.rises, colors.up), (~shape.rises, colors.down)):
            self._rects.fill(painter, colour, shape.wicks(mask, look))
            if shape.has_bodies(look):
                self._rects.fill(painter, colour, shape.tick(mask, look, is_open=True))
                self._rects.fill(painter, colour, shape.tick(mask, look, is_open=False))

    def _rises(self, bins: Bins) -> Mask:
        """Tell which bars closed at or above the close before."""
        first = int(bins.numbers[0]) - self.shown.first
        closes = bins.columns[3]
        before = np.concatenate(
            [self.shown.close[first - 1 : first] if first else closes[:1], closes[:-1]]
        )
        rises: Mask = closes >= before
        return rises


class _Shape:
    """Where the visible bars lie, in pixels."""

    def __init__(
        self,
        middle: Pixels,
        range_: tuple[Pixels, Pixels],
        body: tuple[Pixels, Pixels],
        rises: Mask,
        bar_px: float,
    ) -> None:
        self.middle = middle
        self.high, self.low = range_
        self.open, self.close = body
        self.rises = rises
        self.bar_px = bar_px

    def has_bodies(self, look: Look) -> bool:
        return body_width(self.bar_px, look.pixel) > look.pixel

    def _sides(self, look: Look) -> tuple[int, int]:
        """Give how far a body reaches left and right of the wick's left edge."""
        width = body_width(self.bar_px, look.pixel)
        half = (width - look.pixel) // 2
        return half, width - half - 1

    def wicks(self, mask: Mask, look: Look) -> tuple[Pixels, ...]:
        left = self.middle[mask]
        return left, self.high[mask], left + (look.pixel - 1), self.low[mask]

    def bodies(self, mask: Mask, look: Look) -> tuple[Pixels, ...]:
        middle, (before, after) = self.middle[mask], self._sides(look)
        o, c = self.open[mask], self.close[mask]
        return middle - before, np.minimum(o, c), middle + after, np.maximum(o, c)

    def tick(self, mask: Mask, look: Look, *, is_open: bool) -> tuple[Pixels, ...]:
        """Give the small arm of an OHLC bar: left at the open, right at the close."""
        middle, (before, after), thin = self.middle[mask], self._sides(look), look.pixel
        y = (self.open if is_open else self.close)[mask]
        left, right = (middle - before, middle) if is_open else (middle, middle + after)
        return left, y, right, y + (thin - 1)


class CloseLine:
    """Draws the close as a line, with or without the area beneath."""

    def __init__(self, track: Track, style: Style) -> None:
        self.track = track
        self.style = style
        self._lines = Lines()

    def extent(self, window: Window) -> tuple[float, float] | None:
        return track_extent(self.track, window)

    def paint(self, painter: QPainter, window: Window, scale: PriceScale, look: Look) -> None:
        points = track_points(self.track, window, scale)
        if points is None or len(points[0]) == 0:
            return
        if self.style is Style.AREA:
            _fill_below(painter, points, scale, look)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=True)
        painter.setPen(QPen(look.colors.last, 1.6 * look.ratio))
        xs, ys = points
        self._lines.draw(painter, np.column_stack([xs[:-1], ys[:-1], xs[1:], ys[1:]]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)


def _fill_below(
    painter: QPainter,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    scale: PriceScale,
    look: Look,
) -> None:
    xs, ys = points
    bottom = float(scale.top + scale.height)
    path = path_of(np.concatenate([xs[:1], xs, xs[-1:]]), np.concatenate([[bottom], ys, [bottom]]))
    gradient = QLinearGradient(0, scale.top, 0, bottom)
    clear = QColor(look.colors.area)
    clear.setAlpha(0)
    gradient.setColorAt(0, look.colors.area)
    gradient.setColorAt(1, clear)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(gradient))
    painter.drawPath(path)


class VolumeBars:
    """Draws traded quantity in the colour of its bar."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._rects = Rects()

    def extent(self, window: Window) -> tuple[float, float] | None:
        bins = visible(self._series, window)
        return None if bins is None else (0.0, max(1.0, float(bins.columns[4].max())))

    def paint(self, painter: QPainter, window: Window, scale: PriceScale, look: Look) -> None:
        bins = visible(self._series, window)
        if bins is None:
            return
        left, right = bar_edges(bins, window, look)
        top = pixels(scale.ys(bins.columns[4]))
        bottom = np.full_like(top, scale.top + scale.height - 1)
        some = bins.columns[4] > 0
        rises = bins.columns[3] >= bins.columns[0]
        colors = look.colors
        for mask, colour in ((rises, colors.volume_up), (~rises, colors.volume_down)):
            if not mask.any():
                continue
            columns = (left, np.minimum(top, bottom), right, bottom)
            self._rects.fill(painter, colour, tuple(each[mask & some] for each in columns))


def bar_edges(bins: Bins, window: Window, look: Look) -> tuple[Pixels, Pixels]:
    """Give the left and right pixels of bars as wide as candles' bodies, or of whole bins."""
    if bins.step > 1:
        right = pixels(window.xs(bins.numbers + (bins.step - 0.5))) - 1
        return pixels(bins.lefts(window)), right
    width = body_width(window.bar_px, look.pixel)
    left = pixels(bins.centres(window)) - (width - look.pixel) // 2
    return left, left + (width - 1)


def track_extent(track: Track, window: Window) -> tuple[float, float] | None:
    """Give the lowest and highest defined value on the screen."""
    bins = visible(track, window)
    if bins is None or not np.isfinite(bins.columns[1]).any():
        return None
    return float(np.nanmin(bins.columns[2])), float(np.nanmax(bins.columns[1]))


def track_points(
    track: Track, window: Window, scale: PriceScale
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Give a line's points: a bar's value, or a bin's lowest and highest in the order it moved."""
    bins = visible(track, window, beyond=1)
    if bins is None:
        return None
    first, highest, lowest, last = bins.columns
    middle = np.floor(bins.centres(window)) + 0.5
    if bins.step == 1:
        return middle, scale.ys(last)
    rises = last >= first
    ys = np.empty(2 * len(middle))
    ys[::2] = scale.ys(np.where(rises, lowest, highest))
    ys[1::2] = scale.ys(np.where(rises, highest, lowest))
    return np.repeat(middle, 2), ys
