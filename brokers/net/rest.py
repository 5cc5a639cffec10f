"""The only HTTP client: one request at most once, and an error that tells whether it left.

Nothing is retried and no redirect is followed here. What has provably not left is NotSent; from
the first byte on, everything but a whole reply is OutcomeUnknown. Reading the reply, HTML and 5xx
included, is the codec's business.
"""

import asyncio
import functools
import logging
import ssl
import time
import zlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from brokers.errors import NotSent, OutcomeUnknown
from brokers.model.login import Reply, Request
from brokers.wire.budget import Budget, Lane

CONNECT_S: Final = 3.0
WRITE_S: Final = 3.0
READ_S: Final = 10.0
DEADLINE_S: Final = 30.0
KEEP_S: Final = 15.0
"""A connection idle for longer is replaced: a stale one fails after the write."""

MAX_TURN_S: Final = 30.0
MAX_REPLY_BYTES: Final = 128 << 20
_LARGE: Final = 256 << 10
"""Packed replies above this are unpacked off the loop."""

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_TOO_MANY: Final = 429
_MAX_PORT: Final = 65_535
_SECOND_NS: Final = 1_000_000_000
_FIRST_BYTE: Final = "http11.send_request_headers.started"

for _name in ("httpx", "httpcore"):
    # They log whole URLs, and a URL may carry a token.
    logging.getLogger(_name).setLevel(logging.WARNING)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Give the one verifying context; neither SSL_CERT_FILE nor SSLKEYLOGFILE reach it."""
    context = httpx.create_ssl_context(trust_env=False)
    if context.keylog_filename:
        context.keylog_filename = None  # type: ignore[assignment]  # None switches it off
    return context


class ServerClock:
    """The broker's clock minus ours, squeezed between many Date headers of one second each."""

    def __init__(self) -> None:
        self._least_ns: int | None = None
        self._most_ns: int | None = None

    @property
    def offset_ns(self) -> int | None:
        if self._least_ns is None or self._most_ns is None:
            return None
        return (self._least_ns + self._most_ns) // 2

    def take(self, date: str, sent_ns: int, received_ns: int) -> None:
        """Learn from one reply: its second began after `sent` less one and before `received`."""
        try:
            date_ns = int(parsedate_to_datetime(date).timestamp()) * _SECOND_NS
        except (ValueError, OverflowError):
            return
        least, most = date_ns - received_ns, date_ns + _SECOND_NS - sent_ns
        if self._least_ns is not None and self._most_ns is not None:
            narrower = max(least, self._least_ns), min(most, self._most_ns)
            # An empty intersection: one of the clocks was set; only the newest reply counts.
            if narrower[0] <= narrower[1]:
                least, most = narrower
        self._least_ns, self._most_ns = least, most


class Rest:
    """One HTTP/1.1 client of one account; several may share a Budget and a ServerClock."""

    def __init__(
        self,
        budget: Budget | None = None,
        *,
        clock: ServerClock | None = None,
        local_address: str | None = None,
        read_s: float = READ_S,
        keep_s: float = KEEP_S,
    ) -> None:
        self._budget = Budget() if budget is None else budget
        self.clock = ServerClock() if clock is None else clock
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                verify=tls_context(),
                http1=True,
                http2=False,
                retries=0,
                trust_env=False,
                local_address=local_address,
                limits=httpx.Limits(
                    max_connections=16, max_keepalive_connections=8, keepalive_expiry=keep_s
                ),
            ),
            timeout=httpx.Timeout(connect=CONNECT_S, write=WRITE_S, read=read_s, pool=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": "Tezi", "Accept-Encoding": "gzip"},
        )

    @property
    def server_offset_ns(self) -> int | None:
        """Broker's clock minus ours; None before the first reply with a Date."""
        return self.clock.offset_ns

    async def send(
        self,
        request: Request,
        *,
        lane: Lane | str,
        is_write: bool = False,
        deadline_s: float = DEADLINE_S,
    ) -> Reply:
        """Wait for a turn, then send once.

        A read that is cancelled is simply cancelled. A write that is cancelled before its first
        byte is, too; after it the cancellation arrives as OutcomeUnknown, because the order may
        live: whoever cancels an order's task still learns that its fate is open.

        Raises:
            NotSent: provably no byte of the request left.
            OutcomeUnknown: it left, or may have, and no whole reply came back.
        """
        ready = self._build(request)
        await self._turn(Lane(lane))
        attempt = _Attempt()
        ready.extensions["trace"] = attempt.trace
        sent_ns = time.time_ns()
        try:
            async with asyncio.timeout(deadline_s):
                reply = await self._exchange(ready)
        except asyncio.CancelledError:
            if is_write and attempt.has_left:
                raise OutcomeUnknown("cancelled after the request had left") from None
            raise
        except httpx.ProxyError as error:
            # Raised while the tunnel is made, before the request itself.
            raise NotSent("the proxy refused the connection") from error
        except Exception as error:  # what no table foresees has to be judged, too
            raise attempt.judge(error) from error
        if reply.status == _TOO_MANY:
            self._budget.refused(time.monotonic())
        date = reply.headers.get("date")
        if date is not None:
            self.clock.take(date, sent_ns, time.time_ns())
        return reply

    async def close(self) -> None:
        await self._client.aclose()

    def _build(self, request: Request) -> httpx.Request:
        try:
            ready = self._client.build_request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body or None,
            )
        except (httpx.InvalidURL, UnicodeError, ValueError, TypeError) as error:
            # The URL may hold a token: neither it nor the error's words are passed on.
            raise NotSent(f"not a sendable request ({type(error).__name__})") from None
        if (ready.url.port or 0) > _MAX_PORT:
            raise NotSent(f"expected a port up to {_MAX_PORT}, was {ready.url.port}")
        return ready

    async def _turn(self, lane: Lane) -> None:
        while (wait_s := self._budget.wait_s(time.monotonic(), lane)) > 0:
            if wait_s > MAX_TURN_S:
                raise NotSent(f"the broker's request limit is used up for {wait_s:.0f} s")
            await asyncio.sleep(wait_s)
        self._budget.spend(time.monotonic(), lane)

    async def _exchange(self, ready: httpx.Request) -> Reply:
        response = await self._client.send(ready, stream=True)
        packed = bytearray()
        try:
            # Only the transport may end this loop early: it finishes its own generators, while
            # one that is dropped half-way has nobody to finish it on the window's event loop.
            parts = response.aiter_raw()
            async for part in parts:
                packed += part
                if len(packed) > MAX_REPLY_BYTES:
                    await response.aclose()
                    raise _Unreadable(f"the reply is larger than {MAX_REPLY_BYTES} bytes")
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        coding = headers.get("content-encoding", "identity").strip().lower()
        if len(packed) > _LARGE and coding != "identity":
            body = await asyncio.to_thread(_unpack, bytes(packed), coding)
        else:
            body = _unpack(bytes(packed), coding)
        return Reply(status=response.status_code, headers=headers, body=body)


class _Unreadable(Exception):
    """A whole reply came that cannot be taken; its text says why."""


def _unpack(packed: bytes, coding: str) -> bytes:
    """Undo the reply's packing, with a limit to what a few bytes may become."""
    if coding in ("", "identity") or not packed:
        return packed
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise _Unreadable("the reply is packed in an unknown way")
    body = bytearray()
    try:
        while packed:
            unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
            body += unpacking.decompress(packed, MAX_REPLY_BYTES + 1 - len(body))
            if len(body) > MAX_REPLY_BYTES:
                raise _Unreadable(f"the reply is larger than {MAX_REPLY_BYTES} bytes")
            if not unpacking.eof:
                raise _Unreadable("the reply could not be unpacked")
            packed = unpacking.unused_data
    except zlib.error as error:
        raise _Unreadable("the reply could not be unpacked") from error
    return bytes(body)


class _Attempt:
    """Watches one request through the transport, to know whether a byte may have left."""

    def __init__(self) -> None:
        self.has_left = False

    async def trace(self, name: str, info: Mapping[str, object]) -> None:
        del info
        if name == _FIRST_BYTE:
            self.has_left = True

    def judge(self, error: Exception) -> NotSent | OutcomeUnknown:
        """Say what an exception means for the request."""
        is_ours = isinstance(error, _Unreadable)
        why = str(error) if is_ours else _WORDS.get(type(error), "the connection failed")
        return OutcomeUnknown(why) if self.has_left else NotSent(why)


_WORDS: Final[Mapping[type[Exception], str]] = {
    httpx.PoolTimeout: "no free connection",
    httpx.ConnectTimeout: "the broker did not answer the connection in time",
    httpx.ConnectError: "the broker could not be reached",
    httpx.WriteTimeout: "the request could not be written in time",
    httpx.WriteError: "the connection broke while sending",
    httpx.ReadTimeout: "no reply in time",
    httpx.ReadError: "the connection broke before the reply",
    httpx.RemoteProtocolError: "the connection ended before the reply",
    httpx.UnsupportedProtocol: "the address is neither http nor https",
    TimeoutError: "no whole reply in time",
}
