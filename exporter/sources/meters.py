"""The messages usage report by all that a price may depend on, for the nowcast.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from sys import intern

import structlog

from exporter.api.client import Client
from exporter.api.endpoints import SPEED_BETA, USAGE, AnyEndpoint
from exporter.api.errors import ApiError
from exporter.api.pages import pages
from exporter.api.shapes.usage import UsagePage, UsageResult
from exporter.contract.days import Day, exposed_days, through, utc_day
from exporter.contract.labels import NONE
from exporter.contract.nowcast import Meter, MeterReading
from exporter.contract.state import State
from exporter.sources import Outcome, speed
from exporter.sources.entitlement import Entitlement
from exporter.sources.windows import MOST_BUCKETS, is_stale, page_limit, window

# Days 3 to 9 are judged with the prices of seven days that were complete two days earlier.
DAYS = 18
OPEN_DAYS = 2  # that are read at each refresh; older ones hourly, for nothing is used on them any more
BASE_DIMENSIONS = ("workspace_id", "model", "service_tier", "inference_geo")
STANDARD = "standard"

Rows = dict[date, list[Meter]]

log = structlog.get_logger()


@dataclass
class Speeds:
    """Whether the API tells fast from standard traffic: it does until it has shown that it does not."""

    are_told: bool = True

    def give_up(self) -> None:
        self.are_told = False
        log.warning(
            "the usage report does not tell fast traffic from standard: the nowcast goes on without",
            collector="nowcast",
        )


@dataclass(frozen=True)
class MeterSource:
    """`cost` is how the cost report is doing: where it is not served, there is nothing to learn prices from."""

    client: Client
    cost: Callable[[], State]
    entitlement: Entitlement = field(default_factory=Entitlement)
    speeds: Speeds = field(default_factory=Speeds)
    collector: str = "nowcast"
    generation: str = ""
    rank: int = 1
    endpoints: tuple[AnyEndpoint, ...] = (USAGE,)

    async def read(self, previous: MeterReading | None, now: datetime) -> Outcome[MeterReading]:
        """The newest days. Raises `ApiError`."""
        outcome = await self.entitlement.outcome(USAGE.name, partial(self._read, previous, now), now)
        cost = self.cost()
        return outcome if cost.available else Outcome(None, is_served=False, unserved=cost.unserved)

    def data_through(self, reading: MeterReading) -> datetime | None:
        return through(reading.days, reading.read_at)

    async def _read(self, previous: MeterReading | None, now: datetime) -> MeterReading:
        today = utc_day(now)
        days = exposed_days(today, DAYS)
        had = previous.days if previous else {}
        read_at = previous.days_read_at if previous else {}
        are_closed_due = any(day not in read_at or is_stale(read_at[day], now) for day in days[OPEN_DAYS:])
        first = days[-1] if are_closed_due else days[OPEN_DAYS - 1]
        rows = await self._fetch(first, today, had)
        if rows is None:
            self.speeds.give_up()
            first = days[-1]
            rows = await self._fetch(first, today, had) or {}
        found = await asyncio.to_thread(_days, rows, had, now)
        kept = {day: held for day, held in had.items() if days[-1] <= day < first}
        times = {day: read_at[day] for day in kept} | dict.fromkeys(found, now)
        return MeterReading({**kept, **found}, times, now)

    async def _fetch(self, first: date, today: date, had: Mapping[date, Day[Meter]]) -> Rows | None:
        """None where it shows that the API does not tell speeds."""
        told = self.speeds.are_told
        request = USAGE.request(
            *window(first, today),
            *(("group_by[]", name) for name in (*BASE_DIMENSIONS, "speed" if told else "context_window")),
            page_limit([len(day.rows) for day in had.values()], MOST_BUCKETS),
            betas=(SPEED_BETA,) if told else (),
        )
        rows: Rows = {}
        has_speed = False
        try:
            async for of_page, page_has_speed in pages(
                self.client, request, USAGE.shape, made=partial(_rows, told=told)
            ):
                has_speed = has_speed or page_has_speed
                for day, found in of_page:
                    if first <= day <= today:
                        rows.setdefault(day, []).extend(found)
        except ApiError as error:
            if told and speed.is_refused(error):
                return None
            raise
        return None if told and any(rows.values()) and not has_speed else rows


def _rows(page: UsagePage, *, told: bool) -> tuple[list[tuple[date, list[Meter]]], bool]:
    """The page's rows by day, and whether any of them has a speed."""
    found = [(utc_day(bucket.starting_at), [_meter(row, told=told) for row in bucket.results]) for bucket in page.data]
    return found, any(row.speed is not None for bucket in page.data for row in bucket.results)


def _meter(row: UsageResult, *, told: bool) -> Meter:
    """Eighteen days of rows repeat few texts, each of which is held once."""
    return Meter(
        workspace_id=intern(row.workspace_id or ""),
        model=intern(row.model or NONE),
        service_tier=intern(row.service_tier or NONE),
        inference_geo=intern(row.inference_geo or NONE),
        context_window="" if told else intern(row.context_window or NONE),
        speed=intern(row.speed or STANDARD) if told else STANDARD,
        tokens=row.tokens,
        web_searches=row.server_tool_use.web_search_requests,
    )


def _days(rows: Rows, had: Mapping[date, Day[Meter]], now: datetime) -> dict[date, Day[Meter]]:
    return {day: Day.of(found, now, had.get(day)) for day, found in rows.items()}
