"""What the organization is billed: the dashboard that admins and finance people open first."""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.frame import dashboard, days_variable, label_variable, workspace_variable
from grafana.dashboards.panels import FULL, HALF, Steps, day_bars, lines, ranking, stat, table
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
    movers,
    newest_day,
    on_dates,
    ratio,
    total,
)

COST = "anthropic_cost_usd"
MONTH_TO_DATE = "anthropic_cost_month_to_date_usd"
MONTH_BEFORE = "anthropic_cost_previous_month_usd"
USD = "currencyUSD"
CHANGE: Steps = ((None, "green"), (0.25, "orange"), (0.5, "red"))
NO_PRIORITY = "Priority Tier is not in the API's cost report."
NOT_REPORTED = "Not reported yet"
NO_COST = "No cost is reported: see Exporter health"


def build() -> Dashboard:
    return dashboard(
        "cost",
        "Cost",
        "Billed cost by day, workspace and model: what it was, how it changes, and where the month will end.",
        (workspace_variable(COST), label_variable("model", "Model", COST), days_variable()),
        {
            "At a glance": _at_a_glance(),
            "Months and budgets": _months_and_budgets(),
            "Day by day": _day_by_day(),
            "Where it goes": _where_it_goes(),
            "What changed": _what_changed(),
            "Over months": [_over_months()],
        },
    )


def _at_a_glance() -> list[Builder[Panel]]:
    return [
        _usd("Yesterday", f"Cost of the last complete UTC day. {NO_PRIORITY}", total(_cost(day(1)))),
        _usd(
            "Today so far",
            f"Cost of the current UTC day, as far as it is reported. {NO_PRIORITY}",
            total(_cost(day(0))),
        ),
        _usd(
            "Month to date",
            f"Cost of the current UTC month over the reported days, of all models. {NO_PRIORITY}",
            _month_to_date(),
        ),
        _usd(
            "Projected month end",
            "Month to date, and for each day that is left the mean of the last seven complete days; of all models.",
            _projected_month_end(),
        ),
        stat(
            "Against the same weekday",
            "The newest reported complete day against the same weekday of the week before.",
            _against(lambda age: total(_cost(day(age + 7)), *ORGANIZATION)),
            unit="percentunit",
            steps=CHANGE,
            no_value="Needs nine reported days",
        ),
        stat(
            "Against the 7-day median",
            "The newest reported complete day against the median of the seven days before it.",
            _against(_median_of_the_week_before),
            unit="percentunit",
            steps=CHANGE,
            no_value="Needs two reported days",
        ),
    ]


def _months_and_budgets() -> list[Builder[Panel]]:
    recorded = f"{{{SCOPE}}}"
    return [
        _usd(
            "Month before",
            f"Cost of the whole UTC month before, of all models. {NO_PRIORITY}",
            total(merged(MONTH_BEFORE, WORKSPACE)),
        ),
        table(
            "Budgets",
            "Month to date and projected month end as shares of the budgets in grafana/alerts/budgets.yml.",
            {
                "Used": f"anthropic:budget_used:ratio{recorded}",
                "Projected": f"anthropic:budget_projected:ratio{recorded}",
            },
            labels={"scope": "Budget of", "workspace": "Workspace"},
            units={"Used": "percentunit", "Projected": "percentunit"},
            sort="Used",
            size=(20, 4),
            no_value="Load grafana/alerts into Prometheus, with a budget in budgets.yml",
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
