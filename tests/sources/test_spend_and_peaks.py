"""Spend limits, and the busiest minute against the ceilings: of the collector `limits`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.answers import (
    LIMITS_OF_WORKSPACE,
    RATE_LIMITS,
    SPEND_LIMITS,
    USAGE,
    WORKSPACES,
    Row,
    RowsByDay,
    by_the_minute,
    listing,
    rate_limit_row,
    script,
    spend_limit_row,
    usage_row,
    workspace_limit_row,
    workspace_row,
)
from tests.support.exporting import Exporter, exporting, labels
from tests.support.scripted import Answer, ScriptedApi, Seen, error

Clock = Callable[[str], Any]
SPEND, PEAK, CEILING = "anthropic_spend_limit_usd", "anthropic_usage_peak_tokens_per_minute", "anthropic_rate_limit"
GROUP = {"group": "Claude Opus 5.x", "group_id": "rlg_01"}
MODEL, SISTER, OTHER = "claude-opus-5", "claude-opus-5-5", "claude-haiku-5-5"
LIMITERS = (
    "requests_per_minute",
    "input_tokens_per_minute",
    "input_tokens_per_minute_cache_aware",
    "output_tokens_per_minute",
    "tokens_per_minute",
    "fast_itpmca",
    "fast_otpm",
    "tokens_per_day",
    "images_per_fortnight",
)


@pytest.fixture(autouse=True)
def past_noon(clock: Clock) -> None:
    clock("2026-11-21T12:30:20Z")


def page(*rows: Row) -> Row:
    return {"data": rows, "next_page": None}


def with_exporter(act: Callable[[ScriptedApi, Exporter], Awaitable[None]], *flags: str) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url, "--api.retry-seconds=0.1", *flags) as exporter:
            await act(api, exporter)

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


def refreshed(answers: dict[str, object]) -> Exporter:
    found: list[Exporter] = []

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        for path, answer in answers.items():
            api.on(path, answer)
        await exporter.refresh("organization", "limits")
        found.append(exporter)

    with_exporter(act)
    return found[0]


# Spend limits


def spent(*rows: Row) -> Exporter:
    return refreshed({SPEND_LIMITS: page(*rows)})


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        ({"type": "organization"}, ("organization", "none", "none")),
        ({"type": "usage_tier", "tier": "scale"}, ("usage_tier", "none", "none")),
        ({"type": "workspace", "workspace_id": "wrkspc_01"}, ("workspace", "Research", "wrkspc_01")),
        ({"type": "workspace", "workspace_id": "wrkspc_02"}, ("workspace", "wrkspc_02", "wrkspc_02")),
        ({"type": "workspace", "workspace_id": "wrkspc_default"}, ("workspace", "default", "default")),
        ({"type": "workspace", "workspace_id": None}, ("workspace", "default", "default")),
    ],
)
@pytest.mark.parametrize("period", ["daily", "weekly", "monthly"])
def test_a_spend_limit_is_shown_in_dollars(scope: Row, shown: tuple[str, str, str], period: str) -> None:
    name, workspace, workspace_id = shown
    exporter = spent(spend_limit_row("spl_01", scope=scope, period=period, amount="50050"))
    own = labels(scope=name, workspace=workspace, workspace_id=workspace_id, period=period)
    assert exporter.exposed[SPEND] == {own: 500.5}
    assert exporter.state("limits").up


@pytest.mark.parametrize(
    "row",
    [
        {"amount": None},
        {"is_enabled": False},
        {"scope": {"type": "user", "user_id": "user_01"}},
        {"scope": {"type": "rbac_group", "rbac_group_id": "group_01"}},
    ],
)
def test_what_has_no_number_is_switched_off_or_of_people_is_not_shown(row: Row) -> None:
    exporter = spent(spend_limit_row("spl_01", **row))
    assert SPEND not in exporter.exposed
    assert exporter.state("limits").up


def test_a_limit_of_nothing_is_a_limit() -> None:
    (value,) = spent(spend_limit_row("spl_01", amount="0")).exposed[SPEND].values()
    assert value == 0


@pytest.mark.parametrize(
    "row",
    [{"currency": "EUR"}, {"amount": 50000}, {"amount": "much"}, {"scope": None}, {"is_enabled": "perhaps"}],
)
def test_what_cannot_be_read_is_a_failure_and_what_was_there_stays(row: Row) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh("organization", "limits")
        before = exporter.data_text
        api.on(SPEND_LIMITS, page(spend_limit_row("spl_01", **row)))
        await exporter.refresh("limits")
        assert exporter.data_text == before
        assert exporter.state("limits").reason == "schema"

    with_exporter(act)


def test_of_the_default_workspace_s_two_names_the_lower_limit_is_shown() -> None:
    def limit(number: int, workspace_id: str | None, amount: str) -> Row:
        return spend_limit_row(
            f"spl_{number}", scope={"type": "workspace", "workspace_id": workspace_id}, amount=amount
        )

    for first, second in (("wrkspc_default", None), (None, "wrkspc_default")):
        exporter = spent(limit(1, first, "70000"), limit(2, second, "50000"), limit(3, "wrkspc_01", "900"))
        found = {dict(key)["workspace_id"]: value for key, value in exporter.exposed[SPEND].items()}
        assert found == {"default": 500, "wrkspc_01": 9}


def test_two_limits_of_the_same_do_not_add_up() -> None:
    exporter = spent(spend_limit_row("spl_01"), spend_limit_row("spl_02", amount="1"))
    assert SPEND not in exporter.exposed
    assert exporter.state("limits").reason == "schema"


def test_only_limits_that_are_shown_are_asked_for_with_the_beta_header() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh("organization", "limits")
        (seen,) = api.seen(SPEND_LIMITS)
        assert seen.headers["anthropic-beta"] == "spend-limit-reads-2026-09-26"
        assert seen.every("scope_type[]") == ["organization", "usage_tier", "workspace"]

    with_exporter(act)


def not_for_this_organization(status: int) -> Answer:
    details = {"error_code": "organization_type_not_supported"}
    return Answer(
        {"type": "error", "error": {"type": "invalid_request_error", "message": "not here", "details": details}}, status
    )


@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_organization_without_them_has_all_the_rest_and_no_failure(status: int) -> None:
    exporter = refreshed({SPEND_LIMITS: not_for_this_organization(status)})
    assert SPEND not in exporter.exposed
    assert exporter.exposed[CEILING]
    assert exporter.state("limits").up
    assert [each.endpoint for each in exporter.state("limits").unserved] == ["spend_limits"]


# The busiest minute


def busy(minutes: RowsByDay, *rows: Row) -> Exporter:
    limits = rows or (
        rate_limit_row("rl_01", models=[MODEL, SISTER], limits=[{"type": each, "value": 1} for each in LIMITERS]),
    )
    return refreshed({USAGE: lambda seen: by_the_minute(minutes, seen), RATE_LIMITS: page(*limits)})


def used(model: str = MODEL, *, speed: str | None = "standard", times: int = 1) -> Row:
    tokens = {"ephemeral_5m_input_tokens": 1000 * times, "ephemeral_1h_input_tokens": 10_000 * times}
    return usage_row(
        model=model,
        speed=speed,
        uncached_input_tokens=10 * times,
        cache_read_input_tokens=100 * times,
        cache_creation=tokens,
        output_tokens=times,
    )


def peaks(exporter: Exporter) -> dict[str, float]:
    found = exporter.exposed.get(PEAK, {})
    assert all(key >= labels(**GROUP) for key in found)
    return {dict(key)["limiter"]: value for key, value in found.items()}


def test_each_limiter_has_what_it_counts_and_one_that_counts_something_else_has_no_peak() -> None:
    assert peaks(busy({"12:00": [used(), used(speed="fast", times=2)]})) == {
        "input_tokens_per_minute": 11_110,
        "input_tokens_per_minute_cache_aware": 11_010,
        "output_tokens_per_minute": 1,
        "tokens_per_minute": 11_111,
        "fast_itpmca": 22_020,
        "fast_otpm": 2,
    }


def test_models_of_a_group_are_added_minute_by_minute_and_others_are_not() -> None:
    minutes = {"12:00": [used(times=3)], "12:01": [used(times=2), used(SISTER, times=2), used(OTHER, times=9)]}
    assert peaks(busy(minutes))["output_tokens_per_minute"] == 4


def test_only_the_last_hour_s_complete_minutes_count() -> None:
    minutes = {f"{at}": [used(times=times)] for at, times in {"11:29": 9, "11:30": 1, "12:29": 2, "12:30": 9}.items()}

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        api.on(USAGE, lambda seen: by_the_minute(minutes, seen))
        api.on(RATE_LIMITS, page(rate_limit_row("rl_01", models=[MODEL], limits=[{"type": LIMITERS[3], "value": 1}])))
        await exporter.refresh("organization", "limits")
        assert peaks(exporter) == {LIMITERS[3]: 2}
        seen = next(seen for seen in api.seen(USAGE) if seen.param("bucket_width") == "1m")
        assert (seen.param("starting_at"), seen.param("ending_at")) == ("2026-11-21T11:30:00Z", "2026-11-21T12:30:00Z")
        assert (seen.param("limit"), seen.every("service_tiers[]")) == ("60", ["standard"])

    with_exporter(act)


def test_an_hour_without_any_use_is_a_peak_of_nothing() -> None:
    found = peaks(busy({}))
    assert found["output_tokens_per_minute"] == 0
    assert found["fast_otpm"] == 0


@pytest.mark.parametrize(
    ("answer", "polls"),
    [
        (error(403, "not for you"), 1),  # what is refused is known only then
        (error(500, "broken"), 3),
        (page(rate_limit_row("rl_01", models=[MODEL], limits=[{"type": "requests_per_minute", "value": 1}])), 1),
        (page(rate_limit_row("rl_01", models=None, limits=[{"type": "tokens_per_day", "value": 1}])), 1),
        (page(rate_limit_row("rl_01", models=[MODEL], limits=[{"type": "tokens_per_minute", "value": 1}])), 3),
        (page(), 3),
    ],
)
def test_minutes_are_asked_for_where_there_is_a_ceiling_to_hold_them_against(answer: object, polls: int) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        api.on(RATE_LIMITS, answer)
        for _ in range(3):
            await exporter.refresh("organization", "limits")
        assert len(api.seen(USAGE)) == polls

    with_exporter(act)


def test_where_the_report_fails_a_minute_is_kept_for_its_hour_and_no_longer(clock: Clock) -> None:
    minutes = {"12:00": [used(times=9)], "12:20": [used(times=2)]}

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        api.on(USAGE, lambda seen: by_the_minute(minutes, seen))
        api.on(RATE_LIMITS, page(rate_limit_row("rl_01", models=[MODEL], limits=[{"type": LIMITERS[3], "value": 1}])))
        await exporter.refresh("organization", "limits")
        api.on(USAGE, error(529, "busy"))
        for at, expected in {"12:59": {LIMITERS[3]: 9}, "13:05": {LIMITERS[3]: 2}, "13:35": {}}.items():
            clock(f"2026-11-21T{at}:00Z")
            await exporter.refresh("limits")
            assert peaks(exporter) == expected
            assert exporter.exposed[CEILING]

    with_exporter(act)


def test_where_speeds_are_not_told_all_counts_as_standard_and_fast_limits_have_no_peak() -> None:
    found = peaks(busy({"12:00": [used(speed=None), used(SISTER, speed=None)]}))
    assert found["output_tokens_per_minute"] == 2
    assert not [name for name in found if name.startswith("fast")]


@pytest.mark.parametrize(
    "refusal",
    [
        "group_by[]: Speed is not available",
        "Unexpected value(s) `fast-mode-2026-02-01` for the `anthropic-beta` header",
    ],
)
def test_where_speeds_are_refused_they_are_not_asked_for_again(refusal: str) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        def answer(seen: Seen) -> object:
            if "speed" in seen.every("group_by[]"):
                return error(400, refusal)
            return by_the_minute({"12:00": [used(speed=None)]}, seen)

        api.on(USAGE, answer)
        api.on(RATE_LIMITS, page(rate_limit_row("rl_01", models=[MODEL], limits=[{"type": LIMITERS[3], "value": 1}])))
        with capture_logs() as lines:
            for _ in range(2):
                await exporter.refresh("organization", "limits")
                assert exporter.state("limits").up
                assert peaks(exporter) == {LIMITERS[3]: 1}
        asked = ["speed" in seen.every("group_by[]") for seen in api.seen(USAGE)]
        assert asked == [True, False, False]
        (told,) = [line for line in lines if line["log_level"] == "warning"]
        assert "does not tell fast requests" in told["event"]

    with_exporter(act)


@pytest.mark.parametrize("path", [USAGE, RATE_LIMITS, LIMITS_OF_WORKSPACE, SPEND_LIMITS, WORKSPACES])
def test_what_fails_keeps_what_it_had_while_all_the_rest_goes_on(path: str) -> None:
    families = {
        USAGE: PEAK,
        RATE_LIMITS: CEILING,
        LIMITS_OF_WORKSPACE: "anthropic_workspace_rate_limit",
        SPEND_LIMITS: SPEND,
        WORKSPACES: "anthropic_workspace_rate_limit",
    }
    output = {"type": "output_tokens_per_minute", "value": 5}
    changed: dict[str, object] = {
        USAGE: lambda seen: by_the_minute({"12:00": [used(times=7)]}, seen),
        RATE_LIMITS: page(rate_limit_row("rl_01", models=[MODEL], limits=[{**output, "value": 7}])),
        LIMITS_OF_WORKSPACE: page(workspace_limit_row("rl_01", limits=[{**output, "value": 7}])),
        SPEND_LIMITS: page(spend_limit_row("spl_01", amount="700")),
    }

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        api.on(USAGE, lambda seen: by_the_minute({"12:00": [used(times=5)]}, seen))
        api.on(RATE_LIMITS, page(rate_limit_row("rl_01", models=[MODEL], limits=[output])))
        api.on(LIMITS_OF_WORKSPACE, page(workspace_limit_row("rl_01", limits=[output])))
        await exporter.refresh("organization", "limits")
        before = exporter.exposed
        for each, answer in changed.items():
            api.on(each, answer)
        api.on(path, error(529, "busy"))
        await exporter.refresh("limits")
        assert not exporter.state("limits").up
        after = exporter.exposed
        for name in {*families.values()}:
            assert (after[name] == before[name]) is (name == families[path]), name

    with_exporter(act)


def test_of_very_many_workspaces_a_part_is_read_at_each_refresh() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        identifiers = [f"wrkspc_{number:03}" for number in range(150)]
        api.on(WORKSPACES, listing(*map(workspace_row, identifiers)))
        for identifier in identifiers:
            api.on(
                f"{WORKSPACES}/{identifier}/rate_limits", page(workspace_limit_row("rl_01", workspace_id=identifier))
            )
        known: list[int] = []
        for _ in range(3):
            await exporter.refresh("limits")
            assert exporter.state("limits").up
            known.append(len(exporter.exposed["anthropic_workspace_rate_limit"]))
        assert known == [50, 100, 150]
        asked = Counter(seen.path for seen in api.requests if "/wrkspc_" in seen.path)
        assert set(asked.values()) <= {1, 2}, "those first that were not read for the longest time"

    with_exporter(act, "--no-organization.enabled")


tokens = st.integers(0, 10**6)
use = st.builds(
    usage_row,
    model=st.sampled_from([MODEL, SISTER, OTHER]),
    speed=st.sampled_from(["standard", "fast"]),
    uncached_input_tokens=tokens,
    cache_read_input_tokens=tokens,
    cache_creation=st.fixed_dictionaries({"ephemeral_5m_input_tokens": tokens, "ephemeral_1h_input_tokens": tokens}),
    output_tokens=tokens,
)


def written(row: Row) -> int:
    return sum(row["cache_creation"].values())


COUNTED: dict[str, tuple[str, Callable[[Row], int]]] = {
    "input_tokens_per_minute": (
        "standard",
        lambda row: row["uncached_input_tokens"] + row["cache_read_input_tokens"] + written(row),
    ),
    "input_tokens_per_minute_cache_aware": ("standard", lambda row: row["uncached_input_tokens"] + written(row)),
    "output_tokens_per_minute": ("standard", lambda row: row["output_tokens"]),
    "fast_itpmca": ("fast", lambda row: row["uncached_input_tokens"] + written(row)),
    "fast_otpm": ("fast", lambda row: row["output_tokens"]),
}


def test_the_peak_is_the_largest_of_plain_sums() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        api.on(
            RATE_LIMITS,
            page(
                rate_limit_row(
                    "rl_01", models=[MODEL, SISTER], limits=[{"type": each, "value": 1} for each in LIMITERS]
                )
            ),
        )
        loop = asyncio.get_running_loop()

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(
            st.dictionaries(
                st.integers(30, 59),
                st.lists(use, max_size=3, unique_by=lambda row: (row["model"], row["speed"])),
                max_size=5,
            )
        )
        def holds(by_minute: dict[int, list[Row]]) -> None:
            minutes = {f"11:{minute}": rows for minute, rows in by_minute.items()}
            api.on(USAGE, lambda seen: by_the_minute(minutes, seen))
            asyncio.run_coroutine_threadsafe(exporter.refresh("limits"), loop).result()

            found = peaks(exporter)
            for limiter, (speed, counted) in COUNTED.items():
                sums = [
                    sum(counted(row) for row in rows if row["model"] != OTHER and row["speed"] == speed)
                    for rows in minutes.values()
                ]
                assert found[limiter] == max(sums, default=0), limiter

        await asyncio.to_thread(holds)

    with_exporter(act, "--no-organization.enabled")
