"""Run the practice exchange: `python -m brokers.practice`, and print where it listens."""

if __name__ == "__main__":
    from installer.checkout import enter

    enter("runtime")

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from brokers.practice.assembly import assemble
from brokers.practice.face import Face, FaceMaker, FaceOptions
from brokers.practice.faults import Faults
from brokers.practice.host import CONTROL, Host, PortTaken
from brokers.registry import practice_face, practice_faces

_MISUSED: Final = 2
_STDIN: Final = 0
_MOST_TICKS: Final = 1_000_000


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; what makes no sense ends with status 2."""
    parser = argparse.ArgumentParser(prog="python -m brokers.practice", description=__doc__)
    add = parser.add_argument
    add("--ports-file", type=Path, metavar="PATH", help="write the addresses here, not to stdout")
    add("--seed", type=int, default=1, metavar="N", help="makes prices and ids repeatable")
    add("--ticks-per-second", type=_ticks, default=400, metavar="N", help="over all followed")
    add("--universe", choices=("small", "full"), default="small")
    add("--masters", type=_folder, action="append", default=[], metavar="DIR")
    add("--history", type=_folder, metavar="DIR", help="replay one-minute candles")
    add("--clock", choices=("session", "live"), default="session")
    add("--port", type=_port, action="append", default=[], metavar="BROKER=N")
    add("--redirect-uri", metavar="URI", help="the one redirect that is registered")
    add("--permissions", choices=("basic", "info", "orders"), default="orders")
    add("--with-parent", action="store_true", help="end at the end of standard input")
    add("--no-limits", action="store_true", help="switch the brokers' request limits off")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    stop = asyncio.Event()
    _listen_for_the_end(stop, with_parent=options.with_parent)
    faults = Faults()
    exchange = assemble(
        seed=options.seed,
        universe=options.universe,
        masters=options.masters,
        history=options.history,
        clock=options.clock,
    )
    faces = _faces(options)
    made: list[Face] = [
        face.make(exchange, exchange.clock, faults, _told(options)) for face in faces
    ]
    host = Host(exchange, made, faults, options.ticks_per_second)
    try:
        await host.start(dict(options.port))
    except PortTaken as error:
        print(error, file=sys.stderr)
        return _MISUSED
    market = asyncio.ensure_future(host.run())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        _announce(host, options.ports_file)
        await asyncio.wait({market, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if market.done():
            market.result()
    finally:
        for task in (market, stopping):
            task.cancel()
        await asyncio.gather(market, stopping, return_exceptions=True)
        await host.close()
    return 0


def _faces(options: argparse.Namespace) -> list[FaceMaker]:
    names = practice_faces()
    for name, _ in options.port:
        if name not in (*names, CONTROL):
            raise ValueError(f"no broker {name!r} for --port; there are {', '.join(names)}")
    makers = []
    for name in names:
        maker: FaceMaker = practice_face(name)  # type: ignore[assignment]  # the registry's word
        makers.append(maker)
    return makers


def _told(options: argparse.Namespace) -> FaceOptions:
    return FaceOptions(
        seed=options.seed,
        redirect_uri=options.redirect_uri,
        permissions=options.permissions,
        has_limits=not options.no_limits,
        masters=tuple(map(str, options.masters)),
    )


def _announce(host: Host, ports_file: Path | None) -> None:
    """Say where everything listens: in the file, whole or not at all, or as one line."""
    said = msgspec.json.encode(host.addresses())
    if ports_file is None:
        print(said.decode(), flush=True)
        return
    handle, name = tempfile.mkstemp(prefix=".ports-", dir=ports_file.resolve().parent)
    try:
        with os.fdopen(handle, "wb") as file:  # mkstemp gives mode 0600
            file.write(said)
            file.flush()
            os.fsync(handle)
        Path(name).replace(ports_file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _listen_for_the_end(stop: asyncio.Event, *, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    if not with_parent:
        return

    def watch() -> None:
        # Read below Python's own buffers: this thread may still be here when the process ends.
        with contextlib.suppress(OSError):
            while os.read(_STDIN, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _ticks(text: str) -> int:
    ticks = int(text)
    if not 0 <= ticks <= _MOST_TICKS:
        raise argparse.ArgumentTypeError(f"expected 0 to {_MOST_TICKS}, was {text}")
    return ticks


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"no folder {text}")
    return folder


def _port(text: str) -> tuple[str, int]:
    name, sign, number = text.partition("=")
    if not sign or not number.isdecimal() or int(number) > 65_535:
        raise argparse.ArgumentTypeError(f"expected BROKER=PORT, was {text}")
    return name, int(number)


def main() -> int:
    options = parse()
    try:
        return asyncio.run(run(options))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return _MISUSED


if __name__ == "__main__":
    sys.exit(main())
