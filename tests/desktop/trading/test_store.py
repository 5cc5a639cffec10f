"""Candles on disk: exact, quick, and honest about what is final."""

import datetime as dt
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.model.instrument import InstrumentId
from brokers.model.market import Candle, Interval
from desktop.trading.clock import day_of, day_start_ns, ist_ns
from desktop.trading.columns import Longs, table_of
from desktop.trading.store import Store

SBIN = InstrumentId("NSE:CM:3045")
INFY = InstrumentId("NSE:CM:1594")
MONDAY = day_of(dt.date(2026, 9, 28))
S = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = Store(tmp_path / "candles.db")
    yield kept
    kept.close()


def session(day: int, count: int = 375, price_e4: int = 8_250_000) -> Longs:
    start = day_start_ns(day) + (9 * 60 + 15) * 60 * S
    return table_of(
        [
            Candle(start + i * 60 * S, price_e4 + i, price_e4 + i + 9, price_e4, price_e4 + 3, i)
            for i in range(count)
        ]
    )


def days_of(first: dt.date, count: int) -> Longs:
    return table_of(
        [Candle(ist_ns(first + dt.timedelta(days=i)), i, i + 5, i, i + 1, 7) for i in range(count)]
    )


def test_what_was_kept_comes_back_exactly(store: Store) -> None:
    bars = np.concatenate([session(MONDAY), session(MONDAY + 1)], axis=1)
    store.save(SBIN, Interval.M1, bars, (MONDAY, MONDAY + 1))
    assert np.array_equal(store.load(SBIN, Interval.M1, (MONDAY, MONDAY + 1)), bars)
    one_day = store.load(SBIN, Interval.M1, (MONDAY + 1, MONDAY + 1))
    assert np.array_equal(one_day, session(MONDAY + 1))
    assert store.load(SBIN, Interval.M5, (MONDAY, MONDAY)).shape == (7, 0)
    assert store.load(INFY, Interval.M1, (MONDAY, MONDAY)).shape == (7, 0)


LONG = st.integers(-(2**62), 2**62)


@given(st.lists(st.tuples(st.integers(0, 22_499), LONG, LONG), min_size=1, max_size=20))
def test_any_numbers_survive(rows: list[tuple[int, int, int]]) -> None:
    start = day_start_ns(MONDAY) + 33_300 * S
    bars = table_of([Candle(start + s * S + s % 3, p, p, p, p, v) for s, p, v in rows])
    kept = Store(Path(":memory:"))
    kept.save(SBIN, Interval.S5, bars, None)
    assert np.array_equal(kept.load(SBIN, Interval.S5, (MONDAY, MONDAY)), bars)
    kept.close()


def test_only_days_called_final_are_not_fetched_again(store: Store) -> None:
    store.save(SBIN, Interval.M1, session(MONDAY), None)
    assert store.gaps(SBIN, Interval.M1, (MONDAY, MONDAY)) == [(MONDAY, MONDAY)]
    store.save(SBIN, Interval.M1, session(MONDAY), (MONDAY - 5, MONDAY))
    assert store.gaps(SBIN, Interval.M1, (MONDAY - 7, MONDAY + 2)) == [
        (MONDAY - 7, MONDAY - 6),
        (MONDAY + 1, MONDAY + 2),
    ]
    assert store.gaps(SBIN, Interval.M1, (MONDAY - 5, MONDAY)) == []


def test_covered_stretches_that_touch_become_one(store: Store) -> None:
    for days in ((10, 12), (20, 25), (13, 19), (1, 1)):
        store.save(SBIN, Interval.M1, session(MONDAY)[:, :0], days)
    assert store.gaps(SBIN, Interval.M1, (0, 30)) == [(0, 0), (2, 9), (26, 30)]


def test_a_provisional_session_is_replaced_by_the_final_one(store: Store) -> None:
    store.save(SBIN, Interval.M1, session(MONDAY, 100), None)
    store.save(SBIN, Interval.M1, session(MONDAY), (MONDAY, MONDAY))
    assert store.load(SBIN, Interval.M1, (MONDAY, MONDAY)).shape == (7, 375)


def test_daily_bars_of_several_pages_share_their_years(store: Store) -> None:
    whole = days_of(dt.date(2024, 11, 1), 500)
    store.save(SBIN, Interval.D1, whole[:, 200:], None)
    store.save(SBIN, Interval.D1, whole[:, :220], None)
    first = day_of(dt.date(2024, 11, 1))
    assert np.array_equal(store.load(SBIN, Interval.D1, (first, first + 499)), whole)


def test_a_damaged_session_is_dropped_counted_and_a_gap_again(store: Store) -> None:
    bars = np.concatenate([session(MONDAY + i) for i in range(3)], axis=1)
    store.save(SBIN, Interval.M1, bars, (MONDAY, MONDAY + 2))
    with sqlite3.connect(store.path) as other:
        other.execute(
            "update bars set body = zeroblob(length(body)) where bucket = ?", (MONDAY + 1,)
        )
    other.close()
    loaded = store.load(SBIN, Interval.M1, (MONDAY, MONDAY + 2))
    assert np.array_equal(loaded, np.delete(bars, slice(375, 750), axis=1))
    assert store.dropped == 1
    assert store.gaps(SBIN, Interval.M1, (MONDAY, MONDAY + 2)) == [(MONDAY + 1, MONDAY + 1)]


@pytest.mark.parametrize("content", [b"not a database at all" * 500, b""])
def test_a_file_that_is_no_store_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "candles.db"
    path.write_bytes(content)
    kept = Store(path)
    kept.save(SBIN, Interval.M1, session(MONDAY), None)
    assert kept.load(SBIN, Interval.M1, (MONDAY, MONDAY)).shape == (7, 375)
    assert kept.dropped == bool(content)
    kept.close()


def test_a_file_damaged_while_open_is_begun_anew(store: Store) -> None:
    bars = np.concatenate([session(MONDAY + i) for i in range(50)], axis=1)
    store.save(SBIN, Interval.M1, bars, (MONDAY, MONDAY + 49))
    store.close()
    body = bytearray(store.path.read_bytes())
    body[8192:] = b"\xa5" * (len(body) - 8192)
    store.path.write_bytes(body)
    damaged = Store(store.path)
    for _ in range(2):
        damaged.load(SBIN, Interval.M1, (MONDAY, MONDAY + 49))
        damaged.save(SBIN, Interval.M1, bars, (MONDAY, MONDAY + 49))
    assert damaged.dropped
    assert np.array_equal(damaged.load(SBIN, Interval.M1, (MONDAY, MONDAY + 49)), bars)
    damaged.close()


def test_another_format_is_not_misread(tmp_path: Path) -> None:
    path = tmp_path / "candles.db"
    other = sqlite3.connect(path)
    other.executescript("create table bars(x); pragma user_version = 99")
    other.close()
    kept = Store(path)
    assert kept.gaps(SBIN, Interval.M1, (1, 2)) == [(1, 2)]
    kept.close()


def test_what_cannot_be_kept_is_counted_and_nothing_else_happens(store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin immediate")
    store._db.execute("pragma busy_timeout = 1")
    store.save(SBIN, Interval.M1, session(MONDAY), (MONDAY, MONDAY))
    other.execute("rollback")
    other.close()
    assert store.failed
    assert store.gaps(SBIN, Interval.M1, (MONDAY, MONDAY)) == [(MONDAY, MONDAY)]


def test_a_store_closed_meanwhile_keeps_nothing_and_loses_nothing(store: Store) -> None:
    store.save(SBIN, Interval.M1, session(MONDAY), (MONDAY, MONDAY))
    store.close()
    store.save(SBIN, Interval.M1, session(MONDAY + 1), (MONDAY + 1, MONDAY + 1))
    assert store.load(SBIN, Interval.M1, (MONDAY, MONDAY)).shape == (7, 0)
    assert store.gaps(SBIN, Interval.M1, (MONDAY, MONDAY)) == [(MONDAY, MONDAY)]
    again = Store(store.path)
    assert again.load(SBIN, Interval.M1, (MONDAY, MONDAY)).shape == (7, 375)
    again.close()


def test_the_series_used_longest_ago_goes_first(tmp_path: Path) -> None:
    kept = Store(tmp_path / "candles.db", cap_bytes=400_000)
    names = [InstrumentId(f"NSE:CM:{n}") for n in range(8)]
    for name in names:
        for day in range(8):
            kept.save(name, Interval.M1, session(MONDAY + day), (MONDAY + day, MONDAY + day))
        kept.load(names[0], Interval.M1, (MONDAY, MONDAY))
    assert kept.size_bytes <= 400_000
    assert kept.load(names[0], Interval.M1, (MONDAY, MONDAY)).shape == (7, 375)
    assert kept.load(names[7], Interval.M1, (MONDAY, MONDAY)).shape == (7, 375)
    assert kept.load(names[1], Interval.M1, (MONDAY, MONDAY)).shape == (7, 0)
    assert kept.gaps(names[1], Interval.M1, (MONDAY, MONDAY)) == [(MONDAY, MONDAY)]
    kept.close()


def test_an_instrument_whose_past_was_rewritten_is_forgotten(store: Store) -> None:
    store.save(SBIN, Interval.M1, session(MONDAY), (MONDAY, MONDAY))
    store.save(INFY, Interval.M1, session(MONDAY), (MONDAY, MONDAY))
    store.forget(SBIN)
    assert store.load(SBIN, Interval.M1, (MONDAY, MONDAY)).shape == (7, 0)
    assert store.load(INFY, Interval.M1, (MONDAY, MONDAY)).shape == (7, 375)


def test_threads_may_share_it(store: Store) -> None:
    def work(name: InstrumentId) -> None:
        for day in range(10):
            store.save(name, Interval.M1, session(MONDAY + day), (MONDAY + day, MONDAY + day))
            store.load(name, Interval.M1, (MONDAY, MONDAY + day))

    threads = [threading.Thread(target=work, args=(name,)) for name in (SBIN, INFY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in (SBIN, INFY):
        assert store.load(name, Interval.M1, (MONDAY, MONDAY + 9)).shape == (7, 3_750)
    assert store.failed == store.dropped == 0


def test_a_year_of_minutes_loads_in_milliseconds(store: Store) -> None:
    bars = np.concatenate([session(MONDAY + i) for i in range(250)], axis=1)
    store.save(SBIN, Interval.M1, bars, (MONDAY, MONDAY + 249))
    best_s = 9.0
    for _ in range(5):
        started = time.process_time()
        loaded = store.load(SBIN, Interval.M1, (MONDAY, MONDAY + 249))
        best_s = min(best_s, time.process_time() - started)
    assert np.array_equal(loaded, bars)
    assert best_s / loaded.shape[1] * 1_000_000 < 0.5, "a row-wise store needs 14.7 s"
