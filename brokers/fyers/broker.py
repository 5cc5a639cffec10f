"""An open FYERS account: the codecs, two HTTP clients and two streams behind the port."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Final

from typing_extensions import override

from brokers.errors import BrokerError, LoginExpired, NotSent, Refused
from brokers.fyers import PLUGIN, master_files
from brokers.fyers.codec import replies, requests
from brokers.fyers.codec.feed import Feed
from brokers.fyers.codec.index_names import INDEX_NAMES
from brokers.fyers.codec.rest import (
    read_cancel_reply,
    read_convert_reply,
    read_modify_reply,
    read_place_reply,
)
from brokers.fyers.codec.topics import INDEX_NAMES_FILE, read_index_names, topics_of
from brokers.fyers.login import hsm_key
from brokers.fyers.streams import BEAT_S, FeedSession, OrderSession
from brokers.model.account import Funds, Holding, Position, Profile
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Reply, Request, Session
from brokers.model.market import Candle, Depth, Detail, Interval, MarketStatus, Quote, Span
from brokers.model.order import (
    Fill,
    OrderAck,
    OrderChange,
    OrderIntent,
    OrderRef,
    OrderUpdate,
    Product,
    Side,
)
from brokers.net.rest import Rest, ServerClock
from brokers.net.stream import Stream, StreamTarget
from brokers.port import (
    Account,
    Broker,
    Capabilities,
    Link,
    LinkEvent,
    LinkState,
    MasterFile,
)
from brokers.wire.budget import Budget, Lane

_NAMES_S: Final = 3.0
_MASTER_S: Final = 120.0
_FILES_WINDOWS: Final = ((40, 1.0),)
_OK: Final = 200


class FyersBroker(Broker):
    """One account. Orders have an HTTP client of their own; both share one budget."""

    def __init__(self, account: Account) -> None:
        key = hsm_key(account.session.token)
        self._session = account.session
        self._endpoints = account.endpoints
        self._directory = account.directory
        self._sinks = account.sinks
        self._account = account.session.account
        budget, clock = Budget(), ServerClock()
        self._rest = Rest(budget, clock=clock)
        self._orders_rest = Rest(budget, clock=clock)
        # The files lie on a host of their own, which the API's limits do not count.
        self._files_rest = Rest(Budget(_FILES_WINDOWS))
        self._index_names = INDEX_NAMES
        self._wanted: dict[InstrumentId, Detail] = {}
        self._strangers: frozenset[InstrumentId] = frozenset()
        self._check: asyncio.Task[None] | None = None
        self._feed_session = FeedSession(Feed(key), account.sinks, self._doubt_silence)
        self._feed = Stream(
            self._feed_target, self._feed_session, Link.FEED, self._report, beat_s=BEAT_S
        )
        self._feed_session.post = self._feed.send
        self._orders = Stream(
            self._orders_target,
            OrderSession(account.sinks, self._account),
            Link.ORDERS,
            self._report,
            beat_s=BEAT_S,
        )

    @property
    @override
    def capabilities(self) -> Capabilities:
        return PLUGIN.capabilities

    @override
    async def start(self) -> None:
        self._orders.start()
        self._feed.start()
        with contextlib.suppress(BrokerError):
            # Newer than the bundled names, and nothing that the feed has to wait for.
            request = requests.master(self._endpoints, INDEX_NAMES_FILE)
            reply = await self._files_rest.send(request, lane=Lane.READ, deadline_s=_NAMES_S)
            if reply.status == _OK:
                self._index_names = read_index_names(reply.body)
                self._follow_topics()

    @override
    async def close(self) -> None:
        if self._check is not None:
            self._check.cancel()
            await asyncio.wait({self._check})
        self._feed_session.stop()
        await self._feed.close()
        await self._orders.close()
        await self._rest.close()
        await self._orders_rest.close()
        await self._files_rest.close()

    @override
    def server_offset_ns(self) -> int | None:
        return self._rest.server_offset_ns

    # Market data.

    @override
    async def follow(self, wanted: Mapping[InstrumentId, Detail], /) -> None:
        before = self._wanted
        self._wanted = dict(wanted)
        try:
            self._follow_topics()
        except ValueError as error:
            self._wanted = before
            raise NotSent(str(error)) from None

    def _follow_topics(self) -> None:
        topics: dict[InstrumentId, tuple[str, ...]] = {}
        strangers: dict[InstrumentId, str] = {}
        for instrument_id, detail in self._wanted.items():
            instrument = self._directory.instrument(instrument_id)
            if instrument is None:
                strangers[instrument_id] = f"{instrument_id} is in no contract master"
                continue
            try:
                topics[instrument_id] = topics_of(instrument, detail, self._index_names)
            except ValueError as error:
                strangers[instrument_id] = f"{instrument.symbol}: {error}"
        self._feed_session.follow(topics)
        for instrument_id, why in strangers.items():
            if instrument_id not in self._strangers:
                self._sinks.notices(why)
        self._strangers = frozenset(strangers)

    def _doubt_silence(self) -> None:
        """Ask over REST whether the market stands still or only the feed."""
        if self._wanted and (self._check is None or self._check.done()):
            self._check = asyncio.get_running_loop().create_task(self._compare_quotes())

    async def _compare_quotes(self) -> None:
        asked_s = self._feed_session.heard_s()
        followed = [i for i in self._wanted if i not in self._strangers][: requests.MOST_QUOTES]
        try:
            fresh = await self._quotes(followed, Lane.BACKGROUND)
        except BrokerError:
            return
        known = self._feed_session.known()
        # Nothing at all is a stall; one topic without a quote may be a name the feed lacks.
        is_behind = bool(fresh) and not known
        is_behind = is_behind or any(_has_moved(known.get(each.instrument), each) for each in fresh)
        if is_behind and self._feed_session.heard_s() == asked_s:
            self._feed.reconnect("the market moved and the feed did not say so")

    async def _feed_target(self) -> StreamTarget:
        self._check_expiry()
        # No Authorization header: with one the gateway was seen to ignore every frame.
        return StreamTarget(url=self._endpoints["feed"])

    async def _orders_target(self) -> StreamTarget:
        self._check_expiry()
        headers = {"authorization": requests.authorization(self._session)}
        return StreamTarget(url=self._endpoints["orders"], headers=headers)

    def _check_expiry(self) -> None:
        expires_ns = self._session.expires_ns
        if expires_ns is not None and time.time_ns() >= expires_ns:
            raise LoginExpired("the login has run out; log in again")

    def _report(self, event: LinkEvent) -> None:
        # A connection that stands says nothing yet; its session tells when it is LIVE.
        if event.state is not LinkState.LIVE:
            self._sinks.links(event)

    # Orders. Each request leaves at most once; what its answer proves is the codec's business.

    @override
    async def place(self, intent: OrderIntent, /) -> OrderAck:
        symbol = self._listed(intent.instrument).symbol
        request = requests.place(*self._login(), intent, symbol)
        return read_place_reply(await self._write(request, Lane.PLACE), account=self._account)

    @override
    async def change(self, order: OrderRef, to: OrderChange, /) -> OrderAck:
        request = requests.modify(*self._login(), order.broker_id, to)
        reply = await self._write(request, Lane.PLACE)
        return read_modify_reply(reply, order.broker_id, account=self._account)

    @override
    async def cancel(self, order: OrderRef, /) -> OrderAck:
        request = requests.cancel(*self._login(), order.broker_id)
        reply = await self._write(request, Lane.CANCEL)
        return read_cancel_reply(reply, order.broker_id, account=self._account)

    @override
    async def convert(
        self,
        instrument: InstrumentId,
        side: Side,
        quantity: int,
        *,
        from_product: Product,
        to_product: Product,
    ) -> str:
        what = requests.Conversion(
            symbol=self._listed(instrument).symbol,
            side=side,
            quantity=quantity,
            from_product=from_product,
            to_product=to_product,
        )
        request = requests.convert(*self._login(), what)
        return read_convert_reply(await self._write(request, Lane.PLACE), account=self._account)

    @override
    async def orders(self) -> Sequence[OrderUpdate]:
        return await self._order_book(requests.order_book(*self._login()))

    @override
    async def orders_tagged(self, tag: str, /) -> Sequence[OrderUpdate]:
        request = requests.orders_by_tag(*self._login(), tag)
        # A server that overlooks the query would answer with every order there is.
        return [order for order in await self._order_book(request) if order.tag == tag]

    async def _order_book(self, request: Request) -> list[OrderUpdate]:
        # Over the orders' own client, which keeps its connection warm for the next order.
        reply = await self._orders_rest.send(request, lane=Lane.RECONCILE)
        return replies.read_orders(reply, self._directory.by_symbol, account=self._account)

    @override
    async def fills(self) -> Sequence[Fill]:
        request = requests.trade_book(*self._login())
        reply = await self._rest.send(request, lane=Lane.RECONCILE)
        return replies.read_trades(reply, self._directory.by_symbol, account=self._account)

    # The account.

    @override
    async def profile(self) -> Profile:
        return replies.read_profile(await self._read(requests.profile(*self._login())))

    @override
    async def positions(self) -> Sequence[Position]:
        request = requests.positions(*self._login())
        reply = await self._rest.send(request, lane=Lane.RECONCILE)
        return replies.read_positions(reply, self._directory.by_symbol)

    @override
    async def holdings(self) -> Sequence[Holding]:
        reply = await self._read(requests.holdings(*self._login()))
        return replies.read_holdings(reply, self._directory.by_symbol)

    @override
    async def funds(self) -> Funds:
        return replies.read_funds(await self._read(requests.funds(*self._login())))

    # Prices over REST.

    @override
    async def candles(
        self, instrument: InstrumentId, every: Interval, span: Span, /
    ) -> Sequence[Candle]:
        symbol = self._listed(instrument).symbol
        bars: dict[int, Candle] = {}
        for page in requests.history_pages(every, span):
            request = requests.history(*self._login(), symbol, every, page)
            for bar in replies.read_candles(await self._read(request), every):
                bars[bar.opened_ns] = bar
        return [bars[opened_ns] for opened_ns in sorted(bars)]

    @override
    async def quotes(self, instruments: Sequence[InstrumentId], /) -> Sequence[Quote]:
        return await self._quotes(instruments, Lane.READ)

    async def _quotes(self, instruments: Sequence[InstrumentId], lane: Lane) -> list[Quote]:
        symbols = [self._listed(instrument).symbol for instrument in instruments]
        found: list[Quote] = []
        for page in requests.quote_pages(symbols):
            request = requests.quotes(*self._login(), page)
            reply = await self._rest.send(request, lane=lane)
            found += replies.read_quotes(reply, self._directory.by_symbol)
        return found

    @override
    async def snapshot(self, instrument: InstrumentId, /) -> tuple[Quote, Depth]:
        symbol = self._listed(instrument).symbol
        reply = await self._read(requests.depth(*self._login(), symbol))
        return replies.read_depth(reply, symbol, instrument)

    @override
    async def market_status(self) -> Sequence[MarketStatus]:
        return replies.read_market_status(await self._read(requests.market_status(*self._login())))

    # Contract masters.

    @override
    async def masters(self) -> Sequence[MasterFile]:
        names = master_files.names()
        fetched = await asyncio.gather(*map(self._master, names), return_exceptions=True)
        found: list[MasterFile] = []
        for name, each in zip(names, fetched, strict=True):
            if isinstance(each, MasterFile):
                found.append(each)
            elif isinstance(each, BrokerError):
                self._sinks.notices(f"contract master {name}: {each}")
            else:
                raise each
        if not found:
            raise Refused("no contract master could be fetched")
        return found

    async def _master(self, name: str) -> MasterFile:
        rows = await self._fetch(master_files.rows_request(self._endpoints, name))
        details = b""
        request = master_files.details_request(self._endpoints, name)
        if request is not None:
            try:
                details = await self._fetch(request)
            except BrokerError as error:
                # Without it orders in these contracts are refused, but prices are there.
                self._sinks.notices(f"contract sizes of {name}: {error}")
        return master_files.join(name, rows, details)

    async def _fetch(self, request: Request) -> bytes:
        reply = await self._files_rest.send(request, lane=Lane.READ, deadline_s=_MASTER_S)
        if reply.status != _OK:
            raise Refused(f"the server answered {reply.status}", code=str(reply.status))
        return reply.body

    # Small parts.

    def _login(self) -> tuple[Mapping[str, str], Session]:
        return self._endpoints, self._session

    def _listed(self, instrument: InstrumentId) -> Instrument:
        found = self._directory.instrument(instrument)
        if found is None:
            raise NotSent(f"{instrument} is in no contract master")
        return found

    async def _read(self, request: Request) -> Reply:
        return await self._rest.send(request, lane=Lane.READ)

    async def _write(self, request: Request, lane: Lane) -> Reply:
        return await self._orders_rest.send(request, lane=lane, is_write=True)


def _has_moved(known: Quote | None, fresh: Quote) -> bool:
    """Tell whether the market is ahead of what the feed last said."""
    if known is None:
        return False
    if fresh.volume is not None and known.volume is not None and fresh.volume != known.volume:
        return fresh.volume > known.volume
    return fresh.ltp_e4 is not None and fresh.ltp_e4 != known.ltp_e4
