"""The practice exchange: order life cycle, matching, accounts; clock injected, no I/O."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import MarketPhase
from brokers.model.order import Kind, OrderState, Product, Side
from brokers.practice.accounts import Account, Holding, Position, rows_of
from brokers.practice.board import Board
from brokers.practice.calendar import ist_date
from brokers.practice.charges import Tariff, shipped_tariff
from brokers.practice.clock import SimClock
from brokers.practice.engine import Engine
from brokers.practice.market import Market
from brokers.practice.orders import LiveOrder, changed, keeps_place
from brokers.practice.rules import Facts, check_market, check_shape, may_convert
from brokers.practice.timekeeper import Timekeeper
from brokers.practice.universe import Universe
from brokers.practice.values import (
    RISK,
    BookOrder,
    Cause,
    Change,
    Event,
    FundsRow,
    HoldingRow,
    PositionEvent,
    PositionRow,
    Reason,
    Rejected,
    Trade,
    Want,
)

_HOLDINGS: Final = (("NSE:ITC-EQ", 100), ("NSE:JIOFIN-EQ", 200), ("NSE:INFY-EQ", 20))
_COST_PERCENT: Final = 92
_ENDED: Final = {
    OrderState.CANCELLED: Reason.ALREADY_CANCELLED,
    OrderState.FILLED: Reason.ALREADY_FILLED,
    OrderState.REJECTED: Reason.ALREADY_REJECTED,
    OrderState.EXPIRED: Reason.ALREADY_EXPIRED,
}


class Exchange:
    """One exchange for all faces. Every refusal is `Rejected`; nothing here waits.

    Every call first lets pass what became due by the clock (session changes, expiry, bars).
    Listeners hear events at once and in order, before the call that caused them returns: for a
    placed order RECEIVED (PENDING_NEW), OPENED (OPEN or TRIGGER_PENDING), then its trades
    (OrderEvent FILLED, TradeEvent, PositionEvent each). How long a face keeps them back is the
    face's business.
    """

    def __init__(self, market: Market, clock: SimClock, tariff: Tariff | None = None) -> None:
        self.market = market
        self.clock = clock
        self._tariff = tariff or shipped_tariff()
        self._engine = Engine(market, clock, self._tariff)
        self._accounts = self._engine.accounts
        self._time = Timekeeper(self._engine, self._check_now)

    @property
    def universe(self) -> Universe:
        return self.market.universe

    def open_account(self, account: str, *, recorded: frozenset[Reason] = RISK) -> None:
        """Open an account with its cash and holdings; again is a no-op.

        `recorded`: the refusals that leave a rejected order in this account's book.
        """
        if account in self._accounts:
            return
        opened = Account(account, self._tariff, recorded)
        for symbol, quantity in _HOLDINGS:
            listed = self.universe.by_symbol(symbol)
            if listed is not None and listed.isin:
                close = self.market.fresh(listed.id).previous_close_e4
                cost = close * _COST_PERCENT // 10_000 * 100
                opened.holdings[listed.isin] = Holding(listed, quantity, cost)
        self._accounts[account] = opened

    @property
    def accounts(self) -> Sequence[str]:
        """Name the accounts, in order of opening."""
        return list(self._accounts)

    def listen(self, listener: Callable[[Event], None], /) -> Callable[[], None]:
        """Hear every event from now on; the returned call ends it."""
        return self._engine.listen(listener)

    # Orders.

    def place(self, account: str, want: Want, *, request_id: str = "") -> BookOrder:
        """Take an order; the snapshot returned is its state after matching."""
        self.pass_time()
        owner = self._owner(account)
        if want.tag:
            owner.tags[want.tag] += 1
        listed = self.universe.by_id(want.instrument)
        if listed is None:
            raise Rejected(Reason.UNKNOWN_INSTRUMENT)
        order: LiveOrder | None = None
        try:
            is_expired = self.market.is_expired(listed.id)
            check_shape(want, listed, is_expired=is_expired)
            check_market(want, self._facts(listed, want))
            order = self._make(owner, listed, want, request_id)
            self._check_shares(owner, listed, want)
            self._engine.protect(order)
            self._afford(owner, order)
        except Rejected as refusal:
            if refusal.reason not in owner.recorded:
                raise
            order = order or self._make(owner, listed, want, request_id)
            snapshot = self._record_refusal(order, refusal.reason, refusal.numbers)
            raise Rejected(refusal.reason, refusal.numbers, order=snapshot) from None
        return self._enter(owner, order)

    def _enter(self, owner: Account, order: LiveOrder) -> BookOrder:
        self._number(order)
        owner.start_working(order, self._date())
        self._engine.receive(order)
        if order.want.is_after_market:
            order.is_queued = True
            return self._engine.announce(order, Cause.QUEUED)
        self._engine.activate(order)
        return self._engine.snapshot(order)

    def modify(self, account: str, order_id: str, change: Change) -> BookOrder:
        """Change a working order; it loses its place if price changes or quantity grows."""
        self.pass_time()
        owner = self._owner(account)
        order = self._working(owner, order_id)
        before, after = order.want, changed(order.want, change)
        self._check_change(owner, order, after)
        if order.is_queued or (keeps_place(before, after) and not order.awaits_trigger):
            order.want = after
            self._finish_change(owner, order)
            return self._engine.snapshot(order)
        self._engine.withdraw(order)
        order.want = after
        self._engine.protect(order)
        self._finish_change(owner, order)
        self._engine.enter(order)
        return self._engine.snapshot(order)

    def _check_change(self, owner: Account, order: LiveOrder, after: Want) -> None:
        if after.quantity <= order.filled_qty:
            raise Rejected(Reason.BELOW_FILLED, {"filled_qty": order.filled_qty})
        listed = order.listed
        check_shape(after, listed, is_expired=self.market.is_expired(listed.id))
        seen = after
        if order.was_triggered and after.kind.has_trigger:
            # Its trigger is history; only the price is checked against the market.
            kind = Kind.LIMIT if after.kind.has_price else Kind.MARKET
            seen = changed(after, Change(kind=kind))
        check_market(seen, self._facts(listed, seen), is_modified=True)
        self._check_shares(
            owner, order.listed, after, own_qty=order.open_qty, done=order.filled_qty
        )
        before, protected = order.want, order.protected_e4
        order.want = after
        try:
            self._engine.protect(order)
            self._afford(owner, order)
        finally:
            order.want, order.protected_e4 = before, protected
            owner.reserve((listed.id, before.product), self._date())

    def _finish_change(self, owner: Account, order: LiveOrder) -> None:
        order.was_modified = True
        if not order.is_queued:
            order.state = order.working_state()
        owner.reserve((order.listed.id, order.want.product), self._date())
        self._engine.announce(order, Cause.MODIFIED)

    def cancel(self, account: str, order_id: str) -> BookOrder:
        """Cancel what is left of a working order."""
        self.pass_time()
        order = self._working(self._owner(account), order_id)
        self._engine.withdraw(order)
        return self._engine.finish(order, OrderState.CANCELLED, Cause.CANCELLED)

    def reject(
        self,
        account: str,
        want: Want,
        reason: Reason = Reason.BROKER,
        numbers: Mapping[str, int] | None = None,
        *,
        request_id: str = "",
    ) -> BookOrder:
        """Put a rejected order into the book for a face's own reason.

        Raises:
            Rejected: the instrument or the account is unknown; there is nothing to record.
        """
        self.pass_time()
        owner = self._owner(account)
        listed = self.universe.by_id(want.instrument)
        if listed is None:
            raise Rejected(Reason.UNKNOWN_INSTRUMENT)
        if want.tag:
            owner.tags[want.tag] += 1
        order = self._make(owner, listed, want, request_id)
        return self._record_refusal(order, reason, numbers or {})

    def exit(self, account: str, instrument: InstrumentId, product: Product) -> BookOrder:
        """Close one position by market orders on the other side; gives the last of them."""
        self.pass_time()
        position = self._owner(account).positions.get((instrument, product))
        if position is None or position.net_qty == 0:
            raise Rejected(Reason.NOTHING_TO_EXIT)
        return self._exit(account, position)

    def exit_all(self, account: str) -> list[BookOrder]:
        """Close every open position; nothing open is Rejected(NOTHING_TO_EXIT)."""
        self.pass_time()
        positions = self._owner(account).positions.values()
        open_ones = [each for each in positions if each.net_qty]
        if not open_ones:
            raise Rejected(Reason.NOTHING_TO_EXIT)
        return [self._exit(account, each) for each in open_ones]

    def _exit(self, account: str, position: Position) -> BookOrder:
        listed, left = position.listed, abs(position.net_qty)
        side = Side.SELL if position.net_qty > 0 else Side.BUY
        most = left
        if listed.freeze_qty:
            most = listed.freeze_qty // listed.lot_size * listed.lot_size
        while True:
            part = min(left, most)
            left -= part
            want = Want(
                instrument=listed.id,
                side=side,
                quantity=part,
                kind=Kind.MARKET,
                product=position.product,
            )
            order = self.place(account, want)
            if left == 0:
                return order

    def convert(
        self,
        account: str,
        instrument: InstrumentId,
        products: tuple[Product, Product],
        side: Side,
        quantity: int,
    ) -> PositionRow:
        """Move part of an open position from the first product to the second."""
        self.pass_time()
        owner, (old, new) = self._owner(account), products
        source = owner.positions.get((instrument, old))
        if source is None or source.net_qty * side.sign < quantity or quantity <= 0:
            raise Rejected(Reason.NOTHING_TO_CONVERT)
        listed = source.listed
        if not may_convert(listed, old, new):
            raise Rejected(Reason.CONVERSION)
        if quantity % max(listed.lot_size, 1):
            raise Rejected(Reason.LOT, {"quantity": quantity, "lot_size": listed.lot_size})
        if new is Product.CNC and side is Side.SELL and owner.sellable_qty(listed) < quantity:
            raise Rejected(Reason.HOLDINGS, {"free_qty": owner.sellable_qty(listed)})
        target = owner.position(listed, new)
        available = owner.available_paise
        source.hand_over(target, side, quantity)
        self._settle(owner, listed, products)
        if owner.available_paise < min(0, available):
            shortfall = -owner.available_paise
            target.hand_over(source, side, quantity)
            self._settle(owner, listed, products)
            numbers = {"shortfall_paise": shortfall, "available_paise": available}
            raise Rejected(Reason.MARGIN, numbers)
        ltp = self._ltp(instrument)
        for position in (source, target):
            row = position.row(account, ltp)
            self._engine.emit(PositionEvent(position=row, at_ns=self.clock.now_ns()))
        return target.row(account, ltp)

    def _settle(self, owner: Account, listed: Instrument, products: tuple[Product, ...]) -> None:
        for product in products:
            owner.settle((listed.id, product), self._date())

    # Reading.

    def order(self, account: str, order_id: str) -> BookOrder | None:
        """Give one order, of whatever day; None if there is none."""
        found = self._owner(account).orders.get(order_id)
        return None if found is None else self._engine.snapshot(found)

    def orders(self, account: str) -> list[BookOrder]:
        """Give today's orders in order of arrival: all that worked today, whenever they came."""
        self.pass_time()
        today = self._date()
        return [
            self._engine.snapshot(order)
            for order in self._owner(account).orders.values()
            if order.is_working or today in (ist_date(order.placed_ns), ist_date(order.updated_ns))
        ]

    def all_orders(self) -> list[BookOrder]:
        """Give every order of every account and day, in order of arrival."""
        self.pass_time()
        return [self._engine.snapshot(order) for order in self._engine.orders]

    def trades(self, account: str) -> list[Trade]:
        """Give today's trades, oldest first."""
        self.pass_time()
        today = self._date()
        return [each for each in self._owner(account).trades if ist_date(each.at_ns) == today]

    def all_trades(self) -> list[Trade]:
        """Give every trade of every account and day, oldest first."""
        return list(self._engine.trades)

    def positions(self, account: str) -> list[PositionRow]:
        """Give today's positions, closed ones included."""
        self.pass_time()
        return list(rows_of(self._owner(account), self._ltp))

    def holdings(self, account: str) -> list[HoldingRow]:
        """Give what lies in demat."""
        self.pass_time()
        return self._owner(account).holding_rows(self._ltp, self._listings)

    def funds(self, account: str) -> FundsRow:
        """Give the account's money."""
        self.pass_time()
        return self._owner(account).funds(self._ltp)

    def margin(self, account: str, wants: Sequence[Want]) -> int:
        """Give the paise these orders would block together on top of what is blocked now."""
        self.pass_time()
        owner = self._owner(account)
        before = owner.available_paise
        tried: list[LiveOrder] = []
        try:
            for want in wants:
                listed = self.universe.by_id(want.instrument)
                if listed is None:
                    raise Rejected(Reason.UNKNOWN_INSTRUMENT)
                order = self._make(owner, listed, want, "")
                self._engine.protect(order)
                order.seq = -len(wants) + len(tried)
                owner.start_working(order, self._date())
                tried.append(order)
            return before - owner.available_paise
        finally:
            for order in tried:
                owner.stop_working(order, self._date())

    # Time, the market, and trouble on purpose.

    def pass_time(self) -> None:
        """Handle everything that became due by now, in order."""
        self._time.pass_time()

    def set_clock(self, at_ns: int) -> None:
        """Move exchange time; forward passes every event on the way, back reopens that day."""
        self._time.set_clock(at_ns)

    def step(self, budget_ticks: int, subscribed: Collection[InstrumentId]) -> list[InstrumentId]:
        """Let the market move and users' orders meet it.

        Returns:
            instruments whose quote or depth changed since the last step, users' doing included.
        """
        self.pass_time()
        engine = self._engine
        moved = self.market.step(self.clock.now_ns(), budget_ticks, subscribed)
        for instrument in moved:
            engine.after_move(self.market.board(instrument))
        if not self.market.is_paused:
            engine.move_working()
        engine.touched.update(moved)
        changed_ones = sorted(engine.touched)
        engine.touched.clear()
        return changed_ones

    def set_price(self, instrument: InstrumentId, price_e4: int) -> None:
        """Trade once at this price; crossed resting orders fill, the ladder re-centres.

        Raises:
            ValueError: not a positive multiple of the tick, or the instrument does not trade.
        """
        self.pass_time()
        if self.universe.by_id(instrument) is None:
            raise ValueError(f"{instrument} is not listed")
        self.market.set_price(instrument, price_e4)
        self._engine.release(instrument)
        self._engine.after_move(self.market.board(instrument))

    def pause(self, *, is_paused: bool) -> None:
        """Stop or restart the market maker: prices and its depth stand still, orders match."""
        self.pass_time()
        self.market.pause(is_paused=is_paused)

    def arm_partial_fill(self, quantity: int, account: str = "") -> None:
        """Make the next accepted order fill exactly this much and keep the rest untouched."""
        self._engine.arm_partial(account, quantity)

    def release_held(self) -> None:
        """Disarm, and let held rests match again."""
        self._engine.release()

    # Inside.

    def _owner(self, account: str) -> Account:
        found = self._accounts.get(account)
        if found is None:
            raise Rejected(Reason.UNKNOWN_ACCOUNT)
        return found

    def _working(self, owner: Account, order_id: str) -> LiveOrder:
        order = owner.orders.get(order_id)
        if order is None:
            raise Rejected(Reason.UNKNOWN_ORDER)
        if order.state in _ENDED:
            raise Rejected(_ENDED[order.state], order=self._engine.snapshot(order))
        return order

    def _make(self, owner: Account, listed: Instrument, want: Want, request_id: str) -> LiveOrder:
        order = LiveOrder(owner.name, listed, want, 0, "")
        order.request_id = request_id
        return order

    def _number(self, order: LiveOrder) -> None:
        numbers = self._engine.numbers
        order.seq = numbers.order_seq()
        order.order_id = numbers.order_id(order.account, f"{self._date():%y%m%d}")

    def _record_refusal(
        self, order: LiveOrder, reason: Reason, numbers: Mapping[str, int]
    ) -> BookOrder:
        self._number(order)
        order.reason, order.numbers = reason, dict(numbers)
        self._engine.receive(order)
        return self._engine.finish(order, OrderState.REJECTED, Cause.REJECTED)

    def _facts(self, listed: Instrument, want: Want) -> Facts:
        board: Board = self.market.fresh(listed.id)
        phase = self.market.phase(listed.exchange, listed.segment)
        is_dead = phase is MarketPhase.CLOSED and not want.is_after_market
        return Facts(
            phase=phase,
            is_expired=False,
            is_suspended=not is_dead and self.market.is_suspended(listed.id),
            ltp_e4=board.ltp_e4,
            lower_e4=board.lower_e4,
            upper_e4=board.upper_e4,
        )

    def _check_now(self, order: LiveOrder) -> None:
        """Check an order again that waited for the open."""
        check_market(order.want, self._facts(order.listed, order.want), is_modified=True)

    def _check_shares(
        self, owner: Account, listed: Instrument, want: Want, *, own_qty: int = 0, done: int = 0
    ) -> None:
        """Refuse a delivery sale of shares that are not there; `own_qty` it holds already."""
        if want.product is not Product.CNC or want.side is not Side.SELL:
            return
        free = owner.sellable_qty(listed) + own_qty
        if want.quantity - done > free:
            raise Rejected(Reason.HOLDINGS, {"free_qty": free, "quantity": want.quantity})

    def _afford(self, owner: Account, order: LiveOrder) -> None:
        """Refuse an order that the money does not cover, new or changed."""
        available = owner.available_paise
        needed = owner.try_block(order, self._date())
        if needed > max(available, 0):
            numbers = {
                "required_paise": needed,
                "available_paise": available,
                "shortfall_paise": needed - available,
            }
            raise Rejected(Reason.MARGIN, numbers)

    def _ltp(self, instrument: InstrumentId) -> int:
        return self.market.fresh(instrument).ltp_e4

    def _listings(self, isin: str) -> tuple[InstrumentId, ...]:
        return self.universe.listings(isin)

    def _date(self) -> dt.date:
        return ist_date(self.clock.now_ns())
