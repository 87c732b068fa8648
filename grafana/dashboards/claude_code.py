"""What people do with Claude Code: adoption, output, acceptance, and the API's own estimate of its cost."""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import PercentChangeColorMode
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.bars import day_bars, kept_bars
from grafana.dashboards.claude_code_people import how_it_is_used, people
from grafana.dashboards.claude_code_queries import (
    ACCEPTANCE,
    ACTIVE_ACTORS,
    ADDED,
    CHOSEN,
    COST,
    ESTIMATE,
    LINES,
    NO_ACTIVITY,
    PREFIX,
    REMOVED,
    SESSIONS,
    SOMEBODY,
    acceptance,
    developers,
    of,
    sum_of,
)
from grafana.dashboards.frame import dashboard, days_variable, label_variable
from grafana.dashboards.panels import PLAIN, USD, Steps, text
from grafana.dashboards.promql import (
    CHOSEN_DAYS,
    JOB,
    OfDays,
    day,
    first_of,
    on_dates,
    ratio,
    samples,
    summed,
    total,
)
from grafana.dashboards.stats import GOOD, NEITHER, change, stat
from grafana.dashboards.words import CUSTOMER_TYPES

# One sample where no other day is chosen; its equals have no labels.
ONLY_YESTERDAY = f'absent(anthropic_exporter_day_info{{{JOB}, {CHOSEN_DAYS}, days_ago!="1"}})'
A_WEEK_AGO = "The arrow is against the same days of the week before, where the exporter or Prometheus still has them."

LACKS = """\
It comes from the API's Claude Code report: UTC days, about an hour late. Some people who log in with a **subscription**
are not in it, nor is anyone who uses Claude Code through **Amazon Bedrock, Google Cloud or Microsoft Foundry**. Cost is
an estimate: on a subscription nobody pays it. With an **actor** chosen, days without names are empty: the
exporter has names of two unless `--claude-code.actor-days` says otherwise. Names are personal data: give this dashboard
to those who may see who did what.
"""


def build() -> Dashboard:
    return dashboard(
        "claude-code",
        "Claude Code",
        "Who uses Claude Code, where, how much comes of it, and what the API estimates that it costs.",
        (
            label_variable("actor", "Actor", SESSIONS, SOMEBODY),
            label_variable("terminal", "Terminal", SESSIONS),
            days_variable(),
        ),
        {
            "": _adoption(),
            "At a glance: ${days:text}": [*_at_a_glance(), *_what_comes_of_it()],
            "People: ${days:text} (days with names)": [people()],
            "How it is used: ${days:text}": how_it_is_used(),
            "Over weeks, from Prometheus' own storage": [
                *_over_weeks(),
                text("What the report lacks", LACKS, size=(24, 4)),
            ],
        },
        collector="claude_code",
    )


def _adoption() -> list[Builder[Panel]]:
    def of_each_day(expr: Callable[..., str], *by: str) -> str:
        return summed(on_dates(expr("job", "days_ago", *by)), "date", "day", *by)

    each = "Of each exposed UTC day, from the first scrape on; the newest day is still growing."
    return [
        day_bars(
            "Developers of each day",
            f"Distinct people and API keys by who pays, whatever actor and terminal are chosen. {each}",
            of_each_day(lambda *by: total(samples(ACTIVE_ACTORS), *by), "customer_type"),
            column="customer_type",
            has_totals=False,
            words=CUSTOMER_TYPES,
            unit="short",
            decimals=0,
            no_value=NO_ACTIVITY,
            size=(8, 8),
        ),
        day_bars(
            "Sessions of each day",
            f"Claude Code sessions. {each}",
            of_each_day(lambda *by: total(of("sessions"), *by)),
            unit="short",
            decimals=0,
            no_value=NO_ACTIVITY,
            size=(8, 8),
        ),
        day_bars(
            "Estimated cost of each day",
            f"{ESTIMATE} {each}",
            of_each_day(lambda *by: total(of(COST), *by)),
            unit=USD,
            decimals=0,
            no_value=NO_ACTIVITY,
            size=(8, 8),
        ),
    ]


def _at_a_glance() -> list[Builder[Panel]]:
    return [
        _against_a_week_ago(
            "Active developers",
            "Distinct people and API keys, whatever actor and terminal are chosen; of several days, those of the day "
            "with the most.",
            developers,
            rise=GOOD,
        ),
        _against_a_week_ago("Sessions", "Claude Code sessions.", sum_of("sessions"), rise=GOOD),
        _against_a_week_ago("Estimated cost", ESTIMATE, sum_of(COST), unit=USD, decimals=0),
        _against_a_week_ago(
            "Cost per developer",
            "Estimated cost of a day for each person or API key that was active on it, whatever actor and terminal are "
            f"chosen. {ESTIMATE}",
            lambda of_days, offset: ratio(
                total(samples(PREFIX + COST, of_days, offset=offset)),
                total(samples(ACTIVE_ACTORS, of_days, offset=offset)),
            ),
            unit=USD,
            decimals=2,
        ),
        _against_a_week_ago(
            "Tool acceptance",
            "Share of the proposed edits and writes that were accepted.",
            acceptance,
            unit="percentunit",
            decimals=1,
            rise=GOOD,
            steps=ACCEPTANCE,
            width=4,
        ),
    ]


def _against_a_week_ago(
    title: str,
    description: str,
    number: OfDays,
    *,
    unit: str = "short",
    decimals: int | None = None,
    rise: PercentChangeColorMode = NEITHER,
    steps: Steps = PLAIN,
    width: int = 5,
) -> Builder[Panel]:
    return change(
        title,
        f"{description} {CHOSEN} {A_WEEK_AGO}",
        number(CHOSEN_DAYS, ""),
        first_of(f"({number(day(8), '')}) and on () {ONLY_YESTERDAY}", number(CHOSEN_DAYS, "7d")),
        unit=unit,
        decimals=decimals,
        rise=rise,
        steps=steps,
        size=(width, 4),
    )


def _what_comes_of_it() -> list[Builder[Panel]]:
    def number(
        title: str, description: str, expr: str, unit: str = "short", decimals: int | None = None
    ) -> Builder[Panel]:
        return stat(title, f"{description} {CHOSEN}", expr, unit=unit, decimals=decimals, size=(4, 3))

    def count(name: str, *matchers: str) -> str:
        return total(of(name, CHOSEN_DAYS, *matchers))

    def cost_of_each(name: str) -> str:
        return ratio(count(COST), count(name))

    each = f"Estimated cost for each that Claude Code made. {ESTIMATE}"
    return [
        number("Lines added", "Lines of code added.", count(LINES, ADDED)),
        number("Lines removed", "Lines of code removed.", count(LINES, REMOVED)),
        number("Commits", "Commits made by Claude Code.", count("commits")),
        number("Pull requests", "Pull requests made by Claude Code.", count("pull_requests")),
        number("Cost per commit", each, cost_of_each("commits"), USD, 2),
        number("Cost per pull request", each, cost_of_each("pull_requests"), USD, 2),
    ]


def _over_weeks() -> list[Builder[Panel]]:
    def bars(title: str, description: str, number: OfDays, unit: str = "short") -> TimeSeries:
        return kept_bars(title, description, number, unit=unit, time_from="45d", size=(12, 7))

    return [
        bars("Developers over weeks", "Distinct people and API keys.", developers),
        bars("Sessions over weeks", "Claude Code sessions.", sum_of("sessions")),
        bars("Estimated cost over weeks", ESTIMATE, sum_of(COST), USD),
        bars("Acceptance over weeks", "Share of the proposals that were accepted.", acceptance, "percentunit").max(1),
    ]
