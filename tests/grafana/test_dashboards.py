"""The dashboards: their JSON is what their code makes, in the house's form, and every query has an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple

import httpx
import pytest

from exporter.demo.organization import Organization
from grafana.dashboards.__main__ import FOLDER, dashboards
from tests import reference
from tests.exporting import Exposed
from tests.processes import eventually, exporter, until_ready
from tests.test_prometheus import ACTORS, DEMO, SEED, WORKSPACES, prometheus, query
from tests.truth import expected

Json = dict[str, Any]
DASHBOARDS: dict[str, Json] = {name: json.loads(text) for name, text in dashboards().items()}
ANYTHING = ".*"
INTERVAL = "30s"

# Panels whose query may find nothing, and why.
MAY_BE_EMPTY = {
    "Daily cost from Prometheus' own storage": "needs two days of scrapes",
    "Failing now": "nothing fails",
    "Failures by reason": "nothing has failed",
}
# One series of a panel that has others.
MAY_BE_EMPTY_SERIES = {
    "Yesterday": "needs a day of scrapes",
    "A week ago": "needs a week of scrapes",
}
# In the first hour of a day, or of a month.
NOT_REPORTED_YET = {"Today so far", "Month to date", "Workspaces"}
NOT_SHOWN = {
    "process_virtual_memory_bytes": "the resident memory is what a container is limited by",
}


class Query(NamedTuple):
    dashboard: str
    panel: str
    legend: str
    expr: str
    is_range: bool


def panels(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _queries() -> Iterator[Query]:
    for dashboard in DASHBOARDS.values():
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                is_range = target.get("range", False)
                yield Query(dashboard["uid"], panel["title"], target.get("legendFormat", ""), target["expr"], is_range)


QUERIES = list(_queries())


def variables(dashboard: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def each_dashboard() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))


# The form


def test_the_json_is_what_the_code_makes() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == dashboards(), (
        "if this is meant: make dashboards"
    )


@each_dashboard()
def test_a_dashboard_can_be_found_and_leads_to_the_others(dashboard: Json) -> None:
    assert dashboard["uid"].startswith("anthropic-")
    assert dashboard["title"].startswith("Anthropic / ")
    assert dashboard["description"]
    assert dashboard["tags"] == ["anthropic"]
    assert [link["tags"] for link in dashboard["links"]] == [["anthropic"]]
    assert dashboard["timezone"] == "utc"
    assert dashboard["editable"] is False


def test_identifiers_are_unique() -> None:
    uids = [dashboard["uid"] for dashboard in DASHBOARDS.values()]
    assert len(set(uids)) == len(uids)


@each_dashboard()
def test_variables_offer_everything_and_follow_the_data_source(dashboard: Json) -> None:
    found = variables(dashboard)
    assert list(found)[:3] == ["datasource", "job", "organization"]
    assert found["datasource"]["type"] == "datasource"
    for variable in found.values():
        assert variable["label"]
        if variable["type"] == "query":
            assert variable["multi"]
            assert variable["includeAll"]
            assert variable["allValue"] in {".*", ".+"}
            assert variable["datasource"]["uid"] == "${datasource}"
            assert variable["refresh"] == 2, "on a change of the time range"


@each_dashboard()
def test_every_variable_is_used(dashboard: Json) -> None:
    text = json.dumps(dashboard)
    for name in variables(dashboard):
        assert re.search(rf"\$\{{?{name}\b", text), name


@each_dashboard()
def test_every_panel_says_what_it_shows_and_what_no_data_means(dashboard: Json) -> None:
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"], panel["title"]
        if panel["type"] == "text":
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]
        assert defaults["thresholds"]["steps"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert panel["targets"], panel["title"]


@each_dashboard()
def test_panels_lie_side_by_side_in_whole_rows(dashboard: Json) -> None:
    boxes = [(panel["title"], panel["gridPos"]) for panel in dashboard["panels"]]
    for title, box in boxes:
        assert 0 <= box["x"] < box["x"] + box["w"] <= 24, title
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, f"{one} lies on {other}"
    covered = sum(box["w"] * box["h"] for _, box in boxes)
    assert covered == 24 * max(box["y"] + box["h"] for _, box in boxes), "there are holes"


@each_dashboard()
def test_the_banner_comes_first(dashboard: Json) -> None:
    assert "anthropic_exporter_demo" in dashboard["panels"][0]["targets"][0]["expr"]


# Expressions


SELECTOR = re.compile(r"\b((?:anthropic|process)_[a-z0-9_]+)(\{[^}]*\})?")


def selectors(expr: str) -> list[tuple[str, str]]:
    """Names of families and their matchers."""
    return SELECTOR.findall(expr)


@pytest.mark.parametrize("one", QUERIES, ids=lambda one: f"{one.dashboard}: {one.panel}")
class TestExpression:
    def test_it_is_of_the_chosen_jobs(self, one: Query) -> None:
        assert selectors(one.expr)
        for name, matchers in selectors(one.expr):
            assert 'job=~"$job"' in matchers, name

    def test_it_names_only_families_and_labels_that_there_are(self, one: Query) -> None:
        known = {family.name: {*family.labels, "job", "instance", "organization"} for family in reference.families()}
        known |= {f"{name}_bucket": labels | {"le"} for name, labels in known.items()}
        for label in reference.optional_labels():
            known["anthropic_usage_tokens"].add(label)
        for name, matchers in selectors(one.expr):
            assert name in known, name
            assert set(re.findall(r"(\w+)(?:=~|!=|=)", matchers)) <= known[name], name
        every = set().union(*known.values()) | {"pod", "node"}
        for grouping in re.findall(r"\b(?:by|without|on|group_left|ignoring) \(([^)]*)\)", one.expr):
            assert set(filter(None, grouping.split(", "))) <= every

    def test_counters_are_rated_and_day_gauges_are_not(self, one: Query) -> None:
        for name in re.findall(r"\b(?:rate|increase)\((\w+)", one.expr):
            assert name.endswith(("_total", "_bucket")), name
        for name, _ in selectors(one.expr):
            if name.endswith(("_total", "_bucket")):
                assert re.search(rf"\b(?:rate|increase)\({name}\{{[^}}]*\}}\[\$__rate_interval\]\)", one.expr)

    def test_replicas_are_merged_before_anything_is_summed(self, one: Query) -> None:
        for name, _ in selectors(one.expr):
            if reference.OF_THE_API.match(name):
                merges = re.findall(
                    rf"(?:max without \(instance, pod, node, [^)]*\)|group by \([^)]*\)) \({name}\b", one.expr
                )
                assert len(merges) == len(re.findall(rf"\b{name}\b", one.expr))


def test_every_family_is_on_a_dashboard_or_there_is_a_reason_why_not() -> None:
    shown = {name.removesuffix("_bucket") for one in QUERIES for name, _ in selectors(one.expr)}
    exposed = {family.name for family in reference.families()}
    assert exposed - shown == set(NOT_SHOWN), "show it, or say in NOT_SHOWN why not"
    assert all(NOT_SHOWN.values())


# Answers of a real Prometheus, which scrapes the demo twice, as if there were two replicas


class Scraped(NamedTuple):
    url: str
    truth: Exposed


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("prometheus")
    with exporter("demo", *DEMO) as (_, base_url):
        until_ready(base_url)
        now = datetime.now(UTC)
        target = base_url.removeprefix("http://")
        replica = target.replace("127.0.0.1", "localhost")
        with prometheus(program("prometheus"), folder, target, replica) as url:
            eventually(lambda: query(url, "min(count_over_time(anthropic_exporter_up[1m])) >= 4"), "scrapes")
            assert len(query(url, "anthropic_exporter_up == 1")) == 2
            yield Scraped(url, expected(Organization(SEED, ACTORS, WORKSPACES, growth=False), now))


def filled_in(expr: str, days: str = "1") -> str:
    expr = re.sub(r'"\$days"', f'"{days}"', expr)
    expr = expr.replace("$__rate_interval", INTERVAL)
    return re.sub(r'"\$\w+"', f'"{ANYTHING}"', expr)


def answer(url: str, one: Query, days: str = "1") -> list[Json]:
    expr = filled_in(one.expr, days)
    if not one.is_range:
        return query(url, expr)
    now = datetime.now(UTC)
    data = {"query": expr, "start": (now - timedelta(seconds=10)).timestamp(), "end": now.timestamp(), "step": "1s"}
    response = httpx.post(f"{url}/api/v1/query_range", data=data, trust_env=False, timeout=30)
    assert response.status_code == 200, response.text
    found: list[Json] = response.json()["data"]["result"]
    return found


def test_every_panel_has_an_answer(scraped: Scraped) -> None:
    excused = {*MAY_BE_EMPTY, *(() if today_is_reported() else NOT_REPORTED_YET)}
    empty = [
        (one.dashboard, one.panel, one.legend, filled_in(one.expr))
        for one in QUERIES
        if one.panel not in excused and one.legend not in MAY_BE_EMPTY_SERIES and not answer(scraped.url, one)
    ]
    assert empty == []


@pytest.mark.parametrize("days", ["0", "1", "[1-7]", ".+"])
def test_breakdowns_have_an_answer_for_every_choice_of_days(scraped: Scraped, days: str) -> None:
    breakdowns = [one for one in QUERIES if '"$days"' in one.expr]
    empty = [one for one in breakdowns if not answer(scraped.url, one, days)]
    assert empty == [] or (days == "0" and not today_is_reported())


def today_is_reported() -> bool:
    """The demo's API is an hour late."""
    return datetime.now(UTC).hour > 0


@each_dashboard()
def test_every_variable_has_values(scraped: Scraped, dashboard: Json) -> None:
    for name, variable in variables(dashboard).items():
        if variable["type"] != "query" or name == "organization":
            continue
        text = filled_in(variable["query"])
        if found := re.fullmatch(r"label_values\((.+), (\w+)\)", text):
            values = {sample["metric"][found[2]] for sample in query(scraped.url, found[1])}
        else:
            (inner,) = re.fullmatch(r"query_result\((.+)\)", text).groups()  # type: ignore[union-attr]  # it matches
            pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
            shown = [
                f"{{{', '.join(f'{k}={json.dumps(v)}' for k, v in sorted(s['metric'].items()))}}} 1 1"
                for s in query(scraped.url, inner)
            ]
            values = {m["value"] for m in map(pattern.search, shown) if m and m["text"]}
            assert len(values) == len(shown)
        assert values, name


HEADLINES = {
    ("anthropic-cost", "Yesterday"): ("anthropic_cost_usd", {"days_ago": "1"}),
    ("anthropic-cost", "Month to date"): ("anthropic_cost_month_to_date_usd", {}),
    ("anthropic-usage", "Tokens yesterday"): ("anthropic_usage_tokens", {"days_ago": "1"}),
    ("anthropic-usage", "Tokens today"): ("anthropic_usage_tokens", {"days_ago": "0"}),
    ("anthropic-usage", "Web searches"): ("anthropic_usage_web_search_requests", {"days_ago": "1"}),
    ("anthropic-claude-code", "Active developers"): ("anthropic_claude_code_active_actors", {"days_ago": "1"}),
    ("anthropic-claude-code", "Sessions"): ("anthropic_claude_code_sessions", {"days_ago": "1"}),
    ("anthropic-claude-code", "Commits"): ("anthropic_claude_code_commits", {"days_ago": "1"}),
    ("anthropic-claude-code", "Pull requests"): ("anthropic_claude_code_pull_requests", {"days_ago": "1"}),
    ("anthropic-claude-code", "Estimated cost"): ("anthropic_claude_code_estimated_cost_usd", {"days_ago": "1"}),
    ("anthropic-claude-code", "Lines added"): (
        "anthropic_claude_code_lines_of_code",
        {"days_ago": "1", "change": "added"},
    ),
}


@pytest.mark.parametrize("headline", HEADLINES, ids=" ".join)
def test_a_headline_is_the_organizations_own_number_however_many_replicas(
    scraped: Scraped, headline: tuple[str, str]
) -> None:
    name, labels = HEADLINES[headline]
    (one,) = [found for found in QUERIES if (found.dashboard, found.panel) == headline]
    (sample,) = answer(scraped.url, one)
    assert float(sample["value"][1]) == pytest.approx(_sum(scraped.truth, name, labels), rel=1e-12)


def test_the_daily_bars_are_the_organizations_own_days(scraped: Scraped) -> None:
    by_panel = {(one.dashboard, one.panel): one for one in QUERIES}
    for panel in ("By workspace", "By model"):
        by_date: dict[str, float] = {}
        for sample in answer(scraped.url, by_panel["anthropic-cost", panel]):
            date = sample["metric"]["date"]
            by_date[date] = by_date.get(date, 0) + float(sample["value"][1])
        truth = [_sum(scraped.truth, "anthropic_cost_usd", {"days_ago": str(age)}) for age in range(30, -1, -1)]
        assert [total for _, total in sorted(by_date.items())] == pytest.approx([t for t in truth if t], rel=1e-9)


def _sum(truth: Exposed, name: str, labels: dict[str, str]) -> float:
    return sum(value for key, value in truth[name].items() if labels.items() <= dict(key).items())
