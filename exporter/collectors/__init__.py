"""One module a source: how it is fetched, its records, its metric table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol, TypeVar

from exporter.collectors.directory import Directory
from exporter.metrics import Family

Reading = TypeVar("Reading")


class Collector(Protocol[Reading]):
    """A source of the exporter. A reading is immutable: what the API said, up to a refresh."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str:
        """`legacy`, `analytics` or `admin`: which API generation the numbers come from."""

    @property
    def interval_seconds(self) -> float: ...

    @property
    def uses_names(self) -> bool:
        """Whether the families depend on the directory."""

    async def refresh(self, previous: Reading | None, now: datetime) -> Reading:
        """A new reading. Raises `ApiError`, or `NotEntitled` when the API does not serve this source."""

    def families(self, reading: Reading, today: date, directory: Directory) -> Iterable[Family]: ...

    def data_through(self, reading: Reading) -> datetime | None:
        """Up to when the API has reported; None when it has not reported anything yet."""
