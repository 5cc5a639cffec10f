"""When the exchanges trade: dated sessions, holidays, special days, years without a list."""

import csv
import datetime as dt

import pytest

from brokers.model.market import MarketPhase
from brokers.practice.calendar import (
    Calendar,
    Hours,
    ist_date,
    ist_ns,
    shipped_calendar,
)
from brokers.practice.clock import MINUTE_NS, SECOND_NS, SimClock
from tests.rig.shared import shared


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return shipped_calendar()


def test_a_weekday_is_a_session_with_its_preopen(calendar: Calendar) -> None:
    friday = dt.date(2026, 11, 20)
    assert calendar.hours("NSE", "CM", friday) == (Hours(555, 930),)
    at = {minute: calendar.phase("NSE", "CM", ist_ns(friday, minute)) for minute in (539, 540, 555)}
    assert at == {539: MarketPhase.CLOSED, 540: MarketPhase.PREOPEN, 555: MarketPhase.OPEN}
    assert calendar.phase("NSE", "CM", ist_ns(friday, 930) - 1) is MarketPhase.OPEN
    assert calendar.phase("NSE", "CM", ist_ns(friday, 930)) is MarketPhase.CLOSED


def test_a_holiday_closes_equities_and_leaves_the_commodity_evening(calendar: Calendar) -> None:
    dussehra = dt.date(2026, 10, 20)
    assert calendar.hours("NSE", "CM", dussehra) == ()
    assert calendar.hours("BSE", "FO", dussehra) == ()
    assert calendar.hours("MCX", "COM", dussehra) == (Hours(17 * 60, 23 * 60 + 30),)


def test_the_commodity_evening_is_longer_in_winter(calendar: Calendar) -> None:
    assert calendar.hours("MCX", "COM", dt.date(2026, 10, 30))[-1].close_minute == 23 * 60 + 30
    assert calendar.hours("MCX", "COM", dt.date(2026, 11, 2))[-1].close_minute == 23 * 60 + 55


def test_derivatives_of_nse_close_later_from_august_2026(calendar: Calendar) -> None:
    assert calendar.hours("NSE", "FO", dt.date(2026, 7, 31)) == (Hours(555, 930),)
    assert calendar.hours("NSE", "FO", dt.date(2026, 8, 3)) == (Hours(555, 940),)


def test_a_special_saturday_has_its_two_stretches(calendar: Calendar) -> None:
    saturday = dt.date(2024, 3, 2)
    assert calendar.hours("NSE", "CM", saturday) == (Hours(555, 600), Hours(690, 750))
    noon = calendar.phase("NSE", "CM", ist_ns(saturday, 660))
    assert noon is MarketPhase.CLOSED


def test_session_time_starts_at_ten_or_on_the_trading_day_before(calendar: Calendar) -> None:
    friday = calendar.session_start_ns(ist_ns(dt.date(2026, 11, 20), 1200))
    assert friday == ist_ns(dt.date(2026, 11, 20), 600)
    assert calendar.session_start_ns(ist_ns(dt.date(2026, 11, 22), 60)) == friday
    holiday = calendar.session_start_ns(ist_ns(dt.date(2026, 11, 24), 60))
    assert ist_date(holiday) == dt.date(2026, 11, 23)


def test_changes_pass_in_order_over_a_weekend(calendar: Calendar) -> None:
    since, until = ist_ns(dt.date(2026, 11, 20), 900), ist_ns(dt.date(2026, 11, 23), 560)
    changes = calendar.changes(since, until)
    assert changes == sorted(changes, key=lambda change: change.at_ns)
    cash = [(c.phase, ist_date(c.at_ns).day) for c in changes if c[1:3] == ("NSE", "CM")]
    assert cash == [
        (MarketPhase.CLOSED, 20),
        (MarketPhase.PREOPEN, 23),
        (MarketPhase.OPEN, 23),
    ]


def test_a_year_without_a_list_has_weekdays_and_says_so(calendar: Calendar) -> None:
    assert not calendar.covers("NSE", 2027)
    assert calendar.is_trading_day("NSE", "CM", dt.date(2027, 1, 26))
    assert not calendar.is_trading_day("NSE", "CM", dt.date(2027, 1, 24))


def test_every_day_that_really_traded_is_a_trading_day(calendar: Calendar) -> None:
    path = shared("data/market/calendar/observed_trading_days_2008_2024.csv")
    with path.open(encoding="utf-8") as file:
        traded = {dt.date.fromisoformat(row["date"]) for row in csv.DictReader(file)}
    # The evening of Diwali 2024 has a bar but no recorded hours.
    first_half = {day for day in traded if dt.date(2024, 1, 1) <= day <= dt.date(2024, 6, 28)}
    ours = {
        date
        for date in (dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(180))
        if calendar.is_trading_day("NSE", "CM", date)
    }
    assert ours == first_half


def test_exchange_time_flows_from_where_it_was_set() -> None:
    machine = [5 * SECOND_NS]
    clock = SimClock(1000 * MINUTE_NS, lambda: machine[0])
    machine[0] += 7 * SECOND_NS
    assert clock.now_ns() == 1000 * MINUTE_NS + 7 * SECOND_NS
    clock.move_to(2000 * MINUTE_NS)
    machine[0] += 1
    assert clock.now_ns() == 2000 * MINUTE_NS + 1
    clock.pin(3)
    assert clock.now_ns() == 3
    assert clock.flowing_ns() == 2000 * MINUTE_NS + 1
    clock.pin(None)
    assert clock.now_ns() == 2000 * MINUTE_NS + 1
