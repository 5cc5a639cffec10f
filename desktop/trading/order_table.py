"""The orders of one account in memory: requests of ours, proofs of the broker's, and the rows.

An order of ours is known by its tag, which never changes; broker numbers are attributes with a
history. An order that is not ours is known by its number.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

import msgspec

from brokers.model.instrument import InstrumentId
from brokers.model.order import (
    Fill,
    OpKind,
    OpState,
    OrderChange,
    OrderIntent,
    OrderRef,
    OrderState,
    OrderUpdate,
    Product,
    Side,
)
from desktop.trading.drafts import OrderDraft
from desktop.trading.rows import Finding, OpView, OrderRow
from desktop.trading.transitions import NOTHING, Proven

EXTERNAL: Final = "broker:"
Shape = tuple[int, str, int, int]
IN_FLIGHT: Final = frozenset({OpState.DRAFT, OpState.INTENT, OpState.SENDING})
UNTAGGED: Final = frozenset({Product.CO, Product.BO})
"""Products whose orders a broker takes without a tag: they are matched by shape."""


class ChangeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a modify request asked, as the journal keeps it."""

    ref: OrderRef
    to: OrderChange
    base: Shape


class Op:
    """One request of ours and how far it got."""

    def __init__(self, op_id: str, kind: OpKind, key: str, tag: str, created_ns: int) -> None:
        self.op_id = op_id
        self.kind = kind
        self.key = key
        self.tag = tag
        self.created_ns = created_ns
        self.created_mono = 0
        self.state = OpState.DRAFT
        self.intent: OrderIntent | None = None
        self.change: ChangeBody | None = None
        self.ref: OrderRef | None = None
        self.draft: OrderDraft | None = None
        self.text = ""
        self.code = ""
        self.broker_id = ""
        self.sent_ns: int | None = None
        self.deadline_ns: int | None = None
        """Wall time by which the broker must have had it, if it ever gets it."""
        self.acked_mono: int | None = None
        self.refusal = ""
        """The words of a refusal that still has to be verified once by tag."""
        self.is_recorded = False
        self.fate: asyncio.Future[OpView] | None = None

    @property
    def view(self) -> OpView:
        return self.viewed(())

    def viewed(self, findings: tuple[Finding, ...]) -> OpView:
        return OpView(
            op_id=self.op_id,
            kind=self.kind,
            state=self.state,
            key=self.key,
            tag=self.tag,
            broker_id=self.broker_id,
            text=self.text,
            code=self.code,
            created_ns=self.created_ns,
            findings=findings,
        )


class Line:
    """One order: our request if it is ours, what is proven, and the requests about it."""

    def __init__(self, key: str, op: Op | None = None) -> None:
        self.key = key
        self.op = op
        self.ops: list[Op] = []
        """Changes and cancels, oldest first."""
        self.proven: Proven = NOTHING
        self.broker_id = ""
        self.told: set[OrderUpdate] = set()
        """Every different description there has been."""
        self.heard_mono = 0
        self.is_echoed = False
        self.revision = 0
        self.is_missing = False
        self.alarm = ""
        self.row: OrderRow | None = None

    @property
    def is_ours(self) -> bool:
        return self.op is not None

    @property
    def pending(self) -> Op | None:
        """The newest change or cancel that matters to the screen."""
        return self.ops[-1] if self.ops else None

    def ref(self) -> OrderRef:
        """Tell a broker which order is meant."""
        about = self.proven.latest or (self.op.intent if self.op else None)
        assert about is not None
        return OrderRef(
            broker_id=self.broker_id,
            instrument=about.instrument,
            tag=self.op.tag if self.op else about.tag,
        )


class OrderTable:
    """Lines by key, requests by id, and the ways from tags and broker numbers to them."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._ops: dict[str, Op] = {}
        self._by_id: dict[str, str] = {}

    def __iter__(self) -> Iterator[Line]:
        return iter(tuple(self._lines.values()))

    def ops(self) -> tuple[Op, ...]:
        return tuple(self._ops.values())

    def op(self, op_id: str) -> Op | None:
        return self._ops.get(op_id)

    def line(self, key: str) -> Line | None:
        return self._lines.get(key)

    def line_of_id(self, broker_id: str) -> Line | None:
        return self._lines.get(self._by_id.get(broker_id, ""))

    def line_of_tag(self, tag: str) -> Line | None:
        """Give the line of one of our own tags; the key of such a line is its tag."""
        return self._lines.get(tag) if tag else None

    def add(self, op: Op) -> Line:
        """Enter a request; a place makes its line."""
        self._ops[op.op_id] = op
        if op.kind is OpKind.PLACE:
            return self._lines.setdefault(op.key, Line(op.key, op))
        line = self._lines[op.key]
        line.ops.append(op)
        return line

    def add_external(self, broker_id: str) -> Line:
        """Enter an order that is not ours."""
        line = self._lines.setdefault(EXTERNAL + broker_id, Line(EXTERNAL + broker_id))
        self.bind(line, broker_id)
        return line

    def bind(self, line: Line, broker_id: str) -> Line | None:
        """Note that this number means this line; gives the line it meant before, if another."""
        if not broker_id:
            return None
        before = self.line_of_id(broker_id)
        self._by_id[broker_id] = line.key
        line.broker_id = broker_id
        return None if before is line else before

    def remove(self, line: Line) -> None:
        """Take a line out, with its requests and numbers."""
        self._lines.pop(line.key, None)
        for op in (line.op, *line.ops):
            if op is not None:
                self._ops.pop(op.op_id, None)
        self._by_id = {each: key for each, key in self._by_id.items() if key != line.key}

    def unbound(self) -> list[Op]:
        """Give the places that left, or may have, and whose number is not known."""
        lines = (line for line in self._lines.values() if not line.broker_id)
        return [
            line.op
            for line in lines
            if line.op is not None and line.op.state in (OpState.SENDING, OpState.UNKNOWN)
        ]

    def could_be(self, evidence: OrderUpdate | Fill) -> list[Op]:
        """Give the unbound places an untagged piece of evidence may be about."""
        return [
            op
            for op in self.unbound()
            if op.intent is not None
            and (op.intent.instrument, op.intent.side, op.intent.product)
            == (evidence.instrument, evidence.side, evidence.product)
        ]

    def rows(self) -> tuple[OrderRow, ...]:
        return tuple(line.row for line in self._lines.values() if line.row is not None)

    def pending_qty(self, instrument: InstrumentId, product: Product, side: Side) -> int:
        """Give what working orders, uncertain ones included, may still trade on a side."""
        return sum(
            row.remaining_qty
            for row in self.rows()
            if row.instrument == instrument
            and row.side is side
            and row.product is product
            and row.is_working
        )

    def count_working(self) -> int:
        return sum(row.is_working for row in self.rows())

    def redraw(self, line: Line) -> tuple[OrderRow | None, OrderRow | None]:
        """Make the row anew; gives the old one and the new one."""
        old, line.row = line.row, row_of(line)
        return old, line.row


def is_same_shape(intent: OrderIntent, update: OrderUpdate) -> bool:
    """Tell whether an order is what was asked for in all that a broker keeps as it is."""
    return (
        *(intent.instrument, intent.side, intent.quantity, intent.kind, intent.price_e4),
        *(intent.trigger_e4, intent.product),
    ) == (
        *(update.instrument, update.side, update.quantity, update.kind, update.price_e4),
        *(update.trigger_e4, update.product),
    )


def shape_of(order: OrderUpdate | OrderIntent | OrderChange) -> Shape:
    """Give what a change changes."""
    return order.quantity, order.kind.value, order.price_e4, order.trigger_e4


def row_of(line: Line) -> OrderRow | None:
    """Draw a line; None while there is nothing to show but executions."""
    latest, op = line.proven.latest, line.op
    shape: OrderUpdate | OrderIntent | None = latest or (op.intent if op else None)
    if shape is None:
        return None
    text = latest.text if latest is not None else ""
    placed_ns = (latest.placed_ns if latest else None) or (op.created_ns if op else None)
    return OrderRow(
        key=line.key,
        broker_id=line.broker_id,
        exchange_id=latest.exchange_id if latest else "",
        tag=op.tag if op else shape.tag,
        instrument=shape.instrument,
        side=shape.side,
        quantity=shape.quantity,
        filled_qty=line.proven.filled_qty,
        kind=shape.kind,
        price_e4=shape.price_e4,
        trigger_e4=shape.trigger_e4,
        average_e4=line.proven.average_e4,
        product=shape.product,
        validity=shape.validity,
        disclosed_qty=shape.disclosed_qty,
        is_after_market=shape.is_after_market,
        op=op.view if op else None,
        state=line.proven.state,
        pending=line.pending.view if line.pending else None,
        text=text or (op.text if op else ""),
        placed_ns=placed_ns or 0,
        updated_ns=(latest.updated_ns if latest else None) or placed_ns or 0,
        revision=line.revision,
        is_missing=line.is_missing,
        alarm=line.alarm,
    )


def order_verdict(op: Op, proven: Proven) -> bool | None:
    """Tell from the order itself whether a change or cancel took effect; None: not proven."""
    state = proven.state
    if op.kind is OpKind.CANCEL:
        if state is OrderState.CANCELLED:
            return True
    elif op.change is not None and proven.latest is not None:
        wanted = shape_of(op.change.to)
        if shape_of(proven.latest) == wanted != op.change.base:
            return True
    return False if state is not None and state.is_terminal else None
