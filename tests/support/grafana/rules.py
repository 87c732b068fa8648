"""The rule files, and what promtool says of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from docs.reference import ROOT
from tests.support.grafana.history import MINUTE, Exporter, input_series

FOLDER = ROOT / "grafana" / "alerts"
FILES = tuple(FOLDER / f"{name}.yml" for name in ("thresholds", "budgets", "alerts"))
RUNBOOK = ROOT / "grafana" / "runbook.md"
RUNBOOK_URL = "https://github.com/anthropic-exporter/anthropic-exporter/blob/main/grafana/runbook.md"

Rule = dict[str, Any]
Group = dict[str, Any]


@cache
def groups() -> tuple[Group, ...]:
    """Each file's; of the budgets the examples, out of their comments."""
    texts = [re.sub(r"^    # ", "    ", path.read_text(encoding="utf-8"), flags=re.MULTILINE) for path in FILES]
    return tuple(group for text in texts for group in yaml.safe_load(text)["groups"])


def rules() -> list[Rule]:
    return [rule for group in groups() for rule in group["rules"]]


def alerts() -> dict[str, Rule]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def needed_by(*names: str) -> list[Group]:
    """The groups with only these alerts and what they look at: evaluation takes most of a test's time."""
    read, found = "", []
    for group in reversed(groups()):
        chosen = []
        for rule in reversed(group["rules"]):
            if rule.get("alert") in names or _is_in(read, rule):
                read += words_of(rule)
                chosen.append(rule)
        found.append({**group, "rules": chosen[::-1]})
    return found[::-1]


def words_of(rule: Rule) -> str:
    """All that may name a recorded series: a description asks for some."""
    return str(rule["expr"]) + str(rule.get("annotations", {}).get("description", ""))


def of_nobody(of_somebody: Sequence[Group]) -> list[Group]:
    """With budgets for an organization without a name."""

    def nameless(rule: Rule) -> Rule:
        return {**rule, "labels": {k: v for k, v in rule.get("labels", {}).items() if k != "organization"}}

    return [{**group, "rules": [*map(nameless, group["rules"])]} for group in of_somebody]


def _is_in(text: str, rule: Rule) -> bool:
    return "record" in rule and rule["record"] in text and rule.get("labels", {}).get("threshold", "") in text


Alert = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Check:
    """The alerts of one name that fire at an instant: these, and no others."""

    alert: str
    at: timedelta
    firing: Sequence[Alert] = ()


def firing(annotations: Mapping[str, str], labels: Mapping[str, str]) -> Alert:
    return {"exp_labels": labels, "exp_annotations": annotations}


def disagreement(
    promtool: str,
    folder: Path,
    rule_groups: Sequence[Group],
    exporters: Sequence[Exporter],
    checks: Sequence[Check],
    step: timedelta = MINUTE,
    *,
    federated: bool = False,
) -> str:
    """What promtool says where the rules do otherwise than the checks; empty where they agree."""
    series = input_series(exporters, max(check.at for check in checks), step, federated=federated)
    return disagreement_on(promtool, folder, rule_groups, series, checks, step)


def disagreement_on(
    promtool: str,
    folder: Path,
    rule_groups: Sequence[Group],
    series: Sequence[Mapping[str, str]],
    checks: Sequence[Check],
    step: timedelta = MINUTE,
) -> str:
    """The same on series as promtool writes them."""
    test = {
        "rule_files": [str(_written(folder / "rules.yml", {"groups": rule_groups}))],
        "group_eval_order": [group["name"] for group in rule_groups],
        "evaluation_interval": _duration(step),
        "tests": [
            {
                "interval": _duration(step),
                "input_series": series,
                "alert_rule_test": [
                    {"eval_time": _duration(check.at), "alertname": check.alert, "exp_alerts": list(check.firing)}
                    for check in checks
                ],
            }
        ],
    }
    return complaint(promtool, "test", "rules", _written(folder / "test.yml", test))


def alarms(
    promtool: str,
    folder: Path,
    names: Sequence[str],
    series: Sequence[Mapping[str, str]],
    step: timedelta,
    since: timedelta,
    until: timedelta,
) -> set[tuple[str, str]]:
    """Which of these alerts were pending or fired in between: by name and workspace, which may be none.

    What is found is looked for once more: promtool compacts its storage beside a test of months, and now and then a
    query sees half of it.
    """

    def ever() -> set[tuple[str, str]]:
        return _alarms(promtool, folder, names, series, step, since, until)

    found = ever()
    return found & ever() if found else found


def _alarms(
    promtool: str,
    folder: Path,
    names: Sequence[str],
    series: Sequence[Mapping[str, str]],
    step: timedelta,
    since: timedelta,
    until: timedelta,
) -> set[tuple[str, str]]:
    rule_groups = needed_by(*names)
    of_names = f'ALERTS{{alertname=~"{"|".join(names)}"}}'
    ever = f"count by (alertname, workspace) (count_over_time({of_names}[{_duration(until - since)}]))"
    test = {
        "rule_files": [str(_written(folder / "rules.yml", {"groups": rule_groups}))],
        "group_eval_order": [group["name"] for group in rule_groups],
        "evaluation_interval": _duration(step),
        "tests": [
            {
                "interval": _duration(step),
                "input_series": series,
                "promql_expr_test": [{"expr": ever, "eval_time": _duration(until), "exp_samples": []}],
            }
        ],
    }
    words = complaint(promtool, "test", "rules", _written(folder / "test.yml", test))
    found = re.findall(r'\{alertname="(\w+)"(?:, workspace="([^"]*)")?\}', words)
    assert found or not words, words
    return set(found)


def disagreement_of_queries(
    promtool: str,
    folder: Path,
    series: Sequence[Mapping[str, str]],
    answers: Mapping[tuple[str, timedelta], Mapping[str, float]],
) -> str:
    """What promtool says where queries have other answers, each at its instant."""
    queries = [
        {
            "expr": expr,
            "eval_time": _duration(at),
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        for (expr, at), samples in answers.items()
    ]
    test = {
        "evaluation_interval": _duration(MINUTE),
        "tests": [{"interval": _duration(MINUTE), "input_series": series, "promql_expr_test": queries}],
    }
    return complaint(promtool, "test", "rules", _written(folder / "test.yml", test))


def complaint(promtool: str, *arguments: str | Path) -> str:
    result = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def _written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")  # which is YAML
    return path


def _duration(span: timedelta) -> str:
    return f"{span // MINUTE}m"
