"""The decoder against a slow, independent one, and against bytes nobody would send."""

import struct
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.errors import DecodeError
from brokers.fyers.codec.feed import Feed, Item
from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Level, Quote
from tests.brokers.fyers import hsm_examples as example

NOTHING = -(2**31)
TOO_MUCH = 2**31 - 1
TOPICS = {
    "sf|nse_cm|3045": InstrumentId("NSE:CM:3045"),
    "dp|nse_cm|3045": InstrumentId("NSE:CM:3045"),
    "if|nse_cm|Nifty 50": InstrumentId("NSE:CM:26000"),
    "sf|cde_fo|1234": InstrumentId("NSE:CD:1234"),
}
STRANGER = "sf|nse_cm|1"
WANTED = {
    instrument: tuple(topic for topic, its in TOPICS.items() if its == instrument)
    for instrument in TOPICS.values()
}

# What each position is, spelled out once more.
SCRIP_FIELDS = (
    *("ltp_e4", "volume", "traded_ns", "exchange_ns", "bid_qty", "ask_qty", "bid_e4", "ask_e4"),
    *("last_qty", "total_buy_qty", "total_sell_qty", "average_e4", "open_interest", "low_e4"),
    *("high_e4", "year_high_e4", "year_low_e4", "lower_circuit_e4", "upper_circuit_e4"),
    *("open_e4", "previous_close_e4"),
)
INDEX_FIELDS = (
    *("ltp_e4", "previous_close_e4", "exchange_ns", "high_e4", "low_e4", "open_e4"),
    *("year_high_e4", "year_low_e4"),
)


class Broken(Exception):
    """The reference cannot read on."""


@dataclass
class Reference:
    """Reads records with a loop and a dictionary, believing nothing but the dossier's tables."""

    names: dict[bytes, str] = field(default_factory=dict)
    units: dict[bytes, Fraction] = field(default_factory=dict)
    values: dict[bytes, dict[int, int]] = field(default_factory=dict)

    def read(self, frame: bytes) -> list[Item]:
        before = (dict(self.names), dict(self.units), {k: dict(v) for k, v in self.values.items()})
        try:
            return self._read(frame)
        except Broken:
            self.names, self.units, self.values = before
            raise

    def _read(self, frame: bytes) -> list[Item]:
        rest, items = frame[9:], []
        for _ in range(int.from_bytes(frame[7:9], "big")):
            kind, rest = self._cut(rest, 1)
            topic, rest = self._cut(rest, 2)
            if kind == b"S":
                rest = self._snapshot(topic, rest)
                if topic in self.names:
                    items.append(self._item(topic))
                continue
            if kind == b"U":
                count, rest = self._cut(rest, 1)
                raw, rest = self._cut(rest, 4 * count[0])
            elif kind == b"L":
                raw, rest = self._cut(rest, 4)
            else:
                raise Broken
            if topic not in self.names:
                continue
            told = self._state(topic)
            for at in range(len(raw) // 4):
                (value,) = struct.unpack(">i", raw[4 * at : 4 * at + 4])
                if value != NOTHING:
                    self.values[topic][at] = value
            if self._state(topic) != told:
                items.append(self._item(topic))
        return items

    def _snapshot(self, topic: bytes, rest: bytes) -> bytes:
        name, rest = self._text(rest)
        count, rest = self._cut(rest, 1)
        raw, rest = self._cut(rest, 4 * count[0])
        tail, rest = self._cut(rest, 5)
        for _ in range(3):
            _, rest = self._text(rest)
        self.names.pop(topic, None)
        try:
            wanted = name.decode()
        except UnicodeDecodeError:
            raise Broken from None
        if wanted not in TOPICS:
            return rest
        multiplier, precision = int.from_bytes(tail[2:4], "big"), tail[4]
        if multiplier == 0 or precision > 9:
            raise Broken
        self.names[topic] = wanted
        self.units[topic] = Fraction(10**4, 10**precision * multiplier)
        self.values[topic] = {}
        for at in range(count[0]):
            (value,) = struct.unpack(">i", raw[4 * at : 4 * at + 4])
            if value != NOTHING:
                self.values[topic][at] = value
        return rest

    def _text(self, rest: bytes) -> tuple[bytes, bytes]:
        size, rest = self._cut(rest, 1)
        return self._cut(rest, size[0])

    @staticmethod
    def _cut(rest: bytes, size: int) -> tuple[bytes, bytes]:
        if len(rest) < size:
            raise Broken
        return rest[:size], rest[size:]

    def _state(self, topic: bytes) -> object:
        if self.names[topic].startswith("dp"):
            return {at: value for at, value in self.values[topic].items() if at < 30}
        # Unchanged means unchanged on the wire: a price finer than ours may round to the same.
        units, self.units = self.units, dict.fromkeys(self.units, Fraction(1))
        try:
            return self._item(topic)
        finally:
            self.units = units

    def _item(self, topic: bytes) -> Item:
        name, values = self.names[topic], self.values[topic]
        instrument = TOPICS[name]
        if name.startswith("dp"):
            return Depth(instrument, self._side(topic, 0), self._side(topic, 5))
        fields = INDEX_FIELDS if name.startswith("if") else SCRIP_FIELDS
        found: dict[str, int] = {}
        for at, key in enumerate(fields):
            value = values.get(at)
            if value is None:
                continue
            if key.endswith("_e4"):
                if 0 < value < TOO_MUCH:
                    found[key] = self._price(topic, value)
            elif key.endswith("_ns"):
                if value > 0:
                    found[key] = value * 10**9
            elif value >= 0:
                found[key] = value
        return Quote(instrument, **found)

    def _side(self, topic: bytes, first: int) -> tuple[Level, ...]:
        values = self.values[topic]
        side = []
        for at in range(first, first + 5):
            price, quantity, orders = (values.get(at + 10 * n, -1) for n in range(3))
            if 0 < price < TOO_MUCH and quantity > 0:
                side.append(
                    Level(self._price(topic, price), quantity, orders if orders >= 0 else None)
                )
        return tuple(side)

    def _price(self, topic: bytes, raw: int) -> int:
        return (raw * self.units[topic] + Fraction(1, 2)).__floor__()


numbers = st.one_of(
    st.just(NOTHING),
    st.integers(1, 300_000),
    st.integers(NOTHING, TOO_MUCH),
    st.sampled_from([0, -1, TOO_MUCH, 1788941111]),
)
ids = st.integers(0, 5).map(lambda number: number.to_bytes(2, "big"))


def pack(values: list[int]) -> bytes:
    return bytes([len(values)]) + struct.pack(f">{len(values)}i", *values)


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


@st.composite
def records(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from("SUUUUUL"))
    topic = draw(ids)
    if kind == "L":
        return b"L" + topic + struct.pack(">i", draw(numbers))
    size = draw(st.sampled_from([21, 21, 30, 8, 6, 1, 0, 3, 40]))
    values = draw(st.lists(numbers, min_size=size, max_size=size))
    if kind == "U":
        return b"U" + topic + pack(values)
    name = draw(st.sampled_from([*TOPICS, *TOPICS, STRANGER])).encode()
    scale = struct.pack(
        ">HB", draw(st.sampled_from([1, 1, 1, 3, 100, 0])), draw(st.sampled_from([2, 2, 4, 5, 0]))
    )
    tail = short(b"nse_cm") + short(b"3045") + short(b"\xffX")
    return b"S" + topic + short(name) + pack(values) + b"\0\0" + scale + tail


def frame_of(parts: list[bytes]) -> bytes:
    body = b"\x06\0\0\0\x01" + len(parts).to_bytes(2, "big") + b"".join(parts)
    return len(body).to_bytes(2, "big") + body


frames = st.lists(records(), max_size=6).map(frame_of)


def fresh() -> Feed:
    feed = Feed(example.KEY)
    feed.opening()
    feed.receive(example.AUTH_DONE)
    feed.follow(WANTED)
    return feed


def both(feed: Feed, reference: Reference, frame: bytes) -> None:
    expected: list[Item] | None
    try:
        expected = reference.read(frame)
    except Broken:
        expected = None
    try:
        found: list[Item] | None = feed.receive(frame)
    except DecodeError:
        found = None
    assert found == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(frames, min_size=1, max_size=8))
def test_the_decoder_agrees_with_the_reference(run: list[bytes]) -> None:
    feed, reference = fresh(), Reference()
    for frame in run:
        both(feed, reference, frame)


@settings(max_examples=200, deadline=None)
@given(frames, st.lists(st.tuples(st.integers(9, 400), st.integers(0, 255)), max_size=4), frames)
def test_the_decoder_agrees_on_frames_with_flipped_bytes(
    first: bytes, flips: list[tuple[int, int]], last: bytes
) -> None:
    feed, reference = fresh(), Reference()
    both(feed, reference, first)
    bent = bytearray(first)
    for at, byte in flips:
        if at < len(bent):
            bent[at] = byte
    both(feed, reference, bytes(bent))
    both(feed, reference, last)


@settings(deadline=None)
@given(st.data())
def test_the_decoder_agrees_on_frames_cut_anywhere(data: st.DataObject) -> None:
    feed, reference = fresh(), Reference()
    first, second = data.draw(frames), data.draw(frames)
    both(feed, reference, first)
    both(feed, reference, second[: data.draw(st.integers(9, max(9, len(second))))])
    both(feed, reference, first)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([None, 1, 6, 51]))
def test_garbage_is_read_or_refused(noise: bytes, kind: int | None) -> None:
    feed = fresh()
    frame = noise if kind is None else noise[:2] + bytes([kind]) + noise[2:]
    try:
        feed.receive(frame)
    except DecodeError:
        assert feed.receive(example.SCRIP_SNAPSHOT)


def test_a_frame_that_claims_more_records_than_it_holds_ends_at_once() -> None:
    feed = fresh()
    body = b"\x06\0\0\0\x01\xff\xff" + b"U\0\x09\0" * 65534
    with pytest.raises(DecodeError):
        feed.receive(b"\xff\xff" + body)


def test_a_huge_frame_of_noise_is_refused_at_its_first_record() -> None:
    feed = fresh()
    with pytest.raises(DecodeError, match="offset 9"):
        feed.receive(b"\xff\xff\x06" + b"\xee" * (16 << 20))
