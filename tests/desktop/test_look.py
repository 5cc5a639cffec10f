"""The whole window, looked at by machine: nothing cut, spilled, faint, mute or out of reach.

One exchange serves all; each test starts the program itself, as a person would find it.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.docks.watchlist.dock import WatchlistDock
from desktop.shell.hotkeys import conflicts
from desktop.shell.palette import Palette
from desktop.ui.grid import PaintedGrid
from desktop.ui.theme import NAMES, Theme
from tests.rig import look, scenes
from tests.rig.journey import Begin, Journey, running_app
from tests.rig.practice import PracticeProcess

SIZES = ((1920, 1080), (1366, 768))
SCALES = (100, 125)
FINDERS: tuple[Callable[[QWidget], list[str]], ...] = (
    look.cut_texts,
    look.spilled,
    look.overlaps,
)


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeProcess]:
    with PracticeProcess(tmp_path_factory.mktemp("practice")) as process:
        yield process


@pytest.fixture
def begin(tmp_path: Path, practice: PracticeProcess, monkeypatch: pytest.MonkeyPatch) -> Begin:
    monkeypatch.setenv("TEZI_PORTS_FILE", str(practice.ports_file))
    return lambda: running_app(tmp_path / "profile", practice)


@pytest.fixture(autouse=True)
def _usual_look() -> Iterator[None]:
    yield
    Theme.current().use("dark", scale=1.0)


async def _dress(journey: Journey, theme: str, size: tuple[int, int], scale: int) -> None:
    """Put the first workspace into a window of this look."""
    app = journey.app
    app.settings.set("look.theme", theme)
    app.settings.set("look.scale_percent", scale)
    app.window.setGeometry(0, 0, *size)
    await asyncio.sleep(0)
    app.reset_workspace()
    await _painted(journey)


async def _painted(journey: Journey) -> None:
    """Let the window lay itself out; a grid learns its widths while it paints."""
    for _ in range(4):
        journey.app.window.grab()
        await asyncio.sleep(0.02)


async def _bring_forward(journey: Journey, *names: str) -> None:
    for name in names:
        journey.app.docking.show(name)
        await _painted(journey)


async def _found(journey: Journey, tag: str) -> list[str]:
    """Look at the window with each of the tabs in front."""
    found = []
    for front in ("portfolio", "orders"):
        await _bring_forward(journey, front)
        for finder in FINDERS:
            found += [f"{tag} {front}: {each}" for each in finder(journey.app.window)]
    return found


@pytest.mark.parametrize("theme", NAMES)
async def test_nothing_is_cut_spilled_or_covered(begin: Begin, theme: str) -> None:
    async with begin() as journey:
        await scenes.furnish(journey)
        found = []
        for scale in SCALES:
            for size in SIZES:
                await _dress(journey, theme, size, scale)
                journey.app.toasts.dismiss_all()
                found += await _found(journey, f"{size} {scale} %")
        assert found == []


async def test_long_names_and_large_figures_are_seen_whole(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        await _dress(journey, "dark", (1366, 768), 100)
        shown = []
        async for name, window in scenes.long_names(journey):
            shown.append(name)
            await _painted(journey)
            for finder in FINDERS:
                assert finder(window) == [], name
            grid = journey.dock("watchlist", WatchlistDock).grid
            assert [grid.cut_text(key, "symbol") for key in grid.keys] == [""] * len(grid)
        assert {"option", "future", "index"} <= set(shown)


async def test_the_state_of_every_order_is_in_sight_without_scrolling(begin: Begin) -> None:
    async with begin() as journey:
        await scenes.furnish(journey)
        await _dress(journey, "dark", (1366, 768), 100)
        await _bring_forward(journey, "orders")
        (grid,) = (
            each
            for each in journey.app.panels.docks["orders"].findChildren(PaintedGrid)
            if each.isVisible()
        )
        assert grid.horizontalScrollBar().maximum() == 0
        shown = {grid.header.columns[place].id for place in grid.header.shown}
        assert {"name", "side", "quantity", "price", "state"} <= shown


@pytest.mark.parametrize("theme", NAMES)
async def test_every_word_stands_out_from_what_is_behind_it(begin: Begin, theme: str) -> None:
    async with begin() as journey:
        await scenes.furnish(journey)
        await _dress(journey, theme, (1366, 768), 100)
        assert Theme.current().poor_pairs() == []
        for front in ("portfolio", "orders"):
            await _bring_forward(journey, front)
            assert look.faint_texts(journey.app.window) == []
        async for name, window in scenes.windows(journey):
            over: list[QWidget] = [each for each in look.seen(window) if isinstance(each, Palette)]
            for shown in over or [window]:  # what a palette covers is not looked at
                assert look.faint_texts(shown) == [], name


@pytest.mark.parametrize("scale", SCALES)
async def test_no_window_cuts_what_it_says(begin: Begin, scale: int) -> None:
    async with begin() as journey:
        await journey.tradable()
        await _dress(journey, "light", (1366, 768), scale)
        async for name, window in scenes.windows(journey):
            if window is not journey.app.window:
                for finder in FINDERS:
                    assert finder(window) == [], name


async def test_a_screen_reader_has_a_name_for_everything(begin: Begin) -> None:
    async with begin() as journey:
        await scenes.furnish(journey)
        await _dress(journey, "dark", (1366, 768), 100)
        for front in ("portfolio", "orders"):
            await _bring_forward(journey, front)
            assert look.nameless(journey.app.window) == []
        async for name, window in scenes.windows(journey):
            assert look.nameless(window) == [], name


async def test_the_tab_key_reaches_every_control_of_the_window(begin: Begin) -> None:
    async with begin() as journey:
        await scenes.furnish(journey)
        await _dress(journey, "dark", (1366, 768), 100)
        window = journey.app.window
        window.activateWindow()
        await journey.until(window.isActiveWindow, "the window to be in front")
        await _bring_forward(journey, "orders")
        wanted = look.controls(window)
        assert {"ticket", "chart#1", "watchlist", "depth", "orders"} <= {
            name
            for name, dock in journey.app.panels.docks.items()
            if any(dock.isAncestorOf(each) for each in wanted)
        }
        reached: set[QWidget] = set()
        for _ in range(3 * len(wanted)):
            now = QApplication.focusWidget()
            assert now is not None
            reached.add(now)
            QTest.keyClick(now, Qt.Key.Key_Tab)
        assert [look.described(each) for each in wanted if each not in reached] == []


@pytest.mark.parametrize("theme", NAMES)
async def test_the_keyboard_can_be_seen_wherever_it_is(begin: Begin, theme: str) -> None:
    async with begin() as journey:
        await scenes.furnish(journey)
        await _dress(journey, theme, (1366, 768), 100)
        journey.practice.quiet()  # else a tick would pass for the sign of the keyboard
        window = journey.app.window
        window.activateWindow()
        await journey.until(window.isActiveWindow, "the window to be in front")
        await asyncio.sleep(1)  # the last flashes of changed prices fade
        assert look.focus_unseen(window, window) == []


async def test_no_key_of_the_program_means_two_things(begin: Begin) -> None:
    async with begin() as journey:
        assert conflicts(journey.app.commands, {}) == {}


# The eyes themselves.


@pytest.fixture
def stage(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    Theme.current().dress(app)
    widget.resize(300, 200)
    return widget


def test_a_cut_text_is_found(stage: QWidget) -> None:
    label = QLabel("57,871.20", stage)
    label.setGeometry(0, 0, 20, 20)
    button = QPushButton("Cancel all orders", stage)
    button.setGeometry(0, 40, 60, 30)
    stage.show()
    assert len(look.cut_texts(stage)) == 2


def test_a_child_outside_its_parent_and_two_on_one_place_are_found(stage: QWidget) -> None:
    for place in ((250, 0, 100, 20), (240, 10, 40, 40)):
        QLabel("x", stage).setGeometry(*place)
    stage.show()
    assert len(look.spilled(stage)) == 1
    assert len(look.overlaps(stage)) == 1


def test_a_control_without_a_name_is_found(stage: QWidget) -> None:
    column = QVBoxLayout(stage)
    column.addWidget(QComboBox())
    column.addWidget(QPushButton("Buy"))
    stage.show()
    (found,) = look.nameless(stage)
    assert "QComboBox" in found


def test_a_pale_word_is_found(stage: QWidget) -> None:
    ground = Theme.current().hex("window")
    for colour, place in (("#3a4658", (0, 0, 200, 30)), ("#e8ecf2", (0, 40, 200, 30))):
        label = QLabel("Order value", stage)
        label.setStyleSheet(f"color: {colour}; background: {ground};")
        label.setGeometry(*place)
    stage.show()
    (found,) = look.faint_texts(stage)
    assert "Order value" in found


def test_a_focus_that_cannot_be_seen_is_found(stage: QWidget, qtbot: QtBot) -> None:
    column = QVBoxLayout(stage)
    plain, hidden = QPushButton("Seen"), QPushButton("Unseen")
    hidden.setStyleSheet("QPushButton, QPushButton:focus { border: 1px solid gray; }")
    column.addWidget(plain)
    column.addWidget(hidden)
    stage.show()
    stage.activateWindow()
    qtbot.waitUntil(stage.isActiveWindow)
    (found,) = look.focus_unseen(stage, stage)
    assert "Unseen" in found
