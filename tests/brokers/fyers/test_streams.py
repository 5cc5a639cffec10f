"""What is said on the two sockets, and what silence means; time is a number the test sets."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from brokers.errors import DecodeError, LoginExpired
from brokers.fyers import streams
from brokers.fyers.codec.feed import Feed
from brokers.fyers.codec.feed_frames import Ack, Ask, Topics, decode_request, encode_message
from brokers.fyers.codec.orders import acknowledgement, subscription
from brokers.fyers.streams import FeedSession, OrderSession
from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Quote
from brokers.model.order import Fill, OrderUpdate
from brokers.net.stream import DropConnection, Message
from brokers.port import Link, LinkEvent, LinkState, Sinks
from tests.brokers.fyers import hsm_examples as example
from tests.rig.shared import shared

SBIN = InstrumentId("NSE:CM:3045")
WANTED = {SBIN: ("sf|nse_cm|3045",)}
LIVE_FEED = LinkEvent(link=Link.FEED, state=LinkState.LIVE)


class Desk:
    """Everything a session hands on, and the clock it looks at."""

    def __init__(self) -> None:
        self.batches: list[list[Quote | Depth]] = []
        self.orders: list[OrderUpdate] = []
        self.fills: list[Fill] = []
        self.links: list[LinkEvent] = []
        self.notices: list[str] = []
        self.doubts = 0
        self.posted: list[Message] = []
        self.was_posted = asyncio.Event()
        self.now_s = 1000.0

    def sinks(self) -> Sinks:
        return Sinks(
            market=lambda items: self.batches.append(list(items)),
            orders=self.orders.append,
            fills=self.fills.append,
            links=self.links.append,
            notices=self.notices.append,
        )

    def doubt(self) -> None:
        self.doubts += 1

    def post(self, messages: Sequence[Message]) -> None:
        self.posted += messages
        self.was_posted.set()

    def asked(self) -> list[object]:
        """Give what was posted, read as the server would, and forget it."""
        posted, self.posted = self.posted, []
        return [decode_request(each) for each in posted if isinstance(each, bytes)]

    def feed(self) -> FeedSession:
        session = FeedSession(Feed(example.KEY), self.sinks(), self.doubt)
        session.post = self.post
        return session


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()
    monkeypatch.setattr(streams, "_now_s", lambda: made.now_s)
    return made


@pytest.fixture
def feed(desk: Desk) -> FeedSession:
    """Give an accepted session that follows SBIN, its subscription answered."""
    session = desk.feed()
    session.follow(WANTED)
    session.opened()
    session.receive(example.AUTH_DONE)
    session.receive(example.SUBSCRIBED)
    desk.posted.clear()
    return session


def test_a_session_is_live_when_the_broker_has_accepted_it_and_not_before(desk: Desk) -> None:
    session = desk.feed()
    session.follow(WANTED)
    assert len(session.opened()) == 2
    assert desk.links == []
    session.receive(example.AUTH_DONE)
    assert desk.links == [LIVE_FEED]
    assert desk.asked() == [Topics(Ask.SUBSCRIBE, ("sf|nse_cm|3045",))]


def test_a_refused_key_ends_the_login(desk: Desk) -> None:
    session = desk.feed()
    session.opened()
    with pytest.raises(LoginExpired, match="Authentication failed"):
        session.receive(example.AUTH_FAILED)


def test_a_burst_of_frames_is_one_batch_in_order(desk: Desk, feed: FeedSession) -> None:
    for frame in (example.SCRIP_SNAPSHOT, example.SCRIP_UPDATE, example.SHORT_UPDATE):
        feed.receive(frame)
    assert desk.batches == []
    feed.drained()
    feed.drained()
    (batch,) = desk.batches
    assert [item.ltp_e4 for item in batch if isinstance(item, Quote)] == [
        10684500,
        10685000,
        10685500,
    ]


def test_acknowledgements_go_back_at_once(feed: FeedSession) -> None:
    assert feed.receive(example.SCRIP_SNAPSHOT) == []
    (ack,) = feed.receive(example.SCRIP_UPDATE)
    assert isinstance(ack, bytes)
    assert decode_request(ack) == Ack(4)


def test_following_more_posts_the_difference(desk: Desk, feed: FeedSession) -> None:
    feed.follow({SBIN: ("sf|nse_cm|3045", "dp|nse_cm|3045")})
    assert desk.asked() == [Topics(Ask.SUBSCRIBE, ("dp|nse_cm|3045",))]
    assert feed.known() == {}


def test_the_service_s_own_words_reach_the_trader(desk: Desk, feed: FeedSession) -> None:
    feed.receive(example.SYMBOL_LIMIT)
    feed.receive(encode_message(7, "Maintenance at 23:00 for C-XP00001"))
    feed.receive(example.MODE_FAILED)
    feed.receive(example.MODE_ON)
    assert desk.notices == [
        "Symbol limit exceeded (51001)",
        "Maintenance at 23:00 for C-… (7)",
        "Mode change failed (12001)",
    ]


def test_market_data_that_cannot_be_read_makes_a_new_connection(feed: FeedSession) -> None:
    with pytest.raises(DropConnection, match="could not be read: offset"):
        feed.receive(example.SCRIP_UPDATE[:-1])


@pytest.mark.parametrize("frame", ["text", b"", b"\x00\x09\x01\x01\x01\x00"])
def test_other_rubbish_is_only_dropped(feed: FeedSession, frame: Message) -> None:
    with pytest.raises(DecodeError):
        feed.receive(frame)


def test_a_new_connection_forgets_a_half_read_batch(desk: Desk, feed: FeedSession) -> None:
    feed.receive(example.SCRIP_SNAPSHOT)
    feed.opened()
    feed.drained()
    assert desk.batches == []


def test_a_ping_leaves_every_second_beat(feed: FeedSession) -> None:
    assert [list(feed.beat()) for _ in range(4)] == [[], [example.PING], [], [example.PING]]


def test_an_unanswered_login_drops_the_connection(desk: Desk) -> None:
    session = desk.feed()
    for _ in range(3):
        session.opened()
        desk.now_s += 4.9
        session.beat()
        desk.now_s += 0.1
        with pytest.raises(DropConnection, match="does not answer"):
            session.beat()


def test_an_unconfirmed_subscription_begins_anew_once(desk: Desk) -> None:
    session = desk.feed()
    session.follow(WANTED)
    session.opened()
    session.receive(example.AUTH_DONE)
    desk.now_s += 5
    with pytest.raises(DropConnection, match="not confirmed"):
        session.beat()
    session.opened()
    session.receive(example.AUTH_DONE)
    desk.now_s += 5
    session.beat()
    session.beat()
    assert desk.notices == ["the feed did not confirm a subscription"]


def test_silence_is_doubted_less_and_less_until_data_comes(desk: Desk, feed: FeedSession) -> None:
    heard = []
    for _ in range(100):
        desk.now_s += 5
        before = desk.doubts
        feed.beat()
        if desk.doubts > before:
            heard.append(desk.now_s - 1000)
    assert heard == [10, 20, 40, 80, 160, 320]
    feed.receive(example.SCRIP_SNAPSHOT)
    desk.now_s += 9
    feed.beat()
    assert desk.doubts == 6
    desk.now_s += 1
    feed.beat()
    assert desk.doubts == 7


def test_nobody_doubts_before_the_login_is_answered(desk: Desk) -> None:
    session = desk.feed()
    session.opened()
    session.stop()
    desk.now_s += 60
    session.beat()
    assert desk.doubts == 0


async def test_long_subscriptions_leave_with_a_pause_between_them(
    desk: Desk, feed: FeedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_PAUSE_S", 0.01)
    many = {InstrumentId(f"NSE:CM:{n}"): (f"sf|nse_cm|{n}",) for n in range(5000, 8200)}
    feed.follow(many)
    assert len(desk.posted) == 2  # a short unsubscription, and the first long frame at once
    # A change of mind meanwhile waits behind what is still to be sent.
    feed.follow(WANTED)
    async with asyncio.timeout(5):
        while len(desk.posted) < 8:
            await desk.was_posted.wait()
            desk.was_posted.clear()
    asked = [(each.ask, len(each.topics)) for each in desk.asked() if isinstance(each, Topics)]
    on, off = Ask.SUBSCRIBE, Ask.UNSUBSCRIBE
    assert asked == [
        (off, 1),
        *((on, 1500), (on, 1500), (on, 200)),
        *((off, 1500), (off, 1500), (off, 200)),
        (on, 1),
    ]
    feed.stop()


async def test_a_new_connection_does_not_send_what_waited_for_the_old_one(
    desk: Desk, feed: FeedSession
) -> None:
    feed.follow({InstrumentId(f"NSE:CM:{n}"): (f"sf|nse_cm|{n}",) for n in range(3200)})
    desk.posted.clear()
    feed.opened()
    await asyncio.sleep(0)
    assert desk.posted == []
    feed.stop()


# Orders.


@pytest.fixture
def orders(desk: Desk) -> OrderSession:
    session = OrderSession(desk.sinks(), "XP0001")
    assert session.opened() == [subscription()]
    return session


def order_frame() -> str:
    return shared("data/fyers/order_socket_frame_2023-12-18.json").read_text()


def live(reason: str = "") -> LinkEvent:
    return LinkEvent(link=Link.ORDERS, state=LinkState.LIVE, reason=reason)


def test_the_order_stream_is_live_when_the_subscription_is_confirmed(
    desk: Desk, orders: OrderSession
) -> None:
    assert desk.links == []
    orders.receive(acknowledgement())
    orders.receive(acknowledgement())
    assert desk.links == [live()]
    orders.opened()
    orders.receive(acknowledgement())
    assert desk.links == [live(), live()]


def test_a_refused_subscription_is_told_and_is_not_live(desk: Desk, orders: OrderSession) -> None:
    orders.receive('{"code":-1605,"message":"Invalid subscription","s":"error"}')
    assert desk.links == []
    assert desk.notices == ["Invalid subscription (-1605)"]


def test_updates_are_handed_on_one_by_one(desk: Desk, orders: OrderSession) -> None:
    trade = {
        "id_fill": "1-2",
        "id": "1",
        "qty_traded": 1,
        "price_traded": 7.95,
        "product_type": "CNC",
        "tran_side": 1,
        "fy_token": "10100000003045",
    }
    position = {"fy_token": "10100000003045", "product_type": "CNC", "net_qty": 1}
    orders.receive(order_frame())
    orders.receive(msgspec.json.encode({"trades": trade, "s": "ok"}))
    orders.receive(msgspec.json.encode({"positions": position, "s": "ok"}))
    orders.drained()
    assert [order.broker_id for order in desk.orders] == ["23121800292158"]
    assert [fill.trade_id for fill in desk.fills] == ["1-2"]


def test_an_unreadable_push_makes_the_desk_reconcile(desk: Desk, orders: OrderSession) -> None:
    orders.receive(acknowledgement())
    with pytest.raises(DecodeError):
        orders.receive(order_frame().replace('"qty": 1,', '"qty": NaN,'))
    assert desk.links == [live(), live("a message of the order stream could not be read")]


def test_a_deaf_order_stream_is_dropped(desk: Desk, orders: OrderSession) -> None:
    orders.receive(acknowledgement())
    for _ in range(5):
        desk.now_s += 5
        assert orders.beat() == ["ping"]
        orders.receive("pong")
    desk.now_s += 11.9
    orders.beat()
    desk.now_s += 0.1
    with pytest.raises(DropConnection, match="does not answer"):
        orders.beat()


def test_an_unconfirmed_subscription_is_dropped(desk: Desk, orders: OrderSession) -> None:
    desk.now_s += 4.9
    assert orders.beat() == ["ping"]
    orders.receive("pong")
    desk.now_s += 0.1
    with pytest.raises(DropConnection, match="did not confirm"):
        orders.beat()
