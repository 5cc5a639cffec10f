"""A chart of the linked instrument: history, then live, with our own orders on it."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QPushButton, QStackedLayout, QVBoxLayout, QWidget
from typing_extensions import override

from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import Interval
from brokers.model.order import OpState, Side
from desktop.chart.candles_item import Style
from desktop.chart.content import Facts
from desktop.chart.crosshair import Cursor
from desktop.chart.look import ChartColors
from desktop.chart.scale import Mode
from desktop.chart.studies import Choice
from desktop.chart.view import ChartView
from desktop.commands import Command
from desktop.docks.base import Dock, DockContext, TicketRequest
from desktop.docks.chart import marks
from desktop.docks.chart import state as states
from desktop.docks.chart.editor import Editor
from desktop.docks.chart.joined import Joined
from desktop.docks.chart.state import ChartState
from desktop.docks.chart.toolbar import STYLE_WORDS, Toolbar, interval_words
from desktop.trading.candles import CandleSeries, CandleView, Change, SeriesState
from desktop.trading.desk import Desk
from desktop.trading.drafts import CancelDraft, ChangeDraft
from desktop.trading.hub import Frame
from desktop.trading.rows import OrderRow
from desktop.ui import menus, rupees
from desktop.ui.parts import EmptyState
from desktop.ui.theme import Theme

_FINE: Final = frozenset({OpState.ACKED, OpState.INTENT, OpState.SENDING})
_CHOOSE: Final = "Choose one in a watchlist, or press Ctrl+K and type it."


class ChartDock(Dock):
    """One chart. It opens the series it needs, and closes it when it shows another or goes."""

    def __init__(self, context: DockContext, name: str, parent: QWidget | None = None) -> None:
        super().__init__(context, name, parent)
        self._state = ChartState()
        self._instrument: Instrument | None = None
        self._bars: CandleView | None = None
        self._joined: Joined | None = None
        self._stop_bars: Callable[[], None] | None = None
        self._stops: list[Callable[[], None]] = []
        self._has_new_orders = True
        self.toolbar = Toolbar(self)
        self.toolbar.put_last(self.link_dot())
        theme = Theme.current()
        self.chart = ChartView(ChartColors.of(theme), self, cursor=self._shared_cursor())
        self._words = EmptyState("chart", "No instrument", _CHOOSE, self)
        self._again: QPushButton = self._words.add_action("Try again", self._retry)
        self._again.hide()
        self._pages = QStackedLayout()
        self._pages.addWidget(self._words)
        self._pages.addWidget(self.chart)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.toolbar)
        column.addLayout(self._pages, 1)
        self._second = QTimer(self)
        self._second.setInterval(1_000)
        self._second.timeout.connect(self._show_countdown)
        self._connect()
        self._dress()

    def _connect(self) -> None:
        bar, chart = self.toolbar, self.chart
        bar.interval_chosen.connect(self.choose_interval)
        bar.style_chosen.connect(self.choose_style)
        bar.mode_chosen.connect(self.choose_mode)
        bar.volume_chosen.connect(self._choose_volume)
        bar.indicators_chosen.connect(self.choose_indicators)
        bar.edit_asked.connect(self.edit)
        bar.fit_asked.connect(chart.fit_all)
        bar.reset_asked.connect(chart.reset)
        bar.retry_asked.connect(self._retry)
        chart.wants_older.connect(self._want_older)
        chart.order_dragged.connect(self._move_order)
        chart.order_cancelled.connect(self._cancel_order)
        chart.menu_requested.connect(self._on_menu)
        self.link_changed.connect(self._on_link)
        Theme.current().changed.connect(self._dress)

    # -- what the shell calls

    @override
    def bind(self, desk: Desk | None) -> None:
        self._close_bars()
        for stop in self._stops:
            stop()
        self._stops = []
        super().bind(desk)
        if desk is not None:
            self._stops = [
                desk.orders.on_change(self._on_order),
                desk.portfolio.changed.add(self.context.request_frame),
            ]
            self.toolbar.offer(_offered(desk.capabilities.intervals))
        wanted = self._state.instrument
        self._instrument = None
        if wanted is not None:
            self.show_instrument(wanted)
        self._show_page()

    @override
    def show_instrument(self, instrument: InstrumentId) -> None:
        self._state = msgspec.structs.replace(self._state, instrument=instrument)
        if self.desk is None or (self._instrument and self._instrument.id == instrument):
            return
        self._instrument = self.desk.instruments.instrument(instrument)
        self._open_bars()

    @override
    def apply(self, frame: Frame) -> None:
        if self._joined is not None:
            self._joined.show()
        if self._has_new_orders:
            self._show_orders()
        self._show_positions()
        self._show_page()

    @override
    def keyboard_home(self) -> QWidget:
        return self.chart

    @override
    def catch_up(self) -> None:
        self._has_new_orders = True
        self.apply(Frame(set(), set()))
        self._show_countdown()

    @override
    def commands(self) -> tuple[Command, ...]:
        group = self.name.replace("#", " ").capitalize()
        return (
            self._command("fit", group, "show all bars", self.chart.fit_all),
            self._command("reset", group, "show the newest bars", self.chart.reset),
            *(
                self._command(each.value, group, interval_words(each), self._interval_to(each))
                for each in (Interval.M1, Interval.M5, Interval.M15, Interval.H1, Interval.D1)
            ),
            *(
                self._command(style.value, group, words.lower(), self._style_to(style))
                for style, words in STYLE_WORDS.items()
            ),
        )

    def _command(self, key: str, group: str, words: str, run: Callable[[], None]) -> Command:
        return Command(id=f"{self.name}.{key}", title=f"{group}: {words}", group=group, run=run)

    def _interval_to(self, interval: Interval) -> Callable[[], None]:
        return lambda: self.choose_interval(interval)

    def _style_to(self, style: Style) -> Callable[[], None]:
        return lambda: self.choose_style(style)

    @override
    def save_state(self) -> dict[str, object]:
        return states.save(self._state)

    @override
    def restore_state(self, state: Mapping[str, object]) -> None:
        self._state = states.restore(state)
        self.chart.set_style(self._state.style)
        self.chart.set_mode(self._state.mode)
        self.chart.set_volume(is_shown=self._state.shows_volume)
        self._show_indicators()
        self.toolbar.show_state(self._state)
        wanted, self._instrument = self._state.instrument, None
        self._close_bars()
        if wanted is not None:
            self.show_instrument(wanted)

    @override
    def release(self) -> None:
        self._second.stop()
        super().release()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._second.start()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._second.stop()

    # -- bars

    def _open_bars(self) -> None:
        self._close_bars()
        desk, instrument = self.desk, self._instrument
        if desk is not None and instrument is not None:
            self._bars = desk.candles.open(instrument, self._state.interval)
            series = self._bars.series
            facts = Facts(
                title=instrument.label,
                interval=self._state.interval,
                tick_e4=instrument.tick_e4,
            )
            self._joined = Joined(series, self.chart, facts)
            self._stop_bars = series.listen(self._on_bars)
            self._joined.show()
            self._show_orders()
            self._show_positions()
            self.toolbar.show_symbol(instrument.label)
            self.title_changed.emit(f"{instrument.label} {self._state.interval.value}")
        self._show_page()
        self._show_countdown()

    def _close_bars(self) -> None:
        if self._stop_bars is not None:
            self._stop_bars()
        if self._bars is not None:
            self._bars.close()
        self._bars = self._joined = self._stop_bars = None
        self.chart.clear()
        self.toolbar.show_symbol("")

    def _on_bars(self, series: CandleSeries, change: Change) -> None:
        del series
        if self._joined is not None:
            self._joined.note(change)
            self.context.request_frame()

    def _want_older(self) -> None:
        if self._bars is not None:
            self._bars.want_older()

    def _retry(self) -> None:
        if self._bars is not None:
            self._bars.retry()

    def _show_page(self) -> None:
        """Show the chart, or say in words why there is none."""
        title, text, can_retry = self._missing()
        has_bars = not title
        self._pages.setCurrentIndex(1 if has_bars else 0)
        if title:
            self._words.show_words(title, text)
            self._again.setVisible(can_retry)
        status, is_bad = "", False
        if has_bars and self._bars is not None:
            series = self._bars.series
            is_bad = series.state is SeriesState.FAILED
            if is_bad:
                status = f"Could not load more: {series.reason}"
            elif series.state is SeriesState.LOADING:
                status = "Loading …"
        self.toolbar.show_status(status, can_retry=is_bad)

    def _missing(self) -> tuple[str, str, bool]:
        """Say what is missing for a chart: heading, sentence, and whether trying again helps."""
        if self.desk is None:
            return "No account", "Log in to a broker, or open the practice account.", False
        if self._state.instrument is None:
            return "No instrument", _CHOOSE, False
        if self._instrument is None or self._bars is None:
            words = f"{self._state.instrument} is not in this account's list of instruments."
            return "Unknown instrument", words, False
        return self._missing_bars(self._instrument, self._bars.series)

    def _missing_bars(self, instrument: Instrument, series: CandleSeries) -> tuple[str, str, bool]:
        name = f"{instrument.label}, {interval_words(self._state.interval)}"
        if len(series):
            return "", "", False
        if series.state is SeriesState.FAILED:
            return f"No candles of {name}", series.reason, True
        if series.state is SeriesState.LOADING:
            return f"Loading {name} …", "", False
        return f"No candles of {name}", "The broker has none; the first trade begins one.", False

    def _show_countdown(self) -> None:
        """Write the time left of the live bar under its price."""
        left_ns: int | None = None
        if self.desk is not None and self._bars is not None:
            series = self._bars.series
            last = series.last
            if last is not None and self._state.interval.is_intraday:
                left_ns = series.end_of(last.opened_ns) - self.desk.clock.now_ns()
        self.chart.set_countdown(left_ns if left_ns is not None and left_ns > 0 else None)

    # -- orders and positions

    def _on_order(self, key: str, old: OrderRow | None, new: OrderRow | None) -> None:
        del key
        shown = self._instrument.id if self._instrument is not None else None
        if any(row is not None and row.instrument == shown for row in (old, new)):
            self._has_new_orders = True
            self.context.request_frame()

    def _show_orders(self) -> None:
        self._has_new_orders = False
        if self.desk is not None and self._instrument is not None:
            rows = self.desk.orders.rows()
            self.chart.set_orders(marks.order_marks(rows, self._instrument.id))

    def _show_positions(self) -> None:
        if self.desk is not None and self._instrument is not None:
            shown = self._instrument.id
            quote = self.desk.hub.quote(shown)
            ltp_e4 = None if quote is None else quote.ltp_e4
            rows = self.desk.portfolio.positions()
            self.chart.set_positions(marks.position_marks(rows, shown, ltp_e4))

    def _move_order(self, key: str, price_e4: int) -> None:
        """Change an order to where its line was dragged; what is asked is asked in the ticket."""
        row = None if self.desk is None else self.desk.orders.row(key)
        if self.desk is None or row is None or not row.can_change:
            self._show_orders()
            return
        if self.context.settings.flag("orders.confirm"):
            self._ask_in_ticket(row, price_e4)
            self._show_orders()
            return
        draft = ChangeDraft(
            account=self.desk.account.name,
            key=key,
            to=marks.moved_to(row, price_e4),
            revision=row.revision,
        )
        self.context.start(self._change(self.desk, row, draft), owner=self.name)

    async def _change(self, desk: Desk, row: OrderRow, draft: ChangeDraft) -> None:
        op = await desk.orders.change(draft)
        if op.state is OpState.DRAFT:
            self._ask_in_ticket(row, draft.to.price_e4 or None)
        elif op.state not in _FINE:
            words = op.findings[0].text if op.findings else op.words
            self.context.toasts.warn("Not changed", words)
        self._show_orders()

    def _ask_in_ticket(self, row: OrderRow, price_e4: int | None) -> None:
        request = TicketRequest(instrument=row.instrument, order_key=row.key, price_e4=price_e4)
        self.context.requests.ticket.emit(request)

    def _cancel_order(self, key: str) -> None:
        if self.desk is not None:
            self.context.start(self._cancel(self.desk, key), owner=self.name)

    async def _cancel(self, desk: Desk, key: str) -> None:
        op = await desk.orders.cancel(CancelDraft(account=desk.account.name, key=key))
        if op.state not in _FINE:
            words = op.findings[0].text if op.findings else op.words
            self.context.toasts.warn("Not cancelled", words)

    # -- what the trader chooses

    def choose_interval(self, interval: Interval) -> None:
        if interval is self._state.interval:
            return
        self._state = msgspec.structs.replace(self._state, interval=interval)
        self.toolbar.show_state(self._state)
        self._show_indicators()
        self._open_bars()

    def choose_style(self, style: Style) -> None:
        self._state = msgspec.structs.replace(self._state, style=style)
        self.toolbar.show_state(self._state)
        self.chart.set_style(style)

    def choose_mode(self, mode: Mode) -> None:
        self._state = msgspec.structs.replace(self._state, mode=mode)
        self.toolbar.show_state(self._state)
        self.chart.set_mode(mode)

    def choose_indicators(self, choices: tuple[Choice, ...]) -> None:
        self._state = msgspec.structs.replace(self._state, indicators=choices)
        self.toolbar.show_state(self._state)
        self._show_indicators()

    def _choose_volume(self, is_shown: bool) -> None:  # noqa: FBT001 - a Qt slot
        self._state = msgspec.structs.replace(self._state, shows_volume=is_shown)
        self.toolbar.show_state(self._state)
        self.chart.set_volume(is_shown=is_shown)

    def _show_indicators(self) -> None:
        """Leave out those that say nothing at this interval; they are kept for another."""
        is_intraday = self._state.interval.is_intraday
        shown = [
            each for each in self._state.indicators if is_intraday or not each.indicator.is_intraday
        ]
        self.chart.set_indicators(shown)

    def edit(self, at: int) -> None:
        """Open the numbers of an indicator."""
        editor = Editor(self._state.indicators[at], self)
        editor.changed.connect(lambda choice: self._change_indicator(at, choice))
        button = self.toolbar.indicators
        editor.open_at(button.mapToGlobal(QPoint(0, button.height())))

    def _change_indicator(self, at: int, choice: Choice) -> None:
        shown = self._state.indicators
        self.choose_indicators((*shown[:at], choice, *shown[at + 1 :]))

    def _on_menu(self, price_e4: int | None, at: QPoint) -> None:
        items = [
            menus.Item(title="Newest bars", keys="0", run=self.chart.reset),
            menus.Item(title="All bars", run=self.chart.fit_all),
            menus.Item(title="Price scale", items=tuple(self.toolbar.scale_items())),
        ]
        if price_e4 is not None and self._instrument is not None:
            text = rupees.price(price_e4, self._instrument.decimals)
            items = [
                self._order_item(Side.BUY, price_e4, f"Buy at {text} …"),
                self._order_item(Side.SELL, price_e4, f"Sell at {text} …"),
                menus.Item(title=f"Copy {text}", icon="copy", run=lambda: _copy(text)),
                menus.LINE,
                *items,
            ]
        menus.popup(items, at, self)

    def _order_item(self, side: Side, price_e4: int, title: str) -> menus.Item:
        assert self._instrument is not None
        request = TicketRequest(instrument=self._instrument.id, side=side, price_e4=price_e4)
        can_trade = self._instrument.is_tradable
        return menus.Item(
            title=title,
            run=lambda: self.context.requests.ticket.emit(request),
            is_enabled=can_trade,
        )

    # -- looks and links

    def _dress(self) -> None:
        theme = Theme.current()
        self.chart.setFont(theme.font("small"))
        self.chart.set_colors(ChartColors.of(theme))

    def _on_link(self, _group: str) -> None:
        self.chart.set_cursor_link(self._shared_cursor())

    def _shared_cursor(self) -> Cursor:
        """Give the crosshair of this link group; unlinked charts have one of their own."""
        if not self.link:
            return Cursor(self)
        owner = self.context.links
        found = owner.findChild(Cursor, self.link)
        if isinstance(found, Cursor):
            return found
        made = Cursor(owner)
        made.setObjectName(self.link)
        return made


def _offered(known: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Give what can be shown: weeks and months are made of days."""
    longer = (Interval.W1, Interval.MO1) if Interval.D1 in known else ()
    return tuple(each for each in Interval if each in known or each in longer)


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text.replace(",", ""))
