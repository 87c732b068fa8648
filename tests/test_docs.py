"""The documentation says what the code does, all of it, and what it tells people to run does run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from docs import reference
from docs.reference import REPORTS, Report, families
from exporter.api.endpoints import CLAUDE_CODE, SPEED_BETA, SPEND_LIMITS, USAGE
from exporter.api.shapes.usage import UsageResult
from exporter.contract.labels import MEANINGS
from exporter.contract.people import by_hash
from exporter.contract.state import Failure, Reason, Unserved
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from exporter.settings.actors_files import read_hash_key
from exporter.settings.model import leaves, load
from tests.benchmarks import __main__ as benchmarks
from tests.support.exporting import KEY
from tests.support.grafana.rules import complaint
from tests.support.processes import eventually, exporter, get, until_ready
from tests.test_prometheus import prometheus, query

# Every page, by its path.
PAGES = {
    str(path.relative_to(reference.ROOT)): path.read_text(encoding="utf-8")
    for path in (*reference.ROOT.glob("*.md"), *reference.FOLDER.glob("*.md"), reference.ROOT / "grafana/runbook.md")
}
README, CONTRIBUTING, FAQ = PAGES["README.md"], PAGES["CONTRIBUTING.md"], PAGES["docs/faq.md"]
SIZING = PAGES["docs/sizing.md"]
MOST_LINES = 150  # of the README
FENCES = [
    (path, kind, code)
    for path, text in PAGES.items()
    for kind, code in re.findall(r"^ *```(\w+)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
]
(PROMQL,) = [code for path, kind, code in FENCES if kind == "promql" and path.startswith("docs/")]
RECIPES = dict(re.findall(r"^# (.+)\n((?:[^#\n].*\n)+)", PROMQL, re.MULTILINE))
# What the pages tell people to type: a test that does, or why none does.
HASHED = """printf %s ada@example.com | openssl dgst -sha256 -hmac "$(cat actors.key)" | cut -d' ' -f2 | cut -c1-16"""
COMMANDS = {
    "make demo": "tests/test_process.py runs the same command",
    "pip install --require-hashes -r requirements.txt && pip install --no-deps .": "tests/test_release.py installs it",
    "python3 -m venv .venv && . .venv/bin/activate": "make dev, of which all tests are run",
    "export ANTHROPIC_ADMIN_API_KEY_FILE=/path/to/key": "tests/settings/test_key.py",
    "anthropic-exporter check": "tests/test_check.py",
    "anthropic-exporter": "tests/test_process.py",
    "docker compose up": "needs a registry: tests/grafana/test_stack.py runs what it would run",
    "curl -s http://localhost:9817/api/v1/status | jq '.organizations[0].spend.month_to_date_usd'": "below",
    "openssl rand -hex 32 > actors.key": "below",
    "anthropic-exporter --actors.mode=hash --actors.hash-key-file=actors.key": "tests/test_people.py",
    "anthropic-exporter --actors.mode=map --actors.map-file=teams.yml": "tests/test_people.py",
    HASHED: "below",
    "anthropic-exporter once --output-file=/var/lib/node_exporter/textfile/anthropic.prom": "tests/test_once.py",
}
# Alerts, while nothing is wrong; the month to date, until the API has reported anything of the month's first day.
FIRST_OF_THE_MONTH = datetime.now(UTC).day == 1
MAY_BE_EMPTY = ("Alert: ", *(["Month to date"] if FIRST_OF_THE_MONTH else []))
EMPTY_SELECTORS = {"anthropic_cost_month_to_date_usd"} if FIRST_OF_THE_MONTH else set()
WAYS = {
    "usage_report/messages": "starting_at={day}T00:00:00Z&group_by[]=speed",
    "cost_report": "starting_at={day}T00:00:00Z&group_by[]=workspace_id&group_by[]=description",
    "usage_report/claude_code": "starting_at={day}",
    "workspaces": "include_archived=true&include_default=true",
    "api_keys": "limit=1000",
    "service_accounts": "include_archived=true",
    "analytics/summaries": "starting_date={day}",
}


def each_report() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.endpoint.name)


@pytest.mark.parametrize("name", reference.BLOCKS)
def test_a_page_has_the_table_that_the_code_makes(name: str) -> None:
    page = reference.file_of(name).read_text(encoding="utf-8")
    assert re.findall("<!-- generated: (.*) -->", page) == [name]
    assert reference.generated(name) == page, "if this is meant: make docs"


def test_the_readme_is_short_and_hides_nothing() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    assert not [path for path, text in PAGES.items() if "<details" in text]


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(path: str) -> None:
    folder = (reference.ROOT / path).parent
    for link in re.findall(r"\]\(([^)\s]+)\)", PAGES[path]):
        target, _, anchor = link.partition("#")
        if target.startswith(("https://", "http://")):
            assert re.fullmatch(r"https://[\w.-]+/\S*", target), link
            continue
        found = (folder / target).resolve() if target else reference.ROOT / path
        assert found.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}, link


def test_the_pages_of_the_documentation_are_in_its_index() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", PAGES["docs/README.md"]))
    assert linked == {Path(path).name for path in PAGES if path.startswith("docs/")} - {"README.md"}


def test_every_command_is_run_by_a_test_or_it_is_known_why_not() -> None:
    typed = {
        line.partition("   #")[0].strip()
        for path, kind, code in FENCES
        for line in code.splitlines()
        if kind == "sh" and path in {"README.md", *(page for page in PAGES if page.startswith("docs/"))}
    }
    assert typed == set(COMMANDS)


def test_a_hash_can_be_made_by_hand(program: Callable[[str], str], tmp_path: Path) -> None:
    program("openssl")
    done = subprocess.run(
        f"openssl rand -hex 32 > actors.key && {HASHED}", shell=True, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == by_hash(read_hash_key(tmp_path / "actors.key"))("ada@example.com")


@pytest.mark.parametrize("path", ["README.md", "docs/scraping.md", "docs/people.md"])
def test_prometheus_takes_the_configuration(program: Callable[[str], str], tmp_path: Path, path: str) -> None:
    (config,) = [code for page, kind, code in FENCES if page == path and kind == "yaml" and "scrape_configs" in code]
    file = tmp_path / "prometheus.yml"
    file.write_text(config, encoding="utf-8")
    assert complaint(program("promtool"), "check", "config", file) == ""


def test_yaml_is_yaml() -> None:
    for _, kind, code in FENCES:
        if kind == "yaml":
            assert isinstance(yaml.safe_load(code), dict)


def test_the_polls_that_are_told_are_those_of_the_settings() -> None:
    polls = {name: round(3600 / section.interval_seconds) for name, section in load(["demo"], {}).collectors().items()}
    for title, name in (
        ("usage report", "usage"),
        ("cost report", "cost"),
        ("Claude Code report", "claude_code"),
        ("each list of the organization", "organization"),
    ):
        reports = 2 if name == "claude_code" else 1  # of today and yesterday
        assert re.search(rf"^\| {title} \| {polls[name] * reports}\b", FAQ, re.MULTILINE), title


def test_the_reasons_of_failures_are_all_explained() -> None:
    table = PAGES["docs/troubleshooting.md"].partition("| reason |")[2].partition("\n\n")[0]
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))
    assert sorted(told) == sorted(Reason)


def test_the_status_is_told_field_by_field() -> None:
    """Every name that the JSON has stands on its page, and the command that it shows gives the number."""
    page = PAGES["docs/status.md"]
    with exporter("demo", "--no-demo.growth") as (_, base_url):
        until_ready(base_url)
        status = eventually(lambda: _told(base_url), "the numbers")
    names = (
        set(sent_names(status)) | {field.name for field in fields(Failure)} | {field.name for field in fields(Unserved)}
    )
    assert names - set(re.findall(r"\w+", page)) == set()
    assert isinstance(status["organizations"][0]["spend"]["month_to_date_usd"], int | float | None)


def _told(base_url: str) -> dict[str, Any] | None:
    status: dict[str, Any] = get(f"{base_url}/api/v1/status").json()
    (organization,) = status["organizations"] or [{"spend": None, "claude_code": None}]
    return status if organization["spend"] and organization["claude_code"] else None


def sent_names(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield name
            yield from sent_names(below)
    elif isinstance(value, list):
        for each in value:
            yield from sent_names(each)


def test_the_sizing_table_has_every_size_and_reaches_its_targets() -> None:
    (block,) = [found["content"] for found in reference.BLOCK.finditer(SIZING) if found["name"] == "benchmark"]
    _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if "|" in line]
    sizes = [float(row[0].replace(",", "")) for row in rows if row[0][0:1].isdigit()]
    assert sizes == pytest.approx(benchmarks.SIZES, rel=0.01)
    start = next(number for number, row in enumerate(rows) if row[0].startswith(("499,", "500,")))
    own, client, nginx = (dict(zip(benchmarks.COLUMNS, map(numbers, row[2:]), strict=True)) for row in rows[start:][:3])
    assert own["gzip"][0] <= 2 * nginx["gzip"][0]
    assert own["gzip"][0] <= client["gzip"][0] / 500
    assert own["gzip, refreshing"][1] <= 100
    assert own["refresh, CPU s"][0] <= client["refresh, CPU s"][0] / 2
    assert own["peak MB"][0] < client["peak MB"][0]


def numbers(cell: str) -> list[float]:
    return [float(number.replace(",", "")) for number in cell.split(" / ") if number]


def test_every_setting_has_a_description() -> None:
    assert reference.undescribed_settings(leaves()) == []


def test_every_family_has_a_meaning_a_unit_and_known_labels() -> None:
    assert reference.undescribed_families(families()) == []


def test_every_label_that_is_described_exists() -> None:
    exposed = {label for family in families() for label in family.labels}
    assert set(MEANINGS) == exposed | reference.optional_labels()


@each_report()
def test_every_field_of_a_report_is_accounted_for(report: Report) -> None:
    assert reference.undescribed_fields(report) == []


@each_report()
def test_the_labels_that_fields_become_exist(report: Report) -> None:
    exposed = {label for family in report.families for label in family.labels}
    is_grouped = report.endpoint.name in {USAGE.name, CLAUDE_CODE.name}
    of_the_report = exposed | (reference.optional_labels() if is_grouped else set())
    for use in report.uses.values():
        if found := re.match(r"(?:the day: )?labels? (`\w+`(?:, `\w+`)*)", use):
            assert set(re.findall(r"\w+", found[1])) <= of_the_report, use


@each_report()
def test_every_field_that_the_api_sends_is_accounted_for(report: Report) -> None:
    day = f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}"
    organization = SimulatedOrganization(seed=1, actors=5, workspaces=2)
    path = report.endpoint.request(workspace_id=organization.workspaces[1].id).path
    with running(AdminApi(organization, key=KEY)) as base_url:
        url = f"{base_url}{path}?{WAYS.get(report.endpoint.name, '').format(day=day)}"
        answer = get(
            url,
            **{
                "x-api-key": KEY,
                "anthropic-version": "2023-06-01",
                "anthropic-beta": ",".join((SPEED_BETA, *SPEND_LIMITS.betas)),
            },
        )
    assert answer.status_code == 200, answer.text
    unknown = {path for path in sent(answer.json()) if not report.shown_as(path) and path not in report.unread}
    assert unknown == set(), "read them, or say in `unread` why not"


def sent(value: object, path: str = "") -> Iterator[str]:
    """Dotted paths as the reference has them."""
    if isinstance(value, list):
        for element in value:
            yield from sent(element, path)
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from sent(below, path if name in {"data", "results"} else f"{path}.{name}".strip("."))
    elif path:
        yield path


def test_what_is_not_described_is_found() -> None:
    setting = next(leaves())
    assert reference.undescribed_settings([setting._replace(description=" ")]) == [setting.env]
    known = families()
    tokens = next(family for family in known if family.name == "anthropic_usage_tokens")
    bare = replace(tokens, name="anthropic_new", meaning="", unit="", own=("new",))
    assert reference.undescribed_families([*known, bare]) == [
        "anthropic_new: no meaning",
        "anthropic_new: no unit",
        "anthropic_new: label new is not in MEANINGS",
    ]


def test_a_field_that_is_not_described_is_found() -> None:
    result = msgspec.defstruct("Result", [("brand_new", int), ("description", str)], bases=(UsageResult,), kw_only=True)
    page = msgspec.defstruct("Page", [("data", list[result])])  # type: ignore[valid-type]  # made here
    usage, cost, *_ = REPORTS
    found = reference.undescribed_fields(
        replace(usage, endpoint=replace(usage.endpoint, shape=page), unread={"description": "why"})
    )
    assert "brand_new: is read, add what becomes of it to uses" in found
    assert "description: in unread, but read" in found
    assert "has_more: in uses, but not read" in found
    assert "output_tokens: source of anthropic_usage_tokens, but not read" in reference.undescribed_fields(
        replace(cost, families=usage.families)
    )


def test_the_prose_names_only_what_there_is() -> None:
    others = {"CHANGELOG.md", "grafana/runbook.md"}  # what was, and the rules' own names
    texts = "\n".join(text for path, text in PAGES.items() if path not in others)
    prose = re.sub(r"https?://\S+", "", reference.BLOCK.sub("", texts))
    names = [family.name for family in families()]
    for name, wildcard in re.findall(r"\b(anthropic_[a-z_]+)(\*?)", prose):
        assert name in names or (wildcard and any(each.startswith(name) for each in names)), name
    for ending in re.findall(r"…(_[a-z_]+)", prose):
        assert any(name.endswith(ending) for name in names), ending
    settings = list(leaves())
    flags = {flag for setting in settings for flag in (setting.flag, setting.off_flag)}
    assert set(re.findall(r"--(?:no-)?[a-z-]+\.[a-z-]+", prose)) <= flags
    assert set(re.findall(r"ANTHROPIC_[A-Z_]+", prose)) <= {setting.env for setting in settings} | {
        "ANTHROPIC_EXPORTER_USAGE_DAYS"
    }


def test_the_instructions_name_only_files_and_targets_that_there_are() -> None:
    root = reference.ROOT
    targets = re.findall(r"^([a-z-]+):.*##", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in re.findall(r"`make ([a-z ]+)`", CONTRIBUTING):
        assert set(command.split()) <= set(targets), command
    for path in re.findall(r"`((?:exporter|tests)/[\w./]+)`|`([A-Z]+\.md)`", CONTRIBUTING):
        assert (root / "".join(path)).exists(), path


def test_prometheus_answers_every_recipe(program: Callable[[str], str], tmp_path: Path) -> None:
    assert len(RECIPES) == 9
    with exporter("demo", "--no-demo.growth") as (_, base_url):
        until_ready(base_url)
        with prometheus(program("prometheus"), tmp_path, {"anthropic": [base_url.removeprefix("http://")]}) as url:
            eventually(lambda: query(url, "anthropic_exporter_up == 1"), "a scrape")
            for title, recipe in RECIPES.items():
                found = query(url, recipe)
                assert found or title.startswith(MAY_BE_EMPTY), title
                assert not any(float(sample["value"][1]) < 0 for sample in found), title
                for selector in re.findall(r"anthropic_\w+(?:\{[^}]*\})?", recipe):  # also where an alert is empty
                    assert query(url, selector) or selector in EMPTY_SELECTORS, selector
