"""The practice exchange: order life cycle, matching, accounts; clock injected, no I/O."""

from collections.abc import Callable, Collection, Mapping, Sequence

from brokers.model.instrument import InstrumentId
from brokers.model.order import Product, Side
from brokers.practice.clock import SimClock
from brokers.practice.market import Market
from brokers.practice.universe import Universe
from brokers.practice.values import (
    RISK,
    BookOrder,
    Change,
    Event,
    FundsRow,
    HoldingRow,
    PositionRow,
    Reason,
    Trade,
    Want,
)


class Exchange:
    """One exchange for all faces. Every refusal is `Rejected`; nothing here waits.

    Every call first lets pass what became due by the clock (session changes, expiry, bars).
    Listeners hear events at once and in order, before the call that caused them returns: for a
    placed order RECEIVED (PENDING_NEW), OPENED (OPEN or TRIGGER_PENDING), then its trades
    (OrderEvent FILLED, TradeEvent, PositionEvent each). How long a face keeps them back is the
    face's business.
    """

    universe: Universe
    market: Market
    clock: SimClock

    def open_account(self, account: str, *, recorded: frozenset[Reason] = RISK) -> None:
        """Open an account with its cash and holdings; again is a no-op.

        `recorded`: the refusals that leave a rejected order in this account's book.
        """
        raise NotImplementedError

    @property
    def accounts(self) -> Sequence[str]:
        """Name the accounts, in order of opening."""
        raise NotImplementedError

    def listen(self, listener: Callable[[Event], None], /) -> Callable[[], None]:
        """Hear every event from now on; the returned call ends it."""
        raise NotImplementedError

    # Orders
    def place(self, account: str, want: Want, *, request_id: str = "") -> BookOrder:
        """Take an order; the snapshot returned is its state after matching."""
        raise NotImplementedError

    def modify(self, account: str, order_id: str, change: Change) -> BookOrder:
        """Change a working order; it loses its place if price changes or quantity grows."""
        raise NotImplementedError

    def cancel(self, account: str, order_id: str) -> BookOrder:
        """Cancel what is left of a working order."""
        raise NotImplementedError

    def reject(
        self,
        account: str,
        want: Want,
        reason: Reason = Reason.BROKER,
        numbers: Mapping[str, int] | None = None,
        *,
        request_id: str = "",
    ) -> BookOrder:
        """Put a rejected order into the book for a face's own reason; never raises for it."""
        raise NotImplementedError

    def exit(self, account: str, instrument: InstrumentId, product: Product) -> BookOrder:
        """Close one position by a market order on the other side."""
        raise NotImplementedError

    def exit_all(self, account: str) -> list[BookOrder]:
        """Close every open position; nothing open is Rejected(NOTHING_TO_EXIT)."""
        raise NotImplementedError

    def convert(
        self,
        account: str,
        instrument: InstrumentId,
        products: tuple[Product, Product],
        side: Side,
        quantity: int,
    ) -> PositionRow:
        """Move part of an open position from the first product to the second."""
        raise NotImplementedError

    # Reading
    def order(self, account: str, order_id: str) -> BookOrder | None: ...
    def orders(self, account: str) -> list[BookOrder]:
        """Give today's orders in order of arrival."""
        raise NotImplementedError

    def all_orders(self) -> list[BookOrder]:
        """Give every order of every account and day, in order of arrival."""
        raise NotImplementedError

    def trades(self, account: str) -> list[Trade]:
        """Give today's trades, oldest first."""
        raise NotImplementedError

    def all_trades(self) -> list[Trade]:
        """Give every trade of every account and day, oldest first."""
        raise NotImplementedError

    def positions(self, account: str) -> list[PositionRow]:
        """Give today's positions, closed ones included."""
        raise NotImplementedError

    def holdings(self, account: str) -> list[HoldingRow]:
        """Give what lies in demat."""
        raise NotImplementedError

    def funds(self, account: str) -> FundsRow:
        """Give the account's money."""
        raise NotImplementedError

    def margin(self, account: str, wants: Sequence[Want]) -> int:
        """Give the paise these orders would block together on top of what is blocked now."""
        raise NotImplementedError

    # Time, the market, and trouble on purpose
    def pass_time(self) -> None:
        """Handle everything that became due by now, in order."""
        raise NotImplementedError

    def set_clock(self, at_ns: int) -> None:
        """Move exchange time; forward passes every event on the way, back reopens that day."""
        raise NotImplementedError

    def step(self, budget_ticks: int, subscribed: Collection[InstrumentId]) -> list[InstrumentId]:
        """Let the market move and users' orders meet it.

        Returns:
            instruments whose quote or depth changed since the last step, users' doing included.
        """
        raise NotImplementedError

    def set_price(self, instrument: InstrumentId, price_e4: int) -> None:
        """Trade once at this price; crossed resting orders fill, the ladder re-centres.

        Raises:
            ValueError: not a positive multiple of the tick, or the instrument does not trade.
        """
        raise NotImplementedError

    def pause(self, *, is_paused: bool) -> None:
        """Stop or restart the market maker: prices and its depth stand still, orders match."""
        raise NotImplementedError

    def arm_partial_fill(self, quantity: int, account: str = "") -> None:
        """Make the next accepted order fill exactly this much and keep the rest untouched."""
        raise NotImplementedError

    def release_held(self) -> None:
        """Disarm, and let held rests match again."""
        raise NotImplementedError
