"""Sessions and holidays of the exchanges, from dated files; Indian time in, nanoseconds out.

A file says which years it covers. Outside them weekdays count as trading days, because no list of
holidays is known; nothing is invented.
"""

import bisect
import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

import resources
from brokers.model.market import MarketPhase
from brokers.practice.clock import DAY_NS, IST_NS, MINUTE_NS

FILES: Final = ("nse", "bse", "mcx")
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_EVENING_STARTS: Final = 17 * 60
_START_MINUTE: Final = 10 * 60
_FAR_DAYS: Final = 400


class Hours(NamedTuple):
    """One stretch of continuous trading, minutes since Indian midnight."""

    open_minute: int
    close_minute: int


class Change(NamedTuple):
    """A segment changes its phase at a moment."""

    at_ns: int
    exchange: str
    segment: str
    phase: MarketPhase


class _Session(msgspec.Struct, frozen=True):
    segment: str
    from_date: dt.date = msgspec.field(name="from")
    open: str
    close: str
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


class CalendarFile(msgspec.Struct, frozen=True):
    """One exchange's file as written."""

    exchange: str
    updated: dt.date
    covers: tuple[int, ...]
    sessions: tuple[_Session, ...]
    holidays: tuple[_Holiday, ...] = ()
    special: tuple[_Special, ...] = ()


def day_of(date: dt.date) -> int:
    """Give a date as days since 1970."""
    return date.toordinal() - _EPOCH


def date_of_day(day: int) -> dt.date:
    """Give the date of a day counted since 1970."""
    return dt.date.fromordinal(day + _EPOCH)


def ist_day(at_ns: int) -> int:
    """Give the Indian calendar day of a moment, as days since 1970."""
    return (at_ns + IST_NS) // DAY_NS


def ist_date(at_ns: int) -> dt.date:
    """Give the Indian calendar date of a moment."""
    return date_of_day(ist_day(at_ns))


def ist_ns(date: dt.date, minute: int) -> int:
    """Give the moment that is this many minutes after Indian midnight of a date."""
    return day_of(date) * DAY_NS - IST_NS + minute * MINUTE_NS


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


class _Rules:
    """One exchange's file, indexed."""

    def __init__(self, file: CalendarFile) -> None:
        self.file = file
        self.holidays: Mapping[dt.date, str] = {h.date: h.trades for h in file.holidays}
        self.special: dict[tuple[str, dt.date], tuple[Hours, ...]] = {
            (segment, special.date): tuple(Hours(_minute(a), _minute(b)) for a, b in special.hours)
            for special in file.special
            for segment in special.segments
        }
        self.by_segment: dict[str, list[_Session]] = {}
        for session in sorted(file.sessions, key=lambda each: each.from_date):
            self.by_segment.setdefault(session.segment, []).append(session)

    def session(self, segment: str, date: dt.date) -> _Session:
        found = self.by_segment.get(segment)
        if not found:
            raise KeyError(f"{self.file.exchange} has no segment {segment}")
        at = bisect.bisect_right(found, date, key=lambda each: each.from_date)
        return found[max(at - 1, 0)]

    def hours(self, segment: str, date: dt.date) -> tuple[Hours, ...]:
        session = self.session(segment, date)
        special = self.special.get((segment, date))
        if special is not None:
            return special
        if date.weekday() >= 5:
            return ()
        start, end = _minute(session.open), _minute(session.close)
        trades = self.holidays.get(date)
        if trades is None:
            return (Hours(start, end),)
        if trades == "evening":
            return (Hours(_EVENING_STARTS, end),)
        if trades == "morning":
            return (Hours(start, _EVENING_STARTS),)
        return ()


class Calendar:
    """When which segment trades. Unknown segments are a KeyError."""

    def __init__(self, files: Iterable[CalendarFile]) -> None:
        self._rules = {file.exchange: _Rules(file) for file in files}
        self._hours: dict[tuple[str, str, dt.date], tuple[Hours, ...]] = {}
        self._days: dict[tuple[str, str, int], tuple[int, ...]] = {}

    def covers(self, exchange: str, year: int) -> bool:
        """Tell whether the holidays of a year are known."""
        return year in self._rules[exchange].file.covers

    def segments(self) -> Sequence[tuple[str, str]]:
        """Name every (exchange, segment) with sessions."""
        return [
            (exchange, segment)
            for exchange, rules in self._rules.items()
            for segment in rules.by_segment
        ]

    def hours(self, exchange: str, segment: str, date: dt.date) -> tuple[Hours, ...]:
        """Give the stretches of continuous trading; empty on a day without."""
        key = (exchange, segment, date)
        found = self._hours.get(key)
        if found is None:
            found = self._hours[key] = self._rules[exchange].hours(segment, date)
        return found

    def preopen_minute(self, exchange: str, segment: str, date: dt.date) -> int | None:
        """Give the start of the pre-open phase; None without one."""
        session = self._rules[exchange].session(segment, date)
        hours = self.hours(exchange, segment, date)
        if not session.preopen or not hours or hours[0].open_minute != _minute(session.open):
            return None
        return _minute(session.preopen)

    def is_trading_day(self, exchange: str, segment: str, date: dt.date) -> bool:
        """Tell whether there is any session on a date."""
        return bool(self.hours(exchange, segment, date))

    def trading_days(self, exchange: str, segment: str, year: int) -> tuple[int, ...]:
        """Give a year's trading days, as days since 1970, oldest first."""
        key = (exchange, segment, year)
        found = self._days.get(key)
        if found is None:
            first, last = day_of(dt.date(year, 1, 1)), day_of(dt.date(year, 12, 31))
            found = self._days[key] = tuple(
                day
                for day in range(first, last + 1)
                if self.is_trading_day(exchange, segment, date_of_day(day))
            )
        return found

    def neighbour(self, exchange: str, segment: str, date: dt.date, step: int) -> dt.date:
        """Give the nearest trading day after (`step` 1) or before (-1) a date."""
        for distance in range(1, _FAR_DAYS):
            found = date + dt.timedelta(days=distance * step)
            if self.is_trading_day(exchange, segment, found):
                return found
        raise KeyError(f"{exchange} {segment} has no trading day near {date}")

    def trading_day_on_or_before(self, exchange: str, segment: str, date: dt.date) -> dt.date:
        """Give the date itself if it trades, else the last trading day before it."""
        if self.is_trading_day(exchange, segment, date):
            return date
        return self.neighbour(exchange, segment, date, -1)

    def changes_on(self, exchange: str, segment: str, date: dt.date) -> list[Change]:
        """Give the phase changes of one date, in order."""
        found = []
        hours = self.hours(exchange, segment, date)
        preopen = self.preopen_minute(exchange, segment, date)
        if preopen is not None:
            found.append((preopen, MarketPhase.PREOPEN))
        for stretch in hours:
            found.append((stretch.open_minute, MarketPhase.OPEN))
            found.append((stretch.close_minute, MarketPhase.CLOSED))
        return [Change(ist_ns(date, at), exchange, segment, phase) for at, phase in found]

    def changes(self, after_ns: int, until_ns: int) -> list[Change]:
        """Give every segment's phase changes after one moment and up to another, in order."""
        first, last = ist_day(after_ns), ist_day(until_ns)
        found = [
            change
            for day in range(first, last + 1)
            for exchange, segment in self.segments()
            for change in self.changes_on(exchange, segment, date_of_day(day))
            if after_ns < change.at_ns <= until_ns
        ]
        return sorted(found, key=lambda change: change.at_ns)

    def phase(self, exchange: str, segment: str, at_ns: int) -> MarketPhase:
        """Give the phase at a moment; an opening belongs to the open phase."""
        phase = MarketPhase.CLOSED
        for change in self.changes_on(exchange, segment, ist_date(at_ns)):
            if change.at_ns <= at_ns:
                phase = change.phase
        return phase

    def close_ns(self, exchange: str, segment: str, date: dt.date) -> int | None:
        """Give the end of the last session of a date; None on a day without."""
        hours = self.hours(exchange, segment, date)
        return ist_ns(date, hours[-1].close_minute) if hours else None

    def session_start_ns(self, wall_ns: int) -> int:
        """Give 10:00 Indian time on the wall clock's date, or on the trading day before it."""
        date = self.trading_day_on_or_before("NSE", "CM", ist_date(wall_ns))
        return ist_ns(date, _START_MINUTE)


def read_calendar(texts: Iterable[str]) -> Calendar:
    """Read calendar files in their own layout."""
    return Calendar(msgspec.convert(tomllib.loads(text), CalendarFile) for text in texts)


def shipped_calendar() -> Calendar:
    """Read the calendar the program ships."""
    return read_calendar(resources.text(f"calendars/{name}.toml") for name in FILES)
