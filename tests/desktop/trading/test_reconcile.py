"""Nothing is traded before everything was compared, and the comparing never stops."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from brokers.errors import LoginExpired, OutcomeUnknown
from brokers.model.order import OpState, OrderState, Product
from brokers.port import Link, LinkEvent, LinkState
from desktop.trading.accounts import Block
from desktop.trading.journal_file import Event
from tests.rig.fake_broker import CAPABILITIES, FakeBroker, Trouble, lost_reply, reset_before
from tests.rig.order_rig import SBIN, Rig, rig_in
from tests.rig.virtual_time import VirtualTimer

pytestmark = pytest.mark.plainloop


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_in(tmp_path, reconciles=True) as made:
        yield made


def link(state: LinkState, reason: str = "") -> LinkEvent:
    return LinkEvent(link=Link.ORDERS, state=state, reason=reason)


async def test_trading_opens_only_after_a_full_pass(tmp_path: Path) -> None:
    timer = VirtualTimer()
    rig = Rig(tmp_path, FakeBroker(timer), timer)
    assert not rig.account.is_tradable
    await rig.start(reconciles=True)

    assert rig.account.is_tradable
    assert {"orders", "fills", "positions", "funds", "holdings"} <= set(rig.broker.reads)
    await rig.stop()


async def test_a_failed_pass_keeps_trading_shut_and_is_repeated(tmp_path: Path) -> None:
    timer = VirtualTimer()
    rig = Rig(tmp_path, FakeBroker(timer), timer)
    rig.broker.read_error = OutcomeUnknown("maintenance page")
    await rig.start(reconciles=True)
    assert "maintenance page" in rig.account.problem
    await rig.after(20)
    assert rig.broker.reads["orders"] == 5  # at once, then after 1, 2, 4, 8 s
    assert not rig.portfolio.is_known

    rig.broker.read_error = None
    await rig.after(15)

    assert rig.account.is_tradable
    await rig.stop()


async def test_a_pass_asked_for_during_a_pass_is_made_before_trading_opens(rig: Rig) -> None:
    gate = rig.broker.read_gate = asyncio.get_running_loop().create_future()
    rig.reconciler.ask("login")
    await rig.idle()
    rig.reconciler.ask("resume")
    opened_after: list[int] = []
    rig.account.changed.add(lambda: opened_after.append(rig.broker.reads["orders"]))
    before = rig.broker.reads["orders"]
    gate.set_result(None)
    await rig.idle()

    assert rig.account.is_tradable
    assert opened_after == [before + 1]


async def test_empty_is_not_flat(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.fill(rig.only_order(), 4)
    await rig.after(3)
    rig.broker.read_error = LoginExpired("token expired")

    await rig.after(60)

    assert rig.row(view.key).words == "partial 4/10"
    assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == 4
    assert rig.account.problem == "log in again: token expired"


async def test_a_book_that_lost_our_order_is_shown_and_not_believed(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.hidden.add(rig.only_order())
    await rig.after(25)

    assert rig.row(view.key).is_working
    assert rig.row(view.key).words == "open · not in the broker's book"
    assert len(rig.alarms) == 1

    rig.broker.hidden.clear()
    await rig.after(11)
    assert rig.row(view.key).words == "open"


async def test_gap_recovery(rig: Rig) -> None:
    for number in range(1_000 if os.environ.get("TEZI_LONG") else 100):
        view = await rig.place(quantity=4)
        broker_id = rig.row(view.key).broker_id
        rig.reconciler.link_changed(link(LinkState.DOWN))
        rig.broker.is_mute = True
        rig.broker.fill(broker_id, 1 + number % 4)
        if number % 2 and number % 4 != 3:
            rig.broker.say(broker_id, OrderState.CANCELLED)
        rig.broker.is_mute = False
        rig.reconciler.link_changed(link(LinkState.LIVE))
        assert not rig.account.is_tradable
        await rig.idle()
        assert rig.account.is_tradable

        for order in rig.broker.book.values():
            row = rig.row(order.tag)
            assert (row.state, row.filled_qty) == (order.state, order.filled_qty)
        bought = sum(fill.quantity for fill in rig.broker.trades)
        assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == bought
    assert not rig.alarms


async def test_open_orders_are_polled_every_10_s_and_nothing_when_idle(rig: Rig) -> None:
    await rig.after(300)
    assert rig.broker.reads["orders"] == 1

    view = await rig.place()
    before = rig.broker.reads["orders"]
    await rig.after(60)
    assert rig.broker.reads["orders"] - before == 6

    await rig.cancel(view.key)
    before = rig.broker.reads["orders"]
    await rig.after(300)
    assert rig.broker.reads["orders"] - before <= 1


async def test_mute_order_socket(rig: Rig) -> None:
    rig.broker.is_mute = True
    view = await rig.place()
    assert rig.row(view.key).words == "accepted, waiting for the exchange"
    await rig.after(4)
    assert not rig.account.is_stream_suspect
    await rig.after(2)
    assert rig.account.is_stream_suspect
    assert "silent" in rig.account.cautions[0]

    before = rig.broker.reads["orders"]
    await rig.after(10)
    assert rig.broker.reads["orders"] - before == 5
    assert rig.row(view.key).words == "open"

    rig.broker.is_mute = False
    rig.broker.fill(rig.only_order(), 1)
    await rig.after(3)
    assert not rig.account.is_stream_suspect


async def test_a_broker_without_a_stream_is_polled_always(rig: Rig) -> None:
    rig.broker.is_mute = True
    rig.broker.capabilities = msgspec.structs.replace(CAPABILITIES, streams_orders=False)
    rig.reconciler.ask("login")
    await rig.after(1)
    rig.broker.typed_elsewhere(rig.draft().intent(""))

    await rig.after(11)

    assert rig.only_row().words == "open"
    assert not rig.account.is_stream_suspect


async def test_positions_are_confirmed_soon_after_an_execution(rig: Rig) -> None:
    await rig.place()
    rig.broker.fill(rig.only_order(), 10)
    assert not rig.portfolio.positions()[0].is_confirmed
    await rig.after(2)
    await rig.after(4)
    rig.reconciler.ask("resume")
    await rig.idle()

    assert rig.portfolio.positions()[0].is_confirmed
    assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == 10


async def test_executions_that_do_not_add_up_raise_an_alarm_at_the_second_look(rig: Rig) -> None:
    await rig.place()
    rig.broker.is_mute = True
    rig.broker.say(rig.only_order(), OrderState.PARTIAL, filled_qty=5, average_e4=8_000_000)
    await rig.after(30)
    assert not rig.alarms
    await rig.after(45)

    assert [a.text for a in rig.alarms] == ["the executions do not add up to the filled quantity"]


async def test_a_stopped_stream_stops_trading_and_a_login_opens_it_again(rig: Rig) -> None:
    rig.reconciler.link_changed(link(LinkState.STOPPED, "another session took over"))
    assert rig.account.problem == "another session took over"

    rig.reconciler.link_changed(link(LinkState.LIVE))
    rig.reconciler.logged_in()
    assert not rig.account.is_tradable
    await rig.idle()

    assert rig.account.is_tradable


async def test_a_stream_that_is_down_wants_a_yes(rig: Rig) -> None:
    rig.reconciler.link_changed(link(LinkState.DOWN, "reset"))
    asked = await rig.place(confirmed=frozenset())

    assert asked.state is OpState.DRAFT
    assert asked.findings[0].text == "the order stream is down: states may be late"


async def test_after_an_expired_login_nothing_is_repeated_until_a_new_one(rig: Rig) -> None:
    rig.broker.read_error = LoginExpired("token expired")
    rig.reconciler.ask("resume")
    await rig.after(600)
    assert rig.broker.reads["orders"] == 2

    rig.broker.read_error = None
    rig.reconciler.logged_in()
    await rig.idle()

    assert rig.account.is_tradable
    assert Block.LOGIN not in rig.account.blocks


async def test_day_roll(rig: Rig) -> None:
    rig.broker.trouble(reset_before())
    rig.broker.has_clock = False
    lost = await rig.place()
    await rig.place()
    rig.broker.book.clear()
    rig.broker.trades.clear()

    await rig.after(15 * 3600)

    row = rig.only_row()
    assert row.key == lost.key
    assert row.words == "unresolved — check the contract note"
    assert rig.account.is_tradable
    assert rig.desk.trading_date == "2026-09-30"


async def test_an_order_left_in_doubt_yesterday_is_unresolved_today(tmp_path: Path) -> None:
    async with rig_in(tmp_path, reconciles=True) as rig:
        rig.broker.trouble(Trouble(hangs=True, events=0, is_done=False))
        placing = rig.place_soon(rig.draft())
        await rig.idle()
        await rig.tasks.close()
        await placing
    timer = VirtualTimer()
    await timer.advance(86_400, _nothing)
    tomorrow = Rig(tmp_path, FakeBroker(timer), timer)
    await tomorrow.start(reconciles=True)

    (row,) = tomorrow.desk.rows()
    assert row.op is not None
    assert row.op.state is OpState.UNRESOLVED
    tomorrow.desk.settle_by_hand(row.op.op_id)
    await tomorrow.stop()

    again = Rig(tmp_path, FakeBroker(timer), timer)
    await again.start(reconciles=True)
    assert not again.desk.rows()
    await again.stop()


async def test_what_the_evidence_proves_at_a_start_is_recorded(tmp_path: Path) -> None:
    async with rig_in(tmp_path) as rig:
        rig.broker.trouble(lost_reply(events=0))
        await rig.place()
        rig.journal.event(
            Event(
                account="a",
                source="stream",
                body=msgspec.json.encode(rig.broker.book[rig.only_order()]).decode(),
                at_ns=rig.timer.now_ns(),
                trading_date=rig.desk.trading_date,
            )
        )
    async with rig_in(tmp_path) as rig:
        assert rig.only_row().words == "open"
    timer = VirtualTimer()
    await timer.advance(86_400, _nothing)
    tomorrow = Rig(tmp_path, FakeBroker(timer), timer)
    await tomorrow.start(reconciles=True)

    assert not tomorrow.desk.rows()
    await tomorrow.stop()


async def test_another_practice_exchange_is_another_book(tmp_path: Path) -> None:
    for run in ("one", "two"):
        timer = VirtualTimer()
        rig = Rig(tmp_path, FakeBroker(timer), timer, book=run)
        await rig.start(reconciles=True)
        assert not rig.desk.rows()
        await rig.place()
        assert rig.only_row().words == "open"
        assert not rig.alarms
        await rig.stop()


async def _nothing() -> None:
    return


async def test_a_restart_takes_the_day_up_where_it_was(tmp_path: Path) -> None:
    timer = VirtualTimer()
    broker = FakeBroker(timer)
    first = Rig(tmp_path, broker, timer)
    await first.start(reconciles=True)
    await first.place(quantity=4)
    broker.fill(first.only_order(), 3)
    broker.typed_elsewhere(first.draft(quantity=9).intent(""))
    broker.trouble(lost_reply(events=0))
    await first.place(quantity=5)
    await first.place(quantity=6)
    await first.idle()
    words = {row.key: (row.words, row.filled_qty) for row in first.desk.rows()}
    await first.stop()

    second = Rig(tmp_path, broker, timer)
    second.desk.restore()
    second.desk.attach(None)
    restored = {row.key: (row.words, row.filled_qty) for row in second.desk.rows()}
    assert restored == words
    second.desk.attach(broker)
    second.reconciler.start()
    await second.idle()

    assert second.account.is_tradable
    assert not second.desk.uncertain
    assert len(second.desk.rows()) == 4
    assert second.portfolio.net_qty(SBIN, Product.INTRADAY) == 3
    assert not second.alarms
    await second.stop()
