"""Four hundred ordinary days without an alarm: whatever is usual of a team, of a night, of a week."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.grafana.history import DAY, HOUR, MINUTE, Exporter, input_series
from tests.support.grafana.quiet import quiet, with_monthly_job
from tests.support.grafana.rules import alarms

Program = Callable[[str], str]

# Of each quarter of a year another organization, for promtool takes ten times as long for four times as many days.
QUARTERS, DAYS = 4, 100
LEARNING = 8 * DAY  # until each weekday has been seen
OF_DAYS = ("AnthropicCostSpike", "AnthropicWorkspaceCostSpike", "AnthropicCostPace", "AnthropicWorkspaceCostPace")
OF_HOURS = ("AnthropicCostBurn", "AnthropicWorkspaceCostBurn")
INSTANTS = {"00:05": 5 * MINUTE, "06:00": 6 * HOUR, "12:00": 12 * HOUR, "23:55": 24 * HOUR - 5 * MINUTE}


@pytest.fixture
def alarms_of_a_year(program: Program, tmp_path: Path) -> Callable[..., set[tuple[str, str]]]:
    """Which alerts fired, or nearly did, by name and workspace."""

    def of(
        organization: Callable[[int], Exporter], alerts: Sequence[str], step: timedelta, at: timedelta
    ) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        end = LEARNING + DAYS * DAY
        for quarter in range(QUARTERS):
            series = input_series([organization(quarter)], end, step, since=quarter * DAYS * DAY + at)
            found |= alarms(program("promtool"), tmp_path, alerts, series, step, LEARNING, end)
        return found

    return of


@pytest.mark.parametrize("at", INSTANTS)
def test_no_day_is_an_alarm_at_any_time_of_it(at: str, alarms_of_a_year: Callable[..., set[tuple[str, str]]]) -> None:
    """By one look a day, for what these look back at lies whole days back."""
    assert alarms_of_a_year(quiet, OF_DAYS, DAY, INSTANTS[at]) == set()


def test_no_hour_is_an_alarm(alarms_of_a_year: Callable[..., set[tuple[str, str]]]) -> None:
    assert alarms_of_a_year(quiet, OF_HOURS, HOUR, 5 * MINUTE) == set()


def test_a_job_of_once_a_month_is_one_in_its_workspace_unless_that_is_excluded(
    alarms_of_a_year: Callable[..., set[tuple[str, str]]],
) -> None:
    """The organization's alerts do not mind it."""
    found = alarms_of_a_year(lambda seed: with_monthly_job(quiet(seed)), OF_DAYS, DAY, INSTANTS["12:00"])
    assert found == {("AnthropicWorkspaceCostSpike", "Monthly"), ("AnthropicWorkspaceCostPace", "Monthly")}
    excluded = alarms_of_a_year(
        lambda seed: with_monthly_job(quiet(seed), is_excluded=True), OF_DAYS, DAY, INSTANTS["12:00"]
    )
    assert excluded == set()
