"""The practice exchange's order sockets, as FYERS' clients expect them.

The exchange tells its events at once, inside the call that caused them; a broker's stream is
later than its reply. So pushes wait a moment, in order, unless a fault asks for the opposite.
Source: wire dossier §13 and §22.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from brokers.fyers.codec.orders import (
    ORDERS,
    PING,
    PONG,
    POSITIONS,
    TRADES,
    Progress,
    acknowledgement,
    order_push,
    position_push,
    read_subscription,
    trade_push,
)
from brokers.fyers.codec.serving import Listed
from brokers.fyers.practice_account import position_of, profit_of
from brokers.fyers.practice_feed import BROKER
from brokers.model.instrument import InstrumentId
from brokers.model.order import Fill, OrderUpdate
from brokers.net.server import ServerReply, ServerRequest, SocketClosed, WireSocket
from brokers.practice.faults import Faults
from brokers.practice.values import (
    BookOrder,
    Event,
    OrderEvent,
    PositionEvent,
    Trade,
    TradeEvent,
)

ORDER_FEED: Final = "orderfeed"
PLACE: Final = "place"
DELAY_S: Final = 0.02
"""How long after the event its push leaves; a reply over REST is there before."""

_FORBIDDEN: Final = 403
_NUMBER: Final = re.compile(r'("(?:qty|qty_traded|net_qty|price_traded)":)-?[\d.]+')


class Rows(Protocol):
    """How the face describes the exchange's values, over REST and here alike."""

    def update_of(self, order: BookOrder) -> OrderUpdate: ...
    def fill_of(self, trade: Trade) -> Fill: ...
    def listed(self, instrument_id: InstrumentId) -> Listed: ...


class OrderClient:
    """One connection: whose it is, and which streams it asked for."""

    def __init__(self, socket: WireSocket, account: str) -> None:
        self.socket = socket
        self.account = account
        self.streams: frozenset[str] = frozenset()

    def take(self, text: str | bytes) -> None:
        """Answer one message."""
        if text == PING:
            self.socket.send(PONG)
            return
        asked = read_subscription(text)
        if asked is None:
            return
        self.streams = self.streams | asked.streams if asked.is_on else self.streams - asked.streams
        self.socket.send(acknowledgement())


class OrderSockets:
    """All order connections of the face; give `hear` to `Exchange.listen`.

    `account_of` gives the account of an `authorization` header, None for a wrong or dead one.
    """

    def __init__(self, rows: Rows, faults: Faults, account_of: Callable[[str], str | None]) -> None:
        self._rows = rows
        self._faults = faults
        self._account_of = account_of
        self._clients: dict[OrderClient, None] = {}
        self._waiting: deque[tuple[str, str, str]] = deque()
        self._held: tuple[str, str, str] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, request: ServerRequest) -> ServerReply | None:
        """Refuse a handshake without a living token."""
        account = self._account_of(request.headers.get("authorization", ""))
        return ServerReply(status=_FORBIDDEN) if account is None else None

    async def converse(self, socket: WireSocket) -> None:
        """Serve one connection until it ends."""
        account = self._account_of(socket.request.headers.get("authorization", ""))
        if account is None:
            return
        client = OrderClient(socket, account)
        self._clients[client] = None
        try:
            while True:
                client.take(await socket.receive())
                await socket.drain()
        except SocketClosed:
            return
        finally:
            del self._clients[client]

    def hear(self, event: Event) -> None:
        """Take one event of the exchange."""
        push = self._push_of(event)
        if push is None or not any(client.account == push[0] for client in self._clients):
            return
        self._waiting.append(push)
        if self._faults.find(BROKER, PLACE, "event_first") is not None:
            self._send_waiting()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_S, self._send_waiting)

    def _push_of(self, event: Event) -> tuple[str, str, str] | None:
        """Give account, stream and text of an event; None for what the socket does not carry."""
        rows = self._rows
        match event:
            case OrderEvent(order=order):
                progress = Progress(
                    fyers_id=order.request_id,
                    exchange_ns=order.placed_ns if order.exchange_id else None,
                    updated_ns=order.updated_ns,
                )
                listed = rows.listed(order.instrument)
                return order.account, ORDERS, order_push(rows.update_of(order), listed, progress)
            case TradeEvent(trade=trade, order=order):
                listed = rows.listed(trade.instrument)
                text = trade_push(rows.fill_of(trade), rows.update_of(order), listed)
                return trade.account, TRADES, text
            case PositionEvent(position=row):
                listed = rows.listed(row.instrument)
                text = position_push(position_of(row), listed, profit_of(row))
                return row.account, POSITIONS, text
            case _:
                return None

    def _send_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._send_one(self._waiting.popleft())
        if self._held is not None:
            # Nothing came to change places with.
            self._send(self._held)
            self._held = None

    def _send_one(self, push: tuple[str, str, str]) -> None:
        take = self._faults.take
        if take(BROKER, ORDER_FEED, "drop_event") is not None:
            return
        if self._held is None and take(BROKER, ORDER_FEED, "reorder_events") is not None:
            self._held = push
            return
        self._send(push)
        if take(BROKER, ORDER_FEED, "duplicate_event") is not None:
            self._send(push)
        if self._held is not None:
            held, self._held = self._held, None
            self._send(held)

    def _send(self, push: tuple[str, str, str]) -> None:
        account, stream, text = push
        if self._faults.take(BROKER, ORDER_FEED, "poison") is not None:
            text = _NUMBER.sub(r"\1NaN", text)
        for client in self._clients:
            if client.account == account and stream in client.streams:
                client.socket.send(text)
