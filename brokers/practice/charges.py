"""Charges and margins of the practice exchange: one dated table, exact in paise."""

import datetime as dt
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

import resources
from brokers.model.instrument import Instrument, InstrumentKind, Segment
from brokers.model.money import parse_paise, value_paise
from brokers.model.order import Product, Side

_SCALE: Final = 10_000_000
"""Rates are kept as percent × 100,000, that is in parts of ten million."""


class _Dated(msgspec.Struct, frozen=True, kw_only=True):
    from_date: dt.date = msgspec.field(name="from")


class _Charges(_Dated, frozen=True, kw_only=True):
    group: str
    brokerage_percent: str = "0"
    brokerage_most: str = "0"
    brokerage_flat: str = "0"
    stt_buy_percent: str = "0"
    stt_sell_percent: str = "0"
    exchange_percent: str = "0"
    stamp_buy_percent: str = "0"


class _Levies(_Dated, frozen=True, kw_only=True):
    gst_percent: str
    regulator_percent: str


class _Margins(_Dated, frozen=True, kw_only=True):
    intraday_cash: str
    index_future: str
    stock_future: str
    index_option_sold: str
    stock_option_sold: str
    currency: str
    commodity: str


class _Protection(_Dated, frozen=True, kw_only=True):
    cash_percent: str
    future_percent: str
    option_percent: str
    option_least: str


class _File(msgspec.Struct, frozen=True):
    label: str
    updated: dt.date
    charges: tuple[_Charges, ...]
    levies: tuple[_Levies, ...]
    margins: tuple[_Margins, ...]
    protection: tuple[_Protection, ...]


class ChargeSheet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one trade cost, in paise."""

    brokerage: int
    stt: int
    exchange: int
    regulator: int
    stamp: int
    gst: int

    @property
    def total(self) -> int:
        return self.brokerage + self.stt + self.exchange + self.regulator + self.stamp + self.gst


Row = TypeVar("Row", bound=_Dated)


def _newest(rows: Sequence[Row], date: dt.date) -> Row:
    held = [row for row in rows if row.from_date <= date]
    return max(held or rows, key=lambda row: row.from_date)


def _rate(percent: str) -> int:
    return int(Decimal(percent).scaleb(5).to_integral_exact())


def _part(amount: int, rate: int) -> int:
    """Give rate × amount, rounded half up; amounts are never negative."""
    return (amount * rate + _SCALE // 2) // _SCALE


def _part_up(amount: int, rate: int) -> int:
    return -(-amount * rate // _SCALE)


def is_index_contract(instrument: Instrument) -> bool:
    """Tell a derivative on an index from one on a share."""
    return instrument.underlying in _INDEX_NAMES


_INDEX_NAMES: Final = frozenset(
    ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "SENSEX", "BANKEX", "SENSEX50")
)


class Tariff:
    """The dated table, asked per trade, order or position."""

    def __init__(self, text: str) -> None:
        self._file = msgspec.convert(tomllib.loads(text), _File)
        self._rows: dict[tuple[str, dt.date], _Charges] = {}
        self._rates: dict[str, int] = {}

    @property
    def label(self) -> str:
        return self._file.label

    def brokerage(self, group: str, turnover_paise: int, date: dt.date) -> int:
        """Give the brokerage of one order for all it traded so far."""
        row = self._row(group, date)
        if turnover_paise == 0:
            return 0
        flat = parse_paise(row.brokerage_flat)
        if flat:
            return flat
        return min(
            _part(turnover_paise, self._of(row.brokerage_percent)),
            parse_paise(row.brokerage_most),
        )

    def trade(
        self, group: str, side: Side, value: int, brokerage: int, date: dt.date
    ) -> ChargeSheet:
        """Give what a trade costs.

        Args:
            group: what `charge_group` says.
            side: who pays stamp duty or the transaction tax.
            value: price × quantity × multiplier, in paise.
            brokerage: this trade's share of its order's brokerage, in paise.
            date: the exchange's date.
        """
        row = self._row(group, date)
        levies = _newest(self._file.levies, date)
        is_buy = side is Side.BUY
        exchange = _part(value, self._of(row.exchange_percent))
        regulator = _part(value, self._of(levies.regulator_percent))
        return ChargeSheet(
            brokerage=brokerage,
            stt=_part(value, self._of(row.stt_buy_percent if is_buy else row.stt_sell_percent)),
            exchange=exchange,
            regulator=regulator,
            stamp=_part(value, self._of(row.stamp_buy_percent)) if is_buy else 0,
            gst=_part(brokerage + exchange + regulator, self._of(levies.gst_percent)),
        )

    def requirement(
        self, instrument: Instrument, product: Product, open_qty: int, value: int, date: dt.date
    ) -> int:
        """Give the paise that an open quantity blocks.

        Args:
            instrument: what is held; its multiplier is known.
            product: delivery blocks the whole price.
            open_qty: signed; negative is sold.
            value: price × |open_qty| × multiplier, in paise.
            date: the exchange's date.
        """
        if open_qty == 0 or product is Product.CNC:
            return value if open_qty > 0 else 0
        if instrument.kind is InstrumentKind.OPTION:
            if open_qty > 0:
                return value
            units = -open_qty * (instrument.multiplier or 1)
            value = value_paise(instrument.strike_e4 or 0, units)
        return _part_up(value, self._of(self._margin_percent(instrument, date)))

    def protection_e4(self, instrument: Instrument, ltp_e4: int, date: dt.date) -> int:
        """Give how far from the last price a market order may trade."""
        row = _newest(self._file.protection, date)
        if instrument.kind is InstrumentKind.OPTION:
            least = parse_paise(row.option_least) * 100
            return max(_part(ltp_e4, self._of(row.option_percent)), least)
        is_future = instrument.kind is InstrumentKind.FUTURE
        return _part(ltp_e4, self._of(row.future_percent if is_future else row.cash_percent))

    def _margin_percent(self, instrument: Instrument, date: dt.date) -> str:
        row = _newest(self._file.margins, date)
        if instrument.segment is Segment.CM:
            return row.intraday_cash
        if instrument.segment is Segment.CD:
            return row.currency
        if instrument.segment is Segment.COM:
            return row.commodity
        is_option = instrument.kind is InstrumentKind.OPTION
        if is_index_contract(instrument):
            return row.index_option_sold if is_option else row.index_future
        return row.stock_option_sold if is_option else row.stock_future

    def _row(self, group: str, date: dt.date) -> _Charges:
        found = self._rows.get((group, date))
        if found is None:
            rows = [row for row in self._file.charges if row.group == group]
            found = self._rows[group, date] = _newest(rows, date)
        return found

    def _of(self, percent: str) -> int:
        rate = self._rates.get(percent)
        if rate is None:
            rate = self._rates[percent] = _rate(percent)
        return rate


def charge_group(instrument: Instrument, product: Product) -> str:
    """Name the rows of the table that a trade falls under."""
    if instrument.segment is Segment.CM:
        return "delivery" if product in (Product.CNC, Product.MTF) else "intraday"
    kind = "option" if instrument.kind is InstrumentKind.OPTION else "future"
    market = {Segment.FO: "equity", Segment.CD: "currency", Segment.COM: "commodity"}
    return f"{market[instrument.segment]}_{kind}"


def shipped_tariff() -> Tariff:
    """Read the table the program ships."""
    return Tariff(resources.text("charges/practice.toml"))
