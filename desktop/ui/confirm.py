"""Buttons for what cannot be taken back, and saving a table: nothing here stops the loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from desktop.ui.parts import button

_ASKS_MS: Final = 4_000
_BLIND_MS: Final = 400
"""A second press sooner than this is the second half of a double click, not a yes."""


class SureButton:
    """A button that asks on the first press and does it on the second.

    `question` gives the words of the second press, or an empty text when there is nothing to do.
    """

    def __init__(
        self,
        title: str,
        question: Callable[[], str],
        run: Callable[[], None],
        *,
        kind: str = "",
        parent: QWidget | None = None,
    ) -> None:
        self._title = title
        self._kind = kind
        self._question = question
        self._run = run
        self._asks = False
        self.widget: QPushButton = button(title, self.press, kind=kind, parent=parent)
        self._forget = QTimer(self.widget)
        self._forget.setSingleShot(True)
        self._forget.setInterval(_ASKS_MS)
        self._forget.timeout.connect(self._relax)
        self._blind = QTimer(self.widget)
        self._blind.setSingleShot(True)
        self._blind.setInterval(_BLIND_MS)

    @property
    def is_asking(self) -> bool:
        return self._asks

    def press(self) -> None:
        """Ask, or do it when it was asked."""
        if self._blind.isActive():
            return
        if self._asks:
            self._relax()
            self._run()
            return
        question = self._question()
        if not question:
            return
        self._asks = True
        self._show(question, "danger")
        self._forget.start()
        self._blind.start()

    def _relax(self) -> None:
        self._asks = False
        self._forget.stop()
        self._show(self._title, self._kind)

    def _show(self, words: str, kind: str) -> None:
        self.widget.setText(words)
        self.widget.setAccessibleName(words)
        self.widget.setProperty("kind", kind)
        self.widget.style().unpolish(self.widget)
        self.widget.style().polish(self.widget)


def save_text(parent: QWidget, name: str, text: Callable[[], str]) -> None:
    """Ask where, then write a text file there, UTF-8; the dialog does not stop the loop."""
    dialog = QFileDialog(parent, "Save", name)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("csv")
    dialog.fileSelected.connect(lambda path: Path(path).write_text(text(), encoding="utf-8-sig"))
    dialog.open()
