"""Tokens by the hour, against an API on a real socket."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.answers import USAGE, Row, script, usage_row
from tests.support.exporting import KEY, Exporter, Labels, exporting, labels
from tests.support.scripted import ScriptedApi, Seen, error

Clock = Callable[[str], Any]
TOKENS, STARTS = "anthropic_usage_hour_tokens", "anthropic_exporter_hour_start_timestamp_seconds"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def past_noon(clock: Clock) -> None:
    clock("2026-11-21T12:20:00Z")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def answering(rows: dict[str, list[Row]], reported_until: str = "2026-11-21T13:00:00Z") -> Callable[[Seen], Row]:
    """The hours asked for, with these rows by their start."""

    def answer(seen: Seen) -> Row:
        if seen.param("bucket_width") != "1h":
            return {"data": [], "has_more": False, "next_page": None}
        start, end = (moment(seen.param(name) or "") for name in ("starting_at", "ending_at"))
        hours = [start + n * HOUR for n in range((min(end, moment(reported_until)) - start) // HOUR)]
        data = [
            {"starting_at": f"{hour:%Y-%m-%dT%H:%M:%SZ}", "results": rows.get(f"{hour:%Y-%m-%dT%H}", [])}
            for hour in hours
        ]
        return {"data": data, "has_more": False, "next_page": None}

    return answer


def of_hours(api: ScriptedApi) -> list[Seen]:
    return [seen for seen in api.seen(USAGE) if seen.param("bucket_width") == "1h"]


def with_exporter(
    rows: dict[str, list[Row]], act: Callable[[ScriptedApi, Exporter], Awaitable[None]], *flags: str
) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url, *flags) as exporter:
            await act(api, exporter)

    with ScriptedApi() as api:
        script(api)
        api.on(USAGE, answering(rows))
        asyncio.run(run(api.base_url))


def output(exporter: Exporter) -> dict[tuple[str, str], float]:
    """Output tokens by `hours_ago` and workspace."""
    found = {tuple(sorted(key)): value for key, value in exporter.exposed.get(TOKENS, {}).items()}
    return {
        (dict(key)["hours_ago"], dict(key)["workspace_id"]): value
        for key, value in found.items()
        if dict(key)["token_type"] == "output"
    }


def test_without_being_asked_for_there_are_none() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh()
        assert not of_hours(api)
        assert TOKENS not in exporter.exposed
        assert STARTS not in exporter.exposed

    with_exporter({}, act)


@pytest.mark.parametrize(
    ("flags", "dimensions"),
    [((), ["workspace_id"]), (("--usage.hours-group-by=model",), ["workspace_id", "model"])],
)
def test_it_asks_for_whole_utc_hours(flags: tuple[str, ...], dimensions: list[str]) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh("organization", "hours")
        (seen,) = of_hours(api)
        assert seen.param("starting_at") == "2026-11-13T13:00:00Z"
        assert seen.param("ending_at") == "2026-11-21T13:00:00Z"
        assert seen.every("group_by[]") == dimensions
        await exporter.refresh("hours")
        assert of_hours(api)[-1].param("limit") == "168", "as many as fit into a page"

    with_exporter({}, act, "--usage.hours=192", *flags)


def test_old_hours_are_read_again_hourly_and_the_newest_at_each_refresh(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        starts = []
        for at in ("12:20", "12:25", "13:05", "13:21"):
            clock(f"2026-11-21T{at}:00Z")
            await exporter.refresh("organization", "hours")
            starts.append(of_hours(api)[-1].param("starting_at"))
        assert starts == [f"2026-11-{day}:00:00Z" for day in ("19T13", "21T10", "21T11", "19T14")]

    with_exporter({}, act, "--usage.hours=48")


def test_every_number_of_an_hour_has_its_sample() -> None:
    rows = {
        "2026-11-21T12": [
            usage_row(
                workspace_id="wrkspc_01",
                uncached_input_tokens=1,
                cache_read_input_tokens=2,
                cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
                output_tokens=5,
            )
        ]
    }
    values = {"uncached_input": 1, "cache_read": 2, "cache_write_5m": 3, "cache_write_1h": 4, "output": 5}

    def expected(**own: str) -> dict[Labels, float]:
        base = {"hours_ago": "0", "workspace": "Research", "workspace_id": "wrkspc_01"} | own
        return {labels(**base, token_type=name): value for name, value in values.items()}

    async def act(_: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh("organization", "hours")
        assert exporter.exposed[TOKENS] == expected()

    async def act_by_model(_: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh("organization", "hours")
        assert exporter.exposed[TOKENS] == expected(model="claude-opus-5-5")

    with_exporter(rows, act, "--usage.hours=1")
    with_exporter(rows, act_by_model, "--usage.hours=1", "--usage.hours-group-by=model")


def test_a_workspace_with_tokens_in_some_hour_has_a_number_in_each_that_is_reported(clock: Clock) -> None:
    rows = {"2026-11-21T11": [usage_row(output_tokens=7)], "2026-11-21T09": [usage_row(workspace_id="wrkspc_01")]}

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh("organization", "hours")
        both = ("default", "wrkspc_01")
        expected = {(str(ago), workspace): 0.0 for ago in range(4) for workspace in both} | {("1", "default"): 7.0}
        assert output(exporter) == expected
        clock("2026-11-21T13:00:00Z")
        await exporter.roll()
        moved = {(str(int(ago) + 1), workspace): value for (ago, workspace), value in expected.items() if ago != "3"}
        # Nobody has tokens of the workspace in what is left.
        assert output(exporter) == {key: value for key, value in moved.items() if key[1] == "default"}
        assert exporter.value(STARTS, hours_ago="0") == moment("2026-11-21T13:00:00Z").timestamp()
        api.on(USAGE, answering(rows, "2026-11-21T14:00:00Z"))
        await exporter.refresh("hours")
        assert output(exporter)["0", "default"] == 0

    with_exporter(rows, act, "--usage.hours=4")


@pytest.mark.parametrize("at", ["2026-11-21T23:59:59Z", "2026-11-21T12:59:59Z", "2026-12-31T23:59:59Z"])
def test_at_a_full_hour_all_move_to_the_next_hours_ago_without_a_request(clock: Clock, at: str) -> None:
    api = AdminApi(SimulatedOrganization(seed=2, actors=4, workspaces=2), key=KEY)

    async def run(base_url: str) -> None:
        async with exporting(base_url, "--usage.hours=30") as exporter:
            await exporter.refresh()
            before, days = exporter.exposed[TOKENS], exporter.exposed["anthropic_usage_tokens"]
            asked = len(api.requests)
            clock((moment(at) + timedelta(seconds=1)).isoformat())
            await exporter.roll()
            assert len(api.requests) == asked
            after = exporter.exposed[TOKENS]
            assert {dict(key)["hours_ago"] for key in after} == {str(ago) for ago in range(1, 30)}
            for key, value in after.items():
                ago = dict(key)["hours_ago"]
                assert before[key - labels(hours_ago=ago) | labels(hours_ago=str(int(ago) - 1))] == value
            assert (exporter.exposed["anthropic_usage_tokens"] == days) is ("23:" not in at), "days move at midnight"

    clock(at)
    with running(api) as base_url:
        asyncio.run(run(base_url))


def test_the_hours_of_a_day_are_the_day(clock: Clock) -> None:
    clock("2026-11-21T00:30:00Z")
    api = AdminApi(SimulatedOrganization(seed=3, actors=4, workspaces=3), key=KEY)

    async def run(base_url: str) -> None:
        async with exporting(base_url, "--usage.hours=25", "--usage.hours-group-by=model") as exporter:
            await exporter.refresh()
            hours, days = Counter[Labels](), Counter[Labels]()
            for key, value in exporter.exposed[TOKENS].items():
                if (ago := dict(key)["hours_ago"]) != "0":
                    hours[key - labels(hours_ago=ago)] += int(value)
            for key, value in exporter.exposed["anthropic_usage_tokens"].items():
                if dict(key)["days_ago"] == "1":
                    days[key - labels(days_ago="1", service_tier=dict(key)["service_tier"])] += int(value)
            assert hours.total() > 0
            assert +hours == +days

    with running(api) as base_url:
        asyncio.run(run(base_url))


def test_hours_that_fail_keep_what_they_had_and_leave_usage_alone() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh()
        before = exporter.exposed[TOKENS]
        good = answering({})
        api.on(USAGE, lambda seen: error(529, "busy") if seen.param("bucket_width") == "1h" else good(seen))
        await exporter.refresh("usage", "hours")
        assert exporter.exposed[TOKENS] == before
        assert exporter.value("anthropic_exporter_collector_up", collector="hours") == 0
        assert exporter.value("anthropic_exporter_collector_up", collector="usage") == 1
        assert exporter.value("anthropic_exporter_up") == 0

    with_exporter({"2026-11-21T11": [usage_row(output_tokens=7)]}, act, "--usage.hours=4")
