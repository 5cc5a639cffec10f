"""Placing: one draft, one row, one request, and the meaning of every answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from brokers.errors import DecodeError
from brokers.model.order import Kind, OpState, OrderState, Side
from desktop.log import SECRETS
from desktop.trading.accounts import Block
from desktop.trading.journal_file import JournalError, OpEntry
from desktop.trading.rows import OrderRow
from tests.rig.fake_broker import (
    Trouble,
    login_expired,
    lost_reply,
    not_sent,
    refused,
    reset_before,
)
from tests.rig.order_rig import Rig, rig_in


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_in(tmp_path) as made:
        yield made


async def test_an_order_is_placed_once_and_shown_open(rig: Rig) -> None:
    view = await rig.place()

    assert view.state is OpState.ACKED
    assert rig.only_row().state is OrderState.OPEN
    assert rig.only_row().words == "open"
    assert rig.broker.requests[view.tag] == 1


async def test_a_row_appears_before_anything_has_left(rig: Rig) -> None:
    rig.broker.trouble(Trouble(hangs=True, events=0))
    placing = rig.place_soon(rig.draft())
    await asyncio.sleep(0)

    assert rig.only_row().words == "sending…"
    assert not rig.broker.book
    await rig.idle()
    rig.broker.release()
    assert (await placing).state is OpState.ACKED


async def test_the_intent_is_durable_before_the_broker_hears_of_it(rig: Rig) -> None:
    rig.broker.trouble(Trouble(hangs=True, events=0))
    placing = rig.place_soon(rig.draft())
    await rig.idle()

    (stored,) = rig.journal.replay("a", rig.desk.trading_date).ops
    assert stored.state is OpState.SENDING
    assert rig.broker.requests[stored.tag] == 1
    rig.broker.release()
    await placing


@pytest.mark.parametrize("times", [2, 10, 50])
async def test_double_submit(rig: Rig, times: int) -> None:
    draft = rig.draft()

    views = await asyncio.gather(*(rig.desk.place(draft) for _ in range(times)))
    await rig.idle()
    again = await rig.desk.place(draft)

    assert len(rig.broker.book) == 1
    assert {view.op_id for view in [*views, again]} == {draft.draft_id}
    assert rig.broker.requests[again.tag] == 1


async def test_a_draft_of_an_earlier_run_is_not_sent_again(tmp_path: Path) -> None:
    async with rig_in(tmp_path) as first:
        draft = first.draft()
        await first.desk.place(draft)
        await first.idle()
    async with rig_in(tmp_path) as second:
        view = await second.desk.place(draft)

        assert view.state is OpState.ACKED
        assert not second.broker.book


async def test_two_windows_on_two_desks_send_one_draft_once(rig: Rig, tmp_path: Path) -> None:
    other = Rig(tmp_path, rig.broker, rig.timer)
    await other.start()
    draft = rig.draft()

    views = await asyncio.gather(rig.desk.place(draft), other.desk.place(draft))

    assert len(rig.broker.book) == 1
    assert {view.state for view in views} == {OpState.ACKED, OpState.DENIED}
    await other.stop()


async def test_presend_failures(rig: Rig) -> None:
    rig.broker.trouble(not_sent())
    view = await rig.place()

    assert view.state is OpState.NOT_SENT
    assert view.words == "not sent: no connection"
    assert not rig.only_row().is_working


async def test_a_refusal_is_shown_in_the_brokers_words(rig: Rig) -> None:
    rig.broker.trouble(refused("RED:Margin Shortfall:INR 3.52"))
    view = await rig.place()

    assert view.state is OpState.REJECTED
    assert rig.only_row().words == "rejected: RED:Margin Shortfall:INR 3.52"
    assert view.code == "-99"


async def test_an_order_the_venue_creates_and_refuses_is_one_rejected_row(rig: Rig) -> None:
    rig.broker.trouble(refused(is_created=True))
    await rig.place()

    assert rig.only_row().state is OrderState.REJECTED
    assert not rig.alarms


async def test_auth_expired_on_place(rig: Rig) -> None:
    rig.broker.trouble(login_expired())
    view = await rig.place()

    assert view.state is OpState.REJECTED
    assert Block.LOGIN in rig.account.blocks
    assert (await rig.place()).state is OpState.DENIED
    assert not rig.broker.book


@pytest.mark.parametrize(
    "trouble",
    [
        lost_reply(events=0),
        reset_before(),
        Trouble(events=0, error=DecodeError("s", "ok")),
        Trouble(events=0, error=ValueError("not ours")),
        Trouble(events=0, error=TimeoutError()),
        Trouble(events=0, is_done=True, broker_id="", error=ConnectionResetError()),
    ],
)
async def test_whatever_is_not_proof_is_unknown(rig: Rig, trouble: Trouble) -> None:
    rig.broker.trouble(trouble)
    view = await rig.place()

    assert view.state is OpState.UNKNOWN
    assert rig.only_row().words.startswith("unknown — checking")
    assert rig.broker.requests[view.tag] == 1


async def test_a_reply_without_a_number_is_unknown(rig: Rig) -> None:
    rig.broker.trouble(Trouble(is_done=False))
    view = await rig.place()

    assert view.state is OpState.UNKNOWN


async def test_reply_swap(rig: Rig) -> None:
    await rig.place()
    rig.broker.trouble(Trouble(events=0, broker_id=rig.only_order()))
    view = await rig.place()

    assert view.state is OpState.UNKNOWN
    assert [alarm.text for alarm in rig.alarms] == ["the broker's reply names a different order"]
    await rig.after(1)
    assert rig.row(view.key).state is OrderState.OPEN
    assert rig.row(view.key).broker_id != rig.desk.rows()[0].broker_id


async def test_closing_the_ticket_does_not_stop_an_order_half_way(rig: Rig) -> None:
    rig.broker.trouble(Trouble(hangs=True))
    placing = rig.place_soon(rig.draft())
    await rig.idle()
    placing.cancel()
    await rig.idle()
    rig.broker.release()
    await rig.idle()

    assert rig.only_row().state is OrderState.OPEN
    assert rig.desk.in_flight == 0


async def test_one_window_that_stops_waiting_does_not_disturb_another(rig: Rig) -> None:
    rig.broker.trouble(Trouble(hangs=True, events=0))
    draft = rig.draft()
    first, second = rig.place_soon(draft), rig.place_soon(draft)
    await rig.idle()
    first.cancel()
    await rig.idle()
    rig.broker.release()

    assert (await second).state is OpState.ACKED


async def test_the_end_of_the_program_leaves_a_sent_order_unknown(tmp_path: Path) -> None:
    async with rig_in(tmp_path) as rig:
        rig.broker.trouble(Trouble(hangs=True, events=0))
        placing = rig.place_soon(rig.draft())
        await rig.idle()
        await rig.tasks.close()

        assert (await placing).state is OpState.UNKNOWN
        await rig.journal.flush()
        (stored,) = rig.journal.replay("a", rig.desk.trading_date).ops
        assert stored.state is OpState.UNKNOWN


async def test_an_order_that_cannot_be_recorded_is_not_sent(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_entry: OpEntry) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(rig.journal, "intent", full)
    view = await rig.place()

    assert view.state is OpState.DENIED
    assert view.words == "not sent: the disk is full"
    assert not rig.broker.requests
    assert "the disk is full" in rig.desk.halt_reason


async def test_a_halt_stops_orders_and_changes_but_never_a_cancel(rig: Rig) -> None:
    view = await rig.place()
    rig.desk.halt("kill switch")

    assert (await rig.place()).state is OpState.DENIED
    assert (await rig.change(view.key, price_e4=8_000_500)).state is OpState.DENIED
    assert (await rig.cancel(view.key)).state is OpState.ACKED
    assert rig.row(view.key).state is OrderState.CANCELLED


async def test_a_halt_between_intent_and_sending_stops_the_order(rig: Rig) -> None:
    placing = rig.place_soon(rig.draft())
    await asyncio.sleep(0)
    rig.desk.halt("kill switch")

    assert (await placing).state is OpState.NEVER_SENT
    assert not rig.broker.requests


async def test_the_first_reason_of_a_halt_is_the_one_kept(rig: Rig) -> None:
    rig.desk.halt("the first")
    rig.desk.halt("the second")
    await rig.journal.flush()

    assert rig.desk.halt_reason == "the first"
    assert rig.journal.replay("a", rig.desk.trading_date).halt == "the first"


async def test_a_halt_outlives_a_restart_until_it_is_lifted(tmp_path: Path) -> None:
    async with rig_in(tmp_path) as rig:
        rig.desk.halt("kill switch")
    async with rig_in(tmp_path) as rig:
        assert rig.desk.halt_reason == "kill switch"
        assert not rig.account.is_tradable
        rig.desk.rearm()
        assert (await rig.place()).state is OpState.ACKED
    async with rig_in(tmp_path) as rig:
        assert not rig.desk.halt_reason


async def test_account_binding(rig: Rig) -> None:
    view = await rig.place(account="another")

    assert view.state is OpState.DENIED
    assert not rig.desk.rows()


async def test_a_blocked_account_takes_no_order(rig: Rig) -> None:
    rig.account.block(Block.RECONCILE, "comparing orders")
    view = await rig.place()

    assert view.state is OpState.DENIED
    assert view.text == "comparing orders"


async def test_a_question_waits_for_its_yes_and_does_not_use_the_draft_up(rig: Rig) -> None:
    draft = rig.draft(price_e4=8_400_000)
    asked = await rig.desk.place(draft)
    assert asked.state is OpState.DRAFT
    assert [finding.code for finding in asked.findings] == ["far"]
    assert not rig.desk.rows()

    yes = msgspec.structs.replace(draft, confirmed=frozenset({"far"}))
    assert (await rig.desk.place(yes)).state is OpState.ACKED
    await rig.idle()
    assert len(rig.broker.book) == 1


async def test_listeners_are_told_of_every_step_and_cannot_harm_it(rig: Rig) -> None:
    reports: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: reports.append(about))

    def faulty(_key: str, _old: OrderRow | None, _new: OrderRow | None) -> None:
        raise ZeroDivisionError

    rig.desk.on_change(faulty)

    view = await rig.place()

    assert view.state is OpState.ACKED
    assert reports
    told = [new.words for _, _, new in rig.changes if new is not None]
    assert told[0] == "sending…"
    assert told[-1] == "open"


async def test_stop_orders_are_shown_as_waiting_for_their_trigger(rig: Rig) -> None:
    await rig.place(kind=Kind.STOP_LIMIT, trigger_e4=8_050_000, price_e4=8_060_000)

    assert rig.only_row().words == "trigger pending"


async def test_the_brokers_words_are_made_plain(rig: Rig) -> None:
    rig.broker.trouble(refused("bad\n\x1b[31m\u202ewords " + "x" * 1000))
    view = await rig.place()

    assert view.text.startswith("bad [31m words xxx")
    assert len(view.text) == 300


async def test_no_secret_reaches_the_journal(rig: Rig, tmp_path: Path) -> None:
    SECRETS.add("canary-token-77")
    rig.broker.trouble(refused("token canary-token-77 is not valid"))
    await rig.place()

    for each in tmp_path.glob("orders*"):
        assert b"canary-token-77" not in each.read_bytes()


async def test_settling_waits_for_what_is_on_its_way(rig: Rig) -> None:
    rig.broker.trouble(Trouble(hangs=True, events=0))
    placing = rig.place_soon(rig.draft())
    await rig.idle()
    closing = asyncio.ensure_future(rig.desk.settle())
    await rig.idle()
    assert not closing.done()
    assert rig.desk.in_flight == 1

    rig.broker.release()
    await closing
    assert (await placing).state is OpState.ACKED
    assert rig.desk.in_flight == 0


async def test_the_protected_price_needs_a_price(rig: Rig) -> None:
    assert rig.desk.protected_price(rig.draft().instrument, Side.BUY) == 8_080_500
    assert rig.desk.protected_price(rig.draft().instrument, Side.SELL) == 7_920_000
