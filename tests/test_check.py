from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.commands.check import BRINGS, look
from exporter.commands.checked import HEADINGS, Checked, Finding, table
from tests.support.scripted import KEY, NOW, REQUEST_ID, Answer, ScriptedApi, Seen, connect, error

USAGE = "/v1/organizations/usage_report/messages"
COST = "/v1/organizations/cost_report"
CLAUDE_CODE = "/v1/organizations/usage_report/claude_code"
ME = "/v1/organizations/me"
WORKSPACES = "/v1/organizations/workspaces"
API_KEYS = "/v1/organizations/api_keys"
USERS = "/v1/organizations/users"
SERVICE_ACCOUNTS = "/v1/organizations/service_accounts"
RATE_LIMITS = "/v1/organizations/rate_limits"
INVITES = "/v1/organizations/invites"
SUMMARIES = "/v1/organizations/analytics/summaries"
SPEND_LIMITS = "/v1/organizations/spend_limits"
MEMBERS = f"{WORKSPACES}/wrkspc_1/members"
WORKSPACE_RATE_LIMITS = f"{WORKSPACES}/wrkspc_1/rate_limits"

TOKENS = {
    "uncached_input_tokens": 1,
    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1},
    "cache_read_input_tokens": 1,
    "output_tokens": 1,
    "server_tool_use": {"web_search_requests": 0},
}
AMOUNT = {"amount": "123.45", "currency": "USD"}
RECORD = {
    "date": "2026-11-20T00:00:00Z",
    "actor": {"type": "user_actor", "email_address": "ada@example.com"},
    "core_metrics": {
        "num_sessions": 1,
        "lines_of_code": {"added": 1, "removed": 1},
        "commits_by_claude_code": 0,
        "pull_requests_by_claude_code": 0,
    },
    "tool_actions": {},
    "model_breakdown": [],
}


def report(rows_by_day: dict[str, list[object]], **envelope: object) -> dict[str, object]:
    buckets = [{"starting_at": f"{day}T00:00:00Z", "results": rows} for day, rows in rows_by_day.items()]
    return {"data": buckets, "has_more": False, "next_page": None, **envelope}


def id_list(*ids: str, has_more: bool = False) -> dict[str, object]:
    return {"data": [{"id": one} for one in ids], "has_more": has_more, "last_id": ids[-1] if ids else None}


def cost(seen: Seen) -> dict[str, object]:
    """Two pages."""
    if seen.param("page") is None:
        return report({"2026-11-18": [AMOUNT], "2026-11-19": [AMOUNT]}, has_more=True, next_page="page_2")
    return report({"2026-11-20": [AMOUNT, {**AMOUNT, "amount": "0.55", "workspace_id": "wrkspc_1"}]})


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    """An organization whose every endpoint answers."""
    with ScriptedApi() as api:
        api.on(USAGE, report({"2026-11-19": [TOKENS], "2026-11-20": [TOKENS, TOKENS], "2026-11-21": []}))
        api.on(COST, cost)
        api.on(CLAUDE_CODE, {"data": [RECORD], "has_more": False, "next_page": None})
        api.on(ME, {"id": "org", "name": "Acme", "type": "organization"})
        api.on(WORKSPACES, id_list("wrkspc_1", "wrkspc_2"))
        api.on(API_KEYS, id_list("apikey_1", has_more=True))
        api.on(USERS, id_list())
        api.on(SERVICE_ACCOUNTS, {"data": [{"id": "svac_1"}], "next_page": "token_2"})
        limit: dict[str, Any] = {"id": "rl_1", "group": {"id": "rlg_1"}, "models": None, "limits": []}
        api.on(RATE_LIMITS, {"data": [limit], "next_page": None})
        api.on(INVITES, id_list("invite_1"))
        api.on(SUMMARIES, {"data": [{"starting_at": "2026-11-20T00:00:00Z"}], "next_page": None})
        api.on(MEMBERS, {**id_list(), "data": [{"user_id": "user_1"}]})
        of_workspace = {"rate_limit_id": "rl_1", "group": {"id": "rlg_1"}, "limits": []}
        api.on(WORKSPACE_RATE_LIMITS, {"data": [of_workspace], "next_page": None})
        api.on(SPEND_LIMITS, {"data": [], "next_page": None})
        yield api


REPORTS = {"usage": USAGE, "cost": COST, "claude_code": CLAUDE_CODE}
LISTS = (ME, WORKSPACES, API_KEYS, USERS, INVITES, MEMBERS, SERVICE_ACCOUNTS, SUMMARIES)
LIMITS = (RATE_LIMITS, WORKSPACE_RATE_LIMITS, SPEND_LIMITS, USAGE)
ENDPOINTS = (USAGE, COST, CLAUDE_CODE, *LISTS, *LIMITS)
MOST_COLUMNS = 120
# What is needed of each collector.
NAMES = {"usage": "usage", "cost": "cost", "claude_code": "claude_code", "workspaces": "organization"}


def checked(api: ScriptedApi, *enabled: str) -> Checked:
    async def ask() -> Checked:
        async with connect(api, retry_seconds=0) as client:
            return await look(client, NOW, enabled or tuple(BRINGS))

    return asyncio.run(ask())


def lines(api: ScriptedApi) -> list[str]:
    text = checked(api).text()
    assert all(len(line) <= MOST_COLUMNS for line in text.splitlines())
    return text.splitlines()


def line(api: ScriptedApi, endpoint: str) -> list[str]:
    """The words of an endpoint's line in the table, without the duration."""
    found = lines(api)
    rows = found[found.index(next(text for text in found if text.split()[:1] == ["ENDPOINT"])) :]
    first, *_ = [words for text in rows if (words := text.split())[0] == endpoint]
    return first[:-1]


# What it says first


def test_it_begins_with_a_verdict_the_organization_and_a_day_s_cost(api: ScriptedApi) -> None:
    assert lines(api)[:3] == [
        "Acme: Everything that is enabled can be read.",
        "Fri 2026-11-20 (UTC) cost $1.24: hold it against the Console.",
        "",
    ]


def test_a_day_that_is_not_over_is_not_held_against_the_console(api: ScriptedApi) -> None:
    api.on(COST, report({"2026-11-19": [{**AMOUNT, "amount": "100"}], "2026-11-21": [AMOUNT]}))
    found = checked(api).newest_day
    assert found
    assert (found.day.isoformat(), float(found.usd)) == ("2026-11-19", 1)


def test_without_a_billed_day_there_is_none(api: ScriptedApi) -> None:
    api.on(COST, report({}))
    assert checked(api).newest_day is None
    assert lines(api)[:2] == ["Acme: Everything that is enabled can be read.", ""]


# The table


def test_every_endpoint_has_a_line_under_the_headings(api: ScriptedApi) -> None:
    found = lines(api)
    assert found[3].split() == " ".join(HEADINGS).split()
    assert [text.split()[:2] for text in found[4:]] == [
        ["usage_report/messages", "usage"],
        ["cost_report", "cost"],
        ["usage_report/claude_code", "claude_code"],
        ["organization", "organization"],
        ["workspaces", "organization"],
        ["api_keys", "organization"],
        ["users", "organization"],
        ["invites", "organization"],
        ["workspaces/{workspace_id}/members", "organization"],
        ["service_accounts", "organization"],
        ["analytics/summaries", "organization"],
        ["rate_limits", "limits"],
        ["workspaces/{workspace_id}/rate_limits", "limits"],
        ["spend_limits", "limits"],
        ["usage_report/messages", "limits"],
    ]


@pytest.mark.parametrize(
    ("endpoint", "newest", "rows"),
    [
        ("usage_report/messages", "2026-11-20", "3"),
        ("cost_report", "2026-11-20", "4"),
        ("usage_report/claude_code", "2026-11-20", "1"),
        ("organization", "-", "1"),
        ("workspaces", "-", "2"),
        ("api_keys", "-", "1+"),
        ("users", "-", "0"),
        ("invites", "-", "1"),
        ("workspaces/{workspace_id}/members", "-", "1"),
        ("analytics/summaries", "-", "1"),
        ("workspaces/{workspace_id}/rate_limits", "-", "1"),
        ("spend_limits", "-", "0"),
        ("service_accounts", "-", "1+"),
        ("rate_limits", "-", "1"),
    ],
)
def test_a_line_says_how_new_the_data_are_and_how_many_rows_came(
    api: ScriptedApi, endpoint: str, newest: str, rows: str
) -> None:
    # A day without rows is no data; a plus sign says that there are further pages, which are not read.
    assert line(api, endpoint)[2:] == ["yes", newest, rows]


def test_a_report_without_rows_has_no_newest_data(api: ScriptedApi) -> None:
    api.on(USAGE, report({"2026-11-20": [], "2026-11-21": []}))
    assert line(api, "usage_report/messages")[2:] == ["yes", "-", "0"]


def test_where_limits_are_there_the_minutes_beside_them_are_looked_at(api: ScriptedApi) -> None:
    def answer(seen: Seen) -> object:
        return error(400, "bucket_width") if seen.param("bucket_width") == "1m" else report({})

    api.on(USAGE, answer)
    found = {(each.endpoint, each.collector): each for each in checked(api).endpoints}
    assert found["usage_report/messages", "usage"].is_readable
    assert found["usage_report/messages", "limits"].failure
    (minutes,) = [seen for seen in api.seen(USAGE) if seen.param("bucket_width") == "1m"]
    assert (minutes.param("starting_at"), minutes.param("ending_at")) == (
        "2026-11-21T11:00:00Z",
        "2026-11-21T12:00:00Z",
    )


def test_each_endpoint_is_asked_once_and_of_cost_all_pages(api: ScriptedApi) -> None:
    """And workspaces for what is of one of them."""
    checked(api)
    assert sorted(seen.path for seen in api.requests) == sorted([*ENDPOINTS, COST, WORKSPACES, WORKSPACES])


def test_of_the_workspaces_one_that_is_open_is_looked_at(api: ScriptedApi) -> None:
    rows = [{"id": "wrkspc_0", "archived_at": "2026-01-01T00:00:00Z"}, {"id": "wrkspc_1"}]
    api.on(WORKSPACES, {**id_list(), "data": rows})
    assert line(api, "workspaces/{workspace_id}/members")[2:] == ["yes", "-", "1"]
    api.on(WORKSPACES, {**id_list(), "data": rows[:1]})
    assert line(api, "workspaces/{workspace_id}/members")[2:] == ["yes", "-", "0"]


@pytest.mark.parametrize("enabled", list(BRINGS))
def test_what_is_disabled_is_not_asked(api: ScriptedApi, enabled: str) -> None:
    found = checked(api, enabled)
    asked = {seen.path for seen in api.requests}
    paths = {endpoint.path.replace("{workspace_id}", "wrkspc_1") for endpoint in BRINGS[enabled]}
    assert asked == paths | {ME} | ({WORKSPACES} if enabled == "limits" else set())
    assert found.organization
    assert found.organization.name == "Acme"


def test_the_reports_are_asked_for_the_last_week_and_claude_code_for_yesterday(api: ScriptedApi) -> None:
    checked(api)
    # The cost report may refuse a window with the current day in it.
    for path, end in ((USAGE, "2026-11-22T00:00:00Z"), (COST, "2026-11-21T00:00:00Z")):
        seen = api.seen(path)[0]
        assert (seen.param("starting_at"), seen.param("ending_at")) == ("2026-11-14T00:00:00Z", end)
    (seen,) = api.seen(CLAUDE_CODE)
    assert (seen.param("starting_at"), seen.param("ending_at")) == ("2026-11-20", None)


def test_columns_are_aligned_and_lines_have_no_trailing_space() -> None:
    assert table([("A", "LONG", "C"), ("longer", "b", ""), ("x", "y", "z")]).split("\n") == [
        "A       LONG  C",
        "longer  b",
        "x       y     z",
    ]


# Refusals and failures


@pytest.mark.parametrize(
    ("answer", "readable", "said"),
    [
        (error(403, "missing scope read:usage"), "no", "answered 403: missing scope read:usage"),
        (error(404, "no such thing"), "no", "answered 404: not found: no such thing"),
        (error(401, "invalid x-api-key"), "unknown", "answered 401: invalid x-api-key"),
        (error(529, "overloaded"), "unknown", "answered 529: overloaded"),
        (error(429, "slow down"), "unknown", "answered 429: slow down"),
        (error(400, "bad window"), "unknown", "answered 400: bad window"),
        (Answer(b"<title>Corporate login</title>", 403, {"content-type": "text/html"}), "unknown", "Corporate login"),
        (Answer(b"<title>Corporate login</title>", 200, {"content-type": "text/html"}), "unknown", "Corporate login"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_cause_and_what_to_do(
    api: ScriptedApi, answer: Answer, readable: str, said: str
) -> None:
    api.on(COST, answer)
    assert line(api, "cost_report")[2:] == [readable, "-", "-"]
    text = " ".join(checked(api).text().split())
    assert text.startswith("Acme: Some of what is enabled can be read, and some cannot. cost_report answered ")
    assert said in text
    assert f"(request id {REQUEST_ID})" in text or b"<title>" in str(answer.body).encode()
    assert text.count("What to do: ") == 1
    assert len(api.seen(COST)) == 2  # once for each time it was checked


def test_what_is_not_needed_needs_nothing_to_be_done(api: ScriptedApi) -> None:
    api.on(USERS, error(403, "no people"))
    api.on(SERVICE_ACCOUNTS, error(401, "OAuth only", "authentication_error"))
    found = checked(api)
    assert found.exit_code == 0
    assert found.text().count("Nothing has to be done: it is not needed.") == 2
    assert line(api, "service_accounts")[2] == "no"  # not unknown: the key is fine for all the rest


def test_a_refused_key_is_told_by_its_kind_once_and_leaves_the_rest_unknown(api: ScriptedApi) -> None:
    key = "sk-ant-api03-hunter2"
    for path in ENDPOINTS:
        api.on(path, error(401, "invalid x-api-key", "authentication_error"))
    status, text = run(api, ANTHROPIC_ADMIN_API_KEY=key)
    assert status == 1
    said = " ".join(text.split())
    assert said.startswith("No report can be read. Every endpoint answered 401: invalid x-api-key; the key looks like")
    assert said.count("looks like a workspace's key (sk-ant-api03-…)") == 1
    assert [row.split()[2] for row in text.splitlines()[-8:]] == ["unknown"] * 8
    assert "hunter2" not in text


def test_an_answer_of_another_shape_is_named(api: ScriptedApi) -> None:
    api.on(COST, {"data": [{"starting_at": "2026-11-18T00:00:00Z", "results": [{"currency": "USD"}]}]})
    assert line(api, "cost_report")[2] == "unknown"
    assert "`amount`" in checked(api).text()


def test_one_failure_leaves_the_other_lines_alone(api: ScriptedApi) -> None:
    api.on(WORKSPACES, Answer({"data": []}, missing_bytes=3))
    unknown = {each.endpoint for each in checked(api).endpoints if each.is_readable is None}
    # What is of each workspace needs to know of one.
    assert unknown == {"workspaces", *(f"workspaces/{{workspace_id}}/{what}" for what in ("members", "rate_limits"))}
    assert all(each.is_readable for each in checked(api).endpoints if each.endpoint not in unknown)


def test_an_api_that_repeats_the_key_does_not_get_it_shown(api: ScriptedApi) -> None:
    api.on(COST, error(401, f"invalid x-api-key {KEY}\nsk-ant-api03-other"))
    for text in (checked(api).text(), checked(api).json()):
        assert KEY not in text
        assert "sk-ant-api03-other" not in text
        assert "invalid x-api-key …" in text


# Exit codes


@pytest.mark.parametrize("enabled", [one for n in (1, 2, 3, 4) for one in itertools.combinations(BRINGS, n)])
@pytest.mark.parametrize(
    "refused",
    [one for n in range(5) for one in itertools.combinations(("usage", "cost", "claude_code", "workspaces"), n)],
)
def test_the_exit_code_says_whether_all_some_or_none_of_the_enabled_can_be_read(
    enabled: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    findings = tuple(
        Finding(name, collector, is_report=name != "workspaces", needed=True, is_readable=name not in refused)
        for name, collector in NAMES.items()
        if collector in enabled
    )
    reports = [each for each in findings if each.is_report]
    found = Checked("1", "https://api.anthropic.com", None, None, findings)
    if all(each.is_readable for each in findings):
        assert found.exit_code == 0
    elif any(each.is_readable for each in reports):
        assert found.exit_code == 3
    else:
        assert found.exit_code == 1


def run(api: ScriptedApi, *flags: str, **environ: str) -> tuple[int, str]:
    """The exit status of `anthropic-exporter check` and everything that it wrote."""
    flags = ("--api.base-url", api.base_url, *flags)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", "check", *flags],
        check=False,
        capture_output=True,
        text=True,
        env=clean | environ,
        cwd=Path(__file__).parent.parent,
        timeout=60,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("refused", "flags", "status"),
    [
        ((), (), 0),
        ((COST,), (), 3),
        ((WORKSPACES,), (), 3),
        ((WORKSPACES,), ("--no-organization.enabled",), 0),
        ((COST,), ("--no-cost.enabled",), 0),
        ((USAGE, COST, CLAUDE_CODE), (), 1),
        ((API_KEYS, USERS, SERVICE_ACCOUNTS, ME, RATE_LIMITS), (), 0),
    ],
)
def test_the_command_ends_with_it(
    api: ScriptedApi, refused: tuple[str, ...], flags: tuple[str, ...], status: int
) -> None:
    for path in refused:
        api.on(path, error(403, "no"))
    ended, text = run(api, *flags, ANTHROPIC_ADMIN_API_KEY=KEY)
    assert ended == status, text
    assert KEY not in text
    assert {seen.headers["x-api-key"] for seen in api.requests} == {KEY}


def test_json_has_it_all_under_stable_names(api: ScriptedApi) -> None:
    api.on(CLAUDE_CODE, error(403, "no such luck"))
    status, text = run(api, "--output=json", ANTHROPIC_ADMIN_API_KEY=KEY)
    found = json.loads(text)
    assert (status, found["exit_code"]) == (3, 3)
    assert found.keys() == {
        "verdict",
        "exit_code",
        "version",
        "api_base_url",
        "organization",
        "newest_day",
        "endpoints",
    }
    assert found["organization"] == {"id": "org", "name": "Acme"}
    refused = found["endpoints"][2]
    assert (refused["endpoint"], refused["collector"], refused["is_readable"]) == (
        "usage_report/claude_code",
        "claude_code",
        False,
    )
    assert refused["failure"]["message"] == "no such luck"
    assert refused["failure"]["request_id"] == REQUEST_ID
