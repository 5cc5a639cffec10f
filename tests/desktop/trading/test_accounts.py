"""Whether and why not an account may trade."""

import pytest

from brokers.port import Link, LinkEvent, LinkState
from desktop.trading.accounts import AccountKind, Accounts, AccountState, Block

SECOND_NS = 1_000_000_000


def account(kind: AccountKind = AccountKind.LIVE) -> AccountState:
    made = AccountState("a", title="A", kind=kind, broker="b")
    made.clear(Block.RECONCILE)
    return made


def link(state: LinkState, which: Link = Link.ORDERS) -> LinkEvent:
    return LinkEvent(link=which, state=state)


def test_a_new_account_is_shut_until_it_was_compared() -> None:
    made = AccountState("a", title="A", kind=AccountKind.LIVE, broker="b")

    assert not made.is_tradable
    assert made.problem == "orders are not compared yet"


def test_the_gravest_reason_is_the_one_shown() -> None:
    made = account()
    made.block(Block.RECONCILE, "comparing")
    made.block(Block.HALT, "halted")
    made.block(Block.LOGIN, "log in again")

    assert made.problem == "halted"
    made.clear(Block.HALT)
    assert made.problem == "log in again"


def test_a_stopped_order_stream_shuts_and_one_that_is_down_only_warns() -> None:
    made = account()
    made.link_changed(link(LinkState.DOWN))
    assert made.is_tradable
    assert made.cautions == ("the order stream is down: states may be late",)

    made.link_changed(link(LinkState.STOPPED))
    assert made.problem == "the order stream was stopped"

    made.link_changed(link(LinkState.LIVE))
    assert made.is_tradable
    assert not made.cautions


def test_the_feeds_link_never_shuts_trading() -> None:
    made = account()
    made.link_changed(link(LinkState.STOPPED, Link.FEED))

    assert made.is_tradable
    event = made.link(Link.FEED)
    assert event is not None
    assert event.state is LinkState.STOPPED


@pytest.mark.parametrize("sign", [1, -1])
def test_a_live_account_minds_the_clock_and_a_practice_one_does_not(sign: int) -> None:
    live, practice = account(), account(AccountKind.PRACTICE)
    for made in (live, practice):
        made.set_clock_offset(sign * 3 * SECOND_NS)
    assert live.cautions == ("this computer's clock is 3 s off",)
    assert live.is_tradable
    assert not practice.cautions

    for made in (live, practice):
        made.set_clock_offset(sign * 31 * SECOND_NS)
    assert not live.is_tradable
    assert practice.is_tradable

    live.set_clock_offset(0)
    assert live.is_tradable


def test_listeners_hear_of_changes_only() -> None:
    made = account()
    heard: list[int] = []
    stop = made.changed.add(lambda: heard.append(1))
    made.block(Block.HALT, "x")
    made.block(Block.HALT, "x")
    made.set_stream_suspect(is_suspect=False)
    made.clear(Block.LOGIN)
    assert len(heard) == 1

    stop()
    made.clear(Block.HALT)
    assert len(heard) == 1


def test_the_age_of_the_feed_counts_from_its_last_word() -> None:
    made = account()
    assert made.feed_age_ms(10 * SECOND_NS) is None
    made.heard_market(10 * SECOND_NS)

    assert made.feed_age_ms(12 * SECOND_NS) == 2_000


def test_the_open_accounts_are_kept_by_name_in_order() -> None:
    accounts = Accounts()
    for name in ("z", "a"):
        accounts.add(AccountState(name, title=name, kind=AccountKind.LIVE, broker="b"))

    assert [each.name for each in accounts] == ["z", "a"]
    assert "a" in accounts
    assert accounts["a"].title == "a"
    with pytest.raises(ValueError, match="open already"):
        accounts.add(accounts["a"])
    accounts.remove("z")
    assert len(accounts) == 1
