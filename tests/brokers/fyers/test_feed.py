"""The market-data session: topics, acknowledgements, reconnects, and frames that go wrong."""

import json

import pytest

from brokers.errors import DecodeError
from brokers.fyers.codec.feed import MAX_TOPICS, Feed, FeedNotice
from brokers.fyers.codec.feed_frames import (
    Ack,
    Ask,
    Auth,
    Mode,
    Ping,
    Topics,
    decode_request,
    encode_auth_reply,
    encode_data,
    encode_opaque,
)
from brokers.fyers.codec.feed_records import (
    NO_VALUE,
    Snapshot,
    encode_lite,
    encode_snapshot,
    encode_update,
)
from brokers.fyers.codec.feed_schema import SCRIP, schema_text
from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Level, Quote
from tests.brokers.fyers import hsm_examples as example

SBIN = InstrumentId("NSE:CM:3045")
INFY = InstrumentId("NSE:CM:1594")
NIFTY = InstrumentId("NSE:CM:26000")
SF_SBIN, DP_SBIN, SF_INFY = "sf|nse_cm|3045", "dp|nse_cm|3045", "sf|nse_cm|1594"
IF_NIFTY = "if|nse_cm|Nifty 50"
WANTED = {SBIN: (SF_SBIN, DP_SBIN), INFY: (SF_INFY,), NIFTY: (IF_NIFTY,)}


@pytest.fixture
def feed() -> Feed:
    """Give an accepted connection that follows three instruments."""
    made = Feed(example.KEY)
    made.opening()
    made.receive(example.AUTH_DONE)
    made.follow(WANTED)
    return made


def snapshot(topic_id: int, topic: str, *values: int) -> bytes:
    return encode_snapshot(Snapshot(topic_id=topic_id, topic=topic, values=values))


def data(*records: bytes, number: int = 1) -> bytes:
    return encode_data(number, records)


def full(**changed: int) -> tuple[int, ...]:
    """Give 21 values: ltp at position 0 and so on, the rest unchanged."""
    values = [NO_VALUE] * 21
    for name, value in changed.items():
        values[{"ltp": 0, "volume": 1, "bid_qty": 4, "high": 14}[name]] = value
    return tuple(values)


def test_a_connection_opens_with_auth_and_mode() -> None:
    feed = Feed(example.KEY, example.SOURCE)
    auth, mode = feed.opening()
    assert auth == example.AUTH
    assert decode_request(mode) == Mode(1 << 11, is_lite=False)
    assert decode_request(Feed("key").opening()[0]) == Auth("key", "Tezi")


def test_lite_mode_is_asked_for_when_wanted() -> None:
    assert decode_request(Feed("key", is_lite=True).opening()[1]) == Mode(1 << 11, is_lite=True)


def test_nothing_is_subscribed_before_the_connection_is_accepted() -> None:
    feed = Feed(example.KEY)
    feed.opening()
    assert feed.follow(WANTED) == []
    feed.receive(example.AUTH_DONE)
    (frame,) = feed.resume()
    assert decode_request(frame) == Topics(Ask.SUBSCRIBE, (SF_SBIN, DP_SBIN, SF_INFY, IF_NIFTY))


def test_following_sends_only_the_difference(feed: Feed) -> None:
    frames = feed.follow({SBIN: (SF_SBIN,), NIFTY: (IF_NIFTY,), INFY: (SF_INFY, "dp|nse_cm|1594")})
    assert [decode_request(frame) for frame in frames] == [
        Topics(Ask.UNSUBSCRIBE, (DP_SBIN,)),
        Topics(Ask.SUBSCRIBE, ("dp|nse_cm|1594",)),
    ]
    assert (
        feed.follow({SBIN: (SF_SBIN,), NIFTY: (IF_NIFTY,), INFY: (SF_INFY, "dp|nse_cm|1594")}) == []
    )


def test_more_topics_than_a_connection_takes_are_refused_and_change_nothing(feed: Feed) -> None:
    many = {InstrumentId(f"NSE:CM:{n}"): (f"sf|nse_cm|{n}",) for n in range(MAX_TOPICS + 1)}
    with pytest.raises(ValueError, match="5000 topics, 5001"):
        feed.follow(many)
    assert feed.follow(WANTED) == []


def test_ten_thousand_instruments_go_out_in_frames_of_1500(feed: Feed) -> None:
    many = {InstrumentId(f"NSE:CM:{n}"): (f"sf|nse_cm|{n}",) for n in range(MAX_TOPICS)}
    assert len(feed.follow(many)) == 1 + 4
    assert len(feed.resume()) == 4


def test_a_ping_is_three_bytes(feed: Feed) -> None:
    assert feed.ping() == example.PING
    assert decode_request(feed.ping()) == Ping()


def test_every_second_data_frame_is_acknowledged_as_the_service_asks(feed: Feed) -> None:
    acks = []
    for frame in example.DATA_FRAMES:
        feed.receive(frame)
        acks.append([decode_request(ack) for ack in feed.outgoing()])
    assert acks == [[], [Ack(2)], [], [Ack(4)], [], [Ack(6)], [], [Ack(8)], []]


def test_acknowledgements_wait_until_they_are_taken(feed: Feed) -> None:
    for frame in example.DATA_FRAMES[:4]:
        feed.receive(frame)
    assert [decode_request(ack) for ack in feed.outgoing()] == [Ack(2), Ack(4)]
    assert feed.outgoing() == []


@pytest.mark.parametrize(("interval", "size"), [(2, 1), (2, 2), (2, 4), (2, 8)])
def test_the_interval_is_as_wide_as_its_field_says(interval: int, size: int) -> None:
    feed = Feed(example.KEY)
    feed.opening()
    feed.receive(encode_auth_reply(interval, b"", interval_bytes=size))
    for number in (1, 2):
        feed.receive(encode_data(number, []))
    assert [decode_request(ack) for ack in feed.outgoing()] == [Ack(2)]


def test_a_service_that_wants_no_acknowledgements_leaves_the_number_out() -> None:
    feed = Feed(example.KEY)
    feed.opening()
    feed.receive(encode_auth_reply(0, b""))
    feed.follow(WANTED)
    (quote,) = feed.receive(encode_data(None, [snapshot(1, SF_SBIN, 10000)]))
    assert quote == Quote(SBIN, ltp_e4=1000000)
    assert feed.outgoing() == []


@pytest.mark.parametrize(
    ("frame", "notice"),
    [
        (example.AUTH_DONE, (1, True, 200, "Authentication done")),
        (example.AUTH_FAILED, (1, False, 11001, "Authentication failed")),
        (example.SUBSCRIBED, (4, True, 200, "Subscribed")),
        (example.SUBSCRIBE_FAILED, (4, False, 11011, "subscription failed")),
        (example.UNSUBSCRIBED, (5, True, 200, "Unsubscribed")),
        (example.MODE_ON, (12, True, 200, "Full Mode On")),
        (example.MODE_FAILED, (12, False, 12001, "Mode change failed")),
        (example.PAUSED, (7, True, 200, "Channel Paused")),
        (example.RESUMED, (8, True, 200, "Channel Resumed")),
        (example.SYMBOL_LIMIT, (4, False, 51001, "Symbol limit exceeded")),
    ],
)
def test_answers_are_told_in_the_broker_s_own_words(
    feed: Feed, frame: bytes, notice: tuple[int, bool, int, str]
) -> None:
    about, is_accepted, code, text = notice
    assert feed.receive(frame) == [
        FeedNotice(about=about, is_accepted=is_accepted, code=code, text=text)
    ]


def test_a_refused_connection_is_not_accepted() -> None:
    feed = Feed(example.KEY)
    feed.opening()
    feed.receive(example.AUTH_FAILED)
    assert not feed.is_accepted
    assert feed.follow(WANTED) == []


def test_the_unexplained_frame_after_connecting_is_skipped(feed: Feed) -> None:
    assert feed.receive(encode_opaque(13, b"\x06" * 3000)) == []


def test_an_update_of_an_unknown_topic_is_passed_over_and_the_rest_is_read(feed: Feed) -> None:
    frame = data(
        snapshot(1, SF_SBIN, 10000),
        encode_update(99, full(ltp=5)),
        encode_lite(98, 7),
        encode_update(1, full(ltp=10005)),
        encode_update(97, (1, 2, 3)),
        encode_lite(1, 10010),
    )
    prices = [item.ltp_e4 for item in feed.receive(frame) if isinstance(item, Quote)]
    assert prices == [1000000, 1000500, 1001000]


def test_a_frame_of_mixed_kinds_is_read_in_order(feed: Feed) -> None:
    items = feed.receive(
        data(
            snapshot(1, SF_SBIN, 10000, 7),
            snapshot(2, DP_SBIN, 9995, *[0] * 9, 3, *[0] * 19),
            snapshot(3, IF_NIFTY, 2500000, 2490000),
            encode_update(2, (NO_VALUE,) * 10 + (4,)),
            encode_update(3, (2500100,)),
            encode_update(1, full(volume=8)),
        )
    )
    assert items == [
        Quote(SBIN, ltp_e4=1000000, volume=7),
        Depth(SBIN, (Level(999500, 3, 0),), ()),
        Quote(NIFTY, ltp_e4=250000000, previous_close_e4=249000000),
        Depth(SBIN, (Level(999500, 4, 0),), ()),
        Quote(NIFTY, ltp_e4=250010000, previous_close_e4=249000000),
        Quote(SBIN, ltp_e4=1000000, volume=8),
    ]


def test_a_snapshot_is_always_told_even_when_it_says_nothing_new(feed: Feed) -> None:
    frame = data(snapshot(1, SF_SBIN, 10000))
    assert feed.receive(frame) == feed.receive(frame) == [Quote(SBIN, ltp_e4=1000000)]
    empty = data(snapshot(2, DP_SBIN, *[NO_VALUE] * 30))
    assert feed.receive(empty) == [Depth(SBIN, (), ())]


@pytest.mark.parametrize(
    "values", [(), full(), (10000,), full(ltp=10000), (10000, *[NO_VALUE] * 40)]
)
def test_an_update_that_changes_nothing_is_not_told(feed: Feed, values: tuple[int, ...]) -> None:
    feed.receive(data(snapshot(1, SF_SBIN, 10000)))
    assert feed.receive(data(encode_update(1, values))) == []


def test_an_unchanged_book_is_not_told(feed: Feed) -> None:
    book = (9995, *[0] * 9, 3, *[0] * 19)
    feed.receive(data(snapshot(2, DP_SBIN, *book)))
    assert feed.receive(data(encode_update(2, book))) == []
    assert feed.receive(data(encode_update(2, (NO_VALUE,) * 30))) == []


def test_more_values_than_known_are_passed_over(feed: Feed) -> None:
    feed.receive(data(snapshot(1, SF_SBIN, *full(ltp=10000), 1, 2, 3)))
    frame = data(encode_update(1, (*full(ltp=10005), 77, 78)), encode_update(1, full(volume=5)))
    assert feed.receive(frame) == [
        Quote(SBIN, ltp_e4=1000500),
        Quote(SBIN, ltp_e4=1000500, volume=5),
    ]


def test_topic_ids_belong_to_one_connection(feed: Feed) -> None:
    feed.receive(data(snapshot(1, SF_SBIN, 10000), snapshot(2, SF_INFY, 150000)))
    feed.opening()
    feed.receive(example.AUTH_DONE)
    # The old ids mean nothing now, and the same numbers are handed out in another order.
    assert feed.receive(data(encode_update(1, full(ltp=10005)))) == []
    feed.receive(data(snapshot(1, SF_INFY, 150000), snapshot(2, SF_SBIN, 10000)))
    assert feed.receive(data(encode_update(1, full(ltp=150005)))) == [Quote(INFY, ltp_e4=15000500)]


def test_a_topic_id_handed_out_again_replaces_the_first(feed: Feed) -> None:
    feed.receive(data(snapshot(1, SF_SBIN, 10000, 5)))
    feed.receive(data(snapshot(1, DP_SBIN, *[0] * 30)))
    assert feed.receive(data(encode_update(1, full(ltp=10005)))) == [Depth(SBIN, (), ())]
    feed.receive(data(snapshot(1, "sf|nse_cm|999", 10000)))
    assert feed.receive(data(encode_update(1, full(ltp=10005)))) == []


def test_what_is_no_longer_followed_is_not_told(feed: Feed) -> None:
    feed.receive(data(snapshot(1, SF_SBIN, 10000), snapshot(2, SF_INFY, 150000)))
    feed.follow({INFY: (SF_INFY,)})
    frame = data(encode_update(1, full(ltp=10005)), encode_update(2, full(ltp=150005)))
    assert feed.receive(frame) == [Quote(INFY, ltp_e4=15000500)]
    assert feed.receive(data(snapshot(1, SF_SBIN, 10000))) == []


def test_the_order_of_the_schema_is_followed() -> None:
    turned = json.loads(schema_text())
    turned["scrip"] = list(reversed(SCRIP))
    turned["index"] = ["i104", "i102"]
    turned["depth"] = [f"d{n}" for n in range(131, 101, -1)]
    turned["scrip_lite"] = {"hfid": 2}
    feed = Feed(example.KEY)
    feed.opening()
    feed.receive(encode_auth_reply(2, json.dumps(turned).encode()))
    feed.follow(WANTED)
    values = tuple(range(100, 121))
    (quote,) = feed.receive(data(snapshot(1, SF_SBIN, *values)))
    assert isinstance(quote, Quote)
    assert (quote.ltp_e4, quote.volume, quote.previous_close_e4) == (12000, 119, 10000)
    (quote,) = feed.receive(data(encode_update(1, (200,) + (NO_VALUE,) * 20)))
    assert isinstance(quote, Quote)
    assert (quote.ltp_e4, quote.previous_close_e4) == (12000, 20000)
    (index,) = feed.receive(data(snapshot(2, IF_NIFTY, 1788941111, 2500000)))
    assert index == Quote(NIFTY, ltp_e4=250000000, exchange_ns=1788941111 * 10**9)
    book = tuple(reversed((9995, *[0] * 9, 3, *[0] * 19)))
    assert feed.receive(data(snapshot(3, DP_SBIN, *book))) == [
        Depth(SBIN, (Level(999500, 3, 0),), ())
    ]
    lite = b"L" + (1).to_bytes(2, "big") + (300).to_bytes(4, "big") + (9).to_bytes(4, "big")
    (quote,) = feed.receive(data(lite))
    assert isinstance(quote, Quote)
    assert quote.previous_close_e4 == 30000


GOOD = data(
    snapshot(3, SF_INFY, 150000),
    encode_update(1, full(ltp=10005)),
    encode_update(2, (9990,)),
    encode_lite(1, 10010),
    snapshot(1, IF_NIFTY, 2500000),
    encode_update(1, (2500100,)),
)


def observed(feed: Feed) -> list[object]:
    """Show every topic's state through updates that touch one value each."""
    return [
        feed.receive(data(encode_update(topic_id, (NO_VALUE, 77 + topic_id))))
        for topic_id in range(5)
    ]


def started() -> Feed:
    feed = Feed(example.KEY)
    feed.opening()
    feed.receive(example.AUTH_DONE)
    feed.follow(WANTED)
    feed.receive(data(snapshot(1, SF_SBIN, 10000), snapshot(2, DP_SBIN, 9995, *[0] * 29)))
    return feed


@pytest.mark.parametrize("size", range(len(GOOD)))
def test_a_frame_cut_anywhere_is_refused_and_nothing_of_it_is_taken(size: int) -> None:
    feed, untouched = started(), started()
    with pytest.raises(DecodeError):
        feed.receive(GOOD[:size])
    assert observed(feed) == observed(untouched)


def test_the_whole_frame_is_taken() -> None:
    feed, untouched = started(), started()
    assert len(feed.receive(GOOD)) == 6
    assert observed(feed) != observed(untouched)


def test_an_unknown_kind_of_record_is_refused_with_its_offset(feed: Feed) -> None:
    good = snapshot(1, SF_SBIN, 10000)
    with pytest.raises(DecodeError, match=f"offset {9 + len(good)}"):
        feed.receive(data(good, b"X\x00\x01\x01\x00\x00\x00\x05"))
    assert feed.receive(data(encode_update(1, full(ltp=5)))) == []


def test_a_snapshot_that_cannot_be_scaled_is_refused(feed: Feed) -> None:
    bad = encode_snapshot(Snapshot(topic_id=1, topic=SF_SBIN, values=(1,), multiplier=0))
    with pytest.raises(DecodeError, match="offset 9, multiplier"):
        feed.receive(data(bad))


def test_a_refused_frame_is_not_acknowledged(feed: Feed) -> None:
    feed.receive(example.SCRIP_SNAPSHOT)
    with pytest.raises(DecodeError):
        feed.receive(example.SCRIP_UPDATE[:-1])
    assert feed.outgoing() == []
    feed.receive(example.SCRIP_UPDATE)
    assert [decode_request(ack) for ack in feed.outgoing()] == [Ack(4)]


@pytest.mark.parametrize("frame", [b"", b"\x00", b"\x00\x01"])
def test_a_frame_without_a_kind_is_refused(feed: Feed, frame: bytes) -> None:
    with pytest.raises(DecodeError):
        feed.receive(frame)
