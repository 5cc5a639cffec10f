"""Credentials → a session → an open account; on practice as on a live broker."""

import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from brokers.errors import DecodeError
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Credentials, OpenBrowser, Reply, Request, Session
from brokers.net.callback import Callback
from brokers.net.login import Prompt, browse_and_wait, log_in, walk_redirect
from brokers.net.rest import Rest
from brokers.port import Account, Broker, Directory, MasterPart, Plugin, Sinks
from brokers.practice.launch import Ports, Practice, running, start
from brokers.wire.budget import Budget

__all__ = [
    "Login",
    "Practice",
    "Prompt",
    "Shelf",
    "log_in_by_browser",
    "log_in_to_practice",
    "open_account",
    "practice_credentials",
    "running",
    "start",
]
_PATH: Final = "/callback"
_Sender = Callable[[Request], Awaitable[Reply]]


class Login:
    """What a login gave: the session, the addresses, and how far their clock is from ours."""

    def __init__(self, session: Session, endpoints: Mapping[str, str], offset_ns: int) -> None:
        self.session = session
        self.endpoints = endpoints
        self.offset_ns = offset_ns


async def log_in_by_browser(plugin: Plugin, credentials: Credentials, prompt: Prompt) -> Login:
    """Log in on the broker's own page in the system's browser.

    Raises:
        BrokerError: whatever a step met, in words.
    """

    async def browse(step: OpenBrowser, state: str) -> Mapping[str, str]:
        return await browse_and_wait(step, state, prompt)

    rest = Rest(Budget())
    try:
        session = await log_in(
            plugin.login, credentials, send=_sender(rest), browse=browse, on_step=prompt.say
        )
        return Login(session, credentials.endpoints, rest.server_offset_ns or 0)
    finally:
        await rest.close()


async def log_in_to_practice(
    plugin: Plugin, ports: Ports, *, on_step: Callable[[str], None] = lambda _text: None
) -> Login:
    """Log in to the built-in account: the same steps, but the app walks the redirect itself.

    The page redirects to the callback server exactly as it would redirect a browser.
    """
    credentials = practice_credentials(plugin, ports, _own_redirect())
    form = practice_form(plugin, ports)
    rest = Rest(Budget())
    send = _sender(rest)

    async def browse(step: OpenBrowser, state: str) -> Mapping[str, str]:
        async with Callback(step.redirect_uri, state) as callback:
            await walk_redirect(step, state, form, send=_following(send))
            return await callback.wait()

    try:
        session = await log_in(plugin.login, credentials, send=send, browse=browse, on_step=on_step)
        return Login(session, credentials.endpoints, rest.server_offset_ns or 0)
    finally:
        await rest.close()


def practice_credentials(plugin: Plugin, ports: Ports, redirect_uri: str) -> Credentials:
    """Give the practice app's credentials as the plugin's form would have collected them.

    Raises:
        DecodeError: this exchange has no face of that broker.
    """
    entry = _entry(plugin, ports)
    values = {field.id: str(entry.get(field.id) or "") for field in plugin.fields}
    if "redirect_uri" in values:
        values["redirect_uri"] = values["redirect_uri"] or redirect_uri
    endpoints = ports.get(plugin.name)
    if not isinstance(endpoints, Mapping):
        raise DecodeError(f"ports.{plugin.name}", "the addresses of this broker's face")
    return Credentials(values=values, endpoints={key: str(v) for key, v in endpoints.items()})


def practice_form(plugin: Plugin, ports: Ports) -> Mapping[str, str]:
    """Give what the practice login page asks for: who, and the PIN."""
    fields = {field.id for field in plugin.fields}
    return {
        key: value
        for key, value in _entry(plugin, ports).items()
        if key not in fields and isinstance(value, str)
    }


async def open_account(
    plugin: Plugin, login: Login, *, directory: Directory, sinks: Sinks
) -> Broker:
    """Open a logged-in account; nothing is followed and no stream runs before `start`."""
    return await plugin.open(
        Account(session=login.session, endpoints=login.endpoints, directory=directory, sinks=sinks)
    )


def _entry(plugin: Plugin, ports: Ports) -> Mapping[str, object]:
    credentials = ports.get("credentials", {})
    entry = credentials.get(plugin.name)
    if not isinstance(entry, Mapping):
        raise DecodeError(f"ports.credentials.{plugin.name}", "this broker's practice credentials")
    return entry


def _sender(rest: Rest) -> _Sender:
    async def send(request: Request) -> Reply:
        return await rest.send(request, lane="read")

    return send


def _following(send: _Sender) -> _Sender:
    """Do as a browser does: call the address a page redirects to, then forget what it answers."""

    async def follow(request: Request) -> Reply:
        reply = await send(request)
        location = reply.headers.get("location")
        if location is not None:
            await send(Request(method="GET", url=location))
        return reply

    return follow


def _own_redirect() -> str:
    # Brokers compare the whole address, so the port has to be known before the login starts.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}{_PATH}"


class Shelf:
    """A Directory in memory, for programs that need no search."""

    def __init__(self) -> None:
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._by_symbol: dict[str, Instrument] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, part: MasterPart) -> None:
        for each in part.instruments:
            self._by_id[each.id] = each
            self._by_symbol[each.symbol] = each

    def instrument(self, instrument: InstrumentId, /) -> Instrument | None:
        return self._by_id.get(instrument)

    def by_symbol(self, symbol: str, /) -> Instrument | None:
        return self._by_symbol.get(symbol)
