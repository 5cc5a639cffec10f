"""Remembers everything a window ever showed of its orders, to hold it against the truth."""

from collections import defaultdict
from collections.abc import Mapping

from brokers.model.order import OpState, OrderState
from desktop.trading.rows import OrderRow
from tests.rig.journey import Journey

STATUS = {
    "open": OrderState.OPEN,
    "trigger_pending": OrderState.TRIGGER_PENDING,
    "partial": OrderState.PARTIAL,
    "filled": OrderState.FILLED,
    "cancelled": OrderState.CANCELLED,
    "rejected": OrderState.REJECTED,
    "expired": OrderState.EXPIRED,
}
NO = frozenset(
    {
        OpState.DENIED,
        OpState.NEVER_SENT,
        OpState.NOT_SENT,
        OpState.REJECTED,
        OpState.ABSENT_PRESUMED,
    }
)
"""The states that tell a trader "it did not happen"."""

OPEN_QUESTION = frozenset({OpState.UNKNOWN, OpState.ABSENT_PRESUMED})
Truth = Mapping[str, object]


class Witness:
    """Listens from the start; `problems` compares all that was shown with the exchange's book."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self.shown: dict[str, list[OrderRow]] = defaultdict(list)
        journey.desk.orders.on_change(self._see)

    def _see(self, key: str, _old: OrderRow | None, new: OrderRow | None) -> None:
        if new is not None:
            self.shown[key].append(new)

    def truth(self) -> dict[str, list[Truth]]:
        """Give the exchange's orders by tag."""
        found: dict[str, list[Truth]] = defaultdict(list)
        for order in self._journey.practice.orders():
            found[str(order["tag"])].append(order)
        return found

    def differences(self) -> list[str]:
        """Say where what is shown now is not the truth; empty when all of it is."""
        truth = self.truth()
        rows = {row.tag: row for row in self._journey.desk.orders.rows()}
        found = [f"{tag} is not shown" for tag in truth if tag not in rows]
        for tag, row in rows.items():
            for order in truth.get(tag, ()):
                seen, true = _seen(row), _true(order)
                if seen != true:
                    found.append(f"{tag}: {seen} is shown, {true} is true")
        return found

    def lies(self) -> list[str]:
        """List everything that was ever shown and could not have been known."""
        truth = self.truth()
        found = [f"{tag} is {len(each)} orders" for tag, each in truth.items() if len(each) > 1]
        found += [
            f"{tag} was asked for {order['requests']} times"
            for tag, (order, *_) in truth.items()
            if order["status"] != "rejected" and order["requests"] != 1
        ]
        for key, rows in self.shown.items():
            lives = any(order["status"] != "rejected" for order in truth.get(key, ()))
            found += [text for row in rows for text in _lies_of(row, lives=lives)]
            filled = [row.filled_qty for row in rows]
            if filled != sorted(filled):
                found.append(f"{key}: the filled quantity fell: {filled}")
        return found


def _seen(row: OrderRow) -> tuple[object, ...]:
    return row.state, row.filled_qty, row.quantity, row.price_e4, row.average_e4


def _true(order: Truth) -> tuple[object, ...]:
    state = STATUS[str(order["status"])]
    return state, *(order[key] for key in ("filled", "quantity", "price_e4", "average_e4"))


def _lies_of(row: OrderRow, *, lives: bool) -> list[str]:
    """Judge one picture of one order, given whether the exchange ever took it."""
    if row.op is None:
        return []
    found = []
    if lives and row.op.state in NO:
        found.append(f"{row.key} was shown as {row.op.state} and lives")
    if not lives and row.op.state is OpState.ACKED:
        found.append(f"{row.key} was shown as accepted and does not exist")
    if not lives and row.state not in (None, OrderState.REJECTED):
        found.append(f"{row.key} was shown as {row.state} and does not exist")
    return found
