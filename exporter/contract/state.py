"""How a job of the exporter is doing, as of its last refresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why a refresh failed: the values of the `reason` label."""

    AUTH = "auth"
    FORBIDDEN = "forbidden"
    REQUEST = "request"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER = "server"
    SCHEMA = "schema"
    PAGINATION = "pagination"
    BUG = "bug"


def none_failed() -> dict[Reason, int]:
    """Every label value from the start, or alerts see nothing."""
    return dict.fromkeys(Reason, 0)


@dataclass(frozen=True)
class Failure:
    """Why a refresh failed, in words that may be shown: what was asked, and what came of it."""

    reason: Reason
    endpoint: str
    message: str
    status: int | None
    request_id: str | None
    at: datetime


@dataclass(frozen=True)
class Unserved:
    """An endpoint that the API does not serve to this key, with the API's own words."""

    endpoint: str
    message: str
    status: int | None
    request_id: str | None


@dataclass(frozen=True)
class State:
    """Replaced whole: nobody sees half of a change. `failure` is the last one for as long as it lasts.

    It is read again `next_try_seconds` after the end of the last refresh, which is at `next_try`: None until the first
    has ended.
    """

    collector: str
    source: str
    interval_seconds: float
    available: bool = True
    up: bool = False
    attempted: bool = False
    failure: Failure | None = None
    failures_in_a_row: int = 0
    failing_since: datetime | None = None
    unserved: tuple[Unserved, ...] = ()
    next_try_seconds: float = 0.0
    next_try: datetime | None = None
    last_success: datetime | None = None
    data_through: datetime | None = None
    duration_seconds: float | None = None
    samples: int = 0
    folded: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[Reason, int] = field(default_factory=none_failed)

    @property
    def reason(self) -> Reason | None:
        return self.failure.reason if self.failure else None
