"""The command palette: everything the trader can do, and every instrument, found by typing."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from desktop.ui.labels import label

_WIDTH: Final = 620
_ROWS: Final = 12
_ROW_PAD: Final = 12
_MARGIN: Final = 8
_GAP: Final = 6
_TOP: Final = 60
_NOTHING: Final = "Nothing found. Try fewer letters, or words as in “nifty 26000 ce”."
_Index = QModelIndex | QPersistentModelIndex


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what it is, where it belongs, its key, and what choosing it does."""

    title: str
    detail: str
    key: str
    run: Callable[[], None]


def matches(words: str, title: str) -> bool:
    """Tell whether every word typed occurs in the title, in any order."""
    low = title.lower()
    return all(word in low for word in words.lower().split())


class _Entries(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: Sequence[Entry] = ()

    def show(self, rows: Sequence[Entry]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    @override
    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    @override
    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{entry.title}, {entry.detail} {entry.key}".strip()
        return None


class _EntryPainter(QStyledItemDelegate):
    """Draws title, detail and key on one line."""

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(_WIDTH - 20, option.fontMetrics.height() + _ROW_PAD)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        assert isinstance(model, _Entries)
        entry = model.rows[index.row()]
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        is_chosen = bool(state & QStyle.StateFlag.State_Selected)
        if is_chosen:
            painter.fillRect(rect, palette.highlight())
        strong = palette.highlightedText() if is_chosen else palette.windowText()
        dim = strong.color() if is_chosen else palette.placeholderText().color()
        inner = rect.adjusted(12, 0, -12, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(dim)
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignRight, entry.key or entry.detail)
        painter.setPen(strong.color())
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignLeft, entry.title)


class Palette(QFrame):
    """A box over the window's upper third; opens empty, closes on Esc, choice or lost focus."""

    def __init__(self, host: QWidget, find: Callable[[str], Sequence[Entry]]) -> None:
        super().__init__(host)
        self._find = find
        self._return_to: QWidget | None = None
        self.setObjectName("palette")
        self.setAccessibleName("Command palette")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._line = QLineEdit(self)
        self._line.setAccessibleName("Command or instrument")
        self._line.setPlaceholderText("Type a command or an instrument, as in “nifty 25000 ce”")
        self._line.setClearButtonEnabled(True)
        self._list = QListView(self)
        self._list.setAccessibleName("Found")
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setUniformItemSizes(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        host.installEventFilter(self)
        self._list.setItemDelegate(_EntryPainter(self._list))
        self._entries = _Entries(self)
        self._list.setModel(self._entries)
        box = QVBoxLayout(self)
        box.setContentsMargins(*(_MARGIN,) * 4)
        box.setSpacing(_GAP)
        box.addWidget(self._line)
        box.addWidget(self._list)
        self._nothing = label(
            _NOTHING, role="dim", parent=self, align=Qt.AlignmentFlag.AlignHCenter
        )
        box.addWidget(self._nothing, 1)
        self._line.textChanged.connect(self._search)
        self._line.installEventFilter(self)
        self._list.clicked.connect(lambda index: self._choose(index.row()))
        self.hide()

    def open(self) -> None:
        """Show it empty, with the keyboard in it."""
        host = self.parentWidget()
        assert host is not None
        self._return_to = host.focusWidget()
        width = min(_WIDTH, host.width() - 40)
        self.setGeometry((host.width() - width) // 2, _TOP, width, self.height())
        self._line.clear()
        self._search("")
        self.show()
        self.raise_()
        self._line.setFocus()

    def _search(self, text: str) -> None:
        self._entries.show(self._find(text.strip()))
        self._list.setVisible(bool(self._entries.rows))
        self._nothing.setVisible(not self._entries.rows)
        if self._entries.rows:
            self._list.setCurrentIndex(self._entries.index(0))
        self._fit()

    def _fit(self) -> None:
        """Be as high as what was found, up to a dozen lines, and whole ones only."""
        host = self.parentWidget()
        assert host is not None
        row = self.fontMetrics().height() + _ROW_PAD
        around = self._line.sizeHint().height() + _GAP + 2 * (_MARGIN + self.frameWidth())
        room = (host.height() - _TOP - 40 - around) // row
        rows = min(_ROWS, max(1, len(self._entries.rows)), max(1, room))
        self.resize(self.width(), around + rows * row)

    def _choose(self, row: int) -> None:
        if not 0 <= row < len(self._entries.rows):
            return
        entry = self._entries.rows[row]
        self._leave()
        entry.run()

    def _leave(self) -> None:
        self.hide()
        if self._return_to is not None:
            self._return_to.setFocus()

    def _move(self, by: int) -> None:
        count = len(self._entries.rows)
        if count:
            row = (self._list.currentIndex().row() + by) % count
            self._list.setCurrentIndex(self._entries.index(row))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self._line:
            if event.type() == QEvent.Type.Resize:
                self.hide()
            return super().eventFilter(watched, event)
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event.key())
        return super().eventFilter(watched, event)

    def _key(self, key: int) -> bool:
        moves = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: _ROWS - 1,
            Qt.Key.Key_PageUp: 1 - _ROWS,
        }
        if key in moves:
            self._move(moves[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self._list.currentIndex().row())
        elif key == Qt.Key.Key_Escape:
            self._leave()
        else:
            return False
        return True
