"""Garbage is collected on the window's thread, and nowhere else."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from desktop.app_collector import Collector


class Knot:
    """An object in a cycle with itself that notes the thread it dies on."""

    def __init__(self, died_on: list[threading.Thread]) -> None:
        self.me = self
        self._died_on = died_on

    def __del__(self) -> None:
        self._died_on.append(threading.current_thread())


@pytest.fixture
def collector(qtbot: QtBot) -> Iterator[Collector]:
    del qtbot
    made = Collector()
    yield made
    made.stop()
    gc.disable()


def test_a_cycle_dies_on_the_windows_thread_whoever_allocates(collector: Collector) -> None:
    died_on: list[threading.Thread] = []
    knot = weakref.ref(Knot(died_on))
    rest: list[list[object]] = []

    def work() -> None:
        rest.extend([] for _ in range(50_000))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert knot() is not None, "collected on a worker's thread"
    collector.look()
    assert knot() is None
    assert died_on == [threading.main_thread()]


def test_little_garbage_is_left_for_later(collector: Collector) -> None:
    gc.collect()
    collector.look()
    knot = weakref.ref(Knot([]))
    collector.look()
    assert knot() is not None


def test_stopping_gives_the_work_back(collector: Collector) -> None:
    assert not gc.isenabled()
    collector.stop()
    assert gc.isenabled()
