"""One window under a stream of ticks: how long until each is painted, and at what cost.

A feeder thread stands for the gateway: it makes ticks at an even rate and hands each one over. Both
candidates are measured by the same code; a tick counts as painted when its row shows it or a newer
one.
"""

import json
import os
import threading
import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from tests.speed.measure import now, percentile

SYMBOLS = 50
SIZE = (1400, 800)
_BEFORE_S = 0.4
_WARM_S = 1.0
"""From the window's first event to the first tick, and to the first one that counts."""


class Meter(QObject):
    """Watches the painted widget; told of ticks by whoever shows them."""

    def __init__(self, port: QWidget) -> None:
        super().__init__(port)
        self.shown: list[float] = []
        """When the ticks were made that the next paint will show."""
        self.handled = 0
        self.paints = 0
        self.latencies: list[float] = []
        self._painted: list[float] = []
        port.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.paints += 1
            self._painted += self.shown
            self.shown = []
            QTimer.singleShot(0, self._after)  # once this paint is done
        return False

    def _after(self) -> None:
        done = now()
        self.latencies += [done - made for made in self._painted]
        self._painted = []

    def begin(self) -> None:
        """Forget the start: first layout, first fonts."""
        self.latencies.clear()
        self.handled = self.paints = 0


def run(meter: Meter, emit: Callable[[int], None], rate: int, seconds: float) -> None:
    """Feed `rate` ticks a second, print what came of it, and end the process."""
    made = [0]
    is_over = threading.Event()

    def feed() -> None:
        time.sleep(_BEFORE_S)
        began, number = now(), 0
        while (gone := now() - began) < seconds:
            due = int(gone * rate)
            while number < due:
                emit(number)
                number += 1
                if number & 1023 == 0 and now() - began > seconds:
                    break
            made[0] = number
            time.sleep(0.001)
        is_over.set()

    base = {"made": 0, "cpu": 0.0, "at": now()}

    def begin() -> None:
        meter.begin()
        base.update(made=made[0], cpu=time.process_time(), at=now())

    loop = QEventLoop()
    QTimer.singleShot(round(_WARM_S * 1000), begin)
    watch = QTimer(meter)
    watch.setInterval(10)
    watch.timeout.connect(lambda: loop.quit() if is_over.is_set() else None)
    watch.start()
    threading.Thread(target=feed, daemon=True).start()
    loop.exec()
    took = now() - base["at"]
    fed = made[0] - base["made"]
    has_painted = bool(meter.latencies and meter.paints)
    result = {
        "rate": rate,
        "made": fed / took,
        "share": meter.handled / fed,
        "p50_ms": percentile(meter.latencies, 50) * 1e3 if has_painted else None,
        "p99_ms": percentile(meter.latencies, 99) * 1e3 if has_painted else None,
        "cpu": (time.process_time() - base["cpu"]) / took,
        "paints": meter.paints / took,
    }
    print(json.dumps(result), flush=True)
    os._exit(0)  # the peer's threads would hold the process
