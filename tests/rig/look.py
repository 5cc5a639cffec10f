"""What a pair of eyes finds in a window: cut texts, spills, overlaps, faint words, mute keys."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QScrollBar,
    QStyle,
    QStyleOptionButton,
    QStyleOptionFrame,
    QWidget,
)

from brokers.model.order import Side
from desktop.docks.depth.facts import FactsView
from desktop.docks.depth.ladder import Ladder, Spot
from desktop.ui.elided import ElidedLabel
from desktop.ui.grid import PaintedGrid
from desktop.ui.theme import READABLE, Theme, contrast
from desktop.ui.toast import Toast

SLACK: Final = 1.0
"""Half a pixel at each end is rounding, not a cut."""
_ZOOM: Final = 3
"""Text is judged enlarged: at its own size a stroke is thinner than a pixel and looks paler."""
_INK: Final = 8
"""So many pixels of one colour are a stroke, not the rounding of an edge."""
_LINE_EDIT_MARGIN: Final = 2
"""What QLineEdit itself keeps free at each side of its text."""


def seen(root: QWidget) -> Iterator[QWidget]:
    """Give every widget below that can be seen."""
    return (each for each in root.findChildren(QWidget) if each.isVisible())


def described(widget: QWidget) -> str:
    """Name a widget so that a failure can be found: its kind, its name, and where it stands."""
    text = getattr(widget, "text", None)
    shown = text() if callable(text) else text
    name = widget.accessibleName() or widget.objectName() or str(shown or "")
    parents: list[str] = []
    parent = widget.parentWidget()
    while parent is not None and len(parents) < 3:
        parents.append(type(parent).__name__)
        parent = parent.parentWidget()
    return f"{type(widget).__name__} {name!r} in {' < '.join(parents)}"


# -- cut texts


def cut_texts(root: QWidget) -> list[str]:
    """List every text of labels, buttons, fields, tables, and books that has too little room."""
    found = []
    for widget in seen(root):
        for text, need, room in _texts(widget):
            if need > room + SLACK and _can_be_seen(widget, root):
                found.append(f"{text!r} needs {need:.0f}, has {room:.0f}: {described(widget)}")
    return found


def _can_be_seen(widget: QWidget, root: QWidget) -> bool:
    """Tell whether a widget shows at all; a scrolled area's rest is not cut, only further down."""
    return not widget.visibleRegion().isEmpty() or widget is root


def _texts(widget: QWidget) -> Iterator[tuple[str, float, float]]:
    if isinstance(widget, ElidedLabel):
        return  # a name, whole in its tooltip
    if isinstance(widget, QLabel):
        yield from _label(widget)
    elif isinstance(widget, QAbstractButton):
        wide = _advance(widget, widget.text().replace("&", ""))
        yield widget.text(), wide + _beside(widget), _button_room(widget)
    elif isinstance(widget, QLineEdit):
        yield from _field(widget)
    elif isinstance(widget, QComboBox):
        yield widget.currentText(), widget.minimumSizeHint().width(), widget.width()
    elif isinstance(widget, PaintedGrid):
        yield from _grid(widget)
    elif isinstance(widget, Ladder):
        yield from _ladder(widget)
    elif isinstance(widget, FactsView):
        yield from _facts(widget)


def _advance(widget: QWidget, text: str) -> float:
    return QFontMetricsF(widget.font()).horizontalAdvance(text)


def _beside(button: QAbstractButton) -> float:
    """Give the room an icon or a tick takes beside the text."""
    if button.icon().isNull() or not button.text():
        return 0
    return button.iconSize().width() + 4


def _button_room(button: QAbstractButton) -> float:
    if not isinstance(button, QPushButton):
        return button.width() - 2
    option = QStyleOptionButton()
    button.initStyleOption(option)
    part = QStyle.SubElement.SE_PushButtonContents
    return button.style().subElementRect(part, option, button).width()


def _label(label: QLabel) -> Iterator[tuple[str, float, float]]:
    if not label.text():
        return
    if label.wordWrap():
        yield label.text(), label.heightForWidth(label.width()), label.height()
    else:
        yield label.text(), _advance(label, label.text()), label.contentsRect().width()


def _field(field: QLineEdit) -> Iterator[tuple[str, float, float]]:
    option = QStyleOptionFrame()
    field.initStyleOption(option)
    inner = field.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, field)
    margins = field.textMargins()
    room = inner.width() - margins.left() - margins.right() - 2 * _LINE_EDIT_MARGIN
    if isinstance(field.parentWidget(), QAbstractSpinBox):
        room += 2 * _LINE_EDIT_MARGIN
    text = field.text() or field.placeholderText()
    # A long address scrolls under the cursor; a number may not.
    if not field.text() or (any(letter.isdigit() for letter in text) and len(text) < 25):
        yield text, _advance(field, text), room


def _grid(grid: PaintedGrid) -> Iterator[tuple[str, float, float]]:
    theme = Theme.current()
    usual, bold = QFontMetricsF(theme.font()), QFontMetricsF(theme.font(weight=theme.bold))
    small, pads = QFontMetricsF(theme.font("small")), 2 * theme.space("m")
    for place in grid.header.shown:
        column = grid.header.columns[place]
        room = grid.header.sectionSize(place) - pads
        yield column.title, small.horizontalAdvance(column.title), room
        metrics = bold if column.is_strong else usual
        for key in grid.visible_keys():
            if column.is_number:
                text = grid.cell_text(key, column.id)
                yield text, metrics.horizontalAdvance(text), room


def _ladder(ladder: Ladder) -> Iterator[tuple[str, float, float]]:
    metrics = QFontMetricsF(Theme.current().font())
    for side, levels in ((Side.BUY, ladder.book.bids), (Side.SELL, ladder.book.asks)):
        for at, level in enumerate(levels):
            places = ladder._columns(ladder._box(Spot(side, at)), side)
            texts = (level.price, level.quantity, level.orders)
            for text, place in zip(texts, places, strict=True):
                if not place.width():
                    continue  # the number of orders, left out where room is short
                yield text, metrics.horizontalAdvance(text), place.width()


def _facts(view: FactsView) -> Iterator[tuple[str, float, float]]:
    theme = Theme.current()
    metrics, small = QFontMetricsF(theme.font()), QFontMetricsF(theme.font("small"))
    for place, fact in enumerate(view.facts):
        room = view._box(place).width() - 2 * theme.space("m")
        need = metrics.horizontalAdvance(fact.text) + theme.space("s")
        yield f"{fact.title} {fact.text}", need + small.horizontalAdvance(fact.title), room


# -- places


def spilled(root: QWidget) -> list[str]:
    """List every widget that reaches out of its parent, where nothing scrolls it into sight."""
    found = []
    for widget in seen(root):
        parent = widget.parentWidget()
        if parent is None or widget.isWindow() or isinstance(widget, Toast):
            continue
        inside, place = parent.rect(), widget.geometry()
        area = parent.parentWidget()
        if isinstance(area, QScrollArea) and parent is area.viewport():
            place.moveTo(0, 0)
            place.setHeight(min(place.height(), inside.height()))
            if area.horizontalScrollBarPolicy() != Qt.ScrollBarPolicy.ScrollBarAlwaysOff:
                place.setWidth(min(place.width(), inside.width()))
        elif isinstance(parent, QAbstractScrollArea) and isinstance(widget, QScrollBar):
            continue
        if not inside.contains(place):
            found.append(f"{_rect(place)} outside {_rect(inside)}: {described(widget)}")
    return found


def overlaps(root: QWidget) -> list[str]:
    """List siblings that stand on each other."""
    found = []
    for parent in (root, *seen(root)):
        if isinstance(parent, QAbstractScrollArea | QLineEdit | QAbstractSpinBox | QComboBox):
            continue
        children = [
            each
            for each in parent.children()
            if isinstance(each, QWidget)
            and each.isVisible()
            and not each.isWindow()
            and not isinstance(each, Toast)
        ]
        for at, one in enumerate(children):
            for other in children[at + 1 :]:
                common = one.geometry() & other.geometry()
                if not common.isEmpty():
                    found.append(f"{_rect(common)}: {described(one)} on {described(other)}")
    return found


def _rect(rect: QRect) -> str:
    return f"{rect.x()},{rect.y()} {rect.width()}×{rect.height()}"


# -- keyboard and screen reader


def controls(root: QWidget) -> list[QWidget]:
    """Give what the Tab key must reach: every enabled widget that takes the focus by Tab."""
    return [
        each
        for each in seen(root)
        if each.isEnabled()
        and each.focusPolicy() & Qt.FocusPolicy.TabFocus
        and each.focusProxy() is None
        and not _is_part(each)
    ]


def _is_part(widget: QWidget) -> bool:
    """Tell whether a widget is a part of a control that stands for both."""
    return isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox | QLineEdit) or (
        widget.objectName().startswith("qt_")
    )


def nameless(root: QWidget) -> list[str]:
    """List the controls of which a screen reader could say nothing."""
    found = []
    for widget in seen(root):
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus and not isinstance(
            widget, QAbstractButton
        ):
            continue
        if _is_part(widget) or widget.focusProxy() is not None:
            continue
        spoken = QAccessible.queryAccessibleInterface(widget)
        if spoken is None or not spoken.text(QAccessible.Text.Name).strip():
            found.append(described(widget))
    return found


# -- contrast


def faint_texts(window: QWidget) -> list[str]:
    """List the words of labels and buttons that are too pale for what is really behind them."""
    picture = _enlarged(window)
    found = []
    for widget in seen(window):
        if not isinstance(widget, QLabel | QAbstractButton) or not widget.isEnabled():
            continue
        if not widget.text() or not _is_whole(widget):
            continue
        place = QRect(widget.mapTo(window, QPoint()), widget.size())
        inset = 4 if isinstance(widget, QAbstractButton) else 0
        ratio = _ratio(picture, place.adjusted(inset, inset, -inset, -inset))
        if ratio is not None and ratio < READABLE - 0.05:
            found.append(f"{ratio:.2f}: {widget.text()!r} {described(widget)}")
    return found


def _is_whole(widget: QWidget) -> bool:
    return widget.visibleRegion().boundingRect() == widget.rect()


def _enlarged(window: QWidget) -> NDArray[np.uint32]:
    size = window.size() * _ZOOM
    image = QImage(size, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_ZOOM)
    image.fill(QColor("magenta"))
    painter = QPainter(image)
    window.render(painter, QPoint())
    painter.end()
    flat = np.frombuffer(image.constBits(), dtype=np.uint32)
    return flat.reshape(size.height(), image.bytesPerLine() // 4)[:, : size.width()].copy()


def _ratio(picture: NDArray[np.uint32], place: QRect) -> float | None:
    """Give the contrast of the strongest stroke in a place with its ground."""
    top, left = place.top() * _ZOOM, place.left() * _ZOOM
    cut = picture[
        max(0, top) : top + place.height() * _ZOOM, max(0, left) : left + place.width() * _ZOOM
    ]
    if not cut.size:
        return None
    colours, counts = np.unique(cut, return_counts=True)
    ground = QColor(int(colours[counts.argmax()]))
    strokes = [QColor(int(colour)) for colour in colours[counts >= _INK]]
    ratios = [contrast(ground, stroke) for stroke in strokes if stroke != ground]
    return max(ratios, default=None)


# -- focus


def picture_of(widget: QWidget, window: QWidget) -> QImage:
    """Take the picture of a widget with a rim around it, as it stands in its window."""
    rim = 3
    place = QRect(widget.mapTo(window, QPoint()), widget.size())
    return window.grab(place.adjusted(-rim, -rim, rim, rim)).toImage()


def focus_unseen(root: QWidget, window: QWidget) -> list[str]:
    """List the controls that look the same with the keyboard as without it."""
    found = []
    for widget in controls(root):
        before = QApplication.focusWidget()
        if before is not None:
            before.clearFocus()
        without = picture_of(widget, window)
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        if picture_of(widget, window) == without:
            found.append(described(widget))
    return found
