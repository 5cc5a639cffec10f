"""What changed between two days' masters: tokens and symbols that mean another contract now.

A corporate action rewrites strikes and lots, and exchanges give old tokens to new contracts. What
was saved under yesterday's name must not be traded as today's without a look.
"""

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from brokers.model.instrument import Instrument, InstrumentId
from desktop.trading.roster import SEPARATOR, Roster

Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]

_IDENTITY: Final = ("kind", "expiry", "strike_e4", "right")
_SIZES: Final = ("lot_size", "multiplier")


class ChangeKind(enum.StrEnum):
    REDEFINED = "redefined"
    """The same token is another contract: ISIN, underlying, expiry, strike or right differ."""
    MOVED = "moved"
    """The same symbol has another token."""
    RESIZED = "resized"
    """The same contract has another lot or multiplier."""
    RENAMED = "renamed"
    """The same contract has another symbol; nothing to beware of."""


class ContractChange(msgspec.Struct, frozen=True):
    what: ChangeKind
    before: Instrument
    after: Instrument


class MasterDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs, day over day."""

    changed: tuple[ContractChange, ...] = ()
    added: tuple[InstrumentId, ...] = ()
    removed: tuple[InstrumentId, ...] = ()

    @property
    def doubtful(self) -> frozenset[InstrumentId]:
        """Ids not to be traded before somebody has seen what changed."""
        return frozenset(
            instrument.id
            for change in self.changed
            if change.what is not ChangeKind.RENAMED
            for instrument in (change.before, change.after)
        )


def diff(old: Roster, new: Roster) -> MasterDiff:
    """Compare two rosters; takes a good part of a second, so not on the window's thread."""
    were, are = _names(old), _names(new)
    places = {instrument: row for row, instrument in enumerate(are.ids)}
    rows = [row for row, instrument in enumerate(were.ids) if instrument in places]
    before = np.array(rows, np.int64)
    after = np.array([places[were.ids[row]] for row in rows], np.int64)
    is_other = _is_other(old, new, before, after)
    is_resized = ~is_other & _differs(_SIZES, old, new, before, after)
    is_renamed = np.array(
        [were.symbols[row] != are.symbols[places[were.ids[row]]] for row in rows], np.bool_
    )
    is_renamed &= ~is_other & ~is_resized
    known = set(were.ids)
    return MasterDiff(
        changed=(
            *_changes(ChangeKind.REDEFINED, old, new, (before[is_other], after[is_other])),
            *_changes(ChangeKind.RESIZED, old, new, (before[is_resized], after[is_resized])),
            *_changes(ChangeKind.RENAMED, old, new, (before[is_renamed], after[is_renamed])),
            *_moved(old, new, were, are),
        ),
        added=tuple(InstrumentId(each) for each in are.ids if each not in known),
        removed=tuple(InstrumentId(each) for each in were.ids if each not in places),
    )


class _Names(NamedTuple):
    symbols: list[str]
    ids: list[str]


def _names(roster: Roster) -> _Names:
    texts = roster.joined_texts(roster.count).split("\n")[:-1]
    lines = [line.split(SEPARATOR, 3) for line in texts]
    return _Names([line[0] for line in lines], [line[2] for line in lines])


def _differs(
    columns: tuple[str, ...], old: Roster, new: Roster, before: Longs, after: Longs
) -> Flags:
    differs = np.zeros(len(before), np.bool_)
    for name in columns:
        differs |= old.arrays[name][before] != new.arrays[name][after]
    return differs


def _is_other(old: Roster, new: Roster, before: Longs, after: Longs) -> Flags:
    """Tell which rows of one id are not the same contract."""
    differs = _differs(_IDENTITY, old, new, before, after)
    for name in ("underlying", "isin"):
        theirs = {text: code for code, text in enumerate(new.tables[name])}
        codes = np.array([theirs.get(text, -1) for text in old.tables[name]], np.int64)
        differs |= codes[old.arrays[name][before]] != new.arrays[name][after]
    return differs


def _moved(old: Roster, new: Roster, were: _Names, are: _Names) -> Iterator[ContractChange]:
    places = _by_symbol(are)
    for symbol, row in _by_symbol(were).items():
        place = places.get(symbol)
        if place is not None and were.ids[row] != are.ids[place]:
            pair = old.instrument(row), new.instrument(place)
            yield ContractChange(ChangeKind.MOVED, *pair)


def _by_symbol(names: _Names) -> dict[str, int]:
    """Find rows by symbol; one listed twice stands for its first row, as in a look-up."""
    return {symbol: row for row, symbol in reversed(list(enumerate(names.symbols)))}


def _changes(
    what: ChangeKind, old: Roster, new: Roster, rows: tuple[Longs, Longs]
) -> Iterator[ContractChange]:
    for row, place in zip(rows[0].tolist(), rows[1].tolist(), strict=True):
        yield ContractChange(what, old.instrument(row), new.instrument(place))
