"""The checks before an order may leave: pure, each finding with its field and a sentence.

The exchange has the last word on bands, gaps and freezes; what its masters and feeds said today is
checked here so that the trader hears it before the broker's risk desk does. Lot and tick are exact.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from brokers.model.instrument import Instrument, InstrumentKind
from brokers.model.market import MarketPhase, Quote
from brokers.model.money import ceil_to_tick, floor_to_tick, format_e4, is_on_tick, value_paise
from brokers.model.order import Kind, OrderChange, Product, Side, Validity
from brokers.port import Capabilities
from desktop.settings import Settings
from desktop.trading.drafts import OrderDraft
from desktop.trading.hub import Freshness
from desktop.trading.rows import Finding, Level, OrderRow

_BP: Final = 10_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the trader allows at most; the defaults are the strict ones.

    Distances are in hundredths of a percent of the last price. An option's are measured against
    its own premium and are wider, as the exchange's own are (40 %, at least ₹20); a few ticks are
    always allowed.
    """

    max_value_paise: int = 50_000_000
    max_quantity: int = 10_000
    per_minute: int = 30
    max_open_orders: int = 500
    max_day_loss_paise: int | None = None
    protect_percent: int = 1
    warn_bp: int = 300
    block_bp: int = 1_000
    option_warn_bp: int = 1_000
    option_block_bp: int = 4_000
    option_warn_e4: int = 20_000
    option_block_e4: int = 200_000
    lookalike_ms: int = 3_000

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Read the trader's own limits."""
        return cls(
            max_value_paise=settings.number("orders.max_value_rupees") * 100,
            max_quantity=settings.number("orders.max_quantity"),
            per_minute=settings.number("orders.per_minute"),
            protect_percent=settings.number("orders.protect_percent"),
        )


class Recent(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the last minute that left or may have left."""

    draft: OrderDraft
    age_ms: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All the guard may know; None is "not known"."""

    account: str
    problem: str
    """Why the account may not trade; empty when it may."""
    cautions: tuple[str, ...]
    capabilities: Capabilities | None
    instrument: Instrument | None
    quote: Quote | None
    freshness: Freshness
    age_ms: int | None
    phase: MarketPhase
    today: dt.date
    net_qty: int | None
    """The position in this instrument and product."""
    pending_exit_qty: int
    """What working orders already close of it."""
    holding_qty: int | None
    available_paise: int | None
    day_paise: int | None
    open_orders: int
    recent: tuple[Recent, ...]


Rule = Callable[[OrderDraft, Facts, Limits], Iterable[Finding]]


def check_order(draft: OrderDraft, facts: Facts, limits: Limits) -> tuple[Finding, ...]:
    """Give everything there is to say about an order before it is sent."""
    if facts.instrument is None:
        return (*_account(draft, facts, limits), _block("instrument", "unknown", _UNLISTED))
    return tuple(finding for rule in _ORDER_RULES for finding in rule(draft, facts, limits))


def check_change(
    row: OrderRow, to: OrderChange, revision: int, facts: Facts, limits: Limits
) -> tuple[Finding, ...]:
    """Give everything there is to say about changing a working order."""
    if facts.instrument is None:
        return (_block("instrument", "unknown", _UNLISTED),)
    wanted = OrderDraft(
        account=facts.account,
        instrument=row.instrument,
        side=row.side,
        quantity=to.quantity,
        kind=to.kind,
        price_e4=to.price_e4,
        trigger_e4=to.trigger_e4,
        product=row.product,
        validity=to.validity,
        disclosed_qty=to.disclosed_qty,
        is_after_market=row.is_after_market,
        draft_id="",
    )
    own = _change(row, to, revision)
    return (*own, *(each for rule in _CHANGE_RULES for each in rule(wanted, facts, limits)))


def check_cancel(row: OrderRow | None) -> tuple[Finding, ...]:
    """Say why an order cannot be cancelled; a halt never stops a cancel."""
    if row is None:
        return (_block("order", "unknown", "this order is not in the table"),)
    if not row.is_working:
        return (_block("order", "over", f"the order is {row.words}"),)
    if not row.broker_id:
        return (_block("order", "no_id", "the broker has not given the order a number yet"),)
    if row.is_busy and row.pending is not None:
        return (_block("order", "busy", f"wait: {row.pending.words}"),)
    return ()


def is_blocked(findings: Iterable[Finding]) -> bool:
    return any(finding.level is Level.BLOCK for finding in findings)


def questions(findings: Iterable[Finding], confirmed: frozenset[str]) -> tuple[Finding, ...]:
    """Give the questions that still want a yes."""
    return tuple(f for f in findings if f.level is Level.ASK and f.code not in confirmed)


def protected_price(side: Side, quote: Quote | None, tick_e4: int, percent: int) -> int | None:
    """Give the worst price of an order that should fill at once.

    `percent` beyond the best opposite price, or beyond the last one where the book is empty, on
    the tick and inside the day's band. None when no price is known: there is no default.
    """
    if quote is None:
        return None
    best = quote.ask_e4 if side is Side.BUY else quote.bid_e4
    base = best or quote.ltp_e4
    if not base or base <= 0:
        return None
    worst_e2 = base * (100 + side.sign * percent)
    if side is Side.BUY:
        worst = max(floor_to_tick(worst_e2 // 100, tick_e4), ceil_to_tick(base, tick_e4))
        upper = quote.upper_circuit_e4
        return min(worst, floor_to_tick(upper, tick_e4)) if upper else worst
    worst = min(ceil_to_tick(-(-worst_e2 // 100), tick_e4), floor_to_tick(base, tick_e4))
    return max(worst, tick_e4, ceil_to_tick(quote.lower_circuit_e4 or 0, tick_e4))


# -- rules: each yields what it has to say


_UNLISTED: Final = "this instrument is not in today's list"


def _block(field: str, code: str, text: str) -> Finding:
    return Finding(level=Level.BLOCK, code=code, field=field, text=text)


def _ask(field: str, code: str, text: str) -> Finding:
    return Finding(level=Level.ASK, code=code, field=field, text=text)


def _note(field: str, code: str, text: str) -> Finding:
    return Finding(level=Level.NOTE, code=code, field=field, text=text)


def _known(facts: Facts) -> Instrument:
    assert facts.instrument is not None
    return facts.instrument


def _account(draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    if draft.account != facts.account:
        yield _block("account", "other_account", f"this order is for {draft.account}")
    if facts.problem:
        yield _block("account", "not_tradable", facts.problem)
    for caution in facts.cautions:
        yield _ask("account", "caution", caution)


def _tradable(_draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    instrument = _known(facts)
    if instrument.kind is InstrumentKind.INDEX:
        yield _block("instrument", "index", "an index cannot be traded; choose its future or ETF")
    elif instrument.expiry is not None and instrument.expiry < facts.today:
        yield _block("instrument", "expired", f"{instrument.label} has expired")
    elif not instrument.is_tradable:
        yield _block("instrument", "suspended", f"{instrument.label} may not be traded today")
    if instrument.multiplier is None:
        text = "how many units one quantity stands for is not known"
        yield _block("instrument", "multiplier", f"{instrument.label}: {text}")
    if instrument.lot_size <= 0 or instrument.tick_e4 <= 0:
        yield _block("instrument", "master", f"{instrument.label}: lot or tick is not known")


def _offered(draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    can = facts.capabilities
    if can is None:
        return
    products = can.products.get(_known(facts).segment, ())
    if draft.product not in products:
        offered = ", ".join(products) or "none"
        yield _block("product", "product", f"{draft.product} is not offered here ({offered})")
    if draft.kind not in can.kinds:
        kind = draft.kind.replace("_", "-")
        yield _block("kind", "kind", f"this broker takes no {kind} orders")
    if draft.validity not in can.validities:
        yield _block("validity", "validity", f"this broker does not take {draft.validity}")
    if draft.disclosed_qty and not can.has_disclosed_qty:
        yield _block("disclosed_qty", "disclosed", "this broker takes no disclosed quantity")
    if draft.is_after_market and not can.has_after_market:
        yield _block("is_after_market", "after_market", "this broker takes no after-market orders")


def _quantity(draft: OrderDraft, facts: Facts, limits: Limits) -> Iterator[Finding]:
    instrument, quantity = _known(facts), draft.quantity
    lot, freeze = max(1, instrument.lot_size), instrument.freeze_qty
    if quantity <= 0:
        yield _block("quantity", "quantity", "enter a quantity")
        return
    if quantity % lot:
        lower = quantity // lot * lot
        near = f"{lower} or {lower + lot}" if lower else str(lot)
        yield _block("quantity", "lot", f"quantity must be a multiple of {lot}: {near}")
    if freeze and quantity > freeze:
        yield _block("quantity", "freeze", f"the exchange takes at most {freeze} in one order")
    if quantity > limits.max_quantity:
        yield _block("quantity", "max_quantity", f"your limit is {limits.max_quantity} an order")
    if not 0 <= draft.disclosed_qty <= quantity:
        yield _block("disclosed_qty", "disclosed", "disclosed must be from 0 to the quantity")


def _prices(draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    for field, price_e4, is_wanted in (
        ("price", draft.price_e4, draft.kind.has_price),
        ("trigger", draft.trigger_e4, draft.kind.has_trigger),
    ):
        if not is_wanted:
            if price_e4:
                yield _block(field, field, f"this kind of order carries no {field}")
        elif price_e4 <= 0:
            yield _block(field, field, f"enter a {field}")
        else:
            yield from _one_price(field, price_e4, facts)


def _one_price(field: str, price_e4: int, facts: Facts) -> Iterator[Finding]:
    instrument, quote = _known(facts), facts.quote
    tick = max(1, instrument.tick_e4)
    if not is_on_tick(price_e4, tick):
        near = (floor_to_tick(price_e4, tick), ceil_to_tick(price_e4, tick))
        shown = " or ".join(format_e4(each) for each in near if each)
        yield _block(field, "tick", f"{field} must be on the tick {format_e4(tick)}: {shown}")
    lower = (quote.lower_circuit_e4 if quote else None) or instrument.lower_e4
    upper = (quote.upper_circuit_e4 if quote else None) or instrument.upper_e4
    if lower and price_e4 < lower:
        yield _block(field, "band", f"below today's lower limit {format_e4(lower)}")
    if upper and price_e4 > upper:
        yield _block(field, "band", f"above today's upper limit {format_e4(upper)}")


def _trigger(draft: OrderDraft, facts: Facts, limits: Limits) -> Iterator[Finding]:
    if not draft.kind.has_trigger or draft.trigger_e4 <= 0:
        return
    sign, trigger = draft.side.sign, draft.trigger_e4
    ltp = facts.quote.ltp_e4 if facts.quote else None
    if ltp and sign * (trigger - ltp) <= 0:
        text = f"the market is at {format_e4(ltp)}: this would trigger at once"
        yield _ask("trigger", "triggers_now", text)
    if draft.kind is not Kind.STOP_LIMIT or draft.price_e4 <= 0:
        return
    gap = sign * (draft.price_e4 - trigger)
    if gap < 0:
        word = "below" if sign > 0 else "above"
        yield _block("price", "beyond_trigger", f"the price must not be {word} the trigger")
        return
    yield from _gap(gap, trigger, facts, limits)


def _gap(gap: int, trigger: int, facts: Facts, limits: Limits) -> Iterator[Finding]:
    # The exchange's gap rule for stop-limit orders (reject 16448): futures 3 % or ₹1.50, options
    # 20 % or ₹10, whichever is wider; reported, so it is asked and not blocked.
    kind = _known(facts).kind
    if kind is InstrumentKind.FUTURE:
        allowed = max(trigger * 300 // _BP, 15_000)
    elif kind is InstrumentKind.OPTION:
        allowed = max(trigger * 2_000 // _BP, 100_000)
    else:
        allowed = trigger * limits.block_bp // _BP
    if gap > allowed:
        text = f"price and trigger are {format_e4(gap)} apart; {format_e4(allowed)} is usual"
        yield _ask("price", "gap", text)


def _session(draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    phase, is_amo = facts.phase, draft.is_after_market
    if phase is MarketPhase.CLOSED and not is_amo:
        can = facts.capabilities
        hint = "; send it as an after-market order" if can and can.has_after_market else ""
        yield _block("is_after_market", "closed", f"the market is closed{hint}")
    elif phase in (MarketPhase.OPEN, MarketPhase.CLOSING) and is_amo:
        yield _block("is_after_market", "open", "the market is open: not an after-market order")
    elif phase is MarketPhase.UNKNOWN:
        yield _note("is_after_market", "calendar", "whether the market is open is not known")
    is_odd = draft.kind.has_trigger or draft.validity is Validity.IOC or draft.disclosed_qty
    if phase is MarketPhase.CLOSING and is_odd:
        text = "the closing auction takes no stop, IOC or disclosed-quantity orders"
        yield _block("kind", "closing", text)


def _stale(_draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    if facts.phase is MarketPhase.CLOSED:
        return
    if facts.freshness is Freshness.NONE:
        yield _ask("price", "stale", "no price has come in yet; the market is not known")
    elif facts.freshness is Freshness.STALE:
        age = "unknown" if facts.age_ms is None else f"{facts.age_ms // 1000} s"
        yield _ask("price", "stale", f"the price on the screen is old ({age})")


def _distance(draft: OrderDraft, facts: Facts, limits: Limits) -> Iterator[Finding]:
    ltp = facts.quote.ltp_e4 if facts.quote else None
    if draft.kind is not Kind.LIMIT or not ltp or draft.price_e4 <= 0:
        return
    instrument = _known(facts)
    warn = ltp * limits.warn_bp // _BP
    block = ltp * limits.block_bp // _BP
    if instrument.kind is InstrumentKind.OPTION:
        warn = max(ltp * limits.option_warn_bp // _BP, limits.option_warn_e4)
        block = max(ltp * limits.option_block_bp // _BP, limits.option_block_e4)
    gap = abs(draft.price_e4 - ltp)
    if gap <= max(warn, 2 * instrument.tick_e4):
        return
    word = "above" if draft.price_e4 > ltp else "below"
    percent = f"{gap * 1000 // ltp // 10}.{gap * 1000 // ltp % 10} %"
    text = f"{percent} {word} the last price {format_e4(ltp)}"
    if gap > max(block, 2 * instrument.tick_e4):
        yield _block("price", "too_far", text)
    else:
        yield _ask("price", "far", text)


def _value(draft: OrderDraft, facts: Facts, limits: Limits) -> Iterator[Finding]:
    value = order_value_paise(draft, facts)
    if value is None:
        if draft.quantity > 0 and _known(facts).multiplier is not None and not _asks_price(draft):
            text = "its value cannot be told: no price is known"
            yield _ask("quantity", "value_unknown", text)
        return
    if value > limits.max_value_paise:
        text = f"its value {_rupees(value)} is above your limit {_rupees(limits.max_value_paise)}"
        yield _block("quantity", "max_value", text)


def _rupees(paise: int) -> str:
    """Write whole rupees with the Indian grouping: ₹12,34,567."""
    digits = str(abs(paise) // 100)
    head, tail = digits[:-3], digits[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return f"{'−' if paise < 0 else ''}₹{','.join([*reversed(groups), tail])}"


def _asks_price(draft: OrderDraft) -> bool:
    return (draft.kind.has_price and draft.price_e4 <= 0) or (
        draft.kind is Kind.STOP and draft.trigger_e4 <= 0
    )


def order_value_paise(draft: OrderDraft, facts: Facts) -> int | None:
    """Give what the order is worth at its own price, else at the market's; None: not known."""
    instrument, quote = facts.instrument, facts.quote
    price = draft.price_e4 if draft.kind.has_price else draft.trigger_e4
    if draft.kind is Kind.MARKET and quote is not None:
        best = quote.ask_e4 if draft.side is Side.BUY else quote.bid_e4
        price = best or quote.ltp_e4 or 0
    if instrument is None or instrument.multiplier is None or price <= 0:
        return None
    return value_paise(price, draft.quantity * instrument.multiplier)


def _brakes(draft: OrderDraft, facts: Facts, limits: Limits) -> Iterator[Finding]:
    # Closing what is open is never held back.
    if draft.is_exit:
        return
    if sum(each.age_ms < 60_000 for each in facts.recent) >= limits.per_minute:
        yield _block("order", "per_minute", f"your limit is {limits.per_minute} orders a minute")
    if facts.open_orders >= limits.max_open_orders:
        yield _block("order", "open_orders", f"{facts.open_orders} orders are open already")
    loss, most = facts.day_paise, limits.max_day_loss_paise
    if most is not None and loss is not None and loss <= -most:
        yield _block("order", "day_loss", f"today's loss has reached {_rupees(most)}")


def _lookalike(draft: OrderDraft, facts: Facts, limits: Limits) -> Iterator[Finding]:
    shape = _shape(draft)
    for each in facts.recent:
        if each.age_ms <= limits.lookalike_ms and _shape(each.draft) == shape:
            tenths = each.age_ms // 100
            text = f"the same order was sent {tenths // 10}.{tenths % 10} s ago"
            yield _ask("order", "lookalike", text)
            return


def _shape(draft: OrderDraft) -> tuple[object, ...]:
    return (
        *(draft.instrument, draft.side, draft.quantity, draft.kind, draft.product),
        *(draft.price_e4, draft.trigger_e4),
    )


def _exit(draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    net, sign = facts.net_qty, draft.side.sign
    if net is None:
        if draft.is_exit:
            yield _block("quantity", "position", "the position is not known yet")
        return
    is_closing = net * sign < 0
    left = max(0, abs(net) - facts.pending_exit_qty)
    if draft.is_exit and (not is_closing or draft.quantity > left):
        why = f"{left} left to close" if is_closing else "there is no position to close"
        yield _block("quantity", "exit", why)
    elif is_closing and draft.quantity > left and draft.product is not Product.CNC:
        already = f" ({facts.pending_exit_qty} already being closed)" * bool(facts.pending_exit_qty)
        text = f"closes {left} of your position{already} and opens {draft.quantity - left} beyond"
        yield _ask("quantity", "reverse", text)


def _delivery(draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    if draft.side is Side.BUY or draft.product is not Product.CNC or facts.holding_qty is None:
        return
    held = facts.holding_qty + (facts.net_qty or 0) - facts.pending_exit_qty
    if draft.quantity > held:
        yield _ask("quantity", "delivery", f"you hold {max(0, held)} to deliver")


def _funds(draft: OrderDraft, facts: Facts, _limits: Limits) -> Iterator[Finding]:
    pays_in_full = draft.product is Product.CNC or _known(facts).kind is InstrumentKind.OPTION
    value = order_value_paise(draft, facts)
    if draft.side is Side.SELL or not pays_in_full or value is None:
        return
    if facts.available_paise is not None and value > facts.available_paise:
        text = f"needs {_rupees(value)}, available {_rupees(facts.available_paise)}"
        yield _note("quantity", "funds", text)


def _change(row: OrderRow, to: OrderChange, revision: int) -> Iterator[Finding]:
    if not row.can_change:
        yield _block("order", "over", f"the order is {row.words}")
    if to.quantity <= row.filled_qty:
        text = f"{row.filled_qty} are filled; the new total must be more"
        yield _block("quantity", "filled", text)
    if revision != row.revision:
        price = format_e4(row.price_e4)
        text = f"the order was changed meanwhile: {row.quantity} at {price}"
        yield _ask("order", "changed_meanwhile", text)
    now = (row.quantity, row.kind, row.price_e4, row.trigger_e4, row.validity, row.disclosed_qty)
    if now == msgspec.structs.astuple(to):
        yield _block("order", "no_change", "nothing changes")


_SHARED: Final[tuple[Rule, ...]] = (
    *(_account, _tradable, _offered, _quantity, _prices, _trigger, _session),
    *(_stale, _distance, _value),
)
_ORDER_RULES: Final[tuple[Rule, ...]] = (*_SHARED, _brakes, _lookalike, _exit, _delivery, _funds)
_CHANGE_RULES: Final[tuple[Rule, ...]] = _SHARED
