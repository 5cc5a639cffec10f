"""Line icons in token colours, drawn once per colour and kept."""

import functools
from typing import Final

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

import resources
from desktop.ui.theme import Theme

_SIZES: Final = (12, 16, 20, 24, 32, 48)
"""Pixel sizes drawn ahead: 16 and 24 at one, one and a quarter, one and a half and two times."""


def icon(name: str, role: str = "text_dim") -> QIcon:
    """Give an icon by its file's name, in a colour of the present theme; unknown is a KeyError."""
    theme = Theme.current()
    return _icon(name, theme.hex(role), theme.hex("text"), theme.hex("text_off"))


@functools.lru_cache(maxsize=512)
def _icon(name: str, usual: str, lit: str, off: str) -> QIcon:
    drawn = QIcon()
    for size in _SIZES:
        drawn.addPixmap(_draw(name, usual, size), QIcon.Mode.Normal)
        drawn.addPixmap(_draw(name, lit, size), QIcon.Mode.Normal, QIcon.State.On)
        drawn.addPixmap(_draw(name, off, size), QIcon.Mode.Disabled)
    return drawn


def pixmap(name: str, role: str, size: int, ratio: float = 1.0) -> QPixmap:
    """Draw an icon `size` device-independent pixels wide, for painting."""
    drawn = QPixmap(_draw(name, Theme.current().hex(role), round(size * ratio)))
    drawn.setDevicePixelRatio(ratio)
    return drawn


@functools.lru_cache(maxsize=2048)
def _draw(name: str, colour: str, pixels: int) -> QPixmap:
    svg = _source(name).replace("currentColor", colour)
    canvas = QPixmap(QSize(pixels, pixels))
    canvas.fill(Qt.GlobalColor.transparent)
    painter = QPainter(canvas)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return canvas


@functools.cache
def _source(name: str) -> str:
    try:
        return resources.text(f"icons/{name}.svg")
    except FileNotFoundError as error:
        raise KeyError(f"no icon is called {name!r}") from error


def names() -> list[str]:
    """List the icons that take a colour."""
    found = (path.stem for path in resources.path("icons").glob("*.svg"))
    return sorted(name for name in found if not name.startswith("fixed-"))


class _Follower(QObject):
    """Child of a button: dies with it, and its connection with it."""

    def __init__(self, button: QAbstractButton, name: str, role: str) -> None:
        super().__init__(button)
        self._button, self._name, self._role = button, name, role
        Theme.current().changed.connect(self.dress)
        self.dress()

    def dress(self) -> None:
        self._button.setIcon(icon(self._name, self._role))


def bind(button: QAbstractButton, name: str, role: str = "text_dim") -> None:
    """Give a button an icon that follows the theme, for as long as the button lives."""
    _Follower(button, name, role)
