"""The composition root: builds the parts, connects them, starts them, stops them."""

import argparse
import asyncio
import base64
import contextlib
import functools
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QApplication

from desktop import log, loop, paths
from desktop.app_collector import Collector
from desktop.app_commands import add_commands
from desktop.app_single import SingleInstance
from desktop.app_status import StatusLine
from desktop.commands import Commands
from desktop.docks.base import DockContext, LinkGroups, Requests
from desktop.paths import Paths
from desktop.settings import Settings
from desktop.shell.docking import Docking
from desktop.shell.hotkeys import Hotkeys
from desktop.shell.panels import Panels, toggles
from desktop.shell.status_bar import StatusBar
from desktop.shell.window import MainWindow
from desktop.shell.workspace import Workspace, WorkspaceError, Workspaces, read_workspace
from desktop.trading.desk import Desk
from desktop.ui import sound
from desktop.ui.frame_clock import FrameClock
from desktop.ui.theme import Theme
from desktop.ui.toast import ToastKind, Toasts
from desktop.vault import Vault
from resources import text

if TYPE_CHECKING:
    from desktop.app_accounts import AccountsDesk

_log = logging.getLogger(__name__)
FIRST = "workspaces/first.json"
ASLEEP_S = 5.0
"""A stall longer than this was no slow paint: the computer slept."""

_APPEARS_S: Final = 0.5
"""How long the start waits for the first paint; a window that starts hidden has none."""


class App:
    """One running Tezi: its window, its accounts, its parts. Tests build it as `run` does."""

    def __init__(self, where: Paths, settings: Settings | None = None) -> None:
        self.paths = where
        self.settings = Settings(where.settings_file) if settings is None else settings
        self.tasks = loop.Tasks()
        self.commands = Commands()
        self.links = LinkGroups()
        self.stop = asyncio.Event()
        self.vault = Vault()
        Theme.current().use(
            self.settings.text("look.theme"), scale=self.settings.number("look.scale_percent") / 100
        )
        self.window = MainWindow(self.commands, self.settings.mapping("keys.changed"))
        self.toasts = Toasts(self.window, sound=self._sound)
        self.frames = FrameClock(self.window)
        self.docking = Docking(self.window)
        self.context = DockContext(
            settings=self.settings,
            commands=self.commands,
            links=self.links,
            requests=Requests(),
            toasts=self.toasts,
            start=self.tasks.start,
            cancel=self.tasks.cancel,
            request_frame=self.frames.request,
        )
        self.panels = Panels(self.docking, self.context)
        self.workspaces = Workspaces(where.workspaces)
        self.status_bar = StatusBar()
        self.window.set_status(self.status_bar)
        self.toasts.bottom_margin = self.window.statusBar().sizeHint().height()
        self.status = StatusLine(self)
        self.hotkeys = Hotkeys(self.window, self.commands, self.settings.mapping("keys.changed"))
        self.watchdog = loop.Watchdog(self._on_stall)
        self.frames.add(self._on_frame)
        self._has_appeared = asyncio.Event()
        self._first: Workspace | None = None
        self.window.appeared.connect(self._has_appeared.set)
        self.window.closing.connect(self.stop.set)
        self.tasks.on_failure.append(self._on_failure)
        self.settings.observe("look.theme", self._dress)
        self.settings.observe("look.scale_percent", self._dress)
        Theme.current().changed.connect(self._dress_docks)

    @functools.cached_property
    def accounts(self) -> "AccountsDesk":
        """Open, add and close accounts; the network and numpy come with it."""
        from desktop.app_accounts import AccountsDesk  # noqa: PLC0415 - not before the first window

        return AccountsDesk(self)

    # Life.

    def show(self) -> None:
        """Put the window on the screen, empty; `start` fills it."""
        self._dress_docks()
        add_commands(self)
        self.commands.add(*toggles(self.panels))
        self._first = self._last_workspace()
        self._place_window(self._first)
        self.window.show()

    async def start(self) -> None:
        """Fill the window, and bring it alive on the built-in practice account."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_APPEARS_S):
                await self._has_appeared.wait()
        self._fill()
        await asyncio.sleep(0)  # the docks are painted before more is imported
        self.watchdog.start()
        self.status.start()
        await self.accounts.open_practice()

    def _fill(self) -> None:
        """Put the first-run or the last workspace into the window."""
        workspace, self._first = self._first, None
        assert workspace is not None, "shown before it is filled"
        self.panels.restore(workspace)
        self.panels.share(workspace)
        for first in tuple(self.panels.docks.values())[:1]:
            first.setFocus()  # keys work from the first moment
        for problem in self.settings.problems:
            self.toasts.warn("Settings", problem)

    async def close(self) -> None:
        """Stop feeds, settle what is on its way or say so, save, and leave nothing behind."""
        async with contextlib.AsyncExitStack() as steps:
            # The last one pushed is done first; one that fails does not keep the others from it.
            steps.callback(self._forget_window)
            steps.push_async_callback(self.tasks.close)
            steps.push_async_callback(self.accounts.close)
            steps.callback(self.panels.close_all)
            for part in (self.frames, self.status, self.watchdog):
                steps.callback(part.stop)
            if self._first is None:  # else there is nothing in the window to be kept yet
                with contextlib.suppress(WorkspaceError, OSError):
                    self.save_workspace(self.settings.text("workspace.last"))

    def _forget_window(self) -> None:
        Theme.current().changed.disconnect(self._dress_docks)
        self.toasts.dismiss_all()
        self.window.allow_close()
        self.window.close()
        self.docking.close()
        self.window.deleteLater()

    def come_forward(self) -> None:
        """Show the window to somebody who started the program again."""
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    # Workspaces.

    def save_workspace(self, name: str) -> None:
        """Keep the arrangement under a name, and open with it next time."""
        geometry = bytes(self.window.saveGeometry().data())
        self.workspaces.save(self.panels.save(name, geometry))
        self.settings.set("workspace.last", name)

    def open_workspace(self, name: str) -> None:
        """Switch to a saved arrangement; one that cannot be read changes nothing."""
        try:
            workspace = self.workspaces.load(name)
        except WorkspaceError as error:
            self.toasts.warn(f"Workspace {name}", str(error))
            return
        self.save_workspace(self.settings.text("workspace.last"))
        self.panels.restore(workspace)
        self.settings.set("workspace.last", name)

    def reset_workspace(self) -> None:
        """Go back to the arrangement of the first run."""
        first = read_workspace(text(FIRST))
        self.panels.restore(first)
        self.panels.share(first)

    def show_desk(self, desk: Desk | None) -> None:
        """Show another account in every dock, the title and the status bar."""
        if desk is not None:
            desk.hub.on_dirty = self.frames.request
            self.window.set_account(desk.account.title, desk.account.kind.value)
        else:
            self.window.set_account("", "")
        self.panels.bind(desk)
        self.status.show()

    # Inside.

    def _last_workspace(self) -> Workspace:
        name = self.settings.text("workspace.last")
        with contextlib.suppress(WorkspaceError):
            return self.workspaces.load(name)
        if self.workspaces.has(name):
            self.toasts.warn("Workspace", f"{name} could not be read; the first one is shown.")
        return read_workspace(text(FIRST))

    def _place_window(self, workspace: Workspace) -> None:
        with contextlib.suppress(ValueError):
            geometry = base64.b64decode(workspace.geometry)
            if geometry and self.window.restoreGeometry(QByteArray(geometry)):
                return
        screen = self.window.screen().availableGeometry()
        if screen.width() <= 1600 or screen.height() <= 900:
            self.window.setGeometry(screen)
        else:
            self.window.resize(min(1920, screen.width()), min(1080, screen.height()))

    def _on_frame(self) -> None:
        desk = self.accounts.current
        if desk is not None:
            self.panels.apply(desk.hub.frame())

    def _dress(self) -> None:
        scale = self.settings.number("look.scale_percent") / 100
        Theme.current().use(self.settings.text("look.theme"), scale=scale)

    def _dress_docks(self) -> None:
        self.docking.set_style(Theme.current().style_sheet("qss/docking.qss"))

    def _sound(self, kind: ToastKind) -> None:
        if self.settings.flag("sound.fills") and kind in (ToastKind.FILL, ToastKind.REJECT):
            sound.play(kind.value)

    def _on_stall(self, late_s: float) -> None:
        if late_s > ASLEEP_S:
            self.accounts.resumed()
        self.toasts.warn("The window was held up", f"for {late_s:.1f} s; prices may have been late")

    def _on_failure(self, name: str, error: BaseException) -> None:
        owner = name.partition(":")[0]
        self.toasts.warn(
            "Something went wrong", f"in {owner} ({type(error).__name__}); see the log"
        )


def run(arguments: Sequence[str]) -> int:
    """Run the program; gives its exit status."""
    wanted = _parse(arguments)
    os.umask(0o077)  # whatever is written is its owner's alone
    where = _paths(wanted)
    log.set_up(where.logs, to_terminal=wanted.verbose)
    is_headless = not has_display()
    if is_headless:
        os.environ["QT_QPA_PLATFORM"] = offscreen(where.cache / "screen.json", 1920, 1080)
    app = QApplication(["tezi"])
    app.setApplicationName("Tezi")
    app.setDesktopFileName("tezi")
    collector = Collector(app)
    single = SingleInstance(where.data)
    if not single.take():
        single.call_the_other()
        sys.stderr.write("Tezi is running already; its window was asked to show itself.\n")
        return 0
    Theme.current().dress(app)
    try:
        if is_headless and not wanted.stay:
            from desktop.app_headless import session  # noqa: PLC0415 - not needed with a display

            return loop.run(app, lambda: session(App(where), Path(wanted.picture)))
        return loop.run(app, lambda: _with_window(App(where), single))
    finally:
        collector.stop()
        single.release()


async def _with_window(app: App, single: SingleInstance) -> int:
    began = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            asyncio.get_running_loop().add_signal_handler(number, app.stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: app.stop.set())
    app.show()
    single.listen(app.come_forward)
    _log.info("window after %.2f s", time.monotonic() - began)
    app.tasks.start(app.start(), owner="start")
    await app.stop.wait()
    await app.close()
    return 0


def offscreen(file: Path, width: int, height: int) -> str:
    """Write the description of a screen nobody sees; gives the platform's name for Qt.

    Without it the offscreen platform has a screen of 800 by 800.
    """
    screen = {"name": "screen", "x": 0, "y": 0, "width": width, "height": height, "dpr": 1}
    screen |= {"logicalDpi": 96, "logicalBaseDpi": 96}
    file.write_text(json.dumps({"screens": [screen]}), encoding="utf-8")
    return f"offscreen:configfile={file}"


def has_display() -> bool:
    """Tell whether a window can be shown here; Qt would abort where it cannot."""
    if not sys.platform.startswith("linux"):
        return True
    if os.environ.get("QT_QPA_PLATFORM"):
        return not os.environ["QT_QPA_PLATFORM"].startswith(("offscreen", "minimal"))
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m desktop", description="The trading desk.")
    parser.add_argument("--profile", metavar="DIR", help="keep everything in this folder")
    parser.add_argument("--temp-profile", action="store_true", help="start as on the first day")
    parser.add_argument("--stay", action="store_true", help="without a display: run until stopped")
    parser.add_argument(
        "--picture", default="tezi.png", metavar="FILE", help="without a display: the picture"
    )
    parser.add_argument("--verbose", action="store_true", help="the log on the terminal as well")
    return parser.parse_args(list(arguments))


def _paths(wanted: argparse.Namespace) -> Paths:
    if wanted.temp_profile:
        return paths.temporary_paths()
    if wanted.profile:
        return paths.profile_paths(Path(wanted.profile).expanduser())
    return paths.user_paths()
