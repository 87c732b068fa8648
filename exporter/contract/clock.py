"""Which day each `days_ago` is: written with the day families, so that they never disagree."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from exporter.contract.days import exposed_days, midnight
from exporter.contract.labels import label_text
from exporter.contract.metric import Declared, Family, Group

DAYS = 31
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
FAMILIES = (BUCKET_START, DAY_INFO)


def clock_families(today: date) -> Iterable[Family]:
    days = {str(age): day for age, day in enumerate(exposed_days(today, DAYS))}
    starts = {_labels(BUCKET_START, age): int(midnight(day).timestamp()) for age, day in days.items()}
    infos = {_labels(DAY_INFO, age, day.isoformat(), f"{day:%a}"): 1 for age, day in days.items()}
    return Family(BUCKET_START, [Group("", starts)]), Family(DAY_INFO, [Group("", infos)])


def _labels(declared: Declared, *values: str) -> str:
    return label_text(zip(declared.own, values, strict=True))
