"""Names of instruments on the market-data socket.

A topic is `feed|segment|token`: `sf` quotes, `if` index quotes, `dp` five-level depth. Indices go
by the exchange's own name, case and blanks included, not by a token. Source: wire dossier §14.3;
the names are those of the broker's `index_hsm_mapping.json`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from brokers.errors import DecodeError
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
_SUFFIX: Final = "-INDEX"
_MAX_NAME: Final = 100

_WELL_KNOWN: Final = """
NSE:NIFTY50=Nifty 50
NSE:NIFTYBANK=Nifty Bank
NSE:FINNIFTY=Nifty Fin Service
NSE:MIDCPNIFTY=NIFTY MID SELECT
NSE:NIFTYNXT50=Nifty Next 50
NSE:INDIAVIX=India VIX
NSE:NIFTY100=Nifty 100
NSE:NIFTY200=Nifty 200
NSE:NIFTY500=Nifty 500
NSE:NIFTYTOTALMKT=NIFTY TOTAL MKT
NSE:NIFTYLARGEMID250=NIFTY LARGEMID250
NSE:NIFTYMIDCAP50=Nifty Midcap 50
NSE:NIFTYMIDCAP100=NIFTY MIDCAP 100
NSE:NIFTYMIDCAP150=NIFTY MIDCAP 150
NSE:NIFTYMIDSML400=NIFTY MIDSML 400
NSE:NIFTYSMLCAP50=NIFTY SMLCAP 50
NSE:NIFTYSMLCAP100=NIFTY SMLCAP 100
NSE:NIFTYSMLCAP250=NIFTY SMLCAP 250
NSE:NIFTYMICROCAP250=NIFTY MICROCAP250
NSE:NIFTYAUTO=Nifty Auto
NSE:NIFTYCOMMODITIES=Nifty Commodities
NSE:NIFTYCONSUMPTION=Nifty Consumption
NSE:NIFTYCONSRDURBL=NIFTY CONSR DURBL
NSE:NIFTYCPSE=Nifty CPSE
NSE:NIFTYENERGY=Nifty Energy
NSE:NIFTYFMCG=Nifty FMCG
NSE:NIFTYHEALTHCARE=NIFTY HEALTHCARE
NSE:NIFTYINFRA=Nifty Infra
NSE:NIFTYIT=Nifty IT
NSE:NIFTYMEDIA=Nifty Media
NSE:NIFTYMETAL=Nifty Metal
NSE:NIFTYMNC=Nifty MNC
NSE:NIFTYOILANDGAS=NIFTY OIL AND GAS
NSE:NIFTYPHARMA=Nifty Pharma
NSE:NIFTYPSE=Nifty PSE
NSE:NIFTYPSUBANK=Nifty PSU Bank
NSE:NIFTYPVTBANK=Nifty Pvt Bank
NSE:NIFTYREALTY=Nifty Realty
NSE:NIFTYSERVSECTOR=Nifty Serv Sector
NSE:NIFTYALPHA50=NIFTY Alpha 50
NSE:NIFTYDIVOPPS50=Nifty Div Opps 50
NSE:NIFTYHIGHBETA50=Nifty HighBeta 50
NSE:NIFTYLOWVOL50=Nifty Low Vol 50
NSE:NIFTYQUALITY30=NIFTY100 Qualty30
NSE:NIFTY50VALUE20=Nifty50 Value 20
NSE:NIFTYINDDEFENCE=Nifty Ind Defence
NSE:NIFTYINDDIGITAL=NIFTY IND DIGITAL
NSE:NIFTYINDIAMFG=NIFTY INDIA MFG
BSE:SENSEX=SENSEX
BSE:BANKEX=BANKEX
BSE:100=BSE100
BSE:200=BSE200
BSE:500=BSE500
BSE:PSU=BSEPSU
BSE:HC=BSE HC
BSE:CD=BSE CD
BSE:CG=BSE CG
BSE:IT=BSE IT
BSE:FMC=BSEFMC
BSE:IPO=BSEIPO
BSE:SME IPO=SMEIPO
"""


def _bundled() -> Mapping[str, str]:
    rows = (line.partition("=") for line in _WELL_KNOWN.strip().splitlines())
    return MappingProxyType({f"{ticker}{_SUFFIX}": name for ticker, _, name in rows})


WELL_KNOWN_NAMES: Final = _bundled()
"""Ticker → name of the indices people watch, for when the broker's file cannot be had."""


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
    return {**WELL_KNOWN_NAMES, **rows}


def topics_of(
    instrument: Instrument, detail: Detail, index_names: Mapping[str, str] = WELL_KNOWN_NAMES
) -> tuple[str, ...]:
    """Name the topics that carry an instrument; an index has no depth.

    Raises:
        ValueError: the socket does not carry that exchange's segment.
    """
    segment = SEGMENT_NAMES.get((instrument.exchange, instrument.segment))
    if segment is None:
        raise ValueError(f"no feed for {instrument.exchange} {instrument.segment}")
    if instrument.kind is InstrumentKind.INDEX:
        plain = instrument.ticker.removesuffix(_SUFFIX)
        return (f"if|{segment}|{index_names.get(instrument.symbol, plain)}",)
    quote = f"sf|{segment}|{instrument.token}"
    if detail is Detail.QUOTE:
        return (quote,)
    return (quote, f"dp|{segment}|{instrument.token}")
