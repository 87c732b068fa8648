"""Configured ceilings beside what is used of them: which group of models will hit its own first, and the money's."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.budgets import budgets
from grafana.dashboards.frame import dashboard
from grafana.dashboards.month import MONTH_TO_DATE, NOWCAST_TO_DATE
from grafana.dashboards.panels import NO_DATA, USD, Steps, lines
from grafana.dashboards.promql import BY_WORKSPACE, ORGANIZATION, REPLICA, SCOPE, by_workspace, first_of, samples, total
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import GROUPS, LIMITERS, PERIODS, SCOPES

CEILING, OF_WORKSPACE = "anthropic_rate_limit", "anthropic_workspace_rate_limit"
PEAK, SPEND, MODEL = (
    "anthropic_usage_peak_tokens_per_minute",
    "anthropic_spend_limit_usd",
    "anthropic_rate_limit_model_info",
)
BY_GROUP = ", ".join((*ORGANIZATION, "group_id"))
BY_LIMITER = f"{BY_GROUP}, limiter"
NEAR: Steps = ((None, "green"), (0.7, "orange"), (0.9, "red"))
NOT_SERVED = "No data: the API does not list them to this key."
SHARE = "Of the busiest minute of the last hour: above its ceiling, requests are refused with 429."


def build() -> Dashboard:
    return dashboard(
        "limits",
        "Limits",
        "Rate limits and spend limits, and how near to them the organization is.",
        (),
        {
            "How near: the busiest minute of the last hour, standard tier": [_groups(), _over_time()],
            "Money: at a spend limit the API stops": [_spend_limits(), budgets((10, 8))],
            "Ceilings as they are configured": [_ceilings(), _of_workspaces()],
        },
        collector="limits",
    )


def _merged(family: str, *matchers: str, without: str = "group") -> str:
    """Each ceiling once, whatever its group is called: it is the same in all replicas."""
    return f"max without ({', '.join((*REPLICA, without))}) ({samples(family, *matchers)})"


def _named(expression: str) -> str:
    # What is no group of models has no name, but says by its type what it is.
    typed = f"group by ({BY_GROUP}, group, group_type) ({CEILING}{{{SCOPE}}})"
    joined = f'label_join({typed}, "both", "/", "group", "group_type")'
    named = f'label_replace({joined}, "group", "$1", "both", "rlg_[^/]*/(.+)")'
    names = f"topk by ({BY_GROUP}) (1, group by ({BY_GROUP}, group) ({named}))"
    return f"({expression}) * on ({BY_GROUP}) group_left (group) {names}"


def _by_name(expression: str, *more: str) -> str:
    """Without the ID, which is no use to people."""
    return f"max by (job, organization, group, {', '.join(('limiter', *more))}) ({_named(expression)})"


def _used() -> str:
    return f"{_merged(PEAK)} / on ({BY_LIMITER}) ({_merged(CEILING, without='group, group_type, unit')} > 0)"


def _groups() -> Builder[Panel]:
    ceiling = _merged(CEILING, without="group, group_type, unit")
    return table(
        "Model groups",
        f"Every group of models with its limits, the nearest to its ceiling first. {SHARE} {NOT_SERVED}",
        {"group": Label("Models"), "limiter": Label("Limit", words=LIMITERS)},
        {
            "Used": Number(_by_name(_used()), "percentunit", 0, 150, steps=NEAR, most=1),
            "Busiest minute": Number(_by_name(_merged(PEAK)), width_pixels=120),
            "Ceiling": Number(_by_name(f"{ceiling} and on ({BY_LIMITER}) {_merged(PEAK)}"), width_pixels=90),
        },
        sort="Used",
        size=(14, 11),
        filterable=False,
        no_value=NO_DATA,
    )


def _over_time() -> Builder[Panel]:
    nearest = f"max by (group) ({_named(_used())})"
    return lines(
        "Nearest limit of each group over time",
        f"Each group's limit that is nearest to its ceiling. {SHARE} It begins with Prometheus' first scrape.",
        {"{{group}}": nearest},
        unit="percentunit",
        size=(10, 11),
        interval="5m",
        time_from="24h",
        no_value=NO_DATA,
    )


def _spend_limits() -> Builder[Panel]:
    limit = _merged(SPEND, without="workspace")
    monthly = _merged(SPEND, 'period="monthly"', without="workspace")
    used = _of_limits(monthly, _known(*ORGANIZATION), _known(*BY_WORKSPACE))

    def named(expression: str) -> str:
        by = "job, organization, scope, workspace, period"
        return f"max by ({by}) ({by_workspace(expression, SPEND)})"

    return table(
        "Spend limits",
        "What may be spent in a period, and what the month has cost as far as known. At its limit the API refuses "
        "every request until the next period, or until somebody raises it in the Console: AnthropicSpendLimitProjected "
        "tells before. No data: there are none, or the API does not list them to this key.",
        {
            "scope": Label("Limit of", 150, words=SCOPES),
            "workspace": Label("Workspace", words={"none": "all"}),
            "period": Label("Period", 90, words=PERIODS),
        },
        {
            "Limit": Number(named(limit), USD, 0, 110),
            "Month to date": Number(named(used), USD, 0, 130),
            "Used": Number(named(f"({used}) / ({monthly} > 0)"), "percentunit", 0, 130, steps=NEAR, most=1),
        },
        sort="Used",
        size=(14, 8),
        filterable=False,
        no_value="No spend limits, or not for this key",
    )


def _known(*by: str) -> str:
    """Of the month so far; with what is estimated, where there is a nowcast."""
    return f"({first_of(*(total(samples(family), *by) for family in (NOWCAST_TO_DATE, MONTH_TO_DATE)))})"


def _of_limits(limits: str, whole: str, of_workspace: str) -> str:
    """What was spent, with the labels of each limit that it counts towards; a workspace without a bill spent nothing,
    where the organization has one.
    """
    of_all = f"{_matching(limits, 'organization|usage_tier')} + on (job, organization) group_left () {whole}"
    by, of_one = ", ".join(BY_WORKSPACE), _matching(limits, "workspace")
    spent = f"{of_one} + on ({by}) group_left () {of_workspace}"
    return f"{of_all} or {spent} or ({of_one} and on (job, organization) {whole})"


def _matching(limits: str, scopes: str) -> str:
    return "0 * " + limits.replace(f"{SPEND}{{", f'{SPEND}{{scope=~"{scopes}", ')


def _ceilings() -> Builder[Panel]:
    return table(
        "Rate limits of the organization",
        f"What the Console shows as limits: ceilings, not use. {NOT_SERVED}",
        {"group": Label("Of", words=GROUPS), "limiter": Label("Limit", words=LIMITERS)},
        {"Ceiling": Number(_by_name(_merged(CEILING, without="group, group_type, unit")), width_pixels=110)},
        sort="Of",
        ascending=True,
        size=(10, 11),
        no_value=NO_DATA,
    )


def _of_workspaces() -> Builder[Panel]:
    own = _merged(OF_WORKSPACE, 'source="workspace"', without="workspace, group, group_type, unit, source")
    by = ", ".join(BY_WORKSPACE)
    names = f"topk by ({by}) (1, group by ({by}, workspace) ({OF_WORKSPACE}{{{SCOPE}}}))"
    named = f"({_named(own)}) * on ({by}) group_left (workspace) {names}"
    return table(
        "Workspaces with limits of their own",
        "All others have the organization's. Where a workspace's own limit is above the organization's, the lower one "
        "holds, and is shown. No data: no workspace has any.",
        {"workspace": Label("Workspace", 150), "group": Label("Models"), "limiter": Label("Limit", words=LIMITERS)},
        {"Ceiling": Number(f"max by (job, organization, workspace, group, limiter) ({named})", width_pixels=110)},
        sort="Workspace",
        ascending=True,
        size=(14, 11),
        no_value="No workspace has limits of its own",
    )
