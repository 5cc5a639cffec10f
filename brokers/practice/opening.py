"""Opening an exchange: clock, calendar, instruments, market and books put together."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from brokers.practice.calendar import Calendar, ist_date, shipped_calendar
from brokers.practice.clock import SimClock
from brokers.practice.exchange import Exchange
from brokers.practice.history import History, Recording
from brokers.practice.market import Market
from brokers.practice.universe import Universe, build_universe

_NO_HISTORY = History({}, 0)


class Opened(NamedTuple):
    """An exchange ready for its faces; `idle_recordings` name no listed instrument."""

    exchange: Exchange
    idle_recordings: tuple[str, ...]


def start_clock(
    mode: str, wall_ns: int, monotonic_ns: Callable[[], int], calendar: Calendar | None = None
) -> SimClock:
    """Start exchange time: `session` at ten o'clock of a trading day, `live` at the wall clock."""
    if mode not in ("session", "live"):
        raise ValueError(f"expected session or live, was {mode!r}")
    known = calendar or shipped_calendar()
    start_ns = known.session_start_ns(wall_ns) if mode == "session" else wall_ns
    return SimClock(start_ns, monotonic_ns)


def open_exchange(
    clock: SimClock,
    *,
    seed: int = 1,
    size: str = "small",
    listed: Universe | None = None,
    history: History = _NO_HISTORY,
    calendar: Calendar | None = None,
) -> Opened:
    """Open an exchange at the clock's date.

    Args:
        clock: already at the moment to start from.
        seed: makes prices and sizes repeatable.
        size: `small` or `full`; not used when instruments are given.
        listed: instruments read from real masters instead.
        history: recordings to replay, the last recorded day as today.
        calendar: sessions and holidays; the shipped ones by default.
    """
    known = calendar or shipped_calendar()
    universe = listed
    if universe is None:
        date = ist_date(clock.now_ns())
        universe = build_universe(size, date, known, _last_closes(history.recordings))
    used = {
        symbol: recording
        for symbol, recording in history.recordings.items()
        if universe.by_symbol(symbol) is not None
    }
    market = Market(universe, known, clock.now_ns, seed=seed, recordings=used)
    idle = tuple(sorted(set(history.recordings) - set(used)))
    return Opened(Exchange(market, clock), idle)


def _last_closes(recordings: Mapping[str, Recording]) -> dict[str, int]:
    return {
        symbol: round(recording.close_before_last_day * 10_000)
        for symbol, recording in recordings.items()
    }
