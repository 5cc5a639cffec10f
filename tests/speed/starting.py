"""The program itself, started for `bench_start` and watched: says when its window was painted.

Runs `desktop.app.run`; only the two classes it makes are replaced by ones that also watch. The
arguments are where the program ends: `shell` (the window), `workspace` (every dock in sight has
been painted), `quotes` (prices have been painted in the watchlist, from a cold practice exchange).
"""

import os
import sys
import time

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
from typing_extensions import override

import desktop.app as program
from desktop.docks.base import Dock

_ENOUGH = 5
"""Rows with a price: one may be left over from the first snapshot."""


def tell(what: str) -> None:
    at = time.clock_gettime(time.CLOCK_BOOTTIME)
    with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib is not everybody's start
        pages = int(file.read().split()[1])
    print(f"{what} {at} {pages * os.sysconf('SC_PAGE_SIZE') / 2**20}", flush=True)


class Watched(QApplication):
    """Sees every paint of every widget."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self.wanted = sys.argv[1]
        self.desk: program.App | None = None
        self.painted: set[Dock] = set()
        self._is_told = False
        self.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            part: QObject | None = watched
            while part is not None and not isinstance(part, Dock):
                part = part.parent()
            if part is not None:
                self.painted.add(part)
            QTimer.singleShot(0, self._after)  # once this paint is done
        return False

    def _after(self) -> None:
        if self._is_told or self.desk is None or not self._is_reached(self.desk):
            return
        self._is_told = True
        tell(self.wanted)
        if self.wanted == "quotes":
            self.desk.stop.set()  # the exchange has to be ended too
        else:
            os._exit(0)

    def _is_reached(self, desk: program.App) -> bool:
        if self.wanted == "shell":
            return True
        docks = desk.panels.docks
        seen = [dock for dock in docks.values() if dock.isVisible()]
        if len(seen) < _ENOUGH or not self.painted.issuperset(seen):
            return False
        return self.wanted == "workspace" or _prices(docks["watchlist"]) >= _ENOUGH


def _prices(dock: Dock) -> int:
    """Count the rows in sight that show a last price."""
    grid = dock.grid  # type: ignore[attr-defined]  # the watchlist's
    return sum(grid.cell_text(key, "ltp")[:1].isdigit() for key in grid.visible_keys())


class Program(program.App):
    """Tells the application who it belongs to."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]  # whatever the program gives
        app = QApplication.instance()
        assert isinstance(app, Watched)
        app.desk = self


program.QApplication = Watched  # type: ignore[misc]
program.App = Program  # type: ignore[misc]
sys.exit(program.run(["--temp-profile", "--stay"]))
