"""Columns that grow at both ends, and the blocks kept over them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.model.market import Candle
from desktop.chart.pyramid import Keep, Pyramid
from desktop.chart.series import Series, Track, columns_from, e4
from tests.desktop.chart.bars import candle, columns, part


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_a_price_as_float_gives_its_integer_back(price_e4: int) -> None:
    assert e4(price_e4 / 10_000) == price_e4


def test_bars_keep_their_numbers_when_older_ones_arrive() -> None:
    whole = columns(5_000)
    series = Series(part(whole, 2_000, 5_000))
    before = series.row(17)
    series.prepend(part(whole, 500, 2_000))
    series.prepend(part(whole, 0, 500))
    assert (series.first, series.end) == (-2_000, 3_000)
    assert series.row(17) == before
    assert np.array_equal(series.opened_ns, whole.opened_ns)
    assert np.array_equal(np.round(series.high * 10_000), whole.high_e4)


def test_appending_grows_and_replacing_changes_only_the_last_bar() -> None:
    whole = columns(9_000)
    series = Series(part(whole, 0, 10))
    for row in range(10, 9_000):
        series.append(candle(whole, row))
    assert np.array_equal(np.round(series.close * 10_000), whole.close_e4)
    last = candle(whole, 8_999)
    series.replace_last(Candle(last.opened_ns, 1, 4, 1, 2, 7))
    assert series.row(8_999) == (0.0001, 0.0004, 0.0001, 0.0002, 7.0)
    assert series.row(8_998)[3] == whole.close_e4[8_998] / 10_000


def test_a_bar_out_of_order_is_refused() -> None:
    whole = columns(20)
    series = Series(part(whole, 5, 15))
    with pytest.raises(ValueError, match="after the last bar"):
        series.append(candle(whole, 14))
    with pytest.raises(ValueError, match="the last bar's"):
        series.replace_last(candle(whole, 13))
    with pytest.raises(ValueError, match="before the first"):
        series.prepend(part(whole, 0, 6))
    with pytest.raises(ValueError, match="not at row 1"):
        Series(part(whole, 0, 2)._replace(opened_ns=whole.opened_ns[[3, 3]]))


def test_an_empty_series_takes_its_first_bar() -> None:
    whole = columns(3)
    series = Series(columns_from([]))
    assert (len(series), series.last) == (0, -1)
    series.append(candle(whole, 0))
    assert series.row(0)[1] == whole.high_e4[0] / 10_000


def test_a_time_finds_the_bar_that_was_open() -> None:
    whole = columns(800)
    series = Series(whole)
    assert series.at(int(whole.opened_ns[400]) + 59_000_000_000) == 400
    assert series.at(0) == 0
    assert series.at(int(whole.opened_ns[374]) + 3_600_000_000_000) == 374


def exact(values: np.ndarray, first: int, number: int, step: int) -> np.ndarray:
    """Give the rows of one bin, found one by one."""
    rows = np.arange(len(values))
    held: np.ndarray = values[(rows + first) // step == number]
    return held


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40_000),
    older=st.integers(0, 3_000),
    step=st.sampled_from([1, 2, 3, 7, 8, 9, 63, 64, 72, 504, 512, 576, 4_096]),
    seed=st.integers(0, 9),
)
def test_bins_are_exact_whatever_the_first_number_and_the_last_block(
    count: int, older: int, step: int, seed: int
) -> None:
    whole = columns(count + older, seed=seed)
    series = Series(part(whole, older, older + count))
    series.prepend(part(whole, 0, older))
    low, high = series.first // step, (series.end - 1) // step
    opens, highs, lows, closes, volumes = series.bins((low, high), step)
    for number in {low, low + 1, (low + high) // 2, high - 1, high} & set(range(low, high + 1)):
        at = number - low
        assert opens[at] == exact(series.open, series.first, number, step)[0]
        assert highs[at] == exact(series.high, series.first, number, step).max()
        assert lows[at] == exact(series.low, series.first, number, step).min()
        assert closes[at] == exact(series.close, series.first, number, step)[-1]
        assert volumes[at] == exact(series.volume, series.first, number, step).max()


def test_the_blocks_follow_the_live_bar_and_new_bars() -> None:
    whole = columns(25_000)
    series = Series(part(whole, 0, 20_000))
    for row in range(20_000, 25_000):
        first_state = candle(whole, row)
        series.append(
            Candle(
                first_state.opened_ns,
                first_state.open_e4,
                first_state.open_e4,
                first_state.open_e4,
                first_state.open_e4,
                0,
            )
        )
        series.replace_last(first_state)
    fresh = Series(whole)
    for step in (1, 5, 64, 512, 1_024):
        span = (0, 24_999 // step)
        for grown, built in zip(series.bins(span, step), fresh.bins(span, step), strict=True):
            assert np.array_equal(grown, built)


def test_a_lower_high_corrects_the_blocks() -> None:
    series = Series(columns(20_001))
    last = series.opened(20_000)
    series.replace_last(Candle(last, 10**9, 10**9, 10**9, 10**9, 1))
    series.replace_last(Candle(last, 10_000, 10_000, 10_000, 10_000, 1))
    assert series.bins((39, 39), 512)[1][0] < 30_000


def test_undefined_values_are_left_out_of_bins() -> None:
    values = np.arange(20_000.0)
    values[:100] = np.nan
    track = Track(values, -3)
    _, highest, lowest, _ = track.bins((-1, 20), 64)
    assert np.isnan(highest[0])
    assert lowest[2] == 100.0
    assert highest[2] == 64 * 2 - 1 + 3
    track.resize(20_005)
    assert np.isnan(track.value(20_001))


def test_a_pyramid_of_few_rows_has_no_levels() -> None:
    pyramid = Pyramid([Keep.HIGHEST])
    column = np.arange(10.0)
    assert pyramid.bins([column], 0, (0, 1), 5)[0].tolist() == [4.0, 9.0]
