"""What people do with Claude Code: adoption, output, acceptance, and the API's own estimate of its cost."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.frame import dashboard, days_variable, label_variable
from grafana.dashboards.panels import HALF, Steps, lines, ranking, stat, table, text
from grafana.dashboards.promql import CHOSEN_DAYS, NAMED_DAYS, day, largest, merged, ratio, total

PREFIX = "anthropic_claude_code_"
SESSIONS = f"{PREFIX}sessions"
ACTIVE_ACTORS = f"{PREFIX}active_actors"
LINES, COST, TOKENS = "lines_of_code", "estimated_cost_usd", "tokens"
ADDED, REMOVED = 'change="added"', 'change="removed"'
ACCEPTED = 'decision="accepted"'
CHOSEN = "Of the days chosen above; the exporter has nine unless --claude-code.days says otherwise."
ONLY_NAMED = "only of today and yesterday, where they are among the days chosen above: older days have no names."
ESTIMATE = "The API's own estimate, which is not billing."
NOBODY = "Nobody was active, or it is not reported yet"
ACCEPTANCE: Steps = ((None, "red"), (0.5, "orange"), (0.75, "green"))
MOST = 20

LACKS = """\
- It comes from the API's Claude Code report, about an hour late. It has no hours, only UTC days.
- Some people who log in with a **subscription** are not in that report, nor is anyone who uses Claude Code through
  **Amazon Bedrock, Google Cloud or Microsoft Foundry**.
- Cost is the API's estimate at list prices. For people on a subscription it is not what anybody pays.
- **Names** are only on today and yesterday: with an actor chosen, older days show nothing.
- Names are personal data: give this dashboard to those who may see who did what.
"""


def build() -> Dashboard:
    return dashboard(
        "claude-code",
        "Claude Code",
        "Who uses Claude Code, where, how much comes of it, and what the API estimates that it costs.",
        (
            label_variable("actor", "Actor, today and yesterday", SESSIONS, NAMED_DAYS),
            label_variable("terminal", "Terminal", SESSIONS),
            days_variable(),
        ),
        {
            "At a glance": _at_a_glance(),
            "People": [_actors()],
            "How it is used": _how_it_is_used(),
            "Adoption": _adoption(),
            "What this leaves out": [text("What the report lacks", LACKS, size=(24, 5))],
        },
    )


def _at_a_glance() -> list[Builder[Panel]]:
    def count(title: str, description: str, name: str, *matchers: str, unit: str = "short") -> Builder[Panel]:
        expr = total(_of(name, CHOSEN_DAYS, *matchers))
        return stat(title, f"{description} {CHOSEN}", expr, unit=unit, no_value=NOBODY)

    cost = total(_of(COST, CHOSEN_DAYS))
    return [
        stat(
            "Active developers",
            f"Distinct people and API keys, whatever actor and terminal are chosen; it is no sum over days. {CHOSEN}",
            f"max({total(merged(ACTIVE_ACTORS, CHOSEN_DAYS), 'days_ago')})",
            unit="short",
            no_value="Not reported yet",
        ),
        count("Sessions", "Claude Code sessions.", "sessions"),
        count("Lines added", "Lines of code added.", LINES, ADDED),
        count("Lines removed", "Lines of code removed.", LINES, REMOVED),
        count("Commits", "Commits made by Claude Code.", "commits"),
        count("Pull requests", "Pull requests made by Claude Code.", "pull_requests"),
        count("Estimated cost", ESTIMATE, COST, unit="currencyUSD"),
        stat(
            "Cost per commit",
            f"Estimated cost for each commit made by Claude Code. {ESTIMATE} {CHOSEN}",
            ratio(cost, total(_of("commits", CHOSEN_DAYS))),
            unit="currencyUSD",
            no_value="No commits",
        ),
        stat(
            "Cost per pull request",
            f"Estimated cost for each pull request made by Claude Code. {ESTIMATE} {CHOSEN}",
            ratio(cost, total(_of("pull_requests", CHOSEN_DAYS))),
            unit="currencyUSD",
            no_value="No pull requests",
        ),
        stat(
            "Cost per developer",
            "Estimated cost of a day for each person or API key that was active on it, whatever actor and terminal are "
            f"chosen. {ESTIMATE} {CHOSEN}",
            ratio(total(merged(PREFIX + COST, CHOSEN_DAYS)), total(merged(ACTIVE_ACTORS, CHOSEN_DAYS))),
            unit="currencyUSD",
            no_value=NOBODY,
        ),
        stat(
            "Tool acceptance",
            f"Share of the proposed edits and writes that were accepted. {CHOSEN}",
            _acceptance(CHOSEN_DAYS),
            unit="percentunit",
            steps=ACCEPTANCE,
            no_value="No proposals",
        ),
        count("Tokens", "Tokens used by Claude Code, cache reads included.", TOKENS),
    ]


def _actors() -> Builder[Panel]:
    by = ("job", "organization", "actor", "actor_type", "customer_type")
    first = f"topk({MOST}, {total(_of(COST, CHOSEN_DAYS, NAMED_DAYS), *by)})"

    def column(name: str, *matchers: str) -> str:
        return f"{total(_of(name, CHOSEN_DAYS, NAMED_DAYS, *matchers), *by)} and on ({', '.join(by)}) {first}"

    return table(
        "Top users",
        f"The {MOST} with the highest estimated cost. {ESTIMATE} They are {ONLY_NAMED}",
        {
            "Estimated cost": column(COST),
            "Tokens": column(TOKENS),
            "Sessions": column("sessions"),
            "Lines added": column(LINES, ADDED),
            "Commits": column("commits"),
            "Pull requests": column("pull_requests"),
        },
        labels={"actor": "Actor", "actor_type": "Kind", "customer_type": "Pays by"},
        units={"Estimated cost": "currencyUSD"},
        sort="Estimated cost",
        no_value="Nobody was active, it is not reported yet, or the days chosen above have no names",
    )


def _how_it_is_used() -> list[Builder[Panel]]:
    def column(name: str) -> str:
        return total(_of(name, CHOSEN_DAYS), "terminal")

    developers = total(_of("sessions", CHOSEN_DAYS, NAMED_DAYS), "terminal", "actor")

    def first(name: str, label: str, *matchers: str) -> str:
        return largest(10, f"{total(_of(name, CHOSEN_DAYS, *matchers), label)} > 0")

    return [
        table(
            "Terminals",
            f"Where Claude Code runs. {ESTIMATE} {CHOSEN} Its developers: {ONLY_NAMED}",
            {
                "Sessions": column("sessions"),
                "Developers": f"count by (terminal) ({developers})",
                "Tokens": column(TOKENS),
                "Estimated cost": column(COST),
            },
            labels={"terminal": "Terminal"},
            units={"Estimated cost": "currencyUSD"},
            sort="Sessions",
            size=HALF,
            no_value=NOBODY,
        ),
        ranking(
            "Tool acceptance by tool",
            f"Share of each tool's proposals that were accepted. {CHOSEN}",
            f"sort_desc({_acceptance(CHOSEN_DAYS, 'tool')})",
            label="tool",
            unit="percentunit",
            no_value="No proposals",
            size=HALF,
            steps=ACCEPTANCE,
        ),
        ranking(
            "Tokens by model",
            f"Tokens used by Claude Code. {CHOSEN}",
            first(TOKENS, "model"),
            label="model",
            unit="short",
            no_value=NOBODY,
            size=HALF,
        ),
        ranking(
            "Tokens by type",
            f"Tokens used by Claude Code: input, cache, output. {CHOSEN}",
            first(TOKENS, "token_type"),
            label="token_type",
            unit="short",
            no_value=NOBODY,
            size=HALF,
        ),
    ]


def _adoption() -> list[Builder[Panel]]:
    kinds = total(merged(ACTIVE_ACTORS, day(1)), "customer_type")
    since = "From Prometheus' own storage, as far as it reaches back."
    return [
        lines(
            "Active developers of the day before",
            f"Distinct people and API keys of the last complete UTC day, by who pays. {since}",
            {"{{customer_type}}": kinds},
            unit="short",
            interval="1h",
            time_from="90d",
        ),
        lines(
            "Estimated cost of the day before",
            f"{ESTIMATE} Of the last complete UTC day. {since}",
            {"Estimated cost": total(_of(COST, day(1)))},
            unit="currencyUSD",
            interval="1h",
            time_from="90d",
        ),
        lines(
            "Output of the day before",
            f"Sessions, commits and pull requests of the last complete UTC day. {since}",
            {
                "Sessions": total(_of("sessions", day(1))),
                "Commits": total(_of("commits", day(1))),
                "Pull requests": total(_of("pull_requests", day(1))),
            },
            unit="short",
            interval="1h",
            time_from="90d",
        ),
        lines(
            "Tool acceptance of the day before",
            f"Share of the proposals of the last complete UTC day that were accepted. {since}",
            {"Tool acceptance": _acceptance(day(1))},
            unit="percentunit",
            interval="1h",
            time_from="90d",
        ),
    ]


def _acceptance(of_days: str, *by: str) -> str:
    proposals = total(_of("tool_actions", of_days), *by)
    return ratio(total(_of("tool_actions", of_days, ACCEPTED), *by), proposals)


def _of(name: str, *matchers: str) -> str:
    return merged(PREFIX + name, 'actor=~"$actor"', 'terminal=~"$terminal"', *matchers)
