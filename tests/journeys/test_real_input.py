"""The whole road on real input: contract masters as brokers publish them, candles as recorded."""

import csv
import datetime as dt
import gzip
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from brokers.errors import Refused
from brokers.model.instrument import Instrument
from brokers.model.market import Candle, Interval
from brokers.model.money import parse_e4
from brokers.model.order import OpState, OrderState, Side
from desktop.docks.chart.dock import ChartDock
from desktop.trading.candles import CandleSeries, SeriesState
from tests.rig.journey import Begin, Journey, running_app
from tests.rig.practice import PracticeProcess
from tests.rig.shared import shared

pytestmark = pytest.mark.shared
NEWEST = (
    *("NSE_CM_2026-07-01", "BSE_CM_2025-11-10", "BSE_FO_2025-11-10", "NSE_CD_2025-11-10"),
    *("MCX_COM_2026-09-10_rows", "NSE_FO_2026_rows"),
)
"""The newest file of each exchange segment in the data folder."""

TWICE = "BSE:875PFL26-F"
"""One symbol of the BSE file stands for two bonds, with two tokens."""

IST = dt.timezone(dt.timedelta(hours=5, minutes=30))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeProcess]:
    """Run one exchange on everything real there is."""
    masters, history = str(shared("data/fyers")), str(shared("data/history"))
    folder = tmp_path_factory.mktemp("real")
    with PracticeProcess(folder, "--masters", masters, "--history", history) as process:
        yield process


@pytest.fixture
def begin_real(real: PracticeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    monkeypatch.setenv("TEZI_PORTS_FILE", str(real.ports_file))
    return lambda: running_app(tmp_path / "profile", real)


def _rows() -> list[list[str]]:
    found: list[list[str]] = []
    for name in NEWEST:
        with shared(f"data/fyers/{name}.csv").open(encoding="utf-8", newline="") as file:
            found += [row for row in csv.reader(file) if row]
    return found


def _listed(journey: Journey, symbol: str) -> Instrument:
    found = journey.desk.instruments.by_symbol(symbol)
    assert found is not None, symbol
    return found


async def test_every_row_is_listed_while_the_window_stays_responsive(begin_real: Begin) -> None:
    rows = _rows()
    began = time.monotonic()
    async with begin_real() as journey:
        await journey.tradable()
        took_s = time.monotonic() - began
        assert len(journey.desk.instruments) == len(rows) > 40_000
        for row in rows:
            listed = _listed(journey, row[9])
            if row[9] == TWICE:
                continue
            assert (listed.token, listed.name) == (row[12], row[1].strip())
            # Some indices have a lot of 0; they do not trade.
            assert (listed.lot_size, listed.tick_e4) == (max(1, int(row[3])), parse_e4(row[4]))
        assert journey.practice.get("/health")["instruments"] == len(rows)
        assert took_s < 15, "a person would have given up"
        assert journey.app.watchdog.worst_s < 0.5, "the window was held up"


async def test_what_people_type_finds_what_they_mean(begin_real: Begin) -> None:
    meant = {
        "sbin": "NSE:SBIN-EQ",
        "m&m": "NSE:M&M-EQ",
        "m & m": "NSE:M&M-EQ",
        "nifty50": "NSE:NIFTY50-INDEX",
        "NIFTY50 EQL WGT": "NSE:NIFTY50 EQL WGT-INDEX",
        "reliance bse": "BSE:RELIANCE-A",
        "bse:sbin": "BSE:SBIN-A",
        "500325": "BSE:RELIANCE-A",
        "state bank of india": "NSE:SBIN-EQ",
        "bajaj auto": "NSE:BAJAJ-AUTO-EQ",
        "j&kbank": "NSE:J&KBANK-EQ",
        "larsen & toubro": "NSE:LT-EQ",
        "sensex": "BSE:SENSEX-INDEX",
        "crude": "MCX:CRUDEOIL26SEPFUT",
    }
    async with begin_real() as journey:
        await journey.tradable()
        search = journey.desk.instruments.search
        assert {typed: search(typed)[0].symbol for typed in meant} == meant
        for row in _rows()[::400]:
            assert row[9] in [each.symbol for each in search(row[9])[:2]]


@pytest.mark.parametrize("name", ["NSE:SBIN-EQ", "NSE:RELIANCE-EQ"])
async def test_recorded_minutes_are_charted_and_go_on_live(begin_real: Begin, name: str) -> None:
    async with begin_real() as journey:
        await journey.tradable()
        instrument = _listed(journey, name)
        journey.select(instrument.id)
        chart = journey.dock("chart#1", ChartDock)
        chart.choose_interval(Interval.M1)
        series = await _loaded(journey, chart)
        recorded, shown = _recorded_days(name), _days(series)
        assert len(shown) > 2
        *whole, today = shown
        # The last recorded day is today, the ones before it are the trading days before.
        for told, meant in zip(reversed(whole), reversed(recorded[:-1]), strict=False):
            assert [_values(candle) for candle in told] == meant
        past = [_values(candle) for candle in today[:-1]]
        assert past[:-1] == recorded[-1][: len(past) - 1], "the minutes of today's past"

        journey.practice.quiet()
        ltp_e4 = journey.ltp_e4(instrument.id)
        assert ltp_e4 is not None
        price_e4 = (ltp_e4 // instrument.tick_e4 + 5) * instrument.tick_e4
        journey.practice.price(name, f"{price_e4 // 10_000}.{price_e4 % 10_000 // 100:02d}")
        await journey.until(
            lambda: series.last is not None and series.last.close_e4 == price_e4, "the live bar"
        )
        assert series.last is not None
        assert series.last.opened_ns >= today[-1].opened_ns, "live goes on where the past ended"


@pytest.mark.parametrize("name", ["NSE:SBIN-EQ", "BSE:RELIANCE-A", "NSE:MRF-EQ"])
async def test_a_real_share_is_bought_on_its_own_tick_and_sold(
    begin_real: Begin, name: str
) -> None:
    async with begin_real() as journey:
        await journey.tradable()
        instrument = _listed(journey, name)
        journey.select(instrument.id)
        await journey.until(lambda: journey.ltp_e4(instrument.id), "a price")
        price_e4 = journey.desk.orders.protected_price(instrument.id, Side.BUY)
        assert price_e4 is not None
        assert price_e4 % instrument.tick_e4 == 0

        off_tick = journey.draft(Side.BUY, 1, price_e4 - instrument.tick_e4 // 2, instrument.id)
        stopped = await journey.desk.orders.place(off_tick)
        assert stopped.state is OpState.DENIED
        assert any("tick" in finding.text for finding in stopped.findings)

        op = await journey.desk.orders.place(journey.draft(Side.BUY, 1, price_e4, instrument.id))
        assert op.state is OpState.ACKED, [finding.text for finding in op.findings]
        await journey.until(lambda: journey.state(op.key) is OrderState.FILLED, "the fill")
        await journey.until(lambda: _net(journey, instrument) == 1, "the position")
        (row,) = (r for r in journey.desk.portfolio.positions() if r.instrument == instrument.id)
        for draft in journey.desk.orders.exit_plan(row.key).drafts:
            sold = await journey.desk.orders.place(draft)
            assert sold.state is OpState.ACKED, sold.words
        await journey.until(lambda: _net(journey, instrument) == 0, "the exit")
        truth = [row for row in journey.practice.orders() if row["instrument"] == name]
        assert [row["status"] for row in truth] == ["filled", "filled"]


async def test_what_may_not_trade_is_refused_here_and_by_the_broker(begin_real: Begin) -> None:
    refused = {
        "BSE:SENSEX25NOVFUT": ("has expired", "The symbol has expired."),
        "MCX:CRUDEOIL26SEPFUT": ("has expired", "The symbol has expired."),
        "NSE:NIFTY50-INDEX": ("an index cannot be traded", "Orders are not allowed"),
    }
    async with begin_real() as journey:
        await journey.tradable()
        for symbol, (ours, theirs) in refused.items():
            instrument = _listed(journey, symbol)
            quantity, price_e4 = max(1, instrument.lot_size), instrument.tick_e4 * 1000
            draft = journey.draft(Side.BUY, quantity, price_e4, instrument.id)
            op = await journey.desk.orders.place(draft)
            assert op.state is OpState.DENIED
            assert any(ours in finding.text for finding in op.findings)
            with pytest.raises(Refused) as refusal:
                await journey.broker.place(draft.intent("T0ABCDEFGH1234XY"))
            assert theirs in refusal.value.text
        assert not [row for row in journey.practice.orders() if row["instrument"] in refused]


async def test_on_a_day_of_the_past_its_contracts_trade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PracticeProcess(tmp_path, "--masters", str(shared("data/fyers"))) as practice:
        practice.post("/clock", {"set": "2025-11-12T11:00:00+05:30"})
        monkeypatch.setenv("TEZI_PORTS_FILE", str(practice.ports_file))
        async with running_app(tmp_path / "profile", practice) as journey:
            await journey.tradable()
            future = _listed(journey, "BSE:SENSEX25NOVFUT")
            journey.select(future.id)
            await journey.until(lambda: journey.ltp_e4(future.id), "a price of the future")
            price_e4 = journey.desk.orders.protected_price(future.id, Side.BUY)
            assert price_e4 is not None
            draft = journey.draft(Side.BUY, future.lot_size, price_e4, future.id)
            op = await journey.confirmed(draft)
            await journey.until(lambda: journey.state(op.key) is OrderState.FILLED, "the fill")

            pair = _listed(journey, "NSE:USDINR25NOVFUT")
            assert pair.multiplier is None
            journey.select(pair.id)
            await journey.until(lambda: journey.ltp_e4(pair.id), "a price of the pair")
            price_e4 = journey.desk.orders.protected_price(pair.id, Side.BUY)
            assert price_e4 is not None
            assert price_e4 % pair.tick_e4 == 0
            unsure = await journey.confirmed(journey.draft(Side.BUY, 1, price_e4, pair.id))
            assert unsure.state is OpState.DENIED
            words = [finding.text for finding in unsure.findings]
            assert any("how many units one quantity stands for is not known" in w for w in words)
            assert len(practice.orders()) == 1


async def test_bad_rows_are_counted_and_told_and_the_rest_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shared("data/fyers/NSE_CM_2026-07-01.csv").read_text(encoding="utf-8").splitlines()
    good = lines[500]
    bad = [
        good.replace(",0.05,", ",not a tick,"),
        ",".join(good.split(",")[:7]),
        good.replace(",1,0.", ",-5,0.", 1),
        "\x00\x01\x02",
    ]
    masters = tmp_path / "masters"
    masters.mkdir()
    body = "\n".join([*lines[:1000], *bad, *lines[1000:]])
    (masters / "NSE_CM_2026-07-01.csv").write_text(body, encoding="utf-8")
    with PracticeProcess(tmp_path, "--masters", str(masters)) as practice:
        monkeypatch.setenv("TEZI_PORTS_FILE", str(practice.ports_file))
        assert "4 rows unread" in practice.said.read_text()
        async with running_app(tmp_path / "profile", practice) as journey:
            await journey.tradable()
            assert len(journey.desk.instruments) == len(lines)
            assert any("4 rows of the instrument masters" in text for text in journey.said)


async def _loaded(journey: Journey, chart: ChartDock) -> CandleSeries:
    def series() -> CandleSeries | None:
        return None if chart._bars is None else chart._bars.series

    await journey.until(
        lambda: (found := series()) is not None and found.state is SeriesState.READY, "the bars"
    )
    found = series()
    assert found is not None
    return found


def _days(series: CandleSeries) -> list[list[Candle]]:
    candles = [series.candle(at) for at in range(len(series))]
    by_day = groupby(
        candles, key=lambda c: dt.datetime.fromtimestamp(c.opened_ns // 10**9, IST).date()
    )
    return [list(day) for _, day in by_day]


def _recorded_days(symbol: str) -> list[list[tuple[int, ...]]]:
    path = shared(f"data/history/{symbol.replace(':', '_')}.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [
        [(*map(parse_e4, row[1:5]), int(row[5])) for row in day]
        for _, day in groupby(rows, key=lambda row: row[0][:10])
    ]


def _values(candle: Candle) -> tuple[int, ...]:
    return (candle.open_e4, candle.high_e4, candle.low_e4, candle.close_e4, candle.volume)


def _net(journey: Journey, instrument: Instrument) -> int:
    rows = journey.desk.portfolio.positions()
    return sum(row.net_qty for row in rows if row.instrument == instrument.id)
