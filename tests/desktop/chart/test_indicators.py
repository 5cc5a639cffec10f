"""Indicators over whole columns, and the live bar's exact tail."""

import importlib
import math

import numpy as np
import pytest

from brokers.model.market import Candle
from desktop.chart.indicators import INDICATORS, heikin_ashi
from desktop.chart.series import Series, columns_from
from desktop.chart.studies import Choice, Study
from tests.desktop.chart.bars import candle, columns, part

LONG = [
    Choice("ema", (("period", 500.0),)),
    Choice("sma", (("period", 500.0),)),
    Choice("rsi", (("period", 200.0),)),
    Choice("atr", (("period", 200.0),)),
    Choice("macd", (("fast", 100.0), ("slow", 400.0), ("signal", 100.0))),
    Choice("bollinger", (("period", 200.0), ("width", 2.5))),
    Choice("supertrend", (("period", 50.0), ("width", 4.0))),
]


def shown(study: Study) -> np.ndarray:
    return np.array([track.values for track in study.tracks])


@pytest.mark.parametrize(
    "choice", [*(Choice(each) for each in INDICATORS), *LONG], ids=lambda choice: choice.title
)
@pytest.mark.parametrize("start", [60.0, 22_000.0])
def test_the_live_tail_equals_a_full_recompute(choice: Choice, start: float) -> None:
    whole = columns(60_000, start=start)
    series = Series(part(whole, 0, 59_700))
    study = Study(choice, series, 0)
    for row in range(59_700, 60_000):
        final = candle(whole, row)
        tick = Candle(*([final.opened_ns] + [final.open_e4] * 4 + [1]))
        series.append(tick)
        study.follow(row)
        series.replace_last(final)
        study.follow(row)
    fresh = Study(choice, Series(whole), 0)
    np.testing.assert_allclose(shown(study), shown(fresh), rtol=0, atol=1e-9, equal_nan=True)
    assert np.isfinite(shown(fresh)[:, -1]).all()


@pytest.mark.parametrize("choice", [Choice(each) for each in INDICATORS], ids=lambda c: c.title)
def test_a_study_grows_from_no_bars_at_all(choice: Choice) -> None:
    whole = columns(900)
    series = Series(columns_from([]))
    study = Study(choice, series, 0)
    for row in range(900):
        series.append(candle(whole, row))
        study.follow(row)
    fresh = Study(choice, Series(whole), 0)
    np.testing.assert_allclose(shown(study), shown(fresh), rtol=0, atol=1e-9, equal_nan=True)


def test_older_bars_only_change_what_they_reach() -> None:
    whole = columns(3_000)
    series = Series(part(whole, 1_000, 3_000))
    study = Study(Choice("sma"), series, 0)
    before = study.tracks[0].value(1_500)
    series.prepend(part(whole, 0, 1_000))
    study.recompute()
    assert study.tracks[0].value(1_500) == pytest.approx(before, abs=1e-9)
    assert math.isfinite(study.tracks[0].value(0))


def test_rsi_is_talibs_and_stands_still_while_the_price_does() -> None:
    series = Series(columns(5_000))
    rsi = Study(Choice("rsi"), series, 0).tracks[0]
    expected = importlib.import_module("talib").RSI(series.close.copy(), timeperiod=14)
    np.testing.assert_allclose(rsi.values, expected, rtol=0, atol=1e-9, equal_nan=True)
    flat = part(columns(600), 0, 600)
    for column in flat[1:5]:
        column[300:] = column[299]
    values = Study(Choice("rsi"), Series(flat), 0).tracks[0].values
    np.testing.assert_allclose(values[301:], values[300], rtol=1e-9)


def test_bollinger_is_mean_and_population_deviation() -> None:
    series = Series(columns(30_000))
    study = Study(Choice("bollinger"), series, 0)
    windows = np.lib.stride_tricks.sliding_window_view(series.close, 20)
    mean, deviation = windows.mean(axis=1), windows.std(axis=1)
    upper, middle, lower = (track.values[19:] for track in study.tracks)
    np.testing.assert_allclose(middle, mean, rtol=0, atol=1e-9)
    np.testing.assert_allclose(upper, mean + 2 * deviation, rtol=0, atol=1e-8)
    np.testing.assert_allclose(lower, mean - 2 * deviation, rtol=0, atol=1e-8)


def test_vwap_starts_anew_each_session_and_skips_bars_without_volume() -> None:
    whole = columns(800)
    whole.volume[375:378] = 0
    series = Series(whole)
    vwap = Study(Choice("vwap"), series, 0).tracks[0].values
    price = (series.high + series.low + series.close) / 3
    assert np.isnan(vwap[375:378]).all()
    assert vwap[378] == pytest.approx(price[378])
    day = slice(375, 750)
    expected = np.sum(price[day] * series.volume[day]) / np.sum(series.volume[day])
    assert vwap[749] == pytest.approx(expected)
    assert vwap[750] == pytest.approx(price[750])


def test_supertrend_follows_its_textbook_rules() -> None:
    series = Series(columns(2_000))
    line, way, upper, lower, atr = Study(Choice("supertrend"), series, 0).tracks
    middle = (series.high + series.low) / 2
    for row in range(11, 2_000):
        high = middle[row] + 3 * atr.values[row]
        keeps = high >= upper.values[row - 1] and series.close[row - 1] <= upper.values[row - 1]
        assert upper.values[row] == (upper.values[row - 1] if keeps else high)
        up = way.values[row] > 0
        assert line.values[row] == (lower if up else upper).values[row]
    assert set(way.values[11:]) == {1.0, -1.0}


def test_heikin_ashi_is_the_same_whole_or_bar_by_bar() -> None:
    series = Series(columns(5_000))
    whole = tuple(column.copy() for column in series.columns()[:4])
    heikin_ashi(whole, 0, None)
    opened, closed = (series.open[0] + series.close[0]) / 2, 0.0
    for row in range(5_000):
        o, h, low, c, _ = series.row(row)
        if row:
            opened = (opened + closed) / 2
        closed = (o + h + low + c) / 4
        assert whole[0][row] == pytest.approx(opened, abs=1e-9)
        assert whole[3][row] == pytest.approx(closed, abs=1e-9)
        assert whole[1][row] == pytest.approx(max(h, opened, closed), abs=1e-9)
    tail = tuple(column.copy() for column in series.columns()[:4])
    heikin_ashi(tail, 4_999, (float(whole[0][4_998]), float(whole[3][4_998])))
    assert tail[0][4_999] == pytest.approx(whole[0][4_999], abs=1e-9)


def test_parameters_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="Period: expected 2 to 500, was 1"):
        Choice("ema", (("period", 1.0),))
    with pytest.raises(ValueError, match="whole number"):
        Choice("ema", (("period", 9.5),))
    with pytest.raises(ValueError, match="expected one of ema"):
        Choice("nothing")
    assert Choice("bollinger", (("width", 2.5),)).title == "BB 20 2.5"
