"""The start after a crash, which is every start: what the journal holds becomes the table again."""

import msgspec

from brokers.model.order import OpKind, OpState, OrderIntent, OrderRef
from desktop.trading.evidence import Evidence
from desktop.trading.journal import Replay
from desktop.trading.journal_file import StoredOp
from desktop.trading.order_table import ChangeBody, Op
from desktop.trading.recorder import Recorder
from desktop.trading.transitions import OpEvent


def revive(recorder: Recorder, evidence: Evidence, replay: Replay) -> None:
    """Take up the day where it was left.

    An intent that nobody claimed was never sent. A request that was being sent is in doubt. A
    request of an earlier day in doubt is unresolved: only the contract note can tell.
    """
    ops = [op for op in map(_op_of, replay.ops) if op is not None]
    recorder.is_recording = False
    for op, stored in ops:
        if op.kind is not OpKind.PLACE and recorder.table.line(op.key) is None:
            external = op.ref or (op.change.ref if op.change else None)
            if external is not None:
                recorder.table.add_external(external.broker_id)
        if op.kind is OpKind.PLACE or recorder.table.line(op.key) is not None:
            line = recorder.table.add(op)
            if op.kind is OpKind.PLACE:
                evidence.bind(line, stored.ack_id)
            recorder.redraw(line)
    evidence.restore(replay.events)
    recorder.is_recording = True
    if replay.halt:
        recorder.restore_halt(replay.halt)
    for op, stored in ops:
        _close_or_doubt(recorder, op, stored)


def _close_or_doubt(recorder: Recorder, op: Op, stored: StoredOp) -> None:
    is_old = stored.trading_date != recorder.trading_date
    if op.state is not stored.state:
        # The evidence was recorded and what it proves was not.
        recorder.journal.step(recorder.step(op, stored.state))
    if op.state is OpState.INTENT:
        text = "the program ended before it was sent"
        recorder.move(op, OpEvent.ABANDON, text=text)
    elif op.state is OpState.SENDING:
        recorder.move(op, OpEvent.DOUBT, text="the program ended before the answer")
    elif op.state is OpState.UNKNOWN and not is_old:
        recorder.doubts.tell(op)
    if op.state is OpState.UNKNOWN and is_old:
        recorder.move(op, OpEvent.END_DAY)


def _op_of(stored: StoredOp) -> tuple[Op, StoredOp] | None:
    op = Op(stored.op_id, stored.kind, stored.order_key, stored.tag, stored.created_ns)
    op.state, op.text, op.code = stored.state, stored.text, stored.code
    op.broker_id, op.is_recorded = stored.ack_id, True
    op.sent_ns, op.deadline_ns = stored.created_ns, stored.deadline_ns
    try:
        if op.kind is OpKind.PLACE:
            op.intent = msgspec.json.decode(stored.body, type=OrderIntent)
        elif op.kind is OpKind.MODIFY:
            op.change = msgspec.json.decode(stored.body, type=ChangeBody)
        else:
            op.ref = msgspec.json.decode(stored.body, type=OrderRef)
    except msgspec.MsgspecError:
        # Written by an older program in a shape this one does not read: the broker's book tells.
        return None
    return op, stored
