"""Panels: what a new window shows first, and what it keeps back without losing it."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop.docks.base import DockSpec
from desktop.docks.registry import specs
from desktop.shell.workspace import Workspace, read_workspace
from resources import text
from tests.desktop.docks.house_rig import House, house_in

ROOT = Path(__file__).resolve().parents[3]
CHART = "chart#1"


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """Give a window in which no heavy dock has been opened yet."""
    for spec in _heavy():
        monkeypatch.delitem(sys.modules, spec.factory.partition(":")[0], raising=False)
    async with house_in(tmp_path) as made:
        yield made


def _heavy() -> list[DockSpec]:
    return [spec for spec in specs().values() if spec.is_heavy]


def _first() -> Workspace:
    return read_workspace(text("workspaces/first.json"))


async def _until_open(house: House, name: str) -> None:
    is_changed = asyncio.Event()
    house.panels.changed.connect(is_changed.set)
    async with asyncio.timeout(10):
        while name not in house.panels.docks:
            is_changed.clear()
            await is_changed.wait()


def test_the_first_window_waits_for_no_plots_no_network_and_no_numbers() -> None:
    script = "import sys, desktop.app; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "PySide6" in imported
    slow = {"numpy", "pyqtgraph", "talib", "httpx", "h11", "websockets", "keyring", "sqlite3"}
    assert not imported & slow


def test_imports_keep_no_sources_in_memory() -> None:
    script = "import linecache, sys, desktop.app; print(len(linecache.cache), len(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    kept, imported = map(int, done.stdout.split())
    assert imported > 200
    assert kept < imported // 4  # those between Qt's first import and the loop's


async def test_a_heavy_dock_opens_once_the_others_are_there(house: House) -> None:
    first = _first()
    house.panels.restore(first)
    assert set(house.docking.names) == {panel.name for panel in first.panels}
    assert set(house.panels.docks) == set(house.docking.names) - {CHART}
    await _until_open(house, CHART)
    assert set(house.panels.docks) == set(house.docking.names)
    assert house.docking.is_visible(CHART)


async def test_one_kept_back_is_kept_in_the_workspace(house: House) -> None:
    first = _first()
    house.panels.restore(first)
    saved = house.panels.save("First", b"")
    assert {panel.name for panel in saved.panels} == {panel.name for panel in first.panels}
    await _until_open(house, CHART)


async def test_one_closed_before_it_opened_stays_closed(house: House) -> None:
    house.panels.restore(_first())
    house.panels.close(CHART)
    assert CHART not in house.docking.names
    house.panels.open_late()
    assert CHART not in house.panels.docks


async def test_a_second_one_asked_for_at_once_comes_after_the_first(house: House) -> None:
    house.panels.restore(_first())
    house.panels.open("chart")
    assert {CHART, "chart#2"} <= set(house.panels.docks)
