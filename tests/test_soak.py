"""A few rounds of `make soak`, so that it stays true; what hundreds of them find is its own business."""

from __future__ import annotations

import pytest

from tests.soak.catalogue import catalogue
from tests.soak.running import run

ROUNDS = range(1, 9)


@pytest.mark.slow
def test_every_scrape_under_faults_is_the_old_or_the_new_whole_truth() -> None:
    quick = {name: kind for name, kind in catalogue().items() if not kind.slow}
    result = run(ROUNDS, quick)
    assert [f"seed {each.seed}: {problem}" for each in result.outcomes for problem in each.problems] == []
    assert not result.memory_problems
    assert sum(count for each in result.outcomes for (_, what), count in each.results.items() if what != "not met") > 8


def test_there_are_kinds_of_every_group_for_every_endpoint() -> None:
    kinds = catalogue().values()
    assert len(kinds) >= 60
    for endpoint in ("me", "workspaces", "api_keys", "users", "service_accounts", "rate_limits", "cost_report"):
        assert sum(endpoint in kind.endpoints for kind in kinds) >= 60
