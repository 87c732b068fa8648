"""What belongs to the organization, as records and as metrics: workspaces, API keys, users, service accounts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from msgspec import UNSET

from exporter.api.wire import ApiKey, Me, ServiceAccount, User, Workspace
from exporter.collectors.directory import Directory
from exporter.metrics import NONE, Metric, Sample


class WorkspaceRecord(NamedTuple):
    workspace_id: str
    workspace: str
    archived: str
    geo: str
    created_at: datetime | None


class ApiKeyRecord(NamedTuple):
    api_key_id: str
    api_key: str
    workspace_id: str
    workspace: str
    status: str
    created_by: str
    created_at: datetime | None
    expires_at: datetime | None


def workspace_record(row: Workspace, directory: Directory) -> WorkspaceRecord:
    workspace, workspace_id = directory.workspace(row.id)
    geo = row.data_residency.workspace_geo if row.data_residency else None
    return WorkspaceRecord(workspace_id, workspace, _flag(row.archived_at), geo or NONE, row.created_at)


def api_key_record(row: ApiKey, directory: Directory) -> ApiKeyRecord:
    workspace, workspace_id = _workspace_of(row, directory)
    return ApiKeyRecord(
        api_key_id=row.id,
        api_key=row.name or row.id,
        workspace_id=workspace_id,
        workspace=workspace,
        status=row.status or NONE,
        created_by=(row.created_by.id if row.created_by else None) or NONE,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _workspace_of(key: ApiKey, directory: Directory) -> tuple[str, str]:
    """(name, ID), both `none` for a key of the whole organization."""
    if key.scope is None and key.workspace_id is not UNSET:  # the older shape, where null is the default workspace
        return directory.workspace(key.workspace_id)
    if key.scope is None or key.scope.workspace_id is None:
        return NONE, NONE
    return directory.workspace(key.scope.workspace_id)


def _flag(archived_at: datetime | None) -> str:
    return "true" if archived_at else "false"


def _time(identifier: str, moment: datetime | None) -> Iterable[Sample]:
    """Unix time; no sample where there is none."""
    return (((identifier,), moment.timestamp()),) if moment else ()


def _help(what: str) -> str:
    return f"{what}; refreshed in the background, not at the scrape."


ORGANIZATION: tuple[Metric[Me], ...] = (
    Metric(
        "anthropic_organization_info",
        _help("1 for the organization that the key belongs to, with its name"),
        "id, name",
        lambda row: (((row.id, row.name or row.id), 1),),
        labels=("organization_id", "organization_name"),
    ),
)
WORKSPACES: tuple[Metric[WorkspaceRecord], ...] = (
    Metric(
        "anthropic_workspace_info",
        _help("1 for each workspace, archived ones too, with its name and the region of its data"),
        "id, name, archived_at, data_residency.workspace_geo",
        lambda record: (((record.workspace_id, record.workspace, record.archived, record.geo), 1),),
        labels=("workspace_id", "workspace", "archived", "workspace_geo"),
    ),
    Metric(
        "anthropic_workspace_created_timestamp_seconds",
        _help("Unix time in seconds at which the workspace was created"),
        "created_at",
        lambda record: _time(record.workspace_id, record.created_at),
        labels=("workspace_id",),
    ),
)
USERS: tuple[Metric[User], ...] = (
    Metric(
        "anthropic_organization_users",
        _help("Users of the organization by role"),
        "role",
        lambda row: (((row.role or NONE,), 1),),
        labels=("role",),
    ),
)
API_KEYS: tuple[Metric[ApiKeyRecord], ...] = (
    Metric(
        "anthropic_api_key_info",
        _help("1 for each API key, whatever its status, with its name, its workspace and the ID of its creator"),
        "id, name, scope.workspace_id, workspace_id, status, created_by",
        lambda record: (
            (
                (
                    record.api_key_id,
                    record.api_key,
                    record.workspace_id,
                    record.workspace,
                    record.status,
                    record.created_by,
                ),
                1,
            ),
        ),
        labels=("api_key_id", "api_key", "workspace_id", "workspace", "status", "created_by"),
    ),
    Metric(
        "anthropic_api_key_created_timestamp_seconds",
        _help("Unix time in seconds at which the API key was created"),
        "created_at",
        lambda record: _time(record.api_key_id, record.created_at),
        labels=("api_key_id",),
    ),
    Metric(
        "anthropic_api_key_expires_timestamp_seconds",
        _help("Unix time in seconds at which the API key expires or has expired, absent where it never does"),
        "expires_at",
        lambda record: _time(record.api_key_id, record.expires_at),
        labels=("api_key_id",),
    ),
)
SERVICE_ACCOUNTS: tuple[Metric[ServiceAccount], ...] = (
    Metric(
        "anthropic_service_accounts",
        _help("Service accounts of the organization by role, archived ones apart"),
        "organization_role, archived_at",
        lambda row: (((row.organization_role or NONE, _flag(row.archived_at)), 1),),
        labels=("role", "archived"),
    ),
)
