"""A WebSocket that comes back: connect, speak, notice death, back off, for ever until closed.

The driver knows sockets and time; what is said is the session's business. All messages that have
arrived are handed over before the loop is given back, then `drained` is called once: a burst of
frames becomes one batch.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from brokers.errors import BrokerError, DecodeError, LoginExpired
from brokers.net.rest import tls_context
from brokers.port import Link, LinkEvent, LinkState
from brokers.wire.backoff import delays

PING_S: Final = 5.0
PONG_S: Final = 8.0
"""Together with the farewell a dead peer is known within 15 s."""

MAX_QUEUE: Final = 1024
MAX_MESSAGE_BYTES: Final = 16 << 20
_OPEN_S: Final = 10.0
_FAREWELL_S: Final = 1.0
_FIRST_DELAY_S: Final = 1.0
_CAP_S: Final = 30.0
_ATTEMPTS_PER_MINUTE: Final = 12
_MINUTE_S: Final = 60.0
_SETTLED_S: Final = 10.0
"""A connection that lived this long starts the delays anew."""

_EVICTED_S: Final = 3.0
_EVICTIONS: Final = 2
_REFUSALS: Final = 3
_BAD_FRAMES_PER_MINUTE: Final = 20
_NORMAL: Final = 1000
_PING_UNANSWERED: Final = 1011

_LOG: Final = logging.getLogger("brokers.net.stream")
# The library's debug lines show frames, and frames carry tokens.
_LOG.setLevel(logging.WARNING)

Message = str | bytes


class StreamTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect; the URL and the headers may carry a token."""

    url: str
    headers: Mapping[str, str] = {}

    @override
    def __repr__(self) -> str:
        return "StreamTarget(…)"


class DropConnection(Exception):
    """Raised by a session that wants this connection ended and a new one made."""


class StreamSession(Protocol):
    """What is said on the connection. Pure: it is told, and gives what to send.

    Any method may raise DropConnection, or LoginExpired to stop for good. A DecodeError from
    `receive` drops the frame; too many of them drop the connection.
    """

    def opened(self) -> Sequence[Message]:
        """Begin a new connection: forget the last one, give what to send first."""

    def receive(self, message: Message, /) -> Sequence[Message]:
        """Take one message, give what to send back."""

    def drained(self) -> None:
        """All that had arrived is received: hand it on as one batch."""

    def beat(self) -> Sequence[Message]:
        """Give what keeps the connection alive; called every `beat_s`."""


class Stream:
    """Drives one session over connections that come and go.

    `report` is told of each change of the link. `target` is asked anew for each attempt, so a
    renewed token is used by the next one. After two closes with 1000 within three seconds of
    connecting another session has our place: the stream stops and says so. Three refused
    handshakes (401, 403) stop it, too. `start` begins again after a stop.
    """

    def __init__(
        self,
        target: Callable[[], Awaitable[StreamTarget]],
        session: StreamSession,
        link: Link,
        report: Callable[[LinkEvent], None],
        *,
        beat_s: float = 10.0,
        pace: Callable[[], float] = random.random,
    ) -> None:
        self._target = target
        self._session = session
        self._link = link
        self._report = report
        self._beat_s = beat_s
        self._pace = pace
        self._task: asyncio.Task[None] | None = None
        self._outbox: deque[Message] = deque()
        self._has_post = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._drop_reason = ""
        self._opened_at: float | None = None
        self._attempts: deque[float] = deque(maxlen=_ATTEMPTS_PER_MINUTE)
        self._bad_frames: deque[float] = deque(maxlen=_BAD_FRAMES_PER_MINUTE)
        self._evictions = 0
        self._refusals = 0
        self.bad_frames = 0
        """Frames dropped because they could not be read."""

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def start(self) -> None:
        """Connect and stay connected; does nothing while it runs."""
        if self._task is None or self._task.done():
            self._evictions = self._refusals = 0
            self._task = asyncio.get_running_loop().create_task(self._run())

    def send(self, messages: Iterable[Message]) -> None:
        """Send on the open connection; without one they are dropped: `opened` says it all again."""
        if self._socket is not None:
            self._outbox.extend(messages)
            self._has_post.set()

    def reconnect(self, reason: str) -> None:
        """End this connection and make a new one."""
        if self._socket is not None and not self._drop_reason:
            self._drop_reason = reason
            self._socket.transport.abort()

    async def close(self) -> None:
        """Say goodbye and stop; nothing of the stream is left."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})
            self._tell(LinkState.STOPPED, "closed")

    # The driver.

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pauses = delays(_FIRST_DELAY_S, _CAP_S, self._pace)
        while True:
            self._attempts.append(loop.time())
            self._tell(LinkState.CONNECTING)
            self._opened_at = None
            try:
                reason = await self._connection()
            except LoginExpired as error:
                self._tell(LinkState.STOPPED, error.text)
                return
            except DropConnection as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001  # a bug in a session must not end the stream
                reason = f"failed: {type(error).__name__}"
                loop.call_exception_handler({"message": "a stream failed", "exception": error})
            lived_s = 0.0 if self._opened_at is None else loop.time() - self._opened_at
            if self._evictions >= _EVICTIONS:
                self._tell(LinkState.STOPPED, "another session has taken this one's place")
                return
            if lived_s >= _SETTLED_S:
                pauses = delays(_FIRST_DELAY_S, _CAP_S, self._pace)
            pause_s = max(next(pauses), self._earliest_s() - loop.time())
            self._tell(LinkState.DOWN, reason, pause_s)
            await asyncio.sleep(pause_s)

    def _earliest_s(self) -> float:
        """Tell from when on one more attempt keeps a minute's limit."""
        if len(self._attempts) < _ATTEMPTS_PER_MINUTE:
            return 0.0
        return self._attempts[0] + _MINUTE_S

    async def _connection(self) -> str:
        """Make one connection and speak until it ends; gives the reason."""
        try:
            target = await self._target()
            socket = await _connect(target)
        except LoginExpired:
            raise
        except InvalidStatus as error:
            return self._refused(error.response.status_code)
        except TimeoutError:
            return "no answer in time"
        except (BrokerError, OSError, WebSocketException) as error:
            return f"could not connect ({type(error).__name__})"
        self._refusals = 0
        self._socket = socket
        self._drop_reason = ""
        self._outbox.clear()
        self._opened_at = asyncio.get_running_loop().time()
        children = [
            asyncio.ensure_future(self._write(socket)),
            asyncio.ensure_future(self._beat()),
        ]
        try:
            return await self._converse(socket, children)
        finally:
            self._socket = None
            for child in children:
                child.cancel()
            await asyncio.wait(children)
            with contextlib.suppress(WebSocketException, OSError):
                await socket.close()

    async def _converse(
        self, socket: ClientConnection, children: Sequence[asyncio.Future[None]]
    ) -> str:
        self.send(self._session.opened())
        self._tell(LinkState.LIVE)
        reading = asyncio.ensure_future(self._read(socket))
        try:
            await asyncio.wait({reading, *children}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            await asyncio.wait({reading})
        for ended in (*children, reading):
            if ended.done() and not ended.cancelled() and (error := ended.exception()) is not None:
                return self._why(error)
        return "ended"

    def _why(self, error: BaseException) -> str:
        """Turn the end of a connection into words; what is no end is raised."""
        if not isinstance(error, ConnectionClosed):
            raise error
        received = error.rcvd
        lived_s = asyncio.get_running_loop().time() - (self._opened_at or 0.0)
        if lived_s > _EVICTED_S:
            self._evictions = 0
        elif received is not None and received.code == _NORMAL:
            self._evictions += 1
        if self._drop_reason:
            return self._drop_reason
        if received is not None:
            return f"closed by the broker ({received.code})"
        is_deaf = error.sent is not None and error.sent.code == _PING_UNANSWERED
        return "no answer to a ping" if is_deaf else "the connection broke"

    def _refused(self, status: int) -> str:
        if status in (401, 403):
            self._refusals += 1
            if self._refusals >= _REFUSALS:
                raise LoginExpired("the broker refuses this login", code=str(status))
        return f"refused with HTTP {status}"

    async def _read(self, socket: ClientConnection) -> None:
        session = self._session
        queued = socket.recv_messages.frames
        try:
            while True:
                message = await socket.recv()
                try:
                    answers = session.receive(message)
                except DecodeError:
                    self._count_bad_frame()
                else:
                    if answers:
                        self.send(answers)
                if not queued:
                    session.drained()
        finally:
            # What came before the end counts, too.
            session.drained()

    def _count_bad_frame(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self.bad_frames += 1
        self._bad_frames.append(now_s)
        is_full = len(self._bad_frames) == _BAD_FRAMES_PER_MINUTE
        if is_full and now_s - self._bad_frames[0] < _MINUTE_S:
            self._bad_frames.clear()
            raise DropConnection("too many unreadable frames")

    async def _write(self, socket: ClientConnection) -> None:
        outbox = self._outbox
        while True:
            await self._has_post.wait()
            self._has_post.clear()
            while outbox:
                await socket.send(outbox.popleft())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            self.send(self._session.beat())

    def _tell(self, state: LinkState, reason: str = "", retry_in_s: float | None = None) -> None:
        self._report(LinkEvent(link=self._link, state=state, reason=reason, retry_in_s=retry_in_s))


async def _connect(target: StreamTarget) -> ClientConnection:
    return await connect(
        target.url,
        additional_headers=dict(target.headers),
        user_agent_header="Tezi",
        compression=None,
        proxy=None,
        ssl=tls_context() if target.url.startswith("wss:") else None,
        open_timeout=_OPEN_S,
        ping_interval=PING_S,
        ping_timeout=PONG_S,
        close_timeout=_FAREWELL_S,
        max_size=MAX_MESSAGE_BYTES,
        max_queue=MAX_QUEUE,
        logger=_LOG,
    )
