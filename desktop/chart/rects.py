"""Filled rectangles in device pixels, handed to QPainter as one array of whole numbers.

QRect with whole numbers is drawn almost twice as fast as QRectF (measured, 700 tall rectangles:
0.45 against 0.80 ms), and no edge is ever blurred.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter
from shiboken6 import Shiboken

Pixels = NDArray[np.int32]


class Rects:
    """A growing buffer laid out as Qt's QRect: left, top, right, bottom, all inclusive."""

    def __init__(self) -> None:
        self._room = np.empty((0, 4), np.int32)
        self._pointer: object = None

    def fill(self, painter: QPainter, colour: QColor, edges: tuple[Pixels, ...]) -> None:
        """Fill rectangles of left, top, right, bottom columns; the painter keeps no pen."""
        count = len(edges[0])
        if not count:
            return
        if count > len(self._room):
            self._room = np.empty((count * 2, 4), np.int32)
            self._pointer = Shiboken.wrapInstance(self._room.ctypes.data, QRect)
        for column, edge in enumerate(edges):
            self._room[:count, column] = edge
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRects(self._pointer, count)  # type: ignore[call-overload]  # an array's first


_FAR = 30_000


def pixels(values: NDArray[np.float64]) -> Pixels:
    """Give the pixel each finite coordinate falls into; what is far outside is brought near."""
    near = np.maximum(values, -_FAR)
    np.minimum(near, _FAR, out=near)
    return np.floor(near, out=near).astype(np.int32)
