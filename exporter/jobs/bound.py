"""Keeps an organization's series below a bound: the smallest contributors become `other`, people first."""

from __future__ import annotations

import asyncio
import operator
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from exporter.contract.folding import Dimension, Folding, Kept, Weights
from exporter.contract.state import State

# People, then keys, then models; workspaces last.
ORDER = tuple(Dimension)
FOLDED_OF: Mapping[str, tuple[Dimension, ...]] = {
    "usage": (Dimension.ACCOUNT, Dimension.API_KEY, Dimension.SERVICE_ACCOUNT, Dimension.MODEL, Dimension.WORKSPACE),
    "claude_code": (Dimension.ACTOR, Dimension.MODEL),
}
OF_OTHERS = (Dimension.MODEL, Dimension.WORKSPACE)
# So that series do not come and go: what is kept goes only for something that much larger. Once the bound is broken,
# room is made for growth, and names come back when much of it is free.
LARGER, FULL, EMPTY = 1.25, 0.9, 0.8

log = structlog.get_logger()


class Foldable(Protocol):
    """A job whose table folds."""

    @property
    def state(self) -> State: ...

    @property
    def reading(self) -> object: ...

    def counted(self) -> int: ...

    def weights(self) -> Weights: ...


class SeriesBound:
    """`most_series` of the whole exposition, `most_actors` of Claude Code; 0 is no bound."""

    def __init__(self, most_series: int, most_actors: int, folding: Folding) -> None:
        self._most_series = most_series
        self._most_actors = most_actors
        self._folding = folding
        self._seen: tuple[object, ...] = ()
        # How many values of a dimension keep their names because of the bound on series.
        self._sizes: dict[Dimension, int] = {}
        self._cannot_be_kept = False

    def forget(self) -> None:
        """Values have other names now: who is kept is to be found again."""
        self._seen = ()

    async def fit(
        self,
        jobs: Sequence[Foldable],
        count_others: Callable[[], int],
        hour: object,
        rewrite: Callable[[], Awaitable[None]],
    ) -> None:
        """Before something is published, by whoever holds the lock. The others are samples that are never folded."""
        if not (self._most_series or self._most_actors):
            return
        others = count_others()
        total = others + sum(job.state.samples for job in jobs)
        is_over = bool(self._most_series) and total > self._most_series
        seen = (hour, *(job.reading for job in jobs))
        is_new = len(seen) != len(self._seen) or not all(map(operator.is_, seen, self._seen))
        is_due = is_over and not self._cannot_be_kept
        if not (is_due or (is_new and (is_over or self._most_actors or self._sizes))):
            return
        before = self._folding.kept
        kept = await asyncio.to_thread(self._kept, jobs, others)
        self._seen = seen
        if kept != before:
            self._folding.kept = kept
            await rewrite()
            self._tell(before, kept)

    def _kept(self, jobs: Sequence[Foldable], others: int) -> Kept:
        choice = _Choice(jobs, others, self._folding, self._most_actors)
        if self._most_series:
            total = choice.total(self._sizes)
            if total > self._most_series or (self._sizes and total < EMPTY * self._most_series):
                self._sizes, total = choice.fitting(int(FULL * self._most_series))
            if (total > self._most_series) > self._cannot_be_kept:
                log.warning("series cannot be folded to the bound", series=total, most=self._most_series)
            self._cannot_be_kept = total > self._most_series
        return choice.kept(self._sizes)

    def _tell(self, before: Kept, kept: Kept) -> None:
        if kept and not before:
            names = ", ".join(f"{dimension} ({len(names)} keep their names)" for dimension, names in kept.items())
            log.warning("the smallest contributors are shown as other", labels=names)
        elif before and not kept:
            log.info("everything is shown by its name again")


class _Choice:
    """What to fold, of what there is now."""

    def __init__(self, jobs: Sequence[Foldable], others: int, folding: Folding, most_actors: int) -> None:
        self._jobs = jobs
        self._others = others
        self._folding = folding
        self._counts: dict[tuple[object, ...], int] = {}
        weights: defaultdict[Dimension, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        for job in jobs:
            for dimension, of in job.weights().items():
                for value, weight in of.items():
                    weights[dimension][value] += weight
        self._ranked = {dimension: self._rank(dimension, of) for dimension, of in weights.items()}
        self._most = {dimension: len(ranked) for dimension, ranked in self._ranked.items()}
        if most_actors:
            self._most[Dimension.ACTOR] = min(most_actors, self._most.get(Dimension.ACTOR, 0))

    def _rank(self, dimension: Dimension, weights: Mapping[str, float]) -> list[str]:
        """The largest first; those that are kept have an advantage."""
        had = self._folding.kept.get(dimension, frozenset())
        return sorted(weights, key=lambda value: (-weights[value] * (LARGER if value in had else 1), value))

    def kept(self, sizes: Mapping[Dimension, int]) -> Kept:
        most = {dimension: min(most, sizes.get(dimension, most)) for dimension, most in self._most.items()}
        return {
            dimension: frozenset(ranked[: most[dimension]])
            for dimension in ORDER
            if (ranked := self._ranked.get(dimension)) is not None
            if most[dimension] < len(ranked) or dimension in sizes
        }

    def total(self, sizes: Mapping[Dimension, int]) -> int:
        """How many samples there would be."""
        kept, before = self.kept(sizes), self._folding.kept
        total = self._others
        for job in self._jobs:
            collector = job.state.collector
            key = (collector, *(kept.get(dimension) for dimension in FOLDED_OF.get(collector, OF_OTHERS)))
            if key not in self._counts:
                self._folding.kept = kept
                try:
                    self._counts[key] = job.counted()
                finally:
                    self._folding.kept = before
            total += self._counts[key]
        return total

    def fitting(self, target: int) -> tuple[dict[Dimension, int], int]:
        """The largest sizes, dimension by dimension, that keep to the target; and how many samples there are then."""
        sizes: dict[Dimension, int] = {}
        if (total := self.total(sizes)) <= target:
            return sizes, total
        for dimension in ORDER:
            if not (most_of_it := self._most.get(dimension)):
                continue
            low, high = 0, most_of_it  # the least may be too many still, the most is
            if (total := self.total(sizes | {dimension: low})) <= target:
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self.total(sizes | {dimension: middle}) <= target else (low, middle)
                sizes[dimension] = low
                return sizes, self.total(sizes)
            sizes[dimension] = low
        return sizes, total
