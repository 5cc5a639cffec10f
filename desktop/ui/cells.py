"""The delegate of the cooler tables: draws its own text, asks the model for nothing else."""

from typing import Final, Protocol

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem
from typing_extensions import override

from desktop.ui.columns import Column
from desktop.ui.grid_canvas import draw_pill
from desktop.ui.theme import TINTS, Theme

_Index = QModelIndex | QPersistentModelIndex
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Cells(Protocol):
    """What the delegate draws from."""

    columns: tuple[Column, ...]

    def cell(self, row: int, column: int) -> tuple[str, str]:
        """Give a cell's text and its colour role."""
        ...

    def is_dim(self, row: int) -> bool:
        """Tell whether the whole row is to be drawn dim."""
        ...


class CellDelegate(QStyledItemDelegate):
    """Draws one cell: its ground, the line below, and its text."""

    def __init__(self, cells: Cells, parent: QObject) -> None:
        super().__init__(parent)
        self._cells = cells
        self.hovered = -1
        self._fonts: tuple[QFont, QFont] = (QFont(), QFont())
        Theme.current().changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        theme = Theme.current()
        self._fonts = theme.font(), theme.font(weight=theme.bold)

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(0, Theme.current().row_height)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme = Theme.current()
        row, place = index.row(), index.column()
        column = self._cells.columns[place]
        text, role = self._cells.cell(row, place)
        box: QRect = option.rect
        painter.fillRect(box, theme.colour(self._ground(option, row)))
        line = QRect(box.left(), box.bottom(), box.width(), 1)
        painter.fillRect(line, theme.colour("line"))
        if not text:
            return
        pad = theme.space("m")
        inner = QRectF(box.adjusted(pad, 0, -pad, -1))
        painter.setFont(self._fonts[column.is_strong])
        is_dim = self._cells.is_dim(row)
        if column.is_pill and not is_dim:
            tint = theme.colour(TINTS.get(role, "raised"))
            draw_pill(painter, inner, text, theme.colour(role), tint)
            return
        painter.setPen(theme.colour("text_dim" if is_dim else role))
        if column.is_number:
            painter.drawText(inner, _RIGHT, text)
            return
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, int(inner.width())
        )
        painter.drawText(inner, _LEFT, shown)

    def _ground(self, option: QStyleOptionViewItem, row: int) -> str:
        state: QStyle.StateFlag = option.state
        if state & QStyle.StateFlag.State_Selected:
            is_active = state & QStyle.StateFlag.State_HasFocus or state & (
                QStyle.StateFlag.State_Active
            )
            return "selection" if is_active else "selection_idle"
        return "hover" if row == self.hovered else "surface"
