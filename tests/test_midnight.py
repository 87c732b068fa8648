"""What happens when the UTC day changes, with and without a refresh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.contract.cost import CostTable
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import KEY, Exporter, exporting, labels
from tests.support.processes import PATIENCE_SECONDS

Clock = Callable[[str], Any]
DAY = "anthropic_exporter_day_info"
STARTS = "anthropic_exporter_bucket_start_timestamp_seconds"


def with_exporter(act: Callable[[AdminApi, Exporter], Awaitable[None]], *flags: str) -> None:
    api = AdminApi(SimulatedOrganization(seed=2, actors=4, workspaces=2), key=KEY)

    async def run(base_url: str) -> None:
        async with exporting(base_url, *flags) as exporter:
            await act(api, exporter)

    with running(api) as base_url:
        asyncio.run(run(base_url))


def by_age(exporter: Exporter, name: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for key, value in exporter.exposed.get(name, {}).items():
        (age,) = (text for label, text in key if label == "days_ago")
        found.setdefault(age, {})[key - labels(days_ago=age)] = value
    return found


def test_at_midnight_the_same_buckets_move_to_the_next_days_ago_without_a_refresh(clock: Clock) -> None:
    async def act(api: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        before = {name: by_age(exporter, name) for name in ("anthropic_usage_tokens", "anthropic_claude_code_sessions")}
        asked = len(api.requests)
        clock("2026-11-21T00:00:00Z")
        await exporter.roll()
        assert len(api.requests) == asked
        for name, days in before.items():
            after = by_age(exporter, name)
            assert "0" not in after, "the new day has not been reported: unknown is not zero"
            for age, samples in after.items():
                moved = days[str(int(age) - 1)]
                # A label set that only the day which left the window had is gone with it.
                assert samples.items() <= moved.items()
                assert not any(value for key, value in moved.items() if key not in samples)
            assert len(after) == len(days) - 1

    clock("2026-11-20T23:59:59Z")
    with_exporter(act, "--claude-code.actor-days", "9")


def test_at_midnight_a_day_grows_too_old_for_names_and_keeps_its_sums(clock: Clock) -> None:
    def nameless(samples: Mapping[frozenset[tuple[str, str]], float]) -> dict[frozenset[tuple[str, str]], float]:
        sums: dict[frozenset[tuple[str, str]], float] = {}
        for key, value in samples.items():
            key_of_all = frozenset((name, "all" if name == "actor" else text) for name, text in key)
            sums[key_of_all] = sums.get(key_of_all, 0) + value
        return sums

    async def act(api: AdminApi, exporter: Exporter) -> None:
        names = [f"anthropic_claude_code_{name}" for name in ("sessions", "tokens", "tool_actions", "active_actors")]
        await exporter.refresh("claude_code")
        before = {name: by_age(exporter, name)["1"] for name in names}
        clock("2026-11-21T00:00:00Z")
        await exporter.roll()
        for name in names:
            assert by_age(exporter, name)["2"] == nameless(before[name])
        rolled = by_age(exporter, names[0])
        asked = len(api.requests)
        await exporter.refresh("claude_code")
        assert len(api.requests) == asked + 2, "it is not read for its names alone"
        assert by_age(exporter, names[0])["2"] == rolled["2"]
        clock("2026-11-21T01:00:00Z")
        await exporter.refresh("claude_code")
        assert by_age(exporter, names[0])["2"] == rolled["2"]

    clock("2026-11-20T23:59:59Z")
    with_exporter(act)


def test_a_clock_set_back_gives_a_day_its_names_again_once_it_is_read(clock: Clock) -> None:
    def actors(exporter: Exporter, age: str) -> set[str]:
        return {dict(key)["actor"] for key in by_age(exporter, "anthropic_claude_code_sessions")[age]}

    async def act(_: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh("claude_code")
        assert actors(exporter, "3") == {"all"}
        clock("2026-11-18T23:50:00Z")
        await exporter.roll()
        assert actors(exporter, "1") == {"all"}
        await exporter.refresh("claude_code")
        assert "all" not in actors(exporter, "1")

    clock("2026-11-20T23:50:00Z")
    with_exporter(act)


def test_the_clock_families_move_with_the_days(clock: Clock) -> None:
    async def act(_: AdminApi, exporter: Exporter) -> None:
        assert exporter.value("anthropic_exporter_day_info", days_ago="0", date="2028-02-29", weekday="Tue") == 1
        clock("2028-03-01T00:00:00Z")
        await exporter.roll()
        assert exporter.value("anthropic_exporter_day_info", days_ago="1", date="2028-02-29", weekday="Tue") == 1
        assert exporter.value(STARTS, days_ago="0") == 1835481600
        assert len(exporter.exposed[STARTS]) == 31

    clock("2028-02-29T23:59:59Z")
    with_exporter(act)


def test_a_clock_set_back_shows_the_earlier_day_again(clock: Clock) -> None:
    async def act(_: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        before = exporter.data_text
        clock("2026-11-21T00:00:01Z")
        await exporter.roll()
        assert exporter.data_text != before
        clock("2026-11-20T23:59:50Z")
        await exporter.roll()
        assert exporter.data_text == before

    clock("2026-11-20T23:59:58Z")
    with_exporter(act)


def test_days_read_before_the_clock_was_set_back_are_not_shown_as_the_future(clock: Clock) -> None:
    async def act(_: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        clock("2026-11-19T12:00:00Z")
        await exporter.roll()
        ages = by_age(exporter, "anthropic_usage_tokens")
        assert "-1" not in ages
        assert "0" in ages

    clock("2026-11-21T12:00:00Z")
    with_exporter(act)


def test_days_survive_an_outage_over_midnight_and_one_after_it_becomes_unknown(clock: Clock) -> None:
    async def act(_: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        clock("2026-11-23T06:00:00Z")
        await exporter.roll()
        ages = by_age(exporter, "anthropic_usage_tokens")
        assert set(ages) == {str(age) for age in range(3, 10)}

    clock("2026-11-20T18:00:00Z")
    with_exporter(act)


def test_two_exporters_expose_the_same_text_for_the_same_upstream_state(clock: Clock) -> None:
    texts = []

    async def act(_: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        texts.append(exporter.data_text)

    clock("2026-11-20T18:00:00Z")
    for _ in range(2):
        with_exporter(act)
    assert texts[0] == texts[1]
    assert texts[0]


def test_the_running_exporter_notices_midnight_by_itself(clock: Clock) -> None:
    async def act(_: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        new_day = {"days_ago": "0", "date": "2026-11-21", "weekday": "Sat"}
        polling = asyncio.create_task(exporter.poller.run())
        clock("2026-11-21T00:00:00Z")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while exporter.value(DAY, **new_day) is None:  # noqa: ASYNC110  there is no event for it, as for a scraper
                await asyncio.sleep(0.01)
        polling.cancel()

    clock("2026-11-20T23:59:59Z")
    with_exporter(act)


def test_a_defect_in_one_collector_does_not_keep_the_others_from_rolling_over(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(_: AdminApi, exporter: Exporter) -> None:
        await exporter.refresh()
        clock("2026-11-21T00:00:00Z")
        with capture_logs() as lines, monkeypatch.context() as patch:
            patch.setattr(CostTable, "sections", "a defect")
            await exporter.roll()
        assert [line["collector"] for line in lines] == ["cost"]
        assert set(by_age(exporter, "anthropic_usage_tokens")) == {str(age) for age in range(1, 10)}
        assert "anthropic_cost_usd" not in exporter.exposed
        assert exporter.value("anthropic_exporter_collector_series", collector="cost") == 0
        assert exporter.value("anthropic_exporter_collector_up", collector="cost") == 0
        assert exporter.value("anthropic_exporter_collector_failing", collector="cost", reason="bug") == 1
        assert exporter.value("anthropic_exporter_up") == 0
        await exporter.refresh("cost")
        assert "anthropic_cost_usd" in exporter.exposed
        assert exporter.value("anthropic_exporter_up") == 1

    clock("2026-11-20T23:59:59Z")
    with_exporter(act)
