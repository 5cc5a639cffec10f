"""What the depth window shows, as texts: formatted once per change, painted as they are."""

from collections.abc import Sequence
from typing import Final

import msgspec

from brokers.model.instrument import Instrument, InstrumentKind
from brokers.model.market import Depth, Level, Quote
from desktop.trading.clock import ist_date_text, ist_time_text
from desktop.ui import rupees

LEAST_LEVELS: Final = 5
FULL_BAR: Final = 1_000
_PERCENT: Final = 10_000


class LevelText(msgspec.Struct, frozen=True, gc=False):
    """One price of one side. `bar` is the quantity's share of the largest, in thousandths."""

    price: str = ""
    quantity: str = ""
    orders: str = ""
    bar: int = 0
    price_e4: int | None = None


BLANK: Final = LevelText()


class Book(msgspec.Struct, frozen=True, gc=False):
    """Both sides, the same number of levels, the best first."""

    bids: tuple[LevelText, ...]
    asks: tuple[LevelText, ...]
    total_bid: str
    total_ask: str
    bid_share: int | None
    """Buyers' part of all quantity, in thousandths; None: not known."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """The price line."""

    ltp: str = rupees.ABSENT
    change: str = ""
    role: str = "text"


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One line of the day's figures."""

    title: str
    text: str
    role: str = "text"


class Range(msgspec.Struct, frozen=True, gc=False):
    """The day's range: where the price stands between low and high, in thousandths."""

    low: str
    high: str
    at: int | None
    open_at: int | None


def book(instrument: Instrument, depth: Depth | None, quote: Quote | None, levels: int) -> Book:
    """Lay an order book out; levels that are missing stay blank."""
    bids, asks = (depth.bids, depth.asks) if depth is not None else ((), ())
    count = max(LEAST_LEVELS, min(levels, max(len(bids), len(asks))))
    shown = (bids[:count], asks[:count])
    largest = max((level.quantity for side in shown for level in side), default=0)
    texts = [_side(side, count, instrument.decimals, largest) for side in shown]
    buy, sell = _totals(bids, asks, quote)
    return Book(
        bids=texts[0],
        asks=texts[1],
        total_bid=rupees.ABSENT if buy is None else rupees.group(buy),
        total_ask=rupees.ABSENT if sell is None else rupees.group(sell),
        bid_share=None if not (buy or sell) else _share(buy or 0, (buy or 0) + (sell or 0)),
    )


def _side(
    levels: Sequence[Level], count: int, decimals: int, largest: int
) -> tuple[LevelText, ...]:
    texts = [
        LevelText(
            price=rupees.price(level.price_e4, decimals),
            quantity=rupees.group(level.quantity),
            orders="" if level.orders is None else rupees.group(level.orders),
            bar=_share(level.quantity, largest),
            price_e4=level.price_e4,
        )
        for level in levels
    ]
    return tuple(texts) + (BLANK,) * (count - len(texts))


def _totals(
    bids: Sequence[Level], asks: Sequence[Level], quote: Quote | None
) -> tuple[int | None, int | None]:
    """Give all quantity wanted and offered: the exchange's totals, else what the book shows."""
    if quote is not None and quote.total_buy_qty is not None and quote.total_sell_qty is not None:
        return quote.total_buy_qty, quote.total_sell_qty
    if not bids and not asks:
        return None, None
    return sum(level.quantity for level in bids), sum(level.quantity for level in asks)


def _share(part: int, whole: int) -> int:
    return part * FULL_BAR // whole if whole else 0


def head(instrument: Instrument, quote: Quote | None) -> Head:
    """Write the price line."""
    if quote is None or quote.ltp_e4 is None:
        return Head()
    decimals, previous = instrument.decimals, quote.previous_close_e4
    ltp = rupees.price(quote.ltp_e4, decimals)
    if not previous:
        return Head(ltp=ltp)
    change = quote.ltp_e4 - previous
    text = f"{rupees.signed_price(change, decimals)}  {rupees.percent(change, previous)}"
    return Head(ltp=ltp, change=text, role="up" if change > 0 else "down" if change < 0 else "text")


def day_range(instrument: Instrument, quote: Quote | None) -> Range:
    """Place the price and the open between the day's low and high."""
    if quote is None or quote.low_e4 is None or quote.high_e4 is None:
        return Range(rupees.ABSENT, rupees.ABSENT, None, None)
    low, high = quote.low_e4, quote.high_e4

    def place(price_e4: int | None) -> int | None:
        if price_e4 is None or high <= low:
            return None
        return max(0, min(FULL_BAR, (price_e4 - low) * FULL_BAR // (high - low)))

    return Range(
        rupees.price(low, instrument.decimals),
        rupees.price(high, instrument.decimals),
        place(quote.ltp_e4),
        place(quote.open_e4),
    )


def facts(instrument: Instrument, quote: Quote | None) -> tuple[Fact, ...]:
    """List the day's figures that exist for this kind of instrument, in a fixed order."""
    decimals = instrument.decimals
    is_index = instrument.kind is InstrumentKind.INDEX

    def price(value: int | None) -> str:
        return rupees.ABSENT if value is None else rupees.price(value, decimals)

    def count(value: int | None) -> str:
        return rupees.ABSENT if value is None else rupees.group(value)

    q = quote or Quote(instrument.id)
    # Circuits of the tape are newer than the master's of the morning: exchanges flex them.
    lower = q.lower_circuit_e4 if q.lower_circuit_e4 is not None else instrument.lower_e4
    upper = q.upper_circuit_e4 if q.upper_circuit_e4 is not None else instrument.upper_e4
    at = q.traded_ns
    lines = [
        Fact("Open", price(q.open_e4)),
        Fact("Prev close", price(q.previous_close_e4)),
        Fact("High", price(q.high_e4)),
        Fact("Low", price(q.low_e4)),
    ]
    if not is_index:
        lines += [
            Fact("Volume", count(q.volume)),
            Fact("Average", price(q.average_e4)),
            Fact("LTQ", count(q.last_qty)),
            Fact("LTT", rupees.ABSENT if at is None else ist_time_text(at)),
        ]
    if instrument.expiry is not None:
        lines += [
            Fact("OI", count(q.open_interest)),
            _interest_change(q),
            Fact("Expiry", ist_date_text(instrument.expiry)),
            Fact("Lot", rupees.group(instrument.lot_size)),
        ]
    if not is_index:
        lines += [
            Fact("Lower circuit", price(lower), "sell"),
            Fact("Upper circuit", price(upper), "buy"),
        ]
    if instrument.expiry is None:
        lines += [Fact("52w low", price(q.year_low_e4)), Fact("52w high", price(q.year_high_e4))]
    return tuple(lines)


def _interest_change(quote: Quote) -> Fact:
    now, before = quote.open_interest, quote.previous_open_interest
    if now is None or before is None:
        return Fact("OI change", rupees.ABSENT, "text_dim")
    change = now - before
    text = ("+" if change > 0 else "") + rupees.compact(change)
    if before:
        text += f" ({rupees.percent(change, before, 1)})"
    return Fact("OI change", text, "up" if change > 0 else "down" if change < 0 else "text")
