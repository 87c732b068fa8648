from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import httpx
import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.processes import PATIENCE_SECONDS

Connect = Callable[..., AbstractContextManager[httpx.Client]]

START = ("starting_at", "2026-11-18T00:00:00Z")
ENDPOINTS = {
    "usage_report/messages": {"starting_at": "2026-11-18T00:00:00Z"},
    "cost_report": {"starting_at": "2026-11-18T00:00:00Z"},
    "usage_report/claude_code": {"starting_at": "2026-11-18"},
    "me": {},
    "workspaces": {},
    "api_keys": {},
    "users": {},
    "service_accounts": {},
    "rate_limits": {},
}


def error_of(response: httpx.Response) -> tuple[int, str]:
    """The status and the type of an error, having checked its envelope."""
    body = response.json()
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    assert body["error"]["message"]
    return response.status_code, body["error"]["type"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_answer_names_the_request_and_the_organization(
    client: httpx.Client, organization: SimulatedOrganization, endpoint: str
) -> None:
    first, second = (client.get(endpoint, params=ENDPOINTS[endpoint]) for _ in range(2))
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/json"
    assert first.headers["anthropic-organization-id"] == organization.me.id
    assert first.headers["request-id"].startswith("req_")
    assert first.headers["request-id"] != second.headers["request-id"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"anthropic-version": "2023-06-01"}, (401, "authentication_error")),
        ({"anthropic-version": "2023-06-01", "x-api-key": "sk-ant-admin01-wrong"}, (401, "authentication_error")),
        ({"anthropic-version": "2023-06-01", "x-api-key": "sk-ant-api03-demo"}, (403, "permission_error")),
        ({"x-api-key": "sk-ant-admin01-demo"}, (400, "invalid_request_error")),
        ({"x-api-key": "sk-ant-admin01-demo", "anthropic-version": "2024"}, (400, "invalid_request_error")),
    ],
)
def test_credentials_and_version_are_required(
    client: httpx.Client, endpoint: str, headers: dict[str, str], error: tuple[int, str]
) -> None:
    url = client.base_url.join(endpoint)
    assert (
        error_of(httpx.get(url, params=ENDPOINTS[endpoint], headers=headers, trust_env=False, timeout=PATIENCE_SECONDS))
        == error
    )


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_forbidden_endpoint_is_403_and_the_others_are_not(connect: Connect, now: datetime, endpoint: str) -> None:
    api = AdminApi(SimulatedOrganization(), key="sk-ant-admin01-demo", now=lambda: now, forbidden=frozenset({endpoint}))
    with connect(api) as client:
        statuses = {name: client.get(name, params=params).status_code for name, params in ENDPOINTS.items()}
    assert statuses == {name: 403 if name == endpoint else 200 for name in ENDPOINTS}


def test_forbidden_names_are_checked() -> None:
    with pytest.raises(ValueError, match="no such endpoints: usage"):
        AdminApi(SimulatedOrganization(), key="k", forbidden=frozenset({"usage"}))


@pytest.mark.parametrize("path", ["spend_limits/effective", "../organizations", "me/more"])
def test_other_paths_are_not_found(client: httpx.Client, path: str) -> None:
    assert error_of(client.get(path)) == (404, "not_found_error")


def test_other_methods_are_refused(client: httpx.Client) -> None:
    assert error_of(client.post("me")) == (405, "invalid_request_error")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_unknown_parameters_are_refused(client: httpx.Client, endpoint: str) -> None:
    response = client.get(endpoint, params={**ENDPOINTS[endpoint], "group_by": "model"})
    assert error_of(response) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("endpoint", "params"),
    [
        ("usage_report/messages", []),
        ("usage_report/messages", [("starting_at", "2026-11-18")]),
        ("usage_report/messages", [("starting_at", "2026-11-18T00:00:00")]),
        ("usage_report/messages", [("starting_at", "yesterday")]),
        ("usage_report/messages", [("starting_at", "0001-01-01T00:00:00+14:00")]),
        ("usage_report/messages", [START, START]),
        ("usage_report/messages", [START, ("ending_at", "2026-11-17T00:00:00Z")]),
        ("usage_report/messages", [START, ("bucket_width", "1w")]),
        ("usage_report/messages", [START, ("limit", "0")]),
        ("usage_report/messages", [START, ("limit", "many")]),
        ("usage_report/messages", [START, ("group_by[]", "description")]),
        ("usage_report/messages", [START, ("group_by[]", "speed")]),
        ("usage_report/messages", [START, ("speeds[]", "fast")]),
        ("usage_report/messages", [START, ("page", "page_invented")]),
        ("cost_report", []),
        ("cost_report", [START, ("bucket_width", "1h")]),
        ("cost_report", [START, ("group_by[]", "model")]),
        ("cost_report", [START, ("limit", "32")]),
        ("usage_report/claude_code", []),
        ("usage_report/claude_code", [START]),
        ("usage_report/claude_code", [("starting_at", "20261118")]),
        ("usage_report/claude_code", [("starting_at", "2026-11-18"), ("limit", "1001")]),
        ("usage_report/claude_code", [("starting_at", "2026-11-18"), ("ending_at", "2026-11-19")]),
        ("workspaces", [("include_archived", "perhaps")]),
        ("workspaces", [("limit", "1001")]),
        ("users", [("after_id", "user_unknown")]),
        ("service_accounts", [("limit", "101")]),
        ("rate_limits", [("group_type", "everything")]),
    ],
)
def test_wrong_parameters_are_refused(client: httpx.Client, endpoint: str, params: list[tuple[str, Any]]) -> None:
    assert error_of(client.get(endpoint, params=httpx.QueryParams(params))) == (400, "invalid_request_error")


def test_more_than_five_groups_are_refused(client: httpx.Client) -> None:
    names = ["model", "workspace_id", "service_tier", "api_key_id", "context_window", "inference_geo"]
    response = client.get(
        "usage_report/messages", params=httpx.QueryParams([START, *(("group_by[]", name) for name in names)])
    )
    assert error_of(response) == (400, "invalid_request_error")
    assert response.json()["error"]["message"] == "Cannot specify more than 5 group_by[] dimensions."


@pytest.mark.parametrize(
    "changed",
    [
        {"limit": "2"},
        {"group_by[]": "model"},
        {"bucket_width": "1h"},
        {"starting_at": "2026-11-17T00:00:00Z"},
    ],
)
def test_a_cursor_is_good_for_its_query_only(client: httpx.Client, changed: dict[str, str]) -> None:
    params: dict[str, Any] = {"starting_at": "2026-11-18T00:00:00Z", "limit": "1"}
    token = client.get("usage_report/messages", params=params).json()["next_page"]
    assert client.get("usage_report/messages", params={**params, "page": token}).status_code == 200
    response = client.get("usage_report/messages", params={**params, **changed, "page": token})
    assert error_of(response) == (400, "invalid_request_error")


def test_a_cursor_is_good_for_its_endpoint_only(client: httpx.Client) -> None:
    params = {"starting_at": "2026-11-18T00:00:00Z", "limit": "1"}
    token = client.get("usage_report/messages", params=params).json()["next_page"]
    assert error_of(client.get("cost_report", params={**params, "page": token}))[0] == 400


def test_requests_are_remembered_without_credentials(client: httpx.Client, api: AdminApi, now: datetime) -> None:
    api.requests.clear()
    params = httpx.QueryParams([START, ("group_by[]", "model"), ("group_by[]", "workspace_id")])
    client.get("usage_report/messages", params=params, headers={"authorization": "Bearer secret"})
    (seen,) = api.requests
    assert (seen.endpoint, seen.time) == ("usage_report/messages", now)
    assert seen.params == {"starting_at": ["2026-11-18T00:00:00Z"], "group_by[]": ["model", "workspace_id"]}
    assert seen.headers["anthropic-version"] == "2023-06-01"
    assert not {"x-api-key", "authorization"} & seen.headers.keys()
