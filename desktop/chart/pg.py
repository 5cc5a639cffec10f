"""The only importer of pyqtgraph: its scene view, and its arrays that QPainter reads directly."""

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsView, QWidget
from typing_extensions import override

from desktop.chart.pyramid import Floats

if TYPE_CHECKING:
    _Base = QGraphicsView  # pyqtgraph has no types
else:
    _Base = pyqtgraph.GraphicsView


class View(_Base):
    """pyqtgraph's view and scene in widget pixels, without its axes, its background and its mouse.

    What lies under the scene's items is painted by `paint_under`, all of it and opaque.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        if TYPE_CHECKING:
            super().__init__(parent)
        else:
            super().__init__(parent, useOpenGL=False, background=None)
            self.setCentralWidget(None)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheNone)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)

    def paint_under(self, painter: QPainter) -> None:
        """Paint the widget; the painter is in widget pixels, clipped to what must be repainted."""
        raise NotImplementedError

    @override
    def drawBackground(self, painter: QPainter, rect: QRectF | object) -> None:
        self.paint_under(painter)


class Lines:
    """Line segments handed to QPainter as one array."""

    def __init__(self) -> None:
        self._array = PrimitiveArray(QLineF, 4)

    def draw(self, painter: QPainter, segments: Floats) -> None:
        """Draw rows of x1, y1, x2, y2 with the painter's pen."""
        if not len(segments):
            return
        self._array.resize(len(segments))
        room: Floats = self._array.ndarray()
        np.copyto(room, segments)
        painter.drawLines(*self._array.drawargs())


def path_of(xs: Floats, ys: Floats) -> QPainterPath:
    """Give a path through the points; all must be finite."""
    path: QPainterPath = pyqtgraph.arrayToQPath(xs, ys, finiteCheck=False)
    return path
