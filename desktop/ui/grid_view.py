"""The painting half of the grid: rows come in, and only cells that changed are drawn again."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from desktop.ui.columns import Column, ColumnState, Read, csv_text
from desktop.ui.flashes import STEP_MS, Flashes
from desktop.ui.grid_canvas import Canvas, Cell, Slot
from desktop.ui.grid_frame import GridFrame
from desktop.ui.grid_rows import RowOrder
from desktop.ui.theme import Theme

_GROUNDS: Final = (
    *("surface", "hover", "selection", "selection_idle", "line"),
    *("flash_up", "flash_up_weak", "flash_down", "flash_down_weak"),
)


class _Shown:
    """What is on the screen of one row, to compare the next values with."""

    __slots__ = ("colours", "is_dim", "texts", "values")

    def __init__(self, values: Sequence[object], texts: list[str], colours: list[str]) -> None:
        self.values = values
        self.texts = texts
        self.colours = colours
        self.is_dim = False


class GridView(GridFrame):
    """Rows by key, painted straight from their values. See `PaintedGrid` for the whole."""

    arranged = Signal()
    """The trader changed columns or sorting."""
    rows_changed = Signal()
    """Rows were added, removed or moved."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        read: Read = tuple,
        name: str = "Table",
        parent: QWidget | None = None,
    ) -> None:
        """Make an empty grid.

        Args:
            columns: what to show; ids are unique.
            read: turns a row into its values, one for each column, in the order of `columns`. It
                is called for visible rows only.
            name: what a screen reader calls the grid.
            parent: its owner.
        """
        super().__init__(columns, parent)
        self._places = {column.id: place for place, column in enumerate(self._columns)}
        self._read = read
        self._order = RowOrder()
        self._canvas = Canvas()
        self._shown: dict[str, _Shown] = {}
        self._dirty: dict[str, set[int]] = {}
        self._plan: list[tuple[int, Column]] = []
        self._sight: dict[int, Slot] = {}
        self._is_full = True
        self._longest = [0] * len(self._columns)
        self._flashes = Flashes()
        self._looks: dict[str, str] = {}
        self._empty_text = ""
        self._now_ns: Callable[[], int] = time.monotonic_ns
        self.does_flash = True
        self.is_dim: Callable[..., bool] | None = None
        """Tells of a row that everything in it is to be drawn dim: its prices are old."""
        self._current: str | None = None
        self._selected: set[str] = set()
        self._hovered: str | None = None
        self._drop_at: int | None = None
        self._fade = QTimer(self)
        self._fade.setSingleShot(True)
        self._fade.timeout.connect(self._on_fade)
        self.setAccessibleName(name)
        self._header.arranged.connect(self._on_arranged)
        self._header.sort_asked.connect(self.sort_by)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        Theme.current().changed.connect(self._dress)
        self._dress()

    # -- rows

    def set_rows(self, rows: Mapping[str, object]) -> None:
        """Replace everything; rows stand in the mapping's order, or sorted as they were."""
        self._order.replace(rows)
        self._selected &= rows.keys()
        if self._current not in rows:
            self._current = None
        if self._header.sort:
            self._sort()
        self._after_rows()

    def update_rows(self, rows: Mapping[str, object]) -> None:
        """Take newer values of rows, and unknown keys as new rows at the end.

        Rows do not change places, whatever they are sorted by: nothing moves under the mouse.
        """
        if self._order.update(rows):
            self._after_rows()
            return
        if self._is_full or not self.isVisible():
            self._is_full = True
            return
        # Whichever is shorter is walked: a few dozen visible rows, or a few changed ones.
        for key in self._shown.keys() & rows.keys():
            self._compare(key)
        self._touch()

    def set_cells(self, key: str, changes: Mapping[str, object]) -> None:
        """Change some values of a row that is itself a sequence of values, by column id."""
        row = self._order.rows[key]
        assert isinstance(row, Sequence)
        values = list(row)
        for column, value in changes.items():
            values[self._places[column]] = value
        self.update_rows({key: tuple(values)})

    def remove_rows(self, keys: Collection[str]) -> None:
        """Take rows away; unknown keys do nothing."""
        if not self._order.remove(keys):
            return
        self._selected.difference_update(keys)
        if self._current in keys:
            self._current = None
        self._after_rows()

    def _after_rows(self) -> None:
        self._lay_out()
        self.repaint_all()
        self.rows_changed.emit()

    @property
    def keys(self) -> tuple[str, ...]:
        """The rows as they stand at present."""
        return tuple(self._order.keys)

    @property
    def own_order(self) -> tuple[str, ...]:
        """The rows in the trader's own order, whatever they are sorted by."""
        return tuple(self._order.own)

    def row(self, key: str) -> object:
        return self._order.rows[key]

    @override
    def __len__(self) -> int:
        return len(self._order)

    def cell_text(self, key: str, column: str) -> str:
        """Give the text of a cell, as it is or would be shown."""
        place = self._places[column]
        row = self._order.rows[key]
        return self._columns[place].show(self._read(row)[place], row)

    def row_text(self, key: str) -> str:
        """Say a row in words: each shown column's title and text."""
        row = self._order.rows[key]
        values = self._read(row)
        cells = ((self._columns[i], values[i]) for i in self._header.shown)
        return ", ".join(f"{c.title} {c.show(value, row)}".strip() for c, value in cells)

    def csv(self) -> str:
        """Give the shown columns of all rows as CSV."""
        shown = [self._columns[i].id for i in self._header.shown]
        titles = [self._columns[self._places[each]].title for each in shown]
        rows = ([self.cell_text(key, each) for each in shown] for key in self._order.keys)
        return csv_text(titles, rows)

    # -- columns and sorting

    def sort_by(self, column: str, descending: bool) -> None:  # noqa: FBT001 - a signal's slot
        """Sort once, now; an empty column goes back to the own order."""
        self._header.show_sort(column, descending=descending)
        if column:
            self._sort()
        else:
            self._order.unsort()
        self._after_rows()
        self.arranged.emit()

    def _sort(self) -> None:
        place = self._places.get(self._header.sort)
        if place is None:
            return
        rows, read = self._order.rows, self._read
        self._order.sort(lambda key: read(rows[key])[place], descending=self._header.descending)

    def save_columns(self) -> dict[str, object]:
        """Give the arrangement of columns and the sorting, for a workspace."""
        return self._header.arrangement().to_json()

    def restore_columns(self, state: ColumnState) -> None:
        self.is_arranged = True
        self._header.arrange(state)
        if state.sort in self._places or not state.sort:
            self.sort_by(state.sort, state.descending)

    def _on_arranged(self) -> None:
        self.is_arranged = True
        self._lay_out()
        self.repaint_all()
        self.arranged.emit()

    # -- look

    def set_empty_text(self, text: str) -> None:
        """Say what an empty grid is waiting for."""
        self._empty_text = text
        if not len(self):
            self.repaint_all()

    def set_clock(self, now_ns: Callable[[], int]) -> None:
        """Measure flashes with another clock."""
        self._now_ns = now_ns

    def _dress(self) -> None:
        theme = Theme.current()
        self._looks = {role: theme.hex(role) for role in theme.roles()}
        assert self._looks.keys() >= set(_GROUNDS)
        self._canvas.dress()
        self._longest = [0] * len(self._columns)
        self._measure()
        self.repaint_all()

    @override
    def repaint_all(self) -> None:
        """Draw every visible cell anew; costs about a millisecond."""
        self._is_full = True
        self.viewport().update()

    # -- what changed

    def _compare(self, key: str) -> None:
        """Note which cells of a visible row show something else now."""
        row = self._order.rows[key]
        shown = self._shown[key]
        values = self._read(row)
        old = shown.values
        is_dim = self.is_dim is not None and self.is_dim(row)
        if is_dim != shown.is_dim:
            shown.is_dim = is_dim
            self._mark(key, range(len(values)))
        shown.values = values
        texts, colours, looks = shown.texts, shown.colours, self._looks
        changed: list[int] = []
        for place, column in self._plan:
            value = values[place]
            is_same = value == old[place]
            if is_same and column.tint is None:
                continue
            colour = looks[column.colour(value, row)]
            text = texts[place] if is_same else column.show(value, row)
            if text == texts[place]:
                if colour == colours[place]:
                    continue
            elif column.flashes and self.does_flash:
                self._flash((key, place), old[place], value)
            texts[place], colours[place] = text, colour
            changed.append(place)
        if changed:
            self._mark(key, changed)

    def _flash(self, cell: tuple[str, int], old: object, new: object) -> None:
        is_lit = self._flashes.note(cell, old, new, self._now_ns())
        if is_lit and not self._fade.isActive():
            self._fade.start(STEP_MS)

    def _mark(self, key: str, places: Collection[int]) -> None:
        self._dirty.setdefault(key, set()).update(places)

    def _on_fade(self) -> None:
        """Take every flash one step back; the one timer for all of them."""
        for key, place in self._flashes.fade(self._now_ns()):
            self._mark(key, (place,))
        self._touch()
        if self._flashes:
            self._fade.start(STEP_MS)

    def _ground(self, key: str, place: int, now: int) -> str | None:
        role = self._flashes.role((key, place), now)
        return None if role is None else self._looks[role]

    def _row_ground(self, key: str) -> str:
        if key in self._selected or key == self._current:
            return self._looks["selection" if self.hasFocus() else "selection_idle"]
        return self._looks["hover" if key == self._hovered else "surface"]

    def _touch(self) -> None:
        """Ask Qt to copy the part of the picture that holds the dirty cells."""
        if self._is_full:
            self._dirty.clear()  # all is drawn anew, and rows noted here may be gone
        if not self._dirty:
            return
        first = last = None
        for key in self._dirty.keys() & self._shown.keys():
            at = self._order.place(key)
            first = at if first is None or at < first else first
            last = at if last is None or at > last else last
        if first is None or last is None:
            self._dirty.clear()
            return
        top = first * self._row_high - self.verticalScrollBar().value()
        high = (last - first + 1) * self._row_high
        self.viewport().update(QRect(0, top, self.viewport().width(), high + 1))

    # -- painting

    def _slots(self) -> dict[int, Slot]:
        """Give the columns that are in sight, and where."""
        wide = self.viewport().width()
        sight = {}
        for place in self._header.shown:
            left = self._header.sectionViewportPosition(place)
            right = left + self._header.sectionSize(place)
            if right > 0 and left < wide:
                sight[place] = (left, right)
        columns = [self._columns[place] for place in sight]
        slots = self._canvas.slots(columns, list(sight.values()))
        return dict(zip(sight, slots, strict=True))

    def visible_keys(self) -> list[str]:
        """Give the rows in sight, from the top."""
        first = self.verticalScrollBar().value() // self._row_high
        count = self.viewport().height() // self._row_high + 2
        return self._order.keys[first : first + count]

    def _rim(self, key: str) -> tuple[int, int]:
        """Give the upper and lower edge of a row in device pixels."""
        top = self._order.place(key) * self._row_high - self.verticalScrollBar().value()
        ratio = self._canvas.ratio
        return round(top * ratio), round((top + self._row_high) * ratio)

    def _paint_full(self) -> None:
        self._is_full = False
        self._dirty.clear()
        # Until the next full painting these hold: whatever moves a column asks for one.
        self._plan = [(place, self._columns[place]) for place in self._header.shown]
        self._shown = {key: self._show(key) for key in self.visible_keys()}
        for place, column in self._plan:
            if column.is_number:
                self._widen(place, (shown.texts[place] for shown in self._shown.values()))
        self._sight = self._slots()
        self._canvas.begin()
        self._canvas.clear(self._looks["surface"])
        for key, shown in self._shown.items():
            top, bottom = self._rim(key)
            self._canvas.row(top, bottom, self._row_ground(key), self._looks["line"])
            self._canvas.cells(top, bottom, self._cells(key, shown, self._sight, None))
        self._canvas.end()

    def _show(self, key: str) -> _Shown:
        row = self._order.rows[key]
        values = self._read(row)
        texts, colours = [""] * len(values), [""] * len(values)
        for place, column in self._plan:
            value = values[place]
            texts[place] = column.show(value, row)
            colours[place] = self._looks[column.colour(value, row)]
        shown = _Shown(values, texts, colours)
        shown.is_dim = self.is_dim is not None and self.is_dim(row)
        return shown

    def _cells(
        self, key: str, shown: _Shown, places: Iterable[int], ground: str | None
    ) -> list[Cell]:
        """Give what to draw of a row's cells, as far as they are in sight."""
        sight, texts = self._sight, shown.texts
        dim = self._looks["text_dim"] if shown.is_dim else ""
        now = self._now_ns() if self._flashes else 0
        return [
            (
                sight[place],
                texts[place],
                dim or shown.colours[place],
                (self._ground(key, place, now) or ground) if now else ground,
            )
            for place in places
            if place in sight
        ]

    def _widen(self, place: int, texts: Iterable[str]) -> None:
        """Widen a column whose numbers have become longer than any it showed before."""
        longest = max(texts, key=len, default="")
        if len(longest) <= self._longest[place]:
            return
        self._longest[place] = len(longest)
        column = self._columns[place]
        if self._header.need(place, self._canvas.need(longest, is_strong=column.is_strong)):
            self._lay_out()
            self.repaint_all()

    def _paint_dirty(self) -> None:
        self._canvas.begin()
        for key in self._dirty.keys() & self._shown.keys():
            shown, places = self._shown[key], self._dirty[key]
            for place in places:
                text = shown.texts[place]
                if len(text) > self._longest[place] and self._columns[place].is_number:
                    self._widen(place, [text])
            top, bottom = self._rim(key)
            self._canvas.cells(top, bottom, self._cells(key, shown, places, self._row_ground(key)))
        self._canvas.end()
        self._dirty.clear()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.viewport().devicePixelRatioF()
        if self._canvas.fit(self.viewport().size(), ratio):
            self._is_full = True
        if self._dirty and not self._is_full:
            self._paint_dirty()
        if self._is_full:
            self._paint_full()
        painter = QPainter(self.viewport())
        self._canvas.copy_to(painter)
        self._paint_over(painter)
        painter.end()

    def _paint_over(self, painter: QPainter) -> None:
        theme = Theme.current()
        if not len(self) and self._empty_text:
            painter.setFont(theme.font())
            painter.setPen(theme.colour("text_dim"))
            gap = theme.space("xl")
            box = self.viewport().rect().adjusted(gap, gap, -gap, -gap)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box, flags, self._empty_text)
        if self._drop_at is not None:
            y = self._drop_at * self._row_high - self.verticalScrollBar().value()
            bar = QRect(0, max(0, y - 1), self.viewport().width(), 2)
            painter.fillRect(bar, theme.colour("accent"))
