"""Lines across the price pane: orders to drag and cancel, the position, alerts, the last price."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from brokers.model.money import E4
from brokers.model.order import Side
from desktop.chart import axes
from desktop.chart.look import Look
from desktop.chart.pane import Pane
from desktop.ui import rupees

_GRIP: Final = 5
"""How near to a line the mouse takes hold of it, on the page."""
_BELOW_WORDS: Final = 30
"""Where labels of lines above the edge begin, below the read-out."""
_CROSS: Final = "✕"
POSITION: Final = "position"
"""The key of a position's line; it cannot be moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMark:
    """A working order. `price_e4` is what the line shows: the limit, or the trigger of a stop."""

    key: str
    side: Side
    quantity: int
    price_e4: int
    text: str
    """The kind in words: `Limit`, `Stop`."""
    can_move: bool = True
    can_cancel: bool = True
    is_settled: bool = True
    """False while a request of ours is under way or its fate is unknown; drawn dimmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMark:
    """What is held: signed quantity, average price, open profit; None: not known.

    `text` says more of it, such as the product; several may be held at once.
    """

    quantity: int
    average_e4: int
    profit_paise: int | None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMark:
    """A price someone asked to see or to be told of."""

    key: str
    price_e4: int
    text: str
    can_move: bool = True


@dataclass(frozen=True, slots=True)
class LastPrice:
    """The newest price and what is written under it, such as the time to the bar's end."""

    price_e4: int
    is_up: bool
    countdown: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """What lies under the mouse: the line's key, and whether on its cross."""

    key: str
    is_cross: bool
    can_move: bool


_Run = tuple[str, QColor, QColor | None]
"""A text, its ink, and what is filled behind it."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A label on the plot and the line it belongs to."""

    key: str
    price_e4: int
    colour: QColor
    runs: tuple[_Run, ...]
    can_move: bool
    is_dashed: bool
    has_cross: bool = False


class Marks:
    """All lines of one chart. Prices are integers; dragging snaps to the tick."""

    def __init__(self) -> None:
        self.decimals = 2
        self.orders: Sequence[OrderMark] = ()
        self.positions: Sequence[PositionMark] = ()
        self.alerts: Sequence[PriceMark] = ()
        self.last: LastPrice | None = None
        self._dragged: tuple[str, int] | None = None
        self._asked: dict[str, int] = {}
        """Where orders were dragged to, until the account says where they are."""
        self._places: list[tuple[_Box, QRectF, QRectF]] = []

    def set_orders(self, orders: Sequence[OrderMark]) -> None:
        """Take the working orders; one dragged and still on its way stays where it was put."""
        self.orders = tuple(orders)
        unsettled = {mark.key for mark in self.orders if not mark.is_settled}
        self._asked = {key: at for key, at in self._asked.items() if key in unsettled}

    def drag(self, key: str, price_e4: int) -> None:
        """Show a line at another price while it is held."""
        self._dragged = (key, price_e4)

    @property
    def dragged(self) -> tuple[str, int] | None:
        return self._dragged

    def drop(self, *, is_kept: bool) -> None:
        """Let go; a kept line waits at its new price for the account to confirm or deny."""
        if self._dragged is not None and is_kept:
            self._asked[self._dragged[0]] = self._dragged[1]
        self._dragged = None

    def hit(self, at: QPointF, pane: Pane, look: Look) -> Hit | None:
        """Find the line under the mouse; labels win over lines, later ones over earlier."""
        for box, area, cross in reversed(self._places):
            if area.contains(at):
                return Hit(box.key, box.has_cross and cross.contains(at), box.can_move)
        for box, _, _ in reversed(self._places):
            y = pane.scale.y(box.price_e4 / E4)
            if box.can_move and abs(y - at.y()) <= look.px(_GRIP) and at.x() < pane.area.right():
                return Hit(box.key, is_cross=False, can_move=True)
        return None

    def price_of(self, key: str) -> int | None:
        """Give where a line stands before it is dragged."""
        prices = {mark.key: mark.price_e4 for mark in self.orders}
        prices |= {mark.key: mark.price_e4 for mark in self.alerts}
        return prices.get(key)

    def paint(self, painter: QPainter, pane: Pane, axis: QRect, look: Look) -> None:
        """Draw everything over the price pane and its axis."""
        boxes = [*self._alert_boxes(look), *self._position_boxes(look), *self._order_boxes(look)]
        boxes = [_pointing(box, pane, look) for box in boxes]
        self._places = self._placed(boxes, pane, look)
        for box, _, _ in self._places:
            if _is_seen(box, pane):
                self._line(painter, pane, box, look)
        if self.last is not None:
            self._last_line(painter, pane, look)
        for box, area, cross in self._places:
            self._label(painter, box, area, cross, look)
        for box, _, _ in self._places:
            self._tag(painter, pane, axis, box, look)
        if self.last is not None:
            self._last_tag(painter, pane, axis, look)

    def _order_boxes(self, look: Look) -> list[_Box]:
        return [self._order_box(mark, look) for mark in self.orders]

    def _order_box(self, mark: OrderMark, look: Look) -> _Box:
        colors = look.colors
        is_buy = mark.side is Side.BUY
        colour, fill = (colors.buy, colors.buy_fill) if is_buy else (colors.sell, colors.sell_fill)
        price, text, settled = mark.price_e4, mark.text, mark.is_settled
        if self._dragged is not None and self._dragged[0] == mark.key:
            price = self._dragged[1]
            change = rupees.signed_price(price - mark.price_e4, self.decimals)
            text = f"{mark.text} → {rupees.price(price, self.decimals)} ({change})"
        elif mark.key in self._asked:
            price, settled = self._asked[mark.key], False
            text = f"{mark.text} → {rupees.price(price, self.decimals)} …"
        runs: tuple[_Run, ...] = (
            (f"{'Buy' if is_buy else 'Sell'} {rupees.group(mark.quantity)}", colors.on_fill, fill),
            (text, colors.strong if settled else colors.text, None),
        )
        if mark.can_cancel:
            runs = (*runs, (_CROSS, colors.text, None))
        return _Box(
            mark.key, price, colour, runs, mark.can_move, is_dashed=True, has_cross=mark.can_cancel
        )

    def _position_boxes(self, look: Look) -> list[_Box]:
        return [self._position_box(held, look) for held in self.positions if held.quantity]

    def _position_box(self, held: PositionMark, look: Look) -> _Box:
        colors = look.colors
        quantity = rupees.signed(held.quantity)
        price = rupees.price(held.average_e4, self.decimals)
        runs: list[_Run] = [(f"{quantity} @ {price}", colors.strong, None)]
        if held.text:
            runs.append((held.text, colors.text, None))
        if held.profit_paise is not None:
            ink = colors.up_edge if held.profit_paise >= 0 else colors.down_edge
            runs.append((rupees.signed_paise(held.profit_paise, symbol=True), ink, None))
        return _Box(
            POSITION, held.average_e4, colors.position, tuple(runs), can_move=False, is_dashed=False
        )

    def _alert_boxes(self, look: Look) -> list[_Box]:
        boxes = []
        for mark in self.alerts:
            price = mark.price_e4
            if self._dragged is not None and self._dragged[0] == mark.key:
                price = self._dragged[1]
            runs = ((mark.text, look.colors.alert, None),)
            boxes.append(
                _Box(mark.key, price, look.colors.alert, runs, mark.can_move, is_dashed=True)
            )
        return boxes

    def _placed(
        self, boxes: list[_Box], pane: Pane, look: Look
    ) -> list[tuple[_Box, QRectF, QRectF]]:
        """Put each label at the right; where two would cover each other, further left."""
        places: list[tuple[_Box, QRectF, QRectF]] = []
        height = look.tag_height + look.px(1)
        for box in boxes:
            widths = [look.width(text) + look.px(10) for text, _, _ in box.runs]
            top = round(pane.scale.y(box.price_e4 / E4)) - height // 2
            if not _is_seen(box, pane):
                edges = pane.area.top() + look.px(_BELOW_WORDS), pane.area.bottom() - height
                top = edges[0] if top < edges[0] else edges[1]
            right = float(pane.area.right() - look.px(10))
            others = [area for _, area, _ in places if abs(area.top() - top) < height]
            if others:
                right = min(area.left() for area in others) - look.px(6)
            area = QRectF(right - sum(widths), top, sum(widths), height)
            cross = QRectF(area.right() - widths[-1], top, widths[-1], height)
            places.append((box, area, cross))
        return places

    def _line(self, painter: QPainter, pane: Pane, box: _Box, look: Look) -> None:
        row = QRect(0, round(pane.scale.y(box.price_e4 / E4)), pane.area.width(), look.pixel)
        if box.is_dashed:
            painter.fillRect(row, look.dashes(box.colour, look.px(4)))
        else:
            painter.fillRect(row, box.colour)

    def _last_line(self, painter: QPainter, pane: Pane, look: Look) -> None:
        assert self.last is not None
        row = QRect(0, round(pane.scale.y(self.last.price_e4 / E4)), pane.area.width(), look.pixel)
        colour = look.colors.up if self.last.is_up else look.colors.down
        painter.fillRect(row, look.dashes(colour, look.pixel))

    def _label(self, painter: QPainter, box: _Box, area: QRectF, cross: QRectF, look: Look) -> None:
        painter.setBrush(look.colors.back)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRect(area)
        left = area.left()
        painter.setFont(look.font)
        baseline = round(area.center().y() + (look.ascent - look.descent) / 2)
        for text, ink, ground in box.runs:
            width = look.width(text) + look.px(10)
            if ground is not None:
                painter.fillRect(QRectF(left, area.top(), width, area.height()), ground)
            painter.setPen(ink)
            painter.drawText(round(left + look.px(5)), baseline, text)
            left += width
        painter.setPen(QPen(box.colour, look.pixel))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0, 0, -1, -1))
        if box.has_cross:
            x = round(cross.left())
            painter.drawLine(x, round(area.top()), x, round(area.bottom()) - 1)

    def _tag(self, painter: QPainter, pane: Pane, axis: QRect, box: _Box, look: Look) -> None:
        text = rupees.price(box.price_e4, self.decimals)
        y = pane.scale.y(box.price_e4 / E4)
        if not pane.area.top() <= y <= pane.area.bottom():
            return
        bounds = (pane.area.top(), pane.area.bottom() + 1)
        area = axes.tag_rect(axis.left() + look.pixel, y, axis.width() - look.px(3), look, bounds)
        axes.cover_labels(painter, area, pane.marks, look)
        axes.paint_tag(painter, area, text, (look.colors.back, box.colour), look)
        painter.setPen(QPen(box.colour, look.pixel))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0, 0, -1, -1))

    def _last_tag(self, painter: QPainter, pane: Pane, axis: QRect, look: Look) -> None:
        assert self.last is not None
        colors = look.colors
        fill = colors.buy_fill if self.last.is_up else colors.sell_fill
        y = pane.scale.y(self.last.price_e4 / E4)
        area = self.last_area(pane, axis, look)
        if not pane.area.top() <= y <= pane.area.bottom():
            return
        first = QRectF(area.left(), area.top(), area.width(), look.tag_height)
        axes.cover_labels(painter, area, pane.marks, look)
        painter.fillRect(area, fill)
        text = pane.text(self.last.price_e4 / E4)
        axes.paint_tag(painter, first, text, (fill, colors.on_fill), look)
        if self.last.countdown:
            second = first.translated(0, look.tag_height - look.px(2))
            axes.paint_tag(painter, second, self.last.countdown, (fill, colors.on_fill), look)

    def last_area(self, pane: Pane, axis: QRect, look: Look) -> QRectF:
        """Give where the last price's tag is, or would be."""
        if self.last is None:
            return QRectF()
        y = pane.scale.y(self.last.price_e4 / E4)
        bounds = (pane.area.top(), pane.area.bottom() + 1)
        area = axes.tag_rect(axis.left() + look.pixel, y, axis.width() - look.px(3), look, bounds)
        if self.last.countdown:
            area.setHeight(area.height() + look.tag_height - look.px(2))
        return area

    def last_parts(self, pane: Pane, axis: QRect, look: Look) -> list[QRectF]:
        """Give what must be repainted when the last price moves away from here."""
        if self.last is None:
            return []
        y = round(pane.scale.y(self.last.price_e4 / E4))
        return [
            QRectF(0, y, pane.area.width(), look.pixel),
            self.last_area(pane, axis, look).adjusted(-1, -look.line, 1, look.line),
        ]

    def position_parts(self) -> list[QRectF]:
        """Give the places of positions' labels, for when only their profits change."""
        return [area.adjusted(-1, -1, 1, 1) for box, area, _ in self._places if box.key == POSITION]

    def with_countdown(self, text: str) -> None:
        """Change what stands under the last price."""
        if self.last is not None:
            self.last = replace(self.last, countdown=text)


def _is_seen(box: _Box, pane: Pane) -> bool:
    return pane.area.top() <= pane.scale.y(box.price_e4 / E4) <= pane.area.bottom()


def _pointing(box: _Box, pane: Pane, look: Look) -> _Box:
    """Give a line beyond the edge an arrow and its price: its label waits at that edge."""
    if _is_seen(box, pane):
        return box
    is_above = pane.scale.y(box.price_e4 / E4) < pane.area.top()
    words = f"{'↑' if is_above else '↓'} {rupees.price(box.price_e4)}"
    return replace(box, runs=((words, look.colors.text, None), *box.runs), can_move=False)
