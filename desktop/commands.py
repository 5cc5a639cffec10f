"""What the trader can do, once: menus, the palette, hotkeys and `?` are drawn from this."""

from collections.abc import Callable, Iterator

import msgspec


def _always() -> bool:
    return True


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One action. `keys` are Qt key sequences ("Ctrl+K"); `group` is its menu and palette heading.

    `run` is called on the window's thread and returns at once; `is_enabled` is asked when shown.
    """

    id: str
    title: str
    group: str
    run: Callable[[], None]
    keys: tuple[str, ...] = ()
    is_enabled: Callable[[], bool] = _always
    is_checked: Callable[[], bool] | None = None


class Commands:
    """The register of commands, in the order they were added."""

    def __init__(self) -> None:
        self._by_id: dict[str, Command] = {}
        self._listeners: list[Callable[[], None]] = []

    def add(self, *commands: Command) -> None:
        """Add commands; an id that exists already is a programming error."""
        for command in commands:
            if command.id in self._by_id:
                raise ValueError(f"command {command.id} exists already")
            self._by_id[command.id] = command
        self._tell()

    def remove(self, *ids: str) -> None:
        for each in ids:
            self._by_id.pop(each, None)
        self._tell()

    def __iter__(self) -> Iterator[Command]:
        return iter(tuple(self._by_id.values()))

    def __getitem__(self, command_id: str) -> Command:
        return self._by_id[command_id]

    def __contains__(self, command_id: object) -> bool:
        return command_id in self._by_id

    def run(self, command_id: str) -> bool:
        """Run a command if it is enabled; tells whether it ran."""
        command = self._by_id[command_id]
        if not command.is_enabled():
            return False
        command.run()
        return True

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
