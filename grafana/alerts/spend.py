"""Money that is being spent: days and hours that cost far more than usual, and estimates that are wrong."""

from __future__ import annotations

from grafana.alerts.days import WORKSPACE_NAME
from grafana.alerts.known import AGES, ERROR_DAYS, ERROR_WEEK, TODAY, WHOLE, WORKSPACE, Level
from grafana.alerts.promql import OF_ORGANIZATION, ORGANIZATION, inside, threshold, times_and_more
from grafana.alerts.rules import Alert

NAMED_WORKSPACE = f"* on ({WORKSPACE.by}) group_left (workspace)\n{WORKSPACE_NAME}"
EXCLUDED = "anthropic:excluded_workspace:constant"
PRICE_CHANGED = "anthropic_price_changed_timestamp_seconds"
READ_AT = 'anthropic_exporter_collector_last_success_timestamp_seconds{collector="nowcast"}'
INTERVAL = 'anthropic_exporter_collector_refresh_interval_seconds{collector="nowcast"}'
IN_WORKSPACE = f" in workspace {{{{ $labels.workspace }}}}{OF_ORGANIZATION}"
JUDGED = f'{{days_ago=~"[{AGES[0]}-{AGES[-1]}]"}}'
WAIT, HOLD = "10m", "30m"
SEE_MODELS = "See Each day by model on the Cost dashboard, with this workspace chosen."
SEE_WORKSPACES = "See Today so far and Each day by workspace on the Cost dashboard."
HOLDS = "Holds while the day is one of the newest five, by the bill once that has come."


def _estimated(level: Level) -> str:
    """In a description: how much of the day no bill has, where it is some."""
    labels = [*level.by.split(", "), "date"]
    selector = ", ".join(f"{name}=%q" for name in labels)
    values = " ".join(f"$labels.{name}" for name in labels)
    return (
        f"{{{{ with printf `{level.estimated}{{{selector}}} > 0` {values} | query }}}}, ${{{{ . | first | value | "
        "humanize }} of it estimated{{ end }}"
    )


def of_named_workspaces(expr: str) -> str:
    """Without those that are excluded."""
    return f"{expr}\n{NAMED_WORKSPACE}\nunless on (organization, workspace_id) {EXCLUDED}"


def _spike(level: Level, prefix: str) -> str:
    return inside(
        f"max by ({level.by}, date) ",
        f"{level.days}{JUDGED}",
        f"> on ({level.by}, days_ago) group_left ()",
        times_and_more(f"{prefix}_ratio", level.week, f"{prefix}_usd"),
    )


def _usual(of_days: str, level: Level, prefix: str) -> str:
    """So many times the dearest of the days before, where enough are known; a share of a usual day; so much more."""
    return inside(
        "",
        threshold(f"{prefix}_ratio"),
        inside(
            "* ",
            f"max by ({level.by}) ({of_days})",
            f"and on ({level.by})",
            f"count by ({level.by}) ({of_days}) >= {threshold('history_days')}",
        ),
        f"+ on ({level.by})",
        f"{threshold(f'{prefix}_day_ratio')} * sum by ({level.by}) ({level.week}{TODAY})",
        f"+ {threshold(f'{prefix}_usd')}",
    )


def _burn(level: Level, prefix: str) -> str:
    """By a nowcast that was read an hour ago, too, and at the prices of then: otherwise it is no hour's cost."""
    return inside(
        "",
        level.hour,
        f"> on ({level.by})",
        _usual(level.same_hour, level, prefix),
        f"and on ({ORGANIZATION})",
        f"max by ({ORGANIZATION}) ({READ_AT} offset 1h)",
        f"+ {threshold('stale_intervals')} * max by ({ORGANIZATION}) ({INTERVAL})",
        "> time() - 3600",
        f"unless on ({ORGANIZATION})",
        f"max by ({ORGANIZATION}) (max_over_time({PRICE_CHANGED}[65m])) > time() - 3900",
    )


def _pace(level: Level, prefix: str) -> str:
    return inside(
        f"max by ({level.by}, date) ",
        f"{level.days}{TODAY}",
        f"> on ({level.by}) group_left ()",
        _usual(level.same_time, level, prefix),
    )


COST_SPIKE = Alert(
    "AnthropicCostSpike",
    "critical",
    _spike(WHOLE, "cost_spike"),
    "15m",
    HOLD,
    "A day cost the organization far more than usual.",
    f"${{{{ $value | humanize }}}} on {{{{ $labels.date }}}}{OF_ORGANIZATION}{_estimated(WHOLE)}: far above the median "
    "of the seven days before. See Each day by workspace on the Cost dashboard.",
    HOLDS,
)
WORKSPACE_COST_SPIKE = Alert(
    "AnthropicWorkspaceCostSpike",
    "warning",
    of_named_workspaces(_spike(WORKSPACE, "workspace_cost_spike")),
    "15m",
    HOLD,
    "A day cost a workspace far more than usual.",
    f"${{{{ $value | humanize }}}} on {{{{ $labels.date }}}}{IN_WORKSPACE}{_estimated(WORKSPACE)}: far above the "
    f"median of the seven days before. {SEE_MODELS}",
    HOLDS,
)
BURN = Alert(
    "AnthropicCostBurn",
    "critical",
    _burn(WHOLE, "burn"),
    WAIT,
    HOLD,
    "The last hour cost the organization far more than usual.",
    f"${{{{ $value | humanize }}}} in an hour{OF_ORGANIZATION}, estimated: far above the same hours of the last seven "
    f"days. {SEE_WORKSPACES}",
    "The first to tell of what begins now. Needs some days of Prometheus' own history.",
)
WORKSPACE_BURN = Alert(
    "AnthropicWorkspaceCostBurn",
    "warning",
    of_named_workspaces(_burn(WORKSPACE, "workspace_burn")),
    WAIT,
    HOLD,
    "The last hour cost a workspace far more than usual.",
    f"${{{{ $value | humanize }}}} in an hour{IN_WORKSPACE}, estimated: far above the same hours of the last seven "
    f"days. {SEE_MODELS}",
)
PACE = Alert(
    "AnthropicCostPace",
    "warning",
    _pace(WHOLE, "pace"),
    WAIT,
    HOLD,
    "Today has cost far more than usual at this time of day.",
    f"${{{{ $value | humanize }}}} so far on {{{{ $labels.date }}}} (UTC){OF_ORGANIZATION}{_estimated(WHOLE)}: far "
    f"above what each of the last seven days had cost by this time. {SEE_WORKSPACES}",
    "What grows too slowly for an hour to tell. Needs some days of Prometheus' own history.",
)
WORKSPACE_PACE = Alert(
    "AnthropicWorkspaceCostPace",
    "warning",
    of_named_workspaces(_pace(WORKSPACE, "workspace_pace")),
    WAIT,
    HOLD,
    "Today has cost a workspace far more than usual at this time of day.",
    f"${{{{ $value | humanize }}}} so far on {{{{ $labels.date }}}} (UTC){IN_WORKSPACE}{_estimated(WORKSPACE)}: far "
    f"above what each of the last seven days had cost by this time. {SEE_MODELS}",
)
ESTIMATE_WRONG = Alert(
    "AnthropicCostEstimateWrong",
    "warning",
    "\n".join(
        (
            inside(
                "",
                f"{ERROR_WEEK} > {threshold('estimate_error_ratio')}",
                f"or {ERROR_WEEK} < -{threshold('estimate_error_ratio')}",
            ),
            f"and on ({ORGANIZATION}) count by ({ORGANIZATION}) ({ERROR_DAYS}) >= {threshold('history_days')}",
        )
    ),
    "1h",
    "1h",
    "Estimated cost does not become the bill.",
    "What would have been estimated for the newest complete days is {{ $value | humanizePercentage }} off their bills"
    f"{OF_ORGANIZATION}, minus where it is too little: alerts on today's cost are off by as much. See Can I trust "
    "this? Last week's error on the Cost dashboard.",
)
SPEND_ALERTS = (
    COST_SPIKE,
    WORKSPACE_COST_SPIKE,
    BURN,
    WORKSPACE_BURN,
    PACE,
    WORKSPACE_PACE,
    ESTIMATE_WRONG,
)
