"""Positions, holdings and funds, with the profit of the moment.

A position is the broker's own figure plus the executions it cannot contain yet: each counts the
moment it is heard of, and never twice.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import msgspec

from brokers.model.account import Funds, Holding, Position
from brokers.model.instrument import InstrumentId
from brokers.model.market import Quote
from brokers.model.money import value_paise
from brokers.model.order import Fill, Product, Side
from brokers.port import Directory
from desktop.trading.listeners import Listeners
from desktop.trading.profit import Profit, Traded, average_e4, profit_of
from desktop.trading.seams import Timer

# A broker's positions may lag its own stream by this much.
_LAG_NS: Final = 3_000_000_000


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One position. Profits are None where they cannot be told; `reason` says why.

    `is_confirmed` is False while executions count that the broker's own figure lacks.
    """

    key: str
    instrument: InstrumentId
    product: Product
    net_qty: int
    buy_qty: int
    sell_qty: int
    buy_average_e4: int
    sell_average_e4: int
    average_e4: int
    ltp_e4: int | None
    multiplier: int | None
    realised_paise: int | None
    unrealised_paise: int | None
    total_paise: int | None
    reason: str
    is_confirmed: bool

    @property
    def is_open(self) -> bool:
        return self.net_qty != 0


class HoldingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One holding, valued at the last price; None where there is none."""

    instrument: InstrumentId
    isin: str
    quantity: int
    free_qty: int
    t1_qty: int
    collateral_qty: int
    cost_e4: int
    ltp_e4: int | None
    value_paise: int | None
    profit_paise: int | None
    day_paise: int | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the rows whose figure is known; the counts tell how many are not in them."""

    realised_paise: int = 0
    unrealised_paise: int = 0
    unknown_positions: int = 0
    holdings_value_paise: int = 0
    holdings_profit_paise: int = 0
    holdings_day_paise: int = 0
    unknown_holdings: int = 0

    @property
    def day_paise(self) -> int:
        """Today's profit of the positions."""
        return self.realised_paise + self.unrealised_paise


class PortfolioFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What looks different since the last frame; a key that is gone is in here too."""

    positions: frozenset[str] = frozenset()
    holdings: frozenset[InstrumentId] = frozenset()
    has_totals: bool = False
    has_funds: bool = False


class _Counted(msgspec.Struct, frozen=True):
    fill: Fill
    seen_mono: int


def position_key(instrument: InstrumentId, product: Product) -> str:
    """Name a position: one instrument may be held under several products."""
    return f"{instrument}|{product}"


class Portfolio:
    """What one account owns and owes, live."""

    def __init__(
        self, *, quote: Callable[[InstrumentId], Quote | None], directory: Directory, timer: Timer
    ) -> None:
        self.changed: Listeners[[]] = Listeners()
        """Told when something other than a price changed: ask for a frame."""
        self.funds: Funds | None = None
        self._quote = quote
        self._directory = directory
        self._timer = timer
        self._began_mono: int | None = None
        self._confirmed: dict[str, Position] = {}
        self._counted: dict[str, dict[str, _Counted]] = {}
        self._positions: dict[str, PositionRow] = {}
        self._holdings: dict[InstrumentId, Holding] | None = None
        self._holding_rows: dict[InstrumentId, HoldingRow] = {}
        self._totals = Totals()
        self._drawn: dict[str, Quote | None] = {}
        """The quote each row was drawn with: another one means drawing anew."""
        self._stale_positions: set[str] = set()
        self._stale_holdings: set[InstrumentId] = set()
        self._news = PortfolioFrame()

    # -- in

    def receive_fill(self, fill: Fill, *, is_old: bool = False) -> bool:
        """Count an execution once; tells whether it was new.

        `is_old`: it was read from the trade book, so positions read after it contain it.
        """
        key = position_key(fill.instrument, fill.product)
        counted = self._counted.setdefault(key, {})
        if fill.trade_id in counted:
            return False
        seen = 0 if is_old else self._timer.monotonic_ns()
        counted[fill.trade_id] = _Counted(fill, seen)
        self._touch((key,))
        return True

    def receive_positions(self, positions: Sequence[Position], *, began_mono: int) -> None:
        """Take the broker's complete list, whose reading began at `began_mono`."""
        if self._began_mono is not None and began_mono < self._began_mono:
            return
        before = set(self._confirmed)
        self._began_mono = began_mono
        self._confirmed = {position_key(p.instrument, p.product): p for p in positions}
        self._touch({*before, *self._confirmed, *self._counted})

    def receive_holdings(self, holdings: Sequence[Holding]) -> None:
        before = set(self._holdings or ())
        self._holdings = {each.instrument: each for each in holdings}
        self._stale_holdings |= before | set(self._holdings)
        self.changed.tell()

    def receive_funds(self, funds: Funds) -> None:
        if funds != self.funds:
            self.funds = funds
            self._news = msgspec.structs.replace(self._news, has_funds=True)
            self.changed.tell()

    def begin_day(self) -> None:
        """Forget yesterday's executions; until the next reading nothing is known."""
        keys = {*self._counted, *self._confirmed}
        self._counted.clear()
        self._confirmed.clear()
        self._began_mono = None
        self._touch(keys)

    # -- out

    def frame(self, instruments: Collection[InstrumentId]) -> PortfolioFrame:
        """Value anew what these instruments' quotes touch, and tell all that changed since.

        One caller hands out frames; whoever else wants the figures of the moment just reads them.
        """
        self._refresh(instruments)
        news, self._news = self._news, PortfolioFrame()
        return news

    def positions(self) -> tuple[PositionRow, ...]:
        """Give all rows at the prices of this moment, closed ones of today included."""
        self._refresh(None)
        return tuple(self._positions.values())

    def position(self, key: str) -> PositionRow | None:
        self._refresh(None)
        return self._positions.get(key)

    def holdings(self) -> tuple[HoldingRow, ...]:
        self._refresh(None)
        return tuple(self._holding_rows.values())

    def totals(self) -> Totals:
        self._refresh(None)
        return self._totals

    def instruments(self) -> frozenset[InstrumentId]:
        """Give what has to be followed for the profits to be live."""
        held = self._holdings or {}
        traded = (row.instrument for row in self.positions() if row.is_open)
        return frozenset({*held, *traded})

    def net_qty(self, instrument: InstrumentId, product: Product) -> int | None:
        """Give a position's net quantity; None before the broker's list was read."""
        if self._began_mono is None:
            return None
        row = self.position(position_key(instrument, product))
        return row.net_qty if row is not None else 0

    def traded_qty(self, instrument: InstrumentId, product: Product) -> int:
        """Give the net of all executions known today."""
        counted = self._counted.get(position_key(instrument, product), {})
        return sum(c.fill.side.sign * c.fill.quantity for c in counted.values())

    def holding_qty(self, instrument: InstrumentId) -> int | None:
        """Give what can be delivered of a holding; None before the list was read."""
        if self._holdings is None:
            return None
        holding = self._holdings.get(instrument)
        return holding.free_qty if holding is not None else 0

    @property
    def is_known(self) -> bool:
        return self._began_mono is not None

    # -- drawing

    def _touch(self, keys: Iterable[str]) -> None:
        self._stale_positions.update(keys)
        self.changed.tell()

    def _refresh(self, instruments: Collection[InstrumentId] | None) -> None:
        """Draw what changed, or whose quote did; remember it for the next frame."""
        positions = {
            key
            for key, row in self._positions.items()
            if self._has_moved(key, row.instrument, instruments)
        }
        holdings = {each for each in self._holding_rows if self._has_moved(each, each, instruments)}
        positions |= self._stale_positions
        holdings |= self._stale_holdings
        if not positions and not holdings:
            return
        news = self._news
        self._news = PortfolioFrame(
            positions=news.positions | {key for key in positions if self._redraw_position(key)},
            holdings=news.holdings | {each for each in holdings if self._redraw_holding(each)},
            has_totals=self._redraw_totals() or news.has_totals,
            has_funds=news.has_funds,
        )
        self._stale_positions, self._stale_holdings = set(), set()

    def _has_moved(
        self, key: str, instrument: InstrumentId, instruments: Collection[InstrumentId] | None
    ) -> bool:
        if instruments is not None and instrument not in instruments:
            return False
        return self._quote(instrument) is not self._drawn.get(key)

    def _redraw_position(self, key: str) -> bool:
        old = self._positions.get(key)
        new = self._draw_position(key)
        if new is None:
            self._positions.pop(key, None)
            return old is not None
        self._positions[key] = new
        self._drawn[key] = self._quote(new.instrument)
        return new != old

    def _draw_position(self, key: str) -> PositionRow | None:
        if self._began_mono is None:
            return None
        confirmed = self._confirmed.get(key)
        extra = self._unconfirmed(key, confirmed)
        some_fill = next(iter(self._counted.get(key, {}).values()), None)
        about = confirmed or (some_fill.fill if some_fill and extra != Traded() else None)
        if about is None:
            return None
        traded = _added(confirmed, extra)
        net = (confirmed.net_qty if confirmed else 0) + extra.net_qty
        ltp = self._ltp(about.instrument, confirmed.ltp_e4 if confirmed else None)
        multiplier = self._multiplier(about.instrument, confirmed)
        reason = _reason(net, traded, ltp, multiplier)
        profit: Profit | None = None
        if not reason:
            profit = profit_of(traded, ltp_e4=ltp or 0, multiplier=multiplier or 1)
        is_long = net > 0 or (net == 0 and traded.buy_qty > 0)
        bought = average_e4(traded.buy_value_e4, traded.buy_qty)
        sold = average_e4(traded.sell_value_e4, traded.sell_qty)
        return PositionRow(
            key=key,
            instrument=about.instrument,
            product=about.product,
            net_qty=net,
            buy_qty=traded.buy_qty,
            sell_qty=traded.sell_qty,
            buy_average_e4=bought,
            sell_average_e4=sold,
            average_e4=0 if net == 0 else bought if is_long else sold,
            ltp_e4=ltp,
            multiplier=multiplier,
            realised_paise=profit.realised_paise if profit else None,
            unrealised_paise=profit.unrealised_paise if profit else None,
            total_paise=profit.total_paise if profit else None,
            reason=reason,
            is_confirmed=extra == Traded(),
        )

    def _unconfirmed(self, key: str, confirmed: Position | None) -> Traded:
        """Give the executions that the broker's figure cannot contain yet."""
        assert self._began_mono is not None
        counted = self._counted.get(key, {}).values()
        young = [c.fill for c in counted if c.seen_mono > self._began_mono - _LAG_NS]
        if not young:
            return Traded()
        carried = _carried_inside(confirmed)
        found = {}
        for side, told in (
            (Side.BUY, (confirmed.buy_qty if confirmed else 0) - max(carried, 0)),
            (Side.SELL, (confirmed.sell_qty if confirmed else 0) + min(carried, 0)),
        ):
            known = sum(c.fill.quantity for c in counted if c.fill.side is side)
            found[side] = _newest(young, side, known - told)
        (buy_qty, buy_value), (sell_qty, sell_value) = found[Side.BUY], found[Side.SELL]
        return Traded(
            buy_qty=buy_qty, buy_value_e4=buy_value, sell_qty=sell_qty, sell_value_e4=sell_value
        )

    def _ltp(self, instrument: InstrumentId, said: int | None) -> int | None:
        quote = self._quote(instrument)
        return (quote.ltp_e4 if quote is not None else None) or said

    def _multiplier(self, instrument: InstrumentId, confirmed: Position | None) -> int | None:
        """Give the units per quantity: the broker's own word first, then the master's."""
        if confirmed is not None and confirmed.multiplier is not None:
            return confirmed.multiplier
        known = self._directory.instrument(instrument)
        return known.multiplier if known is not None else None

    def _redraw_holding(self, instrument: InstrumentId) -> bool:
        old = self._holding_rows.get(instrument)
        holding = (self._holdings or {}).get(instrument)
        if holding is None:
            self._holding_rows.pop(instrument, None)
            return old is not None
        new = self._draw_holding(holding)
        self._holding_rows[instrument] = new
        self._drawn[instrument] = self._quote(instrument)
        return new != old

    def _draw_holding(self, holding: Holding) -> HoldingRow:
        quote = self._quote(holding.instrument)
        ltp = self._ltp(holding.instrument, holding.ltp_e4)
        close = quote.previous_close_e4 if quote is not None else None
        units = holding.quantity
        return HoldingRow(
            instrument=holding.instrument,
            isin=holding.isin,
            quantity=units,
            free_qty=holding.free_qty,
            t1_qty=holding.t1_qty,
            collateral_qty=holding.collateral_qty,
            cost_e4=holding.cost_e4,
            ltp_e4=ltp,
            value_paise=value_paise(ltp, units) if ltp else None,
            profit_paise=value_paise(ltp - holding.cost_e4, units) if ltp else None,
            day_paise=value_paise(ltp - close, units) if ltp and close else None,
        )

    def _redraw_totals(self) -> bool:
        rows, held = self._positions.values(), self._holding_rows.values()
        new = Totals(
            realised_paise=sum(row.realised_paise or 0 for row in rows),
            unrealised_paise=sum(row.unrealised_paise or 0 for row in rows),
            unknown_positions=sum(row.total_paise is None for row in rows),
            holdings_value_paise=sum(row.value_paise or 0 for row in held),
            holdings_profit_paise=sum(row.profit_paise or 0 for row in held),
            holdings_day_paise=sum(row.day_paise or 0 for row in held),
            unknown_holdings=sum(row.value_paise is None for row in held),
        )
        old, self._totals = self._totals, new
        return new != old


def _carried_inside(confirmed: Position | None) -> int:
    """Give the carried quantity as far as the broker's bought and sold totals contain it."""
    if confirmed is None:
        return 0
    is_inside = confirmed.net_qty == confirmed.buy_qty - confirmed.sell_qty
    return confirmed.carried_qty if is_inside else 0


def _newest(young: Sequence[Fill], side: Side, missing: int) -> tuple[int, int]:
    """Take the newest executions of a side until the missing quantity is covered."""
    quantity = value = 0
    for fill in reversed(young):
        if fill.side is side and quantity < missing:
            taken = min(fill.quantity, missing - quantity)
            quantity += taken
            value += taken * fill.price_e4
    return quantity, value


def _added(confirmed: Position | None, extra: Traded) -> Traded:
    if confirmed is None:
        return extra
    return Traded(
        buy_qty=confirmed.buy_qty + extra.buy_qty,
        buy_value_e4=confirmed.buy_value_e4 + extra.buy_value_e4,
        sell_qty=confirmed.sell_qty + extra.sell_qty,
        sell_value_e4=confirmed.sell_value_e4 + extra.sell_value_e4,
    )


def _reason(net: int, traded: Traded, ltp: int | None, multiplier: int | None) -> str:
    """Say why the profit cannot be told; empty when it can."""
    if multiplier is None:
        return "how many units one quantity stands for is not known"
    if net != traded.net_qty:
        return "what the carried quantity cost is not known"
    if net and not ltp:
        return "no price has come in yet"
    return ""
