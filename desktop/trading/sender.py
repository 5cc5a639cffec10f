"""The one way to the wire: intent durable, claimed once, one request, and its answer's meaning.

A request is sent at most once, whatever happens. Nobody who waits for it can stop it half-way:
it runs as its own task, and only the end of the program can interrupt it, which leaves it UNKNOWN.
"""

import asyncio
from typing import Final

import msgspec

from brokers.errors import (
    LoginExpired,
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from brokers.model.order import OpKind, OpState, OrderAck
from desktop.trading.accounts import Block
from desktop.trading.evidence import Evidence
from desktop.trading.journal_file import DraftTaken, JournalError, OpEntry
from desktop.trading.order_table import IN_FLIGHT, Op
from desktop.trading.recorder import Recorder, plain
from desktop.trading.transitions import OpEvent

SEND_S: Final = 10
"""By this long after it left, the broker has a request or never gets it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt proved."""

    event: OpEvent
    text: str = ""
    code: str = ""
    broker_id: str = ""
    is_rate: bool = False
    """Refused for haste: shown as refused only after one look by tag."""


def classify(error: BaseException) -> Answer:
    """Give what a failed attempt proves; whatever is not known to be proof is doubt."""
    if isinstance(error, NotSent):
        return Answer(event=OpEvent.NOT_SENT, text=str(error))
    if isinstance(error, RateLimited):
        return Answer(event=OpEvent.DOUBT, text=error.text, code=error.code, is_rate=True)
    if isinstance(error, Refused):
        broker_id = error.broker_id if isinstance(error, OrderRefused) else ""
        text = error.text or "refused without a reason"
        return Answer(event=OpEvent.REFUSE, text=text, code=error.code, broker_id=broker_id)
    if isinstance(error, OutcomeUnknown):
        return Answer(event=OpEvent.DOUBT, text=str(error))
    if isinstance(error, asyncio.CancelledError):
        return Answer(event=OpEvent.DOUBT, text="interrupted before the answer")
    return Answer(event=OpEvent.DOUBT, text=f"the answer was not understood ({_kind(error)})")


def _kind(error: BaseException) -> str:
    return type(error).__name__


class Sender:
    """Sends requests, each in its own task."""

    def __init__(self, recorder: Recorder, evidence: Evidence) -> None:
        self._recorder = recorder
        self._evidence = evidence
        self._table = recorder.table

    def begin(self, op: Op, body: object) -> None:
        """Enter a request, show it at once, and start it on its way."""
        recorder = self._recorder
        op.fate = asyncio.get_running_loop().create_future()
        op.created_mono = recorder.seams.timer.monotonic_ns()
        line = self._table.add(op)
        recorder.redraw(line)
        entry = OpEntry(
            op_id=op.op_id,
            tag=op.tag,
            broker=recorder.account.broker,
            account=recorder.account.journal_name,
            kind=op.kind,
            order_key=op.key,
            body=msgspec.json.encode(body, order="sorted").decode(),
            created_ns=op.created_ns,
            trading_date=recorder.trading_date,
            parent_op=line.op.op_id if line.op is not None and line.op is not op else "",
        )
        recorder.seams.spawn(self._run(op, entry), owner="orders")

    async def _run(self, op: Op, entry: OpEntry) -> None:
        try:
            if await self._is_admitted(op, entry):
                await self._send(op)
        except Exception as error:
            self._recorder.halt(f"sending an order failed ({_kind(error)})")
            raise
        finally:
            self._leave_nobody_waiting(op)

    async def _is_admitted(self, op: Op, entry: OpEntry) -> bool:
        """Make the intent durable and claim it; only then may it be sent."""
        recorder, kill = self._recorder, self._recorder.seams.killpoint
        kill("before_intent")
        try:
            await recorder.journal.intent(entry)
        except DraftTaken as error:
            recorder.move(op, OpEvent.DENY, text=str(error))
            return False
        except JournalError as error:
            recorder.move(op, OpEvent.DENY, text=str(error))
            recorder.halt(f"the order journal failed: {error}")
            return False
        op.is_recorded = True
        recorder.move(op, OpEvent.COMMIT, is_new=False)
        kill("after_intent")
        stopped = self._stopped(op)
        if stopped:
            recorder.move(op, OpEvent.ABANDON, text=stopped)
            return False
        if not await self._is_claimed(op):
            return False
        recorder.move(op, OpEvent.CLAIM, is_new=False)
        kill("after_claim")
        return True

    def _stopped(self, op: Op) -> str:
        """Say why a recorded request must not leave after all."""
        if self._recorder.broker is None:
            return "the account is not connected"
        return "" if op.kind is OpKind.CANCEL else self._recorder.halt_reason

    async def _is_claimed(self, op: Op) -> bool:
        recorder, timer = self._recorder, self._recorder.seams.timer
        op.sent_ns = timer.now_ns()
        op.deadline_ns = op.sent_ns + SEND_S * 1_000_000_000
        step = recorder.step(op, OpState.INTENT, OpState.SENDING)
        try:
            is_mine = await recorder.journal.claim(
                step, started_mono=timer.monotonic_ns(), deadline_ns=op.deadline_ns
            )
            why = "" if is_mine else "another sender had it"
        except JournalError as error:
            is_mine, why = False, str(error)
        if not is_mine:
            # Whatever the row says now, this sender has not sent: the next start settles the row.
            recorder.move(op, OpEvent.ABANDON, text=why, is_new=False)
            recorder.halt(f"the order journal failed: {why}")
        return is_mine

    async def _send(self, op: Op) -> None:
        """Make the one attempt, and let its answer decide."""
        try:
            ack = await self._attempt(op)
        except BaseException as error:
            self._answered(op, classify(error))
            if not isinstance(error, Exception):
                raise
            if isinstance(error, LoginExpired):
                self._recorder.account.block(Block.LOGIN, f"log in again: {plain(error.text)}")
            return
        self._recorder.seams.killpoint("after_reply")
        self._answered(op, self._acknowledged(op, ack))

    async def _attempt(self, op: Op) -> OrderAck:
        broker = self._recorder.broker
        if broker is None:
            raise NotSent("the account is not connected")
        if op.kind is OpKind.PLACE and op.intent is not None:
            return await broker.place(op.intent)
        if op.kind is OpKind.MODIFY and op.change is not None:
            return await broker.change(op.change.ref, op.change.to)
        assert op.ref is not None
        return await broker.cancel(op.ref)

    def _acknowledged(self, op: Op, ack: OrderAck) -> Answer:
        """Check that the reply is about this request."""
        if op.kind is not OpKind.PLACE:
            return Answer(event=OpEvent.ACK, text=ack.text)
        line = self._table.line(op.key)
        assert line is not None
        if not ack.broker_id:
            return Answer(event=OpEvent.DOUBT, text="the broker gave the order no number")
        if not self._evidence.bind(line, ack.broker_id):
            text = "the broker's reply names a different order"
            self._recorder.alarm(op.key, text)
            return Answer(event=OpEvent.DOUBT, text=text)
        return Answer(event=OpEvent.ACK, text=ack.text, broker_id=ack.broker_id)

    def _answered(self, op: Op, answer: Answer) -> None:
        line = self._table.line(op.key)
        assert line is not None
        if answer.broker_id:
            op.broker_id = answer.broker_id
            self._evidence.bind(line, answer.broker_id)
        if answer.is_rate:
            op.refusal = answer.text
        if answer.event is OpEvent.ACK:
            op.acked_mono = self._recorder.seams.timer.monotonic_ns()
        self._recorder.move(op, answer.event, text=answer.text, code=answer.code)
        # What the stream said meanwhile may prove more than the reply did.
        self._evidence.settle(line)

    def _leave_nobody_waiting(self, op: Op) -> None:
        """However this task ended, what it did not send is over, and no one waits for ever."""
        if op.state is OpState.DRAFT:
            self._recorder.move(op, OpEvent.DENY, text="interrupted before it was sent")
        elif op.state is OpState.INTENT:
            # The claim may or may not be on the disk; the next start settles the row.
            self._recorder.move(
                op, OpEvent.ABANDON, text="interrupted before it was sent", is_new=False
            )
        elif op.state is OpState.SENDING:
            self._recorder.move(op, OpEvent.DOUBT, text="interrupted before the answer")
        assert op.state not in IN_FLIGHT
