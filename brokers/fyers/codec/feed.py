"""The FYERS market-data socket (HSM v1-5): frames in, quotes and depth out, and what to send.

Source: wire dossier §14. The topic table belongs to one connection: the service hands out two-byte
ids with each snapshot and hands out others after a reconnect, so an update is only ever merged
over a snapshot of the same connection.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from brokers.errors import DecodeError
from brokers.fyers.codec.feed_frames import (
    CHANNEL,
    DATA,
    Ask,
    Auth,
    FeedReply,
    Mode,
    Ping,
    decode_reply,
    encode_ack,
    encode_request,
    topic_frames,
)
from brokers.fyers.codec.feed_records import (
    DEPTH_VALUES,
    INDEX_VALUES,
    LITE,
    NO_VALUE,
    SCRIP_VALUES,
    SNAPSHOT,
    UPDATE,
    Scale,
    arrange,
    decode_snapshot,
    depth_in_e4,
    merge_index,
    merge_scrip,
    merge_values,
    quote_in_e4,
    read_depth,
    scale,
    unpack_depth,
    unpack_index,
    unpack_scrip,
    unpack_values,
)
from brokers.fyers.codec.feed_schema import (
    DEFAULT_LAYOUT,
    Layout,
    read_layout,
)
from brokers.fyers.codec.texts import clean
from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Quote

SOURCE: Final = "Tezi"
"""How this client names itself in AUTH."""

MAX_TOPICS: Final = 5000
"""Topics per connection; quote and depth of one instrument count separately."""

_OUTCOMES: Final[Mapping[int, tuple[str, int, str]]] = {
    Ask.AUTH: ("Authentication done", 11001, "Authentication failed"),
    Ask.SUBSCRIBE: ("Subscribed", 11011, "subscription failed"),
    Ask.UNSUBSCRIBE: ("Unsubscribed", 11012, "unsubscription failed"),
    Ask.PAUSE: ("Channel Paused", 11031, "Channel pause failed"),
    Ask.RESUME: ("Channel Resumed", 11032, "Channel resume failed"),
    Ask.MODE: ("Full Mode On", 12001, "Mode change failed"),
}
"""The published client's words and codes for accepted and refused requests."""

_ACCEPTED: Final = 200


class FeedNotice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The service's answer to a request, or its own message (`is_accepted` False, its own code).

    `about` is the kind of request it is about, None where the service did not say.
    """

    about: int | None
    is_accepted: bool
    code: int
    text: str


Item = Quote | Depth | FeedNotice


class _QuoteTopic:
    """A quote or index topic: the newest known state, merged."""

    __slots__ = ("_count", "_factor", "_merge", "_order", "_scale", "_unpack", "name", "state")

    def __init__(self, name: str, instrument: InstrumentId, prices: Scale, layout: Layout) -> None:
        self.name = name
        self.state = Quote(instrument)
        self._scale = prices
        self._factor = prices.factor
        is_index = name.startswith("if|")
        self._merge = merge_index if is_index else merge_scrip
        self._unpack = unpack_index if is_index else unpack_scrip
        self._count = INDEX_VALUES if is_index else SCRIP_VALUES
        self._order = layout.index if is_index else layout.scrip

    def full(self) -> int:
        """Give the count of values that `update` reads, 0 where `take` has to be asked."""
        return self._count if self._order is None and self._factor else 0

    def update(self, frame: bytes, at: int) -> Quote | None:
        """Merge the full update that starts at `at`; None when nothing changed."""
        state = self._merge(self.state, self._unpack(frame, at), self._factor)
        if state == self.state:
            return None
        self.state = state
        return state

    def take(self, sent: tuple[int, ...]) -> Quote | None:
        """Merge any number of values; None when nothing changed."""
        values = arrange(sent, self._order, self._count)
        state = self._merge(self.state, values, self._factor or 1)
        if state == self.state:
            return None
        self.state = state
        return self.item()

    def item(self) -> Quote:
        """Give all that is known."""
        return self.state if self._factor else quote_in_e4(self.state, self._scale)


class _DepthTopic:
    """A depth topic: 30 raw values."""

    __slots__ = ("_empty", "_factor", "_order", "_scale", "name", "state")

    def __init__(self, name: str, instrument: InstrumentId, prices: Scale, layout: Layout) -> None:
        self.name = name
        self.state: tuple[int, ...] = (NO_VALUE,) * DEPTH_VALUES
        self._empty = Depth(instrument, (), ())
        self._order = layout.depth
        self._scale = prices
        self._factor = prices.factor

    def full(self) -> int:
        """Give the count of values that `update` reads, 0 where `take` has to be asked."""
        return DEPTH_VALUES if self._order is None and self._factor else 0

    def update(self, frame: bytes, at: int) -> Depth | None:
        """Merge the full update that starts at `at`; None when nothing changed."""
        values = unpack_depth(frame, at)
        if NO_VALUE in values:
            values = merge_values(self.state, values)
        if values == self.state:
            return None
        self.state = values
        return read_depth(self._empty, values, self._factor)

    def take(self, sent: tuple[int, ...]) -> Depth | None:
        """Merge any number of values; None when nothing changed."""
        state = merge_values(self.state, arrange(sent, self._order, DEPTH_VALUES))
        if state == self.state:
            return None
        self.state = state
        return self.item()

    def item(self) -> Depth:
        """Give all that is known."""
        depth = read_depth(self._empty, self.state, self._factor or 1)
        return depth if self._factor else depth_in_e4(depth, self._scale)


_Topic = _QuoteTopic | _DepthTopic
_Undo = tuple[int | _Topic, _Topic | Quote | tuple[int, ...] | None]
"""A topic and its state before, or a topic id and its topic before."""


_SLOW: Final[tuple[int, _Topic | None]] = (0, None)


class Feed:
    """One login's market data. Feed it frames, send what it gives; it opens nothing itself.

    A connection goes: send `opening()`; hand every frame to `receive`; once AUTH is accepted send
    `resume()`; after every `receive` send `outgoing()`; every ten seconds send `ping()`.
    """

    def __init__(self, hsm_key: str, source: str = SOURCE, *, is_lite: bool = False) -> None:
        self._auth = encode_request(Auth(hsm_key, source))
        self._mode = encode_request(Mode(1 << CHANNEL, is_lite))
        self._wanted: dict[str, InstrumentId] = {}
        self._forget()

    def _forget(self) -> None:
        self._topics: dict[int, _Topic] = {}
        self._quick: dict[int, tuple[int, _Topic]] = {}
        """Those of the above whose full updates need no rearranging, and their size."""
        self._layout = DEFAULT_LAYOUT
        self._ack_interval = 0
        self._records_at = 9
        self._data_frames = 0
        self._outgoing: list[bytes] = []
        self.is_accepted = False

    def opening(self) -> list[bytes]:
        """Begin a connection: forget the last one's topic ids, give AUTH and MODE."""
        self._forget()
        return [self._auth, self._mode]

    def resume(self) -> list[bytes]:
        """Ask for the whole wanted set; for a connection that has just been accepted."""
        return topic_frames(Ask.SUBSCRIBE, self._wanted)

    def follow(self, wanted: Mapping[InstrumentId, Sequence[str]]) -> list[bytes]:
        """Want exactly these topics; gives the difference to send.

        Empty before the connection is accepted: `resume` will ask for everything then.

        Raises:
            ValueError: more topics than a connection takes; nothing has changed.
        """
        topics = {topic: instrument for instrument, row in wanted.items() for topic in row}
        if len(topics) > MAX_TOPICS:
            raise ValueError(f"a connection takes {MAX_TOPICS} topics, {len(topics)} asked for")
        dropped = [topic for topic in self._wanted if topic not in topics]
        added = [topic for topic in topics if topic not in self._wanted]
        self._wanted = topics
        if dropped:
            self._drop(frozenset(dropped))
        if not self.is_accepted:
            return []
        return topic_frames(Ask.UNSUBSCRIBE, dropped) + topic_frames(Ask.SUBSCRIBE, added)

    def known(self) -> dict[InstrumentId, Quote]:
        """Give the newest quote of every topic that has told one on this connection."""
        quotes = (t.item() for t in self._topics.values() if isinstance(t, _QuoteTopic))
        return {quote.instrument: quote for quote in quotes}

    def ping(self) -> bytes:
        """Give the frame that keeps the connection alive."""
        return encode_request(Ping())

    def outgoing(self) -> list[bytes]:
        """Take the acknowledgements that are due."""
        due = self._outgoing
        if due:
            self._outgoing = []
        return due

    def receive(self, frame: bytes) -> list[Item]:
        """Read one frame.

        Returns:
            What changed, in the order of the frame; empty for what says nothing new.

        Raises:
            DecodeError: the frame cannot be read; nothing of it has been taken.
        """
        if len(frame) < 3:
            raise DecodeError("offset 0", "a frame of at least 3 bytes", frame)
        return self._data(frame) if frame[2] == DATA else self._reply(frame)

    def _data(self, frame: bytes) -> list[Item]:
        at = self._records_at
        quick = self._quick
        items: list[Item] = []
        undo: list[_Undo] = []
        try:
            count = frame[at - 2] << 8 | frame[at - 1]
            for _ in range(count):
                size, topic = quick.get(frame[at + 1] << 8 | frame[at + 2], _SLOW)
                if topic is None or frame[at] != UPDATE or frame[at + 3] != size:
                    at = self._record(frame, at, items, undo)
                    continue
                # Nearly every record is a full update: as few calls as can be for those.
                before = topic.state
                item = topic.update(frame, at)
                at += 4 + 4 * size
                if item is not None:
                    undo.append((topic, before))
                    items.append(item)
        except (IndexError, struct.error, DecodeError) as error:
            self._roll_back(undo)
            if isinstance(error, DecodeError):
                raise
            raise DecodeError(f"offset {at}", "a whole record", frame[at : at + 8]) from None
        self._count_data(frame)
        return items

    def _record(self, frame: bytes, at: int, items: list[Item], undo: list[_Undo]) -> int:
        """Take any record; gives where the next one starts."""
        kind = frame[at]
        if kind == SNAPSHOT:
            return self._snapshot(frame, at, items, undo)
        topic = self._topics.get(frame[at + 1] << 8 | frame[at + 2])
        if kind == UPDATE:
            first, count = at + 4, frame[at + 3]
        elif kind == LITE:
            # A lite record has no count of its own: the schema says it.
            is_index = topic is not None and topic.name.startswith("if|")
            first = at + 3
            count = self._layout.index_lite if is_index else self._layout.scrip_lite
        else:
            raise DecodeError(f"offset {at}", "a record of kind S, U or L", kind)
        # An unknown topic's values are read too: the frame may end inside them.
        values = unpack_values(frame, first, count)
        if topic is not None:
            before = topic.state
            item = topic.take(values)
            if item is not None:
                undo.append((topic, before))
                items.append(item)
        return first + 4 * count

    def _snapshot(self, frame: bytes, at: int, items: list[Item], undo: list[_Undo]) -> int:
        record, end = decode_snapshot(frame, at)
        instrument = self._wanted.get(record.topic)
        undo.append((record.topic_id, self._topics.get(record.topic_id)))
        if instrument is None:
            # No longer wanted, or never: what comes under this id now is skipped.
            self._bind(record.topic_id, None)
            return end
        prices = scale(record.multiplier, record.precision, f"offset {at}")
        kind = _DepthTopic if record.topic.startswith("dp|") else _QuoteTopic
        topic = kind(record.topic, instrument, prices, self._layout)
        topic.take(record.values)
        items.append(topic.item())
        self._bind(record.topic_id, topic)
        return end

    def _bind(self, topic_id: int, topic: _Topic | None) -> None:
        self._quick.pop(topic_id, None)
        if topic is None:
            self._topics.pop(topic_id, None)
            return
        self._topics[topic_id] = topic
        size = topic.full()
        if size:
            self._quick[topic_id] = (size, topic)

    def _drop(self, names: frozenset[str]) -> None:
        for topic_id in [i for i, topic in self._topics.items() if topic.name in names]:
            self._bind(topic_id, None)

    def _roll_back(self, undo: Sequence[_Undo]) -> None:
        for target, before in reversed(undo):
            match target, before:
                case int(), _QuoteTopic() | _DepthTopic() | None:
                    self._bind(target, before)
                case _QuoteTopic(), Quote():
                    target.state = before
                case _DepthTopic(), tuple():
                    target.state = before

    def _count_data(self, frame: bytes) -> None:
        self._data_frames += 1
        if self._ack_interval and self._data_frames % self._ack_interval == 0:
            self._outgoing.append(encode_ack(frame[3:7]))

    def _reply(self, frame: bytes) -> list[Item]:
        reply = decode_reply(frame)
        if reply is None:
            return []
        if reply.ask == Ask.MESSAGE:
            return [_message(reply)]
        if reply.ask == Ask.AUTH:
            self._accept(reply)
        words, code, refusal = _OUTCOMES[reply.ask]
        return [
            FeedNotice(
                about=reply.ask,
                is_accepted=reply.is_accepted,
                code=_ACCEPTED if reply.is_accepted else code,
                text=words if reply.is_accepted else refusal,
            )
        ]

    def _accept(self, reply: FeedReply) -> None:
        self.is_accepted = reply.is_accepted
        if reply.schema:
            self._layout = read_layout(reply.schema)
        self._ack_interval = reply.ack_interval or 0
        # A service that wants no acknowledgements leaves the message number out.
        self._records_at = 5 if reply.ack_interval == 0 else 9


def _message(reply: FeedReply) -> FeedNotice:
    return FeedNotice(
        about=reply.about,
        is_accepted=False,
        code=reply.code or 0,
        text=clean(reply.text),
    )
