"""Client tags: how an order is recognised as ours, for ever.

16 characters of `[0-9A-Z]`: the letter T, eight of time, seven of chance, base 32. That fits every
broker's tag field, and is never a client id.
"""

from collections.abc import Callable
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH_MS: Final = 1_577_836_800_000
"""2020-01-01 UTC; 40 bits of milliseconds last until 2054."""
_TIME_BITS: Final = 40
_RANDOM_BITS: Final = 35
LENGTH: Final = 16


class Tags:
    """Makes tags from a clock and a source of random bits (`secrets.randbits`)."""

    def __init__(self, now_ns: Callable[[], int], random_bits: Callable[[int], int]) -> None:
        self._now_ns = now_ns
        self._random_bits = random_bits
        self._last = ""

    def next(self) -> str:
        """Give a tag that was never given before."""
        tag = self._last
        while tag == self._last:
            ms = (self._now_ns() // 1_000_000 - _EPOCH_MS) % (1 << _TIME_BITS)
            tag = "T" + _base32(ms, 8) + _base32(self._random_bits(_RANDOM_BITS), 7)
        self._last = tag
        return tag


def _base32(number: int, length: int) -> str:
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(length)))
