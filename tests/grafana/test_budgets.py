"""The recipe in budgets.yml gives lines for the workspaces that there are, which can be pasted as they come."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.support.grafana.rules import FOLDER, complaint
from tests.support.grafana.stack import ask, prometheus
from tests.support.processes import environment, eventually, exporter, until_ready

BUDGETS = (FOLDER / "budgets.yml").read_text(encoding="utf-8")
NAME = 'R&D "b"'


def test_its_lines_are_of_the_workspaces_by_name_and_can_be_pasted(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    (recipe,) = re.findall(r"^# (curl .*)$", BUDGETS, re.MULTILINE)
    for each in ("curl", "jq"):
        program(each)
    with exporter("demo", "--organization.name", NAME) as (_, exporter_url):
        until_ready(exporter_url)
        target = {"targets": [exporter_url.removeprefix("http://")]}
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "anthropic", "static_configs": [target]}],
        }
        with prometheus(program, tmp_path, config) as url:
            listed = "/api/v1/query?query=anthropic_workspace_info"
            eventually(lambda: ask(url, listed)["data"]["result"], "a scrape")
            workspaces = [sample["metric"] for sample in ask(url, listed)["data"]["result"]]
            lines = _run(recipe.replace("http://localhost:9090", url))
    pasted = tmp_path / "budgets.yml"
    pasted.write_text(BUDGETS.rstrip("\n") + "\n" + lines, encoding="utf-8")
    assert not complaint(program("promtool"), "check", "rules", pasted)
    (group,) = yaml.safe_load(pasted.read_text(encoding="utf-8"))["groups"]
    open_ones = {one["workspace_id"]: one["workspace"] for one in workspaces if one["archived"] == "false"}
    assert {rule["record"] for rule in group["rules"]} == {"anthropic:budget_usd:monthly"}
    assert [rule["labels"] for rule in group["rules"]] == [
        {"scope": "workspace", "organization": NAME, "workspace_id": workspace_id}
        for workspace_id, _ in sorted(open_ones.items(), key=lambda one: one[1])
    ]
    names = [json.loads(name) for name in re.findall(r"^    # (\".*)$", lines, re.MULTILINE)]
    assert names == sorted(open_ones.values())
    assert any('"' in name for name in names), "the demo has a name with quotes"


def _run(command: str) -> str:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], env=environment(), capture_output=True, text=True, check=True
    ).stdout
