"""Commands → key shortcuts, with the trader's changes; conflicts are shown, never silent."""

from collections.abc import Mapping

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from desktop.commands import Command, Commands


def keys_of(command: Command, changed: Mapping[str, str]) -> tuple[str, ...]:
    """Give a command's keys; a changed entry replaces them, an empty one removes them."""
    if command.id in changed:
        return (changed[command.id],) if changed[command.id] else ()
    return command.keys


def conflicts(commands: Commands, changed: Mapping[str, str]) -> dict[str, list[str]]:
    """Give each key sequence that more than one command claims, with the commands' ids."""
    claimed: dict[str, list[str]] = {}
    for command in commands:
        for key in keys_of(command, changed):
            name = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
            claimed.setdefault(name, []).append(command.id)
    return {key: ids for key, ids in claimed.items() if len(ids) > 1}


def spoken(key: str) -> str:
    """Write a key sequence as this system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


class Hotkeys(QObject):
    """Keeps one shortcut per key and command on the window, as commands come and go.

    A plain printable key does not fire while a text field has the keyboard: Qt offers it to the
    field first.
    """

    def __init__(
        self, window: QWidget, commands: Commands, changed: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(window)
        self._window = window
        self._commands = commands
        self._changed = dict(changed or {})
        self._shortcuts: list[QShortcut] = []
        self._is_due = False
        commands.on_change(self.rebuild)
        self.rebuild()

    def change(self, changed: Mapping[str, str]) -> None:
        self._changed = dict(changed)
        self.rebuild()

    def rebuild(self) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []
        taken: set[str] = set()
        for command in self._commands:
            for key in keys_of(command, self._changed):
                if key in taken:
                    continue  # the first keeps it; the settings window shows the conflict
                taken.add(key)
                self._bind(command.id, key)

    def _bind(self, command_id: str, key: str) -> None:
        shortcut = QShortcut(QKeySequence(key), self._window)
        shortcut.setContext(Qt.ShortcutContext.ApplicationShortcut)
        shortcut.setAutoRepeat(False)  # a held key is one command, not fifty
        shortcut.activated.connect(lambda: self._run(command_id))
        self._shortcuts.append(shortcut)

    def _run(self, command_id: str) -> None:
        if command_id in self._commands:
            self._commands.run(command_id)
