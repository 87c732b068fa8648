"""Today and the month, as far as known before the bill, and how far that is to be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.dashboards import month
from grafana.dashboards.panels import USD
from grafana.dashboards.promql import (
    JOB,
    ORGANIZATION,
    WORKSPACE,
    day,
    first_of,
    newest_day,
    on_dates,
    samples,
    summed,
    total,
)
from grafana.dashboards.stats import BAD, change, stat
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import SERVICE_TIERS, TOKEN_TYPES

NO_PRIORITY = "Priority Tier is not in the API's cost report."
A_WEEK_AGO = "the same weekday of the week before"
NOT_BILLED = "Estimated, not billed yet"
ESTIMATED_ON_TOP = "What is not billed yet is estimated, and has a colour of its own."
OF_MODEL = 'model=~"$model"'


def today_and_the_month() -> list[Builder[Panel]]:
    def of_all(age: int) -> str:
        return f"({known_day(age, *ORGANIZATION)} or 0 * {is_known(age)})"

    return [
        stat(
            "Today so far",
            "What the current UTC day costs as far as known: the bill, and tokens of some minutes ago at the prices "
            f"that your own bills show. Without the nowcast what is billed, which comes a day later. {NO_PRIORITY}",
            known([day(0)]),
            unit=USD,
            decimals=0,
            size=(4, 5),
        ),
        stat(
            "Estimated",
            "What no bill has yet of the current UTC day. Below stands how right such estimates were last week.",
            total(_of_nowcast(month.ESTIMATED, day(0))),
            unit=USD,
            decimals=0,
            size=(4, 5),
        ),
        stat(
            "Month to date",
            f"Cost of the current UTC month as far as known, of all models, with what is estimated. {NO_PRIORITY}",
            month.known_to_date(),
            unit=USD,
            decimals=0,
            size=(4, 5),
        ),
        stat(
            "Billed",
            "Billed cost of the current UTC month over the reported days, of all models: compare this one with the "
            "Console.",
            month.to_date(),
            unit=USD,
            decimals=0,
            size=(4, 5),
        ),
        change(
            "Month end, projected",
            "Month to date, and for what is left of the month the mean of seven days, today and yesterday left out; of "
            "all models. The arrow is against the whole month before.",
            month.projected_end(),
            month.before(),
            unit=USD,
            decimals=0,
            rise=BAD,
            size=(4, 5),
        ),
        change(
            "Newest day",
            "What yesterday cost as far as known, billed or estimated; without the nowcast the newest reported day. "
            f"The table below names it. The arrow is against {A_WEEK_AGO}. {NO_PRIORITY}",
            f"sum({newest_day(is_known, of_all)})",
            f"sum({newest_day(is_known, lambda age: known_day(age + 7, *ORGANIZATION))})",
            unit=USD,
            decimals=0,
            rise=BAD,
            size=(4, 5),
        ),
    ]


def trust() -> list[Builder[Panel]]:
    """How good the estimates are."""
    complete = total(samples(month.ESTIMATED), "job", "days_ago")
    starts = f"max by (job, days_ago) (anthropic_exporter_bucket_start_timestamp_seconds{{{JOB}}})"
    by_day = (*ORGANIZATION, "days_ago")
    errors = total(samples("anthropic_cost_nowcast_error_ratio", 'of="metered"'), *by_day)
    metered = total(samples(month.COST, 'cost_type=~"tokens|web_search"'), *by_day)
    none_of_today = total(samples(month.NOWCAST, day(0)))
    return [
        stat(
            "Can I trust this? Last week's error",
            "What would have been estimated for the complete days 3 to 9 days ago, with the prices that were known "
            "then, over what was billed for it, less one: positive where it was too much. Tokens and web searches.",
            f"sum({errors} * {metered}) / sum({metered} and {errors})",
            unit="percentunit",
            decimals=1,
            no_value="No day is judged yet",
            size=(6, 4),
        ),
        stat(
            "Newest complete day",
            "The newest day whose bill has come whole: nothing of it is estimated.",
            f"sort_desc(topk(1, {on_dates(f'(({complete} == 0) + on (job, days_ago) group_left () {starts})')}))",
            unit="short",
            shown_label="day",
            no_value="None of the last five",
            size=(6, 4),
        ),
        stat(
            "Tokens without a price, today",
            "Priority Tier, which no bill has, and models without list price or bill: they are not in the estimate.",
            first_of(total(samples("anthropic_unpriced_tokens", day(0))), f"0 * {none_of_today}"),
            unit="short",
            no_value="No nowcast",
            size=(6, 4),
        ),
        stat(
            "At the newest day's pace",
            "Month to date, and the newest day once more for each day that is left; of all models.",
            month.end_at_the_newest_day_s_pace(),
            unit=USD,
            decimals=0,
            size=(6, 4),
        ),
    ]


def prices() -> list[Builder[Panel]]:
    """What is paid for a token, beside the list."""
    by = ("model", "token_type", "service_tier", "inference_geo", "speed")

    def of(basis: str) -> str:
        family = samples("anthropic_price_usd_per_million_tokens", f'basis="{basis}"')
        return f"max by ({', '.join(by)}) ({total(family, *ORGANIZATION, *by)})"

    return [
        table(
            "Prices, as your bills show them",
            "US dollars per million tokens, learned from the newest seven complete days, and the list price where one "
            "is known. With several organizations the highest.",
            {
                "model": Label("Model", 260),
                "token_type": Label("Tokens", words=TOKEN_TYPES),
                "service_tier": Label("Tier", words=SERVICE_TIERS),
                "inference_geo": Label("Place"),
                "speed": Label("Speed"),
            },
            {
                "Paid": Number(of("billed"), USD, 3, 110),
                "List": Number(of("list"), USD, 3, 110),
                "Of the list": Number(f"{of('billed')} / {of('list')}", "percentunit", 0, 110),
            },
            sort="Paid",
            no_value="No nowcast",
        ),
    ]


def billed(*by: str) -> str:
    """The nowcast without its estimated part; the bill, where there is no nowcast."""
    known = total(_of_nowcast(month.NOWCAST), *by)
    estimated = total(_of_nowcast(month.ESTIMATED), *by)
    return f"({first_of(f'{known} - ({estimated} or 0 * {known})', total(_cost(), *by))})"


def estimated_as(column: str) -> str:
    """A part of each bar, with a name of its own."""
    of_days = on_dates(total(_of_nowcast(month.ESTIMATED), "job", "days_ago"))
    return f'label_replace({summed(of_days, "date", "day")} > 0, "{column}", "{NOT_BILLED}", "", "")'


def known(matchers: Sequence[str], *by: str, offset: str = "") -> str:
    """As far as known: the bill alone, where there is no nowcast."""
    families = (month.NOWCAST, month.COST)
    of = (total(samples(family, WORKSPACE, OF_MODEL, *matchers, offset=offset), *by) for family in families)
    return f"({first_of(*of)})"


def known_day(age: int, *by: str) -> str:
    """Where there is a nowcast, yesterday is always known, and no older day is looked for but complete ones."""
    return known([day(age)], *by) if age == 1 else total(_cost(day(age)), *by)


def is_known(age: int) -> str:
    """Whatever workspace and model are chosen."""
    families = (month.NOWCAST, month.COST) if age == 1 else (month.COST,)
    return f"({first_of(*(total(samples(family, day(age)), *ORGANIZATION) for family in families))})"


def _cost(*matchers: str) -> str:
    return samples(month.COST, WORKSPACE, OF_MODEL, *matchers)


def _of_nowcast(family: str, *matchers: str) -> str:
    return samples(family, WORKSPACE, OF_MODEL, *matchers)
