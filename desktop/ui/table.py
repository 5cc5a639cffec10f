"""The cooler tables: rows by key, one `dataChanged` a flush, sorted on a click only."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QTableView, QToolTip, QWidget
from typing_extensions import override

from desktop.ui.cells import CellDelegate
from desktop.ui.columns import Column, ColumnState, Read, csv_text
from desktop.ui.grid_rows import RowOrder
from desktop.ui.header import Header
from desktop.ui.theme import Theme

_Index = QModelIndex | QPersistentModelIndex
_Cells = list[tuple[str, str]]
_ROOT: Final = QModelIndex()
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class RowModel(QAbstractTableModel):
    """Rows by key, their texts made once and only when they are shown."""

    def __init__(
        self, columns: Sequence[Column], *, read: Read = tuple, parent: QObject | None = None
    ) -> None:
        """Make it empty; `read` turns a row into its values, one for each column."""
        super().__init__(parent)
        self.columns = tuple(columns)
        self.dim: Callable[..., bool] | None = None
        """Tells of a row that it is to be drawn dim: it is over, or its prices are old."""
        self._places = {column.id: place for place, column in enumerate(self.columns)}
        self._read = read
        self._order = RowOrder()
        self._cells: dict[str, _Cells] = {}
        self._sort_place = -1
        self._descending = False

    # -- rows

    def set_rows(self, rows: Mapping[str, object]) -> None:
        """Show exactly these rows, in this order unless sorted; selection and scroll stay."""
        self.remove_rows([key for key in self._order.keys if key not in rows])
        self.update_rows(rows)
        wanted = list(rows)
        if not self._order.is_sorted and self._order.keys != wanted:
            with _Relayout(self):
                self._order.replace({key: self._order.rows[key] for key in wanted})

    def update_rows(self, rows: Mapping[str, object]) -> None:
        """Take newer rows, and unknown keys as new rows at the end; one `dataChanged` in all."""
        old = self._order.rows
        changed = [key for key, row in rows.items() if key in old and old[key] != row]
        new = {key: row for key, row in rows.items() if key not in old}
        if changed:
            self._order.update({key: rows[key] for key in changed})
            for key in changed:
                self._cells.pop(key, None)
            places = [self._order.place(key) for key in changed]
            last = len(self.columns) - 1
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), last))
        if new:
            first = len(self._order)
            self.beginInsertRows(_ROOT, first, first + len(new) - 1)
            self._order.update(new)
            self.endInsertRows()

    def remove_rows(self, keys: Collection[str]) -> None:
        """Take rows away; unknown keys do nothing."""
        known = [key for key in keys if key in self._order.rows]
        for key in known:
            at = self._order.place(key)
            self.beginRemoveRows(_ROOT, at, at)
            self._order.remove([key])
            self._cells.pop(key, None)
            self.endRemoveRows()

    def renew(self) -> None:
        """Make every text again, as when its words depend on something outside the rows."""
        self._cells.clear()
        if len(self._order):
            last = self.index(len(self._order) - 1, len(self.columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._order.keys)

    def key(self, row: int) -> str:
        return self._order.keys[row]

    def place(self, key: str) -> int:
        """Give where a row stands; an unknown key is a KeyError."""
        return self._order.place(key)

    def row(self, key: str) -> object:
        return self._order.rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._order.rows

    def __len__(self) -> int:
        return len(self._order)

    # -- cells

    def cell(self, row: int, column: int) -> tuple[str, str]:
        """Give a cell's text and its colour role."""
        return self._texts(self._order.keys[row])[column]

    def is_dim(self, row: int) -> bool:
        return self.dim is not None and self.dim(self._order.rows[self._order.keys[row]])

    def _texts(self, key: str) -> _Cells:
        cells = self._cells.get(key)
        if cells is None:
            row = self._order.rows[key]
            pairs = zip(self.columns, self._read(row), strict=True)
            cells = [(each.show(value, row), each.colour(value, row)) for each, value in pairs]
            self._cells[key] = cells
        return cells

    def cell_text(self, key: str, column: str) -> str:
        return self._texts(key)[self._places[column]][0]

    def row_texts(self, key: str, places: Sequence[int]) -> list[str]:
        cells = self._texts(key)
        return [cells[place][0] for place in places]

    # -- sorting

    def sort_by(self, column: str, *, descending: bool) -> None:
        """Sort once, now; an empty column goes back to the order the rows came in."""
        with _Relayout(self):
            place = self._places.get(column, -1)
            if place < 0:
                self._order.unsort()
            else:
                rows, read = self._order.rows, self._read
                self._order.sort(lambda key: read(rows[key])[place], descending=descending)

    # -- what Qt asks

    @override
    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._order)

    @override
    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    @override
    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(index.row(), index.column())[0]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            column = self.columns[index.column()]
            return f"{column.title} {self.cell(index.row(), index.column())[0]}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if self.columns[index.column()].is_number else _LEFT
        return None

    @override
    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        return None


class _Relayout:
    """Changes the order of rows with the selection following its keys."""

    def __init__(self, model: RowModel) -> None:
        self._model = model
        self._before: list[tuple[QModelIndex, str]] = []

    def __enter__(self) -> None:
        model = self._model
        model.layoutAboutToBeChanged.emit()
        self._before = [(each, model.key(each.row())) for each in model.persistentIndexList()]

    def __exit__(self, *_: object) -> None:
        model = self._model
        for index, key in self._before:
            model.changePersistentIndex(index, model.index(model.place(key), index.column()))
        model.layoutChanged.emit()


class TableView(QTableView):
    """A table over a `RowModel`, with the signals and the columns of the painted grid."""

    current_changed = Signal(str)
    row_activated = Signal(str, str)
    """(key, column id): Enter or a double click."""
    cell_clicked = Signal(str, str)
    context_asked = Signal(str, str, QPoint)
    """(key or empty, column id or empty, point of the screen)."""
    remove_asked = Signal(list)
    arranged = Signal()

    def __init__(self, model: RowModel, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._empty_text = ""
        self._longest = [0] * len(model.columns)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._head = Header(model.columns, self, own_model=False)
        self.setHorizontalHeader(self._head)
        self.setModel(model)
        self._head.start()
        self._head.sort_asked.connect(self.sort_by)
        self._head.arranged.connect(self.arranged)
        self._delegate = CellDelegate(model, self)
        self.setItemDelegate(self._delegate)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setCornerButtonEnabled(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.clicked.connect(self._on_click)
        self.doubleClicked.connect(self._on_double_click)
        self.selectionModel().currentRowChanged.connect(self._on_current)
        model.dataChanged.connect(self._on_changed)
        model.rowsInserted.connect(self._on_inserted)
        Theme.current().changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        high = Theme.current().row_height
        self.verticalHeader().setMinimumSectionSize(high)
        self.verticalHeader().setDefaultSectionSize(high)
        self._longest = [0] * len(self._model.columns)
        self._widen(range(len(self._model)))
        self.viewport().update()

    def set_empty_text(self, text: str) -> None:
        """Say what an empty table is waiting for."""
        self._empty_text = text
        self.viewport().update()

    # -- cursor

    @property
    def current(self) -> str | None:
        index = self.currentIndex()
        return self._model.key(index.row()) if index.isValid() else None

    @property
    def selected(self) -> tuple[str, ...]:
        """The selected rows as they stand."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self._model.key(row) for row in rows)

    def set_current(self, key: str) -> None:
        index = self._model.index(self._model.place(key), 0)
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)

    # -- columns

    @property
    def header(self) -> Header:
        return self._head

    def sort_by(self, column: str, descending: bool) -> None:  # noqa: FBT001 - a signal's slot
        self._head.show_sort(column, descending=descending)
        self._model.sort_by(column, descending=descending)
        self.arranged.emit()

    def save_columns(self) -> dict[str, object]:
        return self._head.arrangement().to_json()

    def restore_columns(self, state: ColumnState) -> None:
        self._head.arrange(state)
        if not state.sort or state.sort in {column.id for column in self._model.columns}:
            self.sort_by(state.sort, state.descending)

    def csv(self) -> str:
        """Give the shown columns of all rows as CSV."""
        shown = self._head.shown
        rows = (self._model.row_texts(key, shown) for key in self._model.keys)
        return csv_text([self._model.columns[place].title for place in shown], rows)

    def copied_text(self) -> str:
        """Give the selected rows as tab-separated text."""
        shown = self._head.shown
        return "\n".join("\t".join(self._model.row_texts(key, shown)) for key in self.selected)

    def _on_changed(self, first: QModelIndex, last: QModelIndex, _roles: object = None) -> None:
        self._widen(range(first.row(), last.row() + 1))

    def _on_inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        self._widen(range(first, last + 1))

    def _widen(self, rows: range) -> None:
        """Widen columns whose numbers have become longer than any before."""
        theme = Theme.current()
        for place, column in enumerate(self._model.columns):
            if not column.is_number or self.isColumnHidden(place):
                continue
            longest = max((self._model.cell(row, place)[0] for row in rows), key=len, default="")
            if len(longest) > self._longest[place]:
                self._longest[place] = len(longest)
                font = theme.font(weight=theme.bold) if column.is_strong else theme.font()
                wide = QFontMetrics(font).horizontalAdvance(longest)
                self._head.need(place, wide + 2 * theme.space("m") + 2)

    # -- mouse and keyboard

    def _column_id(self, index: _Index) -> str:
        return self._model.columns[index.column()].id if index.isValid() else ""

    def _on_click(self, index: QModelIndex) -> None:
        self.cell_clicked.emit(self._model.key(index.row()), self._column_id(index))

    def _on_double_click(self, index: QModelIndex) -> None:
        self.row_activated.emit(self._model.key(index.row()), self._column_id(index))

    def _on_current(self, index: QModelIndex, _before: QModelIndex) -> None:
        self.current_changed.emit(self._model.key(index.row()) if index.isValid() else "")

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.copied_text())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current is not None:
            self.row_activated.emit(self.current, "")
        elif key == Qt.Key.Key_Delete and self.selected:
            self.remove_asked.emit(list(self.selected))
        else:
            super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = self.currentIndex()
            at = self.visualRect(index).center() if index.isValid() else QPoint()
        else:
            at = self.viewport().mapFromGlobal(event.globalPos())
            index = self.indexAt(at)
        key = self._model.key(index.row()) if index.isValid() else ""
        self.context_asked.emit(key, self._column_id(index), self.viewport().mapToGlobal(at))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(-1)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._tell_cut_text(event)
            return True
        return super().viewportEvent(event)

    def _hover(self, row: int) -> None:
        if row != self._delegate.hovered:
            self._delegate.hovered = row
            self.viewport().update()

    def _tell_cut_text(self, event: QHelpEvent) -> None:
        text = self.cut_text(self.indexAt(event.pos()))
        if text:
            QToolTip.showText(event.globalPos(), text, self.viewport())
        else:
            QToolTip.hideText()

    def cut_text(self, index: _Index) -> str:
        """Give the whole text of a cell whose text does not fit; empty when it does."""
        if not index.isValid() or self._model.columns[index.column()].is_number:
            return ""
        theme = Theme.current()
        text = self._model.cell(index.row(), index.column())[0]
        room = self.columnWidth(index.column()) - 2 * theme.space("m")
        return text if QFontMetrics(theme.font()).horizontalAdvance(text) > room else ""

    # -- look

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._head.fit()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not len(self._model) and self._empty_text:
            theme = Theme.current()
            painter = QPainter(self.viewport())
            painter.setFont(theme.font())
            painter.setPen(theme.colour("text_dim"))
            gap = theme.space("xl")
            box = self.viewport().rect().adjusted(gap, gap, -gap, -gap)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box, flags, self._empty_text)
