"""Prices as they come: quotes, depth, candles."""

import enum

import msgspec

from brokers.model.instrument import InstrumentId


class Detail(enum.IntEnum):
    """How much of an instrument is followed; a higher one includes the lower."""

    QUOTE = 1
    DEPTH = 2


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The newest known state of one instrument, merged by the feed; None is "not known".

    Positional on purpose: a decoder builds thousands of these a second.
    """

    instrument: InstrumentId
    ltp_e4: int | None = None
    volume: int | None = None
    traded_ns: int | None = None
    exchange_ns: int | None = None
    bid_qty: int | None = None
    ask_qty: int | None = None
    bid_e4: int | None = None
    ask_e4: int | None = None
    last_qty: int | None = None
    total_buy_qty: int | None = None
    total_sell_qty: int | None = None
    average_e4: int | None = None
    open_interest: int | None = None
    low_e4: int | None = None
    high_e4: int | None = None
    year_high_e4: int | None = None
    year_low_e4: int | None = None
    lower_circuit_e4: int | None = None
    upper_circuit_e4: int | None = None
    open_e4: int | None = None
    previous_close_e4: int | None = None
    previous_open_interest: int | None = None


class Level(msgspec.Struct, frozen=True, gc=False):
    """One price of an order book; `orders` is None where the feed does not count them."""

    price_e4: int
    quantity: int
    orders: int | None = None


class Depth(msgspec.Struct, frozen=True, gc=False):
    """Both sides of a book, best price first; empty levels are left out."""

    instrument: InstrumentId
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One bar; `opened_ns` is its start. Daily bars start at 00:00 Indian time of their date."""

    opened_ns: int
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int
    open_interest: int | None = None


class Interval(enum.StrEnum):
    """Bar lengths; `seconds` is nominal for a day and longer."""

    S5 = "5s"
    S10 = "10s"
    S15 = "15s"
    S30 = "30s"
    S45 = "45s"
    M1 = "1m"
    M2 = "2m"
    M3 = "3m"
    M5 = "5m"
    M10 = "10m"
    M15 = "15m"
    M20 = "20m"
    M30 = "30m"
    M45 = "45m"
    H1 = "1h"
    H2 = "2h"
    H3 = "3h"
    H4 = "4h"
    D1 = "1D"
    W1 = "1W"
    MO1 = "1M"

    @property
    def seconds(self) -> int:
        return int(self.value[:-1]) * _UNIT_SECONDS[self.value[-1]]

    @property
    def is_intraday(self) -> bool:
        return self.value[-1] in "smh"


_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "D": 86_400, "W": 604_800, "M": 2_592_000}


class Span(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time, from inclusive, to exclusive."""

    from_ns: int
    to_ns: int


class MarketPhase(enum.StrEnum):
    PREOPEN = "pre-open"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class MarketStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    exchange: str
    segment: str
    phase: MarketPhase
