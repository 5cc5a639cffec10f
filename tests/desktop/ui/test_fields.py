"""Price and quantity boxes: exact, stepping by tick and lot, silent until touched."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.ui.fields import NumberField, PriceField, QuantityField, is_wrong


@pytest.fixture
def price(qtbot: QtBot) -> PriceField:
    field = PriceField()
    qtbot.addWidget(field)
    field.set_tick(500)
    return field


@pytest.fixture
def quantity(qtbot: QtBot) -> QuantityField:
    field = QuantityField()
    qtbot.addWidget(field)
    field.set_lot(75, most=1_800)
    return field


def write(qtbot: QtBot, field: NumberField, text: str) -> None:
    field.clear()
    qtbot.keyClicks(field, text)


def test_a_typed_price_is_an_exact_integer(qtbot: QtBot, price: PriceField) -> None:
    write(qtbot, price, "1,825.40")
    assert price.value_e4 == 18_254_000
    assert price.problem == ""


def test_an_empty_box_is_no_price_and_no_reproach(price: PriceField) -> None:
    assert price.value_e4 is None
    assert "nothing typed" in price.problem
    assert not is_wrong(price)


def test_asking_for_the_value_shows_what_is_missing(price: PriceField) -> None:
    assert price.require() is None
    assert is_wrong(price)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("825.42", "nearest 825.40 or 825.45"),
        ("0", "above zero"),
        ("eight", "expected a price"),
        ("700.00", "below the lower circuit 740.00"),
        ("999.00", "above the upper circuit 905.00"),
    ],
)
def test_a_price_that_cannot_be_sent_is_refused_in_words(
    qtbot: QtBot, price: PriceField, typed: str, words: str
) -> None:
    price.set_band(7_400_000, 9_050_000)
    write(qtbot, price, typed)
    assert price.value_e4 is None
    assert words in price.problem
    assert is_wrong(price)
    assert price.accessibleDescription() == price.problem


def test_arrows_step_by_tick_and_shift_by_ten(qtbot: QtBot, price: PriceField) -> None:
    price.set_value(8_254_000)
    qtbot.keyClick(price, Qt.Key.Key_Up)
    assert price.text() == "825.45"
    qtbot.keyClick(price, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert price.text() == "824.95"


def test_a_step_from_between_ticks_lands_on_one(qtbot: QtBot, price: PriceField) -> None:
    write(qtbot, price, "825.42")
    qtbot.keyClick(price, Qt.Key.Key_Up)
    assert price.text() == "825.45"
    write(qtbot, price, "825.42")
    qtbot.keyClick(price, Qt.Key.Key_Down)
    assert price.text() == "825.40"


def test_a_price_never_steps_to_zero(price: PriceField) -> None:
    price.set_value(500)
    price.step(-5)
    assert price.value_e4 == 500


def test_a_fine_tick_shows_four_decimals(price: PriceField) -> None:
    price.set_tick(25)
    price.set_value(884_275)
    assert price.text() == "88.4275"
    price.step(1)
    assert price.text() == "88.4300"


def _turn(field: QWidget, degrees: int) -> QWheelEvent:
    return QWheelEvent(
        QPointF(5, 5),
        QPointF(field.mapToGlobal(QPoint(5, 5))),
        QPoint(),
        QPoint(0, degrees * 8),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,  # noqa: FBT003 - Qt's own signature
    )


def test_the_wheel_changes_only_the_box_that_has_the_keyboard(qtbot: QtBot) -> None:
    form = QWidget()
    qtbot.addWidget(form)
    column = QVBoxLayout(form)
    here, there = PriceField("Here"), PriceField("There")
    for field in (here, there):
        field.set_value(8_254_000)
        column.addWidget(field)
    form.show()
    form.activateWindow()
    here.setFocus()
    qtbot.waitUntil(here.hasFocus)
    here.wheelEvent(_turn(here, 15))
    there.wheelEvent(_turn(there, 15))
    assert here.text() == "825.45"
    assert there.text() == "825.40"


def test_a_changed_value_is_told_once(qtbot: QtBot, price: PriceField) -> None:
    told: list[int | None] = []
    price.changed.connect(lambda: told.append(price.value_e4))
    write(qtbot, price, "825")
    assert told == [80_000, 820_000, 8_250_000]
    price.set_value(8_250_000)
    assert len(told) == 3


def test_a_quantity_steps_by_lot_and_names_the_lots(quantity: QuantityField) -> None:
    quantity.step(1)
    assert quantity.value == 75
    quantity.step(2)
    assert (quantity.value, quantity.lots, quantity.suffix()) == (225, 3, "3 lots")


@pytest.mark.parametrize(
    ("typed", "value"), [("2x", 150), ("3 lots", 225), ("1 lot", 75), ("150", 150), ("1.5k", 1_500)]
)
def test_lots_and_short_numbers_are_understood(
    qtbot: QtBot, quantity: QuantityField, typed: str, value: int
) -> None:
    write(qtbot, quantity, typed)
    assert quantity.value == value


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("100", "nearest 75 or 150"),
        ("50", "nearest 75"),
        ("0", "above zero"),
        ("1,875", "at most 1,800"),
        ("2l", "lots or lakh"),
    ],
)
def test_a_quantity_that_cannot_be_sent_is_refused_in_words(
    qtbot: QtBot, quantity: QuantityField, typed: str, words: str
) -> None:
    write(qtbot, quantity, typed)
    assert quantity.value is None
    assert words in quantity.problem


def test_another_instrument_judges_the_same_text_anew(quantity: QuantityField) -> None:
    quantity.set_value(75)
    quantity.set_lot(50)
    assert quantity.value is None
    quantity.set_lot(25)
    assert quantity.value == 75


def test_a_box_that_is_off_or_read_only_does_not_step(price: PriceField) -> None:
    price.set_value(8_254_000)
    price.setReadOnly(True)
    price.step(1)
    price.setReadOnly(False)
    price.setEnabled(False)
    price.step(1)
    assert price.text() == "825.40"
