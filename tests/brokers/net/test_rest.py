"""The HTTP client: at most one request, and an error that tells whether it left."""

import asyncio
import contextlib
import gzip
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from brokers.errors import NotSent, OutcomeUnknown
from brokers.model.login import Reply, Request
from brokers.net.rest import Rest, ServerClock
from brokers.net.server import Server, ServerReply, ServerRequest, ServerSocket, json_reply, serve
from brokers.wire.budget import Budget, Lane

PLENTY = ((10_000, 1.0),)
SECOND_NS = 1_000_000_000
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Orders:
    """Takes orders and counts them, then answers as it is told."""

    def __init__(self, reply: ServerReply | None = None) -> None:
        self.reply = reply or json_reply({"s": "ok"}, headers={"X-Answer": "Yes"})
        self.seen: list[ServerRequest] = []
        self.has_arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def respond(self, request: ServerRequest) -> ServerReply:
        self.seen.append(request)
        self.has_arrived.set()
        await self.may_answer.wait()
        return self.reply

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        del request
        return ServerReply(status=404)

    async def converse(self, socket: ServerSocket) -> None:
        raise AssertionError(socket)


@contextlib.asynccontextmanager
async def joined(orders: Orders, rest: Rest | None = None) -> AsyncIterator[tuple[Rest, Server]]:
    server = await serve(orders)
    rest = rest or Rest(Budget(PLENTY))
    try:
        yield rest, server
    finally:
        await rest.close()
        await server.close()


@contextlib.asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def order(port: int, path: str = "/orders") -> Request:
    return Request(
        method="POST",
        url=f"http://127.0.0.1:{port}{path}",
        headers={"Authorization": "APP-100:TOKEN"},
        body=b'{"qty":1}',
    )


async def place(rest: Rest, port: int, path: str = "/orders") -> Reply:
    return await rest.send(order(port, path), lane=Lane.PLACE, is_write=True)


async def test_a_request_leaves_as_it_was_built_and_its_reply_comes_back() -> None:
    orders = Orders()
    async with joined(orders) as (rest, server):
        reply = await place(rest, server.port)
    assert (reply.status, reply.body) == (200, b'{"s":"ok"}')
    assert reply.headers["x-answer"] == "Yes"
    assert orders.seen[0].method == "POST"
    assert orders.seen[0].body == b'{"qty":1}'
    assert orders.seen[0].headers["authorization"] == "APP-100:TOKEN"


@pytest.mark.parametrize("status", [301, 307, 308, 400, 401, 429, 500, 503])
async def test_every_status_is_a_reply_and_no_redirect_is_followed(status: int) -> None:
    orders = Orders(ServerReply(status=status, headers={"Location": "/elsewhere"}))
    async with joined(orders) as (rest, server):
        assert (await place(rest, server.port)).status == status
    assert len(orders.seen) == 1


async def test_an_unreachable_broker_is_not_sent() -> None:
    server = await serve(Orders())
    await server.close()
    rest = Rest(Budget(PLENTY))
    with pytest.raises(NotSent, match="could not be reached"):
        await place(rest, server.port)
    await rest.close()


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "http://[::1/x", "nonsense", "http://127.0.0.1:99999/x"]
)
async def test_an_address_that_cannot_be_used_is_not_sent_and_not_shown(url: str) -> None:
    rest = Rest(Budget(PLENTY))
    with pytest.raises(NotSent) as caught:
        await rest.send(Request(method="POST", url=f"{url}?token=SECRET"), lane=Lane.PLACE)
    assert "SECRET" not in str(caught.value)
    await rest.close()


async def test_a_header_that_cannot_be_sent_never_leaves() -> None:
    orders = Orders()
    async with joined(orders) as (rest, server):
        bad = Request(
            method="POST",
            url=f"http://127.0.0.1:{server.port}/",
            headers={"Authorization": "टोकन"},
        )
        with pytest.raises(NotSent):
            await rest.send(bad, lane=Lane.PLACE, is_write=True)
    assert not orders.seen


async def test_a_reply_cut_at_any_byte_leaves_the_outcome_unknown() -> None:
    whole = len(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n") + 50
    for cut_at in [-1, *range(whole)]:
        orders = Orders(ServerReply(body=b"x" * 50, cut_at=cut_at, is_reset=cut_at % 2 == 0))
        async with joined(orders) as (rest, server):
            with pytest.raises(OutcomeUnknown):
                await place(rest, server.port)
        assert len(orders.seen) == 1, f"sent again after a cut at byte {cut_at}"


async def test_a_connection_reset_while_the_request_arrives_leaves_it_unknown() -> None:
    for taken in (0, 1, 20, 60):

        async def talk(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, taken: int = taken
        ) -> None:
            if taken:
                await reader.readexactly(taken)
            writer.transport.abort()

        async with raw_server(talk) as port:
            rest = Rest(Budget(PLENTY))
            with pytest.raises(OutcomeUnknown):
                await place(rest, port)
            await rest.close()


async def test_silence_after_the_request_is_unknown() -> None:
    orders = Orders()
    orders.may_answer.clear()
    async with joined(orders, Rest(Budget(PLENTY), read_s=0.05)) as (rest, server):
        with pytest.raises(OutcomeUnknown, match="no reply in time"):
            await place(rest, server.port)
    assert len(orders.seen) == 1


async def test_a_reply_that_drips_for_ever_meets_the_deadline() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with raw_server(talk) as port:
        rest = Rest(Budget(PLENTY))
        with pytest.raises(OutcomeUnknown, match="no whole reply"):
            await rest.send(order(port), lane=Lane.PLACE, is_write=True, deadline_s=0.1)
        await rest.close()


async def test_a_write_cancelled_after_its_first_byte_is_unknown() -> None:
    orders = Orders()
    orders.may_answer.clear()
    async with joined(orders) as (rest, server):
        placing = asyncio.ensure_future(place(rest, server.port))
        await orders.has_arrived.wait()
        placing.cancel()
        with pytest.raises(OutcomeUnknown, match="cancelled"):
            await placing


async def test_a_read_is_simply_cancelled() -> None:
    orders = Orders()
    orders.may_answer.clear()
    async with joined(orders) as (rest, server):
        reading = asyncio.ensure_future(rest.send(order(server.port), lane=Lane.READ))
        await orders.has_arrived.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_a_write_cancelled_while_it_waits_its_turn_never_leaves() -> None:
    orders = Orders()
    async with joined(orders, Rest(Budget(((1, 20.0),)))) as (rest, server):
        await place(rest, server.port)
        placing = asyncio.ensure_future(place(rest, server.port))
        await asyncio.sleep(0)
        placing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await placing
    assert len(orders.seen) == 1


async def test_a_used_up_budget_is_not_sent_with_its_time() -> None:
    orders = Orders()
    async with joined(orders, Rest(Budget(((1, 60.0),)))) as (rest, server):
        await place(rest, server.port)
        with pytest.raises(NotSent, match="used up for"):
            await place(rest, server.port)
    assert len(orders.seen) == 1


async def test_requests_wait_for_their_turn() -> None:
    orders = Orders()
    loop = asyncio.get_running_loop()
    async with joined(orders, Rest(Budget(((2, 0.1),)))) as (rest, server):
        began = loop.time()
        await asyncio.gather(*(rest.send(order(server.port), lane=Lane.CANCEL) for _ in range(5)))
        assert loop.time() - began >= 0.2
    assert len(orders.seen) == 5


async def test_a_429_slows_the_polls_down() -> None:
    budget = Budget(PLENTY)
    async with joined(Orders(ServerReply(status=429)), Rest(budget)) as (rest, server):
        await place(rest, server.port)
        with pytest.raises(NotSent, match="used up"):
            await rest.send(order(server.port), lane=Lane.BACKGROUND)


async def test_an_idle_connection_is_replaced_before_the_next_order() -> None:
    ports: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.append(writer.get_extra_info("peername")[1])
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b'{"qty":1}')
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(talk) as port:
        fresh, stale = Rest(Budget(PLENTY)), Rest(Budget(PLENTY), keep_s=0.0)
        for rest in (fresh, fresh, stale, stale):
            await place(rest, port)
        await fresh.close()
        await stale.close()
    assert len(ports) == 3


async def test_packed_replies_are_unpacked_and_broken_ones_are_unknown() -> None:
    packed = gzip.compress(b'{"s":"ok"}')
    headers = {"Content-Encoding": "gzip"}
    orders = Orders(ServerReply(headers=headers, body=packed))
    async with joined(orders) as (rest, server):
        assert (await place(rest, server.port)).body == b'{"s":"ok"}'
        orders.reply = ServerReply(headers=headers, body=b"\x1f\x8bnonsense")
        with pytest.raises(OutcomeUnknown, match="unpacked"):
            await place(rest, server.port)


async def test_an_unknown_packing_is_unknown() -> None:
    orders = Orders(ServerReply(headers={"Content-Encoding": "br"}, body=b"x"))
    async with joined(orders) as (rest, server):
        with pytest.raises(OutcomeUnknown, match="unknown way"):
            await place(rest, server.port)


async def test_a_large_packed_reply_is_unpacked_whole() -> None:
    body = random.Random(5).randbytes(400_000)
    packed = gzip.compress(body[:100]) + gzip.compress(body[100:])
    orders = Orders(ServerReply(headers={"Content-Encoding": "gzip"}, body=packed))
    async with joined(orders) as (rest, server):
        assert (await place(rest, server.port)).body == body


@pytest.mark.parametrize("packing", ["gzip", "identity"])
async def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch, packing: str) -> None:
    monkeypatch.setattr("brokers.net.rest.MAX_REPLY_BYTES", 1 << 20)
    bomb = b"0" * (8 << 20)
    body = gzip.compress(bomb) if packing == "gzip" else bomb
    orders = Orders(ServerReply(headers={"Content-Encoding": packing}, body=body))
    async with joined(orders) as (rest, server):
        with pytest.raises(OutcomeUnknown, match="larger than"):
            await place(rest, server.port)
        orders.reply = json_reply({"s": "ok"})
        assert (await place(rest, server.port)).status == 200


async def test_the_environment_cannot_redirect_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    orders = Orders()
    async with joined(orders) as (rest, server):
        assert (await place(rest, server.port)).status == 200


async def test_nothing_is_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with joined(Orders()) as (rest, server):
        await place(rest, server.port, "/orders?access_token=CANARY")
    assert "CANARY" not in caplog.text
    assert not [r for r in caplog.records if r.name.startswith(("httpx", "httpcore"))]


async def test_the_brokers_clock_is_learnt_from_its_replies() -> None:
    orders = Orders(ServerReply(headers={"Date": "Fri, 20 Nov 2026 04:30:00 GMT"}))
    async with joined(orders) as (rest, server):
        assert rest.server_offset_ns is None
        await place(rest, server.port)
        assert rest.server_offset_ns is not None


def test_many_dates_of_one_second_each_squeeze_the_offset() -> None:
    clock = ServerClock()
    offset_ns = 5_300_000_000
    for tenth in range(30):
        sent = 1_000 * SECOND_NS + tenth * 110_000_000
        there = sent + offset_ns
        second = there // SECOND_NS
        clock.take(_date(second), sent, sent + 1_000_000)
    assert clock.offset_ns is not None
    assert abs(clock.offset_ns - offset_ns) < 120_000_000


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    clock = ServerClock()
    clock.take(_date(1_000), 1_000 * SECOND_NS, 1_000 * SECOND_NS)
    clock.take(_date(9_000), 1_001 * SECOND_NS, 1_001 * SECOND_NS)
    assert clock.offset_ns is not None
    assert abs(clock.offset_ns - 7_999 * SECOND_NS) <= SECOND_NS
    clock.take("nonsense", 0, 0)
    assert abs(clock.offset_ns - 7_999 * SECOND_NS) <= SECOND_NS


def _date(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"Thu, 01 Jan 1970 {hours:02d}:{minutes:02d}:{seconds:02d} GMT"
