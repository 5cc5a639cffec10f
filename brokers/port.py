"""The port: all a broker owes the desk, and all the desk may ask of one."""

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from brokers.model.account import Funds, Holding, Position, Profile
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Credentials, LoginFlow, Session
from brokers.model.market import (
    Candle,
    Depth,
    Detail,
    Interval,
    MarketStatus,
    Quote,
    Span,
)
from brokers.model.order import (
    Fill,
    Kind,
    OrderAck,
    OrderChange,
    OrderIntent,
    OrderRef,
    OrderUpdate,
    Product,
    Side,
    Validity,
)


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker can do, as data: the only thing the window may ask about it."""

    depth_levels: int
    kinds: frozenset[Kind]
    products: Mapping[str, tuple[Product, ...]]
    """Segment → products offered there, the usual one first."""
    validities: frozenset[Validity]
    intervals: tuple[Interval, ...]
    max_followed: int
    streams_orders: bool
    carries_tag: bool
    orders_per_second: int
    has_after_market: bool = False
    has_disclosed_qty: bool = False


class Link(enum.StrEnum):
    """The two long-lived connections of an account."""

    FEED = "feed"
    ORDERS = "orders"


class LinkState(enum.StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"
    DOWN = "down"
    STOPPED = "stopped"


class LinkEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A connection changed; `reason` is for the trader, `retry_in_s` None when nothing is tried."""

    link: Link
    state: LinkState
    reason: str = ""
    retry_in_s: float | None = None


class Sinks(msgspec.Struct, frozen=True, kw_only=True):
    """Where a broker puts what comes in: plain calls on the loop's thread, no queue, no task.

    `market` may be conflated by the receiver; `orders` and `fills` never are. `notices` are the
    broker's own words about the account ("symbol limit exceeded").
    """

    market: Callable[[Sequence[Quote | Depth]], None]
    orders: Callable[[OrderUpdate], None]
    fills: Callable[[Fill], None]
    links: Callable[[LinkEvent], None]
    notices: Callable[[str], None]


class Directory(Protocol):
    """Instruments by their one name and by the symbol traders know; filled from the masters."""

    def instrument(self, instrument: InstrumentId, /) -> Instrument | None: ...
    def by_symbol(self, symbol: str, /) -> Instrument | None: ...


class MasterFile(msgspec.Struct, frozen=True, kw_only=True):
    """One contract master as fetched; `body` may be large."""

    name: str
    body: bytes


class BadRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A master row that was skipped, and why."""

    file: str
    line: int
    reason: str


class MasterPart(msgspec.Struct, frozen=True, kw_only=True):
    instruments: Sequence[Instrument]
    bad_rows: Sequence[BadRow]


class Broker(Protocol):
    """An open account. Reads raise any BrokerError; writes are sent at most once.

    `place`, `change`, `cancel` and `convert` raise NotSent, Refused or OutcomeUnknown and nothing
    else: an unreadable answer is OutcomeUnknown caused by the DecodeError.
    """

    @property
    def capabilities(self) -> Capabilities: ...
    async def start(self) -> None:
        """Open the feed and the order stream; they reconnect by themselves until `close`."""

    async def profile(self) -> Profile: ...
    async def follow(self, wanted: Mapping[InstrumentId, Detail], /) -> None:
        """Follow exactly this set; the difference to the last call is the broker's business."""

    async def place(self, intent: OrderIntent, /) -> OrderAck: ...
    async def change(self, order: OrderRef, to: OrderChange, /) -> OrderAck: ...
    async def cancel(self, order: OrderRef, /) -> OrderAck: ...
    async def convert(
        self,
        instrument: InstrumentId,
        side: Side,
        quantity: int,
        *,
        from_product: Product,
        to_product: Product,
    ) -> str:
        """Move an open position to another product; returns the broker's words."""

    async def orders(self) -> Sequence[OrderUpdate]: ...
    async def orders_tagged(self, tag: str, /) -> Sequence[OrderUpdate]: ...
    async def fills(self) -> Sequence[Fill]: ...
    async def positions(self) -> Sequence[Position]: ...
    async def holdings(self) -> Sequence[Holding]: ...
    async def funds(self) -> Funds: ...
    async def candles(
        self, instrument: InstrumentId, every: Interval, span: Span, /
    ) -> Sequence[Candle]:
        """Give bars oldest first, no duplicates, the running one included."""

    async def quotes(self, instruments: Sequence[InstrumentId], /) -> Sequence[Quote]: ...
    async def snapshot(self, instrument: InstrumentId, /) -> tuple[Quote, Depth]: ...
    async def market_status(self) -> Sequence[MarketStatus]: ...
    async def masters(self) -> Sequence[MasterFile]:
        """Fetch the contract masters; reading them is `Plugin.read_master`, off the loop."""

    def server_offset_ns(self) -> int | None:
        """Broker's clock minus ours, from the newest Date header; None before the first reply."""

    async def close(self) -> None: ...


class CredentialField(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the Add-account form. Secret fields live only in the OS keyring."""

    id: str
    label: str
    is_secret: bool = False
    help: str = ""
    default: str = ""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker needs to open: session, addresses, instruments, and where to put what comes."""

    session: Session
    endpoints: Mapping[str, str]
    directory: Directory
    sinks: Sinks


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """A broker as the registry finds it."""

    name: str
    title: str
    fields: tuple[CredentialField, ...]
    endpoints: Mapping[str, str]
    """The live addresses, by the keys of the practice ports file."""
    capabilities: Capabilities
    login: Callable[[Credentials, str], LoginFlow]
    """(credentials, state) → the login generator. `redirect_uri` is one of the credentials."""
    open: Callable[[Account], Awaitable[Broker]]
    read_master: Callable[[MasterFile], MasterPart]
    is_practice_default: bool = False
