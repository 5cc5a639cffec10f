"""The order book as one painted surface: only prices that changed are drawn again."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from brokers.model.order import Side
from desktop.docks.depth.model import BLANK, FULL_BAR, LEAST_LEVELS, Book, LevelText
from desktop.ui.theme import Theme

_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_STEPS: Final = {Qt.Key.Key_Up.value: -1, Qt.Key.Key_Down.value: 1}
_LEAST_LETTERS: Final = (6, 5, 2)
"""Of price, quantity and orders: less is not worth a narrower column."""
_BY_KEYBOARD: Final = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
_EMPTY: Final = Book(
    (BLANK,) * LEAST_LEVELS, (BLANK,) * LEAST_LEVELS, total_bid="–", total_ask="–", bid_share=None
)


class Spot(NamedTuple):
    """A level of the book: which side it stands on, and how far from the best."""

    side: Side
    at: int


class Ladder(QWidget):
    """Bids at the left, offers at the right, the best on top, a bar behind each quantity."""

    picked = Signal(object, int)
    """(side of the order to write, price): a click on an offer buys, on a bid sells; with Shift
    the order joins that side instead."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = _EMPTY
        self._is_dim = False
        self._hovered: Spot | None = None
        self._cursor: Spot | None = None
        self._letters = (0, 0, 0)
        self._needs = (0, 0, 0)
        self._measure()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Order book")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        Theme.current().changed.connect(self._on_theme)

    def _on_theme(self) -> None:
        self._letters = (0, 0, 0)
        self._measure()
        self.updateGeometry()

    # -- what is shown

    def show_book(self, book: Book, *, is_dim: bool) -> None:
        """Show a book; what stayed the same is not drawn again."""
        before, self._book = self._book, book
        if self._measure() or len(book.bids) != len(before.bids) or is_dim != self._is_dim:
            self._is_dim = is_dim
            if len(book.bids) != len(before.bids):
                self._cursor = None
            self.updateGeometry()
            self.update()
            return
        for spot in self._spots():
            if self._text(spot, book) != self._text(spot, before):
                self.update(self._box(spot))
        totals = (book.total_bid, book.total_ask, book.bid_share)
        if totals != (before.total_bid, before.total_ask, before.bid_share):
            self.update(self._foot())

    @property
    def book(self) -> Book:
        return self._book

    def _measure(self) -> bool:
        """Give each column what its longest figure needs; tells whether columns have moved."""
        levels = self._book.bids + self._book.asks
        now = (
            max(len(level.price) for level in levels),
            max(len(level.quantity) for level in levels),
            max(len(level.orders) for level in levels),
        )
        # Columns only grow while one instrument is shown: they must not dance with its figures.
        is_same = self._letters[0] and now[0] in (0, self._letters[0])
        kept = self._letters if is_same else _LEAST_LETTERS
        letters = (max(now[0], kept[0]), max(now[1], kept[1]), max(now[2], kept[2]))
        if letters == self._letters:
            return False
        theme = Theme.current()
        metrics = QFontMetrics(theme.font())
        gap = theme.space("m")
        price, quantity, orders = (metrics.horizontalAdvance("0" * count) for count in letters)
        before, self._letters = self._needs, letters
        self._needs = (price + gap, quantity + gap, orders)
        return self._needs != before

    def _spots(self) -> Iterator[Spot]:
        for side in Side:
            yield from (Spot(side, at) for at in range(len(self._book.bids)))

    @staticmethod
    def _text(spot: Spot, book: Book) -> LevelText:
        return (book.bids if spot.side is Side.BUY else book.asks)[spot.at]

    # -- geometry

    @override
    def sizeHint(self) -> QSize:
        theme = Theme.current()
        rows = len(self._book.bids) + 1
        return QSize(theme.px(300), rows * self._high + self._foot_high)

    @override
    def minimumSizeHint(self) -> QSize:
        price, quantity, _ = self._needs
        least = 2 * (price + quantity) + 4 * Theme.current().space("m")
        return QSize(least, self.sizeHint().height())

    @property
    def _high(self) -> int:
        return Theme.current().px(23)

    @property
    def _foot_high(self) -> int:
        return Theme.current().px(38)

    def _box(self, spot: Spot) -> QRect:
        half, high = self.width() // 2, self._high
        top = (spot.at + 1) * high
        if spot.side is Side.BUY:
            return QRect(0, top, half, high)
        return QRect(half, top, self.width() - half, high)

    def _foot(self) -> QRect:
        top = (len(self._book.bids) + 1) * self._high
        return QRect(0, top, self.width(), self.height() - top)

    def spot_at(self, at: QPoint) -> Spot | None:
        """Give the level at a point, if a price stands there."""
        spots = (spot for spot in self._spots() if self._box(spot).contains(at))
        spot = next(spots, None)
        return spot if spot and self._text(spot, self._book).price_e4 is not None else None

    def spot_middle(self, side: Side, at: int) -> QPoint:
        """Give the middle of a level, for tests and menus."""
        return self._box(Spot(side, at)).center()

    # -- mouse and keyboard

    def _pick(self, spot: Spot, *, joins: bool) -> None:
        price_e4 = self._text(spot, self._book).price_e4
        if price_e4 is not None:
            self.picked.emit(_order_side(spot.side, joins=joins), price_e4)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        spot = self.spot_at(event.position().toPoint())
        if spot is not None and event.button() == Qt.MouseButton.LeftButton:
            shift = Qt.KeyboardModifier.ShiftModifier
            self._pick(spot, joins=bool(event.modifiers() & shift))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.spot_at(event.position().toPoint()))

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def _hover(self, spot: Spot | None) -> None:
        before, self._hovered = self._hovered, spot
        if spot == before:
            return
        for each in (before, spot):
            if each is not None:
                self.update(self._box(each))
        self.setCursor(
            Qt.CursorShape.ArrowCursor if spot is None else Qt.CursorShape.PointingHandCursor
        )

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        cursor = self._cursor or Spot(Side.SELL, 0)
        if key in _STEPS:
            last = len(self._book.bids) - 1
            self._walk(Spot(cursor.side, max(0, min(last, cursor.at + _STEPS[key]))))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            side = Side.BUY if key == Qt.Key.Key_Left else Side.SELL
            self._walk(Spot(side, cursor.at))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cursor is not None:
            shift = Qt.KeyboardModifier.ShiftModifier
            self._pick(self._cursor, joins=bool(event.modifiers() & shift))
        else:
            super().keyPressEvent(event)

    def _walk(self, spot: Spot) -> None:
        before, self._cursor = self._cursor, spot
        for each in (before, spot):
            if each is not None:
                self.update(self._box(each))
        self.setAccessibleDescription(self.spot_words(spot, joins=False))

    def spot_words(self, spot: Spot, *, joins: bool) -> str:
        """Say what picking a level does."""
        text = self._text(spot, self._book)
        if text.price_e4 is None:
            return ""
        side = _order_side(spot.side, joins=joins)
        return f"{side.value.capitalize()} at {text.price}"

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            spot = self.spot_at(event.pos())
            if spot is None:
                QToolTip.hideText()
            else:
                usual = self.spot_words(spot, joins=False)
                other = self.spot_words(spot, joins=True)
                words = f"Click: {usual}\nShift + click: {other}"
                QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._cursor is None and event.reason() in _BY_KEYBOARD:
            self._walk(Spot(Side.SELL, 0))
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    # -- painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.colour("surface"))
        region = event.region()
        if region.intersects(QRect(0, 0, self.width(), self._high)):
            self._draw_titles(painter)
        painter.setFont(theme.font())
        for spot in self._spots():
            box = self._box(spot)
            if region.intersects(box):
                self._draw_level(painter, spot, box)
        if region.intersects(self._foot()):
            self._draw_totals(painter, self._foot())

    def _columns(self, box: QRect, side: Side) -> tuple[QRect, QRect, QRect]:
        """Give the places of price, quantity and orders; prices stand in the middle."""
        pad = Theme.current().space("m")
        inner = box.adjusted(pad, 0, -pad, 0)
        price, quantity, orders = self._needs
        spare = inner.width() - price - quantity - orders
        if spare < 0:  # the number of orders is missed least
            orders, spare = 0, max(0, spare + orders)
        # The least of what is left goes to the price, so that it stays by the middle.
        price, quantity = price + spare // 6, quantity + spare // 2
        quantity = min(quantity, inner.width() - price)
        orders = inner.width() - price - quantity if orders else 0
        if side is Side.BUY:
            lefts = (inner.left() + orders + quantity, inner.left() + orders, inner.left())
        else:
            lefts = (inner.left(), inner.left() + price, inner.left() + price + quantity)
        sizes = (price, quantity, orders)
        places = [
            QRect(left, box.top(), size, box.height())
            for left, size in zip(lefts, sizes, strict=True)
        ]
        return places[0], places[1], places[2]

    def _draw_titles(self, painter: QPainter) -> None:
        theme = Theme.current()
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        for side, name in ((Side.BUY, "Bid"), (Side.SELL, "Offer")):
            box = self._box(Spot(side, -1))
            price, quantity, orders = self._columns(box, side)
            inner, outer = (_RIGHT, _LEFT) if side is Side.BUY else (_LEFT, _RIGHT)
            painter.drawText(price, inner, name)
            painter.drawText(quantity, _RIGHT, "Qty")
            if orders.width():
                painter.drawText(orders, outer, "Orders" if orders.width() > theme.px(38) else "#")

    def _draw_level(self, painter: QPainter, spot: Spot, box: QRect) -> None:
        theme = Theme.current()
        text = self._text(spot, self._book)
        is_bid = spot.side is Side.BUY
        wide = box.width() * text.bar // FULL_BAR
        if spot == self._hovered:
            painter.fillRect(box, theme.colour("hover"))
        if wide:
            # Bars grow outward from the middle, so that the two sides weigh against each other.
            bar = QRect(box.right() - wide + 1 if is_bid else box.left(), box.top() + 1, wide, 0)
            bar.setHeight(box.height() - 2)
            painter.fillRect(bar, theme.colour("bid_bar" if is_bid else "ask_bar"))
        price, quantity, orders = self._columns(box, spot.side)
        dim = self._is_dim
        painter.setPen(theme.colour("text_dim" if dim else "buy" if is_bid else "sell"))
        painter.drawText(price, _RIGHT if is_bid else _LEFT, text.price)
        painter.setPen(theme.colour("text_dim" if dim else "text"))
        painter.drawText(quantity, _RIGHT, text.quantity)
        painter.setPen(theme.colour("text_dim"))
        if orders.width():
            painter.drawText(orders, _LEFT if is_bid else _RIGHT, text.orders)
        if spot == self._cursor and self.hasFocus():
            painter.setPen(theme.pen("focus"))
            painter.drawRect(box.adjusted(0, 0, -1, -1))

    def _draw_totals(self, painter: QPainter, box: QRect) -> None:
        theme = Theme.current()
        pad, book = theme.space("m"), self._book
        painter.fillRect(QRect(0, box.top(), box.width(), 1), theme.colour("line"))
        line = box.adjusted(pad, theme.space("s"), -pad, 0)
        line.setHeight(theme.px(20))
        painter.setFont(theme.font(weight=theme.bold))
        painter.setPen(theme.colour("text_dim" if self._is_dim else "buy"))
        painter.drawText(line, _LEFT, book.total_bid)
        painter.setPen(theme.colour("text_dim" if self._is_dim else "sell"))
        painter.drawText(line, _RIGHT, book.total_ask)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        share = book.bid_share
        said = "Total quantity" if share is None else f"{(share + 5) // 10}% buyers"
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, said)
        bar = QRect(pad, line.bottom() + theme.px(3), box.width() - 2 * pad, theme.px(4))
        painter.fillRect(bar, theme.colour("ask_bar" if share is not None else "raised"))
        if share is not None:
            painter.fillRect(bar, theme.colour("sell_fill"))
            bar.setWidth(bar.width() * share // FULL_BAR)
            painter.fillRect(bar, theme.colour("buy_fill"))


def _order_side(book_side: Side, *, joins: bool) -> Side:
    """Give the side of the order that a level asks for: against it, or in line with it."""
    return book_side if joins else book_side.opposite
