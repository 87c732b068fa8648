"""`anthropic-exporter check`: asks the endpoints of what is enabled once, and says what the key may read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from exporter import __version__
from exporter.api.client import Client, Request
from exporter.api.endpoints import (
    API_KEYS,
    CLAUDE_CODE,
    COST,
    INVITES,
    ME,
    RATE_LIMITS,
    SERVICE_ACCOUNTS,
    SPEND_LIMITS,
    SUMMARIES,
    USAGE,
    USERS,
    WORKSPACE,
    WORKSPACE_MEMBERS,
    WORKSPACE_RATE_LIMITS,
    WORKSPACES,
    AnyEndpoint,
)
from exporter.api.errors import ApiError
from exporter.api.key import AdminKey
from exporter.api.pages import decode, pages
from exporter.api.shapes.claude_code import ClaudeCodePage
from exporter.api.shapes.cost import CostPage
from exporter.api.shapes.inventory import Me
from exporter.api.shapes.usage import UsagePage
from exporter.commands.assembly import Upstream, connect, people_of, utc_now
from exporter.commands.checked import Checked, DayFound, Finding, OrganizationFound
from exporter.contract.cost import CENTS
from exporter.contract.days import ONE_DAY, ONE_HOUR, utc_day, utc_minute
from exporter.contract.people import People
from exporter.contract.state import Failure, Reason
from exporter.settings.model import Settings
from exporter.sources.windows import MOST_BUCKETS, minutes_window, window

WEEK = timedelta(days=7)
LIMIT = ("limit", str(MOST_BUCKETS))
SHOWN_AS = {ME.name: "organization"}
BRINGS: dict[str, tuple[AnyEndpoint, ...]] = {
    "usage": (USAGE,),
    "cost": (COST,),
    "claude_code": (CLAUDE_CODE,),
    "organization": (ME, WORKSPACES, API_KEYS, USERS, INVITES, WORKSPACE_MEMBERS, SERVICE_ACCOUNTS, SUMMARIES),
    "limits": (RATE_LIMITS, WORKSPACE_RATE_LIMITS, SPEND_LIMITS, USAGE),
}
# Of the others many keys have none.
NEEDED = {"usage": USAGE, "cost": COST, "claude_code": CLAUDE_CODE, "organization": WORKSPACES}


def check(settings: Settings) -> int:
    """Print what the configured key may read; the exit code says whether it is all, some (3) or no report (1)."""
    api = Upstream(settings.api.base_url, AdminKey(settings.api.key, settings.api.key_file))
    enabled = [name for name in settings.enabled() if name in BRINGS]

    async def ask() -> Checked:
        async with connect(settings, api, lambda *_: None, retry_seconds=0) as client:
            return await look(client, utc_now(), enabled, settings.api.base_url, people_of(settings))

    found = asyncio.run(ask())
    print(found.json() if settings.output == "json" else found.text())
    return found.exit_code


async def look(
    client: Client, now: datetime, enabled: Sequence[str], base_url: str = "", people: People | None = None
) -> Checked:
    """What the endpoints of the enabled collectors answer, and the organization's own."""
    asked = [(endpoint, name) for name in enabled for endpoint in BRINGS[name]]
    if ME not in [endpoint for endpoint, _ in asked]:
        asked.append((ME, "organization"))
    people = people or People()
    looks = [_Look(client, endpoint, collector, now, people) for endpoint, collector in asked]
    findings = _judged(await asyncio.gather(*(each.finding() for each in looks)))
    organization = next((each.organization for each in looks if each.organization), None)
    newest_day = next((each.newest_day for each in looks if each.newest_day), None)
    return Checked(__version__, base_url, organization, newest_day, tuple(findings))


def probe(endpoint: AnyEndpoint, today: date, workspace_id: str = "") -> Request:
    """The last week of usage, complete days of cost and Claude Code, a page of a list."""
    if endpoint is USAGE:
        return USAGE.request(*window(today - WEEK, today), LIMIT, ("group_by[]", "model"))
    if endpoint is COST:
        return COST.request(*window(today - WEEK, today - ONE_DAY), LIMIT)
    if endpoint is CLAUDE_CODE:
        return CLAUDE_CODE.request(("starting_at", (today - ONE_DAY).isoformat()))
    if endpoint is SUMMARIES:
        return SUMMARIES.request(("starting_date", (today - WEEK).isoformat()))
    return endpoint.request(workspace_id=workspace_id)


def _last_hour(now: datetime) -> Request:
    """By the minute: for the busiest one beside the limits."""
    return USAGE.request(*minutes_window(utc_minute(now) - ONE_HOUR, utc_minute(now)), ("limit", "60"))


class _Look:
    """At one endpoint: of cost at all pages, for a day is to be whole; of the others at the first."""

    def __init__(self, client: Client, endpoint: AnyEndpoint, collector: str, now: datetime, people: People) -> None:
        self._client = client
        self._people = people
        self._endpoint = endpoint
        self._collector = collector
        self._now = now
        self.organization: OrganizationFound | None = None
        self.newest_day: DayFound | None = None

    async def finding(self) -> Finding:
        loop = asyncio.get_running_loop()
        start = loop.time()
        name = SHOWN_AS.get(self._endpoint.name, self._endpoint.name)
        asked = Finding(
            name,
            self._collector,
            self._endpoint.is_report,
            self._endpoint is NEEDED.get(self._collector),
            None,
            None,
            None,
            False,
            0.0,
            None,
        )
        try:
            answers = await self._answers()
        except ApiError as error:
            failure = Failure(error.reason, name, error.message, error.status, error.request_id, self._now)
            # Of an endpoint that fails otherwise nothing is known.
            readable = False if error.reason is Reason.FORBIDDEN else None
            return replace(asked, is_readable=readable, seconds=loop.time() - start, failure=failure)
        days = [day for answer in answers for day in _days(answer)]
        return replace(
            asked,
            is_readable=True,
            newest_data=max(days, default=None),
            rows=sum(map(_rows, answers)),
            more_rows=self._endpoint is not COST and any(map(_has_more, answers[-1:])),
            seconds=loop.time() - start,
        )

    async def _answers(self) -> list[object]:
        workspace_id = await self._open_workspace() if WORKSPACE in self._endpoint.name else ""
        if workspace_id is None:
            return []
        request = probe(self._endpoint, utc_day(self._now), workspace_id)
        if self._endpoint is USAGE and self._collector == "limits":
            request = _last_hour(self._now)
        if self._endpoint is COST:
            found = [page async for page in pages(self._client, request, COST.shape, made=lambda page: page)]
            self.newest_day = _newest_day(found, utc_day(self._now))
            return list(found)
        answer = decode(await self._client.get(request), self._endpoint.shape, self._endpoint.name)
        if isinstance(answer, Me):
            self.organization = OrganizationFound(answer.id, self._people.text(answer.name or answer.id))
        return [answer]

    async def _open_workspace(self) -> str | None:
        """The first that is not archived: what is of each workspace is looked at in one of them."""
        listed = decode(await self._client.get(WORKSPACES.request()), WORKSPACES.shape, WORKSPACES.name)
        return next((row.id for row in listed.data if row.archived_at is None), None)


def _judged(findings: Sequence[Finding]) -> list[Finding]:
    """Service accounts and engagement may refuse a key that is right for all the rest: it says nothing of the key."""
    refused = [each for each in findings if each.failure and each.failure.reason is Reason.AUTH]
    if {each.endpoint for each in refused} <= {SERVICE_ACCOUNTS.name, SUMMARIES.name}:
        return [replace(each, is_readable=False) if each in refused else each for each in findings]
    return list(findings)


def _newest_day(found: Iterable[CostPage], today: date) -> DayFound | None:
    """The newest day that is over and has a row."""
    cents: dict[date, Decimal] = {}
    for page in found:
        for bucket in page.data:
            for row in bucket.results:
                day = utc_day(bucket.starting_at)
                cents[day] = cents.get(day, Decimal(0)) + Decimal(row.amount)
    newest = max((day for day in cents if day < today), default=None)
    return DayFound(newest, cents[newest] / CENTS) if newest else None


def _rows(answer: object) -> int:
    if isinstance(answer, Me):
        return 1
    return sum(1 for _ in _days(answer)) if isinstance(answer, UsagePage | CostPage) else len(_data(answer))


def _data(answer: object) -> Sequence[object]:
    found: Sequence[object] = getattr(answer, "data", ())
    return found


def _has_more(answer: object) -> bool:
    return bool(getattr(answer, "has_more", False) or getattr(answer, "next_page", None))


def _days(page: object) -> Iterable[date]:
    """The day of each row of a report."""
    if isinstance(page, UsagePage | CostPage):
        for bucket in page.data:
            for _ in bucket.results:
                yield utc_day(bucket.starting_at)
    elif isinstance(page, ClaudeCodePage):
        for row in page.data:
            yield utc_day(row.date)
