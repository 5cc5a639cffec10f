"""The axes and the grid, painted by ourselves: time without closed hours, prices on the tick."""

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QPainter

from desktop.chart.look import Look
from desktop.chart.ticks import TimeTick

TIME_SPACING: Final = 68
"""Least distance of two time labels, on the page."""
VALUE_SPACING: Final = 38
_ARM: Final = 4
"""Between the plot's edge and an axis label."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One label of a value axis."""

    y: int
    text: str


def axis_width(texts: list[str], look: Look) -> int:
    """Give how wide a value axis must be for its longest label, in steps, so that it is calm."""
    widest = max((look.width(text) for text in texts), default=0.0)
    step = look.px(8)
    return -(-round(widest + look.px(2 * _ARM + 6)) // step) * step


def paint_value_axis(painter: QPainter, area: QRect, marks: list[Mark], look: Look) -> None:
    """Write the labels of a pane's right edge; those that would be cut are left out."""
    painter.setPen(look.colors.text)
    left = area.left() + look.px(_ARM + 2)
    half = look.line / 2
    middle = (look.ascent - look.descent) / 2
    for mark in marks:
        if area.top() + half <= mark.y <= area.bottom() - half:
            look.write(painter, left, mark.y + middle, mark.text)


def paint_time_axis(
    painter: QPainter, area: QRect, ticks: list[tuple[float, TimeTick]], look: Look
) -> None:
    """Write the labels below the panes, centred on their bars; none is cut."""
    baseline = round(area.center().y() + (look.ascent - look.descent) / 2)
    for x, tick in ticks:
        left = round(x - look.width(tick.text) / 2)
        if left < area.left() or left + look.width(tick.text) > area.right():
            continue
        painter.setPen(look.colors.strong if tick.is_major else look.colors.text)
        look.write(painter, left, baseline, tick.text, is_bold=tick.is_major)


def paint_tag(
    painter: QPainter, area: QRectF, text: str, colors: tuple[QColor, QColor], look: Look
) -> None:
    """Fill a label of one line: (ground, text colour)."""
    ground, ink = colors
    painter.fillRect(area, ground)
    left = round(area.left() + look.px(_ARM + 2))
    middle = area.center().y()
    if look.glyphs.covers(text):
        right = left + round(look.glyphs.width(text))
        look.glyphs.add(text, right, middle, ink.name())
        look.glyphs.draw(painter)
        return
    painter.setFont(look.font)
    painter.setPen(ink)
    painter.drawText(left, round(middle + (look.ascent - look.descent) / 2), text)


def cover_labels(painter: QPainter, tag: QRectF, marks: list[Mark], look: Look) -> None:
    """Paint over the labels of a value axis that would look out from behind a tag."""
    half = look.line / 2
    top, bottom = tag.top() - half, tag.bottom() + half
    for mark in marks:
        if top < mark.y < bottom:
            label = QRectF(tag.left(), mark.y - half, tag.width(), look.line)
            painter.fillRect(label, look.colors.back)


def cover_times(
    painter: QPainter, tag: QRectF, ticks: list[tuple[float, TimeTick]], look: Look
) -> None:
    """Paint over the labels of the time axis that would look out from behind a tag."""
    for x, tick in ticks:
        half = look.width(tick.text) * 0.55 + 1
        label = QRectF(x - half, tag.top(), 2 * half, tag.height())
        if label.intersects(tag):
            painter.fillRect(label, look.colors.back)


def tag_rect(x: int, y: float, width: float, look: Look, bounds: tuple[int, int]) -> QRectF:
    """Give a label's place beside a value, kept inside top and bottom."""
    height = look.tag_height
    top = min(max(round(y - height / 2), bounds[0]), max(bounds[0], bounds[1] - height))
    return QRectF(x, top, width, height)
