"""The settings window, drawn from `settings.OPTIONS`: a new option needs no line here."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QKeySequenceEdit,
    QLabel,
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
        self.resize(620, 560)
        tabs = QTabWidget()
        tabs.setAccessibleName("Groups of settings")
        for group in dict.fromkeys(option.group for option in OPTIONS if option.is_shown):
            options = [each for each in OPTIONS if each.group == group and each.is_shown]
            tabs.addTab(self._page(options), group)
        self._conflicts = _sentence("")
        tabs.addTab(self._keys_page(), "Keys")
        QVBoxLayout(self).addWidget(tabs)

    def _page(self, options: Sequence[Option]) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        form.setVerticalSpacing(4)
        form.setHorizontalSpacing(20)
        form.setContentsMargins(16, 16, 16, 16)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        for option in options:
            field = self._field(option)
            field.setAccessibleName(option.title)
            field.setAccessibleDescription(option.sentence)
            form.addRow(option.title, field)
            form.addRow("", _sentence(option.sentence))
        return page

    def _field(self, option: Option) -> QWidget:
        now = self._settings.value(option.key)
        if isinstance(now, bool):
            box = QCheckBox("On")
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
        spin.setRange(option.low or 0, 2**31 - 1 if option.high is None else option.high)
        spin.setSuffix(f" {option.unit}" if option.unit else "")
        spin.setGroupSeparatorShown(True)
        spin.setValue(now)
        spin.setMinimumWidth(160)
        spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        spin.valueChanged.connect(lambda value: self._settings.set(option.key, value))
        return spin

    def _keys_page(self) -> QWidget:
        inner = QWidget()
        form = QFormLayout(inner)
        form.setContentsMargins(16, 16, 16, 16)
        form.addRow(self._conflicts)
        for command in self._commands:
            edit = QKeySequenceEdit()
            keys = keys_of(command, self._settings.mapping("keys.changed"))
            edit.setKeySequence(keys[0] if keys else "")
            edit.setClearButtonEnabled(True)
            edit.setMaximumSequenceLength(1)
            edit.setAccessibleName(f"Key for {command.title}")
            edit.keySequenceChanged.connect(
                lambda sequence, command=command: self._change_key(command, sequence.toString())
            )
            form.addRow(f"{command.group}: {command.title}", edit)
        self._show_conflicts()
        scroll = QScrollArea()
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inner)
        return scroll

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
        text = "; ".join(f"{key} is claimed by {' and '.join(ids)}" for key, ids in found.items())
        self._conflicts.setText(text or "No key is claimed twice.")


def _sentence(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMinimumWidth(360)
    label.setForegroundRole(label.palette().ColorRole.PlaceholderText)
    return label
