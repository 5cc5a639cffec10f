"""Feeds that drop, exchanges that die, replies that lie: the window says so and recovers."""

import os
import signal
from pathlib import Path

from brokers.model.order import OrderState, Side
from brokers.port import Link, LinkState
from tests.rig.journey import SBIN, Begin, Journey, running_app
from tests.rig.practice import PracticeProcess


def _link(journey: Journey, link: Link) -> LinkState | None:
    event = journey.desk.account.link(link)
    return None if event is None else event.state


async def test_a_dropped_feed_is_shown_and_comes_back_with_prices(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        journey.practice.fault("feed", "close", value=1001)
        await journey.until(lambda: _link(journey, Link.FEED) is not LinkState.LIVE, "the drop")
        journey.practice.disarm()
        await journey.until(lambda: _link(journey, Link.FEED) is LinkState.LIVE, "the return", 30)
        before = journey.desk.hub.quote(SBIN)
        await journey.until(lambda: journey.desk.hub.quote(SBIN) is not before, "a newer price")


async def test_a_dead_exchange_is_shown_within_a_second_and_restarted_on_request(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as journey:
        await journey.tradable()
        practice = journey.app.accounts.practice
        assert practice is not None
        assert practice.pid is not None
        name = journey.desk.account.journal_name
        _kill(practice.pid)
        await journey.until(lambda: not journey.desk.account.is_tradable, "the news", 1.0)
        journey.app.accounts.restart()
        await journey.until(
            lambda: (
                journey.app.accounts.current is not None
                and journey.desk.account.journal_name != name
            ),
            "the new exchange",
        )
        await journey.tradable()


async def test_html_instead_of_json_stops_trading_until_the_book_is_read(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        await journey.until(journey.desk.portfolio.holdings, "the holdings")

        def held() -> list[tuple[str, int]]:
            return [(row.instrument, row.quantity) for row in journey.desk.portfolio.holdings()]

        before = held()
        journey.practice.fault("orderbook", "html", times=2)
        journey.practice.fault("orderfeed", "close", value=1001)
        await journey.until(lambda: not journey.desk.account.is_tradable, "trading to stop")
        assert held() == before, "an unreadable reply is not a zero"
        await journey.until(lambda: journey.desk.account.is_tradable, "trading again", 40)


async def test_garbage_on_the_feed_harms_nothing(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        journey.practice.fault("feed", "garbage", times=5, value="ff06000000ff")
        before = journey.desk.hub.quote(SBIN)
        await journey.until(lambda: journey.desk.hub.quote(SBIN) != before, "prices go on", 30)


async def test_orders_survive_a_restart_of_the_window(
    tmp_path: Path, practice: PracticeProcess
) -> None:
    profile = tmp_path / "profile"
    async with running_app(profile, practice) as journey:
        await journey.tradable()
        ltp = journey.ltp_e4(SBIN)
        assert ltp is not None
        price = (ltp - 100_000) // 500 * 500
        op = await journey.place(Side.BUY, 2, price)
        await journey.until(lambda: journey.state(op.key) is OrderState.OPEN, "the order open")
    async with running_app(profile, practice) as journey:
        await journey.tradable()
        rows = [row for row in journey.desk.orders.rows() if row.is_ours]
        assert [row.state for row in rows] == [OrderState.OPEN]
        assert rows[0].tag == op.tag


async def test_the_arrangement_is_remembered(tmp_path: Path, practice: PracticeProcess) -> None:
    profile = tmp_path / "profile"
    async with running_app(profile, practice) as journey:
        journey.app.panels.open("chart")
        journey.app.panels.close("depth")
        names = set(journey.app.panels.docks)
    async with running_app(profile, practice) as journey:
        assert set(journey.app.panels.docks) == names


def _kill(pid: int) -> None:

    os.kill(pid, signal.SIGKILL)
