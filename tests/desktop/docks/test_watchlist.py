"""The watchlist: its lists, what it watches, and how its cursor leads the link group."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from brokers.model.instrument import InstrumentId
from brokers.model.market import Detail, Quote
from brokers.model.order import Side
from desktop.docks.base import TicketRequest
from desktop.docks.watchlist import model
from desktop.docks.watchlist.dock import WatchlistDock
from desktop.docks.watchlist.model import Line, Lists
from desktop.ui import menus
from tests.desktop.docks.prices_rig import (
    DOLLAR,
    INFY,
    NIFTY,
    RELIANCE,
    SBIN,
    Prices,
    prices_in,
)

# The offscreen platform cannot raise the window of matches and says so; nothing depends on it.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support raise")


@pytest_asyncio.fixture
async def prices(tmp_path: Path, qapp: object) -> AsyncIterator[Prices]:
    del qapp
    async with prices_in(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def dock(prices: Prices) -> WatchlistDock:
    made = WatchlistDock(prices.context, "watchlist")
    made.restore_state({"lists": [{"name": "Mine", "instruments": [SBIN.id, RELIANCE.id]}]})
    prices.open(made)
    return made


def find(items: tuple[menus.Item, ...], title: str) -> menus.Item:
    return next(item for item in items if item.title == title)


def test_a_line_has_one_value_for_each_column() -> None:
    quote = Quote(SBIN.id, ltp_e4=8_254_000, previous_close_e4=8_000_000, open_interest=None)
    values = dict(
        zip(
            [column.id for column in model.COLUMNS],
            model.values(Line(SBIN.id, SBIN, quote)),
            strict=True,
        )
    )
    assert (values["symbol"], values["change"], values["percent"]) == ("SBIN", 254_000, 318)
    assert values["interest"] is None
    assert len(model.values(Line(SBIN.id, None, None))) == len(model.COLUMNS)


def test_change_is_unknown_without_a_previous_close() -> None:
    assert model.change_percent(Quote(SBIN.id, ltp_e4=1)) is None
    assert model.change_percent(Quote(SBIN.id, ltp_e4=1, previous_close_e4=0)) is None
    assert model.change_percent(Quote(SBIN.id, ltp_e4=950, previous_close_e4=1_000)) == -500


def test_lists_survive_saving_and_odd_state_changes_nothing() -> None:
    lists = Lists()
    lists.arrange([SBIN.id])
    assert lists.open_list()
    lists.add(INFY.id)
    lists.rename(1, "  Bank   names  ")
    other = Lists()
    other.restore(lists.save())
    assert (other.names, other.at, other.members) == (["Watchlist 1", "Bank names"], 1, (INFY.id,))
    odd_states: list[dict[str, object]] = [
        {},
        {"lists": 7},
        {"lists": [{"name": 1}]},
        {"lists": []},
    ]
    for odd in odd_states:
        other.restore(odd)
        assert other.members == (INFY.id,)


def test_there_is_always_one_list_and_not_too_many() -> None:
    lists = Lists()
    lists.drop(0)
    assert lists.names == ["Watchlist 1"]
    while lists.open_list():
        pass
    assert len(lists.names) == model.MOST_LISTS
    assert len(set(lists.names)) == model.MOST_LISTS
    lists.at = 5
    lists.drop(2)
    assert lists.names[lists.at] == "Watchlist 6"


def test_moving_a_tab_keeps_the_shown_list_shown() -> None:
    lists = Lists()
    lists.arrange([SBIN.id])
    lists.open_list()
    lists.at = 0
    lists.move(0, 1)
    assert (lists.at, lists.members) == (1, (SBIN.id,))


async def test_only_the_shown_list_is_watched(prices: Prices, dock: WatchlistDock) -> None:
    assert prices.wanted() == {SBIN.id: Detail.QUOTE, RELIANCE.id: Detail.QUOTE}
    dock.open_list()
    assert prices.wanted() == {}
    dock.add(INFY)
    assert prices.wanted() == {INFY.id: Detail.QUOTE}
    dock._on_list(0)
    assert prices.wanted() == {SBIN.id: Detail.QUOTE, RELIANCE.id: Detail.QUOTE}


async def test_adding_never_lets_go_of_what_is_watched(prices: Prices, dock: WatchlistDock) -> None:
    seen: list[frozenset[InstrumentId]] = []
    prices.hub.on_wanted_changed = lambda: seen.append(frozenset(prices.wanted()))
    dock.add(INFY)
    assert all({SBIN.id, RELIANCE.id} <= wanted for wanted in seen)


async def test_prices_come_with_the_frame(prices: Prices, dock: WatchlistDock) -> None:
    prices.tick(SBIN, 8_254_000, volume=12_34_567)
    assert dock.grid.cell_text(SBIN.id, "ltp") == "825.40"
    assert dock.grid.cell_text(SBIN.id, "change") == "+25.40"
    assert dock.grid.cell_text(SBIN.id, "percent") == "+3.18%"
    assert dock.grid.cell_text(SBIN.id, "volume") == "12.35L"
    assert dock.grid.cell_text(RELIANCE.id, "ltp") == "–"


async def test_a_currency_future_has_four_decimals(prices: Prices, dock: WatchlistDock) -> None:
    dock.add(DOLLAR)
    prices.tick(DOLLAR, 884_275)
    assert dock.grid.cell_text(DOLLAR.id, "ltp") == "88.4275"


async def test_the_cursor_leads_the_link_group_and_follows_it(
    prices: Prices, dock: WatchlistDock
) -> None:
    dock.grid.set_current(RELIANCE.id)
    assert prices.links.current("blue") == RELIANCE.id
    prices.links.select("blue", SBIN.id)
    dock.show_instrument(SBIN.id)
    assert dock.grid.current == SBIN.id
    dock.show_instrument(INFY.id)
    assert dock.grid.current == SBIN.id


async def test_typing_a_symbol_and_enter_adds_it(prices: Prices, dock: WatchlistDock) -> None:
    dock.focus_search()
    QTest.keyClicks(dock.search, "infy")
    QTest.keyClick(dock.search, Qt.Key.Key_Return)
    assert dock.grid.keys == (SBIN.id, RELIANCE.id, INFY.id)
    assert prices.links.current("blue") == INFY.id
    dock.add(INFY)
    assert len(dock.grid) == 3


async def test_delete_takes_a_row_off_and_the_cursor_stays_near(
    prices: Prices, dock: WatchlistDock
) -> None:
    dock.add(INFY)
    dock.grid.set_current(RELIANCE.id)
    QTest.keyClick(dock.grid, Qt.Key.Key_Delete)
    assert dock.lists.members == (SBIN.id, INFY.id)
    assert dock.grid.current == INFY.id
    assert RELIANCE.id not in prices.wanted()


async def test_an_order_by_hand_is_kept(prices: Prices, dock: WatchlistDock) -> None:
    del prices
    dock.grid.set_current(RELIANCE.id)
    QTest.keyClick(dock.grid, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert dock.lists.members == (RELIANCE.id, SBIN.id)


async def test_enter_asks_for_a_ticket_but_an_index_has_none(
    prices: Prices, dock: WatchlistDock
) -> None:
    dock.grid.set_current(SBIN.id)
    QTest.keyClick(dock.grid, Qt.Key.Key_Return)
    dock.add(NIFTY)
    QTest.keyClick(dock.grid, Qt.Key.Key_Return)
    assert prices.tickets == [TicketRequest(instrument=SBIN.id)]
    assert not find(dock.row_items(NIFTY.id), "Buy").is_enabled


async def test_the_menu_buys_charts_copies_and_removes(prices: Prices, dock: WatchlistDock) -> None:
    dock.open_list()
    dock._on_list(0)
    dock.grid.set_current(SBIN.id)
    items = dock.row_items(SBIN.id)
    for title in ("Sell", "Chart"):
        run = find(items, title).run
        assert run is not None
        run()
    copy = find(items, "Copy to list").items[0].run
    assert copy is not None
    copy()
    assert prices.tickets == [TicketRequest(instrument=SBIN.id, side=Side.SELL)]
    assert prices.opened == [("chart", SBIN.id)]
    dock._on_list(1)
    assert dock.lists.members == (SBIN.id,)


async def test_a_list_is_renamed_over_its_tab(prices: Prices, dock: WatchlistDock) -> None:
    del prices
    dock.tabs.rename(0)
    field = dock.tabs._field
    assert field is not None
    QTest.keyClicks(field, "M&M & co")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert dock.lists.names == ["M&M & co"]
    dock.tabs.rename(0)
    field = dock.tabs._field
    assert field is not None
    QTest.keyClicks(field, "no")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert dock.lists.names == ["M&M & co"]


async def test_a_new_desk_begins_with_what_is_listed(prices: Prices) -> None:
    dock = WatchlistDock(prices.context, "watchlist")
    prices.open(dock)
    assert dock.lists.members == (NIFTY.id, RELIANCE.id, SBIN.id, INFY.id)


async def test_a_new_master_names_what_was_unknown(prices: Prices, dock: WatchlistDock) -> None:
    dock.restore_state({"lists": [{"name": "Mine", "instruments": ["NSE:CM:1594"]}]})
    prices.list([SBIN])
    assert dock.grid.cell_text("NSE:CM:1594", "symbol") == "NSE:CM:1594"
    prices.list([SBIN, INFY])
    assert dock.grid.cell_text("NSE:CM:1594", "symbol") == "INFY"


async def test_a_narrow_dock_shows_what_matters_until_arranged_by_hand(
    prices: Prices, dock: WatchlistDock
) -> None:
    shown = [model.COLUMNS[place].id for place in dock.grid.header.shown]
    assert shown[:2] == ["symbol", "ltp"]
    assert "low" not in shown
    prices.host.resize(1_600, 800)
    dock.resize(1_400, 640)
    dock.grab()
    assert len(dock.grid.header.shown) == len(model.IMPORTANCE)
    assert "columns" not in dock.save_state()
    low = next(place for place, each in enumerate(model.COLUMNS) if each.id == "low")
    dock.grid.header.show_column(low, is_shown=False)
    dock.resize(500, 640)
    dock.grab()
    assert len(dock.grid.header.shown) == len(model.IMPORTANCE) - 1
    assert "columns" in dock.save_state()


async def test_without_an_account_it_is_empty_and_lets_go(
    prices: Prices, dock: WatchlistDock
) -> None:
    dock.bind(None)
    assert not prices.wanted()
    assert len(dock.grid) == 0
    assert not dock.search.isEnabled()
    dock.bind(prices.desk)
    assert dock.grid.keys == (SBIN.id, RELIANCE.id)
