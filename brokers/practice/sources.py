"""Which line prices an instrument: found by name, made when first asked for."""

import datetime as dt
import math
import statistics
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from brokers.model.instrument import Exchange, Instrument, InstrumentId, InstrumentKind, Segment
from brokers.model.money import ceil_to_tick, floor_to_tick, round_to_tick
from brokers.practice import names
from brokers.practice.baskets import Basket
from brokers.practice.calendar import Calendar, day_of
from brokers.practice.derived import DerivedLine
from brokers.practice.history import RecordedPath, Recording
from brokers.practice.lines import Line, SpotLine
from brokers.practice.liquidity import Liquidity
from brokers.practice.listing import band_percent
from brokers.practice.names import Share
from brokers.practice.noise import key_of
from brokers.practice.paths import GeneratedPath, Grid, Path, Traits
from brokers.practice.terms import terms_of, volatility_of
from brokers.practice.universe import Universe

E: Final = 10_000
_BSE_SHARE: Final = 12
_SHARED: Final = 0.62
_COMMODITY_BAND, _CURRENCY_BAND = 0.09, 0.03
_FUTURE_BAND: Final = 0.1
_LISTED_DAYS: Final = 100
_TRUSTED: Final = 0.3
_SEEN_BEFORE_DAYS: Final = 4
# Lots a day of the near contract: index futures, index options, and what shares get.
_INDEX_FUTURE_LOTS: Final = {"NIFTY": 90_000, "BANKNIFTY": 45_000, "SENSEX": 3_000}
_INDEX_OPTION_LOTS: Final = {"NIFTY": 1_500_000, "BANKNIFTY": 300_000, "SENSEX": 700_000}
_OTHER_INDEX_LOTS: Final = 4_000
# A price for what is known by kind alone, rupees: from, to.
_GUESSES: Final = {
    InstrumentKind.EQUITY: (20, 2500),
    InstrumentKind.FUND: (20, 400),
    InstrumentKind.BOND: (95, 110),
    InstrumentKind.INDEX: (5000, 30_000),
    InstrumentKind.OTHER: (50, 1000),
}


class _Centre(NamedTuple):
    """Where an underlying must have been while its nearest options traded."""

    strike_e4: int
    day: int


class Source(NamedTuple):
    """An instrument's line, what trades of it in a day, and how far it may move (0: any way)."""

    line: Line
    daily_qty: float
    band: float


class Sources:
    """Makes and keeps lines. The same share has the same path on every exchange."""

    def __init__(
        self,
        universe: Universe,
        calendar: Calendar,
        anchor: dt.date,
        seed: int,
        recordings: Mapping[str, Recording],
    ) -> None:
        self._universe = universe
        self._calendar = calendar
        self._anchor = day_of(anchor)
        self._seed = seed
        self._recordings = recordings
        self._grids: dict[tuple[str, str], Grid] = {}
        self._paths: dict[str, Path] = {}
        self._hidden: dict[str, Line] = {}
        self._sources: dict[InstrumentId, Source] = {}
        self._shares = {share.symbol: share for share in names.shares()}
        self._by_isin = {share.isin: share for share in names.shares()}
        self._indices = {(each.exchange, each.name): each for each in names.INDICES}
        self._commodities = {each.name: each for each in names.commodities()}
        self._centres = _centres(universe)
        listed = ((symbol, universe.by_symbol(symbol)) for symbol in recordings)
        self._twins = {
            each.isin: recordings[symbol]
            for symbol, each in listed
            if each is not None and each.isin
        }

    def of(self, instrument: Instrument) -> Source:
        """Give an instrument's source."""
        found = self._sources.get(instrument.id)
        if found is None:
            found = self._sources[instrument.id] = self._make(instrument)
        return found

    def made(self) -> list[Line]:
        """Give every line made so far, those without a listed instrument included."""
        return [*(source.line for source in self._sources.values()), *self._hidden.values()]

    def spread(self, instrument: Instrument, at_ns: int, before: float, after: float) -> None:
        """Let a share's move by hand reach its other listings and its indices.

        Args:
            instrument: the share; anything else has no relatives.
            at_ns: from when.
            before: its price just before, rupees.
            after: its price now.
        """
        own = self.of(instrument).line
        if not instrument.isin or not isinstance(own, SpotLine) or before <= 0.0:
            return
        for exchange, segment in (("NSE", "CM"), ("BSE", "CM")):
            for other in self._universe.in_segment(exchange, segment):
                if other.kind is InstrumentKind.INDEX:
                    line = self.of(other).line
                    if isinstance(line, SpotLine) and isinstance(line.path, Basket):
                        units = line.path.units_of(own.path)
                        level = line.price_at(at_ns)
                        if units and level > 0.0:
                            line.scale(at_ns, 1.0 + units * (after - before) / level)
                elif other.isin == instrument.isin and other.id != instrument.id:
                    self.of(other).line.scale(at_ns, after / before)

    def grid(self, exchange: str, segment: str) -> Grid:
        """Give a segment's grid."""
        found = self._grids.get((exchange, segment))
        if found is None:
            found = self._grids[exchange, segment] = Grid(self._calendar, exchange, segment)
        return found

    def _make(self, instrument: Instrument) -> Source:
        if instrument.kind in (InstrumentKind.FUTURE, InstrumentKind.OPTION):
            return self._derived(instrument)
        if instrument.kind is InstrumentKind.INDEX:
            line = SpotLine(self._index_path(instrument), self._grid_of(instrument))
            return Source(line, 0.0, 0.0)
        volume = self._daily_volume(instrument)
        path = self._cash_path(instrument, volume)
        band = self._band_percent(instrument) / 100
        return Source(SpotLine(path, self._grid_of(instrument), _unit(instrument)), volume, band)

    def _grid_of(self, instrument: Instrument) -> Grid:
        return self.grid(instrument.exchange, instrument.segment)

    # Cash.

    def _cash_path(self, instrument: Instrument, volume: int) -> Path:
        name = instrument.isin or instrument.symbol
        key = f"{instrument.exchange}:{name}"
        found = self._paths.get(key)
        if found is None:
            found = self._paths[key] = self._draw_cash(instrument, name, volume)
        return found

    def _draw_cash(self, instrument: Instrument, name: str, volume: int) -> Path:
        grid = self._grid_of(instrument)
        recording = self._recording_of(instrument)
        price_e4 = self.seed_price_e4(instrument)
        traits = Traits(
            price=price_e4 / E,
            volatility=volatility_of(instrument.underlying or name, price_e4),
            shared=_SHARED if instrument.kind is not InstrumentKind.BOND else 0.0,
            band=self._band_percent(instrument) / 100,
            daily_volume=volume,
            unit=_unit(instrument),
            mean_trade=max(1.6, 9e7 / price_e4) * _unit(instrument),
        )
        if recording is not None:
            return self._recorded(name, grid, recording, traits)
        pinned = self._pinned(instrument, price_e4)
        return GeneratedPath(self._seed, name, grid, self._anchor_of(instrument), traits, pinned)

    def _recorded(
        self, name: str, grid: Grid, recording: Recording, traits: Traits
    ) -> RecordedPath:
        """Lay generated paths before and after a recording."""
        first = RecordedPath.first_day_of(grid, recording, self._anchor)
        opening, last = float(recording.open[0]), float(recording.close[-1])
        before = GeneratedPath(self._seed, name, grid, first, traits._replace(price=opening))
        after = GeneratedPath(self._seed, name, grid, self._anchor + 1, traits._replace(price=last))
        return RecordedPath(grid, recording, self._anchor, before, after)

    def _pinned(self, instrument: Instrument, price_e4: int) -> dict[int, float]:
        """Give the days that a name spends at its limit, as moves from the last close."""
        symbol, reach = instrument.underlying, self._band_percent(instrument) / 100
        tick = instrument.tick_e4
        if symbol in names.AT_UPPER_CIRCUIT:
            upper = floor_to_tick(round(price_e4 * (1 + reach)), tick)
            return {self._anchor: math.log(upper / price_e4)}
        if symbol in names.AT_LOWER_CIRCUIT:
            lower = ceil_to_tick(round(price_e4 * (1 - reach)), tick)
            return {self._anchor: math.log(lower / price_e4)}
        return {}

    def _centre_of(self, instrument: Instrument) -> _Centre | None:
        """Find where options place an instrument's price; those of NSE place both listings'."""
        name = instrument.underlying
        own = self._centres.get((str(instrument.exchange), name))
        return self._centres.get(("NSE", name), own) if instrument.isin else own

    def _anchor_of(self, instrument: Instrument) -> int:
        """Give the day on whose eve an instrument has its known price."""
        centre = self._centre_of(instrument)
        return self._anchor if centre is None else min(self._anchor, centre.day)

    def _recording_of(self, instrument: Instrument) -> Recording | None:
        return self._recordings.get(instrument.symbol) or self._twins.get(instrument.isin)

    def _band_percent(self, instrument: Instrument) -> int:
        symbol = instrument.underlying
        has_derivatives = self._centre_of(instrument) is not None
        known = self._shares.get(symbol)
        if known is not None and known.lot:
            has_derivatives = True
        return band_percent(symbol, has_derivatives=has_derivatives)

    def _daily_volume(self, instrument: Instrument) -> int:
        share = self._share_of(instrument)
        if share is not None:
            part = _BSE_SHARE if instrument.exchange is Exchange.BSE else 1
            return max(share.daily_volume // part, 50)
        bits = key_of(0, "volume", instrument.symbol) % 1000 / 1000
        most = 9.0 if instrument.kind is InstrumentKind.EQUITY else 5.0
        return int(200 * math.exp(bits * most)) * _unit(instrument)

    def _share_of(self, instrument: Instrument) -> Share | None:
        return self._by_isin.get(instrument.isin) if instrument.isin else None

    def seed_price_e4(self, instrument: Instrument) -> int:
        """Give the last close before the anchor day of what has no other price."""
        centre = self._centre_of(instrument)
        strike = None if centre is None else centre.strike_e4
        known = self._known_price(instrument)
        if known is None or (strike and abs(known / strike - 1.0) > _TRUSTED):
            known = strike or known
        if known is None:
            low, high = _GUESSES.get(instrument.kind, _GUESSES[InstrumentKind.OTHER])
            part = key_of(0, "price", instrument.symbol) % 1000 / 1000
            known = round(low * (high / low) ** part * E)
        return max(round_to_tick(known, instrument.tick_e4), instrument.tick_e4)

    def _known_price(self, instrument: Instrument) -> int | None:
        if instrument.previous_close_e4:
            return instrument.previous_close_e4
        if instrument.lower_e4 and instrument.upper_e4:
            return (instrument.lower_e4 + instrument.upper_e4) // 2
        share = self._share_of(instrument)
        if share is not None:
            return share.price_e4
        index = self._indices.get((str(instrument.exchange), instrument.underlying))
        return None if index is None else index.level_e4

    # Indices.

    def _index_path(self, instrument: Instrument) -> Path:
        name, level = instrument.symbol, self.seed_price_e4(instrument) / E
        grid = self._grid_of(instrument)
        recording = self._recordings.get(instrument.symbol)
        is_vix = instrument.underlying == "INDIAVIX"
        plain = Traits(level, 0.14, 0.93, 0.1, 0)
        traits = plain._replace(volatility=0.8, shared=0.0, band=0.4, reverts=True)
        if not is_vix:
            traits = plain
        if recording is not None:
            return self._recorded(name, grid, recording, traits)
        index = self._indices.get((str(instrument.exchange), instrument.underlying))
        weights = names.weights(index.weights) if index is not None else {}
        parts = [
            (line.path, float(weight))
            for symbol, weight in weights.items()
            if (share := self._universe.by_symbol(f"NSE:{symbol}-EQ")) is not None
            if isinstance(line := self.of(share).line, SpotLine)
        ]
        if parts:
            return Basket(name, parts, level, self._anchor_of(instrument))
        return GeneratedPath(self._seed, name, grid, self._anchor_of(instrument), traits)

    # Derivatives.

    def _derived(self, instrument: Instrument) -> Source:
        if instrument.expiry is None:
            raise ValueError(f"{instrument.symbol} has no expiry")
        parent, listed = self._underlying(instrument)
        reference_e4 = round(parent.reference(self._anchor) * E)
        on_future = listed is not None and listed.kind is InstrumentKind.FUTURE
        terms = terms_of(instrument, self._calendar, reference_e4, on_future=on_future)
        is_option = instrument.kind is InstrumentKind.OPTION
        last_day = day_of(instrument.expiry)
        key = key_of(self._seed, instrument.id)
        is_share = instrument.segment is Segment.FO
        liquidity = Liquidity(
            key=key,
            daily_lots=self._daily_lots(instrument, listed),
            fade_days=(8.0 if is_option else 18.0) if is_share else 45.0,
            last_day=last_day,
            listed_days=_LISTED_DAYS,
            mean_trade=2.5,
            strike=terms.strike if is_option else 0.0,
            width=terms.volatility,
            held=0.15 if is_option else 2.5,
        )
        unit = _unit(instrument)
        line = DerivedLine(
            parent, instrument.kind, terms, liquidity, (key, self._grid_of(instrument), unit)
        )
        today = np.array([min(self._anchor, last_day)])
        lots = liquidity.units(today, np.array([max(reference_e4 / E, 0.01)]))
        return Source(line, float(lots[0]) * unit, _FUTURE_BAND)

    def _underlying(self, instrument: Instrument) -> tuple[Line, Instrument | None]:
        """Find what a contract hangs on, a hidden spot where nothing is listed."""
        name, exchange = instrument.underlying, instrument.exchange
        found = None
        if instrument.underlying_id is not None:
            found = self._universe.by_id(instrument.underlying_id)
        if found is None and instrument.segment is Segment.FO:
            index = self._indices.get((str(exchange), name))
            symbols = [f"NSE:{name}-EQ", f"BSE:{name}-A"]
            if index is not None:
                symbols.insert(0, f"{exchange}:{index.symbol}-INDEX")
            listed = (self._universe.by_symbol(symbol) for symbol in symbols)
            found = next((each for each in listed if each is not None), None)
        if found is not None and found.id != instrument.id:
            return self.of(found).line, found
        return self._hidden_line(instrument), None

    def _hidden_line(self, instrument: Instrument) -> Line:
        name = f"{instrument.exchange}:{instrument.segment}:{instrument.underlying}"
        found = self._hidden.get(name)
        if found is None:
            grid = self._grid_of(instrument)
            known = self._commodities.get(instrument.underlying)
            centre = self._centre_of(instrument)
            strike = None if centre is None else centre.strike_e4
            price = known.price_e4 if known is not None else strike
            if price is None or (strike and abs(price / strike - 1.0) > _TRUSTED):
                price = strike or instrument.previous_close_e4 or 100 * E
            is_currency = instrument.segment is Segment.CD
            traits = Traits(
                price=price / E,
                volatility=volatility_of(instrument.underlying, price),
                shared=0.0,
                band=_CURRENCY_BAND if is_currency else _COMMODITY_BAND,
                daily_volume=0,
            )
            path = GeneratedPath(self._seed, name, grid, self._anchor_of(instrument), traits)
            found = self._hidden[name] = SpotLine(path, grid)
        return found

    def _daily_lots(self, instrument: Instrument, listed: Instrument | None) -> float:
        """Give what trades at the money on a contract's busiest day."""
        name, is_option = instrument.underlying, instrument.kind is InstrumentKind.OPTION
        known = self._commodities.get(name)
        if known is not None:
            return known.daily_lots * (0.8 if is_option else 1.0)
        table = _INDEX_OPTION_LOTS if is_option else _INDEX_FUTURE_LOTS
        if name in table:
            return table[name]
        share = self._shares.get(name)
        if share is not None and listed is not None:
            part = 0.4 if instrument.exchange is Exchange.NSE else 0.001
            return max(part * share.daily_volume / max(instrument.lot_size, 1), 20.0)
        return _OTHER_INDEX_LOTS


def _unit(instrument: Instrument) -> int:
    return max(instrument.lot_size, 1)


def _centres(universe: Universe) -> dict[tuple[str, str], _Centre]:
    """Read each underlying's place off its options, by (exchange, name)."""
    found: dict[tuple[str, str], _Centre] = {}
    for underlying in universe.underlyings():
        expiry = universe.expiries(underlying)[0]
        chain = universe.options(underlying, expiry)
        middle = round(statistics.median(each.strike_e4 or 0 for each in chain))
        name = (str(chain[0].exchange), chain[0].underlying)
        centre = _Centre(middle, day_of(expiry) - _SEEN_BEFORE_DAYS)
        if name not in found or centre.day < found[name].day:
            found[name] = centre
    return found
