"""The crosshair with its labels, the read-out in each pane, and the link between charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, QRect, QRectF, Signal
from PySide6.QtGui import QColor, QPainter

from desktop.chart import axes
from desktop.chart.look import Look
from desktop.chart.pane import Pane, Stack

_LEFT: Final = 10
_GAP: Final = 10
_INSET: Final = 6
_BOLDER: Final = 1.07
"""How much wider bold words are."""


class Cursor(QObject):
    """Where the crosshair is, for every chart that shares it."""

    moved = Signal(object, object)
    """(the chart it is on, opening time of the bar in ns or None when it left)"""

    def move(self, chart: object, opened_ns: int | None) -> None:
        self.moved.emit(chart, opened_ns)


@dataclass(slots=True)
class Crosshair:
    """One chart's crosshair: the bar it is on, and the height of the pointer if it is here."""

    number: int | None = None
    y: float | None = None
    """In the picture's pixels; None where another chart leads."""

    def parts(self, stack: Stack, look: Look) -> list[QRectF]:
        """Give what it covers, to be repainted when it moves."""
        if self.number is None:
            return []
        x = self._x(stack)
        time = stack.time_area
        wide = look.px(150)
        parts = [
            QRectF(x, 0, look.pixel, stack.plot.height()),
            QRectF(x - wide, time.top(), 2 * wide, time.height()),
        ]
        if self.y is not None:
            height = look.tag_height
            parts.append(QRectF(0, round(self.y), stack.plot.width(), look.pixel))
            left = stack.plot.width()
            reach = height + look.line
            parts.append(QRectF(left, self.y - reach, stack.width - left, 2 * reach))
        return parts

    def _x(self, stack: Stack) -> int:
        assert self.number is not None
        return int(stack.timeline.window().x(self.number) // 1)

    def paint_lines(self, painter: QPainter, stack: Stack, look: Look) -> None:
        """Draw its lines, below all labels."""
        if self.number is None:
            return
        colour, length = look.colors.cross, look.px(3)
        x = self._x(stack)
        if 0 <= x < stack.plot.width():
            upright = look.dashes(colour, length, is_upright=True)
            painter.fillRect(x, 0, look.pixel, stack.plot.height(), upright)
        if self.y is not None and stack.pane_at(self.y) is not None:
            row = QRect(0, round(self.y), stack.plot.width(), look.pixel)
            painter.fillRect(row, look.dashes(colour, length))

    def paint_tags(self, painter: QPainter, stack: Stack, look: Look, time_text: str) -> None:
        """Draw its labels on both axes, over everything."""
        if self.number is None:
            return
        colors = look.colors
        pane = None if self.y is None else stack.pane_at(self.y)
        if pane is not None and self.y is not None:
            axis = stack.axis_of(pane)
            bounds = (pane.area.top(), pane.area.bottom() + 1)
            width = axis.width() - look.px(3)
            area = axes.tag_rect(axis.left() + look.pixel, self.y, width, look, bounds)
            axes.cover_labels(painter, area, pane.marks, look)
            text = pane.step_text(pane.scale.value(self.y))
            axes.paint_tag(painter, area, text, (colors.label, colors.strong), look)
        x = self._x(stack)
        if 0 <= x < stack.plot.width():
            self._time_tag(painter, stack, look, (x, time_text))

    def _time_tag(
        self, painter: QPainter, stack: Stack, look: Look, label: tuple[int, str]
    ) -> None:
        x, text = label
        colors, time = look.colors, stack.time_area
        width = round(look.width(text)) + look.px(12)
        left = min(max(0, x - width // 2), max(0, stack.plot.width() - width))
        area = QRectF(left, time.top() + look.pixel, width, look.tag_height)
        axes.cover_times(painter, area, stack.times, look)
        axes.paint_tag(painter, area, text, (colors.label, colors.strong), look)


@dataclass(frozen=True, slots=True)
class Run:
    """Some words of a read-out in one colour; where room is short the highest ranks go first."""

    text: str
    colour: QColor
    is_bold: bool = False
    gap: int = _GAP
    """Free space before it, on the page."""
    rank: int = 0
    is_still: bool = False
    """Whether the same words are written again and again, such as labels."""


class Readout:
    """The lines of words at the top left of each pane."""

    def __init__(self) -> None:
        self._shown: dict[str, QRectF] = {}

    def parts(self, panes: Sequence[Pane]) -> list[QRectF]:
        """Give where the words are."""
        return [self._shown[pane.key] for pane in panes if pane.key in self._shown]

    def paint(
        self, painter: QPainter, pane: Pane, lines: Sequence[Sequence[Run]], look: Look
    ) -> None:
        """Write a pane's lines; its numbers come with the next `look.glyphs.draw`."""
        left = look.px(_LEFT)
        top = pane.area.top() + look.px(_INSET)
        height = look.line + look.px(2)
        most = pane.area.width() - 2 * left
        widest = 0.0
        for at, line in enumerate(lines):
            if top + (at + 1) * height > pane.area.bottom():
                break
            widest = max(widest, self._line(painter, line, (left, top + at * height), most, look))
        count = len(lines)
        self._shown[pane.key] = QRectF(
            left - look.px(4), top, widest + look.px(40), count * height + look.px(2)
        )

    def _line(
        self,
        painter: QPainter,
        line: Sequence[Run],
        at: tuple[int, int],
        most: float,
        look: Look,
    ) -> float:
        runs = list(line)
        widths = [self._run_width(run, look) for run in runs]
        while sum(widths) > most and any(run.rank for run in runs):
            dearest = max(run.rank for run in runs)
            runs = [run for run in runs if run.rank < dearest]
            widths = [self._run_width(run, look) for run in runs]
        x = sum(widths)
        left, top = at
        height = look.line + look.px(2)
        painter.fillRect(QRectF(left - look.px(3), top, x + look.px(6), height), look.veil)
        baseline = round(top + look.px(1) + look.ascent)
        middle = baseline - (look.ascent - look.descent) / 2
        pen = float(left)
        for run, width in zip(runs, widths, strict=True):
            at_x = round(pen + look.px(run.gap))
            pen += width
            if not run.is_still and look.glyphs.covers(run.text):
                look.glyphs.add(run.text, round(pen), middle, run.colour.name())
                continue
            painter.setPen(run.colour)
            look.write(painter, at_x, baseline, run.text, is_bold=run.is_bold)
        return x

    @staticmethod
    def _run_width(run: Run, look: Look) -> float:
        """Give the width of some words with the gap before them."""
        return look.px(run.gap) + look.width(run.text) * (_BOLDER if run.is_bold else 1.0)
