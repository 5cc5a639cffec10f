"""Made-up contract masters of any size, shaped like the real ones."""

import datetime as dt
from collections.abc import Iterator
from itertools import product

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Right,
    Segment,
    instrument_id,
)

TODAY = dt.date(2026, 9, 8)
EXPIRIES = [dt.date(2026, 9, 8) + dt.timedelta(days=7 * i) for i in range(4)]
EXPIRIES += [dt.date(2026, 10, 27), dt.date(2026, 11, 24)]
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
SESSION = "0915-1530|1815-1915:"
KNOWN = {
    "RELIANCE": ("RELIANCE INDUSTRIES LTD", 2885, 28_000_000),
    "SBIN": ("STATE BANK OF INDIA", 3045, 8_200_000),
    "INFY": ("INFOSYS LIMITED", 1594, 15_000_000),
    "TATAMOTORS": ("TATA MOTORS LIMITED", 3456, 9_000_000),
    "TATASTEEL": ("TATA STEEL LIMITED", 3499, 1_500_000),
    "M&M": ("MAHINDRA & MAHINDRA LTD", 2031, 30_000_000),
    "BAJAJ-AUTO": ("BAJAJ AUTO LIMITED", 16669, 90_000_000),
    "TRENT": ("TRENT LTD", 1964, 60_000_000),
    "20MICRONS": ("20 MICRONS LTD", 16921, 2_000_000),
}
INDICES = {"NIFTY": ("NIFTY50-INDEX", 26000), "BANKNIFTY": ("NIFTYBANK-INDEX", 26009)}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def share(
    ticker: str, name: str, token: int, exchange: Exchange = Exchange.NSE, series: str = "EQ"
) -> Instrument:
    return Instrument(
        id=instrument_id(exchange, "CM", str(token)),
        exchange=exchange,
        segment=Segment.CM,
        token=str(token),
        symbol=f"{exchange}:{ticker}-{series}",
        name=name,
        kind=InstrumentKind.EQUITY,
        lot_size=1,
        tick_e4=1000,
        isin=f"INE{token:06d}01",
        underlying=ticker,
        multiplier=1,
        session=SESSION,
    )


def index(ticker: str, symbol: str, token: int) -> Instrument:
    return Instrument(
        id=instrument_id("NSE", "CM", str(token)),
        exchange=Exchange.NSE,
        segment=Segment.CM,
        token=str(token),
        symbol=f"NSE:{symbol}",
        name=symbol,
        kind=InstrumentKind.INDEX,
        lot_size=1,
        tick_e4=500,
        underlying=ticker,
        session=SESSION,
        is_tradable=False,
    )


def contract(
    underlying: Instrument,
    token: int,
    expiry: dt.date,
    strike_e4: int | None = None,
    right: Right | None = None,
) -> Instrument:
    """Make a future, or an option if a strike is given."""
    ticker = underlying.underlying
    what = f"{expiry:%y}{MONTHS[expiry.month - 1]}"
    ending = "FUT" if right is None or strike_e4 is None else f"{strike_e4 // 10_000}{right}"
    dated = f"{expiry.day:02d} {MONTHS[expiry.month - 1].title()} {expiry:%y}"
    return Instrument(
        id=InstrumentId(f"{underlying.exchange}:FO:{token}"),
        exchange=underlying.exchange,
        segment=Segment.FO,
        token=str(token),
        symbol=f"{underlying.exchange}:{ticker}{what}{expiry.day:02d}{ending}",
        name=f"{ticker} {dated} {ending}",
        kind=InstrumentKind.FUTURE if right is None else InstrumentKind.OPTION,
        lot_size=50,
        tick_e4=500,
        underlying=ticker,
        underlying_id=underlying.id,
        expiry=expiry,
        strike_e4=strike_e4,
        right=right,
        multiplier=1,
        session=SESSION,
    )


def word(number: int) -> str:
    """Spell a number as a made-up ticker of five letters, different for each."""
    text = ""
    for _ in range(5):
        number, letter = divmod(number * 7 + 3, 26)
        text += LETTERS[letter]
    return text


def cash(count: int) -> list[Instrument]:
    """Make the cash segment: the well-known names, then made-up ones on two exchanges."""
    made = [index(ticker, symbol, token) for ticker, (symbol, token) in INDICES.items()]
    made += [share(ticker, name, token) for ticker, (name, token, _) in KNOWN.items()]
    made.append(share("SBIN", "STATE BANK OF INDIA", 500_112, Exchange.BSE, "A"))
    seen = set(KNOWN)
    number = 0
    while len(made) < count:
        number += 1
        ticker = word(number)
        if ticker in seen:
            ticker += str(number)
        seen.add(ticker)
        made.append(share(ticker, f"{ticker.title()} {word(number + 9)} LIMITED", 100_000 + number))
    return made


def strikes(price_e4: int, count: int) -> Iterator[int]:
    """Give strikes around a price, ₹5 to ₹50 apart."""
    steps = {3_000_000: 50_000, 20_000_000: 100_000, 50_000_000: 200_000}
    step_e4 = next((step for below, step in steps.items() if price_e4 < below), 500_000)
    middle = price_e4 // step_e4 * step_e4
    return iter(range(middle - count // 2 * step_e4, middle + (count + 1) // 2 * step_e4, step_e4))


def synthetic(count: int, cash_count: int = 20_000) -> list[Instrument]:
    """Make a master of exactly `count` rows: the cash segment and chains on its first names."""
    made = cash(min(cash_count, count))
    token = 40_000
    prices = {ticker: price for ticker, (_, _, price) in KNOWN.items()}
    prices |= {"NIFTY": 250_000_000, "BANKNIFTY": 550_000_000}
    for underlying in made[:230]:
        if underlying.exchange is Exchange.BSE:
            continue
        price_e4 = prices.get(underlying.underlying, 5_000_000)
        wide = 160 if underlying.kind is InstrumentKind.INDEX else 48
        for expiry in EXPIRIES:
            if len(made) >= count:
                return made[:count]
            token += 1
            made.append(contract(underlying, token, expiry))
            for strike_e4, right in product(strikes(price_e4, wide), Right):
                token += 1
                made.append(contract(underlying, token, expiry, strike_e4, right))
    return made[:count]
