"""The program's own commands: accounts, trading, workspaces, look, help."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from brokers.model.instrument import Instrument
from brokers.model.order import Side
from desktop.commands import Command
from desktop.docks.base import LINKS, TicketRequest
from desktop.shell.ask_window import AskWindow
from desktop.shell.hotkeys import keys_of, spoken
from desktop.shell.keys_window import KeysWindow
from desktop.shell.palette import Entry, Palette, matches
from desktop.shell.settings_window import SettingsWindow
from desktop.ui.theme import Theme

if TYPE_CHECKING:
    from desktop.app import App

_MOST_COMMANDS: Final = 8
_MOST_INSTRUMENTS: Final = 30
_SCALES: Final = (75, 80, 90, 100, 110, 125, 150, 175, 200)


def add_commands(app: "App") -> None:
    """Add every command that belongs to no dock."""
    palette = Palette(app.window, functools.partial(_find, app))
    app.commands.add(
        *_account_commands(app),
        *_trade_commands(app),
        *_workspace_commands(app),
        *_look_commands(app),
        Command(
            id="help.palette",
            title="Find a command or an instrument",
            group="Help",
            keys=("Ctrl+K", "Ctrl+P"),
            run=palette.open,
        ),
        Command(
            id="help.keys",
            title="Show every key",
            group="Help",
            keys=("?", "Shift+F1"),
            run=lambda: KeysWindow(
                app.commands, app.settings.mapping("keys.changed"), app.window
            ).open(),
        ),
        Command(
            id="help.dismiss",
            title="Dismiss the newest message",
            group="Help",
            keys=("Ctrl+Backspace",),
            run=functools.partial(_dismiss, app),
        ),
    )


def _command(
    command_id: str, title: str, keys: Sequence[str], run: Callable[[], object]
) -> Command:
    group = command_id.partition(".")[0]
    titles = {"account": "Accounts", "trade": "Trade", "workspace": "Workspace", "view": "View"}

    def call() -> None:
        run()

    return Command(id=command_id, title=title, group=titles[group], keys=tuple(keys), run=call)


def _account_commands(app: "App") -> tuple[Command, ...]:
    return (
        _command("account.add", "Add account …", (), lambda: _add(app)),
        _command("account.next", "Next account", ("Ctrl+Shift+A",), lambda: _next_account(app)),
        _command("account.restart", "Restart the practice exchange", (), lambda: _restart(app)),
        _command("account.settings", "Settings …", ("Ctrl+,",), lambda: _settings(app)),
        _command("account.quit", "Quit", ("Ctrl+Q",), app.window.close),
    )


def _add(app: "App") -> None:
    app.accounts.add()


def _restart(app: "App") -> None:
    app.accounts.restart()


def _trade_commands(app: "App") -> tuple[Command, ...]:
    def ticket(side: Side) -> None:
        instrument = app.links.current(LINKS[1])
        if instrument is not None:
            app.panels.open("ticket")
            app.context.requests.ticket.emit(TicketRequest(instrument=instrument, side=side))

    return (
        _command("trade.buy", "Buy", ("F1",), lambda: ticket(Side.BUY)),
        _command("trade.sell", "Sell", ("F2",), lambda: ticket(Side.SELL)),
        _command("trade.kill", "Halt and cancel everything", ("Ctrl+Shift+K",), lambda: _kill(app)),
        _command("trade.rearm", "Allow orders again", (), lambda: _rearm(app)),
    )


def _workspace_commands(app: "App") -> tuple[Command, ...]:
    return (
        _command("workspace.save", "Save", ("Ctrl+S",), lambda: _save(app)),
        _command("workspace.save_as", "Save as …", ("Ctrl+Shift+S",), lambda: _save_as(app)),
        _command("workspace.open", "Open …", ("Ctrl+O",), lambda: _open(app)),
        _command("workspace.reset", "Back to the first arrangement", (), app.reset_workspace),
    )


def _look_commands(app: "App") -> tuple[Command, ...]:
    def theme() -> None:
        other = "light" if Theme.current().is_dark else "dark"
        app.settings.set("look.theme", other)

    def scale(steps: int) -> None:
        now = app.settings.number("look.scale_percent")
        at = min(range(len(_SCALES)), key=lambda i: abs(_SCALES[i] - now)) + steps
        app.settings.set("look.scale_percent", _SCALES[max(0, min(at, len(_SCALES) - 1))])

    def usual() -> None:
        app.settings.set("look.scale_percent", 100)

    return (
        _command("view.theme", "Dark or light", ("Ctrl+Shift+L",), theme),
        _command("view.larger", "Larger text", ("Ctrl++", "Ctrl+="), lambda: scale(1)),
        _command("view.smaller", "Smaller text", ("Ctrl+-",), lambda: scale(-1)),
        _command("view.usual", "Usual text size", ("Ctrl+0",), usual),
    )


def _find(app: "App", text: str) -> list[Entry]:
    """Give the palette's lines: instruments and commands that match what was typed."""
    changed = app.settings.mapping("keys.changed")
    found = []
    for command in app.commands:
        title = f"{command.group}: {command.title}"
        if matches(text, title) and command.is_enabled():
            keys = keys_of(command, changed)
            key = spoken(keys[0]) if keys else ""
            found.append(Entry(title=title, detail="", key=key, run=command.run))
    if not text:
        return found
    desk = app.accounts.current
    instruments = [] if desk is None else desk.instruments.search(text, _MOST_INSTRUMENTS)
    entries = [
        Entry(
            title=each.symbol,
            detail=each.name,
            key="",
            run=functools.partial(_select, app, each),
        )
        for each in instruments
    ]
    return entries[:4] + found[:_MOST_COMMANDS] + entries[4:]


def _select(app: "App", instrument: Instrument) -> None:
    app.links.select(LINKS[1], instrument.id)


def _next_account(app: "App") -> None:
    names = app.accounts.names
    desk = app.accounts.current
    if desk is not None and len(names) > 1:
        at = (names.index(desk.account.name) + 1) % len(names)
        app.accounts.bring_to_front(names[at])


def _settings(app: "App") -> None:
    def rebuild() -> None:
        changed = app.settings.mapping("keys.changed")
        app.hotkeys.change(changed)
        app.window.set_keys(changed)

    SettingsWindow(app.settings, app.commands, app.window, on_keys=rebuild).open()


def _kill(app: "App") -> None:
    desk = app.accounts.current
    if desk is None:
        return

    # At once, before any task has its turn: from here on nothing new leaves.
    desk.orders.halt("kill switch")

    async def kill() -> None:
        report = await desk.orders.kill()
        words = f"{report.asked} cancels sent; {len(report.survivors)} orders still work"
        app.toasts.warn("Trading is halted", f"{words}. {report.problem}".strip())

    app.tasks.start(kill(), owner="kill")


def _rearm(app: "App") -> None:
    desk = app.accounts.current
    if desk is None or not desk.orders.halt_reason:
        return
    title = desk.account.title

    def take(typed: str) -> None:
        if typed.strip() == title:
            desk.orders.rearm()
            app.toasts.info("Orders are allowed again", title)

    question = f"Type the account's name, {title}, to allow orders:"
    AskWindow("Allow orders again", question, "Allow orders", take, parent=app.window).open()


def _save(app: "App") -> None:
    name = app.settings.text("workspace.last")
    app.save_workspace(name)
    app.toasts.info("Workspace saved", name)


def _save_as(app: "App") -> None:
    def take(name: str) -> None:
        app.save_workspace(name)
        app.toasts.info("Workspace saved", name)

    question = "Keep this arrangement of windows under the name:"
    AskWindow("Save workspace", question, "Save", take, parent=app.window).open()


def _dismiss(app: "App") -> None:
    app.toasts.dismiss_newest()


def _open(app: "App") -> None:
    names = app.workspaces.names()
    if not names:
        app.toasts.info("No workspace is saved yet", "Save this arrangement first, with Ctrl+S.")
        return
    question = "Arrange the windows as in:"
    take = app.open_workspace
    AskWindow("Open workspace", question, "Open", take, parent=app.window, choices=names).open()
