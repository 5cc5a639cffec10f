"""The accounts the trader added: everything about them that is not secret.

Secrets live in the vault under `account/<id>/<field>`, and nowhere else.
"""

import re
from pathlib import Path
from typing import Final

import msgspec

from desktop.paths import write_atomically

SCHEMA: Final = 1
LIVE: Final = "live"
PRACTICE: Final = "practice"


class AccountEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One account. `values` are the plugin's fields that are not secret."""

    id: str
    broker: str
    title: str
    kind: str
    values: dict[str, str] = {}

    def vault_name(self, field: str) -> str:
        return f"account/{self.id}/{field}"


class _File(msgspec.Struct, frozen=True):
    schema: int
    accounts: list[AccountEntry]


class AccountBook:
    """The added accounts, kept in one file; a file that cannot be read is kept aside, not lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem: str | None = None
        self._entries = self._load()

    def entries(self) -> tuple[AccountEntry, ...]:
        return tuple(self._entries)

    def add(self, *, broker: str, title: str, kind: str, values: dict[str, str]) -> AccountEntry:
        """Add an account under a new id made from the broker's name."""
        taken = {entry.id for entry in self._entries}
        number = 1
        while (account_id := f"{re.sub(r'[^a-z0-9]', '', broker)}-{number}") in taken:
            number += 1
        entry = AccountEntry(id=account_id, broker=broker, title=title, kind=kind, values=values)
        self._entries.append(entry)
        self._save()
        return entry

    def remove(self, account_id: str) -> None:
        self._entries = [entry for entry in self._entries if entry.id != account_id]
        self._save()

    def _load(self) -> list[AccountEntry]:
        try:
            file = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            self.problem = f"the list of accounts could not be read ({type(error).__name__})"
            self._path.replace(self._path.with_suffix(".unreadable"))
            return []
        return file.accounts

    def _save(self) -> None:
        body = msgspec.json.encode(_File(SCHEMA, self._entries))
        write_atomically(self._path, msgspec.json.format(body))
