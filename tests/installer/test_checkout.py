"""A fresh checkout runs itself: what is checked, what is said, and what the locks hold."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from installer import checkout

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)


def _lock(kind: str) -> str:
    return (ROOT / "installer" / "locks" / f"{kind}.txt").read_text(encoding="ascii")


def _wanted(kind: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = list(project["project"]["dependencies"])
    if kind == "dev":
        texts += project["dependency-groups"]["dev"]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("kind", ["runtime", "dev"])
def test_every_dependency_is_locked_inside_its_range(kind: str) -> None:
    pins: dict[str, list[str]] = {}
    for name, version in PIN.findall(_lock(kind)):
        pins.setdefault(canonicalize_name(name), []).append(version)
    for wanted in _wanted(kind):
        versions = pins.get(canonicalize_name(wanted.name), [])
        assert versions, f"{wanted.name} is not in the {kind} lock"
        assert all(wanted.specifier.contains(version) for version in versions), wanted.name


@pytest.mark.parametrize("kind", ["runtime", "dev"])
def test_locks_carry_hashes_and_no_addresses(kind: str) -> None:
    lock = _lock(kind)
    assert "://" not in lock
    for block in re.split(r"(?m)^(?=\S)", lock):
        assert not block.strip() or "--hash=sha256:" in block, block[:60]


def test_an_unsuitable_python_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 6, "final", 0))
    with pytest.raises(SystemExit) as stop:
        checkout.enter("runtime")
    assert stop.value.code == checkout.MISSING
    assert "3.11" in capsys.readouterr().err


def test_a_user_is_given_one_line_to_run_for_missing_libraries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkout, "missing_packages", lambda: ["libegl1", "libxcb-cursor0"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/apt-get")
    with pytest.raises(SystemExit):
        checkout._need_system_parts()
    said = capsys.readouterr().err
    assert "sudo apt-get install -y --no-install-recommends libegl1 libxcb-cursor0" in said


def test_an_unreachable_network_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(checkout, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(checkout, "_need_system_parts", lambda: None)
    monkeypatch.setattr(checkout, "_works", lambda: True)
    monkeypatch.setattr(checkout, "_python", lambda: Path(sys.executable))
    for name in ("PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(checkout, "LOCKS", tmp_path)
    (tmp_path / "runtime.txt").write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SystemExit):
        checkout._make("runtime")
    assert "needs the network once" in capsys.readouterr().err


def test_the_bootstrap_needs_nothing_but_the_standard_library() -> None:
    code = "import sys; sys.path.insert(0, '.'); import installer.checkout; print('fine')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "fine", done.stderr


def test_a_lock_of_other_content_makes_the_environment_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checkout, "VENV", tmp_path)
    monkeypatch.setattr(checkout, "LOCKS", tmp_path)
    monkeypatch.setattr(checkout, "_python", lambda: Path(sys.executable))
    for kind in ("runtime", "dev"):
        (tmp_path / f"{kind}.txt").write_text("one")
    assert not checkout._is_ready("runtime")
    checkout._stamp("dev").write_text(checkout._fingerprint("dev"))
    assert checkout._is_ready("runtime"), "the wider environment serves the narrower need"
    (tmp_path / "dev.txt").write_text("two")
    assert not checkout._is_ready("runtime")
