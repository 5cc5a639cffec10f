"""The chart as a widget: data in, gestures out."""

import functools
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from brokers.model.market import Candle
from brokers.model.money import round_to_tick
from desktop.chart.candles_item import Style
from desktop.chart.canvas import Canvas
from desktop.chart.content import Content, Facts
from desktop.chart.crosshair import Cursor, Run
from desktop.chart.hand import Hand
from desktop.chart.lines_item import LastPrice, OrderMark, PositionMark, PriceMark
from desktop.chart.look import ChartColors
from desktop.chart.pane import Pane
from desktop.chart.scale import Mode
from desktop.chart.series import Columns, columns_from, e4
from desktop.chart.studies import Choice
from desktop.chart.ticks import bar_time_text, countdown_text
from desktop.chart.visible import step_for

_NOTCH: Final = 120.0
_BY_KEY: Final = frozenset(
    {
        Qt.FocusReason.TabFocusReason,
        Qt.FocusReason.BacktabFocusReason,
        Qt.FocusReason.ShortcutFocusReason,
    }
)
_OLDER_PAGES: Final = 0.5
"""Older bars are asked for when fewer screens than this are left of what is shown."""


class ChartView(Canvas):
    """Candles with indicators, volume and lines. It shows what it is given and fetches nothing."""

    wants_older = Signal()
    """The oldest bar comes into view; sent once until `prepend` or `set_has_older`."""
    order_dragged = Signal(str, object)
    """(order key, new price_e4)"""
    order_cancelled = Signal(str)
    alert_dragged = Signal(str, object)
    price_clicked = Signal(object)
    """price_e4, on the tick"""
    menu_requested = Signal(object, QPoint)
    """(price_e4 under the pointer or None, where on the screen)"""

    def __init__(
        self, colors: ChartColors, parent: QWidget | None = None, *, cursor: Cursor | None = None
    ) -> None:
        super().__init__(colors, parent)
        self.content = Content()
        self._cursor = cursor or Cursor(self)
        self._cursor.moved.connect(self._follow_cursor)
        self._hand = Hand(self)
        self._has_older = False
        self._countdown = ""
        self._last_range = (0.0, 0.0)
        self.setMouseTracking(True)
        self.setAccessibleName("Chart")
        self._rebuild()

    # -- data -----------------------------------------------------------------------------------

    def set_series(self, columns: Columns, facts: Facts) -> None:
        """Show another instrument or interval, newest bars at the right."""
        self.cross.number = None
        self.content.load(columns, facts)
        self.stack.is_intraday = facts.interval.is_intraday
        self.marks.decimals = facts.decimals
        self.stack.load(self.content.series)
        for pane in self.stack.panes:
            pane.scale.is_auto = True
        self._countdown = ""
        self._show_last()
        self._rebuild()

    def replace(self, columns: Columns) -> None:
        """Put corrected bars in place of all; what is on the screen stays where it is."""
        timeline, before = self.stack.timeline, self.content.series
        if not len(before) or not len(columns.opened_ns):
            self.set_series(columns, self.content.facts)
            return
        anchor = before.last
        if not timeline.is_following:
            anchor = min(max(round(timeline.right), before.first), before.last)
        offset, opened_ns = timeline.right - anchor, before.opened(anchor)
        crossed = None if self.cross.number is None else before.opened(self.cross.number)
        self.content.load(columns, self.content.facts)
        series = self.content.series
        number = series.last if anchor == before.last else series.at(opened_ns)
        self.stack.renumber(series, number + offset)
        self.cross.number = None if crossed is None else series.at(crossed)
        self._show_last()
        self._rebuild()

    def clear(self) -> None:
        """Show no bars and no lines."""
        self.marks.set_orders(())
        self.marks.positions, self.marks.alerts = (), ()
        self.set_series(columns_from([]), self.content.facts)

    def set_has_older(self, *, has_older: bool) -> None:
        """Say whether there may be bars before the first one; `wants_older` asks for them."""
        self._has_older = has_older
        self._ask_older()

    def update_last(self, candle: Candle) -> None:
        """Show the live bar's newest state; only its strip is drawn anew."""
        self.apply([candle])

    def append(self, candle: Candle) -> None:
        """Begin a new bar."""
        self.apply([candle])

    def apply(self, candles: Sequence[Candle]) -> None:
        """Take a frame's candles: states of the live bar, and bars that follow it, in order."""
        before, extents = self._last_parts(), self._live_extents()
        is_new = False
        for candle in candles:
            is_new |= self.content.take(candle)
        if not candles:
            return
        self._show_last()
        if is_new:
            self.stack.extend(self.content.series)
        if self._lacks_volume():
            self._rebuild()
        elif is_new or not self._refresh_live(before, extents):
            self.refresh()

    def prepend(self, columns: Columns) -> None:
        """Put older bars in front of the first; nothing on the screen moves."""
        self.content.prepend(columns)
        self.stack.extend(self.content.series)
        self._rebuild()

    def set_indicators(self, choices: Sequence[Choice]) -> None:
        """Show these indicators and no others."""
        if tuple(choices) != self.content.choices:
            self.content.set_choices(choices)
            self._rebuild()

    def set_style(self, style: Style) -> None:
        if style is not self.content.style:
            self.content.set_style(style)
            self._show_last()
            self._rebuild()

    def set_mode(self, mode: Mode) -> None:
        """Scale prices linearly, by logarithm, or in percent of the first bar on the screen."""
        self.stack.panes[0].scale.set_mode(mode)
        self.refresh()

    @property
    def mode(self) -> Mode:
        return self.stack.panes[0].scale.mode

    def set_volume(self, *, is_shown: bool) -> None:
        self.content.shows_volume = is_shown
        self._rebuild()

    def set_orders(self, orders: Sequence[OrderMark]) -> None:
        """Show these working orders; one that was dragged and waits takes the place given here."""
        self.marks.set_orders(orders)
        self.refresh_over()

    def set_positions(self, positions: Sequence[PositionMark]) -> None:
        """Show the average and the profit of what is held."""
        old, new = tuple(self.marks.positions), tuple(positions)
        self.marks.positions = new
        if [each.average_e4 for each in old] != [each.average_e4 for each in new]:
            self.refresh_over()
        elif old != new:
            # A profit's text may be longer than before, and push another label away.
            parts = self.marks.position_parts()
            self.refresh_over([part.adjusted(-part.width(), 0, 0, 0) for part in parts])

    def set_alerts(self, alerts: Sequence[PriceMark]) -> None:
        self.marks.alerts = tuple(alerts)
        self.refresh_over()

    def set_countdown(self, left_ns: int | None) -> None:
        """Write the time to the live bar's end under its price; None: nothing."""
        text = "" if left_ns is None else countdown_text(left_ns)
        if text != self._countdown:
            before = self._last_parts()
            self._countdown = text
            self.marks.with_countdown(text)
            self.refresh_over([*before, *self._last_parts()])

    # -- the visible range ----------------------------------------------------------------------

    def fit_all(self) -> None:
        """Show every bar."""
        self.stack.timeline.fit()
        self.moved()

    def show_bars(self, first: float, last: float) -> None:
        """Show the bars with these numbers."""
        self.stack.timeline.show(first, last)
        self.moved()

    def reset(self) -> None:
        """Show the newest bars at the usual width, every scale automatic."""
        for pane in self.stack.panes:
            pane.scale.is_auto = True
        self.stack.timeline.reset()
        self.moved()

    def moved(self) -> None:
        self.refresh()
        timeline = self.stack.timeline
        now = (timeline.left, timeline.right)
        if now != self._last_range:
            self._last_range = now
            self.range_changed.emit()
            self._ask_older()

    def _ask_older(self) -> None:
        timeline = self.stack.timeline
        pages = (timeline.left - self.content.series.first) * timeline.bar_px / timeline.width
        if self._has_older and len(self.content.series) and pages < _OLDER_PAGES:
            self._has_older = False
            self.wants_older.emit()

    # -- painting -------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        self.stack.panes = self.content.panes(self.stack.panes)
        self.refresh()

    def _show_last(self) -> None:
        series = self.content.series
        if not len(series):
            self.marks.last = None
            return
        o, _, _, close, _ = series.row(series.last)
        self.marks.last = LastPrice(e4(close), close >= o, self._countdown)

    def _lacks_volume(self) -> bool:
        """Tell whether the first traded bar calls for a pane of volume."""
        has_pane = any(pane.key == "volume" for pane in self.stack.panes)
        return not has_pane and self.content.has_volume

    def _live_extents(self) -> dict[str, tuple[float, float]]:
        return self.content.live_extents(self.stack.panes) if len(self.content.series) else {}

    def _live_is_visible(self) -> bool:
        timeline = self.stack.timeline
        return timeline.left - 1 <= self.content.series.last <= timeline.right + 1

    def _refresh_live(
        self, before: Sequence[QRectF], extents: dict[str, tuple[float, float]]
    ) -> bool:
        """Redraw the live bar alone; tells whether that is enough, or a scale has to follow it.

        Args:
            before: what the last price's line and tag covered.
            extents: the values the live bar covered, by pane.
        """
        if self.is_stale:
            return False
        if self._live_is_visible():
            now = self._live_extents()
            panes = self.stack.shown()
            if not all(pane.holds(*now[pane.key]) for pane in panes if pane.key in now):
                return False
            self.refresh_strips(self._live_strips(extents, now))
        parts = self._united(before, self._last_parts())
        if self.cross.number is None or self.cross.number == self.content.series.last:
            parts += self.readout.parts(self.stack.shown())
        self.refresh_over(parts)
        return True

    def _live_strips(
        self, old: dict[str, tuple[float, float]], new: dict[str, tuple[float, float]]
    ) -> list[QRect]:
        """Give what the live bar covers or covered, in each pane."""
        window = self.stack.timeline.window()
        last, step = self.content.series.last, step_for(window.bar_px)
        first = last // step * step
        slack = 2 * self.look.pixel
        # Lines come from the middle of the bar before.
        left = int(window.x(first - step) - slack)
        width = int(window.x(first + step)) + slack - left + 1
        strips = []
        for pane in self.stack.shown():
            if pane.key not in new or pane.key not in old:
                continue
            top, bottom = pane.area.top(), pane.area.bottom()
            if step == 1:
                low = min(old[pane.key][0], new[pane.key][0])
                high = max(old[pane.key][1], new[pane.key][1])
                top, reach = pane.rows(low, high, slack + self.look.pixel)
                fills = pane is self.main and self.content.style is Style.AREA
                bottom = bottom if fills else reach
            strips.append(QRect(left, top, width, bottom - top + 1))
        return strips

    @staticmethod
    def _united(before: Sequence[QRectF], after: Sequence[QRectF]) -> list[QRectF]:
        """Give what a last price covers before and after; nothing if it stood still."""
        if list(before) == list(after):
            return list(after[1:])
        rows = [part for part in (*before[:1], *after[:1]) if not part.isEmpty()]
        tags = [part for part in (*before[1:], *after[1:]) if not part.isEmpty()]
        return [*rows, functools.reduce(QRectF.united, tags)] if tags else rows

    def _last_parts(self) -> list[QRectF]:
        main = self.main
        if main is None or not main.is_shown:
            return []
        return self.marks.last_parts(main, self.stack.axis_of(main), self.look)

    @override
    def readout_lines(self, pane: Pane) -> Sequence[Sequence[Run]]:
        number = self.cross.number
        return self.content.lines(
            pane, self.content.series.last if number is None else number, self.look
        )

    @override
    def cross_time_text(self) -> str:
        if self.cross.number is None:
            return ""
        opened = self.content.series.opened(self.cross.number)
        return bar_time_text(opened, is_intraday=self.content.facts.interval.is_intraday)

    # -- the crosshair --------------------------------------------------------------------------

    def point(self, x: float, y: float) -> None:
        series = self.content.series
        if not len(series):
            return
        number = round(self.stack.timeline.window().number(x))
        self._cross_to(min(max(number, series.first), series.last), y)

    def step_cross(self, bars: int) -> None:
        series, main = self.content.series, self.main
        if not len(series) or main is None:
            return
        before = self.cross.number
        number = series.last if before is None else before + bars
        number = min(max(number, series.first), series.last)
        self.stack.timeline.bring(number)
        self.moved()
        self.settle()
        self._cross_to(number, main.scale.y(self.content.shown.row(number)[3]))
        words = [run.text for line in self.readout_lines(main) for run in line]
        self.setAccessibleDescription(f"{self.cross_time_text()} {' '.join(words)}")

    def leave(self) -> None:
        self._cross_to(None, None)

    def _cross_to(self, number: int | None, y: float | None, *, is_told: bool = True) -> None:
        if (number, y) == (self.cross.number, self.cross.y):
            return
        is_other = number != self.cross.number
        parts = self.cross.parts(self.stack, self.look)
        self.cross.number, self.cross.y = number, y
        parts += self.cross.parts(self.stack, self.look)
        if is_other:
            parts += self.readout.parts(self.stack.shown())
        self.refresh_over(parts)
        if is_told and is_other:
            opened = None if number is None else self.content.series.opened(number)
            self._cursor.move(self, opened)

    def _follow_cursor(self, chart: object, opened_ns: int | None) -> None:
        series = self.content.series
        if chart is self or not len(series):
            return
        is_here = opened_ns is not None and opened_ns >= series.opened(series.first)
        number = series.at(opened_ns) if is_here and opened_ns is not None else None
        self._cross_to(number, None, is_told=False)

    def set_cursor_link(self, cursor: Cursor) -> None:
        """Share another crosshair from now on."""
        self._cursor.moved.disconnect(self._follow_cursor)
        self._cursor = cursor
        cursor.moved.connect(self._follow_cursor)

    # -- gestures -------------------------------------------------------------------------------

    def snapped(self, y: float) -> int:
        price_e4 = e4(self.stack.panes[0].scale.value(y))
        tick_e4 = self.content.facts.tick_e4
        return max(tick_e4, round_to_tick(price_e4, tick_e4))

    def dropped(self, key: str, price_e4: int) -> None:
        is_alert = any(alert.key == key for alert in self.marks.alerts)
        (self.alert_dragged if is_alert else self.order_dragged).emit(key, price_e4)

    def crossed_out(self, key: str) -> None:
        self.order_cancelled.emit(key)

    def clicked(self, y: float) -> None:
        if len(self.content.series):
            self.price_clicked.emit(self.snapped(y))

    def show_grip(self, shape: Qt.CursorShape) -> None:
        if self.viewport().cursor().shape() is not shape:
            self.viewport().setCursor(shape)

    def _at(self, point: QPointF) -> QPointF:
        return point * self.look.ratio

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._hand.press(self._at(event.position()))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hand.move(self._at(event.position()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._hand.release(self._at(event.position()))

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._hand.double(self._at(event.position()))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        self._hand.wheel(self._at(event.position()), delta.x() / _NOTCH, delta.y() / _NOTCH)
        event.accept()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.setAccepted(self._hand.key(event))

    @override
    def leaveEvent(self, event: QEvent) -> None:
        if not self._hand.is_holding:
            self.leave()

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.has_ring = event.reason() in _BY_KEY
        self.refresh_over()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.has_ring = False
        self.refresh_over()
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self._hand.cancel()

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = self._at(QPointF(event.pos()))
        main = self.main
        is_price = main is not None and main.is_shown and main.area.contains(at.toPoint())
        price = self.snapped(at.y()) if is_price and len(self.content.series) else None
        self.menu_requested.emit(price, event.globalPos())
