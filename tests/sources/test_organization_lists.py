"""What the organization's lists have to do with each other in one refresh."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.sources.test_organization import read
from tests.sources.test_organization_faults import FAULTS, LISTS, changed
from tests.support.answers import API_KEYS, ME, USERS, WORKSPACES
from tests.support.processes import PATIENCE_SECONDS
from tests.support.scripted import Answer, Seen, error


@pytest.mark.parametrize(
    ("of_another_list", "next_try"),
    [
        (error(429, x_should_retry="false", retry_after="600"), "in 600 s"),
        (error(500, retry_after_ms="1"), "in 300 s"),
        (FAULTS["schema"], "in 60 s"),
    ],
    ids=["a delay", "five tries", "neither"],
)
def test_no_list_is_asked_again_sooner_than_its_own_failure_allows(of_another_list: Answer, next_try: str) -> None:
    with capture_logs() as lines:
        read({WORKSPACES: error(400), USERS: of_another_list}, "--api.retry-seconds=30")
    (failed,) = (line for line in lines if line["log_level"] == "error")
    assert (failed["endpoint"], failed["reason"], failed["next_try"]) == ("workspaces", "request", next_try)


def test_no_list_waits_for_another() -> None:
    at_once = (WORKSPACES, ME, API_KEYS, USERS)
    asked: set[str] = set()
    all_there = asyncio.Event()

    async def late(seen: Seen) -> object:
        asked.add(seen.path)
        if asked == set(at_once):
            all_there.set()
        await asyncio.wait_for(all_there.wait(), PATIENCE_SECONDS)
        return changed(seen.path)

    exporter, _ = read(dict.fromkeys(at_once, late))
    assert exporter.state("organization").up


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_fails_at_the_very_first_refresh_has_no_last_good_data(path: str) -> None:
    with capture_logs() as lines:
        read({path: error(400)})
    (failed,) = (line for line in lines if line["log_level"] == "error")
    assert failed["event"] == "refresh failed; no data yet"
