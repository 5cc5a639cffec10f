"""What FYERS answers over REST: replies in, model values out.

An instrument is looked up by its ticker; one that the directory does not know still has its name,
made from the fyToken, so that no order and no position is ever lost.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final

import msgspec

from brokers.errors import DecodeError
from brokers.fyers.codec import enums
from brokers.fyers.codec.amounts import average_e4, known_e4, paise, price_e4, whole
from brokers.fyers.codec.messages import (
    DepthReply,
    DepthRow,
    FundRow,
    FundsReply,
    HistoryReply,
    HoldingRow,
    HoldingsReply,
    Id,
    LevelRow,
    MarketReply,
    MarketRow,
    OrderRow,
    OrdersReply,
    PositionRow,
    PositionsReply,
    ProfileReply,
    QuotesReply,
    QuoteValues,
    TokensReply,
    TradeRow,
    TradesReply,
)
from brokers.fyers.codec.rest import read_reply
from brokers.fyers.codec.texts import IST_OFFSET_S, NS, clean, tag_of, time_ns
from brokers.model.account import Funds, Holding, Ledger, Position, Profile
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Reply
from brokers.model.market import (
    Candle,
    Depth,
    Interval,
    Level,
    MarketPhase,
    MarketStatus,
    Quote,
)
from brokers.model.money import E4
from brokers.model.order import Fill, OrderUpdate, Validity

BySymbol = Callable[[str], Instrument | None]

_DAY_S: Final = 86_400


def read_profile(reply: Reply) -> Profile:
    row = read_reply(reply, ProfileReply, "profile").data
    if row is None or not row.fy_id:
        raise DecodeError("profile.data.fy_id", "a client id")
    return Profile(account=row.fy_id, name=(row.display_name or row.name or "").strip())


def read_funds(reply: Reply) -> Funds:
    """Read both ledgers; a statement without its main lines is an error, never an empty account."""
    rows = read_reply(reply, FundsReply, "funds").fund_limit
    if rows is None:
        raise DecodeError("funds.fund_limit", "a list")
    # A repeated id counts once, with its last amounts; lines above 10 hold flags, not money.
    lines = {row.id: row for row in rows if 1 <= row.id <= 10}
    return Funds(
        equity=_ledger(lines, lambda row: row.equity, "equityAmount"),
        commodity=_ledger(lines, lambda row: row.commodity, "commodityAmount"),
    )


_Amount = str | int | float | None


def _ledger(
    lines: dict[int, FundRow], amount_of: Callable[[FundRow], _Amount], column: str
) -> Ledger:
    def line(number: int) -> int | None:
        amount = amount_of(lines[number]) if number in lines else None
        return None if amount is None else _paise(amount, f"funds[id={number}].{column}")

    def needed(number: int, title: str) -> int:
        amount = line(number)
        if amount is None:
            raise DecodeError(f"funds[id={number}].{column}", title)
        return amount

    return Ledger(
        available_paise=needed(10, "the available balance"),
        used_paise=needed(2, "the utilized amount"),
        total_paise=needed(1, "the total balance"),
        opening_paise=line(9),
        clear_paise=line(3),
        realised_paise=line(4),
        collateral_paise=line(5),
        transfer_paise=line(6),
        receivable_paise=line(7),
        adhoc_paise=line(8),
    )


def _paise(amount: str | float, where: str) -> int:
    # The shortest text of a float is the one that was on the wire.
    written = amount if isinstance(amount, str) else repr(amount)
    try:
        return paise(Decimal(written), where)
    except InvalidOperation:
        raise DecodeError(where, "an amount", written[:40]) from None


def read_holdings(reply: Reply, by_symbol: BySymbol) -> list[Holding]:
    rows = read_reply(reply, HoldingsReply, "holdings").holdings
    if rows is None:
        raise DecodeError("holdings.holdings", "a list")
    return [_holding(row, by_symbol, f"holdings[{at}]") for at, row in enumerate(rows)]


def _holding(row: HoldingRow, by_symbol: BySymbol, where: str) -> Holding:
    t1_qty = row.qty_t1
    if t1_qty is None:
        t1_qty = row.quantity if row.holding_type == "T1" else 0
    return Holding(
        instrument=_instrument(row.symbol, row.fy_token, by_symbol, where),
        isin=row.isin or "",
        quantity=row.quantity,
        free_qty=row.quantity if row.remaining_qty is None else row.remaining_qty,
        t1_qty=t1_qty,
        collateral_qty=row.collateral_qty or 0,
        cost_e4=average_e4(row.cost_price, f"{where}.costPrice"),
        ltp_e4=known_e4(row.ltp, f"{where}.ltp"),
    )


def read_orders(reply: Reply, by_symbol: BySymbol, *, account: str = "") -> list[OrderUpdate]:
    """Read the order book, whole or by id or tag; one unreadable row makes it unreadable."""
    rows = read_reply(reply, OrdersReply, "orders", account=account).rows
    if rows is None:
        raise DecodeError("orders.orderBook", "a list")
    return [order_of(row, by_symbol, f"orderBook[{at}]", account) for at, row in enumerate(rows)]


def order_of(row: OrderRow, by_symbol: BySymbol, where: str, account: str = "") -> OrderUpdate:
    """Turn one row of the order book into an update."""
    kind = enums.known(enums.KINDS, row.type, f"{where}.type", "an order type of 1 to 4")
    filled_qty = row.filled_qty or 0
    disclosed_qty = row.disclosed_qty if row.disclosed_qty is not None else row.disclosed_qty_too
    validity = row.validity or Validity.DAY.value
    return OrderUpdate(
        broker_id=_id(row.id, f"{where}.id"),
        tag=tag_of(row.tag),
        instrument=_instrument(row.symbol, row.fy_token, by_symbol, where),
        side=enums.known(enums.SIDES, row.side, f"{where}.side", "1 or -1"),
        quantity=row.qty,
        filled_qty=filled_qty,
        kind=kind,
        price_e4=price_e4(row.limit_price, f"{where}.limitPrice"),
        trigger_e4=price_e4(row.stop_price, f"{where}.stopPrice"),
        average_e4=average_e4(row.traded_price, f"{where}.tradedPrice"),
        product=enums.known(enums.PRODUCTS, row.product, f"{where}.productType", "a product"),
        validity=enums.known(enums.VALIDITIES, validity, f"{where}.orderValidity", "DAY or IOC"),
        state=enums.order_state(row.status, kind, filled_qty),
        exchange_id="" if row.exchange_id is None else str(row.exchange_id),
        text=clean(row.message, account),
        placed_ns=time_ns(row.placed, f"{where}.orderDateTime"),
        disclosed_qty=disclosed_qty or 0,
        is_after_market=bool(row.is_offline),
        source=clean(row.source, account),
    )


def read_trades(reply: Reply, by_symbol: BySymbol, *, account: str = "") -> list[Fill]:
    rows = read_reply(reply, TradesReply, "trades", account=account).rows
    if rows is None:
        raise DecodeError("trades.tradeBook", "a list")
    return [_fill(row, by_symbol, f"tradeBook[{at}]") for at, row in enumerate(rows)]


def _fill(row: TradeRow, by_symbol: BySymbol, where: str) -> Fill:
    order_id = _id(row.order_id, f"{where}.orderNumber")
    return Fill(
        trade_id=trade_id(order_id, _id(row.trade_id, f"{where}.tradeNumber")),
        broker_id=order_id,
        tag=tag_of(row.tag),
        instrument=_instrument(row.symbol, row.fy_token, by_symbol, where),
        side=enums.known(enums.SIDES, row.side, f"{where}.side", "1 or -1"),
        quantity=row.qty,
        price_e4=average_e4(row.price, f"{where}.tradePrice"),
        product=enums.known(enums.PRODUCTS, row.product, f"{where}.productType", "a product"),
        at_ns=time_ns(row.at, f"{where}.orderDateTime"),
    )


def trade_id(order_id: str, trade_number: str) -> str:
    """Name an execution the same way whichever list it came from.

    The trade book and the socket write `order-trade`, history and the v2 book the exchange's own
    number alone, which is unique within an order only.
    """
    return f"{order_id}-{trade_number.rpartition('-')[2]}"


def read_positions(reply: Reply, by_symbol: BySymbol) -> list[Position]:
    rows = read_reply(reply, PositionsReply, "positions").rows
    if rows is None:
        raise DecodeError("positions.netPositions", "a list")
    return [_position(row, by_symbol, f"netPositions[{at}]") for at, row in enumerate(rows)]


def _position(row: PositionRow, by_symbol: BySymbol, where: str) -> Position:
    multiplier = whole(row.multiplier, f"{where}.qtyMulti_com")
    if multiplier is not None and multiplier < 1:
        multiplier = None
    instrument = _instrument(row.symbol, row.fy_token, by_symbol, where)
    return Position(
        instrument=instrument,
        product=enums.known(enums.PRODUCTS, row.product, f"{where}.productType", "a product"),
        net_qty=row.net_qty,
        buy_qty=row.buy_qty,
        buy_value_e4=_value(
            row.buy_value, row.buy_avg, row.buy_qty, multiplier or 1, f"{where}.buyVal"
        ),
        sell_qty=row.sell_qty,
        sell_value_e4=_value(
            row.sell_value, row.sell_avg, row.sell_qty, multiplier or 1, f"{where}.sellVal"
        ),
        carried_qty=(row.carried_buy_qty or 0) - (row.carried_sell_qty or 0),
        ltp_e4=known_e4(row.ltp, f"{where}.ltp"),
        multiplier=multiplier,
    )


def _value(
    value: Decimal | None, average: Decimal | None, quantity: int, multiplier: int, where: str
) -> int:
    """Give Σ price × quantity without the contract multiplier.

    The value is exact where the average is rounded, but the documentation does not say whether a
    commodity's value holds the multiplier; the average tells.
    """
    from_average_e4 = average_e4(average, where) * quantity
    if value is None:
        return from_average_e4
    value_e4 = average_e4(value, where)
    if multiplier == 1 or average is None:
        return value_e4
    without_e4 = (value_e4 + multiplier // 2) // multiplier
    holds_it = abs(without_e4 - from_average_e4) < abs(value_e4 - from_average_e4)
    return without_e4 if holds_it else value_e4


def read_market_status(reply: Reply) -> list[MarketStatus]:
    """Read the phase of every exchange and segment: the NORMAL market's, if it has one."""
    rows = read_reply(reply, MarketReply, "marketStatus").rows
    if rows is None:
        raise DecodeError("marketStatus.marketStatus", "a list")
    chosen: dict[tuple[int, int], MarketRow] = {}
    for row in rows:
        key = (row.exchange, row.segment)
        if key not in chosen or row.market_type in ("NORMAL", "NL"):
            chosen[key] = row
    statuses = []
    for (exchange_code, segment_code), row in chosen.items():
        exchange, segment = enums.pair(exchange_code, segment_code, "marketStatus")
        phase = enums.PHASES.get(row.status, MarketPhase.UNKNOWN)
        statuses.append(MarketStatus(exchange=exchange.value, segment=segment.value, phase=phase))
    return statuses


def read_quotes(reply: Reply, by_symbol: BySymbol) -> list[Quote]:
    """Read quotes, by ticker and not by position; a symbol that has none is left out."""
    rows = read_reply(reply, QuotesReply, "quotes").d
    if rows is None:
        raise DecodeError("quotes.d", "a list")
    return [
        _quote(_instrument(row.n, row.v.fy_token, by_symbol, f"d[{at}]"), row.v, f"d[{at}].v")
        for at, row in enumerate(rows)
        if row.s == "ok" and isinstance(row.v, QuoteValues)
    ]


def _quote(instrument: InstrumentId, v: QuoteValues, where: str) -> Quote:
    return Quote(
        instrument,
        ltp_e4=known_e4(v.lp, f"{where}.lp"),
        volume=v.volume,
        bid_e4=known_e4(v.bid, f"{where}.bid"),
        ask_e4=known_e4(v.ask, f"{where}.ask"),
        average_e4=known_e4(v.atp, f"{where}.atp"),
        low_e4=known_e4(v.low_price, f"{where}.low_price"),
        high_e4=known_e4(v.high_price, f"{where}.high_price"),
        open_e4=known_e4(v.open_price, f"{where}.open_price"),
        previous_close_e4=known_e4(v.prev_close_price, f"{where}.prev_close_price"),
    )


def read_depth(reply: Reply, symbol: str, instrument: InstrumentId) -> tuple[Quote, Depth]:
    """Read one symbol's book and day."""
    books = read_reply(reply, DepthReply, "depth").d
    row = None if books is None else books.get(symbol)
    if row is None:
        raise DecodeError(f"depth.d[{symbol!r}]", "a book")
    bids = _levels(row.bids, "depth.bids")
    asks = _levels(row.asks, "depth.ask")
    return _depth_quote(row, instrument, bids, asks), Depth(instrument, bids, asks)


def _levels(rows: Sequence[LevelRow], where: str) -> tuple[Level, ...]:
    return tuple(
        Level(price_e4(row.price, f"{where}[{at}].price"), row.volume, row.ord)
        for at, row in enumerate(rows)
        if row.price and row.volume > 0
    )


def _depth_quote(
    row: DepthRow, instrument: InstrumentId, bids: Sequence[Level], asks: Sequence[Level]
) -> Quote:
    return Quote(
        instrument,
        ltp_e4=known_e4(row.ltp, "depth.ltp"),
        volume=row.v,
        traded_ns=row.ltt * NS if row.ltt else None,
        bid_qty=bids[0].quantity if bids else None,
        ask_qty=asks[0].quantity if asks else None,
        bid_e4=bids[0].price_e4 if bids else None,
        ask_e4=asks[0].price_e4 if asks else None,
        last_qty=row.ltq,
        total_buy_qty=row.total_buy_qty,
        total_sell_qty=row.total_sell_qty,
        average_e4=known_e4(row.atp, "depth.atp"),
        open_interest=row.oi,
        low_e4=known_e4(row.low, "depth.l"),
        high_e4=known_e4(row.h, "depth.h"),
        lower_circuit_e4=known_e4(row.lower_circuit, "depth.lower_ckt"),
        upper_circuit_e4=known_e4(row.upper_circuit, "depth.upper_ckt"),
        open_e4=known_e4(row.o, "depth.o"),
        previous_close_e4=known_e4(row.c, "depth.c"),
        previous_open_interest=row.pdoi,
    )


def read_candles(reply: Reply, every: Interval) -> list[Candle]:
    """Read one page of candles, oldest first, one for each opening time.

    Daily and longer bars are stamped 05:30 Indian time on the wire, midnight UTC of their date;
    here they begin at midnight, Indian time. Chart prices come as floats and are rounded to the
    nearest 1/10,000 rupee, which restores what was written.
    """
    answer = read_reply(reply, HistoryReply, "history", good=("ok", "no_data"))
    if answer.candles is None:
        if answer.s == "no_data":
            return []
        raise DecodeError("history.candles", "a list")
    candles = [
        Candle(
            int(row.epoch_s) * NS,
            round(row.open * E4),
            round(row.high * E4),
            round(row.low * E4),
            round(row.close * E4),
            int(row.volume),
            None if row.open_interest is None else int(row.open_interest),
        )
        for row in answer.candles
    ]
    if not every.is_intraday:
        candles = [msgspec.structs.replace(c, opened_ns=_midnight_ns(c.opened_ns)) for c in candles]
    if any(later.opened_ns <= before.opened_ns for before, later in pairwise(candles)):
        latest = {candle.opened_ns: candle for candle in candles}
        candles = [latest[opened_ns] for opened_ns in sorted(latest)]
    return candles


def _midnight_ns(stamp_ns: int) -> int:
    """Begin the Indian date of a stamp, whichever instant of that day it names."""
    return stamp_ns - (stamp_ns + IST_OFFSET_S * NS) % (_DAY_S * NS)


def read_tokens(reply: Reply) -> tuple[dict[str, str], list[str]]:
    """Read ticker → fyToken, and the tickers that FYERS does not know."""
    answer = read_reply(reply, TokensReply, "symbol-token")
    if answer.valid is None:
        raise DecodeError("symbol-token.validSymbol", "an object")
    return {symbol: str(token) for symbol, token in answer.valid.items()}, answer.invalid or []


def _instrument(symbol: str, token: Id, by_symbol: BySymbol, where: str) -> InstrumentId:
    known = by_symbol(symbol)
    if known is not None:
        return known.id
    return enums.instrument_of(str(token), f"{where}.fyToken")


def _id(value: Id, where: str) -> str:
    text = str(value).strip()
    if not text:
        raise DecodeError(where, "an id, was empty")
    return text
