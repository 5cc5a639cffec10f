"""When instruments trade: their own session text first, the exchange's calendar for odd days.

The master's text is `0915-1530|1815-1915:`: the regular hours, then those of the festive evening
session. The calendars know holidays, special sessions and changed hours by date; a day they do not
know is a trading day, for the exchange has the last word.
"""

import datetime as dt
import functools
import re
import tomllib
from collections.abc import Iterable
from typing import Final

import msgspec

import resources
from brokers.model.instrument import Instrument
from desktop.trading.clock import SECOND_NS, date_of, day_of, day_start_ns, ist_day

Session = tuple[int, int]
"""Open and close in UTC nanoseconds; the close is not part of it."""
Minutes = tuple[int, int]
"""Open and close in minutes of the Indian day."""

_MINUTE_NS: Final = 60 * SECOND_NS
_RANGE: Final = re.compile(r"(\d\d)(\d\d)-(\d\d)(\d\d)")
# What the exchanges' segments keep where a master does not say.
_USUAL: Final = {"CM": (555, 930), "FO": (555, 930), "CD": (540, 1020), "COM": (540, 1410)}
_HALF_DAY: Final = 1020
"""Commodity holidays are half ones: morning until 17:00, evening from then."""


class _DatedHours(msgspec.Struct, frozen=True):
    segment: str
    open: str
    close: str
    since: dt.date = msgspec.field(name="from")
    preopen: str = ""


class _Holiday(msgspec.Struct, frozen=True):
    date: dt.date
    name: str
    trades: str = ""


class _Special(msgspec.Struct, frozen=True):
    date: dt.date
    name: str
    segments: tuple[str, ...]
    hours: tuple[tuple[str, str], ...]


class Calendar(msgspec.Struct, frozen=True):
    """One exchange's calendar file."""

    exchange: str
    covers: tuple[int, ...]
    sessions: tuple[_DatedHours, ...] = ()
    holidays: tuple[_Holiday, ...] = ()
    special: tuple[_Special, ...] = ()


class Hours:
    """Answers when an instrument trades."""

    def __init__(self, calendars: Iterable[Calendar] = ()) -> None:
        self._covers: dict[str, tuple[int, ...]] = {}
        self._dated: dict[tuple[str, str], list[tuple[int, Minutes]]] = {}
        self._holidays: dict[tuple[str, int], _Holiday] = {}
        self._special: dict[tuple[str, str, int], tuple[Minutes, ...]] = {}
        for calendar in calendars:
            self._add(calendar)

    @classmethod
    def shipped(cls) -> "Hours":
        """Read the calendars that come with the program; a missing one knows no odd day."""
        folder = resources.path("calendars")
        return cls(
            read_calendar(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("*.toml"))
        )

    def regular(self, instrument: Instrument) -> Session:
        """Give the usual hours as nanoseconds after 00:00 Indian time."""
        first, last = _regular(instrument)
        return first * _MINUTE_NS, last * _MINUTE_NS

    def sessions(self, instrument: Instrument, day: int) -> tuple[Session, ...]:
        """Give the sessions of a day since 1970, earliest first; none on a known holiday."""
        return _on_day(day, self._minutes(instrument, day))

    def possible(self, instrument: Instrument, day: int) -> tuple[Session, ...]:
        """Give the sessions of a day; on one without any, those it might have all the same.

        If the exchange trades although we think it closed, the exchange is right.
        """
        sessions = self.sessions(instrument, day)
        if sessions:
            return sessions
        first, *rest = _ranges(instrument.session) or (_regular(instrument),)
        return _on_day(day, (first, *(each for each in rest if each[0] >= first[1])))

    def session_of(self, instrument: Instrument, date: dt.date) -> Session | None:
        """Give when a date's trading opens and when its last session closes; None: a holiday."""
        sessions = self.sessions(instrument, day_of(date))
        return (sessions[0][0], sessions[-1][1]) if sessions else None

    def is_open(self, instrument: Instrument, at_ns: int) -> bool:
        """Tell whether a session of this instrument is on."""
        return any(
            opens <= at_ns < closes for opens, closes in self.sessions(instrument, ist_day(at_ns))
        )

    def is_known(self, instrument: Instrument, date: dt.date) -> bool:
        """Tell whether a calendar covers the date at all; if not, warn instead of blocking."""
        return date.year in self._covers.get(instrument.exchange, ())

    def holiday_name(self, instrument: Instrument, date: dt.date) -> str:
        """Name the holiday a date is, empty if none."""
        holiday = self._holidays.get((instrument.exchange, day_of(date)))
        return holiday.name if holiday else ""

    def _add(self, calendar: Calendar) -> None:
        exchange = calendar.exchange
        self._covers[exchange] = calendar.covers
        for dated in calendar.sessions:
            hours = (_minute(dated.open), _minute(dated.close))
            listed = self._dated.setdefault((exchange, dated.segment), [])
            listed.append((day_of(dated.since), hours))
            listed.sort()
        for holiday in calendar.holidays:
            self._holidays[exchange, day_of(holiday.date)] = holiday
        for special in calendar.special:
            hours_of_day = tuple((_minute(a), _minute(b)) for a, b in special.hours)
            for segment in special.segments:
                self._special[exchange, segment, day_of(special.date)] = hours_of_day

    def _minutes(self, instrument: Instrument, day: int) -> tuple[Minutes, ...]:
        exchange, segment = instrument.exchange, instrument.segment
        special = self._special.get((exchange, segment, day))
        if special is not None:
            return special
        if date_of(day).weekday() >= 5:
            return ()
        first, last = _regular(instrument)
        longer = last
        for since, (opens, closes) in self._dated.get((exchange, segment), ()):
            # The master says one close all year; the calendar knows the longer days.
            if since <= day and opens == first:
                longer = closes
        last = max(last, longer)
        holiday = self._holidays.get((exchange, day))
        if holiday is None:
            return ((first, last),)
        halves = {"morning": (first, _HALF_DAY), "evening": (_HALF_DAY, last)}
        return (halves[holiday.trades],) if holiday.trades in halves else ()


def read_calendar(text: str) -> Calendar:
    """Read a calendar file; what is wrong with it is a ValueError that names the field."""
    try:
        return msgspec.convert(tomllib.loads(text), Calendar)
    except msgspec.ValidationError as error:
        raise ValueError(f"calendar: {error}") from error


def session_of(instrument: Instrument, date: dt.date, hours: Hours | None = None) -> Session | None:
    """Give when a date's trading opens and closes; None: no trading on it."""
    return (hours or Hours()).session_of(instrument, date)


def _regular(instrument: Instrument) -> Minutes:
    ranges = _ranges(instrument.session)
    return ranges[0] if ranges else _USUAL[instrument.segment]


@functools.lru_cache(maxsize=64)
def _ranges(text: str) -> tuple[Minutes, ...]:
    """Read the ranges of a session text; odd ones are left out."""
    found = []
    for match in _RANGE.finditer(text):
        hour, minute, last_hour, last_minute = map(int, match.groups())
        first, last = hour * 60 + minute, last_hour * 60 + last_minute
        if first < last <= 1440:
            found.append((first, last))
    return tuple(found)


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def _on_day(day: int, minutes: Iterable[Minutes]) -> tuple[Session, ...]:
    start_ns = day_start_ns(day)
    return tuple((start_ns + a * _MINUTE_NS, start_ns + b * _MINUTE_NS) for a, b in minutes)
