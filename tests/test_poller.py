from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.contract.cost import CostTable
from exporter.contract.inventory import InventoryTable
from exporter.jobs.process import Process
from exporter.jobs.retries import HOUR_SECONDS, wait_seconds
from exporter.sources.cost import CostSource
from tests.support.answers import COST, USAGE, WORKSPACES, script, usage_row
from tests.support.exporting import Exporter, exporting
from tests.support.processes import PATIENCE_SECONDS
from tests.support.scripted import ScriptedApi, Seen, error

NO_NAMES = "--no-organization.enabled"


@given(st.floats(60, 86_400), st.integers(1, 10_000), st.integers(1, 8), st.none() | st.floats(0, 1e9))
def test_after_a_failure_no_endpoint_is_asked_more_than_once_a_minute_or_sooner_than_the_api_says(
    interval: float, failures: int, tries: int, retry_after: float | None
) -> None:
    wait = wait_seconds(interval, failures, tries, retry_after)
    assert wait >= 60 * tries
    assert wait >= min(retry_after or 0, HOUR_SECONDS)
    assert wait <= max(interval, 60 * tries, min(retry_after or 0, HOUR_SECONDS))


def test_a_long_interval_is_not_waited_for_after_the_first_failures() -> None:
    assert [wait_seconds(3600, failures, 1, None) for failures in range(1, 9)] == [
        60,
        120,
        240,
        480,
        960,
        1920,
        3600,
        3600,
    ]


def test_the_log_says_when_the_next_try_is_and_for_how_long_it_failed(clock: Callable[[str], object]) -> None:
    with ScriptedApi() as api:
        script(api)
        fine = {"data": [], "has_more": False, "next_page": None}
        api.on(USAGE, error(500, x_should_retry="false"))
        clock("2026-11-21T12:00:00Z")

        async def act() -> list[Any]:
            async with exporting(api.base_url, "--usage.interval-seconds", "600", NO_NAMES) as exporter:
                with capture_logs() as lines:
                    await exporter.refresh("usage")
                    clock("2026-11-21T12:01:00Z")
                    await exporter.refresh("usage")
                    api.on(USAGE, error(500, retry_after_ms="1"))
                    await exporter.refresh("usage")
                    api.on(USAGE, error(401))
                    await exporter.refresh("usage")
                    clock("2026-11-21T12:30:00Z")
                    api.on(USAGE, fine)
                    await exporter.refresh("usage")
                    api.on(USAGE, error(401))
                    await exporter.refresh("usage")
            return [line for line in lines if line["log_level"] != "debug"]

        first, other, again, last = asyncio.run(act())
        assert (first["event"], first["next_try"]) == ("refresh failed; no data yet", "in 60 s")
        assert (other["event"], other["next_try"]) == ("refresh failed; no data yet", "in 480 s")
        assert (again["event"], again["reason"], again["after"]) == ("refresh works again", "auth", "1800 s")
        assert (last["event"], last["next_try"]) == ("refresh failed; the last good data stay", "in 60 s")


def test_the_duration_of_a_refresh_does_not_count_the_wait_for_names() -> None:
    names = threading.Event()

    async def late(_: Seen) -> object:
        await asyncio.to_thread(names.wait)
        return error(400, "no names today")

    with ScriptedApi() as api:
        script(api, usage={})
        api.on(WORKSPACES, late)

        async def act(exporter: Exporter) -> None:
            await until(lambda: api.seen(USAGE))
            started = asyncio.get_running_loop().time()
            await until(lambda: asyncio.get_running_loop().time() > started + 1)
            names.set()
            await until(lambda: exporter.snapshot.is_ready)
            usage, organization = exporter.state("usage"), exporter.state("organization")
            assert usage.duration_seconds is not None
            assert organization.duration_seconds is not None
            assert usage.duration_seconds < organization.duration_seconds

        run_for(api, act)


def run_for(api: ScriptedApi, act: Callable[[Exporter], Any], *flags: str) -> None:
    async def run() -> None:
        async with exporting(api.base_url, *flags) as exporter:
            polling = asyncio.create_task(exporter.poller.run())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await act(exporter)
            polling.cancel()

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  a scraper has no event either
        await asyncio.sleep(0.01)


def test_it_refreshes_on_the_interval_and_never_twice_at_once() -> None:
    at_once = 0

    async def slow(_: Seen) -> object:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        await asyncio.sleep(0.05)
        at_once -= 1
        return {"data": [], "has_more": False, "next_page": None}

    with ScriptedApi() as api:
        script(api)
        api.on(USAGE, slow)

        async def act(_: Exporter) -> None:
            await until(lambda: len(api.seen(USAGE)) >= 6)

        start = time.monotonic()
        run_for(api, act, "--usage.interval-seconds", "0.2", "--no-nowcast.enabled", "--no-limits.enabled")
        # From the start, which nothing delays: what one request is late, the gap to the next one lacks.
        for number, seen in enumerate(api.seen(USAGE)):
            assert seen.at - start >= 0.2 * number


def test_usage_is_published_only_after_the_first_attempt_at_the_names() -> None:
    names = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def late(_: Seen) -> object:
        loops.append(asyncio.get_running_loop())
        await names.wait()
        return error(400, "no names today")

    with ScriptedApi() as api:
        script(api, usage={})
        api.on(USAGE, {"data": [], "has_more": False, "next_page": None})
        api.on(WORKSPACES, late)

        async def act(exporter: Exporter) -> None:
            await until(lambda: api.seen(USAGE) and api.seen(COST) and loops)
            assert not exporter.snapshot.is_ready
            assert not exporter.state("usage").attempted
            loops[0].call_soon_threadsafe(names.set)
            await until(lambda: exporter.snapshot.is_ready)
            assert exporter.state("usage").up
            assert not exporter.state("organization").up

        run_for(api, act)


def test_without_the_organization_collector_nothing_waits_for_names() -> None:
    with ScriptedApi() as api:
        script(api)
        bucket = {"starting_at": "2026-11-20T00:00:00Z", "results": [usage_row(workspace_id="wrkspc_01")]}
        api.on(USAGE, {"data": [bucket], "has_more": False, "next_page": None})

        async def act(exporter: Exporter) -> None:
            await until(lambda: exporter.snapshot.is_ready)

        run_for(api, act, NO_NAMES, "--no-limits.enabled")
        assert not api.seen(WORKSPACES)


def raise_defect(*_: object, **__: object) -> object:
    raise TypeError("a defect")


@pytest.mark.parametrize("where", [(CostSource, "read"), (CostSource, "data_through"), (CostTable, "sections")])
def test_a_defect_in_a_collector_is_a_failure_like_others(
    monkeypatch: pytest.MonkeyPatch, where: tuple[type, str]
) -> None:
    with ScriptedApi() as api:
        script(api)

        async def act() -> None:
            async with exporting(api.base_url, NO_NAMES) as exporter:
                with monkeypatch.context() as patch:
                    patch.setattr(*where, raise_defect)
                    await exporter.refresh("cost")
                assert exporter.value("anthropic_exporter_collector_failing", collector="cost", reason="bug") == 1
                assert exporter.job("cost").reading is None, "what could not be shown is not left behind"
                await exporter.refresh("claude_code")
                assert exporter.value("anthropic_exporter_collector_up", collector="claude_code") == 1
                await exporter.refresh("cost")
                assert exporter.value("anthropic_exporter_collector_up", collector="cost") == 1

        asyncio.run(act())


def test_a_defect_while_a_refusal_is_published_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedApi() as api:
        script(api)
        api.on(WORKSPACES, error(403))

        async def act(exporter: Exporter) -> None:
            await until(lambda: exporter.snapshot.is_ready)
            assert exporter.value("anthropic_exporter_collector_failing", collector="organization", reason="bug") == 1
            assert exporter.value("anthropic_exporter_collector_up", collector="usage") == 1

        with monkeypatch.context() as patch:
            patch.setattr(InventoryTable, "sections", raise_defect)
            run_for(api, act)


def test_a_defect_in_the_exporters_own_metrics_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedApi() as api:
        script(api)

        async def act(exporter: Exporter) -> None:
            await until(lambda: exporter.snapshot.is_ready)
            with monkeypatch.context() as patch:
                patch.setattr(Process, "show", raise_defect)
                seen, before = len(api.seen(USAGE)), exporter.text
                await until(lambda: len(api.seen(USAGE)) > seen + 3)
            assert "anthropic_exporter_collector_up" in before, "what was shown stays"
            await until(lambda: exporter.text != before)

        run_for(api, act, "--usage.interval-seconds", "0.2")
