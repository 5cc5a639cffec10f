"""Moves requests along their table: each step into the journal, then onto the screen.

It also holds the two things that stop the desk: alarms, and the halt that outlives the program.
"""

from typing import Final

import msgspec

from brokers.model.order import Fill, OpState, OrderUpdate
from brokers.port import Broker
from desktop.trading.accounts import AccountState, Block
from desktop.trading.clock import ist_date
from desktop.trading.journal import HALT, REARM, Journal
from desktop.trading.journal_file import Event, FillEntry, OpStep
from desktop.trading.listeners import Listeners
from desktop.trading.order_table import IN_FLIGHT, Line, Op, OrderTable
from desktop.trading.rows import Alarm, OrderRow
from desktop.trading.seams import Seams
from desktop.trading.transitions import (
    OP_ALARMS,
    IllegalTransition,
    OpEvent,
    next_op_state,
)

_LONGEST_TEXT: Final = 300


class Recorder:
    """What every part of the order desk shares."""

    def __init__(self, account: AccountState, journal: Journal, seams: Seams) -> None:
        self.account = account
        self.journal = journal
        self.seams = seams
        self.table = OrderTable()
        self.changed: Listeners[[str, OrderRow | None, OrderRow | None]] = Listeners()
        self.alarms: Listeners[[Alarm]] = Listeners()
        self.doubts: Listeners[[Op]] = Listeners()
        """Told of each request whose fate has become unknown."""
        self.broker: Broker | None = None
        self.halt_reason = ""
        self.is_recording = True
        self.raised: list[Alarm] = []
        self._known: set[tuple[str, str]] = set()
        self.close = journal.failures.add(self._journal_failed)
        """Stop listening to the journal; the desk is done."""

    @property
    def trading_date(self) -> str:
        return ist_date(self.seams.timer.now_ns()).isoformat()

    def move(
        self, op: Op, event: OpEvent, *, text: str = "", code: str = "", is_new: bool = True
    ) -> None:
        """Take a request one step further.

        Args:
            op: the request.
            event: what happened to it.
            text: why, in the broker's words or ours.
            code: the broker's code.
            is_new: whether the step still has to be recorded.
        """
        was = op.state
        try:
            now = next_op_state(was, event)
        except IllegalTransition as error:
            self.halt(str(error))
            return
        alarm = OP_ALARMS.get((was, event))
        if now is not was:
            op.state, op.text, op.code = now, plain(text), plain(code)
            if is_new and op.is_recorded and self.is_recording:
                self.journal.step(self.step(op, was))
        if alarm is not None:
            self.alarm(op.key, f"{alarm} {plain(text)}".rstrip())
        line = self.table.line(op.key)
        if line is not None:
            self.redraw(line)
        if op.state not in IN_FLIGHT and op.fate is not None and not op.fate.done():
            op.fate.set_result(op.view)
        if now is OpState.UNKNOWN and was is not now:
            self.doubts.tell(op)

    def step(self, op: Op, was: OpState, now: OpState | None = None) -> OpStep:
        """Write a step as the journal keeps it."""
        return OpStep(
            op_id=op.op_id,
            account=self.account.journal_name,
            order_key=op.key,
            was=was,
            now=now or op.state,
            at_ns=self.seams.timer.now_ns(),
            trading_date=self.trading_date,
            code=op.code,
            text=op.text,
            ack_id=op.broker_id,
        )

    def redraw(self, line: Line) -> None:
        """Make a line's row anew and tell if it looks different."""
        old, new = self.table.redraw(line)
        if old != new:
            self.changed.tell(line.key, old, new)

    def remove(self, line: Line) -> None:
        self.table.remove(line)
        self.changed.tell(line.key, line.row, None)

    def evidence(self, line_key: str, told: OrderUpdate | Fill, source: str) -> None:
        """Keep what a broker said, word for word."""
        if not self.is_recording:
            return
        fill = None
        broker_ns = told.at_ns if isinstance(told, Fill) else told.updated_ns
        if isinstance(told, Fill):
            fill = FillEntry(
                broker=self.account.broker,
                trade_id=told.trade_id,
                instrument=told.instrument,
                side=told.side,
                quantity=told.quantity,
                price_e4=told.price_e4,
                at_ns=told.at_ns,
            )
        body = msgspec.json.encode(told, order="sorted").decode()
        self.journal.event(self._event(source, body, line_key, broker_ns), fill)

    def alarm(self, key: str, text: str, *, halts: bool = False) -> None:
        """Tell the trader of a contradiction, once; a grave one stops trading."""
        if halts:
            self._halt(text)
        if (key, text) in self._known:
            return
        self._known.add((key, text))
        line = self.table.line(key)
        if line is not None:
            line.alarm = text
            self.redraw(line)
        if self.is_recording:
            self.journal.event(self._event("alarm", text, key))
            now_ns = self.seams.timer.now_ns()
            self.raised.append(Alarm(key=key, text=text, at_ns=now_ns, has_halted=halts))
            self.alarms.tell(self.raised[-1])

    def halt(self, reason: str) -> None:
        """Stop new orders and changes at once, and until a person lifts it."""
        self.alarm("", reason, halts=True)

    def _halt(self, reason: str) -> None:
        if self.halt_reason:
            return
        self.halt_reason = reason
        self.account.block(Block.HALT, f"trading is halted: {reason}")
        if self.is_recording:
            self.journal.event(self._event(HALT, reason))

    def restore_halt(self, reason: str) -> None:
        """Take up a halt that an earlier run left standing."""
        self.halt_reason = reason
        self.account.block(Block.HALT, f"trading is halted: {reason}")

    def rearm(self) -> None:
        """Lift the halt; a person decided so."""
        self.halt_reason = ""
        self._known = {each for each in self._known if each[0]}
        self.account.clear(Block.HALT)
        self.journal.event(self._event(REARM, ""))

    def decided(self, op: Op, what: str) -> None:
        """Keep a decision of the trader about a request."""
        self.journal.event(self._event("trader", what, op.key, op_id=op.op_id))

    def _event(
        self, source: str, body: str, key: str = "", broker_ns: int | None = None, op_id: str = ""
    ) -> Event:
        return Event(
            account=self.account.journal_name,
            source=source,
            body=body,
            at_ns=self.seams.timer.now_ns(),
            trading_date=self.trading_date,
            order_key=key,
            op_id=op_id,
            broker_ns=broker_ns,
        )

    def _journal_failed(self, why: str) -> None:
        self.halt(f"the order journal failed: {why}")


def plain(text: str) -> str:
    """Make a broker's words plain: one line, short, no control or direction marks."""
    kept = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(kept.split())[:_LONGEST_TEXT]
