"""Alerts on ceilings: names that change, replicas, limits of different scopes and periods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.grafana.cases import CASES, alert_of
from tests.support.grafana.history import DAY, HOUR, MINUTE, RESEARCH, Exporter, Gauge, collector, cost, daily, replicas
from tests.support.grafana.organizations import near_limit, spend_limits
from tests.support.grafana.rules import Check

Expect = Callable[..., None]

NEAR, PROJECTED = "AnthropicRateLimitNear", "AnthropicSpendLimitProjected"
AT = 2 * HOUR
MONTH = (1 + 31 - AT / DAY) * 100  # of January, at a hundred dollars a day, the first of which is told whole at once


def spending(*gauges: Gauge) -> Exporter:
    """A hundred dollars a day, forty of them of Research."""
    return Exporter([cost(daily(60)), cost(daily(40), RESEARCH)], gauges)


def projected(share: str, **labels: str) -> Check:
    description = CASES[PROJECTED].description.replace("104%", share)
    if workspace := labels.get("workspace"):
        description = description.replace("organization's", "workspace's").replace(
            "did, example", f"did, workspace {workspace}, example"
        )
    return Check(PROJECTED, AT, [alert_of(PROJECTED, description, **labels)])


def test_a_group_that_is_renamed_in_one_replica_first_is_told_once(expect: Expect) -> None:
    def renamed(each: Gauge) -> Gauge:
        return replace(each, labels={**each.labels, "group": "Claude Opus 5 and later"})

    first, second = replicas(near_limit(91))
    read = collector("limits", last_success_timestamp_seconds=9.0)
    first = replace(first, gauges=[*map(renamed, first.gauges), *read])
    description = CASES[NEAR].description.replace("Claude Opus 5.x", "Claude Opus 5 and later")
    expect([first, second], Check(NEAR, 10 * MINUTE, [alert_of(NEAR, description, group="Claude Opus 5 and later")]))


def test_a_group_without_the_use_of_it_says_nothing(expect: Expect) -> None:
    whole = near_limit(91)
    ceilings = [each for each in whole.gauges if each.name == "anthropic_rate_limit"]
    expect([replace(whole, gauges=ceilings)], Check(NEAR, 10 * MINUTE))


def test_a_ceiling_of_nothing_is_not_divided_by(expect: Expect) -> None:
    def nothing(each: Gauge) -> Gauge:
        return replace(each, value=lambda _: 0.0) if each.name == "anthropic_rate_limit" else each

    whole = near_limit(91)
    expect([replace(whole, gauges=[*map(nothing, whole.gauges)])], Check(NEAR, 10 * MINUTE))


@pytest.mark.parametrize(("organization", "usage_tier"), [(MONTH / 1.1, 1e6), (1e6, MONTH / 1.1)])
def test_the_lower_limit_of_the_organization_counts(organization: float, usage_tier: float, expect: Expect) -> None:
    limits = spend_limits(organization=organization, usage_tier=usage_tier)
    expect(replicas(spending(*limits)), projected("110%"))


def test_a_workspace_s_limit_counts_what_the_workspace_spends_and_names_it(expect: Expect) -> None:
    named = {"scope": "workspace", "workspace": RESEARCH.name, "workspace_id": RESEARCH.identifier}
    limits = [*spend_limits(organization=1e6), *spend_limits(of=RESEARCH, workspace=0.4 * MONTH / 1.2)]
    expect([spending(*limits)], projected("120%", **named))


@pytest.mark.parametrize("period", ["daily", "weekly", "none"])
def test_a_limit_of_another_period_has_no_projection(period: str, expect: Expect) -> None:
    expect([spending(*spend_limits(period=period, organization=50))], Check(PROJECTED, AT))


def test_a_limit_of_nothing_has_stopped_the_api_already(expect: Expect) -> None:
    expect([spending(*spend_limits(organization=0))], Check(PROJECTED, AT))


def test_a_spend_limit_is_no_budget(expect: Expect) -> None:
    limits = spend_limits(organization=10, usage_tier=10)
    names = [name for name in CASES if name.startswith("AnthropicBudget") and name != "AnthropicBudgetMatchesNothing"]
    expect([spending(*limits)], *(Check(name, AT) for name in names))
