"""The legacy cost report.

API page: https://platform.claude.com/docs/en/api/admin/cost_report
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from sys import intern

from exporter.api.client import Client
from exporter.api.endpoints import COST, AnyEndpoint
from exporter.api.errors import ApiError
from exporter.api.pages import pages
from exporter.api.shapes.cost import CostPage, CostResult
from exporter.contract.activity import Told
from exporter.contract.cost import COMPLETE_AFTER, CostReading, CostRecord, oldest_day, window_start
from exporter.contract.days import ONE_DAY, through, utc_day
from exporter.contract.labels import NONE
from exporter.contract.zeros import PairedDay
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.windows import MOST_BUCKETS, is_stale, page_limit, window

TOKEN_TYPES = {
    "uncached_input_tokens": "uncached_input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}

Days = Mapping[date, PairedDay[CostRecord]]
Rows = dict[date, list[CostRecord]]


@dataclass(frozen=True)
class CostSource:
    """Re-reads the exposed window at every refresh, and the two months hourly: the API revises its buckets."""

    client: Client
    days: int
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "cost"
    generation: str = "legacy"
    rank: int = 0
    endpoints: tuple[AnyEndpoint, ...] = (COST,)

    async def read(self, previous: CostReading | None, now: datetime) -> Outcome[CostReading]:
        """The days of the window and of both months. Raises `ApiError`."""
        return await self.entitlement.outcome(COST.name, partial(self._read, previous, now), now)

    def data_through(self, reading: CostReading) -> datetime | None:
        return through(reading.days, reading.read_at)

    async def _read(self, previous: CostReading | None, now: datetime) -> CostReading:
        today = utc_day(now)
        start, oldest = window_start(today, self.days), oldest_day(today, self.days)
        had: Days = previous.days if previous else {}
        kept: Days = {}
        if previous is None or previous.first > oldest or is_stale(previous.whole_read_at, now):
            first, whole_read_at = oldest, now
        else:
            first, whole_read_at = start, previous.whole_read_at
            kept = {day: held for day, held in had.items() if oldest <= day < start}
        rows = await self._fetch(first, today, had)
        days = {**kept, **await asyncio.to_thread(_days, rows, had, now)}
        return CostReading(oldest, days, _reported_through(days, now), now, whole_read_at)

    async def _fetch(self, first: date, today: date, had: Days) -> Rows:
        limit = page_limit([len(held.rows) for held in had.values()], MOST_BUCKETS)
        try:
            return await self._fetch_through(first, today, limit)
        except ApiError as error:
            if not _is_too_recent(error):
                raise
            return await self._fetch_through(first, today - ONE_DAY, limit)

    async def _fetch_through(self, first: date, last: date, limit: tuple[str, str]) -> Rows:
        rows: Rows = {}
        async for of_page in pages(self.client, COST.request(*window(first, last), limit), COST.shape, made=_rows):
            for day, found in of_page:
                if found and first <= day <= last:
                    rows.setdefault(day, []).extend(found)
        return rows


def _days(rows: Rows, had: Days, now: datetime) -> Days:
    return {day: PairedDay.of(found, now, had.get(day)) for day, found in rows.items()}


def _reported_through(days: Iterable[date], now: datetime) -> date:
    """The newest day with a row, or that ended 72 hours ago."""
    return max([*days, utc_day(now - COMPLETE_AFTER) - ONE_DAY])


def _is_too_recent(error: ApiError) -> bool:
    """Whether the report refuses a window for its current day, which it may not have begun to report."""
    return error.status == HTTPStatus.BAD_REQUEST and "date range" in error.message.lower()


def _rows(page: CostPage) -> list[tuple[date, list[CostRecord]]]:
    return [(utc_day(bucket.starting_at), list(map(_record, bucket.results))) for bucket in page.data]


def _record(row: CostResult) -> CostRecord:
    """Two months of rows repeat few texts, each of which is held once."""
    return CostRecord(
        workspace_id=row.workspace_id and intern(row.workspace_id),
        cost_type=intern(row.cost_type or NONE),
        model=intern(row.model or NONE),
        token_type=intern(TOKEN_TYPES.get(row.token_type, row.token_type) if row.token_type else NONE),
        service_tier=intern(row.service_tier or NONE),
        inference_geo=_told(row.inference_geo),
        context_window=_told(row.context_window),
        cents=Decimal(row.amount),
    )


def _told(value: Told) -> str:
    return NONE if value is None else intern(str(value))
