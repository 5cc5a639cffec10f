"""Colours, fonts and sizes of a chart, from the theme's tokens."""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPixmap,
    QStaticText,
    QTransform,
)

from desktop.ui.glyphs import Glyphs
from desktop.ui.theme import Theme

_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartColors:
    """Every colour a chart uses. `lines` colours the indicators in turn."""

    back: QColor
    grid: QColor
    session: QColor
    """The line between two days, and around panes."""
    text: QColor
    strong: QColor
    up: QColor
    down: QColor
    up_edge: QColor
    down_edge: QColor
    volume_up: QColor
    volume_down: QColor
    last: QColor
    """The line and the tag of the last price, and charts drawn as a line."""
    area: QColor
    buy: QColor
    sell: QColor
    buy_fill: QColor
    sell_fill: QColor
    on_fill: QColor
    position: QColor
    alert: QColor
    cross: QColor
    label: QColor
    """Filled behind the crosshair's labels."""
    lines: tuple[QColor, ...]

    @staticmethod
    def of(theme: Theme) -> "ChartColors":
        """Take the chart's tokens from a theme."""
        colour = theme.colour
        area = colour("chart_last")
        area.setAlphaF(0.16)
        return ChartColors(
            back=colour("chart_back"),
            grid=colour("chart_grid"),
            session=colour("chart_session"),
            text=colour("chart_text"),
            strong=colour("text"),
            up=colour("chart_up"),
            down=colour("chart_down"),
            up_edge=colour("chart_up_edge"),
            down_edge=colour("chart_down_edge"),
            volume_up=colour("chart_volume_up"),
            volume_down=colour("chart_volume_down"),
            last=colour("chart_last"),
            area=area,
            buy=colour("chart_buy"),
            sell=colour("chart_sell"),
            buy_fill=colour("buy_fill"),
            sell_fill=colour("sell_fill"),
            on_fill=colour("on_fill"),
            position=colour("chart_position"),
            alert=colour("chart_alert"),
            cross=colour("chart_cross"),
            label=colour("chart_label"),
            lines=tuple(colour(f"chart_line_{at}") for at in range(1, _LINES + 1)),
        )


class Look:
    """Colours with fonts measured for one screen; every size is in its pixels."""

    def __init__(self, colors: ChartColors, font: QFont, ratio: float) -> None:
        self.colors = colors
        self.ratio = ratio
        self._scaled: dict[float, int] = {}
        self.font = QFont(font)
        self.font.setPixelSize(max(8, round(_pixel_size(font) * ratio)))
        self.font.setFeature(QFont.Tag("tnum"), 1)
        self.bold = QFont(self.font)
        self.bold.setWeight(QFont.Weight.DemiBold)
        metrics = QFontMetricsF(self.font)
        self.digit = metrics.horizontalAdvance("0")
        self.ascent = metrics.ascent()
        self.descent = metrics.descent()
        self.line = round(metrics.height())
        self.pixel = max(1, int(ratio))
        """The width of a thin line."""
        self._widths: dict[str, float] = {}
        self.veil = QColor(colors.back)
        """Laid behind words that stand on the plot."""
        self.veil.setAlphaF(0.72)
        self.glyphs = Glyphs(self.font, self.bold, 1.0)
        """Draws many numbers at once; the fonts are in device pixels already."""
        self._texts: dict[tuple[str, bool], QStaticText] = {}
        self._brushes: dict[tuple[int, int, bool], QBrush] = {}

    def px(self, logical: float) -> int:
        """Scale a size on the page to this screen."""
        known = self._scaled.get(logical)
        if known is None:
            known = self._scaled[logical] = round(logical * self.ratio)
        return known

    def width(self, text: str) -> float:
        """Give a text's width; digits all count the same, so texts that tick do not jitter."""
        known = self._widths.get(text)
        if known is None:
            if len(self._widths) > 4000:
                self._widths.clear()
            shape = text.translate(_DIGITS)
            known = QFontMetricsF(self.font).horizontalAdvance(shape)
            self._widths[text] = known
        return known

    def write(
        self, painter: QPainter, left: float, baseline: float, text: str, *, is_bold: bool = False
    ) -> None:
        """Write a text that will be written again, such as an axis label: twice as fast."""
        key = (text, is_bold)
        static = self._texts.get(key)
        font = self.bold if is_bold else self.font
        if static is None:
            if len(self._texts) > 1000:
                self._texts.clear()
            static = QStaticText(text)
            static.setTextFormat(Qt.TextFormat.PlainText)
            static.prepare(QTransform(), font)
            self._texts[key] = static
        painter.setFont(font)
        painter.drawStaticText(round(left), round(baseline - self.ascent), static)

    def dashes(self, colour: QColor, length: int, *, is_upright: bool = False) -> QBrush:
        """Give a brush that fills a thin line with dashes; they stay put while the line moves."""
        key = (colour.rgba(), length, is_upright)
        brush = self._brushes.get(key)
        if brush is None:
            tile = QPixmap(1, 2 * length) if is_upright else QPixmap(2 * length, 1)
            tile.fill(Qt.GlobalColor.transparent)
            painter = QPainter(tile)
            painter.fillRect(0, 0, *((1, length) if is_upright else (length, 1)), colour)
            painter.end()
            brush = self._brushes[key] = QBrush(tile)
        return brush

    @property
    def tag_height(self) -> int:
        return self.line + self.px(3)


def _pixel_size(font: QFont) -> float:
    return font.pixelSize() if font.pixelSize() > 0 else font.pointSizeF() * 96 / 72


_DIGITS = str.maketrans("123456789", "000000000")
