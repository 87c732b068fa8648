"""What is read of each workspace by itself, for members and limits: who goes first, and what a failure costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from tests.support.answers import WORKSPACES, Row, listing, member_row, script, workspace_limit_row, workspace_row
from tests.support.exporting import Exporter, exporting
from tests.support.scripted import Answer, ScriptedApi, Seen, error

Act = Callable[[ScriptedApi, Exporter], Awaitable[None]]


class Kind(NamedTuple):
    collector: str
    path: str
    family: str
    answer: Callable[[int], Row]


def members(count: int) -> Row:
    return listing(*(member_row(f"user_{number}") for number in range(count)))


def limits(value: int) -> Row:
    row = workspace_limit_row("rl_01", limits=[{"type": "requests_per_minute", "value": value}])
    return {"data": [row], "next_page": None}


KINDS = (
    Kind("members", "members", "anthropic_workspace_members", members),
    Kind("limits", "rate_limits", "anthropic_workspace_rate_limit", limits),
)
FAILURES: dict[str, Answer | Row] = {
    "request": error(400),
    "forbidden": error(403),
    "auth": error(401),
    "rate_limited": error(429),
    "server": error(500),
    "network": Answer({"data": []}, missing_bytes=3),
    "schema": {"data": None},
}


@pytest.fixture(autouse=True)
def noon(clock: Callable[[str], Any]) -> None:
    clock("2026-11-21T12:00:00Z")


def with_workspaces(kind: Kind, count: int, act: Act) -> list[str]:
    """Of which each has one of its kind; their IDs."""
    identifiers = [f"wrkspc_{number:03}" for number in range(count)]

    async def run(base_url: str) -> None:
        async with exporting(base_url, "--api.retry-seconds=0.1") as exporter:
            await exporter.refresh("organization")
            await act(api, exporter)

    with ScriptedApi() as api:
        script(api)
        api.on(WORKSPACES, listing(*map(workspace_row, identifiers)))
        for each in identifiers:
            api.on(path(kind, each), kind.answer(1))
        asyncio.run(run(api.base_url))
    return identifiers


def path(kind: Kind, workspace_id: str) -> str:
    return f"{WORKSPACES}/{workspace_id}/{kind.path}"


def shown(kind: Kind, exporter: Exporter) -> dict[str, float]:
    return {dict(key)["workspace_id"]: value for key, value in exporter.exposed.get(kind.family, {}).items()}


def asked(kind: Kind, api: ScriptedApi) -> Counter[str]:
    of_kind = (seen.path for seen in api.requests if seen.path.endswith(kind.path) and "/wrkspc_" in seen.path)
    return Counter(path.split("/")[-2] for path in of_kind)


@pytest.mark.parametrize("reason", FAILURES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.collector)
def test_a_workspace_that_fails_keeps_what_it_had_and_costs_the_others_nothing(kind: Kind, reason: str) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh(kind.collector)
        for number in range(3):
            api.on(path(kind, f"wrkspc_{number:03}"), kind.answer(2))
        api.on(path(kind, "wrkspc_000"), FAILURES[reason])
        # Of what would meet the others too they are spared, and have their turn later.
        for _ in range(3):
            await exporter.refresh(kind.collector)
        found = shown(kind, exporter)
        assert found.pop("wrkspc_000") == 1
        assert set(found.values()) == {2}
        if kind.collector == "limits":  # all of them are read at each refresh
            assert exporter.state(kind.collector).reason == reason
        api.on(path(kind, "wrkspc_000"), kind.answer(3))
        await exporter.refresh(kind.collector)
        assert shown(kind, exporter)["wrkspc_000"] == 3
        assert exporter.state(kind.collector).up

    with_workspaces(kind, 3, act)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.collector)
def test_many_that_never_answer_keep_nobody_from_being_read(kind: Kind) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        for number in range(60):
            api.on(path(kind, f"wrkspc_{number:03}"), error(500, "broken"))
        for _ in range(16):
            await exporter.refresh(kind.collector)
        assert set(shown(kind, exporter)) == {f"wrkspc_{number:03}" for number in range(60, 70)}
        assert exporter.state(kind.collector).reason == "server"

    with_workspaces(kind, 70, act)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.collector)
def test_where_all_fail_alike_few_are_asked(kind: Kind) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        for number in range(40):
            api.on(path(kind, f"wrkspc_{number:03}"), error(500, "broken"))
        await exporter.refresh(kind.collector)
        assert len(asked(kind, api)) <= 8

    with_workspaces(kind, 40, act)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.collector)
def test_a_workspace_that_is_never_found_is_asked_when_it_is_its_turn(kind: Kind) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        api.on(path(kind, "wrkspc_000"), error(404, "no such workspace"))
        for _ in range(10):
            await exporter.refresh(kind.collector)
            assert exporter.state(kind.collector).up
        counts = asked(kind, api)
        assert counts["wrkspc_000"] <= max(counts.values())
        assert set(shown(kind, exporter)) == {f"wrkspc_{number:03}" for number in range(1, 60)}

    with_workspaces(kind, 60, act)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.collector)
def test_a_workspace_that_is_archived_is_gone_at_once(kind: Kind) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh(kind.collector)
        archived = workspace_row("wrkspc_001", archived_at="2026-11-21T11:00:00Z")
        api.on(WORKSPACES, listing(workspace_row("wrkspc_000"), archived))
        await exporter.refresh("organization", kind.collector)
        assert set(shown(kind, exporter)) == {"wrkspc_000"}

    with_workspaces(kind, 2, act)


def test_members_and_limits_together_ask_four_workspaces_at_the_same_time() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        now, most = 0, 0

        async def slow(seen: Seen) -> Row:
            nonlocal now, most
            now += 1
            most = max(most, now)
            for _ in range(100):
                await asyncio.sleep(0)
            now -= 1
            return next(kind for kind in KINDS if seen.path.endswith(kind.path)).answer(1)

        for number in range(30):
            for kind in KINDS:
                api.on(path(kind, f"wrkspc_{number:03}"), slow)
        await exporter.refresh("members", "limits")
        assert len(shown(KINDS[0], exporter)) == len(shown(KINDS[1], exporter)) == 30
        assert most == 4

    with_workspaces(KINDS[0], 30, act)
