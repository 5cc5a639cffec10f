"""A whole trade without a mouse: every key goes where the window system would send it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from brokers.model.order import OrderState, Side
from desktop.docks.orders.dock import OrdersDock
from desktop.docks.portfolio.dock import PortfolioDock
from desktop.docks.ticket.dock import TicketDock
from desktop.shell.keys_window import KeysWindow
from desktop.ui.fields import NumberField
from desktop.ui.theme import Theme
from tests.rig.journey import SBIN, Begin, Journey

CTRL = Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def _focus() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None, "nothing has the keyboard"
    assert found.isVisible(), "the keyboard is in something that cannot be seen"
    return found


def _name_of_focus() -> str:
    return _focus().accessibleName()


async def _quiet(journey: Journey) -> int:
    await journey.tradable()
    journey.practice.quiet()
    journey.practice.price("NSE:SBIN-EQ", "800.00")
    await journey.until(lambda: journey.ltp_e4(SBIN) == 8_000_000, "SBIN at 800")
    return 8_000_000


async def test_an_order_is_found_typed_sent_and_cancelled_by_keys(begin: Begin) -> None:
    async with begin() as journey:
        await _quiet(journey)
        infy = journey.desk.instruments.by_symbol("NSE:INFY-EQ")
        assert infy is not None
        await journey.press(Qt.Key.Key_K, CTRL)
        await journey.type("infy")
        await journey.press(Qt.Key.Key_Return)
        assert journey.app.links.current("blue") == infy.id
        await journey.until(lambda: journey.ltp_e4(infy.id), "a price of what was chosen")
        ltp = journey.ltp_e4(infy.id)
        assert ltp is not None

        await journey.press(Qt.Key.Key_F1)
        assert _name_of_focus() == "Quantity"
        await journey.type("7")
        await journey.press(Qt.Key.Key_Tab)
        assert _name_of_focus() == "Price"
        price_e4 = (ltp - 200_000) // infy.tick_e4 * infy.tick_e4
        await journey.type(f"{price_e4 // 10_000}.{price_e4 % 10_000 // 100:02d}")
        await journey.press(Qt.Key.Key_Return)
        await journey.until(journey.desk.orders.rows, "the order")
        await journey.until(
            lambda: [row.state for row in journey.desk.orders.rows()] == [OrderState.OPEN],
            "the order open",
        )
        (row,) = journey.desk.orders.rows()
        assert (row.instrument, row.side, row.quantity) == (infy.id, Side.BUY, 7)
        assert row.price_e4 == price_e4

        await journey.press(Qt.Key.Key_5, ALT)
        orders = journey.dock("orders", OrdersDock)
        await journey.until(lambda: orders.isAncestorOf(_focus()), "the orders to have the keys")
        await journey.until(lambda: list(orders.orders.keys) == [row.key], "the row")
        await journey.press(Qt.Key.Key_Home)
        assert orders.orders.current == row.key
        await journey.press(Qt.Key.Key_Delete)
        await journey.until(
            lambda: journey.state(row.key) is OrderState.CANCELLED, "the cancel by Delete"
        )


async def test_positions_are_exited_by_a_key_that_asks_first(begin: Begin) -> None:
    async with begin() as journey:
        ltp = await _quiet(journey)
        await journey.press(Qt.Key.Key_F1)
        await journey.type("10")
        await journey.press(Qt.Key.Key_Tab)
        await journey.type(f"{(ltp + 20_000) / 10_000:.2f}")
        await journey.press(Qt.Key.Key_Return)
        await journey.until(
            lambda: any(row.net_qty == 10 for row in journey.desk.portfolio.positions()),
            "the position",
        )
        portfolio = journey.dock("portfolio", PortfolioDock)
        await journey.press(Qt.Key.Key_6, ALT)
        await journey.until(portfolio._exit_all.widget.isEnabled, "something to exit")
        await journey.press(Qt.Key.Key_E, CTRL | SHIFT)
        assert portfolio._exit_all.is_asking
        assert len(journey.desk.orders.rows()) == 1, "asking sends nothing"
        await journey.until(lambda: not portfolio._exit_all._blind.isActive(), "the pause")
        await journey.press(Qt.Key.Key_E, CTRL | SHIFT)
        await journey.until(
            lambda: all(row.net_qty == 0 for row in journey.desk.portfolio.positions()),
            "the exit",
        )


async def test_a_digit_never_joins_the_number_that_was_there(begin: Begin) -> None:
    async with begin() as journey:
        await _quiet(journey)
        ticket = journey.dock("ticket", TicketDock)
        for typed in ("5", "7", "12"):
            await journey.press(Qt.Key.Key_F1)
            await journey.type(typed)
            assert ticket.page.quantity.value == int(typed)


async def test_wrong_numbers_are_told_at_the_field_and_nothing_is_sent(begin: Begin) -> None:
    async with begin() as journey:
        await _quiet(journey)
        ticket = journey.dock("ticket", TicketDock)
        for quantity, price, field, words in (
            ("0", "800", "Quantity", "above zero"),
            ("abc", "800", "Quantity", "Quantity"),
            ("5", "800.03", "Price", "steps are 0.05"),
            ("5", "", "Price", "nothing typed"),
        ):
            await journey.press(Qt.Key.Key_F1)
            await journey.type(quantity)
            await journey.press(Qt.Key.Key_Tab)
            await journey.press(Qt.Key.Key_A, CTRL)
            await journey.press(Qt.Key.Key_Delete)
            await journey.type(price)
            await journey.press(Qt.Key.Key_Return)
            assert _name_of_focus() == field
            shown = _focus()
            assert isinstance(shown, NumberField)
            assert words in shown.problem
            assert any(words in text for text in journey.texts(ticket)), "told in the ticket"
        assert journey.desk.orders.rows() == ()
        assert journey.practice.orders() == []


async def test_help_sizes_and_the_way_through_the_window(begin: Begin) -> None:
    async with begin() as journey:
        await _quiet(journey)
        await journey.press(Qt.Key.Key_Question)
        (page,) = journey.app.window.findChildren(KeysWindow)
        await journey.until(page.isActiveWindow, "the page of keys")
        told = journey.texts(page)
        assert "Exit all positions" in told
        await journey.press(Qt.Key.Key_Escape)
        await journey.until(lambda: not journey.app.window.findChildren(KeysWindow), "it to go")

        for key, percent in (
            (Qt.Key.Key_Plus, 110),
            (Qt.Key.Key_Plus, 125),
            (Qt.Key.Key_Minus, 110),
            (Qt.Key.Key_0, 100),
        ):
            await journey.press(key, CTRL)
            assert journey.app.settings.number("look.scale_percent") == percent
            assert Theme.current().px(100) == percent

        seen: dict[QWidget, str] = {}
        while True:
            await journey.press(Qt.Key.Key_Tab)
            if _focus() in seen:
                break
            seen[_focus()] = f"{type(_focus()).__name__}:{_name_of_focus()}"
        names = "\n".join(seen.values())
        assert "Add symbol or name" in names
        for wanted in ("Watchlist prices", "Order book", "Quantity", "Price", "Chart", "Orders"):
            assert wanted in names
        assert not [each for each in seen.values() if each.endswith(":")], (
            "something without a name"
        )


async def test_every_dock_is_reached_by_its_key_and_keeps_the_keyboard(begin: Begin) -> None:
    async with begin() as journey:
        await _quiet(journey)
        for key, name in (
            (Qt.Key.Key_1, "watchlist"),
            (Qt.Key.Key_3, "depth"),
            (Qt.Key.Key_4, "ticket"),
            (Qt.Key.Key_5, "orders"),
            (Qt.Key.Key_6, "portfolio"),
        ):
            await journey.press(key, ALT)
            dock = journey.app.panels.docks[name]
            await journey.until(
                lambda dock=dock: dock is _focus() or dock.isAncestorOf(_focus()),  # type: ignore[misc]
                f"the keyboard in {name}",
            )
            assert dock.isVisible()
