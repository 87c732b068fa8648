from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.collectors.organization import Directory
from tests.answers import API_KEYS, ME, SERVICE_ACCOUNTS, USERS, WORKSPACES, Row, listing, script
from tests.exporting import Exporter, exporting
from tests.scripted import ScriptedApi, Seen, error

Clock = Callable[[str], Any]


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")


def directory(answers: dict[str, Any]) -> tuple[Directory, Exporter, ScriptedApi]:
    async def run(base_url: str) -> tuple[Directory, Exporter]:
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization")
            return exporter.publisher.reading("organization"), exporter

    with ScriptedApi() as api:
        script(api)
        for path, answer in answers.items():
            api.on(path, answer)
        found, exporter = asyncio.run(run(api.base_url))
        return found, exporter, api


def test_every_name_is_read() -> None:
    found, exporter, api = directory({})
    assert found.organization == "Acme"
    assert found.workspaces["wrkspc_01"] == "Research"
    assert found.api_keys == {"apikey_01": "ci"}
    assert found.users == {"user_01": "ada@example.com"}
    assert found.service_accounts == {"svac_01": "bot"}
    assert found.default_workspace_id == "wrkspc_default"
    assert exporter.value("anthropic_exporter_collector_available", collector="organization") == 1
    assert {seen.param("include_archived") for seen in api.seen(WORKSPACES)} == {"true"}


def test_lists_are_followed_by_their_cursors() -> None:
    def paged(seen: Seen) -> Row:
        after = int(seen.param("after_id") or 0)
        return {
            "data": [{"id": str(after + 1), "name": f"key {after + 1}"}],
            "has_more": after < 4,
            "first_id": str(after + 1),
            "last_id": str(after + 1),
        }

    found, _, _ = directory({API_KEYS: paged})
    assert sorted(found.api_keys) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_service_accounts_that_are_refused_fail_nothing(status: int) -> None:
    found, exporter, _ = directory({SERVICE_ACCOUNTS: error(status)})
    assert found.service_accounts == {}
    assert exporter.value("anthropic_exporter_collector_up", collector="organization") == 1


@pytest.mark.parametrize("path", [ME, API_KEYS, USERS])
def test_any_other_endpoint_may_be_refused_alone(path: str) -> None:
    found, exporter, _ = directory({path: error(403)})
    assert found.workspaces
    assert exporter.value("anthropic_exporter_collector_up", collector="organization") == 1
    assert exporter.value("anthropic_exporter_collector_available", collector="organization") == 1


def test_without_workspaces_it_is_unavailable_and_the_other_names_are_used_all_the_same() -> None:
    found, exporter, _ = directory({WORKSPACES: error(403)})
    assert found.users == {"user_01": "ada@example.com"}
    assert exporter.value("anthropic_exporter_collector_available", collector="organization") == 0
    assert exporter.value("anthropic_exporter_collector_up", collector="organization") is None
    assert (
        exporter.value("anthropic_exporter_collector_data_through_timestamp_seconds", collector="organization") is None
    )


def test_an_api_that_does_not_know_the_default_workspaces_parameter_is_asked_without_it() -> None:
    def older(seen: Seen) -> object:
        if seen.param("include_default"):
            return error(400, "include_default: unknown parameter", "invalid_request_error")
        return listing({"id": "wrkspc_01", "name": "Research"})

    found, _, _ = directory({WORKSPACES: older})
    assert found.workspaces == {"wrkspc_01": "Research"}
    assert found.default_workspace_id is None


def test_an_empty_name_falls_back_to_the_id() -> None:
    found, _, _ = directory({WORKSPACES: listing({"id": "wrkspc_02", "name": ""}, {"id": "wrkspc_03", "name": None})})
    assert found.workspace("wrkspc_02") == ("wrkspc_02", "wrkspc_02")
    assert found.workspace("wrkspc_03") == ("wrkspc_03", "wrkspc_03")
    assert found.workspace("wrkspc_04") == ("wrkspc_04", "wrkspc_04")
    assert found.workspace(None) == ("default", "default")


def test_a_refused_part_is_logged_once_and_again_when_it_is_served(clock: Clock) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url) as exporter:
            for hour in ("12", "13", "14"):
                clock(f"2026-11-21T{hour}:00:00Z")
                await exporter.refresh("organization")
            api.on(USERS, listing({"id": "user_01", "email": "ada@example.com"}))
            clock("2026-11-21T15:00:00Z")
            await exporter.refresh("organization")

    with ScriptedApi() as api, capture_logs() as lines:
        script(api)
        api.on(USERS, error(403, "missing scope"))
        asyncio.run(run(api.base_url))
    told = [(line["log_level"], line.get("why", "")[:5]) for line in lines if "served" in line["event"]]
    assert told == [("warning", "users"), ("info", "")]


def test_the_default_workspace_once_found_costs_one_list_a_refresh() -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization")
            await exporter.refresh("organization")

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))
    assert [seen.param("include_default") for seen in api.seen(WORKSPACES)] == ["true", None, "true"]
