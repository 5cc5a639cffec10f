"""Long random days of trouble: whatever happened, the end is the broker's own truth."""

import ast
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from brokers.errors import OutcomeUnknown
from brokers.model.order import OpState, OrderState, Product, Side
from brokers.port import Link, LinkEvent, LinkState
from desktop.trading import transitions
from tests.rig.fake_broker import (
    FakeBroker,
    Trouble,
    lost_reply,
    not_sent,
    rate_limited,
    refused,
    reset_before,
)
from tests.rig.order_rig import SBIN, Rig
from tests.rig.virtual_time import VirtualTimer

pytestmark = pytest.mark.plainloop
WALKS = 300 if os.environ.get("TEZI_LONG") else 12
STEPS = 60
TROUBLES = (
    *(Trouble(),) * 6,
    Trouble(first=True),
    Trouble(events=3),
    Trouble(events=0),
    lost_reply(),
    lost_reply(events=0),
    reset_before(),
    not_sent(),
    refused(),
    refused(is_created=True),
    rate_limited(),
    rate_limited(is_done=True),
    Trouble(is_done=False, after_s=5, error=OutcomeUnknown("reset")),
    Trouble(is_done=False, after_s=60, error=OutcomeUnknown("reset")),
    Trouble(events=0, error=ValueError("garbled")),
)


class Walk:
    """One random day."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.timer = VirtualTimer()
        self.broker = FakeBroker(self.timer)
        self.rig = Rig(folder, self.broker, self.timer)

    async def run(self) -> None:
        await self.rig.start(reconciles=True)
        actions: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (10, self.place),
            (4, self.cancel),
            (4, self.change),
            (8, self.fill),
            (1, self.elsewhere),
            (2, self.venue),
            (8, self.wait),
            (2, self.link),
            (1, self.reads),
            (1, self.restart),
            (1, self.cancel_all),
        ]
        weights = [weight for weight, _ in actions]
        for _ in range(STEPS):
            ((_, action),) = self.chance.choices(actions, weights)
            await action()
            await self.rig.idle()
        await self.heal()

    async def heal(self) -> None:
        self.broker.read_error = None
        self.broker.is_mute = False
        self.broker.troubles.clear()
        self.rig.reconciler.link_changed(_link(LinkState.LIVE))
        self.rig.reconciler.ask("resume")
        await self.rig.after(180)
        self.rig.reconciler.ask("resume")
        await self.rig.after(5)

    async def place(self) -> None:
        self.broker.trouble(self.chance.choice(TROUBLES))
        side = self.chance.choice(list(Side))
        await self.rig.place(quantity=self.chance.randint(1, 20), side=side)
        self.broker.troubles["place"].clear()

    def pick(self) -> str | None:
        rows = [row.key for row in self.rig.desk.rows() if row.can_change]
        return self.chance.choice(rows) if rows else None

    async def cancel(self) -> None:
        key = self.pick()
        if key is not None:
            self.broker.trouble(self.chance.choice(TROUBLES[:-3]), on="cancel")
            await self.rig.cancel(key)
            self.broker.troubles["cancel"].clear()

    async def change(self) -> None:
        key = self.pick()
        if key is not None:
            self.broker.trouble(self.chance.choice(TROUBLES[:-3]), on="change")
            more = {"price_e4": 8_000_000 + 500 * self.chance.randint(-5, 5)}
            if self.chance.random() < 0.5:
                more["quantity"] = self.rig.row(key).quantity + 1
            await self.rig.change(key, **more)
            self.broker.troubles["change"].clear()

    async def fill(self) -> None:
        working = [order for order in self.broker.book.values() if not order.state.is_terminal]
        if working:
            order = self.chance.choice(working)
            part = self.chance.randint(1, order.quantity - order.filled_qty)
            self.broker.fill(order.broker_id, part, times=self.chance.choice([1, 1, 2]))

    async def elsewhere(self) -> None:
        self.broker.typed_elsewhere(self.rig.draft(quantity=self.chance.randint(1, 9)).intent(""))

    async def venue(self) -> None:
        working = [order for order in self.broker.book.values() if not order.state.is_terminal]
        if working:
            end = self.chance.choice([OrderState.CANCELLED, OrderState.EXPIRED])
            self.broker.say(self.chance.choice(working).broker_id, end)

    async def wait(self) -> None:
        await self.rig.after(self.chance.choice([0.3, 1, 3, 12, 45]))

    async def link(self) -> None:
        is_down = self.broker.is_mute
        self.broker.is_mute = not is_down
        state = LinkState.LIVE if is_down else LinkState.DOWN
        self.rig.reconciler.link_changed(_link(state))

    async def reads(self) -> None:
        is_broken = self.broker.read_error is not None
        self.broker.read_error = None if is_broken else OutcomeUnknown("no answer")

    async def cancel_all(self) -> None:
        self.broker.trouble(self.chance.choice(TROUBLES[:-3]), on="cancel")
        await self.rig.desk.cancel_all()
        self.broker.troubles["cancel"].clear()

    async def restart(self) -> None:
        await self.stop()
        self.rig = Rig(self.folder, self.broker, self.timer)
        await self.rig.start(reconciles=True)

    async def stop(self) -> None:
        halt = self.rig.desk.halt_reason
        await self.rig.stop()
        assert not self.rig.tasks.failures
        assert not halt, halt

    def audit(self) -> None:
        rig, broker = self.rig, self.broker
        assert rig.account.is_tradable, rig.account.problem
        assert len(broker.book) > 1
        shown = {row.broker_id: row for row in rig.desk.rows() if row.broker_id}
        for number, order in broker.book.items():
            row = shown[number]
            assert (row.state, row.filled_qty) == (order.state, order.filled_qty), row
            assert (row.quantity, row.price_e4) == (order.quantity, order.price_e4), row
        for op in rig.desk.table.ops():
            assert op.state not in (OpState.UNKNOWN, OpState.SENDING, OpState.INTENT), op.view
            if op.tag in broker.requests:
                assert broker.requests[op.tag] == 1
                assert len(broker.of_tag(op.tag)) <= 1
        net = sum(fill.side.sign * fill.quantity for fill in broker.trades)
        assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == net
        assert not rig.journal.verify()


def _link(state: LinkState) -> LinkEvent:
    return LinkEvent(link=Link.ORDERS, state=state)


@pytest.mark.parametrize("seed", range(WALKS))
async def test_order_machine(tmp_path: Path, seed: int) -> None:
    walk = Walk(tmp_path, seed)
    await walk.run()
    try:
        walk.audit()
    finally:
        await walk.stop()


def test_no_float_in_the_order_path() -> None:
    """Prices and quantities are integers: no division that leaves them, no literal that could."""
    folder = Path(transitions.__file__).parent
    exact = "drafts exits guard order_table portfolio profit rows transitions evidence sender"
    found = []
    for name in exact.split():
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            if is_float or isinstance(node, ast.Div) or _calls_float(node):
                found.append(f"{name}:{getattr(node, 'lineno', '?')}")
    assert not found


def _calls_float(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "float"
