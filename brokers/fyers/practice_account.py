"""The practice face's account: profile, funds, holdings, positions, exits, conversions."""

from collections.abc import Sequence
from typing import Final

from brokers.fyers.codec import serving
from brokers.fyers.codec.enums import PRODUCTS, SEGMENTS, SIDES
from brokers.fyers.codec.messages import ConvertBody, ExitBody
from brokers.fyers.codec.serving import Profit
from brokers.fyers.practice_answers import (
    INVALID_INPUT,
    Refusal,
    ok,
    read_body,
    refusal_of,
)
from brokers.fyers.practice_rows import ExchangeRows
from brokers.model.account import Funds, Holding, Ledger, Position, Profile
from brokers.model.instrument import Instrument, split_id
from brokers.model.order import OrderState, Product
from brokers.net.server import ServerReply, ServerRequest
from brokers.practice.exchange import Exchange
from brokers.practice.values import BookOrder, PositionRow, Reason, Rejected

_NOTHING_OPEN: Final = "Looks like you have no open positions."
_EMPTY: Final = Ledger(
    available_paise=0,
    used_paise=0,
    total_paise=0,
    opening_paise=0,
    clear_paise=0,
    realised_paise=0,
    collateral_paise=0,
    transfer_paise=0,
    receivable_paise=0,
    adhoc_paise=0,
)
_ALL: Final = "ALL"
_NEVER_CONVERTED: Final = frozenset({Product.CNC, Product.CO, Product.BO, Product.MTF})
_NEVER_A_GOAL: Final = frozenset({Product.CO, Product.BO, Product.MTF})


class AccountDesk:
    """What the account is and has."""

    def __init__(self, exchange: Exchange, account: str, rows: ExchangeRows) -> None:
        self._exchange = exchange
        self._account = account
        self._rows = rows

    def profile(self, _request: ServerRequest) -> ServerReply:
        profile = Profile(account=self._account, name="PRACTICE TRADER")
        return ok({"data": serving.profile_data(profile)})

    def funds(self, _request: ServerRequest) -> ServerReply:
        """Show the one pool of money as the equity ledger."""
        row = self._exchange.funds(self._account)
        equity = Ledger(
            available_paise=row.available_paise,
            used_paise=row.used_paise,
            total_paise=row.total_paise,
            opening_paise=row.opening_paise,
            clear_paise=row.opening_paise + row.transfer_paise,
            realised_paise=row.net_realised_paise,
            collateral_paise=0,
            transfer_paise=row.transfer_paise,
            receivable_paise=row.delivery_paise,
            adhoc_paise=0,
        )
        return ok({"fund_limit": serving.fund_rows(Funds(equity=equity, commodity=_EMPTY))})

    def holdings(self, _request: ServerRequest) -> ServerReply:
        held = [
            Holding(
                instrument=row.instrument,
                isin=row.isin,
                quantity=row.quantity + row.t1_qty,
                free_qty=row.remaining_qty,
                t1_qty=row.t1_qty,
                collateral_qty=0,
                cost_e4=row.cost_e4,
                ltp_e4=row.ltp_e4,
            )
            for row in self._exchange.holdings(self._account)
        ]
        rows = [
            serving.holding_row(each, self._rows.listed(each.instrument), number)
            for number, each in enumerate(held, 1)
        ]
        return ok({"holdings": rows, "overall": serving.holdings_overall(held)})

    def positions(self, _request: ServerRequest) -> ServerReply:
        found = self._exchange.positions(self._account)
        positions = [position_of(row) for row in found]
        profits = [profit_of(row) for row in found]
        rows = [
            serving.position_row(position, self._rows.listed(position.instrument), profit, number)
            for number, (position, profit) in enumerate(zip(positions, profits, strict=True), 1)
        ]
        overall = serving.positions_overall(positions, profits)
        return ok({"netPositions": rows, "overall": overall})

    def exit(self, request: ServerRequest) -> ServerReply:
        """Close positions: all, by id, or by segment, side and product together."""
        body = read_body(request.body, ExitBody, "exit")
        open_rows = [row for row in self._exchange.positions(self._account) if row.net_qty]
        chosen = self._chosen(body, open_rows)
        if body.pending_orders_cancel:
            self._cancel_pending(body, chosen)
        if not chosen:
            return ok(code=1101, text=_NOTHING_OPEN)
        closed = [self._exit(row) for row in chosen]
        if any(order.state is not OrderState.FILLED for order in closed):
            return ok(code=201, text="Exit order placed, check positions")
        return ok(
            text="The position is closed." if len(closed) == 1 else "All positions are closed"
        )

    def convert(self, request: ServerRequest) -> ServerReply:
        """Move a position to another product; the symbol is its id."""
        body = read_body(request.body, ConvertBody, "convert")
        instrument = self._instrument_of(body.symbol)
        before, after = PRODUCTS.get(body.from_product), PRODUCTS.get(body.to_product)
        if instrument is None:
            raise Refusal("-310", "Please provide a valid symbol")
        side = SIDES.get(body.position_side)
        if before is None or after is None or side is None:
            raise Refusal(INVALID_INPUT, "Please provide valid products and a valid side")
        if before in _NEVER_CONVERTED or after in _NEVER_A_GOAL:
            raise Refusal(INVALID_INPUT, f"You cannot convert {before} position to {after}.")
        try:
            self._exchange.convert(self._account, instrument.id, (before, after), side, body.qty)
        except Rejected as rejected:
            raise refusal_of(rejected, instrument, self._account) from None
        return ok({"positionDetails": 1101}, text="Position Converted Successfully!!")

    # Inside.

    def _chosen(self, body: ExitBody, rows: Sequence[PositionRow]) -> list[PositionRow]:
        if body.exit_all == 1:
            return list(rows)
        if body.id:
            ids = [body.id] if isinstance(body.id, str) else body.id
            by_id = {self._id(row): row for row in rows}
            for each in ids:
                if each not in by_id:
                    self._refuse_id(each)
            return [by_id[each] for each in dict.fromkeys(ids)]
        if body.segment and body.side and body.product:
            return [row for row in rows if self._matches(row, body)]
        raise Refusal(-53, "Please provide a valid position id")

    def _refuse_id(self, position_id: str) -> None:
        """Refuse a position that is closed, or that never was."""
        everything = [self._id(row) for row in self._exchange.positions(self._account)]
        if position_id in everything:
            raise Refusal(-352, _NOTHING_OPEN)
        raise Refusal(-53, "Please provide a valid position id")

    def _matches(self, row: PositionRow, body: ExitBody) -> bool:
        segments = {SEGMENTS[code].value for code in body.segment or () if code in SEGMENTS}
        side = 1 if row.net_qty > 0 else -1
        products = body.product or []
        return (
            split_id(row.instrument)[1] in segments
            and side in (body.side or ())
            and (_ALL in products or row.product.value in products)
        )

    def _cancel_pending(self, body: ExitBody, chosen: Sequence[PositionRow]) -> None:
        """Cancel working orders on the other side first; without positions named, every one."""
        named = {(row.instrument, row.product) for row in chosen}
        is_every = body.exit_all == 1
        for order in self._exchange.orders(self._account):
            if order.state.is_working and (is_every or (order.instrument, order.product) in named):
                self._exchange.cancel(self._account, order.order_id)

    def _exit(self, row: PositionRow) -> BookOrder:
        try:
            return self._exchange.exit(self._account, row.instrument, row.product)
        except Rejected as rejected:
            if rejected.reason is Reason.NOTHING_TO_EXIT:
                raise Refusal(-352, _NOTHING_OPEN) from None
            instrument = self._exchange.universe.by_id(row.instrument)
            raise refusal_of(rejected, instrument, self._account) from None

    def _id(self, row: PositionRow) -> str:
        return f"{self._rows.listed(row.instrument).instrument.symbol}-{row.product.value}"

    def _instrument_of(self, position_id: str) -> Instrument | None:
        symbol, _, product = position_id.rpartition("-")
        if product not in PRODUCTS:
            return None
        return self._exchange.universe.by_symbol(symbol)


def position_of(row: PositionRow) -> Position:
    """Give a position in the words that every broker's codec shares."""
    return Position(
        instrument=row.instrument,
        product=row.product,
        net_qty=row.net_qty,
        buy_qty=row.buy_qty,
        buy_value_e4=row.buy_value_e4,
        sell_qty=row.sell_qty,
        sell_value_e4=row.sell_value_e4,
        carried_qty=row.carried_qty,
        ltp_e4=row.ltp_e4,
        multiplier=row.multiplier,
    )


def profit_of(row: PositionRow) -> Profit:
    """Give what a position earned."""
    return Profit(realised_e4=row.realised_paise * 100, unrealised_e4=row.unrealised_paise * 100)
