"""One instrument's public board: last trade, the running day, the band, and its order book."""

from typing import Final, NamedTuple

import numpy as np

from brokers.model.instrument import Instrument, InstrumentKind
from brokers.model.market import Depth, Quote
from brokers.model.money import ceil_to_tick, floor_to_tick
from brokers.model.order import Side
from brokers.practice.book import Book, Fill
from brokers.practice.calendar import ist_day
from brokers.practice.clock import DAY_NS, IST_NS, MINUTE_NS, SECOND_NS
from brokers.practice.derived import DerivedLine
from brokers.practice.ladder import Ladder, Style
from brokers.practice.lines import SpotLine
from brokers.practice.noise import draw_one
from brokers.practice.tape import Bar, Bars, Pauses, Tape

_FLEX: Final = 0.05
_MS: Final = 1_000_000
_OPTION_REACH: Final = 0.1
_LOOK_BACK_DAYS: Final = 15
_TOTALS_LIVE_NS: Final = 7 * SECOND_NS


class Running(NamedTuple):
    """A day's figures so far; the price fields are 0 before the first trade."""

    open_e4: int
    high_e4: int
    low_e4: int
    last_e4: int
    volume: int
    turnover_e4: int
    last_ns: int


_NOTHING: Final = Running(0, 0, 0, 0, 0, 0, 0)


class Board:
    """What everybody sees of one instrument. `refresh` moves it to a moment.

    `band` is the part of the last close that prices may move in a day, 0 for no limits.
    """

    def __init__(
        self, instrument: Instrument, tape: Tape, pauses: Pauses, style: Style, band: float
    ) -> None:
        self.instrument = instrument
        self.tape = tape
        self.suspended_ns: int | None = None
        self.own_band_day: int | None = None
        """The day for which the instrument's own limits hold."""
        self.book = Book(Ladder(tape.line.key, instrument, style))
        self.style = style
        self._pauses = pauses
        self._band = band
        self._day = -1
        self._shown = (-1, -1)
        self._closed: tuple[tuple[int, int], Running] | None = None
        self._interest: tuple[int, int | None] = (-1, None)
        self._year = (0, 0)
        self.previous_close_e4 = 0
        self.previous_interest: int | None = None
        self.lower_e4 = 0
        self.upper_e4 = 0
        self.running = _NOTHING
        self.ltp_e4 = 0
        self.last_qty = 0
        self.seen_ns = -1

    @property
    def is_index(self) -> bool:
        return self.instrument.kind is InstrumentKind.INDEX

    def refresh(self, now_ns: int) -> None:
        """Read the tape at a moment: last price, day's figures, band."""
        at_ns = now_ns if self.suspended_ns is None else min(now_ns, self.suspended_ns)
        day = self._shown_day(ist_day(now_ns))
        if day != self._day:
            self._open_day(day)
        minute, inside = self.tape.line.minute_at(at_ns)
        volume = self.running.volume
        self.seen_ns = now_ns
        if minute is None or ist_day(minute * MINUTE_NS) != day:
            self.running = _NOTHING
            self.ltp_e4 = self.previous_close_e4
            self.last_qty = 0
            return
        closed = self._up_to(minute if inside else minute + 1)
        bar = self.tape.minute(minute, at_ns + 1) if inside else None
        self.running = closed if bar is None else self._add(closed, bar, at_ns)
        self.ltp_e4 = self.running.last_e4 or self.previous_close_e4
        self._guess_last_qty(self.running.volume - volume, at_ns)
        if bar is not None:
            self._bounce(bar, at_ns)

    def forget_after(self, at_ns: int) -> None:
        """Take back what happened later than a moment."""
        self.tape.forget_after(at_ns)
        self.tape.line.forget_after(at_ns)
        self._day = -1
        self._closed = None

    def requote(self, now_ns: int, fill: Fill, priority: int) -> None:
        """Let the market maker quote anew around the fair price; users' orders meet it."""
        fair_e4 = self.fair_e4(now_ns)
        if self.upper_e4 and self.tape.line.version and fair_e4:
            self.flex(int(fair_e4))
        if fair_e4 > 0:
            self.book.ladder.quote(now_ns, fair_e4, self.lower_e4, self.upper_e4)
            self.book.requote(fill, priority)
        else:
            self.book.ladder.withdraw()

    def fair_e4(self, now_ns: int) -> float:
        """Give the price the market maker quotes around; it stands still in a pause."""
        line = self.tape.line
        held = self._pauses.held_at(now_ns)
        at_ns = now_ns if held is None else max(held, line.newest_move_ns)
        return max(line.price_at(at_ns) * 10_000, float(self.instrument.tick_e4))

    def print(self, at_ns: int, price_e4: int, quantity: int) -> None:
        """Show a trade at once."""
        self.tape.print(at_ns, price_e4, quantity)
        was = self.running
        self.running = Running(
            was.open_e4 or price_e4,
            max(was.high_e4, price_e4),
            min(was.low_e4 or price_e4, price_e4),
            price_e4,
            was.volume + quantity,
            was.turnover_e4 + price_e4 * quantity,
            at_ns,
        )
        self.ltp_e4 = price_e4
        self.last_qty = quantity

    def flex(self, price_e4: int) -> None:
        """Widen the day's band so that it holds a price, as exchanges do for derivatives' names."""
        if self.upper_e4 == 0:
            return
        step = max(int(self.previous_close_e4 * _FLEX), self.instrument.tick_e4)
        tick = self.instrument.tick_e4
        while price_e4 > self.upper_e4:
            self.upper_e4 = floor_to_tick(self.upper_e4 + max(step, self.upper_e4 // 20), tick)
        while price_e4 < self.lower_e4:
            self.lower_e4 = max(ceil_to_tick(self.lower_e4 - step, tick), tick)
            if self.lower_e4 == tick:
                break

    def quote(self) -> Quote:
        """Give all that is known, as of the last refresh."""
        day, instrument = self.running, self.instrument.id
        bids, asks = self.book.levels(Side.BUY, 1), self.book.levels(Side.SELL, 1)
        has_trades = day.last_ns > 0
        is_index = self.is_index
        low = min(day.low_e4 or self.ltp_e4, self.ltp_e4)
        high = max(day.high_e4, self.ltp_e4)
        return Quote(
            instrument=instrument,
            ltp_e4=self.ltp_e4,
            volume=None if is_index else day.volume,
            traded_ns=day.last_ns or None,
            exchange_ns=self.seen_ns,
            bid_qty=bids[0].quantity if bids else None,
            ask_qty=asks[0].quantity if asks else None,
            bid_e4=bids[0].price_e4 if bids else None,
            ask_e4=asks[0].price_e4 if asks else None,
            last_qty=None if is_index or not has_trades else self.last_qty,
            total_buy_qty=None if is_index else self._total(Side.BUY),
            total_sell_qty=None if is_index else self._total(Side.SELL),
            average_e4=None if is_index or not day.volume else day.turnover_e4 // day.volume,
            open_interest=self._interest_now(),
            low_e4=low if has_trades else None,
            high_e4=high if has_trades else None,
            year_high_e4=max(self._year[0], high) or None,
            year_low_e4=min(self._year[1] or low, low) or None,
            lower_circuit_e4=self.lower_e4 or None,
            upper_circuit_e4=self.upper_e4 or None,
            open_e4=day.open_e4 if has_trades else None,
            previous_close_e4=self.previous_close_e4,
            previous_open_interest=self.previous_interest,
        )

    def depth(self, levels: int) -> Depth:
        """Give the best levels of both sides."""
        book = self.book
        return Depth(
            self.instrument.id, book.levels(Side.BUY, levels), book.levels(Side.SELL, levels)
        )

    def _shown_day(self, today: int) -> int:
        """Give the day whose figures are shown: on a day without a session the last one with."""
        if self._shown[0] != today:
            grid = self.tape.line.grid
            known = [today] if len(grid.of_day(today)) else grid.days(today - 15, today)
            self._shown = (today, known[-1] if known else today)
        return self._shown[1]

    def _open_day(self, day: int) -> None:
        self._day = day
        self._closed = None
        self.running = _NOTHING
        line = self.tape.line
        self.previous_close_e4 = self._close_before(day)
        high, low = line.extremes(day)
        self._year = (self.tape.round(high), self.tape.round(low)) if high else (0, 0)
        start_ns = day * DAY_NS - IST_NS
        interest = line.open_interest(np.array([start_ns // MINUTE_NS]))
        self.previous_interest = None if interest is None else int(interest[0])
        self._set_band(day)

    def _close_before(self, day: int) -> int:
        line, tape = self.tape.line, self.tape
        untouched = tape.version == 0 and not tape.prints
        if isinstance(line, SpotLine) and untouched:
            return tape.round(line.reference(day))
        before = line.grid.days(day - _LOOK_BACK_DAYS, day - 1)
        start_ns = day * DAY_NS - IST_NS
        if isinstance(line, DerivedLine) and untouched and before:
            last = line.last_price(before[-1])
            return tape.round(line.price_at(start_ns) if last is None else last)
        bars = tape.minutes(before[-1], before[-1], start_ns) if before else None
        if bars is not None and len(bars.close):
            return int(bars.close[-1])
        return tape.round(line.price_at(start_ns))

    def _set_band(self, day: int) -> None:
        tick, close = self.instrument.tick_e4, self.previous_close_e4
        if self._band == 0.0:
            self.lower_e4 = self.upper_e4 = 0
            return
        listed = self.instrument
        if day == self.own_band_day and listed.lower_e4 and listed.upper_e4:
            self.lower_e4, self.upper_e4 = listed.lower_e4, listed.upper_e4
            return
        reach = close * self._band
        if self.instrument.kind is InstrumentKind.OPTION:
            spot = self.tape.line.underlying_reference(day)
            reach = max(float(close), spot * 10_000 * _OPTION_REACH)
        self.lower_e4 = max(ceil_to_tick(round(close - reach), tick), tick)
        self.upper_e4 = floor_to_tick(round(close + reach), tick)

    def _up_to(self, minute: int) -> Running:
        """Give the day's figures of the minutes before one; kept while they stand."""
        asked = (minute, self.tape.version)
        if self._closed is None or self._closed[0] != asked:
            bars = self.tape.minutes(self._day, self._day, minute * MINUTE_NS)
            self._closed = (asked, _sum_up(bars))
        return self._closed[1]

    def _add(self, closed: Running, bar: Bar, at_ns: int) -> Running:
        held = self._pauses.held_at(at_ns)
        last_ns = at_ns if held is None else held
        if self.tape.prints:
            newest = self.tape.prints[-1].at_ns
            if newest > last_ns or not self.tape.has_traded(bar.start_ns // MINUTE_NS):
                last_ns = newest
        return Running(
            closed.open_e4 or bar.open_e4,
            max(closed.high_e4, bar.high_e4),
            min(closed.low_e4 or bar.low_e4, bar.low_e4),
            bar.close_e4,
            closed.volume + bar.volume,
            closed.turnover_e4 + bar.turnover_e4,
            last_ns,
        )

    def _bounce(self, bar: Bar, at_ns: int) -> None:
        """Let the last price jump between the sides of a narrow book, inside the running bar."""
        if self.is_index or self.running.last_ns != at_ns or self._is_users(at_ns):
            return
        bits = draw_one(self.tape.line.key, at_ns // _MS, 60)
        price = self.ltp_e4 + (bits % 3 - 1) * self.instrument.tick_e4
        if bar.low_e4 <= price <= bar.high_e4:
            self.ltp_e4 = price

    def _is_users(self, at_ns: int) -> bool:
        return bool(self.tape.prints) and self.tape.prints[-1].at_ns == at_ns

    def _guess_last_qty(self, traded: int, at_ns: int) -> None:
        if traded <= 0 or self._is_users(at_ns):
            return
        unit = self.tape.line.unit
        lots = max(self.style.order_qty // unit, 1)
        guess = (1 + draw_one(self.tape.line.key, at_ns // _MS, 61) % lots) * unit
        self.last_qty = min(guess, traded)

    def _total(self, side: Side) -> int:
        """Give a whole side's quantity: far more than the levels shown, slowly changing."""
        bits = draw_one(self.tape.line.key, self.seen_ns // _TOTALS_LIVE_NS, 62 + side.sign)
        lots = self.style.mean_qty // self.style.unit * (80 + bits % 80)
        return lots * self.style.unit if self.book.ladder.step(side, 0) is not None else 0

    def _interest_now(self) -> int | None:
        minute = self.seen_ns // MINUTE_NS
        if self._interest[0] != minute:
            found = self.tape.line.open_interest(np.array([minute]))
            self._interest = (minute, None if found is None else int(found[0]))
        return self._interest[1]


def _sum_up(bars: Bars) -> Running:
    if len(bars.start_ns) == 0:
        return _NOTHING
    middle = (bars.high + bars.low + bars.close) // 3
    return Running(
        int(bars.open[0]),
        int(bars.high.max()),
        int(bars.low.min()),
        int(bars.close[-1]),
        int(bars.volume.sum()),
        sum(map(int.__mul__, middle.tolist(), bars.volume.tolist())),
        int(bars.start_ns[-1]) + MINUTE_NS,
    )
