"""The page's numbers are those of the dashboards, as Prometheus works them out from the same moment's metrics."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from grafana.dashboards import month
from grafana.dashboards.claude_code_queries import acceptance, developers, sum_of
from grafana.dashboards.promql import day
from tests.support.exporting import KEY, exporting
from tests.support.grafana.panels import QUERIES, filled_in
from tests.support.grafana.rules import disagreement_of_queries

Json = dict[str, Any]
NOW = timedelta()
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
SCRAPED = 'job="anthropic",instance="localhost:9817"'
DAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "in the middle of a month": ("2026-11-21T09:41:00Z", {}),
    "on the first of a month": ("2026-11-01T15:00:00Z", {}),
    "on the second, before the first is reported": ("2026-11-02T05:00:00Z", {"cost_lag": timedelta(hours=30)}),
    "two days late": ("2026-11-20T23:59:59Z", {"cost_lag": timedelta(hours=47)}),
    "at the end of a year": ("2026-12-31T23:00:00Z", {"cost_lag": timedelta(hours=26)}),
    "on a leap day": ("2028-02-29T12:00:00Z", {}),
}


@pytest.mark.parametrize(("instant", "lags"), DAYS.values(), ids=DAYS)
@pytest.mark.parametrize("flags", [(), ("--cost.days=8",), ("--cost.days=2", "--claude-code.days=1")], ids=" ".join)
def test_they_are_those_of_the_dashboards(
    clock: Callable[[str], object],
    program: Callable[[str], str],
    tmp_path: Path,
    instant: str,
    lags: dict[str, Any],
    flags: tuple[str, ...],
) -> None:
    clock(instant)
    organization = SimulatedOrganization(seed=3, actors=12, workspaces=5, spike=True)

    async def read(base_url: str) -> tuple[str, Json]:
        async with exporting(base_url, *flags) as exporter:
            await exporter.refresh()
            return exporter.text, json.loads(exporter.parts.board.answers.json.plain)["organizations"][0]

    with running(AdminApi(organization, key=KEY, **lags)) as base_url:
        text, told = asyncio.run(read(base_url))
    answers = {(f"round({filled_in(expr)}, 0.01) < Inf", NOW): found for expr, found in _expected(told).items()}
    words = disagreement_of_queries(program("promtool"), tmp_path, list(_series(text)), answers)
    assert not words, words


def _expected(told: Json) -> dict[str, dict[str, float]]:
    """Samples by labels, to the cent; none where the page says that it does not know."""
    spend, code = told["spend"], told["claude_code"] or {"newest": None, "week_before": None}
    expected = {
        month.to_date(): _of({"{}": spend["month_to_date_usd"]}),
        month.projected_end(): _of({"{}": spend["projected_usd"]}),
        month.end_at_the_newest_day_s_pace(): _of({"{}": spend["pace_usd"]}),
        month.before(): _of({"{}": spend["previous_month_usd"]}),
        month.known_to_date(): _of({"{}": spend["nowcast"]["month_to_date_usd"]}),
        _panel("Newest day"): _of({'{row="1"}': spend["newest_usd"], '{row="0"}': spend["week_before_usd"]}),
        _panel("Today so far"): _of({"{}": spend["nowcast"]["today_usd"]}),
        _panel("Estimated"): _of({"{}": spend["nowcast"]["today_estimated_usd"]}),
        _panel("Can I trust this? Last week's error"): _of({"{}": spend["nowcast"]["error_ratio"]}),
        _panel("Tokens without a price, today"): _of({"{}": spend["nowcast"]["today_unpriced_tokens"]}),
        'sum by (days_ago) (anthropic_cost_nowcast_estimated_usd{job=~"$job"}) > 0': _of(
            {
                f'{{days_ago="{age}"}}': each["estimated_usd"]
                for age, each in enumerate(reversed(spend["days"]))
                if each["estimated_usd"]
            }
        ),
        'sum by (days_ago) (anthropic_cost_usd{job=~"$job"})': _of(
            {f'{{days_ago="{age}"}}': each["usd"] for age, each in enumerate(reversed(spend["days"]))}
        ),
        'sum(anthropic_usage_tokens{days_ago="0"})': _of({"{}": told["today_tokens"]}),
    }
    moved = {each["name"]: each for each in spend["moved_workspaces"]}
    for column, number in (("Newest day", "usd"), ("A week ago", "before_usd")):
        query = _panel("Workspaces, newest day against a week ago", column)
        # Without a week ago the page has what costs most, not what costs nothing.
        some = "" if spend["week_before_usd"] is not None else " > 0"
        expected[f"sum by (workspace) ({query}){some}"] = _of(
            {f"{{workspace={json.dumps(name)}}}": each[number] for name, each in moved.items()}
        )
    for age, name in ((1, "newest"), (8, "week_before")):
        of_day = code[name] or dict.fromkeys(("active_developers", "sessions", "commits", "acceptance"))
        expected |= {
            developers(day(age), ""): _of({"{}": of_day["active_developers"]}),
            sum_of("sessions")(day(age), ""): _of({"{}": of_day["sessions"]}),
            sum_of("commits")(day(age), ""): _of({"{}": of_day["commits"]}),
            acceptance(day(age), ""): _of({"{}": of_day["acceptance"]}),
        }
    return expected


def _of(numbers: dict[str, float | None]) -> dict[str, float]:
    return {labels: math.floor(number * 100 + 0.5) / 100 for labels, number in numbers.items() if number is not None}


def _panel(title: str, column: str = "") -> str:
    found = [one for one in QUERIES if (one.dashboard, one.panel) == ("anthropic-cost", title)]
    return found[["", "Newest day", "A week ago"].index(column) - 1 if column else 0].expr


def _series(text: str) -> Iterator[dict[str, str]]:
    """The exposition as scraped once."""
    for line in text.splitlines():
        if sample := SAMPLE.fullmatch(line):
            name, labels, value = sample.groups()
            yield {"series": f"{name}{{{','.join(filter(None, (SCRAPED, labels)))}}}", "values": value}
