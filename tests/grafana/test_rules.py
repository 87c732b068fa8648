"""Each alert fires when it has to and says what it has to, and is silent when that is only nearly so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from docs.reference import ROOT
from grafana.alerts.__main__ import PARAGRAPHS
from grafana.alerts.__main__ import text as made
from grafana.alerts.rules import Alert as AlertRule
from tests.support.grafana.cases import CASES, alert_of
from tests.support.grafana.history import (
    DAY,
    DEFAULT,
    HOUR,
    MINUTE,
    RESEARCH,
    TODAY,
    YESTERDAY,
    Exporter,
    Gauge,
    always,
    clock,
    collector,
    cost,
    daily,
    gauge,
    growing,
    late,
    proposals,
    replicas,
    tokens,
)
from tests.support.grafana.organizations import accepting, api_key, minute_of
from tests.support.grafana.rules import (
    FILES,
    RUNBOOK_URL,
    Alert,
    Check,
    Rule,
    alerts,
    complaint,
    disagreement,
    firing,
    groups,
    rules,
    words_of,
)

Program = Callable[[str], str]
Expect = Callable[..., None]

LEVEL_METRIC_OPERATION = re.compile(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+")
CAMEL_CASE = re.compile(r"Anthropic([A-Z][a-z]+)+")
PANELS = re.compile(r"See (?:the exporter's log, and )?(.+?) on the (Cost|Usage|Claude Code|Exporter health) dashboard")
THRESHOLD = re.compile(r'anthropic:threshold:constant\{threshold="(\w+)"\}')
VALUE = re.compile(r"\{\{\s*\$value\s*(?:\|\s*(\w+)\s*)?\}\}")

OF_RESEARCH = {"scope": "workspace", "workspace": RESEARCH.name, "workspace_id": RESEARCH.identifier}

each_alert = pytest.mark.parametrize("alert", alerts())


# Each alert


@each_alert
def test_it_fires_with_its_labels_and_texts_once_it_has_been_so_for_long_enough(alert: str, expect: Expect) -> None:
    case = CASES[alert]
    checks = Check(alert, case.after - case.step), Check(alert, case.after, [alert_of(alert)])
    expect([case.fires], *checks, step=case.step)


@each_alert
def test_it_is_silent_when_that_is_only_nearly_so(alert: str, expect: Expect) -> None:
    case = CASES[alert]
    expect([case.silent], Check(alert, case.after), Check(alert, case.after + 2 * HOUR), step=case.step)


@pytest.mark.parametrize("alert", [alert for alert in alerts() if alert != "AnthropicDemoData"])
def test_replicas_fire_it_once_whatever_another_organization_in_the_job_does(alert: str, expect: Expect) -> None:
    case = CASES[alert]
    other = replace(case.silent, organization="other")
    exporters = [*replicas(case.fires), *replicas(other, "other")]
    expect(exporters, Check(alert, case.after, [alert_of(alert)]), step=case.step)


@each_alert
def test_it_fires_where_the_organization_has_no_name(alert: str, expect: Expect) -> None:
    case = CASES[alert]
    check = Check(alert, case.after, [alert_of(alert, organization="")])
    expect([replace(case.fires, organization="")], check, step=case.step)


# What is not so, or so in another way


def test_every_exporter_in_demo_mode_is_named(expect: Expect) -> None:
    alert = "AnthropicDemoData"
    exporters = [replace(CASES[alert].fires, instance=name) for name in ("one", "two")]
    text = "{} of job anthropic runs in demo mode: its numbers are invented. See the target's settings."
    fires = [alert_of(alert, text.format(name), instance=name) for name in ("one", "two")]
    expect(exporters, Check(alert, 5 * MINUTE, fires))


@pytest.mark.parametrize("alert", ["AnthropicCredentialsRejected", "AnthropicCollectorFailing"])
def test_a_replica_that_works_is_enough(alert: str, expect: Expect) -> None:
    failing = CASES[alert].fires
    works = [replace(each, value=always("up" in each.name)) for each in failing.gauges]
    expect([failing, replace(failing, gauges=works, instance="exporter-1:9817")], Check(alert, 2 * HOUR))


def test_a_key_that_several_collectors_use_is_rejected_once(expect: Expect) -> None:
    alert = "AnthropicCredentialsRejected"
    rejected = [
        gauge("anthropic_exporter_collector_failing", 1, collector=name, reason="auth") for name in ("cost", "usage")
    ]
    text = CASES[alert].description.replace("fail for it: 1.", "fail for it: 2.")
    expect([Exporter(gauges=rejected)], Check(alert, 5 * MINUTE, [alert_of(alert, text)]))


def test_a_collector_that_is_not_available_is_not_stale(expect: Expect) -> None:
    alert = "AnthropicDataStale"
    gone = [replace(each, value=always(0)) if "available" in each.name else each for each in CASES[alert].fires.gauges]
    expect([Exporter(gauges=gone)], Check(alert, 2 * HOUR))


def test_data_stay_stale_when_a_restart_has_forgotten_the_last_success(expect: Expect) -> None:
    alert = "AnthropicDataStale"
    known = CASES[alert].fires

    def forgotten(each: Gauge) -> Gauge:
        before = each.value
        is_last = "last_success" in each.name
        return replace(each, value=lambda now: None if is_last and minute_of(now) >= 30 else before(now))

    restarted = replace(known, gauges=[*map(forgotten, known.gauges)])
    expect([restarted], Check(alert, HOUR, [alert_of(alert)]))


@pytest.mark.parametrize("alert", ["AnthropicApiKeyExpiring", "AnthropicApiKeyNotRotated"])
@pytest.mark.parametrize("status", ["inactive", "archived", "expired"])
def test_a_key_that_is_not_active_may_be_as_old_as_it_is(alert: str, status: str, expect: Expect) -> None:
    expect([Exporter(gauges=api_key(status=status, created=-500 * 86_400, expires=0))], Check(alert, 2 * HOUR))


@pytest.mark.parametrize("alert", ["AnthropicApiKeyExpiring", "AnthropicApiKeyNotRotated"])
def test_a_key_counts_by_the_status_that_was_read_last(alert: str, expect: Expect) -> None:
    active, before = (Exporter(gauges=api_key(status=of, created=-5e7, expires=0)) for of in ("inactive", "active"))
    _, last = replicas(active)
    first, _ = replicas(before)
    expect([first, last], Check(alert, 2 * HOUR))


@pytest.mark.parametrize(
    ("alert", "today", "share"),
    [
        ("AnthropicBudgetHalfUsed", 2550, "51%"),
        ("AnthropicBudgetNearlyUsed", 4050, "81%"),
        ("AnthropicBudgetExceeded", 5050, "101%"),
    ],
)
def test_a_workspaces_budget_names_it(alert: str, today: float, share: str, expect: Expect) -> None:
    text = (
        f"{share} of the workspace's budget for this month is used, workspace Research, example. See Budgets on the "
        "Cost dashboard."
    )
    fires = [alert_of(alert, text, **OF_RESEARCH)]
    expect(replicas(Exporter([cost(daily(0, {TODAY: today}), RESEARCH)])), Check(alert, 15 * MINUTE, fires))


def test_a_workspaces_budget_is_projected(expect: Expect) -> None:
    alert = "AnthropicBudgetProjectedToExceed"
    text = (
        "103.9% of the workspace's budget will be used at the month's end, if the days that are left cost as much as "
        "the last seven did, workspace Research, example. See Budgets on the Cost dashboard."
    )
    exporters = replicas(Exporter([cost(daily(162.5), RESEARCH), cost(daily(100))]))
    expect(exporters, Check(alert, HOUR, [alert_of(alert, text, **OF_RESEARCH)]))


@pytest.mark.parametrize(
    ("alert", "limit", "value", "shown", "ages"),
    [
        ("AnthropicCostSpike", 250, 251, "$251", (0, 1, 2, 3, 4)),
        ("AnthropicWorkspaceCostSpike", 225, 226, "$226", (0, 1, 2, 3, 4)),
        ("AnthropicTokenSpike", 2.5e8, 2.51e8, "251M", (0, 1, 2)),
    ],
)
def test_a_day_is_measured_by_the_median_of_the_seven_before_it_however_late_it_is_reported(
    alert: str, limit: float, value: float, shown: str, ages: tuple[int, ...], expect: Expect
) -> None:
    """Which would be another one with another day at either end. Each organization has another such day."""
    of_tokens = alert == "AnthropicTokenSpike"
    usual = 1000 * (1e6 if of_tokens else 1)
    week = [amount * usual for amount in (0.01, 0.01, 1, 0.1, 1, 1, 0.01)]

    def organization(name: str, age: int, amount: float) -> Exporter:
        day = TODAY - age * DAY
        since = dict.fromkeys((TODAY - newer * DAY for newer in range(age)), 0.0)
        measured = daily(usual, {day - number * DAY: each for number, each in enumerate([amount, *week])} | since)
        days = (
            [tokens(measured), cost(late(daily(0), 24 * (age - 1) + 1))]  # all but that day's is reported
            if of_tokens
            else [cost(measured, RESEARCH)]
        )
        return Exporter(days, instance=f"{name}:9817", organization=name)

    def spike(name: str, age: int) -> Alert:
        case, day = CASES[alert], str(TODAY - age * DAY)
        before, _ = case.description.split(" ", 1)
        text = case.description.replace(before, shown).replace(case.labels["date"], day).replace("example", name)
        text = re.sub(r", \$[0-9.]+ of it estimated", "", text)  # the bill is all there is
        return alert_of(alert, text, name, date=day)

    exporters = [organization(f"near-{age}", age, limit) for age in ages]
    exporters += [organization(f"spike-{age}", age, value) for age in ages]
    expect(exporters, Check(alert, 15 * MINUTE, [spike(f"spike-{age}", age) for age in ages]))


@pytest.mark.parametrize(
    ("alert", "used"),
    [
        ("AnthropicBudgetExceeded", "for this month is used"),
        (
            "AnthropicBudgetProjectedToExceed",
            "will be used at the month's end, if the days that are left cost as much as the last seven did",
        ),
    ],
)
def test_a_budget_counts_days_of_the_month_that_are_no_longer_exposed(alert: str, used: str, expect: Expect) -> None:
    named = {"workspace": RESEARCH.name, "workspace_id": RESEARCH.identifier}
    exporter = Exporter(gauges=[gauge("anthropic_cost_month_to_date_usd", 5050, **named)])
    see = CASES[alert].description.split("example. ")[1]
    text = f"101% of the workspace's budget {used}, workspace Research, example. {see}"
    expect(replicas(exporter), Check(alert, HOUR, [alert_of(alert, text, **OF_RESEARCH)]))


def test_a_model_that_is_no_minor_one_may_be_dominant(expect: Expect) -> None:
    usual, newcomer = cost(daily(60, {YESTERDAY: 10})), cost(daily(40, {YESTERDAY: 900}), model="claude-sonnet-5")
    expect([Exporter([usual, newcomer])], Check("AnthropicModelDominant", HOUR))


def test_a_day_of_little_cost_has_no_dominant_model(expect: Expect) -> None:
    usual, newcomer = cost(daily(10)), cost(daily(0, {YESTERDAY: 90}), model="claude-sonnet-5")
    expect(replicas(Exporter([usual, newcomer])), Check("AnthropicModelDominant", HOUR))


def test_little_traffic_is_no_collapse_of_the_cache(expect: Expect) -> None:
    days = {
        "cache_read": daily(8e7, {TODAY: 0, YESTERDAY: 0}),
        "uncached_input": daily(2e7, {TODAY: 1e7, YESTERDAY: 1e7}),
    }
    exporter = Exporter([tokens(amount, token_type) for token_type, amount in days.items()])
    expect([exporter], Check("AnthropicCacheHitCollapse", 2 * HOUR))


def test_a_nightly_batch_without_a_cache_is_no_collapse_of_it(expect: Expect) -> None:
    days = {"cache_read": daily(8e7, {TODAY: 0}), "uncached_input": daily(2e7, {TODAY: 2.4e7})}
    exporter = Exporter([tokens(amount, token_type) for token_type, amount in days.items()])
    expect([exporter], Check("AnthropicCacheHitCollapse", 2 * HOUR))


def test_few_proposals_are_no_collapse_of_their_acceptance(expect: Expect) -> None:
    expect(replicas(accepting(0.1, of=500)), Check("AnthropicToolAcceptanceCollapse", 4 * HOUR))


def test_an_exporter_that_was_never_scraped_is_absent(expect: Expect) -> None:
    alert = "AnthropicExporterAbsent"
    fires = [_nothing_at_all(alert)]
    expect([], Check(alert, 9 * MINUTE), Check(alert, 10 * MINUTE, fires))


def test_an_exporter_stays_absent_when_its_name_is_forgotten(expect: Expect) -> None:
    alert = "AnthropicExporterAbsent"
    gone = CASES[alert].fires
    hours = [Check(alert, hour * HOUR, [alert_of(alert)]) for hour in range(1, 25)]
    # Until the alert without a name has waited for its turn.
    until_then = Check(alert, 24 * HOUR + 10 * MINUTE, [alert_of(alert)])
    expect([gone], *hours, until_then, Check(alert, 26 * HOUR, [_nothing_at_all(alert)]), step=5 * MINUTE)


def _nothing_at_all(alert: str) -> Alert:
    text = (
        "Prometheus gets nothing from any exporter: no dashboard and no other alert on its usage and cost works. See "
        "Prometheus' targets page."
    )
    labels, annotations = alert_of(alert, text)["exp_labels"], alert_of(alert, text)["exp_annotations"]
    return firing(annotations, {"severity": labels["severity"]})


# Not of the two that a restart is about to end, nor of the one that is tested in hours.
OVER_A_RESTART = [alert for alert, case in CASES.items() if case.step == MINUTE][:-2]


@pytest.mark.parametrize("alert", OVER_A_RESTART)
def test_it_holds_while_an_exporter_restarts(alert: str, expect: Expect) -> None:
    case = CASES[alert]
    fired = case.after // MINUTE
    down = range(fired + 1, fired + 11)
    restarted = replace(case.fires, scraped=lambda now: minute_of(now) not in down)
    expect([restarted], *(Check(alert, minute * MINUTE, [alert_of(alert)]) for minute in down))


def test_nothing_fires_for_an_organization_like_others(program: Program, tmp_path: Path) -> None:
    weekend = {TODAY - age * DAY: 20.0 for age in range(30) if (TODAY - age * DAY).weekday() > 4}
    exporter = Exporter(
        [
            *(cost(late(daily(100, weekend), hours=6), workspace) for workspace in (DEFAULT, RESEARCH)),
            *(tokens(growing(daily(1e8)), token_type) for token_type in ("cache_read", "uncached_input", "output")),
            *(proposals(growing(daily(500)), decision) for decision in ("accepted", "rejected")),
        ],
        [
            *api_key(created=-10 * 86_400, expires=100 * 86_400),
            *collector("cost", up=1, available=1, refresh_interval_seconds=900, last_success_timestamp_seconds=clock),
            *collector("usage", up=1, available=1, refresh_interval_seconds=300, last_success_timestamp_seconds=clock),
        ],
    )
    checks = [Check(alert, hour * HOUR) for alert in alerts() for hour in range(27)]
    words = disagreement(program("promtool"), tmp_path, groups(), replicas(exporter), checks, step=10 * MINUTE)
    assert not words, words


@pytest.mark.parametrize(("more", "fires"), [("cache_read", False), ("uncached_input", True)])
def test_tokens_that_were_read_from_the_cache_are_no_spike(more: str, fires: bool, expect: Expect) -> None:
    alert = "AnthropicTokenSpike"
    days = {name: daily(1e8, {TODAY: 4e8} if name == more else None) for name in ("cache_read", "uncached_input")}
    exporter = Exporter([tokens(amount, token_type) for token_type, amount in days.items()])
    text = CASES[alert].description.replace("251M", "400M")
    expect([exporter], Check(alert, 15 * MINUTE, [alert_of(alert, text)] if fires else []))


def test_budgets_of_an_organization_that_no_exporter_is_of_match_nothing(expect: Expect) -> None:
    alert = "AnthropicBudgetMatchesNothing"
    others = Exporter([cost(daily(100), RESEARCH)], organization="other")
    labels = {"severity": "warning", "scope": "organization", "organization": "example"}
    text = (
        "The organization's budget of $50k, example matches nothing that an exporter tells of: no alert on it can "
        "fire. See budgets.yml."
    )
    fires = [alert_of(alert), firing(alert_of(alert, text)["exp_annotations"], labels)]
    expect([others], Check(alert, HOUR - MINUTE), Check(alert, HOUR, fires))


def test_budgets_of_an_exporter_that_is_away_match_what_it_was_of(expect: Expect) -> None:
    alert = "AnthropicBudgetMatchesNothing"
    named = Exporter([cost(daily(100), RESEARCH)])
    gone = replace(named, scraped=lambda now: minute_of(now) < 5)
    other = Exporter([cost(daily(100))], organization="other", instance="other:9817")
    hours = [Check(alert, hour * HOUR) for hour in range(1, 20)]
    expect([gone, other], *hours, step=5 * MINUTE)
    expect([gone], *hours, step=5 * MINUTE)


def test_a_workspaces_budget_is_not_judged_before_any_workspace_is_known(expect: Expect) -> None:
    expect([Exporter()], Check("AnthropicBudgetMatchesNothing", 3 * HOUR))


def test_a_budget_whose_scope_is_none_matches_nothing(program: Program, tmp_path: Path) -> None:
    alert = "AnthropicBudgetMatchesNothing"

    def mistaken(rule: Rule) -> Rule:
        is_budget = rule.get("labels", {}).get("scope") == "workspace"
        return {**rule, "labels": {**rule["labels"], "scope": "team"}} if is_budget else rule

    mistaken_groups = [{**group, "rules": [*map(mistaken, group["rules"])]} for group in groups()]
    text = CASES[alert].description.replace("workspace's", "team's")
    exporters = [Exporter([cost(daily(100), RESEARCH)])]
    checks = [Check(alert, HOUR, [alert_of(alert, text, scope="team")])]
    words = disagreement(program("promtool"), tmp_path, mistaken_groups, exporters, checks)
    assert not words, words


# The files


def test_the_file_is_what_the_code_makes() -> None:
    (*_, path) = FILES
    assert path.read_text(encoding="utf-8") == made(), "if this is meant: make rules"


def test_the_file_says_what_the_code_does() -> None:
    """Whatever is quoted, folded or wrapped in it."""
    rules_made = [rule for paragraph in PARAGRAPHS for rule in paragraph]
    for rule, read in zip(rules_made, groups()[-1]["rules"], strict=True):
        assert rule.expr == read["expr"].removesuffix("\n")
        if isinstance(rule, AlertRule):
            assert rule.summary == read["annotations"]["summary"]
            assert rule.description == read["annotations"]["description"]


def test_prometheus_takes_the_files_as_they_are(program: Program) -> None:
    assert not complaint(program("promtool"), "check", "rules", *FILES)


def test_no_budget_is_set_until_somebody_sets_one() -> None:
    (_, budgets, _) = FILES
    assert yaml.safe_load(budgets.read_text(encoding="utf-8"))["groups"][0]["rules"] is None


def test_every_alert_has_its_cases() -> None:
    assert list(CASES) == list(alerts())


@each_alert
def test_it_has_all_that_an_alert_has(alert: str) -> None:
    rule = alerts()[alert]
    annotations = rule["annotations"]
    assert CAMEL_CASE.fullmatch(alert)
    assert rule["for"]
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    assert "{{" not in annotations["summary"]
    assert annotations["runbook_url"] == f"{RUNBOOK_URL}#{alert.lower()}"
    assert all(function.startswith("humanize") for function in VALUE.findall(annotations["description"]))


@each_alert
def test_the_panels_that_it_sends_people_to_exist(alert: str) -> None:
    for panels, name in PANELS.findall(alerts()[alert]["annotations"]["description"]):
        path = ROOT / "grafana" / "dashboards" / f"anthropic-{name.lower().replace(' ', '-')}.json"
        titles = [panel["title"] for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]]
        assert {panels} <= {*titles} or {*panels.split(" and ")} <= {*titles}, panels


def test_recorded_names_are_level_metric_operation() -> None:
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    assert [name for name in recorded if not LEVEL_METRIC_OPERATION.fullmatch(name)] == []


def test_what_is_recorded_is_used() -> None:
    read = " ".join(map(words_of, rules()))
    assert [rule["record"] for rule in rules() if "record" in rule and rule["record"] not in read] == []


def test_thresholds_are_in_their_file_and_every_one_decides_something() -> None:
    set_here = {rule["labels"]["threshold"] for rule in rules() if rule.get("record") == "anthropic:threshold:constant"}
    assert set_here == {name for rule in rules() for name in THRESHOLD.findall(rule["expr"])}
