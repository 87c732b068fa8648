"""The turn of the day, and of the month: an alert on a day is one and the same, whatever becomes of the day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.support.grafana.cases import CASES, alert_of
from tests.support.grafana.history import (
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
from tests.support.grafana.rules import Alert, Check

Expect = Callable[..., None]
Told = Callable[[Amount], Amount]

MIDNIGHT = DAY
TOMORROW = TODAY + DAY
SCRAPED_FROM = MIDNIGHT - 30 * MINUTE
FIRES_FROM = SCRAPED_FROM + 15 * MINUTE
STILL_FIRING = 30 * MINUTE  # keep_firing_for


# How the API reports cost; the newest complete day that it has reported at 23:59; when it has reported the next one.
AT_ONCE = pytest.param(growing, YESTERDAY, MIDNIGHT, id="at once")
LATE = pytest.param(lambda amount: late(amount, hours=6), YESTERDAY, MIDNIGHT + 6 * HOUR, id="late")
VERY_LATE = pytest.param(
    lambda amount: late(amount, hours=30), YESTERDAY - DAY, MIDNIGHT + 6 * HOUR, id="more than a day late"
)
each_way_of_reporting = pytest.mark.parametrize(("told", "newest", "next_is_reported"), [AT_ONCE, LATE, VERY_LATE])


def at_once(amount: Amount) -> Amount:
    return amount


def every(span: timedelta, first: timedelta, end: timedelta) -> list[timedelta]:
    return [first + number * span for number in range((end - first) // span)]


def exporter(*days: Daily, organization: str = "example", since: timedelta = SCRAPED_FROM) -> Exporter:
    """First scraped shortly before midnight: alerts have to work from then on."""
    instance = f"{organization}:9817"
    return Exporter(days, instance=instance, organization=organization, scraped=lambda now: now - EPOCH >= since)


def pair(*days: Daily, organization: str = "example", since: timedelta = SCRAPED_FROM) -> list[Exporter]:
    """Two replicas; one of them is scraped with the new day a minute after the other."""
    return replicas(exporter(*days, organization=organization, since=since), organization, behind=MINUTE)


def cost_of(told: Told, *on: date) -> list[Daily]:
    """On some days a new model costs Research 900 dollars beside its usual 40."""
    return [
        cost(told(daily(100))),
        cost(told(daily(40)), RESEARCH),
        cost(told(daily(0, dict.fromkeys(on, 900))), RESEARCH, model="claude-sonnet-5"),
    ]


def spike_of(day: date, organization: str = "example") -> dict[str, Alert]:
    descriptions = {
        "AnthropicCostSpike": f"$1.04k on {day} of {organization}: far above the median of the seven days before. See "
        "Each day by workspace on the Cost dashboard.",
        "AnthropicWorkspaceCostSpike": f"$940 on {day} in workspace Research of {organization}: far above the median "
        "of the seven days before. See Each day by model on the Cost dashboard, with this workspace chosen.",
        "AnthropicModelDominant": f"claude-sonnet-5 made up 86.54% of the cost of tokens on {day} of {organization}; "
        "in the seven days before it was a minor one. See Each day by model on the Cost dashboard.",
    }
    return {alert: alert_of(alert, text, organization, date=str(day)) for alert, text in descriptions.items()}


# A day's cost


SPIKES = ("AnthropicCostSpike", "AnthropicWorkspaceCostSpike")


@pytest.mark.slow
@each_way_of_reporting
def test_a_spike_holds_over_midnight_and_where_there_is_none_nothing_fires(
    told: Told, newest: date, next_is_reported: timedelta, expect: Expect
) -> None:
    """Of three organizations one has two replicas, and one no spike. A dominant model is one of the newest day."""
    spikes = [cost_of(told, newest), cost_of(told, newest), cost_of(told)]
    seen = [exporter(*spikes[0]), *pair(*spikes[1], organization="pair"), exporter(*spikes[2], organization="quiet")]
    alone_ends = next_is_reported + STILL_FIRING
    pair_ends = alone_ends + (MINUTE if next_is_reported == MIDNIGHT else timedelta(0))
    ends = {"example": alone_ends, "pair": pair_ends}
    checks = [
        Check(
            alert,
            at,
            [
                spike_of(newest, name)[alert]
                for name, end in ends.items()
                if at >= FIRES_FROM and (alert in SPIKES or at < end)
            ],
        )
        for alert in spike_of(newest)
        for at in every(MINUTE, SCRAPED_FROM, pair_ends + 10 * MINUTE)
    ]
    expect(seen, *checks, *(Check("AnthropicCostPace", check.at) for check in checks))


@each_way_of_reporting
def test_a_spike_holds_while_its_day_is_one_of_the_newest_five(
    told: Told, newest: date, next_is_reported: timedelta, expect: Expect
) -> None:
    step = 30 * MINUTE
    ends = start(newest + 5 * DAY) - EPOCH + STILL_FIRING
    assert ends > next_is_reported
    checks = [
        Check(alert, at, [spike_of(newest)[alert]] if at < ends else [])
        for alert in SPIKES
        for at in every(step, FIRES_FROM + HOUR + 15 * MINUTE, ends + DAY)
    ]
    expect([exporter(*cost_of(told, newest))], *checks, step=step)


@pytest.mark.parametrize("told", [growing, lambda amount: late(amount, hours=1)], ids=["at once", "late"])
def test_a_spike_holds_where_another_prometheus_is_scraped_in_which_yesterdays_samples_linger(
    told: Told, expect: Expect
) -> None:
    instants = every(MINUTE, FIRES_FROM, MIDNIGHT + 30 * MINUTE)
    checks = [Check(alert, at, [spike]) for alert, spike in spike_of(YESTERDAY).items() for at in instants]
    expect(pair(*cost_of(told, YESTERDAY)), *checks, federated=True)


def test_a_spike_is_found_however_late_its_day_is_reported(expect: Expect) -> None:
    fourth = TODAY - 4 * DAY
    seen = replicas(Exporter(cost_of(lambda amount: late(amount, hours=54), fourth)))
    expect(seen, *(Check(alert, 15 * MINUTE, [spike]) for alert, spike in spike_of(fourth).items()))


def test_spikes_on_two_days_in_a_row_are_two_alerts(expect: Expect) -> None:
    alert = "AnthropicCostSpike"
    both = [spike_of(day)[alert] for day in (YESTERDAY, TODAY)]
    instants = every(MINUTE, FIRES_FROM, MIDNIGHT + HOUR)
    expect(pair(*cost_of(at_once, YESTERDAY, TODAY)), *(Check(alert, at, both) for at in instants))


def test_a_day_that_is_reported_in_part_is_a_spike_once_enough_of_it_is(expect: Expect) -> None:
    alert = "AnthropicCostSpike"
    text = (
        "$300 on 1970-01-01 of example: far above the median of the seven days before. See Each day by workspace on "
        "the Cost dashboard."
    )
    spike = alert_of(alert, text, date="1970-01-01")
    whole = MIDNIGHT + 3 * HOUR
    expect(
        [exporter(cost(late(daily(100, {TODAY: 300}), hours=1, half=2)))],
        *(Check(alert, at) for at in every(MINUTE, SCRAPED_FROM, whole + 15 * MINUTE)),
        *(Check(alert, at, [spike]) for at in every(MINUTE, whole + 15 * MINUTE, whole + HOUR)),
    )


def test_a_spike_of_today_is_the_same_when_it_has_become_yesterday(expect: Expect) -> None:
    instants = every(MINUTE, FIRES_FROM, MIDNIGHT + HOUR)
    checks = (Check(alert, at, [spike_of(TODAY)[alert]]) for alert in SPIKES for at in instants)
    expect(pair(*cost_of(at_once, TODAY)), *checks)


# A day's tokens


def spike_of_tokens() -> Alert:
    text = (
        "300M tokens without a price, cache reads aside, on 1970-01-01 (UTC) as far as reported, example: far above "
        "the median of the seven days before. No estimate has their cost. See Today as it grows, against earlier days "
        "on the Usage dashboard."
    )
    return alert_of("AnthropicTokenSpike", text, date="1970-01-01")


@pytest.mark.parametrize(
    ("told", "reported"),
    [
        pytest.param(growing, MIDNIGHT, id="at once"),
        pytest.param(lambda amount: late(amount, hours=2), MIDNIGHT + 2 * HOUR, id="late"),
    ],
)
def test_a_spike_of_tokens_holds_until_one_of_cost_can_take_over(
    told: Told, reported: timedelta, expect: Expect
) -> None:
    tokens_spike, cost_spike = "AnthropicTokenSpike", "AnthropicCostSpike"
    rolled = MINUTE if reported == MIDNIGHT else timedelta(0)
    end = reported + rolled + STILL_FIRING
    expect(
        pair(*cost_of(told, TODAY), tokens(daily(1e8, {TODAY: 3e8}))),
        *(Check(tokens_spike, at, [spike_of_tokens()]) for at in every(MINUTE, FIRES_FROM, end)),
        *(Check(tokens_spike, at) for at in every(MINUTE, end, end + HOUR)),
        *(
            Check(cost_spike, at, [spike_of(TODAY)[cost_spike]])
            for at in every(MINUTE, reported + rolled + 15 * MINUTE, end + HOUR)
        ),
    )


def test_without_any_report_of_cost_a_spike_of_tokens_ends_with_its_day(expect: Expect) -> None:
    alert = "AnthropicTokenSpike"
    end = MIDNIGHT + STILL_FIRING
    expect(
        [exporter(tokens(daily(1e8, {TODAY: 3e8})))],
        *(Check(alert, at, [spike_of_tokens()]) for at in every(MINUTE, FIRES_FROM, end)),
        *(Check(alert, at) for at in every(MINUTE, end, end + HOUR)),
    )


# A day's cache hits


def prompts(today: float, tomorrow: float) -> list[Daily]:
    """4e8 tokens of prompts a day, as the day grows, and ten times as many tomorrow; shares of cache hits, usually four
    of five.
    """
    hits = {TODAY: 4e8 * today, TOMORROW: 4e9 * tomorrow}
    others = {TODAY: 4e8 * (1 - today), TOMORROW: 4e9 * (1 - tomorrow)}
    cached, uncached = daily(3.2e8, hits), daily(0.8e8, others)
    return [
        tokens(first_reported_at_five(cached), "cache_read"),
        tokens(first_reported_at_five(uncached), "uncached_input"),
    ]


def first_reported_at_five(amount: Amount) -> Amount:
    """Past midnight: the first refresh of the day is over."""
    return lambda day, now: None if now - start(day) < 5 * MINUTE else growing(amount)(day, now)


EVENING = MIDNIGHT - 90 * MINUTE
JUDGED_FROM = MIDNIGHT + 36 * MINUTE  # a quarter of a usual day's


def collapse() -> Alert:
    text = CASES["AnthropicCacheHitCollapse"].description.replace("39%", "30%")
    return alert_of("AnthropicCacheHitCollapse", text)


def test_a_new_day_that_is_still_empty_is_no_collapse(expect: Expect) -> None:
    instants = every(MINUTE, EVENING, MIDNIGHT + 2 * HOUR)
    expect(pair(*prompts(0.8, 0.8), since=EVENING), *(Check("AnthropicCacheHitCollapse", at) for at in instants))


def test_a_new_day_that_is_still_empty_is_no_end_of_a_collapse(expect: Expect) -> None:
    instants = every(MINUTE, EVENING + HOUR, MIDNIGHT + 2 * HOUR)
    expect(
        pair(*prompts(0.3, 0.3), since=EVENING),
        *(Check("AnthropicCacheHitCollapse", at, [collapse()]) for at in instants),
    )


def test_a_collapse_ends_once_the_new_day_has_traffic_enough_and_better_hits(expect: Expect) -> None:
    alert = "AnthropicCacheHitCollapse"
    end = JUDGED_FROM + MINUTE + HOUR
    expect(
        pair(*prompts(0.3, 0.8), since=EVENING),
        *(Check(alert, at, [collapse()]) for at in every(MINUTE, EVENING + HOUR, end)),
        *(Check(alert, at) for at in every(MINUTE, end, end + HOUR)),
    )


# The month


NEW_MONTH = 31 * DAY
STEP = 30 * MINUTE  # a month of minutes takes too long


def month_of(day: float, hours: float, *, two: bool = False) -> list[Exporter]:
    """2,000 dollars a day are 62,000 in January and 56,000 in February; the budget is 50,000."""
    one = Exporter([cost(late(daily(day), hours), days=31)], scraped=lambda now: now - EPOCH >= NEW_MONTH - 3 * HOUR)
    return replicas(one, behind=STEP) if two else [one]


@pytest.mark.parametrize("hours", [6, 30])
def test_a_budget_that_is_exceeded_is_a_new_one_in_the_new_month(hours: int, expect: Expect) -> None:
    alert = "AnthropicBudgetExceeded"
    used = {6: "120%", 30: "116%"}[hours]
    text = CASES[alert].description.replace("101%", used)
    end = NEW_MONTH + STILL_FIRING
    expect(
        month_of(2000, hours),
        *(Check(alert, at, [alert_of(alert, text)]) for at in every(STEP, NEW_MONTH - 2 * HOUR, end)),
        *(Check(alert, at) for at in every(STEP, end, end + 10 * HOUR)),
        step=STEP,
    )


@pytest.mark.parametrize("hours", [6, 30])
def test_the_projection_holds_from_month_to_month_before_any_day_of_the_new_one_is_reported(
    hours: float, expect: Expect
) -> None:
    alert = "AnthropicBudgetProjectedToExceed"
    before, then = (alert_of(alert, CASES[alert].description.replace("103.9%", share)) for share in ("124%", "112%"))
    expect(
        month_of(2000, hours),
        *(Check(alert, at, [before]) for at in every(STEP, NEW_MONTH - 90 * MINUTE, NEW_MONTH)),
        *(Check(alert, at, [then]) for at in every(STEP, NEW_MONTH, NEW_MONTH + 8 * HOUR)),
        step=STEP,
    )


def test_replicas_that_are_in_two_months_for_a_moment_exceed_no_budget(expect: Expect) -> None:
    alerts = ("AnthropicBudgetExceeded", "AnthropicBudgetProjectedToExceed")
    instants = every(STEP, NEW_MONTH - 2 * HOUR, NEW_MONTH + 2 * HOUR)
    expect(month_of(1600, 6, two=True), *(Check(alert, at) for alert in alerts for at in instants), step=STEP)
