"""The day's orders and trades, with what can be done about them."""

from desktop.docks.base import DockSpec

SPEC = DockSpec(
    id="orders",
    title="Orders",
    icon="orders",
    area="bottom",
    factory="desktop.docks.orders.dock:OrdersDock",
    key="Alt+5",
)
