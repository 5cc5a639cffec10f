"""What gives way where room is short: rows of controls fold, names are cut last and told whole."""

import pytest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.ui.columns import Column
from desktop.ui.elided import ElidedLabel
from desktop.ui.folding import FoldingRow
from desktop.ui.grid import PaintedGrid
from desktop.ui.theme import Theme

LONG = "BANKNIFTY26NOV58000CE"


@pytest.fixture(autouse=True)
def _dressed(qapp: QApplication) -> None:
    Theme.current().dress(qapp)


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(900, 60)
    return widget


def _row(host: QWidget) -> tuple[FoldingRow, list[QPushButton]]:
    row = FoldingRow(host)
    buttons = [QPushButton(title) for title in ("Always", "Last to go", "First to go")]
    for folds, each in enumerate(buttons):
        row.add(each, folds=folds)
    host.show()
    return row, buttons


def _shown(buttons: list[QPushButton]) -> list[str]:
    return [each.text() for each in buttons if not each.isHidden()]


def test_a_row_folds_the_least_needed_first_and_unfolds_again(host: QWidget) -> None:
    row, buttons = _row(host)
    whole = sum(each.sizeHint().width() for each in buttons) + 40
    row.resize(whole, 40)
    assert _shown(buttons) == ["Always", "Last to go", "First to go"]
    row.resize(whole - 60, 40)
    assert _shown(buttons) == ["Always", "Last to go"]
    row.resize(40, 40)
    assert _shown(buttons) == ["Always"]
    assert row.folded == set(buttons[1:])
    row.resize(whole, 40)
    assert row.folded == set()


def test_a_button_that_asks_longer_folds_its_neighbour(qtbot: QtBot, host: QWidget) -> None:
    row, buttons = _row(host)
    row.resize(sum(each.sizeHint().width() for each in buttons) + 40, 40)
    buttons[0].setText("Yes, cancel 1,234 orders now")
    qtbot.waitUntil(lambda: _shown(buttons)[1:] != ["Last to go", "First to go"])
    assert "Yes" in _shown(buttons)[0]


def test_a_row_asks_at_least_for_what_never_folds(host: QWidget) -> None:
    row, buttons = _row(host)
    least = row.minimumSizeHint().width()
    assert buttons[0].sizeHint().width() <= least < buttons[0].sizeHint().width() + 40


def test_a_name_is_cut_where_there_is_no_room_and_keeps_its_text(qtbot: QtBot) -> None:
    name = ElidedLabel("title")
    qtbot.addWidget(name)
    name.setText(LONG)
    name.resize(name.sizeHint())
    assert name.shown == LONG
    name.resize(90, 20)
    assert name.shown.endswith("…")
    assert name.text() == LONG
    assert name.minimumSizeHint().width() < 90


def test_a_column_goes_rather_than_cut_names(qtbot: QtBot) -> None:
    columns = (
        Column(id="name", title="Name", is_number=False, is_strong=True, width=100),
        Column(id="ltp", title="LTP", width=70),
        Column(id="change", title="Chg", width=70),
    )
    grid = PaintedGrid(columns)
    qtbot.addWidget(grid)
    grid.importance = ("name", "ltp", "change")
    grid.resize(290, 200)
    for name, shown in (("SBIN", 3), (LONG, 2), ("INFY", 3)):
        grid.fit_names("name", [name])
        grid.set_rows({"a": (name, 1, 2)})
        grid.show()
        grid.grab()
        assert len(grid.header.shown) == shown, name
        assert grid.cut_text("a", "name") == ""
