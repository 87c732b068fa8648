"""Billed cost by day, and of the current and the previous month.

API page: https://platform.claude.com/docs/en/api/admin/cost_report
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from exporter.api.client import Client, Request
from exporter.api.errors import ApiError
from exporter.api.pages import pages
from exporter.api.wire import CostPage, CostResult
from exporter.collectors.directory import Directory
from exporter.collectors.entitlement import Entitlement
from exporter.collectors.window import ONE_DAY, exposed_days, is_stale, rfc3339, through, utc_day
from exporter.metrics import NONE, Family, Metric, add_up, day_families, grouped, joined, label_text

REPORT = Request(
    "cost_report",
    "/v1/organizations/cost_report",
    (("bucket_width", "1d"), ("limit", "31"), ("group_by[]", "workspace_id"), ("group_by[]", "description")),
)
# A day without a row counts as reported, at zero, this long after its end.
REPORTED_AFTER = timedelta(hours=72)
# The API refuses windows without a complete day; three cover the days that may still be unreported.
COMPLETE_DAYS = 3
CENTS = 100

TOKEN_TYPES = {
    "uncached_input_tokens": "uncached_input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}


class CostRecord(NamedTuple):
    """A row of one day; the amount is in cents."""

    workspace_id: str | None
    cost_type: str
    model: str
    token_type: str
    service_tier: str
    cents: Decimal


@dataclass(frozen=True)
class CostReading:
    """The days from `first` on that have rows, the newest reported day, and when what was read."""

    first: date
    days: Mapping[date, Sequence[CostRecord]]
    reported_through: date
    read_at: datetime
    whole_read_at: datetime

    def is_reported(self, day: date) -> bool:
        return self.first <= day <= self.reported_through


METRICS: tuple[Metric[CostRecord], ...] = (
    Metric(
        "anthropic_cost_usd",
        "Billed cost in US dollars of the UTC day that lies days_ago days back, as far as the API has reported it, "
        "without Priority Tier, which the report leaves out; refreshed in the background, not at the scrape.",
        "amount",
        lambda record: (((), record.cents),),
        divisor=CENTS,
    ),
)
MONTH_TO_DATE: Metric[CostRecord] = Metric(
    "anthropic_cost_month_to_date_usd",
    "Billed cost in US dollars of the current UTC month over the days that the API has reported, "
    "without Priority Tier, which the report leaves out; refreshed in the background, not at the scrape.",
    "amount",
    lambda record: (((), record.cents),),
    divisor=CENTS,
)
PREVIOUS_MONTH: Metric[CostRecord] = Metric(
    "anthropic_cost_previous_month_usd",
    "Billed cost in US dollars of the whole UTC month before the current one, absent until all its days are reported, "
    "without Priority Tier, which the report leaves out; refreshed in the background, not at the scrape.",
    "amount",
    lambda record: (((), record.cents),),
    divisor=CENTS,
)


@dataclass(frozen=True)
class CostCollector:
    """Re-reads the exposed window at every refresh, and the two months hourly: the API revises its buckets."""

    client: Client
    interval_seconds: float
    days: int
    prefix: str = ""
    entitlement: Entitlement = field(default_factory=Entitlement)
    name: str = "cost"
    source: str = "legacy"
    uses_names: bool = True

    async def refresh(self, previous: CostReading | None, now: datetime) -> CostReading:
        """The days of the window and of both months. Raises `ApiError`, `NotEntitled`."""
        return await self.entitlement.attempt(REPORT.endpoint, partial(self._read, previous, now), now)

    def families(self, reading: CostReading, today: date, directory: Directory) -> Iterator[Family]:
        days = {day: reading.days.get(day, ()) for day in exposed_days(today, self.days) if reading.is_reported(day)}
        yield from day_families(
            METRICS, days, partial(_text, directory), today=today, prefix=self.prefix, zero_fill=True
        )
        current = month_of(today)
        previous = month_of(current - ONE_DAY)
        to_date = [day for day in _days(current, today) if reading.is_reported(day)]
        yield self._month(MONTH_TO_DATE, reading, to_date, directory)
        whole = list(_days(previous, current - ONE_DAY))
        if all(map(reading.is_reported, whole)):
            yield self._month(PREVIOUS_MONTH, reading, whole, directory)

    def data_through(self, reading: CostReading) -> datetime | None:
        return through(reading.days, reading.read_at)

    def _month(
        self, metric: Metric[CostRecord], reading: CostReading, days: Iterable[date], directory: Directory
    ) -> Family:
        records = (record for day in days for record in reading.days.get(day, ()))
        sums = add_up(metric, grouped(records, partial(_workspace_text, directory)))
        return Family(metric.name, metric.help, [(self.prefix, sums)], metric.divisor)

    async def _read(self, previous: CostReading | None, now: datetime) -> CostReading:
        today = utc_day(now)
        window_start = today - timedelta(days=max(self.days - 1, COMPLETE_DAYS))
        oldest = min(window_start, month_of(month_of(today) - ONE_DAY))
        days: dict[date, Sequence[CostRecord]] = {}
        if previous is None or previous.first > oldest or is_stale(previous.whole_read_at, now):
            first, whole_read_at = oldest, now
        else:
            first, whole_read_at = window_start, previous.whole_read_at
            days |= {day: rows for day, rows in previous.days.items() if oldest <= day < window_start}
        try:
            days |= await self._fetch(first, today)
        except ApiError as error:
            if not _is_too_recent(error):
                raise
            days |= await self._fetch(first, today - ONE_DAY)
        return CostReading(oldest, days, _reported_through(days, now), now, whole_read_at)

    async def _fetch(self, first: date, last: date) -> dict[date, list[CostRecord]]:
        request = REPORT.having(("starting_at", rfc3339(first)), ("ending_at", rfc3339(last + ONE_DAY)))
        days: dict[date, list[CostRecord]] = {}
        async for page in pages(self.client, request, CostPage):
            for bucket in page.data:
                day = utc_day(bucket.starting_at)
                if bucket.results and first <= day <= last:
                    days.setdefault(day, []).extend(map(_record, bucket.results))
        return days


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _reported_through(days: Mapping[date, Sequence[CostRecord]], now: datetime) -> date:
    """The newest day with a row, or that ended 72 hours ago."""
    return max([*days, utc_day(now - REPORTED_AFTER) - ONE_DAY])


def _is_too_recent(error: ApiError) -> bool:
    """Whether the report refuses a window for its current day, which it may not have begun to report."""
    return error.status == HTTPStatus.BAD_REQUEST and "date range" in error.message.lower()


def _record(row: CostResult) -> CostRecord:
    return CostRecord(
        workspace_id=row.workspace_id,
        cost_type=row.cost_type or NONE,
        model=row.model or NONE,
        token_type=TOKEN_TYPES.get(row.token_type, row.token_type) if row.token_type else NONE,
        service_tier=row.service_tier or NONE,
        cents=Decimal(row.amount),
    )


def _text(directory: Directory, record: CostRecord) -> str:
    return joined(
        _workspace_text(directory, record),
        label_text(
            [
                ("cost_type", record.cost_type),
                ("model", record.model),
                ("token_type", record.token_type),
                ("service_tier", record.service_tier),
            ]
        ),
    )


def _workspace_text(directory: Directory, record: CostRecord) -> str:
    workspace, workspace_id = directory.workspace(record.workspace_id)
    return label_text([("workspace", workspace), ("workspace_id", workspace_id)])
