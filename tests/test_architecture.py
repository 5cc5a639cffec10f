"""Who may import whom: the allow-list of the house. What is not in a row is forbidden.

It names no broker and no dock, so adding one never edits it. Direct edges suffice: if every edge
is legal, every chain is.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = ("brokers", "desktop", "resources", "installer", "tests")
IMPURE = frozenset(
    {
        *("asyncio", "socket", "ssl", "selectors", "threading", "logging", "time", "sqlite3"),
        *("subprocess", "multiprocessing", "http", "urllib.request"),
    }
)
BASE = (*("desktop.paths", "desktop.settings", "desktop.commands", "desktop.log", "desktop.vault"),)
ANYWHERE = frozenset({"typing_extensions", "resources"})
MOST_LINES = 500
MOST_LINES_IN_TESTS = 800


class Row(NamedTuple):
    """One row of the allow-list; `own` marks that the package itself is allowed."""

    place: str
    ours: tuple[str, ...] = ()
    third: tuple[str, ...] = ()
    is_pure: bool = False


def _row(place: str, ours: str = "", third: str = "", *, is_pure: bool = False) -> Row:
    return Row(place, tuple(ours.split()), tuple(third.split()), is_pure)


MODEL = "brokers.model"
# First match wins: the special modules stand before their folder. `<b>` and `<d>` are any broker
# and any dock; `<own>` is the broker's or dock's own package.
ROWS = (
    _row("brokers.model", "brokers.model", "msgspec", is_pure=True),
    _row("brokers.errors", MODEL, is_pure=True),
    _row("brokers.port", f"{MODEL} brokers.errors", "msgspec", is_pure=True),
    _row("brokers.wire", f"{MODEL} brokers.errors brokers.wire", "msgspec", is_pure=True),
    _row(
        "brokers.net",
        f"{MODEL} brokers.errors brokers.port brokers.wire brokers.net",
        "httpx websockets h11 msgspec",
    ),
    _row("brokers.registry", f"brokers brokers.port brokers.errors {MODEL}"),
    _row(
        "brokers.session",
        f"brokers.port brokers.errors {MODEL} brokers.net brokers.wire brokers.registry "
        "brokers.practice.launch",
        "msgspec",
    ),
    _row(
        "brokers.__main__",
        f"brokers.port brokers.errors {MODEL} brokers.registry brokers.session installer.checkout",
    ),
    _row(
        "brokers.practice.exchange",
        f"{MODEL} brokers.errors brokers.practice",
        "msgspec numpy",
        is_pure=True,
    ),
    _row(
        "brokers.practice.market",
        f"{MODEL} brokers.errors brokers.practice",
        "msgspec numpy",
        is_pure=True,
    ),
    _row(
        "brokers.practice",
        f"{MODEL} brokers.errors brokers.port brokers.registry brokers.net brokers.wire "
        "brokers.practice installer.checkout",
        "msgspec numpy",
    ),
    _row(
        "brokers.<b>.codec",
        f"{MODEL} brokers.errors brokers.wire <own>.codec",
        "msgspec",
        is_pure=True,
    ),
    _row(
        "brokers.<b>.login",
        f"{MODEL} brokers.errors brokers.wire <own>.codec <own>.urls",
        "msgspec",
        is_pure=True,
    ),
    _row(
        "brokers.<b>.symbols",
        f"{MODEL} brokers.errors brokers.port brokers.wire <own>.codec",
        "msgspec",
        is_pure=True,
    ),
    _row("brokers.<b>.urls", "", "", is_pure=True),
    _row(
        "brokers.<b>.practice*",
        f"brokers.practice brokers.net.server {MODEL} brokers.errors brokers.port brokers.wire "
        "<own>",
        "msgspec",
    ),
    _row(
        "brokers.<b>",
        f"brokers.port {MODEL} brokers.errors brokers.net brokers.wire <own>",
        "msgspec",
    ),
    _row("brokers", ""),
    _row("desktop.__main__", "desktop.app desktop.paths installer.checkout"),
    _row("desktop.app*", "brokers desktop", "PySide6 msgspec"),
    _row("desktop.loop", " ".join(BASE), "PySide6 qasync"),
    _row("desktop.vault", "brokers.port desktop.paths", "keyring"),
    _row("desktop.paths", "", "platformdirs msgspec"),
    *(_row(each, " ".join(BASE), "msgspec") for each in BASE),
    _row(
        "desktop.trading",
        f"{MODEL} brokers.port brokers.errors brokers.registry brokers.session desktop.trading "
        + " ".join(BASE),
        "numpy msgspec",
        is_pure=False,
    ),
    _row("desktop.ui", f"{MODEL} desktop.ui " + " ".join(BASE), "PySide6 shiboken6 msgspec"),
    _row("desktop.chart.pg", f"{MODEL} desktop.ui desktop.chart", "PySide6 numpy pyqtgraph"),
    _row("desktop.chart.indicators", f"{MODEL} desktop.chart", "numpy talib msgspec"),
    _row("desktop.chart", f"{MODEL} desktop.ui desktop.chart", "PySide6 shiboken6 numpy msgspec"),
    _row(
        "desktop.docks.base",
        f"desktop.trading desktop.ui {MODEL} " + " ".join(BASE),
        "PySide6 msgspec",
    ),
    _row("desktop.docks.registry", "desktop.docks desktop.docks.base"),
    _row(
        "desktop.docks.<d>",
        f"desktop.docks.base desktop.trading desktop.ui desktop.chart {MODEL} brokers.errors "
        "brokers.port <own> " + " ".join(BASE),
        "PySide6 numpy msgspec",
    ),
    _row("desktop.docks", ""),
    _row("desktop.shell.docking", "desktop.ui", "PySide6 PySide6QtAds"),
    _row(
        "desktop.shell",
        f"desktop.docks.base desktop.docks.registry desktop.trading desktop.ui desktop.shell "
        f"{MODEL} brokers.port desktop " + " ".join(BASE),
        "PySide6 msgspec",
    ),
    _row("desktop", ""),
    _row("resources", ""),
)


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("brokers", "desktop", "resources"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield name, path


def packages(folder: str) -> list[str]:
    """Name the sub-packages that are things (brokers, docks), not parts of the house."""
    parts = {"model", "wire", "net", "practice"}
    return [
        path.parent.name
        for path in sorted((ROOT / folder).glob("*/__init__.py"))
        if path.parent.name not in parts
    ]


def row_of(module: str) -> tuple[Row, str]:
    """Find the row of a module, and the package `<own>` stands for."""
    for row in ROWS:
        pattern = re.escape(row.place)
        pattern = pattern.replace("<b>", f"({'|'.join(packages('brokers')) or '-'})")
        pattern = pattern.replace("<d>", f"({'|'.join(packages('desktop/docks')) or '-'})")
        pattern = pattern.replace(r"\*", r"\w*")
        match = re.match(rf"{pattern}(\.|\Z)", module)
        if match:
            own = row.place.partition(">")[0] + ">"
            return row, own.replace("<b>", _group(match)).replace("<d>", _group(match))
    raise AssertionError(f"{module}: no row of the allow-list covers it")


def _group(match: re.Match[str]) -> str:
    return match.group(1) if match.re.groups > 1 else ""


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            is_package = (ROOT / node.module.replace(".", "/") / "__init__.py").exists()
            yield from ((node.lineno, name) for name in (names if is_package else [node.module]))


def is_allowed(row: Row, own: str, wanted: str) -> bool:
    top = wanted.partition(".")[0]
    if top in ANYWHERE or wanted == "__future__":
        return True
    if top in sys.stdlib_module_names:
        impure = wanted in IMPURE or (top in IMPURE and top != "urllib")
        return not (row.is_pure and impure)
    if top not in TOP:
        return top in row.third
    if wanted == "desktop.__version__":
        return True
    allowed = [place.replace("<own>", own) for place in row.ours]
    return any(
        wanted == place or (wanted.startswith(place + ".") and "." in place) for place in allowed
    ) or (wanted.partition(".")[0] in row.ours and row.place.startswith("desktop.app"))


def violations(module: str, source: str) -> list[str]:
    row, own = row_of(module)
    tree = ast.parse(source)
    found = [
        f"{module}:{line} may not import {wanted}"
        for line, wanted in imports(tree)
        if not is_allowed(row, own, wanted)
    ]
    if row.is_pure:
        found += [
            f"{module}:{node.lineno} asks the wall clock"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr in ("now", "utcnow", "today")
            and isinstance(node.value, ast.Name)
            and node.value.id in ("datetime", "date", "dt")
        ]
    return found


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda v: str(v)[-60:])
def test_every_import_is_on_the_allow_list(module: str, path: Path) -> None:
    assert not violations(module, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("brokers.model.money", "import socket"),
        ("brokers.wire.cursor", "import httpx"),
        ("brokers.port", "import brokers.net.rest"),
        ("brokers.fyers.codec.feed", "import time"),
        ("brokers.fyers.codec.feed", "from brokers.net import rest"),
        ("brokers.net.rest", "import PySide6.QtCore"),
        ("desktop.trading.hub", "import PySide6.QtCore"),
        ("desktop.trading.hub", "import httpx"),
        ("desktop.ui.grid", "from desktop.trading import hub"),
        ("desktop.docks.depth.dock", "from desktop.docks.chart import dock"),
        ("desktop.docks.depth.dock", "import pyqtgraph"),
        ("desktop.shell.window", "import PySide6QtAds"),
    ],
)
def test_a_planted_violation_is_caught(module: str, line: str) -> None:
    assert violations(module, line)


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    long = []
    for top in TOP:
        most = MOST_LINES_IN_TESTS if top == "tests" else MOST_LINES
        for path in (ROOT / top).rglob("*.py"):
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > most:
                long.append(f"{path.relative_to(ROOT)}: {lines} lines, at most {most}")
    assert not long


def test_no_broker_is_named_outside_its_own_folder() -> None:
    named = []
    for broker in packages("brokers"):
        word = re.compile(rf"(?<![a-z0-9]){broker}(?![a-z0-9])", re.IGNORECASE)
        for module, path in modules():
            if module.startswith(f"brokers.{broker}"):
                continue
            source = _without_docstrings(path)
            named += [f"{module} names {broker}" for _ in word.findall(source)]
    assert not named


def _without_docstrings(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]  # every node with a body takes one
                each
                for each in body
                if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
            ] or [ast.Pass()]
    return ast.unparse(tree)


def test_no_nested_qt_loop_and_no_banned_call() -> None:
    banned = re.compile(r"\.exec\(|\.exec_\(|processEvents\(|asyncSlot|asyncClose|verify=False")
    printed = re.compile(r"(?<!\w)print\(")
    slept = re.compile(r"time\.sleep\(")
    found = []
    for module, path in modules():
        source = _without_docstrings(path)
        found += [f"{module}: {hit}" for hit in banned.findall(source)]
        if module.startswith("desktop") and not module.endswith("__main__"):
            found += [f"{module}: {hit}" for hit in printed.findall(source) + slept.findall(source)]
    assert not found


def test_only_the_folders_of_the_house_stand_at_the_top() -> None:
    wanted = {"pyproject.toml", "desktop", "resources", "brokers", "tests", "installer"}
    wanted |= {"README.md", "CHANGELOG.md", "LICENSE"}
    built = {"build", "dist", "pictures"}
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")} - built
    assert found == wanted
