"""Exchange time: an injected monotonic counter plus an offset that can be moved."""

from collections.abc import Callable
from typing import Final

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS
IST_NS: Final = 19_800 * SECOND_NS
"""Indian time minus UTC; India has no summer time."""


class SimClock:
    """What the exchange calls now; it never asks the machine by itself."""

    def __init__(self, start_ns: int, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._offset_ns = start_ns - monotonic_ns()
        self._pinned_ns: int | None = None

    def now_ns(self) -> int:
        """Give exchange time, UTC nanoseconds."""
        if self._pinned_ns is not None:
            return self._pinned_ns
        return self._monotonic_ns() + self._offset_ns

    def flowing_ns(self) -> int:
        """Give exchange time as it flows, even while an event of the past is being handled."""
        return self._monotonic_ns() + self._offset_ns

    def move_to(self, at_ns: int) -> None:
        """Set exchange time; it goes on from there at real speed."""
        self._offset_ns = at_ns - self._monotonic_ns()
        self._pinned_ns = None

    def pin(self, at_ns: int | None) -> None:
        """Hold time at one event while it is handled; None lets it flow again."""
        self._pinned_ns = at_ns
