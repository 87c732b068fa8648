"""What clients cannot do to the endpoint: hold it, fill it, or fill its log."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from exporter.exposition.formats import Format
from exporter.exposition.gzip_member import Body
from exporter.exposition.store import Snapshot
from exporter.web import guard, protocol, server
from exporter.web.negotiation import accepts_gzip, choose_format
from exporter.web.routes import MOST_AT_ONCE_BYTES
from exporter.web.server import listen, urls
from tests.support.endpoint import LARGE, Endpoint
from tests.support.processes import (
    PATIENCE_SECONDS,
    environment,
    eventually,
    exporter,
    exporter_command,
    free_port,
    get,
    started,
    until_ready,
)
from tests.web.test_protocol import ask, until_closed

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.contextmanager
def connected(endpoint: Endpoint) -> Iterator[socket.socket]:
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        yield connection


def of(body: Body) -> Snapshot:
    bodies = dict.fromkeys(Format, body)
    return Snapshot(bodies, bodies)


def test_a_reader_that_takes_its_time_is_cut_off_however_much_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READ_SECONDS", 0.5)
    monkeypatch.setattr(protocol, "SLOWEST_BYTES_PER_SECOND", 10**12)
    with Endpoint() as endpoint, connected(endpoint) as connection:
        endpoint.snapshot = of(LARGE)
        connection.sendall(SCRAPE)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(1):  # a byte at a time all of it would take minutes
                received += len(more)
        assert 0 < received < LARGE.length


def test_a_large_answer_has_the_time_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READ_SECONDS", 0)
    monkeypatch.setattr(protocol, "SLOWEST_BYTES_PER_SECOND", LARGE.length / (2 * PATIENCE_SECONDS))
    with Endpoint() as endpoint, connected(endpoint) as connection:
        endpoint.snapshot = of(LARGE)
        connection.sendall(SCRAPE)
        received = 0
        while received < LARGE.length:
            received += len(connection.recv(1_000_000))


def test_a_chunk_that_is_large_is_sent_in_parts() -> None:
    text = bytes(range(256)) * (10 * MOST_AT_ONCE_BYTES // 256)
    with Endpoint() as endpoint:
        endpoint.snapshot = of(Body.of([text, b"end\n"]))
        assert get(f"{endpoint.url}/metrics", **{"accept-encoding": "identity"}).content == text + b"end\n"


def test_of_too_many_connections_the_one_that_is_idle_for_the_longest_time_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 4)
    with Endpoint() as endpoint, contextlib.ExitStack() as stack:
        first, second, *others = (stack.enter_context(connected(endpoint)) for _ in range(4))
        for connection in (first, second, *others):
            ask(connection)
        ask(first)  # it is not the oldest any more
        newest = stack.enter_context(connected(endpoint))
        ask(newest)
        assert until_closed(second) == b""
        for connection in (first, *others):
            ask(connection)


def test_who_does_not_ask_goes_before_who_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 2)
    with Endpoint() as endpoint, contextlib.ExitStack() as stack:
        endpoint.snapshot = of(LARGE)
        reading = stack.enter_context(connected(endpoint))
        reading.sendall(SCRAPE)
        assert reading.recv(1000)
        asking = stack.enter_context(connected(endpoint))
        asking.sendall(b"GET /met")
        ask(stack.enter_context(connected(endpoint)))
        assert until_closed(asking) == b""
        received = 0
        while received < LARGE.length - 1000:
            received += len(reading.recv(1_000_000))


MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "words": b"hello\r\n\r\n",
    "HTTP/0.9": b"GET /metrics\r\n\r\n",
    "HTTP/2.0": b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/3.0": b"GET /metrics HTTP/3.0\r\nHost: x\r\n\r\n",
    "no Host": b"GET /metrics HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "two lengths": b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_http_gets_400_and_is_counted(request_: bytes) -> None:
    with Endpoint() as endpoint, connected(endpoint) as connection:
        connection.sendall(request_)
        assert until_closed(connection).startswith(b"HTTP/1.1 400 ")
        assert endpoint.counted == {400: 1}


def test_http_1_0_may_do_without_host() -> None:
    with Endpoint() as endpoint, connected(endpoint) as connection:
        connection.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 200 ")


def test_answers_are_counted_by_status() -> None:
    with Endpoint() as endpoint, httpx.Client(base_url=endpoint.url, trust_env=False) as client:
        for path in ("/metrics", "/metrics", "/-/healthy", "/nothing"):
            client.get(path)
        client.post("/metrics")
        assert endpoint.counted == {200: 3, 404: 1, 405: 1}


def test_of_too_many_requests_some_are_asked_to_come_back_and_probes_are_answered() -> None:
    with Endpoint(most_requests=2) as endpoint, contextlib.ExitStack() as stack:
        endpoint.snapshot = of(LARGE)
        for _ in range(2):
            connection = stack.enter_context(connected(endpoint))
            connection.sendall(SCRAPE)
            assert connection.recv(1000)
        ask(stack.enter_context(connected(endpoint)))  # who is idle does not count
        answer = get(f"{endpoint.url}/metrics")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert get(f"{endpoint.url}/-/healthy").status_code == 200
        assert get(f"{endpoint.url}/-/ready").status_code == 503  # nothing is refreshed here


def test_who_does_not_read_makes_room_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STUCK_SECONDS", 0.1)
    with Endpoint(most_requests=2) as endpoint, contextlib.ExitStack() as stack:
        endpoint.snapshot = of(LARGE)
        for _ in range(2):
            connection = stack.enter_context(connected(endpoint))
            connection.sendall(SCRAPE)
            assert connection.recv(1000)
        plain = {"accept-encoding": "identity"}
        answer = eventually(
            lambda: each if (each := get(f"{endpoint.url}/metrics", **plain)).is_success else None, "an answer"
        )
        assert len(answer.content) == LARGE.length


def test_of_a_header_without_end_the_beginning_is_weighed() -> None:
    """60 kB of it took a third of a second of everybody's time; order, not time: it says what its beginning says."""
    endless = "application/openmetrics-text;version=1.0.0;q=0.5, " + ",".join(["text/plain;q=0.9"] * 10_000)
    assert choose_format(endless) is Format.TEXT
    late = ",".join(["application/xml"] * 40) + ",application/openmetrics-text;version=1.0.0"
    assert choose_format(late) is Format.TEXT
    assert not accepts_gzip(",".join(["br"] * 40) + ",gzip")


def test_all_addresses_of_ipv6_are_those_of_ipv4_too_and_the_url_works() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    (listening,) = listen(["[::]:0"])
    with listening:
        (url,) = urls([listening])
        assert url == f"http://localhost:{listening.getsockname()[1]}"
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, listening.getsockname()[1]), timeout=PATIENCE_SECONDS).close()


def test_a_link_local_address_keeps_its_interface() -> None:
    found = subprocess.run(["ip", "-6", "-o", "addr"], capture_output=True, text=True, check=False).stdout.split("\n")
    local = [line.split() for line in found if " fe80::" in line]
    if not local:
        pytest.skip("no interface of this machine has a link-local address")
    interface, address = local[0][1], local[0][3].partition("/")[0]
    (listening,) = listen([f"[{address}%{interface}]:0"])
    with listening:
        assert listening.getsockname()[3] == socket.if_nametoindex(interface)
        assert urls([listening]) == [f"http://[{address}%25{interface}]:{listening.getsockname()[1]}"]


def test_with_few_file_descriptors_scrapes_are_answered_and_the_log_stays_short() -> None:
    port = free_port()
    command = exporter_command("demo", "--demo.actors=2", f"--web.listen-address=127.0.0.1:{port}")
    url = f"http://127.0.0.1:{port}"
    with started(["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", *command], environment()) as process:
        eventually(lambda: process.answers(f"{url}/-/ready"), "readiness")
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS))
            for _ in range(20):
                assert get(f"{url}/metrics").status_code == 200
        counted = 'anthropic_exporter_web_requests_total{code="200"}'
        assert eventually(lambda: counted in get(f"{url}/metrics").text, "the count")
        assert process.stop(signal.SIGTERM) == 0
    assert len(process.lines) < 60, process.output


def test_malformed_requests_and_websockets_leave_no_line_in_the_log() -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    with exporter("demo", "--demo.actors=2") as (process, base_url):
        until_ready(base_url)
        port = int(base_url.rpartition(":")[2])
        for _ in range(10):
            for request_ in (*MALFORMED.values(), upgrade):
                with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
                    connection.sendall(request_)
                    connection.recv(1)
        get(f"{base_url}/metrics")
        lines = list(process.lines)
    assert not [line for line in lines if "nvalid" in line or "upgrade" in line or "level=error" in line]
