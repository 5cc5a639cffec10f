"""The only importer of keyring: long-lived secrets live in the system's store or in memory.

Never in a file of ours. Where the store is missing, locked or plain text, secrets stay in this
process's memory until it ends, and `problem` says so in words for the window.
"""

import asyncio
import importlib
import logging
from collections.abc import Mapping
from typing import Final, Protocol

_log = logging.getLogger(__name__)
_SERVICE: Final = "tezi"
_PATIENCE_S: Final = 3.0
_CHUNK: Final = 1_000
"""Windows' Credential Manager refuses more than 2,560 bytes of UTF-16."""
_TRUSTED: Final = ("Windows", "macOS", "SecretService", "libsecret", "kwallet")


class SecretStore(Protocol):
    """What the accounts need of a vault; every call may take as long as the system takes."""

    problem: str | None

    async def read(self, name: str) -> str | None: ...
    async def write(self, name: str, secret: str) -> None: ...
    async def forget(self, name: str) -> None: ...


class Backend(Protocol):
    """The part of a keyring backend that is used."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


class Vault:
    """Secrets by name, in the OS keyring where that can be trusted."""

    def __init__(self, backend: Backend | None = None) -> None:
        self.problem: str | None = None
        self._memory: dict[str, str] = {}
        self._backend = backend
        self._is_probed = backend is not None

    async def read(self, name: str) -> str | None:
        if name in self._memory:
            return self._memory[name]
        parts: list[str] = []
        while (part := await self._call("get_password", f"{name}/{len(parts)}")) is not None:
            parts.append(str(part))
        return "".join(parts) if parts else None

    async def write(self, name: str, secret: str) -> None:
        """Keep a secret; in memory only when the system's store does not take it."""
        self._memory[name] = secret
        await self._drop(name)
        for at in range(0, len(secret), _CHUNK):
            chunk = secret[at : at + _CHUNK]
            await self._call("set_password", f"{name}/{at // _CHUNK}", chunk)

    async def forget(self, name: str) -> None:
        self._memory.pop(name, None)
        await self._drop(name)

    async def _drop(self, name: str) -> None:
        at = 0
        while await self._call("get_password", f"{name}/{at}") is not None:
            await self._call("delete_password", f"{name}/{at}")
            at += 1

    async def _call(self, verb: str, *arguments: str) -> object:
        if self.problem is not None:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.to_thread(self._blocking, verb, arguments)
        except TimeoutError:
            self._give_up("the system's keyring does not answer")
        except Exception as error:  # noqa: BLE001 - each system's store raises its own kinds
            self._give_up(f"the system's keyring refused ({type(error).__name__})")
        return None

    def _blocking(self, verb: str, arguments: tuple[str, ...]) -> object:
        if not self._is_probed:
            keyring = importlib.import_module("keyring")  # 57 ms; wanted only at a login
            found = keyring.get_keyring()
            kind = f"{type(found).__module__}.{type(found).__name__}"
            backends = getattr(found, "backends", None)
            kinds = [kind, *(type(each).__module__ for each in backends or ())]
            if not any(name in each for name in _TRUSTED for each in kinds):
                raise LookupError(kind)
            self._backend = found
            self._is_probed = True
        return getattr(self._backend, verb)(_SERVICE, *arguments)

    def _give_up(self, why: str) -> None:
        self.problem = f"{why}; secrets are kept in memory until Tezi ends"
        _log.warning("vault: %s", why)


class MemoryVault:
    """A vault for practice's own credentials and for tests: nothing outlives the process."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self.problem: str | None = None
        self._secrets = dict(secrets or {})

    async def read(self, name: str) -> str | None:
        return self._secrets.get(name)

    async def write(self, name: str, secret: str) -> None:
        self._secrets[name] = secret

    async def forget(self, name: str) -> None:
        self._secrets.pop(name, None)
