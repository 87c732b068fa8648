"""The official SDK as an independent witness of the demo API: it knows nothing of ours and validates what it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from anthropic import Anthropic

from exporter.api.endpoints import CLAUDE_CODE, COST, ENDPOINTS, ME, USAGE
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
    credentials = {"api_key": KEY} if request.param == "x-api-key" else {"auth_token": KEY}
    with Anthropic(**credentials, base_url=base_url, max_retries=0, _strict_response_validation=True) as client:
        yield client


def test_every_endpoint_that_the_exporter_reads_is_read_by_the_sdk_where_it_has_a_method() -> None:
    assert {*LISTS, ME.name} | WITHOUT_METHOD == {endpoint.name for endpoint in ENDPOINTS}
    assert not {*LISTS, ME.name} & WITHOUT_METHOD


def test_it_reads_the_organization(client: Anthropic) -> None:
    assert client.organization.retrieve().name == ORGANIZATION.me.name


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("endpoint", LISTS)
def test_it_reads_all_of_a_list_page_by_page(endpoint: str, limit: int, client: Anthropic) -> None:
    listed, count = LISTS[endpoint]
    pages = list(listed(client, limit).iter_pages())
    rows = [row for page in pages for row in page.data]
    assert len(rows) == count()
    assert len(pages) == max(1, -(-len(rows) // limit))
