"""Requests whose fate is unknown: asked about, never repeated.

The broker is asked by tag, then by book, at growing intervals. A request is presumed absent only
after three complete books over 30 s, all begun after its deadline, with executions and position of
its contract unchanged; and even then its tag is watched to the day's end.
"""

from collections.abc import Sequence
from typing import Final

from brokers.errors import BrokerError
from brokers.model.order import OpKind, OpState, OrderUpdate
from desktop.trading.books import Books
from desktop.trading.evidence import Evidence
from desktop.trading.order_table import Op
from desktop.trading.portfolio import Portfolio
from desktop.trading.recorder import Recorder
from desktop.trading.seams import Bell
from desktop.trading.transitions import OpEvent

_SECOND_NS: Final = 1_000_000_000
LOOKS_S: Final = (0.5, 1, 2, 4, 8, 15, 30, 60)
EVERY_S: Final = 60
BOOKS_NEEDED: Final = 3
SPAN_NS: Final = 30 * _SECOND_NS
APART_NS: Final = _SECOND_NS


class Case:
    """One request in doubt."""

    def __init__(self, op: Op, now_mono: int, now_ns: int) -> None:
        self.op = op
        self.since_mono = now_mono
        self.looked_mono = -1
        self.books: list[int] = []
        """When each complete book that lacks it was begun."""
        self.is_urgent = bool(op.refusal)
        self.baseline: int | None = None
        """Net position less known executions, which only an order of ours could move."""
        wait_ns = max(0, (op.deadline_ns or 0) - now_ns)
        self.deadline_mono = now_mono + wait_ns

    def due_mono(self) -> int:
        """Give when to look next."""
        looks = [self.since_mono + round(each * _SECOND_NS) for each in LOOKS_S]
        looks.append(self.deadline_mono)
        if self.books:
            looks.append(self.books[0] + SPAN_NS)
        past = max(0, self.looked_mono - self.since_mono) // (EVERY_S * _SECOND_NS)
        looks.append(self.since_mono + (past + 1) * EVERY_S * _SECOND_NS)
        return 0 if self.is_urgent else min(each for each in looks if each > self.looked_mono)

    def counts(self, began_mono: int) -> bool:
        """Tell whether a book begun then is one more witness: after the deadline, and apart."""
        last = self.books[-1] if self.books else began_mono - APART_NS
        return began_mono >= self.deadline_mono and began_mono - last >= APART_NS

    @property
    def is_ripe(self) -> bool:
        """Enough books lack it."""
        books = self.books
        return len(books) >= BOOKS_NEEDED and books[-1] - books[0] >= SPAN_NS


class Doubt:
    """Asks until every fate is known, one round of reading for all that are due."""

    def __init__(
        self, recorder: Recorder, evidence: Evidence, books: Books, portfolio: Portfolio
    ) -> None:
        self._recorder = recorder
        self._evidence = evidence
        self._books = books
        self._portfolio = portfolio
        self._timer = recorder.seams.timer
        self._cases: dict[str, Case] = {}
        self._bell = Bell(self._timer)
        self._is_running = False
        self._newest_ns = 0
        recorder.doubts.add(self.add)
        books.was_read.add(self._book_was_read)
        books.is_readable_again.add(self._look_at_once)

    @property
    def count(self) -> int:
        return len(self._open())

    def add(self, op: Op) -> None:
        """Begin to ask about a request."""
        case = Case(op, self._timer.monotonic_ns(), self._timer.now_ns())
        case.baseline = self._baseline(op)
        self._cases[op.op_id] = case
        self.resume()

    def resume(self) -> None:
        """Ask on, now that there is a broker to ask."""
        self._bell.ring()
        if not self._is_running and self._recorder.broker is not None and self._cases:
            self._is_running = True
            self._recorder.seams.spawn(self._run(), owner="orders")

    def _open(self) -> list[Case]:
        self._cases = {
            op_id: case for op_id, case in self._cases.items() if case.op.state is OpState.UNKNOWN
        }
        return list(self._cases.values())

    async def _run(self) -> None:
        try:
            while cases := self._open():
                now = self._timer.monotonic_ns()
                wait_ns = min(case.due_mono() for case in cases) - now
                await self._bell.wait(max(0, wait_ns) / _SECOND_NS)
                await self._look()
        except Exception as error:
            self._recorder.halt(f"asking about orders failed ({type(error).__name__})")
            raise
        finally:
            self._is_running = False

    async def _look(self) -> None:
        now = self._timer.monotonic_ns()
        due = [case for case in self._open() if case.due_mono() <= now]
        for case in due:
            case.looked_mono, case.is_urgent = now, False
        try:
            if len(due) == 1 and await self._was_settled_by_tag(due[0]):
                return
            if due:
                await self._books.orders()
            for case in self._open():
                if case.is_ripe:
                    await self._presume_absent(case)
        except BrokerError:
            # Looked at again at the next interval, or as soon as anything can be read.
            return

    async def _was_settled_by_tag(self, case: Case) -> bool:
        op = case.op
        if op.kind is not OpKind.PLACE or self._evidence.is_untagged(op):
            return False
        is_known = await self._books.tagged(op.tag)
        if not is_known and op.refusal and op.state is OpState.UNKNOWN:
            self._recorder.move(op, OpEvent.REFUSE, text=op.refusal, code=op.code)
        return op.state is not OpState.UNKNOWN

    def _book_was_read(self, began_mono: int, updates: Sequence[OrderUpdate]) -> None:
        times = (update.updated_ns or update.placed_ns or 0 for update in updates)
        self._newest_ns = max(times, default=0)
        for case in self._open():
            if case.op.refusal and began_mono >= case.since_mono:
                self._recorder.move(
                    case.op, OpEvent.REFUSE, text=case.op.refusal, code=case.op.code
                )
            elif case.counts(began_mono):
                case.books.append(began_mono)
                if case.baseline is None:
                    case.baseline = self._baseline(case.op)
                if case.is_ripe:
                    self._bell.ring()

    def _look_at_once(self) -> None:
        for case in self._open():
            case.is_urgent = True
        self._bell.ring()

    async def _presume_absent(self, case: Case) -> None:
        op = case.op
        if not self._is_fresh(op):
            return
        if op.kind is OpKind.PLACE:
            await self._books.fills()
            await self._books.positions()
            baseline = self._baseline(op)
            has_moved = None not in (baseline, case.baseline) and baseline != case.baseline
            if has_moved or self._evidence.has_stray_fill(op):
                text = "not in the broker's book, but the position of its contract changed"
                self._recorder.alarm(op.key, text)
                return
        if op.state is OpState.UNKNOWN:
            self._recorder.move(op, OpEvent.PRESUME_ABSENT)

    def _is_fresh(self, op: Op) -> bool:
        """Tell whether the books read are known to be later than the request."""
        if op.sent_ns is not None and self._newest_ns > op.sent_ns:
            return True
        broker = self._recorder.broker
        return broker is not None and broker.server_offset_ns() is not None

    def _baseline(self, op: Op) -> int | None:
        if op.intent is None:
            return None
        what = op.intent.instrument, op.intent.product
        net = self._portfolio.net_qty(*what)
        return None if net is None else net - self._portfolio.traded_qty(*what)
