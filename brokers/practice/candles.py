"""Candles of any length off a tape. Intraday bars are counted from their day's open."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from brokers.model.market import Candle, Interval, Span
from brokers.practice.calendar import date_of_day, day_of, ist_day
from brokers.practice.clock import DAY_NS, IST_NS, MINUTE_NS
from brokers.practice.derived import DerivedLine
from brokers.practice.lines import SpotLine
from brokers.practice.noise import Ints
from brokers.practice.tape import Bars, Tape, bucket_starts, fold, no_bars

_MOST_DAYS = 1100


def candles_of(tape: Tape, interval: Interval, span: Span, until_ns: int) -> Sequence[Candle]:
    """Give the bars that open within a span and before a moment, the running one included."""
    end_ns = min(span.to_ns, until_ns)
    if end_ns <= span.from_ns:
        return ()
    earliest = max(ist_day(until_ns) - _MOST_DAYS, tape.line.shown_from)
    first_day = max(_period_start(interval, ist_day(span.from_ns)), earliest)
    last_day = ist_day(end_ns - 1)
    if interval.is_intraday:
        bars = _intraday(tape, interval, (first_day, last_day), span, until_ns)
    else:
        bars = _daily(tape, first_day, _period_end(interval, last_day), until_ns)
        bars = _longer(bars, interval)
    inside = (bars.start_ns >= span.from_ns) & (bars.start_ns < end_ns)
    return _to_candles(tape, interval, Bars(*(column[inside] for column in bars)), until_ns)


def _intraday(
    tape: Tape, interval: Interval, days: tuple[int, int], span: Span, until_ns: int
) -> Bars:
    first_day, last_day = days
    if interval.seconds < 60:
        first = max(span.from_ns // MINUTE_NS - 1, first_day * 1440 - 330)
        last = min(span.to_ns // MINUTE_NS + 1, (last_day + 1) * 1440 - 330)
        bars = tape.seconds(first, last, until_ns)
        base = Interval.S5
    else:
        bars = tape.minutes(first_day, last_day, until_ns)
        base = Interval.M1
    if interval is base or len(bars.start_ns) == 0:
        return bars
    starts = bucket_starts(bars.start_ns, _opens(tape, bars.start_ns), interval)
    return fold(bars, starts, starts)


def _opens(tape: Tape, start_ns: Ints) -> Ints:
    """Give each bar its day's opening moment; a recording may have bars before it."""
    day = (start_ns + IST_NS) // DAY_NS
    own, owner = np.unique(day, return_inverse=True)
    opens = []
    for each in own.tolist():
        minutes = tape.line.grid.of_day(each)
        midnight = each * 1440 - 330
        opens.append((int(minutes[0]) if len(minutes) else midnight + 555) * MINUTE_NS)
    return np.array(opens, np.int64)[owner]


def _daily(tape: Tape, first_day: int, last_day: int, until_ns: int) -> Bars:
    """Give daily bars; days that users, pauses or the clock touched are added up from minutes."""
    line = tape.line
    today = ist_day(until_ns - 1)
    last_day = min(last_day, today)
    touched = today
    if tape.prints:
        touched = min(touched, ist_day(tape.prints[0].at_ns))
    first_pause = tape.first_pause_ns
    if first_pause is not None:
        touched = min(touched, ist_day(first_pause))
    if not isinstance(line, SpotLine):
        touched = first_day
    touched = max(touched, first_day)
    tail = tape.minutes(touched, last_day, until_ns) if touched <= last_day else None
    parts = []
    if isinstance(line, SpotLine) and touched > first_day:
        parts.append(tape.exact_days(line.daily(first_day, min(touched - 1, last_day))))
    if tail is not None:
        day = (tail.start_ns + IST_NS) // DAY_NS
        parts.append(fold(tail, day, day * DAY_NS - IST_NS))
    return _joined(parts) if parts else no_bars()


def _joined(parts: Sequence[Bars]) -> Bars:
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Bars(*columns)


def _longer(bars: Bars, interval: Interval) -> Bars:
    if interval is Interval.D1 or len(bars.start_ns) == 0:
        return bars
    days = ((bars.start_ns + IST_NS) // DAY_NS).tolist()
    starts = np.array([_period_start(interval, day) for day in days], np.int64)
    return fold(bars, starts, starts * DAY_NS - IST_NS)


def _period_start(interval: Interval, day: int) -> int:
    """Give the Monday of a week or the first of a month, as days since 1970."""
    date = date_of_day(day)
    if interval is Interval.W1:
        return day - date.weekday()
    if interval is Interval.MO1:
        return day - date.day + 1
    return day


def _period_end(interval: Interval, day: int) -> int:
    date = date_of_day(day)
    if interval is Interval.W1:
        return day + 6 - date.weekday()
    if interval is Interval.MO1:
        following = dt.date(date.year + date.month // 12, date.month % 12 + 1, 1)
        return day_of(following) - 1
    return day


def _to_candles(tape: Tape, interval: Interval, bars: Bars, until_ns: int) -> Sequence[Candle]:
    line = tape.line
    interest: Sequence[int | None] = [None] * len(bars.start_ns)
    if isinstance(line, DerivedLine) and len(bars.start_ns):
        ends = bars.start_ns // MINUTE_NS + max(interval.seconds // 60, 1) - 1
        found = line.open_interest(np.minimum(ends, (until_ns - 1) // MINUTE_NS))
        interest = interest if found is None else found.tolist()
    rows = zip(*(column.tolist() for column in bars), interest, strict=True)
    return [Candle(*row) for row in rows]
