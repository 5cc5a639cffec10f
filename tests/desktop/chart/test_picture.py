"""The picture is checked against the numbers: column by column, and strip against whole."""

import math

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from brokers.model.market import Candle
from brokers.model.order import Side
from desktop.chart.candles_item import Style
from desktop.chart.lines_item import OrderMark, PositionMark
from desktop.chart.scale import Mode
from desktop.chart.series import Columns
from desktop.chart.studies import Choice
from desktop.chart.view import ChartView
from desktop.chart.visible import step_for
from tests.desktop.chart.bars import candle, columns, part
from tests.desktop.chart.shown import Painted, chart, is_colour, painted, settle, values

MILLION = 1_000_003
"""Not a multiple of any block: the last one is incomplete at every level."""


@pytest.fixture(scope="module")
def million() -> Columns:
    return columns(MILLION)


def candle_pixels(view: ChartView) -> np.ndarray:
    """Give where the still picture of the price pane shows a bar."""
    settle()
    colors = view.look.colors
    pane = view.stack.panes[0].area
    picture = values(view.layer.toImage())[pane.top() : pane.bottom() + 1, : pane.width()]
    return is_colour(picture, colors.up, colors.down, colors.up_edge, colors.down_edge)


def edges(view: ChartView, whole: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Give the pixels of every bar's high and low."""
    scale = view.stack.panes[0].scale
    tops, bottoms = scale.ys(whole.high_e4 / 1e4), scale.ys(whole.low_e4 / 1e4)
    return np.floor(tops).astype(int), np.floor(bottoms).astype(int)


def check_columns(view: ChartView, whole: Columns, mask: np.ndarray) -> int:
    """Compare each pixel column with the lowest low and highest high of the bars that are there.

    A bar's whole range must be seen within one pixel of its place, and no column may show anything
    beyond the range of the bars within one bin of it. Gives how many columns were checked.
    """
    timeline = view.stack.timeline
    centres = (np.arange(len(whole.high_e4)) - timeline.left) * timeline.bar_px
    tops, bottoms = edges(view, whole)
    checked = 0
    reach = max(3.0, timeline.bar_px)
    for x in range(1, mask.shape[1] - 1):
        start, stop = np.searchsorted(centres, [x, x + 1])
        near_start, near_stop = np.searchsorted(centres, [x - reach, x + 1 + reach])
        rows = np.flatnonzero(mask[:, x])
        around = np.flatnonzero(mask[:, max(0, x - 1) : x + 2].any(axis=1))
        if near_start == near_stop:
            assert not len(rows), f"column {x}: painted where no bar is"
            continue
        if start < stop:
            assert len(around), f"column {x}: {stop - start} bars, nothing painted"
            assert around[0] <= tops[start:stop].min(), f"column {x}: a high is missing"
            assert around[-1] >= bottoms[start:stop].max(), f"column {x}: a low is missing"
            checked += 1
        if len(rows):
            assert rows[0] >= tops[near_start:near_stop].min(), f"column {x}: above any high"
            assert rows[-1] <= bottoms[near_start:near_stop].max(), f"column {x}: below any low"
    return checked


def check_bins(view: ChartView, whole: Columns, mask: np.ndarray) -> int:
    """Compare each pixel column with exactly its own bin; gives how many columns were checked."""
    timeline = view.stack.timeline
    step = step_for(timeline.bar_px)
    tops, bottoms = edges(view, whole)
    checked = 0
    for b in range(int(timeline.left) // step, len(tops) // step + 1):
        left, right = (
            math.floor((n * step - 0.5 - timeline.left) * timeline.bar_px) for n in (b, b + 1)
        )
        held = slice(max(0, b * step), min((b + 1) * step, len(tops)))
        if held.start >= held.stop:
            continue
        for x in range(max(0, left), min(right, mask.shape[1])):
            rows = np.flatnonzero(mask[:, x])
            assert rows[0] == tops[held].min(), f"column {x}"
            assert rows[-1] == bottoms[held].max(), f"column {x}"
            assert len(rows) == rows[-1] - rows[0] + 1, f"column {x}: a hole"
            checked += 1
    return checked


@pytest.mark.parametrize("count", [200, 2_000, 50_000, MILLION])
@pytest.mark.parametrize("width", [1_000, 777])
def test_every_column_shows_exactly_the_range_of_its_bars(
    qtbot: QtBot, million: Columns, count: int, width: int
) -> None:
    view = chart(qtbot, million, size=(width, 600))
    view.set_volume(is_shown=False)
    if count == MILLION:
        view.fit_all()
    else:
        view.show_bars(MILLION - count + 3.3, MILLION + 2.3)
    mask = candle_pixels(view)
    checked = check_columns(view, million, mask)
    assert checked >= min(count, view.stack.plot.width() * 0.9) * 0.95
    if view.stack.timeline.bar_px < 2:
        assert check_bins(view, million, mask) > view.stack.plot.width() * 0.9


@pytest.mark.parametrize("start", [0, 333_333.3, 17.8])
def test_columns_are_exact_in_the_middle_and_at_the_beginning(
    qtbot: QtBot, million: Columns, start: float
) -> None:
    view = chart(qtbot, million, size=(900, 500))
    view.set_volume(is_shown=False)
    view.show_bars(start, start + 12_345.6)
    mask = candle_pixels(view)
    assert check_columns(view, million, mask) > 700
    assert check_bins(view, million, mask) > 700


def test_the_extremes_of_the_screen_are_reached(qtbot: QtBot, million: Columns) -> None:
    view = chart(qtbot, million)
    view.fit_all()
    mask = candle_pixels(view)
    rows = np.flatnonzero(mask.any(axis=1))
    scale = view.stack.panes[0].scale
    assert rows[0] == int(scale.y(million.high_e4.max() / 1e4))
    assert rows[-1] == int(scale.y(million.low_e4.min() / 1e4))


def test_panning_moves_the_bins_and_does_not_change_them(qtbot: QtBot, million: Columns) -> None:
    view = chart(qtbot, million)
    view.set_volume(is_shown=False)
    view.show_bars(500_000, 560_000)
    view.stack.panes[0].scale.is_auto = False
    before = candle_pixels(view)
    view.stack.timeline.pan(-40)
    after = candle_pixels(view)
    assert np.array_equal(before[:, 40:800], after[:, :760])


def everything(view: ChartView) -> None:
    """Put all there is on a chart."""
    choices = [Choice(each) for each in ("ema", "vwap", "bollinger", "supertrend", "rsi", "macd")]
    view.set_indicators(choices)
    last = view.marks.last
    assert last is not None
    order = OrderMark(
        key="1", side=Side.BUY, quantity=75, price_e4=last.price_e4 - 50_000, text="Limit"
    )
    view.set_orders([order])
    held = PositionMark(quantity=-75, average_e4=last.price_e4 + 30_000, profit_paise=-1_250)
    view.set_positions([held])
    view.set_countdown(59_000_000_000)


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("bars", [60, 400, 3_000, 19_000])
def test_a_live_strip_is_the_same_picture_as_drawing_everything(
    qtbot: QtBot, style: Style, bars: int
) -> None:
    whole = columns(20_000)
    view = chart(qtbot, part(whole, 0, 19_999), size=(800, 600))
    view.set_style(style)
    everything(view)
    view.show_bars(19_990 - bars, 20_008)
    painted(view)
    for pane in view.stack.panes:
        pane.scale.is_auto = False
    rng = np.random.default_rng(5)
    final = candle(whole, 19_999)
    high = low = close = final.open_e4
    for _ in range(6):
        close += int(rng.integers(-40, 41)) * 500
        high, low = max(high, close), min(low, close)
        view.apply(
            [Candle(final.opened_ns, final.open_e4, high, low, close, int(rng.integers(1, 9_999)))]
        )
        by_strips = painted(view)
        view.refresh()
        assert farthest(by_strips, painted(view)) <= ROUNDING


ROUNDING = 4
"""Of 255: lines are smoothed a little differently where they are cut at a strip's edge."""


def farthest(one: np.ndarray, other: np.ndarray) -> int:
    """Give by how much two pictures differ at most, in any colour of any pixel."""
    parts = [picture.view(np.uint8).astype(int) for picture in (one, other)]
    return int(np.abs(parts[0] - parts[1]).max())


def test_a_new_high_beyond_the_scale_fits_it_anew(qtbot: QtBot) -> None:
    whole = columns(500)
    view = chart(qtbot, whole)
    painted(view)
    last = candle(whole, 499)
    high_e4 = last.high_e4 + 2_000_000
    view.update_last(Candle(last.opened_ns, last.open_e4, high_e4, last.low_e4, high_e4, 1))
    shown = painted(view)
    assert view.stack.panes[0].scale.high > high_e4 / 1e4
    view.refresh()
    assert np.array_equal(shown, painted(view))


@pytest.mark.parametrize("style", list(Style))
def test_a_tick_repaints_little(qtbot: QtBot, style: Style) -> None:
    whole = columns(2_000)
    view = chart(qtbot, whole, size=(1400, 700))
    view.set_style(style)
    last = candle(whole, 1_999)
    settle()
    spy = Painted(view)
    middle_e4 = (last.high_e4 + last.low_e4) // 2
    view.update_last(
        Candle(last.opened_ns, last.open_e4, last.high_e4, last.low_e4, middle_e4, last.volume)
    )
    settle()
    assert 0 < spy.area < 1400 * 700 * 0.03


def test_moving_the_mouse_repaints_little_and_leaves_nothing_behind(qtbot: QtBot) -> None:
    view = chart(qtbot, columns(2_000), size=(1400, 700))
    everything(view)
    clean = painted(view)
    spy = Painted(view)
    for step in range(20):
        view.point(200 + 37 * step, 100 + 23 * step)
        settle()
    assert spy.area / 20 < 1400 * 700 * 0.12
    view.leave()
    assert np.array_equal(clean, painted(view))


def test_the_same_data_gives_the_same_picture(qtbot: QtBot) -> None:
    pictures = []
    for _ in range(2):
        view = chart(qtbot, columns(3_000), theme="light")
        everything(view)
        pictures.append(painted(view))
    assert np.array_equal(pictures[0], pictures[1])


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("size", [(60, 40), (200, 90), (320, 200), (2_000, 1_100)])
def test_any_size_and_scale_can_be_painted(qtbot: QtBot, mode: Mode, size: tuple[int, int]) -> None:
    view = chart(qtbot, columns(900), size=size)
    everything(view)
    view.set_mode(mode)
    view.point(30, 20)
    assert painted(view).shape == (size[1], size[0])


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("style", list(Style))
def test_few_bars_can_be_painted(qtbot: QtBot, count: int, style: Style) -> None:
    whole = columns(3)
    view = chart(qtbot, part(whole, 0, count))
    view.set_style(style)
    view.set_indicators([Choice("ema"), Choice("macd"), Choice("supertrend")])
    painted(view)
    view.append(candle(whole, count))
    painted(view)
    assert len(view.content.series) == count + 1


def test_a_flat_price_is_drawn_in_the_middle(qtbot: QtBot) -> None:
    flat = columns(50)
    for each in flat[1:5]:
        each[:] = 1_000_000
    view = chart(qtbot, flat)
    view.set_volume(is_shown=False)
    rows = np.flatnonzero(candle_pixels(view).any(axis=1))
    assert len(rows) == 1
    assert abs(rows[0] - view.stack.plot.height() / 2) < 20
