"""What a column is: how a value becomes text, colour, order and CSV."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from desktop.ui.rupees import ABSENT, MINUS

Text = Callable[..., str]
"""(value, row) → text; never called with None."""
Tint = Callable[..., str]
"""(value, row) → colour role; never called with None."""
Read = Callable[..., Sequence[object]]
"""row → its values, one for each column."""


def plain(value: object, row: object) -> str:
    """Write a value as it is."""
    del row
    return str(value)


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column. `width` is its least width in device-independent pixels at usual text size.

    Numbers stand at the right, are never cut, and widen their column when they must; text stands
    at the left and is cut with an ellipsis. Of text columns one may `stretches`: it takes the room
    that is left. A text is made again only when its value changed, so it may look at the row for
    what never changes (its decimals); a tint is asked each time.
    """

    id: str
    title: str
    text: Text = plain
    tint: Tint | None = None
    role: str = "text"
    width: int = 72
    is_number: bool = True
    flashes: bool = False
    is_strong: bool = False
    stretches: bool = False
    is_pill: bool = False
    """Text drawn on a tint of its colour: a side, a state."""
    is_shown: bool = True
    tip: str = ""

    def show(self, value: object, row: object) -> str:
        """Give the text of a value, a dash for one that is not known."""
        return ABSENT if value is None else self.text(value, row)

    def colour(self, value: object, row: object) -> str:
        """Give the colour role of a value."""
        if value is None:
            return "text_dim"
        return self.role if self.tint is None else self.tint(value, row)


def by_sign(value: object, row: object) -> str:
    """Tint a number by its sign."""
    del row
    if not isinstance(value, int | float) or value == 0:
        return "text"
    return "up" if value > 0 else "down"


def sort_key(value: object) -> tuple[int, object]:
    """Make values comparable; what is not known comes last when ascending."""
    if value is None:
        return (1, 0)
    return (0, value.casefold() if isinstance(value, str) else value)


def sorted_rows(
    keys: Iterable[str], value_of: Callable[[str], object], *, descending: bool
) -> list[str]:
    """Sort keys by a value each, stably; what is not known always stands at the end."""
    values = {key: value_of(key) for key in keys}
    known = [key for key, value in values.items() if value is not None]
    known.sort(key=lambda key: sort_key(values[key]), reverse=descending)
    return known + [key for key, value in values.items() if value is None]


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", MINUS)
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?%?\Z", re.ASCII)


def csv_cell(text: str) -> str:
    """Make a shown text fit for a spreadsheet: bare numbers, and nothing it would run."""
    bare = text.replace(",", "").replace(MINUS, "-").removeprefix("+")
    if _NUMBER.match(bare):
        return bare
    if text == ABSENT:
        return ""
    return "'" + text if text.lstrip(" \ufeff").startswith(_FORMULA) else text


def csv_text(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([csv_cell(title) for title in titles])
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


class ColumnState(msgspec.Struct, frozen=True):
    """How the trader arranged the columns: ids from left to right, and what differs."""

    order: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    widths: Mapping[str, int] = {}
    sort: str = ""
    descending: bool = False

    def to_json(self) -> dict[str, object]:
        """Give what a workspace keeps."""
        return {
            "order": list(self.order),
            "hidden": list(self.hidden),
            "widths": dict(self.widths),
            "sort": self.sort,
            "descending": self.descending,
        }


def read_column_state(saved: object) -> ColumnState | None:
    """Take back what `to_json` gave; None when it is something else."""
    try:
        return msgspec.convert(saved, ColumnState)
    except msgspec.ValidationError:
        return None
