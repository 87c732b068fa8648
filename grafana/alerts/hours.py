"""Tokens of the last full hour, for who has no nowcast, or wants to know of tokens and not of dollars."""

from __future__ import annotations

from grafana.alerts.days import BY_WORKSPACE
from grafana.alerts.promql import REPLICA, inside, times_and_more
from grafana.alerts.rules import Alert, Paragraph, Record
from grafana.alerts.spend import IN_WORKSPACE, of_named_workspaces

LAST = 1  # the newest complete hour
SAME_HOURS = tuple(LAST + 24 * day for day in range(1, 8))
HOURS = "organization_workspace_hour:anthropic_usage_tokens_without_cache_reads:sum"

_BEFORE = f'{HOURS}{{hours_ago=~"{"|".join(map(str, SAME_HOURS))}"}}'
_LOOKED_AT = f"{LAST}|{'|'.join(map(str, SAME_HOURS))}"
_USUAL = inside("", f"quantile by ({BY_WORKSPACE}) (0.5, {_BEFORE})")

HOURS_BEFORE: Paragraph = (
    Record(
        HOURS,
        inside(
            f"max by ({BY_WORKSPACE}, hours_ago) ",
            f"sum by ({REPLICA}, organization, workspace_id, hours_ago) (",
            f'  anthropic_usage_hour_tokens{{token_type!="cache_read", hours_ago=~"{_LOOKED_AT}"}}',
            ")",
        ),
        "The last full hour, and the same one of the seven days before; with --usage.hours=170 or more. A cache read "
        "costs a tenth of other prompt tokens.",
    ),
)
TOKEN_BURST = Alert(
    "AnthropicTokenBurst",
    "warning",
    of_named_workspaces(
        inside(
            "",
            f'max by ({BY_WORKSPACE}) ({HOURS}{{hours_ago="{LAST}"}})',
            f"> on ({BY_WORKSPACE})",
            times_and_more("token_burst_ratio", _USUAL, "token_burst_tokens"),
            f"and on ({BY_WORKSPACE})",
            f"count by ({BY_WORKSPACE}) ({_BEFORE}) == {len(SAME_HOURS)}",
        )
    ),
    "5m",
    "30m",
    "The last full hour used far more tokens than usual.",
    f"{{{{ $value | humanize }}}} tokens, cache reads aside, in the last full hour (UTC){IN_WORKSPACE}: far above the "
    "median of the same hour of the seven days before. See Tokens by the hour on the Usage dashboard.",
    "Only with --usage.hours=170 or more: without those hours it does not exist.",
)
