"""What can be traded or watched, and its one name."""

import datetime as dt
import enum
from typing import NewType

import msgspec

InstrumentId = NewType("InstrumentId", str)
"""`EXCHANGE:SEGMENT:TOKEN` with the exchange's own token, `NSE:CM:3045`: a broker-free key.

A token alone is not unique (two segments share numbers), the three parts are. Text, because it is
hashed for every tick and written into workspaces and journals.
"""


class Exchange(enum.StrEnum):
    NSE = "NSE"
    BSE = "BSE"
    MCX = "MCX"


class Segment(enum.StrEnum):
    """The exchange's segments: capital market, equity, currency, commodity derivatives."""

    CM = "CM"
    FO = "FO"
    CD = "CD"
    COM = "COM"


class InstrumentKind(enum.StrEnum):
    EQUITY = "equity"
    INDEX = "index"
    FUTURE = "future"
    OPTION = "option"
    FUND = "fund"
    BOND = "bond"
    OTHER = "other"


class Right(enum.StrEnum):
    """An option's right."""

    CALL = "CE"
    PUT = "PE"


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of an exchange's contract master.

    `symbol` is `EXCHANGE:NAME` as traders know it (`NSE:SBIN-EQ`, `NSE:NIFTY26SEP29200CE`).
    `lot_size` is the step of order quantities. `multiplier` is the number of units of the
    underlying in one unit of order quantity (1 for shares); None: the master did not say, so
    profit cannot be told and orders are refused. Limits are None when the master has none.
    """

    id: InstrumentId
    exchange: Exchange
    segment: Segment
    token: str
    symbol: str
    name: str
    kind: InstrumentKind
    lot_size: int
    tick_e4: int
    isin: str = ""
    underlying: str = ""
    underlying_id: InstrumentId | None = None
    expiry: dt.date | None = None
    strike_e4: int | None = None
    right: Right | None = None
    multiplier: int | None = None
    freeze_qty: int | None = None
    lower_e4: int | None = None
    upper_e4: int | None = None
    previous_close_e4: int | None = None
    session: str = ""
    is_tradable: bool = True

    @property
    def series(self) -> str:
        """The part after the last hyphen of a cash symbol (`EQ`), empty for derivatives."""
        return self.symbol.rpartition("-")[2] if "-" in self.symbol else ""

    @property
    def ticker(self) -> str:
        """The symbol without its exchange: `SBIN-EQ`."""
        return self.symbol.partition(":")[2]

    @property
    def label(self) -> str:
        """The name as traders say it: `SBIN`, `NIFTY50`, `MODIRUBBER-BE`.

        The usual series and the word INDEX are left out; another series changes what is traded.
        """
        return self.ticker.removesuffix("-EQ").removesuffix("-INDEX")

    @property
    def decimals(self) -> int:
        """How many decimals its prices are shown with: four for ticks finer than a paisa."""
        return 2 if self.tick_e4 % 100 == 0 else 4


def instrument_id(exchange: str, segment: str, token: str) -> InstrumentId:
    """Build the one name of an instrument from the exchange's own parts."""
    return InstrumentId(f"{exchange}:{segment}:{token}")


def split_id(instrument: InstrumentId) -> tuple[str, str, str]:
    """Give exchange, segment and token back; a malformed id is a ValueError."""
    exchange, segment, token = instrument.split(":")
    return exchange, segment, token
