"""`usage_report/claude_code`: our own records, by the names that the API has for their fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporter.api.shapes.envelope import Cents, Count, Dollars, ReportPage, Timestamp
from exporter.contract import activity
from exporter.contract.activity import Told


class Actor(
    activity.Actor,
    # `service_account_id` and `subject` are not documented here: the names that the newer API gives to other kinds.
    rename={
        "kind": "type",
        "address": "email_address",
        "key_name": "api_key_name",
        "account_id": "service_account_id",
    },
):
    # A field that is not declared again keeps its own name.
    kind: str
    address: str | None = None
    key_name: str | None = None
    account_id: str | None = None
    subject: str | None = None


class LinesOfCode(activity.Lines):
    added: Count
    removed: Count


class CoreMetrics(
    activity.Core,
    rename={
        "sessions": "num_sessions",
        "lines": "lines_of_code",
        "commits": "commits_by_claude_code",
        "pull_requests": "pull_requests_by_claude_code",
    },
):
    sessions: Count
    lines: LinesOfCode
    commits: Count
    pull_requests: Count


class ToolAction(activity.Decisions):
    accepted: Count
    rejected: Count


class Tokens(activity.Tokens, rename={"uncached_input": "input", "cache_write": "cache_creation"}):
    uncached_input: Count
    output: Count
    cache_read: Count
    cache_write: Count


class EstimatedCost(activity.Estimate, rename={"cents": "amount"}):
    cents: Cents
    currency: Dollars


class ModelUse(activity.ModelUse, rename={"estimate": "estimated_cost"}):
    tokens: Tokens
    estimate: EstimatedCost


class ClaudeCodeRow(
    activity.Activity,
    kw_only=True,
    rename={
        "core": "core_metrics",
        "tools": "tool_actions",
        "models": "model_breakdown",
        "terminal": "terminal_type",
    },
):
    date: Timestamp
    actor: Actor
    core: CoreMetrics
    tools: dict[str, ToolAction]
    models: tuple[ModelUse, ...]  # a list is walked by the garbage collector, a tuple of these is not
    customer_type: str | None = None
    terminal: str | None = None
    subscription_type: Told = None
    is_remote: Told = None


class ClaudeCodePage(ReportPage, kw_only=True):
    data: list[ClaudeCodeRow]

    def buckets(self) -> Iterable[tuple[None, Sequence[ClaudeCodeRow]]]:
        return ((None, self.data),)
