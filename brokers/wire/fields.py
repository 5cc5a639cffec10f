"""Typed access into decoded JSON; every error names its path.

Brokers write numbers as integers, floats and texts, sometimes all three in one reply. Each reader
here says what it takes and refuses the rest: a wrong type is a DecodeError, never a zero.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final, TypeVar

import msgspec

from brokers.errors import DecodeError

MAX_JSON_BYTES: Final = 64 << 20
MAX_E4: Final = 10**13
"""A thousand million rupees: far above any price, far below what an accident looks like."""

MAX_INTEGER: Final = 2**63 - 1
_MAX_NUMBER_TEXT: Final = 40

T = TypeVar("T")
Json = Mapping[str, object]


def decode_json(body: bytes | str, where: str, *, max_bytes: int = MAX_JSON_BYTES) -> object:
    """Decode JSON strictly: NaN, Infinity, overlong numbers, deep nesting and size are refused."""
    if len(body) > max_bytes:
        raise DecodeError(where, f"at most {max_bytes} bytes of JSON", len(body))
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DecodeError(where, f"JSON ({error})", body[:40]) from None
    except RecursionError:
        raise DecodeError(where, "JSON of moderate depth", body[:40]) from None


def decode_object(body: bytes | str, where: str) -> Json:
    """Decode JSON that must be an object."""
    return as_object(decode_json(body, where), where)


def as_object(value: object, where: str) -> Json:
    """Refuse anything that is not a JSON object."""
    if not isinstance(value, dict):
        raise DecodeError(where, "an object", value)
    return value


def as_list(value: object, where: str) -> Sequence[object]:
    """Refuse anything that is not a JSON list."""
    if not isinstance(value, list):
        raise DecodeError(where, "a list", value)
    return value


def child(obj: Json, key: str, where: str) -> Json:
    """Read an object inside an object."""
    return as_object(_present(obj, key, where), f"{where}.{key}")


def objects(obj: Json, key: str, where: str) -> list[Json]:
    """Read a list of objects; `where.key[i]` names the bad one."""
    path = f"{where}.{key}"
    rows = as_list(_present(obj, key, where), path)
    return [as_object(row, f"{path}[{at}]") for at, row in enumerate(rows)]


def text(obj: Json, key: str, where: str) -> str:
    """Read a text; a number is not one."""
    value = _present(obj, key, where)
    if not isinstance(value, str):
        raise DecodeError(f"{where}.{key}", "a text", value)
    return value


def optional_text(obj: Json, key: str, where: str) -> str:
    """Read a text that may be absent or null: empty then."""
    return "" if obj.get(key) is None else text(obj, key, where)


def identifier(obj: Json, key: str, where: str) -> str:
    """Read an id, which brokers send as text or as an integer."""
    value = _present(obj, key, where)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DecodeError(f"{where}.{key}", "a text or an integer", value)


def optional_identifier(obj: Json, key: str, where: str) -> str:
    """Read an id that may be absent or null: empty then."""
    return "" if obj.get(key) is None else identifier(obj, key, where)


def boolean(obj: Json, key: str, where: str) -> bool:
    """Read true or false; 0 and 1 are not taken for them."""
    value = _present(obj, key, where)
    if not isinstance(value, bool):
        raise DecodeError(f"{where}.{key}", "true or false", value)
    return value


def integer(obj: Json, key: str, where: str) -> int:
    """Read a whole number, written as 10, 10.0 or "10"."""
    return as_integer(_present(obj, key, where), f"{where}.{key}")


def optional_int(obj: Json, key: str, where: str) -> int | None:
    """Read a whole number that may be absent, null or an empty text."""
    return _optional(obj, key, where, as_integer)


def price_e4(obj: Json, key: str, where: str) -> int:
    """Read a price exactly; finer than 1/10,000 rupee is an error."""
    return as_e4(_present(obj, key, where), f"{where}.{key}")


def optional_price_e4(obj: Json, key: str, where: str) -> int | None:
    """Read a price that may be absent, null or an empty text."""
    return _optional(obj, key, where, as_e4)


def average_e4(obj: Json, key: str, where: str) -> int:
    """Read a computed price, rounded half up: averages have any number of decimals."""
    return as_average_e4(_present(obj, key, where), f"{where}.{key}")


def paise(obj: Json, key: str, where: str) -> int:
    """Read an amount of rupees, rounded half up to a paisa: ledgers are written as floats."""
    return as_paise(_present(obj, key, where), f"{where}.{key}")


def optional_paise(obj: Json, key: str, where: str) -> int | None:
    """Read an amount that may be absent, null or an empty text."""
    return _optional(obj, key, where, as_paise)


def as_integer(value: object, where: str) -> int:
    """Take one decoded value as a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        exact = as_decimal(value, where)
        if exact != exact.to_integral_value():
            raise DecodeError(where, "a whole number", value)
        number = int(exact)
    if abs(number) > MAX_INTEGER:
        raise DecodeError(where, "a number of at most 63 bits", value)
    return number


def as_e4(value: object, where: str) -> int:
    """Take one decoded value as an exact price."""
    scaled = _scaled(value, where, 4)
    price = int(scaled)
    if scaled != price:
        raise DecodeError(where, "a price of at most 4 decimals", value)
    return price


def as_average_e4(value: object, where: str) -> int:
    """Take one decoded value as a price, rounded half up."""
    return int(_scaled(value, where, 4).to_integral_value(ROUND_HALF_UP))


def as_paise(value: object, where: str) -> int:
    """Take one decoded value as an amount, rounded half up to a paisa."""
    return int(_scaled(value, where, 2).to_integral_value(ROUND_HALF_UP))


def as_decimal(value: object, where: str) -> Decimal:
    """Take an int, a float or a decimal text as the number it is written as, exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise DecodeError(where, "a number", value)
    # repr gives the shortest text that reads back as this float: the one the broker wrote.
    written = value.strip() if isinstance(value, str) else repr(value)
    # Decimal also reads "1_000", other scripts' digits, "nan" and "inf": only plain text passes.
    if not written.isascii() or "_" in written or len(written) > _MAX_NUMBER_TEXT:
        raise DecodeError(where, "a number", value)
    try:
        number = Decimal(written)
    except InvalidOperation:
        raise DecodeError(where, "a number", value) from None
    if not number.is_finite() or abs(number.adjusted()) > _MAX_NUMBER_TEXT:
        raise DecodeError(where, "a finite, sane number", value)
    return number


def _scaled(value: object, where: str, places: int) -> Decimal:
    number = as_decimal(value, where)
    if abs(number) > MAX_E4:
        raise DecodeError(where, "a sane amount", value)
    return number.scaleb(places)


def _present(obj: Json, key: str, where: str) -> object:
    try:
        return obj[key]
    except KeyError:
        raise DecodeError(f"{where}.{key}", "a value") from None


def _optional(obj: Json, key: str, where: str, read: Callable[[object, str], T]) -> T | None:
    value = obj.get(key)
    return None if value is None or value == "" else read(value, f"{where}.{key}")
