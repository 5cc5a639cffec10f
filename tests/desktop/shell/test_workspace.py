"""Workspaces: restored whole or refused."""

from pathlib import Path

import pytest

from desktop.shell.workspace import (
    PanelState,
    Workspace,
    WorkspaceError,
    Workspaces,
    read_workspace,
)
from resources import text


def _workspace(name: str = "Options") -> Workspace:
    panel = PanelState(dock="chart", name="chart#1", state={"interval": "5m"})
    return Workspace(schema=1, name=name, panels=(panel,), links={"blue": "NSE:CM:3045"})


def test_a_saved_workspace_comes_back_the_same(tmp_path: Path) -> None:
    kept = Workspaces(tmp_path)
    kept.save(_workspace())
    assert kept.load("Options") == _workspace()
    assert kept.names() == ["Options"]
    kept.delete("Options")
    assert not kept.has("Options")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"schema": 2, "name": "x", "panels": []}',
        b'{"schema": 1, "name": "x", "panels": [], "layout": "***"}',
        b'{"schema":1,"name":"x","panels":[{"dock":"a","name":"a"},{"dock":"b","name":"a"}]}',
    ],
)
def test_a_file_that_is_not_whole_is_refused(body: bytes) -> None:
    with pytest.raises(WorkspaceError):
        read_workspace(body)


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    kept = Workspaces(tmp_path / "in")
    kept.save(_workspace("../../evil"))
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "in"]


def test_the_first_run_workspace_is_whole() -> None:
    first = read_workspace(text("workspaces/first.json"))
    names = {panel.name for panel in first.panels}
    assert {panel.dock for panel in first.panels} >= {"watchlist", "chart", "depth", "ticket"}
    assert all(not panel.beside or panel.beside in names for panel in first.panels)
