"""`make rules`: writes `alerts.yml` beside its code."""

from __future__ import annotations

from pathlib import Path

from grafana.alerts.budgets import BUDGET_ALERTS, BUDGETS_USED, MONTH
from grafana.alerts.days import DATES, DAYS, NAMES, NEWEST, WEEKS
from grafana.alerts.exporters import COLLECTOR_ALERTS, PRESENCE_ALERTS
from grafana.alerts.hours import HOURS_BEFORE, TOKEN_BURST
from grafana.alerts.keys import API_KEY_ALERTS
from grafana.alerts.known import ESTIMATES, KNOWN, NOW
from grafana.alerts.limits import LIMIT_ALERTS, LIMITS_USED
from grafana.alerts.reports import REPORT_LATE
from grafana.alerts.rules import text_of
from grafana.alerts.spend import SPEND_ALERTS
from grafana.alerts.usage import CACHE_HIT_COLLAPSE, MODEL_DOMINANT, TOKEN_SPIKE, TOOL_ACCEPTANCE, UNPRICED

FILE = Path(__file__).parent / "alerts.yml"
COMMENT = """\
# Recording rules and alerts on anthropic-exporter, for Prometheus 2.42 and newer. The numbers that decide are in
# thresholds.yml, budgets in budgets.yml. All in one group: in two, an alert could see days that its recording rule has
# not seen yet. Written by `make rules` from the Python files beside it.
#
# Levels of the recorded names: replica is (job, instance, pod, node), organization is (job, organization), day is
# (days_ago, date). Each replica is summed by itself, and the largest sum counts: a replica is whole, whatever names it
# has read, while two of them may show two days, or two names, for a minute or an hour.
#
# `for` outlasts the minute around midnight UTC in which only some replicas have moved to the new day, and the five
# minutes of a federation; `keep_firing_for` also the restart of an exporter, which has no data until its first refresh.
"""
PARAGRAPHS = (
    (DATES,),
    DAYS,
    NEWEST,
    WEEKS,
    KNOWN,
    NOW,
    ESTIMATES,
    UNPRICED,
    HOURS_BEFORE,
    NAMES,
    MONTH,
    BUDGETS_USED,
    LIMITS_USED,
    *((alert,) for alert in (*SPEND_ALERTS, TOKEN_SPIKE, TOKEN_BURST, *BUDGET_ALERTS, *LIMIT_ALERTS)),
    *((alert,) for alert in (CACHE_HIT_COLLAPSE, MODEL_DOMINANT)),
    TOOL_ACCEPTANCE,
    *((alert,) for alert in (*API_KEY_ALERTS, *COLLECTOR_ALERTS)),
    REPORT_LATE,
    *((alert,) for alert in PRESENCE_ALERTS),
)


def text() -> str:
    return text_of(COMMENT, "anthropic", PARAGRAPHS)


def main() -> None:
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
