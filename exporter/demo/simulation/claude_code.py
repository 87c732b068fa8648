"""The records of the Claude Code analytics report, as the Admin API sends them."""

from datetime import datetime

import msgspec


class UserActor(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="user_actor"):
    email_address: str


class ApiActor(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="api_actor"):
    api_key_name: str


class LinesOfCode(msgspec.Struct, frozen=True, gc=False):
    added: int
    removed: int


class CoreMetrics(msgspec.Struct, frozen=True, gc=False):
    num_sessions: int
    lines_of_code: LinesOfCode
    commits_by_claude_code: int
    pull_requests_by_claude_code: int


class ToolAction(msgspec.Struct, frozen=True, gc=False):
    accepted: int
    rejected: int


class Tokens(msgspec.Struct, frozen=True, gc=False):
    input: int
    output: int
    cache_read: int
    cache_creation: int


class EstimatedCost(msgspec.Struct, frozen=True, gc=False):
    """`amount` is in cents."""

    amount: int | float
    currency: str = "USD"


class ModelUse(msgspec.Struct, frozen=True, gc=False):
    model: str
    tokens: Tokens
    estimated_cost: EstimatedCost


class ClaudeCodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    date: datetime
    actor: UserActor | ApiActor
    organization_id: str
    customer_type: str
    subscription_type: str | None
    terminal_type: str
    is_remote: bool
    core_metrics: CoreMetrics
    tool_actions: dict[str, ToolAction]
    model_breakdown: list[ModelUse]
