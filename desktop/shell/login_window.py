"""Adding an account and logging in: the plugin's fields, then the steps as they happen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from brokers.port import CredentialField

CLIPBOARD_CLEARED_MS: Final = 10_000


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
        self.resize(560, 420)
        self._choices = choices
        self._edits: dict[str, QLineEdit] = {}
        self._pages = QStackedWidget()
        self._pages.addWidget(self._form_page())
        self._pages.addWidget(self._progress_page())
        QVBoxLayout(self).addWidget(self._pages)
        self._show_fields()

    def show_step(self, text: str) -> None:
        """Say what is happening now."""
        self._step.setText(text)
        self._pages.setCurrentIndex(1)

    def open_in_browser(self, url: str) -> bool:
        """Send the trader to the broker's page; where no browser opens, the address is shown."""
        self._url = url
        self._link.setText(url)
        is_open = QDesktopServices.openUrl(QUrl(url))
        self.show_step(
            "Log in on the page that just opened in your browser."
            if is_open
            else "No browser could be opened. Copy this address into one and log in there."
        )
        self._by_hand.setVisible(True)
        return is_open

    def show_failure(self, text: str) -> None:
        """Say in words what went wrong, and let the trader correct the form."""
        self._problem.setText(text)
        self._pages.setCurrentIndex(0)
        self._by_hand.setVisible(False)

    def finish(self) -> None:
        """Go: the account is open. Closing would count as giving up."""
        self.accept()

    def _form_page(self) -> QWidget:
        page = QWidget()
        box = QVBoxLayout(page)
        self._broker = QComboBox()
        self._broker.setAccessibleName("Broker")
        self._broker.addItems([choice.title for choice in self._choices])
        self._broker.currentIndexChanged.connect(self._show_fields)
        self._form = QFormLayout()
        self._form.setVerticalSpacing(8)
        self._form.addRow("Broker", self._broker)
        box.addLayout(self._form)
        self._problem = _plain("")
        self._problem.setObjectName("problem")
        box.addWidget(self._problem)
        box.addStretch(1)
        box.addLayout(self._buttons())
        return page

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self._cancel)
        log_in = QPushButton("Log in")
        log_in.setDefault(True)
        log_in.setObjectName("primary")
        log_in.clicked.connect(self._submit)
        row.addWidget(cancel)
        row.addWidget(log_in)
        return row

    def _progress_page(self) -> QWidget:
        page = QWidget()
        box = QVBoxLayout(page)
        self._step = _plain("")
        self._step.setAccessibleName("What is happening")
        box.addWidget(self._step)
        self._url = ""
        self._by_hand = QWidget()
        hand = QVBoxLayout(self._by_hand)
        hand.setContentsMargins(0, 12, 0, 0)
        self._link = QLineEdit()
        self._link.setReadOnly(True)
        self._link.setAccessibleName("Address of the login page")
        hand.addLayout(_with_copy(self._link, lambda: self._url))
        hand.addWidget(
            _plain(
                "If the browser ends on a page that cannot be opened, paste that page's whole "
                "address here:"
            )
        )
        paste = QLineEdit()
        paste.setAccessibleName("Address the browser ended on")
        paste.setPlaceholderText("http://…")
        paste.returnPressed.connect(lambda: self.pasted.emit(paste.text().strip()))
        hand.addWidget(paste)
        self._by_hand.setVisible(False)
        box.addWidget(self._by_hand)
        box.addStretch(1)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self._cancel)
        box.addWidget(cancel, 0, Qt.AlignmentFlag.AlignRight)
        return page

    def _show_fields(self) -> None:
        while self._form.rowCount() > 1:
            self._form.removeRow(1)
        self._edits = {}
        for field in self._choices[self._broker.currentIndex()].fields:
            edit = QLineEdit(field.default)
            edit.setAccessibleName(field.label)
            edit.setAccessibleDescription(field.help)
            edit.setPlaceholderText(field.help)
            self._edits[field.id] = edit
            if field.is_secret:
                edit.setEchoMode(QLineEdit.EchoMode.Password)
                edit.textEdited.connect(_forget_clipboard_later)
                self._form.addRow(field.label, edit)
            elif field.id == "redirect_uri":
                self._form.addRow(field.label, _with_copy(edit, edit.text))
            else:
                self._form.addRow(field.label, edit)

    def _submit(self) -> None:
        choice = self._choices[self._broker.currentIndex()]
        values = {name: edit.text().strip() for name, edit in self._edits.items()}
        for field in choice.fields:
            if not values[field.id]:
                self._problem.setText(f"{field.label} is missing.")
                self._edits[field.id].setFocus()
                return
        self._problem.setText("")
        for field in choice.fields:
            if field.is_secret:
                self._edits[field.id].clear()
        self.show_step("Starting …")
        self.submitted.emit(LoginRequest(choice=choice, values=values))

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


def _with_copy(edit: QLineEdit, what: Callable[[], str]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(edit, 1)
    copy = QPushButton("Copy")
    copy.setAccessibleName(f"Copy {edit.accessibleName()}")
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(what()))
    row.addWidget(copy)
    return row


def _plain(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
