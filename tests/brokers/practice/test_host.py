"""The practice exchange from outside: start and stop, the ports file, and the control API."""

import contextlib
import datetime as dt
import email.utils
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.rig.shared import shared

ROOT = Path(__file__).resolve().parents[3]
IST = dt.timezone(dt.timedelta(hours=5, minutes=30))
SBIN = "NSE:SBIN-EQ"
READY_S = 30.0


def spawn(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "brokers.practice", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def practising(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """Start an exchange that prints its addresses; end it however the test ended."""
    process = spawn("--with-parent", *arguments)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        yield process, json.loads(line)
    finally:
        end(process)


def end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
    process.wait(10)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


class Control:
    """The control API as a test uses it."""

    def __init__(self, ports: Mapping[str, Any]) -> None:
        self.ports = ports
        self.base = ports["control"]

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers=dict(headers or {})
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, json.loads(reply.read()), dict(reply.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read()), dict(error.headers)

    def get(self, path: str) -> Any:  # noqa: ANN401  # JSON of the call's own shape
        status, told, _ = self.call("GET", path)
        assert status == 200, told
        return told

    def post(self, path: str, **body: object) -> Any:  # noqa: ANN401  # as above
        status, told, _ = self.call("POST", path, body)
        assert status == 200, told
        return told

    def refused(self, path: str, **body: object) -> str:
        status, told, _ = self.call("POST", path, body)
        assert status == 400
        return str(told["error"])

    def order(self, **other: object) -> Any:  # noqa: ANN401  # as above
        wanted = {
            "broker": self.broker,
            "instrument": SBIN,
            "side": "buy",
            "quantity": 1,
            "kind": "market",
            "price_e4": 0,
            "trigger_e4": 0,
            "product": "CNC",
        }
        return self.post("/order", **{**wanted, **other})

    @property
    def broker(self) -> str:
        return str(next(iter(self.ports["credentials"])))

    def clock(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.get("/health")["clock"])


@pytest.fixture(scope="module")
def running() -> Iterator[Control]:
    with practising("--ticks-per-second", "0") as (_, ports):
        yield Control(ports)


def addresses(ports: Mapping[str, Any]) -> list[str]:
    faces = [entry for name, entry in ports.items() if isinstance(entry, dict)]
    found = [ports["control"]]
    for face in faces:
        found += [text for text in face.values() if isinstance(text, str) and "://" in text]
    return found


def test_the_one_line_on_standard_output_names_every_address(running: Control) -> None:
    ports = running.ports
    assert set(ports["credentials"]) == set(ports) - {"pid", "control", "credentials"}
    for name in ports["credentials"]:
        assert ports[name]["host"].startswith("http://127.0.0.1:")
    assert all(text.split("://")[1].startswith("127.0.0.1:") for text in addresses(ports))
    for address in addresses(ports):
        port = int(address.split("://")[1].partition("/")[0].rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_the_face_speaks_under_the_live_paths(running: Control) -> None:
    assert running.ports["fyers"] == {
        "host": (host := running.ports["fyers"]["host"]),
        "login": f"{host}/api/v3/generate-authcode",
        "rest": f"{host}/api/v3",
        "data": f"{host}/data",
        "feed": f"ws{host[4:]}/hsm/v1-5/prod",
        "orders": f"ws{host[4:]}/trade/v3",
        "symbols": f"{host}/sym_details",
        **{
            key: value
            for key, value in running.ports["fyers"].items()
            if key in ("depth50", "tbtws", "rest_v2", "data_v2", "feed_v2", "orders_v2")
        },
    }


def test_the_ports_file_is_whole_private_and_the_only_word(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    process = spawn("--ports-file", str(path))
    until = time.monotonic() + READY_S
    while not path.exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    ports = json.loads(path.read_text())
    assert ports["pid"] == process.pid
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Control(ports).get("/health")["ok"] is True
    process.send_signal(signal.SIGTERM)
    said, complained = process.communicate(timeout=10)
    assert (process.returncode, said, complained) == (0, "", "")
    assert [each.name for each in tmp_path.iterdir()] == ["ports.json"]


def test_the_end_of_standard_input_ends_it_with_0() -> None:
    with practising() as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_an_interrupt_ends_it_with_0_even_with_open_connections() -> None:
    with practising() as (process, ports):
        port = int(ports["control"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as held:
            held.sendall(b"GET /health HTTP/1.1\r\n")
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0


def test_without_a_parent_a_closed_standard_input_is_nothing() -> None:
    process = spawn()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    ports = json.loads(process.stdout.readline())
    assert Control(ports).get("/health")["ok"] is True
    process.terminate()
    assert process.wait(10) == 0
    end(process)


@pytest.mark.parametrize("name", ["control", "fyers"])
def test_a_taken_port_is_named_in_one_line_with_status_2(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = spawn("--port", f"{name}={port}")
        said, complained = process.communicate(timeout=READY_S)
    assert (process.returncode, said) == (2, "")
    assert complained.count("\n") == 1
    assert str(port) in complained


def test_a_port_can_be_chosen() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with practising("--port", f"fyers={port}") as (_, ports):
        assert ports["fyers"]["host"] == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "nobody=1"],
        ["--port", "fyers"],
        ["--clock", "yesterday"],
        ["--masters", "/no/such/folder"],
        ["--ticks-per-second", "-1"],
    ],
)
def test_what_makes_no_sense_ends_with_status_2(arguments: list[str]) -> None:
    process = spawn(*arguments)
    said, complained = process.communicate(timeout=READY_S)
    assert (process.returncode, said) == (2, "")
    assert complained


def test_health_tells_the_clock_in_indian_time_and_what_is_there(running: Control) -> None:
    told = running.get("/health")
    assert told["ok"] is True
    assert told["instruments"] >= 100
    assert told["clients"] >= 0
    assert told["clock"].endswith("+05:30")
    assert len(told["clock"].partition(".")[2]) == len("250+05:30")


def test_the_day_begins_at_ten_in_the_morning_of_a_weekday() -> None:
    with practising() as (_, ports):
        now = Control(ports).clock()
    assert now.weekday() < 5
    assert dt.time(10, 0) <= now.time() < dt.time(10, 1)


def test_the_clock_advances_and_is_set_and_every_date_header_follows(running: Control) -> None:
    before = running.clock()
    assert running.post("/clock", advance_s=90) == {"ok": True}
    assert dt.timedelta(seconds=90) <= running.clock() - before < dt.timedelta(seconds=100)
    day = before.date().isoformat()
    running.post("/clock", set=f"{day}T14:00:00+05:30")
    assert running.clock().strftime("%H:%M") == "14:00"
    host = running.ports["fyers"]["host"]
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(host + "/nowhere", timeout=10)
    with caught.value as reply:
        said = email.utils.parsedate_to_datetime(reply.headers["Date"])
    assert abs(said - running.clock()) < dt.timedelta(seconds=5)
    assert "zone" in running.refused("/clock", set="2026-11-23T10:00:00")
    assert "advance_s" in running.refused("/clock", advance_s=-1)


def test_an_order_from_another_terminal_rests_until_the_price_comes(running: Control) -> None:
    running.post("/price", instrument=SBIN, price="825.40")
    row = running.order(kind="limit", price_e4=8_240_000, quantity=10, product="INTRADAY")
    assert row["broker"] == running.broker
    assert row["instrument"] == SBIN
    assert (row["status"], row["filled"], row["requests"]) == ("open", 0, 1)
    assert set(row["ids"]) == {"broker", "exchange"}
    assert {"seq", "account", "tag", "validity", "placed_ns", "average_e4"} <= set(row)
    running.post("/price", instrument=SBIN, price="823.00")
    (found,) = [each for each in running.get("/orders")["orders"] if each["seq"] == row["seq"]]
    assert (found["status"], found["filled"]) == ("filled", 10)
    (trade,) = [
        each for each in running.get("/trades")["trades"] if each["order_seq"] == row["seq"]
    ]
    assert (trade["quantity"], trade["side"], trade["instrument"]) == (10, "buy", SBIN)
    assert trade["price_e4"] <= 8_240_000
    (position,) = [
        each
        for each in running.get("/positions")["positions"]
        if each["instrument"] == SBIN and each["product"] == "INTRADAY"
    ]
    assert position["net_qty"] == 10
    (funds,) = [each for each in running.get("/funds")["funds"] if each["broker"] == running.broker]
    assert 0 < funds["available_paise"] < 100_000_000


def test_orders_come_in_order_of_arrival(running: Control) -> None:
    running.order()
    running.order()
    seqs = [each["seq"] for each in running.get("/orders")["orders"]]
    assert seqs == sorted(seqs)


def test_a_partial_fill_is_exact_and_the_rest_waits(running: Control) -> None:
    running.post("/price", instrument=SBIN, price="830.00")
    running.post("/fault", broker=running.broker, where="place", what="partial_fill", value=4)
    row = running.order(kind="limit", price_e4=8_400_000, quantity=10, product="INTRADAY")
    assert (row["status"], row["filled"]) == ("partial", 4)
    assert running.call("DELETE", "/fault")[0] == 200
    running.post("/price", instrument=SBIN, price="830.00")
    (found,) = [each for each in running.get("/orders")["orders"] if each["seq"] == row["seq"]]
    assert found["filled"] == 10


def test_faults_have_ids_and_unknown_ones_are_refused(running: Control) -> None:
    first = running.post("/fault", broker="*", where="place", what="html", times=1)["id"]
    second = running.post("/fault", broker="*", where="feed", what="mute", times=5)["id"]
    assert second != first
    assert running.call("DELETE", "/fault")[1] == {"ok": True}
    assert "nobody" in running.refused("/fault", broker="nobody", where="any", what="html")
    assert "moon" in running.refused("/fault", broker="*", where="moon", what="html")
    assert "sulk" in running.refused("/fault", broker="*", where="any", what="sulk")
    assert "times" in running.refused("/fault", broker="*", where="any", what="html", times=0)
    assert "number" in running.refused("/fault", broker="*", where="any", what="delay", value="x")


def test_an_armed_fault_strikes_the_face_as_often_as_armed(running: Control) -> None:
    profile = running.ports["fyers"]["rest"] + "/profile"

    def ask() -> tuple[int, str, bytes]:
        try:
            with urllib.request.urlopen(profile, timeout=10) as reply:
                return reply.status, reply.headers["Content-Type"], reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read()

    normal = ask()
    assert normal[0] == 401
    running.post("/fault", broker="fyers", where="any", what="html", times=2)
    assert [ask()[:2] for _ in range(2)] == [(200, "text/html; charset=utf-8")] * 2
    assert ask() == normal
    running.post("/fault", broker="*", where="any", what="status", value=503)
    assert ask()[::2] == (503, b"")
    running.post("/fault", broker="*", where="any", what="truncate", value=3)
    assert ask()[2] == normal[2][:3]
    running.post("/fault", broker="*", where="any", what="lose_reply")
    with pytest.raises(ConnectionError):
        ask()
    running.post("/fault", broker="*", where="any", what="reset_before")
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        ask()
    assert ask() == normal


def test_calls_that_are_not_understood_are_400_with_words(running: Control) -> None:
    for method, path, body in (
        ("GET", "/nowhere", None),
        ("PUT", "/price", {}),
        ("POST", "/price", {"instrument": SBIN}),
        ("POST", "/price", {"instrument": "NSE:NOBODY-EQ", "price": "1"}),
        ("POST", "/price", {"instrument": SBIN, "price": "1.001"}),
        ("POST", "/rate", {"ticks_per_second": -1}),
        ("POST", "/order", {"broker": "fyers"}),
        ("POST", "/clock", {"set": "noon"}),
        ("POST", "/clock", {}),
    ):
        status, told, _ = running.call(method, path, body)
        assert status == 400, (method, path)
        assert told["error"], (method, path)


def test_a_web_page_cannot_move_the_market(running: Control) -> None:
    status, told, _ = running.call(
        "POST", "/rate", {"ticks_per_second": 0}, {"Origin": "https://evil.example"}
    )
    assert status == 400
    assert "web pages" in told["error"]


def test_the_same_seed_gives_the_same_exchange() -> None:
    def fingerprint(seed: int) -> object:
        with practising("--seed", str(seed), "--ticks-per-second", "0") as (_, ports):
            control = Control(ports)
            row = control.order()
            return row["average_e4"], row["ids"], ports["credentials"]

    assert fingerprint(3) == fingerprint(3)
    assert fingerprint(3) != fingerprint(4)


def test_it_leaves_no_process_behind() -> None:
    with practising() as (process, _):
        children = subprocess.run(
            ["ps", "--ppid", str(process.pid), "-o", "pid="],
            capture_output=True,
            text=True,
            check=False,
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    for child in children.stdout.split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(child), 0)


@pytest.mark.shared
def test_real_masters_and_candles_are_listed_and_what_is_none_is_counted() -> None:
    masters, history = shared("data/fyers"), shared("data/history")
    process = spawn("--with-parent", "--masters", str(masters), "--history", str(history))
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stderr is not None
    control = Control(json.loads(process.stdout.readline()))
    assert control.get("/health")["instruments"] > 10_000
    control.post("/price", instrument=SBIN, price="825.40")
    process.stdin.close()
    assert process.wait(10) == 0
    said = process.stderr.read()
    end(process)
    assert re.search(r"^masters: \d+ files listed, [1-9]\d* files passed over", said, re.MULTILINE)
    assert re.search(r"^history: [1-9]\d* recordings replayed, [1-9]\d* files", said, re.MULTILINE)


def test_a_folder_without_masters_is_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "error_codes.csv").write_text("code,message\n-1,no\n")
    process = spawn("--masters", str(tmp_path))
    said, complained = process.communicate(timeout=READY_S)
    assert (process.returncode, said) == (2, "")
    assert "no contract master" in complained
