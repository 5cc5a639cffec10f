"""The row of controls above a chart; it shows a state and says what was chosen."""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QPoint, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget
from typing_extensions import override

from brokers.model.market import Interval
from desktop.chart.candles_item import Style
from desktop.chart.indicators import INDICATORS
from desktop.chart.scale import Mode
from desktop.chart.studies import Choice
from desktop.docks.chart.state import ChartState
from desktop.ui import icons, menus
from desktop.ui.labels import clean, label
from desktop.ui.parts import Segments, button
from desktop.ui.theme import Theme

_AT_HAND: Final = (Interval.M1, Interval.M5, Interval.M15, Interval.H1, Interval.D1)
"""Intervals with a button of their own, where the broker has them."""
INTERVAL_WORDS: Final = {"s": "seconds", "m": "minutes", "h": "hours"}
_LONG_WORDS: Final = {Interval.D1: "1 day", Interval.W1: "1 week", Interval.MO1: "1 month"}
STYLE_WORDS: Final = {
    Style.CANDLES: "Candles",
    Style.HOLLOW: "Hollow candles",
    Style.BARS: "Bars",
    Style.HEIKIN_ASHI: "Heikin-Ashi",
    Style.LINE: "Line",
    Style.AREA: "Area",
}
MODE_WORDS: Final = {Mode.LINEAR: "Linear", Mode.LOG: "Logarithmic", Mode.PERCENT: "Percent"}
_ROOM_FOR_INTERVAL: Final = 20
Items = Callable[[], Sequence[menus.Item]]


def interval_words(interval: Interval) -> str:
    """Write an interval for a menu: `5 minutes`."""
    if interval in _LONG_WORDS:
        return _LONG_WORDS[interval]
    number, unit = interval.value[:-1], interval.value[-1]
    words = INTERVAL_WORDS[unit]
    return f"{number} {words if number != '1' else words[:-1]}"


class MenuButton(QToolButton):
    """A word that opens a menu below itself, by mouse, Space, Return or Down."""

    def __init__(self, name: str, items: Items, parent: QWidget) -> None:
        super().__init__(parent)
        self._items = items
        self.setAutoRaise(True)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setProperty("menu", True)  # noqa: FBT003 - Qt's own signature
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(self.open)

    def open(self) -> None:
        """Show the menu and return at once."""
        below = self.mapToGlobal(QPoint(0, self.height()))
        menus.popup(self._items(), below, self)

    @override
    def sizeHint(self) -> QSize:
        usual = super().sizeHint()
        return usual if self.text() else QSize(Theme.current().px(22), usual.height())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        # Drawn close to its word: with Qt's gap it seems to belong to the next one.
        theme = Theme.current()
        size = theme.px(12)
        sign = icons.pixmap("chevron-down", "text_dim", size, self.devicePixelRatioF())
        left = self.width() - size - theme.space("s")
        QPainter(self).drawPixmap(left, (self.height() - size) // 2 + 1, sign)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            self.open()
        else:
            super().keyPressEvent(event)


class Toolbar(QWidget):
    """Instrument, interval, style, indicators, scale, and the whole history at one press."""

    interval_chosen = Signal(object)
    style_chosen = Signal(object)
    mode_chosen = Signal(object)
    volume_chosen = Signal(bool)
    indicators_chosen = Signal(object)
    """A tuple of Choices: all that the chart shall show."""
    edit_asked = Signal(int)
    """The trader wants to change the numbers of this indicator, by its place."""
    fit_asked = Signal()
    reset_asked = Signal()
    retry_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = ChartState()
        self._is_folding = False
        self._offered: tuple[Interval, ...] = tuple(Interval)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._symbol = label("", role="title", parent=self)
        self._hand: tuple[Interval, ...] = _AT_HAND
        self.intervals = self._segments()
        self.more = MenuButton("All intervals", self._interval_items, self)
        self.style_button = MenuButton("Style of the bars", self._style_items, self)
        self.indicators = MenuButton("Indicators", self._indicator_items, self)
        self.indicators.setText("Indicators")
        self.scale = MenuButton("Price scale", self.scale_items, self)
        self._status = label("", role="dim", parent=self)
        self._retry = button("Retry", self.retry_asked.emit, kind="quiet", parent=self)
        self._latest = self._word("Latest", "The newest bars at their usual width (0)")
        self._latest.clicked.connect(self.reset_asked)
        self._all = self._word("All", "All bars that are loaded")
        self._all.clicked.connect(self.fit_asked)
        self._lay_out()
        self.show_state(self._state)
        self.show_status("")

    def _word(self, text: str, tip: str) -> QToolButton:
        made = QToolButton(self)
        made.setText(text)
        made.setToolTip(tip)
        made.setAccessibleName(tip)
        made.setAutoRaise(True)
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return made

    def _segments(self) -> Segments:
        made = Segments([(each.value, each.value) for each in self._hand], "Interval", self)
        made.allow(frozenset(each.value for each in self._offered))
        made.changed.connect(self._on_segment)
        return made

    def _lay_out(self) -> None:
        theme = Theme.current()
        row = self._row = QHBoxLayout(self)
        self._symbol.setContentsMargins(0, 0, theme.space("s"), 0)
        row.setContentsMargins(theme.space("m"), *(theme.space("s"),) * 3)
        row.setSpacing(theme.space("s"))
        left: tuple[QWidget, ...] = (self._symbol, self.intervals, self.more, self.style_button)
        for each in (*left, self.indicators, self.scale):
            row.addWidget(each)
        row.addStretch(1)
        right: tuple[QWidget, ...] = (self._status, self._retry, self._latest, self._all)
        for each in right:
            row.addWidget(each)

    def put_last(self, widget: QWidget) -> None:
        """Put a widget of the dock's own at the right end."""
        self._row.addWidget(widget)

    def show_symbol(self, text: str) -> None:
        self._symbol.setText(text)
        self._fold()

    def show_state(self, state: ChartState) -> None:
        """Show what is chosen."""
        self._state = state
        self._show_interval(state.interval)
        self.style_button.setText(STYLE_WORDS[state.style])
        self.scale.setText(MODE_WORDS[state.mode])
        self._fold()

    def _show_interval(self, interval: Interval) -> None:
        """Mark the interval; one that has no button gets one, until another takes its place."""
        if interval not in self._hand:
            hand = {*_AT_HAND, interval}
            self._hand = tuple(each for each in Interval if each in hand)
            had_focus = self.intervals.isAncestorOf(self.focusWidget() or self)
            old, self.intervals = self.intervals, self._segments()
            self._row.replaceWidget(old, self.intervals)
            QWidget.setTabOrder(self._symbol, self.intervals)
            old.deleteLater()
            if had_focus:
                self.intervals.setFocus()
        blocker = QSignalBlocker(self.intervals)
        self.intervals.choose(interval.value)
        blocker.unblock()

    def offer(self, intervals: Sequence[Interval]) -> None:
        """Offer the intervals the broker has."""
        self._offered = tuple(intervals)
        self.intervals.allow(frozenset(each.value for each in intervals))

    def show_status(self, text: str, *, can_retry: bool = False) -> None:
        """Say how loading goes; an empty text says nothing."""
        if (clean(text, 60), can_retry) == (self._status.text(), not self._retry.isHidden()):
            return
        self._status.setText(clean(text, 60))
        self._status.setToolTip(clean(text))
        self._retry.setVisible(can_retry)
        self._fold()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        """Show what there is room for, the most used first; the rest is in the chart's menu."""
        if self._is_folding:
            return
        self._is_folding = True  # showing and hiding resizes what is around
        margins = self._row.contentsMargins()
        room = self.width() - margins.left() - margins.right() - self._width(self.more)
        always = (self.style_button, self.indicators)
        room -= sum(map(self._width, always)) + Theme.current().px(_ROOM_FOR_INTERVAL)
        if not self._retry.isHidden():
            room -= self._width(self._retry)
        wanted: tuple[QWidget, ...] = (
            *(self._status, self.intervals, self._latest, self._all, self.scale, self._symbol),
        )
        for each in wanted:
            fits = self._width(each) <= room
            each.setVisible(fits)
            room -= self._width(each) if fits else 0
        shows = not self.intervals.isHidden()
        self.more.setText("" if shows else self._state.interval.value)
        self._is_folding = False

    def _width(self, widget: QWidget) -> int:
        return widget.sizeHint().width() + self._row.spacing()

    # -- menus

    def _interval_items(self) -> list[menus.Item]:
        return [
            menus.Item(
                title=interval_words(each),
                run=lambda each=each: self.interval_chosen.emit(each),  # type: ignore[misc]
                is_checked=each is self._state.interval,
            )
            for each in self._offered
        ]

    def _style_items(self) -> list[menus.Item]:
        items = [
            menus.Item(
                title=words,
                run=lambda style=style: self.style_chosen.emit(style),  # type: ignore[misc]
                is_checked=style is self._state.style,
            )
            for style, words in STYLE_WORDS.items()
        ]
        shows = self._state.shows_volume
        volume = menus.Item(
            title="Volume", run=lambda: self.volume_chosen.emit(not shows), is_checked=shows
        )
        return [*items, menus.LINE, volume]

    def scale_items(self) -> list[menus.Item]:
        """Give the ways to scale prices, for the chart's own menu as well."""
        return [
            menus.Item(
                title=words,
                run=lambda mode=mode: self.mode_chosen.emit(mode),  # type: ignore[misc]
                is_checked=mode is self._state.mode,
            )
            for mode, words in MODE_WORDS.items()
        ]

    def _indicator_items(self) -> list[menus.Item]:
        shown = [self._shown_item(at, each) for at, each in enumerate(self._state.indicators)]
        offered = [
            menus.Item(
                title=each.title,
                icon="plus",
                run=lambda each=each: self._add(Choice(each.id)),  # type: ignore[misc]
            )
            for each in INDICATORS.values()
            if self._state.interval.is_intraday or not each.is_intraday
        ]
        return [*shown, *([menus.LINE] if shown else []), *offered]

    def _shown_item(self, at: int, choice: Choice) -> menus.Item:
        edit = menus.Item(
            title="Change …",
            icon="edit",
            run=lambda: self.edit_asked.emit(at),
            is_enabled=bool(choice.indicator.params),
        )
        remove = menus.Item(title="Remove", icon="trash", run=lambda: self._remove(at))
        return menus.Item(title=choice.title, items=(edit, remove))

    def _add(self, choice: Choice) -> None:
        self.indicators_chosen.emit((*self._state.indicators, choice))

    def _remove(self, at: int) -> None:
        shown = self._state.indicators
        self.indicators_chosen.emit((*shown[:at], *shown[at + 1 :]))

    def _on_segment(self, value: str) -> None:
        self.interval_chosen.emit(Interval(value))
