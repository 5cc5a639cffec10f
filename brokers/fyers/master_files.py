"""Which symbol masters are fetched, and how two files about one segment travel as one.

The CSV lists every contract, the JSON master alone says how much one contract is. Cash and equity
derivatives trade in units, so their CSV suffices; currency and commodity need both.
"""

from collections.abc import Mapping
from typing import Final

from brokers.fyers import urls
from brokers.fyers.codec import requests
from brokers.fyers.symbols import merge, read_master
from brokers.model.login import Request
from brokers.port import MasterFile, MasterPart

_SEAM: Final = b"\n\x00details of the rows above\x00\n"
"""Between the two parts of a body; long, because a damaged file may hold zero bytes."""

_NEED_BOTH: Final = frozenset({"NSE_CD", "NSE_COM", "MCX_COM"})


def names() -> tuple[str, ...]:
    """Name the masters in the order they are read."""
    return urls.MASTERS


def rows_request(endpoints: Mapping[str, str], name: str) -> Request:
    """Ask for a master's rows."""
    return requests.master(endpoints, f"{name}.csv")


def details_request(endpoints: Mapping[str, str], name: str) -> Request | None:
    """Ask for what the rows lack; None where nothing needed is missing."""
    if name not in _NEED_BOTH:
        return None
    return requests.master(endpoints, f"{name}_sym_master.json")


def join(name: str, rows: bytes, details: bytes) -> MasterFile:
    """Make one file of what was fetched; `details` may be empty."""
    return MasterFile(name=name, body=rows + _SEAM + details if details else rows)


def read(file: MasterFile) -> MasterPart:
    """Read a file made by `join`, or any single master.

    Raises:
        DecodeError: no row of it can be read.
    """
    rows, _, details = file.body.partition(_SEAM)
    part = read_master(MasterFile(name=file.name, body=rows))
    if not details:
        return part
    also = read_master(MasterFile(name=f"{file.name}_sym_master", body=details))
    return merge(part, also)
