"""An instrument box: type, and the best matches stand below; arrows and Enter choose."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QTextCharFormat,
    QTextLayout,
)
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

from brokers.model.instrument import Instrument, InstrumentKind
from desktop.ui import icons
from desktop.ui.labels import label
from desktop.ui.theme import Theme

Find = Callable[[str], Sequence[Instrument]]
_Index = QModelIndex | QPersistentModelIndex
_PARTS: Final = re.compile(r"[^\W\d_]+|\d+")
_ROWS: Final = 10
_WIDTH: Final = 460
_MOVES: Final = {
    Qt.Key.Key_Down.value: 1,
    Qt.Key.Key_Up.value: -1,
    Qt.Key.Key_PageDown.value: _ROWS,
    Qt.Key.Key_PageUp.value: -_ROWS,
}
_WORDS: Final = {
    InstrumentKind.EQUITY: "Equity",
    InstrumentKind.INDEX: "Index",
    InstrumentKind.FUTURE: "Future",
    InstrumentKind.OPTION: "Option",
    InstrumentKind.FUND: "Fund",
    InstrumentKind.BOND: "Bond",
    InstrumentKind.OTHER: "",
}


def matched_spans(words: str, text: str) -> list[tuple[int, int]]:
    """Give (start, length) of each typed word's first place in a text, case ignored.

    A word that is not there whole is looked for as its letters and its figures: `nifty25`.
    """
    low = text.lower()
    parts = (
        part
        for word in words.lower().split()
        for part in ([word] if word in low else _PARTS.findall(word))
    )
    places = ((low.find(part), len(part)) for part in dict.fromkeys(parts))
    return sorted(place for place in places if place[0] >= 0)


class _Results(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: Sequence[Instrument] = ()
        self.words = ""

    def show(self, rows: Sequence[Instrument], words: str) -> None:
        self.beginResetModel()
        self.rows, self.words = rows, words
        self.endResetModel()

    @override
    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    @override
    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        found = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return found.symbol
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{found.label}, {found.name}, {found.exchange} {_WORDS[found.kind]}"
        return None


class _ResultPainter(QStyledItemDelegate):
    """Draws ticker and name on one line, exchange and kind at its right."""

    def __init__(self, model: _Results, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(0, Theme.current().px(30))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme = Theme.current()
        found = self._model.rows[index.row()]
        box: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, theme.colour("selection"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, theme.colour("hover"))
        inner = box.adjusted(theme.space("l"), 0, -theme.space("l"), 0)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text_dim"))
        place = f"{found.exchange} {_WORDS[found.kind]}".strip()
        painter.drawText(inner, right, place)
        room = painter.fontMetrics().horizontalAdvance(place) + theme.space("l")
        painter.setPen(theme.colour("text"))
        ticker_wide = self._draw_matched(
            painter, inner.adjusted(0, 0, -room, 0), found.label, is_strong=True
        )
        painter.setPen(theme.colour("text_dim"))
        rest = inner.adjusted(ticker_wide + theme.space("m"), 0, -room, 0)
        if rest.width() > theme.px(30):
            self._draw_matched(painter, rest, found.name, is_strong=False)
        painter.restore()

    def _draw_matched(self, painter: QPainter, box: QRect, text: str, *, is_strong: bool) -> int:
        theme = Theme.current()
        font = theme.font(weight=theme.bold) if is_strong else theme.font()
        painter.setFont(font)
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        layout = QTextLayout(shown, font)
        lit = QTextCharFormat()
        lit.setForeground(theme.brush("match"))
        ranges = []
        for start, length in matched_spans(self._model.words, shown):
            span = QTextLayout.FormatRange()
            span.start, span.length, span.format = start, length, lit
            ranges.append(span)
        layout.setFormats(ranges)
        layout.beginLayout()
        layout.createLine()
        layout.endLayout()
        top = box.top() + (box.height() - metrics.height()) / 2
        layout.draw(painter, QPointF(box.left(), top))
        return metrics.horizontalAdvance(shown)


class _Popup(QFrame):
    """The list below the box: a window of its own that never takes the keyboard."""

    clicked = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("popup")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(3, 3, 3, 3)
        column.setSpacing(0)
        self.model = _Results(self)
        self.list = QListView(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(_ResultPainter(self.model, self))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Matches")
        self.list.clicked.connect(self._on_click)
        column.addWidget(self.list)
        self.nothing = label("No instrument matches", role="dim", parent=self)
        self.nothing.setContentsMargins(9, 9, 9, 9)
        column.addWidget(self.nothing)

    def _on_click(self, index: QModelIndex) -> None:
        self.clicked.emit(index.row())

    @property
    def row(self) -> int:
        return self.list.currentIndex().row()

    @row.setter
    def row(self, row: int) -> None:
        self.list.setCurrentIndex(self.model.index(row, 0))

    def show_results(self, found: Sequence[Instrument], words: str) -> None:
        self.model.show(found, words)
        self.nothing.setVisible(not found)
        self.list.setVisible(bool(found))
        if found:
            self.row = 0
        theme = Theme.current()
        rows = min(len(found), _ROWS)
        high = rows * theme.px(30) + 8 if found else self.nothing.sizeHint().height() + 8
        self.resize(theme.px(_WIDTH), high)


class InstrumentSearch(QLineEdit):
    """The box. `find` gives the matches of a text, best first, quickly."""

    chosen = Signal(object)
    """The Instrument that was chosen."""

    def __init__(
        self,
        find: Find,
        *,
        hint: str = "Search symbol or name",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._find = find
        self.keeps_text = False
        """Whether the box shows the chosen symbol; else it empties for the next one."""
        self.setPlaceholderText(hint)
        self.setAccessibleName(hint)
        self.setMaxLength(60)
        theme = Theme.current()
        self._glass = self.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        theme.changed.connect(self._dress)
        self._popup = _Popup(self)
        self._popup.clicked.connect(self._choose)
        self.textEdited.connect(self._on_edited)

    def set_find(self, find: Find) -> None:
        """Search elsewhere from now on, as when another account opens."""
        self._find = find
        self.close_list()

    @property
    def matches(self) -> Sequence[Instrument]:
        """What is offered at present."""
        return self._popup.model.rows if self._popup.isVisible() else ()

    def close_list(self) -> None:
        self._popup.hide()

    def _dress(self) -> None:
        self._glass.setIcon(icons.icon("search"))

    def _on_edited(self, text: str) -> None:
        words = text.strip()
        if not words:
            self.close_list()
            return
        found = self._find(words)
        self._popup.show_results(found, words)
        self._place()
        self._popup.show()
        self._say()

    def _place(self) -> None:
        below = self.mapToGlobal(QPoint(0, self.height() + 2))
        room = self.screen().availableGeometry()
        wide, high = self._popup.width(), self._popup.height()
        left = max(room.left(), min(below.x(), room.right() - wide))
        top = below.y()
        if top + high > room.bottom():
            top = self.mapToGlobal(QPoint(0, -2)).y() - high
        self._popup.move(left, top)

    def _choose(self, row: int) -> None:
        rows = self._popup.model.rows
        if not 0 <= row < len(rows):
            return
        instrument = rows[row]
        self.close_list()
        self.setText(instrument.label if self.keeps_text else "")
        self.chosen.emit(instrument)

    def _say(self) -> None:
        rows, row = self._popup.model.rows, self._popup.row
        said = "No instrument matches"
        if 0 <= row < len(rows):
            said = f"{rows[row].label}, {rows[row].name}. {row + 1} of {len(rows)}"
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, said))

    @override
    def event(self, event: QEvent) -> bool:
        # Tab would leave the box before keyPressEvent sees it; with the list open it chooses.
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Tab
            and self.matches
        ):
            self._choose(self._popup.row)
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if not self._popup.isVisible():
            if key == Qt.Key.Key_Down and self.text().strip():
                self._on_edited(self.text())
            elif key == Qt.Key.Key_Escape and self.text():
                self.clear()
            else:
                super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape:
            self.close_list()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self._popup.row)
        elif key in _MOVES:
            last = len(self._popup.model.rows) - 1
            self._popup.row = max(0, min(self._popup.row + _MOVES[key], last))
            self._say()
        else:
            super().keyPressEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.close_list()

    @override
    def hideEvent(self, event: object) -> None:
        self.close_list()
