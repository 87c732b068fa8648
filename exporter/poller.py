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
from exporter.snapshot import Publisher
from exporter.telemetry import CollectorStatus, Telemetry

CLOCK_SECONDS = 1
TAIL_SECONDS = 5
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
        failures = 0
        while True:
            started = loop.time()
            error = await self._refresh(collector, status)
            failures = failures + 1 if error else 0
            interval = collector.interval_seconds
            if error:
                await asyncio.sleep(wait_seconds(interval, failures, error.tries, error.retry_after_seconds))
            else:
                interval = interval if status.available else min(interval, HOUR_SECONDS)
                await asyncio.sleep(max(0, started + interval - loop.time()))

    async def _refresh(self, collector: Collector[Any], status: CollectorStatus) -> ApiError | None:
        """Refresh once; the error if it failed. Never raises for what the API does."""
        loop = asyncio.get_running_loop()
        now, started = self._now(), loop.time()
        error: ApiError | None = None
        try:
            reading, error = await _read(collector, self._publisher.reading(collector.name), now)
            await self._publish(collector, reading)
            status.available = True  # even where its main list is refused: the failure of another must be seen
            if not error:
                _note_success(status, self._now(), collector.data_through(reading))
        except NotEntitled as refusal:
            await self._publish(collector, refusal.reading)
            _note_refusal(status)
        except ApiError as failure:
            error = failure
        except Exception as unforeseen:  # a defect here must not silence the other collectors
            log.exception("a defect in the exporter: please report it", collector=collector.name)
            error = ApiError(Reason.BUG, collector.name, type(unforeseen).__name__)
        if error:
            _note_failure(status, error)
            self._telemetry.count_failure(collector.name, error.reason)
        status.duration_seconds = loop.time() - started
        await self._publisher.renew_tail()
        status.attempted = True
        if collector.name == "organization":
            self._names_attempted.set()
        return error

    async def _publish(self, collector: Collector[Any], reading: object) -> None:
        if collector.uses_names:
            await self._names_attempted.wait()
        await self._publisher.replace(collector.name, reading)

    async def _watch_clock(self) -> None:
        # Compared, not slept towards: clocks are set, and machines are suspended.
        tick = 0
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            tick += 1
            try:
                await self._publisher.roll()
                if tick % TAIL_SECONDS == 0:
                    await self._publisher.renew_tail()
            except Exception:  # the last snapshot stays; the next second tries again
                log.exception("a defect in the exporter: please report it")


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


def _note_success(status: CollectorStatus, now: datetime, data_through: datetime | None) -> None:
    if status.reason:
        log.info("refresh works again", collector=status.name)
    elif not status.attempted:
        log.info("first refresh done", collector=status.name)
    status.available, status.up, status.reason = True, True, None
    status.last_success, status.data_through = now, data_through


def _note_refusal(status: CollectorStatus) -> None:
    status.available, status.up, status.reason = False, False, None


def _note_failure(status: CollectorStatus, error: ApiError) -> None:
    if status.reason is not error.reason:
        log.error(
            "refresh failed; the last good data stay",
            collector=status.name,
            reason=error.reason.value,
            endpoint=error.endpoint,
            status=error.status,
            request_id=error.request_id,
            message=error.message,
        )
    status.up, status.reason = False, error.reason
