"""The instruments the practice exchange lists, and the ways to find one."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind, Right, instrument_id
from brokers.practice.calendar import Calendar, shipped_calendar
from brokers.practice.listing import FULL, SMALL, list_names


class Universe:
    """All listed instruments, expired ones included; order of listing is kept.

    `banded_on` is the date for which the instruments' own price bands hold; None where they come
    from a file of another day.
    """

    def __init__(
        self, instruments: Iterable[Instrument], *, banded_on: dt.date | None = None
    ) -> None:
        self.banded_on = banded_on
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._by_symbol: dict[str, Instrument] = {}
        for instrument in instruments:
            # The first listing of an id or symbol stands; real files repeat a few.
            self._by_id.setdefault(instrument.id, instrument)
            self._by_symbol.setdefault(instrument.symbol, instrument)
        self._all = tuple(self._by_id.values())
        self._segments: dict[tuple[str, str], list[Instrument]] = {}
        self._options: dict[InstrumentId, dict[dt.date, list[Instrument]]] = {}
        self._futures: dict[InstrumentId, list[Instrument]] = {}
        self._isins: dict[str, list[InstrumentId]] = {}
        for instrument in self._all:
            if instrument.isin:
                self._isins.setdefault(instrument.isin, []).append(instrument.id)
            place = (str(instrument.exchange), str(instrument.segment))
            self._segments.setdefault(place, []).append(instrument)
            self._file_derivative(instrument)
        for chains in self._options.values():
            for chain in chains.values():
                chain.sort(key=lambda each: (each.strike_e4 or 0, each.right is Right.PUT))
        for futures in self._futures.values():
            futures.sort(key=lambda each: each.expiry or dt.date.max)

    def _file_derivative(self, instrument: Instrument) -> None:
        underlying, expiry = instrument.underlying_id, instrument.expiry
        if underlying is None or expiry is None:
            return
        if instrument.kind is InstrumentKind.OPTION:
            self._options.setdefault(underlying, {}).setdefault(expiry, []).append(instrument)
        elif instrument.kind is InstrumentKind.FUTURE:
            self._futures.setdefault(underlying, []).append(instrument)

    def all(self) -> Sequence[Instrument]:
        """Give every instrument in the order of listing."""
        return self._all

    def by_id(self, instrument: InstrumentId, /) -> Instrument | None:
        """Find by the one name."""
        return self._by_id.get(instrument)

    def by_symbol(self, symbol: str, /) -> Instrument | None:
        """Find by `EXCHANGE:NAME`."""
        return self._by_symbol.get(symbol)

    def by_token(self, exchange: str, segment: str, token: str) -> Instrument | None:
        """Find by the exchange's own parts."""
        return self._by_id.get(instrument_id(exchange, segment, token))

    def listings(self, isin: str) -> tuple[InstrumentId, ...]:
        """Give all listings of an ISIN, in order of listing."""
        return tuple(self._isins.get(isin, ()))

    def segments(self) -> Sequence[tuple[str, str]]:
        """Name the (exchange, segment) pairs that hold anything."""
        return list(self._segments)

    def in_segment(self, exchange: str, segment: str) -> Sequence[Instrument]:
        """Give the instruments of one segment, in order of listing."""
        return self._segments.get((exchange, segment), ())

    def underlyings(self) -> Sequence[InstrumentId]:
        """Name everything that options exist on."""
        return list(self._options)

    def expiries(self, underlying: InstrumentId) -> Sequence[dt.date]:
        """Give the expiries of the options on an underlying, nearest first."""
        return sorted(self._options.get(underlying, ()))

    def options(self, underlying: InstrumentId, expiry: dt.date) -> Sequence[Instrument]:
        """Give the options of one expiry by strike, call before put."""
        return self._options.get(underlying, {}).get(expiry, ())

    def futures(self, underlying: InstrumentId) -> Sequence[Instrument]:
        """Give the futures on an underlying, nearest expiry first."""
        return self._futures.get(underlying, ())


def build_universe(
    size: str,
    date: dt.date,
    calendar: Calendar | None = None,
    prices: Mapping[str, int] | None = None,
) -> Universe:
    """List the known names with their derivatives as of a date.

    Args:
        size: `small` or `full`.
        date: what expiries are counted from.
        calendar: moves expiries off holidays; the shipped one by default.
        prices: symbol (`NSE:SBIN-EQ`) → last close, where it differs from the table's.
    """
    sizes = {"small": SMALL, "full": FULL}
    if size not in sizes:
        raise ValueError(f"expected small or full, was {size!r}")
    known = calendar or shipped_calendar()
    return Universe(list_names(sizes[size], date, known, prices or {}), banded_on=date)
