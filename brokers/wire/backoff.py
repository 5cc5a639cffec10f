"""Delays between reconnects: full jitter under a doubling ceiling, for ever."""

from collections.abc import Callable, Iterator


def delays(first_s: float, cap_s: float, random: Callable[[], float]) -> Iterator[float]:
    """Give seconds to wait before each next attempt.

    Args:
        first_s: ceiling of the first delay; it doubles with each attempt.
        cap_s: no delay is longer.
        random: a number in [0, 1), so that many clients do not come back at the same moment.
    """
    ceiling = min(first_s, cap_s)
    while True:
        yield ceiling * random()
        ceiling = min(ceiling * 2, cap_s)
