"""The portfolio's window: positions, holdings, funds; exit one or all."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget
from typing_extensions import override

from brokers.model.instrument import InstrumentId
from brokers.model.market import Detail
from brokers.model.order import OpState, Side
from desktop.commands import Command
from desktop.docks.base import Dock, DockContext, TicketRequest
from desktop.docks.portfolio import model
from desktop.docks.portfolio.model import HoldingLine, PositionLine
from desktop.trading.desk import Desk
from desktop.trading.exits import ExitPlan
from desktop.trading.hub import Frame, Watch
from desktop.trading.rows import Level
from desktop.ui import labels, menus, rupees
from desktop.ui.columns import read_column_state
from desktop.ui.confirm import SureButton, save_text
from desktop.ui.folding import FoldingRow
from desktop.ui.grid import PaintedGrid
from desktop.ui.parts import Segments, tool_button
from desktop.ui.theme import Theme

_EMPTY: Final = {
    "positions": "No positions today. A filled order shows here at once, with its profit.",
    "holdings": "No holdings. What is bought for delivery shows here after it is settled.",
    "funds": "Funds are not known yet. They are asked for again after every order.",
}
_NO_ACCOUNT: Final = "No account is open. Log in to a broker, or open the practice account."
_FINE: Final = frozenset({OpState.ACKED, OpState.INTENT, OpState.SENDING})


class PortfolioDock(Dock):
    """What the account owns and owes; every figure follows every tick."""

    def __init__(self, context: DockContext, name: str, parent: QWidget | None = None) -> None:
        super().__init__(context, name, parent)
        self._stop_listening: Callable[[], None] | None = None
        self._watch: Watch | None = None
        self._watched: frozenset[InstrumentId] = frozenset()
        self.positions = PaintedGrid(
            model.POSITION_COLUMNS, read=model.position_values, name="Positions", parent=self
        )
        self.holdings = PaintedGrid(
            model.HOLDING_COLUMNS, read=model.holding_values, name="Holdings", parent=self
        )
        self.funds = PaintedGrid(
            model.FUNDS_COLUMNS, read=model.funds_values, name="Funds", parent=self
        )
        self._grids = {
            "positions": self.positions,
            "holdings": self.holdings,
            "funds": self.funds,
        }
        self._pages = QStackedLayout()
        for key, grid in self._grids.items():
            grid.set_empty_text(_EMPTY[key])
            grid.importance = model.IMPORTANCE.get(key, ())
            self._pages.addWidget(grid)
        choices = [(key, key.capitalize()) for key in self._grids]
        self._tabs = Segments(choices, "Show", self)
        self._exit = SureButton("Exit", self._question, self.exit, kind="quiet", parent=self)
        self._exit_all = SureButton(
            "Exit all", self._question_all, self.exit_all, kind="quiet", parent=self
        )
        self._day = labels.label("—", role="title", parent=self)
        self._split = labels.label("", role="dim", parent=self)
        self.bar = FoldingRow(self)
        self._lay_out()
        self._tabs.changed.connect(self._on_tab)
        self.positions.current_changed.connect(lambda _key: self._show_buttons())
        self.positions.remove_asked.connect(lambda _keys: self._exit.press())
        for key in ("positions", "holdings"):
            self._grids[key].clicked.connect(lambda row, _column: self._select(row))
            self._grids[key].context_asked.connect(self._on_context)
        Theme.current().changed.connect(self.catch_up)
        self._show_buttons()

    # What the shell calls.

    @override
    def bind(self, desk: Desk | None) -> None:
        super().bind(desk)
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        self._follow(frozenset())
        if desk is not None:
            self._stop_listening = desk.portfolio.changed.add(self.context.request_frame)
        self.catch_up()

    @override
    def apply(self, frame: Frame) -> None:
        if self.desk is None:
            return
        changed = self.desk.portfolio.frame(frame.quotes)
        if changed.positions:
            self._show_positions(changed.positions)
        if changed.holdings:
            self._show_holdings()
        if changed.has_funds:
            self.funds.set_rows(model.funds_lines(self.desk.portfolio.funds))
        if changed.has_totals or changed.positions:
            self._show_totals()
            self._show_buttons()

    @override
    def keyboard_home(self) -> QWidget:
        return self._grids[self._tabs.value]

    @override
    def catch_up(self) -> None:
        desk = self.desk
        for key, grid in self._grids.items():
            grid.set_empty_text(_NO_ACCOUNT if desk is None else _EMPTY[key])
        self._fill(self.positions, {} if desk is None else model.position_lines(desk))
        self._fill(self.holdings, {} if desk is None else model.holding_lines(desk))
        self.funds.set_rows({} if desk is None else model.funds_lines(desk.portfolio.funds))
        if desk is not None:
            self._follow(desk.portfolio.instruments())
        self._show_totals()
        self._show_buttons()

    @override
    def release(self) -> None:
        self._follow(frozenset())
        super().release()

    @override
    def commands(self) -> tuple[Command, ...]:
        return (
            Command(
                id="trade.exit_all",
                title="Exit all positions",
                group="Trade",
                keys=("Ctrl+Shift+E",),
                run=self._exit_all.press,
            ),
        )

    @override
    def save_state(self) -> dict[str, object]:
        grids = self._grids.items()
        columns = {key: grid.save_columns() for key, grid in grids if grid.is_arranged}
        return {"tab": self._tabs.value, "columns": columns}

    @override
    def restore_state(self, state: Mapping[str, object]) -> None:
        tab = state.get("tab")
        if tab in self._grids:
            self._tabs.choose(str(tab))
        columns = state.get("columns")
        for key, grid in self._grids.items():
            kept = read_column_state(columns.get(key)) if isinstance(columns, dict) else None
            if kept is not None:
                grid.restore_columns(kept)

    # What the trader does.

    def exit(self) -> None:
        """Close the chosen position by protected limits."""
        key = self.positions.current
        if self.desk is not None and key is not None:
            self._run(self.desk, self.desk.orders.exit_plan(key))

    def exit_all(self) -> None:
        """Close every open position by protected limits."""
        if self.desk is not None:
            self._run(self.desk, self.desk.orders.exit_all_plan())

    def _run(self, desk: Desk, plan: ExitPlan) -> None:
        for problem in plan.problems:
            self.context.toasts.warn("Not exited", problem)

        async def work() -> None:
            for draft in plan.drafts:
                op = await desk.orders.place(draft)
                if op.state is OpState.DRAFT:
                    # Exit was confirmed by its own second press; what is asked here is known.
                    asked = frozenset(each.code for each in op.findings if each.level is Level.ASK)
                    op = await desk.orders.place(msgspec.structs.replace(draft, confirmed=asked))
                if op.state not in _FINE:
                    words = op.findings[0].text if op.findings else op.words
                    self.context.toasts.warn("Not exited", words)

        self.context.start(work(), owner=self.name)

    # Inside.

    def _lay_out(self) -> None:
        export = tool_button("export", "Save this table as CSV", self._export, parent=self)
        self._day.setAccessibleName("Day's profit and loss")
        self.bar.add(self._tabs)
        self.bar.add(labels.label("Day P&L", role="dim", parent=self), folds=2)
        self.bar.add(self._day, folds=1)  # the status bar has it as well
        self.bar.add(self._split, folds=4)
        self.bar.add_gap()
        self.bar.add(self._exit.widget)
        self.bar.add(self._exit_all.widget)
        self.bar.add(export, folds=3)
        self.bar.add(self.link_dot())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addLayout(self._pages, 1)

    @staticmethod
    def _fill(grid: PaintedGrid, lines: Mapping[str, PositionLine | HoldingLine]) -> None:
        grid.fit_names("name", map(model.name_of, lines.values()))
        grid.set_rows(lines)

    def _show_positions(self, keys: frozenset[str]) -> None:
        assert self.desk is not None
        lines = model.position_lines(self.desk)
        if lines.keys() == set(self.positions.keys):
            self.positions.update_rows({key: lines[key] for key in keys if key in lines})
        else:
            self._fill(self.positions, lines)
        self._follow(self.desk.portfolio.instruments())

    def _show_holdings(self) -> None:
        assert self.desk is not None
        lines = model.holding_lines(self.desk)
        if lines.keys() == set(self.holdings.keys):
            self.holdings.update_rows(lines)
        else:
            self._fill(self.holdings, lines)
        self._follow(self.desk.portfolio.instruments())

    def _show_totals(self) -> None:
        if self.desk is None or not self.desk.portfolio.is_known:
            self._day.setText("—")
            labels.set_role(self._day, "title")
            self._split.setText("")
            return
        totals = self.desk.portfolio.totals()
        day = totals.day_paise
        self._day.setText(rupees.signed_paise(day, symbol=True))
        labels.set_role(self._day, "up" if day > 0 else "down" if day < 0 else "title")
        split = (
            f"open {rupees.signed_paise(totals.unrealised_paise)}   "
            f"booked {rupees.signed_paise(totals.realised_paise)}"
        )
        if totals.unknown_positions:
            split += f"   without {totals.unknown_positions} unpriced"
        self._split.setText(split)

    def _show_buttons(self) -> None:
        row = None
        if self.desk is not None and self.positions.current is not None:
            row = self.desk.portfolio.position(self.positions.current)
        rows = () if self.desk is None else self.desk.portfolio.positions()
        is_positions = self._tabs.value == "positions"
        self._exit.widget.setEnabled(is_positions and row is not None and row.is_open)
        self._exit_all.widget.setEnabled(any(each.is_open for each in rows))

    def _question(self) -> str:
        key = self.positions.current
        row = None if self.desk is None or key is None else self.desk.portfolio.position(key)
        if row is None or not row.is_open:
            return ""
        verb = "sell" if row.net_qty > 0 else "buy"
        return f"Yes, {verb} {rupees.group(abs(row.net_qty))}"

    def _question_all(self) -> str:
        rows = () if self.desk is None else self.desk.portfolio.positions()
        count = sum(each.is_open for each in rows)
        return f"Yes, exit {count}" if count else ""

    def _select(self, key: str) -> None:
        self.context.links.select(self.link, InstrumentId(key.partition("|")[0]))

    def _on_context(self, key: str, _column: str, at: QPoint) -> None:
        items = [menus.Item(title="Save as CSV …", icon="export", run=self._export)]
        if key:
            instrument = InstrumentId(key.partition("|")[0])

            def ask(side: Side) -> None:
                self.context.requests.ticket.emit(TicketRequest(instrument=instrument, side=side))

            items = [
                menus.Item(title="Buy more …", run=lambda: ask(Side.BUY)),
                menus.Item(title="Sell …", run=lambda: ask(Side.SELL)),
                menus.Item(title="Show it", run=lambda: self._select(key)),
                menus.LINE,
                *items,
            ]
        menus.popup(items, at, self)

    def _on_tab(self, tab: str) -> None:
        self._pages.setCurrentIndex(list(self._grids).index(tab))
        self._show_buttons()

    def _follow(self, instruments: frozenset[InstrumentId]) -> None:
        """Keep prices coming for what is owned, shown elsewhere or not."""
        if instruments == self._watched and (self._watch is not None or not instruments):
            return
        old, self._watch = self._watch, None
        self._watched = instruments
        if self.desk is not None and instruments:
            self._watch = self.desk.hub.watch_all(instruments, Detail.QUOTE, self.name)
        if old is not None:
            old.close()

    def _export(self) -> None:
        save_text(self, f"{self._tabs.value}.csv", self._grids[self._tabs.value].csv)
