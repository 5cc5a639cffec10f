"""The words instruments are known by, and for each word the subjects that carry it.

A subject is a number: a cash instrument, or a whole chain of contracts. Words are sorted, so a
prefix is a slice; they also stand in one text, so a part of a word is found by `str.find`.
"""

import bisect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Array = NDArray[np.integer[Any]]

_WORD: Final = re.compile(r"[0-9]+\.[0-9]+|[a-z0-9&]+")
_SUBWORD: Final = re.compile(r"[a-z&]+|[0-9]+")
_LAST: Final = "\U0010ffff"
_MOST_PARTS: Final = 2_000
"""Words taken when a part of a word is asked for; more match only to be cut off anyway."""


def words(text: str) -> list[str]:
    """Split into lower-case words of letters, digits and `&`."""
    return [word for word in _WORD.findall(text.lower()) if word != "&"]


def subwords(word: str) -> list[str]:
    """Split a word where letters meet digits: `nifty50` → `nifty`, `50`."""
    return _SUBWORD.findall(word)


class Carried:
    """Words and who carries them, in two lists: pairs would be a hundred thousand objects."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.subjects: list[int] = []

    def add(self, carried: list[str], subject: int) -> None:
        self.words += carried
        self.subjects += [subject] * len(carried)


class Vocabulary:
    """Words and their subjects."""

    def __init__(self, text: str, starts: Array, subjects: Array) -> None:
        self.text = text
        self._words = text.split("\n")[1:-1] if text else []
        self._starts = starts
        self._subjects = subjects
        # Where each word begins in the text, to tell which word a hit lies in.
        lengths = np.fromiter(map(len, self._words), np.int64, len(self._words))
        self._places = np.cumsum(lengths + 1) - lengths

    @classmethod
    def build(cls, carried: Carried) -> "Vocabulary":
        """Sort words and, for each, its subjects."""
        rank = {word: index for index, word in enumerate(sorted(set(carried.words)))}
        ranks = np.array(list(map(rank.__getitem__, carried.words)), np.int64)
        subjects = np.array(carried.subjects, np.int64)
        # A subject may carry a word twice, by its ticker and by its name.
        pairs = np.unique((ranks << 32) + subjects)
        sizes = np.bincount(pairs >> 32, minlength=len(rank))
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]).astype(np.int32)
        text = "\n".join(["", *rank, ""]) if rank else ""
        return cls(text, starts, (pairs & 0xFFFF_FFFF).astype(np.int32))

    def pack(self, name: str) -> Mapping[str, Array]:
        """Give the arrays to keep."""
        return {f"{name}_starts": self._starts, f"{name}_subjects": self._subjects}

    @classmethod
    def unpack(cls, name: str, text: str, arrays: Mapping[str, Array]) -> "Vocabulary":
        return cls(text, arrays[f"{name}_starts"], arrays[f"{name}_subjects"])

    def exact(self, word: str) -> Array:
        """Give the subjects that carry this very word."""
        at = bisect.bisect_left(self._words, word)
        is_there = at < len(self._words) and self._words[at] == word
        return self._slice(at, at + is_there)

    def prefixed(self, word: str) -> Array:
        """Give the subjects of all words that begin so; some may come more than once."""
        first = bisect.bisect_left(self._words, word)
        return self._slice(first, bisect.bisect_left(self._words, word + _LAST, first))

    def containing(self, part: str) -> Array:
        """Give the subjects of all words this is a part of; some may come more than once."""
        hits = np.fromiter(self._hits(part), np.int64)
        if not len(hits):
            return self._slice(0, 0)
        found = np.unique(np.searchsorted(self._places, hits, "right") - 1)
        firsts, lasts = self._starts[found].astype(np.int64), self._starts[found + 1]
        sizes = lasts - firsts
        # The slices of all words found, one after the other, without a loop.
        jumps = np.repeat(firsts - np.cumsum(sizes) + sizes, sizes)
        return self._subjects[jumps + np.arange(len(jumps))]

    def _hits(self, part: str) -> Iterator[int]:
        find, at, left = self.text.find, self.text.find(part), _MOST_PARTS
        while at >= 0 and left:
            yield at
            at = find(part, at + 1)
            left -= 1

    def _slice(self, first: int, last: int) -> Array:
        return self._subjects[self._starts[first] : self._starts[last]] if self._words else _NONE


_NONE: Final = np.empty(0, np.int32)
