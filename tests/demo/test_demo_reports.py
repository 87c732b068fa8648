from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.demo.api.asgi import AdminApi
from exporter.demo.simulation.organization import SimulatedOrganization, midnight
from exporter.demo.simulation.usage import UsageRow

Params = list[tuple[str, Any]]
Pages = Callable[..., list[list[Any]]]
Connect = Callable[..., AbstractContextManager[httpx.Client]]

USAGE, COST, CLAUDE_CODE = "/usage_report/messages", "/cost_report", "/usage_report/claude_code"
KEY = "sk-ant-admin01-demo"
DAY = timedelta(days=1)
FAST_MODE = {"anthropic-beta": "other-beta, fast-mode-2026-02-01"}
DIMENSIONS = (
    "account_id",
    "api_key_id",
    "context_window",
    "inference_geo",
    "model",
    "service_account_id",
    "service_tier",
    "speed",
    "workspace_id",
)
over_one_server = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def group_by(*names: str) -> Params:
    return [("group_by[]", name) for name in names]


def since(day: date) -> Params:
    return [("starting_at", f"{day}T00:00:00Z")]


def usage_numbers(result: dict[str, Any]) -> tuple[int, ...]:
    return (
        result["uncached_input_tokens"],
        result["output_tokens"],
        result["cache_read_input_tokens"],
        result["cache_creation"]["ephemeral_5m_input_tokens"],
        result["cache_creation"]["ephemeral_1h_input_tokens"],
        result["server_tool_use"]["web_search_requests"],
    )


def total(rows: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True)))


def results(pages: list[list[Any]]) -> list[Any]:
    return [result for page in pages for bucket in page for result in bucket["results"]]


def expected_usage(
    organization: SimulatedOrganization, day: date, at: datetime, groups: tuple[str, ...]
) -> Counter[Any]:
    sums: Counter[Any] = Counter()
    for row in organization.usage_rows(day, at):
        for position, number in enumerate(row.numbers):
            sums[*(getattr(row, group) for group in groups), position] += number
    return sums


@over_one_server
@given(
    groups=st.lists(st.sampled_from(DIMENSIONS), max_size=5, unique=True),
    width=st.sampled_from(["1d", "1h"]),
    limit=st.integers(1, 24),
)
def test_usage_sums_to_the_organizations_rows(
    client: httpx.Client,
    pages: Pages,
    organization: SimulatedOrganization,
    now: datetime,
    groups: list[str],
    width: str,
    limit: int,
) -> None:
    params = [*since(now.date()), ("bucket_width", width), ("limit", str(limit)), *group_by(*groups)]
    sums: Counter[Any] = Counter()
    for result in results(pages(client, USAGE, params, **FAST_MODE)):
        for position, number in enumerate(usage_numbers(result)):
            sums[*(result[group] for group in groups), position] += number
    assert sums == expected_usage(organization, now.date(), now - timedelta(minutes=5), tuple(groups))


def test_minutes_add_up_to_their_hour(client: httpx.Client, pages: Pages) -> None:
    hour = [("starting_at", "2026-11-20T10:00:00Z"), ("ending_at", "2026-11-20T11:00:00Z")]
    minutes = results(pages(client, USAGE, [*hour, ("bucket_width", "1m"), ("limit", "7")]))
    (whole,) = results(pages(client, USAGE, [*hour, ("bucket_width", "1h")]))
    assert total([usage_numbers(result) for result in minutes]) == usage_numbers(whole)


def test_fields_not_grouped_by_are_null_and_speed_is_absent(client: httpx.Client, now: datetime) -> None:
    body = client.get(USAGE, params=httpx.QueryParams([*since(now.date()), *group_by("model")])).json()
    first = body["data"][0]["results"][0]
    assert first["model"].startswith("claude-")
    assert all(first[name] is None for name in DIMENSIONS if name not in {"model", "speed"})
    assert "speed" not in first


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("models[]", "model", "claude-opus-5-5"),
        ("service_tiers[]", "service_tier", "batch"),
        ("context_window[]", "context_window", "200k-1M"),
    ],
)
def test_filters_keep_only_what_matches(
    client: httpx.Client, organization: SimulatedOrganization, now: datetime, name: str, field: str, value: str
) -> None:
    params: Params = [*since(now.date()), (name, value)]
    (result,) = client.get(USAGE, params=httpx.QueryParams(params)).json()["data"][0]["results"]
    rows: list[UsageRow] = organization.usage_rows(now.date(), now - timedelta(minutes=5))
    assert usage_numbers(result) == total([row.numbers for row in rows if getattr(row, field) == value])


def test_every_interval_has_a_bucket_oldest_first_even_if_empty(client: httpx.Client) -> None:
    params = {"starting_at": "2026-01-01T13:45:00+01:00", "limit": "6"}
    body = client.get(USAGE, params=params).json()
    assert [bucket["starting_at"] for bucket in body["data"]] == [f"2026-01-0{day}T00:00:00Z" for day in range(1, 7)]
    assert [bool(bucket["results"]) for bucket in body["data"]] == [False] * 4 + [True] * 2
    assert body["has_more"] is True


@pytest.mark.parametrize(("width", "last"), [("1d", "00:00:00"), ("1h", "15:00:00"), ("1m", "15:30:00")])
def test_no_bucket_begins_after_now(client: httpx.Client, width: str, last: str) -> None:
    params = {"starting_at": f"2026-11-20T{last}Z", "bucket_width": width, "ending_at": "2027-01-01T00:00:00Z"}
    (bucket,) = client.get(USAGE, params=params).json()["data"]
    assert bucket["starting_at"] == f"2026-11-20T{last}Z"


@pytest.mark.parametrize(("width", "default", "most"), [("1d", 7, 31), ("1h", 24, 168), ("1m", 60, 1440)])
def test_a_page_holds_the_default_or_at_most_the_maximum_of_buckets(
    client: httpx.Client, width: str, default: int, most: int
) -> None:
    params = {"starting_at": "2026-03-01T00:00:00Z", "bucket_width": width, "models[]": "none"}
    assert len(client.get(USAGE, params=params).json()["data"]) == default
    assert len(client.get(USAGE, params={**params, "limit": str(most)}).json()["data"]) == most
    assert client.get(USAGE, params={**params, "limit": str(most + 1)}).status_code == 400


@over_one_server
@given(
    groups=st.lists(st.sampled_from(["workspace_id", "description"]), unique=True),
    limit=st.integers(1, 5),
)
def test_cost_sums_to_the_organizations_rows(
    client: httpx.Client,
    pages: Pages,
    organization: SimulatedOrganization,
    now: datetime,
    groups: list[str],
    limit: int,
) -> None:
    first = now.date() - 4 * DAY
    found = results(pages(client, COST, [*since(first), ("limit", str(limit)), *group_by(*groups)]))
    sums: defaultdict[Any, Decimal] = defaultdict(Decimal)
    for result in found:
        sums[tuple(result[group] for group in groups)] += Decimal(result["amount"])
    expected: defaultdict[Any, Decimal] = defaultdict(Decimal)
    for day in (first + n * DAY for n in range(5)):
        for row in organization.cost_rows(day, now):
            expected[tuple(getattr(row.key, group) for group in groups)] += row.amount
    assert sums == expected


def test_cost_details_are_null_unless_grouped_by_description(client: httpx.Client, now: datetime) -> None:
    details = ("description", "cost_type", "token_type", "model", "service_tier", "context_window", "inference_geo")
    params = since(now.date() - DAY)
    (plain,) = client.get(COST, params=httpx.QueryParams(params)).json()["data"][0]["results"]
    assert all(plain[name] is None for name in (*details, "workspace_id"))
    assert (plain["currency"], type(plain["amount"])) == ("USD", str)
    described = client.get(COST, params=httpx.QueryParams([*params, *group_by("description")])).json()
    tokens = [result for result in described["data"][0]["results"] if result["cost_type"] == "tokens"]
    assert all(result[name] for result in tokens for name in details)
    searches = [result for result in described["data"][0]["results"] if result["cost_type"] == "web_search"]
    assert [result["model"] for result in searches] == [None]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-20T00:00:00Z", None),
        ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
        ("2026-11-19T00:00:00Z", "2026-11-19T23:59:59Z"),
        ("2026-11-10T00:00:00Z", "2026-11-19T23:59:59Z"),
        ("2026-11-19T00:00:00Z", "2026-11-19T00:00:00Z"),
        ("2026-11-19T00:00:00Z", "2026-11-18T00:00:00Z"),
    ],
)
def test_cost_refuses_ranges_without_a_complete_day(client: httpx.Client, start: str, end: str | None) -> None:
    response = client.get(COST, params={"starting_at": start, **({"ending_at": end} if end else {})})
    assert response.status_code == 400
    assert response.headers["x-should-retry"] == "false"
    assert response.json()["error"]["message"] == "Invalid date range: ending date must be after starting date"


def test_cost_of_yesterday_is_partial_and_of_today_unknown(
    client: httpx.Client, organization: SimulatedOrganization, now: datetime
) -> None:
    body = client.get(COST, params=httpx.QueryParams(since(now.date() - 2 * DAY))).json()
    assert [bucket["starting_at"][:10] for bucket in body["data"]] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    before, yesterday, today = (bucket["results"] for bucket in body["data"])
    final = {
        day: sum(row.amount for row in organization.final_cost_rows(day, now))
        for day in (now.date() - 2 * DAY, now.date() - DAY)
    }
    assert Decimal(before[0]["amount"]) == pytest.approx(final[now.date() - 2 * DAY], rel=Decimal("0.01"))
    assert 0 < Decimal(yesterday[0]["amount"]) < final[now.date() - DAY] * Decimal("0.95")
    assert today == []


def test_cost_lag_comes_on_top_of_the_bill_s_own(connect: Connect) -> None:
    late = datetime(2026, 11, 20, 20, tzinfo=UTC)
    counts = []
    for lag in (timedelta(0), timedelta(hours=30)):
        api = AdminApi(SimulatedOrganization(), key=KEY, now=lambda: late, cost_lag=lag)
        with connect(api) as client:
            body = client.get(COST, params={"starting_at": "2026-11-18T00:00:00Z"}).json()
        counts.append([len(bucket["results"]) for bucket in body["data"]])
    assert counts == [[1, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("path", [USAGE, CLAUDE_CODE])
def test_what_is_younger_than_the_lag_is_invisible(connect: Connect, path: str) -> None:
    early = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    lag = timedelta(hours=9)
    api = AdminApi(SimulatedOrganization(), key=KEY, now=lambda: early, usage_lag=lag, claude_code_lag=lag)
    start = "2026-11-20" if path == CLAUDE_CODE else "2026-11-20T00:00:00Z"
    with connect(api) as client:
        data = client.get(path, params={"starting_at": start}).json()["data"]
    assert not any(bucket["results"] for bucket in data)


def test_without_growth_numbers_do_not_move_during_the_day(connect: Connect) -> None:
    clock = [datetime(2026, 11, 20, 2, tzinfo=UTC)]
    api = AdminApi(SimulatedOrganization(growth=False), key=KEY, now=lambda: clock[0])
    wanted = {USAGE: "2026-11-19T00:00:00Z", COST: "2026-11-19T00:00:00Z", CLAUDE_CODE: "2026-11-20"}
    with connect(api) as client:
        morning = [client.get(path, params={"starting_at": start}).json()["data"] for path, start in wanted.items()]
        clock[0] += timedelta(hours=20)
        evening = [client.get(path, params={"starting_at": start}).json()["data"] for path, start in wanted.items()]
    assert morning == evening


@over_one_server
@given(limit=st.integers(1, 60))
def test_claude_code_pages_hold_the_organizations_records(
    client: httpx.Client, pages: Pages, organization: SimulatedOrganization, now: datetime, limit: int
) -> None:
    found = pages(client, CLAUDE_CODE, [("starting_at", str(now.date())), ("limit", str(limit))])
    assert all(len(page) == limit for page in found[:-1])
    records = [record for page in found for record in page]
    expected = organization.claude_code_rows(now.date(), now - timedelta(hours=1))
    assert [record["core_metrics"]["num_sessions"] for record in records] == [
        record.core_metrics.num_sessions for record in expected
    ]


def test_a_claude_code_record_has_the_documented_shape(
    client: httpx.Client, organization: SimulatedOrganization
) -> None:
    body = client.get(CLAUDE_CODE, params={"starting_at": "2026-11-19"}).json()
    record = body["data"][0]
    assert (len(body["data"]), body["has_more"]) == (20, True)
    assert record["date"] == "2026-11-19T00:00:00Z"
    assert record["actor"].keys() == {"type", "email_address"}
    assert record["organization_id"] == organization.me.id
    assert record["core_metrics"]["lines_of_code"].keys() == {"added", "removed"}
    assert record["tool_actions"]["edit_tool"].keys() == {"accepted", "rejected"}
    assert record["model_breakdown"][0]["tokens"].keys() == {"input", "output", "cache_read", "cache_creation"}
    assert record["model_breakdown"][0]["estimated_cost"]["currency"] == "USD"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (USAGE, {"starting_at": "2026-11-20T00:00:00Z", "bucket_width": "1m", "group_by[]": "model"}),
        (CLAUDE_CODE, {"starting_at": "2026-11-20", "limit": "5"}),
    ],
)
def test_a_paging_session_keeps_its_data_boundary(connect: Connect, path: str, params: dict[str, str]) -> None:
    noon = midnight(date(2026, 11, 20)) + timedelta(hours=12)
    clock = [noon]
    with connect(AdminApi(SimulatedOrganization(), key=KEY, now=lambda: clock[0])) as client:
        token = client.get(path, params=params).json()["next_page"]
        before = client.get(path, params={**params, "page": token}).json()
        clock[0] = noon + timedelta(hours=4)
        assert client.get(path, params={**params, "page": token}).json() == before
        assert client.get(path, params={**params}).json()["next_page"] != token
