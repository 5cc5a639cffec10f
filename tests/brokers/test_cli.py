"""The commands from outside: what is printed, where, and with which status."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "brokers", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_list_names_every_broker_in_columns() -> None:
    told = run("list")
    assert (told.returncode, told.stderr) == (0, "")
    head, *rows = told.stdout.splitlines()
    assert head.split() == ["NAME", "TITLE", "DEPTH", "INTERVALS", "ORDERS", "PRACTICE"]
    assert any(row.startswith("fyers ") for row in rows)


def test_an_unknown_broker_is_one_line_and_status_2() -> None:
    told = run("watch", "nobody", "NSE:SBIN-EQ")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("no broker 'nobody'; there are: ")
    assert told.stderr.count("\n") == 1


def test_a_ports_file_that_is_none_is_one_line_and_status_1(tmp_path: Path) -> None:
    told = run("watch", "practice", "NSE:SBIN-EQ", TEZI_PORTS_FILE=str(tmp_path / "absent.json"))
    assert (told.returncode, told.stdout) == (1, "")
    assert "ports file" in told.stderr
    assert told.stderr.count("\n") == 1


def test_no_verb_shows_the_usage_and_status_2() -> None:
    told = run()
    assert told.returncode == 2
    assert "usage: python -m brokers" in told.stderr


def watching(*symbols: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "brokers", "watch", "practice", *symbols],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children_of(pid: int) -> list[int]:
    told = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return [int(each) for each in told.stdout.split()]


def test_watch_prints_a_line_a_tick_and_ctrl_c_ends_it_with_0() -> None:
    process = watching("NSE:SBIN-EQ", "NSE:RELIANCE-EQ")
    assert process.stdout is not None
    head = process.stdout.readline()
    ticks = [process.stdout.readline() for _ in range(20)]
    practice = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=20)
    assert (process.returncode, complained) == (0, "")
    assert head.split() == ["TIME", "SYMBOL", "LAST", "BID", "ASK", "VOLUME"]
    assert all(re.match(r"\d\d:\d\d:\d\d  NSE:\S+ +\d+\.\d\d +\d+ × ", line) for line in ticks)
    assert {line.split()[1] for line in ticks} == {"NSE:SBIN-EQ", "NSE:RELIANCE-EQ"}
    assert len(practice) == 1
    for pid in practice:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_watch_ends_quietly_when_nobody_reads_on() -> None:
    process = watching("NSE:SBIN-EQ")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_watching_what_is_not_listed_is_one_line_and_status_2() -> None:
    told = run("watch", "practice", "NSE:NOBODY-EQ")
    assert (told.returncode, told.stdout, told.stderr) == (2, "", "no instrument NSE:NOBODY-EQ\n")


def test_login_says_until_when_and_shows_no_client_code(tmp_path: Path) -> None:
    ports_file = tmp_path / "ports.json"
    exchange = subprocess.Popen(
        [sys.executable, "-m", "brokers.practice", "--with-parent"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert exchange.stdout is not None
    ports_file.write_text(exchange.stdout.readline())
    user = json.loads(ports_file.read_text())["credentials"]["fyers"]["user"]
    told = run("login", "practice:fyers", TEZI_PORTS_FILE=str(ports_file))
    still_there = exchange.poll() is None
    exchange.communicate("")
    assert (told.returncode, told.stderr) == (0, "")
    assert re.match(r"Logged in to your FYERS practice account \S+ until \d\d:\d\d", told.stdout)
    assert user not in told.stdout
    assert still_there
    assert exchange.returncode == 0
