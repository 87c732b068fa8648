"""Where the month stands and where it will end: of all models, as the API's month sums are."""

from __future__ import annotations

from grafana.dashboards.promql import (
    DAY_SECONDS,
    JOB,
    ORGANIZATION,
    SCOPE,
    WORKSPACE,
    day,
    days,
    first_of,
    newest_day,
    samples,
    total,
)

COST = "anthropic_cost_usd"
MONTH_TO_DATE = "anthropic_cost_month_to_date_usd"
MONTH_BEFORE = "anthropic_cost_previous_month_usd"
NOWCAST = "anthropic_cost_nowcast_usd"
ESTIMATED = "anthropic_cost_nowcast_estimated_usd"
NOWCAST_TO_DATE = "anthropic_cost_nowcast_month_to_date_usd"
OF_ORGANIZATION = ", ".join(ORGANIZATION)


def to_date(*by: str) -> str:
    """Billed."""
    return total(samples(MONTH_TO_DATE, WORKSPACE), *by)


def known_to_date(*by: str) -> str:
    """With what is estimated, where there is a nowcast."""
    return first_of(total(samples(NOWCAST_TO_DATE, WORKSPACE), *by), to_date(*by))


def before(*by: str) -> str:
    return total(samples(MONTH_BEFORE, WORKSPACE), *by)


def projected_end() -> str:
    """By the mean of seven days: a straight line through the month to date would follow its weekends."""
    known = total(samples(NOWCAST, WORKSPACE, days("[2-8]")), *ORGANIZATION, "days_ago")
    return _end(f"avg by ({OF_ORGANIZATION}) ({first_of(known, _of_all_models(days('[2-8]'), 'days_ago'))})")


def end_at_the_newest_day_s_pace() -> str:
    return _end(f"({newest_day(_of_day)})")


def _of_day(age: int) -> str:
    """Where there is a nowcast, yesterday is always known."""
    billed = _of_all_models(day(age))
    return f"({first_of(total(samples(NOWCAST, WORKSPACE, day(age)), *ORGANIZATION), billed)})" if age == 1 else billed


def _days_left() -> str:
    """Of the month, or parts of them, of which nothing is known yet."""
    through = f"({_known_through('nowcast')} or on ({OF_ORGANIZATION}) {_known_through('cost')})"
    # By the day that is exposed, not by the clock: what is exposed changes with the first scrape after midnight, and of
    # several replicas the month to date is the old month's until the last of them has changed.
    today = f"min by (job) (anthropic_exporter_bucket_start_timestamp_seconds{{{JOB}, {day(0)}}})"
    end = f"({today} + {DAY_SECONDS} * (days_in_month({today}) + 1 - day_of_month({today})))"
    return f"clamp(({end} - on (job) group_right () {through}) / {DAY_SECONDS}, 0, scalar(days_in_month()))"


def _known_through(collector: str) -> str:
    return (
        f"max by ({OF_ORGANIZATION}) "
        f'(anthropic_exporter_collector_data_through_timestamp_seconds{{{SCOPE}, collector="{collector}"}})'
    )


def _end(day_s_cost: str) -> str:
    """Month to date, and such a day's cost for each day, or part of one, of which nothing is known yet."""
    so_far = f"({known_to_date(*ORGANIZATION)} or on ({OF_ORGANIZATION}) 0 * {day_s_cost})"
    return f"sum({so_far} + on ({OF_ORGANIZATION}) {_days_left()} * on ({OF_ORGANIZATION}) {day_s_cost})"


def _of_all_models(matcher: str, *by: str) -> str:
    return total(samples(COST, WORKSPACE, matcher), *ORGANIZATION, *by)
