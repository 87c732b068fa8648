"""Expressions that hold for replicas, several organizations and the turn of a day.

What the recorded names mean, and why each replica is summed by itself, is said at the head of the file that is written.
"""

from __future__ import annotations

import textwrap

REPLICA = "job, instance, pod, node"
ORGANIZATION = "job, organization"
DAY_INFO = "replica_day:anthropic_exporter_day:info"
# The newest complete day that is reported is one of these: cost may be more than a day late.
COMPLETE = (1, 2, 3, 4)
# The seven days before the one that lies so many days back.
WEEK_BEFORE = {0: "[1-7]", 1: "[2-8]", 2: "[3-9]", 3: "[4-9]|10", 4: "[5-9]|1[01]"}


def mention(before: str, label: str) -> str:
    """In a description: the label, where there is one."""
    return f"{{{{ with $labels.{label} }}}}{before}{{{{ . }}}}{{{{ end }}}}"


OF_ORGANIZATION = mention(" of ", "organization")
FOR_ORGANIZATION = mention(" for ", "organization")
NAMED_ORGANIZATION = mention(", ", "organization")


def inside(operator: str, *lines: str) -> str:
    """The lines in the operator's parentheses, indented."""
    return f"{operator}(\n{textwrap.indent(chr(10).join(lines), '  ')}\n)"


def dated_days(family: str, *by: str, of: str = "") -> str:
    """Each day's sum by these labels, with its date, of the replica that has most."""
    labels = ", ".join((*by, "days_ago"))
    return inside(
        f"max by ({ORGANIZATION}, {labels}, date) ",
        f"sum by ({REPLICA}, organization, {labels}) ({family}{of})",
        with_date(),
    )


def with_date() -> str:
    return f"* on ({REPLICA}, days_ago) group_left (date) {DAY_INFO}"


def newest_day(days: str) -> str:
    """Of the recorded days, the newest complete one that is reported."""
    first, *others = (f'{days}{{days_ago="{age}"}}' for age in COMPLETE)
    return "\n".join([first, *(f"or on ({ORGANIZATION}) {other}" for other in others)])


def weeks_before(aggregation: str, days: str, ages: tuple[int, ...] = COMPLETE) -> str:
    """For each of these days the seven recorded ones before it; in the aggregation they are `{}`."""

    def week(age: int) -> str:
        of_week = aggregation.format(f'{days}{{days_ago=~"{WEEK_BEFORE[age]}"}}')
        return inside("label_replace", f"{of_week},", f'"days_ago", "{age}", "", ""')

    return "\nor\n".join(map(week, ages))


def median(by: str) -> str:
    return f"quantile by ({by}) (0.5, {{}})"


def total(by: str) -> str:
    return f"sum by ({by}) ({{}})"


def threshold(name: str) -> str:
    return f'scalar(anthropic:threshold:constant{{threshold="{name}"}})'


def times_and_more(ratio: str, usual: str, more: str) -> str:
    """So many times what is usual, and so much more: names of thresholds, and an expression."""
    return inside("", f"{threshold(ratio)}", f"* {usual}", f"+ {threshold(more)}")
