"""Numbers on the wire: exact decimals in, whole ten-thousandths of a rupee or paise out.

FYERS writes prices as JSON floats. They are read from their text as decimals, so 844.7 is 844.7;
what its own arithmetic left behind (24.299999999999997 for 24.3) is snapped back, and averages,
which have any number of decimals (8.133333), are rounded to the nearest 1/10,000 rupee.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Final

import msgspec

from brokers.errors import DecodeError

MAX_RUPEES: Final = 10**12
"""Above any price or ledger in the market, below what an accident looks like."""

_ARTEFACT: Final = Decimal("0.0001")
"""How far, in 1/10,000 rupee, a float's error may push a price off the grid."""

Count = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
"""A quantity or code: whole, and of a size that can be meant."""


def price_e4(number: Decimal | None, where: str) -> int:
    """Take a price exactly; absent is 0, finer than 1/10,000 rupee is a DecodeError."""
    if number is None:
        return 0
    scaled = _scaled(number, where, 4)
    nearest = scaled.to_integral_value(ROUND_HALF_UP)
    if abs(scaled - nearest) > _ARTEFACT:
        raise DecodeError(where, "a price of at most 4 decimals", str(number))
    return int(nearest)


def average_e4(number: Decimal | None, where: str) -> int:
    """Take a computed price, rounded to the nearest 1/10,000 rupee; absent is 0."""
    return 0 if number is None else int(_nearest(number, where, 4))


def known_e4(number: Decimal | None, where: str) -> int | None:
    """Take a market price; FYERS writes 0 where it has none, so 0 is None."""
    return average_e4(number, where) or None


def paise(number: Decimal, where: str) -> int:
    """Take an amount of money, rounded to the nearest paisa."""
    return int(_nearest(number, where, 2))


def whole(number: Decimal | None, where: str) -> int | None:
    """Take a number that should be whole, such as a contract multiplier; a broken one is None."""
    if number is None:
        return None
    scaled = _scaled(number, where, 0)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def rupees(price_in_e4: int) -> Decimal:
    """Give the shortest exact decimal, as FYERS writes it: 801.5, 88.4275, 0."""
    whole_rupees, fraction = divmod(abs(price_in_e4), 10_000)
    text = f"{whole_rupees}.{fraction:04d}".rstrip("0").rstrip(".")
    return Decimal(f"-{text}" if price_in_e4 < 0 else text)


def rupees_of_paise(amount_paise: int) -> Decimal:
    """Give an amount of money as its shortest decimal."""
    return rupees(amount_paise * 100)


def _nearest(number: Decimal, where: str, places: int) -> Decimal:
    return _scaled(number, where, places).to_integral_value(ROUND_HALF_UP)


def _scaled(number: Decimal, where: str, places: int) -> Decimal:
    # The exponent is looked at first: 1E+999999999 is one small Decimal and one enormous int.
    if not number.is_finite() or number.adjusted() > 12 or abs(number) > MAX_RUPEES:
        raise DecodeError(where, "a sane amount of rupees", f"{number:.3E}")
    return number.scaleb(places)
