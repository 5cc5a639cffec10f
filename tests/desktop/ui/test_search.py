"""The instrument box: keyboard first, never losing it."""

from collections.abc import Iterator, Sequence

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentKind,
    Segment,
    instrument_id,
)
from desktop.ui.search import InstrumentSearch, matched_spans

# The offscreen platform cannot raise the list's window and says so; nothing depends on it.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support raise")


def share(token: str, ticker: str, name: str) -> Instrument:
    return Instrument(
        id=instrument_id("NSE", "CM", token),
        exchange=Exchange.NSE,
        segment=Segment.CM,
        token=token,
        symbol=f"NSE:{ticker}",
        name=name,
        kind=InstrumentKind.EQUITY,
        lot_size=1,
        tick_e4=500,
    )


LISTED = [
    share("2885", "RELIANCE-EQ", "Reliance Industries"),
    share("553", "RELINFRA-EQ", "Reliance Infrastructure"),
    share("3045", "SBIN-EQ", "State Bank of India"),
]


def find(words: str) -> Sequence[Instrument]:
    return [i for i in LISTED if all(w in f"{i.ticker} {i.name}".lower() for w in words.split())]


@pytest.fixture
def box(qtbot: QtBot) -> Iterator[InstrumentSearch]:
    made = InstrumentSearch(find)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close_list()


def test_typing_offers_and_enter_takes_the_best(qtbot: QtBot, box: InstrumentSearch) -> None:
    chosen: list[Instrument] = []
    box.chosen.connect(chosen.append)
    qtbot.keyClicks(box, "reli")
    assert [found.ticker for found in box.matches] == ["RELIANCE-EQ", "RELINFRA-EQ"]
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert chosen == [LISTED[0]]
    assert box.text() == ""
    assert not box.matches


def test_arrows_choose_another_and_stop_at_the_ends(qtbot: QtBot, box: InstrumentSearch) -> None:
    chosen: list[Instrument] = []
    box.chosen.connect(chosen.append)
    box.keeps_text = True
    qtbot.keyClicks(box, "reli")
    for _ in range(5):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Tab)
    assert chosen == [LISTED[1]]
    assert box.text() == "RELINFRA"


def test_escape_closes_the_list_first_and_empties_the_box_second(
    qtbot: QtBot, box: InstrumentSearch
) -> None:
    qtbot.keyClicks(box, "sbin")
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert not box.matches
    assert box.text() == "sbin"
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.matches
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == ""


def test_enter_without_a_match_chooses_nothing(qtbot: QtBot, box: InstrumentSearch) -> None:
    chosen: list[Instrument] = []
    box.chosen.connect(chosen.append)
    qtbot.keyClicks(box, "zzz")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert chosen == []


def test_another_account_closes_the_list(qtbot: QtBot, box: InstrumentSearch) -> None:
    qtbot.keyClicks(box, "sbin")
    box.set_find(lambda _words: [])
    assert not box.matches


def test_the_matched_letters_are_found_in_any_order() -> None:
    assert matched_spans("bank state", "State Bank of India") == [(0, 5), (6, 4)]
    assert matched_spans("xyz", "State Bank") == []
    assert matched_spans("nifty25", "NIFTY26NOV25750CE") == [(0, 5), (10, 2)]
