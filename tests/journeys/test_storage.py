"""Files of an earlier run that cannot be used: the window opens, says so, and loses nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

from brokers.model.order import OpState, Side
from desktop.paths import profile_paths
from desktop.settings import Settings
from tests.rig.journey import SBIN, Journey, running_app
from tests.rig.practice import PracticeProcess


def _journal(profile: Path) -> Path:
    folder = profile_paths(profile).journal_folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "practice.sqlite"


async def _can_trade(journey: Journey) -> None:
    await journey.tradable()
    ltp = journey.ltp_e4(SBIN)
    assert ltp is not None
    op = await journey.confirmed(journey.draft(Side.BUY, 1, (ltp - 100_000) // 500 * 500))
    assert op.state is OpState.ACKED, [finding.text for finding in op.findings]


async def test_a_journal_of_a_newer_version_is_left_alone_and_told(
    tmp_path: Path, practice: PracticeProcess
) -> None:
    profile = tmp_path / "profile"
    with closing(sqlite3.connect(_journal(profile))) as connection:
        connection.execute("PRAGMA user_version=99")
    async with running_app(profile, practice) as journey:
        assert any("newer version" in said for said in journey.said)
        assert journey.app.accounts.current is None
        journey.app.accounts.add()
    with closing(sqlite3.connect(_journal(profile))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


async def test_a_damaged_journal_is_kept_aside_and_told(
    tmp_path: Path, practice: PracticeProcess
) -> None:
    profile = tmp_path / "profile"
    _journal(profile).write_bytes(b"SQLite format 3\x00" + b"\xff" * 8192)
    async with running_app(profile, practice) as journey:
        assert any("journal" in said for said in journey.said), journey.said
        kept = list(_journal(profile).parent.glob("practice.damaged-*.sqlite"))
        assert [path.read_bytes()[100:110] for path in kept] == [b"\xff" * 10]


async def test_torn_settings_and_workspaces_are_told_and_the_first_ones_shown(
    tmp_path: Path, practice: PracticeProcess
) -> None:
    profile = tmp_path / "profile"
    paths = profile_paths(profile)
    Settings(paths.settings_file).set("look.theme", "light")
    paths.settings_file.write_bytes(paths.settings_file.read_bytes()[:40])
    paths.workspaces.mkdir(parents=True, exist_ok=True)
    (paths.workspaces / "Trading.json").write_bytes(b'{"schema": 1, "name": "Tra')
    async with running_app(profile, practice) as journey:
        assert any("settings.json could not be read" in said for said in journey.said)
        assert any("Trading could not be read" in said for said in journey.said)
        names = {name.partition("#")[0] for name in journey.app.panels.docks}
        assert names >= {"watchlist", "chart", "depth", "ticket", "orders", "portfolio"}
        await _can_trade(journey)
