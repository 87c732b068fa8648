"""The organization's inventory, and with it the names that go with the IDs in the reports.

API pages: https://platform.claude.com/docs/en/api/admin (organization, workspaces, API keys, users) and
https://platform.claude.com/docs/en/api/beta/organization/service_accounts
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from http import HTTPStatus

import structlog
from msgspec import UNSET

from exporter.api.endpoints import (
    API_KEYS,
    INVITES,
    ME,
    SERVICE_ACCOUNTS,
    SUMMARIES,
    USERS,
    WORKSPACES,
    AnyEndpoint,
)
from exporter.api.errors import ApiError
from exporter.api.shapes import inventory as shapes
from exporter.api.shapes.inventory import (
    ApiKeyPage,
    InvitePage,
    ServiceAccountPage,
    SummaryPage,
    UserPage,
    WorkspacePage,
)
from exporter.contract.days import utc_day
from exporter.contract.engagement import Engagement, Invite
from exporter.contract.inventory import (
    ApiKey,
    InventoryReading,
    OrganizationRecord,
    ServiceAccount,
    User,
    Workspace,
)
from exporter.contract.people import People
from exporter.contract.state import Reason
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.lists import Lists
from exporter.sources.lists_refresh import ListsRefresh

LISTS: tuple[AnyEndpoint, ...] = (WORKSPACES, ME, API_KEYS, USERS, INVITES, SERVICE_ACCOUNTS, SUMMARIES)
# Of what may be for other keys than Admin keys.
OTHER_KEYS = frozenset({Reason.FORBIDDEN, Reason.AUTH})
NEWEST_WITHIN, FIRST_SUMMARY = timedelta(days=7), date(2026, 1, 1)
ACTIVE_USERS = re.compile(r"(?:(?P<product>\w+)_)?(?P<period>daily|weekly|monthly)_active_user_count")
PERIODS = {"daily": "day", "weekly": "week", "monthly": "month"}
ALL = "all"
INCLUDE_DEFAULT = ("include_default", "true")

Workspaces = Mapping[str, Workspace]

log = structlog.get_logger()


@dataclass(frozen=True)
class InventorySource:
    """Each endpoint has its own entitlement; `workspaces` is the main one."""

    lists: Lists
    people: People
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "organization"
    generation: str = "admin"
    rank: int = 0
    endpoints: tuple[AnyEndpoint, ...] = LISTS

    async def read(self, previous: InventoryReading | None, now: datetime) -> Outcome[InventoryReading]:
        """All that the API lists; a list that fails is as it was.

        A failure goes before a refusal of the main list: it would not be seen while the collector is unavailable.
        """
        had = previous or InventoryReading(now)
        refresh = ListsRefresh(LISTS, self.entitlement, now)
        # At once: where they hang, the other collectors, which wait for the names, would wait for one after the other.
        (workspaces, default_id), me, api_keys, users, invites = await asyncio.gather(
            refresh.part(
                WORKSPACES,
                partial(self._workspaces, had.default_workspace_id),
                kept=(had.workspaces, had.default_workspace_id),
                absent=({}, None),
            ),
            refresh.part(ME, self._me, kept=had.organization, absent=None),
            refresh.part(API_KEYS, self._api_keys, kept=had.api_keys, absent={}),
            refresh.part(USERS, self._users, kept=had.users, absent={}),
            refresh.part(INVITES, self._invites, kept=had.invites, absent={}),
        )
        # Last, and a 401 of an Admin key says nothing of the key: one may want an OAuth token, one an Enterprise key.
        service_accounts = await refresh.part(
            SERVICE_ACCOUNTS, self._service_accounts, kept=had.service_accounts, absent={}, refusals=OTHER_KEYS
        )
        engagement = await refresh.part(
            SUMMARIES, partial(self._engagement, now), kept=had.engagement, absent=None, refusals=OTHER_KEYS
        )
        reading = InventoryReading.of(
            now, me, workspaces, default_id, api_keys, users, service_accounts, invites, engagement, had.names
        )
        if reading.names is not had.names or not (previous or refresh.failures):
            name = reading.organization.name if reading.organization else None
            log.info("names read", organization=name or "", workspaces=len(workspaces.keys() - {default_id}))
        return Outcome(
            reading,
            refresh.failure,
            is_served=bool(refresh.failures) or WORKSPACES.name not in refresh.refused,
            unserved=self.entitlement.unserved,
        )

    def data_through(self, reading: InventoryReading) -> datetime | None:
        return reading.read_at

    async def _workspaces(self, known: str | None) -> tuple[Workspaces, str | None]:
        """The workspaces, and the ID of the default one: the one listed only when asked for."""
        try:
            listed = await self._list_workspaces(INCLUDE_DEFAULT)
        except ApiError as error:
            if error.status != HTTPStatus.BAD_REQUEST:  # an API older than the parameter
                raise
            return await self._list_workspaces(), known
        if known in listed:  # it never changes: one list is enough
            return listed, known
        only_when_asked = listed.keys() - (await self.lists.read(WORKSPACES, _workspaces)).keys()
        return listed, only_when_asked.pop() if len(only_when_asked) == 1 else None

    async def _list_workspaces(self, *params: tuple[str, str]) -> Workspaces:
        found = await self.lists.read(WORKSPACES, _workspaces, *params)
        tags = {row.id: {tag: self.people.text(value) for tag, value in row.tags.items()} for row in found.values()}
        return {row.id: row._replace(name=self._text(row.name), tags=tags[row.id]) for row in found.values()}

    def _text(self, name: str | None) -> str | None:
        return name and self.people.text(name)

    async def _me(self) -> OrganizationRecord:
        me = await self.lists.one(ME)
        return OrganizationRecord(me.id, self._text(me.name))

    async def _api_keys(self) -> Mapping[str, ApiKey]:
        found = await self.lists.read(API_KEYS, _api_keys)
        return {row.id: row._replace(name=self._text(row.name)) for row in found.values()}

    async def _users(self) -> Mapping[str, User]:
        return await self.lists.read(USERS, _users)

    async def _service_accounts(self) -> Mapping[str, ServiceAccount]:
        found = await self.lists.read(SERVICE_ACCOUNTS, _service_accounts)
        return {row.id: row._replace(name=self._text(row.name)) for row in found.values()}

    async def _invites(self) -> Mapping[str, Invite]:
        return await self.lists.read(INVITES, _invites)

    async def _engagement(self, now: datetime) -> Engagement | None:
        """The newest day's; None where there is none for a week."""
        start = max(utc_day(now) - NEWEST_WITHIN, FIRST_SUMMARY)
        days = await self.lists.read(SUMMARIES, _summaries, ("starting_date", start.isoformat()))
        reported = [day for day in days.values() if day.daily_active_user_count is not None]
        return _newest(max(reported, key=lambda day: day.id)) if reported else None


def _summaries(page: SummaryPage) -> dict[str, shapes.Summary]:
    return {row.id: row for row in page.data}


def _newest(row: shapes.Summary) -> Engagement:
    active = {}
    for name in row.__struct_fields__:
        if (found := ACTIVE_USERS.fullmatch(name)) and (count := getattr(row, name)) is not None:
            active[PERIODS[found["period"]], found["product"] or ALL] = count
    seats = {"assigned": row.assigned_seat_count, "pending_invite": row.pending_invite_count}
    return Engagement(active, {state: count for state, count in seats.items() if count is not None})


def _invites(page: InvitePage) -> dict[str, Invite]:
    return {row.id: Invite(row.id, row.role, row.status, row.expires_at) for row in page.data}


def _workspaces(page: WorkspacePage) -> dict[str, Workspace]:
    def record(row: shapes.Workspace) -> Workspace:
        geo = row.data_residency.workspace_geo if row.data_residency else None
        return Workspace(row.id, row.name, geo, row.created_at, row.archived_at, row.tags or {})

    return {row.id: record(row) for row in page.data}


def _users(page: UserPage) -> dict[str, User]:
    return {row.id: User(row.id, row.email, row.role) for row in page.data}


def _service_accounts(page: ServiceAccountPage) -> dict[str, ServiceAccount]:
    return {row.id: ServiceAccount(row.id, row.name, row.organization_role, row.archived_at) for row in page.data}


def _api_keys(page: ApiKeyPage) -> dict[str, ApiKey]:
    return {row.id: _api_key(row) for row in page.data}


def _api_key(row: shapes.ApiKey) -> ApiKey:
    """Of either shape: `scope` has a workspace's real ID or none; the older `workspace_id` is null for the default."""
    if row.scope is None and row.workspace_id is not UNSET:
        workspace_id, is_in_workspace = row.workspace_id, True
    else:
        workspace_id = row.scope.workspace_id if row.scope else None
        is_in_workspace = workspace_id is not None
    return ApiKey(
        id=row.id,
        name=row.name,
        status=row.status,
        created_by=row.created_by.id if row.created_by else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        workspace_id=workspace_id,
        is_in_workspace=is_in_workspace,
    )
