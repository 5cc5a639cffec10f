"""A master of 150,000 rows shaped like the real one: read, kept, read back, and searched.

The peer to reading is py5paisa's DataFrame of texts, the peer to searching a scan of all rows.
"""

import tempfile
from pathlib import Path

from brokers.fyers.codec.masters import write_csv
from brokers.fyers.symbols import read_master
from brokers.model.instrument import InstrumentKind, Segment
from brokers.port import MasterFile
from desktop.trading.clock import FrozenClock, day_start_ns
from desktop.trading.instruments import Instruments
from tests.desktop.trading.masters import TODAY, synthetic
from tests.speed.measure import MS, NothingHappenedError, in_turn, median, tell
from tests.speed.peers import fivepaisa_scrips

ROWS = 150_000
_HEAD = (
    *("Fytoken", "Symbol Details", "Exchange Instrument type", "Minimum lot size", "Tick size"),
    *("ISIN", "Trading Session", "Last update date", "Expiry date", "Symbol ticker", "Exchange"),
    *("Segment", "Scrip code", "Underlying symbol", "Underlying scrip code", "Strike price"),
    *("Option type", "Underlying FyToken", "Reserved 1", "Reserved 2", "Reserved 3"),
)
"""The files have no heading; the peer needs one."""
_MISSES = ("zzqzz", "qzqz", "nifty zzqzz", "reliance 99999 ce", "limited zzqzz")
_FOUND = 50
_DAY = 719_163
"""The ordinal of 1970-01-01."""


def master_files() -> list[MasterFile]:
    listed = synthetic(ROWS)
    if len(listed) != ROWS:
        raise NothingHappenedError(f"the master has {len(listed)} rows")
    indices = [each.id for each in listed if each.kind is InstrumentKind.INDEX]
    files = []
    for exchange, segment in sorted({(each.exchange, each.segment) for each in listed}):
        part = [each for each in listed if (each.exchange, each.segment) == (exchange, segment)]
        body = write_csv(part, TODAY, indices)
        files.append(MasterFile(name=f"{exchange.value}_{Segment(segment).value}", body=body))
    return files


class Bench:
    def __init__(self, folder: Path) -> None:
        self.files = master_files()
        head = ",".join(_HEAD).encode() + b"\n"
        self.whole = head + b"".join(file.body for file in self.files)
        self.clock = FrozenClock(day_start_ns(TODAY.toordinal() - _DAY))
        self.cache = folder / "instruments"
        self.kept = self.read()
        self.kept.keep()
        if len(self.kept) < ROWS * 0.99:
            raise NothingHappenedError(f"only {len(self.kept)} rows were read")
        # What a scan needs: one lower-case text a row.
        found = (self.kept.instrument(each.id) for each in synthetic(ROWS))
        self.texts = [f"{each.symbol} {each.name}".lower() for each in found if each is not None]

    def read(self) -> Instruments:
        made = Instruments(self.clock, self.cache)
        made.load([read_master(file) for file in self.files])
        _must_find(made)
        return made

    def read_back(self) -> None:
        made = Instruments(self.clock, self.cache)
        if not made.load_cache():
            raise NothingHappenedError("the cache was not read")
        _must_find(made)

    def theirs(self) -> None:
        if len(fivepaisa_scrips.get_scrips(self.whole)) < ROWS:
            raise NothingHappenedError("the peer read too few rows")

    def scan(self, text: str) -> list[int]:
        words = text.split()
        texts = self.texts
        first, *rest = words
        found = [
            row for row, each in enumerate(texts) if first in each and all(w in each for w in rest)
        ]
        return found[:_FOUND]

    def run(self) -> None:
        ways = {"read": self.read, "back": self.read_back, "theirs": self.theirs}
        times = in_turn(ways, rounds=5)
        for name, key, goal in (
            (f"{ROWS:,} rows of CSV to searchable", "read", 1.0),
            ("the same from our own cache", "back", 15.0),
        ):
            tell(
                name,
                "ms",
                median(times[key]) * MS,
                peer="py5paisa",
                theirs=median(times["theirs"]) * MS,
                goal=goal,
            )
        self.compare_searches()

    def compare_searches(self) -> None:
        worst: tuple[float, float] | None = None
        for text in _MISSES:
            if self.scan(text) or self.kept.search(text, _FOUND):
                raise NothingHappenedError(f"{text!r} was meant to find nothing")
            times = in_turn(
                {
                    "ours": lambda text=text: self.kept.search(text, _FOUND),
                    "theirs": lambda text=text: self.scan(text),
                },
                rounds=25,
            )
            pair = median(times["ours"]), median(times["theirs"])
            if worst is None or pair[0] > worst[0]:
                worst = pair
        assert worst is not None
        tell(
            "the slowest search without a hit (at most 1)",
            "ms",
            worst[0] * MS,
            peer="list scan",
            theirs=worst[1] * MS,
            goal=10.0,
            limit=1.0,
        )


def _must_find(made: Instruments) -> None:
    if not made.search("reliance", _FOUND):
        raise NothingHappenedError("nothing can be found")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Bench(Path(folder)).run()


if __name__ == "__main__":
    main()
