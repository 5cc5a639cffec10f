"""Every gate in one command: format, lint, types, architecture, tests, journeys.

The last line is `N passed, N failed, N skipped` over all gates. A failure anywhere, or no test at
all, ends with a status other than 0.
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

if __name__ == "__main__":
    from installer.checkout import enter

    enter("dev")

ROOT = Path(__file__).resolve().parents[1]
CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
}
SUITES = {
    "": ["tests"],
    "fast": [
        "tests",
        "--ignore=tests/journeys",
        "--ignore=tests/reliability",
        "--ignore=tests/installer",
    ],
    "reliability": ["tests/reliability"],
    "installer": ["tests/installer"],
}


class Tally:
    """What all gates together found."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.skipped: list[str] = []

    def add_gate(self, name: str, status: int, took_s: float) -> None:
        self.passed += status == 0
        self.failed += status != 0
        print(f"{name}: {'ok' if status == 0 else 'FAILED'} ({took_s:.0f} s)", flush=True)

    def add_report(self, report: Path) -> None:
        """Count a pytest run from its report; a run without one has failed."""
        if not report.exists():
            self.failed += 1
            return
        for case in ET.parse(report).getroot().iter("testcase"):
            skip = case.find("skipped")
            if skip is not None:
                name = f"{case.get('classname')}.{case.get('name')}"
                self.skipped.append(f"{name}: {skip.get('message', '')}")
            elif case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
            else:
                self.passed += 1


def main(arguments: list[str]) -> int:
    wanted = _parse(arguments)
    os.chdir(ROOT)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if wanted.speed:
        return _run([sys.executable, "-m", "tests.speed", *wanted.rest])
    if wanted.pictures:
        return _run([sys.executable, "-m", "tests.rig.pictures", wanted.pictures])
    tally = Tally()
    if not wanted.rest:
        for name, command in CHECKS.items():
            if wanted.suite in ("", "fast"):
                _check(name, command, tally)
    _pytest(wanted, tally)
    for skip in tally.skipped:
        print(f"skipped: {skip}")
    ran = tally.passed + tally.failed
    print(f"{tally.passed} passed, {tally.failed} failed, {len(tally.skipped)} skipped")
    return 1 if tally.failed or not ran else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m tests", description=__doc__)
    parser.add_argument("suite", nargs="?", default="", choices=list(SUITES), help="all, or one")
    parser.add_argument("--long", action="store_true", help="the long forms of the same tests")
    parser.add_argument("--speed", action="store_true", help="benchmarks against the peers")
    parser.add_argument("--pictures", metavar="DIR", help="draw every dock and window into DIR")
    parser.add_argument("-k", dest="match", default="", help="only tests whose name matches")
    wanted, rest = parser.parse_known_args(arguments)
    wanted.rest = rest
    return wanted


def _check(name: str, command: list[str], tally: Tally) -> None:
    began = time.monotonic()
    status = _run([sys.executable, "-m", *command])
    tally.add_gate(name, status, time.monotonic() - began)


def _pytest(wanted: argparse.Namespace, tally: Tally) -> None:
    report = ROOT / ".pytest_cache" / "report.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
    command += ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]
    command += SUITES[wanted.suite] if not wanted.rest else wanted.rest
    if wanted.match:
        command += ["-k", wanted.match]
    if wanted.long:
        os.environ["TEZI_LONG"] = "1"
    began = time.monotonic()
    status = _run(command)
    tally.add_report(report)
    if status not in (0, 1):
        tally.failed += 1
    print(f"tests: status {status} ({time.monotonic() - began:.0f} s)", flush=True)


def _run(command: list[str]) -> int:
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
