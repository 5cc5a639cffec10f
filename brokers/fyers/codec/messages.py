"""The REST messages as typed values, with the broker's own keys.

What FYERS sometimes leaves out, writes as text or writes as null has a default here; what a row
cannot do without has none. PAN and client id are not read at all. Source: API v3 documentation
and recorded replies; the irregularities are listed in notes.md.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from brokers.fyers.codec.amounts import Count

Id = str | int
"""Order ids and tokens: text nearly everywhere, a bare number in some samples."""


class Envelope(msgspec.Struct, kw_only=True):
    """What every reply starts with; `s` decides, not the HTTP status and not `code`."""

    s: str = ""
    code: Id | None = None
    message: object = None
    id: Id | None = None


class TokenReply(Envelope, kw_only=True):
    access_token: str = ""


class ProfileRow(msgspec.Struct, kw_only=True):
    fy_id: str
    name: str | None = None
    display_name: str | None = None


class ProfileReply(Envelope, kw_only=True):
    data: ProfileRow | None = None


class FundRow(msgspec.Struct, kw_only=True):
    """One line of the funds statement; v2 samples write amounts as text, and flags as amounts."""

    id: Count
    equity: str | int | float | None = msgspec.field(name="equityAmount", default=None)
    commodity: str | int | float | None = msgspec.field(name="commodityAmount", default=None)


class FundsReply(Envelope, kw_only=True):
    fund_limit: list[FundRow] | None = None


class HoldingRow(msgspec.Struct, kw_only=True):
    symbol: str
    quantity: Count
    fy_token: Id = msgspec.field(name="fyToken", default="")
    holding_type: str | None = msgspec.field(name="holdingType", default=None)
    remaining_qty: Count | None = msgspec.field(name="remainingQuantity", default=None)
    cost_price: Decimal | None = msgspec.field(name="costPrice", default=None)
    ltp: Decimal | None = None
    isin: str | None = None
    qty_t1: Count | None = None
    collateral_qty: Count | None = msgspec.field(name="collateralQuantity", default=None)


class HoldingsReply(Envelope, kw_only=True):
    holdings: list[HoldingRow] | None = None


class OrderRow(msgspec.Struct, kw_only=True):
    """One row of the order book. `remainingQuantity` is 0 on a rejected order: never used."""

    id: Id
    symbol: str
    side: Count
    qty: Count
    type: Count
    status: Count
    product: str = msgspec.field(name="productType")
    fy_token: Id = msgspec.field(name="fyToken", default="")
    filled_qty: Count | None = msgspec.field(name="filledQty", default=None)
    limit_price: Decimal | None = msgspec.field(name="limitPrice", default=None)
    stop_price: Decimal | None = msgspec.field(name="stopPrice", default=None)
    traded_price: Decimal | None = msgspec.field(name="tradedPrice", default=None)
    validity: str | None = msgspec.field(name="orderValidity", default=None)
    exchange_id: Id | None = msgspec.field(name="exchOrdId", default=None)
    message: str | None = None
    placed: str | None = msgspec.field(name="orderDateTime", default=None)
    disclosed_qty: Count | None = msgspec.field(name="disclosedQty", default=None)
    disclosed_qty_too: Count | None = msgspec.field(name="discloseQty", default=None)
    is_offline: bool | None = msgspec.field(name="offlineOrder", default=None)
    source: str | None = None
    tag: str | None = msgspec.field(name="orderTag", default=None)


class OrdersReply(Envelope, kw_only=True):
    rows: list[OrderRow] | None = msgspec.field(name="orderBook", default=None)


class TradeRow(msgspec.Struct, kw_only=True):
    order_id: Id = msgspec.field(name="orderNumber")
    trade_id: Id = msgspec.field(name="tradeNumber")
    symbol: str
    side: Count
    qty: Count = msgspec.field(name="tradedQty")
    price: Decimal = msgspec.field(name="tradePrice")
    product: str = msgspec.field(name="productType")
    fy_token: Id = msgspec.field(name="fyToken", default="")
    at: str | None = msgspec.field(name="orderDateTime", default=None)
    tag: str | None = msgspec.field(name="orderTag", default=None)


class TradesReply(Envelope, kw_only=True):
    rows: list[TradeRow] | None = msgspec.field(name="tradeBook", default=None)


class PositionRow(msgspec.Struct, kw_only=True):
    symbol: str
    net_qty: Count = msgspec.field(name="netQty")
    product: str = msgspec.field(name="productType")
    buy_qty: Count = msgspec.field(name="buyQty")
    sell_qty: Count = msgspec.field(name="sellQty")
    fy_token: Id = msgspec.field(name="fyToken", default="")
    buy_avg: Decimal | None = msgspec.field(name="buyAvg", default=None)
    buy_value: Decimal | None = msgspec.field(name="buyVal", default=None)
    sell_avg: Decimal | None = msgspec.field(name="sellAvg", default=None)
    sell_value: Decimal | None = msgspec.field(name="sellVal", default=None)
    carried_buy_qty: Count | None = msgspec.field(name="cfBuyQty", default=None)
    carried_sell_qty: Count | None = msgspec.field(name="cfSellQty", default=None)
    multiplier: Decimal | None = msgspec.field(name="qtyMulti_com", default=None)
    ltp: Decimal | None = None


class PositionsReply(Envelope, kw_only=True):
    rows: list[PositionRow] | None = msgspec.field(name="netPositions", default=None)


class QuoteValues(msgspec.Struct, kw_only=True):
    lp: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    open_price: Decimal | None = None
    high_price: Decimal | None = None
    low_price: Decimal | None = None
    prev_close_price: Decimal | None = None
    atp: Decimal | None = None
    volume: Count | None = None
    fy_token: Id = msgspec.field(name="fyToken", default="")


class QuoteRow(msgspec.Struct, kw_only=True):
    """One symbol's answer; with `s` = error, `v` holds words instead of prices."""

    n: str
    s: str = ""
    v: QuoteValues | str | None = None


class QuotesReply(Envelope, kw_only=True):
    d: list[QuoteRow] | None = None


class LevelRow(msgspec.Struct, kw_only=True):
    price: Decimal
    volume: Count
    ord: Count | None = None


class DepthRow(msgspec.Struct, kw_only=True):
    """One symbol's book: `bids` is plural, `ask` is singular, `c` is the previous close."""

    bids: list[LevelRow]
    asks: list[LevelRow] = msgspec.field(name="ask")
    ltp: Decimal | None = None
    ltq: Count | None = None
    ltt: Count | None = None
    o: Decimal | None = None
    h: Decimal | None = None
    low: Decimal | None = msgspec.field(name="l", default=None)
    c: Decimal | None = None
    atp: Decimal | None = None
    v: Count | None = None
    oi: Count | None = None
    pdoi: Count | None = None
    lower_circuit: Decimal | None = msgspec.field(name="lower_ckt", default=None)
    upper_circuit: Decimal | None = msgspec.field(name="upper_ckt", default=None)
    total_buy_qty: Count | None = msgspec.field(name="totalbuyqty", default=None)
    total_sell_qty: Count | None = msgspec.field(name="totalsellqty", default=None)


class DepthReply(Envelope, kw_only=True):
    d: dict[str, DepthRow] | None = None


_Rupees = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class CandleRow(msgspec.Struct, array_like=True, gc=False):
    """A row of six numbers, and of seven where the instrument has open interest."""

    epoch_s: Annotated[float, msgspec.Meta(ge=0, le=1e10)]
    open: _Rupees
    high: _Rupees
    low: _Rupees
    close: _Rupees
    volume: Annotated[float, msgspec.Meta(ge=0, le=1e15)]
    open_interest: Annotated[float, msgspec.Meta(ge=0, le=1e15)] | None = None


class HistoryReply(Envelope, kw_only=True):
    candles: list[CandleRow] | None = None


class MarketRow(msgspec.Struct, kw_only=True):
    exchange: Count
    segment: Count
    status: str
    market_type: str = ""


class MarketReply(Envelope, kw_only=True):
    rows: list[MarketRow] | None = msgspec.field(name="marketStatus", default=None)


class TokensReply(Envelope, kw_only=True):
    valid: dict[str, Id] | None = msgspec.field(name="validSymbol", default=None)
    invalid: list[str] | None = msgspec.field(name="invalidSymbol", default=None)


class OrderBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a new order is asked for with. Samples write `offlineOrder` as boolean and as text."""

    symbol: str
    qty: Count
    type: Count
    side: Count
    product: str = msgspec.field(name="productType")
    limit_price: Decimal = msgspec.field(name="limitPrice")
    stop_price: Decimal = msgspec.field(name="stopPrice")
    validity: str
    disclosed_qty: Count = msgspec.field(name="disclosedQty")
    is_offline: bool = msgspec.field(name="offlineOrder")
    stop_loss: Decimal | None = msgspec.field(name="stopLoss", default=None)
    take_profit: Decimal | None = msgspec.field(name="takeProfit", default=None)
    tag: str | None = msgspec.field(name="orderTag", default=None)
    is_slice: bool | None = msgspec.field(name="isSliceOrder", default=None)


class ModifyBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What an order is changed with; what is left out keeps its value."""

    id: Id
    type: Count | None = None
    qty: Count | None = None
    limit_price: Decimal | None = msgspec.field(name="limitPrice", default=None)
    stop_price: Decimal | None = msgspec.field(name="stopPrice", default=None)
    disclosed_qty: Count | None = msgspec.field(name="disclosedQty", default=None)


class CancelBody(msgspec.Struct, kw_only=True):
    id: Id


class ExitBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    exit_all: Count | None = None
    id: str | list[str] | None = None
    segment: list[Count] | None = None
    side: list[Count] | None = None
    product: list[str] | None = msgspec.field(name="productType", default=None)
    pending_orders_cancel: Count | None = None


class ConvertBody(msgspec.Struct, kw_only=True):
    """`symbol` is a position id, ticker and product joined by a hyphen."""

    symbol: str
    position_side: Count = msgspec.field(name="positionSide")
    qty: Count = msgspec.field(name="convertQty")
    from_product: str = msgspec.field(name="convertFrom")
    to_product: str = msgspec.field(name="convertTo")
    overnight: Count = 0


class SymbolsBody(msgspec.Struct, kw_only=True):
    symbols: list[str]


class CodeBody(msgspec.Struct, kw_only=True):
    """What an authorisation code is exchanged with."""

    grant_type: str
    app_id_hash: str = msgspec.field(name="appIdHash")
    code: str
