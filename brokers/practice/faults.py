"""Scripted trouble: what is armed, and whom it strikes next.

The host applies the faults that need no knowledge of a wire (cuts, delays, silence, rubbish); a
face asks for the ones that do (`take`), where it builds what they spoil.
"""

from collections.abc import Callable
from typing import Final

import msgspec

ANY: Final = "any"
EVERY_BROKER: Final = "*"

INSTEAD_OF_THE_WORK: Final = ("reset_before", "status", "html")
"""Answered by the host before the face hears of the request."""

FACE_INSTEAD_OF_THE_WORK: Final = ("rate_limited", "token_expired", "reject")
"""Answered by the face's `fault_reply`, before the work."""

FACE_AFTER_THE_WORK: Final = ("wrong_type", "code_201")
"""The face's `spoil_reply` changes the finished reply."""

AFTER_THE_WORK: Final = ("delay", "truncate", "reset_at_byte", "lose_reply", "garbage")
"""Done by the host to the finished reply."""

ON_SOCKETS: Final = ("mute", "close", "half_open", "garbage", "huge_frame")
"""Done by the host to open and new WebSockets."""

KNOWN: Final = frozenset(
    {
        *(*INSTEAD_OF_THE_WORK, *FACE_INSTEAD_OF_THE_WORK),
        *(*FACE_AFTER_THE_WORK, *AFTER_THE_WORK, *ON_SOCKETS),
        *("event_first", "duplicate_event", "drop_event", "reorder_events", "partial_fill"),
        *("poison", "new_topic_ids"),
    }
)
"""Every fault that is not some broker's own quirk."""

PLACES: Final = frozenset(
    {
        *("place", "modify", "cancel", "exit", "convert", "orderbook", "tradebook", "positions"),
        *("holdings", "funds", "quotes", "history", "depth", "masters", "login", "token"),
        *("feed", "orderfeed", ANY),
    }
)
SOCKET_PLACES: Final = frozenset({"feed", "orderfeed"})

FaultValue = str | int | float | None

_NUMBERS: Final = {
    "status": (200, 599),
    "delay": (0, 3600),
    "truncate": (0, 1 << 40),
    "reset_at_byte": (0, 1 << 40),
    "close": (1000, 4999),
    "huge_frame": (0, 256 << 20),
    "partial_fill": (0, 1 << 40),
}
"""The values that are numbers, and from where to where they make sense."""


class Fault(msgspec.Struct):
    """One armed fault; `times` counts down to 0."""

    id: int
    broker: str
    where: str
    what: str
    times: int
    value: FaultValue = None

    def strikes(self, broker: str, where: str) -> bool:
        """Tell whether a request or frame of this broker at this place is meant."""
        return (
            self.times > 0 and self.broker in (broker, EVERY_BROKER) and self.where in (where, ANY)
        )

    def number(self, default: float) -> float:
        """Give the value as a number, however it was written."""
        if self.value is None:
            return default
        return float(self.value)

    def text(self, default: str) -> str:
        return default if self.value is None else str(self.value)

    def check(self) -> None:
        """Refuse a value that the fault could not use, before it is armed.

        Raises:
            ValueError: naming what is expected.
        """
        least, most = _NUMBERS.get(self.what, (None, None))
        if least is not None and most is not None:
            if isinstance(self.value, str) or not least <= self.number(least) <= most:
                raise ValueError(f"expected a number from {least} to {most} as value")
        elif self.what == "garbage":
            bytes.fromhex(self.text(""))


class Faults:
    """Everything armed, oldest first; listeners hear of what is armed and of what is over."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self._next_id = 1
        self._listeners: list[Callable[[Fault | None], None]] = []

    def arm(self, broker: str, where: str, what: str, times: int, value: FaultValue) -> Fault:
        """Arm a fault for the next `times` matches."""
        fault = Fault(
            id=self._next_id, broker=broker, where=where, what=what, times=times, value=value
        )
        fault.check()
        self._next_id += 1
        self._armed.append(fault)
        self._tell(fault)
        return fault

    def disarm(self) -> None:
        """Forget everything armed."""
        for fault in self._armed:
            fault.times = 0
        self._armed.clear()
        self._tell(None)

    def find(self, broker: str, where: str, *whats: str) -> Fault | None:
        """Give the oldest matching fault without using it up."""
        for fault in self._armed:
            if fault.what in whats and fault.strikes(broker, where):
                return fault
        return None

    def take(self, broker: str, where: str, *whats: str) -> Fault | None:
        """Give the oldest matching fault and use it up once."""
        fault = self.find(broker, where, *whats)
        if fault is not None:
            self.use(fault)
        return fault

    def use(self, fault: Fault) -> None:
        """Count one strike; a fault that struck often enough is gone."""
        fault.times -= 1
        if fault.times <= 0 and fault in self._armed:
            self._armed.remove(fault)
            self._tell(None)

    def listen(self, listener: Callable[[Fault | None], None]) -> None:
        """Call with each fault as it is armed, and with None when something is over."""
        self._listeners.append(listener)

    def _tell(self, fault: Fault | None) -> None:
        for listener in self._listeners:
            listener(fault)
