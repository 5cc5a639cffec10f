"""Prices, ladders and bars: what the market would show without any user."""

from collections.abc import Collection, Sequence

from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import Candle, Depth, Interval, MarketStatus, Quote, Span
from brokers.practice.values import Greeks


class Market:
    """Everything a face may ask about prices. Unknown instruments are a KeyError."""

    def quote(self, instrument: InstrumentId, /) -> Quote:
        """Give the full current quote; users' orders are part of its book."""
        raise NotImplementedError

    def depth(self, instrument: InstrumentId, /, levels: int = 5) -> Depth:
        """Give the best levels of the book (up to 50 a side), users' orders included."""
        raise NotImplementedError

    def candles(
        self, instrument: InstrumentId, interval: Interval, span: Span, /
    ) -> Sequence[Candle]:
        """Give the bars that open within the span, oldest first, the running one included."""
        raise NotImplementedError

    def listing(self, instrument: InstrumentId, /) -> Instrument:
        """Give the instrument with today's price band and previous close."""
        raise NotImplementedError

    def greeks(self, instrument: InstrumentId, /) -> Greeks | None:
        """Give an option's sensitivities now; None for anything else."""
        raise NotImplementedError

    def status(self) -> Sequence[MarketStatus]:
        """Give the phase of every segment that is listed."""
        raise NotImplementedError

    def is_expired(self, instrument: InstrumentId, /) -> bool:
        """Tell whether its expiry lies behind the exchange's clock."""
        raise NotImplementedError

    def step(
        self, now_ns: int, budget_ticks: int, subscribed: Collection[InstrumentId]
    ) -> list[InstrumentId]:
        """Move up to `budget_ticks` instruments to `now_ns`; use `Exchange.step` instead."""
        raise NotImplementedError
