"""Finds broker packages by walking this folder: a new broker needs no line anywhere else."""

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping

import brokers
from brokers.port import Plugin

# Folders of this package that are parts of the house, not brokers.
_HOUSE = frozenset({"model", "wire", "net", "practice"})


@functools.cache
def plugins() -> Mapping[str, Plugin]:
    """Give every broker by name, in alphabetical order."""
    found: dict[str, Plugin] = {}
    for module in pkgutil.iter_modules(brokers.__path__):
        if module.ispkg and module.name not in _HOUSE:
            plugin = importlib.import_module(f"brokers.{module.name}").PLUGIN
            assert isinstance(plugin, Plugin), module.name
            found[plugin.name] = plugin
    return found


def plugin(name: str) -> Plugin:
    """Give one broker.

    Raises:
        ValueError: no such broker; the text lists those there are.
    """
    found = plugins().get(name)
    if found is None:
        raise ValueError(f"no broker {name!r}; there are: {', '.join(plugins())}")
    return found


def default_practice() -> Plugin:
    """Give the broker whose wire the built-in practice account speaks."""
    return next(each for each in plugins().values() if each.is_practice_default)


def practice_face(name: str) -> object:
    """Give a broker's `FACE`: the maker of its server side on the practice exchange."""
    return importlib.import_module(f"brokers.{name}.practice").FACE


def practice_faces() -> tuple[str, ...]:
    """Name the brokers that have a practice face."""
    return tuple(
        name
        for name in plugins()
        if importlib.util.find_spec(f"brokers.{name}.practice") is not None
    )
