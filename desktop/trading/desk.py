"""One open account and everything the window shows of it.

Every dock names this type, so importing it must cost nothing: what a desk is made of is imported
when one is opened.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from brokers.model.market import MarketPhase
from brokers.port import Capabilities
from desktop.trading.accounts import AccountState
from desktop.trading.clock import Clock
from desktop.trading.hub import Hub

if TYPE_CHECKING:
    from desktop.trading.candles import CandleBook
    from desktop.trading.instruments import Instruments
    from desktop.trading.orders import OrderDesk
    from desktop.trading.portfolio import Portfolio


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What docks are bound to. A second account is a second Desk with all its own parts."""

    account: AccountState
    capabilities: Capabilities
    clock: Clock
    instruments: "Instruments"
    hub: Hub
    candles: "CandleBook"
    orders: "OrderDesk"
    portfolio: "Portfolio"
    phase: Callable[[], MarketPhase]
    """The equity market's phase, as the broker says, else as the calendar has it."""
