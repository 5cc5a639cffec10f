"""The open docks: makes them, hands them frames and accounts, and remembers them."""

import base64
import logging
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from brokers.model.instrument import InstrumentId
from desktop.commands import Command
from desktop.docks import registry
from desktop.docks.base import LINKS, Dock, DockContext, DockSpec
from desktop.shell.docking import Docking
from desktop.shell.workspace import SCHEMA, PanelState, Workspace
from desktop.trading.desk import Desk
from desktop.trading.hub import Frame
from desktop.ui import icons
from desktop.ui.parts import EmptyState
from desktop.ui.theme import Theme

_log = logging.getLogger(__name__)
_MOST_ACROSS: Final = 0.27
_MOST_DOWN: Final = 0.62
"""A panel's most of the window: large text on a small screen must leave the rest its room."""


class Panels(QObject):
    """Every open dock, by name (`depth`, `chart#2`)."""

    changed = Signal()
    """A dock was opened or closed."""

    def __init__(self, docking: Docking, context: DockContext) -> None:
        super().__init__(docking)
        self._docking = docking
        self._context = context
        self._docks: dict[str, Dock] = {}
        self._late: dict[str, PanelState] = {}
        """Docks whose panel is there and whose code is not imported yet."""
        self._desk: Desk | None = None
        self._behind: set[str] = set()
        docking.closed.connect(self._on_closed)
        docking.shown.connect(self._on_shown)
        context.links.selected.connect(self._on_selected)
        context.requests.opened.connect(self._on_open_request)

    @property
    def docks(self) -> dict[str, Dock]:
        return dict(self._docks)

    def open(self, dock_id: str) -> Dock:
        """Open a dock, or bring the open one to the front when it exists once only."""
        spec = registry.specs()[dock_id]
        self.open_late()
        if not spec.can_repeat and dock_id in self._docks:
            self._docking.show(dock_id)
            return self._docks[dock_id]
        beside = next((name for name in self._docks if name.partition("#")[0] == dock_id), "")
        state = PanelState(
            dock=dock_id,
            name=self._free_name(spec),
            area="tab" if beside else spec.area,
            beside=beside,
        )
        dock = self._make(state)
        self._docking.show(state.name)
        self.changed.emit()
        return dock

    def close(self, name: str) -> None:
        """Close a dock for good and free what it held."""
        dock = self._docks.pop(name, None)
        if dock is None:
            if self._late.pop(name, None) is not None:
                self._docking.remove(name)
            return
        self._context.commands.remove(*(command.id for command in dock.commands()))
        dock.release()
        self._docking.remove(name)
        self.changed.emit()

    def close_all(self) -> None:
        for name in (*self._docks, *self._late):
            self.close(name)

    def bind(self, desk: Desk | None) -> None:
        """Show another account in every dock."""
        self._desk = desk
        for dock in self._docks.values():
            dock.bind(desk)
        for dock in self._docks.values():
            current = self._context.links.current(dock.link)
            if desk is not None and current is not None:
                dock.show_instrument(current)

    def apply(self, frame: Frame) -> None:
        """Hand one frame to the docks that can be seen; a hidden dock costs nothing."""
        for name, dock in self._docks.items():
            if dock.isVisible():
                dock.apply(frame)
            else:
                self._behind.add(name)

    def save(self, name: str, geometry: bytes) -> Workspace:
        """Give the whole arrangement as it stands."""
        panels = tuple(
            PanelState(
                dock=each.partition("#")[0], name=each, link=dock.link, state=dock.save_state()
            )
            for each, dock in self._docks.items()
        )
        panels += tuple(self._late.values())
        return Workspace(
            schema=SCHEMA,
            name=name,
            panels=panels,
            links=self._context.links.save(),
            layout=base64.b64encode(self._docking.save()).decode(),
            geometry=base64.b64encode(geometry).decode(),
        )

    def restore(self, workspace: Workspace) -> None:
        """Replace the open docks with a workspace's; docks this version lacks are passed over.

        One that is heavy opens a turn of the event loop later, once the others were painted.
        """
        self.close_all()
        known = registry.specs()
        for panel in workspace.panels:
            spec = known.get(panel.dock)
            if spec is None:
                _log.warning("workspace %s: no dock %s", workspace.name, panel.dock)
            elif spec.is_heavy and not registry.is_imported(spec):
                self._late[panel.name] = panel
                self._add(panel, EmptyState(spec.icon, spec.title, "Opening …"))
            else:
                self._make(panel)
        if self._late:
            QTimer.singleShot(0, self.open_late)
        if workspace.layout:
            self._docking.restore(workspace.layout_bytes())
        for group, instrument in workspace.links.items():
            self._context.links.select(group, InstrumentId(instrument))
        self.changed.emit()

    def open_late(self) -> None:
        """Open now what a restored workspace kept back."""
        late, self._late = self._late, {}
        for panel in late.values():
            self._make(panel)
        if late:
            self.changed.emit()

    def share(self, workspace: Workspace) -> None:
        """Give panels placed by area their share of the window; after the window has its size."""
        for name, parts in workspace.shares.items():
            if name in self._docking.names:
                whole = self._docking.room(name)
                is_across = self._docking.stands_beside(name)
                most = round((_MOST_ACROSS if is_across else _MOST_DOWN) * whole)
                fixed = [
                    round(part * whole) if part <= 1 else min(_px(part), most) for part in parts
                ]
                left = max(0, whole - sum(fixed))
                self._docking.set_sizes(name, [each or left for each in fixed])

    def _make(self, panel: PanelState) -> Dock:
        spec = registry.specs()[panel.dock]
        dock = registry.make(spec, self._context, panel.name)
        self._docks[panel.name] = dock
        if panel.name in self._docking.names:
            self._docking.put(panel.name, dock)
        else:
            self._add(panel, dock)
        dock.title_changed.connect(lambda title: self._docking.set_title(panel.name, title))
        dock.bind(self._desk)
        if panel.state:
            dock.restore_state(panel.state)
        dock.link = panel.link if panel.link in LINKS else LINKS[1]
        self._context.commands.add(*dock.commands())
        return dock

    def _add(self, panel: PanelState, widget: QWidget) -> None:
        spec = registry.specs()[panel.dock]
        self._docking.add(
            panel.name,
            spec.title,
            widget,
            icon=icons.icon(spec.icon),
            area=panel.area,
            beside=panel.beside,
        )

    def _free_name(self, spec: DockSpec) -> str:
        if not spec.can_repeat:
            return spec.id
        number = 1
        while f"{spec.id}#{number}" in self._docks:
            number += 1
        return f"{spec.id}#{number}"

    def _on_closed(self, name: str) -> None:
        self.close(name)

    def _on_shown(self, name: str, is_on: bool) -> None:  # noqa: FBT001 - a Qt slot
        dock = self._docks.get(name)
        if dock is None:
            return
        if is_on and name in self._behind:
            self._behind.discard(name)
            dock.catch_up()

    def _on_selected(self, group: str, instrument: str) -> None:
        for dock in self._docks.values():
            if dock.link == group:
                dock.show_instrument(InstrumentId(instrument))

    def _on_open_request(self, dock_id: str, instrument: str) -> None:
        dock = self.open(dock_id)
        dock.show_instrument(InstrumentId(instrument))


def _px(pixels: float) -> int:
    return Theme.current().px(pixels)


def toggles(panels: Panels) -> tuple[Command, ...]:
    """Give the View menu's entries: one command a dock, from the registry."""

    def toggle(spec: DockSpec) -> Command:
        return Command(
            id=f"view.{spec.id}",
            title=f"New {spec.title.lower()}" if spec.can_repeat else spec.title,
            group="View",
            keys=(spec.key,) if spec.key else (),
            run=lambda: _open(panels, spec.id),
        )

    return tuple(toggle(spec) for spec in registry.specs().values())


def _open(panels: Panels, dock_id: str) -> None:
    panels.open(dock_id)
