"""The map from people to teams, read again while the process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from exporter.contract.own import Reload
from exporter.contract.people import People, by_team
from exporter.exposition.publisher import Publisher
from exporter.jobs.organization import OrganizationJobs
from exporter.jobs.process import Process

log = structlog.get_logger()


class TeamsReload:
    """`read` raises ValueError, with what is to be said of it; the map that was in force stays then."""

    def __init__(
        self,
        read: Callable[[], Mapping[str, str]],
        people: People,
        organizations: Sequence[OrganizationJobs],
        publisher: Publisher,
        process: Process,
        now: Callable[[], datetime],
    ) -> None:
        self._read = read
        self._people = people
        self._organizations = organizations
        self._publisher = publisher
        self._process = process
        self._now = now
        self._last_success = now()
        self._tell(successful=True)

    async def once(self) -> None:
        """All that is shown follows at once."""
        try:
            teams = await asyncio.to_thread(self._read)
        except ValueError as wrong:
            self._tell(successful=False)
            log.warning("the map of people was not read again, the earlier one stays", error=str(wrong))
        else:
            async with self._publisher.lock:
                self._people.disguise = by_team(teams)
                for organization in self._organizations:
                    await organization.rename_people()
            self._last_success = self._now()
            self._tell(successful=True)
            log.info("the map of people was read again", entries=len(teams))
        self._publisher.touch()

    def _tell(self, *, successful: bool) -> None:
        self._process.reload = Reload(successful, self._last_success)
