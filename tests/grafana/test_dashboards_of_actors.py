"""Only the newest days of Claude Code have names: nothing may count, list or offer the actor `all` of older ones."""

from __future__ import annotations

import re

import pytest

from tests.support.grafana.panels import DASHBOARDS, QUERIES, Query, variables
from tests.support.grafana.rules import RUNBOOK, rules
from tests.support.grafana.selectors import selectors

BY_ACTOR = re.compile(r"\b(?:by|on|group_left) \([^)]*\bactor\b[^)]*\)")
OF_ACTORS = "anthropic_claude_code_"
COUNTS = f"{OF_ACTORS}active_actors"  # which has no names

QUERIES_BY_ACTOR = [one for one in QUERIES if OF_ACTORS in one.expr and BY_ACTOR.search(one.expr)]


def test_there_are_such_panels() -> None:
    assert {one.panel for one in QUERIES_BY_ACTOR} == {"Top users", "Terminals"}


@pytest.mark.parametrize("one", QUERIES_BY_ACTOR, ids=lambda one: f"{one.panel}: {one.expr[:60]}")
def test_what_is_by_actor_is_of_days_with_names_however_many_they_are(one: Query) -> None:
    assert [name for name, matchers in selectors(one.expr) if 'actor!="all"' not in matchers] == []


def test_people_are_counted_where_they_are_counted_on_every_day() -> None:
    (developers,) = [one for one in QUERIES if one.panel == "Active developers"]
    (price,) = [one for one in QUERIES if one.panel == "Cost per developer"]
    assert {name for name, _ in selectors(developers.expr)} == {COUNTS, "anthropic_exporter_day_info"}
    assert COUNTS in {name for name, _ in selectors(price.expr)}


def test_only_names_can_be_chosen() -> None:
    offered = variables(DASHBOARDS["anthropic-claude-code.json"])["actor"]["query"]
    assert 'actor!="all"' in offered


def test_rules_and_runbook_are_by_actor_only_of_yesterday() -> None:
    assert [rule["expr"] for rule in rules() if OF_ACTORS in rule["expr"] and BY_ACTOR.search(rule["expr"])] == []
    queries = re.findall(r"^```promql\n(.*?)^```$", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    by_actor = [query for query in queries if OF_ACTORS in query and BY_ACTOR.search(query)]
    assert by_actor
    assert [query for query in by_actor if 'days_ago="1"' not in query] == []
