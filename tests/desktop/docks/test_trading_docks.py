"""Ticket, order book and portfolio by hand: what is pressed is what is sent, once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from brokers.model.instrument import InstrumentId
from brokers.model.order import Kind, OrderState, Side
from desktop.docks.base import TicketRequest
from tests.desktop.docks.trade_rig import Trader, trader_in
from tests.rig.fake_broker import lost_reply, refused
from tests.rig.order_rig import NIFTY_FUT, SBIN


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[Trader]:
    async with trader_in(tmp_path) as made:
        yield made


def _texts(widget: QWidget) -> set[str]:
    return {
        label.text()
        for label in widget.findChildren(QLabel)
        if label.text() and label.isVisibleTo(widget)
    }


def _ask(trader: Trader, *, side: Side, price_e4: int) -> None:
    request = TicketRequest(instrument=SBIN, side=side, price_e4=price_e4)
    trader.context.requests.ticket.emit(request)


async def test_a_click_in_the_depth_fills_the_ticket_and_one_press_sends_it(
    trader: Trader,
) -> None:
    _ask(trader, side=Side.SELL, price_e4=8_001_000)
    page = trader.ticket.page
    assert page.send.text() == "Sell 1 @ 800.10"
    trader.ticket.submit()
    await trader.settle()
    (order,) = await trader.rig.broker.orders()
    assert (order.side, order.price_e4, order.quantity) == (Side.SELL, 8_001_000, 1)
    assert trader.orders.orders.keys


async def test_an_empty_price_is_named_and_nothing_is_sent(trader: Trader) -> None:
    trader.ticket.submit()
    await trader.settle()
    assert await trader.rig.broker.orders() == []
    assert any("rice" in text for text in _texts(trader.ticket.page))


async def test_return_in_a_field_sends_the_order_by_keyboard_alone(trader: Trader) -> None:
    page = trader.ticket.page
    page.price.setFocus()
    QTest.keyClicks(page.price, "799.95")
    QTest.keyClick(page.price, Qt.Key.Key_Return)
    await trader.settle()
    (order,) = await trader.rig.broker.orders()
    assert order.price_e4 == 7_999_500


async def test_fifty_presses_are_one_order(trader: Trader) -> None:
    _ask(trader, side=Side.BUY, price_e4=8_000_000)
    for _ in range(50):
        trader.ticket.submit()
    await trader.settle()
    for _ in range(50):
        trader.ticket.submit()
    await trader.settle()
    assert len(await trader.rig.broker.orders()) == 1


async def test_a_price_off_the_tick_is_refused_in_words(trader: Trader) -> None:
    page = trader.ticket.page
    page.price.setText("800.03")
    page.price.textEdited.emit("800.03")
    trader.ticket.submit()
    await trader.settle()
    assert await trader.rig.broker.orders() == []
    assert any("0.05" in text for text in _texts(page))


async def test_a_question_is_answered_by_a_second_press_of_the_same_order(
    trader: Trader,
) -> None:
    _ask(trader, side=Side.BUY, price_e4=8_400_000)
    trader.ticket.submit()
    await trader.settle()
    assert await trader.rig.broker.orders() == []
    assert trader.ticket.page.send.text().startswith("Yes, buy")
    await asyncio.sleep(0.35)  # the button is blind to the second half of a double click
    trader.ticket.submit()
    await trader.settle()
    assert len(await trader.rig.broker.orders()) == 1


async def test_the_confirm_setting_always_asks_first(trader: Trader) -> None:
    trader.settings.set("orders.confirm", value=True)
    _ask(trader, side=Side.BUY, price_e4=8_000_000)
    trader.ticket.submit()
    await trader.settle()
    assert await trader.rig.broker.orders() == []


async def test_a_refusal_is_shown_in_the_brokers_words(trader: Trader) -> None:
    trader.rig.broker.trouble(refused("RED:Margin Shortfall:INR 3.52"))
    _ask(trader, side=Side.BUY, price_e4=8_000_000)
    trader.ticket.submit()
    await trader.settle()
    assert any("Margin Shortfall" in text for text in _texts(trader.ticket.page))


async def test_an_unknown_fate_is_shown_as_unknown(trader: Trader) -> None:
    trader.rig.broker.trouble(lost_reply(events=0))
    _ask(trader, side=Side.BUY, price_e4=8_000_000)
    trader.ticket.submit()
    await trader.settle()
    assert any("unknown" in text for text in _texts(trader.ticket.page))


async def test_the_ticket_goes_on_telling_what_becomes_of_its_order(trader: Trader) -> None:
    _ask(trader, side=Side.BUY, price_e4=8_000_000)
    trader.ticket.submit()
    await trader.settle()
    (order,) = await trader.rig.broker.orders()
    trader.rig.broker.fill(order.broker_id, 1, 8_000_000)
    await trader.settle()
    assert trader.ticket.page.outcome.text() == "Last order: filled"


async def test_a_market_order_has_no_price(trader: Trader) -> None:
    trader.ticket.page.kind.choose(Kind.MARKET.value)
    assert not trader.ticket.page.price.isEnabled()
    trader.ticket.submit()
    await trader.settle()
    (order,) = await trader.rig.broker.orders()
    assert (order.kind, order.price_e4) == (Kind.MARKET, 0)


async def test_a_derivative_offers_its_own_products_and_lot(trader: Trader) -> None:
    trader.ticket.show_instrument(NIFTY_FUT)
    page = trader.ticket.page
    assert page.quantity.value == 75
    assert not page.product.button("CNC").isEnabled()


async def test_the_working_order_is_modified_in_the_ticket(trader: Trader) -> None:
    await trader.rig.place(quantity=10)
    await trader.settle()
    (key,) = trader.orders.orders.keys
    trader.orders.orders.set_current(key)
    trader.orders.modify()
    page = trader.ticket.page
    assert page.send.text() == "Change to 10 @ 800.00"
    page.price.set_value(7_990_000)
    page.price.changed.emit()
    trader.ticket.submit()
    await trader.settle()
    (order,) = await trader.rig.broker.orders()
    assert order.price_e4 == 7_990_000


async def test_delete_cancels_the_order_under_the_cursor(trader: Trader) -> None:
    await trader.rig.place(quantity=10)
    await trader.settle()
    grid = trader.orders.orders
    grid.set_current(grid.keys[0])
    QTest.keyClick(grid, Qt.Key.Key_Delete)
    await trader.settle()
    (order,) = await trader.rig.broker.orders()
    assert order.state is OrderState.CANCELLED


async def test_cancel_all_asks_and_then_leaves_nothing_working(trader: Trader) -> None:
    for price in (8_000_000, 7_999_500, 7_999_000):
        await trader.rig.place(price_e4=price)
    await trader.settle()
    button = trader.orders._cancel_all
    button.press()
    assert button.widget.text() == "Yes, cancel 3"
    await asyncio.sleep(0.45)
    button.press()
    await trader.settle()
    states = {order.state for order in await trader.rig.broker.orders()}
    assert states == {OrderState.CANCELLED}


async def test_a_double_click_on_cancel_all_only_asks(trader: Trader) -> None:
    await trader.rig.place()
    await trader.settle()
    trader.orders._cancel_all.press()
    trader.orders._cancel_all.press()
    await trader.settle()
    (order,) = await trader.rig.broker.orders()
    assert order.state.is_working


async def test_the_position_and_its_profit_follow_every_tick(trader: Trader) -> None:
    op = await trader.rig.place(quantity=10)
    trader.rig.broker.fill(op.broker_id, 10, 8_000_000)
    await trader.settle()
    grid = trader.portfolio.positions
    (key,) = grid.keys
    trader.rig.quote(8_012_500)
    await trader.settle()
    assert grid.cell_text(key, "total") == "+12.50"
    trader.rig.quote(7_990_000)
    await trader.settle()
    assert grid.cell_text(key, "total") == "−10.00"


async def test_exit_closes_the_position_once_and_never_reverses_it(trader: Trader) -> None:
    op = await trader.rig.place(quantity=10)
    trader.rig.broker.fill(op.broker_id, 10, 8_000_000)
    await trader.settle()
    grid = trader.portfolio.positions
    grid.set_current(grid.keys[0])
    trader.portfolio.exit()
    trader.portfolio.exit()
    await trader.settle()
    exits = [order for order in await trader.rig.broker.orders() if order.side is Side.SELL]
    assert [order.quantity for order in exits] == [10]


async def test_without_an_account_every_dock_says_what_to_do(trader: Trader) -> None:
    for dock in trader.docks:
        dock.bind(None)
    assert "No account" in _texts(trader.ticket)
    assert trader.orders.orders.keys == ()
    assert trader.portfolio.positions.keys == ()


async def test_a_click_on_a_position_selects_its_instrument(trader: Trader) -> None:
    op = await trader.rig.place(quantity=10)
    trader.rig.broker.fill(op.broker_id, 10, 8_000_000)
    await trader.settle()
    trader.links.select("blue", NIFTY_FUT)
    trader.portfolio.positions.clicked.emit(trader.portfolio.positions.keys[0], "name")
    assert trader.links.current("blue") == InstrumentId(SBIN)
