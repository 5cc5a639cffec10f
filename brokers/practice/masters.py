"""Real contract masters as the universe: which files count, and what they list together.

A file is a master if one of the readers makes instruments of it. For each layout and exchange
segment the newest date in the file names decides; files of the same date are read together.
"""

import gzip
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import structs

from brokers.errors import BrokerError
from brokers.model.instrument import Instrument, InstrumentId
from brokers.port import MasterFile, MasterPart
from brokers.practice.universe import Universe

Reader = Callable[[MasterFile], MasterPart]
Stamp = tuple[int, int, int]

_DATE: Final = re.compile(r"(?<!\d)(20\d\d)(?:[-_]?(\d\d)(?:[-_]?(\d\d))?)?(?!\d)")
_SUFFIXES: Final = frozenset((".csv", ".txt"))
_SAMPLE_LINES: Final = 60
_LEAST_SHARE: Final = 0.5
_GAPS: Final = (
    "multiplier",
    "freeze_qty",
    "lower_e4",
    "upper_e4",
    "previous_close_e4",
    "underlying_id",
)


class Listed(NamedTuple):
    """What the folders hold: instruments, files used, files that are no master, rows unread."""

    universe: Universe
    files: tuple[str, ...]
    passed_over: int
    bad_rows: int


class _Candidate(NamedTuple):
    path: Path
    stamp: Stamp
    layout: str
    segments: frozenset[tuple[str, str]]


def list_masters(folders: Iterable[Path], readers: Mapping[str, Reader]) -> Listed:
    """Read the newest masters of some folders.

    Args:
        folders: each is looked through without its sub-folders.
        readers: layout → reader; a layout is whatever one reader understands.
    """
    candidates: list[_Candidate] = []
    passed_over = 0
    for folder in folders:
        for path in sorted(folder.iterdir()):
            found = _recognise(path, readers)
            if found is None:
                passed_over += 1
            else:
                candidates.append(found)
    candidates.sort(key=lambda each: each.stamp, reverse=True)
    newest: dict[tuple[str, str, str], Stamp] = {}
    instruments: dict[InstrumentId, Instrument] = {}
    files, bad_rows = [], 0
    for candidate in candidates:
        places = {(candidate.layout, *segment) for segment in candidate.segments}
        if all(newest.get(place, candidate.stamp) != candidate.stamp for place in places):
            continue
        part = readers[candidate.layout](
            MasterFile(name=_name(candidate.path), body=_body(candidate.path))
        )
        bad_rows += len(part.bad_rows)
        files.append(candidate.path.name)
        for instrument in _current(part.instruments, candidate, newest):
            _merge(instruments, instrument)
    return Listed(Universe(instruments.values()), tuple(files), passed_over, bad_rows)


def _current(
    found: Iterable[Instrument],
    candidate: _Candidate,
    newest: dict[tuple[str, str, str], Stamp],
) -> Iterator[Instrument]:
    """Give the rows of segments for which no newer file of this layout stands."""
    for instrument in found:
        place = (candidate.layout, str(instrument.exchange), str(instrument.segment))
        if newest.setdefault(place, candidate.stamp) == candidate.stamp:
            yield instrument


def _merge(instruments: dict[InstrumentId, Instrument], other: Instrument) -> None:
    """Add a row; one that another layout has too only fills what that left open."""
    known = instruments.setdefault(other.id, other)
    if known is other or not _is_same(known, other):
        return
    gaps = {
        name: getattr(other, name)
        for name in _GAPS
        if getattr(known, name) is None and getattr(other, name) is not None
    }
    if gaps:
        instruments[other.id] = structs.replace(known, **gaps)


def _is_same(one: Instrument, other: Instrument) -> bool:
    """Tell the same contract from another one that later got the same token."""
    return (one.kind, one.expiry, one.strike_e4, one.right) == (
        other.kind,
        other.expiry,
        other.strike_e4,
        other.right,
    )


def _recognise(path: Path, readers: Mapping[str, Reader]) -> _Candidate | None:
    """Find out by a few lines which reader understands a file; None for no master."""
    plain = path.name.removesuffix(".gz")
    if not path.is_file() or Path(plain).suffix not in _SUFFIXES:
        return None
    lines = _body(path).split(b"\n", _SAMPLE_LINES)[:_SAMPLE_LINES]
    sample = MasterFile(name=_name(path), body=b"\n".join(lines) + b"\n")
    best: tuple[int, str, MasterPart] | None = None
    for layout, reader in readers.items():
        part = _try(reader, sample)
        if part is not None and (best is None or len(part.instruments) > best[0]):
            best = (len(part.instruments), layout, part)
    if best is None or best[0] < _LEAST_SHARE * (best[0] + len(best[2].bad_rows)) or not best[0]:
        return None
    segments = {(str(each.exchange), str(each.segment)) for each in best[2].instruments}
    return _Candidate(path, _stamp(plain), best[1], frozenset(segments))


def _try(reader: Reader, sample: MasterFile) -> MasterPart | None:
    try:
        return reader(sample)
    except (BrokerError, ValueError, KeyError, IndexError):
        return None


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz")


def _body(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError):
        return b""


def _stamp(name: str) -> Stamp:
    """Read the date in a file's name; a missing month or day counts as 0, no date as the oldest."""
    found = _DATE.search(name)
    if found is None:
        return (0, 0, 0)
    year, month, day = (int(part or 0) for part in found.groups())
    return (year, month, day)
