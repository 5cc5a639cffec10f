"""The server's side of the REST messages: model values out as FYERS writes them.

Member order and spelling are those of recorded replies.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from brokers.fyers.codec import enums
from brokers.fyers.codec.amounts import rupees, rupees_of_paise
from brokers.fyers.codec.masters import fy_token, type_number
from brokers.fyers.codec.texts import IST_OFFSET_S, NS, order_time, wire_tag
from brokers.model.account import Funds, Holding, Ledger, Position, Profile
from brokers.model.instrument import Exchange, Instrument, Segment
from brokers.model.market import Candle, Depth, Level, MarketPhase, Quote
from brokers.model.money import E4
from brokers.model.order import Fill, OrderUpdate

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_DAY_S: Final = 86_400

Row = dict[str, object]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says besides its own values: the instrument and its market."""

    instrument: Instrument
    client_id: str = ""
    on_index: bool = False
    ltp_e4: int = 0
    previous_close_e4: int = 0


def encode(message: object) -> bytes:
    """Write a message as JSON, decimals as plain numbers."""
    return _ENCODER.encode(message)


def ok(members: Mapping[str, object] | None = None, *, code: int = 200, text: str = "") -> bytes:
    """Write a success."""
    return encode({"s": "ok", "code": code, "message": text, **(members or {})})


def error(code: int | str, text: str, *, order_id: str | None = None) -> bytes:
    """Write an error; a refused order may carry the id under which it is in the book."""
    members = {} if order_id is None else {"id": order_id}
    return encode({"code": code, **members, "message": text, "s": "error"})


def profile_data(profile: Profile) -> Row:
    return {
        "name": profile.name,
        "image": None,
        "display_name": None,
        "email_id": "pxxxxxxx@example.com",
        "PAN": "PXxxxxxx0E",
        "fy_id": profile.account,
        "pin_change_date": "01-01-2024 10:00:00",
        "mobile_number": "99xxxxxx99",
        "totp": True,
        "pwd_change_date": None,
        "pwd_to_expire": 42,
        "ddpi_enabled": False,
        "mtf_enabled": False,
    }


_FUND_LINES: Final = (
    (1, "Total Balance", "total_paise"),
    (2, "Utilized Amount", "used_paise"),
    (3, "Clear Balance", "clear_paise"),
    (4, "Realized Profit and Loss", "realised_paise"),
    (5, "Collaterals", "collateral_paise"),
    (6, "Fund Transfer", "transfer_paise"),
    (7, "Receivables", "receivable_paise"),
    (8, "Adhoc Limit", "adhoc_paise"),
    (9, "Limit at start of the day", "opening_paise"),
    (10, "Available Balance", "available_paise"),
)


def fund_rows(funds: Funds) -> list[Row]:
    def amount(ledger: Ledger, field: str) -> Decimal:
        return rupees_of_paise(getattr(ledger, field) or 0)

    return [
        {
            "id": number,
            "title": title,
            "equityAmount": amount(funds.equity, field),
            "commodityAmount": amount(funds.commodity, field),
        }
        for number, title, field in _FUND_LINES
    ]


def holding_row(holding: Holding, listed: Listed, number: int) -> Row:
    ltp_e4 = holding.ltp_e4 or 0
    quantity = holding.quantity
    return {
        "holdingType": "T1" if quantity and holding.t1_qty == quantity else "HLD",
        "quantity": quantity,
        "costPrice": rupees(holding.cost_e4),
        "marketVal": rupees(ltp_e4 * quantity),
        "remainingQuantity": holding.free_qty,
        "pl": rupees((ltp_e4 - holding.cost_e4) * quantity),
        "ltp": rupees(ltp_e4),
        "id": number,
        "fyToken": fy_token(listed.instrument),
        "exchange": enums.EXCHANGE_CODES[listed.instrument.exchange],
        "symbol": listed.instrument.symbol,
        "segment": enums.SEGMENT_CODES[listed.instrument.segment],
        "isin": holding.isin,
        "qty_t1": holding.t1_qty,
        "remainingPledgeQuantity": -1,
        "collateralQuantity": holding.collateral_qty,
    }


def holdings_overall(holdings: Sequence[Holding]) -> Row:
    invested_e4 = sum(each.cost_e4 * each.quantity for each in holdings)
    worth_e4 = sum((each.ltp_e4 or 0) * each.quantity for each in holdings)
    return {
        "count_total": len(holdings),
        "total_investment": rupees(invested_e4),
        "total_current_value": rupees(worth_e4),
        "total_pl": rupees(worth_e4 - invested_e4),
        "pnl_perc": percent(worth_e4 - invested_e4, invested_e4),
    }


def percent(part: int, whole: int) -> Decimal:
    """Give a percentage with two decimals; of nothing it is 0."""
    return rupees(round(part * 10_000 / whole) * 100) if whole else Decimal(0)


def order_row(order: OrderUpdate, listed: Listed, number: int, fyers_id: str = "") -> Row:
    """Write one row of the order book."""
    instrument = listed.instrument
    status = enums.status_code(order.state)
    is_over = order.state.is_terminal
    change_e4 = listed.ltp_e4 - listed.previous_close_e4
    return {
        "clientId": listed.client_id,
        "exchange": enums.EXCHANGE_CODES[instrument.exchange],
        "fyToken": fy_token(instrument),
        "id": order.broker_id,
        "id_fyers": fyers_id,
        "instrument": _type(listed),
        "offlineOrder": order.is_after_market,
        "source": order.source,
        "status": status,
        "type": enums.KIND_CODES[order.kind],
        "pan": "",
        "limitPrice": rupees(order.price_e4),
        "productType": order.product.value,
        "qty": order.quantity,
        "disclosedQty": order.disclosed_qty,
        "discloseQty": order.disclosed_qty,
        "dqQtyRem": 0,
        "remainingQuantity": 0 if is_over else order.quantity - order.filled_qty,
        "segment": enums.SEGMENT_CODES[instrument.segment],
        "symbol": instrument.symbol,
        "description": instrument.name,
        "ex_sym": instrument.underlying,
        "orderDateTime": "" if order.placed_ns is None else order_time(order.placed_ns),
        "side": order.side.sign,
        "orderValidity": order.validity.value,
        "stopPrice": rupees(order.trigger_e4),
        "tradedPrice": rupees(order.average_e4),
        "filledQty": order.filled_qty,
        "exchOrdId": order.exchange_id,
        "message": order.text,
        "ch": rupees(change_e4),
        "chp": percent(change_e4, listed.previous_close_e4),
        "lp": rupees(listed.ltp_e4),
        "orderNumStatus": f"{order.broker_id}:{status}",
        "slNo": number,
        "orderTag": wire_tag(order.tag),
        "takeProfit": 0,
        "stopLoss": 0,
    }


def trade_row(fill: Fill, order: OrderUpdate, listed: Listed) -> Row:
    """Write one row of the trade book; `order` is the one that was filled."""
    instrument = listed.instrument
    at_ns = fill.at_ns or 0
    return {
        "clientId": listed.client_id,
        "exchange": enums.EXCHANGE_CODES[instrument.exchange],
        "fyToken": fy_token(instrument),
        "orderNumber": fill.broker_id,
        "exchangeOrderNo": order.exchange_id,
        "tradeNumber": fill.trade_id,
        "tradePrice": rupees(fill.price_e4),
        "segment": enums.SEGMENT_CODES[instrument.segment],
        "productType": fill.product.value,
        "tradedQty": fill.quantity,
        "symbol": instrument.symbol,
        "row": at_ns // NS,
        "orderDateTime": order_time(at_ns),
        "tradeValue": rupees(fill.price_e4 * fill.quantity),
        "side": fill.side.sign,
        "orderType": enums.KIND_CODES[order.kind],
        "orderTag": wire_tag(fill.tag) if fill.tag else "1:Untagged",
    }


class Profit(msgspec.Struct, frozen=True, kw_only=True):
    """What a position earned, in 1/10,000 rupee, the contract multiplier included."""

    realised_e4: int = 0
    unrealised_e4: int = 0


def position_row(position: Position, listed: Listed, profit: Profit, number: int = 0) -> Row:
    """Write one net position of the day."""
    instrument = listed.instrument
    carried = position.carried_qty
    carried_buy, carried_sell = max(carried, 0), max(-carried, 0)
    net_qty = position.net_qty
    net_value_e4 = position.buy_value_e4 - position.sell_value_e4
    is_long = net_qty > 0
    return {
        "symbol": instrument.symbol,
        "id": f"{instrument.symbol}-{position.product.value}",
        "netQty": net_qty,
        "qty": abs(net_qty),
        "side": 0 if net_qty == 0 else 1 if is_long else -1,
        "avgPrice": _average(position.buy_value_e4, position.buy_qty)
        if is_long
        else _average(position.sell_value_e4, position.sell_qty),
        # A net-cash average, as FYERS has it: not the entry price after a partial exit.
        "netAvg": _average(net_value_e4, net_qty),
        "buyQty": position.buy_qty,
        "buyAvg": _average(position.buy_value_e4, position.buy_qty),
        "buyVal": rupees(position.buy_value_e4),
        "sellQty": position.sell_qty,
        "sellAvg": _average(position.sell_value_e4, position.sell_qty),
        "sellVal": rupees(position.sell_value_e4),
        "realized_profit": rupees(profit.realised_e4),
        "unrealized_profit": rupees(profit.unrealised_e4),
        "pl": rupees(profit.realised_e4 + profit.unrealised_e4),
        "ltp": rupees(position.ltp_e4 or 0),
        "productType": position.product.value,
        "crossCurrency": "",
        "rbiRefRate": 1,
        "qtyMulti_com": position.multiplier or 1,
        "fyToken": fy_token(instrument),
        "exchange": enums.EXCHANGE_CODES[instrument.exchange],
        "segment": enums.SEGMENT_CODES[instrument.segment],
        "dayBuyQty": position.buy_qty - carried_buy,
        "daySellQty": position.sell_qty - carried_sell,
        "cfBuyQty": carried_buy,
        "cfSellQty": carried_sell,
        "slNo": number,
    }


def positions_overall(positions: Sequence[Position], profits: Sequence[Profit]) -> Row:
    realised_e4 = sum(each.realised_e4 for each in profits)
    unrealised_e4 = sum(each.unrealised_e4 for each in profits)
    return {
        "count_open": sum(each.net_qty != 0 for each in positions),
        "count_total": len(positions),
        "pl_realized": rupees(realised_e4),
        "pl_total": rupees(realised_e4 + unrealised_e4),
        "pl_unrealized": rupees(unrealised_e4),
    }


def quote_row(quote: Quote, instrument: Instrument) -> Row:
    """Write one symbol's quote; `tt` is 05:30 Indian time of the trading day, not a tick's time."""
    ltp_e4, close_e4 = quote.ltp_e4 or 0, quote.previous_close_e4 or 0
    ask_e4, bid_e4 = quote.ask_e4 or 0, quote.bid_e4 or 0
    day_s = (quote.exchange_ns or 0) // NS + IST_OFFSET_S
    return {
        "n": instrument.symbol,
        "s": "ok",
        "v": {
            "ask": rupees(ask_e4),
            "bid": rupees(bid_e4),
            "ch": rupees(ltp_e4 - close_e4),
            "chp": percent(ltp_e4 - close_e4, close_e4),
            "description": instrument.symbol,
            "exchange": instrument.exchange.value,
            "fyToken": fy_token(instrument),
            "high_price": rupees(quote.high_e4 or 0),
            "low_price": rupees(quote.low_e4 or 0),
            "lp": rupees(ltp_e4),
            "open_price": rupees(quote.open_e4 or 0),
            "original_name": instrument.symbol,
            "prev_close_price": rupees(close_e4),
            "atp": rupees(quote.average_e4 or 0),
            "short_name": instrument.ticker,
            "spread": rupees(ask_e4 - bid_e4),
            "symbol": instrument.symbol,
            "tt": str(day_s - day_s % _DAY_S),
            "volume": quote.volume or 0,
        },
    }


def depth_members(quote: Quote, depth: Depth, instrument: Instrument) -> Row:
    """Write one symbol's book and day; `bids` is plural and `ask` is not."""
    ltp_e4, close_e4 = quote.ltp_e4 or 0, quote.previous_close_e4 or 0
    return {
        "ask": [_level(level) for level in depth.asks[:5]],
        "atp": rupees(quote.average_e4 or 0),
        "bids": [_level(level) for level in depth.bids[:5]],
        "c": rupees(close_e4),
        "ch": rupees(ltp_e4 - close_e4),
        "chp": percent(ltp_e4 - close_e4, close_e4),
        "expiry": "",
        "h": rupees(quote.high_e4 or 0),
        "l": rupees(quote.low_e4 or 0),
        "lower_ckt": rupees(quote.lower_circuit_e4 or 0),
        "ltp": rupees(ltp_e4),
        "ltq": quote.last_qty or 0,
        "ltt": (quote.traded_ns or 0) // NS,
        "o": rupees(quote.open_e4 or 0),
        "oi": quote.open_interest or 0,
        "oiflag": instrument.expiry is not None,
        "oipercent": percent(
            (quote.open_interest or 0) - (quote.previous_open_interest or 0),
            quote.previous_open_interest or 0,
        ),
        "pdoi": quote.previous_open_interest or 0,
        "tick_Size": rupees(instrument.tick_e4),
        "totalbuyqty": quote.total_buy_qty or 0,
        "totalsellqty": quote.total_sell_qty or 0,
        "upper_ckt": rupees(quote.upper_circuit_e4 or 0),
        "v": quote.volume or 0,
    }


def candle_row(candle: Candle, *, is_intraday: bool, with_interest: bool) -> list[object]:
    """Write one candle; a day's is stamped 05:30 Indian time, midnight UTC of its date."""
    stamp_s = candle.opened_ns // NS + (0 if is_intraday else IST_OFFSET_S)
    # A page holds 37,500 rows: the nearest float of a price prints as the price, and prints fast.
    row: list[object] = [
        stamp_s,
        candle.open_e4 / E4,
        candle.high_e4 / E4,
        candle.low_e4 / E4,
        candle.close_e4 / E4,
        candle.volume,
    ]
    if with_interest and candle.open_interest is not None:
        row.append(candle.open_interest)
    return row


def market_row(exchange: Exchange, segment: Segment, phase: MarketPhase) -> Row:
    return {
        "exchange": enums.EXCHANGE_CODES[exchange],
        "market_type": "NORMAL",
        "segment": enums.SEGMENT_CODES[segment],
        "status": enums.PHASE_WORDS.get(phase, "CLOSED"),
    }


def _type(listed: Listed) -> int:
    instrument = listed.instrument
    under = instrument.underlying_id
    return type_number(instrument, (under,) if listed.on_index and under is not None else ())


def _level(level: Level) -> Row:
    return {"ord": level.orders or 0, "price": rupees(level.price_e4), "volume": level.quantity}


def _average(value_e4: int, quantity: int) -> Decimal:
    if quantity == 0:
        return Decimal(0)
    return rupees(round(Fraction(value_e4, quantity)))
