"""What the practice exchange says and is told: orders, trades, positions, events, refusals.

Everything here is an immutable snapshot. Prices are rupee × 10,000, money is paise, times are
exchange time in UTC nanoseconds.
"""

import enum
from collections.abc import Mapping

import msgspec

from brokers.model.instrument import InstrumentId
from brokers.model.market import MarketPhase
from brokers.model.money import value_paise
from brokers.model.order import Kind, OrderState, Product, Side, Validity


class Reason(enum.StrEnum):
    """Why the exchange says no; each face turns it into its broker's own words."""

    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    NOT_TRADABLE = "not_tradable"
    EXPIRED = "expired"
    MULTIPLIER_UNKNOWN = "multiplier_unknown"
    QUANTITY = "quantity"
    LOT = "lot"
    FREEZE = "freeze"
    PRICE = "price"
    TRIGGER = "trigger"
    TICK = "tick"
    TRIGGER_TICK = "trigger_tick"
    TRIGGER_LIMIT = "trigger_limit"
    TRIGGER_LTP = "trigger_ltp"
    DISCLOSED = "disclosed"
    VALIDITY = "validity"
    PRODUCT = "product"
    SESSION = "session"
    BAND = "band"
    SUSPENDED = "suspended"
    MARGIN = "margin"
    HOLDINGS = "holdings"
    NO_LIQUIDITY = "no_liquidity"
    SELF_TRADE = "self_trade"
    UNKNOWN_ORDER = "unknown_order"
    ALREADY_CANCELLED = "already_cancelled"
    ALREADY_FILLED = "already_filled"
    ALREADY_REJECTED = "already_rejected"
    ALREADY_EXPIRED = "already_expired"
    BELOW_FILLED = "below_filled"
    NOTHING_TO_EXIT = "nothing_to_exit"
    NOTHING_TO_CONVERT = "nothing_to_convert"
    CONVERSION = "conversion"
    BROKER = "broker"


RISK: frozenset[Reason] = frozenset(
    {
        Reason.BAND,
        Reason.SUSPENDED,
        Reason.MARGIN,
        Reason.HOLDINGS,
        Reason.TRIGGER_LTP,
        Reason.NO_LIQUIDITY,
        Reason.BROKER,
    }
)
"""Refusals that leave a rejected order in the book; the others never become an order."""


class Want(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order as a face asks for it. Prices that the kind has not are 0."""

    instrument: InstrumentId
    side: Side
    quantity: int
    kind: Kind
    product: Product
    price_e4: int = 0
    trigger_e4: int = 0
    validity: Validity = Validity.DAY
    disclosed_qty: int = 0
    is_after_market: bool = False
    tag: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A new shape for a working order; None leaves a field. `quantity` is the new total."""

    quantity: int | None = None
    kind: Kind | None = None
    price_e4: int | None = None
    trigger_e4: int | None = None
    validity: Validity | None = None
    disclosed_qty: int | None = None


class BookOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order as the exchange knows it at one moment.

    `seq` counts orders of all accounts in order of arrival. `exchange_id` is empty until the
    exchange has it. `is_queued` marks an after-market order waiting for the next open (its state
    is PENDING_NEW). `revision` grows with every event. `requests` counts the place requests that
    carried this order's tag (1 without a tag). `price_e4` of a market order is 0; `protected_e4`
    is the limit its protection gives it, 0 for other kinds.
    """

    seq: int
    account: str
    order_id: str
    exchange_id: str
    tag: str
    request_id: str
    instrument: InstrumentId
    side: Side
    quantity: int
    kind: Kind
    price_e4: int
    trigger_e4: int
    product: Product
    validity: Validity
    disclosed_qty: int
    is_after_market: bool
    is_queued: bool
    state: OrderState
    filled_qty: int
    average_e4: int
    filled_value_e4: int
    protected_e4: int
    reason: Reason | None
    numbers: Mapping[str, int]
    placed_ns: int
    updated_ns: int
    revision: int
    requests: int = 1
    was_triggered: bool = False
    was_modified: bool = False

    @property
    def remaining_qty(self) -> int:
        """What is still working; 0 once the order has ended."""
        return 0 if self.state.is_terminal else self.quantity - self.filled_qty

    @property
    def unfilled_qty(self) -> int:
        """What was never filled, whatever became of it."""
        return self.quantity - self.filled_qty


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution of one order; `order_seq` points at `BookOrder.seq`."""

    seq: int
    trade_id: str
    order_seq: int
    order_id: str
    exchange_id: str
    account: str
    tag: str
    instrument: InstrumentId
    side: Side
    quantity: int
    price_e4: int
    kind: Kind
    product: Product
    multiplier: int
    at_ns: int

    @property
    def value_paise(self) -> int:
        """Price × quantity × multiplier, in paise."""
        return value_paise(self.price_e4, self.quantity * self.multiplier)


class PositionRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One net position of one product, day and carried parts apart.

    Values are Σ price × quantity without the multiplier. `carried_qty` is signed and valued at
    `carried_e4`, the settlement it was marked to.
    """

    account: str
    instrument: InstrumentId
    product: Product
    carried_qty: int
    carried_e4: int
    day_buy_qty: int
    day_buy_value_e4: int
    day_sell_qty: int
    day_sell_value_e4: int
    ltp_e4: int
    multiplier: int

    @property
    def net_qty(self) -> int:
        return self.carried_qty + self.day_buy_qty - self.day_sell_qty

    @property
    def carried_buy_qty(self) -> int:
        return max(self.carried_qty, 0)

    @property
    def carried_sell_qty(self) -> int:
        return max(-self.carried_qty, 0)

    @property
    def buy_qty(self) -> int:
        """Bought in all, the carried part included."""
        return self.day_buy_qty + self.carried_buy_qty

    @property
    def sell_qty(self) -> int:
        return self.day_sell_qty + self.carried_sell_qty

    @property
    def buy_value_e4(self) -> int:
        return self.day_buy_value_e4 + self.carried_buy_qty * self.carried_e4

    @property
    def sell_value_e4(self) -> int:
        return self.day_sell_value_e4 + self.carried_sell_qty * self.carried_e4

    @property
    def buy_average_e4(self) -> int:
        """Average price of all that was bought, rounded; 0 without any."""
        return _average(self.buy_value_e4, self.buy_qty)

    @property
    def sell_average_e4(self) -> int:
        return _average(self.sell_value_e4, self.sell_qty)

    @property
    def realised_paise(self) -> int:
        """Profit of the closed part: the smaller side's quantity × difference of averages."""
        buys, sells = self.buy_qty, self.sell_qty
        closed = min(buys, sells)
        if closed == 0:
            return 0
        # closed × (sell value / sells − buy value / buys), exact until the one rounding.
        gain = closed * (self.sell_value_e4 * buys - self.buy_value_e4 * sells)
        return _divide(gain * self.multiplier, 100 * buys * sells)

    @property
    def profit_paise(self) -> int:
        """Realised and open profit together, at the last price."""
        flat_e4 = self.sell_value_e4 - self.buy_value_e4 + self.net_qty * self.ltp_e4
        return _divide(flat_e4 * self.multiplier, 100)

    @property
    def unrealised_paise(self) -> int:
        return self.profit_paise - self.realised_paise


def _divide(numerator: int, denominator: int) -> int:
    half = denominator // 2
    whole = (abs(numerator) + half) // denominator
    return whole if numerator >= 0 else -whole


def _average(value: int, quantity: int) -> int:
    return _divide(value, quantity) if quantity else 0


class HoldingRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Shares in demat. `quantity` is the day's start, `sold_qty` what today's trades delivered.

    `instruments` are all listings of the same ISIN, the first one the usual one.
    """

    account: str
    instrument: InstrumentId
    isin: str
    quantity: int
    t1_qty: int
    sold_qty: int
    reserved_qty: int
    cost_e4: int
    ltp_e4: int
    instruments: tuple[InstrumentId, ...] = ()

    @property
    def remaining_qty(self) -> int:
        return self.quantity + self.t1_qty - self.sold_qty

    @property
    def free_qty(self) -> int:
        """What can still be sold today: neither sold nor reserved by a working order."""
        return self.remaining_qty - self.reserved_qty


class FundsRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The account's one pool of money, in paise.

    available = opening + transfer + delivery + realised − charges − position_margin −
    order_margin, always. `delivery_paise` is sale proceeds less purchases of the CNC product.
    """

    account: str
    opening_paise: int
    transfer_paise: int
    delivery_paise: int
    realised_paise: int
    unrealised_paise: int
    charges_paise: int
    position_margin_paise: int
    order_margin_paise: int

    @property
    def used_paise(self) -> int:
        """Blocked by positions and working orders."""
        return self.position_margin_paise + self.order_margin_paise

    @property
    def total_paise(self) -> int:
        """All the money, blocked or not, before open profit."""
        return (
            self.opening_paise
            + self.transfer_paise
            + self.delivery_paise
            + self.realised_paise
            - self.charges_paise
        )

    @property
    def net_realised_paise(self) -> int:
        return self.realised_paise - self.charges_paise

    @property
    def available_paise(self) -> int:
        return self.total_paise - self.used_paise


class Cause(enum.StrEnum):
    """What made an order event."""

    RECEIVED = "received"
    QUEUED = "queued"
    OPENED = "opened"
    TRIGGERED = "triggered"
    FILLED = "filled"
    MODIFIED = "modified"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    order: BookOrder
    cause: Cause
    at_ns: int


class TradeEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution; `order` is its order after it."""

    trade: Trade
    order: BookOrder
    at_ns: int


class PositionEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    position: PositionRow
    at_ns: int


class SessionEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A segment changed its phase."""

    exchange: str
    segment: str
    phase: MarketPhase
    at_ns: int


Event = OrderEvent | TradeEvent | PositionEvent | SessionEvent


class Rejected(Exception):
    """The exchange said no.

    `order` is the rejected order in the book, or None when none came into being. `numbers` are
    what the refusal is about: `tick_e4`, `lot_size`, `freeze_qty`, `price_e4`, `lower_e4`,
    `upper_e4`, `ltp_e4`, `required_paise`, `available_paise`, `shortfall_paise`, `free_qty`, …
    """

    def __init__(
        self,
        reason: Reason,
        numbers: Mapping[str, int] | None = None,
        *,
        order: BookOrder | None = None,
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.numbers: Mapping[str, int] = numbers or {}
        self.order = order


class Greeks(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An option's sensitivities, for display only.

    Floats per unit: theta per calendar day, vega per point of volatility, `iv` a fraction.
    """

    iv: float
    delta: float
    gamma: float
    theta: float
    vega: float
