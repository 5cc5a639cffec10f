"""Names of instruments on the market-data socket.

A topic is `feed|segment|token`: `sf` quotes, `if` index quotes, `dp` five-level depth. Indices go
by the exchange's own name, case and blanks included, not by a token. Source: wire dossier §14.3.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from brokers.errors import DecodeError
from brokers.fyers.codec.index_names import INDEX_NAMES, SUFFIX
from brokers.model.instrument import Exchange, Instrument, InstrumentKind, Segment
from brokers.model.market import Detail
from brokers.wire.fields import decode_object

SEGMENT_NAMES: Final[Mapping[tuple[Exchange, Segment], str]] = MappingProxyType(
    {
        (Exchange.NSE, Segment.CM): "nse_cm",
        (Exchange.NSE, Segment.FO): "nse_fo",
        (Exchange.NSE, Segment.CD): "cde_fo",
        (Exchange.NSE, Segment.COM): "nse_com",
        (Exchange.BSE, Segment.CM): "bse_cm",
        (Exchange.BSE, Segment.FO): "bse_fo",
        (Exchange.BSE, Segment.CD): "bcs_fo",
        (Exchange.MCX, Segment.COM): "mcx_fo",
    }
)

INDEX_NAMES_FILE: Final = "index_hsm_mapping.json"
_MAX_NAME: Final = 100


def read_index_names(body: bytes) -> Mapping[str, str]:
    """Read the broker's index file, `{ticker: name}` bare or under `index_dict`.

    Raises:
        DecodeError: not such a file.
    """
    found = decode_object(body, INDEX_NAMES_FILE)
    rows = found.get("index_dict", found)
    if not isinstance(rows, dict):
        raise DecodeError(f"{INDEX_NAMES_FILE}.index_dict", "an object", rows)
    for ticker, name in rows.items():
        if not isinstance(name, str) or not 0 < len(name.encode()) <= _MAX_NAME:
            raise DecodeError(f"{INDEX_NAMES_FILE}.{ticker}"[:80], "a short name", name)
    return {**INDEX_NAMES, **rows}


def topics_of(
    instrument: Instrument, detail: Detail, index_names: Mapping[str, str] = INDEX_NAMES
) -> tuple[str, ...]:
    """Name the topics that carry an instrument; an index has no depth.

    Raises:
        ValueError: the socket does not carry that exchange's segment.
    """
    segment = SEGMENT_NAMES.get((instrument.exchange, instrument.segment))
    if segment is None:
        raise ValueError(f"no feed for {instrument.exchange} {instrument.segment}")
    if instrument.kind is InstrumentKind.INDEX:
        plain = instrument.ticker.removesuffix(SUFFIX)
        return (f"if|{segment}|{index_names.get(instrument.symbol, plain)}",)
    quote = f"sf|{segment}|{instrument.token}"
    if detail is Detail.QUOTE:
        return (quote,)
    return (quote, f"dp|{segment}|{instrument.token}")
