"""Logging in through a real browser, and every way in which that can go wrong."""

import asyncio
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton
from typing_extensions import override

from brokers.model.order import OrderState, Side
from desktop.shell.login_window import LoginWindow
from desktop.trading.desk import Desk
from tests.rig.browser import Browser
from tests.rig.journey import SBIN, Begin, Journey, running_app

CHOICE: Final = "FYERS practice"


class Opened(QObject):
    """What the program asked the system to open, instead of a browser that would show it."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.urls.append(url.toString(QUrl.ComponentFormattingOption.FullyEncoded))


@pytest.fixture
def opened() -> Iterator[Opened]:
    catcher = Opened()
    QDesktopServices.setUrlHandler("http", catcher, "take")  # type: ignore[arg-type]  # wants str
    yield catcher
    QDesktopServices.unsetUrlHandler("http")


class Form:
    """The window in which an account is added, as a person uses it."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        journey.app.commands.run("account.add")
        self.window: LoginWindow = journey.app.window.findChildren(LoginWindow)[-1]
        boxes = self.window.findChildren(QComboBox)
        broker = next(each for each in boxes if each.accessibleName() == "Broker")
        broker.setCurrentText(CHOICE)
        assert broker.currentText() == CHOICE

    def fill(self, label: str, text: str) -> None:
        self._field(label).setText(text)

    def value(self, label: str) -> str:
        return self._field(label).text()

    def press(self, words: str) -> None:
        buttons = [b for b in self.window.findChildren(QPushButton) if b.text() == words]
        shown = next(button for button in buttons if button.isVisible())
        QTest.mouseClick(shown, Qt.MouseButton.LeftButton)

    def paste(self, address: str) -> None:
        field = self._field("Address the browser ended on")
        field.setText(address)
        QTest.keyClick(field, Qt.Key.Key_Return)

    @property
    def words(self) -> str:
        labels = self.window.findChildren(QLabel)
        return "\n".join(label.text() for label in labels if label.isVisible())

    async def address(self, opened: Opened) -> str:
        """Press the button and wait for the page it opens."""
        before = len(opened.urls)
        self.press("Log in")
        await self._journey.until(lambda: len(opened.urls) > before, "the login page")
        return opened.urls[-1]

    def _field(self, name: str) -> QLineEdit:
        fields = self.window.findChildren(QLineEdit)
        return next(each for each in fields if each.accessibleName() == name)


def _redirect_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["redirect_uri"][0]


def _listens(redirect_uri: str) -> bool:
    port = urlsplit(redirect_uri).port
    assert port is not None
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _running_logins() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "login" in task.get_name()]


async def _nothing_is_left(journey: Journey, redirect_uri: str) -> None:
    await journey.until(lambda: not _listens(redirect_uri), "the port to be closed")
    await journey.until(lambda: not _running_logins(), "the login to end")
    assert len(journey.app.accounts.names) == 1
    assert journey.app.accounts.book.entries() == ()


async def test_a_second_account_is_added_in_a_browser_and_the_docks_change_hands(
    begin: Begin, opened: Opened, tmp_path: Path
) -> None:
    async with begin() as journey, Browser(tmp_path / "browser") as browser:
        await journey.tradable()
        first = journey.desk
        form = Form(journey)
        address = await form.address(opened)
        assert "in your browser" in form.words
        await browser.go(address)
        assert "This is practice." in await browser.text()
        await browser.press("Log in")
        await browser.until("document.body.innerText.includes('You can close this tab')")
        shown = str(await browser.value("location.href"))
        assert shown == _redirect_of(address), "the code stays in the address bar"

        await journey.until(lambda: len(journey.app.accounts.names) == 2, "the second account")
        second = journey.desk
        assert second is not first
        assert "FYERS practice 2" in journey.app.window.windowTitle()
        assert "PRACTICE" in journey.app.window.windowTitle()
        await journey.until(lambda: not journey.app.window.findChildren(LoginWindow), "the end")
        assert not _listens(_redirect_of(address))
        await journey.tradable()
        assert _shown_in_every_dock(journey, second)

        ltp = journey.ltp_e4(SBIN)
        assert ltp is not None
        op = await journey.place(Side.BUY, 2, (ltp - 100_000) // 500 * 500)
        await journey.until(lambda: journey.state(op.key) is OrderState.OPEN, "the order")

        both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        await journey.press(Qt.Key.Key_A, both)
        await journey.until(lambda: journey.desk is first, "the first account in front")
        assert _shown_in_every_dock(journey, first)
        # Both are the same client's, so the first sees the order as somebody else's.
        await journey.until(
            lambda: [row.is_ours for row in first.orders.rows()] == [False], "the order there"
        )


async def test_a_denied_login_is_told_and_can_be_tried_again(
    begin: Begin, opened: Opened, tmp_path: Path
) -> None:
    async with begin() as journey, Browser(tmp_path / "browser") as browser:
        form = Form(journey)
        address = await form.address(opened)
        await browser.go(address)
        await browser.press("Deny")
        await journey.until(lambda: "denied" in form.words.lower(), "the refusal in words")
        await _nothing_is_left(journey, _redirect_of(address))

        form.fill("Secret ID", str(_credentials(journey)["secret"]))
        await browser.go(await form.address(opened))
        await browser.fill("pin", "000000")
        await browser.press("Log in")
        await browser.until("document.querySelector('.wrong') != null")
        await browser.fill("pin", str(_credentials(journey)["pin"]))
        await browser.press("Log in")
        await journey.until(lambda: len(journey.app.accounts.names) == 2, "the second account")


async def test_an_answer_to_another_login_is_not_taken(
    begin: Begin, opened: Opened, tmp_path: Path
) -> None:
    async with begin() as journey, Browser(tmp_path / "browser") as browser:
        form = Form(journey)
        redirect_uri = _redirect_of(await form.address(opened))
        await browser.go(f"{redirect_uri}?s=ok&auth_code=stolen&state=another")
        assert "This login was not taken" in await browser.text()
        assert len(journey.app.accounts.names) == 1
        assert _listens(redirect_uri), "it still waits for the right one"
        form.press("Cancel")
        await _nothing_is_left(journey, redirect_uri)


async def test_where_the_port_is_taken_the_address_is_pasted(begin: Begin, opened: Opened) -> None:
    async with begin() as journey:
        form = Form(journey)
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            form.fill("Redirect URL", f"http://127.0.0.1:{port}/callback")
            address = await form.address(opened)
            assert f"Port {port} is taken by another program" in form.words
            form.paste("http://127.0.0.1:1/elsewhere?state=x")
            await journey.until(lambda: "not the address" in form.words, "the correction")
            form.paste(await asyncio.to_thread(_log_in_by_hand, journey, address))
            await journey.until(lambda: len(journey.app.accounts.names) == 2, "the account")
        assert "FYERS practice 2" in journey.app.window.windowTitle()


async def test_a_login_given_up_leaves_nothing_running(begin: Begin, opened: Opened) -> None:
    async with begin() as journey:
        for give_up in (
            lambda form: form.press("Cancel"),
            lambda form: QTest.keyClick(form.window, Qt.Key.Key_Escape),
            lambda form: form.window.close(),
        ):
            form = Form(journey)
            redirect_uri = _redirect_of(await form.address(opened))
            assert _listens(redirect_uri)
            give_up(form)
            await _nothing_is_left(journey, redirect_uri)
            await journey.until(
                lambda: not journey.app.window.findChildren(LoginWindow), "the window to go"
            )


async def test_a_wrong_secret_is_told_in_the_brokers_words(begin: Begin, opened: Opened) -> None:
    async with begin() as journey:
        form = Form(journey)
        form.fill("Secret ID", "WRONGSECRET")
        address = await form.address(opened)
        await asyncio.to_thread(
            _come_back, await asyncio.to_thread(_log_in_by_hand, journey, address)
        )
        await journey.until(lambda: "sha256 hash" in form.words, "the refusal in words")
        assert "WRONGSECRET" not in form.words
        assert form.value("Secret ID") == "", "a secret is never shown again"
        await _nothing_is_left(journey, _redirect_of(address))


async def test_an_account_that_cannot_be_opened_is_told_and_forgotten(
    begin: Begin, opened: Opened
) -> None:
    async with begin() as journey:
        form = Form(journey)
        address = await form.address(opened)
        journey.practice.fault("masters", "status", value=500, times=50)
        await asyncio.to_thread(
            _come_back, await asyncio.to_thread(_log_in_by_hand, journey, address)
        )
        await journey.until(lambda: "Log in" in _shown_buttons(form), "the form again")
        assert "no contract master could be fetched" in form.words
        await _nothing_is_left(journey, _redirect_of(address))


async def test_an_exchange_that_ends_during_the_login_is_told(begin: Begin, opened: Opened) -> None:
    async with begin() as journey:
        form = Form(journey)
        address = await form.address(opened)
        back = await asyncio.to_thread(_log_in_by_hand, journey, address)
        journey.practice.kill()
        await asyncio.to_thread(_come_back, back)
        await journey.until(lambda: "Log in" in _shown_buttons(form), "the form again")
        assert form.words.strip()
        await _nothing_is_left(journey, _redirect_of(address))


async def test_an_exchange_that_is_restarted_ends_every_account_on_it(
    tmp_path: Path, opened: Opened
) -> None:
    async with running_app(tmp_path) as journey:
        form = Form(journey)
        address = await form.address(opened)
        await asyncio.to_thread(
            _come_back, await asyncio.to_thread(_log_in_by_hand, journey, address)
        )
        await journey.until(lambda: len(journey.app.accounts.names) == 2, "the second account")
        await journey.tradable()
        desks = [account.desk for account in journey.app.accounts._open.values()]
        exchange = journey.app.accounts.practice
        assert exchange is not None
        assert exchange.pid is not None
        os.kill(exchange.pid, signal.SIGKILL)
        await journey.until(
            lambda: not any(desk.account.is_tradable for desk in desks), "the news", 2.0
        )
        journey.app.accounts.restart()
        await journey.until(
            lambda: journey.app.accounts.current not in (None, *desks), "the new exchange"
        )
        assert journey.app.accounts.names == ("practice",)
        await journey.tradable()
        assert journey.desk.orders.rows() == ()


def _shown_in_every_dock(journey: Journey, desk: Desk) -> bool:
    return all(dock.desk is desk for dock in journey.app.panels.docks.values())


def _shown_buttons(form: Form) -> list[str]:
    return [b.text() for b in form.window.findChildren(QPushButton) if b.isVisible()]


def _credentials(journey: Journey) -> dict[str, object]:
    exchange = journey.app.accounts.practice
    assert exchange is not None
    credentials = exchange.ports["credentials"]
    assert isinstance(credentials, dict)
    found: dict[str, object] = credentials["fyers"]
    return found


class _Still(urllib.request.HTTPRedirectHandler):
    """Does not follow a redirect."""

    @override
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _log_in_by_hand(journey: Journey, address: str) -> str:
    """Log in on the page and give the address that it sends the browser to."""
    known = _credentials(journey)
    try:
        urllib.request.build_opener(_Still).open(
            f"{address}&user={known['user']}&pin={known['pin']}"
        )
    except urllib.error.HTTPError as redirect:
        return str(redirect.headers["Location"])
    raise AssertionError("the page did not redirect")


def _come_back(address: str) -> None:
    with urllib.request.urlopen(address, timeout=10) as page:
        assert b"You can close this tab" in page.read()
