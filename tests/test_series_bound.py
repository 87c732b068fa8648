"""`--web.max-series` and `--actors.max`: the smallest contributors become `other`, and every sum stays what it was."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.answers import (
    CLAUDE_CODE,
    COST,
    USAGE,
    Row,
    RowsByDay,
    buckets,
    claude_code_row,
    cost_row,
    records,
    script,
    usage_row,
)
from tests.support.exporting import Exporter, Labels, exporting
from tests.support.loading import problems
from tests.support.scripted import ScriptedApi

TODAY, YESTERDAY, BEFORE = "2026-11-21", "2026-11-20", "2026-11-19"
SESSIONS, FOLDED = "anthropic_claude_code_sessions", "anthropic_exporter_folded_series"
FOLDABLE = ("actor", "actor_id", "api_key", "api_key_id", "model", "workspace", "workspace_id")
SUMMED = ("anthropic_usage_", "anthropic_cost_", "anthropic_claude_code_", "anthropic_unpriced")
Act = Callable[[ScriptedApi, Exporter], Awaitable[None]]


@pytest.fixture(autouse=True)
def noon(clock: Callable[[str], Any]) -> None:
    clock(f"{TODAY}T12:00:00Z")


def with_exporter(act: Act, *flags: str) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url, "--claude-code.days=3", "--usage.days=3", "--cost.days=3", *flags) as exporter:
            await act(api, exporter)

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


def shown(usage: RowsByDay, cost: RowsByDay, claude_code: RowsByDay, *flags: str) -> Exporter:
    found: list[Exporter] = []

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        answer(api, usage, cost, claude_code)
        await exporter.refresh()
        assert exporter.value("anthropic_exporter_up") == 1
        found.append(exporter)

    with_exporter(act, *flags)
    return found[0]


def answer(api: ScriptedApi, usage: RowsByDay, cost: RowsByDay, claude_code: RowsByDay) -> None:
    api.on(USAGE, lambda seen: buckets(usage, seen))
    api.on(COST, lambda seen: buckets(cost, seen))
    api.on(CLAUDE_CODE, lambda seen: records(claude_code, seen))


def work(actor: str, cents: int, day: str = TODAY, kind: str = "user_actor", **values: object) -> Row:
    name = "email_address" if kind == "user_actor" else "api_key_name"
    use = {
        "model": "claude-opus-5-5",
        "tokens": {"input": 1, "output": 1, "cache_read": 1, "cache_creation": 1},
        "estimated_cost": {"amount": cents, "currency": "USD"},
    }
    return claude_code_row(day, actor={"type": kind, name: actor}, model_breakdown=[use], **values)


def by_day(rows: Sequence[Row]) -> RowsByDay:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["date"][:10]].append(row)
    return found


def actors(exporter: Exporter) -> set[str]:
    return {dict(key)["actor"] for key in exporter.exposed.get(SESSIONS, {}) if dict(key)["days_ago"] in {"0", "1"}}


def samples(exporter: Exporter) -> int:
    return sum(not line.startswith("#") for line in exporter.text.splitlines())


def sums(exporter: Exporter) -> dict[str, dict[Labels, float]]:
    """Of every family that may be folded, over what may be."""
    found: dict[str, dict[Labels, float]] = {}
    for name, of_family in exporter.exposed.items():
        if name.startswith(SUMMED):
            of_name: defaultdict[Labels, float] = defaultdict(float)
            for key, value in of_family.items():
                of_name[frozenset(each for each in key if each[0] not in FOLDABLE)] += value
            found[name] = dict(of_name)
    return found


# Actors


def test_the_actors_with_the_highest_cost_over_all_named_days_keep_their_names() -> None:
    rows = [
        work("small@example.com", 5),
        work("large@example.com", 50, YESTERDAY),
        work("middle@example.com", 20),
        work("middle@example.com", 20, YESTERDAY),
        work("ci", 45, kind="api_actor"),
        work("tiny@example.com", 1),
    ]
    assert actors(shown({}, {}, by_day(rows), "--actors.max=3")) == {
        "large@example.com",
        "ci",
        "middle@example.com",
        "other",
    }
    assert "other" not in actors(shown({}, {}, by_day(rows), "--actors.max=5"))
    assert actors(shown({}, {}, by_day(rows))) == actors(shown({}, {}, by_day(rows), "--actors.max=5"))


def test_who_is_kept_goes_only_for_somebody_much_larger() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        async def with_costs(first: int, second: int) -> set[str]:
            answer(api, {}, {}, by_day([work("first@example.com", first), work("second@example.com", second)]))
            await exporter.refresh()
            return actors(exporter) - {"other"}

        assert await with_costs(100, 90) == {"first@example.com"}
        assert await with_costs(100, 110) == {"first@example.com"}
        assert await with_costs(100, 120) == {"first@example.com"}
        assert await with_costs(100, 130) == {"second@example.com"}
        assert await with_costs(110, 100) == {"second@example.com"}

    with_exporter(act, "--actors.max=1")


def test_who_is_kept_is_found_again_when_the_map_of_people_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "map.yml"
    file.write_text("first@example.com: One\nsecond@example.com: Two\n")

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        answer(api, {}, {}, by_day([work("first@example.com", 10), work("second@example.com", 5)]))
        await exporter.refresh()
        assert actors(exporter) == {"One", "other"}
        file.write_text("first@example.com: Uno\nsecond@example.com: Due\n")
        assert exporter.parts.reload
        await exporter.parts.reload.once()
        await exporter.publish()
        assert actors(exporter) == {"Uno", "other"}

    with_exporter(act, "--actors.mode=map", f"--actors.map-file={file}", "--actors.max=1")


def test_the_number_of_active_actors_is_that_of_people_and_folded_samples_are_counted() -> None:
    rows = [work(f"person-{number}@example.com", number) for number in range(20)]
    whole = shown({}, {}, by_day(rows))
    bounded = shown({}, {}, by_day(rows), "--actors.max=5")
    name = "anthropic_claude_code_active_actors"
    assert bounded.exposed[name] == whole.exposed[name]
    assert bounded.value(FOLDED, family=SESSIONS) == 15
    assert bounded.value(FOLDED, family="anthropic_claude_code_tokens") == 15 * 4
    assert FOLDED not in whole.exposed


def test_it_is_logged_once_that_something_is_folded() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        with capture_logs() as lines:
            for count in (3, 4, 5):
                answer(api, {}, {}, by_day([work(f"{number}@example.com", number) for number in range(count)]))
                await exporter.refresh()
        (line,) = [line for line in lines if "shown as other" in line["event"]]
        assert line["labels"] == "actor (2 keep their names)"

    with_exporter(act, "--actors.max=2")


# Series


def organization(rng: Random, people: int, keys: int, models: int, workspaces: int) -> tuple[Any, Any, Any]:
    days = (TODAY, YESTERDAY, BEFORE)
    named = [f"claude-{number}" for number in range(models)]
    places = [None, *(f"wrkspc_{number:02}" for number in range(1, workspaces))]
    usage = {
        day: [
            usage_row(
                api_key_id=f"apikey_{number:02}",
                workspace_id=rng.choice(places),
                model=rng.choice(named),
                output_tokens=rng.randrange(10**6),
            )
            for number in range(keys)
        ]
        for day in days
    }
    cost = {
        day: [
            cost_row(f"{rng.randrange(10**6)}", workspace_id=place, model=model) for place in places for model in named
        ]
        for day in days[1:]
    }
    rows = [
        work(
            f"person-{number}@example.com",
            rng.randrange(1000),
            day,
            terminal_type=rng.choice(["vscode", "tmux"]),
        )
        for number in range(people)
        for day in days
        if rng.random() < 0.7
    ]
    return usage, cost, by_day(rows)


FLAGS = ("--usage.group-by=api_key_id",)


def test_the_answer_never_has_more_than_the_bound_and_every_sum_stays_the_same() -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 2**32), st.integers(0, 30), st.integers(1, 30), st.integers(0, 35), st.data())
    def holds(seed: int, people: int, keys: int, sizes: int, data: st.DataObject) -> None:
        of = organization(Random(seed), people, keys, sizes // 6 + 1, sizes % 6 + 1)
        whole = shown(*of, *FLAGS)
        most = data.draw(st.integers(300, max(301, samples(whole) + 20)))
        bounded = shown(*of, *FLAGS, f"--web.max-series={most}")
        of_whole, of_bounded = sums(whole), sums(bounded)
        assert of_whole.keys() == of_bounded.keys()
        for name, expected in of_whole.items():
            assert of_bounded[name] == pytest.approx(expected), name
        if samples(whole) <= most:
            assert bounded.data_text == whole.data_text
        elif "workspace" not in _folded(bounded):
            assert samples(bounded) <= most

    holds()


def _folded(exporter: Exporter) -> set[str]:
    """The labels that have `other`."""
    found = {name for of in exporter.exposed.values() for key in of for name, value in key if value == "other"}
    return found & set(FOLDABLE)


def test_people_are_folded_first_then_keys_then_models_and_workspaces_last() -> None:
    of = organization(Random(3), 40, 40, 8, 8)
    total = samples(shown(*of, *FLAGS))
    orders = []
    for most in range(total, 250, -(total // 25)):
        folded = _folded(shown(*of, *FLAGS, f"--web.max-series={most}"))
        orders.append(folded - {"actor_id", "api_key_id", "workspace_id"})
    for before, after in pairwise(orders):
        assert before <= after
    stages = [set(), {"actor"}, {"actor", "api_key"}, {"actor", "api_key", "model"}]
    stages.append({*stages[-1], "workspace"})
    assert [stage for stage in stages if stage in orders] == stages
    assert all(folded in stages for folded in orders)


def test_a_bound_that_cannot_be_kept_is_told_once_and_nothing_is_lost() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        answer(api, *organization(Random(1), 5, 5, 2, 2))
        with capture_logs() as lines:
            for _ in range(3):
                await exporter.refresh()
        told = [line for line in lines if "cannot be folded" in line["event"]]
        assert len(told) == 1
        assert told[0]["series"] > told[0]["most"] == 10
        assert exporter.exposed["anthropic_usage_tokens"]

    with_exporter(act, *FLAGS, "--web.max-series=10")


def test_series_do_not_come_and_go_while_numbers_grow() -> None:
    """A day of refreshes, with everybody's numbers growing at random."""

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        rng = random.Random(5)
        costs = {f"person-{number}@example.com": 1000 + 10 * number for number in range(60)}
        kept: list[set[str]] = []
        for _ in range(30):
            answer(api, {}, {}, by_day([work(name, cents) for name, cents in costs.items()]))
            await exporter.refresh()
            assert samples(exporter) <= 600
            kept.append(actors(exporter))
            for name in costs:
                costs[name] += rng.randrange(20)
        assert "other" in kept[0]
        changes = sum(before != after for before, after in pairwise(kept))
        assert changes <= 1

    with_exporter(act, "--web.max-series=600", "--no-limits.enabled")


def test_at_midnight_days_move_and_what_is_folded_keeps_to_the_bound(clock: Callable[[str], Any]) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        answer(api, *organization(Random(2), 40, 40, 6, 6))
        await exporter.refresh()
        asked, before = len(api.requests), _of_days(exporter)
        assert samples(exporter) <= 1500
        clock("2026-11-22T00:00:01Z")
        await exporter.roll()
        assert samples(exporter) <= 1500
        assert len(api.requests) == asked
        after = _of_days(exporter)
        for (name, days_ago), value in before.items():
            if days_ago in {"0", "1"}:
                assert after[name, str(int(days_ago) + 1)] == pytest.approx(value)

    with_exporter(act, *FLAGS, "--web.max-series=1500")


def _of_days(exporter: Exporter) -> dict[tuple[str, str], float]:
    """The sum of each family of usage and Claude Code on each day."""
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for name, of_family in exporter.exposed.items():
        if name.startswith(("anthropic_usage_tokens", "anthropic_claude_code_")):
            for key, value in of_family.items():
                found[name, dict(key)["days_ago"]] += value
    return dict(found)


def test_names_come_back_when_there_is_room(clock: Callable[[str], Any]) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        many = [work(f"person-{number}@example.com", number, TODAY) for number in range(60)]
        answer(api, {}, {}, by_day(many))
        await exporter.refresh()
        assert "other" in actors(exporter)
        clock("2026-11-23T12:00:00Z")
        answer(api, {}, {}, by_day([work("person-1@example.com", 1, "2026-11-23")]))
        await exporter.refresh()
        assert actors(exporter) == {"person-1@example.com"}

    with_exporter(act, "--web.max-series=600", "--no-limits.enabled")


@pytest.mark.parametrize("flag", ["--web.max-series", "--actors.max"])
def test_a_bound_below_zero_is_refused(flag: str) -> None:
    (problem,) = problems(f"{flag}=-1")
    assert problem == f"{flag}: must be a whole number, at least 0, got '-1'"
