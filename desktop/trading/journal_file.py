"""The journal's file: schema, chained hashes, safe opening. No thread, no event loop.

Every request is a row before its first byte leaves; every later step and every word of a broker
is an appended event. Both tables are chained by SHA-256, so a changed or missing row shows.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from brokers.model.order import OpKind, OpState

VERSION: Final = 1
RESERVE_BYTES: Final = 16 * 1024 * 1024
_VERIFIED_AT_START: Final = 5_000
_SCHEMA: Final = """
CREATE TABLE op(
  seq INTEGER PRIMARY KEY, op_id TEXT NOT NULL UNIQUE, tag TEXT NOT NULL UNIQUE,
  broker TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, parent_op TEXT NOT NULL,
  order_key TEXT NOT NULL, body_sha256 TEXT NOT NULL, body_json_redacted TEXT NOT NULL,
  state TEXT NOT NULL, created_utc_ns INTEGER NOT NULL, send_started_mono INTEGER,
  send_deadline INTEGER, broker_code TEXT NOT NULL DEFAULT '',
  broker_text TEXT NOT NULL DEFAULT '', ack_id TEXT NOT NULL DEFAULT '',
  trading_date TEXT NOT NULL, session_id TEXT NOT NULL, app_version TEXT NOT NULL,
  prev_hash TEXT NOT NULL, row_hash TEXT NOT NULL UNIQUE);
CREATE INDEX op_open ON op(account, state, trading_date);
CREATE TABLE event(
  seq INTEGER PRIMARY KEY, op_id TEXT NOT NULL, account TEXT NOT NULL, order_key TEXT NOT NULL,
  source TEXT NOT NULL, recv_utc_ns INTEGER NOT NULL, broker_time INTEGER,
  trading_date TEXT NOT NULL, canonical_json TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE);
CREATE INDEX event_day ON event(account, trading_date);
CREATE INDEX event_op ON event(op_id);
CREATE TABLE fill(
  broker TEXT NOT NULL, account TEXT NOT NULL, trading_date TEXT NOT NULL, trade_id TEXT NOT NULL,
  order_key TEXT NOT NULL, instrument TEXT NOT NULL, side TEXT NOT NULL,
  quantity INTEGER NOT NULL, price_e4 INTEGER NOT NULL, at_ns INTEGER, event_seq INTEGER NOT NULL,
  PRIMARY KEY(broker, account, trading_date, trade_id)) WITHOUT ROWID;
"""


class JournalError(Exception):
    """The journal cannot record; the text tells the trader why. Without it no order leaves."""


class DraftTaken(JournalError):
    """This draft became a request before."""


class JournalDamaged(JournalError):
    """The file does not pass its own checks."""


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Which run of the program wrote a row."""

    session_id: str
    app_version: str


class OpEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is recorded before it may leave. `body` is canonical JSON, no secrets."""

    op_id: str
    tag: str
    broker: str
    account: str
    kind: OpKind
    order_key: str
    body: str
    created_ns: int
    trading_date: str
    parent_op: str = ""


class OpStep(msgspec.Struct, frozen=True, kw_only=True):
    """One transition of a request: only from `was`, so no two writers can both make it."""

    op_id: str
    account: str
    order_key: str
    was: OpState
    now: OpState
    at_ns: int
    trading_date: str
    code: str = ""
    text: str = ""
    ack_id: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was said or done: a broker's evidence, a halt, a decision of the trader."""

    account: str
    source: str
    body: str
    at_ns: int
    trading_date: str
    order_key: str = ""
    op_id: str = ""
    broker_ns: int | None = None


class FillEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An execution beside the event that told of it."""

    broker: str
    trade_id: str
    instrument: str
    side: str
    quantity: int
    price_e4: int
    at_ns: int | None


class StoredOp(msgspec.Struct, frozen=True, kw_only=True):
    """A request read back."""

    op_id: str
    tag: str
    kind: OpKind
    parent_op: str
    order_key: str
    body: str
    state: OpState
    created_ns: int
    deadline_ns: int | None
    code: str
    text: str
    ack_id: str
    trading_date: str


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event read back."""

    seq: int
    op_id: str
    order_key: str
    source: str
    at_ns: int
    body: str


def connect(path: Path, *, busy_ms: int) -> sqlite3.Connection:
    """Open or make the file, private to its owner, every commit on the disk before it returns.

    Raises:
        JournalDamaged: it is there but fails its checks.
        JournalError: it is newer than this program, or the settings did not take.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    # The writer thread uses it after this one has opened it; never both at once.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _configure(connection, busy_ms)
        _migrate(connection)
        _check(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        if _is_damage(error):
            raise JournalDamaged(f"the order journal is damaged: {error}") from error
        raise JournalError(words(error)) from error
    except JournalError:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, busy_ms: int) -> None:
    connection.execute(f"PRAGMA busy_timeout={busy_ms:d}")
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    # Without these two macOS lets the disk keep a commit in its own cache; elsewhere no effect.
    connection.execute("PRAGMA fullfsync=1")
    connection.execute("PRAGMA checkpoint_fullfsync=1")
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != 2:
        raise JournalError(f"the disk does not take safe writes (mode {mode}, level {level})")


def _migrate(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise JournalError("the order journal was written by a newer version of this program")
    if found < VERSION:
        connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={VERSION:d};COMMIT;")


def _check(connection: sqlite3.Connection) -> None:
    result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise JournalDamaged(f"the order journal is damaged: {result}")
    problems = verify(connection, newest=_VERIFIED_AT_START)
    if problems:
        raise JournalDamaged(f"the order journal was altered: {problems[0]}")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def quarantine(path: Path) -> Path:
    """Move a damaged file and its companions aside; nothing is ever deleted."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for end in ("", "-wal", "-shm"):
        companion = path.with_name(path.name + end)
        if companion.exists():
            companion.replace(aside.with_name(aside.name + end))
    return aside


def words(error: sqlite3.Error) -> str:
    """Say in the trader's words why nothing could be recorded."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    known = {
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_BUSY: "another program holds the order journal",
        sqlite3.SQLITE_LOCKED: "another program holds the order journal",
        sqlite3.SQLITE_READONLY: "the order journal cannot be written",
        sqlite3.SQLITE_IOERR: "the disk does not answer",
        sqlite3.SQLITE_CANTOPEN: "the order journal cannot be opened",
    }
    return known.get(code, f"the order journal failed ({error})")


def insert_op(connection: sqlite3.Connection, entry: OpEntry, stamp: Stamp) -> None:
    """Record an intent; DraftTaken if the draft or its tag was used before."""
    taken = connection.execute(
        "SELECT 1 FROM op WHERE op_id=? OR tag=?", (entry.op_id, entry.tag)
    ).fetchone()
    if taken is not None:
        raise DraftTaken("this order was submitted before")
    last = connection.execute("SELECT row_hash FROM op ORDER BY seq DESC LIMIT 1").fetchone()
    previous = last[0] if last else ""
    body_hash = hashlib.sha256(entry.body.encode()).hexdigest()
    fixed = (
        *(entry.op_id, entry.tag, entry.broker, entry.account, entry.kind.value),
        *(entry.parent_op, entry.order_key, body_hash, entry.body, entry.created_ns),
        *(entry.trading_date, stamp.session_id, stamp.app_version),
    )
    connection.execute(
        "INSERT INTO op(op_id, tag, broker, account, kind, parent_op, order_key, body_sha256,"
        " body_json_redacted, created_utc_ns, trading_date, session_id, app_version, state,"
        " prev_hash, row_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (*fixed, OpState.INTENT.value, previous, _link(previous, fixed)),
    )


def claim_op(
    connection: sqlite3.Connection, step: OpStep, *, started_mono: int, deadline_ns: int
) -> bool:
    """Pass the only door to the wire: INTENT → SENDING, for exactly one caller."""
    moved = connection.execute(
        "UPDATE op SET state='sending', send_started_mono=?, send_deadline=?"
        " WHERE op_id=? AND state='intent'",
        (started_mono, deadline_ns, step.op_id),
    ).rowcount
    if moved == 1:
        insert_event(connection, _step_event(step))
    return moved == 1


def step_op(connection: sqlite3.Connection, step: OpStep) -> None:
    """Record a transition; JournalError when the request is not where the program believes."""
    moved = connection.execute(
        "UPDATE op SET state=?, broker_code=?, broker_text=?, ack_id=? WHERE op_id=? AND state=?",
        (step.now.value, step.code, step.text, step.ack_id, step.op_id, step.was.value),
    ).rowcount
    if moved != 1:
        raise JournalError(f"the order journal does not show request {step.op_id} as {step.was}")
    insert_event(connection, _step_event(step))


def insert_event(connection: sqlite3.Connection, event: Event) -> int:
    """Append an event and give its number."""
    last = connection.execute("SELECT sha256 FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    row = (
        *(event.op_id, event.account, event.order_key, event.source, event.at_ns),
        *(event.broker_ns, event.trading_date, event.body),
    )
    cursor = connection.execute(
        "INSERT INTO event(op_id, account, order_key, source, recv_utc_ns, broker_time,"
        " trading_date, canonical_json, sha256) VALUES (?,?,?,?,?,?,?,?,?)",
        (*row, _link(last[0] if last else "", row)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def insert_fill(
    connection: sqlite3.Connection, fill: FillEntry, event: Event, event_seq: int
) -> None:
    """Record an execution once; the same trade id again changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO fill VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            *(fill.broker, event.account, event.trading_date, fill.trade_id, event.order_key),
            *(fill.instrument, fill.side, fill.quantity, fill.price_e4, fill.at_ns, event_seq),
        ),
    )


def read_ops(
    connection: sqlite3.Connection, account: str, trading_date: str
) -> tuple[StoredOp, ...]:
    """Give today's requests and every older one whose fate is open, oldest first."""
    rows = connection.execute(
        "SELECT op_id, tag, kind, parent_op, order_key, body_json_redacted, state,"
        " created_utc_ns, send_deadline, broker_code, broker_text, ack_id, trading_date FROM op"
        " WHERE account=? AND (trading_date=? OR state IN"
        " ('intent','sending','unknown','unresolved')) ORDER BY seq",
        (account, trading_date),
    )
    return tuple(_stored_op(row) for row in rows)


def _stored_op(row: Sequence[object]) -> StoredOp:
    names = StoredOp.__struct_fields__
    return msgspec.convert(dict(zip(names, row, strict=True)), StoredOp)


def read_events(
    connection: sqlite3.Connection, account: str, trading_date: str
) -> tuple[StoredEvent, ...]:
    """Give the day's events, oldest first."""
    rows = connection.execute(
        "SELECT seq, op_id, order_key, source, recv_utc_ns, canonical_json FROM event"
        " WHERE account=? AND trading_date=? ORDER BY seq",
        (account, trading_date),
    )
    return tuple(
        StoredEvent(seq=seq, op_id=op, order_key=key, source=source, at_ns=at, body=body)
        for seq, op, key, source, at, body in rows
    )


def read_last(connection: sqlite3.Connection, account: str, sources: Iterable[str]) -> str:
    """Give the source of the newest event among `sources`, with its body; empty if none."""
    wanted = tuple(sources)
    marks = ",".join("?" * len(wanted))
    row = connection.execute(
        f"SELECT source || ' ' || canonical_json FROM event WHERE account=?"  # noqa: S608  # marks only
        f" AND source IN ({marks}) ORDER BY seq DESC LIMIT 1",
        (account, *wanted),
    ).fetchone()
    return row[0] if row else ""


def verify(connection: sqlite3.Connection, *, newest: int | None = None) -> list[str]:
    """Recompute the chains, and the requests' states from the events; say what does not fit."""
    limit = -1 if newest is None else newest
    problems = []
    fixed = (
        "op_id, tag, broker, account, kind, parent_op, order_key, body_sha256,"
        " body_json_redacted, created_utc_ns, trading_date, session_id, app_version"
    )
    said = "op_id, account, order_key, source, recv_utc_ns, broker_time, trading_date,"
    for table, columns, link in (
        ("op", fixed, "row_hash"),
        ("event", f"{said} canonical_json", "sha256"),
    ):
        rows = connection.execute(
            f"SELECT seq, {link}, {columns} FROM"  # noqa: S608  # our own column names
            f" (SELECT * FROM {table} ORDER BY seq DESC LIMIT ?) ORDER BY seq",
            (limit,),
        )
        problems += _broken_links(table, rows)
    return problems + _wrong_states(connection, limit)


def _broken_links(table: str, rows: Iterable[tuple[object, ...]]) -> list[str]:
    problems = []
    previous: str | None = None
    for seq, link, *fixed in rows:
        if previous is None and seq == 1:
            previous = ""
        # The first row of a tail has nothing to be checked against.
        if previous is not None and link != _link(previous, fixed):
            problems.append(f"{table} {seq}")
        previous = str(link)
    return problems


def _wrong_states(connection: sqlite3.Connection, limit: int) -> list[str]:
    rows = connection.execute(
        "SELECT op.op_id FROM (SELECT * FROM op ORDER BY seq DESC LIMIT ?) AS op WHERE op.state !="
        " COALESCE((SELECT json_extract(canonical_json, '$.now') FROM event"
        " WHERE event.op_id = op.op_id AND event.account = op.account AND source='op'"
        " ORDER BY event.seq DESC LIMIT 1), 'intent')",
        (limit,),
    )
    return [f"state of request {op_id}" for (op_id,) in rows]


def _step_event(step: OpStep) -> Event:
    said = {"was": step.was, "now": step.now, "code": step.code, "text": step.text}
    body = msgspec.json.encode({**said, "id": step.ack_id}, order="sorted").decode()
    return Event(
        account=step.account,
        source="op",
        body=body,
        at_ns=step.at_ns,
        trading_date=step.trading_date,
        order_key=step.order_key,
        op_id=step.op_id,
    )


def _link(previous: str, fixed: Sequence[object]) -> str:
    return hashlib.sha256(msgspec.json.encode([previous, *fixed])).hexdigest()
