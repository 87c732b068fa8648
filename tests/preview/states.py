"""The states that dashboards are drawn in, each a Prometheus with the rules that scrapes a demo of its own, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import yaml

from exporter.demo.faults.fault import Fault
from exporter.demo.simulation.organization import RUNAWAY_WORKSPACE, SimulatedOrganization
from tests.preview.history import FAULTS, INSTANCE
from tests.support.exporting import parse
from tests.support.grafana.stack import ask, await_evaluations, prometheus, write_rules
from tests.support.processes import eventually, exporter, get, until_ready

# So that a fault is met at once.
IMPATIENT = (
    *("--cost.interval-seconds", "2", "--usage.interval-seconds", "2"),
    *("--api.retry-seconds", "0.1"),
)


@dataclass(frozen=True)
class State:
    """How a demo is run, its past if it has one, what its API refuses, and whether it has budgets."""

    flags: tuple[str, ...] = ()
    past: str | None = "quiet"
    has_exporter: bool = True
    has_budgets: bool = False
    faults: Sequence[Fault] = ()


STATES = {
    "quiet": State(),
    "spike": State(("--demo.spike",), "spiking"),
    "budgets": State(("--demo.spike",), "spiking", has_budgets=True),
    "failing": State(IMPATIENT, "failing", faults=FAULTS),
    "fresh": State(past=None),
    "hidden": State(("--actors.mode=drop",), past=None),
    "folded": State(("--actors.max=8", "--web.max-series=12000"), past=None),
    "none": State(past=None, has_exporter=False),
}

NOTHING_YET_USD = 1.0  # in the first hour of a month

Program = Callable[[str], str]


@contextmanager
def running(
    names: list[str], program: Program, folder: Path, pasts: Mapping[str | None, list[Path]]
) -> Iterator[dict[str, str]]:
    """The URL of each state's Prometheus; they start at the same time."""
    with ExitStack() as stack:

        def enter(name: str) -> tuple[str, str]:
            (own := folder / name).mkdir()
            state = STATES[name]
            return name, stack.enter_context(_running(state, program, own, pasts[state.past], len(names)))

        with ThreadPoolExecutor(len(names)) as threads:
            found = dict(threads.map(enter, names))
        yield found


@contextmanager
def _running(state: State, program: Program, folder: Path, past: list[Path], seconds: int) -> Iterator[str]:
    """Scrapes and evaluates every so many seconds: a scrape that takes longer fails, and the data are gone."""
    for blocks in past:
        shutil.copytree(blocks, folder / "prometheus", copy_function=os.link, dirs_exist_ok=True)
    if not state.has_exporter:
        with prometheus(program, folder, {}) as url:
            yield url
            return
    write_rules(folder / "rules")
    with exporter("demo", *state.flags) as (process, exporter_url):
        until_ready(exporter_url)
        if state.has_budgets:
            (folder / "rules/budgets.yml").write_text(yaml.safe_dump(_budgets(exporter_url)), encoding="utf-8")
        if state.faults:
            _break(process.find(r"Admin API +(http://\S+)"), exporter_url, state.faults)
        target = {"targets": [exporter_url.removeprefix("http://")], "labels": {"instance": INSTANCE}}
        config = {
            "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
            "rule_files": ["rules/*.yml"],
            "scrape_configs": [{"job_name": "anthropic", "static_configs": [target]}],
        }
        with prometheus(program, folder, config) as url:
            eventually(lambda: ask(url, "/api/v1/query?query=anthropic_exporter_up")["data"]["result"], "a scrape")
            await_evaluations(url, 2)  # the first may have begun before
            yield url


def _break(api_url: str, exporter_url: str, faults: Sequence[Fault]) -> None:
    for fault in faults:
        httpx.post(f"{api_url}/demo/faults", content=msgspec.json.encode(fault), trust_env=False).raise_for_status()

    def failing() -> int:
        ups = parse(get(f"{exporter_url}/metrics").text)["anthropic_exporter_collector_up"].values()
        return len(faults) == sum(up == 0 for up in ups)

    eventually(failing, "the collectors fail")


def _budgets(exporter_url: str) -> Any:  # noqa: ANN401  YAML
    """One that is exceeded, the organization's that nearly is, and one that is not."""
    months = parse(get(f"{exporter_url}/metrics").text).get("anthropic_cost_month_to_date_usd", {})
    spent = {dict(labels)["workspace_id"]: usd for labels, usd in months.items()}
    runaway, other = (workspace.id for workspace in SimulatedOrganization().workspaces[RUNAWAY_WORKSPACE:][:2])
    budgets = {
        1.1 * sum(spent.values(), NOTHING_YET_USD): {"scope": "organization"},
        0.7 * spent.get(runaway, NOTHING_YET_USD): {"scope": "workspace", "workspace_id": runaway},
        3.0 * spent.get(other, NOTHING_YET_USD): {"scope": "workspace", "workspace_id": other},
    }
    rules = [
        {"record": "anthropic:budget_usd:monthly", "expr": f"vector({usd:.0f})", "labels": labels}
        for usd, labels in budgets.items()
    ]
    return {"groups": [{"name": "anthropic-budgets", "rules": rules}]}
