"""The whole exposition, as one file to read: what changes in it changes for every user."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.contract import nowcast, own
from exporter.contract.families import CHAPTERS
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import KEY, exporting

GOLDEN = Path(__file__).parent / "golden" / "metrics.txt"
# What differs from run to run, or from machine to machine; its value is written as 0.
VOLATILE = re.compile(
    r"^((?:process_\w+|anthropic_exporter_exposition_bytes|anthropic_exporter_collector_refresh_duration_seconds|"
    r"anthropic_exporter_api_request_duration_seconds_(?:bucket|sum))(?:\{.*\})?) \S+$",
    re.MULTILINE,
)
# Lists are read at once: what each asks of the API has its series in the order in which they were answered.
ENDPOINT = re.compile(r'^anthropic_exporter_api_\w+\{api_endpoint="([^"]*)"')
# There are too few days to be judged, no price has changed, it is no demo, and has nothing to read again, no bound and
# no endpoint.
NEVER_HERE = (own.DEMO, own.RELOAD_SUCCESSFUL, own.RELOADED, own.FOLDED, own.WEB_REQUESTS)
ABSENT = (nowcast.ERROR, nowcast.PRICE_CHANGED, *NEVER_HERE)
PYTHON = re.compile(r'python_version="[^"]*"')


@pytest.fixture
def exposition(clock: Callable[[str], Any]) -> str:
    clock("2026-11-21T09:41:00Z")

    async def refresh(base_url: str) -> str:
        flags = ["--usage.days", "2", "--cost.days", "3", "--claude-code.days", "3", "--organization.name", "acme"]
        flags += ["--usage.hours", "2"]
        async with exporting(base_url, *flags) as exporter:
            for collector in ("organization", "usage", "cost", "nowcast", "claude_code", "members", "limits", "hours"):
                await exporter.refresh(collector)
            return exporter.text

    with running(AdminApi(SimulatedOrganization(seed=1, actors=2, workspaces=2), key=KEY)) as base_url:
        text = asyncio.run(refresh(base_url))
    return _in_order(PYTHON.sub('python_version="3"', VOLATILE.sub(r"\1 0.0", text)))


def _in_order(text: str) -> str:
    """Sorted by endpoint, within each family."""
    runs = groupby(text.splitlines(keepends=True), key=lambda line: bool(ENDPOINT.match(line)))
    return "".join(line for _, run in runs for line in sorted(run, key=ENDPOINT.findall))


def test_the_exposition_is_the_golden_one(exposition: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(exposition, encoding="utf-8")
    assert exposition == GOLDEN.read_text(encoding="utf-8"), "if this is meant: make golden"


def test_it_begins_with_cost_and_the_exporter_s_own_health_and_ends_with_the_clock(exposition: str) -> None:
    begins = {
        "anthropic_cost_": "cost",
        "anthropic_price_": "cost",
        "anthropic_unpriced_": "cost",
        "anthropic_exporter_bucket_start_": "clock",
        "anthropic_exporter_day_info": "clock",
        "anthropic_exporter_hour_start_": "clock",
        "anthropic_exporter_": "own",
        "process_": "own",
        "anthropic_usage_peak_": "organization",
        "anthropic_usage_": "usage",
        "anthropic_claude_code_": "claude_code",
        "anthropic_": "organization",
    }
    families = re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE)
    of = [next(group for begin, group in begins.items() if family.startswith(begin)) for family in families]
    assert list(dict.fromkeys(of)) == ["cost", "own", "usage", "claude_code", "organization", "clock"]
    assert len(list(groupby(of))) == 6
    assert families[of.index("own")] == "anthropic_exporter_up"


def test_every_family_is_declared_with_the_labels_that_it_has(exposition: str) -> None:
    declared = {family.name: family for page in CHAPTERS for family in page if family not in ABSENT}
    assert re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE) == list(declared)
    for found in text_string_to_metric_families(exposition):
        family = declared[found.name + "_total" if found.type == "counter" else found.name]
        names = {label for sample in found.samples for label in sample.labels} - {"organization", "le"}
        assert names == set(family.labels)


def test_promtool_finds_nothing_to_complain_about(exposition: str, program: Callable[[str], str]) -> None:
    promtool = program("promtool")
    done = subprocess.run([promtool, "check", "metrics"], input=exposition, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_family_is_called_a_gauge_and_says_that_it_is_refreshed_in_the_background(exposition: str) -> None:
    data = re.findall(r"^# HELP (anthropic_(?!exporter)\w+) (.*)$", exposition, re.MULTILINE)
    assert len(data) == 37
    for name, text in data:
        assert f"# TYPE {name} gauge\n" in exposition
        assert "refreshed in the background, not at the scrape" in text
        assert not re.search(r"[\"\\]", text)
