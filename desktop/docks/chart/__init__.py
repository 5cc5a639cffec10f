"""The chart: candles, indicators, and our own orders and positions on the price."""

from desktop.docks.base import DockSpec

SPEC = DockSpec(
    id="chart",
    title="Chart",
    icon="chart",
    area="centre",
    factory="desktop.docks.chart.dock:ChartDock",
    can_repeat=True,
    key="Alt+2",
    is_heavy=True,
)
