"""An account: orders, trades, positions, holdings and one pool of money, exact in paise.

Money is never moved about: it is computed. What is blocked follows from positions and working
orders, profit from positions, so nothing can be released twice or forgotten.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind
from brokers.model.money import value_paise
from brokers.model.order import Product, Side
from brokers.practice.charges import Tariff, charge_group
from brokers.practice.orders import LiveOrder
from brokers.practice.values import (
    FundsRow,
    HoldingRow,
    PositionRow,
    Reason,
    Trade,
)

Key = tuple[InstrumentId, Product]
LastPrice = Callable[[InstrumentId], int]

_NEWEST: Final = 1 << 62
OPENING_PAISE: Final = 10_00_000_00


class Position:
    """One instrument in one product; the carried part and the day's part apart."""

    def __init__(self, listed: Instrument, product: Product) -> None:
        self.listed = listed
        self.product = product
        self.multiplier = listed.multiplier or 1
        self.carried_qty = 0
        self.carried_e4 = 0
        self.buy_qty = 0
        self.buy_value_e4 = 0
        self.sell_qty = 0
        self.sell_value_e4 = 0

    @property
    def net_qty(self) -> int:
        return self.carried_qty + self.buy_qty - self.sell_qty

    def trade(self, side: Side, quantity: int, price_e4: int) -> None:
        """Add an execution of today."""
        self.add(side, quantity, quantity * price_e4)

    def add(self, side: Side, quantity: int, value_e4: int) -> None:
        """Add to the day's part of one side."""
        if side is Side.BUY:
            self.buy_qty += quantity
            self.buy_value_e4 += value_e4
        else:
            self.sell_qty += quantity
            self.sell_value_e4 += value_e4

    def hand_over(self, target: "Position", side: Side, quantity: int) -> None:
        """Give part of the open position to another product, at the average it cost.

        The day's part goes first, then the carried one.
        """
        is_long = side is Side.BUY
        bought = self.buy_qty if is_long else self.sell_qty
        of_day = min(quantity, bought)
        value = 0
        if of_day:
            whole = self.buy_value_e4 if is_long else self.sell_value_e4
            value = whole * of_day // bought
            self.add(side, -of_day, -value)
        rest = quantity - of_day
        self.carried_qty -= rest * side.sign
        target.add(side, quantity, value + rest * self.carried_e4)

    def row(self, account: str, ltp_e4: int) -> PositionRow:
        """Give it as the exchange knows it now."""
        return PositionRow(
            account=account,
            instrument=self.listed.id,
            product=self.product,
            carried_qty=self.carried_qty,
            carried_e4=self.carried_e4,
            day_buy_qty=self.buy_qty,
            day_buy_value_e4=self.buy_value_e4,
            day_sell_qty=self.sell_qty,
            day_sell_value_e4=self.sell_value_e4,
            ltp_e4=ltp_e4,
            multiplier=self.multiplier,
        )

    def open_value_paise(self) -> int:
        """Give what the open part cost, by the average of its side."""
        row = self.row("", 0)
        net = row.net_qty
        if net > 0:
            return row.buy_value_e4 * net * self.multiplier // (100 * row.buy_qty)
        if net < 0:
            return row.sell_value_e4 * -net * self.multiplier // (100 * row.sell_qty)
        return 0

    @property
    def delivery_paise(self) -> int:
        """Give the money that today's trades paid in (sales) less what they took."""
        flow = self.sell_value_e4 - self.buy_value_e4
        return value_paise(flow, self.multiplier)


class Holding:
    """Shares of one ISIN in demat; `listed` is the listing they are shown as."""

    def __init__(self, listed: Instrument, quantity: int, cost_e4: int) -> None:
        self.listed = listed
        self.quantity = quantity
        self.t1_qty = 0
        self.cost_e4 = cost_e4

    def receive(self, quantity: int, value_e4: int) -> None:
        """Add a delivery that comes tomorrow; the cost is averaged."""
        total = self.quantity + self.t1_qty
        self.cost_e4 = (self.cost_e4 * total + value_e4) // (total + quantity)
        self.t1_qty += quantity

    def deliver(self, quantity: int) -> None:
        """Give shares away, demat first."""
        from_demat = min(self.quantity, quantity)
        self.quantity -= from_demat
        self.t1_qty -= quantity - from_demat


class Account:
    """One account's books. The exchange decides; this keeps count."""

    def __init__(self, name: str, tariff: Tariff, recorded: frozenset[Reason]) -> None:
        self.name = name
        self.recorded = recorded
        self.orders: dict[str, LiveOrder] = {}
        self.trades: list[Trade] = []
        self.tags: Counter[str] = Counter()
        self.positions: dict[Key, Position] = {}
        self.holdings: dict[str, Holding] = {}
        self.opening_paise = OPENING_PAISE
        self.charges_paise = 0
        self._tariff = tariff
        self._working: dict[Key, dict[int, LiveOrder]] = {}
        self._margins: dict[Key, int] = {}
        self._realised: dict[Key, int] = {}
        self._delivery: dict[Key, int] = {}
        self._margin_paise = 0
        self._realised_paise = 0
        self._delivery_paise = 0
        self._blocked_paise = 0

    # Orders.

    def requests(self, order: LiveOrder) -> int:
        """Count the requests that carried an order's tag."""
        return max(self.tags[order.want.tag], 1) if order.want.tag else 1

    def working(self) -> Iterator[LiveOrder]:
        """Give every working order, in order of arrival."""
        found = (order for orders in self._working.values() for order in orders.values())
        yield from sorted(found, key=lambda order: order.seq)

    def start_working(self, order: LiveOrder, date: dt.date) -> None:
        """Block what an order needs."""
        key = _key(order)
        self._working.setdefault(key, {})[order.seq] = order
        if self._stands_alone(order):
            self._block_alone(order, date)
        else:
            self.reserve(key, date)

    def stop_working(self, order: LiveOrder, date: dt.date) -> None:
        """Release what an order still blocked."""
        key = _key(order)
        orders = self._working.get(key, {})
        if orders.pop(order.seq, None) is not None:
            if not orders:
                del self._working[key]
            self._blocked_paise -= order.block_paise
            order.block_paise = 0
            if not self._stands_alone(order):
                self.reserve(key, date)

    def _net(self, key: Key) -> int:
        position = self.positions.get(key)
        return 0 if position is None else position.net_qty

    def _stands_alone(self, order: LiveOrder) -> bool:
        """Tell an order that closes nothing: what it blocks does not touch the others."""
        return self._net(_key(order)) * order.side.sign >= 0

    def _block_alone(self, order: LiveOrder, date: dt.date) -> None:
        """Block for an order that no position covers; the others do not matter to it."""
        block = self._block(order, order.open_qty, date)
        self._blocked_paise += block - order.block_paise
        order.block_paise = block

    def try_block(self, order: LiveOrder, date: dt.date) -> int:
        """Give how much more would be blocked with an order, new or just given a new shape.

        A changed order stays counted in its new shape until `reserve` is called again.
        """
        key, before = _key(order), self._blocked_paise
        if self._stands_alone(order):
            return self._block(order, order.open_qty, date) - order.block_paise
        orders = self._working.setdefault(key, {})
        is_new = order.seq == 0
        if is_new:
            orders[_NEWEST] = order
        self.reserve(key, date)
        more = self._blocked_paise - before
        if is_new:
            del orders[_NEWEST]
            self._blocked_paise -= order.block_paise
            order.block_paise = 0
            if not orders:
                del self._working[key]
            self.reserve(key, date)
        return more

    def reserve(self, key: Key, date: dt.date) -> None:
        """Block anew for the working orders of one position, oldest first.

        An order blocks only for the part that would open or enlarge the position.
        """
        net = self._net(key)
        covers = {Side.BUY: max(-net, 0), Side.SELL: max(net, 0)}
        for _, order in sorted(self._working.get(key, {}).items()):
            covered = min(order.open_qty, covers[order.side])
            covers[order.side] -= covered
            block = self._block(order, order.open_qty - covered, date)
            self._blocked_paise += block - order.block_paise
            order.block_paise = block

    def _block(self, order: LiveOrder, opening_qty: int, date: dt.date) -> int:
        want, listed = order.want, order.listed
        if want.product is Product.CNC:
            opening_qty = order.open_qty if want.side is Side.BUY else 0
        price = order.limit_e4 or want.trigger_e4
        value = value_paise(price, opening_qty * (listed.multiplier or 1))
        return self._tariff.requirement(
            listed, want.product, opening_qty * want.side.sign, value, date
        )

    # Trades and positions.

    def book_trade(self, order: LiveOrder, trade: Trade, date: dt.date) -> Position:
        """Count an execution: position, charges, and what remains blocked."""
        self.trades.append(trade)
        position = self.position(order.listed, trade.product)
        position.trade(trade.side, trade.quantity, trade.price_e4)
        value = trade.value_paise
        group = charge_group(order.listed, trade.product)
        order.turnover_paise += value
        brokerage = self._tariff.brokerage(group, order.turnover_paise, date)
        share = brokerage - order.brokerage_paise
        order.brokerage_paise = brokerage
        self.charges_paise += self._tariff.trade(group, trade.side, value, share, date).total
        self.settle((trade.instrument, trade.product), date)
        return position

    def position(self, listed: Instrument, product: Product) -> Position:
        """Give a position, flat if there was none."""
        key = (listed.id, product)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(listed, product)
        return found

    def settle(self, key: Key, date: dt.date) -> None:
        """Work out anew what a position earned, paid and blocks."""
        position = self.positions.get(key)
        margin = realised = delivery = 0
        if position is not None and key[1] is Product.CNC:
            delivery = position.delivery_paise
        elif position is not None:
            value = position.open_value_paise()
            margin = self._tariff.requirement(
                position.listed, key[1], position.net_qty, value, date
            )
            realised = position.row(self.name, 0).realised_paise
        self._margin_paise += margin - self._margins.get(key, 0)
        self._realised_paise += realised - self._realised.get(key, 0)
        self._delivery_paise += delivery - self._delivery.get(key, 0)
        self._margins[key], self._realised[key], self._delivery[key] = margin, realised, delivery
        self.reserve(key, date)

    # Money.

    @property
    def available_paise(self) -> int:
        """Give what new orders may still block."""
        return (
            self.opening_paise
            + self._delivery_paise
            + self._realised_paise
            - self.charges_paise
            - self._margin_paise
            - self._blocked_paise
        )

    def funds(self, last_price: LastPrice) -> FundsRow:
        """Give the account's money now."""
        open_profit = sum(
            position.row(self.name, last_price(key[0])).unrealised_paise
            for key, position in self.positions.items()
            if position.net_qty and key[1] is not Product.CNC
        )
        return FundsRow(
            account=self.name,
            opening_paise=self.opening_paise,
            transfer_paise=0,
            delivery_paise=self._delivery_paise,
            realised_paise=self._realised_paise,
            unrealised_paise=open_profit,
            charges_paise=self.charges_paise,
            position_margin_paise=self._margin_paise,
            order_margin_paise=self._blocked_paise,
        )

    # Shares.

    def sellable_qty(self, listed: Instrument) -> int:
        """Give how many shares a delivery sale on one listing may still offer."""
        bought = self._net_delivery(listed.id)
        reserved = self._reserved(listed.id)
        held = self.holdings.get(listed.isin)
        own = max(bought - reserved, 0) if bought > 0 else 0
        if held is None:
            return own
        others = sum(
            max(self._reserved(each) - max(self._net_delivery(each), 0), 0)
            for each in self._deliveries_of(listed.isin)
        )
        return own + max(held.quantity + held.t1_qty - self._sold(listed.isin) - others, 0)

    def _net_delivery(self, instrument: InstrumentId) -> int:
        position = self.positions.get((instrument, Product.CNC))
        return position.net_qty if position is not None else 0

    def _reserved(self, instrument: InstrumentId) -> int:
        orders = self._working.get((instrument, Product.CNC), {})
        return sum(order.open_qty for order in orders.values() if order.side is Side.SELL)

    def _deliveries_of(self, isin: str) -> set[InstrumentId]:
        keys = (*self.positions, *self._working)
        listed = {key: self._isin_of(key) for key in keys if key[1] is Product.CNC}
        return {key[0] for key, found in listed.items() if found == isin}

    def _isin_of(self, key: Key) -> str:
        position = self.positions.get(key)
        if position is not None:
            return position.listed.isin
        return next(iter(self._working[key].values())).listed.isin

    def _sold(self, isin: str) -> int:
        return sum(max(-self._net_delivery(each), 0) for each in self._deliveries_of(isin))

    def holding_rows(
        self, last_price: LastPrice, listings: Callable[[str], tuple[InstrumentId, ...]]
    ) -> list[HoldingRow]:
        """Give what lies in demat."""
        return [
            HoldingRow(
                account=self.name,
                instrument=held.listed.id,
                isin=isin,
                quantity=held.quantity,
                t1_qty=held.t1_qty,
                sold_qty=self._sold(isin),
                reserved_qty=sum(self._reserved(each) for each in self._deliveries_of(isin)),
                cost_e4=held.cost_e4,
                ltp_e4=last_price(held.listed.id),
                instruments=listings(isin),
            )
            for isin, held in self.holdings.items()
            if held.quantity + held.t1_qty > 0
        ]

    # The end of the day.

    def roll(self, last_price: LastPrice, date: dt.date, *, delivers: bool) -> None:
        """Close the day: deliveries move, profit is booked, futures are marked to the close.

        `delivers` tells that shares traded that day: what was on its way arrives.
        """
        self.opening_paise += self._delivery_paise - self.charges_paise
        self.charges_paise = 0
        for held in self.holdings.values() if delivers else ():
            held.quantity += held.t1_qty
            held.t1_qty = 0
        for key, position in list(self.positions.items()):
            if key[1] is Product.CNC:
                self._deliver(position)
                del self.positions[key]
            else:
                self.opening_paise += _carry(position, last_price(key[0]))
                if position.net_qty == 0:
                    del self.positions[key]
        for key in set(self._margins) | set(self.positions):
            self.settle(key, date)

    def _deliver(self, position: Position) -> None:
        net, isin = position.net_qty, position.listed.isin
        if net > 0:
            value = position.buy_value_e4 * net // position.buy_qty
            held = self.holdings.setdefault(isin, Holding(position.listed, 0, 0))
            held.receive(net, value)
        elif net < 0 and isin in self.holdings:
            self.holdings[isin].deliver(-net)


def _carry(position: Position, close_e4: int) -> int:
    """Turn a day's position into a carried one; give the profit that is booked by it.

    Futures are marked to the close. Options keep their price. Same-day positions end.
    """
    before = position.row("", close_e4)
    net = position.net_qty
    if position.product is Product.INTRADAY:
        net = 0
    is_marked = position.listed.kind is InstrumentKind.FUTURE
    average = before.buy_average_e4 if net > 0 else before.sell_average_e4
    position.carried_qty = net
    position.carried_e4 = (close_e4 if is_marked else average) if net else 0
    position.buy_qty = position.sell_qty = 0
    position.buy_value_e4 = position.sell_value_e4 = 0
    after = position.row("", close_e4)
    return before.profit_paise - after.profit_paise


def _key(order: LiveOrder) -> Key:
    return (order.want.instrument, order.want.product)


def rows_of(account: Account, last_price: LastPrice) -> Sequence[PositionRow]:
    """Give every position of the day, closed ones included."""
    return [
        position.row(account.name, last_price(key[0]))
        for key, position in account.positions.items()
    ]
