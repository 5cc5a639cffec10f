"""A feed that lies, stalls or floods: no wrong price, staleness shown, recovery, no growth."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from brokers.model.instrument import InstrumentId
from brokers.port import Link, LinkState
from desktop.trading.hub import Freshness
from tests.rig.journey import SBIN, Begin, Journey

pytestmark = pytest.mark.timeout(180)
LONG = bool(os.environ.get("TEZI_LONG"))
RELIANCE = InstrumentId("NSE:CM:2885")
WATCHED = {SBIN: "NSE:SBIN-EQ", RELIANCE: "NSE:RELIANCE-EQ"}
PAGE = os.sysconf("SC_PAGE_SIZE")


class Prices:
    """Moves the market and knows what every price ever was."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self.true: dict[InstrumentId, set[int]] = {each: set() for each in WATCHED}
        self.seen: dict[InstrumentId, set[int | None]] = {each: set() for each in WATCHED}
        self._step = 0

    async def move(self) -> None:
        """Give both shares a new price."""
        self._step += 1
        for instrument, paise in ((SBIN, 80_000), (RELIANCE, 140_000)):
            price = paise + 10 * (self._step % 50)
            self.true[instrument].add(price * 100)
            symbol = WATCHED[instrument]
            self._journey.practice.price(symbol, f"{price // 100}.{price % 100:02d}")
        await asyncio.sleep(0.02)
        self.look()

    def look(self) -> None:
        for instrument in WATCHED:
            self.seen[instrument].add(self._journey.ltp_e4(instrument))

    def wrong(self) -> dict[InstrumentId, set[int | None]]:
        """Give what was shown and never was; a blank is no price and claims nothing."""
        return {each: self.seen[each] - self.true[each] - {None} for each in WATCHED}

    async def arrive(self, seconds: float = 30) -> None:
        """Wait until the window shows what the exchange last traded at."""
        await self.move()
        want = {each: self.last(each) for each in WATCHED}
        await self._journey.until(
            lambda: {each: self._journey.ltp_e4(each) for each in WATCHED} == want,
            f"prices of {want}",
            seconds,
        )

    def last(self, instrument: InstrumentId) -> int:
        base = 80_000 if instrument == SBIN else 140_000
        return (base + 10 * (self._step % 50)) * 100


@asynccontextmanager
async def _prices(begin: Begin) -> AsyncIterator[tuple[Journey, Prices]]:
    async with begin() as journey:
        await journey.tradable()
        journey.practice.quiet()
        journey.select(RELIANCE)
        await journey.until(lambda: journey.ltp_e4(RELIANCE), "a price of RELIANCE")
        prices = Prices(journey)
        await prices.arrive()
        prices.seen = {each: set() for each in WATCHED}
        yield journey, prices
        journey.practice.disarm()
        await prices.arrive(40)
        prices.look()
        assert not any(prices.wrong().values()), prices.wrong()


def _link(journey: Journey) -> LinkState | None:
    event = journey.desk.account.link(Link.FEED)
    return None if event is None else event.state


GARBAGE = (
    *("00", "ff06000000ff", "0006", "000606", "00060600010001", "7b7d", "ff" * 300),
    *("000006" + "ff" * 40, "000006" + "00" * 40, "00ff06" + "80" * 64),
)


async def test_garbage_moves_no_price(begin: Begin) -> None:
    async with _prices(begin) as (journey, prices):
        for rubbish in GARBAGE:
            journey.practice.fault("feed", "garbage", times=2, value=rubbish)
            for _ in range(3):
                await prices.move()


@pytest.mark.parametrize("what", ["poison", "new_topic_ids"])
async def test_nonsense_in_the_right_shape_moves_no_price(begin: Begin, what: str) -> None:
    async with _prices(begin) as (journey, prices):
        journey.practice.fault("feed", what, times=5)
        for _ in range(20):
            await prices.move()
        journey.practice.fault("feed", "close", value=1001)
        for _ in range(50):
            await prices.move()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1011, 1012, 4000, 4999])
async def test_whatever_the_feed_says_when_it_goes_it_is_opened_again(
    begin: Begin, code: int
) -> None:
    async with _prices(begin) as (journey, prices):
        journey.practice.fault("feed", "close", value=code)
        await journey.until(lambda: _link(journey) is not LinkState.LIVE, "the drop")
        await journey.until(lambda: _link(journey) is LinkState.LIVE, "the return", 30)
        await prices.move()


@pytest.mark.parametrize("what", ["mute", "half_open"])
async def test_silence_is_shown_and_survived(begin: Begin, what: str) -> None:
    async with _prices(begin) as (journey, prices):
        journey.practice.fault("feed", what, times=1_000_000)
        before = journey.ltp_e4(SBIN)
        for _ in range(40):
            await prices.move()
        assert journey.ltp_e4(SBIN) == before
        fresh = journey.desk.hub.freshness
        now_ns = journey.desk.clock.now_ns
        await journey.until(lambda: fresh(SBIN, now_ns()) is Freshness.STALE, "staleness", 12)


async def test_huge_frames_cost_the_window_no_memory(begin: Begin) -> None:
    async with _prices(begin) as (journey, prices):
        before = _resident()
        most = before
        for mib in (1, 8, 15, 17, 64, 200 if LONG else 100):
            for where in ("feed", "orderfeed"):
                journey.practice.fault(where, "huge_frame", value=mib << 20)
            await asyncio.sleep(0.5)
            await prices.move()
            most = max(most, _resident())
        await journey.until(lambda: _link(journey) is LinkState.LIVE, "the feed again", 40)
        assert most - before < 120 << 20, f"{(most - before) >> 20} MiB more"
        await journey.until(lambda: journey.desk.account.is_tradable, "trading again", 60)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
