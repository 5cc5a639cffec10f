"""Small finished widgets: segments, the buy/sell toggle, pills, headers, keys, empty states."""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from brokers.model.order import Side
from desktop.ui import icons
from desktop.ui.labels import label
from desktop.ui.theme import Theme

_ARROWS: Final = {
    Qt.Key.Key_Left.value: -1,
    Qt.Key.Key_Up.value: -1,
    Qt.Key.Key_Right.value: 1,
    Qt.Key.Key_Down.value: 1,
}


class _Segment(QPushButton):
    """One choice; arrows walk to its neighbours, Tab leaves the group."""

    walked = Signal(int)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _ARROWS.get(event.key())
        if step is None:
            super().keyPressEvent(event)
        else:
            self.walked.emit(step)


class Segments(QFrame):
    """A row of choices of which one holds."""

    changed = Signal(str)
    """The id of the choice, when the trader or `choose` changed it."""

    def __init__(
        self, choices: Sequence[tuple[str, str]], name: str, parent: QWidget | None = None
    ) -> None:
        """Offer `(id, title)` choices; `name` is what a screen reader calls the group."""
        super().__init__(parent)
        self.setProperty("segments", True)  # noqa: FBT003 - Qt's own signature
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._buttons: dict[str, _Segment] = {}
        self._group = QButtonGroup(self)
        self._value = choices[0][0]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for key, title in choices:
            button = _Segment(title, self)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setAccessibleName(f"{name}: {title}")
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.walked.connect(self._walk)
            self._buttons[key] = button
            self._group.addButton(button)
            row.addWidget(button)
        self._group.buttonClicked.connect(self._on_click)
        self._show()

    @property
    def value(self) -> str:
        return self._value

    def choose(self, key: str) -> None:
        """Make a choice; an unknown id is a KeyError."""
        if key not in self._buttons:
            raise KeyError(key)
        if key != self._value:
            self._value = key
            self._show()
            self.changed.emit(key)

    def allow(self, keys: frozenset[str]) -> None:
        """Let only these be chosen; the rest stay visible but off."""
        for key, button in self._buttons.items():
            button.setEnabled(key in keys)

    def button(self, key: str) -> QPushButton:
        return self._buttons[key]

    def _show(self) -> None:
        for key, button in self._buttons.items():
            button.setChecked(key == self._value)
            chosen = key == self._value
            button.setFocusPolicy(
                Qt.FocusPolicy.StrongFocus if chosen else Qt.FocusPolicy.ClickFocus
            )
        self.setFocusProxy(self._buttons[self._value])

    def _on_click(self, clicked: QPushButton) -> None:
        self.choose(next(key for key, button in self._buttons.items() if button is clicked))

    def _walk(self, step: int) -> None:
        allowed = [key for key, button in self._buttons.items() if button.isEnabled()]
        if self._value in allowed:
            at = allowed.index(self._value) + step
            self.choose(allowed[max(0, min(at, len(allowed) - 1))])
            self._buttons[self._value].setFocus(Qt.FocusReason.TabFocusReason)


class SideToggle(Segments):
    """Buy or sell, in their colours."""

    side_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__([(Side.BUY.value, "Buy"), (Side.SELL.value, "Sell")], "Side", parent)
        for side in Side:
            self.button(side.value).setProperty("kind", side.value)
        self.changed.connect(self._tell)

    @property
    def side(self) -> Side:
        return Side(self.value)

    def choose_side(self, side: Side) -> None:
        self.choose(side.value)

    def _tell(self) -> None:
        self.side_changed.emit(self.side)


_PILLS: Final = {
    "practice": ("practice", "practice_tint"),
    "live": ("live", "live_tint"),
    "warn": ("warn", "warn_tint"),
    "danger": ("danger", "danger_tint"),
    "info": ("accent", "info_tint"),
    "good": ("buy", "good_tint"),
    "buy": ("buy", "good_tint"),
    "sell": ("sell", "raised"),
    "dim": ("text_dim", "raised"),
}


class Pill(QWidget):
    """A short word on a tint: PRACTICE, LIVE, MIS, 3 lots."""

    def __init__(self, text: str, role: str = "dim", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._role = text, role
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)
        Theme.current().changed.connect(self.updateGeometry)

    def show_text(self, text: str, role: str | None = None) -> None:
        role = role or self._role
        if (text, role) != (self._text, self._role):
            self._text, self._role = text, role
            self.setAccessibleName(text)
            self.updateGeometry()
            self.update()

    @property
    def text(self) -> str:
        return self._text

    @property
    def role(self) -> str:
        return self._role

    @override
    def sizeHint(self) -> QSize:
        theme = Theme.current()
        metrics = QFontMetrics(theme.font("small", weight=theme.bold))
        wide = metrics.horizontalAdvance(self._text) + 2 * theme.space("m")
        return QSize(wide, metrics.height() + theme.space("s"))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        colour, tint = _PILLS[self._role]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.brush(tint))
        painter.drawRoundedRect(QRectF(self.rect()), self.height() / 2, self.height() / 2)
        painter.setPen(theme.colour(colour))
        painter.setFont(theme.font("small", weight=theme.bold))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)


class KeyHint(QWidget):
    """A key sequence drawn as caps: `Ctrl` `K`."""

    def __init__(self, keys: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caps = [part for part in keys.split("+") if part]
        if keys.endswith("+"):
            self._caps.append("+")
        self.setAccessibleName(keys)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def _boxes(self) -> list[tuple[int, int, str]]:
        theme = Theme.current()
        metrics = QFontMetrics(theme.font("small"))
        at, boxes = 0, []
        for cap in self._caps:
            wide = max(metrics.horizontalAdvance(cap) + theme.px(10), theme.px(18))
            boxes.append((at, wide, cap))
            at += wide + theme.px(3)
        return boxes

    @override
    def sizeHint(self) -> QSize:
        at, wide, _ = self._boxes()[-1]
        return QSize(at + wide + 1, Theme.current().px(19))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        for at, wide, cap in self._boxes():
            box = QRectF(at + 0.5, 0.5, wide - 1, self.height() - 1)
            painter.setPen(theme.pen("line_strong"))
            painter.setBrush(theme.brush("raised"))
            painter.drawRoundedRect(box, theme.radius("s"), theme.radius("s"))
            painter.setPen(theme.colour("text_dim"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, cap)


class SectionHeader(QWidget):
    """A small heading with a line; buttons may stand at its right."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = Theme.current()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, theme.space("s"), 0, theme.space("xs"))
        self._row.setSpacing(theme.space("m"))
        self._title = label(title, role="small", parent=self)
        self._row.addWidget(self._title)
        self._row.addWidget(rule(self), 1, Qt.AlignmentFlag.AlignVCenter)

    def show_title(self, title: str) -> None:
        self._title.setText(title)

    def add(self, widget: QWidget) -> None:
        self._row.addWidget(widget)


class EmptyState(QWidget):
    """What a dock shows when it has nothing: why, and what to do about it."""

    def __init__(
        self, icon: str, title: str, text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        theme = Theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.space("xl"),) * 4)
        column.setSpacing(theme.space("m"))
        column.addStretch(1)
        self._icon = icon
        centre = Qt.AlignmentFlag.AlignHCenter
        self._picture = label(parent=self, align=centre)
        column.addWidget(self._picture)
        self._title = label(title, role="title", parent=self, wraps=True, align=centre)
        column.addWidget(self._title)
        self._text = label(text, role="dim", parent=self, wraps=True, align=centre)
        column.addWidget(self._text)
        self._actions = QHBoxLayout()
        column.addLayout(self._actions)
        self._actions.setAlignment(centre)
        column.addStretch(2)
        theme.changed.connect(self._dress)
        self._dress()

    def show_words(self, title: str, text: str = "") -> None:
        self._title.setText(title)
        self._text.setText(text)

    def add_action(self, title: str, run: Callable[[], None], *, kind: str = "") -> QPushButton:
        made = button(title, run, kind=kind, parent=self)
        self._actions.addWidget(made)
        return made

    def _dress(self) -> None:
        size = Theme.current().px(32)
        self._picture.setPixmap(
            icons.pixmap(self._icon, "text_off", size, self.devicePixelRatioF())
        )


def rule(parent: QWidget | None = None) -> QFrame:
    """Make a thin line."""
    line = QFrame(parent)
    line.setProperty("line", True)  # noqa: FBT003 - Qt's own signature
    line.setFixedHeight(1)
    return line


def button(
    title: str,
    run: Callable[[], None] | None = None,
    *,
    kind: str = "",
    parent: QWidget | None = None,
) -> QPushButton:
    """Make a push button; `kind` is primary, buy, sell, danger, quiet or empty."""
    made = QPushButton(title, parent)
    made.setAutoDefault(False)
    made.setAccessibleName(title)
    if kind:
        made.setProperty("kind", kind)
    if run is not None:
        # The wrapper keeps Qt's "checked" argument away from callables that would take it.
        made.clicked.connect(lambda _checked=False: run())
    return made


def tool_button(
    icon: str,
    name: str,
    run: Callable[[], None] | None = None,
    *,
    is_checkable: bool = False,
    parent: QWidget | None = None,
) -> QToolButton:
    """Make an icon button; `name` is its tooltip and what a screen reader says."""
    made = QToolButton(parent)
    icons.bind(made, icon)
    size = Theme.current().px(16)
    made.setIconSize(QSize(size, size))
    made.setToolTip(name)
    made.setAccessibleName(name)
    made.setCheckable(is_checkable)
    made.setAutoRaise(True)
    if run is not None:
        made.clicked.connect(lambda _checked=False: run())
    return made
