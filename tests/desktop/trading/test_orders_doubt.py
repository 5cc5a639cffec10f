"""Orders in doubt, and evidence in any order: asked about, never repeated, never lost."""

import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from brokers.errors import LoginExpired, OutcomeUnknown
from brokers.model.account import Position
from brokers.model.order import Fill, OpState, OrderState, OrderUpdate, Product, Side
from desktop.trading.drafts import OrderDraft
from tests.rig.fake_broker import (
    CAPABILITIES,
    Trouble,
    lost_reply,
    rate_limited,
    refused,
    reset_before,
)
from tests.rig.order_rig import SBIN, Rig, rig_in

pytestmark = pytest.mark.plainloop
LONG = Position(
    instrument=SBIN,
    product=Product.INTRADAY,
    net_qty=10,
    buy_qty=10,
    buy_value_e4=80_000_000,
    sell_qty=0,
    sell_value_e4=0,
)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_in(tmp_path) as made:
        yield made


def op_state(rig: Rig, op_id: str) -> OpState:
    view = rig.desk.op(op_id)
    assert view is not None
    return view.state


async def test_timeout_unknown(rig: Rig) -> None:
    rig.broker.trouble(lost_reply(events=0))
    view = await rig.place()
    assert view.state is OpState.UNKNOWN
    assert rig.desk.uncertain == 1

    await rig.after(0.4)
    assert not rig.broker.reads["tagged"]
    await rig.after(0.2)

    assert op_state(rig, view.op_id) is OpState.ACKED
    assert rig.only_row().words == "open"
    assert rig.broker.requests[view.tag] == 1
    assert not rig.alarms


async def test_a_lost_reply_whose_event_came_is_known_at_once(rig: Rig) -> None:
    rig.broker.trouble(lost_reply())
    view = await rig.place()

    assert view.state is OpState.ACKED
    assert rig.only_row().words == "open"


async def test_the_broker_is_asked_at_growing_intervals(rig: Rig) -> None:
    rig.broker.trouble(reset_before())
    await rig.place()
    asked = []
    for _ in range(120):
        before = rig.broker.reads["tagged"]
        await rig.after(0.5)
        if rig.broker.reads["tagged"] > before:
            asked.append(round((rig.timer.monotonic_ns() - 1_000 * 10**9) / 10**9, 1))
        if rig.desk.uncertain == 0:
            break

    # Its schedule, and two looks of the absence procedure: at the deadline and 30 s later.
    assert asked == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 15.0, 30.0, 40.0]


async def test_an_order_that_never_arrived_is_presumed_absent_after_30_s(rig: Rig) -> None:
    rig.broker.trouble(reset_before())
    view = await rig.place()

    await rig.after(39.5)
    assert op_state(rig, view.op_id) is OpState.UNKNOWN
    await rig.after(1)

    assert op_state(rig, view.op_id) is OpState.ABSENT_PRESUMED
    assert rig.only_row().words == "not found at the broker after 30 s"
    assert rig.broker.requests[view.tag] == 1
    assert not rig.broker.book


async def test_after_a_slow_timeout_absence_is_presumed_no_sooner_and_not_much_later(
    rig: Rig,
) -> None:
    rig.broker.trouble(Trouble(is_done=False, hangs=True, error=OutcomeUnknown("no answer")))
    draft = rig.draft()
    placing = rig.place_soon(draft)
    await rig.after(10)
    rig.broker.release()
    assert (await placing).state is OpState.UNKNOWN

    await rig.after(29.9)
    assert op_state(rig, draft.draft_id) is OpState.UNKNOWN
    await rig.after(5)
    assert op_state(rig, draft.draft_id) is OpState.ABSENT_PRESUMED


async def test_absence_needs_three_books_however_long_it_takes(rig: Rig) -> None:
    rig.broker.trouble(reset_before())
    view = await rig.place()
    await rig.after(12)  # one book, at the deadline
    rig.broker.read_error = OutcomeUnknown("no answer")
    await rig.after(27)
    rig.broker.read_error = None
    await rig.after(10)  # a second one, 30 s after the first
    assert op_state(rig, view.op_id) is OpState.UNKNOWN

    await rig.after(12)
    assert op_state(rig, view.op_id) is OpState.ABSENT_PRESUMED


async def test_absence_needs_a_book_known_to_be_fresh(rig: Rig) -> None:
    rig.broker.has_clock = False
    rig.broker.trouble(reset_before())
    view = await rig.place()

    await rig.after(300)

    assert op_state(rig, view.op_id) is OpState.UNKNOWN


async def test_absence_is_not_presumed_when_the_position_moved(rig: Rig) -> None:
    rig.broker.trouble(lost_reply(events=0))
    view = await rig.place()
    rig.broker.hidden.add(rig.only_order())
    rig.broker.is_mute = True
    rig.broker.carried = [LONG]

    await rig.after(200)

    assert op_state(rig, view.op_id) is OpState.UNKNOWN
    assert "the position of its contract changed" in rig.alarms[0].text


async def test_absence_is_not_presumed_while_an_execution_belongs_to_nobody(rig: Rig) -> None:
    rig.broker.trouble(lost_reply(events=0))
    view = await rig.place()
    number = rig.only_order()
    rig.broker.hidden.add(number)
    rig.broker.carried = [LONG]
    rig.desk.receive_fill(
        Fill(
            trade_id="1",
            broker_id=number,
            tag="",
            instrument=SBIN,
            side=Side.BUY,
            quantity=10,
            price_e4=8_000_000,
            product=Product.INTRADAY,
        )
    )

    await rig.after(45)

    assert op_state(rig, view.op_id) is OpState.UNKNOWN


@pytest.mark.parametrize("after_s", [1, 9, 35, 120, 1_200])
async def test_late_accept(rig: Rig, after_s: float) -> None:
    rig.broker.trouble(
        Trouble(is_done=False, after_s=after_s, error=OutcomeUnknown("connection reset"))
    )
    view = await rig.place()

    await rig.after(after_s + 1)

    assert op_state(rig, view.op_id) is OpState.ACKED
    assert rig.only_row().words == "open"
    assert bool(rig.alarms) is (after_s > 41)
    assert rig.broker.requests[view.tag] == 1


async def test_a_failed_read_is_no_proof_and_the_first_good_one_is_used_at_once(rig: Rig) -> None:
    rig.broker.trouble(lost_reply(events=0))
    view = await rig.place()
    rig.broker.read_error = OutcomeUnknown("no answer")
    await rig.after(200)
    assert op_state(rig, view.op_id) is OpState.UNKNOWN

    rig.broker.read_error = None
    await rig.desk.books.orders()
    await rig.idle()

    assert op_state(rig, view.op_id) is OpState.ACKED


async def test_empty_is_not_flat(rig: Rig) -> None:
    rig.broker.trouble(lost_reply(events=0))
    view = await rig.place()
    rig.broker.read_error = LoginExpired("token expired")

    await rig.after(120)

    assert op_state(rig, view.op_id) is OpState.UNKNOWN
    assert not rig.account.is_tradable


async def test_429_order(rig: Rig) -> None:
    rig.broker.trouble(rate_limited())
    view = await rig.place()
    await rig.idle()

    assert op_state(rig, view.op_id) is OpState.REJECTED
    assert rig.only_row().words == "rejected: request limit reached"
    assert rig.broker.reads["tagged"] == 1


async def test_429_although_the_order_was_taken(rig: Rig) -> None:
    rig.broker.trouble(msgspec.structs.replace(rate_limited(is_done=True), events=0))
    view = await rig.place()
    await rig.idle()

    assert op_state(rig, view.op_id) is OpState.ACKED
    assert rig.only_row().words == "open"
    assert not rig.alarms


async def test_429_stays_in_doubt_until_one_look_has_succeeded(rig: Rig) -> None:
    rig.broker.read_error = OutcomeUnknown("no answer")
    rig.broker.trouble(rate_limited())
    view = await rig.place()
    await rig.after(5)
    assert op_state(rig, view.op_id) is OpState.UNKNOWN

    rig.broker.read_error = None
    await rig.after(10)
    assert op_state(rig, view.op_id) is OpState.REJECTED


async def test_an_order_shown_as_refused_that_is_in_the_book_raises_an_alarm(rig: Rig) -> None:
    rig.broker.trouble(Trouble(events=0, error=refused().error))
    view = await rig.place()
    rig.broker.say(rig.only_order(), OrderState.OPEN)
    await rig.idle()

    assert op_state(rig, view.op_id) is OpState.ACKED
    assert "shown as rejected is at the broker" in rig.alarms[0].text


async def test_a_refusal_that_overtakes_its_own_order_is_not_an_alarm(rig: Rig) -> None:
    rig.broker.trouble(refused(is_created=True), refused(is_created=True))
    await rig.place()
    order = rig.broker.book[rig.only_order()]
    rig.desk.receive_update(
        msgspec.structs.replace(order, state=OrderState.PENDING_NEW, updated_ns=order.placed_ns)
    )

    assert rig.only_row().state is OrderState.REJECTED
    assert not rig.alarms


async def test_a_refusal_after_the_order_was_seen_on_its_way_is_not_an_alarm(rig: Rig) -> None:
    rig.broker.trouble(Trouble(hangs=True, events=0, error=refused().error))
    placing = rig.place_soon(rig.draft())
    await rig.idle()
    order = rig.broker.book[rig.only_order()]
    rig.desk.receive_update(msgspec.structs.replace(order, state=OrderState.PENDING_NEW))
    rig.broker.release()
    view = await placing

    assert view.state is OpState.REJECTED
    assert not rig.alarms


# -- events


async def test_a_reply_that_contradicts_the_event_is_not_believed(rig: Rig) -> None:
    rig.broker.trouble(Trouble(first=True, broker_id="999"))
    await rig.place()

    assert rig.only_row().broker_id == rig.only_order()
    assert [alarm.text for alarm in rig.alarms] == ["the broker's reply names a different order"]


async def test_a_book_that_was_overtaken_by_the_stream_changes_nothing(rig: Rig) -> None:
    await rig.place()
    old = rig.broker.book[rig.only_order()]
    began = rig.timer.monotonic_ns()
    rig.broker.fill(rig.only_order(), 10)
    for late in (old, msgspec.structs.replace(old, updated_ns=None)):
        rig.desk._evidence.book([late], began_mono=began)

    assert rig.only_row().state is OrderState.FILLED
    assert not rig.alarms


async def test_a_book_begun_before_the_order_does_not_miss_it(rig: Rig) -> None:
    began = rig.timer.monotonic_ns()
    await rig.place()
    rig.desk._evidence.book([], began_mono=began)

    assert rig.only_row().words == "open"
    assert not rig.alarms


async def test_event_before_reply(rig: Rig) -> None:
    rig.broker.trouble(Trouble(first=True))
    view = await rig.place()

    assert view.state is OpState.ACKED
    assert len(rig.desk.rows()) == 1


async def test_event_before_reply_of_a_broker_that_carries_no_tags(rig: Rig) -> None:
    rig.broker.capabilities = msgspec.structs.replace(CAPABILITIES, carries_tag=False)
    rig.broker.trouble(Trouble(hangs=True))
    placing = rig.place_soon(rig.draft())
    await rig.idle()
    rig.broker.fill(rig.only_order(), 3)
    assert len(rig.desk.rows()) == 1  # held: the reply may name it

    rig.broker.release()
    view = await placing
    await rig.idle()

    assert view.state is OpState.ACKED
    assert rig.only_row().words == "partial 3/10"


@pytest.mark.parametrize("order", list(itertools.permutations(["open", "fill", "trade", "done"])))
async def test_every_interleaving_of_events_and_reply(rig: Rig, order: tuple[str, ...]) -> None:
    rig.broker.is_mute = True
    rig.broker.trouble(Trouble(hangs=True, events=0))
    placing = rig.place_soon(rig.draft(quantity=2))
    await rig.idle()
    number = rig.only_order()
    opened = rig.broker.book[number]
    first = rig.broker.fill(number, 1)
    partial = rig.broker.book[number]
    second = rig.broker.fill(number, 1)
    filled = rig.broker.book[number]
    told: dict[str, list[OrderUpdate | Fill]] = {
        "open": [opened],
        "fill": [partial, first],
        "trade": [second],
        "done": [filled],
    }

    for position, name in enumerate(order):
        if position == 2:
            rig.broker.release()
            await rig.idle()
        for each in told[name] * 2:
            if isinstance(each, Fill):
                rig.desk.receive_fill(each)
            else:
                rig.desk.receive_update(each)
    await placing
    await rig.idle()

    row = rig.only_row()
    assert (row.state, row.filled_qty, row.average_e4) == (OrderState.FILLED, 2, 8_000_000)
    (position_row,) = rig.portfolio.positions()
    assert position_row.net_qty == 2
    assert not rig.alarms


async def test_duplicate_fill(rig: Rig) -> None:
    await rig.place()
    fill = rig.broker.fill(rig.only_order(), 4, times=3)
    await rig.desk.books.fills()
    rig.desk.receive_fill(fill)

    assert rig.only_row().filled_qty == 4
    assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == 4


async def test_external_orders(rig: Rig) -> None:
    intent = rig.draft(quantity=5).intent("")
    number = rig.broker.typed_elsewhere(intent)
    row = rig.only_row()
    assert not row.is_ours
    assert row.words == "open"

    await rig.cancel(row.key)

    assert rig.only_row().state is OrderState.CANCELLED
    assert rig.broker.requests[f"cancel {number}"] == 1


async def test_an_order_that_fits_one_in_flight_is_held_a_minute_and_then_shown(rig: Rig) -> None:
    rig.broker.capabilities = msgspec.structs.replace(CAPABILITIES, carries_tag=False)
    rig.broker.trouble(Trouble(hangs=True, is_done=False))
    placing = rig.place_soon(rig.draft())
    await rig.idle()
    rig.broker.typed_elsewhere(rig.draft(quantity=7).intent(""))
    assert len(rig.desk.rows()) == 1

    await rig.after(61)

    assert [row.is_ours for row in rig.desk.rows()] == [True, False]
    placing.cancel()


async def test_an_order_without_tag_is_found_by_its_shape(rig: Rig) -> None:
    rig.broker.trouble(lost_reply(events=0))
    view = await rig.place(product=Product.CO)
    await rig.after(1)

    assert op_state(rig, view.op_id) is OpState.ACKED
    assert rig.only_row().words == "open"


async def test_two_orders_of_one_shape_stay_in_doubt_until_the_trader_chooses(rig: Rig) -> None:
    rig.broker.trouble(lost_reply(events=0))
    draft = rig.draft(product=Product.CO)
    view = await rig.desk.place(draft)
    mine = rig.only_order()
    other = rig.broker.typed_elsewhere(draft.intent(""))
    await rig.after(1)
    assert op_state(rig, view.op_id) is OpState.UNKNOWN
    assert "2 orders at the broker could be this one" in rig.alarms[0].text

    settled = rig.desk.settle_by_hand(view.op_id, broker_id=mine)

    assert settled.state is OpState.ACKED
    assert {row.broker_id: row.is_ours for row in rig.desk.rows()} == {mine: True, other: False}


async def test_the_trader_can_say_that_an_order_does_not_exist(rig: Rig) -> None:
    rig.broker.trouble(reset_before())
    view = await rig.place()

    assert rig.desk.settle_by_hand(view.op_id).state is OpState.ABSENT_PRESUMED
    with pytest.raises(ValueError, match="unknown fate"):
        rig.desk.settle_by_hand(view.op_id)


async def test_our_tag_on_a_different_order_halts(rig: Rig) -> None:
    await rig.place()
    order = rig.broker.book[rig.only_order()]
    rig.desk.receive_update(msgspec.structs.replace(order, broker_id="77", side=Side.SELL))

    assert rig.desk.halt_reason == "the broker shows our tag on a different order"


async def test_two_orders_with_our_tag_halt(rig: Rig) -> None:
    await rig.place()
    order = rig.broker.book[rig.only_order()]
    rig.broker.book["77"] = msgspec.structs.replace(order, broker_id="77")
    await rig.desk.books.orders()

    assert "two orders with our tag" in rig.desk.halt_reason


async def test_unknown_enum(rig: Rig) -> None:
    await rig.place()
    rig.broker.say(rig.only_order(), OrderState.UNMAPPED, text="PARKED")

    assert rig.only_row().words == "in a state we do not know: PARKED"
    assert "PARKED" in rig.desk.halt_reason


async def test_an_execution_of_an_unknown_order_counts_and_asks_for_the_book(rig: Rig) -> None:
    asked = []
    rig.desk.on_unmatched(lambda: asked.append(1))
    fill = Fill(
        trade_id="9",
        broker_id="55",
        tag="",
        instrument=SBIN,
        side=Side.BUY,
        quantity=3,
        price_e4=8_000_000,
        product=Product.INTRADAY,
    )
    rig.desk.receive_fill(fill)

    assert rig.portfolio.net_qty(SBIN, Product.INTRADAY) == 3
    assert asked == [1]
    await rig.after(61)
    assert "the broker does not list" in rig.alarms[0].text


async def test_fault_matrix_in_short(tmp_path: Path) -> None:
    """Every fault, again and again: one request an order, no false end, the ledger's own truth."""
    chance = random.Random(7)
    kinds = [
        Trouble(),
        Trouble(first=True),
        Trouble(events=3),
        Trouble(events=0),
        lost_reply(),
        lost_reply(events=0),
        reset_before(),
        refused(),
        refused(is_created=True),
        rate_limited(),
        rate_limited(is_done=True),
        Trouble(is_done=False, after_s=20, error=OutcomeUnknown("reset")),
        Trouble(events=0, error=ValueError("garbled")),
    ]
    async with rig_in(tmp_path) as rig:
        drafts: list[OrderDraft] = []
        for number in range(150):
            rig.broker.trouble(chance.choice(kinds))
            drafts.append(rig.draft(quantity=number + 1))
            await rig.desk.place(drafts[-1])
            if chance.random() < 0.3:
                await rig.after(chance.choice([0.3, 1, 5]))
        await rig.after(120)
        await rig.desk.books.orders()
        await rig.idle()

        for draft in drafts:
            view = rig.desk.op(draft.draft_id)
            assert view is not None
            orders = rig.broker.of_tag(view.tag)
            row = rig.row(view.key)
            assert rig.broker.requests[view.tag] == 1
            assert len(orders) <= 1
            if orders:
                assert row.state is orders[0].state
            else:
                assert view.state in (OpState.REJECTED, OpState.ABSENT_PRESUMED)
        assert not rig.desk.uncertain
        assert not rig.alarms
        assert not rig.journal.verify()
