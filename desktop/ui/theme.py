"""Tokens → palette, style sheet, fonts: the one place colours and sizes come from."""

import functools
import string
import tomllib
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QBrush, QColor, QFont, QFontDatabase, QPalette, QPen
from PySide6.QtWidgets import QApplication, QStyleFactory

import resources

NAMES: Final = ("dark", "light")
READABLE: Final = 4.5
"""Least contrast of text against what is behind it (WCAG AA)."""

SPACE: Final[Mapping[str, int]] = {"xs": 2, "s": 4, "m": 8, "l": 12, "xl": 20}
RADIUS: Final[Mapping[str, int]] = {"s": 3, "m": 5, "l": 8}
TEXT_PIXELS: Final[Mapping[str, float]] = {
    "small": 11,
    "body": 13,
    "title": 14,
    "large": 18,
    "huge": 26,
}
_SHEET_PIXELS: Final[Mapping[str, float]] = {
    "button": 26,
    "field": 26,
    "box": 20,
    "segment": 22,
    "tick": 14,
    "half_tick": 7,
    "tab": 28,
}
"""Heights the style sheet needs, inside borders."""
_SANS: Final = ("Inter", "Inter Variable", "SF Pro Text", "Segoe UI", "Noto Sans", "DejaVu Sans")
_MONO: Final = ("JetBrains Mono", "Cascadia Mono", "SF Mono", "Consolas", "DejaVu Sans Mono")

_GROUNDS: Final = ("window", "surface", "raised", "hover", "stripe", "selection", "selection_idle")
_TEXTS: Final = ("text", "text_dim", "accent", "buy", "sell", "up", "down", "warn", "danger")
_PAIRS: Final[Mapping[str, tuple[str, ...]]] = {
    "flash_up": ("text", "up", "down"),
    "flash_up_weak": ("text", "up", "down"),
    "flash_down": ("text", "up", "down"),
    "flash_down_weak": ("text", "up", "down"),
    "bid_bar": ("text", "text_dim", "buy"),
    "ask_bar": ("text", "text_dim", "sell"),
    "buy_fill": ("on_fill",),
    "sell_fill": ("on_fill",),
    "buy_hover": ("on_fill",),
    "sell_hover": ("on_fill",),
    "accent_fill": ("on_fill",),
    "danger_fill": ("on_fill",),
    "practice_tint": ("practice", "text"),
    "live_tint": ("live", "text"),
    "warn_tint": ("warn", "text"),
    "danger_tint": ("danger", "sell", "down", "text"),
    "info_tint": ("accent", "text"),
    "good_tint": ("buy", "up", "text"),
    "chart_back": ("chart_text", "text"),
    "chart_label": ("text",),
}


def contrast(one: QColor, other: QColor) -> float:
    """Give the contrast ratio of two opaque colours, 1 to 21, as WCAG defines it."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: QColor) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def text_pairs() -> Iterator[tuple[str, str]]:
    """Name every (text, ground) pair of roles that is drawn somewhere."""
    for ground in _GROUNDS:
        yield from ((text, ground) for text in _TEXTS)
    for ground, texts in _PAIRS.items():
        yield from ((text, ground) for text in texts)


class Theme(QObject):
    """The look in use. One lives as long as the program; `changed` follows every change of it.

    Colours are named by role (`theme.colour("buy")`); a role that does not exist is a KeyError.
    Sizes are device-independent pixels, already multiplied by the trader's text size.
    """

    changed = Signal()
    bold: ClassVar = QFont.Weight.DemiBold
    """The one heavier weight."""
    _current: ClassVar["Theme | None"] = None

    def __init__(self, name: str = "dark", scale: float = 1.0) -> None:
        super().__init__()
        self._scale = scale
        self._name = name
        self._colours: dict[str, QColor] = {}
        self._is_dark = True
        self._read(name)

    @staticmethod
    def current() -> "Theme":
        if Theme._current is None:
            Theme._current = Theme()
        return Theme._current

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_dark(self) -> bool:
        return self._is_dark

    @property
    def scale(self) -> float:
        return self._scale

    def use(self, name: str | None = None, *, scale: float | None = None) -> None:
        """Switch to another theme, another text size (1.0 is usual), or both."""
        name = name or self._name
        scale = scale or self._scale
        if (name, scale) == (self._name, self._scale):
            return
        self._read(name)
        self._name, self._scale = name, scale
        app = QApplication.instance()
        if isinstance(app, QApplication):
            self.dress(app)
        self.changed.emit()

    def _read(self, name: str) -> None:
        if name not in NAMES:
            raise ValueError(f"expected a theme of {', '.join(NAMES)}, was {name!r:.40}")
        file = tomllib.loads(resources.text(f"themes/{name}.toml"))
        self._colours = {role: QColor(value) for role, value in file["colour"].items()}
        self._is_dark = bool(file["is_dark"])

    def roles(self) -> tuple[str, ...]:
        return tuple(self._colours)

    def colour(self, role: str) -> QColor:
        return QColor(self._colours[role])

    def hex(self, role: str) -> str:
        return self._colours[role].name()

    def brush(self, role: str) -> QBrush:
        return QBrush(self._colours[role])

    def pen(self, role: str, width: float = 1.0) -> QPen:
        return QPen(self._colours[role], width)

    def blend(self, role: str, ground: str, share: float) -> QColor:
        """Mix two roles into an opaque colour; `share` is how much of the first, 0 to 1."""
        one, other = self._colours[role], self._colours[ground]
        rest = 1 - share
        return QColor.fromRgbF(
            one.redF() * share + other.redF() * rest,
            one.greenF() * share + other.greenF() * rest,
            one.blueF() * share + other.blueF() * rest,
        )

    def px(self, pixels: float) -> int:
        """Scale a length with the text size."""
        return round(pixels * self._scale)

    def space(self, size: str) -> int:
        return self.px(SPACE[size])

    def radius(self, size: str = "m") -> int:
        return self.px(RADIUS[size])

    @property
    def row_height(self) -> int:
        """The height of a table row."""
        return self.px(25)

    @property
    def control_height(self) -> int:
        """The height of a field or a button."""
        return self.px(28)

    def font(self, size: str = "body", *, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
        """Give the interface's font with figures of equal width."""
        return self._font(_SANS, QFontDatabase.SystemFont.GeneralFont, size, weight)

    def mono(self, size: str = "body") -> QFont:
        """Give the font for keys, identifiers and logs."""
        return self._font(_MONO, QFontDatabase.SystemFont.FixedFont, size, QFont.Weight.Normal)

    def _font(
        self,
        wanted: tuple[str, ...],
        fallback: QFontDatabase.SystemFont,
        size: str,
        weight: QFont.Weight,
    ) -> QFont:
        have = _families()
        family = next((each for each in wanted if each in have), None)
        font = QFont(family) if family else QFontDatabase.systemFont(fallback)
        font.setPixelSize(max(8, round(TEXT_PIXELS[size] * self._scale)))
        font.setWeight(weight)
        font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def dress(self, app: QApplication) -> None:
        """Give the whole application this look."""
        if app.style().objectName().lower() != "fusion":
            app.setStyle(QStyleFactory.create("Fusion"))
        app.setPalette(self.palette())
        app.setFont(self.font())
        app.setStyleSheet(self.style_sheet())

    def style_sheet(self, name: str = "qss/base.qss") -> str:
        """Fill a shipped style sheet with this theme's tokens."""
        tokens = {role: colour.name() for role, colour in self._colours.items()}
        tokens |= {f"space_{key}": str(self.space(key)) for key in SPACE}
        tokens |= {f"radius_{key}": str(self.radius(key)) for key in RADIUS}
        tokens |= {f"text_{key}": str(self.font(key).pixelSize()) for key in TEXT_PIXELS}
        tokens |= {key: str(self.px(pixels)) for key, pixels in _SHEET_PIXELS.items()}
        tokens["icons"] = resources.path("icons").as_posix()
        return string.Template(resources.text(name)).substitute(tokens)

    def palette(self) -> QPalette:
        palette = QPalette()
        role, group = QPalette.ColorRole, QPalette.ColorGroup
        for place, name in _PALETTE.items():
            palette.setColor(getattr(role, place), self._colours[name])
        off = self._colours["text_off"]
        for dimmed in (role.Text, role.WindowText, role.ButtonText, role.HighlightedText):
            palette.setColor(group.Disabled, dimmed, off)
        palette.setColor(group.Disabled, role.Highlight, self._colours["raised"])
        palette.setColor(group.Inactive, role.Highlight, self._colours["selection_idle"])
        return palette

    def poor_pairs(self) -> list[tuple[str, str, float]]:
        """List the pairs of text and ground that are harder to read than allowed; usually none."""
        return [
            (text, ground, ratio)
            for text, ground in text_pairs()
            if (ratio := contrast(self._colours[text], self._colours[ground])) < READABLE
        ]


TINTS: Final[Mapping[str, str]] = {
    "buy": "good_tint",
    "up": "good_tint",
    "sell": "danger_tint",
    "down": "danger_tint",
    "danger": "danger_tint",
    "warn": "warn_tint",
    "accent": "info_tint",
    "practice": "practice_tint",
    "live": "live_tint",
}
"""What a pill of a colour stands on; any other colour stands on `raised`."""

_PALETTE: Final[Mapping[str, str]] = {
    "Window": "window",
    "WindowText": "text",
    "Base": "surface",
    "AlternateBase": "stripe",
    "ToolTipBase": "raised",
    "ToolTipText": "text",
    "Text": "text",
    "PlaceholderText": "text_dim",
    "Button": "raised",
    "ButtonText": "text",
    "BrightText": "danger",
    "Highlight": "selection",
    "HighlightedText": "text",
    "Link": "accent",
    "LinkVisited": "accent",
    "Accent": "accent",
    "Light": "line_strong",
    "Midlight": "hover",
    "Mid": "line",
    "Dark": "line",
    "Shadow": "shadow",
}


@functools.cache
def _families() -> frozenset[str]:
    return frozenset(QFontDatabase.families())
