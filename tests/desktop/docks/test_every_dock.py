"""What every dock must be able to do. A new one is tested by being there: the registry lists it."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from shiboken6 import isValid

from brokers.model.market import MarketPhase
from desktop.docks import registry
from desktop.docks.base import LINKS
from desktop.shell.hotkeys import conflicts
from desktop.shell.panels import toggles
from desktop.trading.hub import Frame
from desktop.ui.grid import PaintedGrid
from desktop.ui.parts import EmptyState
from tests.desktop.docks.house_rig import House, forget_deleted, house_in
from tests.desktop.docks.prices_rig import INFY
from tests.rig import look

DOCKS = tuple(registry.specs())
SIZES = ((360, 420), (700, 260), (1100, 700))
ODD_STATES: tuple[dict[str, object], ...] = (
    {},
    {"nothing": "known"},
    {"tab": 5, "columns": "x", "filter": None, "orders": [1], "trades": {"order": 3}},
    {"instrument": 7, "interval": "fortnight", "style": {}, "indicators": "all", "lists": -1},
    {"instrument": "NSE:CM:0", "lists": [{"name": 3}], "at": 99, "names": None},
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as made:
        yield made


def _words(widget: QWidget) -> str:
    """Give all words that can be seen, empty tables' sentences included."""
    labels = [each.text() for each in widget.findChildren(QLabel) if each.isVisible()]
    tables = [
        each._empty_text
        for each in widget.findChildren(PaintedGrid)
        if each.isVisible() and not len(each)
    ]
    return " ".join(labels + tables)


def test_every_dock_has_a_key_of_its_own() -> None:
    keys = [QKeySequence(spec.key).toString() for spec in registry.specs().values()]
    assert all(keys)
    assert len(set(keys)) == len(keys)


async def test_no_key_means_two_things_however_many_docks_are_open(house: House) -> None:
    house.commands.add(*toggles(house.panels))
    for dock_id in DOCKS:
        house.open(dock_id)
    assert conflicts(house.commands, {}) == {}


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_without_an_account_it_says_so_and_what_to_do(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    words = _words(dock)
    assert "No account" in words
    assert "Log in" in words


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_it_says_the_same_when_the_account_is_closed(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    assert "No account" not in _words(dock)
    house.panels.bind(None)
    assert "No account" in _words(dock)


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_what_is_empty_says_what_would_fill_it(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    for grid in dock.findChildren(PaintedGrid):
        if not len(grid):
            assert grid._empty_text.count(".") >= 2 or "," in grid._empty_text, grid._empty_text
    for state in dock.findChildren(EmptyState):
        assert not state.isVisible() or len(state._text.text()) > 20


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_it_shows_what_the_market_does(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    await house.market()
    before = house.picture(dock)
    await house.market(8_020_000)
    assert house.picture(dock) != before


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_hidden_it_gets_no_frame_and_shown_again_it_is_up_to_date(
    house: House, dock_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    await house.market()
    before = house.picture(dock)
    frames: list[Frame] = []
    monkeypatch.setattr(dock, "apply", frames.append)
    cover = QWidget()
    house.docking.add("cover", "Cover", cover, area="tab", beside=dock.name)
    house.docking.show("cover")
    assert not dock.isVisible()
    await house.market(8_020_000)
    assert frames == []
    house.docking.show(dock.name)
    assert dock.isVisible()
    assert house.picture(dock) != before
    house.docking.remove("cover")


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_its_state_comes_back(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    await house.market()
    saved = msgspec.json.decode(msgspec.json.encode(dock.save_state()))
    name = dock.name
    house.panels.close(name)
    again = house.open(dock_id)
    again.restore_state(saved)
    await house.settle()
    assert msgspec.json.decode(msgspec.json.encode(again.save_state())) == saved


@pytest.mark.parametrize("state", ODD_STATES, ids=range(len(ODD_STATES)))
@pytest.mark.parametrize("dock_id", DOCKS)
async def test_an_odd_state_is_passed_over(
    house: House, dock_id: str, state: dict[str, object]
) -> None:
    dock = house.open(dock_id)
    dock.restore_state(state)
    await house.log_in()
    dock.restore_state(state)
    await house.market()
    assert house.failures == []


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_closed_it_leaves_nothing_behind(house: House, dock_id: str) -> None:
    commands = {command.id for command in house.commands}
    listeners = len(house.instruments.on_change)
    dock = house.open(dock_id)
    await house.log_in()
    await house.market()
    house.panels.close(dock.name)
    forget_deleted()
    assert not isValid(dock)
    assert house.rig.hub.owners() == {}
    assert {command.id for command in house.commands} == commands
    assert len(house.instruments.on_change) == listeners
    assert house.panels.docks == {}
    await house.market(8_020_000)
    assert house.tasks.count == 0


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_changing_accounts_to_and_fro_piles_nothing_up(house: House, dock_id: str) -> None:
    house.open(dock_id)
    await house.log_in()
    owners, listeners = dict(house.rig.hub.owners()), len(house.instruments.on_change)
    for _ in range(5):
        house.panels.bind(None)
        assert house.rig.hub.owners() == {}
        await house.log_in()
    assert dict(house.rig.hub.owners()) == owners
    assert len(house.instruments.on_change) == listeners


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_it_opens_once_or_under_names_of_its_own(house: House, dock_id: str) -> None:
    await house.log_in()
    first, second = house.open(dock_id), house.open(dock_id)
    if registry.specs()[dock_id].can_repeat:
        assert first is not second
        assert first.name != second.name
    else:
        assert first is second
    await house.market()


@pytest.mark.qt_log_ignore("This plugin does not support")  # said by the screenless platform
@pytest.mark.parametrize("dock_id", DOCKS)
async def test_it_floats_with_a_name_on_every_button_and_comes_back(
    house: House, dock_id: str
) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    house.docking.add("other", "Other", QWidget())  # a window's last panel does not float
    layout = house.docking.save()
    house.docking.float_(dock.name)
    await house.settle()
    dock.window().setVisible(True)  # without a screen the library does not show it by itself
    await house.market()
    assert house.docking.is_floating(dock.name)
    assert dock.isVisible()
    assert look.nameless(dock.window()) == []
    assert house.docking.restore(layout)
    assert not house.docking.is_floating(dock.name)
    await house.market(8_020_000)
    house.docking.remove("other")


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_its_link_group_can_be_seen_and_changed(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    dots = [each for each in look.controls(dock) if "ink" in each.accessibleName()]
    assert dots, [each.accessibleName() for each in look.controls(dock)]
    house.links.select(LINKS[2], INFY.id)
    dock.link = LINKS[2]
    await house.settle()
    assert house.failures == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("dock_id", DOCKS)
async def test_at_any_size_nothing_is_cut_spilled_or_covered(
    house: House, dock_id: str, size: tuple[int, int]
) -> None:
    house.window.resize(*size)
    dock = house.open(dock_id)
    await house.log_in()
    await house.market(57_871_20_00)
    house.picture(dock)  # a grid learns its widths while it paints
    house.picture(dock)
    assert look.cut_texts(dock) == []
    assert look.spilled(dock) == []
    assert look.overlaps(dock) == []


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_a_screen_reader_has_a_name_for_every_control(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    assert look.nameless(dock) == []
    await house.log_in()
    await house.market()
    assert look.nameless(dock) == []
    assert dock.accessibleName()


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_the_tab_key_reaches_every_control(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    await house.market()
    wanted = look.controls(dock)
    assert wanted
    wanted[0].setFocus()
    reached = set()
    for _ in range(4 * len(wanted)):
        now = QApplication.focusWidget()
        assert now is not None
        reached.add(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    assert [look.described(each) for each in wanted if each not in reached] == []


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_the_keyboard_can_be_seen_wherever_it_is(house: House, dock_id: str) -> None:
    dock = house.open(dock_id)
    await house.log_in()
    await house.market()
    house.picture(dock)
    assert look.focus_unseen(dock, house.window) == []


@pytest.mark.parametrize("dock_id", DOCKS)
async def test_a_closed_market_troubles_no_dock(house: House, dock_id: str) -> None:
    house.rig.phase = MarketPhase.CLOSED
    dock = house.open(dock_id)
    await house.log_in()
    house.picture(dock)
    assert house.failures == []
