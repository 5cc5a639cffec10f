"""What a chart shows: the bars, their style, the indicators, and the words about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PySide6.QtGui import QColor

from brokers.model.market import Candle, Interval
from brokers.model.money import E4
from desktop.chart.candles_item import Candles, CloseLine, Style, VolumeBars
from desktop.chart.crosshair import Run
from desktop.chart.indicators import Draw, heikin_ashi
from desktop.chart.look import Look
from desktop.chart.pane import Drawing, Pane
from desktop.chart.scale import Mode, PriceScale
from desktop.chart.series import Columns, Series, Track, columns_from, e4
from desktop.chart.studies import Choice, Study
from desktop.chart.study_item import StudyItem
from desktop.chart.visible import Window
from desktop.ui import rupees

_VOLUME_WEIGHT: Final = 0.2
_STUDY_WEIGHT: Final = 0.26
_NO_BARS: Final = columns_from([])


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a chart knows of its instrument."""

    title: str = ""
    interval: Interval = Interval.M5
    tick_e4: int = 500

    @property
    def decimals(self) -> int:
        return 2 if self.tick_e4 % 100 == 0 else 4


class Content:
    """Bars with everything computed from them, kept in step with each change."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.series = Series(_NO_BARS)
        self.style = Style.CANDLES
        self.shows_volume = True
        self.studies: list[Study] = []
        self._smooth: Series | None = None
        self._close: Track | None = None
        self._items: list[StudyItem] = []
        self._price_scale = PriceScale()

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(study.choice for study in self.studies)

    def load(self, columns: Columns, facts: Facts) -> None:
        """Take another series."""
        self.facts = facts
        self.series = Series(columns)
        self._derive()
        self.set_choices(self.choices)

    def set_style(self, style: Style) -> None:
        self.style = style
        self._derive()

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """Compute these indicators; colours go round, one for each."""
        self.studies, colour = [], 0
        for choice in choices:
            self.studies.append(Study(choice, self.series, colour))
            colour += 1 + max(output.colour for output in choice.indicator.outputs)
        self._items = [StudyItem(study) for study in self.studies]

    def take(self, candle: Candle) -> bool:
        """Put the live bar's newest state in, or begin a new bar; tells whether a bar is new."""
        series = self.series
        is_new = not len(series) or candle.opened_ns > series.opened(series.last)
        if is_new:
            series.append(candle)
        else:
            series.replace_last(candle)
        row = len(series) - 1
        if self._smooth is not None:
            self._smooth.take(series, row)
            self._smoothen(self._smooth, row)
        if self._close is not None:
            self._close.resize(len(series))
            self._close.values[row] = candle.close_e4 / E4
            self._close.touch(row)
        for study in self.studies:
            study.follow(row)
        return is_new

    def prepend(self, columns: Columns) -> None:
        """Put older bars in front; every number on the screen stays."""
        self.series.prepend(columns)
        self._derive()
        for study in self.studies:
            study.recompute()

    def _derive(self) -> None:
        self._smooth = self._close = None
        if self.style is Style.HEIKIN_ASHI:
            self._smooth = self.series.copy()
            if len(self.series):
                self._smoothen(self._smooth, 0)
        elif self.style.is_line:
            self._close = Track(self.series.close.copy(), self.series.first)

    @staticmethod
    def _smoothen(smooth: Series, row: int) -> None:
        before = smooth.row(smooth.first + row - 1) if row else None
        pair = None if before is None else (before[0], before[3])
        heikin_ashi(smooth.columns(), row, pair)
        smooth.touch(row)

    @property
    def shown(self) -> Series:
        """The bars as drawn and read out: Heikin-Ashi's where they are chosen."""
        return self._smooth if self._smooth is not None else self.series

    @property
    def has_volume(self) -> bool:
        return self.shows_volume and bool((self.series.volume[-2_000:] > 0).any())

    def panes(self, before: Sequence[Pane]) -> list[Pane]:
        """Make the panes; the scale and height of those that were there stay as they were."""
        made = [self._price_pane()]
        if self.has_volume:
            made.append(self._volume_pane())
        made += [
            self._study_pane(at, item)
            for at, item in enumerate(self._items)
            if item.study.indicator.has_own_pane
        ]
        known = {pane.key: pane for pane in before}
        for pane in made:
            old = known.get(pane.key)
            if old is not None:
                pane.scale, pane.weight = old.scale, old.weight
                pane.area, pane.marks = old.area, old.marks
        self._price_scale = made[0].scale
        return made

    def _price_pane(self) -> Pane:
        bars: Drawing
        if self._close is not None:
            bars = CloseLine(self._close, self.style)
        else:
            bars = Candles(self.shown, self.style)
        overlays = [item for item in self._items if not item.study.indicator.has_own_pane]
        return Pane(
            key="price",
            title=self.facts.title,
            weight=1.0,
            drawings=(bars, *overlays),
            tick=self.facts.tick_e4 / E4,
            text=self.price_text,
            room=(0.1, 0.08),
            base_of=self._first_close,
        )

    def _volume_pane(self) -> Pane:
        return Pane(
            key="volume",
            title="Volume",
            weight=_VOLUME_WEIGHT,
            drawings=(VolumeBars(self.series),),
            tick=1.0,
            text=_volume_text,
            room=(0.28, 0.0),
        )

    def _study_pane(self, at: int, item: StudyItem) -> Pane:
        indicator = item.study.indicator
        return Pane(
            key=f"study:{at}:{indicator.id}",
            title=item.study.choice.title,
            weight=_STUDY_WEIGHT,
            drawings=(item,),
            tick=10 ** -float(self.facts.decimals),
            text=self._study_text,
            limits=indicator.limits,
            levels=indicator.levels,
            room=(0.0, 0.0) if indicator.limits else (0.12, 0.12),
        )

    def _first_close(self, window: Window) -> float:
        number = min(max(window.numbers()[0] + 1, self.series.first), self.series.last)
        return self.series.row(number)[3] if len(self.series) else 1.0

    def price_text(self, value: float) -> str:
        """Write a price for the axis: in rupees, or in percent of the first bar on the screen."""
        if self._price_scale.mode is Mode.PERCENT:
            base = e4(self._price_scale.base)
            return rupees.percent(e4(value) - base, base)
        return rupees.price(e4(value), self.facts.decimals)

    def _study_text(self, value: float) -> str:
        return rupees.price(e4(value), self.facts.decimals)

    def live_extents(self, panes: Sequence[Pane]) -> dict[str, tuple[float, float]]:
        """Give the lowest and highest value that the last bar draws in each pane.

        Lines come from the bar before, so its value is among them.
        """
        last = self.shown.last
        _, high, low, _, _ = self.shown.row(last)
        values = [high, low]
        if self._close is not None:
            values = [self._close.value(last - 1), self._close.value(last)]
        found = {"price": values, "volume": [0.0, self.series.row(last)[4]]}
        own = {id(item): pane.key for pane in panes for item in pane.drawings}
        for item in self._items:
            numbers = found.setdefault(own.get(id(item), "price"), [])
            for output, track in item.shown():
                numbers += (track.value(last - 1), track.value(last))
                if output.draw is Draw.HISTOGRAM:
                    numbers.append(0.0)
        known = {key: [each for each in found[key] if not math.isnan(each)] for key in found}
        return {key: (min(each), max(each)) for key, each in known.items() if each}

    def lines(self, pane: Pane, number: int, look: Look) -> list[list[Run]]:
        """Give the words at the top of a pane about one bar."""
        if not self.shown.first <= number <= self.shown.last:
            return []
        if pane.key == "price":
            overlays = [item for item in pane.drawings if isinstance(item, StudyItem)]
            return [
                self._bar_line(number, look),
                *(self._study_line(item, number, look) for item in overlays),
            ]
        if pane.key == "volume":
            return [
                [
                    Run("Volume", look.colors.text, gap=0, is_still=True),
                    self._volume_run(number, look),
                ]
            ]
        return [
            self._study_line(item, number, look)
            for item in pane.drawings
            if isinstance(item, StudyItem)
        ]

    def _bar_line(self, number: int, look: Look) -> list[Run]:
        o, high, low, c, _ = self.shown.row(number)
        decimals = self.facts.decimals
        ink = self._ink(number, look)
        runs = [
            Run(self.facts.title, look.colors.strong, gap=0, is_bold=True, is_still=True),
            Run(self.facts.interval.value, look.colors.text, gap=6, rank=1, is_still=True),
        ]
        for label, value in (("O", o), ("H", high), ("L", low), ("C", c)):
            rank = 0 if label == "C" else 3
            runs.append(Run(label, look.colors.text, rank=rank, is_still=True))
            runs.append(Run(rupees.price(e4(value), decimals), ink, gap=3, rank=rank))
        if number > self.shown.first:
            before = e4(self.shown.row(number - 1)[3])
            change = e4(c) - before
            text = f"{rupees.signed_price(change, decimals)} ({rupees.percent(change, before)})"
            runs.append(Run(text, ink, rank=2))
        return runs

    def _ink(self, number: int, look: Look) -> QColor:
        o, _, _, c, _ = self.shown.row(number)
        return look.colors.up_edge if c >= o else look.colors.down_edge

    def _volume_run(self, number: int, look: Look) -> Run:
        return Run(_volume_text(self.series.row(number)[4]), self._ink(number, look), gap=4)

    def _study_line(self, item: StudyItem, number: int, look: Look) -> list[Run]:
        runs = [Run(item.study.choice.title, look.colors.text, gap=0, is_still=True)]
        for output, track in item.shown():
            value = track.value(number)
            text = self._study_text(value) if np.isfinite(value) else rupees.ABSENT
            runs.append(Run(text, item.colour_at(output, number, look), gap=6))
        return runs


def _volume_text(value: float) -> str:
    return rupees.compact(round(value))
