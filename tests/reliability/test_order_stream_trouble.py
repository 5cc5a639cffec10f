"""An order stream that is mute, cut or flooded while orders live: the book tells, in time."""

import pytest

from brokers.model.order import OrderState, Side
from tests.reliability.witness import Witness
from tests.rig.journey import SBIN, Begin, Journey

pytestmark = pytest.mark.timeout(120)
PRICE_E4 = 8_000_000
DEADLINE_S = 20.0


async def _quiet(journey: Journey) -> Witness:
    await journey.tradable()
    journey.practice.quiet()
    journey.practice.price("NSE:SBIN-EQ", "800.00")
    await journey.until(lambda: journey.ltp_e4(SBIN) == PRICE_E4, "the price")
    return Witness(journey)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("mute", None),
        ("half_open", None),
        ("close", 1000),
        ("close", 1008),
        ("garbage", "7b"),
        ("huge_frame", 20 << 20),
        ("poison", None),
        ("reorder_events", None),
    ],
)
async def test_fills_and_cancels_are_known_in_time_without_the_stream(
    begin: Begin, what: str, value: object
) -> None:
    async with begin() as journey:
        witness = await _quiet(journey)
        resting = await journey.place(Side.BUY, 3, PRICE_E4 - 20_000)
        await journey.until(lambda: journey.state(resting.key) is OrderState.OPEN, "it rests")
        journey.practice.fault("orderfeed", what, times=4, value=value)
        filled = await journey.confirmed(journey.draft(Side.BUY, 5, PRICE_E4 + 5_000))
        journey.practice.price("NSE:SBIN-EQ", "797.00")
        await journey.until(
            lambda: (
                journey.state(filled.key) is OrderState.FILLED
                and journey.state(resting.key) is OrderState.FILLED
            ),
            "both fills",
            DEADLINE_S,
        )
        await journey.until(
            lambda: [row.net_qty for row in journey.desk.portfolio.positions()] == [8],
            "the position",
            DEADLINE_S,
        )
        assert not witness.differences()
        assert not witness.lies()
        assert not journey.desk.orders.halt_reason


@pytest.mark.parametrize("trouble", ["delay", "lose_reply", "code_201"])
async def test_the_kill_switch_reaches_an_order_that_is_still_on_its_way(
    begin: Begin, trouble: str
) -> None:
    async with begin() as journey:
        witness = await _quiet(journey)
        practice = journey.practice
        practice.fault("orderfeed", "drop_event", times=3)
        practice.fault("place", trouble)
        draft = journey.draft(Side.BUY, 5, PRICE_E4 - 20_000)
        journey.app.tasks.start(_press(journey, draft), owner="test")
        await journey.until(practice.orders, "the order on its way")
        journey.app.commands.run("trade.kill")
        await journey.until(
            lambda: [order["status"] for order in practice.orders()] == ["cancelled"],
            "the cancel at the exchange",
            DEADLINE_S,
        )
        await journey.until(lambda: not witness.differences(), "the cancel shown", DEADLINE_S)
        assert journey.desk.orders.halt_reason == "kill switch"
        assert not witness.lies()


async def _press(journey: Journey, draft: object) -> None:
    await journey.confirmed(draft)  # type: ignore[arg-type]  # the journey's own draft


async def test_an_exchange_that_comes_back_is_a_new_book(begin: Begin) -> None:
    async with begin() as journey:
        await _quiet(journey)
        await journey.place(Side.BUY, 3, PRICE_E4 - 20_000)
        journey.practice.kill()
        await journey.until(lambda: journey.texts(journey.app.status_bar), "any word")
        journey.practice.restart()
        before = journey.desk
        journey.app.accounts.restart()
        await journey.until(
            lambda: journey.app.accounts.current not in (None, before), "the new exchange", 30
        )
        await journey.tradable()
        assert not journey.desk.orders.rows(), "orders of the dead exchange in the new one's book"
