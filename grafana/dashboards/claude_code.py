"""What people do with Claude Code: adoption, output, acceptance, and the API's own estimate of its cost."""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import PercentChangeColorMode
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.bars import day_bars, ranking
from grafana.dashboards.frame import dashboard, days_variable, label_variable
from grafana.dashboards.panels import PLAIN, USD, Steps, lines, text
from grafana.dashboards.promql import (
    CHOSEN_DAYS,
    JOB,
    NAMED_DAYS,
    day,
    first_of,
    kept_days,
    largest,
    merged,
    on_dates,
    ratio,
    total,
)
from grafana.dashboards.stats import GOOD, NEITHER, change, stat
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import ACTOR_TYPES, CUSTOMER_TYPES, TERMINALS, TOOLS

PREFIX = "anthropic_claude_code_"
SESSIONS = f"{PREFIX}sessions"
ACTIVE_ACTORS = f"{PREFIX}active_actors"
LINES, COST, TOKENS = "lines_of_code", "estimated_cost_usd", "tokens"
ADDED, REMOVED = 'change="added"', 'change="removed"'
ACCEPTED = 'decision="accepted"'
# Days without names, and organizations that hide people, have this one actor.
SOMEBODY = 'actor!="all"'
# One sample where no other day is chosen; its equals have no labels.
ONLY_YESTERDAY = f'absent(anthropic_exporter_day_info{{{JOB}, {CHOSEN_DAYS}, days_ago!="1"}})'
CHOSEN = "Of the days chosen above; the exporter has nine unless --claude-code.days says otherwise."
A_WEEK_AGO = "The arrow is against the same days of the week before, as far as the exporter or Prometheus has them."
ONLY_NAMED = "Older days than yesterday have no names, and with --claude-code.actors=hidden none has."
ESTIMATE = "The API's own estimate at list prices, which is not billing."
NOBODY = "Nobody was active, or it is not reported yet"
# The first colour is that of no data.
ACCEPTANCE: Steps = ((None, "text"), (0, "red"), (0.5, "orange"), (0.75, "green"))
MOST = 20

LACKS = """\
It comes from the API's Claude Code report: UTC days, about an hour late. Some people who log in with a **subscription** are
not in it, nor is anyone who uses Claude Code through **Amazon Bedrock, Google Cloud or Microsoft Foundry**. Cost is an
estimate: on a subscription nobody pays it. With an **actor** chosen, days before yesterday are empty: they have no names.
Names are personal data: give this dashboard to those who may see who did what.
"""

OfDays = Callable[[str, str], str]


def build() -> Dashboard:
    return dashboard(
        "claude-code",
        "Claude Code",
        "Who uses Claude Code, where, how much comes of it, and what the API estimates that it costs.",
        (
            label_variable("actor", "Actor", SESSIONS, NAMED_DAYS, SOMEBODY),
            label_variable("terminal", "Terminal", SESSIONS),
            days_variable(),
        ),
        {
            "": _adoption(),
            "At a glance: ${days:text}": [*_at_a_glance(), *_what_comes_of_it()],
            "People: ${days:text}, as far as it has names (today and yesterday)": [_people()],
            "How it is used: ${days:text}": _how_it_is_used(),
            "Over weeks, from Prometheus' own storage": [*_over_weeks(), text("", LACKS, size=(24, 3))],
        },
        collectors=("claude_code",),
    )


def _adoption() -> list[Builder[Panel]]:
    def of_each_day(expr: Callable[..., str], *by: str) -> str:
        return total(on_dates(expr("job", "days_ago", *by)), "date", "day", *by)

    each = "Of each exposed UTC day, from the first scrape on; the newest day is still growing."
    return [
        day_bars(
            "Developers of each day",
            f"Distinct people and API keys by who pays, whatever actor and terminal are chosen. {each}",
            of_each_day(lambda *by: total(merged(ACTIVE_ACTORS), *by), "customer_type"),
            column="customer_type",
            words=CUSTOMER_TYPES,
            unit="short",
            decimals=0,
            no_value=NOBODY,
            size=(8, 8),
        ),
        day_bars(
            "Sessions of each day",
            f"Claude Code sessions. {each}",
            of_each_day(lambda *by: total(_of("sessions"), *by)),
            unit="short",
            decimals=0,
            no_value=NOBODY,
            size=(8, 8),
        ),
        day_bars(
            "Estimated cost of each day",
            f"{ESTIMATE} {each}",
            of_each_day(lambda *by: total(_of(COST), *by)),
            unit=USD,
            decimals=0,
            no_value=NOBODY,
            size=(8, 8),
        ),
    ]


def _at_a_glance() -> list[Builder[Panel]]:
    return [
        _against_a_week_ago(
            "Active developers",
            "Distinct people and API keys, whatever actor and terminal are chosen; of several days, those of the day "
            "with the most.",
            _developers,
            rise=GOOD,
        ),
        _against_a_week_ago("Sessions", "Claude Code sessions.", _sum_of("sessions"), rise=GOOD),
        _against_a_week_ago("Estimated cost", ESTIMATE, _sum_of(COST), unit=USD, decimals=0),
        _against_a_week_ago(
            "Cost per developer",
            "Estimated cost of a day for each person or API key that was active on it, whatever actor and terminal are "
            f"chosen. {ESTIMATE}",
            lambda of_days, offset: ratio(
                total(merged(PREFIX + COST, of_days, offset=offset)),
                total(merged(ACTIVE_ACTORS, of_days, offset=offset)),
            ),
            unit=USD,
            decimals=2,
        ),
        _against_a_week_ago(
            "Tool acceptance",
            "Share of the proposed edits and writes that were accepted.",
            _acceptance,
            unit="percentunit",
            decimals=1,
            rise=GOOD,
            steps=ACCEPTANCE,
            width=4,
        ),
    ]


def _against_a_week_ago(
    title: str,
    description: str,
    of: OfDays,
    *,
    unit: str = "short",
    decimals: int | None = None,
    rise: PercentChangeColorMode = NEITHER,
    steps: Steps = PLAIN,
    width: int = 5,
) -> Builder[Panel]:
    return change(
        title,
        f"{description} {CHOSEN} {A_WEEK_AGO}",
        of(CHOSEN_DAYS, ""),
        first_of(f"({of(day(8), '')}) and on () {ONLY_YESTERDAY}", of(CHOSEN_DAYS, "7d")),
        unit=unit,
        decimals=decimals,
        rise=rise,
        steps=steps,
        size=(width, 4),
    )


def _what_comes_of_it() -> list[Builder[Panel]]:
    def number(title: str, description: str, expr: str, unit: str = "short", decimals: int | None = None) -> Builder[Panel]:
        return stat(title, f"{description} {CHOSEN}", expr, unit=unit, decimals=decimals, size=(4, 3))

    def count(name: str, *matchers: str) -> str:
        return total(_of(name, CHOSEN_DAYS, *matchers))

    def cost_of_each(name: str) -> str:
        return ratio(count(COST), count(name))

    each = f"Estimated cost for each that Claude Code made. {ESTIMATE}"
    return [
        number("Lines added", "Lines of code added.", count(LINES, ADDED)),
        number("Lines removed", "Lines of code removed.", count(LINES, REMOVED)),
        number("Commits", "Commits made by Claude Code.", count("commits")),
        number("Pull requests", "Pull requests made by Claude Code.", count("pull_requests")),
        number("Cost per commit", each, cost_of_each("commits"), USD, 2),
        number("Cost per pull request", each, cost_of_each("pull_requests"), USD, 2),
    ]


def _people() -> Builder[Panel]:
    by = ("job", "organization", "actor", "actor_type", "customer_type")
    of_people = (CHOSEN_DAYS, NAMED_DAYS, SOMEBODY)
    first = f"topk({MOST}, {total(_of(COST, *of_people), *by)})"

    def these(expr: str) -> str:
        return f"{expr} and on ({', '.join(by)}) {first}"

    def number(name: str, *matchers: str, unit: str = "short", decimals: int | None = None, width: int = 95) -> Number:
        return Number(these(total(_of(name, *of_people, *matchers), *by)), unit, decimals, width)

    actions = total(_of("tool_actions", *of_people), *by)
    accepted = ratio(total(_of("tool_actions", *of_people, ACCEPTED), *by), actions)
    return table(
        "Top users",
        f"The {MOST} with the highest estimated cost. {ESTIMATE} {ONLY_NAMED}",
        {
            "actor": Label("Actor", 250),
            "actor_type": Label("Kind", 80, words=ACTOR_TYPES),
            "customer_type": Label("Pays by", 110, words=CUSTOMER_TYPES),
        },
        {
            "Estimated cost": number(COST, unit=USD, decimals=2, width=130),
            "Tokens": number(TOKENS),
            "Sessions": number("sessions"),
            "Lines added": number(LINES, ADDED, width=105),
            "Commits": number("commits"),
            "Pull requests": number("pull_requests", width=110),
            "Acceptance": Number(these(accepted), "percentunit", 0, 110, steps=ACCEPTANCE),
        },
        sort="Estimated cost",
        size=(24, 14),
        filterable=False,
        no_value=f"{NOBODY}, or the days chosen above have no names",
    )


def _how_it_is_used() -> list[Builder[Panel]]:
    def by_terminal(name: str) -> str:
        return total(_of(name, CHOSEN_DAYS), "terminal")

    named = total(_of("sessions", CHOSEN_DAYS, NAMED_DAYS, SOMEBODY), "terminal", "actor")
    return [
        table(
            "Terminals",
            f"Where Claude Code runs. {ESTIMATE} {CHOSEN} Developers are of today and yesterday only: {ONLY_NAMED}",
            {"terminal": Label("Terminal", words=TERMINALS)},
            {
                "Sessions": Number(by_terminal("sessions"), width_pixels=95),
                "Developers": Number(f"count by (terminal) ({named})", width_pixels=100),
                "Tokens": Number(by_terminal(TOKENS), width_pixels=95),
                "Estimated cost": Number(by_terminal(COST), USD, 0, 125),
            },
            sort="Sessions",
            size=(12, 10),
            filterable=False,
            no_value=NOBODY,
        ),
        ranking(
            "Tool acceptance by tool",
            f"Share of each tool's proposals that were accepted. {CHOSEN}",
            f"sort_desc({_acceptance(CHOSEN_DAYS, '', 'tool')})",
            label="tool",
            words=TOOLS,
            unit="percentunit",
            decimals=0,
            no_value="No proposals",
            size=(6, 10),
            steps=ACCEPTANCE,
            most=1,
        ),
        ranking(
            "Tokens by model",
            f"Tokens used by Claude Code, cache reads included. {CHOSEN}",
            largest(10, f"{total(_of(TOKENS, CHOSEN_DAYS), 'model')} > 0"),
            label="model",
            unit="short",
            no_value=NOBODY,
            size=(6, 10),
        ),
    ]


def _over_weeks() -> list[Builder[Panel]]:
    def bars(title: str, description: str, of: OfDays, unit: str = "short", decimals: int = 0) -> Builder[Panel]:
        return lines(
            title,
            f"{description} Each UTC day as it was exposed days later, yesterday some hours later; as far back as "
            "Prometheus has scraped.",
            {title: kept_days(of)},
            unit=unit,
            decimals=decimals,
            size=(12, 7),
            interval="1d",
            time_from="45d",
            bars=True,
        )

    return [
        bars("Developers over weeks", "Distinct people and API keys.", _developers),
        bars("Sessions over weeks", "Claude Code sessions.", _sum_of("sessions")),
        bars("Estimated cost over weeks", ESTIMATE, _sum_of(COST), USD),
        bars("Acceptance over weeks", "Share of the proposals that were accepted.", _acceptance, "percentunit"),
    ]


def _developers(of_days: str, offset: str) -> str:
    """Of one day: nobody knows who was active on several."""
    return f"max({total(merged(ACTIVE_ACTORS, of_days, offset=offset), 'days_ago')})"


def _sum_of(name: str) -> OfDays:
    return lambda of_days, offset: total(_of(name, of_days, offset=offset))


def _acceptance(of_days: str, offset: str, *by: str) -> str:
    proposals = total(_of("tool_actions", of_days, offset=offset), *by)
    return ratio(total(_of("tool_actions", of_days, ACCEPTED, offset=offset), *by), proposals)


def _of(name: str, *matchers: str, offset: str = "") -> str:
    return merged(PREFIX + name, 'actor=~"$actor"', 'terminal=~"$terminal"', *matchers, offset=offset)
