"""Indicators as data: their parameters, what they draw, and how their columns are filled.

TA-Lib gives the numbers traders know. It is imported when the first indicator needs it. Every
`fill` writes the rows from a given row on and reads at most a bounded tail before it, so a tick
costs the same on a day of bars and on ten years of them. The tail is long enough that what it
forgets is below the last digit of a float64 (tested against a full recompute).
"""

import enum
import functools
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np

from desktop.chart.pyramid import Floats
from desktop.chart.series import Series
from desktop.chart.ticks import IST_S

Values = Mapping[str, float]
Fill = Callable[[Series, "Outputs", Values, int], None]
Outputs = Sequence[Floats]
_DAY_NS: Final = 86_400 * 1_000_000_000
_IST_NS: Final = IST_S * 1_000_000_000


@functools.cache
def _talib() -> ModuleType:
    return importlib.import_module("talib")


class Draw(enum.Enum):
    """How an output is drawn. HIDDEN columns carry state from bar to bar."""

    LINE = "line"
    HISTOGRAM = "histogram"
    TREND = "trend"
    """A line whose colour is that of the trend: see `Indicator.parts`."""
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Param:
    """One number of an indicator, with its range; whole unless `step` has a fraction."""

    key: str
    label: str
    default: float
    low: float
    high: float
    step: float = 1.0

    def problem(self, value: float) -> str | None:
        """Say what is wrong with a value; None when it is good."""
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return f"{self.label}: expected {self.low:g} to {self.high:g}, was {value:g}"
        if self.step == int(self.step) and value != int(value):
            return f"{self.label}: expected a whole number, was {value:g}"
        return None


@dataclass(frozen=True, slots=True)
class Output:
    """One column: its name in the read-out, how it is drawn, and its colour's place in the list."""

    label: str
    draw: Draw = Draw.LINE
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator as the menu and the panes see it."""

    id: str
    name: str
    title: str
    params: tuple[Param, ...]
    outputs: tuple[Output, ...]
    fill: Fill
    has_own_pane: bool = False
    levels: tuple[float, ...] = ()
    """Fixed guide lines of its pane, such as 30 and 70."""
    limits: tuple[float, float] | None = None
    """The pane's fixed range, such as 0 to 100."""
    parts: int | None = None
    """The output that is the same along one stretch of a line: +1 and −1 for a trend's ways, a
    number for each session. Lines break where it changes."""
    is_intraday: bool = False
    """Whether it says nothing on daily and longer bars."""

    def defaults(self) -> dict[str, float]:
        return {param.key: param.default for param in self.params}

    def problem(self, values: Values) -> str | None:
        """Say what is wrong with parameter values; None when all are good."""
        for param in self.params:
            if param.key not in values:
                return f"{param.label}: expected a value, was none"
            wrong = param.problem(values[param.key])
            if wrong is not None:
                return wrong
        return None


def _forgetting(period: float) -> int:
    """Give how many rows an average of weight 2 / (period + 1) needs to forget its start.

    (1 − 2/(p+1))^n falls below 10^-18 at n = 20.7 (p + 1); the rest is for its first value.
    """
    return int(24 * (period + 1)) + 64


def _tail(out: Outputs, row: int, start: int, results: Sequence[Floats]) -> None:
    for column, result in zip(out, results, strict=False):
        column[row:] = result[row - start :]


_BLOCK: Final = 2048


def _windows(
    values: Floats, row: int, period: int, one: Callable[[Floats], Sequence[Floats]]
) -> list[Floats]:
    """Run a moving-window function in blocks, on differences from each block's first value.

    TA-Lib keeps a running sum over the whole column, whose rounding grows with its length and
    with the square of the price; small numbers over short blocks keep it below 10^-9.
    """
    parts: list[Sequence[Floats]] = []
    for begin in range(row, len(values), _BLOCK):
        start = max(0, begin - period + 1)
        part = values[start : begin + _BLOCK]
        parts.append([each[begin - start :] for each in one(part)])
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def _sma(series: Series, out: Outputs, values: Values, row: int) -> None:
    period = int(values["period"])

    def one(part: Floats) -> Sequence[Floats]:
        return [part[0] + _talib().SMA(part - part[0], timeperiod=period)]

    out[0][row:] = _windows(series.close, row, period, one)[0]


def _bollinger(series: Series, out: Outputs, values: Values, row: int) -> None:
    period, width = int(values["period"]), values["width"]

    def one(part: Floats) -> Sequence[Floats]:
        bands = _talib().BBANDS(part - part[0], timeperiod=period, nbdevup=width, nbdevdn=width)
        return [part[0] + band for band in bands]

    for column, result in zip(out, _windows(series.close, row, period, one), strict=True):
        column[row:] = result


def _ema(series: Series, out: Outputs, values: Values, row: int) -> None:
    period = int(values["period"])
    start = max(0, row - _forgetting(period))
    _tail(out, row, start, [_talib().EMA(series.close[start:], timeperiod=period)])


def _rsi(series: Series, out: Outputs, values: Values, row: int) -> None:
    """Fill RSI and its average gain and loss, which are carried: a ratio never forgets its start.

    Wilder's average is what TA-Lib's ATR does to bars from zero to the gain. A price that never
    moved has no RSI.
    """
    line, gain, loss = out
    period = int(values["period"])
    begin = row if row > period else 0
    moves = np.diff(series.close[max(0, begin - 1) :], prepend=series.close[max(0, begin - 1)])
    for average, move in ((gain, np.maximum(moves, 0.0)), (loss, np.maximum(-moves, 0.0))):
        if begin:
            before = average[begin - 1]
            for at, value in enumerate(move[1:].tolist(), begin):
                before = (before * (period - 1) + value) / period
                average[at] = before
        else:
            zero = np.zeros_like(move)
            average[:] = _talib().ATR(move, zero, zero, timeperiod=period)
    both = gain[row:] + loss[row:]
    line[row:] = np.nan
    np.divide(100 * gain[row:], both, out=line[row:], where=both > 0)


def _atr(series: Series, out: Outputs, values: Values, row: int) -> None:
    period = int(values["period"])
    start = max(0, row - _forgetting(2 * period))
    columns = (series.high[start:], series.low[start:], series.close[start:])
    _tail(out, row, start, [_talib().ATR(*columns, timeperiod=period)])


def _macd(series: Series, out: Outputs, values: Values, row: int) -> None:
    fast, slow, signal = (int(values[key]) for key in ("fast", "slow", "signal"))
    start = max(0, row - _forgetting(max(fast, slow)) - _forgetting(signal))
    lines = _talib().MACD(
        series.close[start:], fastperiod=fast, slowperiod=slow, signalperiod=signal
    )
    _tail(out, row, start, lines)


def _vwap(series: Series, out: Outputs, values: Values, row: int) -> None:  # noqa: ARG001  all fills have one shape; this one has no parameters
    """Average price by volume since the session's start; NaN until something traded."""
    day = (int(series.opened_ns[row]) + _IST_NS) // _DAY_NS
    begin = int(np.searchsorted(series.opened_ns, day * _DAY_NS - _IST_NS))
    days = (series.opened_ns[begin:] + _IST_NS) // _DAY_NS
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    price = (series.high[begin:] + series.low[begin:] + series.close[begin:]) / 3
    volume = series.volume[begin:]
    average = np.full(len(days), np.nan)
    for start, stop in zip(starts, np.append(starts[1:], len(days)), strict=True):
        traded = np.cumsum(volume[start:stop])
        value = np.cumsum(price[start:stop] * volume[start:stop])
        np.divide(value, traded, out=average[start:stop], where=traded > 0)
    out[0][row:] = average[row - begin :]
    out[1][row:] = days[row - begin :]


def _supertrend(series: Series, out: Outputs, values: Values, row: int) -> None:
    """Fill line, direction, both carried bands and the ATR; each bar needs only the one before."""
    line, direction, upper, lower, atr = out
    period, width = int(values["period"]), values["width"]
    _atr(series, [atr], {"period": period}, row)
    middle = (series.high[row:] + series.low[row:]) / 2
    band = width * atr[row:]
    close = series.close
    has = row > 0 and math.isfinite(upper[row - 1])
    up, down = (upper[row - 1], lower[row - 1]) if has else (math.nan, math.nan)
    way = direction[row - 1] if has else 1.0
    before = close[row - 1] if row else math.nan
    ups, downs, ways = [], [], []
    for high, low, now in zip(
        (middle + band).tolist(), (middle - band).tolist(), close[row:].tolist(), strict=True
    ):
        if high == high:  # noqa: PLR0124  not NaN: the ATR exists from here on
            up = high if not (high >= up and before <= up) else up
            down = low if not (low <= down and before >= down) else down
            way = 1.0 if now > up else -1.0 if now < down else way
        ups.append(up)
        downs.append(down)
        ways.append(way)
        before = now
    upper[row:], lower[row:], direction[row:] = ups, downs, ways
    line[row:] = np.where(direction[row:] > 0, lower[row:], upper[row:])


def _period(default: int, low: int = 2, high: int = 500) -> Param:
    return Param("period", "Period", default, low, high)


_ALL: Final = (
    Indicator("ema", "EMA", "Exponential average", (_period(20),), (Output("EMA"),), _ema),
    Indicator("sma", "SMA", "Simple average", (_period(50),), (Output("SMA"),), _sma),
    Indicator(
        "vwap",
        "VWAP",
        "Session VWAP",
        (),
        (Output("VWAP"), Output("day", Draw.HIDDEN)),
        _vwap,
        parts=1,
        is_intraday=True,
    ),
    Indicator(
        "bollinger",
        "BB",
        "Bollinger bands",
        (_period(20), Param("width", "Deviations", 2.0, 0.5, 5.0, 0.1)),
        (Output("upper"), Output("middle", colour=1), Output("lower")),
        _bollinger,
    ),
    Indicator(
        "supertrend",
        "SuperTrend",
        "SuperTrend",
        (_period(10), Param("width", "Multiplier", 3.0, 0.5, 10.0, 0.1)),
        (
            Output("SuperTrend", Draw.TREND),
            *(Output(name, Draw.HIDDEN) for name in ("way", "upper", "lower", "atr")),
        ),
        _supertrend,
        parts=1,
    ),
    Indicator(
        "rsi",
        "RSI",
        "Relative strength index",
        (_period(14),),
        (Output("RSI"), Output("gain", Draw.HIDDEN), Output("loss", Draw.HIDDEN)),
        _rsi,
        has_own_pane=True,
        levels=(30.0, 70.0),
        limits=(0.0, 100.0),
    ),
    Indicator(
        "macd",
        "MACD",
        "MACD",
        (
            Param("fast", "Fast", 12, 2, 200),
            Param("slow", "Slow", 26, 2, 400),
            Param("signal", "Signal", 9, 2, 100),
        ),
        (
            Output("MACD"),
            Output("signal", colour=1),
            Output("histogram", Draw.HISTOGRAM),
        ),
        _macd,
        has_own_pane=True,
        levels=(0.0,),
    ),
    Indicator(
        "atr",
        "ATR",
        "Average true range",
        (_period(14),),
        (Output("ATR"),),
        _atr,
        has_own_pane=True,
    ),
)
INDICATORS: Final[Mapping[str, Indicator]] = {each.id: each for each in _ALL}
"""Every indicator by id, in the order of the menu."""


def heikin_ashi(columns: tuple[Floats, ...], row: int, before: tuple[float, float] | None) -> None:
    """Turn the rows from `row` on of open, high, low, close into Heikin-Ashi, in place.

    Args:
        columns: open, high, low, close; rows before `row` are not touched.
        row: the first row to turn.
        before: Heikin-Ashi open and close of the row before; None at the first row.
    """
    o, h, low, c = (column[row:] for column in columns[:4])
    close = (o + h + low + c) / 4
    opened = _halving_average(o, c, close, before)
    np.maximum(h, np.maximum(opened, close), out=h)
    np.minimum(low, np.minimum(opened, close), out=low)
    o[:], c[:] = opened, close


def _halving_average(
    o: Floats, c: Floats, close: Floats, before: tuple[float, float] | None
) -> Floats:
    """Give each open: the mean of open and close of the bar before; weights below 2^-60 go."""
    first = (o[0] + c[0]) / 2 if before is None else (before[0] + before[1]) / 2
    if len(close) == 1:
        return np.array([first])
    kernel = 0.5 ** np.arange(1, 61)
    driven = np.convolve(close[:-1], kernel)[: len(close) - 1]
    decay = 0.5 ** np.minimum(np.arange(1, len(close)), 1000)
    return np.concatenate([[first], driven + first * decay])
