"""Rules on the very text that the exporter exposes for a report."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import Row, cost_row, script
from tests.support.exporting import exporting
from tests.support.grafana.rules import Check, alerts, disagreement_on, firing, needed_by, of_nobody
from tests.support.scripted import ScriptedApi

SPIKE = "AnthropicWorkspaceCostSpike"
TODAY = date(2026, 11, 21)
RESEARCH = "wrkspc_01"
MINUTES = 20


def exposition(rows: Mapping[str, list[Row]]) -> str:
    async def run(base_url: str) -> str:
        async with exporting(base_url) as exporter:
            await exporter.refresh()
            return exporter.text

    with ScriptedApi() as api:
        script(api, cost=rows)
        return asyncio.run(run(api.base_url))


def series(text: str) -> list[dict[str, str]]:
    """The samples as they are, for as long as the rules are watched."""
    found = re.findall(r"^(anthropic_(?:cost|exporter_(?:day|bucket|collector))\w*)\{(.*)\} (\S+)$", text, re.MULTILINE)
    where = 'job="anthropic",instance="example:9817"'
    return [{"series": f"{name}{{{labels},{where}}}", "values": f"{value}x{MINUTES}"} for name, labels, value in found]


@pytest.mark.parametrize(("dollars", "fires"), [(5_000, True), (20, False)])
def test_a_new_workspace_is_told_of_on_the_first_day_that_it_costs_much(
    clock: Callable[[str], Any], program: Callable[[str], str], tmp_path: Path, dollars: int, fires: bool
) -> None:
    """On the days before it has zeros, and so a median."""
    clock(f"{TODAY}T12:00:00Z")
    rows = {str(TODAY - timedelta(days=age)): [cost_row(workspace_id=None, amount="4000")] for age in range(1, 20)}
    yesterday = TODAY - timedelta(days=1)
    rows[str(yesterday)].append(cost_row(workspace_id=RESEARCH, amount=f"{dollars * 100}", model="claude-new"))
    (rule,) = (rule for name, rule in alerts().items() if name == SPIKE)
    spike = firing(
        {
            "summary": rule["annotations"]["summary"],
            "description": f"$5k on {yesterday} in workspace Research: far above the median of the seven days before. "
            "See Each day by model on the Cost dashboard, with this workspace chosen.",
            "runbook_url": rule["annotations"]["runbook_url"],
        },
        {
            "alertname": SPIKE,
            "severity": "warning",
            "job": "anthropic",
            "date": str(yesterday),
            "workspace": "Research",
            "workspace_id": RESEARCH,
        },
    )
    checks = [Check(SPIKE, timedelta(minutes=18), [spike] if fires else [])]
    groups = of_nobody(needed_by(SPIKE))
    assert disagreement_on(program("promtool"), tmp_path, groups, series(exposition(rows)), checks) == ""
