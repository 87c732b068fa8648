"""The families of Claude Code, each made of records of activity."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from exporter.contract.activity import Activity
from exporter.contract.labels import NONE
from exporter.contract.metric import Declared, Metric, Sample

CENTS = 100
LABELS = ("days_ago", "actor", "actor_type", "terminal", "customer_type")


def _decisions(row: Activity) -> Iterator[Sample]:
    for key, decisions in row.tools.items():
        tool = key.removesuffix("_tool")
        yield (tool, "accepted"), decisions.accepted
        yield (tool, "rejected"), decisions.rejected


def _tokens(row: Activity) -> Iterator[Sample]:
    for use in row.models:
        model, tokens = use.model or NONE, use.tokens
        yield (model, "uncached_input"), tokens.uncached_input
        yield (model, "cache_read"), tokens.cache_read
        yield (model, "cache_write"), tokens.cache_write
        yield (model, "output"), tokens.output


def _estimated_cost(row: Activity) -> Iterator[Sample]:
    # The text of a float is the API's own decimal number; its sums are exact.
    return (((use.model or NONE,), Decimal(str(use.estimate.cents))) for use in row.models)


def _meaning(what: str) -> str:
    return f"{what} of the UTC day that lies days_ago days back, by actor and terminal, about an hour late"


SESSIONS, COMMITS = "anthropic_claude_code_sessions", "anthropic_claude_code_commits"
TOOL_ACTIONS = "anthropic_claude_code_tool_actions"
COST: Metric[Activity] = Metric(
    "anthropic_claude_code_estimated_cost_usd",
    _meaning("Cost in US dollars as the API estimates it, which is not billing,"),
    "US dollars",
    LABELS,
    ("model",),
    "model_breakdown.estimated_cost.amount",
    divisor=CENTS,
    samples=_estimated_cost,
)
METRICS: tuple[Metric[Activity], ...] = (
    Metric(
        SESSIONS,
        _meaning("Claude Code sessions"),
        "sessions",
        LABELS,
        api_fields="core_metrics.num_sessions",
        samples=lambda row: (((), row.core.sessions),),
    ),
    Metric(
        "anthropic_claude_code_lines_of_code",
        _meaning("Lines of code added or removed with Claude Code"),
        "lines",
        LABELS,
        ("change",),
        "core_metrics.lines_of_code",
        samples=lambda row: ((("added",), row.core.lines.added), (("removed",), row.core.lines.removed)),
    ),
    Metric(
        COMMITS,
        _meaning("Commits made by Claude Code"),
        "commits",
        LABELS,
        api_fields="core_metrics.commits_by_claude_code",
        samples=lambda row: (((), row.core.commits),),
    ),
    Metric(
        "anthropic_claude_code_pull_requests",
        _meaning("Pull requests made by Claude Code"),
        "pull requests",
        LABELS,
        api_fields="core_metrics.pull_requests_by_claude_code",
        samples=lambda row: (((), row.core.pull_requests),),
    ),
    Metric(
        TOOL_ACTIONS,
        _meaning("Proposals of Claude Code tools, accepted or rejected,"),
        "proposals",
        LABELS,
        ("tool", "decision"),
        "tool_actions",
        samples=_decisions,
    ),
    Metric(
        "anthropic_claude_code_tokens",
        _meaning("Tokens used by Claude Code"),
        "tokens",
        LABELS,
        ("model", "token_type"),
        "model_breakdown.tokens",
        samples=_tokens,
    ),
    COST,
)
ACTIVE_ACTORS = Declared(
    "anthropic_claude_code_active_actors",
    "Distinct actors with Claude Code activity on the UTC day that lies days_ago days back, about an hour late",
    "actors",
    ("days_ago",),
    ("actor_type", "customer_type"),
    "actor, customer_type",
)
FAMILIES = (*METRICS, ACTIVE_ACTORS)
