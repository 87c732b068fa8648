"""Whole UTC days: what is reported of each, and how each is labelled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Generic, Protocol, Self, TypeVar

from exporter.contract.labels import label_text

ONE_DAY = timedelta(days=1)
ONE_HOUR = timedelta(hours=1)
RUN_ROWS = 500

Row_co = TypeVar("Row_co", covariant=True)


@dataclass(frozen=True, eq=False)
class Day(Generic[Row_co]):
    """A day's rows, and when they last became others. It is the same object for as long as they are equal."""

    rows: Sequence[Row_co]
    changed_at: datetime

    @classmethod
    def of(cls, rows: Sequence[Row_co], read_at: datetime, before: Self | None) -> Self:
        """The earlier day itself where its rows are equal; takes the rows."""
        if before is None or not are_equal(before.rows, rows):
            return cls(rows, read_at)
        let_go(rows)
        return before


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def end_of(day: date) -> datetime:
    return midnight(day + ONE_DAY)


def are_equal(rows: Sequence[object], others: Sequence[object]) -> bool:
    """In runs: all of a large day's rows at once would hold the interpreter's lock, and scrapes with it."""
    return len(rows) == len(others) and all(
        rows[start : start + RUN_ROWS] == others[start : start + RUN_ROWS] for start in range(0, len(rows), RUN_ROWS)
    )


def let_go(rows: Sequence[object]) -> None:
    """Of rows that nobody wants: to free all of them at once would hold the lock, too."""
    if isinstance(rows, list):
        while rows:
            del rows[-RUN_ROWS:]


class Held(Protocol):
    """A day of a reading: its rows are true where there is one."""

    @property
    def rows(self) -> object: ...


def through(days: Mapping[date, Held], read_at: datetime) -> datetime | None:
    """The end of the newest day with a row, at most the start of the refresh that read it; None without any row."""
    newest = max((day for day, held in days.items() if held.rows), default=None)
    return min(end_of(newest), read_at) if newest else None


def exposed_days(today: date, days: int) -> list[date]:
    """Today and the days before it, newest first."""
    return [today - timedelta(days=age) for age in range(days)]


def exposed_hours(hour: datetime, hours: int) -> list[datetime]:
    """The starts of the current hour and of those before it, newest first."""
    return [hour - age * ONE_HOUR for age in range(hours)]


def day_range(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def utc_day(moment: datetime) -> date:
    try:
        return moment.astimezone(UTC).date()
    except OverflowError:  # at the calendar's edge, and so in no window
        return moment.date()


def utc_hour(moment: datetime) -> datetime:
    """The start of the UTC hour."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def utc_minute(moment: datetime) -> datetime:
    """The start of the UTC minute."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def day_label(day: date, today: date) -> str:
    """The `days_ago` label: 0 is the current UTC day."""
    return label_text([("days_ago", str((today - day).days))])


def hour_label(start: datetime, hour: datetime) -> str:
    """The `hours_ago` label: 0 is the current UTC hour."""
    return label_text([("hours_ago", str((hour - start) // ONE_HOUR))])


def age_label(bucket: date, hour: datetime) -> str:
    """How old an hour, by its start, or a day is in that hour."""
    return hour_label(bucket, hour) if isinstance(bucket, datetime) else day_label(bucket, hour.date())
