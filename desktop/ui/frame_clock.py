"""When to show what changed: the first change at once, the next no sooner than painting allows."""

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

Callback = Callable[[], None]
LONGEST_GAP_NS: Final = 16_000_000
_NS_PER_MS: Final = 1_000_000
_PAINT_SHARE: Final = 2
"""The gap is this many times what a flush and its painting cost."""


class FrameClock(QObject):
    """Calls its callbacks when something was requested, paced by what they cost.

    The first request after a pause is served in the next turn of the event loop. After a flush the
    next one waits about twice the measured cost (paint included), at most 16 ms; requests meanwhile
    cost nothing and are served together. Nothing runs while nothing is requested. When the loop is
    late, frames are skipped, never made up for.
    """

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        now_ns: Callable[[], int] = time.perf_counter_ns,
        longest_gap_ns: int = LONGEST_GAP_NS,
    ) -> None:
        super().__init__(parent)
        self._now_ns = now_ns
        self._longest_gap_ns = longest_gap_ns
        self._callbacks: list[Callback] = []
        self._requested_ns: int | None = None
        self._started_ns = 0
        self._ended_ns = 0
        self._cost_ns = _NS_PER_MS
        self._lag_ns = 0
        self._worst_lag_ns = 0
        self._frames = 0
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setTimerType(Qt.TimerType.PreciseTimer)
        self._due.timeout.connect(self._flush)
        # Fires after the paint events that the flush caused: posted events go before timers.
        self._painted = QTimer(self)
        self._painted.setSingleShot(True)
        self._painted.setInterval(0)
        self._painted.timeout.connect(self._measure)

    def add(self, callback: Callback) -> Callback:
        """Call this at every flush; gives back what removes it again."""
        self._callbacks.append(callback)

        def remove() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return remove

    def request(self) -> None:
        """Ask for a flush; cheap when one is due already. Only from the window's thread."""
        if self._requested_ns is not None:
            return
        now = self._now_ns()
        self._requested_ns = now
        if self._painted.isActive():
            return  # the running frame is not measured yet; `_measure` arms the next one
        self._arm(now)

    def _arm(self, now: int) -> None:
        gap = min(self._longest_gap_ns, _PAINT_SHARE * self._cost_ns)
        left = self._ended_ns + gap - now
        self._due.start(0 if left <= 0 else -(-left // _NS_PER_MS))

    def _flush(self) -> None:
        requested = self._requested_ns
        if requested is None:
            return
        now = self._started_ns = self._now_ns()
        self._requested_ns = None
        self._lag_ns = now - requested
        self._worst_lag_ns = max(self._worst_lag_ns, self._lag_ns)
        self._frames += 1
        self._painted.start()
        for callback in tuple(self._callbacks):
            callback()

    def _measure(self) -> None:
        now = self._ended_ns = self._now_ns()
        self._cost_ns = (7 * self._cost_ns + 3 * (now - self._started_ns)) // 10
        if self._requested_ns is not None:
            self._arm(now)

    def stop(self) -> None:
        """Forget what was requested; for the end of the program."""
        self._due.stop()
        self._painted.stop()
        self._requested_ns = None

    @property
    def frames(self) -> int:
        """How many flushes there were."""
        return self._frames

    @property
    def cost_ms(self) -> float:
        """What a flush with its painting costs at present, smoothed."""
        return self._cost_ns / _NS_PER_MS

    @property
    def lag_ms(self) -> float:
        """How long the oldest change waited for the last flush."""
        return self._lag_ns / _NS_PER_MS

    def take_worst_lag_ms(self) -> float:
        """Give the longest wait since the last call, and start again."""
        worst, self._worst_lag_ns = self._worst_lag_ns, 0
        return worst / _NS_PER_MS
