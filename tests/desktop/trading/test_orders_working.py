"""Working orders: changing, cancelling, and leaving positions without turning them around."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from brokers.errors import OutcomeUnknown
from brokers.model.account import Position
from brokers.model.order import Kind, OpState, OrderChange, OrderState, Product, Side
from desktop.trading.drafts import CancelDraft, ChangeDraft
from desktop.trading.portfolio import position_key
from tests.rig.fake_broker import Trouble, lost_reply, refused, reset_before
from tests.rig.order_rig import INSTRUMENTS, NIFTY_FUT, SBIN, Rig, rig_in

pytestmark = pytest.mark.plainloop
INTRADAY = position_key(SBIN, Product.INTRADAY)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_in(tmp_path) as made:
        yield made


async def held(rig: Rig, quantity: int) -> None:
    """Be long by an order that filled."""
    view = await rig.place(quantity=quantity)
    rig.broker.fill(rig.row(view.key).broker_id, quantity)
    await rig.idle()


# -- cancel


async def test_a_cancel_is_shown_on_its_way_and_done(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.trouble(Trouble(hangs=True, events=0), on="cancel")
    cancelling = rig.soon(rig.desk.cancel(CancelDraft(account="a", key=view.key)))
    await rig.idle()
    assert rig.only_row().words == "open · cancelling…"
    assert not rig.only_row().can_change

    rig.broker.release()
    await cancelling
    await rig.idle()
    assert rig.only_row().words == "open · cancel accepted"
    await rig.desk.books.orders()
    assert rig.only_row().words == "cancelled"


async def test_cancel_unknown_then_fill(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.trouble(reset_before(), on="cancel")
    cancel = await rig.cancel(view.key)
    assert cancel.state is OpState.UNKNOWN
    assert rig.only_row().state is OrderState.OPEN
    assert rig.only_row().words == "open · cancel unknown — checking: connection reset"

    rig.broker.fill(rig.only_order(), 10)

    assert rig.only_row().state is OrderState.FILLED
    settled = rig.desk.op(cancel.op_id)
    assert settled is not None
    assert settled.state is OpState.REJECTED
    assert settled.text == "the order is filled"
    assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == 10
    assert not rig.alarms


async def test_a_cancel_whose_reply_was_lost_is_found_in_the_book(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.trouble(lost_reply(events=0), on="cancel")
    cancel = await rig.cancel(view.key)
    assert cancel.state is OpState.UNKNOWN

    await rig.after(1)

    settled = rig.desk.op(cancel.op_id)
    assert settled is not None
    assert settled.state is OpState.ACKED
    assert rig.only_row().words == "cancelled"


async def test_a_cancel_that_never_arrived_is_shown_so_and_can_be_asked_again(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.trouble(reset_before(), on="cancel")
    cancel = await rig.cancel(view.key)
    await rig.after(45)
    settled = rig.desk.op(cancel.op_id)
    assert settled is not None
    assert settled.state is OpState.ABSENT_PRESUMED
    assert rig.only_row().words == "open · cancel not found at the broker"

    await rig.cancel(view.key)

    assert rig.only_row().words == "cancelled"
    assert not rig.alarms


async def test_two_cancels_in_one_moment_are_one_request(rig: Rig) -> None:
    view = await rig.place()
    number = rig.only_order()
    drafts = [CancelDraft(account="a", key=view.key) for _ in range(3)]
    views = await asyncio.gather(*(rig.desk.cancel(draft) for draft in drafts))

    assert sorted(each.state for each in views) == ["acked", "denied", "denied"]
    assert rig.broker.requests[f"cancel {number}"] == 1


async def test_an_order_without_a_number_cannot_be_cancelled_yet(rig: Rig) -> None:
    rig.broker.trouble(reset_before())
    view = await rig.place()

    cancel = await rig.cancel(view.key)

    assert cancel.state is OpState.DENIED
    assert "number" in cancel.text


async def test_cancel_all_partial(rig: Rig) -> None:
    keys = [(await rig.place(quantity=n + 1)).key for n in range(6)]
    rig.broker.trouble(Trouble(), refused("RMS holds it"), on="cancel")
    rig.broker.trouble(reset_before(), on="cancel")

    report = await rig.desk.cancel_all()
    await rig.idle()

    assert report.asked == 6
    assert {survivor.row.key for survivor in report.survivors} == {keys[1], keys[2]}
    assert report.survivors[0].why == "open · cancel rejected: RMS holds it"
    assert "cancel unknown" in report.survivors[1].why


async def test_cancel_all_takes_what_only_the_book_knows(rig: Rig) -> None:
    await rig.place()
    rig.broker.is_mute = True
    rig.broker.typed_elsewhere(rig.draft().intent(""))

    report = await rig.desk.cancel_all()

    assert report.asked == 2
    assert {order.state for order in rig.broker.book.values()} == {OrderState.CANCELLED}


async def test_cancel_all_says_when_the_book_could_not_be_read(rig: Rig) -> None:
    await rig.place()
    rig.broker.read_error = OutcomeUnknown("no answer")

    report = await rig.desk.cancel_all()

    assert "could not be read" in report.problem
    assert report.asked == 1


async def test_kill_switch_cancels_an_order_in_doubt_once_it_is_found(rig: Rig) -> None:
    rig.broker.trouble(
        Trouble(is_done=False, after_s=5, events=1, error=OutcomeUnknown("connection reset"))
    )
    view = await rig.place()

    report = await rig.desk.kill()
    assert [survivor.row.key for survivor in report.survivors] == [view.key]
    assert (await rig.place()).state is OpState.DENIED
    await rig.after(6)

    assert rig.row(view.key).state is OrderState.CANCELLED


# -- change


async def test_a_change_shows_in_the_order_itself(rig: Rig) -> None:
    view = await rig.place()
    change = await rig.change(view.key, quantity=12, price_e4=8_000_500)

    assert change.state is OpState.ACKED
    row = rig.only_row()
    assert (row.quantity, row.price_e4, row.words, row.revision) == (12, 8_000_500, "open", 1)


async def test_a_change_whose_reply_was_lost_is_found_in_the_book(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.trouble(lost_reply(events=0), on="change")
    change = await rig.change(view.key, price_e4=8_000_500)
    assert change.state is OpState.UNKNOWN
    assert rig.only_row().price_e4 == 8_000_000

    await rig.after(4)

    settled = rig.desk.op(change.op_id)
    assert settled is not None
    assert settled.state is OpState.ACKED
    assert rig.only_row().price_e4 == 8_000_500


async def test_a_change_that_never_arrived_leaves_the_order_as_proven(rig: Rig) -> None:
    view = await rig.place()
    rig.broker.trouble(reset_before(), on="change")
    change = await rig.change(view.key, price_e4=8_000_500)
    await rig.after(45)

    settled = rig.desk.op(change.op_id)
    assert settled is not None
    assert settled.state is OpState.ABSENT_PRESUMED
    assert rig.only_row().price_e4 == 8_000_000
    assert rig.broker.requests[f"change {rig.only_order()}"] == 1


async def test_lost_update(rig: Rig) -> None:
    view = await rig.place()
    seen = rig.row(view.key)
    rig.timer._mono_ns += 2 * 10**9
    rig.broker.say(rig.only_order(), OrderState.OPEN, price_e4=7_990_000)
    to = OrderChange(quantity=11, kind=Kind.LIMIT, price_e4=8_000_000, trigger_e4=0)
    draft = ChangeDraft(account="a", key=view.key, to=to, revision=seen.revision)

    asked = await rig.desk.change(draft)
    assert asked.state is OpState.DRAFT
    assert asked.findings[0].text == "the order was changed meanwhile: 10 at 799.00"

    yes = msgspec.structs.replace(draft, confirmed=frozenset({"changed_meanwhile"}))
    assert (await rig.desk.change(yes)).state is OpState.ACKED


@pytest.mark.parametrize("moment", ["before", "during", "after"])
async def test_fill_during_modify(rig: Rig, moment: str) -> None:
    view = await rig.place()
    number = rig.only_order()
    rig.broker.trouble(Trouble(hangs=moment == "during"), on="change")
    if moment == "before":
        rig.broker.fill(number, 4)
    to = OrderChange(quantity=8, kind=Kind.LIMIT, price_e4=8_000_500, trigger_e4=0)
    draft = ChangeDraft(account="a", key=view.key, to=to, revision=0)
    changing = rig.soon(rig.desk.change(draft))
    await rig.idle()
    if moment != "before":
        rig.broker.fill(number, 4)
    rig.broker.release()
    await changing
    await rig.idle()

    row = rig.only_row()
    assert (row.quantity, row.filled_qty, row.price_e4) == (8, 4, 8_000_500)
    assert row.words == "partial 4/8"
    assert (await rig.change(view.key, quantity=4)).state is OpState.DENIED
    assert not rig.alarms


# -- leaving positions


async def test_an_exit_is_a_protected_limit_for_what_is_open(rig: Rig) -> None:
    await held(rig, 10)
    plan = rig.desk.exit_plan(INTRADAY)

    (draft,) = plan.drafts
    assert (draft.side, draft.quantity, draft.kind) == (Side.SELL, 10, Kind.LIMIT)
    assert draft.price_e4 == 7_920_000
    assert (await rig.desk.place(draft)).state is OpState.ACKED


async def test_no_reverse_on_double_exit(rig: Rig) -> None:
    await held(rig, 10)
    first, second = rig.desk.exit_plan(INTRADAY).drafts[0], rig.desk.exit_plan(INTRADAY).drafts[0]

    views = await asyncio.gather(rig.desk.place(first), rig.desk.place(second))
    await rig.idle()

    assert [view.state for view in views] == [OpState.ACKED, OpState.DENIED]
    assert views[1].text == "0 left to close"
    assert rig.desk.exit_plan(INTRADAY).problems == (
        f"{INSTRUMENTS[SBIN].label}: 10 are being closed already",
    )
    sells = [order for order in rig.broker.book.values() if order.side is Side.SELL]
    assert sum(order.quantity for order in sells) == 10


async def test_an_exit_in_doubt_still_counts(rig: Rig) -> None:
    await held(rig, 10)
    rig.broker.trouble(reset_before())
    await rig.desk.place(rig.desk.exit_plan(INTRADAY).drafts[0])

    assert not rig.desk.exit_plan(INTRADAY).drafts
    await rig.after(45)
    assert rig.desk.exit_plan(INTRADAY).drafts  # presumed absent: it may be closed again


async def test_no_sequence_of_exits_and_fills_turns_a_position_around(rig: Rig) -> None:
    await held(rig, 20)
    for fills in itertools.product([0, 5], repeat=4):
        for quantity in fills:
            plan = rig.desk.exit_plan(INTRADAY)
            for draft in plan.drafts:
                await rig.place(**msgspec.structs.asdict(draft) | {"confirmed": _ALL})
            working = [row for row in rig.desk.rows() if row.is_working]
            if quantity and working:
                rig.broker.fill(working[0].broker_id, min(quantity, working[0].remaining_qty))
            net = rig.portfolio.net_qty(SBIN, Product.INTRADAY)
            assert net is not None
            assert net >= 0
    assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == 0


_ALL = frozenset({"lookalike", "far", "reverse", "stale", "caution"})


async def test_no_price_known_means_no_exit_draft(rig: Rig) -> None:
    rig.broker.carried = [
        Position(
            instrument=NIFTY_FUT,
            product=Product.MARGIN,
            net_qty=-75,
            buy_qty=0,
            buy_value_e4=0,
            sell_qty=75,
            sell_value_e4=75 * 240_000_000,
            multiplier=1,
        )
    ]
    await rig.desk.books.positions()

    plan = rig.desk.exit_all_plan()

    assert plan.drafts == ()
    assert plan.problems == ("NIFTY26OCTFUT: no price is known",)


async def test_a_large_exit_is_cut_at_the_freeze_quantity(rig: Rig) -> None:
    rig.quote(240_000_000, NIFTY_FUT)
    rig.broker.carried = [
        Position(
            instrument=NIFTY_FUT,
            product=Product.MARGIN,
            net_qty=4_500,
            buy_qty=4_500,
            buy_value_e4=4_500 * 240_000_000,
            sell_qty=0,
            sell_value_e4=0,
            multiplier=1,
        )
    ]
    await rig.desk.books.positions()

    plan = rig.desk.exit_plan(position_key(NIFTY_FUT, Product.MARGIN))

    assert [draft.quantity for draft in plan.drafts] == [1_800, 1_800, 900]
