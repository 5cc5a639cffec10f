"""Context menus that never block: shown with `popup`, gone by themselves."""

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop.ui import icons


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a menu; an empty title is a separating line, `items` a menu of its own."""

    title: str = ""
    run: Callable[[], None] | None = None
    icon: str = ""
    keys: str = ""
    """Shown only; the key itself belongs to whoever handles it."""
    is_enabled: bool = True
    is_checked: bool | None = None
    items: "tuple[Item, ...]" = ()


LINE = Item()


def build(items: Sequence[Item], parent: QWidget, title: str = "") -> QMenu:
    """Make a menu."""
    menu = QMenu(title, parent)
    for item in items:
        if item.items:
            menu.addMenu(build(item.items, menu, item.title))
        elif not item.title:
            menu.addSeparator()
        else:
            menu.addAction(_action(item, menu))
    return menu


def _action(item: Item, menu: QMenu) -> QAction:
    # An ampersand in an instrument's name must not become a shortcut.
    action = QAction(item.title.replace("&", "&&"), menu)
    if item.icon:
        action.setIcon(icons.icon(item.icon))
    if item.keys:
        action.setShortcut(QKeySequence(item.keys))
        action.setShortcutVisibleInContextMenu(True)
    action.setEnabled(item.is_enabled)
    if item.is_checked is not None:
        action.setCheckable(True)
        action.setChecked(item.is_checked)
    run = item.run
    if run is not None:
        action.triggered.connect(lambda _checked=False: run())
    return action


def popup(items: Sequence[Item], at: QPoint, parent: QWidget) -> QMenu:
    """Show a menu at a point of the screen and return at once."""
    menu = build(items, parent)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(at)
    return menu
