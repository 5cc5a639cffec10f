"""The FYERS order socket v3: what to send, what its pushes mean, and the server's side of both.

Source: wire dossier §13. Text frames; `ping` is answered with `pong`, everything else is JSON.
Raw objects use snake_case names and leave out members that are zero or empty: an absent number is
0, an absent text is empty. PAN and client id are not read.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from brokers.errors import DecodeError
from brokers.fyers.codec import enums
from brokers.fyers.codec.amounts import Count, average_e4, known_e4, price_e4, rupees, whole
from brokers.fyers.codec.masters import fy_token, type_number
from brokers.fyers.codec.messages import Id
from brokers.fyers.codec.replies import trade_id
from brokers.fyers.codec.rest import decode
from brokers.fyers.codec.serving import Listed, Profit
from brokers.fyers.codec.texts import NS, clean, fill_time, order_time, tag_of, time_ns, wire_tag
from brokers.model.account import Position
from brokers.model.order import Fill, OrderState, OrderUpdate

PING: Final = "ping"
PONG: Final = "pong"
ORDERS: Final = "orders"
TRADES: Final = "trades"
POSITIONS: Final = "positions"
STREAMS: Final = (ORDERS, TRADES, POSITIONS, "edis", "pricealerts", "login")
SUBSCRIBED: Final = 1605

_MAX_MESSAGE: Final = 1 << 20
_UNSET_TIME: Final = "01-Jan-1970 05:30:00"
_NO_TIME: Final = "NA"
_PAN: Final = "XXXXXXXXXX"
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

_OMS_CODES: Final[Mapping[int, int]] = {
    enums.STATUS_TRANSIT: 20,
    enums.STATUS_PENDING: 26,
    enums.STATUS_TRADED: 90,
    enums.STATUS_CANCELLED: 91,
    enums.STATUS_REJECTED: 92,
    enums.STATUS_EXPIRED: enums.STATUS_EXPIRED,
}
"""Public status → the order management system's own, as the simulator guidance suggests."""

_REPORTS: Final[Mapping[int, str]] = {
    enums.STATUS_TRANSIT: "New Ack",
    enums.STATUS_PENDING: "New Confirm",
    enums.STATUS_TRADED: "Fill",
    enums.STATUS_CANCELLED: "Cancel Confirm",
    enums.STATUS_REJECTED: "Rejection",
    enums.STATUS_EXPIRED: "Expired",
}


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The service's answer to a request; it comes for any, so it proves nothing."""

    code: str
    text: str
    is_ok: bool


Push = OrderUpdate | Fill | Position | Acknowledged


class _OrderRow(msgspec.Struct, kw_only=True):
    id: Id
    fy_token: Id
    tran_side: Count
    product_type: str
    ord_type: Count
    qty: Count = 0
    qty_filled: Count = 0
    price_limit: Decimal | None = None
    price_stop: Decimal | None = None
    price_traded: Decimal | None = None
    org_ord_status: Count | None = None
    ord_status: Count = 0
    validity: str | None = None
    ordertag: str | None = None
    id_exchange: Id | None = None
    oms_msg: str | None = None
    status_msg: str | None = None
    time_oms: str | None = None
    update_time_epoch_oms: Count | None = None
    update_time_exch: str | None = None
    offline_flag: bool = False
    ord_source: str | None = None


class _TradeRow(msgspec.Struct, kw_only=True):
    id: Id
    id_fill: Id
    fy_token: Id
    tran_side: Count
    product_type: str
    qty_traded: Count
    price_traded: Decimal
    fill_time: str | None = None
    ordertag: str | None = None


class _PositionRow(msgspec.Struct, kw_only=True):
    fy_token: Id
    product_type: str
    net_qty: Count = 0
    buy_qty: Count = 0
    buy_avg: Decimal | None = None
    buy_val: Decimal | None = None
    sell_qty: Count = 0
    sell_avg: Decimal | None = None
    sell_val: Decimal | None = None
    cf_buy_qty: Count = 0
    cf_sell_qty: Count = 0
    ltp: Decimal | None = None
    qty_multiplier: Decimal | None = None


class _Frame(msgspec.Struct, kw_only=True):
    """One push or answer; other streams and unknown members are passed over."""

    s: str = ""
    code: Id | None = None
    message: object = None
    orders: _OrderRow | None = None
    trades: _TradeRow | None = None
    positions: _PositionRow | None = None


def subscription(streams: Sequence[str] = (ORDERS, TRADES), *, is_on: bool = True) -> str:
    """Ask for streams, or no longer for them."""
    return json.dumps({"T": "SUB_ORD", "SLIST": list(streams), "SUB_T": 1 if is_on else -1})


def read_pushes(frame: str | bytes, account: str = "") -> list[Push]:
    """Read one frame; empty for a `pong` and for streams nobody here follows.

    Raises:
        DecodeError: not what the socket sends; the path of the bad member.
    """
    body = frame.encode() if isinstance(frame, str) else frame
    if body == PONG.encode():
        return []
    if len(body) > _MAX_MESSAGE:
        raise DecodeError("order socket", f"at most {_MAX_MESSAGE} bytes", len(body))
    message = decode(body, _Frame, "order socket")
    pushes: list[Push] = []
    if message.orders is not None:
        pushes.append(_order(message.orders, account))
    if message.trades is not None:
        pushes.append(_fill(message.trades))
    if message.positions is not None:
        pushes.append(_position(message.positions))
    if not pushes and message.code is not None:
        answer = Acknowledged(
            code=str(message.code),
            text=clean(message.message, account),
            is_ok=message.s == "ok",
        )
        pushes.append(answer)
    return pushes


def _order(row: _OrderRow, account: str) -> OrderUpdate:
    kind = enums.known(enums.KINDS, row.ord_type, "orders.ord_type", "an order type of 1 to 4")
    # The public scale where it is given, else the order management system's own.
    status = row.org_ord_status or row.ord_status
    state = enums.order_state(status, kind, row.qty_filled)
    words = row.oms_msg or (row.status_msg if state is OrderState.REJECTED else "")
    return OrderUpdate(
        broker_id=_id(row.id, "orders.id"),
        tag=tag_of(row.ordertag),
        instrument=enums.instrument_of(str(row.fy_token), "orders.fy_token"),
        side=enums.known(enums.SIDES, row.tran_side, "orders.tran_side", "1 or -1"),
        quantity=row.qty,
        filled_qty=row.qty_filled,
        kind=kind,
        price_e4=price_e4(row.price_limit, "orders.price_limit"),
        trigger_e4=price_e4(row.price_stop, "orders.price_stop"),
        average_e4=average_e4(row.price_traded, "orders.price_traded"),
        product=enums.known(enums.PRODUCTS, row.product_type, "orders.product_type", "a product"),
        validity=enums.known(
            enums.VALIDITIES, row.validity or "DAY", "orders.validity", "DAY or IOC"
        ),
        state=state,
        exchange_id="" if row.id_exchange is None else str(row.id_exchange),
        text=clean(words, account),
        placed_ns=time_ns(row.time_oms, "orders.time_oms"),
        updated_ns=_updated_ns(row),
        is_after_market=row.offline_flag,
        source=clean(row.ord_source, account),
    )


def _updated_ns(row: _OrderRow) -> int | None:
    if row.update_time_epoch_oms is not None and row.update_time_epoch_oms > 0:
        return row.update_time_epoch_oms * NS
    return time_ns(row.update_time_exch, "orders.update_time_exch")


def _fill(row: _TradeRow) -> Fill:
    order_id = _id(row.id, "trades.id")
    return Fill(
        trade_id=trade_id(order_id, _id(row.id_fill, "trades.id_fill")),
        broker_id=order_id,
        tag=tag_of(row.ordertag),
        instrument=enums.instrument_of(str(row.fy_token), "trades.fy_token"),
        side=enums.known(enums.SIDES, row.tran_side, "trades.tran_side", "1 or -1"),
        quantity=row.qty_traded,
        price_e4=average_e4(row.price_traded, "trades.price_traded"),
        product=enums.known(enums.PRODUCTS, row.product_type, "trades.product_type", "a product"),
        at_ns=time_ns(row.fill_time, "trades.fill_time"),
    )


def _position(row: _PositionRow) -> Position:
    multiplier = whole(row.qty_multiplier, "positions.qty_multiplier")
    if multiplier is not None and multiplier < 1:
        multiplier = None
    return Position(
        instrument=enums.instrument_of(str(row.fy_token), "positions.fy_token"),
        product=enums.known(
            enums.PRODUCTS, row.product_type, "positions.product_type", "a product"
        ),
        net_qty=row.net_qty,
        buy_qty=row.buy_qty,
        buy_value_e4=_value(row.buy_val, row.buy_avg, row.buy_qty, multiplier, "positions.buy_val"),
        sell_qty=row.sell_qty,
        sell_value_e4=_value(
            row.sell_val, row.sell_avg, row.sell_qty, multiplier, "positions.sell_val"
        ),
        carried_qty=row.cf_buy_qty - row.cf_sell_qty,
        ltp_e4=known_e4(row.ltp, "positions.ltp"),
        multiplier=multiplier,
    )


def _value(
    value: Decimal | None,
    average: Decimal | None,
    quantity: int,
    multiplier: int | None,
    where: str,
) -> int:
    # Whether a commodity's value holds the multiplier is not documented; its average does not.
    if value is None or (multiplier or 1) > 1:
        return average_e4(average, where) * quantity
    return average_e4(value, where)


def _id(value: Id, where: str) -> str:
    text = str(value).strip()
    if not text:
        raise DecodeError(where, "an id, was empty")
    return text


# The server's side.


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a client wants changed; no streams for JSON that asks for none."""

    streams: frozenset[str] = frozenset()
    is_on: bool = True


def read_subscription(text: str | bytes) -> Asked | None:
    """Read a client's request; None for what is not a JSON object.

    Published clients nest a list inside the list when they unsubscribe, and one document calls
    the member `action_data`: such a request is answered and subscribes nothing.
    """
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    wanted = found.get("SLIST")
    names = frozenset(_flat(wanted)) if isinstance(wanted, list) else frozenset[str]()
    return Asked(streams=names & frozenset(STREAMS), is_on=found.get("SUB_T") != -1)


def _flat(names: Collection[object]) -> list[str]:
    found: list[str] = []
    for name in names:
        if isinstance(name, str):
            found.append(name)
        elif isinstance(name, list):
            found += [inner for inner in name if isinstance(inner, str)]
    return found


def acknowledgement() -> str:
    """Answer a request, whatever it asked."""
    return f'{{"code":{SUBSCRIBED},"message":"Successfully subscribed","s":"ok"}}'


class Progress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a push says of an order besides its own values."""

    fyers_id: str = ""
    exchange_ns: int | None = None
    updated_ns: int = 0


def order_push(order: OrderUpdate, listed: Listed, progress: Progress) -> str:
    """Write one order as the socket does."""
    instrument = listed.instrument
    status = enums.status_code(order.state)
    placed_ns = order.placed_ns or 0
    row: dict[str, object] = {
        "client_id": listed.client_id,
        "exchange": enums.EXCHANGE_CODES[instrument.exchange],
        "fy_token": fy_token(instrument),
        "id": order.broker_id,
        "id_exchange": order.exchange_id,
        "id_fyers": progress.fyers_id,
        "lot_size": instrument.lot_size,
        "oms_flag": "K:1",
        "oms_msg": order.text,
        "ord_source": order.source,
        "ord_status": _OMS_CODES[status],
        "ord_type": enums.KIND_CODES[order.kind],
        "ordertag": wire_tag(order.tag),
        "org_ord_status": status,
        "pan": _PAN,
        "precision": instrument.decimals,
        "price_limit": rupees(order.price_e4),
        "price_multiplier": 1,
        "price_stop": rupees(order.trigger_e4),
        "price_traded": rupees(order.average_e4),
        "product_type": order.product.value,
        "qty": order.quantity,
        "qty_filled": order.filled_qty,
        "qty_multiplier": instrument.multiplier or 1,
        "qty_remaining": 0 if order.state.is_terminal else order.quantity - order.filled_qty,
        "report_type": _REPORTS[status],
        "segment": enums.SEGMENT_CODES[instrument.segment],
        "status_msg": _REPORTS[status],
        "symbol": instrument.symbol,
        "symbol_desc": instrument.name,
        "symbol_exch": instrument.underlying,
        "tick_size": rupees(instrument.tick_e4),
        "time_epoch_oms": placed_ns // NS,
        "time_exch": _time_or(progress.exchange_ns, _NO_TIME),
        "time_oms": order_time(placed_ns),
        "tran_side": order.side.sign,
        "update_time_epoch_oms": progress.updated_ns // NS,
        "update_time_exch": _time_or(progress.exchange_ns, _UNSET_TIME),
        "validity": order.validity.value,
    }
    # The captured order has these two at zero and false: they are always there.
    kept: dict[str, object] = {"instrument": _type(listed), "offline_flag": order.is_after_market}
    return _push(ORDERS, row, kept)


def trade_push(fill: Fill, order: OrderUpdate, listed: Listed) -> str:
    """Write one execution; `order` is the one that was filled."""
    instrument = listed.instrument
    row: dict[str, object] = {
        "client_id": listed.client_id,
        "exchange": enums.EXCHANGE_CODES[instrument.exchange],
        "fill_time": fill_time(fill.at_ns or 0),
        "fy_token": fy_token(instrument),
        "id": fill.broker_id,
        "id_exchange": order.exchange_id,
        "id_fill": fill.trade_id,
        "ord_type": enums.KIND_CODES[order.kind],
        "ordertag": wire_tag(fill.tag),
        "price_traded": rupees(fill.price_e4),
        "product_type": fill.product.value,
        "qty_traded": fill.quantity,
        "segment": enums.SEGMENT_CODES[instrument.segment],
        "symbol": instrument.symbol,
        "traded_val": rupees(fill.price_e4 * fill.quantity),
        "tran_side": fill.side.sign,
    }
    return _push(TRADES, row, {})


def position_push(position: Position, listed: Listed, profit: Profit) -> str:
    """Write one net position."""
    instrument = listed.instrument
    net_qty, carried = position.net_qty, position.carried_qty
    row: dict[str, object] = {
        "buy_avg": _average(position.buy_value_e4, position.buy_qty),
        "buy_qty": position.buy_qty,
        "buy_val": rupees(position.buy_value_e4),
        "cf_buy_qty": max(carried, 0),
        "cf_sell_qty": max(-carried, 0),
        "day_buy_qty": position.buy_qty - max(carried, 0),
        "day_sell_qty": position.sell_qty - max(-carried, 0),
        "exchange": enums.EXCHANGE_CODES[instrument.exchange],
        "fy_token": fy_token(instrument),
        "id": f"{instrument.symbol}-{position.product.value}",
        "net_avg": _average(position.buy_value_e4 - position.sell_value_e4, net_qty),
        "net_qty": net_qty,
        "pl_realized": rupees(profit.realised_e4),
        "pl_total": rupees(profit.realised_e4 + profit.unrealised_e4),
        "pl_unrealized": rupees(profit.unrealised_e4),
        "product_type": position.product.value,
        "qty": abs(net_qty),
        "qty_multiplier": position.multiplier or 1,
        "rbirefrate": 1,
        "segment": enums.SEGMENT_CODES[instrument.segment],
        "sell_avg": _average(position.sell_value_e4, position.sell_qty),
        "sell_qty": position.sell_qty,
        "sell_val": rupees(position.sell_value_e4),
        "symbol": instrument.symbol,
        "tran_side": 0 if net_qty == 0 else 1 if net_qty > 0 else -1,
    }
    return _push(POSITIONS, row, {})


def _push(stream: str, row: Mapping[str, object], kept: Mapping[str, object]) -> str:
    told = {**{name: value for name, value in row.items() if value}, **kept}
    ordered = {name: told[name] for name in sorted(told)}
    return _ENCODER.encode({stream: ordered, "s": "ok"}).decode()


def _type(listed: Listed) -> int:
    under = listed.instrument.underlying_id
    indices = (under,) if listed.on_index and under is not None else ()
    return type_number(listed.instrument, indices)


def _time_or(at_ns: int | None, unset: str) -> str:
    return unset if at_ns is None else order_time(at_ns)


def _average(value_e4: int, quantity: int) -> Decimal:
    return rupees((2 * value_e4 + quantity) // (2 * quantity)) if quantity else Decimal(0)
