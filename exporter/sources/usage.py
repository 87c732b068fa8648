"""The messages usage report.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from exporter.api.client import Client
from exporter.api.endpoints import SPEED_BETA, USAGE, AnyEndpoint
from exporter.api.pages import pages
from exporter.api.shapes.usage import UsagePage, UsageResult
from exporter.contract.days import exposed_days, through, utc_day
from exporter.contract.usage import UsageReading, UsageRecord
from exporter.contract.zeros import PairedDay
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.windows import page_limit, window

FIRST_BUCKETS = 2
BASE_DIMENSIONS = ("workspace_id", "model", "service_tier")

Days = Mapping[date, PairedDay[UsageRecord]]
Rows = dict[date, list[UsageRecord]]


@dataclass(frozen=True)
class UsageSource:
    """Re-reads the whole window at every refresh: the API revises its buckets."""

    client: Client
    days: int
    group_by: tuple[str, ...] = ()
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "usage"
    generation: str = "legacy"
    rank: int = 0
    endpoints: tuple[AnyEndpoint, ...] = (USAGE,)

    async def read(self, previous: UsageReading | None, now: datetime) -> Outcome[UsageReading]:
        """The buckets of the window. Raises `ApiError`."""
        return await self.entitlement.outcome(USAGE.name, partial(self._read, previous, now), now)

    def data_through(self, reading: UsageReading) -> datetime | None:
        return through(reading.days, reading.read_at)

    async def _read(self, previous: UsageReading | None, now: datetime) -> UsageReading:
        today = utc_day(now)
        first = exposed_days(today, self.days)[-1]
        had: Days = previous.days if previous else {}
        request = USAGE.request(
            *window(first, today),
            *(("group_by[]", dimension) for dimension in (*BASE_DIMENSIONS, *self.group_by)),
            page_limit([len(day.rows) for day in had.values()], FIRST_BUCKETS),
            betas=(SPEED_BETA,) if "speed" in self.group_by else (),
        )
        rows: Rows = {}
        async for of_page in pages(self.client, request, USAGE.shape, made=self._rows):
            for day, found in of_page:
                if first <= day <= today:
                    rows.setdefault(day, []).extend(found)
        return await asyncio.to_thread(_reading, rows, had, now)

    def _rows(self, page: UsagePage) -> list[tuple[date, list[UsageRecord]]]:
        return [(utc_day(bucket.starting_at), list(map(self._record, bucket.results))) for bucket in page.data]

    def _record(self, row: UsageResult) -> UsageRecord:
        return UsageRecord(
            workspace_id=row.workspace_id,
            model=row.model,
            service_tier=row.service_tier,
            grouped=tuple(getattr(row, dimension) for dimension in self.group_by),
            uncached_input=row.uncached_input_tokens,
            cache_read=row.cache_read_input_tokens,
            cache_write_5m=row.cache_creation.ephemeral_5m_input_tokens,
            cache_write_1h=row.cache_creation.ephemeral_1h_input_tokens,
            output=row.output_tokens,
            web_searches=row.server_tool_use.web_search_requests,
        )


def _reading(rows: Rows, had: Days, now: datetime) -> UsageReading:
    return UsageReading({day: PairedDay.of(found, now, had.get(day)) for day, found in rows.items()}, now)
