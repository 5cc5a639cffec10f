"""From credentials to an open account, and the practice exchange for those who have none."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urljoin

from brokers.errors import NotSent
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Credentials, OpenBrowser, Reply, Request, Session
from brokers.net.callback import Callback
from brokers.net.login import Prompt, browse_and_wait, log_in, walk_redirect
from brokers.net.rest import Rest
from brokers.port import Account, Broker, Directory, MasterPart, Plugin, Sinks
from brokers.practice.launch import (
    PORTS_FILE_VARIABLE,
    Ports,
    Practice,
    read_ports,
    running,
    start,
)

__all__ = [
    "PORTS_FILE_VARIABLE",
    "Listing",
    "Ports",
    "Practice",
    "Prompt",
    "log_in_to_practice",
    "log_in_with_browser",
    "open_account",
    "practice_credentials",
    "practice_endpoints",
    "read_ports",
    "running",
    "start",
]

_Sender = Callable[[Request], Awaitable[Reply]]
_CALLBACK: Final = "/callback"
_MOST_REDIRECTS: Final = 3
"""To the callback, from there to its clean page, and one to spare."""


class Listing:
    """Instruments as read from masters, by name and by symbol; parts may be added later."""

    def __init__(self) -> None:
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._by_symbol: dict[str, Instrument] = {}

    def add(self, part: MasterPart) -> None:
        """Add one master's instruments; a later one of the same name wins."""
        for instrument in part.instruments:
            self._by_id[instrument.id] = instrument
            self._by_symbol[instrument.symbol] = instrument

    def instrument(self, instrument: InstrumentId, /) -> Instrument | None:
        return self._by_id.get(instrument)

    def by_symbol(self, symbol: str, /) -> Instrument | None:
        return self._by_symbol.get(symbol)

    def __len__(self) -> int:
        return len(self._by_id)


async def open_account(
    plugin: Plugin,
    session: Session,
    *,
    directory: Directory,
    sinks: Sinks,
    endpoints: Mapping[str, str] | None = None,
) -> Broker:
    """Open a logged-in account at the live addresses, or at those of a practice exchange."""
    return await plugin.open(
        Account(
            session=session,
            endpoints=plugin.endpoints if endpoints is None else endpoints,
            directory=directory,
            sinks=sinks,
        )
    )


async def log_in_with_browser(plugin: Plugin, credentials: Credentials, prompt: Prompt) -> Session:
    """Log in as the broker wants it: its page in a browser, the redirect caught or pasted.

    Raises:
        BrokerError: whatever a step met.
    """

    async def browse(step: OpenBrowser, state: str) -> Mapping[str, str]:
        return await browse_and_wait(step, state, prompt)

    async with _sender() as send:
        return await log_in(plugin.login, credentials, send=send, browse=browse, on_step=prompt.say)


async def log_in_to_practice(
    plugin: Plugin, ports: Ports, *, on_step: Callable[[str], None] = lambda _text: None
) -> Session:
    """Log in to a practice exchange by its own login page, without a browser.

    The app walks the redirect itself, as a browser would: the page sends it to the callback
    server, so every line a live login needs is a line this one needs.
    """
    credentials = practice_credentials(plugin, ports)
    values = credentials.values
    form = {key: values[key] for key in ("user", "pin", "client_code") if key in values}
    form.setdefault("user", values.get("user_id", ""))

    async with _sender() as send:

        async def browse(step: OpenBrowser, state: str) -> Mapping[str, str]:
            async with Callback(step.redirect_uri, state) as callback:
                await walk_redirect(step, state, form, send=_following(send))
                return await callback.wait()

        return await log_in(plugin.login, credentials, send=send, browse=browse, on_step=on_step)


def practice_endpoints(plugin: Plugin, ports: Ports) -> Mapping[str, str]:
    """Give a practice exchange's addresses of one broker; the whole entry of the ports file.

    Raises:
        NotSent: that exchange does not speak this broker's wire.
    """
    face = ports.get(plugin.name)
    if not isinstance(face, Mapping):
        raise NotSent(f"the practice exchange does not speak {plugin.title}")
    return {key: str(address) for key, address in face.items()}


def practice_credentials(plugin: Plugin, ports: Ports) -> Credentials:
    """Give the credentials of a practice account; parts of parts are joined: `interactive_app_key`.

    Raises:
        NotSent: the exchange has no account of this broker.
    """
    known = ports.get("credentials", {})
    entry = known.get(plugin.name) if isinstance(known, Mapping) else None
    if not isinstance(entry, Mapping):
        raise NotSent(f"the practice exchange has no {plugin.title} account")
    values: dict[str, str] = {"redirect_uri": _own_redirect()}
    for key, value in entry.items():
        if isinstance(value, Mapping):
            values |= {f"{key}_{part}": str(each) for part, each in value.items()}
        elif value is not None:
            values[str(key)] = str(value)
    return Credentials(values=values, endpoints=practice_endpoints(plugin, ports))


def _own_redirect() -> str:
    # Brokers compare the whole address, so the port has to be known before the login starts.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}{_CALLBACK}"


def _following(send: _Sender) -> _Sender:
    """Do as a browser does: call the address that a page redirects to."""

    async def follow(request: Request) -> Reply:
        first = reply = await send(request)
        url = request.url
        for _ in range(_MOST_REDIRECTS):
            location = reply.headers.get("location")
            if location is None:
                break
            url = urljoin(url, location)
            reply = await send(Request(method="GET", url=url))
        return first

    return follow


@contextlib.asynccontextmanager
async def _sender() -> AsyncIterator[_Sender]:
    rest = Rest()

    async def send(request: Request) -> Reply:
        return await rest.send(request, lane="place")

    try:
        yield send
    finally:
        await rest.close()
