"""The dashboards: their JSON is what their code makes, in the house's form, and every query has an answer."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from itertools import combinations
from statistics import fmean

import httpx
import pytest
import yaml

from docs import reference
from grafana.dashboards import budgets, cost, organization
from grafana.dashboards.__main__ import FOLDER, dashboards
from grafana.dashboards.panels import GREY
from grafana.dashboards.promql import DAY_SECONDS, STALE_INTERVALS
from grafana.dashboards.words import COLLECTORS
from tests.support.grafana.panels import (
    ACME_ALONE,
    DASHBOARDS,
    HOUR_SECONDS,
    NOT_REPORTED_YET,
    QUERIES,
    Json,
    Query,
    Scraped,
    answer,
    filled_in,
    number,
    numbers,
    panels,
    sum_of,
    today_is_reported,
    variables,
)
from tests.support.grafana.rules import rules
from tests.support.grafana.selectors import known, selectors, unknown_labels

# Panels whose query may find nothing, and why.
MAY_BE_EMPTY = {
    "Each day from Prometheus' own storage": "needs two days of scrapes",
    **dict.fromkeys(
        ("Developers over weeks", "Sessions over weeks", "Estimated cost over weeks", "Acceptance over weeks"),
        "needs a day of scrapes",
    ),
    "Firing alerts": "needs the rules",
    "Latency": "needs a request after the first scrape",
    "How old these numbers are": "each of its queries is of another state",
    "Budgets": "needs the rules, and a budget",
    "Failing now": "nothing fails",
    "Failures by reason": "nothing has failed",
}
# One series of a panel that has others.
MAY_BE_EMPTY_SERIES = {
    "Yesterday": "needs a day of scrapes",
    "A week ago": "needs a week of scrapes",
}
NOT_SHOWN = {
    "process_virtual_memory_bytes": "the resident memory is what a container is limited by",
    "anthropic_rate_limit_model_info": "joins models to the groups of the ceilings",
    "anthropic_price_changed_timestamp_seconds": "mutes alerts for an hour; the prices are shown",
    "anthropic_exporter_web_requests_total": "what clients ask is no concern of who reads the numbers",
    "anthropic_exporter_folded_series": "there only where a bound is set; the log tells when it works",
    "anthropic_exporter_config_last_reload_successful": "whoever sends the signal looks; the earlier map stays",
    "anthropic_exporter_config_last_reload_success_timestamp_seconds": "as above",
}


OF_NO_JOB = {"anthropic:threshold:constant"}  # there whenever the rules are, with an exporter or without one


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
        if variable["type"] == "query" and variable["name"] != "tag":  # one of them at a time
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
        if panel["type"] == "text":
            continue
        assert panel["description"], panel["title"]
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


@each_dashboard()
def test_no_data_is_never_coloured_as_a_value(dashboard: Json) -> None:
    for panel in panels(dashboard):
        if panel["type"] in {"stat", "bargauge"}:
            colors = [step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
            assert colors[0] == GREY, panel["title"]
            assert GREY not in colors[1:], panel["title"]


@each_dashboard()
def test_a_link_takes_no_time_range_along_that_cannot_be_seen(dashboard: Json) -> None:
    """Most dashboards are of now, and have no time picker."""
    assert [link["keepTime"] for link in dashboard["links"]] == [False]


# Expressions


WHOLE_REPLICA = r"max by \(job, organization([^)]*)\) \(sum by \(job, organization\1, instance, pod, node\)"
EACH_SAMPLE = r"(?:max without \(instance, pod, node, [^)]*\)|group by \([^)]*\))"


@pytest.mark.parametrize("one", QUERIES, ids=lambda one: f"{one.dashboard}: {one.panel}")
class TestExpression:
    def test_it_is_of_the_chosen_jobs(self, one: Query) -> None:
        assert selectors(one.expr)
        for name, matchers in selectors(one.expr):
            assert name in OF_NO_JOB or 'job=~"$job"' in matchers, name

    def test_it_names_only_families_and_labels_that_there_are(self, one: Query) -> None:
        assert {name for name, _ in selectors(one.expr)} <= known().keys() | recorded()
        assert unknown_labels(one.expr) == set()

    def test_counters_are_rated_and_day_gauges_are_not(self, one: Query) -> None:
        for name in re.findall(r"\b(?:rate|increase)\((\w+)", one.expr):
            assert name.endswith(("_total", "_bucket")), name
        for name, _ in selectors(one.expr):
            if name.endswith(("_total", "_bucket")):
                assert re.search(rf"\b(?:rate|increase)\({name}\{{[^}}]*\}}\[(?:\$__rate_interval|1h)\]\)", one.expr)

    def test_each_replica_is_summed_by_itself(self, one: Query) -> None:
        """Two of them may have two days, or two states of a report: their samples together are no sum of anything."""
        for name, _ in selectors(one.expr):
            if reference.OF_THE_API.match(name):
                found = re.findall(rf"(?:{WHOLE_REPLICA}|{EACH_SAMPLE}) \(+{name}\b", one.expr)
                assert len(found) == len(re.findall(rf"\b{name}\b", one.expr))
        assert not re.search(rf"\bsum(?: by \([^)]*\) )?\({EACH_SAMPLE}", one.expr)


def recorded() -> set[str]:
    """What the recording rules make for dashboards."""
    (group,) = yaml.safe_load((FOLDER.parent / "alerts" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["record"] for rule in group["rules"] if rule.get("record", "").startswith("anthropic:")} | OF_NO_JOB


def test_what_is_judged_is_judged_as_the_alerts_do() -> None:
    limits = {
        rule["labels"]["threshold"]: float(rule["expr"].removeprefix("vector(").removesuffix(")"))
        for rule in rules()
        if rule.get("record") == "anthropic:threshold:constant" and "collector" not in rule["labels"]
    }
    assert [limit for limit, _ in budgets.SHARE] == [None, limits["budget_near_ratio"], limits["budget_full_ratio"]]
    assert limits["workspace_cost_spike_usd"] == cost.JUDGED_USD
    assert limits["stale_intervals"] == STALE_INTERVALS
    assert limits["api_key_expiry_seconds"] == organization.EXPIRING_DAYS * DAY_SECONDS
    assert limits["api_key_age_seconds"] == organization.OLD_DAYS * DAY_SECONDS


def test_every_family_is_on_a_dashboard_or_there_is_a_reason_why_not() -> None:
    shown = {name.removesuffix("_bucket") for one in QUERIES for name, _ in selectors(one.expr)} - recorded()
    exposed = {family.name for family in reference.families()}
    assert exposed - shown == set(NOT_SHOWN), "show it, or say in NOT_SHOWN why not"
    assert all(NOT_SHOWN.values())


# Answers of a real Prometheus


CHOICES: dict[str, dict[str, str]] = {
    "everything": {},
    "one organization": {"organization": "Acme", "job": "anthropic"},
    "two organizations": {"organization": '(Acme|R&D "b")', "job": "(anthropic|b)"},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_every_panel_has_an_answer(scraped: Scraped, choice: str) -> None:
    excused = {*MAY_BE_EMPTY, *(() if today_is_reported(scraped.now) else NOT_REPORTED_YET)}
    empty = [
        (one.dashboard, one.panel, one.legend, filled_in(one.expr, **CHOICES[choice]))
        for one in QUERIES
        if one.panel not in excused
        and one.legend not in MAY_BE_EMPTY_SERIES
        and not answer(scraped, one, **CHOICES[choice])
    ]
    assert empty == []


@pytest.mark.parametrize("choice", CHOICES)
def test_a_page_says_once_when_its_numbers_were_read(scraped: Scraped, choice: str) -> None:
    for dashboard in DASHBOARDS.values():
        states = [one for one in QUERIES if one[:2] == (dashboard["uid"], "How old these numbers are")]
        found = {one.legend: answer(scraped, one, **CHOICES[choice]) for one in states}
        read = {f"{word}, last read" for word in COLLECTORS.values()} & found.keys()
        assert {name for name, samples in found.items() if samples} - {"Reported until"} == read
        for sample in (sample for name in read for sample in found[name]):
            assert 0 < scraped.now.timestamp() - float(sample["value"][1]) / 1000 < HOUR_SECONDS


@pytest.mark.parametrize("days", ["0", "1", "[1-7]", ".+"])
def test_breakdowns_have_an_answer_for_every_choice_of_days(scraped: Scraped, days: str) -> None:
    breakdowns = [one for one in QUERIES if '"$days"' in one.expr]
    empty = [one for one in breakdowns if not answer(scraped, one, days)]
    assert empty == [] or (days == "0" and not today_is_reported(scraped.now))


def test_panels_name_labels_that_their_answers_have(scraped: Scraped) -> None:
    for dashboard in DASHBOARDS.values():
        for panel in panels(dashboard):
            if panel["title"] in MAY_BE_EMPTY or panel["type"] == "text":
                continue
            answers = [answer(scraped, one) for one in QUERIES if one[:2] == (dashboard["uid"], panel["title"])]
            found = {label for samples in answers for sample in samples for label in sample["metric"]}
            assert named_labels(panel) <= found, (dashboard["uid"], panel["title"])


def named_labels(panel: Json) -> set[str]:
    """In legends, on the axis of bars, in the columns of tables."""
    labels = {
        label for target in panel["targets"] for label in re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))
    }
    if panel["type"] == "barchart":
        labels |= set(panel["options"]["xField"].split("\\"))
    for transformation in panel.get("transformations", []):
        columns = transformation["options"].get("renameByName", {})
        named = {part for name in columns if not name.startswith("Value") for part in name.split("\\")}
        labels |= named - {"organization"}  # where there is one
    return labels


@each_dashboard()
def test_tables_sort_and_format_columns_that_they_have(dashboard: Json) -> None:
    for panel in panels(dashboard):
        if panel["type"] == "table":
            (organize,) = [each["options"] for each in panel["transformations"] if each["id"] == "organize"]
            titles = set(organize["renameByName"].values())
            assert {sort["displayName"] for sort in panel["options"].get("sortBy", [])} <= titles
            matchers = [override["matcher"] for override in panel["fieldConfig"]["overrides"]]
            assert {each["options"] for each in matchers if each["id"] == "byName"} <= titles
            assert not panel["options"]["footer"].get("fields"), "they are compared with names, which are no titles"


@each_dashboard()
def test_every_variable_has_values(scraped: Scraped, dashboard: Json) -> None:
    for name, variable in variables(dashboard).items():
        if variable["type"] != "query":
            continue
        text = filled_in(variable["query"])
        if text == "label_names()":
            names = httpx.get(f"{scraped.url}/api/v1/labels", trust_env=False).json()["data"]
            shown = [found[1] for found in map(re.compile(variable["regex"].strip("/")).search, names) if found]
            assert shown == ["tag_cost_center", "tag_team", "workspace_geo"]
            continue
        if found := re.fullmatch(r"label_values\((.+), (\w+)\)", text):
            values = {sample["metric"][found[2]] for sample in scraped.query(found[1])}
        else:
            (inner,) = re.fullmatch(r"query_result\((.+)\)", text).groups()  # type: ignore[union-attr]  # it matches
            pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
            shown = [as_grafana_shows_it(sample) for sample in scraped.query(inner)]
            matches = [found for found in map(pattern.search, shown) if found]
            assert len(matches) == len(shown)
            assert any('"' in match["text"] for match in matches), "the demo has a name with quotes"
            values = {match["value"] for match in matches}
        assert values, name


def as_grafana_shows_it(sample: Json) -> str:
    """The text that a variable's regex sees: Grafana's `query_result` joins labels without a space or an escape."""
    labels = ",".join(f'{name}="{text}"' for name, text in sample["metric"].items())
    return f"{{{labels}}} {sample['value'][1]} {sample['value'][0] * 1000}"


HEADLINES = {
    ("anthropic-cost", "Newest day"): ("anthropic_cost_usd", {"days_ago": "1"}),
    ("anthropic-cost", "Month to date"): ("anthropic_cost_month_to_date_usd", {}),
    ("anthropic-usage", "Tokens yesterday"): ("anthropic_usage_tokens", {"days_ago": "1"}),
    ("anthropic-usage", "Tokens today so far"): ("anthropic_usage_tokens", {"days_ago": "0"}),
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
    assert number(scraped, *headline) == pytest.approx(sum_of(scraped.truth, name, labels), rel=1e-12)


def test_shares_and_prices_are_the_organizations_own(scraped: Scraped) -> None:
    def tokens(**labels: str) -> float:
        return sum_of(scraped.truth, "anthropic_usage_tokens", {"days_ago": "1", **labels})

    def code(name: str, **labels: str) -> float:
        return sum_of(scraped.truth, f"anthropic_claude_code_{name}", {"days_ago": "1", **labels})

    prompt, estimate = tokens() - tokens(token_type="output"), code("estimated_cost_usd")
    truth = {
        ("anthropic-usage", "Cache hit ratio"): tokens(token_type="cache_read") / prompt,
        ("anthropic-claude-code", "Cost per commit"): estimate / code("commits"),
        ("anthropic-claude-code", "Cost per pull request"): estimate / code("pull_requests"),
        ("anthropic-claude-code", "Tool acceptance"): (
            code("tool_actions", decision="accepted") / code("tool_actions")
        ),
    }
    assert {panel: number(scraped, *panel) for panel in truth} == pytest.approx(truth, rel=1e-9)


def test_changes_and_the_month_end_follow_from_the_organizations_own_days(scraped: Scraped) -> None:
    days = [sum_of(scraped.truth, "anthropic_cost_usd", {"days_ago": str(age)}) for age in range(31)]
    mean, left = fmean(days[2:9]), _days_left(scraped.now)
    month = sum_of(scraped.truth, "anthropic_cost_month_to_date_usd", {})
    month_before = sum_of(scraped.truth, "anthropic_cost_previous_month_usd", {})
    truth = {
        ("Newest day", 0): days[1],
        ("Newest day", 1): days[8],
        ("Month end, projected", 0): month + left * mean,
        ("Month end, projected", 1): month_before,
        ("At the newest day's pace", 0): month + left * days[1],
    }
    found = {(panel, place): numbers(scraped, "anthropic-cost", panel)[place] for panel, place in truth}
    # The last refresh was a little earlier.
    assert found == pytest.approx(truth, rel=1e-3)


def test_the_month_end_is_of_all_models_whatever_model_is_chosen(scraped: Scraped) -> None:
    whole = number(scraped, "anthropic-cost", "Month end, projected")
    of_a_model = number(scraped, "anthropic-cost", "Month end, projected", model="claude-opus-5-5")
    assert of_a_model == pytest.approx(whole, rel=1e-3)


def _days_left(now: datetime) -> float:
    """From what the demo has reported, which is until now if it is anything of today."""
    reported = now if today_is_reported(now) else now.replace(hour=0, minute=0, second=0, microsecond=0)
    next_month = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (next_month - reported) / timedelta(days=1)


def test_the_daily_bars_are_the_organizations_own_days(scraped: Scraped) -> None:
    by_panel = {(one.dashboard, one.panel): one for one in QUERIES}
    truth = [sum_of(scraped.truth, "anthropic_cost_usd", {"days_ago": str(age)}) for age in range(30, -1, -1)]
    for panel in ("Each day by workspace", "Each day by model"):
        by_date: dict[str, float] = {}
        for sample in answer(scraped, by_panel["anthropic-cost", panel], **ACME_ALONE):
            date = sample["metric"]["date"]
            by_date[date] = by_date.get(date, 0) + float(sample["value"][1])
        assert [total for _, total in sorted(by_date.items())] == pytest.approx([t for t in truth if t], rel=1e-9)
