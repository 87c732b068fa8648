"""Reports' windows of whole UTC days as the API's parameters."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from exporter.contract.days import ONE_DAY

REREAD_OLD_DAYS_AFTER = timedelta(hours=1)
MOST_BUCKETS = 31
# A page takes the interpreter's lock while it is decoded: about 300 bytes a row.
PAGE_ROWS = 10_000


def rfc3339(day: date) -> str:
    """The day's start, as the reports' `starting_at` and `ending_at`."""
    return f"{day.isoformat()}T00:00:00Z"


def window(first: date, last: date) -> tuple[tuple[str, str], ...]:
    """Both days and those between them."""
    return ("starting_at", rfc3339(first)), ("ending_at", rfc3339(last + ONE_DAY))


def page_limit(rows_of_days: Collection[int], unknown: int) -> tuple[str, str]:
    """How many buckets to ask for at once, by the rows that days had; `unknown` as long as nothing is known."""
    fitting = PAGE_ROWS // max(1, *rows_of_days) if rows_of_days else unknown
    return "limit", str(max(1, min(MOST_BUCKETS, fitting)))


def is_stale(read_at: datetime, now: datetime) -> bool:
    """Whether days that hardly change any more are due again (also when the clock was set back)."""
    return not timedelta() <= now - read_at < REREAD_OLD_DAYS_AFTER
