"""What the positions of a market-data record mean, and the schema text that says so on the wire.

Source: wire dossier §14.7 and §14.9. The service sends the schema in its answer to AUTH; the
order it names is used, and this one where it names none.
"""

import json
from typing import Final

import msgspec

_FIELDS: Final = """
s100 0 ftm0 t Feeder feed time [Time in seconds]
s101 1 dtm1 t DDS feed time [Time in seconds]
s102 2 fdtm t Exchange feed time [Time in seconds]
s103 3 ltt t Last Trade Time [Time in seconds]
s104 4 v n Trade Volume
s105 5 ltp p Last Trade Price
s106 6 ltq n Last Trade Quantity
s107 7 tbq n Total Buy Quantity
s108 8 tsq n Total Sell Quantity
s109 9 bp p Best Bid Price
s110 10 sp p Best Offer Price
s111 11 bq n Best Bid Size
s112 12 bs n Best Offer Size
s113 13 ap p VWAP/Average Price
s114 14 lo p Low Price
s115 15 h p High Price
s116 16 lcl p Lower Circuit Limit
s117 17 ucl p upper Circuit Limit
s118 18 yh p Fifty Two Week High/Yearly High
s119 19 yl p Fifty Two Week Low/Yearly Low
s120 20 op p Open Price
s121 21 c p Close Price
s122 22 oi n Open Interest
i100 0 ftm0 t Feeder feed time [Time in seconds]
i101 1 dtm1 t DDS feed time [Time in seconds]
i102 2 iv p Last Trade Price
i103 3 ic p Close Price
i104 4 tvalue t Exchange feed time [Time in seconds]
i105 5 highPrice p High Price
i106 6 lowPrice p Low Price
i107 7 openingPrice p Open Price
i108 12 yh p Fifty Two Week High/Yearly High
i109 13 yl p Fifty Two Week Low/Yearly Low
d100 0 ftm0 t Feeder feed time [Time in seconds]
d101 1 dtm1 t DDS feed time [Time in seconds]
d102 2 bp p Bid Price 1 [Best Bid Price]
d103 3 bp1 p Bid Price 2
d104 4 bp2 p Bid Price 3
d105 5 bp3 p Bid Price 4
d106 6 bp4 p Bid Price 5
d107 7 sp p Offer Price 1 (Best Offer Price)
d108 8 sp1 p Offer Price 2
d109 9 sp2 p Offer Price 3
d110 10 sp3 p Offer Price 4
d111 11 sp4 p Offer Price 5
d112 12 bq n Bid Size 1 (Best Bid Size)
d113 13 bq1 n Bid Size 2
d114 14 bq2 n Bid Size 3
d115 15 bq3 n Bid Size 4
d116 16 bq4 n Bid Size 5
d117 17 bs n Offer Size 1
d118 18 bs1 n Offer Size 2
d119 19 bs2 n Offer Size 3
d120 20 bs3 n Offer Size 4
d121 21 bs4 n Offer Size 5
d122 22 bno1 n Bid Order 1
d123 23 bno2 n Bid Order 2
d124 24 bno3 n Bid Order 3
d125 25 bno4 n Bid Order 4
d126 26 bno5 n Bid Order 5
d127 27 sno1 n Offer Order 1
d128 28 sno2 n Offer Order 2
d129 29 sno3 n Offer Order 3
d130 30 sno4 n Offer Order 4
d131 31 sno5 n Offer Order 5
f101 25 cng p Change [Scrip]
f102 26 nc n Percentage Change [Scrip]
f103 27 to n Turn Over
f104 10 cng p Change [Index]
f105 11 nc n Percentage Change [Index]
f106 23 mul n Multiplier [Scrip]
f107 24 prec n Precision [Scrip]
f108 8 mul n Multiplier [Index]
f109 9 prec n Precision [Index]
f110 32 mul n Multiplier [Depth]
f111 33 prec n Precision [Depth]
"""
"""One field a line: id, index in the client-side row, wire name, type, meaning."""

_TYPES: Final = {"t": "timestamp", "n": "Number", "p": "ConvNumber"}

# fmt: off
SCRIP: Final = tuple(f"s{n}" for n in (
    105, 104, 103, 102, 111, 112, 109, 110, 106, 107, 108,
    113, 122, 114, 115, 118, 119, 116, 117, 120, 121,
))
# fmt: on
"""Wire order of a quote record: last price, volume, … previous close."""

INDEX: Final = tuple(f"i{n}" for n in range(102, 110))
"""Wire order of an index record; captures before 2026 lack the last two."""

DEPTH: Final = tuple(f"d{n}" for n in range(102, 132))
"""Wire order of a depth record: six groups of five."""

SCRIP_PRICES: Final = frozenset({0, 6, 7, 11, 13, 14, 15, 16, 17, 18, 19, 20})
INDEX_PRICES: Final = frozenset({0, 1, 3, 4, 5, 6, 7})
DEPTH_PRICES: Final = frozenset(range(10))

_MAX_LITE: Final = 255


class Layout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How this connection orders its values.

    Each order gives, for our position j, the position on the wire (-1: not sent); None where the
    wire order is ours. `lite` counts are the values of a lite record.
    """

    scrip: tuple[int, ...] | None = None
    index: tuple[int, ...] | None = None
    depth: tuple[int, ...] | None = None
    scrip_lite: int = 1
    index_lite: int = 1


DEFAULT_LAYOUT: Final = Layout()


class _Lite(msgspec.Struct):
    hfid: int = 1


class _Schema(msgspec.Struct):
    scrip: list[str] = []
    index: list[str] = []
    depth: list[str] = []
    scrip_lite: _Lite = msgspec.field(default_factory=_Lite)
    index_lite: _Lite = msgspec.field(default_factory=_Lite)


_read_schema: Final = msgspec.json.Decoder(_Schema).decode


def read_layout(schema: bytes) -> Layout:
    """Take the field order from a schema text; ours where it is unreadable or silent."""
    try:
        found = _read_schema(schema)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return DEFAULT_LAYOUT
    return Layout(
        scrip=_order(SCRIP, found.scrip),
        index=_order(INDEX, found.index),
        depth=_order(DEPTH, found.depth),
        scrip_lite=_lite(found.scrip_lite),
        index_lite=_lite(found.index_lite),
    )


def schema_text() -> bytes:
    """Write the whole schema as the service does: indented JSON."""
    document = {
        "version": "1.0.0",
        "protocol": "1.0.0",
        "fields": [_field_object(line) for line in _FIELDS.strip().splitlines()],
        "scrip": SCRIP,
        "index": INDEX,
        "depth": DEPTH,
        "user-scrip": [*_numbered("s", 100, 123), "f106", "f107", "f101", "f102", "f103"],
        "user-index": [
            *_numbered("i", 100, 108),
            *("f108", "f109", "f104", "f105", "i108", "i109"),
        ],
        "user-depth": [*_numbered("d", 100, 132), "f110", "f111"],
        "scrip_lite": {"hfid": 1},
        "index_lite": {"hfid": 1},
    }
    return json.dumps(document, indent=2).encode()


def _field_object(line: str) -> dict[str, object]:
    field, index, name, kind, details = line.split(" ", 4)
    return {
        "fid": field,
        "type": "Number",
        "details": details,
        "index": int(index),
        "fld": name,
        "dataType": _TYPES[kind],
    }


def _numbered(letter: str, first: int, end: int) -> list[str]:
    return [f"{letter}{n}" for n in range(first, end)]


def _order(ours: tuple[str, ...], wire: list[str]) -> tuple[int, ...] | None:
    shared = min(len(ours), len(wire))
    if tuple(wire[:shared]) == ours[:shared]:
        return None
    if ours[0] not in wire:
        # A schema without a last price describes something else.
        return None
    return tuple(wire.index(field) if field in wire else -1 for field in ours)


def _lite(found: _Lite) -> int:
    return found.hfid if 1 <= found.hfid <= _MAX_LITE else 1
