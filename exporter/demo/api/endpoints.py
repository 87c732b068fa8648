"""What each endpoint of the Admin API answers to a request."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from exporter.demo.api.errors import ApiError, BadRequestError
from exporter.demo.api.inventory import Inventory
from exporter.demo.api.limits import Limits
from exporter.demo.api.paging import Body, Page, PagingSession, Tokens
from exporter.demo.api.query import Query
from exporter.demo.api.reports import USAGE_FILTERS, Reports
from exporter.demo.simulation.organization import SimulatedOrganization

VERSIONS = ("2023-06-01", "2026-10-21")
WORKSPACE_RATE_LIMITS = "workspaces/{workspace_id}/rate_limits"
WORKSPACE_MEMBERS = "workspaces/{workspace_id}/members"
WITHOUT_HAS_MORE = ("analytics/summaries", "service_accounts", "rate_limits", WORKSPACE_RATE_LIMITS, "spend_limits")
NOT_FOR_THIS_ORGANIZATION = "organization_type_not_supported"
MESSAGES_API_KEY = "sk-ant-api03-"

ID_PAGING = ("limit", "after_id", "before_id")
REPORT = ("starting_at", "ending_at", "bucket_width", "group_by[]", "limit", "page")
# The endpoints, and the query parameters that each knows.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "usage_report/messages": (*REPORT, *USAGE_FILTERS),
    "cost_report": REPORT,
    "usage_report/claude_code": ("starting_at", "limit", "page"),
    "me": (),
    "workspaces": (*ID_PAGING, "include_archived", "include_default", "ids[]"),
    "api_keys": (*ID_PAGING, "status", "workspace_id", "created_by_user_id"),
    "users": (*ID_PAGING, "email", "roles[]"),
    "invites": (*ID_PAGING, "email", "roles[]", "statuses[]"),
    WORKSPACE_MEMBERS: ID_PAGING,
    "analytics/summaries": ("starting_date", "ending_date", "filter[]", "limit", "page"),
    "service_accounts": ("limit", "page", "include_archived"),
    "rate_limits": ("group_type", "model", "limit", "page"),
    WORKSPACE_RATE_LIMITS: ("group_type", "include_inherited", "limit", "page"),
    "spend_limits": ("scope_type[]", "workspace_id", "limit", "page"),
}


class Incoming(NamedTuple):
    """A request for an endpoint. Names of headers are in lower case; `ids` are those that the path has, by name."""

    endpoint: str
    params: list[tuple[str, str]]
    headers: Mapping[str, str]
    time: datetime
    ids: Mapping[str, str] = {}


class Answer(NamedTuple):
    """A healthy answer. `same_page` is a cursor that leads to the same page again, where there is paging."""

    body: bytes
    same_page: str | None = None


class Endpoints:
    """Answers requests, or raises the `ApiError` to answer them with."""

    def __init__(
        self, organization: SimulatedOrganization, reports: Reports, *, key: str, forbidden: frozenset[str]
    ) -> None:
        if unknown := forbidden - PARAMETERS.keys():
            raise ValueError(f"no such endpoints: {', '.join(sorted(unknown))}")
        self._organization = organization
        self._inventory = Inventory(organization)
        self._limits = Limits(organization)
        self._reports = reports
        self._key = key
        self._forbidden = forbidden
        self._tokens = Tokens(hashlib.sha256(f"{organization.me.id}/{key}".encode()).digest())

    def answer(self, request: Incoming) -> Answer:
        version = self._admit(request)
        query = Query(request.params, PARAMETERS[request.endpoint])
        if request.endpoint == "me":
            return Answer(_json(self._organization.me))
        listed = self._listed(request, query, version)
        if listed is not None:
            return Answer(_json(listed), query.one("after_id"))
        return self._paged_answer(request, query, version)

    def _listed(self, request: Incoming, query: Query, version: str) -> Body | None:
        """A page of a list that goes on after an ID."""
        match request.endpoint:
            case "workspaces":
                return self._inventory.workspaces(query)
            case "api_keys":
                return self._inventory.api_keys(query, version, request.time)
            case "users":
                return self._inventory.users(query)
            case "invites":
                return self._inventory.invites(query, request.time)
            case "workspaces/{workspace_id}/members":
                return self._inventory.members(request.ids["workspace_id"], query)
        return None

    def _admit(self, request: Incoming) -> str:
        """The API version that the request speaks, if the request may use the endpoint."""
        key, header = request.headers.get("x-api-key"), "x-api-key"
        if key is None:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            header = "bearer token"
            if scheme.lower() != "bearer":
                raise ApiError(401, "x-api-key header is required")
        if key.startswith(MESSAGES_API_KEY):
            raise ApiError(403, "This endpoint requires an Admin API key")
        if key != self._key:
            raise ApiError(401, f"invalid {header}")
        version = request.headers.get("anthropic-version")
        if version is None:
            raise BadRequestError("anthropic-version: header is required")
        if version not in VERSIONS:
            raise BadRequestError(f"anthropic-version: {version!r} is not a valid version")
        if request.endpoint in self._forbidden and request.endpoint == "spend_limits":
            raise ApiError(400, "Spend limits are not available to this organization", code=NOT_FOR_THIS_ORGANIZATION)
        if request.endpoint in self._forbidden:
            raise ApiError(403, "This organization or key has no access to this endpoint")
        return version

    def _paged_answer(self, request: Incoming, query: Query, version: str) -> Answer:
        session = self._tokens.session(request.endpoint.format(**request.ids), query, request.time.astimezone(UTC))
        page = self._page(request, query, version, session)
        following = None if page.next_position is None else self._tokens.token(session, page.next_position)
        body: Body = {"data": page.data, "next_page": following}
        if request.endpoint not in WITHOUT_HAS_MORE:
            body["has_more"] = following is not None
        return Answer(_json(body), self._tokens.token(session, session.position))

    def _page(self, request: Incoming, query: Query, version: str, session: PagingSession) -> Page:
        match request.endpoint:
            case "usage_report/messages":
                return self._reports.usage(query, session, _betas(request))
            case "cost_report":
                return self._reports.cost(query, session)
            case "usage_report/claude_code":
                return self._reports.claude_code(query, session)
            case "analytics/summaries":
                return self._inventory.summaries(query, session)
            case "service_accounts":
                return self._inventory.service_accounts(query, session)
            case _:
                return self._page_of_limits(request, query, version, session)

    def _page_of_limits(self, request: Incoming, query: Query, version: str, session: PagingSession) -> Page:
        match request.endpoint:
            case "rate_limits":
                return self._limits.organization(query, version, session)
            case "spend_limits":
                return self._limits.spend(query, session, _betas(request))
            case _:
                return self._limits.workspace(request.ids["workspace_id"], query, session)


def _betas(request: Incoming) -> list[str]:
    return [beta.strip() for beta in request.headers.get("anthropic-beta", "").split(",")]


def _json(value: object) -> bytes:
    # msgspec knows no subclass of datetime, which clocks under test make.
    return msgspec.json.encode(value, enc_hook=datetime.isoformat)
