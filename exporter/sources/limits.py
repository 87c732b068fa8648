"""The organization's rate limits.

API page: https://platform.claude.com/docs/en/manage-claude/rate-limits-api
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from exporter.api.endpoints import RATE_LIMITS, AnyEndpoint
from exporter.api.errors import ApiError
from exporter.api.shapes import limits as shapes
from exporter.api.shapes.limits import RateLimitPage
from exporter.contract.limits import Limited, LimitsReading, RateLimit
from exporter.contract.state import Reason
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.lists import Lists


@dataclass(frozen=True)
class LimitsSource:
    lists: Lists
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "limits"
    generation: str = "admin"
    yields: bool = False
    endpoints: tuple[AnyEndpoint, ...] = (RATE_LIMITS,)

    async def read(self, previous: LimitsReading | None, now: datetime) -> Outcome[LimitsReading]:  # noqa: ARG002  all is read anew
        return await self.entitlement.outcome(RATE_LIMITS.name, partial(self._read, now), now)

    def data_through(self, reading: LimitsReading) -> datetime | None:
        return reading.read_at

    async def _read(self, now: datetime) -> LimitsReading:
        found = await self.lists.read(RATE_LIMITS, _rate_limits)
        _demand_one_ceiling(RATE_LIMITS, found.values())
        return LimitsReading(now, {row.group.id: _rate_limit(row) for row in found.values()})


def _rate_limits(page: RateLimitPage) -> dict[str, shapes.RateLimit]:
    return {row.id: row for row in page.data}


def _rate_limit(row: shapes.RateLimit) -> RateLimit:
    limited = Limited(row.group.id, row.group.display_name, row.group.type)
    return RateLimit(limited, frozenset(row.models or ()), {each.type: each.value for each in row.limits})


def _demand_one_ceiling(endpoint: AnyEndpoint, rows: Iterable[shapes.RateLimit]) -> None:
    """Ceilings do not add up, and none of two is the right one. Raises `ApiError`."""
    groups = Counter(row.group.id for row in rows)
    limiters = Counter((row.group.id, each.type) for row in rows for each in row.limits)
    if any(count > 1 for count in (*groups.values(), *limiters.values())):
        raise ApiError(Reason.SCHEMA, endpoint.name, "the answer has a limit of a group twice", status=200)
