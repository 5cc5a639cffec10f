"""What goes out over REST, letter for letter. Source: protocol notes §2, §7 to §9, §12."""

import datetime as dt
from itertools import pairwise

import pytest

from brokers.errors import NotSent
from brokers.fyers.codec import requests
from brokers.fyers.codec.requests import Conversion, ExitAll, ExitMatching, ExitPositions
from brokers.model.instrument import Segment
from brokers.model.login import Request
from brokers.model.market import Interval, Span
from brokers.model.order import Kind, OrderChange, OrderIntent, Product, Side, Validity
from tests.brokers.fyers.listing import APP_ID, ENDPOINTS, SBIN, SESSION, TOKEN, sent

REST = "https://api-t1.fyers.in/api/v3"
DATA = "https://api-t1.fyers.in/data"
IST = dt.timezone(dt.timedelta(hours=5, minutes=30))


def intent(**changes: object) -> OrderIntent:
    fields: dict[str, object] = {
        "tag": "tag1",
        "instrument": SBIN.id,
        "side": Side.BUY,
        "quantity": 1,
        "kind": Kind.LIMIT,
        "price_e4": 8_015_000,
        "trigger_e4": 0,
        "product": Product.INTRADAY,
        "validity": Validity.DAY,
    }
    return OrderIntent(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name


def place(**changes: object) -> Request:
    return requests.place(ENDPOINTS, SESSION, intent(**changes), SBIN.symbol)


def ns(*when: int) -> int:
    return int(dt.datetime(*when, tzinfo=IST).timestamp()) * 10**9  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("request_", "url"),
    [
        (requests.profile(ENDPOINTS, SESSION), f"{REST}/profile"),
        (requests.funds(ENDPOINTS, SESSION), f"{REST}/funds"),
        (requests.holdings(ENDPOINTS, SESSION), f"{REST}/holdings"),
        (requests.order_book(ENDPOINTS, SESSION), f"{REST}/orders"),
        (requests.order_by_id(ENDPOINTS, SESSION, "24062600294751"),
         f"{REST}/orders?id=24062600294751"),
        (requests.orders_by_tag(ENDPOINTS, SESSION, "Ordertag"),
         f"{REST}/orders?order_tag=1%3AOrdertag"),
        (requests.trade_book(ENDPOINTS, SESSION), f"{REST}/tradebook"),
        (requests.positions(ENDPOINTS, SESSION), f"{REST}/positions"),
        (requests.market_status(ENDPOINTS, SESSION), f"{DATA}/marketStatus"),
        (requests.depth(ENDPOINTS, SESSION, "NSE:SBIN-EQ"),
         f"{DATA}/depth?symbol=NSE%3ASBIN-EQ&ohlcv_flag=1"),
    ],
)  # fmt: skip
def test_reads_carry_the_token_without_a_scheme_word(request_: Request, url: str) -> None:
    assert request_.method == "GET"
    assert request_.url == url
    assert request_.headers["authorization"] == f"{APP_ID}:{TOKEN}"
    assert request_.headers["version"] == "3"
    assert request_.body == b""


def test_an_ampersand_in_a_ticker_is_encoded() -> None:
    request = requests.quotes(ENDPOINTS, SESSION, ["NSE:M&M-EQ", "NSE:ARE&M-EQ"])
    assert request.url == f"{DATA}/quotes?symbols=NSE%3AM%26M-EQ%2CNSE%3AARE%26M-EQ"


def test_quotes_are_cut_into_fifties() -> None:
    pages = list(requests.quote_pages([f"NSE:S{n}-EQ" for n in range(120)]))
    assert [len(page) for page in pages] == [50, 50, 20]
    with pytest.raises(ValueError, match="1 to 50"):
        requests.quotes(ENDPOINTS, SESSION, ["NSE:SBIN-EQ"] * 51)


def test_a_new_order_is_written_as_documented() -> None:
    request = place()
    assert (request.method, request.url) == ("POST", f"{REST}/orders/sync")
    assert request.body == (
        b'{"symbol":"NSE:SBIN-EQ","qty":1,"type":1,"side":1,"productType":"INTRADAY",'
        b'"limitPrice":801.5,"stopPrice":0,"validity":"DAY","disclosedQty":0,'
        b'"offlineOrder":false,"stopLoss":0,"takeProfit":0,"orderTag":"tag1",'
        b'"isSliceOrder":false}'
    )


@pytest.mark.parametrize(
    ("price_e4", "written"),
    [(8_446_000, b"844.6,"), (885_275, b"88.5275,"), (1, b"0.0001,"), (610_500_000, b"61050,")],
)
def test_prices_are_exact_on_the_wire(price_e4: int, written: bytes) -> None:
    assert b'"limitPrice":' + written in place(price_e4=price_e4).body


@pytest.mark.parametrize(
    ("kind", "price_e4", "trigger_e4", "number"),
    [
        (Kind.LIMIT, 100, 0, 1),
        (Kind.MARKET, 0, 0, 2),
        (Kind.STOP, 0, 100, 3),
        (Kind.STOP_LIMIT, 100, 100, 4),
    ],
)
def test_every_kind_has_its_number(kind: Kind, price_e4: int, trigger_e4: int, number: int) -> None:
    body = sent(place(kind=kind, price_e4=price_e4, trigger_e4=trigger_e4, side=Side.SELL))
    assert isinstance(body, dict)
    assert (body["type"], body["side"]) == (number, -1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"disclosed_qty": 2}, "disclosed quantity"),
        ({"price_e4": 0}, "price"),
        ({"trigger_e4": 1}, "trigger"),
        ({"kind": Kind.MARKET}, "price"),
        ({"kind": Kind.STOP, "price_e4": 0}, "trigger"),
        ({"tag": ""}, "tag"),
        ({"tag": "with space"}, "tag"),
        ({"tag": "A" * 31}, "tag"),
        ({"tag": "Untagged"}, "tag"),
        ({"product": Product.CO}, "product"),
        ({"product": Product.BO}, "product"),
    ],
)
def test_an_order_that_cannot_be_right_is_not_sent(changes: dict[str, object], field: str) -> None:
    with pytest.raises(NotSent, match=f"^{field}: "):
        place(**changes)


def test_a_change_gives_the_new_total_and_the_type() -> None:
    change = OrderChange(quantity=5, kind=Kind.LIMIT, price_e4=612_000, trigger_e4=0)
    request = requests.modify(ENDPOINTS, SESSION, "808058117761", change)
    assert (request.method, request.url) == ("PATCH", f"{REST}/orders/sync")
    assert sent(request) == {
        "id": "808058117761", "type": 1, "qty": 5, "limitPrice": 61.2, "disclosedQty": 0,
    }  # fmt: skip


def test_a_stop_limit_change_carries_both_prices() -> None:
    change = OrderChange(quantity=5, kind=Kind.STOP_LIMIT, price_e4=612_000, trigger_e4=611_000)
    body = requests.modify(ENDPOINTS, SESSION, "808058117761", change).body
    assert b'"limitPrice":61.2,"stopPrice":61.1' in body


def test_a_cancel_is_a_delete_with_a_body() -> None:
    request = requests.cancel(ENDPOINTS, SESSION, "808058117761")
    assert (request.method, request.url) == ("DELETE", f"{REST}/orders/sync")
    assert request.body == b'{"id":"808058117761"}'


@pytest.mark.parametrize("broker_id", ["", " ", "1,2", "../orders", "1" * 65])
def test_an_order_id_that_is_none_is_not_sent(broker_id: str) -> None:
    with pytest.raises(NotSent, match=r"^order id: "):
        requests.cancel(ENDPOINTS, SESSION, broker_id)


@pytest.mark.parametrize(
    ("what", "body"),
    [
        (ExitAll(), {"exit_all": 1}),
        (ExitAll(cancels_pending=True), {"exit_all": 1, "pending_orders_cancel": 1}),
        (ExitPositions(positions=(("NSE:SBIN-EQ", Product.INTRADAY),)),
         {"id": "NSE:SBIN-EQ-INTRADAY"}),
        (ExitPositions(
            positions=(("NSE:SBIN-EQ", Product.INTRADAY), ("NSE:SBIN-EQ", Product.CNC)),
            cancels_pending=True),
         {"id": ["NSE:SBIN-EQ-INTRADAY", "NSE:SBIN-EQ-CNC"], "pending_orders_cancel": 1}),
        (ExitMatching(segments=(Segment.CM,), sides=(Side.BUY, Side.SELL),
                      products=(Product.INTRADAY, Product.CNC)),
         {"segment": [10], "side": [1, -1], "productType": ["INTRADAY", "CNC"]}),
    ],
)  # fmt: skip
def test_an_exit_says_what_it_closes(what: requests.ExitIntent, body: object) -> None:
    request = requests.exit_positions(ENDPOINTS, SESSION, what)
    assert (request.method, request.url) == ("DELETE", f"{REST}/positions")
    assert sent(request) == body


@pytest.mark.parametrize(
    "what",
    [
        ExitPositions(positions=()),
        ExitPositions(positions=(("", Product.CNC),)),
        ExitMatching(segments=(), sides=(Side.BUY,), products=(Product.CNC,)),
        ExitMatching(segments=(Segment.CM,), sides=(), products=(Product.CNC,)),
        ExitMatching(segments=(Segment.CM,), sides=(Side.BUY,), products=()),
    ],
)
def test_an_exit_without_a_meaning_cannot_be_built(what: requests.ExitIntent) -> None:
    """An empty body closes everything, so there is no way to write one."""
    with pytest.raises(NotSent):
        requests.exit_positions(ENDPOINTS, SESSION, what)


def test_a_conversion_names_the_position() -> None:
    what = Conversion(
        symbol="NSE:SBIN-EQ",
        side=Side.BUY,
        quantity=1,
        from_product=Product.INTRADAY,
        to_product=Product.CNC,
    )
    request = requests.convert(ENDPOINTS, SESSION, what)
    assert (request.method, request.url) == ("POST", f"{REST}/positions")
    assert sent(request) == {
        "symbol": "NSE:SBIN-EQ-INTRADAY", "positionSide": 1, "convertQty": 1,
        "convertFrom": "INTRADAY", "convertTo": "CNC", "overnight": 0,
    }  # fmt: skip


def test_symbol_tokens_go_with_the_bare_token() -> None:
    request = requests.symbol_tokens(ENDPOINTS, SESSION, ["NSE:SBIN-EQ", "NSE:NOSUCH-EQ"])
    assert (request.method, request.url) == ("POST", f"{DATA}/symbol-token")
    assert request.headers == {"authorization": TOKEN, "content-type": "application/json"}
    assert request.body == b'{"symbols":["NSE:SBIN-EQ","NSE:NOSUCH-EQ"]}'


def test_a_master_needs_no_login() -> None:
    request = requests.master(ENDPOINTS, "NSE_CM.csv")
    assert request.url == "https://public.fyers.in/sym_details/NSE_CM.csv"
    assert not request.headers


def test_logout_needs_no_body() -> None:
    request = requests.logout(ENDPOINTS, SESSION)
    assert (request.method, request.url, request.body) == ("POST", f"{REST}/logout", b"")


def test_nothing_secret_is_shown_when_a_request_is_printed() -> None:
    assert TOKEN not in repr(requests.profile(ENDPOINTS, SESSION))


@pytest.mark.parametrize(
    ("every", "word"),
    [
        (Interval.S5, "5S"), (Interval.M1, "1"), (Interval.M45, "45"), (Interval.H1, "60"),
        (Interval.H3, "180"), (Interval.H4, "240"), (Interval.D1, "1D"), (Interval.W1, "1W"),
        (Interval.MO1, "1M"),
    ],
)  # fmt: skip
def test_history_is_asked_by_epoch_with_both_ends_inclusive(every: Interval, word: str) -> None:
    page = Span(ns(2026, 9, 1), ns(2026, 9, 2))
    request = requests.history(ENDPOINTS, SESSION, "NSE:SBIN-EQ", every, page)
    assert request.url == (
        f"{DATA}/history?symbol=NSE%3ASBIN-EQ&resolution={word}&date_format=0"
        f"&range_from={page.from_ns // 10**9}&range_to={page.to_ns // 10**9 - 1}"
        "&cont_flag=&oi_flag=1"
    )


def test_every_interval_has_a_resolution() -> None:
    page = Span(0, 10**9)
    for every in Interval:
        assert requests.history(ENDPOINTS, SESSION, "NSE:SBIN-EQ", every, page)


@pytest.mark.parametrize(
    ("every", "most_days"),
    [(Interval.M1, 100), (Interval.H4, 100), (Interval.D1, 366), (Interval.MO1, 366)],
)
def test_pages_cover_the_span_without_gap_or_overlap(every: Interval, most_days: int) -> None:
    span = Span(ns(2021, 5, 24, 9, 15), ns(2026, 9, 2, 11, 7, 13))
    pages = requests.history_pages(every, span)
    assert pages[0].from_ns == span.from_ns
    assert pages[-1].to_ns == span.to_ns
    for before, after in pairwise(pages):
        assert before.to_ns == after.from_ns
        assert dt.datetime.fromtimestamp(after.from_ns / 1e9, IST).hour == 0
    for page in pages:
        first = dt.datetime.fromtimestamp(page.from_ns / 1e9, IST).date()
        last = dt.datetime.fromtimestamp(page.to_ns / 1e9 - 1, IST).date()
        assert (last - first).days < most_days


def test_second_bars_older_than_six_weeks_are_not_asked_for() -> None:
    span = Span(ns(2026, 1, 1), ns(2026, 9, 1))
    pages = requests.history_pages(Interval.S5, span)
    assert pages[0].from_ns == ns(2026, 7, 21)
    assert pages[-1].to_ns == span.to_ns


def test_an_empty_span_has_no_pages() -> None:
    assert requests.history_pages(Interval.M1, Span(5, 5)) == []
