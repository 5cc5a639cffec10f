"""`python3 -m tests --pictures DIR`: every dock and the whole window, both themes, two sizes."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QApplication, QDialog

from brokers.model.order import OrderState, Side
from desktop import loop
from desktop.app import offscreen
from desktop.shell.keys_window import KeysWindow
from desktop.shell.login_window import LoginWindow
from desktop.shell.palette import Palette
from desktop.shell.settings_window import SettingsWindow
from desktop.ui.theme import Theme
from tests.rig.journey import SBIN, Journey, running_app
from tests.rig.practice import PracticeProcess

THEMES = ("dark", "light")
SIZES = ((1920, 1080), (1366, 768))
SETTLED_S = 0.6


async def make(folder: Path) -> int:
    """Start once, trade a little, and take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="tezi-"))
    with PracticeProcess(place) as practice:
        os.environ["TEZI_PORTS_FILE"] = str(practice.ports_file)
        async with running_app(place / "profile", practice) as journey:
            await furnish(journey)
            await _scenes(journey, folder)
            for size in SIZES:
                for theme in THEMES:
                    await _window(journey, folder, theme, size)
    return 0


async def furnish(journey: Journey) -> None:
    """Give the window something to show: fills, a working order, a loss and a profit."""
    await journey.tradable()
    ltp = journey.ltp_e4(SBIN)
    assert ltp is not None
    near = ltp // 500 * 500
    bought = await journey.place(Side.BUY, 250, near + 20_000)
    await journey.until(lambda: journey.state(bought.key) is OrderState.FILLED, "the fill")
    await journey.place(Side.BUY, 100, near - 60_000)
    await journey.place(Side.SELL, 50, near + 60_000)
    await asyncio.sleep(3)


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


async def _scenes(journey: Journey, folder: Path) -> None:
    """Take the windows that are not docks."""
    app = journey.app
    windows: dict[str, QDialog] = {
        "settings": SettingsWindow(app.settings, app.commands, app.window, on_keys=lambda: None),
        "keys": KeysWindow(app.commands, {}, app.window),
    }
    for name, window in windows.items():
        window.open()
        await asyncio.sleep(SETTLED_S)
        window.grab().save(str(folder / f"{name}.png"))
        window.close()
    app.commands.run("help.palette")
    await asyncio.sleep(SETTLED_S)
    app.window.grab().save(str(folder / "palette.png"))
    for palette in app.window.findChildren(Palette):
        palette.hide()
    app.accounts.add()
    await asyncio.sleep(SETTLED_S)
    for login in app.window.findChildren(LoginWindow):
        login.grab().save(str(folder / "login.png"))
        login.close()


if __name__ == "__main__":
    screen = Path(tempfile.mkdtemp(prefix="tezi-")) / "screen.json"
    os.environ["QT_QPA_PLATFORM"] = offscreen(screen, *SIZES[0])
    qt = QApplication(["tezi"])
    Theme.current().dress(qt)
    sys.exit(loop.run(qt, lambda: make(Path(sys.argv[1]).resolve())))
