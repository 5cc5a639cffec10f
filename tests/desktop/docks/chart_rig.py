"""A chart dock on a desk with real parts: a fake broker below, a window around."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path

import msgspec
import numpy as np
from PySide6.QtWidgets import QApplication, QWidget

from brokers.errors import NotSent
from brokers.model.instrument import InstrumentId
from brokers.model.market import Candle, Interval, Quote, Span
from brokers.port import Capabilities
from desktop.commands import Commands
from desktop.docks.base import DockContext, LinkGroups, Requests, TicketRequest
from desktop.docks.chart.dock import ChartDock
from desktop.settings import Settings
from desktop.trading.candles import CandleBook
from desktop.trading.clock import FrozenClock, day_start_ns, ist_day
from desktop.trading.desk import Desk
from desktop.trading.hub import Frame
from desktop.ui.theme import Theme
from desktop.ui.toast import Toasts
from tests.rig.fake_broker import CAPABILITIES
from tests.rig.order_rig import INSTRUMENTS, SBIN, Rig, Shelf, rig_in
from tests.rig.virtual_time import MORNING_NS

OPEN_S = (9 * 60 + 15) * 60
SESSION_S = 375 * 60


class History:
    """A broker's candles: a walk that is the same whichever part of it is asked for."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.fails = False
        self.days = 90
        self.gate: asyncio.Event | None = None

    async def fetch(self, what: InstrumentId, every: Interval, span: Span) -> Sequence[Candle]:
        del what
        self.spans.append(span)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise NotSent("the network is down")
        oldest = ist_day(MORNING_NS) - self.days
        bars = [
            bar
            for day in range(max(oldest, ist_day(span.from_ns)), ist_day(span.to_ns - 1) + 1)
            for bar in self._day(day, every)
        ]
        to_ns = min(span.to_ns, MORNING_NS + 1)
        return [bar for bar in bars if span.from_ns <= bar.opened_ns < to_ns]

    def _day(self, day: int, every: Interval) -> list[Candle]:
        if (day + 3) % 7 >= 5:
            return []
        step_s = every.seconds
        starts = [0] if not every.is_intraday else range(OPEN_S, OPEN_S + SESSION_S, step_s)
        rng = np.random.default_rng(day)
        close = 8_000_000 + np.cumsum(rng.integers(-6, 7, len(starts))) * 500
        bars = []
        for at, start_s in enumerate(starts):
            o = int(close[at - 1]) if at else 8_000_000
            c = int(close[at])
            opened_ns = day_start_ns(day) + start_s * 1_000_000_000
            bars.append(Candle(opened_ns, o, max(o, c) + 1_000, min(o, c) - 1_000, c, 1_000 + at))
        return bars


class Bench:
    """Everything a test of the chart dock touches."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.history = History()
        self.clock = FrozenClock(MORNING_NS)
        self.host = QWidget()
        self.host.resize(1000, 600)
        self.is_framed = False
        self.links = LinkGroups(self.host)
        self.requests = Requests(self.host)
        self.tickets: list[TicketRequest] = []
        self.requests.ticket.connect(self.tickets.append)
        self.toasts = Toasts(self.host)
        self.said: list[str] = []
        self.toasts.shown.connect(lambda *words: self.said.append(" ".join(words)))
        self.tasks: set[asyncio.Task[None]] = set()
        self.settings = Settings()
        self.context = DockContext(
            settings=self.settings,
            commands=Commands(),
            links=self.links,
            requests=self.requests,
            toasts=self.toasts,
            start=self.start,
            cancel=lambda _owner: None,
            request_frame=self.request_frame,
        )
        self.book = CandleBook(
            hub=rig.hub, fetch=self.history.fetch, clock=self.clock, start=self.start
        )
        self.desk = Desk(
            account=rig.account,
            capabilities=_with_intervals(CAPABILITIES),
            clock=self.clock,
            instruments=Shelf(INSTRUMENTS),  # type: ignore[arg-type]  # a Directory is enough
            hub=rig.hub,
            candles=self.book,
            orders=rig.desk,
            portfolio=rig.portfolio,
            phase=lambda: rig.phase,
        )
        self.docks: list[ChartDock] = []

    def start(self, work: Coroutine[object, object, None], *, owner: str) -> object:
        task = asyncio.get_running_loop().create_task(work, name=owner)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def request_frame(self) -> None:
        self.is_framed = True

    def dock(self, name: str = "chart#1", *, size: tuple[int, int] = (1000, 600)) -> ChartDock:
        """Open a dock as the shell does."""
        dock = ChartDock(self.context, name, self.host)
        dock.resize(*size)
        self.docks.append(dock)
        dock.bind(self.desk)
        dock.link = "blue"
        self.host.show()
        dock.show()
        return dock

    async def settle(self) -> None:
        """Wait until nothing is loading and everything is shown."""
        for _ in range(20):
            await self.rig.idle()
            self.frame()
            if not self.tasks:
                break
            await asyncio.sleep(0)

    def frame(self) -> None:
        """Give the docks a frame, and let them paint."""
        self.is_framed = False
        changed = self.rig.hub.frame()
        for dock in self.docks:
            dock.apply(Frame(changed.quotes, changed.depths))
            dock.chart.grab()

    def trade(self, ltp_e4: int, *, seconds: int = 0, volume: int = 50_000) -> None:
        """Let SBIN trade."""
        at_ns = self.clock.now_ns() + seconds * 1_000_000_000
        quote = Quote(
            SBIN, ltp_e4=ltp_e4, volume=volume, traded_ns=at_ns, exchange_ns=at_ns, last_qty=10
        )
        self.rig.hub.receive([quote], at_ns)

    def close(self) -> None:
        for dock in self.docks:
            dock.release()
        self.book.close()
        self.host.close()
        self.host.deleteLater()


def _with_intervals(capabilities: Capabilities) -> Capabilities:
    return msgspec.structs.replace(
        capabilities,
        intervals=(Interval.M1, Interval.M3, Interval.M5, Interval.M15, Interval.H1, Interval.D1),
    )


@contextlib.asynccontextmanager
async def bench_in(folder: Path) -> AsyncIterator[Bench]:
    """Give a desk with a window; afterwards nothing of it is left."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    Theme.current().dress(app)
    async with rig_in(folder) as rig:
        bench = Bench(rig)
        try:
            yield bench
        finally:
            bench.close()
            for task in tuple(bench.tasks):
                task.cancel()
