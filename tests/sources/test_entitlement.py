from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.api.client import MAX_TRIES
from tests.support.answers import USAGE, buckets, script, usage_row
from tests.support.exporting import Exporter, exporting
from tests.support.scripted import REQUEST_ID, Answer, ScriptedApi, Seen, error

Clock = Callable[[str], Any]
WINDOW = (("starting_at", "2026-11-11"), ("ending_at", "2026-11-21"))
TOKENS = "anthropic_usage_tokens"


def with_api(act: Callable[[ScriptedApi, Exporter], Awaitable[None]]) -> None:
    async def run(api: ScriptedApi) -> None:
        async with exporting(api.base_url, "--no-organization.enabled") as exporter:
            await act(api, exporter)

    with ScriptedApi() as api:
        script(api, usage={"2026-11-20": [usage_row(output_tokens=1)]})
        asyncio.run(run(api))


def state(exporter: Exporter) -> dict[str, float | None]:
    names = ("available", "up")
    return {name: exporter.value(f"anthropic_exporter_collector_{name}", collector="usage") for name in names}


@pytest.mark.parametrize("status", [403, 404])
def test_an_endpoint_refused_from_the_start_is_unavailable_and_tried_again_hourly(clock: Clock, status: int) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        answers = USAGE, error(status, "no permission")
        healthy = api._scripts[USAGE]
        api.on(*answers)
        for instant, requests in (("00:00", 1), ("00:05", 1), ("00:55", 1), ("01:00", 2), ("01:30", 2)):
            clock(f"2026-11-21T{instant}:00Z")
            await exporter.refresh("usage")
            assert state(exporter) == {"available": 0, "up": None}
            assert TOKENS not in exporter.exposed
            assert len(api.seen(USAGE)) == requests
        assert (
            exporter.value("anthropic_exporter_collector_refresh_failures_total", collector="usage", reason="forbidden")
            == 0
        )
        api.on(USAGE, healthy)
        clock("2026-11-21T02:00:00Z")
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 1, "up": 1}
        assert TOKENS in exporter.exposed

    with_api(act)


def test_once_granted_a_refusal_is_a_failure_for_a_day_and_then_taken_at_its_word(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        await exporter.refresh("usage")
        before = exporter.data_text
        api.on(USAGE, error(403, "no permission"))
        for instant in ("2026-11-20T12:05:00Z", "2026-11-20T23:59:59Z"):
            clock(instant)
            await exporter.refresh("usage")
            assert state(exporter) == {"available": 1, "up": 0}
            assert exporter.data_text == before
            failing = exporter.exposed["anthropic_exporter_collector_failing"]
            assert sum(failing.values()) == 1
        clock("2026-11-21T12:05:00Z")
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 0, "up": None}
        assert TOKENS not in exporter.exposed

    with_api(act)


def test_one_stray_refusal_after_a_long_outage_does_not_silence_the_collector(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        await exporter.refresh("usage")
        clock("2026-11-22T12:00:00Z")
        api.on(USAGE, error(403))
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 1, "up": 0}

    with_api(act)


def test_refusals_with_another_outage_between_do_not_give_an_endpoint_up(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        await exporter.refresh("usage")
        before = exporter.data_text
        for instant, status in (("20T12:05", 403), ("20T20:00", 500), ("21T12:10", 403), ("22T12:05", 404)):
            clock(f"2026-11-{instant}:00Z")
            api.on(USAGE, error(status, x_should_retry="false"))
            await exporter.refresh("usage")
            assert state(exporter) == {"available": 1, "up": 0}
        clock("2026-11-22T12:10:00Z")  # a whole day of refusals and nothing else
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 0, "up": None}
        assert "anthropic_usage_tokens" in before

    with_api(act)


def test_an_outage_leaves_an_endpoint_that_is_given_up_given_up(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        for instant, status, requests in (("12:00", 403, 1), ("13:00", 500, 2), ("13:01", 500, 3), ("14:02", 403, 4)):
            clock(f"2026-11-20T{instant}:00Z")
            api.on(USAGE, error(status, x_should_retry="false"))
            await exporter.refresh("usage")
            assert len(api.seen(USAGE)) == requests
        assert state(exporter) == {"available": 0, "up": None}

    with_api(act)


INTERSTITIAL = Answer(b"<html><title>Just a moment...</title></html>", 403, {"content-type": "text/html"})


def test_a_stray_refusal_of_an_edge_at_the_start_is_no_missing_entitlement(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        healthy = api._scripts[USAGE]
        api.on(USAGE, Answer(INTERSTITIAL.body, 403, {"content-type": "text/html", "retry-after-ms": "1"}))
        await exporter.refresh("usage")
        assert len(api.seen(USAGE)) == MAX_TRIES
        assert state(exporter) == {"available": 1, "up": 0}
        assert exporter.value("anthropic_exporter_collector_failing", collector="usage", reason="request") == 1
        api.on(USAGE, healthy)
        clock("2026-11-20T12:05:00Z")
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 1, "up": 1}
        assert TOKENS in exporter.exposed

    with_api(act)


def test_a_stray_refusal_of_an_edge_that_passes_is_not_even_a_failure(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        api.on(USAGE, [INTERSTITIAL, buckets({}, Seen(USAGE, WINDOW, {}, 0))])
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 1, "up": 1}

    with_api(act)


def test_a_kind_of_organization_that_is_not_reported_on_is_no_entitlement_whatever_the_status(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        details = {"error_code": "organization_type_not_supported"}
        refusal = {"type": "invalid_request_error", "message": "no", "details": details}
        api.on(USAGE, Answer({"type": "error", "error": refusal}, 400))
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 0, "up": None}

    with_api(act)


def test_the_log_says_which_endpoint_was_refused_and_how(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        api.on(USAGE, error(403, "missing scope", "permission_error"))
        with capture_logs() as lines:
            await exporter.refresh("usage")
            await exporter.refresh("usage")
        assert [line for line in lines if line["log_level"] != "debug"] == [
            {
                "event": "endpoint is not served to this key; asking again hourly",
                "log_level": "warning",
                "endpoint": "usage_report/messages",
                "status": 403,
                "request_id": REQUEST_ID,
                "message": "missing scope",
            }
        ]

    with_api(act)


def test_a_wrong_key_is_a_failure_from_the_start_not_a_missing_entitlement(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        api.on(USAGE, error(401, "invalid x-api-key", "authentication_error"))
        await exporter.refresh("usage")
        assert state(exporter) == {"available": 1, "up": 0}
        assert exporter.value("anthropic_exporter_collector_failing", collector="usage", reason="auth") == 1
        assert exporter.value("anthropic_exporter_up") == 0

    with_api(act)


def test_nothing_available_is_not_up(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        clock("2026-11-20T12:00:00Z")
        for collector, path in (("usage", USAGE), ("cost", "/v1/organizations/cost_report")):
            api.on(path, error(403))
            await exporter.refresh(collector)
        api.on("/v1/organizations/usage_report/claude_code", error(403))
        await exporter.refresh("claude_code")
        assert exporter.value("anthropic_exporter_up") == 0

    with_api(act)
