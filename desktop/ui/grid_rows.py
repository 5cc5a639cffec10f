"""The rows of a grid as keys in an order: added, removed, moved, sorted, found by typing. No Qt."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from desktop.ui.columns import sorted_rows


class RowOrder:
    """Rows by key, and the order they stand in. The trader's own order outlives a sort."""

    def __init__(self) -> None:
        self.rows: dict[str, object] = {}
        self.keys: list[str] = []
        self._own: list[str] = []
        self._places: dict[str, int] | None = None
        self.is_sorted = False

    def __len__(self) -> int:
        return len(self.keys)

    def place(self, key: str) -> int:
        """Give the position of a row; an unknown key is a KeyError."""
        if self._places is None:
            self._places = {each: at for at, each in enumerate(self.keys)}
        return self._places[key]

    @property
    def own(self) -> Sequence[str]:
        """The trader's own order, whatever the rows are sorted by at present."""
        return self._own if self.is_sorted else self.keys

    def replace(self, rows: Mapping[str, object]) -> None:
        self.rows = dict(rows)
        self.keys = list(rows)
        self._own = list(rows)
        self.is_sorted = False
        self._places = None

    def update(self, rows: Mapping[str, object]) -> bool:
        """Change rows, and add those that are new at the end; tells whether any was new."""
        self.rows.update(rows)
        if len(self.rows) == len(self.keys):
            return False
        known = set(self.keys)
        new = [key for key in rows if key not in known]
        self.keys += new
        if self.is_sorted:
            self._own += new
        self._places = None
        return True

    def remove(self, keys: Iterable[str]) -> bool:
        """Take rows away; unknown keys do nothing. Tells whether any went."""
        gone = {key for key in keys if self.rows.pop(key, self) is not self}
        if gone:
            self.keys = [key for key in self.keys if key not in gone]
            self._own = [key for key in self._own if key not in gone]
            self._places = None
        return bool(gone)

    def sort(self, value_of: Callable[[str], object], *, descending: bool) -> None:
        if not self.is_sorted:
            self._own = list(self.keys)
        self.keys = sorted_rows(self._own, value_of, descending=descending)
        self.is_sorted = True
        self._places = None

    def unsort(self) -> None:
        if self.is_sorted:
            self.keys = list(self._own)
            self.is_sorted = False
            self._places = None

    def move(self, keys: Iterable[str], before: int) -> bool:
        """Move rows to stand before the row now at `before`; what is seen becomes the own order."""
        moved = set(keys)
        taken = [key for key in self.keys if key in moved]
        head = [key for key in self.keys[:before] if key not in moved]
        tail = [key for key in self.keys[before:] if key not in moved]
        order = [*head, *taken, *tail]
        if order == self.keys and not self.is_sorted:
            return False
        self.keys = order
        self.is_sorted = False
        self._places = None
        return True

    def find(self, typed: str, text_of: Callable[[str], str], start: int) -> str | None:
        """Give the next row from `start` whose text begins with what was typed, else holds it."""
        low = typed.casefold()
        around = self.keys[start:] + self.keys[:start]
        texts = [(key, text_of(key).casefold()) for key in around]
        begins = (key for key, text in texts if text.startswith(low))
        holds = (key for key, text in texts if low in text)
        return next(begins, None) or next(holds, None)
