"""Numbers blitted from a picture of figures: the fastest text Qt's painter can draw.

Shaping a short number takes longer than drawing it. Here every figure is drawn once per colour and
quarter-pixel offset into one picture; a frame's numbers are then copied out of it in a single call.
All lengths are device pixels, so numbers are sharp at every scale.
"""

import ctypes
import math
import struct
from typing import Final

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPixmap
from shiboken6 import Shiboken

LETTERS: Final = "0123456789.,+−-–%₹×()/: LCKMrkls↑↓"
_KNOWN: Final = frozenset(LETTERS)
_PARTS: Final = 4
"""Offsets within a pixel, as Qt's own text drawing has."""
_MARGIN: Final = 2
"""Device pixels around a figure, for strokes that lean out of their width."""
_SLOTS: Final = 48
"""Rows of the picture: colours × weights."""
_KEPT: Final = 8_192
"""Laid out numbers kept; prices move little, so most are met again."""
Shape = list[tuple[float, bytes]]
_FRAGMENT_BYTES: Final = 80
_NO_HINT: Final = QPainter.PixmapFragmentHint(0)
_pack_place = struct.Struct("2d").pack
_pack_rest = struct.Struct("8d").pack


class Glyphs:
    """The picture of figures for one font and one device-pixel ratio."""

    def __init__(self, font: QFont, strong: QFont, ratio: float) -> None:
        self.ratio = ratio
        self._fonts = (font, strong)
        self._wide: tuple[dict[str, float], dict[str, float]] = ({}, {})
        for advances, each in zip(self._wide, self._fonts, strict=True):
            metrics = QFontMetricsF(each)
            advances |= {letter: metrics.horizontalAdvance(letter) * ratio for letter in LETTERS}
        metrics = QFontMetricsF(strong)
        self.cell_wide = math.ceil(max(max(each.values()) for each in self._wide)) + 2 * _MARGIN + 1
        self.cell_high = math.ceil(metrics.height() * ratio) + 2
        self._rise = math.ceil(metrics.ascent() * ratio)
        self._rests: dict[tuple[str, bool], dict[str, tuple[bytes, ...]]] = {}
        self._picture = QPixmap(self.cell_wide * len(LETTERS) * _PARTS, self.cell_high * _SLOTS)
        self._picture.fill(Qt.GlobalColor.transparent)
        self._out: list[bytes] = []
        self._shapes: dict[tuple[str, str, bool], Shape] = {}

    def covers(self, text: str) -> bool:
        """Tell whether every letter of a text is in the picture."""
        return _KNOWN.issuperset(text)

    def width(self, text: str, *, is_strong: bool = False) -> float:
        advances = self._wide[is_strong]
        return sum([advances[letter] for letter in text])

    def add(
        self, text: str, right: int, middle: float, colour: str, *, is_strong: bool = False
    ) -> None:
        """Take a number into the next `draw`, ending at `right`, centred on the height `middle`.

        `colour` is `#rrggbb`; every letter must be one that `covers` allows.
        """
        shape = self._shapes.get((text, colour, is_strong)) or self._shape(text, colour, is_strong)
        # The loop runs for every figure shown: two byte strings each, and nothing else.
        out = self._out
        for left, rest in shape:
            out.append(_pack_place(right + left, middle))
            out.append(rest)

    def _shape(self, text: str, colour: str, is_strong: bool) -> Shape:  # noqa: FBT001 - a key's part
        """Lay a number out once: for each figure its middle from the right edge, and its rest."""
        rests = self._rests.get((colour, is_strong)) or self._make(colour, is_strong=is_strong)
        advances = self._wide[is_strong]
        half = self.cell_wide / 2 - _MARGIN
        at = 0.0
        shape = []
        for letter in reversed(text):
            at -= advances[letter]
            whole = at // 1
            shape.append((whole + half, rests[letter][int((at - whole) * _PARTS)]))
        if len(self._shapes) >= _KEPT:
            self._shapes.clear()
        self._shapes[text, colour, is_strong] = shape
        return shape

    def draw(self, painter: QPainter) -> None:
        """Draw everything added since the last call; the painter must be in device pixels."""
        if not self._out:
            return
        fragments = bytearray().join(self._out)
        self._out.clear()
        address = ctypes.addressof(ctypes.c_char.from_buffer(fragments))
        first = Shiboken.wrapInstance(address, QPainter.PixmapFragment)
        count = len(fragments) // _FRAGMENT_BYTES
        assert isinstance(first, QPainter.PixmapFragment)
        painter.drawPixmapFragments(first, count, self._picture, _NO_HINT)

    def _make(self, colour: str, *, is_strong: bool) -> dict[str, tuple[bytes, ...]]:
        """Draw the figures in one more colour."""
        if len(self._rests) == _SLOTS:
            self._shapes.clear()
            self._rests.clear()  # a theme change too many: start the picture over
            self._picture.fill(Qt.GlobalColor.transparent)
        top = len(self._rests) * self.cell_high
        painter = QPainter(self._picture)
        painter.scale(self.ratio, self.ratio)
        painter.setFont(self._fonts[is_strong])
        painter.setPen(QColor(colour))
        rests = {}
        for place, letter in enumerate(LETTERS):
            parts = []
            for part in range(_PARTS):
                left = (place * _PARTS + part) * self.cell_wide
                base = QPointF(left + _MARGIN + (part + 0.5) / _PARTS, top + 1 + self._rise)
                painter.drawText(base / self.ratio, letter)
                parts.append(
                    _pack_rest(left, top, self.cell_wide, self.cell_high, 1.0, 1.0, 0.0, 1.0)
                )
            rests[letter] = tuple(parts)
        painter.end()
        self._rests[colour, is_strong] = rests
        return rests
