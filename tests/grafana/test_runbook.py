"""The runbook has a section for every alert, with queries that can be pasted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.reference import families
from tests.support.grafana.rules import RUNBOOK, Rule, alerts, complaint, rules
from tests.support.grafana.selectors import unknown_labels

TEXT = RUNBOOK.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
PARTS = ["Meaning", "Impact", "Diagnosis", "What to do"]
HISTOGRAM_SERIES = ("_bucket", "_count", "_sum")

each_section = pytest.mark.parametrize("alert", SECTIONS)


def queries(text: str) -> list[str]:
    return re.findall(r"^```promql\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def metrics(expression: str) -> set[str]:
    """Exposed names in an expression; what has a colon is recorded."""
    return {name for name in re.findall(r"[\w:]+", expression) if name.startswith("anthropic_") and ":" not in name}


def exposed() -> set[str]:
    names = {family.name for family in families()}
    return names | {f"{name}{end}" for name in names for end in HISTOGRAM_SERIES}


def test_it_has_a_section_for_every_alert_in_their_order() -> None:
    assert list(SECTIONS) == list(alerts())


@each_section
def test_a_section_says_what_it_means_and_does_how_to_look_and_what_to_do(alert: str) -> None:
    assert re.findall(r"^\*\*(.+?)\*\*", SECTIONS[alert], re.MULTILINE) == PARTS


@each_section
def test_its_queries_can_be_pasted(alert: str, program: Callable[[str], str], tmp_path: Path) -> None:
    found = queries(SECTIONS[alert])
    assert found
    recorded = [{"record": f"query:of_the_runbook:{number}", "expr": query} for number, query in enumerate(found)]
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": alert, "rules": recorded}]}), encoding="utf-8")
    assert not complaint(program("promtool"), "check", "rules", path)


@each_section
def test_its_queries_are_on_what_is_exposed(alert: str) -> None:
    assert metrics(" ".join(queries(SECTIONS[alert]))) - exposed() == set()


@each_section
def test_its_queries_name_labels_that_there_are(alert: str) -> None:
    assert unknown_labels(" ".join(queries(SECTIONS[alert]))) == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_name_labels_that_there_are(rule: Rule) -> None:
    assert unknown_labels(rule["expr"]) == set()


def test_the_rules_are_on_what_is_exposed() -> None:
    assert metrics(" ".join(rule["expr"] for rule in rules())) - exposed() == set()


def test_what_alerts_say_of_the_exporter_is_on_what_is_exposed() -> None:
    assert metrics(" ".join(rule["annotations"]["description"] for rule in alerts().values())) - exposed() == set()


def test_its_links_lead_somewhere() -> None:
    anchors = {name.lower() for name in SECTIONS}
    assert {link for link in re.findall(r"\]\(#(\w+)\)", TEXT) if link not in anchors} == set()
    assert [path for path in re.findall(r"\]\((\w[^):]*)\)", TEXT) if not (RUNBOOK.parent / path).is_file()] == []
