"""The organization's directory: the names that go with the IDs in the reports.

API pages: https://platform.claude.com/docs/en/api/admin (organization, workspaces, API keys, users) and
https://platform.claude.com/docs/en/api/beta/organization/service_accounts
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import structlog

from exporter.api.client import Client, Request
from exporter.api.errors import ApiError, Reason
from exporter.api.pages import decode, id_pages, pages
from exporter.api.wire import Named, NamedPage, ServiceAccountPage, UserPage
from exporter.collectors.entitlement import Entitlement, NotEntitled
from exporter.metrics import NONE, Family

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

DEFAULT_WORKSPACE = "default"

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True)
class Directory:
    """Names by ID. An ID without a name stands for itself."""

    organization: str = ""
    workspaces: Mapping[str, str] = field(default_factory=dict)
    api_keys: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    service_accounts: Mapping[str, str] = field(default_factory=dict)
    default_workspace_id: str | None = None
    read_at: datetime | None = field(default=None, compare=False)

    def workspace(self, workspace_id: str | None) -> tuple[str, str]:
        """(name, ID); the default workspace is `default` whichever way the API names it."""
        if workspace_id is None or workspace_id == self.default_workspace_id:
            return DEFAULT_WORKSPACE, DEFAULT_WORKSPACE
        return named(self.workspaces, workspace_id)


def named(names: Mapping[str, str], identifier: str | None) -> tuple[str, str]:
    """(name, ID) of a dimension's value; null is `none`."""
    if identifier is None:
        return NONE, NONE
    return names.get(identifier) or identifier, identifier


@dataclass(frozen=True)
class OrganizationCollector:
    """Reads the directory. Each endpoint has its own entitlement; `workspaces` is the main one."""

    client: Client
    interval_seconds: float
    entitlement: Entitlement = field(default_factory=Entitlement)
    name: str = "organization"
    source: str = "admin"
    uses_names: bool = False

    async def refresh(self, previous: Directory | None, now: datetime) -> Directory:
        """Every name that the API shows. Raises `ApiError`, or `NotEntitled` with the other names in its reading."""
        refusal: NotEntitled | None = None
        workspaces: Mapping[str, str] = {}
        default_id = None
        try:
            workspaces, default_id = await self.entitlement.attempt(
                WORKSPACES.endpoint, partial(self._workspaces, previous), now
            )
        except NotEntitled as not_entitled:
            refusal = not_entitled
        directory = Directory(
            organization=await self._part(ME, self._me, now, ""),
            workspaces=workspaces,
            api_keys=await self._part(API_KEYS, self._api_keys, now, {}),
            users=await self._part(USERS, self._users, now, {}),
            # With an Admin key a 401 here says nothing of the key: this endpoint may want an OAuth token.
            service_accounts=await self._part(
                SERVICE_ACCOUNTS, self._service_accounts, now, {}, frozenset({Reason.FORBIDDEN, Reason.AUTH})
            ),
            default_workspace_id=default_id,
            read_at=now,
        )
        if directory != previous:
            log.info("names read", organization=directory.organization, workspaces=len(directory.workspaces))
        if refusal:
            raise NotEntitled(str(refusal), directory)
        return directory

    def families(self, reading: Directory, today: date, directory: Directory) -> Iterable[Family]:  # noqa: ARG002  as in Collector
        """None: the directory only names what other collectors show."""
        return ()

    def data_through(self, reading: Directory) -> datetime | None:
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

    async def _workspaces(self, previous: Directory | None) -> tuple[Mapping[str, str], str | None]:
        """Names by ID, and the ID of the default workspace: the one listed only when asked for."""
        known = previous.default_workspace_id if previous else None
        try:
            listed = await self._names(WORKSPACES.having(INCLUDE_DEFAULT))
        except ApiError as error:
            if error.status != HTTPStatus.BAD_REQUEST:  # an API older than the parameter
                raise
            return await self._names(WORKSPACES), None
        if known in listed:  # it never changes: one list is enough
            return listed, known
        only_when_asked = listed.keys() - (await self._names(WORKSPACES)).keys()
        return listed, only_when_asked.pop() if len(only_when_asked) == 1 else None

    async def _me(self) -> str:
        reply = await self.client.get(ME)
        return decode(reply, Named, ME.endpoint).name or ""

    async def _api_keys(self) -> Mapping[str, str]:
        return await self._names(API_KEYS)

    async def _names(self, request: Request) -> Mapping[str, str]:
        return {row.id: row.name or "" async for page in id_pages(self.client, request, NamedPage) for row in page.data}

    async def _users(self) -> Mapping[str, str]:
        return {row.id: row.email or "" async for page in id_pages(self.client, USERS, UserPage) for row in page.data}

    async def _service_accounts(self) -> Mapping[str, str]:
        found = pages(self.client, SERVICE_ACCOUNTS, ServiceAccountPage)
        return {row.id: row.name or "" async for page in found for row in page.data}
