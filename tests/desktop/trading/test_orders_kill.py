"""Death at any moment: no intent lost, no order sent twice, no wrong final state."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.kill_orders import POINTS, RANDOM

ROOT = Path(__file__).resolve().parents[3]
KILLS = 2_000 if os.environ.get("TEZI_LONG") else 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked children")
@pytest.mark.timeout(1_200)
def test_kill_each_step(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.rig.kill_orders", tmp_path, str(KILLS), "11"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1_200,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2_000:]
    report = json.loads(ran.stdout)

    assert report["problems"] == [], ran.stderr[-2_000:]
    assert report["kills"] >= KILLS
    assert report["orders"] >= KILLS
    assert set(report["by_point"]) == {*POINTS, RANDOM}
