"""The frame of a grid: a header, scroll bars when they are needed, and the room between."""

from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget
from typing_extensions import override

from desktop.ui.columns import Column
from desktop.ui.header import Header
from desktop.ui.theme import Theme

_ALWAYS: Final = Qt.ScrollBarPolicy.ScrollBarAlwaysOn
_NEVER: Final = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
_WIDEST_NAME: Final = 210


class GridFrame(QAbstractScrollArea):
    """Knows how many rows there are and how high; draws nothing of them."""

    def __init__(self, columns: Sequence[Column], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._row_high = Theme.current().row_height
        self._is_laying_out = False
        self.importance: Sequence[str] = ()
        """Columns by importance: as many as fit are shown, until the trader arranges them."""
        self.is_arranged = False
        """Whether the trader has arranged the columns by hand."""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._header = Header(self._columns, self, own_model=True)
        self._header.start()
        self.viewport().setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def __len__(self) -> int:
        raise NotImplementedError

    def repaint_all(self) -> None:
        raise NotImplementedError

    @property
    def header(self) -> Header:
        return self._header

    def fit_names(self, column: str, names: Iterable[str]) -> None:
        """Let other columns go rather than cut names: two options must not look like one.

        Holds from the next `set_rows` on, until the trader arranges the columns.
        """
        if self.is_arranged:
            return
        theme = Theme.current()
        is_strong = next(each.is_strong for each in self._columns if each.id == column)
        metrics = QFontMetrics(theme.font(weight=theme.bold) if is_strong else theme.font())
        longest = max(map(metrics.horizontalAdvance, set(names)), default=0)
        wanted = min(longest + 2 * theme.space("m") + 1, theme.px(_WIDEST_NAME))
        self._header.want(column, wanted)

    def _measure(self) -> None:
        """Take the theme's sizes over."""
        theme = Theme.current()
        self._row_high = theme.row_height
        self.verticalScrollBar().setSingleStep(self._row_high)
        self.horizontalScrollBar().setSingleStep(theme.px(24))
        self._lay_out()

    def _lay_out(self) -> None:
        """Decide which scroll bars are needed, and give header and columns the room between.

        Qt's own "as needed" goes by the ranges of before a resize, and leaves bars behind.
        """
        if self._is_laying_out:
            return
        self._is_laying_out = True
        head = self._header.height()
        if self.viewportMargins().top() != head:
            self.setViewportMargins(0, head, 0, 0)
        rows, high = len(self) * self._row_high, self.height() - head
        down, across = self.verticalScrollBar(), self.horizontalScrollBar()
        is_down = rows > high
        wide = self._place_header(head, down.sizeHint().width() if is_down else 0)
        is_across = self._header.length() > wide
        if is_across:
            high -= across.sizeHint().height()
            if rows > high and not is_down:
                is_down = True
                wide = self._place_header(head, down.sizeHint().width())
        self.setVerticalScrollBarPolicy(_ALWAYS if is_down else _NEVER)
        self.setHorizontalScrollBarPolicy(_ALWAYS if is_across else _NEVER)
        down.setPageStep(max(1, high))
        down.setRange(0, max(0, rows - high))
        across.setPageStep(max(1, wide))
        across.setRange(0, max(0, self._header.length() - wide))
        self._is_laying_out = False

    def _place_header(self, head: int, taken: int) -> int:
        wide = self.width() - taken
        self._header.setGeometry(0, 0, wide, head)
        if self.importance and not self.is_arranged:
            self._header.show_what_fits(self.importance)
        self._header.fit()
        return wide

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()
        self.repaint_all()

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._header.setOffset(self.horizontalScrollBar().value())
        self.repaint_all()
