"""Typed access into JSON: exact numbers, named paths, nothing guessed."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import DecodeError
from brokers.wire import fields


@pytest.mark.parametrize(
    "body",
    [b"NaN", b"[Infinity]", b"1e999", b"-1e999", b"1" * 5000, b"[" * 100_000, b"\xff", b"", b"{"],
)
def test_json_that_no_broker_should_send_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError, match="orders"):
        fields.decode_json(body, "orders")


def test_json_above_the_size_cap_is_refused_unread() -> None:
    with pytest.raises(DecodeError, match="at most 10 bytes"):
        fields.decode_json(b'"' + b"a" * 20 + b'"', "orders", max_bytes=10)


def test_a_reply_that_is_no_object_is_refused() -> None:
    with pytest.raises(DecodeError, match="an object"):
        fields.decode_object(b"[]", "funds")


def test_a_path_names_the_bad_field_in_the_bad_row() -> None:
    reply = fields.decode_object(b'{"orderBook": [{"qty": 1}, {"qty": "ten"}]}', "orders")
    rows = fields.objects(reply, "orderBook", "orders")
    assert fields.integer(rows[0], "qty", "orders.orderBook[0]") == 1
    with pytest.raises(DecodeError, match=r"orders\.orderBook\[1\]\.qty: expected a number"):
        fields.integer(rows[1], "qty", "orders.orderBook[1]")


def test_a_missing_field_is_named() -> None:
    with pytest.raises(DecodeError, match=r"profile\.fy_id: expected a value"):
        fields.text({}, "fy_id", "profile")


def test_texts_ids_and_booleans_are_not_mixed_up() -> None:
    row = {"id": 7, "name": "SBIN", "ok": True, "none": None}
    assert fields.identifier(row, "id", "r") == "7"
    assert fields.identifier(row, "name", "r") == "SBIN"
    assert fields.boolean(row, "ok", "r") is True
    assert fields.optional_text(row, "none", "r") == ""
    assert fields.optional_identifier(row, "absent", "r") == ""
    for read, key in [
        (fields.text, "id"),
        (fields.boolean, "id"),
        (fields.identifier, "ok"),
        (fields.integer, "ok"),
    ]:
        with pytest.raises(DecodeError):
            read(row, key, "r")


@pytest.mark.parametrize("value", [10, 10.0, "10", " 10 "])
def test_whole_numbers_are_read_however_they_are_written(value: object) -> None:
    assert fields.integer({"q": value}, "q", "r") == 10


@pytest.mark.parametrize(
    "value", [10.5, "ten", "", None, True, [], "1_0", "१०", "nan", "1e50", 2**63]
)
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(DecodeError):
        fields.integer({"q": value}, "q", "r")


@pytest.mark.parametrize("value", [None, ""])
def test_an_absent_number_is_none_and_never_zero(value: object) -> None:
    row = {"q": value}
    assert fields.optional_int(row, "q", "r") is None
    assert fields.optional_price_e4(row, "q", "r") is None
    assert fields.optional_paise(row, "absent", "r") is None


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", float("nan"), float("inf"), 1e300, "x"])
def test_poison_is_refused_as_a_price(value: object) -> None:
    with pytest.raises(DecodeError):
        fields.price_e4({"p": value}, "p", "r")


def test_a_price_finer_than_its_unit_is_refused_but_an_average_is_rounded() -> None:
    with pytest.raises(DecodeError, match="at most 4 decimals"):
        fields.price_e4({"p": 825.12345}, "p", "r")
    assert fields.average_e4({"p": 825.12345}, "p", "r") == 8251235
    assert fields.average_e4({"p": -825.12345}, "p", "r") == -8251235


def test_an_amount_is_rounded_to_a_paisa() -> None:
    assert fields.paise({"a": 58989.76499}, "a", "r") == 5898976
    assert fields.paise({"a": "10.005"}, "a", "r") == 1001


@given(st.integers(-(10**11), 10**11))
def test_a_price_written_as_a_float_or_a_text_is_read_exactly(price: int) -> None:
    exact = Decimal(price).scaleb(-4)
    assert fields.as_e4(float(exact), "p") == price
    assert fields.as_e4(str(exact), "p") == price


def test_every_tick_to_a_lakh_survives_the_way_through_json() -> None:
    # A float's modulo by 0.05 is off for most valid prices; the reader's is never.
    for price in range(0, 1_000_000_000, 500 * 997):
        body = f'{{"p": {Decimal(price).scaleb(-4)}}}'.encode()
        assert fields.price_e4(fields.decode_object(body, "r"), "p", "r") == price


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_a_decode_error_of_one_line(body: bytes) -> None:
    with contextlib.suppress(DecodeError):
        fields.decode_json(body, "r")


def test_an_error_shows_the_start_of_what_was_there_and_no_more() -> None:
    with pytest.raises(DecodeError) as caught:
        fields.decode_json(b"<html>" + b"x" * 10_000, "r")
    assert len(str(caught.value)) < 300
