"""When each collector refreshes, and what becomes of its failures; the watch over midnight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from exporter.api.errors import ApiError, Reason
from exporter.collectors import Collector, Incomplete
from exporter.collectors.entitlement import NotEntitled
from exporter.log import report_unforeseen
from exporter.snapshot import Publisher
from exporter.telemetry import CollectorStatus, Telemetry

CLOCK_SECONDS = 1
OWN_METRICS_SECONDS = 5
FIRST_RETRY_SECONDS = 60
HOUR_SECONDS = 3600

log = structlog.get_logger()


class Poller:
    """One task a collector and one that watches the clock. A failing collector fails alone."""

    def __init__(
        self,
        watched: Sequence[tuple[Collector[Any], CollectorStatus]],
        publisher: Publisher,
        telemetry: Telemetry,
        now: Callable[[], datetime],
    ) -> None:
        self._watched = watched
        self._publisher = publisher
        self._telemetry = telemetry
        self._now = now
        # Names that change from ID to name would be a churn of series: usage and cost wait for the first attempt.
        self._names_attempted = asyncio.Event()
        if all(collector.name != "organization" for collector, _ in watched):
            self._names_attempted.set()

    @property
    def is_ready(self) -> bool:
        """Whether every collector has finished a first attempt."""
        return all(status.attempted for _, status in self._watched)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for collector, status in self._watched:
                tasks.create_task(self._poll(collector, status))
            tasks.create_task(self._watch_clock())

    async def _poll(self, collector: Collector[Any], status: CollectorStatus) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            await self._refresh(collector, status)
            if status.error:
                await asyncio.sleep(_seconds_to_next_try(status, status.error))
            else:
                interval = status.interval_seconds if status.available else min(status.interval_seconds, HOUR_SECONDS)
                await asyncio.sleep(max(0, started + interval - loop.time()))

    async def _refresh(self, collector: Collector[Any], status: CollectorStatus) -> None:
        """Refresh once. Never raises for what the API does."""
        loop = asyncio.get_running_loop()
        now, started, waited = self._now(), loop.time(), 0.0
        has_data = status.last_success is not None or self._telemetry.series.get(status.name, 0) > 0
        try:
            waited = await self._attempt(collector, status, now)
        except ApiError as error:
            self._note_failure(status, error, now, has_data=has_data)
        except Exception as unforeseen:  # noqa: BLE001  logged; it must not silence the other collectors
            words = report_unforeseen(unforeseen, collector=collector.name)
            self._note_failure(status, ApiError(Reason.BUG, collector.name, words), now, has_data=has_data)
        status.duration_seconds = loop.time() - started - waited
        log.debug("refreshed", collector=collector.name, up=status.up, seconds=round(status.duration_seconds, 3))
        await self._renew_own_metrics()
        status.attempted = True
        if collector.name == "organization":
            self._names_attempted.set()

    async def _attempt(self, collector: Collector[Any], status: CollectorStatus, now: datetime) -> float:
        """Read and publish; the seconds that it waited for the first names. Raises what reading or rendering raises."""
        try:
            reading, error = await _read(collector, self._publisher.reading(collector.name), now)
        except NotEntitled as refusal:
            await self._publisher.replace(collector.name, refusal.reading)
            _note_refusal(status)
            return 0.0
        waited = await self._wait_for_names() if collector.uses_names else 0.0
        await self._publisher.replace(collector.name, reading)
        status.available = True  # even where its main list is refused: the failure of another must be seen
        if error:
            raise error
        _note_success(status, self._now(), collector.data_through(reading))
        return waited

    async def _wait_for_names(self) -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await self._names_attempted.wait()
        return loop.time() - started

    def _note_failure(self, status: CollectorStatus, error: ApiError, now: datetime, *, has_data: bool) -> None:
        """`has_data`: whether there was anything good before the refresh that failed, perhaps in a list alone."""
        is_another = status.reason is not error.reason
        status.up, status.error, status.failures = False, error, status.failures + 1
        status.failing_since = status.failing_since or now
        self._telemetry.count_failure(status.name, error.reason)
        if is_another:
            log.error(
                "refresh failed; the last good data stay" if has_data else "refresh failed; no data yet",
                collector=status.name,
                reason=error.reason.value,
                endpoint=error.endpoint,
                status=error.status,
                request_id=error.request_id,
                message=error.message,
                next_try=f"in {_seconds_to_next_try(status, error):.0f} s",
            )

    async def _watch_clock(self) -> None:
        # Compared, not slept towards: clocks are set, and machines are suspended.
        tick = 0
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            tick += 1
            try:
                await self._publisher.roll()
            except Exception as unforeseen:  # noqa: BLE001  logged; the last snapshot stays, the next second tries again
                report_unforeseen(unforeseen)
            if tick % OWN_METRICS_SECONDS == 0:
                await self._renew_own_metrics()

    async def _renew_own_metrics(self) -> None:
        try:
            await self._publisher.renew_own_metrics()
        except Exception as unforeseen:  # noqa: BLE001  logged; the last snapshot stays, the clock tries again
            report_unforeseen(unforeseen)


async def _read(collector: Collector[Any], previous: object, now: datetime) -> tuple[object, ApiError | None]:
    """A new reading, and the failure of what it could not read anew."""
    try:
        return await collector.refresh(previous, now), None
    except Incomplete as incomplete:
        return incomplete.reading, incomplete.error


def wait_seconds(interval_seconds: float, failures: int, tries: int, retry_after_seconds: float | None) -> float:
    """How long after the `failures`-th failure in a row the next refresh begins; never sooner than the API asked.

    Every one of the failed request's tries counts as a poll, of which there is one a minute.
    """
    backoff = min(interval_seconds, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10))
    polls = min(interval_seconds, FIRST_RETRY_SECONDS) * tries
    return max(backoff, polls, min(retry_after_seconds or 0, HOUR_SECONDS))


def _seconds_to_next_try(status: CollectorStatus, error: ApiError) -> float:
    return wait_seconds(status.interval_seconds, status.failures, error.tries, error.retry_after_seconds)


def _note_success(status: CollectorStatus, now: datetime, data_through: datetime | None) -> None:
    if status.error and status.failing_since:
        failed = (now - status.failing_since).total_seconds()
        log.info(
            "refresh works again", collector=status.name, reason=status.error.reason.value, after=f"{failed:.0f} s"
        )
    elif not status.last_success:
        log.info("first refresh done", collector=status.name)
    _note_no_failure(status)
    status.up = True
    status.last_success, status.data_through = now, data_through


def _note_refusal(status: CollectorStatus) -> None:
    _note_no_failure(status)
    status.available, status.up = False, False


def _note_no_failure(status: CollectorStatus) -> None:
    status.error, status.failures, status.failing_since = None, 0, None
