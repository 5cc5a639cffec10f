"""One question in a small window: a text to type, or one of several names to choose."""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.ui.labels import label
from desktop.ui.parts import button
from desktop.ui.theme import Theme

_WIDTH: Final = 380


class AskWindow(QDialog):
    """Asks, and calls `take` with the answer; Esc and Cancel call nothing."""

    def __init__(
        self,
        title: str,
        question: str,
        verb: str,
        take: Callable[[str], object],
        *,
        parent: QWidget,
        choices: Sequence[str] = (),
    ) -> None:
        """Ask for a text, or with `choices` for one of them; `verb` names the button."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = Theme.current()
        self._take = take
        self._line: QLineEdit | None = None
        self._box: QComboBox | None = None
        self._yes = QPushButton(verb)
        self._yes.setObjectName("primary")
        self._yes.setDefault(True)
        self._yes.setAccessibleName(verb)
        self._yes.clicked.connect(self._answer)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.space("xl"),) * 4)
        column.setSpacing(theme.space("l"))
        column.addWidget(label(question, wraps=True))
        field = self._choice(choices) if choices else self._text()
        field.setAccessibleName(question)
        column.addWidget(field)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self._yes)
        column.addLayout(row)
        field.setFocus()
        self.setFixedSize(theme.px(_WIDTH), column.totalHeightForWidth(theme.px(_WIDTH)))

    def _text(self) -> QWidget:
        self._line = QLineEdit()
        self._line.textChanged.connect(lambda text: self._yes.setEnabled(bool(text.strip())))
        self._yes.setEnabled(False)
        return self._line

    def _choice(self, choices: Sequence[str]) -> QWidget:
        self._box = QComboBox()
        self._box.addItems(list(choices))
        return self._box

    def _answer(self) -> None:
        text = self._box.currentText() if self._box is not None else ""
        if self._line is not None:
            text = self._line.text().strip()
        self.accept()
        self._take(text)
