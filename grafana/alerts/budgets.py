"""The month's end, and budgets."""

from __future__ import annotations

from grafana.alerts.days import WORKSPACE_NAME
from grafana.alerts.known import WORKSPACE, WORKSPACE_MONTH
from grafana.alerts.promql import NAMED_ORGANIZATION, ORGANIZATION, inside, mention, threshold
from grafana.alerts.rules import Alert, Paragraph, Record
from grafana.alerts.spend import NAMED_WORKSPACE

MEAN_DAY = "organization_workspace:anthropic_cost_known_usd:mean7d"
DAYS_LEFT = "organization:anthropic_cost_month_days_left:max"
PROJECTED = "organization_workspace:anthropic_cost_projected_month_usd:sum"
BUDGET = "anthropic:budget_usd:monthly"
USED, USED_AT_THE_END = "anthropic:budget_used:ratio", "anthropic:budget_projected:ratio"
TODAY_STARTS = 'anthropic_exporter_bucket_start_timestamp_seconds{days_ago="0"}'
THROUGH = "anthropic_exporter_collector_data_through_timestamp_seconds"


def _of_budgets(spent: str) -> str:
    """The shares of the organizations' budgets, and of the workspaces', which have names."""
    return "\n".join(
        (
            f"sum by ({ORGANIZATION}) ({spent})",
            f'/ on (organization) group_left (scope) {BUDGET}{{scope="organization"}}',
            "or",
            spent,
            f'/ on (organization, workspace_id) group_left (scope) {BUDGET}{{scope="workspace"}}',
            NAMED_WORKSPACE,
        )
    )


MONTH: Paragraph = (
    Record(
        DAYS_LEFT,
        inside(
            "clamp",
            inside(
                "",
                inside(
                    "- ",
                    f'max by ({ORGANIZATION}) ({THROUGH}{{collector="nowcast"}})',
                    f'or max by ({ORGANIZATION}) ({THROUGH}{{collector="cost"}})',
                ),
                "+ on (job) group_left ()",
                inside(
                    "max by (job) ",
                    TODAY_STARTS,
                    "+ 86400",
                    inside("* ", f"days_in_month({TODAY_STARTS})", "+ 1", f"- day_of_month({TODAY_STARTS})"),
                ),
            ),
            "/ 86400,",
            "0,",
            "scalar(days_in_month())",
        ),
        "Days, or parts of them, from the end of what is known to the end of the month.",
    ),
    Record(MEAN_DAY, f'avg by ({WORKSPACE.by}) ({WORKSPACE.days}{{days_ago=~"[2-8]"}})'),
    Record(
        PROJECTED,
        "\n+\n".join(
            (
                inside("", WORKSPACE_MONTH, f"or 0 * {MEAN_DAY}"),
                inside(
                    "",
                    MEAN_DAY,
                    f"* on ({ORGANIZATION}) group_left () {DAYS_LEFT}",
                    f"or 0 * {WORKSPACE_MONTH}",
                ),
            )
        ),
        "Month to date, and the mean of seven days for each day that is left. Either may be missing: nothing of the "
        "month is known yet, or a workspace is gone.",
    ),
)
BUDGETS_USED: Paragraph = (
    Record(USED, _of_budgets(WORKSPACE_MONTH)),
    Record(USED_AT_THE_END, _of_budgets(PROJECTED)),
)


def _used(name: str, severity: str, share: str, summary: str) -> Alert:
    return Alert(
        f"AnthropicBudget{name}",
        severity,
        f"{USED} > {threshold(share)}",
        "15m",
        "30m",
        summary,
        "{{ $value | humanizePercentage }} of the {{ $labels.scope }}'s budget for this month is used"
        f"{mention(', workspace ', 'workspace')}{NAMED_ORGANIZATION}. See Budgets on the Cost dashboard.",
    )


# By its list, or by what it has cost. Where neither is known yet, nothing is said of workspaces.
_WORKSPACES = f"(anthropic_workspace_info or {WORKSPACE_NAME})"
_MATCHES_NOTHING = Alert(
    "AnthropicBudgetMatchesNothing",
    "warning",
    "\n".join(
        (
            inside(
                "",
                f'{BUDGET}{{scope!~"organization|workspace"}}',
                "or",
                BUDGET,
                "unless on (organization) last_over_time(anthropic_exporter_up[1d])",
                "or",
                f'{BUDGET}{{scope="workspace"}}',
                f"and on (organization) {_WORKSPACES}",
                f"unless on (organization, workspace_id) {_WORKSPACES}",
            ),
            "and on () anthropic_exporter_up",
        )
    ),
    "1h",
    "30m",
    "A budget is of nothing that there is.",
    f"The {{{{ $labels.scope }}}}'s budget of ${{{{ $value | humanize }}}}{mention(', workspace ID ', 'workspace_id')}"
    f"{NAMED_ORGANIZATION} matches nothing that an exporter tells of: no alert on it can fire. See budgets.yml.",
    "Its organization has no exporter, or its workspace ID is no workspace's. An exporter that is away is told by "
    "AnthropicExporterAbsent.",
)
BUDGET_ALERTS = (
    _used("HalfUsed", "info", "budget_half_ratio", "Half of the month's budget is used."),
    _used("NearlyUsed", "warning", "budget_near_ratio", "Most of the month's budget is used."),
    _used("Exceeded", "critical", "budget_full_ratio", "The month's budget is used up."),
    Alert(
        "AnthropicBudgetProjectedToExceed",
        "warning",
        f"{USED_AT_THE_END} > {threshold('budget_full_ratio')}",
        "1h",
        "1h",
        "The month will cost more than its budget.",
        "{{ $value | humanizePercentage }} of the {{ $labels.scope }}'s budget will be used at the month's end, if the "
        f"days that are left cost as much as the last seven did{mention(', workspace ', 'workspace')}"
        f"{NAMED_ORGANIZATION}. See Budgets on the Cost dashboard.",
    ),
    _MATCHES_NOTHING,
)
