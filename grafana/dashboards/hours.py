"""A week of hours as cells: a row for each day, a column for each hour of it."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models.common import TableCellHeight
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.dashboards.panels import PLAIN, framed, instant
from grafana.dashboards.promql import DATES, DAY_SECONDS, JOB, WORKSPACE, samples, summed, total

HOUR_SECONDS = 3_600
MILLION = 1_000_000
NEEDED = "No hours: the exporter shows them with --usage.hours=170"
TOKENS = "anthropic_usage_hour_tokens"
NOTHING = {"match": "null", "result": {"text": "", "color": "transparent", "index": 0}}
_STARTS = f"max by (job, hours_ago) (anthropic_exporter_hour_start_timestamp_seconds{{{JOB}}})"
_DAY_STARTS = f"max by (job, days_ago) (anthropic_exporter_bucket_start_timestamp_seconds{{{JOB}}})"


def heat_map(size: tuple[int, int]) -> Table:
    panel = framed(
        Table(),
        "Tokens by the hour",
        "Millions of tokens of each UTC hour, those read from the cache aside: a column is the same hour of each day, "
        "as AnthropicTokenBurst compares it. The current hour is still growing.",
        "none",
        NEEDED,
        size,
        PLAIN,
    )
    organize = {"renameByName": {r"day\hour": "UTC", "Value": "Tokens"}}
    return (
        panel.with_target(instant(_by_hour(), PromQueryFormat.TABLE))
        # The second sorts what the first has sorted: hours from left to right, days from the newest down.
        .with_transformation(_sorted_by("date", descending=True))
        .with_transformation(_sorted_by("hour"))
        .with_transformation(
            DataTransformerConfig(
                "groupingToMatrix",
                options={"rowField": "day", "columnField": "hour", "valueField": "Value", "emptyValue": "null"},
            )
        )
        .with_transformation(DataTransformerConfig("organize", options=organize))
        .override_by_name("UTC", [DynamicConfigValue("custom.width", 90), *_cells("auto")])
        .min(0)
        .decimals(1)
        .color_scheme(FieldColor().mode(FieldColorModeId.CONTINUOUS_BLUES))
        .cell_height(TableCellHeight.SM)
        .override_by_regexp(
            r"/^\d\d$/",
            [
                *_cells("color-background"),
                DynamicConfigValue("custom.minWidth", 40),
                # Hours that are to come, or are not reported.
                DynamicConfigValue("noValue", ""),
                DynamicConfigValue("mappings", [{"type": "special", "options": NOTHING}]),
            ],
        )
        .filterable(False)
    )


def _by_hour() -> str:
    """With date and hour, which are made labels of the moments that hours and days begin at."""
    hour = f'count_values by (job, hours_ago) ("hour", {_STARTS} % {DAY_SECONDS} / {HOUR_SECONDS})'
    of_day = f'count_values by (job, hours_ago) ("midnight", {_STARTS} - {_STARTS} % {DAY_SECONDS})'
    clock = (
        f'label_replace({hour}, "hour", "0$1", "hour", "(.)") * on (job, hours_ago) group_left (midnight) ({of_day})'
    )
    dates = (
        f'count_values by (job, days_ago) ("midnight", {_DAY_STARTS})'
        f" * on (job, days_ago) group_left (date, day) ({DATES})"
    )
    tokens = total(samples(TOKENS, WORKSPACE, 'token_type!="cache_read"'), "job", "hours_ago")
    dated = (
        f"({tokens}) * on (job, hours_ago) group_left (hour, midnight) ({clock})"
        f" * on (job, midnight) group_left (date, day) ({dates})"
    )
    return f"{summed(dated, 'date', 'day', 'hour')} / {MILLION}"


def _sorted_by(field: str, *, descending: bool = False) -> DataTransformerConfig:
    return DataTransformerConfig("sortBy", options={"sort": [{"field": field, "desc": descending}]})


def _cells(kind: str) -> list[DynamicConfigValue]:
    return [DynamicConfigValue("custom.cellOptions", {"type": kind})]
