"""What a page says of its numbers in each state of its collector, and which alerts it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.support.grafana.history import MINUTE, Exporter, Gauge, always, collector, gauge
from tests.support.grafana.panels import DASHBOARDS, QUERIES, Json, filled_in, panels

NOW = 60 * MINUTE
INTERVAL = 600.0
Expect = Callable[..., None]


def usage(
    *, fails: bool = False, success: float | None = None, available: float = 1, up: float | None = 1
) -> list[Gauge]:
    state = {"available": available, "up": up, "last_success_timestamp_seconds": success}
    known = {name: value for name, value in state.items() if value is not None}
    reason = gauge("anthropic_exporter_collector_failing", fails, collector="usage", reason="server")
    return [*collector("usage", refresh_interval_seconds=INTERVAL, **known), reason]


# Each with the legend of the one query that has an answer, and the answer, or the words for it.
STATES: Mapping[str, tuple[Sequence[Gauge], str, float | str]] = {
    "works": (usage(success=2400), "Usage, last read", 2_400_000),
    "hangs for three intervals": (usage(success=1799), "Usage is late, last read", 1_799_000),
    "fails": (usage(success=3000, up=0, fails=True), "Usage fails, last read", 3_000_000),
    "has never worked": (usage(up=0, fails=True), "Usage", "fails: no numbers yet"),
    "begins": (usage(up=0), "Usage", "is read for the first time"),
    "is refused": (usage(success=3000, available=0, up=None), "Usage", "is not served to this key"),
    "is switched off": ((), "Usage", "is switched off"),
}


def of_panel(title: str) -> tuple[Json, dict[str, str]]:
    """The one on Usage, and its queries by legend."""
    (panel,) = [panel for panel in panels(DASHBOARDS["anthropic-usage.json"]) if panel["title"] == title]
    found = [one for one in QUERIES if (one.dashboard, one.panel) == ("anthropic-usage", title)]
    return panel, {one.legend: filled_in(one.expr) for one in found}


def value_of(panel: Json, words: str) -> float:
    options = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    (value,) = [value for value, shown in options.items() if shown["text"] == words]
    return float(value)


def exporter(*gauges: Gauge, demo: bool = False, instance: str = "exporter-0:9817") -> Exporter:
    demos = [gauge("anthropic_exporter_demo", 1)] if demo else []
    return Exporter(gauges=[gauge("anthropic_exporter_build_info", 1), *demos, *gauges], instance=instance)


@pytest.mark.parametrize("state", STATES)
def test_how_old_the_numbers_are_and_why(expect_answer: Expect, state: str) -> None:
    gauges, legend, answer = STATES[state]
    panel, queries = of_panel("How old these numbers are")
    value = value_of(panel, answer) if isinstance(answer, str) else answer
    expected = {name: {"{}": value} if name == legend else {} for name in queries}
    expect_answer([exporter(*gauges)], {(queries[name], NOW): found for name, found in expected.items()})


@pytest.mark.parametrize(
    ("demos", "words"),
    [
        ((False, False), "Real, from the Admin API"),
        ((True, True), "DEMO: every number here is invented"),
        ((True, False), "DEMO: some of the numbers here are invented"),
    ],
)
def test_a_demo_beside_a_real_exporter_is_told_from_one_alone(
    expect_answer: Expect, demos: tuple[bool, bool], words: str
) -> None:
    panel, queries = of_panel("What these numbers are")
    exporters = [exporter(demo=demo, instance=f"exporter-{number}:9817") for number, demo in enumerate(demos)]
    expect_answer(exporters, {(queries[""], NOW): {"{}": value_of(panel, words)}})


def fired(name: str, severity: str, organization: str = "", **labels: str) -> Exporter:
    every = {"alertname": f"Anthropic{name}", "severity": severity, "alertstate": "firing", **labels}
    return Exporter(gauges=[Gauge("ALERTS", every, always(1))], organization=organization)


def test_every_alert_that_fires_is_shown_with_what_it_is_about(expect_answer: Expect) -> None:
    (one,) = [one for one in QUERIES if (one.dashboard, one.panel) == ("anthropic-cost", "Firing alerts")]
    exporters = [
        exporter(gauge("anthropic:threshold:constant", 1)),
        fired("CostSpike", "critical", "Acme", date="1970-01-01"),
        fired("WorkspaceCostSpike", "warning", "Acme", workspace="default", workspace_id="default"),
        fired("WorkspaceCostSpike", "warning", "Other", workspace="default", workspace_id="default"),
        fired("BudgetMatchesNothing", "page", scope="workspace", workspace_id="wrkspc_gone"),
    ]
    chosen = filled_in(one.expr, organization="(Acme|Other)")
    expect_answer(
        exporters,
        {
            (chosen, NOW): {
                '{alertname="CostSpike", organization="Acme", date="1970-01-01"}': 1,
                '{alertname="WorkspaceCostSpike", organization="Acme", about="default"}': 2,
                '{alertname="WorkspaceCostSpike", organization="Other", about="default"}': 2,
                '{alertname="BudgetMatchesNothing", about="wrkspc_gone"}': 4,
            }
        },
    )
