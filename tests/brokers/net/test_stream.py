"""The WebSocket driver: says it again after every loss, and knows when to stop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from brokers.errors import DecodeError, LoginExpired
from brokers.net import stream as stream_module
from brokers.net.server import (
    Server,
    ServerLimits,
    ServerReply,
    ServerRequest,
    ServerSocket,
    SocketClosed,
    serve,
)
from brokers.net.stream import DropConnection, Message, Stream, StreamTarget
from brokers.port import Link, LinkEvent, LinkState

Talk = Callable[[ServerSocket], Awaitable[None]]


async def listen(socket: ServerSocket) -> None:
    while True:
        await socket.receive()


class Feed:
    """A site that admits the good token and talks as it is told."""

    def __init__(self, talk: Talk = listen) -> None:
        self.talk = talk
        self.refusal: int | None = None
        self.requests: list[ServerRequest] = []
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        self.sockets: asyncio.Queue[ServerSocket] = asyncio.Queue()

    async def respond(self, request: ServerRequest) -> ServerReply:
        raise AssertionError(request)

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        self.requests.append(request)
        return None if self.refusal is None else ServerReply(status=self.refusal)

    async def converse(self, socket: ServerSocket) -> None:
        self.sockets.put_nowait(socket)
        receive = socket.receive

        async def overheard() -> Message:
            message = await receive()
            self.heard.put_nowait(message)
            return message

        socket.receive = overheard  # type: ignore[method-assign]  # to hear what was said
        await self.talk(socket)


class Session:
    """Says hello, keeps what it hears in batches."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[list[Message]] = asyncio.Queue()
        self.batch: list[Message] = []
        self.openings = 0
        self.answer: Callable[[Message], Sequence[Message]] = lambda _message: ()
        self.beats: Callable[[], Sequence[Message]] = lambda: ["ping"]

    def opened(self) -> Sequence[Message]:
        self.openings += 1
        return ["hello", b"subscribe"]

    def receive(self, message: Message) -> Sequence[Message]:
        answers = self.answer(message)
        self.batch.append(message)
        return answers

    def drained(self) -> None:
        if self.batch:
            self.batches.put_nowait(self.batch)
            self.batch = []

    def beat(self) -> Sequence[Message]:
        return self.beats()


class Links:
    """What was reported of the link, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[LinkEvent] = []
        self._changed = asyncio.Event()

    def __call__(self, event: LinkEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, state: LinkState, times: int = 1) -> LinkEvent:
        async with asyncio.timeout(10):
            while len(found := [e for e in self.events if e.state is state]) < times:
                self._changed.clear()
                await self._changed.wait()
        return found[times - 1]


class Rig:
    def __init__(self, feed: Feed, server: Server) -> None:
        self.feed, self.server = feed, server
        self.session, self.links = Session(), Links()
        self.tokens = iter(f"token-{n}" for n in range(1_000))
        self.stream = Stream(
            self.target, self.session, Link.FEED, self.links, beat_s=0.05, pace=lambda: 0.0
        )

    async def target(self) -> StreamTarget:
        url = f"ws://127.0.0.1:{self.server.port}/feed"
        return StreamTarget(url=url, headers={"Authorization": next(self.tokens)})

    async def heard(self, message: Message) -> None:
        async with asyncio.timeout(10):
            while await self.feed.heard.get() != message:
                pass


@contextlib.asynccontextmanager
async def streaming(feed: Feed, limits: ServerLimits | None = None) -> AsyncIterator[Rig]:
    server = await serve(feed, limits=limits or ServerLimits())
    rig = Rig(feed, server)
    rig.stream.start()
    try:
        yield rig
    finally:
        await rig.stream.close()
        await server.close()


async def test_a_session_speaks_first_and_its_answers_are_sent() -> None:
    feed = Feed()
    async with streaming(feed) as rig:
        rig.session.answer = lambda message: [f"ack {message!r}"]
        assert await feed.heard.get() == "hello"
        assert await feed.heard.get() == b"subscribe"
        socket = await feed.sockets.get()
        socket.send("tick")
        await rig.heard("ack 'tick'")
        assert [e.state for e in rig.links.events] == [LinkState.CONNECTING, LinkState.LIVE]
        assert feed.requests[0].headers["authorization"] == "token-0"


async def test_a_burst_is_handed_over_as_one_batch_in_order() -> None:
    feed = Feed()
    async with streaming(feed) as rig:
        socket = await feed.sockets.get()
        frames: list[Message] = [bytes([n]) for n in range(200)]
        for frame in frames:
            socket.send(frame)
        got: list[Message] = []
        batches = 0
        while len(got) < 200:
            got += await asyncio.wait_for(rig.session.batches.get(), 5)
            batches += 1
        assert got == frames
        assert batches <= 3


async def test_messages_can_be_sent_at_any_time_and_are_dropped_without_a_connection() -> None:
    feed = Feed()
    server = await serve(feed)
    rig = Rig(feed, server)
    rig.stream.send(["too early"])
    rig.stream.start()
    await rig.links.until(LinkState.LIVE)
    rig.stream.send(["follow more"])
    await rig.heard("follow more")
    await rig.stream.close()
    await server.close()
    assert feed.heard.empty()


async def test_beats_keep_the_connection_alive() -> None:
    async with streaming(Feed()) as rig:
        await rig.heard("ping")
        await rig.heard("ping")


async def test_after_a_loss_everything_is_said_again_with_a_fresh_token() -> None:
    feed = Feed()
    async with streaming(feed) as rig:
        for number in range(4):
            await rig.links.until(LinkState.LIVE, number + 1)
            await rig.heard(b"subscribe")
            (await feed.sockets.get()).abort()
        await rig.links.until(LinkState.LIVE, 5)
        assert rig.session.openings == 5
        assert [r.headers["authorization"] for r in feed.requests] == [
            f"token-{n}" for n in range(5)
        ]
        down = next(e for e in rig.links.events if e.state is LinkState.DOWN)
        assert down.reason == "the connection broke"
        assert down.retry_in_s is not None


async def test_what_arrived_before_a_loss_is_handed_over() -> None:
    feed = Feed()
    async with streaming(feed) as rig:
        socket = await feed.sockets.get()
        socket.send("last words")
        await socket.close(4000)
        assert await asyncio.wait_for(rig.session.batches.get(), 5) == ["last words"]
        down = await rig.links.until(LinkState.DOWN)
        assert down.reason == "closed by the broker (4000)"


async def test_a_peer_that_answers_no_ping_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "PING_S", 0.05)
    monkeypatch.setattr(stream_module, "PONG_S", 0.05)
    feed = Feed()
    async with streaming(feed) as rig:
        await rig.links.until(LinkState.LIVE)
        (await feed.sockets.get()).freeze()
        down = await rig.links.until(LinkState.DOWN)
        assert down.reason == "no answer to a ping"
        await rig.links.until(LinkState.LIVE, 2)


def test_a_dead_peer_is_known_within_fifteen_seconds() -> None:
    assert stream_module.PING_S + stream_module.PONG_S + stream_module._FAREWELL_S <= 15


async def test_two_quick_farewells_mean_another_session() -> None:
    async def evict(socket: ServerSocket) -> None:
        await socket.close(1000)
        raise SocketClosed(1000)

    feed = Feed(evict)
    async with streaming(feed) as rig:
        stopped = await rig.links.until(LinkState.STOPPED)
        assert "another session" in stopped.reason
        assert len(feed.requests) == 2
        feed.talk = listen
        rig.stream.start()
        await rig.links.until(LinkState.LIVE, 3)


async def test_three_refused_logins_stop_the_stream() -> None:
    feed = Feed()
    feed.refusal = 403
    async with streaming(feed) as rig:
        stopped = await rig.links.until(LinkState.STOPPED)
        assert "refuses" in stopped.reason
        assert len(feed.requests) == 3


async def test_other_refusals_are_tried_again() -> None:
    feed = Feed()
    feed.refusal = 503
    async with streaming(feed) as rig:
        down = await rig.links.until(LinkState.DOWN, 4)
        assert down.reason == "refused with HTTP 503"
        feed.refusal = None
        await rig.links.until(LinkState.LIVE)


async def test_a_session_may_stop_the_stream_or_drop_the_connection() -> None:
    feed = Feed()
    async with streaming(feed) as rig:

        def answer(message: Message) -> Sequence[Message]:
            if message == "drop":
                raise DropConnection("the session said so")
            raise LoginExpired("log in again")

        rig.session.answer = answer
        (await feed.sockets.get()).send("drop")
        assert (await rig.links.until(LinkState.DOWN)).reason == "the session said so"
        (await feed.sockets.get()).send("expired")
        assert (await rig.links.until(LinkState.STOPPED)).reason == "log in again"


async def test_a_beat_may_drop_a_mute_connection() -> None:
    def beat() -> Sequence[Message]:
        raise DropConnection("mute")

    feed = Feed()
    async with streaming(feed) as rig:
        rig.session.beats = beat
        assert (await rig.links.until(LinkState.DOWN)).reason == "mute"


async def test_an_unreadable_frame_is_dropped_and_counted() -> None:
    feed = Feed()
    async with streaming(feed) as rig:

        def answer(message: Message) -> Sequence[Message]:
            if message == b"\xff":
                raise DecodeError("offset 0", "sense")
            return ()

        rig.session.answer = answer
        socket = await feed.sockets.get()
        socket.send(b"\xff")
        socket.send("good")
        assert await asyncio.wait_for(rig.session.batches.get(), 5) == ["good"]
        assert rig.stream.bad_frames == 1
        for _ in range(stream_module._BAD_FRAMES_PER_MINUTE):
            socket.send(b"\xff")
        assert "unreadable" in (await rig.links.until(LinkState.DOWN)).reason


async def test_a_bug_in_a_session_is_reported_and_survived() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: reported.append(context["exception"])
    )
    feed = Feed()
    async with streaming(feed) as rig:

        def answer(_message: Message) -> Sequence[Message]:
            raise KeyError("bug")

        rig.session.answer = answer
        (await feed.sockets.get()).send("x")
        assert (await rig.links.until(LinkState.DOWN)).reason == "failed: KeyError"
        await rig.links.until(LinkState.LIVE, 2)
    assert len(reported) == 1


async def test_a_huge_message_ends_the_connection_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_module, "MAX_MESSAGE_BYTES", 1000)
    feed = Feed()
    async with streaming(feed) as rig:
        (await feed.sockets.get()).send(b"x" * 2000)
        await rig.links.until(LinkState.DOWN)
        await rig.links.until(LinkState.LIVE, 2)


async def test_a_storm_stays_under_twelve_attempts_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_module, "_MINUTE_S", 0.4)
    feed = Feed()
    feed.refusal = 500
    async with streaming(feed) as rig:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await rig.links.until(LinkState.CONNECTING, 25)
        assert loop.time() - began >= 0.8
        pauses = [e.retry_in_s for e in rig.links.events if e.state is LinkState.DOWN]
        assert max(p for p in pauses if p is not None) <= 30


async def test_a_reconnect_can_be_asked_for() -> None:
    async with streaming(Feed()) as rig:
        await rig.links.until(LinkState.LIVE)
        rig.stream.reconnect("the machine slept")
        assert (await rig.links.until(LinkState.DOWN)).reason == "the machine slept"
        await rig.links.until(LinkState.LIVE, 2)


async def test_an_unreachable_broker_is_down_and_nothing_of_its_address_is_told() -> None:
    server = await serve(Feed())
    await server.close()
    rig = Rig(Feed(), server)
    rig.stream.start()
    down = await rig.links.until(LinkState.DOWN)
    assert "token" not in down.reason
    assert str(server.port) not in down.reason
    await rig.stream.close()


async def test_closing_leaves_no_task_and_says_goodbye() -> None:
    feed = Feed()
    server = await serve(feed)
    rig = Rig(feed, server)
    before = asyncio.all_tasks()
    rig.stream.start()
    await rig.links.until(LinkState.LIVE)
    await rig.stream.close()
    assert rig.links.events[-1].state is LinkState.STOPPED
    assert not rig.stream.is_open
    await server.close()
    assert asyncio.all_tasks() == before


async def test_frames_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    feed = Feed()
    async with streaming(feed) as rig:
        (await feed.sockets.get()).send("CANARY")
        await asyncio.wait_for(rig.session.batches.get(), 5)
        rig.stream.send(["CANARY"])
        await rig.heard("CANARY")
    assert "CANARY" not in caplog.text
    assert "token-0" not in caplog.text
