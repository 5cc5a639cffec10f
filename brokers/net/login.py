"""Drives a broker's login: its steps are pure, the browser and the requests are here."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from brokers.errors import NotSent, Refused
from brokers.model.login import (
    Answer,
    Credentials,
    LoginFlow,
    OpenBrowser,
    Reply,
    Request,
    Send,
    Session,
)
from brokers.net.callback import WAIT_S, Callback, PortTaken, is_local, read_redirect

Login = Callable[[Credentials, str], LoginFlow]
Browse = Callable[[OpenBrowser, str], Awaitable[Mapping[str, str]]]
Sender = Callable[[Request], Awaitable[Reply]]

_PASTE: Final = "Log in, then paste the address the browser ends on."
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Prompt(Protocol):
    """What a login needs of the person at the keyboard."""

    def open(self, url: str) -> bool:
        """Show a page in the system's browser; False when there is none to be opened."""

    def say(self, text: str) -> None:
        """Show what is happening, or what has to be done."""

    async def pasted(self) -> str:
        """Wait for the address the browser ended on to be pasted."""


async def log_in(
    login: Login,
    credentials: Credentials,
    *,
    send: Sender,
    browse: Browse,
    on_step: Callable[[str], None] = lambda _text: None,
) -> Session:
    """Walk one login to its session, with a state of its own.

    Raises:
        BrokerError: whatever a step met; a new login starts from the beginning.
    """
    state = secrets.token_urlsafe(32)
    flow = login(credentials, state)
    answer: Answer | None = None
    try:
        while True:
            try:
                step = next(flow) if answer is None else flow.send(answer)
            except StopIteration as end:
                session: Session = end.value
                return session
            if isinstance(step, Send):
                on_step(step.step)
                answer = await send(step.request)
            else:
                on_step("Waiting for you to log in with your broker")
                answer = await browse(step, state)
    finally:
        flow.close()


async def browse_and_wait(
    step: OpenBrowser, state: str, prompt: Prompt, *, wait_s: float = WAIT_S
) -> Mapping[str, str]:
    """Open the login page; the redirect comes to our port or is pasted, whichever is first.

    Pasting is the only way where the redirect does not lead to this machine, or its port is taken.

    Raises:
        NotSent: neither came in time.
    """
    async with contextlib.AsyncExitStack() as stack:
        ways = {asyncio.ensure_future(_take_paste(step, state, prompt))}
        stack.push_async_callback(_end_all, ways)
        hints = []
        if is_local(step.redirect_uri):
            try:
                callback = Callback(step.redirect_uri, state, wait_s=wait_s)
                await stack.enter_async_context(callback)
            except PortTaken as taken:
                hints.append(f"{taken}. {_PASTE}")
            else:
                ways.add(asyncio.ensure_future(callback.wait()))
        else:
            hints.append(_PASTE)
        if not prompt.open(step.url):
            hints.append("No browser could be opened: open the address yourself.")
        if hints:
            prompt.say(" ".join(hints))
        done, _ = await asyncio.wait(ways, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise NotSent(f"no login came back within {wait_s:.0f} s")
        return done.pop().result()


async def walk_redirect(
    step: OpenBrowser, state: str, form: Mapping[str, str], *, send: Sender
) -> Mapping[str, str]:
    """Log in on the built-in practice exchange's own page without a browser.

    Args:
        step: what the flow asked for; its page must be on this machine.
        state: this attempt's.
        form: the page's fields (user, PIN), sent as query parameters.
        send: sends a request without following its redirect.

    Raises:
        Refused: the page did not redirect to the asked address.
    """
    page = urlsplit(step.url)
    if page.scheme != "http" or page.hostname != "127.0.0.1":
        raise ValueError("only the practice exchange on this machine is logged in to like this")
    query = urlencode([*parse_qsl(page.query, keep_blank_values=True), *form.items()])
    reply = await send(Request(method="GET", url=page._replace(query=query).geturl()))
    location = reply.headers.get("location", "")
    if reply.status not in _REDIRECTS or not location:
        raise Refused("the practice login was refused", code=str(reply.status))
    return read_redirect(location, step.redirect_uri, state)


async def _take_paste(step: OpenBrowser, state: str, prompt: Prompt) -> Mapping[str, str]:
    """Wait for the right address; a wrong one is told and waited over."""
    while True:
        try:
            return read_redirect(await prompt.pasted(), step.redirect_uri, state)
        except Refused as error:
            prompt.say(error.text)


async def _end_all(ways: set[asyncio.Task[Mapping[str, str]]]) -> None:
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
