"""What the trader asks for, before anything is decided: one draft becomes at most one request."""

import secrets

import msgspec

from brokers.model.instrument import InstrumentId
from brokers.model.order import Kind, OrderChange, OrderIntent, Product, Side, Validity


def new_draft_id() -> str:
    """Give an id that no other draft has; it is the key that stops a second submission."""
    return secrets.token_hex(8)


class OrderDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the ticket holds it.

    `draft_id` is made with the draft; editing keeps it (`msgspec.structs.replace`), and submitting
    it again is the same order, however often and from wherever. A new order is a new draft.
    `account` is the name of the account the ticket shows. `confirmed` holds the codes of the
    questions (`Finding.code`) the trader said yes to. `is_exit` closes a position: it never
    exceeds what is open and not yet being closed.
    """

    account: str
    instrument: InstrumentId
    side: Side
    quantity: int
    kind: Kind
    price_e4: int
    trigger_e4: int
    product: Product
    validity: Validity
    disclosed_qty: int = 0
    is_after_market: bool = False
    is_exit: bool = False
    confirmed: frozenset[str] = frozenset()
    draft_id: str = msgspec.field(default_factory=new_draft_id)

    def intent(self, tag: str) -> OrderIntent:
        return OrderIntent(
            tag=tag,
            instrument=self.instrument,
            side=self.side,
            quantity=self.quantity,
            kind=self.kind,
            price_e4=self.price_e4,
            trigger_e4=self.trigger_e4,
            product=self.product,
            validity=self.validity,
            disclosed_qty=self.disclosed_qty,
            is_after_market=self.is_after_market,
        )


class ChangeDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A new shape for a working order.

    `revision` is that of the `OrderRow` the trader was looking at: if the order was changed
    elsewhere meanwhile, the trader is asked again.
    """

    account: str
    key: str
    to: OrderChange
    revision: int
    confirmed: frozenset[str] = frozenset()
    draft_id: str = msgspec.field(default_factory=new_draft_id)


class CancelDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The wish to cancel one order."""

    account: str
    key: str
    draft_id: str = msgspec.field(default_factory=new_draft_id)


Draft = OrderDraft | ChangeDraft | CancelDraft
