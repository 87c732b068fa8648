"""Whatever answers, and however: a page, or an `ApiError` with the reason that the status decides; never a defect."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.api.client import Client, Reply, Request
from exporter.api.errors import ApiError
from exporter.api.redact import LONGEST_MESSAGE
from exporter.contract.state import Reason
from tests.support.asking import FINE, PATH, REQUEST
from tests.support.scripted import KEY, REQUEST_ID, Answer, ScriptedApi, connect, error

BODIES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'"text"',
    b"1e999",
    b"9" * 5000,
    b'{"message":"Service Unavailable"}',
    b'{"error":"text"}',
    b'{"error":null}',
    b'{"error":{}}',
    b'{"error":{"type":5,"message":[]}}',
    b'{"error":{"type":"forbidden","message":"no"}}',
    b'{"type":"error","error":{"type":"permission_error","message":"no","details":[]}}',
    b'{"type":"error","error":{"type":"not_found_error","message":"no"}}',
    b'{"type":"error","error":{"type":"x_error","details":{"error_code":"organization_type_not_supported"}}}',
    b'{"error":' + b"[" * 60_000,
    b"[" * 200_000,
    b'{"error":{"message":"\xff\\ud83d"}}',
    b"<html><title>Just a moment...</title></html>",
    b"<title>",
    b"\x00\xff" * 50,
    gzip.compress(b'{"data":[]}'),
    gzip.compress(gzip.compress(b" " * 1000)),
]
OWN = (b'"permission_error"', b'"not_found_error"', b'"x_error"')
HEADERS: dict[str, list[str]] = {
    "location": ["javascript:alert(1)", "http://[", "", "/v1", "//", "http://\xff/", "data:x", "https://host:port"],
    "content-type": ["", "text/html; charset=\xff", "application/json; charset=utf-7", "\x01" * 10, "x" * 9000, ";;=;"],
    "content-encoding": ["", "identity", "gzip", "GZIP", "gzip, gzip", "deflate", "br", "\xff", "none"],
    "retry-after": ["", "soon", "-1", "nan", "1e999", "Mon, 99 Nov 2026", "\xff", "9" * 400],
    "retry-after-ms": ["1", "1e-400", "0x1"],
    "anthropic-ratelimit-requests-reset": ["never", "9999-12-31T23:59:59Z", "2026-11-21T12:00:00+99:99"],
    "set-cookie": ["a=b", "=", ";;;", "a=b; domain=\xff; expires=never", "a=" + "b" * 4000],
    "x-should-retry": ["true", "false", "maybe", ""],
    "date": ["", "yesterday", "\xff"],
    "request-id": ["", "\xe9" * 300, "req\t1"],
    "link": ["<>; rel=next"],
    "x-large": ["x" * 20_000],
    "connection": ["close", "upgrade", "keep-alive, \xff"],
    "upgrade": ["h2c", "websocket"],
    "transfer-encoding": ["identity", "gzip", "chunked, chunked", "\xff"],
    "trailer": ["x"],
}
STATUSES = [101, 103, 200, 201, 204, 206, 300, 301, 302, 304, 308, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410]
STATUSES += [413, 418, 422, 429, 451, 499, 500, 501, 502, 503, 504, 520, 529, 599, 600, 999]

bodies = st.sampled_from(BODIES) | st.binary(max_size=200)
some_headers = st.lists(
    st.sampled_from(sorted(HEADERS)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(HEADERS[name]))),
    max_size=4,
)


def expected(status: int, body: bytes) -> set[Reason]:
    """The reasons that such a status may have."""
    is_own = any(error_type in body for error_type in OWN)
    if is_own and (status in (403, 404) or b"organization_type_not_supported" in body):
        return {Reason.FORBIDDEN, Reason.AUTH} if status == 401 else {Reason.FORBIDDEN, of(status)}
    return {of(status)}


def of(status: int) -> Reason:
    by_status = {401: Reason.AUTH, 408: Reason.TIMEOUT, 429: Reason.RATE_LIMITED}
    return by_status.get(status, Reason.SERVER if status >= 500 else Reason.REQUEST)


async def asked(client: Client, request: Request = REQUEST) -> Reply | ApiError:
    async with client:
        try:
            return await client.get(request)
        except ApiError as problem:
            return problem


def check(problem: ApiError) -> None:
    """What any failure is like."""
    assert problem.reason is not Reason.BUG
    assert len(problem.message) <= 2 * LONGEST_MESSAGE
    assert str(problem).isprintable()
    assert KEY not in str(problem)
    assert problem.retry_after_seconds is None or problem.retry_after_seconds >= 0


SLOW = [HealthCheck.function_scoped_fixture]


@given(status=st.sampled_from(STATUSES) | st.integers(200, 999), body=bodies, headers=some_headers)
@example(302, b"", [("location", "javascript:alert(1)")])
@example(302, b"", [("location", "http://[")])
@example(503, b'{"message":"Service Unavailable"}', [])
@example(401, b"{}", [])
@example(403, b"{}", [])
@settings(max_examples=300, suppress_health_check=SLOW)
def test_the_status_decides_whatever_the_body_and_headers(
    api: ScriptedApi, status: int, body: bytes, headers: list[tuple[str, str]]
) -> None:
    gathered: dict[str, str | list[str]] = {}
    for name, value in headers:
        gathered[name] = [*gathered.get(name, []), value]
    api.on(PATH, Answer(body, status, gathered))
    outcome = asyncio.run(asked(connect(api, timeout_seconds=5, retry_seconds=0)))
    if isinstance(outcome, Reply):
        assert status == 200
        return
    check(outcome)
    # A header may spoil the answer before its status is known, and the encoding a page.
    if outcome.status is None:
        assert outcome.reason in (Reason.NETWORK, Reason.TIMEOUT)
        assert {"transfer-encoding", "connection", "upgrade"} & gathered.keys() or status in (101, 103, 200)
    elif status == 200:
        assert outcome.reason is Reason.SCHEMA
    else:
        assert outcome.reason in expected(status, body)


HEAD = b"HTTP/1.1 200 OK\r\n"
JSON = b"content-type: application/json\r\n"
GARBAGE = [
    b"",
    b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"HTTP/1.1",
    b"HTTP/1.1 200",
    b"HTTP/1.1 OK 200\r\n\r\n",
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/1.1 099 No\r\n\r\n",
    b"HTTP/1.1 1000 No\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 5,
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nnoise",
    HEAD,
    HEAD + JSON,
    HEAD + b"no colon\r\n\r\n",
    HEAD + b": no name\r\n\r\n",
    HEAD + b"a\x00b: c\r\n\r\n",
    HEAD + b"a: b\x00c\r\n\r\n",
    HEAD + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
    HEAD + b"content-length: -1\r\n\r\n",
    HEAD + b"content-length: 1, 2\r\n\r\n",
    HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n{}{}{}",
    HEAD + b"content-length: 99999999999999999999999999\r\n\r\n{}",
    HEAD + b"content-length: 10\r\n\r\n{}",
    HEAD + b"content-length: 1\r\n\r\n{}",
    HEAD + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n{}",
    HEAD + b"transfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{}",
    HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}",
    HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n{}",
    b"HTTP/1.1 200 \xff\r\n\r\n{}",
    b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\n{}",
]


def outcome_of(api: ScriptedApi, raw: bytes) -> Reply | ApiError:
    api.on(PATH, Answer(raw=raw))
    return asyncio.run(asked(connect(api, timeout_seconds=5, retry_seconds=0)))


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: repr(raw[:40]))
def test_what_is_no_http_is_the_network_s_or_a_page(api: ScriptedApi, raw: bytes) -> None:
    outcome = outcome_of(api, raw)
    if isinstance(outcome, ApiError):
        check(outcome)
        assert outcome.reason is (Reason.REQUEST if outcome.status == 101 else Reason.NETWORK)


@given(
    raw=st.sampled_from(GARBAGE).flatmap(
        lambda raw: st.builds(
            lambda at, noise: raw[: at % (len(raw) + 1)] + noise + raw[at % (len(raw) + 1) :],
            st.integers(0, 300),
            st.binary(max_size=8),
        )
    )
    | st.binary(max_size=300)
)
@settings(max_examples=200, suppress_health_check=SLOW)
def test_no_bytes_on_the_socket_are_a_defect(api: ScriptedApi, raw: bytes) -> None:
    outcome = outcome_of(api, raw)
    if isinstance(outcome, ApiError):
        check(outcome)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 503 No\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\nnonsense",
        b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 503 No\r\ncontent-encoding: gzip\r\n\r\nnonsense",
    ],
)
def test_an_error_s_broken_body_leaves_its_status(api: ScriptedApi, raw: bytes) -> None:
    outcome = outcome_of(api, raw)
    assert isinstance(outcome, ApiError)
    assert (outcome.reason, outcome.status) == (Reason.SERVER, 503)


def test_a_body_is_never_quoted_where_http_ends(api: ScriptedApi) -> None:
    outcome = outcome_of(api, b"hunter2 is no status line\r\n\r\n")
    assert isinstance(outcome, ApiError)
    assert outcome.message.startswith("RemoteProtocolError: illegal status line, at 127.0.0.1:")


@pytest.mark.parametrize("cursor", ["\ud83d", "x" * 70_000], ids=["half a character", "too long for a URL"])
def test_a_cursor_that_fits_no_url_is_an_error_of_the_api_too(api: ScriptedApi, cursor: str) -> None:
    outcome = asyncio.run(asked(connect(api, retry_seconds=0), REQUEST.having(("page", cursor))))
    assert isinstance(outcome, ApiError)
    check(outcome)
    assert outcome.reason is Reason.NETWORK
    assert outcome.message.startswith(("UnicodeEncodeError, at 127.0.0.1:", "InvalidURL, at 127.0.0.1:"))
    assert api.requests == []


# Cookies


def setting_cookies(_: object) -> Answer:
    return Answer(FINE, headers={"set-cookie": [f"c{n}={'x' * 1000}; Path=/" for n in range(3)]})


@pytest.mark.parametrize(
    "script",
    [
        setting_cookies,
        lambda _: Answer(b"", 302, {"set-cookie": ["a=b", "c=d"], "location": "/v1/organizations/me"}),
        lambda _: error(401, set_cookie="a=b; Path=/"),
    ],
    ids=["pages", "redirects", "refusals"],
)
def test_no_cookie_is_ever_sent_back(api: ScriptedApi, script: Callable[[object], object]) -> None:
    api.on(PATH, script)

    async def ask() -> None:
        async with connect(api, retry_seconds=0) as client:
            for _ in range(50):
                await asyncio.gather(client.get(REQUEST), return_exceptions=True)

    asyncio.run(ask())
    assert len(api.requests) == 50
    assert all("cookie" not in seen.headers for seen in api.requests)
    assert len({str(sorted(seen.headers.items())) for seen in api.requests}) == 1


def test_only_gzip_is_asked_for(api: ScriptedApi) -> None:
    api.on(PATH, FINE)
    outcome = asyncio.run(asked(connect(api)))
    assert isinstance(outcome, Reply)
    assert outcome.request_id == REQUEST_ID
    assert api.requests[0].headers["accept-encoding"] == "gzip"
