"""Every fault of the practice exchange on every write: one request, one order, no false word."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from brokers.model.order import Kind, OpState, OrderChange, OrderState, Side
from desktop.trading.drafts import CancelDraft, ChangeDraft
from desktop.trading.rows import OpView
from tests.reliability.witness import OPEN_QUESTION, Witness
from tests.rig.journey import SBIN, Begin, Journey

LONG = bool(os.environ.get("TEZI_LONG"))
pytestmark = pytest.mark.timeout(1800 if LONG else 120)
PRICE_E4 = 8_000_000
STEP_E4 = 500
SETTLED_S = 75.0 if LONG else 20.0
"""Doubt about something that never arrived ends after 45 s; the short form does not wait for it."""


class Trouble(msgspec.Struct, frozen=True):
    """A fault, and whether the exchange does the work all the same."""

    what: str
    value: object = None
    is_done: bool = True
    where: str = ""
    """Empty: on the request itself."""

    @property
    def words(self) -> str:
        return self.what if self.value is None else f"{self.what} {self.value}"


BYTES = range(420) if LONG else (0, 1, 17, 90, 200, 260, 300, 330)
ON_EVERY_WRITE = (
    Trouble("lose_reply"),
    Trouble("reset_before", is_done=False),
    Trouble("status", 500, is_done=False),
    Trouble("status", 503, is_done=False),
    Trouble("html", is_done=False),
    Trouble("wrong_type"),
    Trouble("rate_limited", is_done=False),
    Trouble("code_201"),
    Trouble("reject", "RED:no", is_done=False),
    Trouble("garbage", "ff00fe"),
    Trouble("delay", 1),
    *([Trouble("delay", 12)] if LONG else []),
    *(Trouble("reset_at_byte", k) for k in BYTES),
    *(Trouble("truncate", k) for k in ((0, 1, 30) if not LONG else range(0, 140, 3))),
    *(Trouble(what, where="orderfeed") for what in ("duplicate_event", "drop_event")),
    Trouble("reorder_events", where="orderfeed"),
    Trouble("poison", where="orderfeed"),
)

PARTS = 16 if LONG else 1
"""Each part has a window of its own: a broker's limit of requests a minute is the window's."""

in_parts = pytest.mark.parametrize("part", range(PARTS))


class Case(msgspec.Struct):
    """One write under one fault."""

    trouble: Trouble
    key: str
    op: OpView
    wanted: OrderChange | None = None


class Bench:
    """Writes one request after the other, each under the next fault."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.witness = Witness(journey)
        self.cases: list[Case] = []
        self._step = 0

    def price_e4(self) -> int:
        """Give a price nothing else has, well below the market."""
        self._step += 1
        return PRICE_E4 - 50_000 - self._step * STEP_E4

    async def place(self) -> OpView:
        draft = self.journey.draft(Side.BUY, 10, self.price_e4())
        op = await self.journey.confirmed(draft)
        assert op.key, [finding.text for finding in op.findings]
        return op

    async def working(self, count: int) -> list[str]:
        """Give orders that rest at the exchange."""
        keys = [(await self.place()).key for _ in range(count)]
        await self.journey.until(
            lambda: all(self.journey.state(key) is OrderState.OPEN for key in keys), "open orders"
        )
        return keys

    def arm(self, trouble: Trouble, verb: str) -> None:
        where = trouble.where or verb
        self.journey.practice.fault(where, trouble.what, value=trouble.value)

    async def modify(self, key: str) -> tuple[OpView, OrderChange]:
        row = self.journey.row(key)
        to = OrderChange(quantity=12, kind=Kind.LIMIT, price_e4=self.price_e4(), trigger_e4=0)
        account = self.journey.desk.account.name
        draft = ChangeDraft(account=account, key=key, to=to, revision=row.revision)
        return await self.journey.desk.orders.change(draft), to

    async def cancel(self, key: str) -> OpView:
        account = self.journey.desk.account.name
        return await self.journey.desk.orders.cancel(CancelDraft(account=account, key=key))

    async def settle(self, is_over: Callable[[Case], bool]) -> None:
        """Wait until every case is decided and everything shown is true."""
        self.journey.practice.disarm()
        until, seconds = self.journey.until, SETTLED_S
        await until(lambda: all(map(is_over, self.cases)), "every fate", seconds)
        # What is asked is the exchange, in another process: not a hundred times a second.
        async with asyncio.timeout(seconds):
            while found := self.witness.differences():
                try:
                    await asyncio.sleep(0.25)
                except asyncio.CancelledError:
                    raise AssertionError(found) from None

    def check(self) -> None:
        assert not self.witness.lies()
        assert not self.journey.desk.orders.halt_reason
        assert not [alarm for alarm in self.journey.desk.orders.alarms if alarm.has_halted]


@asynccontextmanager
async def _bench(begin: Begin) -> AsyncIterator[Bench]:
    async with begin() as journey:
        journey.app.settings.set("orders.per_minute", 400)
        await journey.tradable()
        journey.practice.quiet()
        journey.practice.price("NSE:SBIN-EQ", "800.00")
        await journey.until(lambda: journey.ltp_e4(SBIN) == PRICE_E4, "the price")
        bench = Bench(journey)
        yield bench
        bench.check()


def _is_decided(case: Case, state: OpState) -> bool:
    """Tell whether a request has the fate its fault gave it."""
    if case.trouble.is_done:
        return state is OpState.ACKED
    if case.trouble.what in ("rate_limited", "reject"):
        return state is OpState.REJECTED
    return state is OpState.ABSENT_PRESUMED if LONG else state in OPEN_QUESTION


@in_parts
async def test_every_fault_of_a_place_leaves_one_order_or_none(begin: Begin, part: int) -> None:
    troubles = ON_EVERY_WRITE[part::PARTS]
    async with _bench(begin) as bench:
        for trouble in troubles:
            bench.arm(trouble, "place")
            op = await bench.place()
            bench.journey.practice.disarm()
            bench.cases.append(Case(trouble=trouble, key=op.key, op=op))

        def is_over(case: Case) -> bool:
            op = bench.journey.row(case.key).op
            return op is not None and _is_decided(case, op.state)

        await bench.settle(is_over)
        truth = bench.witness.truth()
        wrong = [c.trouble.words for c in bench.cases if (c.key in truth) is not c.trouble.is_done]
        assert not wrong
        assert LONG or any(case.op.state is OpState.UNKNOWN for case in bench.cases)


@in_parts
async def test_every_fault_of_a_change_is_found_out(begin: Begin, part: int) -> None:
    troubles = ON_EVERY_WRITE[part::PARTS]
    async with _bench(begin) as bench:
        keys = await bench.working(len(troubles))
        for key, trouble in zip(keys, troubles, strict=True):
            bench.arm(trouble, "modify")
            op, to = await bench.modify(key)
            bench.journey.practice.disarm()
            bench.cases.append(Case(trouble=trouble, key=key, op=op, wanted=to))

        def is_over(case: Case) -> bool:
            pending = bench.journey.row(case.key).pending
            return pending is not None and _is_decided(case, pending.state)

        await bench.settle(is_over)
        truth = bench.witness.truth()
        for case in bench.cases:
            assert case.wanted is not None
            is_done = truth[case.key][0]["price_e4"] == case.wanted.price_e4
            assert is_done is case.trouble.is_done, case.trouble.words


@in_parts
async def test_every_fault_of_a_cancel_is_found_out(begin: Begin, part: int) -> None:
    troubles = ON_EVERY_WRITE[part::PARTS]
    async with _bench(begin) as bench:
        keys = await bench.working(len(troubles))
        for key, trouble in zip(keys, troubles, strict=True):
            bench.arm(trouble, "cancel")
            op = await bench.cancel(key)
            bench.journey.practice.disarm()
            bench.cases.append(Case(trouble=trouble, key=key, op=op))

        def is_over(case: Case) -> bool:
            pending = bench.journey.row(case.key).pending
            return pending is not None and _is_decided(case, pending.state)

        await bench.settle(is_over)
        truth = bench.witness.truth()
        for case in bench.cases:
            is_done = truth[case.key][0]["status"] == "cancelled"
            assert is_done is case.trouble.is_done, case.trouble.words


@pytest.mark.parametrize("verb", ["place", "modify", "cancel"])
async def test_a_dead_login_refuses_and_stops_trading_until_the_next(
    begin: Begin, verb: str
) -> None:
    async with _bench(begin) as bench:
        (key,) = await bench.working(1)
        bench.journey.practice.fault(verb, "token_expired")
        if verb == "place":
            op = await bench.place()
        elif verb == "modify":
            op, _ = await bench.modify(key)
        else:
            op = await bench.cancel(key)
        assert op.state is OpState.REJECTED
        assert not bench.journey.desk.account.is_tradable
        assert len(bench.journey.practice.orders()) == 1


@pytest.mark.parametrize("quantity", [1, 9])
async def test_a_part_that_fills_while_the_reply_is_lost_is_counted_once(
    begin: Begin, quantity: int
) -> None:
    async with _bench(begin) as bench:
        practice = bench.journey.practice
        practice.fault("place", "partial_fill", value=quantity)
        practice.fault("place", "lose_reply")
        practice.fault("orderfeed", "duplicate_event", times=4)
        draft = bench.journey.draft(Side.BUY, 10, PRICE_E4)
        op = await bench.journey.confirmed(draft)
        await bench.journey.until(
            lambda: bench.journey.row(op.key).state is OrderState.PARTIAL, "the part"
        )
        assert bench.journey.row(op.key).filled_qty == quantity
        positions = bench.journey.desk.portfolio.positions
        await bench.journey.until(
            lambda: [row.net_qty for row in positions()] == [quantity], "the position"
        )
        practice.price("NSE:SBIN-EQ", "799.00")
        await bench.settle(lambda _case: True)
        assert bench.journey.row(op.key).filled_qty == 10
        await bench.journey.until(lambda: [r.net_qty for r in positions()] == [10], "the position")


async def test_a_fill_that_overtakes_a_change_is_never_taken_back(begin: Begin) -> None:
    async with _bench(begin) as bench:
        (key,) = await bench.working(1)
        practice = bench.journey.practice
        practice.fault("modify", "delay", value=1)
        practice.fault("orderfeed", "reorder_events", times=3)
        change = asyncio.ensure_future(bench.modify(key))
        await asyncio.sleep(0)
        practice.price("NSE:SBIN-EQ", "790.00")
        await change
        await bench.settle(lambda _case: True)
        assert bench.journey.row(key).state is OrderState.FILLED


async def test_the_event_may_come_before_the_reply(begin: Begin) -> None:
    async with _bench(begin) as bench:
        practice = bench.journey.practice
        for trouble in ("event_first", "lose_reply", "reset_before"):
            practice.fault("place", "event_first")
            if trouble != "event_first":
                practice.fault("place", trouble)
            await bench.place()
            practice.disarm()
        await bench.settle(lambda _case: True)
