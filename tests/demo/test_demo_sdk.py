"""The official SDK as an independent witness of the demo API: it knows nothing of ours and validates what it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anthropic import Anthropic

from exporter.api.endpoints import CLAUDE_CODE, COST, ENDPOINTS, ME, SUMMARIES, USAGE
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization

KEY = "sk-ant-admin01-sdk"
ORGANIZATION = SimulatedOrganization(seed=1, actors=12, workspaces=5)
WORKSPACE = ORGANIZATION.workspaces[1]
# The current SDK has no methods for these.
WITHOUT_METHOD = {USAGE.name, COST.name, CLAUDE_CODE.name}

# How it lists what an endpoint has, so many at a time.
List = Callable[[Anthropic, int], Any]
LISTS: dict[str, tuple[List, Callable[[], int]]] = {
    "workspaces": (
        lambda client, limit: client.organization.workspaces.list(limit=limit, include_archived=True),
        lambda: len(ORGANIZATION.workspaces),
    ),
    "api_keys": (
        lambda client, limit: client.organization.api_keys.list(limit=limit),
        lambda: len(ORGANIZATION.api_keys(datetime.now(UTC))),
    ),
    "users": (lambda client, limit: client.organization.users.list(limit=limit), lambda: len(ORGANIZATION.users)),
    "invites": (
        lambda client, limit: client.organization.invites.list(limit=limit),
        lambda: len(ORGANIZATION.invites(datetime.now(UTC))),
    ),
    "workspaces/{workspace_id}/members": (
        lambda client, limit: client.organization.workspaces.members.list(WORKSPACE.id, limit=limit),
        lambda: len(ORGANIZATION.members(WORKSPACE.id)),
    ),
    "service_accounts": (
        lambda client, limit: client.organization.service_accounts.list(limit=limit, include_archived=True),
        lambda: len(ORGANIZATION.service_accounts),
    ),
    "rate_limits": (
        lambda client, limit: client.organization.rate_limits.list(limit=limit),
        lambda: len(ORGANIZATION.rate_limits),
    ),
    "workspaces/{workspace_id}/rate_limits": (
        lambda client, limit: client.organization.workspaces.rate_limits.list(
            WORKSPACE.id, include_inherited=True, limit=limit
        ),
        lambda: len(ORGANIZATION.workspace_rate_limits(WORKSPACE.id, inherited=True)),
    ),
    "spend_limits": (
        lambda client, limit: client.beta.organization.spend_limits.list(limit=limit),
        lambda: len(ORGANIZATION.spend_limits),
    ),
}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with running(AdminApi(ORGANIZATION, key=KEY)) as url:
        yield url


@pytest.fixture(params=["x-api-key", "bearer"])
def client(request: pytest.FixtureRequest, base_url: str) -> Iterator[Anthropic]:
    api_key, token = (KEY, None) if request.param == "x-api-key" else (None, KEY)
    with Anthropic(
        api_key=api_key, auth_token=token, base_url=base_url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_every_endpoint_that_the_exporter_reads_is_read_by_the_sdk_where_it_has_a_method() -> None:
    assert {*LISTS, ME.name, SUMMARIES.name} | WITHOUT_METHOD == {endpoint.name for endpoint in ENDPOINTS}


def test_it_reads_the_organization(client: Anthropic) -> None:
    assert client.organization.retrieve().name == ORGANIZATION.me.name


def test_it_reads_engagement(client: Anthropic) -> None:
    start = datetime.now(UTC).date() - timedelta(days=9)
    days = list(client.organization.analytics.summaries.list(starting_date=start))
    assert [day.starting_at.date() for day in days] == [start + timedelta(days=number) for number in range(9)]


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("endpoint", LISTS)
def test_it_reads_all_of_a_list_page_by_page(endpoint: str, limit: int, client: Anthropic) -> None:
    listed, count = LISTS[endpoint]
    pages = list(listed(client, limit).iter_pages())
    rows = [row for page in pages for row in page.data]
    assert len(rows) == count()
    assert len(pages) == max(1, -(-len(rows) // limit))
