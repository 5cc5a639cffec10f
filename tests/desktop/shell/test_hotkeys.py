"""Keys come from the commands; what two commands claim is shown."""

from desktop.commands import Command, Commands
from desktop.shell.hotkeys import conflicts, keys_of


def _command(name: str, *keys: str) -> Command:
    return Command(id=name, title=name, group="Trade", keys=keys, run=lambda: None)


def test_a_changed_key_replaces_the_usual_one() -> None:
    assert keys_of(_command("buy", "F1"), {"buy": "B"}) == ("B",)
    assert keys_of(_command("buy", "F1"), {"buy": ""}) == ()


def test_a_key_claimed_twice_is_reported_with_both_commands() -> None:
    commands = Commands()
    commands.add(_command("buy", "F1"), _command("sell", "F2"), _command("help", "?"))
    assert conflicts(commands, {}) == {}
    assert conflicts(commands, {"sell": "F1"}) == {"F1": ["buy", "sell"]}
