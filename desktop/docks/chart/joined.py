"""Keeps a chart in step with a growing series: the least that has to be drawn anew."""

import numpy as np

from desktop.chart.content import Facts
from desktop.chart.series import Columns, Series
from desktop.chart.view import ChartView
from desktop.trading.candles import CandleSeries, Change

_MOST_SINGLY = 32
"""More new bars than this are put in at once, with everything computed anew."""


def columns_of(bars: CandleSeries, stop: int | None = None) -> Columns:
    """Give a series' rows up to `stop` as a chart takes them."""
    rows = slice(None, stop)
    return Columns(
        bars.opened_ns[rows],
        bars.open_e4[rows],
        bars.high_e4[rows],
        bars.low_e4[rows],
        bars.close_e4[rows],
        bars.volume[rows],
    )


class Joined:
    """One series shown in one chart. `note` what changed, `show` it once a frame."""

    def __init__(self, bars: CandleSeries, chart: ChartView, facts: Facts) -> None:
        self._bars = bars
        self._chart = chart
        self._facts = facts
        self._is_loaded = False
        self._is_replaced = False
        self._is_due = True

    def note(self, change: Change) -> None:
        self._is_due = True
        self._is_replaced |= change is Change.REPLACED

    def show(self) -> None:
        """Bring the chart up to date."""
        if not self._is_due:
            return
        self._is_due = False
        is_replaced, self._is_replaced = self._is_replaced, False
        bars, shown = self._bars, self._chart.content.series
        if not self._is_loaded:
            if len(bars):
                self._is_loaded = True
                self._chart.set_series(columns_of(bars), self._facts)
        elif is_replaced or not len(bars) or not self._extend(shown):
            self._chart.replace(columns_of(bars))
        self._chart.set_has_older(has_older=bars.has_older and len(bars) > 0)

    def _extend(self, shown: Series) -> bool:
        """Add what is new at either end; tells whether the rest is what the chart shows."""
        bars = self._bars
        opened_ns = bars.opened_ns
        first_ns, last_ns = shown.opened(shown.first), shown.opened(shown.last)
        first, last = (int(row) for row in np.searchsorted(opened_ns, [first_ns, last_ns]))
        if last >= len(opened_ns) or opened_ns[last] != last_ns or last - first != len(shown) - 1:
            return False
        if first and not self._is_same_first(shown, first):
            return False
        if len(opened_ns) - last > _MOST_SINGLY:
            return False
        if first:
            self._chart.prepend(columns_of(bars, first))
        self._chart.apply([bars.candle(row) for row in range(last, len(opened_ns))])
        return True

    def _is_same_first(self, shown: Series, row: int) -> bool:
        """Tell whether older bars left the oldest one as it was: a week may have grown."""
        bar = self._bars.candle(row)
        prices = (bar.open_e4, bar.high_e4, bar.low_e4, bar.close_e4)
        kept = [round(price * 10_000) for price in shown.row(shown.first)[:4]]
        return list(prices) == kept
