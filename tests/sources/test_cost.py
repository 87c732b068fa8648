from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.answers import COST, Row, buckets, cost_row, script
from tests.support.exporting import Exporter, exporting, labels
from tests.support.scripted import ScriptedApi, Seen, error

Clock = Callable[[str], Any]
COST_USD = "anthropic_cost_usd"
MONTH_TO_DATE = "anthropic_cost_month_to_date_usd"
PREVIOUS_MONTH = "anthropic_cost_previous_month_usd"
DEFAULT = {"workspace": "default", "workspace_id": "default"}


def with_exporter(rows: dict[str, list[Row]], act: Callable[[Exporter], Any], *flags: str) -> ScriptedApi:
    async def run(base_url: str) -> None:
        async with exporting(base_url, *flags) as exporter:
            await exporter.refresh("organization")
            await act(exporter)

    with ScriptedApi() as api:
        script(api, cost=rows)
        asyncio.run(run(api.base_url))
        return api


def each_day(first: str, last: str, amount: str) -> dict[str, list[Row]]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    days = [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]
    return {day: [cost_row(amount)] for day in days}


def ages(exporter: Exporter) -> set[str]:
    return {dict(key)["days_ago"] for key in exporter.exposed.get(COST_USD, {})}


def test_cents_with_many_decimals_become_exact_dollars(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")
    amounts = ("512.0934", "0.1", "0.2", "1.2E-7")
    rows = [cost_row(amount, description=f"part {n}") for n, amount in enumerate(amounts)]

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        (value,) = (v for key, v in exporter.exposed[COST_USD].items() if ("days_ago", "1") in key)
        assert value == float(Decimal("512.39340012") / 100)

    with_exporter({"2026-11-20": rows}, act)


def test_other_labels_and_null_dimensions(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")
    search = cost_row(
        "42", cost_type="web_search", token_type=None, model=None, service_tier=None, workspace_id="wrkspc_01"
    )
    written = cost_row("7", token_type="cache_creation.ephemeral_5m_input_tokens", service_tier="batch")
    novel = cost_row("9", cost_type="dreams", token_type="dream_tokens")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        found = exporter.exposed[COST_USD]
        base = {"days_ago": "0", "model": "claude-opus-5-5", "service_tier": "standard", **DEFAULT}
        none = {"model": "none", "token_type": "none", "service_tier": "none"}
        research = {"workspace": "Research", "workspace_id": "wrkspc_01"}
        assert found == {
            labels(**base | none | research | {"cost_type": "web_search"}): 0.42,
            labels(**base | {"cost_type": "tokens", "token_type": "cache_write_5m", "service_tier": "batch"}): 0.07,
            labels(**base | {"cost_type": "dreams", "token_type": "dream_tokens"}): 0.09,
        }

    with_exporter({"2026-11-21": [search, written, novel]}, act, "--cost.days", "1")


def test_a_day_without_rows_is_reported_once_a_later_one_has_a_row(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        assert ages(exporter) == {"2", "3", "4"}
        value = exporter.exposed[COST_USD]
        assert sorted(v for key, v in value.items() if ("days_ago", "3") in key) == [0]

    with_exporter({"2026-11-19": [cost_row("5")]}, act, "--cost.days", "5")


def test_a_day_without_rows_is_reported_72_hours_after_its_end(clock: Clock) -> None:
    rows = {"2026-11-10": [cost_row("5")]}

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        assert "3" not in ages(exporter)
        clock("2026-11-21T00:00:00Z")
        await exporter.refresh("cost")
        assert "4" in ages(exporter)
        assert "3" not in ages(exporter)

    clock("2026-11-20T23:59:00Z")
    with_exporter(rows, act)


def test_it_never_asks_for_a_window_without_a_complete_day(clock: Clock) -> None:
    clock("2026-11-01T00:00:05Z")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        await exporter.refresh("cost")

    api = with_exporter({}, act, "--cost.days", "1")
    first, second = api.seen(COST)
    assert (first.param("starting_at"), first.param("ending_at")) == ("2026-10-01T00:00:00Z", "2026-11-02T00:00:00Z")
    assert (second.param("starting_at"), second.param("ending_at")) == ("2026-10-29T00:00:00Z", "2026-11-02T00:00:00Z")
    assert first.every("group_by[]") == ["workspace_id", "description"]
    assert first.param("limit") == "31"


def test_days_before_the_window_are_read_again_hourly(clock: Clock) -> None:
    async def act(exporter: Exporter) -> None:
        for instant in ("12:00:00", "12:15:00", "12:59:59", "13:00:00", "13:15:00", "12:30:00"):
            clock(f"2026-11-21T{instant}Z")
            await exporter.refresh("cost")

    api = with_exporter({}, act)
    starts = [(seen.param("starting_at") or "")[:10] for seen in api.seen(COST)]
    assert starts == ["2026-10-01", "2026-10-22", "2026-10-22", "2026-10-01", "2026-10-22", "2026-10-01"]


def test_months_use_all_their_days_whatever_the_window(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")

    async def act(exporter: Exporter) -> None:
        for _ in range(2):
            await exporter.refresh("cost")
            assert exporter.value(MONTH_TO_DATE, **DEFAULT) == 20
            assert exporter.value(PREVIOUS_MONTH, **DEFAULT) == 31
            assert ages(exporter) == {"1"}

    with_exporter(each_day("2026-09-01", "2026-11-20", "100"), act, "--cost.days", "2")


def test_months_roll_at_midnight_without_a_refresh(clock: Clock) -> None:
    rows = each_day("2028-01-01", "2028-02-29", "100")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        assert exporter.value(MONTH_TO_DATE, **DEFAULT) == 29
        assert exporter.value(PREVIOUS_MONTH, **DEFAULT) == 31
        clock("2028-03-01T00:00:00Z")
        await exporter.roll()
        assert exporter.value(MONTH_TO_DATE, **DEFAULT) is None
        assert exporter.value(PREVIOUS_MONTH, **DEFAULT) == 29
        assert "0" not in ages(exporter)
        clock("2028-02-29T23:59:58Z")
        await exporter.roll()
        assert exporter.value(MONTH_TO_DATE, **DEFAULT) == 29

    clock("2028-02-29T23:59:59Z")
    with_exporter(rows, act)


def test_the_previous_month_is_unknown_while_a_day_of_it_is(clock: Clock) -> None:
    clock("2026-11-01T06:00:00Z")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        assert exporter.value(PREVIOUS_MONTH, **DEFAULT) is None
        assert exporter.value(MONTH_TO_DATE, **DEFAULT) is None

    with_exporter(each_day("2026-10-01", "2026-10-30", "100"), act)


def test_data_through_is_the_end_of_the_newest_day_with_a_row(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        through = exporter.state("cost").data_through
        assert through
        assert through.isoformat() == "2026-11-16T00:00:00+00:00", (
            "that the days after it are reported is our reckoning"
        )

    with_exporter({"2026-11-15": [cost_row("5")]}, act)


def test_without_a_row_there_is_no_data_through(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        assert exporter.state("cost").up
        through = "anthropic_exporter_collector_data_through_timestamp_seconds"
        assert exporter.value(through, collector="cost") is None

    with_exporter({}, act)
    with_exporter({"2026-01-15": [cost_row("5")]}, act)


def test_credits_may_be_negative(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("cost")
        assert exporter.value(MONTH_TO_DATE, **DEFAULT) == -1.5

    with_exporter({"2026-11-20": [cost_row("100"), cost_row("-250", description="Credit")]}, act)


def test_text_of_a_foreign_currency_is_not_logged(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")

    async def act(exporter: Exporter) -> None:
        with capture_logs() as lines:
            await exporter.refresh("cost")
        assert "ada@example.com" not in str(lines)
        (failed,) = [line for line in lines if line["log_level"] == "error"]
        assert "Expected `USD`" in failed["message"]

    with_exporter({"2026-11-20": [cost_row("5", currency="EUR, says ada@example.com")]}, act)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        (cost_row("5", currency="EUR"), "currency"),
        (cost_row("NaN"), "amount"),
        (cost_row("Infinity"), "amount"),
        (cost_row("1_000"), "amount"),
        (cost_row("") | {"amount": 5}, "amount"),
        ({k: v for k, v in cost_row("5").items() if k != "amount"}, "amount"),
    ],
)
def test_money_that_is_not_a_number_of_dollars_fails_the_refresh_and_names_the_field(
    clock: Clock, row: Row, names: str
) -> None:
    clock("2026-11-21T12:00:00Z")

    async def act(exporter: Exporter) -> None:
        with capture_logs() as lines:
            await exporter.refresh("cost")
        (failed,) = [line for line in lines if line["log_level"] == "error"]
        assert names in failed["message"]
        assert exporter.value("anthropic_exporter_collector_failing", collector="cost", reason="schema") == 1
        assert exporter.value("anthropic_exporter_collector_up", collector="cost") == 0
        assert COST_USD not in exporter.exposed

    with_exporter({"2026-11-20": [row]}, act)


def test_a_report_that_refuses_the_current_day_is_asked_for_the_complete_ones(clock: Clock) -> None:
    clock("2026-11-21T00:10:00Z")
    rows = {"2026-11-20": [cost_row("100")]}

    def closed_windows_only(seen: Seen) -> object:
        if (seen.param("ending_at") or "") > "2026-11-21T00:00:00Z":
            return error(400, "Invalid date range: ending date must be after starting date", x_should_retry="false")
        return buckets(rows, seen)

    async def run(base_url: str) -> None:
        async with exporting(base_url, "--cost.days", "2") as exporter:
            await exporter.refresh("organization", "cost")
            assert ages(exporter) == {"1"}
            assert exporter.value(MONTH_TO_DATE, **DEFAULT) == 1

    with ScriptedApi() as api:
        script(api)
        api.on(COST, closed_windows_only)
        asyncio.run(run(api.base_url))
