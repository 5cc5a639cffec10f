"""Symbol masters the other way: instruments out as 21-column CSV and as JSON."""

import datetime as dt
import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Final

import msgspec

from brokers.fyers.codec import enums
from brokers.fyers.codec.amounts import rupees
from brokers.fyers.codec.texts import IST_OFFSET_S
from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Segment,
    split_id,
)

_DAY_S: Final = 86_400
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_SESSION_END: Final = re.compile(r"\d{4}-(\d\d)(\d\d)\|")
_CURRENCY_EXPIRES_S: Final = (12 * 60 + 30) * 60
_EQUITY_EXPIRES_S: Final = (15 * 60 + 30) * 60
_NO_STRIKE: Final = "-1.0"
_FUND_SERIES: Final = "MF"

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def write_csv(
    instruments: Iterable[Instrument], day: dt.date, indices: Collection[InstrumentId]
) -> bytes:
    """Write one master file.

    Args:
        instruments: of one exchange and segment, in the order of the file.
        day: the day of the file.
        indices: the instruments that are indices: contracts on them have their own type number.
    """
    rows = [",".join(_columns(instrument, day, indices)) for instrument in instruments]
    return "".join(f"{row}\n" for row in rows).encode()


def write_json(
    instruments: Iterable[Instrument], day: dt.date, indices: Collection[InstrumentId]
) -> bytes:
    """Write one JSON master: ticker → entry."""
    return _ENCODER.encode({each.symbol: _entry(each, day, indices) for each in instruments})


def fy_token(instrument: Instrument) -> str:
    """Write an instrument's fyToken."""
    return enums.fy_token(
        instrument.exchange, instrument.segment, instrument.token, instrument.expiry
    )


def expiry_s(instrument: Instrument) -> int | None:
    """Give the moment of expiry in epoch seconds: the session's end, half past twelve for pairs."""
    if instrument.expiry is None:
        return None
    days = instrument.expiry.toordinal() - _EPOCH_DAY
    return days * _DAY_S - IST_OFFSET_S + _expiry_time_s(instrument)


def _expiry_time_s(instrument: Instrument) -> int:
    if instrument.segment is Segment.CD:
        return _CURRENCY_EXPIRES_S
    end = _SESSION_END.match(instrument.session)
    return (int(end[1]) * 60 + int(end[2])) * 60 if end else _EQUITY_EXPIRES_S


def type_number(instrument: Instrument, indices: Collection[InstrumentId]) -> int:
    """Give the exchange instrument type of FYERS' table."""
    on_index = instrument.underlying_id in indices
    match instrument.segment, instrument.kind:
        case Segment.CM, kind:
            if kind is InstrumentKind.FUND:
                return 8 if instrument.series == _FUND_SERIES else 9
            return _CASH_TYPES.get(kind, 3)
        case Segment.FO, InstrumentKind.FUTURE:
            return 11 if on_index else 13
        case Segment.FO, InstrumentKind.OPTION:
            return 14 if on_index else 15
        case segment, kind:
            is_nse = instrument.exchange is Exchange.NSE
            return _OTHER_TYPES.get((segment, kind, is_nse), 20)


_CASH_TYPES: Final = {
    InstrumentKind.EQUITY: 0,
    InstrumentKind.BOND: 6,
    InstrumentKind.INDEX: 10,
}
_OTHER_TYPES: Final = {
    **{(Segment.CD, InstrumentKind.FUTURE, is_nse): 16 for is_nse in (True, False)},
    **{(Segment.CD, InstrumentKind.OPTION, is_nse): 19 for is_nse in (True, False)},
    **{(Segment.CD, InstrumentKind.INDEX, is_nse): 24 for is_nse in (True, False)},
    (Segment.COM, InstrumentKind.FUTURE, False): 30,
    (Segment.COM, InstrumentKind.FUTURE, True): 30,
    (Segment.COM, InstrumentKind.OPTION, False): 31,
    (Segment.COM, InstrumentKind.OPTION, True): 32,
}


def _under_tokens(instrument: Instrument) -> tuple[str, str]:
    """Give the underlying's token and fyToken; a cash instrument is its own."""
    if instrument.underlying_id is None:
        return instrument.token, fy_token(instrument)
    exchange, segment, token = split_id(instrument.underlying_id)
    return token, enums.fy_token(Exchange(exchange), Segment(segment), token, None)


def _option_type(instrument: Instrument) -> str:
    if instrument.right is not None:
        return instrument.right.value
    is_bse_future = instrument.exchange is Exchange.BSE and instrument.kind is InstrumentKind.FUTURE
    return "" if is_bse_future else "XX"


def _number(price_e4: int) -> str:
    """Write a number as the files do, a whole one with `.0`."""
    text = str(rupees(price_e4))
    return text if "." in text else f"{text}.0"


def _columns(
    instrument: Instrument, day: dt.date, indices: Collection[InstrumentId]
) -> tuple[str, ...]:
    under_token, under_fy_token = _under_tokens(instrument)
    expires = expiry_s(instrument)
    expiry = "" if expires is None else str(expires)
    return (
        fy_token(instrument),
        instrument.name.replace(",", " "),
        str(type_number(instrument, indices)),
        str(instrument.lot_size),
        _number(instrument.tick_e4),
        instrument.isin,
        instrument.session,
        day.isoformat(),
        expiry,
        instrument.symbol,
        str(enums.EXCHANGE_CODES[instrument.exchange]),
        str(enums.SEGMENT_CODES[instrument.segment]),
        instrument.token,
        instrument.underlying,
        under_token,
        _NO_STRIKE if instrument.strike_e4 is None else _number(instrument.strike_e4),
        _option_type(instrument),
        under_fy_token,
        expiry if instrument.segment is Segment.COM else "None",
        "0",
        "0.0",
    )


def _entry(
    instrument: Instrument, day: dt.date, indices: Collection[InstrumentId]
) -> dict[str, object]:
    _, under_fy_token = _under_tokens(instrument)
    is_cash = instrument.segment is Segment.CM
    expires = expiry_s(instrument)
    strike_e4 = instrument.strike_e4
    return {
        "fyToken": fy_token(instrument),
        "isin": instrument.isin,
        "exSymbol": instrument.underlying,
        "symDetails": instrument.name,
        "symTicker": instrument.symbol,
        "exchange": enums.EXCHANGE_CODES[instrument.exchange],
        "segment": enums.SEGMENT_CODES[instrument.segment],
        "exSymName": instrument.ticker,
        "exToken": int(instrument.token),
        "exSeries": (instrument.series if is_cash else "") or "XX",
        "optType": instrument.right.value if instrument.right else "XX",
        "underSym": instrument.underlying,
        "underFyTok": under_fy_token,
        "exInstType": type_number(instrument, indices),
        "minLotSize": instrument.lot_size,
        "tickSize": rupees(instrument.tick_e4),
        "tradingSession": instrument.session,
        "lastUpdate": day.isoformat(),
        "expiryDate": "" if expires is None else str(expires),
        "strikePrice": Decimal(_NO_STRIKE) if strike_e4 is None else rupees(strike_e4),
        "qtyFreeze": "" if instrument.freeze_qty is None else str(instrument.freeze_qty),
        "tradeStatus": 1 if instrument.is_tradable else 0,
        "currencyCode": "INR",
        "upperPrice": rupees(instrument.upper_e4 or 0),
        "lowerPrice": rupees(instrument.lower_e4 or 0),
        "faceValue": Decimal("0.0"),
        "qtyMultiplier": Decimal(instrument.multiplier or 0),
        "previousClose": rupees(instrument.previous_close_e4 or 0),
        "previousOi": Decimal("0.0"),
        "asmGsmVal": "",
        "exchangeName": instrument.exchange.value,
        "symbolDesc": instrument.name,
        "originalExpDate": None,
        "is_mtf_tradable": 0,
        "mtf_margin": Decimal("0.0"),
        "stream": "",
    }
