"""One connection to the server: h11 reads requests until one of them becomes a WebSocket."""

import asyncio
from http import HTTPStatus
from typing import Final, Protocol

import h11
from typing_extensions import override
from websockets.datastructures import Headers
from websockets.http11 import Request as Handshake
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from brokers.net.server_socket import QUIET, ServerSocket, reset
from brokers.net.server_values import (
    ServerLimits,
    ServerReply,
    ServerRequest,
    request_from_target,
)

_LINGER_S: Final = 1.0
_EARLY_BYTES: Final = 256 << 10
_BODILESS: Final = frozenset({204, 304})


class Site(Protocol):
    """What is served: replies to requests, and conversations over WebSockets."""

    async def respond(self, request: ServerRequest) -> ServerReply: ...
    async def admit(self, request: ServerRequest) -> ServerReply | None:
        """Give None to accept a WebSocket, or the reply that refuses it."""

    async def converse(self, socket: ServerSocket) -> None:
        """Speak until SocketClosed, or return to have it closed with 1000."""


class Hub(Protocol):
    """What all connections of one server share."""

    @property
    def site(self) -> Site: ...
    @property
    def limits(self) -> ServerLimits: ...
    def opened(self, connection: "Connection") -> bool: ...
    def lost(self, connection: "Connection") -> None: ...
    def start(self, connection: "Connection", request: ServerRequest) -> None: ...


class Connection(asyncio.Protocol):
    """Bytes to requests, one at a time and in order, and replies to bytes."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._limits = hub.limits
        self._loop = asyncio.get_running_loop()
        self._h11 = h11.Connection(
            h11.SERVER, max_incomplete_event_size=self._limits.head_bytes + 1
        )
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._is_busy = False
        self._is_ending = False
        self._is_waiting = False
        self._early_bytes = 0
        self._has_eof = False
        self._socket: ServerSocket | None = None

    # What asyncio calls.

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._hub.opened(self):
            transport.abort()
            return
        self._arm(self._limits.request_s)

    @override
    def data_received(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.feed(data)
            return
        if self._is_ending:
            return
        if self._is_waiting:
            self._is_waiting = False
            self._arm(self._limits.request_s)
        self._h11.receive_data(data)
        if not self._is_busy:
            self._parse()
            return
        self._early_bytes += len(data)
        if self._early_bytes > _EARLY_BYTES and self._transport is not None:
            self._transport.pause_reading()

    @override
    def eof_received(self) -> bool:
        if self._socket is not None:
            self._socket.feed_eof()
            return False
        if self._is_ending:
            return False
        self._has_eof = True
        self._h11.receive_data(b"")
        if not self._is_busy:
            self._parse()
        # A client may close its half and still wait for the reply.
        return self._is_busy

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._transport = None
        self._hub.lost(self)
        if self._socket is not None:
            self._socket.lost()

    @override
    def pause_writing(self) -> None:
        if self._socket is not None:
            self._socket.pause_writing()

    @override
    def resume_writing(self) -> None:
        if self._socket is not None:
            self._socket.resume_writing()

    # What the server calls.

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def fail(self) -> None:
        """End what a failing site left behind: a request gets 500, a WebSocket is broken off."""
        if self._socket is not None:
            self.abort()
        elif self._is_busy:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)

    def reply(self, reply: ServerReply) -> None:
        """Answer the request in hand; the connection then reads on or ends."""
        transport = self._transport
        if transport is None or self._is_ending:
            return
        wire = self._encode(reply)
        if reply.cut_at is not None:
            self._cut(transport, wire, reply)
            return
        transport.write(wire)
        if self._h11.our_state is h11.MUST_CLOSE:
            self._end()
            return
        self._h11.start_next_cycle()
        self._is_busy = False
        self._is_waiting = not self._h11.trailing_data[0]
        self._arm(self._limits.idle_s if self._is_waiting else self._limits.request_s)
        if self._early_bytes:
            self._early_bytes = 0
            transport.resume_reading()
        self._parse()

    def upgrade(self, request: ServerRequest) -> ServerSocket | None:
        """Accept the WebSocket; None when its handshake was refused or the client is gone."""
        transport = self._transport
        if transport is None:
            return None
        protocol = ServerProtocol(state=OPEN, max_size=self._limits.message_bytes, logger=QUIET)
        response = protocol.accept(Handshake(request.target, Headers(request.headers)))
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            headers = dict(response.headers.raw_items())
            self.reply(
                ServerReply(status=response.status_code, headers=headers, body=bytes(response.body))
            )
            return None
        # The site's clock is not ours: it puts its own date where it wants one.
        del response.headers["Date"]
        transport.write(response.serialize())
        self._socket = ServerSocket(request, protocol, transport, self._limits)
        early = self._h11.trailing_data[0]
        if early:
            self._socket.feed(early)
        return self._socket

    # Inside.

    def _parse(self) -> None:
        """Read events until the request is whole or more bytes are needed."""
        while not self._is_busy and not self._is_ending:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint or 400)
                return
            if event is h11.NEED_DATA:
                self._invite()
                return
            if isinstance(event, h11.Request):
                self._take_head(event)
            elif isinstance(event, h11.Data):
                self._take_body(event)
            elif isinstance(event, h11.EndOfMessage):
                self._dispatch()
            else:
                self._end()

    def _take_head(self, event: h11.Request) -> None:
        self._request = event
        self._body.clear()
        if len(event.target) > self._limits.target_bytes:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif sum(len(name) + len(value) + 4 for name, value in event.headers) > (
            self._limits.head_bytes
        ):
            # h11 limits a head that is not whole yet; one that came at once it lets through.
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif event.method == b"CONNECT":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED)

    def _take_body(self, event: h11.Data) -> None:
        self._body += event.data
        if len(self._body) > self._limits.body_bytes:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def _dispatch(self) -> None:
        self._disarm()
        event = self._request
        assert event is not None
        headers: dict[str, str] = {}
        for name, value in event.headers:
            key = name.decode("latin-1")
            text = value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        try:
            request = request_from_target(
                event.method.decode("ascii"),
                event.target.decode("latin-1"),
                headers,
                bytes(self._body),
            )
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        self._is_busy = True
        self._hub.start(self, request)

    def _invite(self) -> None:
        if self._h11.they_are_waiting_for_100_continue and self._transport is not None:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            self._transport.write(self._h11.send(go_on) or b"")

    def _encode(self, reply: ServerReply) -> bytes:
        headers = [(name, value) for name, value in reply.headers.items()]
        named = {name.lower() for name, _ in headers}
        if "content-length" not in named and reply.status not in _BODILESS:
            headers.append(("Content-Length", str(len(reply.body))))
        if not self._limits.keeps_alive and "connection" not in named:
            headers.append(("Connection", "close"))
        response = h11.Response(
            status_code=reply.status, headers=headers, reason=_reason(reply.status)
        )
        wire = self._h11.send(response) or b""
        is_head = self._request is not None and self._request.method == b"HEAD"
        if reply.body and not is_head and reply.status not in _BODILESS:
            wire += self._h11.send(h11.Data(data=reply.body)) or b""
        return wire + (self._h11.send(h11.EndOfMessage()) or b"")

    def _cut(self, transport: asyncio.Transport, wire: bytes, reply: ServerReply) -> None:
        cut_at = reply.cut_at or 0
        self._is_ending = True
        if cut_at > 0:
            transport.write(wire[:cut_at])
        if cut_at < 0 or reply.is_reset:
            reset(transport)
        else:
            transport.close()

    def _refuse(self, status: int) -> None:
        """Answer a request that cannot be read, as far as HTTP allows, and end."""
        if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self._transport is not None:
            response = h11.Response(
                status_code=status,
                headers=[("Content-Length", "0"), ("Connection", "close")],
                reason=_reason(status),
            )
            wire = self._h11.send(response) or b""
            self._transport.write(wire + (self._h11.send(h11.EndOfMessage()) or b""))
        self._end()

    def _end(self) -> None:
        """Close our half and give the client a moment to read before the rest is dropped."""
        self._is_ending = True
        self._is_busy = False
        transport = self._transport
        if transport is None:
            return
        if transport.can_write_eof() and not transport.is_closing() and not self._has_eof:
            transport.write_eof()
            transport.resume_reading()
            self._arm(_LINGER_S)
        else:
            transport.close()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, self._timed_out)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timed_out(self) -> None:
        self._timer = None
        if self._is_ending or self._is_waiting or self._request is None:
            self.abort()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
