"""Reading binary packets: values, offsets, and no byte past the end."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import DecodeError
from brokers.wire.cursor import Cursor


def test_numbers_are_read_in_the_packets_byte_order() -> None:
    packet = struct.pack(">BHIQhiqd", 1, 2, 3, 4, -5, -6, -7, 8.5)
    cursor = Cursor(packet)
    assert (cursor.u8(), cursor.u16(), cursor.u32(), cursor.u64()) == (1, 2, 3, 4)
    assert (cursor.i16(), cursor.i32(), cursor.i64(), cursor.f64()) == (-5, -6, -7, 8.5)
    cursor.end()


def test_little_endian_is_asked_for() -> None:
    assert Cursor(b"\x01\x00\x00\x00", "little").u32() == 1


def test_bytes_text_and_skips_move_the_offset() -> None:
    cursor = Cursor(memoryview(b"abc\xe2\x82\xb9xyz"))
    assert cursor.take(3) == b"abc"
    assert cursor.text(3) == "₹"
    cursor.skip(1)
    assert (cursor.at, cursor.left()) == (7, 2)
    assert bytes(cursor.view(2)) == b"yz"


def test_an_overrun_names_its_offset_and_does_not_move() -> None:
    cursor = Cursor(b"\x00\x01\x02")
    cursor.skip(2)
    with pytest.raises(DecodeError, match="offset 2: expected 4 bytes, 1 are left"):
        cursor.u32()
    assert cursor.at == 2


def test_a_negative_length_cannot_walk_backwards() -> None:
    with pytest.raises(DecodeError):
        Cursor(b"abc").skip(-1)


def test_broken_utf8_names_its_offset() -> None:
    cursor = Cursor(b"a\xff\xfe")
    cursor.skip(1)
    with pytest.raises(DecodeError, match="offset 1"):
        cursor.text(2)


def test_bytes_after_the_end_are_refused_when_asked() -> None:
    with pytest.raises(DecodeError, match="the end of the packet"):
        Cursor(b"a").end()


@given(st.binary(max_size=40), st.lists(st.sampled_from(["u8", "u16", "u32", "i64", "f64"])))
def test_any_bytes_give_values_or_a_decode_error(data: bytes, reads: list[str]) -> None:
    cursor = Cursor(data)
    for name in reads:
        try:
            getattr(cursor, name)()
        except DecodeError:
            break
        assert 0 <= cursor.at <= len(data)
