"""The messages usage report by the minute, for the busiest one of the last hour.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from sys import intern

import structlog

from exporter.api.client import Client
from exporter.api.endpoints import SPEED_BETA, USAGE
from exporter.api.errors import ApiError
from exporter.api.pages import pages
from exporter.api.shapes.usage import UsagePage, UsageResult
from exporter.contract.days import ONE_HOUR, utc_minute
from exporter.contract.labels import NONE
from exporter.contract.peaks import MinuteRecord, Minutes
from exporter.sources import speed
from exporter.sources.windows import minutes_window

log = structlog.get_logger()

LIMIT = ("limit", "60")
STANDARD_TIER = ("service_tiers[]", "standard")
FAST = "fast"


@dataclass
class MinutesOfUsage:
    """Whether a request was fast is asked for until the API refuses to tell."""

    client: Client
    tells_speed: bool = True

    async def last_hour(self, now: datetime) -> Minutes:
        """Its complete minutes by their start, those without any row too. Raises `ApiError`."""
        try:
            return await self._read(now)
        except ApiError as error:
            if not (self.tells_speed and speed.is_refused(error)):
                raise
            self.tells_speed = False
            log.warning(
                "the API does not tell fast requests from others; they count as standard ones in the busiest minute",
                endpoint=error.endpoint,
                status=error.status,
                request_id=error.request_id,
                message=error.message,
            )
            return await self._read(now)

    async def _read(self, now: datetime) -> Minutes:
        end = utc_minute(now)
        request = USAGE.request(
            *minutes_window(end - ONE_HOUR, end),
            ("group_by[]", "model"),
            *([("group_by[]", "speed")] if self.tells_speed else []),
            STANDARD_TIER,
            LIMIT,
            betas=(SPEED_BETA,) if self.tells_speed else (),
        )
        minutes: dict[datetime, list[MinuteRecord]] = {}
        async for of_page in pages(self.client, request, USAGE.shape, made=_rows):
            for start, rows in of_page:
                if end - ONE_HOUR <= start < end:
                    minutes.setdefault(start, []).extend(rows)
        return minutes


def _rows(page: UsagePage) -> list[tuple[datetime, list[MinuteRecord]]]:
    return [(utc_minute(bucket.starting_at), list(map(_record, bucket.results))) for bucket in page.data]


def _record(row: UsageResult) -> MinuteRecord:
    return MinuteRecord(
        model=intern(row.model or NONE),
        is_fast=None if row.speed is None else row.speed == FAST,
        uncached_input=row.uncached_input_tokens,
        cache_read=row.cache_read_input_tokens,
        cache_write=row.cache_creation.ephemeral_5m_input_tokens + row.cache_creation.ephemeral_1h_input_tokens,
        output=row.output_tokens,
    )
