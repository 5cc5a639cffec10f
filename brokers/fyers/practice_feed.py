"""Topics and clients of the practice exchange's market-data socket.

Each topic's change is worked out and packed once per step of the market; what differs between
clients is only the topic id in front. Source: wire dossier §14 and §22.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from brokers.fyers.codec.feed_frames import (
    Ask,
    Mode,
    encode_auth_reply,
    encode_data,
    encode_message,
    encode_opaque,
    encode_reply,
)
from brokers.fyers.codec.feed_records import (
    NO_VALUE,
    SCRIP_VALUES,
    Snapshot,
    depth_values,
    encode_snapshot,
    index_values,
    scale,
    scrip_values,
)
from brokers.fyers.codec.feed_schema import schema_text
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.market import Depth, Quote
from brokers.net.server import WireSocket
from brokers.practice.faults import Faults

BROKER: Final = "fyers"
FEED: Final = "feed"
ACK_INTERVAL: Final = 2
SYMBOL_LIMIT: Final = 51001

_RECORDS_PER_FRAME: Final = 40
_OPAQUE: Final = 13
_OPAQUE_BODY: Final = bytes(range(256)) * 16
_STRANGER: Final = b"\xff\xfe"
_SHORT_EVERY: Final = 8
"""Every eighth update leaves out the unchanged values at its end, as some live ones do."""

_LTP: Final = struct.Struct(">i")


class Prices(Protocol):
    """What the exchange shows of an instrument; unknown ones are a KeyError."""

    def quote(self, instrument: InstrumentId, /) -> Quote: ...
    def depth(self, instrument: InstrumentId, /, levels: int = 5) -> Depth: ...


class Line:
    """One topic: what was last told of it, and to whom under which id."""

    def __init__(self, name: str, instrument: Instrument, prices: Prices, precision: int) -> None:
        self.name = name
        self.instrument = instrument
        self.is_index = name.startswith("if|")
        self.is_depth = name.startswith("dp|")
        self.followers: dict[FeedClient, bytes] = {}
        self._prices = prices
        self._precision = precision
        self._scale = scale(1, precision)
        self._updates = 0
        self.values = self.now()

    def now(self) -> tuple[int, ...]:
        """Give the values as the exchange has them."""
        if self.is_depth:
            return depth_values(self._prices.depth(self.instrument.id), self._scale)
        quote = self._prices.quote(self.instrument.id)
        if self.is_index:
            return index_values(quote, self._scale)
        values = scrip_values(quote, self._scale)
        # A side without orders is zeros on the wire, not "no value".
        sides = tuple([0 if value == NO_VALUE else value for value in values[4:8]])
        return values[:4] + sides + values[8:]

    def tell(self, new: tuple[int, ...]) -> None:
        """Give every follower what changed."""
        old, self.values = self.values, new
        self._updates += 1
        changed = _difference(old, new)
        if self._updates % _SHORT_EVERY == 0:
            changed = _shortened(changed)
        body = _packed(changed)
        ltp = b"" if old[0] == new[0] else _LTP.pack(new[0])
        for connection, topic_id in self.followers.items():
            connection.update(self, topic_id, body, ltp)

    def snapshot(self, topic_id: bytes, *, has_gaps: bool = False) -> bytes:
        """Write all of it, for one who knows nothing yet."""
        _, segment, token = self.name.split("|")
        values = self.values
        if has_gaps:
            values = tuple(NO_VALUE if at % 2 else value for at, value in enumerate(values))
        return encode_snapshot(
            Snapshot(
                topic_id=int.from_bytes(topic_id, "big"),
                topic=self.name,
                values=values,
                multiplier=1,
                precision=self._precision,
                exchange_segment=segment,
                token=token,
                symbol=token if self.is_index else self.instrument.ticker,
            )
        )

    def whole(self, topic_id: bytes) -> bytes:
        """Write all of it as an update, for one who missed some."""
        return b"U" + topic_id + _packed(self.values)


def _difference(old: Sequence[int], new: Sequence[int]) -> tuple[int, ...]:
    """Give an update; what is not known any more is told as zero, for NO_VALUE would keep it."""
    return tuple(
        [NO_VALUE if o == n else 0 if n == NO_VALUE else n for o, n in zip(old, new, strict=True)]
    )


def _packed(values: Sequence[int]) -> bytes:
    return struct.pack(f">B{len(values)}i", len(values), *values)


def _shortened(values: tuple[int, ...]) -> tuple[int, ...]:
    count = len(values)
    while count > 1 and values[count - 1] == NO_VALUE:
        count -= 1
    return values[:count]


class FeedClient:
    """One client: its topics, ids and channels, and what is about to be sent."""

    def __init__(self, socket: WireSocket, faults: Faults, serial: int) -> None:
        self.account: str | None = None
        self.topics: dict[Line, bytes] = {}
        self._socket = socket
        self._faults = faults
        self._serial = serial
        self._channels: dict[Line, int] = {}
        self._lite = 0
        self._paused = 0
        self._next_id = 1
        self._number = 0
        self._pending: list[bytes] = []

    # What clients ask for.

    def reply(self, ask: int, *, is_accepted: bool, tail: bytes = b"") -> None:
        self._socket.send(encode_reply(ask, is_accepted=is_accepted, tail=tail))

    def refuse_symbols(self) -> None:
        """Say that the plan has no room for them."""
        words = "Symbol limit exceeded"
        self._socket.send(encode_message(SYMBOL_LIMIT, words, Ask.SUBSCRIBE))

    def greet(self, account: str, *, wants_schema: bool) -> None:
        """Accept the login."""
        self.account = account
        schema = schema_text() if wants_schema else b""
        self._socket.send(encode_auth_reply(ACK_INTERVAL, schema))
        self._socket.send(encode_opaque(_OPAQUE, _OPAQUE_BODY))

    def set_mode(self, mode: Mode) -> None:
        """Switch channels between full and lite; full ones are brought up to date."""
        self._lite = self._lite | mode.channels if mode.is_lite else self._lite & ~mode.channels
        self.reply(Ask.MODE, is_accepted=True)
        if not mode.is_lite:
            self._catch_up(mode.channels)

    def pause(self, channels: int) -> None:
        self._paused |= channels
        self.reply(Ask.PAUSE, is_accepted=True)

    def resume(self, channels: int) -> None:
        missed = self._paused & channels
        self._paused &= ~channels
        self.reply(Ask.RESUME, is_accepted=True)
        self._catch_up(missed)

    def add(self, lines: Sequence[Line], channel: int) -> None:
        """Begin to tell of these topics, each with a snapshot."""
        fresh = [line for line in lines if line not in self.topics]
        for at, line in enumerate(fresh):
            # Every connection hands the same ids out in another order.
            number = self._next_id + (at + self._serial) % len(fresh)
            self._give_id(line, number.to_bytes(2, "big"))
        self._next_id += len(fresh)
        for line in lines:
            self._channels[line] = channel
        self._send_snapshots(lines)

    def drop(self, line: Line) -> None:
        """Tell no more of a topic."""
        if self.topics.pop(line, None) is not None:
            del self._channels[line]
            del line.followers[self]

    def renumber(self) -> None:
        """Hand the ids in use out anew and say everything again."""
        lines, ids = list(self.topics), list(self.topics.values())
        for line, topic_id in zip(lines, ids[1:] + ids[:1], strict=True):
            self._give_id(line, topic_id)
        self._send_snapshots(lines)

    # What the market does.

    def update(self, line: Line, topic_id: bytes, body: bytes, ltp: bytes) -> None:
        """Keep a change for the next frame, as the topic's channel wants it."""
        channel = self._channels[line]
        if self._paused >> channel & 1:
            return
        if self._lite >> channel & 1 and not line.is_depth:
            if ltp:
                self._pending.append(b"L" + topic_id + ltp)
        else:
            self._pending.append(b"U" + topic_id + body)

    def flush(self) -> None:
        """Send what is kept, many records in a frame."""
        if not self._pending:
            return
        records, self._pending = self._pending, []
        if self._faults.take(BROKER, FEED, "unknown_topic") is not None:
            records.insert(0, b"U" + _STRANGER + _packed([7] * SCRIP_VALUES))
            records.insert(1, b"L" + _STRANGER + _LTP.pack(7))
        if self._faults.take(BROKER, FEED, "mixed_records") is not None:
            records += self._mixture()
        self._send(records)

    def _mixture(self) -> Iterable[bytes]:
        """Give a snapshot, a short update and a lite one of the first quote there is."""
        for line, topic_id in self.topics.items():
            if not line.is_depth:
                ltp = _LTP.pack(line.values[0])
                yield line.snapshot(topic_id)
                yield b"U" + topic_id + b"\x01" + ltp
                yield b"L" + topic_id + ltp
                return

    # Small parts.

    def _give_id(self, line: Line, topic_id: bytes) -> None:
        self.topics[line] = line.followers[self] = topic_id

    def _send_snapshots(self, lines: Iterable[Line]) -> None:
        has_gaps = self._faults.take(BROKER, FEED, "no_value_snapshot") is not None
        self._send([line.snapshot(self.topics[line], has_gaps=has_gaps) for line in lines])

    def _catch_up(self, channels: int) -> None:
        missed = [line for line, channel in self._channels.items() if channels >> channel & 1]
        self._send([line.whole(self.topics[line]) for line in missed])

    def _send(self, records: Sequence[bytes]) -> None:
        for at in range(0, len(records), _RECORDS_PER_FRAME):
            self._number += 1
            frame = encode_data(self._number, records[at : at + _RECORDS_PER_FRAME])
            if self._faults.take(BROKER, FEED, "wrong_length") is not None:
                frame = b"\x00\x03" + frame[2:]
            self._socket.send(frame)
