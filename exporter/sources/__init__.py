"""One module a source: which endpoints it asks, and how their answers become our own records. Knows no label."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from exporter.api.endpoints import AnyEndpoint
from exporter.api.errors import ApiError
from exporter.contract.state import Unserved

R = TypeVar("R")


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """What a source has read, immutable: all that there is to show from now on.

    Of what it could not read anew, and has kept, `failure` came first. It is not served where its main endpoint is
    refused; the reading is what it has all the same, from others. `unserved` are all endpoints that are refused.
    """

    reading: R | None
    failure: ApiError | None = None
    is_served: bool = True
    unserved: tuple[Unserved, ...] = ()


class Source(Protocol[R]):
    @property
    def collector(self) -> str: ...

    @property
    def generation(self) -> str:
        """`legacy`, `analytics` or `admin`: which API the numbers come from; empty where they are our own."""

    @property
    def endpoints(self) -> tuple[AnyEndpoint, ...]:
        """All that a refresh polls."""

    @property
    def rank(self) -> int:
        """The lowest goes first of those that ask the same endpoint: usage 0, nowcast 1, minutes 2, hours 3."""

    async def read(self, previous: R | None, now: datetime) -> Outcome[R]:
        """Ask the API. Raises `ApiError` where nothing of it can be used."""

    def data_through(self, reading: R) -> datetime | None:
        """The end of the newest bucket with a row, at most the start of the refresh; None where there is no row."""
