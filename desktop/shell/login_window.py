"""Adding an account and logging in: the plugin's fields, then the steps as they happen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from PySide6.QtCore import QEvent, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from brokers.port import CredentialField
from desktop.ui.labels import label
from desktop.ui.parts import button
from desktop.ui.theme import Theme

CLIPBOARD_CLEARED_MS: Final = 10_000
_WIDTH: Final = 520
_INTROS: Final = {
    True: "You log in on the broker's own page in your browser; your password is never typed here. "
    "Once, before the first login, create an app on the broker's developer page.",
    False: "A further account on the built-in practice exchange. Everything is filled in.",
}
"""What is said above the form, by whether the account is a live one."""
_REDIRECT: Final = "Give your app at the broker this redirect URL, letter for letter."
_KEPT: Final = "Kept in your system's keyring, or in memory alone where there is none."
_BY_HAND: Final = (
    "If the browser ends on a page that cannot be opened, paste that page's whole address here "
    "and press Enter:"
)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A broker that can be added: its fields, and the kind of account this makes."""

    broker: str
    title: str
    kind: str
    fields: tuple[CredentialField, ...]


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the trader filled in. Its values are secrets too: never logged, never shown again."""

    choice: Choice
    values: Mapping[str, str]

    @override
    def __repr__(self) -> str:
        return f"LoginRequest({self.choice.broker}, …)"


class LoginWindow(QDialog):
    """Two pages: the form, and what is happening. It does nothing itself; it asks and shows."""

    submitted = Signal(object)
    """A LoginRequest: log in with it."""
    pasted = Signal(str)
    """The address the browser ended on, when the redirect could not be caught."""
    cancelled = Signal()

    def __init__(self, choices: Sequence[Choice], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add account")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._choices = choices
        self._edits: dict[str, QLineEdit] = {}
        self._pages = (self._form_page(), self._progress_page())
        box = QVBoxLayout(self)
        box.setContentsMargins(*(Theme.current().space("xl"),) * 4)
        for page in self._pages:
            box.addWidget(page)
        self._show_fields()
        self._show_page(0)

    def show_step(self, text: str) -> None:
        """Say what is happening now."""
        self._step.setText(text)
        self._show_page(1)

    def open_in_browser(self, url: str) -> bool:
        """Send the trader to the broker's page; where no browser opens, the address is shown."""
        is_open = QDesktopServices.openUrl(QUrl(url))
        self.show_step(
            "Log in on the page that just opened in your browser."
            if is_open
            else "No browser could be opened. Copy this address into one and log in there."
        )
        self.show_by_hand(url)
        return is_open

    def show_by_hand(self, url: str) -> None:
        """Offer the login page to copy, and a box for the address that the browser ends on."""
        self._url = url
        self._link.setText(url)
        self._link.setCursorPosition(0)
        self._by_hand.setVisible(True)
        self._fit()

    def show_failure(self, text: str) -> None:
        """Say in words what went wrong, and let the trader correct the form."""
        self._by_hand.setVisible(False)
        self._say_problem(text)
        self._show_page(0)

    def finish(self) -> None:
        """Go: the account is open. Closing would count as giving up."""
        self.accept()

    def _show_page(self, at: int) -> None:
        for each in self._pages:
            each.setVisible(each is self._pages[at])
        self._fit()

    def _fit(self) -> None:
        """Be as high as what is shown needs: no gap in the middle, nothing cut off."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        wide = Theme.current().px(_WIDTH)
        self.setFixedSize(wide, layout.totalHeightForWidth(wide))

    def _say_problem(self, text: str) -> None:
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self._fit()

    def _form_page(self) -> QWidget:
        theme = Theme.current()
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(theme.space("l"))
        self._intro = label(role="dim", wraps=True)
        box.addWidget(self._intro)
        self._broker = QComboBox()
        self._broker.setAccessibleName("Broker")
        self._broker.addItems([choice.title for choice in self._choices])
        self._broker.currentIndexChanged.connect(self._show_fields)
        self._form = QFormLayout()
        self._form.setVerticalSpacing(theme.space("m"))
        self._form.setHorizontalSpacing(theme.space("l"))
        self._form.addRow("Broker", self._broker)
        box.addLayout(self._form)
        self._problem = label(wraps=True, role="danger")
        self._problem.setObjectName("problem")
        self._problem.setVisible(False)
        box.addWidget(self._problem)
        box.addLayout(self._buttons())
        return page

    def _buttons(self) -> QHBoxLayout:
        log_in = QPushButton("Log in")
        log_in.setDefault(True)
        log_in.setObjectName("primary")
        log_in.clicked.connect(self._submit)
        row = QHBoxLayout()
        row.setContentsMargins(0, Theme.current().space("m"), 0, 0)
        row.addStretch(1)
        row.addWidget(button("Cancel", self._cancel))
        row.addWidget(log_in)
        return row

    def _progress_page(self) -> QWidget:
        theme = Theme.current()
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(theme.space("l"))
        self._step = label(role="title", wraps=True)
        self._step.setAccessibleName("What is happening")
        box.addWidget(self._step)
        self._url = ""
        self._by_hand = QWidget()
        hand = QVBoxLayout(self._by_hand)
        hand.setContentsMargins(0, 0, 0, 0)
        hand.setSpacing(theme.space("m"))
        self._link = QLineEdit()
        self._link.setReadOnly(True)
        self._link.setAccessibleName("Address of the login page")
        hand.addWidget(label("The login page, if you want it in another browser:", role="dim"))
        hand.addLayout(_with_copy(self._link, lambda: self._url))
        hand.addWidget(label(_BY_HAND, role="dim", wraps=True))
        paste = QLineEdit()
        paste.setAccessibleName("Address the browser ended on")
        paste.setPlaceholderText("http://…")
        paste.returnPressed.connect(lambda: self.pasted.emit(paste.text().strip()))
        hand.addWidget(paste)
        self._by_hand.setVisible(False)
        box.addWidget(self._by_hand)
        box.addWidget(button("Cancel", self._cancel), 0, Qt.AlignmentFlag.AlignRight)
        return page

    def _show_fields(self) -> None:
        while self._form.rowCount() > 1:
            self._form.removeRow(1)
        self._edits = {}
        choice = self._choices[self._broker.currentIndex()]
        self._intro.setText(_INTROS[choice.kind == "live"])
        for field in choice.fields:
            edit = QLineEdit(field.default)
            edit.setAccessibleName(field.label)
            self._edits[field.id] = edit
            cell = QVBoxLayout()
            cell.setSpacing(Theme.current().space("xs"))
            hint = field.help
            if field.is_secret:
                edit.setEchoMode(QLineEdit.EchoMode.Password)
                edit.textEdited.connect(_forget_clipboard_later)
                hint = hint or _KEPT
            if field.id == "redirect_uri":
                hint = hint or _REDIRECT
                cell.addLayout(_with_copy(edit, edit.text))
            else:
                cell.addWidget(edit)
            edit.setAccessibleDescription(hint)
            if choice.kind == "live":
                cell.addWidget(label(hint, role="small", wraps=True))
            self._form.addRow(_named(field.label, edit), cell)
        self._say_problem("")

    def _submit(self) -> None:
        choice = self._choices[self._broker.currentIndex()]
        values = {name: edit.text().strip() for name, edit in self._edits.items()}
        for field in choice.fields:
            if not values[field.id]:
                self._say_problem(f"{field.label} is missing.")
                self._edits[field.id].setFocus()
                return
        self._say_problem("")
        for field in choice.fields:
            if field.is_secret:
                self._edits[field.id].clear()
        self.show_step("Starting …")
        self.submitted.emit(LoginRequest(choice=choice, values=values))

    @override
    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def _cancel(self) -> None:
        self.reject()

    @override
    def reject(self) -> None:
        """Give up, by the button, Esc or the window's own cross."""
        self.cancelled.emit()
        super().reject()


def _forget_clipboard_later(typed: str) -> None:
    """Clear the clipboard ten seconds after a secret was pasted, if it still holds it."""
    clipboard = QGuiApplication.clipboard()
    if len(typed) > 1 and clipboard.text().strip() == typed.strip():
        QTimer.singleShot(
            CLIPBOARD_CLEARED_MS,
            clipboard,
            lambda: clipboard.clear() if clipboard.text().strip() == typed.strip() else None,
        )


def _named(title: str, edit: QLineEdit) -> QLabel:
    name = label(title)
    name.setFixedHeight(Theme.current().control_height)
    name.setBuddy(edit)
    return name


def _with_copy(edit: QLineEdit, what: Callable[[], str]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(edit, 1)
    row.setSpacing(Theme.current().space("m"))
    copy = button("Copy", lambda: QGuiApplication.clipboard().setText(what()))
    copy.setAccessibleName(f"Copy {edit.accessibleName()}")
    row.addWidget(copy)
    return row
