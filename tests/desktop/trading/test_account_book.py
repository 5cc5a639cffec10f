"""The list of accounts survives, and holds no secret."""

from pathlib import Path

from desktop.trading.account_book import LIVE, AccountBook


def test_an_added_account_is_there_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    entry = AccountBook(path).add(
        broker="fyers", title="My account", kind=LIVE, values={"app_id": "ABC-100"}
    )
    assert AccountBook(path).entries() == (entry,)
    assert entry.vault_name("secret") == f"account/{entry.id}/secret"


def test_two_accounts_of_one_broker_have_their_own_ids(tmp_path: Path) -> None:
    book = AccountBook(tmp_path / "accounts.json")
    first = book.add(broker="xts", title="A", kind=LIVE, values={})
    second = book.add(broker="xts", title="B", kind=LIVE, values={})
    assert first.id != second.id
    book.remove(first.id)
    assert AccountBook(tmp_path / "accounts.json").entries() == (second,)


def test_an_unreadable_list_is_kept_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_bytes(b'{"schema": 1, "accounts": [{"id"')
    book = AccountBook(path)
    assert book.entries() == ()
    assert book.problem is not None
    assert (tmp_path / "accounts.unreadable").exists()
