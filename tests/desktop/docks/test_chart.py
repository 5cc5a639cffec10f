"""The chart dock: what it opens, shows, keeps and asks for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from brokers.model.market import Interval
from brokers.model.order import Kind, OpKind, OpState, OrderState, Product, Side, Validity
from desktop.chart.candles_item import Style
from desktop.chart.scale import Mode
from desktop.chart.studies import Choice
from desktop.docks.base import TicketRequest
from desktop.docks.chart import marks, state
from desktop.docks.chart.dock import ChartDock
from desktop.docks.chart.editor import Editor
from desktop.docks.chart.state import ChartState
from desktop.docks.chart.toolbar import interval_words
from desktop.trading.candles import SeriesState
from desktop.trading.portfolio import PositionRow
from desktop.trading.rows import OpView, OrderRow
from tests.desktop.docks.chart_rig import Bench, bench_in
from tests.rig.order_rig import NIFTY_FUT, SBIN


@pytest_asyncio.fixture
async def bench(tmp_path: Path, qtbot: QtBot) -> AsyncIterator[Bench]:
    del qtbot
    async with bench_in(tmp_path) as made:
        yield made


async def shown(bench: Bench) -> ChartDock:
    """Give a dock with SBIN on it."""
    dock = bench.dock()
    bench.links.select("blue", SBIN)
    dock.show_instrument(SBIN)
    await bench.settle()
    return dock


def words_of(dock: ChartDock) -> str:
    return f"{dock._words._title.text()} {dock._words._text.text()}"


def is_chart(dock: ChartDock) -> bool:
    return dock._pages.currentWidget() is dock.chart


# -- history, then live


async def test_it_says_in_words_what_is_missing(bench: Bench) -> None:
    dock = bench.dock()
    assert "Choose one in a watchlist" in words_of(dock)
    dock.bind(None)
    assert "Log in" in words_of(dock)
    dock.bind(bench.desk)
    dock.show_instrument(SBIN)
    assert words_of(dock).startswith("Loading SBIN, 5 minutes")
    await bench.settle()
    assert is_chart(dock)


async def test_an_unknown_instrument_is_named(bench: Bench) -> None:
    dock = bench.dock()
    dock.show_instrument(type(SBIN)("NSE:CM:999"))
    assert "NSE:CM:999 is not in this account's list" in words_of(dock)


async def test_a_failure_is_shown_and_can_be_tried_again(bench: Bench) -> None:
    bench.history.fails = True
    dock = await shown(bench)
    assert "No candles of SBIN" in words_of(dock)
    assert "the network is down" in words_of(dock)
    bench.history.fails = False
    dock._again.click()
    await bench.settle()
    assert is_chart(dock)


async def test_a_failure_with_bars_on_the_screen_leaves_them_there(bench: Bench) -> None:
    dock = await shown(bench)
    bench.history.fails = True
    dock.chart.stack.timeline.go_first()
    dock.chart.moved()
    await bench.settle()
    assert is_chart(dock)
    assert "the network is down" in dock.toolbar._status.toolTip()
    assert not dock.toolbar._retry.isHidden()


async def test_history_is_followed_by_ticks_without_drawing_all(bench: Bench) -> None:
    dock = await shown(bench)
    series = dock.chart.content.series
    count = len(series)
    bench.trade(8_004_000)
    assert bench.is_framed
    bench.frame()
    assert series.row(series.last)[3] == 800.4
    bench.trade(8_001_500, seconds=301)
    bench.trade(8_002_500, seconds=305)
    bench.frame()
    assert len(series) == count + 1
    assert series.row(series.last)[:4] == (800.15, 800.25, 800.15, 800.25)
    assert dock.chart.content.series is series


async def test_older_pages_come_as_one_travels_back_and_nothing_moves(bench: Bench) -> None:
    dock = await shown(bench)
    view = dock.chart
    first, count = view.content.series.opened(0), len(view.content.series)
    spans = len(bench.history.spans)
    view.stack.timeline.go_first()
    view.moved()
    right = view.stack.timeline.right
    await bench.settle()
    assert len(bench.history.spans) > spans
    assert len(view.content.series) > count
    assert view.content.series.opened(0) == first
    assert view.stack.timeline.right == right
    assert view.content.series.first < 0


async def test_the_history_ends_without_asking_for_ever(bench: Bench) -> None:
    bench.history.days = 40
    dock = await shown(bench)
    for _ in range(12):
        dock.chart.stack.timeline.go_first()
        dock.chart.moved()
        await bench.settle()
    asked = len(bench.history.spans)
    assert asked < 8
    dock.chart.stack.timeline.pan(-500)
    dock.chart.moved()
    await bench.settle()
    assert len(bench.history.spans) == asked


async def test_another_interval_opens_its_own_series_and_closes_the_old_one(bench: Bench) -> None:
    dock = await shown(bench)
    dock.choose_interval(Interval.D1)
    await bench.settle()
    assert bench.book.count == 1
    assert dock.chart.content.facts.interval is Interval.D1
    dock.release()
    bench.docks.remove(dock)
    assert bench.book.count == 0


async def test_a_linked_instrument_replaces_the_one_shown(bench: Bench) -> None:
    dock = await shown(bench)
    titles: list[str] = []
    dock.title_changed.connect(titles.append)
    dock.show_instrument(NIFTY_FUT)
    await bench.settle()
    assert dock.chart.content.facts.title == "NIFTY26OCTFUT"
    assert titles == ["NIFTY26OCTFUT 5m"]
    assert bench.book.count == 1


async def test_a_hidden_dock_catches_up_when_it_is_seen_again(bench: Bench) -> None:
    dock = await shown(bench)
    dock.hide()
    assert not dock._second.isActive()
    bench.trade(8_010_000)
    dock.show()
    dock.catch_up()
    series = dock.chart.content.series
    assert series.row(series.last)[3] == 801.0
    assert dock._second.isActive()


async def test_the_time_to_the_bars_end_counts_down(bench: Bench) -> None:
    dock = await shown(bench)
    bench.clock.advance(61_000_000_000)
    dock._show_countdown()
    assert dock.chart.marks.last is not None
    assert dock.chart.marks.last.countdown == "03:59"
    dock.choose_interval(Interval.D1)
    await bench.settle()
    dock._show_countdown()
    assert dock.chart.marks.last is not None
    assert dock.chart.marks.last.countdown == ""


# -- orders and positions


async def test_working_orders_of_the_instrument_are_lines(bench: Bench) -> None:
    dock = await shown(bench)
    await bench.rig.place(price_e4=7_990_000, quantity=25)
    await bench.rig.place(instrument=NIFTY_FUT, price_e4=250_000_000, quantity=75)
    await bench.settle()
    (mark,) = dock.chart.marks.orders
    assert (mark.side, mark.quantity, mark.price_e4) == (Side.BUY, 25, 7_990_000)
    assert (mark.text, mark.can_move, mark.is_settled) == ("Limit", True, True)
    row = next(row for row in bench.rig.desk.rows() if row.instrument == SBIN)
    await bench.rig.cancel(row.key)
    await bench.settle()
    assert dock.chart.marks.orders == ()


async def test_dragging_a_line_changes_the_order(bench: Bench) -> None:
    dock = await shown(bench)
    await bench.rig.place(price_e4=7_990_000)
    await bench.settle()
    dock.chart.order_dragged.emit(bench.rig.only_row().key, 7_985_000)
    await bench.settle()
    assert bench.rig.only_row().price_e4 == 7_985_000
    assert dock.chart.marks.orders[0].price_e4 == 7_985_000


async def test_a_refused_change_is_told_and_the_line_goes_back(bench: Bench) -> None:
    dock = await shown(bench)
    await bench.rig.place(price_e4=7_990_000)
    await bench.settle()
    dock.chart.order_dragged.emit(bench.rig.only_row().key, 7_985_033)
    await bench.settle()
    assert any("Not changed" in said for said in bench.said)
    assert dock.chart.marks.orders[0].price_e4 == 7_990_000


async def test_with_confirmation_a_dragged_order_opens_the_ticket(bench: Bench) -> None:
    dock = await shown(bench)
    await bench.rig.place(price_e4=7_990_000)
    await bench.settle()
    bench.settings.set("orders.confirm", value=True)
    dock.chart.order_dragged.emit(bench.rig.only_row().key, 7_985_000)
    await bench.settle()
    assert [request.price_e4 for request in bench.tickets] == [7_985_000]
    assert bench.rig.only_row().price_e4 == 7_990_000


async def test_the_cross_cancels_the_order(bench: Bench) -> None:
    dock = await shown(bench)
    await bench.rig.place(price_e4=7_990_000)
    await bench.settle()
    dock.chart.order_cancelled.emit(bench.rig.only_row().key)
    await bench.settle()
    assert bench.rig.only_row().state is OrderState.CANCELLED


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_the_price_menu_fills_the_ticket(bench: Bench) -> None:
    dock = await shown(bench)
    dock.chart.menu_requested.emit(7_995_000, QPoint(10, 10))
    menus = dock.findChildren(QMenu)
    actions = {action.text(): action for menu in menus for action in menu.actions()}
    actions["Sell at 799.50 …"].trigger()
    for menu in menus:
        menu.close()
    assert bench.tickets == [TicketRequest(instrument=SBIN, side=Side.SELL, price_e4=7_995_000)]


def order_row(**changes: object) -> OrderRow:
    base: dict[str, object] = {
        "key": "1",
        "broker_id": "b1",
        "exchange_id": "",
        "tag": "T",
        "instrument": SBIN,
        "side": Side.BUY,
        "quantity": 10,
        "filled_qty": 0,
        "kind": Kind.LIMIT,
        "price_e4": 8_000_000,
        "trigger_e4": 0,
        "average_e4": 0,
        "product": Product.INTRADAY,
        "validity": Validity.DAY,
        "disclosed_qty": 0,
        "is_after_market": False,
        "op": None,
        "state": OrderState.OPEN,
        "pending": None,
        "text": "",
        "placed_ns": 0,
        "updated_ns": 0,
        "revision": 3,
    }
    return OrderRow(**{**base, **changes})  # type: ignore[arg-type]  # a table of any fields


def test_a_stop_stands_at_its_trigger_until_it_fires() -> None:
    stop = order_row(
        kind=Kind.STOP_LIMIT,
        trigger_e4=8_100_000,
        price_e4=8_102_000,
        state=OrderState.TRIGGER_PENDING,
    )
    assert marks.line_price_e4(stop) == 8_100_000
    assert marks.line_price_e4(order_row(kind=Kind.MARKET, price_e4=0)) is None
    fired = order_row(kind=Kind.STOP_LIMIT, trigger_e4=8_100_000, price_e4=8_102_000)
    assert marks.line_price_e4(fired) == 8_102_000


def test_a_dragged_stop_keeps_the_distance_of_its_limit() -> None:
    stop = order_row(
        kind=Kind.STOP_LIMIT,
        trigger_e4=8_100_000,
        price_e4=8_102_000,
        state=OrderState.TRIGGER_PENDING,
    )
    to = marks.moved_to(stop, 8_090_000)
    assert (to.trigger_e4, to.price_e4, to.quantity) == (8_090_000, 8_092_000, 10)
    market_stop = order_row(
        kind=Kind.STOP, trigger_e4=8_100_000, price_e4=0, state=OrderState.TRIGGER_PENDING
    )
    assert marks.moved_to(market_stop, 8_090_000).price_e4 == 0
    assert marks.moved_to(market_stop, 8_090_000).trigger_e4 == 8_090_000


def test_a_partly_filled_order_says_how_far_and_one_under_way_says_so() -> None:
    part = marks.order_mark(order_row(filled_qty=4, state=OrderState.PARTIAL))
    assert part is not None
    assert (part.text, part.quantity) == ("Limit 4/10", 6)
    moving = OpView(op_id="o", kind=OpKind.MODIFY, state=OpState.SENDING, key="1")
    under_way = marks.order_mark(order_row(pending=moving))
    assert under_way is not None
    assert not under_way.is_settled
    assert not under_way.can_move
    assert "changing…" in under_way.text


def test_open_positions_are_lines_with_their_profit() -> None:
    row = PositionRow(
        key="k",
        instrument=SBIN,
        product=Product.INTRADAY,
        net_qty=-50,
        buy_qty=0,
        sell_qty=50,
        buy_average_e4=0,
        sell_average_e4=8_000_000,
        average_e4=8_000_000,
        ltp_e4=7_990_000,
        multiplier=1,
        realised_paise=0,
        unrealised_paise=5_000,
        total_paise=5_000,
        reason="",
        is_confirmed=True,
    )
    (mark,) = marks.position_marks([row], SBIN, None)
    assert (mark.quantity, mark.average_e4, mark.profit_paise) == (-50, 8_000_000, 5_000)
    (mark,) = marks.position_marks([row], SBIN, 8_020_000)
    assert mark.profit_paise == -10_000
    assert marks.position_marks([row], NIFTY_FUT, None) == []


async def test_the_open_profit_follows_each_price(bench: Bench) -> None:
    dock = await shown(bench)
    await bench.rig.place(kind=Kind.MARKET, price_e4=0, quantity=10)
    number = bench.rig.only_order()
    bench.rig.broker.fill(number, 10, 8_000_000)
    await bench.settle()
    bench.trade(8_010_000)
    bench.frame()
    (mark,) = dock.chart.marks.positions
    assert (mark.quantity, mark.profit_paise) == (10, 1_000)


# -- what is chosen, and kept


async def test_a_workspace_brings_everything_back(bench: Bench) -> None:
    dock = await shown(bench)
    dock.choose_interval(Interval.M15)
    dock.choose_style(Style.HEIKIN_ASHI)
    dock.choose_mode(Mode.LOG)
    dock.choose_indicators((Choice("ema", (("period", 9.0),)), Choice("rsi")))
    kept = dock.save_state()
    other = bench.dock("chart#2")
    other.restore_state(kept)
    await bench.settle()
    assert other.save_state() == kept
    assert [choice.title for choice in other.chart.content.choices] == ["EMA 9", "RSI 14"]
    assert other.chart.mode is Mode.LOG
    assert other.chart.content.facts.interval is Interval.M15


def test_an_odd_state_is_passed_over() -> None:
    odd = {
        "interval": "7m",
        "style": 3,
        "mode": None,
        "volume": "yes",
        "instrument": 12,
        "indicators": [{"id": "nothing"}, 5, {"id": "ema", "values": {"period": 0}}, {"id": "atr"}],
    }
    assert state.restore(odd) == ChartState(indicators=(Choice("atr"),))
    assert state.restore({}) == ChartState()


async def test_vwap_rests_on_daily_bars_and_comes_back(bench: Bench) -> None:
    dock = await shown(bench)
    dock.choose_indicators((Choice("vwap"), Choice("ema")))
    dock.choose_interval(Interval.D1)
    assert [choice.id for choice in dock.chart.content.choices] == ["ema"]
    dock.choose_interval(Interval.M5)
    assert [choice.id for choice in dock.chart.content.choices] == ["vwap", "ema"]


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_the_toolbar_is_worked_by_keys_alone(bench: Bench, qtbot: QtBot) -> None:
    dock = await shown(bench)
    bar = dock.toolbar
    five = bar.intervals.button("5m")
    qtbot.keyClick(five, Qt.Key.Key_Right)
    assert dock.save_state()["interval"] == "15m"
    for menu_button, walk in ((bar.style_button, 1), (bar.scale, 1)):
        assert menu_button.focusPolicy() is Qt.FocusPolicy.StrongFocus
        qtbot.keyClick(menu_button, Qt.Key.Key_Return)
        menu = menu_button.findChildren(QMenu)[-1]
        menu.setActiveAction(menu.actions()[walk])
        qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert dock.save_state()["style"] == "hollow"
    assert dock.save_state()["mode"] == "log"
    seen: list[QWidget | None] = [dock.toolbar.nextInFocusChain()]
    while seen[-1] is not None and seen[-1] is not dock.toolbar:
        seen.append(seen[-1].nextInFocusChain())
    order = [seen.index(each) for each in (bar.more, bar.style_button, bar.indicators, bar.scale)]
    assert order == sorted(order)
    assert seen.index(dock.chart) > order[-1]


async def test_an_interval_without_a_button_gets_one(bench: Bench) -> None:
    dock = await shown(bench)
    dock.choose_interval(Interval.M3)
    assert dock.toolbar.intervals.value == "3m"
    await bench.settle()
    dock.choose_interval(Interval.H1)
    assert dock.toolbar.intervals.value == "1h"


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_an_indicators_numbers_are_changed_while_one_types(
    bench: Bench, qtbot: QtBot
) -> None:
    dock = await shown(bench)
    dock.choose_indicators((Choice("bollinger"),))
    dock.edit(0)
    (editor,) = dock.findChildren(Editor)
    period, width = editor.fields["period"], editor.fields["width"]
    qtbot.keyClick(period, Qt.Key.Key_Up)
    assert dict(dock.chart.content.choices[0].numbers()) == {"period": 21.0, "width": 2.0}
    width.setText("2.5")
    width.textEdited.emit("2.5")
    assert dock.chart.content.choices[0].numbers()["width"] == 2.5
    period.setText("9999")
    period.textEdited.emit("9999")
    assert "expected 2 to 500" in period.problem
    assert dock.chart.content.choices[0].numbers()["period"] == 21.0
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert not editor.isVisible()


async def test_charts_of_one_link_group_share_the_crosshair(bench: Bench) -> None:
    one = await shown(bench)
    other = bench.dock("chart#2")
    other.show_instrument(SBIN)
    await bench.settle()
    one.chart.point(300, 100)
    assert other.chart.cross.number == one.chart.cross.number is not None
    other.link = "red"
    one.chart.point(200, 100)
    assert other.chart.cross.number != one.chart.cross.number


@pytest.mark.parametrize("width", [1_000, 640, 430, 300, 150])
async def test_the_toolbar_fits_any_width(bench: Bench, width: int) -> None:
    dock = bench.dock(size=(width, 300))
    dock.show_instrument(SBIN)
    await bench.settle()
    bar = dock.toolbar
    assert bar.indicators.isVisible()
    assert bar.more.isVisible()
    assert bar.intervals.isVisible() == (bar.more.text() == "")
    QApplication.sendPostedEvents()
    if width >= 300:
        for each in (bar.more, bar.style_button, bar.indicators):
            assert each.width() >= each.sizeHint().width()


def test_intervals_are_words_in_menus() -> None:
    words = [interval_words(each) for each in (Interval.S5, Interval.M1, Interval.H2, Interval.W1)]
    assert words == ["5 seconds", "1 minute", "2 hours", "1 week"]


async def test_a_desk_that_goes_takes_its_bars_along(bench: Bench) -> None:
    dock = await shown(bench)
    dock.bind(None)
    assert bench.book.count == 0
    assert len(dock.chart.content.series) == 0
    dock.bind(bench.desk)
    await bench.settle()
    assert is_chart(dock)
    assert dock._bars is not None
    assert dock._bars.series.state is SeriesState.READY
