"""finplot, the quickest of the Python candle charts: zoom as its own mouse wheel does it."""

import finplot
import pandas as pd


class Chart:
    def __init__(self, opened_s, o, h, low, c):
        finplot.autoviewrestore = lambda *_, **__: None
        index = pd.to_datetime(opened_s, unit="s")
        self.frame = pd.DataFrame({"open": o, "close": c, "high": h, "low": low}, index=index)
        self.axes = finplot.create_plot("x", init_zoom_periods=200, maximize=False)
        self.item = finplot.candlestick_ochl(self.frame, ax=self.axes)
        finplot.show(qt_exec=False)
        self.widget = self.axes.vb.win
        view = self.widget
        self.port = view.ci.getViewWidget().viewport() if hasattr(view, "ci") else view.viewport()

    def show_bars(self, first, last):
        self.axes.vb.update_y_zoom(first, last)

    def live(self, o, h, low, c):
        """Change the last candle as its documentation does: the whole frame again."""
        self.frame.iloc[-1] = (o, c, h, low)
        self.item.update_data(self.frame)
