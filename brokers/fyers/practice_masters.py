"""The practice face's symbol files: real ones as they are, or written from what is listed."""

import asyncio
import datetime as dt
import gzip
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from brokers.fyers.codec import serving
from brokers.fyers.codec.index_names import INDEX_NAMES, SUFFIX
from brokers.fyers.codec.masters import write_csv, write_json
from brokers.fyers.codec.texts import ist
from brokers.fyers.codec.topics import INDEX_NAMES_FILE
from brokers.fyers.urls import MASTERS
from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind
from brokers.net.server import ServerReply
from brokers.practice.exchange import Exchange

_CSV: Final = ".csv"
_JSON: Final = "_sym_master.json"
_DATED: Final = re.compile(r"(?:_|-|\.)(\d{4}-\d\d-\d\d)")
_BATCH: Final = 5
"""How many instruments are looked up before the market gets its turn."""

_MOST_ASKED: Final = 500
"""Beyond this the market is not asked about each: that would open the book of every option."""

_NOT_FOUND: Final = ServerReply(status=404, headers={"Content-Type": "text/plain"}, body=b"")


class MasterFiles:
    """Symbol masters by name; each is made once a day, away from the loop."""

    def __init__(self, exchange: Exchange, folders: Sequence[str]) -> None:
        self._exchange = exchange
        self._folders = [Path(folder) for folder in folders]
        self._made: dict[str, tuple[dt.date, bytes]] = {}
        self._turn = asyncio.Lock()

    async def respond(self, name: str) -> ServerReply:
        """Serve one file of `sym_details`."""
        if name == INDEX_NAMES_FILE:
            return _file(serving.encode(self._index_names()), "application/json")
        for suffix, kind in ((_JSON, "application/json"), (_CSV, "text/csv")):
            if name.endswith(suffix) and name.removesuffix(suffix) in MASTERS:
                return _file(await self._master(name, name.removesuffix(suffix)), kind)
        return _NOT_FOUND

    async def _master(self, file: str, name: str) -> bytes:
        today = ist(self._exchange.clock.now_ns()).date()
        async with self._turn:
            made = self._made.get(file)
            if made is None or made[0] != today:
                body = await asyncio.to_thread(self._real, file, name)
                if body is None:
                    body = await self._written(file, name, today)
                made = self._made[file] = (today, body)
        return made[1]

    async def _written(self, file: str, name: str, today: dt.date) -> bytes:
        exchange, _, segment = name.partition("_")
        universe = self._exchange.universe
        listed: Sequence[Instrument] = universe.in_segment(exchange, segment)
        write: Callable[..., bytes] = write_csv
        if file.endswith(_JSON):
            listed, write = await self._with_limits(listed, today), write_json
        return await asyncio.to_thread(write, listed, today, self._indices())

    async def _with_limits(self, listed: Sequence[Instrument], today: dt.date) -> list[Instrument]:
        """Add today's price bands and closes; of a large segment only bands known to hold."""
        if len(listed) > _MOST_ASKED:
            is_banded = self._exchange.universe.banded_on == today
            known = {} if is_banded else {"lower_e4": None, "upper_e4": None}
            return [
                msgspec.structs.replace(each, previous_close_e4=None, **known) for each in listed
            ]
        found = []
        for at in range(0, len(listed), _BATCH):
            found += [self._exchange.market.listing(each.id) for each in listed[at : at + _BATCH]]
            await asyncio.sleep(0)
        return found

    def _indices(self) -> frozenset[InstrumentId]:
        return frozenset(
            each.id for each in self._exchange.universe.all() if each.kind is InstrumentKind.INDEX
        )

    def _index_names(self) -> dict[str, str]:
        """Give ticker → feed name of every index that is listed."""
        return {
            each.symbol: INDEX_NAMES.get(each.symbol, each.ticker.removesuffix(SUFFIX))
            for each in self._exchange.universe.all()
            if each.kind is InstrumentKind.INDEX
        }

    def _real(self, file: str, name: str) -> bytes | None:
        """Read the newest real file of this name, plain or gzip; None when there is none."""
        ending = ".json" if file.endswith(_JSON) else _CSV
        found = [
            path
            for folder in self._folders
            if folder.is_dir()
            for path in folder.iterdir()
            if path.name.startswith(name) and path.name.removesuffix(".gz").endswith(ending)
        ]
        if not found:
            return None
        newest = max(found, key=lambda path: (_date_in(path.name), path.name))
        body = newest.read_bytes()
        return gzip.decompress(body) if newest.suffix == ".gz" else body


def _date_in(name: str) -> str:
    dated = _DATED.search(name)
    return dated[1] if dated else ""


def _file(body: bytes, kind: str) -> ServerReply:
    return ServerReply(headers={"Content-Type": kind}, body=body)
