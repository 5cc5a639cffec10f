"""What the guard says, field by field; it never says nothing where it should stop."""

import datetime as dt
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Segment,
)
from brokers.model.market import MarketPhase, Quote
from brokers.model.order import Kind, OrderChange, OrderState, Product, Side, Validity
from desktop.settings import Settings
from desktop.trading.drafts import OrderDraft
from desktop.trading.guard import (
    Facts,
    Limits,
    Recent,
    check_cancel,
    check_change,
    check_order,
    is_blocked,
    protected_price,
    questions,
)
from desktop.trading.hub import Freshness
from desktop.trading.rows import Finding, Level, OrderRow
from tests.rig.fake_broker import CAPABILITIES

SBIN = InstrumentId("NSE:CM:3045")
EQUITY = Instrument(
    id=SBIN,
    exchange=Exchange.NSE,
    segment=Segment.CM,
    token="3045",
    symbol="NSE:SBIN-EQ",
    name="STATE BANK OF INDIA",
    kind=InstrumentKind.EQUITY,
    lot_size=1,
    tick_e4=500,
    multiplier=1,
)
OPTION = msgspec.structs.replace(
    EQUITY, segment=Segment.FO, kind=InstrumentKind.OPTION, lot_size=75, freeze_qty=1_800
)
FUTURE = msgspec.structs.replace(OPTION, kind=InstrumentKind.FUTURE)
QUOTE = Quote(SBIN, ltp_e4=8_000_000, bid_e4=7_999_500, ask_e4=8_000_500)
FACTS = Facts(
    account="a",
    problem="",
    cautions=(),
    capabilities=CAPABILITIES,
    instrument=EQUITY,
    quote=QUOTE,
    freshness=Freshness.LIVE,
    age_ms=100,
    phase=MarketPhase.OPEN,
    today=dt.date(2026, 9, 29),
    net_qty=0,
    pending_exit_qty=0,
    holding_qty=0,
    available_paise=100_000_000,
    day_paise=0,
    open_orders=0,
    recent=(),
)
DRAFT = OrderDraft(
    account="a",
    instrument=SBIN,
    side=Side.BUY,
    quantity=75,
    kind=Kind.LIMIT,
    price_e4=8_000_000,
    trigger_e4=0,
    product=Product.INTRADAY,
    validity=Validity.DAY,
)
LIMITS = Limits(max_quantity=100_000, max_value_paise=10**12, per_minute=60)
BLOCK, ASK, NOTE = Level.BLOCK, Level.ASK, Level.NOTE


def said(
    draft: Mapping[str, object] | None = None,
    facts: Mapping[str, object] | None = None,
    limits: Mapping[str, object] | None = None,
) -> list[tuple[Level, str, str]]:
    return [(f.level, f.field, f.code) for f in findings(draft, facts, limits)]


def findings(
    draft: Mapping[str, object] | None = None,
    facts: Mapping[str, object] | None = None,
    limits: Mapping[str, object] | None = None,
) -> tuple[Finding, ...]:
    return check_order(
        msgspec.structs.replace(DRAFT, **(draft or {})),
        msgspec.structs.replace(FACTS, **(facts or {})),
        msgspec.structs.replace(LIMITS, **(limits or {})),
    )


def instrument(base: Instrument = EQUITY, **changes: object) -> dict[str, object]:
    return {"instrument": msgspec.structs.replace(base, **changes)}


def quote(**changes: object) -> dict[str, object]:
    return {"quote": msgspec.structs.replace(QUOTE, **changes)}


def test_an_ordinary_order_passes_without_a_word() -> None:
    assert said() == []


SELL_STOP = {
    "side": Side.SELL,
    "kind": Kind.STOP_LIMIT,
    "trigger_e4": 7_900_000,
    "price_e4": 7_890_000,
}
BUY_STOP = {"kind": Kind.STOP_LIMIT, "trigger_e4": 8_100_000, "price_e4": 8_110_000}
MARKET = {"kind": Kind.MARKET, "price_e4": 0}

BLOCKS = [
    # account
    ({"account": "b"}, {}, ("account", "other_account")),
    ({}, {"problem": "trading is halted"}, ("account", "not_tradable")),
    # instrument
    ({}, {"instrument": None}, ("instrument", "unknown")),
    ({}, instrument(kind=InstrumentKind.INDEX), ("instrument", "index")),
    ({}, instrument(expiry=dt.date(2026, 9, 28)), ("instrument", "expired")),
    ({}, instrument(is_tradable=False), ("instrument", "suspended")),
    ({}, instrument(multiplier=None), ("instrument", "multiplier")),
    # offered
    ({"product": Product.MTF}, {}, ("product", "product")),
    ({"product": Product.CNC}, instrument(FUTURE), ("product", "product")),
    (
        MARKET,
        {"capabilities": msgspec.structs.replace(CAPABILITIES, kinds=frozenset({Kind.LIMIT}))},
        ("kind", "kind"),
    ),
    # quantity
    ({"quantity": 0}, {}, ("quantity", "quantity")),
    ({"quantity": -75}, {}, ("quantity", "quantity")),
    ({"quantity": 76}, instrument(FUTURE), ("quantity", "lot")),
    ({"quantity": 1_875}, instrument(FUTURE), ("quantity", "freeze")),
    ({"quantity": 100_001}, {}, ("quantity", "max_quantity")),
    ({"disclosed_qty": 76}, {}, ("disclosed_qty", "disclosed")),
    # prices
    ({"price_e4": 0}, {}, ("price", "price")),
    ({"price_e4": -500}, {}, ("price", "price")),
    ({"price_e4": 8_000_001}, {}, ("price", "tick")),
    ({"kind": Kind.MARKET}, {}, ("price", "price")),
    ({"trigger_e4": 500}, {}, ("trigger", "trigger")),
    (BUY_STOP | {"trigger_e4": 0}, {}, ("trigger", "trigger")),
    (BUY_STOP | {"trigger_e4": 8_100_001}, {}, ("trigger", "tick")),
    ({}, quote(upper_circuit_e4=7_999_500), ("price", "band")),
    ({}, quote(lower_circuit_e4=8_000_500), ("price", "band")),
    ({}, instrument(upper_e4=7_999_500), ("price", "band")),
    # trigger
    (BUY_STOP | {"price_e4": 8_090_000}, {}, ("price", "beyond_trigger")),
    (SELL_STOP | {"price_e4": 7_910_000}, {}, ("price", "beyond_trigger")),
    # session
    ({}, {"phase": MarketPhase.CLOSED}, ("is_after_market", "closed")),
    ({"is_after_market": True}, {}, ("is_after_market", "open")),
    (BUY_STOP, {"phase": MarketPhase.CLOSING}, ("kind", "closing")),
    ({"validity": Validity.IOC}, {"phase": MarketPhase.CLOSING}, ("kind", "closing")),
    # distance
    ({"price_e4": 8_800_500}, {}, ("price", "too_far")),
    ({"price_e4": 7_199_500}, {}, ("price", "too_far")),
    # brakes
    ({}, {"open_orders": 500}, ("order", "open_orders")),
    # exits
    ({"is_exit": True}, {}, ("quantity", "exit")),
    ({"is_exit": True}, {"net_qty": None}, ("quantity", "position")),
    ({"is_exit": True}, {"net_qty": 75}, ("quantity", "exit")),
    ({"is_exit": True}, {"net_qty": -75, "pending_exit_qty": 1}, ("quantity", "exit")),
]


@pytest.mark.parametrize(("draft", "facts", "expected"), BLOCKS)
def test_what_is_certain_to_be_wrong_is_stopped(
    draft: Mapping[str, object], facts: Mapping[str, object], expected: tuple[str, str]
) -> None:
    assert (BLOCK, *expected) in said(draft, facts)


QUESTIONS = [
    ({}, {"cautions": ("the order stream is down",)}, ("account", "caution")),
    ({}, {"freshness": Freshness.STALE, "age_ms": 12_000}, ("price", "stale")),
    ({}, {"freshness": Freshness.NONE, "quote": None}, ("price", "stale")),
    ({"price_e4": 8_250_000}, {}, ("price", "far")),
    (BUY_STOP | {"trigger_e4": 7_990_000}, {}, ("trigger", "triggers_now")),
    (SELL_STOP | {"trigger_e4": 8_000_000}, {}, ("trigger", "triggers_now")),
    (BUY_STOP | {"price_e4": 9_000_000}, {}, ("price", "gap")),
    (MARKET, {"quote": None, "freshness": Freshness.NONE}, ("quantity", "value_unknown")),
    ({}, {"net_qty": -50}, ("quantity", "reverse")),
    ({}, {"net_qty": -75, "pending_exit_qty": 75}, ("quantity", "reverse")),
    (
        {"side": Side.SELL, "product": Product.CNC},
        {"holding_qty": 74},
        ("quantity", "delivery"),
    ),
    (
        {},
        {"recent": (Recent(draft=DRAFT, age_ms=2_900),)},
        ("order", "lookalike"),
    ),
]


@pytest.mark.parametrize(("draft", "facts", "expected"), QUESTIONS)
def test_what_may_be_meant_is_asked_and_a_yes_settles_it(
    draft: Mapping[str, object], facts: Mapping[str, object], expected: tuple[str, str]
) -> None:
    found = findings(draft, facts)

    assert (ASK, *expected) in [(f.level, f.field, f.code) for f in found]
    assert not is_blocked(found)
    assert questions(found, frozenset())
    assert not questions(found, frozenset(f.code for f in found))


SILENT = [
    ({"is_exit": True}, {"net_qty": -75}),
    ({"is_exit": True}, {"net_qty": -100, "pending_exit_qty": 25}),
    ({}, {"net_qty": -75}),
    ({}, {"net_qty": 500}),
    ({"price_e4": 8_240_000}, {}),
    (SELL_STOP, {}),
    (BUY_STOP, {}),
    (MARKET, {}),
    ({"is_after_market": True}, {"phase": MarketPhase.CLOSED, "freshness": Freshness.CLOSED}),
    ({}, {"recent": (Recent(draft=DRAFT, age_ms=3_100),)}),
    ({"side": Side.SELL, "product": Product.CNC}, {"holding_qty": 75}),
    ({}, instrument(expiry=dt.date(2026, 9, 29))),
    ({"quantity": 1_800}, instrument(FUTURE)),
]


@pytest.mark.parametrize(("draft", "facts"), SILENT)
def test_what_is_usual_is_let_pass(
    draft: Mapping[str, object], facts: Mapping[str, object]
) -> None:
    assert said(draft, facts) == []


def test_notes_neither_stop_nor_ask() -> None:
    short = {"available_paise": 1_000}
    assert said({"product": Product.CNC}, short) == [(NOTE, "quantity", "funds")]
    assert said({}, {"phase": MarketPhase.UNKNOWN}) == [(NOTE, "is_after_market", "calendar")]


def test_an_options_distance_is_measured_against_its_premium_and_is_wider() -> None:
    cheap = instrument(OPTION) | {"quote": Quote(SBIN, ltp_e4=50_000)}  # ₹5
    assert said({"price_e4": 65_000}, cheap) == []  # ₹1.50 away
    assert said({"price_e4": 80_000}, cheap) == [(ASK, "price", "far")]
    assert said({"price_e4": 260_000}, cheap) == [(BLOCK, "price", "too_far")]

    dear = instrument(OPTION) | {"quote": Quote(SBIN, ltp_e4=5_000_000)}  # ₹500
    assert said({"price_e4": 5_500_000}, dear) == []
    assert said({"price_e4": 5_600_000}, dear) == [(ASK, "price", "far")]
    assert said({"price_e4": 7_100_000}, dear) == [(BLOCK, "price", "too_far")]


def test_the_limit_of_orders_a_minute_never_holds_an_exit_back() -> None:
    other = msgspec.structs.replace(DRAFT, quantity=1)
    recent = {"recent": tuple(Recent(draft=other, age_ms=30_000) for _ in range(60))}

    assert said({}, recent) == [(BLOCK, "order", "per_minute")]
    assert said({"is_exit": True}, recent | {"net_qty": -75}) == []


def test_the_days_loss_stops_new_orders_and_not_exits() -> None:
    lost, limits = {"day_paise": -100_001}, {"max_day_loss_paise": 100_000}

    assert said({}, lost, limits) == [(BLOCK, "order", "day_loss")]
    assert said({"is_exit": True}, lost | {"net_qty": -75}, limits) == []


def test_the_sentences_speak_to_the_trader() -> None:
    lot = findings({"quantity": 80}, instrument(FUTURE))
    tick = findings({"price_e4": 8_000_123})
    value = findings({"quantity": 75}, {}, {"max_value_paise": 100_000})

    assert lot[0].text == "quantity must be a multiple of 75: 75 or 150"
    assert tick[0].text == "price must be on the tick 0.05: 800.00 or 800.05"
    assert value[0].text == "its value ₹60,000 is above your limit ₹1,000"
    large = findings({"quantity": 75_000}, {}, {"max_value_paise": 100_000_000})
    assert "₹6,00,00,000 is above your limit ₹10,00,000" in large[0].text


def test_the_value_counts_the_units_a_quantity_stands_for() -> None:
    gold = instrument(FUTURE, multiplier=100, lot_size=1)
    limits = {"max_value_paise": 75 * 80_000 * 100 - 1}

    assert said({}, gold, limits)[0] == (BLOCK, "quantity", "max_value")


@settings(max_examples=300)
@given(
    quantity=st.integers(-10, 10**7),
    price_e4=st.integers(-(10**6), 10**9),
    side=st.sampled_from(Side),
)
def test_fat_finger(quantity: int, price_e4: int, side: Side) -> None:
    limits = {"max_quantity": 500, "max_value_paise": 40_000_000}
    found = findings({"quantity": quantity, "price_e4": price_e4, "side": side}, {}, limits)

    if not is_blocked(found):
        assert 0 < quantity <= 500
        assert price_e4 % 500 == 0
        assert price_e4 * quantity // 100 <= 40_000_000
        assert 7_200_000 <= price_e4 <= 8_800_000


@given(
    price_e4=st.integers(1, 10**9), tick_e4=st.sampled_from([25, 100, 500, 1_000, 5_000, 10_000])
)
def test_every_multiple_of_the_tick_and_nothing_else_is_on_it(price_e4: int, tick_e4: int) -> None:
    off = {"price_e4": price_e4 - price_e4 % tick_e4 + 1}
    on = {"price_e4": max(tick_e4, price_e4 - price_e4 % tick_e4)}

    assert (BLOCK, "price", "tick") in said(off, instrument(tick_e4=tick_e4))
    assert (BLOCK, "price", "tick") not in said(on, instrument(tick_e4=tick_e4))


# -- protected price


@given(
    base=st.integers(1, 10**8),
    tick_e4=st.sampled_from([25, 100, 500, 1_000]),
    percent=st.integers(1, 10),
    side=st.sampled_from(Side),
)
def test_a_protected_price_is_on_the_tick_and_within_its_percent(
    base: int, tick_e4: int, percent: int, side: Side
) -> None:
    base = base * tick_e4
    worst = protected_price(side, Quote(SBIN, ltp_e4=base), tick_e4, percent)

    assert worst is not None
    assert worst > 0
    assert worst % tick_e4 == 0
    assert 0 <= (worst - base) * side.sign * 100 <= base * percent


def test_there_is_no_protected_price_without_a_price() -> None:
    assert protected_price(Side.BUY, None, 500, 1) is None
    assert protected_price(Side.BUY, Quote(SBIN), 500, 1) is None
    assert protected_price(Side.SELL, Quote(SBIN, ltp_e4=0, bid_e4=0), 500, 1) is None


def test_a_protected_price_starts_at_the_other_side_and_stays_in_the_band() -> None:
    wide = Quote(SBIN, ltp_e4=8_000_000, bid_e4=7_900_000, ask_e4=8_100_000)
    assert protected_price(Side.BUY, wide, 500, 1) == 8_181_000
    assert protected_price(Side.SELL, wide, 500, 1) == 7_821_000

    band = msgspec.structs.replace(wide, upper_circuit_e4=8_150_000, lower_circuit_e4=7_850_000)
    assert protected_price(Side.BUY, band, 500, 1) == 8_150_000
    assert protected_price(Side.SELL, band, 500, 1) == 7_850_000


# -- changes and cancels


ROW = OrderRow(
    key="k",
    broker_id="1",
    exchange_id="",
    tag="",
    instrument=SBIN,
    side=Side.BUY,
    quantity=150,
    filled_qty=75,
    kind=Kind.LIMIT,
    price_e4=8_000_000,
    trigger_e4=0,
    average_e4=8_000_000,
    product=Product.INTRADAY,
    validity=Validity.DAY,
    disclosed_qty=0,
    is_after_market=False,
    op=None,
    state=OrderState.PARTIAL,
    pending=None,
    text="",
    placed_ns=0,
    updated_ns=0,
    revision=3,
)
TO = OrderChange(quantity=150, kind=Kind.LIMIT, price_e4=8_000_500, trigger_e4=0)


@pytest.mark.parametrize(
    ("row", "to", "revision", "expected"),
    [
        ({}, {}, 3, []),
        ({}, {"quantity": 75}, 3, [(BLOCK, "filled")]),
        ({}, {"price_e4": 8_000_000}, 3, [(BLOCK, "no_change")]),
        ({}, {}, 2, [(ASK, "changed_meanwhile")]),
        ({}, {"price_e4": 8_000_001}, 3, [(BLOCK, "tick")]),
        ({}, {"price_e4": 9_000_000}, 3, [(BLOCK, "too_far")]),
        ({"state": OrderState.FILLED, "filled_qty": 0}, {}, 3, [(BLOCK, "over")]),
        ({"broker_id": ""}, {}, 3, [(BLOCK, "over")]),
    ],
)
def test_changes(
    row: Mapping[str, object],
    to: Mapping[str, object],
    revision: int,
    expected: list[tuple[Level, str]],
) -> None:
    found = check_change(
        msgspec.structs.replace(ROW, **row),
        msgspec.structs.replace(TO, **to),
        revision,
        FACTS,
        LIMITS,
    )

    assert [(f.level, f.code) for f in found] == expected


def test_cancels() -> None:
    done = msgspec.structs.replace(ROW, state=OrderState.CANCELLED)

    assert check_cancel(ROW) == ()
    assert check_cancel(None)[0].text == "this order is not in the table"
    assert check_cancel(done)[0].text == "the order is cancelled after 75/150"


def test_limits_come_from_the_settings_and_default_to_the_strict_side() -> None:
    limits = Limits.of(Settings())

    assert limits.max_value_paise == 2_500_000_00
    assert Limits().max_value_paise < limits.max_value_paise
    assert Limits().max_quantity < limits.max_quantity
