"""The two tables, and the reducer: any order of evidence leads to the same end."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.model.instrument import InstrumentId
from brokers.model.order import (
    Fill,
    Kind,
    OpState,
    OrderState,
    OrderUpdate,
    Product,
    Side,
    Validity,
)
from desktop.trading.transitions import (
    NOTHING,
    OP_ALARMS,
    OP_TRANSITIONS,
    ORDER_TRANSITIONS,
    IllegalTransition,
    OpEvent,
    Proven,
    apply_fill,
    apply_update,
    next_op_state,
)

SBIN = InstrumentId("NSE:CM:3045")
BASE = OrderUpdate(
    broker_id="1",
    tag="T" + "0" * 15,
    instrument=SBIN,
    side=Side.BUY,
    quantity=10,
    filled_qty=0,
    kind=Kind.LIMIT,
    price_e4=8_000_000,
    trigger_e4=0,
    average_e4=0,
    product=Product.INTRADAY,
    validity=Validity.DAY,
    state=OrderState.PENDING_NEW,
)


def update(state: OrderState, **changes: object) -> OrderUpdate:
    return msgspec.structs.replace(BASE, state=state, **changes)


def fill(trade_id: str, quantity: int, price_e4: int = 8_000_000) -> Fill:
    return Fill(
        trade_id=trade_id,
        broker_id="1",
        tag=BASE.tag,
        instrument=SBIN,
        side=Side.BUY,
        quantity=quantity,
        price_e4=price_e4,
        product=Product.INTRADAY,
    )


# -- requests


def test_every_request_state_is_reached_and_named() -> None:
    reached = set(OP_TRANSITIONS.values())

    assert reached | {OpState.DRAFT} == set(OpState)


def test_only_a_claimed_request_can_get_an_answer() -> None:
    for answer in (OpEvent.ACK, OpEvent.REFUSE, OpEvent.NOT_SENT, OpEvent.DOUBT):
        for state in (OpState.DRAFT, OpState.INTENT, OpState.DENIED, OpState.NEVER_SENT):
            with pytest.raises(IllegalTransition):
                next_op_state(state, answer)


def test_only_proof_leaves_unknown() -> None:
    leaving = {event for state, event in OP_TRANSITIONS if state is OpState.UNKNOWN}

    assert leaving == {
        OpEvent.DOUBT,
        OpEvent.FIND,
        OpEvent.FIND_REFUSED,
        OpEvent.REFUSE,
        OpEvent.PRESUME_ABSENT,
        OpEvent.END_DAY,
    }


def test_whatever_is_shown_as_over_and_appears_all_the_same_raises_an_alarm() -> None:
    over = {
        OpState.DENIED,
        OpState.NEVER_SENT,
        OpState.NOT_SENT,
        OpState.REJECTED,
        OpState.ABSENT_PRESUMED,
        OpState.UNRESOLVED,
    }

    for state in over:
        assert next_op_state(state, OpEvent.FIND) is OpState.ACKED
        assert (state, OpEvent.FIND) in OP_ALARMS


def test_no_request_is_sent_again() -> None:
    into_sending = [step for step, after in OP_TRANSITIONS.items() if after is OpState.SENDING]

    assert into_sending == [(OpState.INTENT, OpEvent.CLAIM)]


# -- orders


def test_a_finished_order_has_no_next_state_but_its_own() -> None:
    for state in OrderState:
        if state.is_terminal and state is not OrderState.EXPIRED:
            assert ORDER_TRANSITIONS[state] == {state}


def test_the_state_counts_executions_the_broker_has_not_counted_yet() -> None:
    proven = apply_update(NOTHING, update(OrderState.OPEN)).proven

    assert apply_fill(proven, fill("a", 4)).proven.state is OrderState.PARTIAL
    assert apply_fill(proven, fill("a", 10)).proven.state is OrderState.FILLED


def test_duplicate_fill() -> None:
    once = apply_fill(NOTHING, fill("a", 4)).proven
    again = apply_fill(once, fill("a", 4))

    assert again.proven == once
    assert not again.is_news
    assert not again.alarms


def test_one_trade_id_with_two_contents_raises_an_alarm_and_counts_once() -> None:
    once = apply_fill(NOTHING, fill("a", 4)).proven
    again = apply_fill(once, fill("a", 5))

    assert again.proven.filled_qty == 4
    assert again.alarms


def test_executions_beyond_the_orders_quantity_raise_an_alarm() -> None:
    proven = apply_update(NOTHING, update(OrderState.OPEN)).proven

    assert apply_fill(proven, fill("a", 11)).alarms


def test_filled_quantity_never_falls() -> None:
    proven = apply_update(NOTHING, update(OrderState.PARTIAL, filled_qty=6, updated_ns=5)).proven
    step = apply_update(proven, update(OrderState.PARTIAL, filled_qty=4, updated_ns=6))

    assert step.proven.filled_qty == 6
    assert step.alarms


@pytest.mark.parametrize("end", [s for s in OrderState if s.is_terminal])
def test_a_finished_order_that_works_again_raises_an_alarm(end: OrderState) -> None:
    proven = apply_update(NOTHING, update(end, updated_ns=5)).proven
    step = apply_update(proven, update(OrderState.OPEN, updated_ns=6))

    assert step.proven.state is OrderState.OPEN
    assert step.alarms


def test_old_news_of_a_finished_order_is_ignored_quietly() -> None:
    proven = apply_update(NOTHING, update(OrderState.CANCELLED, updated_ns=5)).proven

    for late in (None, 4, 5):
        step = apply_update(proven, update(OrderState.OPEN, updated_ns=late))
        assert step.proven.state is OrderState.CANCELLED
        assert not step.alarms


def test_a_book_that_was_certainly_read_later_wins_without_times() -> None:
    proven = apply_update(NOTHING, update(OrderState.OPEN, price_e4=1)).proven
    stale = apply_update(proven, update(OrderState.PENDING_NEW, price_e4=2))
    fresh = apply_update(proven, update(OrderState.PENDING_NEW, price_e4=2), is_newer=True)

    assert stale.proven.latest is not None
    assert stale.proven.latest.price_e4 == 1
    assert fresh.proven.latest is not None
    assert fresh.proven.latest.price_e4 == 2


def test_unknown_enum() -> None:
    proven = apply_update(NOTHING, update(OrderState.OPEN, updated_ns=1)).proven
    odd = apply_update(proven, update(OrderState.UNMAPPED, updated_ns=2, text="HELD BY RMS"))
    back = apply_update(odd.proven, update(OrderState.OPEN, updated_ns=3))

    assert odd.proven.state is OrderState.UNMAPPED
    assert back.proven.state is OrderState.OPEN
    assert not back.alarms


def test_the_average_is_that_of_executions_until_the_broker_has_caught_up() -> None:
    proven = apply_update(NOTHING, update(OrderState.OPEN)).proven
    proven = apply_fill(proven, fill("a", 4, 8_000_000)).proven
    proven = apply_fill(proven, fill("b", 6, 8_005_000)).proven
    assert proven.average_e4 == 8_003_000

    done = update(OrderState.FILLED, filled_qty=10, average_e4=8_003_100)
    assert apply_update(proven, done).proven.average_e4 == 8_003_100


@st.composite
def legal_histories(draw: st.DrawFn) -> list[OrderUpdate | Fill]:
    """A life of one order as a broker tells it: each change of shape has its own time."""
    now = 1
    quantity = draw(st.integers(2, 9))
    filled = 0
    shape = {"quantity": quantity, "price_e4": 8_000_000}
    events: list[OrderUpdate | Fill] = [update(OrderState.PENDING_NEW, updated_ns=now, **shape)]
    if draw(st.booleans()):
        now += draw(st.integers(0, 1))
        events.append(update(OrderState.TRIGGER_PENDING, updated_ns=now, **shape))
    for step in draw(st.lists(st.sampled_from(["open", "change", "odd", "fill"]), max_size=8)):
        if step in ("change", "odd"):
            now += 1
        else:
            now += draw(st.integers(0, 1))
        if step == "change":
            shape["price_e4"] += 500
            shape["quantity"] += 1
        if step == "fill" and filled + 1 < shape["quantity"]:
            filled += 1
            events.append(fill(f"t{filled}", 1, 8_000_000 + filled))
        state = OrderState.UNMAPPED if step == "odd" else OrderState.OPEN
        if state is OrderState.OPEN and filled:
            state = draw(st.sampled_from([OrderState.OPEN, OrderState.PARTIAL]))
        if state is not OrderState.UNMAPPED and _is_odd(events[-1]):
            now += 1
        events.append(update(state, updated_ns=now, filled_qty=filled, **shape))
    end = draw(st.sampled_from([None, *(s for s in OrderState if s.is_terminal)]))
    if end is OrderState.FILLED:
        missing = shape["quantity"] - filled
        events.append(fill("last", missing, 8_000_100))
        filled += missing
    if end is not None:
        events.append(update(end, updated_ns=now, filled_qty=filled, **shape))
    return events


def _is_odd(event: OrderUpdate | Fill) -> bool:
    return isinstance(event, OrderUpdate) and event.state is OrderState.UNMAPPED


def fold(events: list[OrderUpdate | Fill]) -> tuple[Proven, list[str]]:
    proven = NOTHING
    alarms: list[str] = []
    for event in events:
        step = apply_fill(proven, event) if isinstance(event, Fill) else apply_update(proven, event)
        assert step.proven.filled_qty >= proven.filled_qty
        proven, alarms = step.proven, [*alarms, *step.alarms]
    return proven, alarms


def shape(proven: Proven) -> tuple[int, int]:
    assert proven.latest is not None
    return proven.latest.quantity, proven.latest.price_e4


@given(legal_histories(), st.randoms(use_true_random=False), st.integers(0, 6))
def test_any_order_and_repetition_of_a_legal_history_ends_the_same(
    events: list[OrderUpdate | Fill], chance: random.Random, repeats: int
) -> None:
    straight, _ = fold(events)
    shuffled = events + [chance.choice(events) for _ in range(repeats)]
    chance.shuffle(shuffled)
    mixed, _ = fold(shuffled)

    assert mixed.state is straight.state
    assert mixed.filled_qty == straight.filled_qty
    assert mixed.average_e4 == straight.average_e4
    assert mixed.fills == straight.fills
    assert shape(mixed) == shape(straight)


@given(legal_histories(), st.integers(0, 3))
def test_a_legal_history_as_it_happened_raises_no_alarm(
    events: list[OrderUpdate | Fill], repeats: int
) -> None:
    told = [event for event in events for _ in range(repeats + 1)]

    assert not fold(told)[1]
