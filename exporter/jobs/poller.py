"""When each job refreshes; the watch over midnight; when what has changed is published."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from exporter.contract.days import utc_hour
from exporter.contract.own import LARGE_BYTES
from exporter.exposition.publisher import Publisher
from exporter.jobs.job import Refreshed
from exporter.jobs.organization import OrganizationJobs
from exporter.jobs.process import Process
from exporter.log import report_unforeseen
from exporter.status.answers import StatusBoard

log = structlog.get_logger()

CLOCK_SECONDS = 1
PUBLISH_SECONDS = 1
PROCESS_SECONDS = 5


class Poller:
    """A task for each job, one that watches the clock, one that publishes."""

    def __init__(
        self,
        organizations: Sequence[OrganizationJobs],
        publisher: Publisher,
        process: Process,
        board: StatusBoard,
        now: Callable[[], datetime],
    ) -> None:
        self._organizations = organizations
        self._publisher = publisher
        self._process = process
        self._board = board
        self._now = now
        self._has_told_size = False

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for organization in self._organizations:
                for job in organization:
                    tasks.create_task(self._poll(job))
            tasks.create_task(self._watch_clock())
            tasks.create_task(self._publish_changes())

    async def roll(self) -> None:
        """Move everything to the UTC hour that it is, and so to its day, when that is another one than is shown."""
        async with self._publisher.lock:
            hour = utc_hour(self._now())
            if hour != self._publisher.hour:
                changes = [change for each in self._organizations for change in await each.rewritten(hour)]
                # Between two awaits, so that nobody sees two days or hours at once.
                for change in changes:
                    _unless_defect(change)
                self._publisher.show_hour(hour)
                await self._publish()

    async def publish(self) -> None:
        """Answer scrapes with what there is now."""
        async with self._publisher.lock:
            await self._publish()

    async def _publish(self) -> None:
        for organization in self._organizations:
            _unless_defect(organization.show_new_requests)
        _unless_defect(lambda: self._process.show(self._publisher))
        for organization in self._organizations:
            await _unless_unforeseen(organization.fit)
        is_ready = all(organization.is_attempted for organization in self._organizations)
        await self._publisher.publish(is_ready=is_ready)
        size = self._publisher.snapshot.bytes_by_encoding["identity"]
        if size > LARGE_BYTES and not self._has_told_size:
            self._has_told_size = True
            log.warning(
                "a scrape is larger than some scrapers take: --web.max-series makes it smaller", mebibytes=size >> 20
            )
        views = [organization.view() for organization in self._organizations]
        show = self._board.show(views, self._publisher.today, self._now(), is_ready=is_ready, exposition_bytes=size)
        await _unless_unforeseen(lambda: show)  # the metrics do without it

    async def _poll(self, job: Refreshed) -> None:
        while True:
            await job.turn()
            has_ended = await _unless_unforeseen(lambda: job.refresh_once(self._now()))
            await asyncio.sleep(job.state.next_try_seconds if has_ended else job.state.interval_seconds)

    async def _watch_clock(self) -> None:
        # Compared, not slept towards: clocks are set, and machines are suspended.
        tick = 0
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            tick += 1
            await _unless_unforeseen(self.roll)
            if tick % PROCESS_SECONDS == 0:
                self._publisher.touch()

    async def _publish_changes(self) -> None:
        while True:
            await self._publisher.changed()
            await _unless_unforeseen(self.publish)
            await asyncio.sleep(PUBLISH_SECONDS)


async def _unless_unforeseen(act: Callable[[], Awaitable[None]]) -> bool:
    """Whether it ended well. A defect is logged, and what was shown stays: the next time tries again."""
    try:
        await act()
    except Exception as unforeseen:  # noqa: BLE001  logged
        report_unforeseen(unforeseen)
        return False
    return True


def _unless_defect(act: Callable[[], None]) -> None:
    """The same of what does not wait."""
    try:
        act()
    except Exception as unforeseen:  # noqa: BLE001  logged
        report_unforeseen(unforeseen)
