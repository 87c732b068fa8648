"""Of a day's bill: when it comes, and what it says until it is final."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from exporter.demo.simulation.cost import CostKey
from exporter.demo.simulation.organization import SimulatedOrganization, midnight
from exporter.demo.simulation.publication import complete_at, first_row_at

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FRIDAY = date(2026, 11, 20)
DAYS = [FRIDAY - n * DAY for n in range(300)]
FINAL = midnight(FRIDAY) + 30 * DAY
SEEDS = (1, 2, 3)


def lag(moment: datetime, day: date) -> float:
    """Hours after the day's end."""
    return (moment - midnight(day) - DAY) / HOUR


def said(organization: SimulatedOrganization, day: date, at: datetime) -> dict[CostKey, Decimal]:
    return {row.key: row.amount for row in organization.cost_rows(day, at)}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_is_complete_a_day_and_some_hours_after_its_end_and_one_in_twenty_is_a_day_later(seed: int) -> None:
    lags = sorted(lag(complete_at(seed, day), day) for day in DAYS)
    assert 26 <= lags[0] <= lags[-1] <= 66
    assert 26 <= lags[len(lags) // 2] <= 34
    # A late day may hold up the next one or two.
    assert 0.02 < sum(hours > 36 for hours in lags) / len(lags) < 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_days_appear_in_order(seed: int) -> None:
    for day in DAYS:
        assert complete_at(seed, day - DAY) <= first_row_at(seed, day) < complete_at(seed, day)
        assert lag(first_row_at(seed, day), day) >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_appear_one_after_another_and_grow_until_the_day_is_complete(seed: int) -> None:
    organization = SimulatedOrganization(seed=seed, actors=0)
    begins, complete = first_row_at(seed, FRIDAY), complete_at(seed, FRIDAY)
    assert said(organization, FRIDAY, begins - HOUR) == {}
    before: dict[CostKey, Decimal] = {}
    partial = set()
    for n in range(1, 20):
        now = said(organization, FRIDAY, begins + (complete - begins) * n / 20)
        assert before.keys() <= now.keys()
        assert all(before[key] <= now[key] for key in before)
        partial.add(len(now))
        before = now
    whole = said(organization, FRIDAY, complete)
    assert len(partial) > 10
    assert sum(before.values()) < sum(whole.values())
    assert before.keys() <= whole.keys() == said(organization, FRIDAY, FINAL).keys()


@pytest.mark.parametrize("seed", SEEDS)
def test_six_percent_of_the_rows_are_revised_by_up_to_three_percent_within_twelve_days(seed: int) -> None:
    organization = SimulatedOrganization(seed=seed, actors=0)
    rows, changes, late = 0, [], 0
    for day in DAYS[:60]:
        complete = complete_at(seed, day)
        first, middle, last = (said(organization, day, complete + n * DAY) for n in (0, 6, 12))
        assert last == said(organization, day, FINAL)
        rows += len(first)
        changes += [last[key] / first[key] - 1 for key in first if last[key] != first[key]]
        late += sum(middle[key] != last[key] for key in last)
    assert 0.05 < len(changes) / rows < 0.07
    assert Decimal("-0.03") <= min(changes) < Decimal("-0.02")
    assert Decimal("0.02") < max(changes) <= Decimal("0.03")
    assert late > len(changes) / 3


def test_the_truth_knows_the_bill_that_will_come(organization: SimulatedOrganization) -> None:
    end = midnight(FRIDAY) + DAY
    to_come = {row.key: row.amount for row in organization.final_cost_rows(FRIDAY, end)}
    assert said(organization, FRIDAY, end) == {}
    assert to_come == said(organization, FRIDAY, FINAL)


@pytest.mark.parametrize("hour", [0, 6, 12, 23])
def test_the_newest_day_whose_next_day_has_a_row_is_two_or_three_days_old(hour: int) -> None:
    """The exporter takes a day for complete then."""
    ages = []
    for day in DAYS[:90]:
        at = midnight(day) + hour * HOUR
        ages.append(next(age for age in range(1, 9) if first_row_at(1, day - (age - 1) * DAY) <= at))
    assert set(ages) <= {2, 3, 4}
    assert sum(age <= 3 for age in ages) > 0.9 * len(ages)
