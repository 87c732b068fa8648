"""The JSON shapes of the API's answers, as far as the exporter reads them.

Unknown fields and values pass; a missing or mistyped number does not, nor does a mistyped time of a report. Counts are
tokens or events, money is in cents.
Pages: https://platform.claude.com/docs/en/api/admin
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

# Bounded, so that no sum is infinite.
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[float, Meta(ge=0, lt=2**63)]
Cents = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[float, Meta(ge=-(2**63), lt=2**63)]
Dollars = Literal["USD"]
# Of a dimension that becomes no label: it only tells rows apart.
Unlabelled = str | bool | int | float | None
Timestamp = Annotated[datetime, Meta(tz=True)]
DecimalText = Annotated[str, Meta(pattern=r"\A-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?\Z", max_length=100)]


class Untracked(Struct, gc=False):
    """Left out by the garbage collector: a walk through a million of them would hold up scrapes. None is in a cycle."""


class Row(Untracked):
    """A row of a report."""


class Listed(Untracked):
    """An object of a list. One of its `decorations` that cannot be read is left out, for itself alone."""

    id: str
    decorations: ClassVar[tuple[str, ...]] = ()


class Page(Untracked):
    """The envelope of what goes on at `next_page`."""

    next_page: str | None = None

    @property
    def more(self) -> bool:
        return self.next_page is not None


class ReportPage(Page, kw_only=True):
    """A report's envelope."""

    has_more: bool

    def buckets(self) -> Iterable[tuple[datetime | None, Sequence[Row]]]:
        """The rows by the start of their bucket; None for those that go on from page to page."""
        raise NotImplementedError

    @property
    def more(self) -> bool:
        return self.has_more


class TokenPage(Page, kw_only=True):
    """A token list's envelope."""

    data: Sequence[Listed]


class IdPage(Untracked, kw_only=True):
    """The envelope of an ID-cursor list."""

    data: Sequence[Listed]
    has_more: bool
    last_id: str | None = None


# usage_report/messages


class CacheCreation(Untracked):
    ephemeral_5m_input_tokens: Count
    ephemeral_1h_input_tokens: Count


class ServerToolUse(Untracked):
    web_search_requests: Count


class UsageResult(Row):
    uncached_input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count
    cache_creation: CacheCreation
    server_tool_use: ServerToolUse
    workspace_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    api_key_id: str | None = None
    account_id: str | None = None
    service_account_id: str | None = None
    context_window: str | None = None
    inference_geo: str | None = None
    speed: str | None = None


class UsageBucket(Untracked):
    starting_at: Timestamp
    results: list[UsageResult]


class UsagePage(ReportPage, kw_only=True):
    data: list[UsageBucket]

    def buckets(self) -> Iterable[tuple[datetime, Sequence[UsageResult]]]:
        return ((bucket.starting_at, bucket.results) for bucket in self.data)


# cost_report


class CostResult(Row):
    amount: DecimalText
    currency: Dollars
    cost_type: str | None = None
    token_type: str | None = None
    model: str | None = None
    service_tier: str | None = None
    workspace_id: str | None = None
    description: Unlabelled = None
    context_window: Unlabelled = None
    inference_geo: Unlabelled = None


class CostBucket(Untracked):
    starting_at: Timestamp
    results: list[CostResult]


class CostPage(ReportPage, kw_only=True):
    data: list[CostBucket]

    def buckets(self) -> Iterable[tuple[datetime, Sequence[CostResult]]]:
        return ((bucket.starting_at, bucket.results) for bucket in self.data)


# usage_report/claude_code


class Actor(Untracked):
    type: str
    email_address: str | None = None
    api_key_name: str | None = None
    # Not documented for this report; the names that the newer API gives to other kinds of actor.
    service_account_id: str | None = None
    subject: str | None = None


class LinesOfCode(Untracked):
    added: Count
    removed: Count


class CoreMetrics(Untracked):
    num_sessions: Count
    lines_of_code: LinesOfCode
    commits_by_claude_code: Count
    pull_requests_by_claude_code: Count


class ToolAction(Untracked):
    accepted: Count
    rejected: Count


class ClaudeCodeTokens(Untracked):
    input: Count
    output: Count
    cache_read: Count
    cache_creation: Count


class EstimatedCost(Untracked):
    amount: Cents
    currency: Dollars


class ModelUse(Untracked):
    model: str | None
    tokens: ClaudeCodeTokens
    estimated_cost: EstimatedCost


class ClaudeCodeRecord(Row):
    date: Timestamp
    actor: Actor
    core_metrics: CoreMetrics
    tool_actions: dict[str, ToolAction]
    model_breakdown: tuple[ModelUse, ...]  # a list is walked by the garbage collector, a tuple of these is not
    customer_type: str | None = None
    terminal_type: str | None = None
    subscription_type: Unlabelled = None
    is_remote: Unlabelled = None


class ClaudeCodePage(ReportPage, kw_only=True):
    data: list[ClaudeCodeRecord]

    def buckets(self) -> Iterable[tuple[None, Sequence[ClaudeCodeRecord]]]:
        return ((None, self.data),)


# The organization's inventory


class Organization(Listed):
    name: str | None = None
    decorations = ("name",)


class DataResidency(Untracked):
    workspace_geo: str | None = None


class Workspace(Listed):
    name: str | None = None
    created_at: Timestamp | None = None
    archived_at: Timestamp | None = None
    data_residency: DataResidency | None = None
    decorations = ("name", "created_at", "archived_at", "data_residency")


class Creator(Untracked):
    id: str | None = None


class Scope(Untracked):
    """Has the real ID of a workspace, even of the default one; none for the whole organization."""

    workspace_id: str | None = None


class ApiKey(Listed):
    name: str | None = None
    status: str | None = None
    created_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    created_by: Creator | None = None
    scope: Scope | None = None
    # Of the version 2023-06-01; null for the default workspace.
    workspace_id: str | UnsetType | None = UNSET
    decorations = ("name", "created_at", "expires_at", "created_by")


class User(Listed):
    email: str | None = None
    role: str | None = None
    decorations = ("email",)


class ServiceAccount(Listed):
    name: str | None = None
    organization_role: str | None = None
    archived_at: Timestamp | None = None
    decorations = ("name", "archived_at")


class WorkspacePage(IdPage, kw_only=True):
    data: list[Workspace]


class ApiKeyPage(IdPage, kw_only=True):
    data: list[ApiKey]


class UserPage(IdPage, kw_only=True):
    data: list[User]


class ServiceAccountPage(TokenPage, kw_only=True):
    data: list[ServiceAccount]
