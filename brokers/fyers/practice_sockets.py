"""The practice exchange's market-data connections, as FYERS' clients expect them.

Source: wire dossier §14 and §22.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from brokers.errors import DecodeError
from brokers.fyers.codec.feed_frames import (
    Ask,
    Auth,
    Channels,
    FeedRequest,
    Mode,
    Topics,
    Unread,
    decode_request,
)
from brokers.fyers.codec.feed_records import MAX_VALUE
from brokers.fyers.codec.topics import SEGMENT_NAMES, topics_of
from brokers.fyers.practice_feed import BROKER, FEED, FeedClient, Line, Prices
from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind
from brokers.model.market import Detail
from brokers.net.server import SocketClosed, WireSocket
from brokers.practice.faults import Fault, Faults

QUIRKS: Final = (
    *("symbol_limit", "unknown_topic", "mixed_records", "wrong_length"),
    *("no_value_snapshot", "precision_4"),
)
"""Faults of this socket beyond the host's; all are armed on `feed`."""

MOST_TOPICS: Final = 5000

_SUBSCRIBED_TAIL: Final = b"\xff\xff"
_OPTION_CHAIN: Final = 10
_PAIRS: Final = {name: pair for pair, name in SEGMENT_NAMES.items()}


class Listings(Protocol):
    """What the exchange lists."""

    def all(self) -> Sequence[Instrument]: ...
    def by_token(self, exchange: str, segment: str, token: str) -> Instrument | None: ...


class FeedSockets:
    """All market-data connections of the face.

    `account_of` gives the account a feed key opens, None for an unknown key.
    """

    def __init__(
        self,
        prices: Prices,
        listings: Listings,
        faults: Faults,
        account_of: Callable[[str], str | None],
        *,
        has_limits: bool = True,
    ) -> None:
        self._prices = prices
        self._listings = listings
        self._faults = faults
        self._account_of = account_of
        self._has_limits = has_limits
        self._connections: dict[FeedClient, None] = {}
        self._lines: dict[str, Line] = {}
        self._by_instrument: dict[InstrumentId, list[Line]] = {}
        self._poisoned: set[Line] = set()
        self._served = 0
        self._indices = {
            topics_of(each, Detail.QUOTE)[0]: each
            for each in listings.all()
            if each.kind is InstrumentKind.INDEX and _has_feed(each)
        }
        faults.listen(self._hear)

    async def converse(self, socket: WireSocket) -> None:
        """Serve one connection until it ends."""
        connection = FeedClient(socket, self._faults, self._served)
        self._served += 1
        self._connections[connection] = None
        try:
            while True:
                message = await socket.receive()
                try:
                    request = decode_request(message if isinstance(message, bytes) else b"")
                except DecodeError:
                    # What the service does with rubbish is not known; ours is patient.
                    continue
                if connection.account is None and not isinstance(request, Auth):
                    self._refuse(connection, request)
                else:
                    self._answer(connection, request)
                await socket.drain()
        except SocketClosed:
            return
        finally:
            del self._connections[connection]
            self._drop(connection, list(connection.topics))

    def followed(self) -> Collection[InstrumentId]:
        """Give the instruments somebody follows."""
        return self._by_instrument.keys()

    def market_moved(self, changed: Sequence[InstrumentId]) -> None:
        """Tell the followers what is new, one batch for each connection."""
        moved = [line for each in changed for line in self._by_instrument.get(each, ())]
        if self._poisoned:
            moved += [line for line in self._poisoned if line not in moved and line.followers]
            self._poisoned.clear()
        is_poisoned = bool(moved) and self._faults.take(BROKER, FEED, "poison") is not None
        for line in moved:
            new = line.now()
            if is_poisoned:
                new = _poison(new)
                self._poisoned.add(line)
            if new != line.values:
                line.tell(new)
        for connection in self._connections:
            connection.flush()

    # Requests.

    def _answer(self, connection: FeedClient, request: FeedRequest) -> None:
        match request:
            case Auth():
                self._log_in(connection, request)
            case Mode():
                connection.set_mode(request)
            case Topics(ask=Ask.UNSUBSCRIBE):
                self._unsubscribe(connection, request)
            case Topics():
                self._subscribe(connection, request)
            case Channels(ask=Ask.PAUSE):
                connection.pause(request.channels)
            case Channels():
                connection.resume(request.channels)
            case Unread(number=10):
                connection.reply(_OPTION_CHAIN, is_accepted=False)
            case _:
                # Pings and acknowledgements are not answered and never required.
                return

    def _refuse(self, connection: FeedClient, request: FeedRequest) -> None:
        """Answer one who has not logged in."""
        if isinstance(request, Topics | Channels):
            connection.reply(request.ask, is_accepted=False)
        elif isinstance(request, Mode):
            connection.reply(Ask.MODE, is_accepted=False)

    def _log_in(self, connection: FeedClient, request: Auth) -> None:
        account = self._account_of(request.key)
        if account is None:
            connection.reply(Ask.AUTH, is_accepted=False)
        else:
            connection.greet(account, wants_schema=request.wants_schema)

    def _subscribe(self, connection: FeedClient, request: Topics) -> None:
        lines = [line for name in request.topics if (line := self._line(name)) is not None]
        wanted = {*connection.topics, *lines}
        is_full = self._has_limits and len(wanted) > MOST_TOPICS
        if is_full or self._faults.take(BROKER, FEED, "symbol_limit") is not None:
            connection.refuse_symbols()
            self._forget_lonely(lines)
            return
        connection.reply(request.ask, is_accepted=True, tail=_SUBSCRIBED_TAIL)
        connection.add(list(dict.fromkeys(lines)), request.channel)
        if self._faults.take(BROKER, FEED, "new_topic_ids") is not None:
            connection.renumber()

    def _unsubscribe(self, connection: FeedClient, request: Topics) -> None:
        lines = [self._lines[name] for name in request.topics if name in self._lines]
        connection.reply(request.ask, is_accepted=True, tail=_SUBSCRIBED_TAIL)
        self._drop(connection, lines)

    def _line(self, name: str) -> Line | None:
        """Give a topic's line; None for what the exchange does not list."""
        line = self._lines.get(name)
        if line is not None:
            return line
        instrument = self._instrument(name)
        if instrument is None:
            return None
        precision = instrument.decimals
        if self._faults.take(BROKER, FEED, "precision_4") is not None:
            precision = 4
        try:
            line = Line(name, instrument, self._prices, precision)
        except KeyError:
            return None
        self._lines[name] = line
        self._by_instrument.setdefault(instrument.id, []).append(line)
        return line

    def _instrument(self, name: str) -> Instrument | None:
        feed, _, rest = name.partition("|")
        segment, _, token = rest.partition("|")
        if feed == "if":
            return self._indices.get(name)
        pair = _PAIRS.get(segment)
        if pair is None or feed not in ("sf", "dp"):
            return None
        found = self._listings.by_token(pair[0].value, pair[1].value, token)
        return None if found is None or found.kind is InstrumentKind.INDEX else found

    def _drop(self, connection: FeedClient, lines: Sequence[Line]) -> None:
        for line in lines:
            connection.drop(line)
        self._forget_lonely(lines)

    def _forget_lonely(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if line.followers or self._lines.get(line.name) is not line:
                continue
            del self._lines[line.name]
            others = self._by_instrument[line.instrument.id]
            others.remove(line)
            if not others:
                del self._by_instrument[line.instrument.id]

    def _hear(self, fault: Fault | None) -> None:
        """Hand new ids out the moment it is asked for, if somebody is there."""
        if fault is None or fault.what != "new_topic_ids" or not fault.strikes(BROKER, FEED):
            return
        numbered = [connection for connection in self._connections if connection.topics]
        for connection in numbered:
            connection.renumber()
        if numbered:
            self._faults.use(fault)


def _has_feed(instrument: Instrument) -> bool:
    return (instrument.exchange, instrument.segment) in SEGMENT_NAMES


def _poison(values: tuple[int, ...]) -> tuple[int, ...]:
    """Give what no market says: an absurd price, then negative prices, counts and times."""
    return (MAX_VALUE, -5, -5, -5, *values[4:])
