"""What the server's side writes, the client's side reads back unchanged, and the reverse."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from brokers.fyers.codec import amounts, replies, requests, serving, texts
from brokers.fyers.codec.messages import ConvertBody, ExitBody, ModifyBody, OrderBody
from brokers.fyers.codec.rest import decode, read_cancel_reply, read_place_reply
from brokers.fyers.codec.serving import Listed, Profit
from brokers.model.account import Funds, Holding, Ledger, Position, Profile
from brokers.model.login import Reply
from brokers.model.market import Candle, Depth, Interval, Level, Quote
from brokers.model.order import (
    Fill,
    Kind,
    OrderAck,
    OrderChange,
    OrderIntent,
    OrderState,
    OrderUpdate,
    Product,
    Side,
    Validity,
)
from tests.brokers.fyers.listing import (
    CRUDE,
    ENDPOINTS,
    EURINR,
    NIFTY_CALL,
    SBIN,
    SESSION,
    by_symbol,
    unlisted,
)

E4 = st.integers(0, 10**10)
PAISE = st.integers(-(10**12), 10**12)
COUNT = st.integers(0, 10**9)
SECONDS = st.integers(1, 4 * 10**9).map(lambda s: s * 10**9)
DAYS = st.integers(1, 30_000).map(lambda d: (d * 86_400 - 19_800) * 10**9)
TAGS = st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=16)
IDS = st.integers(10**10, 10**15).map(str)
LISTED = st.sampled_from((SBIN, NIFTY_CALL, CRUDE, EURINR))
BY_ID = {each.id: each for each in (SBIN, NIFTY_CALL, CRUDE, EURINR)}


def reply(body: bytes) -> Reply:
    return Reply(status=200, body=body)


@st.composite
def orders(draw: st.DrawFn) -> OrderUpdate:
    kind = draw(st.sampled_from(Kind))
    quantity = draw(st.integers(1, 10**6))
    state = draw(st.sampled_from([each for each in OrderState if each is not OrderState.UNMAPPED]))
    filled = draw(st.integers(1, quantity)) if state is OrderState.PARTIAL else 0
    if state is OrderState.OPEN and kind.has_trigger:
        state = OrderState.TRIGGER_PENDING
    if state is OrderState.TRIGGER_PENDING and not kind.has_trigger:
        state = OrderState.OPEN
    return OrderUpdate(
        broker_id=draw(IDS),
        tag=draw(st.one_of(st.just(""), TAGS)),
        instrument=draw(LISTED).id,
        side=draw(st.sampled_from(Side)),
        quantity=quantity,
        filled_qty=quantity if state is OrderState.FILLED else filled,
        kind=kind,
        price_e4=draw(E4),
        trigger_e4=draw(E4),
        average_e4=draw(E4),
        product=draw(st.sampled_from(Product)),
        validity=draw(st.sampled_from(Validity)),
        state=state,
        exchange_id=draw(st.one_of(st.just(""), IDS)),
        text=draw(st.sampled_from(["", "RED:Margin Shortfall:INR 3.52"])),
        placed_ns=draw(st.one_of(st.none(), SECONDS)),
        disclosed_qty=draw(st.integers(0, quantity)),
        is_after_market=draw(st.booleans()),
        source=draw(st.sampled_from(["", "API", "W"])),
    )


@given(st.lists(orders(), max_size=4), st.booleans())
def test_orders(book: list[OrderUpdate], is_listed: bool) -> None:  # noqa: FBT001 - drawn
    rows = [
        serving.order_row(order, Listed(instrument=BY_ID[order.instrument], client_id="XP00001"), n)
        for n, order in enumerate(book, 1)
    ]
    body = serving.ok({"orderBook": rows})
    assert replies.read_orders(reply(body), by_symbol if is_listed else unlisted) == book


@given(
    st.lists(
        st.builds(
            Fill,
            trade_id=st.just("7-1"),
            broker_id=st.just("7"),
            tag=st.one_of(st.just(""), TAGS),
            instrument=LISTED.map(lambda each: each.id),
            side=st.sampled_from(Side),
            quantity=COUNT,
            price_e4=E4,
            product=st.sampled_from(Product),
            at_ns=SECONDS,
        ),
        max_size=4,
    ),
    orders(),
)
def test_fills(fills: list[Fill], order: OrderUpdate) -> None:
    rows = [
        serving.trade_row(fill, order, Listed(instrument=BY_ID[fill.instrument])) for fill in fills
    ]
    assert replies.read_trades(reply(serving.ok({"tradeBook": rows})), unlisted) == fills


@st.composite
def positions(draw: st.DrawFn) -> Position:
    listed = draw(LISTED)
    buy_qty, sell_qty = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    return Position(
        instrument=listed.id,
        product=draw(st.sampled_from(Product)),
        net_qty=buy_qty - sell_qty,
        buy_qty=buy_qty,
        buy_value_e4=buy_qty * draw(st.integers(1, 10**8)),
        sell_qty=sell_qty,
        sell_value_e4=sell_qty * draw(st.integers(1, 10**8)),
        carried_qty=draw(st.integers(-(10**6), 10**6)),
        ltp_e4=draw(st.one_of(st.none(), st.integers(1, 10**10))),
        multiplier=listed.multiplier,
    )


@given(st.lists(positions(), max_size=4))
def test_positions(book: list[Position]) -> None:
    rows = [
        serving.position_row(each, Listed(instrument=BY_ID[each.instrument]), Profit())
        for each in book
    ]
    body = serving.ok(
        {"netPositions": rows, "overall": serving.positions_overall(book, [Profit()])}
    )
    assert replies.read_positions(reply(body), unlisted) == book


@given(
    st.lists(
        st.builds(
            Holding,
            instrument=st.just(SBIN.id),
            isin=st.just(SBIN.isin),
            quantity=COUNT,
            free_qty=COUNT,
            t1_qty=COUNT,
            collateral_qty=COUNT,
            cost_e4=E4,
            ltp_e4=st.one_of(st.none(), st.integers(1, 10**10)),
        ),
        max_size=3,
    )
)
def test_holdings(held: list[Holding]) -> None:
    rows = [serving.holding_row(each, Listed(instrument=SBIN), 1) for each in held]
    body = serving.ok({"holdings": rows, "overall": serving.holdings_overall(held)})
    assert replies.read_holdings(reply(body), by_symbol) == held


LEDGERS = st.builds(
    Ledger,
    available_paise=PAISE,
    used_paise=PAISE,
    total_paise=PAISE,
    opening_paise=PAISE,
    clear_paise=PAISE,
    realised_paise=PAISE,
    collateral_paise=PAISE,
    transfer_paise=PAISE,
    receivable_paise=PAISE,
    adhoc_paise=PAISE,
)


@given(st.builds(Funds, equity=LEDGERS, commodity=LEDGERS))
def test_funds(funds: Funds) -> None:
    body = serving.ok({"fund_limit": serving.fund_rows(funds)})
    assert replies.read_funds(reply(body)) == funds


@given(st.text("ABCXYZ0123456789", min_size=1, max_size=10), st.sampled_from(["A", "A B"]))
def test_profiles(account: str, name: str) -> None:
    profile = Profile(account=account, name=name)
    body = serving.ok({"data": serving.profile_data(profile)})
    assert replies.read_profile(reply(body)) == profile


POSITIVE = st.one_of(st.none(), st.integers(1, 10**10))


@given(st.lists(POSITIVE, min_size=8, max_size=8), COUNT)
def test_quotes(prices: list[int | None], volume: int) -> None:
    quote = Quote(
        SBIN.id,
        ltp_e4=prices[0],
        volume=volume,
        bid_e4=prices[1],
        ask_e4=prices[2],
        average_e4=prices[3],
        low_e4=prices[4],
        high_e4=prices[5],
        open_e4=prices[6],
        previous_close_e4=prices[7],
    )
    body = serving.ok({"d": [serving.quote_row(quote, SBIN)]})
    assert replies.read_quotes(reply(body), unlisted) == [quote]


LEVELS = st.lists(
    st.builds(Level, st.integers(1, 10**9), st.integers(1, 10**6), st.integers(0, 99)), max_size=5
).map(tuple)


@given(LEVELS, LEVELS, st.integers(1, 10**10), COUNT)
def test_depth(bids: tuple[Level, ...], asks: tuple[Level, ...], ltp_e4: int, oi: int) -> None:
    quote = Quote(SBIN.id, ltp_e4=ltp_e4, volume=7, traded_ns=9 * 10**9, open_interest=oi)
    depth = Depth(SBIN.id, bids, asks)
    members = serving.depth_members(quote, depth, SBIN)
    body = serving.ok({"d": {SBIN.symbol: members}}, text="Success")
    read_quote, read_depth = replies.read_depth(reply(body), SBIN.symbol, SBIN.id)
    assert read_depth == depth
    assert (read_quote.ltp_e4, read_quote.open_interest) == (ltp_e4, oi)
    assert read_quote.traded_ns == quote.traded_ns


@given(
    st.lists(
        st.builds(
            Candle,
            DAYS,
            E4,
            E4,
            E4,
            E4,
            st.integers(0, 10**12),
            st.one_of(st.none(), st.integers(0, 10**12)),
        ),
        max_size=6,
        unique_by=lambda candle: candle.opened_ns,
    ),
    st.sampled_from([Interval.D1, Interval.W1, Interval.M5]),
)
def test_candles(candles: list[Candle], every: Interval) -> None:
    rows = [
        serving.candle_row(each, is_intraday=every.is_intraday, with_interest=True)
        for each in candles
    ]
    body = serving.encode({"s": "ok", "candles": rows})
    assert replies.read_candles(reply(body), every) == sorted(
        candles, key=lambda candle: candle.opened_ns
    )


@given(
    kind=st.sampled_from(Kind),
    side=st.sampled_from(Side),
    quantity=st.integers(1, 10**6),
    price_e4=st.integers(1, 10**10),
    trigger_e4=st.integers(1, 10**10),
    product=st.sampled_from([Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF]),
    tag=TAGS,
)
def test_an_order_arrives_as_it_was_meant(  # noqa: PLR0917 - drawn by name
    kind: Kind,
    side: Side,
    quantity: int,
    price_e4: int,
    trigger_e4: int,
    product: Product,
    tag: str,
) -> None:
    intent = OrderIntent(
        tag=tag,
        instrument=SBIN.id,
        side=side,
        quantity=quantity,
        kind=kind,
        price_e4=price_e4 if kind.has_price else 0,
        trigger_e4=trigger_e4 if kind.has_trigger else 0,
        product=product,
        validity=Validity.DAY,
    )
    body = decode(requests.place(ENDPOINTS, SESSION, intent, SBIN.symbol).body, OrderBody, "place")
    assert amounts.price_e4(body.limit_price, "limitPrice") == intent.price_e4
    assert amounts.price_e4(body.stop_price, "stopPrice") == intent.trigger_e4
    assert (body.qty, body.side, body.product) == (quantity, side.sign, product.value)
    assert (body.tag, body.symbol, body.is_offline) == (tag, SBIN.symbol, False)

    change = OrderChange(
        quantity=quantity, kind=kind, price_e4=intent.price_e4, trigger_e4=intent.trigger_e4
    )
    changed = decode(requests.modify(ENDPOINTS, SESSION, "7", change).body, ModifyBody, "modify")
    assert amounts.price_e4(changed.limit_price, "limitPrice") == intent.price_e4
    assert amounts.price_e4(changed.stop_price, "stopPrice") == intent.trigger_e4


def test_other_bodies_arrive() -> None:
    exit_request = requests.exit_positions(ENDPOINTS, SESSION, requests.ExitAll())
    assert decode(exit_request.body, ExitBody, "exit") == ExitBody(exit_all=1)
    conversion = requests.Conversion(
        symbol=SBIN.symbol,
        side=Side.SELL,
        quantity=3,
        from_product=Product.INTRADAY,
        to_product=Product.CNC,
        is_carried=True,
    )
    body = decode(requests.convert(ENDPOINTS, SESSION, conversion).body, ConvertBody, "convert")
    assert (body.symbol, body.position_side, body.qty) == ("NSE:SBIN-EQ-INTRADAY", -1, 3)
    assert body.overnight == 1


def test_acknowledgements_arrive() -> None:
    placed = reply(serving.ok({"id": "7"}, code=1101, text="Successfully placed order"))
    assert read_place_reply(placed) == OrderAck(broker_id="7", text="Successfully placed order")
    cancelled = reply(serving.ok({"id": "7"}, code=1103, text="Successfully cancelled order"))
    assert read_cancel_reply(cancelled, "7").broker_id == "7"


@given(st.integers(-(10**13), 10**13))
def test_a_price_survives_its_text(price_e4: int) -> None:
    written = amounts.rupees(price_e4)
    assert amounts.price_e4(Decimal(str(written)), "x") == price_e4
    assert msgspec.json.decode(serving.encode(written), type=Decimal) == written
    # The same through a float, as most servers and clients do it.
    assert amounts.price_e4(Decimal(repr(float(written))), "x") == price_e4


@given(SECONDS)
def test_a_time_survives_its_text(at_ns: int) -> None:
    assert texts.time_ns(texts.order_time(at_ns), "x") == at_ns
    assert texts.time_ns(texts.fill_time(at_ns), "x") == at_ns
