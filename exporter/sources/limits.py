"""The rate limits of the organization and of its workspaces, its spend limits, and the busiest minute.

API page: https://platform.claude.com/docs/en/manage-claude/rate-limits-api
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TypeVar

from exporter.api.endpoints import RATE_LIMITS, SPEND_LIMITS, USAGE, WORKSPACE_RATE_LIMITS, WORKSPACES, AnyEndpoint
from exporter.api.errors import ApiError
from exporter.api.shapes import limits as shapes
from exporter.api.shapes.limits import RateLimitPage, SpendLimitPage, WorkspaceRateLimitPage
from exporter.contract.days import ONE_HOUR, utc_minute
from exporter.contract.limits import (
    SCOPES,
    Limited,
    LimitsReading,
    RateLimit,
    SpendLimit,
    WorkspaceCeiling,
    WorkspaceRateLimit,
)
from exporter.contract.peaks import COUNTED, Minutes
from exporter.contract.state import Reason
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.lists import Lists
from exporter.sources.lists_refresh import ListsRefresh
from exporter.sources.minutes import MinutesOfUsage
from exporter.sources.workspaces import InTurns, Parts, open_workspaces

R = TypeVar("R", shapes.RateLimit, shapes.WorkspaceRateLimit)
MOST_WORKSPACES = 50  # whose limits are read again at a refresh

OfWorkspaces = Mapping[str, Sequence[WorkspaceRateLimit]]


@dataclass(frozen=True)
class LimitsSource:
    """The organization's and each workspace's rate limits, spend limits and minutes fail each alone."""

    lists: Lists
    usage: MinutesOfUsage
    turns: InTurns[Sequence[WorkspaceRateLimit]]
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "limits"
    generation: str = "admin"
    rank: int = 2
    # The report last, whose turn is used at once, and is so nobody else's.
    endpoints: tuple[AnyEndpoint, ...] = (RATE_LIMITS, WORKSPACES, WORKSPACE_RATE_LIMITS, SPEND_LIMITS, USAGE)

    async def read(self, previous: LimitsReading | None, now: datetime) -> Outcome[LimitsReading]:
        had = previous or LimitsReading(now)
        refresh = ListsRefresh((RATE_LIMITS, WORKSPACE_RATE_LIMITS, SPEND_LIMITS, USAGE), self.entitlement, now)
        # Where there is no ceiling of tokens to hold them against, minutes are not asked for. A busy one is not kept
        # for longer than its hour, whatever fails.
        kept: Minutes = {start: rows for start, rows in had.minutes.items() if start >= utc_minute(now) - ONE_HOUR}
        minutes = kept
        if self._has_peaks(had):
            minutes = await refresh.part(USAGE, partial(self.usage.last_hour, now), kept=kept, absent={})
        organization = await refresh.part(RATE_LIMITS, self._organization, kept=had.organization, absent={})
        workspaces, spend = await asyncio.gather(
            refresh.part(
                WORKSPACE_RATE_LIMITS,
                partial(self._workspaces, had.workspaces),
                kept=Parts(had.workspaces),
                absent=Parts({}),
            ),
            refresh.part(SPEND_LIMITS, self._spend, kept=had.spend, absent=()),
        )
        if workspaces.failure:
            refresh.failures[WORKSPACE_RATE_LIMITS.name] = workspaces.failure
        return Outcome(
            LimitsReading(now, organization, workspaces.found, spend, minutes),
            refresh.failure,
            is_served=bool(refresh.failures) or RATE_LIMITS.name not in refresh.refused,
            unserved=self.entitlement.unserved,
        )

    def data_through(self, reading: LimitsReading) -> datetime | None:
        return reading.read_at

    def _has_peaks(self, had: LimitsReading) -> bool:
        """Whether something is to be held against the busiest minute, as far as known."""
        if had.organization:
            return any(row.models and COUNTED.keys() & row.ceilings.keys() for row in had.organization.values())
        return RATE_LIMITS.name not in {each.endpoint for each in self.entitlement.unserved}

    async def _organization(self) -> Mapping[str, RateLimit]:
        found = await self.lists.read(RATE_LIMITS, _rate_limits)
        _demand_one_ceiling(RATE_LIMITS, found.values())
        return {row.group.id: _rate_limit(row) for row in found.values()}

    async def _workspaces(self, had: OfWorkspaces) -> Parts[Sequence[WorkspaceRateLimit]]:
        """Of all that are not archived, but for the default one, which cannot have limits of its own."""
        listed = await self.lists.read(WORKSPACES, open_workspaces)
        return await self.turns.read(listed, had, MOST_WORKSPACES, self._workspace)

    async def _spend(self) -> Sequence[SpendLimit]:
        """Those that are in force: a number is set, and the limit is not switched off."""
        found = await self.lists.read(SPEND_LIMITS, _spend_limits)
        limits = [each for each in found.values() if each is not None]
        if len({each[:3] for each in limits}) < len(limits):  # they do not add up, and none of two is the right one
            raise ApiError(Reason.SCHEMA, SPEND_LIMITS.name, "the answer has a limit twice", status=200)
        return limits

    async def _workspace(self, workspace_id: str) -> Sequence[WorkspaceRateLimit]:
        found = await self.lists.read(WORKSPACE_RATE_LIMITS, _of_workspace, workspace_id=workspace_id)
        _demand_one_ceiling(WORKSPACE_RATE_LIMITS, found.values())
        return [
            WorkspaceRateLimit(_limited(row.group), {each.type: _ceiling(each) for each in row.limits})
            for row in found.values()
        ]


def _rate_limits(page: RateLimitPage) -> dict[str, shapes.RateLimit]:
    return {row.id: row for row in page.data}


def _of_workspace(page: WorkspaceRateLimitPage) -> dict[str, shapes.WorkspaceRateLimit]:
    return {row.id: row for row in page.data}


def _spend_limits(page: SpendLimitPage) -> dict[str, SpendLimit | None]:
    return {row.id: _spend_limit(row) for row in page.data}


def _spend_limit(row: shapes.SpendLimit) -> SpendLimit | None:
    if row.amount is None or not row.is_enabled or row.scope.type not in SCOPES:
        return None
    return SpendLimit(row.scope.type, row.scope.workspace_id, row.period, Decimal(row.amount))


def _limited(group: shapes.LimitGroup) -> Limited:
    return Limited(group.id, group.display_name, group.type)


def _rate_limit(row: shapes.RateLimit) -> RateLimit:
    ceilings = {each.type: each.value for each in row.limits}
    return RateLimit(_limited(row.group), frozenset(row.models or ()), ceilings)


def _ceiling(limiter: shapes.WorkspaceLimiter) -> WorkspaceCeiling:
    value = limiter.value if limiter.org_limit is None else min(limiter.value, limiter.org_limit)
    return WorkspaceCeiling(value, limiter.source.type if limiter.source else None)


def _demand_one_ceiling(endpoint: AnyEndpoint, rows: Collection[R]) -> None:
    """Ceilings do not add up, and none of two is the right one. Raises `ApiError`."""
    groups: Counter[str] = Counter(row.group.id for row in rows)
    limiters: Counter[tuple[str, str]] = Counter((row.group.id, each.type) for row in rows for each in row.limits)
    if any(count > 1 for count in (*groups.values(), *limiters.values())):
        raise ApiError(Reason.SCHEMA, endpoint.name, "the answer has a limit of a group twice", status=200)
