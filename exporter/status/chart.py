"""The geometry of the bars: days in, places in an SVG out. Its template draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from exporter.status.document import DayCost

GAP = 0.18  # of a day's width
TICKS = 4
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
LABEL_HEIGHT, LABEL_WIDTH, TOP = 20.0, 62.0, 8.0


@dataclass(frozen=True)
class Part:
    """Of a bar: the place of its workspace in the legend, and where it is, in the SVG's units."""

    place: int
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """`parts` is empty where the day is not reported, or cost nothing; `estimated` lies on them."""

    cost: DayCost
    x: float
    width: float
    parts: tuple[Part, ...]
    estimated: Part | None


@dataclass(frozen=True)
class Layer:
    """All parts of a workspace, as the data of an SVG path."""

    place: int
    is_partial: bool
    path: str


@dataclass(frozen=True)
class Tick:
    y: float
    usd: Decimal


@dataclass(frozen=True)
class Chart:
    """`plot_width` by `plot_height`, with room for labels at the right and below; `dated` are the labelled bars."""

    width: float
    height: float
    plot_width: float
    plot_height: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    dated: tuple[tuple[float, date], ...]

    @property
    def layers(self) -> Iterator[Layer]:
        """Days that are whole, and those that are not."""
        paths: dict[tuple[bool, int], list[str]] = {}
        for bar in self.bars:
            for part in bar.parts:
                rectangle = f"M{bar.x:.1f} {part.y:.1f}h{bar.width:.1f}v{part.height:.1f}h-{bar.width:.1f}z"
                paths.setdefault((bar.cost.is_partial, part.place), []).append(rectangle)
        for (is_partial, place), rectangles in sorted(paths.items()):
            yield Layer(place, is_partial, "".join(rectangles))


def chart(days: Sequence[DayCost], width: float, height: float, date_every: int) -> Chart:
    """Bars of the days, each in its parts by workspace from the bottom up; every so many are dated, today's among them.

    What is negative, such as a credit, is not drawn: the table says it.
    """
    plot_width, plot_height = width - LABEL_WIDTH, height - LABEL_HEIGHT
    most = max((_drawn(day) for day in days), default=Decimal(0))
    step = _step(most)
    top = max(most, step)
    scale = (plot_height - TOP) / float(top)
    wide = plot_width / max(1, len(days))
    bars = tuple(
        Bar(
            day,
            (place + GAP / 2) * wide,
            (1 - GAP) * wide,
            _parts(day, plot_height, scale),
            _estimated(day, plot_height, scale),
        )
        for place, day in enumerate(days)
    )
    ticks = tuple(
        Tick(plot_height - float(number * step) * scale, number * step) for number in range(int(top / step) + 1)
    )
    middles = ((bar.x + bar.width / 2, bar.cost.day) for bar in bars[::-1][::date_every])
    dated = tuple((x, day) for x, day in middles if x >= LABEL_WIDTH / 2 or len(bars) < date_every)
    return Chart(width, height, plot_width, plot_height, bars, ticks, dated)


def _drawn(day: DayCost) -> Decimal:
    return _billed(day) + max(day.estimated_usd or Decimal(0), Decimal(0))


def _billed(day: DayCost) -> Decimal:
    return sum((usd for usd in day.workspaces_usd if usd > 0), Decimal(0))


def _parts(day: DayCost, bottom: float, scale: float) -> tuple[Part, ...]:
    heights = [max(0.0, float(usd) * scale) for usd in day.workspaces_usd]
    tops = [bottom - end for end in accumulate(heights)]
    return tuple(
        Part(place, top, height) for place, (top, height) in enumerate(zip(tops, heights, strict=True)) if height > 0
    )


def _estimated(day: DayCost, bottom: float, scale: float) -> Part | None:
    if not day.estimated_usd or day.estimated_usd < 0:
        return None
    height = float(day.estimated_usd) * scale
    return Part(len(day.workspaces_usd), bottom - float(_billed(day)) * scale - height, height)


def _step(most: Decimal) -> Decimal:
    """Between two ticks: a round number of dollars, of which at most so many fit."""
    least = max(most, Decimal("0.04")) / TICKS
    power = Decimal(10) ** least.adjusted()
    return next(step * power for step in STEPS if step * power >= least)
