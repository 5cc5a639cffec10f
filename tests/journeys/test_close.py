"""The end of the day: orders expire, only after-market ones are taken, and a new day begins."""

import datetime as dt

import msgspec

from brokers.model.market import MarketPhase
from brokers.model.order import OpState, OrderState, Side
from desktop.docks.watchlist.dock import WatchlistDock
from desktop.docks.watchlist.model import Line
from desktop.trading.clock import ist_date, ist_time_text
from desktop.trading.drafts import CancelDraft
from desktop.trading.hub import Freshness
from tests.rig.journey import SBIN, Begin, Journey


def _now(journey: Journey) -> dt.datetime:
    return dt.datetime.fromisoformat(str(journey.practice.get("/health")["clock"]))


def _set_clock(journey: Journey, at: dt.datetime) -> None:
    journey.practice.post("/clock", {"set": at.isoformat()})


def _away(journey: Journey) -> int:
    ltp = journey.ltp_e4(SBIN)
    assert ltp is not None
    return (ltp - 100_000) // 500 * 500


async def _until_closed(journey: Journey) -> None:
    """Pass the close of the cash market, and wait until the window knows."""
    today = _now(journey)
    _set_clock(journey, today.replace(hour=15, minute=29, second=58, microsecond=0))
    await journey.until(
        lambda: journey.desk.phase() is MarketPhase.CLOSED, "the market to be shown closed", 20
    )


async def test_day_orders_expire_at_the_close_and_are_shown_so(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        waiting = await journey.place(Side.BUY, 3, _away(journey))
        await journey.until(lambda: journey.state(waiting.key) is OrderState.OPEN, "the order")
        await _until_closed(journey)
        await journey.until(lambda: journey.state(waiting.key) is OrderState.EXPIRED, "the expiry")
        assert journey.row(waiting.key).words == "expired"
        assert [row["status"] for row in journey.practice.orders()] == ["expired"]
        assert abs(journey.desk.clock.now_ns() / 1e9 - _now(journey).timestamp()) < 3
        journey.app.status.show()
        assert "NSE closed" in journey.texts(journey.app.status_bar)
        assert ist_time_text(journey.desk.clock.now_ns())[:3] == "15:"


async def test_a_closed_market_takes_after_market_orders_only(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        price = _away(journey)
        await _until_closed(journey)
        usual = await journey.desk.orders.place(journey.draft(Side.BUY, 2, price))
        assert usual.state is OpState.DENIED
        (text,) = [each.text for each in usual.findings if each.code == "closed"]
        assert text == "the market is closed; send it as an after-market order"

        draft = msgspec.structs.replace(journey.draft(Side.BUY, 2, price), is_after_market=True)
        later = await journey.confirmed(draft)
        assert later.state is OpState.ACKED, [finding.text for finding in later.findings]
        await journey.until(lambda: journey.state(later.key) is not None, "the order's state")
        row = journey.row(later.key)
        assert row.is_working
        assert row.is_after_market
        account = journey.desk.account.name
        await journey.desk.orders.cancel(CancelDraft(account=account, key=later.key))
        await journey.until(lambda: journey.state(later.key) is OrderState.CANCELLED, "the cancel")
        assert [row["status"] for row in journey.practice.orders()] == ["cancelled"]


async def test_a_new_day_is_noticed_and_compared_before_trading(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        price = _away(journey)
        gone = await journey.place(Side.BUY, 3, price)
        await _until_closed(journey)
        draft = msgspec.structs.replace(journey.draft(Side.BUY, 2, price), is_after_market=True)
        later = await journey.confirmed(draft)
        assert later.state is OpState.ACKED, later.words

        friday = _now(journey)
        to_monday = dt.timedelta(days=7 - friday.weekday() if friday.weekday() >= 4 else 1)
        monday = (friday + to_monday).replace(hour=9, minute=15, second=5)
        _set_clock(journey, monday)
        await journey.until(
            lambda: ist_date(journey.desk.clock.now_ns()) == monday.date(), "the new date"
        )
        await journey.until(lambda: journey.desk.phase() is MarketPhase.OPEN, "the open market")
        await journey.until(
            lambda: [row.tag for row in journey.desk.orders.rows()] == [later.tag],
            "the after-market order alone: what expired belongs to yesterday",
        )
        (row,) = journey.desk.orders.rows()
        assert row.state in (OrderState.OPEN, OrderState.FILLED)
        assert row.tag != gone.tag
        await journey.until(lambda: journey.desk.account.is_tradable, "trading on the new day", 30)
        fresh = await journey.confirmed(journey.draft(Side.BUY, 1, _away(journey)))
        assert fresh.state is OpState.ACKED, [finding.text for finding in fresh.findings]


async def test_prices_that_stop_are_marked_and_asked_about(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        desk = journey.desk
        watchlist = journey.dock("watchlist", WatchlistDock)
        await journey.until(
            lambda: desk.hub.freshness(SBIN, desk.clock.now_ns()) is Freshness.LIVE, "live prices"
        )
        price = _away(journey)
        journey.practice.fault("feed", "mute", times=100_000)
        await journey.until(
            lambda: desk.hub.freshness(SBIN, desk.clock.now_ns()) is Freshness.STALE,
            "the price to be marked",
            12,
        )
        line = watchlist.grid.row(SBIN)
        assert isinstance(line, Line)
        assert watchlist._is_stale(line)
        asked = await desk.orders.place(journey.draft(Side.BUY, 1, price))
        assert asked.state is OpState.DRAFT
        assert any(finding.code == "stale" for finding in asked.findings)
        assert journey.practice.orders() == []
        await journey.until(
            lambda: any(" old" in text for text in journey.texts(journey.app.status_bar)),
            "the age in the status bar",
        )
        journey.practice.disarm()
        await journey.until(
            lambda: desk.hub.freshness(SBIN, desk.clock.now_ns()) is Freshness.LIVE,
            "live prices again",
            30,
        )
