"""Futures and options as lines: their underlying's line seen through the contract's terms.

They read their underlying, disturbances included, so that moving a share moves its future, its
options and the next bar of each.
"""

from typing import Final

import numpy as np
from typing_extensions import override

from brokers.model.instrument import InstrumentKind
from brokers.practice import pricing
from brokers.practice.clock import MINUTE_NS
from brokers.practice.lines import Line, Piece, SpotLine, fold_days
from brokers.practice.liquidity import Liquidity
from brokers.practice.noise import Floats, Ints
from brokers.practice.paths import (
    DAY_MINUTES,
    IST_MINUTES,
    Days,
    Grid,
    Minutes,
    chances,
    spread_volume,
)
from brokers.practice.terms import Terms, fair

_LOOK_BACK_DAYS: Final = 15


class DerivedLine(Line):
    """A future or an option: its underlying's line through its terms."""

    def __init__(
        self,
        parent: Line,
        kind: InstrumentKind,
        terms: Terms,
        liquidity: Liquidity,
        identity: tuple[int, Grid, int],
    ) -> None:
        super().__init__(*identity)
        self.parent = parent
        self.kind = kind
        self.terms = terms
        self.liquidity = liquidity
        self.last_day = (terms.expiry_ns // MINUTE_NS + IST_MINUTES) // DAY_MINUTES
        self.first_day = self.last_day - liquidity.listed_days
        self.shown_from = max(self.first_day, parent.shown_from)

    @property
    @override
    def version(self) -> int:
        return self._changes + self.parent.version

    def final_price(self) -> float:
        """Give what it settles at: the underlying's price at its end, or what that is worth."""
        end_ns = self.terms.expiry_ns
        spot = self.parent.price_at(end_ns)
        return fair(self.terms, self.kind, spot, spot, end_ns)

    @override
    def _raw_trace(self, minute: int) -> tuple[Piece, ...]:
        at_ns = minute * MINUTE_NS
        reference = self.parent.reference((minute + IST_MINUTES) // DAY_MINUTES)

        def worth(spot: float) -> float:
            return fair(self.terms, self.kind, spot, reference, at_ns)

        return tuple(
            Piece(start, end, worth(first), worth(last))
            for start, end, first, last in self.parent.trace(minute)
        )

    @override
    def _raw_minutes(self, first_day: int, last_day: int) -> Minutes:
        days = self.grid.days(max(first_day, self.first_day), min(last_day, self.last_day))
        minute, counts = self.grid.minutes(days)
        if len(minute) == 0:
            empty = np.empty(0)
            none = np.empty(0, np.int64)
            return Minutes(minute, empty, empty, empty, empty, none, none.astype(np.bool_))
        one_day = len(days) == 1
        spot = self.parent.day(days[0]) if one_day else self.parent.minutes(days[0], days[-1])
        if len(spot.minute) == 0:
            return self._raw_minutes(first_day, first_day - 1)
        at = np.maximum(np.searchsorted(spot.minute, minute, side="right") - 1, 0)
        same = spot.minute[at] == minute
        still = spot.close[at]
        before = self.parent.references(np.array(days))
        references = np.repeat(before, counts)
        years = np.maximum(self.terms.expiry_ns - minute * MINUTE_NS, 0) / pricing.YEAR_NS
        # All four prices in one go; outside the underlying's hours its last close stands.
        four = (spot.open, spot.high, spot.low)
        spots = np.stack([*(np.where(same, prices[at], still) for prices in four), still])
        worth = self._worth(spots, references, years)
        volume = self._traffic(days, minute, counts, before)
        high, low = worth.max(axis=0), worth.min(axis=0)
        return Minutes(minute, worth[0], high, low, worth[3], volume, volume > 0)

    def _traffic(self, days: list[int], minute: Ints, counts: Ints, reference: Floats) -> Ints:
        units = self.liquidity.units(np.array(days), reference)
        odds = chances(units, self.liquidity.mean_trade, counts)
        return spread_volume(self.key, minute, counts, units, odds) * self.unit

    def last_price(self, day: int) -> float | None:
        """Give the price of a day's last trade; None without any. Disturbances do not count."""
        if not self.first_day <= day <= self.last_day:
            return None
        minute, counts = self.grid.minutes([day])
        if len(minute) == 0:
            return None
        reference = self.parent.references(np.array([day]))
        traded = np.flatnonzero(self._traffic([day], minute, counts, reference))
        if len(traded) == 0:
            return None
        last = int(minute[traded[-1]])
        spot = self.parent.day(day)
        at = int(np.searchsorted(spot.minute, last, side="right")) - 1
        if at < 0:
            return None
        return fair(
            self.terms, self.kind, float(spot.close[at]), float(reference[0]), last * MINUTE_NS
        )

    def _worth(self, spot: Floats, reference: Floats, years: Floats) -> Floats:
        terms = self.terms
        ahead = pricing.forwards(spot, terms.carry, years)
        if self.kind is InstrumentKind.FUTURE:
            return ahead
        volatility = pricing.smiles(terms.volatility, reference, terms.strike, years)
        return pricing.blacks(ahead, terms.strike, years, volatility, call=terms.is_call)

    @property
    @override
    def newest_move_ns(self) -> int:
        return max(super().newest_move_ns, self.parent.newest_move_ns)

    @override
    def underlying_reference(self, day: int) -> float:
        return self.parent.reference(day)

    @override
    def extremes(self, day: int) -> tuple[float, float]:
        if not isinstance(self.parent, SpotLine):
            return 0.0, 0.0
        spot = self.parent.path.daily(self.shown_from, day - 1)
        if len(spot.day) == 0:
            return 0.0, 0.0
        ends = self.terms.expiry_ns - (spot.day * DAY_MINUTES - IST_MINUTES + 555) * MINUTE_NS
        years = np.maximum(ends, 0) / pricing.YEAR_NS
        before = np.concatenate((spot.open[:1], spot.close[:-1]))
        both = [self._worth(prices, before, years) for prices in (spot.high, spot.low)]
        return float(np.maximum(*both).max()), float(np.minimum(*both).min())

    @override
    def moved_minutes(self) -> set[int]:
        return super().moved_minutes() | self.parent.moved_minutes()

    @override
    def corners(self, minutes: Minutes) -> Floats:
        minute = minutes.minute
        days = (minute + IST_MINUTES) // DAY_MINUTES
        spot = self.parent.minutes(int(days[0]), int(days[-1]))
        at = np.maximum(np.searchsorted(spot.minute, minute, side="right") - 1, 0)
        corners = self.parent.corners(spot)[at]
        corners[spot.minute[at] != minute] = spot.close[at][spot.minute[at] != minute, None]
        own, owner = np.unique(days, return_inverse=True)
        reference = self.parent.references(own)[owner]
        years = np.maximum(self.terms.expiry_ns - minute * MINUTE_NS, 0) / pricing.YEAR_NS
        worth = self._worth(corners, reference[:, None], years[:, None])
        factors, shifts = self._forces(minute * MINUTE_NS)
        return np.maximum(worth * factors[:, None] + shifts[:, None], 0.0)

    @override
    def daily(self, first_day: int, last_day: int) -> Days:
        return fold_days(self.minutes(first_day, last_day))

    @override
    def references(self, days: Ints) -> Floats:
        years = self.terms.expiry_ns - (days * DAY_MINUTES - IST_MINUTES) * MINUTE_NS
        before = self.parent.references(days)
        return self._worth(before, before, np.maximum(years, 0) / pricing.YEAR_NS)

    @override
    def open_interest(self, minute: Ints) -> Ints | None:
        if len(minute) == 0:
            return np.empty(0, np.int64)
        own, owner = np.unique((minute + IST_MINUTES) // DAY_MINUTES, return_inverse=True)
        before = self.grid.days(int(own[0]) - _LOOK_BACK_DAYS, int(own[0]) - 1)[-1:]
        held = self._held(np.array([*before, *own.tolist()]))
        starts, ends = held[: len(own)], held[-len(own) :]
        part = ((minute + IST_MINUTES) % DAY_MINUTES - 540) / 400.0
        now = starts[owner] + (ends - starts)[owner] * np.minimum(np.maximum(part, 0.0), 1.0)
        return np.rint(now).astype(np.int64) * self.unit

    def _held(self, days: Ints) -> Floats:
        """Give the open interest at the end of these days, in lots."""
        return self.liquidity.interest(days, self.parent.references(days))
