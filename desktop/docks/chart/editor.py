"""The small window in which an indicator's numbers are changed."""

from typing import Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFormLayout, QFrame, QVBoxLayout, QWidget
from typing_extensions import override

from desktop.chart.indicators import Param
from desktop.chart.studies import Choice
from desktop.ui.fields import NumberField
from desktop.ui.labels import label
from desktop.ui.theme import Theme

_WIDE: Final = 90


class ParamField(NumberField):
    """A box for one parameter; its value is counted in the parameter's steps."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param.label, parent)
        self._param = param
        self._scale = round(1 / param.step)

    @property
    def number(self) -> float | None:
        return None if self.value is None else self.value / self._scale

    def set_number(self, number: float) -> None:
        self.set_value(round(number * self._scale))

    @override
    def read(self, text: str) -> int:
        number = float(text) * self._scale
        if abs(number - round(number)) > 1e-9:
            raise ValueError(f"expected steps of {self._param.step:g}, was {text[:12]}")
        return round(number)

    @override
    def write(self, value: int) -> str:
        return f"{value / self._scale:g}"

    @override
    def stepped(self, value: int | None, steps: int) -> int:
        low, high = (round(end * self._scale) for end in (self._param.low, self._param.high))
        start = round(self._param.default * self._scale) if value is None else value
        return min(max(start + steps, low), high)

    @override
    def wrong(self, value: int) -> str:
        return self._param.problem(value / self._scale) or ""


class Editor(QFrame):
    """Fields for one indicator; each good number is shown on the chart at once."""

    changed = Signal(object)
    """The indicator with its new numbers."""

    def __init__(self, choice: Choice, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(choice.indicator.title)
        self._choice = choice
        theme = Theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.space("l"),) * 4)
        column.setSpacing(theme.space("m"))
        column.addWidget(label(choice.indicator.title, role="title", parent=self))
        form = QFormLayout()
        form.setSpacing(theme.space("m"))
        column.addLayout(form)
        self.fields: dict[str, ParamField] = {}
        numbers = choice.numbers()
        for param in choice.indicator.params:
            field = ParamField(param, self)
            field.set_number(numbers[param.key])
            field.setFixedWidth(theme.px(_WIDE))
            field.changed.connect(self._on_changed)
            words = f"{param.label}  ({param.low:g} to {param.high:g})"
            form.addRow(label(words, parent=self), field)
            self.fields[param.key] = field

    def open_at(self, at: QPoint) -> None:
        """Show below a point of the screen; returns at once."""
        self.move(at)
        self.show()
        first = next(iter(self.fields.values()))
        first.setFocus(Qt.FocusReason.PopupFocusReason)
        first.selectAll()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.close()
        else:
            super().keyPressEvent(event)

    def _on_changed(self) -> None:
        numbers = {key: field.number for key, field in self.fields.items()}
        good = {key: number for key, number in numbers.items() if number is not None}
        if len(good) == len(numbers):
            self.changed.emit(Choice(self._choice.id, tuple(good.items())))
