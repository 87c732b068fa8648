"""`anthropic-exporter check`: asks each endpoint once and says what the key may see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from exporter.api.client import Client, Request
from exporter.api.errors import ApiError, Reason
from exporter.api.pages import decode
from exporter.api.wire import (
    ApiKeyPage,
    ClaudeCodePage,
    CostPage,
    IdPage,
    Me,
    Page,
    ServiceAccountPage,
    UsagePage,
    UserPage,
    WorkspacePage,
)
from exporter.collectors import claude_code, cost, organization, usage
from exporter.collectors.window import ONE_DAY, rfc3339, utc_day

HEADINGS = ("ENDPOINT", "ENTITLED", "NEWEST DATA", "ROWS", "SECONDS", "MESSAGE")
WEEK = timedelta(days=7)
NOTHING = "-"


class Probe(NamedTuple):
    """A request, and how to read its answer."""

    request: Request
    kind: type[Page | IdPage | Me]
    days: Callable[[object], Iterable[date]] = lambda _: ()
    is_report: bool = False


@dataclass(frozen=True)
class Finding:
    """A line of the table."""

    probe: Probe
    readable: bool
    cells: tuple[str, ...]


async def check(client: Client, now: datetime) -> tuple[str, bool]:
    """The table, and whether any of the three reports is readable."""
    findings = await asyncio.gather(*(_ask(client, probe) for probe in probes(utc_day(now))))
    readable = any(finding.readable for finding in findings if finding.probe.is_report)
    return table([HEADINGS, *(finding.cells for finding in findings)]), readable


def probes(today: date) -> list[Probe]:
    """One request for each endpoint: the last week of usage, complete days of cost and Claude Code, a page of lists."""
    start, end_of_today = ("starting_at", rfc3339(today - WEEK)), ("ending_at", rfc3339(today + ONE_DAY))
    yesterday = today - ONE_DAY
    return [
        Probe(
            usage.REPORT.having(start, end_of_today, ("group_by[]", "model")),
            UsagePage,
            _bucket_days,
            is_report=True,
        ),
        Probe(cost.REPORT.having(start, ("ending_at", rfc3339(today))), CostPage, _bucket_days, is_report=True),
        Probe(
            claude_code.REPORT.having(("starting_at", yesterday.isoformat())),
            ClaudeCodePage,
            _record_days,
            is_report=True,
        ),
        Probe(replace(organization.ME, endpoint="organization"), Me),
        Probe(organization.WORKSPACES, WorkspacePage),
        Probe(organization.API_KEYS, ApiKeyPage),
        Probe(organization.USERS, UserPage),
        Probe(organization.SERVICE_ACCOUNTS, ServiceAccountPage),
    ]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


async def _ask(client: Client, probe: Probe) -> Finding:
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        answer = decode(await client.get(probe.request), probe.kind, probe.request.endpoint)
    except ApiError as error:
        # With a refused key, nothing is known of the endpoint.
        entitled = "no" if error.reason is Reason.FORBIDDEN else "unknown"
        cells = (entitled, NOTHING, NOTHING, f"{loop.time() - start:.2f}", f"{error.reason}: {error}")
        return Finding(probe, False, (probe.request.endpoint, *cells))
    days = list(probe.days(answer))
    newest = max(days).isoformat() if days else NOTHING
    cells = ("yes", newest, _rows(answer, days), f"{loop.time() - start:.2f}", "")
    return Finding(probe, True, (probe.request.endpoint, *cells))


def _rows(answer: object, days: Sequence[date]) -> str:
    """The rows of the answer's first page, with a plus sign when there are more pages."""
    if isinstance(answer, Me):
        return "1"
    count = len(days) if isinstance(answer, UsagePage | CostPage) else len(getattr(answer, "data", ()))
    more = getattr(answer, "has_more", False) or getattr(answer, "next_page", None)
    return f"{count}+" if more else str(count)


def _bucket_days(page: object) -> Iterable[date]:
    """The day of each row."""
    if isinstance(page, UsagePage | CostPage):
        for bucket in page.data:
            for _ in bucket.results:
                yield utc_day(bucket.starting_at)


def _record_days(page: object) -> Iterable[date]:
    if isinstance(page, ClaudeCodePage):
        for record in page.data:
            yield utc_day(record.date)
