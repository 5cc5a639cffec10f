"""The one maker of labels: plain text always, and a broker's words cut and cleaned first."""

import unicodedata
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

LONGEST: Final = 300
_KEPT: Final = frozenset({"\u200c", "\u200d"})
"""Joiners that Indian scripts need; every other invisible character goes."""


def clean(text: str, longest: int = LONGEST) -> str:
    """Make words from elsewhere fit to show: one short line, no control characters."""
    # Cut before cleaning, so that a flood costs no more than what is shown of it.
    head = text[: 4 * longest]
    kept = "".join(
        " " if letter.isspace() else letter
        for letter in head
        if letter.isspace() or letter in _KEPT or unicodedata.category(letter)[0] != "C"
    )
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def label(
    text: str = "",
    *,
    role: str = "",
    parent: QWidget | None = None,
    wraps: bool = False,
    align: Qt.AlignmentFlag | None = None,
) -> QLabel:
    """Make a label that never reads its text as markup.

    Args:
        text: our own words.
        role: look by name, as the style sheet knows it: dim, small, title, large, huge, up, down,
            warn, danger, link.
        parent: its owner.
        wraps: whether long text breaks into lines.
        align: where the text stands; left and centred vertically by default.
    """
    made = QLabel(parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
    made.setOpenExternalLinks(False)
    made.setText(text)
    made.setWordWrap(wraps)
    if align is not None:
        made.setAlignment(align | Qt.AlignmentFlag.AlignVCenter)
    if role:
        set_role(made, role)
    return made


def broker_label(text: str, *, role: str = "dim", parent: QWidget | None = None) -> QLabel:
    """Make a label of a broker's words: cleaned, wrapped, and named as theirs."""
    made = label(broker_words(text), role=role, parent=parent, wraps=True)
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def broker_words(text: str) -> str:
    """Name a broker's words as theirs."""
    cleaned = clean(text)
    return f"Broker says: {cleaned}" if cleaned else ""


def set_role(widget: QWidget, role: str) -> None:
    """Change the look of a label or button that the style sheet knows by `role`."""
    if widget.property("role") == role:
        return
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
