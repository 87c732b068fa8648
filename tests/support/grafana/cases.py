"""For each alert an organization for which it fires, and one for which it nearly does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tests.support.grafana.history import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    RESEARCH,
    TODAY,
    YESTERDAY,
    Exporter,
    collector,
    cost,
    daily,
    gauge,
    hourly,
    hours,
    nowcast,
    unpriced,
)
from tests.support.grafana.organizations import (
    accepting,
    ago,
    api_key,
    at_first,
    estimating,
    failing,
    listed,
    minute_of,
    models,
    near_limit,
    nothing_served,
    outpacing,
    prompts,
    report,
    runaway,
    spend_limits,
)
from tests.support.grafana.rules import RUNBOOK_URL, Alert, firing

FIFTH = TODAY + 5 * DAY  # there are five days before it, of which four are needed
MORNING = 5 * DAY + 6 * HOUR
OF_RESEARCH = {"workspace": RESEARCH.name, "workspace_id": RESEARCH.identifier}


@dataclass(frozen=True)
class Case:
    """What fires after so much time, in `step`s; the description with and without the organization's name."""

    fires: Exporter
    silent: Exporter
    after: timedelta
    labels: Mapping[str, str]
    summary: str
    description: str
    of_nobody: str
    step: timedelta = MINUTE


def _budget(amount: float, severity: str, summary: str, share: str) -> Case:
    """The whole budget is 50,000 dollars."""
    used = f"{share} of the organization's budget for this month is used"
    return Case(
        Exporter([cost(daily(0, {TODAY: amount}))]),
        Exporter([cost(daily(0, {TODAY: amount - 500}))]),
        15 * MINUTE,
        {"severity": severity, "scope": "organization"},
        summary,
        f"{used}, example. See Budgets on the Cost dashboard.",
        f"{used}. See Budgets on the Cost dashboard.",
    )


CASES = {
    "AnthropicCostSpike": Case(
        Exporter(nowcast(daily(100, {YESTERDAY: 250.5}), billed=daily(100))),
        Exporter(nowcast(daily(100, {YESTERDAY: 250}), billed=daily(100))),
        15 * MINUTE,
        {"severity": "critical", "date": "1969-12-31"},
        "A day cost the organization far more than usual.",
        "$250.5 on 1969-12-31 of example, $150.5 of it estimated: far above the median of the seven days before. See "
        "Each day by workspace on the Cost dashboard.",
        "$250.5 on 1969-12-31, $150.5 of it estimated: far above the median of the seven days before. See Each day by "
        "workspace on the Cost dashboard.",
    ),
    "AnthropicWorkspaceCostSpike": Case(
        Exporter([*nowcast(daily(100)), *nowcast(daily(10, {YESTERDAY: 45.5}), RESEARCH, billed=daily(10))]),
        Exporter([*nowcast(daily(100)), *nowcast(daily(10, {YESTERDAY: 45}), RESEARCH, billed=daily(10))]),
        15 * MINUTE,
        {"severity": "warning", "date": "1969-12-31", **OF_RESEARCH},
        "A day cost a workspace far more than usual.",
        "$45.5 on 1969-12-31 in workspace Research of example, $35.5 of it estimated: far above the median of the "
        "seven days before. See Each day by model on the Cost dashboard, with this workspace chosen.",
        "$45.5 on 1969-12-31 in workspace Research, $35.5 of it estimated: far above the median of the seven days "
        "before. See Each day by model on the Cost dashboard, with this workspace chosen.",
    ),
    "AnthropicCostBurn": Case(
        runaway(240, 34.3, MORNING),
        runaway(240, 34.1, MORNING),
        MORNING + 70 * MINUTE,
        {"severity": "critical"},
        "The last hour cost the organization far more than usual.",
        "$44.3 in an hour of example, estimated: far above the same hours of the last seven days. See Today so far "
        "and Each day by workspace on the Cost dashboard.",
        "$44.3 in an hour, estimated: far above the same hours of the last seven days. See Today so far and Each day "
        "by workspace on the Cost dashboard.",
        step=5 * MINUTE,
    ),
    "AnthropicWorkspaceCostBurn": Case(
        runaway(24, 7.3, MORNING, RESEARCH),
        runaway(24, 7.1, MORNING, RESEARCH),
        MORNING + 70 * MINUTE,
        {"severity": "warning", **OF_RESEARCH},
        "The last hour cost a workspace far more than usual.",
        "$8.3 in an hour in workspace Research of example, estimated: far above the same hours of the last seven days. "
        "See Each day by model on the Cost dashboard, with this workspace chosen.",
        "$8.3 in an hour in workspace Research, estimated: far above the same hours of the last seven days. See Each "
        "day by model on the Cost dashboard, with this workspace chosen.",
        step=5 * MINUTE,
    ),
    "AnthropicCostPace": Case(
        outpacing(240, FIFTH, 460),
        outpacing(240, FIFTH, 408),
        5 * DAY + 12 * HOUR,
        {"severity": "warning", "date": str(FIFTH)},
        "Today has cost far more than usual at this time of day.",
        "$230 so far on 1970-01-06 (UTC) of example, $230 of it estimated: far above what each of the last seven days "
        "had cost by this time. See Today so far and Each day by workspace on the Cost dashboard.",
        "$230 so far on 1970-01-06 (UTC), $230 of it estimated: far above what each of the last seven days had cost "
        "by this time. See Today so far and Each day by workspace on the Cost dashboard.",
        step=5 * MINUTE,
    ),
    "AnthropicWorkspaceCostPace": Case(
        outpacing(24, FIFTH, 66, RESEARCH),
        outpacing(24, FIFTH, 50, RESEARCH),
        5 * DAY + 12 * HOUR + 5 * MINUTE,
        {"severity": "warning", "date": str(FIFTH), **OF_RESEARCH},
        "Today has cost a workspace far more than usual at this time of day.",
        "$33.23 so far on 1970-01-06 (UTC) in workspace Research of example, $33.23 of it estimated: far above what "
        "each of the last seven days had cost by this time. See Each day by model on the Cost dashboard, with this "
        "workspace chosen.",
        "$33.23 so far on 1970-01-06 (UTC) in workspace Research, $33.23 of it estimated: far above what each of the "
        "last seven days had cost by this time. See Each day by model on the Cost dashboard, with this workspace "
        "chosen.",
        step=5 * MINUTE,
    ),
    "AnthropicCostEstimateWrong": Case(
        estimating(-0.105),
        estimating(-0.095),
        HOUR,
        {"severity": "warning"},
        "Estimated cost does not become the bill.",
        "What would have been estimated for the newest complete days is -10.5% off their bills of example, minus where "
        "it is too little: alerts on today's cost are off by as much. See Can I trust this? Last week's error on the "
        "Cost dashboard.",
        "What would have been estimated for the newest complete days is -10.5% off their bills, minus where it is too "
        "little: alerts on today's cost are off by as much. See Can I trust this? Last week's error on the Cost "
        "dashboard.",
    ),
    "AnthropicTokenSpike": Case(
        Exporter([*nowcast(daily(100)), unpriced(daily(1e8, {TODAY: 2.51e8}))]),
        Exporter([*nowcast(daily(100)), unpriced(daily(1e8, {TODAY: 2.5e8}))]),
        15 * MINUTE,
        {"severity": "warning", "date": "1970-01-01"},
        "A day has used far more tokens without a price than usual.",
        "251M tokens without a price, cache reads aside, on 1970-01-01 (UTC) as far as reported, example: far above "
        "the median of the seven days before. No estimate has their cost. See Today as it grows, against earlier days "
        "on the Usage dashboard.",
        "251M tokens without a price, cache reads aside, on 1970-01-01 (UTC) as far as reported: far above the median "
        "of the seven days before. No estimate has their cost. See Today as it grows, against earlier days on the "
        "Usage dashboard.",
    ),
    "AnthropicTokenBurst": Case(
        Exporter([cost(daily(40), RESEARCH)], hours(hourly(5e6, {EPOCH - HOUR: 2.51e7}), RESEARCH)),
        Exporter([cost(daily(40), RESEARCH)], hours(hourly(5e6, {EPOCH - HOUR: 2.5e7}), RESEARCH)),
        5 * MINUTE,
        {"severity": "warning", **OF_RESEARCH},
        "The last full hour used far more tokens than usual.",
        "25.1M tokens, cache reads aside, in the last full hour (UTC) in workspace Research of example: far above the "
        "median of the same hour of the seven days before. See Tokens by the hour on the Usage dashboard.",
        "25.1M tokens, cache reads aside, in the last full hour (UTC) in workspace Research: far above the median of "
        "the same hour of the seven days before. See Tokens by the hour on the Usage dashboard.",
    ),
    "AnthropicBudgetHalfUsed": _budget(25500, "info", "Half of the month's budget is used.", "51%"),
    "AnthropicBudgetNearlyUsed": _budget(40500, "warning", "Most of the month's budget is used.", "81%"),
    "AnthropicBudgetExceeded": _budget(50500, "critical", "The month's budget is used up.", "101%"),
    "AnthropicBudgetProjectedToExceed": Case(
        Exporter([cost(daily(1625))]),
        Exporter([cost(daily(1560))]),
        HOUR,
        {"severity": "warning", "scope": "organization"},
        "The month will cost more than its budget.",
        "103.9% of the organization's budget will be used at the month's end, if the days that are left cost as much "
        "as the last seven did, example. See Budgets on the Cost dashboard.",
        "103.9% of the organization's budget will be used at the month's end, if the days that are left cost as much "
        "as the last seven did. See Budgets on the Cost dashboard.",
    ),
    # The budgets are of the organization, and of Research.
    "AnthropicBudgetMatchesNothing": Case(
        Exporter([cost(daily(100))]),
        Exporter([cost(daily(100))], [listed(RESEARCH)]),
        HOUR,
        {
            "severity": "warning",
            "scope": "workspace",
            "workspace_id": "wrkspc_01AbCdEfGhIjKlMnOpQrStUv",
        },
        "A budget is of nothing that there is.",
        "The workspace's budget of $5k, workspace ID wrkspc_01AbCdEfGhIjKlMnOpQrStUv, example matches nothing that an "
        "exporter tells of: no alert on it can fire. See budgets.yml.",
        "The workspace's budget of $5k, workspace ID wrkspc_01AbCdEfGhIjKlMnOpQrStUv matches nothing that an exporter "
        "tells of: no alert on it can fire. See budgets.yml.",
    ),
    "AnthropicRateLimitNear": Case(
        near_limit(91),
        near_limit(90),
        5 * MINUTE,
        {
            "severity": "warning",
            "group": "Claude Opus 5.x",
            "group_id": "rlg_01",
            "limiter": "output_tokens_per_minute",
        },
        "A rate limit is nearly reached.",
        "Claude Opus 5.x used 91% of its limit output_tokens_per_minute in the busiest minute of the last hour, "
        "example: above it, requests are refused with 429. See Model groups on the Limits dashboard.",
        "Claude Opus 5.x used 91% of its limit output_tokens_per_minute in the busiest minute of the last hour: above "
        "it, requests are refused with 429. See Model groups on the Limits dashboard.",
    ),
    "AnthropicSpendLimitProjected": Case(
        Exporter([cost(daily(1625))], spend_limits(organization=50_000, usage_tier=200_000)),
        Exporter([cost(daily(1560))], spend_limits(organization=50_000, usage_tier=200_000)),
        15 * MINUTE,
        {"severity": "warning", "scope": "organization"},
        "The month will reach its spend limit, at which the API stops.",
        "104% of the organization's spend limit will be spent at the month's end, if the days that are left cost as "
        "much as the last seven did, example. At the limit the API refuses every request. See Spend limits on the "
        "Limits dashboard.",
        "104% of the organization's spend limit will be spent at the month's end, if the days that are left cost as "
        "much as the last seven did. At the limit the API refuses every request. See Spend limits on the Limits "
        "dashboard.",
    ),
    "AnthropicCacheHitCollapse": Case(
        prompts(cached=3.9e7),
        prompts(cached=4e7),
        HOUR,
        {"severity": "warning"},
        "Far fewer prompt tokens than usual come from the cache.",
        "39% of the prompt tokens of the newest day with traffic (UTC) came from the cache, example: far below the "
        "median of the seven days before. Each of the others costs ten times as much or more. See Models on the "
        "Usage dashboard.",
        "39% of the prompt tokens of the newest day with traffic (UTC) came from the cache: far below the median of "
        "the seven days before. Each of the others costs ten times as much or more. See Models on "
        "the Usage dashboard.",
    ),
    "AnthropicModelDominant": Case(
        models(newcomer=900),
        models(newcomer=400),
        15 * MINUTE,
        {"severity": "info", "date": "1969-12-31", "model": "claude-sonnet-5"},
        "One model suddenly makes up most of the cost.",
        "claude-sonnet-5 made up 90% of the cost of tokens on 1969-12-31 of example; in the seven days before it was "
        "a minor one. See Each day by model on the Cost dashboard.",
        "claude-sonnet-5 made up 90% of the cost of tokens on 1969-12-31; in the seven days before it was a minor "
        "one. See Each day by model on the Cost dashboard.",
    ),
    "AnthropicToolAcceptanceCollapse": Case(
        accepting(0.55),
        accepting(0.57),
        2 * HOUR,
        {"severity": "info"},
        "People accept far fewer of Claude Code's proposals than usual.",
        "55% of yesterday's (UTC) proposals were accepted, example: far below the median of the seven days before. See "
        "Tool acceptance on the Claude Code dashboard.",
        "55% of yesterday's (UTC) proposals were accepted: far below the median of the seven days before. See Tool "
        "acceptance on the Claude Code dashboard.",
    ),
    "AnthropicApiKeyExpiring": Case(
        Exporter(gauges=api_key(expires=14 * 86_400)),
        Exporter(gauges=api_key(expires=15 * 86_400)),
        HOUR + MINUTE,
        {
            "severity": "warning",
            "api_key": "batch",
            "api_key_id": "apikey_01",
            "workspace": "Research",
            "workspace_id": "wrkspc_01AbCdEfGhIjKlMnOpQrStUv",
        },
        "An API key that is in use expires soon.",
        "API key batch of workspace Research, example, expires in 13d 22h 59m 0s: what uses it will get 401. Replace "
        "it before.",
        "API key batch of workspace Research expires in 13d 22h 59m 0s: what uses it will get 401. Replace it before.",
    ),
    "AnthropicApiKeyNotRotated": Case(
        Exporter(gauges=api_key(created=-365 * 86_400)),
        Exporter(gauges=api_key(created=-364 * 86_400)),
        HOUR + MINUTE,
        {
            "severity": "info",
            "api_key": "batch",
            "api_key_id": "apikey_01",
            "workspace": "Research",
            "workspace_id": "wrkspc_01AbCdEfGhIjKlMnOpQrStUv",
        },
        "An API key is old and has not been replaced.",
        "API key batch of workspace Research, example, was created 365d 1h 1m 0s ago and is still active. Replace "
        "it, and disable the old one.",
        "API key batch of workspace Research was created 365d 1h 1m 0s ago and is still active. Replace it, and "
        "disable the old one.",
    ),
    "AnthropicCredentialsRejected": Case(
        Exporter(gauges=failing("auth", "server")),
        Exporter(gauges=failing("forbidden", "auth")),
        5 * MINUTE,
        {"severity": "critical"},
        "The API rejects the Admin key.",
        "The API answers 401 for example: the Admin key is wrong, revoked or expired. Collectors that fail for it: "
        "1. The last good data stay, and age. See Failing now on the Exporter health dashboard.",
        "The API answers 401: the Admin key is wrong, revoked or expired. Collectors that fail for it: 1. The last "
        "good data stay, and age. See Failing now on the Exporter health dashboard.",
    ),
    "AnthropicNothingServed": Case(
        nothing_served(),
        nothing_served(available=1, up=0),
        10 * MINUTE,
        {"severity": "critical"},
        "The API serves nothing to this key.",
        "The API answers 403 or 404 to every collector of example: there are no numbers at all, and no other alert on "
        "usage and cost works. The kind of key or the base URL is wrong, or the organization has no Admin API. See "
        "State of the collectors on the Exporter health dashboard.",
        "The API answers 403 or 404 to every collector: there are no numbers at all, and no other alert on usage and "
        "cost works. The kind of key or the base URL is wrong, or the organization has no Admin API. See State of the "
        "collectors on the Exporter health dashboard.",
    ),
    "AnthropicCollectorFailing": Case(
        Exporter(gauges=failing("server", "auth", up=0)),
        Exporter(gauges=failing("auth", "server", up=0)),
        30 * MINUTE,
        {"severity": "warning", "collector": "cost"},
        "A collector fails.",
        "Refreshes of the cost collector fail for example with reason server. The last good data stay, and age. See "
        "the exporter's log, and Failing now on the Exporter health dashboard.",
        "Refreshes of the cost collector fail with reason server. The last good data stay, and age. See the "
        "exporter's log, and Failing now on the Exporter health dashboard.",
    ),
    "AnthropicCollectorUnavailable": Case(
        Exporter(gauges=collector("cost", up=at_first(1, None), available=at_first(1, 0))),
        Exporter(gauges=collector("cost", up=at_first(0, None), available=at_first(1, 0))),
        20 * MINUTE,
        {"severity": "warning", "collector": "cost"},
        "The API no longer serves a report.",
        "The API answers 403 or 404 to the cost collector of example, which worked within the last seven days: its "
        "families are gone, and the alerts on them are silent. See State of the collectors on the Exporter health "
        "dashboard.",
        "The API answers 403 or 404 to the cost collector, which worked within the last seven days: its families are "
        "gone, and the alerts on them are silent. See State of the collectors on the Exporter health dashboard.",
    ),
    "AnthropicDataStale": Case(
        Exporter(
            gauges=collector(
                "usage", available=1, refresh_interval_seconds=300, last_success_timestamp_seconds=-16 * 60
            )
        ),
        Exporter(
            gauges=collector(
                "usage",
                available=1,
                refresh_interval_seconds=300,
                last_success_timestamp_seconds=ago(15 * MINUTE),
            )
        ),
        HOUR,
        {"severity": "critical", "collector": "usage"},
        "A collector's data are old.",
        "The usage collector last succeeded 1h 16m 0s ago for example: what dashboards and alerts show is of then. "
        "See State of the collectors on the Exporter health dashboard.",
        "The usage collector last succeeded 1h 16m 0s ago: what dashboards and alerts show is of then. See State of "
        "the collectors on the Exporter health dashboard.",
    ),
    "AnthropicReportLate": Case(
        report("claude_code", [TODAY - age * DAY for age in (0, 1, 3, 5, 7)], days=9),
        report("claude_code", [TODAY - age * DAY for age in (0, 1, 3, 5, 8)], days=9),
        5 * DAY + 2 * HOUR,
        {"severity": "info", "collector": "claude_code"},
        "The API's own report is late.",
        "The claude_code report of example ends 4d 2h 0m 0s ago, though refreshes succeed: the API is late, not the "
        "exporter, or there has been nothing to report since. See State of the collectors on the Exporter health "
        "dashboard.",
        "The claude_code report ends 4d 2h 0m 0s ago, though refreshes succeed: the API is late, not the exporter, or "
        "there has been nothing to report since. See State of the collectors on the Exporter health dashboard.",
        step=HOUR,
    ),
    "AnthropicExporterAbsent": Case(
        Exporter(scraped=lambda now: minute_of(now) < 5),
        Exporter(scraped=lambda now: not 5 <= minute_of(now) < 15),
        15 * MINUTE,
        {"severity": "critical"},
        "No exporter is scraped.",
        "Prometheus gets nothing from job anthropic for example: no dashboard and no other alert on its usage and "
        "cost works. See Prometheus' targets page.",
        "Prometheus gets nothing from job anthropic: no dashboard and no other alert on its usage and cost works. "
        "See Prometheus' targets page.",
    ),
    "AnthropicDemoData": Case(
        Exporter(gauges=[gauge("anthropic_exporter_demo", 1)]),
        Exporter(),
        5 * MINUTE,
        {"severity": "warning", "instance": "exporter-0:9817"},
        "Invented numbers are in this Prometheus.",
        "exporter-0:9817 of job anthropic runs in demo mode: its numbers are invented. See the target's settings.",
        "exporter-0:9817 of job anthropic runs in demo mode: its numbers are invented. See the target's settings.",
    ),
}


def alert_of(alert: str, description: str = "", organization: str = "example", **labels: str) -> Alert:
    """As in its case, but for what is given."""
    case = CASES[alert]
    annotations = {
        "summary": case.summary,
        "description": description or (case.description if organization else case.of_nobody),
        "runbook_url": f"{RUNBOOK_URL}#{alert.lower()}",
    }
    named = {"organization": organization} if organization and alert != "AnthropicDemoData" else {}
    job = {"job": "anthropic"} if alert != "AnthropicBudgetMatchesNothing" else {}  # which is of no exporter
    return firing(annotations, {**job, **named, **case.labels, **labels})
