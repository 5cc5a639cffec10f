"""How far one request of ours got, and what the broker has proven of an order: two tables.

Both are data. The reducer below them folds evidence (order updates, executions) in whatever order
and however often it arrives: newer wins, filled quantity never falls, a finished order never
re-opens without an alarm.
"""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from brokers.model.order import Fill, OpState, OrderState, OrderUpdate


class OpEvent(enum.StrEnum):
    """What can happen to a request."""

    DENY = "deny"
    COMMIT = "commit"
    """The intent is durable."""
    CLAIM = "claim"
    """This sender, and no other, may now send it."""
    ABANDON = "abandon"
    """It is certain that nobody claimed it: found after a crash, or trading was halted."""
    NOT_SENT = "not_sent"
    REFUSE = "refuse"
    ACK = "ack"
    DOUBT = "doubt"
    FIND = "find"
    """The broker's own record shows it."""
    FIND_REFUSED = "find_refused"
    """The broker's own record shows that it was refused."""
    PRESUME_ABSENT = "presume_absent"
    END_DAY = "end_day"


_O = OpState
_E = OpEvent
OP_TRANSITIONS: Final[Mapping[tuple[OpState, OpEvent], OpState]] = {
    (_O.DRAFT, _E.DENY): _O.DENIED,
    (_O.DRAFT, _E.COMMIT): _O.INTENT,
    (_O.INTENT, _E.CLAIM): _O.SENDING,
    (_O.INTENT, _E.ABANDON): _O.NEVER_SENT,
    (_O.SENDING, _E.NOT_SENT): _O.NOT_SENT,
    (_O.SENDING, _E.REFUSE): _O.REJECTED,
    (_O.SENDING, _E.ACK): _O.ACKED,
    (_O.SENDING, _E.DOUBT): _O.UNKNOWN,
    (_O.SENDING, _E.FIND): _O.ACKED,
    (_O.SENDING, _E.FIND_REFUSED): _O.REJECTED,
    (_O.UNKNOWN, _E.DOUBT): _O.UNKNOWN,
    (_O.UNKNOWN, _E.FIND): _O.ACKED,
    (_O.UNKNOWN, _E.FIND_REFUSED): _O.REJECTED,
    (_O.UNKNOWN, _E.REFUSE): _O.REJECTED,
    (_O.UNKNOWN, _E.PRESUME_ABSENT): _O.ABSENT_PRESUMED,
    (_O.UNKNOWN, _E.END_DAY): _O.UNRESOLVED,
    (_O.ABSENT_PRESUMED, _E.FIND): _O.ACKED,
    (_O.ABSENT_PRESUMED, _E.FIND_REFUSED): _O.REJECTED,
    (_O.UNRESOLVED, _E.FIND): _O.ACKED,
    (_O.UNRESOLVED, _E.FIND_REFUSED): _O.REJECTED,
    (_O.UNRESOLVED, _E.PRESUME_ABSENT): _O.ABSENT_PRESUMED,
    (_O.NEVER_SENT, _E.FIND): _O.ACKED,
    (_O.NEVER_SENT, _E.FIND_REFUSED): _O.REJECTED,
    (_O.NOT_SENT, _E.FIND): _O.ACKED,
    (_O.NOT_SENT, _E.FIND_REFUSED): _O.REJECTED,
    (_O.DENIED, _E.FIND): _O.ACKED,
    (_O.DENIED, _E.FIND_REFUSED): _O.REJECTED,
    (_O.REJECTED, _E.FIND): _O.ACKED,
    # The proof may overtake the reply; what the reply then says changes nothing.
    (_O.REJECTED, _E.FIND_REFUSED): _O.REJECTED,
    (_O.REJECTED, _E.REFUSE): _O.REJECTED,
    (_O.REJECTED, _E.DOUBT): _O.REJECTED,
    (_O.REJECTED, _E.ACK): _O.REJECTED,
    (_O.REJECTED, _E.NOT_SENT): _O.REJECTED,
    (_O.ACKED, _E.ACK): _O.ACKED,
    (_O.ACKED, _E.DOUBT): _O.ACKED,
    (_O.ACKED, _E.FIND): _O.ACKED,
    (_O.ACKED, _E.FIND_REFUSED): _O.ACKED,
    (_O.ACKED, _E.REFUSE): _O.ACKED,
    (_O.ACKED, _E.NOT_SENT): _O.ACKED,
}
"""(state, event) → state; what is not here is a fault of the program."""

OP_ALARMS: Final[Mapping[tuple[OpState, OpEvent], str]] = {
    (_O.ABSENT_PRESUMED, _E.FIND): "an order that was not found at the broker has appeared",
    (_O.ABSENT_PRESUMED, _E.FIND_REFUSED): "an order that was not found has appeared, refused",
    (_O.UNRESOLVED, _E.FIND): "an unresolved order has appeared at the broker",
    (_O.UNRESOLVED, _E.FIND_REFUSED): "an unresolved order has appeared, refused",
    (_O.NEVER_SENT, _E.FIND): "an order that was never sent is at the broker",
    (_O.NEVER_SENT, _E.FIND_REFUSED): "an order that was never sent is at the broker, refused",
    (_O.NOT_SENT, _E.FIND): "an order shown as not sent is at the broker",
    (_O.NOT_SENT, _E.FIND_REFUSED): "an order shown as not sent is at the broker, refused",
    (_O.DENIED, _E.FIND): "an order that was denied here is at the broker",
    (_O.DENIED, _E.FIND_REFUSED): "an order that was denied here is at the broker, refused",
    (_O.REJECTED, _E.FIND): "an order shown as rejected is at the broker",
    (_O.REJECTED, _E.NOT_SENT): "the broker refused what was reported as not sent",
    (_O.ACKED, _E.REFUSE): "the broker answered no, but the order is in its book",
    (_O.ACKED, _E.NOT_SENT): "reported as not sent, but the order is in the broker's book",
}
"""Transitions that correct what the trader was shown."""

SETTLED: Final = frozenset(OpState) - {_O.DRAFT, _O.INTENT, _O.SENDING, _O.UNKNOWN}


class IllegalTransition(Exception):
    """The program tried what its own table does not know: trading stops."""


def next_op_state(state: OpState, event: OpEvent) -> OpState:
    """Give the state after `event`.

    Raises:
        IllegalTransition: the table has no such step.
    """
    after = OP_TRANSITIONS.get((state, event))
    if after is None:
        raise IllegalTransition(f"a request that is {state} cannot {event}")
    return after


_S = OrderState
_LIVE: Final = frozenset({_S.PENDING_NEW, _S.OPEN, _S.TRIGGER_PENDING, _S.PARTIAL, _S.UNMAPPED})
_ENDS: Final = frozenset({_S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED})
ORDER_TRANSITIONS: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    _S.PENDING_NEW: _LIVE | _ENDS,
    # A working order may be "in transit" again while a change is on its way.
    _S.OPEN: _LIVE | _ENDS,
    _S.TRIGGER_PENDING: _LIVE | _ENDS,
    _S.PARTIAL: frozenset({_S.PARTIAL, _S.UNMAPPED}) | _ENDS,
    _S.UNMAPPED: _LIVE | _ENDS,
    _S.FILLED: frozenset({_S.FILLED}),
    _S.CANCELLED: frozenset({_S.CANCELLED}),
    _S.REJECTED: frozenset({_S.REJECTED}),
    _S.EXPIRED: frozenset({_S.EXPIRED, _S.CANCELLED}),
}
"""What a broker may say next without an alarm, once it is certain that it is next."""

_RANK: Final = {
    _S.PENDING_NEW: 0,
    _S.TRIGGER_PENDING: 1,
    _S.OPEN: 2,
    _S.PARTIAL: 3,
    _S.UNMAPPED: 4,
    **dict.fromkeys(_ENDS, 5),
}


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """All that the broker has proven of one order."""

    latest: OrderUpdate | None = None
    most_filled: int = 0
    fills: Mapping[str, Fill] = {}
    traded_qty: int = 0
    traded_value_e4: int = 0

    @property
    def filled_qty(self) -> int:
        return max(self.most_filled, self.traded_qty)

    @property
    def state(self) -> OrderState | None:
        """The broker's state with the executions counted in; None before any evidence."""
        if self.latest is None:
            return _S.PARTIAL if self.fills else None
        said = self.latest.state
        if said.is_working and 0 < self.latest.quantity <= self.filled_qty:
            return _S.FILLED
        return _S.PARTIAL if said.is_working and self.filled_qty else said

    @property
    def average_e4(self) -> int:
        """The broker's average, else that of the executions; 0 while nothing is filled."""
        latest = self.latest
        if latest is not None and latest.average_e4 and latest.filled_qty >= self.traded_qty:
            return latest.average_e4
        if not self.traded_qty:
            return 0
        return (self.traded_value_e4 + self.traded_qty // 2) // self.traded_qty


NOTHING: Final = Proven()


class Step(msgspec.Struct, frozen=True):
    """One piece of evidence applied: what is proven now, whether that is news, what is wrong."""

    proven: Proven
    is_news: bool
    alarms: tuple[str, ...] = ()


def apply_update(proven: Proven, update: OrderUpdate, *, is_newer: bool = False) -> Step:
    """Fold one description of an order.

    Args:
        proven: what is known so far.
        update: the order as a stream or a book describes it.
        is_newer: it was certainly read after everything known was said, so it wins where the
            broker's times do not decide.
    """
    old = proven.latest
    is_later = old is not None and _is_later(update, old, is_newer=is_newer)
    alarms = _contradictions(proven, old, update) if old is not None and is_later else ()
    wins = old is None or is_later or _outranks(update, old)
    most = max(proven.most_filled, update.filled_qty)
    if update.quantity and update.filled_qty > update.quantity:
        alarms += (f"filled {update.filled_qty} of {update.quantity}",)
    changed = msgspec.structs.replace(proven, latest=update if wins else old, most_filled=most)
    return Step(changed, changed != proven, alarms)


def apply_fill(proven: Proven, fill: Fill) -> Step:
    """Fold one execution; a trade id counts once."""
    known = proven.fills.get(fill.trade_id)
    if known is not None:
        same = (known.quantity, known.price_e4, known.side) == (
            *(fill.quantity, fill.price_e4, fill.side),
        )
        wrong = () if same else (f"trade {fill.trade_id} was reported with different contents",)
        return Step(proven, is_news=False, alarms=wrong)
    changed = msgspec.structs.replace(
        proven,
        fills={**proven.fills, fill.trade_id: fill},
        traded_qty=proven.traded_qty + fill.quantity,
        traded_value_e4=proven.traded_value_e4 + fill.quantity * fill.price_e4,
    )
    latest = proven.latest
    alarms: tuple[str, ...] = ()
    if latest is not None and latest.quantity and changed.traded_qty > latest.quantity:
        alarms = (f"executions of {changed.traded_qty} for an order of {latest.quantity}",)
    return Step(changed, is_news=True, alarms=alarms)


def _is_later(new: OrderUpdate, old: OrderUpdate, *, is_newer: bool = False) -> bool:
    if new.updated_ns is None or old.updated_ns is None or new.updated_ns == old.updated_ns:
        return is_newer
    return new.updated_ns > old.updated_ns


def _outranks(new: OrderUpdate, old: OrderUpdate) -> bool:
    """Tell which is nearer the end where time does not; of two equals the later arrival wins."""
    if _is_later(old, new):
        return False
    return _nearness(new) >= _nearness(old)


def _nearness(update: OrderUpdate) -> tuple[bool, int, int]:
    return update.state.is_terminal, update.filled_qty, _RANK[_said(update)]


def _said(update: OrderUpdate) -> OrderState:
    """Give the state with "open, some filled" called by its name."""
    return _S.PARTIAL if update.state.is_working and update.filled_qty else update.state


def _contradictions(proven: Proven, old: OrderUpdate, new: OrderUpdate) -> tuple[str, ...]:
    found = []
    was, now = _said(old), _said(new)
    if now is not was and now not in ORDER_TRANSITIONS[was]:
        found.append(f"the broker changed a {was} order to {now}")
    if new.filled_qty < proven.most_filled:
        found.append(f"filled quantity fell from {proven.most_filled} to {new.filled_qty}")
    return tuple(found)
