from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.api.endpoints import SPEED_BETA
from exporter.commands import assembly
from exporter.contract.cost import CostReading
from exporter.nowcast.books import Book
from exporter.nowcast.learning import Prices, learn
from exporter.nowcast.list_prices import ListPrices
from tests.support.answers import COST, USAGE, Row, buckets, cost_row, script, usage_row
from tests.support.exporting import Exporter, Exposed, exporting
from tests.support.scripted import Answer, ScriptedApi, Seen, error

Clock = Callable[[str], Any]
TODAY = date(2026, 11, 21)
DAYS = [str(TODAY - timedelta(days=age)) for age in range(18)]
NOWCAST, ESTIMATED = "anthropic_cost_nowcast_usd", "anthropic_cost_nowcast_estimated_usd"
WITHOUT_SPEED = "the usage report does not tell fast traffic from standard: the nowcast goes on without"
MILLION = 1_000_000
PATIENCE_SECONDS = 30.0


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock(f"{TODAY}T12:00:00Z")


def is_of_the_nowcast(seen: Seen) -> bool:
    return "inference_geo" in seen.every("group_by[]")


def run(api: ScriptedApi, act: Callable[[Exporter], Any], *flags: str) -> None:
    async def every() -> None:
        async with exporting(api.base_url, "--no-claude-code.enabled", *flags) as exporter:
            await act(exporter)

    asyncio.run(every())


def fast_and_standard() -> list[Row]:
    return [usage_row(output_tokens=MILLION, inference_geo="global", speed=speed) for speed in ("standard", "fast")]


def test_it_asks_by_all_that_a_price_may_depend_on() -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh()
        assert exporter.value(NOWCAST, days_ago="0", **DEFAULT_OPUS) == pytest.approx(60)

    with ScriptedApi() as api:
        script(
            api, usage={day: fast_and_standard() for day in DAYS}, cost={day: [cost_row("6000")] for day in DAYS[2:]}
        )
        run(api, act)
        (asked,) = filter(is_of_the_nowcast, api.seen(USAGE))
    dimensions = ["workspace_id", "model", "service_tier", "inference_geo", "speed"]
    assert (asked.every("group_by[]"), asked.headers["anthropic-beta"]) == (dimensions, SPEED_BETA)
    assert (asked.param("starting_at"), asked.param("limit")) == (f"{DAYS[-1]}T00:00:00Z", "31")


DEFAULT_OPUS = {"workspace": "default", "workspace_id": "default", "model": "claude-opus-5-5"}


def test_two_days_are_read_at_each_refresh_and_all_of_them_hourly(clock: Clock) -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh("organization")
        for time in ("12:00", "12:05", "12:59", "13:00", "13:05"):
            clock(f"{TODAY}T{time}:00Z")
            await exporter.refresh("nowcast")

    with ScriptedApi() as api:
        script(api, usage={day: fast_and_standard() for day in DAYS})
        run(api, act)
        starts = [seen.param("starting_at") for seen in filter(is_of_the_nowcast, api.seen(USAGE))]
    whole, newest = (f"{day}T00:00:00Z" for day in (DAYS[-1], DAYS[1]))
    assert starts == [whole, newest, newest, whole, newest]


@pytest.mark.parametrize("by", ["cost", "nowcast"])
def test_nobody_waits_while_prices_are_learned(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a new bill, or from days that were used otherwise: other collectors are refreshed and published."""
    begun, goes_on = threading.Event(), threading.Event()

    def slow(books: Sequence[Book], list_prices: ListPrices) -> Prices:
        begun.set()
        assert goes_on.wait(PATIENCE_SECONDS)
        return learn(books, list_prices)

    async def act(exporter: Exporter) -> None:
        await exporter.refresh()
        monkeypatch.setattr("exporter.nowcast.nowcaster.learn", slow)
        script(
            api,
            usage={day: fast_and_standard()[:1] for day in DAYS},
            cost={day: [cost_row("3000")] for day in DAYS[2:]},
        )
        later = assembly.utc_now() + timedelta(hours=2)
        learning = asyncio.create_task(exporter.job(by).refresh_once(later))
        try:
            assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await exporter.job("usage").refresh_once(later)
                await exporter.publish()
        finally:
            goes_on.set()
            await learning
        assert exporter.state(by).up

    with ScriptedApi() as api:
        script(
            api, usage={day: fast_and_standard() for day in DAYS}, cost={day: [cost_row("6000")] for day in DAYS[2:]}
        )
        run(api, act)


REFUSED = error(400, "speed: Input should be one of workspace_id, model", "invalid_request_error")


@pytest.mark.parametrize("refuses", [True, False])
def test_where_the_api_does_not_tell_speeds_it_says_so_once_and_goes_on(
    refuses: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It knows then at least context windows, which the bill has, too."""
    rows = [usage_row(output_tokens=MILLION, inference_geo="global", context_window="0-200k")]

    def answer(seen: Seen) -> Row | Answer:
        if refuses and "speed" in seen.every("group_by[]"):
            return REFUSED
        return buckets(dict.fromkeys(DAYS, rows), seen)

    async def act(exporter: Exporter) -> None:
        for _ in range(3):
            await exporter.refresh()
        assert exporter.state("nowcast").up
        assert exporter.value(NOWCAST, days_ago="0", **DEFAULT_OPUS) == pytest.approx(30)

    with ScriptedApi() as api:
        script(api, cost={day: [cost_row("3000")] for day in DAYS[2:]})
        api.on(USAGE, answer)
        run(api, act)
        asked = [seen.every("group_by[]")[-1] for seen in filter(is_of_the_nowcast, api.seen(USAGE))]
    assert asked == ["speed", *["context_window"] * 3]
    assert capsys.readouterr().out.count(WITHOUT_SPEED) == 1


def test_other_refusals_are_failures() -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh()
        assert exporter.state("nowcast").failure

    with ScriptedApi() as api:
        script(api)
        api.on(USAGE, lambda seen: error(400, "no") if is_of_the_nowcast(seen) else buckets({}, seen))
        run(api, act)


def test_it_is_not_available_where_the_cost_report_is_not_served() -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh()
        await exporter.refresh("nowcast")
        state = exporter.state("nowcast")
        assert (state.available, [each.endpoint for each in state.unserved]) == (False, ["cost_report"])
        assert not [name for name in exporter.exposed if "nowcast" in name or "price" in name]

    with ScriptedApi() as api:
        script(api, usage={DAYS[0]: fast_and_standard()})
        api.on(COST, error(403, "no", "permission_error"))
        run(api, act)


@pytest.mark.parametrize("off", ["nowcast", "usage", "cost"])
def test_there_is_none_without_usage_or_cost_or_where_it_is_switched_off(off: str) -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh()
        assert 'collector="nowcast"' not in exporter.text

    with ScriptedApi() as api:
        script(api)
        run(api, act, f"--no-{off}.enabled")
        assert not list(filter(is_of_the_nowcast, api.seen(USAGE)))


def test_it_has_no_source_of_its_own() -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh()
        assert {dict(key)["collector"] for key in exporter.exposed["anthropic_exporter_collector_info"]} == {
            *("cost", "usage", "organization", "members", "limits"),
        }

    with ScriptedApi() as api:
        script(api)
        run(api, act)


# What the API may publish, revise or withhold

workspaces = st.sampled_from([None, "wrkspc_01", "wrkspc_02"])
models = st.sampled_from(["claude-opus-5-5", "claude-sonnet-5-5", "claude-next-1"])
usage_rows = st.builds(
    lambda workspace, model, tier, speed, output, searches: usage_row(
        workspace_id=workspace,
        model=model,
        service_tier=tier,
        inference_geo="global",
        speed=speed,
        output_tokens=output,
        server_tool_use={"web_search_requests": searches},
    ),
    workspaces,
    models,
    st.sampled_from(["standard", "batch", "priority", "flex"]),
    st.sampled_from(["standard", "fast"]),
    st.integers(0, 10 * MILLION),
    st.integers(0, 1000),
)
cost_rows = st.builds(
    lambda workspace, model, kind, tier, cents: cost_row(
        str(cents),
        workspace_id=workspace,
        model=None if kind != "tokens" else model,
        cost_type=kind,
        token_type="output_tokens" if kind == "tokens" else None,
        service_tier=tier if kind == "tokens" else None,
        inference_geo="global" if kind == "tokens" else None,
        description=f"{kind} {model} {tier}",
    ),
    workspaces,
    models,
    st.sampled_from(["tokens", "tokens", "web_search", "code_execution", "session_usage"]),
    st.sampled_from(["standard", "batch"]),
    st.decimals(0, 20_000, places=4),
)


def by_dimensions(row: Row) -> tuple[object, ...]:
    names = ("workspace_id", "model", "service_tier", "speed", "cost_type", "description")
    return tuple(row.get(name) for name in names)


def reports(rows: st.SearchStrategy[Row]) -> st.SearchStrategy[dict[str, list[Row]]]:
    days = st.sampled_from(DAYS[:12])
    return st.dictionaries(days, st.lists(rows, max_size=5, unique_by=by_dimensions), max_size=8)


Version = tuple[dict[str, list[Row]], dict[str, list[Row]]]
versions = st.lists(st.tuples(reports(usage_rows), reports(cost_rows)), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions, st.permutations(["cost", "nowcast"]))
def test_no_day_is_below_its_bill_none_counts_twice_and_no_complete_day_is_estimated(
    published: list[Version], order: list[str]
) -> None:
    now: Version = ({}, {})

    async def act(exporter: Exporter) -> None:
        nonlocal now
        await exporter.refresh("organization")
        for version in published:
            now = version
            for collector in order:
                await exporter.refresh(collector)
                if exporter.state("cost").last_success and exporter.state("nowcast").last_success:
                    judge(exporter)

    with ScriptedApi() as api:
        script(api)
        api.on(USAGE, lambda seen: buckets(now[0], seen))
        api.on(COST, lambda seen: buckets(now[1], seen))
        run(api, act)


def judge(exporter: Exporter) -> None:
    found = exporter.exposed
    reading: CostReading | None = exporter.job("cost").reading
    assert reading
    billed, shown, estimated = (by_cell(found, name) for name in ("anthropic_cost_usd", NOWCAST, ESTIMATED))
    for cell, usd in billed.items():
        assert usd <= shown.get(cell, Fraction(0)) + Fraction(1, 10**9), cell
    for cell, usd in shown.items():
        age, *_ = cell
        share = estimated.get(cell, Fraction(0))
        assert abs(usd - share - billed.get(cell, Fraction(0))) < Fraction(1, 10**8), cell
        assert float(share) >= 0
        if reading.is_complete(TODAY - timedelta(days=int(age))):
            assert share == 0
    month = [usd for (age, *_), usd in shown.items() if int(age) < TODAY.day]
    to_date = [Fraction(repr(value)) for value in found.get("anthropic_cost_nowcast_month_to_date_usd", {}).values()]
    assert abs(sum(month, Fraction(0)) - sum(to_date, Fraction(0))) < Fraction(1, 10**6)


def by_cell(found: Exposed, name: str) -> dict[tuple[str, str, str], Fraction]:
    """By days ago, workspace and model: exact sums of what is written."""
    sums: dict[tuple[str, str, str], Fraction] = {}
    for key, value in found.get(name, {}).items():
        values = dict(key)
        cell = (values["days_ago"], values["workspace_id"], values["model"])
        sums[cell] = sums.get(cell, Fraction(0)) + Fraction(repr(value))
    return sums
