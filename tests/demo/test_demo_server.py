import asyncio
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.endpoints import Answer, Incoming
from exporter.demo.api.server import _listener, running, serving
from exporter.demo.faults.fault import Fault
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.processes import PATIENCE_SECONDS

KEY = "sk-ant-admin01-demo"
HEADERS = {"x-api-key": KEY, "anthropic-version": "2026-10-21"}


def make_api(actors: int = 50) -> AdminApi:
    return AdminApi(
        SimulatedOrganization(actors=actors), key=KEY, now=lambda: datetime.fromisoformat("2026-11-20T15:30:00Z")
    )


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(headers=HEADERS, trust_env=False, timeout=2 * PATIENCE_SECONDS)


def test_it_serves_beside_other_tasks() -> None:
    async def names() -> list[str]:
        async with serving(make_api()) as url, _client() as client:
            answers = await asyncio.gather(*(client.get(f"{url}/v1/organizations/me") for _ in range(5)))
            return [answer.json()["name"] for answer in answers]

    assert asyncio.run(names()) == ["Example Robotics"] * 5


def test_signal_handlers_stay_as_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def during() -> object:
        async with serving(make_api()) as url, _client() as client:
            await client.get(url)
            return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(during()) == before


def test_it_stops_before_stalled_answers_have_ended() -> None:
    api = make_api()
    api.faults.add(Fault(kind="stall", endpoint="me", seconds=3600))
    api.faults.add(Fault(kind="drip", endpoint="users", seconds=3600))

    def ask(url: str, endpoint: str) -> httpx.Response:
        return httpx.get(f"{url}/v1/organizations/{endpoint}", headers=HEADERS, timeout=7200, trust_env=False)

    with ThreadPoolExecutor() as pool:
        with running(api) as url:
            asked = [pool.submit(ask, url, endpoint) for endpoint in ("me", "users")]
            while api.faults.pending:  # each request takes its fault
                httpx.get(url, trust_env=False, timeout=PATIENCE_SECONDS)
        assert all(isinstance(future.exception(PATIENCE_SECONDS), httpx.TransportError) for future in asked)


def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), running(make_api(), port=port):
            pass


def test_answers_do_not_wait_for_delayed_acknowledgements() -> None:
    with _listener("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_heavy_pages_leave_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop has a turn between the beginning of the work and its end."""
    turned = threading.Event()

    async def page() -> httpx.Response:
        loop = asyncio.get_running_loop()
        api = make_api()
        ordinary = api._endpoints.answer

        def answer(incoming: Incoming) -> Answer:
            loop.call_soon_threadsafe(turned.set)
            assert turned.wait(PATIENCE_SECONDS)
            return ordinary(incoming)

        monkeypatch.setattr(api._endpoints, "answer", answer)
        async with serving(api) as url, _client() as client:
            path = f"{url}/v1/organizations/usage_report/claude_code?starting_at=2026-11-19&limit=1000"
            return await client.get(path)

    assert asyncio.run(page()).json()["data"]
    assert turned.is_set()
