"""The programs as processes: started, piped, interrupted, started twice; nothing is left behind."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from desktop.app_single import SingleInstance
from desktop.paths import profile_paths
from tests.rig.journey import running_app
from tests.rig.practice import ROOT, PracticeProcess

PATIENCE_S = 60


def _environment(**more: str) -> dict[str, str]:
    """Give an environment without a display, as on a server."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "TEZI_PORTS_FILE")
    return {key: value for key, value in os.environ.items() if key not in hidden} | more


def _start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start a module in a session of its own, so that all it starts can be counted."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _left_of(session: int) -> list[str]:
    """Name the processes of a session that still run."""
    told = subprocess.run(
        ["ps", "-s", str(session), "-o", "stat=,args="], capture_output=True, text=True, check=False
    )
    return [line for line in told.stdout.splitlines() if not line.startswith("Z")]


def test_without_a_display_it_trades_once_takes_a_picture_and_ends(tmp_path: Path) -> None:
    picture = tmp_path / "tezi.png"
    began = time.monotonic()
    process = _start("desktop", "--profile", str(tmp_path / "profile"), "--picture", str(picture))
    said, complained = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said + complained
    assert time.monotonic() - began < PATIENCE_S
    assert complained == ""
    for words in ("No display was found", "Logged in to Practice", "Bought 10 at", "profit"):
        assert words in said
    shown = QImage(str(picture))
    assert (shown.width(), shown.height()) == (1920, 1080)
    colours = {shown.pixel(x, y) for x in range(0, 1920, 16) for y in range(0, 1080, 16)}
    assert len(colours) > 20, "the picture shows nothing"
    assert _left_of(process.pid) == []
    for path in (tmp_path / "profile").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, f"{path} is not its owner's alone"
    logs = "".join(path.read_text() for path in profile_paths(tmp_path / "profile").logs.iterdir())
    assert " ERROR " not in logs
    assert " CRITICAL " not in logs


def test_one_that_stays_ends_with_its_exchange_when_told(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        profile = tmp_path / number.name
        process = _start("desktop", "--profile", str(profile), "--stay")
        ports = profile_paths(profile).ports_file
        _wait_for(lambda ports=ports: ports.exists(), "its exchange")  # type: ignore[misc]
        process.send_signal(number)
        said, complained = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, said, complained) == (0, "", "")
        assert _left_of(process.pid) == []


def test_one_that_is_killed_takes_its_exchange_with_it(tmp_path: Path) -> None:
    process = _start("desktop", "--profile", str(tmp_path), "--stay")
    _wait_for(profile_paths(tmp_path).ports_file.exists, "its exchange")
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    _wait_for(lambda: _left_of(process.pid) == [], "everything to end")


@pytest.mark.qt_log_ignore("This plugin does not support raise", extend=True)
async def test_a_second_start_raises_the_first_window_and_ends(
    tmp_path: Path, practice: PracticeProcess
) -> None:
    profile = tmp_path / "profile"
    single = SingleInstance(profile_paths(profile).data)
    assert single.take()
    async with running_app(profile, practice) as journey:
        single.listen(journey.app.come_forward)
        journey.app.window.hide()
        second = _start("desktop", "--profile", str(profile))
        said, complained = await asyncio.to_thread(second.communicate, timeout=PATIENCE_S)
        assert (second.returncode, said) == (0, "")
        assert complained == "Tezi is running already; its window was asked to show itself.\n"
        await journey.until(journey.app.window.isVisible, "the first window")
    single.release()
    assert _left_of(second.pid) == []
    other = SingleInstance(profile_paths(profile).data)
    assert other.take(), "the profile is free again"
    other.release()


async def test_watching_uses_the_exchange_that_runs_and_leaves_it_running(
    practice: PracticeProcess,
) -> None:
    practice.quiet()
    watch = _start(
        *("brokers", "watch", "practice", "NSE:SBIN-EQ", "NSE:INFY-EQ"),
        TEZI_PORTS_FILE=str(practice.ports_file),
    )
    assert watch.stdout is not None
    assert "SYMBOL" in await asyncio.to_thread(watch.stdout.readline)
    for price in ("812.35", "812.40"):
        practice.price("NSE:SBIN-EQ", price)
        async with asyncio.timeout(PATIENCE_S):
            while price not in await asyncio.to_thread(watch.stdout.readline):
                continue
    watch.send_signal(signal.SIGINT)
    _, complained = watch.communicate(timeout=PATIENCE_S)
    assert (watch.returncode, complained) == (0, "")
    assert practice.get("/health")["ok"] is True


@pytest.mark.parametrize(
    "command",
    [
        "watch practice NSE:SBIN-EQ | head -3",
        "watch practice NSE:SBIN-EQ | true",
        "list | head -1",
        "list | true",
        "login practice | true",
    ],
)
def test_a_reader_that_has_seen_enough_is_no_failure(command: str) -> None:
    shell = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$0" -m brokers {command}', sys.executable],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (shell.returncode, shell.stderr) == (0, "")


@pytest.mark.parametrize("after_s", [0.05, 0.15, 0.3, 0.6])
def test_ctrl_c_leaves_nothing_behind_at_any_moment(after_s: float) -> None:
    process = _start("brokers", "watch", "practice", "NSE:SBIN-EQ")
    time.sleep(after_s)  # what is interrupted is the start, which tells nobody where it is
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=PATIENCE_S)
    # Before our first line runs, the interrupt is the interpreter's own affair.
    assert process.returncode in (0, -signal.SIGINT)
    assert process.returncode or complained == ""
    _wait_for(lambda: _left_of(process.pid) == [], "its exchange to end")


def _wait_for(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.02)
