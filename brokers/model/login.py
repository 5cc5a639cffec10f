"""A login as values: what to do next, and what came back. Nothing here is ever printed."""

from collections.abc import Generator, Mapping

import msgspec
from typing_extensions import override


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request, absolute URL, body already encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @override
    def __repr__(self) -> str:
        return f"Request({self.method} {self.url.partition('?')[0]})"


class Reply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP reply; header names in lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @override
    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"


class OpenBrowser(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send the trader to `url`; the answer is the query of the redirect that comes back."""

    url: str
    redirect_uri: str

    @override
    def __repr__(self) -> str:
        return "OpenBrowser(…)"


class Send(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send a request; the answer is its `Reply`."""

    request: Request
    step: str
    """What is happening, for the login window: "Exchanging the code for a token"."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Long-lived secrets by field id, as the plugin's `fields` name them, and the addresses."""

    values: Mapping[str, str]
    endpoints: Mapping[str, str]

    @override
    def __repr__(self) -> str:
        return "Credentials(…)"


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A day's proof of login. `expires_ns` is None where the broker does not say."""

    broker: str
    account: str
    token: str
    values: Mapping[str, str] = {}
    issued_ns: int | None = None
    expires_ns: int | None = None

    @override
    def __repr__(self) -> str:
        return f"Session({self.broker}, …)"


Step = OpenBrowser | Send
Answer = Mapping[str, str] | Reply
LoginFlow = Generator[Step, Answer, Session]
