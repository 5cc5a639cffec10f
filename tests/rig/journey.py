"""A running Tezi for journeys: the window as the program builds it, and a trader's patience."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from brokers.model.instrument import InstrumentId
from brokers.model.order import Kind, OpState, OrderState, Product, Side, Validity
from brokers.port import Broker
from desktop.app import App
from desktop.docks.base import LINKS, Dock
from desktop.paths import profile_paths
from desktop.trading.desk import Desk
from desktop.trading.drafts import OrderDraft
from desktop.trading.rows import Level, OpView, OrderRow
from desktop.ui.theme import Theme
from tests.rig.practice import PracticeProcess

SBIN = InstrumentId("NSE:CM:3045")
PATIENCE_S = 15.0
D = TypeVar("D", bound=Dock)
Begin = Callable[[], contextlib.AbstractAsyncContextManager["Journey"]]
"""Starts the program inside a test. Not a fixture: between a fixture and its test pytest-qt runs
Qt's events while no asyncio loop runs, and every task of the program would fail there."""


class Journey:
    """One start of the program, and what a person can see and do in it."""

    def __init__(self, app: App, practice: PracticeProcess | None) -> None:
        self.app = app
        self.said: list[str] = []
        """Every message that was shown in the window's corner, in order."""
        self._practice = practice
        app.toasts.shown.connect(lambda _kind, title, text: self.said.append(f"{title}. {text}"))

    @property
    def practice(self) -> PracticeProcess:
        """The exchange that the test started and may break."""
        assert self._practice is not None
        return self._practice

    @property
    def desk(self) -> Desk:
        desk = self.app.accounts.current
        assert desk is not None, "no account is open"
        return desk

    @property
    def broker(self) -> Broker:
        """The open account's broker, past every check of the desk."""
        broker = self.app.accounts._open[self.desk.account.name]._broker
        assert broker is not None
        return broker

    def dock(self, name: str, kind: type[D]) -> D:
        dock = self.app.panels.docks[name]
        assert isinstance(dock, kind)
        return dock

    async def until(
        self, is_so: Callable[[], object], what: str = "", seconds: float = PATIENCE_S
    ) -> None:
        """Wait for something a person would see; the failure says what was waited for."""
        try:
            async with asyncio.timeout(seconds):
                # A person looks again; what is waited for has no one event of its own.
                while not is_so():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            said = "; ".join(self.texts(self.app.status_bar))
            raise AssertionError(f"waited {seconds} s for: {what}. Status: {said}") from None

    async def tradable(self) -> None:
        """Wait until the account is compared and SBIN has a price."""
        self.select(SBIN)
        await self.until(lambda: self.desk.account.is_tradable, "trading to open")
        await self.until(lambda: self.ltp_e4(SBIN), "a price of SBIN")

    def select(self, instrument: InstrumentId) -> None:
        self.app.links.select(LINKS[1], instrument)

    def ltp_e4(self, instrument: InstrumentId) -> int | None:
        quote = self.desk.hub.quote(instrument)
        return None if quote is None else quote.ltp_e4

    def draft(
        self, side: Side, quantity: int, price_e4: int, instrument: InstrumentId = SBIN
    ) -> OrderDraft:
        return OrderDraft(
            account=self.desk.account.name,
            instrument=instrument,
            side=side,
            quantity=quantity,
            kind=Kind.LIMIT,
            price_e4=price_e4,
            trigger_e4=0,
            product=Product.INTRADAY,
            validity=Validity.DAY,
        )

    async def place(self, side: Side, quantity: int, price_e4: int) -> OpView:
        op = await self.desk.orders.place(self.draft(side, quantity, price_e4))
        assert op.key, [finding.text for finding in op.findings]
        return op

    async def confirmed(self, draft: OrderDraft) -> OpView:
        """Place an order, saying yes to whatever is asked."""
        op = await self.desk.orders.place(draft)
        if op.state is OpState.DRAFT:
            asked = frozenset(each.code for each in op.findings if each.level is Level.ASK)
            op = await self.desk.orders.place(msgspec.structs.replace(draft, confirmed=asked))
        return op

    def row(self, key: str) -> OrderRow:
        row = self.desk.orders.row(key)
        assert row is not None
        return row

    def state(self, key: str) -> OrderState | None:
        row = self.desk.orders.row(key)
        return None if row is None else row.state

    async def press(
        self,
        key: Qt.Key,
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press a key where the keyboard is, as the window system would deliver it."""
        if QApplication.activeWindow() is None:
            # Without a window manager nobody gives the keyboard back when a dialog goes.
            self.app.window.activateWindow()
            await self.until(self.app.window.isActiveWindow, "the window to have the keyboard")
        window = QApplication.activeWindow()
        assert window is not None
        QTest.keyClick(QApplication.focusWidget() or window, key, modifiers)
        await asyncio.sleep(0)

    async def type(self, text: str) -> None:
        """Type a text where the keyboard is."""
        for letter in text:
            field = QApplication.focusWidget()
            assert field is not None, "nothing has the keyboard"
            QTest.keyClicks(field, letter)
            await asyncio.sleep(0)

    def texts(self, widget: QWidget) -> list[str]:
        """Give every text of a widget's labels that can be seen."""
        return [
            label.text()
            for label in widget.findChildren(QLabel)
            if label.text() and label.isVisibleTo(widget)
        ]


@contextlib.asynccontextmanager
async def running_app(
    profile: Path, practice: PracticeProcess | None = None, *, opens: bool = True
) -> AsyncIterator[Journey]:
    """Start the program as `python -m desktop` does, and close it as a person would.

    Args:
        profile: where it keeps everything.
        practice: the exchange it uses, if that is the test's.
        opens: whether to wait until it is open; else the test calls `app.start`.
    """
    qt = QApplication.instance()
    assert isinstance(qt, QApplication)
    Theme.current().dress(qt)
    app = App(profile_paths(profile))
    journey = Journey(app, practice)
    try:
        app.show()
        if opens:
            await app.start()
        yield journey
    finally:
        await app.close()
        del app
        gc.collect()  # on this thread; see tests/conftest.py
