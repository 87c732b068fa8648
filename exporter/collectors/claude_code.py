"""Claude Code activity by day, actor and terminal: how it is fetched.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_claude_code
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

from exporter.api.client import Client, Request
from exporter.api.pages import pages
from exporter.api.wire import ClaudeCodePage, ClaudeCodeRecord
from exporter.collectors.activity import (
    ACTIVE_ACTORS_HELP,
    ACTIVE_ACTORS_NAME,
    METRICS,
    Fold,
    FoldedDay,
    active_actors,
    folded,
    text_of,
)
from exporter.collectors.directory import Directory
from exporter.collectors.entitlement import Entitlement
from exporter.collectors.window import ONE_DAY, exposed_days, is_stale, through, utc_day
from exporter.metrics import Family, day_families, day_label, joined

REPORT = Request("usage_report/claude_code", "/v1/organizations/usage_report/claude_code", (("limit", "1000"),))
DAYS_AT_ONCE = 4

Records = Sequence[ClaudeCodeRecord]


@dataclass(frozen=True)
class ClaudeCodeDay:
    """All rows of a day, or the day without its actors; and when the refresh that read it began."""

    content: Records | FoldedDay
    read_at: datetime

    @property
    def has_rows(self) -> bool:
        return self.content.has_rows if isinstance(self.content, FoldedDay) else bool(self.content)

    def folded(self) -> FoldedDay:
        return self.content if isinstance(self.content, FoldedDay) else folded(self.content)


@dataclass(frozen=True)
class ClaudeCodeReading:
    days: Mapping[date, ClaudeCodeDay]
    read_at: datetime


@dataclass(frozen=True)
class ClaudeCodeCollector:
    """Re-reads today and yesterday at every refresh, older days hourly. The newest `actor_days` have actors by name."""

    client: Client
    interval_seconds: float
    days: int
    actor_days: int
    prefix: str = ""
    entitlement: Entitlement = field(default_factory=Entitlement)
    name: str = "claude_code"
    source: str = "admin"
    uses_names: bool = False

    async def refresh(self, previous: ClaudeCodeReading | None, now: datetime) -> ClaudeCodeReading:
        """The days of the window. Raises `ApiError`, `NotEntitled`."""
        return await self.entitlement.attempt(REPORT.endpoint, partial(self._read, previous, now), now)

    def families(self, reading: ClaudeCodeReading, today: date, directory: Directory) -> Iterator[Family]:  # noqa: ARG002  no names
        named: dict[date, Records] = {}
        nameless: dict[date, FoldedDay] = {}
        for day, held in self._exposed(reading, today):
            if isinstance(held.content, FoldedDay) or not self._has_names(day, today):
                nameless[day] = held.folded()
            else:
                named[day] = held.content
        totals = {day: content.sums for day, content in nameless.items()}
        yield from day_families(
            METRICS, named, text_of, today=today, prefix=self.prefix, zero_fill=False, totals=totals
        )
        counts = {day: active_actors(records) for day, records in named.items()}
        counts |= {day: content.active_actors for day, content in nameless.items()}
        groups = [(joined(self.prefix, day_label(day, today)), counts[day]) for day in sorted(counts, reverse=True)]
        yield Family(ACTIVE_ACTORS_NAME, ACTIVE_ACTORS_HELP, groups)

    def data_through(self, reading: ClaudeCodeReading) -> datetime | None:
        return through((day for day, held in reading.days.items() if held.has_rows), reading.read_at)

    def _exposed(self, reading: ClaudeCodeReading, today: date) -> Iterator[tuple[date, ClaudeCodeDay]]:
        return ((day, reading.days[day]) for day in exposed_days(today, self.days) if day in reading.days)

    def _has_names(self, day: date, today: date) -> bool:
        return (today - day).days < self.actor_days

    def _is_due(self, day: date, held: ClaudeCodeDay, now: datetime) -> bool:
        today = utc_day(now)
        lacks_names = isinstance(held.content, FoldedDay) and self._has_names(day, today)
        return day >= today - ONE_DAY or lacks_names or is_stale(held.read_at, now)

    async def _read(self, previous: ClaudeCodeReading | None, now: datetime) -> ClaudeCodeReading:
        today = utc_day(now)
        days = {
            day: held if self._has_names(day, today) else replace(held, content=await asyncio.to_thread(held.folded))
            for day, held in (self._exposed(previous, today) if previous else ())
            if not self._is_due(day, held, now)
        }
        due = [day for day in exposed_days(today, self.days) if day not in days]
        contents = await self._fetch(due, today)
        return ClaudeCodeReading(days | {day: ClaudeCodeDay(content, now) for day, content in contents.items()}, now)

    async def _fetch(self, days: Iterable[date], today: date) -> dict[date, Records | FoldedDay]:
        at_once = asyncio.Semaphore(DAYS_AT_ONCE)

        async def fetch(day: date) -> Records | FoldedDay:
            async with at_once:
                return await (self._fetch_day(day) if self._has_names(day, today) else self._fetch_folded(day))

        try:
            async with asyncio.TaskGroup() as group:
                tasks = {day: group.create_task(fetch(day)) for day in days}
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return {day: task.result() for day, task in tasks.items()}

    async def _fetch_day(self, day: date) -> Records:
        return [record async for records in self._pages(day) for record in records]

    async def _fetch_folded(self, day: date) -> FoldedDay:
        """Page by page: the rows of an old day are never held all at once."""
        fold = Fold()
        async for records in self._pages(day):
            await asyncio.to_thread(fold.add, records)
        return fold.day()

    async def _pages(self, day: date) -> AsyncIterator[Records]:
        request = REPORT.having(("starting_at", day.isoformat()))
        async for page in pages(self.client, request, ClaudeCodePage):
            yield [record for record in page.data if utc_day(record.date) == day]
