"""One Tezi per profile: a second start raises the first one's window and ends.

The lock is the system's own, on a file in the data folder: it goes with the process, however that
ends. The local socket only carries "show yourself".
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from PySide6.QtCore import QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_PATIENCE_MS: Final = 1_000


class SingleInstance(QObject):
    """Holds the profile, or knows that another process does."""

    def __init__(self, data: Path) -> None:
        super().__init__()
        self._path = data / "running.lock"
        digest = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
        self._name = f"tezi-{digest}"
        self._file: IO[bytes] | None = None
        self._server: QLocalServer | None = None

    def take(self) -> bool:
        """Take the profile; False when another process has it."""
        file = self._path.open("ab")
        if not _lock(file):
            file.close()
            return False
        self._file = file
        return True

    def listen(self, on_call: Callable[[], None]) -> None:
        """Call `on_call` whenever a second start asks for the window."""
        QLocalServer.removeServer(self._name)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(on_call)
        self._server.listen(self._name)

    def call_the_other(self) -> bool:
        """Ask the process that has the profile to show its window."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        return bool(socket.waitForConnected(_PATIENCE_MS))

    def release(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._file is not None:
            self._file.close()


def _lock(file: IO[bytes]) -> bool:
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        with contextlib.suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # Windows
            return True
        return False
    import fcntl  # noqa: PLC0415 - exists on POSIX only

    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
