"""What the host does to a face's replies and sockets when trouble is armed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from brokers.net.server import Server, serve
from brokers.practice.broken import BrokenSite
from brokers.practice.faults import Faults, FaultValue
from tests.brokers.practice.faces import SmallFace

DATE = "Fri, 20 Nov 2026 04:30:00 GMT"


class Rig:
    def __init__(self, face: SmallFace, faults: Faults, server: Server) -> None:
        self.face, self.faults, self.server = face, faults, server
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}/rest", trust_env=False, timeout=5
        )

    async def place(self) -> httpx.Response:
        return await self.http.post("/place", content="{}")

    def arm(self, what: str, where: str, value: FaultValue = None, times: int = 1) -> None:
        self.faults.arm("alpha", where, what, times, value)

    @contextlib.asynccontextmanager
    async def socket(self, path: str = "/feed") -> AsyncIterator[ClientConnection]:
        url = f"ws://127.0.0.1:{self.server.port}{path}"
        async with connect(url, compression=None, proxy=None, close_timeout=0.2) as socket:
            yield socket

    async def echo(self, socket: ClientConnection, text: str) -> str:
        await socket.send(text)
        return str(await asyncio.wait_for(socket.recv(), 5))


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    face, faults = SmallFace(), Faults()
    broken = BrokenSite(face, faults, lambda: DATE)
    server = await serve(broken)
    rig = Rig(face, faults, server)
    yield rig
    await rig.http.aclose()
    await server.close()
    await broken.close()


async def silent(socket: ClientConnection) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await socket.recv()
    except TimeoutError:
        return True
    return False


async def test_without_faults_a_reply_only_gets_the_exchanges_date(rig: Rig) -> None:
    reply = await rig.place()
    assert reply.json() == {"orders": 1}
    assert reply.headers["date"] == DATE


async def test_a_lost_reply_has_done_its_work(rig: Rig) -> None:
    rig.arm("lose_reply", "place")
    with pytest.raises(httpx.RemoteProtocolError):
        await rig.place()
    assert rig.face.orders == 1
    assert (await rig.place()).json() == {"orders": 2}


async def test_a_reset_before_has_done_nothing(rig: Rig) -> None:
    rig.arm("reset_before", "place")
    with pytest.raises(httpx.ReadError):
        await rig.place()
    assert rig.face.orders == 0


@pytest.mark.parametrize("at", [0, 10, 40])
async def test_a_reset_at_a_byte_has_done_its_work(rig: Rig, at: int) -> None:
    rig.arm("reset_at_byte", "place", at)
    with pytest.raises(httpx.TransportError):
        await rig.place()
    assert rig.face.orders == 1


async def test_a_status_an_html_page_and_a_rejection_come_instead_of_the_work(rig: Rig) -> None:
    rig.arm("status", "place", 503)
    rig.arm("html", "any")
    rig.arm("reject", "place", "not today")
    reply = await rig.place()
    assert (reply.status_code, reply.content) == (503, b"")
    reply = await rig.place()
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    reply = await rig.place()
    assert reply.json()["message"] == "not today"
    assert rig.face.orders == 0
    assert (await rig.place()).json() == {"orders": 1}


async def test_a_fault_the_face_has_no_answer_for_does_not_strike(rig: Rig) -> None:
    rig.arm("reject", "orderbook", "no")
    assert (await rig.http.get("/orderbook")).json() == {"orders": 0}


async def test_a_reply_is_truncated_to_its_first_bytes(rig: Rig) -> None:
    rig.arm("truncate", "place", 5)
    assert (await rig.place()).content == b'{"ord'


async def test_a_reply_is_rubbish_or_spoilt_after_the_work(rig: Rig) -> None:
    rig.arm("garbage", "place", "fffe")
    rig.arm("wrong_type", "place")
    assert (await rig.place()).content == b"\xff\xfe"
    assert (await rig.place()).json() == {"spoilt": "wrong_type"}
    assert rig.face.orders == 2


async def test_a_delayed_reply_comes_after_its_work(rig: Rig) -> None:
    rig.arm("delay", "place", 0.1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    placing = asyncio.ensure_future(rig.place())
    await rig.face.ordered.wait()
    assert not placing.done()
    assert (await placing).json() == {"orders": 1}
    assert loop.time() - began >= 0.1


async def test_an_event_may_come_first_because_the_reply_waits(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokers.practice.broken._EVENT_FIRST_S", 0.05)
    rig.arm("event_first", "place")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rig.place()
    assert loop.time() - began >= 0.05


async def test_a_handshake_can_be_refused(rig: Rig) -> None:
    rig.arm("status", "feed", 503)
    with pytest.raises(InvalidStatus) as caught:
        async with rig.socket():
            pass
    assert caught.value.response.status_code == 503
    async with rig.socket() as socket:
        assert await rig.echo(socket, "x") == "x"


async def test_a_mute_socket_stays_open_and_swallows_frames(rig: Rig) -> None:
    async with rig.socket() as socket, rig.socket("/orderfeed") as other:
        assert await rig.echo(socket, "before") == "before"
        rig.arm("mute", "feed", times=2)
        await socket.send("one")
        await socket.send("two")
        assert await rig.echo(socket, "three") == "three"
        assert await rig.echo(other, "other") == "other"
        await (await socket.ping())


async def test_a_new_connection_is_mute_too_until_all_is_disarmed(rig: Rig) -> None:
    rig.arm("mute", "any", times=100)
    async with rig.socket() as socket:
        await socket.send("one")
        assert await silent(socket)
        rig.faults.disarm()
        assert await rig.echo(socket, "two") == "two"


async def test_closing_acts_at_once_on_every_open_socket(rig: Rig) -> None:
    async with rig.socket() as socket, rig.socket("/orderfeed") as other:
        await rig.echo(socket, "x")
        await rig.echo(other, "x")
        rig.arm("close", "any", 1000)
        for each in (socket, other):
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(each.recv(), 5)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1000
    async with rig.socket() as socket:
        assert await rig.echo(socket, "again") == "again"


async def test_new_connections_are_closed_while_it_lasts(rig: Rig) -> None:
    rig.arm("close", "feed", 4001, times=2)
    for _ in range(2):
        async with rig.socket() as socket:
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(socket.recv(), 5)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4001
    async with rig.socket() as socket:
        assert await rig.echo(socket, "again") == "again"


async def test_code_1006_breaks_off_without_a_farewell(rig: Rig) -> None:
    async with rig.socket() as socket:
        await rig.echo(socket, "x")
        rig.arm("close", "feed", 1006)
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), 5)
        assert caught.value.rcvd is None


async def test_a_half_open_socket_answers_nothing_not_even_a_ping(rig: Rig) -> None:
    async with rig.socket() as socket:
        await rig.echo(socket, "x")
        rig.arm("half_open", "feed", times=100)
        pong = asyncio.ensure_future(await socket.ping())
        await socket.send("hello?")
        assert await silent(socket)
        assert not pong.done()
        rig.faults.disarm()
        assert await asyncio.wait_for(socket.recv(), 5) == "hello?"
        await asyncio.wait_for(pong, 5)


async def test_a_half_open_socket_wakes_after_its_frames_are_swallowed(rig: Rig) -> None:
    async with rig.socket() as socket:
        await rig.echo(socket, "x")
        rig.arm("half_open", "feed", times=2)
        inside = rig.face.sockets[0]
        for text in ("one", "two", "three"):
            inside.send(text)
        assert await asyncio.wait_for(socket.recv(), 5) == "three"


async def test_a_new_connection_is_half_open_too(rig: Rig) -> None:
    rig.arm("half_open", "feed", times=100)
    async with rig.socket() as socket:
        await socket.send("hello?")
        assert await silent(socket)
        rig.faults.disarm()
        assert await asyncio.wait_for(socket.recv(), 5) == "hello?"


async def test_rubbish_is_sent_at_once_and_before_the_next_frames(rig: Rig) -> None:
    async with rig.socket() as socket:
        await rig.echo(socket, "x")
        rig.arm("garbage", "feed", "00ff", times=2)
        assert await asyncio.wait_for(socket.recv(), 5) == b"\x00\xff"
        await socket.send("real")
        assert await asyncio.wait_for(socket.recv(), 5) == b"\x00\xff"
        assert await asyncio.wait_for(socket.recv(), 5) == "real"


async def test_a_huge_frame_has_its_size(rig: Rig) -> None:
    async with rig.socket() as socket:
        await rig.echo(socket, "x")
        rig.arm("huge_frame", "feed", 100_000)
        assert len(await asyncio.wait_for(socket.recv(), 5)) == 100_000


async def test_a_client_that_leaves_a_half_open_socket_is_noticed_later(rig: Rig) -> None:
    async with rig.socket() as socket:
        await rig.echo(socket, "x")
        rig.arm("half_open", "feed", times=100)
        socket.transport.abort()
    rig.faults.disarm()
    await asyncio.wait_for(rig.face.left.wait(), 5)
