"""Draws an indicator's columns: lines, histograms, and lines that change colour with the trend."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QPainter, QPen

from desktop.chart.candles_item import bar_edges, track_extent, track_points
from desktop.chart.indicators import Draw, Output
from desktop.chart.look import Look
from desktop.chart.pg import Lines
from desktop.chart.pyramid import Floats
from desktop.chart.rects import Rects, pixels
from desktop.chart.scale import PriceScale
from desktop.chart.series import Track
from desktop.chart.studies import Study
from desktop.chart.visible import Window, step_for, visible

_WIDTH = 1.4


class StudyItem:
    """One study in its pane."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._lines = Lines()
        self._rects = Rects()

    def colour(self, output: Output, look: Look) -> QColor:
        """Give the colour of an output's line and of its number in the read-out."""
        lines = look.colors.lines
        return lines[(self.study.colour + output.colour) % len(lines)]

    def colour_at(self, output: Output, number: int, look: Look) -> QColor:
        """Give the colour of an output's value at one bar, which for a trend is its way's."""
        parts = self.study.indicator.parts
        if output.draw is not Draw.TREND or parts is None:
            return self.colour(output, look)
        is_up = self.study.tracks[parts].value(number) > 0
        return look.colors.up_edge if is_up else look.colors.down_edge

    def shown(self) -> list[tuple[Output, Track]]:
        """Give the outputs that are drawn, with their columns."""
        pairs = zip(self.study.indicator.outputs, self.study.tracks, strict=True)
        return [(output, track) for output, track in pairs if output.draw is not Draw.HIDDEN]

    def extent(self, window: Window) -> tuple[float, float] | None:
        found = [track_extent(track, window) for _, track in self.shown()]
        known = [each for each in found if each is not None]
        if not known:
            return None
        return min(low for low, _ in known), max(high for _, high in known)

    def paint(self, painter: QPainter, window: Window, scale: PriceScale, look: Look) -> None:
        for output, track in self.shown():
            if output.draw is Draw.HISTOGRAM:
                self._histogram(painter, track, window, scale, look)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=True)
        for output, track in self.shown():
            if output.draw is Draw.LINE:
                self._line(painter, track, window, scale, (self.colour(output, look), look))
            elif output.draw is Draw.TREND:
                self._trend(painter, track, window, scale, look)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _line(
        self,
        painter: QPainter,
        track: Track,
        window: Window,
        scale: PriceScale,
        pen: tuple[QColor, Look],
    ) -> None:
        points = track_points(track, window, scale)
        if points is None:
            return
        segments = _segments(points)
        held = np.isfinite(segments).all(axis=1)
        part = self._parts(track, window)
        if part is not None:
            held &= part[:-1] == part[1:]
        painter.setPen(QPen(pen[0], _line_width(window) * pen[1].ratio))
        self._lines.draw(painter, segments[held])

    def _trend(
        self, painter: QPainter, track: Track, window: Window, scale: PriceScale, look: Look
    ) -> None:
        """Draw in the trend's colour, with a gap where it turns."""
        points = track_points(track, window, scale)
        way = self._parts(track, window)
        if points is None or way is None:
            return
        segments = _segments(points)
        held = np.isfinite(segments).all(axis=1) & (way[:-1] == way[1:])
        colors = look.colors
        for sign, colour in ((1.0, colors.up), (-1.0, colors.down)):
            painter.setPen(QPen(colour, _line_width(window) * look.ratio))
            self._lines.draw(painter, segments[held & (way[1:] == sign)])

    def _parts(self, track: Track, window: Window) -> Floats | None:
        """Give which stretch each point of a line belongs to; None: it has only one."""
        parts = self.study.indicator.parts
        bins = visible(track, window, beyond=1)
        if parts is None or bins is None:
            return None
        values = self.study.tracks[parts].values
        rows = bins.numbers.astype(np.int64) + (bins.step - 1) - track.first
        part = values[np.clip(rows, 0, len(values) - 1)]
        return part if bins.step == 1 else np.repeat(part, 2)

    def _histogram(
        self, painter: QPainter, track: Track, window: Window, scale: PriceScale, look: Look
    ) -> None:
        bins = visible(track, window)
        if bins is None:
            return
        last = bins.columns[3]
        defined = np.isfinite(last)
        highest, lowest = np.nan_to_num(bins.columns[1]), np.nan_to_num(bins.columns[2])
        zero = int(pixels(np.array([scale.y(0.0)]))[0])
        top = np.minimum(pixels(scale.ys(np.maximum(highest, 0.0))), zero)
        bottom = np.maximum(pixels(scale.ys(np.minimum(lowest, 0.0))), zero)
        left, right = bar_edges(bins, window, look)
        colors = look.colors
        for mask, colour in (
            (last >= 0, colors.volume_up),
            (last < 0, colors.volume_down),
        ):
            columns = (left, top, right, bottom)
            held = mask & defined
            self._rects.fill(painter, colour, tuple(each[held] for each in columns))


def _line_width(window: Window) -> float:
    """Thin where many bars share a pixel: thick lines would run together there."""
    return 1.0 if step_for(window.bar_px) > 1 else _WIDTH


def _segments(points: tuple[NDArray[np.float64], NDArray[np.float64]]) -> NDArray[np.float64]:
    xs, ys = points
    return np.column_stack([xs[:-1], ys[:-1], xs[1:], ys[1:]])
