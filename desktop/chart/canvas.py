"""The picture on the screen: one still layer, and over it what moves with the mouse and the price.

The layer holds the grid, the bars, the indicators and the axes. It is redrawn when the range, the
scale or the size changes. A tick redraws only the live bar's strip of it; the mouse redraws
nothing of it.
"""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from desktop.chart.crosshair import Crosshair, Readout, Run
from desktop.chart.lines_item import Marks
from desktop.chart.look import ChartColors, Look
from desktop.chart.pane import Pane, Stack
from desktop.chart.pg import View


class Canvas(View):
    """A chart's surface: layout, painting and scheduling; `ChartView` puts the data in."""

    range_changed = Signal()
    """Other bars are on the screen."""

    def __init__(self, colors: ChartColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stack = Stack()
        self.marks = Marks()
        self.cross = Crosshair()
        self.readout = Readout()
        self.layer = QPixmap()
        self.look = Look(colors, self.font(), 1.0)
        self.has_ring = False
        """Whether the keys act here, and the trader came by key: shown by a frame."""
        self._is_stale = True
        self._strips: list[QRect] = []
        self._exposed: list[QRect] = []

    def readout_lines(self, pane: Pane) -> Sequence[Sequence[Run]]:
        """Give the words at the top of a pane."""
        raise NotImplementedError

    def cross_time_text(self) -> str:
        """Give the crosshair's time in words."""
        raise NotImplementedError

    @property
    def main(self) -> Pane | None:
        """The pane with the bars."""
        return self.stack.panes[0] if self.stack.panes else None

    def set_colors(self, colors: ChartColors) -> None:
        self.look = Look(colors, self.font(), self.look.ratio)
        self.refresh()

    def refresh(self) -> None:
        """Draw everything anew with the next paint."""
        self._is_stale = True
        self._strips.clear()
        self.viewport().update()

    def refresh_over(self, parts: Sequence[QRectF] | None = None) -> None:
        """Repaint what lies over the layer, in these device pixels only."""
        if parts is None:
            self.viewport().update()
            return
        back = 1 / self.look.ratio
        for part in parts:
            if not part.isEmpty():
                area = QRectF(
                    part.x() * back, part.y() * back, part.width() * back, part.height() * back
                )
                self.viewport().update(area.toAlignedRect())

    def refresh_strips(self, strips: Sequence[QRect]) -> None:
        """Redraw these parts of the layer; they lie on the plot."""
        if self._is_stale:
            return
        for strip in strips:
            part = strip & self.stack.plot
            if not part.isEmpty() and part not in self._strips:
                self._strips.append(part)
                self.refresh_over([QRectF(part)])

    @property
    def is_stale(self) -> bool:
        """Whether everything will be drawn anew anyway."""
        return self._is_stale

    def settle(self) -> None:
        """Bring layout and scales up to date; painting does it too."""
        ratio = self.devicePixelRatioF()
        if ratio != self.look.ratio:
            self.look = Look(self.look.colors, self.font(), ratio)
        size = self.viewport().size()
        self.stack.settle(
            max(1, round(size.width() * ratio)), max(1, round(size.height() * ratio)), self.look
        )

    def _draw_layer(self) -> None:
        stack = self.stack
        whole = QRect(0, 0, stack.width, stack.height)
        if self.layer.size() != QSize(stack.width, stack.height):
            self.layer = QPixmap(whole.size())
        painter = QPainter(self.layer)
        stack.paint(painter, whole, self.look)
        painter.end()

    def _draw_strips(self) -> None:
        painter = QPainter(self.layer)
        for strip in self._strips:
            self.stack.paint(painter, strip, self.look)
        painter.end()
        self._strips.clear()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        size = self.viewport().size() * ratio
        if self._is_stale or size != self.layer.size() or ratio != self.look.ratio:
            self.settle()
            self._draw_layer()
            self._is_stale = False
            self._strips.clear()
        elif self._strips:
            self._draw_strips()
        region = event.region()
        self._exposed = list(region)  # type: ignore[call-overload]  # it iterates
        super().paintEvent(event)

    @override
    def paint_under(self, painter: QPainter) -> None:
        """Paint the layer and what lies over it, in device pixels."""
        if self.look.ratio == 1:
            # Rectangle by rectangle: Qt hands a large picture under a ragged clip to its threads,
            # and waiting for those costs up to a millisecond on a busy machine.
            for part in self._exposed:
                painter.drawPixmap(part, self.layer, part)
            self.paint_over(painter)
            return
        painter.save()
        painter.scale(1 / self.look.ratio, 1 / self.look.ratio)
        painter.drawPixmap(0, 0, self.layer)
        self.paint_over(painter)
        painter.restore()

    def paint_over(self, painter: QPainter) -> None:
        """Paint lines, read-outs and crosshair; the painter is in device pixels."""
        main = self.main
        if main is None or not main.is_shown:
            return
        self.cross.paint_lines(painter, self.stack, self.look)
        self.marks.paint(painter, main, self.stack.axis_of(main), self.look)
        for pane in self.stack.shown():
            self.readout.paint(painter, pane, self.readout_lines(pane), self.look)
        self.look.glyphs.draw(painter)
        self.cross.paint_tags(painter, self.stack, self.look, self.cross_time_text())
        if self.has_ring:
            painter.setClipping(False)
            painter.setPen(QPen(self.look.colors.last, self.look.pixel))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(0, 0, self.stack.width - 1, self.stack.height - 1)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.look = Look(self.look.colors, self.font(), self.look.ratio)
            self.refresh()

    def picture(self) -> QImage:
        """Give what the chart shows as an image, the same for the same data, size and fonts."""
        image = QImage(self.size() * self.devicePixelRatioF(), QImage.Format.Format_RGB32)
        painter = QPainter(image)
        self.settle()
        self._draw_layer()
        painter.drawPixmap(0, 0, self.layer)
        self.paint_over(painter)
        painter.end()
        return image
