"""The data folder beside the project: real masters, captures and candles, never committed."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def shared(path: str) -> Path:
    """Give a file of the data folder, or skip the test naming what is missing."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"needs the data folder beside the project: {path}")
    return found
