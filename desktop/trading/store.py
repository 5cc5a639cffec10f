"""Candles kept on disk, so that only the gap is fetched: one blob per instrument and session.

A blob holds the session's bars as 32-bit differences to its first bar (64-bit where they do not
fit): a million bars load in some 25 ms. Days of daily bars share one blob a year. `cover` records
which days are final; a day that is kept but not covered is provisional and will be fetched again.

It is a cache and says so in its conduct: what is damaged is dropped, counted and fetched anew.

Threads: any, one at a time; a lock inside sees to it. Callers on the window's thread go through
`asyncio.to_thread`.
"""

import contextlib
import logging
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from brokers.model.instrument import InstrumentId
from brokers.model.market import Interval
from desktop.trading.clock import DAY_NS, IST_NS, SECOND_NS, date_of
from desktop.trading.columns import OPENED, WIDTH, Longs, empty, tidy

_log = logging.getLogger(__name__)
VERSION: Final = 1
CAP_BYTES: Final = 1 << 30
_HEAD: Final = WIDTH * 8
_SCHEMA: Final = """
create table series(
    id integer primary key, instrument text not null, interval text not null,
    used integer not null default 0, unique(instrument, interval));
create table bars(
    series integer not null, bucket integer not null, count integer not null,
    is_wide integer not null, crc integer not null, body blob not null,
    primary key(series, bucket));
create table cover(series integer not null, from_day integer not null, to_day integer not null);
create index cover_of on cover(series);
"""

Days = tuple[int, int]
"""First and last day since 1970, both included."""


class Store:
    """Bars by instrument and interval. Counts what it had to drop and what it could not keep."""

    def __init__(self, path: Path, *, cap_bytes: int = CAP_BYTES) -> None:
        self.path = path
        self.dropped = 0
        self.failed = 0
        self._cap_bytes = cap_bytes
        self._lock = threading.Lock()
        self._db = self._open()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # -- reading

    def load(self, instrument: InstrumentId, interval: Interval, days: Days) -> Longs:
        """Give the kept bars of some days, oldest first; a damaged session is left out."""
        with self._lock, self._careful():
            series = self._series(instrument, interval)
            buckets = _bucket(interval, days[0]), _bucket(interval, days[1])
            rows = self._db.execute(
                "select bucket, count, is_wide, crc, body from bars"
                " where series = ? and bucket between ? and ? order by bucket",
                (series, *buckets),
            ).fetchall()
            sound = [row for row in rows if _is_sound(*row[1:])]
            for bucket in {row[0] for row in rows} - {row[0] for row in sound}:
                self._drop(series, interval, bucket)
            table = _decode(sound)
            first, last = np.searchsorted(
                table[OPENED], (days[0] * DAY_NS - IST_NS, (days[1] + 1) * DAY_NS - IST_NS)
            )
            return table[:, first:last]
        return empty()

    def gaps(self, instrument: InstrumentId, interval: Interval, days: Days) -> list[Days]:
        """Give the stretches of days that are not kept for good."""
        found = []
        with self._lock, self._careful():
            at = days[0]
            for first, last in self._covered(self._series(instrument, interval)):
                if last < at or first > days[1]:
                    continue
                if first > at:
                    found.append((at, first - 1))
                at = last + 1
            if at <= days[1]:
                found.append((at, days[1]))
            return found
        return [days]

    @property
    def size_bytes(self) -> int:
        with self._lock:
            return self._size()

    # -- writing

    def save(
        self, instrument: InstrumentId, interval: Interval, table: Longs, final: Days | None
    ) -> None:
        """Keep bars; `final` days are complete, empty ones among them included."""
        blobs = list(_split(interval, table))
        with self._lock, self._careful(), self._transaction():
            series = self._series(instrument, interval)
            for bucket, part in blobs:
                whole = part if interval.is_intraday else self._joined(series, bucket, part)
                is_wide, body = _encode(whole)
                self._db.execute(
                    "insert or replace into bars values(?, ?, ?, ?, ?, ?)",
                    (series, bucket, whole.shape[1], is_wide, zlib.crc32(body), body),
                )
            if final is not None and final[0] <= final[1]:
                self._cover(series, final)
        with self._lock, self._careful():
            self._trim(instrument, interval)

    def forget(self, instrument: InstrumentId) -> None:
        """Drop all bars of an instrument, for one whose past was rewritten."""
        with self._lock, self._careful(), self._transaction():
            for (series,) in self._db.execute(
                "select id from series where instrument = ?", (instrument,)
            ).fetchall():
                self._forget(series)

    # -- inside

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            db = _connect(self.path)
            (version,) = db.execute("pragma user_version").fetchone()
            if version == VERSION:
                return db
            db.close()
            if version:
                _log.info("candles are kept in format %d now, were %d", VERSION, version)
        except sqlite3.DatabaseError:
            _log.warning("the candle file was unreadable and is begun anew")
            self.dropped += 1
        _remove(self.path)
        db = _connect(self.path)
        db.executescript(f"pragma user_version = {VERSION};" + _SCHEMA)
        return db

    @contextlib.contextmanager
    def _careful(self) -> Iterator[None]:
        """Turn a broken file into an empty one, and a full disk into something not kept.

        A store closed meanwhile (the last step of a load still on its way) keeps nothing either.
        """
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.ProgrammingError):
            self.failed += 1
            _log.warning("candles could not be kept or read", exc_info=True)
        except sqlite3.DatabaseError:
            self.dropped += 1
            _log.warning("the candle file was damaged and is begun anew")
            self._db.close()
            _remove(self.path)
            self._db = self._open()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    def _series(self, instrument: InstrumentId, interval: Interval) -> int:
        """Give a series' number, and note that it was used."""
        row = self._db.execute(
            "insert into series(instrument, interval) values(?, ?)"
            " on conflict do update set used = (select max(used) + 1 from series) returning id",
            (instrument, interval.value),
        ).fetchone()
        return int(row[0])

    def _covered(self, series: int) -> list[Days]:
        return self._db.execute(
            "select from_day, to_day from cover where series = ? order by from_day", (series,)
        ).fetchall()

    def _cover(self, series: int, days: Days) -> None:
        """Add days to the covered ones, joining stretches that touch."""
        first, last = days
        for other_first, other_last in self._covered(series):
            if other_first <= last + 1 and other_last >= first - 1:
                first, last = min(first, other_first), max(last, other_last)
                self._uncover_exactly(series, other_first)
        self._db.execute("insert into cover values(?, ?, ?)", (series, first, last))

    def _uncover_exactly(self, series: int, first: int) -> None:
        self._db.execute("delete from cover where series = ? and from_day = ?", (series, first))

    def _uncover(self, series: int, days: Days) -> None:
        for first, last in self._covered(series):
            if last < days[0] or first > days[1]:
                continue
            self._uncover_exactly(series, first)
            for part in ((first, days[0] - 1), (days[1] + 1, last)):
                if part[0] <= part[1]:
                    self._db.execute("insert into cover values(?, ?, ?)", (series, *part))

    def _drop(self, series: int, interval: Interval, bucket: int) -> None:
        self.dropped += 1
        _log.warning("a kept session was damaged and will be fetched again")
        with self._transaction():
            self._db.execute("delete from bars where series = ? and bucket = ?", (series, bucket))
            self._uncover(series, _days_of(interval, bucket))

    def _joined(self, series: int, bucket: int, part: Longs) -> Longs:
        """Put new daily bars into the year's blob; of two for one day the new one stays."""
        row = self._db.execute(
            "select count, is_wide, crc, body from bars where series = ? and bucket = ?",
            (series, bucket),
        ).fetchone()
        if row is None or not _is_sound(*row):
            return part
        return tidy(np.concatenate([_decode([(bucket, *row)]), part], axis=1))

    def _forget(self, series: int) -> None:
        for table, key in (("bars", "series"), ("cover", "series"), ("series", "id")):
            self._db.execute(f"delete from {table} where {key} = ?", (series,))  # noqa: S608 - constants

    def _size(self) -> int:
        pages, free, page = (
            self._db.execute(f"pragma {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page)

    def _trim(self, instrument: InstrumentId, interval: Interval) -> None:
        """Forget the series used longest ago until the rest is well below the cap."""
        if self._size() <= self._cap_bytes:
            return
        spared = self._series(instrument, interval)
        while self._size() > self._cap_bytes * 4 // 5:
            row = self._db.execute(
                "select id from series where id != ? order by used limit 1", (spared,)
            ).fetchone()
            if row is None:
                break
            with self._transaction():
                self._forget(row[0])
        self._db.execute("pragma incremental_vacuum").fetchall()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("pragma auto_vacuum = incremental")
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _bucket(interval: Interval, day: int) -> int:
    return day if interval.is_intraday else date_of(day).year


def _days_of(interval: Interval, bucket: int) -> Days:
    if interval.is_intraday:
        return bucket, bucket
    start = np.datetime64(f"{bucket}-01-01", "D").astype(int)
    return int(start), int(np.datetime64(f"{bucket + 1}-01-01", "D").astype(int)) - 1


def _split(interval: Interval, table: Longs) -> Iterator[tuple[int, Longs]]:
    """Cut a table where its days, or for daily bars its years, end."""
    days = (table[OPENED] + IST_NS) // DAY_NS
    if not interval.is_intraday:
        years = days.astype("datetime64[D]").astype("datetime64[Y]")
        days = years.astype(np.int64) + 1970
    cuts = np.flatnonzero(np.diff(days)) + 1
    for part in np.split(np.arange(len(days)), cuts):
        if len(part):
            yield int(days[part[0]]), table[:, part[0] : part[-1] + 1]


def _encode(table: Longs) -> tuple[bool, bytes]:
    """Write bars as differences to the first: its seven numbers, then the columns one by one."""
    first = np.ascontiguousarray(table[:, :1])
    rest = table - first
    is_whole_seconds = not bool((rest[OPENED] % SECOND_NS).any())
    if is_whole_seconds:
        rest[OPENED] //= SECOND_NS
    limits = np.iinfo(np.int32)
    is_narrow = is_whole_seconds and limits.min <= int(rest.min()) <= int(rest.max()) <= limits.max
    if is_narrow:
        return False, first.astype("<i8").tobytes() + rest.astype("<i4").tobytes()
    return True, np.ascontiguousarray(table).astype("<i8").tobytes()


def _is_sound(count: int, is_wide: int, crc: int, body: bytes) -> bool:
    size = count * WIDTH * 8 if is_wide else _HEAD + count * WIDTH * 4
    return count > 0 and len(body) == size and zlib.crc32(body) == crc


def _decode(rows: list[tuple[int, int, int, int, bytes]]) -> Longs:
    """Read blobs, as (bucket, count, is_wide, crc, body), into one table."""
    if not rows:
        return empty()
    if any(is_wide for _, _, is_wide, _, _ in rows):
        parts = [
            np.frombuffer(body, "<i8").reshape(WIDTH, count).astype(np.int64)
            if is_wide
            else _decode([(bucket, count, is_wide, crc, body)])
            for bucket, count, is_wide, crc, body in rows
        ]
        return np.concatenate(parts, axis=1)
    counts = [count for _, count, _, _, _ in rows]
    firsts = np.frombuffer(b"".join(row[4][:_HEAD] for row in rows), "<i8").reshape(-1, WIDTH)
    rest = np.concatenate(
        [np.frombuffer(row[4], "<i4", offset=_HEAD).reshape(WIDTH, -1) for row in rows], axis=1
    )
    table = np.empty(rest.shape, np.int64)
    for column in range(WIDTH):
        np.add(rest[column], 0, out=table[column])
        if column == OPENED:
            table[column] *= SECOND_NS
        table[column] += np.repeat(firsts[:, column], counts)
    return table
