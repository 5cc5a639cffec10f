"""Fields → one draft; what is empty is named, and no number is invented."""

import msgspec
import pytest

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Segment,
)
from brokers.model.market import Quote
from brokers.model.order import Kind, Product, Side
from desktop.docks.ticket import form as ticket

SBIN = Instrument(
    id=InstrumentId("NSE:CM:3045"),
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
NIFTY_CE = msgspec.structs.replace(
    SBIN, id=InstrumentId("NSE:FO:35086"), segment=Segment.FO, lot_size=65
)
CASH = (Product.INTRADAY, Product.CNC)


def test_a_new_form_has_one_lot_and_no_price() -> None:
    form = ticket.open_form(NIFTY_CE, (Product.MARGIN,), None)
    assert (form.quantity, form.price_e4, form.trigger_e4) == (65, None, None)
    assert ticket.lots(form) == 1


def test_the_next_instrument_keeps_side_and_product_but_not_the_price() -> None:
    last = ticket.Form(
        instrument=SBIN, side=Side.SELL, product=Product.CNC, quantity=7, price_e4=8_000_000
    )
    form = ticket.open_form(SBIN, CASH, last)
    assert (form.side, form.product, form.price_e4) == (Side.SELL, Product.CNC, None)
    other = ticket.open_form(NIFTY_CE, (Product.INTRADAY, Product.MARGIN), last)
    assert other.product is Product.INTRADAY


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Kind.LIMIT, ["price"]),
        (Kind.MARKET, []),
        (Kind.STOP, ["trigger"]),
        (Kind.STOP_LIMIT, ["price", "trigger"]),
    ],
)
def test_each_kind_names_the_prices_it_needs(kind: Kind, fields: list[str]) -> None:
    form = msgspec.structs.replace(ticket.open_form(SBIN, CASH, None), kind=kind)
    assert [field for field, _ in ticket.missing(form)] == fields
    if fields:
        with pytest.raises(ValueError, match=fields[0]):
            ticket.draft(form, "a")


def test_a_price_the_kind_does_not_use_is_not_sent() -> None:
    form = msgspec.structs.replace(
        ticket.open_form(SBIN, CASH, None),
        kind=Kind.MARKET,
        price_e4=8_000_000,
        trigger_e4=7_900_000,
    )
    draft = ticket.draft(form, "a")
    assert (draft.price_e4, draft.trigger_e4) == (0, 0)


def test_every_draft_is_a_new_one() -> None:
    form = msgspec.structs.replace(ticket.open_form(SBIN, CASH, None), price_e4=8_000_000)
    assert ticket.draft(form, "a").draft_id != ticket.draft(form, "a").draft_id


def test_worth_is_unknown_without_a_price_or_a_multiplier() -> None:
    form = ticket.open_form(SBIN, CASH, None)
    assert ticket.worth_e4(form, None) is None
    market = msgspec.structs.replace(form, kind=Kind.MARKET, quantity=10)
    quote = Quote(SBIN.id, ltp_e4=8_000_000, bid_e4=7_999_500, ask_e4=8_000_500)
    assert ticket.worth_e4(market, quote) == 80_005_000
    unknown = msgspec.structs.replace(
        market, instrument=msgspec.structs.replace(SBIN, multiplier=None)
    )
    assert ticket.worth_e4(unknown, quote) is None
