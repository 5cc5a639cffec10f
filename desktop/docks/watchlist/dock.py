"""The watchlist: lists as tabs, a box to add to them, and a grid of prices that links the rest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from typing_extensions import override

from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import Detail
from brokers.model.order import Side
from desktop.commands import Command
from desktop.docks.base import Dock, DockContext, TicketRequest
from desktop.docks.watchlist import model
from desktop.docks.watchlist.model import Line, Lists
from desktop.docks.watchlist.tabs import ListTabs
from desktop.trading.desk import Desk
from desktop.trading.hub import Frame, Freshness, Watch
from desktop.ui import menus
from desktop.ui.columns import read_column_state
from desktop.ui.confirm import save_text
from desktop.ui.grid import PaintedGrid
from desktop.ui.parts import tool_button
from desktop.ui.search import InstrumentSearch
from desktop.ui.theme import Theme

_EMPTY: Final = "Nothing watched yet. Type a symbol or a name above, and press Enter."
_NO_ACCOUNT: Final = "No account is open. Log in to a broker, or open the practice account."
_FOUND: Final = 50


class WatchlistDock(Dock):
    """Shows one list at a time. The row with the cursor is the instrument of the link group."""

    def __init__(self, context: DockContext, name: str, parent: QWidget | None = None) -> None:
        super().__init__(context, name, parent)
        self.lists = Lists()
        self._lines: dict[InstrumentId, Instrument | None] = {}
        self._watch: Watch | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._is_following = False
        self.tabs = ListTabs(self)
        self.search = InstrumentSearch(_find_nothing, hint="Add symbol or name", parent=self)
        self.grid = PaintedGrid(
            model.COLUMNS, read=model.values, name="Watchlist prices", parent=self
        )
        self.grid.can_reorder = True
        self.grid.importance = model.IMPORTANCE
        self.grid.is_dim = self._is_stale
        self.grid.set_empty_text(_NO_ACCOUNT)
        self._dot = self.link_dot()
        self._lay_out()
        self._connect()
        self.tabs.show_lists(self.lists.names, self.lists.at)

    def _lay_out(self) -> None:
        theme = Theme.current()
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, theme.space("s"), 0)
        head.setSpacing(theme.space("xs"))
        head.addWidget(self.tabs, 1)
        head.addWidget(self._dot)
        head.addWidget(tool_button("more", "List and columns", self._offer_list, parent=self))
        box = QHBoxLayout()
        box.setContentsMargins(*(theme.space("m"), theme.space("s")) * 2)
        box.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(box)
        column.addWidget(self.grid, 1)

    def _connect(self) -> None:
        tabs, grid = self.tabs, self.grid
        tabs.chosen.connect(self._on_list)
        tabs.add_asked.connect(self.open_list)
        tabs.drop_asked.connect(self._on_drop)
        tabs.renamed.connect(self._on_renamed)
        tabs.moved.connect(self._on_moved)
        self.search.chosen.connect(self.add)
        grid.current_changed.connect(self._on_current)
        grid.activated.connect(self._on_activated)
        grid.remove_asked.connect(self.remove)
        grid.reordered.connect(self._on_reordered)
        grid.context_asked.connect(self._on_context)
        Theme.current().changed.connect(self._show_lines)

    # What the shell calls.

    @override
    def bind(self, desk: Desk | None) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        super().bind(desk)
        if desk is None:
            self.search.set_find(_find_nothing)
        else:
            instruments = desk.instruments
            self.search.set_find(lambda words: instruments.search(words, _FOUND))
            listeners = instruments.on_change
            listeners.append(self._on_masters)
            self._stop_listening = lambda: listeners.remove(self._on_masters)
            self._first_list(desk)
        self.search.setEnabled(desk is not None)
        self.grid.set_empty_text(_NO_ACCOUNT if desk is None else _EMPTY)
        self._follow_list()

    def _first_list(self, desk: Desk) -> None:
        """Fill the list of a new desk, so that the first window is not an empty one."""
        if not self.lists.is_new:
            return
        found = (desk.instruments.by_symbol(symbol) for symbol in model.FIRST)
        members = [each.id for each in found if each is not None]
        if members:
            self.lists.arrange(members)

    @override
    def show_instrument(self, instrument: InstrumentId) -> None:
        if self._lines.get(instrument) is not None and self.grid.current != instrument:
            self._is_following = True
            self.grid.set_current(instrument)
            self._is_following = False

    @override
    def apply(self, frame: Frame) -> None:
        desk = self.desk
        if desk is None or not frame.quotes:
            return
        quote = desk.hub.quote
        lines = self._lines
        changed: dict[str, object] = {}
        for each in frame.quotes & lines.keys():
            changed[each] = Line(each, lines[each], quote(each))
        if changed:
            self.grid.does_flash = self.context.settings.flag("look.flash")
            self.grid.update_rows(changed)

    @override
    def catch_up(self) -> None:
        self._show_lines()

    @override
    def keyboard_home(self) -> QWidget:
        return self.grid

    @override
    def commands(self) -> tuple[Command, ...]:
        group = "Watchlist"
        return (
            Command(
                id=f"{self.name}.add",
                title="Add to the watchlist",
                group=group,
                run=self.focus_search,
                keys=("Ctrl+N",),
                is_enabled=lambda: self.desk is not None,
            ),
            Command(
                id=f"{self.name}.next",
                title="Next watchlist",
                group=group,
                run=lambda: self._on_list((self.lists.at + 1) % len(self.lists.names)),
                keys=("Ctrl+Tab",),
            ),
            Command(
                id=f"{self.name}.new",
                title="New watchlist",
                group=group,
                run=self.open_list,
            ),
        )

    @override
    def save_state(self) -> dict[str, object]:
        state = self.lists.save()
        if self.grid.is_arranged:
            state["columns"] = self.grid.save_columns()
        return state

    @override
    def restore_state(self, state: Mapping[str, object]) -> None:
        self.lists.restore(state)
        columns = read_column_state(state.get("columns"))
        if columns is not None:
            self.grid.restore_columns(columns)
        self._follow_list()

    @override
    def release(self) -> None:
        self._unwatch()
        super().release()

    # Lists.

    def add(self, instrument: Instrument) -> None:
        """Add an instrument to the shown list and put the cursor on it."""
        if self.lists.add(instrument.id):
            self._follow_list()
        elif instrument.id not in self.lists.members:
            self.context.toasts.warn("The list is full", f"At most {model.MOST_ROWS} instruments.")
            return
        self.grid.set_current(instrument.id)

    def remove(self, keys: Sequence[str]) -> None:
        """Take instruments off the shown list; the cursor goes to the next one."""
        before = self.grid.keys
        gone = set(keys)
        left = [key for key in before if key not in gone]
        at = min((before.index(key) for key in keys if key in before), default=0)
        self.lists.remove(keys)
        self._follow_list()
        if left:
            self.grid.set_current(left[min(at, len(left) - 1)])

    def open_list(self) -> None:
        """Begin a new list; its name can be typed at once."""
        if not self.lists.open_list():
            self.context.toasts.warn("No more lists", f"At most {model.MOST_LISTS} watchlists.")
            return
        self._follow_list()
        self.tabs.rename(self.lists.at)

    def focus_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _on_list(self, at: int) -> None:
        self.lists.at = at
        self._follow_list()

    def _on_drop(self, at: int) -> None:
        self.lists.drop(at)
        self._follow_list()

    def _on_renamed(self, at: int, name: str) -> None:
        self.lists.rename(at, name)
        self.tabs.show_lists(self.lists.names, self.lists.at)

    def _on_moved(self, at: int, to: int) -> None:
        self.lists.move(at, to)

    def _on_reordered(self) -> None:
        self.lists.arrange(self.grid.own_order)

    def _on_masters(self) -> None:
        """A new master came: names and decimals may be others, or be known at last."""
        if self.desk is not None:
            self._first_list(self.desk)
        self._follow_list()

    def _follow_list(self) -> None:
        """Watch what the shown list holds, and show it."""
        self.tabs.show_lists(self.lists.names, self.lists.at)
        desk, members = self.desk, self.lists.members
        before = self._watch
        self._watch = None
        if desk is not None and members:
            self._watch = desk.hub.watch_all(members, Detail.QUOTE, self.name)
        if before is not None:
            before.close()  # after the new one opened: what both hold stays followed throughout
        self._lines = {
            each: None if desk is None else desk.instruments.instrument(each) for each in members
        }
        self._show_lines()
        current = self.context.links.current(self.link)
        if current is not None:
            self.show_instrument(current)

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def _show_lines(self) -> None:
        desk = self.desk
        rows: dict[str, object] = {}
        if desk is not None:
            for each, instrument in self._lines.items():
                rows[each] = Line(each, instrument, desk.hub.quote(each))
        labels = (each.label for each in self._lines.values() if each is not None)
        self.grid.fit_names("symbol", labels)
        self.grid.set_rows(rows)

    def _is_stale(self, line: Line) -> bool:
        desk = self.desk
        if desk is None or line.quote is None:
            return False
        return desk.hub.freshness(line.id, desk.clock.now_ns()) is Freshness.STALE

    # Rows.

    def _on_current(self, key: str) -> None:
        if key and not self._is_following:
            self.context.links.select(self.link, InstrumentId(key))

    def _on_activated(self, key: str, _column: str) -> None:
        self._ask_ticket(key, None)

    def _ask_ticket(self, key: str, side: Side | None) -> None:
        line = self.grid.row(key)
        if isinstance(line, Line) and model.is_tradable(line):
            self.context.requests.ticket.emit(TicketRequest(instrument=line.id, side=side))

    def _on_context(self, key: str, _column: str, at: QPoint) -> None:
        menus.popup(self.row_items(key) if key else self.list_items(), at, self)

    def row_items(self, key: str) -> tuple[menus.Item, ...]:
        """Give the menu of a row."""
        line = self.grid.row(key)
        can_trade = isinstance(line, Line) and model.is_tradable(line)
        chosen = self.grid.selected
        many = f" ({len(chosen)})" if len(chosen) > 1 else ""
        opened = self.context.requests.opened
        return (
            menus.Item(
                title="Buy",
                icon="ticket",
                run=lambda: self._ask_ticket(key, Side.BUY),
                is_enabled=can_trade,
            ),
            menus.Item(
                title="Sell", run=lambda: self._ask_ticket(key, Side.SELL), is_enabled=can_trade
            ),
            menus.LINE,
            menus.Item(title="Chart", icon="chart", run=lambda: opened.emit("chart", key)),
            menus.Item(title="Depth", icon="depth", run=lambda: opened.emit("depth", key)),
            menus.LINE,
            menus.Item(title="Copy to list", items=self._other_lists(chosen)),
            menus.Item(title="Copy", icon="copy", keys="Ctrl+C", run=self._copy),
            menus.Item(
                title=f"Remove{many}",
                icon="trash",
                keys="Del",
                run=lambda: self.remove(chosen),
            ),
        )

    def _other_lists(self, chosen: Sequence[str]) -> tuple[menus.Item, ...]:
        lists = self.lists

        def copy_to(at: int) -> None:
            for each in chosen:
                lists.add(InstrumentId(each), to=at)

        def line(at: int) -> menus.Item:
            return menus.Item(title=lists.names[at], run=lambda: copy_to(at))

        others = tuple(line(at) for at in range(len(lists.names)) if at != lists.at)
        return others or (menus.Item(title="No other list", is_enabled=False),)

    def list_items(self) -> tuple[menus.Item, ...]:
        """Give the menu of the list: columns, saving, and the list itself."""
        return (
            menus.Item(title="Columns", icon="columns", items=self.grid.header.chooser()),
            menus.Item(title="Save as CSV…", icon="export", run=self._save),
            menus.LINE,
            *self.tabs.items(self.lists.at),
        )

    def _offer_list(self) -> None:
        menus.popup(self.list_items(), self._dot.mapToGlobal(self._dot.rect().bottomLeft()), self)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.grid.copied_text())

    def _save(self) -> None:
        save_text(self, f"{self.lists.names[self.lists.at]}.csv", self.grid.csv)

    # Looks.


def _find_nothing(words: str) -> Sequence[Instrument]:
    del words
    return ()
