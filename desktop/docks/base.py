"""All a dock owes the desk, and all it gets from it."""

from collections.abc import Callable, Coroutine, Mapping
from typing import ClassVar, Protocol

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from brokers.model.instrument import InstrumentId
from brokers.model.order import Side
from desktop.commands import Command, Commands
from desktop.settings import Settings
from desktop.trading.desk import Desk
from desktop.trading.hub import Frame
from desktop.ui.link_button import LinkButton
from desktop.ui.toast import Toasts

LINKS = ("", "blue", "orange", "green", "violet", "red")
"""Link groups by colour name; the empty one follows nothing."""


class DockSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A dock as the registry finds it.

    `factory` is `module:Class`, imported when the dock is first opened. `area` is where it opens
    when no workspace says otherwise: left, right, bottom or centre.
    """

    id: str
    title: str
    icon: str
    area: str
    factory: str
    can_repeat: bool = False
    """Whether several may be open (charts); each then has a number of its own."""
    key: str = ""
    is_heavy: bool = False
    """Whether its code takes long to import: a new window shows the other docks first."""


class TicketRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the ticket should show; None leaves what is there. `order_key` asks to modify."""

    instrument: InstrumentId
    side: Side | None = None
    price_e4: int | None = None
    quantity: int | None = None
    order_key: str | None = None


class LinkGroups(QObject):
    """The instrument each colour shows: select it in one dock, and its linked docks follow."""

    selected = Signal(str, str)
    """(group, instrument id)"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._current: dict[str, InstrumentId] = {}

    def select(self, group: str, instrument: InstrumentId) -> None:
        if not group or self._current.get(group) == instrument:
            return
        self._current[group] = instrument
        self.selected.emit(group, instrument)

    def current(self, group: str) -> InstrumentId | None:
        return self._current.get(group)

    def save(self) -> dict[str, str]:
        return dict(self._current)


class Requests(QObject):
    """What one dock asks of another without knowing it."""

    ticket = Signal(object)
    """A TicketRequest: show the ticket filled with it, and give it the keyboard."""
    opened = Signal(str, str)
    """(dock id, instrument id): open such a dock on this instrument."""


class Start(Protocol):
    """`loop.Tasks.start`: the only way to start a coroutine."""

    def __call__(self, work: Coroutine[object, object, None], *, owner: str) -> object: ...


class DockContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a dock may use, and nothing global."""

    settings: Settings
    commands: Commands
    links: LinkGroups
    requests: Requests
    toasts: Toasts
    start: Start
    cancel: Callable[[str], None]
    """Cancel what an owner started."""
    request_frame: Callable[[], None]
    """Ask for an `apply` soon, for changes that did not come through the hub."""


class Dock(QWidget):
    """A dockable window.

    The shell calls: `bind` once after construction and at each change of account, `show_instrument`
    when the link group selects one, `apply` at most once a frame and only while visible,
    `catch_up` when it comes to the front again, `save_state`/`restore_state` for workspaces,
    `release` before it goes.
    """

    SPEC: ClassVar[DockSpec]
    link_changed = Signal(str)
    title_changed = Signal(str)

    def __init__(self, context: DockContext, name: str, parent: QWidget | None = None) -> None:
        """Make it empty; `name` is unique among open docks (`chart#2`), the owner of its tasks."""
        super().__init__(parent)
        self.context = context
        self.name = name
        self.desk: Desk | None = None
        self._link = LINKS[1]
        self.setAccessibleName(name.partition("#")[0].capitalize())

    @property
    def link(self) -> str:
        """The link group; setting it follows that group's instrument at once."""
        return self._link

    @link.setter
    def link(self, group: str) -> None:
        assert group in LINKS, group
        self._link = group
        self.link_changed.emit(group)
        current = self.context.links.current(group)
        if current is not None:
            self.show_instrument(current)

    def link_dot(self) -> LinkButton:
        """Make the dot that shows this dock's link group and changes it."""
        dot = LinkButton(LINKS, self)
        dot.chosen.connect(self._choose_link)
        self.link_changed.connect(dot.show_group)
        dot.show_group(self._link)
        return dot

    def _choose_link(self, group: str) -> None:
        self.link = group

    def bind(self, desk: Desk | None) -> None:
        """Show this account's world from now on; None: no account is open."""
        self.desk = desk

    def show_instrument(self, instrument: InstrumentId) -> None:
        """Follow the link group; docks without an instrument ignore it."""

    def apply(self, frame: Frame) -> None:
        """Show what changed since the last call."""

    def catch_up(self) -> None:
        """Show everything anew: the dock was hidden and got no frames meanwhile."""

    def keyboard_home(self) -> QWidget:
        """Give the part that has the keyboard when the dock is chosen by its key."""
        return self

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        # Not a focus proxy: that would take what stands before it out of the Tab order.
        home = self.keyboard_home()
        if home is not self and home.isVisible():
            home.setFocus(event.reason())

    def commands(self) -> tuple[Command, ...]:
        """Commands of this dock while it is open."""
        return ()

    def save_state(self) -> dict[str, object]:
        """Give what the workspace should keep, JSON values only."""
        return {}

    def restore_state(self, state: Mapping[str, object]) -> None:
        """Take back what `save_state` gave, perhaps from an older version: ignore what is odd."""

    def release(self) -> None:
        """Let go of watches and tasks; called once, before the widget is deleted."""
        self.context.cancel(self.name)
        self.bind(None)
