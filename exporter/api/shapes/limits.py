"""The configured rate limits, of groups of models and of what is not a model's, and the spend limits."""

from __future__ import annotations

from msgspec import field

from exporter.api.shapes.envelope import Count, DecimalText, Dollars, Listed, TokenPage
from exporter.contract.untracked import Untracked


class LimitGroup(Untracked):
    """Its ID is the same in every organization; only groups of models have a name."""

    id: str
    type: str | None = None
    display_name: str | None = None


class Limiter(Untracked):
    type: str
    value: Count


class RateLimit(Listed):
    group: LimitGroup
    limits: list[Limiter]
    models: list[str] | None = None
    decorations = ("models",)


class LimitSource(Untracked):
    """`workspace`, or `organization` where the limit is inherited."""

    type: str | None = None


class WorkspaceLimiter(Limiter):
    org_limit: Count | None = None
    source: LimitSource | None = None


class WorkspaceRateLimit(Listed):
    id: str = field(name="rate_limit_id")
    group: LimitGroup
    limits: list[WorkspaceLimiter]


class SpendScope(Untracked):
    """`organization`, `workspace`, `usage_tier` (what Anthropic sets), and others, of people."""

    type: str
    workspace_id: str | None = None


class SpendLimit(Listed):
    """`amount` is in cents; there is none where no number is set."""

    scope: SpendScope
    currency: Dollars
    amount: DecimalText | None = None
    is_enabled: bool = True
    period: str | None = None


class RateLimitPage(TokenPage, kw_only=True):
    data: list[RateLimit]


class WorkspaceRateLimitPage(TokenPage, kw_only=True):
    data: list[WorkspaceRateLimit]


class SpendLimitPage(TokenPage, kw_only=True):
    data: list[SpendLimit]
