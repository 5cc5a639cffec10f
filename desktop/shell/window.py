"""The main window: menus drawn from the commands, the docks, the status bar."""

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence, QPaintEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QWidget
from typing_extensions import override

from desktop.commands import Commands
from desktop.shell.hotkeys import keys_of

GROUPS: Final = ("Accounts", "Trade", "View", "Workspace", "Help")
"""The menus, in their order; commands of another group are reached by palette and key only."""


class MainWindow(QMainWindow):
    """The one main window. Closing asks first: `closing`, then `allow_close` and `close`."""

    closing = Signal()
    appeared = Signal()
    """The window was painted for the first time."""

    def __init__(self, commands: Commands, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._commands = commands
        self._keys = keys
        self._may_close = False
        self._has_appeared = False
        self.setObjectName("main")
        self.setWindowTitle("Tezi")
        self.setMinimumSize(960, 600)
        self.resize(1600, 960)
        for group in GROUPS:
            menu = self.menuBar().addMenu(f"&{group}")
            menu.aboutToShow.connect(lambda group=group, menu=menu: self._fill(group, menu))

    def set_keys(self, keys: Mapping[str, str]) -> None:
        self._keys = keys

    def set_status(self, bar: QWidget) -> None:
        """Put the status bar's one widget in place."""
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addPermanentWidget(bar, 1)

    def set_account(self, name: str, kind: str) -> None:
        """Show which account is in front; practice can never be mistaken for live."""
        self.setWindowTitle(f"Tezi — {kind.upper()} — {name}" if name else "Tezi")

    def allow_close(self) -> None:
        self._may_close = True

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close:
            event.accept()
            return
        event.ignore()
        self.closing.emit()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._has_appeared:
            self._has_appeared = True
            QTimer.singleShot(0, self.appeared.emit)  # once this paint is done

    def _fill(self, group: str, menu: QMenu) -> None:
        menu.clear()
        for command in self._commands:
            if command.group != group:
                continue
            action = QAction(command.title, menu)
            keys = keys_of(command, self._keys)
            if keys:
                # Shown only: the shortcut itself belongs to Hotkeys, and two would be ambiguous.
                action.setText(f"{command.title}\t{QKeySequence(keys[0]).toString()}")
            action.setEnabled(command.is_enabled())
            if command.is_checked is not None:
                action.setCheckable(True)
                action.setChecked(command.is_checked())
            action.triggered.connect(lambda _=False, run=command.run: run())
            menu.addAction(action)
