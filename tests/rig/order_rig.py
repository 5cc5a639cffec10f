"""One account's order desk on a fake broker, in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import msgspec

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Segment,
)
from brokers.model.market import MarketPhase, Quote
from brokers.model.order import Kind, OrderChange, Product, Side, Validity
from desktop.trading.accounts import AccountKind, AccountState, Block
from desktop.trading.drafts import CancelDraft, ChangeDraft, OrderDraft
from desktop.trading.guard import Limits
from desktop.trading.hub import Hub
from desktop.trading.journal import Journal, Options
from desktop.trading.journal_file import Stamp
from desktop.trading.orders import OrderDesk, Sources
from desktop.trading.portfolio import Portfolio
from desktop.trading.reconcile import Reconciler
from desktop.trading.rows import Alarm, OpView, OrderRow
from desktop.trading.seams import Seams, no_killpoint
from tests.rig.fake_broker import FakeBroker
from tests.rig.virtual_time import Tasks, VirtualTimer

SBIN = InstrumentId("NSE:CM:3045")
NIFTY_FUT = InstrumentId("NSE:FO:53001")
STAMP = Stamp(session_id="test", app_version="0")


def _instrument(instrument: InstrumentId, symbol: str, **more: object) -> Instrument:
    exchange, segment, token = instrument.split(":")
    base = Instrument(
        id=instrument,
        exchange=Exchange(exchange),
        segment=Segment(segment),
        token=token,
        symbol=symbol,
        name=symbol,
        kind=InstrumentKind.EQUITY,
        lot_size=1,
        tick_e4=500,
        multiplier=1,
    )
    return msgspec.structs.replace(base, **more)


INSTRUMENTS = {
    SBIN: _instrument(SBIN, "NSE:SBIN-EQ"),
    NIFTY_FUT: _instrument(
        NIFTY_FUT,
        "NSE:NIFTY26OCTFUT",
        kind=InstrumentKind.FUTURE,
        lot_size=75,
        freeze_qty=1800,
        tick_e4=1000,
    ),
}


class Shelf:
    """A Directory of a few instruments."""

    def __init__(self, instruments: dict[InstrumentId, Instrument]) -> None:
        self._instruments = instruments

    def instrument(self, instrument: InstrumentId, /) -> Instrument | None:
        return self._instruments.get(instrument)

    def by_symbol(self, symbol: str, /) -> Instrument | None:
        found = (i for i in self._instruments.values() if i.symbol == symbol)
        return next(found, None)


class Rig:
    """Everything a test of orders touches."""

    def __init__(
        self,
        folder: Path,
        broker: FakeBroker,
        timer: VirtualTimer,
        killpoint: Callable[[str], None] = no_killpoint,
        book: str = "",
    ) -> None:
        self.timer = timer
        self.broker = broker
        self.tasks = Tasks()
        self.hub = Hub()
        self.phase = MarketPhase.OPEN
        self.limits = Limits(max_quantity=100_000, per_minute=10_000, max_value_paise=10**12)
        self.account = AccountState("a", title="A", kind=AccountKind.LIVE, broker="fake", book=book)
        options = Options(busy_ms=200, reserve_bytes=0, killpoint=killpoint)
        self.journal = Journal(folder / "orders.db", STAMP, options)
        directory = Shelf(INSTRUMENTS)
        self.portfolio = Portfolio(quote=self.hub.quote, directory=directory, timer=timer)
        seams = Seams(timer=timer, spawn=self.tasks.start, killpoint=killpoint)
        sources = Sources(
            hub=self.hub,
            directory=directory,
            phase=lambda _instrument: self.phase,
            limits=lambda: self.limits,
        )
        self.desk = OrderDesk(self.account, self.portfolio, self.journal, sources, seams)
        self.reconciler = Reconciler(self.desk, seams)
        broker.on_update = self.desk.receive_update
        broker.on_fill = self.desk.receive_fill
        self.alarms: list[Alarm] = []
        self.changes: list[tuple[str, OrderRow | None, OrderRow | None]] = []
        self.desk.on_alarm(self.alarms.append)
        self.desk.on_change(lambda *change: self.changes.append(change))
        self.quote(8_000_000)

    async def start(self, *, reconciles: bool = False) -> None:
        """Take up the journal and connect; without `reconciles` trading is simply opened."""
        self.desk.restore()
        self.desk.attach(self.broker)
        if reconciles:
            self.reconciler.start()
        else:
            await self.desk.books.positions()
            self.account.clear(Block.RECONCILE)
        await self.idle()

    async def stop(self) -> None:
        self.reconciler.stop()
        await self.tasks.close()
        self.desk.close()
        await asyncio.to_thread(self.journal.close)

    async def idle(self) -> None:
        """Return when everything that needs no time to pass has happened."""
        for _ in range(6):
            await self.journal.flush()
            for _ in range(4):
                await asyncio.sleep(0)

    async def after(self, seconds: float) -> None:
        """Let time pass; the market keeps ticking."""
        await self.timer.advance(seconds, self.idle)
        self.quote(self.ltp_e4)

    def quote(self, ltp_e4: int, instrument: InstrumentId = SBIN) -> None:
        self.ltp_e4 = ltp_e4
        quote = Quote(instrument, ltp_e4=ltp_e4, bid_e4=ltp_e4 - 500, ask_e4=ltp_e4 + 500)
        self.hub.receive([quote], self.timer.now_ns())

    def draft(self, **changes: object) -> OrderDraft:
        base = OrderDraft(
            account="a",
            instrument=SBIN,
            side=Side.BUY,
            quantity=10,
            kind=Kind.LIMIT,
            price_e4=8_000_000,
            trigger_e4=0,
            product=Product.INTRADAY,
            validity=Validity.DAY,
            confirmed=frozenset({"lookalike", "reverse", "caution"}),
        )
        return msgspec.structs.replace(base, **changes)

    async def place(self, **changes: object) -> OpView:
        """Place an order and wait for what is known of it."""
        view = await self.desk.place(self.draft(**changes))
        await self.idle()
        return view

    def place_soon(self, draft: OrderDraft) -> "asyncio.Future[OpView]":
        """Place an order as a window does: without waiting."""
        return self.soon(self.desk.place(draft))

    def soon(self, work: "Coroutine[object, object, OpView]") -> "asyncio.Future[OpView]":
        return asyncio.ensure_future(work)

    async def change(self, key: str, **changes: object) -> OpView:
        row = self.row(key)
        to = OrderChange(
            quantity=row.quantity,
            kind=row.kind,
            price_e4=row.price_e4,
            trigger_e4=row.trigger_e4,
        )
        to = msgspec.structs.replace(to, **changes)
        draft = ChangeDraft(account="a", key=key, to=to, revision=row.revision)
        view = await self.desk.change(draft)
        await self.idle()
        return view

    async def cancel(self, key: str) -> OpView:
        view = await self.desk.cancel(CancelDraft(account="a", key=key))
        await self.idle()
        return view

    def row(self, key: str) -> OrderRow:
        row = self.desk.row(key)
        assert row is not None
        return row

    def only_row(self) -> OrderRow:
        (row,) = self.desk.rows()
        return row

    def only_order(self) -> str:
        """Give the number of the one order the broker has."""
        (number,) = self.broker.book
        return number


@contextlib.asynccontextmanager
async def rig_in(folder: Path, *, reconciles: bool = False) -> AsyncIterator[Rig]:
    """Give a running desk; afterwards nothing of it is left and no task has failed."""
    timer = VirtualTimer()
    rig = Rig(folder, FakeBroker(timer), timer)
    await rig.start(reconciles=reconciles)
    try:
        yield rig
    finally:
        await rig.stop()
    assert not rig.tasks.failures
