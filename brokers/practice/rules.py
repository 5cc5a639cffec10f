"""What the exchange and its brokers check before an order exists, and before it works.

Order of checks: does the thing exist, is the request well formed, may it trade now, may it trade
at this price. The first failure is the answer.
"""

from collections.abc import Iterator
from typing import NamedTuple

from brokers.model.instrument import Instrument, InstrumentKind, Segment
from brokers.model.market import MarketPhase
from brokers.model.order import Product, Validity
from brokers.practice.values import Reason, Rejected, Want


class Facts(NamedTuple):
    """What a check has to know of the market."""

    phase: MarketPhase
    is_expired: bool
    is_suspended: bool
    ltp_e4: int
    lower_e4: int
    upper_e4: int


Finding = tuple[Reason, dict[str, int]]


def check_shape(want: Want, listed: Instrument, *, is_expired: bool) -> None:
    """Refuse what no market state could make right; such an order never comes into being."""
    _raise_first(_shape_findings(want, listed, is_expired=is_expired))


def check_market(want: Want, facts: Facts, *, is_modified: bool = False) -> None:
    """Refuse what the market does not take now or at this price."""
    _raise_first(_market_findings(want, facts, is_modified=is_modified))


def check_band(want: Want, facts: Facts) -> None:
    """Refuse prices outside the day's limits."""
    _raise_first(_band_findings(want, facts))


def _raise_first(findings: Iterator[Finding]) -> None:
    for reason, numbers in findings:
        raise Rejected(reason, numbers)


def _shape_findings(want: Want, listed: Instrument, *, is_expired: bool) -> Iterator[Finding]:
    yield from _listing_findings(listed, is_expired=is_expired)
    yield from _quantity_findings(want, listed)
    if want.product not in products_of(listed):
        yield Reason.PRODUCT, {}
    yield from _price_findings(want, listed)
    if want.validity is Validity.IOC and want.is_after_market:
        yield Reason.VALIDITY, {}
    yield from _disclosed_findings(want, listed)


def _listing_findings(listed: Instrument, *, is_expired: bool) -> Iterator[Finding]:
    if listed.kind is InstrumentKind.INDEX or not listed.is_tradable:
        yield Reason.NOT_TRADABLE, {}
    if is_expired:
        yield Reason.EXPIRED, {}
    if listed.multiplier is None:
        yield Reason.MULTIPLIER_UNKNOWN, {}


def _quantity_findings(want: Want, listed: Instrument) -> Iterator[Finding]:
    if want.quantity <= 0:
        yield Reason.QUANTITY, {"quantity": want.quantity}
    lot = max(listed.lot_size, 1)
    if want.quantity % lot:
        yield Reason.LOT, {"quantity": want.quantity, "lot_size": lot}
    freeze = listed.freeze_qty
    if freeze is not None and want.quantity > freeze:
        yield Reason.FREEZE, {"quantity": want.quantity, "freeze_qty": freeze}


def _price_findings(want: Want, listed: Instrument) -> Iterator[Finding]:
    tick, kind = listed.tick_e4, want.kind
    if (want.price_e4 > 0) != kind.has_price or want.price_e4 < 0:
        yield Reason.PRICE, {"price_e4": want.price_e4}
    if (want.trigger_e4 > 0) != kind.has_trigger or want.trigger_e4 < 0:
        yield Reason.TRIGGER, {"trigger_e4": want.trigger_e4}
    if want.price_e4 % tick:
        yield Reason.TICK, {"price_e4": want.price_e4, "tick_e4": tick}
    if want.trigger_e4 % tick:
        yield Reason.TRIGGER_TICK, {"trigger_e4": want.trigger_e4, "tick_e4": tick}
    beyond = (want.trigger_e4 - want.price_e4) * want.side.sign
    if kind.has_price and kind.has_trigger and beyond > 0:
        yield (
            Reason.TRIGGER_LIMIT,
            {"trigger_e4": want.trigger_e4, "price_e4": want.price_e4},
        )


def _disclosed_findings(want: Want, listed: Instrument) -> Iterator[Finding]:
    disclosed = want.disclosed_qty
    too_much = disclosed > want.quantity or (disclosed and listed.segment is not Segment.CM)
    if disclosed < 0 or too_much:
        yield Reason.DISCLOSED, {"disclosed_qty": disclosed, "quantity": want.quantity}


def _market_findings(want: Want, facts: Facts, *, is_modified: bool) -> Iterator[Finding]:
    is_closed = facts.phase in (MarketPhase.CLOSED, MarketPhase.UNKNOWN)
    if want.is_after_market != is_closed and not is_modified:
        yield Reason.SESSION, {}
    if facts.is_suspended:
        yield Reason.SUSPENDED, {}
    yield from _band_findings(want, facts)
    if want.kind.has_trigger and not want.is_after_market:
        wrong_side = (facts.ltp_e4 - want.trigger_e4) * want.side.sign > 0
        if wrong_side:
            yield (
                Reason.TRIGGER_LTP,
                {"trigger_e4": want.trigger_e4, "ltp_e4": facts.ltp_e4},
            )


def _band_findings(want: Want, facts: Facts) -> Iterator[Finding]:
    if not facts.upper_e4:
        return
    for price in (want.price_e4, want.trigger_e4):
        if price and not facts.lower_e4 <= price <= facts.upper_e4:
            yield (
                Reason.BAND,
                {"price_e4": price, "lower_e4": facts.lower_e4, "upper_e4": facts.upper_e4},
            )


def products_of(listed: Instrument) -> tuple[Product, ...]:
    """Give the products an instrument may be traded as, the usual one first."""
    if listed.segment is Segment.CM:
        return (Product.CNC, Product.INTRADAY)
    return (Product.MARGIN, Product.INTRADAY)


def may_convert(listed: Instrument, old: Product, new: Product) -> bool:
    """Tell whether a position may change its product so."""
    allowed = products_of(listed)
    return old != new and old in allowed and new in allowed
