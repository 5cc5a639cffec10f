"""One instrument's order book, and everything else the exchange says of its day."""

from desktop.docks.base import DockSpec

SPEC = DockSpec(
    id="depth",
    title="Depth",
    icon="depth",
    area="right",
    factory="desktop.docks.depth.dock:DepthDock",
    key="Alt+3",
)
