"""Texts on the wire: times without a zone, tags with a prefix, messages that name the client."""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from brokers.errors import DecodeError

IST_OFFSET_S: Final = 19_800
"""Every time text is Indian time, five and a half hours ahead, without saying so."""

NS: Final = 1_000_000_000
MAX_TEXT: Final = 300

_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_MONTH_NUMBERS: Final = {
    **{name.upper(): number for number, name in enumerate(_MONTHS, 1)},
    **{f"{number:02d}": number for number in range(1, 13)},
}
_TIME: Final = re.compile(r"(\d\d)-(\w{2,3})-(\d{4}) (\d\d):(\d\d):(\d\d)", re.ASCII)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# "for C-XX00000 [FYERS_RISK_CUG]", a bare client id, and a PAN.
_CLIENT: Final = re.compile(r"\bC-\w+|\b[A-Z]{2}\d{5}\b|\b[A-Z]{5}\d{4}[A-Z]\b", re.ASCII)
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_USER_TAG: Final = "1:"
_UNTAGGED: Final = "Untagged"
TAG: Final = re.compile(r"[0-9A-Za-z]{1,30}\Z", re.ASCII)


def time_ns(text: str | None, where: str) -> int | None:
    """Read `DD-MMM-YYYY hh:mm:ss` or `DD-MM-YYYY hh:mm:ss`, Indian time, as UTC nanoseconds.

    Empty, `NA` and the first second of 1970 mean that there is no time yet: None.
    """
    if not text or text == "NA":
        return None
    match = _TIME.fullmatch(text.strip())
    month = _MONTH_NUMBERS.get(match[2].upper()) if match else None
    if match is None or month is None:
        raise DecodeError(where, "DD-MMM-YYYY hh:mm:ss", text)
    day, year, hour, minute, second = (int(match[n]) for n in (1, 3, 4, 5, 6))
    try:
        local = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        raise DecodeError(where, "a date that exists", text) from None
    seconds = int((local - _EPOCH).total_seconds()) - IST_OFFSET_S
    return seconds * NS if seconds > 0 else None


def ist(time_utc_ns: int) -> dt.datetime:
    """Give the Indian wall clock's date and time of a UTC instant, to the second."""
    return _EPOCH + dt.timedelta(seconds=time_utc_ns // NS + IST_OFFSET_S)


def order_time(time_utc_ns: int) -> str:
    """Write a time as order and trade books do: `27-Jun-2024 10:42:18`."""
    at = ist(time_utc_ns)
    return f"{at.day:02d}-{_MONTHS[at.month - 1]}-{at.year} {at:%H:%M:%S}"


def fill_time(time_utc_ns: int) -> str:
    """Write a time as the order socket's trades do: `04-08-2023 10:12:58`."""
    return f"{ist(time_utc_ns):%d-%m-%Y %H:%M:%S}"


def clean(text: object, account: str = "") -> str:
    """Make the broker's words fit to show and to log.

    Client ids and PANs become `…`, control and direction characters go, and what is longer than
    300 characters is cut.
    """
    words = text if isinstance(text, str) else "" if text is None else repr(text)
    words = words[: 4 * MAX_TEXT]
    if account:
        words = re.sub(re.escape(account), "…", words, flags=re.IGNORECASE)
    words = _CLIENT.sub(lambda match: "C-…" if match[0].startswith("C-") else "…", words)
    words = "".join(c if unicodedata.category(c) not in _UNPRINTABLE else " " for c in words)
    return " ".join(words.split())[:MAX_TEXT]


def tag_of(wire: str | None) -> str:
    """Give our own tag back; system tags and `Untagged` are no tag."""
    if not wire:
        return ""
    prefix, colon, rest = wire.strip().partition(":")
    if not colon:
        prefix, rest = "1", prefix
    return rest if prefix == "1" and rest != _UNTAGGED else ""


def wire_tag(tag: str) -> str:
    """Write a tag as the books show it: `1:TAG`, or `2:Untagged`."""
    return _USER_TAG + tag if tag else f"2:{_UNTAGGED}"


def query(values: Mapping[str, str]) -> str:
    """Write a query string; `&` inside a ticker and everything else that needs it is encoded."""
    return "&".join(f"{quote(key, safe='')}={quote(text, safe='')}" for key, text in values.items())
