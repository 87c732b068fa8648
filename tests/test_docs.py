"""The documentation says what the code does, all of it, and what it tells people to run does run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from docs import reference
from docs.reference import REPORTS, Report, families
from exporter.api.endpoints import SPEED_BETA
from exporter.api.shapes.usage import UsageResult
from exporter.contract.labels import MEANINGS
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from exporter.settings.model import leaves
from tests.benchmarks import __main__ as benchmarks
from tests.support.exporting import KEY
from tests.support.processes import eventually, exporter, get, until_ready
from tests.test_prometheus import prometheus, query

README = reference.README.read_text(encoding="utf-8")
CONTRIBUTING = (reference.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECURITY = (reference.ROOT / "SECURITY.md").read_text(encoding="utf-8")
RECIPES = dict(
    re.findall(r"^# (.+)\n((?:[^#\n].*\n)+)", re.findall(r"```promql\n(.*?)```", README, re.DOTALL)[0], re.MULTILINE)
)
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
}


def each_report() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.endpoint.name)


def test_the_readme_has_the_tables_that_the_code_makes() -> None:
    assert set(reference.BLOCKS) < set(re.findall("<!-- generated: (.*) -->", README))
    assert reference.generated(README) == README, "if this is meant: make docs"


def test_the_sizing_table_has_every_size_and_reaches_its_targets() -> None:
    (block,) = [found["content"] for found in reference.BLOCK.finditer(README) if found["name"] == "benchmark"]
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
    of_the_report = exposed | (reference.optional_labels() if report is REPORTS[0] else set())
    for use in report.uses.values():
        if found := re.match(r"(?:the day: )?labels? (`\w+`(?:, `\w+`)*)", use):
            assert set(re.findall(r"\w+", found[1])) <= of_the_report, use


@each_report()
def test_every_field_that_the_api_sends_is_accounted_for(report: Report) -> None:
    day = f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}"
    with running(AdminApi(SimulatedOrganization(seed=1, actors=5, workspaces=2), key=KEY)) as base_url:
        url = f"{base_url}/v1/organizations/{report.endpoint.name}?{WAYS.get(report.endpoint.name, '').format(day=day)}"
        answer = get(url, **{"x-api-key": KEY, "anthropic-version": "2023-06-01", "anthropic-beta": SPEED_BETA})
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
    prose = reference.BLOCK.sub("", README) + CONTRIBUTING + SECURITY
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
    for link in re.findall(r"\]\(([^#)]+)\)", README):
        assert (root / link).exists(), link
    headings = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", README, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings


def test_prometheus_answers_every_recipe_of_the_readme(program: Callable[[str], str], tmp_path: Path) -> None:
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
