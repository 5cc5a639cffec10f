"""Which files are masters, which of them count, and what they list together."""

import datetime as dt
import gzip
from pathlib import Path

import pytest

from brokers.errors import DecodeError
from brokers.fyers.symbols import read_master
from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentKind,
    Segment,
    instrument_id,
)
from brokers.model.order import OrderState, Product, Side
from brokers.port import BadRow, MasterFile, MasterPart
from brokers.practice.masters import list_masters
from brokers.practice.values import Reason, Rejected
from tests.brokers.practice.floor import ME, Floor
from tests.rig.shared import shared


def plain(file: MasterFile) -> MasterPart:
    """Read `EXCHANGE,SEGMENT,TOKEN,SYMBOL,MULTIPLIER` rows."""
    found, bad = [], []
    for number, line in enumerate(file.body.decode().splitlines(), 1):
        cells = line.split(",")
        if len(cells) != 5:
            bad.append(BadRow(file=file.name, line=number, reason="five cells"))
            continue
        exchange, segment, token, symbol, multiplier = cells
        found.append(
            Instrument(
                id=instrument_id(exchange, segment, token),
                exchange=Exchange(exchange),
                segment=Segment(segment),
                token=token,
                symbol=symbol,
                name=symbol,
                kind=InstrumentKind.EQUITY,
                lot_size=1,
                tick_e4=500,
                multiplier=int(multiplier) if multiplier else None,
            )
        )
    return MasterPart(instruments=found, bad_rows=bad)


def piped(file: MasterFile) -> MasterPart:
    """Read the same with bars between the cells; anything else is an error."""
    if b"|" not in file.body:
        raise DecodeError("line 1", "cells between bars")
    return plain(MasterFile(name=file.name, body=file.body.replace(b"|", b",")))


READERS = {"plain": plain, "piped": piped}


def test_the_newest_date_of_a_segment_counts(tmp_path: Path) -> None:
    (tmp_path / "cash_2025-11-10.csv").write_text("NSE,CM,1,NSE:OLD-EQ,1\n")
    (tmp_path / "cash_2026-07-01.csv").write_text("NSE,CM,2,NSE:NEW-EQ,1\n")
    (tmp_path / "bse_2024-01-01.csv").write_text("BSE,CM,3,BSE:ONLY-A,1\n")
    (tmp_path / "undated.csv").write_text("NSE,CM,4,NSE:NEVER-EQ,1\n")
    listed = list_masters([tmp_path], READERS)
    assert {each.symbol for each in listed.universe.all()} == {"NSE:NEW-EQ", "BSE:ONLY-A"}
    assert listed.files == ("cash_2026-07-01.csv", "bse_2024-01-01.csv")
    assert (listed.passed_over, listed.bad_rows) == (0, 0)


def test_files_of_one_date_are_read_together_and_over_several_folders(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "futures_2025-01.txt").write_text("NSE,FO,1,NSE:A25JANFUT,1\n")
    (two / "options_2025-01.txt.gz").write_bytes(gzip.compress(b"NSE,FO,2,NSE:A25JAN1CE,1\n"))
    listed = list_masters([one, two], READERS)
    assert len(listed.universe.all()) == 2


def test_what_is_no_master_is_passed_over_and_counted(tmp_path: Path) -> None:
    (tmp_path / "cash_2025.csv").write_text("NSE,CM,1,NSE:A-EQ,1\n")
    (tmp_path / "error_codes.csv").write_text("code,message\n-1,wrong\n-2,also wrong\n")
    (tmp_path / "captures.json").write_text("{}")
    (tmp_path / "NOTES.md").write_text("notes")
    (tmp_path / "broken_2026.csv.gz").write_bytes(b"not gzip at all")
    (tmp_path / "empty_2026.csv").write_text("")
    listed = list_masters([tmp_path], READERS)
    assert [each.symbol for each in listed.universe.all()] == ["NSE:A-EQ"]
    assert listed.passed_over == 5


def test_bad_rows_inside_a_master_are_counted(tmp_path: Path) -> None:
    (tmp_path / "cash_2025.csv").write_text("NSE,CM,1,NSE:A-EQ,1\nwhat\nNSE,CM,2,NSE:B-EQ,1\n")
    listed = list_masters([tmp_path], READERS)
    assert (len(listed.universe.all()), listed.bad_rows) == (2, 1)


def test_another_layout_fills_what_the_first_left_open(tmp_path: Path) -> None:
    (tmp_path / "a_2026-02.csv").write_text("MCX,COM,1,MCX:GOLD,\nMCX,COM,2,MCX:CRUDE,10\n")
    (tmp_path / "b_2026-01.txt").write_text("MCX|COM|1|MCX:OTHER|100\nMCX|COM|3|MCX:TIN|5\n")
    listed = list_masters([tmp_path], READERS).universe
    gold = listed.by_token("MCX", "COM", "1")
    assert gold is not None
    assert (gold.symbol, gold.multiplier) == ("MCX:GOLD", 100)
    assert len(listed.all()) == 3


@pytest.fixture(scope="module")
def real() -> Floor:
    folder = shared("data/fyers")
    return Floor(universe=list_masters([folder], {"real": read_master}).universe)


def test_real_masters_list_every_row(real: Floor) -> None:
    universe = real.exchange.universe
    assert len(universe.all()) > 40_000
    sbin = universe.by_symbol("NSE:SBIN-EQ")
    assert sbin is not None
    assert sbin.token == "3045"
    assert real.buy("NSE:SBIN-EQ", 1).state is OrderState.FILLED


def test_an_expired_row_is_listed_and_refuses_orders_until_its_own_day(real: Floor) -> None:
    nearest = min(
        (
            each
            for each in real.exchange.universe.in_segment("BSE", "FO")
            if each.symbol.startswith("BSE:SENSEX25N13") and each.strike_e4
        ),
        key=lambda each: abs((each.strike_e4 or 0) - 850_000_000),
    )
    with pytest.raises(Rejected) as caught:
        real.buy(nearest.symbol, 20, product=Product.MARGIN)
    assert caught.value.reason is Reason.EXPIRED
    now = real.clock.now_ns()
    real.at(dt.date(2025, 11, 10), 600)
    # On that day its strikes lie around its underlying's price.
    spot = real.quote("BSE:SENSEX-INDEX").ltp_e4 or 0
    strikes = [
        each.strike_e4 or 0
        for each in real.exchange.universe.in_segment("BSE", "FO")
        if each.symbol.startswith("BSE:SENSEX25N13")
    ]
    assert min(strikes) < spot < max(strikes)
    assert real.buy(nearest.symbol, 20, product=Product.MARGIN).state is OrderState.FILLED
    real.exchange.set_clock(now)


def test_a_contract_without_its_size_refuses_orders(real: Floor) -> None:
    real.at(dt.date(2026, 9, 10), 600)
    with pytest.raises(Rejected) as caught:
        real.exchange.place(
            ME, real.want("MCX:CRUDEOIL26SEPFUT", Side.BUY, 1, product=Product.MARGIN)
        )
    assert caught.value.reason is Reason.MULTIPLIER_UNKNOWN


def test_any_row_of_a_real_master_can_be_quoted(real: Floor) -> None:
    everything = real.exchange.universe.all()
    for each in everything[:: len(everything) // 150]:
        quote = real.market.quote(each.id)
        assert (quote.ltp_e4 or 0) > 0
        assert quote.ltp_e4 is not None
        assert quote.ltp_e4 % each.tick_e4 == 0
