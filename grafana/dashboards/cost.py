"""What the organization is billed: the dashboard that admins and finance people open first."""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.bars import day_bars, ranking
from grafana.dashboards.frame import dashboard, days_variable, firing_alerts, label_variable, workspace_variable
from grafana.dashboards.panels import FULL, USD, Steps, lines
from grafana.dashboards.promql import (
    BY_WORKSPACE,
    CHOSEN_DAYS,
    DAY_SECONDS,
    ORGANIZATION,
    SCOPE,
    WORKSPACE,
    by_workspace,
    day,
    days,
    first_of,
    largest,
    merged,
    newest_day,
    on_dates,
    ratio,
    total,
)
from grafana.dashboards.stats import BAD, change, stat
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import COST_TYPES, MODELS, SERVICE_TIERS, TOKEN_TYPES

COST = "anthropic_cost_usd"
MONTH_TO_DATE = "anthropic_cost_month_to_date_usd"
MONTH_BEFORE = "anthropic_cost_previous_month_usd"
RISE: Steps = ((None, "text"), (0.25, "orange"), (0.5, "red"))
SHARE_OF_BUDGET: Steps = ((None, "green"), (0.8, "orange"), (1, "red"))
NO_PRIORITY = "Priority Tier is not in the API's cost report."
NO_COST = "No cost is reported: see Exporter health"
A_WEEK_AGO = "the same weekday of the week before"


def build() -> Dashboard:
    return dashboard(
        "cost",
        "Cost",
        "Billed cost by day, workspace and model: what this month costs, why it changed, and where it will end.",
        (workspace_variable(COST), label_variable("model", "Model", COST), days_variable()),
        {
            "": [*_the_month(), *_what_needs_attention(), *_day_by_day()],
            "Where it goes: ${days:text}": _where_it_goes(),
            "Over months": [_over_months()],
        },
        collectors=("cost",),
    )


def _the_month() -> list[Builder[Panel]]:
    month_before = total(merged(MONTH_BEFORE, WORKSPACE))
    return [
        stat(
            "Month to date",
            f"Cost of the current UTC month over the reported days, of all models. {NO_PRIORITY}",
            _month_to_date(),
            unit=USD,
            decimals=0,
            size=(5, 5),
        ),
        change(
            "Month end, projected",
            "Month to date, and for each day that is left the mean of seven complete days, the newest two left out; of "
            "all models. The arrow is against the whole month before.",
            _projected_month_end(),
            month_before,
            unit=USD,
            decimals=0,
            rise=BAD,
            size=(5, 5),
        ),
        stat(
            "At yesterday's pace",
            "Month to date, and the newest reported day once more for each day that is left; of all models.",
            _at_the_newest_day_s_pace(),
            unit=USD,
            decimals=0,
            size=(5, 5),
        ),
        change(
            "Newest day",
            f"Cost of the newest reported complete UTC day, usually yesterday. The arrow is against {A_WEEK_AGO}. "
            f"{NO_PRIORITY}",
            f"sum({newest_day(_reported)})",
            f"sum({newest_day(_reported, lambda age: total(_cost(day(age + 7)), *ORGANIZATION))})",
            unit=USD,
            decimals=0,
            rise=BAD,
            size=(5, 5),
        ),
        stat(
            "Today so far",
            f"Cost of the current UTC day, as far as it is reported. {NO_PRIORITY}",
            total(_cost(day(0))),
            unit=USD,
            decimals=0,
            no_value="Not yet",
            size=(4, 5),
        ),
    ]


def _what_needs_attention() -> list[Builder[Panel]]:
    def column(of: Callable[[int], str]) -> str:
        return by_workspace(newest_day(_reported, of), COST)

    def of_day(age: int) -> str:
        return total(_cost(day(age)), *BY_WORKSPACE)

    def before(age: int) -> str:
        return f"({of_day(age + 7)} or 0 * {of_day(age)})"

    def now(age: int) -> str:
        return f"({of_day(age)} or 0 * {of_day(age + 7)})"

    by = "on (job, organization, workspace_id)"
    return [
        firing_alerts((10, 7)),
        table(
            "Workspaces, newest day against a week ago",
            f"The newest reported complete day against {A_WEEK_AGO}, with the largest change in either direction first.",
            {"workspace": Label("Workspace", 190)},
            {
                "Newest day": Number(column(now), USD, 0, 110),
                "A week ago": Number(column(before), USD, 0, 110),
                "Change": Number(column(lambda age: f"{now(age)} - {by} {before(age)}"), USD, 0, 110),
                "%": Number(
                    column(lambda age: f"{now(age)} / {by} ({before(age)} > 0) - 1"),
                    "percentunit",
                    0,
                    90,
                    blank="new",
                    steps=RISE,
                ),
            },
            sort="Change",
            size=(14, 7),
            filterable=False,
            no_value="Needs nine reported days",
        ),
    ]


def _day_by_day() -> list[Builder[Panel]]:
    by_id = total(on_dates(total(_cost(), *BY_WORKSPACE, "days_ago")), *BY_WORKSPACE, "date")
    return [
        day_bars(
            "By workspace",
            "Cost of each exposed UTC day, from the first scrape on. A day that is not reported has no bar; "
            "the newest may be partial.",
            total(by_workspace(by_id, COST), "date", "workspace"),
            column="workspace",
            unit=USD,
            no_value=NO_COST,
        ),
        day_bars(
            "By model",
            "Cost of each exposed UTC day by model; cost that is not for tokens is `none`.",
            total(on_dates(total(_cost(), "job", "days_ago", "model")), "date", "model"),
            column="model",
            unit=USD,
            no_value=NO_COST,
        ),
    ]


def _where_it_goes() -> list[Builder[Panel]]:
    chosen = "Of the days chosen above."
    return [
        table(
            "Workspaces",
            "Every workspace with its cost; month to date and the month before are of all models.",
            {
                "Chosen days": by_workspace(total(_cost(CHOSEN_DAYS), *BY_WORKSPACE), COST),
                "Mean day": by_workspace(_mean_day(*BY_WORKSPACE), COST),
                "Month to date": by_workspace(_month_to_date(*BY_WORKSPACE), MONTH_TO_DATE),
                "Month before": by_workspace(total(merged(MONTH_BEFORE, WORKSPACE), *BY_WORKSPACE), MONTH_BEFORE),
            },
            labels={"workspace": "Workspace"},
            units=dict.fromkeys(("Chosen days", "Mean day", "Month to date", "Month before"), USD),
            sort="Chosen days",
            no_value=NO_COST,
            total=True,
        ),
        _ranking("Models", f"Cost of tokens by model. {chosen}", "model", 'cost_type="tokens"'),
        _ranking(
            "Token types",
            f"Cost by what is paid for: input, cache reads and writes, output. {chosen}",
            "token_type",
            'cost_type="tokens"',
        ),
        _ranking(
            "Service tiers", f"Cost by service tier: batch costs half. {chosen}", "service_tier", 'cost_type="tokens"'
        ),
        _ranking(
            "Other than tokens",
            f"Web search, code execution, sessions. {chosen}",
            "cost_type",
            'cost_type!="tokens"',
        ),
    ]


def _what_changed() -> list[Builder[Panel]]:
    what = "Newest reported day minus the same weekday of the week before: the ten largest changes in either direction."
    return [
        table(
            "Workspaces that moved most",
            what,
            {"Change": by_workspace(movers(10, _change(*BY_WORKSPACE)), COST)},
            labels={"workspace": "Workspace"},
            units={"Change": USD},
            sort="Change",
            size=HALF,
            no_value="Needs nine reported days",
        ),
        table(
            "Models that moved most",
            what,
            {"Change": movers(10, _change("model"))},
            labels={"model": "Model"},
            units={"Change": USD},
            sort="Change",
            size=HALF,
            no_value="Needs nine reported days",
        ),
    ]


def _over_months() -> Builder[Panel]:
    return lines(
        "Daily cost from Prometheus' own storage",
        "Each UTC day's cost as it was exposed days later, so that late and revised numbers are in it. It reaches back "
        "as far as Prometheus keeps data, and ends two days ago.",
        {"Cost": _history()},
        unit=USD,
        size=FULL,
        interval="1d",
        time_from="90d",
        bars=True,
        no_value="Prometheus has scraped for less than two days",
    )


def _usd(title: str, description: str, expr: str) -> Stat:
    return stat(title, description, expr, unit=USD, no_value=NOT_REPORTED)


def _ranking(title: str, description: str, label: str, matcher: str) -> Builder[Panel]:
    expr = largest(10, f"{total(_cost(CHOSEN_DAYS, matcher), label)} > 0")
    return ranking(title, description, expr, label=label, unit=USD, no_value="None, or not reported yet", size=(6, 8))


def _cost(*matchers: str, offset: str = "") -> str:
    return merged(COST, WORKSPACE, 'model=~"$model"', *matchers, offset=offset)


def _month_to_date(*by: str) -> str:
    return total(merged(MONTH_TO_DATE, WORKSPACE), *by)


def _mean_day(*by: str) -> str:
    """Over the last seven complete days but the newest, which may be reported in part."""
    return f"avg by ({', '.join(by)}) ({total(_cost(days('[2-8]')), *by, 'days_ago')})"


def _projected_month_end() -> str:
    """Month to date, and a mean day for each day, or part of one, that is not reported yet.

    A straight line through the month to date would follow its weekends.
    """
    by = ", ".join(ORGANIZATION)
    through = (
        f'max by ({by}) (anthropic_exporter_collector_data_through_timestamp_seconds{{{SCOPE}, collector="cost"}})'
    )
    today = f'max by (job) (anthropic_exporter_bucket_start_timestamp_seconds{{job=~"$job", {day(0)}}})'
    days_left = (
        f"clamp_max(scalar(days_in_month() + 1 - day_of_month()) - ({through} - on (job) group_left () {today})"
        f" / {DAY_SECONDS}, scalar(days_in_month()))"
    )
    # As the month to date, it is of all models.
    days_of_all = total(merged(COST, WORKSPACE, days("[2-8]")), *ORGANIZATION, "days_ago")
    mean = f"avg by ({by}) ({days_of_all})"
    return f"sum(({_month_to_date(*ORGANIZATION)} or 0 * {mean}) + on ({by}) {days_left} * on ({by}) {mean})"


def _reported(age: int) -> str:
    return total(_cost(day(age)), *ORGANIZATION)


def _against(baseline: Callable[[int], str]) -> str:
    """The newest reported day against its baseline, of all organizations together."""
    newest, before = newest_day(_reported), newest_day(_reported, baseline)
    return f"{ratio(f'sum({newest})', f'sum({before})')} - 1"


def _median_of_the_week_before(age: int) -> str:
    week = days("|".join(str(age + back) for back in range(1, 8)))
    return f"quantile by ({', '.join(ORGANIZATION)}) (0.5, {total(_cost(week), *ORGANIZATION, 'days_ago')})"


def _change(*labels: str) -> str:
    """Of the newest reported day against the same weekday of the week before."""

    def change(age: int) -> str:
        by = dict.fromkeys((*ORGANIZATION, *labels))
        return f"{total(_cost(day(age)), *by)} - {total(_cost(day(age + 7)), *by)}"

    return total(newest_day(_reported, change), *labels)


def _history() -> str:
    """At the start of each UTC day that day's cost, from scrapes three days later, or as near to that as there are."""
    scrapes = ((3, "-84h"), (4, "-108h"), (5, "-132h"), (2, "-60h"), (1, "-47h30m"))
    return first_of(*(total(_cost(day(age), offset=offset)) for age, offset in scrapes))
