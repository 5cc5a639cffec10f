"""The symbol masters, real files first. Source: protocol notes §5.1 and §6."""

import datetime as dt
import json
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import BrokerError, DecodeError
from brokers.fyers import symbols
from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Right,
    Segment,
)
from brokers.port import MasterFile, MasterPart
from tests.brokers.fyers.listing import CRUDE, EURINR, LISTED, NIFTY, NIFTY_CALL, SBIN
from tests.rig.shared import shared

DAY = dt.date(2026, 7, 1)
REAL = {
    "NSE_CM_2026-07-01.csv": 9679,
    "BSE_CM_2025-11-10.csv": 12569,
    "BSE_FO_2025-11-10.csv": 6708,
    "NSE_CD_2025-11-10.csv": 11063,
    "NSE_CM_2021-09-23_14col.csv": 1904,
    "MCX_COM_2025-09-05_excerpt.csv": 82,
    "MCX_COM_2026-09-10_rows.csv": 1,
    "NSE_FO_2026_rows.csv": 12,
}
INDICES = {*map(InstrumentId, ("NSE:CM:26000", "NSE:CM:26009", "BSE:CM:1", "BSE:CM:12"))}

SBIN_ROW = (
    "10100000003045,STATE BANK OF INDIA,0,1,0.1,INE062A01020,0915-1530|1815-1915:,2026-07-01,,"
    "NSE:SBIN-EQ,10,10,3045,SBIN,3045,-1.0,XX,10100000003045,None,1,3.6"
)
NIFTY_ROW = (
    "101000000026000,NIFTY50-INDEX,10,0,0.05,,0915-1530|1815-1915:,2026-07-01,,"
    "NSE:NIFTY50-INDEX,10,10,26000,NIFTY,26000,-1.0,XX,101000000026000,None,0,0.0"
)
CALL_ROW = (
    "101126092935086,NIFTY 29 Sep 26 29200 CE,14,65,0.05,,0915-1540|1815-1915:,2026-09-09,"
    "1790676600,NSE:NIFTY26SEP29200CE,10,11,35086,NIFTY,26000,29200.0,CE,101000000026000,None,0,0.0"
)
EURINR_ROW = (
    "10122511141479,EURINR 25 Nov 14 FUT,16,1,0.0025,,0900-1700|1815-1915:,2025-11-10,1763103600,"
    "NSE:EURINR25N14FUT,10,12,1479,EURINR,25,-1.0,XX,101200000025,None,0,0.0"
)
BSE_FUTURE_ROW = (
    "1211251127865820,SBIN 25 Nov 27 FUT ,13,750,0.05,,0915-1530|1815-1915:,2025-11-10,1764237600,"
    "BSE:SBIN25NOVFUT,12,11,865820,SBIN,500112,-1.0,,1210000000500112,None,0,0.0"
)
MCX_OPTION_ROW = (
    "1120250917462525,CRUDEOIL 25 Sep 17 6150 CE,31,1,0.1,,0900-2330|1815-1915:,2025-09-05,"
    "1758132000,MCX:CRUDEOIL25SEP6150CE,11,20,462525,CRUDEOIL,452373,6150.0,CE,1120000000452373,"
    "1758132000,0,0.0"
)


def read(*rows: str, name: str = "X.csv") -> MasterPart:
    return symbols.read_master(MasterFile(name=name, body="".join(f"{r}\n" for r in rows).encode()))


def only(row: str) -> Instrument:
    (instrument,) = read(row).instruments
    return instrument


def real(name: str) -> Path:
    return shared(f"data/fyers/{name}")


def changed(row: str, column: int, text: str) -> str:
    columns = row.split(",")
    columns[column] = text
    return ",".join(columns)


@pytest.mark.parametrize("name", REAL)
def test_every_row_of_a_real_master_is_read(name: str) -> None:
    body = real(name).read_bytes()
    part = symbols.read_master(MasterFile(name=name, body=body))
    assert len(part.instruments) == REAL[name]
    assert not part.bad_rows
    written = {line.partition(",")[0] for line in body.decode().splitlines()}
    assert {symbols.fy_token(each) for each in part.instruments} == written


def test_a_share() -> None:
    assert only(SBIN_ROW) == SBIN


def test_an_index_is_not_tradable_and_has_no_lot() -> None:
    assert only(NIFTY_ROW) == NIFTY


def test_an_option_expires_on_the_indian_date() -> None:
    assert only(CALL_ROW) == NIFTY_CALL
    assert only(changed(CALL_ROW, 8, "1790676000")).expiry == dt.date(2026, 9, 29)


def test_a_currency_future_does_not_know_its_size() -> None:
    assert only(EURINR_ROW) == msgspec.structs.replace(EURINR, multiplier=None)


def test_a_bse_future_has_no_option_type_and_a_trailing_blank() -> None:
    future = only(BSE_FUTURE_ROW)
    assert (future.kind, future.right) == (InstrumentKind.FUTURE, None)
    assert (future.name, future.lot_size) == ("SBIN 25 Nov 27 FUT", 750)
    assert (future.id, future.underlying_id) == ("BSE:FO:865820", "BSE:CM:500112")


def test_a_commodity_option_is_on_the_future_and_does_not_know_its_size() -> None:
    option = only(MCX_OPTION_ROW)
    assert (option.underlying_id, option.multiplier) == ("MCX:COM:452373", None)
    assert (option.strike_e4, option.right) == (61_500_000, Right.CALL)
    assert (option.exchange, option.segment) == (Exchange.MCX, Segment.COM)


@pytest.mark.parametrize("count", [13, 14, 19, 21, 25])
def test_old_and_new_layouts_are_read(count: int) -> None:
    columns = (SBIN_ROW.split(",") + ["new"] * 4)[:count]
    expected = SBIN if count > 13 else msgspec.structs.replace(SBIN, underlying="")
    assert only(",".join(columns)) == expected


def test_an_old_option_row_without_its_strike_is_kept() -> None:
    option = only(",".join(CALL_ROW.split(",")[:14]))
    assert (option.kind, option.strike_e4, option.right) == (InstrumentKind.OPTION, None, None)


@pytest.mark.parametrize(
    ("isin", "kind"),
    [
        ("INE062A01020", InstrumentKind.EQUITY),
        ("INE674K07150", InstrumentKind.BOND),
        ("INF205K01361", InstrumentKind.FUND),
        ("IN0020210186", InstrumentKind.BOND),
        ("", InstrumentKind.OTHER),
    ],
)
def test_miscellaneous_rows_are_told_apart_by_isin(isin: str, kind: InstrumentKind) -> None:
    assert only(changed(changed(SBIN_ROW, 2, "50"), 5, isin)).kind is kind


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    body = b"\xef\xbb\xbf" + SBIN_ROW.encode() + b"\r\n\r\n" + NIFTY_ROW.encode()
    part = symbols.read_master(MasterFile(name="X.csv", body=body))
    assert part.instruments == [SBIN, NIFTY]
    assert not part.bad_rows


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,b", "13 columns"),
        (changed(SBIN_ROW, 12, "3046"), "fyToken"),
        (changed(SBIN_ROW, 11, "11"), "fyToken"),
        (changed(SBIN_ROW, 10, "99"), "exchange/segment"),
        (changed(SBIN_ROW, 10, "x"), "exchange/segment"),
        (changed(SBIN_ROW, 9, "BSE:SBIN-A"), "symbol"),
        (changed(SBIN_ROW, 3, "0"), "lot size"),
        (changed(SBIN_ROW, 3, "-1"), "lot size"),
        (changed(SBIN_ROW, 3, "9" * 5000), "lot size"),
        (changed(SBIN_ROW, 4, "0.0"), "tick size"),
        (changed(SBIN_ROW, 4, "nan"), "decimal"),
        (changed(SBIN_ROW, 8, "tomorrow"), "expiry"),
        (changed(SBIN_ROW, 8, "9" * 5000), "expiry"),
        (changed(CALL_ROW, 8, ""), "expiry"),
        (changed(CALL_ROW, 15, "-1.0"), "strike"),
        (changed(CALL_ROW, 16, "XX"), "strike"),
        (changed(CALL_ROW, 17, "1010"), "underlying"),
    ],
)
def test_a_bad_row_is_skipped_and_reported(row: str, reason: str) -> None:
    part = read(SBIN_ROW, row, NIFTY_ROW)
    assert part.instruments == [SBIN, NIFTY]
    (bad,) = part.bad_rows
    assert (bad.file, bad.line) == ("X.csv", 2)
    assert reason in bad.reason
    assert len(bad.reason) < 200


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"a,b\nc,d", b"{", b"{}x", b"\xff"])
def test_what_is_no_master_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        symbols.read_master(MasterFile(name="NSE_CM.csv", body=body))


def test_an_empty_master_lists_nothing() -> None:
    assert symbols.read_master(MasterFile(name="NSE_COM.csv", body=b"")).instruments == []
    assert symbols.read_master(MasterFile(name="NSE_COM.json", body=b"{}")).instruments == []


def test_a_truncated_master_loses_its_last_row_only() -> None:
    body = f"{SBIN_ROW}\n{CALL_ROW}\n".encode()
    for at in range(len(SBIN_ROW) + 2, len(body) - 2):
        part = symbols.read_master(MasterFile(name="X.csv", body=body[:at]))
        assert part.instruments[0] == SBIN
        assert len(part.instruments) + len(part.bad_rows) <= 2


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_typed_error(body: bytes) -> None:
    try:
        part = symbols.read_master(MasterFile(name="X", body=body))
    except BrokerError:
        return
    assert isinstance(part, MasterPart)


def test_the_real_json_master_adds_what_the_csv_lacks() -> None:
    name = "NSE_FO_sym_master_2024-07-02_excerpt.json"
    part = symbols.read_master(MasterFile(name=name, body=real(name).read_bytes()))
    assert len(part.instruments) == 6
    assert not part.bad_rows
    call = part.instruments[0]
    assert (call.symbol, call.id) == ("NSE:BANKNIFTY24JUL52000CE", "NSE:FO:50625")
    assert (call.freeze_qty, call.multiplier, call.is_tradable) == (900, 1, True)
    assert (call.lower_e4, call.upper_e4) == (619_000, 21_325_000)
    assert call.previous_close_e4 == 10_972_000
    assert part.instruments[1].previous_close_e4 is None
    assert (call.expiry, call.strike_e4) == (dt.date(2024, 7, 31), 520_000_000)


def entry_of(instrument: Instrument, **changes: object) -> bytes:
    body = json.loads(symbols.write_json([instrument], DAY, INDICES))
    body[instrument.symbol].update(changes)
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"qtyMultiplier": 100.0}, "multiplier", 100),
        ({"qtyMultiplier": 0.0}, "multiplier", None),
        ({"qtyFreeze": ""}, "freeze_qty", None),
        ({"qtyFreeze": "10000"}, "freeze_qty", 10_000),
        ({"qtyFreeze": 10000}, "freeze_qty", 10_000),
        ({"tradeStatus": 0}, "is_tradable", False),
        ({"upperPrice": 6311.5}, "upper_e4", 63_115_000),
        ({"upperPrice": 0.0}, "upper_e4", None),
        ({"previousClose": None}, "previous_close_e4", None),
        ({"expiryDate": 1790013600}, "expiry", dt.date(2026, 9, 21)),
        ({"isin": None}, "isin", ""),
    ],
)
def test_a_json_entry_is_tolerant(changes: dict[str, object], field: str, value: object) -> None:
    part = symbols.read_master(MasterFile(name="X", body=entry_of(CRUDE, **changes)))
    assert getattr(part.instruments[0], field) == value


def test_one_bad_entry_does_not_lose_the_others() -> None:
    good = json.loads(symbols.write_json(LISTED, DAY, INDICES))
    good[SBIN.symbol]["minLotSize"] = "many"
    part = symbols.read_master(MasterFile(name="X", body=json.dumps(good).encode()))
    assert [each.symbol for each in part.instruments] == [each.symbol for each in LISTED[1:]]
    (bad,) = part.bad_rows
    assert (bad.line, "minLotSize" in bad.reason) == (1, True)


def test_merging_completes_the_csv() -> None:
    rows = read(SBIN_ROW, EURINR_ROW, MCX_OPTION_ROW)
    full = [
        msgspec.structs.replace(
            SBIN,
            freeze_qty=100,
            lower_e4=7_580_500,
            upper_e4=9_264_500,
            previous_close_e4=8_422_500,
        ),
        EURINR,
        NIFTY,
    ]
    details = MasterPart(instruments=full, bad_rows=[])
    merged = symbols.merge(rows, details)
    assert merged.instruments[0] == full[0]
    assert merged.instruments[1].multiplier == 1000
    assert merged.instruments[2] == rows.instruments[2]
    assert merged.instruments[3] == NIFTY


def test_a_token_given_to_another_contract_is_not_merged() -> None:
    rows = read(CALL_ROW)
    other = msgspec.structs.replace(NIFTY_CALL, expiry=dt.date(2026, 6, 30), freeze_qty=1800)
    merged = symbols.merge(rows, MasterPart(instruments=[other], bad_rows=[]))
    assert merged.instruments == [NIFTY_CALL]


@pytest.mark.parametrize("name", [name for name in REAL if "14col" not in name])
def test_real_masters_survive_both_ways(name: str) -> None:
    part = symbols.read_master(MasterFile(name=name, body=real(name).read_bytes()))
    csv = symbols.write_csv(part.instruments, DAY, INDICES)
    assert symbols.read_master(MasterFile(name=name, body=csv)).instruments == part.instruments
    as_json = symbols.write_json(part.instruments, DAY, INDICES)
    by_symbol = {each.symbol: each for each in part.instruments}
    read_back = symbols.read_master(MasterFile(name=name, body=as_json)).instruments
    assert read_back == list(by_symbol.values())


@pytest.mark.parametrize(
    "name", ["MCX_COM_2025-09-05_excerpt.csv", "BSE_FO_2025-11-10.csv", "NSE_FO_2026_rows.csv"]
)
def test_derivative_masters_are_written_letter_for_letter(name: str) -> None:
    for row in real(name).read_text().splitlines():
        columns = row.split(",")
        day = dt.date.fromisoformat(columns[7])
        columns[1] = columns[1].rstrip()
        written = symbols.write_csv([only(row)], day, INDICES).decode()
        assert written == ",".join(columns) + "\n"


@pytest.mark.parametrize("instrument", LISTED, ids=lambda each: each.symbol)
def test_extras_survive_json(instrument: Instrument) -> None:
    full = msgspec.structs.replace(
        instrument, freeze_qty=1800, lower_e4=1, upper_e4=10**9, previous_close_e4=884_275
    )
    body = symbols.write_json([full], DAY, INDICES)
    assert symbols.read_master(MasterFile(name="X", body=body)).instruments == [full]


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("101126092935086", "NSE:FO:35086"),
        ("10100000004", "NSE:CM:4"),
        ("12112511131101649", "BSE:FO:1101649"),
        ("1120260921565899", "MCX:COM:565899"),
        ("101000000026000", "NSE:CM:26000"),
    ],
)
def test_a_fy_token_is_cut_at_ten(token: str, name: str) -> None:
    assert symbols.instrument_of(token) == name


@pytest.mark.parametrize(
    "token", ["", "1010000000", "1011x", "991000000026000", "1" * 40, "٣" * 12]
)
def test_a_bad_fy_token_is_refused(token: str) -> None:
    with pytest.raises(DecodeError):
        symbols.instrument_of(token)


def test_a_master_is_read_at_the_speed_a_start_needs() -> None:
    """About 350,000 rows a second were measured; a seventh of that is a fault, not a slow day."""
    body = real("BSE_FO_2025-11-10.csv").read_bytes() * 5
    began = time.process_time()
    part = symbols.read_master(MasterFile(name="X", body=body))
    taken_s = time.process_time() - began
    assert len(part.instruments) / taken_s > 50_000
