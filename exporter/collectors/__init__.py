"""One module a source: how it is fetched, its records, its metric table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol, TypeVar

from exporter.api.errors import ApiError
from exporter.collectors.directory import Directory
from exporter.metrics import Family

Reading = TypeVar("Reading")


class Incomplete(Exception):  # noqa: N818  what is there is as good as any reading
    """A reading to publish, some of which is older: of what failed, `error` came first."""

    def __init__(self, error: ApiError, reading: object) -> None:
        super().__init__(error, reading)
        self.error = error
        self.reading = reading


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
        """A new reading. Raises `ApiError`; `Incomplete`; or `NotEntitled` when the API does not serve this source."""

    def families(self, reading: Reading, today: date, directory: Directory) -> Iterable[Family]: ...

    def data_through(self, reading: Reading) -> datetime | None:
        """The end of the newest bucket with a row, at most the start of the refresh; None where there is no row."""
