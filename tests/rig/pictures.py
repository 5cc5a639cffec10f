"""`python3 -m tests --pictures DIR`: every dock and the whole window, both themes, two sizes."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QApplication

from desktop import loop
from desktop.app import offscreen
from desktop.ui.theme import Theme
from tests.rig import scenes
from tests.rig.journey import Journey, running_app
from tests.rig.practice import PracticeProcess

THEMES = ("dark", "light")
SETTLED_S = 0.6
FRONT = ("dark", (1920, 1080))
"""How the picture of the README looks, `tezi.png`."""
SIZES = ((1920, 1080), (1366, 768))


async def make(folder: Path) -> int:
    """Start once, trade a little, and take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="tezi-"))
    with PracticeProcess(place) as practice:
        os.environ["TEZI_PORTS_FILE"] = str(practice.ports_file)
        async with running_app(place / "profile", practice) as journey:
            await scenes.furnish(journey)
            await asyncio.sleep(3)  # a little market for the picture
            for size in SIZES:
                for theme in THEMES:
                    await _window(journey, folder, theme, size)
            await _window(journey, folder, *FRONT)
            await scenes.living(journey)
            journey.app.window.grab().save(str(folder / "tezi.png"))
            for theme in THEMES:
                journey.app.settings.set("look.theme", theme)
                await _take(scenes.windows(journey), folder, theme)
                await _take(scenes.long_names(journey), folder, theme)
            journey.app.settings.set("look.theme", THEMES[0])
            await _take(scenes.trouble(journey), folder, THEMES[0])
    return 0


async def _take(shown: AsyncIterator[scenes.Scene], folder: Path, theme: str) -> None:
    async for name, widget in shown:
        widget.grab().save(str(folder / f"{name}-{theme}.png"))


async def _window(journey: Journey, folder: Path, theme: str, size: tuple[int, int]) -> None:
    app = journey.app
    app.settings.set("look.theme", theme)
    app.window.setGeometry(0, 0, *size)
    await asyncio.sleep(SETTLED_S)
    app.reset_workspace()
    await asyncio.sleep(SETTLED_S)
    app.toasts.dismiss_all()
    await asyncio.sleep(SETTLED_S)
    tag = f"{theme}-{size[0]}x{size[1]}"
    app.window.grab().save(str(folder / f"window-{tag}.png"))
    for name, dock in app.panels.docks.items():
        if not dock.isVisible():
            app.docking.show(name)
            await asyncio.sleep(SETTLED_S)
        # From the window: alone a dock would stand on another ground than it does there.
        place = QRect(dock.mapTo(app.window, QPoint()), dock.size())
        app.window.grab(place).save(str(folder / f"{name.replace('#', '')}-{tag}.png"))


if __name__ == "__main__":
    screen = Path(tempfile.mkdtemp(prefix="tezi-")) / "screen.json"
    os.environ["QT_QPA_PLATFORM"] = offscreen(screen, *SIZES[0])
    qt = QApplication(["tezi"])
    Theme.current().dress(qt)
    sys.exit(loop.run(qt, lambda: make(Path(sys.argv[1]).resolve())))
