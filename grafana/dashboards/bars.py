"""Bars: of days beside each other, and of what is largest above each other."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders.barchart import Panel as BarChart
from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions, VizTextDisplayOptions
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BarGaugeSizing,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, FieldColorModeId
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.dashboards.panels import (
    FULL,
    NO_WORDS,
    PLAIN,
    Steps,
    fixed_color,
    framed,
    in_words,
    instant,
    legend,
    lines,
    tooltip,
)
from grafana.dashboards.promql import OfDays, kept_days

WIDE_FROM = 16  # columns of the grid, from which a legend has room beside the bars
BAR_PIXELS, NAME_PIXELS, VALUE_PIXELS = 44, 13, 16
ONE_COLOR, PALE = "blue", "#c7ccd4"


def day_bars(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str,
    no_value: str,
    column: str = "",
    words: Mapping[str, str] = NO_WORDS,
    pale: str = "",
    decimals: int | None = None,
    has_totals: bool = True,
    size: tuple[int, int] = FULL,
) -> BarChart:
    """A bar for each `date` and its `day` of the instant query, stacked by the label `column`; words for its values.

    The part called `pale` is drawn so.
    The legend has the totals, unless what is shown cannot be summed over days.
    """
    panel = (
        framed(BarChart(), title, description, unit, no_value, size, PLAIN)
        .with_target(instant(expr, PromQueryFormat.TABLE))
        .with_transformation(DataTransformerConfig("sortBy", options={"fields": {}, "sort": [{"field": "date"}]}))
        .orientation(VizOrientation.VERTICAL)
        .show_value(VisibilityMode.NEVER)
        .x_tick_label_rotation(-45)
        .x_tick_label_spacing(0 if size[0] >= WIDE_FROM else 40)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(tooltip())
        .min(0)
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if not column:
        columns = {"excludeByName": {"Time": True, "date": True}, "renameByName": {"Value": title}}
        return (
            panel.x_field("day")
            .color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(ONE_COLOR))
            .legend(VizLegendOptions().show_legend(False))
            .with_transformation(DataTransformerConfig("organize", options=columns))
        )
    if pale:
        panel = panel.override_by_name(pale, [fixed_color(PALE)])
    matrix = {"columnField": column, "rowField": "day", "valueField": "Value", "emptyValue": "null"}
    placement = LegendPlacement.RIGHT if size[0] >= WIDE_FROM else LegendPlacement.BOTTOM
    return in_words(
        panel.x_field(f"day\\{column}")
        .stacking(StackingMode.NORMAL)
        .legend(legend("sum" if has_totals else "", placement))
        .with_transformation(DataTransformerConfig("groupingToMatrix", options=matrix)),
        words,
    )


def kept_bars(
    title: str, description: str, number: OfDays, *, unit: str, time_from: str, size: tuple[int, int]
) -> TimeSeries:
    """A bar for each day that Prometheus has kept: without data, it has scraped for less than a day."""
    panel = lines(
        title,
        f"{description} Each UTC day as it was exposed days later, yesterday some hours later; as far back as "
        "Prometheus keeps its data, from a day after its first scrape on.",
        {title: kept_days(number)},
        unit=unit,
        decimals=0,
        size=size,
        interval="1d",
        time_from=time_from,
        no_value="Drawn from more than a day of scrapes",
        bars=True,
    )
    return panel.color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(ONE_COLOR))


def ranking(
    title: str,
    description: str,
    expr: str,
    *,
    label: str,
    unit: str,
    no_value: str,
    words: Mapping[str, str] = NO_WORDS,
    decimals: int | None = None,
    size: tuple[int, int],
    steps: Steps = PLAIN,
    most: float | None = None,
) -> BarGauge:
    """A horizontal bar for each sample of the instant query, in its order; `most` is where a bar is full."""
    panel = (
        framed(BarGauge(), title, description, unit, no_value, size, steps)
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .sizing(BarGaugeSizing.MANUAL)
        .min_viz_height(BAR_PIXELS)
        .max_viz_height(BAR_PIXELS)
        .name_placement(BarGaugeNamePlacement.TOP)
        .text(VizTextDisplayOptions().title_size(NAME_PIXELS).value_size(VALUE_PIXELS))
        .min(0)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(instant(expr).legend_format(f"{{{{{label}}}}}"))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if most is not None:
        panel = panel.max(most)
    return in_words(panel, words)
