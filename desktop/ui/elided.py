"""A line for names of any length: cut with an ellipsis, whole in its tooltip."""

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from desktop.ui.labels import set_role


class ElidedLabel(QLabel):
    """Never asks for more room than it gets. For names only: a number must be seen whole."""

    def __init__(self, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if role:
            set_role(self, role)

    @property
    def shown(self) -> str:
        """The text as it is seen: cut where there is no room for more."""
        room = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)

    @override
    def minimumSizeHint(self) -> QSize:
        least = self.fontMetrics().horizontalAdvance("MMM…")
        usual = super().minimumSizeHint()
        return QSize(min(least, usual.width()), usual.height())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            int(self.alignment()),
            self.palette(),
            self.isEnabled(),
            self.shown,
            self.foregroundRole(),
        )

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and not self.toolTip():
            if self.shown != self.text():
                QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), self.text(), self)
            return True
        return super().event(event)
