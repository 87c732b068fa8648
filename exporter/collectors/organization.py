"""The organization's inventory, and with it the names that go with the IDs in the reports.

API pages: https://platform.claude.com/docs/en/api/admin (organization, workspaces, API keys, users) and
https://platform.claude.com/docs/en/api/beta/organization/service_accounts
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
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
    Me,
    ServiceAccount,
    ServiceAccountPage,
    User,
    UserPage,
    Workspace,
    WorkspacePage,
)
from exporter.collectors import Incomplete, inventory
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
LISTS = (WORKSPACES, ME, API_KEYS, USERS, SERVICE_ACCOUNTS)
INCLUDE_DEFAULT = ("include_default", "true")

T = TypeVar("T")
Workspaces = Mapping[str, Workspace]

log = structlog.get_logger()


@dataclass(frozen=True)
class OrganizationReading:
    """What the API lists, by ID, each list as last read; nothing of what it does not serve."""

    read_at: datetime
    organization: Me | None = None
    workspaces: Workspaces = field(default_factory=dict)
    default_workspace_id: str | None = None
    api_keys: Mapping[str, ApiKey] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    service_accounts: Mapping[str, ServiceAccount] = field(default_factory=dict)

    @cached_property
    def directory(self) -> Directory:
        return Directory(
            workspaces={row.id: row.name or "" for row in self.workspaces.values()},
            api_keys={row.id: row.name or "" for row in self.api_keys.values()},
            users={row.id: row.email or "" for row in self.users.values()},
            service_accounts={row.id: row.name or "" for row in self.service_accounts.values()},
            default_workspace_id=self.default_workspace_id,
        )


@dataclass
class _Refresh:
    """The lists of one refresh, each of which fails alone."""

    entitlement: Entitlement
    now: datetime
    refusals: dict[Request, NotEntitled] = field(default_factory=dict)
    failures: dict[Request, ApiError] = field(default_factory=dict)

    @property
    def failure(self) -> ApiError:
        """The first list's that failed, with the most tries and the longest delay of them all."""
        all_of_them = self.failures.values()
        first = next(self.failures[request] for request in LISTS if request in self.failures)
        first.tries = max(failure.tries for failure in all_of_them)
        first.retry_after_seconds = max(failure.retry_after_seconds or 0 for failure in all_of_them) or None
        return first

    async def part(
        self,
        request: Request,
        read: Callable[[], Awaitable[T]],
        *,
        kept: T,
        absent: T,
        refusals: frozenset[Reason] = frozenset({Reason.FORBIDDEN}),
    ) -> T:
        """What `read` reads; what was `kept` where it fails, `absent` where the API does not serve it."""
        if any(failure.reason is Reason.AUTH for failure in self.failures.values()):
            refusals -= {Reason.AUTH}  # the key's fault, and no list's own
        try:
            return await self.entitlement.attempt(request.endpoint, read, self.now, refusals)
        except NotEntitled as refusal:
            self.refusals[request] = refusal
            return absent
        except ApiError as failure:
            self.failures[request] = failure
            return kept


@dataclass(frozen=True)
class OrganizationCollector:
    """Reads the inventory. Each endpoint has its own entitlement; `workspaces` is the main one."""

    client: Client
    interval_seconds: float
    prefix: str = ""
    entitlement: Entitlement = field(default_factory=Entitlement)
    # What was left out of which list, as last logged: rows by field by endpoint.
    left_out: dict[str, Counter[str]] = field(default_factory=dict)
    name: str = "organization"
    source: str = "admin"
    uses_names: bool = False

    async def refresh(self, previous: OrganizationReading | None, now: datetime) -> OrganizationReading:
        """All that the API lists. Raises `Incomplete`, or `NotEntitled` with the other lists in its reading.

        A failure goes before a refusal of the main list: it would not be seen while the collector is unavailable.
        """
        had = previous or OrganizationReading(now)
        lists = _Refresh(self.entitlement, now)
        # At once: where they hang, the other collectors, which wait for the names, would wait for one after the other.
        (workspaces, default_id), me, api_keys, users = await asyncio.gather(
            lists.part(
                WORKSPACES,
                partial(self._workspaces, had.default_workspace_id),
                kept=(had.workspaces, had.default_workspace_id),
                absent=({}, None),
            ),
            lists.part(ME, self._me, kept=had.organization, absent=None),
            lists.part(API_KEYS, self._api_keys, kept=had.api_keys, absent={}),
            lists.part(USERS, self._users, kept=had.users, absent={}),
        )
        # Last, and with an Admin key a 401 here says nothing of the key: this endpoint may want an OAuth token.
        service_accounts = await lists.part(
            SERVICE_ACCOUNTS,
            self._service_accounts,
            kept=had.service_accounts,
            absent={},
            refusals=frozenset({Reason.FORBIDDEN, Reason.AUTH}),
        )
        reading = OrganizationReading(now, me, workspaces, default_id, api_keys, users, service_accounts)
        if reading.directory != had.directory or not (previous or lists.failures):
            name = reading.organization.name if reading.organization else None
            log.info("names read", organization=name or "", workspaces=len(workspaces))
        if lists.failures:
            raise Incomplete(lists.failure, reading)
        if WORKSPACES in lists.refusals:
            raise NotEntitled(str(lists.refusals[WORKSPACES]), reading)
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

    async def _workspaces(self, known: str | None) -> tuple[Workspaces, str | None]:
        """The workspaces, and the ID of the default one: the one listed only when asked for."""
        try:
            listed = await self._list_workspaces(WORKSPACES.having(INCLUDE_DEFAULT))
        except ApiError as error:
            if error.status != HTTPStatus.BAD_REQUEST:  # an API older than the parameter
                raise
            return await self._list_workspaces(WORKSPACES), known
        if known in listed:  # it never changes: one list is enough
            return listed, known
        without_it = id_pages(self.client, WORKSPACES, WorkspacePage)
        only_when_asked = listed.keys() - {row.id async for page in without_it for row in page.data}
        return listed, only_when_asked.pop() if len(only_when_asked) == 1 else None

    async def _list_workspaces(self, request: Request) -> Workspaces:
        with self._unreadable(request) as unreadable:
            found = id_pages(self.client, request, WorkspacePage, unreadable)
            return {row.id: row async for page in found for row in page.data}

    async def _me(self) -> Me:
        with self._unreadable(ME) as unreadable:
            return decode(await self.client.get(ME), Me, ME.endpoint, unreadable)

    async def _api_keys(self) -> Mapping[str, ApiKey]:
        with self._unreadable(API_KEYS) as unreadable:
            found = id_pages(self.client, API_KEYS, ApiKeyPage, unreadable)
            return {row.id: row async for page in found for row in page.data}

    async def _users(self) -> Mapping[str, User]:
        with self._unreadable(USERS) as unreadable:
            found = id_pages(self.client, USERS, UserPage, unreadable)
            return {row.id: row async for page in found for row in page.data}

    async def _service_accounts(self) -> Mapping[str, ServiceAccount]:
        with self._unreadable(SERVICE_ACCOUNTS) as unreadable:
            found = pages(self.client, SERVICE_ACCOUNTS, ServiceAccountPage, unreadable)
            return {row.id: row async for page in found for row in page.data}

    @contextmanager
    def _unreadable(self, request: Request) -> Iterator[Counter[str]]:
        """Counts, by field, what is left out of a list that is read; logged when it is not as it was."""
        counts: Counter[str] = Counter()
        yield counts
        told = self.left_out.get(request.endpoint, Counter())
        for name in sorted(counts):
            if counts[name] != told[name]:
                log.warning("left out what cannot be read", endpoint=request.endpoint, field=name, rows=counts[name])
        self.left_out[request.endpoint] = counts
