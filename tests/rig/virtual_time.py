"""Time that passes only when told to: durations of minutes in a test of milliseconds."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

SECOND_NS: Final = 1_000_000_000
# Tuesday 29 Sep 2026, 10:00:00 Indian time: an ordinary session.
MORNING_NS: Final = 1_790_656_200 * SECOND_NS


class _Due:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualTimer:
    """A `Timer` whose clock a test moves; due calls run in order on the way."""

    def __init__(self, now_ns: int = MORNING_NS) -> None:
        self._start_ns = now_ns
        self._mono_ns = 1_000 * SECOND_NS
        self._zero_ns = self._mono_ns
        self._due: list[tuple[int, int, _Due]] = []
        self._order = itertools.count()

    def now_ns(self) -> int:
        return self._start_ns + self._mono_ns - self._zero_ns

    def monotonic_ns(self) -> int:
        return self._mono_ns

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _Due:
        due = _Due(callback)
        at_ns = self._mono_ns + round(delay_s * SECOND_NS)
        heapq.heappush(self._due, (at_ns, next(self._order), due))
        return due

    async def advance(self, seconds: float, settle: Callable[[], Awaitable[None]]) -> None:
        """Let time pass; `settle` returns when all that is ready has run."""
        until_ns = self._mono_ns + round(seconds * SECOND_NS)
        await settle()
        while self._due and self._due[0][0] <= until_ns:
            at_ns, _, due = heapq.heappop(self._due)
            self._mono_ns = max(self._mono_ns, at_ns)
            if due.callback is not None:
                due.callback()
                await settle()
        self._mono_ns = until_ns
        await settle()


class Tasks:
    """`loop.Tasks` without Qt: owned tasks whose failures are kept."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []

    def start(self, work: Coroutine[object, object, None], *, owner: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=owner)
        self.running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        running = tuple(self.running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)
