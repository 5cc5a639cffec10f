"""What the server speaks of: requests, replies, limits, and what a site owes it."""

from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote

import msgspec
from typing_extensions import override

_MAX_QUERY_FIELDS: Final = 1000
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class ServerRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request; header names in lower case, path and query decoded.

    `query` holds the first value of each name, `query_all` every pair in order. `target` is the
    undecoded path and query, for those who need the letters as they came.
    """

    method: str
    path: str
    query: Mapping[str, str] = {}
    query_all: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""
    target: str = ""

    @override
    def __repr__(self) -> str:
        return f"ServerRequest({self.method} {self.path})"


class ServerReply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP reply, and how to break it.

    `cut_at` k ends the connection after k bytes of the reply, head included: 0 without a byte,
    -1 without a byte and with a reset. `is_reset` makes any cut a reset.
    """

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    cut_at: int | None = None
    is_reset: bool = False

    @override
    def __repr__(self) -> str:
        return f"ServerReply({self.status}, {len(self.body)} bytes)"


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one client may ask of the server.

    `request_s` is for one whole request from the connection's (or the previous reply's) next
    byte on; `idle_s` is between requests. `hits` is how many connections are served before the
    server stops listening, None for ever.
    """

    target_bytes: int = 16 << 10
    head_bytes: int = 32 << 10
    body_bytes: int = 8 << 20
    message_bytes: int = 16 << 20
    unread_messages: int = 4096
    unsent_bytes: int = 64 << 20
    request_s: float = 30.0
    idle_s: float = 75.0
    connections: int = 1000
    hits: int | None = None
    keeps_alive: bool = True


class SocketClosed(Exception):
    """The WebSocket is closed; 1006 when the connection ended without a closing handshake."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code} {reason}".strip())
        self.code = code
        self.reason = reason


class WireSocket(Protocol):
    """One accepted WebSocket, as a site sees it."""

    @property
    def request(self) -> ServerRequest: ...
    def send(self, data: str | bytes) -> None:
        """Buffer one message; what is sent in one turn of the loop leaves in one write."""

    async def drain(self) -> None:
        """Wait until the client takes more; raises SocketClosed."""

    async def receive(self) -> str | bytes:
        """Give the next message; raises SocketClosed."""

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


def request_from_target(
    method: str, target: str, headers: Mapping[str, str], body: bytes
) -> ServerRequest:
    """Split a request target; more query fields than anyone sends are a ValueError."""
    path, _, query = target.partition("?")
    pairs = tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS))
    first: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    return ServerRequest(
        method=method,
        path=unquote(path),
        query=first,
        query_all=pairs,
        headers=headers,
        body=body,
        target=target,
    )


def json_reply(
    obj: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> ServerReply:
    """Write a reply as JSON; Decimals become exact JSON numbers."""
    return ServerReply(
        status=status,
        headers={"Content-Type": "application/json", **(headers or {})},
        body=_ENCODER.encode(obj),
    )
