"""The objects of the organization's inventory, shaped as the Admin API (version 2026-10-21) lists them."""

from datetime import date, datetime
from typing import Literal

import msgspec

KeyStatus = Literal["active", "inactive", "archived", "expired"]
OrganizationRole = Literal["admin", "developer"]
InviteStatus = Literal["accepted", "expired", "pending"]


class Me(msgspec.Struct, frozen=True, tag_field="type", tag="organization"):
    id: str
    name: str


class DataResidency(msgspec.Struct, frozen=True):
    allowed_inference_geos: list[str] | Literal["unrestricted"] = "unrestricted"
    default_inference_geo: str = "global"
    workspace_geo: str = "us"


class Workspace(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="workspace"):
    id: str
    name: str
    created_at: datetime
    archived_at: datetime | None = None
    display_color: str
    compartment_id: str
    data_residency: DataResidency = DataResidency()
    external_key_id: str | None = None
    tags: dict[str, str] = {}
    user_profile_id: str | None = None

    def open_on(self, day: date) -> bool:
        return self.created_at.date() <= day and (self.archived_at is None or day < self.archived_at.date())


class Creator(msgspec.Struct, frozen=True):
    id: str
    type: Literal["user", "service_account"] = "user"


class WorkspaceScope(msgspec.Struct, frozen=True, tag_field="type", tag="workspace"):
    workspace_id: str


class OrganizationScope(msgspec.Struct, frozen=True, tag_field="type", tag="organization"):
    pass


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="api_key"):
    id: str
    name: str
    status: KeyStatus = "active"
    created_at: datetime
    expires_at: datetime | None = None
    created_by: Creator | None
    partial_key_hint: str
    principal: None = None
    scope: WorkspaceScope | OrganizationScope

    @property
    def workspace_id(self) -> str | None:
        """The real ID, also of the default workspace; None when the key belongs to the whole organization."""
        return self.scope.workspace_id if isinstance(self.scope, WorkspaceScope) else None

    def as_of(self, at: datetime) -> "ApiKey":
        is_expired = self.expires_at is not None and self.expires_at <= at
        return msgspec.structs.replace(self, status="expired") if is_expired else self


class User(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="user"):
    id: str
    email: str
    name: str
    role: str
    added_at: datetime


class Member(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="workspace_member"):
    user_id: str
    workspace_id: str
    workspace_role: str

    @property
    def id(self) -> str:
        """As lists go on after it."""
        return self.user_id


class Invite(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="invite"):
    id: str
    email: str
    role: str
    status: InviteStatus
    invited_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    rbac_group_ids: list[str] = []


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="service_account"):
    id: str
    name: str
    description: str | None = None
    organization_role: OrganizationRole = "developer"
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    created_by_actor_id: str | None = None
