"""The alert on the last full hour: at turns of hours and days, and on what comes every day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.support.grafana.cases import CASES, alert_of
from tests.support.grafana.history import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    RESEARCH,
    Exporter,
    Gauge,
    cost,
    daily,
    hourly,
    hours,
    replicas,
)
from tests.support.grafana.rules import Check

Expect = Callable[..., None]
Tokens = Callable[[datetime], float | None]

ALERT = "AnthropicTokenBurst"
USUAL, BURST, NONE = 5e6, 1e8, 1e5
MONDAY = EPOCH + 4 * DAY  # 1970 begins on a Thursday
NIGHT = 3


def exporter(tokens: Tokens, **others: Tokens) -> Exporter:
    """Of a workspace: its output, and others by token type."""
    by_type = {"output": tokens, **others}
    gauges = [gauge for token_type, amount in by_type.items() for gauge in hours(amount, RESEARCH, token_type)]
    return Exporter([cost(daily(40), RESEARCH)], gauges)


def fires(*at: timedelta, amount: str = "100M") -> list[Check]:
    alert = alert_of(ALERT, CASES[ALERT].description.replace("25.1M", amount))
    return [Check(ALERT, each, [alert]) for each in at]


def silent(*at: timedelta) -> list[Check]:
    return [Check(ALERT, each) for each in at]


@pytest.mark.parametrize("hour", [0, 1, 12, 23])
def test_it_fires_five_minutes_after_the_hour_has_ended_and_until_half_an_hour_after_the_next(
    hour: int, expect: Expect
) -> None:
    end = DAY + hour * HOUR
    expect(
        [exporter(hourly(USUAL, {EPOCH + end - HOUR: BURST}))],
        *silent(end - MINUTE, end, end + 4 * MINUTE),
        *fires(end + 5 * MINUTE, end + 59 * MINUTE, end + 89 * MINUTE),
        *silent(end + 91 * MINUTE),
    )


def test_a_burst_that_goes_on_is_one_alert(expect: Expect) -> None:
    starts = {EPOCH + DAY + hour * HOUR: BURST for hour in range(-2, 3)}
    at: Sequence[timedelta] = [DAY - HOUR + 5 * MINUTE + number * 10 * MINUTE for number in range(24)]
    expect([exporter(hourly(USUAL, starts))], *fires(*at))


def test_replicas_of_which_one_is_behind_at_the_turn_fire_once(expect: Expect) -> None:
    def behind(each: Gauge) -> Gauge:
        return replace(each, value=lambda now: each.value(now - MINUTE))

    first, second = replicas(exporter(hourly(USUAL, {EPOCH + DAY - HOUR: BURST})))
    first = replace(first, gauges=[behind(each) if "hour" in each.name else each for each in first.gauges])
    expect(
        [first, second],
        *silent(DAY, DAY + 4 * MINUTE),
        *fires(*(DAY + minutes * MINUTE for minutes in (5, 60, 61, 80))),
    )


def test_the_first_hours_of_a_week_are_measured_by_its_weekdays(expect: Expect) -> None:
    """Nobody works at the weekend: the median of seven days is that of a weekday."""

    def tokens(start: datetime) -> float:
        return 6e7 if start.weekday() < 5 and 8 <= start.hour < 18 else NONE

    expect([exporter(tokens)], *silent(*(MONDAY - EPOCH + hour * HOUR + 10 * MINUTE for hour in range(24))))


@pytest.mark.parametrize(("last", "is_a_burst"), [(2.8e8, False), (3.2e8, True)])
def test_a_batch_that_comes_every_night_is_measured_by_itself(last: float, is_a_burst: bool, expect: Expect) -> None:
    def tokens(start: datetime) -> float:
        return NONE if start.hour != NIGHT else last if start == EPOCH + DAY + NIGHT * HOUR else BURST

    at = DAY + (NIGHT + 1) * HOUR + 10 * MINUTE
    expect([exporter(tokens)], *(fires(at, amount="320M") if is_a_burst else silent(at)))


def test_tokens_that_were_read_from_the_cache_are_no_burst(expect: Expect) -> None:
    burst = hourly(USUAL, {EPOCH - HOUR: BURST})
    expect([exporter(hourly(USUAL), cache_read=burst)], *silent(10 * MINUTE))


@pytest.mark.parametrize("missing", ["25", "97", "169"])
def test_without_all_seven_hours_before_it_says_nothing(missing: str, expect: Expect) -> None:
    whole = exporter(hourly(USUAL, {EPOCH - HOUR: BURST}))
    gauges = [each for each in whole.gauges if each.labels.get("hours_ago") != missing]
    expect([replace(whole, gauges=gauges)], *silent(10 * MINUTE))


def test_a_workspace_that_begins_is_a_burst_above_the_floor(expect: Expect) -> None:
    """Its hours before are zeros, which the exporter fills in."""
    expect([exporter(hourly(0, {EPOCH - HOUR: BURST}))], *fires(10 * MINUTE))


def test_it_names_a_workspace_whose_cost_nobody_collects(expect: Expect) -> None:
    expect([replace(exporter(hourly(USUAL, {EPOCH - HOUR: BURST})), days=())], *fires(10 * MINUTE))
