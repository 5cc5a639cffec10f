"""The order desk of one account: place, change, cancel, and always say where an order stands.

An order leaves only after it is a durable row of the journal, and leaves once. Whatever is not
proven is UNKNOWN and is asked about, never repeated.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from brokers.errors import BrokerError
from brokers.model.instrument import Instrument, InstrumentId, Segment
from brokers.model.market import MarketPhase
from brokers.model.order import Fill, OpKind, OpState, OrderUpdate, Product, Side
from brokers.port import Broker, Directory
from desktop.trading.accounts import AccountState
from desktop.trading.books import Books
from desktop.trading.clock import ist_date
from desktop.trading.doubt import Doubt
from desktop.trading.drafts import CancelDraft, ChangeDraft, Draft, OrderDraft
from desktop.trading.evidence import Evidence
from desktop.trading.exits import ExitPlan, Market, plan_exit
from desktop.trading.guard import (
    Facts,
    Limits,
    Recent,
    check_cancel,
    check_change,
    check_order,
    is_blocked,
    protected_price,
    questions,
)
from desktop.trading.hub import Hub
from desktop.trading.journal import Journal, Replay
from desktop.trading.listeners import Listeners
from desktop.trading.order_table import IN_FLIGHT, ChangeBody, Line, Op, OrderTable, shape_of
from desktop.trading.portfolio import Portfolio
from desktop.trading.recorder import Recorder
from desktop.trading.revival import revive
from desktop.trading.rows import Alarm, Finding, OpView, OrderRow
from desktop.trading.seams import Seams
from desktop.trading.sender import Sender
from desktop.trading.tags import Tags
from desktop.trading.transitions import OpEvent

_MINUTE_MS: Final = 60_000
_NEVER_LEFT: Final = frozenset({OpState.DENIED, OpState.NEVER_SENT, OpState.NOT_SENT})


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk looks at before it lets an order go."""

    hub: Hub
    directory: Directory
    phase: Callable[[Instrument], MarketPhase]
    """Broker's market status first, then the calendar; UNKNOWN warns and does not stop."""
    limits: Callable[[], Limits] = Limits


class Survivor(msgspec.Struct, frozen=True, kw_only=True):
    """An order that still works, or may, after everything was to be cancelled."""

    row: OrderRow
    why: str


class CancelReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of cancelling everything; `problem`: the book could not be read to be sure."""

    asked: int
    survivors: tuple[Survivor, ...]
    problem: str = ""


class OrderDesk:
    """All requests and orders of one account. Every method is called on the loop's thread."""

    def __init__(
        self,
        account: AccountState,
        portfolio: Portfolio,
        journal: Journal,
        sources: Sources,
        seams: Seams,
    ) -> None:
        self.account = account
        self.portfolio = portfolio
        self._sources = sources
        self._timer = seams.timer
        self._recorder = Recorder(account, journal, seams)
        self._evidence = Evidence(
            self._recorder, on_fill=self._count_fill, carries_tag=self._carries_tag
        )
        self.books = Books(self._recorder, self._evidence, portfolio)
        self.doubt = Doubt(self._recorder, self._evidence, self.books, portfolio)
        self._sender = Sender(self._recorder, self._evidence)
        self._tags = Tags(seams.timer.now_ns, secrets.randbits)
        self._fills: Listeners[[Fill]] = Listeners()
        self._doomed: set[str] = set()
        self._remembered: Replay | None = None
        self._recorder.changed.add(self._cancel_if_doomed)

    # -- life

    def restore(self) -> None:
        """Read the journal of the day, once; blocks, so a worker thread may do it.

        What it holds is taken up when the broker is attached.
        """
        recorder = self._recorder
        self._remembered = recorder.journal.replay(self.account.journal_name, recorder.trading_date)

    def attach(self, broker: Broker | None) -> None:
        """Use this connection from now on; None: there is none."""
        remembered, self._remembered = self._remembered, None
        if remembered is not None:
            revive(self._recorder, self._evidence, remembered)
            if self._recorder.journal.damage:
                self._recorder.halt(self._recorder.journal.damage)
        self._recorder.broker = broker
        self.doubt.resume()

    def begin_day(self) -> None:
        """Close yesterday: doubt becomes unresolved, everything else leaves the table."""
        for line in self.table:
            for op in (line.op, *line.ops):
                if op is not None and op.state is OpState.UNKNOWN:
                    self._recorder.move(op, OpEvent.END_DAY)
            if line.op is None or line.op.state not in (OpState.UNRESOLVED, *IN_FLIGHT):
                self._recorder.remove(line)
        self.portfolio.begin_day()

    async def settle(self) -> None:
        """Return when nothing is on its way any more; for closing the program."""
        for op in self.table.ops():
            if op.state in IN_FLIGHT and op.fate is not None:
                await asyncio.shield(op.fate)
        await self._recorder.journal.flush()

    def close(self) -> None:
        """Let go of the journal, which others may use on."""
        self._recorder.broker = None
        self._recorder.close()

    @property
    def streams_orders(self) -> bool:
        """Whether the broker tells of orders by itself; else its book is polled always."""
        broker = self._recorder.broker
        return broker is None or broker.capabilities.streams_orders

    @property
    def trading_date(self) -> str:
        return self._recorder.trading_date

    # -- what comes in

    def receive_update(self, update: OrderUpdate) -> None:
        """Take an order update from the broker's stream."""
        self._evidence.update(update)

    def receive_fill(self, fill: Fill) -> None:
        """Take an execution from the broker's stream."""
        self._evidence.fill(fill)

    # -- what is shown

    @property
    def table(self) -> OrderTable:
        return self._recorder.table

    def rows(self) -> tuple[OrderRow, ...]:
        """Give every order of the day, oldest first, ours and others'."""
        return self.table.rows()

    def row(self, key: str) -> OrderRow | None:
        line = self.table.line(key)
        return line.row if line is not None else None

    def op(self, op_id: str) -> OpView | None:
        """Give a request by its draft's id."""
        op = self.table.op(op_id)
        return op.view if op is not None else None

    def on_change(
        self, listener: Callable[[str, OrderRow | None, OrderRow | None], None]
    ) -> Callable[[], None]:
        """Be told (key, old row, new row) of each change; None: not there. Call to stop."""
        return self._recorder.changed.add(listener)

    def on_alarm(self, listener: Callable[[Alarm], None]) -> Callable[[], None]:
        """Be told of contradictions; call what comes back to stop."""
        return self._recorder.alarms.add(listener)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """All alarms of this run, oldest first, for whoever was not there to be told."""
        return tuple(self._recorder.raised)

    def on_fill(self, listener: Callable[[Fill], None]) -> Callable[[], None]:
        """Be told of each execution once, ours or not; call what comes back to stop."""
        return self._fills.add(listener)

    def on_unmatched(self, ask: Callable[[], None]) -> None:
        """Have `ask` called when an execution belongs to no known order: read the book."""
        self._evidence.on_unmatched = ask

    @property
    def halt_reason(self) -> str:
        """Why trading is halted; empty when it is not."""
        return self._recorder.halt_reason

    @property
    def in_flight(self) -> int:
        """How many requests have left, or are about to, and have no fate yet."""
        return sum(op.state in IN_FLIGHT for op in self.table.ops())

    @property
    def uncertain(self) -> int:
        """How many requests have an unknown fate."""
        return self.doubt.count

    # -- what the trader does

    def check(self, draft: Draft) -> tuple[Finding, ...]:
        """Give what the guard says of a draft; nothing is sent or remembered."""
        if isinstance(draft, OrderDraft):
            facts = self._facts(draft.instrument, draft.product, draft.side)
            return check_order(draft, facts, self._sources.limits())
        row = self.row(draft.key)
        if isinstance(draft, CancelDraft) or row is None:
            return check_cancel(row)
        facts = self._facts(row.instrument, row.product, row.side)
        limits = self._sources.limits()
        return check_change(row, draft.to, draft.revision, facts, limits)

    async def place(self, draft: OrderDraft) -> OpView:
        """Place an order; returns when its fate is known or in doubt.

        The same draft again is the same order. A draft the guard stops comes back DENIED, one with
        open questions DRAFT; neither is used up.
        """
        return await self._submit(draft, OpKind.PLACE)

    async def change(self, draft: ChangeDraft) -> OpView:
        """Change a working order; as `place`."""
        return await self._submit(draft, OpKind.MODIFY)

    async def cancel(self, draft: CancelDraft) -> OpView:
        """Cancel an order, also while trading is halted; as `place`."""
        return await self._submit(draft, OpKind.CANCEL)

    async def cancel_all(self) -> CancelReport:
        """Cancel every working order, those included that a fresh book adds.

        Orders in doubt are cancelled as soon as they are found. Whoever survives is listed.
        """
        asked = self._cancel_known()
        problem = await self._read_book()
        asked += self._cancel_known()
        for op in asked:
            assert op.fate is not None
            await asyncio.shield(op.fate)
        problem = await self._read_book() or problem
        survivors = tuple(Survivor(row=row, why=row.words) for row in self.rows() if row.is_working)
        return CancelReport(asked=len(asked), survivors=survivors, problem=problem)

    async def kill(self) -> CancelReport:
        """Halt at once, then cancel everything."""
        self.halt("kill switch")
        return await self.cancel_all()

    def report(self, key: str, text: str) -> None:
        """Raise an alarm about an order, once."""
        self._recorder.alarm(key, text)

    def halt(self, reason: str) -> None:
        """Stop new orders and changes, also after a restart, until `rearm`."""
        self._recorder.halt(reason)

    def rearm(self) -> None:
        """Allow orders again."""
        self._doomed.clear()
        self._recorder.rearm()

    def settle_by_hand(self, op_id: str, *, broker_id: str = "") -> OpView:
        """Let the trader decide an order in doubt: it is this one, or it does not exist.

        Raises:
            ValueError: the request is not in doubt, or there is no such order.
        """
        op = self.table.op(op_id)
        if op is None or op.state not in (OpState.UNKNOWN, OpState.UNRESOLVED):
            raise ValueError("only a request with an unknown fate can be settled by hand")
        line, found = self.table.line(op.key), self.table.line_of_id(broker_id)
        self._recorder.decided(op, f"is order {broker_id}" if broker_id else "does not exist")
        if not broker_id:
            self._recorder.move(op, OpEvent.PRESUME_ABSENT, text="settled by hand")
        elif line is None or found is None or not self._evidence.bind(line, broker_id):
            raise ValueError(f"the broker shows no free order {broker_id}")
        else:
            self._evidence.settle(line)
            self._recorder.redraw(line)
        return op.view

    # -- leaving positions

    def exit_plan(self, key: str) -> ExitPlan:
        """Plan how to close one position: never more than is open and not being closed."""
        position = self.portfolio.position(key)
        if position is None:
            return ExitPlan(problems=("there is no such position",))
        sources, account = self._sources, self.account.name
        market = Market(
            instrument=lambda p: sources.directory.instrument(p.instrument),
            quote=lambda p: sources.hub.quote(p.instrument),
            pending_qty=lambda p, side: self.table.pending_qty(p.instrument, p.product, side),
            protect_percent=sources.limits().protect_percent,
            account=account,
        )
        return plan_exit(position, market)

    def exit_all_plan(self) -> ExitPlan:
        """Plan how to close every open position."""
        plans = [self.exit_plan(row.key) for row in self.portfolio.positions() if row.is_open]
        return ExitPlan(
            drafts=tuple(draft for plan in plans for draft in plan.drafts),
            problems=tuple(problem for plan in plans for problem in plan.problems),
        )

    def protected_price(self, instrument: InstrumentId, side: Side) -> int | None:
        """Give the worst price of an order that should fill at once; None: no price is known."""
        known = self._sources.directory.instrument(instrument)
        if known is None:
            return None
        percent = self._sources.limits().protect_percent
        return protected_price(side, self._sources.hub.quote(instrument), known.tick_e4, percent)

    # -- inside

    async def _submit(self, draft: Draft, kind: OpKind) -> OpView:
        op = self.table.op(draft.draft_id)
        if op is None:
            findings = self.check(draft)
            stopped = self._stopped(draft, kind, findings)
            if stopped is not None:
                return stopped
            op = self._begin(draft, kind)
        if op.fate is None:
            return op.view
        return await asyncio.shield(op.fate)

    def _stopped(self, draft: Draft, kind: OpKind, findings: tuple[Finding, ...]) -> OpView | None:
        """Give the view of a draft that may not leave, or not yet."""
        confirmed = frozenset[str]() if isinstance(draft, CancelDraft) else draft.confirmed
        if draft.account != self.account.name:
            state, text = OpState.DENIED, f"this order is for {draft.account}"
        elif kind is not OpKind.CANCEL and self.account.problem:
            state, text = OpState.DENIED, self.account.problem
        elif is_blocked(findings):
            state = OpState.DENIED
            text = next(finding.text for finding in findings if finding.level > 2)
        elif questions(findings, confirmed):
            state, text = OpState.DRAFT, ""
        else:
            return None
        key = "" if isinstance(draft, OrderDraft) else draft.key
        return OpView(
            op_id=draft.draft_id, kind=kind, state=state, key=key, text=text, findings=findings
        )

    def _begin(self, draft: Draft, kind: OpKind) -> Op:
        tag = self._tags.next()
        key = tag if isinstance(draft, OrderDraft) else draft.key
        op = Op(draft.draft_id, kind, key, tag, self._timer.now_ns())
        body: object
        if isinstance(draft, OrderDraft):
            op.draft = draft
            body = op.intent = draft.intent(tag)
        else:
            line = self.table.line(draft.key)
            assert line is not None
            if isinstance(draft, ChangeDraft):
                body = op.change = ChangeBody(ref=line.ref(), to=draft.to, base=_base_of(line))
            else:
                body = op.ref = line.ref()
        self._sender.begin(op, body)
        return op

    def _cancel_known(self) -> list[Op]:
        """Start cancelling what works and has a number; remember what has none yet."""
        begun = []
        for row in self.rows():
            if not row.is_working:
                continue
            if row.broker_id:
                begun += self._cancel_now(row.key)
            else:
                self._doomed.add(row.key)
        return begun

    def _cancel_now(self, key: str) -> list[Op]:
        if check_cancel(self.row(key)) or self._recorder.broker is None:
            return []
        line = self.table.line(key)
        pending = line.pending if line is not None else None
        if pending is not None and pending.kind is OpKind.CANCEL and pending.acked_mono:
            # Accepted a moment ago; its effect is on its way.
            return []
        return [self._begin(CancelDraft(account=self.account.name, key=key), OpKind.CANCEL)]

    def _cancel_if_doomed(self, key: str, _old: OrderRow | None, new: OrderRow | None) -> None:
        if key not in self._doomed or new is None:
            return
        if new.is_working and new.broker_id:
            self._doomed.discard(key)
            self._cancel_now(key)
        elif not new.is_working:
            self._doomed.discard(key)

    async def _read_book(self) -> str:
        try:
            await self.books.orders()
        except BrokerError as error:
            return f"the order book could not be read: {error}"
        return ""

    def _count_fill(self, fill: Fill, is_old: bool) -> None:  # noqa: FBT001  # a callback's shape
        is_new = self.portfolio.receive_fill(fill, is_old=is_old)
        if is_new and self._recorder.is_recording:
            self._fills.tell(fill)

    def _carries_tag(self) -> bool:
        broker = self._recorder.broker
        return broker is None or broker.capabilities.carries_tag

    def _facts(self, instrument: InstrumentId, product: Product, side: Side) -> Facts:
        sources, account, portfolio = self._sources, self.account, self.portfolio
        known = sources.directory.instrument(instrument)
        broker, now_ns = self._recorder.broker, self._timer.now_ns()
        problem = account.problem or ("" if broker else "the account is not connected")
        return Facts(
            account=account.name,
            problem=problem,
            cautions=account.cautions,
            capabilities=broker.capabilities if broker else None,
            instrument=known,
            quote=sources.hub.quote(instrument),
            freshness=sources.hub.freshness(instrument, now_ns),
            age_ms=sources.hub.age_ms(instrument, now_ns),
            phase=sources.phase(known) if known else MarketPhase.UNKNOWN,
            today=ist_date(now_ns),
            net_qty=portfolio.net_qty(instrument, product),
            pending_exit_qty=self.table.pending_qty(instrument, product, side),
            holding_qty=portfolio.holding_qty(instrument),
            available_paise=self._available_paise(known),
            day_paise=portfolio.totals().day_paise if portfolio.is_known else None,
            open_orders=self.table.count_working(),
            recent=self._recent(),
        )

    def _available_paise(self, instrument: Instrument | None) -> int | None:
        funds = self.portfolio.funds
        if funds is None or instrument is None:
            return None
        is_commodity = instrument.segment is Segment.COM
        return (funds.commodity if is_commodity else funds.equity).available_paise

    def _recent(self) -> tuple[Recent, ...]:
        now = self._timer.monotonic_ns()
        aged = (
            (op, (now - op.created_mono) // 1_000_000)
            for op in self.table.ops()
            if op.draft is not None and op.state not in _NEVER_LEFT
        )
        return tuple(
            Recent(draft=op.draft, age_ms=age_ms)
            for op, age_ms in aged
            if op.draft is not None and age_ms < _MINUTE_MS
        )


def _base_of(line: Line) -> tuple[int, str, int, int]:
    shape = line.proven.latest or (line.op.intent if line.op else None)
    assert shape is not None
    return shape_of(shape)
