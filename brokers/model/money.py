"""Exact prices and amounts: parsing and writing decimals without floats."""

import re
from decimal import Decimal
from typing import Final

E4: Final = 10_000
"""Price units in one rupee."""

_DECIMAL: Final = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d*))?\Z", re.ASCII)


def parse_e4(text: str) -> int:
    """Read a decimal rupee text exactly.

    Returns:
        rupee × 10,000.

    Raises:
        ValueError: not a plain decimal, or finer than 1/10,000 rupee.
    """
    return _parse_scaled(text, 4)


def parse_paise(text: str) -> int:
    """Read a decimal rupee text exactly, as paise; finer than a paisa is a ValueError."""
    return _parse_scaled(text, 2)


def _parse_scaled(text: str, places: int) -> int:
    match = _DECIMAL.match(text)
    if match is None:
        raise ValueError(f"expected a decimal number, was {text[:40]!r}")
    sign, whole, fraction = match.groups(default="")
    fraction = fraction.rstrip("0")
    if len(fraction) > places:
        raise ValueError(f"expected at most {places} decimals, was {text[:40]!r}")
    scaled = int(whole + fraction.ljust(places, "0"))
    return -scaled if sign == "-" else scaled


def format_e4(price_e4: int) -> str:
    """Write a price with two decimals, or four where it needs them: `825.40`, `88.4275`."""
    sign = "-" if price_e4 < 0 else ""
    whole, fraction = divmod(abs(price_e4), E4)
    if fraction % 100:
        return f"{sign}{whole}.{fraction:04d}"
    return f"{sign}{whole}.{fraction // 100:02d}"


def decimal_from_e4(price_e4: int) -> Decimal:
    """Give the same price as an exact Decimal, for wire JSON."""
    return Decimal(price_e4).scaleb(-4)


def is_on_tick(price_e4: int, tick_e4: int) -> bool:
    """Tell whether a price is a multiple of the tick; exact, unlike any float test."""
    return price_e4 % tick_e4 == 0


def round_to_tick(price_e4: int, tick_e4: int) -> int:
    """Give the nearest multiple of the tick, halves upward."""
    return (price_e4 + tick_e4 // 2) // tick_e4 * tick_e4


def floor_to_tick(price_e4: int, tick_e4: int) -> int:
    """Give the largest multiple of the tick that is not above the price."""
    return price_e4 // tick_e4 * tick_e4


def ceil_to_tick(price_e4: int, tick_e4: int) -> int:
    """Give the smallest multiple of the tick that is not below the price."""
    return -(-price_e4 // tick_e4) * tick_e4


def value_paise(price_e4: int, units: int) -> int:
    """Give price × units in paise, rounded half away from zero."""
    product = price_e4 * units
    paise = (abs(product) + 50) // 100
    return paise if product >= 0 else -paise
