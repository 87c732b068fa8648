from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.api import pages as module
from exporter.api.errors import ApiError
from exporter.api.pages import LONGEST_CURSOR
from exporter.api.shapes.claude_code import ClaudeCodePage
from exporter.api.shapes.cost import CostPage
from exporter.api.shapes.inventory import ApiKeyPage, ServiceAccountPage
from exporter.api.shapes.usage import UsagePage
from exporter.contract.state import Reason
from tests.support.processes import environment
from tests.support.reading import PATH, bucket, field, problem, read, read_ids, row
from tests.support.scripted import REQUEST_ID, Answer, ScriptedApi, Seen

NO_CURSOR = "the answer promises more pages but has no cursor"
REPEATED = "the answer repeats an earlier cursor"


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as api:
        yield api


# The three families


def test_a_report_is_followed_until_has_more_is_false(api: ScriptedApi) -> None:
    api.on(
        PATH,
        [
            {"data": [bucket("2026-11-20")], "has_more": True, "next_page": "page_2"},
            {"data": [bucket("2026-11-21")], "has_more": False, "next_page": "page_3"},
        ],
    )
    assert [len(page.data) for page in read(api, CostPage)] == [1, 1]
    assert [seen.params for seen in api.requests] == [(("limit", "5"),), (("limit", "5"), ("page", "page_2"))]


def test_a_token_list_is_followed_until_next_page_is_null(api: ScriptedApi) -> None:
    api.on(
        PATH,
        [{"data": [row("a")], "next_page": "t2"}, {"data": [row("b")], "next_page": None}],
    )
    assert [r.id for page in read(api, ServiceAccountPage) for r in page.data] == ["a", "b"]
    assert [seen.param("page") for seen in api.requests] == [None, "t2"]


def test_a_token_list_may_leave_next_page_out(api: ScriptedApi) -> None:
    api.on(PATH, {"data": [row("a")]})
    assert len(read(api, ServiceAccountPage)) == 1


def test_an_id_list_is_followed_by_its_last_id(api: ScriptedApi) -> None:
    api.on(
        PATH,
        [
            {"data": [row("a")], "has_more": True, "first_id": "a", "last_id": "a"},
            {"data": [row("b")], "has_more": False, "first_id": "b", "last_id": "b"},
        ],
    )
    assert [r.id for page in read_ids(api, ApiKeyPage) for r in page.data] == ["a", "b"]
    assert [seen.params for seen in api.requests] == [(("limit", "5"),), (("limit", "5"), ("after_id", "a"))]


def test_an_empty_id_list_has_null_ids(api: ScriptedApi) -> None:
    api.on(PATH, {"data": [], "has_more": False, "first_id": None, "last_id": None})
    assert [page.data for page in read_ids(api, ApiKeyPage)] == [[]]


def paged(rows: list[str], size: int, cursors: list[str], seen: Seen, parameter: str) -> tuple[list[str], str | None]:
    """The page that the request asks for, and the cursor of the one after it."""
    at = seen.param(parameter)
    number = 0 if at is None else cursors.index(at) + 1
    return rows[number * size : (number + 1) * size], cursors[number] if (number + 1) * size < len(rows) else None


@given(
    rows=st.lists(st.text("abc"), max_size=12, unique=True),
    size=st.integers(1, 5),
    cursors=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=12, max_size=12, unique=True
    ),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_page_size_and_any_cursor_give_the_same_rows(
    api: ScriptedApi, rows: list[str], size: int, cursors: list[str]
) -> None:
    def list_page(seen: Seen) -> object:
        found, following = paged(rows, size, cursors, seen, "page")
        return {"data": [row(name) for name in found], "next_page": following}

    def id_page(seen: Seen) -> object:
        found, following = paged(rows, size, cursors, seen, "after_id")
        return {"data": [row(name) for name in found], "has_more": following is not None, "last_id": following}

    api.on(PATH, list_page)
    assert [r.id for page in read(api, ServiceAccountPage) for r in page.data] == rows
    api.on(PATH, id_page)
    assert [r.id for page in read_ids(api, ApiKeyPage) for r in page.data] == rows


# Cursors that lead nowhere


@pytest.mark.parametrize("envelope", [{}, {"next_page": None}, {"next_page": ""}])
def test_a_report_that_promises_more_needs_a_cursor(api: ScriptedApi, envelope: dict[str, object]) -> None:
    api.on(PATH, {"data": [], "has_more": True, **envelope})
    error = problem(lambda: read(api, UsagePage))
    assert (error.reason, error.message, error.request_id) == (Reason.PAGINATION, NO_CURSOR, REQUEST_ID)


@pytest.mark.parametrize("envelope", [{}, {"last_id": None}, {"last_id": ""}])
def test_an_id_list_that_promises_more_needs_a_cursor(api: ScriptedApi, envelope: dict[str, object]) -> None:
    api.on(PATH, {"data": [], "has_more": True, **envelope})
    error = problem(lambda: read_ids(api, ApiKeyPage))
    assert (error.reason, error.message) == (Reason.PAGINATION, NO_CURSOR)


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
def test_a_repeated_cursor_ends_it(api: ScriptedApi, cursors: list[str]) -> None:
    api.on(PATH, [{"data": [], "has_more": True, "next_page": cursor, "last_id": cursor} for cursor in cursors])
    error = problem(lambda: read(api, UsagePage))
    assert (error.reason, error.message) == (Reason.PAGINATION, REPEATED)
    assert len(api.requests) == len(cursors)


def test_an_id_list_may_not_repeat_its_cursor_either(api: ScriptedApi) -> None:
    api.on(PATH, {"data": [row("a")], "has_more": True, "last_id": "a"})
    error = problem(lambda: read_ids(api, ApiKeyPage))
    assert (error.reason, error.message) == (Reason.PAGINATION, REPEATED)


def test_a_cursor_as_long_as_allowed_is_sent_whole(api: ScriptedApi) -> None:
    cursor = "\N{SNOWMAN}" * LONGEST_CURSOR
    api.on(PATH, [{"data": [], "next_page": cursor}, {"data": []}])
    read(api, ServiceAccountPage)
    assert api.requests[1].param("page") == cursor


def test_a_cursor_that_fits_no_url_is_refused_without_being_shown(api: ScriptedApi) -> None:
    api.on(PATH, {"data": [], "next_page": "x" * 70_000})
    error = problem(lambda: read(api, ServiceAccountPage))
    assert error.reason is Reason.PAGINATION
    assert error.message == f"the answer's cursor is longer than {LONGEST_CURSOR} characters"


def test_a_list_without_an_end_is_cut_off(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAGES", 5)
    api.on(PATH, lambda seen: {"data": [], "next_page": f"{seen.param('page') or ''}x"})
    error = problem(lambda: read(api, ServiceAccountPage))
    assert (error.reason, error.message) == (Reason.PAGINATION, "the answer goes on after 5 pages")


# Bodies of another shape

SECRET = "hunter2"


def usage(**changes: object) -> bytes:
    """A page of usage with one row, changed; a value of bytes is put in as it is."""
    result: dict[str, object] = {
        "uncached_input_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
        "cache_read_input_tokens": 4,
        "output_tokens": 5,
        "server_tool_use": {"web_search_requests": 6},
        "model": "claude-opus-5",
    }
    body = {"data": [{"starting_at": "2026-11-20T00:00:00Z", "results": [result | changes]}], "has_more": False}
    literal = {f'"raw-{name}"': value for name, value in changes.items() if isinstance(value, bytes)}
    text = json.dumps(body, default=lambda value: next(f"raw-{k}" for k, v in changes.items() if v is value)).encode()
    for placeholder, value in literal.items():
        text = text.replace(placeholder.encode(), value)
    return text


def usage_problem(api: ScriptedApi, body: bytes) -> ApiError:
    api.on(PATH, Answer(body))
    return problem(lambda: read(api, UsagePage))


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -0.5,
        b"-1e300",
        b"9.3e18",
        1e300,
        "5",
        SECRET,
        None,
        True,
        [],
        b"1e999",
        b"-1e999",
        b"1" + b"0" * 30,
        b"9223372036854775808",
        b"1" + b"0" * 5000,
    ],
    ids=[
        "-1",
        "-0.5",
        "-1e300",
        "9.3e18",
        "1e300",
        "digits",
        "text",
        "null",
        "true",
        "list",
        "1e999",
        "-1e999",
        "1e30",
        "2^63",
        "1e5000",
    ],
)
def test_a_count_that_is_none_is_named_and_not_shown(api: ScriptedApi, value: object) -> None:
    error = usage_problem(api, usage(output_tokens=value))
    assert error.reason is Reason.SCHEMA
    assert field(error).endswith("- at `$.data[].results[].output_tokens`")
    assert SECRET not in str(error)
    assert "000000" not in str(error)
    assert str(error).startswith("rows answered 200: ")
    assert error.request_id == REQUEST_ID


@pytest.mark.parametrize("count", ["output_tokens", "cache_creation", "server_tool_use"])
def test_a_missing_count_is_named_and_never_zero(api: ScriptedApi, count: str) -> None:
    body = json.loads(usage())
    del body["data"][0]["results"][0][count]
    error = usage_problem(api, json.dumps(body).encode())
    assert error.reason is Reason.SCHEMA
    assert field(error) == f"Object missing required field `{count}` - at `$.data[].results[]`"


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"0x10", b"1_000", b"+1", b"01"])
def test_a_number_that_json_does_not_have_is_refused(api: ScriptedApi, literal: bytes) -> None:
    error = usage_problem(api, usage(output_tokens=literal))
    assert error.reason is Reason.SCHEMA
    assert error.message.startswith("JSON is malformed")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"hunter2"',
        b"<html>hunter2</html>",
        b'{"data": [',
        b"{}",
        b'{"data": "hunter2"}',
        b'{"data": [], "next_page": 7}',
        b'{"data": [], "has_more": "hunter2"}',
        b'{"data": [], "next_page": 7, "other": "\xff\xfehunter2"}',
        b'{"data": [], "next_page": 7, "other": "\\ud800hunter2"}',
        b'{"data": [], "other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"data": [], "other": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
    ids=[
        "empty",
        "null",
        "list",
        "text",
        "html",
        "cut",
        "no data",
        "data of another type",
        "cursor of another type",
        "flag of another type",
        "not UTF-8",
        "lone surrogate",
        "deep and large",
        "deep and small",
    ],
)
def test_an_answer_of_another_shape_is_refused_and_not_shown(api: ScriptedApi, body: bytes) -> None:
    error = usage_problem(api, body)
    assert error.reason is Reason.SCHEMA
    assert error.message
    assert SECRET not in str(error)
    assert len(api.requests) == 1


def test_a_large_answer_is_refused_in_the_same_words(api: ScriptedApi) -> None:
    small = json.loads(usage(output_tokens="5"))
    large = small | {"padding": "x" * 1_000_000}
    messages = {usage_problem(api, json.dumps(body).encode()).message for body in (small, large)}
    assert len(messages) == 1


@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-20T00:00:00", "yesterday", 7, None])
def test_a_day_needs_a_time_and_a_zone(api: ScriptedApi, day: object) -> None:
    error = usage_problem(api, json.dumps({"data": [{"starting_at": day, "results": []}], "has_more": False}).encode())
    assert error.reason is Reason.SCHEMA
    assert field(error).endswith("`$.data[].starting_at`")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1_000", "", "1,5", ".5", "0x1", "1e999", "9" * 101, 7])
def test_money_is_a_decimal_in_a_string(api: ScriptedApi, amount: object) -> None:
    bucket = {"starting_at": "2026-11-20T00:00:00Z", "results": [{"amount": amount, "currency": "USD"}]}
    api.on(PATH, {"data": [bucket], "has_more": False})
    error = problem(lambda: read(api, CostPage))
    assert error.reason is Reason.SCHEMA
    assert field(error).endswith("`$.data[].results[].amount`")


# What passes


def test_unknown_fields_and_values_pass(api: ScriptedApi) -> None:
    body = json.loads(usage(service_tier="tier of tomorrow", speed=None, invented={"deep": [1, {}]}))
    api.on(PATH, body | {"data_refreshed_at": None})
    ((bucket,),) = [page.data for page in read(api, UsagePage)]
    assert bucket.results[0].service_tier == "tier of tomorrow"


def test_unknown_actors_and_tools_pass(api: ScriptedApi) -> None:
    record = {
        "date": "2026-11-20T00:00:00Z",
        "actor": {"type": "robot_actor", "serial": 7},
        "core_metrics": {
            "num_sessions": 1,
            "lines_of_code": {"added": 1, "removed": 0},
            "commits_by_claude_code": 0,
            "pull_requests_by_claude_code": 0,
        },
        "tool_actions": {"tool_of_tomorrow": {"accepted": 1, "rejected": 2}},
        "model_breakdown": [],
        "is_remote": False,
    }
    api.on(PATH, {"data": [record], "has_more": False, "next_page": None})
    ((found,),) = [page.data for page in read(api, ClaudeCodePage)]
    assert found.actor.kind == "robot_actor"
    assert found.tools["tool_of_tomorrow"].rejected == 2


@pytest.mark.parametrize("literal", [b"5.0", b"5", b"0.5e1", b"5E0"])
def test_a_whole_number_may_be_written_as_a_fraction(api: ScriptedApi, literal: bytes) -> None:
    api.on(PATH, Answer(usage(output_tokens=literal)))
    ((bucket,),) = [page.data for page in read(api, UsagePage)]
    assert bucket.results[0].output_tokens == 5


@pytest.mark.parametrize("amount", ["0", "123.45", "-3.0", "1.5e-7", "0.123456789012345678901234567890"])
def test_money_keeps_its_text(api: ScriptedApi, amount: str) -> None:
    bucket = {"starting_at": "2026-11-20T00:00:00Z", "results": [{"amount": amount, "currency": "USD"}]}
    api.on(PATH, {"data": [bucket], "has_more": False})
    assert read(api, CostPage)[0].data[0].results[0].amount == amount


MANY_AT_ONCE = """
import asyncio, sys
from exporter import log
from exporter.api.endpoints import CLAUDE_CODE
from exporter.api.pages import pages
from tests.support.answers import claude_code_row
from tests.support.scripted import connect, ScriptedApi
sys.setswitchinterval(1e-6)
log.configure("error", "logfmt")

async def read(client, day):
    request = CLAUDE_CODE.request(("starting_at", day))
    return [rows async for rows in pages(client, request, CLAUDE_CODE.shape, made=lambda page: len(page.data))]

async def main():
    async with connect(api) as client:
        print(await asyncio.gather(*(read(client, f"2026-11-0{day}") for day in range(1, 9))))

with ScriptedApi() as api:
    rows = [claude_code_row("2026-11-01", terminal_type=f"terminal {number}") for number in range(500)]
    api.on(CLAUDE_CODE.path, {"data": rows, "has_more": False, "next_page": None})
    asyncio.run(main())
"""


@pytest.mark.parametrize("attempt", range(6))
def test_the_first_large_pages_may_come_all_at_once(attempt: int) -> None:
    """Each is read in a thread of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MANY_AT_ONCE], capture_output=True, text=True, check=False, env=environment()
    )
    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert done.stdout == f"{[[500]] * 8}\n"
