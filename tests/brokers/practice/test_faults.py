"""Armed faults: who is struck, how often, in which order, and what is refused at once."""

import pytest

from brokers.practice.faults import KNOWN, Fault, Faults, FaultValue


def test_a_fault_strikes_its_broker_at_its_place_as_often_as_armed() -> None:
    faults = Faults()
    faults.arm("alpha", "place", "status", 2, 503)
    assert faults.take("beta", "place", "status") is None
    assert faults.take("alpha", "modify", "status") is None
    assert faults.take("alpha", "place", "html") is None
    assert faults.take("alpha", "place", "status") is not None
    assert faults.take("alpha", "place", "html", "status") is not None
    assert faults.take("alpha", "place", "status") is None


def test_any_place_and_every_broker_can_be_meant() -> None:
    faults = Faults()
    faults.arm("*", "any", "html", 2, None)
    assert faults.take("alpha", "place", "html") is not None
    assert faults.take("beta", "feed", "html") is not None


def test_the_oldest_comes_first() -> None:
    faults = Faults()
    first = faults.arm("*", "any", "html", 1, None)
    second = faults.arm("*", "any", "status", 1, 500)
    assert faults.take("alpha", "place", "status", "html") is first
    assert faults.take("alpha", "place", "status", "html") is second


def test_looking_uses_nothing_up() -> None:
    faults = Faults()
    fault = faults.arm("*", "any", "mute", 1, None)
    assert faults.find("alpha", "feed", "mute") is fault
    assert faults.find("alpha", "feed", "mute") is fault
    faults.use(fault)
    assert faults.find("alpha", "feed", "mute") is None


def test_disarming_forgets_everything() -> None:
    faults = Faults()
    fault = faults.arm("*", "any", "mute", 9, None)
    faults.disarm()
    assert faults.find("alpha", "feed", "mute") is None
    assert not fault.strikes("alpha", "feed")


def test_listeners_hear_of_arming_using_up_and_disarming() -> None:
    faults = Faults()
    heard: list[Fault | None] = []
    faults.listen(heard.append)
    fault = faults.arm("*", "any", "mute", 2, None)
    faults.use(fault)
    assert heard == [fault]
    faults.use(fault)
    faults.disarm()
    assert heard == [fault, None, None]


def test_every_fault_has_its_own_id() -> None:
    faults = Faults()
    ids = {faults.arm("*", "any", "mute", 1, None).id for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("status", "teapot"),
        ("status", 42),
        ("delay", -1),
        ("close", 5),
        ("truncate", -1),
        ("huge_frame", 1 << 40),
        ("garbage", "not hex"),
    ],
)
def test_a_value_that_could_not_be_used_is_refused_at_once(what: str, value: FaultValue) -> None:
    faults = Faults()
    with pytest.raises(ValueError):  # noqa: PT011  # each says what it expected
        faults.arm("*", "any", what, 1, value)
    assert faults.find("alpha", "place", what) is None


def test_the_contracts_names_are_all_known() -> None:
    contract = (
        "lose_reply reset_before reset_at_byte delay status html truncate wrong_type rate_limited "
        "token_expired code_201 reject event_first duplicate_event drop_event reorder_events "
        "partial_fill mute close half_open garbage huge_frame poison new_topic_ids"
    )
    assert set(contract.split()) <= KNOWN
