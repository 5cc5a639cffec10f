"""Instruments by their names on the market-data socket."""

import json

import pytest

from brokers.errors import DecodeError
from brokers.fyers.codec.index_names import INDEX_NAMES
from brokers.fyers.codec.topics import read_index_names, topics_of
from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentKind,
    Segment,
    instrument_id,
)
from brokers.model.market import Detail
from tests.rig.shared import shared


def listed(symbol: str, segment: Segment, token: str, kind: InstrumentKind) -> Instrument:
    exchange = Exchange(symbol.partition(":")[0])
    return Instrument(
        id=instrument_id(exchange, segment, token),
        exchange=exchange,
        segment=segment,
        token=token,
        symbol=symbol,
        name=symbol,
        kind=kind,
        lot_size=1,
        tick_e4=500,
    )


EQUITY, INDEX = InstrumentKind.EQUITY, InstrumentKind.INDEX
FUTURE, OPTION = InstrumentKind.FUTURE, InstrumentKind.OPTION


@pytest.mark.parametrize(
    ("symbol", "segment", "token", "kind", "quote", "depth"),
    [
        ("NSE:SBIN-EQ", "CM", "3045", EQUITY, "sf|nse_cm|3045", "dp|nse_cm|3045"),
        ("NSE:NIFTY50-INDEX", "CM", "26000", INDEX, "if|nse_cm|Nifty 50", None),
        ("NSE:NIFTYBANK-INDEX", "CM", "26009", INDEX, "if|nse_cm|Nifty Bank", None),
        ("BSE:SENSEX-INDEX", "CM", "1", INDEX, "if|bse_cm|SENSEX", None),
        ("NSE:NIFTY26SEP29200CE", "FO", "35086", OPTION, "sf|nse_fo|35086", "dp|nse_fo|35086"),
        ("MCX:CRUDEOIL26SEPFUT", "COM", "565899", FUTURE, "sf|mcx_fo|565899", "dp|mcx_fo|565899"),
        ("BSE:SBIN-A", "CM", "500112", EQUITY, "sf|bse_cm|500112", "dp|bse_cm|500112"),
        ("NSE:USDINR26SEPFUT", "CD", "1234", FUTURE, "sf|cde_fo|1234", "dp|cde_fo|1234"),
        ("BSE:USDINR26SEPFUT", "CD", "9", FUTURE, "sf|bcs_fo|9", "dp|bcs_fo|9"),
        ("BSE:SENSEX26SEPFUT", "FO", "8", FUTURE, "sf|bse_fo|8", "dp|bse_fo|8"),
        ("NSE:GOLD26SEPFUT", "COM", "7", FUTURE, "sf|nse_com|7", "dp|nse_com|7"),
        ("NSE:FOOBAR-INDEX", "CM", "1", INDEX, "if|nse_cm|FOOBAR", None),
    ],
)
def test_an_instrument_has_the_topics_of_the_dossier(
    symbol: str, segment: str, token: str, kind: InstrumentKind, quote: str, depth: str | None
) -> None:
    instrument = listed(symbol, Segment(segment), token, kind)
    assert topics_of(instrument, Detail.QUOTE) == (quote,)
    assert topics_of(instrument, Detail.DEPTH) == ((quote, depth) if depth else (quote,))


def test_a_segment_the_socket_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="no feed for MCX CM"):
        topics_of(listed("MCX:GOLD", Segment.CM, "1", EQUITY), Detail.QUOTE)


def test_the_bundled_names_are_the_broker_s() -> None:
    names = json.loads(shared("data/fyers/hsm_index_names.json").read_bytes())["index_dict"]
    assert dict(INDEX_NAMES) == names


def test_the_broker_s_file_is_read_with_and_without_its_wrapping() -> None:
    wrapped = shared("data/fyers/hsm_index_names.json").read_bytes()
    bare = json.dumps(json.loads(wrapped)["index_dict"]).encode()
    assert read_index_names(wrapped) == read_index_names(bare)
    assert len(read_index_names(bare)) == 175
    assert read_index_names(bare)["NSE:NIFTYGS813YR-INDEX"] == "Nifty GS 8 13Yr"


def test_a_name_in_the_file_replaces_the_bundled_one() -> None:
    names = read_index_names(b'{"NSE:NIFTY50-INDEX": "Nifty Fifty"}')
    index = listed("NSE:NIFTY50-INDEX", Segment.CM, "26000", INDEX)
    assert topics_of(index, Detail.QUOTE, names) == ("if|nse_cm|Nifty Fifty",)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"index_dict": []}', b'{"a": 1}', b'{"a": ""}', b'{"a": NaN}']
)
def test_another_file_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read_index_names(body)


def test_an_absurd_name_is_refused() -> None:
    with pytest.raises(DecodeError):
        read_index_names(json.dumps({"NSE:X-INDEX": "x" * 101}).encode())
