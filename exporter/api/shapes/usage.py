"""`usage_report/messages`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from exporter.api.shapes.envelope import Count, ReportPage, Timestamp
from exporter.contract.untracked import Untracked


class CacheCreation(Untracked):
    ephemeral_5m_input_tokens: Count
    ephemeral_1h_input_tokens: Count


class ServerToolUse(Untracked):
    web_search_requests: Count


class UsageResult(Untracked):
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

    @property
    def tokens(self) -> tuple[float, float, float, float, float]:
        """Uncached input, cache reads, cache writes for 5 minutes and for 1 hour, output."""
        written = self.cache_creation
        return (
            self.uncached_input_tokens,
            self.cache_read_input_tokens,
            written.ephemeral_5m_input_tokens,
            written.ephemeral_1h_input_tokens,
            self.output_tokens,
        )


class UsageBucket(Untracked):
    starting_at: Timestamp
    results: list[UsageResult]


class UsagePage(ReportPage, kw_only=True):
    data: list[UsageBucket]

    def buckets(self) -> Iterable[tuple[datetime, Sequence[UsageResult]]]:
        return ((bucket.starting_at, bucket.results) for bucket in self.data)
