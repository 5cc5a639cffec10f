"""Requests and replies of the market-data socket, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import DecodeError
from brokers.fyers.codec import feed_frames as wire
from brokers.fyers.codec.feed_frames import (
    Ack,
    Ask,
    Auth,
    Channels,
    FeedReply,
    FeedRequest,
    Mode,
    Ping,
    Topics,
    Unread,
    decode_reply,
    decode_request,
    encode_request,
    topic_frames,
)
from tests.brokers.fyers import hsm_examples as example

REQUESTS: list[tuple[bytes, FeedRequest]] = [
    (example.AUTH, Auth(example.KEY, example.SOURCE)),
    (example.MODE_FULL, Mode(1 << 11, is_lite=False)),
    (example.MODE_LITE, Mode(1 << 11, is_lite=True)),
    (example.SUBSCRIBE, Topics(Ask.SUBSCRIBE, ("sf|nse_cm|3045", "if|nse_cm|Nifty 50"))),
    (example.UNSUBSCRIBE, Topics(Ask.UNSUBSCRIBE, ("sf|nse_cm|3045",))),
    (example.PAUSE, Channels(Ask.PAUSE, 1 << 11)),
    (example.RESUME, Channels(Ask.RESUME, 1 << 12)),
    (example.ACK_258, Ack(258)),
    (example.PING, Ping()),
]
REPLIES: list[tuple[bytes, FeedReply]] = [
    (
        example.AUTH_DONE,
        FeedReply(ask=1, is_accepted=True, ack_interval=2, schema=b'{"version":"1.0.0"}'),
    ),
    (example.AUTH_WIDE_INTERVAL, FeedReply(ask=1, is_accepted=True, ack_interval=2)),
    (example.AUTH_FAILED, FeedReply(ask=1, is_accepted=False)),
    (example.SUBSCRIBED, FeedReply(ask=4, is_accepted=True)),
    (example.SUBSCRIBE_FAILED, FeedReply(ask=4, is_accepted=False)),
    (example.UNSUBSCRIBED, FeedReply(ask=5, is_accepted=True)),
    (example.MODE_ON, FeedReply(ask=12, is_accepted=True)),
    (example.MODE_FAILED, FeedReply(ask=12, is_accepted=False)),
    (example.PAUSED, FeedReply(ask=7, is_accepted=True)),
    (example.RESUMED, FeedReply(ask=8, is_accepted=True)),
    (
        example.SYMBOL_LIMIT,
        FeedReply(ask=51, is_accepted=False, code=51001, text="Symbol limit exceeded", about=4),
    ),
]
TRUE_LENGTHS = {
    example.MODE_FULL: 0x11,
    example.MODE_LITE: 0x11,
    example.SUBSCRIBE: 0x2D,
    example.UNSUBSCRIBE: 0x1A,
    example.PAUSE: 0x0D,
    example.RESUME: 0x0D,
}
"""What the published client should have written, by the dossier."""


@pytest.mark.parametrize(("frame", "request_"), REQUESTS)
def test_a_request_reads_as_what_was_asked(frame: bytes, request_: FeedRequest) -> None:
    assert decode_request(frame) == request_


@pytest.mark.parametrize(("frame", "request_"), REQUESTS)
def test_a_request_is_written_with_its_true_length(frame: bytes, request_: FeedRequest) -> None:
    written = encode_request(request_)
    assert written[2:] == frame[2:]
    length = int.from_bytes(written[:2], "big")
    assert length == len(written) - 2
    assert length == TRUE_LENGTHS.get(frame, int.from_bytes(frame[:2], "big"))


@pytest.mark.parametrize(("frame", "reply"), REPLIES)
def test_a_reply_reads_as_what_was_answered(frame: bytes, reply: FeedReply) -> None:
    assert decode_reply(frame) == reply


def test_the_replies_are_written_as_the_service_writes_them() -> None:
    accept = wire.encode_auth_reply(2, b'{"version":"1.0.0"}')
    assert accept == example.AUTH_DONE
    assert wire.encode_auth_reply(2, b"", interval_bytes=4) == example.AUTH_WIDE_INTERVAL
    assert wire.encode_reply(Ask.AUTH, is_accepted=False) == example.AUTH_FAILED
    assert wire.encode_reply(4, is_accepted=True, tail=b"\xff\xff") == example.SUBSCRIBED
    assert wire.encode_reply(4, is_accepted=False) == example.SUBSCRIBE_FAILED
    assert wire.encode_reply(5, is_accepted=True) == example.UNSUBSCRIBED
    assert wire.encode_reply(12, is_accepted=True) == example.MODE_ON
    assert wire.encode_reply(12, is_accepted=False) == example.MODE_FAILED
    assert wire.encode_reply(7, is_accepted=True) == example.PAUSED
    assert wire.encode_reply(8, is_accepted=True) == example.RESUMED
    assert wire.encode_message(51001, "Symbol limit exceeded", 4) == example.SYMBOL_LIMIT


def test_the_live_head_of_the_auth_reply_is_what_the_encoder_writes() -> None:
    schema = b"{\n" + b" " * (0x6630 - 2)
    assert wire.encode_auth_reply(2, schema)[:18] == example.AUTH_LIVE_HEAD


@pytest.mark.parametrize("word", [b"\x00\x00", b"\xff\xff"])
@pytest.mark.parametrize(("frame", "request_"), REQUESTS)
def test_a_wrong_length_word_changes_nothing(
    frame: bytes, request_: FeedRequest, word: bytes
) -> None:
    assert decode_request(word + frame[2:]) == request_


@pytest.mark.parametrize(("frame", "_request"), [row for row in REQUESTS if len(row[0]) > 3])
def test_a_request_cut_anywhere_is_refused(frame: bytes, _request: FeedRequest) -> None:
    for size in range(len(frame)):
        with pytest.raises(DecodeError):
            decode_request(frame[:size])


@pytest.mark.parametrize(("frame", "_reply"), REPLIES)
def test_a_reply_cut_anywhere_is_refused(frame: bytes, _reply: FeedReply) -> None:
    for size in range(3, len(frame)):
        with pytest.raises(DecodeError):
            decode_reply(frame[:size])


def test_frames_nobody_explains_are_skipped() -> None:
    assert decode_reply(wire.encode_opaque(13, bytes(4000))) is None
    assert decode_reply(bytes.fromhex("00010b")) is None


def test_unknown_fields_are_skipped() -> None:
    frame = example.SYMBOL_LIMIT
    more = frame[:3] + b"\x04" + frame[4:] + bytes.fromhex("09 00 03 aa bb cc")
    assert decode_reply(more) == decode_reply(frame)


def test_a_request_of_an_unserved_kind_is_still_a_request() -> None:
    assert decode_request(bytes.fromhex("0008020101000400000064")) == Unread(2)


def test_a_key_is_in_no_text() -> None:
    assert example.KEY not in repr(Auth(example.KEY, example.SOURCE))
    bad = example.AUTH.replace(b"0123", b"\xff\xfe23")
    with pytest.raises(DecodeError) as refusal:
        decode_request(bad)
    assert "456789abcdef" not in str(refusal.value)


def test_topics_are_spread_over_frames_of_1500() -> None:
    topics = [f"sf|nse_cm|{n}" for n in range(3200)]
    frames = [decode_request(frame) for frame in topic_frames(Ask.SUBSCRIBE, topics)]
    sizes = [len(frame.topics) for frame in frames if isinstance(frame, Topics)]
    assert sizes == [1500, 1500, 200]
    seen = [topic for frame in frames if isinstance(frame, Topics) for topic in frame.topics]
    assert seen == topics


def test_long_topics_leave_room_in_the_length_words() -> None:
    topics = [f"if|nse_cm|{n:0200d}" for n in range(900)]
    frames = topic_frames(Ask.SUBSCRIBE, topics)
    assert all(int.from_bytes(frame[:2], "big") == len(frame) - 2 for frame in frames)
    asked = [decode_request(frame) for frame in frames]
    assert sum(len(frame.topics) for frame in asked if isinstance(frame, Topics)) == 900


def test_no_topics_make_no_frame() -> None:
    assert topic_frames(Ask.SUBSCRIBE, []) == []


words = st.text(max_size=60)
masks = st.integers(0, 2**64 - 1)
requests: st.SearchStrategy[FeedRequest] = st.one_of(
    st.builds(Auth, words, words, st.binary(max_size=3), st.booleans()),
    st.builds(Mode, masks, st.booleans()),
    st.builds(
        Topics,
        st.sampled_from([Ask.SUBSCRIBE, Ask.UNSUBSCRIBE, Ask.SNAPSHOT]),
        st.lists(words, max_size=20).map(tuple),
        st.integers(0, 255),
    ),
    st.builds(Channels, st.sampled_from([Ask.PAUSE, Ask.RESUME]), masks),
    st.builds(Ack, st.integers(0, 2**32 - 1)),
    st.builds(Ping),
)


@given(requests)
def test_every_request_survives_the_wire(request_: FeedRequest) -> None:
    assert decode_request(encode_request(request_)) == request_


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused(frame: bytes) -> None:
    for read in (decode_request, decode_reply):
        try:
            read(frame)
        except DecodeError:
            continue
