"""Tokens and web searches of the API, by day.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

from exporter.api.client import Client, Request
from exporter.api.pages import pages
from exporter.api.wire import UsagePage, UsageResult
from exporter.collectors.directory import Directory, named
from exporter.collectors.entitlement import Entitlement
from exporter.collectors.window import ONE_DAY, exposed_days, rfc3339, through, utc_day
from exporter.metrics import NONE, Family, Metric, Number, Sample, day_families, label_text

REPORT = Request(
    "usage_report/messages", "/v1/organizations/usage_report/messages", (("bucket_width", "1d"), ("limit", "31"))
)
SPEED_BETA = "fast-mode-2026-02-01"
BASE_DIMENSIONS = ("workspace_id", "model", "service_tier")


class UsageRecord(NamedTuple):
    """A row of one day: dimensions as the API names them, tokens and searches as counts."""

    workspace_id: str | None
    model: str | None
    service_tier: str | None
    grouped: tuple[str | None, ...]
    uncached_input: Number
    cache_read: Number
    cache_write_5m: Number
    cache_write_1h: Number
    output: Number
    web_searches: Number


@dataclass(frozen=True)
class UsageReading:
    """The reported days, and when the refresh that read them began."""

    days: Mapping[date, Sequence[UsageRecord]]
    read_at: datetime


def _tokens(record: UsageRecord) -> Iterable[Sample]:
    return (
        (("uncached_input",), record.uncached_input),
        (("cache_read",), record.cache_read),
        (("cache_write_5m",), record.cache_write_5m),
        (("cache_write_1h",), record.cache_write_1h),
        (("output",), record.output),
    )


METRICS: tuple[Metric[UsageRecord], ...] = (
    Metric(
        "anthropic_usage_tokens",
        "Tokens of the UTC day that lies days_ago days back, as far as the API has reported them; "
        "refreshed in the background, not at the scrape.",
        "uncached_input_tokens, cache_read_input_tokens, cache_creation.ephemeral_5m_input_tokens, "
        "cache_creation.ephemeral_1h_input_tokens, output_tokens",
        _tokens,
        labels=("token_type",),
    ),
    Metric(
        "anthropic_usage_web_search_requests",
        "Server-side web searches of the UTC day that lies days_ago days back, as far as the API has reported them; "
        "refreshed in the background, not at the scrape.",
        "server_tool_use.web_search_requests",
        lambda record: (((), record.web_searches),),
    ),
)


@dataclass(frozen=True)
class UsageCollector:
    """Re-reads the whole window at every refresh: the API revises its buckets."""

    client: Client
    interval_seconds: float
    days: int
    group_by: tuple[str, ...] = ()
    prefix: str = ""
    entitlement: Entitlement = field(default_factory=Entitlement)
    name: str = "usage"
    source: str = "legacy"
    uses_names: bool = True

    async def refresh(self, previous: UsageReading | None, now: datetime) -> UsageReading:  # noqa: ARG002  read whole
        """The buckets of the window. Raises `ApiError`, `NotEntitled`."""
        return await self.entitlement.attempt(REPORT.endpoint, partial(self._read, now), now)

    def families(self, reading: UsageReading, today: date, directory: Directory) -> Iterable[Family]:
        days = {day: reading.days[day] for day in exposed_days(today, self.days) if day in reading.days}
        text_of = partial(self._text, directory)
        return day_families(METRICS, days, text_of, today=today, prefix=self.prefix, zero_fill=True)

    def data_through(self, reading: UsageReading) -> datetime | None:
        return through((day for day, rows in reading.days.items() if rows), reading.read_at)

    async def _read(self, now: datetime) -> UsageReading:
        today = utc_day(now)
        first = exposed_days(today, self.days)[-1]
        days: dict[date, list[UsageRecord]] = {}
        async for page in pages(self.client, self._request(first, today), UsagePage):
            for bucket in page.data:
                day = utc_day(bucket.starting_at)
                if first <= day <= today:
                    days.setdefault(day, []).extend(map(self._record, bucket.results))
        return UsageReading(days, now)

    def _request(self, first: date, last: date) -> Request:
        grouping = [("group_by[]", dimension) for dimension in (*BASE_DIMENSIONS, *self.group_by)]
        window = (("starting_at", rfc3339(first)), ("ending_at", rfc3339(last + ONE_DAY)))
        betas = (SPEED_BETA,) if "speed" in self.group_by else ()
        return Request(REPORT.endpoint, REPORT.path, (*REPORT.params, *window, *grouping), betas=betas)

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

    def _text(self, directory: Directory, record: UsageRecord) -> str:
        workspace, workspace_id = directory.workspace(record.workspace_id)
        labels = [
            ("workspace", workspace),
            ("workspace_id", workspace_id),
            ("model", record.model or NONE),
            ("service_tier", record.service_tier or NONE),
        ]
        for dimension, value in zip(self.group_by, record.grouped, strict=True):
            labels += _grouped_labels(dimension, value, directory)
        return label_text(labels)


def _grouped_labels(dimension: str, value: str | None, directory: Directory) -> list[tuple[str, str]]:
    """A dimension that `--usage.group-by` adds; one with a name carries its ID too."""
    match dimension:
        case "api_key_id":
            label, names = "api_key", directory.api_keys
        case "account_id":
            label, names = "actor", directory.users
        case "service_account_id":
            label, names = "service_account", directory.service_accounts
        case _:
            return [(dimension, value or NONE)]
    name, identifier = named(names, value)
    return [(label, name), (f"{label}_id", identifier)]
