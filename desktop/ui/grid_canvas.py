"""The picture a grid keeps of itself: cells are redrawn into it one by one, then it is copied."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPixmap, QTransform

from desktop.ui.columns import Column
from desktop.ui.glyphs import Glyphs
from desktop.ui.theme import TINTS, Theme

_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Slot(NamedTuple):
    """Where a column stands, in device pixels, and how its text is drawn."""

    left: int
    right: int
    is_number: bool
    is_strong: bool
    is_pill: bool


Cell = tuple[Slot, str, str, str | None]
"""(where, text, colour, ground); without a ground it stands on what its row was filled with."""


class _Words(NamedTuple):
    """A text to draw once all grounds are filled; the box is in device-independent pixels."""

    box: QRectF
    text: str
    colour: str
    slot: Slot


class Canvas:
    """Draws cells in device pixels, so that edges and figures are sharp at every scale."""

    def __init__(self) -> None:
        self._picture = QPixmap()
        self._ratio = 0.0
        self._painter: QPainter | None = None
        self._words: list[_Words] = []
        self._tints: dict[str, str] = {}
        self._raised = ""
        self._colours: dict[str, QColor] = {}
        self._glyphs: Glyphs | None = None
        self._pad = 0

    @property
    def ratio(self) -> float:
        return self._ratio

    def dress(self) -> None:
        """Forget figures and colours; the theme or the text size changed."""
        self._glyphs = None
        self._colours.clear()
        theme = Theme.current()
        self._tints = {theme.hex(role): theme.hex(tint) for role, tint in TINTS.items()}
        self._raised = theme.hex("raised")

    def fit(self, size: QSize, ratio: float) -> bool:
        """Be large enough for a viewport; tells whether everything must be drawn anew."""
        if ratio != self._ratio:
            self._ratio = ratio
            self._glyphs = None
        wanted = QSize(math.ceil(size.width() * ratio), math.ceil(size.height() * ratio))
        is_new = self._picture.size() != wanted
        if is_new:
            self._picture = QPixmap(wanted)
        if self._glyphs is None:
            theme = Theme.current()
            self._glyphs = Glyphs(theme.font(), theme.font(weight=theme.bold), ratio)
            self._pad = round(theme.space("m") * ratio)
            return True
        return is_new

    def slots(self, columns: Sequence[Column], edges: Sequence[tuple[int, int]]) -> list[Slot]:
        """Turn column edges from device-independent into device pixels."""
        return [
            Slot(
                round(left * self._ratio),
                round(right * self._ratio),
                column.is_number,
                column.is_strong,
                column.is_pill,
            )
            for column, (left, right) in zip(columns, edges, strict=True)
        ]

    def need(self, text: str, *, is_strong: bool) -> int:
        """Give the device-independent width a column needs to show a number whole."""
        glyphs = self._glyphs
        assert glyphs is not None
        if glyphs.covers(text):
            wide = glyphs.width(text, is_strong=is_strong)
        else:
            wide = self._metrics(is_strong=is_strong).horizontalAdvance(text) * self._ratio
        return math.ceil((wide + 2 * self._pad) / self._ratio) + 1

    def room(self, slot: Slot) -> float:
        """Give the device-independent width a column has for text."""
        return (slot.right - slot.left - 2 * self._pad) / self._ratio

    def elided(self, slot: Slot, text: str) -> str:
        metrics = self._metrics(is_strong=slot.is_strong)
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, self.room(slot))

    @staticmethod
    def _metrics(*, is_strong: bool) -> QFontMetricsF:
        theme = Theme.current()
        return QFontMetricsF(theme.font(weight=theme.bold) if is_strong else theme.font())

    def begin(self) -> None:
        self._painter = QPainter(self._picture)

    def clear(self, colour: str) -> None:
        self._fill(0, 0, self._picture.width(), self._picture.height(), colour)

    def row(self, top: int, bottom: int, ground: str, line: str) -> None:
        """Fill a whole row and draw the line below it."""
        wide = self._picture.width()
        self._fill(0, top, wide, bottom - top - 1, ground)
        self._fill(0, bottom - 1, wide, 1, line)

    def cells(self, top: int, bottom: int, cells: Sequence[Cell]) -> None:
        """Draw cells of one row; the line below the row stays as it is."""
        glyphs, painter = self._glyphs, self._painter
        assert glyphs is not None
        assert painter is not None
        high, pad = bottom - top - 1, self._pad
        # Figures are copied unblurred only when their edges fall on whole pixels.
        middle = (top + bottom - 1) // 2 + glyphs.cell_high % 2 / 2
        fill, colours = painter.fillRect, self._colours
        for slot, text, colour, ground in cells:
            left, right, is_number, is_strong, _ = slot
            if ground is not None:
                fill(left, top, right - left, high, colours.get(ground) or self._colour(ground))
            if is_number and glyphs.covers(text):
                glyphs.add(text, right - pad, middle, colour, is_strong=is_strong)
            elif text:
                ratio = self._ratio
                wide = (right - left - 2 * pad) / ratio
                box = QRectF((left + pad) / ratio, top / ratio, wide, high / ratio)
                self._words.append(_Words(box, text, colour, slot))

    def end(self) -> None:
        painter, glyphs = self._painter, self._glyphs
        assert painter is not None
        assert glyphs is not None
        glyphs.draw(painter)
        if self._words:
            self._write(painter)
        painter.end()
        self._painter = None

    def _write(self, painter: QPainter) -> None:
        theme = Theme.current()
        painter.scale(self._ratio, self._ratio)
        fonts = theme.font(), theme.font(weight=theme.bold)
        metrics = QFontMetricsF(fonts[0]), QFontMetricsF(fonts[1])
        for box, text, colour, slot in self._words:
            if slot.is_pill and colour != theme.hex("text_dim"):
                tint = self._tints.get(colour, self._raised)
                draw_pill(painter, box, text, self._colour(colour), self._colour(tint))
                continue
            painter.setFont(fonts[slot.is_strong])
            painter.setPen(self._colour(colour))
            if slot.is_number:
                painter.drawText(box, _RIGHT, text)
                continue
            shown = metrics[slot.is_strong].elidedText(
                text, Qt.TextElideMode.ElideRight, box.width()
            )
            painter.drawText(box, _LEFT, shown)
        self._words.clear()

    def _fill(self, left: int, top: int, wide: int, high: int, colour: str) -> None:
        assert self._painter is not None
        self._painter.fillRect(left, top, wide, high, self._colour(colour))

    def _colour(self, colour: str) -> QColor:
        made = self._colours.get(colour)
        if made is None:
            made = self._colours[colour] = QColor(colour)
        return made

    def copy_to(self, painter: QPainter) -> None:
        """Copy the picture onto a fresh painter of the viewport, device pixel by device pixel."""
        # At 125 % a widget may begin between two device pixels; copying on whole ones keeps edges.
        base = painter.deviceTransform()
        whole = QTransform.fromTranslate(round(base.dx()), round(base.dy()))
        inverse, can = base.inverted()
        painter.setWorldTransform(whole * inverse if can else QTransform())
        painter.drawPixmap(QPointF(0, 0), self._picture)
        painter.resetTransform()


def draw_pill(painter: QPainter, box: QRectF, text: str, colour: QColor, tint: QColor) -> None:
    """Draw a short word on a rounded tint at the left of a box."""
    theme = Theme.current()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(theme.font("small", weight=theme.bold))
    metrics = painter.fontMetrics()
    pad, lead = theme.px(6), theme.px(4)
    room = max(0, int(box.width()) - 2 * pad + 2 * lead)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    wide, high = metrics.horizontalAdvance(shown) + 2 * pad, metrics.height() + theme.px(2)
    shape = QRectF(box.left() - lead, box.top() + (box.height() - high) / 2, wide, high)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tint)
    painter.drawRoundedRect(shape, high / 2, high / 2)
    painter.setPen(colour)
    painter.drawText(shape, Qt.AlignmentFlag.AlignCenter, shown)
    painter.restore()
