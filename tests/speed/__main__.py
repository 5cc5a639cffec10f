"""Makes `.venv-peers`, runs the benchmarks, prints the table; 0 when every goal is met."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-peers"
LOCK = ROOT / "installer" / "locks" / "peers.txt"
PATIENCE_S = 1800


def python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make() -> None:
    """Make the peers' environment if the lock changed since it was made."""
    stamp = VENV / "peers.stamp"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Making .venv-peers (once; several minutes) …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    # Some peers pin versions that exclude each other; the lock names every package itself.
    pip = [str(python()), "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "-r", str(LOCK)], check=True)
    stamp.write_text(wanted)


def run(bench: Path) -> list[dict[str, object]]:
    """Run one benchmark and give its figures; a crash is a figure that is not met."""
    with tempfile.TemporaryDirectory(prefix="tezi-speed-") as home:
        # The peers write into the home folder.
        environment = {**os.environ, "HOME": home, "PYTHONPATH": str(ROOT)}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        done = subprocess.run(
            [str(python()), str(bench)],
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    figures = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not figures:
        figures.append({"figure": f"{bench.stem} ended with {done.returncode}", "is_met": False})
    return figures


def main(wanted: list[str]) -> int:
    make()
    here = Path(__file__).resolve().parent
    benches = [
        bench
        for bench in sorted(here.glob("bench_*.py"))
        if not wanted or any(word in bench.stem for word in wanted)
    ]
    figures = [figure for bench in benches for figure in run(bench)]
    print(f"{'FIGURE':<58} {'PEER':<14} {'OURS':>10} {'THEIRS':>10} {'RATIO':>8} {'GOAL':>6}")
    for each in figures:
        row = [each.get(key, "") for key in ("ours", "theirs", "ratio", "goal")]
        cells = "".join(
            f"{value:>11.4g}" if isinstance(value, int | float) else f"{value:>11}" for value in row
        )
        met = "" if each.get("is_met") else "  MISSED"
        name = f"{each['figure']} {each.get('unit', '')}".strip()
        print(f"{name:<58} {each.get('peer', ''):<14}{cells}{met}")
    missed = sum(not each.get("is_met") for each in figures)
    print(f"{len(figures) - missed} passed, {missed} failed")
    return 1 if missed or not figures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
