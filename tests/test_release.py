"""What a release is made of: one version, a changelog of a known form, and a workflow that trusts little."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import zipfile
from datetime import date
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))

VERSION = re.compile(r"\d+\.\d+\.\d+(rc\d+)?")
MARKS = ("CHANGE", "FEATURE", "ENHANCEMENT", "BUGFIX")
RELEASES = re.findall(r"^## (Unreleased|\d.*)\n((?:(?!## ).*\n)*)", CHANGELOG, re.MULTILINE)

# GitHub puts these into the script before the shell reads it: whoever chose the text would run it.
EXPRESSION = "${{"


def run(*args: str, **env: str) -> str:
    command = [sys.executable, "-m", *args]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | env, check=True, capture_output=True, text=True, timeout=300
    ).stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run("hatchling", "build", "--directory", str(folder), SOURCE_DATE_EPOCH="1700000000")
    return folder


def load(workflow: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(workflow.read_text())
    return loaded


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in load(workflow)["jobs"].values() for step in job["steps"]]


def test_the_command_says_the_version() -> None:
    assert VERSION.fullmatch(__version__)
    assert __version__ in run("exporter", "--version").split()


def test_the_wheel_has_the_version_and_only_the_package(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    info = f"anthropic_exporter-{__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    assert metadata["Version"] == __version__
    assert {name.split("/")[0] for name in names} == {"exporter", info}
    assert f"{info}/licenses/LICENSE" in names
    assert not [name for name in names if "__pycache__" in name]


def test_the_sdist_has_what_make_test_needs(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "compose.yaml",
        "docs/pictures/cost.png",
        "docs/reference.py",
        "exporter/__init__.py",
        "grafana/alerts/alerts.yml",
        "grafana/dashboards/anthropic-cost.json",
        "grafana/preview/.npmrc",
        "grafana/preview/package-lock.json",
        "grafana/preview/src/page.jsx",
        "grafana/runbook.md",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements.txt",
        "tests/conftest.py",
        *(str(workflow.relative_to(ROOT)) for workflow in WORKFLOWS),
    }
    assert not [name for name in names if name.startswith((".git/", ".venv/", "dist/"))]
    assert not [name for name in names if "node_modules" in name]


def test_the_previews_packages_are_pinned_by_hashes_and_come_from_no_address_in_particular() -> None:
    lock = json.loads((ROOT / "grafana/preview/package-lock.json").read_text())
    own = lock["packages"].pop("")
    assert all(VERSION.fullmatch(version) for version in own["dependencies"].values())
    for name, package in lock["packages"].items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
        assert "AGPL" not in package.get("license", ""), name


def test_the_changelog_begins_with_this_version_or_with_what_comes_after_it() -> None:
    titles = [title for title, _ in RELEASES]
    released = [title for title in titles if title != "Unreleased"]
    assert titles[0] == "Unreleased" or titles[0].startswith(f"{__version__} / ")
    assert titles.count("Unreleased") <= 1
    days = []
    for title in released:
        version, _, day = title.partition(" / ")
        assert VERSION.fullmatch(version), title
        days.append(date.fromisoformat(day))
    assert days == sorted(days, reverse=True)
    assert len(set(released)) == len(released)
    if released and titles[0] == "Unreleased":
        assert released[0].startswith(f"{__version__} / ")


@pytest.mark.parametrize(("title", "body"), RELEASES, ids=[title for title, _ in RELEASES])
def test_lines_of_the_changelog_have_marks_in_order(title: str, body: str) -> None:
    lines = [line for line in body.splitlines() if line and not line.startswith("  ")]
    marks = [re.match(rf"- \[({'|'.join(MARKS)})\] \S", line) for line in lines]
    assert lines, title
    assert not [line for line, mark in zip(lines, marks, strict=True) if mark is None]
    order = [MARKS.index(mark[1]) for mark in marks if mark]
    assert order == sorted(order)


def test_there_are_workflows() -> None:
    assert [workflow.name for workflow in WORKFLOWS] == ["ci.yml"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
class TestWorkflow:
    def test_it_may_nothing_and_each_job_little(self, workflow: Path) -> None:
        loaded = load(workflow)
        assert loaded["permissions"] == {}
        for name, job in loaded["jobs"].items():
            assert job["permissions"] in ({"contents": "read"}, {"packages": "write"}, {"contents": "write"}), name
            if "write" in job["permissions"].values():
                assert "tag" in job["if"], name

    def test_every_action_is_pinned_by_hash_and_says_its_version(self, workflow: Path) -> None:
        uses = re.findall(r"\buses:(.*)", workflow.read_text())
        assert uses
        assert not [use for use in uses if not re.fullmatch(r" [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)]
        versions = {tuple(use.split(" # ")) for use in uses}
        assert len({use.split("@")[0] for use in uses}) == len(versions), "one action in several versions"

    def test_checkouts_leave_no_credentials(self, workflow: Path) -> None:
        checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
        assert checkouts
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_scripts_hold_no_expressions(self, workflow: Path) -> None:
        assert not [step["run"] for step in steps(workflow) if EXPRESSION in step.get("run", "")]

    def test_every_make_target_exists(self, workflow: Path) -> None:
        scripts = "\n".join(step.get("run", "") for step in steps(workflow))
        words = [shlex.split(line) for line in re.findall(r"^\s*(?:sudo )?make (.+)$", scripts, re.MULTILINE)]
        called = {word for line in words for word in line if "=" not in word}
        assert called >= {"dist", "image", "image-test", "lint", "sbom", "test"}
        assert called <= set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))

    def test_nothing_is_published_before_all_else_has_passed(self, workflow: Path) -> None:
        jobs = load(workflow)["jobs"]
        assert sorted(jobs["publish"]["needs"]) == sorted(jobs.keys() - {"publish", "release"})
        assert jobs["release"]["needs"] == ["publish"]

    def test_what_may_write_runs_nothing_of_the_repository(self, workflow: Path) -> None:
        for job in load(workflow)["jobs"].values():
            if "write" in job["permissions"].values():
                assert not any("checkout" in step.get("uses", "") for step in job["steps"])
