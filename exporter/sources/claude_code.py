"""The Claude Code analytics report, a day at a time.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_claude_code
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import TypeVar, cast

from exporter.api.client import Client
from exporter.api.endpoints import CLAUDE_CODE, AnyEndpoint
from exporter.api.pages import pages
from exporter.api.shapes.claude_code import ClaudeCodePage, ClaudeCodeRow
from exporter.contract.activity import Activity, ReadPage
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
Known = dict[bytes, ClaudeCodePage]
Found = tuple[Rows | FoldedRows, tuple[ReadPage, ...]]

T = TypeVar("T")


@dataclass(frozen=True)
class ClaudeCodeSource:
    """Re-reads today and yesterday at every refresh, older days hourly. The newest `actor_days` keep their rows."""

    client: Client
    days: int
    actor_days: int
    group_by: tuple[str, ...] = ()
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "claude_code"
    generation: str = "admin"
    rank: int = 0
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
        known = {day: _known(had[day], previous.pages.get(day, ())) for day in due if day in had} if previous else {}
        found = await self._fetch(due, today, known)
        rows = {day: rows for day, (rows, _) in found.items()}
        days = kept | await asyncio.to_thread(_days, rows, had, now, self.group_by)
        pages_read = {**(previous.pages if previous else {}), **{day: read for day, (_, read) in found.items()}}
        return ClaudeCodeReading(
            days,
            {day: now if day in due else read_at[day] for day in days},
            now,
            {day: pages_read.get(day, ()) for day in days},
        )

    def _has_names(self, day: date, today: date) -> bool:
        return shows_names(day, today, self.actor_days)

    def _is_due(self, day: date, held: ClaudeCodeDay, read_at: datetime, now: datetime) -> bool:
        today = utc_day(now)
        lacks_names = isinstance(held.rows, FoldedRows) and self._has_names(day, today)
        return day >= today - ONE_DAY or lacks_names or is_stale(read_at, now)

    def _held(self, days: Mapping[date, ClaudeCodeDay], today: date) -> dict[date, ClaudeCodeDay]:
        """Without the rows of days that have no names any more."""
        return {day: held if self._has_names(day, today) else held.without_names() for day, held in days.items()}

    async def _fetch(self, days: Iterable[date], today: date, known: Mapping[date, Known]) -> dict[date, Found]:
        at_once = asyncio.Semaphore(DAYS_AT_ONCE)

        async def fetch(day: date) -> Found:
            async with at_once:
                if self._has_names(day, today):
                    return await self._fetch_day(day, known.get(day, {}))
                return await self._fetch_folded(day), ()

        try:
            async with asyncio.TaskGroup() as group:
                tasks = {day: group.create_task(fetch(day)) for day in days}
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return {day: task.result() for day, task in tasks.items()}

    async def _fetch_day(self, day: date, known: Known) -> tuple[Rows, tuple[ReadPage, ...]]:
        of_pages = [rows async for rows in self._pages(day, lambda rows: rows, known)]
        read = zip(known.items(), of_pages, strict=True)
        return (
            [row for rows in of_pages for row in rows],
            tuple(
                # Where rows of other days are left out, the page cannot be made again of what is kept.
                ReadPage(digest if len(rows) == len(page.data) else b"", page.has_more, page.next_page, len(rows))
                for (digest, page), rows in read
            ),
        )

    async def _fetch_folded(self, day: date) -> FoldedRows:
        """Page by page: the rows of an old day are never held all at once."""
        fold = ActivityFold(self.group_by)
        async for _ in self._pages(day, fold.add):
            pass
        return await asyncio.to_thread(fold.rows)

    def _pages(self, day: date, made: Callable[[Rows], T], known: Known | None = None) -> AsyncIterator[T]:
        start = midnight(day)

        def of_page(page: ClaudeCodePage) -> T:
            return made([row for row in page.data if row.date == start or utc_day(row.date) == day])

        request = CLAUDE_CODE.request(("starting_at", day.isoformat()))
        return pages(self.client, request, CLAUDE_CODE.shape, made=of_page, known=known)


def _known(held: ClaudeCodeDay, read: Iterable[ReadPage]) -> Known:
    """The day's pages as they were read last, by their digests."""
    if isinstance(held.rows, FoldedRows):
        return {}
    rows = iter(held.rows)
    return {
        page.digest: ClaudeCodePage(
            has_more=page.has_more,
            next_page=page.next_page,
            data=cast("list[ClaudeCodeRow]", list(islice(rows, page.rows))),  # as they came
        )
        for page in read
    }


def _days(
    found: Mapping[date, Rows | FoldedRows],
    had: Mapping[date, ClaudeCodeDay],
    now: datetime,
    group_by: tuple[str, ...],
) -> dict[date, ClaudeCodeDay]:
    return {day: ClaudeCodeDay.of(rows, now, had.get(day), group_by) for day, rows in found.items()}
