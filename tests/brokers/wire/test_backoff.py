"""Reconnect delays: doubling ceilings, full jitter, for ever."""

from itertools import islice

from brokers.wire.backoff import delays


def test_the_ceiling_doubles_up_to_the_cap_and_stays() -> None:
    assert list(islice(delays(1.0, 30.0, lambda: 1.0), 8)) == [1, 2, 4, 8, 16, 30, 30, 30]


def test_each_delay_is_anywhere_under_its_ceiling() -> None:
    draws = iter([0.0, 0.5, 0.25])
    assert list(islice(delays(1.0, 30.0, lambda: next(draws)), 3)) == [0.0, 1.0, 1.0]


def test_a_first_delay_above_the_cap_is_capped() -> None:
    assert next(delays(60.0, 30.0, lambda: 1.0)) == 30.0
