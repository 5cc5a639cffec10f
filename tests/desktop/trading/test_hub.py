"""The hub: newest wins, one wake-up a frame, watches counted, age told."""

import time

import pytest

from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Detail, Level, Quote
from desktop.trading.hub import Freshness, Hub

SBIN = InstrumentId("NSE:CM:3045")
NIFTY = InstrumentId("NSE:CM:26000")
INFY = InstrumentId("NSE:CM:1594")
S = 1_000_000_000


def quote(instrument: InstrumentId = SBIN, ltp_e4: int = 8_250_000, **more: int | None) -> Quote:
    return Quote(instrument, ltp_e4, **more)


def busy(hub: Hub, instrument: InstrumentId, until_ns: int) -> None:
    """Let an instrument tick ten times a second for five seconds."""
    for step in range(50, -1, -1):
        hub.receive([quote(instrument, 100 + step)], until_ns - step * S // 10)


def test_the_newest_value_wins_and_a_frame_names_each_instrument_once() -> None:
    hub = Hub()
    hub.receive([quote(ltp_e4=1), quote(INFY), quote(ltp_e4=2)], S)
    hub.receive([quote(ltp_e4=3), Depth(SBIN, (Level(1, 2),), ())], 2 * S)
    frame = hub.frame()
    assert (frame.quotes, frame.depths) == ({SBIN, INFY}, {SBIN})
    assert hub.quote(SBIN) == quote(ltp_e4=3)
    assert hub.depth(SBIN) == Depth(SBIN, (Level(1, 2),), ())
    assert not hub.frame().quotes


def test_it_wakes_the_window_once_until_the_frame_is_taken() -> None:
    hub = Hub()
    woken: list[int] = []
    hub.on_dirty = lambda: woken.append(1)
    hub.receive([quote()], S)
    hub.receive([quote()], S)
    hub.receive([], S)
    assert len(woken) == 1
    hub.frame()
    hub.receive([], S)
    assert len(woken) == 1
    hub.receive([quote()], S)
    assert len(woken) == 2


def test_every_trade_is_heard_although_frames_keep_only_the_newest() -> None:
    hub = Hub()
    heard: list[int | None] = []
    hub.on_trade.append(lambda q: heard.append(q.volume))
    hub.receive([quote(volume=v, traded_ns=S) for v in (10, 20, 20, 30)], S)
    assert heard == [10, 20, 30]


def test_a_moved_book_alone_is_no_trade() -> None:
    hub = Hub()
    heard: list[Quote] = []
    hub.on_trade.append(heard.append)
    hub.receive([quote(volume=1, bid_e4=1, exchange_ns=S)], S)
    hub.receive([quote(volume=1, bid_e4=2, exchange_ns=2 * S)], S)
    assert len(heard) == 1


def test_an_index_trades_with_every_calculation() -> None:
    hub = Hub()
    heard: list[Quote] = []
    hub.on_trade.append(heard.append)
    hub.receive([quote(NIFTY, exchange_ns=S), quote(NIFTY, exchange_ns=2 * S)], S)
    assert len(heard) == 2


def test_the_highest_detail_watched_is_wanted_until_its_last_watch_closes() -> None:
    hub = Hub()
    changes: list[dict[InstrumentId, Detail]] = []
    hub.on_wanted_changed = lambda: changes.append(dict(hub.wanted()))
    row = hub.watch(SBIN, Detail.QUOTE, "watchlist")
    ladder = hub.watch(SBIN, Detail.DEPTH, "depth#1")
    other = hub.watch(SBIN, Detail.DEPTH, "depth#2")
    ladder.close()
    ladder.close()
    other.close()
    row.close()
    assert changes == [
        {SBIN: Detail.QUOTE},
        {SBIN: Detail.DEPTH},
        {SBIN: Detail.QUOTE},
        {},
    ]
    assert not row.is_open


def test_many_are_watched_with_one_change_and_released_by_owner() -> None:
    hub = Hub()
    changes: list[int] = []
    hub.on_wanted_changed = lambda: changes.append(len(hub.wanted()))
    hub.watch_all([SBIN, INFY, SBIN], Detail.QUOTE, "watchlist")
    hub.watch(NIFTY, Detail.QUOTE, "chart#1")
    assert changes == [2, 3]
    assert hub.owners() == {"watchlist": 1, "chart#1": 1}
    hub.release("watchlist")
    hub.release("nobody")
    assert dict(hub.wanted()) == {NIFTY: Detail.QUOTE}


def test_age_counts_from_the_last_value_and_is_unknown_before_the_first() -> None:
    hub = Hub()
    assert hub.age_ms(SBIN, S) is None
    assert hub.feed_age_ms(S) is None
    hub.receive([quote()], S)
    hub.receive([quote(INFY)], 2 * S)
    hub.heard(3 * S)
    assert hub.age_ms(SBIN, 4 * S) == 3_000
    assert hub.feed_age_ms(4 * S) == 1_000


def test_an_active_contract_is_stale_after_three_seconds() -> None:
    hub = Hub()
    busy(hub, SBIN, 100 * S)
    hub.heard(103 * S)
    assert hub.freshness(SBIN, 103 * S) is Freshness.LIVE
    assert hub.freshness(SBIN, 103 * S + 1) is Freshness.STALE


def test_a_quiet_instrument_lives_as_long_as_the_feed_does() -> None:
    hub = Hub()
    hub.receive([quote()], S)
    hub.heard(600 * S)
    assert hub.freshness(SBIN, 605 * S) is Freshness.LIVE
    assert hub.freshness(SBIN, 611 * S) is Freshness.STALE


def test_an_index_is_stale_after_five_seconds() -> None:
    hub = Hub()
    hub.is_index = lambda instrument: instrument == NIFTY
    hub.receive([quote(NIFTY)], S)
    hub.heard(7 * S)
    assert hub.freshness(NIFTY, 6 * S) is Freshness.LIVE
    assert hub.freshness(NIFTY, 7 * S) is Freshness.STALE


def test_everything_is_stale_while_the_feed_is_away() -> None:
    hub = Hub()
    hub.receive([quote()], S)
    hub.link_changed(is_live=False)
    assert hub.freshness(SBIN, S) is Freshness.STALE
    hub.link_changed(is_live=True)
    assert hub.freshness(SBIN, S) is Freshness.LIVE
    assert hub.freshness(INFY, S) is Freshness.NONE


def test_silence_after_the_close_is_not_called_stale() -> None:
    hub = Hub()
    hub.is_open = lambda _, now_ns: now_ns < 50 * S
    hub.receive([quote()], S)
    assert hub.freshness(SBIN, 60 * S) is Freshness.CLOSED


def test_quotes_that_come_late_make_everything_stale() -> None:
    hub = Hub()
    hub.receive([quote(exchange_ns=10 * S)], 10 * S)
    hub.receive([quote(exchange_ns=11 * S)], 14 * S)
    assert hub.lag_ms == 3_000
    assert hub.freshness(SBIN, 14 * S) is Freshness.STALE
    hub.receive([quote(exchange_ns=15 * S)], 15 * S)
    assert hub.freshness(SBIN, 15 * S) is Freshness.LIVE


def test_a_known_clock_difference_is_not_lag() -> None:
    hub = Hub()
    hub.skew_ns = -5 * S
    hub.receive([quote(exchange_ns=S)], 6 * S)
    hub.receive([quote(exchange_ns=2 * S)], 7 * S)
    assert hub.lag_ms == 0


def test_an_old_snapshot_is_not_lag() -> None:
    hub = Hub()
    hub.receive([quote(exchange_ns=S)], 1_000 * S)
    assert hub.lag_ms == 0


def test_a_sweep_repaints_what_went_stale_once() -> None:
    hub = Hub()
    woken: list[int] = []
    hub.watch(SBIN, Detail.QUOTE, "watchlist")
    hub.watch(NIFTY, Detail.QUOTE, "watchlist")
    hub.receive([quote(), quote(INFY)], S)
    hub.sweep(S)
    hub.frame()
    hub.on_dirty = lambda: woken.append(1)
    hub.sweep(5 * S)
    assert not woken
    hub.sweep(12 * S)
    hub.sweep(13 * S)
    assert hub.frame().quotes == {SBIN}
    assert len(woken) == 1


@pytest.mark.parametrize("listeners", [0, 1])
def test_a_quote_costs_less_than_a_microsecond(listeners: int) -> None:
    hub = Hub()
    hub.on_trade += [lambda _: None] * listeners
    batches = [
        [Quote(InstrumentId(f"NSE:CM:{i}"), step, step, step) for i in range(200)]
        for step in range(100)
    ]
    best_s = 9.0
    for _ in range(5):
        started = time.process_time()
        for batch in batches:
            hub.receive(batch, S)
        best_s = min(best_s, time.process_time() - started)
    assert best_s / 20_000 < 3e-6, "measured: 0.2 µs a quote"
