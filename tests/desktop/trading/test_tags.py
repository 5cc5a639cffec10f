import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from desktop.trading.tags import LENGTH, Tags


@given(st.integers(1_600_000_000, 2_600_000_000), st.integers(0, 2**35 - 1))
def test_a_tag_fits_every_brokers_field(second: int, chance: int) -> None:
    tag = Tags(lambda: second * 1_000_000_000, lambda _bits: chance).next()

    assert re.fullmatch(r"T[0-9A-Z]{15}", tag)
    assert len(tag) == LENGTH


def test_tags_of_one_millisecond_differ_even_when_chance_repeats_itself() -> None:
    chances = iter([7, 7, 7, 8])
    tags = Tags(lambda: 1_790_000_000_000_000_000, lambda _bits: next(chances))

    assert tags.next() != tags.next()


def test_later_tags_sort_after_earlier_ones() -> None:
    times = itertools.count(1_790_000_000_000_000_000, 1_000_000)
    tags = Tags(lambda: next(times), lambda bits: 2**bits - 1)

    made = [tags.next() for _ in range(100)]

    assert made == sorted(made)
    assert len(set(made)) == 100
