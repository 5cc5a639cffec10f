"""The depth window: texts, what is drawn, and a click that fills the ticket."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Detail, Level, Quote
from brokers.model.order import Side
from desktop.docks.base import TicketRequest
from desktop.docks.depth import model
from desktop.docks.depth.dock import DepthDock
from tests.desktop.docks.prices_rig import (
    DOLLAR,
    FUTURE,
    NIFTY,
    RELIANCE,
    SBIN,
    Prices,
    prices_in,
)

BIDS = {8_250_000: 400, 8_249_500: 100}
ASKS = {8_250_500: 50, 8_251_000: 200, 8_251_500: 10}


@pytest_asyncio.fixture
async def prices(tmp_path: Path, qapp: object) -> AsyncIterator[Prices]:
    del qapp
    async with prices_in(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def dock(prices: Prices) -> DepthDock:
    made = DepthDock(prices.context, "depth")
    prices.open(made)
    prices.links.select("blue", SBIN.id)
    made.show_instrument(SBIN.id)
    return made


def fact(dock: DepthDock, title: str) -> str:
    return next(each.text for each in dock.facts.facts if each.title == title)


def test_bars_are_shares_of_the_largest_quantity_of_both_sides() -> None:
    depth = Depth(SBIN.id, (Level(8_250_000, 400, 7),), (Level(8_250_500, 100),))
    book = model.book(SBIN, depth, None, 5)
    assert len(book.bids) == len(book.asks) == 5
    assert (book.bids[0].price, book.bids[0].quantity, book.bids[0].orders) == (
        "825.00",
        "400",
        "7",
    )
    assert (book.bids[0].bar, book.asks[0].bar) == (1_000, 250)
    assert book.asks[0].orders == ""
    assert book.bids[1] == model.BLANK


def test_totals_are_the_exchanges_and_else_the_books_own() -> None:
    depth = Depth(SBIN.id, (Level(8_250_000, 400),), (Level(8_250_500, 100),))
    assert model.book(SBIN, depth, None, 5).bid_share == 800
    totals = Quote(SBIN.id, total_buy_qty=12_34_567, total_sell_qty=12_34_567)
    book = model.book(SBIN, depth, totals, 5)
    assert (book.total_bid, book.bid_share) == ("12,34,567", 500)
    assert model.book(SBIN, None, None, 5).bid_share is None


def test_as_many_levels_are_shown_as_the_broker_gives() -> None:
    many = tuple(Level(8_250_000 - 500 * at, 10) for at in range(30))
    assert len(model.book(SBIN, Depth(SBIN.id, many, ()), None, 20).bids) == 20


def test_the_unknown_is_a_dash_and_never_zero() -> None:
    for kind in (SBIN, FUTURE, NIFTY):
        texts = {each.title: each.text for each in model.facts(kind, None)}
        assert texts["Open"] == "–"
        assert "0" not in texts.values()
    assert model.head(SBIN, None) == model.Head()
    assert model.day_range(SBIN, Quote(SBIN.id, low_e4=5, high_e4=5)).at is None


def test_each_kind_of_instrument_has_its_own_figures() -> None:
    titles = {
        kind.kind: {each.title for each in model.facts(kind, None)}
        for kind in (SBIN, FUTURE, NIFTY)
    }
    assert {"OI", "OI change", "Expiry", "Lot"} <= titles[FUTURE.kind]
    assert "OI" not in titles[SBIN.kind]
    assert titles[NIFTY.kind] == {"Open", "Prev close", "High", "Low", "52w low", "52w high"}


def test_circuits_of_the_tape_replace_those_of_the_master() -> None:
    def lower(quote: Quote | None) -> str:
        return next(e.text for e in model.facts(SBIN, quote) if e.title == "Lower circuit")

    assert lower(None) == "740.00"
    assert lower(Quote(SBIN.id, lower_circuit_e4=7_000_000)) == "700.00"


def test_open_interest_tells_its_change() -> None:
    quote = Quote(FUTURE.id, open_interest=1_100, previous_open_interest=1_000)
    change = next(e for e in model.facts(FUTURE, quote) if e.title == "OI change")
    assert (change.text, change.role) == ("+100 (+10.0%)", "up")


async def test_it_follows_its_link_and_watches_full_depth(prices: Prices, dock: DepthDock) -> None:
    assert prices.wanted() == {SBIN.id: Detail.DEPTH}
    dock.show_instrument(RELIANCE.id)
    assert prices.wanted() == {RELIANCE.id: Detail.DEPTH}
    dock.show_instrument(NIFTY.id)
    assert prices.wanted() == {NIFTY.id: Detail.QUOTE}
    assert not dock.ladder.isVisible()


async def test_prices_and_book_come_with_the_frame(prices: Prices, dock: DepthDock) -> None:
    prices.tick(SBIN, 8_254_000, volume=12_34_567, high_e4=8_300_000, low_e4=8_200_000)
    prices.book(SBIN, BIDS, ASKS)
    assert (dock.price.head.ltp, dock.price.head.change) == ("825.40", "+25.40  +3.18%")
    assert fact(dock, "Volume") == "12,34,567"
    assert dock.ladder.book.asks[1].price == "825.10"


async def test_a_currency_future_has_four_decimals(prices: Prices, dock: DepthDock) -> None:
    dock.show_instrument(DOLLAR.id)
    prices.book(DOLLAR, {884_275: 10}, {884_300: 10})
    assert dock.ladder.book.bids[0].price == "88.4275"


async def test_a_click_takes_the_price_and_shift_joins_it(prices: Prices, dock: DepthDock) -> None:
    prices.book(SBIN, BIDS, ASKS)
    button, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    none = Qt.KeyboardModifier.NoModifier
    offer = dock.ladder.spot_middle(Side.SELL, 1)
    QTest.mouseClick(dock.ladder, button, none, offer)
    QTest.mouseClick(dock.ladder, button, shift, offer)
    QTest.mouseClick(dock.ladder, button, none, dock.ladder.spot_middle(Side.BUY, 0))
    QTest.mouseClick(dock.ladder, button, none, dock.ladder.spot_middle(Side.BUY, 4))
    assert prices.tickets == [
        TicketRequest(instrument=SBIN.id, side=Side.BUY, price_e4=8_251_000),
        TicketRequest(instrument=SBIN.id, side=Side.SELL, price_e4=8_251_000),
        TicketRequest(instrument=SBIN.id, side=Side.SELL, price_e4=8_250_000),
    ]


async def test_the_keyboard_reaches_every_level(prices: Prices, dock: DepthDock) -> None:
    prices.book(SBIN, BIDS, ASKS)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Return):
        QTest.keyClick(dock.ladder, key)
    assert dock.ladder.accessibleDescription() == "Sell at 825.00"
    assert prices.tickets[0].side is Side.SELL


async def test_only_levels_that_changed_are_drawn_again(prices: Prices, dock: DepthDock) -> None:
    prices.book(SBIN, BIDS, ASKS)
    before = dock.ladder.grab().toImage()
    prices.book(SBIN, BIDS, {**ASKS, 8_251_000: 201})
    after = dock.ladder.grab().toImage()
    ratio = after.devicePixelRatio()
    rows = {
        int(y / ratio) // dock.ladder._high
        for y in range(after.height())
        if any(before.pixel(x, y) != after.pixel(x, y) for x in range(after.width()))
    }
    # The level itself, and the totals below the five levels.
    assert rows <= {2, 6, 7}
    assert 2 in rows


async def test_old_prices_are_named_as_such(prices: Prices, dock: DepthDock) -> None:
    prices.tick(SBIN, 8_254_000)
    assert not dock._state.isVisible()
    prices.hub.link_changed(is_live=False)
    prices.hub.sweep(prices.clock.now_ns())
    prices.frame()
    assert (dock._state.isVisible(), dock._state.text) == (True, "OLD PRICES")


async def test_a_hidden_dock_catches_up_when_it_comes_back(prices: Prices, dock: DepthDock) -> None:
    dock.hide()
    prices.tick(SBIN, 8_254_000)
    assert dock.price.head.ltp == "800.00"
    dock.show()
    dock.catch_up()
    assert dock.price.head.ltp == "825.40"


async def test_an_unknown_instrument_is_said_and_found_with_the_next_master(
    prices: Prices, dock: DepthDock
) -> None:
    dock.show_instrument(InstrumentId("NSE:CM:99"))
    assert dock._pages.currentIndex() == 0
    assert not prices.wanted()
    new = msgspec.structs.replace(
        SBIN, id=InstrumentId("NSE:CM:99"), token="99", symbol="NSE:NEW-EQ"
    )
    prices.list([SBIN, new])
    assert dock._pages.currentIndex() == 1


async def test_it_remembers_its_instrument_and_ignores_odd_state(prices: Prices) -> None:
    dock = DepthDock(prices.context, "depth#2")
    prices.open(dock)
    dock.restore_state({"instrument": 7})
    assert dock.save_state() == {}
    dock.restore_state({"instrument": RELIANCE.id})
    assert dock.save_state() == {"instrument": RELIANCE.id}
    assert prices.wanted() == {RELIANCE.id: Detail.DEPTH}


async def test_without_an_account_it_watches_nothing(prices: Prices, dock: DepthDock) -> None:
    dock.bind(None)
    assert not prices.wanted()
    assert prices.instruments.on_change == []
    dock.bind(prices.desk)
    assert prices.wanted() == {SBIN.id: Detail.DEPTH}
