"""The practice face's orders: place, change, cancel, and the books."""

import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

import msgspec

from brokers.errors import DecodeError
from brokers.fyers.codec import serving
from brokers.fyers.codec.amounts import price_e4
from brokers.fyers.codec.enums import KINDS, PRODUCTS, SIDES, VALIDITIES
from brokers.fyers.codec.messages import CancelBody, ModifyBody, OrderBody
from brokers.fyers.codec.texts import TAG, wire_tag
from brokers.fyers.practice_answers import (
    INVALID_INPUT,
    INVALID_SYMBOL,
    Refusal,
    answer,
    ok,
    read_body,
    refusal_of,
    text_of,
    unknown_order,
)
from brokers.fyers.practice_rows import ExchangeRows
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.order import Kind, Product, Side, Validity
from brokers.net.server import ServerReply, ServerRequest
from brokers.practice.exchange import Exchange
from brokers.practice.values import BookOrder, Change, Reason, Rejected, Want

MOST_IN_ONE: Final = 10
PLACED: Final = 1101
MODIFIED: Final = 1102
CANCELLED: Final = 1103
_DONE: Final = {
    PLACED: "Successfully placed order",
    MODIFIED: "Successfully modified order",
    CANCELLED: "Successfully cancelled order",
}
_UNTAGGED: Final = "Untagged"
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}\Z", re.ASCII)

B = TypeVar("B")
V = TypeVar("V")
Row = Mapping[str, object]


class OrderDesk:
    """Every order call of one account."""

    def __init__(self, exchange: Exchange, account: str, rows: ExchangeRows, seed: int) -> None:
        self._exchange = exchange
        self._rows = rows
        self._account = account
        self._seed = seed
        self._serial = 0

    # Writes.

    def place(self, request: ServerRequest) -> ServerReply:
        body = read_body(request.body, OrderBody, "order")
        if body.is_slice:
            return self._place_slices(body)
        order = self._place(body)
        text = f"Order submitted successfully. Your Order Ref. No.{order.order_id}"
        return ok({"id": order.order_id}, code=PLACED, text=text)

    def place_queued(self, request: ServerRequest) -> ServerReply:
        """Take an order without saying what became of it: its fate is in the book."""
        order = self._place(read_body(request.body, OrderBody, "order"))
        return ok({"id_fyers": order.request_id}, code=PLACED, text="Order queued successfully.")

    def modify(self, request: ServerRequest) -> ServerReply:
        return _done(self._modify(read_body(request.body, ModifyBody, "order")), MODIFIED)

    def cancel(self, request: ServerRequest) -> ServerReply:
        return _done(self._cancel_body(read_body(request.body, CancelBody, "order")), CANCELLED)

    def cancel_named(self, request: ServerRequest) -> ServerReply:
        """Cancel the order named in the path: `/orders/{id}/sync`."""
        return _done(self._cancel(request.path.rstrip("/").split("/")[-2]), CANCELLED)

    def place_many(self, request: ServerRequest) -> ServerReply:
        return _many(request.body, OrderBody, self._place, PLACED)

    def modify_many(self, request: ServerRequest) -> ServerReply:
        return _many(request.body, ModifyBody, self._modify, MODIFIED)

    def cancel_many(self, request: ServerRequest) -> ServerReply:
        return _many(request.body, CancelBody, self._cancel_body, CANCELLED)

    # Reads.

    def book(self, request: ServerRequest) -> ServerReply:
        """List today's orders; by id or tag without day change and last price, as the broker."""
        wanted = frozenset(filter(None, request.query.get("id", "").split(",")))
        tag = request.query.get("order_tag", "")
        orders = [
            order
            for order in self._exchange.orders(self._account)
            if (not wanted or order.order_id in wanted)
            and (not tag or tag in (wire_tag(order.tag), order.tag or _UNTAGGED))
        ]
        is_filtered = bool(wanted or tag)
        rows = [
            self._rows.order_row(order, number, with_market=not is_filtered)
            for number, order in enumerate(orders, 1)
        ]
        return ok({"orderBook": rows})

    def trades(self, request: ServerRequest) -> ServerReply:
        tag = request.query.get("order_tag", "")
        rows = [
            self._rows.trade_row(trade)
            for trade in self._exchange.trades(self._account)
            if not tag or tag == wire_tag(trade.tag)
        ]
        return ok({"tradeBook": rows})

    # Inside.

    def _place(self, body: OrderBody) -> BookOrder:
        instrument = self._exchange.universe.by_symbol(body.symbol)
        if instrument is None:
            raise Refusal(*INVALID_SYMBOL)
        return self._send(_want(body, instrument.id), instrument)

    def _send(self, want: Want, instrument: Instrument) -> BookOrder:
        try:
            return self._exchange.place(self._account, want, request_id=self._request_id())
        except Rejected as rejected:
            raise refusal_of(rejected, instrument, self._account) from None

    def _place_slices(self, body: OrderBody) -> ServerReply:
        """Cut a quantity above the freeze limit into orders; the reply has no `s` of its own."""
        instrument = self._exchange.universe.by_symbol(body.symbol)
        if instrument is None:
            raise Refusal(*INVALID_SYMBOL)
        want = _want(body, instrument.id)
        most = instrument.freeze_qty or max(want.quantity, 1)
        most -= most % instrument.lot_size if most > instrument.lot_size else 0
        whole, rest = divmod(want.quantity, most)
        quantities = [most] * whole + ([rest] if rest else [])
        if len(quantities) > MOST_IN_ONE:
            raise Refusal(INVALID_INPUT, "Quantity exceeds the allowable number of slices")
        elements = []
        for quantity in quantities or [want.quantity]:
            piece = msgspec.structs.replace(want, quantity=quantity)
            elements.append(_element(partial(self._send, piece, instrument), PLACED))
        members = {"code": PLACED, "message": "Order Slice placed successfully", "data": elements}
        return answer(serving.encode(members))

    def _modify(self, body: ModifyBody) -> BookOrder:
        order_id = text_of(body.id)
        order = self._known(order_id)
        limit_e4 = _price(body.limit_price, "limitPrice")
        stop_e4 = _price(body.stop_price, "stopPrice")
        kind = None if body.type is None else _known(KINDS, body.type, "type")
        if kind is not None and kind is not order.kind:
            # What the new type has not is 0, whatever the order had.
            limit_e4 = limit_e4 if kind.has_price else 0
            stop_e4 = stop_e4 if kind.has_trigger else 0
        change = Change(
            quantity=body.qty,
            kind=kind,
            price_e4=limit_e4,
            trigger_e4=stop_e4,
            disclosed_qty=body.disclosed_qty,
        )
        return self._change(
            order_id, lambda: self._exchange.modify(self._account, order_id, change)
        )

    def _cancel_body(self, body: CancelBody) -> BookOrder:
        return self._cancel(text_of(body.id))

    def _cancel(self, order_id: str) -> BookOrder:
        self._known(order_id)
        return self._change(order_id, lambda: self._exchange.cancel(self._account, order_id))

    def _known(self, order_id: str) -> BookOrder:
        order = self._exchange.order(self._account, order_id)
        if order is None:
            raise unknown_order(order_id if _ID.match(order_id) else "")
        return order

    def _change(self, order_id: str, work: Callable[[], BookOrder]) -> BookOrder:
        try:
            return work()
        except Rejected as rejected:
            if rejected.reason is Reason.UNKNOWN_ORDER:
                raise unknown_order(order_id) from None
            order = self._exchange.order(self._account, order_id)
            instrument = self._exchange.universe.by_id(order.instrument) if order else None
            refusal = refusal_of(rejected, instrument, self._account)
            raise Refusal(refusal.code, refusal.text, order_id=order_id) from None

    def _request_id(self) -> str:
        """Give the next `id_fyers`; the same seed gives the same ones."""
        self._serial += 1
        digest = hashlib.sha256(f"{self._seed} {self._serial}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))


def _done(order: BookOrder, code: int) -> ServerReply:
    return ok({"id": order.order_id}, code=code, text=_DONE[code])


def _want(body: OrderBody, instrument: InstrumentId) -> Want:
    kind = _known(KINDS, body.type, "type")
    if body.tag and (not TAG.match(body.tag) or body.tag == _UNTAGGED):
        raise Refusal(INVALID_INPUT, "orderTag: Only 1 to 30 letters and digits are allowed")
    product = _known(PRODUCTS, body.product, "productType")
    if body.tag and product in (Product.CO, Product.BO):
        raise Refusal(INVALID_INPUT, "orderTag: Not allowed on CO and BO orders")
    return Want(
        instrument=instrument,
        side=_known(SIDES, body.side, "side"),
        quantity=body.qty,
        kind=kind,
        product=product,
        price_e4=_price(body.limit_price, "limitPrice") or 0,
        trigger_e4=_price(body.stop_price, "stopPrice") or 0,
        validity=_known(VALIDITIES, body.validity, "validity"),
        disclosed_qty=body.disclosed_qty,
        is_after_market=body.is_offline,
        tag=body.tag or "",
    )


_Coded = TypeVar("_Coded", Kind, Side, Product, Validity)
K = TypeVar("K", int, str)


def _known(table: Mapping[K, _Coded], code: K, field: str) -> _Coded:
    try:
        return table[code]
    except KeyError:
        raise Refusal(INVALID_INPUT, f"{field}: Not a valid choice") from None


def _price(number: object, field: str) -> int | None:
    if number is None:
        return None
    try:
        return price_e4(number, field)  # type: ignore[arg-type]  # decoded as a Decimal
    except DecodeError:
        raise Refusal(INVALID_INPUT, f"{field}: Please provide a valid price.") from None


def _element(work: Callable[[], BookOrder], code: int) -> Row:
    """Do one piece of a batch and write its part of the reply."""
    try:
        order = work()
    except Refusal as refusal:
        failed = {
            "code": refusal.code,
            "id": refusal.order_id or "",
            "message": refusal.text,
            "s": "error",
        }
        return {"body": failed, "statusCode": 400, "statusDescription": "400 Bad Request"}
    done = {"s": "ok", "code": code, "message": _DONE[code], "id": order.order_id}
    return {"statusCode": 200, "body": done, "statusDescription": "HTTP OK"}


def _many(body: bytes, shape: type[B], work: Callable[[B], BookOrder], code: int) -> ServerReply:
    """Do up to ten operations; the envelope is an error only when every one of them is."""

    def one(raw: msgspec.Raw) -> BookOrder:
        return work(read_body(bytes(raw), shape, "order"))

    raws = read_body(body, list[msgspec.Raw], "orders")
    if not 0 < len(raws) <= MOST_IN_ONE:
        raise Refusal(INVALID_INPUT, f"Between 1 and {MOST_IN_ONE} orders are allowed")
    elements = [_element(partial(one, raw), code) for raw in raws]
    if any(element["statusCode"] == 200 for element in elements):
        return ok({"data": elements})
    failed = {"code": 400, "data": elements, "message": "", "s": "error"}
    return answer(serving.encode(failed), 400)
