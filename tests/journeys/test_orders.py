"""The main job: place, partial fill, modify, cancel, exit; and orders whose fate is in doubt."""

from brokers.model.order import OpState, OrderChange, OrderState, Side
from desktop.trading.drafts import CancelDraft, ChangeDraft
from tests.rig.journey import SBIN, Begin, Journey


async def _quiet(journey: Journey, price: str = "800.00") -> int:
    """Stop the market at a price, so that only what the test does moves it."""
    await journey.tradable()
    journey.practice.quiet()
    journey.practice.price("NSE:SBIN-EQ", price)
    wanted = int(price.replace(".", "")) * 100
    await journey.until(lambda: journey.ltp_e4(SBIN) == wanted, f"SBIN at {price}")
    return wanted


async def test_an_order_is_placed_partly_filled_modified_and_cancelled(begin: Begin) -> None:
    async with begin() as journey:
        ltp = await _quiet(journey)
        journey.practice.fault("place", "partial_fill", value=4)
        op = await journey.place(Side.BUY, 10, ltp)
        assert op.state is OpState.ACKED
        await journey.until(lambda: journey.state(op.key) is OrderState.PARTIAL, "a partial fill")
        assert journey.row(op.key).filled_qty == 4

        row = journey.row(op.key)
        to = OrderChange(quantity=8, kind=row.kind, price_e4=ltp - 10_000, trigger_e4=0)
        account = journey.desk.account.name
        changed = await journey.desk.orders.change(
            ChangeDraft(account=account, key=op.key, to=to, revision=row.revision)
        )
        assert changed.state is OpState.ACKED, changed.words
        await journey.until(lambda: journey.row(op.key).quantity == 8, "the new quantity")

        await journey.desk.orders.cancel(CancelDraft(account=account, key=op.key))
        await journey.until(lambda: journey.state(op.key) is OrderState.CANCELLED, "the cancel")
        (truth,) = journey.practice.orders()
        assert truth["filled"] == 4
        assert truth["status"] == "cancelled"
        assert truth["tag"] == op.tag


async def test_a_position_appears_follows_the_market_and_is_exited(begin: Begin) -> None:
    async with begin() as journey:
        ltp = await _quiet(journey)
        op = await journey.place(Side.BUY, 10, ltp + 20_000)
        await journey.until(lambda: journey.state(op.key) is OrderState.FILLED, "the fill")
        await journey.until(
            lambda: any(row.net_qty == 10 for row in journey.desk.portfolio.positions()),
            "a position",
        )
        journey.practice.price("NSE:SBIN-EQ", "805.00")
        await journey.until(
            lambda: journey.desk.portfolio.totals().day_paise > 3_000, "the profit of the move"
        )
        (row,) = journey.desk.portfolio.positions()
        for draft in journey.desk.orders.exit_plan(row.key).drafts:
            await journey.desk.orders.place(draft)
        await journey.until(
            lambda: all(row.net_qty == 0 for row in journey.desk.portfolio.positions()), "the exit"
        )


async def test_a_lost_reply_is_unknown_and_then_found_by_its_tag(begin: Begin) -> None:
    async with begin() as journey:
        ltp = await _quiet(journey)
        journey.practice.fault("orderfeed", "drop_event", times=10)
        journey.practice.fault("place", "lose_reply")
        op = await journey.place(Side.BUY, 5, ltp - 100_000)
        assert op.state in (OpState.UNKNOWN, OpState.ACKED)
        await journey.until(
            lambda: journey.state(op.key) is OrderState.OPEN, "the order to be found"
        )
        (truth,) = journey.practice.orders()
        assert truth["requests"] == 1, "it was sent more than once"


async def test_a_refusal_comes_in_the_exchanges_words(begin: Begin) -> None:
    async with begin() as journey:
        ltp = await _quiet(journey)
        journey.practice.fault("place", "reject", value="RED:Practice says no")
        op = await journey.place(Side.BUY, 5, ltp)
        assert op.state is OpState.REJECTED
        assert "Practice says no" in op.words


async def test_an_order_typed_elsewhere_is_shown(begin: Begin) -> None:
    async with begin() as journey:
        ltp = await _quiet(journey)
        body = {
            "broker": journey.desk.account.broker,
            "instrument": "NSE:SBIN-EQ",
            "side": "buy",
            "quantity": 3,
            "kind": "limit",
            "price_e4": ltp - 100_000,
            "trigger_e4": 0,
            "product": "INTRADAY",
        }
        journey.practice.post("/order", body)
        await journey.until(
            lambda: [row for row in journey.desk.orders.rows() if not row.is_ours],
            "the other order",
        )


async def test_cancel_all_leaves_nothing_working(begin: Begin) -> None:
    async with begin() as journey:
        ltp = await _quiet(journey)
        for step in range(3):
            await journey.place(Side.BUY, 1 + step, ltp - 100_000 - step * 5_000)
        report = await journey.desk.orders.cancel_all()
        assert report.asked == 3
        assert report.survivors == ()
        assert {row["status"] for row in journey.practice.orders()} == {"cancelled"}
