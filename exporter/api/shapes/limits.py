"""The configured rate limits, of groups of models and of what is not a model's."""

from __future__ import annotations

from exporter.api.shapes.envelope import Count, Listed, TokenPage
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


class RateLimitPage(TokenPage, kw_only=True):
    data: list[RateLimit]
