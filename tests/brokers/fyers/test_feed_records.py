"""Snapshots and updates: the dossier's worked frames decoded, and encoded back to the byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import DecodeError
from brokers.fyers.codec.feed import Feed, Item
from brokers.fyers.codec.feed_frames import encode_data
from brokers.fyers.codec.feed_records import (
    MAX_VALUE,
    NO_VALUE,
    Snapshot,
    changed_values,
    decode_snapshot,
    depth_values,
    encode_lite,
    encode_snapshot,
    encode_update,
    index_values,
    merge_index,
    merge_scrip,
    merge_values,
    read_depth,
    scale,
    scrip_values,
    unpack_values,
)
from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Level, Quote
from brokers.model.money import parse_e4
from tests.brokers.fyers import hsm_examples as example

SBIN = InstrumentId("NSE:CM:3045")
NIFTY = InstrumentId("NSE:CM:26000")
RUPEE = InstrumentId("NSE:CD:1234")
NS = 1_000_000_000
WANTED = {
    SBIN: ("sf|nse_cm|3045", "dp|nse_cm|3045"),
    NIFTY: ("if|nse_cm|Nifty 50",),
    RUPEE: ("sf|cde_fo|1234",),
}
PAISE = scale(1, 2)


def fed(*frames: bytes) -> list[Item]:
    """Give what the last of the frames brought."""
    feed = Feed(example.KEY)
    feed.follow(WANTED)
    feed.opening()
    feed.receive(example.AUTH_DONE)
    items: list[Item] = []
    for frame in frames:
        items = feed.receive(frame)
    return items


def e4(text: str) -> int:
    return parse_e4(text)


SBIN_QUOTE = Quote(
    SBIN,
    ltp_e4=e4("1068.45"),
    volume=8412345,
    traded_ns=1788941111 * NS,
    exchange_ns=1788941112 * NS,
    bid_qty=14914,
    ask_qty=0,
    bid_e4=e4("1068.45"),
    ask_e4=None,
    last_qty=25,
    total_buy_qty=812345,
    total_sell_qty=902345,
    average_e4=e4("1070.12"),
    low_e4=e4("1063"),
    high_e4=e4("1077.70"),
    lower_circuit_e4=e4("978.25"),
    upper_circuit_e4=e4("1195.55"),
    open_e4=e4("1075"),
    previous_close_e4=e4("1086.90"),
)


def test_a_scrip_snapshot_with_the_circuit_limits_the_published_client_hides() -> None:
    assert fed(example.SCRIP_SNAPSHOT) == [SBIN_QUOTE]


def test_an_index_snapshot_of_six_values() -> None:
    assert fed(example.INDEX_SNAPSHOT) == [
        Quote(
            NIFTY,
            ltp_e4=e4("26188.10"),
            exchange_ns=1727428424 * NS,
            previous_close_e4=e4("26216.05"),
            high_e4=e4("26277.35"),
            low_e4=e4("26166.95"),
            open_e4=e4("26248.25"),
        )
    ]


def test_a_depth_snapshot() -> None:
    bids = [("1068.45", 100), ("1068.40", 200), ("1068.35", 300), ("1068.30", 400)]
    asks = [("1068.50", 200), ("1068.55", 300), ("1068.60", 400), ("1068.65", 500)]
    assert fed(example.DEPTH_SNAPSHOT) == [
        Depth(
            SBIN,
            tuple(
                Level(e4(p), q, n) for n, (p, q) in enumerate([*bids, ("1068.25", 500)], start=1)
            ),
            tuple(
                Level(e4(p), q, n) for n, (p, q) in enumerate([*asks, ("1068.70", 600)], start=6)
            ),
        )
    ]


def test_an_update_changes_what_it_names_and_keeps_the_rest() -> None:
    (quote,) = fed(example.SCRIP_SNAPSHOT, example.SCRIP_UPDATE)
    assert isinstance(quote, Quote)
    assert quote.ltp_e4 == e4("1068.50")
    assert quote.volume == 8412445
    assert quote.traded_ns == quote.exchange_ns == 1788941113 * NS
    assert quote.last_qty == 100
    assert (quote.bid_e4, quote.previous_close_e4) == (e4("1068.45"), e4("1086.90"))


def test_a_short_update_and_its_repetition_that_says_nothing() -> None:
    before = (example.SCRIP_SNAPSHOT, example.SCRIP_UPDATE)
    (quote,) = fed(*before, example.SHORT_UPDATE)
    assert isinstance(quote, Quote)
    assert (quote.ltp_e4, quote.volume) == (e4("1068.55"), 8412445)
    assert fed(*before, example.SHORT_UPDATE, example.UNCHANGED_UPDATE) == []


def test_an_index_update_of_eight_values_has_the_year_range() -> None:
    (quote,) = fed(example.INDEX_SNAPSHOT, example.INDEX_UPDATE)
    assert isinstance(quote, Quote)
    assert quote.ltp_e4 == e4("26189.00")
    assert (quote.year_high_e4, quote.year_low_e4) == (e4("26277.40"), e4("25410.05"))
    assert quote.exchange_ns == 1727428425 * NS
    assert quote.open_e4 == e4("26248.25")


def test_a_depth_update_of_one_size() -> None:
    (before,) = fed(example.DEPTH_SNAPSHOT)
    (depth,) = fed(example.DEPTH_SNAPSHOT, example.DEPTH_UPDATE)
    assert isinstance(before, Depth)
    assert isinstance(depth, Depth)
    assert depth.bids[0] == Level(e4("1068.45"), 150, 1)
    assert depth.bids[1:] == before.bids[1:]
    assert depth.asks == before.asks


def test_four_decimals_are_kept() -> None:
    (quote,) = fed(example.FINE_SNAPSHOT)
    assert quote == Quote(
        RUPEE,
        ltp_e4=884275,
        volume=100,
        traded_ns=1788941111 * NS,
        exchange_ns=1788941112 * NS,
        bid_qty=5,
        ask_qty=6,
        bid_e4=884250,
        ask_e4=884300,
        last_qty=1,
        total_buy_qty=10,
        total_sell_qty=20,
        average_e4=884270,
        open_interest=1234,
        low_e4=883000,
        high_e4=885000,
        lower_circuit_e4=860000,
        upper_circuit_e4=900000,
        open_e4=884000,
        previous_close_e4=884100,
    )


def test_a_lite_update_is_the_last_price() -> None:
    (quote,) = fed(example.SCRIP_SNAPSHOT, example.LITE_UPDATE)
    assert isinstance(quote, Quote)
    assert (quote.ltp_e4, quote.volume) == (e4("1068.60"), SBIN_QUOTE.volume)


@pytest.mark.parametrize("frame", example.DATA_FRAMES)
def test_the_encoder_writes_the_worked_frames_back(frame: bytes) -> None:
    number = int.from_bytes(frame[3:7], "big")
    if frame[9] == ord("S"):
        record, end = decode_snapshot(frame, 9)
        assert end == len(frame)
        written = encode_snapshot(record)
    else:
        values = unpack_values(frame, 13, frame[12])
        written = encode_update(int.from_bytes(frame[10:12], "big"), values)
    assert encode_data(number, [written]) == frame


def test_the_lite_frame_is_written_back() -> None:
    assert encode_data(2, [encode_lite(1, 0x1A16C)]) == example.LITE_UPDATE


def test_quotes_and_depth_become_the_worked_snapshots() -> None:
    record, _ = decode_snapshot(example.SCRIP_SNAPSHOT, 9)
    # The wire says an empty side as a price of zero; a quote says that there is none.
    wire = list(record.values)
    wire[7] = NO_VALUE
    assert scrip_values(SBIN_QUOTE, PAISE) == tuple(wire)
    (index,) = fed(example.INDEX_SNAPSHOT)
    assert isinstance(index, Quote)
    record, _ = decode_snapshot(example.INDEX_SNAPSHOT, 9)
    assert index_values(index, PAISE) == (*record.values, NO_VALUE, NO_VALUE)
    (depth,) = fed(example.DEPTH_SNAPSHOT)
    assert isinstance(depth, Depth)
    record, _ = decode_snapshot(example.DEPTH_SNAPSHOT, 9)
    assert depth_values(depth, PAISE) == record.values


def test_levels_without_quantity_or_price_are_left_out() -> None:
    book = Depth(SBIN, (Level(100_00, 5, 1),), ())
    values = depth_values(book, PAISE)
    assert values[1:10] == (0,) * 9
    assert read_depth(Depth(SBIN, (), ()), values, 100) == book
    odd = list(values)
    odd[1], odd[11] = NO_VALUE, 7
    odd[2], odd[12] = 100, NO_VALUE
    odd[3], odd[13] = MAX_VALUE, 7
    odd[20] = NO_VALUE
    assert read_depth(Depth(SBIN, (), ()), tuple(odd), 100).bids == (Level(100_00, 5, None),)


@pytest.mark.parametrize("poison", [0, -1, -2147483647, MAX_VALUE])
def test_what_cannot_be_a_price_goes_blank(poison: int) -> None:
    values = [NO_VALUE] * 21
    values[0] = values[6] = values[20] = poison
    quote = merge_scrip(SBIN_QUOTE, tuple(values), 100)
    assert (quote.ltp_e4, quote.bid_e4, quote.previous_close_e4) == (None, None, None)
    assert quote.high_e4 == SBIN_QUOTE.high_e4
    assert merge_index(SBIN_QUOTE, (poison, *[NO_VALUE] * 7), 100).ltp_e4 is None


@pytest.mark.parametrize("poison", [-1, -2147483647])
def test_what_cannot_be_a_count_or_a_time_goes_blank(poison: int) -> None:
    values = [NO_VALUE] * 21
    for at in (1, 2, 3, 4, 5, 8, 9, 10, 12):
        values[at] = poison
    quote = merge_scrip(SBIN_QUOTE, tuple(values), 100)
    assert quote.ltp_e4 == SBIN_QUOTE.ltp_e4
    assert {quote.volume, quote.traded_ns, quote.exchange_ns, quote.bid_qty, quote.ask_qty} == {
        None
    }
    assert {quote.last_qty, quote.total_buy_qty, quote.open_interest} == {None}


def test_an_unset_time_is_no_time() -> None:
    values = [NO_VALUE] * 21
    values[2] = 0
    assert merge_scrip(SBIN_QUOTE, tuple(values), 100).traded_ns is None


@pytest.mark.parametrize(
    ("multiplier", "precision", "raw", "price_e4"),
    [
        (1, 2, 106845, 10684500),
        (1, 4, 884275, 884275),
        (1, 0, 5, 50000),
        (100, 0, 250000, 25000000),
        (1, 5, 884275, 88428),  # 8.84275, half up
        (1, 5, 884274, 88427),
        (3, 2, 100, 3333),  # 0.3333…
        (3, 0, 2_000_000_000, 6_666_666_666_667),
        (65535, 9, MAX_VALUE - 1, 0),
    ],
)
def test_prices_scale_exactly_or_round_half_up(
    multiplier: int, precision: int, raw: int, price_e4: int
) -> None:
    assert scale(multiplier, precision).e4(raw) == price_e4


@pytest.mark.parametrize(("multiplier", "precision"), [(0, 2), (1, 10), (1, 255)])
def test_a_scale_that_cannot_be_is_refused(multiplier: int, precision: int) -> None:
    with pytest.raises(DecodeError):
        scale(multiplier, precision)


@pytest.mark.parametrize(("multiplier", "precision"), [(1, 5), (3, 2), (3, 0)])
def test_an_inexact_scale_reaches_quotes_and_depth(multiplier: int, precision: int) -> None:
    feed = Feed(example.KEY)
    feed.follow(WANTED)
    raw = 1_234_567_891
    price = scale(multiplier, precision).e4(raw)
    snapshot = Snapshot(
        topic_id=1,
        topic="sf|nse_cm|3045",
        values=(raw, 7, *[NO_VALUE] * 19),
        multiplier=multiplier,
        precision=precision,
    )
    (quote,) = feed.receive(encode_data(1, [encode_snapshot(snapshot)]))
    assert quote == Quote(SBIN, ltp_e4=price, volume=7)
    (quote,) = feed.receive(encode_data(2, [encode_update(1, (NO_VALUE, 8, *[NO_VALUE] * 19))]))
    assert quote == Quote(SBIN, ltp_e4=price, volume=8)
    book = Snapshot(
        topic_id=2,
        topic="dp|nse_cm|3045",
        values=(raw, *[0] * 9, 5, *[0] * 9, 1, *[0] * 9),
        multiplier=multiplier,
        precision=precision,
    )
    (depth,) = feed.receive(encode_data(3, [encode_snapshot(book)]))
    assert depth == Depth(SBIN, (Level(price, 5, 1),), ())


@given(st.integers(1, 65535), st.integers(0, 9), st.integers(1, MAX_VALUE))
def test_a_scale_is_the_fraction_it_stands_for(multiplier: int, precision: int, raw: int) -> None:
    found = scale(multiplier, precision).e4(raw)
    # |found − raw × 10⁴ / (10^P × M)| ≤ ½
    assert abs(2 * found * 10**precision * multiplier - 2 * raw * 10**4) <= (
        10**precision * multiplier
    )


@given(st.integers(0, 4), st.integers(1, 2_000_000_000))
def test_raw_and_e4_are_inverse_where_exact(precision: int, raw: int) -> None:
    exact = scale(1, precision)
    assert exact.raw(exact.e4(raw)) == raw


def test_an_inexact_scale_gives_the_nearest_raw_price() -> None:
    assert scale(1, 5).raw(88428) == 884280
    assert scale(3, 2).raw(3333) == 100


raw_values = st.integers(NO_VALUE, MAX_VALUE)


@given(st.lists(raw_values, min_size=30, max_size=30), st.lists(raw_values, min_size=30))
def test_what_changed_merges_back(old: list[int], new: list[int]) -> None:
    want = tuple(new[:30])
    # "No value" cannot be said in an update: it keeps what was there.
    expected = tuple(o if n == NO_VALUE else n for o, n in zip(old, want, strict=True))
    assert merge_values(tuple(old), changed_values(old, want)) == expected


text = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40)


@given(
    st.builds(
        Snapshot,
        topic_id=st.integers(0, 65535),
        topic=text,
        values=st.lists(raw_values, max_size=255).map(tuple),
        multiplier=st.integers(0, 65535),
        precision=st.integers(0, 255),
        exchange_segment=text,
        token=text,
        symbol=text,
        unknown=st.binary(min_size=2, max_size=2),
    )
)
def test_every_snapshot_survives_the_wire(record: Snapshot) -> None:
    written = encode_snapshot(record)
    assert decode_snapshot(b"pad" + written, 3) == (record, 3 + len(written))


@given(st.integers(0, 65535), st.lists(raw_values, max_size=255))
def test_every_update_survives_the_wire(topic_id: int, values: list[int]) -> None:
    written = encode_update(topic_id, values)
    assert written[:4] == struct.pack(">BHB", 0x55, topic_id, len(values))
    assert unpack_values(written, 4, len(values)) == tuple(values)


prices = st.one_of(st.none(), st.integers(1, 20_000_000).map(lambda paise: paise * 100))
counts = st.one_of(st.none(), st.integers(0, 2_000_000_000))
times = st.one_of(st.none(), st.integers(1, 2_000_000_000).map(lambda seconds: seconds * NS))


@given(
    st.builds(
        Quote,
        st.just(SBIN),
        **{name: prices for name in Quote.__struct_fields__ if name.endswith("_e4")},
        **dict.fromkeys(("traded_ns", "exchange_ns"), times),
        **dict.fromkeys(("volume", "bid_qty", "ask_qty", "last_qty", "open_interest"), counts),
        total_buy_qty=counts,
        total_sell_qty=counts,
    )
)
def test_every_quote_survives_the_wire(quote: Quote) -> None:
    assert merge_scrip(Quote(SBIN), scrip_values(quote, PAISE), 100) == quote
    index = Quote(
        SBIN,
        ltp_e4=quote.ltp_e4,
        exchange_ns=quote.exchange_ns,
        low_e4=quote.low_e4,
        high_e4=quote.high_e4,
        year_high_e4=quote.year_high_e4,
        year_low_e4=quote.year_low_e4,
        open_e4=quote.open_e4,
        previous_close_e4=quote.previous_close_e4,
    )
    assert merge_index(Quote(SBIN), index_values(quote, PAISE), 100) == index


levels = st.lists(
    st.builds(
        Level,
        st.integers(1, 20_000_000).map(lambda paise: paise * 100),
        st.integers(1, 2_000_000_000),
        st.integers(0, 100_000),
    ),
    max_size=5,
).map(tuple)


@given(st.builds(Depth, st.just(SBIN), levels, levels))
def test_every_book_survives_the_wire(depth: Depth) -> None:
    assert read_depth(Depth(SBIN, (), ()), depth_values(depth, PAISE), 100) == depth
