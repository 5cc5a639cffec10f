"""The shell's windows by keyboard: palette, keys page, settings, login."""

import functools
from collections.abc import Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from brokers.port import CredentialField
from desktop.commands import Command, Commands
from desktop.settings import Settings
from desktop.shell.ask_window import AskWindow
from desktop.shell.keys_window import KeysWindow
from desktop.shell.login_window import Choice, LoginRequest, LoginWindow
from desktop.shell.palette import Entry, Palette, matches
from desktop.shell.settings_window import SettingsWindow
from desktop.shell.window import MainWindow
from desktop.ui.parts import KeyHint


@pytest.fixture
def host(qtbot: QtBot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1366, 768)
    window.show()
    return window


def _unnamed(window: QWidget) -> list[str]:
    kinds = (QLineEdit, QComboBox, QPushButton, QCheckBox, QAbstractSpinBox)
    found: list[str] = []
    for kind in kinds:
        for each in window.findChildren(kind):
            text = getattr(each, "text", lambda: "")()
            is_part = isinstance(each.parent(), (QAbstractSpinBox, QComboBox, QKeySequenceEdit))
            if not each.accessibleName() and not (text and not isinstance(each, QLineEdit)):
                found += [] if is_part else [f"{type(each).__name__} {each.objectName()}"]
    return found


def _commands(ran: list[str]) -> Commands:
    commands = Commands()
    commands.add(
        Command(
            id="t.buy", title="Buy", group="Trade", keys=("F1",), run=lambda: ran.append("buy")
        ),
        Command(
            id="t.sell", title="Sell", group="Trade", keys=("F2",), run=lambda: ran.append("sell")
        ),
    )
    return commands


def test_words_match_in_any_order() -> None:
    assert matches("ce 25000 nif", "NIFTY 25000 CE")
    assert not matches("nifty pe", "NIFTY 25000 CE")


def test_a_command_is_run_by_typing_and_return(qtbot: QtBot, host: QMainWindow) -> None:
    ran: list[str] = []

    def find(text: str) -> Sequence[Entry]:
        titles = ("Cancel all orders", "Buy", "Buy more")
        return [
            Entry(title=title, detail="Trade", key="", run=functools.partial(ran.append, title))
            for title in titles
            if matches(text, title)
        ]

    palette = Palette(host, find)
    palette.open()
    line = palette.findChild(QLineEdit)
    assert line is not None
    assert line.hasFocus()
    qtbot.keyClicks(line, "buy")
    qtbot.keyClick(line, Qt.Key.Key_Down)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert ran == ["Buy more"]
    assert not palette.isVisible()


def test_escape_closes_the_palette_and_gives_the_keyboard_back(
    qtbot: QtBot, host: QMainWindow
) -> None:
    field = QLineEdit()
    host.setCentralWidget(field)
    field.setFocus()
    qtbot.waitUntil(field.isVisible)
    field.setFocus()
    palette = Palette(host, lambda _text: ())
    palette.open()
    line = palette.findChild(QLineEdit)
    assert line is not None
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert field.hasFocus()


def test_every_key_is_on_the_keys_page(qtbot: QtBot, host: QMainWindow) -> None:
    page = KeysWindow(_commands([]), {"t.sell": "S"}, host)
    qtbot.addWidget(page)
    shown = {label.text() for label in page.findChildren(QLabel)}
    keys = {hint.accessibleName() for hint in page.findChildren(KeyHint)}
    assert {"Buy", "Sell"} <= shown
    assert keys == {"F1", "S"}


def test_a_setting_applies_at_once(qtbot: QtBot, host: QMainWindow) -> None:
    settings = Settings()
    window = SettingsWindow(settings, _commands([]), host, on_keys=lambda: None)
    qtbot.addWidget(window)
    theme = next(box for box in window.findChildren(QComboBox) if box.accessibleName() == "Theme")
    theme.setCurrentIndex(1)
    assert settings.text("look.theme") == "light"
    assert _unnamed(window) == []


def test_a_missing_field_is_named_and_nothing_is_sent(qtbot: QtBot, host: QMainWindow) -> None:
    window = _login_window(qtbot, host)
    sent: list[object] = []
    window.submitted.connect(sent.append)
    _button(window, "Log in").click()
    assert sent == []
    assert "App id is missing." in {label.text() for label in window.findChildren(QLabel)}


def test_what_was_typed_is_submitted_and_the_secret_leaves_the_form(
    qtbot: QtBot, host: QMainWindow
) -> None:
    window = _login_window(qtbot, host)
    sent: list[LoginRequest] = []
    window.submitted.connect(sent.append)
    _edit(window, "App id").setText("ABC-100")
    _edit(window, "Secret").setText("hush-hush")
    _button(window, "Log in").click()
    assert sent[0].values == {
        "app_id": "ABC-100",
        "secret": "hush-hush",
        "redirect_uri": "http://127.0.0.1:8765/callback",
    }
    assert "hush" not in repr(sent[0])
    assert _edit(window, "Secret").text() == ""


def test_the_redirect_address_can_be_copied(qtbot: QtBot, host: QMainWindow) -> None:
    window = _login_window(qtbot, host)
    copy = next(
        each
        for each in window.findChildren(QPushButton)
        if each.accessibleName() == "Copy Redirect URL"
    )
    copy.click()
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:8765/callback"
    assert _unnamed(window) == []


def test_a_failure_brings_the_form_back_with_the_reason(qtbot: QtBot, host: QMainWindow) -> None:
    window = _login_window(qtbot, host)
    window.show_step("Exchanging the code")
    window.show_failure("The broker says: invalid auth code")
    shown = {label.text() for label in window.findChildren(QLabel) if label.isVisibleTo(window)}
    assert "The broker says: invalid auth code" in shown


def test_a_question_is_answered_by_keyboard(qtbot: QtBot, host: QMainWindow) -> None:
    answers: list[str] = []
    window = AskWindow("Save workspace", "Name:", "Save", answers.append, parent=host)
    window.open()
    line = _edit(window, "Name:")
    assert not _button(window, "Save").isEnabled()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert answers == []
    qtbot.keyClicks(line, "  Scalping ")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert answers == ["Scalping"]


def test_a_question_given_up_answers_nothing(qtbot: QtBot, host: QMainWindow) -> None:
    answers: list[str] = []
    names = ("Options", "Scalping")
    window = AskWindow("Open", "As in:", "Open", answers.append, parent=host, choices=names)
    window.open()
    assert _unnamed(window) == []
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert answers == []


def test_closing_the_main_window_asks_before_it_goes(qtbot: QtBot) -> None:
    window = MainWindow(_commands([]), {})
    qtbot.addWidget(window)
    asked: list[bool] = []
    window.closing.connect(lambda: asked.append(True))
    window.show()
    window.close()
    assert asked == [True]
    assert window.isVisible()
    window.allow_close()
    window.close()
    assert not window.isVisible()


def test_practice_stands_in_the_title(qtbot: QtBot) -> None:
    window = MainWindow(_commands([]), {})
    qtbot.addWidget(window)
    window.set_account("Practice 1", "practice")
    assert "PRACTICE" in window.windowTitle()


def _login_window(qtbot: QtBot, host: QWidget) -> LoginWindow:
    fields = (
        CredentialField(id="app_id", label="App id", help="As in ABCD1234XY-100"),
        CredentialField(id="secret", label="Secret", is_secret=True),
        CredentialField(
            id="redirect_uri", label="Redirect URL", default="http://127.0.0.1:8765/callback"
        ),
    )
    window = LoginWindow([Choice(broker="x", title="X", kind="live", fields=fields)], host)
    qtbot.addWidget(window)
    window.show()
    return window


def _edit(window: QWidget, name: str) -> QLineEdit:
    return next(each for each in window.findChildren(QLineEdit) if each.accessibleName() == name)


def _button(window: QWidget, text: str) -> QPushButton:
    return next(each for each in window.findChildren(QPushButton) if each.text() == text)
