"""Money that no bill has yet: one alert for a day whatever becomes of its bill, and the hour and the day that run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from tests.support.grafana.cases import CASES, FIFTH, MORNING, alert_of
from tests.support.grafana.history import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    TODAY,
    Amount,
    Daily,
    Exporter,
    Gauge,
    Workspace,
    cost,
    daily,
    gauge,
    growing,
    late,
    nowcast,
    replicas,
    start,
    tokens,
    unpriced,
)
from tests.support.grafana.organizations import surging, watched
from tests.support.grafana.rules import Alert, Check

Expect = Callable[..., None]

SPIKE, WORKSPACE_SPIKE = "AnthropicCostSpike", "AnthropicWorkspaceCostSpike"
BURN, WORKSPACE_BURN = "AnthropicCostBurn", "AnthropicWorkspaceCostBurn"
PACE, WORKSPACE_PACE = "AnthropicCostPace", "AnthropicWorkspaceCostPace"
STEP = 5 * MINUTE  # five days of minutes take too long
EXCLUDED = Workspace("Monthly", "wrkspc_01ZyXwVuTsRqPoNmLkJiHgFe")  # by the example in thresholds.yml
MIDNIGHT = DAY
THE_HOURS = [MIDNIGHT - MINUTE, MIDNIGHT, MIDNIGHT + 10 * MINUTE, MIDNIGHT + 6 * HOUR]
each_bill = pytest.mark.parametrize(
    "billed",
    [
        pytest.param(lambda amount: late(amount, 6), id="after six hours"),
        pytest.param(lambda amount: late(amount, 3, half=20), id="in part, then whole"),
        pytest.param(lambda amount: late(amount, 30), id="after thirty hours"),
        pytest.param(lambda amount: late(amount, 60, half=10), id="two days late, in part at first"),
    ],
)


def of_day(day: date, usd: str, estimated: str = "") -> Alert:
    share = f", {estimated} of it estimated" if estimated else ""
    text = (
        f"{usd} on {day} of example{share}: far above the median of the seven days before. See Each day by workspace "
        "on the Cost dashboard."
    )
    return alert_of(SPIKE, text, date=str(day))


# A day, until its bill has come


@each_bill
def test_a_spike_is_one_alert_from_its_estimate_to_its_bill_and_says_what_is_estimated(
    billed: Callable[[Amount], Amount], expect: Expect
) -> None:
    """Each bill, however late, is the same alert; it is never told twice, and never gone."""
    day = daily(100, {TODAY: 900})
    bill = billed(day)
    end = start(TODAY + 5 * DAY) - EPOCH

    def told(at: timedelta) -> Alert:
        of_bill = bill(TODAY, EPOCH + at) or 0
        return of_day(TODAY, "$900", f"${900 - of_bill:g}" if of_bill < 900 else "")

    exporter = Exporter([cost(bill), *nowcast(day, billed=bill)])
    instants = [*THE_HOURS, *(number * HOUR for number in range(1, end // HOUR))]
    expect(replicas(exporter), *(Check(SPIKE, at, [told(at)]) for at in instants), step=STEP)


def test_replicas_on_two_sides_of_a_bill_are_no_two_days(expect: Expect) -> None:
    """One has the bill, the other only the estimate: a sum over both would be twice the day."""
    estimate = Exporter([*nowcast(daily(90), billed=daily(0))], instance="one:9817")
    bill = Exporter([cost(daily(92)), *nowcast(daily(92))], instance="two:9817")
    instants = [minute * MINUTE for minute in range(0, 180, 7)]
    expect([estimate, bill], *(Check(alert, at) for alert in (SPIKE, WORKSPACE_SPIKE) for at in instants))


@pytest.mark.parametrize("federated", [False, True], ids=["scraped", "federated"])
def test_nothing_fires_around_midnight_while_one_replica_is_still_in_the_old_day(
    federated: bool, expect: Expect
) -> None:
    """Of a day that grows evenly; five days of it are known."""
    exporters = replicas(watched(*nowcast(growing(daily(2400)), billed=daily(0))), behind=MINUTE)
    seen = [replace(each, scraped=near_midnight) for each in exporters]
    instants = [6 * DAY + minute * MINUTE for minute in range(-20, 90)]
    alerts = (SPIKE, WORKSPACE_SPIKE, BURN, WORKSPACE_BURN, PACE, WORKSPACE_PACE)
    expect(seen, *(Check(alert, at) for alert in alerts for at in instants), federated=federated)


def near_midnight(now: datetime) -> bool:
    """Two hours of each evening and of each morning: what the hours before and after midnight are compared with."""
    return now.hour >= 22 or now.hour < 2


# The last hour


def burning(usd: str) -> Alert:
    return alert_of(BURN, CASES[BURN].description.replace("$44.3", usd))


def during(first: timedelta, end: timedelta, step: timedelta = STEP) -> list[timedelta]:
    return [first + number * step for number in range((end - first) // step)]


@pytest.mark.parametrize(
    ("since", "fires_from"),
    [
        pytest.param(6 * DAY - HOUR, 6 * DAY - 25 * MINUTE, id="an hour before midnight"),
        pytest.param(6 * DAY, 6 * DAY + 35 * MINUTE, id="at midnight"),
        pytest.param(6 * DAY - 15 * MINUTE, 6 * DAY + 20 * MINUTE, id="over midnight"),
    ],
)
def test_an_hour_is_the_same_whatever_midnight_lies_in_it(
    since: timedelta, fires_from: timedelta, expect: Expect
) -> None:
    """Ten dollars an hour as usual, and a hundred from then on: a tenth of a hundred in six minutes."""
    days = nowcast(endless(surging(240, 90, since), since), billed=daily(0))
    seen = replicas(watched(*days))
    told = Check(BURN, fires_from + HOUR, [burning("$100")])
    expect(seen, Check(BURN, fires_from - STEP), told, step=STEP)


def endless(amount: Amount, since: timedelta) -> Amount:
    """What has begun on a day goes on on the next."""
    begins = EPOCH + since

    def so_far(day: date, now: datetime) -> float | None:
        usual = amount(day, now)
        more = 90 * (min(now, start(day) + DAY) - start(day)) / HOUR if day > begins.date() and now > start(day) else 0
        return usual and usual + more

    return so_far


@pytest.mark.parametrize("alert", [BURN, WORKSPACE_BURN])
def test_a_burn_holds_while_a_replica_restarts_and_where_another_prometheus_is_scraped(
    alert: str, expect: Expect
) -> None:
    case = CASES[alert]
    one, other = replicas(case.fires)
    restarted = replace(one, scraped=lambda now: not case.after <= now - EPOCH <= case.after + 10 * MINUTE)
    instants = during(case.after, case.after + 30 * MINUTE)
    expect([restarted, other], *(Check(alert, at, [alert_of(alert)]) for at in instants), step=STEP, federated=True)


def test_a_nowcast_that_catches_up_after_an_outage_is_no_burn(expect: Expect) -> None:
    """For three hours of a busy morning nothing could be read; then all of it comes at once."""
    away, back = MORNING, MORNING + 3 * HOUR

    def known(day: date, now: datetime) -> float | None:
        seen = EPOCH + away if away <= now - EPOCH < back else now
        return growing(daily(2400))(day, min(now, max(seen, start(day)))) if day <= now.date() else None

    def read_at(now: datetime) -> float:
        return (EPOCH + away if away <= now - EPOCH < back else now).timestamp()

    days = nowcast(known, billed=daily(0))
    exporter = replace(watched(*days), gauges=[_read(read_at) if "last" in g.name else g for g in watched().gauges])
    instants = during(away, back + 3 * HOUR)
    expect([exporter], *(Check(alert, at) for alert in (BURN, PACE) for at in instants), step=STEP)


def _read(at: Callable[[datetime], float]) -> Gauge:
    return gauge("anthropic_exporter_collector_last_success_timestamp_seconds", at, collector="nowcast")


@pytest.mark.parametrize("is_told", [True, False])
def test_a_new_price_is_no_burn(is_told: bool, expect: Expect) -> None:
    """Today's tokens cost half as much again from one minute to the next; also across a restart that forgets it."""
    changed = 5 * DAY + 20 * HOUR

    def known(day: date, now: datetime) -> float | None:
        so_far = growing(daily(2400))(day, now)
        return so_far and so_far * (1.5 if day == FIFTH and now - EPOCH >= changed else 1)

    def when(now: datetime) -> float | None:
        is_known = changed <= now - EPOCH < changed + 20 * MINUTE
        return (EPOCH + changed).timestamp() if is_told and is_known else None

    exporter = watched(*nowcast(known, billed=daily(0)))
    exporter = replace(exporter, gauges=[*exporter.gauges, gauge("anthropic_price_changed_timestamp_seconds", when)])
    at = changed + 30 * MINUTE
    fires = [] if is_told else [burning("$1.125k")]
    quiet = [Check(BURN, each) for each in during(at, at + 4 * HOUR) if is_told]
    expect([exporter], Check(BURN, at, fires), *quiet, step=STEP)


@pytest.mark.parametrize(("days", "fires"), [(4, True), (3, False)])
@pytest.mark.parametrize("alert", [BURN, WORKSPACE_BURN, PACE, WORKSPACE_PACE])
def test_it_needs_four_of_the_seven_days_before(alert: str, days: int, fires: bool, expect: Expect) -> None:
    case = CASES[alert]
    first = start(FIFTH - days * DAY)
    seen = replace(case.fires, scraped=lambda now: now >= first)
    expect([seen], Check(alert, case.after, [alert_of(alert)] if fires else []), step=STEP)


@pytest.mark.parametrize("alert", [WORKSPACE_SPIKE, WORKSPACE_BURN, WORKSPACE_PACE])
def test_a_workspace_can_be_excluded_from_alerts_of_its_own(alert: str, expect: Expect) -> None:
    case = CASES[alert]
    expect([_of(EXCLUDED, case.fires)], Check(alert, case.after), step=case.step)


@pytest.mark.parametrize("alert", [SPIKE, BURN, PACE])
def test_an_excluded_workspace_still_counts_in_its_organization(alert: str, expect: Expect) -> None:
    case = CASES[alert]
    expect([_of(EXCLUDED, case.fires)], Check(alert, case.after, [alert_of(alert)]), step=case.step)


def _of(workspace: Workspace, exporter: Exporter) -> Exporter:
    named = {"workspace": workspace.name, "workspace_id": workspace.identifier}
    return replace(exporter, days=[replace(each, labels={**each.labels, **named}) for each in exporter.days])


def test_a_burn_of_the_night_job_of_every_night_is_none(expect: Expect) -> None:
    """Half an hour earlier or later than usual."""

    def night(day: date, now: datetime) -> float:
        begins = start(day) + 2 * HOUR + (day.toordinal() % 3) * 15 * MINUTE
        return 500 * min(max(now - begins, timedelta(0)) / (30 * MINUTE), 1.0)

    exporter = watched(*nowcast(night, billed=daily(0)))
    expect(
        [exporter],
        *(Check(alert, at) for alert in (BURN, WORKSPACE_BURN, PACE) for at in during(5 * DAY, 6 * DAY)),
        step=STEP,
    )


# Without a nowcast, and in part


def test_what_has_no_nowcast_is_judged_by_its_bill_also_beside_an_organization_that_has_one(expect: Expect) -> None:
    with_nowcast = Exporter([cost(daily(100)), *nowcast(daily(100, {TODAY: 900}), billed=daily(100))])
    without = Exporter([cost(daily(100, {TODAY: 900}))], organization="other", instance="other:9817")
    of_other = alert_of(
        SPIKE,
        f"$900 on {TODAY} of other: far above the median of the seven days before. See Each day by workspace on the "
        "Cost dashboard.",
        "other",
        date=str(TODAY),
    )
    expect([with_nowcast, without], Check(SPIKE, 15 * MINUTE, [of_day(TODAY, "$900", "$800"), of_other]))


def test_tokens_that_have_a_price_are_no_spike_of_tokens(expect: Expect) -> None:
    """However many: their cost is judged."""
    many = tokens(daily(1e8, {TODAY: 9e9}))
    expect([Exporter([many, *nowcast(daily(100))])], Check("AnthropicTokenSpike", HOUR))


@pytest.mark.parametrize("tier", ["standard", "priority"])
def test_the_first_tokens_without_a_price_are_a_spike_and_none_any_more_with_one(tier: str, expect: Expect) -> None:
    """Of days without any there are no samples: they are zero."""
    alert = "AnthropicTokenSpike"
    text = CASES[alert].description.replace("251M", "900M")
    learned = 6 * HOUR

    def first(day: date, now: datetime) -> float | None:
        return 9e8 if day == TODAY and now - EPOCH < learned else None

    expect(
        replicas(Exporter([unpriced(first, tier=tier), *nowcast(daily(100))])),
        Check(alert, 20 * MINUTE, [alert_of(alert, text)]),
        Check(alert, learned + 40 * MINUTE),
    )


def test_a_budget_counts_what_is_estimated(expect: Expect) -> None:
    alert = "AnthropicBudgetExceeded"
    of_bill = cost(daily(0, {TODAY: 100}))
    exporter = Exporter([of_bill, *nowcast(daily(0, {TODAY: 50_500}), billed=daily(0, {TODAY: 100}))])
    expect(replicas(exporter), Check(alert, 15 * MINUTE, [alert_of(alert)]))


# Estimates


@pytest.mark.parametrize(("days", "fires"), [(4, True), (3, False)])
def test_estimates_are_judged_by_four_days_or_more(days: int, fires: bool, expect: Expect) -> None:
    alert = "AnthropicCostEstimateWrong"
    case = CASES[alert]
    few = [replace(each, amount=_of_last(days, each)) if "error" in each.name else each for each in case.fires.days]
    expect([replace(case.fires, days=few)], Check(alert, HOUR, [alert_of(alert)] if fires else []))


def _of_last(days: int, judged: Daily) -> Amount:
    return lambda day, now: judged.amount(day, now) if (now.date() - day).days < 3 + days else None


def test_a_small_day_that_was_estimated_badly_is_no_wrong_week(expect: Expect) -> None:
    """By what is billed, not by days: a day of a dollar may be twice as much."""

    def error(day: date, now: datetime) -> float | None:
        age = (now.date() - day).days
        return (1.0 if age == 5 else 0.0) if 3 <= age <= 9 else None

    judged = Daily("anthropic_cost_nowcast_error_ratio", {"of": "metered"}, error, 12)
    exporter = Exporter([cost(daily(100, {TODAY - 5 * DAY: 1})), judged])
    expect(replicas(exporter), Check("AnthropicCostEstimateWrong", 2 * HOUR))
