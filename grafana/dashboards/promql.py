"""Expressions on the metric contract that hold for replicas, several organizations and the turn of a day.

Every selector has the dashboard's job and organization.
"""

from __future__ import annotations

from collections.abc import Callable

from grafana.alerts.promql import COMPLETE

ORGANIZATION = ("job", "organization")
# Replicas differ in these, and for a while in names, until each of them has read a new one: IDs are what counts.
REPLICA = ("instance", "pod", "node")
NAMES = "workspace"
JOB = 'job=~"$job"'
SCOPE = 'job=~"$job", organization=~"$organization"'
BY_WORKSPACE = (*ORGANIZATION, "workspace_id")
WORKSPACE = 'workspace_id=~"$workspace"'
CHOSEN_DAYS = 'days_ago=~"$days"'
DAY_SECONDS = 86_400
STALE_INTERVALS = 3  # refreshes missed before numbers are old, as in grafana/alerts/thresholds.yml

# One date for each days_ago, also in the minute in which only some of the replicas have rolled over to a new day; with
# `day`, as people read it: Thu 11-26, and Today, which is not over.
DAYS = (
    "label_replace(label_join(label_replace("
    f"group by (job, instance, days_ago, date, weekday) (anthropic_exporter_day_info{{{JOB}}}),"
    ' "month_day", "$1", "date", "[0-9]+-(.*)"), "day", " ", "weekday", "month_day"), "day", "Today", "days_ago", "0")'
)
DATES = (
    "topk by (job, days_ago) (1, max by (job, days_ago, date, day) ("
    f"anthropic_exporter_bucket_start_timestamp_seconds{{{JOB}}}"
    f" * on (job, instance, days_ago) group_left (date, day) {DAYS})) ^ 0"
)

OfDays = Callable[[str, str], str]  # a matcher of days, and an offset


def day(age: int) -> str:
    """The day that lies so many days back; 0 is the current UTC day."""
    return f'days_ago="{age}"'


def days(pattern: str) -> str:
    return f'days_ago=~"{pattern}"'


def samples(family: str, *matchers: str, offset: str = "") -> str:
    """Those in scope, of every replica."""
    return f"{family}{{{', '.join((SCOPE, *matchers))}}}" + (f" offset {offset}" if offset else "")


def merged(family: str, *matchers: str) -> str:
    """Each sample once, of the replica that has most, without labels that only name: not to be summed."""
    return f"max without ({', '.join(REPLICA)}, {NAMES}) ({samples(family, *matchers)})"


def total(of: str, *by: str) -> str:
    """The samples summed by these labels; over everything without any.

    Each replica is summed by itself, and the largest sum counts: a replica is whole, while two of them may have two
    days in the minute around midnight, or two states of a report.
    """
    each = dict.fromkeys((*ORGANIZATION, *by))
    largest_sum = f"max by ({', '.join(each)}) (sum by ({', '.join((*each, *REPLICA))}) ({of}))"
    return largest_sum if len(each) == len(by) else summed(largest_sum, *by)


def summed(expression: str, *by: str) -> str:
    """What is of no replica any more, summed by these labels; over everything without any."""
    return f"sum by ({', '.join(by)}) ({expression})" if by else f"sum({expression})"


def on_dates(expression: str) -> str:
    """With the labels `date` and `day`; the expression has `job` and `days_ago`."""
    return f"{expression} * on (job, days_ago) group_left (date, day) ({DATES})"


def by_workspace(expression: str, *named_in: str) -> str:
    """With the label `workspace` of families that have it; the expression has `job`, `organization`, `workspace_id`."""
    by = ", ".join(BY_WORKSPACE)
    named = " or ".join(f"group by ({by}, workspace) ({family}{{{SCOPE}}})" for family in named_in)
    names = f"topk by ({by}) (1, {named})"
    return f"({expression}) * on ({by}) group_left (workspace) {names}"


def newest_day(reported: Callable[[int], str], of: Callable[[int], str] | None = None) -> str:
    """`of` the newest complete day that is `reported`, for each organization by itself, and by default that day.

    Cost may be more than a day late; it counts as reported three days after the day's end at the latest.
    """
    by = "on (job, organization)"
    days = (f"(({of(age)}) and {by} {reported(age)})" if of else reported(age) for age in COMPLETE)
    return f" or {by} ".join(days)


def kept_days(of: OfDays) -> str:
    """At the start of each UTC day that day: from scrapes three days later, or as near to that as there are."""
    scrapes = ((3, "-84h"), (4, "-108h"), (5, "-132h"), (2, "-60h"), (1, "-47h30m"), (1, "-36h"), (1, "-26h"))
    return first_of(*(of(day(age), offset) for age, offset in scrapes))


def first_of(*expressions: str) -> str:
    """The first that has a value."""
    return " or ".join(f"({expression})" for expression in expressions)


def ratio(numerator: str, denominator: str) -> str:
    """Nothing where the denominator is zero."""
    return f"({numerator}) / (({denominator}) > 0)"


def largest(count: int, expression: str) -> str:
    return f"sort_desc(topk({count}, {expression}))"
