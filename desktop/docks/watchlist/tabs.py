"""The tabs of the lists: choose, drag, rename in place, and a plus for a new one."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QTabBar, QWidget
from typing_extensions import override

from desktop.docks.watchlist.model import LONGEST_NAME
from desktop.ui import menus
from desktop.ui.parts import tool_button


class _NameField(QLineEdit):
    """A field over a tab; Enter keeps the name, Escape does not."""

    dropped = Signal()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dropped.emit()
        else:
            super().keyPressEvent(event)


class _Bar(QTabBar):
    rename_asked = Signal(int)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = self.tabAt(event.position().toPoint())
        if at >= 0:
            self.rename_asked.emit(at)


class ListTabs(QWidget):
    """The row of lists. It changes nothing itself; it says what was asked."""

    chosen = Signal(int)
    moved = Signal(int, int)
    add_asked = Signal()
    drop_asked = Signal(int)
    renamed = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.bar = _Bar(self)
        self.bar.setAccessibleName("Watchlists")
        self.bar.setExpanding(False)
        self.bar.setMovable(True)
        self.bar.setDrawBase(False)
        self.bar.setUsesScrollButtons(True)
        self.bar.setElideMode(Qt.TextElideMode.ElideNone)
        self.bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.bar.customContextMenuRequested.connect(self._offer)
        self.bar.currentChanged.connect(self._on_current)
        self.bar.tabMoved.connect(self._on_moved)
        self.bar.rename_asked.connect(self.rename)
        row.addWidget(self.bar)
        row.addWidget(tool_button("plus", "New list", self.add_asked.emit, parent=self))
        row.addStretch(1)
        self._is_filling = False
        self._field: _NameField | None = None
        self._field_at = -1

    def show_lists(self, names: Sequence[str], at: int) -> None:
        """Show these lists, one of them chosen."""
        self._is_filling = True
        while self.bar.count() > len(names):
            self.bar.removeTab(self.bar.count() - 1)
        for place, name in enumerate(names):
            # An ampersand in a name must not become a shortcut.
            title = name.replace("&", "&&")
            if place < self.bar.count():
                self.bar.setTabText(place, title)
            else:
                self.bar.addTab(title)
        self.bar.setCurrentIndex(at)
        self._is_filling = False

    def rename(self, at: int) -> None:
        """Let the trader type a name over the tab."""
        self._close_field()
        field = _NameField(self.bar.tabText(at).replace("&&", "&"), self)
        field.setMaxLength(LONGEST_NAME)
        field.setAccessibleName("Name of the list")
        box = self.bar.tabRect(at)
        wide = max(box.width(), field.fontMetrics().horizontalAdvance("m" * 12))
        field.setGeometry(box.left(), box.top(), min(wide, self.width()), box.height())
        field.editingFinished.connect(self._keep_name)
        field.dropped.connect(self._close_field)
        self._field, self._field_at = field, at
        field.selectAll()
        field.show()
        field.setFocus()

    def _keep_name(self) -> None:
        if self._field is not None:
            name, at = self._field.text(), self._field_at
            self._close_field()
            self.renamed.emit(at, name)

    def _close_field(self) -> None:
        field, self._field = self._field, None
        if field is not None:
            field.hide()
            field.deleteLater()

    def items(self, at: int) -> tuple[menus.Item, ...]:
        """Give the menu of a list."""
        return (
            menus.Item(title="Rename", icon="edit", run=lambda: self.rename(at)),
            menus.Item(title="New list", icon="plus", run=self.add_asked.emit),
            menus.LINE,
            menus.Item(title="Delete list", icon="trash", run=lambda: self.drop_asked.emit(at)),
        )

    def _offer(self, where: QPoint) -> None:
        at = self.bar.tabAt(where)
        if at >= 0:
            menus.popup(self.items(at), self.bar.mapToGlobal(where), self)

    def _on_current(self, at: int) -> None:
        if not self._is_filling and at >= 0:
            self.chosen.emit(at)

    def _on_moved(self, at: int, to: int) -> None:
        if not self._is_filling:
            self.moved.emit(at, to)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._close_field()
