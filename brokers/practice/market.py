"""The market: every instrument's board, moved together by one clock. Pure: time is passed in."""

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import structs

from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind
from brokers.model.market import (
    Candle,
    Depth,
    Interval,
    MarketPhase,
    MarketStatus,
    Quote,
    Span,
)
from brokers.practice import names, pricing
from brokers.practice.board import Board
from brokers.practice.book import Fill, Resting
from brokers.practice.calendar import Calendar, day_of, ist_date, ist_day, ist_ns
from brokers.practice.candles import candles_of
from brokers.practice.clock import SECOND_NS
from brokers.practice.derived import DerivedLine
from brokers.practice.history import Recording
from brokers.practice.ladder import style_of
from brokers.practice.sources import Sources
from brokers.practice.tape import Pauses, Tape
from brokers.practice.terms import expiry_ns
from brokers.practice.universe import Universe
from brokers.practice.values import Greeks

_STALE_NS: Final = SECOND_NS
"""A book that nobody follows is quoted anew when asked for after this long."""

_FASTEST, _SLOWEST = 1.0, 0.02
_BUSY_TURNOVER: Final = 3e9


class Market:
    """Everything a face may ask about prices. Unknown instruments are a KeyError."""

    def __init__(
        self,
        universe: Universe,
        calendar: Calendar,
        now_ns: Callable[[], int],
        *,
        seed: int = 1,
        recordings: Mapping[str, Recording] | None = None,
    ) -> None:
        self.universe = universe
        self.calendar = calendar
        self._now_ns = now_ns
        self.anchor = calendar.trading_day_on_or_before("NSE", "CM", ist_date(now_ns()))
        self._sources = Sources(universe, calendar, self.anchor, seed, recordings or {})
        self._has_recordings = bool(recordings)
        self._pauses = Pauses()
        self._boards: dict[InstrumentId, Board] = {}
        self._phases: dict[tuple[str, str], tuple[int, int, MarketPhase]] = {}
        self._pace = _Pace()
        self._sequence = 0
        self.on_fill: Fill = _nobody
        """Who hears of resting orders that the market maker met; the exchange sets it."""

    # Reading.

    def quote(self, instrument: InstrumentId, /) -> Quote:
        """Give the full current quote; users' orders are part of its book."""
        return self.fresh(instrument).quote()

    def depth(self, instrument: InstrumentId, /, levels: int = 5) -> Depth:
        """Give the best levels of the book (up to 50 a side), users' orders included."""
        return self.fresh(instrument).depth(levels)

    def candles(
        self, instrument: InstrumentId, interval: Interval, span: Span, /
    ) -> Sequence[Candle]:
        """Give the bars that open within the span, oldest first, the running one included."""
        board = self.board(instrument)
        until_ns = self._now_ns() + 1
        if board.suspended_ns is not None:
            until_ns = min(until_ns, board.suspended_ns)
        return candles_of(board.tape, interval, span, until_ns)

    def listing(self, instrument: InstrumentId, /) -> Instrument:
        """Give the instrument with today's price band and previous close."""
        board = self.fresh(instrument)
        return structs.replace(
            board.instrument,
            previous_close_e4=board.previous_close_e4,
            lower_e4=board.lower_e4 or None,
            upper_e4=board.upper_e4 or None,
        )

    def greeks(self, instrument: InstrumentId, /) -> Greeks | None:
        """Give an option's sensitivities now; None for anything else."""
        board = self.board(instrument)
        line, now_ns = board.tape.line, self._now_ns()
        if board.instrument.kind is not InstrumentKind.OPTION or not isinstance(line, DerivedLine):
            return None
        terms = line.terms
        years = terms.years(now_ns)
        ahead = pricing.forward(line.parent.price_at(now_ns), terms.carry, years)
        reference = line.parent.reference(ist_day(now_ns))
        volatility = pricing.smile(terms.volatility, reference, terms.strike, years)
        return pricing.greeks(ahead, terms.strike, years, volatility, call=terms.is_call)

    def status(self) -> Sequence[MarketStatus]:
        """Give the phase of every segment that is listed."""
        return [
            MarketStatus(exchange=exchange, segment=segment, phase=self.phase(exchange, segment))
            for exchange, segment in self.universe.segments()
        ]

    def phase(self, exchange: str, segment: str) -> MarketPhase:
        """Give a segment's phase now."""
        now_ns = self._now_ns()
        found = self._phases.get((exchange, segment))
        if found is None or not found[0] <= now_ns < found[1]:
            found = self._look_up_phase(exchange, segment, now_ns)
            self._phases[exchange, segment] = found
        return found[2]

    def _look_up_phase(
        self, exchange: str, segment: str, now_ns: int
    ) -> tuple[int, int, MarketPhase]:
        date = ist_date(now_ns)
        since, until, phase = ist_ns(date, 0), ist_ns(date + dt.timedelta(days=1), 0), None
        for change in self.calendar.changes_on(exchange, segment, date):
            if change.at_ns > now_ns:
                until = change.at_ns
                break
            since, phase = change.at_ns, change.phase
        return since, until, phase or MarketPhase.CLOSED

    def is_open(self, instrument: Instrument) -> bool:
        """Tell whether an instrument trades continuously now."""
        phase = self.phase(instrument.exchange, instrument.segment)
        return phase is MarketPhase.OPEN and not self.is_expired(instrument.id)

    def is_expired(self, instrument: InstrumentId, /) -> bool:
        """Tell whether its expiry lies behind the exchange's clock."""
        known = self._known(instrument)
        if known.expiry is None:
            return False
        today = ist_date(self._now_ns())
        if known.expiry != today:
            return known.expiry < today
        return self._now_ns() >= expiry_ns(known, known.expiry, self.calendar)

    def is_suspended(self, instrument: InstrumentId, /) -> bool:
        """Tell whether trading in it is halted."""
        suspended = self.board(instrument).suspended_ns
        return suspended is not None and self._now_ns() >= suspended

    # Boards.

    def _known(self, instrument: InstrumentId) -> Instrument:
        found = self.universe.by_id(instrument)
        if found is None:
            raise KeyError(f"{instrument} is not listed")
        return found

    def board(self, instrument: InstrumentId) -> Board:
        """Give an instrument's board, as of whenever it was last looked at."""
        found = self._boards.get(instrument)
        if found is None:
            found = self._boards[instrument] = self._make_board(self._known(instrument))
        return found

    def _make_board(self, instrument: Instrument) -> Board:
        source = self._sources.of(instrument)
        price = max(source.line.reference(ist_day(self._now_ns())), 0.05)
        style = style_of(instrument, price, source.daily_qty)
        tape = Tape(instrument, source.line, self._pauses)
        board = Board(instrument, tape, self._pauses, style, source.band)
        if self.universe.banded_on == self.anchor and not self._has_recordings:
            board.own_band_day = day_of(self.anchor)
        if instrument.underlying in names.HALTED and instrument.isin:
            board.suspended_ns = ist_ns(self.anchor, 0)
        return board

    def fresh(self, instrument: InstrumentId) -> Board:
        """Give a board as of now; its market maker quotes anew if it is long since it did."""
        board = self.board(instrument)
        now_ns = self._now_ns()
        if not 0 <= now_ns - board.book.ladder.quoted_ns < _STALE_NS or board.seen_ns < 0:
            self.renew(board)
        elif board.seen_ns != now_ns:
            board.refresh(now_ns)
        return board

    def renew(self, board: Board) -> None:
        """Bring a board to now and let its market maker quote."""
        now_ns = self._now_ns()
        board.refresh(now_ns)
        instrument = board.instrument
        if board.is_index or not self.is_open(instrument) or self.is_suspended(instrument.id):
            board.book.ladder.withdraw()
            board.book.ladder.quoted_ns = now_ns
        elif not self._pauses.is_paused or board.book.ladder.fair_e4 == 0:
            self._sequence += 1
            board.requote(now_ns, self.on_fill, self._sequence)

    def next_priority(self) -> int:
        """Give the next place in time, shared by users' orders and market makers' quotes."""
        self._sequence += 1
        return self._sequence

    # Moving.

    def step(
        self, now_ns: int, budget_ticks: int, subscribed: Collection[InstrumentId]
    ) -> list[InstrumentId]:
        """Move up to `budget_ticks` instruments to now; use `Exchange.step` instead."""
        del now_ns
        if self._pauses.is_paused or budget_ticks <= 0 or not subscribed:
            return []
        chosen = self._pace.choose(budget_ticks, subscribed, self._weight)
        moved = []
        for instrument in chosen:
            board = self.board(instrument)
            if self.is_open(board.instrument) and not self.is_suspended(instrument):
                self.renew(board)
                moved.append(instrument)
        return moved

    def _weight(self, instrument: InstrumentId) -> float:
        known = self.universe.by_id(instrument)
        if known is None:
            return 0.0
        source = self._sources.of(known)
        if known.kind is InstrumentKind.INDEX:
            return _FASTEST
        price = max(source.line.reference(ist_day(self._now_ns())), 0.05)
        turnover = price * source.daily_qty * (known.multiplier or 1)
        return max(min(math.pow(turnover / _BUSY_TURNOVER, 0.4), _FASTEST), _SLOWEST)

    def set_price(self, instrument: InstrumentId, price_e4: int) -> None:
        """Trade once at this price and quote around it; relatives and contracts follow.

        Raises:
            ValueError: not a positive multiple of the tick, or the instrument does not trade now.
        """
        board = self.fresh(instrument)
        known, now_ns = board.instrument, self._now_ns()
        if price_e4 <= 0 or price_e4 % known.tick_e4:
            raise ValueError(f"expected a positive multiple of {known.tick_e4}, was {price_e4}")
        if not self.is_open(known) or self.is_suspended(instrument):
            raise ValueError(f"{known.symbol} does not trade now")
        line = board.tape.line
        before = line.price_at(now_ns)
        line.move(now_ns, price_e4 / 10_000, by_factor=known.kind is not InstrumentKind.OPTION)
        self._sources.spread(known, now_ns, before, price_e4 / 10_000)
        board.flex(price_e4)
        if not board.is_index:
            board.book.sweep(price_e4, self.on_fill)
        board.print(now_ns, price_e4, 0 if board.is_index else max(known.lot_size, 1))
        board.refresh(now_ns)
        self._sequence += 1
        if not board.is_index:
            board.requote(now_ns, self.on_fill, self._sequence)

    def pause(self, *, is_paused: bool) -> None:
        """Stop or restart the market maker everywhere."""
        if is_paused != self._pauses.is_paused:
            now_ns = self._now_ns()
            for board in self._boards.values():
                board.refresh(now_ns)
            self._pauses.toggle(now_ns)

    @property
    def is_paused(self) -> bool:
        return self._pauses.is_paused

    def rewind(self, at_ns: int) -> None:
        """Forget whatever happened after a moment: the clock was set back to it."""
        for line in self._sources.made():
            line.forget_after(at_ns)
        self._pauses.forget_after(at_ns)
        self._phases.clear()
        for board in self._boards.values():
            board.forget_after(at_ns)

    def resting(self) -> Iterator[tuple[Board, Resting]]:
        """Give every user's order with its board."""
        for board in self._boards.values():
            for order in board.book.resting():
                yield board, order


class _Pace:
    """Chooses who moves next: in proportion to liquidity, the same way every time."""

    def __init__(self) -> None:
        self._who: Collection[InstrumentId] = ()
        self._ids: list[InstrumentId] = []
        self._weights = np.empty(0)
        self._credit = np.empty(0)

    def choose(
        self,
        budget: int,
        subscribed: Collection[InstrumentId],
        weight: Callable[[InstrumentId], float],
    ) -> list[InstrumentId]:
        if subscribed != self._who:
            self._who = subscribed
            self._ids = sorted(subscribed)
            self._weights = np.array([weight(each) for each in self._ids])
            self._credit = self._weights * 0.5
        total = float(self._weights.sum())
        if total <= 0.0:
            return []
        self._credit += self._weights * (budget / total)
        count = min(budget, len(self._ids))
        best = np.argsort(-self._credit, kind="stable")[:count]
        self._credit[best] -= 1.0
        np.clip(self._credit, -3.0, 3.0, out=self._credit)
        return [self._ids[at] for at in best.tolist() if self._weights[at] > 0.0]


def _nobody(order: Resting, quantity: int, price_e4: int, counter: Resting | None) -> None:
    raise AssertionError(f"{quantity} at {price_e4} filled {order} ({counter}) and nobody heard")
