"""What the exchange lists: known names with real tokens, contracts that hang together."""

import datetime as dt

import pytest

from brokers.model.instrument import InstrumentKind, Right, Segment
from brokers.practice.calendar import shipped_calendar
from brokers.practice.listing import equity_tick_e4, expiry_weekday, last_weekday
from brokers.practice.universe import Universe, build_universe
from tests.brokers.practice.floor import FRIDAY, SMALL

TOKENS = {
    "NSE:SBIN-EQ": "3045",
    "NSE:RELIANCE-EQ": "2885",
    "NSE:INFY-EQ": "1594",
    "NSE:TCS-EQ": "11536",
    "NSE:ITC-EQ": "1660",
    "NSE:NIFTY50-INDEX": "26000",
    "NSE:NIFTYBANK-INDEX": "26009",
}


@pytest.fixture(scope="module")
def full() -> Universe:
    return build_universe("full", FRIDAY)


def test_the_small_universe_is_about_two_hundred() -> None:
    assert 180 <= len(SMALL.all()) <= 260


def test_the_full_universe_is_about_a_hundred_thousand(full: Universe) -> None:
    assert 95_000 <= len(full.all()) <= 105_000


@pytest.mark.parametrize(("symbol", "token"), TOKENS.items())
def test_known_names_have_their_real_tokens(full: Universe, symbol: str, token: str) -> None:
    for universe in (SMALL, full):
        found = universe.by_symbol(symbol)
        assert found is not None
        assert found.token == token
        assert universe.by_token("NSE", "CM", token) is found
        assert universe.by_id(found.id) is found


def test_both_universes_hold_what_the_contract_asks_for(full: Universe) -> None:
    for universe in (SMALL, full):
        cash, contracts = universe.in_segment("NSE", "CM"), universe.in_segment("NSE", "FO")
        assert sum(each.symbol.endswith("-EQ") for each in cash) >= 20
        assert len(cash) + len(contracts) >= 60
        symbols = {each.symbol for each in universe.all()}
        assert {"NSE:JIOFIN-EQ", "NSE:INDIAVIX-INDEX", "BSE:SENSEX-INDEX"} <= symbols
        for name in ("NIFTY", "BANKNIFTY"):
            assert f"NSE:{name}26NOVFUT" in symbols
            assert any(s.startswith(f"NSE:{name}26NOV") and s.endswith("CE") for s in symbols)
        for name in ("CRUDEOIL", "GOLD", "SILVER"):
            assert any(s.startswith(f"MCX:{name}") for s in symbols)
        assert any(s.startswith("NSE:USDINR") for s in symbols)


def test_no_id_and_no_symbol_is_listed_twice(full: Universe) -> None:
    everything = full.all()
    assert len({each.id for each in everything}) == len(everything)
    assert len({each.symbol for each in everything}) == len(everything)


def test_every_instrument_can_be_traded_or_is_an_index(full: Universe) -> None:
    for each in full.all():
        assert each.multiplier is not None
        assert each.tick_e4 > 0
        assert each.lot_size >= 1
        assert each.previous_close_e4 is not None
        assert each.previous_close_e4 % each.tick_e4 == 0
        if each.kind is not InstrumentKind.INDEX:
            assert each.lower_e4 is not None
            assert each.upper_e4 is not None
            assert each.lower_e4 <= each.previous_close_e4 <= each.upper_e4


def test_weekly_and_monthly_options_are_written_as_venues_write_them() -> None:
    weekly = SMALL.by_symbol("NSE:NIFTY26D0126000CE")
    monthly = SMALL.by_symbol("NSE:NIFTY26NOV26000PE")
    assert weekly is not None
    assert monthly is not None
    assert (weekly.expiry, weekly.right) == (dt.date(2026, 12, 1), Right.CALL)
    # The last Tuesday of the month is a holiday: the day before.
    assert (monthly.expiry, monthly.strike_e4) == (dt.date(2026, 11, 23), 260_000_000)


def test_contracts_have_real_lots_and_freeze_quantities() -> None:
    future = SMALL.by_symbol("NSE:NIFTY26NOVFUT")
    crude = SMALL.by_symbol("MCX:CRUDEOIL26DECFUT")
    assert future is not None
    assert crude is not None
    assert (future.lot_size, future.freeze_qty, future.multiplier) == (65, 1800, 1)
    assert (crude.lot_size, crude.multiplier) == (1, 100)


def test_chains_are_found_by_underlying_in_order() -> None:
    nifty = SMALL.by_symbol("NSE:NIFTY50-INDEX")
    assert nifty is not None
    expiries = SMALL.expiries(nifty.id)
    assert expiries == sorted(expiries)
    chain = SMALL.options(nifty.id, expiries[0])
    keys = [(each.strike_e4, each.right is Right.PUT) for each in chain]
    assert keys == sorted(keys)
    assert {each.underlying_id for each in chain} == {nifty.id}
    futures = SMALL.futures(nifty.id)
    assert [each.expiry for each in futures] == sorted(each.expiry for each in futures)  # type: ignore[type-var]  # futures have one


def test_commodity_options_hang_on_their_future() -> None:
    options = [
        each
        for each in SMALL.in_segment("MCX", "COM")
        if each.kind is InstrumentKind.OPTION and each.underlying == "CRUDEOIL"
    ]
    futures = {SMALL.by_id(each.underlying_id) for each in options if each.underlying_id}
    assert {each.kind for each in futures if each} == {InstrumentKind.FUTURE}


def test_nothing_has_expired_and_no_expiry_is_a_holiday(full: Universe) -> None:
    calendar = shipped_calendar()
    for each in full.all():
        if each.expiry is not None:
            assert each.expiry >= FRIDAY
            assert calendar.is_trading_day(each.exchange, each.segment, each.expiry)


def test_expiry_days_swapped_between_the_exchanges_in_september_2025() -> None:
    before, after = dt.date(2025, 8, 29), dt.date(2025, 9, 1)
    assert [expiry_weekday("NSE", day) for day in (before, after)] == [3, 1]
    assert [expiry_weekday("BSE", day) for day in (before, after)] == [1, 3]
    assert last_weekday(2026, 12, 1) == dt.date(2026, 12, 29)


def test_ticks_follow_the_price() -> None:
    rupee = 10_000
    prices = (250, 251, 1000, 1001, 5001, 10_001, 20_001)
    ticks = (100, 500, 500, 1000, 5000, 10_000, 50_000)
    assert [equity_tick_e4(price * rupee) for price in prices] == list(ticks)


def test_replayed_prices_move_strikes_and_bands() -> None:
    universe = build_universe("small", FRIDAY, prices={"NSE:NIFTY50-INDEX": 172_289_500})
    strikes = [
        each.strike_e4 or 0
        for each in universe.in_segment("NSE", "FO")
        if each.underlying == "NIFTY" and each.strike_e4
    ]
    assert min(strikes) < 172_289_500 < max(strikes)


def test_listings_of_one_isin_are_found_together() -> None:
    sbin = SMALL.by_symbol("NSE:SBIN-EQ")
    assert sbin is not None
    listings = [SMALL.by_id(each) for each in SMALL.listings(sbin.isin)]
    assert [each.exchange for each in listings if each] == ["NSE", "BSE"]


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="small or full"):
        build_universe("medium", FRIDAY)


def test_segments_are_those_that_hold_anything() -> None:
    assert ("MCX", "COM") in SMALL.segments()
    assert SMALL.in_segment("MCX", Segment.CM) == ()
