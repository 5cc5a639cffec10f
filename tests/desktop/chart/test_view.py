"""What the hands on mouse and keys, and the data, do to a chart."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from brokers.model.market import Candle
from brokers.model.order import Side
from desktop.chart.crosshair import Cursor
from desktop.chart.lines_item import OrderMark, PositionMark, PriceMark
from desktop.chart.studies import Choice
from desktop.chart.view import ChartView
from tests.desktop.chart.bars import MINUTE_NS, columns, part
from tests.desktop.chart.shown import FACTS, chart, drag, mouse, painted, settle

PRESS, MOVE, RELEASE, DOUBLE = (
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonRelease,
    QEvent.Type.MouseButtonDblClick,
)


@pytest.fixture
def view(qtbot: QtBot) -> ChartView:
    return chart(qtbot, columns(1_000))


def wheel(view: ChartView, x: float, y: float, delta: tuple[int, int]) -> None:
    at = QPointF(x, y)
    event = QWheelEvent(
        at,
        at,
        QPoint(),
        QPoint(*delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,  # noqa: FBT003 - Qt's own signature
    )
    QApplication.sendEvent(view.viewport(), event)
    settle()


def order_at(view: ChartView, y: float, key: str = "7") -> OrderMark:
    return OrderMark(key=key, side=Side.SELL, quantity=150, price_e4=view.snapped(y), text="Limit")


def y_of(view: ChartView, price_e4: int) -> float:
    return view.stack.panes[0].scale.y(price_e4 / 10_000)


# -- the visible range


def test_dragging_pans_by_as_many_pixels(view: ChartView) -> None:
    timeline = view.stack.timeline
    before = timeline.window().x(800)
    drag(view, (400, 150), (520, 150))
    assert timeline.window().x(800) == pytest.approx(before + 120)


def test_a_press_that_hardly_moves_is_a_click_and_not_a_drag(qtbot: QtBot, view: ChartView) -> None:
    before = view.stack.timeline.right
    with qtbot.waitSignal(view.price_clicked) as clicked:
        drag(view, (400, 150), (401, 151))
    assert view.stack.timeline.right == before
    assert clicked.args is not None
    assert clicked.args[0] % FACTS.tick_e4 == 0
    assert y_of(view, clicked.args[0]) == pytest.approx(151, abs=1)


def test_the_wheel_zooms_at_the_pointer(view: ChartView) -> None:
    timeline = view.stack.timeline
    number, width = timeline.window().number(300), timeline.bar_px
    wheel(view, 300, 100, (0, 240))
    assert timeline.bar_px > width
    assert timeline.window().number(300) == pytest.approx(number)


def test_a_sideways_wheel_pans(view: ChartView) -> None:
    timeline = view.stack.timeline
    right, width = timeline.right, timeline.bar_px
    wheel(view, 300, 100, (120, 0))
    assert timeline.right < right
    assert timeline.bar_px == width


def test_dragging_the_time_axis_changes_the_width_of_bars(view: ChartView) -> None:
    timeline = view.stack.timeline
    width, right = timeline.bar_px, timeline.right
    y = view.stack.time_area.center().y()
    drag(view, (400, y), (300, y))
    assert timeline.bar_px < width
    assert timeline.right == pytest.approx(right)
    mouse(view, DOUBLE, 400, y)
    assert timeline.is_at_default


def test_dragging_the_price_axis_takes_the_scale_over_until_a_double_click(
    view: ChartView,
) -> None:
    scale = view.stack.panes[0].scale
    high = scale.high
    x = view.stack.plot.width() + 20
    drag(view, (x, 100), (x, 180))
    assert not scale.is_auto
    assert scale.high > high
    bottom = scale.low
    drag(view, (400, 100), (400, 160))
    assert scale.low > bottom
    mouse(view, DOUBLE, x, 100)
    settle()
    assert scale.is_auto
    assert scale.high == pytest.approx(high, rel=0.01)


def test_a_double_click_shows_the_usual_view_again(view: ChartView) -> None:
    drag(view, (100, 100), (500, 100))
    wheel(view, 300, 100, (0, -600))
    mouse(view, DOUBLE, 300, 100)
    assert view.stack.timeline.is_at_default


def test_the_edge_between_panes_can_be_dragged(view: ChartView) -> None:
    below = view.stack.panes[1]
    height, y = below.area.height(), below.area.top()
    drag(view, (300, y), (300, y - 50))
    settle()
    assert below.area.height() == pytest.approx(height + 50, abs=2)


def press(qtbot: QtBot, view: ChartView, key: Qt.Key, *, shift: bool = False) -> None:
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(view, key, modifier)
    settle()


def test_the_keys_travel_through_the_bars(qtbot: QtBot, view: ChartView) -> None:
    timeline = view.stack.timeline
    right, width = timeline.right, timeline.bar_px
    press(qtbot, view, Qt.Key.Key_Left)
    assert timeline.right < right
    press(qtbot, view, Qt.Key.Key_Right)
    assert timeline.right == pytest.approx(right)
    press(qtbot, view, Qt.Key.Key_PageUp)
    assert timeline.right < right - 50
    press(qtbot, view, Qt.Key.Key_Home)
    assert timeline.left == pytest.approx(-0.5)
    press(qtbot, view, Qt.Key.Key_End)
    assert timeline.right == pytest.approx(right)
    press(qtbot, view, Qt.Key.Key_Plus)
    assert timeline.bar_px > width
    press(qtbot, view, Qt.Key.Key_Minus)
    press(qtbot, view, Qt.Key.Key_Minus)
    assert timeline.bar_px < width
    press(qtbot, view, Qt.Key.Key_0)
    assert timeline.is_at_default


def test_zooming_by_key_keeps_the_live_bar_in_its_place(qtbot: QtBot, view: ChartView) -> None:
    timeline = view.stack.timeline
    before = timeline.window().x(999)
    press(qtbot, view, Qt.Key.Key_Minus)
    assert timeline.window().x(999) == pytest.approx(before)


def test_keys_of_others_are_left_alone(qtbot: QtBot, view: ChartView) -> None:
    before = view.stack.timeline.right
    qtbot.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view, Qt.Key.Key_B)
    assert view.stack.timeline.right == before


def test_some_bars_always_stay_on_the_screen(view: ChartView) -> None:
    timeline = view.stack.timeline
    timeline.pan(1e9)
    assert timeline.right >= 3
    timeline.pan(-1e9)
    assert timeline.left <= 999


# -- new and older bars


def test_a_new_bar_moves_the_chart_along_only_while_the_live_bar_is_seen(view: ChartView) -> None:
    timeline, opened_ns = view.stack.timeline, view.content.series.opened(999)
    before = timeline.window().x(999)
    view.append(Candle(opened_ns + MINUTE_NS, 10_000, 10_000, 10_000, 10_000, 1))
    assert timeline.window().x(1_000) == pytest.approx(before)
    timeline.pan(2_000)
    right = timeline.right
    view.append(Candle(opened_ns + 2 * MINUTE_NS, 10_000, 10_000, 10_000, 10_000, 1))
    assert timeline.right == right


def test_older_bars_leave_the_picture_as_it_is(qtbot: QtBot) -> None:
    whole = columns(4_000)
    view = chart(qtbot, part(whole, 2_000, 4_000))
    view.stack.timeline.pan(5_000)
    view.moved()
    before = painted(view)
    view.prepend(part(whole, 0, 2_000))
    assert (painted(view) == before).all()
    assert view.content.series.first == -2_000


def test_older_bars_are_asked_for_once_as_the_oldest_comes_near(view: ChartView) -> None:
    asked = []
    view.wants_older.connect(lambda: asked.append(1))
    view.set_has_older(has_older=True)
    assert not asked
    view.stack.timeline.go_first()
    view.moved()
    drag(view, (300, 100), (330, 100))
    assert len(asked) == 1
    view.set_has_older(has_older=True)
    assert len(asked) == 2
    view.set_has_older(has_older=False)
    view.fit_all()
    assert len(asked) == 2


def test_corrected_bars_leave_the_screen_where_it_is(qtbot: QtBot) -> None:
    whole = columns(3_000)
    view = chart(qtbot, part(whole, 1_000, 3_000))
    view.stack.timeline.pan(4_000)
    view.moved()
    window = view.stack.timeline.window()
    number = round(window.number(400))
    opened_ns, x = view.content.series.opened(number), window.x(number)
    view.replace(whole)
    window = view.stack.timeline.window()
    assert window.x(view.content.series.at(opened_ns)) == pytest.approx(x)


def test_a_followed_live_bar_stays_at_its_place_when_bars_are_corrected(qtbot: QtBot) -> None:
    whole = columns(3_000)
    view = chart(qtbot, part(whole, 0, 2_950))
    before = view.stack.timeline.window().x(2_949)
    view.replace(whole)
    assert view.stack.timeline.window().x(2_999) == pytest.approx(before)


# -- lines


def test_an_order_is_dragged_to_a_price_on_the_tick(qtbot: QtBot, view: ChartView) -> None:
    mark = order_at(view, 120)
    view.set_orders([mark])
    settle()
    with qtbot.waitSignal(view.order_dragged) as dragged:
        drag(view, (300, y_of(view, mark.price_e4)), (300, 170))
    assert dragged.args is not None
    key, price_e4 = dragged.args
    assert key == "7"
    assert price_e4 % FACTS.tick_e4 == 0
    assert y_of(view, price_e4) == pytest.approx(170, abs=1)
    assert view.stack.timeline.is_at_default


def test_escape_puts_a_dragged_order_back(qtbot: QtBot, view: ChartView) -> None:
    mark = order_at(view, 120)
    view.set_orders([mark])
    painted_before = painted(view)
    told = []
    view.order_dragged.connect(lambda *args: told.append(args))
    mouse(view, PRESS, 300, y_of(view, mark.price_e4))
    mouse(view, MOVE, 300, 200)
    press(qtbot, view, Qt.Key.Key_Escape)
    mouse(view, RELEASE, 300, 200)
    assert not told
    view.leave()
    assert (painted(view) == painted_before).all()


def test_a_dragged_order_waits_at_its_new_price_until_its_fate_is_known(
    qtbot: QtBot, view: ChartView
) -> None:
    mark = order_at(view, 120)
    view.set_orders([mark])
    settle()
    with qtbot.waitSignal(view.order_dragged) as dragged:
        drag(view, (300, y_of(view, mark.price_e4)), (300, 170))
    assert dragged.args is not None
    waiting = OrderMark(
        key="7", side=Side.SELL, quantity=150, price_e4=mark.price_e4, text="", is_settled=False
    )
    view.set_orders([waiting])
    settle()
    assert shown_price(view) == dragged.args[1]
    view.set_orders([mark])
    settle()
    assert shown_price(view) == mark.price_e4


def shown_price(view: ChartView) -> int:
    return view.marks._places[0][0].price_e4


def test_an_order_that_cannot_be_moved_is_no_handle(qtbot: QtBot, view: ChartView) -> None:
    mark = OrderMark(
        key="7",
        side=Side.BUY,
        quantity=1,
        price_e4=view.snapped(120),
        text="Market",
        can_move=False,
    )
    view.set_orders([mark])
    settle()
    with qtbot.assertNotEmitted(view.order_dragged):
        drag(view, (300, y_of(view, mark.price_e4)), (300, 170))


def test_the_cross_cancels_only_when_pressed_and_released_on_it(
    qtbot: QtBot, view: ChartView
) -> None:
    view.set_orders([order_at(view, 120)])
    settle()
    cross = view.marks._places[0][2].center()
    with qtbot.waitSignal(view.order_cancelled) as cancelled:
        drag(view, (cross.x(), cross.y()), (cross.x(), cross.y()))
    assert cancelled.args == ["7"]
    with qtbot.assertNotEmitted(view.order_cancelled):
        drag(view, (cross.x(), cross.y()), (cross.x() - 200, cross.y() + 90))


def test_an_alert_is_dragged_like_an_order(qtbot: QtBot, view: ChartView) -> None:
    view.set_alerts([PriceMark(key="a", price_e4=view.snapped(120), text="Alert")])
    settle()
    with qtbot.waitSignal(view.alert_dragged) as dragged:
        drag(view, (300, 120), (300, 90))
    assert dragged.args is not None
    assert dragged.args[0] == "a"


def test_labels_at_one_price_do_not_cover_each_other(view: ChartView) -> None:
    marks = [order_at(view, 120 + step, str(step)) for step in range(4)]
    view.set_orders(marks)
    held = PositionMark(quantity=5, average_e4=view.snapped(122), profit_paise=0, text="INTRADAY")
    view.set_positions([held])
    settle()
    areas = [area for _, area, _ in view.marks._places]
    assert len(areas) == 5
    for at, area in enumerate(areas):
        assert not any(area.intersects(other) for other in areas[:at])


# -- the crosshair


def test_the_crosshair_steps_by_bars_and_is_read_out(qtbot: QtBot, view: ChartView) -> None:
    press(qtbot, view, Qt.Key.Key_Left, shift=True)
    assert view.cross.number == 999
    press(qtbot, view, Qt.Key.Key_Left, shift=True)
    assert view.cross.number == 998
    assert "C " in view.accessibleDescription()
    press(qtbot, view, Qt.Key.Key_Escape)
    assert view.cross.number is None


def test_stepping_beyond_the_edge_brings_the_bar_in(view: ChartView) -> None:
    view.stack.timeline.pan(3_000)
    view.step_cross(-1)
    timeline = view.stack.timeline
    assert timeline.left < 999 < timeline.right


def test_linked_charts_share_the_crosshair_by_time(qtbot: QtBot) -> None:
    cursor = Cursor()
    whole = columns(1_000)
    one, other = (chart(qtbot, each) for each in (whole, part(whole, 300, 1_000)))
    for each in (one, other):
        each.set_cursor_link(cursor)
    mouse(one, MOVE, 400, 100, down=False)
    assert one.cross.number is not None
    assert other.cross.number == one.cross.number - 300
    assert other.cross.y is None
    QApplication.sendEvent(one, QEvent(QEvent.Type.Leave))
    assert {one.cross.number, other.cross.number} == {None}


def test_the_readout_follows_the_live_bar_while_there_is_no_crosshair(view: ChartView) -> None:
    view.set_indicators([Choice("ema")])
    opened_ns = view.content.series.opened(999)
    view.update_last(Candle(opened_ns, 1_000_000, 1_000_000, 990_000, 995_000, 12_345))
    lines = view.readout_lines(view.stack.panes[0])
    words = [run.text for run in lines[0]]
    assert words[2:10] == ["O", "100.00", "H", "100.00", "L", "99.00", "C", "99.50"]
    assert lines[1][0].text == "EMA 20"
    assert view.readout_lines(view.stack.panes[1])[0][1].text == "12.3K"


def test_clearing_leaves_an_empty_chart(view: ChartView) -> None:
    view.set_orders([order_at(view, 100)])
    view.clear()
    painted(view)
    mouse(view, MOVE, 300, 100, down=False)
    drag(view, (300, 100), (200, 120))
    view.fit_all()
    view.step_cross(1)
    assert view.cross.number is None


def test_the_countdown_stands_under_the_last_price(view: ChartView) -> None:
    view.set_countdown(59_500_000_000)
    assert view.marks.last is not None
    assert view.marks.last.countdown == "00:59"
    view.set_countdown(None)
    assert view.marks.last.countdown == ""
