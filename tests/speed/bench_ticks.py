"""Ticks to the screen, 50 symbols: our watchlist against vn.py's TickMonitor.

Ticks enter where a gateway hands them over: `EventEngine.put` there, the account's market sink
here (hub, watchlist dock, painted grid, frame clock: as the program connects them).
"""

import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from brokers import registry
from brokers.model.market import Quote
from brokers.port import MasterPart
from desktop.commands import Commands
from desktop.docks.base import DockContext, LinkGroups, Requests
from desktop.docks.watchlist.dock import WatchlistDock
from desktop.settings import Settings
from desktop.trading.accounts import AccountKind, AccountState
from desktop.trading.opening import OpenAccount, Places
from desktop.ui.columns import ColumnState
from desktop.ui.frame_clock import FrameClock
from desktop.ui.theme import Theme
from desktop.ui.toast import Toasts
from tests.desktop.trading.masters import cash
from tests.speed import ticking
from tests.speed.measure import NothingHappenedError, median, note, now, qt, tell

_PEER = Path(__file__).parent / "peers" / "vnpy_ticks.py"
_CALM = 2_000
"""Ticks a second at which latency and load are compared."""
_ROUNDS = 5
_RUNGS = (4_000, 5_000, 6_500, 8_000, 10_000, 12_500, 16_000, 20_000, 25_000)
_TIMES = 5
"""Ours climbs the same ladder with rungs this many times as high."""
_LATE_MS = 100.0
"""A window that is later than this does not keep up."""
_COLUMNS = (
    *("symbol", "exchange", "name", "ltp", "volume", "open", "high", "low"),
    *("bid", "bid_qty", "ask", "ask_qty", "traded", "percent"),
)
"""As many columns as the peer shows, and the same ones as far as both have them."""


class Inbox(QObject):
    """The gateway's thread on one side, the window's on the other; woken once for many."""

    woken = Signal()


class Window:
    """One account, its watchlist and the frame clock, connected as the program does."""

    def __init__(self, symbols: int) -> None:
        Theme.current().dress(qt())
        self.host = QWidget()
        self.host.resize(*ticking.SIZE)
        settings = Settings()
        places = Places(journal=Path(tempfile.mkdtemp()) / "j", instruments=None, candles=None)
        self.account = OpenAccount(
            registry.default_practice(),
            AccountState("a", title="A", kind=AccountKind.PRACTICE, broker="b"),
            places=places,
            settings=settings,
            spawn=lambda work, *, owner: (owner, work.close()),
            app_version="0",
        )
        listed = cash(symbols)
        self.account.instruments.load([MasterPart(instruments=listed, bad_rows=())])
        self.frames = FrameClock(self.host)
        context = DockContext(
            settings=settings,
            commands=Commands(),
            links=LinkGroups(self.host),
            requests=Requests(self.host),
            toasts=Toasts(self.host),
            start=lambda work, *, owner: (owner, work.close()),
            cancel=lambda _owner: None,
            request_frame=self.frames.request,
        )
        self.dock = WatchlistDock(context, "watchlist", self.host)
        self.ids = [each.id for each in listed]
        self.dock.lists.arrange(self.ids)
        self.dock.bind(self.account.desk)
        all_columns = tuple(column.id for column in self.dock.grid.header.columns)
        hidden = tuple(each for each in all_columns if each not in _COLUMNS)
        self.dock.grid.restore_columns(ColumnState(order=_COLUMNS + hidden, hidden=hidden))
        column = QVBoxLayout(self.host)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.dock)
        self.account.hub.on_dirty = self.frames.request
        self.host.show()


def ours(rate: int, seconds: float) -> None:
    """Run our side; ends the process."""
    window = Window(ticking.SYMBOLS)
    hub, dock, ids = window.account.hub, window.dock, window.ids
    meter = ticking.Meter(dock.grid.viewport())
    # The last two are cut or just outside; what is not painted cannot be timed.
    visible = set(dock.grid.visible_keys()[:-2])
    sink = window.account._sinks().market  # what the broker is given
    inbox: collections.deque[tuple[float, Quote]] = collections.deque()
    waker = Inbox()
    is_awake = [False]
    received: list[float] = []

    def frame() -> None:
        dock.apply(hub.frame())
        meter.shown += received
        received.clear()

    def take() -> None:
        is_awake[0] = False
        for _ in range(len(inbox)):
            made, quote = inbox.popleft()
            sink((quote,))
            meter.handled += 1
            if quote.instrument in visible:
                received.append(made)

    window.frames.add(frame)
    waker.woken.connect(take, Qt.ConnectionType.QueuedConnection)

    def emit(number: int) -> None:
        price = 10_000_000 + number % 97 * 10_000
        quote = Quote(
            ids[number % ticking.SYMBOLS],
            price,
            number,
            number * 1_000_000,
            number * 1_000_000,
            number % 991,
            number % 787,
            price - 500,
            price + 500,
            low_e4=9_000_000,
            high_e4=11_000_000,
            open_e4=10_000_000,
            previous_close_e4=10_000_000,
        )
        inbox.append((now(), quote))
        if not is_awake[0]:
            is_awake[0] = True
            waker.woken.emit()

    ticking.run(meter, emit, rate, seconds)


class Outcome(msgspec.Struct):
    """What one run of one candidate gave."""

    rate: int
    made: float
    share: float
    p50_ms: float | None
    p99_ms: float | None
    cpu: float
    paints: float

    @property
    def keeps_up(self) -> bool:
        is_fed = self.made >= 0.97 * self.rate
        is_prompt = self.p99_ms is not None and self.p99_ms < _LATE_MS
        return is_fed and is_prompt and self.share >= 0.99

    @property
    def late_ms(self) -> float:
        if self.p99_ms is None:
            raise NothingHappenedError("no tick reached the screen")
        return self.p99_ms


def child(is_ours: bool, rate: int, seconds: float) -> Outcome:  # noqa: FBT001 - one of two
    script = Path(__file__) if is_ours else _PEER
    done = subprocess.run(
        [sys.executable, str(script), str(rate), str(seconds)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    outcome = msgspec.json.decode(done.stdout.splitlines()[-1], type=Outcome)
    note(f"{'ours' if is_ours else 'vn.py':>6} {json.dumps(msgspec.to_builtins(outcome))}")
    return outcome


def highest(is_ours: bool) -> "collections.abc.Generator[None, None, int]":  # noqa: FBT001
    """Climb the ladder a rung at a time; a rung that fails twice ends it."""
    best = 0
    for rung in _RUNGS:
        rate = rung * _TIMES if is_ours else rung
        for _ in range(2):
            outcome = child(is_ours, rate, 2.5)
            yield
            if outcome.keeps_up:
                break
        else:
            return best
        best = rate
    return best


def ladder() -> dict[bool, int]:
    """Let both climb, in turn."""
    climbers = {is_ours: highest(is_ours) for is_ours in (False, True)}
    found: dict[bool, int] = {}
    while climbers:
        for is_ours, climber in list(climbers.items()):
            try:
                next(climber)
            except StopIteration as end:
                found[is_ours] = end.value
                del climbers[is_ours]
    return found


def main() -> None:
    outcomes: dict[bool, list[Outcome]] = {False: [], True: []}
    for _ in range(_ROUNDS):
        for is_ours, kept in outcomes.items():
            kept.append(child(is_ours, _CALM, 3.5))
    theirs, mine = outcomes[False], outcomes[True]
    tell(
        f"tick to paint p99 at {_CALM:,}/s (at most 4)",
        "ms",
        median([each.late_ms for each in mine]),
        peer="vn.py",
        theirs=median([each.late_ms for each in theirs]),
        goal=5.0,
        limit=4.0,
    )
    tell(
        f"CPU of the window at {_CALM:,} ticks/s",
        "cores",
        median([each.cpu for each in mine]),
        peer="vn.py",
        theirs=median([each.cpu for each in theirs]),
        goal=3.0,
    )
    best = ladder()
    if not all(best.values()):
        raise NothingHappenedError(f"not even the lowest rate was sustained: {best}")
    tell(
        "ticks sustained to the screen",
        "/s",
        best[True],
        peer="vn.py",
        theirs=best[False],
        goal=5.0,
        more_is_better=True,
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        ours(int(sys.argv[1]), float(sys.argv[2]))
    else:
        main()
