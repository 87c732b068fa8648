from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporter import __version__
from exporter.api import client
from exporter.api.client import MAX_TRIES, Client, ConnectionSettingsError, Request
from exporter.api.errors import ApiError, Reason
from exporter.api.key import AdminKey
from exporter.api.redact import LONGEST_MESSAGE
from tests.processes import PATIENCE_SECONDS
from tests.scripted import KEY, NOW, REQUEST_ID, Answer, ScriptedApi, Seen, connect, error

PATH = "/v1/organizations/me"
REQUEST = Request("me", PATH)
RESET = "anthropic-ratelimit-requests-reset"
FINE = {"id": "1"}
# Tells the client not to wait between tries.
AT_ONCE = {"retry_after_ms": "1"}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as api:
        yield api


def get(client: Client, request: Request = REQUEST) -> bytes:
    async def ask() -> bytes:
        async with client:
            return (await client.get(request)).body

    return asyncio.run(ask())


def failure(client: Client, request: Request = REQUEST) -> ApiError:
    with pytest.raises(ApiError) as caught:
        get(client, request)
    return caught.value


# What is sent


def test_a_request_carries_key_version_and_user_agent(api: ScriptedApi) -> None:
    api.on(PATH, FINE)
    assert get(connect(api)) == b'{"id": "1"}'
    headers = api.requests[0].headers
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["user-agent"] == f"anthropic-exporter/{__version__}"
    assert headers["accept"] == "application/json"
    assert "anthropic-beta" not in headers
    assert "authorization" not in headers


def test_version_and_betas_are_the_request_s_own(api: ScriptedApi) -> None:
    api.on(PATH, FINE)
    get(connect(api), Request("me", PATH, version="2026-10-21", betas=("one-2026-01-01", "two-2026-02-02")))
    headers = api.requests[0].headers
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["anthropic-beta"] == "one-2026-01-01,two-2026-02-02"


def test_parameters_arrive_as_they_were_given_and_repeated_ones_repeat(api: ScriptedApi) -> None:
    api.on(PATH, FINE)
    params = (("group_by[]", "model"), ("group_by[]", "workspace_id"), ("page", "a+b/c=&d é %41"))
    get(connect(api), REQUEST.having(*params))
    assert api.requests[0].params == params


def test_a_compressed_answer_is_read(api: ScriptedApi) -> None:
    api.on(PATH, Answer(gzip.compress(b'{"id": "1"}'), headers={"content-encoding": "gzip"}))
    assert get(connect(api)) == b'{"id": "1"}'


# What is asked again


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after-ms": "30"},
        {"retry-after": "0.03"},
        {"retry-after-ms": "soon", "retry-after": "0.03"},
        {RESET: (NOW + timedelta(seconds=0.03)).isoformat()},
    ],
    ids=["milliseconds", "seconds", "nonsense before seconds", "reset"],
)
def test_a_rate_limit_is_waited_for_as_long_as_the_api_asks(api: ScriptedApi, headers: dict[str, str]) -> None:
    api.on(PATH, [error(429, **headers), FINE])
    get(connect(api))
    first, second = api.requests
    assert second.at - first.at >= 0.03


@pytest.mark.parametrize("retry_after", ["0", "Sat, 21 Nov 2026 12:00:00 GMT", "Sat, 21 Nov 2020 12:00:00 GMT"])
def test_a_delay_that_is_over_is_no_leave_to_ask_without_a_pause(
    api: ScriptedApi, retry_after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.1)
    api.on(PATH, [error(429, retry_after=retry_after), FINE])
    get(connect(api))
    assert api.requests[1].at - api.requests[0].at >= 0.05


def test_an_error_says_how_many_tries_it_took(api: ScriptedApi) -> None:
    api.on(PATH, error(500, **AT_ONCE))
    with pytest.raises(ApiError) as raised:
        get(connect(api))
    assert raised.value.tries == len(api.requests) == MAX_TRIES


@pytest.mark.parametrize(
    "environ", [{"ALL_PROXY": "socks9://user:secret@proxy"}, {"HTTPS_PROXY": "ftp://user:secret@proxy"}]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    remote = ScriptedApi()
    remote.base_url = "https://api.example"
    with pytest.raises(ConnectionSettingsError, match="HTTPS_PROXY") as raised:
        connect(remote)
    assert "secret" not in str(raised.value)


def test_a_rate_limit_without_a_delay_is_asked_again_after_a_back_off(api: ScriptedApi) -> None:
    api.on(PATH, [error(429), FINE])
    get(connect(api))
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [408, 409, 500, 503, 529])
def test_what_may_pass_is_asked_again(api: ScriptedApi, status: int) -> None:
    api.on(PATH, [error(status, **AT_ONCE), FINE])
    get(connect(api))
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.REQUEST),
        (401, Reason.AUTH),
        (402, Reason.REQUEST),
        (403, Reason.FORBIDDEN),
        (404, Reason.FORBIDDEN),
        (413, Reason.REQUEST),
        (204, Reason.REQUEST),
    ],
)
def test_what_does_not_pass_by_itself_fails_at_once(api: ScriptedApi, status: int, reason: Reason) -> None:
    # An answer of 204 has no body.
    api.on(PATH, error(status) if status != 204 else Answer(b"", status))
    assert failure(connect(api)).reason is reason
    assert len(api.requests) == 1


def test_x_should_retry_false_ends_it(api: ScriptedApi) -> None:
    api.on(PATH, [error(500, x_should_retry="false"), FINE])
    assert failure(connect(api)).reason is Reason.SERVER
    assert len(api.requests) == 1


def test_x_should_retry_true_asks_again(api: ScriptedApi) -> None:
    api.on(PATH, [error(400, x_should_retry="true", **AT_ONCE), FINE])
    get(connect(api))
    assert len(api.requests) == 2


def test_a_lost_connection_is_asked_again(api: ScriptedApi) -> None:
    api.on(PATH, [Answer(FINE, missing_bytes=5), FINE])
    assert get(connect(api)) == b'{"id": "1"}'


# What ends it


def test_an_answer_that_would_fill_the_memory_is_refused(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGEST_PAGE_BYTES", 1000)
    api.on(PATH, Answer(gzip.compress(b" " * 2_000), headers={"content-encoding": "gzip"}))
    refused = failure(connect(api))
    assert (refused.reason, refused.status) == (Reason.SCHEMA, 200)
    assert refused.message == "the answer is larger than 1000 bytes"
    assert len(api.requests) == 1


def test_of_an_endless_error_only_the_start_is_read(api: ScriptedApi) -> None:
    api.on(PATH, Answer(b"x" * 10_000_000, 400))
    refused = failure(connect(api))
    assert (refused.reason, refused.message) == (Reason.REQUEST, "the answer is not the API's error format")


def test_tries_are_bounded(api: ScriptedApi) -> None:
    api.on(PATH, error(529, **AT_ONCE))
    assert failure(connect(api)).status == 529
    assert len(api.requests) == MAX_TRIES


def test_time_is_bounded(api: ScriptedApi) -> None:
    api.on(PATH, error(500, retry_after_ms="1500"))
    assert failure(connect(api, retry_seconds=2.9)).reason is Reason.SERVER
    assert len(api.requests) <= 2 < MAX_TRIES


def test_the_last_try_has_only_the_time_that_is_left(api: ScriptedApi) -> None:
    api.on(PATH, [error(500, retry_after_ms="10"), Answer(stalls=True)])
    start = time.monotonic()
    assert failure(connect(api, timeout_seconds=3600, retry_seconds=2)).reason is Reason.TIMEOUT
    assert time.monotonic() - start < PATIENCE_SECONDS


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after_ms": "3600000"},
        {"retry_after": "3600"},
        {"retry_after": "Sat, 21 Nov 2026 13:00:00 GMT"},
        {RESET: "2026-11-21T13:00:00Z"},
    ],
    ids=["milliseconds", "seconds", "date", "reset"],
)
def test_a_delay_beyond_the_limit_fails_at_once_and_is_passed_on(api: ScriptedApi, headers: dict[str, str]) -> None:
    api.on(PATH, error(429, "slow down", "rate_limit_error", **headers))
    problem = failure(connect(api))
    assert problem.reason is Reason.RATE_LIMITED
    assert problem.retry_after_seconds == 3600
    assert len(api.requests) == 1


def test_without_time_for_retries_there_is_one_try(api: ScriptedApi) -> None:
    api.on(PATH, error(529, **AT_ONCE))
    failure(connect(api, retry_seconds=0))
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(stalls=True), Answer(FINE, drip_seconds=0.05), Answer(b"[" * 100, status=500, drip_seconds=0.05)],
    ids=["stalls", "drips", "drips an error"],
)
def test_an_answer_that_is_not_whole_in_time_is_a_timeout(api: ScriptedApi, answer: Answer) -> None:
    api.on(PATH, answer)
    problem = failure(connect(api, timeout_seconds=0.3, retry_seconds=0))
    assert problem.reason is Reason.TIMEOUT
    assert str(problem) == "me: no whole answer within 0.3 s"


def test_a_refused_connection_is_the_network_s() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    problem = failure(connect(f"http://127.0.0.1:{port}", retry_seconds=0))
    assert problem.reason is Reason.NETWORK
    assert str(problem).startswith("me: ConnectError: ")
    assert problem.status is None


def test_a_host_without_an_address_is_the_network_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    assert failure(connect("http://api.invalid", retry_seconds=0)).reason is Reason.NETWORK


@pytest.mark.parametrize(
    "answer",
    [
        Answer(FINE, missing_bytes=1),
        Answer(b"not gzip", headers={"content-encoding": "gzip"}),
        Answer(FINE, headers={"content-length": "ten"}),
    ],
    ids=["cut off", "not gzip", "no length"],
)
def test_a_broken_body_is_the_network_s(api: ScriptedApi, answer: Answer) -> None:
    api.on(PATH, answer)
    assert failure(connect(api, retry_seconds=0)).reason is Reason.NETWORK


# Redirects, proxies, certificates


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_other_host_never_sees_the_key(api: ScriptedApi, status: int) -> None:
    with ScriptedApi() as other:
        api.on(PATH, Answer(b"", status, {"location": f"{other.base_url}/v1/organizations/me?code=secret"}))
        problem = failure(connect(api))
        assert other.requests == []
    assert problem.reason is Reason.REQUEST
    assert str(problem) == (
        f"me answered {status}: an unexpected redirect, not followed: is the base URL right? (request id {REQUEST_ID})"
    )
    assert len(api.requests) == 1


def test_a_redirect_to_nowhere_is_an_error_like_others(api: ScriptedApi) -> None:
    api.on(PATH, Answer(b"", 302, {"location": "http://[::1:port"}))
    assert isinstance(failure(connect(api, retry_seconds=0)), ApiError)


def through(monkeypatch: pytest.MonkeyPatch, proxy: ScriptedApi) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.base_url)
        monkeypatch.setenv(name.lower(), proxy.base_url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_proxy_never_sees_loopback_traffic(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.on(PATH, FINE)
    with ScriptedApi() as proxy:
        through(monkeypatch, proxy)
        get(connect(api))
        assert proxy.requests == []
    assert len(api.requests) == 1


def test_a_proxy_of_the_environment_is_used_for_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedApi() as proxy:
        proxy.on(PATH, FINE)
        through(monkeypatch, proxy)
        assert get(connect("http://api.invalid")) == b'{"id": "1"}'
        assert proxy.requests[0].headers["host"] == "api.invalid"


@pytest.fixture
def certificates(tmp_path: Path, program: Callable[[str], str]) -> Path:
    """The folder with `ca.pem`, and `server.pem` for 127.0.0.1 signed by it."""
    openssl = program("openssl")
    new = f"{openssl} req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    (tmp_path / "server.ext").write_text(
        "subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n"
    )
    authority = f"{new} -x509 -days 2 -subj /CN=private-ca -addext keyUsage=critical,keyCertSign,cRLSign"
    sign = f"{openssl} x509 -req -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial -extfile server.ext"
    for command in (
        f"{authority} -keyout ca.key -out ca.pem",
        f"{new} -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
        f"{sign} -in server.csr -out server.pem",
    ):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_a_private_authority_is_trusted_only_with_its_file(certificates: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    with ScriptedApi(tls) as api:
        api.on(PATH, FINE)
        problem = failure(connect(api, retry_seconds=0))
        assert problem.reason is Reason.NETWORK
        assert "CERTIFICATE_VERIFY_FAILED" in problem.message
        assert api.requests == []
        assert get(connect(api, ca_file=certificates / "ca.pem")) == b'{"id": "1"}'


# What an error says


def test_an_error_names_status_endpoint_request_id_and_the_api_s_message(api: ScriptedApi) -> None:
    api.on(PATH, error(403, "missing scope", "permission_error"))
    problem = failure(connect(api))
    assert str(problem) == f"me answered 403: missing scope (request id {REQUEST_ID})"
    assert (problem.status, problem.request_id) == (403, REQUEST_ID)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>cf-ray hunter2</body></html>",
        b"",
        b"hunter2",
        b'{"error": "hunter2"}',
        b'{"error": {"message": 2}}',
        b'{"error":' + b"[" * 100_000,
        b'"\xffhunter2"',
    ],
    ids=["html", "empty", "text", "error of another type", "message of another type", "deep", "not UTF-8"],
)
def test_no_part_of_a_body_in_another_format_is_shown(api: ScriptedApi, body: bytes) -> None:
    api.on(PATH, Answer(body, 502, {"content-type": "text/html"}))
    problem = failure(connect(api, retry_seconds=0))
    assert problem.reason is Reason.SERVER
    assert str(problem) == f"me answered 502: the answer is not the API's error format (request id {REQUEST_ID})"


def test_a_message_is_made_fit_to_be_shown(api: ScriptedApi) -> None:
    hostile = (
        f"bad key {KEY}\r\n\x1b[31mlevel=info\u2028 sk-ant-api03-other https://api.anthropic.com/v1/me?email=a@b.c&x=1 "
    )
    api.on(PATH, error(400, hostile + "x" * 1000))
    message = failure(connect(api)).message
    assert message.startswith("bad key … [31mlevel=info sk-ant-… https://api.anthropic.com/v1/me?… xxx")
    assert len(message) == LONGEST_MESSAGE


def test_a_key_of_another_look_is_not_shown_either(api: ScriptedApi) -> None:
    api.on(PATH, error(400, "unknown key hunter2"))
    assert failure(connect(api, key="hunter2")).message == "unknown key …"


def test_a_request_id_is_made_fit_to_be_shown(api: ScriptedApi) -> None:
    api.on(PATH, error(400, request_id="req_\x7f" + "y" * 1000))
    request_id = failure(connect(api)).request_id
    assert request_id is not None
    assert request_id.startswith("req_ yyy")
    assert len(request_id) == 100


def test_an_answer_without_a_request_id_has_none(api: ScriptedApi) -> None:
    api.on(PATH, error(400, "no", request_id=""))
    assert str(failure(connect(api))) == "me answered 400: no"


# What the observer sees


def test_every_single_try_is_observed_with_its_status(api: ScriptedApi) -> None:
    tries: list[tuple[str, str]] = []
    api.on(
        PATH,
        [error(429, **AT_ONCE), error(529, **AT_ONCE), error(401, x_should_retry="true", **AT_ONCE), FINE],
    )
    get(connect(api, observe=lambda endpoint, status, _: tries.append((endpoint, status))))
    assert tries == [("me", "429"), ("me", "529"), ("me", "401"), ("me", "200")]


@pytest.mark.parametrize(
    ("answer", "status"),
    [(Answer(stalls=True), "timeout"), (Answer(b"", missing_bytes=1), "network"), (Answer(b"", 302), "302")],
    ids=["timeout", "network", "redirect"],
)
def test_a_failed_try_is_observed_with_its_duration(api: ScriptedApi, answer: Answer, status: str) -> None:
    tries: list[tuple[str, float]] = []
    api.on(PATH, answer)
    seconds = 0.2 if status == "timeout" else PATIENCE_SECONDS
    failure(connect(api, timeout_seconds=seconds, retry_seconds=0, observe=lambda _, *seen: tries.append(seen)))
    ((observed, seconds),) = tries
    assert observed == status
    assert seconds >= (0.2 if status == "timeout" else 0)


def test_a_request_that_the_exporter_gives_up_itself_is_no_failure_of_the_network(api: ScriptedApi) -> None:
    tries: list[str] = []

    async def cancelled() -> None:
        arrived = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stall(_: Seen) -> Answer:
            loop.call_soon_threadsafe(arrived.set)
            return Answer(stalls=True)

        api.on(PATH, stall)
        async with connect(api, observe=lambda _, status, __: tries.append(status)) as client:
            request = asyncio.create_task(client.get(REQUEST))
            await arrived.wait()
            request.cancel()
            await asyncio.wait([request])
            assert request.cancelled()

    asyncio.run(cancelled())
    assert tries == []


# A key that is refused


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("old")
    return path


def accepts(key: str) -> object:
    return lambda seen: FINE if seen.headers["x-api-key"] == key else error(401, "invalid x-api-key")


def test_a_changed_key_file_is_used_at_once(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("new"))
    key = AdminKey(None, key_file)
    key_file.write_text("new")
    tries: list[str] = []
    get(connect(api, key=key, retry_seconds=0, observe=lambda _, status, __: tries.append(status)))
    assert [seen.headers["x-api-key"] for seen in api.requests] == ["old", "new"]
    assert tries == ["401", "200"]


def test_an_unchanged_key_file_is_a_refused_key(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("new"))
    assert failure(connect(api, key=AdminKey(None, key_file))).reason is Reason.AUTH
    assert len(api.requests) == 1


def test_a_changed_key_that_is_refused_too_is_not_tried_for_ever(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("other"))
    key = AdminKey(None, key_file)
    key_file.write_text("new")
    assert failure(connect(api, key=key)).reason is Reason.AUTH
    assert len(api.requests) == 2


def test_requests_refused_at_the_same_time_all_go_on_with_the_new_key(api: ScriptedApi, key_file: Path) -> None:
    at_once = 8  # as many as the client has connections
    everyone_refused = asyncio.Barrier(at_once)

    async def answer(seen: Seen) -> object:
        if seen.headers["x-api-key"] == "new":
            return FINE
        await everyone_refused.wait()
        return error(401, "invalid x-api-key")

    api.on(PATH, answer)
    key = AdminKey(None, key_file)
    key_file.write_text("new")

    async def storm() -> None:
        async with connect(api, key=key) as client, asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(client.get(REQUEST))

    asyncio.run(storm())
    assert Counter(seen.headers["x-api-key"] for seen in api.requests) == {"old": at_once, "new": at_once}


def test_a_refused_storm_fails_for_each_request_alone(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("other"))

    async def storm() -> list[object]:
        async with connect(api, key=AdminKey(None, key_file)) as client:
            return [*await asyncio.gather(*(client.get(REQUEST) for _ in range(20)), return_exceptions=True)]

    outcomes = asyncio.run(storm())
    assert all(isinstance(outcome, ApiError) and outcome.reason is Reason.AUTH for outcome in outcomes)
    assert len(api.requests) == 20
