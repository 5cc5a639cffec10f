"""All instruments of a day as columns: compact, quick to load, and made objects when looked up.

Rows are sorted once: what is traded for cash first, the widely traded first; then derivatives by
chain (one underlying on one segment), expiry, futures before options, strike. A search that walks
rows in order therefore meets the likelier ones first, and a chain is a slice.
"""

import bisect
import datetime as dt
import operator
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Right,
    Segment,
)
from desktop.trading.clock import date_of, day_of

Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Array = NDArray[np.integer[Any]]

VERSION: Final = 1
MISSING: Final = -(2**62)
"""A number that is None."""

_MAGIC: Final = b"TEZIROST"
SEPARATOR: Final = "\x1f"
"""Between the texts of a row."""
_EXCHANGES: Final = tuple(Exchange)
_SEGMENTS: Final = tuple(Segment)
_KINDS: Final = tuple(InstrumentKind)
_RIGHTS: Final = (None, *Right)
_DERIVED: Final = frozenset({InstrumentKind.FUTURE, InstrumentKind.OPTION})
_KIND_ORDER: Final = {
    InstrumentKind.INDEX: 0,
    InstrumentKind.EQUITY: 1,
    InstrumentKind.FUND: 2,
}
_SERIES_ORDER: Final = {"EQ": 0, "A": 0, "INDEX": 0, "B": 1, "BE": 1, "X": 1, "SM": 2}
_ENUMS: Final[Mapping[str, Sequence[object]]] = {
    "kind": _KINDS,
    "exchange": _EXCHANGES,
    "segment": _SEGMENTS,
    "right": _RIGHTS,
}
_NULLABLE: Final = (
    *("strike_e4", "multiplier", "freeze_qty", "lower_e4", "upper_e4", "previous_close_e4"),
)
_PLAIN: Final = ("lot_size", "tick_e4", "is_tradable")
_CODED: Final = ("isin", "underlying", "underlying_id", "session")


class Chain(msgspec.Struct, frozen=True):
    """The contracts of one underlying on one segment: rows first to last, the last excluded."""

    exchange: Exchange
    segment: Segment
    underlying: str
    first: int
    last: int


class _Head(msgspec.Struct):
    """What the cache file says before the arrays."""

    version: int
    count: int
    docs: int
    tables: dict[str, list[str]]
    chains: list[tuple[int, int]]
    days: dict[str, int]
    arrays: list[tuple[str, str, int]]


class Roster:
    """Columns by name, texts in one blob, and ways to find a row."""

    def __init__(self, head: "_Head", arrays: Mapping[str, Array], blob: bytes) -> None:
        self.count = head.count
        self.docs = head.docs
        """Rows before this one are no contract of a chain."""
        self.tables = head.tables
        self.days = head.days
        """`NSE:FO` → the day, since 1970, of the master its rows come from."""
        self.arrays = dict(arrays)
        self.blob = blob
        self._head = head
        self._lines = self.arrays["lines"]
        self._made: dict[int, Instrument] = {}
        self._id_hashes, self._id_rows = self._finder("id")
        self._symbol_hashes, self._symbol_rows = self._finder("symbol")
        self.chains = [self._chain(first, last) for first, last in head.chains]

    # -- making

    @classmethod
    def build(cls, instruments: Sequence[Instrument], days: Mapping[str, int]) -> "Roster":
        """Lay instruments out; of two with one id the later is kept."""
        columns = _columns(instruments)
        if len(set(columns["id"])) != len(instruments):
            columns = _columns(list({each.id: each for each in instruments}.values()))
        tables: dict[str, list[str]] = {}
        arrays: dict[str, Array] = {}
        for name in _CODED:
            arrays[name], tables[name] = _code(columns[name])
        for name in _PLAIN:
            arrays[name] = np.array(columns[name], np.int32)
        for name in _NULLABLE:
            arrays[name] = _nullable(columns[name])
        for name, members in _ENUMS.items():
            arrays[name] = _enum(columns[name], members)
        arrays["expiry"] = _expiries(columns["expiry"])
        order, docs, chains = _order(columns, arrays, _place(tables["underlying"], ""))
        arrays = {name: array[order] for name, array in arrays.items()}
        for name in ("expiry", "strike_e4"):
            values, codes = np.unique(arrays[name][docs:], return_inverse=True)
            arrays[f"{name}_values"], arrays[f"{name}_code"] = values, codes.astype(np.int32)
        for name in ("id", "symbol"):
            hashes = np.fromiter(map(zlib.crc32, map(str.encode, columns[name])), np.uint32)
            by_hash = np.argsort(hashes[order], kind="stable")
            arrays[f"{name}_hashes"] = hashes[order][by_hash]
            arrays[f"{name}_rows"] = by_hash.astype(np.int32)
        blob, arrays["lines"] = _texts(columns, order)
        head = _Head(
            version=VERSION,
            count=len(order),
            docs=docs,
            tables=tables,
            chains=chains,
            days=dict(days),
            arrays=[],
        )
        return cls(head, arrays, blob)

    def _finder(self, name: str) -> tuple[memoryview, Array]:
        return self.arrays[f"{name}_hashes"].data, self.arrays[f"{name}_rows"]

    def _chain(self, first: int, last: int) -> Chain:
        return Chain(
            exchange=_EXCHANGES[self.arrays["exchange"][first]],
            segment=_SEGMENTS[self.arrays["segment"][first]],
            underlying=self.tables["underlying"][self.arrays["underlying"][first]],
            first=first,
            last=last,
        )

    # -- looking up

    def row_of(self, instrument: InstrumentId) -> int | None:
        """Find a row by the one name of its instrument."""
        for row in _same_hash(instrument, self._id_hashes, self._id_rows):
            if self.texts(row)[2] == instrument:
                return row
        return None

    def row_of_symbol(self, symbol: str) -> int | None:
        """Find a row by `EXCHANGE:NAME`; of several the first in the roster's order."""
        rows = _same_hash(symbol, self._symbol_hashes, self._symbol_rows)
        return min((row for row in rows if self.texts(row)[0] == symbol), default=None)

    def joined_texts(self, last: int) -> str:
        """Give the lines of all rows before one, their texts joined by SEPARATOR."""
        return self.blob[: self._lines[last]].decode()

    def texts(self, row: int) -> tuple[str, str, str, str]:
        """Give a row's symbol, name, id and token."""
        line = self.blob[self._lines[row] : self._lines[row + 1] - 1].decode()
        symbol, name, instrument, token = line.split(SEPARATOR)
        return symbol, name, instrument, token

    def instrument(self, row: int) -> Instrument:
        """Give a row as an object; the same one each time."""
        made = self._made.get(row)
        if made is None:
            made = self._made[row] = self._make(row)
        return made

    def _make(self, row: int) -> Instrument:
        symbol, name, instrument, token = self.texts(row)
        arrays = self.arrays
        coded = {each: self.tables[each][arrays[each][row]] for each in _CODED}
        nullable = {each: _none(int(arrays[each][row])) for each in _NULLABLE}
        expiry = int(arrays["expiry"][row])
        underlying_id = coded["underlying_id"]
        return Instrument(
            id=InstrumentId(instrument),
            exchange=_EXCHANGES[arrays["exchange"][row]],
            segment=_SEGMENTS[arrays["segment"][row]],
            token=token,
            symbol=symbol,
            name=name,
            kind=_KINDS[arrays["kind"][row]],
            lot_size=int(arrays["lot_size"][row]),
            tick_e4=int(arrays["tick_e4"][row]),
            isin=coded["isin"],
            underlying=coded["underlying"],
            underlying_id=InstrumentId(underlying_id) if underlying_id else None,
            expiry=None if expiry < 0 else date_of(expiry),
            right=_RIGHTS[arrays["right"][row]],
            session=coded["session"],
            is_tradable=bool(arrays["is_tradable"][row]),
            **nullable,
        )

    def rows_starting(self, symbol: str, first: int, last: int, most: int) -> list[int]:
        """Find rows in a slice whose symbol begins so, in the roster's order."""
        wanted, found = b"\n" + symbol.encode(), list[int]()
        # The line feed before the first row belongs to the row before it.
        at, end = max(0, int(self._lines[first]) - 1), int(self._lines[last])
        while len(found) < most and (at := self.blob.find(wanted, at, end)) >= 0:
            found.append(int(np.searchsorted(self._lines, at, "right")))
            at += 1
        return found

    def groups(self) -> dict[str, int]:
        """Count rows by master: `NSE:FO` → 91,234."""
        counts = np.bincount(self.arrays["exchange"] * len(_SEGMENTS) + self.arrays["segment"])
        return {
            f"{_EXCHANGES[code // len(_SEGMENTS)]}:{_SEGMENTS[code % len(_SEGMENTS)]}": int(count)
            for code, count in enumerate(counts)
            if count
        }

    def rows_of_group(self, group: str) -> Longs:
        """Give the rows of a master's `NSE:FO`."""
        exchange, segment = group.split(":")
        found: Longs = np.flatnonzero(
            (self.arrays["exchange"] == _EXCHANGES.index(Exchange(exchange)))
            & (self.arrays["segment"] == _SEGMENTS.index(Segment(segment)))
        )
        return found

    # -- the cache file

    def pack(self) -> bytes:
        """Write everything as one file: magic, checksum, head, arrays, texts."""
        names = sorted(self.arrays)
        self._head.arrays = [(n, self.arrays[n].dtype.str, len(self.arrays[n])) for n in names]
        head = _padded(msgspec.json.encode(self._head), b" ")
        bodies = [_padded(np.ascontiguousarray(self.arrays[name]).tobytes()) for name in names]
        rest = b"".join([len(head).to_bytes(8, "little"), head, *bodies, self.blob])
        return _MAGIC + zlib.crc32(rest).to_bytes(8, "little") + rest

    @classmethod
    def unpack(cls, packed: bytes) -> "Roster":
        """Read what `pack` wrote; anything else is a ValueError."""
        view = memoryview(packed)
        if bytes(view[:8]) != _MAGIC or zlib.crc32(view[16:]) != int.from_bytes(
            view[8:16], "little"
        ):
            raise ValueError("not an instrument cache, or a damaged one")
        size = int.from_bytes(view[16:24], "little")
        try:
            head = msgspec.json.decode(view[24 : 24 + size], type=_Head)
        except msgspec.DecodeError as error:
            raise ValueError(f"instrument cache: {error}") from error
        if head.version != VERSION:
            raise ValueError(f"instrument cache: expected version {VERSION}, was {head.version}")
        at, arrays = 24 + size, {}
        for name, kind, length in head.arrays:
            array = np.frombuffer(view, kind, length, at)
            arrays[name] = array
            at += -(-array.nbytes // 8) * 8
        return cls(head, arrays, bytes(view[at:]))


def group_of(instrument: Instrument) -> str:
    """Name the master an instrument belongs to: `NSE:FO`."""
    return f"{instrument.exchange}:{instrument.segment}"


def _place(table: list[str], text: str) -> int:
    return table.index(text) if text in table else -1


def _padded(body: bytes, filling: bytes = b"\0") -> bytes:
    """Lengthen to a multiple of 8, so that arrays in the file are aligned."""
    return body + filling * (-len(body) % 8)


def _none(value: int) -> int | None:
    return None if value == MISSING else value


def _columns(instruments: Sequence[Instrument]) -> dict[str, list[Any]]:
    # Field by field: rows as tuples would wake the garbage collector a hundred times.
    names = Instrument.__struct_fields__
    return {name: list(map(operator.attrgetter(name), instruments)) for name in names}


def _code(texts: list[str | None]) -> tuple[Ints, list[str]]:
    """Replace texts that repeat by their place in a table; None counts as empty."""
    table = dict.fromkeys(texts)
    codes = {text: index for index, text in enumerate(table)}
    return np.array(list(map(codes.__getitem__, texts)), np.int32), [text or "" for text in table]


def _enum(values: Sequence[object], members: Sequence[object]) -> Ints:
    code = {member: index for index, member in enumerate(members)}
    return np.array(list(map(code.__getitem__, values)), np.int32)


def _nullable(values: list[int | None]) -> Longs:
    if values.count(None) == len(values):
        return np.full(len(values), MISSING)
    return np.array([MISSING if value is None else value for value in values], np.int64)


def _expiries(dates: list[dt.date | None]) -> Ints:
    days = {date: -1 if date is None else day_of(date) for date in set(dates)}
    return np.array(list(map(days.__getitem__, dates)), np.int32)


def _texts(columns: Mapping[str, list[str]], order: Longs) -> tuple[bytes, Longs]:
    """Join symbol, name, id and token of each row, and say where each line starts."""
    parts = [columns[name] for name in ("symbol", "name", "id", "token")]
    text = _joined(parts, order)
    if text.count("\n") != len(order) or text.count(SEPARATOR) != 3 * len(order):
        text = _joined([list(map(_clean, part)) for part in parts], order)
    blob = text.encode()
    ends = np.flatnonzero(np.frombuffer(blob, np.uint8) == ord("\n")) + 1
    return blob, np.concatenate([np.zeros(1, np.int64), ends])


def _joined(parts: list[list[str]], order: Longs) -> str:
    lines = list(map(SEPARATOR.join, zip(*parts, strict=True)))
    return "\n".join([*(lines[i] for i in order.tolist()), ""])


def _clean(text: str) -> str:
    return text.replace("\n", " ").replace(SEPARATOR, " ")


def _same_hash(text: str, hashes: memoryview, rows: Array) -> list[int]:
    wanted = zlib.crc32(text.encode())
    at = bisect.bisect_left(hashes, wanted)
    found = []
    while at < len(hashes) and hashes[at] == wanted:
        found.append(int(rows[at]))
        at += 1
    return found


def _order(
    columns: Mapping[str, list[Any]], arrays: Mapping[str, Array], nameless: int
) -> tuple[Longs, int, list[tuple[int, int]]]:
    """Sort rows; give the order, how many stand in no chain, and the chains as slices."""
    underlying = arrays["underlying"].astype(np.int64)
    is_derived = np.isin(arrays["kind"], [_KINDS.index(kind) for kind in _DERIVED])
    is_derived &= (arrays["expiry"] >= 0) & (underlying != nameless)
    derived, docs = np.flatnonzero(is_derived), np.flatnonzero(~is_derived)
    weight = np.bincount(underlying[derived], minlength=int(underlying.max(initial=0)) + 1)
    kinds = [_KIND_ORDER.get(columns["kind"][i], 3) for i in docs.tolist()]
    series = [_series_order(columns["symbol"][i]) for i in docs.tolist()]
    # Indices, then shares with derivatives, then main series first.
    by = np.array([series, arrays["exchange"][docs], -weight[underlying[docs]], kinds])
    doc_order = docs[np.lexsort(by)]
    keys = underlying * 64 + arrays["exchange"] * 8 + arrays["segment"]
    _, chain, sizes = np.unique(keys[derived], return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    packed = rank[chain]
    for name, room in (("expiry", 14), ("kind", 3), ("strike_e4", 22), ("right", 2)):
        packed = (packed << room) + _rank(arrays[name][derived], room)
    order = np.concatenate([doc_order, derived[np.argsort(packed, kind="stable")]])
    ends = len(docs) + np.cumsum(sizes[np.argsort(-sizes, kind="stable")])
    starts = np.concatenate([[len(docs)], ends[:-1]]) if len(sizes) else ends
    return order, len(docs), list(zip(starts.tolist(), ends.tolist(), strict=True))


def _rank(values: Array, room: int) -> Longs:
    """Number the different values in their order."""
    found, ranks = np.unique(values, return_inverse=True)
    assert len(found) < 1 << room, "more different values than a chain can be sorted by"
    return ranks.astype(np.int64)


def _series_order(symbol: str) -> int:
    return _SERIES_ORDER.get(symbol.rpartition("-")[2], 3)
