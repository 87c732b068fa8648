from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from exporter.api.shapes.claude_code import ClaudeCodePage
from exporter.api.shapes.cost import CostPage
from exporter.api.shapes.envelope import Page
from exporter.api.shapes.inventory import ApiKeyPage, ServiceAccountPage
from exporter.api.shapes.usage import UsagePage
from exporter.contract.state import Reason
from tests.support.answers import claude_code_row, cost_row, usage_row
from tests.support.reading import PATH, bucket, problem, read, read_ids, report, row
from tests.support.scripted import REQUEST_ID, Answer, ScriptedApi


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as api:
        yield api


def claude_code_record(**values: object) -> dict[str, object]:
    return claude_code_row("2026-11-20", **values)


def priced(*, amount: str = "1", **values: object) -> dict[str, object]:
    return cost_row(amount, **values)


ROWS: dict[type[Page], tuple[Callable[..., dict[str, object]], dict[str, object]]] = {
    # A row, and each dimension that the API documents with another value.
    UsagePage: (
        usage_row,
        {
            "workspace_id": "wrkspc_01",
            "model": "claude-haiku-5-5",
            "service_tier": "batch",
            "api_key_id": "apikey_01",
            "account_id": "user_01",
            "service_account_id": "svac_01",
            "context_window": "200k-1M",
            "inference_geo": "us",
            "speed": "fast",
        },
    ),
    CostPage: (
        priced,
        {
            "workspace_id": "wrkspc_01",
            "description": "Claude Opus 5.5 Usage - Output Tokens, fast",
            "cost_type": "web_search",
            "token_type": None,
            "model": "claude-haiku-5-5",
            "service_tier": "batch",
            "context_window": "200k-1M",
            "inference_geo": "us",
        },
    ),
    ClaudeCodePage: (
        claude_code_record,
        {
            "date": "2026-11-21T00:00:00Z",
            "actor": {"type": "user_actor", "email_address": "eve@example.com"},
            "customer_type": "subscription",
            "subscription_type": "team",
            "terminal_type": "tmux",
            "is_remote": True,
        },
    ),
}
NUMBERS: dict[type[Page], dict[str, object]] = {
    UsagePage: {"output_tokens": 7},
    CostPage: {"amount": "7"},
    ClaudeCodePage: {"tool_actions": {}, "model_breakdown": [], "organization_id": "another"},
}
TWICE = "the answer has a row twice: all its dimensions are those of another one"


def holding(kind: type[Page], *rows: object, following: str | None = None) -> dict[str, object]:
    """A page of the report with the rows, all in one bucket where it has buckets."""
    data = rows if kind is ClaudeCodePage else [bucket("2026-11-20", *rows)]
    return report(*data, following=following)


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_with_all_dimensions_of_another_is_no_row(api: ScriptedApi, kind: type[Page]) -> None:
    make, _ = ROWS[kind]
    for other in (make(), make(**NUMBERS[kind])):
        api.on(PATH, holding(kind, make(), other))
        error = problem(lambda: read(api, kind))
        assert (error.reason, error.message, error.request_id) == (Reason.SCHEMA, TWICE, REQUEST_ID)


@pytest.mark.parametrize(("kind", "dimension"), [(kind, name) for kind, (_, others) in ROWS.items() for name in others])
def test_rows_that_differ_in_one_dimension_are_two(api: ScriptedApi, kind: type[Page], dimension: str) -> None:
    make, others = ROWS[kind]
    api.on(PATH, holding(kind, make(), make(**{dimension: others[dimension]})))
    assert len(read(api, kind)) == 1


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("added", ["text", True, None, ["a"], {"deep": "text"}])
def test_a_field_that_nobody_knows_may_tell_rows_apart(api: ScriptedApi, kind: type[Page], added: object) -> None:
    make, _ = ROWS[kind]
    api.on(PATH, holding(kind, make(surface=added), make(surface="web")))
    assert len(read(api, kind)) == 1


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("added", ["text", True, None, ["a"], {"deep": "text"}])
def test_the_same_value_of_it_does_not(api: ScriptedApi, kind: type[Page], added: object) -> None:
    make, _ = ROWS[kind]
    api.on(PATH, holding(kind, make(surface=added), make(surface="web"), make(surface=added, **NUMBERS[kind])))
    assert problem(lambda: read(api, kind)).message == TWICE


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("added", [7, -0.5, b"1e999"])
def test_a_number_that_nobody_knows_does_not(api: ScriptedApi, kind: type[Page], added: object) -> None:
    make, _ = ROWS[kind]
    rows = [make(requests=1), make(requests="raw" if isinstance(added, bytes) else added)]
    body = json.dumps(holding(kind, *rows)).encode()
    api.on(PATH, Answer(body.replace(b'"raw"', added) if isinstance(added, bytes) else body))
    assert problem(lambda: read(api, kind)).message == TWICE


def test_a_field_of_an_actor_that_nobody_knows_may_tell_rows_apart(api: ScriptedApi) -> None:
    actors = [{"type": "team_actor", "team": team} for team in ("blue", "red")]
    api.on(PATH, report(*(claude_code_record(actor=actor) for actor in actors)))
    assert len(read(api, ClaudeCodePage)) == 1
    api.on(PATH, report(*(claude_code_record(actor=actors[0]) for _ in range(2))))
    assert problem(lambda: read(api, ClaudeCodePage)).message == TWICE


def test_two_api_keys_of_the_same_name_are_two_actors_unless_their_numbers_are_the_same(api: ScriptedApi) -> None:
    actor = {"type": "api_actor", "api_key_name": "ci"}
    api.on(PATH, report(claude_code_record(actor=actor), claude_code_record(actor=actor, model_breakdown=[])))
    assert len(read(api, ClaudeCodePage)) == 1
    api.on(PATH, report(claude_code_record(actor=actor), claude_code_record(actor=actor)))
    assert problem(lambda: read(api, ClaudeCodePage)).message == TWICE


def test_records_of_an_earlier_page_may_not_come_again(api: ScriptedApi) -> None:
    first, second = claude_code_record(), claude_code_record(terminal_type="tmux")
    api.on(PATH, [report(first, following="2"), report(second, following="3"), report(first)])
    assert problem(lambda: read(api, ClaudeCodePage)).message == TWICE
    api.on(PATH, [report(first, following="2"), report(second, following="3"), report()])
    assert len(read(api, ClaudeCodePage)) == 3


@pytest.mark.parametrize("kind", [UsagePage, CostPage])
@pytest.mark.parametrize("again", ["2026-11-20T00:00:00Z", "2026-11-20T01:00:00+01:00"])
def test_a_bucket_may_not_come_again(api: ScriptedApi, kind: type[Page], again: str) -> None:
    first, second, repeated = bucket("2026-11-20"), bucket("2026-11-21"), {"starting_at": again, "results": []}
    loops: list[list[object]] = [
        [report(first, repeated)],
        [report(first, second, following="a"), report(repeated)],
        [report(first, following="a"), report(second, following="b"), report(repeated, following="c")],
    ]
    for pages_of_loop in loops:
        api.on(PATH, pages_of_loop)
        error = problem(lambda: read(api, kind))
        assert (error.reason, error.message) == (Reason.PAGINATION, "the answer repeats a bucket")


def test_the_same_row_in_two_buckets_is_two(api: ScriptedApi) -> None:
    api.on(PATH, report(*(bucket(f"2026-11-{day}", usage_row()) for day in (20, 21))))
    assert len(read(api, UsagePage)) == 1


def id_page(*names: str, last: str | None = None) -> dict[str, object]:
    return {"data": [row(name) for name in names], "has_more": last is not None, "last_id": last}


def token_page(*names: str, last: str | None = None) -> dict[str, object]:
    return {"data": [row(name) for name in names], "next_page": last}


def id_rows(api: ScriptedApi) -> list[str]:
    return [row.id for page in read_ids(api, ApiKeyPage) for row in page.data]


def token_rows(api: ScriptedApi) -> list[str]:
    return [row.id for page in read(api, ServiceAccountPage) for row in page.data]


@pytest.mark.parametrize(("make", "rows"), [(id_page, id_rows), (token_page, token_rows)])
def test_a_list_goes_on_with_something_new(
    api: ScriptedApi, make: Callable[..., object], rows: Callable[[ScriptedApi], list[str]]
) -> None:
    api.on(PATH, [make("a", "b", last="1"), make("b", "c", last="2"), make("a", "c", last="3")])
    error = problem(lambda: rows(api))
    assert error.reason is Reason.PAGINATION
    assert error.message == "the answer goes on with nothing but what came before"
    assert len(api.requests) == 3
    api.on(PATH, [make("a", "a", last="1"), make(last="2"), make("a", "b", last="3"), make()])
    assert rows(api) == ["a", "a", "a", "b"]
