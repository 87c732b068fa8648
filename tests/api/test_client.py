from __future__ import annotations

import asyncio
import gzip
import time
from datetime import timedelta

import pytest

from exporter import __version__
from exporter.api import transport
from exporter.api.client import MAX_TRIES, Observer, Request
from exporter.api.errors import ApiError
from exporter.api.refusal import FOREIGN
from exporter.contract.state import Reason
from tests.support.asking import AT_ONCE, FINE, PATH, REQUEST, failure, get, where
from tests.support.processes import PATIENCE_SECONDS
from tests.support.scripted import KEY, NOW, REQUEST_ID, Answer, ScriptedApi, Seen, connect, error

RESET = "anthropic-ratelimit-requests-reset"


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
        (410, Reason.REQUEST),
        (413, Reason.REQUEST),
        (204, Reason.REQUEST),
    ],
)
def test_what_does_not_pass_by_itself_fails_at_once(api: ScriptedApi, status: int, reason: Reason) -> None:
    # An answer of 204 has no body.
    api.on(PATH, error(status) if status != 204 else Answer(b"", status))
    assert failure(connect(api)).reason is reason
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_that_is_not_the_api_s_may_pass(api: ScriptedApi, status: int) -> None:
    page = Answer(b"<html>Just a moment...</html>", status, {"content-type": "text/html", "retry-after-ms": "1"})
    api.on(PATH, [page, page, FINE])
    get(connect(api))
    assert len(api.requests) == 3
    api.on(PATH, page)
    assert failure(connect(api)).reason is Reason.REQUEST
    assert len(api.requests) == 3 + MAX_TRIES


def test_an_outage_does_not_wait_for_the_reset_of_the_rate_limit(api: ScriptedApi) -> None:
    api.on(PATH, [error(500, **{RESET: "2026-11-21T13:00:00Z"}), FINE])
    get(connect(api))
    assert len(api.requests) == 2


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
    monkeypatch.setattr(transport, "LARGEST_PAGE_BYTES", 1000)
    api.on(PATH, Answer(gzip.compress(b" " * 2_000), headers={"content-encoding": "gzip"}))
    refused = failure(connect(api))
    assert (refused.reason, refused.status) == (Reason.SCHEMA, 200)
    assert refused.message == "the answer is larger than 1000 bytes"
    assert len(api.requests) == 1


def test_of_an_endless_error_only_the_start_is_read(api: ScriptedApi) -> None:
    api.on(PATH, Answer(b"x" * 10_000_000, 400, {"content-type": "text/plain"}))
    refused = failure(connect(api))
    assert (refused.reason, refused.message) == (Reason.REQUEST, f"text/plain: {FOREIGN}")


def test_tries_are_bounded(api: ScriptedApi) -> None:
    api.on(PATH, error(529, **AT_ONCE))
    assert failure(connect(api)).status == 529
    assert len(api.requests) == MAX_TRIES


def test_time_is_bounded(api: ScriptedApi) -> None:
    api.on(PATH, error(500, retry_after_ms="3000"))
    assert failure(connect(api, retry_seconds=2)).reason is Reason.SERVER
    assert len(api.requests) == 1


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
    [Answer(stalls=True), Answer(FINE, drip_seconds=0.05)],
    ids=["stalls", "drips"],
)
def test_an_answer_that_is_not_whole_in_time_is_a_timeout(api: ScriptedApi, answer: Answer) -> None:
    api.on(PATH, answer)
    problem = failure(connect(api, timeout_seconds=0.3, retry_seconds=0))
    assert problem.reason is Reason.TIMEOUT
    assert str(problem) == f"me: no whole answer within 0.3 s from {where(api)}"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(b"[" * 100, 500, {"content-type": "a/b"}, drip_seconds=0.05), "no whole answer within 2 s from"),
        (Answer(b"[", 500, {"content-type": "a/b"}, missing_bytes=1), "RemoteProtocolError: peer closed connection"),
        (
            Answer(b"[[[[", 500, {"content-type": "a/b", "content-encoding": "gzip"}),
            "the answer's gzip stream is broken",
        ),
        (Answer(b"[", 500, {"content-type": "a/b", "content-encoding": "br"}), "a content encoding that was not asked"),
    ],
    ids=["drips", "cut off", "not gzip", "another encoding"],
)
def test_the_status_of_an_error_decides_even_if_its_body_cannot_be_read(
    api: ScriptedApi, answer: Answer, why: str
) -> None:
    tries: list[str] = []
    api.on(PATH, answer)
    observe: Observer = lambda _, status, __: tries.append(status)  # noqa: E731
    problem = failure(connect(api, timeout_seconds=2, retry_seconds=0, observe=observe))
    assert (problem.reason, problem.status, problem.request_id) == (Reason.SERVER, 500, REQUEST_ID)
    assert problem.message.startswith(f"a/b: {FOREIGN} (")
    assert why in problem.message
    assert tries == ["500"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(FINE, missing_bytes=1),
        Answer(gzip.compress(b"{}" * 1000), headers={"content-encoding": "gzip"}, missing_bytes=1),
        Answer(FINE, headers={"content-length": "ten"}),
    ],
    ids=["cut off", "cut off within gzip", "no length"],
)
def test_a_broken_body_is_the_network_s(api: ScriptedApi, answer: Answer) -> None:
    api.on(PATH, answer)
    assert failure(connect(api, retry_seconds=0)).reason is Reason.NETWORK


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
    timeout_seconds = 0.2 if answer.stalls else PATIENCE_SECONDS
    failure(connect(api, timeout_seconds=timeout_seconds, retry_seconds=0, observe=lambda _, *seen: tries.append(seen)))
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
