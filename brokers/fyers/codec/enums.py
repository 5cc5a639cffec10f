"""FYERS' numbers and words, and what they are called here.

Source: API v3 documentation, appendix tables; the OMS scale is from the JS client 1.9.0.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final, TypeVar

from brokers.errors import DecodeError
from brokers.model.instrument import Exchange, InstrumentId, Segment, instrument_id
from brokers.model.market import Interval, MarketPhase
from brokers.model.order import Kind, OrderState, Product, Side, Validity

EXCHANGES: Final[Mapping[int, Exchange]] = {10: Exchange.NSE, 11: Exchange.MCX, 12: Exchange.BSE}
SEGMENTS: Final[Mapping[int, Segment]] = {
    10: Segment.CM,
    11: Segment.FO,
    12: Segment.CD,
    20: Segment.COM,
}
PAIRS: Final = frozenset(
    [(10, 10), (10, 11), (10, 12), (10, 20), (12, 10), (12, 11), (12, 12), (11, 20)]
)
"""The pairs of exchange and segment that exist."""

EXCHANGE_CODES: Final = {exchange: code for code, exchange in EXCHANGES.items()}
SEGMENT_CODES: Final = {segment: code for code, segment in SEGMENTS.items()}

SIDES: Final[Mapping[int, Side]] = {1: Side.BUY, -1: Side.SELL}
KINDS: Final[Mapping[int, Kind]] = {
    1: Kind.LIMIT,
    2: Kind.MARKET,
    3: Kind.STOP,
    4: Kind.STOP_LIMIT,
}
KIND_CODES: Final = {kind: code for code, kind in KINDS.items()}
PRODUCTS: Final[Mapping[str, Product]] = {product.value: product for product in Product}
VALIDITIES: Final[Mapping[str, Validity]] = {word.value: word for word in Validity}

STATUS_CANCELLED: Final = 1
STATUS_TRADED: Final = 2
STATUS_TRANSIT: Final = 4
STATUS_REJECTED: Final = 5
STATUS_PENDING: Final = 6
STATUS_EXPIRED: Final = 7

_STATES: Final[Mapping[int, OrderState]] = {
    STATUS_CANCELLED: OrderState.CANCELLED,
    STATUS_TRADED: OrderState.FILLED,
    STATUS_TRANSIT: OrderState.PENDING_NEW,
    STATUS_REJECTED: OrderState.REJECTED,
    STATUS_EXPIRED: OrderState.EXPIRED,
}
_STATUS_CODES: Final[Mapping[OrderState, int]] = {
    **{state: code for code, state in _STATES.items()},
    OrderState.OPEN: STATUS_PENDING,
    OrderState.PARTIAL: STATUS_PENDING,
    OrderState.TRIGGER_PENDING: STATUS_PENDING,
}
OMS_STATUSES: Final[Mapping[int, int]] = {
    **dict.fromkeys((11, 12, 20, 21), STATUS_TRANSIT),
    **dict.fromkeys((22, 23, 24, 25, 26, 51, 52, 53, 54, 55), STATUS_PENDING),
    **dict.fromkeys((61, 62, 63, 64, 71, 72), STATUS_PENDING),
    **dict.fromkeys((73, 91), STATUS_CANCELLED),
    90: STATUS_TRADED,
    **dict.fromkeys((92, 93, 94), STATUS_REJECTED),
}
"""The order management system's own scale → the public one."""

RESOLUTIONS: Final[Mapping[Interval, str]] = {
    Interval.S5: "5S",
    Interval.S10: "10S",
    Interval.S15: "15S",
    Interval.S30: "30S",
    Interval.S45: "45S",
    Interval.M1: "1",
    Interval.M2: "2",
    Interval.M3: "3",
    Interval.M5: "5",
    Interval.M10: "10",
    Interval.M15: "15",
    Interval.M20: "20",
    Interval.M30: "30",
    Interval.M45: "45",
    Interval.H1: "60",
    Interval.H2: "120",
    Interval.H3: "180",
    Interval.H4: "240",
    Interval.D1: "1D",
    Interval.W1: "1W",
    Interval.MO1: "1M",
}
INTERVALS: Final[Mapping[str, Interval]] = {
    **{word: interval for interval, word in RESOLUTIONS.items()},
    "D": Interval.D1,
}

PHASES: Final[Mapping[str, MarketPhase]] = {
    "OPEN": MarketPhase.OPEN,
    "CLOSE": MarketPhase.CLOSED,
    "CLOSED": MarketPhase.CLOSED,
    "PREOPEN": MarketPhase.PREOPEN,
    "PREOPEN_CLOSED": MarketPhase.PREOPEN,
    "POSTCLOSE_START": MarketPhase.CLOSING,
    "POSTCLOSE_CLOSED": MarketPhase.CLOSED,
}
PHASE_WORDS: Final[Mapping[MarketPhase, str]] = {
    MarketPhase.OPEN: "OPEN",
    MarketPhase.CLOSED: "CLOSED",
    MarketPhase.PREOPEN: "PREOPEN",
    MarketPhase.CLOSING: "POSTCLOSE_START",
}

K = TypeVar("K", int, str)
V = TypeVar("V")

_TOKEN_AT: Final = 10
"""fyToken: exchange 2 digits, segment 2, expiry YYMMDD or 000000, then the exchange's token."""

_MAX_TOKEN: Final = 32


def known(table: Mapping[K, V], code: K, where: str, expected: str) -> V:
    """Look a code up; one that is not in the table is a DecodeError, never a default."""
    try:
        return table[code]
    except KeyError:
        raise DecodeError(where, expected, code) from None


def order_state(status: int, kind: Kind, filled_qty: int) -> OrderState:
    """Tell what a status means.

    Status 6 covers every working order. FYERS does not say whether a stop order has been
    triggered, so one without a fill counts as TRIGGER_PENDING until its first fill or its end.
    Anything above 7 is on the OMS scale; a number that is on neither is UNMAPPED.
    """
    public = OMS_STATUSES.get(status, status)
    if public != STATUS_PENDING:
        return _STATES.get(public, OrderState.UNMAPPED)
    if filled_qty > 0:
        return OrderState.PARTIAL
    return OrderState.TRIGGER_PENDING if kind.has_trigger else OrderState.OPEN


def status_code(state: OrderState) -> int:
    """Give the public status; UNMAPPED has none and is a ValueError."""
    try:
        return _STATUS_CODES[state]
    except KeyError:
        raise ValueError(f"{state.value} has no public status") from None


def pair(exchange: int, segment: int, where: str) -> tuple[Exchange, Segment]:
    """Read exchange and segment numbers; a pair that does not exist is a DecodeError."""
    if (exchange, segment) not in PAIRS:
        raise DecodeError(where, "an exchange and segment that exist", (exchange, segment))
    return EXCHANGES[exchange], SEGMENTS[segment]


def fy_token(exchange: Exchange, segment: Segment, token: str, expiry: dt.date | None) -> str:
    """Write the broker's token; an option's and a future's carries its expiry date."""
    date = f"{expiry:%y%m%d}" if expiry is not None else "000000"
    return f"{EXCHANGE_CODES[exchange]}{SEGMENT_CODES[segment]}{date}{token}"


def instrument_of(token: str, where: str) -> InstrumentId:
    """Read an instrument's name out of a fyToken: cut at ten, whatever the length."""
    if not _TOKEN_AT < len(token) <= _MAX_TOKEN or not (token.isascii() and token.isdigit()):
        raise DecodeError(where, "a fyToken of more than ten digits", token)
    exchange, segment = pair(int(token[0:2]), int(token[2:4]), where)
    return instrument_id(exchange, segment, token[_TOKEN_AT:])
