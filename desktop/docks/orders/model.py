"""Orders and trades as rows of text and colour; no widgets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.order import Fill, Kind, OrderState, Product, Side
from desktop.trading.clock import ist_time_text
from desktop.trading.desk import Desk
from desktop.trading.rows import OrderRow
from desktop.ui import rupees
from desktop.ui.columns import Column

KINDS: Final = {
    Kind.LIMIT: "Limit",
    Kind.MARKET: "Market",
    Kind.STOP_LIMIT: "SL",
    Kind.STOP: "SL-M",
}
_STATE_ROLES: Final = {
    OrderState.FILLED: "up",
    OrderState.REJECTED: "danger",
    OrderState.CANCELLED: "text_dim",
    OrderState.EXPIRED: "text_dim",
    OrderState.PARTIAL: "accent",
    OrderState.OPEN: "accent",
    OrderState.TRIGGER_PENDING: "accent",
    OrderState.UNMAPPED: "danger",
}


class OrderLine(msgspec.Struct, frozen=True):
    """One order as the table shows it, beside its instrument if that is listed."""

    row: OrderRow
    instrument: Instrument | None


class TradeLine(msgspec.Struct, frozen=True):
    fill: Fill
    instrument: Instrument | None


def _name(instrument: Instrument | None, fallback: InstrumentId) -> str:
    return instrument.label if instrument is not None else fallback


def name_of(line: OrderLine | TradeLine) -> str:
    """Give the name of what was ordered or traded, as it is shown."""
    source = line.row if isinstance(line, OrderLine) else line.fill
    return _name(line.instrument, source.instrument)


def _price(value: object, line: object) -> str:
    assert isinstance(value, int)
    assert isinstance(line, OrderLine | TradeLine)
    return rupees.price(value, 2 if line.instrument is None else line.instrument.decimals)


def _time(value: object, _line: object) -> str:
    assert isinstance(value, int)
    return ist_time_text(value)


def _group(value: object, _line: object) -> str:
    assert isinstance(value, int)
    return rupees.group(value)


def _side_role(value: object, _line: object) -> str:
    return "buy" if value == Side.BUY.value.capitalize() else "sell"


def _state_role(_value: object, line: object) -> str:
    assert isinstance(line, OrderLine)
    row = line.row
    if row.is_uncertain or row.alarm:
        return "warn"
    if row.state is None:
        return "danger" if not row.is_working else "text_dim"
    return _STATE_ROLES.get(row.state, "text")


ORDER_COLUMNS: Final = (
    Column(id="time", title="Time", text=_time, width=68),
    Column(id="name", title="Instrument", width=130, is_number=False, is_strong=True),
    Column(id="side", title="Side", width=44, is_number=False, tint=_side_role),
    Column(id="filled", title="Filled", text=_group, width=60),
    Column(id="quantity", title="Qty", text=_group, width=56),
    Column(id="price", title="Price", text=_price, width=80),
    Column(id="trigger", title="Trigger", text=_price, width=76),
    Column(id="average", title="Average", text=_price, width=80),
    Column(id="kind", title="Type", width=56, is_number=False),
    Column(id="product", title="Product", width=72, is_number=False),
    Column(
        id="state",
        title="State",
        width=110,
        is_number=False,
        tint=_state_role,
        stretches=True,
    ),
    Column(id="id", title="Order id", width=120, is_number=False, is_shown=False),
)

IMPORTANCE: Final = (
    *("name", "side", "quantity", "price", "state", "filled", "time", "average"),
    *("product", "kind", "trigger"),
)
"""Columns of the orders by importance: where room is short the last ones go first."""

TRADE_COLUMNS: Final = (
    Column(id="time", title="Time", text=_time, width=68),
    Column(id="name", title="Instrument", width=130, is_number=False, is_strong=True),
    Column(id="side", title="Side", width=44, is_number=False, tint=_side_role),
    Column(id="quantity", title="Qty", text=_group, width=56),
    Column(id="price", title="Price", text=_price, width=80),
    Column(id="product", title="Product", width=72, is_number=False, stretches=True),
    Column(id="trade", title="Trade id", width=140, is_number=False, is_shown=False),
    Column(id="order", title="Order id", width=120, is_number=False, is_shown=False),
)


def order_values(line: object) -> Sequence[object]:
    """Give an order's values in the order of its columns; 0 prices are "not used"."""
    assert isinstance(line, OrderLine)
    row = line.row
    return (
        row.placed_ns,
        _name(line.instrument, row.instrument),
        row.side.value.capitalize(),
        row.filled_qty,
        row.quantity,
        row.price_e4 or None,
        row.trigger_e4 or None,
        row.average_e4 or None,
        KINDS[row.kind],
        _PRODUCTS.get(row.product, row.product.value),
        f"{row.words} — {row.alarm}" if row.alarm else row.words,
        row.broker_id or None,
    )


_PRODUCTS: Final[Mapping[Product, str]] = {
    Product.INTRADAY: "Intraday",
    Product.CNC: "Delivery",
    Product.MARGIN: "Carry",
}


def trade_values(line: object) -> Sequence[object]:
    """Give a trade's values in the order of its columns."""
    assert isinstance(line, TradeLine)
    fill = line.fill
    return (
        fill.at_ns,
        _name(line.instrument, fill.instrument),
        fill.side.value.capitalize(),
        fill.quantity,
        fill.price_e4,
        _PRODUCTS.get(fill.product, fill.product.value),
        fill.trade_id,
        fill.broker_id,
    )


_FILTERS: Final[Mapping[str, Callable[[OrderRow], bool]]] = {
    "all": lambda _row: True,
    "working": lambda row: row.is_working or row.is_uncertain,
    "done": lambda row: not (row.is_working or row.is_uncertain),
}


def order_lines(desk: Desk, which: str) -> dict[str, OrderLine]:
    """Give the orders of a filter by key, newest first."""
    wanted = _FILTERS[which]
    return {
        row.key: OrderLine(row, desk.instruments.instrument(row.instrument))
        for row in reversed(desk.orders.rows())
        if wanted(row)
    }


def trade_lines(desk: Desk) -> dict[str, TradeLine]:
    """Give the day's executions by trade id, newest first."""
    fills = [fill for line in desk.orders.table for fill in line.proven.fills.values()]
    fills.sort(key=lambda fill: fill.at_ns or 0, reverse=True)
    return {
        fill.trade_id: TradeLine(fill, desk.instruments.instrument(fill.instrument))
        for fill in fills
    }
