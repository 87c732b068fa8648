"""Defects of ours, at each place where something is shown: nothing half, nothing lost, nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from exporter.contract import sums
from exporter.contract.cost import CostTable
from exporter.contract.inventory import InventoryTable
from exporter.contract.metric import Family
from exporter.contract.own import job_families
from exporter.contract.state import State
from exporter.exposition.store import Store
from exporter.jobs.process import Process
from tests.support.answers import COST, USAGE, WORKSPACES, claude_code_row, cost_row, script, usage_row
from tests.support.exporting import Exporter, exporting
from tests.support.processes import PATIENCE_SECONDS
from tests.support.scripted import ScriptedApi, error

Clock = Callable[[str], Any]
NO_NAMES = "--no-organization.enabled"
DAY_INFO = {"days_ago": "0", "date": "2026-11-21", "weekday": "Sat"}


@pytest.fixture
def api(clock: Clock) -> Iterator[ScriptedApi]:
    clock("2026-11-20T23:59:00Z")
    with ScriptedApi() as api:
        filled(api, date(2026, 11, 20))
        yield api


def filled(api: ScriptedApi, newest: date) -> None:
    """Rows of three days; a workspace has none on the newest."""
    days = [str(newest - timedelta(days=age)) for age in (0, 1, 8)]
    script(
        api,
        usage={day: [usage_row(workspace_id="wrkspc_01", output_tokens=1)] for day in days[1:]} | {days[0]: []},
        cost={day: [cost_row("100")] for day in days},
        claude_code={day: [claude_code_row(day)] for day in days},
    )


def act(api: ScriptedApi, steps: Callable[[Exporter], Any], *flags: str) -> None:
    async def run() -> None:
        async with exporting(api.base_url, *flags) as exporter, asyncio.timeout(PATIENCE_SECONDS):
            await steps(exporter)

    asyncio.run(run())


def defect(*_: object, **__: object) -> object:
    raise TypeError("a defect")


def for_cost(state: State, organization: str | None) -> Iterator[Family]:
    if state.collector == "cost" and state.attempted:
        defect()
    return job_families(state, organization)


def days(exporter: Exporter) -> Mapping[str, set[str]]:
    """The families' ages by family."""
    return {
        name: ages
        for name, samples in exporter.exposed.items()
        if (ages := {age for key in samples for label, age in key if label == "days_ago"})
    }


def test_a_state_that_cannot_be_written_is_a_failure_and_leaves_no_reading_behind(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(exporter: Exporter) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("exporter.jobs.job.job_families", for_cost)
            with pytest.raises(TypeError):  # the poller says it
                await exporter.refresh("cost")
        assert exporter.job("cost").reading is None
        assert exporter.job("cost").attempted.is_set(), "nobody waits for ever"
        await exporter.refresh("cost")
        assert exporter.value("anthropic_exporter_collector_up", collector="cost") == 1

    act(api, steps, NO_NAMES)


@pytest.mark.parametrize(
    "broken", [("exporter.jobs.job.job_families", for_cost), ("exporter.exposition.store.Store.put", defect)]
)
def test_no_defect_shows_two_days_at_once(
    api: ScriptedApi, clock: Clock, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, Any]
) -> None:
    async def steps(exporter: Exporter) -> None:
        await exporter.refresh()
        before = days(exporter)
        clock("2026-11-21T00:00:00Z")
        with monkeypatch.context() as patch:
            patch.setattr(*broken)
            with pytest.raises(TypeError):
                await exporter.roll()
        await exporter.publish()
        assert days(exporter) == before
        await exporter.roll()
        assert exporter.value("anthropic_exporter_day_info", **DAY_INFO) == 1
        assert "0" not in days(exporter)["anthropic_usage_tokens"]
        assert "0" not in days(exporter)["anthropic_cost_usd"]

    act(api, steps)


def test_a_day_that_could_not_be_published_is_published_at_once(
    api: ScriptedApi, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = Store.snapshot
    failed: list[int] = []

    def once(store: Store, *, is_ready: bool) -> Any:  # noqa: ANN401  as it is
        if not failed:
            failed.append(1)
            defect()
        return snapshot(store, is_ready=is_ready)

    async def steps(exporter: Exporter) -> None:
        await exporter.refresh()
        clock("2026-11-21T00:00:00Z")
        monkeypatch.setattr(Store, "snapshot", once)
        with pytest.raises(TypeError):
            await exporter.roll()
        await exporter.parts.publisher.changed()  # does not wait
        await exporter.publish()
        assert exporter.value("anthropic_exporter_day_info", **DAY_INFO) == 1

    act(api, steps)


@pytest.mark.parametrize("where", [(Process, "show"), (InventoryTable, "sections"), (CostTable, "sections")])
def test_a_defect_in_one_part_does_not_stop_the_others(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, where: tuple[type, str]
) -> None:
    async def steps(exporter: Exporter) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(*where, defect)
            await exporter.refresh()
        assert exporter.value("anthropic_exporter_collector_up", collector="usage") == 1
        assert "anthropic_usage_tokens" in exporter.exposed

    act(api, steps)


def test_a_rendering_that_fails_is_counted_once_and_one_that_works_is_made_once(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    families = sums.families

    def counted(*arguments: Any) -> Any:  # noqa: ANN401  as it is
        written.append(arguments)
        return families(*arguments)

    async def steps(exporter: Exporter) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(CostTable, "sections", defect)
            await exporter.refresh("cost")
        failures = "anthropic_exporter_collector_refresh_failures_total"
        assert exporter.value(failures, collector="cost", reason="bug") == 1
        await exporter.refresh("usage")
        made = len(written)
        assert made
        await exporter.refresh("usage", "claude_code")
        assert len(written) == made

    monkeypatch.setattr("exporter.contract.usage.families", counted)
    act(api, steps, NO_NAMES)


def test_a_refused_report_does_not_wait_for_names(api: ScriptedApi) -> None:
    api.on(USAGE, error(403, kind="permission_error"))

    async def steps(exporter: Exporter) -> None:
        await exporter.refresh("usage")
        assert exporter.value("anthropic_exporter_collector_available", collector="usage") == 0
        assert not api.seen(WORKSPACES)

    act(api, steps)


@pytest.mark.parametrize("today", ["2026-11-21", "2026-12-01"])
def test_what_was_rolled_is_what_a_refresh_would_show(api: ScriptedApi, clock: Clock, today: str) -> None:
    """Of the days that both know: an exporter that has not refreshed yet agrees with one that has."""

    def lines(exporter: Exporter) -> list[str]:
        newest = ('days_ago="0"', "_month_")
        return [line for line in exporter.data_text.splitlines() if not any(text in line for text in newest)]

    async def steps(exporter: Exporter) -> None:
        before = date.fromisoformat(today) - timedelta(days=1)
        clock(f"{before}T23:59:59Z")
        filled(api, before)
        await exporter.refresh()
        clock(f"{today}T00:00:00Z")
        await exporter.roll()
        rolled = lines(exporter)
        asked = len(api.seen(COST))
        await exporter.refresh()
        assert len(api.seen(COST)) > asked
        assert lines(exporter) == rolled

    act(api, steps)
