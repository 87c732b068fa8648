"""Panels in the house style: each has a title, a description, a unit, and words for having no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders.barchart import Panel as BarChart
from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    TableFooterOptions,
    TableSortByFieldState,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.text import Panel as Text
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

# From these values on, these colours; the first is for what is below them all.
Steps = Sequence[tuple[float | None, str]]
NEUTRAL: Steps = ((None, "blue"),)

SMALL, THIRD, HALF, FULL = (4, 4), (8, 8), (12, 8), (24, 9)


class _Panel(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def thresholds(self, thresholds: ThresholdsConfig) -> Self: ...


P = TypeVar("P", bound=_Panel)


def stat(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str,
    no_value: str = "No data",
    steps: Steps = NEUTRAL,
    texts: Mapping[str, tuple[str, str]] | None = None,
    shown_label: str = "",
    size: tuple[int, int] = SMALL,
) -> Stat:
    """One number, or a label in its place. `texts` are words and colours for values."""
    panel = _framed(Stat(), title, description, unit, no_value, size, steps)
    if texts:
        panel = panel.mappings([_texts(texts)])
    return (
        panel.color_mode(BigValueColorMode.BACKGROUND if texts else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .text_mode(BigValueTextMode.NAME if shown_label else BigValueTextMode.AUTO)
        .with_target(_instant(expr).legend_format(f"{{{{{shown_label}}}}}" if shown_label else ""))
    )


def day_bars(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str,
    no_value: str,
    column: str = "",
    size: tuple[int, int] = FULL,
) -> BarChart:
    """A bar for each `date` of the instant query, stacked by the label `column`."""
    panel = (
        _framed(BarChart(), title, description, unit, no_value, size, NEUTRAL)
        .with_target(_instant(expr, PromQueryFormat.TABLE))
        .with_transformation(DataTransformerConfig("sortBy", options={"fields": {}, "sort": [{"field": "date"}]}))
        .orientation(VizOrientation.VERTICAL)
        .show_value(VisibilityMode.NEVER)
        .x_tick_label_rotation(-45)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .tooltip(_tooltip())
    )
    if not column:
        hidden = {"Time": True}
        return (
            panel.x_field("date")
            .legend(VizLegendOptions().show_legend(False))
            .with_transformation(DataTransformerConfig("organize", options={"excludeByName": hidden}))
        )
    matrix = {"columnField": column, "rowField": "date", "valueField": "Value", "emptyValue": "null"}
    return (
        panel.x_field(f"date\\{column}")
        .stacking(StackingMode.NORMAL)
        .legend(_legend("sum"))
        .with_transformation(DataTransformerConfig("groupingToMatrix", options=matrix))
    )


def ranking(
    title: str,
    description: str,
    expr: str,
    *,
    label: str,
    unit: str,
    no_value: str,
    size: tuple[int, int] = THIRD,
    steps: Steps = NEUTRAL,
) -> BarGauge:
    """A horizontal bar for each sample of the instant query, in its order."""
    return (
        _framed(BarGauge(), title, description, unit, no_value, size, steps)
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.GRADIENT)
        .min(0)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_instant(expr).legend_format(f"{{{{{label}}}}}"))
    )


def table(
    title: str,
    description: str,
    columns: Mapping[str, str],
    *,
    labels: Mapping[str, str],
    units: Mapping[str, str],
    no_value: str,
    sort: str,
    size: tuple[int, int] = FULL,
    total: bool = False,
    yes_no: Sequence[str] = (),
    blanks: Mapping[str, str] = MappingProxyType({}),
) -> Table:
    """A row for each label set, a column for each instant query by its title; `labels` are shown, with their titles.

    So is the organization, where it has a name. Columns of `yes_no` hold 1 or 0. `blanks` are words for a cell without
    a number.
    """
    # Grafana numbers the values only where there are several.
    names = [f"Value #{_ref(number)}" for number in range(len(columns))] if len(columns) > 1 else ["Value"]
    titles = dict(zip(names, columns, strict=True))
    organize = {
        "excludeByName": {"Time": True, "job": True, "workspace_id": "workspace" in labels},
        "indexByName": {name: place for place, name in enumerate(["organization", *labels, *titles])},
        "renameByName": {"organization": "Organization", **labels, **titles},
    }
    panel = _framed(Table(), title, description, "short", no_value, size, NEUTRAL)
    for number, expr in enumerate(columns.values()):
        panel = panel.with_target(_instant(expr, PromQueryFormat.TABLE).ref_id(_ref(number)))
    for column in columns:
        # Without a word of its own, a blank cell would say that the whole table has no data.
        blank = DynamicConfigValue("noValue", blanks.get(column, "–"))  # noqa: RUF001  a dash
        panel = panel.override_by_name(column, [DynamicConfigValue("unit", units.get(column, "short")), blank])
    for column in yes_no:
        panel = panel.override_by_name(
            column,
            [
                DynamicConfigValue("mappings", [_texts({"0": ("no", "red"), "1": ("yes", "green")})]),
                DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
            ],
        )
    return (
        panel.with_transformation(DataTransformerConfig("merge", options={}))
        .with_transformation(DataTransformerConfig("organize", options=organize))
        .filterable(True)
        .footer(TableFooterOptions().show(total).reducer(["sum"]))
        .sort_by([TableSortByFieldState().display_name(sort).desc(True)])
    )


def lines(
    title: str,
    description: str,
    series: Mapping[str, str],
    *,
    unit: str,
    no_value: str = "No data in this time range",
    size: tuple[int, int] = HALF,
    interval: str = "",
    time_from: str = "",
    bars: bool = False,
) -> TimeSeries:
    """A range query for each legend. `interval` is the shortest step, `time_from` a range of the panel's own."""
    panel = _framed(TimeSeries(), title, description, unit, no_value, size, NEUTRAL)
    for number, (legend, expr) in enumerate(series.items()):
        panel = panel.with_target(Dataquery().expr(expr).range().legend_format(legend).ref_id(_ref(number)))
    if interval:
        panel = panel.interval(interval)
    if time_from:
        panel = panel.time_from(time_from)
    if bars:
        panel = panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80)
    return panel.min(0).legend(_legend("lastNotNull")).tooltip(_tooltip())


def text(title: str, content: str, *, size: tuple[int, int]) -> Text:
    width, height = size
    return Text().title(title).description(title).span(width).height(height).mode(TextMode.MARKDOWN).content(content)


def _framed(panel: P, title: str, description: str, unit: str, no_value: str, size: tuple[int, int], steps: Steps) -> P:
    width, height = size
    thresholds = [Threshold(value=value, color=color) for value, color in steps]
    return (
        panel.title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(height)
        .unit(unit)
        .no_value(no_value)
        .thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds))
    )


def _texts(texts: Mapping[str, tuple[str, str]]) -> ValueMap:
    """Words and colours for values."""
    return ValueMap({value: ValueMappingResult(text=text, color=color) for value, (text, color) in texts.items()})


def _instant(expr: str, form: PromQueryFormat = PromQueryFormat.TIME_SERIES) -> Dataquery:
    return Dataquery().expr(expr).instant().format(form).ref_id(_ref(0))


def _ref(number: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number]


def _legend(calculation: str) -> VizLegendOptions:
    return (
        VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.RIGHT)
        .calcs([calculation])
    )


def _tooltip() -> VizTooltipOptions:
    return VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
