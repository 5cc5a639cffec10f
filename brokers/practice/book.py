"""One instrument's order book: users' orders against each other and the market maker's ladder.

Priority is price, then time. The market maker's orders count as of its last quote: a user who
was there before comes first, one who came later stands behind.
"""

import bisect
from collections.abc import Callable, Iterator
from typing import Protocol

from brokers.model.market import Level
from brokers.model.order import Side
from brokers.practice.ladder import MOST_LEVELS, Ladder


class Resting(Protocol):
    """An order as the book sees it."""

    @property
    def account(self) -> str:
        """Name whose it is."""

    @property
    def side(self) -> Side: ...
    @property
    def priority(self) -> int:
        """Give its place in time: smaller was there before."""

    @property
    def is_held(self) -> bool:
        """Tell whether it must not be matched for now."""

    @property
    def limit_e4(self) -> int:
        """Give the worst price it may trade at."""

    @property
    def open_qty(self) -> int:
        """Give what is left of it."""

    @property
    def shown_qty(self) -> int:
        """Give how much of the rest others see."""


Fill = Callable[[Resting, int, int, "Resting | None"], None]
"""(order, quantity, price, its counterparty among users): told of each side of every match."""


class Book:
    """Resting orders of both sides, best first, and the ladder they stand in."""

    def __init__(self, ladder: Ladder) -> None:
        self.ladder = ladder
        self.quoted_priority = 0
        self._sides: dict[Side, list[Resting]] = {Side.BUY: [], Side.SELL: []}

    @property
    def is_empty(self) -> bool:
        """Tell whether no user has an order here."""
        return not self._sides[Side.BUY] and not self._sides[Side.SELL]

    def resting(self) -> Iterator[Resting]:
        """Give every user's order, buys first, best first."""
        yield from tuple(self._sides[Side.BUY])
        yield from tuple(self._sides[Side.SELL])

    def add(self, order: Resting) -> None:
        """Put an order behind its price's queue."""
        bisect.insort(self._sides[order.side], order, key=_rank)

    def remove(self, order: Resting) -> None:
        """Take an order out; one that is not there is no error."""
        side = self._sides[order.side]
        at = bisect.bisect_left(side, _rank(order), key=_rank)
        if at < len(side) and side[at] is order:
            del side[at]
        elif order in side:
            side.remove(order)

    def match(self, order: Resting, fill: Fill) -> bool:
        """Trade an incoming order as far as the other side goes; it is not put into the book.

        Returns:
            False when the rest would have met an order of the same account: it must be cancelled.
        """
        against = order.side.opposite
        while order.open_qty > 0:
            user = self._first(against)
            level = self.ladder.best_level(against)
            step = self.ladder.step(against, level)
            maker_e4 = step.price_e4 if step is not None else None
            if user is not None and self._user_first(user, maker_e4):
                if not _reaches(order, user.limit_e4):
                    return True
                if user.account == order.account:
                    return False
                quantity, price = min(order.open_qty, user.open_qty), user.limit_e4
                fill(user, quantity, price, order)
                fill(order, quantity, price, user)
                if user.open_qty == 0:
                    self.remove(user)
            elif step is not None and _reaches(order, step.price_e4):
                quantity = min(order.open_qty, step.quantity)
                self.ladder.take(against, level, quantity)
                fill(order, quantity, step.price_e4, None)
            else:
                return True
        return True

    def requote(self, fill: Fill, priority: int) -> None:
        """Let the ladder, just quoted anew, meet resting orders at the resting orders' prices."""
        self.quoted_priority = priority
        for side in (Side.BUY, Side.SELL):
            while (user := self._first(side)) is not None:
                level = self.ladder.best_level(side.opposite)
                step = self.ladder.step(side.opposite, level)
                if step is None or not _reaches(user, step.price_e4):
                    break
                quantity = min(user.open_qty, step.quantity)
                self.ladder.take(side.opposite, level, quantity)
                fill(user, quantity, user.limit_e4, None)
                if user.open_qty == 0:
                    self.remove(user)

    def sweep(self, price_e4: int, fill: Fill) -> None:
        """Fill every resting order that a trade at a price reaches, whole, at its own price."""
        for order in self.resting():
            if _reaches(order, price_e4):
                fill(order, order.open_qty, order.limit_e4, None)
                self.remove(order)

    def levels(self, side: Side, count: int) -> tuple[Level, ...]:
        """Give the best levels of one side, ladder and users together."""
        found: dict[int, tuple[int, int]] = {}
        for order in self._sides[side][: 4 * MOST_LEVELS]:
            if not order.is_held:
                quantity, orders = found.get(order.limit_e4, (0, 0))
                found[order.limit_e4] = (quantity + order.shown_qty, orders + 1)
        level = made = 0
        while made < count and (step := self.ladder.step(side, level)) is not None:
            level += 1
            if step.quantity:
                made += 1
                quantity, orders = found.get(step.price_e4, (0, 0))
                found[step.price_e4] = (quantity + step.quantity, orders + step.orders)
        best_first = sorted(found, reverse=side is Side.BUY)[:count]
        return tuple(Level(price, *found[price]) for price in best_first)

    def _first(self, side: Side) -> Resting | None:
        return next((order for order in self._sides[side] if not order.is_held), None)

    def _user_first(self, user: Resting, maker_e4: int | None) -> bool:
        if maker_e4 is None:
            return True
        better = (user.limit_e4 - maker_e4) * user.side.sign
        return better > 0 or (better == 0 and user.priority < self.quoted_priority)


def _rank(order: Resting) -> tuple[int, int]:
    return (-order.limit_e4 * order.side.sign, order.priority)


def _reaches(order: Resting, price_e4: int) -> bool:
    """Tell whether an order may trade at a price."""
    return (order.limit_e4 - price_e4) * order.side.sign >= 0
