"""Members of workspaces, by role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from exporter.contract.labels import NONE
from exporter.contract.metric import Family, Metric, Section
from exporter.contract.names import Names
from exporter.contract.sums import families

Roles = Mapping[str, int]


@dataclass(frozen=True)
class MembersReading:
    """How many members each workspace has in each role, by the workspace's ID."""

    read_at: datetime
    workspaces: Mapping[str, Roles] = field(default_factory=dict)


class Count(NamedTuple):
    workspace_id: str
    workspace: str
    role: str
    members: int


@dataclass(frozen=True)
class MembersTable:
    prefix: str = ""

    def sections(self, reading: MembersReading, hour: datetime, names: Names) -> Iterable[Section]:  # noqa: ARG002  no days
        yield Section(None, None, partial(self._families, reading, names))

    def _families(self, reading: MembersReading, names: Names) -> Iterator[Family]:
        counts = [
            Count(workspace_id, workspace, role or NONE, members)
            for identifier, roles in reading.workspaces.items()
            for workspace, workspace_id in [names.workspace(identifier)]
            for role, members in roles.items()
        ]
        yield from families([MEMBERS], counts, lambda _: "", self.prefix)


MEMBERS: Metric[Count] = Metric(
    "anthropic_workspace_members",
    "Members of each workspace that is not archived, by their role in it",
    "members",
    own=("workspace_id", "workspace", "role"),
    api_fields="workspace_role",
    samples=lambda count: (((count.workspace_id, count.workspace, count.role), count.members),),
)
FAMILIES = (MEMBERS,)
