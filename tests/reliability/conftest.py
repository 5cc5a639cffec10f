"""A practice exchange and a window for each attempt, and the log that must stay clean."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.journey import Begin, running_app
from tests.rig.practice import PracticeProcess


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PracticeProcess]:
    """Run an exchange of the test's own, which the window then uses."""
    with PracticeProcess(tmp_path, "--no-limits") as process:
        monkeypatch.setenv("TEZI_PORTS_FILE", str(process.ports_file))
        yield process


@pytest.fixture
def begin(tmp_path: Path, practice: PracticeProcess) -> Begin:
    """Give the start of a window on that exchange."""
    return lambda: running_app(tmp_path / "profile", practice)


@pytest.fixture(autouse=True)
def _no_errors_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever an exchange does, nothing of ours may fail uncaught."""
    yield
    found = [each for each in caplog.get_records("call") if each.levelno >= logging.ERROR]
    assert not found, [each.getMessage() for each in found]
