"""The redirect's receiver: one right answer, and nothing else, whatever is thrown at it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import NotSent, Refused
from brokers.net import callback as callback_module
from brokers.net.callback import Callback, PortTaken, is_local, read_redirect
from brokers.net.server import ServerLimits, ServerRequest

STATE = "kX3-state-of-this-attempt"
PATH = "/fyers/callback"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_module, "_PAGE_S", 0.05)


@contextlib.asynccontextmanager
async def pending(wait_s: float = 5.0, *, takes_form: bool = False) -> AsyncIterator[Callback]:
    uri = f"http://127.0.0.1:0{PATH}"
    async with Callback(uri, STATE, wait_s=wait_s, takes_form=takes_form) as callback:
        yield callback


def port_of(callback: Callback) -> int:
    return int(callback.redirect_uri.partition("127.0.0.1:")[2].partition("/")[0])


async def raw(callback: Callback, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(callback))
    try:
        writer.write(data)
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def ask(
    callback: Callback,
    target: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> tuple[int, dict[str, str], bytes]:
    shown = {"Host": f"127.0.0.1:{port_of(callback)}", **(headers or {})}
    if body:
        shown["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in shown.items() if value)
    told = await raw(callback, f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    head, _, rest = told.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    replied = {n.lower(): v for n, _, v in (field.partition(": ") for field in fields)}
    return int(first.split()[1]), replied, rest


async def test_the_right_redirect_is_taken_and_the_browser_is_sent_to_a_clean_page() -> None:
    async with pending() as callback:
        status, headers, body = await ask(
            callback, f"{PATH}?s=ok&code=200&auth_code=JWT&state={STATE}"
        )
        assert (status, headers["location"], body) == (303, PATH, b"")
        assert await callback.wait() == {
            "s": "ok",
            "code": "200",
            "auth_code": "JWT",
            "state": STATE,
        }
        status, headers, body = await ask(callback, PATH)
        assert status == 200
        assert b"close this tab" in body


async def test_every_reply_keeps_the_code_out_of_caches_referrers_and_pages() -> None:
    async with pending() as callback:
        for target in (
            f"{PATH}?state=wrong&auth_code=CANARY",
            f"{PATH}?state={STATE}&auth_code=CANARY",
            PATH,
        ):
            _, headers, body = await ask(callback, target)
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["content-security-policy"] == "default-src 'none'"
            assert headers["connection"] == "close"
            assert b"CANARY" not in body
            assert "CANARY" not in str(headers)


@pytest.mark.parametrize(
    "query",
    [
        "s=ok&auth_code=X",
        "s=ok&auth_code=X&state=",
        f"s=ok&auth_code=X&state={STATE}x",
        f"s=ok&auth_code=X&state={STATE[:-1]}",
        f"s=ok&auth_code=X&state={STATE.upper()}",
        f"s=ok&auth_code=X&state=a&state={STATE}",
        f"s=ok&auth_code=X&State={STATE}",
        "state=%E2%82%B9",
    ],
)
async def test_a_wrong_absent_or_doubled_state_is_refused(query: str) -> None:
    async with pending(0.05) as callback:
        status, _, body = await ask(callback, f"{PATH}?{query}")
        assert status == 400
        assert b"was not taken" in body
        with pytest.raises(NotSent):
            await callback.wait()


async def test_a_second_hit_is_gone_and_changes_nothing() -> None:
    async with pending() as callback:
        await ask(callback, f"{PATH}?auth_code=first&state={STATE}")
        status, _, _ = await ask(callback, f"{PATH}?auth_code=second&state={STATE}")
        assert status == 410
        assert (await callback.wait())["auth_code"] == "first"


async def test_the_clean_page_is_not_shown_before_the_answer() -> None:
    async with pending() as callback:
        assert (await ask(callback, PATH))[0] == 400


@pytest.mark.parametrize(
    "target",
    ["/", "/favicon.ico", f"{PATH}/", "/fivepaisa/callback", "/fyers/%63allback", f"/{PATH}"],
)
async def test_other_paths_are_not_found(target: str) -> None:
    async with pending() as callback:
        status, _, body = await ask(callback, f"{target}?auth_code=X&state={STATE}")
        assert (status, body) == (404, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])
async def test_only_get_is_heard(method: str) -> None:
    async with pending() as callback:
        assert (await ask(callback, f"{PATH}?state={STATE}", method))[0] == 405


async def test_a_form_is_taken_only_where_the_broker_posts_one() -> None:
    body = f"session=S&state={STATE}".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with pending(takes_form=True) as callback:
        assert (await ask(callback, PATH, "POST", form, body))[0] == 303
        assert (await callback.wait())["session"] == "S"
        too_much = b"session=" + b"a" * (17 << 10)
        assert (await ask(callback, PATH, "POST", form, too_much))[0] == 413
    async with pending() as callback:
        assert (await ask(callback, PATH, "POST", form, body))[0] == 405


async def test_every_foreign_host_is_misdirected_with_an_empty_body() -> None:
    draw = random.Random(7)
    async with pending() as callback:
        port = port_of(callback)
        hosts = [
            *("localhost", "127.0.0.1", "[::1]", "evil.example", "127.0.0.2", "0.0.0.0"),
            *(
                f"localhost:{port}",
                f"127.1:{port}",
                f"127.0.0.1:{port + 1}",
                f"evil.example:{port}",
            ),
            *(f"127.0.0.1.:{port}", f"127.0.0.1:{port}.evil.example", f"user@127.0.0.1:{port}"),
            *(f"127.0.0.1:0{port}", f"2130706433:{port}", f"0x7f.1:{port}"),
        ]
        hosts += ["".join(draw.choices("127.0:localhsevi", k=12)) for _ in range(10)]
    for host in hosts:
        async with pending() as callback:
            shown = host.replace(str(port), str(port_of(callback)))
            status, _, body = await ask(
                callback, f"{PATH}?auth_code=X&state={STATE}", headers={"Host": shown}
            )
            assert (status, body) == (421, b""), shown


def test_the_host_must_match_exactly_over_five_hundred_variants() -> None:
    draw = random.Random(11)
    callback = Callback(f"http://127.0.0.1:8765{PATH}", STATE)
    for _ in range(500):
        host = list("127.0.0.1:8765")
        at = draw.randrange(len(host))
        match draw.randrange(3):
            case 0:
                host[at] = draw.choice("0123456789abc.:[]@ ")
            case 1:
                host.insert(at, draw.choice("0123456789abc.:[]@ "))
            case _:
                del host[at]
        shown = "".join(host)
        request = ServerRequest(method="GET", path=PATH, target=PATH, headers={"host": shown})
        assert callback._refusal(request) == (None if shown == "127.0.0.1:8765" else 421)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "null"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 303),
        ({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403),
        ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
    ],
)
async def test_only_a_page_that_a_person_opened_is_heard(
    headers: dict[str, str], status: int
) -> None:
    async with pending() as callback:
        target = f"{PATH}?auth_code=X&state={STATE}"
        assert (await ask(callback, target, headers=headers))[0] == status


async def test_a_websocket_is_refused() -> None:
    async with pending() as callback:
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version": "13",
        }
        assert (await ask(callback, f"{PATH}?state={STATE}", headers=headers))[0] == 403


async def test_overlong_lines_and_heads_are_refused() -> None:
    async with pending() as callback:
        assert (await ask(callback, f"{PATH}?a=" + "b" * (9 << 10)))[0] == 414
        assert (await ask(callback, PATH, headers={"X-A": "b" * (17 << 10)}))[0] == 431


async def test_a_slow_request_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        callback_module, "LIMITS", ServerLimits(request_s=0.05, connections=4, keeps_alive=False)
    )
    async with pending() as callback:
        assert await raw(callback, b"GET /fyers") == b""


def test_the_limits_are_those_of_the_design() -> None:
    limits = callback_module.LIMITS
    assert limits.target_bytes <= 8 << 10
    assert limits.head_bytes <= 16 << 10
    assert limits.body_bytes <= 16 << 10
    assert (limits.request_s, limits.connections, limits.hits) == (5.0, 4, 32)
    assert callback_module.WAIT_S == 180.0


async def test_a_fifth_connection_at_once_is_dropped() -> None:
    async with pending() as callback:
        open_ones = [
            await asyncio.open_connection("127.0.0.1", port_of(callback)) for _ in range(4)
        ]
        assert await raw(callback, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        for _, writer in open_ones:
            writer.close()


async def test_after_thirty_two_hits_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pending() as callback:
        for _ in range(32):
            await raw(callback, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        monkeypatch.setattr(callback_module, "LIMITS", ServerLimits(request_s=0.01))
        with pytest.raises(NotSent, match="too often"):
            await callback.wait()
        with pytest.raises(OSError):  # noqa: PT011  # refused or reset, as the system likes
            await asyncio.open_connection("127.0.0.1", port_of(callback))


async def test_nothing_in_time_is_said_so_and_the_port_is_free_again() -> None:
    async with pending(0.01) as callback:
        with pytest.raises(NotSent, match="no login came back"):
            await callback.wait()
        port = port_of(callback)
    with pytest.raises(OSError):  # noqa: PT011  # refused or reset, as the system likes
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_taken_port_is_named() -> None:
    async with pending() as callback:
        with pytest.raises(PortTaken, match=str(port_of(callback))):
            async with Callback(callback.redirect_uri, STATE):
                pass


async def test_random_bytes_are_never_accepted() -> None:
    draw = random.Random(3)
    async with pending(0.01) as callback:
        for _ in range(30):
            await raw(callback, draw.randbytes(draw.randrange(1, 200)) + b"\r\n\r\n")
        with pytest.raises(NotSent):
            await callback.wait()


@pytest.mark.parametrize(
    ("uri", "is_ours"),
    [
        ("http://127.0.0.1:8765/callback", True),
        ("http://localhost:8765/", True),
        ("https://127.0.0.1:8765/callback", False),
        ("http://127.0.0.1/callback", False),
        ("http://192.168.1.2:8765/", False),
        ("https://trade.fyers.in/api-login/redirect-uri/index.html", False),
        ("http://127.0.0.1:x/", False),
        ("", False),
    ],
)
def test_only_a_loopback_address_with_a_port_is_listened_on(uri: str, *, is_ours: bool) -> None:
    assert is_local(uri) is is_ours


REDIRECT = "https://trade.fyers.in/api-login/redirect-uri/index.html"


def test_a_pasted_address_gives_its_query() -> None:
    pasted = f"  {REDIRECT}?s=ok&auth_code=JWT&state={STATE}#top \n"
    assert read_redirect(pasted, REDIRECT, STATE)["auth_code"] == "JWT"


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "JWT",
        f"https://evil.example/?auth_code=JWT&state={STATE}",
        f"{REDIRECT}x?auth_code=JWT&state={STATE}",
        f"http://trade.fyers.in/api-login/redirect-uri/index.html?state={STATE}",
        f"https://trade.fyers.in:444/api-login/redirect-uri/index.html?state={STATE}",
        f"{REDIRECT}?auth_code=JWT",
        f"{REDIRECT}?auth_code=JWT&state=other",
        "http://[::1?state=x",
        REDIRECT + "?state=" + "x" * 40_000,
    ],
)
def test_another_address_or_login_is_refused_without_repeating_it(pasted: str) -> None:
    with pytest.raises(Refused) as caught:
        read_redirect(pasted, REDIRECT, STATE)
    assert "JWT" not in str(caught.value)


@given(st.text(max_size=200))
def test_any_paste_is_an_answer_or_a_refusal(pasted: str) -> None:
    with contextlib.suppress(Refused):
        read_redirect(pasted, REDIRECT, STATE)
