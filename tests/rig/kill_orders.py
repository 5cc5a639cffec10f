"""Kills an order desk at named points and at random moments, and audits what is left.

Run as a command (`python -m tests.rig.kill_orders FOLDER KILLS SEED`) it prints one JSON report. It
forks a child for each life, so a life costs milliseconds. The exchange is a ledger file, which a
dead process cannot take back.
"""

import asyncio
import collections
import json
import os
import random
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from typing_extensions import override

from brokers.model.order import OpKind, OpState, OrderAck, OrderIntent, OrderState, Product
from tests.rig.fake_broker import FakeBroker, Trouble, lost_reply, refused, reset_before
from tests.rig.order_rig import SBIN, Rig
from tests.rig.virtual_time import MORNING_NS, VirtualTimer

POINTS = (
    "before_intent",
    "intent_before_commit",
    "intent_after_commit",
    "after_intent",
    "claim_before_commit",
    "claim_after_commit",
    "after_claim",
    "broker_before_accept",
    "broker_after_accept",
    "after_reply",
    "settle_before_commit",
    "settle_after_commit",
    "before_event",
    "after_event",
    "event_before_commit",
    "event_after_commit",
)
RANDOM = "random"
LIVES_IN_A_DAY = 20
_SECONDS_A_LIFE = 120
TROUBLES = (
    Trouble(),
    Trouble(),
    Trouble(first=True),
    Trouble(events=2),
    Trouble(events=0),
    lost_reply(events=0),
    lost_reply(),
    reset_before(),
    refused(),
    refused(is_created=True),
)
_GONE = frozenset(
    {
        OpState.NEVER_SENT,
        OpState.NOT_SENT,
        OpState.ABSENT_PRESUMED,
        OpState.REJECTED,
        OpState.DENIED,
    }
)


class Killer:
    """Ends the process at the n-th passing of a point."""

    def __init__(self, point: str, passing: int) -> None:
        self._point = point
        self._left = passing

    def __call__(self, name: str) -> None:
        if name == self._point:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


def _rig(folder: Path, life: int, killpoint: Callable[[str], None]) -> Rig:
    timer = VirtualTimer(MORNING_NS + life * _SECONDS_A_LIFE * 1_000_000_000)
    broker = _Witnessed(timer, ledger=folder / "ledger.jsonl", killpoint=killpoint)
    broker.folder = folder
    return Rig(folder, broker, timer, killpoint)


class _Witnessed(FakeBroker):
    """Notes every place request, and what the journal showed then, before anything else happens."""

    folder: Path

    @override
    async def place(self, intent: OrderIntent, /) -> OrderAck:
        journal = sqlite3.connect(self.folder / "orders.db")
        row = journal.execute("SELECT state FROM op WHERE tag=?", (intent.tag,)).fetchone()
        journal.close()
        handle = os.open(self.folder / "requests.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(handle, f"{intent.tag} {row[0] if row else None}\n".encode())
        os.close(handle)
        return await super().place(intent)


def _requests(folder: Path) -> list[tuple[str, str]]:
    """Give tag and journalled state of every request the broker got."""
    log = folder / "requests.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [(tag, state) for tag, state in map(str.split, lines)]


async def live(folder: Path, life: int, chance: random.Random, killer: Killer) -> None:
    """One life: take the day up, then trade until somebody pulls the plug."""
    rig = _rig(folder, life, killer)
    await rig.start(reconciles=True)
    for _ in range(8):
        rig.broker.trouble(chance.choice(TROUBLES))
        view = await rig.place(quantity=chance.randint(1, 50))
        row = rig.desk.row(view.key)
        what = chance.random()
        if row is not None and row.can_change and what < 0.3:
            rig.broker.trouble(chance.choice(TROUBLES[:8]), on="cancel")
            await rig.cancel(view.key)
        elif row is not None and row.can_change and what < 0.6:
            rig.broker.trouble(chance.choice(TROUBLES[:8]), on="change")
            await rig.change(view.key, quantity=row.quantity + 1)
        elif row is not None and row.can_change:
            rig.broker.fill(row.broker_id, chance.randint(1, row.remaining_qty))
        if chance.random() < 0.3:
            await rig.after(chance.choice([1, 3]))
    await rig.stop()


async def audit(folder: Path, life: int) -> list[str]:
    """The last life: everything must come out as the exchange has it."""
    rig = _rig(folder, life, lambda _name: None)
    await rig.start(reconciles=True)
    await rig.after(60)
    problems = [f"alarm: {alarm.text}" for alarm in rig.alarms]
    problems += [f"task: {error!r}" for error in rig.tasks.failures]
    problems += [f"journal: {each}" for each in rig.journal.verify()]
    if not rig.account.is_tradable:
        problems.append(f"not tradable: {rig.account.problem}")
    requests = collections.Counter(tag for tag, _ in _requests(folder))
    problems += [f"{tag} was requested {n} times" for tag, n in requests.items() if n > 1]
    early = [tag for tag, state in _requests(folder) if state != OpState.SENDING]
    problems += [f"{tag} left before it was claimed" for tag in early]
    journalled = {op.tag: op for op in rig.desk.table.ops() if op.kind is OpKind.PLACE}
    problems += [f"{tag} has no journal row" for tag in requests if tag not in journalled]
    for tag, op in journalled.items():
        problems += _compare(rig, tag, op.state)
    problems += [
        f"{op.kind} {op.op_id} is {op.state}"
        for op in rig.desk.table.ops()
        if op.state in (OpState.UNKNOWN, OpState.SENDING, OpState.INTENT)
    ]
    net = sum(fill.side.sign * fill.quantity for fill in rig.broker.trades)
    if rig.portfolio.net_qty(SBIN, Product.INTRADAY) != net:
        problems.append("the position is wrong")
    await rig.stop()
    return problems


def _compare(rig: Rig, tag: str, state: OpState) -> list[str]:
    orders = rig.broker.of_tag(tag)
    if len(orders) > 1:
        return [f"{tag} is {len(orders)} orders"]
    if not orders:
        return [] if state in _GONE else [f"{tag} is nowhere, shown as {state}"]
    (order,), row = orders, rig.row(tag)
    is_refused = order.state is OrderState.REJECTED
    if state is not OpState.ACKED and not (is_refused and state is OpState.REJECTED):
        return [f"{tag} is {order.state} at the exchange and {state} here"]
    truth = (order.state, order.filled_qty, order.quantity, order.price_e4)
    shown = (row.state, row.filled_qty, row.quantity, row.price_e4)
    return [] if shown == truth else [f"{tag}: {shown} is shown, {truth} is true"]


def _in_child(work: Callable[[], None]) -> int:
    """Run in a forked child and give its wait status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001  # the child must not run on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def _life(folder: Path, life: int, chance: random.Random, point: str) -> int:
    killer = Killer(point, chance.randint(1, 10))
    seed = chance.random()

    def work() -> None:
        if point == RANDOM:
            # The default action of this signal is to end the process on the spot.
            signal.setitimer(signal.ITIMER_REAL, 0.01 + 0.06 * seed)
        asyncio.run(live(folder, life, random.Random(seed), killer))

    return _in_child(work)


def run(folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Kill until `kills` lives ended early; every day of lives is audited."""
    chance = random.Random(seed)
    by_point: collections.Counter[str] = collections.Counter()
    problems: list[str] = []
    orders, day = 0, 0
    while by_point.total() < kills and not problems:
        day += 1
        place = folder / f"day{day}"
        place.mkdir()
        for life in range(LIVES_IN_A_DAY):
            point = (*POINTS, RANDOM)[(by_point.total() + life) % (len(POINTS) + 1)]
            status = _life(place, life, chance, point)
            if os.WIFSIGNALED(status):
                by_point[point] += 1
            elif status:
                problems.append(f"day {day}, life {life}, {point}: status {status}")
        report = place / "report.json"

        def work(place: Path = place, report: Path = report) -> None:
            found = asyncio.run(audit(place, LIVES_IN_A_DAY))
            report.write_text(json.dumps(found))

        if _in_child(work):
            problems.append(f"day {day}: the audit failed")
        else:
            problems += [f"day {day}: {each}" for each in json.loads(report.read_text())]
            orders += len(_requests(place))
    return {
        "kills": by_point.total(),
        "by_point": dict(by_point),
        "orders": orders,
        "problems": problems[:20],
    }


if __name__ == "__main__":
    result = run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(result) + "\n")
