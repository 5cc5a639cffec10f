"""Where the program keeps its files, per system; everything private to the user."""

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec
import platformdirs

_APP = "tezi"


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Four folders; each exists and is readable by its owner only."""

    config: Path
    data: Path
    cache: Path
    logs: Path

    @property
    def settings_file(self) -> Path:
        return self.config / "settings.json"

    @property
    def workspaces(self) -> Path:
        return self.config / "workspaces"

    @property
    def journal_folder(self) -> Path:
        return self.data / "journal"

    @property
    def ports_file(self) -> Path:
        return self.cache / "practice-ports.json"


def user_paths() -> Paths:
    """Give the signed-in user's folders, made if needed."""
    return _make(
        Paths(
            config=Path(platformdirs.user_config_dir(_APP, appauthor=False)),
            data=Path(platformdirs.user_data_dir(_APP, appauthor=False)),
            cache=Path(platformdirs.user_cache_dir(_APP, appauthor=False)),
            logs=Path(platformdirs.user_log_dir(_APP, appauthor=False)),
        )
    )


def profile_paths(folder: Path) -> Paths:
    """Give a profile that lives in one folder (`--profile`), made if needed."""
    return _make(
        Paths(
            config=folder / "config",
            data=folder / "data",
            cache=folder / "cache",
            logs=folder / "logs",
        )
    )


def temporary_paths() -> Paths:
    """Give a new empty profile in the system's temporary folder (`--temp-profile`)."""
    return profile_paths(Path(tempfile.mkdtemp(prefix="tezi-")))


def _make(paths: Paths) -> Paths:
    for folder in (paths.config, paths.data, paths.cache, paths.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    return paths


def write_atomically(path: Path, body: bytes) -> None:
    """Replace a file so that a crash leaves the old or the new content, never a mixture."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # Windows cannot open folders; there the rename itself is what there is.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
