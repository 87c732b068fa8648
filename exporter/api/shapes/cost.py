"""`cost_report`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from exporter.api.shapes.envelope import DecimalText, Dollars, ReportPage, Timestamp
from exporter.contract.activity import Told
from exporter.contract.untracked import Untracked


class CostResult(Untracked):
    amount: DecimalText
    currency: Dollars
    cost_type: str | None = None
    token_type: str | None = None
    model: str | None = None
    service_tier: str | None = None
    workspace_id: str | None = None
    description: Told = None
    context_window: Told = None
    inference_geo: Told = None


class CostBucket(Untracked):
    starting_at: Timestamp
    results: list[CostResult]


class CostPage(ReportPage, kw_only=True):
    data: list[CostBucket]

    def buckets(self) -> Iterable[tuple[datetime, Sequence[CostResult]]]:
        return ((bucket.starting_at, bucket.results) for bucket in self.data)
