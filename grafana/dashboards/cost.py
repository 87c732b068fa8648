"""What the organization is billed: the dashboard that admins and finance people open first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards import month
from grafana.dashboards.bars import day_bars, kept_bars, ranking
from grafana.dashboards.budgets import budgets
from grafana.dashboards.frame import dashboard, days_variable, label_variable, tag_variable, workspace_variable
from grafana.dashboards.month import COST, MONTH_BEFORE, NOWCAST
from grafana.dashboards.panels import FULL, NO_DATA, USD, Steps
from grafana.dashboards.promql import (
    BY_WORKSPACE,
    CHOSEN_DAYS,
    SCOPE,
    WORKSPACE,
    by_workspace,
    days,
    largest,
    newest_day,
    on_dates,
    samples,
    summed,
    total,
)
from grafana.dashboards.signs import firing_alerts
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.today import (
    A_WEEK_AGO,
    ESTIMATED_ON_TOP,
    NOT_BILLED,
    billed,
    estimated_as,
    is_known,
    known,
    known_day,
    prices,
    today_and_the_month,
    trust,
)
from grafana.dashboards.words import COST_TYPES, MODELS, SERVICE_TIERS, TOKEN_TYPES

# A change that says something, as the alert on a workspace's spike has it in thresholds.yml.
JUDGED_USD = 25
RISE: Steps = ((None, "text"), (0.25, "orange"), (0.5, "red"))
LAST_WEEK = "Last 7 complete days"  # yesterday's bill has not come yet
NO_COST = "No cost is reported: see Exporter health"
NAMED = (NOWCAST, COST)  # what is used first today is in no bill
NEW = 1_000_000  # stands for a rise from nothing
ON_WORKSPACE = f"on ({', '.join(BY_WORKSPACE)})"


def build() -> Dashboard:
    return dashboard(
        "cost",
        "Cost",
        "Cost by day, workspace and model: what today and this month cost, why it changed, and where it will end.",
        (workspace_variable(COST), label_variable("model", "Model", COST), days_variable(LAST_WEEK), tag_variable()),
        {
            "": [*today_and_the_month(), *_what_needs_attention(), *_day_by_day(), *trust()],
            "Where it goes: ${days:text}": _where_it_goes(),
            "What a token costs": prices(),
            "Over months": [_over_months()],
        },
        collector="cost",
    )


def _what_needs_attention() -> list[Builder[Panel]]:
    return [
        firing_alerts((11, 7)),
        table(
            "Workspaces, newest day against a week ago",
            f"Yesterday as far as known, or else the newest reported day, against {A_WEEK_AGO}, with the largest rise "
            f"first. Without a day of the week before, that day alone; % from a change of ${JUDGED_USD} on.",
            {"workspace": Label("Workspace"), "day": Label("Day", 90)},
            {
                "Newest day": Number(_of_newest_day(_now), USD, 0, 105),
                "A week ago": Number(_of_newest_day(_week_before), USD, 0, 105),
                "Change": Number(_of_newest_day(_change), USD, 0, 100),
                "%": Number(
                    _of_newest_day(_judged_rise),
                    "percentunit",
                    0,
                    80,
                    steps=RISE,
                    texts={str(NEW): ("new", "orange")},
                ),
            },
            sort="Change",
            size=(13, 7),
            filterable=False,
            no_value=NO_COST,
        ),
    ]


def _day_by_day() -> list[Builder[Panel]]:
    by_id = summed(on_dates(billed(*BY_WORKSPACE, "days_ago")), *BY_WORKSPACE, "date", "day")
    by_model = summed(on_dates(billed("job", "days_ago", "model")), "date", "day", "model")
    return [
        day_bars(
            "Each day by workspace",
            f"Cost of each exposed UTC day, from the first scrape on. {ESTIMATED_ON_TOP} Where nothing is known "
            "there is no bar.",
            f"{summed(by_workspace(by_id, *NAMED), 'date', 'day', 'workspace')} or {estimated_as('workspace')}",
            column="workspace",
            pale=NOT_BILLED,
            unit=USD,
            decimals=0,
            no_value=NO_COST,
        ),
        budgets((10, 10)),
        day_bars(
            "Each day by model",
            f"Cost of each exposed UTC day by model. What is not for tokens has none. {ESTIMATED_ON_TOP}",
            f"{by_model} or {estimated_as('model')}",
            column="model",
            words=MODELS,
            pale=NOT_BILLED,
            unit=USD,
            decimals=0,
            no_value=NO_COST,
            size=(14, 10),
        ),
    ]


def _where_it_goes() -> list[Builder[Panel]]:
    chosen = "Of the days chosen above."
    return [
        table(
            "Workspaces",
            "Every workspace with its cost, as far as known, on the days chosen above and its share of it. Month to "
            "date and the month before are of all models.",
            {"workspace": Label("Workspace")},
            {
                "Chosen days": Number(by_workspace(_of_workspaces(), *NAMED), USD, 0, 150),
                "Share": Number(
                    by_workspace(
                        f"{_of_workspaces()} / ignoring (job, organization, workspace_id) group_left () "
                        f"({known([CHOSEN_DAYS])} > 0)",
                        *NAMED,
                    ),
                    "percentunit",
                    0,
                    most=1,
                ),
                "Mean day": Number(by_workspace(_mean_day(*BY_WORKSPACE), *NAMED), USD, 0),
                "Month to date": Number(by_workspace(month.known_to_date(*BY_WORKSPACE), *NAMED), USD, 0, 130),
                "Month before": Number(by_workspace(month.before(*BY_WORKSPACE), MONTH_BEFORE), USD, 0, 130),
            },
            sort="Chosen days",
            size=(16, 9),
            no_value=NO_COST,
            total=True,
            filterable=False,
        ),
        _by_tag(),
        _ranking(
            "Models",
            f"Cost of tokens by model, as far as known. {chosen}",
            "model",
            known([CHOSEN_DAYS, 'model!="none"'], "model"),
        ),
        _ranking(
            "Token types",
            f"What is billed for input, cache reads and writes, output. {chosen}",
            "token_type",
            _billed_tokens("token_type"),
            TOKEN_TYPES,
        ),
        _ranking(
            "Service tiers",
            f"What is billed by service tier: batch costs half. {chosen}",
            "service_tier",
            _billed_tokens("service_tier"),
            SERVICE_TIERS,
        ),
        _ranking(
            "Other than tokens",
            f"What is billed for web search, code execution, sessions. {chosen}",
            "cost_type",
            total(_cost(CHOSEN_DAYS, 'cost_type!="tokens"'), "cost_type"),
            COST_TYPES,
        ),
    ]


def _by_tag() -> Builder[Panel]:
    """What a workspace is tagged with, whatever it is called: by its ID, and once for all replicas."""
    by = ", ".join(BY_WORKSPACE)
    tags = f"topk by ({by}) (1, group by ({by}, $tag) (anthropic_workspace_info{{{SCOPE}}}))"
    tagged = f'label_replace(({_of_workspaces()}) * on ({by}) group_left ($tag) {tags}, "part", "$1", "$tag", "(.*)")'
    # Such as others, where a bound on series has workspaces folded.
    unlisted = f'label_replace(({_of_workspaces()}) unless on ({by}) {tags}, "part", "none", "", "")'
    return ranking(
        "By tag: ${tag:text}",
        "Cost of the days chosen above, as far as known, added up by what workspaces are tagged with: By tag, above, "
        "chooses the tag, of those that the exporter is told by --organization.workspace-tags=team,cost_center. "
        "Without any it is where the workspaces' data are.",
        largest(20, f"sum by (part) ({tagged} or {unlisted}) > 0"),
        label="part",
        words={"none": "Without this tag"},
        unit=USD,
        decimals=0,
        no_value=NO_DATA,
        size=(8, 9),
    )


def _over_months() -> Builder[Panel]:
    return kept_bars(
        "Each day from Prometheus' own storage",
        "Cost as far as known, with what was reported late or revised.",
        lambda of_day, offset: known([of_day], offset=offset),
        unit=USD,
        time_from="90d",
        size=FULL,
    )


def _ranking(
    title: str, description: str, label: str, of_chosen: str, words: Mapping[str, str] | None = None
) -> Builder[Panel]:
    return ranking(
        title,
        description,
        largest(10, f"{of_chosen} > 0"),
        label=label,
        words=words or {},
        unit=USD,
        decimals=0,
        no_value=NO_DATA,
        size=(6, 9),
    )


def _billed_tokens(label: str) -> str:
    return total(_cost(CHOSEN_DAYS, 'cost_type="tokens"'), label)


def _of_workspaces() -> str:
    return known([CHOSEN_DAYS], *BY_WORKSPACE)


def _cost(*matchers: str) -> str:
    return samples(COST, WORKSPACE, 'model=~"$model"', *matchers)


def _mean_day(*by: str) -> str:
    """Over seven days, without today and yesterday."""
    return f"avg by ({', '.join(by)}) ({known([days('[2-8]')], *by, 'days_ago')})"


def _of_newest_day(of: Callable[[int], str]) -> str:
    """For each workspace, with that day's name."""
    newest = newest_day(is_known, lambda age: f'label_replace({of(age)}, "days_ago", "{age}", "", "")')
    return by_workspace(summed(on_dates(f"({newest})"), *BY_WORKSPACE, "day"), *NAMED)


def _of_day(age: int) -> str:
    return known_day(age, *BY_WORKSPACE)


def _now(age: int) -> str:
    return f"({_of_day(age)} or 0 * {_of_day(age + 7)})"


def _week_before(age: int) -> str:
    """Nothing, and not 0, where that day is not exposed."""
    return f"(({_of_day(age + 7)} or 0 * {_of_day(age)}) and on (job, organization) {is_known(age + 7)})"


def _change(age: int) -> str:
    return f"({_now(age)} - {ON_WORKSPACE} {_week_before(age)})"


def _judged_rise(age: int) -> str:
    ratio = f"clamp_max({_now(age)} / {ON_WORKSPACE} {_week_before(age)} - 1, {NEW})"
    return f"({ratio} and {ON_WORKSPACE} abs({_change(age)}) >= {JUDGED_USD})"
