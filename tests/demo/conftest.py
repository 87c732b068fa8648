from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.processes import PATIENCE_SECONDS

Params = list[tuple[str, Any]]


@contextmanager
def _connect(api: AdminApi, **headers: str) -> Iterator[httpx.Client]:
    sent = {"x-api-key": "sk-ant-admin01-demo", "anthropic-version": "2023-06-01", **headers}
    with (
        running(api) as url,
        httpx.Client(
            base_url=f"{url}/v1/organizations", headers=sent, trust_env=False, timeout=PATIENCE_SECONDS
        ) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def connect() -> Callable[..., AbstractContextManager[httpx.Client]]:
    """A client of an API on a real socket, with the credentials that the API wants."""
    return _connect


@pytest.fixture(scope="session")
def now() -> datetime:
    """A Friday afternoon."""
    return datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def organization() -> SimulatedOrganization:
    return SimulatedOrganization()


# Not for longer: a server must not live while other tests freeze the clock.
@pytest.fixture(scope="module")
def served(organization: SimulatedOrganization, now: datetime) -> Iterator[tuple[AdminApi, httpx.Client]]:
    api = AdminApi(organization, key="sk-ant-admin01-demo", now=lambda: now)
    with _connect(api) as client:
        yield api, client


@pytest.fixture
def api(served: tuple[AdminApi, httpx.Client]) -> Iterator[AdminApi]:
    yield served[0]
    served[0].faults.clear()


@pytest.fixture
def client(served: tuple[AdminApi, httpx.Client], api: AdminApi) -> httpx.Client:
    return served[1]


@pytest.fixture(scope="session")
def pages() -> Callable[..., list[list[Any]]]:
    """All pages of a list that is paged by token."""

    def read(client: httpx.Client, path: str, params: Params, **headers: str) -> list[list[Any]]:
        found: list[list[Any]] = []
        token: str | None = None
        while True:
            paging = [("page", token)] if token else []
            response = client.get(path, params=httpx.QueryParams([*params, *paging]), headers=headers)
            assert response.status_code == 200, response.text
            body = response.json()
            found.append(body["data"])
            token = body["next_page"]
            assert body.get("has_more", token is not None) == (token is not None)
            if token is None:
                return found

    return read
