"""The price line, the day's range and the day's figures, painted where they changed."""

from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from desktop.docks.depth.model import FULL_BAR, Fact, Head, Range
from desktop.ui.theme import Theme

_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_TWO_COLUMNS: Final = 290
"""Narrower, and the figures stand in one column."""
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PriceLine(QWidget):
    """The last price, large, and the day's change behind it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._head = Head()
        self._is_dim = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        Theme.current().changed.connect(self.updateGeometry)

    def show_head(self, head: Head, *, is_dim: bool) -> None:
        if (head, is_dim) != (self._head, self._is_dim):
            self._head, self._is_dim = head, is_dim
            self.setAccessibleName(f"Last price {head.ltp} {head.change}")
            self.update()

    @property
    def head(self) -> Head:
        return self._head

    @override
    def sizeHint(self) -> QSize:
        return QSize(0, Theme.current().px(34))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.colour("surface"))
        painter.setPen(theme.colour("text_dim" if self._is_dim else self._head.role))
        painter.setFont(theme.font("huge", weight=theme.bold))
        box = self.rect()
        painter.drawText(box, _LEFT, self._head.ltp)
        box.setLeft(painter.fontMetrics().horizontalAdvance(self._head.ltp) + theme.space("l"))
        painter.setFont(theme.font())
        painter.drawText(box.adjusted(0, theme.px(5), 0, 0), _LEFT, self._head.change)


class FactsView(QWidget):
    """The range bar and pairs of title and figure, in one column or two."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: tuple[Fact, ...] = ()
        self._range = Range("–", "–", None, None)
        self._is_dim = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Day's figures")
        Theme.current().changed.connect(self.updateGeometry)

    def show_facts(self, facts: tuple[Fact, ...], day: Range, *, is_dim: bool) -> None:
        """Show these figures; what stayed the same is not drawn again."""
        before, self._facts = self._facts, facts
        titles = [fact.title for fact in facts]
        if is_dim != self._is_dim or titles != [fact.title for fact in before]:
            self._is_dim = is_dim
            self._range = day
            self.updateGeometry()
            self.update()
            return
        if day != self._range:
            self._range = day
            self.update(self._range_box())
        for place, (old, new) in enumerate(zip(before, facts, strict=True)):
            if old != new:
                self.update(self._box(place))

    @property
    def facts(self) -> tuple[Fact, ...]:
        return self._facts

    # -- geometry

    @property
    def _columns(self) -> int:
        return 2 if self.width() >= Theme.current().px(_TWO_COLUMNS) else 1

    @property
    def _high(self) -> int:
        return Theme.current().px(22)

    @override
    def heightForWidth(self, arg__1: int) -> int:
        columns = 2 if arg__1 >= Theme.current().px(_TWO_COLUMNS) else 1
        rows = -(-len(self._facts) // columns)
        return self._range_box().height() + rows * self._high + Theme.current().space("m")

    @override
    def sizeHint(self) -> QSize:
        return QSize(Theme.current().px(260), self.heightForWidth(self.width()))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(Theme.current().px(140), self.heightForWidth(self.width()))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def _range_box(self) -> QRect:
        return QRect(0, 0, self.width(), Theme.current().px(40))

    def _box(self, place: int) -> QRect:
        columns = self._columns
        row, column = divmod(place, columns)
        wide = self.width() // columns
        return QRect(column * wide, self._range_box().height() + row * self._high, wide, self._high)

    # -- painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.colour("surface"))
        region = event.region()
        if region.intersects(self._range_box()):
            self._draw_range(painter)
        for place, fact in enumerate(self._facts):
            box = self._box(place)
            if region.intersects(box):
                self._draw_fact(painter, box, fact)

    def _draw_fact(self, painter: QPainter, box: QRect, fact: Fact) -> None:
        theme = Theme.current()
        pad = theme.space("m")
        inner = box.adjusted(pad, 0, -pad, 0)
        painter.setFont(theme.font())
        painter.setPen(theme.colour("text_dim" if self._is_dim else fact.role))
        painter.drawText(inner, _RIGHT, fact.text)
        taken = painter.fontMetrics().horizontalAdvance(fact.text) + theme.space("s")
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        room = inner.adjusted(0, 0, -taken, 0)
        title = painter.fontMetrics().elidedText(
            fact.title, Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, _LEFT, title)

    def _draw_range(self, painter: QPainter) -> None:
        theme = Theme.current()
        pad = theme.space("m")
        box = self._range_box().adjusted(pad, theme.space("m"), -pad, 0)
        day = self._range
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        line = QRect(box.left(), box.top() + theme.px(10), box.width(), theme.px(18))
        painter.drawText(line, _LEFT, f"L {day.low}")
        painter.drawText(line, _RIGHT, f"{day.high} H")
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, "Day's range")
        bar = QRectF(box.left(), box.top() + theme.px(5), box.width(), theme.px(3))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.brush("line_strong"))
        painter.drawRoundedRect(bar, bar.height() / 2, bar.height() / 2)
        if day.at is None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # noqa: FBT003 - Qt's own
            return
        now = bar.left() + bar.width() * day.at / FULL_BAR
        if day.open_at is not None:
            start = bar.left() + bar.width() * day.open_at / FULL_BAR
            painter.setBrush(theme.brush("up" if now >= start else "down"))
            painter.drawRect(QRectF(min(start, now), bar.top(), abs(now - start), bar.height()))
        size = theme.px(4)
        painter.setBrush(theme.brush("text"))
        tip = QPointF(now, bar.top() - 1)
        painter.drawPolygon(
            QPolygonF([tip, tip - QPointF(size, size + 1), tip + QPointF(size, -size - 1)])
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # noqa: FBT003 - Qt's own
