from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import subprocess
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.exposition.formats import Format
from exporter.exposition.gzip_member import Body
from exporter.exposition.store import Snapshot
from exporter.web.server import ListenError, listen, urls
from tests.support.endpoint import LARGE, Endpoint, small
from tests.support.processes import PATIENCE_SECONDS

OPENMETRICS = {"accept": "application/openmetrics-text;version=1.0.0"}
GZIP = {"accept-encoding": "gzip"}
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared: Endpoint) -> Endpoint:
    """One server for most tests, since a server takes a fifth of a second to stop."""
    shared.snapshot = small()
    return shared


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=endpoint.url, headers=PLAIN, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        yield client


def raw(endpoint: Endpoint, request: bytes) -> bytes:
    """Everything that the server sends on one connection."""
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# Metrics


def test_the_text_format_is_the_default(endpoint: Endpoint, client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert "content-encoding" not in answer.headers
    assert "server" not in answer.headers
    assert answer.content == b"".join(endpoint.snapshot.plain[Format.TEXT].chunks)
    assert "anthropic_exporter_build_info" in {family.name for family in parse_text(answer.text)}


def test_openmetrics_is_sent_to_who_asks_for_it(client: httpx.Client) -> None:
    answer = client.get("/metrics", headers=OPENMETRICS)
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.endswith("\n# EOF\n")
    families = {family.name for family in parse_openmetrics(answer.text)}  # type: ignore[no-untyped-call]  # no types there
    assert "anthropic_exporter_day_info" in families


@pytest.mark.parametrize("accept", [{}, OPENMETRICS], ids=["text", "openmetrics"])
def test_gzip_is_one_member_that_holds_the_plain_text(endpoint: Endpoint, accept: dict[str, str]) -> None:
    with (
        httpx.Client(base_url=endpoint.url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", "/metrics", headers={**accept, **GZIP}) as answer,
    ):
        body = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(body))
    with httpx.Client(base_url=endpoint.url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        plain = client.get("/metrics", headers={**accept, **PLAIN})
    assert plain.headers["content-type"] == answer.headers["content-type"]
    assert gzip.decompress(body) == plain.content
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert member.decompress(body) == plain.content
    assert (member.eof, member.unused_data) == (True, b"")


def test_curl_reads_the_compressed_answer(
    endpoint: Endpoint, client: httpx.Client, program: Callable[[str], str]
) -> None:
    curl = program("curl")
    command = [curl, "--noproxy", "*", "--silent", "--show-error", "--fail", "--compressed", f"{endpoint.url}/metrics"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == client.get("/metrics").content


def test_several_lines_of_a_header_count_as_one(endpoint: Endpoint) -> None:
    answer = raw(
        endpoint,
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Accept: text/plain;q=0.1\r\nAccept: application/openmetrics-text\r\n"
        b"Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n",
    )
    assert b"content-type: application/openmetrics-text" in answer
    assert b"content-encoding: gzip" in answer


@pytest.mark.parametrize("headers", [PLAIN, GZIP, PLAIN | OPENMETRICS], ids=["plain", "gzip", "openmetrics"])
@pytest.mark.parametrize("path", ["/metrics", "/", "/-/healthy"])
def test_head_answers_the_headers_of_get_alone(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    got, headed = client.get(path, headers=headers), client.head(path, headers=headers)
    assert headed.status_code == 200
    assert headed.content == b""
    differing = {"date"}
    assert {k: v for k, v in headed.headers.items() if k not in differing} == {
        k: v for k, v in got.headers.items() if k not in differing
    }


def test_a_scrape_gets_the_snapshot_of_the_moment(endpoint: Endpoint, client: httpx.Client) -> None:
    for text in (b"one 1\n", b"two 2\n"):
        bodies = dict.fromkeys(Format, Body((text,), len(text)))
        endpoint.snapshot = Snapshot(bodies, bodies)
        assert client.get("/metrics").content == text


def test_concurrent_scrapes_all_get_the_whole_body(endpoint: Endpoint) -> None:
    plain = b"".join(endpoint.snapshot.plain[Format.TEXT].chunks)

    def scrape(number: int) -> bytes:
        return httpx.get(
            f"{endpoint.url}/metrics", headers=GZIP if number % 2 else PLAIN, trust_env=False, timeout=PATIENCE_SECONDS
        ).content

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(scrape, range(60))) == {plain}


@pytest.fixture
def large(endpoint: Endpoint) -> Endpoint:
    bodies = dict.fromkeys(Format, LARGE)
    endpoint.snapshot = Snapshot(bodies, bodies)
    return endpoint


@contextlib.contextmanager
def not_reading(endpoint: Endpoint) -> Iterator[socket.socket]:
    """A scrape whose answer has begun and is not read on."""
    with socket.create_connection(endpoint.address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield connection


def test_a_large_body_arrives_whole(large: Endpoint, client: httpx.Client) -> None:
    assert len(client.get("/metrics").content) == LARGE.length


def test_slow_readers_do_not_delay_others(large: Endpoint, client: httpx.Client) -> None:
    with contextlib.ExitStack() as readers:
        slow = [readers.enter_context(not_reading(large)) for _ in range(10)]
        assert client.get("/-/healthy").status_code == 200
        assert len(client.get("/metrics").content) == LARGE.length
        rest = sum(map(len, iter(lambda: slow[0].recv(1_000_000), b"")))
    assert rest > LARGE.length  # the body, and the headers after the first line's start


def test_a_slow_reader_gets_the_snapshot_it_began_with(large: Endpoint) -> None:
    with not_reading(large) as slow:
        bodies = dict.fromkeys(Format, Body((b"new 1\n",), 6))
        large.snapshot = Snapshot(bodies, bodies)
        answer = b"".join(iter(lambda: slow.recv(1_000_000), b""))
    assert answer.partition(b"\r\n\r\n")[2] == b"".join(LARGE.chunks)


def test_a_reader_who_goes_away_is_no_error(large: Endpoint, client: httpx.Client) -> None:
    for _ in range(5):
        with not_reading(large):
            pass
    assert client.get("/-/healthy").status_code == 200


def test_stopping_neither_waits_for_who_is_still_reading_nor_calls_it_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with contextlib.ExitStack() as readers:
        with Endpoint() as endpoint:
            bodies = dict.fromkeys(Format, LARGE)
            endpoint.snapshot = Snapshot(bodies, bodies)
            slow = readers.enter_context(not_reading(endpoint))
        # Closed by the server: the end, or a reset, comes before the whole body.
        with contextlib.suppress(ConnectionError):
            assert sum(map(len, iter(lambda: slow.recv(1_000_000), b""))) < LARGE.length
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Health, readiness, the page


def test_it_is_healthy_as_soon_as_it_answers(client: httpx.Client) -> None:
    answer = client.get("/-/healthy")
    assert (answer.status_code, answer.text) == (200, "healthy\n")


def test_it_is_ready_when_the_collectors_have_tried(endpoint: Endpoint, client: httpx.Client) -> None:
    answer = client.get("/-/ready")
    assert (answer.status_code, answer.text) == (503, "not ready: waiting for the collectors' first attempts\n")
    endpoint.snapshot = replace(endpoint.snapshot, is_ready=True)
    answer = client.get("/-/ready")
    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_metrics_are_served_before_it_is_ready(client: httpx.Client) -> None:
    assert client.get("/-/ready").status_code == 503
    assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("has_page", [True, False])
def test_the_page_links_to_the_rest(has_page: bool) -> None:
    with Endpoint(has_page=has_page) as endpoint:
        answer = httpx.get(endpoint.url, trust_env=False, timeout=PATIENCE_SECONDS)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for path in ("/metrics", "/-/healthy", "/-/ready", "/api/v1/status"):
        assert f'<a href="{path}">' in answer.text
    assert "invented" not in answer.text
    assert ("Starting" in answer.text) == has_page


def test_without_the_page_its_numbers_are_still_there_for_programs() -> None:
    with Endpoint(has_page=False) as endpoint:
        answer = httpx.get(f"{endpoint.url}/api/v1/status", trust_env=False, timeout=PATIENCE_SECONDS)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["organizations"] == []


@pytest.mark.parametrize("path", ["/", "/api/v1/status"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_page_and_its_json_are_kept_by_nobody_and_read_as_what_they_are(
    endpoint: Endpoint, client: httpx.Client, path: str, encoding: str, method: str
) -> None:
    answer = client.request(method, path, headers={"accept-encoding": encoding})
    made = endpoint.answers.page if path == "/" else endpoint.answers.json
    assert answer.status_code == 200
    assert answer.content == (made.plain if method == "GET" else b"")
    assert int(answer.headers["content-length"]) == len(made.gzipped if encoding == "gzip" else made.plain)
    assert answer.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
    for name, value in {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "vary": "Accept-Encoding",
    }.items():
        assert answer.headers[name] == value
    assert ("content-security-policy" in answer.headers) == (path == "/")


def test_the_page_follows_the_telemetry_path() -> None:
    with Endpoint(telemetry_path="/probe/anthropic") as endpoint:
        assert '<a href="/probe/anthropic">' in httpx.get(endpoint.url, trust_env=False, timeout=PATIENCE_SECONDS).text
        assert (
            httpx.get(f"{endpoint.url}/probe/anthropic", trust_env=False, timeout=PATIENCE_SECONDS).status_code == 200
        )
        assert httpx.get(f"{endpoint.url}/metrics", trust_env=False, timeout=PATIENCE_SECONDS).status_code == 404


def test_the_demo_s_page_says_that_its_numbers_are_invented() -> None:
    with Endpoint(demo=True) as endpoint:
        assert "these numbers are invented" in httpx.get(endpoint.url, trust_env=False, timeout=PATIENCE_SECONDS).text


# What is not served


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/status"])
def test_other_methods_are_refused_and_told_which_are_not(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/metric", "/metrics/x", "/-/", "/-/quit", "/favicon.ico", "/..%2f..%2fetc/passwd"])
def test_other_paths_are_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "request_bytes",
    [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"],
    ids=["text", "TLS", "another version"],
)
def test_what_is_not_http_harms_nobody(endpoint: Endpoint, client: httpx.Client, request_bytes: bytes) -> None:
    assert b" 200 " not in raw(endpoint, request_bytes)[:20]
    assert client.get("/-/healthy").status_code == 200


@pytest.mark.parametrize("accept", ["text/plain;q*=utf-8''1", ";;;,,,===", '"', "\xff"])
def test_no_accept_header_makes_a_scrape_fail(endpoint: Endpoint, accept: str) -> None:
    line = b"Accept: " + accept.encode("latin-1")
    encoding = b"Accept-Encoding: " + accept.encode("latin-1")
    head = b"\r\n".join([b"GET /metrics HTTP/1.1", b"Host: x", b"Connection: close", line, encoding, b"", b""])
    assert raw(endpoint, head).startswith(b"HTTP/1.1 200 ")


# Sockets


@contextlib.contextmanager
def listening(*addresses: str) -> Iterator[list[socket.socket]]:
    sockets = listen(addresses)
    with contextlib.ExitStack() as opened:
        for one in sockets:
            opened.enter_context(one)
        yield sockets


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as tried:
        tried.bind(("::1", 0))
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback address")


def reaches(host: str, port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, port), timeout=PATIENCE_SECONDS):
        return True
    return False


def test_a_port_alone_is_every_address() -> None:
    with listening(":0") as (one,):
        port = one.getsockname()[1]
        assert reaches("127.0.0.1", port)
        assert urls([one]) == [f"http://localhost:{port}"]


@needs_ipv6
def test_a_port_alone_is_every_address_of_ipv6_too() -> None:
    with listening(":0") as (one,):
        assert reaches("::1", one.getsockname()[1])


def test_an_ipv4_address_is_that_address() -> None:
    with listening("127.0.0.1:0") as (one,):
        host, port = one.getsockname()
        assert (host, reaches("127.0.0.1", port)) == ("127.0.0.1", True)
        assert urls([one]) == [f"http://127.0.0.1:{port}"]


@needs_ipv6
def test_an_ipv6_address_stands_in_brackets() -> None:
    with listening("[::1]:0") as (one,):
        port = one.getsockname()[1]
        assert reaches("::1", port)
        assert not reaches("127.0.0.1", port)
        assert urls([one]) == [f"http://[::1]:{port}"]


def test_a_name_is_looked_up() -> None:
    with listening("localhost:0") as (one,):
        assert reaches("localhost", one.getsockname()[1])


def test_several_addresses_are_listened_on() -> None:
    with listening("127.0.0.1:0", "127.0.0.1:0") as sockets:
        assert len({one.getsockname()[1] for one in sockets}) == 2


def test_an_address_in_use_is_named() -> None:
    with listening("127.0.0.1:0") as (one,):
        address = f"127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(ListenError) as caught:
            listen([address])
    assert str(caught.value) == (
        f"cannot listen on {address}: Address already in use; choose another port with "
        "--web.listen-address=127.0.0.1:PORT"
    )


def test_one_address_in_use_leaves_none_open() -> None:
    with listening("127.0.0.1:0") as (one,):
        free = listen(["127.0.0.1:0"])[0]
        port = free.getsockname()[1]
        free.close()
        with pytest.raises(ListenError):
            listen([f"127.0.0.1:{port}", f"127.0.0.1:{one.getsockname()[1]}"])
        assert not reaches("127.0.0.1", port)


@pytest.mark.parametrize("address", ["192.0.2.1:0", "host.invalid:0"])
def test_an_address_that_is_not_of_this_machine_is_named(address: str) -> None:
    with pytest.raises(ListenError) as caught:
        listen([address])
    assert str(caught.value).startswith(f"cannot listen on {address}: ")
