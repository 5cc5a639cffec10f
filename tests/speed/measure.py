"""What every benchmark needs: candidates in turn, medians, quiet windows, and one line a figure.

Importing it prepares the process: no display, one Qt binding for everybody, and a home folder of
its own, because the peers write into it.
"""

import atexit
import gc
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;qt.qpa.*=false")
if not Path.home().name.startswith("tezi-speed-"):
    os.environ["HOME"] = tempfile.mkdtemp(prefix="tezi-speed-")
    atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

now = time.perf_counter
MS = 1e3
US = 1e6


class NothingHappenedError(RuntimeError):
    """A candidate received or painted nothing: what was timed is not what was meant."""


def tell(
    figure: str,
    unit: str,
    ours: float,
    *,
    peer: str = "",
    theirs: float | None = None,
    goal: float | None = None,
    limit: float | None = None,
    more_is_better: bool = False,
) -> None:
    """Print one figure. `goal` is how many times better we must be, `limit` what ours may be."""
    line: dict[str, object] = {"figure": figure, "peer": peer, "ours": ours, "unit": unit}
    is_met = True
    if theirs is not None:
        ratio = ours / theirs if more_is_better else theirs / ours
        line |= {"theirs": theirs, "ratio": ratio}
        if goal is not None:
            line["goal"] = goal
            is_met = ratio >= goal
    if limit is not None:
        line["limit"] = limit
        is_met = is_met and (ours >= limit if more_is_better else ours <= limit)
    print(json.dumps(line | {"is_met": is_met}), flush=True)


def note(text: str) -> None:
    """Say something that is no figure."""
    print(text, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], percent: float) -> float:
    if not values:
        raise NothingHappenedError("no value was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def median(values: Sequence[float]) -> float:
    if not values:
        raise NothingHappenedError("no value was measured")
    return statistics.median(values)


def in_turn(
    candidates: Mapping[str, Callable[[], object]], *, rounds: int = 7, warm: int = 1
) -> dict[str, list[float]]:
    """Time each candidate once a round, so that a noisy neighbour hits them all; in seconds."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + warm):
        for name, work in candidates.items():
            gc.collect()
            gc.disable()
            began = now()
            work()
            took = now() - began
            gc.enable()
            if number >= warm:
                found[name].append(took)
    return found


def rss_mb() -> float:
    """Give this process' resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def qt() -> QApplication:
    """Give the application, dressed as the product dresses it."""
    app = QApplication.instance()
    if isinstance(app, QApplication):
        return app
    return QApplication(sys.argv[:1])


class Paints(QObject):
    """Counts the paint events of one widget."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.count += 1
        return False


def drain(paints: Paints, before: int, *, passes: int = 400, quiet: int = 2) -> None:
    """Run events until something was painted and then `quiet` passes painted nothing more.

    Stopping at the first paint would charge a candidate's further paints to the next one.
    """
    still, last = 0, before
    for _ in range(passes):
        QApplication.processEvents()
        still = still + 1 if paints.count == last else 0
        last = paints.count
        if last > before and still >= quiet:
            return
    if last == before:
        raise NothingHappenedError("nothing was painted")
