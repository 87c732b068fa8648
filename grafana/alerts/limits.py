"""How near the ceilings are: of a group of models in a minute, and of what may be spent in a month."""

from __future__ import annotations

from grafana.alerts.budgets import PROJECTED
from grafana.alerts.known import WORKSPACE
from grafana.alerts.promql import NAMED_ORGANIZATION, ORGANIZATION, REPLICA, inside, mention, threshold
from grafana.alerts.rules import Alert, Paragraph, Record
from grafana.alerts.spend import NAMED_WORKSPACE

CEILING, PEAK, SPEND = (
    "anthropic_rate_limit",
    "anthropic_usage_peak_tokens_per_minute",
    "anthropic_spend_limit_usd",
)
BY_GROUP = f"{ORGANIZATION}, group_id"
BY_LIMITER = f"{BY_GROUP}, limiter"
READ_AT = 'anthropic_exporter_collector_last_success_timestamp_seconds{collector="limits"}'
USED = "organization_limiter:anthropic_rate_limit_used:ratio"
GROUP_NAME = "organization_group:anthropic_rate_limit_group:info"
PROJECTED_SHARE = "anthropic:spend_limit_projected:ratio"


def _monthly(scope: str, by: str) -> str:
    """What stops the API first; nothing of a limit of nothing, which has stopped it."""
    return f'(min by ({by}) ({SPEND}{{scope=~"{scope}", period="monthly"}}) > 0)'


def _of_scope(scope: str, share: str) -> str:
    return inside("label_replace", f"{share},", f'"scope", "{scope}", "", ""')


LIMITS_USED: Paragraph = (
    Record(
        USED,
        f"max by ({BY_LIMITER}) ({PEAK})\n/ (max by ({BY_LIMITER}) ({CEILING}) > 0)",
        "Of the busiest minute of the last hour.",
    ),
    Record(
        GROUP_NAME,
        inside(
            f"group by ({BY_GROUP}, group) ",
            inside(
                f"topk by ({BY_GROUP}) ",
                "1,",
                f"group by ({REPLICA}, organization, group_id, group) ({CEILING})",
                f"* on ({REPLICA}, organization) group_left ()\n{READ_AT}",
                f"or group by ({REPLICA}, organization, group_id, group) ({CEILING})",
            ),
        ),
        "The name that was read last: it may change, the ID does not.",
    ),
    Record(
        PROJECTED_SHARE,
        "\n".join(
            (
                _of_scope(
                    "organization",
                    f"sum by ({ORGANIZATION}) ({PROJECTED})\n/ {_monthly('organization|usage_tier', ORGANIZATION)}",
                ),
                "or",
                _of_scope("workspace", f"{PROJECTED}\n/ {_monthly('workspace', WORKSPACE.by)}\n{NAMED_WORKSPACE}"),
            )
        ),
        "The month's end over the lowest limit of the month.",
    ),
)
RATE_LIMIT_NEAR = Alert(
    "AnthropicRateLimitNear",
    "warning",
    f"({USED} > {threshold('rate_limit_ratio')})\n* on ({BY_GROUP}) group_left (group) {GROUP_NAME}",
    "5m",
    "30m",
    "A rate limit is nearly reached.",
    "{{ $labels.group }} used {{ $value | humanizePercentage }} of its limit {{ $labels.limiter }} in the busiest "
    f"minute of the last hour{NAMED_ORGANIZATION}: above it, requests are refused with 429. See Model groups on the "
    "Limits dashboard.",
)
SPEND_LIMIT_PROJECTED = Alert(
    "AnthropicSpendLimitProjected",
    "warning",
    f"{PROJECTED_SHARE} > {threshold('spend_limit_ratio')}",
    "15m",
    "1h",
    "The month will reach its spend limit, at which the API stops.",
    "{{ $value | humanizePercentage }} of the {{ $labels.scope }}'s spend limit will be spent at the month's end, if "
    f"the days that are left cost as much as the last seven did{mention(', workspace ', 'workspace')}"
    f"{NAMED_ORGANIZATION}. At the limit the API refuses every request. See Spend limits on the Limits dashboard.",
    "Of monthly limits; others have no projection.",
)
LIMIT_ALERTS = (RATE_LIMIT_NEAR, SPEND_LIMIT_PROJECTED)
