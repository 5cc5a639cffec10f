"""What a workspace keeps of a chart; what is odd in a kept one is passed over."""

import enum
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from brokers.model.instrument import InstrumentId
from brokers.model.market import Interval
from desktop.chart.candles_item import Style
from desktop.chart.scale import Mode
from desktop.chart.studies import Choice

_Words = TypeVar("_Words", bound=enum.StrEnum)


class ChartState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the trader chose for one chart."""

    instrument: InstrumentId | None = None
    interval: Interval = Interval.M5
    style: Style = Style.CANDLES
    mode: Mode = Mode.LINEAR
    shows_volume: bool = True
    indicators: tuple[Choice, ...] = ()


def save(state: ChartState) -> dict[str, object]:
    """Give JSON values."""
    return {
        "instrument": state.instrument,
        "interval": state.interval.value,
        "style": state.style.value,
        "mode": state.mode.value,
        "volume": state.shows_volume,
        "indicators": [
            {"id": choice.id, "values": dict(choice.numbers())} for choice in state.indicators
        ],
    }


def restore(kept: Mapping[str, object]) -> ChartState:
    """Read what `save` gave, perhaps of another version."""
    usual = ChartState()
    instrument = kept.get("instrument")
    volume = kept.get("volume", usual.shows_volume)
    indicators = kept.get("indicators", ())
    found = indicators if isinstance(indicators, list | tuple) else ()
    choices = [_choice(each) for each in found]
    return ChartState(
        instrument=InstrumentId(instrument) if isinstance(instrument, str) else None,
        interval=_word(Interval, kept.get("interval"), usual.interval),
        style=_word(Style, kept.get("style"), usual.style),
        mode=_word(Mode, kept.get("mode"), usual.mode),
        shows_volume=volume if isinstance(volume, bool) else usual.shows_volume,
        indicators=tuple(choice for choice in choices if choice is not None),
    )


def _word(kind: type[_Words], kept: object, usual: _Words) -> _Words:
    try:
        return kind(str(kept))
    except ValueError:
        return usual


def _choice(kept: object) -> Choice | None:
    if not isinstance(kept, Mapping):
        return None
    values = kept.get("values", {})
    if not isinstance(values, Mapping):
        return None
    numbers = [
        (key, float(value))
        for key, value in values.items()
        if isinstance(key, str) and isinstance(value, int | float)
    ]
    try:
        return Choice(str(kept.get("id")), tuple(numbers))
    except ValueError:
        return None
