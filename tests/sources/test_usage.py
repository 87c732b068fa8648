from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.answers import USAGE, Row, script, usage_row
from tests.support.exporting import Exposed, Labels, exporting, labels
from tests.support.scripted import ScriptedApi, Seen

NOW = "2026-11-21T12:00:00Z"
TODAY, YESTERDAY = "2026-11-21", "2026-11-20"
TOKENS = "anthropic_usage_tokens"


@pytest.fixture(autouse=True)
def noon(clock: Callable[[str], Any]) -> None:
    clock(NOW)


def exposed(usage: dict[str, list[Row]], *flags: str) -> tuple[Exposed, ScriptedApi]:
    async def refresh(base_url: str) -> Exposed:
        async with exporting(base_url, *flags) as exporter:
            await exporter.refresh("organization", "usage")
            return exporter.exposed

    with ScriptedApi() as api:
        script(api, usage=usage)
        return asyncio.run(refresh(api.base_url)), api


def tokens(**own: str) -> Labels:
    base = {
        "days_ago": "0",
        "workspace": "default",
        "workspace_id": "default",
        "model": "claude-opus-5-5",
        "service_tier": "standard",
        "token_type": "output",
    }
    return labels(**(base | own))


def test_it_asks_for_whole_utc_days() -> None:
    _, api = exposed({}, "--usage.days", "31")
    (seen,) = api.seen(USAGE)
    assert seen.param("starting_at") == "2026-10-22T00:00:00Z"
    assert seen.param("ending_at") == "2026-11-22T00:00:00Z"
    assert seen.param("bucket_width") == "1d"
    assert seen.every("group_by[]") == ["workspace_id", "model", "service_tier"]


@pytest.mark.parametrize(("rows", "limit"), [(0, "31"), (1, "31"), (900, "11"), (6_000, "1"), (20_000, "1")])
def test_a_page_has_as_many_days_as_are_read_at_once_without_holding_up_a_scrape(rows: int, limit: str) -> None:
    """Two at first; then by the largest of the days."""

    async def run(base_url: str) -> list[str | None]:
        async with exporting(base_url, "--no-nowcast.enabled", "--no-limits.enabled") as exporter:
            await exporter.refresh()
            await exporter.refresh("usage")
            return [seen.param("limit") for seen in api.seen(USAGE)]

    with ScriptedApi() as api:
        script(api, usage={TODAY: [usage_row(model=f"model {number}") for number in range(rows)]})
        assert asyncio.run(run(api.base_url)) == ["2", limit]


def test_nested_cache_tokens_and_searches_are_read() -> None:
    row = usage_row(
        uncached_input_tokens=1,
        cache_read_input_tokens=2,
        cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        output_tokens=5,
        server_tool_use={"web_search_requests": 6},
    )
    found, _ = exposed({TODAY: [row]}, "--usage.days", "1")
    kinds = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    assert found[TOKENS] == {tokens(token_type=kind): n for n, kind in enumerate(kinds, start=1)}
    assert set(found["anthropic_usage_web_search_requests"].values()) == {6}


def test_null_dimensions_have_names_and_unknown_values_pass() -> None:
    rows = [usage_row(model=None, service_tier=None, output_tokens=7), usage_row(service_tier="turbo", output_tokens=8)]
    found, _ = exposed({TODAY: rows}, "--usage.days", "1")
    assert found[TOKENS][tokens(model="none", service_tier="none")] == 7
    assert found[TOKENS][tokens(service_tier="turbo")] == 8


def test_the_default_workspace_is_the_same_by_null_and_by_its_real_id() -> None:
    rows = [usage_row(output_tokens=1), usage_row(workspace_id="wrkspc_default", output_tokens=2)]
    found, _ = exposed({TODAY: rows}, "--usage.days", "1")
    assert found[TOKENS][tokens()] == 3


def test_a_workspace_without_a_name_is_called_by_its_id() -> None:
    rows = [
        usage_row(workspace_id="wrkspc_01", output_tokens=1),
        usage_row(workspace_id="wrkspc_gone", output_tokens=2),
    ]
    found, _ = exposed({TODAY: rows}, "--usage.days", "1")
    assert found[TOKENS][tokens(workspace="Research", workspace_id="wrkspc_01")] == 1
    assert found[TOKENS][tokens(workspace="wrkspc_gone", workspace_id="wrkspc_gone")] == 2


def test_rows_that_differ_in_no_label_are_added_up() -> None:
    rows = [usage_row(context_window=w, inference_geo=g, output_tokens=10) for w in ("0-200k", "200k-1M") for g in "ab"]
    found, _ = exposed({TODAY: rows}, "--usage.days", "1")
    assert found[TOKENS][tokens()] == 40


def test_a_label_set_of_one_day_has_zeros_on_the_other_reported_days() -> None:
    found, _ = exposed({YESTERDAY: [usage_row(output_tokens=9)]}, "--usage.days", "3")
    assert [found[TOKENS][tokens(days_ago=age)] for age in "012"] == [0, 9, 0]


def test_a_day_that_the_api_does_not_return_has_no_samples() -> None:
    with ScriptedApi() as api:
        script(api)
        bucket = {"starting_at": f"{YESTERDAY}T00:00:00Z", "results": [usage_row(output_tokens=1)]}
        api.on(USAGE, {"data": [bucket], "has_more": False, "next_page": None})

        async def refresh() -> Exposed:
            async with exporting(api.base_url) as exporter:
                await exporter.refresh("organization", "usage")
                return exporter.exposed

        ages = {dict(key)["days_ago"] for key in asyncio.run(refresh())[TOKENS]}
    assert ages == {"1"}


def test_group_by_adds_labels_with_names_and_ids() -> None:
    rows = [
        usage_row(api_key_id="apikey_01", account_id="user_01", output_tokens=1),
        usage_row(api_key_id=None, account_id="user_gone", output_tokens=2),
    ]
    found, api = exposed({TODAY: rows}, "--usage.days", "1", "--usage.group-by", "api_key_id,account_id")
    named = {"api_key": "ci", "api_key_id": "apikey_01", "actor": "ada@example.com", "actor_id": "user_01"}
    nameless = {"api_key": "none", "api_key_id": "none", "actor": "user_gone", "actor_id": "user_gone"}
    assert found[TOKENS][tokens(**named)] == 1
    assert found[TOKENS][tokens(**nameless)] == 2
    assert len(api.seen(USAGE)[0].every("group_by[]")) == 5


def test_grouping_by_speed_sends_its_beta_header_and_reads_an_absent_field_as_none() -> None:
    found, api = exposed(
        {TODAY: [usage_row(output_tokens=1)]},
        "--usage.days",
        "1",
        "--usage.group-by",
        "speed",
        "--usage.group-by",
        "service_account_id",
    )
    assert api.seen(USAGE)[0].headers["anthropic-beta"] == "fast-mode-2026-02-01"
    assert found[TOKENS][tokens(speed="none", service_account="none", service_account_id="none")] == 1


def test_the_organizations_label_is_on_every_family_of_the_api_and_of_its_collectors() -> None:
    found, _ = exposed({TODAY: [usage_row(output_tokens=1)]}, "--organization.name", "acme")
    of_collectors = ("up", "collector_", "api_requests_total")
    for name, samples in found.items():
        own = name.removeprefix("anthropic_exporter_")
        wanted = own.startswith(of_collectors) or (own == name and not name.startswith("process_"))
        assert {("organization", "acme") in key for key in samples} <= {wanted}, name


def test_a_renamed_workspace_has_its_new_name_at_once() -> None:
    async def refresh(api: ScriptedApi) -> tuple[Exposed, Exposed]:
        async with exporting(api.base_url, "--usage.days", "1") as exporter:
            await exporter.refresh("organization", "usage")
            before = exporter.exposed
            renamed = {"id": "wrkspc_01", "name": "Discovery"}
            api.on(
                "/v1/organizations/workspaces",
                {"data": [renamed], "has_more": False, "first_id": None, "last_id": None},
            )
            await exporter.refresh("organization")
            return before, exporter.exposed

    with ScriptedApi() as api:
        script(api, usage={TODAY: [usage_row(workspace_id="wrkspc_01", output_tokens=1)]})
        before, after = asyncio.run(refresh(api))
    assert before[TOKENS][tokens(workspace="Research", workspace_id="wrkspc_01")] == 1
    assert after[TOKENS][tokens(workspace="Discovery", workspace_id="wrkspc_01")] == 1
    assert len(after[TOKENS]) == len(before[TOKENS])


THROUGH = "anthropic_exporter_collector_data_through_timestamp_seconds"


@pytest.mark.parametrize(
    ("days", "through"),
    [
        ({TODAY: [usage_row()], YESTERDAY: [usage_row()]}, 1795262400),  # the refresh
        ({YESTERDAY: [usage_row()]}, 1795219200),
        ({"2026-11-18": [usage_row(output_tokens=1)]}, 1795046400),
        ({}, None),
        ({"2026-11-11": [usage_row()]}, None),
    ],
    ids=["today", "yesterday", "three days ago", "nothing", "before the window"],
)
def test_data_through_is_the_end_of_the_newest_day_with_a_row(
    days: dict[str, list[Row]], through: float | None
) -> None:
    found, _ = exposed(days)
    samples = {dict(key)["collector"]: value for key, value in found[THROUGH].items()}
    assert samples.get("usage") == through
    assert samples["organization"] == 1795262400


ONE, OTHER = usage_row(output_tokens=7), usage_row(output_tokens=9)


def bucket(day: str, *rows: Row) -> Row:
    return {"starting_at": f"{day}T00:00:00Z", "results": rows}


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([[bucket(TODAY, ONE, ONE)]], "schema"),
        ([[bucket(TODAY, ONE, OTHER)]], "schema"),
        ([[bucket(TODAY, ONE), bucket(TODAY, ONE)]], "pagination"),
        ([[bucket(TODAY, ONE), bucket(TODAY)]], "pagination"),
        ([[bucket(YESTERDAY, ONE)], [bucket(TODAY, ONE)], [bucket(YESTERDAY, OTHER)]], "pagination"),
        ([[bucket(YESTERDAY, ONE)], [bucket(TODAY, usage_row(output_tokens=-1))]], "schema"),
        ([[bucket(YESTERDAY, ONE)], [bucket(TODAY, ONE)]], None),
    ],
)
def test_what_comes_twice_is_not_summed_twice(pages: list[list[Row]], reason: str | None) -> None:
    def page(seen: Seen) -> Row:
        number = int(seen.param("page") or 0)
        more = number + 1 < len(pages)
        return {"data": pages[number], "has_more": more, "next_page": str(number + 1) if more else None}

    async def run(base_url: str) -> None:
        async with exporting(base_url, "--usage.days", "2") as exporter:
            await exporter.refresh("organization", "usage")
            before = exporter.data_text
            assert exporter.value(TOKENS, **dict(tokens())) == 5
            api.on(USAGE, page)
            await exporter.refresh("usage")
            failing = exporter.exposed["anthropic_exporter_collector_failing"]
            assert [dict(key)["reason"] for key, value in failing.items() if value] == [reason] * bool(reason)
            if reason:
                assert exporter.data_text == before
            else:
                assert [exporter.value(TOKENS, **dict(tokens(days_ago=age))) for age in "01"] == [7, 7]

    with ScriptedApi() as api:
        script(api, usage={TODAY: [usage_row(output_tokens=5)]})
        asyncio.run(run(api.base_url))
