"""What a watchlist shows of an instrument, and the lists themselves. No widgets."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind
from brokers.model.market import Quote
from desktop.trading.clock import ist_time_text
from desktop.ui import rupees
from desktop.ui.columns import Column, by_sign

MOST_LISTS: Final = 20
MOST_ROWS: Final = 1_000
LONGEST_NAME: Final = 24
FIRST: Final = (
    *("NSE:NIFTY50-INDEX", "NSE:NIFTYBANK-INDEX", "NSE:RELIANCE-EQ", "NSE:HDFCBANK-EQ"),
    *("NSE:ICICIBANK-EQ", "NSE:SBIN-EQ", "NSE:INFY-EQ", "NSE:TCS-EQ", "NSE:ITC-EQ", "NSE:LT-EQ"),
    *("NSE:BHARTIARTL-EQ", "NSE:AXISBANK-EQ", "NSE:KOTAKBANK-EQ", "NSE:MARUTI-EQ"),
)
"""What the first list of a new desk holds, as far as it is listed."""
_PERCENT: Final = 10_000


class Line(msgspec.Struct, frozen=True, gc=False):
    """One row: what is watched, and what is known of it."""

    id: InstrumentId
    instrument: Instrument | None
    quote: Quote | None


_BLANK: Final = Quote(InstrumentId(""))


def change_e4(quote: Quote) -> int | None:
    """Give the day's change against the previous close."""
    if quote.ltp_e4 is None or not quote.previous_close_e4:
        return None
    return quote.ltp_e4 - quote.previous_close_e4


def change_percent(quote: Quote) -> int | None:
    """Give the day's change in hundredths of a percent, as it is shown and sorted."""
    change = change_e4(quote)
    previous = quote.previous_close_e4
    if change is None or not previous:
        return None
    hundredths = (2 * abs(change) * _PERCENT + previous) // (2 * previous)
    return hundredths if change >= 0 else -hundredths


def interest_percent(quote: Quote) -> int | None:
    """Give the open interest's change in hundredths of a percent."""
    now, before = quote.open_interest, quote.previous_open_interest
    if now is None or not before:
        return None
    return (now - before) * _PERCENT // before


def values(line: Line) -> Sequence[object]:
    """Give one value for each of `COLUMNS`."""
    instrument, q = line.instrument, line.quote or _BLANK
    return (
        line.id if instrument is None else instrument.label,
        "" if instrument is None else instrument.name,
        "" if instrument is None else str(instrument.exchange),
        q.ltp_e4,
        change_e4(q),
        change_percent(q),
        q.bid_e4,
        q.bid_qty,
        q.ask_e4,
        q.ask_qty,
        q.volume,
        q.open_interest,
        interest_percent(q),
        q.open_e4,
        q.high_e4,
        q.low_e4,
        q.previous_close_e4,
        q.average_e4,
        q.year_high_e4,
        q.year_low_e4,
        q.traded_ns,
    )


def _decimals(row: object) -> int:
    assert isinstance(row, Line)
    return 2 if row.instrument is None else row.instrument.decimals


def _price(value: object, row: object) -> str:
    assert isinstance(value, int)
    return rupees.price(value, _decimals(row))


def _change(value: object, row: object) -> str:
    assert isinstance(value, int)
    return rupees.signed_price(value, _decimals(row))


def _percent(value: object, row: object) -> str:
    del row
    assert isinstance(value, int)
    return rupees.percent(value, _PERCENT)


def _count(value: object, row: object) -> str:
    del row
    assert isinstance(value, int)
    return rupees.compact(value)


def _time(value: object, row: object) -> str:
    del row
    assert isinstance(value, int)
    return ist_time_text(value)


def _by_change(value: object, row: object) -> str:
    assert isinstance(row, Line)
    return by_sign(change_e4(row.quote), value) if row.quote is not None else "text"


COLUMNS: Final = (
    Column(id="symbol", title="Symbol", is_number=False, width=104, stretches=True, is_strong=True),
    Column(id="name", title="Name", is_number=False, width=140, role="text_dim", is_shown=False),
    Column(id="exchange", title="Exch", is_number=False, width=44, role="text_dim", is_shown=False),
    Column(
        id="ltp",
        title="LTP",
        text=_price,
        tint=_by_change,
        width=70,
        flashes=True,
        is_strong=True,
        tip="Last traded price",
    ),
    Column(id="change", title="Chg", text=_change, tint=by_sign, width=60, tip="Change"),
    Column(id="percent", title="%", text=_percent, tint=by_sign, width=60, tip="Change, %"),
    Column(id="bid", title="Bid", text=_price, width=70),
    Column(id="bid_qty", title="Bid qty", text=_count, width=60, is_shown=False),
    Column(id="ask", title="Ask", text=_price, width=70),
    Column(id="ask_qty", title="Ask qty", text=_count, width=60, is_shown=False),
    Column(id="volume", title="Volume", text=_count, width=62),
    Column(id="interest", title="OI", text=_count, width=56, tip="Open interest"),
    Column(
        id="interest_percent",
        title="OI %",
        text=_percent,
        tint=by_sign,
        width=60,
        tip="Open interest, change %",
        is_shown=False,
    ),
    Column(id="open", title="Open", text=_price, width=70, is_shown=False),
    Column(id="high", title="High", text=_price, width=70, tip="Day's high"),
    Column(id="low", title="Low", text=_price, width=70, tip="Day's low"),
    Column(id="close", title="Prev", text=_price, width=70, tip="Previous close", is_shown=False),
    Column(id="average", title="Avg", text=_price, width=70, tip="Average price", is_shown=False),
    Column(
        id="year_high", title="52w H", text=_price, width=70, tip="52-week high", is_shown=False
    ),
    Column(id="year_low", title="52w L", text=_price, width=70, tip="52-week low", is_shown=False),
    Column(
        id="traded",
        title="LTT",
        text=_time,
        width=64,
        role="text_dim",
        tip="Last trade's time",
        is_shown=False,
    ),
)
IMPORTANCE: Final = (
    *("symbol", "ltp", "percent", "change", "volume", "bid", "ask", "interest", "high", "low"),
)
"""Which columns a narrow dock shows before it was arranged by hand."""


def is_tradable(line: Line) -> bool:
    """Tell whether an order can be written for it: an index has a price but no market."""
    instrument = line.instrument
    return instrument is not None and instrument.kind is not InstrumentKind.INDEX


class Lists:
    """Named lists of instruments in the trader's order; there is always one."""

    def __init__(self) -> None:
        self.names: list[str] = ["Watchlist 1"]
        self._members: list[list[InstrumentId]] = [[]]
        self.at = 0
        self.is_new = True
        """Nothing was saved or changed yet."""

    @property
    def members(self) -> tuple[InstrumentId, ...]:
        return tuple(self._members[self.at])

    def arrange(self, members: Sequence[str]) -> None:
        """Replace the shown list."""
        self._members[self.at] = [InstrumentId(each) for each in members]
        self.is_new = False

    def add(self, instrument: InstrumentId, to: int | None = None) -> bool:
        """Add at the end; False when it is there already or the list is full."""
        members = self._members[self.at if to is None else to]
        if instrument in members or len(members) >= MOST_ROWS:
            return False
        members.append(instrument)
        self.is_new = False
        return True

    def remove(self, gone: Sequence[str]) -> None:
        self.arrange([each for each in self.members if each not in set(gone)])

    def open_list(self) -> bool:
        """Begin a new list and show it; False when there are enough."""
        if len(self.names) >= MOST_LISTS:
            return False
        taken = set(self.names)
        number = next(n for n in range(1, MOST_LISTS + 2) if f"Watchlist {n}" not in taken)
        self.names.append(f"Watchlist {number}")
        self._members.append([])
        self.at = len(self.names) - 1
        self.is_new = False
        return True

    def rename(self, at: int, name: str) -> None:
        """Name a list; an empty name changes nothing."""
        bare = " ".join(name.split())[:LONGEST_NAME]
        if bare:
            self.names[at] = bare
            self.is_new = False

    def drop(self, at: int) -> None:
        """Throw a list away; the last one is emptied instead."""
        self.is_new = False
        if len(self.names) == 1:
            self._members[0] = []
            return
        del self.names[at], self._members[at]
        self.at = min(self.at - (at < self.at), len(self.names) - 1)

    def move(self, at: int, to: int) -> None:
        """Move a list among the tabs; the shown one stays shown."""
        shown = self._members[self.at]
        self.names.insert(to, self.names.pop(at))
        self._members.insert(to, self._members.pop(at))
        self.at = next(i for i, each in enumerate(self._members) if each is shown)

    def save(self) -> dict[str, object]:
        lists = [
            {"name": name, "instruments": list(members)}
            for name, members in zip(self.names, self._members, strict=True)
        ]
        return {"lists": lists, "shown": self.at}

    def restore(self, state: Mapping[str, object]) -> None:
        """Take back what `save` gave; what is odd leaves everything as it is."""
        try:
            saved = msgspec.convert(state, _Saved)
        except msgspec.ValidationError:
            return
        if not saved.lists:
            return
        kept = saved.lists[:MOST_LISTS]
        self.names = [each.name[:LONGEST_NAME] or "Watchlist" for each in kept]
        self._members = [
            list(dict.fromkeys(InstrumentId(i) for i in each.instruments))[:MOST_ROWS]
            for each in kept
        ]
        self.at = max(0, min(saved.shown, len(kept) - 1))
        self.is_new = False


class _List(msgspec.Struct):
    name: str
    instruments: list[str]


class _Saved(msgspec.Struct):
    lists: list[_List] = []
    shown: int = 0
