"""A market of the listed few whose prices a test sets, and a socket without a network."""

import asyncio
from collections.abc import Sequence

import msgspec

from brokers.fyers.codec.feed import Feed, Item
from brokers.fyers.codec.feed_frames import DATA
from brokers.model.instrument import Instrument, InstrumentId, split_id
from brokers.model.market import Depth, Level, Quote
from brokers.net.server import ServerRequest, SocketClosed
from tests.brokers.fyers.listing import LISTED

SECOND_NS = 1_000_000_000
MORNING_NS = 1_790_656_200 * SECOND_NS


class SmallMarket:
    """Prices as set; every instrument begins with a whole quote and five levels a side."""

    def __init__(self, instruments: Sequence[Instrument] = LISTED) -> None:
        self.instruments = {each.id: each for each in instruments}
        self.quotes = {each.id: self._first(each) for each in instruments}
        self.books = {each.id: self._book(each) for each in instruments}

    @staticmethod
    def _first(each: Instrument) -> Quote:
        price = 800_0000 + each.tick_e4
        # What an index has not, its topic cannot carry.
        whole = Quote(
            each.id,
            ltp_e4=price,
            exchange_ns=MORNING_NS,
            low_e4=price - 10 * each.tick_e4,
            high_e4=price + 10 * each.tick_e4,
            year_high_e4=price + 500 * each.tick_e4,
            year_low_e4=price - 500 * each.tick_e4,
            open_e4=price - each.tick_e4,
            previous_close_e4=price - 2 * each.tick_e4,
        )
        if not each.is_tradable:
            return whole
        return msgspec.structs.replace(
            whole,
            volume=1000,
            traded_ns=MORNING_NS,
            bid_qty=10,
            ask_qty=20,
            bid_e4=price - each.tick_e4,
            ask_e4=price + each.tick_e4,
            last_qty=5,
            total_buy_qty=5000,
            total_sell_qty=6000,
            average_e4=price,
            open_interest=0,
            lower_circuit_e4=price - 200 * each.tick_e4,
            upper_circuit_e4=price + 200 * each.tick_e4,
        )

    @staticmethod
    def _book(each: Instrument) -> Depth:
        price, tick = 800_0000 + each.tick_e4, each.tick_e4
        return Depth(
            each.id,
            tuple(Level(price - n * tick, 10 * n, n) for n in range(1, 6)),
            tuple(Level(price + n * tick, 20 * n, n) for n in range(1, 6)),
        )

    def all(self) -> Sequence[Instrument]:
        return list(self.instruments.values())

    def by_token(self, exchange: str, segment: str, token: str) -> Instrument | None:
        return self.instruments.get(InstrumentId(f"{exchange}:{segment}:{token}"))

    def instrument(self, instrument: InstrumentId, /) -> Instrument | None:
        return self.instruments.get(instrument)

    def by_symbol(self, symbol: str, /) -> Instrument | None:
        return next((each for each in self.all() if each.symbol == symbol), None)

    def quote(self, instrument: InstrumentId, /) -> Quote:
        return self.quotes[instrument]

    def depth(self, instrument: InstrumentId, /, levels: int = 5) -> Depth:
        del levels
        return self.books[instrument]

    def trade(self, instrument: InstrumentId, ticks: int = 1, quantity: int = 5) -> None:
        """Let the price move by ticks in one trade."""
        assert split_id(instrument)
        old = self.quotes[instrument]
        assert old.ltp_e4 is not None
        price = old.ltp_e4 + ticks * self.instruments[instrument].tick_e4
        changed: dict[str, int] = {"ltp_e4": price}
        if old.volume is not None:
            changed |= {"volume": old.volume + quantity, "last_qty": quantity}
        self.quotes[instrument] = msgspec.structs.replace(old, **changed)


class Pipe:
    """A socket whose two ends are in one test."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.request = ServerRequest(method="GET", path="/", headers=headers or {})
        self.sent: list[str | bytes] = []
        self._said: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.heard = asyncio.Event()
        self.was_sent = asyncio.Event()

    def send(self, data: str | bytes) -> None:
        self.sent.append(data)
        self.was_sent.set()

    async def drain(self) -> None:
        """There is always room."""

    async def receive(self) -> str | bytes:
        if self._said.empty():
            self.heard.set()
        said = await self._said.get()
        if said is None:
            raise SocketClosed(1000)
        return said

    async def close(self, code: int = 1000, reason: str = "") -> None:
        del code, reason

    async def say(self, *messages: str | bytes) -> list[str | bytes]:
        """Send messages to the server; gives what it sent meanwhile, answers included."""
        self.heard.clear()
        for message in messages:
            self._said.put_nowait(message)
        async with asyncio.timeout(5):
            await self.heard.wait()
        return self.take()

    def hang_up(self) -> None:
        self._said.put_nowait(None)

    def take(self) -> list[str | bytes]:
        """Give what was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent


def read(feed: Feed, frames: Sequence[str | bytes]) -> list[Item]:
    """Decode frames as the client would."""
    items: list[Item] = []
    for frame in frames:
        assert isinstance(frame, bytes)
        items += feed.receive(frame)
    return items


def data_frames(frames: Sequence[str | bytes]) -> list[bytes]:
    return [frame for frame in frames if isinstance(frame, bytes) and frame[2] == DATA]
