"""Finds dock packages by walking this folder, and imports a dock's code when it is first opened."""

import functools
import importlib
import pkgutil
import sys
from collections.abc import Mapping

import desktop.docks
from desktop.docks.base import Dock, DockContext, DockSpec


@functools.cache
def specs() -> Mapping[str, DockSpec]:
    """Give every dock's spec by id, in alphabetical order."""
    found = {}
    for module in pkgutil.iter_modules(desktop.docks.__path__):
        if module.ispkg:
            spec = importlib.import_module(f"desktop.docks.{module.name}").SPEC
            found[spec.id] = spec
    return found


def is_imported(spec: DockSpec) -> bool:
    """Tell whether building such a dock costs no import any more."""
    return spec.factory.partition(":")[0] in sys.modules


def make(spec: DockSpec, context: DockContext, name: str) -> Dock:
    """Build a dock; imports its module the first time."""
    module, _, kind = spec.factory.partition(":")
    dock = getattr(importlib.import_module(module), kind)(context, name)
    assert isinstance(dock, Dock), spec.factory
    return dock
