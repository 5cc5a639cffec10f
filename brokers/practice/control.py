"""The control API: the exchange's truth, and the levers of its tests. JSON over HTTP."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, Protocol

import msgspec

from brokers.errors import DecodeError
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.money import parse_e4
from brokers.model.order import Kind, OrderState, Product, Side
from brokers.net.server import ServerReply, ServerRequest, ServerSocket, json_reply
from brokers.practice.exchange import Exchange
from brokers.practice.face import Face
from brokers.practice.faults import EVERY_BROKER, KNOWN, PLACES, Fault, Faults, FaultValue
from brokers.practice.values import BookOrder, Rejected, Trade, Want
from brokers.wire.fields import (
    Json,
    as_decimal,
    as_integer,
    decode_object,
    integer,
    optional_text,
    text,
)

_IST: Final = dt.timezone(dt.timedelta(hours=5, minutes=30))
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US: Final = dt.timedelta(microseconds=1)
_SECOND_NS: Final = 1_000_000_000
_MAX_RATE: Final = 1_000_000
_STATUS: Final = {
    OrderState.PENDING_NEW: "open",
    OrderState.OPEN: "open",
    OrderState.TRIGGER_PENDING: "trigger_pending",
    OrderState.PARTIAL: "partial",
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "cancelled",
    OrderState.REJECTED: "rejected",
    OrderState.EXPIRED: "expired",
}

Answer = Mapping[str, object]
Handler = Callable[[Json], Answer]


class NotUnderstood(Exception):
    """The call makes no sense; its text is the answer's `error`."""


class Levers(Protocol):
    """What control moves besides the exchange itself."""

    @property
    def faces(self) -> Sequence[Face]: ...
    @property
    def clients(self) -> int:
        """How many connections the faces have."""

    def set_rate(self, ticks_per_second: int) -> None: ...


class Control:
    """The site of the control port."""

    def __init__(self, exchange: Exchange, faults: Faults, levers: Levers) -> None:
        self._exchange = exchange
        self._faults = faults
        self._levers = levers
        self._handlers: Mapping[tuple[str, str], Handler] = {
            ("GET", "/health"): self._health,
            ("GET", "/orders"): self._orders,
            ("GET", "/trades"): self._trades,
            ("GET", "/positions"): self._positions,
            ("GET", "/holdings"): self._holdings,
            ("GET", "/funds"): self._funds,
            ("POST", "/fault"): self._arm,
            ("DELETE", "/fault"): self._disarm,
            ("POST", "/clock"): self._clock,
            ("POST", "/price"): self._price,
            ("POST", "/order"): self._order,
            ("POST", "/rate"): self._rate,
        }

    async def respond(self, request: ServerRequest) -> ServerReply:
        try:
            body = decode_object(request.body, "body") if request.method == "POST" else {}
            return json_reply(self._handler(request)(body))
        except (NotUnderstood, DecodeError, ValueError) as error:
            return json_reply({"error": str(error)}, HTTPStatus.BAD_REQUEST)

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        del request
        return json_reply({"error": "no WebSocket here"}, HTTPStatus.BAD_REQUEST)

    async def converse(self, socket: ServerSocket) -> None:
        await socket.close()

    def _handler(self, request: ServerRequest) -> Handler:
        if request.headers.get("origin", "null") != "null":
            # A web page must not be able to move the market.
            raise NotUnderstood("control is not for web pages")
        handler = self._handlers.get((request.method, request.path))
        if handler is None:
            raise NotUnderstood(f"no call {request.method} {request.path}")
        return handler

    # Reading.

    def _health(self, _body: Json) -> Answer:
        now = _EPOCH + dt.timedelta(microseconds=self._exchange.clock.now_ns() // 1000)
        return {
            "ok": True,
            "clock": now.astimezone(_IST).isoformat(timespec="milliseconds"),
            "instruments": len(self._exchange.universe.all()),
            "clients": self._levers.clients,
        }

    def _orders(self, _body: Json) -> Answer:
        return {"orders": [self._order_row(order) for order in self._exchange.all_orders()]}

    def _trades(self, _body: Json) -> Answer:
        return {"trades": [self._trade_row(trade) for trade in self._exchange.all_trades()]}

    def _positions(self, _body: Json) -> Answer:
        rows = [
            {
                **self._whose(row.account),
                "instrument": self._symbol(row.instrument),
                "product": row.product,
                "net_qty": row.net_qty,
                "buy_qty": row.buy_qty,
                "buy_value_e4": row.buy_value_e4,
                "sell_qty": row.sell_qty,
                "sell_value_e4": row.sell_value_e4,
                "carried_qty": row.carried_qty,
                "multiplier": row.multiplier,
                "ltp_e4": row.ltp_e4,
                "realised_paise": row.realised_paise,
                "unrealised_paise": row.unrealised_paise,
            }
            for account in self._exchange.accounts
            for row in self._exchange.positions(account)
        ]
        return {"positions": rows}

    def _holdings(self, _body: Json) -> Answer:
        rows = [
            {
                **self._whose(row.account),
                "instrument": self._symbol(row.instrument),
                "isin": row.isin,
                "quantity": row.quantity,
                "t1_qty": row.t1_qty,
                "sold_qty": row.sold_qty,
                "free_qty": row.free_qty,
                "cost_e4": row.cost_e4,
                "ltp_e4": row.ltp_e4,
            }
            for account in self._exchange.accounts
            for row in self._exchange.holdings(account)
        ]
        return {"holdings": rows}

    def _funds(self, _body: Json) -> Answer:
        rows = []
        for account in self._exchange.accounts:
            row = self._exchange.funds(account)
            amounts = {**msgspec.structs.asdict(row)}
            del amounts["account"]
            amounts |= {
                "used_paise": row.used_paise,
                "total_paise": row.total_paise,
                "available_paise": row.available_paise,
            }
            rows.append({**self._whose(account), **amounts})
        return {"funds": rows}

    def _order_row(self, order: BookOrder) -> Answer:
        return {
            "seq": order.seq,
            **self._whose(order.account),
            "ids": {"broker": order.order_id, "exchange": order.exchange_id},
            "tag": order.tag,
            "instrument": self._symbol(order.instrument),
            "side": order.side,
            "quantity": order.quantity,
            "price_e4": order.price_e4,
            "trigger_e4": order.trigger_e4,
            "kind": order.kind,
            "product": order.product,
            "validity": order.validity,
            "status": _STATUS[order.state],
            "filled": order.filled_qty,
            "average_e4": order.average_e4,
            "requests": order.requests,
            "placed_ns": order.placed_ns,
        }

    def _trade_row(self, trade: Trade) -> Answer:
        return {
            "seq": trade.seq,
            "order_seq": trade.order_seq,
            **self._whose(trade.account),
            "instrument": self._symbol(trade.instrument),
            "side": trade.side,
            "quantity": trade.quantity,
            "price_e4": trade.price_e4,
            "trade_id": trade.trade_id,
            "at_ns": trade.at_ns,
        }

    # Moving.

    def _arm(self, body: Json) -> Answer:
        broker, where, what = (text(body, key, "body") for key in ("broker", "where", "what"))
        names = {EVERY_BROKER, *(face.name for face in self._levers.faces)}
        if broker not in names:
            raise NotUnderstood(f"no broker {broker!r}; there are {sorted(names)}")
        if where not in PLACES:
            raise NotUnderstood(f"no place {where!r}; there are {sorted(PLACES)}")
        known = KNOWN.union(*(face.quirks for face in self._levers.faces))
        if what not in known:
            raise NotUnderstood(f"no fault {what!r}; there are {sorted(known)}")
        times = as_integer(body.get("times", 1), "body.times")
        if times < 1:
            raise NotUnderstood(f"expected times of at least 1, was {times}")
        value = _fault_value(body.get("value"))
        fault = self._faults.arm(broker, where, what, times, value)
        if what == "partial_fill":
            self._arm_partial_fills(fault, as_integer(value, "body.value"))
        return {"id": fault.id}

    def _arm_partial_fills(self, fault: Fault, quantity: int) -> None:
        """Hand them to the exchange, which counts them from here on."""
        while fault.times > 0:
            self._faults.use(fault)
            for account in self._accounts(fault.broker):
                self._exchange.arm_partial_fill(quantity, account)

    def _disarm(self, _body: Json) -> Answer:
        self._faults.disarm()
        self._exchange.release_held()
        return {"ok": True}

    def _clock(self, body: Json) -> Answer:
        if "advance_s" in body:
            advance_ns = int(as_decimal(body["advance_s"], "body.advance_s") * _SECOND_NS)
            if advance_ns < 0:
                raise NotUnderstood("expected advance_s of at least 0; use set to go back")
            at_ns = self._exchange.clock.now_ns() + advance_ns
        else:
            at = dt.datetime.fromisoformat(text(body, "set", "body"))
            if at.tzinfo is None:
                raise NotUnderstood("expected a time with its zone: 2026-11-23T15:29:50+05:30")
            at_ns = (at - _EPOCH) // _US * 1000
        self._exchange.set_clock(at_ns)
        return {"ok": True}

    def _price(self, body: Json) -> Answer:
        instrument = self._instrument(body)
        self._exchange.set_price(instrument.id, parse_e4(text(body, "price", "body")))
        return {"ok": True}

    def _order(self, body: Json) -> Answer:
        accounts = self._accounts(text(body, "broker", "body"))
        want = Want(
            instrument=self._instrument(body).id,
            side=Side(text(body, "side", "body")),
            quantity=integer(body, "quantity", "body"),
            kind=Kind(text(body, "kind", "body")),
            product=Product(text(body, "product", "body")),
            price_e4=as_integer(body.get("price_e4", 0), "body.price_e4"),
            trigger_e4=as_integer(body.get("trigger_e4", 0), "body.trigger_e4"),
            tag=optional_text(body, "tag", "body"),
        )
        try:
            order = self._exchange.place(accounts[0], want)
        except Rejected as rejected:
            if rejected.order is None:
                raise NotUnderstood(f"refused: {rejected.reason}") from rejected
            order = rejected.order
        return self._order_row(order)

    def _rate(self, body: Json) -> Answer:
        rate = integer(body, "ticks_per_second", "body")
        if not 0 <= rate <= _MAX_RATE:
            raise NotUnderstood(f"expected ticks_per_second from 0 to {_MAX_RATE}, was {rate}")
        self._levers.set_rate(rate)
        return {"ok": True}

    # Names.

    def _accounts(self, broker: str) -> list[str]:
        found = [f.account for f in self._levers.faces if broker in (f.name, EVERY_BROKER)]
        if not found:
            raise NotUnderstood(f"no broker {broker!r}")
        return found

    def _whose(self, account: str) -> dict[str, object]:
        names = [face.name for face in self._levers.faces if face.account == account]
        return {"broker": names[0] if names else "", "account": account}

    def _symbol(self, instrument: InstrumentId) -> str:
        found = self._exchange.universe.by_id(instrument)
        return instrument if found is None else found.symbol

    def _instrument(self, body: Json) -> Instrument:
        symbol = text(body, "instrument", "body")
        found = self._exchange.universe.by_symbol(symbol)
        if found is None:
            raise NotUnderstood(f"no instrument {symbol!r}")
        return found


def _fault_value(value: object) -> FaultValue:
    if value is None or isinstance(value, str | int | float):
        return value
    raise NotUnderstood("expected a text or a number as value")
