"""Frames of the FYERS market-data socket (HSM v1-5) other than data, both ways.

Source: wire dossier §14.4 and §14.5. Everything is big-endian. The length word of a frame is
written truly and never believed: published clients and the service write it wrongly.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from typing_extensions import override

from brokers.errors import DecodeError
from brokers.wire.cursor import Cursor

DATA: Final = 6
"""Frame type of market data; read by `feed.Feed`, written by `encode_data`."""

MAX_TOPICS_PER_FRAME: Final = 1500
CHANNEL: Final = 11
"""The channel published clients use."""

_MAX_FIELD: Final = 0xFFFF
_MAX_INTERVAL_BYTES: Final = 8


class Ask(enum.IntEnum):
    """What a frame asks for; replies carry the same number. MESSAGE comes unasked."""

    AUTH = 1
    THROTTLE = 2
    ACK = 3
    SUBSCRIBE = 4
    UNSUBSCRIBE = 5
    PAUSE = 7
    RESUME = 8
    SNAPSHOT = 9
    PING = 11
    MODE = 12
    UNKNOWN_13 = 13
    """A large frame right after connecting; nobody knows what it holds."""
    MESSAGE = 51


class Auth(msgspec.Struct, frozen=True, gc=False):
    """The first frame of a connection; `key` is the `hsm_key` claim of the access token."""

    key: str
    source: str
    mode: bytes = b"P"
    wants_schema: bool = True

    @override
    def __repr__(self) -> str:
        return "Auth(…)"


class Mode(msgspec.Struct, frozen=True, gc=False):
    """Switch channels (bit n = channel n) between full and last-price-only data."""

    channels: int
    is_lite: bool


class Topics(msgspec.Struct, frozen=True, gc=False):
    """SUBSCRIBE, UNSUBSCRIBE or SNAPSHOT of topics on one channel."""

    ask: Ask
    topics: tuple[str, ...]
    channel: int = CHANNEL


class Channels(msgspec.Struct, frozen=True, gc=False):
    """PAUSE or RESUME the channels of a bit mask."""

    ask: Ask
    channels: int


class Ack(msgspec.Struct, frozen=True, gc=False):
    """Data up to and including this message number has arrived."""

    number: int


class Ping(msgspec.Struct, frozen=True, gc=False):
    """Keep the connection alive: the one frame without a field count."""


class Unread(msgspec.Struct, frozen=True, gc=False):
    """A well-formed request of a kind nobody here serves."""

    number: int


_Fields = Mapping[int, bytes]
FeedRequest = Auth | Mode | Topics | Channels | Ack | Ping | Unread


class FeedReply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer to a request, or a service message (`ask` MESSAGE: `code`, `text`, `about`)."""

    ask: int
    is_accepted: bool
    ack_interval: int | None = None
    schema: bytes = b""
    code: int | None = None
    text: str = ""
    about: int | None = None


def encode_request(request: FeedRequest) -> bytes:
    """Write one request with its true length word."""
    number: int
    fields: list[tuple[int, bytes]] = []
    match request:
        case Ping():
            return b"\x00\x01\x0b"
        case Auth():
            number = Ask.AUTH
            fields = [(1, request.key.encode()), (2, request.mode)]
            fields += [(3, bytes([request.wants_schema])), (4, request.source.encode())]
        case Mode():
            number = Ask.MODE
            fields = [(1, request.channels.to_bytes(8, "big"))]
            fields += [(2, b"L" if request.is_lite else b"F")]
        case Topics():
            number = request.ask
            fields = [(1, _topic_block(request.topics)), (2, bytes([request.channel]))]
        case Channels():
            number = request.ask
            fields = [(1, request.channels.to_bytes(8, "big"))]
        case Ack():
            return encode_ack(request.number.to_bytes(4, "big"))
        case Unread():
            number = request.number
    return _frame(number, fields)


def encode_ack(number: bytes) -> bytes:
    """Acknowledge a data frame by the four bytes of its message number."""
    return b"\x00\x09\x03\x01\x01\x00\x04" + number


def topic_frames(ask: Ask, topics: Iterable[str], channel: int = CHANNEL) -> list[bytes]:
    """Write as many frames as the topics need: ≤ 1,500 topics and one field's bytes in each."""
    frames: list[bytes] = []
    batch: list[str] = []
    size = 2
    for topic in topics:
        needs = 1 + len(topic.encode())
        if len(batch) == MAX_TOPICS_PER_FRAME or size + needs > _MAX_FIELD - 8:
            frames.append(encode_request(Topics(ask, tuple(batch), channel)))
            batch, size = [], 2
        batch.append(topic)
        size += needs
    if batch:
        frames.append(encode_request(Topics(ask, tuple(batch), channel)))
    return frames


def decode_request(frame: bytes) -> FeedRequest:
    """Read what a client sent, whatever its length word says.

    Raises:
        DecodeError: cut short, a needed field missing or of the wrong size.
    """
    cursor = Cursor(frame)
    cursor.skip(2)
    number = cursor.u8()
    if number == Ask.PING:
        return Ping()
    fields = _read_fields(cursor)
    read = _READERS.get(number)
    return Unread(number) if read is None else read(number, fields)


def _read_auth(_number: int, fields: _Fields) -> Auth:
    return Auth(
        key=_field_text(fields, 1),
        source=_field_text(fields, 4) if 4 in fields else "",
        mode=fields.get(2, b""),
        wants_schema=fields.get(3, b"") == b"\x01",
    )


def _read_mode(_number: int, fields: _Fields) -> Mode:
    return Mode(_field_int(fields, 1, (8,)), is_lite=fields.get(2) == b"L")


def _read_topics(number: int, fields: _Fields) -> Topics:
    block = Cursor(_field(fields, 1))
    topics = tuple(block.text(block.u8()) for _ in range(block.u16()))
    channel = _field_int(fields, 2, (1,)) if 2 in fields else CHANNEL
    return Topics(Ask(number), topics, channel)


def _read_channels(number: int, fields: _Fields) -> Channels:
    return Channels(Ask(number), _field_int(fields, 1, (8,)))


def _read_ack(_number: int, fields: _Fields) -> Ack:
    return Ack(_field_int(fields, 1, (4,)))


_READERS: Final[Mapping[int, Callable[[int, _Fields], FeedRequest]]] = {
    Ask.AUTH: _read_auth,
    Ask.MODE: _read_mode,
    Ask.SUBSCRIBE: _read_topics,
    Ask.UNSUBSCRIBE: _read_topics,
    Ask.SNAPSHOT: _read_topics,
    Ask.PAUSE: _read_channels,
    Ask.RESUME: _read_channels,
    Ask.ACK: _read_ack,
}


def encode_reply(ask: int, *, is_accepted: bool, tail: bytes = b"") -> bytes:
    """Answer a request; `tail` is the second field that live replies to 4 and 5 carry."""
    verdict = (1, b"K" if is_accepted else b"N")
    return _frame(ask, (verdict, (2, tail)) if tail else (verdict,))


def encode_auth_reply(ack_interval: int, schema: bytes, *, interval_bytes: int = 2) -> bytes:
    """Accept a connection: acknowledge every `ack_interval` data frames, fields as in `schema`."""
    fields = [(1, b"K"), (2, ack_interval.to_bytes(interval_bytes, "big"))]
    if schema:
        fields.append((3, schema))
    return _frame(Ask.AUTH, fields)


def encode_message(code: int, text: str, about: int | None = None) -> bytes:
    """Write a message of the service, such as 51001 (symbol limit)."""
    fields = [(1, code.to_bytes(4, "big", signed=True)), (2, text.encode())]
    if about is not None:
        fields.append((3, bytes([about])))
    return _frame(Ask.MESSAGE, fields)


def encode_data(number: int | None, records: Sequence[bytes]) -> bytes:
    """Put records into one data frame; `number` None is a service that wants no acks."""
    head = bytes([DATA]) + (b"" if number is None else (number & 0xFFFFFFFF).to_bytes(4, "big"))
    body = head + len(records).to_bytes(2, "big") + b"".join(records)
    return min(len(body), 0xFFFF).to_bytes(2, "big") + body


def encode_opaque(number: int, body: bytes) -> bytes:
    """Write a frame whose body means nothing to us, like the one of type 13."""
    return _with_length(bytes([number]) + body)


def decode_reply(frame: bytes) -> FeedReply | None:
    """Read a frame that is not data; None for a kind that clients skip.

    Raises:
        DecodeError: cut short, or a field of the wrong size.
    """
    cursor = Cursor(frame)
    cursor.skip(2)
    number = cursor.u8()
    if number not in _READ_REPLIES:
        return None
    fields = _read_fields(cursor)
    if number == Ask.MESSAGE:
        return FeedReply(
            ask=number,
            is_accepted=False,
            code=_signed(_field(fields, 1)),
            text=fields.get(2, b"").decode(errors="replace"),
            about=_field_int(fields, 3, (1,)) if 3 in fields else None,
        )
    is_accepted = _field(fields, 1) == b"K"
    if number != Ask.AUTH:
        return FeedReply(ask=number, is_accepted=is_accepted)
    # Two bytes live, four in what one published client expects: the field's length decides.
    sizes = range(1, _MAX_INTERVAL_BYTES + 1)
    return FeedReply(
        ask=number,
        is_accepted=is_accepted,
        ack_interval=_field_int(fields, 2, sizes) if 2 in fields else None,
        schema=fields.get(3, b""),
    )


_READ_REPLIES: Final = frozenset(
    {Ask.AUTH, Ask.SUBSCRIBE, Ask.UNSUBSCRIBE, Ask.PAUSE, Ask.RESUME, Ask.MODE, Ask.MESSAGE}
)


def _frame(number: int, fields: Sequence[tuple[int, bytes]]) -> bytes:
    parts = [bytes([number, len(fields)])]
    for field, value in fields:
        parts.append(bytes([field]) + len(value).to_bytes(2, "big") + value)
    return _with_length(b"".join(parts))


def _with_length(body: bytes) -> bytes:
    return min(len(body), 0xFFFF).to_bytes(2, "big") + body


def _topic_block(topics: Sequence[str]) -> bytes:
    parts = [len(topics).to_bytes(2, "big")]
    for topic in topics:
        raw = topic.encode()
        parts.append(bytes([len(raw)]) + raw)
    return b"".join(parts)


def _read_fields(cursor: Cursor) -> dict[int, bytes]:
    count = cursor.u8()
    fields: dict[int, bytes] = {}
    for _ in range(count):
        number = cursor.u8()
        fields[number] = cursor.take(cursor.u16())
    return fields


def _field(fields: _Fields, number: int) -> bytes:
    try:
        return fields[number]
    except KeyError:
        raise DecodeError(f"field {number}", "a value") from None


def _field_int(fields: _Fields, number: int, sizes: Iterable[int]) -> int:
    value = _field(fields, number)
    if len(value) not in sizes:
        raise DecodeError(f"field {number}", f"{' or '.join(map(str, sizes))} bytes", value)
    return int.from_bytes(value, "big")


def _field_text(fields: _Fields, number: int) -> str:
    value = _field(fields, number)
    try:
        return value.decode()
    except UnicodeDecodeError:
        # The value may be a key: only its place is told.
        raise DecodeError(f"field {number}", "UTF-8") from None


def _signed(value: bytes) -> int:
    if len(value) != 4:
        raise DecodeError("field 1", "4 bytes", value)
    return int.from_bytes(value, "big", signed=True)
