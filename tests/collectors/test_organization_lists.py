"""What the organization's lists have to do with each other in one refresh."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.answers import USERS, WORKSPACES
from tests.collectors.test_organization import read
from tests.collectors.test_organization_faults import FAULTS
from tests.scripted import Answer, error


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
