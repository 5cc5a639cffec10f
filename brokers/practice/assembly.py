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
from brokers.practice.masters import list_masters
from brokers.practice.universe import build_universe
from brokers.registry import plugins


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
    calendar = shipped_calendar()
    wall_ns = time.time_ns()
    start_ns = calendar.session_start_ns(wall_ns) if clock == "session" else wall_ns
    time_of_exchange = SimClock(start_ns, time.monotonic_ns)
    recorded = read_history([history] if history is not None else [])
    closes = {
        symbol: round(each.close_before_last_day * 10_000)
        for symbol, each in recorded.recordings.items()
    }
    if masters:
        found = list_masters(masters, {name: each.read_master for name, each in plugins().items()})
        listed = found.universe
        _say(f"masters: {len(found.files)} files listed", found.passed_over, found.bad_rows)
        if not listed.all():
            raise ValueError("no contract master was found in the folders of --masters")
    else:
        listed = build_universe(universe, ist_date(start_ns), calendar, closes)
    if history is not None:
        strangers = sum(listed.by_symbol(symbol) is None for symbol in recorded.recordings)
        known = len(recorded.recordings) - strangers
        _say(f"history: {known} recordings replayed", recorded.passed_over + strangers)
    market = Market(
        listed, calendar, time_of_exchange.now_ns, seed=seed, recordings=recorded.recordings
    )
    return Exchange(market, time_of_exchange)


def _say(what: str, passed_over: int, bad_rows: int = 0) -> None:
    rows = f", {bad_rows} rows unread" if bad_rows else ""
    print(f"{what}, {passed_over} files passed over{rows}", file=sys.stderr)  # noqa: T201 - a command
