"""Indicators at work: one study holds an indicator's columns over a series and keeps them exact."""

from dataclasses import dataclass

import numpy as np

from desktop.chart.indicators import INDICATORS, Draw, Indicator
from desktop.chart.series import Series, Track


@dataclass(frozen=True, slots=True)
class Choice:
    """An indicator with its parameters, as a workspace keeps it; checked when made."""

    id: str
    values: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.id not in INDICATORS:
            raise ValueError(f"indicator: expected one of {', '.join(INDICATORS)}, was {self.id}")
        wrong = self.indicator.problem(self.numbers())
        if wrong is not None:
            raise ValueError(f"{self.id}: {wrong}")

    @property
    def indicator(self) -> Indicator:
        return INDICATORS[self.id]

    def numbers(self) -> dict[str, float]:
        """Give every parameter, those left out at their defaults."""
        return {**self.indicator.defaults(), **dict(self.values)}

    @property
    def title(self) -> str:
        """The name with its numbers: `EMA 20`."""
        numbers = " ".join(f"{value:g}" for value in self.numbers().values())
        return f"{self.indicator.name} {numbers}".strip()


class Study:
    """One chosen indicator over one series."""

    def __init__(self, choice: Choice, series: Series, colour: int) -> None:
        """Compute all rows; `colour` is the place of its first line in the list of colours."""
        self.choice = choice
        self.colour = colour
        self._values = choice.numbers()
        self._series = series
        self.tracks: list[Track] = []
        self.recompute()

    @property
    def indicator(self) -> Indicator:
        return self.choice.indicator

    def recompute(self) -> None:
        """Compute everything anew, after a load or older bars."""
        series = self._series
        columns = [np.full(len(series), np.nan) for _ in self.indicator.outputs]
        if len(series):
            self.indicator.fill(series, columns, self._values, 0)
        self.tracks = [Track(column, series.first) for column in columns]

    def follow(self, row: int) -> None:
        """Take in that the series changed from a row on: the live bar, or bars appended."""
        count = len(self._series)
        for track in self.tracks:
            track.resize(count)
        columns = [track.values for track in self.tracks]
        self.indicator.fill(self._series, columns, self._values, row)
        for output, track in zip(self.indicator.outputs, self.tracks, strict=True):
            if output.draw is not Draw.HIDDEN:
                track.touch(row)
