"""A trading floor for tests: one exchange, its clock in the test's hands, events on record."""

import datetime as dt
from collections.abc import Mapping
from typing import Final

from brokers.model.instrument import InstrumentId
from brokers.model.market import Quote
from brokers.model.order import Kind, Product, Side, Validity
from brokers.practice.calendar import Calendar, ist_ns, shipped_calendar
from brokers.practice.clock import SECOND_NS, SimClock
from brokers.practice.exchange import Exchange
from brokers.practice.history import Recording
from brokers.practice.market import Market
from brokers.practice.universe import Universe, build_universe
from brokers.practice.values import BookOrder, Event, OrderEvent, TradeEvent, Want

CALENDAR: Final[Calendar] = shipped_calendar()
FRIDAY: Final = dt.date(2026, 11, 20)
TEN: Final = 600
SMALL: Final[Universe] = build_universe("small", FRIDAY, CALENDAR)
ME, YOU = "me", "you"


class Floor:
    """An exchange at ten o'clock of a Friday; time moves only when a test says so."""

    def __init__(
        self,
        *,
        seed: int = 1,
        universe: Universe = SMALL,
        recordings: Mapping[str, Recording] | None = None,
        start: tuple[dt.date, int] = (FRIDAY, TEN),
    ) -> None:
        self.machine_ns = 0
        self.clock = SimClock(ist_ns(*start), lambda: self.machine_ns)
        self.market = Market(
            universe, CALENDAR, self.clock.now_ns, seed=seed, recordings=recordings
        )
        self.exchange = Exchange(self.market, self.clock)
        for account in (ME, YOU):
            self.exchange.open_account(account)
        self.events: list[Event] = []
        self.exchange.listen(self.events.append)

    def id(self, symbol: str) -> InstrumentId:
        found = self.exchange.universe.by_symbol(symbol)
        assert found is not None, symbol
        return found.id

    def quote(self, symbol: str) -> Quote:
        return self.market.quote(self.id(symbol))

    def wait(self, seconds: float) -> None:
        """Let real time pass, as the host would see it."""
        self.machine_ns += round(seconds * SECOND_NS)
        self.exchange.step(0, ())

    def at(self, date: dt.date, minute: int) -> None:
        """Set exchange time."""
        self.exchange.set_clock(ist_ns(date, minute))

    def want(
        self,
        symbol: str,
        side: Side,
        quantity: int,
        price_e4: int = 0,
        *,
        trigger_e4: int = 0,
        product: Product = Product.INTRADAY,
        validity: Validity = Validity.DAY,
        is_after_market: bool = False,
        tag: str = "",
    ) -> Want:
        kinds = {
            (False, False): Kind.MARKET,
            (True, False): Kind.LIMIT,
            (False, True): Kind.STOP,
            (True, True): Kind.STOP_LIMIT,
        }
        return Want(
            instrument=self.id(symbol),
            side=side,
            quantity=quantity,
            kind=kinds[price_e4 > 0, trigger_e4 > 0],
            product=product,
            price_e4=price_e4,
            trigger_e4=trigger_e4,
            validity=validity,
            is_after_market=is_after_market,
            tag=tag,
        )

    def buy(self, symbol: str, quantity: int, price_e4: int = 0, **rest: object) -> BookOrder:
        return self.place(self.want(symbol, Side.BUY, quantity, price_e4, **rest))  # type: ignore[arg-type]  # passed on

    def sell(self, symbol: str, quantity: int, price_e4: int = 0, **rest: object) -> BookOrder:
        return self.place(self.want(symbol, Side.SELL, quantity, price_e4, **rest))  # type: ignore[arg-type]  # passed on

    def place(self, want: Want, account: str = ME) -> BookOrder:
        return self.exchange.place(account, want)

    def now(self, order: BookOrder) -> BookOrder:
        """Give an order as it is by now."""
        found = self.exchange.order(order.account, order.order_id)
        assert found is not None
        return found

    def story(self) -> list[str]:
        """Tell what was heard, and forget it: causes, and `trade`."""
        told = [
            each.cause.value if isinstance(each, OrderEvent) else "trade"
            for each in self.events
            if isinstance(each, OrderEvent | TradeEvent)
        ]
        self.events.clear()
        return told
