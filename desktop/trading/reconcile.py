"""Compares everything with the broker before trading opens, and keeps comparing.

A full pass runs at the start and after every login, resume, day roll and reconnection of the order
stream: orders, executions, positions are read, applied like any other evidence, and compared.
Until it has succeeded no new order leaves. In between, open orders are looked at every 10 s.
"""

from typing import Final

from brokers.errors import BrokerError, LoginExpired
from brokers.model.order import Fill, OpKind, OpState
from brokers.port import Link, LinkEvent, LinkState
from desktop.trading.accounts import AccountState, Block
from desktop.trading.orders import OrderDesk
from desktop.trading.rows import OrderRow
from desktop.trading.seams import Bell, Seams

_SECOND_NS: Final = 1_000_000_000
POLL_S: Final = 10
SUSPECT_POLL_S: Final = 2
WATCH_S: Final = 60
"""How often the book is read while an order presumed absent is still watched for."""
POSITIONS_S: Final = 30
AFTER_FILL_S: Final = 2
ECHO_NS: Final = 5 * _SECOND_NS
RETRY_S: Final = (1, 2, 4, 8, 15, 30)


class Reconciler:
    """One account's comparisons: `ask` for a full pass, `start` the background."""

    def __init__(self, desk: OrderDesk, seams: Seams) -> None:
        self.desk = desk
        self._account: AccountState = desk.account
        self._timer = seams.timer
        self._seams = seams
        self._bell = Bell(seams.timer)
        self._wanted = "start"
        self._failures = 0
        self._date = ""
        self._book_mono = 0
        self._positions_mono = 0
        self._confirm_mono: int | None = None
        self._disagreed: set[str] = set()
        self._was_down = False
        self._is_wanted = False
        self._is_running = False
        desk.on_change(self._row_changed)
        desk.on_fill(self._filled)
        desk.on_unmatched(self._read_soon)

    def start(self) -> None:
        """Begin; the first thing is a full pass."""
        self._is_wanted = True
        if not self._is_running:
            self._is_running = True
            self._seams.spawn(self._run(), owner="reconcile")

    def stop(self) -> None:
        self._is_wanted = False
        self._bell.ring()

    def ask(self, why: str) -> None:
        """Stop trading until a full pass has succeeded: after login, resume, day roll."""
        self._wanted = why
        self._failures = 0
        self._account.block(Block.RECONCILE, f"comparing orders with the broker ({why})")
        self._bell.ring()

    def link_changed(self, event: LinkEvent) -> None:
        """Take news of a connection; events may have been missed while the stream was down."""
        self._account.link_changed(event)
        if event.link is not Link.ORDERS:
            return
        if event.state in (LinkState.DOWN, LinkState.CONNECTING):
            self._was_down = self._was_down or event.state is LinkState.DOWN
        elif event.state is LinkState.LIVE and self._was_down:
            self._was_down = False
            self.ask("the order stream came back")
        self._bell.ring()

    def logged_in(self) -> None:
        """A new session: compare before trading."""
        self._account.clear(Block.LOGIN)
        self.ask("login")

    async def full_pass(self) -> bool:
        """Read, apply, compare; tells whether trading may open."""
        books = self.desk.books
        try:
            await books.orders()
            await books.fills()
            await books.positions()
        except LoginExpired:
            return False
        except BrokerError as error:
            text = f"orders could not be compared with the broker: {error}"
            self._account.block(Block.RECONCILE, text)
            return False
        now = self._timer.monotonic_ns()
        self._book_mono = self._positions_mono = now
        self._confirm_mono = None
        self._compare()
        return True

    async def _run(self) -> None:
        try:
            while self._is_wanted:
                await self._round()
                await self._bell.wait(self._wait_s())
        except Exception as error:
            self.desk.halt(f"comparing with the broker failed ({type(error).__name__})")
            raise
        finally:
            self._is_running = False

    async def _round(self) -> None:
        self._roll_day()
        if self._wanted:
            why, self._wanted = self._wanted, ""
            if await self.full_pass():
                self._failures = 0
                if not self._wanted:
                    self._account.clear(Block.RECONCILE)
                await self._read_rest()
            else:
                self._wanted = self._wanted or why
                self._failures += 1
            return
        self._watch_echo()
        await self._poll()

    async def _read_rest(self) -> None:
        """Read what trading does not wait for."""
        try:
            await self.desk.books.funds()
            await self.desk.books.holdings()
        except BrokerError:
            # Shown as unknown; read again with the next full pass or when somebody asks.
            return

    async def _poll(self) -> None:
        books, now = self.desk.books, self._timer.monotonic_ns()
        try:
            if self._is_due(self._book_mono, self._book_every_s(), now):
                self._book_mono = now
                await books.orders()
            if self._are_positions_due(now):
                self._positions_mono, self._confirm_mono = now, None
                await books.fills()
                await books.positions()
                await books.funds()
                self._compare()
        except BrokerError:
            # Reads may fail and are made again; the ages on the screen tell.
            return

    def _wait_s(self) -> float | None:
        """Give how long nothing is due; None: until something happens."""
        if self._wanted:
            # A login that is over is not retried: the trader has to act.
            if Block.LOGIN in self._account.blocks:
                return None
            return RETRY_S[min(self._failures, len(RETRY_S)) - 1] if self._failures else 0
        now = self._timer.monotonic_ns()
        waits = [
            max(0.0, every - (now - since) / _SECOND_NS)
            for since, every in (
                (self._book_mono, self._book_every_s()),
                (self._positions_mono, self._positions_every_s()),
            )
            if every is not None
        ]
        if self._confirm_mono is not None:
            waits.append(max(0.0, (self._confirm_mono - now) / _SECOND_NS))
        return min([WATCH_S, *waits, *self._echo_due_s(now)])

    def _is_due(self, since: int, every_s: float | None, now: int) -> bool:
        return every_s is not None and now - since >= every_s * _SECOND_NS

    def _are_positions_due(self, now: int) -> bool:
        if self._confirm_mono is not None and now >= self._confirm_mono:
            return True
        return self._is_due(self._positions_mono, self._positions_every_s(), now)

    def _book_every_s(self) -> float | None:
        is_open = any(row.is_working for row in self.desk.rows()) or self.desk.uncertain
        is_suspect = self._account.is_stream_suspect or self._was_down
        if is_open:
            return SUSPECT_POLL_S if is_suspect else POLL_S
        if not self.desk.streams_orders or not self._book_mono:
            return POLL_S
        states = (op.state for op in self.desk.table.ops())
        return WATCH_S if OpState.ABSENT_PRESUMED in states else None

    def _positions_every_s(self) -> float | None:
        has_open = any(row.is_open for row in self.desk.portfolio.positions())
        has_orders = any(row.is_working for row in self.desk.rows())
        return POSITIONS_S if has_open or has_orders else None

    def _watch_echo(self) -> None:
        """Suspect a stream that does not tell of an order the broker has acknowledged."""
        if not self.desk.streams_orders:
            return
        now = self._timer.monotonic_ns()
        waiting = [op.acked_mono for op in self.desk.table.ops() if self._awaits_echo(op.op_id)]
        is_silent = any(mono is not None and now - mono >= ECHO_NS for mono in waiting)
        self._account.set_stream_suspect(is_suspect=is_silent)

    def _awaits_echo(self, op_id: str) -> bool:
        op = self.desk.table.op(op_id)
        line = self.desk.table.line(op.key) if op is not None else None
        is_place = op is not None and op.kind is OpKind.PLACE and op.acked_mono is not None
        return is_place and line is not None and not line.is_echoed

    def _echo_due_s(self, now: int) -> list[float]:
        if not self.desk.streams_orders or self._account.is_stream_suspect:
            return []
        return [
            max(0.0, (op.acked_mono + ECHO_NS - now) / _SECOND_NS)
            for op in self.desk.table.ops()
            if op.acked_mono is not None and self._awaits_echo(op.op_id)
        ]

    def _row_changed(self, _key: str, old: OrderRow | None, new: OrderRow | None) -> None:
        """Poll as the orders now want it."""
        is_same = old is not None and new is not None and old.op == new.op
        if not is_same or (old and old.is_working) != (new and new.is_working):
            self._bell.ring()
        if new is not None and new.is_working and _was_refused(old, new):
            # The broker says no to what the table says can be done: one of them is behind.
            self._read_soon()
        if new is not None and new.filled_qty > (old.filled_qty if old is not None else 0):
            # With the stream gone the order book alone tells of it, and the position would not.
            self._confirm_soon()

    def _filled(self, _fill: Fill) -> None:
        self._confirm_soon()

    def _confirm_soon(self) -> None:
        """Confirm positions soon after an execution."""
        self._confirm_mono = self._timer.monotonic_ns() + AFTER_FILL_S * _SECOND_NS
        self._bell.ring()

    def _read_soon(self) -> None:
        self._book_mono = 0
        self._bell.ring()

    def _roll_day(self) -> None:
        today = self.desk.trading_date
        if self._date and today != self._date:
            self.desk.begin_day()
            self.ask("a new day")
        self._date = today

    def _compare(self) -> None:
        """Find orders whose executions do not add up to what the book says is filled.

        Executions are read after the book, so more of them is news; fewer, twice, is a fault.
        """
        short = {
            line.key
            for line in self.desk.table
            if line.proven.latest is not None and line.proven.traded_qty < line.proven.most_filled
        }
        for key in short & self._disagreed:
            self.desk.report(key, "the executions do not add up to the filled quantity")
        self._disagreed = short


def _was_refused(old: OrderRow | None, new: OrderRow) -> bool:
    """Tell whether a change or cancel has been refused just now."""
    before = old.pending if old is not None else None
    now = new.pending
    return now is not None and now != before and now.state is OpState.REJECTED
