"""Of Claude Code: who uses it, and where. Only the newest days have names: two, unless the exporter is told more."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.dashboards.bars import ranking
from grafana.dashboards.claude_code_queries import (
    ACCEPTANCE,
    ACCEPTED,
    ADDED,
    CHOSEN,
    COST,
    ESTIMATE,
    LINES,
    NO_ACTIVITY,
    SOMEBODY,
    TOKENS,
    acceptance,
    of,
)
from grafana.dashboards.panels import NO_DATA, USD
from grafana.dashboards.promql import CHOSEN_DAYS, largest, ratio, total
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import ACTOR_TYPES, ACTORS, CUSTOMER_TYPES, TERMINALS, TOOLS

ONLY_NAMED = "Days without names are left out: the exporter keeps two unless --claude-code.actor-days says otherwise."
HIDDEN = "With --actors.mode=hash or map they are hashes or teams."
MOST = 20


def people() -> Builder[Panel]:
    by = ("job", "organization", "actor", "actor_type", "customer_type")
    of_people = (CHOSEN_DAYS, SOMEBODY)
    first = f"topk({MOST}, {total(of(COST, *of_people), *by)})"

    def these(expr: str) -> str:
        return f"{expr} and on ({', '.join(by)}) {first}"

    def number(name: str, *matchers: str, unit: str = "short", decimals: int | None = None, width: int = 95) -> Number:
        return Number(these(total(of(name, *of_people, *matchers), *by)), unit, decimals, width)

    actions = total(of("tool_actions", *of_people), *by)
    accepted = ratio(total(of("tool_actions", *of_people, ACCEPTED), *by), actions)
    return table(
        "Top users",
        f"The {MOST} with the highest estimated cost. {ESTIMATE} {ONLY_NAMED} {HIDDEN}",
        {
            "actor": Label("Actor", words=ACTORS),
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
        no_value="Nobody by name on these days; with --actors.mode=drop nobody ever",
    )


def how_it_is_used() -> list[Builder[Panel]]:
    def by_terminal(name: str) -> str:
        return total(of(name, CHOSEN_DAYS), "terminal")

    named = total(of("sessions", CHOSEN_DAYS, SOMEBODY), "terminal", "actor")
    return [
        table(
            "Terminals",
            f"Where Claude Code runs. {ESTIMATE} {CHOSEN} Named users: {ONLY_NAMED} {HIDDEN}",
            {"terminal": Label("Terminal", words=TERMINALS)},
            {
                "Sessions": Number(by_terminal("sessions"), width_pixels=95),
                "Named users": Number(f"count by (terminal) ({named})", width_pixels=105),
                "Tokens": Number(by_terminal(TOKENS), width_pixels=95),
                "Estimated cost": Number(by_terminal(COST), USD, 0, 125),
            },
            sort="Sessions",
            size=(12, 10),
            filterable=False,
            no_value=NO_ACTIVITY,
        ),
        ranking(
            "Tool acceptance by tool",
            f"Share of each tool's proposals that were accepted. {CHOSEN}",
            f"sort_desc({acceptance(CHOSEN_DAYS, '', 'tool')})",
            label="tool",
            words=TOOLS,
            unit="percentunit",
            decimals=0,
            no_value=NO_DATA,
            size=(6, 10),
            steps=ACCEPTANCE,
            most=1,
        ),
        ranking(
            "Tokens by model",
            f"Tokens used by Claude Code, cache reads included. {CHOSEN}",
            largest(10, f"{total(of(TOKENS, CHOSEN_DAYS), 'model')} > 0"),
            label="model",
            unit="short",
            no_value=NO_DATA,
            size=(6, 10),
        ),
    ]
