"""The turn of the day, and of the month: an alert on the newest reported day holds until the next one is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest

from tests.grafana.cases import CASES, alert_of
from tests.grafana.history import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    RESEARCH,
    TODAY,
    YESTERDAY,
    Amount,
    Daily,
    Exporter,
    cost,
    daily,
    growing,
    late,
    replicas,
    start,
    tokens,
)
from tests.grafana.rules import Alert, Check

Expect = Callable[..., None]

MIDNIGHT = DAY
TOMORROW = TODAY + DAY
SCRAPED_FROM = MIDNIGHT - 2 * HOUR
FIRES_FROM = SCRAPED_FROM + 15 * MINUTE
STILL_FIRING = 30 * MINUTE  # keep_firing_for


# How the API reports cost; the newest complete day that it has reported at 23:59; when it has reported the next one.
AT_ONCE = pytest.param(growing, YESTERDAY, MIDNIGHT, id="at once")
LATE = pytest.param(lambda amount: late(amount, hours=6), YESTERDAY, MIDNIGHT + 6 * HOUR, id="late")
VERY_LATE = pytest.param(
    lambda amount: late(amount, hours=30), YESTERDAY - DAY, MIDNIGHT + 6 * HOUR, id="more than a day late"
)
each_way_of_reporting = pytest.mark.parametrize(("told", "newest", "next_is_reported"), [AT_ONCE, LATE, VERY_LATE])
alone_or_two = pytest.mark.parametrize("two", [False, True], ids=["alone", "two replicas, a minute apart"])


def every(span: timedelta, first: timedelta, end: timedelta) -> list[timedelta]:
    return [first + number * span for number in range((end - first) // span)]


def exporters(days: Sequence[Daily], *, two: bool = False, behind: timedelta = MINUTE) -> list[Exporter]:
    """First scraped two hours before midnight, from where on alerts have to work."""
    one = Exporter(days, scraped=lambda now: now - EPOCH >= SCRAPED_FROM)
    return replicas(one, behind=behind) if two else [one]


def spiking(told: Callable[[Amount], Amount], *on: date) -> list[Daily]:
    """On some days a new model costs Research 900 dollars beside its usual 40."""
    return [
        cost(told(daily(100))),
        cost(told(daily(40)), RESEARCH),
        cost(told(daily(0, dict.fromkeys(on, 900))), RESEARCH, model="claude-sonnet-5"),
    ]


def spike_of(day: date) -> dict[str, Alert]:
    descriptions = {
        "AnthropicCostSpike": f"$1.04k on {day} of example: far above the median of the seven days before. See "
        "Workspaces that moved most on the Cost dashboard.",
        "AnthropicWorkspaceCostSpike": f"$940 on {day} in workspace Research of example: far above the median of the "
        "seven days before. See Models that moved most on the Cost dashboard, with this workspace chosen.",
        "AnthropicModelDominant": f"claude-sonnet-5 made up 86.54% of the cost of tokens on {day} of example; in the "
        "seven days before it was a minor one. See Models that moved most on the Cost dashboard.",
    }
    return {alert: alert_of(alert, text, date=day.isoformat()) for alert, text in descriptions.items()}


# A day's cost


@each_way_of_reporting
@alone_or_two
def test_a_spike_holds_until_the_next_day_is_reported(
    told: Callable[[Amount], Amount], newest: date, next_is_reported: timedelta, two: bool, expect: Expect
) -> None:
    replica = MINUTE if two and next_is_reported == MIDNIGHT else timedelta(0)
    end = next_is_reported + replica + STILL_FIRING
    checks = [
        check
        for alert, spike in spike_of(newest).items()
        for check in (
            *(Check(alert, at, [spike]) for at in every(MINUTE, FIRES_FROM, end)),
            *(Check(alert, at) for at in every(MINUTE, end, end + HOUR)),
        )
    ]
    expect(exporters(spiking(told, newest), two=two), *checks)


@each_way_of_reporting
@alone_or_two
def test_a_day_like_others_is_no_spike_whether_it_is_reported_or_not(
    told: Callable[[Amount], Amount], newest: date, next_is_reported: timedelta, two: bool, expect: Expect
) -> None:
    instants = every(MINUTE, SCRAPED_FROM, MIDNIGHT + 7 * HOUR)
    alerts = (
        "AnthropicCostSpike",
        "AnthropicWorkspaceCostSpike",
        "AnthropicModelDominant",
        "AnthropicCostTodayUnusual",
    )
    expect(exporters(spiking(told), two=two), *(Check(alert, at) for alert in alerts for at in instants))


@alone_or_two
def test_spikes_on_two_days_in_a_row_are_two_alerts(two: bool, expect: Expect) -> None:
    first, second = (spike_of(day)["AnthropicCostSpike"] for day in (YESTERDAY, TODAY))
    days = spiking(daily_as_it_is, YESTERDAY, TODAY)
    alert = "AnthropicCostSpike"
    expect(
        exporters(days, two=two),
        *(Check(alert, at, [first]) for at in every(MINUTE, FIRES_FROM, MIDNIGHT + 15 * MINUTE)),
        *(Check(alert, at, [first, second]) for at in every(MINUTE, MIDNIGHT + 16 * MINUTE, MIDNIGHT + 30 * MINUTE)),
        *(Check(alert, at, [second]) for at in every(MINUTE, MIDNIGHT + 31 * MINUTE, MIDNIGHT + HOUR)),
    )


def daily_as_it_is(amount: Amount) -> Amount:
    return amount


def test_a_day_that_is_reported_in_part_is_a_spike_once_enough_of_it_is(expect: Expect) -> None:
    alert = "AnthropicCostSpike"
    text = (
        "$300 on 1970-01-01 of example: far above the median of the seven days before. See Workspaces that moved most "
    )
    spike = alert_of(alert, f"{text}on the Cost dashboard.", date="1970-01-01")
    in_part = late(daily(100, {TODAY: 300}), hours=6, half=2)
    whole = MIDNIGHT + 8 * HOUR
    expect(
        exporters([cost(in_part)]),
        *(Check(alert, at) for at in every(MINUTE, SCRAPED_FROM, whole + 15 * MINUTE)),
        *(Check(alert, at, [spike]) for at in every(MINUTE, whole + 15 * MINUTE, whole + HOUR)),
    )


@alone_or_two
def test_an_unusual_today_is_a_spike_when_it_has_become_yesterday(two: bool, expect: Expect) -> None:
    today, spike = "AnthropicCostTodayUnusual", "AnthropicCostSpike"
    text = (
        "$1.04k so far on 1970-01-01 (UTC) of example: more than any of the seven days before, and the day is not over. "
        "See Today so far and By workspace on the Cost dashboard."
    )
    unusual = alert_of(today, text, date="1970-01-01")
    passed_on = MIDNIGHT + STILL_FIRING
    expect(
        exporters(spiking(daily_as_it_is, TODAY), two=two),
        *(Check(today, at, [unusual]) for at in every(MINUTE, FIRES_FROM, passed_on)),
        *(Check(today, at) for at in every(MINUTE, passed_on + MINUTE, passed_on + HOUR)),
        *(
            Check(spike, at, [spike_of(TODAY)[spike]])
            for at in every(MINUTE, MIDNIGHT + 15 * MINUTE, MIDNIGHT + 2 * HOUR)
        ),
    )


# A day's tokens


def spike_of_tokens() -> Alert:
    text = (
        "300M tokens on 1970-01-01 (UTC) as far as reported, example: far above the median of the seven days before. "
        "Cost follows, hours later. See Today as it grows, against earlier days on the Usage dashboard."
    )
    return alert_of("AnthropicTokenSpike", text, date="1970-01-01")


@alone_or_two
@pytest.mark.parametrize(
    ("told", "reported"), [(growing, MIDNIGHT), (lambda amount: late(amount, hours=6), MIDNIGHT + 6 * HOUR)]
)
def test_a_spike_of_tokens_holds_until_one_of_cost_can_take_over(
    told: Callable[[Amount], Amount], reported: timedelta, two: bool, expect: Expect
) -> None:
    days = [*spiking(told, TODAY), tokens(daily(1e8, {TODAY: 3e8}))]
    until = reported + STILL_FIRING
    rolled = MINUTE if two and reported == MIDNIGHT else timedelta(0)
    by_cost = reported + rolled + 15 * MINUTE
    expect(
        exporters(days, two=two),
        *(Check("AnthropicTokenSpike", at, [spike_of_tokens()]) for at in every(MINUTE, FIRES_FROM, until)),
        *(Check("AnthropicTokenSpike", at) for at in every(MINUTE, until + MINUTE, until + HOUR)),
        *(
            Check("AnthropicCostSpike", at, [spike_of(TODAY)["AnthropicCostSpike"]])
            for at in every(MINUTE, by_cost, until + HOUR)
        ),
    )


def test_without_any_report_of_cost_a_spike_of_tokens_ends_with_its_day(expect: Expect) -> None:
    end = MIDNIGHT + STILL_FIRING
    expect(
        exporters([tokens(daily(1e8, {TODAY: 3e8}))]),
        *(Check("AnthropicTokenSpike", at, [spike_of_tokens()]) for at in every(MINUTE, FIRES_FROM, end)),
        *(Check("AnthropicTokenSpike", at) for at in every(MINUTE, end, end + HOUR)),
    )


# A day's cache hits


def prompts(today: float, tomorrow: float, *, reported: timedelta = timedelta(0)) -> list[Daily]:
    """1e8 tokens of prompts a day, as the day grows; shares of cache hits, usually four of five."""

    def as_reported(amount: Amount) -> Amount:
        return lambda day, now: None if now - start(day) < reported else growing(amount)(day, now)

    days = {"cache_read": {TODAY: 1e8 * today, TOMORROW: 1e8 * tomorrow}}
    days["uncached_input"] = {day: 1e8 - hits for day, hits in days["cache_read"].items()}
    usual = {"cache_read": 8e7, "uncached_input": 2e7}
    return [tokens(as_reported(daily(usual[each], on)), each) for each, on in days.items()]


COLLAPSE_FROM = SCRAPED_FROM + HOUR
JUDGED_FROM = MIDNIGHT + 144 * MINUTE  # 1e7 tokens


def collapse() -> Alert:
    text = CASES["AnthropicCacheHitCollapse"].description.replace("39%", "30%")
    return alert_of("AnthropicCacheHitCollapse", text)


@alone_or_two
def test_a_new_day_that_is_still_empty_is_no_collapse(two: bool, expect: Expect) -> None:
    days = prompts(today=0.8, tomorrow=0.8, reported=5 * MINUTE)
    instants = every(MINUTE, SCRAPED_FROM, MIDNIGHT + 4 * HOUR)
    expect(exporters(days, two=two), *(Check("AnthropicCacheHitCollapse", at) for at in instants))


@alone_or_two
def test_a_new_day_that_is_still_empty_is_no_end_of_a_collapse(two: bool, expect: Expect) -> None:
    days = prompts(today=0.3, tomorrow=0.3, reported=5 * MINUTE)
    instants = every(MINUTE, COLLAPSE_FROM, MIDNIGHT + 4 * HOUR)
    expect(exporters(days, two=two), *(Check("AnthropicCacheHitCollapse", at, [collapse()]) for at in instants))


@alone_or_two
def test_a_collapse_ends_once_the_new_day_has_traffic_enough_and_better_hits(two: bool, expect: Expect) -> None:
    days = prompts(today=0.3, tomorrow=0.8, reported=5 * MINUTE)
    end = JUDGED_FROM + MINUTE + HOUR
    expect(
        exporters(days, two=two),
        *(Check("AnthropicCacheHitCollapse", at, [collapse()]) for at in every(MINUTE, COLLAPSE_FROM, end)),
        *(Check("AnthropicCacheHitCollapse", at) for at in every(MINUTE, end, end + HOUR)),
    )


# The month


NEW_MONTH = 31 * DAY
FIVE = 5 * MINUTE


def month_of(day: float, hours: float, *, two: bool = False) -> list[Exporter]:
    """2,000 dollars a day are 62,000 in January and 56,000 in February; the budget is 50,000."""
    one = Exporter([cost(late(daily(day), hours), days=31)], scraped=lambda now: now - EPOCH >= NEW_MONTH - 3 * HOUR)
    return replicas(one, behind=FIVE) if two else [one]


@pytest.mark.parametrize("hours", [6, 30])
def test_a_budget_that_is_exceeded_is_a_new_one_in_the_new_month(hours: float, expect: Expect) -> None:
    alert = "AnthropicBudgetExceeded"
    used = {6: "120%", 30: "116%"}[hours]
    text = CASES[alert].description.replace("101%", used)
    end = NEW_MONTH + STILL_FIRING
    expect(
        month_of(2000, hours),
        *(Check(alert, at, [alert_of(alert, text)]) for at in every(FIVE, NEW_MONTH - 2 * HOUR, end)),
        *(Check(alert, at) for at in every(FIVE, end, end + 10 * HOUR)),
        step=FIVE,
    )


@pytest.mark.parametrize("hours", [6, 30])
def test_the_projection_holds_from_month_to_month_before_any_day_of_the_new_one_is_reported(
    hours: float, expect: Expect
) -> None:
    alert = "AnthropicBudgetProjectedToExceed"
    before, then = (alert_of(alert, CASES[alert].description.replace("103.9%", share)) for share in ("124%", "112%"))
    expect(
        month_of(2000, hours),
        *(Check(alert, at, [before]) for at in every(FIVE, NEW_MONTH - 90 * MINUTE, NEW_MONTH)),
        *(Check(alert, at, [then]) for at in every(FIVE, NEW_MONTH, NEW_MONTH + 8 * HOUR)),
        step=FIVE,
    )


def test_replicas_that_are_in_two_months_for_a_moment_exceed_no_budget(expect: Expect) -> None:
    alerts = ("AnthropicBudgetExceeded", "AnthropicBudgetProjectedToExceed")
    instants = every(FIVE, NEW_MONTH - 2 * HOUR, NEW_MONTH + 2 * HOUR)
    expect(month_of(1600, 6, two=True), *(Check(alert, at) for alert in alerts for at in instants), step=FIVE)
