"""Columns: texts, sorting, CSV. And the order of rows without any widget."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.ui import rupees
from desktop.ui.columns import (
    Column,
    ColumnState,
    by_sign,
    csv_cell,
    csv_text,
    read_column_state,
    sorted_rows,
)
from desktop.ui.grid_rows import RowOrder


def test_what_is_not_known_is_a_dim_dash() -> None:
    column = Column(id="ltp", title="LTP", text=lambda v, _: rupees.price(v), tint=by_sign)
    assert (column.show(None, ()), column.colour(None, ())) == ("–", "text_dim")
    assert (column.show(5_000_000, ()), column.colour(5_000_000, ())) == ("500.00", "up")
    assert column.colour(0, ()) == "text"


@pytest.mark.parametrize(
    ("shown", "cell"),
    [
        ("12,34,567.50", "1234567.50"),
        ("−1,250.00", "-1250.00"),
        ("+1.25%", "1.25%"),
        ("–", ""),
        ("RELIANCE", "RELIANCE"),
        ("=1+1", "'=1+1"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("@cmd", "'@cmd"),
        ("\tx", "'\tx"),
        ("  =x", "'  =x"),
        ("\ufeff=x", "'\ufeff=x"),
    ],
)
def test_csv_holds_bare_numbers_and_no_formula(shown: str, cell: str) -> None:
    assert csv_cell(shown) == cell


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_csv_reads_back_as_it_was_written(cells: list[str]) -> None:
    titles = [f"T{place}" for place in range(len(cells))]
    read = list(csv.reader(io.StringIO(csv_text(titles, [cells]), newline="")))
    assert read[1] == [csv_cell(cell) for cell in cells]
    assert not any(cell.startswith(("=", "@", "\t")) for cell in read[1])


def test_sorting_is_stable_and_the_unknown_stands_last_both_ways() -> None:
    values = {"a": 2, "b": None, "c": 1, "d": 2}
    assert sorted_rows(values, values.get, descending=False) == ["c", "a", "d", "b"]
    assert sorted_rows(values, values.get, descending=True) == ["a", "d", "c", "b"]


def test_an_arrangement_survives_json_and_strangers_do_not_break_it() -> None:
    state = ColumnState(order=("a", "b"), hidden=("b",), widths={"a": 90}, sort="a")
    assert read_column_state(state.to_json()) == state
    assert read_column_state({"order": 7}) is None
    assert read_column_state("nonsense") is None
    assert read_column_state({"later": True}) == ColumnState()


@pytest.fixture
def order() -> RowOrder:
    made = RowOrder()
    made.replace({"a": 3, "b": 1, "c": 2})
    return made


def test_new_rows_come_last_and_old_ones_keep_their_place(order: RowOrder) -> None:
    assert not order.update({"b": 9})
    assert order.update({"z": 0, "a": 4})
    assert order.keys == ["a", "b", "c", "z"]
    assert order.rows["b"] == 9


def test_a_sort_is_made_once_and_the_own_order_comes_back(order: RowOrder) -> None:
    order.sort(order.rows.get, descending=False)
    assert order.keys == ["b", "c", "a"]
    order.update({"b": 100})
    assert order.keys == ["b", "c", "a"]
    assert list(order.own) == ["a", "b", "c"]
    order.unsort()
    assert order.keys == ["a", "b", "c"]


def test_moving_takes_what_is_seen_as_the_own_order(order: RowOrder) -> None:
    order.sort(order.rows.get, descending=False)
    assert order.move(["a"], 0)
    assert list(order.own) == ["a", "b", "c"]
    assert not order.move(["a"], 1)


@given(
    keys=st.lists(st.integers(0, 9).map(str), min_size=1, unique=True),
    moved=st.sets(st.integers(0, 9).map(str)),
    before=st.integers(0, 10),
)
def test_moving_loses_no_row(keys: list[str], moved: set[str], before: int) -> None:
    made = RowOrder()
    made.replace(dict.fromkeys(keys))
    made.move(moved, min(before, len(keys)))
    assert sorted(made.keys) == sorted(keys)
    assert [k for k in made.keys if k in moved] == [k for k in keys if k in moved]
    assert all(made.place(key) == at for at, key in enumerate(made.keys))


def test_typing_finds_a_beginning_before_a_middle_and_goes_around(order: RowOrder) -> None:
    names = {"a": "Nifty Bank", "b": "Bank of India", "c": "Tata"}
    assert order.find("bank", names.__getitem__, 0) == "b"
    assert order.find("ta", names.__getitem__, 0) == "c"
    assert order.find("nif", names.__getitem__, 2) == "a"
    assert order.find("xyz", names.__getitem__, 0) is None


def test_removing_forgets_the_row_everywhere(order: RowOrder) -> None:
    order.sort(order.rows.get, descending=False)
    assert order.remove(["c", "nobody"])
    assert not order.remove(["c"])
    order.unsort()
    assert order.keys == ["a", "b"]
