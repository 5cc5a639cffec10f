"""Stacked plots on one time axis: their layout, their scales, and the still picture of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

from desktop.chart import axes
from desktop.chart.axes import Mark
from desktop.chart.look import Look
from desktop.chart.scale import PriceScale
from desktop.chart.series import Series
from desktop.chart.ticks import TimeTick, TimeTicks, value_ticks
from desktop.chart.timeline import Timeline
from desktop.chart.visible import Window

_LEAST_HEIGHT: Final = 44
_LEAST_MAIN: Final = 90
_DAY_GAP: Final = 56
"""Days narrower than this are not parted by lines."""


class Drawing(Protocol):
    """Something a pane shows over time."""

    def extent(self, window: Window) -> tuple[float, float] | None:
        """Give the lowest and highest value on the screen; None: nothing is there."""

    def paint(self, painter: QPainter, window: Window, scale: PriceScale, look: Look) -> None:
        """Draw the part of the window that is asked for."""


@dataclass(slots=True, eq=False)
class Pane:
    """One plot of the stack, with its own value axis."""

    key: str
    title: str
    weight: float
    drawings: Sequence[Drawing]
    tick: float
    """The step its values come in."""
    text: Callable[[float], str]
    """Writes a value for the axis."""
    scale: PriceScale = field(default_factory=PriceScale)
    limits: tuple[float, float] | None = None
    levels: tuple[float, ...] = ()
    base_of: Callable[[Window], float] | None = None
    """Gives the value that is 0 % in percent mode."""
    room: tuple[float, float] = (0.08, 0.08)
    """Free space above and below what is drawn, as fractions."""
    area: QRect = field(default_factory=QRect)
    """Its plot, without the axis; empty while there is no room for it."""
    marks: list[Mark] = field(default_factory=list)
    extent: tuple[float, float] | None = None

    @property
    def is_shown(self) -> bool:
        return self.area.height() > 0

    def step_text(self, value: float) -> str:
        """Write the nearest value the pane can have."""
        return self.text(round(value / self.tick) * self.tick)

    def fit(self, window: Window) -> None:
        """Take the range of what is visible, if the scale is automatic."""
        if self.base_of is not None:
            self.scale.base = self.base_of(window)
        found = [each for drawing in self.drawings if (each := drawing.extent(window)) is not None]
        if not found:
            self.extent = None
            return
        self.extent = (min(low for low, _ in found), max(high for _, high in found))
        if not self.scale.is_auto:
            return
        low, high = self.limits or self.extent
        above, below = self.room
        self.scale.fit(low, high, above=above, below=below)

    def rows(self, low: float, high: float, slack: int) -> tuple[int, int]:
        """Give the top and bottom pixel of a range of values, with some slack, on the plot."""
        top = max(self.scale.y(high) - slack, self.area.top())
        bottom = min(self.scale.y(low) + slack, self.area.bottom())
        return int(top), int(bottom)

    def holds(self, low: float, high: float) -> bool:
        """Tell whether values lie within what the scale was last fitted to."""
        if not self.scale.is_auto or self.limits is not None:
            return True
        return self.extent is not None and self.extent[0] <= low and high <= self.extent[1]


class Stack:
    """All panes of a chart and the picture of everything that does not move with the mouse."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self._panes: list[Pane] = []
        self._shown: list[Pane] = []
        self._times = TimeTicks(np.empty(0, np.int64), 0)
        self.is_intraday = True
        self.axis_px = 0
        self.width = 1
        self.height = 1
        self.time_area = QRect()
        self.plot = QRect()
        """All panes together, without the axes."""
        self.times: list[tuple[float, TimeTick]] = []
        """The labels of the time axis and where they are."""
        self._days: list[int] = []
        self._columns: list[int] = []
        """Where the grid's upright lines are."""

    def load(self, series: Series) -> None:
        """Take another series and show its newest bars."""
        self._times = TimeTicks(series.opened_ns, series.first)
        self.timeline.load(series.first, series.last)

    def extend(self, series: Series) -> None:
        """Take in that the series grew at either end."""
        self._times = TimeTicks(series.opened_ns, series.first)
        self.timeline.extend(series.first, series.last)

    def renumber(self, series: Series, right: float) -> None:
        """Take other bars with this number at the right edge, as wide as they were."""
        self._times = TimeTicks(series.opened_ns, series.first)
        self.timeline.renumber(series.first, series.last, right)

    def axis_of(self, pane: Pane) -> QRect:
        """Give the value axis beside a pane."""
        left = self.plot.width()
        return QRect(left, pane.area.top(), self.width - left, pane.area.height())

    @property
    def panes(self) -> list[Pane]:
        """All panes, top down, those there is no room for included."""
        return self._panes

    @panes.setter
    def panes(self, panes: list[Pane]) -> None:
        self._panes = panes
        self._shown = [pane for pane in panes if pane.is_shown]

    def shown(self) -> list[Pane]:
        return self._shown

    def pane_at(self, y: float) -> Pane | None:
        """Give the pane at a height of the picture."""
        for pane in self.shown():
            if pane.area.top() <= y <= pane.area.bottom():
                return pane
        return None

    def settle(self, width: int, height: int, look: Look) -> None:
        """Lay out the panes for a size and fit their scales; cheap enough for every frame."""
        self.width, self.height = width, height
        for _ in range(2):
            self._place(look)
            window = self.timeline.window()
            for pane in self.shown():
                pane.fit(window)
                pane.marks = self._marks(pane, look)
            needed = max((self._needed(pane, look) for pane in self.shown()), default=0)
            if needed == self.axis_px:
                break
            self.axis_px = needed
        self._settle_time(look)

    def _needed(self, pane: Pane, look: Look) -> int:
        ends = [pane.text(pane.scale.low), pane.text(pane.scale.high)]
        return axes.axis_width([*ends, *(mark.text for mark in pane.marks)], look)

    def _place(self, look: Look) -> None:
        time_height = look.line + look.px(9)
        plot_width = max(1, self.width - self.axis_px)
        bottom = max(1, self.height - time_height)
        self.timeline.place(plot_width, look.ratio)
        self.plot = QRect(0, 0, plot_width, bottom)
        self.time_area = QRect(0, bottom, plot_width, self.height - bottom)
        shown = self._fitting(bottom, look)
        for pane in self.panes:
            if pane not in shown:
                pane.area = QRect()
        whole = sum(pane.weight for pane in shown)
        top, used = 0, 0.0
        for pane in shown:
            used += pane.weight
            end = round(bottom * used / whole)
            gap = look.pixel if top else 0
            pane.area = QRect(0, top + gap, plot_width, end - top - gap)
            pane.scale.place(top + gap, end - top - gap)
            top = end
        self.panes = self._panes

    def _fitting(self, bottom: int, look: Look) -> list[Pane]:
        """Leave out the lowest panes where there is no room for them."""
        shown = list(self.panes)
        while len(shown) > 1:
            whole = sum(pane.weight for pane in shown)
            least = min(bottom * pane.weight / whole for pane in shown[1:])
            main = bottom * shown[0].weight / whole
            if least >= look.px(_LEAST_HEIGHT) and main >= look.px(_LEAST_MAIN):
                break
            shown.pop()
        return shown

    def _marks(self, pane: Pane, look: Look) -> list[Mark]:
        scale = pane.scale
        if pane.levels and pane.limits:
            values = list(pane.levels)
        else:
            values = value_ticks(scale, pane.tick, look.px(axes.VALUE_SPACING))
        return [Mark(round(scale.y(value)), pane.text(value)) for value in values]

    def _settle_time(self, look: Look) -> None:
        self.times, self._days, self._columns = [], [], []
        finder, timeline = self._times, self.timeline
        window = timeline.window()
        spacing = look.px(axes.TIME_SPACING)
        beyond = int(spacing / timeline.bar_px) + 1
        first, last = window.numbers()
        found = finder.find((first - beyond, last + beyond), timeline.bar_px, spacing)
        self.times = [(window.x(tick.number), tick) for tick in found]
        self._columns = [round(x) for x, _ in self.times]
        if not self.is_intraday:
            return
        days = finder.days((first, last), int(window.width / look.px(_DAY_GAP)))
        # Between two bars, not through the first bar of the day.
        self._days = [round(window.x(number - 0.5)) for number in days]
        # A session's line stands for the grid's.
        lined = set(days)
        self._columns = [round(x) for x, tick in self.times if tick.number not in lined]

    def paint(self, painter: QPainter, part: QRect, look: Look) -> None:
        """Draw the picture, or the part of it that changed."""
        painter.setClipRect(part)
        painter.fillRect(part, look.colors.back)
        window = self.timeline.window().strip(part.left(), part.right() + 1)
        for pane in self._shown:
            inside = pane.area & part
            if inside.isEmpty():
                continue
            painter.setClipRect(inside)
            self._paint_grid(painter, pane, inside, look)
            for drawing in pane.drawings:
                drawing.paint(painter, window, pane.scale, look)
        painter.setClipRect(part)
        for pane in self._shown[1:]:
            edge = QRect(0, pane.area.top() - look.pixel, self.width, look.pixel)
            painter.fillRect(edge & part, look.colors.session)
        if part.right() >= self.plot.width() or part.bottom() >= self.time_area.top():
            self._paint_axes(painter, look)

    def _paint_grid(self, painter: QPainter, pane: Pane, inside: QRect, look: Look) -> None:
        colors, thin = look.colors, look.pixel
        left, right = inside.left() - thin, inside.right()
        top, bottom = inside.top() - thin, inside.bottom()
        for x in self._columns:
            if left < x <= right:
                painter.fillRect(x, inside.top(), thin, inside.height(), colors.grid)
        line = colors.session if pane.limits else colors.grid
        for mark in pane.marks:
            if top < mark.y <= bottom:
                painter.fillRect(inside.left(), mark.y, inside.width(), thin, line)
        for x in self._days:
            if left < x <= right:
                painter.fillRect(x, inside.top(), thin, inside.height(), colors.session)

    def _paint_axes(self, painter: QPainter, look: Look) -> None:
        colors, plot = look.colors, self.plot
        painter.fillRect(plot.width(), 0, look.pixel, self.height, colors.session)
        painter.fillRect(0, plot.height(), self.width, look.pixel, colors.session)
        for pane in self.shown():
            axes.paint_value_axis(painter, self.axis_of(pane), pane.marks, look)
        painter.setClipRect(self.time_area, Qt.ClipOperation.IntersectClip)
        axes.paint_time_axis(painter, self.time_area, self.times, look)
