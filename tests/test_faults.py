"""Whatever the API does: the old snapshot or the whole new one, never something between."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.faults.fault import Fault
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import KEY, Exporter, exporting

Clock = Callable[[str], Any]
BEFORE, AFTER = "2026-11-20T10:00:00Z", "2026-11-20T15:00:00Z"
# A healthy answer has all the time that a busy machine needs.
PATIENT = ("--api.timeout-seconds", "30", "--api.retry-seconds", "30")
REPORTS = ("usage_report/messages", "cost_report", "usage_report/claude_code")
LISTS = ("organization", "limits")
# For faults that no delay of the API's own shortens.
IMPATIENCE: dict[str, dict[str, float]] = {
    "stall": {"timeout_seconds": 0.3, "retry_seconds": 0},
    "drip": {"timeout_seconds": 0.3, "retry_seconds": 0},
    "cut": {"retry_seconds": 0},
}
# Hinders the client from waiting for back-off in tests: the API asks for a delay of its own.
SOON = {"retry-after-ms": "1"}

faults = st.lists(
    st.one_of(
        st.builds(
            Fault,
            kind=st.just("status"),
            status=st.sampled_from([400, 401, 402, 403, 404, 409, 429, 500, 503, 529]),
            endpoint=st.sampled_from(REPORTS),
            after=st.integers(0, 2),
            count=st.integers(1, 3),
            headers=st.just(SOON),
        ),
        st.builds(
            Fault,
            kind=st.sampled_from(["html", "redirect", "garbage", "nan", "missing", "mistyped", "no_cursor", "cut"]),
            endpoint=st.sampled_from(REPORTS),
            after=st.integers(0, 2),
            count=st.integers(1, 2),
            headers=st.just(SOON),
        ),
        # Its next page is the page itself, under another cursor: what comes twice is not counted twice.
        st.builds(
            Fault,
            kind=st.just("repeat_cursor"),
            count=st.sampled_from([1, 2, 99]),
            after=st.integers(0, 2),
            endpoint=st.sampled_from(REPORTS),
        ),
        st.builds(Fault, kind=st.just("stall"), seconds=st.just(5.0), endpoint=st.sampled_from(REPORTS)),
    ),
    min_size=1,
    max_size=4,
)


@contextmanager
def impatient(exporter: Exporter, *, timeout_seconds: float = 30, retry_seconds: float = 30) -> Iterator[None]:
    """While the API fails in a way that takes time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporter.client, "_timeout_seconds", timeout_seconds)
        patch.setattr(exporter.client, "_retry_seconds", retry_seconds)
        yield


def test_a_refresh_hit_by_any_faults_leaves_the_old_data_or_the_whole_new_data(clock: Clock) -> None:
    organization = SimulatedOrganization(seed=5, actors=3, workspaces=2)
    # The nowcast is made of what two collectors have read.
    flags = (*PATIENT, "--claude-code.days", "3", "--no-nowcast.enabled")

    async def undisturbed(base_url: str, instant: str) -> dict[str, str]:
        clock(instant)
        async with exporting(base_url, *flags) as exporter:
            await exporter.refresh()
            return by_collector(exporter.data_text)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(faults)
    def holds(faults: list[Fault]) -> None:
        async def run() -> None:
            clock(BEFORE)
            async with exporting(base_url, *flags) as exporter:
                await exporter.refresh()
                assert by_collector(exporter.data_text) == old
                clock(AFTER)
                for fault in faults:
                    api.faults.add(fault)
                with impatient(exporter, timeout_seconds=0.3, retry_seconds=1.5):
                    await exporter.refresh()
                api.faults.clear()
                for collector, text in by_collector(exporter.data_text).items():
                    up = exporter.value("anthropic_exporter_collector_up", collector=collector)
                    assert text == (new if up else old)[collector]
                await exporter.refresh()
                assert by_collector(exporter.data_text) == new
                assert exporter.value("anthropic_exporter_up") == 1

        asyncio.run(run())

    api = AdminApi(organization, key=KEY)
    with running(api) as base_url:
        old = asyncio.run(undisturbed(base_url, BEFORE))
        new = asyncio.run(undisturbed(base_url, AFTER))
        assert all(old[collector] != new[collector] for collector in old if collector not in LISTS)
        holds()


def by_collector(text: str) -> dict[str, str]:
    found = dict.fromkeys(("usage_peak", "usage", "cost", "claude_code", "rate_limit", "spend", "organization"), "")
    for line in text.splitlines(keepends=True):
        name = line.split()[2] if line.startswith("#") else line
        collector = next((c for c in found if name.startswith(f"anthropic_{c}")), "organization")
        found[collector] += line
    del found["usage_peak"]  # what is kept of the last hour is gone with it
    limits = "".join(found.pop(name) for name in ("rate_limit", "spend"))
    return {**found, "limits": limits}


def with_api(act: Callable[[AdminApi, Exporter], Awaitable[None]], *flags: str) -> None:
    api = AdminApi(SimulatedOrganization(seed=5, actors=3, workspaces=2), key=KEY)

    async def run(base_url: str) -> None:
        async with exporting(base_url, *PATIENT, *flags) as exporter:
            await act(api, exporter)

    with running(api) as base_url:
        asyncio.run(run(base_url))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(kind="status", status=400, count=99), "request"),
        (Fault(kind="status", status=401, count=99), "auth"),
        (Fault(kind="status", status=402, count=99), "request"),
        (Fault(kind="status", status=403, count=99), "forbidden"),
        (Fault(kind="status", status=404, count=99), "forbidden"),
        (Fault(kind="status", status=429, count=99, headers=SOON), "rate_limited"),
        (Fault(kind="status", status=429, count=99, headers={"retry-after": "3600"}), "rate_limited"),
        (Fault(kind="status", status=500, count=99, headers=SOON), "server"),
        (Fault(kind="status", status=529, count=99, headers=SOON), "server"),
        (Fault(kind="html", status=502, count=99, headers=SOON), "server"),
        (Fault(kind="stall", count=99), "timeout"),
        (Fault(kind="drip", seconds=0.2, count=99), "timeout"),
        (Fault(kind="cut", count=99), "network"),
        (Fault(kind="garbage"), "schema"),
        (Fault(kind="nan"), "schema"),
        (Fault(kind="missing"), "schema"),
        (Fault(kind="mistyped"), "schema"),
        (Fault(kind="no_cursor"), "pagination"),
        (Fault(kind="repeat_cursor", count=99), "pagination"),
        (Fault(kind="redirect"), "request"),
    ],
)
def test_a_failure_has_its_reason_keeps_the_data_and_is_logged_when_it_starts_and_ends(
    clock: Clock, fault: Fault, reason: str
) -> None:
    async def act(api: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        before = exporter.data_text
        api.faults.add(fault)
        with capture_logs() as lines:
            with impatient(exporter, **IMPATIENCE.get(fault.kind, {})):
                await exporter.refresh("usage")
                if fault.count > 1:
                    await exporter.refresh("usage")
            api.faults.clear()
            failed = exporter.exposed
            await exporter.refresh("usage")
        assert exporter.data_text == before
        failing = failed["anthropic_exporter_collector_failing"]
        assert [dict(key)["reason"] for key, value in failing.items() if value] == [reason]
        assert failed["anthropic_exporter_up"] == {frozenset(): 0}
        failure, recovery = (line for line in lines if line["log_level"] != "debug")
        assert (failure["log_level"], failure["event"]) == ("error", "refresh failed; the last good data stay")
        assert (failure["reason"], failure["endpoint"]) == (reason, "usage_report/messages")
        assert re.fullmatch(r"in \d+ s", failure["next_try"])
        assert (recovery["log_level"], recovery["event"]) == ("info", "refresh works again")
        assert recovery["reason"] == reason
        assert KEY not in str(lines)
        assert "starting_at" not in str(lines)

    clock(BEFORE)
    with_api(act)


def test_a_failing_collector_fails_alone(clock: Clock) -> None:
    async def act(api: AdminApi, exporter: Exporter) -> None:
        api.faults.add(Fault(kind="status", status=500, endpoint="cost_report", count=99, headers=SOON))
        await exporter.refresh()
        up = exporter.exposed["anthropic_exporter_collector_up"]
        assert {dict(key)["collector"]: value for key, value in up.items()} == {
            "usage": 1,
            "cost": 0,
            "nowcast": 1,
            "claude_code": 1,
            "organization": 1,
            "members": 1,
            "limits": 1,
        }
        assert "anthropic_usage_tokens" in exporter.exposed
        assert "anthropic_cost_usd" not in exporter.exposed

    clock(BEFORE)
    with_api(act)


def test_last_success_stands_still_while_refreshes_fail(clock: Clock) -> None:
    async def act(api: AdminApi, exporter: Exporter) -> None:
        names = ("last_success_timestamp_seconds", "data_through_timestamp_seconds")

        def times() -> list[float | None]:
            return [exporter.value(f"anthropic_exporter_collector_{name}", collector="usage") for name in names]

        assert times() == [None, None]
        await exporter.refresh("usage")
        before = [1795168800, 1795168800]
        assert times() == before
        clock(AFTER)
        api.faults.add(Fault(kind="garbage", endpoint="usage_report/messages"))
        await exporter.refresh("usage")
        assert times() == before

    clock(BEFORE)
    with_api(act, "--no-organization.enabled")
