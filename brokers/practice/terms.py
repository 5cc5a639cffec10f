"""What a contract is worth given its underlying: carry, volatility and life, by name."""

import datetime as dt
from typing import Final, NamedTuple

from brokers.model.instrument import Instrument, InstrumentKind, Right, Segment
from brokers.practice import names, pricing
from brokers.practice.calendar import Calendar, ist_ns
from brokers.practice.noise import key_of

_INDEX_VOLATILITY: Final = {
    "NIFTY": 0.125,
    "BANKNIFTY": 0.15,
    "FINNIFTY": 0.145,
    "MIDCPNIFTY": 0.175,
    "NIFTYNXT50": 0.17,
    "NIFTYIT": 0.2,
    "SENSEX": 0.125,
    "BANKEX": 0.15,
}
_COMMODITY_VOLATILITY: Final = {each.name: each.volatility for each in names.commodities()}
_USUAL_CLOSE: Final = 15 * 60 + 30
_CHEAP_E4: Final = 100 * 10_000


class Terms(NamedTuple):
    """How a derivative follows its underlying; rates and volatility a year."""

    carry: float
    volatility: float
    expiry_ns: int
    strike: float
    is_call: bool

    def years(self, at_ns: int) -> float:
        """Give what is left of its life."""
        return max((self.expiry_ns - at_ns) / pricing.YEAR_NS, 0.0)


def volatility_of(name: str, price_e4: int = 0) -> float:
    """Give a year's volatility of an underlying; shares differ by name, cheap ones more."""
    found = _INDEX_VOLATILITY.get(name) or _COMMODITY_VOLATILITY.get(name)
    if found is not None:
        return found
    spread = key_of(0, "volatility", name) % 1000 / 1000
    return 0.2 + 0.16 * spread + (0.08 if 0 < price_e4 < _CHEAP_E4 else 0.0)


def carry_of(segment: Segment) -> float:
    """Give the carry a year of a segment's futures."""
    if segment is Segment.COM:
        return pricing.COMMODITY_CARRY
    if segment is Segment.CD:
        return pricing.CURRENCY_CARRY
    return pricing.RATE


def expiry_ns(instrument: Instrument, expiry: dt.date, calendar: Calendar) -> int:
    """Give the moment a contract ends: the close of its expiry day."""
    close = calendar.close_ns(instrument.exchange, instrument.segment, expiry)
    return ist_ns(expiry, _USUAL_CLOSE) if close is None else close


def terms_of(
    instrument: Instrument, calendar: Calendar, underlying_price_e4: int, *, on_future: bool
) -> Terms:
    """Read a future's or option's terms; `on_future` marks an option on a future."""
    if instrument.expiry is None:
        raise ValueError(f"{instrument.symbol} has no expiry")
    return Terms(
        carry=0.0 if on_future else carry_of(instrument.segment),
        volatility=volatility_of(instrument.underlying, underlying_price_e4),
        expiry_ns=expiry_ns(instrument, instrument.expiry, calendar),
        strike=(instrument.strike_e4 or 0) / 10_000,
        is_call=instrument.right is Right.CALL,
    )


def fair(terms: Terms, kind: InstrumentKind, spot: float, reference: float, at_ns: int) -> float:
    """Give a derivative's fair price.

    Args:
        terms: the contract's.
        kind: future or option.
        spot: the underlying now, rupees.
        reference: the underlying at the last close; the smile hangs on it, so that within a day
            a call only rises with its underlying.
        at_ns: when.
    """
    years = terms.years(at_ns)
    ahead = pricing.forward(spot, terms.carry, years)
    if kind is InstrumentKind.FUTURE:
        return ahead
    volatility = pricing.smile(terms.volatility, reference, terms.strike, years)
    return pricing.black(ahead, terms.strike, years, volatility, call=terms.is_call)
