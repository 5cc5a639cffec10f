"""The instruments the practice exchange lists, and the ways to find one."""

import datetime as dt
from collections.abc import Iterable, Sequence

from brokers.model.instrument import Instrument, InstrumentId


class Universe:
    """All listed instruments, expired ones included; order of listing is kept."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._all = tuple(instruments)

    def all(self) -> Sequence[Instrument]:
        """Give every instrument in the order of listing."""
        raise NotImplementedError

    def by_id(self, instrument: InstrumentId, /) -> Instrument | None:
        """Find by the one name."""
        raise NotImplementedError

    def by_symbol(self, symbol: str, /) -> Instrument | None:
        """Find by `EXCHANGE:NAME`."""
        raise NotImplementedError

    def by_token(self, exchange: str, segment: str, token: str) -> Instrument | None:
        """Find by the exchange's own parts."""
        raise NotImplementedError

    def in_segment(self, exchange: str, segment: str) -> Sequence[Instrument]:
        """Give the instruments of one segment, in order of listing."""
        raise NotImplementedError

    def expiries(self, underlying: InstrumentId) -> Sequence[dt.date]:
        """Give the expiries of the options on an underlying, nearest first."""
        raise NotImplementedError

    def options(self, underlying: InstrumentId, expiry: dt.date) -> Sequence[Instrument]:
        """Give the options of one expiry by strike, call before put."""
        raise NotImplementedError

    def futures(self, underlying: InstrumentId) -> Sequence[Instrument]:
        """Give the futures on an underlying, nearest expiry first."""
        raise NotImplementedError


def build_universe(size: str, date: dt.date) -> Universe:
    """List the known names with their derivatives as of a date; `size` is `small` or `full`."""
    raise NotImplementedError
