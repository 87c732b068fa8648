"""Reports' windows of whole UTC days, hours and minutes as the API's parameters."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from exporter.contract.days import ONE_DAY, ONE_HOUR, midnight

REREAD_OLD_DAYS_AFTER = timedelta(hours=1)
MOST_BUCKETS = 31
# A page takes the interpreter's lock while it is decoded: about 300 bytes a row.
PAGE_ROWS = 10_000


def rfc3339(moment: datetime) -> str:
    """As the reports' `starting_at` and `ending_at`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def window(first: date, last: date) -> tuple[tuple[str, str], ...]:
    """Both days and those between them."""
    return _window("1d", midnight(first), midnight(last + ONE_DAY))


def hours_window(first: datetime, last: datetime) -> tuple[tuple[str, str], ...]:
    """Both hours, by their starts, and those between them."""
    return _window("1h", first, last + ONE_HOUR)


def minutes_window(first: datetime, end: datetime) -> tuple[tuple[str, str], ...]:
    """The minutes from the first one, by its start, on and before the end."""
    return _window("1m", first, end)


def _window(width: str, start: datetime, end: datetime) -> tuple[tuple[str, str], ...]:
    return ("bucket_width", width), ("starting_at", rfc3339(start)), ("ending_at", rfc3339(end))


def page_limit(rows_of_buckets: Collection[int], unknown: int, most: int = MOST_BUCKETS) -> tuple[str, str]:
    """How many buckets to ask for at once, by the rows that they had; `unknown` as long as nothing is known."""
    fitting = PAGE_ROWS // max(1, *rows_of_buckets) if rows_of_buckets else unknown
    return "limit", str(max(1, min(most, fitting)))


def is_stale(read_at: datetime, now: datetime) -> bool:
    """Whether days that hardly change any more are due again (also when the clock was set back)."""
    return not timedelta() <= now - read_at < REREAD_OLD_DAYS_AFTER
