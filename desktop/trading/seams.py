"""What the order core needs of the world around it, handed in so that a test can be the world."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Protocol

import msgspec

from desktop.trading.clock import Clock


class Spawn(Protocol):
    """`loop.Tasks.start`: the only way to start a coroutine."""

    def __call__(self, work: Coroutine[object, object, None], *, owner: str) -> object: ...


class Handle(Protocol):
    """A call that was put off and can still be called off."""

    def cancel(self) -> None: ...


class Timer(Protocol):
    """Wall time for records, monotonic time for durations, and a way to be called later."""

    def now_ns(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle: ...


class LoopTimer:
    """The real one: a clock, and the running loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        return asyncio.get_running_loop().call_later(delay_s, callback)


def no_killpoint(_name: str) -> None:
    return


class Seams(msgspec.Struct, frozen=True, kw_only=True):
    """Time, tasks, and the named points at which a test may end the process."""

    timer: Timer
    spawn: Spawn
    killpoint: Callable[[str], None] = no_killpoint


class Bell:
    """Lets one coroutine wait for a time or for being called, whichever comes first."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._waiting: asyncio.Future[None] | None = None
        self._has_rung = False

    def ring(self) -> None:
        """Wake the waiter, or let the next wait return at once."""
        self._has_rung = True
        _resolve(self._waiting)

    async def wait(self, seconds: float | None) -> None:
        """Wait for the bell, at most `seconds`; None waits for the bell alone."""
        if not self._has_rung and (seconds is None or seconds > 0):
            waiting = asyncio.get_running_loop().create_future()
            self._waiting = waiting
            due = None
            if seconds is not None:
                due = self._timer.call_later(seconds, functools.partial(_resolve, waiting))
            try:
                await waiting
            finally:
                self._waiting = None
                if due is not None:
                    due.cancel()
        self._has_rung = False


def _resolve(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
