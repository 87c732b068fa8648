"""The lists of the organization's workspaces, API keys, users and service accounts."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from exporter.demo.api.errors import ApiError, BadRequestError
from exporter.demo.api.paging import Body, Page, PagingSession, id_page, slice_page
from exporter.demo.api.query import Query
from exporter.demo.simulation.entities import ApiKey, User, Workspace
from exporter.demo.simulation.organization import SimulatedOrganization

MAX_SERVICE_ACCOUNTS = 100
INVITE_STATUSES = ("pending", "accepted", "expired")
FIRST_SUMMARY, MOST_SUMMARIES = date(2026, 1, 1), 366
DEFAULT_SERVICE_ACCOUNTS = 20
VERSION_WITH_WORKSPACE_OF_KEY = "2023-06-01"


class Inventory:
    def __init__(self, organization: SimulatedOrganization) -> None:
        self._organization = organization

    def workspaces(self, query: Query) -> Body:
        organization = self._organization
        default = [organization.default_workspace] if query.flag("include_default") else []
        listed: list[Workspace] = [*default, *organization.workspaces]
        archived_too, ids = query.flag("include_archived"), query.many("ids[]")
        return id_page(
            [
                workspace
                for workspace in listed
                if (archived_too or workspace.archived_at is None) and (not ids or workspace.id in ids)
            ],
            query,
        )

    def api_keys(self, query: Query, version: str, at: datetime) -> Body:
        page = id_page([key for key in self._organization.api_keys(at) if _is_wanted_key(key, query)], query)
        if version == VERSION_WITH_WORKSPACE_OF_KEY:
            page["data"] = [self._old_key(key) for key in page["data"]]
        return page

    def users(self, query: Query) -> Body:
        return id_page([user for user in self._organization.users if _is_wanted_user(user, query)], query)

    def members(self, workspace_id: str, query: Query) -> Body:
        try:
            listed = self._organization.members(workspace_id)
        except KeyError:
            raise ApiError(404, f"No such workspace: {workspace_id}") from None
        return id_page(listed, query)

    def invites(self, query: Query, at: datetime) -> Body:
        statuses, roles = query.many("statuses[]"), query.many("roles[]")
        for status in statuses:
            if status not in INVITE_STATUSES:
                raise BadRequestError(f"statuses[]: Input should be one of {', '.join(INVITE_STATUSES)}")
        return id_page(
            [
                invite
                for invite in self._organization.invites(at)
                if (not statuses or invite.status in statuses)
                and (not roles or invite.role in roles)
                and query.one("email") in {None, invite.email}
            ],
            query,
        )

    def summaries(self, query: Query, session: PagingSession) -> Page:
        """All days on one page; the newest is yesterday."""
        today = session.began.date()
        start, end = query.day("starting_date"), query.day("ending_date") if query.one("ending_date") else today
        if not FIRST_SUMMARY <= start < end <= today or (end - start).days > MOST_SUMMARIES:
            raise BadRequestError("Invalid date range: the newest available day is yesterday")
        query.integer("limit", MOST_SUMMARIES, 1, 1000)
        return Page(self._organization.summaries(start, end), None)

    def service_accounts(self, query: Query, session: PagingSession) -> Page:
        archived_too = query.flag("include_archived")
        accounts = [
            account for account in self._organization.service_accounts if archived_too or account.archived_at is None
        ]
        limit = query.integer("limit", DEFAULT_SERVICE_ACCOUNTS, 1, MAX_SERVICE_ACCOUNTS)
        return slice_page(accounts, session.position, limit)

    def _old_key(self, key: ApiKey) -> dict[str, Any]:
        """With the workspace ID of the earlier API version, which is null for the default workspace."""
        in_default = key.workspace_id == self._organization.default_workspace.id
        fields: dict[str, Any] = msgspec.to_builtins(key)
        return {**fields, "workspace_id": None if in_default else key.workspace_id}


def _is_wanted_key(key: ApiKey, query: Query) -> bool:
    return (
        query.one("status") in {None, key.status}
        and query.one("workspace_id") in {None, key.workspace_id}
        and query.one("created_by_user_id") in {None, key.created_by.id if key.created_by else ""}
    )


def _is_wanted_user(user: User, query: Query) -> bool:
    roles: Sequence[str] = query.many("roles[]")
    return query.one("email") in {None, user.email} and (not roles or user.role in roles)
