from __future__ import annotations

import asyncio
from itertools import pairwise

from exporter.api import endpoints
from exporter.api.endpoints import AnyEndpoint
from exporter.api.pace import Pace
from tests.support.answers import USAGE, script
from tests.support.exporting import exporting
from tests.support.scripted import ScriptedApi

SECONDS = 0.3
ENDPOINTS: dict[str, AnyEndpoint] = {"usage": endpoints.USAGE, "cost": endpoints.COST}


def turns(*asked: tuple[str, str], seconds: float = SECONDS) -> list[float]:
    """When each of them had its turn, one asking after the other, in seconds from the start."""

    async def run() -> list[float]:
        pace, loop = Pace(seconds), asyncio.get_running_loop()
        start = loop.time()
        found = []

        async def turn(endpoint: str, job: str) -> None:
            await pace.turn(ENDPOINTS[endpoint], job, 0)
            found.append(loop.time() - start)

        async with asyncio.TaskGroup() as tasks:
            for each in asked:
                tasks.create_task(turn(*each))
        return found

    return asyncio.run(run())


def test_the_first_polls_of_all_jobs_follow_each_other_at_once() -> None:
    assert turns(("usage", "a"), ("usage", "b"), ("cost", "a"), seconds=60)[-1] < 60


def test_from_then_on_the_polls_of_all_jobs_are_counted_together() -> None:
    *_, third, fourth = turns(("usage", "a"), ("usage", "b"), ("usage", "a"), ("usage", "b"))
    assert third >= SECONDS
    assert fourth >= 2 * SECONDS


def test_a_newcomer_goes_at_once_and_takes_nobodys_turn() -> None:
    first, newcomer, second, third = turns(("usage", "a"), ("usage", "a"), ("usage", "b"), ("usage", "a"))
    assert max(first, newcomer) < second
    assert second >= SECONDS
    assert third >= 2 * SECONDS


def test_endpoints_are_paced_each_for_itself() -> None:
    first, other, again = turns(("usage", "a"), ("cost", "a"), ("usage", "a"))
    assert again >= SECONDS
    assert max(first, other) < again


def test_over_loopback_there_is_no_pace_unless_one_is_set() -> None:
    async def run(base_url: str, pace_seconds: float | None) -> float:
        async with exporting(base_url, "--no-organization.enabled", pace_seconds=pace_seconds) as exporter:
            await exporter.refresh("usage")
            await exporter.refresh("usage")
        first, second = (seen.at for seen in api.seen(USAGE)[-2:])
        return second - first

    with ScriptedApi() as api:
        script(api)
        assert asyncio.run(run(api.base_url, SECONDS)) >= SECONDS * 0.9
        assert asyncio.run(run(api.base_url, None)) < 60


def test_one_that_yields_lets_those_go_first_who_are_expected_meanwhile() -> None:
    """It asks half a turn before usage comes again."""

    async def run() -> list[str]:
        pace = Pace(SECONDS)
        order = []

        async def poll(job: str, interval_seconds: float, *, yields: bool) -> None:
            for _ in range(2):
                await pace.turn(endpoints.USAGE, job, interval_seconds, yields=yields)
                order.append(job)
                await asyncio.sleep(interval_seconds)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(poll("usage", 4 * SECONDS, yields=False))
            tasks.create_task(poll("nowcast", 3.5 * SECONDS, yields=True))
        return order

    assert asyncio.run(run()) == ["usage", "nowcast", "usage", "nowcast"]


def test_after_the_first_of_each_two_polls_never_lie_closer_than_the_pace() -> None:
    async def run() -> list[float]:
        pace, loop = Pace(SECONDS), asyncio.get_running_loop()
        times: list[float] = []

        async def poll(job: str, *, yields: bool) -> None:
            for _ in range(4):
                await pace.turn(endpoints.USAGE, job, 2 * SECONDS, yields=yields)
                times.append(loop.time())
                await asyncio.sleep(2 * SECONDS)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(poll("usage", yields=False))
            tasks.create_task(poll("nowcast", yields=True))
        return times

    times = asyncio.run(run())[1:]
    assert all(later - earlier > 0.9 * SECONDS for earlier, later in pairwise(times))
