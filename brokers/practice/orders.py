"""A live order: the mutable thing behind the snapshots that events carry."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from brokers.model.instrument import Instrument
from brokers.model.order import OrderState, Side
from brokers.practice.values import BookOrder, Change, Reason, Want

_FIRST_EXCHANGE_ID: Final = 1_100_000_000_000_001
_FIRST_TRADE_ID: Final = 1_000_001


class Numbers:
    """Hands out numbers: one row of orders and trades, and ids as brokers write them."""

    def __init__(self) -> None:
        self._orders = 0
        self._trades = 0
        self._exchange_id = _FIRST_EXCHANGE_ID
        self._serials: Counter[tuple[str, str]] = Counter()

    def order_seq(self) -> int:
        self._orders += 1
        return self._orders

    def trade_seq(self) -> int:
        self._trades += 1
        return self._trades

    def trade_id(self, trade_seq: int) -> str:
        """Give the exchange's number of a trade."""
        return str(_FIRST_TRADE_ID + trade_seq - 1)

    def order_id(self, account: str, day: str) -> str:
        """Give an account's next id of a day written as `YYMMDD`."""
        self._serials[account, day] += 1
        return f"{day}{self._serials[account, day]:08d}"

    def exchange_id(self) -> str:
        self._exchange_id += 1
        return str(self._exchange_id - 1)


class LiveOrder:
    """One order from its arrival to its end. Only the exchange changes it."""

    def __init__(
        self, account: str, instrument: Instrument, want: Want, seq: int, order_id: str
    ) -> None:
        self.account = account
        self.listed = instrument
        self.want = want
        self.seq = seq
        self.order_id = order_id
        self.request_id = ""
        self.exchange_id = ""
        self.state = OrderState.PENDING_NEW
        self.filled_qty = 0
        self.filled_value_e4 = 0
        self.protected_e4 = 0
        self.priority = 0
        self.is_held = False
        self.is_queued = False
        self.was_triggered = False
        self.was_modified = False
        self.reason: Reason | None = None
        self.numbers: Mapping[str, int] = {}
        self.placed_ns = 0
        self.updated_ns = 0
        self.revision = 0
        self.block_paise = 0
        self.turnover_paise = 0
        self.brokerage_paise = 0

    @property
    def side(self) -> Side:
        return self.want.side

    @property
    def limit_e4(self) -> int:
        """Give the worst price it may trade at."""
        return self.want.price_e4 if self.want.kind.has_price else self.protected_e4

    @property
    def open_qty(self) -> int:
        """Give what is left of it."""
        return self.want.quantity - self.filled_qty

    @property
    def shown_qty(self) -> int:
        """Give how much of the rest others see."""
        disclosed = self.want.disclosed_qty
        return min(disclosed, self.open_qty) if disclosed else self.open_qty

    @property
    def awaits_trigger(self) -> bool:
        """Tell whether it still waits for its trigger price."""
        return self.want.kind.has_trigger and not self.was_triggered

    @property
    def is_working(self) -> bool:
        return not self.state.is_terminal

    def working_state(self) -> OrderState:
        """Give the state of an order that is in the market."""
        if self.awaits_trigger:
            return OrderState.TRIGGER_PENDING
        if self.filled_qty == 0:
            return OrderState.OPEN
        return OrderState.FILLED if self.open_qty == 0 else OrderState.PARTIAL

    def is_triggered_by(self, ltp_e4: int) -> bool:
        """Tell whether a last price sets it off."""
        return (ltp_e4 - self.want.trigger_e4) * self.side.sign >= 0

    def end(self, state: OrderState) -> None:
        """End it; nothing is left to work or to block."""
        self.state = state
        self.is_queued = False
        self.is_held = False
        self.block_paise = 0

    def snapshot(self, requests: int) -> BookOrder:
        """Give it as the exchange knows it now."""
        want, filled = self.want, self.filled_qty
        average = (self.filled_value_e4 + filled // 2) // filled if filled else 0
        return BookOrder(
            seq=self.seq,
            account=self.account,
            order_id=self.order_id,
            exchange_id=self.exchange_id,
            tag=want.tag,
            request_id=self.request_id,
            instrument=want.instrument,
            side=want.side,
            quantity=want.quantity,
            kind=want.kind,
            price_e4=want.price_e4,
            trigger_e4=want.trigger_e4,
            product=want.product,
            validity=want.validity,
            disclosed_qty=want.disclosed_qty,
            is_after_market=want.is_after_market,
            is_queued=self.is_queued,
            state=self.state,
            filled_qty=filled,
            average_e4=average,
            filled_value_e4=self.filled_value_e4,
            protected_e4=self.protected_e4,
            reason=self.reason,
            numbers=self.numbers,
            placed_ns=self.placed_ns,
            updated_ns=self.updated_ns,
            revision=self.revision,
            requests=requests,
            was_triggered=self.was_triggered,
            was_modified=self.was_modified,
        )


def changed(want: Want, change: Change) -> Want:
    """Give an order's new shape; prices that its kind has not fall away."""
    kind = want.kind if change.kind is None else change.kind
    price = want.price_e4 if change.price_e4 is None else change.price_e4
    trigger = want.trigger_e4 if change.trigger_e4 is None else change.trigger_e4
    disclosed = want.disclosed_qty if change.disclosed_qty is None else change.disclosed_qty
    return Want(
        instrument=want.instrument,
        side=want.side,
        quantity=want.quantity if change.quantity is None else change.quantity,
        kind=kind,
        product=want.product,
        price_e4=price if kind.has_price else 0,
        trigger_e4=trigger if kind.has_trigger else 0,
        validity=want.validity if change.validity is None else change.validity,
        disclosed_qty=disclosed,
        is_after_market=want.is_after_market,
        tag=want.tag,
    )


def keeps_place(before: Want, after: Want) -> bool:
    """Tell whether a change leaves an order where it stands in its queue."""
    same = (before.kind, before.price_e4, before.trigger_e4)
    return same == (after.kind, after.price_e4, after.trigger_e4) and (
        after.quantity <= before.quantity
    )
