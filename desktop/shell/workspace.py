"""Named arrangements: which docks are open, what each shows, and where they stand.

Restoring is total or refused: a file that cannot be read whole changes nothing.
"""

import base64
import logging
import re
from pathlib import Path
from typing import Final

import msgspec

from desktop.paths import write_atomically

_log = logging.getLogger(__name__)
SCHEMA: Final = 1
_SAFE: Final = re.compile(r"[^\w -]", re.UNICODE)


class PanelState(msgspec.Struct, frozen=True, kw_only=True):
    """One open dock: its spec, its unique name, its link group, what it shows."""

    dock: str
    name: str
    link: str = "blue"
    state: dict[str, object] = {}
    area: str = "right"
    beside: str = ""


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A whole arrangement. `layout` is the docking library's own text; empty: use the areas.

    `shares` are the parts of the splitter a panel stands in, for panels placed by area: 0 takes
    what is left, up to 1 is a share of the whole, more are pixels at the usual text size.
    """

    schema: int
    name: str
    panels: tuple[PanelState, ...]
    links: dict[str, str] = {}
    layout: str = ""
    shares: dict[str, list[float]] = {}
    geometry: str = ""

    def layout_bytes(self) -> bytes:
        return base64.b64decode(self.layout, validate=True)


class WorkspaceError(Exception):
    """A workspace that cannot be used; nothing was changed."""


def read_workspace(body: bytes | str) -> Workspace:
    """Read a workspace file whole.

    Raises:
        WorkspaceError: not JSON of this schema, or two panels share a name.
    """
    try:
        workspace = msgspec.json.decode(body, type=Workspace)
        workspace.layout_bytes()
    except (msgspec.MsgspecError, ValueError) as error:
        raise WorkspaceError(f"not a workspace: {error}") from error
    if workspace.schema != SCHEMA:
        raise WorkspaceError(f"expected schema {SCHEMA}, was {workspace.schema}")
    names = [panel.name for panel in workspace.panels]
    if len(set(names)) != len(names):
        raise WorkspaceError("two panels have the same name")
    return workspace


class Workspaces:
    """The trader's workspaces on disk, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Give the saved names, alphabetically."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found.append(read_workspace(path.read_bytes()).name)
            except (OSError, WorkspaceError) as error:
                _log.warning("workspace %s: %s", path.name, error)
        return found

    def load(self, name: str) -> Workspace:
        try:
            return read_workspace(self._path(name).read_bytes())
        except OSError as error:
            raise WorkspaceError(f"{name} cannot be read") from error

    def has(self, name: str) -> bool:
        return self._path(name).exists()

    def save(self, workspace: Workspace) -> None:
        body = msgspec.json.format(msgspec.json.encode(workspace))
        write_atomically(self._path(workspace.name), body)

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        safe = _SAFE.sub("_", name).strip()[:60]
        if not safe:
            raise WorkspaceError("a workspace needs a name")
        return self._folder / f"{safe}.json"
