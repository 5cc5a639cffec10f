"""All instruments: looked up by id and symbol, searched, kept between runs, replaced each morning.

A new master is built beside the old one, off the window's thread, and takes its place in one
assignment. A part of it that is missing or has lost more than half its rows is not believed:
yesterday's rows stay, and the report says so.
"""

import asyncio
import bisect
import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind
from brokers.port import BadRow, MasterPart
from desktop.paths import write_atomically
from desktop.trading.clock import Clock, date_of, day_of, ist_day
from desktop.trading.master_diff import ChangeKind, ContractChange, MasterDiff, diff
from desktop.trading.roster import Chain, Roster, group_of
from desktop.trading.search import SearchIndex, Spot

__all__ = ["ChangeKind", "ContractChange", "Instruments", "LoadReport", "MasterDiff"]

_log = logging.getLogger(__name__)
_FEW: Final = 20
"""A master this small may shrink as it likes."""
_BELIEVED_DAYS: Final = 7
"""How long an old master is believed more than a much smaller new one."""


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a load. `warnings` are for the trader."""

    count: int
    bad_rows: tuple[BadRow, ...] = ()
    warnings: tuple[str, ...] = ()
    diff: MasterDiff = MasterDiff()
    is_new: bool = True
    """Whether anything was taken at all; if not, all is as it was."""


class _Listing(msgspec.Struct, frozen=True):
    """One state of the whole: swapped, never changed."""

    roster: Roster
    index: SearchIndex


class Instruments:
    """The directory of one account; readers may use it on any thread while it is replaced."""

    def __init__(self, clock: Clock, cache: Path | None = None) -> None:
        self.on_change: list[Callable[[], None]] = []
        """Called on the loop's thread after `update` took a new master."""
        self.spot: Spot | None = None
        """The price of an underlying, if known: strikes close to it are found first."""
        self._clock = clock
        self._cache = cache
        self._listing = _listing(Roster.build((), {}))
        self._doubtful: frozenset[InstrumentId] = frozenset()

    def __len__(self) -> int:
        return self._listing.roster.count

    # -- looking up

    def instrument(self, instrument: InstrumentId, /) -> Instrument | None:
        """Give an instrument by its one name."""
        roster = self._listing.roster
        row = roster.row_of(instrument)
        return None if row is None else roster.instrument(row)

    def by_symbol(self, symbol: str, /) -> Instrument | None:
        """Give an instrument by the symbol traders know: `NSE:SBIN-EQ`."""
        roster = self._listing.roster
        row = roster.row_of_symbol(symbol)
        return None if row is None else roster.instrument(row)

    def search(self, text: str, limit: int = 50) -> list[Instrument]:
        """Give what fits a typed text, best first."""
        listing = self._listing
        today = ist_day(self._clock.now_ns())
        rows = listing.index.search(text, limit, today, self.spot)
        return [listing.roster.instrument(row) for row in rows]

    def is_index(self, instrument: InstrumentId) -> bool:
        """Tell whether it is a calculated value and not traded."""
        found = self.instrument(instrument)
        return found is not None and found.kind is InstrumentKind.INDEX

    # -- chains

    def futures(self, underlying: InstrumentId) -> list[Instrument]:
        """Give an underlying's futures, nearest first, none expired; also from a contract of it."""
        return self._contracts(underlying, InstrumentKind.FUTURE, None)

    def option_chain(self, underlying: InstrumentId, expiry: dt.date) -> list[Instrument]:
        """Give the options of an expiry by strike, call before put."""
        return self._contracts(underlying, InstrumentKind.OPTION, expiry)

    def expiries(self, underlying: InstrumentId) -> list[dt.date]:
        """Give the dates options expire on, nearest first, none past."""
        dates = {each.expiry for each in self._contracts(underlying, InstrumentKind.OPTION, None)}
        return sorted(date for date in dates if date is not None)

    def _contracts(
        self, underlying: InstrumentId, kind: InstrumentKind, expiry: dt.date | None
    ) -> list[Instrument]:
        roster = self._listing.roster
        chain = _chain_of(roster, underlying)
        if chain is None:
            return []
        rows = slice(chain.first, chain.last)
        days = roster.arrays["expiry"][rows]
        is_wanted = roster.arrays["kind"][rows] == list(InstrumentKind).index(kind)
        if expiry is None:
            is_wanted &= days >= ist_day(self._clock.now_ns())
        else:
            is_wanted &= days == day_of(expiry)
        return [roster.instrument(chain.first + int(i)) for i in np.flatnonzero(is_wanted)]

    # -- how far it may be believed

    def master_date(self, instrument: Instrument) -> dt.date | None:
        """Give the date of the master that listed it; None: no longer listed."""
        day = self._listing.roster.days.get(group_of(instrument))
        return None if day is None else date_of(day)

    def is_fresh(self, instrument: Instrument) -> bool:
        """Tell whether today's master lists it just like this."""
        is_listed = self.instrument(instrument.id) == instrument
        today = date_of(ist_day(self._clock.now_ns()))
        return is_listed and self.master_date(instrument) == today

    def is_doubtful(self, instrument: InstrumentId) -> bool:
        """Tell whether its name meant another contract yesterday, and nobody has looked yet."""
        return instrument in self._doubtful

    def acknowledge(self, instrument: InstrumentId) -> None:
        """Note that somebody has seen what changed."""
        self._doubtful -= {instrument}
        self._keep_doubts()

    # -- replacing

    async def update(self, read: Callable[[], Sequence[MasterPart]]) -> LoadReport:
        """Read and build off the loop's thread, tell listeners, then keep it for the next start."""
        report = await asyncio.to_thread(lambda: self.load(read()))
        if report.is_new:
            for listener in tuple(self.on_change):
                listener()
            await asyncio.to_thread(self.keep)
        return report

    def load(self, parts: Sequence[MasterPart]) -> LoadReport:
        """Build a new listing and swap it in; may be called on any thread, by one at a time."""
        today = ist_day(self._clock.now_ns())
        bad_rows = tuple(row for part in parts for row in part.bad_rows)
        fresh = [each for part in parts for each in part.instruments]
        old = self._listing.roster
        if not fresh:
            nothing = ("No instrument could be read; those known before stay in use.",)
            return LoadReport(count=old.count, bad_rows=bad_rows, warnings=nothing, is_new=False)
        roster = Roster.build(fresh, {})
        kept, days, warnings = _kept_groups(old, roster.groups(), today)
        if kept:
            believed = [each for each in fresh if group_of(each) not in kept]
            for group in kept:
                believed += [old.instrument(int(row)) for row in old.rows_of_group(group)]
            roster = Roster.build(believed, days)
        roster.days.update(days)
        listing = _listing(roster)
        found = diff(old, listing.roster) if old.count else MasterDiff()
        self._doubtful |= found.doubtful
        self._listing = listing
        for warning in warnings:
            _log.warning("masters: %s", warning)
        return LoadReport(
            count=listing.roster.count, bad_rows=bad_rows, warnings=warnings, diff=found
        )

    def keep(self) -> None:
        """Write the listing to the cache file."""
        if self._cache is not None:
            write_atomically(self._cache, self._listing.roster.pack())
            self._keep_doubts()

    def load_cache(self) -> bool:
        """Take the listing of an earlier run; False if there is none that can be read."""
        if self._cache is None:
            return False
        try:
            roster = Roster.unpack(self._cache.read_bytes())
            self._listing = _Listing(roster, SearchIndex(roster))
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError) as error:
            _log.warning("the instrument cache is not used: %s", error)
            return False
        self._doubtful = self._kept_doubts()
        return True

    @property
    def _doubts_file(self) -> Path | None:
        return None if self._cache is None else self._cache.with_suffix(".doubts.json")

    def _keep_doubts(self) -> None:
        if self._doubts_file is not None:
            write_atomically(self._doubts_file, msgspec.json.encode(sorted(self._doubtful)))

    def _kept_doubts(self) -> frozenset[InstrumentId]:
        assert self._doubts_file is not None, "only a directory with a cache keeps doubts"
        try:
            return msgspec.json.decode(self._doubts_file.read_bytes(), type=frozenset[InstrumentId])
        except (OSError, msgspec.DecodeError):
            return frozenset()


def _listing(roster: Roster) -> _Listing:
    SearchIndex.extend(roster)
    return _Listing(roster, SearchIndex(roster))


def _kept_groups(
    old: Roster, counts: Mapping[str, int], today: int
) -> tuple[set[str], dict[str, int], tuple[str, ...]]:
    """Find the masters not to be believed, the days of all, and what to say of it."""
    kept, warnings = set(), []
    days = dict.fromkeys(counts, today)
    had = old.groups()
    for group, day in old.days.items():
        before, now = had.get(group, 0), counts.get(group, 0)
        if before <= _FEW or now * 2 >= before or today - day > _BELIEVED_DAYS:
            continue
        kept.add(group)
        days[group] = day
        warnings.append(
            f"{group.replace(':', ' ')} has {now:,} rows, had {before:,}:"
            f" those of {date_of(day):%d.%m.%Y} stay in use."
        )
    return kept, days, tuple(warnings)


def _chain_of(roster: Roster, underlying: InstrumentId) -> Chain | None:
    """Find the chain an instrument is in or under; its own exchange's before another's."""
    row = roster.row_of(underlying)
    if row is None:
        return None
    if row >= roster.docs:
        return roster.chains[bisect.bisect_right(roster.chains, row, key=lambda c: c.first) - 1]
    instrument = roster.instrument(row)
    named = [chain for chain in roster.chains if chain.underlying == instrument.underlying]
    own = [chain for chain in named if chain.exchange is instrument.exchange]
    return next(iter(own + named), None)
