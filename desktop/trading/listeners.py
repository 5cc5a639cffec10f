"""Listeners that cannot harm whom they listen to."""

import asyncio
from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Listeners(Generic[P]):
    """Callables told in the order they came.

    One that fails is reported to the loop and the next is told all the same: a fault in a window
    must not change what becomes of an order.
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[P, None]] = []

    def add(self, listener: Callable[P, None]) -> Callable[[], None]:
        """Add a listener; call what comes back to take it away again."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  # reported; an order must not depend on it
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a listener failed", "exception": error}
                )
