"""The lists of rate limits, and that of spend limits."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from exporter.demo.api.errors import ApiError, BadRequestError
from exporter.demo.api.paging import Page, PagingSession, slice_page
from exporter.demo.api.query import Query
from exporter.demo.simulation.limits import RateLimit, WorkspaceRateLimit
from exporter.demo.simulation.organization import SimulatedOrganization

GROUP_TYPES = ("model_group", "batch", "token_count", "files", "skills", "web_search")
MAX_LIMITS = 1000
VERSION_WITH_TYPE_OF_ENTRY = "2023-06-01"


SPEND_BETA = "spend-limit-reads-2026-09-26"
SCOPE_TYPES = ("organization", "organization_service", "rbac_group", "seat_tier", "usage_tier", "user", "workspace")
DEFAULT_SPEND_LIMITS, MAX_SPEND_LIMITS = 20, 1000


class Limits:
    def __init__(self, organization: SimulatedOrganization) -> None:
        self._organization = organization

    def organization(self, query: Query, version: str, session: PagingSession) -> Page:
        """Without `limit` all on one page."""
        listed = [row for row in self._organization.rate_limits if _is_of_type(row, query)]
        model = query.one("model")
        if model is not None:
            listed = [row for row in listed if model in (row.models or ())]
            if not listed:
                raise ApiError(404, f"model: {model} has no rate limits")
        page = _page(listed, query, session)
        return page if version != VERSION_WITH_TYPE_OF_ENTRY else page._replace(data=_with_type(page.data))

    def workspace(self, workspace_id: str, query: Query, session: PagingSession) -> Page:
        inherited = query.flag("include_inherited")
        try:
            listed = self._organization.workspace_rate_limits(workspace_id, inherited=inherited)
        except KeyError:
            raise ApiError(404, f"No such workspace: {workspace_id}") from None
        return _page([row for row in listed if _is_of_type(row, query)], query, session)

    def spend(self, query: Query, session: PagingSession, betas: Collection[str]) -> Page:
        if SPEND_BETA not in betas:
            raise BadRequestError(f"spend_limits: Requires the anthropic-beta header {SPEND_BETA}")
        for scope in (scopes := query.many("scope_type[]")):
            if scope not in SCOPE_TYPES:
                raise BadRequestError(f"scope_type[]: Input should be one of {', '.join(SCOPE_TYPES)}")
        workspace_id = query.one("workspace_id")
        listed = [
            row
            for row in self._organization.spend_limits
            if (not scopes or row.scope.type in scopes) and workspace_id in {None, row.scope.workspace_id}
        ]
        limit = query.integer("limit", DEFAULT_SPEND_LIMITS, 1, MAX_SPEND_LIMITS)
        return slice_page(listed, session.position, limit)


def _page(rows: Sequence[RateLimit | WorkspaceRateLimit], query: Query, session: PagingSession) -> Page:
    return slice_page(rows, session.position, query.integer("limit", MAX_LIMITS, 1, MAX_LIMITS))


def _is_of_type(row: RateLimit | WorkspaceRateLimit, query: Query) -> bool:
    wanted = query.one("group_type")
    return wanted is None or row.group.type == query.choice("group_type", GROUP_TYPES, wanted)


def _with_type(rows: Sequence[RateLimit]) -> list[dict[str, Any]]:
    """As the earlier API version has them."""
    return [{**msgspec.to_builtins(row), "group_type": row.group.type} for row in rows]
