"""Where labels go and what they say; prices to pixels; which bars are on the screen."""

import datetime as dt
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.chart.scale import Mode, PriceScale
from desktop.chart.ticks import (
    TimeTicks,
    bar_time_text,
    countdown_text,
    local,
    nice_step,
    value_ticks,
)
from desktop.chart.timeline import Timeline
from desktop.chart.visible import step_for
from tests.desktop.chart.bars import OPEN_NS, opened


def scale(low: float, high: float, mode: Mode = Mode.LINEAR, height: int = 400) -> PriceScale:
    made = PriceScale(mode)
    made.place(0, height)
    made.fit(low, high, above=0, below=0)
    return made


# -- prices


@pytest.mark.parametrize("mode", list(Mode))
@given(low=st.floats(0.05, 90_000), ratio=st.floats(1.0001, 50))
def test_a_pixel_and_its_price_belong_together(mode: Mode, low: float, ratio: float) -> None:
    made = scale(low, low * ratio, mode)
    for y in (0.0, 123.0, 400.0):
        assert made.y(made.value(y)) == pytest.approx(y, abs=1e-3)
    values = np.array([low, low * ratio])
    assert made.ys(values) == pytest.approx([made.y(low), made.y(low * ratio)], abs=1e-6)


def test_a_logarithmic_scale_gives_equal_ratios_equal_heights() -> None:
    made = scale(100, 400, Mode.LOG)
    assert made.y(200) == pytest.approx(200)
    assert scale(-5, 400, Mode.LOG).is_log is False


@given(low=st.floats(0.05, 90_000), ratio=st.floats(1.0005, 30))
@pytest.mark.parametrize("mode", list(Mode))
def test_labels_are_apart_and_on_the_axis(mode: Mode, low: float, ratio: float) -> None:
    made = scale(low, low * ratio, mode)
    made.base = low
    ys = [made.y(value) for value in value_ticks(made, 0.05, 38)]
    assert all(above - below <= -34 for below, above in itertools.pairwise(ys))
    assert all(-1e-6 <= y <= 400 + 1e-6 for y in ys)


@given(st.floats(0.0001, 1e6), st.sampled_from([0.0025, 0.01, 0.05, 1.0, 5.0]))
def test_a_step_is_nice_and_a_multiple_of_the_tick(least: float, tick: float) -> None:
    step = nice_step(least, tick)
    assert step >= least * (1 - 1e-6)
    assert step / tick == pytest.approx(round(step / tick), abs=1e-4)


def test_prices_are_labelled_on_the_tick_as_traders_count() -> None:
    assert value_ticks(scale(100, 125), 0.05, 38) == pytest.approx(
        [100, 102.5, 105, 107.5, 110, 112.5, 115, 117.5, 120, 122.5, 125]
    )
    assert value_ticks(scale(100, 110), 0.05, 38) == pytest.approx(range(100, 111))
    labels = value_ticks(scale(100, 100.4), 0.05, 38)
    assert labels == pytest.approx([100 + 0.05 * n for n in range(len(labels))])


def test_percent_labels_are_round_percents() -> None:
    made = scale(1_000, 1_200, Mode.PERCENT)
    made.base = 1_100
    percents = [made.percent(value) for value in value_ticks(made, 0.05, 38)]
    assert percents == pytest.approx([-8, -6, -4, -2, 0, 2, 4, 6, 8])


# -- time


def labels(ticks: TimeTicks, span: tuple[int, int], bar_px: float) -> list[str]:
    return [tick.text for tick in ticks.find(span, bar_px, 68)]


def test_minutes_are_labelled_by_hours_and_days() -> None:
    ticks = TimeTicks(opened(375 * 5), 0)
    # 15:00 would stand too near the next day's.
    expected = ["2 Jan", "10:00", "11:00", "12:00", "13:00", "14:00"]
    assert labels(ticks, (375, 749), 2.0) == expected
    assert labels(ticks, (376, 476), 10.0)[:3] == ["09:30", "09:45", "10:00"]


def test_days_are_labelled_by_months_and_years() -> None:
    days = OPEN_NS - 33_300_000_000_000 + np.arange(1_500, dtype=np.int64) * 86_400_000_000_000
    ticks = TimeTicks(days, 0)
    expected = "Nov Dec 2027 Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
    assert " ".join(labels(ticks, (300, 700), 3.0)) == expected
    assert labels(ticks, (0, 1_499), 0.3) == ["2027", "2028", "2029", "2030"]


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(0, 90_000),
    bar_px=st.floats(0.001, 60),
    step_ns=st.sampled_from([5_000_000_000, 60_000_000_000]),
)
def test_time_labels_keep_their_distance_and_stay_while_panning(
    start: int, bar_px: float, step_ns: int
) -> None:
    times = opened(100_000, step_ns)
    span = (start, start + int(1_000 / bar_px))
    ticks = TimeTicks(times, 0)
    found = ticks.find(span, bar_px, 68)
    places = [tick.number * bar_px for tick in found]
    assert all(after - before >= 68 - 1e-6 for before, after in itertools.pairwise(places))
    moved = ticks.find((span[0] + 5, span[1] + 5), bar_px, 68)
    both = {tick for tick in found if span[0] + 5 <= tick.number <= span[1]}
    assert both <= set(moved)


def test_sessions_are_parted_at_their_first_bar() -> None:
    ticks = TimeTicks(opened(375 * 5), 0)
    assert ticks.days((100, 1_200), 20) == [375, 750, 1_125]
    assert ticks.days((0, 1_874), 2) == []


def test_times_are_indian() -> None:
    assert local(OPEN_NS) == dt.datetime(2026, 1, 1, 9, 15, tzinfo=dt.UTC)
    assert bar_time_text(OPEN_NS, is_intraday=True) == "Thu 1 Jan ’26 09:15"
    assert bar_time_text(OPEN_NS, is_intraday=False) == "Thu 1 Jan ’26"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00"), (59, "00:59"), (3_599, "59:59"), (3_661, "1:01:01"), (180_000, "2d 02h")],
)
def test_the_countdown_is_short(seconds: int, text: str) -> None:
    assert countdown_text(seconds * 1_000_000_000) == text


# -- bars


@given(st.floats(1e-5, 2.0))
def test_a_bin_is_two_pixels_wide_and_hardly_more(bar_px: float) -> None:
    width = step_for(bar_px) * bar_px
    assert 2 - 1e-6 <= width < 4.0
    if bar_px < 0.03:
        assert width < 2.32


@pytest.mark.parametrize("bar_px", [2.0, 3.7, 80.0])
def test_wide_bars_are_not_thinned(bar_px: float) -> None:
    assert step_for(bar_px) == 1


@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["pan", "zoom", "place"]), st.floats(-900, 900)), max_size=20
    ),
    bars=st.integers(1, 5_000),
)
def test_however_one_travels_some_bars_stay_on_the_screen(
    moves: list[tuple[str, float]], bars: int
) -> None:
    timeline = Timeline()
    timeline.place(800, 1.0)
    timeline.load(-bars // 2, -bars // 2 + bars - 1)
    for move, amount in moves:
        if move == "pan":
            timeline.pan(amount * 10)
        elif move == "zoom":
            timeline.zoom(1.01**amount, abs(amount) % 800)
        else:
            timeline.place(round(abs(amount)) + 50, 1.0)
        assert timeline.left < timeline.last + 0.5
        assert timeline.right > -bars // 2 - 0.5
        assert timeline.bar_px > 0


def test_a_window_on_another_screen_shows_the_same_bars() -> None:
    timeline = Timeline()
    timeline.place(800, 1.0)
    timeline.load(0, 999)
    left, right = timeline.left, timeline.right
    timeline.place(1_600, 2.0)
    assert (timeline.left, timeline.right) == pytest.approx((left, right))
