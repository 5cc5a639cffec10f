"""The vault: the system's store where it can be trusted, memory where it cannot, never a file."""

import time

import pytest
from typing_extensions import override

from desktop.vault import Vault

pytestmark = pytest.mark.plainloop


class Store:
    """A keyring that behaves like Windows' one: it refuses long values."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > 2560:
            raise OSError(1783)
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Broken(Store):
    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"locked {service} {username} {len(password)}")


class Hanging(Store):
    @override
    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(0.3)
        return super().get_password(service, username)


async def test_a_long_secret_comes_back_whole_from_a_new_vault() -> None:
    store = Store()
    secret = "abc₹" * 1300
    await Vault(store).write("fyers/secret", secret)
    assert await Vault(store).read("fyers/secret") == secret


async def test_a_shorter_secret_leaves_nothing_of_the_longer_one() -> None:
    store = Store()
    vault = Vault(store)
    await vault.write("a", "x" * 3000)
    await vault.write("a", "short")
    assert await Vault(store).read("a") == "short"
    await vault.forget("a")
    assert not store.kept
    assert await vault.read("a") is None


async def test_a_store_that_refuses_leaves_the_secret_in_memory_and_says_so() -> None:
    vault = Vault(Broken())
    await vault.write("a", "secret")
    assert await vault.read("a") == "secret"
    assert vault.problem is not None
    assert "memory" in vault.problem
    assert "secret" not in vault.problem.replace("secrets are kept", "")


async def test_a_store_that_hangs_does_not_hang_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.vault._PATIENCE_S", 0.05)
    vault = Vault(Hanging())
    assert await vault.read("a") is None
    assert vault.problem is not None


async def test_a_missing_keyring_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    vault = Vault()
    await vault.write("a", "b")
    assert await vault.read("a") == "b"
    assert vault.problem is not None
