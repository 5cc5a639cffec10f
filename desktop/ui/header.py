"""The header of grids and tables: resize, reorder, hide, and sort on a click only."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import QHeaderView, QWidget
from typing_extensions import override

from desktop.ui import menus
from desktop.ui.columns import Column, ColumnState
from desktop.ui.theme import Theme

_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class Header(QHeaderView):
    """Column heads. Sorting is asked for by a click; a third click goes back to the own order."""

    sort_asked = Signal(str, bool)
    """(column id or empty, is descending)"""
    arranged = Signal()
    """Columns were moved, hidden, shown or resized."""

    def __init__(self, columns: Sequence[Column], parent: QWidget, *, own_model: bool) -> None:
        """Show these columns; with `own_model` for a grid, else a table view gives its model."""
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.columns = tuple(columns)
        self._at = {column.id: place for place, column in enumerate(self.columns)}
        self.sort = ""
        self.descending = False
        self._least: list[int] = []
        self._wanted: dict[int, int] = {}
        self._is_fitting = False
        if own_model:
            heads = QStandardItemModel(0, len(self.columns), self)
            for place, column in enumerate(self.columns):
                heads.setHorizontalHeaderItem(place, QStandardItem(column.title))
            self.setModel(heads)
        self.setSectionsMovable(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setStretchLastSection(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.customContextMenuRequested.connect(self._offer_columns)
        self.sectionClicked.connect(self._on_click)
        self.sectionMoved.connect(self._on_arranged)
        self.sectionResized.connect(self._on_resized)
        Theme.current().changed.connect(self.dress)

    def start(self) -> None:
        """Give the columns their first widths; call once the model is set."""
        self.dress()
        for place, column in enumerate(self.columns):
            self.setSectionHidden(place, not column.is_shown)

    def dress(self) -> None:
        """Measure the heads anew, after the theme or the text size changed."""
        theme = Theme.current()
        self.setFixedHeight(theme.px(24))
        metrics = QFontMetrics(theme.font("small"))
        room = 2 * theme.space("m") + theme.px(10)
        self._least = [
            max(theme.px(column.width), metrics.horizontalAdvance(column.title) + room)
            for column in self.columns
        ]
        self._wanted.clear()
        self.setMinimumSectionSize(theme.px(24))
        self._is_fitting = True
        for place, least in enumerate(self._least):
            self.resizeSection(place, least)
        self._is_fitting = False
        self.fit()

    def need(self, place: int, pixels: int) -> bool:
        """Widen a column that shows wider numbers; tells whether it had to."""
        self._wanted[place] = max(pixels, self._wanted.get(place, 0))
        if self.sectionSize(place) >= pixels or self.isSectionHidden(place):
            return False
        self._is_fitting = True
        self.resizeSection(place, pixels)
        self._is_fitting = False
        self.fit()
        return True

    def want(self, column: str, pixels: int) -> None:
        """Give a text column what its longest text asks for; less important ones make room."""
        place = self._at[column]
        wide = max(self._least[place], pixels)
        self._wanted[place] = wide
        if not self.columns[place].stretches:
            self._is_fitting = True
            self.resizeSection(place, wide)
            self._is_fitting = False

    def fit(self) -> None:
        """Give the stretching column the room the others leave."""
        at = next((i for i, column in enumerate(self.columns) if column.stretches), None)
        if at is None or self._is_fitting or self.isSectionHidden(at) or not self._least:
            return
        others = sum(self.sectionSize(i) for i in range(len(self.columns)) if i != at)
        self._is_fitting = True
        self.resizeSection(at, max(self._least[at], self.width() - others))
        self._is_fitting = False

    @property
    def shown(self) -> list[int]:
        """The columns that are not hidden, from left to right."""
        order = (self.logicalIndex(visual) for visual in range(self.count()))
        return [place for place in order if not self.isSectionHidden(place)]

    def show_sort(self, column: str, *, descending: bool) -> None:
        """Mark the column that rows are sorted by; empty marks none."""
        self.sort, self.descending = column, descending
        self.viewport().update()

    def arrangement(self) -> ColumnState:
        order = tuple(self.columns[self.logicalIndex(i)].id for i in range(self.count()))
        usual = zip(self.columns, self._least, strict=True)
        scale = Theme.current().scale
        return ColumnState(
            order=order,
            hidden=tuple(c.id for i, c in enumerate(self.columns) if self.isSectionHidden(i)),
            widths={
                column.id: round(self.sectionSize(i) / scale)
                for i, (column, least) in enumerate(usual)
                if not column.stretches
                and not self.isSectionHidden(i)
                and self.sectionSize(i) != least
            },
            sort=self.sort,
            descending=self.descending,
        )

    def arrange(self, state: ColumnState) -> None:
        """Arrange columns as saved; ids that no longer exist are passed over."""
        self._is_fitting = True
        for to, column in enumerate(c for c in state.order if c in self._at):
            self.moveSection(self.visualIndex(self._at[column]), to)
        hidden = set(state.hidden)
        if not set(self._at) <= hidden:
            for column, place in self._at.items():
                if column in state.order:
                    self.setSectionHidden(place, column in hidden)
        for column, pixels in state.widths.items():
            if column in self._at:
                place = self._at[column]
                wide = Theme.current().px(max(24, min(pixels, 800)))
                self.resizeSection(place, max(wide, self._least[place] // 2))
        self._is_fitting = False
        self.fit()
        self.arranged.emit()

    def show_what_fits(self, columns: Sequence[str]) -> None:
        """Show as many of these columns, the most important first, as the width has room for."""
        left = self.width()
        shown: set[int] = set()
        for column in columns:
            place = self._at[column]
            left -= max(self._least[place], self._wanted.get(place, 0))
            if left < 0 and shown:
                break
            shown.add(place)
        if shown == set(self.shown):
            return
        self._is_fitting = True
        for place in range(len(self.columns)):
            self.setSectionHidden(place, place not in shown)
        self._is_fitting = False
        self.fit()

    def start_over(self) -> None:
        """Put the columns back as they were made."""
        self._is_fitting = True
        for place, column in enumerate(self.columns):
            self.moveSection(self.visualIndex(place), place)
            self.setSectionHidden(place, not column.is_shown)
            self.resizeSection(place, self._least[place])
        self._is_fitting = False
        self.fit()
        self.arranged.emit()

    def chooser(self) -> tuple[menus.Item, ...]:
        """Give the menu that shows and hides columns."""
        shown = self.shown

        def line(place: int) -> menus.Item:
            is_shown = place in shown
            return menus.Item(
                title=self.columns[place].tip or self.columns[place].title,
                run=lambda: self.show_column(place, is_shown=not is_shown),
                is_checked=is_shown,
                is_enabled=not (is_shown and len(shown) == 1),
            )

        lines = (line(place) for place in range(len(self.columns)))
        return (*lines, menus.LINE, menus.Item(title="Reset columns", run=self.start_over))

    def show_column(self, place: int, *, is_shown: bool) -> None:
        self.setSectionHidden(place, not is_shown)
        self.fit()
        self.arranged.emit()

    def _offer_columns(self, at: QPoint) -> None:
        menus.popup(self.chooser(), self.viewport().mapToGlobal(at), self)

    def _on_click(self, place: int) -> None:
        column = self.columns[place]
        first = column.is_number  # the largest number first, but text from A
        if self.sort != column.id:
            self.sort_asked.emit(column.id, first)
        elif self.descending == first:
            self.sort_asked.emit(column.id, not first)
        else:
            self.sort_asked.emit("", first)

    def _on_arranged(self, *_: int) -> None:
        if not self._is_fitting:
            self.arranged.emit()

    def _on_resized(self, *_: int) -> None:
        if not self._is_fitting:
            self.fit()
            self.arranged.emit()

    @override
    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        theme = Theme.current()
        column = self.columns[logicalIndex]
        is_sorted = column.id == self.sort
        painter.save()
        painter.fillRect(rect, theme.colour("surface"))
        line = rect.adjusted(0, rect.height() - 1, 0, 0)
        painter.fillRect(line, theme.colour("line"))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text" if is_sorted else "text_dim"))
        inner = rect.adjusted(theme.space("m"), 0, -theme.space("m"), -1)
        title = painter.fontMetrics().elidedText(
            column.title, Qt.TextElideMode.ElideRight, inner.width()
        )
        painter.drawText(inner, _RIGHT if column.is_number else _LEFT, title)
        if is_sorted:
            wide = painter.fontMetrics().horizontalAdvance(title)
            gap = theme.px(7)
            x = inner.right() - wide - gap if column.is_number else inner.left() + wide + gap
            self._draw_arrow(painter, QPointF(x, inner.center().y() + 0.5))
        painter.restore()

    def _draw_arrow(self, painter: QPainter, at: QPointF) -> None:
        theme = Theme.current()
        size = theme.px(3)
        up = 1 if self.descending else -1
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.brush("accent"))
        base = at - QPointF(0, up * size / 2)
        painter.drawPolygon(
            QPolygonF(
                [base - QPointF(size, 0), base + QPointF(size, 0), base + QPointF(0, up * size)]
            )
        )

    @override
    def paintEvent(self, e: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        theme = Theme.current()
        painter.fillRect(e.rect(), theme.colour("surface"))
        bottom = self.viewport().rect().adjusted(0, self.height() - 1, 0, 0)
        painter.fillRect(bottom, theme.colour("line"))
        painter.end()
        super().paintEvent(e)
