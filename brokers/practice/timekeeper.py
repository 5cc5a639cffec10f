"""What happens by itself as exchange time passes: sessions, expiry, the end of the day.

However far the clock jumps, every event on the way is handled at its own moment, and resting
orders meet the prices that were passed.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import MarketPhase
from brokers.model.order import OrderState, Side
from brokers.practice.accounts import Account, Position
from brokers.practice.board import Board
from brokers.practice.calendar import Change, ist_date, ist_day
from brokers.practice.clock import DAY_NS, IST_NS, MINUTE_NS, SECOND_NS
from brokers.practice.derived import DerivedLine
from brokers.practice.engine import Engine
from brokers.practice.lines import PIECE_NS, PIECES
from brokers.practice.orders import LiveOrder
from brokers.practice.values import Cause, PositionEvent, Rejected, SessionEvent

_GAP_NS: Final = 2 * SECOND_NS
_NEAR: Final = 0.004
"""Prices this near a resting order are looked at closely: wider than any spread."""


class Timekeeper:
    """Passes exchange time; `recheck` refuses an order that may not enter now."""

    def __init__(self, engine: Engine, recheck: Callable[[LiveOrder], None]) -> None:
        self._engine = engine
        self._market = engine.market
        self._clock = engine.clock
        self._recheck = recheck
        self._seen_ns = engine.clock.now_ns()
        self._next_ns = 0
        self._is_passing = False

    def pass_time(self) -> None:
        """Handle everything that became due by now, in order."""
        if self._is_passing or self._engine.is_telling:
            return
        now_ns = self._clock.flowing_ns()
        if now_ns < self._next_ns and now_ns - self._seen_ns < _GAP_NS:
            self._seen_ns = max(self._seen_ns, now_ns)
            return
        self._is_passing = True
        try:
            for at_ns, change in self._due(now_ns):
                self._walk(at_ns)
                self._clock.pin(at_ns)
                self._handle(at_ns, change)
                self._seen_ns = at_ns
            self._walk(now_ns)
        finally:
            self._clock.pin(None)
            self._is_passing = False
        self._seen_ns = now_ns
        later = (at_ns for at_ns, _ in self._due(now_ns + DAY_NS))
        self._next_ns = next(later, now_ns + DAY_NS)

    def set_clock(self, at_ns: int) -> None:
        """Move exchange time; see `Exchange.set_clock`."""
        self.pass_time()
        if at_ns >= self._clock.now_ns():
            self._clock.move_to(at_ns)
            self.pass_time()
            return
        self._clock.move_to(at_ns)
        for account in self._engine.accounts.values():
            for order in list(account.working()):
                self._expire(order)
        self._market.rewind(at_ns)
        self._seen_ns = at_ns
        self._next_ns = 0

    def _due(self, until_ns: int) -> list[tuple[int, Change | None]]:
        """Give what falls between the last look and a moment; None marks a midnight."""
        listed = set(self._market.universe.segments())
        found: list[tuple[int, Change | None]] = [
            (change.at_ns, change)
            for change in self._market.calendar.changes(self._seen_ns, until_ns)
            if (change.exchange, change.segment) in listed
        ]
        first = ist_day(self._seen_ns) + 1
        midnights = range(first * DAY_NS - IST_NS, until_ns + 1, DAY_NS)
        found += [(at_ns, None) for at_ns in midnights]
        return sorted(found, key=lambda each: (each[0], each[1] is not None))

    def _handle(self, at_ns: int, change: Change | None) -> None:
        if change is None:
            self._roll()
            return
        _, exchange, segment, phase = change
        self._engine.emit(
            SessionEvent(exchange=exchange, segment=segment, phase=phase, at_ns=at_ns)
        )
        if phase is MarketPhase.OPEN:
            self._open(exchange, segment)
        elif phase is MarketPhase.CLOSED:
            date = ist_date(at_ns)
            if at_ns == self._market.calendar.close_ns(exchange, segment, date):
                self._close(exchange, segment, date)

    # Sessions.

    def _orders_in(self, exchange: str, segment: str) -> Iterator[LiveOrder]:
        found = [
            order
            for account in self._engine.accounts.values()
            for order in account.working()
            if _is_in(order.listed, exchange, segment)
        ]
        yield from sorted(found, key=lambda order: order.seq)

    def _open(self, exchange: str, segment: str) -> None:
        for order in self._orders_in(exchange, segment):
            if order.is_queued:
                self._release(order)
            elif not order.awaits_trigger:
                # It came before the open and has only rested so far.
                self._engine.withdraw(order)
                self._engine.enter(order)

    def _release(self, order: LiveOrder) -> None:
        engine = self._engine
        account = engine.accounts[order.account]
        order.is_queued = False
        try:
            self._recheck(order)
        except Rejected as refusal:
            order.reason, order.numbers = refusal.reason, dict(refusal.numbers)
            engine.finish(order, OrderState.REJECTED, Cause.REJECTED)
            return
        engine.protect(order)
        account.reserve((order.listed.id, order.want.product), self._date())
        engine.activate(order)

    def _close(self, exchange: str, segment: str, date: dt.date) -> None:
        for order in self._orders_in(exchange, segment):
            if not order.is_queued:
                self._expire(order)
        for account in self._engine.accounts.values():
            for position in list(account.positions.values()):
                if position.listed.expiry == date and _is_in(position.listed, exchange, segment):
                    self._settle(account, position)

    def _expire(self, order: LiveOrder) -> None:
        self._engine.withdraw(order)
        self._engine.finish(order, OrderState.EXPIRED, Cause.EXPIRED)

    def _settle(self, account: Account, position: Position) -> None:
        """Close an expiring position at its final value: the underlying's close decides."""
        net = position.net_qty
        board = self._market.board(position.listed.id)
        line = board.tape.line
        if net == 0 or not isinstance(line, DerivedLine):
            return
        final_e4 = max(round(line.final_price() * 100) * 100, 0)
        position.trade(Side.SELL if net > 0 else Side.BUY, abs(net), final_e4)
        account.settle((position.listed.id, position.product), self._date())
        row = position.row(account.name, final_e4)
        self._engine.emit(PositionEvent(position=row, at_ns=self._clock.now_ns()))

    def _roll(self) -> None:
        date, calendar = self._date(), self._market.calendar
        ended = date - dt.timedelta(days=1)
        delivers = calendar.is_trading_day("NSE", "CM", ended)
        for account in self._engine.accounts.values():
            account.roll(self._last_price, date, delivers=delivers)

    def _last_price(self, instrument: InstrumentId) -> int:
        return self._market.fresh(instrument).ltp_e4

    def _date(self) -> dt.date:
        return ist_date(self._clock.now_ns())

    # The way from one moment to the next.

    def _walk(self, until_ns: int) -> None:
        """Let resting orders meet the prices between the last look and a moment."""
        if until_ns - self._seen_ns < _GAP_NS or self._market.is_paused:
            return
        boards = [self._market.board(each) for each in self._engine.working_instruments()]
        moments = sorted({at_ns for board in boards for at_ns in self._moments(board, until_ns)})
        for at_ns in moments:
            self._clock.pin(at_ns)
            for board in boards:
                if self._market.is_open(board.instrument):
                    self._market.renew(board)
                    self._engine.after_move(board)
        self._clock.pin(None)

    def _moments(self, board: Board, until_ns: int) -> Iterator[int]:
        """Give the five-second steps of every passed minute that comes near an order."""
        orders = list(self._engine.waiting_in(board.instrument.id))
        if not orders:
            return
        bars = board.tape.line.minutes(ist_day(self._seen_ns), ist_day(until_ns))
        start = bars.minute * MINUTE_NS
        low, high = bars.low * 10_000 * (1 - _NEAR), bars.high * 10_000 * (1 + _NEAR)
        near = np.zeros(len(start), np.bool_)
        for order in orders:
            price = order.want.trigger_e4 if order.awaits_trigger else order.limit_e4
            falls_to = (order.side is Side.BUY) != order.awaits_trigger
            near |= (low <= price) if falls_to else (high >= price)
        near &= (start + MINUTE_NS > self._seen_ns) & (start < until_ns)
        for minute_ns in start[near].tolist():
            for step in range(1, PIECES + 1):
                at_ns = minute_ns + step * PIECE_NS
                if self._seen_ns < at_ns <= until_ns:
                    yield at_ns


def _is_in(listed: Instrument, exchange: str, segment: str) -> bool:
    return listed.exchange == exchange and listed.segment == segment
