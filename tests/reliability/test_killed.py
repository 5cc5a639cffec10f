"""The window killed in the middle of orders, and the exchange: nothing lost, nothing twice."""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from brokers.model.order import OpState, Side
from tests.reliability.witness import NO, Witness
from tests.rig.journey import SBIN, Begin, Journey, running_app
from tests.rig.practice import ROOT, PracticeProcess

LONG = bool(os.environ.get("TEZI_LONG"))
pytestmark = pytest.mark.timeout(1200 if LONG else 150)
KILLS = 40 if LONG else 4
READY_S = 30.0
NOT_YET = frozenset({OpState.DRAFT, OpState.INTENT, OpState.SENDING})


async def _count(practice: PracticeProcess) -> int:
    return len(await asyncio.to_thread(practice.orders))


def _start(folder: Path, practice: PracticeProcess, seed: int) -> "subprocess.Popen[bytes]":
    with _said(folder, seed).open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.rig.trading_window", str(folder / "profile"), str(seed)],
            cwd=ROOT,
            env=practice.environment() | {"QT_QPA_PLATFORM": "offscreen"},
            stdout=file,
            stderr=file,
        )


def _said(folder: Path, seed: int) -> Path:
    return folder / f"said-{seed}.log"


async def _live_and_die(folder: Path, practice: PracticeProcess, seed: int) -> str:
    """Run a window that trades, kill it in the middle; gives what it said."""
    chance = random.Random(seed)
    before = await _count(practice)
    said = _said(folder, seed)
    process = _start(folder, practice, seed)
    try:
        async with asyncio.timeout(READY_S):
            while await _count(practice) < before + 3:
                assert process.poll() is None, said.read_text()
                await asyncio.sleep(0.02)
        for what in ("lose_reply", "delay", "reset_before"):
            where = chance.choice(("place", "modify", "cancel"))
            await asyncio.to_thread(practice.fault, where, what)
        await asyncio.sleep(chance.random())
    finally:
        process.kill()
        process.wait()
    practice.disarm()
    return said.read_text()


async def test_a_window_killed_in_the_middle_of_orders_finds_them_all_again(
    tmp_path: Path, practice: PracticeProcess
) -> None:
    practice.quiet()
    practice.price("NSE:SBIN-EQ", "800.00")
    for seed in range(KILLS):
        said = await _live_and_die(tmp_path, practice, seed)
        assert "ERROR" not in said, said
        assert "CRITICAL" not in said, said
        practice.price("NSE:SBIN-EQ", f"{800 + seed % 3}.00")
    async with running_app(tmp_path / "profile", practice) as journey:
        witness = Witness(journey)
        await journey.tradable()
        async with asyncio.timeout(60):
            while found := witness.differences():
                try:
                    await asyncio.sleep(0.25)
                except asyncio.CancelledError:
                    raise AssertionError(found) from None
        assert not witness.lies()
        truth = witness.truth()
        assert len(truth) >= 3 * KILLS
        ours = {row.tag for row in journey.desk.orders.rows() if row.is_ours}
        assert set(truth) <= ours, "an order of ours came back as somebody else's"
        ops = journey.desk.orders.table.ops()
        assert not [op for op in ops if op.state in NOT_YET]
        assert not [op.tag for op in ops if op.tag in truth and op.state in NO]
        bought = sum(int(str(order["filled"])) for (order,) in truth.values())
        await journey.until(lambda: _net_qty(journey) == bought, "the position")


def _net_qty(journey: Journey) -> int:
    return sum(row.net_qty for row in journey.desk.portfolio.positions())


async def test_an_exchange_that_dies_under_orders_leaves_them_unknown_and_the_window_well(
    begin: Begin,
) -> None:
    async with begin() as journey:
        await journey.tradable()
        ltp_e4 = journey.ltp_e4(SBIN)
        assert ltp_e4 is not None
        journey.practice.fault("place", "delay", value=5, times=10)
        journey.practice.fault("orderfeed", "drop_event", times=100)
        waiting = [
            asyncio.ensure_future(
                journey.confirmed(journey.draft(Side.BUY, 1 + at, ltp_e4 // 500 * 500 - 50_000))
            )
            for at in range(3)
        ]
        await journey.until(lambda: len(journey.practice.orders()) == 3, "the orders there")
        journey.practice.kill()
        ops = await asyncio.wait_for(asyncio.gather(*waiting), 15)
        assert [op.state for op in ops] == [OpState.UNKNOWN] * 3
        late = await journey.confirmed(journey.draft(Side.BUY, 9, ltp_e4 // 500 * 500 - 60_000))
        assert late.state in (OpState.DENIED, OpState.NOT_SENT), late.words
        await asyncio.sleep(2)
        assert {row.op.state for row in journey.desk.orders.rows() if row.op and row.op.tag in
                {op.tag for op in ops}} == {OpState.UNKNOWN}  # fmt: skip
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 10, "closing hung on a dead exchange"
