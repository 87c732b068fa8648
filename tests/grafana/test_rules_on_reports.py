"""Reports that stop, that nobody fills for a while, or that are not served at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from tests.support.grafana.cases import CASES, alert_of
from tests.support.grafana.history import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    TODAY,
    Amount,
    Exporter,
    Value,
    always,
    collector,
    replicas,
    start,
)
from tests.support.grafana.organizations import ago, at_first, minute_of, nothing_served, report
from tests.support.grafana.rules import Alert, Check

Expect = Callable[..., None]

LATE, NOTHING = "AnthropicReportLate", "AnthropicNothingServed"
STILL_FIRING = 15 * MINUTE  # keep_firing_for
FORGOTTEN = 45 * DAY
STEP = 3 * HOUR  # weeks of minutes take too long; an alert is pending for one
WHOLE_DAY = timedelta(0)  # its rows come as soon as it begins
COLLECTORS = ("usage", "claude_code")
REPORTS = [("usage", 10), ("claude_code", 9), ("usage", 2), ("claude_code", 2), ("usage", 1)]
each_collector = pytest.mark.parametrize("name", COLLECTORS)


def days_of(first: date, last: date, *off: date, week: Iterable[int] = range(7)) -> list[date]:
    """From the first to the last, both included, without some; of the `week`, Monday is 0."""
    every = [first + number * DAY for number in range((last - first).days + 1)]
    return [day for day in every if day.weekday() in week and day not in off]


def since_epoch(day: date) -> timedelta:
    return start(day) - EPOCH


def late_of(name: str, organization: str = "example", shown: str = "4d 2h 0m 0s") -> Alert:
    text = CASES[LATE].description.replace("claude_code", name).replace("example", organization)
    return alert_of(LATE, text.replace("4d 2h 0m 0s", shown), organization, collector=name)


def each_kind(rows: Collection[date], at: timedelta = WHOLE_DAY, use: str = "") -> list[Exporter]:
    """Of every collector, with many exposed days and few, as so many organizations."""
    return [named(report(name, rows, days, at), f"{name}-{days}{use}") for name, days in REPORTS if at < days * DAY]


def silent(end: timedelta) -> Iterable[Check]:
    return (Check(LATE, number * STEP) for number in range(end // STEP + 1))


def named(exporter: Exporter, organization: str) -> Exporter:
    return replace(exporter, organization=organization, instance=f"{organization}:9817")


WORKDAYS = range(5)
MONDAY = date(1970, 1, 12)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = (MONDAY + number * DAY for number in range(1, 7))
WEEK = 7 * DAY


# A report that has stopped


def test_a_report_of_workdays_that_has_stopped_is_late_when_a_long_holiday_would_be_over(expect: Expect) -> None:
    """However few days are exposed, and then also once none of them has a row, for some weeks."""
    late = since_epoch(SATURDAY) + 4 * DAY

    def all_are_late(at: timedelta, shown: str) -> Check:
        return Check(LATE, at, [late_of(name, f"{name}-{days}", shown) for name, days in REPORTS])

    expect(
        each_kind(days_of(TODAY, FRIDAY, week=WORKDAYS)),
        *silent(late + STEP),
        all_are_late(late + 2 * STEP, "4d 6h 0m 0s"),
        *(all_are_late(late + age * DAY, f"{4 + age}d 0h 0m 0s") for age in range(1, 17)),
        Check(LATE, late + FORGOTTEN),
        step=STEP,
    )


@pytest.mark.parametrize(("name", "days"), [("usage", 10), ("claude_code", 12)])
def test_days_that_are_exposed_need_no_history(name: str, days: int, expect: Expect) -> None:
    """Four days of the seven before the last one with rows; and with three of them, nobody knows."""
    last, first = TODAY - 5 * DAY, TODAY - 9 * DAY
    reaches = report(name, days_of(first, last), days)
    nearly = report(name, days_of(first, last, TODAY - 7 * DAY), days)
    expect(
        [*replicas(reaches), *replicas(named(nearly, "other"), "other")],
        *(Check(LATE, minute * MINUTE) for minute in range(31)),
        Check(LATE, 31 * MINUTE, [late_of(name, shown="4d 0h 31m 0s")]),
        Check(LATE, 2 * HOUR, [late_of(name, shown="4d 2h 0m 0s")]),
    )


@each_collector
def test_a_report_that_always_comes_a_day_later_is_late_by_its_last_day(name: str, expect: Expect) -> None:
    late = since_epoch(SATURDAY) + 4 * DAY
    expect(
        [report(name, days_of(TODAY, FRIDAY, week=WORKDAYS), 9, at=30 * HOUR)],
        *silent(late + STEP),
        Check(LATE, late + 2 * STEP, [late_of(name, shown="4d 6h 0m 0s")]),
        step=STEP,
    )


@each_collector
def test_each_organization_and_each_collector_is_late_by_itself(name: str, expect: Expect) -> None:
    late = since_epoch(SATURDAY) + 4 * DAY
    stops, goes_on = days_of(TODAY, FRIDAY, week=WORKDAYS), days_of(TODAY, FRIDAY + 4 * WEEK, week=WORKDAYS)
    (other,) = {*COLLECTORS} - {name}
    exporters = [named(report(name, stops, 9), organization) for organization in ("one", "two")]
    exporters += [named(report(name, goes_on, 9), "three"), replace(report(other, goes_on, 9), instance="other:9817")]
    exporters.append(report(name, stops, 9))
    fires = [late_of(name, organization, "4d 6h 0m 0s") for organization in ("one", "two", "example")]
    expect(exporters, Check(LATE, late + STEP), Check(LATE, late + 2 * STEP, fires), step=STEP)


@each_collector
@pytest.mark.parametrize("federated", [False, True], ids=["scraped", "federated"])
def test_midnight_ends_and_begins_nothing_while_one_replica_is_still_in_the_old_day(
    name: str, federated: bool, expect: Expect
) -> None:
    """The day that leaves the window is remembered; three days that are counted from both sides are not four."""
    before, days = 23 * HOUR, 10
    stopped = report(name, days_of(TODAY - 9 * DAY, TODAY - 5 * DAY), days)
    nearly = report(name, days_of(TODAY - 9 * DAY, TODAY - 5 * DAY, TODAY - 7 * DAY), days)
    both = [
        replace(each, scraped=lambda now: now - EPOCH >= before)
        for organization, exporter in (("example", stopped), ("other", nearly))
        for each in replicas(named(exporter, organization), organization, behind=MINUTE)
    ]
    instants = [DAY + number * MINUTE for number in range(-20, 60)]

    def shown(at: timedelta) -> str:
        minutes = (at + 4 * DAY) // MINUTE
        return f"{minutes // 1440}d {minutes // 60 % 24}h {minutes % 60}m 0s"

    checks = (Check(LATE, at, [late_of(name, shown=shown(at))]) for at in instants)
    expect(both, Check(LATE, before + 29 * MINUTE), *checks, federated=federated)


@each_collector
def test_a_report_that_has_rows_again_is_not_late_any_more(name: str, expect: Expect) -> None:
    back = SATURDAY + 6 * DAY
    rows = [*days_of(TODAY, FRIDAY, week=WORKDAYS), back]
    expect(
        [report(name, rows, 9)],
        Check(LATE, since_epoch(back) - STEP, [late_of(name, shown="5d 21h 0m 0s")]),
        Check(LATE, since_epoch(back) + STEP),
        step=STEP,
    )


# One that nobody fills for a while, or that says nothing


@pytest.mark.parametrize(
    ("off", "at"),
    [
        pytest.param((), WHOLE_DAY, id="weekends"),
        pytest.param((), 9 * HOUR, id="weekends, until the morning"),
        pytest.param((), 30 * HOUR, id="weekends, a day late"),
        pytest.param((MONDAY,), 9 * HOUR, id="Saturday to Monday"),
        pytest.param((FRIDAY,), 9 * HOUR, id="Friday to Sunday"),
        pytest.param((TUESDAY, WEDNESDAY, THURSDAY), 9 * HOUR, id="Tuesday to Thursday"),
        pytest.param((MONDAY - 3 * DAY, MONDAY), WHOLE_DAY, id="Friday to Monday"),
    ],
)
def test_weekends_and_holidays_are_not_late(off: tuple[date, ...], at: timedelta, expect: Expect) -> None:
    rows = days_of(TODAY, SUNDAY + WEEK, *off, week=WORKDAYS)
    expect(each_kind(rows, at), *silent(since_epoch(rows[-1])), step=STEP)


@each_collector
def test_of_a_holiday_from_friday_to_monday_only_tuesday_is_missed(name: str, expect: Expect) -> None:
    """Thursday evening's row is the last one."""
    rows = [*days_of(TODAY - 7 * DAY, TODAY - 2 * DAY, week=WORKDAYS), TODAY - DAY, TODAY]
    night = 5 * DAY  # of Monday to Tuesday
    assert (TODAY.weekday(), (TODAY + night).weekday()) == (3, 1)
    expect(
        [report(name, rows, 9, at=20 * HOUR)],
        *silent(night),
        Check(LATE, night + 2 * STEP, [late_of(name, shown="4d 6h 0m 0s")]),
        step=STEP,
    )


RARELY = {
    "never": [],
    "once": [THURSDAY],
    "once a week": days_of(TODAY, FRIDAY, week=[4]),
    "three days a week": days_of(TODAY, FRIDAY, week=[0, 2, 4]),
    "daily, then rarely": [*days_of(TODAY, TODAY + 3 * DAY), *days_of(TODAY + 6 * DAY, SATURDAY, week=[2, 5])],
}


def test_what_is_not_used_most_days_is_not_late(expect: Expect) -> None:
    exporters = [one for use, rows in RARELY.items() for one in each_kind(rows, use=f" {use}")]
    expect(exporters, *silent(since_epoch(FRIDAY + 2 * WEEK)), step=STEP)


def test_days_on_which_the_exporter_was_away_are_not_missed(expect: Expect) -> None:
    kinds = each_kind(days_of(TODAY, SUNDAY + WEEK))
    away = [replace(each, scraped=lambda now: not 8 * DAY <= now - EPOCH < 14 * DAY) for each in kinds]
    expect(away, *silent(since_epoch(SUNDAY + WEEK)), step=STEP)


@each_collector
@pytest.mark.parametrize(
    "then", [pytest.param({"up": 0}, id="fails"), pytest.param({"up": None, "available": 0}, id="is not available")]
)
def test_while_its_collector_fails_or_is_not_available_that_is_told_instead(
    name: str, then: dict[str, float | None], expect: Expect
) -> None:
    works = report(name, days_of(TODAY, FRIDAY), 9)
    since, until = start(SATURDAY), start(SATURDAY + 10 * DAY)

    def state(end: str, before: float) -> Value:
        return lambda now: then.get(end, before) if since <= now < until else before

    states = collector(name, up=state("up", 1), available=state("available", 1))
    days = works.days if then["up"] == 0 else [replace(each, amount=served(each.amount, since)) for each in works.days]
    works_again = Check(LATE, until - EPOCH + STEP, [late_of(name, shown="10d 3h 0m 0s")])
    expect([replace(works, days=days, gauges=states)], *silent(until - EPOCH), works_again, step=STEP)


def served(amount: Amount, until: datetime) -> Amount:
    return lambda day, now: amount(day, now) if now < until else None


# Cost, which has its own age


@pytest.mark.parametrize(("hours", "fires"), [(72, True), (71, False)])
def test_cost_is_late_after_three_days_however_often_there_was_any(hours: int, fires: bool, expect: Expect) -> None:
    through = -hours * 3600.0
    exporter = Exporter(gauges=collector("cost", up=1, data_through_timestamp_seconds=through))
    told = [late_of("cost", shown="3d 0h 31m 0s")] if fires else []
    expect(replicas(exporter), Check(LATE, 30 * MINUTE), Check(LATE, 31 * MINUTE, told))


def test_cost_is_not_late_while_its_collector_fails(expect: Expect) -> None:
    exporter = Exporter(gauges=collector("cost", up=0, data_through_timestamp_seconds=ago(5 * DAY)))
    expect([exporter], Check(LATE, 2 * HOUR))


# Nothing that is served


def test_a_replica_that_is_served_is_enough(expect: Expect) -> None:
    """Also one whose refreshes fail: that is told by another alert."""
    (blind, _), (_, works) = replicas(nothing_served()), replicas(nothing_served(available=1, up=1))
    up = [replace(each, value=always(1)) if each.name == "anthropic_exporter_up" else each for each in works.gauges]
    fails = replicas(named(nothing_served(available=1, up=0), "other"), "other")[1]
    other = replicas(named(nothing_served(), "other"), "other")[0]
    expect([blind, replace(works, gauges=up), other, fails], *(Check(NOTHING, hour * HOUR) for hour in range(3)))


def test_nothing_is_served_from_the_first_refusals_on_until_there_is_something(expect: Expect) -> None:
    """Before the first attempt a collector counts as available."""
    first_tries = nothing_served(available=at_first(1, 0), up=at_first(0, None))
    served = [*first_tries.gauges, *collector("cost", up=lambda now: 1 if minute_of(now) >= 60 else None)]
    nothing = alert_of(NOTHING)
    expect(
        [replace(first_tries, gauges=served)],
        *(Check(NOTHING, minute * MINUTE) for minute in range(15)),
        *(Check(NOTHING, minute * MINUTE, [nothing]) for minute in range(15, 75)),
        Check(NOTHING, HOUR + STILL_FIRING),
    )
