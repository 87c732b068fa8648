"""Whole UTC days as the API's parameters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

ONE_DAY = timedelta(days=1)
REREAD_OLD_DAYS_AFTER = timedelta(hours=1)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def end_of(day: date) -> datetime:
    return midnight(day + ONE_DAY)


def through(days: Iterable[date], read_at: datetime) -> datetime | None:
    """The end of the newest of the days that have rows, at most the start of the refresh that read them."""
    newest = max(days, default=None)
    return min(end_of(newest), read_at) if newest else None


def rfc3339(day: date) -> str:
    """The day's start, as the reports' `starting_at` and `ending_at`."""
    return f"{day.isoformat()}T00:00:00Z"


def exposed_days(today: date, days: int) -> list[date]:
    """Today and the days before it, newest first."""
    return [today - timedelta(days=age) for age in range(days)]


def utc_day(moment: datetime) -> date:
    try:
        return moment.astimezone(UTC).date()
    except OverflowError:  # at the calendar's edge, and so in no window
        return moment.date()


def is_stale(read_at: datetime, now: datetime) -> bool:
    """Whether days that hardly change any more are due again (also when the clock was set back)."""
    return not timedelta() <= now - read_at < REREAD_OLD_DAYS_AFTER
