"""A desk with real parts for the docks that show prices: hub, instruments, link groups, toasts."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path

import msgspec
from PySide6.QtWidgets import QApplication, QWidget

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Segment,
    instrument_id,
)
from brokers.model.market import Candle, Depth, Detail, Level, Quote
from brokers.port import MasterPart
from desktop.commands import Commands
from desktop.docks.base import Dock, DockContext, LinkGroups, Requests, TicketRequest
from desktop.settings import Settings
from desktop.trading.candles import CandleBook
from desktop.trading.clock import FrozenClock
from desktop.trading.desk import Desk
from desktop.trading.instruments import Instruments
from desktop.ui.theme import Theme
from desktop.ui.toast import Toasts
from tests.rig.fake_broker import CAPABILITIES
from tests.rig.order_rig import Rig, rig_in
from tests.rig.virtual_time import MORNING_NS


def _listed(token: str, ticker: str, name: str, **more: object) -> Instrument:
    base = Instrument(
        id=instrument_id("NSE", "CM", token),
        exchange=Exchange.NSE,
        segment=Segment.CM,
        token=token,
        symbol=f"NSE:{ticker}",
        name=name,
        kind=InstrumentKind.EQUITY,
        lot_size=1,
        tick_e4=500,
        multiplier=1,
    )
    return msgspec.structs.replace(base, **more)


NIFTY = _listed("26000", "NIFTY50-INDEX", "Nifty 50", kind=InstrumentKind.INDEX, is_tradable=False)
SBIN = _listed("3045", "SBIN-EQ", "State Bank of India", lower_e4=7_400_000, upper_e4=9_050_000)
RELIANCE = _listed("2885", "RELIANCE-EQ", "Reliance Industries")
INFY = _listed("1594", "INFY-EQ", "Infosys")
FUTURE = _listed(
    "53001",
    "NIFTY26OCTFUT",
    "Nifty 27 Oct 2026",
    id=instrument_id("NSE", "FO", "53001"),
    segment=Segment.FO,
    kind=InstrumentKind.FUTURE,
    lot_size=75,
    tick_e4=1_000,
    expiry=dt.date(2026, 10, 27),
    underlying="NIFTY",
    underlying_id=NIFTY.id,
)
DOLLAR = _listed(
    "1145",
    "USDINR26OCTFUT",
    "Dollar 28 Oct 2026",
    id=instrument_id("NSE", "CD", "1145"),
    segment=Segment.CD,
    kind=InstrumentKind.FUTURE,
    tick_e4=25,
    expiry=dt.date(2026, 10, 28),
    underlying="USDINR",
)
LISTED = (NIFTY, SBIN, RELIANCE, INFY, FUTURE, DOLLAR)


class Prices:
    """Everything a test of a price dock touches."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.hub = rig.hub
        self.clock = FrozenClock(MORNING_NS)
        self.host = QWidget()
        self.host.resize(1_000, 800)
        self.links = LinkGroups(self.host)
        self.requests = Requests(self.host)
        self.tickets: list[TicketRequest] = []
        self.requests.ticket.connect(self.tickets.append)
        self.opened: list[tuple[str, str]] = []
        self.requests.opened.connect(lambda *what: self.opened.append(what))
        self.toasts = Toasts(self.host)
        self.context = DockContext(
            settings=Settings(),
            commands=Commands(),
            links=self.links,
            requests=self.requests,
            toasts=self.toasts,
            start=_start_nothing,
            cancel=lambda _owner: None,
            request_frame=lambda: None,
        )
        self.instruments = Instruments(self.clock)
        self.list(LISTED)
        self.hub.is_index = self.instruments.is_index
        book = CandleBook(
            hub=rig.hub, fetch=_no_history, clock=self.clock, start=self.context.start
        )
        self.desk = Desk(
            account=rig.account,
            capabilities=CAPABILITIES,
            clock=self.clock,
            instruments=self.instruments,
            hub=rig.hub,
            candles=book,
            orders=rig.desk,
            portfolio=rig.portfolio,
            phase=lambda: rig.phase,
        )
        self._book = book
        self._docks: list[Dock] = []

    def list(self, instruments: Sequence[Instrument]) -> None:
        """Load a master of these, and tell whoever listens."""
        self.instruments.load([MasterPart(instruments=instruments, bad_rows=())])
        for listener in tuple(self.instruments.on_change):
            listener()

    def open(self, dock: Dock, *, size: tuple[int, int] = (420, 640)) -> None:
        """Open a dock as the shell does."""
        dock.setParent(self.host)
        dock.resize(*size)
        self._docks.append(dock)
        dock.bind(self.desk)
        dock.link = "blue"
        self.host.show()
        dock.show()
        dock.grab()

    def tick(self, what: Instrument, ltp_e4: int, **more: int) -> None:
        """Let an instrument trade, and the docks see it."""
        quote = Quote(what.id, ltp_e4=ltp_e4, previous_close_e4=8_000_000)
        self.hub.receive([msgspec.structs.replace(quote, **more)], self.clock.now_ns())
        self.frame()

    def book(self, what: Instrument, bids: Mapping[int, int], asks: Mapping[int, int]) -> None:
        """Let an instrument have this book: price → quantity."""
        sides = (
            tuple(Level(price, quantity, 3) for price, quantity in side.items())
            for side in (bids, asks)
        )
        self.hub.receive([Depth(what.id, *sides)], self.clock.now_ns())
        self.frame()

    def frame(self) -> None:
        frame = self.hub.frame()
        for dock in self._docks:
            if dock.isVisible():
                dock.apply(frame)
                dock.grab()

    def wanted(self) -> dict[InstrumentId, Detail]:
        return dict(self.hub.wanted())

    def close(self) -> None:
        for dock in self._docks:
            dock.release()
        self._book.close()
        self.host.close()
        self.host.deleteLater()


def _start_nothing(work: Coroutine[object, object, None], *, owner: str) -> object:
    work.close()
    return owner


async def _no_history(*_: object) -> Sequence[Candle]:
    return ()


@contextlib.asynccontextmanager
async def prices_in(folder: Path) -> AsyncIterator[Prices]:
    """Give a desk with prices; afterwards nothing watches anything."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    Theme.current().dress(app)
    async with rig_in(folder) as rig:
        prices = Prices(rig)
        try:
            yield prices
        finally:
            prices.close()
        assert not prices.wanted()
