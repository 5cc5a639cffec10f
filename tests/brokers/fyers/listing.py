"""What the REST tests share: a directory of a few real instruments, a session, replies."""

import datetime as dt
import json

from brokers.fyers.urls import LIVE
from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Right,
    Segment,
)
from brokers.model.login import Reply, Request, Session

APP_ID = "ABCD1234XY-100"
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJmeV9pZCI6IlhBMDAwMDEifQ.c2lnbmF0dXJl"
SESSION = Session(broker="fyers", account="XA00001", token=TOKEN, values={"app_id": APP_ID})
ENDPOINTS = LIVE

SBIN = Instrument(
    id=InstrumentId("NSE:CM:3045"),
    exchange=Exchange.NSE,
    segment=Segment.CM,
    token="3045",
    symbol="NSE:SBIN-EQ",
    name="STATE BANK OF INDIA",
    kind=InstrumentKind.EQUITY,
    lot_size=1,
    tick_e4=1000,
    isin="INE062A01020",
    underlying="SBIN",
    multiplier=1,
    session="0915-1530|1815-1915:",
)
NIFTY = Instrument(
    id=InstrumentId("NSE:CM:26000"),
    exchange=Exchange.NSE,
    segment=Segment.CM,
    token="26000",
    symbol="NSE:NIFTY50-INDEX",
    name="NIFTY50-INDEX",
    kind=InstrumentKind.INDEX,
    lot_size=1,
    tick_e4=500,
    underlying="NIFTY",
    multiplier=1,
    session="0915-1530|1815-1915:",
    is_tradable=False,
)
NIFTY_CALL = Instrument(
    id=InstrumentId("NSE:FO:35086"),
    exchange=Exchange.NSE,
    segment=Segment.FO,
    token="35086",
    symbol="NSE:NIFTY26SEP29200CE",
    name="NIFTY 29 Sep 26 29200 CE",
    kind=InstrumentKind.OPTION,
    lot_size=65,
    tick_e4=500,
    underlying="NIFTY",
    underlying_id=NIFTY.id,
    expiry=dt.date(2026, 9, 29),
    strike_e4=292_000_000,
    right=Right.CALL,
    multiplier=1,
    session="0915-1540|1815-1915:",
)
CRUDE = Instrument(
    id=InstrumentId("MCX:COM:565899"),
    exchange=Exchange.MCX,
    segment=Segment.COM,
    token="565899",
    symbol="MCX:CRUDEOIL26SEPFUT",
    name="CRUDEOIL 21 Sep 26 FUT",
    kind=InstrumentKind.FUTURE,
    lot_size=1,
    tick_e4=10_000,
    underlying="CRUDEOIL",
    underlying_id=InstrumentId("MCX:COM:294"),
    expiry=dt.date(2026, 9, 21),
    multiplier=100,
    session="0900-2330|1815-1915:",
)
EURINR = Instrument(
    id=InstrumentId("NSE:CD:1479"),
    exchange=Exchange.NSE,
    segment=Segment.CD,
    token="1479",
    symbol="NSE:EURINR25N14FUT",
    name="EURINR 25 Nov 14 FUT",
    kind=InstrumentKind.FUTURE,
    lot_size=1,
    tick_e4=25,
    underlying="EURINR",
    underlying_id=InstrumentId("NSE:CD:25"),
    expiry=dt.date(2025, 11, 14),
    multiplier=1000,
    session="0900-1700|1815-1915:",
)
LISTED = (SBIN, NIFTY, NIFTY_CALL, CRUDE, EURINR)
_BY_SYMBOL = {instrument.symbol: instrument for instrument in LISTED}


def by_symbol(symbol: str) -> Instrument | None:
    return _BY_SYMBOL.get(symbol)


def unlisted(symbol: str) -> Instrument | None:
    """A directory that knows nothing."""
    del symbol
    return None


def answer(body: object, status: int = 200, **headers: str) -> Reply:
    """A JSON reply; header names with `_` for `-`."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status=status, headers=names, body=json.dumps(body).encode())


def raw(body: bytes | str, status: int = 200) -> Reply:
    return Reply(status=status, body=body.encode() if isinstance(body, str) else body)


def sent(request: Request) -> object:
    """The JSON of a request's body."""
    return json.loads(request.body)
