"""A small face on a wire of its own, to see what the host does to any face."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from brokers.model.instrument import InstrumentId
from brokers.net.server import ServerReply, ServerRequest, ServerSocket, json_reply
from brokers.practice.faults import FaultValue


class SmallFace:
    """Counts the orders it is given; its sockets echo, and it can push to all of them."""

    name = "alpha"
    account = "XA0001"
    quirks: Collection[str] = ("upside_down",)
    paths: Mapping[str, tuple[str, str]] = {
        "rest": ("http", "/rest"),
        "feed": ("ws", "/feed"),
        "orders": ("ws", "/orderfeed"),
    }

    def __init__(self) -> None:
        self.orders = 0
        self.sockets: list[ServerSocket] = []
        self.ordered = asyncio.Event()
        self.left = asyncio.Event()
        self.wants: frozenset[InstrumentId] = frozenset()
        self.moved: list[InstrumentId] = []

    def credentials(self) -> Mapping[str, object]:
        return {"user": self.account, "pin": "1111"}

    def where(self, request: ServerRequest) -> str:
        return request.path.rpartition("/")[2]

    def fault_reply(self, what: str, where: str, value: FaultValue) -> ServerReply | None:
        if what == "reject" and where == "place":
            return json_reply({"s": "error", "message": value}, 400)
        return None

    def spoil_reply(
        self, what: str, where: str, value: FaultValue, reply: ServerReply
    ) -> ServerReply:
        del where, value, reply
        return json_reply({"spoilt": what})

    async def respond(self, request: ServerRequest) -> ServerReply:
        if self.where(request) == "place":
            self.orders += 1
            self.ordered.set()
        return json_reply({"orders": self.orders})

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        return None if request.path in ("/feed", "/orderfeed") else ServerReply(status=404)

    async def converse(self, socket: ServerSocket) -> None:
        self.sockets.append(socket)
        try:
            while True:
                socket.send(await socket.receive())
        finally:
            self.sockets.remove(socket)
            self.left.set()

    def followed(self) -> Collection[InstrumentId]:
        return self.wants

    def market_moved(self, changed: Sequence[InstrumentId]) -> None:
        self.moved += changed
