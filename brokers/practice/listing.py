"""Listing the known names: shares, indices, and their futures and options as of a date.

Tickers follow the venues' common grammar: `NIFTY26NOVFUT`, monthly options `NIFTY26NOV26000CE`,
weekly ones `NIFTY26N2426000CE`; the last weekly expiry of a month is the monthly one.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from brokers.model.instrument import (
    Exchange,
    Instrument,
    InstrumentId,
    InstrumentKind,
    Right,
    Segment,
    instrument_id,
)
from brokers.model.money import ceil_to_tick, floor_to_tick, format_e4, round_to_tick
from brokers.practice import names
from brokers.practice.calendar import Calendar, ist_ns
from brokers.practice.names import Commodity, Index, Share
from brokers.practice.terms import fair, terms_of

_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_WEEKLY_MONTHS: Final = "123456789OND"
_NEW_WEEKDAYS: Final = dt.date(2025, 9, 1)
_TUESDAY, _THURSDAY = 1, 3
_CASH_SESSION: Final = "0915-1530|1815-1915:"
_SESSIONS: Final = {"CD": "0900-1700|1815-1915:", "COM": "0900-2330|1815-1915:"}
_OPTION_TICK_E4: Final = 500
_OPTION_REACH: Final = 10
_FUTURE_BAND: Final = 10
E: Final = 10_000

# Up to which price (rupees) which tick holds, from April 2025.
_TICKS: Final = ((250, 100), (1000, 500), (5000, 1000), (10_000, 5000), (20_000, E))
_LARGEST_TICK_E4: Final = 5 * E
_STEPS: Final = (
    (100, E),
    (250, 25_000),
    (500, 5 * E),
    (1000, 10 * E),
    (2500, 20 * E),
    (5000, 50 * E),
    (12_000, 100 * E),
    (25_000, 250 * E),
)
_LARGEST_STEP_E4: Final = 500 * E


class Size(NamedTuple):
    """How much is listed of everything; `names` limits shares, None means all of them."""

    names: tuple[str, ...] | None
    bse_names: int
    stock_options: tuple[str, ...] | None
    indices: tuple[str, ...] | None
    weeklies: int
    months: int
    futures: int
    index_strikes: int
    stock_strikes: int
    commodities: tuple[str, ...] | None
    other_strikes: int


SMALL: Final = Size(
    names=(
        *names.weights(names.INDICES[0].weights),
        *("MRF", "INDUSINDBK", "FEDERALBNK", "IDEA", "SUZLON", "YESBANK", "TECHM"),
        *("NIFTYBEES", "20MICRONS", "BANARISUG", "JPPOWER", "RTNPOWER", "GTLINFRA"),
    ),
    bse_names=6,
    stock_options=("RELIANCE", "SBIN"),
    indices=("NIFTY", "BANKNIFTY", "NIFTYIT", "INDIAVIX", "SENSEX"),
    weeklies=1,
    months=1,
    futures=2,
    index_strikes=5,
    stock_strikes=3,
    commodities=("CRUDEOIL", "GOLD", "SILVER", "NATURALGAS", "USDINR"),
    other_strikes=1,
)
FULL: Final = Size(
    names=None,
    bse_names=10_000,
    stock_options=None,
    indices=None,
    weeklies=5,
    months=3,
    futures=3,
    index_strikes=80,
    stock_strikes=34,
    commodities=None,
    other_strikes=40,
)


def equity_tick_e4(price_e4: int) -> int:
    """Give the tick of a share by its price."""
    return next((tick for most, tick in _TICKS if price_e4 <= most * E), _LARGEST_TICK_E4)


def strike_step_e4(price_e4: int) -> int:
    """Give the distance of a share's strikes."""
    return next((step for most, step in _STEPS if price_e4 <= most * E), _LARGEST_STEP_E4)


def band_percent(symbol: str, *, has_derivatives: bool) -> int:
    """Give how far a share may move in a day."""
    if symbol in names.NARROW_BAND:
        return 5
    return 10 if has_derivatives else 20


class _Base(NamedTuple):
    """What a chain of contracts hangs on."""

    exchange: str
    segment: str
    name: str
    id: InstrumentId
    price_e4: int
    lot: int
    multiplier: int
    freeze_qty: int
    strike_e4: int
    future_tick_e4: int
    option_tick_e4: int


class _Tokens:
    """Hands out contract tokens, one row a segment."""

    def __init__(self) -> None:
        self._next = {"NSE:FO": 35_000, "BSE:FO": 820_000, "MCX:COM": 450_000, "NSE:CD": 1000}

    def next(self, exchange: str, segment: str) -> str:
        place = f"{exchange}:{segment}"
        self._next[place] += 1
        return str(self._next[place])


class _Lister:
    def __init__(
        self, size: Size, date: dt.date, calendar: Calendar, prices: Mapping[str, int]
    ) -> None:
        self.size = size
        self.date = date
        self.calendar = calendar
        self.prices = prices
        self.tokens = _Tokens()

    def shares(self) -> list[Share]:
        wanted = self.size.names
        known = names.shares()
        if wanted is None:
            return known
        return [share for share in known if share.symbol in wanted]

    def indices(self) -> list[Index]:
        wanted = self.size.indices
        return [each for each in names.INDICES if wanted is None or each.name in wanted]

    def commodities(self) -> list[Commodity]:
        wanted = self.size.commodities
        return [each for each in names.commodities() if wanted is None or each.name in wanted]

    def price(self, symbol: str, default_e4: int) -> int:
        return self.prices.get(symbol, default_e4)

    # Cash.

    def share(self, share: Share, exchange: Exchange) -> Instrument:
        is_nse = exchange is Exchange.NSE
        token, series = (share.token, "EQ") if is_nse else (share.bse_code, "A")
        price = self.price(f"NSE:{share.symbol}-EQ", share.price_e4)
        tick = equity_tick_e4(price)
        price = round_to_tick(price, tick)
        percent = band_percent(share.symbol, has_derivatives=share.lot > 0)
        is_fund = share.symbol in names.FUNDS
        return Instrument(
            id=instrument_id(exchange, Segment.CM, token),
            exchange=exchange,
            segment=Segment.CM,
            token=token,
            symbol=f"{exchange}:{share.symbol}-{series}",
            name=share.name,
            kind=InstrumentKind.FUND if is_fund else InstrumentKind.EQUITY,
            lot_size=1,
            tick_e4=tick,
            isin=share.isin,
            underlying=share.symbol,
            multiplier=1,
            lower_e4=max(ceil_to_tick(round(price * (100 - percent) / 100), tick), tick),
            upper_e4=floor_to_tick(round(price * (100 + percent) / 100), tick),
            previous_close_e4=price,
            session=_CASH_SESSION,
        )

    def index(self, index: Index) -> Instrument:
        exchange = Exchange(index.exchange)
        symbol = f"{exchange}:{index.symbol}-INDEX"
        return Instrument(
            id=instrument_id(exchange, Segment.CM, index.token),
            exchange=exchange,
            segment=Segment.CM,
            token=index.token,
            symbol=symbol,
            name=f"{index.symbol}-INDEX",
            kind=InstrumentKind.INDEX,
            lot_size=1,
            tick_e4=100 if index.name == "INDIAVIX" else 500,
            underlying=index.name,
            multiplier=1,
            previous_close_e4=self.price(symbol, index.level_e4),
            session=_CASH_SESSION,
            is_tradable=False,
        )

    # Expiries.

    def month_ends(self, exchange: str, count: int) -> list[dt.date]:
        weekday = expiry_weekday(exchange, self.date)
        found: list[dt.date] = []
        year, month = self.date.year, self.date.month
        while len(found) < count:
            expiry = self._moved(exchange, "FO", last_weekday(year, month, weekday))
            if expiry >= self.date:
                found.append(expiry)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return found

    def weeks(self, exchange: str, count: int, months: Sequence[dt.date]) -> list[dt.date]:
        weekday = expiry_weekday(exchange, self.date)
        first = self.date + dt.timedelta(days=(weekday - self.date.weekday()) % 7)
        moved = (
            self._moved(exchange, "FO", first + dt.timedelta(days=7 * week))
            for week in range(count + 1)
        )
        return [day for day in moved if day >= self.date and day not in months][:count]

    def _moved(self, exchange: str, segment: str, date: dt.date) -> dt.date:
        return self.calendar.trading_day_on_or_before(exchange, segment, date)

    def commodity_expiries(self, each: Commodity, count: int) -> list[dt.date]:
        found: list[dt.date] = []
        year, month = self.date.year, self.date.month
        while len(found) < count:
            if month in each.months:
                expiry = self._moved(
                    each.exchange, each.segment, dt.date(year, month, each.expiry_day)
                )
                if expiry >= self.date:
                    found.append(expiry)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return found

    # Contracts.

    def future(self, base: _Base, expiry: dt.date) -> Instrument:
        ticker = f"{base.name}{expiry:%y}{_MONTHS[expiry.month - 1]}FUT"
        made = self._contract(base, expiry, ticker, base.future_tick_e4)
        return self._with_limits(base, made, on_future=False)

    def option(
        self, base: _Base, expiry: dt.date, strike_e4: int, right: Right, *, is_monthly: bool
    ) -> Instrument:
        month = _MONTHS[expiry.month - 1]
        when = month if is_monthly else f"{_WEEKLY_MONTHS[expiry.month - 1]}{expiry:%d}"
        strike = format_e4(strike_e4).rstrip("0").rstrip(".")
        ticker = f"{base.name}{expiry:%y}{when}{strike}{right}"
        made = self._contract(base, expiry, ticker, base.option_tick_e4, (strike_e4, right))
        return self._with_limits(base, made, on_future=base.segment == Segment.COM)

    def _contract(
        self,
        base: _Base,
        expiry: dt.date,
        ticker: str,
        tick_e4: int,
        option: tuple[int, Right] | None = None,
    ) -> Instrument:
        exchange, segment = Exchange(base.exchange), Segment(base.segment)
        token = self.tokens.next(exchange, segment)
        day = f"{expiry.day:02d} {_MONTHS[expiry.month - 1].title()} {expiry:%y}"
        what = "FUT" if option is None else f"{format_e4(option[0]).rstrip('0').rstrip('.')}"
        return Instrument(
            id=instrument_id(exchange, segment, token),
            exchange=exchange,
            segment=segment,
            token=token,
            symbol=f"{exchange}:{ticker}",
            name=f"{base.name} {day} {what}" + ("" if option is None else f" {option[1]}"),
            kind=InstrumentKind.FUTURE if option is None else InstrumentKind.OPTION,
            lot_size=base.lot,
            tick_e4=tick_e4,
            underlying=base.name,
            underlying_id=base.id,
            expiry=expiry,
            strike_e4=None if option is None else option[0],
            right=None if option is None else option[1],
            multiplier=base.multiplier,
            freeze_qty=base.freeze_qty or None,
            session=_SESSIONS.get(segment) or _fo_session(self.calendar, exchange, self.date),
        )

    def _with_limits(self, base: _Base, made: Instrument, *, on_future: bool) -> Instrument:
        spot = base.price_e4 / E
        terms = terms_of(made, self.calendar, base.price_e4, on_future=on_future)
        worth = fair(terms, made.kind, spot, spot, ist_ns(self.date, 0))
        tick = made.tick_e4
        close = max(round_to_tick(round(worth * E), tick), tick)
        is_option = made.kind is InstrumentKind.OPTION
        reach = max(close, base.price_e4 // _OPTION_REACH) if is_option else close // _FUTURE_BAND
        return structs.replace(
            made,
            previous_close_e4=close,
            lower_e4=max(ceil_to_tick(close - reach, tick), tick),
            upper_e4=floor_to_tick(close + reach, tick),
        )

    def chain(
        self, base: _Base, expiry: dt.date, each_side: int, *, is_monthly: bool = True
    ) -> Iterator[Instrument]:
        middle = round_to_tick(base.price_e4, base.strike_e4)
        for n in range(-each_side, each_side + 1):
            strike = middle + n * base.strike_e4
            if strike > 0:
                for right in Right:
                    yield self.option(base, expiry, strike, right, is_monthly=is_monthly)


def last_weekday(year: int, month: int, weekday: int) -> dt.date:
    """Give a month's last Monday (0) … Sunday (6)."""
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    last = following - dt.timedelta(days=1)
    return last - dt.timedelta(days=(last.weekday() - weekday) % 7)


def expiry_weekday(exchange: str, date: dt.date) -> int:
    """Give the day equity derivatives expire: the two exchanges swapped in September 2025."""
    is_nse, is_new = exchange == Exchange.NSE, date >= _NEW_WEEKDAYS
    return _TUESDAY if is_nse == is_new else _THURSDAY


def _fo_session(calendar: Calendar, exchange: str, date: dt.date) -> str:
    day = calendar.trading_day_on_or_before(exchange, "FO", date)
    close = calendar.hours(exchange, "FO", day)[-1].close_minute
    return f"0915-{close // 60:02d}{close % 60:02d}|1815-1915:"


def _index_base(lister: _Lister, index: Index) -> _Base:
    listed = lister.index(index)
    return _Base(
        exchange=index.exchange,
        segment="FO",
        name=index.name,
        id=listed.id,
        price_e4=listed.previous_close_e4 or index.level_e4,
        lot=index.lot,
        multiplier=1,
        freeze_qty=index.freeze_qty,
        strike_e4=index.strike_e4,
        future_tick_e4=index.future_tick_e4,
        option_tick_e4=_OPTION_TICK_E4,
    )


def _share_base(listed: Instrument, share: Share) -> _Base:
    price = listed.previous_close_e4 or share.price_e4
    tick = listed.tick_e4
    return _Base(
        exchange=listed.exchange,
        segment="FO",
        name=share.symbol,
        id=listed.id,
        price_e4=price,
        lot=share.lot,
        multiplier=1,
        freeze_qty=share.freeze_qty,
        strike_e4=strike_step_e4(price),
        future_tick_e4=tick,
        option_tick_e4=max(min(tick, _OPTION_TICK_E4), 100) if tick <= _OPTION_TICK_E4 else 500,
    )


def _commodity_base(each: Commodity) -> _Base:
    return _Base(
        exchange=each.exchange,
        segment=each.segment,
        name=each.name,
        id=instrument_id(each.exchange, each.segment, each.code),
        price_e4=each.price_e4,
        lot=1,
        multiplier=each.multiplier,
        freeze_qty=each.freeze_qty,
        strike_e4=each.strike_e4,
        future_tick_e4=each.tick_e4,
        option_tick_e4=each.option_tick_e4,
    )


def _index_contracts(lister: _Lister, index: Index) -> Iterator[Instrument]:
    size, base = lister.size, _index_base(lister, index)
    months = lister.month_ends(index.exchange, max(size.futures, size.months))
    yield from (lister.future(base, expiry) for expiry in months[: size.futures])
    if index.name in names.WITH_WEEKLIES:
        for expiry in lister.weeks(index.exchange, size.weeklies, months):
            yield from lister.chain(base, expiry, size.index_strikes, is_monthly=False)
    for expiry in months[: size.months]:
        yield from lister.chain(base, expiry, size.index_strikes)


def _share_contracts(lister: _Lister, share: Share, exchange: Exchange) -> Iterator[Instrument]:
    size = lister.size
    base = _share_base(lister.share(share, exchange), share)
    months = lister.month_ends(exchange, max(size.futures, size.months))
    futures = size.futures if size.stock_options is None else 1
    yield from (lister.future(base, expiry) for expiry in months[:futures])
    if exchange is Exchange.NSE and (
        size.stock_options is None or share.symbol in size.stock_options
    ):
        for expiry in months[: size.months]:
            yield from lister.chain(base, expiry, size.stock_strikes)


def _commodity_contracts(lister: _Lister, each: Commodity) -> Iterator[Instrument]:
    size, base = lister.size, _commodity_base(each)
    expiries = lister.commodity_expiries(each, size.futures)
    futures = [lister.future(base, expiry) for expiry in expiries]
    yield from futures
    if each.segment == Segment.CD:
        for expiry in expiries[: size.months]:
            yield from lister.chain(base, expiry, size.other_strikes)
        return
    for future, expiry in list(zip(futures, expiries, strict=True))[: size.months]:
        ends = lister.calendar.neighbour(each.exchange, each.segment, expiry, -1)
        ends = lister.calendar.neighbour(each.exchange, each.segment, ends, -1)
        if ends >= lister.date:
            on_future = base._replace(id=future.id, price_e4=future.previous_close_e4 or 0)
            yield from lister.chain(on_future, ends, size.other_strikes)


def list_names(
    size: Size, date: dt.date, calendar: Calendar, prices: Mapping[str, int]
) -> Iterator[Instrument]:
    """List shares and indices, then the contracts on them, then commodities and currencies."""
    lister = _Lister(size, date, calendar, prices)
    shares = lister.shares()
    on_bse = [share for share in shares if share.bse_code][: size.bse_names]
    yield from (lister.index(index) for index in lister.indices())
    yield from (lister.share(share, Exchange.NSE) for share in shares)
    yield from (lister.share(share, Exchange.BSE) for share in on_bse)
    for index in lister.indices():
        if index.lot:
            yield from _index_contracts(lister, index)
    with_contracts = [share for share in shares if share.lot]
    if size.stock_options is not None:
        with_contracts = with_contracts[:8]
    for share in with_contracts:
        yield from _share_contracts(lister, share, Exchange.NSE)
    if size.stock_options is None:
        for share in on_bse:
            if share.lot:
                yield from _share_contracts(lister, share, Exchange.BSE)
    for each in lister.commodities():
        yield from _commodity_contracts(lister, each)
