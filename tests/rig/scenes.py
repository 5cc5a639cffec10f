"""What a person meets besides a calm window: windows over it, long names, and trouble."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from PySide6.QtWidgets import QComboBox, QDialog, QLineEdit, QTabWidget, QWidget

from brokers.model.instrument import Instrument, InstrumentKind
from brokers.model.order import OrderState, Side
from brokers.port import Link, LinkState
from desktop.docks.base import TicketRequest
from desktop.docks.chart.dock import ChartDock
from desktop.docks.portfolio.dock import PortfolioDock
from desktop.docks.ticket.dock import TicketDock
from desktop.docks.watchlist.dock import WatchlistDock
from desktop.shell.ask_window import AskWindow
from desktop.shell.keys_window import KeysWindow
from desktop.shell.login_window import LoginWindow
from desktop.shell.palette import Palette
from desktop.shell.settings_window import SettingsWindow
from tests.rig.journey import SBIN, Journey

SETTLED_S: Final = 0.2
Scene = tuple[str, QWidget]
"""(what the picture shows, the widget to take it of)"""


async def furnish(journey: Journey) -> None:
    """Give the window something to show: a fill, two working orders, a position that moves."""
    await journey.tradable()
    if journey.desk.portfolio.positions():
        return  # an earlier window on the same exchange did
    ltp = journey.ltp_e4(SBIN)
    assert ltp is not None
    near = ltp // 500 * 500
    bought = await journey.place(Side.BUY, 250, near + 20_000)
    await journey.until(lambda: journey.state(bought.key) is OrderState.FILLED, "the fill")
    await journey.place(Side.BUY, 100, near - 60_000)
    await journey.place(Side.SELL, 50, near + 60_000)
    await journey.until(journey.desk.portfolio.positions, "the position")


async def living(journey: Journey) -> None:
    """Arrange the window as at work: indicators, a position, orders in the chart, one being typed.

    Needs `furnish` before it.
    """
    app = journey.app
    journey.select(SBIN)
    await journey.until(lambda: journey.ltp_e4(SBIN), "a price of SBIN")
    ltp = journey.ltp_e4(SBIN)
    assert ltp is not None
    chart = journey.dock("chart#1", ChartDock)
    indicators = [{"id": "ema"}, {"id": "vwap"}, {"id": "rsi"}]
    chart.restore_state({"instrument": SBIN, "indicators": indicators})
    near = ltp // 500 * 500
    app.context.requests.ticket.emit(
        TicketRequest(instrument=SBIN, side=Side.BUY, price_e4=near - 5_000, quantity=50)
    )
    app.docking.show("orders")
    app.toasts.dismiss_all()
    await asyncio.sleep(3)


async def windows(journey: Journey) -> AsyncIterator[Scene]:
    """Open one window after the other; each is closed before the next."""
    app = journey.app
    dialogs: dict[str, QDialog] = {
        "settings": SettingsWindow(app.settings, app.commands, app.window, on_keys=lambda: None),
        "keys": KeysWindow(app.commands, {}, app.window),
        "ask": AskWindow(
            "Save workspace", "Keep this arrangement as:", "Save", str, parent=app.window
        ),
    }
    for name, dialog in dialogs.items():
        dialog.open()
        await asyncio.sleep(SETTLED_S)
        yield name, dialog
        for tabs in dialog.findChildren(QTabWidget):
            tabs.setCurrentIndex(1)
            await asyncio.sleep(SETTLED_S)
            yield f"{name}-keys", dialog
        dialog.close()
    async for scene in _palette(journey):
        yield scene
    async for scene in _login(journey):
        yield scene


async def _palette(journey: Journey) -> AsyncIterator[Scene]:
    app = journey.app
    app.commands.run("help.palette")
    (palette,) = app.window.findChildren(Palette)
    line = palette.findChild(QLineEdit)
    assert line is not None
    for name, words in (("palette", ""), ("palette-found", "nifty ce"), ("palette-none", "zzz")):
        line.setText(words)
        await asyncio.sleep(SETTLED_S)
        yield name, app.window
    palette.hide()


async def _login(journey: Journey) -> AsyncIterator[Scene]:
    app = journey.app
    window = LoginWindow(app.accounts._choices(), app.window)
    window.open()
    await asyncio.sleep(SETTLED_S)
    yield "login", window
    box = window.findChild(QComboBox)
    assert box is not None
    box.setCurrentIndex(box.count() - 1)
    await asyncio.sleep(SETTLED_S)
    yield "login-practice", window
    box.setCurrentIndex(0)
    window.show_step("Waiting for the browser")
    window.show_by_hand("https://login.example/authorise?client=ABCD1234XY-100&state=2f7c9a")
    await asyncio.sleep(SETTLED_S)
    yield "login-waiting", window
    window.show_failure("The broker says: this app's redirect URL is another one.")
    await asyncio.sleep(SETTLED_S)
    yield "login-failed", window
    window.close()


async def long_names(journey: Journey) -> AsyncIterator[Scene]:
    """Show what has the longest names and the largest figures."""
    app, desk = journey.app, journey.desk
    watchlist = journey.dock("watchlist", WatchlistDock)
    for name, words, kind in (
        ("option", "banknifty ce", InstrumentKind.OPTION),
        ("future", "nifty fut", InstrumentKind.FUTURE),
        ("index", "nifty bank", InstrumentKind.INDEX),
        ("commodity", "crudeoil fut", InstrumentKind.FUTURE),
    ):
        found: list[Instrument] = desk.instruments.search(words, 50)
        shown = next((each for each in found if each.kind is kind), None)
        if shown is None:
            continue
        watchlist.add(shown)
        journey.select(shown.id)
        await journey.until(lambda: journey.ltp_e4(shown.id), f"a price of {shown.label}")  # noqa: B023
        await asyncio.sleep(SETTLED_S)
        yield name, app.window
    journey.select(SBIN)


async def trouble(journey: Journey) -> AsyncIterator[Scene]:
    """Let things go wrong, one after the other; the account is gone at the end."""
    journey.select(SBIN)
    for scenes in (_orders(journey), _portfolio(journey), _outages(journey)):
        async for scene in scenes:
            yield scene


async def _orders(journey: Journey) -> AsyncIterator[Scene]:
    app = journey.app
    ltp = journey.ltp_e4(SBIN)
    assert ltp is not None
    near = ltp // 500 * 500
    ticket = journey.dock("ticket", TicketDock)
    app.docking.show("orders")

    def send(side: Side, price_e4: int, quantity: int) -> None:
        request = TicketRequest(instrument=SBIN, side=side, price_e4=price_e4, quantity=quantity)
        app.context.requests.ticket.emit(request)
        ticket.submit()

    journey.practice.fault(
        "place", "reject", value="RED:Margin Shortfall:INR 1,20,345.60 Available"
    )
    send(Side.SELL, near, 40)
    await asyncio.sleep(1.5)
    yield "refused", app.window
    send(Side.BUY, near + 400_000, 7)
    await asyncio.sleep(1)
    yield "asked", app.window
    journey.practice.fault("orderfeed", "drop_event", times=10)
    journey.practice.fault("place", "lose_reply")
    journey.practice.fault("orderbook", "html", times=3)
    send(Side.BUY, near - 70_000, 5)
    await asyncio.sleep(0.8)
    yield "unknown", app.window
    journey.practice.disarm()
    await asyncio.sleep(3)
    app.toasts.dismiss_all()


async def _portfolio(journey: Journey) -> AsyncIterator[Scene]:
    journey.app.docking.show("portfolio")
    portfolio = journey.dock("portfolio", PortfolioDock)
    for tab in ("holdings", "funds", "positions"):
        portfolio.restore_state({"tab": tab})
        await asyncio.sleep(SETTLED_S)
        yield tab, journey.app.window


async def _outages(journey: Journey) -> AsyncIterator[Scene]:
    app = journey.app
    journey.practice.fault("feed", "half_open")
    journey.practice.fault("feed", "close", value=1001)
    await journey.until(lambda: _is_down(journey), "the feed to drop")
    await asyncio.sleep(1)
    yield "feed-down", app.window
    journey.practice.disarm()
    await journey.until(lambda: not _is_down(journey), "the feed to return", 40)
    journey.practice.post("/clock", {"set": "2026-11-20T17:05:00+05:30"})
    await asyncio.sleep(3)
    yield "closed", app.window
    desk = journey.desk
    app.show_desk(None)
    await asyncio.sleep(SETTLED_S)
    app.docking.show("orders")
    yield "no-account", app.window
    app.show_desk(desk)


def _is_down(journey: Journey) -> bool:
    event = journey.desk.account.link(Link.FEED)
    return event is not None and event.state is not LinkState.LIVE
