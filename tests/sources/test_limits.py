from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.answers import (
    LIMITS_OF_WORKSPACE,
    ORGANIZATIONS,
    RATE_LIMITS,
    WORKSPACES,
    Row,
    listing,
    rate_limit_row,
    script,
    workspace_limit_row,
    workspace_row,
)
from tests.support.exporting import Exporter, Exposed, exporting, labels
from tests.support.scripted import Answer, ScriptedApi, Seen, error

Clock = Callable[[str], Any]
CEILING, MODEL = "anthropic_rate_limit", "anthropic_rate_limit_model_info"
OPUS = {"group": "Claude Opus 5.x", "group_id": "rlg_01", "group_type": "model_group"}
BATCH: Row = {"id": "rl_02", "group": {"id": "rlg_02", "type": "batch"}, "models": None, "limits": []}


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")


def page(*rows: Row, following: str | None = None) -> Row:
    return {"data": rows, "next_page": following}


def limiter(kind: object, value: object) -> Row:
    return {"type": kind, "value": value}


async def refreshed(base_url: str, *flags: str) -> Exporter:
    async with exporting(base_url, "--api.retry-seconds", "0.1", *flags) as exporter:
        await exporter.refresh("organization", "limits")
        return exporter


def read(*answers: object) -> Exporter:
    with ScriptedApi() as api:
        script(api)
        api.on(RATE_LIMITS, list(answers))
        return asyncio.run(refreshed(api.base_url, "--no-organization.enabled"))


def limits(exporter: Exporter) -> Exposed:
    return {name: samples for name, samples in exporter.exposed.items() if name.startswith(CEILING)}


# What is shown


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("requests_per_minute", "requests_per_minute"),
        ("input_tokens_per_minute", "tokens_per_minute"),
        ("input_tokens_per_minute_cache_aware", "tokens_per_minute"),
        ("output_tokens_per_minute", "tokens_per_minute"),
        ("tokens_per_minute", "tokens_per_minute"),
        ("fast_itpmca", "tokens_per_minute"),
        ("fast_otpm", "tokens_per_minute"),
        ("tokens_per_day", "tokens_per_day"),
        ("tool_uses_per_second", "tool_uses_per_second"),
        ("enqueued_batch_requests", "requests"),
        ("images_per_fortnight", "none"),
    ],
)
def test_a_ceiling_is_shown_with_what_it_counts_and_that_of_an_unknown_limiter_without(kind: str, unit: str) -> None:
    exporter = read(page(rate_limit_row("rl_01", limits=[limiter(kind, 4000)])))
    assert exporter.exposed[CEILING] == {labels(**OPUS, limiter=kind, unit=unit): 4000}
    assert exporter.state("limits").up


def test_models_and_aliases_lead_to_their_group() -> None:
    models = ["claude-opus-5", "claude-opus-5-5", "claude-opus-5"]
    found = read(page(rate_limit_row("rl_01", models=models), BATCH)).exposed[MODEL]
    group = {"group": "Claude Opus 5.x", "group_id": "rlg_01"}
    assert found == {labels(**group, model=model): 1 for model in set(models)}


@pytest.mark.parametrize(
    ("group", "name", "kind"),
    [
        ({"id": "rlg_02", "type": "batch"}, "rlg_02", "batch"),
        ({"id": "rlg_02", "type": "batch", "display_name": None}, "rlg_02", "batch"),
        ({"id": "rlg_02", "type": "model_group", "display_name": ""}, "rlg_02", "model_group"),
        ({"id": "rlg_02", "type": "video", "display_name": "Films", "made_of": ["new"]}, "Films", "video"),
        ({"id": "rlg_02"}, "rlg_02", "none"),
    ],
)
def test_a_group_without_a_name_is_shown_by_its_id(group: Row, name: str, kind: str) -> None:
    exporter = read(page({**BATCH, "group": group, "limits": [limiter("requests_per_minute", 0)]}))
    own = {"limiter": "requests_per_minute", "unit": "requests_per_minute"}
    assert exporter.exposed[CEILING] == {labels(group=name, group_id="rlg_02", group_type=kind, **own): 0}


def test_all_pages_are_read_in_the_version_that_has_groups() -> None:
    with ScriptedApi() as api:
        script(api)

        def paged(seen: Seen) -> Row:
            number = int(seen.param("page") or 1)
            row = rate_limit_row(f"rl_{number}", group={"id": f"rlg_{number}", "type": "batch"})
            return page(row, following=str(number + 1) if number < 4 else None)

        api.on(RATE_LIMITS, paged)
        exporter = asyncio.run(refreshed(api.base_url))
        assert {dict(key)["group_id"] for key in exporter.exposed[CEILING]} == {f"rlg_{n}" for n in range(1, 5)}
        assert {seen.headers["anthropic-version"] for seen in api.seen(RATE_LIMITS)} == {"2026-10-21"}


def test_an_organization_without_limits_has_no_sample_and_is_well() -> None:
    exporter = read(page())
    assert limits(exporter) == {}
    assert exporter.state("limits").up
    assert exporter.value("anthropic_exporter_collector_data_through_timestamp_seconds", collector="limits")


def test_it_is_not_asked_where_it_is_switched_off() -> None:
    with ScriptedApi() as api:
        script(api)
        exporter = asyncio.run(refreshed(api.base_url, "--no-limits.enabled"))
        assert not [seen for seen in api.requests if seen.path.startswith(f"{ORGANIZATIONS}/rate")]
        assert exporter.value("anthropic_exporter_collector_up", collector="limits") is None


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
groups = st.dictionaries(
    texts,
    st.tuples(
        st.none() | texts,
        st.none() | texts,
        st.none() | st.lists(texts, max_size=4),
        st.dictionaries(
            texts | st.sampled_from(["requests_per_minute", "fast_otpm"]), st.integers(0, 2**53), max_size=4
        ),
    ),
    max_size=6,
)
Groups = dict[str, tuple[str | None, str | None, list[str] | None, dict[str, int]]]


def test_whatever_the_groups_each_number_is_shown_once_and_none_is_invented() -> None:
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(groups, st.integers(1, 4))
    def holds(groups: Groups, size: int) -> None:
        rows = [
            {
                "id": f"rl_{number}",
                "group": {"id": identifier, "type": kind, "display_name": name},
                "models": models,
                "limits": [limiter(kind, value) for kind, value in ceilings.items()],
            }
            for number, (identifier, (name, kind, models, ceilings)) in enumerate(groups.items())
        ]

        def paged(seen: Seen) -> Row:
            start = int(seen.param("page") or 0)
            return page(*rows[start : start + size], following=str(start + size) if start + size < len(rows) else None)

        api.on(RATE_LIMITS, paged)
        exporter = asyncio.run(refreshed(api.base_url, "--no-organization.enabled"))
        assert exporter.state("limits").up
        ceilings = {
            (dict(key)["group_id"], dict(key)["group"], dict(key)["group_type"], dict(key)["limiter"]): value
            for key, value in exporter.exposed.get(CEILING, {}).items()
        }
        assert ceilings == {
            (identifier, name or identifier, "none" if kind is None else kind, each): value
            for identifier, (name, kind, _, ceilings) in groups.items()
            for each, value in ceilings.items()
        }
        models = exporter.exposed.get(MODEL, {})
        assert {(dict(key)["group_id"], dict(key)["model"]) for key in models} == {
            (identifier, model) for identifier, (_, _, models, _) in groups.items() for model in models or ()
        }
        assert set(models.values()) <= {1}

    with ScriptedApi() as api:
        script(api)
        holds()


# What cannot be read

WRONG: dict[str, Row] = {
    "no ID": {**BATCH, "id": None},
    "no group": {name: value for name, value in BATCH.items() if name != "group"},
    "a group without ID": {**BATCH, "group": {"type": "batch"}},
    "a name that is none": {**BATCH, "group": {"id": "rlg_02", "display_name": 7}},
    "no limits": {**BATCH, "limits": None},
    "a limiter without type": {**BATCH, "limits": [{"value": 1}]},
    "a limiter without value": {**BATCH, "limits": [{"type": "requests_per_minute"}]},
    "a ceiling of null": {**BATCH, "limits": [limiter("requests_per_minute", None)]},
    "a ceiling below zero": {**BATCH, "limits": [limiter("requests_per_minute", -1)]},
    "a ceiling in words": {**BATCH, "limits": [limiter("requests_per_minute", "4000")]},
    "a ceiling without end": {**BATCH, "limits": [limiter("requests_per_minute", 1e300)]},
    "a limiter twice": {**BATCH, "limits": [limiter("requests_per_minute", 1), limiter("requests_per_minute", 2)]},
    "a group twice": {**BATCH, "group": rate_limit_row("rl_01")["group"]},
}
FAILURES: dict[str, Answer] = {
    "request": error(400),
    "auth": error(401),
    "forbidden": error(403),
    "rate_limited": error(429),
    "server": error(500),
    "network": Answer({"data": []}, missing_bytes=3),
}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        *((page(rate_limit_row("rl_01"), row), "schema") for row in WRONG.values()),
        ({"data": None}, "schema"),
        (page(rate_limit_row("rl_01"), following=""), "pagination"),
        (page(rate_limit_row("rl_01"), following="again"), "pagination"),
        *((answer, reason) for reason, answer in FAILURES.items()),
    ],
    ids=[*WRONG, "no list", "no cursor", "the cursor again", *FAILURES],
)
def test_a_refresh_that_fails_keeps_the_last_good_data_and_says_why(answer: object, reason: str) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url, "--api.retry-seconds", "0.1") as exporter:
            await exporter.refresh()
            before, through = limits(exporter), exporter.state("limits").data_through
            assert before.keys() == {CEILING, MODEL}
            api.on(RATE_LIMITS, answer)
            await exporter.refresh()
            assert limits(exporter) == before
            assert exporter.state("limits").data_through == through
            up = exporter.exposed["anthropic_exporter_collector_up"]
            assert {dict(key)["collector"] for key, value in up.items() if not value} == {"limits"}
            assert exporter.state("limits").reason == reason
            api.on(RATE_LIMITS, page(BATCH))
            await exporter.refresh("limits")
            assert limits(exporter) == {}
            assert exporter.state("limits").up

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


@pytest.mark.parametrize("status", [403, 404])
def test_an_endpoint_that_is_refused_from_the_start_is_unavailable_and_no_failure(status: int) -> None:
    exporter = read(error(status, "not for you"))
    assert limits(exporter) == {}
    assert exporter.value("anthropic_exporter_collector_available", collector="limits") == 0
    assert exporter.value("anthropic_exporter_collector_up", collector="limits") is None
    assert [each.endpoint for each in exporter.state("limits").unserved] == ["rate_limits"]


def test_models_that_cannot_be_read_cost_no_ceiling_and_are_told() -> None:
    with capture_logs() as lines:
        exporter = read(page(rate_limit_row("rl_01", models={"all": True}), BATCH))
    own = {"limiter": "requests_per_minute", "unit": "requests_per_minute"}
    assert limits(exporter) == {CEILING: {labels(**OPUS, **own): 4000}}
    (told,) = [line for line in lines if line["log_level"] == "warning"]
    assert (told["endpoint"], told["field"], told["rows"]) == ("rate_limits", "models", 1)


# Workspaces

OF_WORKSPACE = "anthropic_workspace_rate_limit"
RESEARCH = {**OPUS, "workspace": "Research", "workspace_id": "wrkspc_01"}
REQUESTS = {"limiter": "requests_per_minute", "unit": "requests_per_minute"}


def shown(answers: dict[str, object]) -> Exporter:
    with ScriptedApi() as api:
        script(api)
        for path, answer in answers.items():
            api.on(path, answer)
        return asyncio.run(refreshed(api.base_url))


@pytest.mark.parametrize(
    ("own", "of_organization", "ceiling"),
    [(1000, 4000, 1000), (9000, 4000, 4000), (4000, 4000, 4000), (1000, None, 1000), (0, 4000, 0)],
)
@pytest.mark.parametrize("source", ["workspace", "organization", "region"])
def test_the_lower_of_a_workspace_s_and_its_organization_s_limit_is_shown(
    own: int, of_organization: int | None, ceiling: int, source: str
) -> None:
    limit = {"type": "requests_per_minute", "value": own, "org_limit": of_organization, "source": {"type": source}}
    exporter = shown({LIMITS_OF_WORKSPACE: page(workspace_limit_row("rl_01", limits=[limit]))})
    assert exporter.exposed[OF_WORKSPACE] == {labels(**RESEARCH, **REQUESTS, source=source): ceiling}
    assert exporter.state("limits").up


def test_a_limit_without_a_source_and_a_limiter_of_tomorrow_are_shown_all_the_same() -> None:
    row = workspace_limit_row("rl_01", limits=[{"type": "images_per_fortnight", "value": 5}])
    exporter = shown({LIMITS_OF_WORKSPACE: page(row)})
    own = {"limiter": "images_per_fortnight", "unit": "none", "source": "none"}
    assert exporter.exposed[OF_WORKSPACE] == {labels(**RESEARCH, **own): 5}


def test_inherited_limits_are_asked_for_of_every_open_workspace_and_of_no_other() -> None:
    with ScriptedApi() as api:
        script(api)
        rows = [
            workspace_row(f"wrkspc_0{n}", archived_at="2026-11-01T00:00:00Z" if n == 3 else None) for n in (1, 2, 3)
        ]
        api.on(WORKSPACES, listing(*rows))
        asyncio.run(refreshed(api.base_url, "--no-organization.enabled"))
        asked = [seen for seen in api.requests if seen.path.endswith("/rate_limits") and "wrkspc" in seen.path]
    assert [seen.path for seen in asked] == [f"{WORKSPACES}/wrkspc_0{n}/rate_limits" for n in (1, 2)]
    assert {seen.param("include_inherited") for seen in asked} == {"true"}


def test_a_workspace_that_never_had_limits_costs_the_others_nothing() -> None:
    exporter = shown({WORKSPACES: listing(workspace_row("wrkspc_00"), workspace_row("wrkspc_01"))})
    assert {dict(key)["workspace_id"] for key in exporter.exposed[OF_WORKSPACE]} == {"wrkspc_01"}
    assert exporter.state("limits").up


def test_a_workspace_that_had_limits_and_is_not_found_once_keeps_them() -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization", "limits")
            before = exporter.exposed[OF_WORKSPACE]
            api.on(LIMITS_OF_WORKSPACE, error(404, "gone?"))
            await exporter.refresh("limits")
            assert exporter.exposed[OF_WORKSPACE] == before
            assert exporter.state("limits").reason == "forbidden"

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


def test_where_workspaces_are_refused_the_organization_s_limits_are_there() -> None:
    exporter = shown({LIMITS_OF_WORKSPACE: error(403, "no")})
    assert OF_WORKSPACE not in exporter.exposed
    assert exporter.exposed[CEILING]
    assert exporter.state("limits").up
    assert [each.endpoint for each in exporter.state("limits").unserved] == ["workspaces/{workspace_id}/rate_limits"]


@pytest.mark.parametrize("path", [RATE_LIMITS, LIMITS_OF_WORKSPACE])
@pytest.mark.parametrize("reason", FAILURES)
def test_of_organization_and_workspaces_each_keeps_its_data_while_the_other_goes_on(path: str, reason: str) -> None:
    changed: dict[str, object] = {
        RATE_LIMITS: page(rate_limit_row("rl_01", limits=[limiter("requests_per_minute", 7)])),
        LIMITS_OF_WORKSPACE: page(workspace_limit_row("rl_01", limits=[limiter("requests_per_minute", 7)])),
    }
    family = {RATE_LIMITS: CEILING, LIMITS_OF_WORKSPACE: OF_WORKSPACE}

    async def run(base_url: str) -> None:
        async with exporting(base_url, "--api.retry-seconds", "0.1") as exporter:
            await exporter.refresh("organization", "limits")
            before = exporter.exposed
            for other, answer in (changed | {path: FAILURES[reason]}).items():
                api.on(other, answer)
            await exporter.refresh("limits")
            for other, name in family.items():
                assert (exporter.exposed[name] == before[name]) == (other == path)
            assert exporter.state("limits").reason == reason

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))
