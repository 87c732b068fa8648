"""What the API is used for: tokens, caching, batches, searches. Tokens come before cost does."""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig
from grafana_foundation_sdk.builders.dashboard import CustomVariable
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import Dashboard, DynamicConfigValue, Panel, VariableOption

from grafana.dashboards.bars import day_bars, ranking
from grafana.dashboards.frame import dashboard, days_variable, label_variable, workspace_variable
from grafana.dashboards.hours import heat_map
from grafana.dashboards.panels import GREY, LEAST, NO_DATA, USD, Steps, fixed_color, lines, steps_of
from grafana.dashboards.promql import (
    BY_WORKSPACE,
    CHOSEN_DAYS,
    DAY_SECONDS,
    JOB,
    WORKSPACE,
    by_workspace,
    day,
    largest,
    on_dates,
    ratio,
    samples,
    summed,
    total,
)
from grafana.dashboards.saving import MODEL, TOKENS, saved
from grafana.dashboards.stats import NEITHER, change, stat
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import SERVICE_TIERS, TOKEN_TYPES

SEARCHES = "anthropic_usage_web_search_requests"
PROMPT, CACHE_READ, OUTPUT = 'token_type!="output"', 'token_type="cache_read"', 'token_type="output"'
NO_CACHE_READS = 'token_type!="cache_read"'
CHOSEN = "Of the days chosen above."
NO_USAGE = "No usage is reported: see Exporter health"
CACHED = "Share of the prompts' tokens that were read from the cache, at a tenth of the price."
HIT_RATIO: Steps = ((None, GREY), (0, "orange"), (0.3, "yellow"), (0.6, "green"))
LINES_AT: Steps = ((None, "transparent"), (0.3, "yellow"), (0.6, "green"))
SAVED: Steps = ((None, GREY), (LEAST, "red"), (0, "green"))


def build() -> Dashboard:
    return dashboard(
        "usage",
        "Usage",
        "Tokens and web searches by day, workspace and model, and how well prompts are cached.",
        (
            workspace_variable(TOKENS),
            label_variable("model", "Model", TOKENS),
            days_variable(),
            _by_variable(),
        ),
        {
            "At a glance (caching and searches: ${days:text})": [*_at_a_glance(), *_as_they_come()],
            "Where they go: ${days:text}": _where_they_go(),
            "Caching from day to day; service tiers: ${days:text}": _caching_and_tiers(),
            "By the hour: millions of tokens, cache reads aside": [heat_map(size=(24, 10))],
        },
        collector="usage",
    )


def _by_variable() -> CustomVariable:
    """What the bars are stacked by: the name of a label."""
    choices = {"model": "model", "token type": "token_type", "workspace": "workspace"}
    options = [VariableOption(selected=text == "model", text=text, value=value) for text, value in choices.items()]
    values = ", ".join(f"{text} : {value}" for text, value in choices.items())
    return CustomVariable("by").label("Bars by").values(values).options(options).current(options[0])


def _at_a_glance() -> list[Builder[Panel]]:
    prompt = total(_tokens(CHOSEN_DAYS, PROMPT))
    return [
        change(
            "Tokens yesterday",
            "All tokens of the last complete UTC day. The arrow is against the same weekday of the week before.",
            total(_tokens(day(1))),
            total(_tokens(day(8))),
            unit="short",
            rise=NEITHER,
            size=(5, 4),
        ),
        change(
            "Tokens today so far",
            "All tokens of the current UTC day, some minutes late. The arrow is against yesterday at this time, once "
            "Prometheus has scraped for a day.",
            total(_tokens(day(0))),
            total(_tokens(day(0), offset="1d")),
            unit="short",
            rise=NEITHER,
            size=(5, 4),
        ),
        stat(
            "Cache hit ratio",
            f"{CACHED} {CHOSEN}",
            ratio(total(_tokens(CHOSEN_DAYS, CACHE_READ)), prompt),
            unit="percentunit",
            decimals=0,
            steps=HIT_RATIO,
            size=(5, 4),
        ),
        stat(
            "Saved by caching",
            "What the cached prompts would have cost as ordinary input, less what reading and writing the cache cost. "
            "By the API's price multipliers: a read costs 0.1, a write for five minutes 1.25, for an hour 2 times the "
            f"input, which costs what your bills show. {CHOSEN} Without the nowcast, of what is billed.",
            saved(),
            unit=USD,
            decimals=0,
            steps=SAVED,
            size=(5, 4),
        ),
        stat(
            "Web searches",
            f"Server-side web searches. {CHOSEN}",
            total(_searches(CHOSEN_DAYS)),
            unit="short",
            size=(4, 4),
        ),
    ]


def _as_they_come() -> list[Builder[Panel]]:
    return [
        day_bars(
            "Tokens of each day by ${by:text}",
            "Tokens of each exposed UTC day, from the first scrape on; the newest day is still growing. Bars by, "
            "above, chooses by what they are stacked.",
            _by_choice(),
            column="part",
            words=TOKEN_TYPES,
            unit="short",
            no_value=NO_USAGE,
            size=(14, 9),
        ),
        _today(),
    ]


def _today() -> Builder[Panel]:
    looks = {
        "Today": [_line("lineWidth", 3), fixed_color("blue")],
        "Yesterday": [fixed_color("#9fa7b3")],
        "A week ago": [_line("lineStyle", {"fill": "dash", "dash": [6, 6]}), fixed_color("#7b8087")],
    }
    panel = lines(
        "Today as it grows, against earlier days",
        "Tokens of the current UTC day at each time of day, beside the same curve of yesterday and of a week ago. "
        "Without those read from the cache, which cost a tenth: so counts AnthropicTokenSpike. It begins with "
        "Prometheus' first scrape.",
        {"Today": _as_it_grew(0), "Yesterday": _as_it_grew(1), "A week ago": _as_it_grew(7)},
        unit="short",
        size=(10, 9),
        interval="5m",
        time_from="now/d",
    ).axis_label("Cache reads aside")
    for name, properties in looks.items():
        panel = panel.override_by_name(name, properties)
    return panel


def _as_it_grew(days_before: int) -> str:
    """The day so many days before today. At midnight its newest scrape may be of the day before it: that is not it."""
    offset = f"{days_before}d" if days_before else ""
    starts = f"anthropic_exporter_bucket_start_timestamp_seconds{{{JOB}, {day(0)}}}"
    starts += f" offset {offset}" if offset else ""
    is_that_day = f"and on (job) {starts} > time() - {(days_before + 1) * DAY_SECONDS}"
    return total(f"{_tokens(day(0), NO_CACHE_READS, offset=offset)} {is_that_day}")


def _line(name: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(f"custom.{name}", value)


def _where_they_go() -> list[Builder[Panel]]:
    def named(expr: str) -> str:
        return by_workspace(expr, TOKENS)

    return [
        table(
            "Models",
            f"Every model with its tokens, and how well its prompts are cached. {CHOSEN}",
            {"model": Label("Model")},
            _columns("model"),
            sort="Tokens",
            size=(12, 8),
            filterable=False,
            no_value=NO_USAGE,
        ),
        table(
            "Workspaces",
            f"Every workspace with its tokens and web searches, and how well its prompts are cached. {CHOSEN}",
            {"workspace": Label("Workspace")},
            {
                **_columns(*BY_WORKSPACE, named=named),
                "Searches": Number(named(total(_searches(CHOSEN_DAYS), *BY_WORKSPACE)), width_pixels=90),
            },
            sort="Tokens",
            size=(12, 8),
            filterable=False,
            no_value=NO_USAGE,
        ),
    ]


def _columns(*by: str, named: Callable[[str], str] = str) -> dict[str, Number]:
    def tokens(*matchers: str) -> str:
        return total(_tokens(CHOSEN_DAYS, *matchers), *by)

    hit_ratio = ratio(tokens(CACHE_READ), tokens(PROMPT))
    return {
        "Tokens": Number(named(tokens()), width_pixels=90),
        "Prompt": Number(named(tokens(PROMPT)), width_pixels=90),
        "Output": Number(named(tokens(OUTPUT)), width_pixels=90),
        "Cache hits": Number(named(hit_ratio), "percentunit", 0, 130, steps=HIT_RATIO, most=1),
    }


def _caching_and_tiers() -> list[Builder[Panel]]:
    tiers, every = total(_tokens(CHOSEN_DAYS), "service_tier"), total(_tokens(CHOSEN_DAYS))
    return [
        day_bars(
            "Cache hit ratio of each day",
            f"{CACHED} Of each exposed UTC day; the lines are where the colours of the numbers above change.",
            ratio(_of_all_by_date(CACHE_READ), _of_all_by_date(PROMPT)),
            unit="percentunit",
            decimals=0,
            no_value=NO_USAGE,
            size=(16, 7),
        )
        .max(1)
        .thresholds(steps_of(LINES_AT))
        .thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)),
        ranking(
            "Tokens by service tier",
            f"Share of all tokens. The Batch API costs half. {CHOSEN}",
            largest(10, f"{tiers} / on () group_left () ({every} > 0) > 0"),
            label="service_tier",
            words=SERVICE_TIERS,
            unit="percentunit",
            decimals=1,
            no_value=NO_DATA,
            size=(8, 7),
            most=1,
        ),
    ]


def _of_all_by_date(matcher: str) -> str:
    return summed(on_dates(total(_tokens(matcher), "job", "days_ago")), "date", "day")


def _by_choice() -> str:
    """By date and `part`: the value of the label that is chosen."""
    labels = ("model", "token_type")
    by = (*BY_WORKSPACE, *labels)
    dated = summed(on_dates(total(_tokens(), *by, "days_ago")), *by, "date", "day")
    part = f'label_replace({by_workspace(dated, TOKENS)}, "part", "$1", "$by", "(.*)")'
    return summed(part, "date", "day", "part")


def _tokens(*matchers: str, offset: str = "") -> str:
    return samples(TOKENS, WORKSPACE, MODEL, *matchers, offset=offset)


def _searches(*matchers: str) -> str:
    return samples(SEARCHES, WORKSPACE, MODEL, *matchers)
