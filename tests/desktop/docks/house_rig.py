"""A window with real panels on a desk with real parts, for what every dock must be able to do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QMainWindow

from brokers.model.instrument import Instrument
from brokers.model.market import Depth, Level, Quote
from brokers.port import MasterPart
from desktop import loop
from desktop.commands import Commands
from desktop.docks.base import Dock, DockContext, LinkGroups, Requests
from desktop.settings import Settings
from desktop.shell.docking import Docking
from desktop.shell.panels import Panels
from desktop.trading.candles import CandleBook
from desktop.trading.clock import FrozenClock
from desktop.trading.desk import Desk
from desktop.trading.instruments import Instruments
from desktop.ui.theme import Theme
from desktop.ui.toast import Toasts
from tests.desktop.docks.chart_rig import History
from tests.desktop.docks.prices_rig import LISTED, SBIN
from tests.rig.fake_broker import CAPABILITIES
from tests.rig.order_rig import Rig, rig_in
from tests.rig.virtual_time import MORNING_NS


class House:
    """The shell's own panels, an open account, and hands for both."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.window = QMainWindow()
        self.window.resize(900, 640)
        self.tasks = loop.Tasks()
        self.failures: list[str] = []
        self.tasks.on_failure.append(lambda name, error: self.failures.append(f"{name}: {error}"))
        self.links = LinkGroups(self.window)
        self.commands = Commands()
        self.docking = Docking(self.window)
        self.context = DockContext(
            settings=Settings(),
            commands=self.commands,
            links=self.links,
            requests=Requests(self.window),
            toasts=Toasts(self.window),
            start=self.tasks.start,
            cancel=self.tasks.cancel,
            request_frame=lambda: None,
        )
        self.panels = Panels(self.docking, self.context)
        self.clock = FrozenClock(MORNING_NS)
        self.instruments = Instruments(self.clock)
        self.instruments.load([MasterPart(instruments=LISTED, bad_rows=())])
        rig.hub.is_index = self.instruments.is_index
        self.candles = CandleBook(
            hub=rig.hub, fetch=History().fetch, clock=self.clock, start=self.tasks.start
        )
        self.desk = Desk(
            account=rig.account,
            capabilities=CAPABILITIES,
            clock=self.clock,
            instruments=self.instruments,
            hub=rig.hub,
            candles=self.candles,
            orders=rig.desk,
            portfolio=rig.portfolio,
            phase=lambda: rig.phase,
        )
        self.links.select("blue", SBIN.id)
        self.window.show()

    def open(self, dock_id: str) -> Dock:
        """Open a dock as the View menu does."""
        dock = self.panels.open(dock_id)
        self.window.activateWindow()
        return dock

    async def log_in(self) -> None:
        """Open the account, and let everything load."""
        self.panels.bind(self.desk)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way, and show it."""
        for _ in range(20):
            await self.rig.idle()
            self.panels.apply(self.rig.hub.frame())
            if not self.tasks.count:
                break
            await asyncio.sleep(0)
        QCoreApplication.sendPostedEvents()  # new texts ask for new places

    async def market(self, ltp_e4: int = 8_012_500) -> None:
        """Let SBIN trade, have a book, and an order of ours fill there."""
        now_ns = self.clock.now_ns()
        levels = [Level(ltp_e4 - 500 * step, 10 * step, step) for step in range(1, 6)]
        offers = [Level(ltp_e4 + 500 * step, 10 * step, step) for step in range(1, 6)]
        quote = Quote(
            SBIN.id,
            ltp_e4=ltp_e4,
            previous_close_e4=8_000_000,
            volume=1_000_000 + ltp_e4 // 500,
            traded_ns=now_ns,
            exchange_ns=now_ns,
        )
        self.rig.hub.receive([quote, Depth(SBIN.id, tuple(levels), tuple(offers))], now_ns)
        op = await self.rig.place(quantity=10, price_e4=ltp_e4)
        self.rig.broker.fill(op.broker_id, 10, ltp_e4)
        await self.settle()

    def picture(self, dock: Dock) -> QImage:
        """Take a dock's picture as it stands in the window."""
        place = QRect(dock.mapTo(self.window, QPoint()), dock.size())
        return self.window.grab(place).toImage()

    def listed(self, symbol: str) -> Instrument:
        found = self.instruments.by_symbol(symbol)
        assert found is not None, symbol
        return found

    async def close(self) -> None:
        self.panels.close_all()
        self.candles.close()
        self.docking.close()
        self.window.close()
        self.window.deleteLater()
        await self.tasks.close()
        forget_deleted()


def forget_deleted() -> None:
    """Let widgets that asked to be deleted go now."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@contextlib.asynccontextmanager
async def house_in(folder: Path) -> AsyncIterator[House]:
    """Give a window and a desk; afterwards nothing is watched, and no task has failed."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    Theme.current().dress(app)
    async with rig_in(folder) as rig:
        house = House(rig)
        try:
            yield house
        finally:
            await house.close()
        assert not rig.hub.owners()
        assert not house.failures
