"""The painted grid for hot tables: changed cells only, and a keyboard that reaches everything."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from typing_extensions import override

from desktop.ui.columns import Column, Read
from desktop.ui.grid_view import GridView

_SHIFT: Final = Qt.KeyboardModifier.ShiftModifier
_CTRL: Final = Qt.KeyboardModifier.ControlModifier
_TYPING_PAUSE_NS: Final = 1_000_000_000


class PaintedGrid(GridView):
    """A table that paints itself.

    Rows are keyed and opaque; `read` turns a row into values, `Column.text` a value into text,
    both for visible rows only. `update_rows` costs a dictionary update and the formatting of what
    is in sight; only cells whose text or colour became another one are drawn. Sorting happens on a
    click and never by itself.
    """

    current_changed = Signal(str)
    """The key of the row that has the cursor, or empty."""
    activated = Signal(str, str)
    """(key, column id): Enter or a double click."""
    clicked = Signal(str, str)
    """(key, column id): a left click."""
    context_asked = Signal(str, str, QPoint)
    """(key or empty, column id or empty, point of the screen): right click or menu key."""
    remove_asked = Signal(list)
    """Keys of the rows the Delete key was pressed on."""
    reordered = Signal()
    """The trader dragged rows, or moved them with Alt and the arrows."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        read: Read = tuple,
        name: str = "Table",
        parent: QWidget | None = None,
    ) -> None:
        """Make an empty grid; see `GridView` for the arguments."""
        super().__init__(columns, read=read, name=name, parent=parent)
        self.can_reorder = False
        self.can_select_many = True
        self.has_type_ahead = True
        self._find_column = next((c.id for c in self._columns if not c.is_number), "")
        self._anchor: str | None = None
        self._pressed: QPoint | None = None
        self._is_dragging = False
        self._typed = ""
        self._typed_ns = 0
        self._keys: Mapping[int, Callable[[QKeyEvent], bool]] = {
            Qt.Key.Key_Down.value: lambda e: self._on_arrow(e, 1),
            Qt.Key.Key_Up.value: lambda e: self._on_arrow(e, -1),
            Qt.Key.Key_PageDown.value: lambda e: self._walk(e, self._page()),
            Qt.Key.Key_PageUp.value: lambda e: self._walk(e, -self._page()),
            Qt.Key.Key_Home.value: lambda e: self._walk(e, -len(self)),
            Qt.Key.Key_End.value: lambda e: self._walk(e, len(self)),
            Qt.Key.Key_Left.value: lambda _: self._scroll_across(-1),
            Qt.Key.Key_Right.value: lambda _: self._scroll_across(1),
            Qt.Key.Key_Return.value: self._on_enter,
            Qt.Key.Key_Enter.value: self._on_enter,
            Qt.Key.Key_Delete.value: self._on_delete,
            Qt.Key.Key_Escape.value: self._on_escape,
        }

    # -- cursor and selection

    @property
    def current(self) -> str | None:
        """The key of the row that has the cursor."""
        return self._current

    @property
    def selected(self) -> tuple[str, ...]:
        """The selected rows as they stand, the cursor's row at least."""
        chosen = self._selected | ({self._current} if self._current is not None else set())
        return tuple(key for key in self._order.keys if key in chosen)

    def set_current(self, key: str | None, *, is_scrolled: bool = True) -> None:
        """Put the cursor on a row, and select it alone."""
        if key is not None and key not in self._order.rows:
            raise KeyError(key)
        before = self._current
        self._current = self._anchor = key
        self._selected = {key} if key is not None else set()
        if key is not None and is_scrolled:
            self.scroll_to(key)
        self.repaint_all()
        if key != before:
            self._tell_current()

    def select_all(self) -> None:
        if self.can_select_many:
            self._selected = set(self._order.keys)
            self.repaint_all()

    def scroll_to(self, key: str) -> None:
        """Scroll as little as needed to bring a row into sight."""
        bar = self.verticalScrollBar()
        top = self._order.place(key) * self._row_high
        bottom = top + self._row_high - self.viewport().height()
        bar.setValue(max(min(bar.value(), top), bottom))

    def _reach(self, key: str, *, extends: bool, toggles: bool = False) -> None:
        """Move the cursor, and the selection with it, as a click or an arrow does."""
        if not (extends or toggles) or not self.can_select_many:
            self.set_current(key)
            return
        before = self._current
        self._current = key
        if toggles:
            self._selected ^= {key}
            self._anchor = key
        elif self._anchor is not None and self._anchor in self._order.rows:
            one, other = sorted((self._order.place(self._anchor), self._order.place(key)))
            self._selected = set(self._order.keys[one : other + 1])
        self.scroll_to(key)
        self.repaint_all()
        if key != before:
            self._tell_current()

    def _tell_current(self) -> None:
        key = self._current
        # A screen reader hears the row; the text is made only for whoever listens.
        if QAccessible.isActive():
            self.setAccessibleDescription("" if key is None else self.row_text(key))
            QAccessible.updateAccessibility(
                QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
            )
        self.current_changed.emit(key or "")

    def key_at(self, at: QPoint) -> str | None:
        """Give the row at a point of the viewport."""
        place = (at.y() + self.verticalScrollBar().value()) // self._row_high
        keys = self._order.keys
        return keys[place] if 0 <= place < len(keys) and at.y() >= 0 else None

    def column_at(self, at: QPoint) -> str:
        """Give the column at a point of the viewport, or an empty text."""
        place = self._header.logicalIndexAt(at.x())
        return self._columns[place].id if place >= 0 else ""

    def cell_middle(self, key: str, column: str) -> QPoint:
        """Give the middle of a cell in the viewport, for menus and tests."""
        place = self._places[column]
        x = self._header.sectionViewportPosition(place) + self._header.sectionSize(place) // 2
        y = self._order.place(key) * self._row_high - self.verticalScrollBar().value()
        return QPoint(x, y + self._row_high // 2)

    # -- mouse

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        key = self.key_at(at)
        self._pressed = None
        if key is None:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            extends = bool(event.modifiers() & _SHIFT)
            toggles = bool(event.modifiers() & _CTRL)
            self._pressed = at
            if key in self._selected and len(self._selected) > 1 and not (extends or toggles):
                return  # perhaps a drag of them all; a mere click selects on release
            self._reach(key, extends=extends, toggles=toggles)
        elif event.button() == Qt.MouseButton.RightButton and key not in self._selected:
            self.set_current(key)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if self._pressed is not None and self.can_reorder:
            far = (at - self._pressed).manhattanLength()
            if self._is_dragging or far >= QApplication.startDragDistance():
                self._drag(at)
                return
        self._hover(self.key_at(at))

    def _drag(self, at: QPoint) -> None:
        self._is_dragging = True
        self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        bar = self.verticalScrollBar()
        if at.y() < 0:
            bar.setValue(bar.value() - self._row_high)
        elif at.y() > self.viewport().height():
            bar.setValue(bar.value() + self._row_high)
        y = at.y() + bar.value() + self._row_high // 2
        self._drop_at = max(0, min(len(self), y // self._row_high))
        self.viewport().update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        pressed, self._pressed = self._pressed, None
        if self._is_dragging:
            self._drop()
            return
        at = event.position().toPoint()
        key = self.key_at(at)
        if pressed is None or key is None or key != self.key_at(pressed):
            return
        if len(self._selected) > 1 and not event.modifiers() & (_SHIFT | _CTRL):
            self.set_current(key)
        self.clicked.emit(key, self.column_at(at))

    def _drop(self) -> None:
        before, self._drop_at = self._drop_at, None
        self._is_dragging = False
        self.viewport().unsetCursor()
        if before is not None:
            self._move(self.selected, before)
        self.repaint_all()

    def _move(self, keys: Sequence[str], before: int) -> None:
        if self._order.move(keys, before):
            self._header.show_sort("", descending=False)
            self._after_rows()
            self.reordered.emit()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        key = self.key_at(at)
        if key is not None and event.button() == Qt.MouseButton.LeftButton:
            self.set_current(key)
            self.activated.emit(key, self.column_at(at))

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            key = self._current
            at = self.cell_middle(key, self._find_column) if key and self._find_column else QPoint()
        else:
            at = self.viewport().mapFromGlobal(event.globalPos())
            key = self.key_at(at)
        column = self.column_at(at) if key else ""
        self.context_asked.emit(key or "", column, self.viewport().mapToGlobal(at))

    def _hover(self, key: str | None) -> None:
        if key != self._hovered:
            self._hovered = key
            self.repaint_all()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._tell_cut_text(event)
            return True
        return super().viewportEvent(event)

    def _tell_cut_text(self, event: QHelpEvent) -> None:
        """Show the whole text of a cell that was cut."""
        key, column = self.key_at(event.pos()), self.column_at(event.pos())
        text = "" if key is None or not column else self.cut_text(key, column)
        if text:
            QToolTip.showText(event.globalPos(), text, self.viewport())
        else:
            QToolTip.hideText()

    def cut_text(self, key: str, column: str) -> str:
        """Give the whole text of a cell whose text does not fit; empty when it does."""
        place = self._places[column]
        slot = self._slots().get(place)
        if slot is None or self._columns[place].is_number:
            return ""
        text = self.cell_text(key, column)
        return text if self._canvas.elided(slot, text) != text else ""

    # -- keyboard

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.copied_text())
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif (act := self._keys.get(event.key())) is not None:
            if not act(event):
                event.ignore()
        elif not self._type(event):
            super().keyPressEvent(event)

    def _on_arrow(self, event: QKeyEvent, step: int) -> bool:
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and self.can_reorder:
            keys = self.selected
            if keys:
                at = self._order.place(keys[0] if step < 0 else keys[-1])
                self._move(keys, max(0, at - 1) if step < 0 else at + 2)
            return True
        return self._walk(event, step)

    def _walk(self, event: QKeyEvent, steps: int) -> bool:
        keys = self._order.keys
        if not keys:
            return False
        if self._current is None:
            to = 0 if steps > 0 else len(keys) - 1
        else:
            to = max(0, min(len(keys) - 1, self._order.place(self._current) + steps))
        self._reach(keys[to], extends=bool(event.modifiers() & _SHIFT))
        return True

    def _page(self) -> int:
        return max(1, self.viewport().height() // self._row_high - 1)

    def _scroll_across(self, step: int) -> bool:
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() + step * bar.singleStep())
        return True

    def _on_enter(self, event: QKeyEvent) -> bool:
        if event.isAutoRepeat():
            return True
        if self._current is not None:
            self.activated.emit(self._current, "")
        return self._current is not None

    def _on_delete(self, event: QKeyEvent) -> bool:
        # A held key is one press: its repeats must not answer what the first one asked.
        if event.isAutoRepeat():
            return True
        if self.selected:
            self.remove_asked.emit(list(self.selected))
        return bool(self.selected)

    def _on_escape(self, event: QKeyEvent) -> bool:
        del event
        was_dragging, self._is_dragging = self._is_dragging, False
        self._drop_at = self._pressed = None
        self.viewport().unsetCursor()
        self.viewport().update()
        return was_dragging

    def _type(self, event: QKeyEvent) -> bool:
        """Find a row by typing the beginning of its text."""
        text = event.text()
        held = event.modifiers() & ~(_SHIFT | Qt.KeyboardModifier.KeypadModifier)
        if not (self.has_type_ahead and text.isprintable() and text) or held:
            return False
        now = time.monotonic_ns()
        is_going_on = now - self._typed_ns < _TYPING_PAUSE_NS
        self._typed = self._typed + text if is_going_on else text.lstrip()
        self._typed_ns = now
        if not self._typed or not self._find_column:
            return False
        start = 0 if self._current is None else self._order.place(self._current)
        if not is_going_on:
            start += 1  # a new letter looks further, a longer word may stay
        found = self._order.find(
            self._typed, lambda key: self.cell_text(key, self._find_column), start
        )
        if found is not None:
            self.set_current(found)
        return True

    def copied_text(self) -> str:
        """Give the selected rows as tab-separated text, as Copy puts them on the clipboard."""
        shown = [self._columns[place].id for place in self._header.shown]
        lines = (
            "\t".join(self.cell_text(key, column) for column in shown) for key in self.selected
        )
        return "\n".join(lines)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._current is None and len(self) and event.reason() in _BY_KEY:
            self.set_current(self._order.keys[0])
        self.repaint_all()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.repaint_all()


_BY_KEY: Final = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
