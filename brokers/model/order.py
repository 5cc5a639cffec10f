"""Orders: what we ask for, what the broker says of it, and how sure we are."""

import enum

import msgspec

from brokers.model.instrument import InstrumentId


class Side(enum.StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for buy, -1 for sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Kind(enum.StrEnum):
    """LIMIT, MARKET, STOP (SL-M: trigger then market), STOP_LIMIT (SL: trigger then limit)."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"

    @property
    def has_price(self) -> bool:
        return self in (Kind.LIMIT, Kind.STOP_LIMIT)

    @property
    def has_trigger(self) -> bool:
        return self in (Kind.STOP, Kind.STOP_LIMIT)


class Product(enum.StrEnum):
    """The brokers' product words: delivery, same-day, carried derivatives, cover, bracket, MTF."""

    CNC = "CNC"
    INTRADAY = "INTRADAY"
    MARGIN = "MARGIN"
    CO = "CO"
    BO = "BO"
    MTF = "MTF"


class Validity(enum.StrEnum):
    DAY = "DAY"
    IOC = "IOC"


class OpKind(enum.StrEnum):
    PLACE = "place"
    MODIFY = "modify"
    CANCEL = "cancel"


class OpState(enum.StrEnum):
    """How far one request of ours got. UNKNOWN is a state, and only proof leaves it."""

    DRAFT = "draft"
    DENIED = "denied"
    INTENT = "intent"
    SENDING = "sending"
    NEVER_SENT = "never_sent"
    NOT_SENT = "not_sent"
    REJECTED = "rejected"
    ACKED = "acked"
    UNKNOWN = "unknown"
    ABSENT_PRESUMED = "absent_presumed"
    UNRESOLVED = "unresolved"


class OrderState(enum.StrEnum):
    """What the broker has proven of an order; UNMAPPED is a status word we do not know."""

    PENDING_NEW = "pending_new"
    OPEN = "open"
    TRIGGER_PENDING = "trigger_pending"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNMAPPED = "unmapped"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL

    @property
    def is_working(self) -> bool:
        return self in _WORKING


_TERMINAL = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED}
)
_WORKING = frozenset(
    {
        OrderState.PENDING_NEW,
        OrderState.OPEN,
        OrderState.TRIGGER_PENDING,
        OrderState.PARTIAL,
    }
)


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order as the trader meant it; every field explicit, nothing inherited.

    `price_e4` is 0 unless `kind.has_price`; `trigger_e4` is 0 unless `kind.has_trigger`.
    `tag` is ours, unique for ever: 16 characters of `[0-9A-Z]`.
    """

    tag: str
    instrument: InstrumentId
    side: Side
    quantity: int
    kind: Kind
    price_e4: int
    trigger_e4: int
    product: Product
    validity: Validity
    disclosed_qty: int = 0
    is_after_market: bool = False


class OrderChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The whole new shape of a working order: `quantity` is the new total, filled part included."""

    quantity: int
    kind: Kind
    price_e4: int
    trigger_e4: int
    validity: Validity = Validity.DAY
    disclosed_qty: int = 0


class OrderRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a broker is told which order is meant."""

    broker_id: str
    instrument: InstrumentId
    tag: str = ""


class OrderAck(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The broker took it; `text` is its own words."""

    broker_id: str
    text: str = ""


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order as the broker describes it, from its book or its stream.

    `tag` is ours without the broker's prefix, empty when the order is not ours. `text` is the
    broker's own words (already stripped of account codes). `updated_ns` is None where the broker
    gives no time.
    """

    broker_id: str
    tag: str
    instrument: InstrumentId
    side: Side
    quantity: int
    filled_qty: int
    kind: Kind
    price_e4: int
    trigger_e4: int
    average_e4: int
    product: Product
    validity: Validity
    state: OrderState
    exchange_id: str = ""
    text: str = ""
    placed_ns: int | None = None
    updated_ns: int | None = None
    disclosed_qty: int = 0
    is_after_market: bool = False
    source: str = ""


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution; (account, `trade_id`) is unique."""

    trade_id: str
    broker_id: str
    tag: str
    instrument: InstrumentId
    side: Side
    quantity: int
    price_e4: int
    product: Product
    at_ns: int | None = None
