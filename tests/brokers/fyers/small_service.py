"""A FYERS service of the smallest kind: both sockets for real, REST answers as a test lays out."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from brokers.fyers.broker import FyersBroker
from brokers.fyers.codec.orders import acknowledgement, read_subscription
from brokers.fyers.practice_sockets import FeedSockets
from brokers.model.login import Session
from brokers.model.market import Depth, Quote
from brokers.model.order import Fill, OrderUpdate
from brokers.net.server import Server, ServerReply, ServerRequest, ServerSocket, json_reply, serve
from brokers.port import Account, Link, LinkEvent, LinkState, Sinks
from brokers.practice.faults import Faults
from tests.brokers.fyers import hsm_examples as example
from tests.brokers.fyers.small_market import SmallMarket

T = TypeVar("T")

APP_ID = "ABCD1234XY-100"
FAR_FUTURE_S = 4_102_444_800


def token(**claims: object) -> str:
    payload = {"hsm_key": example.KEY, "fy_id": "XP00001", "exp": FAR_FUTURE_S} | claims
    parts = (json.dumps({"alg": "HS256"}), json.dumps(payload), "signature")
    return ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts)


class Service:
    """Serves what is asked; keeps what was asked."""

    def __init__(self) -> None:
        self.market = SmallMarket()
        self.faults = Faults()
        self.feed = FeedSockets(self.market, self.market, self.faults, self.account_of)
        self.requests: list[ServerRequest] = []
        self.answers: dict[tuple[str, str], deque[ServerReply]] = {}
        self.sockets: dict[str, ServerSocket] = {}
        self.refuses_orders = False
        self.server: Server | None = None

    def account_of(self, key: str) -> str | None:
        return "XP00001" if key == example.KEY else None

    def answer(self, method: str, path: str, *bodies: object, status: int = 200) -> None:
        """Lay out answers for calls to come; the last one stays."""
        replies = (each if isinstance(each, ServerReply) else json_reply(each) for each in bodies)
        self.answers[method, path] = deque(
            ServerReply(status=status, headers=reply.headers, body=reply.body) for reply in replies
        )

    def asked(self, path: str) -> list[ServerRequest]:
        return [request for request in self.requests if request.path == path]

    async def respond(self, request: ServerRequest) -> ServerReply:
        self.requests.append(request)
        waiting = self.answers.get((request.method, request.path))
        if waiting is None:
            return ServerReply(status=404)
        return waiting.popleft() if len(waiting) > 1 else waiting[0]

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        self.requests.append(request)
        is_order = request.path == "/trade/v3"
        return ServerReply(status=403) if is_order and self.refuses_orders else None

    async def converse(self, socket: ServerSocket) -> None:
        path = socket.request.path
        self.sockets[path] = socket
        if path == "/hsm":
            await self.feed.converse(socket)
            return
        while True:
            text = await socket.receive()
            socket.send("pong" if text == "ping" else acknowledgement())
            assert text == "ping" or read_subscription(text) is not None

    def endpoints(self) -> Mapping[str, str]:
        assert self.server is not None
        host = f"127.0.0.1:{self.server.port}"
        return {
            "rest": f"http://{host}/api/v3",
            "data": f"http://{host}/data",
            "symbols": f"http://{host}/sym_details",
            "feed": f"ws://{host}/hsm",
            "orders": f"ws://{host}/trade/v3",
        }


class Desk:
    """What a broker hands on, with a way to wait for it."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Quote | Depth]] = []
        self.orders: list[OrderUpdate] = []
        self.fills: list[Fill] = []
        self.links: list[LinkEvent] = []
        self.notices: list[str] = []
        self._changed = asyncio.Event()

    def sinks(self) -> Sinks:
        return Sinks(
            market=self._into(self.batches),
            orders=self._into(self.orders),
            fills=self._into(self.fills),
            links=self._into(self.links),
            notices=self._into(self.notices),
        )

    def _into(self, kept: list[T]) -> Callable[[T], None]:
        def take(item: T) -> None:
            kept.append(item)
            self._changed.set()

        return take

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until what has been handed on makes this true."""
        async with asyncio.timeout(10):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def link(self, link: Link, state: LinkState, times: int = 1) -> LinkEvent:
        await self.until(lambda: len(self.events(link, state)) >= times)
        return self.events(link, state)[times - 1]

    def events(self, link: Link, state: LinkState) -> list[LinkEvent]:
        return [each for each in self.links if each.link is link and each.state is state]

    def newest(self) -> dict[tuple[type, str], Quote | Depth]:
        """Give the last of each kind for each instrument."""
        return {(type(item), item.instrument): item for batch in self.batches for item in batch}


@asynccontextmanager
async def opened(
    service: Service, desk: Desk, session: Session | None = None
) -> AsyncIterator[FyersBroker]:
    """Serve, and open an account there; nothing is left afterwards."""
    service.server = await serve(service)
    own = Session(broker="fyers", account="XP00001", token=token(), values={"app_id": APP_ID})
    account = Account(
        session=session or own,
        endpoints=service.endpoints(),
        directory=service.market,
        sinks=desk.sinks(),
    )
    broker = FyersBroker(account)
    try:
        yield broker
    finally:
        await broker.close()
        await service.server.close()
