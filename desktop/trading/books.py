"""Reads the broker's books and hands them to where they are compared. Reads may be repeated."""

import contextlib
from collections.abc import Iterator, Sequence

from brokers.errors import BrokerError, LoginExpired, NotSent
from brokers.model.order import OrderUpdate
from brokers.port import Broker
from desktop.trading.accounts import Block
from desktop.trading.evidence import Evidence
from desktop.trading.listeners import Listeners
from desktop.trading.portfolio import Portfolio
from desktop.trading.recorder import Recorder


class Books:
    """Every reading of orders, executions, positions, holdings and funds passes here."""

    def __init__(self, recorder: Recorder, evidence: Evidence, portfolio: Portfolio) -> None:
        self.was_read: Listeners[[int, Sequence[OrderUpdate]]] = Listeners()
        """Told of each complete order book: when its reading began, and its content."""
        self.is_readable_again: Listeners[[]] = Listeners()
        """Told of the first reading that succeeds after one that failed."""
        self._recorder = recorder
        self._evidence = evidence
        self._portfolio = portfolio
        self._has_failed = False

    async def orders(self) -> Sequence[OrderUpdate]:
        """Read the complete order book.

        Raises:
            BrokerError: it could not be read; nothing is known, least of all that it is empty.
        """
        began = self._now()
        with self._watched():
            updates = await self._broker().orders()
        self._evidence.book(updates, began_mono=began)
        self._succeeded()
        self.was_read.tell(began, updates)
        return updates

    async def tagged(self, tag: str) -> bool:
        """Ask for one tag; tells whether the broker knows it."""
        with self._watched():
            updates = await self._broker().orders_tagged(tag)
        mine = [update for update in updates if update.tag == tag]
        self._evidence.found(mine)
        self._succeeded()
        return bool(mine)

    async def fills(self) -> None:
        with self._watched():
            fills = await self._broker().fills()
        for fill in fills:
            self._evidence.fill(fill, is_old=True)

    async def positions(self) -> None:
        began = self._now()
        with self._watched():
            positions = await self._broker().positions()
        self._portfolio.receive_positions(positions, began_mono=began)

    async def holdings(self) -> None:
        with self._watched():
            holdings = await self._broker().holdings()
        self._portfolio.receive_holdings(holdings)

    async def funds(self) -> None:
        with self._watched():
            funds = await self._broker().funds()
        self._portfolio.receive_funds(funds)

    def _now(self) -> int:
        return self._recorder.seams.timer.monotonic_ns()

    def _broker(self) -> Broker:
        if self._recorder.broker is None:
            raise NotSent("the account is not connected")
        return self._recorder.broker

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        account = self._recorder.account
        try:
            yield
        except LoginExpired as error:
            self._has_failed = True
            account.block(Block.LOGIN, f"log in again: {error.text}")
            raise
        except BrokerError:
            self._has_failed = True
            raise
        if self._recorder.broker is not None:
            account.set_clock_offset(self._recorder.broker.server_offset_ns())

    def _succeeded(self) -> None:
        if self._has_failed:
            self._has_failed = False
            self.is_readable_again.tell()
