"""`anthropic-exporter check`: asks each endpoint once and says what the key may see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from exporter.api.client import Client, Request
from exporter.api.endpoints import CLAUDE_CODE, COST, ENDPOINTS, ME, USAGE, AnyEndpoint
from exporter.api.errors import ApiError
from exporter.api.key import AdminKey
from exporter.api.pages import decode
from exporter.api.shapes.claude_code import ClaudeCodePage
from exporter.api.shapes.cost import CostPage
from exporter.api.shapes.inventory import Me
from exporter.api.shapes.usage import UsagePage
from exporter.commands.assembly import Upstream, connect, utc_now
from exporter.contract.days import ONE_DAY, utc_day
from exporter.contract.state import Reason
from exporter.settings.model import Settings
from exporter.sources.windows import MOST_BUCKETS, window

HEADINGS = ("ENDPOINT", "ENTITLED", "NEWEST DATA", "ROWS", "SECONDS", "MESSAGE")
WEEK = timedelta(days=7)
NOTHING = "-"
LIMIT = ("limit", str(MOST_BUCKETS))
SHOWN_AS = {ME.name: "organization"}


@dataclass(frozen=True)
class Finding:
    """A line of the table."""

    endpoint: AnyEndpoint
    readable: bool
    cells: tuple[str, ...]


def check(settings: Settings) -> int:
    """Print what the configured key may see; 1 when none of the three reports is readable."""
    api = Upstream(settings.api.base_url, AdminKey(settings.api.key, settings.api.key_file))

    async def ask() -> tuple[str, bool]:
        async with connect(settings, api, lambda *_: None, retry_seconds=0) as client:
            return await look(client, utc_now())

    text, readable = asyncio.run(ask())
    print(text)
    return 0 if readable else 1


async def look(client: Client, now: datetime) -> tuple[str, bool]:
    """The table, and whether any of the three reports is readable."""
    today = utc_day(now)
    findings = await asyncio.gather(*(_ask(client, endpoint, probe(endpoint, today)) for endpoint in ENDPOINTS))
    readable = any(finding.readable for finding in findings if finding.endpoint.is_report)
    return table([HEADINGS, *(finding.cells for finding in findings)]), readable


def probe(endpoint: AnyEndpoint, today: date) -> Request:
    """The last week of usage, complete days of cost and Claude Code, a page of a list."""
    if endpoint is USAGE:
        return USAGE.request(*window(today - WEEK, today), LIMIT, ("group_by[]", "model"))
    if endpoint is COST:
        return COST.request(*window(today - WEEK, today - ONE_DAY), LIMIT)
    if endpoint is CLAUDE_CODE:
        return CLAUDE_CODE.request(("starting_at", (today - ONE_DAY).isoformat()))
    return endpoint.request()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


async def _ask(client: Client, endpoint: AnyEndpoint, request: Request) -> Finding:
    loop = asyncio.get_running_loop()
    start = loop.time()
    name = SHOWN_AS.get(endpoint.name, endpoint.name)
    try:
        answer = decode(await client.get(request), endpoint.shape, name)
    except ApiError as error:
        # With a refused key, nothing is known of the endpoint.
        entitled = "no" if error.reason is Reason.FORBIDDEN else "unknown"
        error.endpoint = name
        cells = (entitled, NOTHING, NOTHING, f"{loop.time() - start:.2f}", f"{error.reason}: {error}")
        return Finding(endpoint, False, (name, *cells))
    days = list(_days(answer))
    newest = max(days).isoformat() if days else NOTHING
    cells = ("yes", newest, _rows(answer, days), f"{loop.time() - start:.2f}", "")
    return Finding(endpoint, True, (name, *cells))


def _rows(answer: object, days: Sequence[date]) -> str:
    """The rows of the answer's first page, with a plus sign when there are more pages."""
    if isinstance(answer, Me):
        return "1"
    count = len(days) if isinstance(answer, UsagePage | CostPage) else len(getattr(answer, "data", ()))
    more = getattr(answer, "has_more", False) or getattr(answer, "next_page", None)
    return f"{count}+" if more else str(count)


def _days(page: object) -> Iterable[date]:
    """The day of each row of a report."""
    if isinstance(page, UsagePage | CostPage):
        for bucket in page.data:
            for _ in bucket.results:
                yield utc_day(bucket.starting_at)
    elif isinstance(page, ClaudeCodePage):
        for row in page.data:
            yield utc_day(row.date)
