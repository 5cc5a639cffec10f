"""No journal row, no order: durability, the one door, the chain of hashes, disks in trouble."""

import asyncio
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from brokers.model.order import OpKind, OpState
from desktop.log import SECRETS
from desktop.trading import journal_file as file
from desktop.trading.journal import Journal, Options
from desktop.trading.journal_file import (
    DraftTaken,
    Event,
    FillEntry,
    JournalError,
    OpEntry,
    OpStep,
    Stamp,
)

pytestmark = pytest.mark.plainloop
ROOT = Path(__file__).resolve().parents[3]
STAMP = Stamp(session_id="s1", app_version="0.1")
TODAY = "2026-09-29"
SMALL = Options(busy_ms=50, reserve_bytes=65_536)


def entry(number: int, *, kind: OpKind = OpKind.PLACE, day: str = TODAY) -> OpEntry:
    return OpEntry(
        op_id=f"op{number}",
        tag=f"T{number:015d}",
        broker="b",
        account="a",
        kind=kind,
        order_key=f"T{number:015d}",
        body='{"quantity":1}',
        created_ns=number,
        trading_date=day,
    )


def step(number: int, was: OpState, now: OpState, text: str = "") -> OpStep:
    return OpStep(
        op_id=f"op{number}",
        account="a",
        order_key=f"T{number:015d}",
        was=was,
        now=now,
        at_ns=number,
        trading_date=TODAY,
        text=text,
    )


def event(number: int, source: str = "order", body: str = "{}") -> Event:
    return Event(
        account="a",
        source=source,
        body=body,
        at_ns=number,
        trading_date=TODAY,
        order_key=f"k{number}",
    )


CLAIM = {"started_mono": 1, "deadline_ns": 2}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "orders.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = Journal(path, STAMP, SMALL)
    yield opened
    opened.close()


def reopened(path: Path) -> Journal:
    return Journal(path, STAMP, SMALL)


async def test_an_intent_that_returned_is_there_for_another_process(
    journal: Journal, path: Path
) -> None:
    await journal.intent(entry(1))

    rows = sqlite3.connect(path).execute("SELECT op_id, state FROM op").fetchall()
    assert rows == [("op1", "intent")]


async def test_the_file_is_set_for_safe_writes(journal: Journal) -> None:
    ask = journal._connection.execute

    assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ask("PRAGMA synchronous").fetchone() == (2,)
    assert ask("PRAGMA fullfsync").fetchone() == (1,)


async def test_modes(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        journal = Journal(tmp_path / "new" / "orders.db", STAMP, SMALL)
        await journal.intent(entry(1))
        modes = {
            each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "new").iterdir()
        }
        journal.close()
    finally:
        os.umask(before)

    assert set(modes.values()) == {0o600}
    assert len(modes) == 4  # the file, its log, its index, the reserve


async def test_a_draft_becomes_a_request_once(journal: Journal) -> None:
    await journal.intent(entry(1))

    with pytest.raises(DraftTaken):
        await journal.intent(entry(1))


async def test_a_request_is_claimed_once(journal: Journal) -> None:
    await journal.intent(entry(1))
    claim = step(1, OpState.INTENT, OpState.SENDING)

    claims = [journal.claim(claim, started_mono=1, deadline_ns=2) for _ in range(5)]

    assert sorted(await asyncio.gather(*claims)) == [False] * 4 + [True]


def test_cas_contention(path: Path) -> None:
    """Eight connections race for every request, as eight windows of eight processes would."""
    count = 2_000
    Journal(path, STAMP, SMALL).close()
    setup = file.connect(path, busy_ms=10_000)
    setup.execute("BEGIN")
    for number in range(count):
        file.insert_op(setup, entry(number), STAMP)
    setup.execute("COMMIT")
    setup.close()
    winners: list[int] = []

    def race() -> None:
        connection = sqlite3.connect(path, isolation_level=None, timeout=60)
        connection.execute("PRAGMA synchronous=FULL")
        for number in range(count):
            connection.execute("BEGIN IMMEDIATE")
            claim = step(number, OpState.INTENT, OpState.SENDING)
            if file.claim_op(connection, claim, started_mono=1, deadline_ns=2):
                winners.append(number)
            connection.execute("COMMIT")
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(winners) == list(range(count))


async def test_a_transition_from_a_state_the_row_is_not_in_is_reported(journal: Journal) -> None:
    told = asyncio.get_running_loop().create_future()
    journal.failures.add(told.set_result)
    await journal.intent(entry(1))

    journal.step(step(1, OpState.SENDING, OpState.ACKED))

    assert "does not show" in await told


async def test_events_share_commits_and_intents_do_not(path: Path) -> None:
    hold = threading.Event()
    commits: list[str] = []

    def note(name: str) -> None:
        hold.wait(10)
        commits.append(name)

    journal = Journal(path, STAMP, Options(reserve_bytes=0, killpoint=note))
    for number in range(20):
        journal.event(event(number))
    intents = [asyncio.ensure_future(journal.intent(entry(number))) for number in range(3)]
    await asyncio.sleep(0)
    hold.set()
    await asyncio.gather(*intents)
    journal.close()

    assert commits.count("intent_after_commit") == 3
    assert 1 <= commits.count("event_after_commit") <= 2


async def test_a_start_finds_open_requests_of_any_day_and_all_of_today(path: Path) -> None:
    journal = reopened(path)
    for number in (1, 2, 3):
        await journal.intent(entry(number, day="2026-09-28"))
    await journal.intent(entry(4))
    for number in (1, 2):
        await journal.claim(step(number, OpState.INTENT, OpState.SENDING), **CLAIM)
    journal.step(step(1, OpState.SENDING, OpState.ACKED))
    journal.step(step(2, OpState.SENDING, OpState.UNKNOWN))
    journal.event(event(9))
    journal.close()

    again = reopened(path)
    replay = again.replay("a", TODAY)
    other = again.replay("another account", TODAY)
    again.close()

    assert [(op.op_id, op.state) for op in replay.ops] == [
        ("op2", OpState.UNKNOWN),
        ("op3", OpState.INTENT),
        ("op4", OpState.INTENT),
    ]
    assert [each.source for each in replay.events] == ["op", "op", "op", "op", "order"]
    assert other.ops == ()


async def test_a_halt_outlives_the_program_until_it_is_lifted(path: Path) -> None:
    journal = reopened(path)
    journal.event(event(1, "halt", "a reason"))
    journal.close()
    again = reopened(path)
    assert again.replay("a", TODAY).halt == "a reason"
    again.event(event(2, "rearm", ""))
    assert not again.replay("a", TODAY).halt
    again.close()


async def test_an_execution_is_kept_once(journal: Journal, path: Path) -> None:
    told = FillEntry(
        broker="b",
        trade_id="7",
        instrument="NSE:CM:3045",
        side="buy",
        quantity=1,
        price_e4=1,
        at_ns=None,
    )
    journal.event(event(1, "fill"), told)
    journal.event(event(2, "fill"), told)
    await journal.flush()

    assert sqlite3.connect(path).execute("SELECT count(*) FROM fill").fetchone() == (1,)


async def test_audit_chain(path: Path) -> None:
    journal = reopened(path)
    for number in range(5):
        await journal.intent(entry(number))
        await journal.claim(step(number, OpState.INTENT, OpState.SENDING), **CLAIM)
    assert journal.verify() == []
    journal.close()

    for change in (
        "UPDATE op SET body_json_redacted='{}' WHERE op_id='op2'",
        "UPDATE op SET state='rejected' WHERE op_id='op3'",
        "UPDATE event SET canonical_json='{}' WHERE seq=2",
        "DELETE FROM event WHERE seq=3",
        "DELETE FROM op WHERE op_id='op1'",
    ):
        altered = path.with_name("altered.db")
        shutil.copy(path, altered)
        with sqlite3.connect(altered) as connection:
            connection.execute(change)
        connection.close()
        with pytest.raises(file.JournalDamaged):
            file.connect(altered, busy_ms=50)


def test_corrupt_byte(path: Path) -> None:
    """Every page in turn: the file is either whole, or moved aside and named; never deleted."""
    path.parent.mkdir()
    connection = file.connect(path, busy_ms=50)
    connection.execute("BEGIN")
    for number in range(40):
        file.insert_op(connection, entry(number), STAMP)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = path.read_bytes()
    noticed = 0

    for page in range(len(whole) // 4096):
        folder = path.parent / f"page{page}"
        folder.mkdir()
        hurt = bytearray(whole)
        for at in range(page * 4096, page * 4096 + 64):
            hurt[at] ^= 0xFF
        (folder / "orders.db").write_bytes(hurt)
        journal = Journal(folder / "orders.db", STAMP, SMALL)
        if journal.damage:
            noticed += 1
            assert (folder / "orders.damaged-1.db").read_bytes() == hurt
        journal.close()

    # A page that belongs to no row may be hurt without harm.
    assert noticed >= len(whole) // 4096 - 2


def test_a_newer_file_is_refused_untouched(path: Path) -> None:
    Journal(path, STAMP, SMALL).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()

    with pytest.raises(JournalError, match="newer version"):
        Journal(path, STAMP, SMALL)


async def test_db_locked(journal: Journal, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(JournalError, match="another program holds"):
        await journal.intent(entry(1))

    other.execute("ROLLBACK")
    other.close()
    await journal.intent(entry(1))


async def test_secrets_are_taken_out_before_they_are_written(journal: Journal, path: Path) -> None:
    SECRETS.add("canary-5f0e")
    await journal.intent(msgspec.structs.replace(entry(1), body='{"x":"canary-5f0e"}'))
    await journal.claim(step(1, OpState.INTENT, OpState.SENDING), **CLAIM)
    journal.step(step(1, OpState.SENDING, OpState.REJECTED, "bad token canary-5f0e"))
    journal.event(event(1, body='{"text":"canary-5f0e"}'))
    journal.close()

    for each in path.parent.iterdir():
        assert b"canary-5f0e" not in each.read_bytes()


async def test_a_copy_can_be_made_while_it_is_in_use(journal: Journal, tmp_path: Path) -> None:
    await journal.intent(entry(1))
    journal.backup(tmp_path / "copy.db")

    copied = reopened(tmp_path / "copy.db")
    assert [op.op_id for op in copied.replay("a", TODAY).ops] == ["op1"]
    copied.close()


async def test_what_is_asked_after_closing_is_refused(path: Path) -> None:
    journal = reopened(path)
    journal.close()

    with pytest.raises(JournalError, match="closed"):
        await journal.intent(entry(1))


async def test_the_time_to_become_durable_is_measured(journal: Journal) -> None:
    for number in range(100):
        await journal.intent(entry(number))

    latency = journal.latency
    assert latency.count == 100
    assert 0 < latency.p50_us <= latency.p99_us <= latency.max_us


DISK_FULL = """
import asyncio, pathlib, sys
from desktop.trading.journal import Journal, Options
from desktop.trading.journal_file import JournalError
from brokers.model.order import OpKind
from tests.desktop.trading.test_journal import STAMP, entry, reopened

async def main():
    path = pathlib.Path(sys.argv[1]) / "orders.db"
    journal = Journal(path, STAMP, Options(busy_ms=50, reserve_bytes=400_000))
    kept = 0
    filler = (path.parent / "filler").open("wb")
    try:
        while True:
            filler.write(bytes(4096))
            filler.flush()
    except OSError:
        pass
    try:
        for number in range(10_000):
            await journal.intent(entry(number))
            kept += 1
    except JournalError as error:
        print("refused", error)
    await journal.intent(entry(20_000, kind=OpKind.CANCEL))
    print("cancelled")
    try:
        await journal.intent(entry(20_001))
    except JournalError as error:
        print("refused", error)
    journal.close()
    again = Journal(path, STAMP, Options(reserve_bytes=0))
    print("kept", len(again.replay("a", "2026-09-29").ops) == kept + 1)
    again.close()

asyncio.run(main())
"""


def test_disk_full_refuses_orders_and_still_lets_cancels_out(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("needs unshare for a small disk")
    script = tmp_path / "full.py"
    script.write_text(DISK_FULL)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1m none {disk} && exec {sys.executable} {script} {disk}"
    ran = subprocess.run(
        [unshare, "-rm", "sh", "-c", mount],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in ran.stderr or "mount:" in ran.stderr:
        pytest.skip(f"needs a private mount: {ran.stderr.strip()[:80]}")

    assert ran.stdout.splitlines() == [
        "refused the disk is full",
        "cancelled",
        "refused the disk is full",
        "kept True",
    ], ran.stderr


SEND = """
import asyncio, os, pathlib, sys
from tests.desktop.trading.test_journal import CLAIM, entry, reopened, step
from brokers.model.order import OpState

async def main():
    journal = reopened(pathlib.Path(sys.argv[1]) / "orders.db")
    wire = os.open("/dev/null", os.O_WRONLY)
    for number in range(50):
        await journal.intent(entry(number))
        await journal.claim(step(number, OpState.INTENT, OpState.SENDING), **CLAIM)
        os.write(wire, b"ORDER")
        journal.step(step(number, OpState.SENDING, OpState.ACKED))
    journal.close()

asyncio.run(main())
"""


def test_sync_before_send(tmp_path: Path) -> None:
    """Between the last write to the journal and the first byte of an order the disk was synced."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace")
    script = tmp_path / "send.py"
    script.write_text(SEND)
    trace = tmp_path / "trace"
    watched = "trace=fdatasync,fsync,write,pwrite64"
    ran = subprocess.run(
        [strace, "-f", "-qq", "-e", watched, "-o", trace, sys.executable, script, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if not trace.exists() or "ptrace" in ran.stderr.lower():
        pytest.skip(f"strace may not trace here: {ran.stderr.strip()[:80]}")
    assert ran.returncode == 0, ran.stderr

    synced, sent, is_dirty = 0, 0, False
    for line in trace.read_text().splitlines():
        if re.search(r"f(data)?sync(\(| resumed).*= 0", line):
            synced, is_dirty = synced + 1, False
        elif "pwrite64(" in line:
            is_dirty = True
        elif '"ORDER"' in line:
            assert not is_dirty, "something written was not yet on the disk"
            assert synced >= 2, "the intent and the claim are each synced before the order"
            synced, sent = 0, sent + 1
    assert sent == 50
