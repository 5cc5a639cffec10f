"""The dot that shows which link group a dock follows, and offers the others."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QWidget
from typing_extensions import override

from desktop.ui import menus
from desktop.ui.theme import Theme


class LinkButton(QAbstractButton):
    """A dot in the group's colour; a ring when the dock follows nothing."""

    chosen = Signal(str)

    def __init__(self, groups: Sequence[str], parent: QWidget | None = None) -> None:
        """Offer groups by colour name (`blue` is the role `link_blue`); the empty one is none."""
        super().__init__(parent)
        self._groups = tuple(groups)
        self._group = ""
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._offer)
        self.show_group("")

    def show_group(self, group: str) -> None:
        self._group = group
        said = f"Linked: {group}" if group else "Not linked"
        self.setAccessibleName(said)
        self.setToolTip(f"{said}. Docks of one colour show the same instrument.")
        self.update()

    @property
    def shown(self) -> str:
        """The group the dot shows."""
        return self._group

    def items(self) -> tuple[menus.Item, ...]:
        """Give the menu of groups."""

        def line(group: str) -> menus.Item:
            return menus.Item(
                title=group.capitalize() or "Not linked",
                run=lambda: self.chosen.emit(group),
                is_checked=group == self._group,
            )

        return tuple(line(group) for group in self._groups)

    def _offer(self) -> None:
        menus.popup(self.items(), self.mapToGlobal(self.rect().bottomLeft()), self)

    @override
    def sizeHint(self) -> QSize:
        size = Theme.current().px(22)
        return QSize(size, size)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QPointF(self.width() / 2, self.height() / 2)
        if self.hasFocus() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.brush("hover"))
            painter.drawEllipse(middle, theme.px(10), theme.px(10))
        if self.hasFocus():
            painter.setPen(theme.pen("focus"))
            painter.drawEllipse(middle, theme.px(9), theme.px(9))
        role = f"link_{self._group}" if self._group else "text_dim"
        painter.setPen(theme.pen(role, 1.6))
        painter.setBrush(theme.brush(role) if self._group else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(middle, theme.px(4.5), theme.px(4.5))
