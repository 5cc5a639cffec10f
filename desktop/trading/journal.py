"""The order journal: no row, no order. One thread writes, and says when a row is on the disk.

Intents are committed alone; events may share a commit. 16 MB are kept in reserve so that
requests already made can still be recorded, and orders cancelled, when the disk is full.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from brokers.model.order import OpKind
from desktop.log import SECRETS
from desktop.trading import journal_file as file
from desktop.trading.journal_file import (
    Event,
    FillEntry,
    JournalDamaged,
    JournalError,
    OpEntry,
    OpStep,
    Stamp,
    StoredEvent,
    StoredOp,
)
from desktop.trading.listeners import Listeners
from desktop.trading.seams import no_killpoint

T = TypeVar("T")
_KEPT_LATENCIES: Final = 4096
_MOST_GROUPED: Final = 256
HALT, REARM = "halt", "rearm"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the file is treated; tests make these small."""

    busy_ms: int = 2_000
    reserve_bytes: int = file.RESERVE_BYTES
    killpoint: Callable[[str], None] = no_killpoint


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a start finds: open and today's requests, today's events, and a halt if one stands."""

    ops: tuple[StoredOp, ...]
    events: tuple[StoredEvent, ...]
    halt: str


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Durations from asking to durable, in microseconds, over the newest intents and claims."""

    count: int
    p50_us: int
    p99_us: int
    max_us: int


class _Job(msgspec.Struct, kw_only=True, eq=False):
    name: str
    work: Callable[[sqlite3.Connection], object]
    done: concurrent.futures.Future[object]
    asked_ns: int
    may_group: bool
    may_use_reserve: bool


class Journal:
    """The open journal; all methods are called on the loop's thread."""

    def __init__(self, path: Path, stamp: Stamp, options: Options | None = None) -> None:
        """Open or make the file and check it; blocks.

        A damaged file is moved aside and a new one begun; `damage` then says so, and trading
        should not start before somebody has read it.

        Raises:
            JournalError: it cannot be opened for writing.
        """
        self.path = path
        self.damage = ""
        self.failures: Listeners[[str]] = Listeners()
        """Told when something posted could not be recorded."""
        self._stamp = stamp
        self._options = options or Options()
        self._connection = self._open()
        self._reserve = path.with_name(path.name + ".reserve")
        self._keep_reserve()
        self._jobs: collections.deque[_Job] = collections.deque()
        self._wake = threading.Condition()
        self._is_closing = False
        self._took_us: collections.deque[int] = collections.deque(maxlen=_KEPT_LATENCIES)
        self._thread = threading.Thread(target=self._write, name="tezi-journal", daemon=True)
        self._thread.start()

    async def intent(self, entry: OpEntry) -> None:
        """Record what is about to be asked; returns when it would survive a power cut.

        Raises:
            DraftTaken: the draft was submitted before.
            JournalError: it could not be recorded, so it must not be sent.
        """
        entry = msgspec.structs.replace(entry, body=SECRETS.scrub_json(entry.body))
        await self._ask(
            "intent",
            lambda connection: file.insert_op(connection, entry, self._stamp),
            may_use_reserve=entry.kind is OpKind.CANCEL,
        )

    async def claim(self, step: OpStep, *, started_mono: int, deadline_ns: int) -> bool:
        """Compare-and-set INTENT → SENDING, durably; True for one caller only, ever."""
        return await self._ask(
            "claim",
            lambda connection: file.claim_op(
                connection, step, started_mono=started_mono, deadline_ns=deadline_ns
            ),
            may_use_reserve=True,
        )

    def step(self, step: OpStep) -> None:
        """Record a transition soon, in order; `failures` are told if it cannot be."""
        step = msgspec.structs.replace(step, text=SECRETS.scrub(step.text))
        self._post("settle", lambda connection: file.step_op(connection, step), may_group=False)

    def event(self, event: Event, fill: FillEntry | None = None) -> None:
        """Append an event soon, in order, perhaps together with others."""
        event = msgspec.structs.replace(event, body=SECRETS.scrub_json(event.body))

        def work(connection: sqlite3.Connection) -> None:
            seq = file.insert_event(connection, event)
            if fill is not None:
                file.insert_fill(connection, fill, event, seq)

        self._post("event", work, may_group=True)

    async def flush(self) -> None:
        """Return when everything asked so far is on the disk."""
        await self._ask("flush", lambda _connection: None, may_use_reserve=True)

    def replay(self, account: str, trading_date: str) -> Replay:
        """Read back what a start needs; blocks."""

        def work(connection: sqlite3.Connection) -> Replay:
            said, _, why = file.read_last(connection, account, (HALT, REARM)).partition(" ")
            return Replay(
                ops=file.read_ops(connection, account, trading_date),
                events=file.read_events(connection, account, trading_date),
                halt=why if said == HALT else "",
            )

        return self._enqueue("read", work, may_use_reserve=True).result()

    def verify(self) -> list[str]:
        """Recompute the whole chain of hashes; blocks. An empty list: nothing was altered."""
        return self._enqueue("read", file.verify, may_use_reserve=True).result()

    def backup(self, to: Path) -> None:
        """Copy the journal while it is in use; blocks."""

        def work(connection: sqlite3.Connection) -> None:
            os.close(os.open(to, os.O_CREAT | os.O_RDWR, 0o600))
            with contextlib.closing(sqlite3.connect(to)) as copy:
                connection.backup(copy)

        self._enqueue("backup", work, may_use_reserve=True).result()

    @property
    def latency(self) -> Latency:
        """Tell how long intents and claims took to become durable."""
        took = sorted(self._took_us) or [0]
        last = len(took) - 1
        return Latency(
            count=len(self._took_us),
            p50_us=took[last // 2],
            p99_us=took[last * 99 // 100],
            max_us=took[last],
        )

    def close(self) -> None:
        """Write everything asked so far and close the file; blocks."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join()

    def _open(self) -> sqlite3.Connection:
        busy_ms = self._options.busy_ms
        try:
            return file.connect(self.path, busy_ms=busy_ms)
        except JournalDamaged as error:
            aside = file.quarantine(self.path)
            self.damage = f"{error}; it was kept as {aside.name} and a new one begun"
            return file.connect(self.path, busy_ms=busy_ms)

    async def _ask(
        self, name: str, work: Callable[[sqlite3.Connection], T], *, may_use_reserve: bool
    ) -> T:
        asked = self._enqueue(name, work, may_use_reserve=may_use_reserve)
        return await asyncio.wrap_future(asked)

    def _post(
        self, name: str, work: Callable[[sqlite3.Connection], object], *, may_group: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        posted = self._enqueue(name, work, may_use_reserve=True, may_group=may_group)

        def tell(done: concurrent.futures.Future[object]) -> None:
            error = done.exception()
            if error is not None:
                # A loop that is closed has nobody left to tell.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self.failures.tell, str(error))

        posted.add_done_callback(tell)

    def _enqueue(
        self,
        name: str,
        work: Callable[[sqlite3.Connection], T],
        *,
        may_use_reserve: bool,
        may_group: bool = False,
    ) -> concurrent.futures.Future[T]:
        done: concurrent.futures.Future[T] = concurrent.futures.Future()
        # Running from the start: a waiter that is cancelled does not take the record with it.
        done.set_running_or_notify_cancel()
        job = _Job(
            name=name,
            work=work,
            done=done,  # type: ignore[arg-type]  # its result is what its own work returns
            asked_ns=time.perf_counter_ns(),
            may_group=may_group,
            may_use_reserve=may_use_reserve,
        )
        with self._wake:
            if self._is_closing:
                done.set_exception(JournalError("the order journal is closed"))
                return done
            self._jobs.append(job)
            self._wake.notify()
        return done

    def _write(self) -> None:
        while batch := self._next_batch():
            self._commit(batch)
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _next_batch(self) -> list[_Job]:
        with self._wake:
            while not self._jobs and not self._is_closing:
                self._wake.wait()
            if not self._jobs:
                return []
            batch = [self._jobs.popleft()]
            while batch[-1].may_group and self._jobs and self._jobs[0].may_group:
                if len(batch) == _MOST_GROUPED:
                    break
                batch.append(self._jobs.popleft())
            return batch

    def _commit(self, batch: list[_Job]) -> None:
        try:
            results = self._attempt(batch)
        except (JournalError, OSError) as error:
            for job in batch:
                job.done.set_exception(error)
            return
        now_ns = time.perf_counter_ns()
        for job, result in zip(batch, results, strict=True):
            if job.name in ("intent", "claim"):
                self._took_us.append((now_ns - job.asked_ns) // 1_000)
            job.done.set_result(result)

    def _attempt(self, batch: list[_Job]) -> list[object]:
        first = batch[0]
        if first.name == "intent" and not first.may_use_reserve:
            self._keep_reserve()
            if not self._has_reserve():
                raise JournalError("the disk is full")
        try:
            return self._transact(batch)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code != sqlite3.SQLITE_FULL or not first.may_use_reserve:
                raise JournalError(file.words(error)) from error
        self._reserve.unlink(missing_ok=True)
        try:
            return self._transact(batch)
        except sqlite3.Error as error:
            raise JournalError(file.words(error)) from error

    def _transact(self, batch: list[_Job]) -> list[object]:
        name = batch[0].name
        if name in ("read", "backup"):
            return [job.work(self._connection) for job in batch]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job.work(self._connection) for job in batch]
            self._options.killpoint(f"{name}_before_commit")
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._options.killpoint(f"{name}_after_commit")
        return results

    def _has_reserve(self) -> bool:
        size = self._options.reserve_bytes
        return not size or (self._reserve.exists() and self._reserve.stat().st_size >= size)

    def _keep_reserve(self) -> None:
        """Keep a file of the reserve's size that can be given up when the disk is full."""
        if self._has_reserve():
            return
        size = self._options.reserve_bytes
        try:
            with self._reserve.open("wb") as reserve:
                self._reserve.chmod(0o600)
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(reserve.fileno(), 0, size)
                else:
                    for _ in range(0, size, 65_536):
                        reserve.write(bytes(65_536))
        except OSError:
            # No room for it is no room for orders: the next intent says so.
            self._reserve.unlink(missing_ok=True)
