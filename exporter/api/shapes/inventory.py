"""The organization's lists."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from exporter.api.shapes.envelope import Count, IdPage, Listed, Timestamp, TokenPage
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
    tags: dict[str, str] | None = None
    decorations = ("name", "created_at", "archived_at", "data_residency", "tags")


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


class Invite(Listed):
    """Has an e-mail address, which is not read."""

    role: str | None = None
    status: str | None = None
    expires_at: Timestamp | None = None
    decorations = ("expires_at",)


class Member(Listed):
    id: str = field(name="user_id")
    workspace_role: str | None = None


class Summary(Listed):
    """A day of Claude Enterprise's engagement report. What is of a product is left out where it is not reported."""

    id: str = field(name="starting_at")
    daily_active_user_count: Count | None = None
    weekly_active_user_count: Count | None = None
    monthly_active_user_count: Count | None = None
    assigned_seat_count: Count | None = None
    pending_invite_count: Count | None = None
    chat_daily_active_user_count: Count | None = None
    chat_weekly_active_user_count: Count | None = None
    chat_monthly_active_user_count: Count | None = None
    chat_cowork_unified_daily_active_user_count: Count | None = None
    chat_cowork_unified_weekly_active_user_count: Count | None = None
    chat_cowork_unified_monthly_active_user_count: Count | None = None
    claude_code_daily_active_user_count: Count | None = None
    claude_code_weekly_active_user_count: Count | None = None
    claude_code_monthly_active_user_count: Count | None = None
    claude_design_daily_active_user_count: Count | None = None
    claude_design_weekly_active_user_count: Count | None = None
    claude_design_monthly_active_user_count: Count | None = None
    claude_tag_daily_active_user_count: Count | None = None
    claude_tag_weekly_active_user_count: Count | None = None
    claude_tag_monthly_active_user_count: Count | None = None
    cowork_daily_active_user_count: Count | None = None
    cowork_weekly_active_user_count: Count | None = None
    cowork_monthly_active_user_count: Count | None = None
    office_agent_daily_active_user_count: Count | None = None
    office_agent_weekly_active_user_count: Count | None = None
    office_agent_monthly_active_user_count: Count | None = None
    science_daily_active_user_count: Count | None = None
    science_weekly_active_user_count: Count | None = None
    science_monthly_active_user_count: Count | None = None


class WorkspacePage(IdPage, kw_only=True):
    data: list[Workspace]


class ApiKeyPage(IdPage, kw_only=True):
    data: list[ApiKey]


class UserPage(IdPage, kw_only=True):
    data: list[User]


class ServiceAccountPage(TokenPage, kw_only=True):
    data: list[ServiceAccount]


class InvitePage(IdPage, kw_only=True):
    data: list[Invite]


class MemberPage(IdPage, kw_only=True):
    data: list[Member]


class SummaryPage(TokenPage, kw_only=True):
    data: list[Summary]
