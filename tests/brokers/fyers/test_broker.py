"""An open account against a service on loopback: streams that come back, requests sent once."""

import json
from decimal import Decimal

import msgspec
import pytest

from brokers import port
from brokers.errors import (
    DecodeError,
    LoginExpired,
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    Refused,
)
from brokers.fyers import PLUGIN, master_files
from brokers.fyers.codec.topics import topics_of
from brokers.fyers.master_files import read
from brokers.model.instrument import InstrumentId, Segment
from brokers.model.login import Credentials, OpenBrowser, Session
from brokers.model.market import Candle, Depth, Detail, Interval, Quote, Span
from brokers.model.order import Kind, OrderChange, OrderIntent, OrderRef, Product, Side, Validity
from brokers.net import stream as stream_module
from brokers.net.server import ServerReply
from brokers.port import Account, Link, LinkState
from tests.brokers.fyers.listing import CRUDE, NIFTY, SBIN
from tests.brokers.fyers.small_service import APP_ID, Desk, Service, opened, token
from tests.rig.shared import shared

NS = 1_000_000_000
STRANGER = InstrumentId("NSE:CM:999")
NAMES = "/sym_details/index_hsm_mapping.json"
REF = OrderRef(broker_id="26112000000001", instrument=SBIN.id)
INTENT = OrderIntent(
    tag="T0ABCDEFGH1234XY",
    instrument=SBIN.id,
    side=Side.BUY,
    quantity=10,
    kind=Kind.LIMIT,
    price_e4=8254000,
    trigger_e4=0,
    product=Product.CNC,
    validity=Validity.DAY,
)
ORDER_ROW = {
    "id": "26112000000001",
    "symbol": "NSE:SBIN-EQ",
    "fyToken": "10100000003045",
    "side": 1,
    "qty": 10,
    "type": 1,
    "status": 6,
    "productType": "CNC",
    "orderTag": "1:T0ABCDEFGH1234XY",
    "limitPrice": 825.4,
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lost connection come back at once."""
    monkeypatch.setattr(stream_module, "_FIRST_DELAY_S", 0.001)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def desk() -> Desk:
    return Desk()


# The plugin.


def test_the_plugin_says_what_the_broker_can() -> None:
    can = PLUGIN.capabilities
    assert (PLUGIN.name, PLUGIN.title, PLUGIN.is_practice_default) == ("fyers", "FYERS", True)
    assert can.products["CM"] == (Product.INTRADAY, Product.CNC)
    assert {can.products[each.value] for each in (Segment.FO, Segment.CD, Segment.COM)} == {
        (Product.INTRADAY, Product.MARGIN)
    }
    assert can.kinds == frozenset(Kind)
    assert (can.depth_levels, can.max_followed, can.orders_per_second) == (5, 2500, 8)
    assert can.carries_tag
    assert can.streams_orders
    secret = [field.id for field in PLUGIN.fields if field.is_secret]
    assert [field.id for field in PLUGIN.fields] == ["app_id", "secret", "redirect_uri"]
    assert secret == ["secret"]
    assert isinstance(PLUGIN, port.Plugin)


def test_the_plugin_s_login_begins_in_the_browser() -> None:
    values = {"app_id": APP_ID, "secret": "s", "redirect_uri": "http://127.0.0.1:8765/callback"}
    flow = PLUGIN.login(Credentials(values=values, endpoints=PLUGIN.endpoints), "state")
    step = next(flow)
    assert isinstance(step, OpenBrowser)
    assert step.url.startswith("https://api-t1.fyers.in/api/v3/generate-authcode?")


async def test_the_plugin_opens_an_account(service: Service, desk: Desk) -> None:
    async with opened(service, desk):
        session = Session(broker="fyers", account="X", token=token(), values={"app_id": APP_ID})
        account = Account(
            session=session,
            endpoints=service.endpoints(),
            directory=service.market,
            sinks=desk.sinks(),
        )
        broker = await PLUGIN.open(account)
        assert broker.capabilities is PLUGIN.capabilities
        assert broker.server_offset_ns() is None
        await broker.close()
        bad = msgspec.structs.replace(session, token="not.a.token")
        with pytest.raises(DecodeError):
            await PLUGIN.open(msgspec.structs.replace(account, session=bad))


# Market data.


async def test_what_is_followed_arrives_with_quote_and_depth(service: Service, desk: Desk) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await broker.follow({SBIN.id: Detail.DEPTH, NIFTY.id: Detail.DEPTH})
        await desk.until(lambda: len(desk.newest()) == 3)
        assert desk.newest() == {
            (Quote, SBIN.id): service.market.quotes[SBIN.id],
            (Depth, SBIN.id): service.market.books[SBIN.id],
            (Quote, NIFTY.id): service.market.quotes[NIFTY.id],
        }
        (handshake,) = service.asked("/hsm")
        assert "authorization" not in handshake.headers


async def test_prices_go_on_and_end_with_the_following(service: Service, desk: Desk) -> None:
    def is_alone() -> bool:
        """Let the market move once more, and see who is still told."""
        service.market.trade(SBIN.id)
        service.market.trade(NIFTY.id)
        push(service)
        return set(service.feed.followed()) == {NIFTY.id}

    async with opened(service, desk) as broker:
        await broker.start()
        await broker.follow({SBIN.id: Detail.QUOTE, NIFTY.id: Detail.QUOTE})
        await desk.until(lambda: len(desk.newest()) == 2)
        await broker.follow({NIFTY.id: Detail.QUOTE})
        await desk.until(is_alone)
        await desk.until(lambda: desk.newest()[Quote, NIFTY.id] == service.market.quotes[NIFTY.id])


def push(service: Service) -> None:
    """Let the market tell what changed."""
    service.feed.market_moved(tuple(service.market.instruments))


async def test_many_frames_at_once_are_one_batch(service: Service, desk: Desk) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await broker.follow({SBIN.id: Detail.QUOTE})
        await desk.until(lambda: bool(desk.batches))
        desk.batches.clear()
        for _ in range(50):
            service.market.trade(SBIN.id)
            push(service)
        await desk.until(
            lambda: (
                bool(desk.batches)
                and desk.newest()[Quote, SBIN.id] == service.market.quotes[SBIN.id]
            )
        )
        assert sum(map(len, desk.batches)) == 50
        assert len(desk.batches) < 5


async def test_a_lost_feed_comes_back_with_other_topic_ids_and_everything_followed(
    service: Service, desk: Desk
) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        wanted = {SBIN.id: Detail.DEPTH, NIFTY.id: Detail.QUOTE, CRUDE.id: Detail.QUOTE}
        await broker.follow(wanted)
        await desk.until(lambda: len(desk.newest()) == 4)
        desk.batches.clear()
        service.sockets["/hsm"].abort()
        down = await desk.link(Link.FEED, LinkState.DOWN)
        assert down.reason
        await desk.link(Link.FEED, LinkState.LIVE, times=2)
        await desk.until(lambda: len(desk.newest()) == 4)
        for each in wanted:
            assert desk.newest()[Quote, each] == service.market.quotes[each]


async def test_unreadable_market_data_makes_a_new_connection(service: Service, desk: Desk) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await broker.follow({SBIN.id: Detail.QUOTE})
        await desk.until(lambda: len(desk.newest()) == 1)
        desk.batches.clear()
        service.sockets["/hsm"].send(bytes.fromhex("00 09 06 00 00 00 01 00 01 58 00 01"))
        down = await desk.link(Link.FEED, LinkState.DOWN)
        assert down.reason.startswith("market data could not be read: offset 9")
        await desk.until(lambda: len(desk.newest()) == 1)


async def test_a_dead_key_stops_the_feed(service: Service, desk: Desk) -> None:
    session = Session(
        broker="fyers",
        account="XP00001",
        token=token(hsm_key="nobody's"),
        values={"app_id": APP_ID},
    )
    async with opened(service, desk, session) as broker:
        await broker.start()
        stopped = await desk.link(Link.FEED, LinkState.STOPPED)
        assert stopped.reason == "Authentication failed"
        assert desk.events(Link.FEED, LinkState.LIVE) == []


async def test_an_ended_login_is_not_even_tried(service: Service, desk: Desk) -> None:
    session = Session(
        broker="fyers",
        account="XP00001",
        token=token(),
        values={"app_id": APP_ID},
        expires_ns=1,
    )
    async with opened(service, desk, session) as broker:
        await broker.start()
        for link in Link:
            assert "log in again" in (await desk.link(link, LinkState.STOPPED)).reason
        assert service.asked("/hsm") == service.asked("/trade/v3") == []


async def test_a_stranger_is_told_once_and_the_rest_is_followed(
    service: Service, desk: Desk
) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await broker.follow({STRANGER: Detail.QUOTE, SBIN.id: Detail.QUOTE})
        await broker.follow({STRANGER: Detail.QUOTE, SBIN.id: Detail.DEPTH})
        await desk.until(lambda: len(desk.newest()) == 2)
        assert desk.notices == ["NSE:CM:999 is in no contract master"]


async def test_too_much_to_follow_is_refused_and_changes_nothing(
    service: Service, desk: Desk
) -> None:
    for number in range(5001):
        id_ = InstrumentId(f"NSE:CM:{10_000 + number}")
        service.market.instruments[id_] = msgspec.structs.replace(
            SBIN, id=id_, token=str(10_000 + number)
        )
    async with opened(service, desk) as broker:
        with pytest.raises(NotSent, match="5000 topics, 5006"):
            await broker.follow(dict.fromkeys(service.market.instruments, Detail.QUOTE))
        await broker.start()
        await broker.follow({SBIN.id: Detail.QUOTE})
        await desk.until(lambda: len(desk.newest()) == 1)


async def test_the_broker_s_index_names_replace_the_bundled_ones(
    service: Service, desk: Desk
) -> None:
    service.answer("GET", NAMES, {"NSE:NIFTY50-INDEX": "Nifty Fifty"})
    names = {"NSE:NIFTY50-INDEX": "Nifty Fifty"}
    async with opened(service, desk) as broker:
        await broker.follow({NIFTY.id: Detail.QUOTE})
        await broker.start()
        service.feed._indices = {topics_of(NIFTY, Detail.QUOTE, names)[0]: NIFTY}
        await desk.until(lambda: len(desk.newest()) == 1)
        assert desk.newest()[Quote, NIFTY.id] == service.market.quotes[NIFTY.id]


async def test_a_feed_that_missed_a_move_is_made_anew(service: Service, desk: Desk) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await broker.follow({SBIN.id: Detail.QUOTE})
        await desk.until(lambda: len(desk.newest()) == 1)
        row = {"n": "NSE:SBIN-EQ", "s": "ok", "v": {"lp": 800.1, "volume": 1000}}
        moved = {**row, "v": {"lp": 800.2, "volume": 1005}}
        service.answer("GET", "/data/quotes", {"s": "ok", "d": [row]}, {"s": "ok", "d": [moved]})
        # The market stands still: nothing happens.
        await broker._compare_quotes()
        assert desk.events(Link.FEED, LinkState.DOWN) == []
        broker._doubt_silence()
        down = await desk.link(Link.FEED, LinkState.DOWN)
        assert down.reason == "the market moved and the feed did not say so"
        await desk.link(Link.FEED, LinkState.LIVE, times=2)


async def test_a_doubt_that_cannot_be_settled_changes_nothing(service: Service, desk: Desk) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await broker.follow({SBIN.id: Detail.QUOTE})
        await desk.until(lambda: len(desk.newest()) == 1)
        service.answer("GET", "/data/quotes", {"s": "error", "code": -15, "message": "no"})
        await broker._compare_quotes()
        assert desk.events(Link.FEED, LinkState.DOWN) == []


# The order stream.


async def test_the_order_stream_proves_itself_by_header_and_hands_on_what_comes(
    service: Service, desk: Desk
) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await desk.link(Link.ORDERS, LinkState.LIVE)
        (handshake,) = service.asked("/trade/v3")
        assert handshake.headers["authorization"] == f"{APP_ID}:{token()}"
        frame = shared("data/fyers/order_socket_frame_2023-12-18.json").read_text()
        service.sockets["/trade/v3"].send(frame)
        await desk.until(lambda: bool(desk.orders))
        assert desk.orders[0].broker_id == "23121800292158"


async def test_a_lost_order_stream_is_live_again_so_that_the_desk_reconciles(
    service: Service, desk: Desk
) -> None:
    async with opened(service, desk) as broker:
        await broker.start()
        await desk.link(Link.ORDERS, LinkState.LIVE)
        service.sockets["/trade/v3"].abort()
        await desk.link(Link.ORDERS, LinkState.LIVE, times=2)
        states = [each.state for each in desk.links if each.link is Link.ORDERS]
        assert states == [
            LinkState.CONNECTING,
            LinkState.LIVE,
            LinkState.DOWN,
            LinkState.CONNECTING,
            LinkState.LIVE,
        ]


async def test_a_refused_login_stops_the_order_stream(service: Service, desk: Desk) -> None:
    service.refuses_orders = True
    async with opened(service, desk) as broker:
        await broker.start()
        stopped = await desk.link(Link.ORDERS, LinkState.STOPPED)
        assert "refuses" in stopped.reason


# Orders.


async def test_an_order_is_sent_once_with_every_field(service: Service, desk: Desk) -> None:
    service.answer(
        "POST", "/api/v3/orders/sync", {"s": "ok", "code": 1101, "message": "in", "id": "26"}
    )
    async with opened(service, desk) as broker:
        ack = await broker.place(INTENT)
        assert ack.broker_id == "26"
        (request,) = service.asked("/api/v3/orders/sync")
        assert request.headers["authorization"] == f"{APP_ID}:{token()}"
        body = json.loads(request.body, parse_float=Decimal)
        assert body["symbol"] == "NSE:SBIN-EQ"
        assert body["orderTag"] == INTENT.tag
        assert (body["qty"], body["limitPrice"]) == (10, Decimal("825.4"))
        assert broker.server_offset_ns() is None or isinstance(broker.server_offset_ns(), int)


async def test_an_order_in_an_unlisted_instrument_never_leaves(
    service: Service, desk: Desk
) -> None:
    async with opened(service, desk) as broker:
        with pytest.raises(NotSent, match="in no contract master"):
            await broker.place(msgspec.structs.replace(INTENT, instrument=STRANGER))
        assert service.requests == []


async def test_a_refusal_and_a_lost_reply_have_their_own_fates(
    service: Service, desk: Desk
) -> None:
    path = "/api/v3/orders/sync"
    async with opened(service, desk) as broker:
        refusal = {"s": "error", "code": -99, "message": "RED:margin for C-XP00001", "id": "7"}
        service.answer("POST", path, refusal)
        with pytest.raises(OrderRefused) as refused:
            await broker.place(INTENT)
        assert refused.value.broker_id == "7"
        assert "XP00001" not in str(refused.value)
        service.answers["POST", path].clear()
        service.answers["POST", path].append(ServerReply(cut_at=0))
        with pytest.raises(OutcomeUnknown):
            await broker.place(INTENT)
        service.answer("POST", path, ServerReply(body=b"<html>"))
        with pytest.raises(OutcomeUnknown):
            await broker.place(INTENT)
        assert len(service.asked(path)) == 3


async def test_a_change_a_cancellation_and_a_conversion(service: Service, desk: Desk) -> None:
    path = "/api/v3/orders/sync"
    service.answer("PATCH", path, {"s": "ok", "code": 1102, "message": "m", "id": REF.broker_id})
    service.answer("DELETE", path, {"s": "ok", "code": 1103, "message": "c", "id": REF.broker_id})
    service.answer("POST", "/api/v3/positions", {"s": "ok", "code": 200, "message": "converted"})
    async with opened(service, desk) as broker:
        to = OrderChange(quantity=12, kind=Kind.LIMIT, price_e4=8250000, trigger_e4=0)
        assert (await broker.change(REF, to)).broker_id == REF.broker_id
        assert (await broker.cancel(REF)).text == "c"
        words = await broker.convert(
            SBIN.id,
            Side.BUY,
            10,
            from_product=Product.INTRADAY,
            to_product=Product.CNC,
        )
        assert words == "converted"
        methods = [request.method for request in service.requests]
        assert methods == ["PATCH", "DELETE", "POST"]


async def test_the_order_book_and_one_tag_of_it(service: Service, desk: Desk) -> None:
    other = {**ORDER_ROW, "id": "2", "orderTag": "2:Untagged"}
    service.answer("GET", "/api/v3/orders", {"s": "ok", "orderBook": [ORDER_ROW, other]})
    async with opened(service, desk) as broker:
        assert [order.broker_id for order in await broker.orders()] == [REF.broker_id, "2"]
        # A server that overlooks the query answers with everything.
        tagged = await broker.orders_tagged(INTENT.tag)
        assert [order.broker_id for order in tagged] == [REF.broker_id]
        assert service.requests[-1].query == {"order_tag": f"1:{INTENT.tag}"}


async def test_an_empty_book_behind_a_dead_login_is_not_an_empty_book(
    service: Service, desk: Desk
) -> None:
    body = {"s": "error", "code": -16, "message": "Could not authenticate the user"}
    service.answer("GET", "/api/v3/orders", body, status=401)
    async with opened(service, desk) as broker:
        with pytest.raises(LoginExpired):
            await broker.orders()


# The account and prices over REST.


async def test_the_account_is_read(service: Service, desk: Desk) -> None:
    profile = {"s": "ok", "data": {"fy_id": "XP00001", "name": "A TRADER"}}
    funds = [{"id": n, "equityAmount": n, "commodityAmount": 0} for n in (1, 2, 10)]
    service.answer("GET", "/api/v3/profile", profile)
    service.answer("GET", "/api/v3/funds", {"s": "ok", "fund_limit": funds})
    service.answer("GET", "/api/v3/holdings", {"s": "ok", "holdings": []})
    service.answer("GET", "/api/v3/positions", {"s": "ok", "netPositions": []})
    service.answer("GET", "/api/v3/tradebook", {"s": "ok", "tradeBook": []})
    service.answer("GET", "/data/marketStatus", {"s": "ok", "marketStatus": []})
    async with opened(service, desk) as broker:
        assert (await broker.profile()).account == "XP00001"
        assert (await broker.funds()).equity.available_paise == 1000
        assert list(await broker.holdings()) == []
        assert list(await broker.positions()) == []
        assert list(await broker.fills()) == []
        assert list(await broker.market_status()) == []


async def test_pages_of_candles_are_joined_without_doubles(service: Service, desk: Desk) -> None:
    def rows(*stamps: int) -> dict[str, object]:
        return {"s": "ok", "candles": [[stamp, 1, 2, 0.5, 1.5, 10] for stamp in stamps]}

    start_s = 1_780_000_200
    service.answer(
        "GET", "/data/history", rows(start_s, start_s + 60), rows(start_s + 60, start_s + 120)
    )
    async with opened(service, desk) as broker:
        span = Span(start_s * NS, (start_s + 150 * 86_400) * NS)
        bars = await broker.candles(SBIN.id, Interval.M1, span)
        assert [bar.opened_ns // NS - start_s for bar in bars] == [0, 60, 120]
        assert bars[0] == Candle(start_s * NS, 10_000, 20_000, 5_000, 15_000, 10)
        assert len(service.asked("/data/history")) == 2


async def test_quotes_go_out_in_pages_of_fifty(service: Service, desk: Desk) -> None:
    for number in range(60):
        id_ = InstrumentId(f"NSE:CM:{10_000 + number}")
        service.market.instruments[id_] = msgspec.structs.replace(
            SBIN, id=id_, symbol=f"NSE:S{number}-EQ"
        )
    service.answer("GET", "/data/quotes", {"s": "ok", "d": []})
    async with opened(service, desk) as broker:
        await broker.quotes(list(service.market.instruments))
        sizes = [len(r.query["symbols"].split(",")) for r in service.asked("/data/quotes")]
        assert sizes == [50, 15]


async def test_a_snapshot_is_quote_and_depth(service: Service, desk: Desk) -> None:
    level = {"price": 825.4, "volume": 5, "ord": 1}
    book = {"bids": [level], "ask": [], "ltp": 825.4}
    service.answer("GET", "/data/depth", {"s": "ok", "d": {"NSE:SBIN-EQ": book}})
    async with opened(service, desk) as broker:
        quote, depth = await broker.snapshot(SBIN.id)
        assert (quote.ltp_e4, depth.bids[0].price_e4) == (8254000, 8254000)
        with pytest.raises(NotSent):
            await broker.snapshot(STRANGER)


# Masters.


def csv_row(token_: str, symbol: str) -> str:
    return (
        f"1120260921{token_},{symbol},30,1,1.0,,0900-2330|1815-1915:,2026-09-10,1789842600,"
        f"MCX:{symbol},11,20,{token_},CRUDEOIL,294,-1.0,XX,1120000000294,None,0,0.0\n"
    )


DETAILS = {
    "MCX:CRUDEOIL26SEPFUT": {
        "fyToken": "1120260921565899",
        "symTicker": "MCX:CRUDEOIL26SEPFUT",
        "symDetails": "CRUDEOIL",
        "exchange": 11,
        "segment": 20,
        "exToken": 565899,
        "exInstType": 30,
        "minLotSize": 1,
        "tickSize": 1.0,
        "expiryDate": "1789842600",
        "underSym": "CRUDEOIL",
        "underFyTok": "1120000000294",
        "qtyMultiplier": 100.0,
        "tradingSession": "0900-2330|1815-1915:",
    }
}


async def test_masters_carry_the_contract_sizes_where_they_matter(
    service: Service, desk: Desk
) -> None:
    rows = csv_row("565899", "CRUDEOIL26SEPFUT").encode()
    service.answer("GET", "/sym_details/MCX_COM.csv", ServerReply(body=rows))
    service.answer("GET", "/sym_details/MCX_COM_sym_master.json", DETAILS)
    async with opened(service, desk) as broker:
        (file,) = await broker.masters()
        assert file.name == "MCX_COM"
        (crude,) = PLUGIN.read_master(file).instruments
        assert (crude.id, crude.multiplier) == (CRUDE.id, 100)
        missing = [each for each in desk.notices if each.startswith("contract master")]
        assert len(missing) == len(master_files.names()) - 1
        service.answer("GET", "/sym_details/MCX_COM_sym_master.json", {}, status=500)
        (file,) = await broker.masters()
        (crude,) = read(file).instruments
        assert crude.multiplier is None
        assert "contract sizes of MCX_COM: the server answered 500" in desk.notices


async def test_no_master_at_all_is_an_error(service: Service, desk: Desk) -> None:
    async with opened(service, desk) as broker:
        with pytest.raises(Refused, match="no contract master"):
            await broker.masters()
        assert "contract master NSE_CM: the server answered 404" in desk.notices


def test_a_plain_master_reads_as_ever() -> None:
    body = shared("data/fyers/NSE_FO_2026_rows.csv").read_bytes()
    part = PLUGIN.read_master(port.MasterFile(name="NSE_FO", body=body))
    assert len(part.instruments) == 12
