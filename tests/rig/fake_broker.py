"""A small truthful broker in memory: it keeps its own book whatever it tells, and counts requests.

Trouble is scripted per request: the reply may be lost, come late, or never; events may be missing,
doubled, or early. With a ledger file it survives the death of the process that talks to it.
"""

import asyncio
import collections
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from brokers.errors import (
    BrokerError,
    LoginExpired,
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
)
from brokers.model.account import Funds, Holding, Ledger, Position, Profile
from brokers.model.instrument import InstrumentId
from brokers.model.market import Candle, Depth, Detail, Interval, MarketStatus, Quote, Span
from brokers.model.order import (
    Fill,
    Kind,
    OrderAck,
    OrderChange,
    OrderIntent,
    OrderRef,
    OrderState,
    OrderUpdate,
    Product,
    Side,
    Validity,
)
from brokers.port import Capabilities, MasterFile
from desktop.trading.seams import Timer, no_killpoint

ALL_PRODUCTS = (Product.INTRADAY, Product.CNC, Product.MARGIN, Product.CO)
CAPABILITIES = Capabilities(
    depth_levels=5,
    kinds=frozenset(Kind),
    products={"CM": ALL_PRODUCTS, "FO": (Product.INTRADAY, Product.MARGIN)},
    validities=frozenset(Validity),
    intervals=(Interval.M1,),
    max_followed=100,
    streams_orders=True,
    carries_tag=True,
    orders_per_second=10,
    has_after_market=True,
    has_disclosed_qty=True,
)


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong with one request.

    `is_done`: the broker carries the request out. `after_s`: it does so only this much later.
    `error`: what the caller gets instead of a reply. `hangs`: no reply until `release`.
    `events`: how often each event of it is told; `first`: told before the reply.
    """

    is_done: bool = True
    after_s: float = 0
    error: BaseException | None = None
    hangs: bool = False
    events: int = 1
    first: bool = False
    broker_id: str = ""


def lost_reply(**how: object) -> Trouble:
    return msgspec.structs.replace(Trouble(error=OutcomeUnknown("no answer in 10 s")), **how)


def reset_before() -> Trouble:
    return Trouble(is_done=False, error=OutcomeUnknown("connection reset"))


def not_sent() -> Trouble:
    return Trouble(is_done=False, error=NotSent("no connection"))


def refused(text: str = "RED:Margin Shortfall", *, is_created: bool = False) -> Trouble:
    return Trouble(is_done=is_created, error=OrderRefused(text, code="-99"))


def rate_limited(*, is_done: bool = False) -> Trouble:
    return Trouble(is_done=is_done, error=RateLimited("request limit reached", code="-429"))


def login_expired() -> Trouble:
    return Trouble(is_done=False, error=LoginExpired("token expired", code="-16"))


class FakeBroker:
    """The port, in memory."""

    def __init__(
        self,
        timer: Timer,
        *,
        ledger: Path | None = None,
        killpoint: Callable[[str], None] = no_killpoint,
    ) -> None:
        self.timer = timer
        self.on_update: Callable[[OrderUpdate], None] = lambda _: None
        self.on_fill: Callable[[Fill], None] = lambda _: None
        self.capabilities = CAPABILITIES
        self.book: dict[str, OrderUpdate] = {}
        self.trades: list[Fill] = []
        self.carried: list[Position] = []
        self.held: list[Holding] = []
        self.cash_paise = 100_000_000
        self.requests: collections.Counter[str] = collections.Counter()
        """Write requests by tag or broker number."""
        self.reads: collections.Counter[str] = collections.Counter()
        self.troubles: dict[str, collections.deque[Trouble]] = collections.defaultdict(
            collections.deque
        )
        self.read_error: BrokerError | None = None
        self.read_gate: asyncio.Future[None] | None = None
        """Reads wait for it."""
        self.hidden: set[str] = set()
        """Numbers the book leaves out, as one that lags does."""
        self.is_mute = False
        self.has_clock = True
        self.waiting: list[asyncio.Future[None]] = []
        self._ledger = ledger
        self._kill = killpoint
        self._load()

    # -- what a test does

    def trouble(self, *troubles: Trouble, on: str = "place") -> None:
        self.troubles[on].extend(troubles)

    def release(self) -> None:
        """Let every reply that hangs come now."""
        for each in self.waiting:
            if not each.done():
                each.set_result(None)
        self.waiting.clear()

    def fill(
        self, broker_id: str, quantity: int, price_e4: int = 8_000_000, *, times: int = 1
    ) -> Fill:
        """Execute a part of an order, and tell of it `times` times."""
        order = self.book[broker_id]
        done = order.filled_qty + quantity
        state = OrderState.FILLED if done == order.quantity else OrderState.PARTIAL
        value = order.average_e4 * order.filled_qty + price_e4 * quantity
        self._put(order, state=state, filled_qty=done, average_e4=value // done)
        fill = Fill(
            trade_id=f"{broker_id}-{len(self.trades) + 1}",
            broker_id=broker_id,
            tag=order.tag,
            instrument=order.instrument,
            side=order.side,
            quantity=quantity,
            price_e4=price_e4,
            product=order.product,
            at_ns=self._now_s(),
        )
        self.trades.append(fill)
        self._write({"fill": msgspec.to_builtins(fill)})
        self._tell(broker_id, times)
        for _ in range(0 if self.is_mute else times):
            self.on_fill(fill)
        return fill

    def say(self, broker_id: str, state: OrderState, **changes: object) -> None:
        """Let the venue itself change an order."""
        self._put(self.book[broker_id], state=state, **changes)
        self._tell(broker_id, 1)

    def typed_elsewhere(self, intent: OrderIntent) -> str:
        """Take an order from another terminal of the same account; it has no tag of ours."""
        broker_id = self._accept(msgspec.structs.replace(intent, tag=""))
        self._tell(broker_id, 1)
        return broker_id

    def of_tag(self, tag: str) -> list[OrderUpdate]:
        return [order for order in self.book.values() if order.tag == tag]

    # -- writes

    async def place(self, intent: OrderIntent, /) -> OrderAck:
        self.requests[intent.tag] += 1
        self._kill("broker_before_accept")
        broker_id = await self._carry_out("place", lambda: self._accept(intent))
        self._kill("broker_after_accept")
        return OrderAck(broker_id=broker_id, text="Successfully placed order")

    async def change(self, order: OrderRef, to: OrderChange, /) -> OrderAck:
        self.requests[f"change {order.broker_id}"] += 1

        def work() -> str:
            known = self._working(order.broker_id)
            self._put(
                known,
                quantity=to.quantity,
                kind=to.kind,
                price_e4=to.price_e4,
                trigger_e4=to.trigger_e4,
            )
            return order.broker_id

        return OrderAck(broker_id=await self._carry_out("change", work))

    async def cancel(self, order: OrderRef, /) -> OrderAck:
        self.requests[f"cancel {order.broker_id}"] += 1

        def work() -> str:
            self._put(self._working(order.broker_id), state=OrderState.CANCELLED)
            return order.broker_id

        return OrderAck(broker_id=await self._carry_out("cancel", work))

    async def convert(
        self,
        instrument: InstrumentId,
        side: Side,
        quantity: int,
        *,
        from_product: Product,
        to_product: Product,
    ) -> str:
        del instrument, side, quantity, from_product, to_product
        raise OrderRefused("not here")

    # -- reads

    async def orders(self) -> Sequence[OrderUpdate]:
        await self._read("orders")
        return [order for order in self.book.values() if order.broker_id not in self.hidden]

    async def orders_tagged(self, tag: str, /) -> Sequence[OrderUpdate]:
        await self._read("tagged")
        return [order for order in self.of_tag(tag) if order.broker_id not in self.hidden]

    async def fills(self) -> Sequence[Fill]:
        await self._read("fills")
        return tuple(self.trades)

    async def positions(self) -> Sequence[Position]:
        await self._read("positions")
        found = {(p.instrument, p.product): p for p in self.carried}
        for fill in self.trades:
            key = (fill.instrument, fill.product)
            old = found.get(key) or _flat(fill)
            value, sign = fill.quantity * fill.price_e4, fill.side.sign
            is_buy = fill.side is Side.BUY
            found[key] = msgspec.structs.replace(
                old,
                net_qty=old.net_qty + sign * fill.quantity,
                buy_qty=old.buy_qty + is_buy * fill.quantity,
                buy_value_e4=old.buy_value_e4 + is_buy * value,
                sell_qty=old.sell_qty + (not is_buy) * fill.quantity,
                sell_value_e4=old.sell_value_e4 + (not is_buy) * value,
            )
        return tuple(found.values())

    async def holdings(self) -> Sequence[Holding]:
        await self._read("holdings")
        return tuple(self.held)

    async def funds(self) -> Funds:
        await self._read("funds")
        ledger = Ledger(available_paise=self.cash_paise, used_paise=0, total_paise=self.cash_paise)
        return Funds(equity=ledger, commodity=ledger)

    # -- the rest of the port

    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def follow(self, wanted: Mapping[InstrumentId, Detail], /) -> None: ...

    async def profile(self) -> Profile:
        return Profile(account="FAKE1", name="")

    async def candles(
        self, instrument: InstrumentId, every: Interval, span: Span, /
    ) -> Sequence[Candle]:
        del instrument, every, span
        return ()

    async def quotes(self, instruments: Sequence[InstrumentId], /) -> Sequence[Quote]:
        del instruments
        return ()

    async def snapshot(self, instrument: InstrumentId, /) -> tuple[Quote, Depth]:
        return Quote(instrument), Depth(instrument, (), ())

    async def market_status(self) -> Sequence[MarketStatus]:
        return ()

    async def masters(self) -> Sequence[MasterFile]:
        return ()

    def server_offset_ns(self) -> int | None:
        return 0 if self.has_clock else None

    # -- inside

    async def _carry_out(self, what: str, work: Callable[[], str]) -> str:
        waiting = self.troubles[what]
        trouble = waiting.popleft() if waiting else Trouble()
        broker_id = trouble.broker_id

        def late() -> None:
            self._tell(work(), trouble.events)

        if trouble.after_s:
            self.timer.call_later(trouble.after_s, late)
        elif trouble.is_done:
            broker_id = work()
            if isinstance(trouble.error, OrderRefused):
                self._put(self.book[broker_id], state=OrderState.REJECTED, text=trouble.error.text)
            if trouble.first or trouble.hangs or trouble.error is not None:
                self._tell(broker_id, trouble.events)
            else:
                # The caller has its reply before this runs.
                loop = asyncio.get_running_loop()
                loop.call_soon(self._tell, broker_id, trouble.events)
        if trouble.hangs:
            hang = asyncio.get_running_loop().create_future()
            self.waiting.append(hang)
            await hang
        if trouble.error is not None:
            raise trouble.error
        return trouble.broker_id or broker_id

    def _accept(self, intent: OrderIntent) -> str:
        broker_id = f"26{len(self.book) + 1:06d}"
        order = OrderUpdate(
            broker_id=broker_id,
            tag=intent.tag if self.capabilities.carries_tag and intent.product != "CO" else "",
            instrument=intent.instrument,
            side=intent.side,
            quantity=intent.quantity,
            filled_qty=0,
            kind=intent.kind,
            price_e4=intent.price_e4,
            trigger_e4=intent.trigger_e4,
            average_e4=0,
            product=intent.product,
            validity=intent.validity,
            state=OrderState.TRIGGER_PENDING if intent.kind.has_trigger else OrderState.OPEN,
            placed_ns=self._now_s(),
        )
        self._put(order)
        return broker_id

    def _working(self, broker_id: str) -> OrderUpdate:
        order = self.book.get(broker_id)
        if order is None or order.state.is_terminal:
            raise OrderRefused("order is not open", code="-51")
        return order

    def _put(self, order: OrderUpdate, **changes: object) -> None:
        changed = msgspec.structs.replace(order, updated_ns=self._now_s(), **changes)
        self.book[order.broker_id] = changed
        self._write({"order": msgspec.to_builtins(changed)})

    def _tell(self, broker_id: str, times: int) -> None:
        for _ in range(0 if self.is_mute else times):
            self.on_update(self.book[broker_id])

    def _now_s(self) -> int:
        """Give the time as brokers do: whole seconds."""
        return self.timer.now_ns() // 1_000_000_000 * 1_000_000_000

    async def _read(self, name: str) -> None:
        self.reads[name] += 1
        if self.read_gate is not None:
            await self.read_gate
        if self.read_error is not None:
            raise self.read_error

    def _write(self, row: dict[str, object]) -> None:
        """Append one line in one write: it is in the kernel's hands before anything else."""
        if self._ledger is None:
            return
        handle = os.open(self._ledger, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.write(handle, json.dumps(row).encode() + b"\n")
        os.close(handle)

    def _load(self) -> None:
        if self._ledger is None or not self._ledger.exists():
            return
        for line in self._ledger.read_text().splitlines():
            row = json.loads(line)
            if "order" in row:
                order = msgspec.convert(row["order"], OrderUpdate)
                self.book[order.broker_id] = order
            else:
                self.trades.append(msgspec.convert(row["fill"], Fill))


def _flat(fill: Fill) -> Position:
    return Position(
        instrument=fill.instrument,
        product=fill.product,
        net_qty=0,
        buy_qty=0,
        buy_value_e4=0,
        sell_qty=0,
        sell_value_e4=0,
        multiplier=1,
    )
