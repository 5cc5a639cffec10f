"""A table in which every row changes at once: our painted grid against QTableWidget.

Flashing is off: a tint fades by timer and would be painted in the peer's time.
"""

import gc

from PySide6.QtWidgets import QApplication

from desktop.ui import rupees
from desktop.ui.columns import Column, by_sign
from desktop.ui.grid import PaintedGrid
from desktop.ui.theme import Theme
from tests.speed.measure import MS, Paints, drain, median, now, qt, tell
from tests.speed.peers.qt_table import Table

_SIZE = (1300, 900)
_GOALS = {500: 3.0, 5_000: 12.0}
_ROUNDS = {500: 41, 5_000: 15}
_E4 = 10_000


def _price(value: int, row: object) -> str:
    del row
    return rupees.price(value, 2)


def _signed(value: int, row: object) -> str:
    del row
    return rupees.signed_price(value, 2)


def _count(value: int, row: object) -> str:
    del row
    return rupees.group(value)


COLUMNS = (
    Column(id="symbol", title="Symbol", is_number=False, stretches=True, is_strong=True),
    *(Column(id=each, title=each, text=_price) for each in ("ltp", "ask", "low", "bid")),
    Column(id="change", title="Change", text=_signed, tint=by_sign),
    *(Column(id=each, title=each, text=_count) for each in ("volume", "number", "oi")),
    *(Column(id=each, title=each, text=_count) for each in ("bid_qty", "ask_qty", "orders")),
)


def rows_of(count: int, turn: int) -> list[tuple[object, ...]]:
    """Make rows of 12 values; 8 of them change with every turn, as in a busy market."""
    return [
        (
            f"SYM{row}",
            1000.0 + (row + turn) % 97,
            1001.0 + turn % 7,
            999.0,
            1000.5,
            1.25 * ((turn + row) % 3 - 1),
            row + turn,
            turn,
            row,
            turn * 3 % 991,
            turn * 7 % 787,
            5,
        )
        for row in range(count)
    ]


def in_e4(rows: list[tuple[object, ...]]) -> dict[str, object]:
    """Give the same rows as our own model keeps them: prices as integers."""
    return {
        str(row[0]): tuple(round(v * _E4) if isinstance(v, float) else v for v in row)
        for row in rows
    }


class Grid:
    def __init__(self, rows: int) -> None:
        self.widget = PaintedGrid(COLUMNS)
        self.widget.does_flash = False
        self.port = self.widget.viewport()
        self.widget.set_rows(in_e4(rows_of(rows, 0)))

    def apply(self, rows: dict[str, object]) -> None:
        self.widget.update_rows(rows)


def compare(count: int) -> None:
    ours, theirs = Grid(count), Table(count, len(COLUMNS))
    paints = {}
    for each in (ours, theirs):
        each.widget.resize(*_SIZE)
        paints[each] = Paints(each.port)
        each.widget.show()
    theirs.apply(rows_of(count, 0))
    for _ in range(20):
        QApplication.processEvents()
    times: dict[object, list[float]] = {ours: [], theirs: []}
    for turn in range(1, _ROUNDS[count] + 1):
        plain = rows_of(count, turn)
        given = {ours: in_e4(plain), theirs: plain}
        for each in (ours, theirs):
            gc.collect()
            before = paints[each].count
            began = now()
            each.apply(given[each])
            drain(paints[each], before)
            if turn > 1:
                times[each].append(now() - began)
    tell(
        f"{count:,} rows, all change, to painted",
        "ms",
        median(times[ours]) * MS,
        peer="QTableWidget",
        theirs=median(times[theirs]) * MS,
        goal=_GOALS[count],
    )
    for each in (ours, theirs):
        each.widget.close()
        each.widget.deleteLater()
    QApplication.processEvents()


def main() -> None:
    Theme.current().dress(qt())
    for count in _GOALS:
        compare(count)


if __name__ == "__main__":
    main()
