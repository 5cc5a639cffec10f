"""Rate limits: never above a window, and always room for a cancel."""

from hypothesis import given
from hypothesis import strategies as st

from brokers.wire.budget import Budget, Lane

SECOND_AND_MINUTE = ((8, 1.0), (170, 60.0))


def spend_all(budget: Budget, lane: Lane, now_s: float) -> int:
    count = 0
    while budget.wait_s(now_s, lane) == 0.0:
        budget.spend(now_s, lane)
        count += 1
    return count


def test_a_full_window_says_when_the_next_request_fits() -> None:
    budget = Budget(((2, 1.0),))
    budget.spend(10.0, Lane.CANCEL)
    budget.spend(10.25, Lane.CANCEL)
    assert budget.wait_s(10.5, Lane.CANCEL) == 0.5
    assert budget.wait_s(11.0, Lane.CANCEL) == 0.0


def test_the_strictest_window_decides() -> None:
    budget = Budget(((10, 1.0), (3, 60.0)))
    assert spend_all(budget, Lane.CANCEL, 0.0) == 3
    assert budget.wait_s(5.0, Lane.CANCEL) == 55.0


def test_a_cancel_leaves_at_once_although_orders_and_polls_used_all_they_may() -> None:
    budget = Budget(SECOND_AND_MINUTE)
    now_s = 0.0
    for lane in (Lane.BACKGROUND, Lane.READ, Lane.RECONCILE, Lane.PLACE):
        spend_all(budget, lane, now_s)
    assert budget.wait_s(now_s, Lane.PLACE) > 0
    assert budget.wait_s(now_s, Lane.CANCEL) == 0.0


def test_forty_cancels_a_minute_are_reserved() -> None:
    budget = Budget(((170, 60.0),))
    spend_all(budget, Lane.PLACE, 0.0)
    assert spend_all(budget, Lane.CANCEL, 0.0) >= 40


def test_less_urgent_lanes_stop_first() -> None:
    budget = Budget(SECOND_AND_MINUTE)
    counts = [spend_all(budget, lane, 0.0) for lane in reversed(Lane)]
    assert all(count > 0 for count in counts)


@given(
    st.lists(st.tuples(st.sampled_from(list(Lane)), st.integers(0, 200)), min_size=1, max_size=300)
)
def test_no_sliding_window_ever_holds_more_than_its_limit(asks: list[tuple[Lane, int]]) -> None:
    budget = Budget(((3, 1.0), (10, 8.0)))
    now_s, sent = 0.0, []
    for lane, pause_ms in asks:
        now_s += pause_ms / 1000 + budget.wait_s(now_s, lane)
        now_s += budget.wait_s(now_s, lane)
        budget.spend(now_s, lane)
        sent.append(now_s)
    for limit, seconds in ((3, 1.0), (10, 8.0)):
        for at, first in enumerate(sent):
            inside = [t for t in sent[at:] if t - first < seconds - 1e-9]
            assert len(inside) <= limit


def test_one_refusal_stops_the_polls_for_a_minute() -> None:
    budget = Budget(SECOND_AND_MINUTE)
    budget.refused(100.0)
    assert budget.wait_s(110.0, Lane.BACKGROUND) == 50.0
    assert budget.wait_s(110.0, Lane.READ) == 0.0
    assert budget.wait_s(160.0, Lane.BACKGROUND) == 0.0


def test_after_two_breaches_only_orders_cancels_and_reconciling_leave() -> None:
    budget = Budget(SECOND_AND_MINUTE)
    budget.refused(0.0)
    budget.refused(10.0)  # the same minute: the same breach
    assert budget.wait_s(20.0, Lane.READ) == 0.0
    budget.refused(100.0)
    assert budget.wait_s(200.0, Lane.READ) > 3600
    assert [budget.wait_s(200.0, lane) for lane in (Lane.CANCEL, Lane.PLACE, Lane.RECONCILE)] == [
        0.0,
        0.0,
        0.0,
    ]
    budget.new_day()
    assert budget.wait_s(201.0, Lane.READ) == 0.0
