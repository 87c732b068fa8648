"""One round: the old truth, faults, the scrape that must be old or new, and the recovery."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import structlog
from structlog.testing import capture_logs

from tests.soak.catalogue import draw
from tests.soak.checks import Step, Truths, leaks, problems
from tests.soak.kinds import COLLECTORS, Kind
from tests.soak.scrapes import Data, data_of, own, scraped, states
from tests.soak.upstream import Fault, Upstream
from tests.support.exporting import Exporter, exporting

# The nowcast is made of what two collectors have read: it is neither the old nor the new truth of one.
FLAGS = (
    "--no-nowcast.enabled",
    "--api.timeout-seconds",
    "2",
    "--api.retry-seconds",
    "3",
    "--usage.days",
    "4",
    "--cost.days",
    "3",
)
# A Monday; from one seed to the next it is a little later, and after two weeks the first day again.
FIRST = datetime.fromisoformat("2026-11-16T03:00:00Z")
STEP, STEPS = timedelta(hours=7, minutes=13), 46
LONG_PAUSES = (timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(hours=26))
PAUSES = (timedelta(minutes=10), *LONG_PAUSES)
FRESH_SHARE = 0.2
HOUR = timedelta(hours=1)


@dataclass
class Outcome:
    """Of a round: what did not hold, and what became of each fault."""

    seed: int
    faults: Sequence[Fault] = ()
    fresh: bool = False
    problems: list[str] = field(default_factory=list)
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    scrapes: int = 0


class Soak:
    """The exporter under test, beside the upstream. Exporters that meet no fault tell the truth."""

    def __init__(self, upstream: Upstream, key_file: Path, move_to: Callable[[datetime], object]) -> None:
        self.upstream = upstream
        self.default_id = upstream.api.default_id
        self._key_file = key_file
        self._move_to = move_to
        self.lasting_at = FIRST - STEP  # when the exporter that lasts has read last

    @asynccontextmanager
    async def exporter(self) -> AsyncIterator[Exporter]:
        async with exporting(self.upstream.base_url, *FLAGS, key_file=self._key_file) as exporter:
            yield exporter

    async def round(self, seed: int, kinds: Mapping[str, Kind], lasting: Exporter) -> Outcome:
        """The round of a seed; nothing that it raises is lost."""
        rng = Random(seed)
        random.seed(seed)  # the client's jitter
        outcome = Outcome(seed, draw(kinds, rng), rng.random() < FRESH_SHARE)
        with capture_logs(processors=[structlog.processors.format_exc_info]) as lines:
            try:
                async with AsyncExitStack() as stack:
                    tried = await stack.enter_async_context(self.exporter()) if outcome.fresh else lasting
                    await _Round(self, outcome, tried, rng, stack).run(lines)
            except Exception:  # noqa: BLE001  whatever it is, the other rounds go on
                outcome.problems.append(traceback.format_exc())
        return outcome

    def turn(self, now: datetime, state: str, revision: int) -> None:
        """The clock and what the organization is like."""
        self._move_to(now)
        self.upstream.api.turn(now, state, revision)

    async def truth(self, exporter: Exporter, faults: Sequence[Fault] = ()) -> Data:
        """What a new exporter makes of the undisturbed upstream, harmless faults put plainly."""
        plain = [replace(f, kind=replace(f.kind, act=f.kind.clean)) for f in faults if f.kind.clean]
        self.upstream.arm(*plain)
        await exporter.refresh()
        assert all(state.up for state in states(own(exporter)).values()), "an undisturbed exporter is not up"
        return data_of(exporter.text, self.default_id)


class _Round:
    def __init__(self, soak: Soak, outcome: Outcome, tried: Exporter, rng: Random, stack: AsyncExitStack) -> None:
        self._soak = soak
        self._outcome = outcome
        self._tried = tried
        self._rng = rng
        self._stack = stack
        self._start = FIRST + outcome.seed % STEPS * STEP
        self._revision = outcome.seed % 5
        self._keys = {soak.upstream.api.key}

    async def run(self, lines: Sequence[Mapping[str, object]]) -> None:
        rng = self._rng
        old: Data = {}
        before = after = rng.choice(("prompt", "prompt", "late", "spike"))
        undisturbed = await self._stack.enter_async_context(self._soak.exporter())
        if not self._outcome.fresh:
            if timedelta() <= self._start - self._soak.lasting_at < HOUR:
                self._start += HOUR  # others had the clock meanwhile: bills have changed, and were read not long ago
            self._soak.turn(self._start, before, self._revision)
            old = await self._soak.truth(undisturbed)
            await self._step((), Truths({}, old, True, self._start, self._soak.default_id), "at first")
            after = rng.choice((before, "prompt", "late", "spike"))
        is_another = before != after or _is_another_truth(self._outcome.faults)
        now = self._start + rng.choice(LONG_PAUSES if is_another else PAUSES)
        self._soak.turn(now, after, self._revision + 1)
        await undisturbed.roll()
        await self._tried.roll()
        old = {} if self._outcome.fresh else data_of(undisturbed.text, self._soak.default_id)
        new = await self._new(self._outcome.faults)
        truths = Truths(old, new, self._outcome.fresh, now, self._soak.default_id)
        step = await self._step(self._outcome.faults, truths, "with faults")
        self._count(step)
        await self._recover(now, after, step)
        if not self._outcome.fresh:
            self._soak.lasting_at = self._soak.upstream.api.now
        self._keys.add(self._soak.upstream.api.key)
        self._outcome.problems += [*leaks(self._tried.text, lines, self._keys), *_defects(lines)]

    async def _new(self, faults: Sequence[Fault] = ()) -> Data:
        async with self._soak.exporter() as exporter:
            return await self._soak.truth(exporter, faults)

    async def _recover(self, now: datetime, state: str, step: Step) -> None:
        """Without faults everything is new and up.

        What was refused from the start is asked for an hour later, and old days that were another truth are read again.
        """
        if self._outcome.fresh or _is_another_truth(self._outcome.faults):
            now += HOUR
        self._soak.turn(now, state, self._revision + 1)
        new = await self._new()
        old = data_of(step.text, self._soak.default_id)
        recovered = await self._step((), Truths(old, new, False, now, self._soak.default_id), "after them")
        if down := [name for name, one in states(recovered.after).items() if one.up != 1]:
            self._outcome.problems.append(f"after them: not up again: {', '.join(down)}")

    async def _step(self, faults: Sequence[Fault], truths: Truths, when: str) -> Step:
        """Refresh everything, one after the other or all at once, and check."""
        before = own(self._tried)
        seen = self._soak.upstream.arm(*faults)
        if self._rng.random() < 0.5:
            await self._tried.refresh()
        else:
            await asyncio.gather(*(self._tried.refresh(name) for name in COLLECTORS))
        after = scraped(self._tried)
        self._outcome.scrapes += 4
        step = Step(before, after, self._tried.text, faults, seen)
        self._outcome.problems += [f"{when}: {problem}" for problem in problems(step, truths)]
        return step

    def _count(self, step: Step) -> None:
        """What became of each fault: the collector's reason, `up`, `unavailable`, or that it was not met."""
        after = states(step.after)
        for fault in self._outcome.faults:
            collector = next(name for name, endpoints in COLLECTORS.items() if fault.endpoint in endpoints)
            state = after[collector]
            result = "up" if state.up else next(iter(state.failing), "unavailable")
            if not step.seen.hits.get(fault.endpoint):
                result = "not met"
            self._outcome.results[fault.kind.name, result] += 1


def _is_another_truth(faults: Sequence[Fault]) -> bool:
    """Of old days too, which are read hourly."""
    return any(fault.kind.clean for fault in faults)


def _defects(lines: Sequence[Mapping[str, object]]) -> list[str]:
    """Stray exceptions, which the exporter logs with their trace."""
    traces = (str(line["exception"]).splitlines() for line in lines if line.get("exception"))
    return ["a stray exception: " + " ".join(map(str.strip, (*trace[-4:-2], trace[-1]))) for trace in traces]
