"""What is in the ticket, as a value: fields → one draft. No widgets, no prices of its own."""

from collections.abc import Sequence

import msgspec

from brokers.model.account import Funds
from brokers.model.instrument import Instrument, Segment
from brokers.model.market import Quote
from brokers.model.order import Kind, OrderChange, Product, Side, Validity
from brokers.port import Capabilities
from desktop.trading.drafts import ChangeDraft, OrderDraft
from desktop.trading.rows import OrderRow


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The ticket's fields. None is an empty field: no quantity and no price is ever assumed.

    `order_key` and `revision` name the working order that is being modified, when one is.
    """

    instrument: Instrument
    side: Side
    product: Product
    kind: Kind = Kind.LIMIT
    quantity: int | None = None
    price_e4: int | None = None
    trigger_e4: int | None = None
    validity: Validity = Validity.DAY
    disclosed_qty: int = 0
    is_after_market: bool = False
    order_key: str | None = None
    revision: int = 0

    @property
    def is_change(self) -> bool:
        return self.order_key is not None


def open_form(instrument: Instrument, products: Sequence[Product], last: Form | None) -> Form:
    """Give a fresh form for an instrument; side and product stay as the trader had them.

    The quantity is one lot: the least that can be traded. The price is empty.
    """
    side = Side.BUY if last is None else last.side
    product = products[0]
    if last is not None and last.product in products:
        product = last.product
    return Form(
        instrument=instrument, side=side, product=product, quantity=max(1, instrument.lot_size)
    )


def form_of(row: OrderRow, instrument: Instrument) -> Form:
    """Give the form that modifies a working order, filled with what the order is now."""
    return Form(
        instrument=instrument,
        side=row.side,
        product=row.product,
        kind=row.kind,
        quantity=row.quantity,
        price_e4=row.price_e4 if row.kind.has_price else None,
        trigger_e4=row.trigger_e4 if row.kind.has_trigger else None,
        validity=row.validity,
        disclosed_qty=row.disclosed_qty,
        is_after_market=row.is_after_market,
        order_key=row.key,
        revision=row.revision,
    )


def missing(form: Form) -> list[tuple[str, str]]:
    """List the empty fields that this kind of order needs, as (field, sentence)."""
    found = []
    if form.quantity is None:
        found.append(("quantity", "Type a quantity."))
    if form.kind.has_price and form.price_e4 is None:
        found.append(("price", "Type a price, or click one in the depth."))
    if form.kind.has_trigger and form.trigger_e4 is None:
        found.append(("trigger", "Type the trigger price."))
    return found


def draft(form: Form, account: str) -> OrderDraft:
    """Make a new order of a complete form; an incomplete one is a ValueError naming the field."""
    quantity, price_e4, trigger_e4 = _numbers(form)
    return OrderDraft(
        account=account,
        instrument=form.instrument.id,
        side=form.side,
        quantity=quantity,
        kind=form.kind,
        price_e4=price_e4,
        trigger_e4=trigger_e4,
        product=form.product,
        validity=form.validity,
        disclosed_qty=form.disclosed_qty,
        is_after_market=form.is_after_market,
    )


def change(form: Form, account: str) -> ChangeDraft:
    """Make a modification of a complete form."""
    if form.order_key is None:
        raise ValueError("this form is a new order, not a change")
    quantity, price_e4, trigger_e4 = _numbers(form)
    return ChangeDraft(
        account=account,
        key=form.order_key,
        revision=form.revision,
        to=OrderChange(
            quantity=quantity,
            kind=form.kind,
            price_e4=price_e4,
            trigger_e4=trigger_e4,
            validity=form.validity,
            disclosed_qty=form.disclosed_qty,
        ),
    )


def _numbers(form: Form) -> tuple[int, int, int]:
    empty = missing(form)
    if empty:
        raise ValueError(f"{empty[0][0]}: {empty[0][1]}")
    assert form.quantity is not None
    price_e4 = form.price_e4 if form.kind.has_price else 0
    trigger_e4 = form.trigger_e4 if form.kind.has_trigger else 0
    assert price_e4 is not None
    assert trigger_e4 is not None
    return form.quantity, price_e4, trigger_e4


def worth_e4(form: Form, quote: Quote | None) -> int | None:
    """Give price × quantity × multiplier of the order, in rupee × 10,000; None while unknown.

    A market order is valued at the side of the book it would meet.
    """
    price_e4 = form.price_e4 if form.kind.has_price else form.trigger_e4
    if form.kind is Kind.MARKET and quote is not None:
        price_e4 = quote.ask_e4 if form.side is Side.BUY else quote.bid_e4
    if price_e4 is None or form.quantity is None or form.instrument.multiplier is None:
        return None
    return price_e4 * form.quantity * form.instrument.multiplier


def products_for(instrument: Instrument, capabilities: Capabilities) -> tuple[Product, ...]:
    """Give the products offered for an instrument's segment, the usual one first."""
    return capabilities.products.get(instrument.segment.value, (Product.INTRADAY,))


def lots(form: Form) -> int | None:
    """Give the quantity in whole lots; None when it is not a multiple or lots mean nothing."""
    size = form.instrument.lot_size
    if form.quantity is None or size <= 1 or form.quantity % size:
        return None
    return form.quantity // size


def available_paise(funds: Funds | None, instrument: Instrument) -> int | None:
    """Give what the ledger of this instrument's segment has left; None before funds are known."""
    if funds is None:
        return None
    ledger = funds.commodity if instrument.segment is Segment.COM else funds.equity
    return ledger.available_paise
