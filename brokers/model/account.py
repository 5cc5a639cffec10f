"""What an account holds and owes."""

import msgspec
from typing_extensions import override

from brokers.model.instrument import InstrumentId
from brokers.model.order import Product


class Profile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who logged in. `account` is the client code: shown masked, never logged."""

    account: str
    name: str

    @override
    def __repr__(self) -> str:
        return "Profile(…)"


class Position(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One net position of the day. Values are Σ price × quantity, without the multiplier.

    `multiplier` is the units per quantity that the broker used, None where it did not say.
    """

    instrument: InstrumentId
    product: Product
    net_qty: int
    buy_qty: int
    buy_value_e4: int
    sell_qty: int
    sell_value_e4: int
    carried_qty: int = 0
    ltp_e4: int | None = None
    multiplier: int | None = None


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Shares in demat; `free_qty` can be sold today, `t1_qty` is bought but not yet delivered."""

    instrument: InstrumentId
    isin: str
    quantity: int
    free_qty: int
    t1_qty: int
    collateral_qty: int
    cost_e4: int
    ltp_e4: int | None = None


class Ledger(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ledger of the funds statement; None where the broker's statement has no such line."""

    available_paise: int
    used_paise: int
    total_paise: int
    opening_paise: int | None = None
    clear_paise: int | None = None
    realised_paise: int | None = None
    collateral_paise: int | None = None
    transfer_paise: int | None = None
    receivable_paise: int | None = None
    adhoc_paise: int | None = None


class Funds(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Two ledgers, never summed blindly."""

    equity: Ledger
    commodity: Ledger
