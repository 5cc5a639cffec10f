"""Messages in a corner that never take the keyboard: fills, refusals, warnings, notes."""

import enum
import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QEnterEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from desktop.ui import icons
from desktop.ui.labels import clean, label
from desktop.ui.theme import Theme

_MOST: Final = 5
_WIDTH: Final = 340
_NS: Final = 1_000_000_000


class ToastKind(enum.StrEnum):
    INFO = "info"
    FILL = "fill"
    REJECT = "reject"
    WARN = "warn"


_ICON: Final = {
    ToastKind.INFO: ("info", "accent"),
    ToastKind.FILL: ("fill", "buy"),
    ToastKind.REJECT: ("refused", "danger"),
    ToastKind.WARN: ("warning", "warn"),
}
_SECONDS: Final = {
    ToastKind.INFO: 5.0,
    ToastKind.FILL: 6.0,
    ToastKind.REJECT: 0.0,
    ToastKind.WARN: 12.0,
}
"""How long each stays; 0: until dismissed, because a refusal must not pass unseen."""


class Toast(QFrame):
    """One message."""

    dismissed = Signal(object)

    def __init__(self, kind: ToastKind, title: str, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.kind, self.title, self.text = kind, title, text
        self.count = 1
        self.ends_ns = 0
        self.is_held = False
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(f"{title}. {text}".strip(". "))
        theme = Theme.current()
        row = QHBoxLayout(self)
        gap, wide = theme.space("m"), theme.space("l")
        row.setContentsMargins(wide + theme.px(4), gap + 2, gap, gap + 2)
        row.setSpacing(wide)
        sign, role = _ICON[kind]
        picture = label(parent=self)
        picture.setPixmap(icons.pixmap(sign, role, theme.px(18), self.devicePixelRatioF()))
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(theme.space("xs"))
        self._title = label(title, parent=self, wraps=True)
        self._title.setFont(theme.font(weight=theme.bold))
        words.addWidget(self._title)
        if text:
            words.addWidget(label(text, role="dim", parent=self, wraps=True))
        self._words = words
        row.addLayout(words, 1)
        close = QToolButton(self)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.setAccessibleName("Dismiss")
        close.setToolTip("Dismiss")
        icons.bind(close, "close")
        close.clicked.connect(self._dismiss)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.setFixedWidth(theme.px(_WIDTH))

    def add_action(self, title: str, run: Callable[[], None]) -> None:
        """Offer one thing to do about it; doing it dismisses the message."""
        button = QPushButton(title, self)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)

        def act() -> None:
            self._dismiss()
            run()

        button.clicked.connect(act)
        self._words.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)

    def again(self) -> None:
        """Count the same message once more."""
        self.count += 1
        self._title.setText(f"{self.title}  ×{self.count}")

    def _dismiss(self) -> None:
        self.dismissed.emit(self)

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        self.is_held = True

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self.is_held = False

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        path = QPainterPath()
        path.addRoundedRect(box, theme.radius("l"), theme.radius("l"))
        painter.fillPath(path, theme.colour("raised"))
        painter.setClipPath(path)
        edge = QRectF(0, 0, theme.px(4), self.height())
        painter.fillRect(edge, theme.colour(_ICON[self.kind][1]))
        painter.setClipping(False)
        painter.setPen(theme.pen("line_strong"))
        painter.drawPath(path)


class Toasts(QObject):
    """The stack of messages in the lower left corner of a host widget.

    Left, because the buttons that send orders stand at the right and must never be covered.

    `sound` is called with the kind of each new message; give it what plays sounds.
    """

    shown = Signal(str, str, str)
    """(kind, title, text) of every message, for a log of them."""

    def __init__(
        self,
        host: QWidget,
        *,
        sound: Callable[[ToastKind], None] | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(host)
        self._host = host
        self.sound = sound
        self._now_ns = now_ns
        self._stack: list[Toast] = []
        self.bottom_margin = 0
        """Room kept below the stack, for a status bar."""
        self._clock = QTimer(self)
        self._clock.setInterval(250)
        self._clock.timeout.connect(self.expire)
        host.installEventFilter(self)

    @property
    def stack(self) -> tuple[Toast, ...]:
        """What is shown at present, oldest first."""
        return tuple(self._stack)

    def show(
        self,
        kind: ToastKind | str,
        title: str,
        text: str = "",
        *,
        action: tuple[str, Callable[[], None]] | None = None,
    ) -> Toast:
        """Show a message; the same message again is counted, not stacked.

        Words are cleaned and cut here, so a broker's may be given as they came.
        """
        kind = ToastKind(kind)
        title, text = clean(title, 120), clean(text)
        self.shown.emit(kind.value, title, text)
        if self.sound is not None:
            self.sound(kind)
        toast = self._same(kind, title, text)
        if toast is None:
            toast = Toast(kind, title, text, self._host)
            toast.dismissed.connect(self._remove)
            if action is not None:
                toast.add_action(*action)
            self._stack.append(toast)
            self._make_room()
            toast.show()
            toast.raise_()
        else:
            toast.again()
        seconds = _SECONDS[kind]
        toast.ends_ns = self._now_ns() + int(seconds * _NS) if seconds else 0
        self._announce(toast)
        self.place()
        self._keep_time()
        return toast

    def info(self, title: str, text: str = "") -> None:
        self.show(ToastKind.INFO, title, text)

    def fill(self, title: str, text: str = "") -> None:
        self.show(ToastKind.FILL, title, text)

    def reject(self, title: str, text: str = "") -> None:
        self.show(ToastKind.REJECT, title, text)

    def warn(self, title: str, text: str = "") -> None:
        self.show(ToastKind.WARN, title, text)

    def dismiss_newest(self) -> bool:
        """Take the newest message away; tells whether there was one (for the Esc key)."""
        if not self._stack:
            return False
        self._remove(self._stack[-1])
        return True

    def dismiss_all(self) -> None:
        for toast in tuple(self._stack):
            self._remove(toast)

    def expire(self) -> None:
        """Take away what has been shown long enough and is not under the mouse."""
        now = self._now_ns()
        for toast in tuple(self._stack):
            if toast.ends_ns and toast.ends_ns <= now and not toast.is_held:
                self._remove(toast)

    def place(self) -> None:
        """Lay the stack out, newest at the bottom."""
        gap = Theme.current().space("m")
        edge = self._host.rect().adjusted(gap + 4, 0, 0, -gap - 4 - self.bottom_margin)
        bottom = edge.bottom()
        for toast in reversed(self._stack):
            height = toast.heightForWidth(toast.width())
            toast.resize(toast.width(), height if height > 0 else toast.sizeHint().height())
            toast.move(edge.left(), bottom - toast.height())
            bottom -= toast.height() + gap

    def _same(self, kind: ToastKind, title: str, text: str) -> Toast | None:
        wanted = (kind, title, text)
        return next((t for t in self._stack if (t.kind, t.title, t.text) == wanted), None)

    def _make_room(self) -> None:
        while len(self._stack) > _MOST:
            passing = (toast for toast in self._stack[:-1] if toast.ends_ns)
            self._remove(next(passing, self._stack[0]))

    def _remove(self, toast: Toast) -> None:
        if toast in self._stack:
            self._stack.remove(toast)
            toast.hide()
            toast.deleteLater()
            self.place()
            self._keep_time()

    def _keep_time(self) -> None:
        if not any(toast.ends_ns for toast in self._stack):
            self._clock.stop()
        elif not self._clock.isActive():
            self._clock.start()

    def _announce(self, toast: Toast) -> None:
        event = QAccessibleAnnouncementEvent(self._host, f"{toast.title}. {toast.text}")
        if toast.kind in (ToastKind.REJECT, ToastKind.WARN):
            event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(event)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._host and event.type() == QEvent.Type.Resize:
            self.place()
        return False
