"""One exchange put together from what the command line says."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from brokers.practice.calendar import ist_date, shipped_calendar
from brokers.practice.clock import SimClock
from brokers.practice.exchange import Exchange
from brokers.practice.history import read_history
from brokers.practice.market import Market
from brokers.practice.universe import build_universe


def assemble(
    *,
    seed: int,
    universe: str,
    masters: Sequence[Path],
    history: Path | None,
    clock: str,
) -> Exchange:
    """Build universe, market and exchange; what is passed over is counted on standard error.

    Args:
        seed: makes prices and ids repeatable.
        universe: `small` or `full`; ignored where `masters` are given.
        masters: folders of real contract masters to list instead.
        history: a folder of recorded one-minute candles to replay.
        clock: `session` for 10:00 of a trading day, `live` for the wall clock.
    """
    if masters:
        raise ValueError("real contract masters cannot be listed yet")
    calendar = shipped_calendar()
    wall_ns = time.time_ns()
    start_ns = calendar.session_start_ns(wall_ns) if clock == "session" else wall_ns
    time_of_exchange = SimClock(start_ns, time.monotonic_ns)
    recorded = read_history([history] if history is not None else [])
    closes = {
        symbol: round(each.close_before_last_day * 10_000)
        for symbol, each in recorded.recordings.items()
    }
    listed = build_universe(universe, ist_date(start_ns), calendar, closes)
    unlisted = [s for s in recorded.recordings if listed.by_symbol(s) is None]
    passed_over = recorded.passed_over + len(unlisted)
    if passed_over:
        print(f"history: {passed_over} files passed over", file=sys.stderr)  # noqa: T201  # said
    market = Market(
        listed, calendar, time_of_exchange.now_ns, seed=seed, recordings=recorded.recordings
    )
    return Exchange(market, time_of_exchange)
