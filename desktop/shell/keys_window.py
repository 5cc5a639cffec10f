"""`?`: every key on one page, drawn from the commands."""

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.commands import Commands
from desktop.shell.hotkeys import keys_of, spoken


class KeysWindow(QDialog):
    """All commands that have a key, by group; closes on Esc."""

    def __init__(self, commands: Commands, changed: Mapping[str, str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 640)
        page = QWidget()
        grid = QGridLayout(page)
        grid.setColumnStretch(0, 1)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        groups: dict[str, list[tuple[str, str]]] = {}
        for command in commands:
            keys = keys_of(command, changed)
            if keys:
                line = (command.title, "   ".join(map(spoken, keys)))
                groups.setdefault(command.group, []).append(line)
        for group, lines in groups.items():
            self._heading(grid, group)
            for title, keys_text in lines:
                row = grid.rowCount()
                grid.addWidget(_plain(title), row, 0)
                grid.addWidget(_plain(keys_text), row, 1, Qt.AlignmentFlag.AlignRight)
        grid.setRowStretch(grid.rowCount(), 1)
        scroll = QScrollArea()
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setAccessibleName("Keys")
        QVBoxLayout(self).addWidget(scroll)

    def _heading(self, grid: QGridLayout, text: str) -> None:
        label = _plain(text)
        font = label.font()
        font.setBold(True)
        label.setFont(font)
        grid.addWidget(label, grid.rowCount(), 0, 1, 2)


def _plain(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
