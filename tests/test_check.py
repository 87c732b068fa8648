from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.commands.check import HEADINGS, look, table
from tests.support.processes import environment
from tests.support.scripted import KEY, NOW, REQUEST_ID, Answer, ScriptedApi, connect, error

USAGE = "/v1/organizations/usage_report/messages"
COST = "/v1/organizations/cost_report"
CLAUDE_CODE = "/v1/organizations/usage_report/claude_code"
ME = "/v1/organizations/me"
WORKSPACES = "/v1/organizations/workspaces"
API_KEYS = "/v1/organizations/api_keys"
USERS = "/v1/organizations/users"
SERVICE_ACCOUNTS = "/v1/organizations/service_accounts"

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


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    """An organization whose every endpoint answers."""
    with ScriptedApi() as api:
        api.on(USAGE, report({"2026-11-19": [TOKENS], "2026-11-20": [TOKENS, TOKENS], "2026-11-21": []}))
        api.on(COST, report({"2026-11-18": [AMOUNT], "2026-11-19": []}, has_more=True, next_page="page_2"))
        api.on(CLAUDE_CODE, {"data": [RECORD], "has_more": False, "next_page": None})
        api.on(ME, {"id": "org", "name": "Acme", "type": "organization"})
        api.on(WORKSPACES, id_list("wrkspc_1", "wrkspc_2"))
        api.on(API_KEYS, id_list("apikey_1", has_more=True))
        api.on(USERS, id_list())
        api.on(SERVICE_ACCOUNTS, {"data": [{"id": "svac_1"}], "next_page": "token_2"})
        yield api


def checked(api: ScriptedApi) -> tuple[list[str], bool]:
    """The lines of the table, and whether a report is readable."""

    async def ask() -> tuple[str, bool]:
        async with connect(api, retry_seconds=0) as client:
            return await look(client, NOW)

    text, readable = asyncio.run(ask())
    return text.splitlines(), readable


def line(api: ScriptedApi, endpoint: str) -> list[str]:
    """The words of an endpoint's line, without the duration."""
    (found,) = [words for text in checked(api)[0] if (words := text.split())[0] == endpoint]
    return found[:4] + found[5:]


# The table


def test_every_endpoint_has_a_line_under_the_headings(api: ScriptedApi) -> None:
    lines, readable = checked(api)
    assert readable
    assert lines[0].split() == " ".join(HEADINGS).split()
    assert [text.split()[0] for text in lines[1:]] == [
        "usage_report/messages",
        "cost_report",
        "usage_report/claude_code",
        "organization",
        "workspaces",
        "api_keys",
        "users",
        "service_accounts",
    ]


@pytest.mark.parametrize(
    ("endpoint", "newest", "rows"),
    [
        ("usage_report/messages", "2026-11-20", "3"),
        ("cost_report", "2026-11-18", "1+"),
        ("usage_report/claude_code", "2026-11-20", "1"),
        ("organization", "-", "1"),
        ("workspaces", "-", "2"),
        ("api_keys", "-", "1+"),
        ("users", "-", "0"),
        ("service_accounts", "-", "1+"),
    ],
)
def test_a_line_says_how_new_the_data_are_and_how_many_rows_came(
    api: ScriptedApi, endpoint: str, newest: str, rows: str
) -> None:
    # A day without rows is no data; a plus sign says that there are further pages.
    assert line(api, endpoint) == [endpoint, "yes", newest, rows]


def test_a_report_without_rows_has_no_newest_data(api: ScriptedApi) -> None:
    api.on(USAGE, report({"2026-11-20": [], "2026-11-21": []}))
    assert line(api, "usage_report/messages") == ["usage_report/messages", "yes", "-", "0"]


def test_each_endpoint_is_asked_once(api: ScriptedApi) -> None:
    checked(api)
    assert sorted(seen.path for seen in api.requests) == sorted(
        [USAGE, COST, CLAUDE_CODE, ME, WORKSPACES, API_KEYS, USERS, SERVICE_ACCOUNTS]
    )


def test_the_reports_are_asked_for_the_last_week_and_claude_code_for_yesterday(api: ScriptedApi) -> None:
    checked(api)
    # The cost report may refuse a window with the current day in it.
    for path, end in ((USAGE, "2026-11-22T00:00:00Z"), (COST, "2026-11-21T00:00:00Z")):
        (seen,) = api.seen(path)
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
    ("answer", "entitled", "message"),
    [
        (error(403, "missing scope read:usage"), "no", "forbidden: cost_report answered 403: missing scope read:usage"),
        (error(404, "no such thing"), "no", "forbidden: cost_report answered 404: not found: no such thing"),
        (error(401, "invalid x-api-key"), "unknown", "auth: cost_report answered 401: invalid x-api-key"),
        (error(529, "overloaded"), "unknown", "server: cost_report answered 529: overloaded"),
        (error(429, "slow down"), "unknown", "rate_limited: cost_report answered 429: slow down"),
        (error(400, "bad window"), "unknown", "request: cost_report answered 400: bad window"),
    ],
)
def test_a_refusal_says_what_the_api_said(api: ScriptedApi, answer: Answer, entitled: str, message: str) -> None:
    api.on(COST, answer)
    expected = ["cost_report", entitled, "-", "-", *message.split(), *f"(request id {REQUEST_ID})".split()]
    assert line(api, "cost_report") == expected
    assert len(api.seen(COST)) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_stray_refusal_of_something_else_says_nothing_of_the_entitlement(api: ScriptedApi, status: int) -> None:
    api.on(COST, Answer(b"<title>Corporate login</title>", status, {"content-type": "text/html"}))
    text = " ".join(line(api, "cost_report"))
    assert text.startswith(f"cost_report unknown - - request: cost_report answered {status}: text/html, ")
    assert '"Corporate login": a proxy or portal seems to answer in place of the API' in text
    assert len(api.seen(COST)) == 1


def test_a_refused_key_is_told_by_its_kind_and_leaves_the_entitlement_unknown(api: ScriptedApi) -> None:
    key = "sk-ant-api03-hunter2"
    for path in (USAGE, COST, CLAUDE_CODE, ME, WORKSPACES, API_KEYS, USERS, SERVICE_ACCOUNTS):
        api.on(path, error(401, "invalid x-api-key", "authentication_error"))
    _, text = run(api, ANTHROPIC_ADMIN_API_KEY=key)
    rows = text.splitlines()[1:]
    assert [row.split()[1] for row in rows] == ["unknown"] * 8
    assert all("the key looks like a workspace's key (sk-ant-api03-…); an Admin key begins with" in row for row in rows)
    assert "hunter2" not in text


def test_an_answer_of_another_shape_is_named(api: ScriptedApi) -> None:
    api.on(COST, {"data": [{"starting_at": "2026-11-18T00:00:00Z", "results": [{"currency": "USD"}]}]})
    words = line(api, "cost_report")
    assert words[1] == "unknown"
    assert "`amount`" in words


def test_one_failure_leaves_the_other_lines_alone(api: ScriptedApi) -> None:
    api.on(WORKSPACES, Answer({"data": []}, missing_bytes=3))
    lines, readable = checked(api)
    assert readable
    assert [text.split()[1] for text in lines[1:]] == ["yes"] * 4 + ["unknown"] + ["yes"] * 3


@pytest.mark.parametrize("path", [USAGE, COST, CLAUDE_CODE])
def test_one_readable_report_is_enough(api: ScriptedApi, path: str) -> None:
    for other in {USAGE, COST, CLAUDE_CODE} - {path}:
        api.on(other, error(403))
    assert checked(api)[1]


def test_lists_without_a_report_are_not_enough(api: ScriptedApi) -> None:
    for path in (USAGE, COST, CLAUDE_CODE):
        api.on(path, error(403))
    assert not checked(api)[1]


def test_an_api_that_repeats_the_key_does_not_get_it_shown(api: ScriptedApi) -> None:
    api.on(COST, error(401, f"invalid x-api-key {KEY}\nsk-ant-api03-other"))
    text = "\n".join(checked(api)[0])
    assert KEY not in text
    assert "sk-ant-api03-other" not in text
    assert "invalid x-api-key …" in text
    assert len(text.splitlines()) == 9


# The command


def run(api: ScriptedApi, *flags: str, **environ: str) -> tuple[int, str]:
    """The exit status of `anthropic-exporter check` and everything that it wrote."""
    flags = ("--api.base-url", api.base_url, "--log.level", "debug", *flags)
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


def test_the_command_ends_with_0_when_a_report_is_readable(api: ScriptedApi) -> None:
    api.on(COST, error(529, f"busy {KEY}"))
    status, text = run(api, ANTHROPIC_ADMIN_API_KEY=KEY)
    assert status == 0
    assert text.splitlines()[0].split() == " ".join(HEADINGS).split()
    assert len(text.splitlines()) == 9
    assert KEY not in text
    assert {seen.headers["x-api-key"] for seen in api.requests} == {KEY}
    # Nobody wants to wait for the end of the back-off here.
    assert len(api.seen(COST)) == 1


def test_the_command_ends_with_1_when_no_report_is_readable(api: ScriptedApi) -> None:
    for path in (USAGE, COST, CLAUDE_CODE):
        api.on(path, error(401, f"invalid x-api-key {KEY}"))
    status, text = run(api, ANTHROPIC_ADMIN_API_KEY=KEY)
    assert status == 1
    assert KEY not in text
    assert text.count("invalid x-api-key …") == 3


def test_the_command_ends_with_2_when_the_key_file_cannot_be_used(api: ScriptedApi, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("two words")
    status, text = run(api, "--api.key-file", str(file))
    assert status == 2
    assert text.startswith(f"anthropic-exporter: the key file {file} must hold the Admin API key alone")
    assert "two words" not in text
    assert api.requests == []


def test_the_command_does_not_end_with_0_when_its_table_is_lost(api: ScriptedApi) -> None:
    command = [sys.executable, "-m", "exporter", "check", "--api.base-url", api.base_url]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        clean = environment(ANTHROPIC_ADMIN_API_KEY=KEY)
        ended = subprocess.run(command, check=False, stdout=full, stderr=subprocess.DEVNULL, env=clean, timeout=60)
    assert ended.returncode != 0
