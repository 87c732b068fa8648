"""What all panels share: a title, a description, a unit, words for having no data; and lines over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders.common import VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.text import Panel as Text
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
USD = "currency:financial:$"  # $21,433; before Grafana 12.1 not known
NO_DATA = "No data"

# From these values on, these colours; the first is for what is below them all.
Steps = Sequence[tuple[float | None, str]]
# No data have the colour below all.
GREY, LEAST = "#7b8087", -1e15
PLAIN: Steps = ((None, GREY), (LEAST, "text"))

FULL = (24, 9)
NO_WORDS: Mapping[str, str] = MappingProxyType({})


class _Panel(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def thresholds(self, thresholds: ThresholdsConfig) -> Self: ...


class _Overridden(Protocol):
    def override_by_name(self, name: str, properties: list[DynamicConfigValue]) -> Self: ...


P = TypeVar("P", bound=_Panel)
Q = TypeVar("Q", bound=_Overridden)


def framed(panel: P, title: str, description: str, unit: str, no_value: str, size: tuple[int, int], steps: Steps) -> P:
    width, height = size
    return (
        panel.title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(height)
        .unit(unit)
        .no_value(no_value)
        .thresholds(steps_of(steps))
    )


def lines(
    title: str,
    description: str,
    series: Mapping[str, str],
    *,
    unit: str,
    size: tuple[int, int],
    no_value: str = "No data in this time range",
    interval: str = "",
    time_from: str = "",
    bars: bool = False,
    decimals: int | None = None,
    renamed: Mapping[str, str] = NO_WORDS,
) -> TimeSeries:
    """A range query for each legend. `interval` is the shortest step, `time_from` a range of the panel's own.

    `renamed` are parts of legends, as regular expressions, and words for them.
    """
    panel = framed(TimeSeries(), title, description, unit, no_value, size, PLAIN)
    for number, (name, expr) in enumerate(series.items()):
        panel = panel.with_target(Dataquery().expr(expr).range().legend_format(name).ref_id(ref(number)))
    if interval:
        panel = panel.interval(interval)
    if time_from:
        panel = panel.time_from(time_from)
    for part, word in renamed.items():
        options = {"regex": f"/{part}/", "renamePattern": word}
        panel = panel.with_transformation(DataTransformerConfig("renameByRegex", options=options))
    if bars:
        panel = panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80)
    if decimals is not None:
        panel = panel.decimals(decimals)
    is_one = len(series) == 1 and not any("{{" in name for name in series)
    named = VizLegendOptions().show_legend(False) if is_one else legend("lastNotNull", LegendPlacement.BOTTOM)
    return panel.min(0).legend(named).tooltip(tooltip())


def in_words(panel: Q, words: Mapping[str, str]) -> Q:
    """With words for the series that have these names; what is of none of them has no colour."""
    for identifier, word in words.items():
        properties = [DynamicConfigValue("displayName", word)]
        if identifier == "none":
            properties.append(fixed_color(GREY))
        panel = panel.override_by_name(identifier, properties)
    return panel


def fixed_color(color: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def text(title: str, content: str, *, size: tuple[int, int]) -> Text:
    width, height = size
    return Text().title(title).span(width).height(height).mode(TextMode.MARKDOWN).content(content)


def instant(expr: str, form: PromQueryFormat = PromQueryFormat.TIME_SERIES) -> Dataquery:
    return Dataquery().expr(expr).instant().format(form).ref_id(ref(0))


def ref(number: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number]


def steps_of(steps: Steps) -> ThresholdsConfig:
    thresholds = [Threshold(value=value, color=color) for value, color in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds)


def texts_of(texts: Mapping[str, tuple[str, str]]) -> ValueMap:
    """Words and colours for values."""
    return ValueMap({value: ValueMappingResult(text=text, color=color) for value, (text, color) in texts.items()})


def legend(calculation: str, placement: LegendPlacement) -> VizLegendOptions:
    return (
        VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.LIST if placement is LegendPlacement.BOTTOM else LegendDisplayMode.TABLE)
        .placement(placement)
        .calcs([calculation] if calculation else [])
    )


def tooltip() -> VizTooltipOptions:
    return VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
