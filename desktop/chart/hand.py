"""The mouse and the keys of a chart: panning, zooming, scaling, and dragging lines."""

import enum
import itertools
from dataclasses import dataclass
from typing import Final, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

from desktop.chart.lines_item import Hit, Marks
from desktop.chart.look import Look
from desktop.chart.pane import Pane, Stack

_STILL: Final = 4
"""A press that moves less than this is a click."""
_EDGE: Final = 4
_ZOOM_KEY: Final = 1.25
_ZOOM_NOTCH: Final = 1.15
_LEAST_WEIGHT: Final = 0.06


class Chart(Protocol):
    """What the hand works on."""

    stack: Stack
    marks: Marks
    look: Look

    def moved(self) -> None:
        """Other bars may be on the screen now."""

    def refresh(self) -> None: ...
    def refresh_over(self) -> None: ...
    def snapped(self, y: float) -> int:
        """Give the price on the tick at a height."""

    def point(self, x: float, y: float) -> None:
        """Put the crosshair under the pointer."""

    def step_cross(self, bars: int) -> None:
        """Move the crosshair by bars, from the last bar if it is not shown."""

    def leave(self) -> None:
        """Take the crosshair away."""

    def dropped(self, key: str, price_e4: int) -> None:
        """Report that a line was dragged to another price."""

    def crossed_out(self, key: str) -> None:
        """Report that a line's cross was clicked."""

    def clicked(self, y: float) -> None:
        """Report a click into the price pane."""

    def show_grip(self, shape: Qt.CursorShape) -> None:
        """Change the pointer's shape."""


class _Holds(enum.Enum):
    BARS = "bars"
    VALUES = "values"
    TIME = "time"
    EDGE = "edge"
    LINE = "line"
    CROSS = "cross"


@dataclass(slots=True)
class _Grip:
    """What the left button holds, and from where."""

    what: _Holds
    at: QPointF
    pane: Pane | None = None
    below: Pane | None = None
    key: str = ""
    has_moved: bool = False


class Hand:
    """Turns gestures into changes of a chart. Positions are in the picture's pixels."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._grip: _Grip | None = None
        self._pressed = QPointF()
        self._moves = {
            _Holds.BARS: self._drag_bars,
            _Holds.VALUES: self._drag_values,
            _Holds.TIME: self._drag_time,
            _Holds.EDGE: self._drag_edge,
            _Holds.LINE: self._drag_line,
            _Holds.CROSS: self._drag_nothing,
        }

    @property
    def is_holding(self) -> bool:
        return self._grip is not None

    def press(self, at: QPointF) -> None:
        self._pressed = at
        self._grip = self._find(at)
        if self._grip.what is _Holds.LINE:
            # Held before it moves: a refresh of the orders must not take it out of the hand.
            self._chart.marks.drag(self._grip.key, self._price_at(self._grip))

    def _price_at(self, grip: _Grip) -> int:
        price = self._chart.marks.price_of(grip.key)
        return self._chart.snapped(grip.at.y()) if price is None else price

    def _find(self, at: QPointF) -> _Grip:
        stack = self._chart.stack
        pane = stack.pane_at(at.y())
        if at.y() >= stack.time_area.top():
            return _Grip(_Holds.TIME, at)
        edge = self._edge(at)
        if edge is not None:
            return edge
        if at.x() >= stack.plot.width():
            return _Grip(_Holds.VALUES, at, pane)
        hit = self._hit(at)
        if hit is not None and (hit.is_cross or hit.can_move):
            return _Grip(_Holds.CROSS if hit.is_cross else _Holds.LINE, at, pane, key=hit.key)
        return _Grip(_Holds.BARS, at, pane)

    def _hit(self, at: QPointF) -> Hit | None:
        stack = self._chart.stack
        panes = stack.shown()
        if not panes or stack.pane_at(at.y()) is not panes[0]:
            return None
        return self._chart.marks.hit(at, panes[0], self._chart.look)

    def _edge(self, at: QPointF) -> _Grip | None:
        panes = self._chart.stack.shown()
        for above, below in itertools.pairwise(panes):
            if abs(at.y() - below.area.top()) <= self._chart.look.px(_EDGE):
                return _Grip(_Holds.EDGE, at, above, below)
        return None

    def move(self, at: QPointF) -> None:
        """Follow the pointer, with or without something in the hand."""
        grip, chart = self._grip, self._chart
        if grip is None:
            self._hover(at)
            return
        far = (at - self._pressed).manhattanLength() >= chart.look.px(_STILL)
        if not grip.has_moved and not far:
            return
        grip.has_moved = True
        self._moves[grip.what](grip, at)
        grip.at = at

    def _hover(self, at: QPointF) -> None:
        grip = self._find(at)
        self._chart.show_grip(_SHAPES[grip.what])
        on_plot = at.x() < self._chart.stack.plot.width() and grip.what is not _Holds.TIME
        if on_plot and at.y() >= 0:
            self._chart.point(at.x(), at.y())
        else:
            self._chart.leave()

    def _drag_bars(self, grip: _Grip, at: QPointF) -> None:
        self._chart.stack.timeline.pan(at.x() - grip.at.x())
        if grip.pane is not None and not grip.pane.scale.is_auto:
            grip.pane.scale.drag(at.y() - grip.at.y())
        self._chart.point(at.x(), at.y())
        self._chart.moved()

    def _drag_values(self, grip: _Grip, at: QPointF) -> None:
        if grip.pane is not None:
            grip.pane.scale.zoom(1.005 ** (at.y() - grip.at.y()))
            self._chart.refresh()

    def _drag_time(self, grip: _Grip, at: QPointF) -> None:
        timeline = self._chart.stack.timeline
        timeline.zoom(1.005 ** (at.x() - grip.at.x()), timeline.width)
        self._chart.moved()

    def _drag_edge(self, grip: _Grip, at: QPointF) -> None:
        above, below = grip.pane, grip.below
        if above is None or below is None:
            return
        panes = self._chart.stack.shown()
        whole = sum(pane.weight for pane in panes)
        change = (at.y() - grip.at.y()) / self._chart.stack.plot.height() * whole
        least = _LEAST_WEIGHT * whole
        change = max(least - above.weight, min(change, below.weight - least))
        above.weight += change
        below.weight -= change
        self._chart.refresh()

    def _drag_line(self, grip: _Grip, at: QPointF) -> None:
        self._chart.marks.drag(grip.key, self._chart.snapped(at.y()))
        self._chart.leave()
        self._chart.refresh_over()

    def _drag_nothing(self, grip: _Grip, at: QPointF) -> None:
        """A cross that is slid off is not clicked."""

    def release(self, at: QPointF) -> None:
        grip, self._grip = self._grip, None
        if grip is None:
            return
        chart = self._chart
        if grip.what is _Holds.LINE:
            self._drop(grip)
        elif grip.what is _Holds.CROSS:
            hit = self._hit(at)
            if hit is not None and hit.is_cross and hit.key == grip.key:
                chart.crossed_out(grip.key)
        elif grip.what is _Holds.BARS and not grip.has_moved:
            panes = chart.stack.shown()
            if panes and grip.pane is panes[0]:
                chart.clicked(at.y())

    def _drop(self, grip: _Grip) -> None:
        marks = self._chart.marks
        dragged = marks.dragged
        before = marks.price_of(grip.key)
        is_new = dragged is not None and grip.has_moved and dragged[1] != before
        marks.drop(is_kept=is_new)
        self._chart.refresh()
        if dragged is not None and is_new:
            self._chart.dropped(*dragged)

    def cancel(self) -> bool:
        """Let go of what is held as if it had not been touched; tells whether anything was."""
        if self._grip is None:
            return False
        self._grip = None
        self._chart.marks.drop(is_kept=False)
        self._chart.refresh()
        return True

    def double(self, at: QPointF) -> None:
        """Give back the automatic scale, the usual width, or the whole usual view."""
        stack = self._chart.stack
        grip = self._find(at)
        if grip.what is _Holds.VALUES and grip.pane is not None:
            grip.pane.scale.is_auto = True
        elif grip.what is _Holds.TIME:
            stack.timeline.reset()
        elif grip.what is _Holds.BARS:
            self._reset()
        self._chart.moved()

    def _reset(self) -> None:
        for pane in self._chart.stack.panes:
            pane.scale.is_auto = True
        self._chart.stack.timeline.reset()

    def wheel(self, at: QPointF, across: float, down: float) -> None:
        """Zoom at the pointer, or pan for a sideways wheel; both in notches of the wheel."""
        stack = self._chart.stack
        if abs(across) > abs(down):
            stack.timeline.pan(across * self._chart.look.px(60))
        elif at.x() >= stack.plot.width() and (pane := stack.pane_at(at.y())) is not None:
            pane.scale.zoom(_ZOOM_NOTCH**-down)
        else:
            stack.timeline.zoom(_ZOOM_NOTCH**down, min(at.x(), stack.plot.width()))
        self._chart.moved()

    def key(self, event: QKeyEvent) -> bool:
        """Do what a key asks for; tells whether it meant anything."""
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        shifted = plain == Qt.KeyboardModifier.ShiftModifier
        key = Qt.Key(event.key())
        if shifted and key in _STEPS:
            self._chart.step_cross(_STEPS[key])
            return True
        if key is Qt.Key.Key_Escape and plain == Qt.KeyboardModifier.NoModifier:
            if not self.cancel():
                self._chart.leave()
            return True
        if plain != Qt.KeyboardModifier.NoModifier and not (shifted and key is Qt.Key.Key_Plus):
            return False
        return self._travel(key)

    def _travel(self, key: Qt.Key) -> bool:
        timeline = self._chart.stack.timeline
        step = max(timeline.bar_px, timeline.width / 20)
        # The live bar stays where it is; without it on the screen, the middle does.
        live_x = timeline.window().x(timeline.last)
        at_x = live_x if timeline.is_following else timeline.width / 2
        if key in _PANS:
            bars, pages = _PANS[key]
            timeline.pan(bars * step + pages * timeline.width * 0.9)
        elif key in _ZOOMS:
            timeline.zoom(_ZOOM_KEY ** _ZOOMS[key], at_x)
        elif key is Qt.Key.Key_Home:
            timeline.go_first()
        elif key is Qt.Key.Key_End:
            timeline.go_last()
        elif key is Qt.Key.Key_0:
            self._reset()
        else:
            return False
        self._chart.moved()
        return True


_SHAPES: Final = {
    _Holds.BARS: Qt.CursorShape.CrossCursor,
    _Holds.VALUES: Qt.CursorShape.SizeVerCursor,
    _Holds.TIME: Qt.CursorShape.SizeHorCursor,
    _Holds.EDGE: Qt.CursorShape.SplitVCursor,
    _Holds.LINE: Qt.CursorShape.SizeVerCursor,
    _Holds.CROSS: Qt.CursorShape.PointingHandCursor,
}
_STEPS: Final = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_PANS: Final = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_PageUp: (0, 1),
    Qt.Key.Key_PageDown: (0, -1),
}
_ZOOMS: Final = {
    Qt.Key.Key_Plus: 1,
    Qt.Key.Key_Equal: 1,
    Qt.Key.Key_Minus: -1,
}
