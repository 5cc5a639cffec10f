"""The practice exchange's market-data socket: what a FYERS client meets there."""

import asyncio
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from brokers.fyers.codec.feed import Feed, FeedNotice
from brokers.fyers.codec.feed_frames import (
    Ask,
    Channels,
    FeedReply,
    Mode,
    Topics,
    decode_reply,
    encode_request,
    topic_frames,
)
from brokers.fyers.codec.feed_records import MAX_VALUE, decode_snapshot
from brokers.fyers.codec.topics import topics_of
from brokers.fyers.practice_sockets import FeedSockets
from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Detail, Quote
from brokers.practice.faults import Faults
from tests.brokers.fyers import hsm_examples as example
from tests.brokers.fyers.listing import EURINR, LISTED, NIFTY, SBIN
from tests.brokers.fyers.small_market import Pipe, SmallMarket, data_frames, read
from tests.rig.shared import shared

TOPICS = {each.id: topics_of(each, Detail.DEPTH) for each in LISTED}
SBIN_ONLY = {SBIN.id: TOPICS[SBIN.id]}
SBIN_QUOTE = {SBIN.id: TOPICS[SBIN.id][:1]}


class Exchange:
    """The socket's server with a market behind it, and clients of it."""

    def __init__(self, *, has_limits: bool = True) -> None:
        self.market = SmallMarket()
        self.faults = Faults()
        self.sockets = FeedSockets(
            self.market, self.market, self.faults, self.account_of, has_limits=has_limits
        )
        self.tasks: list[asyncio.Task[None]] = []

    def account_of(self, key: str) -> str | None:
        return "XP0001" if key == example.KEY else None

    def connect(self) -> Pipe:
        pipe = Pipe()
        self.tasks.append(asyncio.get_running_loop().create_task(self.sockets.converse(pipe)))
        return pipe

    def step(self, *changed: InstrumentId) -> None:
        self.sockets.market_moved(changed or tuple(self.market.instruments))


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    made = Exchange()
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


class Client:
    """A FYERS client: our own decoder at the other end."""

    def __init__(self, pipe: Pipe, *, is_lite: bool = False) -> None:
        self.pipe = pipe
        self.feed = Feed(example.KEY, is_lite=is_lite)

    async def follow(self, wanted: dict[InstrumentId, tuple[str, ...]]) -> list[object]:
        """Log in and subscribe; gives what came after the login."""
        read(self.feed, await self.pipe.say(*self.feed.opening()))
        self.feed.follow(wanted)
        return list(read(self.feed, await self.pipe.say(*self.feed.resume())))

    async def ask(self, *frames: bytes) -> list[object]:
        return list(read(self.feed, await self.pipe.say(*frames)))

    def news(self) -> list[object]:
        return list(read(self.feed, self.pipe.take()))


def of_kind(items: list[object], kind: type[Quote] | type[Depth]) -> list[object]:
    return [item for item in items if isinstance(item, kind)]


async def test_a_login_gets_interval_two_the_schema_and_an_unexplained_frame(
    exchange: Exchange,
) -> None:
    pipe = exchange.connect()
    auth, opaque = await pipe.say(example.AUTH)
    assert isinstance(auth, bytes)
    assert isinstance(opaque, bytes)
    assert auth[2:13] == bytes.fromhex("01 03 01 00 01 4b 02 00 02 00 02")
    reply = decode_reply(auth)
    assert isinstance(reply, FeedReply)
    assert json.loads(reply.schema) == json.loads(
        shared("data/fyers/hsm_auth_schema_2026.json").read_bytes()
    )
    assert opaque[2] == 13
    assert decode_reply(opaque) is None


async def test_an_unknown_key_is_refused_and_nothing_is_served(exchange: Exchange) -> None:
    pipe = exchange.connect()
    assert await pipe.say(example.AUTH.replace(b"0123", b"9999")) == [example.AUTH_FAILED]
    assert await pipe.say(example.SUBSCRIBE) == [example.SUBSCRIBE_FAILED]
    assert not exchange.sockets.followed()


async def test_nothing_is_served_before_a_login(exchange: Exchange) -> None:
    pipe = exchange.connect()
    assert await pipe.say(example.MODE_FULL) == [example.MODE_FAILED]
    assert await pipe.say(example.SUBSCRIBE) == [example.SUBSCRIBE_FAILED]
    assert await pipe.say(example.PING, example.ACK_258) == []


async def test_requests_are_answered_as_the_live_service_does(exchange: Exchange) -> None:
    pipe = exchange.connect()
    await pipe.say(example.AUTH)
    assert await pipe.say(example.MODE_FULL) == [example.MODE_ON]
    first = (await pipe.say(example.SUBSCRIBE))[0]
    assert first == example.SUBSCRIBED
    assert await pipe.say(example.UNSUBSCRIBE) == [
        example.SUBSCRIBED.replace(b"\x04\x02", b"\x05\x02", 1)
    ]
    assert await pipe.say(example.PAUSE) == [example.PAUSED]
    assert (await pipe.say(example.RESUME))[0] == example.RESUMED
    assert await pipe.say(example.PING, example.ACK_258, "text", b"", b"\x00\x02\x63\x00") == []


async def test_a_subscription_brings_one_snapshot_a_topic_many_in_a_frame(
    exchange: Exchange,
) -> None:
    client = Client(exchange.connect())
    read(client.feed, await client.pipe.say(*client.feed.opening()))
    client.feed.follow(TOPICS)
    frames = await client.pipe.say(*client.feed.resume())
    assert len(data_frames(frames)) == 1
    items = list(read(client.feed, frames))
    quotes = {item.instrument: item for item in items if isinstance(item, Quote)}
    depths = {item.instrument: item for item in items if isinstance(item, Depth)}
    assert quotes == exchange.market.quotes
    assert depths == {each: exchange.market.books[each] for each in depths}
    assert set(depths) == {each.id for each in LISTED if each is not NIFTY}
    assert set(exchange.sockets.followed()) == set(TOPICS)


async def test_an_unlisted_topic_is_accepted_and_brings_nothing(exchange: Exchange) -> None:
    pipe = exchange.connect()
    await pipe.say(example.AUTH)
    odd = ("sf|nse_cm|999", "if|nse_cm|Nifty 51", "sf|nse_xx|1", "xx|nse_cm|3045", "nonsense", "")
    (frame,) = topic_frames(Ask.SUBSCRIBE, (*odd, "sf|nse_cm|26000"))
    assert await pipe.say(frame) == [example.SUBSCRIBED]


async def test_a_step_sends_what_changed_and_nothing_else(exchange: Exchange) -> None:
    client = Client(exchange.connect())
    await client.follow(TOPICS)
    exchange.step()
    assert client.pipe.sent == []
    exchange.market.trade(SBIN.id)
    exchange.market.trade(NIFTY.id, -3)
    exchange.step(SBIN.id, NIFTY.id, EURINR.id)
    assert len(client.pipe.sent) == 1
    assert client.news() == [exchange.market.quotes[SBIN.id], exchange.market.quotes[NIFTY.id]]


async def test_unchanged_values_are_told_as_no_value_and_sometimes_left_out(
    exchange: Exchange,
) -> None:
    client = Client(exchange.connect())
    await client.follow(SBIN_QUOTE)
    counts = set()
    for _ in range(16):
        exchange.market.trade(SBIN.id)
        exchange.step(SBIN.id)
        (frame,) = data_frames(client.pipe.take())
        counts.add(frame[12])
        assert client.feed.receive(frame) == [exchange.market.quotes[SBIN.id]]
    assert counts == {21, 2}


async def test_a_hundred_steps_leave_client_and_exchange_alike(exchange: Exchange) -> None:
    clients = [Client(exchange.connect()) for _ in range(3)]
    for client in clients:
        await client.follow(TOPICS)
    for number in range(100):
        for each in (SBIN.id, NIFTY.id, EURINR.id):
            if number % (len(each) - 8) == 0:
                exchange.market.trade(each, number % 7 - 3)
        exchange.step()
        for client in clients:
            client.news()
    for client in clients:
        assert client.feed.known() == exchange.market.quotes


async def test_what_is_no_longer_known_is_told_as_none(exchange: Exchange) -> None:
    client = Client(exchange.connect())
    await client.follow(SBIN_QUOTE)
    bare = msgspec.structs.replace(
        exchange.market.quotes[SBIN.id], bid_e4=None, bid_qty=0, open_e4=None, high_e4=None
    )
    exchange.market.quotes[SBIN.id] = bare
    exchange.step()
    assert client.news() == [bare]


async def test_lite_mode_sends_the_last_price_alone(exchange: Exchange) -> None:
    client = Client(exchange.connect(), is_lite=True)
    await client.follow(SBIN_ONLY)
    exchange.market.trade(SBIN.id)
    exchange.step()
    (frame,) = client.pipe.sent
    assert isinstance(frame, bytes)
    assert frame[9:10] == b"L"
    assert len(frame) == 9 + 7
    (quote,) = client.news()
    assert isinstance(quote, Quote)
    assert quote.ltp_e4 == exchange.market.quotes[SBIN.id].ltp_e4
    assert quote.volume == 1000
    # Back in full mode the client learns what it missed.
    _, whole = await client.ask(encode_request(Mode(1 << 11, is_lite=False)))
    assert whole == exchange.market.quotes[SBIN.id]


async def test_a_paused_channel_is_silent_and_catches_up(exchange: Exchange) -> None:
    client = Client(exchange.connect())
    await client.follow(SBIN_QUOTE)
    await client.ask(
        encode_request(Topics(Ask.SUBSCRIBE, TOPICS[NIFTY.id], channel=12)),
        encode_request(Channels(Ask.PAUSE, 1 << 11)),
    )
    client.feed.follow({**SBIN_QUOTE, NIFTY.id: TOPICS[NIFTY.id]})
    exchange.market.trade(SBIN.id)
    exchange.step()
    assert client.pipe.take() == []
    _, quote = await client.ask(encode_request(Channels(Ask.RESUME, 1 << 11)))
    assert quote == exchange.market.quotes[SBIN.id]
    exchange.market.trade(NIFTY.id)
    exchange.step()
    assert len(client.pipe.take()) == 1


async def test_what_is_unsubscribed_is_not_sent_and_not_followed(exchange: Exchange) -> None:
    client = Client(exchange.connect())
    await client.follow(SBIN_ONLY)
    await client.ask(*client.feed.follow({}))
    assert not exchange.sockets.followed()
    exchange.market.trade(SBIN.id)
    exchange.step()
    assert client.pipe.sent == []


async def test_a_client_that_left_is_forgotten(exchange: Exchange) -> None:
    client = Client(exchange.connect())
    await client.follow(TOPICS)
    client.pipe.hang_up()
    await asyncio.gather(*exchange.tasks)
    assert not exchange.sockets.followed()
    exchange.step()


async def test_ids_belong_to_a_connection_and_differ_after_a_reconnect(
    exchange: Exchange,
) -> None:
    orders = []
    for _ in range(2):
        pipe = exchange.connect()
        client = Client(pipe)
        read(client.feed, await pipe.say(*client.feed.opening()))
        client.feed.follow(TOPICS)
        (frame,) = data_frames(await pipe.say(*client.feed.resume()))
        orders.append(ids_of(frame))
    assert orders[0] != orders[1]
    assert sorted(orders[0].values()) == sorted(orders[1].values())


def ids_of(frame: bytes) -> dict[str, int]:
    found, at = {}, 9
    while at < len(frame):
        record, at = decode_snapshot(frame, at)
        found[record.topic] = record.topic_id
    return found


async def test_new_topic_ids_come_with_new_snapshots(exchange: Exchange) -> None:
    client = Client(exchange.connect())
    await client.follow(TOPICS)
    exchange.faults.arm("fyers", "feed", "new_topic_ids", 1, None)
    (frame,) = client.pipe.sent
    assert isinstance(frame, bytes)
    assert sorted(ids_of(frame).values()) == list(range(1, len(ids_of(frame)) + 1))
    client.news()
    exchange.market.trade(SBIN.id)
    exchange.step()
    assert client.news() == [exchange.market.quotes[SBIN.id]]
    assert exchange.faults.find("fyers", "feed", "new_topic_ids") is None


async def test_poison_goes_blank_at_the_client_and_is_over_with_the_next_step(
    exchange: Exchange,
) -> None:
    client = Client(exchange.connect())
    await client.follow(SBIN_QUOTE)
    exchange.faults.arm("fyers", "feed", "poison", 1, None)
    exchange.market.trade(SBIN.id)
    exchange.step()
    frame = client.pipe.sent[0]
    assert isinstance(frame, bytes)
    assert MAX_VALUE.to_bytes(4, "big") in frame
    (quote,) = client.news()
    assert isinstance(quote, Quote)
    assert (quote.ltp_e4, quote.volume, quote.traded_ns) == (None, None, None)
    assert quote.bid_e4 == exchange.market.quotes[SBIN.id].bid_e4
    exchange.step(NIFTY.id)
    assert client.news() == [exchange.market.quotes[SBIN.id]]


@pytest.mark.parametrize("quirk", ["unknown_topic", "mixed_records", "wrong_length"])
async def test_an_odd_frame_changes_nothing_for_a_careful_client(
    exchange: Exchange, quirk: str
) -> None:
    client = Client(exchange.connect())
    await client.follow(SBIN_QUOTE)
    exchange.faults.arm("fyers", "feed", quirk, 1, None)
    exchange.market.trade(SBIN.id)
    exchange.step()
    quotes = set(client.news())
    assert quotes == {exchange.market.quotes[SBIN.id]}
    assert exchange.faults.find("fyers", "feed", quirk) is None


async def test_a_snapshot_with_gaps(exchange: Exchange) -> None:
    exchange.faults.arm("fyers", "feed", "no_value_snapshot", 1, None)
    client = Client(exchange.connect())
    items = await client.follow(SBIN_QUOTE)
    (quote,) = of_kind(items, Quote)
    assert isinstance(quote, Quote)
    assert quote.volume is None
    assert quote.ltp_e4 == exchange.market.quotes[SBIN.id].ltp_e4


async def test_four_decimals_where_two_would_do(exchange: Exchange) -> None:
    exchange.faults.arm("fyers", "feed", "precision_4", 1, None)
    client = Client(exchange.connect())
    items = await client.follow(SBIN_QUOTE)
    assert of_kind(items, Quote) == [exchange.market.quotes[SBIN.id]]
    exchange.market.trade(SBIN.id)
    exchange.step()
    assert client.news() == [exchange.market.quotes[SBIN.id]]


async def test_a_full_plan_is_said_by_the_service(exchange: Exchange) -> None:
    exchange.faults.arm("fyers", "feed", "symbol_limit", 1, None)
    client = Client(exchange.connect())
    assert await client.follow(SBIN_ONLY) == [
        FeedNotice(about=4, is_accepted=False, code=51001, text="Symbol limit exceeded")
    ]
    assert not exchange.sockets.followed()


async def test_three_clients_share_what_a_step_packs(exchange: Exchange) -> None:
    clients = [Client(exchange.connect()) for _ in range(3)]
    for client in clients:
        await client.follow(TOPICS)
    exchange.market.trade(SBIN.id)
    exchange.step()
    assert [client.news() for client in clients] == 3 * [[exchange.market.quotes[SBIN.id]]]
