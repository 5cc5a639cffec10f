"""A face behind its faults: everything that can be broken without knowing the wire."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from brokers.net.server import ServerReply, ServerRequest, ServerSocket
from brokers.practice.face import Face
from brokers.practice.faults import (
    AFTER_THE_WORK,
    FACE_AFTER_THE_WORK,
    FACE_INSTEAD_OF_THE_WORK,
    INSTEAD_OF_THE_WORK,
    Fault,
    Faults,
)

_INSTEAD: Final = (*INSTEAD_OF_THE_WORK, *FACE_INSTEAD_OF_THE_WORK)
_AFTER: Final = (*FACE_AFTER_THE_WORK, *AFTER_THE_WORK)
_RUBBISH: Final = ("garbage", "huge_frame")
_EVENT_FIRST_S: Final = 0.25
"""How long a reply waits so that the order's events are surely first."""

_ABNORMAL: Final = 1006
_SENDABLE: Final = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
_MAINTENANCE: Final = b"""<!doctype html>
<html><head><title>Scheduled maintenance</title></head>
<body><h1>We will be back soon</h1><p>The service is under maintenance.</p></body></html>
"""


class BrokenSite:
    """Serves a face, and breaks it as armed; without faults it adds only the exchange's date."""

    def __init__(self, face: Face, faults: Faults, date: Callable[[], str]) -> None:
        self._face = face
        self._faults = faults
        self._date = date
        self._open: dict[ServerSocket, str] = {}
        self._closings: set[asyncio.Task[None]] = set()
        faults.listen(self._hear)

    async def respond(self, request: ServerRequest) -> ServerReply:
        where = self._face.where(request)
        fault = self._faults.find(self._face.name, where, *_INSTEAD, *_AFTER)
        if fault is not None and fault.what in _INSTEAD:
            reply = self._instead(fault, where)
            if reply is not None:
                return self._dated(reply)
            fault = None
        reply = await self._face.respond(request)
        if self._faults.take(self._face.name, where, "event_first") is not None:
            await asyncio.sleep(_EVENT_FIRST_S)
        if fault is not None and fault.times > 0:
            reply = await self._spoil(fault, where, self._dated(reply))
        return self._dated(reply)

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        where = self._face.where(request)
        fault = self._faults.find(self._face.name, where, *_INSTEAD)
        reply = self._instead(fault, where) if fault is not None else None
        if reply is None:
            reply = await self._face.admit(request)
        return None if reply is None else self._dated(reply)

    async def converse(self, socket: ServerSocket) -> None:
        where = self._face.where(socket.request)
        closing = self._faults.take(self._face.name, where, "close")
        if closing is not None:
            await _close(socket, closing)
            return
        socket.gate = _Gate(socket, where, self._pass)
        self._open[socket] = where
        if self._faults.find(self._face.name, where, "half_open") is not None:
            socket.freeze()
        try:
            await self._face.converse(socket)
        finally:
            del self._open[socket]

    async def close(self) -> None:
        """Wait for the sockets that are being closed."""
        if self._closings:
            await asyncio.gather(*self._closings, return_exceptions=True)

    # Requests.

    def _instead(self, fault: Fault, where: str) -> ServerReply | None:
        """Answer instead of the work; None when the face does not know how."""
        match fault.what:
            case "reset_before":
                reply: ServerReply | None = ServerReply(cut_at=-1)
            case "status":
                reply = ServerReply(status=int(fault.number(500)))
            case "html":
                reply = ServerReply(
                    headers={"Content-Type": "text/html; charset=utf-8"}, body=_MAINTENANCE
                )
            case _:
                reply = self._face.fault_reply(fault.what, where, fault.value)
        if reply is not None:
            self._faults.use(fault)
        return reply

    async def _spoil(self, fault: Fault, where: str, reply: ServerReply) -> ServerReply:
        self._faults.use(fault)
        replace = msgspec.structs.replace
        match fault.what:
            case "delay":
                await asyncio.sleep(fault.number(1.0))
                return reply
            case "lose_reply":
                return replace(reply, cut_at=0)
            case "reset_at_byte":
                return replace(reply, cut_at=int(fault.number(0)), is_reset=True)
            case "truncate":
                return replace(reply, body=reply.body[: int(fault.number(0))])
            case "garbage":
                return replace(reply, body=_rubbish(fault))
            case _:
                return self._face.spoil_reply(fault.what, where, fault.value, reply)

    def _dated(self, reply: ServerReply) -> ServerReply:
        if "Date" in reply.headers:
            return reply
        return msgspec.structs.replace(reply, headers={"Date": self._date(), **reply.headers})

    # Sockets.

    def _pass(self, socket: ServerSocket, where: str) -> bool:
        """Tell whether an outgoing frame leaves; rubbish that is armed goes before it."""
        silence = self._faults.find(self._face.name, where, "mute", "half_open")
        if silence is not None:
            self._faults.use(silence)
            return False
        rubbish = self._faults.take(self._face.name, where, *_RUBBISH)
        if rubbish is not None:
            socket.send_unasked(_rubbish(rubbish))
        return True

    def _hear(self, fault: Fault | None) -> None:
        """Act on what was armed just now, or on something being over."""
        if fault is None:
            self._thaw()
            return
        struck = [s for s, where in self._open.items() if fault.strikes(self._face.name, where)]
        for socket in struck:
            if fault.what == "half_open":
                socket.freeze()
            elif fault.what == "close":
                closing = asyncio.ensure_future(_close(socket, fault))
                self._closings.add(closing)
                closing.add_done_callback(self._closings.discard)
            elif fault.what in _RUBBISH:
                socket.send_unasked(_rubbish(fault))
        if struck and fault.what in ("close", *_RUBBISH):
            self._faults.use(fault)

    def _thaw(self) -> None:
        for socket, where in self._open.items():
            if self._faults.find(self._face.name, where, "half_open") is None:
                socket.thaw()


class _Gate:
    """One socket's question whether a frame may leave."""

    def __init__(
        self, socket: ServerSocket, where: str, ask: Callable[[ServerSocket, str], bool]
    ) -> None:
        self._socket = socket
        self._where = where
        self._ask = ask

    def __call__(self, _data: str | bytes) -> bool:
        return self._ask(self._socket, self._where)


async def _close(socket: ServerSocket, fault: Fault) -> None:
    code = int(fault.number(_ABNORMAL))
    await socket.close(code if code in _SENDABLE else _ABNORMAL)


def _rubbish(fault: Fault) -> bytes:
    if fault.what == "huge_frame":
        return bytes(int(fault.number(1 << 20)))
    return bytes.fromhex(fault.text("deadbeef"))
