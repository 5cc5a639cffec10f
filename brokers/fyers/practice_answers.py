"""How the practice face answers: envelopes, refusals, and the broker's own words for them."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

from brokers.errors import DecodeError
from brokers.fyers.codec import serving
from brokers.fyers.codec.messages import Id
from brokers.fyers.codec.rest import decode
from brokers.model.instrument import Instrument
from brokers.model.money import format_e4
from brokers.net.server import ServerReply
from brokers.practice.values import BookOrder, Reason, Rejected

JSON_TYPE: Final = {"Content-Type": "application/json"}
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
BAD_REQUEST: Final = 400
TOO_MANY: Final = 429

DEAD_TOKEN: Final = (-16, "Could not authenticate the user")
DEAD_TOKEN_DATA: Final = (-15, "Please provide valid token")
DEAD_TOKEN_LOGOUT: Final = (-16, "Token is Invalid or Expired")
NO_PERMISSION: Final = (-373, "please provide valid permission")
LIMIT_REACHED: Final = (-429, "request limit reached")
INVALID_SYMBOL: Final = (-300, "Please provide a valid symbol")
RISK_REFUSED: Final = -99
INVALID_INPUT: Final = -50

B = TypeVar("B")


class Refusal(Exception):
    """A request that the broker answers with an error envelope."""

    def __init__(
        self, code: int | str, text: str, *, status: int = BAD_REQUEST, order_id: str | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.order_id = order_id

    def reply(self, headers: Mapping[str, str] | None = None) -> ServerReply:
        body = serving.error(self.code, self.text, order_id=self.order_id)
        return answer(body, self.status, headers)


def answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> ServerReply:
    """Send JSON."""
    return ServerReply(status=status, headers={**JSON_TYPE, **(headers or {})}, body=body)


def ok(
    members: Mapping[str, object] | None = None, *, code: int = 200, text: str = ""
) -> ServerReply:
    """Send a success."""
    return answer(serving.ok(members, code=code, text=text))


def read_body(body: bytes, shape: type[B], where: str) -> B:
    """Read a request's body; what cannot be read is refused by field, as the broker does."""
    try:
        return decode(body, shape, where)
    except DecodeError as error:
        field = error.where.rpartition(".")[2]
        raise Refusal(INVALID_INPUT, f"{field}: {str(error).partition(': ')[2]}") from None


def text_of(value: Id) -> str:
    return str(value).strip()


def _inr(price_e4: int) -> str:
    whole, _, fraction = format_e4(price_e4).partition(".")
    return f"{int(whole):,}.{fraction}"


class _Case(NamedTuple):
    """One refusal to word: what it is about and whose it is."""

    numbers: Mapping[str, int]
    instrument: Instrument | None
    account: str

    def price(self, key: str) -> str:
        return _inr(self.numbers.get(key, 0))

    def money(self, key: str) -> str:
        return _inr(self.numbers.get(key, 0) * 100)

    def number(self, key: str) -> int:
        return self.numbers.get(key, 0)

    @property
    def contract(self) -> str:
        """`NSE.SBIN-EQ`, as the risk system writes it."""
        return "" if self.instrument is None else self.instrument.symbol.replace(":", ".", 1)

    @property
    def whose(self) -> str:
        return f"for C-{self.account} [FYERS_RISK_CUG]"


_RISK_WORDS: Final[Mapping[Reason, Callable[[_Case], str]]] = {
    Reason.BAND: lambda case: (
        "RED:RULE:{Check circuit limit including square off order}"
        f"Current:INR {case.price('price_e4')} LowerCircuit:INR {case.price('lower_e4')} "
        f"UpperCircuit:INR {case.price('upper_e4')}:{case.contract} {case.whose}"
    ),
    Reason.MARGIN: lambda case: (
        f"RED:Margin Shortfall:INR {case.money('shortfall_paise')} "
        f"Available:INR {case.money('available_paise')} {case.whose}"
    ),
    Reason.HOLDINGS: lambda case: (
        "RED:RULE:{Check holdings including square off order}"
        f"Available:{case.number('free_qty')}:{case.contract} {case.whose}"
    ),
    Reason.SUSPENDED: lambda case: f"RED:Security is suspended:{case.contract} {case.whose}",
    Reason.TRIGGER_LTP: lambda case: (
        f"RED:Trigger price is on the wrong side of LTP:INR {case.price('ltp_e4')}:"
        f"{case.contract} {case.whose}"
    ),
    Reason.NO_LIQUIDITY: lambda case: f"RED:No quantity on the other side:{case.contract}",
    Reason.SELF_TRADE: lambda case: f"RED:Self trade is not allowed:{case.contract} {case.whose}",
    Reason.BROKER: lambda case: f"RED:Rejected by the risk system {case.whose}",
}

_PLAIN_WORDS: Final[Mapping[Reason, tuple[int, Callable[[_Case], str]]]] = {
    Reason.UNKNOWN_ACCOUNT: (-157, lambda _: "User does not exist"),
    Reason.UNKNOWN_INSTRUMENT: (-300, lambda _: INVALID_SYMBOL[1]),
    Reason.NOT_TRADABLE: (-300, lambda _: "Orders are not allowed in this symbol."),
    Reason.EXPIRED: (-300, lambda _: "The symbol has expired."),
    Reason.MULTIPLIER_UNKNOWN: (-300, lambda _: "Orders are not allowed in this symbol."),
    Reason.QUANTITY: (-50, lambda _: "qty: Must be greater than or equal to 1"),
    Reason.LOT: (
        -50,
        lambda case: f"Quantity should be in multiples of lot size {case.number('lot_size')}",
    ),
    Reason.FREEZE: (
        -50,
        lambda case: f"Quantity exceeds the freeze limit {case.number('freeze_qty')}",
    ),
    Reason.PRICE: (-50, lambda _: "limitPrice: Please provide a valid price."),
    Reason.TRIGGER: (-50, lambda _: "stopPrice: Please provide a valid stop price"),
    Reason.TICK: (
        -50,
        lambda case: f"LimitPrice not a multiple of tick size {format_tick(case)}",
    ),
    Reason.TRIGGER_TICK: (
        -50,
        lambda case: f"StopPrice not a multiple of tick size {format_tick(case)}",
    ),
    Reason.TRIGGER_LIMIT: (-50, lambda _: "Please provide a valid price for stop limit order"),
    Reason.DISCLOSED: (-50, lambda _: "Please provide a valid order disclosed quantity"),
    Reason.VALIDITY: (-50, lambda _: "Please provide a valid order validity"),
    Reason.PRODUCT: (-50, lambda _: "Please provide a valid product type for the order"),
    Reason.SESSION: (-99, lambda _: "Market is closed. Please place an offline order."),
    Reason.ALREADY_CANCELLED: (-161, lambda _: "This order has already been cancelled"),
    Reason.ALREADY_FILLED: (-162, lambda _: "This order has already traded"),
    Reason.ALREADY_REJECTED: (-164, lambda _: "This order has already been rejected"),
    Reason.ALREADY_EXPIRED: (-99, lambda _: "This order has already expired"),
    Reason.BELOW_FILLED: (
        -50,
        lambda case: f"qty: {case.number('filled_qty')} have already traded",
    ),
    Reason.NOTHING_TO_EXIT: (-352, lambda _: "Looks like you have no open positions."),
    Reason.NOTHING_TO_CONVERT: (-50, lambda _: "Please provide a valid convert quantity"),
    Reason.CONVERSION: (-50, lambda _: "This position cannot be converted to that product."),
}


def format_tick(case: _Case) -> str:
    """Write a tick size with four decimals, as the broker's texts do."""
    whole, fraction = divmod(case.number("tick_e4"), 10_000)
    return f"{whole}.{fraction:04d}"


def words(
    reason: Reason, numbers: Mapping[str, int], instrument: Instrument | None, account: str
) -> str:
    """Say in the broker's words why the exchange refused."""
    case = _Case(numbers, instrument, account)
    if reason in _PLAIN_WORDS:
        return _PLAIN_WORDS[reason][1](case)
    return _RISK_WORDS.get(reason, _RISK_WORDS[Reason.BROKER])(case)


def refusal_of(rejected: Rejected, instrument: Instrument | None, account: str) -> Refusal:
    """Turn the exchange's refusal into the broker's; the id of the order meant goes with it."""
    text = words(rejected.reason, rejected.numbers, instrument, account)
    is_plain = rejected.reason in _PLAIN_WORDS
    code = _PLAIN_WORDS[rejected.reason][0] if is_plain else RISK_REFUSED
    order_id = rejected.order.order_id if rejected.order is not None else None
    return Refusal(code, text, order_id=order_id)


def unknown_order(order_id: str) -> Refusal:
    """Refuse a change or a cancellation of an order that is not this account's."""
    return Refusal(-51, f"invalid order id: {order_id}", order_id=order_id)


def message_of(order: BookOrder, instrument: Instrument | None) -> str:
    """Give the text of an order in the book: why it was rejected, else nothing."""
    if order.reason is None:
        return ""
    return words(order.reason, order.numbers, instrument, order.account)
