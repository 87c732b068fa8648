"""The members of workspaces, each of which is a list of its own.

API page: https://platform.claude.com/docs/en/api/admin/workspace_members/list
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from math import ceil

from exporter.api.endpoints import WORKSPACE_MEMBERS, WORKSPACES, AnyEndpoint
from exporter.api.shapes.inventory import MemberPage
from exporter.contract.members import MembersReading, Roles
from exporter.sources import Outcome
from exporter.sources.entitlement import Entitlement
from exporter.sources.lists import Lists
from exporter.sources.workspaces import InTurns, Parts, open_workspaces


@dataclass(frozen=True)
class MembersSource:
    """At each refresh a `share` of the workspaces; what could not be read yet sooner."""

    lists: Lists
    share: float
    turns: InTurns[Roles]
    entitlement: Entitlement = field(default_factory=Entitlement)
    collector: str = "members"
    generation: str = "admin"
    rank: int = 0
    endpoints: tuple[AnyEndpoint, ...] = (WORKSPACES, WORKSPACE_MEMBERS)

    async def read(self, previous: MembersReading | None, now: datetime) -> Outcome[MembersReading]:
        """Raises `ApiError`."""
        had = previous.workspaces if previous else {}
        outcome = await self.entitlement.outcome(WORKSPACE_MEMBERS.name, partial(self._read, had), now)
        if outcome.reading is None:
            return Outcome(None, is_served=False, unserved=outcome.unserved)
        return Outcome(MembersReading(now, outcome.reading.found), outcome.reading.failure)

    def data_through(self, reading: MembersReading) -> datetime | None:
        return reading.read_at

    async def _read(self, had: Mapping[str, Roles]) -> Parts[Roles]:
        listed = await self.lists.read(WORKSPACES, open_workspaces)
        return await self.turns.read(listed, had, ceil(self.share * len(listed)), self._workspace)

    async def _workspace(self, workspace_id: str) -> Roles:
        found = await self.lists.read(WORKSPACE_MEMBERS, _roles, workspace_id=workspace_id)
        return Counter(found.values())


def _roles(page: MemberPage) -> dict[str, str]:
    return {row.id: row.workspace_role or "" for row in page.data}
