"""Where bars begin: aligned to the session's open, as the brokers' own are.

An hour's bars of a market that opens at 09:15 start at 09:15, 10:15 …; each session of a day is
aligned to its own open. Days start at 00:00 Indian time, weeks on Monday, months on the first.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from brokers.model.instrument import Instrument
from brokers.model.market import Interval
from desktop.trading.clock import DAY_NS, IST_NS, SECOND_NS, date_of, day_of, day_start_ns, ist_day
from desktop.trading.hours import Hours

Longs = NDArray[np.int64]
OUTSIDE: Final = -1
_MONDAY: Final = 4
"""Days since 1970-01-01, a Thursday, of the first Monday."""


class BarGrid:
    """Bar starts of one instrument at one interval."""

    def __init__(self, instrument: Instrument, interval: Interval, hours: Hours) -> None:
        self.interval = interval
        self._instrument = instrument
        self._hours = hours
        self._step_ns = interval.seconds * SECOND_NS
        self._open_ns, self._close_ns = hours.regular(instrument)
        # The day last asked about: for ticks it is nearly always the same one.
        self._day = -1
        self._sessions: tuple[tuple[int, int], ...] = ()

    def live_start(self, at_ns: int) -> int:
        """Give the start of the bar a trade belongs to, OUTSIDE if no session is on then."""
        if not self.interval.is_intraday:
            return self._long_start(ist_day(at_ns))
        day = (at_ns + IST_NS) // DAY_NS
        if day != self._day:
            self._day = day
            self._sessions = self._hours.possible(self._instrument, day)
        for open_ns, close_ns in self._sessions:
            if open_ns <= at_ns < close_ns:
                return at_ns - (at_ns - open_ns) % self._step_ns
        return OUTSIDE

    def start_of(self, at_ns: int) -> int:
        """Give the start of the bar around a moment, by the regular hours outside of sessions."""
        start = self.live_start(at_ns)
        if start != OUTSIDE:
            return start
        open_ns = day_start_ns(ist_day(at_ns)) + self._open_ns
        return at_ns - (at_ns - open_ns) % self._step_ns

    def end_of(self, opened_ns: int) -> int:
        """Give the moment after which nothing belongs to the bar any more."""
        if self.interval is Interval.W1:
            return opened_ns + 7 * DAY_NS
        if self.interval is Interval.MO1:
            return self._long_start(ist_day(opened_ns) + 31)
        if self.interval is Interval.D1:
            return opened_ns + DAY_NS
        end_ns = opened_ns + self._step_ns
        close_ns = day_start_ns(ist_day(opened_ns)) + self._close_ns
        return min(end_ns, close_ns) if opened_ns < close_ns else end_ns

    def starts(self, opened_ns: Longs) -> Longs:
        """Move bar starts onto the grid, many at once; those outside regular hours stay."""
        days = (opened_ns + IST_NS) // DAY_NS
        if self.interval is Interval.MO1:
            months = days.astype("datetime64[D]").astype("datetime64[M]")
            days = months.astype("datetime64[D]").astype(np.int64)
        elif self.interval is Interval.W1:
            days -= (days - _MONDAY) % 7
        if not self.interval.is_intraday:
            return days * DAY_NS - IST_NS
        into_ns = opened_ns - (days * DAY_NS - IST_NS) - self._open_ns
        is_regular = (into_ns >= 0) & (into_ns < self._close_ns - self._open_ns)
        return np.where(is_regular, opened_ns - into_ns % self._step_ns, opened_ns)

    def _long_start(self, day: int) -> int:
        if self.interval is Interval.W1:
            day -= (day - _MONDAY) % 7
        elif self.interval is Interval.MO1:
            day = day_of(date_of(day).replace(day=1))
        return day_start_ns(day)


def bars_in_a_day(interval: Interval, open_ns: int, close_ns: int) -> int:
    """Count the bars of one regular session, at least one."""
    if not interval.is_intraday:
        return 1
    return max(1, -(-(close_ns - open_ns) // (interval.seconds * SECOND_NS)))
