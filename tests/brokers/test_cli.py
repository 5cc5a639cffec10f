"""The commands from outside: what is printed, where, and with which status."""

import os
import subprocess
import sys
from pathlib import Path

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
