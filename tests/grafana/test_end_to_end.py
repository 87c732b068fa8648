"""End to end: the demo, a real Prometheus with the rules, a real Alertmanager with the stack's routes, a receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exporter.demo.simulation.organization import DAY, RUNAWAY_WORKSPACE, SimulatedOrganization, midnight
from tests.support.grafana.stack import (
    STACK,
    Alert,
    alertmanager,
    ask,
    await_evaluations,
    load,
    prometheus,
    receiver,
    rule_groups,
    write_rules,
)
from tests.support.processes import eventually, exporter, until_ready

SEED, ACTORS, WORKSPACES = 7, 30, 5
# Without growth, what is asked at any hour of a day has the same answer.
DEMO = (
    *("--demo.seed", str(SEED)),
    *("--demo.actors", str(ACTORS)),
    *("--demo.workspaces", str(WORKSPACES)),
    "--no-demo.growth",
)
PATIENCE_SECONDS = 60.0
# What is told of the demo without a spike: its numbers are invented, a key expires soon, and some are old.
ORDINARY = {"AnthropicDemoData", "AnthropicApiKeyExpiring", "AnthropicApiKeyNotRotated"}


class Stack(NamedTuple):
    prometheus: str
    received: list[Alert]

    def await_received(self, name: str) -> Alert:
        def find() -> Alert | None:
            return next((alert for alert in self.received if alert["labels"]["alertname"] == name), None)

        return eventually(find, f"{name} received", PATIENCE_SECONDS)

    def await_evaluations(self) -> None:
        """Until all rules were evaluated anew a few times, with the exporter's data there."""
        eventually(
            lambda: ask(self.prometheus, "/api/v1/query?query=anthropic_exporter_up==1")["data"]["result"], "data"
        )
        await_evaluations(self.prometheus)

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in rule_groups(self.prometheus) for rule in group["rules"]]

    def firing(self, name: str) -> list[Alert]:
        return [alert for alert in self.alerts() if alert["labels"]["alertname"] == name]

    def alerts(self) -> list[Alert]:
        """Pending ones too, though with `for: 0s` there are none."""
        alerts: list[Alert] = ask(self.prometheus, "/api/v1/alerts")["data"]["alerts"]
        return alerts


def names(alerts: list[Alert]) -> set[str]:
    return {alert["labels"]["alertname"] for alert in alerts}


@contextmanager
def stack(program: Callable[[str], str], folder: Path, *flags: str) -> Iterator[Stack]:
    write_rules(folder / "rules")
    with exporter("demo", *DEMO, *flags) as (_, exporter_url), receiver() as (receiver_url, received):
        until_ready(exporter_url)
        with (
            alertmanager(program, folder, at_once(receiver_url)) as alertmanager_url,
            prometheus(program, folder, scraping(exporter_url, alertmanager_url)) as url,
        ):
            yield Stack(url, received)


def scraping(exporter_url: str, alertmanager_url: str) -> dict[str, Any]:
    def static(url: str) -> dict[str, Any]:
        return {"static_configs": [{"targets": [url.removeprefix("http://")]}]}

    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules/*.yml"],
        "alerting": {"alertmanagers": [static(alertmanager_url)]},
        "scrape_configs": [{"job_name": "anthropic", **static(exporter_url)}],
    }


def at_once(receiver_url: str) -> dict[str, Any]:
    """The stack's Alertmanager, with a receiver that is told at once."""
    config = load(STACK / "alertmanager.yml")
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    config["receivers"][0]["webhook_configs"] = [{"url": receiver_url, "send_resolved": False}]
    return config


def test_a_spike_reaches_the_receiver_with_the_runaway_workspace(program: Callable[[str], str], tmp_path: Path) -> None:
    runaway = organization().workspaces[RUNAWAY_WORKSPACE]
    with stack(program, tmp_path, "--demo.spike") as found:
        of_all = found.await_received("AnthropicCostSpike")
        of_workspace = found.await_received("AnthropicWorkspaceCostSpike")
        found.await_evaluations()
        firing = found.firing("AnthropicWorkspaceCostSpike")
        assert {rule["health"] for rule in found.rules()} == {"ok"}

    assert of_all["labels"]["severity"] == "critical"
    workspace = {name: of_workspace["labels"][name] for name in ("workspace", "workspace_id")}
    assert workspace == {"workspace": runaway.name, "workspace_id": runaway.id}
    assert len({each["labels"]["date"] for each in firing}) == len(firing) == 2, "today and yesterday"
    for each in firing:
        assert {name: each["labels"][name] for name in workspace} == workspace, "the only workspace"
        assert float(each["value"]) == pytest.approx(cost(runaway.id, date.fromisoformat(each["labels"]["date"])))

    for alert in (of_all, of_workspace):
        labels, annotations = alert["labels"], alert["annotations"]
        assert annotations["description"].startswith("$")
        assert labels["date"] in annotations["description"]
        assert "{{" not in str(annotations)
        assert "no value" not in str(annotations)
        assert annotations["runbook_url"].endswith(f"#{labels['alertname'].lower()}")
    assert runaway.name in of_workspace["annotations"]["description"]


def test_the_same_organization_without_the_spike_stays_silent(program: Callable[[str], str], tmp_path: Path) -> None:
    with stack(program, tmp_path) as found:
        found.await_received("AnthropicDemoData")
        found.await_evaluations()
        assert names(found.alerts()) <= ORDINARY
        assert {rule["health"] for rule in found.rules()} == {"ok"}
        # An exporter is absent before the first scrape, for that alert too waits for nothing here.
        assert names(found.received) <= ORDINARY | {"AnthropicExporterAbsent"}


def organization() -> SimulatedOrganization:
    return SimulatedOrganization(SEED, ACTORS, WORKSPACES, spike=True, growth=False)


def cost(workspace_id: str, day: date) -> float:
    """A workspace's cost on a day, known on the day after it, when the spike still lasts."""
    rows = organization().cost_rows(day, midnight(day) + DAY + timedelta(hours=12))
    return float(sum(row.amount for row in rows if row.key.workspace_id == workspace_id)) / 100
