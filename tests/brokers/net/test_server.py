"""The server: HTTP and WebSockets on one port, its limits, and the ways it breaks on purpose."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from brokers.net.server import (
    Server,
    ServerLimits,
    ServerReply,
    ServerRequest,
    ServerSocket,
    SocketClosed,
    json_reply,
    serve,
)

Handler = Callable[[ServerRequest], Awaitable[ServerReply]]


async def echo(request: ServerRequest) -> ServerReply:
    return json_reply(
        {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "pairs": request.query_all,
            "body": request.body.decode(),
            "note": request.headers.get("x-note", ""),
        }
    )


class EchoSite:
    """Answers with what it was asked, talks back what it is told."""

    def __init__(self, respond: Handler = echo) -> None:
        self._respond = respond
        self.sockets: asyncio.Queue[ServerSocket] = asyncio.Queue()
        self.endings: asyncio.Queue[SocketClosed] = asyncio.Queue()

    async def respond(self, request: ServerRequest) -> ServerReply:
        return await self._respond(request)

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        return None if request.query.get("token") == "good" else ServerReply(status=403)

    async def converse(self, socket: ServerSocket) -> None:
        self.sockets.put_nowait(socket)
        try:
            while True:
                socket.send(await socket.receive())
        except SocketClosed as closed:
            self.endings.put_nowait(closed)
            raise


@contextlib.asynccontextmanager
async def serving(site: EchoSite, limits: ServerLimits | None = None) -> AsyncIterator[Server]:
    server = await serve(site, limits=limits or ServerLimits())
    try:
        yield server
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=5) as http:
        yield http


def websocket(server: Server, token: str = "good") -> connect:
    return connect(f"ws://127.0.0.1:{server.port}/feed?token={token}", compression=None, proxy=None)


async def raw(server: Server, data: bytes) -> bytes:
    """Send bytes, read until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_a_request_arrives_decoded_and_its_reply_leaves() -> None:
    async with serving(EchoSite()) as server, client(server) as http:
        reply = await http.post(
            "/api/v3/orders?symbol=NSE:M%26M-EQ&a=1&a=2&empty=",
            content="{}",
            headers={"X-Note": "n"},
        )
    assert reply.json() == {
        "method": "POST",
        "path": "/api/v3/orders",
        "query": {"symbol": "NSE:M&M-EQ", "a": "1", "empty": ""},
        "pairs": [["symbol", "NSE:M&M-EQ"], ["a", "1"], ["a", "2"], ["empty", ""]],
        "body": "{}",
        "note": "n",
    }


async def test_delete_and_patch_carry_bodies() -> None:
    async with serving(EchoSite()) as server, client(server) as http:
        for method in ("DELETE", "PATCH", "PUT"):
            reply = await http.request(method, "/x", content='{"id": "7"}')
            assert reply.json()["body"] == '{"id": "7"}'


async def test_one_connection_serves_many_requests_in_order() -> None:
    async with serving(EchoSite()) as server:
        asked = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % at for at in range(20))
        told = await raw(
            server, asked + b"GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        assert [told.index(b'"/%d"' % at) for at in range(20)] == sorted(
            told.index(b'"/%d"' % at) for at in range(20)
        )
        assert told.count(b"HTTP/1.1 200") == 21


async def test_a_head_request_gets_the_head_only() -> None:
    async with serving(EchoSite()) as server, client(server) as http:
        reply = await http.head("/x")
        assert (reply.status_code, reply.content) == (200, b"")
        assert int(reply.headers["content-length"]) > 0


async def test_a_client_that_waits_for_100_continue_is_invited() -> None:
    async with serving(EchoSite()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        await reader.readline()
        writer.write(b"hi")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_client_that_closed_its_half_still_gets_its_reply() -> None:
    async with serving(EchoSite()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.write_eof()
        assert b"HTTP/1.1 200" in await reader.read()
        writer.close()


async def test_exact_numbers_leave_exactly() -> None:
    async def respond(_: ServerRequest) -> ServerReply:
        return json_reply({"price": Decimal("825.40")}, headers={"X-A": "b"})

    async with serving(EchoSite(respond)) as server, client(server) as http:
        reply = await http.get("/x")
        assert reply.content == b'{"price":825.40}'
        assert reply.headers["x-a"] == "b"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + b"b" * 2000, b"413"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    ],
)
async def test_what_is_too_large_or_no_http_is_refused_and_the_connection_ends(
    request_bytes: bytes, status: bytes
) -> None:
    limits = ServerLimits(target_bytes=2048, head_bytes=8192, body_bytes=1024)
    async with serving(EchoSite(), limits) as server:
        told = await raw(server, request_bytes)
        assert told.startswith(b"HTTP/1.1 " + status)
        assert told.endswith(b"\r\n\r\n")


async def test_a_request_that_never_ends_is_cut_off_in_time() -> None:
    async with serving(EchoSite(), ServerLimits(request_s=0.1)) as server:
        assert await raw(server, b"GET / HTTP/1.1\r\nHost:") == b""
        started = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"
        assert (await raw(server, started)).startswith(b"HTTP/1.1 408")


async def test_an_idle_connection_is_dropped() -> None:
    async with serving(EchoSite(), ServerLimits(idle_s=0.1)) as server:
        assert b"HTTP/1.1 200" in await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_more_connections_than_allowed_are_dropped_unheard() -> None:
    async with serving(EchoSite(), ServerLimits(connections=1)) as server:
        _, first = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            assert await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        first.close()


async def test_after_its_hits_the_server_stops_listening() -> None:
    async with serving(EchoSite(), ServerLimits(hits=2, keeps_alive=False)) as server:
        for _ in range(2):
            assert await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(5):
            await server.exhausted.wait()
        with pytest.raises(OSError):  # noqa: PT011  # refused or reset, as the system likes
            await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


@pytest.mark.parametrize("cut_at", [0, 1, 17, 60])
async def test_a_reply_is_cut_after_exactly_k_bytes(cut_at: int) -> None:
    async def respond(_: ServerRequest) -> ServerReply:
        return ServerReply(body=b"x" * 100, cut_at=cut_at)

    async with serving(EchoSite(respond)) as server:
        told = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len(told) == cut_at


@pytest.mark.parametrize("cut_at", [-1, 5])
async def test_a_cut_can_be_a_reset(cut_at: int) -> None:
    async def respond(_: ServerRequest) -> ServerReply:
        return ServerReply(body=b"x" * 100, cut_at=cut_at, is_reset=True)

    async with serving(EchoSite(respond)) as server:
        with pytest.raises(ConnectionResetError):
            await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_a_failing_site_is_a_500_and_is_reported() -> None:
    async def respond(_: ServerRequest) -> ServerReply:
        raise RuntimeError("the site failed")

    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: reported.append(context["exception"])
    )
    async with serving(EchoSite(respond)) as server, client(server) as http:
        assert (await http.get("/x")).status_code == 500
    assert [str(each) for each in reported] == ["the site failed"]


async def test_a_taken_port_is_an_error() -> None:
    async with serving(EchoSite()) as server:
        with pytest.raises(OSError) as caught:  # noqa: PT011  # its number is what counts
            await serve(EchoSite(), port=server.port)
        assert caught.value.errno == errno.EADDRINUSE


async def test_a_websocket_echoes_texts_and_bytes() -> None:
    async with serving(EchoSite()) as server, websocket(server) as ws:
        await ws.send("₹ 825.40")
        assert await ws.recv() == "₹ 825.40"
        await ws.send(b"\x00\x01")
        assert await ws.recv() == b"\x00\x01"
        await ws.send(["in ", "three ", "fragments"])
        assert await ws.recv() == "in three fragments"
        assert (await (await ws.ping())) >= 0


async def test_a_websocket_with_a_bad_token_is_refused() -> None:
    async with serving(EchoSite()) as server:
        with pytest.raises(InvalidStatus) as caught:
            async with websocket(server, "bad"):
                pass
        assert caught.value.response.status_code == 403


async def test_a_broken_handshake_is_refused_in_http() -> None:
    async with serving(EchoSite()) as server:
        told = await raw(
            server,
            b"GET /feed?token=good HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        assert told.startswith(b"HTTP/1.1 400")


async def _accepted(site: EchoSite, ws: ClientConnection) -> ServerSocket:
    await ws.send("hello")
    await ws.recv()
    return site.sockets.get_nowait()


async def test_many_messages_leave_in_one_turn_and_in_order() -> None:
    site = EchoSite()
    async with serving(site) as server, websocket(server) as ws:
        socket = await _accepted(site, ws)
        for number in range(500):
            socket.send(str(number))
        await socket.drain()
        assert [await ws.recv() for _ in range(500)] == [str(number) for number in range(500)]


async def test_a_clients_close_reaches_the_site_with_its_code() -> None:
    site = EchoSite()
    async with serving(site) as server:
        async with websocket(server) as ws:
            await ws.close(4001, "bye")
        closed = await asyncio.wait_for(site.endings.get(), 5)
        assert (closed.code, closed.reason) == (4001, "bye")


async def test_a_site_closes_with_its_code() -> None:
    site = EchoSite()
    async with serving(site) as server, websocket(server) as ws:
        await (await _accepted(site, ws)).close(4002, "done")
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4002, "done")


async def test_code_1006_is_a_reset_without_a_word() -> None:
    site = EchoSite()
    async with serving(site) as server, websocket(server) as ws:
        await (await _accepted(site, ws)).close(1006)
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd is None


async def test_a_message_above_the_limit_closes_with_1009() -> None:
    site = EchoSite()
    async with serving(site, ServerLimits(message_bytes=1000)) as server, websocket(server) as ws:
        await ws.send([b"a" * 600, b"a" * 600])
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


async def test_text_that_is_no_utf8_closes_with_1007() -> None:
    site = EchoSite()
    async with serving(site) as server, websocket(server) as ws:
        await ws.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1007


async def test_an_unmasked_frame_is_a_protocol_error() -> None:
    async with serving(EchoSite()) as server:
        handshake = (
            b"GET /?token=good HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        told = await raw(server, handshake + b"\x81\x02hi")
        assert told.startswith(b"HTTP/1.1 101")
        assert b"\x88" in told  # a close frame
        assert (1002).to_bytes(2, "big") in told


async def test_a_flooding_client_is_held_back_and_nothing_is_lost() -> None:
    site = EchoSite()
    async with serving(site, ServerLimits(unread_messages=8)) as server, websocket(server) as ws:
        sending = asyncio.ensure_future(_send_all(ws, 1000))
        assert [await ws.recv() for _ in range(1000)] == [str(number) for number in range(1000)]
        await sending


async def _send_all(ws: ClientConnection, count: int) -> None:
    for number in range(count):
        await ws.send(str(number))


async def test_a_gate_swallows_messages() -> None:
    site = EchoSite()
    async with serving(site) as server, websocket(server) as ws:
        socket = await _accepted(site, ws)
        socket.gate = lambda data: data != "secret"
        socket.send("secret")
        socket.send("open")
        assert await ws.recv() == "open"


async def test_a_frozen_socket_answers_no_ping_until_it_thaws() -> None:
    site = EchoSite()
    async with serving(site) as server, websocket(server) as ws:
        socket = await _accepted(site, ws)
        socket.freeze()
        socket.send("late")
        pong = await ws.ping()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.shield(pong)
        socket.thaw()
        assert await asyncio.wait_for(ws.recv(), 5) == "late"
        await asyncio.wait_for(pong, 5)


async def test_closing_the_server_ends_every_connection_and_task() -> None:
    site = EchoSite()
    server = await serve(site)
    async with websocket(server) as ws:
        await _accepted(site, ws)
        await server.close()
        with pytest.raises(ConnectionClosed):
            await ws.recv()
    assert server.connections == 0


async def test_closing_the_server_does_not_wait_for_a_slow_reply() -> None:
    entered = asyncio.Event()

    async def respond(_: ServerRequest) -> ServerReply:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    server = await serve(EchoSite(respond))
    asking = asyncio.ensure_future(raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    await entered.wait()
    await server.close()
    with contextlib.suppress(ConnectionError):
        assert await asking == b""
