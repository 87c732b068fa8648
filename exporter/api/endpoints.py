"""The endpoints of the Admin API that the exporter asks: sources, `check` and the documentation read this list.

Pages: https://platform.claude.com/docs/en/api/admin
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar
from urllib.parse import quote

from exporter.api.client import Request
from exporter.api.shapes.claude_code import ClaudeCodePage
from exporter.api.shapes.cost import CostPage
from exporter.api.shapes.envelope import IdPage, Listed, Page
from exporter.api.shapes.inventory import (
    ApiKeyPage,
    InvitePage,
    Me,
    MemberPage,
    ServiceAccountPage,
    SummaryPage,
    UserPage,
    WorkspacePage,
)
from exporter.api.shapes.limits import RateLimitPage, SpendLimitPage, WorkspaceRateLimitPage
from exporter.api.shapes.usage import UsagePage

REPORTS_VERSION, LISTS_VERSION = "2023-06-01", "2026-10-21"
# For `group_by[]=speed`.
SPEED_BETA = "fast-mode-2026-02-01"
WORKSPACE = "{workspace_id}"

Shape_co = TypeVar("Shape_co", bound=Page | IdPage | Listed, covariant=True)


class Paging(Enum):
    """The parameter that asks for what follows."""

    TOKEN = "page"  # noqa: S105  no secret
    ID = "after_id"
    NONE = ""


@dataclass(frozen=True)
class Endpoint(Generic[Shape_co]):
    """`name` is its short bounded name, for labels and messages; `params` are those that every request has.

    Where the path has a workspace's ID, the name has `{workspace_id}`.
    """

    name: str
    shape: type[Shape_co]
    paging: Paging
    version: str
    params: tuple[tuple[str, str], ...] = ()
    betas: tuple[str, ...] = ()
    is_report: bool = False
    poll_seconds: float = 60  # between two polls, sustained: a poll may have many pages

    @property
    def path(self) -> str:
        return f"/v1/organizations/{self.name}"

    def request(self, *params: tuple[str, str], betas: tuple[str, ...] = (), workspace_id: str = "") -> Request:
        path = self.path.replace(WORKSPACE, quote(workspace_id, safe=""))
        return Request(self.name, path, (*self.params, *params), self.version, (*self.betas, *betas))


# Whatever its answers look like.
AnyEndpoint = Endpoint[Page | IdPage | Listed]

# Page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
USAGE = Endpoint("usage_report/messages", UsagePage, Paging.TOKEN, REPORTS_VERSION, is_report=True)
# Page: https://platform.claude.com/docs/en/api/admin/cost_report
COST = Endpoint(
    "cost_report",
    CostPage,
    Paging.TOKEN,
    REPORTS_VERSION,
    (("group_by[]", "workspace_id"), ("group_by[]", "description")),
    is_report=True,
)
# Page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_claude_code
CLAUDE_CODE = Endpoint(
    "usage_report/claude_code", ClaudeCodePage, Paging.TOKEN, REPORTS_VERSION, (("limit", "1000"),), is_report=True
)
ME = Endpoint("me", Me, Paging.NONE, LISTS_VERSION)
WORKSPACES = Endpoint(
    "workspaces", WorkspacePage, Paging.ID, LISTS_VERSION, (("limit", "1000"), ("include_archived", "true"))
)
API_KEYS = Endpoint("api_keys", ApiKeyPage, Paging.ID, LISTS_VERSION, (("limit", "1000"),))
USERS = Endpoint("users", UserPage, Paging.ID, LISTS_VERSION, (("limit", "1000"),))
# Page: https://platform.claude.com/docs/en/api/beta/organization/service_accounts
SERVICE_ACCOUNTS = Endpoint(
    "service_accounts",
    ServiceAccountPage,
    Paging.TOKEN,
    LISTS_VERSION,
    (("limit", "100"), ("include_archived", "true")),
)
INVITES = Endpoint("invites", InvitePage, Paging.ID, LISTS_VERSION, (("limit", "1000"),))
WORKSPACE_MEMBERS = Endpoint(
    f"workspaces/{WORKSPACE}/members", MemberPage, Paging.ID, LISTS_VERSION, (("limit", "1000"),)
)
# Page: https://platform.claude.com/docs/en/manage-claude/analytics-api
SUMMARIES = Endpoint("analytics/summaries", SummaryPage, Paging.TOKEN, LISTS_VERSION)
# Page: https://platform.claude.com/docs/en/manage-claude/rate-limits-api
RATE_LIMITS = Endpoint("rate_limits", RateLimitPage, Paging.TOKEN, LISTS_VERSION)
WORKSPACE_RATE_LIMITS = Endpoint(
    f"workspaces/{WORKSPACE}/rate_limits",
    WorkspaceRateLimitPage,
    Paging.TOKEN,
    LISTS_VERSION,
    (("include_inherited", "true"),),
)
# Page: https://platform.claude.com/docs/en/manage-claude/spend-limits-api
SPEND_LIMITS = Endpoint(
    "spend_limits",
    SpendLimitPage,
    Paging.TOKEN,
    LISTS_VERSION,
    tuple(("scope_type[]", scope) for scope in ("organization", "usage_tier", "workspace")),
    betas=("spend-limit-reads-2026-09-26",),
)
ENDPOINTS: tuple[AnyEndpoint, ...] = (
    USAGE,
    COST,
    CLAUDE_CODE,
    ME,
    WORKSPACES,
    API_KEYS,
    USERS,
    SERVICE_ACCOUNTS,
    INVITES,
    WORKSPACE_MEMBERS,
    SUMMARIES,
    RATE_LIMITS,
    WORKSPACE_RATE_LIMITS,
    SPEND_LIMITS,
)
