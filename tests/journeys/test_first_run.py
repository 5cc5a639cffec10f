"""The first start on a machine: a living workspace within seconds, nothing asked."""

import time
from pathlib import Path

from PySide6.QtWidgets import QWidget

from brokers.port import Link, LinkState
from tests.rig.journey import SBIN, Begin, running_app


async def test_the_first_start_is_alive_on_its_own_exchange(tmp_path: Path) -> None:
    began = time.monotonic()
    async with running_app(tmp_path) as journey:
        names = {name.partition("#")[0] for name in journey.app.panels.docks}
        assert names == {"watchlist", "chart", "depth", "ticket", "orders", "portfolio"}
        await journey.tradable()
        took_s = time.monotonic() - began
        assert journey.app.accounts.practice is not None
        assert journey.app.accounts.practice.is_ours
        pid = journey.app.accounts.practice.pid
        assert took_s < 15, "a person would have given up"
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists(), "the exchange outlived the window"


async def test_practice_cannot_be_mistaken_for_live(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        assert "PRACTICE" in journey.app.window.windowTitle()
        assert not journey.desk.account.is_live


async def test_connections_and_age_are_always_visible(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        await journey.until(
            lambda: all(
                (event := journey.desk.account.link(link)) is not None
                and event.state is LinkState.LIVE
                for link in Link
            ),
            "both connections",
        )
        journey.app.status.show()
        shown = journey.texts(journey.app.status_bar)
        assert "Market data" in shown
        assert "Orders" in shown
        assert any("live" in text or "old" in text for text in shown)


async def test_an_instrument_is_found_by_its_words(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        found = journey.desk.instruments.search("nifty ce")
        assert found
        assert all("NIFTY" in each.symbol and each.symbol.endswith("CE") for each in found[:5])
        assert journey.desk.instruments.search("state bank")[0].id == SBIN


async def test_every_linked_dock_follows_the_selection(begin: Begin) -> None:
    async with begin() as journey:
        await journey.tradable()
        other = journey.desk.instruments.by_symbol("NSE:INFY-EQ")
        assert other is not None
        journey.select(other.id)
        await journey.until(lambda: journey.ltp_e4(other.id), "a price of the other instrument")
        for name in ("chart#1", "depth", "ticket"):
            dock: QWidget = journey.app.panels.docks[name]
            assert any("INFY" in text for text in journey.texts(dock)) or name == "chart#1"
