"""What the panels of Claude Code have in common: families, expressions, words."""

from __future__ import annotations

from grafana.dashboards.panels import GREY, Steps
from grafana.dashboards.promql import OfDays, ratio, samples, total

PREFIX = "anthropic_claude_code_"
SESSIONS = f"{PREFIX}sessions"
ACTIVE_ACTORS = f"{PREFIX}active_actors"
LINES, COST, TOKENS = "lines_of_code", "estimated_cost_usd", "tokens"
ADDED, REMOVED = 'change="added"', 'change="removed"'
ACCEPTED = 'decision="accepted"'
# The one actor of days without names.
SOMEBODY = 'actor!="all"'
CHOSEN = "Of the days chosen above; the exporter has nine unless --claude-code.days says otherwise."
ESTIMATE = "The API's own estimate at list prices, which is not billing."
NO_ACTIVITY = "No activity is reported: see Exporter health"
ACCEPTANCE: Steps = ((None, GREY), (0, "red"), (0.5, "orange"), (0.75, "green"))


def developers(of_days: str, offset: str) -> str:
    """Of one day: nobody knows who was active on several."""
    return f"max({total(samples(ACTIVE_ACTORS, of_days, offset=offset), 'days_ago')})"


def sum_of(name: str) -> OfDays:
    return lambda of_days, offset: total(of(name, of_days, offset=offset))


def acceptance(of_days: str, offset: str, *by: str) -> str:
    proposals = total(of("tool_actions", of_days, offset=offset), *by)
    return ratio(total(of("tool_actions", of_days, ACCEPTED, offset=offset), *by), proposals)


def of(name: str, *matchers: str, offset: str = "") -> str:
    return samples(PREFIX + name, 'actor=~"$actor"', 'terminal=~"$terminal"', *matchers, offset=offset)
