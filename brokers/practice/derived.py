"""Futures and options as lines: their underlying's line seen through the contract's terms.

They read their underlying, disturbances included, so that moving a share moves its future, its
options and the next bar of each.
"""

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
        at = np.maximum(np.searchsorted(spot.minute, minute, side="right") - 1, 0)
        same = spot.minute[at] == minute
        if len(spot.minute) == 0:
            return self._raw_minutes(first_day, first_day - 1)
        references = np.repeat(self.parent.references(np.array(days)), counts)
        years = np.maximum(self.terms.expiry_ns - minute * MINUTE_NS, 0) / pricing.YEAR_NS
        # Outside the underlying's hours its last close stands.
        worth = [
            self._worth(np.where(same, prices[at], spot.close[at]), references, years)
            for prices in (spot.open, spot.high, spot.low, spot.close)
        ]
        units = self.liquidity.units(np.array(days), references[np.cumsum(counts) - 1])
        odds = chances(units, self.liquidity.mean_trade, counts)
        volume = spread_volume(self.key, minute, counts, units, odds) * self.unit
        high, low = np.maximum.reduce(worth), np.minimum.reduce(worth)
        return Minutes(minute, worth[0], high, low, worth[3], volume, volume > 0)

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
        day = (minute + IST_MINUTES) // DAY_MINUTES
        own, owner = np.unique(day, return_inverse=True)
        references = self.parent.references(own)
        ends = self.liquidity.interest(own, references)
        starts = self.liquidity.interest(own - 1, references)
        part = ((minute + IST_MINUTES) % DAY_MINUTES - 540) / 400.0
        now = starts[owner] + (ends - starts)[owner] * np.clip(part, 0.0, 1.0)
        return np.rint(now).astype(np.int64) * self.unit
