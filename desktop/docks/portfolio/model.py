"""Positions, holdings and funds as rows of text and colour; no widgets."""

from collections.abc import Sequence
from typing import Final

import msgspec

from brokers.model.account import Funds, Ledger
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.order import Product
from desktop.trading.desk import Desk
from desktop.trading.portfolio import HoldingRow, PositionRow
from desktop.ui import rupees
from desktop.ui.columns import Column, by_sign

_PRODUCTS: Final = {
    Product.INTRADAY: "Intraday",
    Product.CNC: "Delivery",
    Product.MARGIN: "Carry",
}


class PositionLine(msgspec.Struct, frozen=True):
    """A position beside its instrument if that is listed."""

    row: PositionRow
    instrument: Instrument | None


class HoldingLine(msgspec.Struct, frozen=True):
    row: HoldingRow
    instrument: Instrument | None


class FundsLine(msgspec.Struct, frozen=True):
    """One line of the funds statement, equity and commodity side by side."""

    title: str
    equity_paise: int | None
    commodity_paise: int | None


def _name(instrument: Instrument | None, fallback: InstrumentId) -> str:
    return instrument.label if instrument is not None else fallback


def name_of(line: PositionLine | HoldingLine) -> str:
    """Give the name of what is owned, as it is shown."""
    return _name(line.instrument, line.row.instrument)


def _price(value: object, line: object) -> str:
    assert isinstance(value, int)
    assert isinstance(line, PositionLine | HoldingLine)
    return rupees.price(value, 2 if line.instrument is None else line.instrument.decimals)


def _group(value: object, _line: object) -> str:
    assert isinstance(value, int)
    return rupees.group(value)


def _signed(value: object, _line: object) -> str:
    assert isinstance(value, int)
    return rupees.signed(value)


def _profit(value: object, _line: object) -> str:
    assert isinstance(value, int)
    return rupees.signed_paise(value)


def _paise(value: object, _line: object) -> str:
    assert isinstance(value, int)
    return rupees.paise(value)


POSITION_COLUMNS: Final = (
    Column(id="name", title="Instrument", width=130, is_number=False, is_strong=True),
    Column(id="product", title="Product", width=70, is_number=False),
    Column(id="net", title="Qty", text=_signed, tint=by_sign, width=60),
    Column(id="average", title="Average", text=_price, width=84),
    Column(id="ltp", title="Last", text=_price, width=84, flashes=True),
    Column(id="unrealised", title="Open P&L", text=_profit, tint=by_sign, width=96),
    Column(id="realised", title="Booked P&L", text=_profit, tint=by_sign, width=96),
    Column(id="total", title="P&L", text=_profit, tint=by_sign, width=96, is_strong=True),
    Column(id="reason", title="Note", width=90, is_number=False, stretches=True, role="text_dim"),
    Column(id="bought", title="Bought", text=_group, width=66, is_shown=False),
    Column(id="sold", title="Sold", text=_group, width=66, is_shown=False),
)

HOLDING_COLUMNS: Final = (
    Column(id="name", title="Instrument", width=130, is_number=False, is_strong=True),
    Column(id="quantity", title="Qty", text=_group, width=60),
    Column(id="free", title="Free to sell", text=_group, width=84),
    Column(id="t1", title="T1", text=_group, width=50),
    Column(id="cost", title="Cost", text=_price, width=84),
    Column(id="ltp", title="Last", text=_price, width=84, flashes=True),
    Column(id="value", title="Value", text=_paise, width=104),
    Column(id="day", title="Day P&L", text=_profit, tint=by_sign, width=96),
    Column(id="profit", title="P&L", text=_profit, tint=by_sign, width=96, is_strong=True),
    Column(id="isin", title="ISIN", width=110, is_number=False, stretches=True, role="text_dim"),
)

FUNDS_COLUMNS: Final = (
    Column(id="title", title="Line", width=200, is_number=False, is_strong=True),
    Column(id="equity", title="Equity", text=_paise, width=130),
    Column(id="commodity", title="Commodity", text=_paise, width=130),
    Column(id="space", title="", width=40, is_number=False, stretches=True),
)


IMPORTANCE: Final = {
    "positions": (
        *("name", "net", "ltp", "total", "average", "product", "unrealised", "realised", "reason"),
    ),
    "holdings": (
        *("name", "quantity", "ltp", "profit", "cost", "value", "day", "free", "t1", "isin"),
    ),
}
"""Columns by importance: where room is short the last ones go first."""


def position_values(line: object) -> Sequence[object]:
    """Give a position's values in the order of its columns."""
    assert isinstance(line, PositionLine)
    row = line.row
    note = row.reason or ("" if row.is_confirmed else "confirming with the broker")
    return (
        _name(line.instrument, row.instrument),
        _PRODUCTS.get(row.product, row.product.value),
        row.net_qty,
        row.average_e4 if row.is_open else None,
        row.ltp_e4,
        row.unrealised_paise,
        row.realised_paise,
        row.total_paise,
        note,
        row.buy_qty,
        row.sell_qty,
    )


def holding_values(line: object) -> Sequence[object]:
    """Give a holding's values in the order of its columns."""
    assert isinstance(line, HoldingLine)
    row = line.row
    return (
        _name(line.instrument, row.instrument),
        row.quantity,
        row.free_qty,
        row.t1_qty,
        row.cost_e4,
        row.ltp_e4,
        row.value_paise,
        row.day_paise,
        row.profit_paise,
        row.isin,
    )


def funds_values(line: object) -> Sequence[object]:
    """Give a funds line's values in the order of its columns."""
    assert isinstance(line, FundsLine)
    return (line.title, line.equity_paise, line.commodity_paise, "")


def position_lines(desk: Desk) -> dict[str, PositionLine]:
    """Give the day's positions by key, open ones first."""
    rows = sorted(desk.portfolio.positions(), key=lambda row: not row.is_open)
    return {row.key: PositionLine(row, desk.instruments.instrument(row.instrument)) for row in rows}


def holding_lines(desk: Desk) -> dict[str, HoldingLine]:
    return {
        row.instrument: HoldingLine(row, desk.instruments.instrument(row.instrument))
        for row in desk.portfolio.holdings()
    }


_LEDGER: Final = (
    ("available_paise", "Available"),
    ("used_paise", "In use"),
    ("total_paise", "Total"),
    ("opening_paise", "At the start of the day"),
    ("clear_paise", "Clear balance"),
    ("realised_paise", "Booked profit and loss"),
    ("collateral_paise", "Collateral"),
    ("transfer_paise", "Paid in or out today"),
    ("receivable_paise", "Receivable"),
    ("adhoc_paise", "Ad hoc limit"),
)


def funds_lines(funds: Funds | None) -> dict[str, FundsLine]:
    """Give the funds statement; empty before the broker gave one."""
    if funds is None:
        return {}
    return {
        field: FundsLine(title, _amount(funds.equity, field), _amount(funds.commodity, field))
        for field, title in _LEDGER
    }


def _amount(ledger: Ledger, field: str) -> int | None:
    amount = getattr(ledger, field)
    assert amount is None or isinstance(amount, int)
    return amount
