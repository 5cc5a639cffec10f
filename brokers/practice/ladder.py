"""The market maker's ladder: prices around the fair one, sizes and order counts by liquidity.

Sizes belong to prices and change now and then, each price at its own moments, as in a real book.
What users take is gone until the market maker quotes again.
"""

from typing import Final, NamedTuple

from brokers.model.instrument import Instrument, InstrumentKind
from brokers.model.money import ceil_to_tick, floor_to_tick
from brokers.model.order import Side
from brokers.practice.clock import SECOND_NS
from brokers.practice.noise import draw_one

MOST_LEVELS: Final = 50
_MS: Final = 1_000_000
# Daily turnover in rupees → half spread in parts of a million of the price, and how far apart
# levels may lie, in ticks.
_STYLES: Final = (
    (3e9, 25, 1),
    (3e8, 120, 1),
    (3e7, 450, 2),
    (3e6, 1800, 4),
    (0.0, 6000, 9),
)


class Step(NamedTuple):
    """One level as the market maker offers it."""

    price_e4: int
    quantity: int
    orders: int


class Style(NamedTuple):
    """How one instrument's book looks."""

    half_spread_ppm: int
    least_half_e4: int
    gap_ticks: int
    mean_qty: int
    order_qty: int
    unit: int
    life_ns: int


def style_of(instrument: Instrument, price: float, daily_qty: float) -> Style:
    """Read a book's look off what trades in a day.

    Args:
        instrument: gives tick, lot and kind.
        price: rupees.
        daily_qty: units of order quantity a day.
    """
    unit = max(instrument.lot_size, 1)
    turnover = price * daily_qty * (instrument.multiplier or 1)
    floor, ppm, gap = next(style for style in _STYLES if turnover >= style[0])
    least = instrument.tick_e4 // 2
    part = 4000.0
    if instrument.kind is InstrumentKind.OPTION:
        # Options trade a few ticks wide whatever they cost, and turn over fast.
        ppm, part = 600 + ppm, 16_000.0
    mean = max(daily_qty / part, unit * (3.0 if floor else 1.2))
    lots = max(int(mean / unit), 1)
    return Style(
        half_spread_ppm=ppm,
        least_half_e4=least,
        gap_ticks=gap,
        mean_qty=lots * unit,
        order_qty=max(lots // 5, 1) * unit,
        unit=unit,
        life_ns=SECOND_NS * (1 + 2 * gap),
    )


class _Wing:
    """One side of the ladder as quoted last, levels made when first asked for."""

    def __init__(self) -> None:
        self.best_e4 = 0
        self.is_open = False
        self.steps: list[Step] = []
        self.taken: dict[int, int] = {}


class Ladder:
    """Both sides. `quoted_ns` is when the market maker spoke last."""

    def __init__(self, key: int, instrument: Instrument, style: Style) -> None:
        self._key = key
        self._tick = instrument.tick_e4
        self._style = style
        self._wings = {Side.BUY: _Wing(), Side.SELL: _Wing()}
        self._limits = (0, 0)
        self.quoted_ns = 0
        self.fair_e4 = 0

    def quote(self, at_ns: int, fair_e4: float, lower_e4: int, upper_e4: int) -> None:
        """Quote anew around a fair price, inside the band; what was taken is offered again.

        At a limit one side is empty, as in the market. `upper_e4` 0 means no limits.
        """
        style = self._style
        half = max(int(fair_e4 * style.half_spread_ppm / 1_000_000), style.least_half_e4)
        bid = floor_to_tick(int(fair_e4) - half, self._tick)
        ask = max(ceil_to_tick(int(fair_e4) + half, self._tick), bid + self._tick)
        self.fair_e4 = int(fair_e4)
        self.quoted_ns = at_ns
        self._limits = (lower_e4, upper_e4)
        has_asks = has_bids = True
        if upper_e4:
            has_asks = fair_e4 < upper_e4 - self._tick // 2
            has_bids = fair_e4 > lower_e4 + self._tick // 2
            bid, ask = min(bid, upper_e4), max(ask, lower_e4)
            if not has_asks:
                bid = upper_e4
            if not has_bids:
                ask = lower_e4
            has_asks, has_bids = has_asks and ask <= upper_e4, has_bids and bid >= lower_e4
        for side, best, is_open in ((Side.BUY, bid, has_bids), (Side.SELL, ask, has_asks)):
            wing = self._wings[side]
            wing.best_e4, wing.is_open = best, is_open and best > 0
            wing.steps.clear()
            wing.taken.clear()

    def withdraw(self) -> None:
        """Offer nothing on either side."""
        for wing in self._wings.values():
            wing.is_open = False
            wing.steps.clear()
            wing.taken.clear()

    def step(self, side: Side, level: int) -> Step | None:
        """Give what is left of one level, 0 the best; None beyond the last.

        A level that users took whole has quantity 0.
        """
        wing = self._wings[side]
        while len(wing.steps) <= level:
            made = self._make(wing, side, len(wing.steps))
            if made is None:
                return None
            wing.steps.append(made)
        step = wing.steps[level]
        taken = wing.taken.get(level, 0)
        return step if taken == 0 else _less(step, taken)

    def take(self, side: Side, level: int, quantity: int) -> None:
        """Take quantity off one level until the next quote."""
        taken = self._wings[side].taken
        taken[level] = taken.get(level, 0) + quantity

    def best_level(self, side: Side) -> int:
        """Give the first level that has anything left."""
        level = 0
        while (step := self.step(side, level)) is not None and step.quantity == 0:
            level += 1
        return level

    def _make(self, wing: _Wing, side: Side, level: int) -> Step | None:
        if not wing.is_open or level >= MOST_LEVELS:
            return None
        price = wing.best_e4 if level == 0 else wing.steps[-1].price_e4
        if level:
            gap = 1
            if self._style.gap_ticks > 1:
                gap += draw_one(self._key, level, 40 + side.sign) % self._style.gap_ticks
            price -= side.sign * gap * self._tick
        lower, upper = self._limits
        if price <= 0 or (upper and not lower <= price <= upper):
            return None
        quantity, orders = self._size(price, side, level)
        return Step(price, quantity, orders)

    def _size(self, price_e4: int, side: Side, level: int) -> tuple[int, int]:
        """Give quantity and number of orders at a price; they live for a while, then change."""
        style = self._style
        ticks = price_e4 // self._tick
        birth = draw_one(self._key, ticks, 50 + side.sign)
        life = style.life_ns + birth % style.life_ns
        # Half of the top level's life is in its front: it changes with every quote.
        epoch = (self.quoted_ns + birth % life) // life
        bits = draw_one(self._key ^ birth, epoch, 52)
        roll = (bits & 0xFFFF) / 65536.0
        lots = style.mean_qty / style.unit * (0.15 + 1.7 * roll * roll) * (1.0 + 0.12 * level)
        if level == 0:
            front = draw_one(self._key, self.quoted_ns // _MS, 53) & 0xFF
            lots *= 0.5 + front / 256.0
        quantity = max(round(lots), 1) * style.unit
        share = 0.4 + 1.2 * ((bits >> 16) & 0xFFFF) / 65536.0
        orders = max(1, min(round(quantity / style.order_qty * share), quantity // style.unit))
        return quantity, orders


def _less(step: Step, taken: int) -> Step:
    left = step.quantity - taken
    orders = max(1, step.orders * left // step.quantity) if left else 0
    return Step(step.price_e4, left, orders)
