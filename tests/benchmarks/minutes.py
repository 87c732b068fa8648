"""Minutes from the beginning of a runaway to its alert: python -m tests.benchmarks.minutes [--rules FOLDER].

The demo, Prometheus with a week of history, Alertmanager with the stack's settings, and a webhook, in real time for an
hour: at 09 and at 20 h of the demo's day all of its traffic becomes ten or fifty times as much. The demo's clock, and
the exporter's, are ahead of the machine's, so that it is that hour there.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
import structlog
import yaml
from pydantic import SecretStr

from exporter.api.key import AdminKey
from exporter.commands import assembly
from exporter.commands.serve import run, to_the_end
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running, start
from exporter.demo.simulation.organization import SimulatedOrganization
from exporter.demo.simulation.usage import UsageRow
from exporter.settings.model import load as settings_of
from tests.support.exporting import exporting
from tests.support.grafana.rules import needed_by
from tests.support.grafana.stack import ALERTS, STACK, alertmanager, load, prometheus, receiver
from tests.support.processes import environment, eventually, free_port, started

KEY = "sk-ant-admin01-bench"
DAY = datetime(2026, 12, 2, tzinfo=UTC)  # a Wednesday
HOURS, TIMES = (9, 20), (10, 50)
BEFORE = timedelta(minutes=5)  # that all is running before the runaway begins
HISTORY, STEP, SCRAPED = timedelta(days=7, hours=12), timedelta(minutes=10), timedelta(minutes=5)
WATCHED = timedelta(minutes=70)
MOST_MINUTES = {10: 55, 50: 25}
FLAGS = (
    *("--no-claude-code.enabled", "--no-organization.enabled", "--no-limits.enabled"),
    *("--usage.days=2", "--cost.days=20", "--organization.name=demo", "--api.retry-seconds=3"),
)
# What the rules look at.
SHOWN = re.compile(
    r"^(anthropic_(?:cost_nowcast_(?:estimated_)?usd|exporter_(?:up|day_info|bucket_start_timestamp_seconds)))"
    r"(\{.*\}) (\S+)$",
    re.MULTILINE,
)
READ = re.compile(
    r"^(anthropic_exporter_collector_(?:last_success_timestamp|refresh_interval)_seconds)"
    r'(\{.*collector="nowcast".*\}) (\S+)$',
    re.MULTILINE,
)
OLDER = re.compile(r'days_ago="(?![01]")')  # than what they look back at
TARGET = 'job="anthropic",instance="exporter:9817"'
# Samples of a file are not followed by a mark that they are gone: at midnight two days would be the same.
NO_LINGERING = f"--query.lookback-delta={SCRAPED // timedelta(minutes=1) - 1}m"
# What alerts look back at; in this order, for each is made of those before it.
REMEMBERED = (
    "replica_day:anthropic_exporter_day:info",
    "organization_workspace_day:anthropic_cost_known_usd:sum",
    "organization_day:anthropic_cost_known_usd:sum",
    "organization:anthropic_cost_known_usd:increase1h",
    "organization_workspace:anthropic_cost_known_usd:increase1h",
)


Shown = Sequence[tuple[datetime, dict[str, str]]]


class Runaway(SimulatedOrganization):
    """Whose tokens are so many times as many from an instant on."""

    def __init__(self, since: datetime, times: int) -> None:
        super().__init__(actors=0)
        self._since = since
        self._times = times

    def usage_between(self, start: datetime, end: datetime, at: datetime) -> list[UsageRow]:
        rows = super().usage_between(start, end, at)
        if at <= self._since or end <= self._since:
            return rows
        before = {_key(row): row for row in super().usage_between(start, end, self._since)}
        return [self._more(row, before.get(_key(row))) for row in rows]

    def _more(self, row: UsageRow, before: UsageRow | None) -> UsageRow:
        then = before.numbers if before else (0,) * len(row.numbers)
        names = row.__struct_fields__[-len(then) :]
        grown = (was + self._times * (now - was) for now, was in zip(row.numbers, then, strict=True))
        return msgspec.structs.replace(row, **dict(zip(names, grown, strict=True)))


def _key(row: UsageRow) -> tuple[object, ...]:
    return msgspec.structs.astuple(row)[: -len(row.numbers)]


class Case(NamedTuple):
    hour: int
    times: int

    @property
    def begins(self) -> datetime:
        return DAY + timedelta(hours=self.hour)


def serve(port: int, hour: int, times: int, ahead_seconds: float) -> None:
    """The exporter in front of the demo's API, by clocks that are ahead."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead_seconds)

    api_url = start(AdminApi(Runaway(Case(hour, times).begins, times), key=KEY, now=now))
    flags = [*FLAGS, "--api.base-url", api_url, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with patch.object(assembly, "utc_now", now):
        settings = settings_of(flags, {"ANTHROPIC_ADMIN_API_KEY": KEY})
        to_the_end(run(settings, assembly.Upstream(api_url, AdminKey(SecretStr(KEY), None))))


async def history(until: datetime) -> Shown:
    """What an exporter has shown until then, in steps."""
    moment = until - HISTORY
    found = []
    with (
        running(AdminApi(SimulatedOrganization(actors=0), key=KEY, now=lambda: moment)) as api_url,
        patch.object(assembly, "utc_now", lambda: moment),
    ):
        async with exporting(api_url, *FLAGS, key=KEY) as exporter:
            while moment < until:
                await exporter.refresh()
                samples = (*SHOWN.findall(exporter.text), *READ.findall(exporter.text))
                seen = {name + labels: value for name, labels, value in samples if not OLDER.search(labels)}
                found.append((moment, seen))
                moment += STEP
    return found


def openmetrics(shown: Shown, ahead: timedelta) -> str:
    series: dict[str, list[str]] = {}
    for moment, samples in shown:
        for series_name, value in samples.items():
            name, _, labels = series_name.partition("{")
            text = f"{name}{{{TARGET},{labels}"
            for scrape in range(STEP // SCRAPED):
                at = (moment - ahead + scrape * SCRAPED).timestamp()
                series.setdefault(name, []).append(f"{text} {value} {at}")
    return "".join(f"# TYPE {name} gauge\n" + "\n".join(lines) + "\n" for name, lines in series.items()) + "# EOF\n"


def with_history(folder: Path, shown: Shown, ahead: timedelta) -> None:
    """A Prometheus' storage in which all that rules look back at is there."""
    text, data = folder / "history.txt", folder / "prometheus"
    text.write_text(openmetrics(shown, ahead), encoding="utf-8")
    _run("promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data))
    first, last = ((moment - ahead).timestamp() for moment in (shown[0][0], shown[-1][0]))
    of_rule = {
        rule["record"]: rule
        for group in needed_by("AnthropicCostBurn", "AnthropicWorkspaceCostBurn")
        for rule in group["rules"]
        if "record" in rule
    }
    for name in REMEMBERED:
        rules = folder / "rule.yml"
        rules.write_text(yaml.safe_dump({"groups": [{"name": "history", "rules": [of_rule[name]]}]}), encoding="utf-8")
        with prometheus(_program, folder, {}, NO_LINGERING) as url:
            made = folder / "made"
            span = (f"--start={first:.0f}", f"--end={last:.0f}", f"--eval-interval={SCRAPED.total_seconds():.0f}s")
            _run(
                "promtool",
                "tsdb",
                "create-blocks-from",
                "rules",
                f"--url={url}",
                f"--output-dir={made}",
                *span,
                str(rules),
            )
        for block in made.iterdir():
            shutil.move(block, data / block.name)


def _program(name: str) -> str:
    path = which(name)
    assert path, f"{name} is not installed"
    return path


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([_program(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Told(NamedTuple):
    minutes: float
    alert: str


def watch(case: Case, folder: Path, rules: Path, shown: Shown) -> list[Told]:
    """In real time: when the webhook was told of each alert on cost or tokens."""
    ahead = case.begins - BEFORE - datetime.now(UTC)
    with_history(folder, shown, ahead)
    begins = time.time() + (case.begins - ahead - datetime.now(UTC)).total_seconds()
    shutil.copytree(rules, folder / "alerts", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.minutes",
        "serve",
        *map(str, (port, *case, ahead.total_seconds())),
    ]
    told: dict[str, Told] = {}
    with started(command, environment()) as exporter, receiver() as (webhook, received):
        eventually(lambda: exporter.answers(f"http://127.0.0.1:{port}/-/ready"), "the exporter")
        routes = load(STACK / "alertmanager.yml")
        routes["receivers"][0]["webhook_configs"] = [{"url": webhook, "send_resolved": False}]
        with alertmanager(_program, folder, routes) as alertmanager_url:
            config = load(STACK / "prometheus.yml")
            config["alerting"]["alertmanagers"][0]["static_configs"] = [_target(alertmanager_url)]
            config["scrape_configs"][0]["static_configs"] = [
                {**_target(f"http://127.0.0.1:{port}"), "labels": {"instance": "exporter:9817"}}
            ]
            with prometheus(_program, folder, config):
                while time.time() < begins + WATCHED.total_seconds():
                    for alert in list(received):
                        name = alert["labels"]["alertname"]
                        if re.search("Cost|Token", name) and name not in told:
                            told[name] = Told((time.time() - begins) / 60, name)
                    time.sleep(1)
    return list(told.values())


def _target(url: str) -> dict[str, Any]:
    return {"targets": [url.removeprefix("http://")]}


def main(rules: Path) -> list[str]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    cases = [Case(hour, times) for hour in HOURS for times in TIMES]
    shown = {hour: asyncio.run(history(DAY + timedelta(hours=hour) - BEFORE)) for hour in HOURS}
    missed = []
    with TemporaryDirectory() as folder, ThreadPoolExecutor(len(cases)) as pool:
        places = [Path(folder) / f"{case.hour}-{case.times}" for case in cases]
        for place in places:
            place.mkdir()
        found = pool.map(lambda case, place: watch(case, place, rules, shown[case.hour]), cases, places)
        for case, told in zip(cases, found, strict=True):
            words = ", ".join(f"{alert} after {minutes:.0f}" for minutes, alert in sorted(told)) or "nothing"
            print(f"{case.times} times from {case.hour:02} h on, minutes: {words}", flush=True)
            first = min(told).minutes if told else float("inf")
            if first < 0 or first > MOST_MINUTES[case.times]:
                missed.append(f"{case.times} times from {case.hour:02} h on: {first:.0f} minutes")
    return missed


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--rules", type=Path, default=ALERTS)
        goals_missed = main(parser.parse_args().rules)
        for missed_goal in goals_missed:
            print(f"missed: {missed_goal}")
        sys.exit(1 if goals_missed else 0)
