"""The painted grid: what it draws, what it leaves alone, and how a keyboard gets about."""

import random
from collections.abc import Callable, Sequence
from typing import Final

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from desktop.ui import rupees
from desktop.ui.columns import Column, by_sign, read_column_state
from desktop.ui.glyphs import LETTERS, Glyphs
from desktop.ui.grid import PaintedGrid
from desktop.ui.theme import Theme

MS: Final = 1_000_000
COLUMNS: Final = (
    Column(id="name", title="Symbol", is_number=False, width=120, stretches=True, is_strong=True),
    Column(id="ltp", title="LTP", text=lambda v, _: rupees.price(v), flashes=True),
    Column(id="change", title="Change", text=lambda v, _: rupees.signed_price(v), tint=by_sign),
    Column(id="volume", title="Volume", text=lambda v, _: rupees.compact(v)),
    Column(id="note", title="Note", is_number=False, width=60),
)
Row = tuple[str, int | None, int, int, str]


def row(place: int, ltp_e4: int | None = 1_000_000, change_e4: int = 500) -> Row:
    return (f"SYM{place:04d}", ltp_e4, change_e4, 1_000 * place, "=1+1")


def rows(count: int) -> dict[str, Row]:
    return {f"k{place}": row(place, 1_000_000 + 500 * place) for place in range(count)}


class Hands:
    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def hands() -> Hands:
    return Hands()


Make = Callable[..., PaintedGrid]


@pytest.fixture
def make(qtbot: QtBot, hands: Hands) -> Make:
    def build(count: int = 40, *, is_shown: bool = True, **options: object) -> PaintedGrid:
        read = options.get("read", tuple)
        assert callable(read)
        made = PaintedGrid(COLUMNS, read=read, name="Watchlist")
        made.set_clock(hands)
        qtbot.addWidget(made)
        made.resize(620, 424)
        made.set_rows(rows(count))
        if is_shown:
            made.show()
            made.grab()
        return made

    return build


def picture(grid: PaintedGrid) -> QImage:
    return grid.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def changed_box(before: QImage, after: QImage) -> QRect:
    """Give the smallest box around all pixels that differ."""
    points = [
        QPoint(x, y)
        for y in range(before.height())
        for x in range(before.width())
        if before.pixel(x, y) != after.pixel(x, y)
    ]
    if not points:
        return QRect()
    xs, ys = [p.x() for p in points], [p.y() for p in points]
    return QRect(QPoint(min(xs), min(ys)), QPoint(max(xs), max(ys)))


def cell_box(grid: PaintedGrid, key: str, column: str) -> QRect:
    middle = grid.cell_middle(key, column)
    place = [c.id for c in COLUMNS].index(column)
    wide, high = grid.header.sectionSize(place), Theme.current().row_height
    return QRect(middle.x() - wide // 2, middle.y() - high // 2, wide, high)


def test_only_the_cell_that_changed_is_drawn_anew(make: Make) -> None:
    grid = make()
    before = picture(grid)
    grid.update_rows({"k3": (*row(3, 1_001_500)[:3], 9_999_999, "=1+1")})
    box = changed_box(before, picture(grid))
    assert not box.isEmpty()
    assert cell_box(grid, "k3", "volume").contains(box)


def test_the_same_values_draw_nothing(make: Make) -> None:
    grid = make()
    grid.update_rows(rows(40))
    assert not grid._dirty
    assert not grid._is_full


def test_any_history_leaves_the_picture_a_fresh_grid_would_show(make: Make, hands: Hands) -> None:
    dice = random.Random(7)
    grid = make(60)
    for _ in range(60):
        changes = {
            f"k{dice.randrange(60)}": row(dice.randrange(60), dice.randrange(10**9))
            for _ in range(dice.randrange(1, 20))
        }
        grid.update_rows(changes)
        act = dice.randrange(8)
        if act == 0:
            grid.verticalScrollBar().setValue(dice.randrange(1_000))
        elif act == 1:
            grid.resize(dice.randrange(300, 700), dice.randrange(100, 500))
        elif act == 2:
            grid.header.moveSection(dice.randrange(5), dice.randrange(5))
        elif act == 3:
            hands.now_ns += 500 * MS
            grid._on_fade()
        grid.viewport().grab()
    hands.now_ns += 5_000 * MS
    grid._on_fade()
    patched = picture(grid)
    grid.repaint_all()
    assert changed_box(patched, picture(grid)).isEmpty()


def test_rows_out_of_sight_are_not_even_read(make: Make) -> None:
    read: list[Row] = []

    def note(values: Row) -> Row:
        read.append(values)
        return values

    grid = make(5_000, read=note)
    read.clear()
    grid.update_rows({key: row(1, 77_777) for key in rows(5_000)})
    assert 0 < len(read) < 30


def test_a_hidden_grid_reads_nothing_and_is_right_when_it_comes_back(make: Make) -> None:
    read: list[Row] = []

    def note(values: Row) -> Row:
        read.append(values)
        return values

    grid = make(10, read=note)
    grid.hide()
    read.clear()
    grid.update_rows({"k0": row(0, 123_400)})
    assert read == []
    grid.show()
    patched = picture(grid)
    grid.repaint_all()
    assert changed_box(patched, picture(grid)).isEmpty()
    assert grid.cell_text("k0", "ltp") == "12.34"


def test_ticks_never_move_rows(make: Make) -> None:
    grid = make(5)
    grid.sort_by("ltp", True)  # noqa: FBT003 - a signal's slot
    assert grid.keys == ("k4", "k3", "k2", "k1", "k0")
    grid.update_rows({"k0": row(0, 10**9)})
    assert grid.keys == ("k4", "k3", "k2", "k1", "k0")
    assert grid.own_order == ("k0", "k1", "k2", "k3", "k4")


def test_clicks_on_a_head_sort_down_up_and_back(qtbot: QtBot, make: Make) -> None:
    grid = make(3)
    head = grid.header
    place = QPoint(head.sectionViewportPosition(1) + 20, 8)
    seen = []
    for _ in range(3):
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=place)
        seen.append((head.sort, head.descending, grid.keys[0]))
    assert seen == [("ltp", True, "k2"), ("ltp", False, "k0"), ("", True, "k0")]


def test_a_number_too_wide_widens_its_column_and_is_never_cut(make: Make) -> None:
    grid = make(3)
    before = grid.header.sectionSize(1)
    grid.update_rows({"k1": row(1, 99_99_99_99_999_500)})
    picture(grid)
    after = grid.header.sectionSize(1)
    assert after > before
    grid.update_rows({"k1": row(1, 500)})
    picture(grid)
    assert grid.header.sectionSize(1) == after


def test_a_change_flashes_its_direction_and_fades_in_two_steps(make: Make, hands: Hands) -> None:
    grid = make(3)
    look = Theme.current()

    def ground(key: str) -> str:
        corner = cell_box(grid, key, "ltp").topLeft() + QPoint(2, 3)
        return QColor(picture(grid).pixel(corner)).name()

    grid.update_rows({"k0": row(0, 2_000_000), "k1": row(1, 500)})
    assert (ground("k0"), ground("k1")) == (look.hex("flash_up"), look.hex("flash_down"))
    assert ground("k2") == look.hex("surface")
    hands.now_ns += 200 * MS
    grid._on_fade()
    assert ground("k0") == look.hex("flash_up_weak")
    hands.now_ns += 300 * MS
    grid._on_fade()
    assert ground("k0") == look.hex("surface")
    grid._fade.stop()
    assert not grid._flashes


def test_a_busy_price_stays_at_the_weak_tint(make: Make, hands: Hands) -> None:
    grid = make(1)
    corner = cell_box(grid, "k0", "ltp").topLeft() + QPoint(2, 3)
    grounds = []
    for ltp_e4 in (2_000_000, 2_000_500, 2_001_000):
        grid.update_rows({"k0": row(0, ltp_e4)})
        grounds.append(QColor(picture(grid).pixel(corner)).name())
        hands.now_ns += 50 * MS
    look = Theme.current()
    assert grounds == [look.hex("flash_up"), *[look.hex("flash_up_weak")] * 2]


def test_a_flash_of_a_row_that_went_fades_unseen(make: Make, hands: Hands) -> None:
    grid = make(3)
    grid.update_rows({"k2": row(2, 10**9)})
    grid.set_rows(rows(1))
    hands.now_ns += 200 * MS
    grid._on_fade()
    grid.grab()
    assert grid.keys == ("k0",)


def test_flashing_can_be_switched_off_and_the_unknown_does_not_flash(make: Make) -> None:
    grid = make(3)
    grid.update_rows({"k0": row(0, None)})
    grid.does_flash = False
    grid.update_rows({"k1": row(1, 500)})
    assert not grid._flashes


def test_a_tint_may_change_while_the_values_stay(qtbot: QtBot) -> None:
    roles = {"a": "text"}
    grid = PaintedGrid([Column(id="x", title="X", tint=lambda _, key: roles[key])], read=list)
    qtbot.addWidget(grid)
    grid.set_rows({"a": "a"})
    grid.show()
    before = picture(grid)
    roles["a"] = "danger"
    grid.update_rows({"a": "a"})
    assert not changed_box(before, picture(grid)).isEmpty()


def test_old_prices_are_drawn_dim(make: Make) -> None:
    grid = make(3)
    before = picture(grid)
    grid.is_dim = lambda values: values[0] == "SYM0001"
    grid.update_rows(rows(3))
    box = changed_box(before, picture(grid))
    row_box = cell_box(grid, "k1", "name")
    assert row_box.top() <= box.top() <= box.bottom() <= row_box.bottom()


def test_single_cells_can_be_changed_by_column(make: Make) -> None:
    grid = make(3)
    grid.set_cells("k1", {"ltp": 777_500, "note": "new"})
    assert grid.row_text("k1") == "Symbol SYM0001, LTP 77.75, Change +0.05, Volume 1,000, Note new"


def test_rows_are_added_and_removed_by_key(make: Make) -> None:
    grid = make(3)
    grid.set_current("k1")
    grid.update_rows({"new": row(9)})
    grid.remove_rows(["k1", "nobody"])
    assert grid.keys == ("k0", "k2", "new")
    assert grid.current is None
    assert grid.selected == ()


def test_the_keyboard_reaches_every_row(qtbot: QtBot, make: Make) -> None:
    grid = make(100)
    told: list[str] = []
    grid.current_changed.connect(told.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        qtbot.keyClick(grid, key)
    assert told == ["k0", "k1", "k0"]
    qtbot.keyClick(grid, Qt.Key.Key_End)
    assert grid.current == "k99"
    assert "k99" in grid.visible_keys()
    qtbot.keyClick(grid, Qt.Key.Key_PageUp)
    assert grid.current == f"k{99 - grid._page()}"
    qtbot.keyClick(grid, Qt.Key.Key_Home)
    assert (grid.current, grid.verticalScrollBar().value()) == ("k0", 0)


def test_shift_extends_and_copy_takes_the_selection(qtbot: QtBot, make: Make) -> None:
    grid = make(5)
    grid.set_current("k1")
    qtbot.keyClick(grid, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert grid.selected == ("k1", "k2")
    qtbot.keyClick(grid, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert lines[0] == "SYM0001\t100.05\t+0.05\t1,000\t=1+1"
    assert len(lines) == 2


def test_typing_finds_a_row(qtbot: QtBot, make: Make) -> None:
    grid = make(40)
    qtbot.keyClicks(grid, "sym0031")
    assert grid.current == "k31"


def test_enter_and_double_click_open_and_delete_asks(qtbot: QtBot, make: Make) -> None:
    grid = make(5)
    opened: list[tuple[str, str]] = []
    asked: list[list[str]] = []
    grid.activated.connect(lambda *cell: opened.append(cell))
    grid.remove_asked.connect(asked.append)
    grid.set_current("k2")
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.cell_middle("k3", "ltp"))
    qtbot.keyClick(grid, Qt.Key.Key_Delete)
    assert opened == [("k2", ""), ("k3", "ltp")]
    assert asked == [["k3"]]


def test_a_click_tells_the_cell(qtbot: QtBot, make: Make) -> None:
    grid = make(5)
    told: list[tuple[str, str]] = []
    grid.clicked.connect(lambda *cell: told.append(cell))
    at = grid.cell_middle("k2", "volume")
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert told == [("k2", "volume")]
    assert grid.current == "k2"


def _drag(qtbot: QtBot, grid: PaintedGrid, key: str, to: QPoint) -> None:
    port, start = grid.viewport(), grid.cell_middle(key, "name")
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(port, to)
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=to)


def test_a_row_is_dragged_to_another_place(qtbot: QtBot, make: Make) -> None:
    grid = make(5)
    grid.can_reorder = True
    told: list[bool] = []
    grid.reordered.connect(lambda: told.append(True))
    below = grid.cell_middle("k3", "name") + QPoint(0, 8)
    _drag(qtbot, grid, "k0", below)
    assert grid.keys == ("k1", "k2", "k3", "k0", "k4")
    assert told == [True]
    qtbot.keyClick(grid, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert grid.keys == ("k1", "k2", "k0", "k3", "k4")


def test_a_grid_that_may_not_be_reordered_is_not(qtbot: QtBot, make: Make) -> None:
    grid = make(5)
    _drag(qtbot, grid, "k0", grid.cell_middle("k3", "name"))
    assert grid.keys == ("k0", "k1", "k2", "k3", "k4")


def test_columns_come_back_as_they_were_arranged(make: Make) -> None:
    grid = make(5)
    grid.header.moveSection(3, 1)
    grid.header.show_column(4, is_shown=False)
    grid.header.resizeSection(1, 140)
    grid.sort_by("volume", True)  # noqa: FBT003 - a signal's slot
    saved = read_column_state(grid.save_columns())
    assert saved is not None
    other = make(5)
    other.restore_columns(saved)
    assert other.save_columns() == grid.save_columns()
    assert other.keys == grid.keys
    other.header.start_over()
    assert other.header.shown == [0, 1, 2, 3, 4]


def test_the_last_column_cannot_be_hidden(make: Make) -> None:
    grid = make(1)
    for place in range(4):
        grid.header.show_column(place, is_shown=False)
    offered = {item.title: item.is_enabled for item in grid.header.chooser()}
    assert not offered["Note"]
    assert offered["LTP"]


def test_the_stretching_column_takes_the_room_that_is_left(make: Make) -> None:
    grid = make(5)
    assert grid.header.length() == grid.viewport().width()
    grid.resize(900, 300)
    assert grid.header.length() == grid.viewport().width()
    grid.resize(200, 300)
    assert grid.horizontalScrollBar().maximum() > 0


def test_text_that_is_cut_is_told_whole(make: Make) -> None:
    grid = make(2)
    long = "A NOTE THAT IS LONGER THAN ITS COLUMN"
    grid.set_cells("k0", {"note": long})
    picture(grid)
    assert grid.cut_text("k0", "note") == long
    assert grid.cut_text("k1", "note") == ""
    assert grid.cut_text("k0", "ltp") == ""


def test_csv_has_the_shown_columns_and_no_formula(make: Make) -> None:
    grid = make(1)
    grid.header.show_column(3, is_shown=False)
    assert grid.csv() == "Symbol,LTP,Change,Note\r\nSYM0000,100.00,0.05,'=1+1\r\n"


def test_an_empty_grid_says_what_it_waits_for(make: Make) -> None:
    grid = make(0)
    before = picture(grid)
    grid.set_empty_text("Search a symbol to watch it")
    assert not changed_box(before, picture(grid)).isEmpty()


@pytest.mark.parametrize("ratio", [1.0, 1.25, 2.0])
def test_figures_stand_whole_and_in_their_colour(qapp: object, ratio: float) -> None:
    del qapp
    look = Theme.current()
    glyphs = Glyphs(look.font(), look.font(weight=look.bold), ratio)
    assert glyphs.covers("−12,34,567.50%")
    assert not glyphs.covers("हिंदी")
    colour = QColor("#ff0000")
    made = glyphs._make(colour.name(), is_strong=True)
    sheet = glyphs._picture.toImage()
    for place, letter in enumerate(LETTERS):
        assert len(made[letter]) == 4
        for part in range(4):
            left = (place * 4 + part) * glyphs.cell_wide
            cell = sheet.copy(left, 0, glyphs.cell_wide, glyphs.cell_high)
            edges = _alphas(cell, edges_only=True)
            assert max(edges) < 40, f"{letter!r} leaves its cell"
            assert letter == " " or max(_alphas(cell)) > 60


def _alphas(image: QImage, *, edges_only: bool = False) -> Sequence[int]:
    wide, high = image.width(), image.height()
    return [
        image.pixelColor(x, y).alpha()
        for x in range(wide)
        for y in range(high)
        if not edges_only or x in (0, wide - 1) or y in (0, high - 1)
    ]


def test_numbers_end_where_qts_own_text_would(make: Make) -> None:
    grid = make(1)
    box = cell_box(grid, "k0", "ltp")
    image = picture(grid)
    ground = image.pixel(box.right() - 2, box.top() + 3)
    inked = [
        x
        for x in range(box.left(), box.right() + 1)
        if any(image.pixel(x, y) != ground for y in range(box.top() + 1, box.bottom() - 1))
    ]
    right_gap = box.right() - max(inked)
    assert abs(right_gap - Theme.current().space("m")) <= 2
