"""A login becomes a desk: connects a broker to the hub, the candles, the orders, the portfolio.

Everything of one account is made here and taken down here, so that a second account, a new
session and a restarted exchange go the same way as the first.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from brokers.errors import BrokerError, NotSent
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Session
from brokers.model.market import Candle, Depth, Interval, MarketPhase, Quote, Span
from brokers.model.order import Fill, OrderUpdate
from brokers.port import Broker, Link, LinkEvent, LinkState, MasterFile, MasterPart, Plugin, Sinks
from brokers.session import open_account
from desktop.settings import Settings
from desktop.trading.accounts import AccountState
from desktop.trading.candles import CandleBook
from desktop.trading.clock import SECOND_NS, Clock
from desktop.trading.desk import Desk
from desktop.trading.guard import Limits
from desktop.trading.hours import Hours
from desktop.trading.hub import Hub
from desktop.trading.instruments import Instruments
from desktop.trading.journal import Journal
from desktop.trading.journal_file import Stamp
from desktop.trading.orders import OrderDesk, Sources
from desktop.trading.portfolio import Portfolio
from desktop.trading.reconcile import Reconciler
from desktop.trading.seams import Bell, LoopTimer, Seams, Spawn
from desktop.trading.store import Store

_log = logging.getLogger(__name__)
_STATUS_S: Final = 60.0
_FIVE_MINUTES_NS: Final = 300 * SECOND_NS
_AFTER_S: Final = 0.5
_JUMP_NS: Final = 2 * SECOND_NS
_SHOWN_BAD_ROWS: Final = 5


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where an account keeps things; None: it keeps nothing of that kind."""

    journal: Path
    instruments: Path | None
    candles: Path | None


class OpenAccount:
    """One account from login to close. `desk` is what the window shows."""

    def __init__(
        self,
        plugin: Plugin,
        account: AccountState,
        *,
        places: Places,
        settings: Settings,
        spawn: Spawn,
        app_version: str,
    ) -> None:
        self.plugin = plugin
        self.account = account
        self.bad_rows = 0
        self.on_notice: Callable[[str], None] = lambda _text: None
        self.on_links: Callable[[LinkEvent], None] = lambda _event: None
        self._places = places
        self._spawn = spawn
        self._broker: Broker | None = None
        self._phases: dict[tuple[str, str], MarketPhase] = {}
        self._is_following = False
        self._must_follow = False
        self.clock = Clock()
        self.hours = Hours.shipped()
        self.hub = Hub()
        self.instruments = Instruments(self.clock, places.instruments)
        seams = Seams(timer=LoopTimer(self.clock), spawn=self._start)
        self._phase_bell = Bell(seams.timer)
        self._asked_at_ns = 0
        self.portfolio = Portfolio(
            quote=self.hub.quote, directory=self.instruments, timer=seams.timer
        )
        stamp = Stamp(session_id=secrets.token_hex(8), app_version=app_version)
        places.journal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.journal = Journal(places.journal, stamp)
        sources = Sources(
            hub=self.hub,
            directory=self.instruments,
            phase=self.phase,
            limits=lambda: Limits.of(settings),
        )
        self.orders = OrderDesk(account, self.portfolio, self.journal, sources, seams)
        self.reconciler = Reconciler(self.orders, seams)
        self.candles = CandleBook(
            hub=self.hub,
            fetch=self._fetch,
            clock=self.clock,
            start=self._start,
            hours=self.hours,
        )
        self.hub.is_index = self.instruments.is_index
        self.hub.is_open = self._is_open
        self.instruments.spot = self._spot
        self.hub.on_wanted_changed = self._follow_soon
        self.desk = Desk(
            account=account,
            capabilities=plugin.capabilities,
            clock=self.clock,
            instruments=self.instruments,
            hub=self.hub,
            candles=self.candles,
            orders=self.orders,
            portfolio=self.portfolio,
            phase=self.equity_phase,
        )

    async def open(
        self,
        session: Session,
        on_step: Callable[[str], None],
        *,
        endpoints: Mapping[str, str] | None = None,
    ) -> None:
        """Connect: masters, order books, streams; trading opens after the first comparison.

        Raises:
            BrokerError: the broker could not be opened or its masters not be read.
        """
        self._broker = await open_account(
            self.plugin,
            session,
            directory=self.instruments,
            sinks=self._sinks(),
            endpoints=endpoints,
        )
        if self._places.candles is not None:
            self.candles.store = await asyncio.to_thread(Store, self._places.candles)
        on_step("Reading the instruments")
        if self._places.instruments is not None:
            await asyncio.to_thread(self.instruments.load_cache)
        await self._read_phases(self._broker)
        self._take_clock(self._broker.server_offset_ns() or 0)
        files = await self._broker.masters()
        await self._load_instruments(files)
        await asyncio.to_thread(self.orders.restore)
        self.orders.attach(self._broker)
        await self._broker.start()
        self.reconciler.start()
        self._follow_soon()
        self._start(self._watch_phases(), owner="phases")

    async def close(self) -> None:
        """Stop feeds, wait for orders on their way, and close what was opened."""
        self.reconciler.stop()
        self.candles.close()
        await self.orders.settle()
        if self._broker is not None:
            await self._broker.close()
        self.orders.close()
        self.journal.close()
        if self.candles.store is not None:
            self.candles.store.close()

    def phase(self, instrument: Instrument) -> MarketPhase:
        """Give the market's phase: the broker's word first, then the calendar's."""
        said = self._phases.get((instrument.exchange.value, instrument.segment.value))
        if said is not None and said is not MarketPhase.UNKNOWN:
            return said
        is_open = self.hours.is_open(instrument, self.clock.now_ns())
        return MarketPhase.OPEN if is_open else MarketPhase.CLOSED

    def equity_phase(self) -> MarketPhase:
        """Give the phase of the exchange's cash market; UNKNOWN before the broker said."""
        return self._phases.get(("NSE", "CM"), MarketPhase.UNKNOWN)

    # What comes in.

    def _sinks(self) -> Sinks:
        return Sinks(
            market=self._on_market,
            orders=self._on_order,
            fills=self._on_fill,
            links=self._on_link,
            notices=self._on_notice,
        )

    def _on_market(self, items: Sequence[Quote | Depth]) -> None:
        now_ns = self.clock.now_ns()
        self.hub.receive(items, now_ns)
        self.account.heard_market(now_ns)
        newest = items[-1] if items else None
        if type(newest) is Quote:
            self._hear_time(newest.exchange_ns)

    def _on_order(self, update: OrderUpdate) -> None:
        self.orders.receive_update(update)
        self._hear_time(update.updated_ns)

    def _on_fill(self, fill: Fill) -> None:
        self.orders.receive_fill(fill)

    def _on_link(self, event: LinkEvent) -> None:
        self.reconciler.link_changed(event)
        if event.link is Link.FEED:
            is_live = event.state is LinkState.LIVE
            self.hub.link_changed(is_live=is_live)
            self.candles.link_changed(is_live=is_live)
        self.on_links(event)

    def _on_notice(self, text: str) -> None:
        self.on_notice(text)

    # Inside.

    def _start(self, work: Coroutine[object, object, None], *, owner: str) -> object:
        return self._spawn(work, owner=f"{self.account.name}.{owner}")

    def _take_clock(self, offset_ns: int) -> None:
        # A practice exchange lives in its own time; a live broker's difference is a warning.
        if self.account.is_live:
            self.account.set_clock_offset(offset_ns)
            self.hub.skew_ns = offset_ns
            return
        self.clock.offset_ns = offset_ns

    def _hear_time(self, at_ns: int | None) -> None:
        """Notice that a practice exchange's clock was set ahead: ask anew what is open."""
        if at_ns is None or self.account.is_live:
            return
        if at_ns > max(self.clock.now_ns(), self._asked_at_ns) + _JUMP_NS:
            self._asked_at_ns = at_ns
            self._phase_bell.ring()

    async def _load_instruments(self, files: Sequence[MasterFile]) -> None:
        def read() -> list[MasterPart]:
            return [self.plugin.read_master(file) for file in files]

        report = await self.instruments.update(read)
        self.bad_rows = len(report.bad_rows)
        for row in report.bad_rows[:_SHOWN_BAD_ROWS]:
            _log.warning("%s line %d was passed over: %s", row.file, row.line, row.reason)
        if report.bad_rows:
            self.on_notice(f"{self.bad_rows} rows of the instrument masters were passed over")
        for warning in report.warnings:
            self.on_notice(warning)

    async def _fetch(
        self, instrument: InstrumentId, every: Interval, span: Span
    ) -> Sequence[Candle]:
        if self._broker is None:
            raise NotSent("the account is not connected")
        return await self._broker.candles(instrument, every, span)

    def _spot(self, instrument: InstrumentId) -> int | None:
        quote = self.hub.quote(instrument)
        return None if quote is None else quote.ltp_e4

    def _is_open(self, instrument: InstrumentId, at_ns: int) -> bool:
        found = self.instruments.instrument(instrument)
        return found is None or self.hours.is_open(found, at_ns)

    def _follow_soon(self) -> None:
        """Tell the broker the whole wanted set; changes meanwhile are told in one more call."""
        self._must_follow = True
        if not self._is_following and self._broker is not None:
            self._is_following = True
            self._start(self._follow(), owner="follow")

    async def _follow(self) -> None:
        try:
            while self._must_follow and self._broker is not None:
                self._must_follow = False
                try:
                    await self._broker.follow(dict(self.hub.wanted()))
                except BrokerError as error:
                    self.on_notice(f"Not everything could be followed: {error}")
        finally:
            self._is_following = False

    async def _watch_phases(self) -> None:
        while self._broker is not None:
            await self._phase_bell.wait(self._status_wait_s())
            try:
                await self._read_phases(self._broker)
            except BrokerError as error:
                self._phases.clear()
                _log.info("market status: %s", error)

    def _status_wait_s(self) -> float:
        """Wait a minute, or until just after sessions may have changed: on the five minutes."""
        left_ns = _FIVE_MINUTES_NS - self.clock.now_ns() % _FIVE_MINUTES_NS
        return min(_STATUS_S, left_ns / SECOND_NS + _AFTER_S)

    async def _read_phases(self, broker: Broker) -> None:
        for status in await broker.market_status():
            self._phases[status.exchange, status.segment] = status.phase
        offset_ns = broker.server_offset_ns()
        if offset_ns is not None and abs(offset_ns - self.clock.offset_ns) > _JUMP_NS:
            self._take_clock(offset_ns)
