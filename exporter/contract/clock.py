"""Which day each `days_ago` is, and which hour each `hours_ago`: written with their families, so that they never
disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from exporter.contract.days import exposed_days, exposed_hours, midnight
from exporter.contract.labels import label_text
from exporter.contract.metric import Declared, Family, Group

DAYS = 31
HOUR_START = Declared(
    "anthropic_exporter_hour_start_timestamp_seconds",
    "Unix time of the start of the UTC hour that lies hours_ago hours back, where hours are exposed",
    "Unix time",
    own=("hours_ago",),
)
BUCKET_START = Declared(
    "anthropic_exporter_bucket_start_timestamp_seconds",
    "Unix time of the start of the UTC day that lies days_ago days back",
    "Unix time",
    own=("days_ago",),
)
DAY_INFO = Declared(
    "anthropic_exporter_day_info",
    "Date and weekday of the UTC day that lies days_ago days back",
    "1",
    own=("days_ago", "date", "weekday"),
)
FAMILIES = (BUCKET_START, DAY_INFO, HOUR_START)


def clock_families(hour: datetime, hours: int) -> Iterable[Family]:
    """`hours` is how many hours are exposed."""
    days = {str(age): day for age, day in enumerate(exposed_days(hour.date(), DAYS))}
    hour_starts = {
        _labels(HOUR_START, str(age)): int(start.timestamp()) for age, start in enumerate(exposed_hours(hour, hours))
    }
    starts = {_labels(BUCKET_START, age): int(midnight(day).timestamp()) for age, day in days.items()}
    infos = {_labels(DAY_INFO, age, day.isoformat(), f"{day:%a}"): 1 for age, day in days.items()}
    return (
        Family(BUCKET_START, [Group("", starts)]),
        Family(DAY_INFO, [Group("", infos)]),
        Family(HOUR_START, [Group("", hour_starts)]),
    )


def _labels(declared: Declared, *values: str) -> str:
    return label_text(zip(declared.own, values, strict=True))
