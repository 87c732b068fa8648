"""What is known of cost before the bill: days, the month, the last hour, and what is usual at this time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grafana.alerts.days import BY_WORKSPACE, COST, MONTH, NOWCAST, WORKSPACE_DAYS
from grafana.alerts.promql import ORGANIZATION, REPLICA, dated_days, inside, median, weeks_before
from grafana.alerts.rules import Paragraph, Record

WITHOUT_NOWCAST = f"unless on ({ORGANIZATION}) {NOWCAST}"
TODAY = '{days_ago="0"}'
AGES = tuple(range(5))  # of the days that are judged
DAYS_BEFORE = range(1, 8)


@dataclass(frozen=True)
class Level:
    """Names of what is recorded of each organization, or of each of its workspaces."""

    name: str
    by: str

    @property
    def days(self) -> str:
        return f"{self.name}_day:anthropic_cost_known_usd:sum"

    @property
    def estimated(self) -> str:
        return f"{self.name}_day:anthropic_cost_estimated_usd:sum"

    @property
    def week(self) -> str:
        return f"{self.name}_day:anthropic_cost_known_week_before_usd:median"

    @property
    def hour(self) -> str:
        return f"{self.name}:anthropic_cost_known_usd:increase1h"

    @property
    def same_hour(self) -> str:
        return f"{self.name}_day:anthropic_cost_same_hour_usd:max2h"

    @property
    def same_time(self) -> str:
        return f"{self.name}_day:anthropic_cost_same_time_usd:max"


WHOLE = Level("organization", ORGANIZATION)
WORKSPACE = Level("organization_workspace", BY_WORKSPACE)
WORKSPACE_MONTH = "organization_workspace:anthropic_cost_known_month_to_date_usd:sum"
METERED_DAYS = "organization_day:anthropic_cost_metered_usd:sum"
ERROR_DAYS = "organization_day:anthropic_cost_nowcast_error:ratio"
ERROR_WEEK = "organization:anthropic_cost_nowcast_error:ratio7d"


def _of_both(name: Callable[[Level], str], expr: Callable[[Level], str], comment: str) -> Paragraph:
    return Record(name(WHOLE), expr(WHOLE), comment), Record(name(WORKSPACE), expr(WORKSPACE))


def _month(family: str) -> str:
    return inside(f"max by ({BY_WORKSPACE}) ", f"sum by ({REPLICA}, organization, workspace_id) ({family})")


def _hour(level: Level) -> str:
    """By dates: what was today an hour ago may be yesterday now."""
    return inside(
        f"sum by ({level.by}) ",
        f'max by ({level.by}, date) ({level.days}{{days_ago=~"[01]"}})',
        f"- on ({level.by}, date)",
        f"{level.days}{TODAY} offset 1h",
        f"or on ({level.by}, date)",
        f"{level.days}{TODAY}",
        f"and on ({ORGANIZATION})",
        f"{WHOLE.days}{TODAY} offset 1h",
    )


def _of_days_before(expr: Callable[[int], str]) -> str:
    """Of each, by how many hours lie between."""
    return "\nor\n".join(f'label_replace({expr(24 * age)}, "days_ago", "{age}", "", "")' for age in DAYS_BEFORE)


def _same_hour(level: Level) -> str:
    return _of_days_before(lambda hours: f"max_over_time({level.hour}[2h] offset {hours - 1}h)")


def _same_time(level: Level) -> str:
    return _of_days_before(lambda hours: f"max by ({level.by}) ({level.days}{TODAY} offset {hours}h)")


KNOWN: Paragraph = (
    Record(
        WORKSPACE.days,
        f"{dated_days(NOWCAST, 'workspace_id')}\nor\n{WORKSPACE_DAYS} {WITHOUT_NOWCAST}",
        "As far as known: the nowcast, and the bill where there is none.",
    ),
    Record(WHOLE.days, f"sum by ({ORGANIZATION}, days_ago, date) ({WORKSPACE.days})"),
    Record(WORKSPACE.estimated, dated_days("anthropic_cost_nowcast_estimated_usd", "workspace_id")),
    Record(WHOLE.estimated, f"sum by ({ORGANIZATION}, days_ago, date) ({WORKSPACE.estimated})"),
    Record(
        WORKSPACE_MONTH,
        f"{_month('anthropic_cost_nowcast_month_to_date_usd')}\nor\n{_month(MONTH)}\n{WITHOUT_NOWCAST}",
    ),
    *_of_both(
        lambda level: level.week,
        lambda level: weeks_before(median(level.by), level.days, AGES),
        "The seven days before each: a day is measured by the same days when it has become a day older.",
    ),
)
NOW: Paragraph = (
    *_of_both(
        lambda level: level.hour,
        _hour,
        "What the last hour has cost: today so far, less what it was an hour ago; in a day's first hour with the end "
        "of the day before.",
    ),
    *_of_both(
        lambda level: level.same_hour,
        _same_hour,
        "The dearest hour around this time on each of the seven days before, from Prometheus' own history.",
    ),
    *_of_both(
        lambda level: level.same_time, _same_time, "What each of the seven days before had cost by this time of day."
    ),
)
ESTIMATES: Paragraph = (
    Record(METERED_DAYS, dated_days(COST, of='{cost_type=~"tokens|web_search"}')),
    Record(ERROR_DAYS, dated_days("anthropic_cost_nowcast_error_ratio", of='{of="metered"}')),
    Record(
        ERROR_WEEK,
        "\n".join(
            (
                f"sum by ({ORGANIZATION}) ({ERROR_DAYS} * {METERED_DAYS})",
                f"/ (sum by ({ORGANIZATION}) ({METERED_DAYS} and {ERROR_DAYS}) > 0)",
            )
        ),
        "All that would have been estimated for the judged days, over all that was billed for it, less one.",
    ),
)
