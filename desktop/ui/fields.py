"""Price and quantity boxes: they step by tick and lot, and say in words what is wrong."""

import re
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QLineEdit, QWidget
from typing_extensions import override

from brokers.model.money import ceil_to_tick, floor_to_tick, is_on_tick
from desktop.ui import rupees
from desktop.ui.theme import Theme

_NOTCH: Final = 120
_STEPS: Final = {
    Qt.Key.Key_Up.value: 1,
    Qt.Key.Key_Down.value: -1,
    Qt.Key.Key_PageUp.value: 10,
    Qt.Key.Key_PageDown.value: -10,
}
_ENTERS: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_MOST_E4: Final = 10_000_000 * 10_000
_MOST_QTY: Final = 10_000_000
_LOTS: Final = re.compile(r"(\d{1,7})\s*(?:x|lots?)\Z", re.ASCII | re.IGNORECASE)
_LAKH_OR_LOTS: Final = re.compile(r"[\d.,\s]+l\Z", re.ASCII | re.IGNORECASE)


class _Arrows(QWidget):
    """The two small arrows at the right of a field."""

    stepped = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._lit = 0
        self.setMouseTracking(True)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.stepped.emit(self._half(event))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._light(self._half(event))

    @override
    def leaveEvent(self, event: object) -> None:
        self._light(0)

    def _half(self, event: QMouseEvent) -> int:
        return 1 if event.position().y() < self.height() / 2 else -1

    def _light(self, half: int) -> None:
        if half != self._lit:
            self._lit = half
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = QPointF(self.width() / 2, self.height() / 2)
        size = theme.px(3)
        for half in (1, -1):
            role = "text_off" if not self.isEnabled() else "text_dim"
            painter.setBrush(theme.brush("text" if self._lit == half else role))
            base = middle - QPointF(0, half * theme.px(3))
            tip = base - QPointF(0, half * size)
            painter.drawPolygon(QPolygonF([base - QPointF(size, 0), base + QPointF(size, 0), tip]))


class NumberField(QLineEdit):
    """A box for one number. Subclasses read, write and step it."""

    changed = Signal()
    """The value or the problem is another one now."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._value: int | None = None
        self._problem = self._missing = f"{name}: nothing typed"
        self._is_touched = False
        self._turned = 0
        self._suffix = ""
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._arrows = _Arrows(self)
        self._arrows.stepped.connect(self._on_arrow)
        self.textEdited.connect(self._on_edited)
        self._lay_out()
        Theme.current().changed.connect(self._lay_out)

    def read(self, text: str) -> int:
        """Read what was typed; a ValueError's message is shown."""
        raise NotImplementedError

    def write(self, value: int) -> str:
        raise NotImplementedError

    def stepped(self, value: int | None, steps: int) -> int:
        """Give the value so many steps away, on the grid of steps."""
        raise NotImplementedError

    def suffix(self) -> str:
        """Say what stands behind the number, in small dim letters."""
        return ""

    @property
    def value(self) -> int | None:
        """The number, or None while `problem` says what is wrong."""
        return self._value

    @property
    def problem(self) -> str:
        """What is wrong, fit to show; empty when the number is good."""
        return self._problem

    def set_value(self, value: int | None) -> None:
        """Put a number in, or empty the box; it counts as untouched."""
        self._is_touched = False
        self.setText("" if value is None else self.write(value))
        self._judge()

    def step(self, steps: int) -> None:
        """Go up or down, as the arrow keys do."""
        if self.isReadOnly() or not self.isEnabled():
            return
        try:
            start = self.read(self.text()) if self.text().strip() else None
        except ValueError:
            start = self._value
        self.setText(self.write(self.stepped(start, steps)))
        self._is_touched = True
        self.selectAll()
        self._judge()

    def require(self) -> int | None:
        """Give the value; a problem is shown from now on even if nothing was typed yet."""
        self._is_touched = True
        self._show_problem()
        return self._value

    def rejudge(self) -> None:
        """Look at the text again, after the limits changed."""
        self._judge()

    def _judge(self) -> None:
        before = self._value, self._problem
        self._value, self._problem = None, ""
        text = self.text().strip()
        if not text:
            self._problem = self._missing
        else:
            try:
                self._value = self.read(text)
                self._problem = self.wrong(self._value)
            except ValueError as error:
                self._problem = f"{self._name}: {error}"
            if self._problem:
                self._value = None
        suffix = self.suffix()
        if suffix != self._suffix:
            self._suffix = suffix
            self._lay_out()
        self._show_problem()
        if (self._value, self._problem) != before:
            self.changed.emit()

    def wrong(self, value: int) -> str:
        """Say what is wrong with a number that could be read; empty when nothing is."""
        raise NotImplementedError

    def _show_problem(self) -> None:
        is_wrong = bool(self._problem) and self._is_touched and self.isEnabled()
        self.setToolTip(self._problem if is_wrong else "")
        self.setAccessibleDescription(self._problem if is_wrong else "")
        if bool(self.property("wrong")) != is_wrong:
            self.setProperty("wrong", is_wrong)
            self.style().unpolish(self)
            self.style().polish(self)

    def _on_edited(self) -> None:
        self._is_touched = True
        self._judge()

    def _on_arrow(self, steps: int) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.step(steps)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat() and event.key() in _ENTERS:
            return  # a held key is one press: its repeats would outlast every pause
        steps = _STEPS.get(event.key())
        if steps is None:
            super().keyPressEvent(event)
            return
        is_shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.step(steps * 10 if is_shifted else steps)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.hasFocus():
            event.ignore()  # the form scrolls; a passing wheel must never change an order
            return
        self._turned += event.angleDelta().y()
        notches = int(self._turned / _NOTCH)
        self._turned -= notches * _NOTCH
        if notches:
            self.step(notches)
        event.accept()

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.selectAll()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        was_focused = self.hasFocus()
        super().mousePressEvent(event)
        if not was_focused:
            self.selectAll()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._turned = 0
        if self._value is not None:
            self.setText(self.write(self._value))

    def _lay_out(self) -> None:
        theme = Theme.current()
        room = theme.px(14)
        if self._suffix:
            small = QFontMetrics(theme.font("small"))
            room += small.horizontalAdvance(self._suffix) + theme.px(8)
        self.setTextMargins(0, 0, room, 0)
        self._arrows.setGeometry(self.width() - theme.px(18), 1, theme.px(16), self.height() - 2)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._suffix:
            return
        theme = Theme.current()
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        off = not self.isEnabled()
        painter.setPen(theme.colour("text_off" if off else "text_dim"))
        right = self.width() - theme.px(20)
        box = QRect(0, 0, right, self.height())
        painter.drawText(
            QRectF(box), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._suffix
        )


class PriceField(NumberField):
    """A price in 1/10,000 rupee, on its instrument's tick."""

    def __init__(self, name: str = "Price", parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._tick_e4 = 500
        self._decimals = 2
        self._lower_e4: int | None = None
        self._upper_e4: int | None = None

    @property
    def value_e4(self) -> int | None:
        return self.value

    def set_tick(self, tick_e4: int, decimals: int | None = None) -> None:
        """Take over an instrument's tick; the text stays and is judged again."""
        if tick_e4 <= 0:
            raise ValueError(f"expected a tick above zero, was {tick_e4}")
        self._tick_e4 = tick_e4
        self._decimals = decimals if decimals is not None else 2 if tick_e4 % 100 == 0 else 4
        self.rejudge()

    def set_band(self, lower_e4: int | None, upper_e4: int | None) -> None:
        """Take over the day's lowest and highest allowed price; None is no limit."""
        self._lower_e4, self._upper_e4 = lower_e4, upper_e4
        self.rejudge()

    @override
    def read(self, text: str) -> int:
        return rupees.read_price_e4(text)

    @override
    def write(self, value: int) -> str:
        return rupees.price(value, self._decimals)

    @override
    def wrong(self, value: int) -> str:
        if value <= 0 or value > _MOST_E4:
            return f"{self._name}: expected a price above zero"
        if not is_on_tick(value, self._tick_e4):
            low, high = floor_to_tick(value, self._tick_e4), ceil_to_tick(value, self._tick_e4)
            tick = self.write(self._tick_e4)
            return (
                f"{self._name}: steps are {tick}; nearest {self.write(low)} or {self.write(high)}"
            )
        if self._lower_e4 is not None and value < self._lower_e4:
            return f"{self._name}: below the lower circuit {self.write(self._lower_e4)}"
        if self._upper_e4 is not None and value > self._upper_e4:
            return f"{self._name}: above the upper circuit {self.write(self._upper_e4)}"
        return ""

    @override
    def stepped(self, value: int | None, steps: int) -> int:
        tick = self._tick_e4
        if value is None:
            return self._lower_e4 or tick
        # Off the grid, the first step goes to the next price on it.
        base = floor_to_tick(value, tick) if steps > 0 else ceil_to_tick(value, tick)
        return max(tick, min(base + steps * tick, floor_to_tick(_MOST_E4, tick)))


class QuantityField(NumberField):
    """A quantity in steps of the lot. Typed lots are understood: `2x`, `2 lots`."""

    def __init__(self, name: str = "Quantity", parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._lot_size = 1
        self._most: int | None = None

    def set_lot(self, lot_size: int, most: int | None = None) -> None:
        """Take over an instrument's lot and its largest order; None is no limit."""
        if lot_size <= 0:
            raise ValueError(f"expected a lot above zero, was {lot_size}")
        self._lot_size, self._most = lot_size, most
        self.rejudge()

    @property
    def lots(self) -> int | None:
        """The number of lots, None while something is wrong."""
        return None if self.value is None else self.value // self._lot_size

    @override
    def read(self, text: str) -> int:
        lots = _LOTS.match(text.strip().replace(",", ""))
        if lots:
            return int(lots[1]) * self._lot_size
        if _LAKH_OR_LOTS.match(text.strip()):
            raise ValueError("“l” could be lots or lakh: type “2x” for lots or “2lakh”")
        return rupees.read_units(text)

    @override
    def write(self, value: int) -> str:
        return rupees.group(value)

    @override
    def wrong(self, value: int) -> str:
        if value <= 0 or value > _MOST_QTY:
            return f"{self._name}: expected a quantity above zero"
        if value % self._lot_size:
            low = value // self._lot_size * self._lot_size
            near = f"{self.write(low)} or " if low else ""
            high = self.write(low + self._lot_size)
            return f"{self._name}: lots are {self.write(self._lot_size)}; nearest {near}{high}"
        if self._most is not None and value > self._most:
            return f"{self._name}: at most {self.write(self._most)} in one order"
        return ""

    @override
    def stepped(self, value: int | None, steps: int) -> int:
        lot = self._lot_size
        if value is None:
            return lot
        base = value // lot * lot if steps > 0 else -(-value // lot) * lot
        return max(lot, min(base + steps * lot, _MOST_QTY // lot * lot))

    @override
    def suffix(self) -> str:
        if self._lot_size == 1 or self.value is None:
            return ""
        lots = self.value // self._lot_size
        return f"{lots} lot" if lots == 1 else f"{rupees.group(lots)} lots"


def is_wrong(field: NumberField) -> bool:
    """Tell whether a field shows a problem at present."""
    return bool(field.property("wrong"))
