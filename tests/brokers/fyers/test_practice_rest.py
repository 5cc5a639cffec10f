"""The REST face on the real practice exchange, driven by the client's own codec."""

import asyncio
import datetime as dt
import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from brokers.errors import (
    DecodeError,
    LoginExpired,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from brokers.fyers import login, symbols
from brokers.fyers.codec import replies, requests, rest
from brokers.fyers.codec.requests import Conversion, ExitAll, ExitPositions
from brokers.fyers.practice import FACE, FyersFace
from brokers.fyers.urls import LIVE
from brokers.model.instrument import Instrument, InstrumentKind
from brokers.model.login import Credentials, OpenBrowser, Reply, Request, Send, Session
from brokers.model.market import Interval, Span
from brokers.model.order import (
    Kind,
    OrderChange,
    OrderIntent,
    OrderState,
    OrderUpdate,
    Product,
    Side,
    Validity,
)
from brokers.net.server import ServerReply, ServerRequest, Site
from brokers.net.server_values import request_from_target
from brokers.port import MasterFile
from brokers.practice.assembly import assemble
from brokers.practice.exchange import Exchange
from brokers.practice.face import FaceOptions
from brokers.practice.faults import PLACES, Faults, FaultValue
from tests.brokers.fyers.listing import unlisted

HOST: Final = "http://127.0.0.1:8123"
STATE: Final = "Zk3"
DAY_NS: Final = 86_400 * 10**9


def served(request: Request) -> ServerRequest:
    """Give a client's request as the server reads it."""
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {name.lower(): text for name, text in request.headers.items()}
    return request_from_target(
        request.method, target, {**headers, "host": parts.netloc}, request.body
    )


class Desk:
    """One client of the face, logged in with the real login flow."""

    def __init__(self, exchange: Exchange, **options: object) -> None:
        self.exchange = exchange
        self.faults = Faults()
        given = {"has_limits": False, **options}
        made = FACE.make(exchange, exchange.clock, self.faults, FaceOptions(**given))  # type: ignore[arg-type]  # options by name
        self.face: FyersFace = made
        self.endpoints = {key: f"{HOST}{path}" for key, (_, path) in made.paths.items()}
        self.session = self.log_in()

    def send(self, request: Request) -> Reply:
        reply = asyncio.run(_respond(self.face, served(request)))
        return Reply(status=reply.status, headers=reply.headers, body=reply.body)

    def log_in(self) -> Session:
        told = self.face.credentials()
        values = {
            "app_id": str(told["app_id"]),
            "secret": str(told["secret"]),
            "redirect_uri": "http://127.0.0.1:8765/callback",
        }
        flow = login.login(Credentials(values=values, endpoints=self.endpoints), STATE)
        step = next(flow)
        assert isinstance(step, OpenBrowser)
        page = Request(method="GET", url=f"{step.url}&user={told['user']}&pin={told['pin']}")
        location = self.send(page).headers["Location"]
        step = flow.send(dict(parse_qsl(urlsplit(location).query)))
        assert isinstance(step, Send)
        step = flow.send(self.send(step.request))
        assert isinstance(step, Send)
        with pytest.raises(StopIteration) as end:
            flow.send(self.send(step.request))
        session = end.value.value
        assert isinstance(session, Session)
        return session

    @property
    def login(self) -> tuple[dict[str, str], Session]:
        return self.endpoints, self.session

    def instrument(self, symbol: str) -> Instrument:
        found = self.exchange.universe.by_symbol(symbol)
        assert found is not None
        return found

    def ltp_e4(self, symbol: str) -> int:
        quote = self.exchange.market.quote(self.instrument(symbol).id)
        assert quote.ltp_e4 is not None
        return quote.ltp_e4

    def below(self, symbol: str) -> int:
        """A price on the tick that rests in the book: two per cent under the market."""
        instrument = self.instrument(symbol)
        price_e4 = self.ltp_e4(symbol) * 98 // 100
        return price_e4 - price_e4 % instrument.tick_e4

    def intent(self, symbol: str = "NSE:SBIN-EQ", **changes: object) -> OrderIntent:
        fields: dict[str, object] = {
            "tag": "T0ABCDEFGH1234XY",
            "instrument": self.instrument(symbol).id,
            "side": Side.BUY,
            "quantity": 10,
            "kind": Kind.LIMIT,
            "price_e4": self.below(symbol),
            "trigger_e4": 0,
            "product": Product.INTRADAY,
            "validity": Validity.DAY,
        }
        return OrderIntent(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name

    def place(self, symbol: str = "NSE:SBIN-EQ", /, **changes: object) -> str:
        request = requests.place(*self.login, self.intent(symbol, **changes), symbol)
        return rest.read_place_reply(self.send(request)).broker_id

    def buy_now(self, symbol: str = "NSE:SBIN-EQ", quantity: int = 10, **changes: object) -> str:
        market: dict[str, object] = {
            "kind": Kind.MARKET,
            "price_e4": 0,
            "quantity": quantity,
            **changes,
        }
        return self.place(symbol, **market)

    def orders(self, request: Request | None = None) -> list[OrderUpdate]:
        reply = self.send(request or requests.order_book(*self.login))
        return replies.read_orders(reply, self.exchange.universe.by_symbol)


async def _respond(site: Site, request: ServerRequest) -> ServerReply:
    return await site.respond(request)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    found = assemble(seed=1, universe="small", masters=[], history=None, clock="session")
    found.pause(is_paused=True)
    return found


@pytest.fixture(name="desk")
def fresh_desk() -> Desk:
    found = assemble(seed=1, universe="small", masters=[], history=None, clock="session")
    found.pause(is_paused=True)
    return Desk(found)


def refused(work: Callable[[], object]) -> OrderRefused:
    with pytest.raises(OrderRefused) as raised:
        work()
    return raised.value


def test_the_ports_file_has_every_live_path(desk: Desk) -> None:
    for key, (scheme, path) in desk.face.paths.items():
        live = urlsplit(LIVE[key])
        if key == "symbols":
            assert path == live.path
        assert path == live.path, key
        assert live.scheme == f"{scheme}s"


def test_a_login_proves_its_token_with_the_profile(desk: Desk) -> None:
    assert desk.session.account == desk.face.account
    profile = replies.read_profile(desk.send(requests.profile(*desk.login)))
    assert (profile.account, profile.name) == (desk.face.account, "PRACTICE TRADER")


def test_a_resting_order_is_open_in_the_book(desk: Desk) -> None:
    intent = desk.intent()
    broker_id = desk.place()
    (order,) = desk.orders()
    assert (order.broker_id, order.state) == (broker_id, OrderState.OPEN)
    assert (order.tag, order.instrument) == (intent.tag, intent.instrument)
    assert (order.price_e4, order.quantity, order.filled_qty) == (intent.price_e4, 10, 0)
    assert (order.product, order.side) == (Product.INTRADAY, Side.BUY)
    assert order.exchange_id
    assert order.placed_ns is not None
    assert abs(order.placed_ns - desk.exchange.clock.now_ns()) < 60 * 10**9


def test_an_order_is_found_by_tag_and_by_id(desk: Desk) -> None:
    first = desk.place(tag="TAGONE")
    second = desk.place(tag="TAGTWO")
    by_tag = desk.orders(requests.orders_by_tag(*desk.login, "TAGTWO"))
    assert [order.broker_id for order in by_tag] == [second]
    by_id = desk.orders(requests.order_by_id(*desk.login, first))
    assert [order.broker_id for order in by_id] == [first]
    assert desk.orders(requests.orders_by_tag(*desk.login, "NOSUCH")) == []


def test_a_market_order_fills_and_makes_trade_position_and_funds(desk: Desk) -> None:
    before = replies.read_funds(desk.send(requests.funds(*desk.login))).equity
    broker_id = desk.buy_now()
    (order,) = desk.orders()
    assert (order.state, order.filled_qty) == (OrderState.FILLED, 10)
    fills = replies.read_trades(desk.send(requests.trade_book(*desk.login)), unlisted)
    assert sum(fill.quantity for fill in fills) == 10
    assert {fill.broker_id for fill in fills} == {broker_id}
    assert all(fill.trade_id.startswith(f"{broker_id}-") for fill in fills)
    (position,) = replies.read_positions(desk.send(requests.positions(*desk.login)), unlisted)
    assert (position.net_qty, position.product) == (10, Product.INTRADAY)
    assert position.buy_value_e4 == sum(fill.quantity * fill.price_e4 for fill in fills)
    after = replies.read_funds(desk.send(requests.funds(*desk.login))).equity
    assert before.available_paise == before.total_paise == 100_000_000
    assert after.used_paise > 0
    assert after.available_paise + after.used_paise == after.total_paise


def test_a_change_and_a_cancel(desk: Desk) -> None:
    broker_id = desk.place()
    price_e4 = desk.below("NSE:SBIN-EQ") - desk.instrument("NSE:SBIN-EQ").tick_e4
    change = OrderChange(quantity=7, kind=Kind.LIMIT, price_e4=price_e4, trigger_e4=0)
    reply = desk.send(requests.modify(*desk.login, broker_id, change))
    assert rest.read_modify_reply(reply, broker_id).broker_id == broker_id
    (order,) = desk.orders()
    assert (order.quantity, order.price_e4, order.state) == (7, price_e4, OrderState.OPEN)
    reply = desk.send(requests.cancel(*desk.login, broker_id))
    assert rest.read_cancel_reply(reply, broker_id).text == "Successfully cancelled order"
    assert desk.orders()[0].state is OrderState.CANCELLED
    again = refused(
        lambda: rest.read_cancel_reply(desk.send(requests.cancel(*desk.login, broker_id)))
    )
    assert again.code == "-161"


def test_a_limit_order_may_become_a_stop_limit_order(desk: Desk) -> None:
    broker_id = desk.place()
    above_e4 = desk.ltp_e4("NSE:SBIN-EQ") * 102 // 100
    above_e4 -= above_e4 % desk.instrument("NSE:SBIN-EQ").tick_e4
    change = OrderChange(quantity=10, kind=Kind.STOP_LIMIT, price_e4=above_e4, trigger_e4=above_e4)
    reply = desk.send(requests.modify(*desk.login, broker_id, change))
    rest.read_modify_reply(reply, broker_id)
    (order,) = desk.orders()
    assert (order.kind, order.state) == (Kind.STOP_LIMIT, OrderState.TRIGGER_PENDING)
    assert (order.price_e4, order.trigger_e4) == (above_e4, above_e4)


def test_an_order_that_is_not_ours_is_unknown(desk: Desk) -> None:
    request = requests.cancel(*desk.login, "7574657627567")
    found = refused(lambda: rest.read_cancel_reply(desk.send(request)))
    assert (found.code, found.text) == ("-51", "invalid order id: 7574657627567")


def test_a_risk_refusal_is_in_the_book_with_its_words(desk: Desk) -> None:
    found = refused(lambda: desk.buy_now("NSE:RELIANCE-EQ", quantity=50_000, product=Product.CNC))
    assert found.code == "-99"
    assert found.text.startswith("RED:Margin Shortfall:INR ")
    assert desk.face.account not in found.text
    (order,) = desk.orders()
    assert (order.broker_id, order.state) == (found.broker_id, OrderState.REJECTED)
    assert order.text == found.text


def test_a_price_outside_the_band_is_refused_in_the_brokers_words(desk: Desk) -> None:
    found = refused(lambda: desk.place(price_e4=61_050_0000))
    assert found.text.startswith("RED:RULE:{Check circuit limit including square off order}")
    assert found.broker_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price_e4": 8_250_001}, "-50"),
        ({"product": Product.MARGIN}, "-50"),
    ],
)
def test_a_field_that_is_wrong_makes_no_order(
    desk: Desk, changes: dict[str, object], code: str
) -> None:
    found = refused(lambda: desk.place(**changes))
    assert (found.code, found.broker_id) == (code, "")
    assert desk.orders() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NSE:NOSUCH-EQ"}, -300),
        ({"qty": 0}, -50),
        ({"qty": "many"}, -50),
        ({"type": 5}, -50),
        ({"side": 0}, -50),
        ({"productType": "X"}, -50),
        ({"validity": "GTC"}, -50),
        ({"limitPrice": "A"}, -50),
        ({"orderTag": "with space"}, -50),
        ({"orderTag": "Untagged"}, -50),
        ({"offlineOrder": "maybe"}, -50),
    ],
)
def test_a_body_that_is_wrong_is_refused_by_field(
    desk: Desk, changes: dict[str, object], code: int
) -> None:
    request = requests.place(*desk.login, desk.intent(), "NSE:SBIN-EQ")
    body = json.dumps({**json.loads(request.body), **changes}).encode()
    reply = desk.send(msgspec.structs.replace(request, body=body))
    assert reply.status == 400
    assert json.loads(reply.body)["code"] == code
    assert desk.orders() == []


def test_a_body_is_read_as_tolerantly_as_the_broker_does(desk: Desk) -> None:
    request = requests.place(*desk.login, desk.intent(), "NSE:SBIN-EQ")
    irregular = {**json.loads(request.body), "offlineOrder": "False", "qty": "10"}
    body = json.dumps(irregular).encode()
    reply = desk.send(msgspec.structs.replace(request, body=body))
    assert rest.read_place_reply(reply).broker_id


def test_positions_are_closed_by_id_and_all_at_once(desk: Desk) -> None:
    def leave(what: requests.ExitIntent) -> str:
        return rest.read_exit_reply(desk.send(requests.exit_positions(*desk.login, what)))

    assert "no open positions" in refused(lambda: leave(ExitAll())).text
    desk.buy_now()
    desk.buy_now("NSE:RELIANCE-EQ")
    one = ExitPositions(positions=(("NSE:SBIN-EQ", Product.INTRADAY),))
    assert leave(one) == "The position is closed."
    assert refused(lambda: leave(one)).code == "-352"
    assert leave(ExitAll()) == "The position is closed."
    found = replies.read_positions(desk.send(requests.positions(*desk.login)), unlisted)
    assert [position.net_qty for position in found] == [0, 0]
    nothing = ExitPositions(positions=(("NSE:TCS-EQ", Product.CNC),))
    assert refused(lambda: leave(nothing)).code == "-53"


def test_an_empty_exit_body_closes_nothing(desk: Desk) -> None:
    desk.buy_now()
    request = requests.exit_positions(*desk.login, ExitAll())
    for body in (b"{}", b'{"segment":[10]}', b'{"id":""}'):
        reply = desk.send(msgspec.structs.replace(request, body=body))
        assert json.loads(reply.body)["code"] == -53
    found = replies.read_positions(desk.send(requests.positions(*desk.login)), unlisted)
    assert found[0].net_qty == 10


def test_an_exit_may_cancel_what_is_pending(desk: Desk) -> None:
    desk.buy_now()
    pending = desk.place(tag="PENDING")
    request = requests.exit_positions(*desk.login, ExitAll(cancels_pending=True))
    rest.read_exit_reply(desk.send(request))
    states = {order.broker_id: order.state for order in desk.orders()}
    assert states[pending] is OrderState.CANCELLED


def test_a_position_is_converted(desk: Desk) -> None:
    desk.buy_now()

    def convert(before: Product, after: Product) -> str:
        what = Conversion(
            symbol="NSE:SBIN-EQ",
            side=Side.BUY,
            quantity=10,
            from_product=before,
            to_product=after,
        )
        return rest.read_convert_reply(desk.send(requests.convert(*desk.login, what)))

    assert convert(Product.INTRADAY, Product.CNC) == "Position Converted Successfully!!"
    assert "cannot convert CNC" in refused(lambda: convert(Product.CNC, Product.INTRADAY)).text


def test_holdings_come_with_isin_and_price(desk: Desk) -> None:
    held = replies.read_holdings(desk.send(requests.holdings(*desk.login)), unlisted)
    by_id = {each.instrument: each for each in held}
    itc = by_id[desk.instrument("NSE:ITC-EQ").id]
    assert itc.isin == "INE154A01025"
    assert 0 < itc.free_qty <= itc.quantity
    assert itc.ltp_e4


def test_quotes_and_depth_agree_with_the_exchange(desk: Desk) -> None:
    names = ["NSE:SBIN-EQ", "NSE:NOSUCH-EQ", "NSE:NIFTY50-INDEX"]
    reply = desk.send(requests.quotes(*desk.login, names))
    sbin, nifty = replies.read_quotes(reply, desk.exchange.universe.by_symbol)
    assert sbin.ltp_e4 == desk.ltp_e4("NSE:SBIN-EQ")
    assert nifty.ltp_e4 == desk.ltp_e4("NSE:NIFTY50-INDEX")
    reply = desk.send(requests.depth(*desk.login, "NSE:SBIN-EQ"))
    quote, depth = replies.read_depth(reply, "NSE:SBIN-EQ", sbin.instrument)
    truth = desk.exchange.market.depth(sbin.instrument)
    assert depth.bids == truth.bids[:5]
    assert depth.asks == truth.asks[:5]
    assert quote.ltp_e4 == sbin.ltp_e4


def test_a_symbol_without_a_book_is_refused(desk: Desk) -> None:
    reply = desk.send(requests.depth(*desk.login, "NSE:NOSUCH-EQ"))
    with pytest.raises(Refused) as raised:
        replies.read_depth(reply, "NSE:NOSUCH-EQ", desk.instrument("NSE:SBIN-EQ").id)
    assert raised.value.code == "-300"


@pytest.mark.parametrize("every", [Interval.M1, Interval.M5, Interval.H1, Interval.D1])
def test_history_is_the_markets_own(desk: Desk, every: Interval) -> None:
    sbin = desk.instrument("NSE:SBIN-EQ")
    now_ns = desk.exchange.clock.now_ns()
    days = 30 if every is Interval.D1 else 3
    span = Span(now_ns - days * DAY_NS, now_ns)
    (page,) = requests.history_pages(every, span)
    reply = desk.send(requests.history(*desk.login, sbin.symbol, every, page))
    read = replies.read_candles(reply, every)
    truth = desk.exchange.market.candles(sbin.id, every, Span(span.from_ns, now_ns))
    assert len(read) > 5
    assert {candle.opened_ns for candle in truth} <= {candle.opened_ns for candle in read}
    known = {candle.opened_ns: candle for candle in truth}
    for candle in read:
        if candle.opened_ns in known:
            assert candle.high_e4 == known[candle.opened_ns].high_e4


def test_history_may_be_asked_by_date(desk: Desk) -> None:
    request = requests.history(*desk.login, "NSE:SBIN-EQ", Interval.D1, Span(0, DAY_NS))
    today = desk.exchange.clock.now_ns() // 10**9 + 19_800
    last = dt.date.fromtimestamp(today)  # noqa: DTZ012 - shifted to Indian time already
    first = last - dt.timedelta(days=20)
    url = request.url.partition("?")[0]
    asked = f"symbol=NSE:SBIN-EQ&resolution=D&date_format=1&range_from={first}&range_to={last}"
    reply = desk.send(msgspec.structs.replace(request, url=f"{url}?{asked}&cont_flag=1"))
    candles = replies.read_candles(reply, Interval.D1)
    assert 5 < len(candles) <= 16


@pytest.mark.parametrize(
    "query",
    [
        "symbol=NSE:SBIN-EQ&resolution=7&range_from=0&range_to=1",
        "symbol=NSE:SBIN-EQ&resolution=1&range_from=x&range_to=1",
        "symbol=NSE:SBIN-EQ&resolution=1&range_from=2&range_to=1",
        "symbol=NSE:SBIN-EQ&resolution=1&range_from=1700000000&range_to=1710000000",
        "symbol=NSE:SBIN-EQ&resolution=D&range_from=1600000000&range_to=1710000000",
        "symbol=NSE:SBIN-EQ&resolution=5S&range_from=1600000000&range_to=1600000100",
        "symbol=NSE:NOSUCH-EQ&resolution=1&range_from=1&range_to=2",
    ],
)
def test_history_that_cannot_be_given_is_refused(desk: Desk, query: str) -> None:
    request = requests.history(*desk.login, "NSE:SBIN-EQ", Interval.M1, Span(0, DAY_NS))
    url = request.url.partition("?")[0]
    reply = desk.send(msgspec.structs.replace(request, url=f"{url}?{query}&date_format=0"))
    with pytest.raises(Refused):
        replies.read_candles(reply, Interval.M1)


def test_market_status_names_every_segment(desk: Desk) -> None:
    found = replies.read_market_status(desk.send(requests.market_status(*desk.login)))
    assert {(each.exchange, each.segment) for each in found} >= {("NSE", "CM"), ("NSE", "FO")}


def test_symbols_are_translated_with_either_authorization(desk: Desk) -> None:
    names = ["NSE:SBIN-EQ", "NSE:NOSUCH-EQ"]
    request = requests.symbol_tokens(*desk.login, names)
    expected = ({"NSE:SBIN-EQ": "10100000003045"}, ["NSE:NOSUCH-EQ"])
    assert replies.read_tokens(desk.send(request)) == expected
    headers = {**request.headers, "authorization": requests.authorization(desk.session)}
    combined = msgspec.structs.replace(request, headers=headers)
    assert replies.read_tokens(desk.send(combined)) == expected


@pytest.mark.parametrize("name", ["NSE_CM", "NSE_FO", "MCX_COM"])
def test_masters_list_what_the_exchange_lists(desk: Desk, name: str) -> None:
    exchange, _, segment = name.partition("_")
    truth = {each.id: each for each in desk.exchange.universe.in_segment(exchange, segment)}
    for file in (f"{name}.csv", f"{name}_sym_master.json"):
        reply = desk.send(requests.master(desk.endpoints, file))
        assert reply.status == 200
        part = symbols.read_master(MasterFile(name=file, body=reply.body))
        assert not part.bad_rows
        assert {each.id for each in part.instruments} == truth.keys()
    for each in part.instruments:
        expected = truth[each.id]
        assert (each.symbol, each.lot_size, each.tick_e4) == (
            expected.symbol, expected.lot_size, expected.tick_e4
        )  # fmt: skip
        assert (each.expiry, each.strike_e4, each.kind) == (
            expected.expiry, expected.strike_e4, expected.kind
        )  # fmt: skip
        assert each.multiplier == expected.multiplier


def test_index_names_are_served_beside_the_masters(desk: Desk) -> None:
    reply = desk.send(requests.master(desk.endpoints, "index_hsm_mapping.json"))
    names = json.loads(reply.body)
    assert names["NSE:NIFTY50-INDEX"] == "Nifty 50"
    indices = [e for e in desk.exchange.universe.all() if e.kind is InstrumentKind.INDEX]
    assert names.keys() == {each.symbol for each in indices}


def test_a_file_that_is_none_is_not_found(desk: Desk) -> None:
    for name in ("NSE_XX.csv", "secrets.txt", "..%2F..%2Fetc%2Fpasswd"):
        assert desk.send(requests.master(desk.endpoints, name)).status == 404


def test_real_masters_are_served_as_they_are(tmp_path: Path) -> None:
    old, new = b"old\n", b"new\n"
    (tmp_path / "NSE_CM_2021-09-23_14col.csv").write_bytes(old)
    (tmp_path / "NSE_CM_2026-07-01.csv.gz").write_bytes(gzip.compress(new))
    found = assemble(seed=1, universe="small", masters=[], history=None, clock="session")
    desk = Desk(found, masters=(str(tmp_path),))
    assert desk.send(requests.master(desk.endpoints, "NSE_CM.csv")).body == new
    assert b"NIFTY" in desk.send(requests.master(desk.endpoints, "NSE_FO.csv")).body


def dead(session: Session) -> Session:
    return msgspec.structs.replace(session, token="dead.token.x")


@pytest.mark.parametrize(
    ("ask", "code", "text"),
    [
        (requests.profile, -16, "Could not authenticate the user"),
        (requests.order_book, -16, "Could not authenticate the user"),
        (requests.logout, -16, "Token is Invalid or Expired"),
        (requests.market_status, -15, "Please provide valid token"),
    ],
)
def test_a_dead_token_is_answered_as_recorded(
    desk: Desk, ask: Callable[[Mapping[str, str], Session], Request], code: int, text: str
) -> None:
    reply = desk.send(ask(desk.endpoints, dead(desk.session)))
    assert reply.status == 401
    assert json.loads(reply.body) == {"code": code, "message": text, "s": "error"}


def test_data_calls_answer_a_dead_token_as_recorded(desk: Desk) -> None:
    session = dead(desk.session)
    quotes = desk.send(requests.quotes(desk.endpoints, session, ["NSE:SBIN-EQ"]))
    assert json.loads(quotes.body)["code"] == -15
    page = Span(0, DAY_NS)
    history = requests.history(desk.endpoints, session, "NSE:SBIN-EQ", Interval.M1, page)
    assert json.loads(desk.send(history).body)["code"] == -16


def test_logging_out_kills_the_token(desk: Desk) -> None:
    reply = desk.send(requests.logout(*desk.login))
    assert json.loads(reply.body)["message"] == "you are successfully logged out"
    with pytest.raises(LoginExpired):
        desk.orders()


@pytest.mark.parametrize(
    ("permissions", "may_read", "may_trade"),
    [("basic", False, False), ("info", True, False), ("orders", True, True)],
)
def test_the_permission_template_is_kept(
    exchange: Exchange, permissions: str, *, may_read: bool, may_trade: bool
) -> None:
    desk = Desk(exchange, permissions=permissions)
    reads = desk.send(requests.order_book(*desk.login))
    trades = desk.send(requests.cancel(*desk.login, "7"))
    quotes = desk.send(requests.quotes(*desk.login, ["NSE:SBIN-EQ"]))
    for reply, is_allowed in ((reads, may_read), (trades, may_trade), (quotes, True)):
        refusal = json.loads(reply.body).get("code") == -373
        assert refusal is not is_allowed
        assert (reply.status == 403) is not is_allowed


def test_the_eleventh_call_of_a_second_is_refused_with_its_wait(exchange: Exchange) -> None:
    desk = Desk(exchange, has_limits=True)
    replies_ = [desk.send(requests.profile(*desk.login)) for _ in range(11)]
    statuses = [reply.status for reply in replies_]
    assert 429 in statuses
    refused_reply = replies_[statuses.index(429)]
    headers = {name.lower(): text for name, text in refused_reply.headers.items()}
    with pytest.raises(RateLimited) as limited:
        replies.read_profile(msgspec.structs.replace(refused_reply, headers=headers))
    assert limited.value.retry_after_s is not None
    assert 0 < limited.value.retry_after_s <= 1


def test_several_orders_in_one_call(desk: Desk) -> None:
    one = json.loads(requests.place(*desk.login, desk.intent(), "NSE:SBIN-EQ").body)
    wrong = {**one, "qty": 0, "orderTag": "TAGTWO"}
    request = requests.place(*desk.login, desk.intent(), "NSE:SBIN-EQ")
    url = request.url.replace("/orders/sync", "/multi-order/sync")
    body = json.dumps([one, wrong]).encode()
    reply = json.loads(desk.send(msgspec.structs.replace(request, url=url, body=body)).body)
    assert reply["s"] == "ok"
    assert [each["statusCode"] for each in reply["data"]] == [200, 400]
    assert reply["data"][1]["body"]["code"] == -50
    failed = msgspec.structs.replace(request, url=url, body=json.dumps([wrong]).encode())
    assert json.loads(desk.send(failed).body)["code"] == 400


def test_an_order_may_be_queued_without_an_id(desk: Desk) -> None:
    request = requests.place(*desk.login, desk.intent(), "NSE:SBIN-EQ")
    queued = msgspec.structs.replace(request, url=request.url.replace("/sync", "/async"))
    reply = desk.send(queued)
    assert "id" not in json.loads(reply.body)
    with pytest.raises(OutcomeUnknown):
        rest.read_place_reply(reply)
    rows = json.loads(desk.send(requests.order_book(*desk.login)).body)["orderBook"]
    assert rows[0]["id_fyers"] == json.loads(reply.body)["id_fyers"]


def test_an_order_is_cancelled_by_its_path(desk: Desk) -> None:
    broker_id = desk.place()
    request = requests.cancel(*desk.login, broker_id)
    by_path = request.url.replace("/orders/sync", f"/orders/{broker_id}/sync")
    reply = desk.send(msgspec.structs.replace(request, url=by_path, body=b""))
    assert rest.read_cancel_reply(reply, broker_id).broker_id == broker_id


def test_every_place_has_the_name_that_faults_use(desk: Desk) -> None:
    intent, page = desk.intent(), Span(0, DAY_NS)
    change = OrderChange(quantity=1, kind=Kind.LIMIT, price_e4=1, trigger_e4=0)
    what = Conversion(
        symbol="NSE:SBIN-EQ",
        side=Side.BUY,
        quantity=1,
        from_product=Product.CNC,
        to_product=Product.CNC,
    )
    asked = {
        "place": requests.place(*desk.login, intent, "NSE:SBIN-EQ"),
        "modify": requests.modify(*desk.login, "7", change),
        "cancel": requests.cancel(*desk.login, "7"),
        "exit": requests.exit_positions(*desk.login, ExitAll()),
        "convert": requests.convert(*desk.login, what),
        "orderbook": requests.order_book(*desk.login),
        "tradebook": requests.trade_book(*desk.login),
        "positions": requests.positions(*desk.login),
        "holdings": requests.holdings(*desk.login),
        "funds": requests.funds(*desk.login),
        "quotes": requests.quotes(*desk.login, ["NSE:SBIN-EQ"]),
        "history": requests.history(*desk.login, "NSE:SBIN-EQ", Interval.M1, page),
        "depth": requests.depth(*desk.login, "NSE:SBIN-EQ"),
        "masters": requests.master(desk.endpoints, "NSE_CM.csv"),
        "login": Request(method="GET", url=desk.endpoints["login"]),
        "token": Request(method="POST", url=f"{desk.endpoints['rest']}/validate-authcode"),
        "feed": Request(method="GET", url=desk.endpoints["feed"]),
        "orderfeed": Request(method="GET", url=desk.endpoints["orders"]),
    }
    assert {name: desk.face.where(served(request)) for name, request in asked.items()} == {
        name: name for name in asked
    }
    assert asked.keys() == PLACES - {"any"}


def fault_reply(desk: Desk, what: str, where: str, value: FaultValue = None) -> Reply:
    reply = desk.face.fault_reply(what, where, value)
    assert reply is not None
    headers = {name.lower(): text for name, text in reply.headers.items()}
    return Reply(status=reply.status, headers=headers, body=reply.body)


def test_faults_speak_the_brokers_words(desk: Desk) -> None:
    with pytest.raises(RateLimited) as limited:
        rest.read_place_reply(fault_reply(desk, "rate_limited", "place", 2.5))
    assert limited.value.retry_after_s == 2.5
    with pytest.raises(LoginExpired):
        rest.read_place_reply(fault_reply(desk, "token_expired", "place"))
    with pytest.raises(LoginExpired):
        replies.read_quotes(fault_reply(desk, "token_expired", "quotes"), unlisted)
    with pytest.raises(OrderRefused, match="no such luck"):
        rest.read_place_reply(fault_reply(desk, "reject", "place", "no such luck"))
    assert desk.face.fault_reply("unheard_of", "place", None) is None


def test_quirks_are_taken_where_they_are_armed(desk: Desk) -> None:
    assert {"string_code", "missing_fields", "reject_without_id"} <= set(desk.face.quirks)
    desk.place()
    desk.faults.arm("fyers", "orderbook", "missing_fields", 1, None)
    thin = desk.send(requests.order_book(*desk.login))
    assert b"dqQtyRem" not in thin.body
    assert b"dqQtyRem" in desk.send(requests.order_book(*desk.login)).body
    desk.faults.arm("*", "quotes", "poison", 1, None)
    poisoned = desk.send(requests.quotes(*desk.login, ["NSE:SBIN-EQ"]))
    with pytest.raises(DecodeError):
        replies.read_quotes(poisoned, unlisted)


def test_what_is_not_served_is_not_found(desk: Desk) -> None:
    for path in ("/api/v3/nothing", "/", "/api/v2/orders"):
        assert desk.send(Request(method="GET", url=f"{HOST}{path}")).status == 404


def test_bodies_of_rubbish_are_refused_and_nothing_breaks(desk: Desk) -> None:
    """Whatever is sent, an envelope comes back and the exchange is as it was."""
    template = [
        requests.place(*desk.login, desk.intent(), "NSE:SBIN-EQ"),
        requests.modify(
            *desk.login, "7", OrderChange(quantity=1, kind=Kind.LIMIT, price_e4=1, trigger_e4=0)
        ),
        requests.cancel(*desk.login, "7"),
        requests.exit_positions(*desk.login, ExitAll()),
        requests.symbol_tokens(*desk.login, ["NSE:SBIN-EQ"]),
        Request(method="POST", url=f"{desk.endpoints['rest']}/validate-authcode"),
    ]
    rubbish = [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 5000, b'{"id":{}}', b'{"qty":1e999}']
    for request in template:
        for body in rubbish:
            reply = desk.send(msgspec.structs.replace(request, body=body))
            assert reply.status in (400, 401)
            assert json.loads(reply.body)["s"] == "error"
    assert desk.orders() == []
