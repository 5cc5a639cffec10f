"""What a broker's practice face owes the host, and what it is told."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from brokers.model.instrument import InstrumentId
from brokers.net.server import ServerReply, ServerRequest, ServerSocket
from brokers.practice.clock import SimClock
from brokers.practice.exchange import Exchange
from brokers.practice.faults import Faults, FaultValue


class FaceOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says that a face has to know.

    `redirect_uri` None: every loopback redirect is accepted. `masters` are folders of real master
    files that the universe was read from; a face serves those files as they are.
    """

    seed: int = 1
    redirect_uri: str | None = None
    permissions: str = "orders"
    has_limits: bool = True
    masters: tuple[str, ...] = ()


class Face(Protocol):
    """One broker's own wire, the server's side: a Site that the host breaks on purpose.

    The host calls `where` for each request and WebSocket, applies what is armed for that place,
    and otherwise leaves everything to the face.
    """

    @property
    def name(self) -> str:
        """The broker's name, as in the ports file."""

    @property
    def account(self) -> str:
        """The client code of its account, which is also the account's key in the exchange."""

    @property
    def quirks(self) -> Collection[str]:
        """The broker's own fault names beyond those of the host; it looks for them itself."""

    @property
    def paths(self) -> Mapping[str, tuple[str, str]]:
        """Ports-file key → scheme and live path: `"rest": ("http", "/api/v3")`."""

    def credentials(self) -> Mapping[str, object]:
        """Give the broker's entry under `credentials` of the ports file."""

    def where(self, request: ServerRequest) -> str:
        """Name the place of a request as faults do: `place`, `orderbook`, `feed`."""

    def fault_reply(self, what: str, where: str, value: FaultValue) -> ServerReply | None:
        """Answer instead of the work: `rate_limited`, `token_expired`, `reject`, in its words."""

    def spoil_reply(
        self, what: str, where: str, value: FaultValue, reply: ServerReply
    ) -> ServerReply:
        """Change a finished reply: `wrong_type`, `code_201`."""

    async def respond(self, request: ServerRequest) -> ServerReply: ...
    async def admit(self, request: ServerRequest) -> ServerReply | None: ...
    async def converse(self, socket: ServerSocket) -> None: ...

    def followed(self) -> Collection[InstrumentId]:
        """Give the instruments that some client of this face is subscribed to now."""

    def market_moved(self, changed: Sequence[InstrumentId]) -> None:
        """Push what changed to the clients that follow it; the state is the exchange's."""


class FaceMaker(Protocol):
    """`FACE` of `brokers.<name>.practice`: how the host gets a face without knowing the broker."""

    def make(
        self, exchange: Exchange, clock: SimClock, faults: Faults, options: FaceOptions
    ) -> Face:
        """Build the face and open its account."""
