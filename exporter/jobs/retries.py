"""How long to wait after a refresh that failed."""

from __future__ import annotations

FIRST_RETRY_SECONDS = 60
HOUR_SECONDS = 3600


def wait_seconds(interval_seconds: float, failures: int, tries: int, retry_after_seconds: float | None) -> float:
    """How long after the `failures`-th failure in a row the next refresh begins; never sooner than the API asked.

    Every one of the failed request's tries counts as a poll, of which there is one a minute.
    """
    backoff = min(interval_seconds, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10))
    polls = min(interval_seconds, FIRST_RETRY_SECONDS) * tries
    return max(backoff, polls, min(retry_after_seconds or 0, HOUR_SECONDS))
