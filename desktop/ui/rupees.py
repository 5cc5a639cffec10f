"""Rupees, lakhs and percent: how numbers are written here, and how typed ones are read."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

MINUS: Final = "−"
ABSENT: Final = "–"
"""Shown where a value is not known; never zero."""

_LAKH: Final = 100_000
_CRORE: Final = 10_000_000
_UNITS: Final = {
    "": 1,
    "k": 1_000,
    "t": 1_000,
    "l": _LAKH,
    "lac": _LAKH,
    "lacs": _LAKH,
    "lakh": _LAKH,
    "lakhs": _LAKH,
    "m": 1_000_000,
    "cr": _CRORE,
    "c": _CRORE,
    "crore": _CRORE,
    "crores": _CRORE,
}
_TYPED: Final = re.compile(
    r"(?P<sign>[+\-−]?)(?P<number>\d+\.?\d*|\.\d+)(?P<unit>[a-z]*)\Z", re.ASCII
)
_LONGEST: Final = 24
_TWO_NUMBERS: Final = re.compile(
    r"[0-9][^\S\n\r\t\v\f\u2028\u2029]*[\n\r\t\v\f\u2028\u2029]\s*[.0-9]"
    r"|[0-9]\s+(?![0-9]{3}(?![0-9])|[0-9]{2}\s[0-9])[.0-9]"
)
"""Two cells of a sheet pasted together, or a blank that separates no thousands."""


def group(number: int) -> str:
    """Write a whole number with Indian grouping and a real minus: `12,34,567`, `−1,000`."""
    if number < 0:
        return MINUS + group(-number)
    text = str(number)
    if number < 1_000:
        return text
    if number < _LAKH:
        return f"{text[:-3]},{text[-3:]}"
    head, tail = text[:-3], text[-3:]
    first = len(head) % 2
    pairs = [head[at : at + 2] for at in range(first, len(head), 2)]
    return ",".join(([head[:first]] if first else []) + [*pairs, tail])


def signed(number: int) -> str:
    """Write a whole number with its sign; zero has none."""
    return "+" + group(number) if number > 0 else group(number)


def price(price_e4: int, decimals: int = 2) -> str:
    """Write a price of 1/10,000 rupee with 0 to 4 decimals, halves away from zero."""
    if price_e4 < 0:
        text = price(-price_e4, decimals)
        return text if text.strip("0.,") == "" else MINUS + text
    step = 10 ** (4 - decimals)
    units = (price_e4 + step // 2) // step
    if decimals == 0:
        return group(units)
    whole, fraction = divmod(units, 10**decimals)
    return f"{group(whole)}.{fraction:0{decimals}d}"


def signed_price(price_e4: int, decimals: int = 2) -> str:
    """Write a difference of prices with its sign; what rounds to zero has none."""
    text = price(price_e4, decimals)
    return "+" + text if price_e4 > 0 and text.strip("0.,") else text


def paise(amount_paise: int, *, symbol: bool = False) -> str:
    """Write an amount of money in rupees and paise: `12,34,567.50`, `−₹80.00`."""
    sign = MINUS if amount_paise < 0 else ""
    rupees, rest = divmod(abs(amount_paise), 100)
    return f"{sign}{'₹' if symbol else ''}{group(rupees)}.{rest:02d}"


def signed_paise(amount_paise: int, *, symbol: bool = False) -> str:
    """Write a profit or a loss with its sign; zero has none."""
    text = paise(amount_paise, symbol=symbol)
    return "+" + text if amount_paise > 0 else text


def compact(number: int) -> str:
    """Write a large whole number short: `842`, `98.4K`, `12.35L`, `4.20Cr`, `1,250Cr`."""
    if number < 0:
        return MINUS + compact(-number)
    if number < 10_000:
        return group(number)
    # Each limit is where the next unit's rounding starts, so that 99,950 never reads 100.0K.
    if number < 99_950:
        return _scaled(number, 1_000, 1) + "K"
    if number < 9_999_500:
        return _scaled(number, _LAKH, 2) + "L"
    if number < 1_000 * _CRORE - _CRORE // 200:
        return _scaled(number, _CRORE, 2) + "Cr"
    return group((number + _CRORE // 2) // _CRORE) + "Cr"


def _scaled(number: int, unit: int, decimals: int) -> str:
    step = unit // 10**decimals
    whole, fraction = divmod((number + step // 2) // step, 10**decimals)
    return f"{whole}.{fraction:0{decimals}d}"


def compact_paise(amount_paise: int, *, symbol: bool = False) -> str:
    """Write an amount short, in whole rupees: `₹12.35L`."""
    rupees = (abs(amount_paise) + 50) // 100
    sign = MINUS if amount_paise < 0 and rupees else ""
    return f"{sign}{'₹' if symbol else ''}{compact(rupees)}"


def percent(part: int, whole: int, decimals: int = 2) -> str:
    """Write part ÷ whole as percent with its sign; `–` when the whole is zero."""
    if whole == 0:
        return ABSENT
    if whole < 0:
        part, whole = -part, -whole
    scale = 100 * 10**decimals
    hundredths = (2 * abs(part) * scale + whole) // (2 * whole)
    number, fraction = divmod(hundredths, 10**decimals)
    text = f"{group(number)}.{fraction:0{decimals}d}%" if decimals else f"{group(number)}%"
    if hundredths == 0:
        return text
    return ("+" if part > 0 else MINUS) + text


def read_units(text: str) -> int:
    """Read a typed whole number: `1,234`, `25k`, `1.2l`, `3 cr`.

    Raises:
        ValueError: empty, not a number, or not whole; the message is fit to show.
    """
    return _read(text, Decimal(1), "a whole number")


def read_price_e4(text: str) -> int:
    """Read a typed price in rupees, exactly: `1,234.50`, `₹88.4275`, `.05`.

    Raises:
        ValueError: empty, not a number, or finer than 1/10,000 rupee; the message is fit to show.
    """
    return _read(text, Decimal(10_000), "a price of at most 4 decimals")


def read_paise(text: str) -> int:
    """Read a typed amount of rupees: `2.5l`, `1,00,000.50`; finer than a paisa is a ValueError."""
    return _read(text, Decimal(100), "an amount of at most 2 decimals")


def _read(text: str, scale: Decimal, expected: str) -> int:
    if _TWO_NUMBERS.search(text):
        raise ValueError(f"expected one number, was “{' '.join(text.split())[:_LONGEST]}”")
    bare = "".join(text.split()).replace(",", "").removeprefix("₹").lower()
    if not bare:
        raise ValueError("nothing typed")
    match = _TYPED.match(bare) if len(bare) <= _LONGEST else None
    if match is None or match["unit"] not in _UNITS:
        raise ValueError(f"expected {expected}, was “{text.strip()[:_LONGEST]}”")
    try:
        value = Decimal(match["number"]) * _UNITS[match["unit"]] * scale
    except InvalidOperation as error:
        raise ValueError(f"expected {expected}, was “{text.strip()[:_LONGEST]}”") from error
    if value != value.to_integral_value():
        raise ValueError(f"expected {expected}, was “{text.strip()[:_LONGEST]}”")
    return -int(value) if match["sign"] in ("-", MINUS) else int(value)
