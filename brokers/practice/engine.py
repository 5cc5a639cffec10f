"""Orders in the market: entering, matching, triggering, ending; and the events of all that."""

from collections.abc import Callable, Iterator

from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import MarketPhase
from brokers.model.money import ceil_to_tick, floor_to_tick
from brokers.model.order import OrderState, Side, Validity
from brokers.practice.accounts import Account
from brokers.practice.board import Board
from brokers.practice.book import Resting
from brokers.practice.calendar import ist_date
from brokers.practice.charges import Tariff
from brokers.practice.clock import SimClock
from brokers.practice.market import Market
from brokers.practice.orders import LiveOrder, Numbers
from brokers.practice.values import (
    BookOrder,
    Cause,
    Event,
    OrderEvent,
    PositionEvent,
    Reason,
    Trade,
    TradeEvent,
)

_RENEW_NS = 100_000_000
"""How often a book with users' orders is looked at even if nobody follows it."""


class Engine:
    """Moves orders through their life and tells the listeners; it refuses nothing."""

    def __init__(self, market: Market, clock: SimClock, tariff: Tariff) -> None:
        self.market = market
        self.clock = clock
        self.tariff = tariff
        self.accounts: dict[str, Account] = {}
        self.orders: list[LiveOrder] = []
        self.trades: list[Trade] = []
        self.numbers = Numbers()
        self.touched: set[InstrumentId] = set()
        self.is_telling = False
        self._stops: dict[InstrumentId, list[LiveOrder]] = {}
        self._books: set[InstrumentId] = set()
        self._listeners: list[Callable[[Event], None]] = []
        self._partials: list[tuple[str, int]] = []
        market.on_fill = self.fill

    # Events.

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Hear every event from now on; the returned call ends it."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def emit(self, event: Event) -> None:
        """Tell everybody. A listener may read; time does not pass under its hands."""
        was_telling, self.is_telling = self.is_telling, True
        try:
            for listener in tuple(self._listeners):
                listener(event)
        finally:
            self.is_telling = was_telling

    def snapshot(self, order: LiveOrder) -> BookOrder:
        """Give an order as it is now."""
        return order.snapshot(self.accounts[order.account].requests(order))

    def announce(self, order: LiveOrder, cause: Cause) -> BookOrder:
        """Tell that something became of an order."""
        order.revision += 1
        order.updated_ns = self.clock.now_ns()
        snapshot = self.snapshot(order)
        self.emit(OrderEvent(order=snapshot, cause=cause, at_ns=order.updated_ns))
        return snapshot

    # Entering.

    def receive(self, order: LiveOrder) -> None:
        """Put a new order on record, in transit."""
        order.placed_ns = self.clock.now_ns()
        self.orders.append(order)
        self.accounts[order.account].orders[order.order_id] = order
        self.announce(order, Cause.RECEIVED)

    def activate(self, order: LiveOrder) -> None:
        """Let an order reach the exchange."""
        order.is_queued = False
        order.exchange_id = order.exchange_id or self.numbers.exchange_id()
        order.state = order.working_state()
        self.announce(order, Cause.OPENED)
        self.enter(order)

    def enter(self, order: LiveOrder) -> None:
        """Put an active order where it belongs: among the stops, or into the book."""
        order.priority = self.market.next_priority()
        if order.awaits_trigger:
            self._stops.setdefault(order.listed.id, []).append(order)
            return
        board = self.market.fresh(order.listed.id)
        if not self._is_matching(order.listed):
            self._rest(order, board)
        elif self._take_partial(order, board):
            self._rest_or_cancel(order, board)
        else:
            self._match(order, board)

    def _match(self, order: LiveOrder, board: Board) -> None:
        may_rest = board.book.match(order, self.fill)
        if order.state.is_terminal:
            pass
        elif not may_rest:
            order.reason = Reason.SELF_TRADE
            self.finish(order, OrderState.CANCELLED, Cause.CANCELLED)
        else:
            self._rest_or_cancel(order, board)
        self.after_move(board)

    def _rest_or_cancel(self, order: LiveOrder, board: Board) -> None:
        if order.state.is_terminal:
            return
        if order.want.validity is Validity.IOC:
            self.finish(order, OrderState.CANCELLED, Cause.CANCELLED)
        else:
            self._rest(order, board)

    def _rest(self, order: LiveOrder, board: Board) -> None:
        board.book.add(order)
        self._books.add(order.listed.id)
        self.touched.add(order.listed.id)

    def _is_matching(self, listed: Instrument) -> bool:
        phase = self.market.phase(listed.exchange, listed.segment)
        return phase is MarketPhase.OPEN and not self.market.is_suspended(listed.id)

    def protect(self, order: LiveOrder) -> None:
        """Give an order without a price the limit of its protection."""
        if order.want.kind.has_price:
            order.protected_e4 = 0
            return
        board = self.market.fresh(order.listed.id)
        ltp, tick = board.ltp_e4, order.listed.tick_e4
        reach = self.tariff.protection_e4(order.listed, ltp, ist_date(self.clock.now_ns()))
        if order.awaits_trigger:
            ltp = order.want.trigger_e4
        if order.side is Side.BUY:
            limit = floor_to_tick(ltp + max(reach, tick), tick)
            order.protected_e4 = min(limit, board.upper_e4) if board.upper_e4 else limit
        else:
            limit = max(ceil_to_tick(ltp - max(reach, tick), tick), tick)
            order.protected_e4 = max(limit, board.lower_e4)

    # Leaving.

    def withdraw(self, order: LiveOrder) -> None:
        """Take an order out of wherever it waits; its state is the caller's."""
        instrument = order.listed.id
        stops = self._stops.get(instrument, [])
        if order in stops:
            stops.remove(order)
            if not stops:
                del self._stops[instrument]
        elif not order.is_queued:
            self.market.board(instrument).book.remove(order)
            self.touched.add(instrument)

    def finish(self, order: LiveOrder, state: OrderState, cause: Cause) -> BookOrder:
        """End an order that is in no book, release what it blocked, and tell."""
        self.accounts[order.account].stop_working(order, ist_date(self.clock.now_ns()))
        order.end(state)
        return self.announce(order, cause)

    # Trading.

    def fill(self, resting: Resting, quantity: int, price_e4: int, counter: Resting | None) -> None:
        """Execute part of an order: the book tells, for each side of every match."""
        order = resting
        assert isinstance(order, LiveOrder)
        now_ns = self.clock.now_ns()
        order.filled_qty += quantity
        order.filled_value_e4 += quantity * price_e4
        order.state = order.working_state()
        board = self.market.board(order.listed.id)
        if counter is None or order.priority > counter.priority:
            board.print(now_ns, price_e4, quantity)
        self.touched.add(order.listed.id)
        trade = self._record(order, quantity, price_e4, now_ns)
        account = self.accounts[order.account]
        date = ist_date(now_ns)
        position = account.book_trade(order, trade, date)
        if order.state is OrderState.FILLED:
            account.stop_working(order, date)
            order.end(OrderState.FILLED)
        snapshot = self.announce(order, Cause.FILLED)
        self.emit(TradeEvent(trade=trade, order=snapshot, at_ns=now_ns))
        row = position.row(order.account, board.ltp_e4)
        self.emit(PositionEvent(position=row, at_ns=now_ns))

    def _record(self, order: LiveOrder, quantity: int, price_e4: int, now_ns: int) -> Trade:
        seq = self.numbers.trade_seq()
        trade = Trade(
            seq=seq,
            trade_id=self.numbers.trade_id(seq),
            order_seq=order.seq,
            order_id=order.order_id,
            exchange_id=order.exchange_id,
            account=order.account,
            tag=order.want.tag,
            instrument=order.listed.id,
            side=order.side,
            quantity=quantity,
            price_e4=price_e4,
            kind=order.want.kind,
            product=order.want.product,
            multiplier=order.listed.multiplier or 1,
            at_ns=now_ns,
        )
        self.trades.append(trade)
        return trade

    # The market moved.

    def after_move(self, board: Board) -> None:
        """Let the last price set off stops, as long as it finds any."""
        instrument = board.instrument
        self.touched.add(instrument.id)
        if instrument.id not in self._stops or not self._is_matching(instrument):
            return
        while due := [
            order
            for order in self._stops.get(instrument.id, ())
            if order.is_triggered_by(board.ltp_e4)
        ]:
            order = min(due, key=lambda each: each.seq)
            self.withdraw(order)
            order.was_triggered = True
            self.protect(order)
            order.state = order.working_state()
            self.announce(order, Cause.TRIGGERED)
            self.enter(order)

    def move_working(self) -> None:
        """Look at every book with users' orders, each at its own pace."""
        now_ns = self.clock.now_ns()
        for instrument in self.working_instruments():
            board = self.market.board(instrument)
            if now_ns - board.seen_ns >= _RENEW_NS and self.market.is_open(board.instrument):
                self.market.renew(board)
                self.after_move(board)

    def working_instruments(self) -> list[InstrumentId]:
        """Name what users have orders in, at a price or waiting for one."""
        boards = self.market.board
        self._books = {each for each in self._books if not boards(each).book.is_empty}
        return sorted(self._books | set(self._stops))

    def waiting_in(self, instrument: InstrumentId) -> Iterator[LiveOrder]:
        """Give the orders of one instrument that only a price could move."""
        yield from tuple(self._stops.get(instrument, ()))
        for order in self.market.board(instrument).book.resting():
            assert isinstance(order, LiveOrder)
            yield order

    # Trouble on purpose.

    def arm_partial(self, account: str, quantity: int) -> None:
        """Make the next order that enters fill exactly this much, then stand still."""
        self._partials.append((account, quantity))

    def release(self, instrument: InstrumentId | None = None) -> None:
        """Let what stands still match again, everywhere or in one instrument."""
        if instrument is None:
            self._partials.clear()
        for board, resting in list(self.market.resting()):
            if instrument not in (None, board.instrument.id) or not resting.is_held:
                continue
            assert isinstance(resting, LiveOrder)
            resting.is_held = False
            if instrument is None and self._is_matching(board.instrument):
                board.book.remove(resting)
                self._match(resting, self.market.fresh(board.instrument.id))

    def _take_partial(self, order: LiveOrder, board: Board) -> bool:
        armed = next((each for each in self._partials if each[0] in ("", order.account)), None)
        if armed is None:
            return False
        self._partials.remove(armed)
        order.is_held = True
        against = order.side.opposite
        best = board.book.levels(against, 1)
        price = order.limit_e4
        if best and (price - best[0].price_e4) * order.side.sign >= 0:
            price = best[0].price_e4
        quantity = min(armed[1], order.open_qty)
        if quantity > 0:
            self.fill(order, quantity, price, None)
            self.after_move(board)
        return True
