"""Starting the practice exchange as a process of ours, and logging in to it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from brokers.errors import NotSent
from brokers.practice import launch
from brokers.registry import default_practice
from brokers.session import (
    log_in_to_practice,
    practice_credentials,
    practice_endpoints,
    read_ports,
    running,
    start,
)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_starts_says_where_it_listens_and_stops(tmp_path: Path) -> None:
    ports_file = tmp_path / "ports.json"
    practice = await start(ports_file)
    assert practice.is_ours
    assert practice.pid == practice.ports["pid"]
    assert read_ports(ports_file) == practice.ports
    await practice.stop()
    assert await practice.ended() == 0
    await practice.stop()


async def test_the_practice_account_logs_in_by_its_own_page(tmp_path: Path) -> None:
    practice = await start(tmp_path / "ports.json")
    plugin = default_practice()
    told: list[str] = []
    session = await log_in_to_practice(plugin, practice.ports, on_step=told.append)
    assert session.broker == plugin.name
    assert session.account
    assert session.token
    assert told
    assert set(plugin.endpoints) <= set(practice_endpoints(plugin, practice.ports))
    assert "redirect_uri" in practice_credentials(plugin, practice.ports).values
    await practice.stop()


async def test_one_that_cannot_start_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(NotSent, match="ended with status 2"):
        await start(tmp_path / "ports.json", ["--clock", "yesterday"], log=tmp_path / "log")
    assert "yesterday" in (tmp_path / "log").read_text()


async def test_a_start_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    starting = asyncio.ensure_future(start(tmp_path / "ports.json", on_start=pid.set_result))
    began = await pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not is_alive(began)


async def test_one_that_dies_is_noticed(tmp_path: Path) -> None:
    practice = await start(tmp_path / "ports.json")
    assert practice.pid is not None
    os.kill(practice.pid, 9)
    assert await asyncio.wait_for(practice.ended(), 10) != 0


async def test_somebody_elses_exchange_is_used_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running() is None
    ours = await start(tmp_path / "ports.json")
    monkeypatch.setenv(launch.PORTS_FILE_VARIABLE, str(tmp_path / "ports.json"))
    theirs = running()
    assert theirs is not None
    assert not theirs.is_ours
    await theirs.stop()
    assert ours.pid is not None
    assert is_alive(ours.pid)
    await ours.stop()


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_a_file_that_is_no_ports_file_is_not_sent(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(text)
    with pytest.raises(NotSent, match="ports file"):
        read_ports(path)


def test_an_exchange_that_does_not_speak_a_wire_says_so() -> None:
    plugin = default_practice()
    with pytest.raises(NotSent, match=plugin.title):
        practice_endpoints(plugin, {"credentials": {}})
    with pytest.raises(NotSent, match=plugin.title):
        practice_credentials(plugin, {})


def test_the_installed_program_runs_its_own_executable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch.command(["-x"]) == [sys.executable, "-m", "brokers.practice", "-x"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert launch.command(["-x"]) == [sys.executable, "--run", "brokers.practice", "-x"]
