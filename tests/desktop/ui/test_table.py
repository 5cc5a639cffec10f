"""The cooler tables: one `dataChanged` a flush, and a selection that follows its rows."""

from typing import Final

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from desktop.ui import rupees
from desktop.ui.columns import Column, by_sign, read_column_state
from desktop.ui.table import RowModel, TableView
from desktop.ui.theme import Theme

COLUMNS: Final = (
    Column(id="name", title="Symbol", is_number=False, width=120, stretches=True),
    Column(id="profit", title="P&L", text=lambda v, _: rupees.signed_paise(v), tint=by_sign),
    Column(id="state", title="State", is_number=False, is_pill=True, tint=lambda *_: "accent"),
)
Row = tuple[str, int | None, str]


def rows(*profits: int | None) -> dict[str, Row]:
    return {f"k{place}": (f"SYM{place}", each, "OPEN") for place, each in enumerate(profits)}


@pytest.fixture
def model() -> RowModel:
    made = RowModel(COLUMNS)
    made.set_rows(rows(30_000, 10_000, 20_000))
    return made


@pytest.fixture
def view(qtbot: QtBot, model: RowModel) -> TableView:
    made = TableView(model, name="Positions")
    qtbot.addWidget(made)
    made.resize(500, 300)
    made.show()
    return made


def test_a_flush_is_one_change_of_exactly_what_differs(model: RowModel) -> None:
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda top, bottom, _roles: told.append((top.row(), bottom.row())))
    model.update_rows(rows(30_000, 11_111, 22_222))
    model.update_rows(rows(30_000, 11_111, 22_222))
    assert told == [(1, 2)]
    assert model.cell_text("k1", "profit") == "+111.11"


def test_the_model_keeps_qts_rules_through_every_change(qtbot: QtBot, model: RowModel) -> None:
    del qtbot
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    model.set_rows(rows(1, 2, 3, 4, 5))
    model.sort_by("profit", descending=True)
    model.remove_rows(["k0", "k3", "nobody"])
    model.update_rows({"new": ("NEW", None, "OPEN")})
    model.set_rows({"z": ("Z", 1, "OPEN"), **rows(9)})
    model.set_rows({})
    assert len(model) == 0
    tester.deleteLater()


def test_rows_stand_in_the_order_given_and_the_selection_follows(
    view: TableView, model: RowModel
) -> None:
    view.set_current("k1")
    model.set_rows({"k2": ("SYM2", 1, "OPEN"), "k1": ("SYM1", 2, "OPEN")})
    assert model.keys == ("k2", "k1")
    assert (view.current, view.selected) == ("k1", ("k1",))
    view.sort_by("profit", True)  # noqa: FBT003 - a signal's slot
    assert model.keys == ("k1", "k2")
    assert view.current == "k1"


def test_new_values_never_move_rows_and_none_stands_last(model: RowModel) -> None:
    model.sort_by("profit", descending=False)
    assert model.keys == ("k1", "k2", "k0")
    model.update_rows(rows(1, None, 2))
    assert model.keys == ("k1", "k2", "k0")
    model.sort_by("profit", descending=False)
    assert model.keys == ("k0", "k2", "k1")
    model.sort_by("", descending=False)
    assert model.keys == ("k0", "k1", "k2")


def test_the_unknown_is_a_dash_and_signs_have_their_colour(model: RowModel) -> None:
    model.update_rows({"k0": ("SYM0", None, "OPEN"), "k1": ("SYM1", -5_000, "OPEN")})
    assert model.cell(0, 1) == ("–", "text_dim")
    assert model.cell(1, 1) == ("−50.00", "down")


def test_keys_and_clicks_speak_of_rows_by_key(qtbot: QtBot, view: TableView) -> None:
    opened: list[tuple[str, str]] = []
    asked: list[list[str]] = []
    view.row_activated.connect(lambda *cell: opened.append(cell))
    view.cell_clicked.connect(lambda *cell: opened.append(cell))
    view.remove_asked.connect(asked.append)
    at = view.visualRect(view.model().index(2, 1)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert opened == [("k2", "profit"), ("k2", "")]
    assert asked == [["k2"]]
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "SYM2\t+200.00\tOPEN"


def test_columns_come_back_and_csv_has_what_is_shown(view: TableView) -> None:
    view.header.show_column(2, is_shown=False)
    view.sort_by("name", True)  # noqa: FBT003 - a signal's slot
    saved = read_column_state(view.save_columns())
    assert saved is not None
    view.header.start_over()
    view.restore_columns(saved)
    assert view.csv() == "Symbol,P&L\r\nSYM2,200.00\r\nSYM1,100.00\r\nSYM0,300.00\r\n"


def test_a_longer_number_widens_its_column(view: TableView, model: RowModel) -> None:
    before = view.columnWidth(1)
    model.update_rows({"k0": ("SYM0", 99_99_99_99_99_999, "OPEN")})
    assert view.columnWidth(1) > before


def test_cut_text_is_told_whole(view: TableView, model: RowModel) -> None:
    model.update_rows({"k0": ("SYM0", 1, "REJECTED BY THE EXCHANGE")})
    assert view.cut_text(model.index(0, 2)) == "REJECTED BY THE EXCHANGE"
    assert view.cut_text(model.index(1, 2)) == ""
    assert view.cut_text(QModelIndex()) == ""


def test_it_draws_full_and_empty_in_both_themes(view: TableView, model: RowModel) -> None:
    look = Theme.current()
    before = look.name
    view.set_empty_text("No positions")
    for name in ("light", "dark"):
        look.use(name)
        model.dim = lambda values: values[0] == "SYM1"
        model.renew()
        full = view.grab().toImage()
        model.set_rows({})
        assert view.grab().toImage() != full
        model.set_rows(rows(1, 2, 3))
    look.use(before)
