"""The symbol masters: plain CSV of 13 to 21 columns, and JSON with limits and multipliers.

Source: API v3 documentation and real files of 2021 to 2026; what they hold beyond the
documentation is in notes.md. A row that contradicts itself is skipped and reported.
"""

import codecs
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from brokers.errors import DecodeError
from brokers.fyers.codec import enums
from brokers.fyers.codec.amounts import Count, known_e4, whole
from brokers.fyers.codec.masters import fy_token, write_csv, write_json
from brokers.fyers.codec.messages import Id
from brokers.fyers.codec.rest import decode
from brokers.fyers.codec.texts import IST_OFFSET_S
from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Right,
    Segment,
    instrument_id,
)
from brokers.model.money import parse_e4
from brokers.port import BadRow, MasterFile, MasterPart

_DAY_S: Final = 86_400
_FIRST_DAY: Final = dt.date(1970, 1, 1).toordinal()
_MAX_EPOCH_S: Final = 10**10
_DERIVED: Final = frozenset({InstrumentKind.FUTURE, InstrumentKind.OPTION})
_COLUMNS: Final = 18
"""What is read of a row; 13 are always there. Missing ones count as not known."""

_BY_ISIN: Final = None
_CASH_KINDS: Final[dict[str, InstrumentKind | None]] = {
    "0": InstrumentKind.EQUITY,
    "1": InstrumentKind.OTHER,
    "2": InstrumentKind.BOND,
    "3": InstrumentKind.OTHER,
    # Miscellaneous: most of BSE, shares and debentures alike; the ISIN tells them apart.
    "4": _BY_ISIN,
    "50": _BY_ISIN,
    "5": InstrumentKind.BOND,
    "6": InstrumentKind.BOND,
    "7": InstrumentKind.BOND,
    "8": InstrumentKind.FUND,
    "9": InstrumentKind.FUND,
    "10": InstrumentKind.INDEX,
}
_KINDS: Final[dict[Segment, dict[str, InstrumentKind | None]]] = {
    Segment.CM: _CASH_KINDS,
    Segment.FO: {
        **dict.fromkeys(("11", "12", "13"), InstrumentKind.FUTURE),
        **dict.fromkeys(("14", "15"), InstrumentKind.OPTION),
    },
    Segment.CD: {
        **dict.fromkeys(("16", "17", "18", "25"), InstrumentKind.FUTURE),
        "19": InstrumentKind.OPTION,
        "24": InstrumentKind.INDEX,
    },
    Segment.COM: {
        **dict.fromkeys(("11", "30", "33", "34", "35"), InstrumentKind.FUTURE),
        **dict.fromkeys(("31", "32", "36", "37"), InstrumentKind.OPTION),
    },
}

V = TypeVar("V")


def read_master(file: MasterFile) -> MasterPart:
    """Read one master, CSV or JSON by its first character.

    Raises:
        DecodeError: no row of it can be read.
    """
    is_json = file.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    part = (_read_json if is_json else _read_csv)(file.name, file.body)
    if part.bad_rows and not part.instruments:
        raise DecodeError(file.name, "a symbol master", part.bad_rows[0].reason)
    return part


def merge(rows: MasterPart, details: MasterPart) -> MasterPart:
    """Complete the CSV's instruments with what only the JSON master has.

    These are multiplier, freeze quantity, limits, previous close and trade status. Instruments
    that one of the two does not list are kept as the other has them.
    """
    detailed = {instrument.id: instrument for instrument in details.instruments}
    merged = []
    for row in rows.instruments:
        detail = detailed.pop(row.id, None)
        merged.append(row if detail is None else _completed(row, detail))
    merged.extend(detailed.values())
    return MasterPart(instruments=merged, bad_rows=[*rows.bad_rows, *details.bad_rows])


def _completed(row: Instrument, detail: Instrument) -> Instrument:
    if row.symbol != detail.symbol or row.expiry != detail.expiry:
        # The two files are of different days and the token was given to another contract.
        return row
    return msgspec.structs.replace(
        row,
        multiplier=detail.multiplier,
        freeze_qty=detail.freeze_qty,
        lower_e4=detail.lower_e4,
        upper_e4=detail.upper_e4,
        previous_close_e4=detail.previous_close_e4,
        is_tradable=detail.is_tradable,
    )


def master_name(exchange: Exchange, segment: Segment) -> str:
    """Name the master that lists an exchange's segment: `NSE_CM`."""
    return f"{exchange.value}_{segment.value}"


class _Memo(dict[str, V], Generic[V]):
    """Texts that repeat a hundred thousand times, read once each."""

    def __init__(self, read: Callable[[str], V]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> V:
        value = self[text] = self._read(text)
        return value


class _Group(NamedTuple):
    """What all rows of one exchange and segment share; a tuple, for it is unpacked for each row."""

    head: str
    id_head: str
    ticker_head: str
    kinds: dict[str, InstrumentKind | None]
    exchange: Exchange
    segment: Segment
    multiplier: int | None


def _group(code: str) -> _Group:
    try:
        exchange, segment = enums.pair(int(code[:2]), int(code[2:]), "master")
    except (ValueError, DecodeError):
        raise ValueError(f"exchange/segment: expected a pair that exists, was {code[:9]}") from None
    return _Group(
        code,
        f"{exchange.value}:{segment.value}:",
        f"{exchange.value}:",
        _KINDS[segment],
        exchange,
        segment,
        # Only the JSON master has a contract's size; in these two segments it is 1 by definition.
        1 if segment in (Segment.CM, Segment.FO) else None,
    )


def _lot(text: str) -> int:
    lot = int(text) if text.isdigit() and len(text) < 10 else -1
    if lot < 0:
        raise ValueError(f"lot size: expected a whole number, was {text[:20]!r}")
    return lot


def _tick(text: str) -> int:
    tick_e4 = parse_e4(text)
    if tick_e4 <= 0:
        raise ValueError(f"tick size: expected one above 0, was {text[:20]!r}")
    return tick_e4


def _strike(text: str) -> int | None:
    strike_e4 = parse_e4(text) if text else 0
    return strike_e4 if strike_e4 > 0 else None


def _expiry(text: str) -> dt.date | None:
    """Give the Indian date of an expiry; the time of day differs between files."""
    if text.strip() in ("", "None", "0"):
        return None
    if not text.isdigit() or int(text[:20]) > _MAX_EPOCH_S:
        raise ValueError(f"expiry: expected epoch seconds, was {text[:20]!r}")
    return dt.date.fromordinal((int(text) + IST_OFFSET_S) // _DAY_S + _FIRST_DAY)


def _underlying(text: str) -> InstrumentId | None:
    if text in ("", "None"):
        return None
    try:
        return enums.instrument_of(text, "underlying")
    except DecodeError:
        raise ValueError(f"underlying: expected a fyToken, was {text[:32]!r}") from None


def _kind_by_isin(isin: str) -> InstrumentKind:
    if isin.startswith("INF"):
        return InstrumentKind.FUND
    if isin.startswith("INE"):
        return InstrumentKind.EQUITY if isin[7:9] == "01" else InstrumentKind.BOND
    return InstrumentKind.BOND if isin.startswith("IN") else InstrumentKind.OTHER


def _row_reader() -> Callable[[list[str]], Instrument]:
    """Make a reader of rows for one file; it remembers what it has read.

    A master has 150,000 rows and is read at every start: one function, local names, no slices.
    """
    groups = _Memo(_group)
    lots = _Memo(_lot)
    ticks = _Memo(_tick)
    strikes = _Memo(_strike)
    expiries = _Memo(_expiry)
    underlyings = _Memo(_underlying)
    texts = _Memo(str)
    rights = {"CE": Right.CALL, "PE": Right.PUT}.get
    derived, other, index = _DERIVED, InstrumentKind.OTHER, InstrumentKind.INDEX

    def read(columns: list[str]) -> Instrument:
        if len(columns) < _COLUMNS:
            columns = _padded(columns)
        head, id_head, ticker_head, kinds, exchange, segment, multiplier = groups[
            columns[10] + columns[11]
        ]
        fyers, token, symbol = columns[0], columns[12], columns[9]
        if fyers[:4] != head or fyers[10:] != token or not token.isdigit():
            raise ValueError(f"fyToken: does not agree with its parts, was {fyers[:32]!r}")
        if not symbol.startswith(ticker_head):
            raise ValueError(f"symbol: expected {ticker_head}…, was {symbol[:40]!r}")
        kind = kinds.get(columns[2], other)
        if kind is None:
            kind = _kind_by_isin(columns[5])
        is_derived = kind in derived
        instrument = Instrument(
            id=id_head + token,  # type: ignore[arg-type]  # the NewType's call costs a tenth of the read
            exchange=exchange,
            segment=segment,
            token=token,
            symbol=symbol,
            name=columns[1].rstrip(),
            kind=kind,
            lot_size=lots[columns[3]] or 1,
            tick_e4=ticks[columns[4]],
            isin=columns[5],
            underlying=texts[columns[13]],
            underlying_id=underlyings[columns[17]] if is_derived else None,
            expiry=expiries[columns[8]],
            strike_e4=strikes[columns[15]],
            right=rights(columns[16]),
            multiplier=multiplier,
            session=texts[columns[6]],
            is_tradable=kind is not index,
        )
        if is_derived or columns[3] == "0":
            _check(instrument, columns)
        return instrument

    return read


def _padded(columns: list[str]) -> list[str]:
    if len(columns) < 13:
        raise ValueError(f"expected at least 13 columns, was {len(columns)}")
    return columns + [""] * (_COLUMNS - len(columns))


def _check(instrument: Instrument, columns: Sequence[str]) -> None:
    """Refuse a contract without what makes it one, and a tradable thing without a lot."""
    if columns[3] == "0" and instrument.is_tradable:
        raise ValueError("lot size: expected at least 1, was 0")
    if instrument.kind is InstrumentKind.INDEX:
        return
    if instrument.expiry is None:
        raise ValueError(f"expiry: a {instrument.kind} needs one")
    is_option = instrument.kind is InstrumentKind.OPTION
    is_told = columns[15] != ""
    if is_option and is_told and (instrument.strike_e4 is None or instrument.right is None):
        raise ValueError("strike: an option needs a strike above 0 and CE or PE")


def _read_csv(name: str, body: bytes) -> MasterPart:
    text = body.decode("utf-8-sig" if body[:3] == codecs.BOM_UTF8 else "utf-8", "replace")
    lines = (text.replace("\r", "") if "\r" in text else text).split("\n")
    instruments: list[Instrument] = []
    bad: list[BadRow] = []
    read = _row_reader()
    for number, line in enumerate(lines, 1):
        try:
            instruments.append(read(line.split(",")))
        except ValueError as error:
            if line:
                bad.append(BadRow(file=name, line=number, reason=str(error)))
    return MasterPart(instruments=instruments, bad_rows=bad)


class Entry(msgspec.Struct, kw_only=True):
    """One instrument of the JSON master; misspellings and texts for numbers are the wire's."""

    fy_token: str = msgspec.field(name="fyToken")
    details: str = msgspec.field(name="symDetails", default="")
    symbol: str = msgspec.field(name="symTicker")
    exchange: Count
    segment: Count
    token: Id = msgspec.field(name="exToken")
    kind: Count = msgspec.field(name="exInstType")
    lot_size: Count = msgspec.field(name="minLotSize")
    tick: Decimal = msgspec.field(name="tickSize")
    isin: str | None = None
    session: str | None = msgspec.field(name="tradingSession", default=None)
    expiry: Id | None = msgspec.field(name="expiryDate", default=None)
    underlying: str | None = msgspec.field(name="underSym", default=None)
    under_token: Id | None = msgspec.field(name="underFyTok", default=None)
    strike: Decimal | None = msgspec.field(name="strikePrice", default=None)
    option_type: str | None = msgspec.field(name="optType", default=None)
    freeze: Id | None = msgspec.field(name="qtyFreeze", default=None)
    trade_status: Count | None = msgspec.field(name="tradeStatus", default=None)
    upper: Decimal | None = msgspec.field(name="upperPrice", default=None)
    lower: Decimal | None = msgspec.field(name="lowerPrice", default=None)
    multiplier: Decimal | None = msgspec.field(name="qtyMultiplier", default=None)
    previous_close: Decimal | None = msgspec.field(name="previousClose", default=None)


def _read_json(name: str, body: bytes) -> MasterPart:
    instruments: list[Instrument] = []
    bad: list[BadRow] = []
    read = _row_reader()
    for number, entry in enumerate(_entries(name, body), 1):
        try:
            one = entry if isinstance(entry, Entry) else decode(bytes(entry), Entry, f"[{number}]")
            instruments.append(_from_entry(one, read))
        except (ValueError, DecodeError) as error:
            bad.append(BadRow(file=name, line=number, reason=str(error)))
    return MasterPart(instruments=instruments, bad_rows=bad)


def _entries(name: str, body: bytes) -> Iterable[Entry | msgspec.Raw]:
    """Decode the file at once; if one entry is wrong, leave each to be decoded alone."""
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        return msgspec.json.decode(body, type=dict[str, Entry], strict=False).values()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return decode(body, dict[str, msgspec.Raw], name).values()


def _from_entry(entry: Entry, read: Callable[[list[str]], Instrument]) -> Instrument:
    columns = [
        *(entry.fy_token, entry.details, str(entry.kind), str(entry.lot_size), f"{entry.tick:f}"),
        *(entry.isin or "", entry.session or "", "", str(entry.expiry or ""), entry.symbol),
        *(str(entry.exchange), str(entry.segment), str(entry.token), entry.underlying or "", ""),
        f"{entry.strike:f}" if entry.strike is not None else "",
        *(entry.option_type or "", str(entry.under_token or "")),
    ]
    plain = read(columns)
    multiplier = whole(entry.multiplier, "qtyMultiplier") or plain.multiplier
    if plain.multiplier is not None:
        multiplier = plain.multiplier
    return msgspec.structs.replace(
        plain,
        multiplier=multiplier,
        freeze_qty=_freeze(entry.freeze),
        lower_e4=known_e4(entry.lower, "lowerPrice"),
        upper_e4=known_e4(entry.upper, "upperPrice"),
        previous_close_e4=known_e4(entry.previous_close, "previousClose"),
        is_tradable=plain.is_tradable and entry.trade_status in (None, 1),
    )


def _freeze(text: Id | None) -> int | None:
    quantity = str(text or "").partition(".")[0].strip()
    if not quantity:
        return None
    if not quantity.isdigit() or len(quantity) > 15:
        raise ValueError(f"qtyFreeze: expected a whole number, was {quantity[:20]!r}")
    return int(quantity) or None


def instrument_of(token: str) -> InstrumentId:
    """Read an instrument's name out of a fyToken."""
    return enums.instrument_of(token, "fyToken")


__all__ = [
    "Entry",
    "fy_token",
    "instrument_id",
    "instrument_of",
    "master_name",
    "merge",
    "read_master",
    "write_csv",
    "write_json",
]
