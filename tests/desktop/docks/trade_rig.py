"""Ticket, orders and portfolio on one desk with real parts and a fake broker below."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from brokers.model.instrument import InstrumentId
from brokers.model.market import Candle, Interval, Span
from desktop.commands import Commands
from desktop.docks.base import Dock, DockContext, LinkGroups, Requests
from desktop.docks.orders.dock import OrdersDock
from desktop.docks.portfolio.dock import PortfolioDock
from desktop.docks.ticket.dock import TicketDock
from desktop.settings import Settings
from desktop.trading.candles import CandleBook
from desktop.trading.clock import FrozenClock
from desktop.trading.desk import Desk
from desktop.ui.theme import Theme
from desktop.ui.toast import Toasts
from tests.rig.fake_broker import CAPABILITIES
from tests.rig.order_rig import INSTRUMENTS, SBIN, Rig, Shelf, rig_in
from tests.rig.virtual_time import MORNING_NS

D = TypeVar("D", bound=Dock)


class Trader:
    """A trader's three docks, and hands for them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.host = QWidget()
        self.host.resize(1200, 900)
        self._box = QVBoxLayout(self.host)
        self.settings = Settings()
        self.tasks: set[asyncio.Task[None]] = set()
        self.toasts = Toasts(self.host)
        self.said: list[str] = []
        self.toasts.shown.connect(lambda *words: self.said.append(" ".join(words)))
        self.links = LinkGroups(self.host)
        self.context = DockContext(
            settings=self.settings,
            commands=Commands(),
            links=self.links,
            requests=Requests(self.host),
            toasts=self.toasts,
            start=self._start,
            cancel=lambda _owner: None,
            request_frame=lambda: None,
        )
        clock = FrozenClock(MORNING_NS)
        self.candles = CandleBook(hub=rig.hub, fetch=_no_candles, clock=clock, start=self._start)
        self.desk = Desk(
            account=rig.account,
            capabilities=CAPABILITIES,
            clock=clock,
            instruments=Shelf(INSTRUMENTS),  # type: ignore[arg-type]  # a Directory is enough
            hub=rig.hub,
            candles=self.candles,
            orders=rig.desk,
            portfolio=rig.portfolio,
            phase=lambda: rig.phase,
        )
        self.docks: list[Dock] = []
        self.ticket = self._open(TicketDock, "ticket")
        self.orders = self._open(OrdersDock, "orders")
        self.portfolio = self._open(PortfolioDock, "portfolio")
        self.host.show()
        self.links.select("blue", SBIN)
        for dock in self.docks:
            dock.show_instrument(SBIN)

    def _open(self, kind: type[D], name: str) -> D:
        dock = kind(self.context, name, self.host)
        self._box.addWidget(dock)
        self.docks.append(dock)
        dock.bind(self.desk)
        return dock

    def _start(self, work: Coroutine[object, object, None], *, owner: str) -> object:
        task = asyncio.get_running_loop().create_task(work, name=owner)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def settle(self) -> None:
        """Wait until nothing is under way, and show it."""
        for _ in range(10):
            await self.rig.idle()
            if not self.tasks:
                break
        frame = self.rig.hub.frame()
        for dock in self.docks:
            dock.apply(frame)

    def close(self) -> None:
        for dock in self.docks:
            dock.release()
        self.candles.close()
        self.host.close()
        self.host.deleteLater()


async def _no_candles(_what: InstrumentId, _every: Interval, _span: Span) -> Sequence[Candle]:
    return []


@contextlib.asynccontextmanager
async def trader_in(folder: Path) -> AsyncIterator[Trader]:
    """Give a trader at work; afterwards nothing is left."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    Theme.current().dress(app)
    async with rig_in(folder) as rig:
        trader = Trader(rig)
        await trader.settle()
        try:
            yield trader
        finally:
            trader.close()
