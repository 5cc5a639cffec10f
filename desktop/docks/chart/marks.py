"""Orders and positions → lines on the price, and a dragged line → the change it asks for."""

from collections.abc import Iterable
from typing import Final

from brokers.model.instrument import InstrumentId
from brokers.model.money import value_paise
from brokers.model.order import Kind, OrderChange, OrderState
from desktop.chart.lines_item import OrderMark, PositionMark
from desktop.trading.portfolio import PositionRow
from desktop.trading.rows import OrderRow

_KINDS: Final = {
    Kind.LIMIT: "Limit",
    Kind.MARKET: "Market",
    Kind.STOP_LIMIT: "SL",
    Kind.STOP: "SL-M",
}


def line_price_e4(row: OrderRow) -> int | None:
    """Give where an order stands on the chart: its trigger until it fires, then its limit."""
    has_fired = row.state in (OrderState.OPEN, OrderState.PARTIAL)
    if row.kind.has_trigger and not has_fired:
        return row.trigger_e4
    return row.price_e4 if row.kind.has_price else None


def order_mark(row: OrderRow) -> OrderMark | None:
    """Give the line of a working order; None for one without a price."""
    price_e4 = line_price_e4(row)
    if not row.is_working or not price_e4:
        return None
    words = _KINDS[row.kind]
    if row.filled_qty:
        words += f" {row.filled_qty}/{row.quantity}"
    is_settled = not row.is_busy and not row.is_uncertain and row.state is not None
    if not is_settled:
        words += f" · {row.words}"
    return OrderMark(
        key=row.key,
        side=row.side,
        quantity=row.remaining_qty,
        price_e4=price_e4,
        text=words,
        can_move=row.can_change,
        can_cancel=row.is_working and not row.is_busy,
        is_settled=is_settled,
    )


def order_marks(rows: Iterable[OrderRow], instrument: InstrumentId) -> list[OrderMark]:
    """Give the lines of an instrument's working orders."""
    marks = [order_mark(row) for row in rows if row.instrument == instrument]
    return [mark for mark in marks if mark is not None]


def moved_to(row: OrderRow, price_e4: int) -> OrderChange:
    """Give an order's shape with its line at another price; an SL's limit moves with its trigger.

    The distance between the two is what the trader chose, and stays.
    """
    by_e4 = price_e4 - (line_price_e4(row) or 0)
    moves_trigger = row.kind.has_trigger and line_price_e4(row) == row.trigger_e4
    return OrderChange(
        quantity=row.quantity,
        kind=row.kind,
        price_e4=row.price_e4 + by_e4 if row.kind.has_price else 0,
        trigger_e4=row.trigger_e4 + by_e4 if moves_trigger else row.trigger_e4,
        validity=row.validity,
        disclosed_qty=row.disclosed_qty,
    )


def position_marks(
    rows: Iterable[PositionRow], instrument: InstrumentId, ltp_e4: int | None
) -> list[PositionMark]:
    """Give the lines of an instrument's open positions, with their profit at the last price.

    Without a known average there is no line.
    """
    return [
        PositionMark(
            quantity=row.net_qty,
            average_e4=row.average_e4,
            profit_paise=_profit_paise(row, ltp_e4),
            text=row.product.value,
        )
        for row in rows
        if row.instrument == instrument and row.is_open and row.average_e4
    ]


def _profit_paise(row: PositionRow, ltp_e4: int | None) -> int | None:
    if row.unrealised_paise is None or row.multiplier is None or ltp_e4 is None:
        return row.unrealised_paise
    return value_paise(ltp_e4 - row.average_e4, row.net_qty * row.multiplier)
