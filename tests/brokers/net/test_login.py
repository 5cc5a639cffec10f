"""Driving a login: its steps in order, the browser, the paste, and practice's own page."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from brokers.errors import NotSent, Refused
from brokers.model.login import Credentials, LoginFlow, OpenBrowser, Reply, Request, Send, Session
from brokers.net.login import browse_and_wait, log_in, walk_redirect
from brokers.net.server import serve
from tests.brokers.net.test_callback import REDIRECT
from tests.brokers.net.test_server import EchoSite

CREDENTIALS = Credentials(values={"redirect_uri": "http://127.0.0.1:1/cb"}, endpoints={})
STATE = "state-of-this-attempt"


def flow(credentials: Credentials, state: str) -> LoginFlow:
    back = yield OpenBrowser(
        url=f"http://127.0.0.1:9/login?state={state}",
        redirect_uri=credentials.values["redirect_uri"],
    )
    assert isinstance(back, Mapping)
    if back["state"] != state:
        raise Refused("the reply belongs to another login")
    reply = yield Send(request=Request(method="POST", url="http://x/token"), step="Exchanging")
    assert isinstance(reply, Reply)
    return Session(broker="x", account="", token=reply.body.decode() + back["code"])


async def send_token(request: Request) -> Reply:
    assert request.url == "http://x/token"
    return Reply(status=200, body=b"token-")


async def browse_well(step: OpenBrowser, state: str) -> Mapping[str, str]:
    assert parse_qs(urlsplit(step.url).query)["state"] == [state]
    return {"code": "C", "state": state}


class Person:
    """Someone at the keyboard: what they see, and what they paste."""

    def __init__(self, *, has_browser: bool = True) -> None:
        self.has_browser = has_browser
        self.opened: asyncio.Queue[str] = asyncio.Queue()
        self.told: list[str] = []
        self.paste: asyncio.Queue[str] = asyncio.Queue()

    def open(self, url: str) -> bool:
        self.opened.put_nowait(url)
        return self.has_browser

    def say(self, text: str) -> None:
        self.told.append(text)

    async def pasted(self) -> str:
        return await self.paste.get()


def opening(redirect_uri: str) -> OpenBrowser:
    return OpenBrowser(url="https://broker.example/login", redirect_uri=redirect_uri)


async def free_port() -> int:
    server = await serve(EchoSite())
    await server.close()
    return server.port


async def test_the_steps_are_walked_and_told() -> None:
    told: list[str] = []
    session = await log_in(
        flow, CREDENTIALS, send=send_token, browse=browse_well, on_step=told.append
    )
    assert session.token == "token-C"
    assert told == ["Waiting for you to log in with your broker", "Exchanging"]


async def test_every_login_has_a_long_state_of_its_own() -> None:
    states: list[str] = []

    async def browse(_step: OpenBrowser, state: str) -> Mapping[str, str]:
        states.append(state)
        return {"code": "C", "state": state}

    for _ in range(3):
        await log_in(flow, CREDENTIALS, send=send_token, browse=browse)
    assert len(set(states)) == 3
    assert all(len(state) >= 43 for state in states)


async def test_a_refusal_inside_the_flow_comes_out() -> None:
    async def browse(_step: OpenBrowser, _state: str) -> Mapping[str, str]:
        return {"code": "C", "state": "another"}

    with pytest.raises(Refused, match="another login"):
        await log_in(flow, CREDENTIALS, send=send_token, browse=browse)


async def test_a_request_that_was_not_sent_ends_the_login() -> None:
    async def send(_request: Request) -> Reply:
        raise NotSent("offline")

    with pytest.raises(NotSent, match="offline"):
        await log_in(flow, CREDENTIALS, send=send, browse=browse_well)


async def test_a_browser_brings_the_redirect_to_our_port() -> None:
    person = Person()
    uri = f"http://127.0.0.1:{await free_port()}/cb"
    waiting = asyncio.ensure_future(browse_and_wait(opening(uri), STATE, person))
    assert await person.opened.get() == "https://broker.example/login"
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
        page = await browser.get(f"{uri}?code=C&state={STATE}")
    assert "close this tab" in page.text
    assert await waiting == {"code": "C", "state": STATE}


async def test_the_address_may_be_pasted_while_the_port_waits() -> None:
    person = Person(has_browser=False)
    uri = f"http://127.0.0.1:{await free_port()}/cb"
    person.paste.put_nowait("http://elsewhere/?code=X")
    person.paste.put_nowait(f"{uri}?code=C&state={STATE}")
    assert await browse_and_wait(opening(uri), STATE, person) == {"code": "C", "state": STATE}
    assert [told for told in person.told if "No browser" in told]
    assert [told for told in person.told if "not the address" in told]


async def test_a_redirect_to_elsewhere_is_pasted() -> None:
    person = Person()
    person.paste.put_nowait(f"{REDIRECT}?code=C&state={STATE}")
    assert (await browse_and_wait(opening(REDIRECT), STATE, person))["code"] == "C"
    assert "paste the address" in person.told[0]


async def test_a_taken_port_is_named_and_the_address_can_still_be_pasted() -> None:
    other = await serve(EchoSite())
    person = Person()
    uri = f"http://127.0.0.1:{other.port}/cb"
    person.paste.put_nowait(f"{uri}?code=C&state={STATE}")
    assert (await browse_and_wait(opening(uri), STATE, person))["code"] == "C"
    assert str(other.port) in person.told[0]
    await other.close()


async def test_nothing_in_time_is_not_sent() -> None:
    for uri in (REDIRECT, f"http://127.0.0.1:{await free_port()}/cb"):
        with pytest.raises(NotSent, match="no login came back"):
            await browse_and_wait(opening(uri), STATE, Person(), wait_s=0.01)


async def test_a_cancelled_login_leaves_no_port_open() -> None:
    person = Person()
    port = await free_port()
    uri = f"http://127.0.0.1:{port}/cb"
    waiting = asyncio.ensure_future(browse_and_wait(opening(uri), STATE, person))
    await person.opened.get()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    again = await serve(EchoSite(), port=port)
    await again.close()


async def test_practices_own_page_is_filled_without_a_browser() -> None:
    asked: list[str] = []

    async def send(request: Request) -> Reply:
        asked.append(request.url)
        query = parse_qs(urlsplit(request.url).query)
        back = f"http://127.0.0.1:1/cb?code=C&state={query['state'][0]}"
        return Reply(status=302, headers={"location": back})

    step = OpenBrowser(
        url=f"http://127.0.0.1:9/login?client_id=A-100&state={STATE}",
        redirect_uri="http://127.0.0.1:1/cb",
    )
    back = await walk_redirect(step, STATE, {"user": "U", "pin": "1111"}, send=send)
    assert back == {"code": "C", "state": STATE}
    assert parse_qs(urlsplit(asked[0]).query)["pin"] == ["1111"]


async def test_a_practice_page_that_does_not_redirect_is_a_refusal() -> None:
    async def send(_request: Request) -> Reply:
        return Reply(status=200, body=b"<html>")

    step = OpenBrowser(url="http://127.0.0.1:9/login", redirect_uri="http://127.0.0.1:1/cb")
    with pytest.raises(Refused, match="practice login"):
        await walk_redirect(step, STATE, {}, send=send)


@pytest.mark.parametrize("url", ["https://broker.example/x", "http://localhost:1/x"])
async def test_a_real_brokers_page_is_never_filled(url: str) -> None:
    step = OpenBrowser(url=url, redirect_uri="http://127.0.0.1:1/cb")
    with pytest.raises(ValueError, match="only the practice exchange"):
        await walk_redirect(step, STATE, {"pin": "1"}, send=send_token)
