"""Which values are taken, and that none is ever in a message."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.client import Reply
from exporter.api.errors import ApiError
from exporter.api.pages import decode
from exporter.api.shapes.claude_code import ClaudeCodePage
from exporter.api.shapes.cost import CostPage
from exporter.api.shapes.inventory import ApiKeyPage, Me, ServiceAccountPage, UserPage, WorkspacePage
from exporter.api.shapes.usage import UsagePage
from exporter.contract.state import Reason
from tests.support.answers import api_key_row, claude_code_row, cost_row, listing, usage_row, workspace_row
from tests.support.reading import bucket, problem, report

PAGES: dict[type[Any], object] = {
    UsagePage: report(bucket("2026-11-20", usage_row())),
    CostPage: report(bucket("2026-11-20", cost_row("1"))),
    ClaudeCodePage: report(claude_code_row("2026-11-20")),
    ApiKeyPage: listing(api_key_row("apikey_01")),
    WorkspacePage: listing(workspace_row("wrkspc_01")),
    UserPage: listing({"id": "user_01", "role": "admin"}),
    ServiceAccountPage: {"data": [{"id": "svac_01", "organization_role": "admin"}], "next_page": None},
    Me: {"id": "org_01", "name": "Acme"},
}


SECRET = "hunter2"


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  JSON
    yield path
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*path, key))


secrets = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.sampled_from(["x` - at `$.data", "x - at `$`", "EUR", "'\n'", "2026-11-20T00:00:00Z"]),
).map(lambda text: f"{SECRET}{text}{SECRET}")


@pytest.mark.parametrize("kind", PAGES)
@given(data=st.data())
def test_no_value_is_ever_in_a_message(kind: type[Any], data: st.DataObject) -> None:
    body = json.loads(json.dumps(PAGES[kind]))
    path = data.draw(st.sampled_from(list(places(body))))
    secret = data.draw(secrets)
    spoiled = data.draw(st.sampled_from([secret, [secret], {secret: secret}, {secret: {secret: 1}}]))
    if path:
        node = body
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = spoiled
    else:
        body = spoiled
    with suppressed() as errors:
        decode(Reply(json.dumps(body).encode(), None), kind, "rows")
    for error in errors:
        assert error.reason is Reason.SCHEMA
        assert error.message.startswith(("Expected ", "Object missing ", "Invalid RFC3339 "))
        assert SECRET not in str(error)


@contextmanager
def suppressed() -> Iterator[list[ApiError]]:
    errors: list[ApiError] = []
    try:
        yield errors
    except ApiError as error:
        errors.append(error)


def test_a_currency_is_not_in_the_message_and_what_is_expected_is() -> None:
    page = report(bucket("2026-11-20", cost_row("1", currency=f"{SECRET}` - at `$.x`")))
    error = problem(lambda: decode(Reply(json.dumps(page).encode(), None), CostPage, "rows"))
    assert error.message == "Expected `USD` - at `$.data[0].results[0].currency`"


TIMES = ["2026-11-20T00:00:00Z", "9999-12-31T23:59:60Z", "0001-01-01T00:00:00+23:59", "2026-11-20T00:00:00+99:99"]
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.sampled_from(TIMES))
names = st.sampled_from(["id", "name", "data", "created_at", "archived_at", "created_by", "scope", "email", "has_more"])
json_values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5), max_leaves=12
)
rows = st.dictionaries(names, json_values, max_size=6).map(lambda row: {"id": "a", **row})
lists = st.lists(rows, max_size=3).map(lambda data: {"data": data, "has_more": False})


@pytest.mark.parametrize("kind", PAGES)
@given(st.one_of(json_values, rows, lists), st.binary(max_size=3), st.integers(0, 80))
def test_whatever_comes_is_an_answer_or_a_failure_of_the_schema(
    kind: type[Any], answer: object, junk: bytes, position: int
) -> None:
    body = json.dumps(answer).encode()
    for sent in (body, body[:position] + junk + body[position:], junk):
        with suppressed() as errors:
            assert isinstance(decode(Reply(sent, None), kind, "rows"), kind)
        assert all(error.reason is Reason.SCHEMA for error in errors)


@given(st.lists(st.one_of(st.integers(0, 2**63 - 1), st.floats(0, 2**63, exclude_max=True)), min_size=1, max_size=9))
def test_no_sum_of_counts_is_infinite(counts: list[float]) -> None:
    rows = [usage_row(output_tokens=count, model=str(number)) for number, count in enumerate(counts)]
    page = decode(Reply(json.dumps(report(bucket("2026-11-20", *rows))).encode(), None), UsagePage, "rows")
    found = [result.output_tokens for result in page.data[0].results]
    assert found == counts
    assert math.isfinite(sum(found))


@given(st.one_of(st.integers(), st.floats()), st.booleans())
def test_a_number_out_of_bounds_is_no_count_and_no_money(number: float, is_count: bool) -> None:
    record = claude_code_row("2026-11-20", **({} if is_count else {"model_breakdown": [estimated(number)]}))
    if is_count:
        record["tool_actions"] = {"edit_tool": {"accepted": number, "rejected": 0}}
    body = json.dumps(report(record)).encode()
    if (0 if is_count else -(2**63)) <= number < 2**63:
        decode(Reply(body, None), ClaudeCodePage, "rows")
    else:
        with pytest.raises(ApiError) as caught:
            decode(Reply(body, None), ClaudeCodePage, "rows")
        assert caught.value.reason is Reason.SCHEMA


def estimated(amount: float) -> dict[str, object]:
    tokens = {"input": 0, "output": 0, "cache_read": 0, "cache_creation": 0}
    return {"model": "m", "tokens": tokens, "estimated_cost": {"amount": amount, "currency": "USD"}}
