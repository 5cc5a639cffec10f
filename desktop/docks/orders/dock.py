"""The order book's window: orders and trades as tabs, cancel and modify by key or mouse."""

import functools
from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget
from typing_extensions import override

from brokers.model.order import OpState
from desktop.commands import Command
from desktop.docks.base import Dock, DockContext, TicketRequest
from desktop.docks.orders import model
from desktop.trading.desk import Desk
from desktop.trading.drafts import CancelDraft
from desktop.trading.hub import Frame
from desktop.trading.rows import OrderRow
from desktop.ui import menus
from desktop.ui.columns import read_column_state
from desktop.ui.confirm import SureButton, save_text
from desktop.ui.folding import FoldingRow
from desktop.ui.grid import PaintedGrid
from desktop.ui.parts import Segments, button, tool_button
from desktop.ui.theme import Theme

_NO_ORDERS: Final = (
    "No orders today. Click a price in the depth, or press F1 to buy and F2 to sell."
)
_FILTERED: Final = "None of today's orders. Choose All to see every one."
_NO_TRADES: Final = "No trades today. Every execution shows here, with its price and time."
_NO_ACCOUNT: Final = "No account is open. Log in to a broker, or open the practice account."
_FINE: Final = frozenset({OpState.ACKED, OpState.INTENT, OpState.SENDING})


class OrdersDock(Dock):
    """Every order of the day, ours and others', in the state that is proven."""

    def __init__(self, context: DockContext, name: str, parent: QWidget | None = None) -> None:
        super().__init__(context, name, parent)
        self._stop_listening: Callable[[], None] | None = None
        self._is_stale = True
        self.orders = PaintedGrid(
            model.ORDER_COLUMNS, read=model.order_values, name="Orders", parent=self
        )
        self.trades = PaintedGrid(
            model.TRADE_COLUMNS, read=model.trade_values, name="Trades", parent=self
        )
        self.orders.importance = model.IMPORTANCE
        self.orders.set_empty_text(_NO_ORDERS)
        self.trades.set_empty_text(_NO_TRADES)
        self._tabs = Segments([("orders", "Orders"), ("trades", "Trades")], "Show", self)
        choices = [("all", "All"), ("working", "Working"), ("done", "Done")]
        self._filter = Segments(choices, "Orders shown", self)
        self._modify = button("Modify", self.modify, kind="quiet", parent=self)
        self._cancel = button("Cancel", self.cancel, kind="quiet", parent=self)
        self._cancel_all = SureButton(
            "Cancel all", self._question, self.cancel_all, kind="quiet", parent=self
        )
        self.bar = FoldingRow(self)
        self._pages = QStackedLayout()
        self._pages.addWidget(self.orders)
        self._pages.addWidget(self.trades)
        self._lay_out()
        self._tabs.changed.connect(self._on_tab)
        self._filter.changed.connect(self._on_filter)
        self.orders.current_changed.connect(self._show_buttons)
        self.orders.activated.connect(lambda _key, _column: self.modify())
        self.orders.remove_asked.connect(self._cancel_keys)
        self.orders.clicked.connect(self._on_click)
        self.orders.context_asked.connect(self._on_context)
        Theme.current().changed.connect(self.catch_up)
        self._show_buttons()

    # What the shell calls.

    @override
    def bind(self, desk: Desk | None) -> None:
        super().bind(desk)
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        if desk is not None:
            self._stop_listening = desk.orders.on_change(self._on_order)
        self.catch_up()

    @override
    def apply(self, frame: Frame) -> None:
        if self._is_stale:
            self.catch_up()

    @override
    def keyboard_home(self) -> QWidget:
        return self.orders if self._tabs.value == "orders" else self.trades

    @override
    def catch_up(self) -> None:
        self._is_stale = False
        has_account = self.desk is not None
        self.orders.set_empty_text(self._nothing_to_show() if has_account else _NO_ACCOUNT)
        self.trades.set_empty_text(_NO_TRADES if has_account else _NO_ACCOUNT)
        if self.desk is None:
            self.orders.set_rows({})
            self.trades.set_rows({})
        else:
            orders = model.order_lines(self.desk, self._filter.value)
            trades = model.trade_lines(self.desk)
            self.orders.fit_names("name", map(model.name_of, orders.values()))
            self.trades.fit_names("name", map(model.name_of, trades.values()))
            self.orders.set_rows(orders)
            self.trades.set_rows(trades)
        self._show_buttons()

    @override
    def commands(self) -> tuple[Command, ...]:
        return (
            Command(
                id="trade.cancel_all",
                title="Cancel all orders",
                group="Trade",
                keys=("Ctrl+Shift+X",),
                run=self._cancel_all.press,
            ),
        )

    @override
    def save_state(self) -> dict[str, object]:
        state: dict[str, object] = {"tab": self._tabs.value, "filter": self._filter.value}
        for key, grid in (("orders", self.orders), ("trades", self.trades)):
            if grid.is_arranged:
                state[key] = grid.save_columns()
        return state

    @override
    def restore_state(self, state: Mapping[str, object]) -> None:
        for segments, key in ((self._tabs, "tab"), (self._filter, "filter")):
            try:
                segments.choose(str(state.get(key, segments.value)))
            except KeyError:
                continue
        for grid, key in ((self.orders, "orders"), (self.trades, "trades")):
            columns = read_column_state(state.get(key))
            if columns is not None:
                grid.restore_columns(columns)

    # What the trader does.

    def modify(self) -> None:
        """Open the chosen order in the ticket."""
        row = self._current()
        if row is not None and row.can_change:
            request = TicketRequest(instrument=row.instrument, order_key=row.key)
            self.context.requests.ticket.emit(request)

    def cancel(self) -> None:
        """Cancel the selected orders."""
        self._cancel_keys(list(self.orders.selected))

    def cancel_all(self) -> None:
        """Cancel every working order, and say who survived."""
        desk = self.desk
        if desk is None:
            return

        async def work() -> None:
            report = await desk.orders.cancel_all()
            if report.problem:
                self.context.toasts.warn("Cancel all", report.problem)
            elif report.survivors:
                words = f"{len(report.survivors)} orders still work: {report.survivors[0].why}"
                self.context.toasts.warn("Cancel all", words)
            else:
                self.context.toasts.info("Cancel all", "No order works any more.")

        self.context.start(work(), owner=self.name)

    def _cancel_keys(self, keys: list[str]) -> None:
        desk = self.desk
        if desk is None:
            return
        for key in keys:
            self.context.start(self._cancel_one(desk, key), owner=self.name)

    async def _cancel_one(self, desk: Desk, key: str) -> None:
        op = await desk.orders.cancel(CancelDraft(account=desk.account.name, key=key))
        if op.state not in _FINE:
            words = op.findings[0].text if op.findings else op.words
            self.context.toasts.warn("Not cancelled", words)

    # Inside.

    def _lay_out(self) -> None:
        export = tool_button("export", "Save this table as CSV", self._export, parent=self)
        self.bar.add(self._tabs)
        self.bar.add(self._filter)
        self.bar.add_gap()
        self.bar.add(self._modify, folds=2)
        self.bar.add(self._cancel, folds=1)
        self.bar.add(self._cancel_all.widget)
        self.bar.add(export, folds=3)
        self.bar.add(self.link_dot())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addLayout(self._pages, 1)

    def _current(self) -> OrderRow | None:
        key = self.orders.current
        return None if self.desk is None or key is None else self.desk.orders.row(key)

    def _nothing_to_show(self) -> str:
        rows = () if self.desk is None else self.desk.orders.rows()
        return _FILTERED if rows else _NO_ORDERS

    def _question(self) -> str:
        rows = () if self.desk is None else self.desk.orders.rows()
        count = sum(row.is_working for row in rows)
        return f"Yes, cancel {count}" if count else ""

    def _on_order(self, key: str, old: OrderRow | None, new: OrderRow | None) -> None:
        del key, old, new
        self._is_stale = True
        self.context.request_frame()

    def _on_tab(self, tab: str) -> None:
        self._pages.setCurrentIndex(0 if tab == "orders" else 1)
        self._filter.setVisible(tab == "orders")
        self._show_buttons()

    def _on_filter(self, _which: str) -> None:
        self.catch_up()

    def _on_click(self, key: str, _column: str) -> None:
        row = None if self.desk is None else self.desk.orders.row(key)
        if row is not None:
            self.context.links.select(self.link, row.instrument)

    def _on_context(self, key: str, _column: str, at: QPoint) -> None:
        row = None if self.desk is None or not key else self.desk.orders.row(key)
        items = [menus.Item(title="Save as CSV …", icon="export", run=self._export)]
        if row is not None:
            show = functools.partial(self._on_click, key, "")
            items = [
                menus.Item(
                    title="Modify", keys="Return", run=self.modify, is_enabled=row.can_change
                ),
                menus.Item(title="Cancel", keys="Del", run=self.cancel, is_enabled=row.is_working),
                menus.Item(title="Show its instrument", run=show),
                menus.LINE,
                *items,
            ]
        menus.popup(items, at, self)

    def _show_buttons(self, _key: str = "") -> None:
        row = self._current()
        is_orders = self._tabs.value == "orders"
        self._modify.setEnabled(is_orders and row is not None and row.can_change)
        self._cancel.setEnabled(is_orders and row is not None and row.is_working)
        rows = () if self.desk is None else self.desk.orders.rows()
        self._cancel_all.widget.setEnabled(any(each.is_working for each in rows))

    def _export(self) -> None:
        grid = self.orders if self._tabs.value == "orders" else self.trades
        save_text(self, f"{self._tabs.value}.csv", grid.csv)
