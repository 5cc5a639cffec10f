"""Which cells are tinted because their number just changed, and how strongly still."""

from typing import Final

_NS_PER_MS: Final = 1_000_000
STRONG_NS: Final = 160 * _NS_PER_MS
WEAK_NS: Final = 450 * _NS_PER_MS
STEP_MS: Final = STRONG_NS // _NS_PER_MS
Place = tuple[str, int]
"""A cell: (row key, column)."""


class Flashes:
    """Tints fade in two steps, all of them by one timer that belongs to the caller."""

    def __init__(self) -> None:
        self._lit: dict[Place, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._lit)

    def note(self, place: Place, old: object, new: object, now: int) -> bool:
        """Tint a cell whose number changed; what was or is not known does not flash.

        A cell that is tinted still is kept at the weak tint: busy prices stay calm, quiet ones
        catch the eye.
        """
        if not isinstance(old, int) or not isinstance(new, int):
            return False
        lit = self._lit.get(place)
        is_busy = lit is not None and now - lit[1] < WEAK_NS
        self._lit[place] = ("up" if new > old else "down", now - STRONG_NS if is_busy else now)
        return True

    def role(self, place: Place, now: int) -> str | None:
        """Give the colour role a cell is tinted with, None when it is not."""
        lit = self._lit.get(place)
        if lit is None or now - lit[1] >= WEAK_NS:
            return None
        # A timer may fire a moment early; a step early is not seen, a step late is.
        weak = "" if now - lit[1] < STRONG_NS - _NS_PER_MS else "_weak"
        return f"flash_{lit[0]}{weak}"

    def fade(self, now: int) -> list[Place]:
        """Give the cells to draw again; those that are done are forgotten."""
        changed = []
        for place, (_, started) in tuple(self._lit.items()):
            age = now - started
            if age >= STRONG_NS - _NS_PER_MS:
                changed.append(place)
            if age >= WEAK_NS:
                del self._lit[place]
        return changed
