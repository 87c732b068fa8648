"""A collector of an organization: the one owner of its refreshes, its last reading and its state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Generic, Protocol, TypeVar

import structlog

from exporter.api.errors import ApiError
from exporter.contract.metric import Table
from exporter.contract.names import Names
from exporter.contract.own import job_families
from exporter.contract.state import Reason, State
from exporter.exposition.publisher import Publisher
from exporter.exposition.store import Key
from exporter.exposition.text import Text, lines_by_family, write
from exporter.jobs.retries import HOUR_SECONDS, wait_seconds
from exporter.log import report_unforeseen
from exporter.sources import Outcome, Source

R = TypeVar("R")

log = structlog.get_logger()


@dataclass(frozen=True)
class Place:
    """Where a job shows what it has: `shown` is called after each change, by whoever holds the publisher's lock."""

    publisher: Publisher
    key: Key
    organization: str | None
    shown: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class NamesOfOthers:
    """The names that another job has by now, and its first attempt at them, which the first publication waits for.

    Names that change from ID to name would be a churn of series.
    """

    current: Callable[[], Names]
    attempted: asyncio.Event


class Refreshed(Protocol):
    """A job, whatever it reads."""

    state: State

    async def refresh_once(self, now: datetime) -> None: ...

    async def rewrite(self, today: date) -> None: ...


class Job(Generic[R]):
    """Reads from its source, shows by its table, fails alone."""

    def __init__(
        self,
        source: Source[R],
        table: Table[R],
        interval_seconds: float,
        place: Place,
        now: Callable[[], datetime],
        names: NamesOfOthers | None = None,
    ) -> None:
        self._source = source
        self._table = table
        self._place = place
        self._now = now
        self._names = names
        self._text = Text(place.publisher.today, {})
        self.reading: R | None = None
        self.state = State(source.collector, source.generation, interval_seconds)
        self.attempted = asyncio.Event()
        self._put()

    async def refresh_once(self, now: datetime) -> None:
        """Read and show. Never raises for what the API does; what is shown and known is replaced whole, or stays."""
        loop = asyncio.get_running_loop()
        started, waited = loop.time(), 0.0
        before, had_data = self.state, self.state.last_success is not None or self._text.samples > 0
        outcome, failure = await self._read(now)
        if outcome:
            waited = await self._wait_for_names()
        async with self._place.publisher.lock:
            if outcome:
                try:
                    through = None if outcome.reading is None else self._source.data_through(outcome.reading)
                    text = await self._written(outcome.reading, self._place.publisher.today)
                except Exception as unforeseen:  # noqa: BLE001  logged, and a failure like others
                    outcome, failure = None, self._defect(unforeseen)
            seconds = loop.time() - started - waited
            self.state = replace(self._after(outcome, failure, now), attempted=True, duration_seconds=seconds)
            if self.state.up:
                self.state = replace(self.state, data_through=through)
            if outcome:
                self.reading, self._text = outcome.reading, text
            self._put()
            await self._place.shown()
        self._tell(before, failure, had_data=had_data)
        self.attempted.set()

    async def rewrite(self, today: date) -> None:
        """Show the reading with the names and on the day that are now; by whoever holds the publisher's lock.

        Where that fails, rather no data than those of another day.
        """
        try:
            self._text = await self._written(self.reading, today)
        except Exception as unforeseen:  # noqa: BLE001  logged, and a failure like others
            failure = self._defect(unforeseen)
            self.state = self._after(None, failure, self._now())
            if self._text.today != today:
                self._text = Text(today, {})
        self._put()

    async def _read(self, now: datetime) -> tuple[Outcome[R] | None, ApiError | None]:
        try:
            outcome = await self._source.read(self.reading, now)
        except ApiError as error:
            return None, error
        except Exception as unforeseen:  # noqa: BLE001  logged, and a failure like others: it must not silence other jobs
            return None, self._defect(unforeseen)
        return outcome, outcome.failure

    def _defect(self, unforeseen: Exception) -> ApiError:
        words = report_unforeseen(unforeseen, collector=self.state.collector)
        return ApiError(Reason.BUG, self.state.collector, words)

    async def _wait_for_names(self) -> float:
        """The seconds that it waited."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if self._names:
            await self._names.attempted.wait()
        return loop.time() - started

    async def _written(self, reading: R | None, today: date) -> Text:
        names = self._names.current() if self._names else Names()

        def written() -> Text:
            sections = () if reading is None else self._table.sections(reading, today, names)
            return write(sections, today, self._text)

        return await asyncio.to_thread(written)

    def _after(self, outcome: Outcome[R] | None, failure: ApiError | None, now: datetime) -> State:
        state = self.state
        if failure:
            failures = state.failures_in_a_row + 1
            return replace(
                state,
                up=False,
                # Even where its main list is refused: the failure of another must be seen.
                available=state.available or outcome is not None,
                reason=failure.reason,
                failures_in_a_row=failures,
                failing_since=state.failing_since or now,
                failures={**state.failures, failure.reason: state.failures[failure.reason] + 1},
                next_try_seconds=wait_seconds(
                    state.interval_seconds, failures, failure.tries, failure.retry_after_seconds
                ),
            )
        state = replace(state, reason=None, failures_in_a_row=0, failing_since=None, next_try_seconds=None)
        if outcome is None or not outcome.is_served:
            return replace(state, available=False, up=False, next_try_seconds=min(state.interval_seconds, HOUR_SECONDS))
        return replace(state, available=True, up=True, last_success=self._now())

    def _put(self) -> None:
        self.state = replace(self.state, samples=self._text.samples)
        own = lines_by_family(job_families(self.state, self._place.organization))
        self._place.publisher.put(self._place.key, {**self._text.families, **own})

    def _tell(self, before: State, failure: ApiError | None, *, had_data: bool) -> None:
        """What has changed: `had_data` where there was anything good before, perhaps in a list alone."""
        state = self.state
        if failure and before.reason is not failure.reason:
            log.error(
                "refresh failed; the last good data stay" if had_data else "refresh failed; no data yet",
                collector=state.collector,
                reason=failure.reason.value,
                endpoint=failure.endpoint,
                status=failure.status,
                request_id=failure.request_id,
                message=failure.message,
                next_try=f"in {state.next_try_seconds:.0f} s",
            )
        elif state.up and before.reason and before.failing_since:
            failed = (self._now() - before.failing_since).total_seconds()
            log.info(
                "refresh works again", collector=state.collector, reason=before.reason.value, after=f"{failed:.0f} s"
            )
        elif state.up and not before.last_success:
            log.info("first refresh done", collector=state.collector)
        log.debug("refreshed", collector=state.collector, up=state.up, seconds=round(state.duration_seconds or 0, 3))
