"""Serves every broker's practice face on loopback: one port each, one exchange behind them."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from typing import Final

from brokers.net.server import Server, Site, serve
from brokers.practice.broken import BrokenSite
from brokers.practice.control import Control
from brokers.practice.exchange import Exchange
from brokers.practice.face import Face, FaceMaker, FaceOptions
from brokers.practice.faults import Faults

__all__ = ["Face", "FaceMaker", "FaceOptions", "Host", "PortTaken"]

CONTROL: Final = "control"
_STEP_S: Final = 0.01
_MOST_BEHIND_S: Final = 0.1
"""After a pause of the whole process the market does not rush through all it missed."""

_SECOND_NS: Final = 1_000_000_000


class PortTaken(Exception):
    """A port that was asked for is not free."""


class ExchangeDate:
    """The HTTP Date of the exchange's own clock, written once a second."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._second = -1
        self._text = ""

    def __call__(self) -> str:
        second = self._now_ns() // _SECOND_NS
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True)
        return self._text


class Host:
    """The faces' servers, the control server and the market's pace."""

    def __init__(
        self, exchange: Exchange, faces: Sequence[Face], faults: Faults, ticks_per_second: int
    ) -> None:
        self._exchange = exchange
        self._faces = tuple(faces)
        self._faults = faults
        self._rate = 0
        self._servers: dict[str, Server] = {}
        self._broken: list[BrokenSite] = []
        self.set_rate(ticks_per_second)

    @property
    def faces(self) -> Sequence[Face]:
        return self._faces

    @property
    def clients(self) -> int:
        return sum(server.connections for name, server in self._servers.items() if name != CONTROL)

    def set_rate(self, ticks_per_second: int) -> None:
        """Set how many price changes a second there are; 0 stops the market maker."""
        self._rate = ticks_per_second
        self._exchange.pause(is_paused=ticks_per_second == 0)

    async def start(self, ports: Mapping[str, int]) -> None:
        """Open every port, those named in `ports` where they are asked for.

        Raises:
            PortTaken: one of them is not free; the text names it. Nothing stays open.
        """
        date = ExchangeDate(self._exchange.clock.now_ns)
        sites: dict[str, Site] = {CONTROL: Control(self._exchange, self._faults, self)}
        for face in self._faces:
            broken = BrokenSite(face, self._faults, date)
            self._broken.append(broken)
            sites[face.name] = broken
        for name, site in sites.items():
            port = ports.get(name, 0)
            try:
                self._servers[name] = await serve(site, port=port)
            except OSError as error:
                await self.close()
                raise PortTaken(f"port {port} ({name}) is taken") from error

    def addresses(self) -> dict[str, object]:
        """Give what the ports file says."""
        found: dict[str, object] = {"pid": os.getpid(), CONTROL: self._address(CONTROL, "http", "")}
        for face in self._faces:
            entries = {
                key: self._address(face.name, scheme, path)
                for key, (scheme, path) in face.paths.items()
            }
            found[face.name] = {"host": self._address(face.name, "http", ""), **entries}
        found["credentials"] = {face.name: face.credentials() for face in self._faces}
        return found

    async def run(self) -> None:
        """Move the market at its pace and tell the faces what changed, until cancelled."""
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        owed = 0.0
        while True:
            await asyncio.sleep(_STEP_S)
            now_s = loop.time()
            owed += min(now_s - before_s, _MOST_BEHIND_S) * self._rate
            before_s = now_s
            ticks = int(owed)
            owed -= ticks
            followed = frozenset().union(*(face.followed() for face in self._faces))
            changed = self._exchange.step(ticks, followed)
            if changed:
                for face in self._faces:
                    face.market_moved(changed)

    async def close(self) -> None:
        """Close every port and connection."""
        for server in self._servers.values():
            await server.close()
        for broken in self._broken:
            await broken.close()
        self._servers.clear()

    def _address(self, name: str, scheme: str, path: str) -> str:
        return f"{scheme}://127.0.0.1:{self._servers[name].port}{path}"
