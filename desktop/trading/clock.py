"""What time it is: injected everywhere, so that tests and practice accounts can set it.

Values are UTC nanoseconds. Indian time has no summer time: a fixed +05:30, exact in integers.
"""

import datetime as dt
import time
from typing import Final

from typing_extensions import override

from brokers.model.market import Span

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
IST_NS: Final = 19_800 * SECOND_NS
"""Indian time minus UTC."""

IST: Final = dt.timezone(dt.timedelta(seconds=19_800), "IST")
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
# strftime's %b follows the locale Qt has set; a trader's date must not.
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)


class Clock:
    """The machine's clock; `offset_ns` makes it a practice exchange's."""

    def __init__(self, offset_ns: int = 0) -> None:
        self.offset_ns = offset_ns

    def now_ns(self) -> int:
        """Give UTC nanoseconds; may jump when the system's clock is set."""
        return time.time_ns() + self.offset_ns

    def monotonic_ns(self) -> int:
        """Give nanoseconds for durations; never jumps."""
        return time.monotonic_ns()


class FrozenClock(Clock):
    """A clock that moves only when told to."""

    def __init__(self, now_ns: int) -> None:
        super().__init__()
        self._now_ns = now_ns
        self._monotonic_ns = 0

    @override
    def now_ns(self) -> int:
        return self._now_ns + self.offset_ns

    @override
    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, by_ns: int) -> None:
        """Let time pass."""
        self._now_ns += by_ns
        self._monotonic_ns += by_ns

    def set(self, now_ns: int) -> None:
        """Step the wall clock, as a time server would; durations do not notice."""
        self._now_ns = now_ns


def ist_day(at_ns: int) -> int:
    """Give the Indian calendar day as days since 1970."""
    return (at_ns + IST_NS) // DAY_NS


def ist_date(at_ns: int) -> dt.date:
    """Give the Indian calendar date."""
    return dt.date.fromordinal(_EPOCH + ist_day(at_ns))


def day_of(date: dt.date) -> int:
    """Give a date as days since 1970."""
    return date.toordinal() - _EPOCH


def date_of(day: int) -> dt.date:
    """Give the date of a day counted since 1970."""
    return dt.date.fromordinal(_EPOCH + day)


def day_start_ns(day: int) -> int:
    """Give 00:00 Indian time of a day counted since 1970."""
    return day * DAY_NS - IST_NS


def day_bounds(date: dt.date) -> Span:
    """Give the 24 hours of an Indian date."""
    start = day_start_ns(day_of(date))
    return Span(start, start + DAY_NS)


def ist_ns(date: dt.date, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Give the moment an Indian wall clock shows this; hour 24 is the day's end."""
    return day_start_ns(day_of(date)) + (hour * 3600 + minute * 60 + second) * SECOND_NS


def ist_datetime(at_ns: int) -> dt.datetime:
    """Give an aware Indian datetime, cut to microseconds."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    return dt.datetime.fromtimestamp(seconds, IST).replace(microsecond=rest // 1000)


def ist_text(at_ns: int) -> str:
    """Write a moment in Indian time: `29 Sep 2026 09:15:00`."""
    return f"{ist_date_text(ist_date(at_ns))} {ist_time_text(at_ns)}"


def ist_date_text(date: dt.date) -> str:
    """Write a date: `29 Sep 2026`."""
    return f"{date.day:02d} {_MONTHS[date.month - 1]} {date.year}"


def ist_time_text(at_ns: int) -> str:
    """Write the Indian time of day: `09:15:00`."""
    minutes, second = divmod((at_ns + IST_NS) // SECOND_NS % 86_400, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
