"""The organization's inventory, and with it the names that go with the IDs in the reports.

API pages: https://platform.claude.com/docs/en/api/admin (organization, workspaces, API keys, users) and
https://platform.claude.com/docs/en/api/beta/organization/service_accounts
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, partial
from http import HTTPStatus
from typing import TypeVar

import structlog

from exporter.api.client import Client, Request
from exporter.api.errors import ApiError, Reason
from exporter.api.pages import decode, id_pages, pages
from exporter.api.wire import (
    ApiKey,
    ApiKeyPage,
    Organization,
    ServiceAccount,
    ServiceAccountPage,
    User,
    UserPage,
    Workspace,
    WorkspacePage,
)
from exporter.collectors import inventory
from exporter.collectors.directory import Directory
from exporter.collectors.entitlement import Entitlement, NotEntitled
from exporter.metrics import Family, families

VERSION = "2026-10-21"
LIMIT = ("limit", "1000")

ME = Request("me", "/v1/organizations/me", version=VERSION)
WORKSPACES = Request("workspaces", "/v1/organizations/workspaces", (LIMIT, ("include_archived", "true")), VERSION)
API_KEYS = Request("api_keys", "/v1/organizations/api_keys", (LIMIT,), VERSION)
USERS = Request("users", "/v1/organizations/users", (LIMIT,), VERSION)
SERVICE_ACCOUNTS = Request(
    "service_accounts",
    "/v1/organizations/service_accounts",
    (("limit", "100"), ("include_archived", "true")),
    VERSION,
)
INCLUDE_DEFAULT = ("include_default", "true")

T = TypeVar("T")
Workspaces = Mapping[str, Workspace]

log = structlog.get_logger()


@dataclass(frozen=True)
class OrganizationReading:
    """What the API lists, by ID; nothing of what it does not serve."""

    organization: Organization | None
    workspaces: Workspaces
    default_workspace_id: str | None
    api_keys: Mapping[str, ApiKey]
    users: Mapping[str, User]
    service_accounts: Mapping[str, ServiceAccount]
    read_at: datetime

    @cached_property
    def directory(self) -> Directory:
        return Directory(
            workspaces={row.id: row.name or "" for row in self.workspaces.values()},
            api_keys={row.id: row.name or "" for row in self.api_keys.values()},
            users={row.id: row.email or "" for row in self.users.values()},
            service_accounts={row.id: row.name or "" for row in self.service_accounts.values()},
            default_workspace_id=self.default_workspace_id,
        )


@dataclass(frozen=True)
class OrganizationCollector:
    """Reads the inventory. Each endpoint has its own entitlement; `workspaces` is the main one."""

    client: Client
    interval_seconds: float
    prefix: str = ""
    entitlement: Entitlement = field(default_factory=Entitlement)
    name: str = "organization"
    source: str = "admin"
    uses_names: bool = False

    async def refresh(self, previous: OrganizationReading | None, now: datetime) -> OrganizationReading:
        """All that the API lists. Raises `ApiError`, or `NotEntitled` with the other lists in its reading."""
        refusal: NotEntitled | None = None
        workspaces: Workspaces = {}
        default_id = None
        try:
            workspaces, default_id = await self.entitlement.attempt(
                WORKSPACES.endpoint, partial(self._workspaces, previous), now
            )
        except NotEntitled as not_entitled:
            refusal = not_entitled
        reading = OrganizationReading(
            organization=await self._part(ME, self._me, now, None),
            workspaces=workspaces,
            default_workspace_id=default_id,
            api_keys=await self._part(API_KEYS, self._api_keys, now, {}),
            users=await self._part(USERS, self._users, now, {}),
            # With an Admin key a 401 here says nothing of the key: this endpoint may want an OAuth token.
            service_accounts=await self._part(
                SERVICE_ACCOUNTS, self._service_accounts, now, {}, frozenset({Reason.FORBIDDEN, Reason.AUTH})
            ),
            read_at=now,
        )
        if previous is None or reading.directory != previous.directory:
            name = reading.organization.name if reading.organization else None
            log.info("names read", organization=name or "", workspaces=len(workspaces))
        if refusal:
            raise NotEntitled(str(refusal), reading)
        return reading

    def families(self, reading: OrganizationReading, today: date, directory: Directory) -> Iterator[Family]:  # noqa: ARG002  it has the names itself
        names = reading.directory
        organizations = (reading.organization,) if reading.organization else ()
        workspaces = [inventory.workspace_record(row, names) for row in reading.workspaces.values()]
        api_keys = [inventory.api_key_record(row, names) for row in reading.api_keys.values()]
        yield from families(inventory.ORGANIZATION, organizations, self.prefix)
        yield from families(inventory.WORKSPACES, workspaces, self.prefix)
        yield from families(inventory.USERS, reading.users.values(), self.prefix)
        yield from families(inventory.API_KEYS, api_keys, self.prefix)
        yield from families(inventory.SERVICE_ACCOUNTS, reading.service_accounts.values(), self.prefix)

    def data_through(self, reading: OrganizationReading) -> datetime | None:
        return reading.read_at

    async def _part(
        self,
        request: Request,
        read: Callable[[], Awaitable[T]],
        now: datetime,
        absent: T,
        refusals: frozenset[Reason] = frozenset({Reason.FORBIDDEN}),
    ) -> T:
        try:
            return await self.entitlement.attempt(request.endpoint, read, now, refusals)
        except NotEntitled:
            return absent

    async def _workspaces(self, previous: OrganizationReading | None) -> tuple[Workspaces, str | None]:
        """The workspaces, and the ID of the default one: the one listed only when asked for."""
        known = previous.default_workspace_id if previous else None
        try:
            listed = await self._list_workspaces(WORKSPACES.having(INCLUDE_DEFAULT))
        except ApiError as error:
            if error.status != HTTPStatus.BAD_REQUEST:  # an API older than the parameter
                raise
            return await self._list_workspaces(WORKSPACES), None
        if known in listed:  # it never changes: one list is enough
            return listed, known
        only_when_asked = listed.keys() - (await self._list_workspaces(WORKSPACES)).keys()
        return listed, only_when_asked.pop() if len(only_when_asked) == 1 else None

    async def _list_workspaces(self, request: Request) -> Workspaces:
        return {row.id: row async for page in id_pages(self.client, request, WorkspacePage) for row in page.data}

    async def _me(self) -> Organization:
        return decode(await self.client.get(ME), Organization, ME.endpoint)

    async def _api_keys(self) -> Mapping[str, ApiKey]:
        return {row.id: row async for page in id_pages(self.client, API_KEYS, ApiKeyPage) for row in page.data}

    async def _users(self) -> Mapping[str, User]:
        return {row.id: row async for page in id_pages(self.client, USERS, UserPage) for row in page.data}

    async def _service_accounts(self) -> Mapping[str, ServiceAccount]:
        found = pages(self.client, SERVICE_ACCOUNTS, ServiceAccountPage)
        return {row.id: row async for page in found for row in page.data}
