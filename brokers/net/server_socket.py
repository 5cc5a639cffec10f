"""One accepted WebSocket: the websockets library's sans-I/O server on an asyncio transport."""

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import CLOSED, OPEN
from websockets.server import ServerProtocol

from brokers.net.server_values import ServerLimits, ServerRequest, SocketClosed

_CLOSE_S: Final = 2.0
_ABNORMAL: Final = 1006
_INVALID_TEXT: Final = 1007
# Its debug lines show frames, and frames carry tokens.
QUIET: Final = logging.getLogger("brokers.net.websocket")
QUIET.setLevel(logging.WARNING)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a reset instead of a farewell."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class ServerSocket:
    """Sends are buffered and leave together; receives are queued and bounded.

    `gate` is asked for each outgoing message; one it answers False to is swallowed. `freeze`
    makes the connection half-open: nothing is read or written, no farewell, until `thaw`.
    """

    def __init__(
        self,
        request: ServerRequest,
        protocol: ServerProtocol,
        transport: asyncio.Transport,
        limits: ServerLimits,
    ) -> None:
        self.request = request
        self.gate: Callable[[str | bytes], bool] | None = None
        self.is_frozen = False
        self._protocol = protocol
        self._transport = transport
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._messages: deque[str | bytes] = deque()
        self._parts: list[bytes] = []
        self._is_text = False
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()
        self._will_flush = False
        self._is_reading = True
        self._farewell: asyncio.TimerHandle | None = None
        self._code: int | None = None

    @property
    def is_closed(self) -> bool:
        return self._gone.is_set() or self._protocol.state is not OPEN

    def send(self, data: str | bytes) -> None:
        """Buffer one message; on a closed socket it is dropped, `receive` and `drain` tell."""
        if self.is_closed or (self.gate is not None and not self.gate(data)):
            return
        if isinstance(data, str):
            self._protocol.send_text(data.encode())
        else:
            self._protocol.send_binary(data)
        self._flush_soon()

    def send_unasked(self, data: bytes) -> None:
        """Send one binary message past the gate."""
        if not self.is_closed:
            self._protocol.send_binary(data)
            self._flush_soon()

    async def drain(self) -> None:
        """Wait until the client takes more; raises SocketClosed."""
        self._flush()
        await self._writable.wait()
        if self.is_closed:
            raise self._why()

    async def receive(self) -> str | bytes:
        """Give the next message; raises SocketClosed once all that came before is read."""
        while not self._messages:
            if self._gone.is_set() or self._protocol.state is CLOSED:
                raise self._why()
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        if not self._is_reading and len(self._messages) < self._limits.unread_messages // 2:
            self._read_on()
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and wait for the answer, not for long; 1006 breaks off without a word."""
        if code == _ABNORMAL:
            self.abort()
        elif self._protocol.state is OPEN and not self._gone.is_set():
            self._protocol.send_close(code, reason)
            self._flush()
            self._read_on()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()
            await self._gone.wait()

    def abort(self) -> None:
        """Break the connection off with a reset."""
        self.is_frozen = False
        reset(self._transport)

    def freeze(self) -> None:
        """Stop reading and writing without telling the client."""
        if not self.is_frozen and not self._gone.is_set():
            self.is_frozen = True
            self._transport.pause_reading()

    def thaw(self) -> None:
        """Take the connection up again; what came meanwhile is read now."""
        if self.is_frozen:
            self.is_frozen = False
            self._read_on()
            self._flush_soon()

    # What the connection calls.

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire."""
        self._protocol.receive_data(data)
        self._take_events()
        self._flush()

    def feed_eof(self) -> None:
        """Take the end of the client's bytes."""
        self._protocol.receive_eof()
        self._take_events()
        self._flush()

    def lost(self) -> None:
        """Take that the connection is gone."""
        self._code = self._close_code()
        if self._farewell is not None:
            self._farewell.cancel()
        self._gone.set()
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Inside.

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take_frame(event)
        if len(self._messages) > self._limits.unread_messages and self._is_reading:
            self._is_reading = False
            self._transport.pause_reading()
        if self._protocol.state is not OPEN:
            self._arrived.set()
            self._writable.set()

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            self._is_text = frame.opcode is Opcode.TEXT
            self._parts = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
        else:
            return
        if not frame.fin:
            return
        message = b"".join(self._parts)
        self._parts = []
        if not self._is_text:
            self._messages.append(message)
        else:
            try:
                self._messages.append(message.decode())
            except UnicodeDecodeError:
                self._protocol.fail(_INVALID_TEXT, "text is not UTF-8")
                return
        self._arrived.set()

    def _read_on(self) -> None:
        if not self._gone.is_set() and not self._transport.is_closing() and not self.is_frozen:
            self._is_reading = True
            self._transport.resume_reading()

    def _flush_soon(self) -> None:
        if not self._will_flush:
            self._will_flush = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._will_flush = False
        if self.is_frozen or self._gone.is_set():
            return
        writes = self._protocol.data_to_send()
        if writes:
            payload = b"".join(writes)
            if payload and not self._transport.is_closing():
                self._transport.write(payload)
            if writes[-1] == b"":
                self._say_goodbye()
        if self._protocol.state is CLOSED:
            self._transport.close()
        elif self._transport.get_write_buffer_size() > self._limits.unsent_bytes:
            self.abort()

    def _say_goodbye(self) -> None:
        # Half-close first: closing with unread bytes would reset and lose our close frame.
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        if self._farewell is None:
            self._farewell = self._loop.call_later(_CLOSE_S, self._transport.abort)

    def _why(self) -> SocketClosed:
        code = self._close_code() if self._code is None else self._code
        received = self._protocol.close_rcvd
        return SocketClosed(code, received.reason if received is not None else "")

    def _close_code(self) -> int:
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        if received is not None:
            return int(received.code)
        return int(sent.code) if sent is not None else _ABNORMAL
