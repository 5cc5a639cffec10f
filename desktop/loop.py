"""The only importer of qasync: the event loop, owned tasks, the stall watchdog, shutdown."""

import asyncio
import builtins
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final

from PySide6.QtCore import QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

# PySide6 replaces `__import__` to read, search and keep the source of every module imported from
# then on, for a switch of its own (`__feature__`) that is not used here: 20 MB and a tenth of the
# start. From here on imports are Python's own again.
if builtins.__import__ is vars(builtins).get("__feature_import__"):
    builtins.__import__ = vars(builtins)["__orig_import__"]
os.environ.setdefault("QT_API", "pyside6")  # qasync would try other bindings first
import qasync

_log = logging.getLogger(__name__)
STALL_LOGGED_S: Final = 0.25
STALL_SHOWN_S: Final = 2.0
_BEAT_S: Final = 0.1


class Tasks:
    """Starts coroutines by owner: named, strongly held, logged, cancelled with their owner."""

    def __init__(self) -> None:
        self._by_owner: dict[str, set[asyncio.Task[None]]] = {}
        self.on_failure: list[Callable[[str, BaseException], None]] = []

    def start(self, work: Coroutine[object, object, None], *, owner: str) -> asyncio.Task[None]:
        """Run a coroutine now, on behalf of `owner`; its failure is logged and reported."""
        name = f"{owner}:{getattr(work, '__qualname__', 'task')}"
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._by_owner.setdefault(owner, set()).add(task)
        task.add_done_callback(lambda done: self._ended(owner, done))
        return task

    def cancel(self, owner: str) -> None:
        """Cancel all that this owner started."""
        for task in tuple(self._by_owner.get(owner, ())):
            task.cancel()

    async def close(self) -> None:
        """Cancel everything and wait for it."""
        running = [task for tasks in self._by_owner.values() for task in tasks]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    @property
    def count(self) -> int:
        return sum(map(len, self._by_owner.values()))

    def _ended(self, owner: str, task: asyncio.Task[None]) -> None:
        owned = self._by_owner.get(owner, set())
        owned.discard(task)
        if not owned:
            self._by_owner.pop(owner, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        _log.error("task %s failed", task.get_name(), exc_info=error)
        for report in self.on_failure:
            report(task.get_name(), error)


class Watchdog:
    """Notices when the window's thread was held up; `worst_s` is the longest stall so far."""

    def __init__(self, on_stall: Callable[[float], None]) -> None:
        self.worst_s = 0.0
        self._on_stall = on_stall
        self._due: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        expected = loop.time() + _BEAT_S

        def beat() -> None:
            late_s = loop.time() - expected
            self.worst_s = max(self.worst_s, late_s)
            if late_s > STALL_LOGGED_S:
                _log.warning("the window's thread was held up for %.2f s", late_s)
            if late_s > STALL_SHOWN_S:
                self._on_stall(late_s)
            self.start()

        self._due = loop.call_later(_BEAT_S, beat)

    def stop(self) -> None:
        if self._due is not None:
            self._due.cancel()


def run(app: QApplication, main: Callable[[], Coroutine[object, object, int]]) -> int:
    """Run `main` on a Qt event loop until it returns; its value is the exit status."""
    app.setQuitOnLastWindowClosed(False)
    _catch_everything()
    pool = ThreadPoolExecutor(4, thread_name_prefix="tezi")
    with asyncio.Runner(loop_factory=lambda: _make_loop(app, pool)) as runner:
        return runner.run(main())


def _make_loop(app: QApplication, pool: ThreadPoolExecutor) -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = qasync.QEventLoop(app)
    # qasync's own pool is of QThreads: nameless, and invisible to tracing and coverage.
    loop.set_default_executor(pool)
    return loop


def _catch_everything() -> None:
    """Send what nobody caught to the log: slots, threads, and Qt's own messages."""

    def uncaught(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, at)
            return
        _log.critical("uncaught", exc_info=(kind, error, at))
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"Tezi: {kind.__name__}; see the log\n")

    def in_thread(args: threading.ExceptHookArgs) -> None:
        _log.critical("uncaught in thread %s", args.thread, exc_info=args.exc_value)

    def from_qt(kind: QtMsgType, _context: object, text: str) -> None:
        level = logging.INFO if kind == QtMsgType.QtInfoMsg else logging.WARNING
        _log.log(level, "Qt: %s", text)

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    qInstallMessageHandler(from_qt)
