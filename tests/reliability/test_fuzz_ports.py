"""Malformed requests to every port of the practice exchange and to the login's callback."""

import asyncio
import contextlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from brokers import registry
from brokers.errors import Refused
from brokers.net.callback import Callback, read_redirect
from brokers.session import log_in_to_practice, practice_endpoints
from tests.rig.practice import PracticeProcess

LONG = bool(os.environ.get("TEZI_LONG"))
pytestmark = [pytest.mark.plainloop, pytest.mark.timeout(180)]
SECONDS = 60.0 if LONG else 4.0
PATIENCE_S = 15.0
ORDER = {
    "symbol": "NSE:SBIN-EQ",
    "qty": 1,
    "type": 1,
    "side": 1,
    "productType": "INTRADAY",
    "limitPrice": 800,
    "stopPrice": 0,
    "validity": "DAY",
    "disclosedQty": 0,
    "offlineOrder": False,
    "orderTag": "A1",
}
ODD = (
    *("NaN", "-1", "0", "1e999", "-1e999", "1e-400", "9" * 5000, "null", "true", "[]", "{}"),
    *('""', '"\\ud800"', '"\\u0000"', '"' + "x" * 70_000 + '"', '"१"', "[" * 3000, "1.00005"),
    *('"NaN"', '"1e9"', "18446744073709551616", "-9223372036854775809", '"NSE:NONE-EQ"', "["),
    *("0.1", "1E2", '" 1"', '"../../etc"', "{" * 50, '"%s%n"', "2147483648", '"\\u202e"'),
)
CALLS = (
    *(("POST", "rest", "/orders/sync"), ("PATCH", "rest", "/orders/sync")),
    *(("DELETE", "rest", "/orders/sync"), ("POST", "rest", "/orders"), ("GET", "rest", "/orders")),
    *(("POST", "rest", "/multi-order/sync"), ("DELETE", "rest", "/positions")),
    *(("GET", "rest", "/tradebook"), ("GET", "rest", "/positions"), ("POST", "rest", "/positions")),
    *(("GET", "data", "/quotes"), ("GET", "data", "/depth"), ("GET", "data", "/history")),
    *(("POST", "rest", "/validate-authcode"), ("GET", "login", ""), ("GET", "symbols", "/NSE_CM")),
)
QUERIES = ("symbols", "symbol", "resolution", "date_format", "range_from", "range_to", "order_tag")
CONTROL = ("/orders", "/fault", "/clock", "/price", "/order", "/rate", "/health", "/", "/fundsx")


class Fuzzer:
    """Builds requests, from nearly right to noise."""

    def __init__(self, practice: PracticeProcess, token: str, seed: int) -> None:
        self._chance = random.Random(seed)
        self._practice = practice
        plugin = registry.default_practice()
        self._endpoints = practice_endpoints(plugin, practice.ports)
        self._token = token

    def request(self) -> tuple[int, bytes]:
        """Give a port and what to send to it."""
        what = self._chance.random()
        if what < 0.15:
            return self._port("rest"), self._chance.randbytes(self._chance.randint(0, 400))
        if what < 0.25:
            return self._control()
        port, head, body = self._call()
        if what < 0.4:
            whole = bytearray(head + body)
            for _ in range(self._chance.randint(1, 6)):
                whole[self._chance.randrange(len(whole))] = self._chance.randrange(256)
            return port, bytes(whole)
        if what < 0.5:
            return port, (head + body)[: self._chance.randrange(len(head) + 1)]
        return port, head + body

    def _port(self, key: str) -> int:
        return urlsplit(self._endpoints[key]).port or 0

    def _call(self) -> tuple[int, bytes, bytes]:
        method, key, path = self._chance.choice(CALLS)
        query = "&".join(
            f"{name}={quote(self._chance.choice(ODD)[:300])}"
            for name in self._chance.sample(QUERIES, self._chance.randint(0, 4))
        )
        target = f"{urlsplit(self._endpoints[key]).path}{path}?{query}"
        body = self._body() if method != "GET" else b""
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return self._port(key), head.encode(), body

    def _body(self) -> bytes:
        parts = {key: json.dumps(value) for key, value in ORDER.items()} | {
            "id": '"26112000000001"'
        }
        for key in self._chance.sample(sorted(parts), self._chance.randint(0, 3)):
            if self._chance.random() < 0.3:
                del parts[key]
            else:
                parts[key] = self._chance.choice(ODD)
        text = "{" + ",".join(f'"{key}":{value}' for key, value in parts.items()) + "}"
        return (f"[{text}]" if self._chance.random() < 0.2 else text).encode()

    def _control(self) -> tuple[int, bytes]:
        path = self._chance.choice(CONTROL)
        keys = ("broker", "where", "times", "value", "advance_s", "set", "instrument", "price")
        odd = [each for each in ODD if len(each) < 10_000]
        body = ",".join(f'"{key}":{self._chance.choice(odd)}' for key in keys)
        text = f"{{{body}}}".encode()
        method = self._chance.choice(("GET", "POST", "DELETE", "PUT"))
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n\r\n"
        port = urlsplit(str(self._practice.ports["control"])).port or 0
        return port, head.encode() + text


async def _send(port: int, data: bytes) -> bytes:
    """Send bytes, close our half, and read whatever comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            return await reader.read()
        return b""
    finally:
        writer.close()


def _authorization(practice: PracticeProcess, token: str) -> str:
    known = practice.ports["credentials"]
    assert isinstance(known, Mapping)
    return f"{known['fyers']['app_id']}:{token}"


async def test_no_request_hangs_or_fells_the_exchange_or_is_an_error_of_its_own(
    practice: PracticeProcess,
) -> None:
    session = await log_in_to_practice(registry.default_practice(), practice.ports)
    fuzzer = Fuzzer(practice, _authorization(practice, session.token), seed=7)
    until = time.monotonic() + SECONDS
    failed: list[tuple[int, bytes]] = []
    answered: Counter[bytes] = Counter()
    while time.monotonic() < until:
        batch = [fuzzer.request() for _ in range(16)]
        async with asyncio.timeout(PATIENCE_S):
            replies = await asyncio.gather(*(_send(*each) for each in batch))
        answered.update(reply[9:12] for reply in replies)
        failed += [
            asked for asked, reply in zip(batch, replies, strict=True) if b" 500 " in reply[:20]
        ]
    assert not failed, failed[:3]
    assert practice.process.poll() is None
    practice.disarm()
    assert practice.get("/health")["ok"]
    said = practice.said.read_text()
    assert "Traceback" not in said, said[-3000:]
    assert session.token not in said
    assert min(answered[b"200"], answered[b"400"]) > 20, f"it hit nothing: {answered}"


async def test_no_frame_hangs_or_fells_the_exchange(practice: PracticeProcess) -> None:
    session = await log_in_to_practice(registry.default_practice(), practice.ports)
    endpoints = practice_endpoints(registry.default_practice(), practice.ports)
    headers = {"authorization": _authorization(practice, session.token)}
    chance = random.Random(11)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for key in ("feed", "orders"):
            with contextlib.suppress(WebSocketException, ConnectionError, TimeoutError):
                async with (
                    asyncio.timeout(5),
                    connect(endpoints[key], additional_headers=headers, proxy=None) as socket,
                ):
                    for _ in range(30):
                        await socket.send(_frame(chance))
    assert practice.process.poll() is None
    assert practice.get("/health")["ok"]
    said = practice.said.read_text()
    assert "Traceback" not in said, said[-3000:]
    assert session.token not in said


def _frame(chance: random.Random) -> bytes | str:
    what = chance.randrange(4)
    if what == 0:
        return chance.randbytes(chance.randint(0, 300))
    if what == 1:
        kind = chance.randrange(14)
        body = bytes([kind, chance.randrange(8)]) + chance.randbytes(chance.randint(0, 60))
        return len(body).to_bytes(2, "big") + body
    if what == 2:
        return json.dumps({"T": "SUB_ORD", "SLIST": ["orders", 1, None], "SUB_T": 1})[
            : chance.randint(0, 60)
        ]
    return "[" * chance.randint(0, 5000)


async def test_nothing_but_the_right_redirect_is_ever_taken() -> None:
    chance = random.Random(5)
    until = time.monotonic() + SECONDS / 2
    while time.monotonic() < until:
        async with Callback("http://127.0.0.1:0/callback", "s" * 43) as callback:
            port = urlsplit(callback.redirect_uri).port or 0
            good = (
                f"GET /callback?state={'s' * 43}&auth_code=abc HTTP/1.1\r\nHost: 127.0.0.1:{port}"
            )
            for _ in range(24):
                data = bytearray(f"{good}\r\n\r\n".encode())
                # One letter of the state, of the host or of the path is always another one.
                data[chance.randrange(4, 4 + len("/callback?state=") + 43)] ^= 1
                for _ in range(chance.randint(0, 3)):
                    data.insert(chance.randrange(len(data)), chance.randrange(256))
                async with asyncio.timeout(PATIENCE_S):
                    reply = await _send(port, bytes(data))
                assert b"abc" not in reply
                assert b"sss" not in reply
                assert not reply or int(reply.split()[1]) >= HTTPStatus.BAD_REQUEST, data
            reply = await _send(port, f"{good}\r\n\r\n".encode())
            assert b"303" in reply[:16]
            await _send(port, f"GET /callback HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            assert (await callback.wait())["auth_code"] == "abc"


def test_a_paste_of_half_a_character_is_refused_and_nothing_worse() -> None:
    uri = "http://127.0.0.1:8080/callback"
    with pytest.raises(Refused):
        read_redirect(f"{uri}?state=\ud800&code=1", uri, "right")
