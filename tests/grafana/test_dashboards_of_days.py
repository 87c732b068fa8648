"""Usage and Claude Code against what the organization did: each day on its date, and against the week before."""

from __future__ import annotations

import math
from datetime import datetime

import pytest

from tests.support.grafana.panels import ACME_ALONE, QUERIES, Query, Scraped, answer, numbers, sum_of

USAGE, CODE = "anthropic-usage", "anthropic-claude-code"
DAYS, COMPARED = 10, 8
BARS = {
    (USAGE, "Tokens of each day by ${by:text}"): "anthropic_usage_tokens",
    (CODE, "Developers of each day"): "anthropic_claude_code_active_actors",
    (CODE, "Sessions of each day"): "anthropic_claude_code_sessions",
    (CODE, "Estimated cost of each day"): "anthropic_claude_code_estimated_cost_usd",
}


def of_panel(dashboard: str, panel: str) -> list[Query]:
    return [one for one in QUERIES if (one.dashboard, one.panel) == (dashboard, panel)]


@pytest.mark.parametrize("by", ["model", "token_type", "workspace"])
@pytest.mark.parametrize("bars", BARS, ids=" ".join)
def test_the_bars_of_a_date_are_that_day_by_whatever_they_are_stacked(
    scraped: Scraped,
    bars: tuple[str, str],
    by: str,
) -> None:
    (one,) = of_panel(*bars)
    by_date: dict[str, float] = {}
    for sample in answer(scraped, one, by=by, **ACME_ALONE):
        date = sample["metric"]["date"]
        day = "Today" if date == scraped.now.date().isoformat() else f"{datetime.fromisoformat(date):%a %m-%d}"
        assert sample["metric"]["day"] == day
        by_date[date] = by_date.get(date, 0) + float(sample["value"][1])
    truth = [sum_of(scraped.truth, BARS[bars], {"days_ago": str(age)}) for age in reversed(range(DAYS))]
    assert [total for _, total in sorted(by_date.items()) if total] == pytest.approx([day for day in truth if day])


def code(scraped: Scraped, name: str, age: int, **labels: str) -> float:
    return sum_of(scraped.truth, f"anthropic_claude_code_{name}", {"days_ago": str(age), **labels})


def of_code(scraped: Scraped, *ages: int) -> dict[str, float]:
    """What the first row tells of these days."""

    def over_days(name: str, **labels: str) -> float:
        return sum(code(scraped, name, age, **labels) for age in ages)

    return {
        "Active developers": max(code(scraped, "active_actors", age) for age in ages),
        "Sessions": over_days("sessions"),
        "Estimated cost": over_days("estimated_cost_usd"),
        "Cost per developer": over_days("estimated_cost_usd") / over_days("active_actors"),
        "Tool acceptance": over_days("tool_actions", decision="accepted") / over_days("tool_actions"),
    }


def test_yesterday_is_compared_with_the_same_weekday_at_the_first_scrape(scraped: Scraped) -> None:
    found = {panel: numbers(scraped, CODE, panel) for panel in of_code(scraped, 1)}
    assert {panel: now for panel, (now, _) in found.items()} == pytest.approx(of_code(scraped, 1))
    assert {panel: before for panel, (_, before) in found.items()} == pytest.approx(of_code(scraped, COMPARED))
    tokens = [sum_of(scraped.truth, "anthropic_usage_tokens", {"days_ago": str(age)}) for age in (1, COMPARED)]
    assert numbers(scraped, USAGE, "Tokens yesterday") == pytest.approx(tokens)


def test_days_without_a_week_before_are_compared_with_nothing(scraped: Scraped) -> None:
    found = {panel: numbers(scraped, CODE, panel, days="[1-7]") for panel in of_code(scraped, 1)}
    assert {panel: now for panel, (now, _) in found.items()} == pytest.approx(of_code(scraped, *range(1, 8)))
    assert all(math.isinf(before) for _, before in found.values())


@pytest.mark.parametrize("table", ["Models", "Workspaces"])
def test_tables_have_all_tokens_of_prompts_and_output(scraped: Scraped, table: str) -> None:
    def tokens(**labels: str) -> float:
        return sum_of(scraped.truth, "anthropic_usage_tokens", {"days_ago": "1", **labels})

    columns = [
        sum(float(sample["value"][1]) for sample in answer(scraped, one, **ACME_ALONE))
        for one in of_panel(USAGE, table)[:3]
    ]
    output = tokens(token_type="output")
    assert columns == pytest.approx([tokens(), tokens() - output, output])


def test_shares_of_the_service_tiers_are_of_all_tokens(scraped: Scraped) -> None:
    def tokens(**labels: str) -> float:
        return sum_of(scraped.truth, "anthropic_usage_tokens", {"days_ago": "1", **labels})

    (one,) = of_panel(USAGE, "Tokens by service tier")
    shares = {
        sample["metric"]["service_tier"]: float(sample["value"][1]) for sample in answer(scraped, one, **ACME_ALONE)
    }
    assert "batch" in shares
    assert shares == pytest.approx({tier: tokens(service_tier=tier) / tokens() for tier in shares})
    assert sum(shares.values()) == pytest.approx(1)
