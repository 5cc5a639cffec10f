"""The order ticket: one order, composed by mouse or keyboard, sent once."""

from desktop.docks.base import DockSpec

SPEC = DockSpec(
    id="ticket",
    title="Order ticket",
    icon="ticket",
    area="right",
    factory="desktop.docks.ticket.dock:TicketDock",
    key="Alt+4",
)
