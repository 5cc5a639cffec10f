"""What comes in over REST, from the examples of the documentation and from captures."""

import datetime as dt

import pytest

from brokers.errors import DecodeError, LoginExpired, RateLimited, Refused
from brokers.fyers.codec import replies
from brokers.model.account import Ledger
from brokers.model.login import Reply
from brokers.model.market import Candle, Interval, Level, MarketPhase, MarketStatus
from brokers.model.order import Fill, Kind, OrderState, OrderUpdate, Product, Side, Validity
from tests.brokers.fyers.listing import SBIN, answer, by_symbol, raw, unlisted

IST = dt.timezone(dt.timedelta(hours=5, minutes=30))

FILLED = {
    "clientId": "X******", "id": "23030900015105", "id_fyers": "c6697c04",
    "exchOrdId": "1100000001089341", "qty": 1, "remainingQuantity": 0, "filledQty": 1,
    "discloseQty": 0, "limitPrice": 6.95, "stopPrice": 0, "tradedPrice": 6.95, "type": 1,
    "fyToken": "101000000014366", "exchange": 10, "segment": 10, "symbol": "NSE:IDEA-EQ",
    "instrument": 0, "message": "", "offlineOrder": False, "orderDateTime": "09-Mar-2023 09:34:38",
    "orderValidity": "DAY", "pan": "ABCDE1234F", "productType": "CNC", "side": -1, "status": 2,
    "source": "W", "ex_sym": "IDEA", "description": "VODAFONE IDEA LIMITED", "ch": -0.1,
    "chp": -1.44, "lp": 6.85, "slNo": 1, "dqQtyRem": 0, "orderNumStatus": "23030900015105:2",
    "disclosedQty": 0, "orderTag": "1:Ordertag", "takeProfit": 0, "stopLoss": 0,
}  # fmt: skip
TRADE = {
    "clientId": "XX00000", "exchange": 10, "fyToken": "101126102751356",
    "orderNumber": "26092900154023", "exchangeOrderNo": "1000000048877662",
    "tradeNumber": "26092900154023-2736155", "tradePrice": 176.1, "segment": 11,
    "productType": "MARGIN", "tradedQty": 65, "symbol": "NSE:NIFTY26OCT23100CE", "row": 1790658409,
    "orderDateTime": "29-Sep-2026 10:36:49", "tradeValue": 11446.5, "side": -1, "orderType": 1,
    "orderTag": "1:MOW",
}  # fmt: skip
V2_TRADE = {
    "clientId": "FXXXXX", "orderDateTime": "07-08-2020 13:51:12", "orderNumber": "120080789075",
    "exchangeOrderNo": "1200000009204725", "exchange": 10, "side": 1, "segment": 10,
    "orderType": 2, "fyToken": "101000000010666", "productType": "CNC", "tradedQty": 10,
    "tradePrice": 32.7, "tradeValue": 327.0, "tradeNumber": "52605023", "id": "52605023", "row": 1,
    "symbol": "NSE:PNB-EQ",
}  # fmt: skip
SILVER = {
    "netQty": 1, "qty": 1, "avgPrice": 72256.0, "netAvg": 71856.0, "side": 1,
    "productType": "MARGIN", "realized_profit": 400.0, "unrealized_profit": 461.0, "pl": 861.0,
    "ltp": 72717.0, "buyQty": 2, "buyAvg": 72256.0, "buyVal": 144512.0, "sellQty": 1,
    "sellAvg": 72656.0, "sellVal": 72656.0, "slNo": 0, "fyToken": "1120200831217406",
    "crossCurrency": "N", "rbiRefRate": 1.0, "qtyMulti_com": 1.0, "segment": 20,
    "symbol": "MCX:SILVERMIC20AUGFUT", "id": "MCX:SILVERMIC20AUGFUT-MARGIN", "cfBuyQty": 0,
    "cfSellQty": 0, "dayBuyQty": 0, "daySellQty": 1, "exchange": 10,
}  # fmt: skip
IDEA_CLOSED = {
    "symbol": "NSE:IDEA-EQ", "id": "NSE:IDEA-EQ-INTRADAY", "netQty": 0, "qty": 0, "side": 0,
    "netAvg": 0, "buyQty": 3, "buyAvg": 8.1, "buyVal": 24.3, "sellQty": 3, "sellAvg": 8,
    "sellVal": 24, "realized_profit": -0.29999999999999893, "unrealized_profit": 0,
    "pl": -0.29999999999999893, "ltp": 7.9, "productType": "INTRADAY", "crossCurrency": "",
    "rbiRefRate": 1, "qtyMulti_com": 1, "fyToken": "101000000014366", "exchange": 10,
    "segment": 10, "dayBuyQty": 3, "daySellQty": 3, "cfBuyQty": 0, "cfSellQty": 0, "slNo": 0,
}  # fmt: skip
HOLDING = {
    "holdingType": "HLD", "quantity": 1, "costPrice": 1.55, "marketVal": 3.75,
    "remainingQuantity": 1, "pl": 2.2, "ltp": 3.75, "id": 1, "fyToken": 101000000011460,
    "exchange": 10, "symbol": "NSE:JPASSOCIAT-EQ", "segment": 10, "isin": "INE669E01016",
    "qty_t1": 1, "remainingPledgeQuantity": -1, "collateralQuantity": 0,
}  # fmt: skip


def ns(*when: int) -> int:
    return int(dt.datetime(*when, tzinfo=IST).timestamp()) * 10**9  # type: ignore[arg-type,misc]


def book(*rows: dict[str, object]) -> Reply:
    return answer({"s": "ok", "code": 200, "message": "", "orderBook": list(rows)})


def order(**changes: object) -> OrderUpdate:
    row = {key: value for key, value in {**FILLED, **changes}.items() if value != "absent"}
    return replies.read_orders(book(row), unlisted)[0]


def test_a_filled_order_reads_as_documented() -> None:
    assert order() == OrderUpdate(
        broker_id="23030900015105",
        tag="Ordertag",
        instrument="NSE:CM:14366",  # type: ignore[arg-type]  # its name as text
        side=Side.SELL,
        quantity=1,
        filled_qty=1,
        kind=Kind.LIMIT,
        price_e4=69_500,
        trigger_e4=0,
        average_e4=69_500,
        product=Product.CNC,
        validity=Validity.DAY,
        state=OrderState.FILLED,
        exchange_id="1100000001089341",
        placed_ns=ns(2023, 3, 9, 9, 34, 38),
        source="W",
    )


def test_neither_pan_nor_client_id_is_kept() -> None:
    kept = repr(order(message="PAN ABCDE1234F of C-XX00000"))
    assert "ABCDE1234F" not in kept
    assert "XX00000" not in kept


@pytest.mark.parametrize(
    ("status", "type_", "filled", "state"),
    [
        (1, 1, 0, OrderState.CANCELLED),
        (2, 1, 1, OrderState.FILLED),
        (4, 1, 0, OrderState.PENDING_NEW),
        (5, 1, 0, OrderState.REJECTED),
        (6, 1, 0, OrderState.OPEN),
        (6, 2, 0, OrderState.OPEN),
        (6, 1, 1, OrderState.PARTIAL),
        (6, 3, 0, OrderState.TRIGGER_PENDING),
        (6, 4, 0, OrderState.TRIGGER_PENDING),
        (6, 4, 1, OrderState.PARTIAL),
        (7, 1, 0, OrderState.EXPIRED),
        (90, 1, 1, OrderState.FILLED),
        (26, 3, 0, OrderState.TRIGGER_PENDING),
        (20, 1, 0, OrderState.PENDING_NEW),
        (91, 1, 0, OrderState.CANCELLED),
        (93, 1, 0, OrderState.REJECTED),
        (3, 1, 0, OrderState.UNMAPPED),
        (8, 1, 0, OrderState.UNMAPPED),
        (0, 1, 0, OrderState.UNMAPPED),
        (-1, 1, 0, OrderState.UNMAPPED),
    ],
)
def test_a_status_means_one_state(status: int, type_: int, filled: int, state: OrderState) -> None:
    assert order(status=status, type=type_, filledQty=filled).state is state


@pytest.mark.parametrize(
    ("wire", "tag"),
    [
        ("1:T0ABCDEFGH1234XY", "T0ABCDEFGH1234XY"),
        ("2:Untagged", ""),
        ("1:Untagged", ""),
        ("2:System", ""),
        ("absent", ""),
        (None, ""),
        ("", ""),
        ("BARE", "BARE"),
    ],
)
def test_a_tag_loses_its_prefix(wire: object, tag: str) -> None:
    assert order(orderTag=wire).tag == tag


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"offlineOrder": "False"}, "is_after_market", False),
        ({"offlineOrder": "TRUE"}, "is_after_market", True),
        ({"offlineOrder": True}, "is_after_market", True),
        ({"offlineOrder": "absent"}, "is_after_market", False),
        ({"limitPrice": "6.95"}, "price_e4", 69_500),
        ({"limitPrice": 7}, "price_e4", 70_000),
        ({"limitPrice": 0.1 + 0.2}, "price_e4", 3000),
        ({"limitPrice": 88.4275}, "price_e4", 884_275),
        ({"limitPrice": "absent"}, "price_e4", 0),
        ({"limitPrice": None}, "price_e4", 0),
        ({"tradedPrice": 8.133333}, "average_e4", 81_333),
        ({"tradedPrice": 8.13335}, "average_e4", 81_334),
        ({"qty": "10"}, "quantity", 10),
        ({"qty": 10.0}, "quantity", 10),
        ({"filledQty": "absent"}, "filled_qty", 0),
        ({"id": 23030900015105}, "broker_id", "23030900015105"),
        ({"id": "7-BO-1"}, "broker_id", "7-BO-1"),
        ({"fyToken": 101000000014366}, "instrument", "NSE:CM:14366"),
        ({"disclosedQty": "absent", "discloseQty": 5}, "disclosed_qty", 5),
        ({"disclosedQty": "absent", "discloseQty": "absent"}, "disclosed_qty", 0),
        ({"orderValidity": "IOC"}, "validity", Validity.IOC),
        ({"orderValidity": "absent"}, "validity", Validity.DAY),
        ({"orderDateTime": "01-Jan-1970 05:30:00"}, "placed_ns", None),
        ({"orderDateTime": "NA"}, "placed_ns", None),
        ({"orderDateTime": ""}, "placed_ns", None),
        ({"orderDateTime": "absent"}, "placed_ns", None),
        ({"orderDateTime": "09-03-2023 09:34:38"}, "placed_ns", ns(2023, 3, 9, 9, 34, 38)),
        ({"orderDateTime": "09-MAR-2023 09:34:38"}, "placed_ns", ns(2023, 3, 9, 9, 34, 38)),
        ({"exchOrdId": "absent"}, "exchange_id", ""),
        ({"source": "API"}, "source", "API"),
        ({"symbol": "NSE:NEWLISTED-EQ", "fyToken": "12112511131101649"}, "instrument",
         "BSE:FO:1101649"),
    ],
)  # fmt: skip
def test_irregular_rows_are_read(changes: dict[str, object], field: str, value: object) -> None:
    assert getattr(order(**changes), field) == value


def test_trailing_blanks_in_keys_are_stripped() -> None:
    padded = {f"{key} " if key in ("qty", "limitPrice") else key: FILLED[key] for key in FILLED}
    read = replies.read_orders(book(padded), unlisted)[0]
    assert (read.quantity, read.price_e4) == (1, 69_500)


def test_a_listed_symbol_wins_over_the_token() -> None:
    row = {**FILLED, "symbol": SBIN.symbol, "fyToken": ""}
    assert replies.read_orders(book(row), by_symbol)[0].instrument == SBIN.id


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": "absent"}, "orders.orderBook[0].id"),
        ({"id": ""}, "orderBook[0].id"),
        ({"side": 0}, "orderBook[0].side"),
        ({"side": "buy"}, "orders.orderBook[0].side"),
        ({"type": 5}, "orderBook[0].type"),
        ({"qty": 1.5}, "orders.orderBook[0].qty"),
        ({"qty": None}, "orders.orderBook[0].qty"),
        ({"qty": True}, "orders.orderBook[0].qty"),
        ({"qty": 10**16}, "orders.orderBook[0].qty"),
        ({"status": "absent"}, "orders.orderBook[0].status"),
        ({"productType": "absent"}, "orders.orderBook[0].productType"),
        ({"productType": "NEW"}, "orderBook[0].productType"),
        ({"orderValidity": "GTC"}, "orderBook[0].orderValidity"),
        ({"limitPrice": "A"}, "orders.orderBook[0].limitPrice"),
        ({"limitPrice": "NaN"}, "orderBook[0].limitPrice"),
        ({"limitPrice": "Infinity"}, "orderBook[0].limitPrice"),
        ({"limitPrice": 1e30}, "orderBook[0].limitPrice"),
        ({"limitPrice": 1.23456}, "orderBook[0].limitPrice"),
        ({"orderDateTime": "yesterday"}, "orderBook[0].orderDateTime"),
        ({"orderDateTime": "31-Feb-2023 09:34:38"}, "orderBook[0].orderDateTime"),
        ({"fyToken": "1010"}, "orderBook[0].fyToken"),
        ({"fyToken": "999900000014366"}, "orderBook[0].fyToken"),
        ({"fyToken": "absent"}, "orderBook[0].fyToken"),
    ],
)
def test_a_bad_row_is_named(changes: dict[str, object], where: str) -> None:
    with pytest.raises(DecodeError) as raised:
        order(**changes)
    assert raised.value.where == where


def test_a_captured_trade_reads() -> None:
    reply = answer({"s": "ok", "code": 200, "message": "", "tradeBook": [TRADE]})
    assert replies.read_trades(reply, unlisted) == [
        Fill(
            trade_id="26092900154023-2736155",
            broker_id="26092900154023",
            tag="MOW",
            instrument="NSE:FO:51356",  # type: ignore[arg-type]  # its name as text
            side=Side.SELL,
            quantity=65,
            price_e4=1_761_000,
            product=Product.MARGIN,
            at_ns=1_790_658_409 * 10**9,
        )
    ]


def test_a_bare_trade_number_is_joined_to_its_order() -> None:
    reply = answer({"s": "ok", "tradeBook": [V2_TRADE]})
    fill = replies.read_trades(reply, unlisted)[0]
    assert fill.trade_id == "120080789075-52605023"
    assert fill.at_ns == ns(2020, 8, 7, 13, 51, 12)


def test_positions_keep_values_not_averages() -> None:
    reply = answer({"s": "ok", "netPositions": [SILVER, IDEA_CLOSED], "overall": {}})
    silver, idea = replies.read_positions(reply, unlisted)
    assert silver.instrument == "MCX:COM:217406"
    assert (silver.net_qty, silver.buy_qty, silver.sell_qty) == (1, 2, 1)
    assert (silver.buy_value_e4, silver.sell_value_e4) == (1_445_120_000, 726_560_000)
    assert (silver.multiplier, silver.ltp_e4) == (1, 727_170_000)
    assert (idea.net_qty, idea.buy_value_e4, idea.sell_value_e4) == (0, 243_000, 240_000)
    assert idea.product is Product.INTRADAY


@pytest.mark.parametrize("value", [500_000.0, 5000.0])
def test_a_commodity_value_is_read_with_and_without_its_multiplier(value: float) -> None:
    row = {**SILVER, "buyQty": 1, "buyAvg": 5000.0, "buyVal": value, "qtyMulti_com": 100}
    position = replies.read_positions(answer({"s": "ok", "netPositions": [row]}), unlisted)[0]
    assert (position.buy_value_e4, position.multiplier) == (50_000_000, 100)


def test_a_missing_value_comes_from_the_average() -> None:
    row = {key: value for key, value in SILVER.items() if key not in ("buyVal", "qtyMulti_com")}
    position = replies.read_positions(answer({"s": "ok", "netPositions": [row]}), unlisted)[0]
    assert position.buy_value_e4 == 1_445_120_000
    assert position.multiplier is None


def test_carried_positions_are_told_from_todays() -> None:
    row = {**SILVER, "cfBuyQty": 5, "cfSellQty": 0, "ltp": 0}
    position = replies.read_positions(answer({"s": "ok", "netPositions": [row]}), unlisted)[0]
    assert (position.carried_qty, position.ltp_e4) == (5, None)


def test_a_holding_with_a_numeric_token_reads() -> None:
    reply = answer({"s": "ok", "code": 200, "holdings": [HOLDING], "overall": {}})
    (holding,) = replies.read_holdings(reply, unlisted)
    assert holding.instrument == "NSE:CM:11460"
    assert (holding.quantity, holding.free_qty, holding.t1_qty) == (1, 1, 1)
    assert (holding.cost_e4, holding.ltp_e4, holding.isin) == (15_500, 37_500, "INE669E01016")


def test_an_old_t1_row_is_all_t1() -> None:
    row = {"symbol": "NSE:X-EQ", "quantity": 5, "holdingType": "T1", "fyToken": "10100000003045"}
    (holding,) = replies.read_holdings(answer({"s": "ok", "holdings": [row]}), unlisted)
    assert (holding.t1_qty, holding.free_qty) == (5, 5)


def test_old_funds_with_texts_flags_and_a_repeated_line_read() -> None:
    amounts = {9: 1, 8: 0, 7: 0, 6: "0.0", 5: 0, 4: -132253.4, 2: 3, 3: 7, 1: "100000.0", 10: 9.005}
    rows = [{"id": n, "title": "", "equityAmount": a, "commodityAmount": "0.0"}
            for n, a in amounts.items()]  # fmt: skip
    rows.append({"id": 3, "title": "", "equityAmount": "8.5", "commodityAmount": 0})
    rows.append({"id": 11, "title": "", "equityAmount": "A", "commodityAmount": "M"})
    funds = replies.read_funds(answer({"s": "ok", "fund_limit": rows}))
    assert funds.equity == Ledger(
        available_paise=901, used_paise=300, total_paise=10_000_000, opening_paise=100,
        clear_paise=850, realised_paise=-13_225_340, collateral_paise=0, transfer_paise=0,
        receivable_paise=0, adhoc_paise=0,
    )  # fmt: skip
    assert funds.commodity.available_paise == 0


def test_a_statement_without_its_balance_is_no_empty_account() -> None:
    rows = [{"id": 1, "equityAmount": 0, "commodityAmount": 0}]
    with pytest.raises(DecodeError, match="available balance"):
        replies.read_funds(answer({"s": "ok", "fund_limit": rows}))
    with pytest.raises(DecodeError):
        replies.read_funds(answer({"s": "ok", "code": 200}))


def test_quotes_are_taken_by_name_and_failed_symbols_left_out() -> None:
    values = {"ask": 844.7, "bid": 0, "lp": 844.7, "tt": "1719360000", "volume": 6264391,
              "prev_close_price": 842.25, "high_price": 848, "atp": 841.612345}  # fmt: skip
    reply = answer({"s": "ok", "code": 200, "d": [
        {"n": "NSE:NOSUCH-EQ", "s": "error", "v": {"code": -300, "errmsg": "invalid"}},
        {"n": "NSE:NOSUCH2-EQ", "s": "error", "v": "Please provide a valid symbol"},
        {"n": "NSE:SBIN-EQ", "s": "ok", "v": values},
    ]})  # fmt: skip
    (quote,) = replies.read_quotes(reply, by_symbol)
    assert quote.instrument == SBIN.id
    assert (quote.ltp_e4, quote.ask_e4, quote.bid_e4) == (8_447_000, 8_447_000, None)
    assert (quote.volume, quote.previous_close_e4) == (6_264_391, 8_422_500)
    assert (quote.high_e4, quote.low_e4, quote.average_e4) == (8_480_000, None, 8_416_123)
    assert quote.traded_ns is None


def test_depth_reads_both_sides_and_the_day() -> None:
    body = {"bids": [{"ord": 7, "price": 844.6, "volume": 5037}, {"price": 0, "volume": 0}],
            "ask": [], "c": 842.25, "ltp": 844.6, "ltq": 5, "ltt": 1719383774, "oi": 0,
            "v": 6269782, "lower_ckt": 758.05, "upper_ckt": 926.45}  # fmt: skip
    reply = answer({"s": "ok", "message": "Success", "d": {"NSE:SBIN-EQ": body}})
    quote, depth = replies.read_depth(reply, "NSE:SBIN-EQ", SBIN.id)
    assert depth.bids == (Level(8_446_000, 5037, 7),)
    assert depth.asks == ()
    assert (quote.bid_e4, quote.bid_qty, quote.ask_e4) == (8_446_000, 5037, None)
    assert (quote.traded_ns, quote.previous_close_e4) == (1_719_383_774 * 10**9, 8_422_500)
    assert (quote.lower_circuit_e4, quote.upper_circuit_e4) == (7_580_500, 9_264_500)
    with pytest.raises(DecodeError, match="a book"):
        replies.read_depth(reply, "NSE:OTHER-EQ", SBIN.id)


def test_a_daily_candle_begins_at_indian_midnight() -> None:
    """1621814400 is 24 May 2021 05:30 IST on the wire."""
    reply = answer({"s": "ok", "candles": [[1621814400, 401.35, 405, 400.1, 402.25, 100]]})
    (candle,) = replies.read_candles(reply, Interval.D1)
    assert candle == Candle(ns(2021, 5, 24), 4_013_500, 4_050_000, 4_001_000, 4_022_500, 100)


def test_candles_are_sorted_once_each_with_interest_where_there_is_one() -> None:
    rows = [[60, 1, 1, 1, 1, 5, 77], [0, 1, 1, 1, 1, 5], [60, 2, 2, 2, 2, 6, None]]
    candles = replies.read_candles(answer({"s": "ok", "candles": rows}), Interval.M1)
    assert [(c.opened_ns, c.open_e4, c.open_interest) for c in candles] == [
        (0, 10_000, None), (60 * 10**9, 20_000, None),
    ]  # fmt: skip


def test_no_data_is_an_empty_history() -> None:
    assert replies.read_candles(answer({"s": "no_data"}), Interval.M1) == []
    assert replies.read_candles(answer({"s": "no_data", "candles": []}), Interval.M1) == []
    assert replies.read_candles(answer({"s": "ok", "candles": []}), Interval.M1) == []
    body = {"code": -300, "message": "Invalid symbol provided", "s": "error"}
    with pytest.raises(Refused, match="Invalid symbol"):
        replies.read_candles(answer(body), Interval.M1)


def test_the_normal_market_speaks_for_its_segment() -> None:
    def row(exchange: int, segment: int, market: str, status: str) -> dict[str, object]:
        return {"exchange": exchange, "segment": segment, "market_type": market, "status": status}

    reply = answer({"s": "ok", "code": 200, "marketStatus": [
        row(10, 10, "ODD_LOT", "CLOSED"), row(10, 10, "NORMAL", "PREOPEN"),
        row(10, 10, "AUCTION", "CLOSED"), row(11, 20, "SPECIAL", "CLOSE"),
        row(12, 11, "NORMAL", "POSTCLOSE_START"), row(10, 11, "NL", "HALTED"),
    ]})  # fmt: skip
    assert replies.read_market_status(reply) == [
        MarketStatus(exchange="NSE", segment="CM", phase=MarketPhase.PREOPEN),
        MarketStatus(exchange="MCX", segment="COM", phase=MarketPhase.CLOSED),
        MarketStatus(exchange="BSE", segment="FO", phase=MarketPhase.CLOSING),
        MarketStatus(exchange="NSE", segment="FO", phase=MarketPhase.UNKNOWN),
    ]


def test_symbol_tokens_name_the_unknown_ones() -> None:
    reply = answer({"s": "ok", "code": 200, "message": "", "invalidSymbol": ["NSE:NOSUCH-EQ"],
                    "validSymbol": {"NSE:SBIN-EQ": "10100000003045"}})  # fmt: skip
    assert replies.read_tokens(reply) == ({"NSE:SBIN-EQ": "10100000003045"}, ["NSE:NOSUCH-EQ"])


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer({"code": -16, "message": "Could not authenticate the user", "s": "error"}),
         LoginExpired),
        (answer({"message": "Please provide valid token", "code": -15, "s": "error"}, 401),
         LoginExpired),
        (raw("", 401), LoginExpired),
        (raw("<html>", 429), RateLimited),
        (answer({"s": "error", "code": -429, "message": ""}), RateLimited),
        (answer({"s": "error", "code": -373, "message": "no permission"}, 403), Refused),
        (answer({"s": "error", "code": -1, "orderBook": "wrong"}, 400), Refused),
        (raw("", 500), Refused),
        (raw("<html>", 503), Refused),
        (answer({"s": "ok", "orderBook": []}, 500), Refused),
        (raw("", 302), DecodeError),
        (raw("", 200), DecodeError),
        (raw("<html>maintenance</html>", 200), DecodeError),
        (answer({"s": "ok"}), DecodeError),
        (answer({"orderBook": []}), DecodeError),
        (answer({"s": "maybe", "orderBook": []}), DecodeError),
        (answer({"s": "ok", "orderBook": {}}), DecodeError),
        (answer([]), DecodeError),
    ],
)  # fmt: skip
def test_a_failed_read_says_why(reply: Reply, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        replies.read_orders(reply, unlisted)
    assert raised.type is error


def test_an_empty_book_is_empty() -> None:
    assert replies.read_orders(book(), unlisted) == []
