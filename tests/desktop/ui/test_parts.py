"""Small widgets: by mouse, by keyboard, and by name."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from brokers.model.order import Side
from desktop.ui import parts
from desktop.ui.labels import broker_label, broker_words, clean, label
from desktop.ui.theme import Theme
from desktop.ui.toast import ToastKind, Toasts

HOSTILE = "<a href='http://evil'>x</a>\u202e\x00\x1b[31m\nB\tC" + "A" * 5_000


@pytest.fixture
def kinds(qtbot: QtBot) -> parts.Segments:
    made = parts.Segments([("limit", "Limit"), ("market", "Market"), ("stop", "SL")], "Kind")
    qtbot.addWidget(made)
    return made


def test_a_click_chooses_and_tells_once(qtbot: QtBot, kinds: parts.Segments) -> None:
    told: list[str] = []
    kinds.changed.connect(told.append)
    for _ in range(2):
        qtbot.mouseClick(kinds.button("market"), Qt.MouseButton.LeftButton)
    assert (kinds.value, told) == ("market", ["market"])


def test_arrows_walk_over_what_is_allowed(qtbot: QtBot, kinds: parts.Segments) -> None:
    kinds.allow(frozenset({"limit", "stop"}))
    qtbot.keyClick(kinds.button("limit"), Qt.Key.Key_Right)
    assert kinds.value == "stop"
    qtbot.keyClick(kinds.button("stop"), Qt.Key.Key_Right)
    assert kinds.value == "stop"
    with pytest.raises(KeyError):
        kinds.choose("iceberg")


def test_the_side_toggle_speaks_in_sides(qtbot: QtBot) -> None:
    toggle = parts.SideToggle()
    qtbot.addWidget(toggle)
    told: list[Side] = []
    toggle.side_changed.connect(told.append)
    toggle.choose_side(Side.SELL)
    assert (toggle.side, told) == (Side.SELL, [Side.SELL])


def test_every_button_has_a_name_for_a_screen_reader(qtbot: QtBot) -> None:
    host = QWidget()
    qtbot.addWidget(host)
    parts.tool_button("export", "Export", parent=host)
    parts.button("Place", parent=host)
    parts.SideToggle(host)
    assert all(button.accessibleName() for button in host.findChildren(QAbstractButton))


def test_a_button_runs_without_qts_argument(qtbot: QtBot) -> None:
    ran: list[tuple[object, ...]] = []
    made = parts.button("Go", lambda *seen: ran.append(seen))
    qtbot.addWidget(made)
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton)
    assert ran == [()]


def test_pills_and_keys_draw_in_both_themes(qtbot: QtBot) -> None:
    pill, keys = parts.Pill("PRACTICE", "practice"), parts.KeyHint("Ctrl+Shift+K")
    empty = parts.EmptyState("watchlist", "Nothing here", "Add something")
    for widget in (pill, keys, empty):
        qtbot.addWidget(widget)
    look = Theme.current()
    before = look.name
    for name in ("light", "dark"):
        look.use(name)
        for widget in (pill, keys, empty):
            widget.resize(widget.sizeHint())
            assert not widget.grab().isNull()
    look.use(before)
    pill.show_text("LIVE", "live")
    assert (pill.text, pill.accessibleName()) == ("LIVE", "LIVE")


def test_labels_never_read_markup(qtbot: QtBot) -> None:
    for made in (label(HOSTILE), broker_label(HOSTILE)):
        qtbot.addWidget(made)
        assert made.textFormat() == Qt.TextFormat.PlainText
        assert not made.openExternalLinks()


def test_a_brokers_words_are_short_and_without_control_characters() -> None:
    words = clean(HOSTILE)
    assert len(words) <= 300
    assert words.isprintable()
    assert words.startswith("<a href='http://evil'>x</a>[31m B C")
    assert broker_words("  margin\nshort ") == "Broker says: margin short"
    assert broker_words("\x00") == ""


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    return made


def test_a_message_stands_in_the_corner_and_takes_no_keyboard(qtbot: QtBot, host: QWidget) -> None:
    box = parts.button("Here", parent=host)
    box.show()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    toast = Toasts(host).show("fill", "Bought 10 SBIN", "at 825.40")
    assert QApplication.focusWidget() is box
    assert toast.isVisible()
    assert host.rect().contains(toast.geometry())
    host.resize(1_000, 700)
    assert toast.geometry().bottom() > 650
    assert toast.geometry().right() < 500  # the buttons that send orders stand at the right


def test_the_same_message_is_counted_not_stacked(host: QWidget) -> None:
    toasts = Toasts(host)
    for _ in range(3):
        toasts.info("Layout saved")
    assert [toast.count for toast in toasts.stack] == [3]


def test_a_flood_leaves_the_refusals_standing(host: QWidget) -> None:
    toasts = Toasts(host)
    toasts.reject("Order refused", "no margin")
    for number in range(50):
        toasts.info(f"note {number}")
    assert len(toasts.stack) == 5
    assert toasts.stack[0].kind is ToastKind.REJECT
    overlap = toasts.stack[0].geometry() & toasts.stack[1].geometry()
    assert overlap.isEmpty()


def test_notes_go_by_themselves_and_refusals_stay(host: QWidget) -> None:
    now = [0]
    toasts = Toasts(host, now_ns=lambda: now[0])
    toasts.info("note")
    toasts.reject("refused")
    now[0] = 60 * 10**9
    toasts.expire()
    assert [toast.kind for toast in toasts.stack] == [ToastKind.REJECT]
    assert toasts.dismiss_newest()
    assert not toasts.dismiss_newest()


def test_each_message_sounds_and_is_logged(host: QWidget) -> None:
    sounds: list[ToastKind] = []
    toasts = Toasts(host, sound=sounds.append)
    logged: list[tuple[str, str, str]] = []
    toasts.shown.connect(lambda *words: logged.append(words))
    toasts.show(ToastKind.REJECT, HOSTILE, HOSTILE)
    assert sounds == [ToastKind.REJECT]
    assert all(len(words) <= 300 and words.isprintable() for words in logged[0])
    assert all(
        found.textFormat() == Qt.TextFormat.PlainText
        for found in toasts.stack[0].findChildren(QLabel)
    )


def test_an_offer_in_a_message_is_taken_once(qtbot: QtBot, host: QWidget) -> None:
    taken: list[bool] = []
    toasts = Toasts(host)
    toast = toasts.show("warn", "Link down", action=("Retry", lambda: taken.append(True)))
    offer = next(b for b in toast.findChildren(QAbstractButton) if b.text() == "Retry")
    qtbot.mouseClick(offer, Qt.MouseButton.LeftButton)
    assert taken == [True]
    assert toasts.stack == ()
