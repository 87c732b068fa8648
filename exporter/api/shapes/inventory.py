"""The organization's lists."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from exporter.api.shapes.envelope import IdPage, Listed, Timestamp, TokenPage
from exporter.contract.untracked import Untracked


class Me(Listed):
    name: str | None = None
    decorations = ("name",)


class DataResidency(Untracked):
    workspace_geo: str | None = None


class Workspace(Listed):
    name: str | None = None
    created_at: Timestamp | None = None
    archived_at: Timestamp | None = None
    data_residency: DataResidency | None = None
    decorations = ("name", "created_at", "archived_at", "data_residency")


class Creator(Untracked):
    id: str | None = None


class Scope(Untracked):
    """Has the real ID of a workspace, even of the default one; none for the whole organization."""

    workspace_id: str | None = None


class ApiKey(Listed):
    name: str | None = None
    status: str | None = None
    created_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    created_by: Creator | None = None
    scope: Scope | None = None
    # Of the version 2023-06-01; null for the default workspace.
    workspace_id: str | UnsetType | None = UNSET
    decorations = ("name", "created_at", "expires_at", "created_by")


class User(Listed):
    email: str | None = None
    role: str | None = None
    decorations = ("email",)


class ServiceAccount(Listed):
    name: str | None = None
    organization_role: str | None = None
    archived_at: Timestamp | None = None
    decorations = ("name", "archived_at")


class WorkspacePage(IdPage, kw_only=True):
    data: list[Workspace]


class ApiKeyPage(IdPage, kw_only=True):
    data: list[ApiKey]


class UserPage(IdPage, kw_only=True):
    data: list[User]


class ServiceAccountPage(TokenPage, kw_only=True):
    data: list[ServiceAccount]
