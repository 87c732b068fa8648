from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from exporter.exposition.formats import Format
from exporter.exposition.store import Snapshot
from exporter.web import protocol
from tests.support.endpoint import LARGE, Endpoint
from tests.support.processes import PATIENCE_SECONDS

REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Patient until a test shortens a deadline: what is healthy must not meet one on a busy machine."""
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 2 * PATIENCE_SECONDS)
    monkeypatch.setattr(protocol, "READ_SECONDS", 2 * PATIENCE_SECONDS)
    with Endpoint() as endpoint:
        yield endpoint


def ask(connection: socket.socket) -> None:
    """One whole exchange."""
    connection.sendall(REQUEST)
    received = b""
    while not received.endswith(b"healthy\n"):
        received += connection.recv(65_536)


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    try:
        while more := connection.recv(65_536):
            received += more
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize("start", [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\n"])
def test_a_request_that_does_not_end_is_cut_off(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.2)
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(start)
        assert until_closed(connection) == b""


def test_a_second_request_that_does_not_end_is_cut_off_too(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        ask(connection)
        monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.2)
        connection.sendall(REQUEST[:10])
        assert until_closed(connection) == b""


def test_an_idle_connection_is_kept_for_the_next_scrape(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 3)
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        ask(connection)
        # Longer than the deadline for a request; waited out on another connection's clock, not slept.
        with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as other:
            until_closed(other)
        ask(connection)


def test_a_request_larger_than_any_scrape_is_cut_off(endpoint: Endpoint) -> None:
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(REQUEST[:-2] + b"X-Large: " + b"x" * protocol.LARGEST_REQUEST_BYTES + b"\r\n\r\n")
        assert until_closed(connection) == b""
        with httpx.Client(base_url=endpoint.url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
            assert client.get("/-/healthy").status_code == 200


def test_a_reader_that_does_not_read_is_cut_off_and_delays_nobody(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = threading.Event()
    lost = protocol.BoundedProtocol.connection_lost

    def connection_lost(self: protocol.BoundedProtocol, exc: Exception | None) -> None:
        lost(self, exc)
        cut.set()

    monkeypatch.setattr(protocol.BoundedProtocol, "connection_lost", connection_lost)
    monkeypatch.setattr(protocol, "READ_SECONDS", 0.2)
    bodies = dict.fromkeys(Format, LARGE)
    endpoint.snapshot = Snapshot(bodies, bodies)
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        with httpx.Client(base_url=endpoint.url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
            assert client.get("/-/healthy").status_code == 200
        assert cut.wait(PATIENCE_SECONDS)
