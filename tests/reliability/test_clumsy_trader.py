"""A trader in a hurry: held keys, changed minds, closed docks; what is sent is what was shown."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from brokers.model.instrument import InstrumentId
from brokers.model.order import Kind, OpState, OrderChange, OrderState, Side
from desktop.docks.portfolio.dock import PortfolioDock
from desktop.docks.ticket.dock import REARM_MS, TicketDock
from desktop.trading.drafts import CancelDraft, ChangeDraft
from tests.reliability.witness import Witness
from tests.rig.journey import SBIN, Begin, Journey, running_app

pytestmark = pytest.mark.timeout(120)
INFY = InstrumentId("NSE:CM:1594")
PRICE_E4 = 8_000_000


@asynccontextmanager
async def _trading(begin: Begin) -> AsyncIterator[tuple[Journey, TicketDock, Witness]]:
    async with begin() as journey:
        await journey.tradable()
        journey.practice.quiet()
        journey.practice.price("NSE:SBIN-EQ", "800.00")
        await journey.until(lambda: journey.ltp_e4(SBIN) == PRICE_E4, "the price")
        witness = Witness(journey)
        yield journey, journey.dock("ticket", TicketDock), witness
        assert not witness.lies()


def _fill_in(ticket: TicketDock, quantity: str, price: str) -> None:
    for field, text in ((ticket.page.quantity, quantity), (ticket.page.price, price)):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)


def _hold(ticket: TicketDock, key: Qt.Key, *, is_first: bool) -> None:
    """Deliver a key press, or one of the repeats that the keyboard adds while it is held."""
    event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "\r", not is_first)
    QApplication.sendEvent(ticket.page.price, event)


async def _held(widget: QWidget, key: Qt.Key, seconds: float) -> None:
    """Hold a key down where the keyboard is."""
    for at in range(int(seconds / 0.05)):
        event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "", at > 0)
        QApplication.sendEvent(widget, event)
        await asyncio.sleep(0.05)


def _slow(journey: Journey) -> None:
    """Keep an order's fate from the window for a while: no reply, and nothing on the stream."""
    journey.practice.fault("place", "delay", value=1)
    journey.practice.fault("orderfeed", "drop_event", times=10)


async def _armed(journey: Journey, ticket: TicketDock) -> None:
    await journey.until(ticket.page.send.isEnabled, "the button", 15)


async def test_enter_held_for_seconds_is_one_press(begin: Begin) -> None:
    async with _trading(begin) as (journey, ticket, _):
        _fill_in(ticket, "10", "795.00")
        _hold(ticket, Qt.Key.Key_Return, is_first=True)
        for _ in range(20 * REARM_MS // 100):
            _hold(ticket, Qt.Key.Key_Return, is_first=False)
            # Held: the repeats go on in real time, past the pause that follows an order.
            await asyncio.sleep(0.05)
        assert len(journey.practice.orders()) == 1


async def test_enter_held_does_not_say_yes_to_a_question(begin: Begin) -> None:
    async with _trading(begin) as (journey, ticket, _):
        _fill_in(ticket, "10", "760.00")  # so far from the market that the guard asks
        _hold(ticket, Qt.Key.Key_Return, is_first=True)
        for _ in range(20):
            _hold(ticket, Qt.Key.Key_Return, is_first=False)
            await asyncio.sleep(0.05)
        assert not journey.practice.orders()
        _hold(ticket, Qt.Key.Key_Return, is_first=True)
        await journey.until(journey.practice.orders, "a real second press")


async def test_fifty_presses_by_key_and_mouse_are_one_order(begin: Begin) -> None:
    async with _trading(begin) as (journey, ticket, _):
        _slow(journey)
        _fill_in(ticket, "10", "795.00")
        for at in range(50):
            if at % 2:
                QTest.mouseClick(ticket.page.send, Qt.MouseButton.LeftButton)
            else:
                QTest.keyClick(ticket.page.price, Qt.Key.Key_Return)
            await asyncio.sleep(0.005)
        await _armed(journey, ticket)
        assert len(journey.practice.orders()) == 1


async def test_what_is_typed_after_the_press_is_not_confirmed_with_it(begin: Begin) -> None:
    async with _trading(begin) as (journey, ticket, _):
        _fill_in(ticket, "10", "760.00")
        ticket.submit()
        # Typed in the same breath: it is in the ticket before the guard's question comes back.
        _fill_in(ticket, "20", "770.00")
        await asyncio.sleep(0.1)
        await _armed(journey, ticket)
        shown = ticket.page.send.text()
        assert "20 @ 770.00" in shown
        ticket.submit()
        await asyncio.sleep(0.1)
        await _armed(journey, ticket)
        ticket.submit()
        await journey.until(journey.practice.orders, "the order")
        (truth,) = journey.practice.orders()
        assert (truth["quantity"], truth["price_e4"]) == (20, 7_700_000)


async def test_an_instrument_chosen_while_sending_is_in_the_ticket_afterwards(
    begin: Begin,
) -> None:
    async with _trading(begin) as (journey, ticket, _):
        _slow(journey)
        _fill_in(ticket, "10", "795.00")
        ticket.submit()
        await asyncio.sleep(0.1)
        journey.select(INFY)
        await _armed(journey, ticket)
        (truth,) = journey.practice.orders()
        assert truth["instrument"] == "NSE:SBIN-EQ"
        assert ticket._form is not None
        assert ticket._form.instrument.id == INFY, "the ticket is not on what is selected"
        assert ticket.page.price.value is None, "one instrument's price became another's"


async def test_the_ticket_closed_while_sending_loses_nothing(begin: Begin) -> None:
    async with _trading(begin) as (journey, ticket, witness):
        _slow(journey)
        _fill_in(ticket, "10", "795.00")
        ticket.submit()
        await journey.until(lambda: journey.desk.orders.in_flight, "the order on its way")
        journey.app.panels.close("ticket")
        await journey.until(lambda: journey.practice.orders() and not witness.differences(), "it")
        journey.app.panels.open("ticket")
        again = journey.dock("ticket", TicketDock)
        await journey.until(lambda: again._form is not None, "the ticket again")


async def test_the_account_taken_away_while_sending_leaves_no_ticket_behind(
    begin: Begin,
) -> None:
    async with _trading(begin) as (journey, ticket, witness):
        _slow(journey)
        _fill_in(ticket, "10", "795.00")
        ticket.submit()
        await journey.until(lambda: journey.desk.orders.in_flight, "the order on its way")
        name = journey.desk.account.name
        journey.app.show_desk(None)
        journey.app.accounts.bring_to_front(name)
        await journey.until(lambda: journey.practice.orders() and not witness.differences(), "it")
        await journey.until(lambda: ticket._form is not None, "the ticket to be usable again")
        assert len(journey.practice.orders()) == 1


async def test_closing_the_program_waits_for_an_order_on_its_way(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        ltp = journey.ltp_e4(SBIN)
        assert ltp is not None
        _slow(journey)
        ticket = journey.dock("ticket", TicketDock)
        _fill_in(ticket, "10", f"{(ltp // 10_000) - 5}.00")
        ticket.submit()
        await journey.until(lambda: journey.desk.orders.in_flight, "the order on its way")
        desk = journey.desk.orders
    (op,) = desk.table.ops()
    assert op.state is OpState.ACKED
    (truth,) = journey.practice.orders()
    assert truth["tag"] == op.tag


async def test_a_change_below_what_is_filled_is_not_sent(begin: Begin) -> None:
    async with _trading(begin) as (journey, _, _witness):
        journey.practice.fault("place", "partial_fill", value=6)
        op = await journey.place(Side.BUY, 10, PRICE_E4)
        await journey.until(lambda: journey.state(op.key) is OrderState.PARTIAL, "the part")
        row = journey.row(op.key)
        for quantity in (6, 5, 1, 0, -1):
            to = OrderChange(
                quantity=quantity, kind=Kind.LIMIT, price_e4=PRICE_E4 - 10_000, trigger_e4=0
            )
            draft = ChangeDraft(
                account=journey.desk.account.name, key=op.key, to=to, revision=row.revision
            )
            view = await journey.desk.orders.change(draft)
            assert view.state is OpState.DENIED, quantity
        (truth,) = journey.practice.orders()
        assert truth["quantity"] == 10


async def test_a_cancel_that_comes_too_late_is_told_as_too_late(begin: Begin) -> None:
    async with _trading(begin) as (journey, _, witness):
        op = await journey.place(Side.BUY, 10, PRICE_E4 - 10_000)
        await journey.until(lambda: journey.state(op.key) is OrderState.OPEN, "the order open")
        journey.practice.fault("orderfeed", "drop_event", times=20)
        journey.practice.price("NSE:SBIN-EQ", "798.00")
        cancel = CancelDraft(account=journey.desk.account.name, key=op.key)
        view = await journey.desk.orders.cancel(cancel)
        assert view.state is OpState.REJECTED, view.words
        await journey.until(lambda: not witness.differences(), "the fill", 3)
        assert journey.state(op.key) is OrderState.FILLED


IMPOSSIBLE = (
    *(
        "0",
        "-5",
        "1e9",
        "999999999999",
        "10000001",
        "१०",
        "\uff11\uff10",
        "٣",
        "ten",
        "0x10",
        "5.5",
    ),
    *("NaN", " ", "10;DROP", "1\u200b0", "10\u00b2", "10\n20", "10\t20", "10 20"),
    "0" * 22 + "105",
)
NO_PRICE = (
    *(
        "0",
        "-795",
        "795.03",
        "1e3",
        "7e2",
        "NaN",
        "inf",
        "८००",
        "\uff18\uff10\uff10",
        "8OO",
        "0.00",
        "100",
    ),
    *("9999", "795..0", "\u200b795", "795\u0000", "₹", "795\n1", " " * 20 + "7951", "9" * 400),
)


@pytest.mark.parametrize("field", ["quantity", "price"])
async def test_what_is_not_one_number_or_out_of_bounds_is_never_sent(
    begin: Begin, field: str
) -> None:
    async with _trading(begin) as (journey, ticket, _):
        for text in IMPOSSIBLE if field == "quantity" else NO_PRICE:
            await _armed(journey, ticket)
            typed = {"quantity": "10", "price": "795.00", field: text}
            _paste(ticket, **typed)
            ticket.submit()
            await asyncio.sleep(0.02)
            await _armed(journey, ticket)
            assert not journey.practice.orders(), text


def _paste(ticket: TicketDock, *, quantity: str, price: str) -> None:
    clipboard = QApplication.clipboard()
    for field, text in ((ticket.page.quantity, quantity), (ticket.page.price, price)):
        clipboard.setText(text)
        field.selectAll()
        field.paste()


async def test_delete_held_on_a_position_asks_and_does_not_answer_itself(begin: Begin) -> None:
    async with _trading(begin) as (journey, _, _witness):
        op = await journey.place(Side.BUY, 10, PRICE_E4 + 10_000)
        await journey.until(lambda: journey.state(op.key) is OrderState.FILLED, "the fill")
        await journey.until(journey.desk.portfolio.positions, "the position")
        portfolio = journey.dock("portfolio", PortfolioDock)
        portfolio.catch_up()
        (row,) = journey.desk.portfolio.positions()
        await journey.until(lambda: len(portfolio.positions), "its row")
        portfolio.positions.set_current(row.key)
        await _held(portfolio.positions, Qt.Key.Key_Delete, 1.5)
        assert len(journey.practice.orders()) == 1


async def test_exit_pressed_again_and_again_never_turns_the_position(begin: Begin) -> None:
    async with _trading(begin) as (journey, _, _witness):
        op = await journey.place(Side.BUY, 10, PRICE_E4 + 10_000)
        await journey.until(lambda: journey.state(op.key) is OrderState.FILLED, "the fill")
        await journey.until(journey.desk.portfolio.positions, "the position")
        _slow(journey)
        portfolio = journey.dock("portfolio", PortfolioDock)
        portfolio.catch_up()
        (row,) = journey.desk.portfolio.positions()
        portfolio.positions.set_current(row.key)
        for _ in range(3):
            portfolio.exit()
            portfolio.exit_all()
            await asyncio.sleep(0.05)
        journey.practice.disarm()
        await journey.until(
            lambda: [row.net_qty for row in journey.desk.portfolio.positions()] == [0], "the exit"
        )
        sold = [each for each in journey.practice.orders() if each["side"] == "sell"]
        assert sum(int(str(each["quantity"])) for each in sold) == 10


async def test_a_restart_asked_for_twice_starts_one_exchange(tmp_path: Path) -> None:
    before = _exchanges()
    async with running_app(tmp_path) as journey:
        await journey.tradable()
        for _ in range(3):
            journey.app.accounts.restart()
            await asyncio.sleep(0.05)
        await journey.until(lambda: journey.app.accounts.current is None, "the old one to go")
        await journey.until(lambda: journey.app.accounts.current is not None, "a new one")
        await asyncio.sleep(3)
        await journey.tradable()
        assert _exchanges() == before + 1
    assert _exchanges() == before


@pytest.mark.parametrize("after_ms", [0, 30, 150, 400, 700, 900, 1100, 1400])
async def test_a_window_closed_while_it_opens_leaves_nothing_behind(
    tmp_path: Path, after_ms: int
) -> None:
    before = _exchanges()
    async with asyncio.timeout(30), running_app(tmp_path, opens=False) as journey:
        journey.app.tasks.start(journey.app.start(), owner="start")
        await asyncio.sleep(after_ms / 1000)
    assert _exchanges() == before


async def test_closing_twice_is_closing_once(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        for _ in range(2):
            journey.app.window.close()
            await asyncio.sleep(0)
        assert journey.app.stop.is_set()


def _exchanges() -> int:
    """Count the practice exchanges that this process started and that still run."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline") for child in children]
    return sum(b"brokers.practice" in each.read_bytes() for each in commands if each.exists())
