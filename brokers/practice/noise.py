"""Noise without state: the same key and counter give the same number, in any order of asking.

That is what makes the past of every instrument reproducible without generating all of it. The
mixing function is SplitMix64's finaliser.
"""

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GOLDEN: Final = 0x9E3779B97F4A7C15
_M1: Final = 0xBF58476D1CE4E5B9
_M2: Final = 0x94D049BB133111EB
_WORD: Final = (1 << 64) - 1
_LANE: Final = 0xD1B54A32D192ED03

_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_N1, _N2, _NG = np.uint64(_M1), np.uint64(_M2), np.uint64(_GOLDEN)
_LOW, _S32 = np.uint64(0xFFFFFFFF), np.uint64(32)

# A sum of four 16-bit lanes: mean 2 × 65535, variance 4 × (2^32 − 1) / 12.
_MEAN: Final = 2 * 65535.0
_SPREAD: Final = ((2.0**32 - 1.0) / 3.0) ** 0.5
_TO_UNIT: Final = 2.0**-53


def key_of(seed: int, *parts: str | int) -> int:
    """Give the 64-bit key of a named stream of noise."""
    text = "\x1f".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def draw(key: int, counters: Ints, lane: int = 0) -> Bits:
    """Give 64 random bits per counter; lanes of one key are independent."""
    x = counters.astype(np.uint64)
    x *= _NG
    x += np.uint64((key + lane * _LANE) & _WORD)
    x ^= x >> _S30
    x *= _N1
    x ^= x >> _S27
    x *= _N2
    x ^= x >> _S31
    return x


def uniform(bits: Bits) -> Floats:
    """Give numbers in [0, 1)."""
    return (bits >> _S11).astype(np.float64) * _TO_UNIT


def gauss(bits: Bits) -> Floats:
    """Give nearly normal numbers, never beyond 3.5 deviations."""
    lanes = bits.view(np.uint16).reshape(-1, 4)
    total = lanes[:, 0].astype(np.float64)
    total += lanes[:, 1]
    total += lanes[:, 2]
    total += lanes[:, 3]
    total -= _MEAN
    total /= _SPREAD
    return total


def draw_one(key: int, counter: int, lane: int = 0) -> int:
    """Give `draw` for one counter, as a plain integer."""
    x = (counter * _GOLDEN + key + lane * _LANE) & _WORD
    x = ((x ^ (x >> 30)) * _M1) & _WORD
    x = ((x ^ (x >> 27)) * _M2) & _WORD
    return x ^ (x >> 31)


def uniform_one(key: int, counter: int, lane: int = 0) -> float:
    """Give `uniform` for one counter."""
    return (draw_one(key, counter, lane) >> 11) * _TO_UNIT
