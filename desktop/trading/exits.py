"""How to close a position without ever turning it around: pure."""

from collections.abc import Callable
from typing import Final

import msgspec

from brokers.model.instrument import Instrument
from brokers.model.market import Quote
from brokers.model.order import Kind, Side, Validity
from desktop.trading.drafts import OrderDraft
from desktop.trading.guard import protected_price
from desktop.trading.portfolio import PositionRow

MOST_SLICES: Final = 10


class ExitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Drafts to place, one after another, and why something cannot be closed."""

    drafts: tuple[OrderDraft, ...] = ()
    problems: tuple[str, ...] = ()


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What an exit must know of the world."""

    instrument: Callable[[PositionRow], Instrument | None]
    quote: Callable[[PositionRow], Quote | None]
    pending_qty: Callable[[PositionRow, Side], int]
    """What working orders on that side already close."""
    protect_percent: int
    account: str


def plan_exit(position: PositionRow, market: Market) -> ExitPlan:
    """Close what is open and not yet being closed, by protected limits within the freeze."""
    side = Side.SELL if position.net_qty > 0 else Side.BUY
    pending = market.pending_qty(position, side)
    left = abs(position.net_qty) - pending
    instrument = market.instrument(position)
    name = instrument.label if instrument is not None else position.instrument
    if not position.net_qty:
        return ExitPlan(problems=(f"{name}: nothing is open",))
    if left <= 0:
        return ExitPlan(problems=(f"{name}: {pending} are being closed already",))
    if instrument is None:
        return ExitPlan(problems=(f"{name}: not in today's list",))
    quote = market.quote(position)
    price = protected_price(side, quote, instrument.tick_e4, market.protect_percent)
    if price is None:
        return ExitPlan(problems=(f"{name}: no price is known",))
    drafts = tuple(
        OrderDraft(
            account=market.account,
            instrument=position.instrument,
            side=side,
            quantity=quantity,
            kind=Kind.LIMIT,
            price_e4=price,
            trigger_e4=0,
            product=position.product,
            validity=Validity.DAY,
            is_exit=True,
        )
        for quantity in _slices(left, instrument)
    )
    problems: tuple[str, ...] = ()
    if len(drafts) > MOST_SLICES:
        rest = left - sum(draft.quantity for draft in drafts[:MOST_SLICES])
        problems = (f"{name}: {rest} remain, more than {MOST_SLICES} orders hold",)
    return ExitPlan(drafts=drafts[:MOST_SLICES], problems=problems)


def _slices(quantity: int, instrument: Instrument) -> list[int]:
    """Cut a quantity into orders that the exchange's freeze limit lets through."""
    lot = max(1, instrument.lot_size)
    most = (instrument.freeze_qty or quantity) // lot * lot or quantity
    full, rest = divmod(quantity, most)
    return [most] * full + [rest] * bool(rest)
