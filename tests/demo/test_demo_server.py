import asyncio
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import perf_counter

import httpx
import pytest

from exporter.demo.api import AdminApi
from exporter.demo.faults import Fault
from exporter.demo.organization import Organization
from exporter.demo.server import running, serving

KEY = "sk-ant-admin01-demo"
HEADERS = {"x-api-key": KEY, "anthropic-version": "2026-10-21"}


def make_api(actors: int = 50) -> AdminApi:
    return AdminApi(Organization(actors=actors), key=KEY, now=lambda: datetime.fromisoformat("2026-11-20T15:30:00Z"))


def test_it_serves_beside_other_tasks() -> None:
    async def names() -> list[str]:
        async with serving(make_api()) as url, httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
            answers = await asyncio.gather(*(client.get(f"{url}/v1/organizations/me") for _ in range(5)))
            return [answer.json()["name"] for answer in answers]

    assert asyncio.run(names()) == ["Example Robotics"] * 5


def test_signal_handlers_stay_as_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def during() -> object:
        async with serving(make_api()) as url, httpx.AsyncClient(trust_env=False) as client:
            await client.get(url)
            return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(during()) == before


def test_it_stops_at_once_even_with_stalled_connections() -> None:
    api = make_api()
    api.faults.add(Fault(kind="stall", endpoint="me"))
    api.faults.add(Fault(kind="drip", endpoint="users", seconds=30))

    def ask(url: str, endpoint: str) -> httpx.Response:
        return httpx.get(f"{url}/v1/organizations/{endpoint}", headers=HEADERS, timeout=30, trust_env=False)

    with ThreadPoolExecutor() as pool:
        with running(api) as url:
            asked = [pool.submit(ask, url, endpoint) for endpoint in ("me", "users")]
            while api.faults.pending:  # each request takes its fault
                httpx.get(url, trust_env=False)
            started = perf_counter()
        assert perf_counter() - started < 1.5
        assert all(isinstance(future.exception(timeout=5), httpx.TransportError) for future in asked)


def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), running(make_api(), port=port):
            pass


def test_answers_do_not_wait_for_delayed_acknowledgements() -> None:
    with running(make_api()) as url, httpx.Client(base_url=url, headers=HEADERS, trust_env=False) as client:
        client.get("/v1/organizations/me")
        started = perf_counter()
        for _ in range(10):
            client.get("/v1/organizations/me")
        assert perf_counter() - started < 0.4


def test_heavy_pages_leave_the_event_loop_free() -> None:
    async def slowest_turn() -> float:
        api = make_api(actors=3000)
        async with serving(api) as url, httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
            path = f"{url}/v1/organizations/usage_report/claude_code?starting_at=2026-11-19&limit=1000"
            page = asyncio.create_task(client.get(path, timeout=30))
            slowest = 0.0
            while not page.done():
                started = perf_counter()
                await asyncio.sleep(0)
                slowest = max(slowest, perf_counter() - started)
            assert len(page.result().json()["data"]) == 1000
            return slowest

    assert asyncio.run(slowest_turn()) < 0.1
