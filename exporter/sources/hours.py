"""The messages usage report by the hour.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from sys import intern

from exporter.api.client import Client
from exporter.api.endpoints import USAGE, AnyEndpoint
from exporter.api.pages import pages
from exporter.api.shapes.usage import UsagePage, UsageResult
from exporter.contract.days import ONE_HOUR, exposed_hours, utc_hour
from exporter.contract.hours import HourRecord, HoursReading
from exporter.contract.zeros import PairedDay
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.windows import hours_window, is_stale, page_limit

OPEN_HOURS = 3  # that are read at each refresh; older ones hourly
FIRST_BUCKETS, MOST_BUCKETS = 24, 168
BASE_DIMENSIONS = ("workspace_id",)

Hours = Mapping[datetime, PairedDay[HourRecord]]
Rows = dict[datetime, list[HourRecord]]


@dataclass(frozen=True)
class HoursSource:
    client: Client
    hours: int
    group_by: tuple[str, ...] = ()
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "hours"
    generation: str = "legacy"
    rank: int = 3
    endpoints: tuple[AnyEndpoint, ...] = (USAGE,)

    async def read(self, previous: HoursReading | None, now: datetime) -> Outcome[HoursReading]:
        """The buckets of the window. Raises `ApiError`."""
        return await self.entitlement.outcome(USAGE.name, partial(self._read, previous, now), now)

    def data_through(self, reading: HoursReading) -> datetime | None:
        newest = max((start for start, held in reading.hours.items() if held.rows), default=None)
        return min(newest + ONE_HOUR, reading.read_at) if newest else None

    async def _read(self, previous: HoursReading | None, now: datetime) -> HoursReading:
        wanted = exposed_hours(utc_hour(now), self.hours)
        had: Hours = previous.hours if previous else {}
        read_at = previous.hours_read_at if previous else {}
        are_closed_due = any(start not in read_at or is_stale(read_at[start], now) for start in wanted[OPEN_HOURS:])
        first = wanted[-1] if are_closed_due else wanted[:OPEN_HOURS][-1]
        request = USAGE.request(
            *hours_window(first, wanted[0]),
            *(("group_by[]", dimension) for dimension in (*BASE_DIMENSIONS, *self.group_by)),
            page_limit([len(hour.rows) for hour in had.values()], FIRST_BUCKETS, MOST_BUCKETS),
        )
        rows: Rows = {}
        async for of_page in pages(self.client, request, USAGE.shape, made=_rows):
            for start, found in of_page:
                if first <= start <= wanted[0]:
                    rows.setdefault(start, []).extend(found)
        found_hours = await asyncio.to_thread(_hours, rows, had, now)
        kept = {start: held for start, held in had.items() if wanted[-1] <= start < first}
        times = {start: read_at[start] for start in kept} | dict.fromkeys(found_hours, now)
        return HoursReading({**kept, **found_hours}, times, now)


def _rows(page: UsagePage) -> list[tuple[datetime, list[HourRecord]]]:
    return [(utc_hour(bucket.starting_at), list(map(_record, bucket.results))) for bucket in page.data]


def _record(row: UsageResult) -> HourRecord:
    """A week of rows repeats few texts, each of which is held once."""
    return HourRecord(
        workspace_id=row.workspace_id and intern(row.workspace_id),
        model=row.model and intern(row.model),
        tokens=row.tokens,
    )


def _hours(rows: Rows, had: Hours, now: datetime) -> dict[datetime, PairedDay[HourRecord]]:
    return {start: PairedDay.of(found, now, had.get(start)) for start, found in rows.items()}
