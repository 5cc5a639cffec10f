"""Rate-limit arithmetic: may this request leave now, and if not, when.

Sliding windows, so no stretch of time of a window's length ever holds more than its limit. Every
lane but the cancels' may use only a share of each window: however much is polled or placed, a
cancel still gets out.
"""

import enum
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec


class Lane(enum.StrEnum):
    """Who is asking, most urgent first."""

    CANCEL = "cancel"
    PLACE = "place"
    RECONCILE = "reconcile"
    READ = "read"
    BACKGROUND = "background"


_PERCENT: Final = {
    Lane.CANCEL: 100,
    Lane.PLACE: 76,  # of 170 a minute: 129 orders, 41 reserved for cancels
    Lane.RECONCILE: 63,
    Lane.READ: 50,
    Lane.BACKGROUND: 35,
}
_MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0
_BREACHES_BEFORE_SAVING: Final = 2


class Window(msgspec.Struct, frozen=True):
    """At most `limit` requests in any `seconds`."""

    limit: int
    seconds: float

    def share(self, lane: Lane) -> int:
        """Give how many requests may have left before this lane has to wait; at least one."""
        return max(1, self.limit * _PERCENT[lane] // 100)


class Budget:
    """Count what left on one account, on monotonic time; it never sleeps and never sends."""

    def __init__(self, windows: Sequence[tuple[int, float]] = ((8, 1.0), (170, 60.0))) -> None:
        if not windows:
            raise ValueError("expected at least one window, was none")
        self._windows = tuple(Window(limit, seconds) for limit, seconds in windows)
        self._longest_s = max(window.seconds for window in self._windows)
        self._spent: deque[float] = deque()
        self._breaches: deque[float] = deque()
        self._closed_until_s: dict[Lane, float] = {}

    def wait_s(self, now_s: float, lane: Lane | str) -> float:
        """Give the seconds until this lane may send; 0 now."""
        lane = Lane(lane)
        self._forget(now_s)
        wait = max(0.0, self._closed_until_s.get(lane, now_s) - now_s)
        for window in self._windows:
            wait = max(wait, self._window_wait_s(window, window.share(lane), now_s))
        return wait

    def spend(self, now_s: float, lane: Lane | str) -> None:
        """Count one request that leaves now; the caller has waited its turn."""
        Lane(lane)
        self._spent.append(now_s)

    def refused(self, now_s: float) -> None:
        """Note that the venue said "too many": polls stop for a minute, after two also reads.

        Refusals within one minute are one breach. FYERS blocks an account for the rest of the day
        after its third.
        """
        self._close(Lane.BACKGROUND, now_s + _MINUTE_S)
        if self._breaches and now_s - self._breaches[-1] < _MINUTE_S:
            return
        while self._breaches and now_s - self._breaches[0] >= _DAY_S:
            self._breaches.popleft()
        self._breaches.append(now_s)
        if len(self._breaches) >= _BREACHES_BEFORE_SAVING:
            self._close(Lane.BACKGROUND, now_s + _DAY_S)
            self._close(Lane.READ, now_s + _DAY_S)

    def new_day(self) -> None:
        """Forget yesterday's refusals."""
        self._breaches.clear()
        self._closed_until_s.clear()

    def _close(self, lane: Lane, until_s: float) -> None:
        self._closed_until_s[lane] = max(until_s, self._closed_until_s.get(lane, until_s))

    def _window_wait_s(self, window: Window, allowed: int, now_s: float) -> float:
        # The request that must have left the window before the next one fits.
        position = len(self._spent) - allowed
        if position < 0:
            return 0.0
        return max(0.0, self._spent[position] + window.seconds - now_s)

    def _forget(self, now_s: float) -> None:
        spent = self._spent
        while spent and now_s - spent[0] >= self._longest_s:
            spent.popleft()
