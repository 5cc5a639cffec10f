"""Account, connections, age of the data, the day's profit, the exchange's clock: always visible."""

import enum
from typing import Final

import msgspec
from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from desktop.ui import labels, rupees
from desktop.ui.parts import Pill
from desktop.ui.theme import Theme

STALE_MS: Final = 10_000
SLOW_MS: Final = 2_000
"""Exchanges stamp whole seconds, so less than two of them may be no delay at all."""


class Health(enum.StrEnum):
    """How well a connection is, by the colour its dot has."""

    GOOD = "up"
    BUSY = "warn"
    BAD = "danger"
    NONE = "text_off"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the bar shows; None is "not known" and shows as a dash."""

    account: str = ""
    kind: str = ""
    feed: Health = Health.NONE
    feed_text: str = "No account"
    orders: Health = Health.NONE
    orders_text: str = ""
    age_ms: int | None = None
    lag_ms: int | None = None
    day_paise: int | None = None
    available_paise: int | None = None
    phase: str = ""
    clock: str = ""
    problem: str = ""


class _Dot(QWidget):
    """A small light; its meaning is written beside it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._health = Health.NONE
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_health(self, health: Health) -> None:
        if health is not self._health:
            self._health = health
            self.update()

    @override
    def sizeHint(self) -> QSize:
        side = Theme.current().px(9)
        return QSize(side, side)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Theme.current().pen("surface"))
        painter.setBrush(Theme.current().brush(self._health.value))
        painter.drawEllipse(self.rect().adjusted(1, 1, -1, -1))


class StatusBar(QWidget):
    """One line at the foot of the window; `show_status` is its only entry."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Status")
        row = QHBoxLayout(self)
        theme = Theme.current()
        row.setContentsMargins(theme.space("m"), theme.space("xs"), theme.space("m"), 1)
        row.setSpacing(theme.space("m"))
        self._kind = Pill("NO ACCOUNT", "dim", self)
        row.addWidget(self._kind)
        self._account = self._text(row, "Account")
        self._feed_dot, self._feed = self._light(row, "Market data")
        self._orders_dot, self._orders = self._light(row, "Order stream")
        self._age = self._text(row, "Age of the newest price", role="dim")
        self._problem = self._text(row, "Problem", role="warn")
        row.addStretch(1)
        self._day = self._figure(row, "Day P&L")
        row.addSpacing(theme.space("m"))
        self._available = self._figure(row, "Available")
        row.addSpacing(theme.space("m"))
        self._phase = self._text(row, "Market", role="dim")
        self._clock = self._text(row, "Exchange time")

    def show_status(self, status: Status) -> None:
        """Show what changed; costs nothing where nothing did."""
        role = {"practice": "practice", "live": "live"}.get(status.kind, "dim")
        self._kind.show_text(status.kind.upper() or "NO ACCOUNT", role)
        _put(self._account, status.account)
        self._feed_dot.show_health(status.feed)
        _put(self._feed, status.feed_text)
        self._orders_dot.show_health(status.orders)
        self._orders_dot.setVisible(bool(status.orders_text))
        _put(self._orders, status.orders_text)
        _put(self._age, _age_words(status))
        _put(self._problem, status.problem)
        _put(self._available, _money(status.available_paise))
        _put(self._day, _signed(status.day_paise))
        labels.set_role(self._day, _direction(status.day_paise))
        _put(self._phase, status.phase)
        _put(self._clock, status.clock)

    def _light(self, row: QHBoxLayout, name: str) -> tuple[_Dot, QLabel]:
        dot = _Dot(self)
        row.addWidget(dot)
        return dot, self._text(row, name)

    def _text(self, row: QHBoxLayout, name: str, role: str = "") -> QLabel:
        made = labels.label("", role=role, parent=self)
        made.setAccessibleName(name)
        row.addWidget(made)
        return made

    def _figure(self, row: QHBoxLayout, name: str) -> QLabel:
        row.addWidget(labels.label(name, role="dim", parent=self))
        figure = labels.label("—", parent=self)
        figure.setAccessibleName(name)
        row.addWidget(figure)
        return figure


def _put(label: QLabel, text: str) -> None:
    if label.text() != text:
        label.setText(text)
        label.setVisible(bool(text))


def _age_words(status: Status) -> str:
    if status.age_ms is None:
        return ""
    words = f"{status.age_ms / 1000:.1f} s old" if status.age_ms >= 1000 else "live"
    if status.lag_ms is not None and status.lag_ms > SLOW_MS:
        words += f", {status.lag_ms} ms behind"
    return words


def _money(paise: int | None) -> str:
    return "—" if paise is None else rupees.paise(paise, symbol=True)


def _signed(paise: int | None) -> str:
    return "—" if paise is None else rupees.signed_paise(paise, symbol=True)


def _direction(paise: int | None) -> str:
    if not paise:
        return ""
    return "up" if paise > 0 else "down"
