"""Owned tasks: named, reported, cancelled with their owner."""

import asyncio
import logging

import pytest

from desktop.loop import Tasks, Watchdog


async def test_a_failing_task_is_logged_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()
    told: list[str] = []
    tasks.on_failure.append(lambda name, error: told.append(f"{name} {error}"))

    async def fail() -> None:
        raise LookupError("gone")

    with caplog.at_level(logging.ERROR):
        task = tasks.start(fail(), owner="depth")
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert len(told) == 1
    assert told[0].startswith("depth:")
    assert told[0].endswith("gone")
    assert tasks.count == 0


async def test_cancelling_an_owner_leaves_the_others_running() -> None:
    tasks = Tasks()
    go = asyncio.Event()
    done: list[str] = []

    async def wait(name: str) -> None:
        await go.wait()
        done.append(name)

    gone = tasks.start(wait("chart"), owner="chart")
    kept = tasks.start(wait("depth"), owner="depth")
    await asyncio.sleep(0)
    tasks.cancel("chart")
    go.set()
    await asyncio.wait([gone, kept])
    assert done == ["depth"]
    await tasks.close()


async def test_the_watchdog_measures_a_held_up_thread() -> None:
    stalls: list[float] = []
    watchdog = Watchdog(stalls.append)
    watchdog.start()
    await asyncio.sleep(0)
    deadline = asyncio.get_running_loop().time() + 0.3
    while asyncio.get_running_loop().time() < deadline:
        pass
    await asyncio.sleep(0.05)
    watchdog.stop()
    assert watchdog.worst_s > 0.1
