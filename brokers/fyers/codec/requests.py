"""What is asked of FYERS over REST: values in, complete requests out.

Writes check their own fields: what cannot be right raises NotSent, which is the truth.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from brokers.errors import NotSent
from brokers.fyers.codec.amounts import rupees
from brokers.fyers.codec.enums import KIND_CODES, RESOLUTIONS, SEGMENT_CODES
from brokers.fyers.codec.messages import (
    CancelBody,
    ConvertBody,
    ExitBody,
    ModifyBody,
    OrderBody,
    SymbolsBody,
)
from brokers.fyers.codec.texts import IST_OFFSET_S, NS, TAG, query, wire_tag
from brokers.model.instrument import Segment
from brokers.model.login import Request, Session
from brokers.model.market import Interval, Span
from brokers.model.order import OrderChange, OrderIntent, Product, Side

MOST_QUOTES: Final = 50
MOST_TOKENS: Final = 500
MINUTE_PAGE_DAYS: Final = 100
DAILY_PAGE_DAYS: Final = 366
SECOND_PAGE_DAYS: Final = 30
_SECONDS_KEPT_DAYS: Final = 42
"""Thirty trading days are at least six weeks."""

_DAY_S: Final = 86_400
_ORDER_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}\Z", re.ASCII)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_ZERO: Final = Decimal(0)

Endpoints = Mapping[str, str]


class ExitAll(msgspec.Struct, frozen=True, kw_only=True):
    """Close every open position."""

    cancels_pending: bool = False


class ExitPositions(msgspec.Struct, frozen=True, kw_only=True):
    """Close these positions: (ticker, product) each, at least one."""

    positions: tuple[tuple[str, Product], ...]
    cancels_pending: bool = False


class ExitMatching(msgspec.Struct, frozen=True, kw_only=True):
    """Close what matches all three: segments, sides and products, each at least one."""

    segments: tuple[Segment, ...]
    sides: tuple[Side, ...]
    products: tuple[Product, ...]


ExitIntent = ExitAll | ExitPositions | ExitMatching


def authorization(session: Session) -> str:
    """Write the header that proves a login: `app_id:token`, without a scheme word."""
    return f"{session.values['app_id']}:{session.token}"


def profile(endpoints: Endpoints, session: Session) -> Request:
    return _get(endpoints, session, "rest", "/profile")


def funds(endpoints: Endpoints, session: Session) -> Request:
    return _get(endpoints, session, "rest", "/funds")


def holdings(endpoints: Endpoints, session: Session) -> Request:
    return _get(endpoints, session, "rest", "/holdings")


def order_book(endpoints: Endpoints, session: Session) -> Request:
    return _get(endpoints, session, "rest", "/orders")


def order_by_id(endpoints: Endpoints, session: Session, broker_id: str) -> Request:
    return _get(endpoints, session, "rest", "/orders", {"id": broker_id})


def orders_by_tag(endpoints: Endpoints, session: Session, tag: str) -> Request:
    """Ask for the orders of one tag; day change and last price are zero in this answer."""
    return _get(endpoints, session, "rest", "/orders", {"order_tag": wire_tag(tag)})


def trade_book(endpoints: Endpoints, session: Session) -> Request:
    return _get(endpoints, session, "rest", "/tradebook")


def positions(endpoints: Endpoints, session: Session) -> Request:
    return _get(endpoints, session, "rest", "/positions")


def place(endpoints: Endpoints, session: Session, intent: OrderIntent, symbol: str) -> Request:
    """Ask for a new order.

    Raises:
        NotSent: a field that FYERS could only misunderstand, named with what it should be.
    """
    if intent.product in (Product.CO, Product.BO):
        raise NotSent(f"product: cover and bracket orders are not offered, was {intent.product}")
    if not TAG.match(intent.tag) or intent.tag == "Untagged":
        raise NotSent(f"tag: expected 1 to 30 letters and digits, was {intent.tag!r}")
    _check_quantity(intent.quantity, intent.disclosed_qty)
    _check_prices(intent)
    body = OrderBody(
        symbol=symbol,
        qty=intent.quantity,
        type=KIND_CODES[intent.kind],
        side=intent.side.sign,
        product=intent.product.value,
        limit_price=rupees(intent.price_e4),
        stop_price=rupees(intent.trigger_e4),
        validity=intent.validity.value,
        disclosed_qty=intent.disclosed_qty,
        is_offline=intent.is_after_market,
        stop_loss=_ZERO,
        take_profit=_ZERO,
        tag=intent.tag,
        is_slice=False,
    )
    return _write(endpoints, session, "POST", "/orders/sync", body)


def modify(endpoints: Endpoints, session: Session, broker_id: str, change: OrderChange) -> Request:
    """Ask for an order's new shape; `quantity` is the new total."""
    _check_order_id(broker_id)
    _check_quantity(change.quantity, change.disclosed_qty)
    _check_prices(change)
    body = ModifyBody(
        id=broker_id,
        type=KIND_CODES[change.kind],
        qty=change.quantity,
        limit_price=rupees(change.price_e4) if change.kind.has_price else None,
        stop_price=rupees(change.trigger_e4) if change.kind.has_trigger else None,
        disclosed_qty=change.disclosed_qty,
    )
    return _write(endpoints, session, "PATCH", "/orders/sync", body)


def cancel(endpoints: Endpoints, session: Session, broker_id: str) -> Request:
    _check_order_id(broker_id)
    return _write(endpoints, session, "DELETE", "/orders/sync", CancelBody(id=broker_id))


def exit_positions(endpoints: Endpoints, session: Session, intent: ExitIntent) -> Request:
    """Ask to close positions; an empty body would close them all and cannot be built."""
    return _write(endpoints, session, "DELETE", "/positions", _exit_body(intent))


def _exit_body(intent: ExitIntent) -> ExitBody:
    match intent:
        case ExitAll():
            return ExitBody(exit_all=1, pending_orders_cancel=1 if intent.cancels_pending else None)
        case ExitPositions():
            ids = [position_id(symbol, product) for symbol, product in intent.positions]
            if not ids:
                raise NotSent("positions: expected at least one to close")
            return ExitBody(
                id=ids[0] if len(ids) == 1 else ids,
                pending_orders_cancel=1 if intent.cancels_pending else None,
            )
        case ExitMatching():
            if not (intent.segments and intent.sides and intent.products):
                raise NotSent("exit: expected segments, sides and products, all three")
            return ExitBody(
                segment=[SEGMENT_CODES[segment] for segment in intent.segments],
                side=[side.sign for side in intent.sides],
                product=[product.value for product in intent.products],
            )


def position_id(symbol: str, product: Product) -> str:
    """Name a position as FYERS does: `NSE:SBIN-EQ-INTRADAY`."""
    if not symbol:
        raise NotSent("symbol: expected a ticker, was empty")
    return f"{symbol}-{product.value}"


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """Move an open position from one product to another."""

    symbol: str
    side: Side
    quantity: int
    from_product: Product
    to_product: Product
    is_carried: bool = False


def convert(endpoints: Endpoints, session: Session, what: Conversion) -> Request:
    _check_quantity(what.quantity, 0)
    body = ConvertBody(
        symbol=position_id(what.symbol, what.from_product),
        position_side=what.side.sign,
        qty=what.quantity,
        from_product=what.from_product.value,
        to_product=what.to_product.value,
        overnight=1 if what.is_carried else 0,
    )
    return _write(endpoints, session, "POST", "/positions", body)


def market_status(endpoints: Endpoints, session: Session) -> Request:
    return _get(endpoints, session, "data", "/marketStatus")


def quotes(endpoints: Endpoints, session: Session, symbols: Sequence[str]) -> Request:
    """Ask for up to 50 symbols; `quote_pages` cuts a longer list."""
    if not 0 < len(symbols) <= MOST_QUOTES:
        raise ValueError(f"expected 1 to {MOST_QUOTES} symbols, was {len(symbols)}")
    return _get(endpoints, session, "data", "/quotes", {"symbols": ",".join(symbols)})


def quote_pages(symbols: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list of symbols into pieces that one request may hold."""
    for at in range(0, len(symbols), MOST_QUOTES):
        yield symbols[at : at + MOST_QUOTES]


def depth(endpoints: Endpoints, session: Session, symbol: str) -> Request:
    return _get(endpoints, session, "data", "/depth", {"symbol": symbol, "ohlcv_flag": "1"})


def history(
    endpoints: Endpoints, session: Session, symbol: str, every: Interval, page: Span
) -> Request:
    """Ask for one page of candles; `history_pages` cuts a longer span."""
    values = {
        "symbol": symbol,
        "resolution": RESOLUTIONS[every],
        "date_format": "0",
        "range_from": str(page.from_ns // NS),
        # Both ends are inclusive on the wire, a span's end is not.
        "range_to": str(-(-page.to_ns // NS) - 1),
        "cont_flag": "",
        "oi_flag": "1",
    }
    return _get(endpoints, session, "data", "/history", values)


def history_pages(every: Interval, span: Span) -> list[Span]:
    """Cut a span into pages FYERS answers, oldest first.

    A minute page holds at most 100 days, a page of days, weeks or months at most 366. Pages begin
    at midnight, Indian time. Second bars exist for the last 30 trading days only: what is older
    is left out.
    """
    from_ns, to_ns = span.from_ns, span.to_ns
    days = DAILY_PAGE_DAYS
    if every.value.endswith("s"):
        days = SECOND_PAGE_DAYS
        from_ns = max(from_ns, to_ns - _SECONDS_KEPT_DAYS * _DAY_S * NS)
    elif every.is_intraday:
        days = MINUTE_PAGE_DAYS
    pages = []
    while from_ns < to_ns:
        midnight_ns = _midnight_ns(from_ns)
        end_ns = min(midnight_ns + days * _DAY_S * NS, to_ns)
        pages.append(Span(from_ns, end_ns))
        from_ns = end_ns
    return pages


def _midnight_ns(at_ns: int) -> int:
    local_s = at_ns // NS + IST_OFFSET_S
    return (local_s - local_s % _DAY_S - IST_OFFSET_S) * NS


def symbol_tokens(endpoints: Endpoints, session: Session, symbols: Sequence[str]) -> Request:
    """Ask for fyTokens; the one call that official clients send with the bare token."""
    if not 0 < len(symbols) <= MOST_TOKENS:
        raise ValueError(f"expected 1 to {MOST_TOKENS} symbols, was {len(symbols)}")
    return Request(
        method="POST",
        url=f"{endpoints['data']}/symbol-token",
        headers={"authorization": session.token, "content-type": "application/json"},
        body=_ENCODER.encode(SymbolsBody(symbols=list(symbols))),
    )


def logout(endpoints: Endpoints, session: Session) -> Request:
    return _write(endpoints, session, "POST", "/logout", None)


def master(endpoints: Endpoints, name: str) -> Request:
    """Ask for one symbol master by its file name; it needs no login."""
    return Request(method="GET", url=f"{endpoints['symbols']}/{name}")


def feed_address(endpoints: Endpoints, session: Session) -> Request:
    """Ask where today's 50-level feed is."""
    return Request(
        method="GET", url=endpoints["tbtws"], headers={"authorization": authorization(session)}
    )


def _check_order_id(broker_id: str) -> None:
    if not _ORDER_ID.match(broker_id):
        raise NotSent(f"order id: expected letters, digits and hyphens, was {broker_id!r}")


def _check_quantity(quantity: int, disclosed_qty: int) -> None:
    if quantity <= 0:
        raise NotSent(f"quantity: expected at least 1, was {quantity}")
    if not 0 <= disclosed_qty <= quantity:
        raise NotSent(f"disclosed quantity: expected 0 to {quantity}, was {disclosed_qty}")


def _check_prices(wanted: OrderIntent | OrderChange) -> None:
    for name, price_e4, is_needed in (
        ("price", wanted.price_e4, wanted.kind.has_price),
        ("trigger", wanted.trigger_e4, wanted.kind.has_trigger),
    ):
        if is_needed and price_e4 <= 0:
            raise NotSent(f"{name}: a {wanted.kind} order needs one above 0, was {price_e4}")
        if not is_needed and price_e4 != 0:
            raise NotSent(f"{name}: a {wanted.kind} order has none, was {price_e4}")


def _headers(session: Session) -> dict[str, str]:
    return {
        "authorization": authorization(session),
        "content-type": "application/json",
        "version": "3",
    }


def _get(
    endpoints: Endpoints,
    session: Session,
    base: str,
    path: str,
    values: Mapping[str, str] | None = None,
) -> Request:
    tail = f"?{query(values)}" if values else ""
    return Request(method="GET", url=f"{endpoints[base]}{path}{tail}", headers=_headers(session))


def _write(
    endpoints: Endpoints, session: Session, method: str, path: str, body: msgspec.Struct | None
) -> Request:
    return Request(
        method=method,
        url=f"{endpoints['rest']}{path}",
        headers=_headers(session),
        body=b"" if body is None else _ENCODER.encode(body),
    )
