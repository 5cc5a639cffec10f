"""What a broker says of orders, matched to ours: by tag, by number, or else by shape.

Nothing is dropped: what cannot be matched while a request of ours is in flight is held for a
minute, and is then shown as an order that is not ours.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from brokers.model.order import Fill, OpKind, OpState, OrderState, OrderUpdate
from desktop.trading.journal_file import StoredEvent
from desktop.trading.order_table import (
    UNTAGGED,
    Line,
    Op,
    is_same_shape,
    order_verdict,
    shape_of,
)
from desktop.trading.recorder import Recorder
from desktop.trading.transitions import OpEvent, apply_fill, apply_update

HELD_S: Final = 60
_SECOND_NS: Final = 1_000_000_000
# A broker's book may lag its own stream; evidence younger than this is not overruled by a read.
_LAG_NS: Final = 2 * _SECOND_NS
_WINDOW_NS: Final = 5 * _SECOND_NS
_ECHO_NS: Final = 5 * _SECOND_NS
STREAM, BOOK = "stream", "book"
_SOURCES: Final = frozenset({STREAM, BOOK})
_FILL: Final = "fill"
# Some venues number an order before their risk desk refuses it: "on its way" proves nothing yet.
_MAY_STILL_BE_REFUSED: Final = frozenset({OpState.SENDING, OpState.REJECTED})


class Evidence:
    """Folds order updates and executions into the table."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        on_fill: Callable[[Fill, bool], None],
        carries_tag: Callable[[], bool],
    ) -> None:
        self.on_unmatched: Callable[[], None] = lambda: None
        """Asked when an execution of an unknown order came: read the book."""
        self._recorder = recorder
        self._table = recorder.table
        self._on_fill = on_fill
        self._carries_tag = carries_tag
        self._held: dict[str, list[OrderUpdate | Fill]] = {}

    # -- in

    def update(self, update: OrderUpdate) -> None:
        """Take one order update from the stream."""
        line = self._line_of(update)
        if line is None and self._is_perhaps_ours(update):
            self._hold(update)
            return
        self._apply(line or self._external(update), update, STREAM)

    def fill(self, fill: Fill, *, is_old: bool = False) -> None:
        """Take one execution, from the stream or (then it is old) from the trade book."""
        self._on_fill(fill, is_old)
        line = self._table.line_of_tag(fill.tag) or self._table.line_of_id(fill.broker_id)
        if line is not None:
            self._apply_fill(line, fill)
            return
        is_new = fill.broker_id not in self._held
        self._hold(fill)
        if is_new:
            self.on_unmatched()

    def book(self, updates: Sequence[OrderUpdate], *, began_mono: int) -> None:
        """Take a complete order book whose reading began at `began_mono`."""
        self._refuse_twins(updates)
        unmatched = []
        for update in updates:
            line = self._line_of(update)
            if line is None:
                unmatched.append(update)
            else:
                is_newer = began_mono - _LAG_NS > line.heard_mono
                self._apply(line, update, BOOK, is_newer=is_newer)
        self._match_shapes(unmatched)
        for update in unmatched:
            line = self._line_of(update)
            if line is None and self._may_be_answered(update):
                self._hold(update)
            else:
                self._apply(line or self._external(update), update, BOOK)
        self._mark_missing({update.broker_id for update in updates}, began_mono)

    def found(self, updates: Sequence[OrderUpdate]) -> None:
        """Take some orders of a book, such as those with one tag."""
        for update in updates:
            line = self._line_of(update)
            self._apply(line or self._external(update), update, BOOK)

    def has_stray_fill(self, op: Op) -> bool:
        """Tell whether an execution nobody claims could be this request's."""
        intent = op.intent
        return intent is not None and any(
            isinstance(told, Fill)
            and (told.instrument, told.side) == (intent.instrument, intent.side)
            for held in self._held.values()
            for told in held
        )

    def restore(self, events: Iterable[StoredEvent]) -> None:
        """Take up the day's evidence from the journal; it is matched anew."""
        for event in events:
            # A shape that an older program wrote is passed over: the broker's books tell.
            with contextlib.suppress(msgspec.MsgspecError):
                self._restore(event)
        for line in self._table:
            # What is remembered is older than anything that will be read now.
            line.heard_mono = 0

    def _restore(self, event: StoredEvent) -> None:
        if event.source in _SOURCES:
            update = msgspec.json.decode(event.body, type=OrderUpdate)
            line = self._line_of(update)
            self._apply(line or self._external(update), update, event.source)
        elif event.source == _FILL:
            self.fill(msgspec.json.decode(event.body, type=Fill), is_old=True)

    def bind(self, line: Line, broker_id: str) -> bool:
        """Take a number from a reply; False if it contradicts what the broker showed."""
        before = self._table.line_of_id(broker_id)
        if before is not None and before is not line and before.is_ours:
            return False
        if line.broker_id and line.broker_id != broker_id:
            return False
        self._adopt(line, broker_id)
        self._release(line, broker_id)
        return True

    # -- matching

    def _line_of(self, update: OrderUpdate) -> Line | None:
        tagged = self._table.line_of_tag(update.tag)
        known = self._table.line_of_id(update.broker_id)
        if tagged is None or tagged is known:
            return known
        if not _agrees(tagged, update):
            text = "the broker shows our tag on a different order"
            self._recorder.alarm(tagged.key, text, halts=True)
            return known
        if known is not None and known.is_ours:
            text = f"number {update.broker_id} was given to two orders of ours"
            self._recorder.alarm(tagged.key, text, halts=True)
        self._adopt(tagged, update.broker_id)
        return tagged

    def _adopt(self, line: Line, broker_id: str) -> None:
        """Give a line a number; an order shown as not ours until now becomes part of it."""
        before = self._table.bind(line, broker_id)
        if before is None or before.is_ours:
            return
        line.proven, line.told, line.heard_mono = before.proven, before.told, before.heard_mono
        self._recorder.remove(before)
        self._table.bind(line, broker_id)

    def _is_perhaps_ours(self, update: OrderUpdate) -> bool:
        return not update.tag and bool(self._table.could_be(update))

    def _may_be_answered(self, update: OrderUpdate) -> bool:
        """Tell whether a reply that is still on its way may name this order."""
        candidates = self._table.could_be(update) if not update.tag else []
        return any(op.state is OpState.SENDING for op in candidates)

    def _match_shapes(self, unmatched: Sequence[OrderUpdate]) -> None:
        """Find orders that carry no tag: only where exactly one fits, and fits only one."""
        ops = [op for op in self._table.unbound() if op.state is OpState.UNKNOWN]
        ops = [op for op in ops if self.is_untagged(op)]
        fits = {op.op_id: [u for u in unmatched if self._fits(op, u)] for op in ops}
        for op in ops:
            found = fits[op.op_id]
            rivals = [o for o in ops if o is not op and set(fits[o.op_id]) & set(found)]
            if len(found) == 1 and not rivals:
                line = self._table.line(op.key)
                assert line is not None
                self._adopt(line, found[0].broker_id)
            elif found:
                text = f"{len(found)} orders at the broker could be this one: choose"
                self._recorder.alarm(op.key, text)

    def is_untagged(self, op: Op) -> bool:
        """Tell whether the broker cannot carry this request's tag."""
        return not self._carries_tag() or (op.intent is not None and op.intent.product in UNTAGGED)

    def _fits(self, op: Op, update: OrderUpdate) -> bool:
        if update.tag or op.intent is None or not is_same_shape(op.intent, update):
            return False
        if update.placed_ns is None or op.sent_ns is None or op.deadline_ns is None:
            return True
        account = self._recorder.account
        # A practice account's own clock is the exchange's already.
        offset_ns = (account.clock_offset_ns or 0) if account.is_live else 0
        placed_ns = update.placed_ns - offset_ns
        return op.sent_ns - _WINDOW_NS <= placed_ns <= op.deadline_ns + _WINDOW_NS

    def _external(self, update: OrderUpdate) -> Line:
        return self._table.add_external(update.broker_id)

    # -- applying

    def _apply(
        self, line: Line, update: OrderUpdate, source: str, *, is_newer: bool = False
    ) -> None:
        recorder = self._recorder
        recorder.seams.killpoint("before_event")
        before = line.proven.latest
        step = apply_update(line.proven, update, is_newer=is_newer)
        if step.is_news or update not in line.told:
            recorder.evidence(line.key, update, source)
        line.told.add(update)
        line.proven = step.proven
        line.heard_mono = recorder.seams.timer.monotonic_ns()
        line.is_echoed |= source == STREAM
        line.is_missing = False
        latest = line.proven.latest
        if before is not None and latest is not None and shape_of(before) != shape_of(latest):
            line.revision += 1
        for text in step.alarms:
            recorder.alarm(line.key, text)
        if line.is_ours and latest is update and update.state is OrderState.UNMAPPED:
            text = f"the broker reports a state we do not know ({update.text})"
            recorder.alarm(line.key, text, halts=True)
        self.settle(line)
        recorder.redraw(line)
        recorder.seams.killpoint("after_event")
        self._release(line, update.broker_id)

    def _apply_fill(self, line: Line, fill: Fill) -> None:
        step = apply_fill(line.proven, fill)
        if step.is_news or step.alarms:
            self._recorder.evidence(line.key, fill, _FILL)
        line.proven = step.proven
        line.heard_mono = self._recorder.seams.timer.monotonic_ns()
        for text in step.alarms:
            self._recorder.alarm(line.key, text)
        self.settle(line)
        self._recorder.redraw(line)

    def settle(self, line: Line) -> None:
        """Let the evidence decide requests whose fate it proves."""
        self._settle_place(line)
        for op in line.ops:
            verdict = order_verdict(op, line.proven)
            if verdict is None:
                continue
            if op.state in (OpState.SENDING, OpState.UNKNOWN):
                event = OpEvent.FIND if verdict else OpEvent.FIND_REFUSED
                over = f"the order is {line.proven.state}" if not verdict else ""
                self._recorder.move(op, event, text=over)
            elif op.state is OpState.ABSENT_PRESUMED and verdict and _is_newest(line, op):
                self._recorder.move(op, OpEvent.FIND)

    def _settle_place(self, line: Line) -> None:
        op, proven = line.op, line.proven
        if op is None or op.state is OpState.ACKED or proven.state is None:
            return
        if proven.state is OrderState.PENDING_NEW and op.state in _MAY_STILL_BE_REFUSED:
            return
        op.broker_id = line.broker_id
        if proven.state is not OrderState.REJECTED:
            self._recorder.move(op, OpEvent.FIND)
        elif op.state is not OpState.REJECTED:
            text = proven.latest.text if proven.latest is not None else ""
            self._recorder.move(op, OpEvent.FIND_REFUSED, text=text)

    def _refuse_twins(self, updates: Sequence[OrderUpdate]) -> None:
        seen: dict[str, str] = {}
        for update in updates:
            line = self._table.line_of_tag(update.tag)
            if line is None:
                continue
            other = seen.setdefault(update.tag, update.broker_id)
            if other != update.broker_id:
                text = f"the broker shows two orders with our tag: {other}, {update.broker_id}"
                self._recorder.alarm(line.key, text, halts=True)

    def _mark_missing(self, listed: set[str], began_mono: int) -> None:
        for line in self._table:
            if not line.broker_id or line.broker_id in listed or line.is_missing:
                continue
            heard = max(line.heard_mono, (line.op.acked_mono or 0) if line.op else 0)
            is_old = began_mono - _ECHO_NS > heard
            if is_old and line.row is not None and line.row.is_working:
                line.is_missing = True
                self._recorder.alarm(line.key, "the broker's book does not list this order")
                self._recorder.redraw(line)

    # -- holding

    def _hold(self, told: OrderUpdate | Fill) -> None:
        held = self._held.get(told.broker_id)
        if held is None:
            held = self._held[told.broker_id] = []
            self._recorder.seams.timer.call_later(HELD_S, lambda: self._expire(told.broker_id))
        if told not in held:
            held.append(told)
            source = _FILL if isinstance(told, Fill) else STREAM
            self._recorder.evidence(f"held:{told.broker_id}", told, source)

    def _release(self, line: Line, broker_id: str) -> None:
        for told in self._held.pop(broker_id, ()):
            if isinstance(told, Fill):
                self._apply_fill(line, told)
            else:
                self._apply(line, told, STREAM)

    def _expire(self, broker_id: str) -> None:
        updates = [u for u in self._held.get(broker_id, ()) if isinstance(u, OrderUpdate)]
        if updates:
            self._release(self._external(updates[0]), broker_id)
        elif self._held.pop(broker_id, None):
            text = f"an execution belongs to order {broker_id}, which the broker does not list"
            self._recorder.alarm("", text)


def _is_newest(line: Line, op: Op) -> bool:
    """Tell whether no later request of the same kind explains the effect better."""
    return [each for each in line.ops if each.kind is op.kind][-1] is op


def _agrees(line: Line, update: OrderUpdate) -> bool:
    """Tell whether an order with our tag is the one we asked for."""
    intent = line.op.intent if line.op is not None else None
    if intent is None:
        return False
    if (intent.instrument, intent.side) != (update.instrument, update.side):
        return False
    was_changed = line.proven.latest is not None or any(op.kind is OpKind.MODIFY for op in line.ops)
    return was_changed or intent.quantity == update.quantity
