"""`?`: every key on one page, drawn from the commands."""

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.commands import Commands
from desktop.shell.hotkeys import keys_of, spoken
from desktop.ui.labels import label
from desktop.ui.parts import KeyHint, SectionHeader
from desktop.ui.theme import Theme

_Line = tuple[str, tuple[str, ...]]
_HEADING_LINES: Final = 2
"""A heading takes the room of so many lines."""


class KeysWindow(QDialog):
    """All commands that have a key, by group, in two columns; closes on Esc."""

    def __init__(self, commands: Commands, changed: Mapping[str, str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = Theme.current()
        groups: dict[str, list[_Line]] = {}
        for command in commands:
            keys = keys_of(command, changed)
            if keys:
                groups.setdefault(command.group, []).append((command.title, keys))
        page = QWidget()
        columns = QHBoxLayout(page)
        columns.setSpacing(theme.px(40))
        for part in _halves(groups):
            columns.addLayout(_column(part), 1)
        scroll = QScrollArea()
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setAccessibleName("Keys")
        box = QVBoxLayout(self)
        box.setContentsMargins(*(theme.space("m"),) * 4)
        box.addWidget(scroll)
        wanted = page.sizeHint()
        room = parent.window().size() * 0.9
        self.resize(
            min(max(wanted.width() + theme.px(40), theme.px(680)), room.width()),
            min(wanted.height() + theme.px(30), room.height()),
        )


def _halves(groups: Mapping[str, list[_Line]]) -> tuple[dict[str, list[_Line]], ...]:
    """Share the groups between two columns of about the same length, in their order."""
    total = sum(len(lines) + _HEADING_LINES for lines in groups.values())
    left: dict[str, list[_Line]] = {}
    right: dict[str, list[_Line]] = {}
    taken = 0
    for group, lines in groups.items():
        high = len(lines) + _HEADING_LINES
        (left if taken + high / 2 <= total / 2 else right)[group] = lines
        taken += high
    return left, right


def _column(groups: Mapping[str, list[_Line]]) -> QGridLayout:
    theme = Theme.current()
    grid = QGridLayout()
    grid.setColumnStretch(0, 1)
    grid.setHorizontalSpacing(theme.space("l"))
    grid.setVerticalSpacing(theme.px(6))
    for group, lines in groups.items():
        grid.addWidget(SectionHeader(group), grid.rowCount(), 0, 1, 2)
        for title, keys in lines:
            row = grid.rowCount()
            grid.addWidget(label(title), row, 0)
            grid.addLayout(_caps(keys), row, 1)
    grid.setRowStretch(grid.rowCount(), 1)
    return grid


def _caps(keys: tuple[str, ...]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(Theme.current().space("m"))
    row.addStretch(1)
    for key in keys:
        row.addWidget(KeyHint(spoken(key)))
    return row
