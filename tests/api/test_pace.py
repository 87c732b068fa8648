from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from exporter.api import endpoints
from exporter.api.endpoints import AnyEndpoint
from exporter.api.pace import Pace
from tests.support import virtual_time
from tests.support.answers import USAGE, script
from tests.support.exporting import exporting
from tests.support.scripted import ScriptedApi

MINUTE, HOUR = 60.0, 3600.0
# Rounded, the nowcast comes a little before usage, which it is to wait for.
TWO, OTHERS = 1.5754106129280814, 2.5329328137322022
AT_ONCE = {"usage": TWO, "nowcast": TWO, "limits": OTHERS, "hours": OTHERS}
NOTHING = 1e-6  # what rounding makes of no time
ENDPOINTS: dict[str, AnyEndpoint] = {"usage": endpoints.USAGE, "cost": endpoints.COST}
RANKS = {"usage": 0, "nowcast": 1, "limits": 2, "hours": 3}


class Poll(NamedTuple):
    job: str
    asked: float
    at: float


def turns(*asked: tuple[str, str]) -> list[float]:
    """When each of them had its turn, one asking after the other, in seconds from the start."""

    async def run() -> list[float]:
        pace, loop = Pace(), asyncio.get_running_loop()
        found = []

        async def turn(endpoint: str, job: str) -> None:
            await pace.turn(ENDPOINTS[endpoint], job, 0)
            found.append(loop.time())

        async with asyncio.TaskGroup() as tasks:
            for each in asked:
                tasks.create_task(turn(*each))
        return found

    return virtual_time.run(run())


def polls(intervals: Mapping[str, float], starts: Mapping[str, float], hours: float) -> list[Poll]:
    """Of jobs that ask the usage report, each again an interval after its turn, as `Job` does."""

    async def run() -> list[Poll]:
        pace, loop = Pace(), asyncio.get_running_loop()
        found: list[Poll] = []

        async def poll(job: str) -> None:
            await asyncio.sleep(starts[job])
            while (asked := loop.time()) < hours * HOUR:
                await pace.turn(endpoints.USAGE, job, intervals[job], RANKS[job])
                found.append(Poll(job, asked, loop.time()))
                await asyncio.sleep(intervals[job])

        async with asyncio.TaskGroup() as tasks:
            for job in intervals:
                tasks.create_task(poll(job))
        return found

    return virtual_time.run(run())


def after_the_first(found: list[Poll]) -> list[Poll]:
    return [poll for number, poll in enumerate(found) if poll.job in {each.job for each in found[:number]}]


def test_the_first_polls_of_all_jobs_follow_each_other_at_once() -> None:
    assert turns(("usage", "a"), ("usage", "b"), ("cost", "a")) == [0, 0, 0]


def test_from_then_on_the_polls_of_all_jobs_are_counted_together() -> None:
    assert turns(("usage", "a"), ("usage", "b"), ("usage", "a"), ("usage", "b")) == [0, 0, MINUTE, 2 * MINUTE]


def test_a_newcomer_goes_at_once_and_takes_nobodys_turn() -> None:
    assert turns(("usage", "a"), ("usage", "a"), ("usage", "b"), ("usage", "a")) == [0, 0, MINUTE, 2 * MINUTE]


def test_endpoints_are_paced_each_for_itself() -> None:
    assert turns(("usage", "a"), ("cost", "a"), ("usage", "a")) == [0, 0, MINUTE]


def test_those_who_wait_go_by_their_rank() -> None:
    async def run() -> list[str]:
        pace, order = Pace(), []

        async def turn(job: str) -> None:
            await pace.turn(endpoints.USAGE, job, HOUR, RANKS[job])
            order.append(job)

        for job in RANKS:
            await turn(job)
        async with asyncio.TaskGroup() as tasks:
            for job in reversed(RANKS):
                tasks.create_task(turn(job))
        return order

    assert virtual_time.run(run()) == [*RANKS, *RANKS]


def test_one_lets_those_go_first_who_are_expected_meanwhile() -> None:
    """It asks half a turn before usage comes again."""
    found = polls({"usage": 4 * MINUTE, "nowcast": 3.5 * MINUTE}, {"usage": 0, "nowcast": 0}, 0.1)
    assert [(poll.job, poll.at) for poll in found] == [
        ("usage", 0),
        ("nowcast", 0),
        ("usage", 4 * MINUTE),
        ("nowcast", 5 * MINUTE),
    ]


@st.composite
def fitting_intervals(draw: st.DrawFn) -> dict[str, float]:
    """All that may be set: the hours come every five minutes at the most, as `assembly` has it."""
    usage = draw(st.floats(120, 900))
    intervals = {
        "usage": usage,
        "nowcast": draw(st.floats(300, 3600)),
        "limits": draw(st.floats(300, 3000)),
        "hours": max(usage, 300),
    }
    # As the settings want it: what usage leaves free is enough for the others.
    assume(sum(1 / intervals[job] for job in RANKS if job != "usage") <= (usage // MINUTE - 1) / usage)
    return intervals


@settings(deadline=None, max_examples=50)
@given(fitting_intervals(), st.fixed_dictionaries(dict.fromkeys(RANKS, st.floats(0, 600))))
@example(dict.fromkeys(RANKS, 513.0), AT_ONCE)
def test_after_the_first_polls_no_minute_has_two_and_usage_is_never_late(
    intervals: dict[str, float], starts: dict[str, float]
) -> None:
    found = polls(intervals, starts, hours=4)
    later = after_the_first(found)
    assert all(after.at - before.at >= MINUTE - NOTHING for before, after in pairwise(later))
    # A first poll may stand between two others; but for those, usage goes when it asks.
    calm = max(starts.values()) + 2 * MINUTE
    waits = {job: [poll.at - poll.asked for poll in later if poll.job == job and poll.asked > calm] for job in RANKS}
    for job, longest in {"usage": NOTHING, "nowcast": 4 * MINUTE, "limits": 6 * MINUTE, "hours": 10 * MINUTE}.items():
        assert max(waits[job], default=0) <= longest, job


def test_over_loopback_there_is_no_pace_unless_one_is_set() -> None:
    seconds = 0.3

    async def run(base_url: str, pace_seconds: float | None) -> float:
        async with exporting(base_url, "--no-organization.enabled", pace_seconds=pace_seconds) as exporter:
            await exporter.refresh("usage")
            await exporter.refresh("usage")
        first, second = (seen.at for seen in api.seen(USAGE)[-2:])
        return second - first

    with ScriptedApi() as api:
        script(api)
        assert asyncio.run(run(api.base_url, seconds)) >= seconds * 0.9
        assert asyncio.run(run(api.base_url, None)) < 60
