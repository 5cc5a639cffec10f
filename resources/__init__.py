"""Files the program ships: themes, icons, pages, calendars, workspaces."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """Give the path of a shipped file, by its name below this folder: `themes/dark.toml`."""
    found = (_HERE / name).resolve()
    if not found.is_relative_to(_HERE):
        raise ValueError(f"{name} is not a shipped file")
    return found


def text(name: str) -> str:
    """Read a shipped text."""
    return path(name).read_text(encoding="utf-8")
