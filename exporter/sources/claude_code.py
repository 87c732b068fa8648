"""The Claude Code analytics report, a day at a time.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_claude_code
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from exporter.api.client import Client
from exporter.api.endpoints import CLAUDE_CODE, AnyEndpoint
from exporter.api.pages import pages
from exporter.api.shapes.claude_code import ClaudeCodePage
from exporter.contract.activity import Activity
from exporter.contract.claude_code import (
    ActivityFold,
    ClaudeCodeDay,
    ClaudeCodeReading,
    FoldedRows,
    shows_names,
)
from exporter.contract.days import ONE_DAY, exposed_days, midnight, through, utc_day
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.windows import is_stale

DAYS_AT_ONCE = 4

Rows = Sequence[Activity]

T = TypeVar("T")


@dataclass(frozen=True)
class ClaudeCodeSource:
    """Re-reads today and yesterday at every refresh, older days hourly. The newest `actor_days` keep their rows."""

    client: Client
    days: int
    actor_days: int
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "claude_code"
    generation: str = "admin"
    endpoints: tuple[AnyEndpoint, ...] = (CLAUDE_CODE,)

    async def read(self, previous: ClaudeCodeReading | None, now: datetime) -> Outcome[ClaudeCodeReading]:
        """The days of the window. Raises `ApiError`."""
        return await self.entitlement.outcome(CLAUDE_CODE.name, partial(self._read, previous, now), now)

    def data_through(self, reading: ClaudeCodeReading) -> datetime | None:
        return through(reading.days, reading.read_at)

    async def _read(self, previous: ClaudeCodeReading | None, now: datetime) -> ClaudeCodeReading:
        today = utc_day(now)
        window = exposed_days(today, self.days)
        had = {day: held for day, held in (previous.days if previous else {}).items() if day in window}
        read_at = previous.days_read_at if previous else {}
        due = [day for day in window if day not in had or self._is_due(day, had[day], read_at[day], now)]
        kept = await asyncio.to_thread(self._held, {day: had[day] for day in window if day not in due}, today)
        found = await self._fetch(due, today)
        days = kept | await asyncio.to_thread(_days, found, had, now)
        return ClaudeCodeReading(days, {day: now if day in due else read_at[day] for day in days}, now)

    def _has_names(self, day: date, today: date) -> bool:
        return shows_names(day, today, self.actor_days)

    def _is_due(self, day: date, held: ClaudeCodeDay, read_at: datetime, now: datetime) -> bool:
        today = utc_day(now)
        lacks_names = isinstance(held.rows, FoldedRows) and self._has_names(day, today)
        return day >= today - ONE_DAY or lacks_names or is_stale(read_at, now)

    def _held(self, days: Mapping[date, ClaudeCodeDay], today: date) -> dict[date, ClaudeCodeDay]:
        """Without the rows of days that have no names any more."""
        return {day: held if self._has_names(day, today) else held.without_names() for day, held in days.items()}

    async def _fetch(self, days: Iterable[date], today: date) -> dict[date, Rows | FoldedRows]:
        at_once = asyncio.Semaphore(DAYS_AT_ONCE)

        async def fetch(day: date) -> Rows | FoldedRows:
            async with at_once:
                return await (self._fetch_day(day) if self._has_names(day, today) else self._fetch_folded(day))

        try:
            async with asyncio.TaskGroup() as group:
                tasks = {day: group.create_task(fetch(day)) for day in days}
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return {day: task.result() for day, task in tasks.items()}

    async def _fetch_day(self, day: date) -> Rows:
        return [row async for rows in self._pages(day, lambda rows: rows) for row in rows]

    async def _fetch_folded(self, day: date) -> FoldedRows:
        """Page by page: the rows of an old day are never held all at once."""
        fold = ActivityFold()
        async for _ in self._pages(day, fold.add):
            pass
        return await asyncio.to_thread(fold.rows)

    def _pages(self, day: date, made: Callable[[Rows], T]) -> AsyncIterator[T]:
        start = midnight(day)

        def of_page(page: ClaudeCodePage) -> T:
            return made([row for row in page.data if row.date == start or utc_day(row.date) == day])

        request = CLAUDE_CODE.request(("starting_at", day.isoformat()))
        return pages(self.client, request, CLAUDE_CODE.shape, made=of_page)


def _days(
    found: Mapping[date, Rows | FoldedRows], had: Mapping[date, ClaudeCodeDay], now: datetime
) -> dict[date, ClaudeCodeDay]:
    return {day: ClaudeCodeDay.of(rows, now, had.get(day)) for day, rows in found.items()}
