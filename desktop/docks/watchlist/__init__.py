"""Lists of instruments and their newest prices."""

from desktop.docks.base import DockSpec

SPEC = DockSpec(
    id="watchlist",
    title="Watchlist",
    icon="watchlist",
    area="left",
    factory="desktop.docks.watchlist.dock:WatchlistDock",
    key="Alt+1",
)
