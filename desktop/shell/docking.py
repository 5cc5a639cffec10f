"""The only importer of QtAds: panels that move, tab, float, close, and come back.

Everything above speaks of panels by name. Names are stable: they are the keys of a saved layout.
"""

from typing import Final

from PySide6.QtCore import QByteArray, QObject, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QAbstractButton, QMainWindow, QWidget
from PySide6QtAds import ads

AREAS: Final = {
    "left": ads.LeftDockWidgetArea,
    "right": ads.RightDockWidgetArea,
    "top": ads.TopDockWidgetArea,
    "bottom": ads.BottomDockWidgetArea,
    "center": ads.CenterDockWidgetArea,
}
STATE_VERSION: Final = 1
_Flag = ads.CDockManager.eConfigFlag


class Docking(QObject):
    """The panels of one main window."""

    closed = Signal(str)
    """A panel was closed by the trader; its widget still exists until `remove`."""
    shown = Signal(str, bool)
    """(name, is visible now): tabs that come to the front or go behind included."""
    focused = Signal(str)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        for flag, is_on in (
            (_Flag.OpaqueSplitterResize, True),
            (_Flag.FocusHighlighting, True),
            # With the system's own title bar a floating panel cannot be dropped back (seen on X11).
            (_Flag.FloatingContainerForceQWidgetTitleBar, True),
            (_Flag.AlwaysShowTabs, True),
            (_Flag.AllTabsHaveCloseButton, False),
            (_Flag.ActiveTabHasCloseButton, True),
            (_Flag.DockAreaHasCloseButton, False),
            (_Flag.DockAreaHasUndockButton, False),
            (_Flag.DockAreaHasTabsMenuButton, False),
            (_Flag.DisableTabTextEliding, True),
            (_Flag.MiddleMouseButtonClosesTab, True),
            (_Flag.EqualSplitOnInsertion, False),
            (_Flag.DisableStylesheet, True),
        ):
            ads.CDockManager.setConfigFlag(flag, is_on)
        self._manager = ads.CDockManager(window)
        self._panels: dict[str, ads.CDockWidget] = {}
        self._manager.focusedDockWidgetChanged.connect(self._on_focus)
        self._manager.floatingWidgetCreated.connect(_name_floating)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._panels)

    def add(
        self,
        name: str,
        title: str,
        widget: QWidget,
        *,
        icon: QIcon | None = None,
        area: str = "center",
        beside: str | None = None,
    ) -> None:
        """Put a widget into a panel beside another panel, or at an edge of the window.

        `area` may also be `tab`: on top of `beside`.
        """
        panel = ads.CDockWidget(self._manager, title)
        panel.setObjectName(name)
        panel.setWidget(widget, ads.CDockWidget.eInsertMode.ForceNoScrollArea)
        panel.setMinimumSizeHintMode(
            ads.CDockWidget.eMinimumSizeHintMode.MinimumSizeHintFromContent
        )
        if icon is not None:
            panel.setIcon(icon)
        self._panels[name] = panel
        neighbour = self._panels[beside].dockAreaWidget() if beside in self._panels else None
        if area == "tab" and neighbour is not None:
            self._manager.addDockWidgetTabToArea(panel, neighbour)
        else:
            place = AREAS.get(area, ads.RightDockWidgetArea)
            self._manager.addDockWidget(place, panel, neighbour)
        _name_parts(panel, title)
        panel.closed.connect(lambda: self.closed.emit(name))
        panel.visibilityChanged.connect(lambda is_on: self.shown.emit(name, is_on))

    def put(self, name: str, widget: QWidget) -> None:
        """Put another widget into a panel; the one that was there goes."""
        panel = self._panels[name]
        before = panel.takeWidget()
        panel.setWidget(widget, ads.CDockWidget.eInsertMode.ForceNoScrollArea)
        widget.show()
        if before is not None:
            before.deleteLater()

    def remove(self, name: str) -> None:
        """Take a panel away for good; its widget is deleted with it."""
        panel = self._panels.pop(name, None)
        if panel is not None:
            self._manager.removeDockWidget(panel)
            panel.deleteLater()

    def show(self, name: str) -> None:
        """Bring a panel to the front and give it the keyboard."""
        panel = self._panels[name]
        if panel.isClosed():
            panel.toggleView(True)  # noqa: FBT003 - Qt's own signature
        panel.setAsCurrentTab()
        panel.raise_()
        panel.widget().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def float_(self, name: str) -> None:
        """Make a panel a window of its own."""
        self._panels[name].setFloating()

    def is_floating(self, name: str) -> bool:
        return bool(self._panels[name].isFloating())

    def is_visible(self, name: str) -> bool:
        """Tell whether any pixel of the panel's content can be seen."""
        panel = self._panels.get(name)
        return panel is not None and panel.widget().isVisible()

    def set_title(self, name: str, title: str) -> None:
        self._panels[name].setWindowTitle(title)
        _name_parts(self._panels[name], title)

    def room(self, name: str) -> int:
        """Give the length of the splitter a panel stands in, along its parts."""
        splitter = self._panels[name].dockAreaWidget().parentSplitter()
        return int(splitter.width() if self.stands_beside(name) else splitter.height())

    def stands_beside(self, name: str) -> bool:
        """Tell whether a panel stands beside its neighbours, not above or below them."""
        splitter = self._panels[name].dockAreaWidget().parentSplitter()
        return bool(splitter.orientation() == Qt.Orientation.Horizontal)

    def set_sizes(self, name: str, sizes: list[int]) -> None:
        """Share the splitter a panel stands in, in the order of its parts."""
        self._manager.setSplitterSizes(self._panels[name].dockAreaWidget(), sizes)

    def save(self) -> bytes:
        return bytes(self._manager.saveState(STATE_VERSION).data())

    def restore(self, state: bytes) -> bool:
        """Arrange the panels that exist as saved; False leaves the arrangement as it was."""
        return bool(self._manager.restoreState(QByteArray(state), STATE_VERSION))

    def set_style(self, qss: str) -> None:
        self._manager.setStyleSheet(qss)

    def close(self) -> None:
        """Close floating windows with the main one."""
        for name in tuple(self._panels):
            self.remove(name)
        self._manager.deleteLater()

    def _on_focus(self, _old: object, now: object) -> None:
        if isinstance(now, ads.CDockWidget):
            self.focused.emit(now.objectName())


def _name_parts(panel: ads.CDockWidget, title: str) -> None:
    """Say to screen readers which panel this is, and which its cross closes."""
    panel.setAccessibleName(title)
    tab = panel.tabWidget()
    tab.setAccessibleName(title)
    cross = tab.findChild(QAbstractButton, "tabCloseButton")
    if cross is not None:
        cross.setAccessibleName(f"Close {title}")
        cross.setToolTip(f"Close {title}")


def _name_floating(window: QWidget) -> None:
    """Name the buttons of a floating panel's title bar."""
    for key, name in (("CloseButton", "Close"), ("MaximizeButton", "Maximise")):
        for each in window.findChildren(QAbstractButton, f"floatingTitle{key}"):
            each.setAccessibleName(name)
            each.setToolTip(name)
