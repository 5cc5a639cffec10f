"""A row of controls that never spills: where room is short, the least needed go."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget
from typing_extensions import override

from desktop.ui.theme import Theme


class FoldingRow(QWidget):
    """A tool bar. What was added with `folds` hides while there is no room, the highest first.

    Only what can be had or read elsewhere may fold.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[QWidget] = []
        self._folds: dict[QWidget, int] = {}
        self._away: set[QWidget] = set()
        self._is_folding = False
        theme = Theme.current()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(*(theme.space("s"),) * 4)
        self._row.setSpacing(theme.px(6))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def add(self, widget: QWidget, *, folds: int = 0) -> None:
        """Put a widget at the right end; 0 never folds."""
        if folds:
            self._folds[widget] = folds
        self._parts.append(widget)
        self._row.addWidget(widget)

    def add_gap(self) -> None:
        """Push what follows to the right end of the row."""
        self._row.addStretch(1)

    @property
    def folded(self) -> frozenset[QWidget]:
        """What has no room at present."""
        return frozenset(self._away)

    def fold(self) -> None:
        """Decide anew what has room; called by itself when sizes change."""
        if self._is_folding:
            return
        self._is_folding = True
        left = self.width() - self._needed(self._parts)
        away: set[QWidget] = set()
        for widget in sorted(self._folds, key=lambda each: -self._folds[each]):
            if left >= 0:
                break
            away.add(widget)
            left += widget.sizeHint().width() + self._row.spacing()
        for widget in self._folds:
            if (widget in away) != (widget in self._away):
                widget.setVisible(widget not in away)
        self._away = away
        self._is_folding = False

    def _needed(self, parts: Sequence[QWidget]) -> int:
        """Give the width of a row with these and nothing folded."""
        shown = [each for each in parts if self._counts(each)]
        margins = self._row.contentsMargins()
        gaps = self._row.spacing() * max(0, len(shown) - 1)
        return sum(self._width(each) for each in shown) + gaps + margins.left() + margins.right()

    @override
    def minimumSizeHint(self) -> QSize:
        least = self._needed([each for each in self._parts if each not in self._folds])
        return QSize(least, super().minimumSizeHint().height())

    def _counts(self, widget: QWidget) -> bool:
        return widget in self._folds or not widget.isHidden()

    @staticmethod
    def _width(widget: QWidget) -> int:
        return max(widget.sizeHint().width(), widget.minimumWidth())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fold()

    @override
    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.fold()
        return done
