"""The chart engine: candles by the million, indicators, and lines to trade from.

`view.ChartView` is the widget: data in, signals out. Below it, one job each: `content` holds the
bars and what is computed from them, `hand` turns mouse and keys into changes, `canvas` paints and
schedules. `pane.Stack` lays out plots on one `timeline`; drawings (`candles_item`, `study_item`)
draw what `visible` thinned from `series` and its `pyramid`. Bars are known by numbers that never
change; prices are floats here and integers again at every signal.
"""
