"""What the screen is told of orders: values that already speak the trader's words."""

import enum
from typing import Final

import msgspec

from brokers.model.instrument import InstrumentId
from brokers.model.order import (
    Kind,
    OpKind,
    OpState,
    OrderState,
    Product,
    Side,
    Validity,
)


class Level(enum.IntEnum):
    """What a finding does: BLOCK stops the order, ASK wants a yes, NOTE is for information."""

    NOTE = 1
    ASK = 2
    BLOCK = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the guard saw: which field of the ticket it is about, and a sentence.

    `code` names the question, so that a yes to it can be kept (`OrderDraft.confirmed`).
    """

    level: Level
    code: str
    field: str
    text: str


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that contradicts what was shown or believed; `has_halted`: trading stopped too."""

    key: str
    text: str
    at_ns: int
    has_halted: bool = False


class OpView(msgspec.Struct, frozen=True, kw_only=True):
    """One request of ours: place, modify or cancel.

    `key` is the row it belongs to. `text` and `code` are the broker's own words. `findings` are
    the guard's; a draft that was stopped by them is DENIED, one that waits for a yes is DRAFT.
    """

    op_id: str
    kind: OpKind
    state: OpState
    key: str
    tag: str = ""
    broker_id: str = ""
    text: str = ""
    code: str = ""
    created_ns: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def words(self) -> str:
        """How far it got, in the trader's words."""
        is_asked = self.state is OpState.DRAFT and not self.findings
        words = _OP_WORDS[self.kind][OpState.INTENT if is_asked else self.state]
        return f"{words}: {self.text}" if self.text and self.state in _EXPLAINED else words


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the table: our request, the broker's proof, and what is under way.

    `op` is None for orders that are not ours. `state` is only ever what the broker has proven,
    None before the first proof. `pending` is the newest change or cancel that is not settled, or
    that failed last. `revision` counts changes of the order's shape.
    """

    key: str
    broker_id: str
    exchange_id: str
    tag: str
    instrument: InstrumentId
    side: Side
    quantity: int
    filled_qty: int
    kind: Kind
    price_e4: int
    trigger_e4: int
    average_e4: int
    product: Product
    validity: Validity
    disclosed_qty: int
    is_after_market: bool
    op: OpView | None
    state: OrderState | None
    pending: OpView | None
    text: str
    placed_ns: int
    updated_ns: int
    revision: int
    is_missing: bool = False
    """The broker's book does not list it although it should."""
    alarm: str = ""

    @property
    def is_ours(self) -> bool:
        return self.op is not None

    @property
    def remaining_qty(self) -> int:
        return max(0, self.quantity - self.filled_qty)

    @property
    def is_working(self) -> bool:
        """It rests at the broker, or may: a request whose fate is open counts."""
        if self.state is not None:
            return self.state.is_working or self.state is OrderState.UNMAPPED
        return self.op is not None and self.op.state in _MAY_WORK

    @property
    def is_uncertain(self) -> bool:
        """Some request for it has an unknown fate."""
        return any(
            op is not None and op.state in (OpState.UNKNOWN, OpState.UNRESOLVED)
            for op in (self.op, self.pending)
        )

    @property
    def can_change(self) -> bool:
        """The broker knows it by an id, it still works, and nothing of ours is on its way to it."""
        return bool(self.broker_id) and self.is_working and not self.is_busy

    @property
    def is_busy(self) -> bool:
        """A change or cancel is on its way."""
        return self.pending is not None and self.pending.state in _ON_THE_WAY

    @property
    def words(self) -> str:
        """Its state in the trader's words: "sending…", "partial 5/10 · cancelling…"."""
        words = self._state_words()
        if self._shows_pending:
            assert self.pending is not None
            words += f" · {self.pending.words}"
        if self.is_missing:
            words += " · not in the broker's book"
        return words

    @property
    def _shows_pending(self) -> bool:
        """A change that took shows in the order itself; a cancel that did, in its end."""
        op = self.pending
        if op is None or op.state is not OpState.ACKED:
            return op is not None
        return op.kind is OpKind.CANCEL and self.is_working

    def _state_words(self) -> str:
        if self.state is None:
            return self.op.words if self.op is not None else "held until it can be matched"
        if self.state is OrderState.PARTIAL:
            return f"partial {self.filled_qty}/{self.quantity}"
        words = _STATE_WORDS[self.state]
        if self.state is OrderState.CANCELLED and self.filled_qty:
            return f"cancelled after {self.filled_qty}/{self.quantity}"
        if self.text and self.state in (OrderState.REJECTED, OrderState.UNMAPPED):
            return f"{words}: {self.text}"
        return words


_ON_THE_WAY: Final = frozenset({OpState.DRAFT, OpState.INTENT, OpState.SENDING})
_MAY_WORK: Final = frozenset(
    {OpState.DRAFT, OpState.INTENT, OpState.SENDING, OpState.UNKNOWN, OpState.ACKED}
)
_EXPLAINED: Final = frozenset(
    {OpState.DENIED, OpState.NOT_SENT, OpState.REJECTED, OpState.UNKNOWN, OpState.UNRESOLVED}
)
_STATE_WORDS: Final = {
    OrderState.PENDING_NEW: "on its way to the exchange",
    OrderState.OPEN: "open",
    OrderState.TRIGGER_PENDING: "trigger pending",
    OrderState.PARTIAL: "partial",
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "cancelled",
    OrderState.REJECTED: "rejected",
    OrderState.EXPIRED: "expired",
    OrderState.UNMAPPED: "in a state we do not know",
}
_OP_WORDS: Final = {
    OpKind.PLACE: {
        OpState.DRAFT: "waits for your yes",
        OpState.DENIED: "not sent",
        OpState.INTENT: "sending…",
        OpState.SENDING: "sending…",
        OpState.NEVER_SENT: "never sent",
        OpState.NOT_SENT: "not sent",
        OpState.REJECTED: "rejected",
        OpState.ACKED: "accepted, waiting for the exchange",
        OpState.UNKNOWN: "unknown — checking",
        OpState.ABSENT_PRESUMED: "not found at the broker after 30 s",
        OpState.UNRESOLVED: "unresolved — check the contract note",
    },
    OpKind.MODIFY: {
        OpState.DRAFT: "change waits for your yes",
        OpState.DENIED: "change not sent",
        OpState.INTENT: "changing…",
        OpState.SENDING: "changing…",
        OpState.NEVER_SENT: "change never sent",
        OpState.NOT_SENT: "change not sent",
        OpState.REJECTED: "change rejected",
        OpState.ACKED: "changed",
        OpState.UNKNOWN: "change unknown — checking",
        OpState.ABSENT_PRESUMED: "change not found at the broker",
        OpState.UNRESOLVED: "change unresolved",
    },
    OpKind.CANCEL: {
        OpState.DRAFT: "cancel waits for your yes",
        OpState.DENIED: "cancel not sent",
        OpState.INTENT: "cancelling…",
        OpState.SENDING: "cancelling…",
        OpState.NEVER_SENT: "cancel never sent",
        OpState.NOT_SENT: "cancel not sent",
        OpState.REJECTED: "cancel rejected",
        OpState.ACKED: "cancel accepted",
        OpState.UNKNOWN: "cancel unknown — checking",
        OpState.ABSENT_PRESUMED: "cancel not found at the broker",
        OpState.UNRESOLVED: "cancel unresolved",
    },
}
