"""The practice face's limits: ten requests a second, two hundred a minute, and the day's block."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from brokers.fyers.practice_answers import LIMIT_REACHED, TOO_MANY, Refusal
from brokers.net.server import ServerReply

PER_SECOND: Final = 10
PER_MINUTE: Final = 200
MOST_BREACHES: Final = 3
"""The next one in a day blocks the user for the rest of it."""

_SECOND_NS: Final = 1_000_000_000
_MINUTE_NS: Final = 60 * _SECOND_NS
_BLOCKED_MS: Final = 86_400_000


class Limits:
    """Counts one app's requests in sliding windows; refused ones are not counted.

    A minute is breached once, however often it is knocked at until it is over.
    """

    def __init__(
        self, day: Callable[[], int], monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._day = day
        self._now_ns = monotonic_ns
        self._taken: deque[int] = deque()
        self._breaches = 0
        self._breached_until_ns = 0
        self._today = day()

    def admit(self) -> ServerReply | None:
        """Count a request; the 429 that refuses it when there were too many."""
        now_ns = self._now_ns()
        today = self._day()
        if today != self._today:
            self._today, self._breaches = today, 0
        if self._breaches > MOST_BREACHES:
            return too_many(_BLOCKED_MS)
        while self._taken and self._taken[0] <= now_ns - _MINUTE_NS:
            self._taken.popleft()
        if len(self._taken) >= PER_MINUTE:
            return self._breach(now_ns)
        if len(self._taken) >= PER_SECOND:
            free_ns = self._taken[-PER_SECOND] + _SECOND_NS
            if free_ns > now_ns:
                return too_many(math.ceil((free_ns - now_ns) / 1_000_000))
        self._taken.append(now_ns)
        return None

    def _breach(self, now_ns: int) -> ServerReply:
        free_ns = self._taken[0] + _MINUTE_NS
        if now_ns >= self._breached_until_ns:
            self._breaches += 1
            self._breached_until_ns = self._taken[-1] + _MINUTE_NS
        return too_many(math.ceil((free_ns - now_ns) / 1_000_000))


def too_many(wait_ms: int) -> ServerReply:
    """Answer 429 with the wait in both headers."""
    headers = {"Retry-After": str(math.ceil(wait_ms / 1000)), "X-Retry-After-Ms": str(wait_ms)}
    return Refusal(*LIMIT_REACHED, status=TOO_MANY).reply(headers)
