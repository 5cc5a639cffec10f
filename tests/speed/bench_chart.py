"""A chart of a million candles with axes: our chart, as its dock uses it, against finplot."""

import gc

import numpy as np
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from brokers.model.market import Candle, Interval
from desktop.chart.content import Facts
from desktop.chart.look import ChartColors
from desktop.chart.series import Columns
from desktop.chart.view import ChartView
from desktop.ui.theme import Theme
from tests.speed.measure import (
    MS,
    NothingHappenedError,
    Paints,
    drain,
    median,
    now,
    percentile,
    qt,
    tell,
)
from tests.speed.peers import finplot_chart

BARS = 1_000_000
_SIZE = (1400, 700)
_ROUNDS = 60
_PAN = 2_000
_STEP_S = 60
_START_S = 1_600_000_000


def walk(count: int) -> tuple[np.ndarray, ...]:
    """Make a walk of minutes: opening times in seconds, then open, high, low, close, volume."""
    rng = np.random.default_rng(1)
    close = 22_000 + np.cumsum(rng.normal(0, 2.0, count))
    # The walk may come near zero over a million steps; a price does not.
    close += max(0.0, 1_000 - float(close.min()))
    opened = np.r_[close[0], close[:-1]]
    high = np.maximum(opened, close) + rng.exponential(1.5, count)
    low = np.minimum(opened, close) - rng.exponential(1.5, count)
    seconds = _START_S + _STEP_S * np.arange(count, dtype=np.int64)
    return seconds, opened, high, low, close, rng.integers(100, 100_000, count)


class Ours:
    """The chart as the dock sets it up: candles, volume below, axes, read-out."""

    def __init__(self, data: tuple[np.ndarray, ...]) -> None:
        seconds, *prices, volume = data
        in_e4 = [np.round(each * 10_000).astype(np.int64) for each in prices]
        self.last = [int(each[-1]) for each in in_e4]
        self.opened_ns = seconds * 1_000_000_000
        self.widget = QWidget()
        box = QVBoxLayout(self.widget)
        box.setContentsMargins(0, 0, 0, 0)
        theme = Theme.current()
        self.view = ChartView(ChartColors.of(theme), self.widget)
        self.view.setFont(theme.font("small"))
        box.addWidget(self.view)
        self.port = self.view.viewport()
        facts = Facts(title="NSE:NIFTY50-INDEX", interval=Interval.M1, tick_e4=500)
        self.view.set_series(Columns(self.opened_ns, *in_e4, volume), facts)

    def show_bars(self, first: int, last: int) -> None:
        self.view.show_bars(first, last)

    def live(self, o: float, h: float, low: float, c: float) -> None:
        prices = (round(each * 10_000) for each in (o, h, low, c))
        self.view.apply([Candle(int(self.opened_ns[-1]), *prices, 1_000)])

    def check(self) -> None:
        """Two windows far apart must not look alike."""
        self.view.show_bars(1_000, 1_200)
        one = self.view.grab().toImage()
        self.view.show_bars(900_000, 900_200)
        if self.view.grab().toImage() == one:
            raise NothingHappenedError("the chart shows nothing")


class Bench:
    def __init__(self) -> None:
        self.data = walk(BARS)
        warm = QWidget()  # the first fonts and styles are nobody's
        warm.show()
        QApplication.processEvents()
        seconds, o, h, low, c, _ = self.data
        self.sides = (Ours(self.data), finplot_chart.Chart(seconds, o, h, low, c))
        self.paints = {}
        for each in self.sides:
            each.widget.resize(*_SIZE)
            each.widget.show()
            self.paints[each] = Paints(each.port)
        warm.close()
        for _ in range(20):
            QApplication.processEvents()
        gc.collect()
        gc.freeze()

    def compare(self, turns: int, act: object) -> tuple[list[float], list[float]]:
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(turns):
            for side, kept in zip(self.sides, times, strict=True):
                paints = self.paints[side]
                before = paints.count
                gc.collect()  # what one side leaves behind is not the other's to clear away
                gc.disable()
                began = now()
                act(side, turn)
                drain(paints, before)
                took = now() - began
                gc.enable()
                if turn:
                    kept.append(took)
        return times

    def run(self) -> None:
        self.sides[0].check()

        def pan(side, turn):
            first = (BARS - _PAN) * 2 // 3 + turn * (_PAN // 50)
            side.show_bars(first, first + _PAN)

        def whole(side, turn):
            side.show_bars(turn % 5 * (BARS // 100), BARS - turn % 3 * (BARS // 100) - 1)

        def home(side, turn):
            side.show_bars(BARS - 191 + turn, BARS - 1)

        def live(side, turn):
            _, o, h, low, c, _ = (column[-1] for column in self.data)
            moved = float(c) + (turn % 7 - 3) * 0.5
            side.live(float(o), max(float(h), moved), min(float(low), moved), moved)

        figures = (
            (f"pan {_PAN:,} of {BARS:,} bars", pan, 6.0, None),
            (f"all of {BARS:,} bars", whole, 5.0, None),
        )
        for name, act, goal, limit in figures:
            ours, theirs = self.compare(_ROUNDS, act)
            _tell(name, ours, theirs, goal, limit)
            if act is pan:
                p95 = percentile(ours, 95) * MS
                tell("  of these panning frames the p95 (at most 5)", "ms", p95, limit=5.0)
        self.compare(2, home)
        ours, theirs = self.compare(_ROUNDS, live)
        _tell(f"live candle, {BARS:,} bars (at most 1)", ours, theirs, 20.0, 1.0)


def _tell(
    name: str, ours: list[float], theirs: list[float], goal: float, limit: float | None
) -> None:
    tell(
        name,
        "ms",
        median(ours) * MS,
        peer="finplot",
        theirs=median(theirs) * MS,
        goal=goal,
        limit=limit,
    )


def main() -> None:
    Theme.current().dress(qt())
    Bench().run()


if __name__ == "__main__":
    main()
