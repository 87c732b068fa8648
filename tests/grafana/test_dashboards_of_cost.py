"""What Cost says in the minutes in which a day, or a month, ends, and of days that there are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import pytest

from grafana.dashboards.cost import NEW
from tests.support.grafana.history import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    Daily,
    Exporter,
    Workspace,
    cost,
    daily,
    late,
    replicas,
)
from tests.support.grafana.panels import QUERIES, filled_in

MONTH_END = 31 * DAY  # of January 1970
USD = 100.0
Ask = Callable[..., None]


@pytest.fixture
def expect_panel(expect_answer: Callable[..., None]) -> Ask:
    """Fails where the number of a panel of Cost, in whole dollars, is another at these instants."""

    def check(
        panel: str, exporters: Sequence[Exporter], expected: dict[timedelta, float], until: timedelta | None = None
    ) -> None:
        (one,) = [found for found in QUERIES if (found.dashboard, found.panel) == ("anthropic-cost", panel)]
        number = f"round(min({filled_in(one.expr)}))"  # what it is compared with is more, or infinite
        expect_answer(exporters, {(number, at): {"{}": usd} for at, usd in expected.items()}, until)

    return check


def scraped(first: timedelta, last: timedelta) -> Callable[[datetime], bool]:
    return lambda now: first <= now - EPOCH <= last


@pytest.mark.parametrize("panel", ["Month end, projected", "At the newest day's pace"])
class TestMonthEnd:
    def test_the_clock_alone_ends_no_month(self, expect_panel: Ask, panel: str) -> None:
        """Between midnight and the first scrape after it, all that is known is of the old month."""
        exporter = Exporter([cost(daily(USD))], scraped=scraped(MONTH_END - HOUR, MONTH_END))
        last_scrape = MONTH_END - MINUTE
        expect_panel(panel, [exporter], dict.fromkeys((last_scrape, MONTH_END), 12 * USD), last_scrape)

    def test_the_new_month_is_all_to_come(self, expect_panel: Ask, panel: str) -> None:
        exporter = Exporter([cost(late(daily(USD), 0))], scraped=scraped(MONTH_END - HOUR, MONTH_END + HOUR))
        expect_panel(panel, [exporter], {MONTH_END - MINUTE: 12 * USD, MONTH_END: 28 * USD, MONTH_END + HOUR: 28 * USD})

    def test_two_replicas_change_the_month_together(self, expect_panel: Ask, panel: str) -> None:
        exporter = Exporter([cost(late(daily(USD), 0))], scraped=scraped(MONTH_END - HOUR, MONTH_END + HOUR))
        both = replicas(exporter, behind=2 * MINUTE)
        expect_panel(panel, both, {MONTH_END: 12 * USD, MONTH_END + MINUTE: 12 * USD, MONTH_END + 2 * MINUTE: 28 * USD})


def test_a_day_is_of_one_replica_while_the_other_has_another_day(expect_panel: Ask) -> None:
    """Each day another model is used: two replicas' yesterdays have nothing in common."""

    def on_days(remainder: int) -> Callable[[date, datetime], float | None]:
        return lambda day, _: USD if day.toordinal() % 2 == remainder else None

    midnight = 9 * DAY
    exporter = Exporter(
        [cost(on_days(0), model="claude-opus-4-8"), cost(on_days(1), model="claude-haiku-4-5")],
        scraped=scraped(midnight - HOUR, midnight + HOUR),
    )
    both = replicas(exporter, behind=2 * MINUTE)
    expect_panel("Newest day", both, dict.fromkeys((midnight - MINUTE, midnight, midnight + 5 * MINUTE), USD))


TODAY = 8 * DAY + HOUR  # the newest complete day lies between two exposed weeks
YESTERDAY = (EPOCH + 7 * DAY).date()


@pytest.fixture
def workspaces(expect_answer: Callable[..., None]) -> Ask:
    """Fails where the table of the newest day has others of its four numbers, by workspace, and another day."""

    def check(days: Sequence[Daily], expected: Mapping[str, tuple[float | None, ...]]) -> None:
        columns = [one.expr for one in QUERIES if one.panel == "Workspaces, newest day against a week ago"]
        exporter = Exporter(days, scraped=scraped(TODAY - 5 * MINUTE, TODAY))
        answers = {}
        for place, expr in enumerate(columns):
            numbers = {name: row[place] for name, row in expected.items()}
            answers[f"sum by (workspace, day) ({filled_in(expr)})", TODAY] = {
                f'{{workspace="{name}", day="Thu 01-08"}}': usd for name, usd in numbers.items() if usd is not None
            }
        expect_answer([exporter], answers)

    return check


def test_workspaces_are_new_only_if_they_cost_nothing_before_and_much_now(workspaces: Ask) -> None:
    names = ("grown", "little", "idle", "begun")
    grown, little, idle, begun = (Workspace(name, f"wrkspc_{name}") for name in names)
    days = [
        cost(daily(50, {YESTERDAY: 100}), grown),
        cost(daily(0.125, {YESTERDAY: 0.25}), little),
        cost(daily(0), idle),
        cost(daily(0, {YESTERDAY: 25}), begun),
    ]
    expected = {
        "grown": (100, 50, 50, 1),
        "little": (0.25, 0.125, 0.125, None),
        "idle": (0, 0, 0, None),
        "begun": (25, 0, 25, NEW),
    }
    workspaces(days, expected)


def test_a_week_ago_is_unknown_and_not_nothing_where_it_is_not_exposed(workspaces: Ask) -> None:
    days = [cost(daily(100), Workspace("default", "default"), days=8)]
    workspaces(days, {"default": (100, None, None, None)})
