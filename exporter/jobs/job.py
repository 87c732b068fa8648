"""A collector of an organization: the one owner of its refreshes, its last reading and its state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from exporter.api.errors import ApiError
from exporter.api.pace import Pace
from exporter.contract.folding import Weights
from exporter.contract.metric import Table
from exporter.contract.names import Names
from exporter.contract.own import job_families
from exporter.contract.state import Failure, Reason, State
from exporter.exposition.publisher import Publisher
from exporter.exposition.store import Key
from exporter.exposition.text import Pieces, Text, lines_by_family, write
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


@dataclass(frozen=True)
class Shown(Generic[R]):
    """All that a job has, replaced whole: what it knows, and its lines by family."""

    state: State
    reading: R | None
    text: Text
    lines: Mapping[str, Pieces]


class Refreshed(Protocol):
    """A job, whatever it reads."""

    @property
    def state(self) -> State: ...

    @property
    def uses_names(self) -> bool: ...

    async def turn(self) -> None: ...

    async def refresh_once(self, now: datetime) -> None: ...

    async def rewritten(self, hour: datetime) -> Callable[[], None]: ...


class Job(Generic[R]):
    """Reads from its source, shows by its table, fails alone."""

    def __init__(
        self,
        source: Source[R],
        table: Table[R],
        interval_seconds: float,
        place: Place,
        pace: Pace,
        now: Callable[[], datetime],
        names: NamesOfOthers | None = None,
        ahead: Callable[[R], None] | None = None,
        weights: Callable[[R, Names], Weights] | None = None,
    ) -> None:
        """`ahead` works out, in a thread, what follows from a reading, before anybody waits for it to be shown."""
        self._weights = weights
        self._source = source
        self._table = table
        self._place = place
        self._pace = pace
        self._now = now
        self._names = names
        self._ahead = ahead
        self.attempted = asyncio.Event()
        state = State(source.collector, source.generation, interval_seconds)
        self._show(self._made(state, None, Text(place.publisher.hour, {})))

    @property
    def state(self) -> State:
        return self._shown.state

    @property
    def reading(self) -> R | None:
        return self._shown.reading

    @property
    def uses_names(self) -> bool:
        """Whether it has to be rewritten when they change."""
        return self._names is not None

    async def turn(self) -> None:
        """Wait until all its endpoints may be polled."""
        for endpoint in self._source.endpoints:
            await self._pace.turn(endpoint, self.state.collector, self.state.interval_seconds, self._source.rank)

    async def refresh_once(self, now: datetime) -> None:
        """Read and show. Never raises for what the API does; all that is shown and known is replaced, or stays."""
        loop = asyncio.get_running_loop()
        started, waited = loop.time(), 0.0
        before = self._shown
        try:
            with structlog.contextvars.bound_contextvars(**self._about):
                outcome, failure = await self._read(now)
            text, through = before.text, None
            if outcome and outcome.reading is not None:
                waited = await self._wait_for_names()
            async with self._place.publisher.lock:
                if outcome:
                    try:
                        through = None if outcome.reading is None else self._source.data_through(outcome.reading)
                        text = await self._written(outcome.reading, self._place.publisher.hour)
                    except Exception as unforeseen:  # noqa: BLE001  logged, and a failure like others
                        outcome, failure, text = None, self._defect(unforeseen), self._shown.text
                else:
                    text = self._shown.text
                state = self._after(outcome, failure, now, through)
                state = self._ended(state, failure, loop.time() - started, waited)
                self._show(self._made(state, outcome.reading if outcome else self.reading, text))
                await self._place.shown()
        finally:
            self.attempted.set()
        self._tell(before, failure)

    async def rewritten(self, hour: datetime) -> Callable[[], None]:
        """What shows the reading with the names and in the hour that are now; by whoever holds the publisher's lock.

        Where that fails, rather no data than those of another hour.
        """
        state, text = self.state, self._shown.text
        try:
            text = await self._written(self.reading, hour)
            made = self._made(state, self.reading, text)
        except Exception as unforeseen:  # noqa: BLE001  logged, and a failure like others
            state = self._after(None, self._defect(unforeseen), self._now(), None)
            made = self._made(state, self.reading, text if text.hour == hour else Text(hour, {}))
        return lambda: self._show_or_blank(made)

    def counted(self) -> int:
        """How many samples it would show now, by whoever holds the publisher's lock."""
        if self.reading is None:
            return 0
        sections = self._table.sections(self.reading, self._place.publisher.hour, self._current_names())
        return sum(len(group.sums) for each in sections for family in each.families() for group in family.groups)

    def weights(self) -> Weights:
        """How much each value contributes of what its table may fold."""
        return self._weights(self.reading, self._current_names()) if self._weights and self.reading is not None else {}

    def _current_names(self) -> Names:
        return self._names.current() if self._names else Names()

    async def _read(self, now: datetime) -> tuple[Outcome[R] | None, ApiError | None]:
        try:
            outcome = await self._source.read(self.reading, now)
            if self._ahead and outcome.reading is not None:
                await asyncio.to_thread(self._ahead, outcome.reading)
        except ApiError as error:
            return None, error
        except Exception as unforeseen:  # noqa: BLE001  logged, and a failure like others: it must not silence other jobs
            return None, self._defect(unforeseen)
        return outcome, outcome.failure

    def _defect(self, unforeseen: Exception) -> ApiError:
        words = report_unforeseen(unforeseen, collector=self.state.collector, organization=self._place.organization)
        return ApiError(Reason.BUG, self.state.collector, words)

    async def _wait_for_names(self) -> float:
        """The seconds that it waited."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if self._names:
            await self._names.attempted.wait()
        return loop.time() - started

    async def _written(self, reading: R | None, hour: datetime) -> Text:
        names, before = self._current_names(), self._shown.text

        def written() -> Text:
            sections = () if reading is None else self._table.sections(reading, hour, names)
            return write(sections, hour, before)

        return await asyncio.to_thread(written)

    def _after(
        self, outcome: Outcome[R] | None, failure: ApiError | None, now: datetime, through: datetime | None
    ) -> State:
        state = self.state
        if failure:
            failures = state.failures_in_a_row + 1
            return replace(
                state,
                up=False,
                failure=Failure(
                    failure.reason, failure.endpoint, failure.message, failure.status, failure.request_id, now
                ),
                # Even where its main list is refused: the failure of another must be seen.
                available=state.available or outcome is not None,
                failures_in_a_row=failures,
                failing_since=state.failing_since or now,
                failures={**state.failures, failure.reason: state.failures[failure.reason] + 1},
                unserved=outcome.unserved if outcome else state.unserved,
            )
        state = replace(
            state,
            failure=None,
            failures_in_a_row=0,
            failing_since=None,
            unserved=outcome.unserved if outcome else state.unserved,
        )
        if outcome is None or not outcome.is_served:
            return replace(state, available=False, up=False)
        return replace(state, available=True, up=True, last_success=self._now(), data_through=through)

    def _ended(self, state: State, failure: ApiError | None, seconds: float, waited: float) -> State:
        if failure:
            pause = wait_seconds(
                state.interval_seconds, state.failures_in_a_row, failure.tries, failure.retry_after_seconds
            )
        else:
            interval = state.interval_seconds if state.available else min(state.interval_seconds, HOUR_SECONDS)
            pause = max(0.0, interval - seconds)
        next_try = self._now() + timedelta(seconds=pause)
        return replace(
            state, attempted=True, duration_seconds=seconds - waited, next_try_seconds=pause, next_try=next_try
        )

    def _made(self, state: State, reading: R | None, text: Text) -> Shown[R]:
        state = replace(state, samples=text.samples, folded=text.folded)
        own = lines_by_family(job_families(state, self._place.organization))
        return Shown(state, reading, text, {**text.families, **own})

    def _show(self, shown: Shown[R]) -> None:
        self._place.publisher.put(self._place.key, shown.lines)
        self._shown = shown

    def _show_or_blank(self, shown: Shown[R]) -> None:
        """Nothing at all rather than what is of another hour."""
        try:
            self._show(shown)
        except Exception:
            self._place.publisher.put(self._place.key, {})
            raise

    @property
    def _about(self) -> dict[str, str | None]:
        """In every line of its log."""
        return {"collector": self.state.collector, "organization": self._place.organization}

    def _tell(self, before: Shown[R], failure: ApiError | None) -> None:
        """What has changed. Something good may have been there without any success: in a list alone."""
        old, state = before.state, self.state
        about = self._about
        if failure and old.reason is not failure.reason:
            had_data = old.last_success is not None or before.text.samples > 0
            log.error(
                "refresh failed; the last good data stay" if had_data else "refresh failed; no data yet",
                **about,
                reason=failure.reason.value,
                endpoint=failure.endpoint,
                status=failure.status,
                request_id=failure.request_id,
                message=failure.message,
                next_try=f"in {state.next_try_seconds:.0f} s",
            )
        elif state.up and old.reason and old.failing_since:
            failed = (self._now() - old.failing_since).total_seconds()
            log.info("refresh works again", **about, reason=old.reason.value, after=f"{failed:.0f} s")
        elif state.up and not old.last_success:
            log.info("first refresh done", **about)
        log.debug("refreshed", **about, up=state.up, seconds=round(state.duration_seconds or 0, 3))
