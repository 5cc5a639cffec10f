"""The settings window, drawn from `settings.OPTIONS`: a new option needs no line here."""

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QKeySequenceEdit,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.commands import Command, Commands
from desktop.settings import OPTIONS, Option, Settings, Value
from desktop.shell.hotkeys import conflicts, keys_of
from desktop.ui.labels import label, set_role
from desktop.ui.parts import SectionHeader
from desktop.ui.theme import Theme

_FIELD_WIDTH: Final = 170
_LARGEST_PORT: Final = 65_535
"""A port is a name, not a number: what can be no larger stands without commas."""


class SettingsWindow(QDialog):
    """Changes apply at once; there is nothing to forget to save."""

    def __init__(
        self,
        settings: Settings,
        commands: Commands,
        parent: QWidget,
        *,
        on_keys: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._commands = commands
        self._on_keys = on_keys
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = Theme.current()
        room = parent.window().size() * 0.9
        self.resize(min(theme.px(640), room.width()), min(theme.px(640), room.height()))
        tabs = QTabWidget()
        tabs.setAccessibleName("Groups of settings")
        tabs.addTab(self._options_page(), "General")
        self._conflicts = label(wraps=True)
        tabs.addTab(self._keys_page(), "Keys")
        box = QVBoxLayout(self)
        box.setContentsMargins(*(theme.space("m"),) * 4)
        box.addWidget(tabs)

    def _options_page(self) -> QWidget:
        page, box = _page()
        shown = [option for option in OPTIONS if option.is_shown]
        for group in dict.fromkeys(option.group for option in shown):
            box.addWidget(SectionHeader(group))
            for option in shown:
                if option.group == group:
                    field = self._field(option)
                    field.setAccessibleName(option.title)
                    field.setAccessibleDescription(option.sentence)
                    box.addLayout(_row(option.title, option.sentence, field))
        box.addStretch(1)
        return _scrolling(page, "General")

    def _field(self, option: Option) -> QWidget:
        now = self._settings.value(option.key)
        if isinstance(now, bool):
            box = QCheckBox()
            box.setChecked(now)
            box.toggled.connect(lambda is_on: self._settings.set(option.key, is_on))
            return box
        if isinstance(now, int):
            return self._number(option, now)
        if option.choices:
            combo = QComboBox()
            combo.addItems([choice.capitalize() for choice in option.choices])
            combo.setCurrentIndex(option.choices.index(str(now)))
            combo.currentIndexChanged.connect(
                lambda at: self._settings.set(option.key, option.choices[at])
            )
            return combo
        line = QLineEdit(str(now))
        line.editingFinished.connect(lambda: self._settings.set(option.key, line.text()))
        return line

    def _number(self, option: Option, now: int) -> QSpinBox:
        spin = QSpinBox()
        # Lakhs and crores are grouped as everywhere else in the program.
        spin.setLocale(QLocale(QLocale.Language.English, QLocale.Country.India))
        spin.setRange(option.low or 0, 2**31 - 1 if option.high is None else option.high)
        if option.unit == "₹":
            spin.setPrefix("₹")
        elif option.unit:
            spin.setSuffix(f" {option.unit}")
        spin.setGroupSeparatorShown(spin.maximum() > _LARGEST_PORT)
        spin.setValue(now)
        spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        spin.valueChanged.connect(lambda value: self._settings.set(option.key, value))
        return spin

    def _keys_page(self) -> QWidget:
        page, box = _page()
        box.addWidget(self._conflicts)
        changed = self._settings.mapping("keys.changed")
        for group in dict.fromkeys(command.group for command in self._commands):
            box.addWidget(SectionHeader(group))
            for command in self._commands:
                if command.group == group:
                    box.addLayout(_row(command.title, "", self._key_edit(command, changed)))
        self._show_conflicts()
        box.addStretch(1)
        return _scrolling(page, "Keys")

    def _key_edit(self, command: Command, changed: Mapping[str, str]) -> QKeySequenceEdit:
        edit = QKeySequenceEdit()
        keys = keys_of(command, changed)
        edit.setKeySequence(keys[0] if keys else "")
        edit.setClearButtonEnabled(True)
        edit.setMaximumSequenceLength(1)
        edit.setAccessibleName(f"Key for {command.title}")
        edit.keySequenceChanged.connect(
            lambda sequence: self._change_key(command, sequence.toString())
        )
        line = edit.findChild(QLineEdit)
        if line is not None:
            line.setPlaceholderText("No key")
        return edit

    def _change_key(self, command: Command, key: str) -> None:
        changed = dict(self._settings.mapping("keys.changed"))
        if (key,) == command.keys or (not key and not command.keys):
            changed.pop(command.id, None)
        else:
            changed[command.id] = key
        value: Value = changed
        self._settings.set("keys.changed", value)
        self._show_conflicts()
        self._on_keys()

    def _show_conflicts(self) -> None:
        found = conflicts(self._commands, self._settings.mapping("keys.changed"))
        titles = {command.id: command.title for command in self._commands}
        text = "; ".join(
            f"{key} belongs to {' and '.join(titles[each] for each in ids)}: the first one gets it"
            for key, ids in found.items()
        )
        set_role(self._conflicts, "warn" if text else "dim")
        self._conflicts.setText(text or "Click a key and press the one you want instead.")


def _page() -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    theme = Theme.current()
    box = QVBoxLayout(page)
    box.setContentsMargins(theme.space("l"), theme.space("m"), theme.space("l"), theme.space("l"))
    box.setSpacing(theme.space("m"))
    return page, box


def _row(title: str, sentence: str, field: QWidget) -> QHBoxLayout:
    """Lay one setting out: what it is at the left, its control at the right."""
    theme = Theme.current()
    words = QVBoxLayout()
    words.setSpacing(0)
    name = label(title)
    name.setBuddy(field)
    words.addWidget(name)
    if sentence:
        words.addWidget(label(sentence, role="small", wraps=True))
    row = QHBoxLayout()
    row.setSpacing(theme.space("l"))
    row.addLayout(words, 1)
    if not isinstance(field, QCheckBox):
        field.setFixedWidth(theme.px(_FIELD_WIDTH))
    row.addWidget(field, 0, Qt.AlignmentFlag.AlignVCenter)
    return row


def _scrolling(page: QWidget, name: str) -> QScrollArea:
    scroll = QScrollArea()
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    scroll.setWidgetResizable(True)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setAccessibleName(name)
    scroll.setWidget(page)
    return scroll
