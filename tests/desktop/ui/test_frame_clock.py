"""Frames: the first at once, the next when painting allows, none for nothing."""

from pytestqt.qtbot import QtBot

from desktop.ui.frame_clock import FrameClock

MS = 1_000_000


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns


def test_the_first_request_is_served_in_the_next_turn(qtbot: QtBot) -> None:
    clock = FrameClock()
    ran: list[str] = []
    clock.add(lambda: ran.append("frame"))
    clock.request()
    assert ran == []
    assert clock._due.interval() == 0
    qtbot.waitUntil(lambda: ran == ["frame"])


def test_requests_of_one_turn_are_one_frame(qtbot: QtBot) -> None:
    clock = FrameClock()
    ran: list[str] = []
    clock.add(lambda: ran.append("frame"))
    for _ in range(1_000):
        clock.request()
    qtbot.waitUntil(lambda: bool(ran))
    assert clock.frames == 1


def test_nothing_runs_while_nothing_is_requested(qtbot: QtBot) -> None:
    clock = FrameClock()
    clock.request()
    qtbot.waitUntil(lambda: clock.frames == 1 and not clock._painted.isActive())
    assert not clock._due.isActive()


def test_the_gap_is_twice_what_painting_costs_and_at_most_a_frame(qtbot: QtBot) -> None:
    hands = Hands()
    clock = FrameClock(now_ns=hands)
    cost_ns = [3 * MS]

    def flush() -> None:
        hands.now_ns += cost_ns[0]

    clock.add(flush)

    def gap_after(frames: int) -> int:
        for _ in range(frames):
            before = clock.frames
            clock.request()
            qtbot.waitUntil(lambda before=before: clock.frames > before)  # type: ignore[misc]  # a default binds the loop's value
            qtbot.waitUntil(lambda: not clock._painted.isActive())
        clock.request()
        left = clock._due.interval()
        clock.stop()
        return left

    assert gap_after(30) == 6
    cost_ns[0] = 100 * MS
    assert gap_after(30) == 16
    hands.now_ns += 60_000 * MS
    clock.request()
    assert clock._due.interval() == 0


def test_a_request_during_a_frame_gets_one_of_its_own(qtbot: QtBot) -> None:
    clock = FrameClock()
    asked = [True]

    def flush() -> None:
        if asked[0]:
            asked[0] = False
            clock.request()

    clock.add(flush)
    clock.request()
    qtbot.waitUntil(lambda: clock.frames == 2)


def test_the_wait_of_the_oldest_change_is_the_lag(qtbot: QtBot) -> None:
    hands = Hands()
    clock = FrameClock(now_ns=hands)
    clock.request()
    hands.now_ns += 40 * MS
    clock.request()
    qtbot.waitUntil(lambda: clock.frames == 1)
    assert clock.lag_ms == 40
    assert clock.take_worst_lag_ms() == 40
    assert clock.take_worst_lag_ms() == 0


def test_a_removed_callback_is_called_no_more(qtbot: QtBot) -> None:
    clock = FrameClock()
    ran: list[str] = []
    remove = clock.add(lambda: ran.append("frame"))
    remove()
    remove()
    clock.request()
    qtbot.waitUntil(lambda: clock.frames == 1)
    assert ran == []
