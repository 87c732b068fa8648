"""What cannot be read of the organization: a decoration of a row, or a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.sources.test_organization import (
    FAMILIES,
    FAMILIES_OF,
    KEY_CREATED,
    KEY_EXPIRES,
    KEY_INFO,
    SOON,
    SOON_TIME,
    exposed,
    read,
)
from tests.support.answers import (
    API_KEYS,
    INVITES,
    ME,
    SERVICE_ACCOUNTS,
    SUMMARIES,
    USERS,
    WORKSPACES,
    Row,
    api_key_row,
    invite_row,
    listing,
    script,
    summary_row,
    usage_row,
    workspace_row,
)
from tests.support.exporting import Exporter, Exposed, exporting, labels
from tests.support.scripted import Answer, Script, ScriptedApi, Seen, error

Clock = Callable[[str], Any]


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")


Unreadable = tuple[str, str, object, Callable[[object], Row]]
WRONG_TIMES: tuple[object, ...] = (1796040000, "soon", "2026-11-30", "2026-11-30T12:00:00", "", [], {"at": None})
TIMES: tuple[tuple[str, str, Callable[[object], Row]], ...] = (
    (WORKSPACES, "created_at", lambda wrong: listing(workspace_row("wrkspc_01", created_at=wrong))),
    (WORKSPACES, "archived_at", lambda wrong: listing(workspace_row("wrkspc_01", archived_at=wrong))),
    (API_KEYS, "created_at", lambda wrong: listing(api_key_row("apikey_01", created_at=wrong))),
    (API_KEYS, "expires_at", lambda wrong: listing(api_key_row("apikey_01", expires_at=wrong))),
    (INVITES, "expires_at", lambda wrong: listing(invite_row("invite_01", expires_at=wrong))),
    (SERVICE_ACCOUNTS, "archived_at", lambda wrong: {"data": [{"id": "svac_01", "archived_at": wrong}]}),
)
UNREADABLE: list[Unreadable] = [
    (ME, "name", 7, lambda wrong: {"id": "org_01", "name": wrong}),
    (WORKSPACES, "name", 7, lambda wrong: listing(workspace_row("wrkspc_01", name=wrong))),
    *((path, field, wrong, answer) for wrong in WRONG_TIMES for path, field, answer in TIMES),
    (WORKSPACES, "data_residency", "us", lambda wrong: listing(workspace_row("wrkspc_01", data_residency=wrong))),
    (API_KEYS, "name", ["ci"], lambda wrong: listing(api_key_row("apikey_01", name=wrong))),
    (API_KEYS, "created_by", "user_01", lambda wrong: listing(api_key_row("apikey_01", created_by=wrong))),
    (API_KEYS, "created_by", {"id": 7}, lambda wrong: listing(api_key_row("apikey_01", created_by=wrong))),
    (USERS, "email", 7, lambda wrong: listing({"id": "user_01", "role": "admin", "email": wrong})),
    (WORKSPACES, "tags", ["team"], lambda wrong: listing(workspace_row("wrkspc_01", tags=wrong))),
    (WORKSPACES, "tags", {"team": 7}, lambda wrong: listing(workspace_row("wrkspc_01", tags=wrong))),
    (SERVICE_ACCOUNTS, "name", 7, lambda wrong: {"data": [{"id": "svac_01", "name": wrong}], "next_page": None}),
]


@pytest.mark.parametrize(("path", "field", "wrong", "answer"), UNREADABLE)
def test_a_decoration_that_cannot_be_read_is_as_if_it_were_absent_and_told(
    path: str, field: str, wrong: object, answer: Callable[[object], Row]
) -> None:
    with capture_logs() as lines:
        exporter, _ = read({path: answer(wrong)})
    absent, _ = read({path: answer(None)})
    assert exporter.data_text == absent.data_text
    assert exporter.state("organization").up
    told = [line for line in lines if line["log_level"] == "warning"]
    assert [(line["endpoint"], line["field"], line["rows"]) for line in told] == [(path.rpartition("/")[2], field, 1)]


def test_a_decoration_is_left_out_of_its_own_row_alone() -> None:
    keys = [
        api_key_row("apikey_01", expires_at="", name="first"),
        api_key_row("apikey_02", expires_at=SOON, name=5),
        api_key_row("apikey_03", expires_at=SOON, name="third"),
    ]
    found = exposed({API_KEYS: listing(*keys)})
    assert found[KEY_EXPIRES] == {labels(api_key_id=f"apikey_0{n}"): SOON_TIME for n in (2, 3)}
    assert {dict(key)["api_key"] for key in found[KEY_INFO]} == {"first", "apikey_02", "third"}


def test_what_is_left_out_is_told_once_and_again_when_it_changes() -> None:
    def told(lines: list[Any]) -> list[tuple[str, str, int]]:
        found = [(line["endpoint"], line["field"], line["rows"]) for line in lines if line["log_level"] == "warning"]
        lines.clear()
        return found

    async def run(base_url: str) -> None:
        bad, good = api_key_row("apikey_01", name="secret", expires_at="secret"), api_key_row("apikey_02")
        async with exporting(base_url) as exporter:
            with capture_logs() as lines:
                api.on(API_KEYS, listing(bad, good))
                await exporter.refresh("organization")
                assert "secret" not in str(lines)
                assert told(lines) == [("api_keys", "expires_at", 1)]
                await exporter.refresh("organization")
                assert told(lines) == []
                api.on(API_KEYS, listing(bad, good | {"expires_at": 5, "created_at": ""}))
                await exporter.refresh("organization")
                assert told(lines) == [("api_keys", "created_at", 1), ("api_keys", "expires_at", 2)]
                api.on(API_KEYS, listing(good))
                await exporter.refresh("organization")
                assert told(lines) == []
                api.on(API_KEYS, listing(bad))
                await exporter.refresh("organization")
                assert told(lines) == [("api_keys", "expires_at", 1)]

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


def test_rows_of_all_pages_are_told_together() -> None:
    def paged(seen: Seen) -> Row:
        number = int(seen.param("after_id") or 0) + 1
        return {"data": [{"id": str(number), "email": 7}], "has_more": number < 3, "last_id": str(number)}

    with capture_logs() as lines:
        read({USERS: paged})
    assert [line["rows"] for line in lines if line["log_level"] == "warning"] == [3]


STRICT = [
    (ME, {"id": 7, "name": "Acme"}),
    (WORKSPACES, listing(workspace_row("wrkspc_01") | {"id": None})),
    (API_KEYS, listing(api_key_row("apikey_01", status=7))),
    (API_KEYS, listing(api_key_row("apikey_01", scope={"workspace_id": 7}))),
    (API_KEYS, listing({"name": "ci"})),
    (USERS, listing({"id": "user_01", "role": ["admin"]})),
    (SERVICE_ACCOUNTS, {"data": [{"id": "svac_01", "organization_role": 7}], "next_page": None}),
    (USERS, listing("user_01")),  # type: ignore[arg-type]  # no object
    (USERS, {"data": None, "has_more": False}),
]


@pytest.mark.parametrize(("path", "answer"), STRICT)
def test_identity_roles_and_status_stay_strict(path: str, answer: Row) -> None:
    exporter, _ = read({path: answer})
    failing = {"collector": "organization", "reason": "schema"}
    assert exporter.value("anthropic_exporter_collector_failing", **failing) == 1
    assert not FAMILIES_OF[path] & exporter.exposed.keys()


CUT = Answer(b'{"data": [', headers={"x-should-retry": "false"}, missing_bytes=100)
STRAY = Answer(b"<html>Just a moment...</html>", 403, {"content-type": "text/html", "x-should-retry": "false"})
FAULTS = {
    "server": error(500, x_should_retry="false"),
    "request": error(400, x_should_retry="false"),
    "schema": {"data": [{"id": 7}], "has_more": False},
    "network": CUT,
    "auth": error(401),
    "rate_limited": error(429, x_should_retry="false"),
    "timeout": error(408, x_should_retry="false"),
    "stray": STRAY,
}
# In the order of their failures.
LISTS = (WORKSPACES, ME, API_KEYS, USERS, INVITES, SERVICE_ACCOUNTS, SUMMARIES)
AT_ONCE = ("--api.retry-seconds", "0.1")


def changed(path: str) -> Script:
    """Another answer than the script's first one, for each list."""
    return {
        WORKSPACES: listing(workspace_row("wrkspc_01"), workspace_row("wrkspc_02", name="Discovery")),
        ME: {"id": "0b1c2d3e-0000-4000-8000-00000000abcd", "name": "Acme & Co"},
        API_KEYS: listing(api_key_row("apikey_01", name="nightly", expires_at=SOON)),
        USERS: listing({"id": "user_01", "email": "ada@example.org", "role": "owner"}),
        SERVICE_ACCOUNTS: {"data": [{"id": "svac_01", "name": "robot", "organization_role": "admin"}]},
        INVITES: listing(invite_row("invite_01", role="admin", expires_at=SOON)),
        SUMMARIES: {"data": [summary_row("2026-11-20", daily_active_user_count=7, assigned_seat_count=9)]},
    }[path]


def of_list(exposed: Exposed, path: str) -> Exposed:
    return {
        name: samples for name, samples in exposed.items() if name in FAMILIES_OF[path] - {KEY_EXPIRES, KEY_CREATED}
    }


@pytest.mark.parametrize("reason", FAULTS)
@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_fails_keeps_its_own_data_and_harms_no_other(path: str, reason: str) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url, *AT_ONCE) as exporter:
            await exporter.refresh("organization")
            before, directory, through = exporter.exposed, names(exporter), exporter.state("organization").data_through
            for other in LISTS:
                api.on(other, changed(other))
            api.on(path, FAULTS[reason])
            await exporter.refresh("organization")
            during = exporter.exposed
            for other in LISTS:
                assert (of_list(during, other) != of_list(before, other)) == (other != path), other
            assert names(exporter).keys() == directory.keys(), "no name is lost"
            assert names(exporter)[path] == directory[path]
            assert exporter.value("anthropic_exporter_collector_up", collector="organization") == 0
            failing = during["anthropic_exporter_collector_failing"]
            (told,) = (dict(key)["reason"] for key, value in failing.items() if value)
            assert told == ("request" if reason == "stray" else reason)
            assert exporter.state("organization").data_through == through
            api.on(path, changed(path))
            await exporter.refresh("organization")
            assert exporter.value("anthropic_exporter_collector_up", collector="organization") == 1
            for other in LISTS:
                assert of_list(exporter.exposed, other) != of_list(before, other)

    def names(exporter: Exporter) -> dict[str, Any]:
        found = exporter.names
        assert found.workspaces
        assert found.users
        by_list: dict[str, object] = {
            WORKSPACES: found.workspaces,
            API_KEYS: found.api_keys,
            USERS: found.users,
            SERVICE_ACCOUNTS: found.service_accounts,
        }
        return {path: by_list.get(path) for path in LISTS}

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


@pytest.mark.parametrize("reason", FAULTS)
@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_never_succeeded_has_no_families_and_names_wait_for_the_first_attempt_only(
    path: str, reason: str
) -> None:
    async def run(base_url: str) -> Exposed:
        async with exporting(base_url, *AT_ONCE, "--usage.days", "1") as exporter:
            await exporter.refresh("organization", "usage")
            return exporter.exposed

    with ScriptedApi() as api:
        script(api, usage={"2026-11-21": [usage_row(workspace_id="wrkspc_01", output_tokens=1)]})
        api.on(API_KEYS, changed(API_KEYS))
        api.on(path, FAULTS[reason])
        found = asyncio.run(run(api.base_url))
    assert found.keys() & FAMILIES == FAMILIES - FAMILIES_OF[path]
    workspaces = {dict(key)["workspace"] for key in found["anthropic_usage_tokens"]}
    assert workspaces == {"wrkspc_01" if path == WORKSPACES else "Research"}


def test_a_refused_key_gives_up_no_list() -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url, *AT_ONCE) as exporter:
            with capture_logs() as lines:
                await exporter.refresh("organization")
            told = [line["event"] for line in lines if line["log_level"] not in ("debug", "info")]
            assert told == ["refresh failed; no data yet"]
            script(api)
            await exporter.refresh("organization")
            assert exporter.value("anthropic_exporter_collector_up", collector="organization") == 1
            assert FAMILIES_OF[SERVICE_ACCOUNTS] <= exporter.exposed.keys()

    with ScriptedApi() as api:
        for path in LISTS:
            api.on(path, error(401))
        asyncio.run(run(api.base_url))


def test_the_first_failure_gives_the_reason() -> None:
    exporter, _ = read({USERS: FAULTS["schema"], API_KEYS: FAULTS["server"]})
    failing = exporter.exposed["anthropic_exporter_collector_failing"]
    assert [dict(key)["reason"] for key, value in failing.items() if value] == ["server"]


def test_a_failure_is_seen_although_the_main_list_is_refused() -> None:
    async def run(base_url: str) -> None:
        def state(name: str) -> float | None:
            return exporter.value(f"anthropic_exporter_collector_{name}", collector="organization")

        async with exporting(base_url) as exporter:
            await exporter.refresh("organization")
            assert (state("available"), state("up")) == (0, None)
            api.on(USERS, FAULTS["server"])
            await exporter.refresh("organization")
            assert (state("available"), state("up")) == (1, 0)
            assert exporter.value("anthropic_organization_users", role="admin") == 1
            api.on(USERS, changed(USERS))
            await exporter.refresh("organization")
            assert (state("available"), state("up")) == (0, None)
            assert exporter.value("anthropic_organization_users", role="owner") == 1

    with ScriptedApi() as api:
        script(api)
        api.on(WORKSPACES, error(403, kind="permission_error"))
        asyncio.run(run(api.base_url))


def test_a_failure_of_all_lists_keeps_what_was_read() -> None:
    async def run(base_url: str) -> tuple[str, str]:
        async with exporting(base_url) as exporter:
            await exporter.refresh("organization")
            before = exporter.data_text
            for path in LISTS:
                api.on(path, FAULTS["schema"])
            await exporter.refresh("organization")
            assert not exporter.state("organization").up
            return before, exporter.data_text

    with ScriptedApi() as api:
        script(api)
        before, after = asyncio.run(run(api.base_url))
    assert before == after
    assert KEY_INFO in after
