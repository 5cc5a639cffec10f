"""A chart on the offscreen screen, and reading its picture back."""

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from typing_extensions import override

from brokers.model.market import Interval
from desktop.chart.content import Facts
from desktop.chart.look import ChartColors
from desktop.chart.series import Columns
from desktop.chart.view import ChartView
from desktop.ui.theme import Theme

FACTS = Facts(title="NIFTY", interval=Interval.M1, tick_e4=500)


def chart(
    qtbot: QtBot, columns: Columns, *, size: tuple[int, int] = (1000, 500), theme: str = "dark"
) -> ChartView:
    """Show a chart of these candles."""
    look = Theme(theme)
    view = ChartView(ChartColors.of(look))
    view.setFont(look.font("small"))
    view.resize(*size)
    view.set_series(columns, FACTS)
    qtbot.addWidget(view)
    view.show()
    settle()
    return view


def settle() -> None:
    """Let everything that was asked for be painted."""
    for _ in range(4):
        QApplication.processEvents()


def painted(view: ChartView) -> np.ndarray:
    """Give what is on the screen as 0xAARRGGBB, rows by columns."""
    settle()
    return values(view.grab().toImage())


def values(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint32)
    return flat.reshape(image.height(), image.bytesPerLine() // 4)[:, : image.width()].copy()


def is_colour(pixels: np.ndarray, *colours: QColor) -> np.ndarray:
    """Tell where a picture has exactly one of these colours."""
    mask = np.zeros(pixels.shape, bool)
    for colour in colours:
        mask |= pixels == colour.rgba()
    return mask


class Painted(QObject):
    """Counts the pixels that are repainted."""

    def __init__(self, view: ChartView) -> None:
        super().__init__(view)
        self.area = 0
        view.viewport().installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            rects = [event.region().boundingRect()] if event.region().rectCount() == 1 else []
            rects = rects or list(event.region())  # type: ignore[call-overload]  # it iterates
            self.area += sum(rect.width() * rect.height() for rect in rects)
        return False


def mouse(view: ChartView, kind: QEvent.Type, x: float, y: float, *, down: bool = True) -> None:
    """Send the left button's press, move, release or double click."""
    button = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    held = Qt.MouseButton.LeftButton if down else Qt.MouseButton.NoButton
    at = QPointF(x, y)
    event = QMouseEvent(kind, at, at, button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view.viewport(), event)


def drag(view: ChartView, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press, move in a few steps, and release."""
    mouse(view, QEvent.Type.MouseButtonPress, *start)
    for part in (0.25, 0.5, 1.0):
        x, y = (a + (b - a) * part for a, b in zip(start, end, strict=True))
        mouse(view, QEvent.Type.MouseMove, x, y)
    mouse(view, QEvent.Type.MouseButtonRelease, *end)
