"""Market-data records: values of the wire to quotes and depth, and back.

Source: wire dossier §14.6 and §14.7. `S` records carry a topic with all its values, `U` records
what changed, `L` records the last price alone. Values are signed 32-bit integers; NO_VALUE means
"nothing" in a snapshot and "as before" in an update. A price is raw / (10^precision × multiplier).

What cannot be a value becomes None rather than a number on a screen: a price of zero or less, a
negative count, a time of zero or less, and the largest integer, which is an overflow.
"""

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import msgspec

from brokers.errors import DecodeError
from brokers.fyers.codec.feed_schema import DEPTH_PRICES, INDEX_PRICES, SCRIP_PRICES
from brokers.model.market import Depth, Level, Quote
from brokers.model.money import E4
from brokers.wire.cursor import Cursor

SNAPSHOT: Final = 0x53
UPDATE: Final = 0x55
LITE: Final = 0x4C

NO_VALUE: Final = -2147483648
MAX_VALUE: Final = 2147483647
SCRIP_VALUES: Final = 21
INDEX_VALUES: Final = 8
DEPTH_VALUES: Final = 30

_NS: Final = 1_000_000_000
_MAX_PRECISION: Final = 9

_SCRIP_RECORD: Final = struct.Struct(">BHB21i")
_INDEX_RECORD: Final = struct.Struct(">BHB8i")
_DEPTH_RECORD: Final = struct.Struct(">BHB30i")
_LITE_RECORD: Final = struct.Struct(">BHi")

# These read the values of a full update from the record's first byte.
unpack_scrip: Final = struct.Struct(">4x21i").unpack_from
unpack_index: Final = struct.Struct(">4x8i").unpack_from
unpack_depth: Final = struct.Struct(">4x30i").unpack_from

_UNPACK: Final = {
    count: struct.Struct(f">{count}i").unpack_from
    for count in (1, INDEX_VALUES, SCRIP_VALUES, DEPTH_VALUES)
}


class Scale(msgspec.Struct, frozen=True, gc=False):
    """Prices of one topic: e4 = raw × `factor`, or × `ratio` rounded half up where factor is 0.

    Only a precision finer than 1/10,000 rupee (or an odd multiplier) needs the ratio.
    """

    factor: int
    numerator: int = 1
    denominator: int = 1

    def e4(self, raw: int) -> int:
        """Turn a raw price into rupee × 10,000."""
        if self.factor:
            return raw * self.factor
        return (2 * raw * self.numerator + self.denominator) // (2 * self.denominator)

    def raw(self, e4: int) -> int:
        """Turn rupee × 10,000 into a raw price."""
        if self.factor:
            return (2 * e4 + self.factor) // (2 * self.factor)
        return (2 * e4 * self.denominator + self.numerator) // (2 * self.numerator)


def scale(multiplier: int, precision: int, where: str = "scale") -> Scale:
    """Build the price scale of a topic; a multiplier of zero is a DecodeError."""
    if multiplier < 1:
        raise DecodeError(f"{where}, multiplier", "at least 1", multiplier)
    if precision > _MAX_PRECISION:
        raise DecodeError(f"{where}, precision", f"at most {_MAX_PRECISION}", precision)
    ratio = Fraction(E4, 10**precision * multiplier)
    if ratio.denominator == 1:
        return Scale(ratio.numerator)
    return Scale(0, ratio.numerator, ratio.denominator)


def unpack_values(data: bytes, at: int, count: int) -> tuple[int, ...]:
    """Read the `count` values that start at `at`."""
    known = _UNPACK.get(count)
    if known is None:
        return struct.unpack_from(f">{count}i", data, at)
    return known(data, at)


def arrange(values: tuple[int, ...], order: tuple[int, ...] | None, count: int) -> tuple[int, ...]:
    """Bring wire values into our order and to exactly `count`, missing ones as NO_VALUE."""
    sent = len(values)
    if order is not None:
        return tuple(values[at] if 0 <= at < sent else NO_VALUE for at in order)
    if sent == count:
        return values
    return values[:count] + (NO_VALUE,) * (count - sent)


def merge_scrip(old: Quote, values: tuple[int, ...], k: int) -> Quote:
    """Lay the 21 values of a quote record over the newest known state.

    Written out because it runs thousands of times a second: a loop takes three times as long.
    """
    # fmt: off
    (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10,
     v11, v12, v13, v14, v15, v16, v17, v18, v19, v20) = values
    return Quote(
        old.instrument,
        v0 * k if 0 < v0 < MAX_VALUE else old.ltp_e4 if v0 == NO_VALUE else None,
        v1 if v1 >= 0 else old.volume if v1 == NO_VALUE else None,
        v2 * _NS if v2 > 0 else old.traded_ns if v2 == NO_VALUE else None,
        v3 * _NS if v3 > 0 else old.exchange_ns if v3 == NO_VALUE else None,
        v4 if v4 >= 0 else old.bid_qty if v4 == NO_VALUE else None,
        v5 if v5 >= 0 else old.ask_qty if v5 == NO_VALUE else None,
        v6 * k if 0 < v6 < MAX_VALUE else old.bid_e4 if v6 == NO_VALUE else None,
        v7 * k if 0 < v7 < MAX_VALUE else old.ask_e4 if v7 == NO_VALUE else None,
        v8 if v8 >= 0 else old.last_qty if v8 == NO_VALUE else None,
        v9 if v9 >= 0 else old.total_buy_qty if v9 == NO_VALUE else None,
        v10 if v10 >= 0 else old.total_sell_qty if v10 == NO_VALUE else None,
        v11 * k if 0 < v11 < MAX_VALUE else old.average_e4 if v11 == NO_VALUE else None,
        v12 if v12 >= 0 else old.open_interest if v12 == NO_VALUE else None,
        v13 * k if 0 < v13 < MAX_VALUE else old.low_e4 if v13 == NO_VALUE else None,
        v14 * k if 0 < v14 < MAX_VALUE else old.high_e4 if v14 == NO_VALUE else None,
        v15 * k if 0 < v15 < MAX_VALUE else old.year_high_e4 if v15 == NO_VALUE else None,
        v16 * k if 0 < v16 < MAX_VALUE else old.year_low_e4 if v16 == NO_VALUE else None,
        v17 * k if 0 < v17 < MAX_VALUE else old.lower_circuit_e4 if v17 == NO_VALUE else None,
        v18 * k if 0 < v18 < MAX_VALUE else old.upper_circuit_e4 if v18 == NO_VALUE else None,
        v19 * k if 0 < v19 < MAX_VALUE else old.open_e4 if v19 == NO_VALUE else None,
        v20 * k if 0 < v20 < MAX_VALUE else old.previous_close_e4 if v20 == NO_VALUE else None,
    )
    # fmt: on


def merge_index(old: Quote, values: tuple[int, ...], k: int) -> Quote:
    """Lay the 8 values of an index record over the newest known state."""
    ltp, close, at, high, low, opened, year_high, year_low = values
    return Quote(
        old.instrument,
        ltp_e4=_price(ltp, k, old.ltp_e4),
        exchange_ns=at * _NS if at > 0 else old.exchange_ns if at == NO_VALUE else None,
        low_e4=_price(low, k, old.low_e4),
        high_e4=_price(high, k, old.high_e4),
        year_high_e4=_price(year_high, k, old.year_high_e4),
        year_low_e4=_price(year_low, k, old.year_low_e4),
        open_e4=_price(opened, k, old.open_e4),
        previous_close_e4=_price(close, k, old.previous_close_e4),
    )


def merge_values(old: tuple[int, ...], values: tuple[int, ...]) -> tuple[int, ...]:
    """Lay update values over raw ones."""
    if NO_VALUE not in values:
        return values
    merged = list(old)
    for at, value in enumerate(values):
        if value != NO_VALUE:
            merged[at] = value
    return tuple(merged)


def read_depth(old: Depth, values: tuple[int, ...], k: int) -> Depth:
    """Build the book from its 30 raw values; levels without price or quantity are left out."""
    # fmt: off
    (b0, b1, b2, b3, b4, s0, s1, s2, s3, s4, p0, p1, p2, p3, p4,
     q0, q1, q2, q3, q4, m0, m1, m2, m3, m4, n0, n1, n2, n3, n4) = values
    # fmt: on
    # Ten good levels are the usual case by far; chained comparisons are the fastest test.
    # fmt: off
    if (
        0 < b0 < MAX_VALUE and 0 < b1 < MAX_VALUE and 0 < b2 < MAX_VALUE
        and 0 < b3 < MAX_VALUE and 0 < b4 < MAX_VALUE and 0 < s0 < MAX_VALUE
        and 0 < s1 < MAX_VALUE and 0 < s2 < MAX_VALUE and 0 < s3 < MAX_VALUE
        and 0 < s4 < MAX_VALUE
        and p0 > 0 and p1 > 0 and p2 > 0 and p3 > 0 and p4 > 0
        and q0 > 0 and q1 > 0 and q2 > 0 and q3 > 0 and q4 > 0
        and m0 >= 0 and m1 >= 0 and m2 >= 0 and m3 >= 0 and m4 >= 0
        and n0 >= 0 and n1 >= 0 and n2 >= 0 and n3 >= 0 and n4 >= 0
    ):
        return Depth(
            old.instrument,
            (Level(b0 * k, p0, m0), Level(b1 * k, p1, m1), Level(b2 * k, p2, m2),
             Level(b3 * k, p3, m3), Level(b4 * k, p4, m4)),
            (Level(s0 * k, q0, n0), Level(s1 * k, q1, n1), Level(s2 * k, q2, n2),
             Level(s3 * k, q3, n3), Level(s4 * k, q4, n4)),
        )
    # fmt: on
    return Depth(old.instrument, _levels(values, 0, k), _levels(values, 5, k))


def _levels(values: tuple[int, ...], side: int, k: int) -> tuple[Level, ...]:
    found: list[Level] = []
    for at in range(side, side + 5):
        price, quantity, orders = values[at], values[at + 10], values[at + 20]
        if 0 < price < MAX_VALUE and quantity > 0:
            found.append(Level(price * k, quantity, orders if orders >= 0 else None))
    return tuple(found)


def _price(raw: int, k: int, old: int | None) -> int | None:
    if 0 < raw < MAX_VALUE:
        return raw * k
    return old if raw == NO_VALUE else None


def quote_in_e4(quote: Quote, prices: Scale) -> Quote:
    """Turn a quote of raw prices into one of rupee × 10,000."""
    found: dict[str, int] = {}
    for name in _PRICE_NAMES:
        raw: int | None = getattr(quote, name)
        if raw is not None:
            found[name] = prices.e4(raw)
    return msgspec.structs.replace(quote, **found)


def depth_in_e4(depth: Depth, prices: Scale) -> Depth:
    """Turn a book of raw prices into one of rupee × 10,000."""
    bids, asks = (
        tuple(Level(prices.e4(level.price_e4), level.quantity, level.orders) for level in side)
        for side in (depth.bids, depth.asks)
    )
    return Depth(depth.instrument, bids, asks)


_PRICE_NAMES: Final = tuple(name for name in Quote.__struct_fields__ if name.endswith("_e4"))


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One `S` record as it lies on the wire."""

    topic_id: int
    topic: str
    values: tuple[int, ...]
    multiplier: int = 1
    precision: int = 2
    exchange_segment: str = ""
    token: str = ""
    symbol: str = ""
    unknown: bytes = b"\x00\x00"


def decode_snapshot(frame: bytes, at: int) -> tuple[Snapshot, int]:
    """Read the snapshot record that starts at `at`; gives where it ends too."""
    cursor = Cursor(frame)
    cursor.at = at + 1
    topic_id = cursor.u16()
    topic = cursor.text(cursor.u8())
    count = cursor.u8()
    values: tuple[int, ...] = struct.unpack(f">{count}i", cursor.view(4 * count))
    record = Snapshot(
        topic_id=topic_id,
        topic=topic,
        values=values,
        unknown=cursor.take(2),
        multiplier=cursor.u16(),
        precision=cursor.u8(),
        exchange_segment=_loose_text(cursor),
        token=_loose_text(cursor),
        symbol=_loose_text(cursor),
    )
    return record, cursor.at


def _loose_text(cursor: Cursor) -> str:
    return cursor.take(cursor.u8()).decode(errors="ignore")


def encode_snapshot(record: Snapshot) -> bytes:
    """Write an `S` record."""
    parts = [
        struct.pack(">BH", SNAPSHOT, record.topic_id),
        _short_text(record.topic),
        struct.pack(f">B{len(record.values)}i", len(record.values), *record.values),
        record.unknown,
        struct.pack(">HB", record.multiplier, record.precision),
        _short_text(record.exchange_segment),
        _short_text(record.token),
        _short_text(record.symbol),
    ]
    return b"".join(parts)


def _short_text(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw


def encode_update(topic_id: int, values: Sequence[int]) -> bytes:
    """Write a `U` record of any number of values."""
    count = len(values)
    match count:
        case 21:
            return _SCRIP_RECORD.pack(UPDATE, topic_id, count, *values)
        case 30:
            return _DEPTH_RECORD.pack(UPDATE, topic_id, count, *values)
        case 8:
            return _INDEX_RECORD.pack(UPDATE, topic_id, count, *values)
        case _:
            return struct.pack(f">BHB{count}i", UPDATE, topic_id, count, *values)


def encode_lite(topic_id: int, ltp: int) -> bytes:
    """Write an `L` record: the last price alone."""
    return _LITE_RECORD.pack(LITE, topic_id, ltp)


def changed_values(old: Sequence[int], new: Sequence[int]) -> tuple[int, ...]:
    """Give the update that turns `old` into `new`: NO_VALUE where nothing changed."""
    return tuple([NO_VALUE if o == n else n for o, n in zip(old, new, strict=True)])


def scrip_values(quote: Quote, scale: Scale) -> tuple[int, ...]:
    """Lay a quote out as the 21 wire values."""
    row = (
        *(quote.ltp_e4, quote.volume, quote.traded_ns, quote.exchange_ns),
        *(quote.bid_qty, quote.ask_qty, quote.bid_e4, quote.ask_e4, quote.last_qty),
        *(quote.total_buy_qty, quote.total_sell_qty, quote.average_e4, quote.open_interest),
        *(quote.low_e4, quote.high_e4, quote.year_high_e4, quote.year_low_e4),
        *(quote.lower_circuit_e4, quote.upper_circuit_e4, quote.open_e4, quote.previous_close_e4),
    )
    return _raw(row, scale, SCRIP_PRICES, _SCRIP_TIMES)


def index_values(quote: Quote, scale: Scale) -> tuple[int, ...]:
    """Lay an index quote out as the 8 wire values."""
    row = (
        *(quote.ltp_e4, quote.previous_close_e4, quote.exchange_ns, quote.high_e4),
        *(quote.low_e4, quote.open_e4, quote.year_high_e4, quote.year_low_e4),
    )
    return _raw(row, scale, INDEX_PRICES, _INDEX_TIMES)


def depth_values(depth: Depth, scale: Scale) -> tuple[int, ...]:
    """Lay five levels a side out as the 30 wire values; a missing level is zeros."""
    bids, asks = _five(depth.bids), _five(depth.asks)
    row = (
        *[level.price_e4 for level in (*bids, *asks)],
        *[level.quantity for level in (*bids, *asks)],
        *[level.orders for level in (*bids, *asks)],
    )
    return _raw(row, scale, DEPTH_PRICES, frozenset())


_SCRIP_TIMES: Final = frozenset({2, 3})
_INDEX_TIMES: Final = frozenset({2})
_NO_LEVEL: Final = Level(0, 0, 0)


def _five(levels: Sequence[Level]) -> tuple[Level, ...]:
    return (*levels[:5], *[_NO_LEVEL] * (5 - len(levels)))


def _raw(
    row: Sequence[int | None], scale: Scale, prices: frozenset[int], times: frozenset[int]
) -> tuple[int, ...]:
    found: list[int] = []
    for at, value in enumerate(row):
        if value is None:
            found.append(NO_VALUE)
        elif at in prices:
            found.append(min(scale.raw(value), MAX_VALUE))
        elif at in times:
            found.append(min(value // _NS, MAX_VALUE))
        else:
            found.append(min(value, MAX_VALUE))
    return tuple(found)
