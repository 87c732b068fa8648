from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.contract.metric import Family, Metric
from exporter.contract.names import Names
from exporter.contract.sums import Fold, families
from exporter.contract.usage import UsageRecord, UsageTable
from tests.support.answers import (
    API_KEYS,
    INVITES,
    ME,
    SERVICE_ACCOUNTS,
    SUMMARIES,
    USAGE,
    USERS,
    WORKSPACES,
    Row,
    api_key_row,
    buckets,
    listing,
    script,
    usage_row,
    workspace_row,
)
from tests.support.exporting import Exporter, Exposed, exporting, labels
from tests.support.scripted import ScriptedApi, Seen, error

Clock = Callable[[str], Any]
KEY_INFO = "anthropic_api_key_info"
KEY_CREATED, KEY_EXPIRES = "anthropic_api_key_created_timestamp_seconds", "anthropic_api_key_expires_timestamp_seconds"
WORKSPACE_INFO = "anthropic_workspace_info"
WORKSPACE_CREATED = "anthropic_workspace_created_timestamp_seconds"
FAMILIES_OF = {
    ME: {"anthropic_organization_info"},
    WORKSPACES: {WORKSPACE_INFO, WORKSPACE_CREATED},
    USERS: {"anthropic_organization_users"},
    API_KEYS: {KEY_INFO, KEY_CREATED, KEY_EXPIRES},
    SERVICE_ACCOUNTS: {"anthropic_service_accounts"},
    INVITES: {"anthropic_organization_invites", "anthropic_invite_expires_timestamp_seconds"},
    SUMMARIES: {"anthropic_organization_active_users", "anthropic_organization_seats"},
}
FAMILIES = set().union(*FAMILIES_OF.values())
KEY = {
    "api_key_id": "apikey_01",
    "api_key": "ci",
    "workspace_id": "wrkspc_01",
    "workspace": "Research",
    "status": "active",
    "created_by": "user_01",
}
# 2026-11-30T12:00:00Z
SOON, SOON_TIME = "2026-11-30T13:00:00+01:00", 1796040000


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")


def read(answers: dict[str, Any], *flags: str) -> tuple[Exporter, ScriptedApi]:
    async def run(base_url: str) -> Exporter:
        async with exporting(base_url, *flags) as exporter:
            await exporter.refresh("organization")
            return exporter

    with ScriptedApi() as api:
        script(api)
        for path, answer in answers.items():
            api.on(path, answer)
        return asyncio.run(run(api.base_url)), api


def directory(answers: dict[str, Any]) -> tuple[Names, Exporter, ScriptedApi]:
    exporter, api = read(answers)
    return exporter.names, exporter, api


def exposed(answers: dict[str, Any], *flags: str) -> Exposed:
    """The samples of the API's own families."""
    exporter, _ = read(answers, *flags)
    return {name: samples for name, samples in exporter.exposed.items() if name in FAMILIES}


def test_every_name_is_read() -> None:
    found, exporter, api = directory({})
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


def test_the_default_workspace_once_found_is_not_lost_with_the_parameter() -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization")
            known: Names = exporter.names
            api.on(WORKSPACES, [error(400, "a stray one"), listing({"id": "wrkspc_01", "name": "Research"})])
            await exporter.refresh("organization")
            now: Names = exporter.names
            assert known.default_workspace_id
            assert now.workspace(known.default_workspace_id) == ("default", "default")

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


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
    told = [(line["log_level"], line["endpoint"]) for line in lines if "served" in line["event"]]
    assert told == [("warning", "users"), ("info", "users")]


def test_the_default_workspace_once_found_costs_one_list_a_refresh() -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization")
            await exporter.refresh("organization")

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))
    assert [seen.param("include_default") for seen in api.seen(WORKSPACES)] == ["true", None, "true"]


def test_every_list_becomes_its_families() -> None:
    expiring = listing(api_key_row("apikey_01", expires_at=SOON))
    assert exposed({API_KEYS: expiring}) == {
        "anthropic_organization_info": {
            labels(organization_id="0b1c2d3e-0000-4000-8000-00000000abcd", organization_name="Acme"): 1
        },
        WORKSPACE_INFO: {
            labels(workspace_id="default", workspace="default", archived="false", workspace_geo="us"): 1,
            labels(workspace_id="wrkspc_01", workspace="Research", archived="false", workspace_geo="us"): 1,
        },
        WORKSPACE_CREATED: {labels(workspace_id="default"): 1767225600, labels(workspace_id="wrkspc_01"): 1769936400},
        "anthropic_organization_users": {labels(role="admin"): 1},
        KEY_INFO: {labels(**KEY): 1},
        KEY_CREATED: {labels(api_key_id="apikey_01"): 1772355600},
        KEY_EXPIRES: {labels(api_key_id="apikey_01"): SOON_TIME},
        "anthropic_service_accounts": {labels(role="developer", archived="false"): 1},
        "anthropic_organization_invites": {labels(role="developer", status="pending"): 1},
        "anthropic_invite_expires_timestamp_seconds": {labels(invite_id="invite_01", role="developer"): 1796083200},
        "anthropic_organization_active_users": {
            labels(period=period, product=product): users
            for period, everybody in (("day", 40), ("week", 45), ("month", 48))
            for product, users in (("all", everybody), ("chat", everybody - 10))
        },
        "anthropic_organization_seats": {labels(state="assigned"): 50, labels(state="pending_invite"): 3},
    }


def test_a_configured_name_is_on_every_family() -> None:
    expiring = listing(api_key_row("apikey_01", expires_at=SOON))
    found = exposed({API_KEYS: expiring}, "--organization.name", "acme")
    assert found.keys() == FAMILIES
    assert all(("organization", "acme") in key for samples in found.values() for key in samples)


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("path", FAMILIES_OF)
def test_the_families_of_an_endpoint_that_is_refused_are_absent_and_no_others(path: str, status: int) -> None:
    answers = {API_KEYS: listing(api_key_row("apikey_01", expires_at=SOON))} | {path: error(status)}
    assert exposed(answers).keys() == FAMILIES - FAMILIES_OF[path]


def test_an_archived_workspace_says_so() -> None:
    archived = workspace_row("wrkspc_02", name="Old", archived_at="2026-08-14T15:30:00Z")
    found = exposed({WORKSPACES: listing(archived)})
    key = labels(workspace_id="wrkspc_02", workspace="Old", archived="true", workspace_geo="us")
    assert found[WORKSPACE_INFO] == {key: 1}


@pytest.mark.parametrize(
    ("shape", "workspace", "workspace_id"),
    [
        ({"scope": {"type": "workspace", "workspace_id": "wrkspc_default"}}, "default", "default"),
        ({"scope": {"type": "workspace", "workspace_id": "wrkspc_gone"}}, "wrkspc_gone", "wrkspc_gone"),
        ({"scope": {"type": "organization"}}, "none", "none"),
        ({"scope": {"type": "organization"}, "workspace_id": None}, "none", "none"),
        ({"scope": {"type": "planet"}}, "none", "none"),
        ({"scope": None, "workspace_id": "wrkspc_01"}, "Research", "wrkspc_01"),
        ({"scope": None, "workspace_id": None}, "default", "default"),
        ({"scope": None}, "none", "none"),
    ],
)
def test_a_keys_workspace_is_read_in_the_shapes_of_both_api_versions(
    shape: Row, workspace: str, workspace_id: str
) -> None:
    found = exposed({API_KEYS: listing(api_key_row("apikey_01", **shape))})
    assert found[KEY_INFO] == {labels(**KEY | {"workspace": workspace, "workspace_id": workspace_id}): 1}


def test_a_key_without_an_end_has_no_expiry_and_one_that_has_expired_has_its_own() -> None:
    endless = api_key_row("apikey_01")
    expired = api_key_row("apikey_02", status="expired", expires_at="2026-01-01T00:00:00Z")
    found = exposed({API_KEYS: listing(endless, expired)})
    assert found[KEY_EXPIRES] == {labels(api_key_id="apikey_02"): 1767225600}
    assert {dict(key)["status"] for key in found[KEY_INFO]} == {"active", "expired"}


def test_no_key_with_an_end_means_no_such_family() -> None:
    assert KEY_EXPIRES not in exposed({})


def test_unknown_values_pass_and_absent_ones_are_none_or_left_out() -> None:
    odd = api_key_row("apikey_01", status="dormant", created_by={"id": "agent_01", "type": "agent"}, mood="blue")
    bare = {"id": "apikey_02"}
    found = exposed(
        {
            API_KEYS: listing(odd, bare),
            WORKSPACES: listing({"id": "wrkspc_01"}),
            USERS: listing({"id": "user_01"}, {"id": "user_02", "role": "astronaut"}),
            SERVICE_ACCOUNTS: {"data": [{"id": "svac_01"}], "next_page": None},
            ME: {"id": "org_01"},
        }
    )
    nothing = dict.fromkeys(("workspace", "workspace_id", "status", "created_by"), "none")
    assert found[KEY_INFO] == {
        labels(**KEY | {"workspace": "wrkspc_01", "status": "dormant", "created_by": "agent_01"}): 1,
        labels(**nothing | {"api_key_id": "apikey_02", "api_key": "apikey_02"}): 1,
    }
    assert found[KEY_CREATED].keys() == {labels(api_key_id="apikey_01")}
    workspace = labels(workspace_id="wrkspc_01", workspace="wrkspc_01", archived="false", workspace_geo="none")
    assert found[WORKSPACE_INFO] == {workspace: 1}
    assert WORKSPACE_CREATED not in found
    assert found["anthropic_organization_users"] == {labels(role="none"): 1, labels(role="astronaut"): 1}
    assert found["anthropic_service_accounts"] == {labels(role="none", archived="false"): 1}
    assert found["anthropic_organization_info"] == {labels(organization_id="org_01", organization_name="org_01"): 1}


def test_names_that_are_too_long_are_cut_stay_apart_and_are_the_same_in_every_family() -> None:
    long = "ключ 😀" * 1000

    def usage(seen: Seen) -> Row:
        rows = [usage_row(api_key_id=f"apikey_0{n}", output_tokens=n) for n in (1, 2)]
        return buckets({"2026-11-21": rows}, seen)

    async def run(base_url: str) -> Exposed:
        async with exporting(base_url, "--usage.group-by=api_key_id") as exporter:
            await exporter.refresh("organization", "usage")
            return exporter.exposed

    with ScriptedApi() as api:
        script(api)
        api.on(API_KEYS, listing(*(api_key_row(f"apikey_0{n}", name=f"{long}{n}") for n in (1, 2))))
        api.on(USAGE, usage)
        found = asyncio.run(run(api.base_url))
    names = {dict(sample)["api_key_id"]: dict(sample)["api_key"] for sample in found[KEY_INFO]}
    assert len(set(names.values())) == 2
    assert all(len(name.encode()) == 1000 and name.startswith(long[:450]) for name in names.values())
    of_usage = [dict(sample) for sample in found["anthropic_usage_tokens"]]
    assert {sample["api_key_id"]: sample["api_key"] for sample in of_usage} == names


def test_what_is_listed_twice_counts_once() -> None:
    found = exposed(
        {
            API_KEYS: listing(api_key_row("apikey_01", status="inactive"), api_key_row("apikey_01")),
            USERS: listing({"id": "user_01", "role": "admin"}, {"id": "user_01", "role": "admin"}),
        }
    )
    assert found[KEY_INFO] == {labels(**KEY): 1}
    assert found["anthropic_organization_users"] == {labels(role="admin"): 1}


def test_users_and_service_accounts_are_counted() -> None:
    roles = ("admin", "developer", "developer")
    accounts = [
        {"id": f"svac_0{n}", "organization_role": role, "archived_at": end}
        for n, (role, end) in enumerate([("developer", None), ("developer", None), ("admin", "2026-06-01T00:00:00Z")])
    ]
    found = exposed(
        {
            USERS: listing(*({"id": f"user_0{n}", "role": role} for n, role in enumerate(roles))),
            SERVICE_ACCOUNTS: {"data": accounts, "next_page": None},
        }
    )
    assert found["anthropic_organization_users"] == {labels(role="admin"): 1, labels(role="developer"): 2}
    assert found["anthropic_service_accounts"] == {
        labels(role="developer", archived="false"): 2,
        labels(role="admin", archived="true"): 1,
    }


def test_usage_is_written_anew_when_a_name_changes_and_not_when_a_status_does(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def counted(
        metrics: Iterable[Metric[UsageRecord]],
        records: Iterable[UsageRecord],
        text_of: Callable[[UsageRecord], str],
        prefix: str,
        fold: Fold[UsageRecord] | None,
    ) -> Iterable[Family]:
        written.append(prefix)
        return families(metrics, records, text_of, prefix, fold)

    async def run(base_url: str) -> list[int]:
        numbers = []
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization", "usage")
            for hour, changed in (("13", {"status": "archived"}), ("14", {"name": "nightly"})):
                clock(f"2026-11-21T{hour}:00:00Z")
                api.on(API_KEYS, listing(api_key_row("apikey_01", **changed)))
                written.clear()
                await exporter.refresh("organization")
                assert exporter.value(KEY_INFO, **KEY) is None
                numbers.append(len(written))
        return numbers

    monkeypatch.setattr("exporter.contract.usage.families", counted)
    with ScriptedApi() as api:
        script(api, usage={"2026-11-20": [usage_row()]})
        same, renamed = asyncio.run(run(api.base_url))
    assert same == 0
    assert renamed > 0


def test_a_defect_that_a_new_name_brings_out_leaves_the_old_data_and_says_so(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization", "usage")
            before = exporter.exposed["anthropic_usage_tokens"]
            clock("2026-11-21T13:00:00Z")
            api.on(API_KEYS, listing(api_key_row("apikey_01", name="nightly")))
            with monkeypatch.context() as patch:
                patch.setattr(UsageTable, "sections", "a defect")
                await exporter.refresh("organization")
            assert exporter.exposed["anthropic_usage_tokens"] == before
            assert exporter.value("anthropic_exporter_collector_up", collector="organization") == 1
            assert exporter.value("anthropic_exporter_collector_up", collector="usage") == 0
            assert exporter.value("anthropic_exporter_collector_failing", collector="usage", reason="bug") == 1
            assert exporter.value("anthropic_exporter_up") == 0

    with ScriptedApi() as api:
        script(api, usage={"2026-11-20": [usage_row()]})
        asyncio.run(run(api.base_url))
