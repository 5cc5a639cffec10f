"""Python's garbage collector, on the window's thread only.

Automatic collection runs on whatever thread happens to allocate, and a Qt object that it finds in
a cycle would be destroyed there: a worker that reads instruments then brings the program down. So
automatic collection is off, and this does its work between two events.
"""

import gc
import time
from typing import Final

from PySide6.QtCore import QObject, QTimer

_LOOK_MS: Final = 200
_YOUNG: Final = 2_000
"""Collect the youngest generation when this many more objects were made than went."""
_ROUNDS: Final = 10
_OLD_EVERY_S: Final = 60.0


class Collector(QObject):
    """Collects while it lives; `stop` gives the work back to Python."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._old_s = time.monotonic()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        gc.disable()
        self._timer.start()

    def look(self) -> None:
        """Collect what is due, the younger generations often, the oldest once a minute at most."""
        young, middle, old = gc.get_count()
        if young < _YOUNG:
            return
        now_s = time.monotonic()
        if old > _ROUNDS and now_s - self._old_s > _OLD_EVERY_S:
            self._old_s = now_s
            gc.collect(2)
        else:
            gc.collect(1 if middle > _ROUNDS else 0)

    def stop(self) -> None:
        self._timer.stop()
        gc.enable()
