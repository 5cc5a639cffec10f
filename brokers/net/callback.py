"""The one-shot receiver of a login's redirect, and the same by hand.

Listens on 127.0.0.1 only, only while a login is pending, and takes exactly one answer: the right
host, path and state. Everything else gets an empty refusal. Source: reliability C.7.
"""

import asyncio
import contextlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from brokers.errors import NotSent, Refused
from brokers.net.server import (
    Server,
    ServerLimits,
    ServerReply,
    ServerRequest,
    ServerSocket,
    serve,
)
from resources import text

WAIT_S: Final = 180.0
LIMITS: Final = ServerLimits(
    target_bytes=8 << 10,
    head_bytes=16 << 10,
    body_bytes=16 << 10,
    request_s=5.0,
    idle_s=5.0,
    connections=4,
    hits=32,
    keeps_alive=False,
)
_PAGE_S: Final = 2.0
"""How long the browser may take to fetch the clean page after the redirect."""

_MAX_PASTE: Final = 32 << 10
_FORM: Final = "application/x-www-form-urlencoded"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
_HTML: Final = {**_HEADERS, "Content-Type": "text/html; charset=utf-8"}


class PortTaken(NotSent):
    """Another program listens on the redirect's port."""


def is_local(redirect_uri: str) -> bool:
    """Tell whether a redirect comes back to a port of this machine that we may listen on."""
    try:
        parts = urlsplit(redirect_uri)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost") and port is not None
    )


def read_redirect(url: str, redirect_uri: str, state: str) -> Mapping[str, str]:
    """Take the query out of the address the browser ended on, as pasted by the trader.

    Raises:
        Refused: it is not that address, or belongs to another login.
    """
    pasted = url.strip()
    try:
        found, wanted = urlsplit(pasted), urlsplit(redirect_uri)
        same = len(pasted) <= _MAX_PASTE and _place(found) == _place(wanted)
    except ValueError:
        same = False
    if not same:
        raise Refused("That is not the address your broker sends the browser back to.")
    pairs = parse_qsl(found.query, keep_blank_values=True)
    if not _has_state(pairs, state):
        raise Refused("That address belongs to another login.")
    return _first_values(pairs)


class Callback:
    """Waits for one redirect; use as `async with Callback(...) as callback: await callback.wait()`.

    Entering raises PortTaken, naming the port, when another program has it.
    """

    def __init__(
        self,
        redirect_uri: str,
        state: str,
        *,
        takes_form: bool = False,
        wait_s: float = WAIT_S,
    ) -> None:
        if not is_local(redirect_uri):
            raise ValueError("expected an http address of this machine with a port")
        self._wanted = urlsplit(redirect_uri)
        self._state = state
        self._takes_form = takes_form
        self._wait_s = wait_s
        self._server: Server | None = None
        self._answer: asyncio.Future[Mapping[str, str]] | None = None
        self._has_shown = asyncio.Event()

    @property
    def redirect_uri(self) -> str:
        """The address as it is, with the port that was taken if port 0 was asked for."""
        return self._wanted._replace(netloc=self._netloc).geturl()

    async def __aenter__(self) -> Self:
        port = self._wanted.port or 0
        self._answer = asyncio.get_running_loop().create_future()
        try:
            self._server = await serve(self, port=port, limits=LIMITS)
        except OSError as error:
            raise PortTaken(f"Port {port} is taken by another program") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._answer is not None
        if self._answer.done() and not self._answer.cancelled():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAGE_S):
                    await self._has_shown.wait()
        await self._server.close()

    async def wait(self) -> Mapping[str, str]:
        """Give the redirect's query.

        Raises:
            NotSent: nothing came in time, or the port was called too often by others.
        """
        assert self._server is not None
        assert self._answer is not None
        crowded = asyncio.ensure_future(self._server.exhausted.wait())
        try:
            either: set[asyncio.Future[Mapping[str, str]] | asyncio.Task[bool]]
            either = {self._answer, crowded}
            await asyncio.wait(either, timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED)
            if crowded.done():
                # The last connection let in may be the right one.
                await asyncio.wait({self._answer}, timeout=LIMITS.request_s)
        finally:
            crowded.cancel()
        if self._answer.done():
            return self._answer.result()
        if self._server.exhausted.is_set():
            raise NotSent("the login page was called too often, so it was closed")
        raise NotSent(f"no login came back within {self._wait_s:.0f} s")

    # What the server calls.

    async def respond(self, request: ServerRequest) -> ServerReply:
        refusal = self._refusal(request)
        if refusal is not None:
            return ServerReply(status=refusal, headers=_HEADERS)
        assert self._answer is not None
        pairs = self._pairs(request)
        if not pairs:
            if not self._answer.done():
                return ServerReply(status=HTTPStatus.BAD_REQUEST, headers=_HEADERS)
            self._has_shown.set()
            return ServerReply(headers=_HTML, body=text("pages/done.html").encode())
        if not _has_state(pairs, self._state):
            page = text("pages/failed.html").encode()
            return ServerReply(status=HTTPStatus.BAD_REQUEST, headers=_HTML, body=page)
        if self._answer.done():
            return ServerReply(status=HTTPStatus.GONE, headers=_HEADERS)
        self._answer.set_result(_first_values(pairs))
        # The code must not stay in the browser's address bar and history.
        clean = {**_HEADERS, "Location": self._path}
        return ServerReply(status=HTTPStatus.SEE_OTHER, headers=clean)

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        del request
        return ServerReply(status=HTTPStatus.FORBIDDEN, headers=_HEADERS)

    async def converse(self, socket: ServerSocket) -> None:
        await socket.close()

    # Inside.

    @property
    def _netloc(self) -> str:
        port = self._server.port if self._server is not None else self._wanted.port
        return f"{self._wanted.hostname}:{port}"

    @property
    def _path(self) -> str:
        return self._wanted.path or "/"

    def _refusal(self, request: ServerRequest) -> int | None:
        headers = request.headers
        # Exact, so that no name that resolves to this machine gets through (DNS rebinding).
        if headers.get("host") != self._netloc:
            return HTTPStatus.MISDIRECTED_REQUEST
        if not self._is_navigation(headers):
            return HTTPStatus.FORBIDDEN
        if request.method != "GET" and not self._is_form(request):
            return HTTPStatus.METHOD_NOT_ALLOWED
        if request.target.partition("?")[0] != self._path:
            return HTTPStatus.NOT_FOUND
        return None

    def _is_navigation(self, headers: Mapping[str, str]) -> bool:
        origin = headers.get("origin", "null")
        return (
            (origin == "null" or self._takes_form)
            and headers.get("sec-fetch-mode", "navigate") == "navigate"
            and headers.get("sec-fetch-dest", "document") == "document"
        )

    def _is_form(self, request: ServerRequest) -> bool:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return self._takes_form and request.method == "POST" and kind == _FORM

    def _pairs(self, request: ServerRequest) -> list[tuple[str, str]]:
        pairs = list(request.query_all)
        if request.method == "POST":
            pairs += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return pairs


def _place(url: SplitResult) -> tuple[str, str | None, int | None, str]:
    return url.scheme.lower(), url.hostname, url.port, url.path or "/"


def _has_state(pairs: list[tuple[str, str]], state: str) -> bool:
    # A paste may hold half a character, which UTF-8 cannot say.
    found = [value.encode("utf-8", "surrogatepass") for name, value in pairs if name == "state"]
    return len(found) == 1 and hmac.compare_digest(found[0], state.encode())


def _first_values(pairs: list[tuple[str, str]]) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    return first
