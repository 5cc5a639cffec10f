"""HTTP/1.1 and WebSockets on one loopback port: asyncio, h11 and the websockets sans-I/O server.

Serves the login's callback page and every practice face. Replies can be cut and reset, sockets can
be muted and frozen: the server is also the broken broker of the tests.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Final

from typing_extensions import override

from brokers.net.server_http import Connection, Hub, Site
from brokers.net.server_socket import ServerSocket
from brokers.net.server_values import (
    ServerLimits,
    ServerReply,
    ServerRequest,
    SocketClosed,
    WireSocket,
    json_reply,
)

__all__ = [
    "Server",
    "ServerLimits",
    "ServerReply",
    "ServerRequest",
    "ServerSocket",
    "Site",
    "SocketClosed",
    "WireSocket",
    "json_reply",
    "serve",
]

_BACKLOG: Final = 128
_DEFAULT_LIMITS: Final = ServerLimits()


class Server(Hub):
    """A listening port with its connections and their tasks; `close` leaves none of them."""

    def __init__(self, site: Site, limits: ServerLimits) -> None:
        self._site = site
        self._limits = limits
        self._listener: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._hits = 0
        self.port = 0
        self.exhausted = asyncio.Event()
        """Set once `limits.hits` connections were served and nobody listens any more."""

    @property
    @override
    def site(self) -> Site:
        return self._site

    @property
    @override
    def limits(self) -> ServerLimits:
        return self._limits

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def listen(self, host: str, port: int) -> None:
        """Bind and accept; a taken port is an OSError."""
        loop = asyncio.get_running_loop()
        sock = _bind(host, port)
        self._listener = await loop.create_server(self._connect, sock=sock, backlog=_BACKLOG)
        self.port = sock.getsockname()[1]

    async def close(self) -> None:
        """Stop listening, end every connection and wait for every task."""
        if self._listener is not None:
            self._listener.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()
        await self._empty.wait()
        if self._listener is not None:
            await self._listener.wait_closed()

    @override
    def opened(self, connection: Connection) -> bool:
        if len(self._connections) >= self._limits.connections:
            return False
        self._connections.add(connection)
        self._empty.clear()
        self._hits += 1
        if self._hits == self._limits.hits and self._listener is not None:
            self._listener.close()
            self.exhausted.set()
        return True

    @override
    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    @override
    def start(self, connection: Connection, request: ServerRequest) -> None:
        is_upgrade = request.headers.get("upgrade", "").lower() == "websocket"
        work = self._converse if is_upgrade else self._respond
        task = asyncio.get_running_loop().create_task(work(connection, request))
        self._tasks.add(task)
        task.add_done_callback(_Ending(connection, self._tasks.discard))

    def _connect(self) -> Connection:
        return Connection(self)

    async def _respond(self, connection: Connection, request: ServerRequest) -> None:
        connection.reply(await self._site.respond(request))

    async def _converse(self, connection: Connection, request: ServerRequest) -> None:
        refusal = await self._site.admit(request)
        if refusal is not None:
            connection.reply(refusal)
            return
        accepted = connection.upgrade(request)
        if accepted is None:
            return
        try:
            await self._site.converse(accepted)
        except SocketClosed:
            return
        await accepted.close()


class _Ending:
    """When a request's task ends: forget it, and answer 500 if the site failed."""

    def __init__(
        self, connection: Connection, forget: Callable[[asyncio.Task[None]], None]
    ) -> None:
        self._connection = connection
        self._forget = forget

    def __call__(self, task: asyncio.Task[None]) -> None:
        self._forget(task)
        if task.cancelled():
            self._connection.abort()
            return
        error = task.exception()
        if error is not None:
            self._connection.fail()
            task.get_loop().call_exception_handler(
                {"message": "a site failed", "exception": error, "task": task}
            )


async def serve(
    site: Site, *, host: str = "127.0.0.1", port: int = 0, limits: ServerLimits = _DEFAULT_LIMITS
) -> Server:
    """Start a server; port 0 takes a free one, a taken one is an OSError."""
    server = Server(site, limits)
    await server.listen(host, port)
    return server


def _bind(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # SO_REUSEADDR lets a port be taken again at once on POSIX, but on Windows it would let
        # another program share ours; there the exclusive option is the safe one.
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(0.0)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
