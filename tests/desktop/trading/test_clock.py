"""Time: Indian days in exact integers, and when instruments trade."""

import datetime as dt
import os
import time

import pytest

from brokers.model.instrument import Exchange, Instrument, InstrumentKind, Segment, instrument_id
from brokers.model.market import Span
from desktop.trading.clock import (
    Clock,
    FrozenClock,
    date_of,
    day_bounds,
    day_of,
    ist_date,
    ist_datetime,
    ist_day,
    ist_ns,
    ist_text,
)
from desktop.trading.hours import Hours, read_calendar, session_of

S = 1_000_000_000
TUESDAY = dt.date(2026, 9, 29)


def instrument(
    session: str = "0915-1530|1815-1915:",
    exchange: Exchange = Exchange.NSE,
    segment: Segment = Segment.CM,
) -> Instrument:
    return Instrument(
        id=instrument_id(exchange, segment, "3045"),
        exchange=exchange,
        segment=segment,
        token="3045",
        symbol=f"{exchange}:SBIN-EQ",
        name="STATE BANK OF INDIA",
        kind=InstrumentKind.EQUITY,
        lot_size=1,
        tick_e4=1000,
        session=session,
    )


def minutes(hours: Hours, what: Instrument, date: dt.date) -> list[tuple[str, str]]:
    """Write a day's sessions as clock times."""
    return [
        (f"{ist_datetime(a):%H:%M}", f"{ist_datetime(b):%H:%M}")
        for a, b in hours.sessions(what, day_of(date))
    ]


def test_the_clock_follows_the_machine_with_an_offset() -> None:
    clock = Clock()
    before = time.time_ns()
    assert before <= clock.now_ns() <= time.time_ns()
    clock.offset_ns = -3600 * S
    assert clock.now_ns() < before
    assert clock.monotonic_ns() <= time.monotonic_ns()


def test_a_frozen_clock_moves_when_told() -> None:
    clock = FrozenClock(100)
    clock.advance(5)
    assert (clock.now_ns(), clock.monotonic_ns()) == (105, 5)
    clock.set(50)
    assert (clock.now_ns(), clock.monotonic_ns()) == (50, 5)


def test_an_indian_day_starts_at_half_past_six_of_the_evening_before() -> None:
    start_ns = int(dt.datetime(2026, 9, 28, 18, 30, tzinfo=dt.UTC).timestamp()) * S
    assert day_bounds(TUESDAY) == Span(start_ns, start_ns + 86_400 * S)
    assert ist_date(start_ns) == TUESDAY
    assert ist_date(start_ns - 1) == TUESDAY - dt.timedelta(days=1)
    assert date_of(ist_day(start_ns)) == TUESDAY
    assert ist_text(ist_ns(TUESDAY, 9, 15, 7)) == "29 Sep 2026 09:15:07"
    assert ist_ns(TUESDAY, 24) == day_bounds(TUESDAY).to_ns


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the host's zone can be set on POSIX only")
@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Europe/London"]
)
def test_times_do_not_depend_on_the_hosts_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        for month in (1, 3, 7, 10):
            date = dt.date(2026, month, 29)
            assert ist_datetime(ist_ns(date, 1)).isoformat() == f"{date}T01:00:00+05:30"
            assert ist_date(ist_ns(date, 0)) == date
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_masters_session_text_says_when_it_trades() -> None:
    assert session_of(instrument(), TUESDAY) == (ist_ns(TUESDAY, 9, 15), ist_ns(TUESDAY, 15, 30))
    long = instrument("0915-1540|1815-1915:")
    assert session_of(long, TUESDAY) == (ist_ns(TUESDAY, 9, 15), ist_ns(TUESDAY, 15, 40))


@pytest.mark.parametrize("text", ["", "closed", "2500-9900", "1530-0915"])
def test_without_a_readable_text_the_segments_hours_hold(text: str) -> None:
    assert minutes(Hours(), instrument(text), TUESDAY) == [("09:15", "15:30")]
    mcx = instrument(text, Exchange.MCX, Segment.COM)
    assert minutes(Hours(), mcx, TUESDAY) == [("09:00", "23:30")]


def test_weekends_are_closed_unless_the_exchange_trades_all_the_same() -> None:
    saturday = dt.date(2026, 9, 26)
    assert Hours().session_of(instrument(), saturday) is None
    assert [
        (f"{ist_datetime(a):%H:%M}", f"{ist_datetime(b):%H:%M}")
        for a, b in Hours().possible(instrument(), day_of(saturday))
    ] == [("09:15", "15:30"), ("18:15", "19:15")]


CALENDAR = """
exchange = "MCX"
updated = 2026-11-20
covers = [2026]
[[sessions]]
segment = "COM"
from = 2025-11-03
open = "09:00"
close = "23:55"
[[sessions]]
segment = "COM"
from = 2026-03-09
open = "09:00"
close = "23:30"
[[holidays]]
date = 2026-01-01
name = "New Year Day"
trades = "morning"
[[holidays]]
date = 2026-01-15
name = "Election"
trades = "evening"
[[holidays]]
date = 2026-01-26
name = "Republic Day"
[[special]]
date = 2026-11-08
name = "Muhurat session"
segments = ["COM"]
hours = [["18:00", "18:10"], ["18:15", "19:15"]]
"""


def test_a_calendar_knows_holidays_half_days_and_longer_days() -> None:
    hours = Hours([read_calendar(CALENDAR)])
    gold = instrument("0900-2330|1815-1915:", Exchange.MCX, Segment.COM)
    assert minutes(hours, gold, dt.date(2026, 1, 1)) == [("09:00", "17:00")]
    assert minutes(hours, gold, dt.date(2026, 1, 15)) == [("17:00", "23:55")]
    assert minutes(hours, gold, dt.date(2026, 1, 26)) == []
    assert hours.holiday_name(gold, dt.date(2026, 1, 26)) == "Republic Day"
    assert minutes(hours, gold, dt.date(2026, 1, 5)) == [("09:00", "23:55")]
    assert minutes(hours, gold, dt.date(2026, 4, 6)) == [("09:00", "23:30")]
    assert minutes(hours, gold, dt.date(2026, 11, 8)) == [("18:00", "18:10"), ("18:15", "19:15")]
    assert hours.is_open(gold, ist_ns(dt.date(2026, 11, 8), 18, 15))
    assert not hours.is_open(gold, ist_ns(dt.date(2026, 11, 8), 18, 10))


def test_an_exchange_without_a_calendar_is_unknown_not_closed() -> None:
    hours = Hours([read_calendar(CALENDAR)])
    assert not hours.is_known(instrument(), TUESDAY)
    assert hours.is_known(instrument("", Exchange.MCX, Segment.COM), TUESDAY)
    assert not hours.is_known(instrument("", Exchange.MCX, Segment.COM), dt.date(2027, 1, 4))
    assert hours.is_open(instrument(), ist_ns(TUESDAY, 9, 15))


def test_a_broken_calendar_names_its_fault() -> None:
    with pytest.raises(ValueError, match=r"date.*holidays"):
        read_calendar('exchange = "NSE"\ncovers = []\n[[holidays]]\ndate = "soon"\nname = "x"')


def test_the_shipped_calendars_close_on_republic_day() -> None:
    hours = Hours.shipped()
    assert hours.session_of(instrument(), dt.date(2026, 1, 26)) is None
    assert minutes(hours, instrument(), dt.date(2026, 1, 27)) == [("09:15", "15:30")]
