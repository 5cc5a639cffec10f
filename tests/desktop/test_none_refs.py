"""The Qt binding must not lose references to None: 6.12.0 on Python 3.11 aborts within seconds."""

import sys

from PySide6.QtCore import QObject


def test_void_calls_keep_their_references_to_none() -> None:
    probe = QObject()
    before = sys.getrefcount(None)
    for _ in range(1000):
        probe.killTimer(probe.startTimer(99_999))
    assert abs(sys.getrefcount(None) - before) < 100
