"""Positions that are right at once, profits that add up to the paisa, and no invented zero."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.model.account import Funds, Holding, Ledger, Position
from brokers.model.instrument import InstrumentId
from brokers.model.market import Quote
from brokers.model.order import Fill, Product, Side
from desktop.trading.portfolio import Portfolio, position_key
from desktop.trading.profit import Traded, profit_of
from tests.rig.order_rig import INSTRUMENTS, NIFTY_FUT, SBIN, Shelf
from tests.rig.virtual_time import VirtualTimer

KEY = position_key(SBIN, Product.INTRADAY)
FLAT = Position(
    instrument=SBIN,
    product=Product.INTRADAY,
    net_qty=0,
    buy_qty=0,
    buy_value_e4=0,
    sell_qty=0,
    sell_value_e4=0,
    multiplier=1,
)


class Bench:
    """A portfolio with prices and time in the test's hands."""

    def __init__(self) -> None:
        self.timer = VirtualTimer()
        self.prices: dict[InstrumentId, Quote] = {}
        self.trades = 0
        self.portfolio = Portfolio(
            quote=self.prices.get, directory=Shelf(INSTRUMENTS), timer=self.timer
        )

    def quote(self, ltp_e4: int, **more: object) -> None:
        self.prices[SBIN] = msgspec.structs.replace(Quote(SBIN, ltp_e4=ltp_e4), **more)

    def fill(self, side: Side, quantity: int, price_e4: int, *, is_old: bool = False) -> Fill:
        self.trades += 1
        fill = Fill(
            trade_id=str(self.trades),
            broker_id="1",
            tag="",
            instrument=SBIN,
            side=side,
            quantity=quantity,
            price_e4=price_e4,
            product=Product.INTRADAY,
        )
        self.portfolio.receive_fill(fill, is_old=is_old)
        return fill

    def read(self, *positions: Position) -> None:
        self.portfolio.receive_positions(positions, began_mono=self.timer.monotonic_ns())

    def wait(self, seconds: float) -> None:
        self.timer._mono_ns += round(seconds * 10**9)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def bought(quantity: int, price_e4: int, **more: object) -> Position:
    long = msgspec.structs.replace(
        FLAT, net_qty=quantity, buy_qty=quantity, buy_value_e4=quantity * price_e4
    )
    return msgspec.structs.replace(long, **more)


# -- executions and the broker's own figure


def test_nothing_is_known_before_the_brokers_list_was_read(bench: Bench) -> None:
    bench.fill(Side.BUY, 10, 8_000_000)
    assert bench.portfolio.net_qty(SBIN, Product.INTRADAY) is None
    assert bench.portfolio.positions() == ()

    bench.read()
    assert bench.portfolio.net_qty(SBIN, Product.INTRADAY) == 10


def test_an_execution_counts_the_moment_it_is_heard_of(bench: Bench) -> None:
    bench.read()
    bench.fill(Side.BUY, 10, 8_000_000)

    row = bench.portfolio.position(KEY)
    assert row is not None
    assert (row.net_qty, row.average_e4, row.is_confirmed) == (10, 8_000_000, False)


def test_duplicate_fill(bench: Bench) -> None:
    bench.read()
    fill = bench.fill(Side.BUY, 10, 8_000_000)

    assert not bench.portfolio.receive_fill(fill)
    assert bench.portfolio.net_qty(SBIN, Product.INTRADAY) == 10


def test_the_brokers_figure_confirms_and_does_not_count_twice(bench: Bench) -> None:
    bench.read()
    bench.fill(Side.BUY, 10, 8_000_000)
    bench.wait(1)
    bench.read(bought(10, 8_000_000))

    row = bench.portfolio.position(KEY)
    assert row is not None
    assert (row.net_qty, row.is_confirmed) == (10, True)


def test_a_figure_that_lags_does_not_take_an_execution_back(bench: Bench) -> None:
    bench.read(bought(5, 8_000_000))
    bench.fill(Side.BUY, 5, 8_000_000, is_old=True)
    bench.fill(Side.BUY, 10, 8_010_000)
    bench.read(bought(5, 8_000_000))  # has not heard of the ten

    row = bench.portfolio.position(KEY)
    assert row is not None
    assert (row.net_qty, row.buy_average_e4, row.is_confirmed) == (15, 8_006_667, False)

    bench.wait(1)
    half = bought(12, 8_000_000)  # has heard of a part
    bench.read(half)
    row = bench.portfolio.position(KEY)
    assert row is not None
    assert row.net_qty == 15


def test_after_a_while_the_brokers_figure_is_right_whatever_we_counted(bench: Bench) -> None:
    bench.read()
    bench.fill(Side.BUY, 10, 8_000_000)
    bench.wait(10)
    bench.read(msgspec.structs.replace(FLAT, product=Product.CNC))  # converted elsewhere

    assert bench.portfolio.net_qty(SBIN, Product.INTRADAY) == 0


def test_an_answer_that_was_overtaken_is_not_used(bench: Bench) -> None:
    early = bench.timer.monotonic_ns()
    bench.wait(1)
    bench.read(bought(10, 8_000_000))
    bench.portfolio.receive_positions([], began_mono=early)

    assert bench.portfolio.net_qty(SBIN, Product.INTRADAY) == 10


def test_a_carried_position_inside_the_totals_is_not_an_execution_of_today(bench: Bench) -> None:
    bench.read(bought(100, 8_000_000, carried_qty=100))
    bench.fill(Side.SELL, 30, 8_100_000)
    bench.fill(Side.BUY, 10, 8_050_000)

    row = bench.portfolio.position(KEY)
    assert row is not None
    assert (row.net_qty, row.buy_qty, row.sell_qty) == (80, 110, 30)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Side),
            st.integers(1, 50),
            st.sampled_from(["fill", "repeat", "read", "lag", "wait"]),
        ),
        max_size=25,
    )
)
def test_whatever_comes_in_whatever_order_the_net_is_the_sum(
    steps: list[tuple[Side, int, str]],
) -> None:
    bench = Bench()
    bench.read()
    truth, told = FLAT, FLAT
    last: Fill | None = None
    for side, quantity, what in steps:
        if what == "fill":
            last = bench.fill(side, quantity, 8_000_000)
            truth = _with(truth, last)
        elif what == "repeat" and last is not None:
            bench.portfolio.receive_fill(last)
        elif what == "read":
            told = truth
            bench.read(truth)
        elif what == "lag":
            bench.read(told)
            bench.wait(0.1)
        elif what == "wait":
            bench.wait(10)
            told = truth
            bench.read(truth)
        assert bench.portfolio.net_qty(SBIN, Product.INTRADAY) == truth.net_qty


def _with(position: Position, fill: Fill) -> Position:
    is_buy = fill.side is Side.BUY
    return msgspec.structs.replace(
        position,
        net_qty=position.net_qty + fill.side.sign * fill.quantity,
        buy_qty=position.buy_qty + is_buy * fill.quantity,
        buy_value_e4=position.buy_value_e4 + is_buy * fill.quantity * fill.price_e4,
        sell_qty=position.sell_qty + (not is_buy) * fill.quantity,
        sell_value_e4=position.sell_value_e4 + (not is_buy) * fill.quantity * fill.price_e4,
    )


# -- profit


def test_profit_moves_with_every_tick_exactly(bench: Bench) -> None:
    bench.quote(8_000_000)
    bench.read(bought(10, 8_000_000))
    assert bench.portfolio.frame({SBIN}).positions == {KEY}
    bench.quote(8_000_500)

    frame = bench.portfolio.frame({SBIN})
    row = bench.portfolio.position(KEY)
    assert frame.positions == {KEY}
    assert frame.has_totals
    assert row is not None
    assert row.unrealised_paise == 50
    assert bench.portfolio.totals().day_paise == 50
    assert bench.portfolio.frame({SBIN}).positions == frozenset()
    assert bench.portfolio.frame({NIFTY_FUT}).positions == frozenset()


def test_realised_and_unrealised_are_told_apart(bench: Bench) -> None:
    bench.quote(8_200_000)
    bench.read(
        msgspec.structs.replace(
            bought(10, 8_000_000), net_qty=6, sell_qty=4, sell_value_e4=4 * 8_100_000
        )
    )

    row = bench.portfolio.position(KEY)
    assert row is not None
    assert row.realised_paise == 4 * 1_000
    assert row.unrealised_paise == 6 * 2_000
    assert row.total_paise == 16_000


def test_an_unknown_multiplier_means_no_figure_and_says_why(bench: Bench) -> None:
    bench.quote(8_000_000)
    unlisted = InstrumentId("MCX:COM:1")
    bench.prices[unlisted] = Quote(unlisted, ltp_e4=1)
    bench.read(bought(10, 8_000_000), bought(1, 1, instrument=unlisted, multiplier=None))

    row = bench.portfolio.position(position_key(unlisted, Product.INTRADAY))
    assert row is not None
    assert row.total_paise is None
    assert row.reason == "how many units one quantity stands for is not known"
    totals = bench.portfolio.totals()
    assert (totals.day_paise, totals.unknown_positions) == (0, 1)


def test_no_price_means_no_figure_unless_nothing_is_open(bench: Bench) -> None:
    bench.read(bought(10, 8_000_000))
    row = bench.portfolio.position(KEY)
    assert row is not None
    assert (row.total_paise, row.reason) == (None, "no price has come in yet")

    closed = bought(10, 8_000_000, net_qty=0, sell_qty=10, sell_value_e4=10 * 8_000_500)
    bench.wait(1)
    bench.read(closed)
    row = bench.portfolio.position(KEY)
    assert row is not None
    assert (row.total_paise, row.realised_paise) == (50, 50)


def test_a_carried_quantity_of_unknown_cost_means_no_figure(bench: Bench) -> None:
    bench.quote(8_000_000)
    bench.read(msgspec.structs.replace(FLAT, net_qty=10, carried_qty=10))

    row = bench.portfolio.position(KEY)
    assert row is not None
    assert row.total_paise is None
    assert "carried" in row.reason


def test_the_multiplier_is_the_brokers_before_the_masters(bench: Bench) -> None:
    bench.quote(8_000_500)
    bench.read(bought(10, 8_000_000, multiplier=100))

    row = bench.portfolio.position(KEY)
    assert row is not None
    assert row.total_paise == 5_000


@given(
    buy_qty=st.integers(0, 10**6),
    buy_e4=st.integers(1, 10**8),
    sell_qty=st.integers(0, 10**6),
    sell_e4=st.integers(1, 10**8),
    ltp_e4=st.integers(1, 10**8),
    multiplier=st.sampled_from([1, 10, 100, 1_000]),
)
def test_parts_add_up_and_swapping_sides_changes_the_sign(
    *, buy_qty: int, buy_e4: int, sell_qty: int, sell_e4: int, ltp_e4: int, multiplier: int
) -> None:
    traded = Traded(
        buy_qty=buy_qty,
        buy_value_e4=buy_qty * buy_e4,
        sell_qty=sell_qty,
        sell_value_e4=sell_qty * sell_e4,
    )
    mirrored = Traded(
        buy_qty=sell_qty,
        buy_value_e4=sell_qty * sell_e4,
        sell_qty=buy_qty,
        sell_value_e4=buy_qty * buy_e4,
    )
    profit = profit_of(traded, ltp_e4=ltp_e4, multiplier=multiplier)
    mirror = profit_of(mirrored, ltp_e4=ltp_e4, multiplier=multiplier)
    exact_e4 = sell_qty * (sell_e4 - ltp_e4) + buy_qty * (ltp_e4 - buy_e4)

    assert abs(profit.total_paise * 100 - exact_e4 * multiplier) <= 50
    assert profit.total_paise == -mirror.total_paise
    assert profit.realised_paise == -mirror.realised_paise
    if buy_qty == sell_qty:
        assert profit.unrealised_paise == 0
    if not min(buy_qty, sell_qty):
        assert profit.realised_paise == 0


# -- holdings, funds, the day


HOLDING = Holding(
    instrument=SBIN,
    isin="INE062A01020",
    quantity=100,
    free_qty=90,
    t1_qty=10,
    collateral_qty=0,
    cost_e4=7_500_000,
)


def test_holdings_are_valued_and_say_none_without_a_price(bench: Bench) -> None:
    assert bench.portfolio.holding_qty(SBIN) is None
    bench.portfolio.receive_holdings([HOLDING])
    assert bench.portfolio.holdings()[0].value_paise is None
    assert bench.portfolio.totals().unknown_holdings == 1

    bench.quote(8_000_000, previous_close_e4=7_990_000)
    assert bench.portfolio.frame({SBIN}).holdings == {SBIN}
    (row,) = bench.portfolio.holdings()
    assert (row.value_paise, row.profit_paise, row.day_paise) == (8_000_000, 500_000, 10_000)
    assert bench.portfolio.holding_qty(SBIN) == 90
    assert bench.portfolio.holding_qty(NIFTY_FUT) == 0


def test_what_is_sold_or_gone_leaves_the_table_and_the_frame_says_so(bench: Bench) -> None:
    bench.read(bought(10, 8_000_000))
    bench.portfolio.receive_holdings([HOLDING])
    bench.portfolio.frame(())
    bench.wait(1)
    bench.read()
    bench.portfolio.receive_holdings([])

    frame = bench.portfolio.frame(())
    assert frame.positions == {KEY}
    assert frame.holdings == {SBIN}
    assert bench.portfolio.positions() == ()
    assert bench.portfolio.holdings() == ()


def test_reading_between_frames_does_not_swallow_the_change(bench: Bench) -> None:
    bench.read(bought(10, 8_000_000))
    assert bench.portfolio.positions()

    assert bench.portfolio.frame(()).positions == {KEY}


def test_figures_are_those_of_the_moment_whoever_draws_frames(bench: Bench) -> None:
    bench.quote(8_000_000)
    bench.read(bought(10, 8_000_000))
    bench.portfolio.frame({SBIN})
    bench.quote(8_010_000)

    assert bench.portfolio.totals().day_paise == 1_000
    assert bench.portfolio.positions()[0].total_paise == 1_000
    frame = bench.portfolio.frame(())
    assert frame.positions == {KEY}
    assert frame.has_totals


def test_funds_are_told_of_once_a_change(bench: Bench) -> None:
    ledger = Ledger(available_paise=1, used_paise=0, total_paise=1)
    heard: list[int] = []
    bench.portfolio.changed.add(lambda: heard.append(1))
    bench.portfolio.receive_funds(Funds(equity=ledger, commodity=ledger))
    bench.portfolio.receive_funds(Funds(equity=ledger, commodity=ledger))

    assert heard == [1]
    assert bench.portfolio.frame(()).has_funds
    assert not bench.portfolio.frame(()).has_funds


def test_what_has_to_be_followed_is_what_is_open_or_held(bench: Bench) -> None:
    bench.read(bought(10, 8_000_000), bought(0, 0, instrument=NIFTY_FUT))
    bench.portfolio.receive_holdings([msgspec.structs.replace(HOLDING, instrument=NIFTY_FUT)])

    assert bench.portfolio.instruments() == {SBIN, NIFTY_FUT}
    bench.portfolio.receive_holdings([])
    assert bench.portfolio.instruments() == {SBIN}


def test_a_new_day_begins_unknown(bench: Bench) -> None:
    bench.read(bought(10, 8_000_000))
    bench.portfolio.begin_day()

    assert bench.portfolio.net_qty(SBIN, Product.INTRADAY) is None
    assert bench.portfolio.positions() == ()
