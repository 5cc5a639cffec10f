"""Start and stop the practice exchange as a process of its own.

One function knows both cases: from a checkout the interpreter runs the module; in the installed
program the executable runs it by `--run`. The exchange ends with us: it reads a pipe from this
process (`--with-parent`), which the system closes however we end.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from brokers.errors import NotSent

MODULE: Final = "brokers.practice"
PORTS_FILE_VARIABLE: Final = "TEZI_PORTS_FILE"
_ROOT: Final = Path(__file__).resolve().parents[2]
_PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.01
_STOP_S: Final = 5.0

Ports = Mapping[str, object]


class Practice:
    """A practice exchange that runs: ours, or somebody else's that we only use."""

    def __init__(self, ports: Ports, process: asyncio.subprocess.Process | None = None) -> None:
        self.ports = ports
        self._process = process

    @property
    def is_ours(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def ended(self) -> int:
        """Wait until the process ends; its status. Never returns for one that is not ours."""
        if self._process is None:
            await asyncio.get_running_loop().create_future()
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """End it and wait until it has gone; one that is not ours is left alone."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def running() -> Practice | None:
    """Give the exchange that `TEZI_PORTS_FILE` names, if that is set."""
    path = os.environ.get(PORTS_FILE_VARIABLE)
    return Practice(read_ports(Path(path))) if path else None


def read_ports(path: Path) -> Ports:
    """Read a ports file.

    Raises:
        NotSent: it is missing or not a ports file.
    """
    try:
        ports = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotSent(f"the practice exchange's ports file cannot be used: {error}") from error
    if not isinstance(ports, dict) or "control" not in ports:
        raise NotSent("the practice exchange's ports file names no control address")
    return ports


def command(arguments: Sequence[str]) -> list[str]:
    """Give the command line that runs the exchange here."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--run", MODULE, *arguments]
    return [sys.executable, "-m", MODULE, *arguments]


async def start(
    ports_file: Path,
    arguments: Sequence[str] = (),
    *,
    log: Path | None = None,
    on_start: Callable[[int], None] = lambda _pid: None,
) -> Practice:
    """Start an exchange and wait until it accepts connections.

    Args:
        ports_file: where it writes its addresses; an old file there is removed first.
        arguments: more of its command line.
        log: where what it says goes; None: nowhere.
        on_start: told the process id at once.

    Raises:
        NotSent: it ended before it was ready, or was not ready in 30 s.
    """
    ports_file.unlink(missing_ok=True)
    line = command(["--ports-file", str(ports_file), "--with-parent", *arguments])
    said: IO[bytes] | int = asyncio.subprocess.DEVNULL if log is None else log.open("ab")
    try:
        process = await asyncio.create_subprocess_exec(
            *line,
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=said,
        )
    finally:
        if not isinstance(said, int):
            said.close()
    on_start(process.pid)
    practice = Practice({}, process)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await _ready(process, ports_file)
        practice.ports = read_ports(ports_file)
    except BaseException as error:
        # Cancelled or failed: nobody else knows of the process.
        await practice.stop()
        if isinstance(error, TimeoutError):
            late = f"the practice exchange was not ready in {_PATIENCE_S:.0f} s"
            raise NotSent(late) from None
        raise
    return practice


async def _ready(process: asyncio.subprocess.Process, ports_file: Path) -> None:
    # The exchange renames the finished file into place, so seeing it is enough.
    while not ports_file.exists():
        if process.returncode is not None:
            raise NotSent(f"the practice exchange ended with status {process.returncode}")
        await asyncio.sleep(_LOOK_S)
