"""What belongs to the organization: workspaces, API keys, users, service accounts, invites; and the names they give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from exporter.contract.engagement import ENGAGEMENT, INVITES, Engagement, Invite
from exporter.contract.labels import NONE
from exporter.contract.metric import Declared, Family, Metric, Sample, Section
from exporter.contract.names import Names
from exporter.contract.people import People
from exporter.contract.sums import families

R = TypeVar("R")


class OrganizationRecord(NamedTuple):
    id: str
    name: str | None


class Workspace(NamedTuple):
    id: str
    name: str | None
    geo: str | None
    created_at: datetime | None
    archived_at: datetime | None
    tags: Mapping[str, str] = MappingProxyType({})


class ApiKey(NamedTuple):
    """`workspace_id` is None for the default workspace; a key of the whole organization is in none."""

    id: str
    name: str | None
    status: str | None
    created_by: str | None
    created_at: datetime | None
    expires_at: datetime | None
    workspace_id: str | None
    is_in_workspace: bool


class User(NamedTuple):
    id: str
    email: str | None
    role: str | None


class ServiceAccount(NamedTuple):
    id: str
    name: str | None
    role: str | None
    archived_at: datetime | None


@dataclass(frozen=True)
class InventoryReading:
    """What the API lists, by ID, each list as last read; nothing of what it does not serve."""

    read_at: datetime
    organization: OrganizationRecord | None = None
    workspaces: Mapping[str, Workspace] = field(default_factory=dict)
    default_workspace_id: str | None = None
    api_keys: Mapping[str, ApiKey] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    service_accounts: Mapping[str, ServiceAccount] = field(default_factory=dict)
    invites: Mapping[str, Invite] = field(default_factory=dict)
    engagement: Engagement | None = None

    names: Names = field(default_factory=Names)

    @classmethod
    def of(
        cls,
        read_at: datetime,
        organization: OrganizationRecord | None,
        workspaces: Mapping[str, Workspace],
        default_workspace_id: str | None,
        api_keys: Mapping[str, ApiKey],
        users: Mapping[str, User],
        service_accounts: Mapping[str, ServiceAccount],
        invites: Mapping[str, Invite],
        engagement: Engagement | None,
        before: Names,
    ) -> InventoryReading:
        """With the earlier names themselves where the new ones are equal."""
        names = Names(
            workspaces={row.id: row.name or "" for row in workspaces.values()},
            api_keys={row.id: row.name or "" for row in api_keys.values()},
            users={row.id: row.email or "" for row in users.values()},
            service_accounts={row.id: row.name or "" for row in service_accounts.values()},
            default_workspace_id=default_workspace_id,
        )
        return cls(
            read_at,
            organization,
            workspaces,
            default_workspace_id,
            api_keys,
            users,
            service_accounts,
            invites,
            engagement,
            before if before == names else names,
        )


class NamedWorkspace(NamedTuple):
    workspace_id: str
    workspace: str
    row: Workspace


class NamedKey(NamedTuple):
    workspace_id: str
    workspace: str
    created_by: str
    row: ApiKey


@dataclass(frozen=True)
class InventoryTable:
    """`tags` are those of workspaces that become labels."""

    people: People
    prefix: str = ""
    tags: Sequence[str] = ()

    def sections(self, reading: InventoryReading, hour: datetime, names: Names) -> Iterable[Section]:  # noqa: ARG002  no days, and its own names
        yield Section(None, None, partial(self._families, reading))

    def _families(self, reading: InventoryReading) -> Iterator[Family]:
        names = reading.names
        workspaces = [_named_workspace(row, names) for row in reading.workspaces.values()]
        api_keys = [self._named_key(row, names) for row in reading.api_keys.values()]
        yield from self._shown(ORGANIZATION, (reading.organization,) if reading.organization else ())
        yield from self._shown([with_tags(WORKSPACE_INFO, self.tags), *OF_WORKSPACES], workspaces)
        yield from self._shown(USERS, reading.users.values())
        yield from self._shown(API_KEYS, api_keys)
        yield from self._shown(SERVICE_ACCOUNTS, reading.service_accounts.values())
        yield from self._shown(INVITES, reading.invites.values())
        yield from self._shown(ENGAGEMENT, (reading.engagement,) if reading.engagement else ())

    def _shown(self, metrics: Iterable[Metric[R]], rows: Iterable[R]) -> Iterator[Family]:
        return families(metrics, rows, lambda _: "", self.prefix)

    def _named_key(self, row: ApiKey, names: Names) -> NamedKey:
        workspace, workspace_id = names.workspace(row.workspace_id) if row.is_in_workspace else (NONE, NONE)
        return NamedKey(workspace_id, workspace, self.people.creator(names, row.created_by), row)


def _named_workspace(row: Workspace, names: Names) -> NamedWorkspace:
    workspace, workspace_id = names.workspace(row.id)
    return NamedWorkspace(workspace_id, workspace, row)


def _flag(archived_at: datetime | None) -> str:
    return "true" if archived_at else "false"


def _time(identifier: str, moment: datetime | None) -> Iterable[Sample]:
    """Unix time; no sample where there is none."""
    return (((identifier,), moment.timestamp()),) if moment else ()


ORGANIZATION: tuple[Metric[OrganizationRecord], ...] = (
    Metric(
        "anthropic_organization_info",
        "1 for the organization that the key belongs to, with its name",
        "1",
        own=("organization_id", "organization_name"),
        api_fields="id, name",
        samples=lambda row: (((row.id, row.name or row.id), 1),),
    ),
)


def _info(named: NamedWorkspace, tags: Sequence[str] = ()) -> Iterable[Sample]:
    values = (named.workspace_id, named.workspace, _flag(named.row.archived_at), named.row.geo or NONE)
    return (((*values, *(named.row.tags.get(tag) or NONE for tag in tags)), 1),)


def with_tags(info: Metric[NamedWorkspace], tags: Sequence[str]) -> Metric[NamedWorkspace]:
    """The family with a label for each of these tags, `none` where a workspace has it not."""
    return replace(info, own=(*info.own, *(f"tag_{tag}" for tag in tags)), samples=partial(_info, tags=tags))


WORKSPACE_INFO: Metric[NamedWorkspace] = Metric(
    "anthropic_workspace_info",
    "1 for each workspace, archived ones too, with its name and the region of its data",
    "1",
    own=("workspace_id", "workspace", "archived", "workspace_geo"),
    api_fields="id, name, archived_at, data_residency.workspace_geo, tags",
    samples=_info,
)
OF_WORKSPACES: tuple[Metric[NamedWorkspace], ...] = (
    Metric(
        "anthropic_workspace_created_timestamp_seconds",
        "Unix time in seconds at which the workspace was created",
        "Unix time",
        own=("workspace_id",),
        api_fields="created_at",
        samples=lambda named: _time(named.workspace_id, named.row.created_at),
    ),
)
USERS: tuple[Metric[User], ...] = (
    Metric(
        "anthropic_organization_users",
        "Users of the organization by role",
        "users",
        own=("role",),
        api_fields="role",
        samples=lambda row: (((row.role or NONE,), 1),),
    ),
)
API_KEYS: tuple[Metric[NamedKey], ...] = (
    Metric(
        "anthropic_api_key_info",
        "1 for each API key, whatever its status, with its name, its workspace and the ID of its creator",
        "1",
        own=("api_key_id", "api_key", "workspace_id", "workspace", "status", "created_by"),
        api_fields="id, name, scope.workspace_id, workspace_id, status, created_by",
        samples=lambda named: (
            (
                (
                    named.row.id,
                    named.row.name or named.row.id,
                    named.workspace_id,
                    named.workspace,
                    named.row.status or NONE,
                    named.created_by,
                ),
                1,
            ),
        ),
    ),
    Metric(
        "anthropic_api_key_created_timestamp_seconds",
        "Unix time in seconds at which the API key was created",
        "Unix time",
        own=("api_key_id",),
        api_fields="created_at",
        samples=lambda named: _time(named.row.id, named.row.created_at),
    ),
    Metric(
        "anthropic_api_key_expires_timestamp_seconds",
        "Unix time in seconds at which the API key expires or has expired, absent where it never does",
        "Unix time",
        own=("api_key_id",),
        api_fields="expires_at",
        samples=lambda named: _time(named.row.id, named.row.expires_at),
    ),
)
SERVICE_ACCOUNTS: tuple[Metric[ServiceAccount], ...] = (
    Metric(
        "anthropic_service_accounts",
        "Service accounts of the organization by role, archived ones apart",
        "service accounts",
        own=("role", "archived"),
        api_fields="organization_role, archived_at",
        samples=lambda row: (((row.role or NONE, _flag(row.archived_at)), 1),),
    ),
)
WORKSPACES = (WORKSPACE_INFO, *OF_WORKSPACES)
FAMILIES: tuple[Declared, ...] = (
    *ORGANIZATION,
    *WORKSPACES,
    *USERS,
    *API_KEYS,
    *SERVICE_ACCOUNTS,
    *INVITES,
    *ENGAGEMENT,
)
