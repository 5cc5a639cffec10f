"""From the start of the process to the first window, and to live prices in it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.speed.measure import MS, NothingHappenedError, median, note, tell

_HERE = Path(__file__).parent
_OURS = _HERE / "starting.py"
_PEER = _HERE / "peers" / "vnpy_window.py"
_ROUNDS = 9
_COLD_ROUNDS = 3
_PATIENCE_S = 60
_SCREEN = {"x": 0, "y": 0, "width": 1920, "height": 1080, "dpr": 1, "logicalDpi": 96}


def start(script: Path, *wanted: str) -> tuple[float, float]:
    """Start a program in a fresh home; give seconds to its word, and MB then."""
    with tempfile.TemporaryDirectory(prefix="tezi-speed-") as home:
        # Both fill the same screen; ours would lay one out itself.
        screen = Path(home) / "screen.json"
        screen.write_text(json.dumps({"screens": [{"name": "s", "logicalBaseDpi": 96} | _SCREEN]}))
        environment = {**os.environ, "HOME": home}
        environment["QT_QPA_PLATFORM"] = f"offscreen:configfile={screen}"
        environment.pop("TEZI_PORTS_FILE", None)
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        done = subprocess.run(
            [sys.executable, str(script), *wanted],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
            env=environment,
        )
    said = [line.split() for line in done.stdout.splitlines() if line.count(" ") == 2]
    if not said:
        raise NothingHappenedError(f"{script.name} {wanted} painted nothing: {done.stderr[-600:]}")
    _, at, megabytes = said[-1]
    note(f"{script.name} {' '.join(wanted)} {(float(at) - began) * MS:.0f} ms {megabytes} MB")
    return float(at) - began, float(megabytes)


def main() -> None:
    kinds = {"shell": (_OURS, "shell"), "workspace": (_OURS, "workspace"), "vn.py": (_PEER,)}
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for turn in range(_ROUNDS + 1):
        for kind, call in kinds.items():
            outcome = start(*call)
            if turn:  # the first one fills the page cache
                found[kind].append(outcome)
    seconds = {kind: median([each[0] for each in kept]) for kind, kept in found.items()}
    megabytes = {kind: median([each[1] for each in kept]) for kind, kept in found.items()}
    for name, kind, goal in (
        ("start to the first window", "shell", 3.0),
        ("start to the whole workspace, every dock", "workspace", 1.8),
    ):
        tell(
            name,
            "ms",
            seconds[kind] * MS,
            peer="vn.py",
            theirs=seconds["vn.py"] * MS,
            goal=goal,
        )
    for name, kind, goal in (
        ("resident memory at the first window", "shell", 1 / 0.6),
        ("  the same with the whole workspace", "workspace", 1.0),
    ):
        tell(name, "MB", megabytes[kind], peer="vn.py", theirs=megabytes["vn.py"], goal=goal)
    cold = median([start(_OURS, "quotes")[0] for _ in range(_COLD_ROUNDS)])
    tell("start to live prices, practice exchange cold (at most 4)", "s", cold, limit=4.0)


if __name__ == "__main__":
    main()
