"""Every test: offscreen, its own profile, and nothing left behind.

Warnings and Qt messages fail (pyproject); leaked tasks, widgets and threads fail here.
"""

import asyncio
import gc
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import qasync
from PySide6.QtWidgets import QApplication

# Automatic collection may run on a worker's thread and destroy a test's Qt objects there. It is off
# here as it is in the program, and every so many tests the window's thread does it.
gc.disable()
_COLLECT_EVERY = 20
_tests_run = itertools.count(1)

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
_LOOPS: list[asyncio.AbstractEventLoop] = []
"""Kept for good: a cancelled `call_later` leaves a Qt timer behind, and Qt crashes when it fires
after a worker thread's garbage collection has taken the loop that it belongs to."""


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, LoopFactory]:
    """Run async tests on the loop the program runs on; `plainloop` ones on asyncio's own."""
    del config
    if item.get_closest_marker("plainloop") or "tests/brokers/" in item.nodeid:
        return {"asyncio": asyncio.new_event_loop}
    return {"qasync": _qt_loop}


def _qt_loop() -> asyncio.AbstractEventLoop:
    app = QApplication.instance() or QApplication(["t"])
    assert isinstance(app, QApplication)
    # Closing a test's last window must not end the loop that the test runs on.
    app.setQuitOnLastWindowClosed(False)
    loop: asyncio.AbstractEventLoop = qasync.QEventLoop(app)
    _LOOPS.append(loop)
    return loop


@pytest.fixture(autouse=True)
def _own_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's own files."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("TEZI_PORTS_FILE", raising=False)


@pytest.fixture(autouse=True)
def _no_left_over_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    if next(_tests_run) % _COLLECT_EVERY == 0:
        gc.collect()
    left = _left_over(before)
    if left:
        gc.collect()  # a thread may end with the object that owns it; too dear for every test
        for thread in left:
            thread.join(2)
    assert not [thread for thread in left if thread.is_alive()], f"left running: {left}"


def _left_over(before: set[threading.Thread]) -> list[threading.Thread]:
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and not thread.daemon and not _is_pool(thread)
    ]


def _is_pool(thread: threading.Thread) -> bool:
    # Worker threads of executors live as long as their loop, which pytest-asyncio closes later.
    return thread.name.startswith(("asyncio_", "ThreadPoolExecutor", "tezi", "QThread", "Dummy"))
