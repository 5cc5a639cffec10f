"""Positions, holdings and funds, with the profit of the moment."""

from desktop.docks.base import DockSpec

SPEC = DockSpec(
    id="portfolio",
    title="Portfolio",
    icon="portfolio",
    area="bottom",
    factory="desktop.docks.portfolio.dock:PortfolioDock",
    key="Alt+6",
)
