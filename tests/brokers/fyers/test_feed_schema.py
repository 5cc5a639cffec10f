"""The schema of the stream: generated for the practice face, read by the client."""

import json

import pytest

from brokers.fyers.codec.feed_schema import (
    DEFAULT_LAYOUT,
    DEPTH,
    INDEX,
    SCRIP,
    read_layout,
    schema_text,
)
from tests.rig.shared import shared

CAPTURED = "data/fyers/hsm_auth_schema_2026.json"


def test_the_generated_schema_is_the_captured_one_to_the_byte() -> None:
    assert schema_text() == shared(CAPTURED).read_bytes().rstrip(b"\n")


def test_the_captured_schema_names_the_usual_order() -> None:
    assert read_layout(shared(CAPTURED).read_bytes()) == DEFAULT_LAYOUT


def test_another_order_is_followed() -> None:
    turned = [SCRIP[1], SCRIP[0], *SCRIP[2:]]
    layout = read_layout(json.dumps({"scrip": turned}).encode())
    assert layout.scrip == (1, 0, *range(2, 21))
    assert layout.index is None
    assert layout.depth is None


def test_a_field_the_schema_leaves_out_is_not_on_the_wire() -> None:
    layout = read_layout(json.dumps({"scrip": ["s999", "s105"]}).encode())
    assert layout.scrip == (1, *[-1] * 20)


def test_a_schema_from_before_the_year_values_reads_alike() -> None:
    old = {"scrip": list(SCRIP), "index": list(INDEX[:6]), "depth": list(DEPTH)}
    assert read_layout(json.dumps(old).encode()) == DEFAULT_LAYOUT


def test_new_fields_at_the_end_change_nothing() -> None:
    assert read_layout(json.dumps({"scrip": [*SCRIP, "s123"]}).encode()) == DEFAULT_LAYOUT


@pytest.mark.parametrize(
    "schema",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"scrip": "s105"}',
        b'{"scrip": ["x1", "x2"]}',
        b'{"version":"1.0.0"}',
        b'{"scrip_lite": {"hfid": 0}}',
        b"[" * 100_000,
    ],
)
def test_an_unusable_schema_leaves_the_usual_order(schema: bytes) -> None:
    assert read_layout(schema) == DEFAULT_LAYOUT


def test_lite_records_may_be_longer() -> None:
    layout = read_layout(b'{"scrip_lite": {"hfid": 2}, "index_lite": {"hfid": 3}}')
    assert (layout.scrip_lite, layout.index_lite) == (2, 3)
